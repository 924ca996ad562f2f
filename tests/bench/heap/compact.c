/* compact: so many megabytes of small objects, of which every other one by chance is dropped; then
 * the old space is slid together. What counts is the pause: marking, and moving what is left. */
#include "bench.h"

#include <stdlib.h>

enum { NEXT, FAR, NUMBER, WORDS = 5, ITEM_BYTES = (WORDS + 1) * 8 };

struct managed {
    struct mw_heap *heap;
    const struct mw_heap_type *item;
    enum mw_heap_place place;
    struct mw_ref items;
    size_t count, kept_count;
    size_t *kept; /* slots of those that will not be dropped */
    uint64_t random;
};

static void refer(const struct managed *self, struct mw_ref item, size_t field, size_t slot)
{
    mw_heap_set(self->heap, item, field, mw_heap_get(self->heap, self->items, slot));
}

/* All refer to two that are kept, one nearby and one anywhere. */
static void make_item(struct managed *self, size_t slot)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref item = bench_need(mw_heap_new_in(self->heap, self->item, self->place));

    mw_heap_set_word(self->heap, item, NUMBER, slot);
    if (self->kept_count > 0) {
        refer(self, item, NEXT, self->kept[self->kept_count - 1]);
        refer(self, item, FAR, self->kept[bench_random(&self->random) % self->kept_count]);
    }
    mw_heap_set(self->heap, self->items, slot, item);
    if (bench_random(&self->random) >> 63)
        self->kept[self->kept_count++] = slot;
}

static void drop_others(const struct managed *self)
{
    size_t kept = 0;

    for (size_t i = 0; i < self->count; i++)
        if (kept < self->kept_count && self->kept[kept] == i)
            kept++;
        else
            mw_heap_set(self->heap, self->items, i, mw_ref_none());
}

static uint64_t number_at(const struct managed *self, struct mw_ref item, size_t field)
{
    struct mw_ref other = mw_heap_get(self->heap, item, field);

    return mw_ref_is_none(other) ? 0 : mw_heap_get_word(self->heap, other, NUMBER);
}

static uint64_t read_all(const struct managed *self)
{
    uint64_t check = 0;

    for (size_t i = 0; i < self->kept_count; i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref item = mw_heap_get(self->heap, self->items, self->kept[i]);

        check = check * 31 + mw_heap_get_word(self->heap, item, NUMBER);
        check += number_at(self, item, NEXT) ^ number_at(self, item, FAR);
    }
    return check;
}

static struct bench_outcome managed(const struct bench_heap *heap, size_t size)
{
    struct managed self = {.heap = heap->heap, .place = heap->place, .random = BENCH_SEED};
    struct bench_outcome outcome = {0, 0};

    MW_SCOPE(scope, heap->heap);
    self.count = (size << 20) / ITEM_BYTES;
    self.kept = calloc(self.count, sizeof(size_t));
    if (self.kept == NULL)
        bench_fail("out of memory");
    self.item = bench_type(heap->heap, "Item", WORDS, NUMBER);
    self.items = bench_need(mw_heap_new_array(
        heap->heap, bench_array_type(heap->heap, "Items", MW_KIND_REFS), self.count, MW_PLACE_OLD));
    for (size_t i = 0; i < self.count; i++)
        make_item(&self, i);
    drop_others(&self);
    bench_forget_pauses();
    mw_heap_collect(heap->heap, MW_COLLECT_COMPACT);
    outcome = (struct bench_outcome){self.kept_count, read_all(&self)};
    free(self.kept);
    return outcome;
}

const struct bench_workload bench_compact = {
    "compact", "so many megabytes, half of them holes, slid together", 100, NULL, managed, 0,
};
