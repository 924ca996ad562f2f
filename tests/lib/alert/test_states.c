/* What an alert goes through: levels, `for`, `keep`, absence, subjects that go. */
#include "tests/lib/alert/alert_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct scene scene;

static int set_up(void **state)
{
    (void)state;
    scene_init(&scene, NULL);
    scene_queue(&scene, 0, "orders", 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scene_deinit(&scene);
    return 0;
}

static void fires_at_once_without_for(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    scene_set_rule(&scene, &rule);
    scene_run(&scene, 3, 100); /* at the level is not above it */
    assert_int_equal(scene.count, 0);
    scene_run(&scene, 1, 101);
    assert_int_equal(scene.count, 1);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_FIRING);
    assert_string_equal(scene_last(&scene)->subject, "orders");
    assert_true(scene_last(&scene)->value == 101);
    assert_true(scene_last(&scene)->threshold == 100);
    assert_true(scene_last(&scene)->limit == 200);
    assert_int_equal(scene_last(&scene)->since_ms, scene.time_ms);
    assert_int_equal(scene_last(&scene)->fired_ms, scene.time_ms);
}

static void stays_until_the_clear_level(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    scene_set_rule(&scene, &rule);
    scene_run(&scene, 1, 150);
    scene_run(&scene, 5, 71);
    assert_int_equal(scene.count, 1);
    scene_run(&scene, 1, 70);
    assert_int_equal(scene.count, 2);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_RESOLVED);
    assert_int_equal(scene_last(&scene)->reason, MW_ALERT_CLEARED);
    assert_int_equal(scene_last(&scene)->since_ms, scene.events[0].since_ms);
    assert_true(scene_last(&scene)->fingerprint == scene.events[0].fingerprint);
    assert_int_equal(scene_last(&scene)->resolved_ms, scene.time_ms);
}

static void below_is_the_mirror_of_above(void **state)
{
    struct mw_alert_rule rule = scene_rule("starved", 10, 12);
    (void)state;

    rule.op = MW_ALERT_BELOW;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 2, 10);
    assert_int_equal(scene.count, 0);
    scene_run(&scene, 2, 9);
    scene_run(&scene, 2, 11);
    assert_int_equal(scene.count, 1);
    scene_run(&scene, 1, 12);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_RESOLVED);
}

static void for_is_waited_for(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    rule.for_ms = 30000;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 1, 120);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_PENDING);
    scene_run(&scene, 29, 120);
    assert_int_equal(scene.count, 1);
    scene_run(&scene, 1, 120);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_FIRING);
    assert_int_equal(scene_last(&scene)->since_ms, scene.time_ms - 30000);
    assert_int_equal(scene_last(&scene)->fired_ms, scene.time_ms);
}

/* It must not fire with a value that contradicts it, nor forget how long it has been high. */
static void between_the_levels_time_goes_on(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    rule.for_ms = 30000;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 1, 120);
    scene_run(&scene, 40, 90);
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 0);
    scene_run(&scene, 1, 101);
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 1);
}

static void pending_that_passes_is_told_and_forgotten(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    rule.for_ms = 30000;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 20, 120);
    scene_run(&scene, 1, 70);
    assert_int_equal(scene.count, 2);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_OK);
    assert_int_equal(scene_numbers(&scene).states, 0);
    scene_run(&scene, 30, 120); /* the time begins anew */
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 0);
}

static void keep_is_waited_for(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    rule.keep_ms = 10000;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 1, 120);
    scene_run(&scene, 10, 10);
    scene_run(&scene, 1, 101); /* not down long enough: it goes on */
    scene_run(&scene, 10, 10);
    assert_int_equal(scene.count, 1);
    scene_run(&scene, 1, 10);
    assert_int_equal(scene.count, 2);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_RESOLVED);
}

/* An hour of a value that dances round its threshold is one alert. */
static void oscillation_is_announced_once(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    for (uint64_t for_ms = 0; for_ms <= 30000; for_ms += 15000) {
        rule.for_ms = for_ms;
        rule.keep_ms = 60000;
        scene_set_rule(&scene, &rule);
        scene.count = 0;
        for (uint32_t second = 0; second < 3600; second++)
            scene_run(&scene, 1, 95 + second % 11);
        assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 1);
        assert_int_equal(scene_events_of(&scene, MW_ALERT_RESOLVED), 0);
        mw_alerts_set_rules(scene.alerts, NULL, 0);
        scene_tick(&scene, 1000);
    }
}

static void absence_neither_raises_nor_clears(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    rule.for_ms = 10000;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 60, UNKNOWN);
    assert_int_equal(scene.count, 0);
    scene_run(&scene, 6, 120); /* 5 s so far */
    scene_run(&scene, 60, UNKNOWN);
    assert_int_equal(scene.count, 1);
    scene_run(&scene, 5, 120); /* and 5 s more */
    assert_int_equal(scene.count, 2);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_FIRING);
    scene_run(&scene, 600, UNKNOWN);
    assert_int_equal(scene.count, 2);
    scene_run(&scene, 1, 0);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_RESOLVED);
}

static void a_late_source_is_an_absence(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    rule.keep_ms = 3000;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 1, 120);
    scene_run(&scene, 2, 0);
    scene.queues_late = true;
    scene_run(&scene, 100, 0);
    assert_int_equal(scene_alert(&scene, "backlog", "orders").state, MW_ALERT_FIRING);
    scene.queues_late = false;
    scene_run(&scene, 6, 0);
    assert_int_equal(scene_alert(&scene, "backlog", "orders").state, MW_ALERT_RESOLVED);
}

static void a_subject_that_goes_ends_its_alert(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    scene_queue(&scene, 1, "mails", 150);
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 1, 120);
    scene.queues[1].name = NULL;
    scene_run(&scene, 1, 120);
    assert_int_equal(scene.count, 3);
    assert_string_equal(scene_last(&scene)->subject, "mails");
    assert_int_equal(scene_last(&scene)->reason, MW_ALERT_GONE);
    assert_int_equal(scene_alert(&scene, "backlog", "orders").state, MW_ALERT_FIRING);
}

/* A row of a source may be given to another subject, and a subject may move to another row. */
static void a_subject_may_move_to_another_row(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    scene_queue(&scene, 1, "mails", 150);
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 1, 0);
    scene.queues[0] = scene.queues[1];
    scene.queues[1].name = NULL;
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 1);
    scene_queue(&scene, 0, "orders", 150);
    scene_tick(&scene, 1000);
    assert_int_equal(scene_alert(&scene, "backlog", "mails").reason, MW_ALERT_GONE);
    assert_int_equal(scene_alert(&scene, "backlog", "orders").state, MW_ALERT_FIRING);
}

static void an_alert_may_come_again(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    scene_set_rule(&scene, &rule);
    scene_run(&scene, 1, 120);
    scene_run(&scene, 1, 0);
    scene_run(&scene, 1, 120);
    assert_int_equal(scene.count, 3);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_FIRING);
    assert_true(scene_last(&scene)->fingerprint == scene.events[0].fingerprint);
    assert_int_not_equal(scene_last(&scene)->since_ms, scene.events[0].since_ms);
    assert_int_equal(scene_numbers(&scene).states, 1);
}

/* The same sample twice, or one that is late, must not count twice. */
static void time_stands_still_in_one_sample(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    struct mw_alert_point points[MW_ALERT_POINTS_MAX];
    (void)state;

    rule.for_ms = 10000;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 1, 120);
    for (int i = 0; i < 100; i++)
        scene_tick(&scene, 0);
    assert_int_equal(scene.count, 1);
    assert_int_equal(mw_alerts_points(scene.alerts, 0, points), 1);
}

static void keeps_evidence_round_the_crossing(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    struct mw_alert_point points[MW_ALERT_POINTS_MAX], before[20];
    uint32_t place;
    (void)state;

    scene_set_rule(&scene, &rule);
    for (uint64_t i = 0; i < 50; i++)
        scene_run(&scene, 1, 101 + i);
    assert_true(mw_alerts_find(scene.alerts, scene.events[0].fingerprint, scene.events[0].since_ms,
                               &place));
    for (int i = 0; i < 20; i++)
        before[i] = (struct mw_alert_point){scene.events[0].since_ms - (20 - i) * 1000, i};
    mw_alerts_set_before(scene.alerts, place, before, 20);
    assert_int_equal(mw_alerts_points(scene.alerts, place, points), MW_ALERT_POINTS_MAX);
    assert_true(points[0].value == 20 - MW_ALERT_POINTS_BEFORE);
    assert_true(points[MW_ALERT_POINTS_BEFORE].value == 101);
    assert_int_equal(points[MW_ALERT_POINTS_BEFORE].time_ms, scene.events[0].since_ms);
    assert_true(points[MW_ALERT_POINTS_MAX - 1].value == 100 + MW_ALERT_POINTS_AFTER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fires_at_once_without_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stays_until_the_clear_level, set_up, tear_down),
        cmocka_unit_test_setup_teardown(below_is_the_mirror_of_above, set_up, tear_down),
        cmocka_unit_test_setup_teardown(for_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(between_the_levels_time_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pending_that_passes_is_told_and_forgotten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keep_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(oscillation_is_announced_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absence_neither_raises_nor_clears, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_late_source_is_an_absence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_subject_that_goes_ends_its_alert, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_subject_may_move_to_another_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_alert_may_come_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(time_stands_still_in_one_sample, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_evidence_round_the_crossing, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
