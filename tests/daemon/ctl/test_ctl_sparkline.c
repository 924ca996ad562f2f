/* A line of bars has one for each number, or as many as the terminal is wide, and a gap is blank.
 */
#include "daemon/ctl/ctl.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void expect(const double *numbers, size_t count, unsigned columns, bool utf8,
                   const char *wanted)
{
    struct mwd_buffer out;

    mwd_buffer_init(&out, 4096);
    mwd_ctl_put_sparkline(numbers, count, columns, utf8, &out);
    mwd_buffer_append(&out, "", 1);
    assert_int_equal(out.failed, 0);
    assert_string_equal(out.bytes, wanted);
    mwd_buffer_deinit(&out);
}

static void least_to_greatest(void **state)
{
    const double rising[] = {0, 1, 2, 3, 4, 5, 6, 7}, few[] = {5, -5, 0};

    (void)state;
    expect(rising, 8, 80, false, "_.:-=+*#\n");
    expect(rising, 8, 80, true, "▁▂▃▄▅▆▇█\n");
    expect(few, 3, 0, false, "#_=\n");
}

static void a_gap_is_blank_and_no_number(void **state)
{
    const double gap[] = {1, NAN, 2}, nothing[] = {NAN, NAN};

    (void)state;
    expect(gap, 3, 80, false, "_ #\n");
    expect(nothing, 2, 80, false, "  \n");
    expect(nothing, 0, 80, false, "\n");
}

static void what_does_not_change_is_low(void **state)
{
    const double flat[] = {3, 3, 3};

    (void)state;
    expect(flat, 3, 80, false, "___\n");
}

static void more_than_fit_are_averaged(void **state)
{
    const double numbers[] = {0, 0, 4, NAN, NAN, NAN, 8, 8}, odd[] = {0, 0, 9, 9, 9};

    (void)state;
    expect(numbers, 8, 4, false, "_= #\n");
    expect(odd, 5, 2, false, "_#\n");
    expect(numbers, 8, 8, false, "__=   ##\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least_to_greatest),
        cmocka_unit_test(a_gap_is_blank_and_no_number),
        cmocka_unit_test(what_does_not_change_is_low),
        cmocka_unit_test(more_than_fit_are_averaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
