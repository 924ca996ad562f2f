/* A queue hands over in order, never waits, refuses what cannot be placed in time, and tells how it
 * goes by the caller's clock. */
#include "store/queue.h"

#include "base/clock.h"
#include "store_support.h"

#include <errno.h>
#include <stdlib.h>

enum { NONE = -1 };

static const uint64_t second = MW_NS_PER_S;

static struct mw_queue *make(struct bench *bench, size_t capacity, size_t high, size_t low)
{
    const struct mw_queue_config config = {capacity, high, low};
    struct mw_queue *queue;

    assert_int_equal(mw_queue_create(bench->store, &config, &queue), 0);
    return queue;
}

static int put(struct bench *bench, struct mw_queue *queue, uint64_t number, uint64_t now,
               uint64_t deadline)
{
    MW_SCOPE(scope, bench->heap);

    return mw_queue_write(queue, bench_box(bench, number), now, deadline);
}

static int64_t take(struct bench *bench, struct mw_queue *queue, uint64_t now)
{
    MW_SCOPE(scope, bench->heap);
    struct mw_ref value = mw_queue_read(queue, now);

    return mw_ref_is_none(value) ? NONE : (int64_t)bench_unbox(bench, value);
}

static struct mw_queue_numbers numbers_at(const struct mw_queue *queue, uint64_t now)
{
    struct mw_queue_numbers numbers;

    mw_queue_get_numbers(queue, now, &numbers);
    return numbers;
}

static int64_t take_at(struct bench *bench, struct mw_queue *queue, size_t position, uint64_t now)
{
    MW_SCOPE(scope, bench->heap);
    struct mw_ref value = mw_queue_take(queue, position, now);

    return mw_ref_is_none(value) ? NONE : (int64_t)bench_unbox(bench, value);
}

static int64_t peek(struct bench *bench, const struct mw_queue *queue, size_t position)
{
    MW_SCOPE(scope, bench->heap);
    struct mw_ref value = mw_queue_peek(queue, position);

    return mw_ref_is_none(value) ? NONE : (int64_t)bench_unbox(bench, value);
}

/* ---- against a model ---- */

/* The numbers in the queue are [first, last). */
static void against_model(struct bench *bench, size_t capacity, size_t high, size_t low,
                          unsigned count)
{
    struct mw_queue *queue = make(bench, capacity, high, low);
    uint64_t first = 0, last = 0, refused = 0;
    bool pressed = false;

    for (uint64_t now = 1; now <= count; now++) {
        if (bench_random(bench, 2) == 0) {
            int want = last - first < capacity ? 0 : -ETIMEDOUT;

            assert_int_equal(put(bench, queue, last, now, 0), want);
            last += want == 0;
            refused += want != 0;
        } else {
            assert_int_equal(take(bench, queue, now), first < last ? (int64_t)first : NONE);
            first += first < last;
        }
        pressed = last - first >= high || (pressed && last - first > low);
        assert_int_equal(mw_queue_is_pressed(queue), pressed);
        assert_int_equal(numbers_at(queue, now).length, last - first);
        assert_int_equal(numbers_at(queue, now).refused, refused);
        assert_int_equal(numbers_at(queue, now).enqueued, last);
        assert_int_equal(numbers_at(queue, now).dequeued, first);
    }
    assert_int_equal(mw_queue_clear(queue, count), last - first);
    assert_int_equal(take(bench, queue, count), NONE);
    assert_null(mw_queue_destroy(queue));
}

static void models(struct bench *bench, unsigned scale)
{
    against_model(bench, 1, 1, 0, 100 * scale);
    against_model(bench, 2, 2, 1, 100 * scale);
    against_model(bench, 7, 5, 2, 200 * scale);
    against_model(bench, 100, 20, 10, 200 * scale);
}

static void test_a_plain_counter_agrees(void **state)
{
    (void)state;
    bench_all_modes(models);
}

/* ---- the promises by name ---- */

static void test_at_the_limit(void **state)
{
    struct mw_queue *queue;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    queue = make(&bench, 3, 3, 1);
    assert_int_equal(put(&bench, queue, 1, 10, 0), 0);
    assert_int_equal(put(&bench, queue, 2, 10, 0), 0);
    assert_int_equal(put(&bench, queue, 3, 10, 0), 0);
    assert_int_equal(put(&bench, queue, 4, 10, 0), -ETIMEDOUT);
    assert_int_equal(take(&bench, queue, 10), 1);
    assert_int_equal(put(&bench, queue, 5, 10, 0), 0);
    assert_int_equal(put(&bench, queue, 6, 10, 0), -ETIMEDOUT);
    assert_int_equal(numbers_at(queue, 10).refused, 2);
    mw_queue_destroy(queue);
    bench_deinit(&bench);
}

/* Told to come again until the deadline, then refused once. */
static void test_a_write_has_until_its_deadline(void **state)
{
    struct mw_queue *queue;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    queue = make(&bench, 1, 1, 0);
    assert_int_equal(put(&bench, queue, 1, 100, 200), 0);
    assert_int_equal(put(&bench, queue, 2, 100, 200), -EAGAIN);
    assert_int_equal(put(&bench, queue, 2, 199, 200), -EAGAIN);
    assert_int_equal(numbers_at(queue, 199).refused, 0);
    assert_int_equal(put(&bench, queue, 2, 200, 200), -ETIMEDOUT);
    assert_int_equal(put(&bench, queue, 3, 300, 400), -EAGAIN);
    assert_int_equal(take(&bench, queue, 310), 1);
    assert_int_equal(put(&bench, queue, 3, 450, 400), 0); /* late, but there is room */
    assert_int_equal(numbers_at(queue, 450).refused, 1);
    assert_int_equal(numbers_at(queue, 450).enqueued, 2);
    mw_queue_destroy(queue);
    bench_deinit(&bench);
}

static void test_watermarks_do_not_flutter(void **state)
{
    struct mw_queue *queue;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    queue = make(&bench, 10, 4, 2);
    for (unsigned i = 0; i < 3; i++)
        put(&bench, queue, i, 1, 0);
    assert_false(mw_queue_is_pressed(queue));
    put(&bench, queue, 3, 1, 0);
    assert_true(mw_queue_is_pressed(queue));
    take(&bench, queue, 1);
    assert_true(mw_queue_is_pressed(queue)); /* 3: below high, above low */
    take(&bench, queue, 1);
    assert_false(mw_queue_is_pressed(queue));
    put(&bench, queue, 4, 1, 0);
    assert_false(mw_queue_is_pressed(queue));
    mw_queue_destroy(queue);
    bench_deinit(&bench);
}

static void test_age_and_stall(void **state)
{
    struct mw_queue_numbers numbers;
    struct mw_queue *queue;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    queue = make(&bench, 10, 10, 0);
    put(&bench, queue, 1, 1000, 0);
    put(&bench, queue, 2, 1500, 0);
    numbers = numbers_at(queue, 1900);
    assert_int_equal(numbers.oldest_age_ns, 900);
    assert_int_equal(numbers.stalled_ns, 900);
    take(&bench, queue, 2000);
    numbers = numbers_at(queue, 2300);
    assert_int_equal(numbers.oldest_age_ns, 800); /* of the second */
    assert_int_equal(numbers.stalled_ns, 300);    /* since the read */
    assert_int_equal(numbers.stalled_max_ns, 1000);
    take(&bench, queue, 2400);
    numbers = numbers_at(queue, 9000);
    assert_int_equal(numbers.oldest_age_ns, 0); /* empty: nobody waits */
    assert_int_equal(numbers.stalled_ns, 0);
    put(&bench, queue, 3, 9500, 0);
    assert_int_equal(numbers_at(queue, 9600).stalled_ns, 100);
    mw_queue_destroy(queue);
    bench_deinit(&bench);
}

static void test_rates_are_of_whole_seconds(void **state)
{
    struct mw_queue *queue;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    queue = make(&bench, 100, 100, 0);
    for (unsigned i = 0; i < 6; i++)
        put(&bench, queue, i, 5 * second, 0);
    assert_true(numbers_at(queue, 5 * second + 1).enqueue_rate < 0);
    assert_true(numbers_at(queue, 6 * second).enqueue_rate == 6);
    take(&bench, queue, 6 * second);
    assert_true(numbers_at(queue, 7 * second).enqueue_rate == 3);
    assert_true(numbers_at(queue, 7 * second).dequeue_rate == 0.5);
    assert_true(numbers_at(queue, 13 * second).enqueue_rate == 0.75); /* of 8 seconds */
    assert_true(numbers_at(queue, 14 * second).enqueue_rate == 0);
    assert_true(numbers_at(queue, 5000 * second).dequeue_rate == 0);
    put(&bench, queue, 7, 5000 * second, 0);
    assert_true(numbers_at(queue, 5001 * second).enqueue_rate == 0.125);
    mw_queue_destroy(queue);
    bench_deinit(&bench);
}

static void test_bounds_that_make_no_sense(void **state)
{
    const struct mw_queue_config bad[] = {
        {0, 1, 0}, {5, 0, 0}, {5, 6, 0}, {5, 3, 3}, {((size_t)1 << 24) + 1, 1, 0}};
    struct mw_queue *queue;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(mw_queue_create(bench.store, &bad[i], &queue), -EINVAL);
    queue = make(&bench, 1, 1, 0);
    assert_int_equal(mw_queue_write(queue, mw_ref_none(), 1, 0), -EINVAL);
    mw_queue_destroy(queue);
    assert_null(mw_queue_destroy(NULL));
    bench_deinit(&bench);
}

/* All memory is taken at create: that is what fails, and a write never does. */
static void test_without_memory(void **state)
{
    const struct mw_queue_config large = {1 << 20, 1, 0};
    struct mw_global *value, *filling;
    struct mw_queue *queue, *none;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 4 * MIB);
    assert_int_equal(mw_queue_create(bench.store, &large, &none), -ENOMEM);
    queue = make(&bench, 1000, 1000, 0);
    {
        MW_SCOPE(scope, bench.heap);
        assert_int_equal(mw_global_create(bench.heap, bench_box(&bench, 7), false, &value), 0);
    }
    bench_exhaust(&bench, 16, &filling);
    for (unsigned i = 0; i < 1000; i++) {
        MW_SCOPE(scope, bench.heap);
        assert_int_equal(mw_queue_write(queue, mw_global_get(bench.heap, value), second, 0), 0);
    }
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(take(&bench, queue, second), 7);
    bench_relieve(&bench, filling);
    mw_global_destroy(bench.heap, value);
    mw_queue_destroy(queue);
    bench_deinit(&bench);
}

/* What was read or cleared is no longer held by the queue. */
static void test_what_left_can_be_collected(void **state)
{
    struct mw_global *weak;
    struct mw_queue *queue;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    queue = make(&bench, 4, 4, 0);
    {
        MW_SCOPE(scope, bench.heap);
        struct mw_ref box = bench_box(&bench, 1);

        assert_int_equal(mw_global_create(bench.heap, box, true, &weak), 0);
        assert_int_equal(mw_queue_write(queue, box, 1, 0), 0);
    }
    mw_heap_collect(bench.heap, MW_COLLECT_MAJOR);
    {
        MW_SCOPE(scope, bench.heap);
        assert_false(mw_ref_is_none(mw_global_get(bench.heap, weak)));
    }
    assert_int_equal(mw_queue_clear(queue, 2), 1);
    mw_heap_collect(bench.heap, MW_COLLECT_MAJOR);
    {
        MW_SCOPE(scope, bench.heap);
        assert_true(mw_ref_is_none(mw_global_get(bench.heap, weak)));
    }
    mw_global_destroy(bench.heap, weak);
    mw_queue_destroy(queue);
    bench_deinit(&bench);
}

/* ---- from the middle ---- */

/* What is taken from anywhere leaves the rest in order, each with its own age; the circle's seam
 * lies at every place once. */
static void from_the_middle(struct bench *bench, unsigned scale)
{
    (void)scale;
    for (uint64_t seam = 0; seam < 5; seam++) {
        for (size_t at = 0; at < 5; at++) {
            struct mw_queue *queue = make(bench, 5, 5, 1);

            for (uint64_t i = 0; i < seam; i++) {
                put(bench, queue, 99, 1, 0);
                take(bench, queue, 1);
            }
            for (uint64_t i = 0; i < 5; i++)
                assert_int_equal(put(bench, queue, i, 10 + i, 0), 0);
            assert_int_equal(peek(bench, queue, at), at);
            assert_int_equal(take_at(bench, queue, at, 20), at);
            assert_int_equal(numbers_at(queue, 20).length, 4);
            for (uint64_t i = 0; i < 5; i++) {
                if (i == at)
                    continue;
                assert_int_equal(numbers_at(queue, 20).oldest_age_ns, 20 - (10 + i));
                assert_int_equal(peek(bench, queue, 0), i);
                assert_int_equal(take(bench, queue, 20), i);
            }
            assert_int_equal(numbers_at(queue, 20).dequeued, seam + 5);
            mw_queue_destroy(queue);
        }
    }
}

static void test_reads_from_the_middle(void **state)
{
    (void)state;
    bench_all_modes(from_the_middle);
}

static void behind_the_newest(struct bench *bench, unsigned scale)
{
    struct mw_queue *queue = make(bench, 4, 4, 1);

    (void)scale;
    assert_int_equal(peek(bench, queue, 0), NONE);
    assert_int_equal(take_at(bench, queue, 0, 1), NONE);
    put(bench, queue, 7, 1, 0);
    assert_int_equal(peek(bench, queue, 1), NONE);
    assert_int_equal(take_at(bench, queue, 1, 1), NONE);
    assert_int_equal(numbers_at(queue, 1).length, 1);
    assert_int_equal(numbers_at(queue, 1).dequeued, 0);
    mw_queue_destroy(queue);
}

static void test_there_is_nothing_behind_the_newest(void **state)
{
    (void)state;
    bench_all_modes(behind_the_newest);
}

static void test_its_row(void **state)
{
    struct mw_store_row row;
    struct mw_queue *queue;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    queue = make(&bench, 4, 3, 1);
    mw_queue_get_row(queue, second, &row);
    assert_string_equal(row.kind, "queue");
    assert_int_equal(row.count, 15);
    assert_true(mw_store_row_find(&row, "oldestAgeMs")->absent); /* nothing waits: not 0 */
    put(&bench, queue, 1, second, 0);
    mw_queue_get_row(queue, second + 5 * MW_NS_PER_MS, &row);
    assert_int_equal(mw_store_row_find(&row, "length")->value, 1);
    assert_int_equal(mw_store_row_find(&row, "capacity")->value, 4);
    assert_true(mw_store_row_find(&row, "fillRatio")->value == 0.25);
    assert_int_equal(mw_store_row_find(&row, "oldestAgeMs")->value, 5);
    assert_int_equal(mw_store_row_find(&row, "stalledMs")->value, 5);
    assert_int_equal(mw_store_row_find(&row, "enqueuedTotal")->value, 1);
    assert_true(mw_store_row_find(&row, "enqueuedTotal")->total);
    mw_queue_destroy(queue);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_counter_agrees),
        cmocka_unit_test(test_at_the_limit),
        cmocka_unit_test(test_a_write_has_until_its_deadline),
        cmocka_unit_test(test_watermarks_do_not_flutter),
        cmocka_unit_test(test_age_and_stall),
        cmocka_unit_test(test_rates_are_of_whole_seconds),
        cmocka_unit_test(test_bounds_that_make_no_sense),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_what_left_can_be_collected),
        cmocka_unit_test(test_reads_from_the_middle),
        cmocka_unit_test(test_there_is_nothing_behind_the_newest),
        cmocka_unit_test(test_its_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
