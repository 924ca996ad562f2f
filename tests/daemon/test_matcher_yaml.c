/* process-exporter's file is read as YAML reads it, or is refused with its place and what was
 * expected there. */
#include "daemon/matcher.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int load(struct mwd_matcher *matcher, const char *text, struct mwd_matcher_place *place,
                char *why, size_t room)
{
    struct mwd_buffer buffer;

    mwd_buffer_init(&buffer, 4096);
    int r = mwd_matcher_load(matcher, "g.yml", text, place, &buffer);
    snprintf(why, room, "%.*s", (int)buffer.size, buffer.size ? buffer.bytes : "");
    mwd_buffer_deinit(&buffer);
    return r;
}

static struct mwd_matcher *read_file(const char *text)
{
    struct mwd_matcher *matcher;
    struct mwd_matcher_place place = {0, 0};
    char why[512];

    assert_int_equal(mwd_matcher_create(&matcher), 0);
    if (load(matcher, text, &place, why, sizeof why) < 0)
        fail_msg("%u:%u: %s", (unsigned)place.line, (unsigned)place.column, why);
    return matcher;
}

/* What a process of this comm and argv[0] is grouped as, "-" as nothing. */
static void expect(struct mwd_matcher *matcher, const char *comm, const char *argv,
                   const char *expected)
{
    struct mwd_matcher_process process = {
        .comm = comm, .argv = argv, .argv_size = argv ? strlen(argv) + 1 : 0};
    char name[MWD_MATCHER_NAME_MAX + 1];
    uint32_t rule;

    if (mwd_matcher_match(matcher, &process, &rule, name) < 0)
        strcpy(name, "-");
    assert_string_equal(name, expected);
}

static void every_form_of_its_documentation_is_read(void **state)
{
    struct mwd_matcher *matcher =
        read_file("# groups\n"
                  "---\n"
                  "\n"
                  "process_names:\n"
                  "  # a list below its key, in its column\n"
                  "  - comm:\n"
                  "    - bash\n"
                  "    - 'zsh'   # and this\n"
                  "    name: shells\n"
                  "\n"
                  "  - exe:\n"
                  "      - postgres\n"
                  "      - /usr/local/bin/prometheus\n"
                  "  - name: \"{{.ExeFull}}:{{.Matches.Cfgfile}}\"\n"
                  "    exe: [ /usr/local/bin/process-exporter, 'b c', \"d\" ]\n"
                  "    cmdline:\n"
                  "    - -config.path\\s+(?P<Cfgfile>\\S+)\n"
                  "  -\n"
                  "    name: upstart:-user\n"
                  "    cmdline: ['--user', ]\r\n");

    (void)state;
    assert_int_equal(mwd_matcher_count(matcher), 4);
    assert_string_equal(mwd_matcher_origin(matcher, 0), "g.yml:6");
    assert_string_equal(mwd_matcher_origin(matcher, 3), "g.yml:18");
    expect(matcher, "bash", NULL, "shells");
    expect(matcher, "zsh", NULL, "shells");
    expect(matcher, "x", "/a/postgres", "postgres");
    expect(matcher, "x", "/usr/local/bin/prometheus", "prometheus");
    expect(matcher, "x", "/a/prometheus", "-");
    expect(matcher, "x", "init --user", "upstart:-user");
    mwd_matcher_unref(matcher);
}

static void texts_are_what_yaml_makes_of_them(void **state)
{
    static const struct {
        const char *written, *comm;
    } rows[] = {
        {"[a b]", "a b"},         {"[a#b]", "a#b"},
        {"[-a, x]", "-a"},        {"['it''s']", "it's"},
        {"['a\\b']", "a\\b"},     {"[\"a\\\"b\\\\c\\td\\x41\\u263a\"]", "a\"b\\c\tdA\xe2\x98\xba"},
        {"[\"#x\"] # y", "#x"},   {"\n    - a b  # c", "a b"},
        {"\n    - a#b", "a#b"},   {"\n    - http://x", "http://x"},
        {"\n    - [x", NULL},     {"\n    - a,b]", "a,b]"},
        {"\n    - '#a'", "#a"},   {"\n    - -", NULL},
        {"\n    - --", "--"},     {"\n    - ?a", "?a"},
        {"\n    - true", "true"}, {"\n    - 123", "123"},
        {"\n    - '~'", "~"},     {"\n    - \xc3\xa4", "\xc3\xa4"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mwd_matcher_place place;
        struct mwd_matcher *matcher;
        char text[256], why[512];

        if (rows[i].comm) {
            snprintf(text, sizeof text, "process_names:\n  - name: found\n    comm: %s\n",
                     rows[i].written);
            matcher = read_file(text);
            expect(matcher, rows[i].comm, NULL, "found");
        } else {
            snprintf(text, sizeof text, "process_names:\n  - comm: %s\n", rows[i].written);
            assert_int_equal(mwd_matcher_create(&matcher), 0);
            assert_int_equal(load(matcher, text, &place, why, sizeof why), -EINVAL);
        }
        mwd_matcher_unref(matcher);
    }
}

#define TOP "process_names:\n"

static void what_is_not_read_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *why;
    } rows[] = {
        {"", 1, 1, "process_names: is expected in the first column; got the end of the file"},
        {"# a\n\n", 3, 1,
         "process_names: is expected in the first column; got the end of the file"},
        {"names:\n", 1, 1, "process_names: is expected in the first column; got names:"},
        {" process_names:\n", 1, 2, "process_names: is expected in the first column"},
        {"process_names: []\n", 1, 16, "the end of the line is expected; got []"},
        {TOP, 2, 1, "a list of rules is expected, each begins with -; got the end of the file"},
        {TOP "a: b\n", 2, 1, "a list of rules is expected, each begins with -; got a: b"},
        {TOP "- comm: [a]\nother: x\n", 3, 1, "a rule is expected in the column of the others"},
        {TOP "  - comm: [a]\n - comm: [b]\n", 3, 2,
         "a rule is expected in the column of the others"},
        {TOP "  - comm: [a]\n    - comm: [b]\n", 3, 5, "keys of a rule stand in one column"},
        {TOP "- comm: [a]\n   exe: [b]\n", 3, 4, "keys of a rule stand in one column"},
        {TOP "- com: [a]\n", 2, 3, "one of name, comm, exe and cmdline is expected; got com: [a]"},
        {TOP "- comm [a]\n", 2, 7, "a : is expected behind the key"},
        {TOP "- comm:[a]\n", 2, 7, "a : is expected behind the key, and a blank behind that"},
        {TOP "- comm: a\n", 2, 9, "a list is expected: [a, b] behind the key"},
        {TOP "- comm:\n- exe: [a]\n", 3, 1, "a list is expected: [a, b] behind the key"},
        {TOP "- comm:\n", 3, 1, "a list is expected: [a, b] behind the key"},
        {TOP "- comm: []\n", 2, 3, "an empty list matches nothing"},
        {TOP "- comm: [a\n", 2, 11, "a list in brackets ends on its line, by a ]"},
        {TOP "- comm: [a,\n    b]\n", 2, 12, "a list in brackets ends on its line, by a ]"},
        {TOP "- comm: [a] b\n", 2, 13, "the end of the line is expected; got b"},
        {TOP "- comm: [a b: c]\n", 2, 13, "a text with this in it is expected in quotes"},
        {TOP "- comm: [a[b]\n", 2, 11, "a text with this in it is expected in quotes"},
        {TOP "- comm: ['a' 'b']\n", 2, 14, "a , or a ] is expected; got 'b']"},
        {TOP "- comm: {a: b}\n", 2, 9, "a list is expected"},
        {TOP "- comm:\n  - a: b\n", 3, 6, "a text with this in it is expected in quotes"},
        {TOP "- comm:\n  - *a\n", 3, 5, "a text is expected, in quotes if it begins with this"},
        {TOP "- comm:\n  - &a b\n", 3, 5, "a text is expected, in quotes if it begins with this"},
        {TOP "- comm:\n  - !!str b\n", 3, 5, "a text is expected, in quotes"},
        {TOP "- comm:\n  - |\n    b\n", 3, 5, "a text is expected, in quotes"},
        {TOP "- comm:\n  - null\n", 3, 5, "this is no text in YAML"},
        {TOP "- comm:\n  - ~\n", 3, 5, "this is no text in YAML"},
        {TOP "- comm:\n  - 'a\n", 3, 5, "a text in quotes ends on its line"},
        {TOP "- comm:\n  - \"a\n", 3, 5, "a text in quotes ends on its line"},
        {TOP "- comm:\n  - \"\\d\"\n", 3, 6, "between double quotes"},
        {TOP "- comm:\n  - \"\\x00\"\n", 3, 6, "between double quotes"},
        {TOP "- comm:\n  - 'a' b\n", 3, 9, "the end of the line is expected; got b"},
        {TOP "- comm:\n  - a\n    b\n", 4, 5, "keys of a rule stand in one column"},
        {TOP "- name:\n  comm: [a]\n", 2, 8, "a text is expected on the line of its key"},
        {TOP "- comm: [a]\n  comm: [b]\n", 3, 3, "this key was given in this rule already"},
        {TOP "- name: x\n", 2, 1, "a rule needs comm, exe or cmdline"},
        {TOP "- name: \"{{.X}}\"\n  comm: [a]\n", 2, 9, "a template takes {{.Comm}}"},
        {TOP "- comm: [a]\n  cmdline:\n  - ok\n  - (\n", 5, 5,
         "the pattern is not one that is taken"},
        {TOP "- comm: [a, '']\n", 2, 13, "an empty text matches no process"},
        {TOP "-\n- comm: [a]\n", 3, 1, "a rule is expected: name, comm, exe or cmdline"},
        {TOP "- - comm: [a]\n", 2, 3, "one of name, comm, exe and cmdline is expected"},
        {TOP "\t- comm: [a]\n", 2, 1, "a tab stands here"},
        {TOP "- comm: [a]\t\n", 2, 12, "a tab stands here"},
        {TOP "- comm: [\xff]\n", 2, 10, "a byte stands here that is not UTF-8"},
        {TOP "- comm: [a] # \x01\n", 2, 15, "a byte stands here that is not UTF-8"},
        {TOP "- comm: [a]\n...\n", 3, 1, "a rule is expected in the column of the others"},
        {"--- !x\n" TOP, 1, 5, "the end of the line is expected; got !x"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mwd_matcher_place place = {0, 0};
        struct mwd_matcher *matcher;
        char why[512];

        assert_int_equal(mwd_matcher_create(&matcher), 0);
        int r = load(matcher, rows[i].text, &place, why, sizeof why);
        if (r != -EINVAL || place.line != rows[i].line || place.column != rows[i].column ||
            strncmp(why, rows[i].why, strlen(rows[i].why)) != 0)
            fail_msg("row %zu: %s\n%d, %u:%u: %s", i, rows[i].text, r, (unsigned)place.line,
                     (unsigned)place.column, why);
        mwd_matcher_unref(matcher);
    }
}

/* At the limit less one, the limit, and one more. */
static void limits_are_kept(void **state)
{
    char *text = malloc(1 << 16), why[512];

    (void)state;
    assert_non_null(text);
    for (int more = -1; more <= 1; more++) {
        struct mwd_matcher_place place = {0, 0};
        struct mwd_matcher *matcher;
        size_t used = (size_t)sprintf(text, TOP);

        for (int i = 0; i < MWD_MATCHER_RULES_MAX + more; i++)
            used += (size_t)sprintf(text + used, "- comm: [a%d]\n", i);
        assert_int_equal(mwd_matcher_create(&matcher), 0);
        assert_int_equal(load(matcher, text, &place, why, sizeof why), more > 0 ? -EINVAL : 0);
        if (more > 0) {
            assert_int_equal(place.line, MWD_MATCHER_RULES_MAX + 2);
            assert_string_equal(why, "this is one rule too many: there are at most 256");
        }
        mwd_matcher_unref(matcher);
        used = (size_t)sprintf(text, TOP "- comm:\n");
        for (int i = 0; i < MWD_MATCHER_ITEMS_MAX + more; i++)
            used += (size_t)sprintf(text + used, "  - a%d\n", i);
        assert_int_equal(mwd_matcher_create(&matcher), 0);
        assert_int_equal(load(matcher, text, &place, why, sizeof why), more > 0 ? -EINVAL : 0);
        mwd_matcher_unref(matcher);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_its_documentation_is_read),
        cmocka_unit_test(texts_are_what_yaml_makes_of_them),
        cmocka_unit_test(what_is_not_read_is_refused_with_its_place),
        cmocka_unit_test(limits_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
