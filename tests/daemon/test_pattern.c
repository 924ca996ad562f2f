/* Patterns that are written for RE2 are taken and mean the same; what is none is refused, with its
 * place; and what would be looked for without an end is given up. */
#include "daemon/pattern.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
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
    int r = mwd_pattern_match(pattern, text, strlen(text), spans);

    if (r < 0) {
        assert_int_equal(r, -ENOENT);
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
} as_re2[] = {
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
    {"a$", "a\n", "-"}, /* no line end is passed over */
    {"^b", "a\nb", "-"},
    {"(?m)^b$", "a\nb\nc", ""},
    {"(?U)(?P<x>a+)", "aaa", "x=a"},
    {"a.c", "a\rc", ""}, /* \n alone ends a line */
    {"(?P<y>b)(?P<x>c)", "abc", "x=c y=b"},
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
    {"^\\pL+$", "a\xc3\xa4", ""},
    {"^\\p{Greek}\\P{Greek}\\PL$",
     "\xce\xb1"
     "a1",
     ""},
    {"^[\\p{Lu}\\d]+$", "A1", ""},
    {"^\\w$", "\xc3\xa4", "-"}, /* ASCII, as \d, \s and \b */
    {"^\\d$", "\xd9\xa1", "-"},
    {".", "\xff\xfe", "-"}, /* bytes that are no UTF-8 are nothing */
    {"(?P<x>b.)",
     "\xff"
     "ab\xff"
     "bc\xff",
     "x=bc"},
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
    {"(?i)\xc3\xa4", "\xc3\x84", ""},
    /* what could go round for ever */
    {"(?:a*)*b", "aab", ""},
    {"(?:a|b*)*c", "abbac", ""},
    {"(?:^)*a", "a", ""},
    {"()()", "", ""},
    {"(|a)+b", "aab", ""},
    {"^\\Qa.b*\\E+$", "a.b**", ""},
    {"\\101\\012", "A\n", ""},
    {"a\\.b\\*c\\\\d\\-e\\/", "a.b*c\\d-e/", ""},
    {"\\t\\n\\r\\f\\x0b\\a", "\t\n\r\f\x0b\a", ""},
};

static void patterns_find_what_re2_finds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof as_re2 / sizeof as_re2[0]; i++) {
        struct mwd_pattern *pattern = make(as_re2[i].pattern);
        char got[256];

        render(pattern, as_re2[i].text, got, sizeof got);
        if (strcmp(got, as_re2[i].expected) != 0)
            fail_msg("%s on %s: %s and not %s", as_re2[i].pattern, as_re2[i].text, got,
                     as_re2[i].expected);
        /* what one match leaves behind does not matter to the next */
        render(pattern, as_re2[i].text, got, sizeof got);
        assert_string_equal(got, as_re2[i].expected);
        mwd_pattern_destroy(pattern);
    }
}

/* What RE2 cannot have, as it never turns back. */
static void more_is_found_than_by_re2(void **state)
{
    static const struct {
        const char *pattern, *text, *expected;
    } rows[] = {
        {"^(?P<x>.)\\1$", "aa", "x=a"},
        {"^(?P<x>.)(?P=x)$", "ab", "-"},
        {"a(?=b)", "ab", ""},
        {"a(?!b)", "ab", "-"},
        {"(?<=a)(?P<x>.)", "ab", "x=b"},
        {"(?<!a)b", "ab", "-"},
        {"(?>a+)a", "aaa", "-"},
        {"a++b", "aab", ""},
        {"a\\Z", "a\n", ""},
        {"(?x) a b # c", "ab", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mwd_pattern *pattern = make(rows[i].pattern);
        char got[256];

        render(pattern, rows[i].text, got, sizeof got);
        if (strcmp(got, rows[i].expected) != 0)
            fail_msg("%s on %s: %s", rows[i].pattern, rows[i].text, got);
        mwd_pattern_destroy(pattern);
    }
}

static void what_is_none_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *pattern;
        uint32_t at;
        const char *why;
    } rows[] = {
        {"(a", 2, "missing closing parenthesis"},
        {"a)", 1, "unmatched closing parenthesis"},
        {"a(?P<>b)", 5, "subpattern name expected"},
        {"(?P<a>x)(?P<a>y)", 14, "two named subpatterns have the same name"},
        {"(?P<1>x)", 4, "subpattern name must start with a non-digit"},
        {"[a", 2, "missing terminating ]"},
        {"a[b-a]", 4, "range out of order"},
        {"[[:nix:]]", 3, "unknown POSIX class name"},
        {"a|+", 2, "quantifier does not follow a repeatable item"},
        {"a**", 2, "quantifier does not follow a repeatable item"},
        {"a{3,2}", 5, "numbers out of order"},
        {"\\pX", 3, "unknown property"},
        {"\\2", 1, "reference to non-existent subpattern"},
        {"ab\\C", 4, "using \\C is disabled"},
        {"a\\", 2, "\\ at end of pattern"},
        {"\\x{110000}", 9, "character code point value"},
        {"a\xff", 1, "UTF-8 error"},
        {"(?J)(?<a>x)|(?<a>y)", 19, "(?J) lets two groups have one name"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mwd_pattern_error error = {UINT32_MAX, ""};
        struct mwd_pattern *pattern = NULL;
        int r = mwd_pattern_create(rows[i].pattern, &error, &pattern);

        if (r != -EINVAL || error.at != rows[i].at || !strstr(error.why, rows[i].why))
            fail_msg("%s: %d, at %u and not %u: %s", rows[i].pattern, r, (unsigned)error.at,
                     (unsigned)rows[i].at, error.why);
        assert_null(pattern);
    }
}

/* At the limit less one, the limit, and one more. */
static void expect_size(size_t size, int expected)
{
    char *text = malloc(size + 1);
    struct mwd_pattern_error error;
    struct mwd_pattern *pattern = NULL;

    assert_non_null(text);
    memset(text, 'a', size);
    text[size] = '\0';
    assert_int_equal(mwd_pattern_create(text, &error, &pattern), expected);
    mwd_pattern_destroy(pattern);
    free(text);
}

static void limits_are_kept(void **state)
{
    char names[64 * MWD_PATTERN_NAMES_MAX], deep[200];
    struct mwd_pattern_error error;
    struct mwd_pattern *pattern = NULL;

    (void)state;
    expect_size(MWD_PATTERN_SIZE_MAX - 1, 0);
    expect_size(MWD_PATTERN_SIZE_MAX, 0);
    expect_size(MWD_PATTERN_SIZE_MAX + 1, -EINVAL);
    for (int more = -1; more <= 1; more++) {
        size_t used = 0;

        for (int i = 0; i < MWD_PATTERN_NAMES_MAX + more; i++)
            used += (size_t)snprintf(names + used, sizeof names - used, "(?P<n%d>a)", i);
        assert_int_equal(mwd_pattern_create(names, &error, &pattern), more > 0 ? -EINVAL : 0);
        pattern = more > 0 ? pattern : mwd_pattern_destroy(pattern);
    }
    for (size_t depth = MWD_PATTERN_DEPTH_MAX - 1; depth <= MWD_PATTERN_DEPTH_MAX + 1; depth++) {
        bool over = depth > MWD_PATTERN_DEPTH_MAX;

        memset(deep, '(', depth);
        memset(deep + depth, ')', depth);
        deep[2 * depth] = '\0';
        assert_int_equal(mwd_pattern_create(deep, &error, &pattern), over ? -EINVAL : 0);
        pattern = over ? pattern : mwd_pattern_destroy(pattern);
    }
}

/* Repetitions of repetitions are many in no room at all. */
static void nothing_is_compiled_for_ever(void **state)
{
    struct mwd_pattern_error error;
    struct mwd_pattern *pattern = NULL;

    (void)state;
    assert_int_equal(
        mwd_pattern_create("(((((a){1000}){1000}){1000}){1000}){1000}", &error, &pattern), -EINVAL);
    assert_int_equal(mwd_pattern_create("((a{100}b){100}c){100}", &error, &pattern), -EINVAL);
}

/* Without a bound the first three would take longer than the universe has, and the last one more
 * memory than it may. It is not asked how long they take: where there is no bound this test does
 * not end. */
static void what_has_no_end_is_given_up(void **state)
{
    static const char *const expressions[] = {"(a|aa)+[^a]", "^(?P<x>(a+)+)+[^a]",
                                              "(.*)(.*)(.*)(.*)[^a]", "^(?:(a)|b)*-?$"};
    struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX];
    static char text[60000];

    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        struct mwd_pattern *pattern = make(expressions[i]);
        int r = mwd_pattern_match(pattern, text, i == 3 ? sizeof text : 4096, spans);

        if (r != -E2BIG)
            fail_msg("%s: %d", expressions[i], r);
        /* and the pattern is as good as before */
        assert_int_equal(mwd_pattern_match(pattern, "aaaa-", 5, spans), 0);
        mwd_pattern_destroy(pattern);
    }
}

/* No place of the text has too many ways, all of them together have. It takes minutes where only
 * those of a place are bounded. */
static void places_together_are_within_the_bound(void **state)
{
    struct mwd_pattern *pattern = make("a.{0,500}.{0,500}[0-9]");
    struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX];
    char text[16384];
    clock_t began = clock();

    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(mwd_pattern_match(pattern, text, sizeof text, spans), -E2BIG);
    assert_true((clock() - began) / CLOCKS_PER_SEC < 10);
    text[800] = '0';
    assert_int_equal(mwd_pattern_match(pattern, text, sizeof text, spans), 0);
    mwd_pattern_destroy(pattern);
}

/* Lines of Java are long, and ask for a way back at each blank. */
static void long_lines_are_within_the_bound(void **state)
{
    struct mwd_pattern *pattern = make("java .*-Dapp=(?P<x>\\S+) .*\\s(?:-\\S+\\s)*--end$");
    struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX];
    char text[16384] = "java ";
    size_t used = strlen(text);

    (void)state;
    while (used < sizeof text - 64)
        used += (size_t)sprintf(text + used, "-cp /opt/java lib/a.jar ");
    used += (size_t)sprintf(text + used, "-Dapp=mail -a -b -c --end");
    assert_int_equal(mwd_pattern_match(pattern, text, used, spans), 0);
    assert_int_equal(spans[0].end - spans[0].begin, 4);
    assert_int_equal(mwd_pattern_match(pattern, text, used - 1, spans), -ENOENT);
    mwd_pattern_destroy(pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_find_what_re2_finds),
        cmocka_unit_test(more_is_found_than_by_re2),
        cmocka_unit_test(what_is_none_is_refused_with_its_place),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(nothing_is_compiled_for_ever),
        cmocka_unit_test(what_has_no_end_is_given_up),
        cmocka_unit_test(places_together_are_within_the_bound),
        cmocka_unit_test(long_lines_are_within_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
