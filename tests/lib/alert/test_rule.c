/* Rules that cannot be followed are refused with a sentence that names the key and what it takes.
 */
#include "alert/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <string.h>

static struct mw_alert_rule rule;

static int set_up(void **state)
{
    (void)state;
    mw_alert_rule_init(&rule);
    strcpy(rule.name, "backlog");
    rule.reading = MW_QUEUE_LENGTH;
    rule.raise.amount = 100;
    rule.clear = mw_alert_clear_default(&rule);
    return 0;
}

static void assert_refused(const char *key, const char *takes)
{
    char error[MW_ALERT_ERROR_MAX];

    assert_int_equal(mw_alert_rule_check(&rule, error), -EINVAL);
    if (strncmp(error, key, strlen(key)) != 0 || !strstr(error, takes))
        fail_msg("\"%s\" does not begin with \"%s\" and say \"%s\"", error, key, takes);
}

static void assert_taken(void)
{
    char error[MW_ALERT_ERROR_MAX];

    if (mw_alert_rule_check(&rule, error) < 0)
        fail_msg("%s", error);
}

static void the_first_rule_of_all_is_good(void **state)
{
    (void)state;
    assert_taken();
    assert_string_equal(rule.subject, "*");
    assert_true(rule.enabled);
    assert_true(rule.to == UINT64_MAX);
}

static void names_and_subjects_are_texts(void **state)
{
    (void)state;
    rule.name[0] = '\0';
    assert_refused("name:", "1 to 64 bytes");
    memset(rule.name, 'a', sizeof(rule.name));
    assert_refused("name:", "1 to 64 bytes");
    strcpy(rule.name, "a\xff");
    assert_refused("name:", "UTF-8");
    strcpy(rule.name, "a\nb");
    assert_refused("name:", "control");
    set_up(NULL);
    rule.subject[0] = '\0';
    assert_refused("subject:", "orders*");
    memset(rule.subject, 'a', sizeof(rule.subject));
    assert_refused("subject:", "128 bytes");
    rule.subject[128] = '\0';
    assert_taken();
}

static void readings_are_quantities(void **state)
{
    (void)state;
    rule.reading = MW_NONE;
    assert_refused("reading:", "as queue.length");
    rule.reading = MW_PROCESS_NAME;
    assert_refused("reading: process.name", "quantity");
    rule.reading = MW_PROCESS_UID;
    assert_refused("reading: process.uid", "quantity");
    rule.reading = MW_PROCESS_START;
    assert_refused("reading: process.startTimeMs", "quantity");
}

static void a_percentage_needs_a_denominator(void **state)
{
    (void)state;
    rule.raise.percent = rule.clear.percent = true;
    assert_taken();
    rule.reading = MW_QUEUE_OLDEST_AGE;
    assert_refused("above: queue.oldestAgeMs", "(ms)");
    rule.reading = MW_QUEUE_LENGTH;
    rule.raise.amount = 1001;
    assert_refused("above:", "1000%");
    rule.raise.amount = 80;
    rule.clear.percent = false;
    assert_refused("clear:", "both");
}

static void the_clear_level_is_on_the_good_side(void **state)
{
    (void)state;
    rule.clear.amount = 120;
    assert_refused("clear: 120 is on the wrong side of above = 100", "or less");
    rule.clear.amount = 100;
    assert_taken();
    rule.op = MW_ALERT_BELOW;
    assert_taken();
    rule.clear.amount = 99;
    assert_refused("clear: 99 is on the wrong side of below = 100", "or more");
    rule.clear.amount = NAN;
    assert_refused("clear:", "finite");
    rule.raise.amount = INFINITY;
    assert_refused("below:", "finite");
}

static void the_clear_level_is_a_tenth_back_by_itself(void **state)
{
    (void)state;
    assert_true(mw_alert_clear_default(&rule).amount == 90);
    rule.op = MW_ALERT_BELOW;
    rule.raise = (struct mw_alert_level){10, true};
    assert_true(mw_alert_clear_default(&rule).amount == 11);
    assert_true(mw_alert_clear_default(&rule).percent);
    rule.raise.amount = 0;
    assert_true(mw_alert_clear_default(&rule).amount == 0);
    rule.op = MW_ALERT_ABOVE;
    rule.raise.amount = -50; /* growth may be negative */
    assert_true(mw_alert_clear_default(&rule).amount == -55);
}

static void modes_have_their_own_demands(void **state)
{
    (void)state;
    rule.mode = MW_ALERT_TIME_TO_FULL;
    assert_refused("above:", "below");
    rule.op = MW_ALERT_BELOW;
    rule.clear.amount = 110;
    assert_taken();
    rule.reading = MW_PROCESS_VIRTUAL;
    assert_refused("reading: process.virtual", "limit");
    rule.mode = MW_ALERT_TIME_TO_EMPTY;
    assert_taken();
    rule.reading = MW_QUEUE_ENQUEUED;
    assert_refused("reading: queue.enqueuedTotal", "gauge");
    rule.mode = MW_ALERT_RATE;
    rule.window_ms = 999;
    assert_refused("window:", "1s to 24h");
    rule.window_ms = MW_ALERT_WINDOW_MS_MAX + 1;
    assert_refused("window:", "1s to 24h");
    rule.mode = MW_ALERT_ABSENT;
    assert_refused("for:", "30s");
    rule.for_ms = 1;
    assert_taken();
    rule.for_ms = MW_ALERT_SPAN_MS_MAX + 1;
    assert_refused("for:", "100 days");
    rule.for_ms = 1;
    rule.keep_ms = MW_ALERT_SPAN_MS_MAX + 1;
    assert_refused("keep:", "100 days");
    rule.mode = MW_ALERT_MODE_COUNT;
    assert_refused("mode:", "time-to-full");
}

static void a_time_is_not_a_percentage(void **state)
{
    (void)state;
    rule.mode = MW_ALERT_TIME_TO_FULL;
    rule.op = MW_ALERT_BELOW;
    rule.raise = rule.clear = (struct mw_alert_level){50, true};
    assert_refused("below:", "percentage");
}

static void labels_are_few_and_have_names(void **state)
{
    (void)state;
    rule.label_count = MW_ALERT_LABELS_MAX + 1;
    assert_refused("labels:", "8");
    rule.label_count = 2;
    strcpy(rule.labels[0].key, "team");
    strcpy(rule.labels[1].key, "2nd");
    assert_refused("labels:", "letters");
    strcpy(rule.labels[1].key, "team");
    assert_refused("labels: team", "twice");
    strcpy(rule.labels[1].key, "site");
    strcpy(rule.labels[1].value, "a\tb");
    assert_refused("labels:", "site");
    rule.labels[1].value[0] = '\0';
    assert_taken();
}

static void a_summary_knows_its_words(void **state)
{
    (void)state;
    strcpy(rule.summary, "{subject} {value} {threshold} {limit} {reading} {rule} {severity} "
                         "{window} {{literal} { open");
    assert_taken();
    strcpy(rule.summary, "{subject} holds {valeu}");
    assert_refused("summary: there is no {valeu}", "{value}");
    memset(rule.summary, 'a', sizeof(rule.summary));
    assert_refused("summary:", "256 bytes");
    rule.summary[0] = '\0';
    rule.severity = MW_ALERT_SEVERITY_COUNT;
    assert_refused("severity:", "critical");
}

/* What an alert hangs on, and what may change under it. */
static void the_condition_is_what_is_compared(void **state)
{
    uint64_t before = mw_alert_rule_condition(&rule);
    (void)state;

    rule.for_ms = rule.keep_ms = 5;
    rule.severity = MW_ALERT_CRITICAL;
    rule.window_ms = 7000; /* not of a value */
    rule.to = 1;
    strcpy(rule.summary, "another");
    assert_true(mw_alert_rule_condition(&rule) == before);
#define OTHER(change)                                                                              \
    do {                                                                                           \
        set_up(NULL);                                                                              \
        change;                                                                                    \
        assert_true(mw_alert_rule_condition(&rule) != before);                                     \
    } while (0)
    OTHER(rule.reading = MW_QUEUE_CAPACITY);
    OTHER(rule.subject[0] = 'x');
    OTHER(rule.mode = MW_ALERT_RATE);
    OTHER(rule.op = MW_ALERT_BELOW);
    OTHER(rule.raise.amount = nextafter(100, 200));
    OTHER(rule.raise.percent = true);
    OTHER(rule.clear.amount = 80);
    OTHER(rule.clear.percent = true);
#undef OTHER
    set_up(NULL);
    rule.mode = MW_ALERT_RATE;
    before = mw_alert_rule_condition(&rule);
    rule.window_ms++;
    assert_true(mw_alert_rule_condition(&rule) != before);
}

/* Durable records carry it: it is the same in every build. */
static void the_condition_does_not_change_with_builds(void **state)
{
    (void)state;
    assert_true(mw_alert_rule_condition(&rule) == UINT64_C(0xa6b70390958991c3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, set_up)
        T(the_first_rule_of_all_is_good),
        T(names_and_subjects_are_texts),
        T(readings_are_quantities),
        T(a_percentage_needs_a_denominator),
        T(the_clear_level_is_on_the_good_side),
        T(the_clear_level_is_a_tenth_back_by_itself),
        T(modes_have_their_own_demands),
        T(a_time_is_not_a_percentage),
        T(labels_are_few_and_have_names),
        T(a_summary_knows_its_words),
        T(the_condition_is_what_is_compared),
        T(the_condition_does_not_change_with_builds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
