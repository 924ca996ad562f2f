/* Which statm files are held open: at most so many, the largest, and none too many ever. */
#include "process_support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { COUNT = 6 };

/* Process n has n * 1000 pages. */
static struct world *world_with_sizes(uint32_t keep_fds, uint32_t count)
{
    struct world *world = world_create(keep_fds);

    for (uint32_t pid = 1; pid <= count; pid++) {
        struct plant plant = plant_of(pid);

        plant.resident = 1000 * (uint64_t)pid;
        world_plant(world, &plant);
    }
    world_beat(world);
    return world;
}

static void assert_all_read(const struct world *world, uint32_t count)
{
    assert_int_equal(mw_block_head(world->block)->live, count);
    for (uint32_t pid = 1; pid <= count; pid++)
        assert_reading(world, pid, MW_PROCESS_RSS, 1000 * (uint64_t)pid * PAGE);
}

static void never_more_than_allowed_are_kept(void **state)
{
    static const uint32_t limits[] = {0, 1, COUNT - 1, COUNT, COUNT + 1};

    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct world *world = world_with_sizes(limits[i], COUNT);

        for (int beat = 0; beat < 4; beat++) {
            assert_true(kept_statm(world) <= limits[i]);
            assert_all_read(world, COUNT);
            world_beat(world);
        }
        assert_int_equal(kept_statm(world), limits[i] < COUNT ? limits[i] : COUNT);
        world_free(world);
    }
}

static void the_largest_are_kept(void **state)
{
    struct world *world = world_with_sizes(2, COUNT);

    (void)state;
    world_beat(world);
    world_beat(world);
    assert_int_equal(kept_statm(world), 2);
    assert_true(is_kept(world, COUNT));
    assert_true(is_kept(world, COUNT - 1));
    world_free(world);
}

/* The largest of now, not of the first beat; and a change of places is no reason to reopen. */
static void who_is_kept_follows_the_sizes_slowly(void **state)
{
    struct world *world = world_with_sizes(2, COUNT);
    struct plant plant = plant_of(1);

    (void)state;
    world_beat(world);
    world_beat(world);
    plant.resident = 50000;
    world_plant(world, &plant);
    plant = plant_of(4);
    plant.resident = 5500;
    world_plant(world, &plant); /* now larger than 5, but by less than a fifth */
    for (int beat = 0; beat < 64; beat++) {
        world_beat(world);
        assert_true(kept_statm(world) <= 2);
    }
    assert_true(is_kept(world, 1));
    assert_true(is_kept(world, 6));
    assert_reading(world, 1, MW_PROCESS_RSS, (uint64_t)50000 * PAGE);
    world_free(world);
}

static void the_number_can_be_changed(void **state)
{
    static const uint32_t limits[] = {COUNT, 2, 0, 3, COUNT + 5};
    struct world *world = world_with_sizes(1, COUNT);

    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        mw_collector_set_keep_fds(world->collector, limits[i]);
        world_beat(world);
        assert_int_equal(kept_statm(world), limits[i] < COUNT ? limits[i] : COUNT);
        assert_all_read(world, COUNT);
    }
    assert_int_equal(mw_block_head(world->block)->events, 0);
    world_free(world);
}

static void the_end_of_a_process_closes_its_file(void **state)
{
    struct world *world = world_with_sizes(COUNT, COUNT);

    (void)state;
    world_uproot(world, 3);
    world_beat(world);
    assert_int_equal(kept_statm(world), COUNT - 1);
    mw_collector_destroy(world->collector);
    world->collector = NULL;
    assert_int_equal(kept_statm(world), 0);
    world_free(world);
}

/* The lowest number that the next descriptor would have. */
static rlim_t next_fd(void)
{
    int fd = dup(0);

    assert_true(fd >= 0);
    close(fd);
    return (rlim_t)fd;
}

/* Descriptors run out in the first beat, or later because others take them: everything is still
 * read, with fewer kept, and it is said once. */
static void without_descriptors_fewer_are_kept(void **state)
{
    enum { MANY = 100, LEFT = 60 };
    struct rlimit before, few;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (int later = 0; later < 2; later++) {
        struct world *world = world_create(MANY);

        few = before;
        few.rlim_cur = next_fd() + LEFT;
        for (uint32_t pid = 1; pid <= MANY; pid++) {
            struct plant plant = plant_of(pid);

            plant.resident = 1000 * (uint64_t)pid;
            world_plant(world, &plant);
        }
        if (later) {
            mw_collector_set_keep_fds(world->collector, LEFT);
            world_beat(world);
            mw_collector_set_keep_fds(world->collector, MANY);
        }
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        world_beat(world);
        world_beat(world);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_all_read(world, MANY);
        assert_true(kept_statm(world) > 0 && kept_statm(world) < LEFT);
        assert_next_fault(world, "/proc/PID/statm", -EMFILE, 0);
        assert_no_next_fault(world);
        world_free(world);
    }
}

/* Not a single one: nothing can be read, which is told, and nobody is declared gone. */
static void without_any_descriptor_readings_are_absent(void **state)
{
    struct world *world = world_with_sizes(0, COUNT);
    struct rlimit before, none;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = next_fd();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    world_beat(world);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(mw_block_head(world->block)->live, COUNT);
    assert_int_equal(mw_block_head(world->block)->events, 0);
    assert_lacks_statm(world, 1, MW_ABSENT_STALE);
    world_beat(world);
    assert_all_read(world, COUNT);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_more_than_allowed_are_kept),
        cmocka_unit_test(the_largest_are_kept),
        cmocka_unit_test(who_is_kept_follows_the_sizes_slowly),
        cmocka_unit_test(the_number_can_be_changed),
        cmocka_unit_test(the_end_of_a_process_closes_its_file),
        cmocka_unit_test(without_descriptors_fewer_are_kept),
        cmocka_unit_test(without_any_descriptor_readings_are_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
