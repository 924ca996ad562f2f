#include "daemon/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct writer {
    struct mwd_buffer out;
    struct mwd_json json;
};

static int set_up(void **state)
{
    static struct writer writer;

    mwd_buffer_init(&writer.out, SIZE_MAX);
    mwd_json_init(&writer.json, &writer.out);
    *state = &writer;
    return 0;
}

static int tear_down(void **state)
{
    struct writer *writer = *state;

    mwd_buffer_deinit(&writer->out);
    return 0;
}

/* Compares with what was written since the last call. */
static void expect(struct writer *self, const char *text)
{
    mwd_buffer_append(&self->out, "", 1);
    assert_int_equal(self->out.failed, 0);
    assert_string_equal(self->out.bytes, text);
    self->out.size = 0;
    self->json.comma = false;
}

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

/* ---- structure ---- */

static void commas_stand_between_and_nowhere_else(void **state)
{
    struct writer *self = *state;
    struct mwd_json *json = &self->json;

    mwd_json_open_object(json);
    mwd_json_key(json, "a");
    mwd_json_open_array(json);
    mwd_json_u64(json, 1);
    mwd_json_open_array(json);
    mwd_json_close_array(json);
    mwd_json_open_object(json);
    mwd_json_close_object(json);
    mwd_json_null(json);
    mwd_json_close_array(json);
    mwd_json_key(json, "b");
    mwd_json_bool(json, true);
    mwd_json_key(json, "c");
    mwd_json_bool(json, false);
    mwd_json_key(json, "d");
    mwd_json_string(json, "x");
    mwd_json_close_object(json);
    expect(self, "{\"a\":[1,[],{},null],\"b\":true,\"c\":false,\"d\":\"x\"}");
}

static void values_separate_each_other(void **state)
{
    struct writer *self = *state;

    mwd_json_open_array(&self->json);
    mwd_json_u64(&self->json, 1);
    mwd_json_i64(&self->json, -1);
    mwd_json_f64(&self->json, 0.5);
    mwd_json_text(&self->json, "t", 1);
    mwd_json_null(&self->json);
    mwd_json_close_array(&self->json);
    expect(self, "[1,-1,0.5,\"t\",null]");
}

/* ---- numbers ---- */

static void expect_digits(uint64_t value)
{
    char text[MWD_JSON_DIGITS_ROOM + 1], want[32];
    char *end = mwd_json_digits(text, value);

    assert_in_range(end - text, 1, 20);
    *end = '\0';
    snprintf(want, sizeof(want), "%" PRIu64, value);
    assert_string_equal(text, want);
}

static void digits_at_every_power_and_of_many_numbers(void **state)
{
    uint64_t power = 1, seed = 88172645463325252;

    (void)state;
    for (uint64_t value = 0; value < 100000; value++)
        expect_digits(value);
    for (int i = 0; i < 20; i++, power *= 10) {
        expect_digits(power - 1);
        expect_digits(power);
        expect_digits(power + 1);
    }
    for (int i = 0; i < 64; i++) {
        expect_digits((UINT64_C(1) << i) - 1);
        expect_digits(UINT64_C(1) << i);
    }
    expect_digits(UINT64_MAX);
    for (int i = 0; i < 500000; i++) {
        uint64_t bits = next(&seed);

        expect_digits(bits >> (bits % 64));
    }
}

/* Digits beyond 2^53 - 1 would look exact and be read as another number. */
static void integers_end_where_javascript_ends(void **state)
{
    struct writer *self = *state;

    mwd_json_u64(&self->json, (UINT64_C(1) << 53) - 2);
    expect(self, "9007199254740990");
    mwd_json_u64(&self->json, (UINT64_C(1) << 53) - 1);
    expect(self, "9007199254740991");
    mwd_json_u64(&self->json, UINT64_C(1) << 53);
    expect(self, "9007199254740991");
    mwd_json_u64(&self->json, UINT64_MAX);
    expect(self, "9007199254740991");
    mwd_json_i64(&self->json, 0);
    expect(self, "0");
    mwd_json_i64(&self->json, -7);
    expect(self, "-7");
    mwd_json_i64(&self->json, INT64_MAX);
    expect(self, "9007199254740991");
    mwd_json_i64(&self->json, INT64_MIN);
    expect(self, "-9007199254740991");
}

static void f64_is_as_short_as_it_can_be(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {1.23, "1.23"},
        {-1.5, "-1.5"},
        {0.05, "0.05"},
        {100, "100"},
        {0.000001, "0.000001"},
        {0.0000004, "0"},
        {-0.0000004, "0"},
        {0.0000006, "0.000001"},
        {0.9999999, "1"},
        {-1.9999999, "-2"},
        {1.0000005, "1.000001"},
        {123456.654321, "123456.654321"},
        {999999999999999, "999999999999999"},
        {999999999999998.5, "999999999999998.5"},
        {1e15, "1000000000000000"},
        {18446744073709549568.0, "18446744073709549568"},
        {18446744073709551616.0, "1.8446744073709552e+19"},
        {-1e300, "-1.0000000000000001e+300"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "0"},
        {(double)NAN, "null"},
        {(double)INFINITY, "null"},
        {(double)-INFINITY, "null"},
    };
    struct writer *self = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mwd_json_f64(&self->json, rows[i].value);
        expect(self, rows[i].text);
    }
}

static void f64_reads_back_within_half_a_millionth(void **state)
{
    uint64_t seed = 42;

    (void)state;
    for (int i = 0; i < 300000; i++) {
        double value, back;
        char text[MWD_JSON_NUMBER_ROOM + 1];
        uint64_t bits = next(&seed);
        char *end;

        if (i % 2)
            value = (double)(int64_t)bits / (double)(UINT64_C(1) << (bits % 63));
        else
            memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value))
            continue;
        end = mwd_json_at_f64(text, value);
        assert_in_range(end - text, 1, MWD_JSON_NUMBER_ROOM);
        *end = '\0';
        back = strtod(text, &end);
        assert_int_equal(*end, '\0');
        assert_true(fabs(back - value) <= 0.50001e-6 + fabs(value) * DBL_EPSILON);
        if (fabs(value) < 1e15)
            assert_null(strpbrk(text, "eE"));
    }
}

/* The locale of ps_AF writes a point as two bytes. It is not installed everywhere, so the linker
 * puts these in place of snprintf(), under both of its names. */
static bool foreign_point;

int __wrap_snprintf(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int __wrap___snprintf_chk(char *text, size_t size, int flag, size_t room, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static int __attribute__((format(printf, 3, 0)))
print(char *text, size_t size, const char *format, va_list arguments)
{
    int length = vsnprintf(text, size, format, arguments);
    char *point = strchr(text, '.');

    if (!foreign_point || !point)
        return length;
    memmove(point + 2, point + 1, strlen(point));
    memcpy(point, "\xd9\xab", 2);
    return length + 1;
}

int __wrap_snprintf(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = print(text, size, format, arguments);
    va_end(arguments);
    return length;
}

int __wrap___snprintf_chk(char *text, size_t size, int flag, size_t room, const char *format, ...)
{
    va_list arguments;
    int length;

    (void)flag;
    assert_true(size <= room);
    va_start(arguments, format);
    length = print(text, size, format, arguments);
    va_end(arguments);
    return length;
}

static void locale_changes_nothing(void **state)
{
    struct writer *self = *state;
    char proof[16];

    foreign_point = true;
    snprintf(proof, sizeof(proof), "%.1f", 1.5);
    mwd_json_f64(&self->json, 1.5);
    mwd_json_f64(&self->json, 1.25e200);
    foreign_point = false;
    assert_string_equal(proof, "1\xd9\xab"
                               "5");
    expect(self, "1.5,1.2500000000000000e+200");
}

/* ---- texts ---- */

static void expect_text(struct writer *self, const char *bytes, size_t size, const char *want)
{
    char *at = malloc(6 * size + 2); /* exactly the room that is promised to suffice */
    char *end;

    assert_non_null(at);
    mwd_json_text(&self->json, bytes, size);
    expect(self, want);
    end = mwd_json_at_text(at, bytes, size);
    assert_int_equal(end - at, strlen(want));
    assert_memory_equal(at, want, strlen(want));
    free(at);
}

static void every_byte_comes_out_valid(void **state)
{
    struct writer *self = *state;

    for (int byte = 0; byte < 256; byte++) {
        char raw = (char)byte, want[16];

        if (byte == '"' || byte == '\\')
            snprintf(want, sizeof(want), "\"\\%c\"", byte);
        else if (byte >= 0x20 && byte < 0x7f)
            snprintf(want, sizeof(want), "\"%c\"", byte);
        else if (byte >= 0x80)
            snprintf(want, sizeof(want), "\"\xef\xbf\xbd\"");
        else if (byte && strchr("\b\f\n\r\t", byte))
            snprintf(want, sizeof(want), "\"\\%c\"", "btn_fr"[byte - 8]);
        else
            snprintf(want, sizeof(want), "\"\\u%04x\"", (unsigned)byte);
        expect_text(self, &raw, 1, want);
    }
}

static void text_of_all_kinds(void **state)
{
    struct writer *self = *state;

    expect_text(self, "", 0, "\"\"");
    expect_text(self, "plain text of some length", 25, "\"plain text of some length\"");
    expect_text(self, "a\"b\\c\nd", 7, "\"a\\\"b\\\\c\\nd\"");
    expect_text(self, "a\0b", 3, "\"a\\u0000b\"");
    expect_text(self, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa7", 9,
                "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa7\"");
    expect_text(self, "\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* cut short */
    expect_text(self, "\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* overlong */
    expect_text(self, "\xed\xa0\x80", 3,
                "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* surrogate */
    expect_text(self, "</script>", 9, "\"</script>\"");
}

/* Plain runs are found eight bytes at a time: each odd byte at each place of texts up to 24 bytes.
 */
static void no_place_hides_a_byte(void **state)
{
    static const char odd[] = {'"', '\\', '\n', '\x1f', '\x7f', '\0', '\xff', '\x80'};
    static const char fill[] = "~~~~~~~~~~~~~~~~~~~~~~~~";
    struct writer *self = *state;

    for (int size = 1; size < (int)sizeof(fill); size++) {
        for (int at = 0; at < size; at++) {
            for (size_t i = 0; i < sizeof(odd); i++) {
                char raw[sizeof(fill)], one[16], want[64];
                char *end = mwd_json_at_text(one, &odd[i], 1);

                memcpy(raw, fill, sizeof(raw));
                raw[at] = odd[i];
                snprintf(want, sizeof(want), "\"%.*s%.*s%.*s\"", at, fill, (int)(end - one - 2),
                         one + 1, size - at - 1, fill);
                expect_text(self, raw, (size_t)size, want);
            }
        }
    }
}

static void any_text_reads_back(void **state)
{
    struct writer *self = *state;
    uint64_t seed = 7;

    for (int round = 0; round < 20000; round++) {
        char raw[40];
        size_t size = next(&seed) % sizeof(raw);
        cJSON *tree;

        for (size_t i = 0; i < size; i++)
            raw[i] = (char)(1 + next(&seed) % 127);
        mwd_json_text(&self->json, raw, size);
        mwd_buffer_append(&self->out, "", 1);
        tree = cJSON_ParseWithOpts(self->out.bytes, NULL, 1);
        assert_non_null(tree);
        assert_int_equal(strlen(tree->valuestring), size);
        assert_memory_equal(tree->valuestring, raw, size);
        cJSON_Delete(tree);
        self->out.size = 0;
        self->json.comma = false;
    }
}

/* A text asks for no more room than it takes. */
static void text_ends_right_at_the_limit(void **state)
{
    (void)state;
    for (size_t limit = 9; limit <= 11; limit++) {
        struct mwd_buffer out;
        struct mwd_json json;

        mwd_buffer_init(&out, limit);
        mwd_json_init(&json, &out);
        mwd_json_text(&json, "abc\x01z\n", 4); /* "abc\u0001": 11 bytes */
        assert_int_equal(out.failed, limit < 11 ? -EFBIG : 0);
        mwd_buffer_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commas_stand_between_and_nowhere_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_separate_each_other, set_up, tear_down),
        cmocka_unit_test(digits_at_every_power_and_of_many_numbers),
        cmocka_unit_test_setup_teardown(integers_end_where_javascript_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(f64_is_as_short_as_it_can_be, set_up, tear_down),
        cmocka_unit_test(f64_reads_back_within_half_a_millionth),
        cmocka_unit_test_setup_teardown(locale_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_byte_comes_out_valid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_of_all_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_place_hides_a_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_text_reads_back, set_up, tear_down),
        cmocka_unit_test(text_ends_right_at_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
