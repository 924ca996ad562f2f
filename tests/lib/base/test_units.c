#include "base/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { UNTOUCHED = 4711 };

typedef int (*parse_fn)(const char *text, uint64_t *ret);

struct good {
    const char *text;
    uint64_t value;
};

struct bad {
    const char *text;
    int error;
};

static void assert_good(parse_fn parse, const struct good *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = UNTOUCHED;
        int error = parse(rows[i].text, &value);

        if (error != 0 || value != rows[i].value) {
            fail_msg("\"%s\": error %d, value %llu", rows[i].text, error,
                     (unsigned long long)value);
        }
    }
}

static void assert_bad(parse_fn parse, const struct bad *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = UNTOUCHED;
        int error = parse(rows[i].text, &value);

        if (error != rows[i].error || value != UNTOUCHED) {
            fail_msg("\"%s\": error %d, value %llu", rows[i].text, error,
                     (unsigned long long)value);
        }
    }
}

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void sizes_are_powers_of_1024(void **state)
{
    static const struct good rows[] = {
        {"0", 0},
        {"4096", 4096},
        {"4096B", 4096},
        {"1KB", 1024},
        {"1KiB", 1024},
        {"1kib", 1024},
        {"512 KiB", 512 << 10},
        {"64MB", 64 << 20},
        {"64 mb", 64 << 20},
        {"64\tMiB", 64 << 20},
        {"2GB", UINT64_C(2) << 30},
        {"1TB", UINT64_C(1) << 40},
        {"1TiB", UINT64_C(1) << 40},
        {"8388607TB", UINT64_C(8388607) << 40},
        {"9223372036854775806", INT64_MAX - 1},
        {"9223372036854775807", INT64_MAX},
    };

    (void)state;
    assert_good(mw_units_parse_bytes, rows, COUNT(rows));
}

static void other_sizes_are_refused(void **state)
{
    static const struct bad rows[] = {
        {"", -EINVAL},
        {" 1", -EINVAL},
        {"1 ", -EINVAL},
        {"-1", -EINVAL},
        {"+1", -EINVAL},
        {"MB", -EINVAL},
        {"1.5GB", -EINVAL},
        {"1MBs", -EINVAL},
        {"1MB ", -EINVAL},
        {"1M", -EINVAL},
        {"0x10", -EINVAL},
        {"99999999999999999999 apples", -EINVAL},
        {"9223372036854775808", -ERANGE},
        {"18446744073709551616", -ERANGE},
        {"8388608TB", -ERANGE},
        {"99999999999999999999GB", -ERANGE},
    };

    (void)state;
    assert_bad(mw_units_parse_bytes, rows, COUNT(rows));
}

static void spans_need_their_unit(void **state)
{
    static const struct good rows[] = {
        {"0", 0},
        {"0s", 0},
        {"1ns", 1},
        {"7us", 7000},
        {"250ms", 250000000},
        {"1s", 1000000000},
        {"10 m", UINT64_C(600000000000)},
        {"2h", UINT64_C(7200000000000)},
        {"1d", UINT64_C(86400000000000)},
        {"36499d", UINT64_C(36499) * 86400000000000},
        {"36500d", UINT64_C(36500) * 86400000000000},
    };
    static const struct bad bad[] = {
        {"", -EINVAL},       {"1", -EINVAL},       {"1S", -EINVAL},
        {"1.5s", -EINVAL},   {"-1s", -EINVAL},     {"s", -EINVAL},
        {"1h30m", -EINVAL},  {"1 s ", -EINVAL},    {"0 ", -EINVAL},
        {"36501d", -ERANGE}, {"876001h", -ERANGE}, {"18446744073709551616ns", -ERANGE},
    };

    (void)state;
    assert_good(mw_units_parse_span_ns, rows, COUNT(rows));
    assert_bad(mw_units_parse_span_ns, bad, COUNT(bad));
}

static void counts_are_digits_only(void **state)
{
    static const struct good rows[] = {
        {"0", 0}, {"2000", 2000}, {"9223372036854775807", INT64_MAX}};
    static const struct bad bad[] = {
        {"", -EINVAL},   {"x", -EINVAL},  {"1x", -EINVAL},
        {"1 ", -EINVAL}, {"-1", -EINVAL}, {"9223372036854775808", -ERANGE},
    };

    (void)state;
    assert_good(mw_units_parse_count, rows, COUNT(rows));
    assert_bad(mw_units_parse_count, bad, COUNT(bad));
}

static void formats_are_those_of_the_documentation(void **state)
{
    char text[32];

    (void)state;
    mw_units_format_bytes(64 << 20, text, sizeof(text));
    assert_string_equal(text, "64MB");
    mw_units_format_bytes(1536, text, sizeof(text));
    assert_string_equal(text, "1536");
    mw_units_format_bytes(0, text, sizeof(text));
    assert_string_equal(text, "0");
    mw_units_format_span(1500000000, text, sizeof(text));
    assert_string_equal(text, "1500ms");
    mw_units_format_span(UINT64_C(3600000000000), text, sizeof(text));
    assert_string_equal(text, "1h");
    mw_units_format_span(0, text, sizeof(text));
    assert_string_equal(text, "0");
}

static uint64_t random_value(uint64_t max)
{
    static const uint64_t factors[] = {1,       1000,       1024,
                                       1 << 20, 1000000000, UINT64_C(86400000000000)};
    uint64_t value = (uint64_t)random() << 31 | (uint64_t)random();

    value >>= random() % 62;
    value *= factors[random() % 6];
    return value % (max + 1);
}

static void what_is_formatted_parses_back(void **state)
{
    const uint64_t century = UINT64_C(36500) * 86400000000000;

    (void)state;
    srandom(1);
    for (int i = 0; i < 100000; i++) {
        uint64_t bytes = random_value(INT64_MAX), span = random_value(century), back;
        char text[32];

        mw_units_format_bytes(bytes, text, sizeof(text));
        assert_int_equal(mw_units_parse_bytes(text, &back), 0);
        assert_true(back == bytes);
        mw_units_format_span(span, text, sizeof(text));
        assert_int_equal(mw_units_parse_span_ns(text, &back), 0);
        assert_true(back == span);
    }
}

static void a_small_buffer_is_not_overrun(void **state)
{
    char text[4] = "###";

    (void)state;
    mw_units_format_bytes(UINT64_MAX, text, 3);
    assert_string_equal(text, "18");
    assert_int_equal(text[3], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_powers_of_1024),
        cmocka_unit_test(other_sizes_are_refused),
        cmocka_unit_test(spans_need_their_unit),
        cmocka_unit_test(counts_are_digits_only),
        cmocka_unit_test(formats_are_those_of_the_documentation),
        cmocka_unit_test(what_is_formatted_parses_back),
        cmocka_unit_test(a_small_buffer_is_not_overrun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
