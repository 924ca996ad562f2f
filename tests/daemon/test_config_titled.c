/* Titled blocks of all sources come together by title, key by key, and the later source wins. */
#include "config_bench.h"

#define GOOD "reading = queue.length above = 5"

static const struct mw_alert_rule *rule_of(const struct bench *bench, const char *name)
{
    for (uint32_t i = 0; i < bench->config->alert_count; i++)
        if (strcmp(bench->config->alerts[i].name, name) == 0)
            return &bench->config->alerts[i];
    fail_msg("no rule %s", name);
    return NULL;
}

static void later_source_wins_key_by_key(void **state)
{
    struct bench *bench = *state;
    const struct mw_alert_rule *rule;

    bench_write(bench, "memwatchd.d/1.conf", "alert a { above = 7 for = 10s }\n");
    bench_write(bench, "memwatchd.d/2.conf", "alert a { for = 20s enabled = false }\n");
    assert_string_equal(bench_load_text(bench, "alert a { " GOOD " keep = 9s }\n"), "");
    rule = rule_of(bench, "a");
    assert_int_equal(rule->reading, mw_reading_find("queue.length", 12));
    assert_true(rule->raise.amount == 7);
    assert_true(rule->for_ms == 20000 && rule->keep_ms == 9000);
    assert_false(rule->enabled);
}

/* A drop-in that turns the side round needs no way to take a key back. */
static void other_side_of_an_earlier_source_goes(void **state)
{
    struct bench *bench = *state;
    const struct mw_alert_rule *rule;

    bench_write(bench, "memwatchd.d/1.conf", "alert a { below = 2 }\n");
    assert_string_equal(bench_load_text(bench, "alert a { " GOOD " clear = 4 }\n"), "");
    rule = rule_of(bench, "a");
    assert_true(rule->op == MW_ALERT_BELOW && rule->clear.amount == 2.2 && rule->raise.amount == 2);
    bench_write(bench, "memwatchd.d/1.conf", "alert a { below = 2 above = 3 }\n");
    bench_load(bench);
    assert_string_equal(bench->said,
                        "memwatchd.d/1.conf:1: alert \"a\": below: is given, and above "
                        "is too: a rule takes one of them\n");
}

static char *dump(const struct bench *bench)
{
    struct mwd_buffer out;

    mwd_buffer_init(&out, 1 << 20);
    mwd_config_dump(bench->config, &out);
    mwd_buffer_append(&out, "", 1);
    assert_int_equal(out.failed, 0);
    return out.bytes;
}

static void dump_shows_origins_and_can_be_read(void **state)
{
    struct bench *bench = *state;
    char *text;

    bench_write(bench, "memwatchd.d/1.conf", "alert \"a\\\\\" { for = \"1 m\" }\n");
    assert_string_equal(bench_load_text(bench, "alert \"a\\\\\" { " GOOD "\n to = {} }\n"
                                               "sink s { type = journal }\n"),
                        "");
    text = dump(bench);
    assert_non_null(strstr(text, "alert \"a\\\\\" {\n    reading = \"queue.length\"  # "));
    assert_non_null(strstr(text, "m.conf:2\n"));
    assert_non_null(strstr(text, "    to = {}  # "));
    assert_non_null(strstr(text, "    for = \"1 m\"  # "));
    assert_non_null(strstr(text, "memwatchd.d/1.conf:1\n    keep = 0s  # default\n"));
    assert_non_null(strstr(text, "sink \"s\" {\n    type = \"journal\"  # "));
    bench_write(bench, "memwatchd.d/1.conf", "");
    assert_string_equal(bench_load_text(bench, text), "");
    assert_true(rule_of(bench, "a\\")->for_ms == 60000);
    assert_int_equal(rule_of(bench, "a\\")->to, 0);
    free(text);
}

/* As many as there may be, and one more. */
static void too_many_blocks_are_told_once(void **state)
{
    struct bench *bench = *state;
    struct mwd_buffer text;

    mwd_buffer_init(&text, 1 << 20);
    for (int i = 0; i < MWD_CONFIG_SINKS_MAX; i++)
        mwd_buffer_printf(&text, "sink s%d { type = journal }\n", i);
    mwd_buffer_append(&text, "", 1);
    assert_string_equal(bench_load_text(bench, text.bytes), "");
    assert_int_equal(bench->config->sink_count, MWD_CONFIG_SINKS_MAX);
    text.size--;
    mwd_buffer_puts(&text, "sink t { type = journal }\nsink u { typ = 1 }\n");
    mwd_buffer_append(&text, "", 1);
    assert_string_equal(bench_load_text(bench, text.bytes),
                        "m.conf:17: sink \"t\": is one too many: there are at most 16 of them\n"
                        "m.conf:18: sink \"u\": no such key: typ; did you mean type?\n");
    mwd_buffer_deinit(&text);
}

static void rules_come_to_256(void **state)
{
    struct bench *bench = *state;
    struct mwd_buffer text;
    uint32_t room;

    assert_string_equal(bench_load_text(bench, ""), "");
    room = MWD_CONFIG_ALERTS_MAX - bench->config->alert_count;
    mwd_buffer_init(&text, 1 << 20);
    for (uint32_t i = 0; i < room; i++)
        mwd_buffer_printf(&text, "alert r%u { " GOOD " }\n", (unsigned)i);
    mwd_buffer_append(&text, "", 1);
    assert_string_equal(bench_load_text(bench, text.bytes), "");
    assert_int_equal(bench->config->alert_count, MWD_CONFIG_ALERTS_MAX);
    text.size--;
    mwd_buffer_puts(&text, "alert over { " GOOD " }\n");
    mwd_buffer_append(&text, "", 1);
    assert_non_null(strstr(bench_load_text(bench, text.bytes),
                           "alert \"over\": is one too many: there are at most 256 of them\n"));
    mwd_buffer_deinit(&text);
}

/* Help is a sentence, a name fits in messages, and what a key takes without anything is taken. */
static void table_is_whole(void **state)
{
    (void)state;
    for (uint32_t key = 0; key < mwd_config_titled_count; key++) {
        const struct mwd_titled_info *info = &mwd_config_titled_keys[key];
        static const char *const words[MWD_TITLED_KINDS] = {"alert.", "sink.", "group."};
        const char *word = words[info->kind];

        assert_int_equal(strncmp(info->name, word, strlen(word)), 0);
        assert_true(strlen(info->help) > 10 && strlen(info->takes) > 5 && *info->argument);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(later_source_wins_key_by_key),
        TEST(other_side_of_an_earlier_source_goes),
        TEST(dump_shows_origins_and_can_be_read),
        TEST(too_many_blocks_are_told_once),
        TEST(rules_come_to_256),
        TEST(table_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
