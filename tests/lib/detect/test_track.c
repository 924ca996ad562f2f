/* Rates and times to a limit, on rows of numbers whose answer is known. */
#include "base/clock.h"
#include "detect/detect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#define WINDOW_NS ((uint64_t)60 * MW_NS_PER_S)

static struct mw_detect_track track;
static uint64_t random_state = 7;

static double chance(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (double)(random_state >> 11) / (double)(UINT64_C(1) << 53);
}

static void add(double second, double value, bool is_counter)
{
    mw_detect_track_add(&track, WINDOW_NS, is_counter, (uint64_t)((second + 100) * 1e9), value);
}

static void reset(void)
{
    memset(&track, 0, sizeof(track));
}

static void no_rate_before_half_the_window(void **state)
{
    double rate;
    (void)state;

    reset();
    assert_false(mw_detect_rate(&track, WINDOW_NS, &rate));
    for (int i = 0; i < 30; i++) {
        add(i, i * 5, false);
        assert_false(mw_detect_rate(&track, WINDOW_NS, &rate));
    }
    add(30, 30 * 5, false);
    assert_true(mw_detect_rate(&track, WINDOW_NS, &rate));
    assert_true(fabs(rate - 5) < 1e-9);
}

/* Whatever the step between samples, jittered or not: of a straight line the rate is its slope. */
static void the_rate_of_a_line_is_its_slope(void **state)
{
    static const double steps[] = {0.01, 0.1, 1, 3.7, 10, 29};
    double rate;
    (void)state;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        for (int jitter = 0; jitter < 2; jitter++) {
            double second = 0;

            reset();
            while (second < 500) {
                add(second, 1000 - 3 * second, false);
                second += steps[i] * (jitter ? 0.5 + chance() : 1);
            }
            assert_true(mw_detect_rate(&track, WINDOW_NS, &rate));
            assert_true(fabs(rate + 3) < 1e-6);
        }
}

static void a_change_is_in_the_rate_for_one_window(void **state)
{
    double rate = 0;
    (void)state;

    reset();
    for (int i = 0; i < 100; i++)
        add(i, 0, true);
    add(100, 1, true);
    assert_true(mw_detect_rate(&track, WINDOW_NS, &rate));
    assert_true(rate > 0);
    for (int i = 101; i < 159; i++) {
        add(i, 1, true);
        assert_true(mw_detect_rate(&track, WINDOW_NS, &rate));
        assert_true(rate > 0);
    }
    for (int i = 159; i < 170; i++)
        add(i, 1, true);
    assert_true(mw_detect_rate(&track, WINDOW_NS, &rate));
    assert_true(rate == 0);
}

/* The program that counts may be started anew: what it had counted before is not taken back. */
static void a_counter_that_begins_anew_has_not_fallen(void **state)
{
    double rate, given = 0;
    (void)state;

    reset();
    for (int i = 0; i < 300; i++) {
        given = i % 40 == 0 ? 2 : given + 2;
        add(i, given, true);
        if (i > 60) {
            assert_true(mw_detect_rate(&track, WINDOW_NS, &rate));
            assert_true(fabs(rate - 2) < 1e-9);
        }
    }
}

static void a_gauge_begins_anew_after_a_gap_and_a_counter_does_not(void **state)
{
    double rate;
    (void)state;

    for (int is_counter = 0; is_counter < 2; is_counter++) {
        reset();
        for (int i = 0; i <= 60; i++)
            add(i, i, is_counter);
        add(60 + 61, 1000, is_counter);
        assert_int_equal(mw_detect_rate(&track, WINDOW_NS, &rate), is_counter);
    }
    assert_true(rate > 0);
}

static void time_that_stands_still_or_goes_back_is_left_out(void **state)
{
    double rate;
    (void)state;

    reset();
    for (int i = 0; i <= 60; i++) {
        add(i, i, false);
        add(i, 1e9, false);
        add(i - 0.5, 1e9, false);
    }
    assert_true(mw_detect_rate(&track, WINDOW_NS, &rate));
    assert_true(fabs(rate - 1) < 1e-9);
}

static void the_time_of_a_line_is_exact(void **state)
{
    double left;
    (void)state;

    reset();
    for (int i = 0; i <= 120; i++) {
        add(i, 100 + 2 * i, false);
        assert_int_equal(mw_detect_time_to(&track, WINDOW_NS, 1000, true, &left), i >= 60);
        if (i >= 60)
            assert_true(fabs(left - (900 - 2 * i) / 2.0) < 1e-6);
    }
    assert_true(mw_detect_time_to(&track, WINDOW_NS, 0, false, &left));
    assert_true(left >= MW_DETECT_NEVER_S);
    assert_true(mw_detect_time_to(&track, WINDOW_NS, 340, true, &left));
    assert_true(left == 0);
}

static void what_stands_still_never_arrives(void **state)
{
    double left;
    (void)state;

    reset();
    for (int i = 0; i <= 120; i++)
        add(i, 5, false);
    assert_true(mw_detect_time_to(&track, WINDOW_NS, 10, true, &left));
    assert_true(left >= MW_DETECT_NEVER_S);
    assert_true(mw_detect_time_to(&track, WINDOW_NS, 0, false, &left));
    assert_true(left >= MW_DETECT_NEVER_S);
}

/* A line through two points would be thrown off by the height of the noise over the window. */
static void noise_moves_the_time_little(void **state)
{
    double left = 0;
    (void)state;

    for (int run = 0; run < 200; run++) {
        reset();
        for (int i = 0; i <= 200; i++)
            add(i, 1000 + 10 * i + (chance() - 0.5) * 200, false);
        assert_true(mw_detect_time_to(&track, WINDOW_NS, 10000, true, &left));
        assert_true(left > 400 && left < 1200); /* 700 */
    }
}

/* A queue that was cleared is not full soon, although it goes on growing. */
static void a_fall_quiets_the_time(void **state)
{
    double left;
    (void)state;

    reset();
    for (int i = 0; i <= 100; i++)
        add(i, 10 * i, false);
    assert_true(mw_detect_time_to(&track, WINDOW_NS, 1100, true, &left));
    assert_true(left < 20);
    for (int i = 101; i <= 120; i++)
        add(i, 10 * (i - 101), false);
    assert_true(mw_detect_time_to(&track, WINDOW_NS, 1100, true, &left));
    assert_true(left >= MW_DETECT_NEVER_S);
    for (int i = 121; i <= 200; i++)
        add(i, 10 * (i - 101), false);
    assert_true(mw_detect_time_to(&track, WINDOW_NS, 1100, true, &left));
    assert_true(fabs(left - 11) < 1e-6);
}

/* Amounts as large as bytes of a machine, times as long as an uptime: no digit that matters is
 * lost. */
static void large_numbers_keep_their_digits(void **state)
{
    double left;
    (void)state;

    reset();
    for (int i = 0; i <= 120; i++)
        add(3e7 + i, 6.4e13 + 4096.0 * i, false);
    assert_true(mw_detect_time_to(&track, WINDOW_NS, 6.4e13 + 4096.0 * 1000, true, &left));
    assert_true(fabs(left - 880) < 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rate_before_half_the_window),
        cmocka_unit_test(the_rate_of_a_line_is_its_slope),
        cmocka_unit_test(a_change_is_in_the_rate_for_one_window),
        cmocka_unit_test(a_counter_that_begins_anew_has_not_fallen),
        cmocka_unit_test(a_gauge_begins_anew_after_a_gap_and_a_counter_does_not),
        cmocka_unit_test(time_that_stands_still_or_goes_back_is_left_out),
        cmocka_unit_test(the_time_of_a_line_is_exact),
        cmocka_unit_test(what_stands_still_never_arrives),
        cmocka_unit_test(noise_moves_the_time_little),
        cmocka_unit_test(a_fall_quiets_the_time),
        cmocka_unit_test(large_numbers_keep_their_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
