/* The plan of a compaction: where each live word of the old space goes.
 *
 * Pages are filled again from the lowest address on, with all live objects in their order. The live
 * words of a page stay together, so it is enough to know where its first one goes; an object's
 * place is that plus the live words before it: a number kept for each 64 words (its rank), and a
 * count over one word of marks. As no object may reach over the end of a page, a page's objects may
 * have to be split: the first ones fill one page up, the others begin the next. They never need a
 * third, as a page has room for all that lives in another.
 *
 * So the plan has two addresses, a split and 512 ranks for each page: 1 KiB for 256. The table is
 * reserved with the heap and has memory only while a plan is there, brought in ahead of the pause:
 * a compaction, the last thing to try without memory, cannot fail, and does not wait for the
 * kernel.
 */
#include "heap/compact_internal.h"

#include <errno.h>

static size_t bytes_of_moves(size_t pages)
{
    return mw_vm_round(pages * sizeof(struct mw_move));
}

static size_t bytes_of_ranks(size_t pages)
{
    return mw_vm_round(pages * MW_MARK_WORDS * sizeof(uint16_t));
}

int mw_compact_init(struct mw_heap *self)
{
    struct mw_compactor *compactor = &self->compactor;
    size_t pages = self->pool.page_max;

    compactor->bytes = bytes_of_moves(pages) + bytes_of_ranks(pages);
    compactor->moves = mw_vm_table(&self->vm, compactor->bytes);
    if (compactor->moves == NULL)
        return -ENOMEM;
    compactor->ranks = (uint16_t *)(void *)((char *)compactor->moves + bytes_of_moves(pages));
    return 0;
}

void mw_compact_deinit(struct mw_heap *self)
{
    mw_vm_unmap(self->compactor.moves, self->compactor.bytes);
}

/* For what a scavenge takes from the pool until then, too. */
void mw_compact_prepare(struct mw_heap *self)
{
    const struct mw_compactor *compactor = &self->compactor;
    size_t pages = self->pool.page_max;

    while (pages > 0 && self->pool.roles[pages - 1] == MW_ROLE_FREE)
        pages--;
    mw_vm_bring_in(compactor->moves, bytes_of_moves(pages));
    mw_vm_bring_in(compactor->ranks, bytes_of_ranks(pages));
}

void mw_compact_forget(struct mw_heap *self)
{
    mw_vm_discard(self->compactor.moves, self->compactor.bytes);
}

/* ---- ranks ---- */

/* Returns the live words of the page. */
static size_t rank_page(const struct mw_page *page, uint16_t *ranks)
{
    uint64_t inside = 0;
    size_t live = 0;

    for (size_t i = 0; i < MW_MARK_WORDS; i++) {
        uint64_t parity = mw_running_parity(page->marks[i]) ^ inside;

        ranks[i] = (uint16_t)(live | (inside & MW_RANK_INSIDE));
        live += mw_popcount(page->marks[i] | parity);
        inside = 0 - (parity >> 63);
    }
    return live;
}

/* The page's live word with so many before it. */
static size_t select_word(const struct mw_page *page, const uint16_t *ranks, size_t before)
{
    size_t i = MW_MARK_WORDS - 1;
    uint64_t live;

    while ((ranks[i] & MW_RANK_MASK) > before)
        i--;
    live = mw_rank_live(page->marks[i], ranks[i]);
    for (before -= ranks[i] & MW_RANK_MASK; before > 0; before--)
        live &= live - 1;
    return i * 64 + (size_t)__builtin_ctzll(live);
}

static size_t previous_mark(const struct mw_page *page, size_t before)
{
    size_t i = before / 64;
    uint64_t bits = page->marks[i] & (((uint64_t)1 << before % 64) - 1);

    while (bits == 0)
        bits = page->marks[--i];
    return i * 64 + 63 - (size_t)__builtin_clzll(bits);
}

/* Where the object begins that this live word belongs to. */
static size_t first_word(const struct mw_page *page, const uint16_t *ranks, size_t word)
{
    uint64_t below = page->marks[word / 64] & (((uint64_t)1 << word % 64) - 1);
    bool odd = (mw_popcount(below) & 1) != ((ranks[word / 64] & MW_RANK_INSIDE) != 0);

    return odd ? previous_mark(page, word) : word;
}

/* ---- places ---- */

struct cursor {
    size_t index, word; /* the page being filled, and where in it */
};

static uintptr_t address_of(const struct mw_heap *self, const struct cursor *cursor)
{
    return (uintptr_t)mw_pool_page(&self->pool, cursor->index) + cursor->word * MW_WORD;
}

static bool is_used(const struct mw_heap *self, size_t index)
{
    return self->pool.roles[index] == MW_ROLE_USED;
}

/* Filling is never ahead of what is being placed, so there always is a next page. */
static void next_page(struct mw_heap *self, struct cursor *cursor)
{
    self->compactor.moves[cursor->index].end = (uint32_t)cursor->word;
    do
        cursor->index++;
    while (!is_used(self, cursor->index));
    cursor->word = MW_FIRST_WORD;
    self->compactor.pages++;
}

static void place_page(struct mw_heap *self, size_t index, struct cursor *cursor)
{
    const struct mw_page *page = mw_pool_page(&self->pool, index);
    struct mw_move *move = &self->compactor.moves[index];
    uint16_t *ranks = mw_compact_ranks(self, index);
    size_t live = rank_page(page, ranks);
    size_t room = MW_PAGE_WORDS - cursor->word;
    size_t first = 0; /* words that still fit into the page being filled */

    move->split = MW_PAGE_WORDS;
    move->to[0] = move->to[1] = address_of(self, cursor);
    if (live > room) {
        move->split = (uint32_t)first_word(page, ranks, select_word(page, ranks, room));
        first = mw_rank_before(page, ranks, move->split);
        cursor->word += first;
        next_page(self, cursor);
        move->to[1] = address_of(self, cursor) - first * MW_WORD;
    }
    cursor->word += live - first;
}

void mw_compact_plan(struct mw_heap *self)
{
    struct cursor cursor = {SIZE_MAX, MW_PAGE_WORDS};

    self->compactor.pages = 0;
    for (size_t i = 0; i < self->pool.page_max; i++) {
        if (!is_used(self, i))
            continue;
        if (cursor.index == SIZE_MAX)
            cursor = (struct cursor){i, MW_FIRST_WORD};
        place_page(self, i, &cursor);
    }
    self->compactor.last = cursor.index;
    if (cursor.index == SIZE_MAX)
        return;
    self->compactor.moves[cursor.index].end = (uint32_t)cursor.word;
    self->compactor.pages += cursor.word > MW_FIRST_WORD;
}
