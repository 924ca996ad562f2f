/* Titled blocks are read as people mean them, and each mistake is told once, where it stands. */
#include "config_bench.h"

#define GOOD "reading = queue.length above = 5"

static void texts_are_unescaped(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(
        bench_load_text(bench,
                        "alert \"a \\\"b\\\\\" { " GOOD " summary = \"say \\\"{value}\\\" \\$\"\n"
                        "labels = {\"a=b\", 'c=\\'d\\''} }\nalert 'it\\'s' { " GOOD " }\n"),
        "");
    const struct mw_alert_rule *rule = &bench->config->alerts[bench->config->alert_count - 2];

    assert_string_equal(rule->name, "a \"b\\");
    assert_string_equal(rule->summary, "say \"{value}\" $");
    assert_int_equal(rule->label_count, 2);
    assert_string_equal(rule->labels[1].value, "'d'");
    assert_string_equal(rule[1].name, "it's");
}

/* What stands around it is read as if it were not there, lines included. */
static void rest_of_the_file_is_not_touched(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "keep-fds = 7 alert a {\n" GOOD "\n} interval = 3s\n"
                                               "heap { limit = 32MB }\nalert b { " GOOD " }\n"
                                               "wrong = 1\n"),
                        "m.conf:6: wrong: no such key\n");
    assert_string_equal(bench_load_text(bench, "keep-fds = 7 alert a {\n" GOOD "\n} interval = 3s\n"
                                               "heap { limit = 32MB }\n"),
                        "");
    assert_string_equal(bench_value(bench, "keep-fds"), "7");
    assert_string_equal(bench_value(bench, "interval"), "3s");
    assert_string_equal(bench_origin(bench, "interval"), "m.conf:3");
    assert_string_equal(bench_value(bench, "heap.limit"), "32MB");
}

static void every_mistake_in_a_block_is_told(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(
        bench_load_text(bench, "alert a {\n reding = queue.length\n above 5\n"
                               " for = for = 10\n , \n to = {a b}\n \"x\"\n"
                               " severity = {info}\n keep = \"1\n}\n"),
        "m.conf:2: alert \"a\": no such key: reding; did you mean reading?\n"
        "m.conf:3: alert \"a\": above: needs = and a value; it takes a level in the "
        "unit of the reading, as 512MB, 30s or 100, or a percentage of what the "
        "reading is a part of, as 80%\n"
        "m.conf:4: alert \"a\": for: needs a value; it takes a span from 0s to 1d, "
        "as 30s\n"
        "m.conf:4: alert \"a\": for: takes a span from 0s to 1d, as 30s; got \"10\"\n"
        "m.conf:5: alert \"a\": a key is expected in it; got ,\n"
        "m.conf:6: alert \"a\": to: a comma is expected; got b\n"
        "m.conf:7: alert \"a\": a key is expected in it; got \"x\"\n"
        "m.conf:8: alert \"a\": severity: takes one value and not a list; it takes "
        "info, warning or critical\n"
        "m.conf:9: alert \"a\": keep: a quote is not closed on its line; got \"1\n");
}

/* One missing brace is one error, and hides none behind it. */
static void block_that_is_never_closed_ends_at_the_next_one(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "alert a {\n " GOOD "\nalert b { " GOOD " }\n"
                                               "sink c { type = journal\n"),
                        "m.conf:1: alert \"a\": its { is never closed\n"
                        "m.conf:4: sink \"c\": its { is never closed\n");
    assert_string_equal(
        bench_load_text(bench, "listen = { \"127.0.0.1:1\"\nalert b { " GOOD " }\n"),
        "m.conf:1: listen: its { is never closed; it takes addresses in numbers, "
        "not names, as \"127.0.0.1:9636\" or \"[::1]:9636\", with a port from 0 to "
        "65535\n");
}

static void given_twice_names_both_lines(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "alert a { " GOOD "\n above = 6 }\n"
                                               "alert a { " GOOD " }\n"),
                        "m.conf:2: alert \"a\": above: was given in line 1 already\n"
                        "m.conf:3: alert \"a\": was given in line 1 already\n");
}

static void word_or_title_that_is_none_is_told(void **state)
{
    struct bench *bench = *state;
    char text[200];

    assert_string_equal(bench_load_text(bench, "allert \"a\" { x = 1 { } }\nthing \"b\" { y }\n"
                                               "alert { }\nsink = 5\n"),
                        "m.conf:1: allert: no such block; did you mean alert?\n"
                        "m.conf:2: thing: no such block\n"
                        "m.conf:3: alert: is a block with a title: alert \"NAME\" { ... }\n"
                        "m.conf:4: sink: is a block with a title: sink \"NAME\" { ... }\n");
    assert_string_equal(bench_load_text(bench, "alert \"\" { " GOOD " }\n"),
                        "m.conf:1: alert \"\": takes a name of 1 to 64 bytes; got \"\"\n");
    snprintf(text, sizeof text, "alert \"%064d\" { " GOOD " }\n", 7);
    assert_string_equal(bench_load_text(bench, text), "");
    snprintf(text, sizeof text, "alert \"%065d\" { " GOOD " }\n", 7);
    assert_int_equal(strncmp(bench_load_text(bench, text),
                             "m.conf:1: alert \"\": takes a name of 1 to 64 bytes; got \"000", 57),
                     0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(texts_are_unescaped),
        TEST(rest_of_the_file_is_not_touched),
        TEST(every_mistake_in_a_block_is_told),
        TEST(block_that_is_never_closed_ends_at_the_next_one),
        TEST(given_twice_names_both_lines),
        TEST(word_or_title_that_is_none_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
