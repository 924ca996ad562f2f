/* pauses: 100 MB in two million objects, of which one at a time is replaced at random, while other
 * objects live for a moment. What counts is how long the collector takes at a time. */
#include "plain.h"

#include <string.h>

enum { LIVE = 1000000, BODY_BYTES = 40, MOMENTARY = 4 };

/* ---- malloc ---- */

struct item {
    uint64_t number, padding[3];
    uint64_t *body;
};

static struct item *plain_item(uint64_t number)
{
    struct item *item = plain_new(sizeof(*item));

    *item = (struct item){.number = number, .body = plain_new_leaf(BODY_BYTES)};
    memset(item->body, 0, BODY_BYTES);
    item->body[0] = number;
    return item;
}

static uint64_t plain_drop(struct item *item)
{
    uint64_t sum = item->number ^ item->body[0];

    plain_free(item->body);
    plain_free(item);
    return sum;
}

static uint64_t plain_step(struct item **slot, uint64_t number)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < MOMENTARY; i++)
        sum += plain_drop(plain_item(number));
    if (*slot != NULL)
        sum += plain_drop(*slot);
    *slot = plain_item(number);
    return sum + 1;
}

static struct bench_outcome plain(size_t size)
{
    struct item **items = plain_new(LIVE * sizeof(struct item *));
    struct bench_outcome outcome = {size, 0};
    uint64_t random = BENCH_SEED;

    memset(items, 0, LIVE * sizeof(struct item *));
    for (uint64_t i = 0; i < LIVE; i++)
        items[i] = plain_item(i);
    for (uint64_t i = 0; i < size; i++)
        outcome.check += plain_step(&items[bench_random(&random) % LIVE], i);
    for (uint64_t i = 0; i < LIVE && !PLAIN_COLLECTS; i++)
        plain_drop(items[i]);
    plain_free(items);
    return outcome;
}

/* ---- the managed heap ---- */

enum { BODY, NUMBER, WORDS = 5 };

struct managed {
    struct mw_heap *heap;
    const struct mw_heap_type *item, *body;
    struct mw_ref items;
};

static struct mw_ref make_item(const struct managed *self, uint64_t number)
{
    struct mw_heap *heap = self->heap;
    struct mw_ref item = bench_need(mw_heap_new(heap, self->item));
    struct mw_ref body = bench_need(mw_heap_new(heap, self->body));

    mw_heap_set_word(heap, item, NUMBER, number);
    mw_heap_set_word(heap, body, 0, number);
    mw_heap_set(heap, item, BODY, body);
    return item;
}

static uint64_t read_item(const struct managed *self, struct mw_ref item)
{
    struct mw_ref body = mw_heap_get(self->heap, item, BODY);

    return mw_heap_get_word(self->heap, item, NUMBER) ^ mw_heap_get_word(self->heap, body, 0);
}

static void put_item(const struct managed *self, size_t slot, uint64_t number)
{
    MW_SCOPE(scope, self->heap);

    mw_heap_set(self->heap, self->items, slot, make_item(self, number));
}

static uint64_t step(const struct managed *self, size_t slot, uint64_t number)
{
    MW_SCOPE(scope, self->heap);
    uint64_t sum = 0;

    for (uint64_t i = 0; i < MOMENTARY; i++)
        sum += read_item(self, make_item(self, number));
    sum += read_item(self, mw_heap_get(self->heap, self->items, slot));
    put_item(self, slot, number);
    return sum + 1;
}

static struct bench_outcome managed(const struct bench_heap *heap, size_t size)
{
    struct bench_outcome outcome = {size, 0};
    struct managed self = {heap->heap, bench_type(heap->heap, "Item", WORDS, 1),
                           bench_type(heap->heap, "Body", BODY_BYTES / 8, 0), mw_ref_none()};
    uint64_t random = BENCH_SEED;

    MW_SCOPE(scope, heap->heap);
    self.items = bench_need(mw_heap_new_array(
        heap->heap, bench_array_type(heap->heap, "Items", MW_KIND_REFS), LIVE, MW_PLACE_OLD));
    for (uint64_t i = 0; i < LIVE; i++)
        put_item(&self, i, i);
    for (uint64_t i = 0; i < size; i++)
        outcome.check += step(&self, bench_random(&random) % LIVE, i);
    return outcome;
}

const struct bench_workload bench_pauses = {
    "pauses", "so many steps that replace objects among two million", 1000000, plain, managed, 300,
};
