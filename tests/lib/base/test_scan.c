#include "base/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* A scan over a copy on the heap that ends where the text ends, so that a look past the end is seen
 * by the address sanitizer. */
struct fixture {
    char *bytes;
    struct mw_scan scan;
};

static struct fixture over(const char *text)
{
    size_t size = strlen(text);
    struct fixture fixture = {malloc(size > 0 ? size : 1), {NULL, NULL}};

    memcpy(fixture.bytes, text, size);
    fixture.scan = mw_scan_over(fixture.bytes, size);
    return fixture;
}

static void assert_rest(struct fixture *fixture, const char *rest)
{
    assert_int_equal(mw_scan_left(&fixture->scan), strlen(rest));
    assert_memory_equal(fixture->scan.at, rest, strlen(rest));
    free(fixture->bytes);
}

static void takes_numbers_up_to_64_bits(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
        const char *rest;
    } good[] = {
        {"0", 0, ""},
        {"007 kB", 7, " kB"},
        {"18446744073709551614", UINT64_MAX - 1, ""},
        {"18446744073709551615x", UINT64_MAX, "x"},
        {"00000000000000000000000018446744073709551615", UINT64_MAX, ""},
        {"12.5", 12, ".5"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct fixture fixture = over(good[i].text);
        uint64_t value = 1234567;

        assert_true(mw_scan_u64(&fixture.scan, &value));
        assert_true(value == good[i].value);
        assert_rest(&fixture, good[i].rest);
    }
}

static void refuses_what_is_no_number_and_stays(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "18446744073709551616",
                                      "99999999999999999999999",
                                      "184467440737095516150"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fixture fixture = over(bad[i]);
        uint64_t value = 1234567;

        assert_false(mw_scan_u64(&fixture.scan, &value));
        assert_int_equal(value, 1234567);
        assert_rest(&fixture, bad[i]);
    }
}

/* Compared with the C library's own conversion: the nearest double, not one beside it. */
static void takes_decimals_exactly(void **state)
{
    static const char *const good[] = {
        "0",   "0.05", "0.00", "99.99",  "100.0",           "12345",
        "0.1", "0.07", "3.14", "33.333", "999999999999999", "0.99999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct fixture fixture = over(good[i]);
        double value = -1;

        assert_true(mw_scan_decimal(&fixture.scan, &value));
        assert_true(value == strtod(good[i], NULL));
        assert_rest(&fixture, "");
    }
}

static void refuses_other_decimals_and_stays(void **state)
{
    static const char *const bad[] = {"",      ".",   ".5",  "5.",   "1.2.3",
                                      "1..2",  "-1",  "nan", "inf",  "1000000000000000",
                                      "5. 00", "x.1", " 1",  "1.2.", "0.123456789012345"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fixture fixture = over(bad[i]);
        double value = -1;

        assert_false(mw_scan_decimal(&fixture.scan, &value));
        assert_true(value == -1.0);
        assert_rest(&fixture, bad[i]);
    }
}

static void a_decimal_ends_at_the_first_other_byte(void **state)
{
    struct fixture fixture = over("0.25 avg60=");
    double value = -1;

    (void)state;
    assert_true(mw_scan_decimal(&fixture.scan, &value));
    assert_true(value == 0.25);
    assert_rest(&fixture, " avg60=");
}

static void a_literal_is_taken_whole_or_not(void **state)
{
    struct fixture fixture = over("some avg");

    (void)state;
    assert_false(mw_scan_literal(&fixture.scan, "full"));
    assert_false(mw_scan_literal(&fixture.scan, "some avg1"));
    assert_true(mw_scan_literal(&fixture.scan, "some"));
    assert_true(mw_scan_literal(&fixture.scan, ""));
    assert_rest(&fixture, " avg");
}

static void blanks_are_spaces_and_tabs(void **state)
{
    struct fixture fixture = over(" \t \nx");
    struct fixture empty = over("");

    (void)state;
    mw_scan_blanks(&fixture.scan);
    assert_rest(&fixture, "\nx");
    mw_scan_blanks(&empty.scan);
    assert_rest(&empty, "");
}

static void assert_piece(const struct mw_scan *piece, const char *text)
{
    assert_int_equal(mw_scan_left(piece), strlen(text));
    assert_memory_equal(piece->at, text, strlen(text));
}

static void lines_come_one_by_one_the_last_without_newline(void **state)
{
    struct fixture fixture = over("a b\n\nlast");
    struct mw_scan line;

    (void)state;
    assert_true(mw_scan_line(&fixture.scan, &line));
    assert_piece(&line, "a b");
    assert_true(mw_scan_line(&fixture.scan, &line));
    assert_piece(&line, "");
    assert_true(mw_scan_line(&fixture.scan, &line));
    assert_piece(&line, "last");
    assert_true(mw_scan_done(&fixture.scan));
    assert_false(mw_scan_line(&fixture.scan, &line));
    assert_rest(&fixture, "");
}

static void a_newline_at_the_end_begins_no_line(void **state)
{
    struct fixture fixture = over("only\n");
    struct mw_scan line;

    (void)state;
    assert_true(mw_scan_line(&fixture.scan, &line));
    assert_false(mw_scan_line(&fixture.scan, &line));
    assert_rest(&fixture, "");
}

static void until_takes_the_stop_too(void **state)
{
    struct fixture fixture = over("key: value");
    struct mw_scan piece;

    (void)state;
    assert_false(mw_scan_until(&fixture.scan, ';', &piece));
    assert_true(mw_scan_until(&fixture.scan, ':', &piece));
    assert_piece(&piece, "key");
    assert_rest(&fixture, " value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_numbers_up_to_64_bits),
        cmocka_unit_test(refuses_what_is_no_number_and_stays),
        cmocka_unit_test(takes_decimals_exactly),
        cmocka_unit_test(refuses_other_decimals_and_stays),
        cmocka_unit_test(a_decimal_ends_at_the_first_other_byte),
        cmocka_unit_test(a_literal_is_taken_whole_or_not),
        cmocka_unit_test(blanks_are_spaces_and_tabs),
        cmocka_unit_test(lines_come_one_by_one_the_last_without_newline),
        cmocka_unit_test(a_newline_at_the_end_begins_no_line),
        cmocka_unit_test(until_takes_the_stop_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
