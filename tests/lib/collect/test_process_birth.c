/* A process that is seen first: names, kernel threads, what is refused, and vfork children. */
#include "process_support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names ---- */

static void hostile_names_come_out_right(void **state)
{
    static const char *const names[] = {"a b c",
                                        "a) R 1 1 (b",
                                        ")",
                                        "(((",
                                        "new\nline",
                                        "<b>bold</b>",
                                        "<img src=x>",
                                        "say \"hi\" 'ho'",
                                        "back\\slash\\n",
                                        "\\xff\\xfe\\xc3(",
                                        "na\xc3\xafve \xe2\x9c\x93",
                                        "cut utf-8 15b\\xe2\\x82",
                                        "",
                                        "\ttab\x1b[31mred",
                                        " ",
                                        "0 1 2 3 4 5 6 7",
                                        "&amp;\r",
                                        "%s%n{}${HOME}"};
    struct world *world = world_over(MW_FIXTURES "/hostile_names/proc", 8);

    (void)state;
    world_beat(world);
    for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_event(world, 100 + i, 1, MW_EVENT_NAME, names[i]);
        assert_reading(world, 100 + i, MW_PROCESS_PPID, 1);
    }
    assert_event(world, 200, 2, MW_EVENT_CGROUP, "/user.slice/a b:c\"<i>\\x2d\\xff.scope");
    assert_no_next_fault(world);
    world_free(world);
}

/* status failed: stat has the name too. */
static void the_name_comes_from_stat_when_status_has_none(void **state)
{
    struct world *world = world_create(1);
    struct plant plant = plant_of(41);

    (void)state;
    plant.name = ") \xff(";
    world_plant(world, &plant);
    world_write(world, 41, "status", "");
    world_beat(world);
    assert_event(world, 41, 1, MW_EVENT_NAME, ") \\xff(");
    world_free(world);
}

/* ---- kernel threads ---- */

static void a_kernel_thread_has_no_memory_and_is_not_asked_again(void **state)
{
    struct world *world = world_create(8);
    struct plant plant = plant_of(41);

    (void)state;
    plant.flags = FLAG_KERNEL;
    plant.size = plant.resident = plant.shared = plant.text = 0;
    plant.name = "kworker/0:1H-kblockd";
    world_plant(world, &plant);
    world_beat(world);
    assert_event(world, 41, 1, MW_EVENT_NAME, "kworker/0:1H-kblockd");
    assert_reading(world, 41, MW_PROCESS_RSS, 0);
    assert_reading(world, 41, MW_PROCESS_RSS_ANON, 0);
    assert_reading(world, 41, MW_PROCESS_VIRTUAL, 0);
    assert_reading(world, 41, MW_PROCESS_GROWTH, 0);
    assert_lacks_memory_of_status(world, 41, MW_ABSENT_UNSUPPORTED);
    assert_reading(world, 41, MW_PROCESS_THREADS, 1);
    assert_int_equal(kept_statm(world), 0);
    world_write(world, 41, "statm", "7 7 7 7 7 7 7\n");
    world_beat(world);
    assert_reading(world, 41, MW_PROCESS_RSS, 0);
    plant.start = 1;
    world_plant(world, &plant); /* another one: found out by its start */
    world_beat(world);
    assert_event(world, 41, 0, MW_EVENT_GONE, "");
    world_free(world);
}

/* ---- refused ---- */

static void chmod_files(const struct world *world, uint32_t pid, mode_t mode)
{
    static const char *const files[] = {"statm", "stat", "status", "cgroup"};
    char path[128];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%u/%s", world->tree.proc, pid, files[i]);
        assert_int_equal(chmod(path, mode), 0);
    }
}

/* Root is refused nothing, so the beat is somebody else's. */
static void beat_as_nobody(struct world *world)
{
    uid_t uid = geteuid();

    assert_int_equal(uid == 0 ? seteuid(65534) : 0, 0);
    world_beat(world);
    assert_int_equal(seteuid(uid), 0);
}

/* As hidepid=1 does: the directory is listed, its files are refused. */
static void what_is_refused_is_absent_as_denied(void **state)
{
    struct world *world = world_create(8);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    chmod_files(world, 41, 0);
    beat_as_nobody(world);
    assert_int_equal(event_of(world, 41, 0)->key.birth, 0);
    assert_event_lacks(world, 41, 1, MW_EVENT_NAME, MW_ABSENT_DENIED);
    assert_event_lacks(world, 41, 2, MW_EVENT_CGROUP, MW_ABSENT_DENIED);
    assert_lacks_statm(world, 41, MW_ABSENT_DENIED);
    assert_lacks_memory_of_status(world, 41, MW_ABSENT_DENIED);
    assert_lacks(world, 41, MW_PROCESS_PPID, MW_ABSENT_DENIED);
    assert_lacks(world, 41, MW_PROCESS_STATE, MW_ABSENT_DENIED);
    assert_reading(world, 41, MW_PROCESS_FIRST_SEEN, BOOT_S * 1000LL + 101 * 1000);
    beat_as_nobody(world);
    assert_int_equal(events_of(world, 41), 0);
    assert_no_next_fault(world); /* being refused is no fault of the source */
    world_free(world);
}

/* In the slow round it is asked again: with a start time it is a new subject. */
static void what_was_refused_may_be_read_later(void **state)
{
    struct world *world = world_create(8);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    chmod_files(world, 41, 0);
    beat_as_nobody(world);
    chmod_files(world, 41, 0644);
    for (int beat = 0; beat < 60; beat++) {
        beat_as_nobody(world);
        if (events_of(world, 41) > 0)
            break;
    }
    assert_event(world, 41, 0, MW_EVENT_GONE, "");
    assert_event(world, 41, 1, MW_EVENT_BORN, "");
    assert_event(world, 41, 2, MW_EVENT_NAME, "cat");
    assert_reading(world, 41, MW_PROCESS_RSS, 300 * PAGE);
    world_free(world);
}

/* A process that was known is refused from now on: it stays, its readings are absent. */
static void a_known_process_may_be_refused(void **state)
{
    struct world *world = world_create(0);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    beat_as_nobody(world);
    chmod_files(world, 41, 0);
    beat_as_nobody(world);
    assert_int_equal(events_of(world, 41), 0);
    assert_lacks_statm(world, 41, MW_ABSENT_DENIED);
    assert_lacks(world, 41, MW_PROCESS_THREADS, MW_ABSENT_DENIED);
    chmod_files(world, 41, 0644);
    world->now_ns += (uint64_t)3600 * MW_NS_PER_S;
    beat_as_nobody(world);
    assert_reading(world, 41, MW_PROCESS_RSS, 300 * PAGE);
    assert_reading(world, 41, MW_PROCESS_THREADS, 1);
    world_free(world);
}

/* ---- stat ---- */

static void without_a_start_time_a_process_has_no_birth(void **state)
{
    struct world *world = world_create(8);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    world_write(world, 41, "stat", "41 (cat) S 1");
    world_beat(world);
    assert_int_equal(event_of(world, 41, 0)->key.birth, 0);
    assert_event(world, 41, 1, MW_EVENT_NAME, "cat");
    assert_reading(world, 41, MW_PROCESS_RSS, 300 * PAGE);
    assert_next_fault(world, "/proc/PID/stat", -ENODATA, 41);
    plant.resident = 305;
    world_plant(world, &plant);
    world_write(world, 41, "stat", "41 (cat) S 1");
    world_beat(world);
    assert_reading(world, 41, MW_PROCESS_GROWTH, 5 * PAGE);
    world_plant(world, &plant);
    world->now_ns += (uint64_t)3600 * MW_NS_PER_S;
    world_beat(world);
    assert_event(world, 41, 0, MW_EVENT_GONE, "");
    assert_event(world, 41, 1, MW_EVENT_BORN, "");
    assert_int_equal(event_of(world, 41, 1)->key.birth, BOOT_S * 1000LL + 5041 * 10);
    world_free(world);
}

static void a_process_whose_stat_is_missing_is_told_without_a_birth(void **state)
{
    struct world *world = world_create(8);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    world_remove(world, 41, "stat");
    world_beat(world);
    assert_int_equal(event_of(world, 41, 0)->key.birth, 0);
    assert_event_lacks(world, 41, 0, MW_EVENT_BORN, MW_ABSENT_UNSUPPORTED);
    assert_event(world, 41, 1, MW_EVENT_NAME, "cat");
    assert_reading(world, 41, MW_PROCESS_RSS, 300 * PAGE);
    assert_reading(world, 41, MW_PROCESS_THREADS, 1);
    assert_next_fault(world, "/proc/PID/stat", -EOPNOTSUPP, 41);
    assert_no_next_fault(world);
    world_free(world);
}

static void a_start_time_without_end_is_no_birth(void **state)
{
    struct world *world = world_create(8);
    struct plant plant = plant_of(41);

    (void)state;
    plant.start = UINT64_MAX;
    world_plant(world, &plant);
    world_beat(world);
    assert_int_equal(event_of(world, 41, 0)->key.birth, 0);
    assert_next_fault(world, "/proc/PID/stat", -ERANGE, 41);
    world_free(world);
}

/* ---- vfork ---- */

static struct world *world_with_vfork(struct plant *parent, struct plant *child)
{
    struct world *world = world_create(8);

    *parent = plant_of(41);
    parent->state = 'D';
    *child = plant_of(42);
    child->ppid = 41;
    child->flags |= FLAG_FORKED;
    world_plant(world, parent);
    world_plant(world, child);
    world_beat(world);
    return world;
}

static void assert_held(const struct world *world, bool held)
{
    assert_int_equal(row_of(world, 42) == UINT32_MAX, held);
    assert_int_equal(mw_block_head(world->block)->live, held ? 1 : 2);
}

static void a_vfork_child_has_no_row_until_it_executes(void **state)
{
    (void)state;
    for (int wait = 1; wait <= 4; wait++) {
        struct plant parent, child;
        struct world *world = world_with_vfork(&parent, &child);

        for (int beat = 0; beat < wait; beat++) {
            assert_held(world, true);
            world_beat(world);
        }
        child.flags = 0;
        child.name = "dog";
        child.resident = 50;
        parent.state = 'S';
        world_plant(world, &parent);
        world_plant(world, &child);
        world_beat(world);
        assert_held(world, false);
        assert_event(world, 42, 0, MW_EVENT_BORN, "");
        assert_event(world, 42, 1, MW_EVENT_NAME, "dog");
        assert_int_equal(events_of(world, 42), 3);
        world_free(world);
    }
}

/* One of the signs goes: within two beats the child is shown. */
static void a_child_that_was_held_by_chance_is_let_go(void **state)
{
    (void)state;
    for (int what = 0; what < 3; what++) {
        struct plant parent, child;
        struct world *world = world_with_vfork(&parent, &child);

        assert_held(world, true);
        parent.state = what == 0 ? 'S' : 'D';
        child.ppid = what == 1 ? 1 : 41;
        child.flags = what == 2 ? 0 : child.flags;
        world_plant(world, &parent);
        world_plant(world, &child);
        world_beat(world);
        world_beat(world);
        assert_held(world, false);
        world_free(world);
    }
}

static void a_held_child_may_end_unseen(void **state)
{
    struct plant parent, child;
    struct world *world = world_with_vfork(&parent, &child);

    (void)state;
    world_uproot(world, 42);
    world_beat(world);
    assert_held(world, true);
    assert_int_equal(mw_block_head(world->block)->events, 0);
    child.flags = 0; /* a later process of this pid */
    world_plant(world, &child);
    world_beat(world);
    assert_held(world, false);
    world_free(world);
}

/* Everything that sets a child apart from a vfork child makes it a process as any other. */
static void other_children_are_not_held(void **state)
{
    (void)state;
    for (int what = 0; what < 6; what++) {
        struct world *world = world_create(8);
        struct plant parent = plant_of(41), child = plant_of(42);

        parent.state = what == 0 ? 'S' : 'D';
        child.ppid = what == 1 ? 40 : 41;
        child.flags |= what == 2 ? 0 : FLAG_FORKED;
        child.name = what == 3 ? "dog" : "cat";
        child.resident += what == 4 ? 1 : 0;
        if (what == 5) { /* zombies both */
            parent.size = parent.resident = parent.shared = parent.text = 0;
            child.size = child.resident = child.shared = child.text = 0;
        }
        world_plant(world, &parent);
        world_plant(world, &child);
        world_beat(world);
        assert_held(world, false);
        world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_names_come_out_right),
        cmocka_unit_test(the_name_comes_from_stat_when_status_has_none),
        cmocka_unit_test(a_kernel_thread_has_no_memory_and_is_not_asked_again),
        cmocka_unit_test(what_is_refused_is_absent_as_denied),
        cmocka_unit_test(what_was_refused_may_be_read_later),
        cmocka_unit_test(a_known_process_may_be_refused),
        cmocka_unit_test(without_a_start_time_a_process_has_no_birth),
        cmocka_unit_test(a_process_whose_stat_is_missing_is_told_without_a_birth),
        cmocka_unit_test(a_start_time_without_end_is_no_birth),
        cmocka_unit_test(a_vfork_child_has_no_row_until_it_executes),
        cmocka_unit_test(a_child_that_was_held_by_chance_is_let_go),
        cmocka_unit_test(a_held_child_may_end_unseen),
        cmocka_unit_test(other_children_are_not_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
