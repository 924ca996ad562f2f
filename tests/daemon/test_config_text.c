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

static void many_syntax_errors_are_all_listed(void **state)
{
    struct bench *bench = *state;
    char text[201];

    for (size_t i = 0; i < 100; i++)
        memcpy(text + 2 * i, "}\n", 3);
    bench_load_text(bench, text);
    assert_int_equal(bench->result, 100);
    assert_non_null(strstr(bench->said, "m.conf:100: unexpected closing brace\n"));
}

/* The text is read again for each, which takes long when it is long, so this is bounded. */
static void syntax_errors_of_a_huge_file_end(void **state)
{
    enum { SIZE = 1000 * 1000 };
    struct bench *bench = *state;
    char *text = malloc(SIZE + 1);

    assert_non_null(text);
    for (size_t i = 0; i < SIZE; i += 2)
        memcpy(text + i, "}\n", 3);
    bench_load_text(bench, text);
    assert_in_range(bench->result, 20, 100);
    assert_non_null(strstr(bench->said, "too many errors in a file of this size"));
    free(text);
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
        TEST(many_syntax_errors_are_all_listed),
        TEST(syntax_errors_of_a_huge_file_end),
        TEST(empty_files_say_nothing),
        TEST(long_texts_come_through_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
