#include "collect/collect.h"
#include "tests/lib/collect/system_support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char file[] = "/proc/pressure/memory";

static void parses(const char *text, int error, struct target *ret)
{
    assert_int_equal(target_parse(ret, mw_parse_pressure, text), error);
}

static void both_lines_give_shares_and_totals(void **state)
{
    struct target target;

    (void)state;
    assert_int_equal(
        target_parse_fixture(&target, mw_parse_pressure, "healthy/proc/pressure/memory"), 0);
    assert_share(target.block, MW_SYSTEM_PRESSURE_SOME_AVG10, 0.12);
    assert_share(target.block, MW_SYSTEM_PRESSURE_SOME_AVG60, 1.05);
    assert_share(target.block, MW_SYSTEM_PRESSURE_SOME_AVG300, 0.31);
    assert_value(target.block, MW_SYSTEM_PRESSURE_SOME_TOTAL, 18204412);
    assert_share(target.block, MW_SYSTEM_PRESSURE_FULL_AVG10, 0.0);
    assert_share(target.block, MW_SYSTEM_PRESSURE_FULL_AVG60, 0.88);
    assert_share(target.block, MW_SYSTEM_PRESSURE_FULL_AVG300, 0.20);
    assert_value(target.block, MW_SYSTEM_PRESSURE_FULL_TOTAL, 12011944);
    target_free(&target);
}

static void a_missing_line_is_unsupported(void **state)
{
    struct target target;

    (void)state;
    parses("some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n", 0, &target);
    assert_int_equal(count_present(target.block, file, MW_ABSENT_UNSUPPORTED), 4);
    assert_value(target.block, MW_SYSTEM_PRESSURE_SOME_TOTAL, 5);
    target_free(&target);
}

/* The number's name alone does not say which of the two lines it stands in. */
static void the_order_of_lines_and_numbers_is_free(void **state)
{
    struct target target;

    (void)state;
    parses("full total=7 avg10=2.00\nsome avg300=3.00 total=9\n", 0, &target);
    assert_value(target.block, MW_SYSTEM_PRESSURE_FULL_TOTAL, 7);
    assert_share(target.block, MW_SYSTEM_PRESSURE_FULL_AVG10, 2.0);
    assert_share(target.block, MW_SYSTEM_PRESSURE_SOME_AVG300, 3.0);
    assert_value(target.block, MW_SYSTEM_PRESSURE_SOME_TOTAL, 9);
    assert_int_equal(count_present(target.block, file, MW_ABSENT_UNSUPPORTED), 4);
    target_free(&target);
}

static void a_share_is_at_most_100_percent(void **state)
{
    struct target target;

    (void)state;
    parses("some avg10=99.99 avg60=100.00 avg300=100.01 total=0\n", -ERANGE, &target);
    assert_share(target.block, MW_SYSTEM_PRESSURE_SOME_AVG10, 99.99);
    assert_share(target.block, MW_SYSTEM_PRESSURE_SOME_AVG60, 100.0);
    assert_absent(target.block, MW_SYSTEM_PRESSURE_SOME_AVG300, MW_ABSENT_STALE);
    assert_value(target.block, MW_SYSTEM_PRESSURE_SOME_TOTAL, 0);
    target_free(&target);
}

static void a_total_is_at_most_53_bits(void **state)
{
    struct target target;

    (void)state;
    parses("some total=9007199254740991\nfull total=9007199254740992\n", -ERANGE, &target);
    assert_value(target.block, MW_SYSTEM_PRESSURE_SOME_TOTAL, MW_READING_MAX);
    assert_absent(target.block, MW_SYSTEM_PRESSURE_FULL_TOTAL, MW_ABSENT_STALE);
    target_free(&target);
}

static void what_is_not_a_number_makes_no_sense(void **state)
{
    static const char *const values[] = {"", "x", "-1.00", "1.2.3", "1e1", "nan", "0.5%"};
    struct target target;
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        snprintf(text, sizeof(text), "some avg10=%s avg60=0.50\n", values[i]);
        parses(text, -EINVAL, &target);
        assert_absent(target.block, MW_SYSTEM_PRESSURE_SOME_AVG10, MW_ABSENT_STALE);
        assert_share(target.block, MW_SYSTEM_PRESSURE_SOME_AVG60, 0.5);
        target_free(&target);
    }
}

static void unknown_words_are_passed_over(void **state)
{
    struct target target;
    char text[256];

    (void)state;
    snprintf(text, sizeof(text),
             "\nsome\nmost avg10=1.00\nsome  x avg10 avg5=9.00 %0100d=1 avg60=0.50\n", 0);
    parses(text, 0, &target);
    assert_share(target.block, MW_SYSTEM_PRESSURE_SOME_AVG60, 0.5);
    assert_int_equal(count_present(target.block, file, MW_ABSENT_UNSUPPORTED), 1);
    target_free(&target);
}

static void a_cut_text_leaves_its_end_unknown(void **state)
{
    struct target target;

    (void)state;
    parses("some avg10=0.12 avg60=0.1", -ENODATA, &target);
    assert_share(target.block, MW_SYSTEM_PRESSURE_SOME_AVG10, 0.12);
    assert_int_equal(count_present(target.block, file, MW_ABSENT_STALE), 1);
    target_free(&target);
    parses("", -ENODATA, &target);
    assert_int_equal(count_present(target.block, file, MW_ABSENT_STALE), 0);
    target_free(&target);
}

static void a_text_that_lies_spoils_only_its_own_readings(void **state)
{
    struct target target;

    (void)state;
    assert_int_equal(
        target_parse_fixture(&target, mw_parse_pressure, "truncated/proc/pressure/memory"),
        -ERANGE);
    assert_share(target.block, MW_SYSTEM_PRESSURE_SOME_AVG10, 0.12);
    assert_absent(target.block, MW_SYSTEM_PRESSURE_SOME_AVG60, MW_ABSENT_STALE);
    assert_absent(target.block, MW_SYSTEM_PRESSURE_SOME_AVG300, MW_ABSENT_STALE);
    assert_value(target.block, MW_SYSTEM_PRESSURE_SOME_TOTAL, 18204412);
    assert_share(target.block, MW_SYSTEM_PRESSURE_FULL_AVG10, 0.0);
    assert_absent(target.block, MW_SYSTEM_PRESSURE_FULL_AVG60, MW_ABSENT_STALE);
    target_free(&target);
}

/* Where the kernel has it; a kernel without it has no file or refuses to read it. */
static void reads_this_machine(void **state)
{
    char bytes[4096];
    int fd = open(file, O_RDONLY);
    ssize_t size = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : -1;
    struct target target = target_create();

    (void)state;
    if (size > 0) {
        assert_int_equal(mw_parse_pressure(bytes, (size_t)size, target.block), 0);
        assert_true(count_present(target.block, file, MW_ABSENT_UNSUPPORTED) >= 4);
    } else {
        assert_true(errno == ENOENT || errno == EOPNOTSUPP);
    }
    if (fd >= 0)
        close(fd);
    target_free(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_lines_give_shares_and_totals),
        cmocka_unit_test(a_missing_line_is_unsupported),
        cmocka_unit_test(the_order_of_lines_and_numbers_is_free),
        cmocka_unit_test(a_share_is_at_most_100_percent),
        cmocka_unit_test(a_total_is_at_most_53_bits),
        cmocka_unit_test(what_is_not_a_number_makes_no_sense),
        cmocka_unit_test(unknown_words_are_passed_over),
        cmocka_unit_test(a_cut_text_leaves_its_end_unknown),
        cmocka_unit_test(a_text_that_lies_spoils_only_its_own_readings),
        cmocka_unit_test(reads_this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
