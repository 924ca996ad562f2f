#include "base/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct row {
    const char *pattern, *text;
    bool matches;
};

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (mw_glob_matches(rows[i].pattern, rows[i].text, strlen(rows[i].text)) != rows[i].matches)
            fail_msg("\"%s\" against \"%s\" should be %d", rows[i].pattern, rows[i].text,
                     rows[i].matches);
    }
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void literals_stars_and_question_marks(void **state)
{
    static const struct row rows[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"abc", "abc", true},
        {"abc", "abcd", false},
        {"abc", "ab", false},
        {"abc", "ABC", false},
        {"*", "", true},
        {"*", "anything", true},
        {"**", "", true},
        {"post*", "postgres", true},
        {"post*", "post", true},
        {"post*", "pos", false},
        {"*sql", "mysql", true},
        {"*sql", "mysqld", false},
        {"*a*b*", "xxaxxbxx", true},
        {"*a*b*", "xxbxxaxx", false},
        {"a*b*c", "abbbc", true},
        {"a*bc", "abcbc", true},
        {"a*bc", "abcbd", false},
        {"?", "a", true},
        {"?", "", false},
        {"?", "ab", false},
        {"a?c", "abc", true},
        {"?*", "", false},
        {"?*?", "ab", true},
        {"*?", "a", true},
    };

    (void)state;
    CHECK(rows);
}

static void sets(void **state)
{
    static const struct row rows[] = {
        {"[abc]", "b", true},      {"[abc]", "d", false},      {"[a-c]", "b", true},
        {"[a-c]", "d", false},     {"[!a-c]", "d", true},      {"[^a-c]", "b", false},
        {"[!a]", "", false},       {"[]a]", "]", true},        {"[!]a]", "]", false},
        {"[!]a]", "b", true},      {"[a-]", "-", true},        {"[-a]", "-", true},
        {"[c-a]", "b", false},     {"[a", "[a", true},         {"[a", "a", false},
        {"[", "[", true},          {"[]", "[]", true},         {"[!", "[!", true},
        {"kw[0-9]*", "kw0", true}, {"kw[0-9]*", "kwx", false}, {"[*]", "*", true},
        {"[*]", "a", false},       {"[[]", "[", true},         {"[\\]]", "]", true},
        {"[a-\\]]", "]", false},   {"[\\a-c]", "b", true},     {"*[0-9]", "worker-7", true},
    };

    (void)state;
    CHECK(rows);
}

static void backslash_takes_the_next_one_as_it_is(void **state)
{
    static const struct row rows[] = {
        {"\\*", "*", true},     {"\\*", "a", false},   {"\\?", "?", true},    {"\\?", "a", false},
        {"\\[a]", "[a]", true}, {"\\\\", "\\", true},  {"\\a", "a", true},    {"a\\", "a\\", true},
        {"\\", "\\", true},     {"*\\*", "ab*", true}, {"*\\*", "ab", false},
    };

    (void)state;
    CHECK(rows);
}

/* One ? is one character, however many bytes; a byte that is no character is one too. */
static void characters_are_utf8(void **state)
{
    static const struct row rows[] = {
        {"?", "\xc3\xa9", true},
        {"??", "\xc3\xa9", false},
        {"?", "\xf0\x9f\x90\xa7", true},
        {"[\xc3\xa0-\xc3\xbf]", "\xc3\xa9", true},
        {"[\xc3\xa0-\xc3\xbf]", "e", false},
        {"[!a]", "\xe2\x82\xac", true},
        {"?", "\xff", true},
        {"\xff", "\xff", true},
        {"\xff", "\xfe", false},
        {"?", "\xc3", true},
        {"??", "\xc3\x28", true},
        {"[\xff]", "\xff", true},
        {"*\xa9", "\xc3\xa9", false}, /* not the tail of a character */
    };

    (void)state;
    CHECK(rows);
}

static void the_text_needs_no_nul(void **state)
{
    (void)state;
    assert_true(mw_glob_matches("a*", "abXX", 2));
    assert_false(mw_glob_matches("a*X", "abXX", 2));
    assert_true(mw_glob_matches("a?c", "a\0c", 3));
}

static void too_long_a_pattern_matches_nothing(void **state)
{
    char pattern[MW_GLOB_MAX + 2], text[MW_GLOB_MAX + 2];

    (void)state;
    memset(text, 'a', sizeof(text));
    for (size_t size = MW_GLOB_MAX - 1; size <= MW_GLOB_MAX + 1; size++) {
        memset(pattern, 'a', size);
        pattern[size] = '\0';
        assert_int_equal(mw_glob_matches(pattern, text, size), size <= MW_GLOB_MAX);
        memset(pattern, '*', size);
        assert_int_equal(mw_glob_matches(pattern, "x", 1), size <= MW_GLOB_MAX);
    }
}

/* Patterns that take a matcher with a tree of choices longer than the universe has lasted. */
static void stars_do_not_blow_up(void **state)
{
    static const char *const patterns[] = {
        "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
        "*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*b",
        "*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*b",
        "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    };
    char text[4096];
    clock_t begin = clock();

    (void)state;
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        assert_false(mw_glob_matches(patterns[i], text, sizeof(text)));
    assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_stars_and_question_marks),
        cmocka_unit_test(sets),
        cmocka_unit_test(backslash_takes_the_next_one_as_it_is),
        cmocka_unit_test(characters_are_utf8),
        cmocka_unit_test(the_text_needs_no_nul),
        cmocka_unit_test(too_long_a_pattern_matches_nothing),
        cmocka_unit_test(stars_do_not_blow_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
