/* A ring gives back what was put in, keeps its bounds, and stays whole when memory ends. */
#include "store/ring.h"

#include "store_support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 5, CHUNK = 128 };

static const enum mw_ring_form forms[COLUMNS] = {MW_RING_U64, MW_RING_U64, MW_RING_I64, MW_RING_F64,
                                                 MW_RING_F64};

struct row {
    int64_t time;
    union mw_ring_number numbers[COLUMNS];
    uint8_t reasons[COLUMNS];
};

static struct mw_ring_config config_of(size_t bytes)
{
    return (struct mw_ring_config){
        .forms = forms, .columns = COLUMNS, .chunk_rows = CHUNK, .bytes = bytes};
}

static struct mw_ring *make(struct bench *bench, size_t bytes)
{
    struct mw_ring_config config = config_of(bytes);
    struct mw_ring *ring;

    assert_int_equal(mw_ring_create(bench->store, &config, &ring), 0);
    return ring;
}

/* Amounts in pages, a counter, a balance, percents and noise; now and then a gap or absences. */
static struct row next_row(struct bench *bench, const struct row *before)
{
    struct row row = *before;

    row.time += bench_random(bench, 50) == 0 ? 100000 : 999 + (int64_t)bench_random(bench, 3);
    if (bench_random(bench, 4) == 0)
        row.numbers[0].u += (bench_random(bench, 64) - 20) * 4096;
    row.numbers[1].u += 7;
    row.numbers[2].i = (int64_t)bench_random(bench, 1000) - 500;
    row.numbers[3].f = (double)bench_random(bench, 10000) / 100;
    row.numbers[4].f = (double)bench_random(bench, 10000) / 7;
    for (unsigned i = 0; i < COLUMNS; i++)
        if (bench_random(bench, 20) == 0)
            row.reasons[i] = bench_random(bench, 3) == 0 ? (uint8_t)bench_random(bench, 256) : 0;
    return row;
}

static void expect_column(const struct mw_ring *ring, unsigned column, const struct row *rows,
                          size_t count)
{
    struct mw_ring_cursor *cursor = malloc(sizeof(*cursor));
    struct mw_ring_value value;

    assert_int_equal(mw_ring_cursor_init(cursor, ring, column, INT64_MIN, INT64_MAX), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(mw_ring_cursor_next(cursor, &value), 1);
        assert_true(value.time == rows[i].time);
        assert_int_equal(value.reason, rows[i].reasons[column]);
        assert_true(value.number.u ==
                    (value.reason == 0 ? rows[i].numbers[column].u : UINT64_C(0)));
    }
    assert_int_equal(mw_ring_cursor_next(cursor, &value), 0);
    free(cursor);
}

/* The newest rows of the model, as many as the ring says that it has. */
static void expect_newest(const struct mw_ring *ring, const struct row *rows, size_t count)
{
    struct mw_ring_numbers numbers;

    mw_ring_get_numbers(ring, &numbers);
    assert_true(numbers.bytes <= numbers.bytes_limit);
    assert_true(numbers.rows <= count);
    assert_true(numbers.rows + numbers.dropped_rows == count);
    if (numbers.rows > 0) {
        assert_true(numbers.first == rows[count - numbers.rows].time);
        assert_true(numbers.last == rows[count - 1].time);
    }
    for (unsigned i = 0; i < COLUMNS; i++)
        expect_column(ring, i, rows + count - numbers.rows, numbers.rows);
}

static void append(struct mw_ring *ring, const struct row *row)
{
    bool all = memcmp(row->reasons, (uint8_t[COLUMNS]){0}, COLUMNS) == 0;

    assert_int_equal(mw_ring_append(ring, row->time, row->numbers, all ? NULL : row->reasons), 0);
}

/* ---- round trips ---- */

static void round_trip(struct bench *bench, unsigned scale)
{
    size_t count = 170 * scale;
    struct row *rows = calloc(count + 1, sizeof(*rows)), first = {.time = -5000};
    struct mw_ring *ring = make(bench, MIB);

    first.numbers[0].u = UINT64_C(1) << 33;
    for (size_t i = 0; i < count; i++) {
        rows[i] = next_row(bench, i > 0 ? &rows[i - 1] : &first);
        append(ring, &rows[i]);
        if (i < 200 || i % 97 == 0)
            expect_newest(ring, rows, i + 1);
    }
    expect_newest(ring, rows, count);
    assert_null(mw_ring_destroy(ring));
    free(rows);
}

static void test_rows_come_back_with_gaps_and_reasons(void **state)
{
    (void)state;
    bench_all_modes(round_trip);
}

/* ---- bounds ---- */

static void bounded(struct bench *bench, unsigned scale)
{
    size_t count = 200 * scale, limit = mw_ring_bytes_min(COLUMNS, CHUNK);
    struct row *rows = calloc(count, sizeof(*rows)), first = {.time = 0};
    struct mw_ring *ring = make(bench, limit);
    struct mw_ring_numbers numbers;

    for (size_t i = 0; i < count; i++) {
        rows[i] = next_row(bench, i > 0 ? &rows[i - 1] : &first);
        append(ring, &rows[i]);
        mw_ring_get_numbers(ring, &numbers);
        assert_true(numbers.bytes <= limit);
    }
    expect_newest(ring, rows, count);
    if (scale == 10)
        assert_true(numbers.dropped_rows > 0);
    assert_null(mw_ring_destroy(ring));
    free(rows);
}

static void test_bytes_are_never_over_the_bound_and_the_oldest_goes(void **state)
{
    (void)state;
    bench_all_modes(bounded);
}

static void append_noise(struct bench *bench, struct mw_ring *ring, int64_t time, uint64_t below)
{
    struct row row = {.time = time};

    for (unsigned i = 0; i < COLUMNS; i++)
        row.numbers[i].u = bench_random(bench, below);
    append(ring, &row);
}

/* The same rows once more: what they need, one byte less, one more. */
static void test_bytes_at_the_limit(void **state)
{
    struct mw_ring_numbers numbers;
    struct bench bench;
    size_t needed = 0;

    (void)state;
    for (int more = -2; more <= 1; more++) {
        struct mw_ring *ring;

        bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
        ring = make(&bench, more == -2 ? MIB : needed + (size_t)more);
        for (int64_t time = 0; time < 5 * CHUNK + 1; time++)
            append_noise(&bench, ring, time, UINT64_MAX);
        mw_ring_get_numbers(ring, &numbers);
        if (more == -2)
            needed = numbers.bytes;
        assert_int_equal(numbers.rows, more == -1 ? 4 * CHUNK + 1 : 5 * CHUNK + 1);
        assert_int_equal(numbers.dropped_rows, more == -1 ? CHUNK : 0);
        mw_ring_destroy(ring);
        bench_deinit(&bench);
    }
}

/* A smaller bound is kept to at once, a larger one lets it grow again. */
static void test_another_bound(void **state)
{
    size_t least = mw_ring_bytes_min(COLUMNS, CHUNK);
    struct mw_ring_numbers numbers;
    struct mw_ring *ring;
    struct bench bench;
    int64_t time = 0;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    ring = make(&bench, 3 * least);
    while (time < 20 * CHUNK)
        append_noise(&bench, ring, time++, UINT64_MAX);
    mw_ring_get_numbers(ring, &numbers);
    assert_in_range(numbers.bytes, 2 * least, 3 * least);
    assert_int_equal(mw_ring_set_bytes(ring, least - 1), -EINVAL);
    assert_int_equal(mw_ring_set_bytes(ring, least), 0);
    mw_ring_get_numbers(ring, &numbers);
    assert_true(numbers.bytes <= least);
    assert_int_equal(numbers.bytes_limit, least);
    assert_int_equal(mw_ring_set_bytes(ring, 5 * least), 0);
    while (time < 60 * CHUNK)
        append_noise(&bench, ring, time++, UINT64_MAX);
    mw_ring_get_numbers(ring, &numbers);
    assert_in_range(numbers.bytes, 4 * least, 5 * least);
    mw_ring_destroy(ring);
    bench_deinit(&bench);
}

/* Whatever the numbers are, the least bound that is taken can be kept: also when a ring is full of
 * small ones, and then large ones come, which need more room before they are sealed. */
static void test_the_least_bytes_are_enough_for_noise(void **state)
{
    size_t limit = mw_ring_bytes_min(COLUMNS, CHUNK);
    struct mw_ring_numbers numbers = {.dropped_rows = 0};
    struct mw_ring *ring;
    struct bench bench;
    int64_t time = 0;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    ring = make(&bench, limit);
    while (numbers.dropped_rows == 0) {
        append_noise(&bench, ring, time++, 16);
        mw_ring_get_numbers(ring, &numbers);
        assert_in_range(time, 0, 100000);
    }
    for (int64_t end = time + 10 * CHUNK; time < end; time++) {
        append_noise(&bench, ring, time, UINT64_MAX);
        mw_ring_get_numbers(ring, &numbers);
        assert_true(numbers.bytes <= limit);
    }
    assert_true(numbers.chunks > 0);
    mw_ring_destroy(ring);
    bench_deinit(&bench);
}

static void test_span_at_the_limit(void **state)
{
    static const union mw_ring_number numbers[COLUMNS];
    struct mw_ring_config config = config_of(MIB);
    struct mw_ring_numbers is;
    struct mw_ring *ring;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    config.span = 100;
    assert_int_equal(mw_ring_create(bench.store, &config, &ring), 0);
    for (int64_t time = 1; time <= CHUNK + 1; time++)
        assert_int_equal(mw_ring_append(ring, time, numbers, NULL), 0);
    /* The last row of the sealed chunk is of 128: it may stay as long as 100 allow. */
    assert_int_equal(mw_ring_append(ring, CHUNK + 99, numbers, NULL), 0);
    assert_int_equal(mw_ring_append(ring, CHUNK + 100, numbers, NULL), 0);
    mw_ring_get_numbers(ring, &is);
    assert_int_equal(is.dropped_rows, 0);
    assert_int_equal(mw_ring_append(ring, CHUNK + 101, numbers, NULL), 0);
    mw_ring_get_numbers(ring, &is);
    assert_int_equal(is.dropped_rows, CHUNK);
    assert_int_equal(is.rows, 4);
    mw_ring_destroy(ring);
    bench_deinit(&bench);
}

/* Chunk after chunk: all that the span asks for, and not a chunk more. */
static void test_the_span_goes_on(void **state)
{
    static const union mw_ring_number numbers[COLUMNS];
    struct mw_ring_config config = config_of(MIB);
    struct mw_ring_numbers is;
    struct mw_ring *ring;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    config.span = 300;
    assert_int_equal(mw_ring_create(bench.store, &config, &ring), 0);
    for (int64_t time = 0; time < 10 * CHUNK; time++) {
        assert_int_equal(mw_ring_append(ring, time, numbers, NULL), 0);
        mw_ring_get_numbers(ring, &is);
        assert_true(is.first == 0 || is.first <= is.last - 300);
        assert_true(is.first > is.last - 300 - CHUNK);
    }
    assert_true(is.dropped_rows > 0);
    mw_ring_destroy(ring);
    bench_deinit(&bench);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    static const union mw_ring_number numbers[COLUMNS];
    const enum mw_ring_form unknown[COLUMNS] = {MW_RING_U64, (enum mw_ring_form)3};
    struct mw_ring_config good = config_of(mw_ring_bytes_min(COLUMNS, CHUNK)), bad;
    struct mw_ring *ring;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    assert_int_equal(mw_ring_create(bench.store, &good, &ring), 0);
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        struct mw_ring *none;                                                                      \
        bad = good;                                                                                \
        bad.change;                                                                                \
        assert_int_equal(mw_ring_create(bench.store, &bad, &none), -EINVAL);                       \
    } while (0)
    REFUSED(columns = 0);
    REFUSED(columns = MW_RING_COLUMNS_MAX + 1);
    REFUSED(chunk_rows = 127);
    REFUSED(chunk_rows = 129);
    REFUSED(chunk_rows = 96);
    REFUSED(chunk_rows = 544);
    REFUSED(bytes--);
    REFUSED(forms = NULL);
    REFUSED(forms = unknown);
    assert_int_equal(mw_ring_append(ring, 5, numbers, NULL), 0);
    assert_int_equal(mw_ring_append(ring, 5, numbers, NULL), -EINVAL);
    assert_int_equal(mw_ring_append(ring, 4, numbers, NULL), -EINVAL);
    assert_int_equal(mw_ring_append(ring, INT64_MAX, numbers, NULL), 0);
    mw_ring_destroy(ring);
    assert_null(mw_ring_destroy(NULL));
    bench_deinit(&bench);
}

/* ---- without memory ---- */

static void test_without_memory_a_ring_is_whole_and_goes_on_later(void **state)
{
    struct row rows[400], first = {.time = 0};
    struct mw_global *filling;
    struct mw_ring *ring;
    struct bench bench;
    size_t count = 0;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 4 * MIB);
    ring = make(&bench, MIB);
    bench_exhaust(&bench, 16, &filling);
    rows[0] = next_row(&bench, &first);
    while (mw_ring_append(ring, rows[count].time, rows[count].numbers, rows[count].reasons) == 0) {
        count++;
        assert_in_range(count, 1, 300);
        rows[count] = next_row(&bench, &rows[count - 1]);
    }
    assert_int_equal(
        mw_ring_append(ring, rows[count].time, rows[count].numbers, rows[count].reasons), -ENOMEM);
    bench_verify(&bench);
    expect_newest(ring, rows, count);
    bench_relieve(&bench, filling);
    for (; count < 399; count++) {
        append(ring, &rows[count]);
        rows[count + 1] = next_row(&bench, &rows[count]);
    }
    expect_newest(ring, rows, count);
    mw_ring_destroy(ring);
    bench_deinit(&bench);
}

static void drop_all(void *context)
{
    while (mw_ring_drop(context) > 0)
        ;
}

/* The ring may have more than the heap: the callback empties it while it asks for memory itself. */
static void test_dropped_from_inside_its_own_call(void **state)
{
    size_t count = 150000;
    struct row *rows = calloc(count, sizeof(*rows)), first = {.time = 0};
    struct mw_ring_numbers numbers;
    struct mw_ring *ring;
    struct bench bench;

    (void)state;
    bench_init(&bench, 0, 4 * MIB);
    ring = make(&bench, 64 * MIB);
    bench.near_limit = drop_all;
    bench.context = ring;
    for (size_t i = 0; i < count; i++) {
        rows[i] = next_row(&bench, i > 0 ? &rows[i - 1] : &first);
        for (unsigned k = 0; k < COLUMNS; k++)
            rows[i].numbers[k].u = bench_random(&bench, UINT64_MAX);
        append(ring, &rows[i]);
        if (i % 20011 == 0)
            expect_newest(ring, rows, i + 1);
    }
    mw_ring_get_numbers(ring, &numbers);
    assert_true(bench.near_limit_calls > 0 && numbers.dropped_rows > 0);
    expect_newest(ring, rows, count);
    mw_ring_destroy(ring);
    bench_deinit(&bench);
    free(rows);
}

static void test_its_row(void **state)
{
    static const union mw_ring_number numbers[COLUMNS];
    struct mw_store_row row;
    struct mw_ring *ring;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    ring = make(&bench, MIB);
    for (int64_t time = 0; time < CHUNK + 1 + CHUNK; time++)
        assert_int_equal(mw_ring_append(ring, time, numbers, NULL), 0);
    assert_true(mw_ring_drop(ring) > 0);
    mw_ring_get_row(ring, &row);
    assert_string_equal(row.kind, "cache");
    assert_int_equal(mw_store_row_find(&row, "entries")->value, CHUNK + 1);
    assert_int_equal(mw_store_row_find(&row, "evictions")->value, CHUNK);
    assert_int_equal(mw_store_row_find(&row, "bytesLimit")->value, MIB);
    mw_ring_destroy(ring);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_back_with_gaps_and_reasons),
        cmocka_unit_test(test_bytes_are_never_over_the_bound_and_the_oldest_goes),
        cmocka_unit_test(test_bytes_at_the_limit),
        cmocka_unit_test(test_another_bound),
        cmocka_unit_test(test_the_least_bytes_are_enough_for_noise),
        cmocka_unit_test(test_span_at_the_limit),
        cmocka_unit_test(test_the_span_goes_on),
        cmocka_unit_test(test_what_makes_no_sense_is_refused),
        cmocka_unit_test(test_without_memory_a_ring_is_whole_and_goes_on_later),
        cmocka_unit_test(test_dropped_from_inside_its_own_call),
        cmocka_unit_test(test_its_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
