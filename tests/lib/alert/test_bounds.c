/* Bounds and what is answered at them: states, events, rules; and rules that change. */
#include "tests/lib/alert/alert_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SUBJECTS = 40 };

static struct scene scene;
static char names[SUBJECTS][8];

static void set_up_with(uint32_t states, uint32_t events)
{
    struct mw_alert_config config;
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);

    mw_alert_config_default(&config);
    config.states = states;
    config.events = events;
    scene_init(&scene, &config);
    for (uint32_t i = 0; i < SUBJECTS; i++) {
        snprintf(names[i], sizeof(names[i]), "q%u", i);
        scene_queue(&scene, i, names[i], 0);
    }
    scene_set_rule(&scene, &rule);
}

static void set_all(uint32_t count, uint64_t length)
{
    for (uint32_t i = 0; i < count; i++)
        scene.queues[i].value = length;
}

static void bounds_that_make_no_sense_are_refused(void **state)
{
    struct mw_alert_config config;
    struct mw_alerts *alerts;
    (void)state;

    mw_alert_config_default(&config);
    config.states = 0;
    assert_int_equal(mw_alerts_create(&config, &alerts), -EINVAL);
    config.states = 1000001;
    assert_int_equal(mw_alerts_create(&config, &alerts), -EINVAL);
    mw_alert_config_default(&config);
    config.events = 0;
    assert_int_equal(mw_alerts_create(&config, &alerts), -EINVAL);
    assert_null(mw_alerts_destroy(NULL));
}

static void one_too_many_waits_for_a_place(void **state)
{
    (void)state;
    for (uint32_t over = 0; over < 3; over++) {
        uint32_t count = 9 + over; /* one less than there is room for, as many, one more */

        set_up_with(10, 1024);
        set_all(count, 150);
        scene_tick(&scene, 1000);
        assert_int_equal(scene.count, count < 10 ? count : 10);
        assert_int_equal(scene_numbers(&scene).dropped, count > 10);
        scene.queues[0].value = 0;
        scene_tick(&scene, 1000);
        scene_tick(&scene, 1000);
        assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), count);
        scene_deinit(&scene);
    }
}

static void the_oldest_that_is_resolved_makes_room(void **state)
{
    (void)state;
    set_up_with(10, 1024);
    set_all(10, 150);
    scene_tick(&scene, 1000);
    scene.queues[3].value = 0;
    scene_tick(&scene, 1000);
    scene.queues[1].value = 0;
    scene_tick(&scene, 1000);
    scene.queues[20].value = 150;
    scene_tick(&scene, 1000);
    assert_true(scene_has(&scene, "backlog", "q20"));
    assert_false(scene_has(&scene, "backlog", "q3"));
    assert_true(scene_has(&scene, "backlog", "q1"));
    assert_int_equal(scene_numbers(&scene).dropped, 0);
    scene_deinit(&scene);
}

/* One that fires again is no longer the oldest, wherever it stood among those that are resolved. */
static void one_that_fires_again_makes_no_room(void **state)
{
    (void)state;
    for (uint32_t again = 0; again < 3; again++) {
        set_up_with(10, 1024);
        set_all(10, 150);
        scene_tick(&scene, 1000);
        for (uint32_t i = 0; i < 3; i++) {
            scene.queues[i].value = 0;
            scene_tick(&scene, 1000);
        }
        scene.queues[again].value = 150;
        scene_tick(&scene, 1000);
        for (uint32_t i = 0, came = 20; i < 3; i++) {
            if (i == again)
                continue;
            scene.queues[came++].value = 150;
            scene_tick(&scene, 1000);
            assert_false(scene_has(&scene, "backlog", names[i]));
            for (uint32_t j = i + 1; j < 3; j++)
                assert_true(scene_has(&scene, "backlog", names[j]));
        }
        assert_true(scene_has(&scene, "backlog", names[again]));
        assert_int_equal(scene_numbers(&scene).dropped, 0);
        scene_deinit(&scene);
    }
}

/* Each subject once, none twice. */
static void assert_all_different(uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        for (uint32_t j = first; j < i; j++)
            assert_string_not_equal(scene.events[i].name, scene.events[j].name);
}

/* What finds no room among the events has not happened yet: it is told later, and never lost. */
static void changes_wait_for_room_among_the_events(void **state)
{
    (void)state;
    set_up_with(100, 7);
    set_all(30, 150);
    assert_int_equal(scene_tick_untaken(&scene, 1000), MW_ALERTS_MORE);
    assert_int_equal(scene_numbers(&scene).firing, 7);
    assert_int_equal(scene_numbers(&scene).deferred, 23);
    scene_tick(&scene, 1000);
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 30);
    set_all(30, 0);
    scene_tick(&scene, 1000);
    assert_int_equal(scene_events_of(&scene, MW_ALERT_RESOLVED), 30);
    assert_all_different(0, 30);
    assert_all_different(30, 30);
    set_all(30, 150);
    scene_tick(&scene, 1000);
    for (uint32_t i = 0; i < SUBJECTS; i++)
        scene.queues[i].name = NULL;
    scene_tick(&scene, 1000);
    assert_int_equal(scene_events_of(&scene, MW_ALERT_RESOLVED), 60);
    assert_int_equal(scene.count, 120);
    scene_deinit(&scene);
}

static void one_that_is_resolved_is_shown_for_a_while(void **state)
{
    (void)state;
    set_up_with(100, 100);
    set_all(1, 150);
    scene_tick(&scene, 1000);
    set_all(1, 0);
    scene_tick(&scene, 1000);
    scene_tick(&scene, 3600 * 1000);
    assert_true(scene_has(&scene, "backlog", "q0"));
    scene_tick(&scene, 1000);
    assert_false(scene_has(&scene, "backlog", "q0"));
    scene_deinit(&scene);
}

/* ---- rules ---- */

static void too_many_rules_or_twins_are_refused(void **state)
{
    static struct mw_alert_rule rules[MW_ALERT_RULES_MAX + 1];
    uint32_t count;
    (void)state;

    set_up_with(100, 100);
    for (uint32_t i = 0; i <= MW_ALERT_RULES_MAX; i++) {
        rules[i] = scene_rule("", 100, 70);
        snprintf(rules[i].name, sizeof(rules[i].name), "rule %u", i);
    }
    assert_int_equal(mw_alerts_set_rules(scene.alerts, rules, MW_ALERT_RULES_MAX + 1), -E2BIG);
    mw_alerts_rules(scene.alerts, &count);
    assert_int_equal(count, 1);
    assert_int_equal(mw_alerts_set_rules(scene.alerts, rules, MW_ALERT_RULES_MAX), 0);
    set_all(1, 150);
    scene_tick(&scene, 1000); /* bits of all four words */
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), 100);
    assert_int_equal(scene_numbers(&scene).dropped, MW_ALERT_RULES_MAX - 100);
    strcpy(rules[1].name, rules[0].name);
    assert_int_equal(mw_alerts_set_rules(scene.alerts, rules, 2), -EINVAL);
    scene_deinit(&scene);
}

static void an_alert_goes_on_over_a_reload(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    set_up_with(100, 100);
    set_all(2, 150);
    scene_tick(&scene, 1000);
    rule.severity = MW_ALERT_CRITICAL;
    rule.keep_ms = 5000;
    strcpy(rule.summary, "{subject} is long");
    scene_set_rule(&scene, &rule);
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 2);
    assert_int_equal(scene_alert(&scene, "backlog", "q0").severity, MW_ALERT_CRITICAL);
    assert_string_equal(scene_alert(&scene, "backlog", "q0").rule->summary, "{subject} is long");
    scene_deinit(&scene);
}

static void a_rule_that_goes_ends_its_alerts(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    for (int how = 0; how < 3; how++) {
        set_up_with(100, 100);
        set_all(2, 150);
        scene_tick(&scene, 1000);
        rule.enabled = how != 1;
        if (how == 2)
            rule.raise.amount = 120; /* another condition under the same name */
        assert_int_equal(mw_alerts_set_rules(scene.alerts, &rule, how > 0), 0);
        scene_tick(&scene, 1000);
        assert_int_equal(scene_events_of(&scene, MW_ALERT_RESOLVED), 2);
        assert_int_equal(scene.events[2].reason, MW_ALERT_RULE_GONE);
        assert_non_null(scene.events[2].rule); /* whom it was to is still known */
        assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), how == 2 ? 4 : 2);
        assert_int_equal(mw_alerts_set_rules(scene.alerts, NULL, 0), 0);
        assert_int_equal(mw_alerts_set_rules(scene.alerts, NULL, 0), 0);
        scene_tick(&scene, 1000);
        assert_null(scene_alert(&scene, "backlog", "q0").rule);
        scene_deinit(&scene);
    }
}

static void pending_ends_with_its_rule(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    set_up_with(100, 100);
    rule.for_ms = 5000;
    scene_set_rule(&scene, &rule);
    set_all(1, 150);
    scene_tick(&scene, 1000);
    assert_int_equal(mw_alerts_set_rules(scene.alerts, NULL, 0), 0);
    assert_int_equal(mw_alerts_set_rules(scene.alerts, &rule, 1), 0);
    scene_tick(&scene, 1000); /* it had gone meanwhile */
    assert_int_equal(scene.count, 3);
    assert_int_equal(scene.events[1].state, MW_ALERT_OK);
    assert_int_equal(scene.events[1].reason, MW_ALERT_RULE_GONE);
    assert_int_equal(scene.events[2].state, MW_ALERT_PENDING);
    scene_deinit(&scene);
}

/* An event may wait over reloads; what it refers to must live. */
static void events_that_wait_keep_their_rule(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    struct mw_alert event;
    (void)state;

    set_up_with(100, 100);
    set_all(1, 150);
    scene_tick_untaken(&scene, 1000);
    for (int i = 0; i < 3; i++)
        scene_set_rule(&scene, &rule);
    assert_true(mw_alerts_take(scene.alerts, &event));
    assert_string_equal(event.rule->name, "backlog");
    scene_tick_untaken(&scene, 1000);
    set_all(1, 0);
    scene_tick_untaken(&scene, 1000);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mw_alerts_set_rules(scene.alerts, NULL, 0), 0);
    assert_true(mw_alerts_take(scene.alerts, &event));
    assert_null(event.rule);
    assert_string_equal(event.rule_name, "backlog");
    scene_deinit(&scene);
}

/* ---- by chance ---- */

/* Whatever comes: each alert is told in an order that makes sense, and counts agree. */
static void events_tell_a_story_that_makes_sense(void **state)
{
    enum mw_alert_state last[SUBJECTS] = {MW_ALERT_OK};
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    uint64_t random = 3;
    uint32_t seen = 0;
    (void)state;

    set_up_with(20, 5);
    rule.for_ms = 2000;
    rule.keep_ms = 3000;
    scene_set_rule(&scene, &rule);
    for (int step = 0; step < 3000; step++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint32_t row = random >> 33 & 31;
        uint64_t what = random >> 40 & 7;

        scene.queues[row].name = what == 0 ? NULL : names[row];
        scene.queues[row].value = what == 1 ? UNKNOWN : what == 2 ? 85 : what < 5 ? 150 : 20;
        if (scene.count > SCENE_EVENTS - 200)
            scene.count = seen = 0;
        scene_tick(&scene, 500);
        for (; seen < scene.count; seen++) {
            const struct mw_alert *event = &scene.events[seen];
            unsigned who = 0;

            assert_int_equal(sscanf(event->name, "q%u", &who), 1);
            assert_true(who < SUBJECTS);
            if (event->state == MW_ALERT_PENDING)
                assert_true(last[who] == MW_ALERT_OK || last[who] == MW_ALERT_RESOLVED);
            else if (event->state == MW_ALERT_RESOLVED)
                assert_int_equal(last[who], MW_ALERT_FIRING);
            else
                assert_int_equal(last[who], MW_ALERT_PENDING);
            if (event->state == MW_ALERT_FIRING)
                assert_true(event->value > 100);
            last[who] = event->state;
        }
    }
    assert_true(scene_numbers(&scene).fired > 50);
    assert_int_equal(scene_numbers(&scene).fired - scene_numbers(&scene).ended,
                     scene_numbers(&scene).firing);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_that_make_no_sense_are_refused),
        cmocka_unit_test(one_too_many_waits_for_a_place),
        cmocka_unit_test(the_oldest_that_is_resolved_makes_room),
        cmocka_unit_test(one_that_fires_again_makes_no_room),
        cmocka_unit_test(changes_wait_for_room_among_the_events),
        cmocka_unit_test(one_that_is_resolved_is_shown_for_a_while),
        cmocka_unit_test(too_many_rules_or_twins_are_refused),
        cmocka_unit_test(an_alert_goes_on_over_a_reload),
        cmocka_unit_test(a_rule_that_goes_ends_its_alerts),
        cmocka_unit_test(pending_ends_with_its_rule),
        cmocka_unit_test(events_that_wait_keep_their_rule),
        cmocka_unit_test(events_tell_a_story_that_makes_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
