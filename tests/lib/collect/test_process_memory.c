/* Out of memory at any one allocation of a beat: it is refused or it is whole, and after it
 * everything is told as it is. */
#include "process_support.h"
#include "support/out_of_memory.h"

#include <errno.h>
#include <stdlib.h>

/* A beat of which one allocation fails, if there are so many. *ret_quiet: there was not a single
 * one, so that it is the probe that fails. */
static int beat_with(struct world *world, int allocations, bool *ret_quiet)
{
    struct mw_block *block = NULL;
    void *probe;
    int error;

    world->now_ns += MW_NS_PER_S;
    out_of_memory_after(allocations);
    error = mw_collector_read_processes(world->collector, &block);
    probe = malloc(1);
    out_of_memory_never();
    *ret_quiet = probe == NULL && allocations == 0;
    free(probe);
    if (error == 0) {
        mw_block_unref(world->block);
        world->block = block;
        world_follow(world);
    }
    return error;
}

static void plant_range(const struct world *world, uint32_t first, uint32_t last, uint64_t resident)
{
    for (uint32_t pid = first; pid <= last; pid++) {
        struct plant plant = plant_of(pid);

        plant.resident = resident;
        world_plant(world, &plant);
    }
}

static void expect_range(const struct world *world, uint32_t first, uint32_t last,
                         uint64_t resident)
{
    assert_int_equal(mw_block_head(world->block)->live, last - first + 1);
    for (uint32_t pid = first; pid <= last; pid++)
        assert_reading(world, pid, MW_PROCESS_RSS, resident * PAGE);
}

/* 200 processes are seen first, or 100 of them end while 100 others come, in a beat in which memory
 * runs out. Then all is as it is: in two beats, since whoever could not be noted as born in time is
 * born a beat later. */
static int change_with(int allocations, bool first)
{
    struct world *world = world_create(50);
    bool quiet;
    int error;

    plant_range(world, 1, 200, 300);
    if (!first) {
        world_beat(world);
        for (uint32_t pid = 1; pid <= 100; pid++)
            world_uproot(world, pid);
        plant_range(world, 201, 300, 300);
    }
    error = beat_with(world, allocations, &quiet);
    assert_true(error == 0 || error == -ENOMEM);
    world_beat(world);
    world_beat(world);
    expect_range(world, first ? 1 : 101, first ? 200 : 300, 300);
    assert_true(kept_statm(world) <= 50);
    world_free(world);
    return error;
}

static void a_beat_without_memory_loses_nothing(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        uint32_t refused = 0, whole = 0;

        for (int allocations = 0; allocations < 40; allocations++) {
            int error = change_with(allocations, first);

            refused += error < 0;
            whole += error == 0;
        }
        assert_true(refused >= 4);
        assert_true(whole >= 4);
    }
}

/* In the steady state a beat asks for no memory at all, whatever the processes do. */
static void a_steady_beat_allocates_nothing(void **state)
{
    struct world *world = world_create(50);
    bool quiet;

    (void)state;
    plant_range(world, 1, 200, 300);
    for (int beat = 0; beat < 5; beat++)
        world_beat(world); /* each of the three blocks has been used */
    for (uint32_t beat = 0; beat < 70; beat++) {
        plant_range(world, 1, 20, 310 + beat);
        assert_int_equal(beat_with(world, 0, &quiet), 0);
        assert_true(quiet);
        assert_reading(world, 20, MW_PROCESS_RSS, (310 + (uint64_t)beat) * PAGE);
    }
    world_free(world);
}

static void creating_without_memory_fails_whole(void **state)
{
    struct tree tree = tree_create();
    struct mw_collect_options options = {.proc_root = tree.proc, .clock = mw_clock_system()};
    struct mw_collector *collector = NULL;
    int error = -ENOMEM;
    int allocations = 0;

    (void)state;
    for (; error == -ENOMEM && allocations < 100; allocations++) {
        out_of_memory_after(allocations);
        error = mw_collector_create(&options, &collector);
        out_of_memory_never();
        assert_true(error == -ENOMEM ? collector == NULL : collector != NULL);
    }
    assert_int_equal(error, 0);
    assert_true(allocations > 5);
    mw_collector_destroy(collector);
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_beat_without_memory_loses_nothing),
        cmocka_unit_test(a_steady_beat_allocates_nothing),
        cmocka_unit_test(creating_without_memory_fails_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
