/* Samples between two beats: at once, but not more than 100 a second. The app is one without
 * history, HTTP and collector, as for --once. */
#include "daemon/app_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

struct bench {
    struct mwd_app_options options;
    struct mwd_config config;
    struct mwd_app app;
    struct mw_block_pool *system, *process, *own;
    uint64_t seq;
};

static struct mw_block *make(struct bench *self, struct mw_block_pool *pool)
{
    const struct mw_clock *clock = mw_clock_system();
    struct mw_block *block = NULL;

    assert_int_equal(mw_block_take(pool, NULL, 1, &block), 0);
    mw_block_set_time(block, ++self->seq, mw_clock_wall_ms(clock), mw_clock_monotonic_ns(clock));
    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    if (pool == self->own)
        mw_block_put(block, MW_DAEMON_RSS, 0, (union mw_value){.u = self->seq});
    assert_int_equal(mw_block_finish(block), 0);
    return block;
}

static void beat(struct bench *self)
{
    struct mw_block *blocks[] = {make(self, self->system), make(self, self->process)};

    mwd_app_on_blocks(&self->app, blocks, 2);
    mw_block_unref(blocks[0]);
    mw_block_unref(blocks[1]);
}

static void urge(struct bench *self)
{
    struct mw_block *block = make(self, self->own);

    mwd_app_urgent(&self->app, &block, 1);
    mw_block_unref(block);
}

static uint64_t samples(const struct bench *self)
{
    return self->app.sample ? mw_sample_seq(self->app.sample) : 0;
}

/* What the newest sample knows is what was offered last. */
static void assert_newest(const struct bench *self)
{
    union mw_value value;

    assert_int_equal(mw_sample_get(self->app.sample, MW_DAEMON_RSS, 0, &value), MW_PRESENT);
    assert_int_equal(value.u, self->seq);
}

static void turn(struct bench *self, unsigned ms)
{
    uint64_t until = mw_clock_monotonic_ns(mw_clock_system()) + ms * MW_NS_PER_MS;

    while (mw_clock_monotonic_ns(mw_clock_system()) < until) {
        uv_run(&self->app.loop, UV_RUN_NOWAIT);
        usleep(500);
    }
}

static void bench_init(struct bench *self)
{
    *self = (struct bench){.config = {.interval_ns = MW_NS_PER_S,
                                      .heap_limit = 64 << 20,
                                      .heap_semi_space = 512 << 10}};
    self->app.options = &self->options;
    self->app.config = &self->config;
    assert_int_equal(uv_loop_init(&self->app.loop), 0);
    assert_int_equal(mwd_app_heap_init(&self->app, NULL), 0);
    assert_int_equal(mwd_app_samples_init(&self->app), 0);
    assert_int_equal(mwd_app_urgent_init(&self->app), 0);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_SYSTEM, &self->system), 0);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_PROCESS, &self->process), 0);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_SELF, &self->own), 0);
}

static void bench_deinit(struct bench *self)
{
    self->app.closing = true;
    uv_close((uv_handle_t *)&self->app.urgent_timer, NULL);
    uv_run(&self->app.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&self->app.loop), 0);
    mwd_app_samples_deinit(&self->app);
    mwd_app_heap_deinit(&self->app);
    mw_block_pool_destroy(self->system);
    mw_block_pool_destroy(self->process);
    mw_block_pool_destroy(self->own);
}

static void what_is_urgent_is_sealed_at_once(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    urge(&bench); /* before the first beat there is nothing to add it to */
    assert_int_equal(samples(&bench), 0);
    beat(&bench);
    assert_int_equal(samples(&bench), 1);
    urge(&bench);
    assert_int_equal(samples(&bench), 2);
    assert_true(mw_sample_urgent(bench.app.sample));
    assert_newest(&bench);
    bench_deinit(&bench);
}

/* What comes too soon is not lost: it is in a sample 10 ms later. */
static void what_comes_too_soon_waits_a_little(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    beat(&bench);
    urge(&bench);
    bench.app.urgent_ns = mw_clock_monotonic_ns(mw_clock_system()); /* however slow this is */
    urge(&bench);
    urge(&bench);
    assert_int_equal(samples(&bench), 2);
    assert_int_equal(bench.app.urgent_folded, 2);
    turn(&bench, 100);
    assert_int_equal(samples(&bench), 3);
    assert_newest(&bench);
    turn(&bench, 50);
    assert_int_equal(samples(&bench), 3);
    bench_deinit(&bench);
}

static void a_beat_takes_along_what_waits(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    beat(&bench);
    urge(&bench);
    bench.app.urgent_ns = mw_clock_monotonic_ns(mw_clock_system());
    urge(&bench);
    beat(&bench);
    assert_int_equal(samples(&bench), 3);
    turn(&bench, 100);
    assert_int_equal(samples(&bench), 3);
    assert_false(mw_sample_urgent(bench.app.sample));
    bench_deinit(&bench);
}

static void there_are_at_most_100_a_second(void **state)
{
    struct bench bench;
    uint64_t begin_ns, now_ns;

    (void)state;
    bench_init(&bench);
    beat(&bench);
    begin_ns = now_ns = mw_clock_monotonic_ns(mw_clock_system());
    for (; now_ns - begin_ns < 300 * MW_NS_PER_MS;
         now_ns = mw_clock_monotonic_ns(mw_clock_system())) {
        urge(&bench);
        uv_run(&bench.app.loop, UV_RUN_NOWAIT);
    }
    uint64_t most = (now_ns - begin_ns) / (9 * MW_NS_PER_MS) + 2; /* timers count whole ms */

    assert_in_range(bench.app.urgent_samples, 2, most);
    assert_true(bench.app.urgent_folded > 0);
    turn(&bench, 100);
    assert_newest(&bench);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_urgent_is_sealed_at_once),
        cmocka_unit_test(what_comes_too_soon_waits_a_little),
        cmocka_unit_test(a_beat_takes_along_what_waits),
        cmocka_unit_test(there_are_at_most_100_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
