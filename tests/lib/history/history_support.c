#include "history_support.h"

#include <stdlib.h>
#include <string.h>

void machine_config(struct mw_history_config *ret)
{
    *ret = (struct mw_history_config){
        .interval_ms = 1000,
        .slow_ms = 5000,
        .recent_ms = 100000,
        .minutes_ms = 1800000,
        .top = 3,
        .subjects = 64,
        .bytes = 8 * MIB,
    };
}

void machine_init(struct machine *self, struct bench *bench, const struct mw_history_config *config)
{
    *self =
        (struct machine){.bench = bench, .time_ms = MACHINE_START * INT64_C(1000), .mono_ms = 5000};
    assert_int_equal(mw_subjects_create(bench->store, &self->subjects), 0);
    assert_int_equal(mw_history_create(bench->store, config, &self->history), 0);
    mw_history_follow(self->history, self->subjects);
    assert_int_equal(mw_sealer_create(&self->sealer), 0);
    mw_sealer_set_stale_after(self->sealer, 1);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_SYSTEM, &self->system), 0);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_PROCESS, &self->process), 0);
}

void machine_deinit(struct machine *self)
{
    assert_null(mw_history_destroy(self->history));
    assert_null(mw_subjects_destroy(self->subjects));
    mw_block_unref(self->last);
    mw_sealer_destroy(self->sealer);
    mw_block_pool_destroy(self->system);
    mw_block_pool_destroy(self->process);
}

static void finish(struct machine *self, struct mw_block *block)
{
    mw_block_set_time(block, self->seq, self->time_ms, self->mono_ms * 1000000);
    assert_int_equal(mw_block_finish(block), 0);
    mw_sealer_offer(self->sealer, block, self->mono_ms * 1000000);
}

static void offer_system(struct machine *self)
{
    struct mw_block *block;

    assert_int_equal(mw_block_take(self->system, NULL, 1, &block), 0);
    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    if (self->free_absence != MW_PRESENT)
        mw_block_put_absent(block, MW_SYSTEM_MEM_FREE, 0, self->free_absence);
    else
        mw_block_put(block, MW_SYSTEM_MEM_FREE, 0, (union mw_value){.u = self->mem_free});
    finish(self, block);
    mw_block_unref(block);
}

static void put_row(struct mw_block *block, uint32_t at, const struct machine_row *row)
{
    static const enum mw_reading readings[] = {MW_PROCESS_RSS, MW_PROCESS_RSS_ANON, MW_PROCESS_SWAP,
                                               MW_PROCESS_GROWTH};
    const union mw_value values[] = {{row->rss}, {row->anon}, {row->swap}, {.i = row->growth}};

    mw_block_set_key(block, at, row->key);
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++)
        if (row->absence != MW_PRESENT)
            mw_block_put_absent(block, readings[i], at, row->absence);
        else
            mw_block_put(block, readings[i], at, values[i]);
}

static void add_event(struct mw_block *block, enum mw_block_event_type type, uint32_t row,
                      const char *text)
{
    assert_int_equal(
        mw_block_add_event(block, type, row, MW_PRESENT, text, text != NULL ? strlen(text) : 0), 0);
}

/* What happened to a row since the last block; its key is the new one afterwards. */
static void tell(struct machine *self, struct mw_block *block, uint32_t at)
{
    const struct machine_row *row = &self->rows[at];
    struct machine_row *told = &self->told[at];
    bool other = row->key.id != told->key.id || row->key.birth != told->key.birth;

    if (other && told->key.id != 0) {
        mw_block_set_key(block, at, told->key);
        add_event(block, MW_EVENT_GONE, at, NULL);
        mw_block_clear_row(block, at);
    }
    if (row->key.id != 0) {
        put_row(block, at, row);
        if (other)
            add_event(block, MW_EVENT_BORN, at, NULL);
        if (row->name != NULL && (other || row->name != told->name))
            add_event(block, MW_EVENT_NAME, at, row->name);
    }
    *told = *row;
}

static void offer_processes(struct machine *self)
{
    struct mw_block *block;

    if (self->no_processes)
        return;
    assert_int_equal(mw_block_take(self->process, NULL, self->row_count, &block), 0);
    for (uint32_t i = 0; i < self->row_count; i++)
        tell(self, block, i);
    finish(self, block);
    mw_subjects_apply(self->subjects, block);
    mw_block_unref(self->last);
    self->last = block;
}

struct mw_sample *machine_sample(struct machine *self, int64_t ms)
{
    struct mw_sample *sample;

    self->seq++;
    self->time_ms += ms;
    self->mono_ms += ms > 0 ? (uint64_t)ms : 1000;
    offer_system(self);
    offer_processes(self);
    assert_int_equal(mw_sealer_seal(self->sealer, self->mono_ms * 1000000, &sample), 0);
    return sample;
}

int machine_tick(struct machine *self, int64_t ms)
{
    struct mw_sample *sample = machine_sample(self, ms);
    int error = mw_history_apply(self->history, sample);

    mw_sample_unref(sample);
    return error;
}

struct mw_block_key machine_key(uint64_t pid)
{
    return (struct mw_block_key){pid, 1000000 + pid};
}

void machine_put(struct machine *self, uint32_t row, uint64_t pid, uint64_t pages)
{
    self->rows[row] = (struct machine_row){.key = machine_key(pid), .rss = 4096 * pages};
    if (row >= self->row_count)
        self->row_count = row + 1;
}

static int take(void *context, const struct mw_history_point *point)
{
    struct answer *answer = context;

    assert_true(answer->count <= MW_HISTORY_POINTS_MAX);
    answer->points[answer->count++] = *point;
    return 0;
}

void machine_ask(const struct machine *self, enum mw_reading reading, uint64_t pid, int64_t from,
                 int64_t to, uint64_t step, struct answer *ret)
{
    const struct mw_history_question question = {reading, machine_key(pid), from, to, step};

    ret->count = 0;
    assert_int_equal(mw_history_ask(self->history, &question, take, ret, NULL), 0);
}
