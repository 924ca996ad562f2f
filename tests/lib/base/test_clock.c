#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

static void monotonic_never_goes_back(void **state)
{
    const struct mw_clock *clock = mw_clock_system();
    uint64_t before = mw_clock_monotonic_ns(clock);

    (void)state;
    assert_true(before > 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = mw_clock_monotonic_ns(clock);

        assert_true(now >= before);
        before = now;
    }
}

static void wall_time_is_in_milliseconds(void **state)
{
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t now = mw_clock_wall_ms(mw_clock_system());

    (void)state;
    assert_in_range(now, before, before + 5000);
}

static void cpu_time_grows_with_work_only(void **state)
{
    const struct timespec nap = {0, 30L * MW_NS_PER_MS};
    uint64_t begin = mw_clock_thread_cpu_ns();
    uint64_t worked;

    (void)state;
    for (volatile int i = 0; i < 1000000; i++) {
    }
    worked = mw_clock_thread_cpu_ns();
    assert_true(worked > begin);
    nanosleep(&nap, NULL);
    assert_true(mw_clock_thread_cpu_ns() - worked < 30 * (uint64_t)MW_NS_PER_MS);
}

static uint64_t fixed_ns(void *context)
{
    return *(uint64_t *)context;
}

static int64_t fixed_ms(void *context)
{
    return (int64_t)(*(uint64_t *)context / MW_NS_PER_MS);
}

static void tests_bring_their_own(void **state)
{
    uint64_t now = 5 * (uint64_t)MW_NS_PER_S;
    const struct mw_clock clock = {fixed_ns, fixed_ms, &now};

    (void)state;
    assert_int_equal(mw_clock_monotonic_ns(&clock), 5000000000);
    assert_int_equal(mw_clock_wall_ms(&clock), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_never_goes_back),
        cmocka_unit_test(wall_time_is_in_milliseconds),
        cmocka_unit_test(cpu_time_grows_with_work_only),
        cmocka_unit_test(tests_bring_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
