#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* The plain definition: decode, then look whether encoding again gives the same bytes. */
static size_t encode(uint32_t code, unsigned char *ret)
{
    if (code < 0x80) {
        ret[0] = (unsigned char)code;
        return 1;
    }
    if (code < 0x800) {
        ret[0] = (unsigned char)(0xc0 | code >> 6);
        ret[1] = (unsigned char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        ret[0] = (unsigned char)(0xe0 | code >> 12);
        ret[1] = (unsigned char)(0x80 | (code >> 6 & 63));
        ret[2] = (unsigned char)(0x80 | (code & 63));
        return 3;
    }
    ret[0] = (unsigned char)(0xf0 | code >> 18);
    ret[1] = (unsigned char)(0x80 | (code >> 12 & 63));
    ret[2] = (unsigned char)(0x80 | (code >> 6 & 63));
    ret[3] = (unsigned char)(0x80 | (code & 63));
    return 4;
}

static void every_character_is_valid_and_no_surrogate(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x120000; code++) {
        unsigned char bytes[4];
        size_t size = encode(code, bytes);
        bool character = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);

        if (mw_utf8_sequence((char *)bytes, size) != (character ? size : 0))
            fail_msg("U+%06X", code);
        for (size_t cut = 1; cut < size; cut++)
            assert_int_equal(mw_utf8_sequence((char *)bytes, cut), 0);
    }
}

/* Of all three bytes that begin like a sequence, exactly as many are one of three as there are
 * characters that take three. */
static void nothing_else_is_valid(void **state)
{
    size_t valid = 0;

    (void)state;
    for (uint32_t i = 0xc0; i < 0x100; i++) {
        for (uint32_t j = 0; j < 0x10000; j++) {
            unsigned char bytes[3] = {(unsigned char)i, (unsigned char)(j >> 8), (unsigned char)j};
            size_t step = mw_utf8_sequence((char *)bytes, 3);

            valid += step == 3;
            assert_true(step != 2 || (i >= 0xc2 && i < 0xe0));
            assert_true(step != 1 && step != 4);
        }
    }
    assert_int_equal(valid, 0x10000 - 0x800 - 0x800); /* U+0800 to U+FFFF without surrogates */
}

static void overlong_forms_and_too_large_values_are_not(void **state)
{
    static const char *const bad[] = {"\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xff",
                                      "\x80",
                                      "\xf0\x90\x80\x7f",
                                      "\xf0\x90\xc0\x80",
                                      "\xe2\x82"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(mw_utf8_sequence(bad[i], strlen(bad[i])), 0);
        assert_false(mw_utf8_valid(bad[i], strlen(bad[i])));
    }
    assert_true(mw_utf8_valid("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x92\xbe", 15));
    assert_true(mw_utf8_valid("", 0));
}

/* Plain text is looked at eight bytes at a time: a bad byte is seen at each place. */
static void one_bad_byte_is_found_anywhere(void **state)
{
    char bytes[40];

    (void)state;
    memset(bytes, 'a', sizeof(bytes));
    for (size_t size = 1; size <= sizeof(bytes); size++) {
        assert_true(mw_utf8_valid(bytes, size));
        for (size_t i = 0; i < size; i++) {
            bytes[i] = '\x80';
            assert_false(mw_utf8_valid(bytes, size));
            bytes[i] = 'a';
        }
    }
}

static void assert_escaped(const char *bytes, size_t size, const char *expected)
{
    char out[64];
    size_t written = mw_utf8_escape(bytes, size, out, sizeof(out));

    assert_int_equal(written, strlen(expected));
    assert_memory_equal(out, expected, written);
}

static void bytes_that_are_not_utf8_are_escaped(void **state)
{
    (void)state;
    assert_escaped("plain", 5, "plain");
    assert_escaped("a\xff"
                   "b",
                   3, "a\\xffb");
    assert_escaped("\xe2\x82", 2, "\\xe2\\x82");
    assert_escaped("\xc3\xa4\x80", 3, "\xc3\xa4\\x80");
    assert_escaped("tab\tnew\nline", 12, "tab\tnew\nline");
    assert_escaped("", 0, "");
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
    static const char bytes[] = "a\xe2\x82\xac\xff";
    char out[9];

    (void)state;
    for (size_t capacity = 0; capacity <= 8; capacity++) {
        size_t expected = capacity < 1 ? 0 : capacity < 4 ? 1 : capacity < 8 ? 4 : 8;

        memset(out, '#', sizeof(out));
        assert_int_equal(mw_utf8_escape(bytes, 5, out, capacity), expected);
        assert_int_equal(out[expected], '#');
    }
}

/* For any bytes: the result is valid, fits into four times the size, and is the same again when
 * escaped once more. */
static void escape_is_total(void **state)
{
    (void)state;
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        size_t size = (size_t)(random() % 24);
        char *bytes = malloc(size + 1), *out = malloc(4 * size + 1), *again = malloc(16 * size + 1);
        size_t written, twice;

        for (size_t j = 0; j < size; j++)
            bytes[j] = (char)(random() % 2 ? random() % 256 : 0xe0 + random() % 32);
        written = mw_utf8_escape(bytes, size, out, 4 * size);
        assert_true(mw_utf8_valid(out, written));
        assert_true(written >= size || size == 0);
        twice = mw_utf8_escape(out, written, again, 16 * size);
        assert_int_equal(twice, written);
        assert_memory_equal(again, out, written);
        free(bytes);
        free(out);
        free(again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_is_valid_and_no_surrogate),
        cmocka_unit_test(nothing_else_is_valid),
        cmocka_unit_test(overlong_forms_and_too_large_values_are_not),
        cmocka_unit_test(one_bad_byte_is_found_anywhere),
        cmocka_unit_test(bytes_that_are_not_utf8_are_escaped),
        cmocka_unit_test(what_does_not_fit_is_left_out_whole),
        cmocka_unit_test(escape_is_total),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
