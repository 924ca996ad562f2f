/* Every malloc() of a history fails once: an error, nothing left behind, and it goes on. */
#include "history_support.h"
#include "support/out_of_memory.h"

#include <errno.h>

static void a_history_is_created_or_nothing_is(void **state)
{
    struct mw_history_config config;
    struct mw_history *history = NULL;
    struct bench bench;
    int error = -ENOMEM, allocations = 0;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 16 * MIB);
    machine_config(&config);
    for (; error == -ENOMEM && allocations < 1000; allocations++) {
        out_of_memory_after(allocations);
        error = mw_history_create(bench.store, &config, &history);
        out_of_memory_never();
    }
    assert_int_equal(error, 0);
    assert_true(allocations > 10);
    mw_history_destroy(history);
    bench_deinit(&bench);
}

/* More rows each time, so that every table has to grow. What is lost is a gap, not a lie. */
static void a_sample_is_taken_in_or_lost(void **state)
{
    static struct answer answer;
    struct mw_history_config config;
    struct machine machine;
    struct bench bench;
    int lost = 0;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 16 * MIB);
    machine_config(&config);
    config.subjects = MACHINE_ROWS;
    machine_init(&machine, &bench, &config);
    for (uint32_t i = 0; i < MACHINE_ROWS; i++) {
        struct mw_sample *sample;

        machine_put(&machine, i, i + 1, i + 1);
        sample = machine_sample(&machine, 5000);
        out_of_memory_after((int)(i % 7));
        lost += mw_history_apply(machine.history, sample) == -ENOMEM;
        out_of_memory_never();
        mw_sample_unref(sample);
    }
    assert_true(lost > 0);
    assert_int_equal(machine_tick(&machine, 5000), 0);
    for (uint64_t pid = 1; pid <= MACHINE_ROWS; pid++) {
        machine_ask(&machine, MW_PROCESS_RSS, pid, machine.time_ms, machine.time_ms + 1, 1,
                    &answer);
        assert_int_equal(answer.points[0].min.u, 4096 * pid);
    }
    machine_deinit(&machine);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_history_is_created_or_nothing_is),
        cmocka_unit_test(a_sample_is_taken_in_or_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
