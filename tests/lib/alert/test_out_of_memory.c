/* Memory that runs out at any one allocation is an answer, and what was there goes on. And the
 * promise of the header: evaluating allocates nothing. */
#include "support/out_of_memory.h"
#include "tests/lib/alert/alert_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

enum { TRIES = 40 };

static void a_table_that_finds_no_memory_says_so(void **state)
{
    struct mw_alert_config config;
    int failures = 0;
    (void)state;

    mw_alert_config_default(&config);
    for (int i = 0; i < TRIES; i++) {
        struct mw_alerts *alerts = NULL;
        int r;

        out_of_memory_after(i);
        r = mw_alerts_create(&config, &alerts);
        out_of_memory_never();
        assert_true(r == 0 || r == -ENOMEM);
        failures += r < 0;
        mw_alerts_destroy(alerts);
    }
    assert_in_range(failures, 5, TRIES - 1);
}

static struct scene scene;

static void rules_that_find_no_memory_change_nothing(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    int failures = 0;
    (void)state;

    scene_init(&scene, NULL);
    scene_queue(&scene, 0, "orders", 0);
    scene_set_rule(&scene, &rule);
    for (int i = 0; i < TRIES; i++) {
        struct mw_alert_rule other = scene_rule("other", 1, 0);
        uint32_t count;
        int r;

        out_of_memory_after(i);
        r = mw_alerts_set_rules(scene.alerts, &other, 1);
        out_of_memory_never();
        failures += r < 0;
        assert_string_equal(mw_alerts_rules(scene.alerts, &count)->name,
                            r < 0 ? "backlog" : "other");
        scene_set_rule(&scene, &rule);
    }
    assert_in_range(failures, 1, TRIES - 1);
    scene_deinit(&scene);
}

static void without_memory_for_rows_alerts_go_on(void **state)
{
    struct mw_alert_rule rule = scene_rule("backlog", 100, 70);
    (void)state;

    for (int i = 0; i < 6; i++) {
        struct mw_sample *sample;
        struct mw_alert event;
        int r;

        scene_init(&scene, NULL);
        scene_queue(&scene, 0, "orders", 150);
        scene.without_fit = true;
        scene_tick(&scene, 1000);
        scene_set_rule(&scene, &rule);
        assert_int_equal(mw_sealer_seal(scene.sealer, scene.mono_ns, &sample), 0);
        out_of_memory_after(i);
        r = mw_alerts_fit(scene.alerts, sample);
        assert_true(r == 0 || r == -ENOMEM);
        out_of_memory_after(0);
        assert_int_equal(mw_alerts_evaluate(scene.alerts, sample, UINT32_MAX), 0);
        assert_null(malloc(1)); /* nobody has taken that failure */
        out_of_memory_never();
        assert_true(mw_alerts_take(scene.alerts, &event));
        assert_int_equal(event.state, MW_ALERT_FIRING);
        mw_sample_unref(sample);
        scene_deinit(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_that_finds_no_memory_says_so),
        cmocka_unit_test(rules_that_find_no_memory_change_nothing),
        cmocka_unit_test(without_memory_for_rows_alerts_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
