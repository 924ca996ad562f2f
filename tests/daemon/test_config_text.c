/* What libconfuse refuses is taken out, and the rest of the file is read all the same. */
#include "config_bench.h"

static void values_behind_a_syntax_error_are_checked(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "hosts = {\"a\" \"b\"}\ninterval = 5\n}\n, = {\n"
                                               "keep-fds = x\n"),
                        "m.conf:1: unexpected token 'b'\n"
                        "m.conf:2: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n"
                        "m.conf:3: unexpected closing brace\n"
                        "m.conf:4: unexpected token ','\n"
                        "m.conf:5: keep-fds: takes a whole number from 0 to 1000000; got \"x\"\n");
}

/* Without its second line the value of the first one would look like the name of a block. */
static void what_is_taken_out_does_not_change_the_rest(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "log-level = d\n}\n{keep-fds = '\n}{\n"),
                        "m.conf:1: log-level: takes error, warning, info or debug; got \"d\"\n"
                        "m.conf:2: unexpected closing brace\n"
                        "m.conf:3: a quote is not closed on its line; got '\n"
                        "m.conf:3: unexpected token '{'\n"
                        "m.conf:4: unexpected closing brace\n");
}

static void nested_lists_are_refused(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "hosts = {\n\"a\",\n{\"b\"}\n}\ninterval = 5\n"),
                        "m.conf:3: unexpected token '{'\n"
                        "m.conf:5: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n");
}

/* What it cannot read says nothing about what is between keys: no listen, no socket. */
static void dropped_list_brings_no_second_error(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "listen = {,}\nsocket = \"\"\n"),
                        "m.conf:1: unexpected token ','\n");
}

static void comma_behind_the_last_element_is_fine(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "hosts = {\"a\",\n\"b\",\n}\n"), "");
    assert_string_equal(bench_value(bench, "hosts"), "{\"a\", \"b\"}");
}

/* It parses the text again for each, so this is bounded. */
static void many_syntax_errors_end(void **state)
{
    struct bench *bench = *state;
    char text[4 * MWD_CONFIG_ERRORS_MAX + 1], last[80];

    for (size_t i = 0; i < 2 * MWD_CONFIG_ERRORS_MAX; i++)
        memcpy(text + 2 * i, "}\n", 3);
    bench_load_text(bench, text);
    assert_int_equal(bench->result, MWD_CONFIG_ERRORS_MAX + 1);
    snprintf(last, sizeof last, "m.conf:%d: unexpected closing brace\nand 1 more\n",
             MWD_CONFIG_ERRORS_MAX);
    assert_non_null(strstr(bench->said, last));
}

static void empty_files_say_nothing(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, ""), "");
    assert_string_equal(bench_load_text(bench, "\n"), "");
    assert_string_equal(bench_load_text(bench, "#"), "");
    assert_string_equal(bench_load_text(bench, "/**/"), "");
    assert_string_equal(bench_load_text(bench, " \t\r\n # x"), "");
    assert_string_equal(bench_origin(bench, "interval"), "default");
}

/* A buffer that grows by 32 bytes is no reason for another limit. */
static void long_texts_come_through_whole(void **state)
{
    struct bench *bench = *state;

    for (size_t size = 30; size < 100; size++) {
        char text[256], *end = text + sprintf(text, "state-dir = \"/");

        memset(end, 'x', size);
        memcpy(end + size, "\"\n", 3);
        assert_string_equal(bench_load_text(bench, text), "");
        assert_int_equal(strlen(bench->config->state_dir), size + 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_behind_a_syntax_error_are_checked),
        TEST(what_is_taken_out_does_not_change_the_rest),
        TEST(nested_lists_are_refused),
        TEST(dropped_list_brings_no_second_error),
        TEST(comma_behind_the_last_element_is_fine),
        TEST(many_syntax_errors_end),
        TEST(empty_files_say_nothing),
        TEST(long_texts_come_through_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
