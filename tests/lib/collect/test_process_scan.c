/* One beat over all processes: who is there, in which row, told in which order, and how many. */
#include "process_support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- births and ends ---- */

static void a_process_is_told_with_all_its_readings(void **state)
{
    struct world *world = world_create(8);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->live, 1);
    assert_event(world, 41, 0, MW_EVENT_BORN, "");
    assert_event(world, 41, 1, MW_EVENT_NAME, "cat");
    assert_event(world, 41, 2, MW_EVENT_CGROUP, "/test.slice");
    assert_int_equal(event_of(world, 41, 0)->key.birth, BOOT_S * 1000LL + 5041 * 10);
    assert_reading(world, 41, MW_PROCESS_RSS, 300 * PAGE);
    assert_reading(world, 41, MW_PROCESS_RSS_ANON, 100 * PAGE);
    assert_reading(world, 41, MW_PROCESS_RSS_FILE, 200 * PAGE);
    assert_reading(world, 41, MW_PROCESS_RSS_SHMEM, 0);
    assert_reading(world, 41, MW_PROCESS_SWAP, 12 * 1024);
    assert_reading(world, 41, MW_PROCESS_PEAK, 1300 * 1024);
    assert_reading(world, 41, MW_PROCESS_PAGE_TABLES, 48 * 1024);
    assert_reading(world, 41, MW_PROCESS_VIRTUAL, 1700 * PAGE);
    assert_reading(world, 41, MW_PROCESS_GROWTH, 0);
    assert_reading(world, 41, MW_PROCESS_THREADS, 1);
    assert_reading(world, 41, MW_PROCESS_PPID, 1);
    assert_reading(world, 41, MW_PROCESS_UID, 8);
    assert_reading(world, 41, MW_PROCESS_STATE, 'S');
    assert_reading(world, 41, MW_PROCESS_FIRST_SEEN, BOOT_S * 1000LL + 101 * 1000);
    assert_no_next_fault(world);
    world_free(world);
}

static void a_beat_without_news_repeats_the_one_before(void **state)
{
    struct world *world = world_create(8);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    world_beat(world);
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->events, 0);
    assert_reading(world, 41, MW_PROCESS_RSS, 300 * PAGE);
    assert_reading(world, 41, MW_PROCESS_THREADS, 1);
    assert_reading(world, 41, MW_PROCESS_FIRST_SEEN, BOOT_S * 1000LL + 101 * 1000);
    world_free(world);
}

static void plant_some(const struct world *world, uint32_t first, uint32_t count)
{
    for (uint32_t pid = first; pid < first + count; pid++) {
        struct plant plant = plant_of(pid);

        world_plant(world, &plant);
    }
}

/* A row keeps its subject for life; who comes later gets the lowest row that is free. */
static void rows_are_kept_and_used_again_lowest_first(void **state)
{
    struct world *world = world_create(8);
    uint64_t by_row[4];

    (void)state;
    plant_some(world, 10, 4);
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->rows, 4);
    for (uint32_t row = 0; row < 4; row++)
        by_row[row] = mw_block_keys(world->block)[row].id;
    world_uproot(world, (uint32_t)by_row[1]);
    world_uproot(world, (uint32_t)by_row[2]);
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->live, 2);
    assert_int_equal(row_of(world, by_row[3]), 3);
    assert_event(world, by_row[1], 0, MW_EVENT_GONE, "");
    plant_some(world, 30, 3);
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->rows, 5);
    assert_int_equal(row_of(world, by_row[0]), 0);
    assert_int_equal(row_of(world, by_row[3]), 3);
    world_free(world);
}

static void rows_in_use_shrink_again(void **state)
{
    struct world *world = world_create(8);

    (void)state;
    plant_some(world, 10, 300);
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->rows, 300);
    for (uint32_t pid = 10; pid < 310; pid++)
        if (row_of(world, pid) >= 3)
            world_uproot(world, pid);
    world_beat(world);
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->rows, 3);
    assert_int_equal(mw_block_head(world->block)->live, 3);
    world_free(world);
}

/* The pid is the same, the start time is not: told in the order in which it happened, in one row.
 */
static void a_used_pid_is_another_process(void **state)
{
    (void)state;
    for (uint32_t keep_fds = 0; keep_fds <= 8; keep_fds += 8) {
        struct world *world = world_create(keep_fds);
        struct plant plant = plant_of(41);

        world_plant(world, &plant);
        world_beat(world);
        world_uproot(world, 41);
        plant.start = 9000;
        plant.name = "dog";
        plant.resident = 400;
        world_plant(world, &plant);
        world_beat(world);
        assert_int_equal(events_of(world, 41), 4);
        assert_event(world, 41, 0, MW_EVENT_GONE, "");
        assert_int_equal(event_of(world, 41, 0)->key.birth, BOOT_S * 1000LL + 5041 * 10);
        assert_event(world, 41, 1, MW_EVENT_BORN, "");
        assert_int_equal(event_of(world, 41, 1)->key.birth, BOOT_S * 1000LL + 9000 * 10);
        assert_event(world, 41, 2, MW_EVENT_NAME, "dog");
        assert_reading(world, 41, MW_PROCESS_RSS, 400 * PAGE);
        assert_reading(world, 41, MW_PROCESS_GROWTH, 0);
        world_free(world);
    }
}

/* Whoever writes a tree may write it by renaming; the process is then still the same. */
static void a_replaced_file_is_read_anew(void **state)
{
    struct world *world = world_create(8);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    world_beat(world);
    world_remove(world, 41, "statm");
    world_write(world, 41, "statm", "1700 350 200 5 0 105 0\n");
    world_beat(world);
    assert_int_equal(events_of(world, 41), 0);
    assert_reading(world, 41, MW_PROCESS_RSS, 350 * PAGE);
    assert_reading(world, 41, MW_PROCESS_GROWTH, 50 * PAGE);
    world_free(world);
}

static void only_pids_of_directories_are_processes(void **state)
{
    static const char *const others[] = {
        "self", "1x", "x1", "-1", "01", "0", "4294967337", "99999999999999999999999", "1000000000"};
    struct world *world = world_create(8);
    struct plant plant = plant_of(999999999);
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        snprintf(path, sizeof(path), "proc/%s/statm", others[i]);
        tree_write(&world->tree, path, "1 1 1 1 0 1 0\n");
    }
    tree_write(&world->tree, "proc/77", "a file");
    tree_write(&world->tree, "proc/78/cgroup", "a directory without statm");
    world_plant(world, &plant);
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->live, 1);
    assert_reading(world, 999999999, MW_PROCESS_RSS, 300 * PAGE);
    assert_no_next_fault(world);
    world_free(world);
}

static void without_a_boot_time_nobody_has_a_birth(void **state)
{
    struct world *world = world_create(8);
    struct plant plant = plant_of(41);

    (void)state;
    tree_remove(&world->tree, "proc/stat");
    world_plant(world, &plant);
    world_beat(world);
    assert_int_equal(event_of(world, 41, 0)->key.birth, 0);
    world_uproot(world, 41);
    plant.start = 9000;
    world_plant(world, &plant);
    world_beat(world);
    assert_event(world, 41, 0, MW_EVENT_GONE, ""); /* the ticks still tell them apart */
    assert_event_lacks(world, 41, 1, MW_EVENT_BORN, MW_ABSENT_UNSUPPORTED);
    assert_next_fault(world, "/proc/stat", -ENOENT, 0);
    world_free(world);
}

static void a_boot_time_that_comes_late_is_taken_up(void **state)
{
    struct world *world = world_create(8);
    struct plant plants[2] = {plant_of(41), plant_of(42)};

    (void)state;
    for (int i = 0; i < 2; i++)
        world_plant(world, &plants[i]);
    tree_write(&world->tree, "proc/stat", "cpu 1 2 3\n");
    world_beat(world);
    assert_event_lacks(world, 41, 0, MW_EVENT_BORN, MW_ABSENT_STALE);
    assert_next_fault(world, "/proc/stat", -EINVAL, 0);
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->events, 0);
    tree_write(&world->tree, "proc/stat", "btime 1750000000\n");
    world_uproot(world, 42);
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->live, 1);
    assert_event(world, 42, 0, MW_EVENT_GONE, "");
    assert_event(world, 41, 0, MW_EVENT_GONE, "");
    assert_event(world, 41, 1, MW_EVENT_BORN, "");
    assert_int_equal(event_of(world, 41, 1)->key.birth, BOOT_S * 1000LL + 5041 * 10);
    assert_reading(world, 41, MW_PROCESS_RSS, 300 * PAGE);
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->events, 0);
    world_free(world);
}

/* ---- when it cannot be read ---- */

static void nothing_is_lost_while_readers_hold_all_blocks(void **state)
{
    struct world *world = world_create(8);
    struct plant plant = plant_of(41);
    struct mw_block *held[2];

    (void)state;
    world_plant(world, &plant);
    for (int i = 0; i < 2; i++) {
        world_beat(world);
        held[i] = mw_block_ref(world->block);
    }
    world_beat(world);
    world_uproot(world, 41);
    plant_some(world, 50, 2);
    assert_int_equal(world_try_beat(world), -EBUSY);
    assert_int_equal(world_try_beat(world), -EBUSY);
    mw_block_unref(held[0]);
    mw_block_unref(held[1]);
    world_beat(world);
    assert_event(world, 41, 0, MW_EVENT_GONE, "");
    assert_event(world, 50, 0, MW_EVENT_BORN, "");
    assert_event(world, 51, 0, MW_EVENT_BORN, "");
    world_free(world);
}

static void a_listing_that_fails_declares_nobody_gone(void **state)
{
    struct world *world = world_create(8);
    struct plant plant = plant_of(41);

    (void)state;
    world_plant(world, &plant);
    world_beat(world);
    world_uproot(world, 41);
    tree_remove(&world->tree, "proc/stat");
    tree_remove(&world->tree, "proc");
    assert_int_equal(world_try_beat(world), -ENOENT);
    assert_int_equal(world_try_beat(world), -ENOENT);
    assert_next_fault(world, "/proc", -ENOENT, 0);
    assert_no_next_fault(world);
    world_free(world);
}

/* ---- many ---- */

/* Few are kept open, so that both ways of reading have work. */
static void ten_thousand_processes_are_read(void **state)
{
    enum { MANY = 10000 };
    struct world *world = world_create(100);
    struct plant plant;

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        plant = plant_of(1 + i * 17 % MANY);
        plant.resident = 200 + plant.pid;
        world_plant(world, &plant);
    }
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->live, MANY);
    assert_int_equal(mw_block_head(world->block)->events, 3 * MANY);
    for (uint32_t row = 0; row < MANY; row++) {
        union mw_value rss;

        assert_int_equal(mw_block_get(world->block, MW_PROCESS_RSS, row, &rss), MW_PRESENT);
        assert_int_equal(rss.u, (200 + mw_block_keys(world->block)[row].id) * PAGE);
    }
    world_uproot(world, 5000);
    world_beat(world);
    assert_int_equal(mw_block_head(world->block)->live, MANY - 1);
    assert_int_equal(mw_block_head(world->block)->events, 1);
    world_free(world);
}

struct garden {
    struct plant plants[64];
    bool alive[64];
    uint32_t clock;
};

/* Something happens to one process. */
static void stir(struct world *world, struct garden *garden, unsigned *seed)
{
    uint32_t i = (uint32_t)rand_r(seed) % 64;
    struct plant *plant = &garden->plants[i];
    int what = rand_r(seed) % 4;

    if (garden->alive[i] && what == 0) {
        world_uproot(world, plant->pid);
        garden->alive[i] = false;
        return;
    }
    if (!garden->alive[i] || what == 1) {
        if (garden->alive[i])
            world_uproot(world, plant->pid);
        *plant = plant_of(100 + i);
        plant->start = ++garden->clock;
        garden->alive[i] = true;
    }
    plant->resident = 200 + (uint64_t)rand_r(seed) % 1000;
    world_plant(world, plant);
}

static void expect_garden(const struct world *world, const struct garden *garden)
{
    uint32_t alive = 0;

    for (uint32_t i = 0; i < 64; i++) {
        const struct plant *plant = &garden->plants[i];

        if (garden->alive[i]) {
            alive++;
            assert_reading(world, plant->pid, MW_PROCESS_RSS, plant->resident * PAGE);
            assert_int_equal(mw_block_keys(world->block)[row_of(world, plant->pid)].birth,
                             BOOT_S * 1000LL + (int64_t)plant->start * 10);
        }
    }
    assert_int_equal(mw_block_head(world->block)->live, alive);
}

/* Births, ends, used pids and changes in any order: each block says what the tree holds, and
 * whoever follows the events knows its rows (world_beat() checks that). */
static void blocks_follow_any_history(void **state)
{
    unsigned seed = 20251122;

    (void)state;
    for (uint32_t keep_fds = 0; keep_fds <= 40; keep_fds += 20) {
        struct world *world = world_create(keep_fds);
        static struct garden garden;

        memset(&garden, 0, sizeof(garden));
        for (int beat = 0; beat < 60; beat++) {
            for (int i = rand_r(&seed) % 12; i > 0; i--)
                stir(world, &garden, &seed);
            world_beat(world);
            expect_garden(world, &garden);
            assert_true(kept_statm(world) <= keep_fds);
        }
        world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_is_told_with_all_its_readings),
        cmocka_unit_test(a_beat_without_news_repeats_the_one_before),
        cmocka_unit_test(rows_are_kept_and_used_again_lowest_first),
        cmocka_unit_test(rows_in_use_shrink_again),
        cmocka_unit_test(a_used_pid_is_another_process),
        cmocka_unit_test(a_replaced_file_is_read_anew),
        cmocka_unit_test(only_pids_of_directories_are_processes),
        cmocka_unit_test(without_a_boot_time_nobody_has_a_birth),
        cmocka_unit_test(a_boot_time_that_comes_late_is_taken_up),
        cmocka_unit_test(nothing_is_lost_while_readers_hold_all_blocks),
        cmocka_unit_test(a_listing_that_fails_declares_nobody_gone),
        cmocka_unit_test(ten_thousand_processes_are_read),
        cmocka_unit_test(blocks_follow_any_history),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
