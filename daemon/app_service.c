/* The daemon as a service: what its manager (systemd) is told, and when.
 *
 * READY=1 is sent when the loop turns with its listeners open, before the first sample: a file of
 * /proc that hangs must not keep the daemon from starting and from saying so. The watchdog is fed
 * by a timer of the loop, so it bites when the loop is stuck and only then. Samples that do not
 * come are told in STATUS=, by /readyz and in the log: to restart the daemon would help nobody and
 * lose what it knows.
 */
#include "daemon/app_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { STATUS_INTERVAL_MS = 5000, UNITS_PER_STEP = 1024 };

/* ---- STATUS= ---- */

/* "23.1 GiB"; "unknown" is said, never 0. */
static void format_size(const struct mw_sample *sample, enum mw_reading reading, char ret[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    union mw_value value;
    unsigned unit = 0;

    if (mw_sample_get(sample, reading, 0, &value) != MW_PRESENT) {
        snprintf(ret, 32, "unknown");
        return;
    }
    double size = (double)value.u;
    for (; size >= UNITS_PER_STEP && unit < 5; unit++)
        size /= UNITS_PER_STEP;
    snprintf(ret, 32, "%.1f %s", size, units[unit]);
}

static void tell_sample(struct mwd_app *self)
{
    char available[32], total[32], processes[48] = "processes unknown";

    format_size(self->sample, MW_SYSTEM_MEM_AVAILABLE, available);
    format_size(self->sample, MW_SYSTEM_MEM_TOTAL, total);
    if (self->processes_known)
        snprintf(processes, sizeof processes, "%" PRIu32 " processes", self->processes);
    mwd_notify_status(self->notify, "sampling: %s, %s of %s available", processes, available,
                      total);
}

static void tell_status(struct mwd_app *self)
{
    if (self->closing)
        return;
    if (self->reload_refused)
        mwd_notify_status(self->notify, "reload refused, the old configuration stays: %s",
                          self->reload_error.bytes ? self->reload_error.bytes : "out of memory");
    else if (self->replay_ended)
        mwd_notify_status(self->notify, "the recording has ended; its last sample is shown");
    else if (self->stale)
        mwd_notify_status(self->notify, "samples are stale: %s; readings are null until it goes on",
                          self->options->replay
                              ? "no sample of the recording is due"
                              : "the collector does not answer, or a source is stuck");
    else if (!self->sample)
        mwd_notify_status(self->notify, "the first sample is being taken");
    else
        tell_sample(self);
}

/* ---- stale or not ---- */

/* With no sample at all it is the time since the start that counts. */
static bool is_stale_now(const struct mwd_app *self)
{
    uint64_t now_ns = mw_clock_monotonic_ns(mw_clock_system());

    if (self->replay_ended)
        return false;
    if (self->sample)
        return mwd_app_is_stale(self);
    return now_ns - self->started_ns >= mwd_app_stale_after_ns(self->config);
}

/* The machine is not looked at in a replay: nothing on it can be to blame. */
static void log_stale(struct mwd_app *self)
{
    if (self->options->replay)
        mwd_log(self->log, MWD_LOG_WARNING,
                "samples are stale: no sample of the recording %s is due, or it cannot be read on; "
                "/readyz is 503 and readings are null until it goes on",
                self->options->replay);
    else
        mwd_log(self->log, MWD_LOG_WARNING,
                "samples are stale: the collector does not answer, or a source under %s is stuck; "
                "/readyz is 503 and readings are null until it goes on",
                self->config->proc_root);
}

void mwd_app_service_look(struct mwd_app *self)
{
    bool stale = is_stale_now(self);

    if (stale == self->stale)
        return;
    self->stale = stale;
    if (stale)
        log_stale(self);
    else
        mwd_log(self->log, MWD_LOG_INFO, "samples are fresh again");
    tell_status(self);
}

/* ---- timers ---- */

static void on_status(uv_timer_t *handle)
{
    tell_status(handle->data);
}

static void on_watchdog(uv_timer_t *handle)
{
    struct mwd_app *self = handle->data;

    mwd_notify_watchdog(self->notify);
}

static int start_timer(struct mwd_app *self, uv_timer_t *timer, uv_timer_cb callback,
                       uint64_t every_ms)
{
    int r = uv_timer_init(&self->loop, timer);

    timer->data = self;
    return r < 0 ? r : uv_timer_start(timer, callback, every_ms, every_ms);
}

/* Half of what the manager allows, so that one late turn does not cost the daemon its life. */
static uint64_t watchdog_ms(const struct mwd_app *self)
{
    uint64_t half = mwd_notify_watchdog_ns(self->notify) / MW_NS_PER_MS / 2;

    return half > 0 ? half : 1;
}

/* ---- memory ---- */

/* Swapped out, the monitor would stall just when it is needed. Pages are locked when they are
 * first touched, so nothing is read in that is never used. Without a manager nobody has prepared a
 * limit, and a refusal is no news. */
static void lock_memory(struct mwd_app *self)
{
    enum mwd_log_level level = mwd_notify_is_heard(self->notify) ? MWD_LOG_WARNING : MWD_LOG_DEBUG;

    if (!self->config->lock_memory || mlockall(MCL_CURRENT | MCL_ONFAULT) == 0)
        return;
    mwd_log(self->log, level,
            "lock-memory: the daemon's memory may be swapped out (%s): raise LimitMEMLOCK= or give "
            "CAP_IPC_LOCK, or set lock-memory = false",
            strerror(errno));
}

/* ---- the parts that app.c calls ---- */

int mwd_app_service_start(struct mwd_app *self)
{
    int r = start_timer(self, &self->status_timer, on_status, STATUS_INTERVAL_MS);

    if (r == 0 && mwd_notify_watchdog_ns(self->notify) > 0)
        r = start_timer(self, &self->watchdog_timer, on_watchdog, watchdog_ms(self));
    if (r < 0)
        return r;
    lock_memory(self);
    return 0;
}

void mwd_app_service_ready(struct mwd_app *self)
{
    mwd_notify_ready(self->notify);
    tell_status(self);
}

void mwd_app_service_reload_begins(struct mwd_app *self)
{
    mwd_notify_reloading(self->notify);
}

/* RELOADING=1 is always followed by READY=1: a refused reload leaves a daemon that works. */
void mwd_app_service_reload_ended(struct mwd_app *self, bool refused)
{
    self->reload_refused = refused;
    mwd_app_service_ready(self);
}

void mwd_app_service_stops(struct mwd_app *self)
{
    mwd_notify_stopping(self->notify);
    mwd_notify_status(self->notify, "stopping");
}
