/* Who is not told, and who said that they know. */
#include "tests/lib/alert/alert_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

enum { START = 1000, END = 2000 };

static struct scene scene;
static struct mw_alert_silence silence;

static int set_up(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    scene_init(&scene, NULL);
    rule.label_count = 1;
    strcpy(rule.labels[0].key, "team");
    strcpy(rule.labels[0].value, "shop");
    scene_queue(&scene, 0, "orders", 150);
    scene_set_rule(&scene, &rule);
    scene_tick(&scene, 1000);
    silence = (struct mw_alert_silence){.starts_ms = START, .ends_ms = END};
    strcpy(silence.author, "ann");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scene_deinit(&scene);
    return 0;
}

static uint64_t add(void)
{
    uint64_t id = 0;

    assert_int_equal(mw_alerts_add_silence(scene.alerts, &silence, &id), 0);
    assert_true(id != 0);
    return id;
}

static uint64_t silenced(int64_t now_ms)
{
    return mw_alerts_silenced_by(scene.alerts, scene_last(&scene), now_ms);
}

static void a_silence_lasts_from_its_start_to_its_end(void **state)
{
    uint64_t id;
    (void)state;

    strcpy(silence.rule, "back*");
    id = add();
    assert_true(silenced(START - 1) == 0);
    assert_true(silenced(START) == id);
    assert_true(silenced(END - 1) == id);
    assert_true(silenced(END) == 0);
}

static void all_matchers_must_match(void **state)
{
    static const struct row {
        const char *rule, *subject, *key, *value;
        uint32_t severities;
        bool matches;
    } rows[] = {
        {"backlog", "", "", "", 0, true},
        {"backlog", "orders", "team", "sh*", 1u << MW_ALERT_WARNING, true},
        {"", "orders", "", "", 0, true},
        {"", "mails", "", "", 0, false},
        {"other", "orders", "", "", 0, false},
        {"", "", "team", "shop", 0, true},
        {"", "", "team", "ship", 0, false},
        {"", "", "site", "*", 0, false},
        {"", "", "", "", 1u << MW_ALERT_WARNING | 1u << MW_ALERT_INFO, true},
        {"", "", "", "", 1u << MW_ALERT_CRITICAL, false},
        {"backlog", "", "", "", 1u << MW_ALERT_CRITICAL, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t id;

        strcpy(silence.rule, rows[i].rule);
        strcpy(silence.subject, rows[i].subject);
        silence.severities = rows[i].severities;
        silence.label_count = rows[i].key[0] != 0;
        strcpy(silence.labels[0].key, rows[i].key);
        strcpy(silence.labels[0].value, rows[i].value);
        id = add();
        if (silenced(START) != (rows[i].matches ? id : 0))
            fail_msg("row %zu", i);
        assert_int_equal(mw_alerts_remove_silence(scene.alerts, id), 0);
    }
}

static void a_silence_can_be_undone_once(void **state)
{
    uint64_t id, other;
    uint32_t count;
    (void)state;

    strcpy(silence.rule, "*");
    id = add();
    other = add();
    assert_true(id != other);
    assert_int_equal(mw_alerts_remove_silence(scene.alerts, id), 0);
    assert_int_equal(mw_alerts_remove_silence(scene.alerts, id), -ENOENT);
    assert_true(mw_alerts_silences(scene.alerts, &count)[0].id == other);
    assert_int_equal(count, 1);
}

static void a_stored_silence_keeps_its_id(void **state)
{
    uint64_t id;
    (void)state;

    strcpy(silence.rule, "*");
    silence.id = 77;
    assert_true(add() == 77);
    assert_int_equal(mw_alerts_add_silence(scene.alerts, &silence, &id), -EEXIST);
}

static void silences_have_a_bound_and_end(void **state)
{
    uint64_t id;
    (void)state;

    strcpy(silence.rule, "*");
    for (int i = 0; i < MW_ALERT_SILENCES_MAX; i++) {
        silence.ends_ms = END + i % 2;
        add();
    }
    assert_int_equal(mw_alerts_add_silence(scene.alerts, &silence, &id), -ENOSPC);
    assert_int_equal(mw_alerts_expire_silences(scene.alerts, END), MW_ALERT_SILENCES_MAX / 2);
    assert_true(silenced(END) != 0);
    add();
}

static void assert_refused(const char *key)
{
    char error[MW_ALERT_ERROR_MAX];
    uint64_t id;

    assert_int_equal(mw_alert_silence_check(&silence, error), -EINVAL);
    if (strncmp(error, key, strlen(key)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", error, key);
    assert_int_equal(mw_alerts_add_silence(scene.alerts, &silence, &id), -EINVAL);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    assert_refused("a silence says");
    strcpy(silence.rule, "*");
    silence.author[0] = '\0';
    assert_refused("author:");
    memset(silence.author, 'a', sizeof(silence.author));
    assert_refused("author:");
    strcpy(silence.author, "ann");
    silence.ends_ms = START;
    assert_refused("endsMs:");
    silence.ends_ms = END;
    strcpy(silence.comment, "two\nlines");
    assert_refused("comment:");
    silence.comment[0] = '\0';
    silence.severities = 8;
    assert_refused("severity:");
    silence.severities = 0;
    silence.label_count = 5;
    assert_refused("labels:");
    silence.label_count = 1;
    assert_refused("labels:");
    silence.label_count = 0;
    memset(silence.subject, 'a', sizeof(silence.subject));
    assert_refused("subject:");
}

static struct mw_alert_ack ack_of_last(const char *author)
{
    struct mw_alert_ack ack = {.fingerprint = scene_last(&scene)->fingerprint,
                               .since_ms = scene_last(&scene)->since_ms,
                               .time_ms = 5};

    strcpy(ack.author, author);
    return ack;
}

static void an_ack_is_of_one_alert_and_goes_with_it(void **state)
{
    struct mw_alert_ack ack = ack_of_last("ann");
    uint32_t count;
    (void)state;

    assert_null(mw_alerts_ack_of(scene.alerts, scene_last(&scene)));
    assert_int_equal(mw_alerts_add_ack(scene.alerts, &ack), 0);
    ack = ack_of_last("bob");
    assert_int_equal(mw_alerts_add_ack(scene.alerts, &ack), 0);
    mw_alerts_acks(scene.alerts, &count);
    assert_int_equal(count, 1);
    assert_string_equal(mw_alerts_ack_of(scene.alerts, scene_last(&scene))->author, "bob");
    scene_run(&scene, 1, 0);
    assert_non_null(mw_alerts_ack_of(scene.alerts, scene_last(&scene)));
    scene_run(&scene, 1, 150); /* another time, which nobody knows of yet */
    assert_null(mw_alerts_ack_of(scene.alerts, scene_last(&scene)));
    mw_alerts_acks(scene.alerts, &count);
    assert_int_equal(count, 0);
}

static void an_ack_of_nothing_is_refused(void **state)
{
    struct mw_alert_ack ack = ack_of_last("ann");
    (void)state;

    ack.since_ms++;
    assert_int_equal(mw_alerts_add_ack(scene.alerts, &ack), -ENOENT);
    ack = ack_of_last("");
    assert_int_equal(mw_alerts_add_ack(scene.alerts, &ack), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(a_silence_lasts_from_its_start_to_its_end),
        T(all_matchers_must_match),
        T(a_silence_can_be_undone_once),
        T(a_stored_silence_keeps_its_id),
        T(silences_have_a_bound_and_end),
        T(what_makes_no_sense_is_refused),
        T(an_ack_is_of_one_alert_and_goes_with_it),
        T(an_ack_of_nothing_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
