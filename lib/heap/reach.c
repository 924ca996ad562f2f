/* Who reaches what.
 *
 * Sets of objects are bit maps beside the heap: a bit for 16 bytes, in which no two objects begin.
 * Large objects have their bits in their page.
 *
 * An object is shared when two places reach it; then so is all to which it leads. Places come one
 * after the other: what an earlier one has reached, and the present one reaches, joins the shared
 * set, once. So each object is looked at twice at most for this, however many places there are.
 */
#include "heap/reach_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    GRANULE = 16,
    PAGE_WORDS = MW_PAGE_SIZE / GRANULE / 64, /* of a map */
};

/* ---- sets ---- */

static int reach_alloc(struct mw_reach *self)
{
    const struct mw_heap *heap = self->heap;
    const struct mw_pool *pool = &heap->pool;

    self->young_words = heap->nursery.capacity / GRANULE / 64;
    self->young = calloc(MW_REACH_SETS * self->young_words, sizeof(uint64_t));
    self->pages = calloc(pool->page_max, sizeof(uint64_t *));
    self->type_bytes = calloc(heap->types.count, sizeof(size_t));
    self->queue = malloc(MW_PATH_QUEUE * sizeof(struct mw_step));
    if (self->young == NULL || self->pages == NULL || self->type_bytes == NULL ||
        self->queue == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < pool->page_max; i++) {
        if (pool->roles[i] != MW_ROLE_USED)
            continue;
        self->pages[i] = calloc((size_t)MW_REACH_SETS * PAGE_WORDS, sizeof(uint64_t));
        if (self->pages[i] == NULL)
            return -ENOMEM;
    }
    /* Each object at most once. */
    return mw_stack_init(self->heap, &self->stack, heap->config.limit_max / MW_OBJECT_MIN);
}

static void clear_large(const struct mw_large *list, uint64_t bits)
{
    for (struct mw_page *page = list->first; page != NULL; page = page->next)
        page->reached &= ~bits;
}

static void clear_all_large(struct mw_reach *self, uint64_t bits)
{
    clear_large(&self->heap->large, bits);
    clear_large(&self->heap->large_young.objects, bits);
}

int mw_reach_init(struct mw_reach *self, struct mw_heap *heap)
{
    *self = (struct mw_reach){.heap = heap};
    clear_all_large(self, UINT64_MAX);
    return reach_alloc(self);
}

void mw_reach_deinit(struct mw_reach *self)
{
    for (size_t i = 0; self->pages != NULL && i < self->heap->pool.page_max; i++)
        free(self->pages[i]);
    mw_stack_deinit(&self->stack);
    free(self->queue);
    free(self->type_bytes);
    free(self->pages);
    free(self->young);
}

/* The word of a map in which the object's bit is. */
static uint64_t *locate(const struct mw_reach *self, enum mw_reach_set set, uintptr_t object,
                        uint64_t *ret_bit)
{
    const struct mw_heap *heap = self->heap;
    const struct mw_nursery *nursery = &heap->nursery;
    struct mw_page *page = mw_page_of(object);
    uint64_t *map;
    size_t at;

    if (mw_is_young(nursery, object)) {
        map = self->young + set * self->young_words;
        at = (object - (uintptr_t)mw_nursery_half(nursery, nursery->from)) / GRANULE;
    } else if (*(const uint64_t *)object & MW_FLAG_LARGE) {
        map = &page->reached;
        at = set;
    } else {
        map = self->pages[((char *)page - heap->pool.base) >> MW_PAGE_SHIFT] +
              (size_t)set * PAGE_WORDS;
        at = (object - (uintptr_t)page) / GRANULE;
    }
    *ret_bit = (uint64_t)1 << at % 64;
    return &map[at / 64];
}

bool mw_reach_enter(struct mw_reach *self, enum mw_reach_set set, uintptr_t object)
{
    uint64_t bit;
    uint64_t *word = locate(self, set, object, &bit);
    bool was = *word & bit;

    *word |= bit;
    return was;
}

static bool is_in(const struct mw_reach *self, enum mw_reach_set set, uintptr_t object)
{
    uint64_t bit;
    const uint64_t *word = locate(self, set, object, &bit);

    return *word & bit;
}

/* What the present place has reached, earlier ones have from now on. */
static void merge(uint64_t *maps, size_t words)
{
    for (size_t i = 0; i < words; i++)
        maps[MW_REACH_BEFORE * words + i] |= maps[MW_REACH_NOW * words + i];
    memset(maps + MW_REACH_NOW * words, 0, words * sizeof(*maps));
}

static void merge_large(const struct mw_large *list)
{
    for (struct mw_page *page = list->first; page != NULL; page = page->next) {
        page->reached |= (page->reached >> MW_REACH_NOW & 1) << MW_REACH_BEFORE;
        page->reached &= ~((uint64_t)1 << MW_REACH_NOW);
    }
}

void mw_reach_clear(struct mw_reach *self, enum mw_reach_set set)
{
    memset(self->young + set * self->young_words, 0, self->young_words * sizeof(uint64_t));
    for (size_t i = 0; i < self->heap->pool.page_max; i++)
        if (self->pages[i] != NULL)
            memset(self->pages[i] + (size_t)set * PAGE_WORDS, 0, PAGE_WORDS * sizeof(uint64_t));
    clear_all_large(self, (uint64_t)1 << set);
}

/* ---- what is shared ---- */

/* Both have the form of a visit. NOLINTBEGIN(readability-non-const-parameter) */
static void share(void *context, uintptr_t *slot)
{
    struct mw_reach *self = context;

    if (*slot == 0 || is_in(self, MW_REACH_SHARED, *slot) || is_in(self, MW_REACH_NOW, *slot))
        return;
    if (is_in(self, MW_REACH_BEFORE, *slot))
        mw_reach_enter(self, MW_REACH_SHARED, *slot);
    else
        mw_reach_enter(self, MW_REACH_NOW, *slot);
    mw_stack_push(&self->stack, *slot);
}

static void count(void *context, uintptr_t *slot)
{
    struct mw_reach *self = context;
    uint64_t header;

    if (*slot == 0 || mw_reach_enter(self, MW_REACH_BEFORE, *slot))
        return;
    header = *(uint64_t *)*slot;
    *(is_in(self, MW_REACH_SHARED, *slot) ? &self->shared : &self->retained) +=
        mw_header_bytes(header);
    self->type_bytes[mw_header_type(header)] += mw_header_bytes(header);
    mw_stack_push(&self->stack, *slot);
}
/* NOLINTEND(readability-non-const-parameter) */

static void follow(struct mw_reach *self, uintptr_t root, mw_visit_fn *visit)
{
    struct mw_stack *stack = &self->stack;

    visit(self, &root);
    while (stack->top > stack->base) {
        uintptr_t *object = (uintptr_t *)*--stack->top;

        mw_visit_object(self->heap->types.shapes, object, object[0], visit, self);
    }
}

void mw_reach_share(struct mw_reach *self, uintptr_t root)
{
    follow(self, root, share);
}

void mw_reach_share_end(struct mw_reach *self)
{
    merge(self->young, self->young_words);
    for (size_t i = 0; i < self->heap->pool.page_max; i++)
        if (self->pages[i] != NULL)
            merge(self->pages[i], PAGE_WORDS);
    merge_large(&self->heap->large);
    merge_large(&self->heap->large_young.objects);
}

/* ---- what is counted ---- */

void mw_reach_count_begin(struct mw_reach *self)
{
    memset(self->type_bytes, 0, self->heap->types.count * sizeof(size_t));
    self->retained = self->shared = 0;
}

void mw_reach_count(struct mw_reach *self, uintptr_t root)
{
    follow(self, root, count);
}
