/* ringc: the same history as leaf chunks of 256 records; labels are numbers of interned texts.
 * A chunk of a history is known to live long, and born old. */
#include "plain.h"

#include <string.h>

enum { IN_CHUNK = 256, LIVE = 1000000 / IN_CHUNK, PIDS = 32768, CPUS = 997, LABEL_EVERY = 4 };

struct record {
    uint64_t time, pid_and_cpu, rss, label;
};

enum {
    RECORD_WORDS = sizeof(struct record) / sizeof(uint64_t),
    CHUNK_BYTES = IN_CHUNK * sizeof(struct record),
};

static void write_record(struct record *record, uint64_t number)
{
    record->time = number;
    record->pid_and_cpu = number % PIDS | number % CPUS << 32;
    record->rss = number * 4096;
    record->label = number % LABEL_EVERY == 0 ? 'a' + number % 26 : 0;
}

static uint64_t sum_chunk(const struct record *records)
{
    uint64_t sum = 0;

    for (int i = 0; i < IN_CHUNK; i++)
        sum += records[i].time + (records[i].label & 0xff);
    return sum;
}

/* ---- malloc ---- */

struct history {
    struct record **chunks;
    uint64_t check;
};

static void plain_next_chunk(struct history *self, uint64_t number)
{
    struct record **slot = &self->chunks[number / IN_CHUNK % LIVE];

    if (*slot != NULL) {
        self->check += sum_chunk(*slot);
        plain_free(*slot);
    }
    *slot = plain_new_leaf(CHUNK_BYTES);
}

static void plain_push(struct history *self, uint64_t number)
{
    if (number % IN_CHUNK == 0)
        plain_next_chunk(self, number);
    write_record(&self->chunks[number / IN_CHUNK % LIVE][number % IN_CHUNK], number);
}

static struct bench_outcome plain(size_t size)
{
    struct history history = {plain_new(LIVE * sizeof(struct record *)), 0};

    memset(history.chunks, 0, LIVE * sizeof(struct record *));
    for (uint64_t i = 0; i < size; i++)
        plain_push(&history, i);
    for (size_t i = 0; i < LIVE; i++)
        plain_free(history.chunks[i]);
    plain_free(history.chunks);
    return (struct bench_outcome){size, history.check};
}

/* ---- the managed heap ---- */

struct managed {
    struct mw_heap *heap;
    const struct mw_heap_type *chunk;
    struct mw_ref slots, current; /* one handle, assigned anew for each chunk */
    uint64_t check;
};

static uint64_t managed_sum(struct mw_heap *heap, struct mw_ref chunk)
{
    uint64_t sum;

    mw_heap_raw_enter(heap);
    sum = sum_chunk(mw_heap_raw(heap, chunk));
    mw_heap_raw_leave(heap);
    return sum;
}

static void next_chunk(struct managed *self, uint64_t number)
{
    MW_SCOPE(scope, self->heap);
    size_t slot = number / IN_CHUNK % LIVE;
    struct mw_ref oldest = mw_heap_get(self->heap, self->slots, slot);
    struct mw_ref chunk;

    if (!mw_ref_is_none(oldest))
        self->check += managed_sum(self->heap, oldest);
    chunk = bench_need(mw_heap_new_array(self->heap, self->chunk, CHUNK_BYTES, MW_PLACE_OLD));
    mw_heap_set(self->heap, self->slots, slot, chunk);
    mw_heap_assign(self->heap, self->current, chunk);
}

static void push(struct managed *self, uint64_t number)
{
    size_t word = number % IN_CHUNK * RECORD_WORDS;
    struct record record;

    if (number % IN_CHUNK == 0)
        next_chunk(self, number);
    write_record(&record, number);
    mw_heap_set_word(self->heap, self->current, word, record.time);
    mw_heap_set_word(self->heap, self->current, word + 1, record.pid_and_cpu);
    mw_heap_set_word(self->heap, self->current, word + 2, record.rss);
    mw_heap_set_word(self->heap, self->current, word + 3, record.label);
}

static struct bench_outcome managed(const struct bench_heap *heap, size_t size)
{
    struct managed self = {heap->heap, bench_array_type(heap->heap, "Chunk", MW_KIND_BYTES),
                           mw_ref_none(), mw_ref_none(), 0};

    MW_SCOPE(scope, heap->heap);
    self.slots = bench_need(mw_heap_new_array(
        heap->heap, bench_array_type(heap->heap, "Slots", MW_KIND_REFS), LIVE, MW_PLACE_OLD));
    self.current = bench_need(mw_heap_dup(heap->heap, self.slots));
    for (uint64_t i = 0; i < size; i++)
        push(&self, i);
    return (struct bench_outcome){size, self.check};
}

const struct bench_workload bench_ringc = {
    "ringc", "so many samples in leaf chunks of 256, the last million live",
    5000000, plain,
    managed, 0,
};
