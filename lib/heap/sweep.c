/* Sweeping: holes are what lies between marks.
 *
 * After marking only whole pages are freed; the others wait until the old space needs a hole, or
 * until they are swept ahead of the next marking, a page at a time. Pages
 * that are nearly all live are left as they are: walking them costs more than their crumbs are
 * worth.
 *
 * A page is swept 64 words at a time. In a word of marks the bits alternate between an object's
 * first and last word, so an exclusive-or over all lower bits is 1 inside objects; what is neither
 * inside nor marked is free. Words without free bits, nearly all of a dense page, cost a dozen
 * instructions.
 */
#include "heap/annotate_internal.h"
#include "heap/heap_internal.h"

void mw_sweep_add_hole(struct mw_heap *self, struct mw_page *page, size_t first, size_t end)
{
    char *start = (char *)page + first * MW_WORD;
    size_t bytes = (end - first) * MW_WORD;

    if (bytes == 0)
        return;
    mw_annotate_used(start, bytes);
    mw_poison(self, start, bytes);
    mw_old_add_span(&self->old, start, bytes);
}

/* Finds runs of free words, which may reach over any number of words of marks. */
static void sweep_page(struct mw_heap *self, struct mw_page *page)
{
    size_t hole = MW_PAGE_FIRST / MW_WORD; /* where the present run began, if in one */
    bool free = true;
    uint64_t inside = 0; /* all ones when an object reaches into the next word of marks */

    page->reserve = page->reserve && mw_heap_is_in_reserve(self);
    for (size_t i = hole / 64; i < MW_MARK_WORDS; i++) {
        uint64_t marks = page->marks[i];
        uint64_t parity = mw_running_parity(marks) ^ inside;
        uint64_t taken = parity | marks;
        /* A bit for each word that differs from the one before it. */
        uint64_t edges = taken ^ (taken << 1 | (free ? 0 : 1));

        inside = parity >> 63 ? ~(uint64_t)0 : 0;
        for (; edges != 0; edges &= edges - 1) {
            size_t word = i * 64 + (size_t)__builtin_ctzll(edges);

            if (free)
                mw_sweep_add_hole(self, page, hole, word);
            hole = word;
            free = !free;
        }
    }
    if (free)
        mw_sweep_add_hole(self, page, hole, MW_PAGE_WORDS);
    page->state = MW_PAGE_SWEPT;
}

bool mw_sweep_next(struct mw_heap *self)
{
    struct mw_pool *pool = &self->pool;

    if (self->marker.active) /* marks do not tell yet what is free */
        return false;
    while (self->old.sweep_at < pool->page_max) {
        size_t index = self->old.sweep_at++;
        struct mw_page *page = mw_pool_page(pool, index);

        if (pool->roles[index] == MW_ROLE_USED && page->state == MW_PAGE_UNSWEPT &&
            !mw_policy_dense(page->used)) {
            sweep_page(self, page);
            return true;
        }
    }
    return false;
}

static void settle_page(struct mw_heap *self, struct mw_page *page)
{
    if (page->live == 0) {
        mw_pool_put(self, page);
        return;
    }
    page->state = MW_PAGE_UNSWEPT;
    page->used = page->live;
    self->old.used += page->live;
}

void mw_sweep_begin(struct mw_heap *self)
{
    mw_old_drop_spans(&self->old);
    self->old.used = 0;
    self->old.sweep_at = 0;
    for (size_t i = 0; i < self->pool.page_max; i++)
        if (self->pool.roles[i] == MW_ROLE_USED)
            settle_page(self, mw_pool_page(&self->pool, i));
    mw_large_sweep(self);
}

size_t mw_mark_next(const struct mw_page *page, size_t from)
{
    size_t at = from / 64;
    uint64_t bits;

    if (from >= MW_PAGE_WORDS)
        return MW_PAGE_WORDS;
    bits = page->marks[at] >> from % 64 << from % 64;
    while (bits == 0) {
        if (++at == MW_MARK_WORDS)
            return MW_PAGE_WORDS;
        bits = page->marks[at];
    }
    return at * 64 + (size_t)__builtin_ctzll(bits);
}
