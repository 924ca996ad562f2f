/* Patterns mean what they mean in RE2 as far as they are taken; all else is refused, with its
 * place; no pattern and no text takes more time than their sizes give. */
#include "daemon/pattern.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct mwd_pattern *make(const char *text)
{
    struct mwd_pattern_error error = {0, "nothing"};
    struct mwd_pattern *pattern = NULL;

    if (mwd_pattern_create(text, &error, &pattern) < 0)
        fail_msg("%s: %s at %u", text, error.why, (unsigned)error.at);
    return pattern;
}

/* "-" when it does not match, else what its groups took: "a=x b=" ; "" without groups. */
static void render(struct mwd_pattern *pattern, const char *text, char *to, size_t room)
{
    struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX];
    size_t used = 0;

    *to = '\0';
    if (!mwd_pattern_match(pattern, text, strlen(text), spans)) {
        snprintf(to, room, "-");
        return;
    }
    for (uint32_t i = 0; i < mwd_pattern_names(pattern); i++) {
        bool part = spans[i].begin != UINT32_MAX;

        used += (size_t)snprintf(
            to + used, room - used, "%s%s=%.*s", i ? " " : "", mwd_pattern_name(pattern, i),
            part ? (int)(spans[i].end - spans[i].begin) : 1, part ? text + spans[i].begin : "?");
    }
}

static const struct {
    const char *pattern, *text, *expected;
} finds[] = {
    {"b", "abc", ""},
    {"d", "abc", "-"},
    {"", "", ""},
    {"^abc$", "abc", ""},
    {"^b", "abc", "-"},
    {"a$", "abc", "-"},
    {"\\Abc", "abc", "-"},
    {"bc\\z", "abc", ""},
    {".+", "", "-"},
    {"a.c", "a\nc", "-"},
    {"(?s)a.c", "a\nc", ""},
    {"(?s:a.)c.", "a\nc\n", "-"},
    /* the first way counts, not the longest */
    {"(?P<x>a|ab)", "ab", "x=a"},
    {"(?P<x>a|ab)$", "ab", "x=ab"},
    {"(?P<x>a*?)b", "aab", "x=aa"},
    {"(?P<x>a+?)", "aaa", "x=a"},
    {"(?P<x>a+)", "aaa", "x=aaa"},
    {"(?P<x>a{2,3})", "aaaa", "x=aaa"},
    {"(?P<x>a{2,3}?)", "aaaa", "x=aa"},
    {"(?P<x>a{2,})", "aaaa", "x=aaaa"},
    {"^a{3}$", "aaaa", "-"},
    {"^a{3}$", "aaa", ""},
    {"a{0}b", "b", ""},
    {"a{,3}", "a{,3}", ""}, /* as text: no number comes first */
    {"x{", "x{", ""},
    /* the leftmost match counts */
    {"(?P<x>\\d+)", "ab12cd345", "x=12"},
    {"(?P<x>abcde|b.)", "abcdb1", "x=bc"},
    {"(?<x>[a-c]+)(?P<y>[^a-c]*)", "zabcdef", "x=abc y=def"},
    {"(?P<x>a)|(?P<y>b)", "b", "x=? y=b"},
    {"(?:(?P<x>a)|b)*", "ab", "x=a"},
    {"(?P<x>(?:ab)*)c", "ababc", "x=abab"},
    {"-config.path\\s+(?P<Cfgfile>\\S+)", "x -config.path  /etc/a.yml -v", "Cfgfile=/etc/a.yml"},
    {"-jar\\s+(?:\\S*/)?(?P<jar>[^/]+)\\.jar", "java -jar /opt/app.d/my.jar x", "jar=my"},
    /* classes */
    {"[]a]+", "]", ""},
    {"^[^]a]+$", "b]", "-"},
    {"^[a-]+$", "a-", ""},
    {"^[\\d.]+$", "1.5", ""},
    {"^[^\\D5]+$", "1234", ""},
    {"^[^\\D5]+$", "12345", "-"},
    {"^[[:alpha:]]+[[:^alpha:]]$", "abc1", ""},
    {"^[[:word:]-]+$", "a_1-", ""},
    {"^[\\x41-\\x{43}]+$", "ABC", ""},
    {"^\\w+\\W\\s$", "ab. ", ""},
    {"[\xc3\xa4-\xc3\xb6]", "\xc3\xa5", ""},
    {"^[^x]$", "\xc3\xa5", ""},
    {"^.$", "\xe2\x98\xba", ""},
    {"^..$", "\xff\xfe", ""}, /* bytes that are no UTF-8 are one each */
    {"\\x{fffd}", "\xff", ""},
    /* edges */
    {"\\bfoo\\b", "a foo b", ""},
    {"\\bfoo\\b", "afoo b", "-"},
    {"foo\\B", "foo", "-"},
    {"o\\Bo", "foo", ""},
    /* case */
    {"(?i)JaVa[x-z]", "jAvAY", ""},
    {"(?i:a)b", "AB", "-"},
    {"(?i)a(?-i)b", "AB", "-"},
    {"((?i)a|b)c", "Bc", ""},
    {"((?i)a)b", "AB", "-"},
    {"(?i)[^a]", "A", "-"},
    {"(?i)k", "[", "-"},
    /* what could go round for ever */
    {"(?:a*)*b", "aab", ""},
    {"(?:a|b*)*c", "abbac", ""},
    {"(?:^)*a", "a", ""},
    {"()()", "", ""},
    {"(|a)+b", "aab", ""},
    {"a\\.b\\*c\\\\d\\-e\\/", "a.b*c\\d-e/", ""},
    {"\\t\\n\\r\\f\\v\\a", "\t\n\r\f\v\a", ""},
};

static void patterns_find_what_re2_finds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof finds / sizeof finds[0]; i++) {
        struct mwd_pattern *pattern = make(finds[i].pattern);
        char got[256];

        render(pattern, finds[i].text, got, sizeof got);
        if (strcmp(got, finds[i].expected) != 0)
            fail_msg("%s on %s: %s and not %s", finds[i].pattern, finds[i].text, got,
                     finds[i].expected);
        /* what one match leaves behind does not matter to the next */
        render(pattern, finds[i].text, got, sizeof got);
        assert_string_equal(got, finds[i].expected);
        mwd_pattern_destroy(pattern);
    }
}

static void what_is_not_taken_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *pattern;
        uint32_t at;
    } rows[] = {
        {"(a", 0},           {"a)", 1},
        {"a(?P<>b)", 5},     {"(?P<a>x)(?P<a>y)", 12},
        {"(?P<1>x)", 4},     {"[a", 0},
        {"a[b-a]", 2},       {"[a-\\d]", 1},
        {"[[:nix:]]", 1},    {"*a", 0},
        {"a|+", 2},          {"{2}", 0},
        {"a**", 1},          {"a+{2}", 1},
        {"a{1001}", 1},      {"a{3,2}", 1},
        {"\\pL", 0},         {"a\\Qb\\E", 1},
        {"\\1", 0},          {"\\C", 0},
        {"a\\", 1},          {"\\x4", 0},
        {"\\x{110000}", 0},  {"(?m)a", 0},
        {"(?=a)", 0},        {"(?!a)", 0},
        {"(?<=a)b", 0},      {"(?<!a)b", 0},
        {"(?i)\xc3\xa4", 4}, {"(?i)[\xc3\xa4]", 5},
        {"a\xff", 1},        {"(?", 0},
        {"[\\b]", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mwd_pattern_error error = {UINT32_MAX, NULL};
        struct mwd_pattern *pattern = NULL;
        int r = mwd_pattern_create(rows[i].pattern, &error, &pattern);

        if (r != -EINVAL || error.at != rows[i].at)
            fail_msg("%s: %d, at %u and not %u: %s", rows[i].pattern, r, (unsigned)error.at,
                     (unsigned)rows[i].at, error.why);
        assert_true(strlen(error.why) > 10);
        assert_null(pattern);
    }
}

/* At the limit less one, the limit, and one more. */
static void expect_size(const char *front, size_t size, int expected)
{
    char *text = malloc(size + 1);
    struct mwd_pattern_error error;
    struct mwd_pattern *pattern = NULL;

    assert_non_null(text);
    memset(text, 'a', size);
    memcpy(text, front, strlen(front));
    text[size] = '\0';
    assert_int_equal(mwd_pattern_create(text, &error, &pattern), expected);
    mwd_pattern_destroy(pattern);
    free(text);
}

static void limits_are_kept(void **state)
{
    char names[64 * MWD_PATTERN_NAMES_MAX] = "", deep[200];
    struct mwd_pattern_error error;
    struct mwd_pattern *pattern = NULL;

    (void)state;
    expect_size("", MWD_PATTERN_SIZE_MAX - 1, 0);
    expect_size("", MWD_PATTERN_SIZE_MAX, 0);
    expect_size("", MWD_PATTERN_SIZE_MAX + 1, -EINVAL);
    for (int i = 0; i < MWD_PATTERN_NAMES_MAX; i++)
        sprintf(names + strlen(names), "(?P<n%d>a)", i);
    mwd_pattern_destroy(make(names));
    strcat(names, "(?P<one_more>a)");
    assert_int_equal(mwd_pattern_create(names, &error, &pattern), -EINVAL);
    /* steps: 1999 and the one that ends it, and one more */
    mwd_pattern_destroy(make("a{1000}a{999}"));
    assert_int_equal(mwd_pattern_create("a{1000}a{1000}", &error, &pattern), -EINVAL);
    for (int depth = 63; depth <= 65; depth++) {
        memset(deep, '(', (size_t)depth);
        memset(deep + depth, ')', (size_t)depth);
        deep[2 * depth] = '\0';
        assert_int_equal(mwd_pattern_create(deep, &error, &pattern), depth > 64 ? -EINVAL : 0);
        pattern = depth > 64 ? pattern : mwd_pattern_destroy(pattern);
    }
    mwd_pattern_destroy(make("(?P<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>a)"));
    assert_int_equal(
        mwd_pattern_create("(?P<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>a)", &error, &pattern), -EINVAL);
}

/* Repetitions of nothing are many in no room at all. */
static void nothing_is_compiled_for_ever(void **state)
{
    struct mwd_pattern_error error;
    struct mwd_pattern *pattern = NULL;

    (void)state;
    assert_int_equal(
        mwd_pattern_create("(((((){1000}){1000}){1000}){1000}){1000}", &error, &pattern), -EINVAL);
    assert_int_equal(mwd_pattern_create("((a{100}){100}){100}", &error, &pattern), -EINVAL);
}

static double seconds_of(const char *expression, size_t size)
{
    struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX];
    struct mwd_pattern *pattern = make(expression);
    struct timespec begin, end;
    char *text = malloc(size);

    assert_non_null(text);
    memset(text, 'a', size);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    assert_false(mwd_pattern_match(pattern, text, size, spans));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    free(text);
    mwd_pattern_destroy(pattern);
    return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

/* With one way tried after the other these would take longer than the universe has; 16 times the
 * text takes about 16 times as long, for which 200 times leaves room on any machine. */
static void time_grows_with_the_text(void **state)
{
    static const char *const expressions[] = {"(a*)*b", "(a|aa)+$b", "(?:a?){30}a{30}b",
                                              "^(?P<x>(a+)+)+$\\B", "(.*)(.*)(.*)(.*)x"};

    (void)state;
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        double shorter = seconds_of(expressions[i], 1000),
               longer = seconds_of(expressions[i], 16000);

        if (longer > 200 * shorter + 1)
            fail_msg("%s: %g s of 1000 bytes, %g s of 16000", expressions[i], shorter, longer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_find_what_re2_finds),
        cmocka_unit_test(what_is_not_taken_is_refused_with_its_place),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(nothing_is_compiled_for_ever),
        cmocka_unit_test(time_grows_with_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
