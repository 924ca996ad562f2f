/* Any range of any column, by rows and by steps, is what a loop over all rows finds. */
#include "store/ring.h"

#include "store_support.h"

#include <errno.h>
#include <stdlib.h>

enum { ROWS = 700 };

struct model {
    int64_t times[ROWS];
    int64_t numbers[ROWS];
    uint8_t reasons[ROWS];
    size_t count;
    struct mw_ring *ring;
    struct mw_ring_cursor cursor;
};

static struct model *make(struct bench *bench, size_t count)
{
    static const enum mw_ring_form form = MW_RING_I64;
    const struct mw_ring_config config = {
        .forms = &form, .columns = 1, .chunk_rows = 256, .bytes = MIB};
    struct model *self = calloc(1, sizeof(*self));
    int64_t time = -3000;

    assert_int_equal(mw_ring_create(bench->store, &config, &self->ring), 0);
    for (size_t i = 0; i < count; i++) {
        union mw_ring_number number = {.i = (int64_t)bench_random(bench, 2000) - 1000};

        time += 1 + (int64_t)bench_random(bench, i % 100 == 0 ? 900 : 10);
        self->times[i] = time;
        self->numbers[i] = number.i;
        self->reasons[i] = bench_random(bench, 5) == 0 ? (uint8_t)bench_random(bench, 3) : 0;
        assert_int_equal(mw_ring_append(self->ring, time, &number, &self->reasons[i]), 0);
    }
    self->count = count;
    return self;
}

static void destroy(struct model *self)
{
    mw_ring_destroy(self->ring);
    free(self);
}

static struct mw_ring_step step_of(const struct model *self, int64_t from, int64_t to)
{
    struct mw_ring_step step = {.time = from};
    double sum = 0;

    for (size_t i = 0; i < self->count; i++) {
        int64_t number = self->numbers[i];

        if (self->times[i] < from || self->times[i] >= to)
            continue;
        step.rows++;
        if (self->reasons[i] != 0) {
            step.reason = self->reasons[i];
            continue;
        }
        if (step.count == 0 || number < step.min.i)
            step.min.i = number;
        if (step.count == 0 || number > step.max.i)
            step.max.i = number;
        step.count++;
        sum += (double)number;
    }
    step.mean = step.count > 0 ? sum / step.count : 0;
    return step;
}

static void expect_steps(struct model *self, int64_t from, int64_t to, int64_t step)
{
    struct mw_ring_step got;

    assert_int_equal(mw_ring_cursor_init(&self->cursor, self->ring, 0, from, to), 0);
    for (int64_t at = from; at < to; at += step) {
        int64_t end = at + step < to ? at + step : to;
        struct mw_ring_step want = step_of(self, at, end);

        assert_int_equal(mw_ring_cursor_step(&self->cursor, (uint64_t)step, &got), 1);
        assert_true(got.time == want.time && got.rows == want.rows && got.count == want.count);
        assert_int_equal(got.reason, want.reason);
        assert_true(got.min.i == want.min.i && got.max.i == want.max.i && got.mean == want.mean);
    }
    assert_int_equal(mw_ring_cursor_step(&self->cursor, (uint64_t)step, &got), 0);
}

static void expect_rows(struct model *self, int64_t from, int64_t to)
{
    struct mw_ring_value value;

    assert_int_equal(mw_ring_cursor_init(&self->cursor, self->ring, 0, from, to), 0);
    for (size_t i = 0; i < self->count; i++) {
        if (self->times[i] < from || self->times[i] >= to)
            continue;
        assert_int_equal(mw_ring_cursor_next(&self->cursor, &value), 1);
        assert_true(value.time == self->times[i]);
        assert_int_equal(value.reason, self->reasons[i]);
        assert_true(value.number.i == (value.reason == 0 ? self->numbers[i] : 0));
    }
    assert_int_equal(mw_ring_cursor_next(&self->cursor, &value), 0);
}

static void ranges(struct bench *bench, unsigned scale)
{
    struct model *model = make(bench, scale == 10 ? ROWS : 300);
    int64_t first = model->times[0], last = model->times[model->count - 1];

    for (unsigned i = 0; i < 40 * scale; i++) {
        int64_t from = first - 50 + (int64_t)bench_random(bench, (uint64_t)(last - first) + 100);
        int64_t to = from + (int64_t)bench_random(bench, 3000);

        expect_rows(model, from, to);
        expect_steps(model, from, to, 1 + (int64_t)bench_random(bench, 500));
    }
    for (size_t i = 0; i < model->count; i += scale == 10 ? 1 : 2) /* the last of a chunk, too */
        expect_rows(model, model->times[i], model->times[i] + 1);
    expect_rows(model, INT64_MIN, INT64_MAX);
    expect_rows(model, last, last + 1);
    expect_rows(model, last + 1, last + 2);
    destroy(model);
}

static void test_ranges_against_a_loop(void **state)
{
    (void)state;
    bench_all_modes(ranges);
}

static void test_one_step_over_all_of_time(void **state)
{
    struct mw_ring_step step;
    struct model *model;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    model = make(&bench, 300);
    assert_int_equal(mw_ring_cursor_init(&model->cursor, model->ring, 0, INT64_MIN, INT64_MAX), 0);
    assert_int_equal(mw_ring_cursor_step(&model->cursor, UINT64_MAX, &step), 1);
    assert_int_equal(step.rows, 300);
    assert_int_equal(mw_ring_cursor_step(&model->cursor, UINT64_MAX, &step), 0);
    destroy(model);
    bench_deinit(&bench);
}

static void test_a_ring_that_changed_is_said(void **state)
{
    const union mw_ring_number number = {.i = 1};
    struct mw_ring_value value;
    struct mw_ring_step step;
    struct model *model;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    model = make(&bench, 300);
    assert_int_equal(mw_ring_cursor_init(&model->cursor, model->ring, 0, 0, 100), 0);
    assert_int_equal(mw_ring_append(model->ring, INT64_MAX, &number, NULL), 0);
    assert_int_equal(mw_ring_cursor_next(&model->cursor, &value), -ESTALE);
    assert_int_equal(mw_ring_cursor_init(&model->cursor, model->ring, 0, 0, 100), 0);
    assert_true(mw_ring_drop(model->ring) > 0);
    assert_int_equal(mw_ring_cursor_step(&model->cursor, 10, &step), -ESTALE);
    destroy(model);
    bench_deinit(&bench);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    struct mw_ring_step step;
    struct model *model;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    model = make(&bench, 0);
    assert_int_equal(mw_ring_cursor_init(&model->cursor, model->ring, 1, 0, 1), -EINVAL);
    assert_int_equal(mw_ring_cursor_init(&model->cursor, model->ring, 0, 1, 0), -EINVAL);
    assert_int_equal(mw_ring_cursor_init(&model->cursor, model->ring, 0, 0, 0), 0);
    assert_int_equal(mw_ring_cursor_step(&model->cursor, 0, &step), -EINVAL);
    assert_int_equal(mw_ring_cursor_step(&model->cursor, 1, &step), 0);
    destroy(model);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_against_a_loop),
        cmocka_unit_test(test_one_step_over_all_of_time),
        cmocka_unit_test(test_a_ring_that_changed_is_said),
        cmocka_unit_test(test_what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
