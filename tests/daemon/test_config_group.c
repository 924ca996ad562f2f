/* Rules of groups come from blocks and from process-exporter's file, in this order; what is wrong
 * with one is told with its place. */
#include "config_bench.h"

#include <unistd.h>

static const char *load_file(struct bench *bench, const char *groups, const char *more)
{
    char text[1000];

    if (groups)
        bench_write(bench, "g.yml", groups);
    snprintf(text, sizeof text, "metrics-process-names = \"%s/g.yml\"\n%s", bench->folder, more);
    return bench_load_text(bench, text);
}

static void expect_rule(const struct bench *bench, uint32_t rule, const char *name,
                        const char *origin)
{
    const char *got = mwd_matcher_origin(bench->config->groups, rule);

    assert_string_equal(mwd_matcher_template(bench->config->groups, rule), name);
    assert_string_equal(got + (strstr(got, bench->folder) ? strlen(bench->folder) + 1 : 0), origin);
}

static void without_rules_there_is_no_matcher(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, ""), "");
    assert_null(bench->config->groups);
    assert_true(bench->config->metrics_children);
    assert_string_equal(bench_load_text(bench, "group \"a\" { comm = {b} enabled = false }"), "");
    assert_null(bench->config->groups);
}

static void rules_of_blocks_come_before_those_of_the_file(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(
        load_file(bench, "process_names:\n- comm: [c]\n- name: b\n  comm: [d]\n",
                  "group \"{{.Comm}}\" { comm = {a, 'b c'} exe = {/bin/a} cmdline = {'-x\\s+$'} }\n"
                  "group \"b\" { name = \"{{.Username}}\" comm = {b} }\n"
                  "metrics-children = false"),
        "");
    assert_int_equal(mwd_matcher_count(bench->config->groups), 4);
    expect_rule(bench, 0, "{{.Comm}}", "m.conf:2");
    expect_rule(bench, 1, "{{.Username}}", "m.conf:3");
    expect_rule(bench, 2, "{{.ExeBase}}", "g.yml:2");
    expect_rule(bench, 3, "b", "g.yml:3");
    assert_false(bench->config->metrics_children);
}

/* A title names one block: twice in one file is a mistake, in a drop-in it changes the first. In
 * process-exporter's file two rules may make one group, as there. */
static void two_of_one_name(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(
        bench_load_text(bench, "group \"a\" { comm = {b} }\ngroup \"a\" { comm = {c} }"),
        "m.conf:2: group \"a\": was given in line 1 already\n");
    bench_write(bench, "memwatchd.d/1.conf", "group \"a\" { exe = {/bin/c} }");
    assert_string_equal(bench_load_text(bench, "group \"a\" { comm = {b} }"), "");
    assert_int_equal(mwd_matcher_count(bench->config->groups), 1);
    bench_write(bench, "memwatchd.d/1.conf", "group \"a\" { enabled = false }");
    assert_string_equal(bench_load_text(bench, "group \"a\" { comm = {b} }"), "");
    assert_null(bench->config->groups);
    bench_write(bench, "memwatchd.d/1.conf", "");
    assert_string_equal(load_file(bench,
                                  "process_names:\n- name: a\n  comm: [b]\n- name: a\n"
                                  "  comm: [c]\n",
                                  ""),
                        "");
    assert_int_equal(mwd_matcher_count(bench->config->groups), 2);
}

static void what_is_wrong_with_a_block_is_told(void **state)
{
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"group \"a\" { }", "m.conf:1: group \"a\": a rule needs comm, exe or cmdline\n"},
        {"group \"a\" {\n cmdline = {ok,\n '('} }",
         "m.conf:2: group \"a\": cmdline: element 2: the pattern is not one that is taken: "
         "missing closing parenthesis, seen behind its byte 1\n"},
        {"group \"{{.X}}\" { comm = {a} }",
         "m.conf:1: group \"{{.X}}\": a template takes {{.Comm}}, {{.ExeBase}}, {{.ExeFull}}, "
         "{{.Username}}, {{.PID}}, {{.StartTime}}, {{.Cgroups}} and {{.Matches.NAME}}, at its byte "
         "3\n"},
        {"group \"a\" { comm = {b}\n name = \"{{.Matches.y}}\" }",
         "m.conf:2: group \"a\": name: no cmdline of this rule has a group (?P<y>...) for "
         "{{.Matches.y}}\n"},
        {"group \"a\" { comm = {b} children = true }",
         "m.conf:1: group \"a\": no such key: children\n"},
        {"group { comm = {b} }", NULL},
    };
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *said = bench_load_text(bench, rows[i].text);

        if (rows[i].said)
            assert_string_equal(said, rows[i].said);
        assert_true(bench->result > 0);
    }
}

static void what_is_wrong_with_the_file_is_told(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(load_file(bench, NULL, ""), "g.yml: No such file or directory\n");
    assert_string_equal(load_file(bench, "process_names:\n- comm: [a]\n  ex\xff: b\n", ""),
                        "g.yml:3: column 5: this is not YAML: invalid leading UTF-8 octet\n");
    assert_string_equal(load_file(bench, "process_names:\n- comm: [a]\n  cwd: [b]\n", ""),
                        "g.yml:3: column 3: one of name, comm, exe and cmdline is expected; got "
                        "cwd\n");
    bench_write_bytes(bench, "g.yml", "process_names:\n\0", 16);
    assert_string_equal(load_file(bench, NULL, ""),
                        "g.yml:2: a NUL byte: this is not a text file\n");
    assert_string_equal(bench_load_text(bench, "metrics-process-names = \"/\"\n"),
                        "/: is a directory and not a file\n");
    assert_string_equal(
        bench_load_text(bench, "metrics-process-names = g.yml\n"),
        "m.conf:1: metrics-process-names: takes an absolute path, or \"\" for none; "
        "got \"g.yml\"\n");
    /* other errors are told beside it */
    assert_string_equal(
        load_file(bench, "x", "interval = 0"),
        "m.conf:2: interval: takes a span from 100ms to 1h, as 1s; got \"0\"\n"
        "g.yml:1: column 1: process_names: is expected, and rules below it; got x\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_rules_there_is_no_matcher),
        TEST(rules_of_blocks_come_before_those_of_the_file),
        TEST(two_of_one_name),
        TEST(what_is_wrong_with_a_block_is_told),
        TEST(what_is_wrong_with_the_file_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
