/* A history says what a model says that keeps every sample: after random lives and values, for
 * every subject, for each step of several sizes, in both tiers, in all modes of the heap. */
#include "history_support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIDS = 40, LIVING = 12, TICKS = 400, READINGS = 3 };

static const enum mw_reading readings[READINGS] = {MW_PROCESS_RSS, MW_PROCESS_RSS_ANON,
                                                   MW_PROCESS_SWAP};

struct cell {
    bool alive, recorded;
    uint8_t absence;
    uint64_t values[READINGS];
};

struct model {
    unsigned count;
    int64_t times[TICKS];
    uint64_t mem_free[TICKS];
    uint8_t free_absence[TICKS];
    struct cell cells[TICKS][PIDS]; /* by pid less 1 */
    bool moved[PIDS + 1];           /* to another row: its minutes are not whole */
};

/* ---- what happens ---- */

static uint64_t walk(struct bench *bench, uint64_t value)
{
    switch (bench_random(bench, 12)) {
    case 0:
        return bench_random(bench, 1u << 30); /* anything */
    case 1:
    case 2:
        return value + 4096 * bench_random(bench, 40);
    case 3:
        return value - (value < 40 * 4096 ? 0 : 4096 * bench_random(bench, 40));
    case 4:
        return bench_random(bench, 50) == 0 ? UINT64_MAX >> 11 : value + 1;
    default:
        return value;
    }
}

static void change_row(struct machine *machine, struct machine_row *row)
{
    struct bench *bench = machine->bench;

    row->rss = walk(bench, row->rss);
    row->anon = walk(bench, row->anon);
    row->swap = walk(bench, row->swap);
    row->growth = (int64_t)row->rss - 1000000;
    if (bench_random(bench, 40) == 0)
        row->absence = (enum mw_absence)bench_random(bench, MW_ABSENCE_COUNT);
    else if (bench_random(bench, 4) == 0)
        row->absence = MW_PRESENT;
}

static void change(struct machine *machine, struct model *model, uint64_t *next_pid)
{
    struct bench *bench = machine->bench;
    uint32_t other = (uint32_t)bench_random(bench, LIVING);

    for (uint32_t i = 0; i < LIVING; i++) {
        struct machine_row *row = &machine->rows[i];

        if (row->key.id == 0 && *next_pid <= PIDS && bench_random(bench, 10) == 0)
            machine_put(machine, i, (*next_pid)++, bench_random(bench, 100000));
        else if (row->key.id != 0 && bench_random(bench, 100) == 0)
            *row = (struct machine_row){.key = {0, 0}};
        else if (row->key.id != 0)
            change_row(machine, row);
        if (bench_random(bench, 400) == 0) { /* two change places */
            struct machine_row kept = *row;

            model->moved[row->key.id] = model->moved[machine->rows[other].key.id] = true;
            *row = machine->rows[other];
            machine->rows[other] = kept;
        }
    }
    machine->row_count = LIVING;
    machine->mem_free = walk(bench, machine->mem_free);
    machine->free_absence = bench_random(bench, 30) == 0 ? MW_ABSENT_DENIED : MW_PRESENT;
}

/* ---- the model ---- */

static void note(struct model *model, const struct machine *machine)
{
    unsigned at = model->count++;
    int64_t before = at > 0 ? model->times[at - 1] : -1;
    bool slow = at == 0 || machine->time_ms / 5000 != before / 5000;

    model->times[at] = machine->time_ms;
    model->mem_free[at] = machine->mem_free;
    model->free_absence[at] = (uint8_t)machine->free_absence;
    for (uint32_t i = 0; i < machine->row_count; i++) {
        const struct machine_row *row = &machine->rows[i];
        struct mw_history_life life;
        struct cell *cell;

        if (row->key.id == 0)
            continue;
        cell = &model->cells[at][row->key.id - 1];
        assert_int_equal(mw_history_life(machine->history, MW_KIND_PROCESS, row->key, &life), 0);
        assert_true(life.alive);
        *cell = (struct cell){.alive = true,
                              .recorded = slow || life.watched,
                              .absence = (uint8_t)row->absence,
                              .values = {row->rss, row->anon, row->swap}};
    }
}

/* One step as the model has it. */
struct expected {
    struct mw_fold_like {
        uint32_t count;
        uint64_t min, max;
        double sum;
    } fold;
    uint8_t absence;
    bool lived;
};

static void expect_add(struct expected *self, uint8_t absence, uint64_t value)
{
    if (absence != MW_PRESENT) {
        self->absence = absence;
        return;
    }
    if (self->fold.count == 0 || value < self->fold.min)
        self->fold.min = value;
    if (self->fold.count == 0 || value > self->fold.max)
        self->fold.max = value;
    self->fold.sum += (double)value;
    self->fold.count++;
}

/* `pid` 0: the machine; `minutes`: of all samples, not only of those that are recorded. */
static struct expected expect(const struct model *model, uint64_t pid, unsigned reading,
                              int64_t from, int64_t to, bool minutes)
{
    struct expected expected = {.lived = pid == 0};

    for (unsigned i = 0; i < model->count; i++) {
        const struct cell *cell = pid > 0 ? &model->cells[i][pid - 1] : NULL;

        if (model->times[i] < from || model->times[i] >= to)
            continue;
        if (cell == NULL) {
            expect_add(&expected, model->free_absence[i], model->mem_free[i]);
            continue;
        }
        expected.lived = expected.lived || cell->alive;
        if (cell->alive && (cell->recorded || minutes))
            expect_add(&expected, cell->absence, cell->values[reading]);
    }
    return expected;
}

static void compare_point(const struct mw_history_point *point, const struct expected *expected,
                          bool minutes)
{
    double mean = expected->fold.sum / expected->fold.count;

    if (expected->fold.count == 0) {
        assert_int_equal(point->count, 0);
        if (expected->absence != 0)
            assert_int_equal(point->gap, expected->absence);
        else
            assert_int_equal(point->gap, expected->lived ? MW_GAP_NO_SAMPLE : MW_GAP_NO_SUBJECT);
        return;
    }
    assert_int_equal(point->gap, 0);
    if (!minutes)
        assert_int_equal(point->count, expected->fold.count);
    assert_int_equal(point->min.u, expected->fold.min);
    assert_int_equal(point->max.u, expected->fold.max);
    /* Minutes are rounded to whole bytes. */
    if (fabs(point->mean - mean) > (minutes ? 0.501 : 0) + mean * 1e-12)
        fail_msg("the mean is %f, not %f", point->mean, mean);
}

/* A subject that lived, then a step without it, is a gap of its own: between two lives of one
 * process there are none here, so "lived" is the whole span. */
static bool lived_in(const struct model *model, uint64_t pid, int64_t from, int64_t to)
{
    int64_t first = INT64_MAX, last = INT64_MIN;

    for (unsigned i = 0; pid > 0 && i < model->count; i++)
        if (model->cells[i][pid - 1].alive) {
            first = model->times[i] < first ? model->times[i] : first;
            last = model->times[i];
        }
    if (pid > 0 && model->cells[model->count - 1][pid - 1].alive)
        last = INT64_MAX;
    return pid == 0 || (to > first && from <= last);
}

static void compare(const struct machine *machine, const struct model *model, uint64_t pid,
                    unsigned reading, int64_t from, int64_t to, uint64_t step, bool minutes)
{
    static struct answer answer;
    enum mw_reading asked = pid > 0 ? readings[reading] : MW_SYSTEM_MEM_FREE;

    machine_ask(machine, asked, pid, from, to, step, &answer);
    assert_int_equal(answer.count, ((uint64_t)(to - from) + step - 1) / step);
    for (size_t i = 0; i < answer.count; i++) {
        int64_t begin = from + (int64_t)(i * step), end = begin + (int64_t)step;
        struct expected expected;

        end = end < to ? end : to;
        expected = expect(model, pid, reading, begin, end, minutes);
        expected.lived = lived_in(model, pid, begin, end);
        assert_int_equal(answer.points[i].time, begin);
        compare_point(&answer.points[i], &expected, minutes);
    }
}

static void compare_all(const struct machine *machine, const struct model *model)
{
    struct mw_history_numbers numbers;
    int64_t minute = 60000, begin, recent;

    mw_history_get_numbers(machine->history, &numbers);
    recent = numbers.first_ms;
    begin = model->times[0] / minute * minute;
    for (uint64_t pid = 0; pid <= PIDS; pid++) {
        struct mw_history_life life;

        if (pid > 0 && mw_history_life(machine->history, MW_KIND_PROCESS, machine_key(pid), &life))
            continue;
        for (unsigned i = 0; i < (pid > 0 ? READINGS : 1); i++) {
            compare(machine, model, pid, i, recent, numbers.last_ms + 3000, 1000, false);
            compare(machine, model, pid, i, recent + 500, numbers.last_ms + 1, 7300, false);
            if (pid == 0 || !model->moved[pid])
                compare(machine, model, pid, i, begin, recent / minute * minute, 60000, true);
        }
    }
}

static void run(struct bench *bench, unsigned scale)
{
    struct model *model = calloc(1, sizeof(*model));
    unsigned ticks = scale > 4 ? TICKS : 190;
    struct mw_history_config config;
    struct machine machine;
    uint64_t next_pid = 1;

    machine_config(&config);
    machine_init(&machine, bench, &config);
    for (unsigned i = 0; i < ticks; i++) {
        change(&machine, model, &next_pid);
        assert_int_equal(machine_tick(&machine, 990 + (int64_t)bench_random(bench, 20)), 0);
        note(model, &machine);
        if (i == ticks / 2 || i == 70)
            compare_all(&machine, model);
    }
    compare_all(&machine, model);
    bench_verify(bench);
    machine_deinit(&machine);
    free(model);
}

static void a_history_says_what_was(void **state)
{
    (void)state;
    bench_all_modes(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_history_says_what_was)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
