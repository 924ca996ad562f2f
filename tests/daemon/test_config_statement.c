/* Each statement is judged by itself, so that one mistake is one error and hides no other. */
#include "config_bench.h"

static void unknown_key_names_the_nearest(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "intervall = 1s\nkeep_fds = 1\nLISTEN = {}\n"
                                               "completely-different = 1\nhost = {}\nfd = 1\n"),
                        "m.conf:1: intervall: no such key; did you mean interval?\n"
                        "m.conf:2: keep_fds: no such key; did you mean keep-fds?\n"
                        "m.conf:3: LISTEN: no such key; did you mean listen?\n"
                        "m.conf:4: completely-different: no such key\n"
                        "m.conf:5: host: no such key; did you mean hosts?\n"
                        "m.conf:6: fd: no such key\n");
}

/* libconfuse stops at the first; and its errors would be about what is left of a list. */
static void unknown_key_goes_with_its_whole_value(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "hsots = {\n \"a\",\n \"b\"\n}\npile {\n limit = 1\n"
                                               " inner { a = {b} }\n}\nsink {} interval = 5\n"),
                        "m.conf:1: hsots: no such key; did you mean hosts?\n"
                        "m.conf:5: pile: no such key\n"
                        "m.conf:9: sink: is a block with a title: sink \"NAME\" { ... }\n"
                        "m.conf:9: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n");
}

/* The second one would count without a word, as an operator in a hurry finds out too late. */
static void key_given_twice_names_both_lines(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "interval = 1s\n\ninterval = 2s\nhosts = {}\n"
                                               "hosts = {\"a\"}\ninterval = 3s\n"),
                        "m.conf:3: interval: was given in line 1 already\n"
                        "m.conf:5: hosts: was given in line 4 already\n"
                        "m.conf:6: interval: was given in line 1 already\n");
}

static void value_that_is_missing_is_said_of_its_key(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "interval\nkeep-fds =\nmax-streams = 1\n"
                                               "insecure { }\nhosts = }\nlog-level ="),
                        "m.conf:1: interval: needs = and a value; it takes a span from 100ms to "
                        "1h, as 1s\n"
                        "m.conf:2: keep-fds: needs a value; it takes a whole number from 0 to "
                        "1000000\n"
                        "m.conf:4: insecure: needs = and a value; it takes true or false\n"
                        "m.conf:5: hosts: needs a value; it takes host names without a port, as "
                        "\"monitor.example.org\", or addresses, as \"[fd00::5]\"\n"
                        "m.conf:5: unexpected closing brace\n"
                        "m.conf:6: log-level: needs a value; it takes error, warning, info or "
                        "debug\n");
}

static void value_may_stand_on_the_next_line(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "interval =\n  2s keep-fds\n=\n\n5\n"), "");
    assert_string_equal(bench_value(bench, "interval"), "2s");
    assert_string_equal(bench_origin(bench, "interval"), "m.conf:1");
    assert_string_equal(bench_origin(bench, "keep-fds"), "m.conf:2");
    assert_string_equal(bench_load_text(bench, "interval =\n  5\n"),
                        "m.conf:2: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n");
}

/* The most likely mistake of all with units. */
static void blank_in_a_value_asks_for_quotes(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "max-body-bytes = 5 MB\n"),
                        "m.conf:1: MB: no such key (a value that has blanks in it stands in "
                        "quotes)\n"
                        "m.conf:1: max-body-bytes: takes a size from 1MB to 1GB, as 32MB; got "
                        "\"5\"\n");
    assert_string_equal(bench_load_text(bench, "max-body-bytes = \"5 MB\"\n"), "");
    assert_string_equal(bench_value(bench, "max-body-bytes"), "5MB");
}

static void list_that_is_never_closed_ends_at_the_next_key(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "hosts = {\"a\", \"b\"\ninterval = 5\n"
                                               "keep-fds = 1\nlisten = {"),
                        "m.conf:1: hosts: its { is never closed; it takes host names without a "
                        "port, as \"monitor.example.org\", or addresses, as \"[fd00::5]\"\n"
                        "m.conf:2: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n"
                        "m.conf:4: listen: its { is never closed; it takes addresses in numbers, "
                        "not names, as \"127.0.0.1:9636\" or \"[::1]:9636\", with a port from 0 to "
                        "65535\n");
}

static void list_for_one_value_is_refused(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "insecure = {true}\n"),
                        "m.conf:1: insecure: takes one value and not a list; it takes true or "
                        "false\n");
}

static void one_value_for_a_list_is_a_list_of_one(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "hosts = a"), "");
    assert_string_equal(bench_value(bench, "hosts"), "{\"a\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unknown_key_names_the_nearest),
        TEST(unknown_key_goes_with_its_whole_value),
        TEST(key_given_twice_names_both_lines),
        TEST(value_that_is_missing_is_said_of_its_key),
        TEST(value_may_stand_on_the_next_line),
        TEST(blank_in_a_value_asks_for_quotes),
        TEST(list_that_is_never_closed_ends_at_the_next_key),
        TEST(list_for_one_value_is_refused),
        TEST(one_value_for_a_list_is_a_list_of_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
