/* Birth, life and end of the daemon.
 *
 * Everything that lives on the loop is closed before anything is freed: close() asks each part to
 * leave, and uv_run() returns when the last handle is gone. Only then are samples, subjects and
 * blocks destroyed. So a half-built app and one that ran for a year go the same way.
 */
#include "daemon/app_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STALE_CHECK_MS = 1000, COLLECTOR_STOP_MS = 300 };

static void on_part_closed(void *context)
{
    (void)context; /* uv_run() returns by itself when no handle is left */
}

static void close_handle(uv_handle_t *handle)
{
    if (handle->type != UV_UNKNOWN_HANDLE && !uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* From here on a signal changes nothing any more, but its handler must stay: without it a second
 * SIGTERM would end the process in the middle of its closing. */
static void release_signal(uv_signal_t *handle)
{
    if (handle->type == UV_SIGNAL)
        uv_unref((uv_handle_t *)handle);
}

/* Order matters: no new blocks, then no readers of what they made, then the file. */
static void close_all(struct mwd_app *self)
{
    if (self->closing)
        return;
    self->closing = true;
    mwd_app_service_stops(self);
    mwd_sampler_close(self->sampler, COLLECTOR_STOP_MS, on_part_closed, self);
    mwd_replayer_close(self->replayer, COLLECTOR_STOP_MS, on_part_closed, self);
    mwd_http_server_close(self->http, on_part_closed, self);
    mwd_app_groups_close(self);
    mwd_app_push_close(self);
    mwd_recorder_close(self->recorder, on_part_closed, self);
    self->sampler = NULL;
    self->replayer = NULL;
    self->http = NULL;
    self->recorder = NULL;
    mwd_app_alerts_close(self);
    mwd_snapshots_close(self->snapshots);
    mwd_heap_close(self->heap);
    release_signal(&self->on_term);
    release_signal(&self->on_int);
    release_signal(&self->on_hup);
    release_signal(&self->on_usr2);
    close_handle((uv_handle_t *)&self->stale_check);
    close_handle((uv_handle_t *)&self->urgent_timer);
    close_handle((uv_handle_t *)&self->own_watch);
    close_handle((uv_handle_t *)&self->status_timer);
    close_handle((uv_handle_t *)&self->watchdog_timer);
}

/* ---- what the loop calls ---- */

static void on_stop_signal(uv_signal_t *handle, int number)
{
    struct mwd_app *self = handle->data;

    if (self->closing)
        return;
    mwd_log(self->log, MWD_LOG_INFO, "stopping on %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
    close_all(self);
}

static void on_hangup(uv_signal_t *handle, int number)
{
    struct mwd_app *self = handle->data;

    (void)number;
    if (!self->closing)
        mwd_app_reload(self);
}

static void on_stale_check(uv_timer_t *handle)
{
    mwd_app_check_stale(handle->data);
}

/* The replayer has said why; a daemon that serves goes on with the last sample it has. */
static void on_replay_end(void *context, int status)
{
    struct mwd_app *self = context;

    (void)status;
    self->replay_ended = true;
}

/* ---- building ---- */

/* Signals that come while there is no handler for them wait: none is lost, and none ends a process
 * that is starting or has only to say good-bye. */
static void hold_signals(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(how, &set, NULL);
}

static int start_signal(struct mwd_app *self, uv_signal_t *handle, uv_signal_cb callback,
                        int number)
{
    int r = uv_signal_init(&self->loop, handle);

    handle->data = self;
    return r < 0 ? r : uv_signal_start(handle, callback, number);
}

static int start_handles(struct mwd_app *self)
{
    int r = start_signal(self, &self->on_term, on_stop_signal, SIGTERM);
    if (r == 0)
        r = start_signal(self, &self->on_int, on_stop_signal, SIGINT);
    if (r == 0)
        r = start_signal(self, &self->on_hup, on_hangup, SIGHUP);
    if (r == 0)
        r = mwd_app_urgent_init(self);
    if (r == 0)
        r = uv_timer_init(&self->loop, &self->stale_check);
    if (r < 0)
        return r;
    self->stale_check.data = self;
    hold_signals(SIG_UNBLOCK);
    return uv_timer_start(&self->stale_check, on_stale_check, STALE_CHECK_MS, STALE_CHECK_MS);
}

static int start_http(struct mwd_app *self, struct mwd_buffer *error)
{
    struct mwd_http_settings settings;

    if (mwd_app_check_file_limit(error) < 0)
        return -EMFILE;
    mwd_app_http_settings(self->config, self->log, &settings);
    settings.store = mwd_heap_store(self->heap);
    return mwd_http_server_create(&self->loop, mwd_app_routes, mwd_app_route_count, self, &settings,
                                  self->log, error, &self->http);
}

static int start_sampler(struct mwd_app *self, struct mwd_buffer *error)
{
    struct mwd_sampler_options options = {
        .collect = {.proc_root = self->config->proc_root,
                    .keep_fds = mwd_app_keep_fds(self->config, self->log),
                    .status_interval_s = MWD_STATUS_INTERVAL_S,
                    .clock = mw_clock_system(),
                    .watch = true},
        .interval_ns = self->config->interval_ns,
        .log = self->log,
        .on_blocks = mwd_app_on_blocks,
        .on_urgent = mwd_app_urgent,
        .services = (const char *const *)self->config->services.items,
        .service_count = self->config->services.count,
        .context = self,
    };

    int r = mwd_sampler_create(&self->loop, &options, &self->sampler);
    if (r < 0)
        mwd_buffer_printf(error, "proc-root: %s cannot be sampled: %s", self->config->proc_root,
                          strerror(-r));
    return r;
}

static int start_source(struct mwd_app *self, struct mwd_buffer *error)
{
    if (!self->options->replay)
        return start_sampler(self, error);
    struct mwd_replayer_options options = {
        .path = self->options->replay,
        .speed = self->options->speed,
        .log = self->log,
        .on_blocks = mwd_app_on_blocks,
        .on_end = on_replay_end,
        .context = self,
    };
    return mwd_replayer_create(&self->loop, &options, error, &self->replayer);
}

static int start_recorder(struct mwd_app *self, struct mwd_buffer *error)
{
    if (!self->options->record)
        return 0;
    return mwd_recorder_create(&self->loop, self->options->record, self->log, error,
                               &self->recorder);
}

static int start(struct mwd_app *self, struct mwd_buffer *error)
{
    int r = mwd_app_heap_init(self, &self->loop);
    if (r == 0)
        r = mwd_app_samples_init(self);
    if (r == 0)
        r = mwd_app_history_init(self);
    if (r == 0)
        r = mwd_app_snapshots_init(self);
    if (r == 0)
        r = start_handles(self);
    if (r == 0)
        r = mwd_app_push_init(self);
    if (r == 0)
        r = mwd_app_groups_init(self);
    if (r == 0)
        r = start_http(self, error);
    if (r == 0)
        r = mwd_app_push_listen(self, error);
    if (r == 0)
        r = mwd_app_alerts_init(self);
    if (r == 0)
        r = mwd_app_own_init(self);
    if (r == 0)
        r = start_source(self, error); /* its first block comes when the loop turns */
    if (r == 0)
        r = start_recorder(self, error);
    if (r == 0)
        r = mwd_app_service_start(self);
    return r;
}

static void say_where(const struct mwd_app *self)
{
    const char *address;

    for (uint32_t i = 0; (address = mwd_http_server_address(self->http, i)); i++)
        mwd_log(self->log, MWD_LOG_INFO, "listening on %s", address);
}

static void say_why_not(struct mwd_app *self, int r, struct mwd_buffer *error)
{
    char reason[1024];

    mwd_config_locate(self->config, error);
    if (error->size > 0)
        snprintf(reason, sizeof reason, "cannot start: %.*s", (int)error->size, error->bytes);
    else
        snprintf(reason, sizeof reason, "cannot start: %s", strerror(-r));
    mwd_log(self->log, MWD_LOG_ERROR, "%s", reason);
    mwd_notify_failed(self->notify, r, reason);
}

/* What holds for as long as the app runs. */
static void say_we_run(struct mwd_app *self)
{
    say_where(self);
    mwd_app_service_ready(self);
}

static void close_signals(struct mwd_app *self)
{
    close_handle((uv_handle_t *)&self->on_term);
    close_handle((uv_handle_t *)&self->on_int);
    close_handle((uv_handle_t *)&self->on_hup);
    close_handle((uv_handle_t *)&self->on_usr2);
    uv_run(&self->loop, UV_RUN_DEFAULT);
}

int mwd_app_run(const struct mwd_app_options *options)
{
    struct mwd_app app = {.options = options,
                          .config = options->config,
                          .log = options->log,
                          .notify = options->notify};
    struct mwd_buffer error;

    mwd_buffer_init(&error, 1 << 16);
    mwd_buffer_init(&app.reload_error, 1 << 16);
    mwd_app_apply_log_level(&app);
    hold_signals(SIG_BLOCK);
    int r = uv_loop_init(&app.loop);
    if (r == 0) {
        r = start(&app, &error);
        if (r == 0)
            say_we_run(&app);
        else
            close_all(&app);
        uv_run(&app.loop, UV_RUN_DEFAULT);
        hold_signals(SIG_BLOCK);
        close_signals(&app);
        uv_loop_close(&app.loop);
    }
    if (r < 0)
        say_why_not(&app, r, &error);
    mwd_snapshots_destroy(app.snapshots);
    mwd_app_alerts_deinit(&app);
    mwd_app_groups_deinit(&app);
    mwd_app_samples_deinit(&app);
    app.push = mwd_push_destroy(app.push);
    mwd_app_heap_deinit(&app);
    mwd_config_destroy(app.config);
    mwd_buffer_deinit(&app.reload_error);
    mwd_buffer_deinit(&error);
    return r < 0 ? 1 : 0;
}
