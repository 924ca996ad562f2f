/* What is known of a row is forgotten when its subject goes: of that row, and of no other. What is
 * known here is how a queue has moved: four of them are followed until a rate is known, and then
 * one that jumps must be told in that very sample. */
#include "tests/lib/alert/alert_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { FOLLOWED = 4, WINDOW_S = 10, JUMP = 1000 };

static struct scene scene;

static int set_up(void **state)
{
    static const char *const names[FOLLOWED] = {"a", "b", "c", "d"};
    struct mw_alert_rule rule = scene_rule("moves", 5, 4);
    (void)state;

    scene_init(&scene, NULL);
    rule.mode = MW_ALERT_RATE;
    rule.window_ms = WINDOW_S * 1000;
    for (uint32_t i = 0; i < FOLLOWED; i++)
        scene_queue(&scene, i, names[i], 7);
    scene_set_rule(&scene, &rule);
    for (int i = 0; i < 2 * WINDOW_S; i++)
        scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 0);
    assert_int_equal(scene_numbers(&scene).tracks, FOLLOWED);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scene_deinit(&scene);
    return 0;
}

/* A row whose rate is known fires at once. One that was looked at before the row that went would
 * miss what was taken from it in the next sample only: so each is asked in both. */
static void assert_jumps_are_seen(const uint32_t *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        scene.queues[rows[i]].value += JUMP;
    scene_tick(&scene, 1000);
    assert_int_equal(scene_events_of(&scene, MW_ALERT_FIRING), count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(scene_alert(&scene, "moves", scene.queues[rows[i]].name).state,
                         MW_ALERT_FIRING);
}

/* With the rate of the one before, 7 to a million would be a crossing. */
static void who_comes_into_a_row_does_not_go_on_for_who_left(void **state)
{
    (void)state;
    for (uint32_t row = 0; row < FOLLOWED; row++) {
        scene_queue(&scene, row, "new", 1000000);
        scene.queues[row].key.id = 100 + row;
        scene_tick(&scene, 1000);
        scene_tick(&scene, 1000);
        assert_int_equal(scene.count, 0);
        assert_int_equal(scene_numbers(&scene).tracks, FOLLOWED);
        tear_down(NULL);
        set_up(NULL);
    }
}

static void others_go_on_when_a_row_gets_another_subject(void **state)
{
    (void)state;
    scene_queue(&scene, 1, "new", 1000000);
    scene.queues[1].key.id = 100;
    assert_jumps_are_seen((const uint32_t[]){2, 3}, 2);
    tear_down(NULL);
    set_up(NULL);
    scene_queue(&scene, 1, "new", 1000000);
    scene.queues[1].key.id = 100;
    scene_tick(&scene, 1000);
    assert_jumps_are_seen((const uint32_t[]){0, 2, 3}, 3);
}

static void others_go_on_when_a_row_is_free(void **state)
{
    (void)state;
    scene.queues[1].name = NULL;
    assert_jumps_are_seen((const uint32_t[]){2, 3}, 2);
    assert_int_equal(scene_numbers(&scene).tracks, FOLLOWED - 1);
    tear_down(NULL);
    set_up(NULL);
    scene.queues[1].name = NULL;
    scene_tick(&scene, 1000);
    assert_jumps_are_seen((const uint32_t[]){0, 2, 3}, 3);
}

static void others_go_on_when_a_block_has_fewer_rows(void **state)
{
    (void)state;
    scene.queue_rows = 2;
    scene_tick(&scene, 1000);
    assert_int_equal(scene_numbers(&scene).tracks, 2);
    assert_jumps_are_seen((const uint32_t[]){0, 1}, 2);
}

static void who_comes_back_begins_anew(void **state)
{
    (void)state;
    scene.queue_rows = 2;
    scene_tick(&scene, 1000);
    scene.queue_rows = SCENE_ROWS;
    scene.queues[2].value = scene.queues[3].value = 1000000;
    scene_tick(&scene, 1000);
    assert_int_equal(scene.count, 0);
    assert_int_equal(scene_numbers(&scene).tracks, FOLLOWED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(who_comes_into_a_row_does_not_go_on_for_who_left),
        T(others_go_on_when_a_row_gets_another_subject),
        T(others_go_on_when_a_row_is_free),
        T(others_go_on_when_a_block_has_fewer_rows),
        T(who_comes_back_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
