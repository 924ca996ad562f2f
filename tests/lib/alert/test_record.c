/* Over a restart: what was goes on under the same id, what ended meanwhile is told. */
#include "tests/lib/alert/alert_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <string.h>

static struct scene scene;
static struct mw_alert_rule rule;

static int set_up(void **state)
{
    (void)state;
    scene_init(&scene, NULL);
    scene_queue(&scene, 0, "orders", 0);
    rule = scene_rule("backlog", 100, 70);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scene_deinit(&scene);
    return 0;
}

static struct mw_alert_record only_record(void)
{
    struct mw_alert_record record;

    assert_true(mw_alerts_export(scene.alerts, 0, &record));
    return record;
}

/* Everything that was in the table is in a new one, which follows `rule`. */
static void restart(void)
{
    struct mw_alert_record record = only_record();

    scene_restart(&scene, NULL);
    scene_set_rule(&scene, &rule);
    assert_int_equal(mw_alerts_import(scene.alerts, &record), 0);
    scene.count = 0;
}

static void firing_goes_on_under_the_same_id(void **state)
{
    struct mw_alert before;
    (void)state;

    scene_set_rule(&scene, &rule);
    scene_run(&scene, 5, 150);
    before = scene.events[0];
    restart();
    scene_run(&scene, 5, 90);
    assert_int_equal(scene.count, 0);
    scene_run(&scene, 1, 0);
    assert_int_equal(scene.count, 1);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_RESOLVED);
    assert_true(scene_last(&scene)->fingerprint == before.fingerprint);
    assert_int_equal(scene_last(&scene)->since_ms, before.since_ms);
}

static void what_ended_meanwhile_is_resolved(void **state)
{
    (void)state;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 5, 150);
    restart();
    scene_run(&scene, 1, 0);
    assert_int_equal(scene.count, 1);
    assert_int_equal(scene_last(&scene)->reason, MW_ALERT_CLEARED);
}

static void timers_go_on(void **state)
{
    (void)state;
    rule.for_ms = 10000;
    rule.keep_ms = 10000;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 8, 150); /* 7 s */
    restart();
    scene_run(&scene, 3, 150); /* 2 s: the time when nobody looked does not count */
    assert_int_equal(scene.count, 0);
    scene_run(&scene, 1, 150);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_FIRING);
    scene_run(&scene, 8, 0);
    restart();
    scene_run(&scene, 3, 0);
    assert_int_equal(scene.count, 0);
    scene_run(&scene, 1, 0);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_RESOLVED);
}

/* Announced once: in an hour round the threshold, with a restart in every ten minutes. */
static void oscillation_over_restarts_is_announced_once(void **state)
{
    uint32_t fired = 0;
    (void)state;

    rule.for_ms = 30000;
    scene_set_rule(&scene, &rule);
    for (uint32_t second = 0; second < 3600; second++) {
        scene_run(&scene, 1, 95 + second % 11);
        if (second % 600 == 599) {
            fired += scene_events_of(&scene, MW_ALERT_FIRING);
            assert_int_equal(scene_events_of(&scene, MW_ALERT_RESOLVED), 0);
            restart();
        }
    }
    assert_int_equal(fired, 1);
}

/* Who pushes a queue may come back a little later than the daemon. */
static void a_named_subject_may_come_back_late(void **state)
{
    (void)state;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 5, 150);
    restart();
    scene.queues[0].name = NULL;
    for (int i = 0; i < 60; i++)
        scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 0);
    scene_queue(&scene, 7, "orders", 150);
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 0);
    assert_int_equal(scene_alert(&scene, "backlog", "orders").state, MW_ALERT_FIRING);
    scene.queues[7].name = NULL;
    scene_tick(&scene, 1000); /* and then no more grace */
    assert_int_equal(scene_last(&scene)->reason, MW_ALERT_GONE);
}

static void who_does_not_come_back_is_gone(void **state)
{
    (void)state;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 5, 150);
    restart();
    scene.queues[0].name = NULL;
    for (int i = 0; i < 62; i++)
        scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 1);
    assert_int_equal(scene_last(&scene)->reason, MW_ALERT_GONE);
}

static void a_process_is_known_by_its_key(void **state)
{
    (void)state;
    rule.reading = MW_PROCESS_RSS;
    scene_process(&scene, 3, "java", 99, 500);
    scene_set_rule(&scene, &rule);
    scene_tick(&scene, 1000);
    restart();
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 0);
    scene.processes[3].key.birth++; /* another process with the same pid */
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 2);
}

static void a_rule_that_went_meanwhile_ends_its_alert(void **state)
{
    (void)state;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 5, 150);
    rule.raise.amount = 110;
    restart();
    scene_run(&scene, 1, 105);
    assert_int_equal(scene.count, 1);
    assert_int_equal(scene_last(&scene)->reason, MW_ALERT_RULE_GONE);
}

static void what_is_resolved_is_remembered(void **state)
{
    (void)state;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 1, 150);
    scene_run(&scene, 1, 0);
    restart();
    scene_run(&scene, 5, 0);
    assert_int_equal(scene.count, 0);
    assert_int_equal(scene_alert(&scene, "backlog", "orders").state, MW_ALERT_RESOLVED);
    scene_run(&scene, 1, 150);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_FIRING);
}

/* A record is from a file that others may have written. */
static void records_that_cannot_be_are_refused(void **state)
{
    struct mw_alert_record good, bad;
    (void)state;

    scene_set_rule(&scene, &rule);
    scene_run(&scene, 1, 150);
    good = only_record();
    assert_int_equal(mw_alerts_import(scene.alerts, &good), -EEXIST);
    scene_restart(&scene, NULL);
    scene_set_rule(&scene, &rule);
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        bad = good;                                                                                \
        change;                                                                                    \
        assert_int_equal(mw_alerts_import(scene.alerts, &bad), -EINVAL);                           \
    } while (0)
    REFUSED(bad.alert.state = MW_ALERT_OK);
    REFUSED(bad.alert.state = (enum mw_alert_state)17);
    REFUSED(bad.alert.state = MW_ALERT_PENDING);
    REFUSED(bad.alert.state = MW_ALERT_RESOLVED);
    REFUSED(bad.alert.reason = (enum mw_alert_reason)9);
    REFUSED(bad.alert.severity = (enum mw_alert_severity)9);
    REFUSED(bad.alert.reading = MW_NONE);
    REFUSED(bad.alert.fingerprint++);
    REFUSED(bad.alert.since_ms = -1);
    REFUSED(bad.alert.value = NAN);
    REFUSED(bad.alert.limit = INFINITY);
    REFUSED(bad.alert.name[0] = '\0');
    REFUSED(bad.alert.name[0] = '\n');
    REFUSED(bad.alert.name[1] = '\xff');
    REFUSED(memset(bad.alert.name, 'a', sizeof(bad.alert.name)));
    REFUSED(memset(bad.alert.rule_name, 'a', sizeof(bad.alert.rule_name)));
    REFUSED(bad.elapsed_ms = UINT64_MAX);
#undef REFUSED
    assert_int_equal(mw_alerts_import(scene.alerts, &good), 0);
    assert_int_equal(scene_numbers(&scene).firing, 1);
}

static void an_event_can_be_made_a_record(void **state)
{
    struct mw_alert_record record, other;
    (void)state;

    scene_set_rule(&scene, &rule);
    scene_run(&scene, 1, 150);
    assert_int_equal(mw_alerts_record_of(scene.alerts, scene_last(&scene), &record), 0);
    other = only_record();
    assert_memory_equal(&record, &other, sizeof(record));
    scene.events[0].since_ms++;
    assert_int_equal(mw_alerts_record_of(scene.alerts, scene_last(&scene), &record), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(firing_goes_on_under_the_same_id),
        T(what_ended_meanwhile_is_resolved),
        T(timers_go_on),
        T(oscillation_over_restarts_is_announced_once),
        T(a_named_subject_may_come_back_late),
        T(who_does_not_come_back_is_gone),
        T(a_process_is_known_by_its_key),
        T(a_rule_that_went_meanwhile_ends_its_alert),
        T(what_is_resolved_is_remembered),
        T(records_that_cannot_be_are_refused),
        T(an_event_can_be_made_a_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
