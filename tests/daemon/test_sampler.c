/* The collector thread keeps its pace, never piles up, and lets go when asked. */
#include "daemon/sampler.h"
#include "tests/lib/collect/service_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEALTHY MW_FIXTURES "/healthy/proc"
#define MS MW_NS_PER_MS

struct bench {
    uv_loop_t loop;
    uv_timer_t limit;
    struct mwd_sampler *sampler;
    uint32_t beats, wanted;
    uint32_t hold_ms; /* how long the loop is kept busy at each beat */
    enum mw_source sources[4];
    uint64_t missed;
    bool closed;
};

static void on_closed(void *context)
{
    struct bench *bench = context;

    bench->closed = true;
}

static void finish(struct bench *bench)
{
    if (!bench->sampler)
        return;
    mwd_sampler_close(bench->sampler, 2000, on_closed, bench);
    bench->sampler = NULL;
    uv_close((uv_handle_t *)&bench->limit, NULL);
}

static void on_limit(uv_timer_t *timer)
{
    finish(timer->data);
}

static void on_blocks(void *context, struct mw_block *const *blocks, uint32_t count)
{
    struct bench *bench = context;
    union mw_value value;

    assert_int_equal(count, 4);
    for (uint32_t i = 0; i < count; i++)
        bench->sources[i] = (enum mw_source)mw_block_head(blocks[i])->source;
    if (mw_block_get(blocks[2], MW_DAEMON_SAMPLES_MISSED, 0, &value) == MW_PRESENT)
        bench->missed = value.u;
    usleep(bench->hold_ms * 1000);
    if (++bench->beats == bench->wanted)
        finish(bench);
}

/* Runs until `wanted` beats have come, or for `limit_ms`. */
static int play(struct bench *bench, uint64_t interval_ns, uint64_t limit_ms)
{
    struct mwd_sampler_options options = {
        .collect = {HEALTHY, 100, 60, mw_clock_system(), false},
        .interval_ns = interval_ns,
        .on_blocks = on_blocks,
        .context = bench,
    };

    uv_loop_init(&bench->loop);
    uv_timer_init(&bench->loop, &bench->limit);
    bench->limit.data = bench;
    uv_timer_start(&bench->limit, on_limit, limit_ms, 0);
    return mwd_sampler_create(&bench->loop, &options, &bench->sampler);
}

static void run_to_the_end(struct bench *bench)
{
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    assert_true(bench->closed);
}

static void test_first_beat_comes_at_once(void **state)
{
    struct bench bench = {.wanted = 1};

    (void)state;
    assert_int_equal(play(&bench, 3600ULL * MW_NS_PER_S, 20000), 0);
    run_to_the_end(&bench);
    assert_int_equal(bench.beats, 1);
    assert_int_equal(bench.sources[0], MW_SOURCE_SYSTEM);
    assert_int_equal(bench.sources[1], MW_SOURCE_PROCESS);
    assert_int_equal(bench.sources[2], MW_SOURCE_SELF);
    assert_int_equal(bench.sources[3], MW_SOURCE_SERVICE);
}

/* A late beat is never caught up: in one second there is room for the first beat, ten of the grid,
 * and one that jitter moved into it. */
static void test_pace_is_never_exceeded(void **state)
{
    struct bench bench = {.wanted = 1000};

    (void)state;
    assert_int_equal(play(&bench, 100ULL * MS, 1000), 0);
    run_to_the_end(&bench);
    assert_in_range(bench.beats, 2, 12);
}

/* While the loop is busy for several intervals, beats are left out and counted. */
static void test_a_busy_loop_misses_beats(void **state)
{
    struct bench bench = {.wanted = 4, .hold_ms = 450};

    (void)state;
    assert_int_equal(play(&bench, 100ULL * MS, 20000), 0);
    run_to_the_end(&bench);
    assert_int_equal(bench.beats, 4);
    assert_true(bench.missed >= 2);
}

static void on_shorten(uv_timer_t *timer)
{
    struct bench *bench = timer->data;

    mwd_sampler_set(bench->sampler, 100ULL * MS, 0);
    uv_close((uv_handle_t *)timer, NULL);
}

static void test_a_shorter_interval_ends_a_long_wait(void **state)
{
    struct bench bench = {.wanted = 3};
    uv_timer_t shorten;

    (void)state;
    assert_int_equal(play(&bench, 3600ULL * MW_NS_PER_S, 20000), 0);
    uv_timer_init(&bench.loop, &shorten);
    shorten.data = &bench;
    uv_timer_start(&shorten, on_shorten, 200, 0);
    run_to_the_end(&bench);
    assert_int_equal(bench.beats, 3);
}

/* ---- events ---- */

/* A machine with two groups, sampled once an hour: what comes sooner comes by events. */
struct eventful {
    struct bench bench;
    struct tree tree;
    uv_timer_t act;
    void (*action)(struct eventful *self);
    int acts; /* how often it is still done, a millisecond apart */
    uint64_t acted_ns;
    uint32_t urgent, wanted;
    uint64_t last; /* hits that end it */
    uint64_t latency_ns;
    uint64_t hits;     /* of group b, when last told */
    uint64_t first_id; /* of the first service of the last beat */
};

static void on_beat(void *context, struct mw_block *const *blocks, uint32_t count)
{
    struct eventful *self = context;

    assert_int_equal(count, 4);
    self->first_id = mw_block_keys(blocks[3])[0].id;
    self->bench.beats++;
}

static void on_urgent(void *context, struct mw_block *const *blocks, uint32_t count)
{
    struct eventful *self = context;
    union mw_value value;

    self->latency_ns = mw_clock_monotonic_ns(mw_clock_system()) - self->acted_ns;
    if (count == 1) { /* a group is watched no more, which is an event, too */
        assert_int_equal(mw_block_head(blocks[0])->source, MW_SOURCE_SYSTEM);
        return;
    }
    assert_int_equal(count, 2);
    assert_int_equal(mw_block_head(blocks[0])->source, MW_SOURCE_SERVICE);
    assert_int_equal(mw_block_head(blocks[1])->source, MW_SOURCE_SYSTEM);
    if (mw_block_get(blocks[0], MW_SERVICE_LIMIT_HITS, 1, &value) == MW_PRESENT)
        self->hits = value.u;
    if (++self->urgent == self->wanted || (self->last > 0 && self->hits == self->last))
        finish(&self->bench);
}

static void on_act(uv_timer_t *timer)
{
    struct eventful *self = timer->data;

    self->acted_ns = mw_clock_monotonic_ns(mw_clock_system());
    self->action(self);
    if (--self->acts == 0)
        uv_close((uv_handle_t *)timer, NULL);
}

static const char *const groups[] = {"a", "b"};

static void eventful_run(struct eventful *self, uint64_t limit_ms)
{
    self->tree = tree_of_groups(false);
    group_fill(&self->tree, "a", false);
    group_fill(&self->tree, "b", false);
    struct mwd_sampler_options options = {
        .collect = {self->tree.proc, 0, 60, mw_clock_system(), true},
        .interval_ns = 3600ULL * MW_NS_PER_S,
        .on_blocks = on_beat,
        .on_urgent = on_urgent,
        .services = groups,
        .service_count = 2,
        .context = self,
    };

    uv_loop_init(&self->bench.loop);
    uv_timer_init(&self->bench.loop, &self->bench.limit);
    self->bench.limit.data = &self->bench;
    uv_timer_start(&self->bench.limit, on_limit, limit_ms, 0);
    uv_timer_init(&self->bench.loop, &self->act);
    self->act.data = self;
    uv_timer_start(&self->act, on_act, 300, 1);
    assert_int_equal(mwd_sampler_create(&self->bench.loop, &options, &self->bench.sampler), 0);
    run_to_the_end(&self->bench);
    tree_free(&self->tree);
}

static void hit_limit(struct eventful *self)
{
    group_put(&self->tree, "b", "memory.events", "low 0\nhigh 0\nmax 8\noom 0\noom_kill 0\n");
}

/* The next beat is an hour away; the event is there at once. */
static void test_an_event_does_not_wait_for_a_beat(void **state)
{
    struct eventful eventful = {.action = hit_limit, .acts = 1, .wanted = UINT32_MAX, .last = 8};

    (void)state;
    eventful_run(&eventful, 20000);
    assert_int_equal(eventful.bench.beats, 1);
    assert_int_equal(eventful.hits, 8);
    assert_true(eventful.latency_ns < 5ULL * MW_NS_PER_S);
}

/* A file of the test's own is written in two steps, and may be seen between them. */
static void hit_often(struct eventful *self)
{
    char text[32];

    snprintf(text, sizeof text, "max %d\n", self->acts > 1 ? 1000 + self->acts : 8);
    group_put(&self->tree, "b", "memory.events", text);
}

/* A storm of events is folded, and its last state is told: at most one read in 20 ms. */
static void test_a_storm_of_events_is_folded(void **state)
{
    struct eventful eventful = {.action = hit_often, .acts = 300, .wanted = UINT32_MAX, .last = 8};

    (void)state;
    uint64_t begin_ns = mw_clock_monotonic_ns(mw_clock_system());

    eventful_run(&eventful, 30000);
    uint64_t took_ns = mw_clock_monotonic_ns(mw_clock_system()) - begin_ns;

    assert_in_range(eventful.urgent, 1, took_ns / (20 * MS) + 1);
    assert_int_equal(eventful.hits, 8);
    assert_int_equal(eventful.bench.beats, 1);
}

static void set_other_services(struct eventful *self)
{
    const char *const other[] = {"x", "b"};

    assert_int_equal(mwd_sampler_set_services(self->bench.sampler, other, 2), 0);
    mwd_sampler_set(self->bench.sampler, 200ULL * MS, 0);
}

/* Other services are read, and waited for, from the next beat on. */
static void test_services_can_be_set(void **state)
{
    struct eventful eventful = {.action = set_other_services, .acts = 1, .wanted = UINT32_MAX};

    (void)state;
    eventful_run(&eventful, 1500);
    assert_true(eventful.bench.beats >= 2);
    assert_int_equal(eventful.first_id, mw_service_id("x"));
}

static void test_a_missing_proc_root_is_refused(void **state)
{
    struct mwd_sampler_options options = {
        .collect = {MW_FIXTURES "/there_is_no_such_tree", 0, 60, mw_clock_system()},
        .interval_ns = MW_NS_PER_S,
        .on_blocks = on_blocks,
    };
    struct mwd_sampler *sampler = NULL;
    uv_loop_t loop;

    (void)state;
    uv_loop_init(&loop);
    assert_int_equal(mwd_sampler_create(&loop, &options, &sampler), -ENOENT);
    assert_null(sampler);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_closing_nothing_calls_back(void **state)
{
    struct bench bench = {.wanted = 0};

    (void)state;
    mwd_sampler_close(NULL, 0, on_closed, &bench);
    assert_true(bench.closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_beat_comes_at_once),
        cmocka_unit_test(test_pace_is_never_exceeded),
        cmocka_unit_test(test_a_busy_loop_misses_beats),
        cmocka_unit_test(test_a_shorter_interval_ends_a_long_wait),
        cmocka_unit_test(test_an_event_does_not_wait_for_a_beat),
        cmocka_unit_test(test_a_storm_of_events_is_folded),
        cmocka_unit_test(test_services_can_be_set),
        cmocka_unit_test(test_a_missing_proc_root_is_refused),
        cmocka_unit_test(test_closing_nothing_calls_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
