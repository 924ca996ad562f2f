/* The collector thread keeps its pace, never piles up, and lets go when asked. */
#include "daemon/sampler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
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
        cmocka_unit_test(test_a_missing_proc_root_is_refused),
        cmocka_unit_test(test_closing_nothing_calls_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
