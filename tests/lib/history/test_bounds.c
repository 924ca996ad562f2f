/* What is given up when there is too much, and when the heap has no more. */
#include "history/history_internal.h"
#include "history_support.h"

#include <string.h>

static struct answer answer;

/* Large changes, so that there soon is much. */
static void spread(struct machine *machine, uint32_t rows, uint64_t pages)
{
    for (uint32_t i = 0; i < rows; i++) {
        if (machine->rows[i].key.id == 0)
            machine_put(machine, i, i + 1, 1000);
        machine->rows[i].rss = (machine->rows[i].rss * 5 + pages + i) & 0xffffffffff;
        machine->rows[i].anon = machine->rows[i].rss / 3;
        machine->rows[i].swap = machine->rows[i].rss / 7;
    }
    machine->mem_free = pages;
}

static struct mw_history_numbers numbers_of(const struct machine *machine)
{
    struct mw_history_numbers numbers;

    mw_history_get_numbers(machine->history, &numbers);
    return numbers;
}

static void wide_config(struct mw_history_config *config)
{
    machine_config(config);
    config->recent_ms = 36000000;
    config->minutes_ms = 36000000;
    config->top = 1000;
    config->subjects = 400;
    config->bytes = mw_history_bytes_min();
}

/* The recent past is whole, whatever was given up. */
static void assert_newest_are_there(const struct machine *machine, uint64_t pages)
{
    machine_ask(machine, MW_SYSTEM_MEM_FREE, 0, machine->time_ms - 9000, machine->time_ms + 1, 1000,
                &answer);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(answer.points[i].min.u, pages - 9 + i);
    machine_ask(machine, MW_PROCESS_RSS, 1, machine->time_ms - 9000, machine->time_ms + 1, 1000,
                &answer);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(answer.points[i].count, 1);
}

static void it_stays_within_its_bytes(void **state)
{
    struct mw_history_config config;
    struct machine machine;
    struct bench bench;
    uint64_t pages;

    (void)state;
    bench_init(&bench, 0, 64 * MIB);
    wide_config(&config);
    machine_init(&machine, &bench, &config);
    for (pages = 1; pages < 2000; pages++) {
        spread(&machine, MACHINE_ROWS, pages);
        assert_int_equal(machine_tick(&machine, 1000), 0);
        assert_true(pages % 8 != 0 || numbers_of(&machine).bytes <= config.bytes);
    }
    assert_true(numbers_of(&machine).sheds > 0);
    assert_int_equal(numbers_of(&machine).shed_samples + numbers_of(&machine).samples, 1999);
    assert_int_equal(numbers_of(&machine).lost, 0);
    assert_newest_are_there(&machine, pages - 1);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

/* Many births in little memory: the dead take a quarter of it, and what was is still known. */
static void who_was_there_leaves_room_for_what_was(void **state)
{
    struct mw_history_config config;
    struct machine machine;
    struct bench bench;

    (void)state;
    bench_init(&bench, 0, 64 * MIB);
    wide_config(&config);
    config.subjects = 100000;
    machine_init(&machine, &bench, &config);
    for (uint32_t i = 0; i < 200; i++) {
        for (uint32_t row = 1; row < MACHINE_ROWS; row++)
            machine_put(&machine, row, i * MACHINE_ROWS + row + 1, 1000);
        spread(&machine, 1, i);
        assert_int_equal(machine_tick(&machine, 1000), 0);
    }
    assert_in_range(numbers_of(&machine).alive + numbers_of(&machine).dead, MACHINE_ROWS,
                    config.bytes / 1024 + 1);
    assert_true(numbers_of(&machine).bytes <= config.bytes);
    assert_true(numbers_of(&machine).samples > 20);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

static const struct mw_group *processes_of(const struct machine *machine)
{
    const struct mw_group *group = machine->history->groups;

    while (group->source != MW_SOURCE_PROCESS)
        group++;
    return group;
}

/* What a crowd took is given back when it is gone; those that stay do not notice. */
static void a_crowd_is_forgotten(void **state)
{
    struct mw_history_config config;
    struct machine machine;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 64 * MIB);
    wide_config(&config);
    machine_init(&machine, &bench, &config);
    spread(&machine, MACHINE_ROWS, 1);
    for (unsigned i = 0; i < 5; i++)
        machine_tick(&machine, 1000);
    assert_true(processes_of(&machine)->row_room >= MACHINE_ROWS);
    memset(&machine.rows[3], 0, (MACHINE_ROWS - 3) * sizeof(machine.rows[0]));
    machine.row_count = 3;
    for (uint64_t i = 0; i < 5; i++) {
        spread(&machine, 3, i);
        machine_tick(&machine, 1000);
    }
    assert_in_range(processes_of(&machine)->row_room, 3, 3 * 4 + 64);
    assert_int_equal(numbers_of(&machine).alive, 3);
    for (uint32_t pid = 1; pid <= 3; pid++) {
        machine_ask(&machine, MW_PROCESS_RSS, pid, machine.time_ms - 9000, machine.time_ms + 1,
                    1000, &answer);
        for (unsigned i = 0; i < 10; i++)
            assert_int_equal(answer.points[i].count, 1);
        assert_int_equal(answer.points[9].min.u, machine.rows[pid - 1].rss);
    }
    machine_deinit(&machine);
    bench_deinit(&bench);
}

/* A bound that is no lower than before is taken, though what is in use is more. */
static void over_the_bound_another_one_is_taken(void **state)
{
    struct mw_history_config config;
    struct machine machine;
    struct bench bench;

    (void)state;
    bench_init(&bench, 0, 64 * MIB);
    wide_config(&config);
    config.bytes = 32 * MIB;
    machine_init(&machine, &bench, &config);
    config.bytes = mw_history_bytes_min();
    for (uint64_t i = 1; numbers_of(&machine).bytes <= config.bytes; i++) {
        spread(&machine, MACHINE_ROWS, i);
        machine_tick(&machine, 1000);
    }
    assert_int_equal(mw_history_set_bytes(machine.history, config.bytes), -EBUSY);
    machine.history->config.bytes = config.bytes; /* as if the living alone took it all */
    assert_int_equal(mw_history_set_bytes(machine.history, config.bytes), 0);
    assert_int_equal(mw_history_set_bytes(machine.history, config.bytes + 1), 0);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

static void shed(void *context)
{
    const struct machine *machine = context;
    size_t freed = 0, size = 1;

    while (freed < 16 * 1024 && size > 0)
        freed += size = mw_history_shed(machine->history);
}

/* The heap's limit is what stops it: nothing is lost but the oldest. */
static void run_near_limit(unsigned modes, uint64_t samples, uint32_t rows)
{
    struct mw_history_config config;
    struct mw_global *filling;
    struct machine machine;
    struct bench bench;
    uint64_t pages;

    bench_init(&bench, modes, 6 * MIB);
    wide_config(&config);
    config.bytes = 64 * MIB;
    machine_init(&machine, &bench, &config);
    for (pages = 1; pages < samples; pages++) {
        spread(&machine, rows, pages);
        assert_int_equal(machine_tick(&machine, 1000), 0);
    }
    bench_exhaust(&bench, 256, &filling);
    bench.near_limit = shed;
    bench.context = &machine;
    for (; pages < 2 * samples; pages++) {
        spread(&machine, rows, pages);
        if (machine_tick(&machine, 1000) != 0)
            fail_msg("no memory at sample %d", (int)pages);
    }
    assert_int_equal(numbers_of(&machine).lost, 0);
    assert_true(numbers_of(&machine).sheds > 0);
    assert_newest_are_there(&machine, pages - 1);
    bench.near_limit = NULL;
    bench_relieve(&bench, filling);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

static void near_the_limit_the_oldest_goes_first(void **state)
{
    (void)state;
    run_near_limit(0, 150, MACHINE_ROWS);
    run_near_limit(MW_HEAP_CHECKED | MW_HEAP_VERIFY | MW_HEAP_SLICES, 120, MACHINE_ROWS);
    run_near_limit(MW_HEAP_STRESS | MW_HEAP_FULL | MW_HEAP_COMPACT | MW_HEAP_CHECKED, 50, 20);
}

/* With nothing to give up, a sample is lost: a gap, not what was before. */
static void without_memory_there_is_a_gap(void **state)
{
    struct mw_history_config config;
    struct mw_global *filling;
    struct machine machine;
    struct bench bench;
    int lost = 0;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 4 * MIB);
    wide_config(&config);
    machine_init(&machine, &bench, &config);
    spread(&machine, MACHINE_ROWS, 1);
    assert_int_equal(machine_tick(&machine, 1000), 0);
    bench_exhaust(&bench, 64, &filling);
    for (uint64_t i = 0; i < 60; i++) {
        spread(&machine, MACHINE_ROWS, 2 + i);
        lost += machine_tick(&machine, 1000) == -ENOMEM;
    }
    assert_true(lost > 0);
    assert_true(numbers_of(&machine).lost > 0);
    bench_relieve(&bench, filling);
    spread(&machine, MACHINE_ROWS, 70);
    assert_int_equal(machine_tick(&machine, 1000), 0);
    machine_ask(&machine, MW_PROCESS_RSS, 100, machine.time_ms - 1000, machine.time_ms + 1, 1000,
                &answer);
    assert_int_equal(answer.points[0].gap, MW_ABSENT_STALE);
    assert_int_equal(answer.points[1].min.u, machine.rows[99].rss);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

/* At the limit, below it and above it. The one dead longest goes; when all live, the new must wait.
 */
static void subjects_have_a_limit(void **state)
{
    (void)state;
    for (uint32_t processes = 63; processes <= 65; processes++) {
        struct mw_history_config config;
        struct mw_history_life life;
        struct machine machine;
        struct bench bench;

        bench_init(&bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 16 * MIB);
        machine_config(&config);
        machine_init(&machine, &bench, &config);
        for (uint32_t i = 0; i < processes; i++)
            machine_put(&machine, i, i + 1, 1);
        machine_tick(&machine, 1000);
        assert_int_equal(numbers_of(&machine).alive, processes < 64 ? processes : 64);
        assert_int_equal(numbers_of(&machine).refused, processes > 64);
        machine.rows[7].key.id = 0;
        machine_tick(&machine, 1000);
        machine.rows[8].key.id = 0;
        machine_tick(&machine, 5000); /* who was refused asks again */
        assert_int_equal(numbers_of(&machine).refused, processes > 64);
        assert_int_equal(numbers_of(&machine).alive, processes - 2);
        assert_int_equal(mw_history_life(machine.history, MW_KIND_PROCESS, machine_key(8), &life),
                         processes > 64 ? -ENOENT : 0);
        assert_int_equal(mw_history_life(machine.history, MW_KIND_PROCESS, machine_key(9), &life),
                         0);
        assert_int_equal(numbers_of(&machine).forgotten, processes > 64);
        machine_deinit(&machine);
        bench_deinit(&bench);
    }
}

/* At the limit somebody moves to the row of one that ended, and a new one takes its own. */
static void who_moves_is_not_forgotten(void **state)
{
    struct mw_history_config config;
    struct mw_history_life life;
    struct machine machine;
    struct bench bench;
    int64_t begin;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 16 * MIB);
    machine_config(&config);
    machine_init(&machine, &bench, &config);
    for (uint32_t i = 0; i < 64; i++)
        machine_put(&machine, i, i + 1, 1);
    machine_tick(&machine, 1000);
    begin = machine.time_ms;
    machine_put(&machine, 1, 1, 1);
    machine_put(&machine, 0, 100, 1);
    machine_tick(&machine, 1000);
    assert_int_equal(mw_history_life(machine.history, MW_KIND_PROCESS, machine_key(1), &life), 0);
    assert_int_equal(life.first_ms, begin);
    assert_int_equal(mw_history_life(machine.history, MW_KIND_PROCESS, machine_key(100), &life), 0);
    assert_int_equal(mw_history_life(machine.history, MW_KIND_PROCESS, machine_key(2), &life),
                     -ENOENT);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

/* What the history says it takes is what the heap and malloc gave for it. */
static void bytes_are_the_heaps(void **state)
{
    struct mw_history_config config;
    struct mw_heap_numbers before, after;
    struct machine machine;
    struct bench bench;
    size_t beside, grown;

    (void)state;
    bench_init(&bench, 0, 64 * MIB);
    mw_heap_collect(bench.heap, MW_COLLECT_MAJOR);
    mw_heap_get_numbers(bench.heap, &before);
    wide_config(&config);
    config.bytes = 32 * MIB;
    machine_init(&machine, &bench, &config);
    for (uint64_t i = 1; i < 300; i++) {
        spread(&machine, MACHINE_ROWS, i);
        machine_tick(&machine, 1000);
    }
    mw_heap_collect(bench.heap, MW_COLLECT_MAJOR);
    mw_heap_get_numbers(bench.heap, &after);
    beside =
        sizeof(struct mw_history) + 16384 - 160 * 5 * sizeof(uint64_t); /* subjects are on it */
    for (unsigned i = 0; i < machine.history->group_count; i++)
        beside += mw_group_bytes(&machine.history->groups[i]);
    grown = after.used + after.external - before.used - before.external; /* open rows are outside */
    assert_in_range(numbers_of(&machine).bytes, grown, grown + beside);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

static void bounds_that_make_no_sense_are_refused(void **state)
{
    struct mw_history_config good, bad[12];
    struct mw_history *history = NULL;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 64 * MIB);
    mw_history_config_default(&good);
    for (size_t i = 0; i < 12; i++)
        bad[i] = good;
    bad[0].interval_ms = 9;
    bad[1].slow_ms = 999;
    bad[2].recent_ms = 999;
    bad[3].recent_ms = UINT64_MAX;
    bad[4].minutes_ms = 59999;
    bad[5].minutes_ms = UINT64_MAX;
    bad[6].top = 0;
    bad[7].top = 1001;
    bad[8].subjects = 0;
    bad[9].subjects = 1000001;
    bad[10].bytes = mw_history_bytes_min() - 1;
    bad[11].slow_ms = UINT64_MAX;
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(mw_history_create(bench.store, &bad[i], &history), -EINVAL);
    assert_null(history);
    assert_int_equal(mw_history_create(bench.store, &good, &history), 0);
    assert_null(mw_history_destroy(history));
    assert_null(mw_history_destroy(NULL));
    bench_deinit(&bench);
}

/* Creating it in a heap without room leaves nothing behind. */
static void no_room_at_birth(void **state)
{
    struct mw_history_config config;
    struct mw_history *history;
    struct mw_global *filling;
    int error, refused = 0;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 4 * MIB);
    mw_history_config_default(&config);
    for (size_t room = 256; room <= 512 * 1024; room *= 8) {
        bench_exhaust(&bench, room, &filling);
        error = mw_history_create(bench.store, &config, &history);
        refused += error == -ENOMEM;
        if (error == 0)
            mw_history_destroy(history);
        bench_relieve(&bench, filling);
    }
    assert_true(refused > 1);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stays_within_its_bytes),
        cmocka_unit_test(who_was_there_leaves_room_for_what_was),
        cmocka_unit_test(a_crowd_is_forgotten),
        cmocka_unit_test(over_the_bound_another_one_is_taken),
        cmocka_unit_test(near_the_limit_the_oldest_goes_first),
        cmocka_unit_test(without_memory_there_is_a_gap),
        cmocka_unit_test(subjects_have_a_limit),
        cmocka_unit_test(who_moves_is_not_forgotten),
        cmocka_unit_test(bytes_are_the_heaps),
        cmocka_unit_test(bounds_that_make_no_sense_are_refused),
        cmocka_unit_test(no_room_at_birth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
