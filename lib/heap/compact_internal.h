/* compact: from an object's address to where it goes, while a plan is there. */
#ifndef MW_HEAP_COMPACT_INTERNAL_H
#define MW_HEAP_COMPACT_INTERNAL_H
#include "heap/heap_internal.h"

enum {
    MW_FIRST_WORD = MW_PAGE_FIRST / MW_WORD,
    MW_RANK_MASK = (1 << 15) - 1, /* a page has fewer live words than words */
    MW_RANK_INSIDE = 1 << 15,
};

/* Gives the plan's memory back. */
void mw_compact_forget(struct mw_heap *self);

MW_ALWAYS_INLINE uint16_t *mw_compact_ranks(const struct mw_heap *self, size_t index)
{
    return self->compactor.ranks + index * MW_MARK_WORDS;
}

MW_ALWAYS_INLINE uint64_t mw_rank_inside(uint16_t rank)
{
    return rank & MW_RANK_INSIDE ? ~(uint64_t)0 : 0;
}

/* Of the 64 words that these are the marks of, those that belong to objects. */
MW_ALWAYS_INLINE uint64_t mw_rank_live(uint64_t marks, uint16_t rank)
{
    return marks | (mw_running_parity(marks) ^ mw_rank_inside(rank));
}

/* How many words of the page before this one belong to objects. */
MW_ALWAYS_INLINE size_t mw_rank_before(const struct mw_page *page, const uint16_t *ranks,
                                       size_t word)
{
    uint16_t rank = ranks[word / 64];
    uint64_t before = mw_rank_live(page->marks[word / 64], rank);

    before &= ((uint64_t)1 << word % 64) - 1;
    return (rank & MW_RANK_MASK) + mw_popcount(before);
}

/* What is not in the old space stays where it is. */
MW_ALWAYS_INLINE uintptr_t mw_compact_place(const struct mw_heap *self, uintptr_t object)
{
    uintptr_t offset = object - (uintptr_t)self->pool.base;
    size_t index = offset >> MW_PAGE_SHIFT;
    size_t word = offset % MW_PAGE_SIZE / MW_WORD;
    const struct mw_move *move = &self->compactor.moves[index];

    if (index >= self->pool.page_max)
        return object;
    return move->to[word >= move->split] +
           mw_rank_before(mw_pool_page(&self->pool, index), mw_compact_ranks(self, index), word) *
               MW_WORD;
}

MW_ALWAYS_INLINE void mw_compact_update(const struct mw_heap *self, uintptr_t *slot)
{
    if (*slot - (uintptr_t)self->pool.base < self->pool.page_max << MW_PAGE_SHIFT)
        *slot = mw_compact_place(self, *slot);
}
#endif
