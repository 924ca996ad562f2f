/* A rule that could not mean what it says is refused, with the place and what was probably meant.
 */
#include "config_bench.h"

static const char *load_rule(struct bench *bench, const char *keys)
{
    char text[1000];

    snprintf(text, sizeof text,
             "sink ops { type = journal }\nsink second { type = journal }\n"
             "alert a {\n%s\n}\n",
             keys);
    return bench_load_text(bench, text);
}

static const struct mw_alert_rule *last(const struct bench *bench)
{
    return &bench->config->alerts[bench->config->alert_count - 1];
}

static void good_rules_are_taken(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(load_rule(bench, "reading = system.memAvailable below = 10% clear = 12%\n"
                                         "severity = critical for = 30s"),
                        "");
    assert_true(last(bench)->op == MW_ALERT_BELOW && last(bench)->raise.percent);
    assert_true(last(bench)->raise.amount == 10 && last(bench)->clear.amount == 12);
    assert_int_equal(last(bench)->severity, MW_ALERT_CRITICAL);
    assert_string_equal(last(bench)->subject, "*");
    assert_int_equal(last(bench)->to, 3);
    assert_string_equal(
        load_rule(bench, "reading = queue.length mode = absent for = 1m to = second"), "");
    assert_int_equal(last(bench)->mode, MW_ALERT_ABSENT);
    assert_int_equal(last(bench)->to, 2);
    assert_string_equal(
        load_rule(bench, "reading = queue.length mode = time-to-full below = 10m window = 2m"), "");
    assert_true(last(bench)->raise.amount == 600 && last(bench)->window_ms == 120000);
    assert_string_equal(load_rule(bench, "reading = queue.length mode = rate below = -5"), "");
    assert_true(last(bench)->raise.amount == -5);
}

static void unknown_reading_names_the_nearest(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(
        load_rule(bench, "reading = queue.lenth\nabove = 5"),
        "m.conf:4: alert \"a\": reading: there is no reading \"queue.lenth\"; did you "
        "mean queue.length?\n");
    assert_string_equal(load_rule(bench, "above = 5"),
                        "m.conf:3: alert \"a\": needs a reading, as reading = \"queue.length\"\n");
    assert_string_equal(load_rule(bench, "reading = daemon.pid above = 5"),
                        "m.conf:4: alert \"a\": reading: daemon.pid is no quantity; "
                        "rules take gauges and counters\n");
}

/* A name with a typing error must not leave the rule on that was to be turned off. */
static void rule_that_is_not_there_cannot_be_turned_off(void **state)
{
    struct bench *bench = *state;

    bench_write(bench, "memwatchd.d/1.conf", "alert orders-backlo { enabled = false }\n");
    assert_string_equal(
        bench_load_text(bench, "alert orders-backlog { reading = queue.length above = 5 }\n"),
        "memwatchd.d/1.conf:1: alert \"orders-backlo\": there is no rule of this name to turn off; "
        "did you mean \"orders-backlog\"?\n");
}

static void level_is_in_the_unit_of_the_reading(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(load_rule(bench, "reading = system.memAvailable below = 30s"),
                        "m.conf:4: alert \"a\": below: takes a size, as 512MB, or a percentage of "
                        "system.memTotal, as 80%; got \"30s\"\n");
    assert_string_equal(
        load_rule(bench, "reading = system.memTotal\nbelow = 10%"),
        "m.conf:5: alert \"a\": below: takes a size, as 512MB (there is nothing that "
        "is 100% of system.memTotal); got \"10%\"\n");
}

static void clear_is_on_the_good_side(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(
        load_rule(bench, "reading = queue.length above = 100\nclear = 101"),
        "m.conf:5: alert \"a\": clear: is on the wrong side: it takes a level under "
        "that of above, \"100\"\n");
    assert_string_equal(load_rule(bench, "reading = queue.length above = 100 clear = 100"), "");
    assert_string_equal(load_rule(bench, "reading = system.memAvailable below = 10% clear = 9%"),
                        "m.conf:4: alert \"a\": clear: is on the wrong side: it takes a level over "
                        "that of below, \"10%\"\n");
    assert_string_equal(load_rule(bench, "reading = system.memAvailable below = 10% clear = 1GB"),
                        "m.conf:4: alert \"a\": clear: takes a percentage where below is one, and "
                        "none where it is not: \"10%\"\n");
}

static void rule_takes_one_level_as_its_mode_has_it(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(load_rule(bench, "reading = queue.length"),
                        "m.conf:3: alert \"a\": needs a level: above or below\n");
    assert_string_equal(load_rule(bench, "reading = queue.length above = 5 mode = absent for = 1m"),
                        "m.conf:4: alert \"a\": above: a rule of mode absent takes no level: for "
                        "says how long\n");
    assert_string_equal(load_rule(bench, "reading = queue.length mode = absent"),
                        "m.conf:3: alert \"a\": for: a rule about an absence takes how long it may "
                        "last, as 30s\n");
    assert_string_equal(
        load_rule(bench, "reading = queue.length mode = time-to-empty above = 1m"),
        "m.conf:4: alert \"a\": above: a time to a limit is raised below a level only\n");
    assert_string_equal(
        load_rule(bench, "reading = system.memTotal mode = time-to-full below = 1m"),
        "m.conf:4: alert \"a\": reading: system.memTotal has no limit in the table of readings to "
        "run into\n");
}

static void sinks_are_named_right(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(load_rule(bench, "reading = queue.length above = 5\nto = {ops, secnd}"),
                        "m.conf:5: alert \"a\": to: there is no sink \"secnd\"; did you mean "
                        "\"second\"?\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_rules_are_taken),
        TEST(unknown_reading_names_the_nearest),
        TEST(rule_that_is_not_there_cannot_be_turned_off),
        TEST(level_is_in_the_unit_of_the_reading),
        TEST(clear_is_on_the_good_side),
        TEST(rule_takes_one_level_as_its_mode_has_it),
        TEST(sinks_are_named_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
