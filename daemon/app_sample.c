/* Blocks in, samples out. */
#include "daemon/app_internal.h"

#include <string.h>
#include <unistd.h>

/* Between two beats a sample costs what a beat's costs without its reading, and every event stream
 * gets one: 100 a second are enough to be in time. */
enum { URGENT_GAP_MS = 10 };
static const uint64_t urgent_gap_ns = (uint64_t)URGENT_GAP_MS * MW_NS_PER_MS;

/* Three intervals, and never so short that a busy machine alone makes it so. */
uint64_t mwd_app_stale_after_ns(const struct mwd_config *config)
{
    uint64_t least = 5ULL * MW_NS_PER_S;
    uint64_t three = 3 * config->interval_ns;

    return three > least ? three : least;
}

int mwd_app_samples_init(struct mwd_app *self)
{
    int r = mw_sealer_create(&self->sealer);
    if (r < 0)
        return r;
    mw_sealer_set_stale_after(self->sealer, mwd_app_stale_after_ns(self->config));
    r = mw_subjects_create(mwd_heap_store(self->heap), &self->subjects);
    if (r == 0)
        r = mwd_groups_create(&self->groups);
    if (r == 0)
        r = mwd_groups_create(&self->all_groups);
    if (r == 0)
        r = mwd_windows_create(&self->windows);
    if (r < 0)
        return r;
    mwd_app_name_services(self);
    self->started_ms = mw_clock_wall_ms(mw_clock_system());
    self->started_ns = mw_clock_monotonic_ns(mw_clock_system());
    r = mw_block_pool_create(MW_SOURCE_DAEMON, &self->own_blocks);
    return r < 0 ? r : mwd_app_named_init(self);
}

void mwd_app_samples_deinit(struct mwd_app *self)
{
    self->sample = mw_sample_unref(self->sample);
    self->subjects = mw_subjects_destroy(self->subjects);
    self->groups = mwd_groups_destroy(self->groups);
    self->all_groups = mwd_groups_destroy(self->all_groups);
    self->windows = mwd_windows_destroy(self->windows);
    self->sealer = mw_sealer_destroy(self->sealer);
    self->own_blocks = mw_block_pool_destroy(self->own_blocks);
    mwd_services_deinit(&self->services);
    mwd_app_named_deinit(self);
}

static void put(struct mw_block *block, enum mw_reading reading, uint64_t value)
{
    mw_block_put(block, reading, 0, (union mw_value){.u = value});
}

static void put_http(struct mw_block *block, const struct mwd_http_server *http)
{
    struct mwd_http_stats stats;

    if (!http) /* --once serves nobody: what is not there stays absent */
        return;
    mwd_http_server_stats(http, &stats);
    put(block, MW_DAEMON_REQUESTS, stats.requests);
    put(block, MW_DAEMON_REQUEST_ERRORS, stats.request_errors);
    put(block, MW_DAEMON_CONNECTIONS, stats.connections);
    put(block, MW_DAEMON_CONNECTIONS_TOTAL, stats.connections_total);
    put(block, MW_DAEMON_REJECTIONS, stats.rejections);
    put(block, MW_DAEMON_TIMEOUTS, stats.timeouts);
    put(block, MW_DAEMON_STREAMS_DROPPED, stats.streams_dropped);
    put(block, MW_DAEMON_STREAMS, stats.streams);
    put(block, MW_DAEMON_BODY_BYTES, stats.body_bytes);
}

static void put_alerts(struct mw_block *block, const struct mwd_app *self)
{
    struct mw_alert_numbers numbers;
    uint64_t failures;
    bool failing;

    if (!self->alerts) /* --once follows no rules */
        return;
    if (mwd_app_alerts_stored(self, &failures, &failing)) {
        put(block, MW_DAEMON_STATE_FAILING, failing);
        put(block, MW_DAEMON_STATE_FAILURES, failures);
    }
    mw_alerts_get_numbers(mwd_app_alert_table(self), &numbers);
    put(block, MW_DAEMON_ALERTS, numbers.states);
    put(block, MW_DAEMON_ALERTS_FIRING, numbers.firing);
    put(block, MW_DAEMON_ALERTS_DROPPED, numbers.dropped);
    put(block, MW_DAEMON_ALERTS_UNTRACKED, numbers.untracked);
}

static void put_push(struct mw_block *block, const struct mwd_push *push)
{
    struct mwd_push_numbers numbers;

    if (!push)
        return;
    mwd_push_get_numbers(push, &numbers);
    put(block, MW_DAEMON_PUSHES, numbers.pushes);
    put(block, MW_DAEMON_PUSH_DATAGRAMS, numbers.datagrams);
    put(block, MW_DAEMON_PUSH_DROPS, numbers.drops);
    put(block, MW_DAEMON_PUSH_NAMES, numbers.names);
    put(block, MW_DAEMON_PUSH_EXPIRED, numbers.expired);
    put(block, MW_DAEMON_PUSH_REFUSED_SYNTAX, numbers.refused[MWD_PUSH_SYNTAX]);
    put(block, MW_DAEMON_PUSH_REFUSED_FIELD, numbers.refused[MWD_PUSH_FIELD]);
    put(block, MW_DAEMON_PUSH_REFUSED_VALUE, numbers.refused[MWD_PUSH_VALUE]);
    put(block, MW_DAEMON_PUSH_REFUSED_NAME, numbers.refused[MWD_PUSH_NAME]);
    put(block, MW_DAEMON_PUSH_REFUSED_OWNER, numbers.refused[MWD_PUSH_OWNER]);
    put(block, MW_DAEMON_PUSH_REFUSED_FULL, numbers.refused[MWD_PUSH_FULL]);
    put(block, MW_DAEMON_PUSH_REFUSED_SIZE, numbers.refused[MWD_PUSH_SIZE]);
}

static void put_metrics(struct mw_block *block, const struct mwd_app *self)
{
    struct mwd_windows_numbers numbers;

    if (!self->http) /* --once has none */
        return;
    mwd_windows_get_numbers(self->windows, &numbers);
    put(block, MW_DAEMON_WINDOW_BYTES, numbers.bytes);
    put(block, MW_DAEMON_WINDOWS_CUT, numbers.cut);
    put(block, MW_DAEMON_SERIES_LEFT_OUT, self->series_left_out);
}

static void put_history(struct mw_block *block, const struct mw_history *history)
{
    struct mw_history_numbers numbers;

    if (!history) /* --once remembers nothing */
        return;
    mw_history_get_numbers(history, &numbers);
    put(block, MW_DAEMON_HISTORY_REFUSED, numbers.refused);
    put(block, MW_DAEMON_HISTORY_LOST, numbers.lost);
}

static void put_absences(struct mw_block *block, const uint64_t *totals)
{
    put(block, MW_DAEMON_ABSENT_DENIED, totals[MW_ABSENT_DENIED]);
    put(block, MW_DAEMON_ABSENT_VANISHED, totals[MW_ABSENT_VANISHED]);
    put(block, MW_DAEMON_ABSENT_UNSUPPORTED, totals[MW_ABSENT_UNSUPPORTED]);
    put(block, MW_DAEMON_ABSENT_STALE, totals[MW_ABSENT_STALE]);
}

/* The block of what the loop itself knows, as of the samples before this one. */
static int make_own_block(struct mwd_app *self, struct mw_block **ret)
{
    const struct mw_clock *clock = mw_clock_system();
    struct mw_block *block;

    int r = mw_block_take(self->own_blocks, NULL, 1, &block);
    if (r < 0)
        return r;
    mw_block_set_time(block, ++self->own_seq, mw_clock_wall_ms(clock),
                      mw_clock_monotonic_ns(clock));
    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    put(block, MW_DAEMON_PID, (uint64_t)getpid());
    put(block, MW_DAEMON_START, (uint64_t)self->started_ms);
    put(block, MW_DAEMON_SAMPLES, self->sample ? mw_sample_seq(self->sample) : 0);
    if (self->processes_known)
        put(block, MW_DAEMON_PROCESSES, self->processes);
    put(block, MW_DAEMON_URGENT_SAMPLES, self->urgent_samples);
    put(block, MW_DAEMON_URGENT_FOLDED, self->urgent_folded);
    put(block, MW_DAEMON_NAMES_LOST, mw_subjects_lost(self->subjects));
    if (self->recorder)
        put(block, MW_DAEMON_RECORD_DROPS, mwd_recorder_drops(self->recorder));
    put_http(block, self->http);
    put_alerts(block, self);
    put_push(block, self->push);
    put_metrics(block, self);
    put_history(block, self->history);
    put_absences(block, mw_sealer_absences(self->sealer));
    r = mw_block_finish(block);
    if (r < 0) {
        mw_block_unref(block);
        return r;
    }
    *ret = block;
    return 0;
}

static void offer(struct mwd_app *self, struct mw_block *block, uint64_t now_ns)
{
    mw_sealer_offer(self->sealer, block, now_ns);
    if (self->replayer)
        mwd_app_named_recorded(self, block);
    if (mw_block_head(block)->source != MW_SOURCE_PROCESS)
        return;
    self->processes = mw_block_head(block)->live;
    self->processes_known = true;
    if (mw_subjects_apply(self->subjects, block) < 0)
        mwd_log_event(self->log, MWD_LOG_ERROR, &(struct mwd_log_event){"no-memory", "names"},
                      "no room for the names of processes: some are absent until they change; see "
                      "heap limit and daemon.namesLost");
    mwd_app_groups_follow(self, block);
}

/* Windows are the same for everybody because they are fed whether anybody asks or not. */
static void feed_windows(struct mwd_app *self)
{
    struct mwd_groups_input what = {
        .sample = self->sample, .subjects = self->subjects, .grouping = mwd_app_grouping(self)};
    int r = 0;

    if (!self->http) /* --once shows no metrics */
        return;
    mwd_app_plan_series(self);
    if (!mw_sample_urgent(self->sample))
        self->series_left_out += self->series_plan.left_out;
    what.limit = self->series_plan.groups;
    if (mw_sample_fresh(self->sample, MW_SOURCE_PROCESS))
        r = mwd_groups_update(self->groups, &what);
    mwd_windows_feed(self->windows, self->sample, r == 0 ? self->groups : NULL);
}

/* What everybody who follows samples does with the newest, urgent or not: alerts are here. */
static void follow(struct mwd_app *self)
{
    feed_windows(self);
    mwd_app_alerts_feed(self);
    if (self->http)
        mwd_http_server_publish(self->http, mw_sample_seq(self->sample));
}

static void seal(struct mwd_app *self, uint64_t now_ns, bool urgent)
{
    struct mw_sample *sample;

    /* what is recorded has another clock than what comes now */
    int r = urgent && !self->replayer ? mw_sealer_seal_urgent(self->sealer, now_ns, &sample)
                                      : mw_sealer_seal(self->sealer, now_ns, &sample);
    if (r < 0) {
        mwd_log_event(
            self->log, MWD_LOG_ERROR, &(struct mwd_log_event){"no-memory", "sample"},
            "a sample could not be made: %s; the one before stays, see MemoryMax= and the "
            "machine's free memory",
            strerror(-r));
        return;
    }
    mw_sample_unref(self->sample);
    self->sample = sample;
    follow(self);
    if (urgent) /* the history has a row for each beat */
        return;
    self->beat_ns = now_ns;
    mwd_app_heap_feed(self);
}

void mwd_app_record(struct mwd_app *self, struct mw_block *const *blocks, uint32_t count)
{
    /* services come last; where none are named there is nothing to say at every beat */
    while (count > 0 && mw_block_head(blocks[count - 1])->source == MW_SOURCE_SERVICE &&
           mw_block_head(blocks[count - 1])->rows == 0)
        count--;
    if (self->recorder && count > 0)
        mwd_recorder_write(self->recorder, blocks, count);
}

/* In a replay the recorded daemon speaks for itself: its own block is among the recorded ones. */
static void add_own_block(struct mwd_app *self, uint64_t now_ns)
{
    struct mw_block *own;

    if (self->replayer || make_own_block(self, &own) < 0)
        return;
    offer(self, own, now_ns);
    mwd_app_record(self, &own, 1);
    mw_block_unref(own);
}

void mwd_app_on_blocks(void *context, struct mw_block *const *blocks, uint32_t count)
{
    struct mwd_app *self = context;
    uint64_t now_ns = mw_clock_monotonic_ns(mw_clock_system());

    if (self->closing)
        return;
    for (uint32_t i = 0; i < count; i++)
        offer(self, blocks[i], now_ns);
    mwd_app_record(self, blocks, count);
    add_own_block(self, now_ns);
    mwd_app_named_offer(self, now_ns);
    seal(self, now_ns, false);
    self->urgent_waits = false;
    mwd_app_service_look(self);
}

/* ---- between two beats ---- */

static void seal_urgent(struct mwd_app *self, uint64_t now_ns)
{
    self->urgent_waits = false;
    self->urgent_ns = now_ns;
    self->urgent_samples++;
    seal(self, now_ns, true);
}

static void on_urgent_timer(uv_timer_t *handle)
{
    struct mwd_app *self = handle->data;

    if (self->urgent_waits && !self->closing)
        seal_urgent(self, mw_clock_monotonic_ns(mw_clock_system()));
}

int mwd_app_urgent_init(struct mwd_app *self)
{
    self->urgent_timer.data = self;
    return uv_timer_init(&self->loop, &self->urgent_timer);
}

/* The timer's rest is counted from when the loop last looked at the clock, so it may end a little
 * early; a beat that comes first takes along what waits. */
static void wait_for_gap(struct mwd_app *self)
{
    self->urgent_folded++;
    if (self->urgent_waits)
        return;
    self->urgent_waits = true;
    uv_timer_start(&self->urgent_timer, on_urgent_timer, URGENT_GAP_MS, 0);
}

void mwd_app_urgent(void *context, struct mw_block *const *blocks, uint32_t count)
{
    struct mwd_app *self = context;
    uint64_t now_ns = mw_clock_monotonic_ns(mw_clock_system());

    if (self->closing)
        return;
    for (uint32_t i = 0; i < count; i++)
        offer(self, blocks[i], now_ns);
    if (!self->sample) /* the first beat is about to bring the rest */
        return;
    if (now_ns - self->urgent_ns < urgent_gap_ns)
        wait_for_gap(self);
    else
        seal_urgent(self, now_ns);
}

bool mwd_app_is_stale(const struct mwd_app *self)
{
    return mw_sample_stale(self->sample, MW_SOURCE_PROCESS) ||
           mw_sample_stale(self->sample, MW_SOURCE_SYSTEM);
}

void mwd_app_check_stale(struct mwd_app *self)
{
    uint64_t now_ns = mw_clock_monotonic_ns(mw_clock_system());

    if (self->sample && now_ns - self->beat_ns >= mwd_app_stale_after_ns(self->config)) {
        add_own_block(self, now_ns);
        mwd_app_named_offer(self, now_ns);
        seal(self, now_ns, false);
    }
    mwd_app_service_look(self);
}
