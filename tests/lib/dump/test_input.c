/* Strings: escapes, halves of surrogates, bytes that are no UTF-8, and how much of one is kept. */
#include "dump_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define NAMED(string) SNAPSHOT("6,0,1,0,0", "", string)

static void assert_name(const char *text, const char *name)
{
    struct mw_dump *dump = read_text(text);

    assert_string_equal(node_at(dump, 0).name, name);
    mw_dump_destroy(dump);
}

static void takes_escapes(void **state)
{
    (void)state;
    assert_name(NAMED("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\""), "a\"\\/\b\f\n\r\tz");
    assert_name(NAMED("\"\\u0041\\u00e9\\u20AC\""), "A\xc3\xa9\xe2\x82\xac");
}

static void joins_surrogates(void **state)
{
    (void)state;
    assert_name(NAMED("\"\\ud83d\\ude00\""), "\xf0\x9f\x98\x80");
    assert_name(NAMED("\"\\ud83dx\""), "\xef\xbf\xbdx");
    assert_name(NAMED("\"\\ude00\""), "\xef\xbf\xbd");
    assert_name(NAMED("\"\\ud83d\\n\""), "\xef\xbf\xbd\n");
    assert_name(NAMED("\"\\ud83d\\ud83d\\ude00\""), "\xef\xbf\xbd\xf0\x9f\x98\x80");
    assert_name(NAMED("\"\\ud83d\""), "\xef\xbf\xbd");
}

static void mends_bytes_and_zeros(void **state)
{
    (void)state;
    assert_name(NAMED("\"a\xff\xc3(\""), "a\xef\xbf\xbd\xef\xbf\xbd(");
    assert_name(NAMED("\"\xe2\x82\xac\""), "\xe2\x82\xac");
    assert_name(NAMED("\"a\\u0000b\""), "a\xef\xbf\xbd"
                                        "b");
}

/* At the limit, over it, and with a character across it. */
static void keeps_the_front(void **state)
{
    char text[2048], longest[MW_DUMP_TEXT_MAX + 1];

    (void)state;
    memset(longest, 'x', MW_DUMP_TEXT_MAX);
    longest[MW_DUMP_TEXT_MAX] = '\0';
    snprintf(text, sizeof text, NAMED("\"%s\""), longest);
    assert_name(text, longest);
    snprintf(text, sizeof text, NAMED("\"%sxx\""), longest);
    assert_name(text, longest);
    longest[MW_DUMP_TEXT_MAX - 1] = '\0';
    snprintf(text, sizeof text, NAMED("\"%s\xc3\xa9z\""), longest);
    assert_name(text, longest);
}

static void refuses_what_is_no_string(void **state)
{
    (void)state;
    assert_non_null(strstr(refused(NAMED("\"\\x\"")), "behind a backslash, found 'x'"));
    assert_non_null(strstr(refused(NAMED("\"\\u12g4\"")), "four hexadecimal digits"));
    assert_non_null(strstr(refused(NAMED("\"a\nb\"")), "found the byte 0x0a"));
    assert_non_null(strstr(refused(NAMED("7")), "expected a string, found '7'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_escapes),
        cmocka_unit_test(joins_surrogates),
        cmocka_unit_test(mends_bytes_and_zeros),
        cmocka_unit_test(keeps_the_front),
        cmocka_unit_test(refuses_what_is_no_string),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
