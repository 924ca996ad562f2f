/* ring: a history with one object a sample. A million live, the oldest dies with each new one; one
 * record in four has a label of its own. First in, first out is the worst case of generations. */
#include "plain.h"

#include <string.h>

enum { LIVE = 1000000, PIDS = 32768, CPUS = 997, LABEL_BYTES = 24, LABEL_EVERY = 4, LETTER = 15 };

static void write_label(char *label, uint64_t number)
{
    memcpy(label, "process-name-000000000", 23);
    label[LETTER] = (char)('a' + number % 26);
}

static uint64_t pid_and_cpu(uint64_t number)
{
    return number % PIDS | number % CPUS << 32;
}

/* ---- malloc ---- */

struct record {
    uint64_t time, pid_and_cpu, rss;
    char *label;
};

static struct record *plain_record(uint64_t number)
{
    struct record *record = plain_new(sizeof(*record));

    *record = (struct record){number, pid_and_cpu(number), number * 4096, NULL};
    if (number % LABEL_EVERY == 0) {
        record->label = plain_new_leaf(LABEL_BYTES);
        write_label(record->label, number);
    }
    return record;
}

static uint64_t plain_drop(struct record *record)
{
    uint64_t sum = record->time;

    if (record->label != NULL) {
        sum += (uint64_t)record->label[LETTER];
        plain_free(record->label);
    }
    plain_free(record);
    return sum;
}

static struct bench_outcome plain(size_t size)
{
    struct record **ring = plain_new(LIVE * sizeof(struct record *));
    struct bench_outcome outcome = {size, 0};

    memset(ring, 0, LIVE * sizeof(struct record *));
    for (uint64_t i = 0; i < size; i++) {
        struct record **slot = &ring[i % LIVE];
        struct record *record = plain_record(i);

        if (*slot != NULL)
            outcome.check += plain_drop(*slot);
        *slot = record;
    }
    for (size_t i = 0; i < LIVE && ring[i] != NULL && !PLAIN_COLLECTS; i++)
        plain_drop(ring[i]);
    plain_free(ring);
    return outcome;
}

/* ---- the managed heap ---- */

enum { LABEL, TIME, PID_AND_CPU, RSS, WORDS };

struct ring {
    struct mw_heap *heap;
    const struct mw_heap_type *record, *label;
    enum mw_heap_place place;
    struct mw_ref slots;
};

static void add_label(const struct ring *self, struct mw_ref record, uint64_t number)
{
    struct mw_ref label =
        bench_need(mw_heap_new_array(self->heap, self->label, LABEL_BYTES, self->place));

    mw_heap_raw_enter(self->heap);
    write_label(mw_heap_raw(self->heap, label), number);
    mw_heap_raw_leave(self->heap);
    mw_heap_set(self->heap, record, LABEL, label);
}

static struct mw_ref make_record(const struct ring *self, uint64_t number)
{
    struct mw_heap *heap = self->heap;
    struct mw_ref record =
        bench_need(self->place == MW_PLACE_YOUNG ? mw_heap_new(heap, self->record)
                                                 : mw_heap_new_in(heap, self->record, self->place));

    mw_heap_set_word(heap, record, TIME, number);
    mw_heap_set_word(heap, record, PID_AND_CPU, pid_and_cpu(number));
    mw_heap_set_word(heap, record, RSS, number * 4096);
    if (number % LABEL_EVERY == 0)
        add_label(self, record, number);
    return record;
}

static uint64_t read_record(const struct ring *self, struct mw_ref record)
{
    uint64_t sum = mw_heap_get_word(self->heap, record, TIME);
    struct mw_ref label = mw_heap_get(self->heap, record, LABEL);

    if (mw_ref_is_none(label))
        return sum;
    mw_heap_raw_enter(self->heap);
    sum += ((const uint8_t *)mw_heap_raw(self->heap, label))[LETTER];
    mw_heap_raw_leave(self->heap);
    return sum;
}

static uint64_t push(const struct ring *self, uint64_t number)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref record = make_record(self, number);
    struct mw_ref oldest = mw_heap_get(self->heap, self->slots, number % LIVE);
    uint64_t sum = mw_ref_is_none(oldest) ? 0 : read_record(self, oldest);

    mw_heap_set(self->heap, self->slots, number % LIVE, record);
    return sum;
}

static struct bench_outcome managed(const struct bench_heap *heap, size_t size)
{
    struct bench_outcome outcome = {size, 0};
    struct ring ring = {heap->heap, bench_type(heap->heap, "Record", WORDS, 1),
                        bench_array_type(heap->heap, "Label", MW_KIND_BYTES), heap->place,
                        mw_ref_none()};

    MW_SCOPE(scope, heap->heap);
    ring.slots = bench_need(mw_heap_new_array(
        heap->heap, bench_array_type(heap->heap, "Slots", MW_KIND_REFS), LIVE, MW_PLACE_OLD));
    for (uint64_t i = 0; i < size; i++)
        outcome.check += push(&ring, i);
    return outcome;
}

const struct bench_workload bench_ring = {
    "ring", "so many samples, one object each, the last million live", 5000000, plain, managed, 0,
};
