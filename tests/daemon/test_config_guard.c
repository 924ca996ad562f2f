/* What libconfuse would misread is either read as people mean it, or refused where it stands. */
#include "config_bench.h"

/* libconfuse counts a comment's line more than once. */
static void comments_do_not_move_line_numbers(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "# one\n#\n## three\n// four\n/* five\n * six\n"
                                               " */\n/**/ interval = 2s # eight\nkeep-fds = x\n"),
                        "m.conf:9: keep-fds: takes a whole number from 0 to 1000000; got \"x\"\n");
    assert_string_equal(bench_load_text(bench, "# one\n/* two\n */ interval = 2s"), "");
    assert_string_equal(bench_origin(bench, "interval"), "m.conf:3");
}

static void lines_are_right_within_a_list(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(
        bench_load_text(bench, "hosts = { # one\n  \"a\", // two\n  \"b c\",\n\n  d, 'e:1' }\n"),
        "m.conf:3: hosts: takes host names without a port, as \"monitor.example.org\", or "
        "addresses, as \"[fd00::5]\"; got \"b c\"\n"
        "m.conf:5: hosts: takes host names without a port, as \"monitor.example.org\", or "
        "addresses, as \"[fd00::5]\"; got \"e:1\"\n");
}

static void comment_marks_inside_quotes_are_text(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "state-dir = \"/a#b//c/*d*/\"\nproc-root = '/'"),
                        "");
    assert_string_equal(bench->config->state_dir, "/a#b//c/*d*/");
    assert_string_equal(bench_load_text(bench, "state-dir = /a//b#c\n"), "");
    assert_string_equal(bench->config->state_dir, "/a//b");
}

/* libconfuse would put the environment's value there, and a message would show it. */
static void nothing_is_expanded(void **state)
{
    struct bench *bench = *state;

    setenv("CONFIG_SECRET", "/hunter2", 1);
    assert_string_equal(bench_load_text(bench, "state-dir = \"${CONFIG_SECRET}\"\n"),
                        "m.conf:1: state-dir: nothing is expanded here: ${ stands in single "
                        "quotes, or as \\${ in double ones; got \"${CONFIG_SECRET}\"\n");
    assert_string_equal(bench_load_text(bench, "interval = ${CONFIG_SECRET}\n"),
                        "m.conf:1: interval: nothing is expanded here: ${ stands in single "
                        "quotes, or as \\${ in double ones; got ${CONFIG_SECRET}\n");
    assert_string_equal(bench_load_text(bench, "hosts = {a${CONFIG_SECRET}b, ${\n}}\n"),
                        "m.conf:1: hosts: nothing is expanded here: ${ stands in single quotes, or "
                        "as \\${ in double ones; got a${CONFIG_SECRET}b\n"
                        "m.conf:1: hosts: nothing is expanded here: ${ stands in single quotes, or "
                        "as \\${ in double ones; got ${\n"
                        "m.conf:2: unexpected closing brace\n");
    assert_string_equal(bench_load_text(bench, "${CONFIG_SECRET} = 1\n"),
                        "m.conf:1: nothing is expanded here: ${ stands in single quotes, or as "
                        "\\${ in double ones; got ${CONFIG_SECRET}\n");
    assert_string_equal(bench_load_text(bench, "state-dir = '/${CONFIG_SECRET}'"), "");
    assert_string_equal(bench->config->state_dir, "/${CONFIG_SECRET}");
    assert_string_equal(bench_load_text(bench, "state-dir = \"/\\${CONFIG_SECRET}\""), "");
    assert_string_equal(bench->config->state_dir, "/${CONFIG_SECRET}");
    unsetenv("CONFIG_SECRET");
}

/* libconfuse would take the rest of the file for a comment, and succeed. */
static void open_comment_is_an_error(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "interval = 2s\n/* rest\nkeep-fds = 5\n"),
                        "m.conf:2: a comment is never closed; got /* rest\n");
}

static void open_quote_is_an_error_on_its_line(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "state-dir = \"/a\nsocket = \"/b\"\nkeep-fds = x\n"),
                        "m.conf:1: state-dir: a quote is not closed on its line; got \"/a\n"
                        "m.conf:3: keep-fds: takes a whole number from 0 to 1000000; got \"x\"\n");
    assert_string_equal(bench_load_text(bench, "\n'keep-fds = 1"),
                        "m.conf:2: a quote is not closed on its line; got 'keep-fds = 1\n");
    assert_string_equal(bench_load_text(bench, "state-dir = \"/a\\"),
                        "m.conf:1: state-dir: a quote is not closed on its line; got \"/a\\\n");
    assert_string_equal(bench_load_text(bench, "state-dir = \"/a\\\nb\"\n"),
                        "m.conf:1: state-dir: a quote is not closed on its line; got \"/a\\\n"
                        "m.conf:2: a quote is not closed on its line; got \"\n");
}

/* libconfuse would leave them out: a*b would be a and b. */
static void odd_bytes_without_quotes_are_refused(void **state)
{
    struct bench *bench = *state;

    static const char *const words[] = {"a*b", "*", "a+b", "+", "a(b)", "a;", "a|b", "?", "<", "`"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char text[64], said[128];

        snprintf(text, sizeof text, "\nhosts = {ok,\n%s}\n", words[i]);
        snprintf(said, sizeof said, "m.conf:3: hosts: this is taken in quotes only; got %s\n",
                 words[i]);
        assert_string_equal(bench_load_text(bench, text), said);
    }
}

static void bytes_that_are_not_text_are_refused(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "interval = 1\x01s\nstate-dir = \"/\x7f\"\n"
                                               "socket = '/\xff'\nhosts = {\"\xc0\xaf\"}\n"),
                        "m.conf:1: interval: there is a byte in it that is not text; got 1\\x01s\n"
                        "m.conf:2: state-dir: there is a byte in it that is not text; got "
                        "\"/\\x7f\"\n"
                        "m.conf:3: socket: there is a byte in it that is not text; got '/\\xff'\n"
                        "m.conf:4: hosts: there is a byte in it that is not text; got "
                        "\"\\xc0\\xaf\"\n");
    /* The mark that stands for what was refused cannot be smuggled in. */
    assert_string_equal(bench_load_text(bench, "interval = \x01\n"),
                        "m.conf:1: interval: there is a byte in it that is not text; got \\x01\n");
}

/* What is wrong in part is wrong once. */
static void bad_end_of_a_word_is_one_error(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "interval = 5\"x\nkeep-fds'y = 3\n"),
                        "m.conf:1: a quote is not closed on its line; got \"x\n"
                        "m.conf:2: a quote is not closed on its line; got 'y = 3\n");
    assert_string_equal(bench_load_text(bench, "fo!o = \"x\nb;r = \"y\"\n"),
                        "m.conf:1: this is taken in quotes only; got fo!o\n"
                        "m.conf:1: a quote is not closed on its line; got \"x\n"
                        "m.conf:2: this is taken in quotes only; got b;r\n");
    assert_string_equal(bench_load_text(bench, "hosts = {\"a\" b*c}\n"),
                        "m.conf:1: hosts: this is taken in quotes only; got b*c\n");
}

/* A NUL would cut the value short. */
static void escapes_are_few(void **state)
{
    struct bench *bench = *state;

    static const char *const escapes[] = {"\\0", "\\x00", "\\n", "\\101", "\\9", "\\a", "\\'"};

    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        char text[64], said[160];

        snprintf(text, sizeof text, "state-dir = \"/a%sb\"", escapes[i]);
        snprintf(said, sizeof said,
                 "m.conf:1: state-dir: a backslash stands only before \", \\ or $; got \"/a%sb\"\n",
                 escapes[i]);
        assert_string_equal(bench_load_text(bench, text), said);
    }
    assert_string_equal(bench_load_text(bench, "state-dir = '/a\\n\\'b\\\\'"), "");
    assert_string_equal(bench->config->state_dir, "/a\\n'b\\");
}

/* To libconfuse "interval|x" would be a way into a block. */
static void key_in_quotes_is_refused(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "\"interval\" = 2s\n\"interval|x\" = 3s\n"),
                        "m.conf:1: a key is expected, without quotes; got \"interval\"\n"
                        "m.conf:2: a key is expected, without quotes; got \"interval|x\"\n");
}

static void adding_to_a_list_is_refused(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "hosts += {\"a b\"}\n"),
                        "m.conf:1: a list is given whole: = and not +=; got +=\n"
                        "m.conf:1: hosts: takes host names without a port, as "
                        "\"monitor.example.org\", or addresses, as \"[fd00::5]\"; got \"a b\"\n");
}

static void files_of_other_systems_are_read(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "\xef\xbb\xbf# x\r\ninterval = 2s\r\n"
                                               "state-dir = \"/a\"\r\nhosts = {\r\na\r\n}\r\n"),
                        "");
    assert_string_equal(bench_origin(bench, "state-dir"), "m.conf:3");
    assert_string_equal(bench_value(bench, "hosts"), "{\"a\"}");
    assert_string_equal(bench_load_text(bench, "interval = 2s\rkeep-fds = 1\r"), "");
    assert_string_equal(bench_load_text(bench, "state-dir = \"/a\rb\"\n"),
                        "m.conf:1: state-dir: there is a byte in it that is not text; got \"/a\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(comments_do_not_move_line_numbers),
        TEST(lines_are_right_within_a_list),
        TEST(comment_marks_inside_quotes_are_text),
        TEST(nothing_is_expanded),
        TEST(open_comment_is_an_error),
        TEST(open_quote_is_an_error_on_its_line),
        TEST(odd_bytes_without_quotes_are_refused),
        TEST(bytes_that_are_not_text_are_refused),
        TEST(bad_end_of_a_word_is_one_error),
        TEST(escapes_are_few),
        TEST(key_in_quotes_is_refused),
        TEST(adding_to_a_list_is_refused),
        TEST(files_of_other_systems_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
