/* A process that has a row: changes, exec, the slow round, and sources that fail it. */
#include "process_support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- change ---- */

static void a_changed_statm_brings_all_readings(void **state)
{
    (void)state;
    for (uint32_t keep_fds = 0; keep_fds <= 1; keep_fds++) {
        struct world *world = world_create(keep_fds);
        struct plant plant = plant_of(41);

        world_plant(world, &plant);
        world_beat(world);
        plant.resident = 290;
        plant.shared = 180;
        plant.threads = 4;
        plant.state = 'R';
        plant.peak_kb = 1400;
        world_plant(world, &plant);
        world_beat(world);
        assert_reading(world, 41, MW_PROCESS_RSS, 290 * PAGE);
        assert_reading(world, 41, MW_PROCESS_RSS_ANON, 110 * PAGE);
        assert_reading(world, 41, MW_PROCESS_RSS_FILE, 180 * PAGE);
        assert_reading(world, 41, MW_PROCESS_GROWTH, (uint64_t)(-10 * PAGE));
        assert_reading(world, 41, MW_PROCESS_PEAK, 1400 * 1024);
        assert_reading(world, 41, MW_PROCESS_THREADS, 4);
        assert_reading(world, 41, MW_PROCESS_STATE, 'R');
        assert_int_equal(mw_block_head(world->block)->events, 0);
        world_free(world);
    }
}

/* ---- exec ---- */

/* Grows to 500 pages, then becomes `after`; returns the growth that is shown. */
static int64_t growth_after(struct plant after)
{
    struct world *world = world_create(1);
    struct plant plant = plant_of(41);
    int64_t growth;

    world_plant(world, &plant);
    world_beat(world);
    plant.resident = 500;
    plant.peak_kb = 2000;
    world_plant(world, &plant);
    world_beat(world);
    assert_reading(world, 41, MW_PROCESS_GROWTH, 200 * PAGE);
    world_plant(world, &after);
    world_beat(world);
    growth = (int64_t)value_of(world, 41, MW_PROCESS_GROWTH);
    world_free(world);
    return growth / PAGE;
}

static void growth_begins_anew_when_another_program_is_executed(void **state)
{
    struct plant after = plant_of(41);

    (void)state;
    after.resident = 510;
    after.peak_kb = 2040;
    assert_int_equal(growth_after(after), 210);
    after.text = 6; /* other code */
    assert_int_equal(growth_after(after), 0);
    after.text = 5;
    after.name = "dog";
    assert_int_equal(growth_after(after), 0);
    after.name = "cat"; /* the same program, executed by itself */
    after.size = 1690;
    after.peak_kb = 1499;
    assert_int_equal(growth_after(after), 0);
}

/* What looks a little like an exec and is none. */
static void growth_goes_on_within_a_program(void **state)
{
    struct plant after = plant_of(41);

    (void)state;
    after.resident = 510;
    after.size = 1690;
    after.peak_kb = 1500; /* a peak that wavers */
    assert_int_equal(growth_after(after), 210);
    after.size = 1700;
    after.peak_kb = 100; /* a peak that was reset by hand */
    assert_int_equal(growth_after(after), 210);
    after = plant_of(41);
    after.state = 'Z'; /* ended: no memory, no code */
    after.size = after.resident = after.shared = after.text = 0;
    assert_int_equal(growth_after(after), -300);
}

static void a_new_name_is_told_once(void **state)
{
    struct world *world = world_create(1);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    world_beat(world);
    plant.name = "dog \xff<b>";
    plant.resident = 301;
    world_plant(world, &plant);
    world_beat(world);
    assert_int_equal(events_of(world, 41), 1);
    assert_event(world, 41, 0, MW_EVENT_NAME, "dog \\xff<b>");
    plant.resident = 302;
    world_plant(world, &plant);
    world_beat(world);
    assert_int_equal(events_of(world, 41), 0);
    plant.name = "";
    plant.resident = 303;
    world_plant(world, &plant);
    world_beat(world);
    assert_event(world, 41, 0, MW_EVENT_NAME, "");
    world_free(world);
}

/* ---- the slow round ---- */

/* Nothing in statm says that threads, name and group of these have changed: each is found out
 * within the interval, and no beat does the work of all. */
static void everyone_has_a_turn_in_the_slow_round(void **state)
{
    enum { COUNT = 120, INTERVAL = 60 };
    struct world *world = world_create(COUNT);
    uint32_t done = 0;

    (void)state;
    for (uint32_t pid = 1; pid <= COUNT; pid++) {
        struct plant plant = plant_of(pid);

        world_plant(world, &plant);
    }
    world_beat(world);
    for (uint32_t pid = 1; pid <= COUNT; pid++) {
        struct plant plant = plant_of(pid);

        plant.threads = 2;
        plant.name = "dog";
        plant.cgroup = "/other.slice";
        world_plant(world, &plant);
    }
    for (int beat = 0; beat < INTERVAL; beat++) {
        uint32_t before = done;

        world_beat(world);
        done = 0;
        for (uint32_t pid = 1; pid <= COUNT; pid++)
            done += value_of(world, pid, MW_PROCESS_THREADS) == 2;
        assert_true(done - before >= 1 && done - before <= 3);
        assert_int_equal(mw_block_head(world->block)->events, 2 * (done - before));
    }
    assert_int_equal(done, COUNT);
    world_free(world);
}

static void a_long_pause_makes_everyone_due(void **state)
{
    struct world *world = world_create(8);

    (void)state;
    for (uint32_t pid = 1; pid <= 5; pid++) {
        struct plant plant = plant_of(pid);

        world_plant(world, &plant);
    }
    world_beat(world);
    for (uint32_t pid = 1; pid <= 5; pid++) {
        struct plant plant = plant_of(pid);

        plant.threads = 2;
        world_plant(world, &plant);
    }
    world->now_ns += (uint64_t)3600 * MW_NS_PER_S;
    world_beat(world);
    for (uint32_t pid = 1; pid <= 5; pid++)
        assert_reading(world, pid, MW_PROCESS_THREADS, 2);
    world_free(world);
}

/* ---- sources that fail ---- */

static void a_bad_statm_is_absent_and_read_again(void **state)
{
    static const struct {
        const char *text;
        int error;
    } bad[] = {
        {"1700 3x0 200 5 0 105 0\n", -EINVAL},
        {"", -ENODATA},
        {"1700 300", -ENODATA},
        {"1700 99999999999999999999 200 5 0 105 0\n", -ERANGE},
        {"1700 9999999999999999999 200 5 0 105 0\n", -ERANGE}, /* 64 bits of pages, not of bytes */
        {"1700 2199023255552 200 5 0 105 0\n", -ERANGE},       /* 2^53 bytes of 4 KiB pages */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct world *world = world_create(i % 2);
        struct plant plant = plant_of(41);

        world_plant(world, &plant);
        world_beat(world);
        world_write(world, 41, "statm", bad[i].text);
        world_beat(world);
        assert_lacks_statm(world, 41, MW_ABSENT_STALE);
        assert_reading(world, 41, MW_PROCESS_SWAP, 12 * 1024);
        world_beat(world);
        assert_lacks_statm(world, 41, MW_ABSENT_STALE);
        assert_next_fault(world, "/proc/PID/statm", bad[i].error, 41);
        assert_no_next_fault(world); /* said once */
        world_plant(world, &plant);
        world_beat(world);
        assert_reading(world, 41, MW_PROCESS_RSS, 300 * PAGE);
        assert_reading(world, 41, MW_PROCESS_GROWTH, 0);
        world_free(world);
    }
}

/* The limit of what is taken for a statm, which no kernel comes near. */
static void a_statm_without_end_is_absent(void **state)
{
    struct world *world = world_create(1);
    struct plant plant = plant_of(41);
    char text[300];

    (void)state;
    world_plant(world, &plant);
    memset(text, ' ', sizeof(text));
    memcpy(text, "1700 300 200 5 0 105 0", strlen("1700 300 200 5 0 105 0"));
    for (int size = 255; size <= 257; size++) {
        text[size] = '\0';
        world_write(world, 41, "statm", text);
        text[size] = ' ';
        world_beat(world);
        assert_lacks_statm(world, 41, MW_ABSENT_STALE);
    }
    assert_next_fault(world, "/proc/PID/statm", -EINVAL, 41); /* 255: it fits, but for blanks */
    assert_next_fault(world, "/proc/PID/statm", -EFBIG, 41);
    world_free(world);
}

static void a_bad_status_is_absent_and_read_again(void **state)
{
    struct world *world = world_create(1);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    world_beat(world);
    plant.resident = 310;
    world_plant(world, &plant);
    world_write(world, 41, "status",
                "Name:\tcat\nState:\tS (x)\nVmHWM:\tmuch kB\nThreads:\t2\nVmSw");
    world_beat(world);
    assert_reading(world, 41, MW_PROCESS_RSS, 310 * PAGE);
    assert_reading(world, 41, MW_PROCESS_THREADS, 2);
    assert_lacks_memory_of_status(world, 41, MW_ABSENT_STALE);
    assert_next_fault(world, "/proc/PID/status", -EINVAL, 41);
    world_plant(world, &plant); /* statm stays as it is: still the next beat tries again */
    world_beat(world);
    assert_reading(world, 41, MW_PROCESS_SWAP, 12 * 1024);
    assert_reading(world, 41, MW_PROCESS_PEAK, 1300 * 1024);
    assert_no_next_fault(world);
    world_free(world);
}

static void a_status_longer_than_the_buffer_is_absent(void **state)
{
    enum { GROUPS = 70000 };
    static char text[GROUPS + 200];
    struct world *world = world_create(1);
    struct plant plant = plant_of(41);
    int at;

    (void)state;
    world_plant(world, &plant);
    at = snprintf(text, sizeof(text), "Name:\tcat\nState:\tS (x)\nUid:\t7\t8\t7\t7\nGroups:\t");
    memset(text + at, '1', GROUPS);
    memcpy(text + at + GROUPS, "\nThreads:\t1\n", sizeof("\nThreads:\t1\n"));
    world_write(world, 41, "status", text);
    world_beat(world);
    assert_lacks(world, 41, MW_PROCESS_THREADS, MW_ABSENT_STALE);
    assert_event(world, 41, 1, MW_EVENT_NAME, "cat"); /* from stat */
    assert_next_fault(world, "/proc/PID/status", -EFBIG, 41);
    world_free(world);
}

static bool all_is_gone;

int __real_faccessat(int directory, const char *path, int mode, int flags);
int __wrap_faccessat(int directory, const char *path, int mode, int flags);

/* The test is linked so that this is asked whether a process is still there. */
int __wrap_faccessat(int directory, const char *path, int mode, int flags)
{
    if (all_is_gone) {
        errno = ENOENT;
        return -1;
    }
    return __real_faccessat(directory, path, mode, flags);
}

/* It ended when its statm had been read and before its status was. */
static void what_ends_within_a_beat_lacks_the_rest_of_it(void **state)
{
    struct world *world = world_create(1);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    world_beat(world);
    plant.resident = 310;
    world_plant(world, &plant);
    world_remove(world, 41, "status");
    world_remove(world, 41, "cgroup");
    all_is_gone = true;
    world->now_ns += (uint64_t)3600 * MW_NS_PER_S;
    world_beat(world);
    all_is_gone = false;
    assert_reading(world, 41, MW_PROCESS_RSS, 310 * PAGE);
    assert_lacks_memory_of_status(world, 41, MW_ABSENT_VANISHED);
    assert_lacks(world, 41, MW_PROCESS_THREADS, MW_ABSENT_VANISHED);
    assert_int_equal(events_of(world, 41), 0); /* name and group are still its own */
    assert_no_next_fault(world);
    world_remove(world, 41, "statm");
    world_remove(world, 41, "stat");
    world_remove(world, 41, "");
    world_beat(world);
    assert_event(world, 41, 0, MW_EVENT_GONE, "");
    world_free(world);
}

/* The first thread has ended, others hold the memory: a statm of zeros is no reading of 0. */
static void a_process_without_its_first_thread_has_unknown_memory(void **state)
{
    struct world *world = world_create(1);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    world_beat(world);
    plant.state = 'Z';
    plant.threads = 2;
    plant.size = plant.resident = plant.shared = plant.text = 0;
    world_plant(world, &plant);
    world_beat(world);
    assert_lacks_statm(world, 41, MW_ABSENT_UNSUPPORTED);
    assert_reading(world, 41, MW_PROCESS_THREADS, 2);
    plant.threads = 1; /* now it is a zombie as any other */
    world_plant(world, &plant);
    world_beat(world);
    assert_reading(world, 41, MW_PROCESS_RSS, 0);
    assert_reading(world, 41, MW_PROCESS_GROWTH, (uint64_t)(-300 * PAGE));
    world_free(world);
}

/* The kernel has no such file, while the process lives: no fault, and nothing to wait for. */
static void a_missing_file_is_unsupported(void **state)
{
    struct world *world = world_create(1);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    world_remove(world, 41, "status");
    world_remove(world, 41, "cgroup");
    world_beat(world);
    assert_reading(world, 41, MW_PROCESS_RSS, 300 * PAGE);
    assert_lacks_memory_of_status(world, 41, MW_ABSENT_UNSUPPORTED);
    assert_lacks(world, 41, MW_PROCESS_UID, MW_ABSENT_UNSUPPORTED);
    assert_event(world, 41, 1, MW_EVENT_NAME, "cat");
    assert_event_lacks(world, 41, 2, MW_EVENT_CGROUP, MW_ABSENT_UNSUPPORTED);
    assert_no_next_fault(world);
    world_free(world);
}

/* Each file has its reason of absence: no line of a hierarchy that accounts memory is no fault. */
static void a_control_group_is_absent_with_its_reason(void **state)
{
    static const struct {
        const char *text;
        enum mw_absence absence;
        int error;
    } cases[] = {
        {"", MW_ABSENT_UNSUPPORTED, 0},
        {"3:cpu:/a\n", MW_ABSENT_UNSUPPORTED, 0},
        {"0::/cut", MW_ABSENT_STALE, -ENODATA},
        {"nonsense\n", MW_ABSENT_STALE, -EINVAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world *world = world_create(1);
        struct plant plant = plant_of(41);

        world_plant(world, &plant);
        world_write(world, 41, "cgroup", cases[i].text);
        world_beat(world);
        assert_event_lacks(world, 41, 2, MW_EVENT_CGROUP, cases[i].absence);
        if (cases[i].error != 0)
            assert_next_fault(world, "/proc/PID/cgroup", cases[i].error, 41);
        assert_no_next_fault(world);
        world_free(world);
    }
}

/* A path of any bytes and any length up to the limit of a text; what is over is cut. */
static void a_control_group_path_may_be_anything(void **state)
{
    static char path[MW_BLOCK_TEXT_MAX + 2], expected[MW_BLOCK_TEXT_MAX + 32];
    static const char hostile[] = "/a b:c\"\xff<i>";

    (void)state;
    for (int size = MW_BLOCK_TEXT_MAX - 1; size <= MW_BLOCK_TEXT_MAX + 1; size++) {
        struct world *world = world_create(1);
        struct plant plant = plant_of(41);
        static char text[MW_BLOCK_TEXT_MAX + 8];

        memset(path, 's', sizeof(path));
        memcpy(path, hostile, strlen(hostile));
        path[size - 3] = '\0'; /* \xff becomes four bytes */
        snprintf(text, sizeof(text), "0::%s\n", path);
        world_plant(world, &plant);
        world_write(world, 41, "cgroup", text);
        snprintf(expected, sizeof(expected), "/a b:c\"\\xff<i>%s", path + strlen(hostile));
        expected[size <= MW_BLOCK_TEXT_MAX ? size : MW_BLOCK_TEXT_MAX] = '\0';
        world_beat(world);
        assert_event(world, 41, 2, MW_EVENT_CGROUP, expected);
        world_free(world);
    }
}

/* Between giving its memory back and being a zombie a process has a statm that stays as it is. */
static void an_ending_process_is_followed_to_its_end(void **state)
{
    struct world *world = world_create(10);
    struct plant plant = plant_of(7);

    (void)state;
    world_plant(world, &plant);
    world_beat(world);
    plant.size = plant.resident = plant.shared = plant.text = 0;
    world_plant(world, &plant);
    world_beat(world);
    assert_reading(world, 7, MW_PROCESS_STATE, 'S');
    plant.state = 'Z';
    world_plant(world, &plant);
    world_beat(world);
    assert_reading(world, 7, MW_PROCESS_STATE, 'Z');
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_statm_brings_all_readings),
        cmocka_unit_test(growth_begins_anew_when_another_program_is_executed),
        cmocka_unit_test(growth_goes_on_within_a_program),
        cmocka_unit_test(a_new_name_is_told_once),
        cmocka_unit_test(everyone_has_a_turn_in_the_slow_round),
        cmocka_unit_test(a_long_pause_makes_everyone_due),
        cmocka_unit_test(a_bad_statm_is_absent_and_read_again),
        cmocka_unit_test(a_statm_without_end_is_absent),
        cmocka_unit_test(a_bad_status_is_absent_and_read_again),
        cmocka_unit_test(a_status_longer_than_the_buffer_is_absent),
        cmocka_unit_test(what_ends_within_a_beat_lacks_the_rest_of_it),
        cmocka_unit_test(a_process_without_its_first_thread_has_unknown_memory),
        cmocka_unit_test(a_missing_file_is_unsupported),
        cmocka_unit_test(a_control_group_is_absent_with_its_reason),
        cmocka_unit_test(a_control_group_path_may_be_anything),
        cmocka_unit_test(an_ending_process_is_followed_to_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
