#include "tests/support/blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { MS_PER_BEAT = 1000 };

void block_maker_init(struct block_maker *self, enum mw_source source, uint64_t seed)
{
    *self = (struct block_maker){.source = source, .random = seed, .next_id = 1, .changes = 200};
    assert_int_equal(mw_block_pool_create(source, &self->pool), 0);
}

void block_maker_deinit(struct block_maker *self)
{
    mw_block_unref(self->last);
    mw_block_pool_destroy(self->pool);
}

static uint64_t next_random(struct block_maker *self)
{
    self->random = self->random * 6364136223846793005u + 1442695040888963407u;
    return self->random >> 20;
}

static bool happens(struct block_maker *self)
{
    return next_random(self) % 1000 < self->changes;
}

static void put_any(struct block_maker *self, struct mw_block *block, enum mw_reading reading,
                    uint32_t row)
{
    uint64_t word = next_random(self) << next_random(self) % 30;
    union mw_value value = {.u = word};

    if (next_random(self) % 5 == 0) {
        mw_block_put_absent(block, reading, row, (enum mw_absence)(1 + word % 4));
        return;
    }
    switch (mw_reading_info(reading)->value) {
    case MW_VALUE_F64:
        value.f = (double)word / 3.0;
        break;
    case MW_VALUE_I64:
        value.i = word % 2 ? (int64_t)word : -(int64_t)word;
        break;
    case MW_VALUE_TEXT:
        value.u = (unsigned char)"RSDTtZIX"[word % 8];
        break;
    case MW_VALUE_U64:
        break;
    }
    mw_block_put(block, reading, row, value);
}

static void put_cells(struct block_maker *self, struct mw_block *block, uint32_t row, bool all)
{
    for (uint32_t i = 0; i < mw_source_columns(self->source); i++)
        if (all || happens(self))
            put_any(self, block, (enum mw_reading)(mw_source_first(self->source) + i), row);
}

static void add_text(struct block_maker *self, struct mw_block *block, uint32_t row,
                     enum mw_block_event_type type)
{
    static const char *const words[] = {"", "bash", "a b)", "zw\xc3\xb6lf", "line\nbreak"};
    const char *word = words[next_random(self) % 5];
    enum mw_absence absence = happens(self) ? MW_ABSENT_DENIED : MW_PRESENT;

    assert_int_equal(mw_block_add_event(block, type, row, absence, word, strlen(word)), 0);
}

static void give_birth(struct block_maker *self, struct mw_block *block, uint32_t row)
{
    struct mw_block_key key = {self->next_id++, next_random(self)};

    mw_block_clear_row(block, row);
    mw_block_set_key(block, row, key);
    mw_block_add_event(block, MW_EVENT_BORN, row, MW_PRESENT, NULL, 0);
    add_text(self, block, row, MW_EVENT_NAME);
    add_text(self, block, row, MW_EVENT_CGROUP);
    put_cells(self, block, row, true);
}

static void kill_row(struct mw_block *block, uint32_t row)
{
    mw_block_add_event(block, MW_EVENT_GONE, row, MW_PRESENT, NULL, 0);
    mw_block_clear_row(block, row);
}

/* Deaths, births into rows that are free or were so just now, and sometimes both in one row at
 * once, more than once. */
static void live(struct block_maker *self, struct mw_block *block, uint32_t row)
{
    if (mw_block_keys(block)[row].id != 0) {
        put_cells(self, block, row, false);
        if (happens(self))
            add_text(self, block, row, MW_EVENT_NAME);
        if (!happens(self))
            return;
        kill_row(block, row);
    }
    while (happens(self)) {
        give_birth(self, block, row);
        if (!happens(self))
            return;
        kill_row(block, row);
    }
}

static struct mw_block *finish(struct block_maker *self, struct mw_block *block)
{
    self->seq++;
    mw_block_set_time(block, self->seq, (int64_t)(1700000000000 + self->seq * MS_PER_BEAT),
                      self->seq * MS_PER_BEAT * 1000000);
    assert_int_equal(mw_block_finish(block), 0);
    mw_block_unref(self->last);
    self->last = mw_block_ref(block);
    return block;
}

static void fill_process(struct block_maker *self, struct mw_block *block, uint32_t rows)
{
    for (uint32_t row = 0; row < rows; row++)
        if (self->last)
            live(self, block, row);
        else
            give_birth(self, block, row);
}

struct mw_block *block_maker_next(struct block_maker *self, uint32_t rows)
{
    struct mw_block *block;

    assert_int_equal(mw_block_take(self->pool, self->last, rows, &block), 0);
    if (self->source == MW_SOURCE_PROCESS) {
        fill_process(self, block, rows);
    } else {
        mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
        put_cells(self, block, 0, self->last == NULL);
    }
    return finish(self, block);
}

struct mw_block *block_maker_events(struct block_maker *self, size_t bytes)
{
    static const size_t besides = 7; /* the text: its size (128 and more: 2) and 5 numbers */
    const size_t most = MW_BLOCK_TEXT_MAX + besides;
    char text[MW_BLOCK_TEXT_MAX];
    struct mw_block *block;

    memset(text, 'n', sizeof text);
    assert_int_equal(mw_block_take(self->pool, NULL, 1, &block), 0);
    mw_block_set_key(block, 0, (struct mw_block_key){1, 1});
    while (bytes > 0) {
        size_t part = bytes > 2 * most ? most : bytes > most ? bytes / 2 : bytes;

        assert_int_equal(
            mw_block_add_event(block, MW_EVENT_NAME, 0, MW_PRESENT, text, part - besides), 0);
        bytes -= part;
    }
    return finish(self, block);
}

/* ---- comparing ---- */

static void assert_heads_equal(const struct mw_block_head *a, const struct mw_block_head *b)
{
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->time_ms, b->time_ms);
    assert_int_equal(a->time_ns, b->time_ns);
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->live, b->live);
    assert_int_equal(a->events, b->events);
    assert_memory_equal(a->absent, b->absent, sizeof a->absent);
}

static void assert_cells_equal(const struct mw_block *a, const struct mw_block *b, uint32_t row)
{
    enum mw_source source = (enum mw_source)mw_block_head(a)->source;

    for (uint32_t i = 0; i < mw_source_columns(source); i++) {
        enum mw_reading reading = (enum mw_reading)(mw_source_first(source) + i);
        union mw_value of_a = {.u = 0}, of_b = {.u = 0};

        if (mw_block_get(a, reading, row, &of_a) != mw_block_get(b, reading, row, &of_b) ||
            of_a.u != of_b.u)
            fail_msg("seq %llu row %u: %s differs", (unsigned long long)mw_block_head(a)->seq, row,
                     mw_reading_info(reading)->id);
    }
}

static void assert_events_equal(const struct mw_block *a, const struct mw_block *b)
{
    const struct mw_block_event *of_a = mw_block_events(a), *of_b = mw_block_events(b);

    for (uint32_t i = 0; i < mw_block_head(a)->events; i++, of_a++, of_b++) {
        assert_int_equal(of_a->type, of_b->type);
        assert_int_equal(of_a->row, of_b->row);
        assert_int_equal(of_a->absence, of_b->absence);
        assert_memory_equal(&of_a->key, &of_b->key, sizeof of_a->key);
        assert_int_equal(of_a->text_size, of_b->text_size);
        assert_memory_equal(mw_block_text(a) + of_a->text_offset,
                            mw_block_text(b) + of_b->text_offset, of_a->text_size);
    }
}

void assert_blocks_equal(const struct mw_block *a, const struct mw_block *b)
{
    assert_heads_equal(mw_block_head(a), mw_block_head(b));
    for (uint32_t row = 0; row < mw_block_head(a)->rows; row++) {
        assert_memory_equal(&mw_block_keys(a)[row], &mw_block_keys(b)[row],
                            sizeof(struct mw_block_key));
        assert_cells_equal(a, b, row);
    }
    assert_events_equal(a, b);
}
