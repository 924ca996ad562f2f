/* What the header promises beside the numbers themselves: gaps and their reasons, clocks, ends of
 * lives, the two tiers, questions that make no sense. */
#include "history_support.h"

#include <errno.h>

static struct answer answer;

struct fixture {
    struct bench bench;
    struct machine machine;
};

static int setup(void **state)
{
    static struct fixture self;
    struct mw_history_config config;

    bench_init(&self.bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 16 * MIB);
    machine_config(&config);
    machine_init(&self.machine, &self.bench, &config);
    *state = &self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;

    machine_deinit(&self->machine);
    bench_deinit(&self->bench);
    return 0;
}

/* ---- gaps ---- */

static void an_absence_keeps_its_reason(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;

    machine_put(machine, 0, 1, 100);
    machine_tick(machine, 1000); /* with a rank it is recorded at every sample */
    for (int i = 1; i < MW_ABSENCE_COUNT; i++) {
        machine->free_absence = machine->rows[0].absence = (enum mw_absence)i;
        machine_tick(machine, 1000);
    }
    for (uint64_t pid = 0; pid <= 1; pid++) {
        machine_ask(machine, pid > 0 ? MW_PROCESS_RSS : MW_SYSTEM_MEM_FREE, pid,
                    machine->time_ms - 3000, machine->time_ms + 1, 1000, &answer);
        assert_int_equal(answer.count, 4);
        for (int i = 1; i < MW_ABSENCE_COUNT; i++) {
            assert_int_equal(answer.points[i - 1].count, 0);
            assert_int_equal(answer.points[i - 1].gap, i);
        }
    }
}

static void a_late_source_is_stale(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;

    machine_put(machine, 0, 1, 100);
    machine_tick(machine, 1000);
    machine->no_processes = true;
    machine_tick(machine, 1000);
    machine->no_processes = false;
    machine_tick(machine, 1000);
    machine_ask(machine, MW_PROCESS_RSS, 1, machine->time_ms - 2000, machine->time_ms + 1, 1000,
                &answer);
    assert_int_equal(answer.points[0].gap, 0);
    assert_int_equal(answer.points[1].gap, MW_ABSENT_STALE);
    assert_int_equal(answer.points[2].gap, 0);
    assert_int_equal(answer.points[2].min.u, 4096 * 100);
}

static void time_without_samples_is_a_gap(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;

    machine->mem_free = 7;
    machine_put(machine, 0, 1, 100);
    machine_tick(machine, 1000);
    machine_tick(machine, 10000);
    for (uint64_t pid = 0; pid <= 1; pid++) {
        machine_ask(machine, pid > 0 ? MW_PROCESS_RSS : MW_SYSTEM_MEM_FREE, pid,
                    machine->time_ms - 10000, machine->time_ms + 1, 1000, &answer);
        assert_int_equal(answer.count, 11);
        assert_int_equal(answer.points[0].count, 1);
        for (int i = 1; i < 10; i++)
            assert_int_equal(answer.points[i].gap, MW_GAP_NO_SAMPLE);
        assert_int_equal(answer.points[10].count, 1);
    }
}

static void a_life_has_two_ends(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;
    struct mw_history_life life;
    int64_t first;

    machine_tick(machine, 1000);
    machine_put(machine, 0, 1, 100);
    machine_tick(machine, 1000);
    first = machine->time_ms;
    machine_tick(machine, 1000);
    machine->rows[0].key.id = 0;
    machine_tick(machine, 1000);
    assert_int_equal(mw_history_life(machine->history, MW_KIND_PROCESS, machine_key(1), &life), 0);
    assert_false(life.alive);
    assert_int_equal(life.first_ms, first);
    assert_int_equal(life.last_ms, first + 1000);
    machine_ask(machine, MW_PROCESS_SWAP, 1, first - 1000, first + 3000, 1000, &answer);
    assert_int_equal(answer.points[0].gap, MW_GAP_NO_SUBJECT);
    assert_int_equal(answer.points[1].count, 1);
    assert_int_equal(answer.points[2].count, 1);
    assert_int_equal(answer.points[3].gap, MW_GAP_NO_SUBJECT);
}

/* The next owner of a row is somebody else, though the pid is the same. */
static void a_pid_is_not_a_subject(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;

    machine_put(machine, 0, 1, 100);
    machine_tick(machine, 1000);
    machine_put(machine, 0, 1, 200);
    machine->rows[0].key.birth++;
    machine_tick(machine, 1000);
    machine_ask(machine, MW_PROCESS_RSS, 1, machine->time_ms - 1000, machine->time_ms + 1, 1000,
                &answer);
    assert_int_equal(answer.points[0].min.u, 4096 * 100);
    assert_int_equal(answer.points[1].gap, MW_GAP_NO_SUBJECT);
}

static void one_that_comes_back_was_not_there_in_between(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;

    machine_put(machine, 0, 1, 100);
    machine_tick(machine, 1000);
    machine->rows[0].key.id = 0;
    machine_tick(machine, 1000);
    machine_tick(machine, 1000);
    machine_put(machine, 1, 1, 100);
    machine_tick(machine, 1000);
    machine_ask(machine, MW_PROCESS_RSS, 1, machine->time_ms - 3000, machine->time_ms + 1, 1000,
                &answer);
    assert_int_equal(answer.points[0].count, 1);
    assert_int_equal(answer.points[1].gap, MW_ABSENT_STALE);
    assert_int_equal(answer.points[2].gap, MW_ABSENT_STALE);
    assert_int_equal(answer.points[3].count, 1);
}

/* ---- clocks ---- */

static void a_sample_of_the_same_millisecond_is_left_out(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;
    struct mw_history_numbers numbers;

    machine_tick(machine, 1000);
    assert_int_equal(machine_tick(machine, 0), 0);
    mw_history_get_numbers(machine->history, &numbers);
    assert_int_equal(numbers.left_out, 1);
    assert_int_equal(numbers.samples, 1);
}

/* Ten samples, then the clock goes back by an hour; seconds stay seconds. */
static void a_clock_set_back_takes_the_past_along(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;
    struct mw_history_numbers numbers;

    machine_put(machine, 0, 1, 0);
    for (int i = 0; i < 10; i++) {
        machine->mem_free = (uint64_t)i;
        machine->rows[0].rss = (uint64_t)i;
        machine_tick(machine, 1000);
    }
    machine->mem_free = machine->rows[0].rss = 10;
    assert_int_equal(machine_tick(machine, -3600000), 0);
    mw_history_get_numbers(machine->history, &numbers);
    assert_int_equal(numbers.set_back, 1);
    assert_int_equal(numbers.last_ms, machine->time_ms);
    assert_int_equal(numbers.first_ms, machine->time_ms - 10000);
    for (uint64_t pid = 0; pid <= 1; pid++) {
        machine_ask(machine, pid > 0 ? MW_PROCESS_RSS : MW_SYSTEM_MEM_FREE, pid,
                    machine->time_ms - 10000, machine->time_ms + 1, 1000, &answer);
        assert_int_equal(answer.count, 11);
        for (unsigned i = 0; i < 11; i++)
            assert_int_equal(answer.points[i].max.u, i);
    }
}

static void a_time_that_no_clock_has_is_refused(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;
    struct mw_history_numbers numbers;

    machine->time_ms = -1000;
    assert_int_equal(machine_tick(machine, 1), -EINVAL);
    machine->time_ms = INT64_MAX - 10;
    assert_int_equal(machine_tick(machine, 1), -EINVAL);
    mw_history_get_numbers(machine->history, &numbers);
    assert_int_equal(numbers.samples, 0);
}

/* ---- tiers ---- */

/* After 100 s a sample is out of the recent tier; its minute is still there, made of all samples,
 * though the process was recorded every 5 s only. */
static void minutes_reach_further_back(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;
    int64_t begin = machine->time_ms;

    for (uint32_t i = 0; i < 4; i++)
        machine_put(machine, i, i + 1, 1000 * (5 - i));
    for (uint64_t i = 0; i < 400; i++) {
        machine->rows[3].rss = 4096 + i;
        machine->mem_free = i;
        machine_tick(machine, i == 0 ? 0 : 1000);
    }
    for (uint64_t pid = 0; pid <= 4; pid += 4) {
        uint64_t least = pid > 0 ? 4096 : 0;

        machine_ask(machine, pid > 0 ? MW_PROCESS_RSS : MW_SYSTEM_MEM_FREE, pid, begin,
                    begin + 240000, 60000, &answer);
        for (uint64_t i = 0; i < 4; i++) {
            assert_int_equal(answer.points[i].count, 60);
            assert_int_equal(answer.points[i].min.u, least + 60 * i);
            assert_int_equal(answer.points[i].max.u, least + 60 * i + 59);
            assert_in_range(answer.points[i].mean, least + 60 * i + 29, least + 60 * i + 30);
        }
    }
    machine_ask(machine, MW_SYSTEM_MEM_FREE, 0, begin, begin + 120000, 30000, &answer);
    assert_int_equal(answer.points[1].gap, MW_GAP_NO_SAMPLE); /* half a minute is not known */
}

/* A daemon that starts at 50 s of a minute knows nothing of the 50 s before, also when that minute
 * is over. */
static void the_first_minute_begins_with_the_first_sample(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;
    int64_t begin = machine->time_ms;

    machine_put(machine, 0, 1, 100);
    machine_tick(machine, 50000);
    for (unsigned i = 0; i < 12; i++)
        machine_tick(machine, 1000);
    for (uint64_t pid = 0; pid <= 1; pid++) {
        machine_ask(machine, pid > 0 ? MW_PROCESS_RSS : MW_SYSTEM_MEM_FREE, pid, begin,
                    begin + 60000, 10000, &answer);
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(answer.points[i].count, 0);
            assert_int_not_equal(answer.points[i].gap, 0);
        }
        assert_int_equal(answer.points[5].count, 10);
    }
}

static void what_is_too_old_is_gone(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;
    const struct mw_history_question question = {MW_PROCESS_RSS, machine_key(1), 0, 1, 1};
    struct mw_history_numbers numbers;
    enum mw_history_fault fault;
    int64_t begin = machine->time_ms;

    machine_put(machine, 0, 1, 100);
    machine_tick(machine, 1000);
    machine->rows[0].key.id = 0;
    for (int i = 0; i < 1700; i++)
        machine_tick(machine, 1000);
    machine_ask(machine, MW_PROCESS_RSS, 1, begin, begin + 60000, 60000, &answer);
    assert_int_equal(answer.points[0].min.u, 409600);
    for (int i = 0; i < 300; i++)
        machine_tick(machine, 1000);
    assert_int_equal(mw_history_ask(machine->history, &question, NULL, NULL, &fault), -ENOENT);
    assert_int_equal(fault, MW_HISTORY_FAULT_SUBJECT);
    mw_history_get_numbers(machine->history, &numbers);
    assert_int_equal(numbers.dead, 0);
    assert_int_equal(numbers.forgotten, 0); /* its time was over */
    assert_int_equal(numbers.samples, 101);
    assert_in_range(numbers.minutes, 29, 31);
}

/* ---- questions ---- */

static int stop_at_3(void *context, const struct mw_history_point *point)
{
    (void)point;
    return ++*(int *)context == 3 ? 42 : 0;
}

static void a_question_has_bounds(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;
    static const struct {
        struct mw_history_question question;
        int error;
        enum mw_history_fault fault;
    } cases[] = {
        {{MW_PROCESS_NAME, {1, 1000001}, 0, 1, 1}, -ENOENT, MW_HISTORY_FAULT_READING},
        {{MW_PROCESS_THREADS, {1, 1000001}, 0, 1, 1}, -ENOENT, MW_HISTORY_FAULT_READING},
        {{MW_NONE, {1, 1000001}, 0, 1, 1}, -ENOENT, MW_HISTORY_FAULT_READING},
        {{MW_PROCESS_RSS, {2, 1000002}, 0, 1, 1}, -ENOENT, MW_HISTORY_FAULT_SUBJECT},
        {{MW_PROCESS_RSS, {1, 0}, 0, 1, 1}, -ENOENT, MW_HISTORY_FAULT_SUBJECT},
        {{MW_PROCESS_RSS, {0, 0}, 0, 1, 1}, -ENOENT, MW_HISTORY_FAULT_SUBJECT},
        {{MW_PROCESS_RSS, {1, 1000001}, 1, 0, 1}, -EINVAL, MW_HISTORY_FAULT_RANGE},
        {{MW_PROCESS_RSS, {1, 1000001}, 0, 1, 0}, -EINVAL, MW_HISTORY_FAULT_STEP},
        {{MW_PROCESS_RSS, {1, 1000001}, 0, 10001, 1}, -EINVAL, MW_HISTORY_FAULT_POINTS},
        {{MW_SYSTEM_MEM_FREE, {0, 0}, INT64_MIN, INT64_MAX, 1}, -EINVAL, MW_HISTORY_FAULT_POINTS},
    };
    enum mw_history_fault fault;
    int points = 0;

    machine_put(machine, 0, 1, 100);
    machine_tick(machine, 1000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            mw_history_ask(machine->history, &cases[i].question, stop_at_3, &points, &fault),
            cases[i].error);
        assert_int_equal(fault, cases[i].fault);
    }
    assert_int_equal(points, 0);
    for (int64_t to = 9999; to <= 10000; to++) {
        machine_ask(machine, MW_PROCESS_RSS, 1, 0, to, 1, &answer);
        assert_int_equal(answer.count, to);
    }
    machine_ask(machine, MW_SYSTEM_MEM_FREE, 0, INT64_MIN, INT64_MAX, UINT64_MAX / 2, &answer);
    assert_int_equal(answer.count, 3);
    assert_int_equal(answer.points[1].count, 1);
    machine_ask(machine, MW_SYSTEM_MEM_FREE, 0, 5, 5, 1, &answer);
    assert_int_equal(answer.count, 0);
}

static void whoever_asks_may_stop(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;
    const struct mw_history_question question = {
        MW_SYSTEM_MEM_FREE, {0, 0}, machine->time_ms, machine->time_ms + 10000, 1000};
    int points = 0;

    machine_tick(machine, 1000);
    assert_int_equal(mw_history_ask(machine->history, &question, stop_at_3, &points, NULL), 42);
    assert_int_equal(points, 3);
}

/* A block of one row of a source that has rows; its columns all show `value`. */
static void offer(struct machine *machine, enum mw_source source, uint64_t value)
{
    enum mw_reading first = mw_source_first(source);
    struct mw_block_pool *pool;
    struct mw_block *block;

    assert_int_equal(mw_block_pool_create(source, &pool), 0);
    assert_int_equal(mw_block_take(pool, NULL, 1, &block), 0);
    mw_block_set_time(block, 1, machine->time_ms, machine->mono_ms * 1000000);
    mw_block_set_key(block, 0, machine_key(1));
    for (uint16_t i = 0; i < mw_source_columns(source); i++)
        mw_block_put(block, (enum mw_reading)(first + i), 0, (union mw_value){.u = value});
    assert_int_equal(mw_block_finish(block), 0);
    /* it comes with the next sample, in a second */
    mw_sealer_offer(machine->sealer, block, (machine->mono_ms + 1000) * 1000000);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

/* Heaps, queues and caches have a history as processes have, each sample of it. */
static void named_subjects_are_recorded(void **state)
{
    static const enum mw_reading readings[] = {MW_HEAP_USED, MW_QUEUE_LENGTH, MW_CACHE_ENTRIES};
    struct machine *machine = &((struct fixture *)*state)->machine;

    for (uint64_t i = 1; i <= 5; i++) {
        offer(machine, MW_SOURCE_HEAP, i * i);
        offer(machine, MW_SOURCE_QUEUE, i * i);
        offer(machine, MW_SOURCE_CACHE, i * i);
        machine_tick(machine, 1000);
    }
    for (int i = 0; i < 3; i++) {
        machine_ask(machine, readings[i], 1, machine->time_ms - 4000, machine->time_ms + 1, 1000,
                    &answer);
        assert_int_equal(answer.count, 5);
        for (int at = 0; at < 5; at++) {
            assert_int_equal(answer.points[at].count, 1);
            assert_true(answer.points[at].max.u == (uint64_t)((at + 1) * (at + 1)));
        }
    }
}

/* Every reading that is kept can be asked for, and no other. */
static void every_number_of_the_machine_is_kept(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;
    unsigned kept = 0;

    machine_put(machine, 0, 1, 100);
    offer(machine, MW_SOURCE_HEAP, 1);
    offer(machine, MW_SOURCE_QUEUE, 1);
    offer(machine, MW_SOURCE_CACHE, 1);
    offer(machine, MW_SOURCE_SERVICE, 1);
    machine_tick(machine, 1000);
    for (enum mw_reading i = 0; i < MW_READING_COUNT; i++) {
        const struct mw_reading_info *info = mw_reading_info(i);
        const struct mw_history_question question = {i, machine_key(1), 0, 1, 1};
        int points = 0;

        assert_int_equal(mw_history_ask(machine->history, &question, stop_at_3, &points, NULL) == 0,
                         mw_history_keeps(i));
        kept += mw_history_keeps(i);
        if (info->kind == MW_KIND_SYSTEM)
            assert_true(mw_history_keeps(i));
    }
    assert_true(kept > 150);
}

static void of_an_id_the_one_born_last_is_found(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;
    struct mw_block_key newest = {1, 2};

    machine_put(machine, 0, 7, 100);
    machine_tick(machine, 1000);
    assert_int_equal(mw_history_find(machine->history, MW_KIND_PROCESS, 8, &newest), 0);
    assert_int_equal(mw_history_find(machine->history, MW_KIND_PROCESS, 0, &newest), 0);
    assert_int_equal(mw_history_find(machine->history, MW_KIND_SYSTEM, 1, &newest), 0);
    assert_int_equal(newest.birth, 2); /* untouched */
    assert_int_equal(mw_history_find(machine->history, MW_KIND_PROCESS, 7, &newest), 1);
    assert_int_equal(newest.birth, machine_key(7).birth);
    machine->rows[0].key.birth = 3; /* born before the other, seen after it */
    machine_tick(machine, 1000);
    assert_int_equal(mw_history_find(machine->history, MW_KIND_PROCESS, 7, &newest), 2);
    assert_int_equal(newest.birth, machine_key(7).birth);
}

static void the_bound_changes_down_to_what_is_in_use(void **state)
{
    struct machine *machine = &((struct fixture *)*state)->machine;
    struct mw_history_numbers numbers;

    machine_tick(machine, 1000);
    mw_history_get_numbers(machine->history, &numbers);
    size_t used = numbers.bytes, least = mw_history_bytes_min();

    assert_int_equal(mw_history_set_bytes(machine->history, least - 1), -EINVAL);
    assert_int_equal(mw_history_set_bytes(machine->history, used > least ? used - 1 : 0),
                     used > least ? -EBUSY : -EINVAL);
    mw_history_get_numbers(machine->history, &numbers);
    assert_int_equal(numbers.bytes_limit, 8 * MIB);
    used = used > least ? used : least;
    assert_int_equal(mw_history_set_bytes(machine->history, used), 0);
    assert_int_equal(mw_history_set_bytes(machine->history, used + 1), 0);
    mw_history_get_numbers(machine->history, &numbers);
    assert_int_equal(numbers.bytes_limit, used + 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(of_an_id_the_one_born_last_is_found),
        T(the_bound_changes_down_to_what_is_in_use),
        T(an_absence_keeps_its_reason),
        T(a_late_source_is_stale),
        T(time_without_samples_is_a_gap),
        T(a_life_has_two_ends),
        T(a_pid_is_not_a_subject),
        T(one_that_comes_back_was_not_there_in_between),
        T(a_sample_of_the_same_millisecond_is_left_out),
        T(a_clock_set_back_takes_the_past_along),
        T(a_time_that_no_clock_has_is_refused),
        T(minutes_reach_further_back),
        T(the_first_minute_begins_with_the_first_sample),
        T(what_is_too_old_is_gone),
        T(a_question_has_bounds),
        T(whoever_asks_may_stop),
        T(named_subjects_are_recorded),
        T(every_number_of_the_machine_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
