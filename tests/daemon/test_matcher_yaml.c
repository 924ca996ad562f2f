/* process-exporter's file is read as YAML, and what is no file of groups is refused with its place
 * and what was expected there. */
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
    assert_string_equal(mwd_matcher_origin(matcher, 3), "g.yml:19");
    expect(matcher, "bash", NULL, "shells");
    expect(matcher, "zsh", NULL, "shells");
    expect(matcher, "x", "/a/postgres", "postgres");
    expect(matcher, "x", "/usr/local/bin/prometheus", "prometheus");
    expect(matcher, "x", "/a/prometheus", "-");
    expect(matcher, "x", "init --user", "upstart:-user");
    mwd_matcher_unref(matcher);
}

/* The same two rules. */
static void every_form_of_yaml_is_read(void **state)
{
    static const char *const files[] = {
        "{process_names: [{name: x, comm: [a]}, {name: y, comm: [b, c]}]}",
        "\"process_names\": [{\"name\": \"x\", \"comm\": [\"a\"]}, "
        "{\"name\":\"y\",\"comm\":[\"b\", "
        "\"c\"]}]",
        "%YAML 1.1\n---\nprocess_names:\n- {name: x, comm: [a]}\n- comm: [b,\n   c\n   ]\n  name: "
        "y\n"
        "...\n",
        "\xef\xbb\xbfprocess_names:\n- name: x\n  comm: [a]\n- name: y\n  comm: [b, c]\n",
        "\xef\xbb\xbfprocess_names: &all\n  - name: >-\n      x\n    comm: &a [a]\n"
        "  - name: |-\n      y\n    comm:\n    - 'b'\n    - !!str c\n",
        "!!map\nprocess_names: !!seq\n  - ? name\n    : x\n    ? comm\n    : [a]\n  -\n"
        "    comm: [b, c]\t# tab\n    name: \"\\\n      y\"\n",
        "process_names:\r\n- name: x\r\n  comm: [a]\r\n- name: y\r\n  comm: [b, c]\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct mwd_matcher *matcher = read_file(files[i]);

        assert_int_equal(mwd_matcher_count(matcher), 2);
        expect(matcher, "a", NULL, "x");
        expect(matcher, "b", NULL, "y");
        expect(matcher, "c", NULL, "y");
        expect(matcher, "d", NULL, "-");
        mwd_matcher_unref(matcher);
    }
}

static void texts_are_what_yaml_makes_of_them(void **state)
{
    static const struct {
        const char *written, *comm;
    } rows[] = {
        {"[a b]", "a b"},
        {"[a#b]", "a#b"},
        {"[-a, x]", "-a"},
        {"['it''s']", "it's"},
        {"['a\\b']", "a\\b"},
        {"[\"a\\\"b\\\\c\\td\\x41\\u263a\"]", "a\"b\\c\tdA\xe2\x98\xba"},
        {"[\"#x\"] # y", "#x"},
        {"\n    - a b  # c", "a b"},
        {"\n    - a#b", "a#b"},
        {"\n    - http://x", "http://x"},
        {"\n    - [x", NULL},
        {"\n    - a,b]", "a,b]"},
        {"\n    - '#a'", "#a"},
        {"\n    - -", NULL},
        {"\n    - --", "--"},
        {"\n    - ?a", "?a"},
        {"\n    - true", "true"},
        {"\n    - 123", "123"},
        {"\n    - '~'", "~"},
        {"\n    - \xc3\xa4", "\xc3\xa4"},

        {"\n    - !!str null", "null"},
        {"\n    - a\n      b", "a b"},
        {"['a\n       b']", "a b"},
        {"\n    - |\n      a\n", "a\n"},
        {"\n    - >-\n      a\n      b\n", "a b"},
        {"\n    - 1e3", "1e3"},
        {"\n    - 12:30", "12:30"},
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

static const struct {
    const char *text;
    uint32_t line, column;
    const char *why;
} refused[] = {
    {"", 1, 1, "process_names: is expected, and rules below it; got the end of the file"},
    {"# a\n\n", 3, 1, "process_names: is expected, and rules below it; got the end of the file"},
    {"names:\n", 1, 1, "process_names: is expected, and rules below it; got names"},
    {"{}", 1, 2, "process_names: is expected, and rules below it; got the end of the map"},
    {"- a\n", 1, 1, "process_names: is expected, and rules below it; got a list"},
    {"[a]: b\n", 1, 1, "process_names: is expected, and rules below it; got a list"},
    {"process_names: []\n", 1, 17, "a rule is expected: a map with name, comm, exe or cmdline"},
    {TOP, 1, 15, "a list of rules is expected, each begins with -; got nothing"},
    {TOP "  a: b\n", 2, 3, "a list of rules is expected, each begins with -; got a map"},
    {TOP "- comm: [a]\nother: x\n", 3, 1, "nothing but process_names: is expected; got other"},
    {TOP "- comm: [a]\n" TOP, 3, 1, "nothing but process_names: is expected; got process_na"},
    {TOP "  - comm: [a]\n - comm: [b]\n", 3, 2,
     "this is not YAML: while parsing a block mapping, did not find expected key"},
    {TOP "- comm: [a]\n   exe: [b]\n", 3, 4, "this is not YAML: "},
    {TOP "- com: [a]\n", 2, 3, "one of name, comm, exe and cmdline is expected; got com"},
    {TOP "- <<: [a]\n", 2, 3, "one of name, comm, exe and cmdline is expected; got <<"},
    {TOP "- ? [a]\n  : b\n", 2, 5, "one of name, comm, exe and cmdline is expected; got a list"},
    {TOP "- comm [a]\n", 2, 3,
     "a rule is expected: a map with name, comm, exe or cmdline, as - "
     "comm: [a]; got comm [a]"},
    {TOP "-\n", 2, 2,
     "a rule is expected: a map with name, comm, exe or cmdline, as - comm: "
     "[a]; got nothing"},
    {TOP "- - comm: [a]\n", 2, 3, "a rule is expected: a map with"},
    {TOP "- comm: a\n", 2, 9,
     "a list is expected: [a, b] behind the key, or lines of - a below "
     "it; got a"},
    {TOP "- comm:\n- exe: [a]\n", 2, 8, "a list is expected: [a, b] behind the key"},
    {TOP "- comm: {a: b}\n", 2, 9, "a list is expected"},
    {TOP "- comm: []\n", 2, 3, "an empty list matches nothing"},
    {TOP "- comm: [a\n", 3, 1, "this is not YAML: while parsing a flow sequence, did not find "},
    {TOP "- comm: [a] b\n", 2, 13, "this is not YAML: "},
    {TOP "- comm: [a b: c]\n", 2, 10, "a text is expected; got a map"},
    {TOP "- comm: [[a]]\n", 2, 10, "a text is expected; got a list"},
    {TOP "- comm: ['a' 'b']\n", 2, 14, "this is not YAML: "},
    {TOP "- comm: &x [a]\n- comm: *x\n", 3, 9,
     "a list is expected: [a, b] behind the key, or lines of - a below it; got an alias, which "
     "is not taken"},
    {TOP "- comm: [&x a, *x]\n", 2, 16, "a text is expected; got an alias, which is not taken"},
    {TOP "- comm:\n  - !!binary YQ==\n", 3, 5, "a tag stands here"},
    {TOP "- comm:\n  - ! a\n", 3, 5, "a tag stands here"},
    {TOP "- comm: !x [a]\n", 2, 9, "a tag stands here"},
    {TOP "- !x {comm: [a]}\n", 2, 3, "a tag stands here"},
    {TOP "- comm:\n  - null\n", 3, 5,
     "a text is expected, in quotes if it is to be this; got null"},
    {TOP "- comm:\n  - ~\n", 3, 5, "a text is expected, in quotes if it is to be this; got ~"},
    {TOP "- comm:\n  -\n", 3, 4, "a text is expected, in quotes if it is to be this; got nothing"},
    {TOP "- name:\n  comm: [a]\n", 2, 8, "a text is expected, in quotes if it is to be this"},
    {TOP "- name: [a]\n  comm: [a]\n", 2, 9, "a text is expected; got a list"},
    {TOP "- comm:\n  - 'a\n", 4, 1, "this is not YAML: while scanning a quoted scalar, found "},
    {TOP "- comm:\n  - \"\\d\"\n", 3, 6,
     "this is not YAML: while parsing a quoted scalar, found unknown escape character"},
    {TOP "- comm:\n  - \"\\x00\"\n", 3, 5, "no text of a process has a \\0 in it"},
    {TOP "- comm: [a]\n  comm: [b]\n", 3, 3, "this key was given in this rule already"},
    {TOP "- name: x\n", 2, 3, "a rule needs comm, exe or cmdline"},
    {TOP "- name: \"{{.X}}\"\n  comm: [a]\n", 2, 9, "a template takes {{.Comm}}"},
    {TOP "- comm: [a]\n  cmdline:\n  - ok\n  - (\n", 5, 5,
     "the pattern is not one that is taken: missing closing parenthesis, seen behind its byte "
     "1"},
    {TOP "- comm: [\xc3\xa4, '']\n", 2, 13, "an empty text matches no process"},
    {TOP "\t- comm: [a]\n", 2, 1,
     "this is not YAML: while scanning for the next token, found "
     "character that cannot start any token"},
    {TOP "- comm: [\xc3\xa4, \xff]\n", 2, 13, "this is not YAML: invalid leading UTF-8 octet"},
    {TOP "- comm: [a] # \x01\n", 2, 15, "this is not YAML: control characters are not allowed"},
    {TOP "- comm: [a]\n---\n" TOP "- comm: [b]\n", 3, 1,
     "the end of the file is expected; got another document"},
    {"--- !x\n" TOP "- comm: [a]\n", 1, 5, "a tag stands here"},
};

static void what_is_not_read_is_refused_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct mwd_matcher_place place = {0, 0};
        struct mwd_matcher *matcher;
        char why[512];

        assert_int_equal(mwd_matcher_create(&matcher), 0);
        int r = load(matcher, refused[i].text, &place, why, sizeof why);
        if (r != -EINVAL || place.line != refused[i].line || place.column != refused[i].column ||
            strncmp(why, refused[i].why, strlen(refused[i].why)) != 0)
            fail_msg("row %zu: %s\n%d, %u:%u: %s", i, refused[i].text, r, (unsigned)place.line,
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

/* What is deep is refused at its second level, and what would grow at its first alias: so however
 * long the file, few of its bytes are read. */
static void bombs_are_refused_where_they_begin(void **state)
{
    enum { DEEP = 1 << 20 };
    char *text = malloc(DEEP + 64), why[512];

    (void)state;
    assert_non_null(text);
    for (int form = 0; form < 3; form++) {
        struct mwd_matcher_place place = {0, 0};
        struct mwd_matcher *matcher;
        size_t used = (size_t)sprintf(text, "process_names: [{comm: ");

        memset(text + used, "[{-"[form], DEEP);
        for (size_t i = used + 1; form == 2 && i < used + DEEP; i += 2)
            text[i] = ' ';
        text[used + DEEP] = '\0';
        assert_int_equal(mwd_matcher_create(&matcher), 0);
        assert_int_equal(load(matcher, text, &place, why, sizeof why), -EINVAL);
        assert_true(place.line == 1 && place.column <= used + 2);
        mwd_matcher_unref(matcher);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_its_documentation_is_read),
        cmocka_unit_test(every_form_of_yaml_is_read),
        cmocka_unit_test(texts_are_what_yaml_makes_of_them),
        cmocka_unit_test(what_is_not_read_is_refused_with_its_place),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(bombs_are_refused_where_they_begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
