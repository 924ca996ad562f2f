/* Who is recorded at every sample. */
#include "history/history_internal.h"
#include "history_support.h"

#include <stdlib.h>

/* ---- the largest of many ---- */

static int descending(const void *left, const void *right)
{
    const struct mw_largest_entry *a = left, *b = right;

    if (a->amount != b->amount)
        return a->amount < b->amount ? 1 : -1;
    return a->row > b->row ? 1 : -1;
}

static void the_largest_are_kept(void **state)
{
    struct mw_largest_entry all[300];
    struct mw_largest rank;
    struct bench bench = {.random = 42};

    (void)state;
    for (uint32_t limit = 1; limit <= 301; limit += 50) {
        assert_int_equal(mw_largest_init(&rank, limit), 0);
        for (uint32_t i = 0; i < 300; i++) {
            all[i] = (struct mw_largest_entry){bench_random(&bench, 100), i};
            mw_largest_offer(&rank, all[i].amount, i);
        }
        qsort(all, 300, sizeof(all[0]), descending);
        mw_largest_sort(&rank);
        assert_int_equal(rank.count, limit < 300 ? limit : 300);
        for (uint32_t i = 0; i < rank.count; i++)
            assert_int_equal(rank.entries[i].row, all[i].row);
        mw_largest_deinit(&rank);
    }
}

/* ---- in a history ---- */

static bool is_watched(const struct machine *machine, uint64_t pid)
{
    struct mw_history_life life;

    assert_int_equal(mw_history_life(machine->history, MW_KIND_PROCESS, machine_key(pid), &life),
                     0);
    return life.watched;
}

static unsigned count_watched(const struct machine *machine, uint64_t pids)
{
    struct mw_history_numbers numbers;
    unsigned watched = 0;

    for (uint64_t pid = 1; pid <= pids; pid++)
        watched += is_watched(machine, pid);
    mw_history_get_numbers(machine->history, &numbers);
    assert_int_equal(numbers.watched, watched);
    return watched;
}

static void init(struct machine *machine, struct bench *bench, uint32_t top)
{
    struct mw_history_config config;

    bench_init(bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 16 * MIB);
    machine_config(&config);
    config.top = top;
    machine_init(machine, bench, &config);
}

static void ranks_go_by_size_or_growth(void **state)
{
    struct machine machine;
    struct bench bench;

    (void)state;
    init(&machine, &bench, 4);
    for (uint32_t i = 0; i < 20; i++)
        machine_put(&machine, i, i + 1, 1000 - i);
    machine.rows[18].growth = 4096 * 100;
    machine.rows[19].growth = 4096 * 200;
    machine_tick(&machine, 1000);
    assert_true(is_watched(&machine, 1));
    assert_true(is_watched(&machine, 2));
    assert_true(is_watched(&machine, 20));
    assert_true(is_watched(&machine, 19));
    assert_int_equal(count_watched(&machine, 20), 4);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

/* `top` 10: the margin is 3 ranks. A newcomer that is 11th, one rank before the last of those that
 * are in, must wait; one that comes far before it gets in. */
static void those_who_are_in_stay_in(void **state)
{
    struct machine machine;
    struct bench bench;

    (void)state;
    init(&machine, &bench, 10);
    for (uint32_t i = 0; i < 20; i++)
        machine_put(&machine, i, i + 1, 1000 - 10 * i);
    machine_tick(&machine, 5000);
    assert_true(is_watched(&machine, 10));
    assert_false(is_watched(&machine, 11));

    machine.rows[10].rss = machine.rows[9].rss + 4096; /* a rank of 9, against 10 less 3 */
    machine_tick(&machine, 5000);
    assert_true(is_watched(&machine, 10));
    assert_false(is_watched(&machine, 11));

    machine.rows[10].rss = machine.rows[0].rss + 4096;
    machine.rows[11].rss = machine.rows[0].rss + 8192;
    machine.rows[12].rss = machine.rows[0].rss + 12288;
    machine_tick(&machine, 5000);
    assert_true(is_watched(&machine, 11));
    assert_true(is_watched(&machine, 13));
    assert_false(is_watched(&machine, 10)); /* its rank is 12 now */
    assert_int_equal(count_watched(&machine, 20), 10);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

/* At the limit, below it and above it. */
static void as_many_as_top_says(void **state)
{
    (void)state;
    for (uint32_t processes = 9; processes <= 11; processes++) {
        struct machine machine;
        struct bench bench;

        init(&machine, &bench, 10);
        for (uint32_t i = 0; i < processes; i++)
            machine_put(&machine, i, i + 1, i + 1);
        machine_tick(&machine, 5000);
        assert_int_equal(count_watched(&machine, processes), processes < 10 ? processes : 10);
        machine_deinit(&machine);
        bench_deinit(&bench);
    }
}

/* A newcomer is recorded at once, and at every sample until it was judged. */
static void the_new_are_watched_until_judged(void **state)
{
    static struct answer answer;
    struct machine machine;
    struct bench bench;

    (void)state;
    init(&machine, &bench, 1);
    machine_put(&machine, 0, 1, 1000);
    machine_tick(&machine, 0); /* at :00, all are judged */
    machine_put(&machine, 1, 2, 1);
    for (int i = 1; i < 10; i++) {
        machine.rows[1].rss += 4096;
        machine_tick(&machine, 1000);
    }
    machine_ask(&machine, MW_PROCESS_RSS, 2, machine.time_ms - 9000, machine.time_ms + 1000, 1000,
                &answer);
    assert_int_equal(answer.points[0].gap, MW_GAP_NO_SUBJECT);
    for (int i = 1; i <= 5; i++)
        assert_int_equal(answer.points[i].min.u, 4096 * (1 + i));
    for (int i = 6; i < 10; i++)
        assert_int_equal(answer.points[i].gap, MW_GAP_NO_SAMPLE);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_are_kept),
        cmocka_unit_test(ranks_go_by_size_or_growth),
        cmocka_unit_test(those_who_are_in_stay_in),
        cmocka_unit_test(as_many_as_top_says),
        cmocka_unit_test(the_new_are_watched_until_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
