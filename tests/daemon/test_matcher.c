/* Rules mean what process-exporter means by them; what a group is called is text that can be shown;
 * and what is no rule says why. */
#include "daemon/matcher.h"

#include "base/utf8.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 4 };

/* A rule as tests write it; lists end at NULL. */
struct rule {
    const char *name, *comm[ITEMS], *exe[ITEMS], *cmdline[ITEMS];
};

static struct mwd_matcher_list list_of(const char *const *items)
{
    uint32_t count = 0;

    while (count < ITEMS && items[count])
        count++;
    return (struct mwd_matcher_list){items, count};
}

static int add(struct mwd_matcher *matcher, const struct rule *rule,
               struct mwd_matcher_error *error)
{
    struct mwd_matcher_rule given = {.name = rule->name,
                                     .comm = list_of(rule->comm),
                                     .exe = list_of(rule->exe),
                                     .cmdline = list_of(rule->cmdline),
                                     .origin = "here:1"};

    return mwd_matcher_add(matcher, &given, error);
}

static int setup(void **state)
{
    struct mwd_matcher *matcher;

    assert_int_equal(mwd_matcher_create(&matcher), 0);
    *state = matcher;
    return 0;
}

static int teardown(void **state)
{
    assert_null(mwd_matcher_unref(*state));
    assert_null(mwd_matcher_unref(NULL));
    return 0;
}

static void must_add(struct mwd_matcher *matcher, const struct rule *rule)
{
    struct mwd_matcher_error error = {.why = "no memory"};

    if (add(matcher, rule, &error) < 0)
        fail_msg("%s", error.why);
}

#define ADD(...) must_add(*state, &(struct rule){__VA_ARGS__})

/* argv with '|' for its NULs; NULL: it has none. */
static void expect(struct mwd_matcher *matcher, const char *comm, const char *argv,
                   const char *expected)
{
    char bytes[256], name[MWD_MATCHER_NAME_MAX + 1];
    struct mwd_matcher_process process = {.comm = comm,
                                          .argv = bytes,
                                          .username = "kate",
                                          .cgroups = "12:memory:/a b\n1:name=systemd:/x\n0::/y\n",
                                          .pid = 4711,
                                          .start_ms = 1795377600120};
    uint32_t rule;

    for (size_t i = 0; argv && (i == 0 || argv[i - 1]); i++)
        if (argv[i] == '|')
            bytes[i] = '\0';
        else
            bytes[i] = argv[i];
    process.argv_size = argv ? strlen(argv) + 1 : 0;
    if (mwd_matcher_match(matcher, &process, &rule, name) < 0)
        strcpy(name, "-");
    assert_string_equal(name, expected);
}

static void alternatives_and_all_of_them(void **state)
{
    ADD(.name = "c", .comm = {"bash", "sh"});
    ADD(.name = "both", .comm = {"java", "jsvc"}, .exe = {"jsvc", "/usr/bin/java"});
    ADD(.name = "all", .cmdline = {"^python", "--serve\\b", "-p 80"});
    expect(*state, "bash", "bash|", "c");
    expect(*state, "sh", NULL, "c");
    expect(*state, "bas", "bash|", "-");
    expect(*state, "java", "/usr/bin/java|", "both");
    expect(*state, "java", "java|", "-"); /* with a slash it is the whole argv[0] */
    expect(*state, "java", "/opt/jsvc|-x|", "both");
    expect(*state, "ruby", "/usr/bin/java|", "-");
    expect(*state, "x", "python|a.py|--serve|-p|80|", "all"); /* joined by blanks */
    expect(*state, "x", "python|a.py|--serve|-p|", "-");
    expect(*state, "x", "python|--server|-p|80|", "-");
}

/* In process-exporter the second of two paths with one last part replaces the first. */
static void two_paths_of_one_program_are_alternatives(void **state)
{
    ADD(.name = "a", .exe = {"/bin/a", "/usr/bin/a"});
    expect(*state, "a", "/bin/a|", "a");
    expect(*state, "a", "/usr/bin/a|", "a");
    expect(*state, "a", "a|", "-");
}

static void first_rule_wins(void **state)
{
    ADD(.name = "first", .comm = {"a"});
    ADD(.name = "second", .cmdline = {".+"});
    ADD(.name = "never", .comm = {"a"});
    expect(*state, "a", "a|", "first");
    expect(*state, "b", "b|", "second");
    expect(*state, "b", NULL, "-"); /* a thread of the kernel has no command line */
    assert_int_equal(mwd_matcher_count(*state), 3);
    assert_string_equal(mwd_matcher_template(*state, 1), "second");
    assert_string_equal(mwd_matcher_origin(*state, 1), "here:1");
}

static void templates_are_filled_in(void **state)
{
    ADD(.comm = {"default"});
    ADD(.name = "{{.Comm}}/{{ .ExeBase }}/{{.ExeFull}}", .comm = {"exe"});
    ADD(.name = "{{.Username}} {{.PID}} {{.StartTime}} {{.Cgroups}}", .comm = {"who"});
    ADD(.name = "{{.Matches.a}}+{{.Matches.b}}+{{.Matches.c}}",
        .cmdline = {"-a (?P<a>\\S+)", "(?P<b>-b)|(?P<c>-c)", "(?P<a>.)$"});
    ADD(.name = "}} is {text}", .comm = {"braces"});
    expect(*state, "default", "/usr/bin/d|", "d");
    expect(*state, "default", NULL, "default");
    expect(*state, "exe", "/usr/bin/x|", "exe/x//usr/bin/x");
    expect(*state, "exe", NULL, "exe/exe/exe");
    expect(*state, "exe", "|", "exe/./"); /* as filepath.Base has it */
    expect(*state, "exe", "//|",
           "exe///"
           "//");
    expect(*state, "exe", "/a/b//|", "exe/b//a/b//");
    expect(*state, "who", NULL, "kate 4711 2026-11-22 20:00:00.12 +0000 UTC [/a b /x /y]");
    expect(*state, "m", "m|-a|1|-c|z|", "z++-c"); /* of two of a name the last counts */
    expect(*state, "braces", NULL, "}} is {text}");
}

/* Quotes, backslashes and line ends are for who writes labels; bytes that are no text come escaped;
 * a long name is cut between characters; an empty one is none. */
static void hostile_names_become_text(void **state)
{
    char argv[256], expected[MWD_MATCHER_NAME_MAX + 1];

    ADD(.name = "{{.Matches.x}}", .cmdline = {"(?s)x=(?P<x>.*)"});
    expect(*state, "a", "x=\"\\\n|", "\"\\\n");
    expect(*state, "a", "x=\xff\xc3|", "\\xff\\xc3");
    expect(*state, "a", "x=|", "-");
    expect(*state, "a", "x=other|", "other");
    for (int more = -1; more <= 1; more++) {
        sprintf(argv, "x=%0*d|", MWD_MATCHER_NAME_MAX + more, 1);
        sprintf(expected, "%.*s", MWD_MATCHER_NAME_MAX, argv + 2);
        expected[strcspn(expected, "|")] = '\0';
        expect(*state, "a", argv, expected);
    }
    sprintf(argv, "x=%0*d\xe2\x98\xba|", MWD_MATCHER_NAME_MAX - 2, 1);
    sprintf(expected, "%.*s", MWD_MATCHER_NAME_MAX - 2, argv + 2);
    expect(*state, "a", argv, expected);
}

/* As to process-exporter they are a character each, and no place to hide from a rule; a group has
 * them as they are. */
static void bytes_that_are_not_text_are_searched(void **state)
{
    ADD(.name = "{{.Matches.a}}/{{.Matches.b}}/{{.Matches.c}}",
        .cmdline = {"^x(?P<a>..)y.*-b (?P<b>.{1,3})(?P<c>z)?$"});
    expect(*state, "x", "x\xff\xfey|\xc3|-b|\xc3\xa4\xe2\x98|", "\\xff\\xfe/\xc3\xa4\\xe2\\x98/");
    expect(*state, "x", "x\xff\xffy|-b|z|", "\\xff\\xff/z/");
    expect(*state, "x", "x\xffy|-b|z|", "-");
}

/* A line that a pattern could be looked for in without an end is one that it does not match; the
 * rule says so, and the rules behind it go on. */
static void what_costs_too_much_does_not_match_and_is_counted(void **state)
{
    ADD(.name = "first", .cmdline = {"^x (a|aa)+$"});
    ADD(.name = "second", .cmdline = {"^x"});
    expect(*state, "x", "x|aaaa|", "first");
    assert_int_equal(mwd_matcher_given_up(*state, 0), 0);
    expect(*state, "x", "x|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab|",
           "second");
    assert_int_equal(mwd_matcher_given_up(*state, 0), 1);
    assert_int_equal(mwd_matcher_given_up(*state, 1), 0);
    expect(*state, "y", "y|", "-");
    assert_int_equal(mwd_matcher_given_up(*state, 0), 1);
}

static void what_must_be_known_is_told(void **state)
{
    ADD(.name = "x", .comm = {"a"});
    assert_int_equal(mwd_matcher_needs(*state), 0);
    assert_false(mwd_matcher_is_wide(*state, 0));
    ADD(.name = "{{.Username}}{{.Cgroups}}", .comm = {"a"});
    assert_int_equal(mwd_matcher_needs(*state), MWD_MATCHER_NEEDS_USER | MWD_MATCHER_NEEDS_CGROUPS);
    ADD(.name = "{{.PID}}", .comm = {"a"});
    ADD(.name = "{{.StartTime}}", .comm = {"a"});
    assert_true(mwd_matcher_is_wide(*state, 2) && mwd_matcher_is_wide(*state, 3));
    ADD(.comm = {"a"});
    assert_true(mwd_matcher_needs(*state) & MWD_MATCHER_NEEDS_ARGV);
}

static void what_is_no_rule_says_why(void **state)
{
    static const struct {
        struct rule rule;
        enum mwd_matcher_field field;
        uint32_t item;
        const char *why;
    } rows[] = {
        {{.name = "a"}, MWD_MATCHER_WHOLE, 0, "a rule needs comm, exe or cmdline"},
        {{.comm = {"a", ""}}, MWD_MATCHER_COMM, 1, "an empty text matches no process"},
        {{.exe = {""}}, MWD_MATCHER_EXE, 0, "an empty text matches no process"},
        {{.cmdline = {"a", "b("}},
         MWD_MATCHER_CMDLINE,
         1,
         "the pattern is not one that is taken: missing closing parenthesis, seen behind its byte "
         "2"},
        {{.name = "a{{.Comm", .comm = {"a"}},
         MWD_MATCHER_NAME,
         0,
         "this {{ is never closed by }}, at its byte 2"},
        {{.name = "{{.Matches.x}}", .cmdline = {"(?P<y>a)"}},
         MWD_MATCHER_NAME,
         0,
         "no cmdline of this rule has a group (?P<x>...) for {{.Matches.x}}"},
    };
    static const char *const actions[] = {
        "{{.Cwd}}",    "{{Comm}}",       "{{}}", "{{.Matches.}}", "{{index .Cgroups 0}}",
        "{{- .Comm}}", "{{.Comm | len}}"};
    struct mwd_matcher_error error;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(add(*state, &rows[i].rule, &error), -EINVAL);
        assert_string_equal(error.why, rows[i].why);
        assert_int_equal(error.field, rows[i].field);
        assert_int_equal(error.item, rows[i].item);
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        struct rule rule = {.name = actions[i], .comm = {"a"}};

        assert_int_equal(add(*state, &rule, &error), -EINVAL);
        assert_non_null(strstr(error.why, "a template takes {{.Comm}}, "));
        assert_int_equal(error.field, MWD_MATCHER_NAME);
    }
    assert_int_equal(mwd_matcher_count(*state), 0);
}

static void limits_are_kept(void **state)
{
    char name[MWD_MATCHER_TEMPLATE_MAX + 2];
    struct rule rule = {.name = name, .comm = {"a"}};
    struct mwd_matcher_error error;

    for (int i = 0; i < MWD_MATCHER_RULES_MAX - 1; i++) {
        sprintf(name, "n%d", i);
        must_add(*state, &rule);
    }
    memset(name, 'a', sizeof name);
    name[MWD_MATCHER_TEMPLATE_MAX + 1] = '\0';
    assert_int_equal(add(*state, &rule, &error), -EINVAL);
    name[MWD_MATCHER_TEMPLATE_MAX] = '\0';
    must_add(*state, &rule);
    assert_int_equal(add(*state, &rule, &error), -E2BIG);
}

/* What stands behind the part that is looked at is not found. */
static void long_command_lines_are_cut(void **state)
{
    static char argv[MWD_MATCHER_LINE_MAX + 2];
    struct mwd_matcher_process process = {.comm = "a", .argv = argv};
    char name[MWD_MATCHER_NAME_MAX + 1];
    uint32_t rule;

    ADD(.name = "x", .cmdline = {"b"});
    for (int more = -1; more <= 1; more++) {
        process.argv_size = (size_t)MWD_MATCHER_LINE_MAX + (size_t)more;
        memset(argv, 'a', process.argv_size);
        argv[process.argv_size - 1] = 'b';
        assert_int_equal(mwd_matcher_match(*state, &process, &rule, name), more > 0 ? -ENOENT : 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(alternatives_and_all_of_them),
        TEST(two_paths_of_one_program_are_alternatives),
        TEST(first_rule_wins),
        TEST(templates_are_filled_in),
        TEST(hostile_names_become_text),
        TEST(bytes_that_are_not_text_are_searched),
        TEST(what_costs_too_much_does_not_match_and_is_counted),
        TEST(what_must_be_known_is_told),
        TEST(what_is_no_rule_says_why),
        TEST(limits_are_kept),
        TEST(long_command_lines_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
