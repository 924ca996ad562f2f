/* Summaries as people read them, and ids. */
#include "alert/alert.h"

#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

static struct mw_alert_rule rule;
static struct mw_alert alert;

static int set_up(void **state)
{
    (void)state;
    mw_alert_rule_init(&rule);
    strcpy(rule.name, "backlog");
    rule.reading = MW_QUEUE_LENGTH;
    alert = (struct mw_alert){.rule = &rule,
                              .reading = MW_QUEUE_LENGTH,
                              .severity = MW_ALERT_WARNING,
                              .key = {1, 0},
                              .value_known = true,
                              .threshold_known = true,
                              .limit_known = true,
                              .value = 120,
                              .threshold = 100,
                              .limit = 200};
    strcpy(alert.rule_name, "backlog");
    strcpy(alert.name, "orders");
    strcpy(alert.subject, "orders");
    return 0;
}

static void assert_renders(const char *template_text, const char *text)
{
    char rendered[MW_ALERT_SUMMARY_MAX + 1];

    assert_int_equal(mw_alert_render(&alert, template_text, rendered), strlen(text));
    assert_string_equal(rendered, text);
}

static void every_word_is_filled_in(void **state)
{
    (void)state;
    assert_renders("{subject} holds {value} of {limit}", "orders holds 120 of 200");
    assert_renders("{rule} {reading} {severity} {threshold} {window}",
                   "backlog queue.length warning 100 1 min");
    assert_renders("{{value} {valeu} {", "{value} {valeu} {");
    assert_renders("", "");
}

static void what_is_not_known_is_said_to_be(void **state)
{
    (void)state;
    alert.value_known = alert.limit_known = alert.threshold_known = false;
    assert_renders("{value} {limit} {threshold}", "unknown unknown unknown");
}

static void assert_amount(enum mw_reading reading, double value, const char *text)
{
    alert.reading = reading;
    alert.value = value;
    assert_renders("{value}", text);
}

static void amounts_are_as_people_write_them(void **state)
{
    (void)state;
    assert_amount(MW_SYSTEM_MEM_AVAILABLE, 0, "0 B");
    assert_amount(MW_SYSTEM_MEM_AVAILABLE, 1023, "1023 B");
    assert_amount(MW_SYSTEM_MEM_AVAILABLE, 1024, "1 KB");
    assert_amount(MW_SYSTEM_MEM_AVAILABLE, 1288490189, "1.2 GB");
    assert_amount(MW_SYSTEM_MEM_AVAILABLE, 3e18, "2665 PB");
    assert_amount(MW_PROCESS_GROWTH, -5242880, "-5 MB");
    assert_amount(MW_QUEUE_LENGTH, 1234567, "1234567");
    assert_amount(MW_QUEUE_FILL_RATIO, 0.8349, "83.5 %");
    assert_amount(MW_SYSTEM_PRESSURE_SOME_AVG60, 12.34, "12.3 %");
    assert_amount(MW_QUEUE_OLDEST_AGE, 31000, "31 s");
    assert_amount(MW_QUEUE_OLDEST_AGE, 150000, "2.5 min");
    assert_amount(MW_DAEMON_LATENESS, 250, "250 us");
    assert_amount(MW_DAEMON_LATENESS, 4500, "4.5 ms");
    assert_amount(MW_SYSTEM_SWAP_OUT_RATE, 2048, "2 KB/s");
    assert_amount(MW_SYSTEM_MAJOR_FAULT_RATE, 3.25, "3.25/s");
}

static void rates_and_times_have_units_of_their_own(void **state)
{
    (void)state;
    rule.mode = MW_ALERT_RATE;
    assert_amount(MW_QUEUE_LENGTH, 2.5, "2.5/s");
    assert_amount(MW_SYSTEM_MEM_AVAILABLE, 2097152, "2 MB/s");
    rule.mode = MW_ALERT_TIME_TO_FULL;
    assert_amount(MW_QUEUE_LENGTH, 90, "1.5 min");
    assert_amount(MW_QUEUE_LENGTH, 3155760000.0, "never");
}

static void a_process_is_told_with_its_pid(void **state)
{
    (void)state;
    alert.reading = MW_PROCESS_RSS;
    alert.key.id = 4711;
    assert_renders("{subject}", "orders (pid 4711)");
    alert.key.id = 0; /* that there is none */
    assert_renders("{subject}", "orders");
}

static void every_mode_has_a_summary(void **state)
{
    char summary[MW_ALERT_SUMMARY_MAX + 1];
    (void)state;

    for (int mode = 0; mode < MW_ALERT_MODE_COUNT; mode++) {
        rule.mode = (enum mw_alert_mode)mode;
        rule.op = mode == MW_ALERT_TIME_TO_FULL || mode == MW_ALERT_TIME_TO_EMPTY ? MW_ALERT_BELOW
                                                                                  : MW_ALERT_ABOVE;
        assert_true(mw_alert_summary(&alert, summary) > 0);
        assert_non_null(strstr(summary, "queue.length of orders"));
    }
    rule.mode = MW_ALERT_VALUE;
    rule.op = MW_ALERT_ABOVE;
    mw_alert_summary(&alert, summary);
    assert_string_equal(summary, "queue.length of orders is 120, above 100");
    strcpy(rule.summary, "{subject}!");
    mw_alert_summary(&alert, summary);
    assert_string_equal(summary, "orders!");
    alert.rule = NULL;
    mw_alert_summary(&alert, summary);
    assert_string_equal(summary, "queue.length of orders is 120");
}

/* Whatever is filled in, it has a bound, and no character is cut in two. */
static void a_summary_has_a_bound(void **state)
{
    char template_text[MW_ALERT_SUMMARY_MAX + 1] = "";
    char rendered[MW_ALERT_SUMMARY_MAX + 1];
    size_t size;
    (void)state;

    for (int shift = 0; shift < 2; shift++) {
        strcpy(template_text, shift ? "x" : "");
        for (int i = 0; i < 28; i++)
            strcat(template_text, "{subject}");
        for (size_t i = 0; i < MW_ALERT_SUBJECT_MAX; i += 2)
            memcpy(alert.name + i, "\xc3\xa9", 3);
        size = mw_alert_render(&alert, template_text, rendered);
        assert_in_range(size, MW_ALERT_SUMMARY_MAX - 1, MW_ALERT_SUMMARY_MAX);
        assert_true(mw_utf8_valid(rendered, size));
    }
}

static void an_id_is_read_back(void **state)
{
    char id[MW_ALERT_ID_MAX];
    uint64_t fingerprint;
    int64_t since_ms;
    (void)state;

    mw_alert_format_id(UINT64_C(0x00ab000000000001), INT64_C(1795377600123), id);
    assert_string_equal(id, "00ab000000000001-1795377600123");
    assert_int_equal(mw_alert_parse_id(id, &fingerprint, &since_ms), 0);
    assert_true(fingerprint == UINT64_C(0x00ab000000000001));
    assert_int_equal(since_ms, 1795377600123);
    mw_alert_format_id(UINT64_MAX, INT64_MIN, id);
    assert_int_equal(mw_alert_parse_id(id, &fingerprint, &since_ms), 0);
}

static void what_is_no_id_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "-1",
                                      "00ab000000000001",
                                      "00ab000000000001-",
                                      "0ab000000000001-1",
                                      "00AB000000000001-1",
                                      "00ab000000000001-01",
                                      "00ab000000000001-1 ",
                                      "00ab000000000001-99999999999999999999",
                                      "00ab000000000001-1795377600123-and-more-of-it"};
    uint64_t fingerprint;
    int64_t since_ms;
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(mw_alert_parse_id(bad[i], &fingerprint, &since_ms), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, set_up)
        T(every_word_is_filled_in),
        T(what_is_not_known_is_said_to_be),
        T(amounts_are_as_people_write_them),
        T(rates_and_times_have_units_of_their_own),
        T(a_process_is_told_with_its_pid),
        T(every_mode_has_a_summary),
        T(a_summary_has_a_bound),
        T(an_id_is_read_back),
        T(what_is_no_id_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
