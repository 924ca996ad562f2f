/* What follows from a queue's numbers is right where it is known, and not a number where it is not.
 */
#include "daemon/push_flow.h"

#include "base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t second = MW_NS_PER_S;

/* Values of one update a second: length, in, out. */
struct step {
    double length, in, out;
};

static struct mwd_flow_result play(const struct step *steps, size_t count, double capacity,
                                   uint64_t every_ns)
{
    struct mwd_flow flow = {0};
    struct mwd_flow_result result;

    for (size_t i = 0; i < count; i++)
        mwd_flow_update(
            &flow,
            &(struct mwd_flow_values){steps[i].length, capacity, steps[i].in, steps[i].out, NAN},
            second + i * every_ns);
    mwd_flow_result(&flow, &result);
    return result;
}

#define PLAY(capacity, every_ns, ...)                                                              \
    play((const struct step[]){__VA_ARGS__},                                                       \
         sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step), capacity, every_ns)

#define assert_near(value, expected) assert_true(fabs((value) - (expected)) < 0.001)

static void one_report_tells_little(void **state)
{
    struct mwd_flow_result r = PLAY(200, second, {10, 100, 90});

    (void)state;
    assert_near(r.fill_ratio, 0.05);
    assert_true(isnan(r.in_rate) && isnan(r.out_rate));
    assert_true(isnan(r.full_ms) && isnan(r.drain_ms));
    assert_true(isnan(r.age_ms) && isnan(r.age_estimated));
    assert_near(r.stalled_ms, 0);
}

static void length_alone_gives_no_rates(void **state)
{
    struct mwd_flow_result r =
        PLAY(NAN, second, {1, NAN, NAN}, {2, NAN, NAN}, {3, NAN, NAN}, {4, NAN, NAN});

    (void)state;
    assert_true(isnan(r.fill_ratio) && isnan(r.in_rate) && isnan(r.out_rate));
    assert_true(isnan(r.full_ms) && isnan(r.stalled_ms) && isnan(r.age_ms));
}

static void rates_are_per_second(void **state)
{
    struct mwd_flow_result r = PLAY(NAN, 2 * second, {0, 100, 50}, {0, 140, 60});

    (void)state;
    assert_near(r.in_rate, 20);
    assert_near(r.out_rate, 5);
}

/* Many small steps within a second are one window. */
static void windows_last_a_second(void **state)
{
    struct mwd_flow_result r = PLAY(NAN, second / 4, {0, 0, 0}, {0, 10, 0}, {0, 10, 0}, {0, 20, 0},
                                    {0, 40, 0}, {0, 400, 0});

    (void)state;
    assert_near(r.in_rate, 40);
}

static void a_counter_that_went_back_gives_no_rate(void **state)
{
    struct mwd_flow_result r = PLAY(NAN, second, {0, 100, 100}, {0, 110, 110}, {0, 5, 115});

    (void)state;
    assert_true(isnan(r.in_rate));
    assert_near(r.out_rate, 5);
    r = PLAY(NAN, second, {0, 100, 100}, {0, 5, 5}, {0, 9, 7});
    assert_near(r.in_rate, 4);
}

static void age_follows_from_length_and_drain(void **state)
{
    struct mwd_flow_result r = PLAY(NAN, second, {100, 0, 0}, {100, 50, 50});

    (void)state;
    assert_near(r.age_ms, 2000);
    assert_near(r.age_estimated, 1);
    r = PLAY(NAN, second, {100, 0, 0}, {0, 50, 150});
    assert_near(r.age_ms, 0); /* nothing waits: known, not estimated */
    assert_near(r.age_estimated, 0);
}

static void an_age_that_was_reported_is_exact(void **state)
{
    struct mwd_flow flow = {0};
    struct mwd_flow_result r;

    (void)state;
    mwd_flow_update(&flow, &(struct mwd_flow_values){7, 10, 1, 1, 1234}, second);
    mwd_flow_result(&flow, &r);
    assert_near(r.age_ms, 1234);
    assert_near(r.age_estimated, 0);
}

static void what_waits_and_does_not_leave_is_stalled(void **state)
{
    struct mwd_flow_result r = PLAY(NAN, second, {5, 5, 0}, {6, 6, 0}, {7, 7, 0}, {8, 8, 0});

    (void)state;
    assert_near(r.stalled_ms, 3000);
    assert_near(r.age_ms, 3000); /* at least as old as that */
    assert_near(r.age_estimated, 1);
    r = PLAY(NAN, second, {5, 5, 0}, {6, 6, 0}, {6, 7, 1}, {7, 8, 1});
    assert_near(r.stalled_ms, 1000);
    r = PLAY(NAN, second, {5, 5, 0}, {0, 5, 5}, {0, 5, 5}, {0, 5, 5});
    assert_near(r.stalled_ms, 0);
    r = PLAY(NAN, second, {0, 5, 5}, {0, 5, 5}, {3, 8, 5}, {3, 8, 5});
    assert_near(r.stalled_ms, 1000); /* while it was empty it was not stalled */
}

static void growth_is_believed_after_three_windows(void **state)
{
    struct mwd_flow_result r = PLAY(100, second, {10, NAN, NAN}, {20, NAN, NAN}, {30, NAN, NAN});

    (void)state;
    assert_true(isnan(r.full_ms));
    r = PLAY(100, second, {10, NAN, NAN}, {20, NAN, NAN}, {30, NAN, NAN}, {40, NAN, NAN});
    assert_near(r.full_ms, 6000);
    assert_true(isnan(r.drain_ms));
    r = PLAY(100, second, {40, NAN, NAN}, {30, NAN, NAN}, {20, NAN, NAN}, {10, NAN, NAN});
    assert_near(r.drain_ms, 1000);
    assert_true(isnan(r.full_ms));
    r = PLAY(100, second, {10, 0, 0}, {20, 0, 0}, {10, 0, 0}, {20, 0, 0}, {10, 0, 0});
    assert_true(isnan(r.full_ms) && isnan(r.drain_ms));
}

static void what_is_full_is_full_now(void **state)
{
    struct mwd_flow_result r = PLAY(100, second, {100, NAN, NAN});

    (void)state;
    assert_near(r.full_ms, 0);
    assert_near(r.fill_ratio, 1);
    r = PLAY(100, second, {120, NAN, NAN});
    assert_near(r.full_ms, 0);
    assert_near(r.fill_ratio, 1.2);
    r = PLAY(0, second, {3, NAN, NAN});
    assert_true(isnan(r.fill_ratio));
    r = PLAY(NAN, second, {0, NAN, NAN});
    assert_near(r.drain_ms, 0);
    assert_true(isnan(r.full_ms));
}

static void shares_are_of_a_window(void **state)
{
    struct mwd_use use = {0};

    (void)state;
    assert_true(isnan(mwd_use_hit_ratio(&use)));
    mwd_use_update(&use, &(struct mwd_use_values){1000, 0, 0}, second);
    assert_true(isnan(mwd_use_hit_ratio(&use)));
    mwd_use_update(&use, &(struct mwd_use_values){1001, 3, 9}, 2 * second);
    assert_near(mwd_use_hit_ratio(&use), 0.25);
    assert_near(mwd_use_eviction_ratio(&use), 0.9);
    mwd_use_update(&use, &(struct mwd_use_values){1001, 3, 9}, 3 * second);
    assert_true(isnan(mwd_use_hit_ratio(&use)) && isnan(mwd_use_eviction_ratio(&use)));
    mwd_use_update(&use, &(struct mwd_use_values){5, NAN, 10}, 4 * second);
    assert_true(isnan(mwd_use_hit_ratio(&use)) && isnan(mwd_use_eviction_ratio(&use)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_report_tells_little),
        cmocka_unit_test(length_alone_gives_no_rates),
        cmocka_unit_test(rates_are_per_second),
        cmocka_unit_test(windows_last_a_second),
        cmocka_unit_test(a_counter_that_went_back_gives_no_rate),
        cmocka_unit_test(age_follows_from_length_and_drain),
        cmocka_unit_test(an_age_that_was_reported_is_exact),
        cmocka_unit_test(what_waits_and_does_not_leave_is_stalled),
        cmocka_unit_test(growth_is_believed_after_three_windows),
        cmocka_unit_test(what_is_full_is_full_now),
        cmocka_unit_test(shares_are_of_a_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
