#include "detect/detect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

static const struct mw_detect_levels above = {100, 70, false}, below = {10, 12, true};

static void levels_themselves_are_on_the_good_side(void **state)
{
    (void)state;
    assert_int_equal(mw_detect_side(&above, nextafter(100, 200)), MW_DETECT_RAISED);
    assert_int_equal(mw_detect_side(&above, 100), MW_DETECT_BETWEEN);
    assert_int_equal(mw_detect_side(&above, nextafter(70, 200)), MW_DETECT_BETWEEN);
    assert_int_equal(mw_detect_side(&above, 70), MW_DETECT_CLEAR);
    assert_int_equal(mw_detect_side(&below, nextafter(10, 0)), MW_DETECT_RAISED);
    assert_int_equal(mw_detect_side(&below, 10), MW_DETECT_BETWEEN);
    assert_int_equal(mw_detect_side(&below, 12), MW_DETECT_CLEAR);
    assert_int_equal(mw_detect_side(&above, NAN), MW_DETECT_BETWEEN);
    assert_int_equal(mw_detect_side(&below, NAN), MW_DETECT_BETWEEN);
}

static void one_level_for_both_leaves_nothing_between(void **state)
{
    struct mw_detect_levels one = {0, 0, false};
    (void)state;

    assert_int_equal(mw_detect_side(&one, 0), MW_DETECT_CLEAR);
    assert_int_equal(mw_detect_side(&one, nextafter(0, 1)), MW_DETECT_RAISED);
}

static void between_the_levels_nothing_changes(void **state)
{
    (void)state;
    assert_true(mw_detect_raised(&above, false, 101));
    assert_true(mw_detect_raised(&above, true, 71));
    assert_false(mw_detect_raised(&above, false, 99));
    assert_false(mw_detect_raised(&above, true, 70));
}

/* Whatever the values: it becomes raised only over the raise level, clear only at the clear one. */
static void a_change_always_has_its_reason(void **state)
{
    uint64_t random = 1;
    bool raised = false;
    (void)state;

    for (int i = 0; i < 100000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        double value = (double)(random >> 40) / (1 << 24) * 200;
        bool now = mw_detect_raised(&above, raised, value);

        assert_true(now == raised || (now ? value > 100 : value <= 70));
        raised = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_themselves_are_on_the_good_side),
        cmocka_unit_test(one_level_for_both_leaves_nothing_between),
        cmocka_unit_test(between_the_levels_nothing_changes),
        cmocka_unit_test(a_change_always_has_its_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
