/* A sink has what its type needs, and nothing that its type would pass over without a word. */
#include "config_bench.h"

static const char *load_sink(struct bench *bench, const char *keys)
{
    char text[1000];

    snprintf(text, sizeof text, "sink a {\n%s\n}\n", keys);
    return bench_load_text(bench, text);
}

#define URL_TAKES                                                                                  \
    "an http or https address without a password in it; of an alertmanager all members, as "       \
    "{\"http://a:9093\", \"http://b:9093\"}"

static void good_sinks_are_taken(void **state)
{
    struct bench *bench = *state;
    const struct mwd_sink_config *sink;

    assert_string_equal(load_sink(bench,
                                  "type = webhook url = \"https://[::1]:8/x?y=z\"\n"
                                  "token-file = /t ca-file = /c deadline = 10m timeout = 1s\n"
                                  "queue = 9"),
                        "");
    sink = &bench->config->sinks[0];
    assert_int_equal(bench->config->sink_count, 1);
    assert_int_equal(sink->type, MWD_SINK_WEBHOOK);
    assert_string_equal(sink->urls->items[0], "https://[::1]:8/x?y=z");
    assert_string_equal(sink->token_file, "/t");
    assert_string_equal(sink->ca_file, "/c");
    assert_true(sink->deadline_ns == 600000000000 && sink->timeout_ns == 1000000000);
    assert_true(sink->queue == 9 && sink->enabled);
    assert_string_equal(load_sink(bench, "type = exec command = {/bin/sh, \"\", \"a b\"}"), "");
    assert_int_equal(bench->config->sinks[0].command->count, 3);
    assert_string_equal(load_sink(bench, "type = alertmanager url = {\"http://a\", \"http://b\"}"),
                        "");
    assert_int_equal(bench->config->sinks[0].urls->count, 2);
    assert_string_equal(load_sink(bench, "type = journal enabled = false"), "");
    assert_false(bench->config->sinks[0].enabled);
}

static void type_has_what_it_needs(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(load_sink(bench, ""), "m.conf:1: sink \"a\": needs a type: webhook, "
                                              "alertmanager, exec or journal\n");
    assert_string_equal(load_sink(bench, "type = webhok"),
                        "m.conf:2: sink \"a\": type: takes webhook, alertmanager, exec or journal; "
                        "got \"webhok\"\n");
    assert_string_equal(load_sink(bench, "type = webhook"),
                        "m.conf:1: sink \"a\": type webhook needs url: " URL_TAKES "\n");
    assert_string_equal(load_sink(bench, "type = exec url = \"http://a\""),
                        "m.conf:2: sink \"a\": url: a sink of type exec has no use for it\n"
                        "m.conf:1: sink \"a\": type exec needs command: the absolute path of a "
                        "program and its arguments, as {\"/usr/local/bin/page\", \"--now\"}\n");
    assert_string_equal(
        load_sink(bench, "type = exec command = page"),
        "m.conf:2: sink \"a\": command: begins with the absolute path of a program: "
        "no PATH is looked through\n");
    assert_string_equal(load_sink(bench, "type = webhook url = {\"http://a\", \"http://b\"}"),
                        "m.conf:2: sink \"a\": url: a webhook takes one address; for another one "
                        "there is another sink\n");
}

/* A password would be shown to whoever may see the configuration. */
static void address_is_one(void **state)
{
    static const char *const bad[] = {"ftp://a",         "http://",    "http:///x",
                                      "http://u:p@h/",   "a",          "http://a b",
                                      "http://a:99999/", "http://a:/", "http://[::1]:x"};
    struct bench *bench = *state;
    char keys[200], said[400];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(keys, sizeof keys, "type = webhook url = \"%s\"", bad[i]);
        snprintf(said, sizeof said, "m.conf:2: sink \"a\": url: takes " URL_TAKES "; got \"%s\"\n",
                 bad[i]);
        assert_string_equal(load_sink(bench, keys), said);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_sinks_are_taken),
        TEST(type_has_what_it_needs),
        TEST(address_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
