/* Alerts and rules as documents: every member, null where nothing is known, the right order. */
#include "daemon/view_alerts.h"
#include "tests/lib/alert/alert_support.h"
#include "tests/support/view_check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct scene scene;
static const char *const sinks[] = {"ops", "pager"};

/* Three queues: one that fires, one that is pending, one that was resolved. */
static int set_up(void **state)
{
    struct mw_alert_rule rules[2] = {scene_rule("backlog", 100, 70), scene_rule("long", 100, 70)};
    (void)state;

    scene_init(&scene, NULL);
    rules[0].to = 2;
    rules[0].label_count = 1;
    strcpy(rules[0].labels[0].key, "team");
    strcpy(rules[0].labels[0].value, "shop \"a\"");
    strcpy(rules[0].subject, "[om]*");
    strcpy(rules[1].subject, "late");
    rules[1].for_ms = 60000;
    rules[1].severity = MW_ALERT_CRITICAL;
    scene_queue(&scene, 0, "mails", 150);
    scene_queue(&scene, 1, "orders", 150);
    scene_queue(&scene, 2, "late", 150);
    assert_int_equal(mw_alerts_set_rules(scene.alerts, rules, 2), 0);
    scene_tick(&scene, 1000);
    scene.queues[0].value = 0;
    scene_tick(&scene, 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scene_deinit(&scene);
    return 0;
}

static struct mwd_alerts_input input(void)
{
    return (struct mwd_alerts_input){scene.alerts, scene.time_ms, sinks, 2};
}

static cJSON *render(const struct mwd_alerts_query *query)
{
    struct mwd_alerts_input given = input();
    struct mwd_buffer out;
    cJSON *tree;

    mwd_buffer_init(&out, SIZE_MAX);
    if (query)
        mwd_view_alerts(&given, query, &out);
    else
        mwd_view_rules(&given, &out);
    tree = view_parse(&out);
    mwd_buffer_deinit(&out);
    return tree;
}

static void assert_text(const cJSON *object, const char *key, const char *text)
{
    assert_string_equal(cJSON_GetStringValue(view_member(object, key)), text);
}

static void assert_number(const cJSON *object, const char *key, double number)
{
    assert_true(cJSON_IsNumber(view_member(object, key)));
    assert_true(view_member(object, key)->valuedouble == number);
}

static void assert_names(const struct mwd_alerts_query *query, int total, const char *names)
{
    cJSON *tree = render(query);
    char found[64] = "";
    const cJSON *row;

    cJSON_ArrayForEach(row, view_member(tree, "alerts"))
    {
        strcat(found, cJSON_GetStringValue(view_member(row, "name")));
        strcat(found, " ");
    }
    assert_string_equal(found, names);
    assert_number(tree, "total", total);
    cJSON_Delete(tree);
}

static void what_fires_comes_first(void **state)
{
    (void)state;
    assert_names(&(struct mwd_alerts_query){.limit = 10}, 3, "orders late mails ");
    assert_names(&(struct mwd_alerts_query){.limit = 2}, 3, "orders late ");
    assert_names(&(struct mwd_alerts_query){.limit = 0}, 3, "");
    assert_names(&(struct mwd_alerts_query){.limit = 9, .state = "resolved"}, 1, "mails ");
    assert_names(&(struct mwd_alerts_query){.limit = 9, .severity = "critical"}, 1, "late ");
    assert_names(&(struct mwd_alerts_query){.limit = 9, .rule = "back*"}, 2, "orders mails ");
    assert_names(&(struct mwd_alerts_query){.limit = 9, .subject = "*s", .state = "firing"}, 1,
                 "orders ");
    assert_names(&(struct mwd_alerts_query){.limit = 9, .subject = "nobody"}, 0, "");
}

static void an_alert_shows_all_that_is_known(void **state)
{
    cJSON *tree = render(&(struct mwd_alerts_query){.limit = 1});
    const cJSON *alert = cJSON_GetArrayItem(view_member(tree, "alerts"), 0);
    const cJSON *evidence = view_member(alert, "evidence");
    char id[MW_ALERT_ID_MAX];
    (void)state;

    mw_alert_format_id(scene.events[1].fingerprint, scene.events[1].since_ms, id);
    assert_text(alert, "id", id);
    assert_text(alert, "rule", "backlog");
    assert_text(alert, "kind", "queue");
    assert_text(alert, "reading", "queue.length");
    assert_text(alert, "unit", "count");
    assert_text(alert, "state", "firing");
    assert_text(alert, "severity", "warning");
    assert_number(alert, "value", 150);
    assert_number(alert, "threshold", 100);
    assert_number(alert, "limit", 200);
    assert_number(alert, "sinceMs", (double)scene.time_ms - 1000);
    assert_number(alert, "valueMs", (double)scene.time_ms);
    assert_text(view_member(alert, "labels"), "team", "shop \"a\"");
    assert_text(alert, "summary", "queue.length of orders is 150, above 100");
    assert_true(cJSON_IsNull(view_member(alert, "resolvedMs")));
    assert_true(cJSON_IsNull(view_member(alert, "reason")));
    assert_true(cJSON_IsNull(view_member(alert, "silencedBy")));
    assert_true(cJSON_IsNull(view_member(alert, "ack")));
    assert_int_equal(cJSON_GetArraySize(evidence), 2);
    assert_true(cJSON_GetArrayItem(cJSON_GetArrayItem(evidence, 0), 1)->valuedouble == 150);
    cJSON_Delete(tree);
}

static void silences_and_acks_are_shown(void **state)
{
    struct mw_alert_silence silence = {.id = 0xab, .starts_ms = 1, .ends_ms = INT64_MAX};
    struct mw_alert_ack ack = {.fingerprint = scene.events[1].fingerprint,
                               .since_ms = scene.events[1].since_ms,
                               .time_ms = 5};
    uint64_t id;
    cJSON *tree;
    const cJSON *alert;
    (void)state;

    strcpy(silence.author, "ann");
    strcpy(silence.subject, "orders");
    strcpy(ack.author, "bob");
    strcpy(ack.comment, "on it");
    assert_int_equal(mw_alerts_add_silence(scene.alerts, &silence, &id), 0);
    assert_int_equal(mw_alerts_add_ack(scene.alerts, &ack), 0);
    tree = render(&(struct mwd_alerts_query){.limit = 1});
    alert = cJSON_GetArrayItem(view_member(tree, "alerts"), 0);
    assert_text(alert, "silencedBy", "00000000000000ab");
    assert_text(view_member(alert, "ack"), "author", "bob");
    assert_text(view_member(alert, "ack"), "comment", "on it");
    cJSON_Delete(tree);
}

static void one_is_found_by_its_id(void **state)
{
    struct mwd_alerts_input given = input();
    char id[MW_ALERT_ID_MAX];
    struct mwd_buffer out;
    cJSON *tree;
    (void)state;

    mw_alert_format_id(scene.events[1].fingerprint, scene.events[1].since_ms, id);
    mwd_buffer_init(&out, SIZE_MAX);
    assert_int_equal(mwd_view_alert_one(&given, id, &out), 0);
    tree = view_parse(&out);
    assert_text(tree, "id", id);
    cJSON_Delete(tree);
    id[0] = id[0] == '0' ? '1' : '0';
    assert_int_equal(mwd_view_alert_one(&given, id, &out), -ENOENT);
    assert_int_equal(mwd_view_alert_one(&given, "orders", &out), -ENOENT);
    mwd_buffer_deinit(&out);
}

static void rules_show_themselves_and_their_alerts(void **state)
{
    cJSON *tree = render(NULL);
    const cJSON *rules = view_member(tree, "rules");
    const cJSON *rule = cJSON_GetArrayItem(rules, 0);
    (void)state;

    assert_int_equal(cJSON_GetArraySize(rules), 2);
    assert_text(rule, "name", "backlog");
    assert_text(rule, "subject", "[om]*");
    assert_text(rule, "mode", "value");
    assert_text(rule, "op", "above");
    assert_number(rule, "raise", 100);
    assert_number(rule, "clear", 70);
    assert_true(cJSON_IsNull(view_member(rule, "windowMs")));
    assert_number(rule, "firing", 1);
    assert_number(rule, "resolved", 1);
    assert_number(rule, "pending", 0);
    assert_int_equal(cJSON_GetArraySize(view_member(rule, "to")), 1);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(view_member(rule, "to"), 0)),
                        "pager");
    rule = cJSON_GetArrayItem(rules, 1);
    assert_number(rule, "pending", 1);
    assert_number(rule, "forMs", 60000);
    assert_int_equal(cJSON_GetArraySize(view_member(rule, "to")), 2);
    cJSON_Delete(tree);
}

static void units_of_modes_are_told(void **state)
{
    struct mw_alert_rule rules[3] = {scene_rule("a", 1, 0), scene_rule("b", 1, 2),
                                     scene_rule("c", 0, 0)};
    cJSON *tree;
    const cJSON *list;
    (void)state;

    rules[0].mode = MW_ALERT_RATE;
    rules[1].mode = MW_ALERT_TIME_TO_FULL;
    rules[1].op = MW_ALERT_BELOW;
    rules[2].mode = MW_ALERT_ABSENT;
    rules[2].for_ms = 5;
    assert_int_equal(mw_alerts_set_rules(scene.alerts, rules, 3), 0);
    tree = render(NULL);
    list = view_member(tree, "rules");
    assert_text(cJSON_GetArrayItem(list, 0), "unit", "count/s");
    assert_number(cJSON_GetArrayItem(list, 0), "windowMs", 60000);
    assert_text(cJSON_GetArrayItem(list, 1), "unit", "s");
    assert_true(cJSON_IsNull(view_member(cJSON_GetArrayItem(list, 2), "op")));
    assert_true(cJSON_IsNull(view_member(cJSON_GetArrayItem(list, 2), "raise")));
    cJSON_Delete(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(what_fires_comes_first),
        T(an_alert_shows_all_that_is_known),
        T(silences_and_acks_are_shown),
        T(one_is_found_by_its_id),
        T(rules_show_themselves_and_their_alerts),
        T(units_of_modes_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
