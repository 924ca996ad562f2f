/* Which node is an object: its number among those that are alive.
 *
 * A full collection has just marked the first and the last word of each object in the pages. So
 * half of the marks before an object are its number in the page. Marks are counted once, and the
 * sums kept for every 256 words (0.1 % of the heap); what is left of a question are four words of
 * marks. Large objects carry their number in their page. If the limit kept objects young, a walk
 * over them sets a bit for each.
 */
#include "heap/snapshot_internal.h"

#include <errno.h>

enum { MARK_WORDS_PER_RANK = (1 << MW_RANK_SHIFT) / 64 };

static size_t first_bytes(const struct mw_heap_snapshot *self)
{
    return self->pages * sizeof(uint32_t);
}

static size_t before_bytes(const struct mw_heap_snapshot *self)
{
    return self->pages * MW_RANKS * sizeof(uint16_t);
}

/* The heap may be gone. */
void mw_rank_deinit(struct mw_heap_snapshot *self)
{
    mw_vm_unmap(self->first, first_bytes(self));
    mw_vm_unmap(self->before, before_bytes(self));
    mw_vm_unmap(self->young_starts, self->young_words * sizeof(uint64_t));
    mw_vm_unmap(self->young_before, self->young_words * sizeof(uint32_t));
    self->first = self->young_before = NULL;
    self->before = NULL;
    self->young_starts = NULL;
    self->old = self->large = self->young = 0;
}

static int map_tables(struct mw_heap_snapshot *self)
{
    struct mw_heap *heap = self->heap;
    bool young = mw_nursery_used(heap) != 0;

    self->pages = heap->pool.page_max;
    self->first = mw_vm_table(&heap->vm, first_bytes(self));
    self->before = mw_vm_table(&heap->vm, before_bytes(self));
    if (young) {
        self->young_words = heap->nursery.capacity / MW_WORD / 64;
        self->young_starts = mw_vm_table(&heap->vm, self->young_words * sizeof(uint64_t));
        self->young_before = mw_vm_table(&heap->vm, self->young_words * sizeof(uint32_t));
        self->memory += self->young_words * (sizeof(uint64_t) + sizeof(uint32_t));
    }
    self->memory += heap->pool.used * (sizeof(uint32_t) + MW_RANKS * sizeof(uint16_t));
    if (self->first == NULL || self->before == NULL ||
        (young && (self->young_starts == NULL || self->young_before == NULL)))
        return -ENOMEM;
    return 0;
}

static uint64_t rank_page(const struct mw_page *page, uint16_t *before)
{
    size_t marks = 0;

    for (size_t i = 0; i < MW_MARK_WORDS; i++) {
        if (i % MARK_WORDS_PER_RANK == 0)
            before[i / MARK_WORDS_PER_RANK] = (uint16_t)marks;
        marks += mw_popcount(page->marks[i]);
    }
    return marks / 2;
}

static void rank_pages(struct mw_heap_snapshot *self)
{
    const struct mw_pool *pool = &self->heap->pool;

    for (size_t i = 0; i < pool->page_max; i++) {
        if (pool->roles[i] != MW_ROLE_USED)
            continue;
        self->first[i] = (uint32_t)self->old;
        self->old += rank_page(mw_pool_page(pool, i), self->before + i * MW_RANKS);
    }
}

static void rank_large(struct mw_heap_snapshot *self)
{
    for (struct mw_page *page = self->heap->large.first; page != NULL; page = page->next)
        page->rank = (uint32_t)self->large++;
}

static size_t young_word(const struct mw_heap *heap, uintptr_t object)
{
    return (object - (uintptr_t)mw_nursery_half(&heap->nursery, heap->nursery.from)) / MW_WORD;
}

/* Has the form of a walk. NOLINTNEXTLINE(readability-non-const-parameter) */
static void note_young(void *context, uintptr_t *object, uint64_t header)
{
    struct mw_heap_snapshot *self = context;
    size_t word = young_word(self->heap, (uintptr_t)object);

    (void)header;
    self->young_starts[word / 64] |= (uint64_t)1 << word % 64;
    self->young++;
}

static void rank_young(struct mw_heap_snapshot *self)
{
    uint32_t before = 0;

    if (self->young_starts == NULL)
        return;
    mw_each_young(self->heap, note_young, self);
    for (size_t i = 0; i < self->young_words; i++) {
        self->young_before[i] = before;
        before += mw_popcount(self->young_starts[i]);
    }
}

int mw_rank_init(struct mw_heap_snapshot *self)
{
    int error = map_tables(self);

    if (error < 0)
        return error;
    rank_pages(self);
    rank_large(self);
    rank_young(self);
    return 0;
}

static uint64_t young_rank(const struct mw_heap_snapshot *self, uintptr_t object)
{
    size_t word = young_word(self->heap, object);
    uint64_t below = self->young_starts[word / 64] & (((uint64_t)1 << word % 64) - 1);

    return self->old + self->large + self->young_before[word / 64] + mw_popcount(below);
}

uint64_t mw_rank_of(const struct mw_heap_snapshot *self, uintptr_t object)
{
    const struct mw_pool *pool = &self->heap->pool;
    const struct mw_page *page = mw_page_of(object);
    size_t index = ((uintptr_t)page - (uintptr_t)pool->base) >> MW_PAGE_SHIFT;
    size_t word = mw_page_word(page, object);
    size_t rank = word >> MW_RANK_SHIFT;
    uint64_t marks;

    if (mw_is_young(&self->heap->nursery, object))
        return young_rank(self, object);
    if (index >= pool->page_max)
        return self->old + page->rank;
    marks = self->before[index * MW_RANKS + rank];
    for (size_t i = rank * MARK_WORDS_PER_RANK; i < word / 64; i++)
        marks += mw_popcount(page->marks[i]);
    marks += mw_popcount(page->marks[word / 64] & (((uint64_t)1 << word % 64) - 1));
    return self->first[index] + marks / 2;
}
