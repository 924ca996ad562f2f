/* What may be held against levels: percentages, rates, times to a limit, absences; and of whom. */
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
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scene_deinit(&scene);
    return 0;
}

static void a_percentage_is_of_the_subjects_own_denominator(void **state)
{
    struct mw_alert_rule rule = scene_rule("full", 80, 60);
    (void)state;

    rule.raise.percent = rule.clear.percent = true;
    scene_queue(&scene, 0, "orders", 161);
    scene_queue(&scene, 1, "mails", 161);
    scene.queues[1].capacity = 1000;
    scene_set_rule(&scene, &rule);
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 1);
    assert_string_equal(scene_last(&scene)->name, "orders");
    assert_true(scene_last(&scene)->threshold == 160);
    assert_true(scene_last(&scene)->limit == 200);
}

/* Without a limit nobody can say how full it is: that is an absence, and never 0 %. */
static void a_percentage_without_its_denominator_is_not_known(void **state)
{
    struct mw_alert_rule rule = scene_rule("full", 80, 60);
    (void)state;

    rule.raise.percent = rule.clear.percent = true;
    scene_queue(&scene, 0, "orders", 199);
    scene.queues[0].capacity = UNKNOWN;
    scene_queue(&scene, 1, "mails", 199);
    scene.queues[1].capacity = 0;
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 3, 199);
    assert_int_equal(scene.count, 0);
    scene.queues[0].capacity = 200;
    scene_run(&scene, 1, 199);
    assert_int_equal(scene.count, 1);
    scene.queues[0].capacity = UNKNOWN;
    scene_run(&scene, 1, 0);
    assert_int_equal(scene.count, 1);
}

/* Of a process: the machine's memory. */
static void a_denominator_may_be_of_another_kind(void **state)
{
    struct mw_alert_rule rule = scene_rule("large", 50, 40);
    (void)state;

    rule.reading = MW_PROCESS_RSS;
    rule.raise.percent = rule.clear.percent = true;
    strcpy(rule.subject, "post*");
    scene_process(&scene, 3, "postgres", 4711, 600000);
    scene_process(&scene, 4, "java", 4712, 600000);
    scene_set_rule(&scene, &rule);
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 1);
    assert_string_equal(scene_last(&scene)->name, "postgres");
    assert_string_equal(scene_last(&scene)->subject, "4711:4711000");
}

static void the_machine_is_a_subject_too(void **state)
{
    struct mw_alert_rule rule = scene_rule("low", 10, 12);
    (void)state;

    rule.reading = MW_SYSTEM_MEM_AVAILABLE;
    rule.op = MW_ALERT_BELOW;
    rule.raise.percent = rule.clear.percent = true;
    scene_set_rule(&scene, &rule);
    scene_tick(&scene, 1000);
    scene.mem_available = 99999;
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 1);
    assert_string_equal(scene_last(&scene)->name, "system");
    strcpy(rule.subject, "somebody else");
    scene_set_rule(&scene, &rule);
    scene_tick(&scene, 1000);
    assert_int_equal(scene_last(&scene)->reason, MW_ALERT_RULE_GONE);
}

/* memAvailable / memTotal has no block of its own: its time is that of what it is derived from. */
static void derived_readings_have_the_clock_of_their_source(void **state)
{
    struct mw_alert_rule rule = scene_rule("low", 0.1, 0.12);
    (void)state;

    rule.reading = MW_SYSTEM_MEM_AVAILABLE_RATIO;
    rule.op = MW_ALERT_BELOW;
    rule.for_ms = 2000;
    scene.mem_available = 1000;
    scene_set_rule(&scene, &rule);
    scene_tick(&scene, 1000);
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 1);
    scene_tick(&scene, 1000);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_FIRING);
    assert_int_equal(scene_last(&scene)->fired_ms, scene.time_ms);
}

static void a_counter_is_held_by_its_rate(void **state)
{
    struct mw_alert_rule rule = scene_rule("oom", 0, 0);
    (void)state;

    rule.reading = MW_SYSTEM_OOM_KILL;
    rule.mode = MW_ALERT_RATE;
    rule.window_ms = 10000;
    scene.oom_kills = 5; /* before anybody looked */
    scene_set_rule(&scene, &rule);
    for (int i = 0; i < 60; i++)
        scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 0);
    scene.oom_kills++;
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 1);
    for (int i = 0; i < 20; i++)
        scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 2);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_RESOLVED);
}

static void a_rate_that_finds_no_track_is_counted(void **state)
{
    struct mw_alert_rule rule = scene_rule("rate", 5, 4);
    struct mw_alert_config config;
    (void)state;

    mw_alert_config_default(&config);
    config.tracks = 2;
    scene_restart(&scene, &config);
    rule.mode = MW_ALERT_RATE;
    rule.window_ms = 10000;
    for (uint32_t i = 0; i < 3; i++)
        scene_queue(&scene, i, i == 0 ? "a" : i == 1 ? "b" : "c", 0);
    scene_set_rule(&scene, &rule);
    scene_tick(&scene, 1000);
    assert_int_equal(scene_numbers(&scene).tracks, 2);
    assert_int_equal(scene_numbers(&scene).untracked, 1);
    scene.queues[0].name = NULL; /* its track is free for the third */
    scene_tick(&scene, 1000);
    scene_tick(&scene, 1000);
    assert_int_equal(scene_numbers(&scene).tracks, 2);
    assert_int_equal(scene_numbers(&scene).untracked, 1);
}

static void a_queue_that_fills_is_told_before_it_is_full(void **state)
{
    struct mw_alert_rule rule = scene_rule("soon", 60, 90);
    (void)state;

    rule.mode = MW_ALERT_TIME_TO_FULL;
    rule.op = MW_ALERT_BELOW;
    rule.window_ms = 20000;
    scene_queue(&scene, 0, "orders", 0);
    scene_set_rule(&scene, &rule);
    for (uint64_t i = 0; i < 120; i++) {
        scene_run(&scene, 1, i); /* full after 200 s */
        assert_int_equal(scene.count, 0);
    }
    for (uint64_t i = 120; i < 145; i++)
        scene_run(&scene, 1, i);
    assert_int_equal(scene.count, 1);
    assert_true(scene.events[0].value > 55 && scene.events[0].value < 60);
    scene_run(&scene, 30, 145); /* it stands still */
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_RESOLVED);
}

static void the_ramp_of_a_start_is_no_trend(void **state)
{
    struct mw_alert_rule rule = scene_rule("soon", 600, 900);
    (void)state;

    rule.mode = MW_ALERT_TIME_TO_FULL;
    rule.op = MW_ALERT_BELOW;
    rule.window_ms = 60000;
    scene_queue(&scene, 0, "orders", 0);
    scene_set_rule(&scene, &rule);
    for (uint64_t i = 0; i < 30; i++)
        scene_run(&scene, 1, i * 4);
    scene_run(&scene, 29, 120);
    assert_int_equal(scene.count, 0);
}

static void memory_that_runs_out_is_told_before_it_has(void **state)
{
    struct mw_alert_rule rule = scene_rule("empty", 100, 200);
    (void)state;

    rule.reading = MW_SYSTEM_MEM_AVAILABLE;
    rule.mode = MW_ALERT_TIME_TO_EMPTY;
    rule.op = MW_ALERT_BELOW;
    rule.window_ms = 10000;
    scene_set_rule(&scene, &rule);
    for (int i = 0; i < 30; i++) {
        scene.mem_available -= 10000;
        scene_tick(&scene, 1000);
    }
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 1);
}

static void what_is_missing_too_long_is_told(void **state)
{
    struct mw_alert_rule rule = scene_rule("silent", 0, 0);
    (void)state;

    rule.mode = MW_ALERT_ABSENT;
    rule.for_ms = 10000;
    scene_queue(&scene, 0, "orders", 1);
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 5, 1);
    scene_run(&scene, 10, UNKNOWN);
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 0);
    scene_run(&scene, 1, UNKNOWN);
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 1);
    assert_false(scene_last(&scene)->value_known);
    scene_run(&scene, 1, 1);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_RESOLVED);
    assert_int_equal(scene_last(&scene)->reason, MW_ALERT_CLEARED);
}

static void a_late_source_is_missing_too(void **state)
{
    struct mw_alert_rule rule = scene_rule("silent", 0, 0);
    (void)state;

    rule.mode = MW_ALERT_ABSENT;
    rule.for_ms = 10000;
    scene_queue(&scene, 0, "orders", 1);
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 5, 1);
    scene.queues_late = true;
    scene_run(&scene, 30, 1);
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 1);
}

static void who_is_named_is_missing_while_the_source_is_late(void **state)
{
    struct mw_alert_rule rule = scene_rule("silent", 0, 0);
    (void)state;

    rule.mode = MW_ALERT_ABSENT;
    rule.for_ms = 20000;
    strcpy(rule.subject, "orders");
    scene_set_rule(&scene, &rule);
    scene_tick(&scene, 1000);
    scene.queues_late = true;
    for (int i = 0; i < 30; i++)
        scene_tick(&scene, 1000);
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 1);
}

/* A rule that names its subject misses it; one with a glob cannot know whom. */
static void a_subject_that_is_named_may_not_be_gone(void **state)
{
    struct mw_alert_rule rule = scene_rule("silent", 0, 0);
    (void)state;

    rule.mode = MW_ALERT_ABSENT;
    rule.for_ms = 3000;
    strcpy(rule.subject, "orders");
    scene_set_rule(&scene, &rule);
    for (int i = 0; i < 4; i++)
        scene_tick(&scene, 1000);
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 1);
    assert_string_equal(scene_last(&scene)->name, "orders");
    scene_queue(&scene, 5, "orders", 1);
    scene_tick(&scene, 1000);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_RESOLVED);
    assert_int_equal(scene_last(&scene)->reason, MW_ALERT_CLEARED);
    scene.queues[5].name = NULL;
    for (int i = 0; i < 4; i++)
        scene_tick(&scene, 1000);
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 2);
}

static void a_process_that_is_named_may_not_be_gone(void **state)
{
    struct mw_alert_rule rule = scene_rule("down", 0, 0);
    (void)state;

    rule.reading = MW_PROCESS_RSS;
    rule.mode = MW_ALERT_ABSENT;
    rule.for_ms = 1000;
    strcpy(rule.subject, "postgres");
    scene_set_rule(&scene, &rule);
    scene_tick(&scene, 1000);
    scene_tick(&scene, 1000);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_FIRING);
    scene_process(&scene, 0, "postgres", 4711, 5);
    scene_tick(&scene, 1000);
    assert_int_equal(scene_last(&scene)->state, MW_ALERT_RESOLVED);
    assert_int_equal(scene_last(&scene)->reason, MW_ALERT_CLEARED);
}

/* Globs are matched once for each subject, again with another name, and not at every sample. */
static void names_are_matched_once(void **state)
{
    struct mw_alert_rule rules[2] = {scene_rule("a", 100, 70), scene_rule("b", 100, 70)};
    (void)state;

    strcpy(rules[1].subject, "or*");
    scene_queue(&scene, 0, "orders", 1);
    scene_queue(&scene, 1, "mails", 1);
    assert_int_equal(mw_alerts_set_rules(scene.alerts, rules, 2), 0);
    for (int i = 0; i < 10; i++)
        scene_tick(&scene, 1000);
    assert_int_equal(scene_numbers(&scene).matches, 4);
    scene.queues[1].name = "orders2";
    scene.queues[1].value = 500;
    scene_tick(&scene, 1000);
    scene_tick(&scene, 1000);
    assert_int_equal(scene_numbers(&scene).matches, 6);
    assert_true(scene_has(&scene, "b", "orders2"));
}

static void without_room_for_rows_no_alert_is_lost(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    scene.without_fit = true;
    scene_queue(&scene, 0, "orders", 1);
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 2, 150);
    assert_int_equal(scene.count, 1);
    scene_run(&scene, 2, 0);
    assert_int_equal(scene.count, 2);
    assert_int_equal(scene_last(&scene)->reason, MW_ALERT_CLEARED);
}

static void who_has_no_name_is_meant_by_no_rule(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    scene.no_names = true;
    scene_queue(&scene, 0, "orders", 150);
    scene_set_rule(&scene, &rule);
    scene_run(&scene, 2, 150);
    assert_int_equal(scene.count, 0);
}

/* An urgent sample is of one source; what others last said is not looked at again. */
static void one_source_may_be_evaluated_alone(void **state)
{
    struct mw_alert_rule rules[2] = {scene_rule("a", 100, 70), scene_rule("b", 100, 70)};
    (void)state;

    rules[1].reading = MW_PROCESS_RSS;
    scene_queue(&scene, 0, "orders", 150);
    scene_process(&scene, 0, "java", 12, 150);
    assert_int_equal(mw_alerts_set_rules(scene.alerts, rules, 2), 0);
    scene.sources = 1u << MW_SOURCE_QUEUE;
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 1);
    assert_string_equal(scene_last(&scene)->name, "orders");
    scene.sources = UINT32_MAX;
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(a_percentage_is_of_the_subjects_own_denominator),
        T(a_percentage_without_its_denominator_is_not_known),
        T(a_denominator_may_be_of_another_kind),
        T(the_machine_is_a_subject_too),
        T(derived_readings_have_the_clock_of_their_source),
        T(a_counter_is_held_by_its_rate),
        T(a_rate_that_finds_no_track_is_counted),
        T(a_queue_that_fills_is_told_before_it_is_full),
        T(the_ramp_of_a_start_is_no_trend),
        T(memory_that_runs_out_is_told_before_it_has),
        T(what_is_missing_too_long_is_told),
        T(a_late_source_is_missing_too),
        T(who_is_named_is_missing_while_the_source_is_late),
        T(a_subject_that_is_named_may_not_be_gone),
        T(a_process_that_is_named_may_not_be_gone),
        T(names_are_matched_once),
        T(without_room_for_rows_no_alert_is_lost),
        T(who_has_no_name_is_meant_by_no_rule),
        T(one_source_may_be_evaluated_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
