/* Compaction of the old space, by sliding.
 *
 * All live objects move towards the lowest address, in their order, over dead ones and holes; the
 * pages at the end come free. Nothing is copied aside, so no memory is needed: this is what is left
 * to try when a request would fit below the limit if the holes were in one place. Evacuating some
 * pages would be cheaper, but it wants free pages first. And since the order of addresses stays,
 * objects that were born one after the other stay side by side.
 *
 * One pass finds out where everything goes (compact_plan.c). Then roots, young and large objects
 * get their references changed where they are. Old objects are moved, lowest first, each run of
 * live words at once, and changed while they are in the cache. The marks lead from an old address
 * to the new one until the last object is in place; only then do they move as well. So they tell
 * afterwards what a sweep would have left: which objects live.
 */
#include "heap/compact_internal.h"

#include "heap/annotate_internal.h"

#include <string.h>

enum { AHEAD = 512 };

static void each_used_page(struct mw_heap *self, void (*visit)(struct mw_heap *self, size_t index))
{
    for (size_t i = 0; i < self->pool.page_max; i++)
        if (self->pool.roles[i] == MW_ROLE_USED)
            visit(self, i);
}

/* ---- references ---- */

MW_ALWAYS_INLINE void update_slot(void *context, uintptr_t *slot)
{
    mw_compact_update(context, slot);
}

static void update_roots(struct mw_heap *self)
{
    for (uintptr_t *slot = self->handles; slot < self->front.handle_top; slot++)
        update_slot(self, slot);
    for (struct mw_global *global = self->globals.first; global != NULL; global = global->next)
        update_slot(self, &global->value);
    for (uintptr_t *entry = self->remembered.base; entry < self->remembered.top; entry++)
        update_slot(self, entry);
    mw_external_slid(self);
}

/* What a place is made of stands in tables as large as the second-level cache. They are asked for a
 * few objects ahead. (Has the form of a visit.) NOLINTNEXTLINE(readability-non-const-parameter) */
MW_ALWAYS_INLINE void ask_for_place(void *context, uintptr_t *slot)
{
    const struct mw_heap *self = context;
    uintptr_t offset = *slot - (uintptr_t)self->pool.base;
    size_t block = offset / MW_WORD / 64;

    if (offset >= self->pool.page_max << MW_PAGE_SHIFT)
        return;
    __builtin_prefetch(&self->compactor.ranks[block]);
    __builtin_prefetch(&mw_page_of(*slot)->marks[block % MW_MARK_WORDS]);
}

static uintptr_t ask_ahead(struct mw_heap *self, uintptr_t ahead, uintptr_t until)
{
    while (ahead < until) {
        uintptr_t *object = (uintptr_t *)ahead;
        size_t bytes = mw_header_bytes(object[0]);

        if (bytes <= AHEAD) /* else it would be forgotten again, when its turn comes */
            mw_visit_object(self->types.shapes, object, object[0], ask_for_place, self);
        ahead += bytes;
    }
    return ahead;
}

/* Objects that tile a range. */
static void update_tiles(struct mw_heap *self, uintptr_t at, uintptr_t end)
{
    uintptr_t ahead = at;

    while (at < end) {
        uintptr_t *object = (uintptr_t *)at;
        uintptr_t until = at + AHEAD < end ? at + AHEAD : end;

        ahead = ask_ahead(self, ahead, until);
        mw_visit_object(self->types.shapes, object, object[0], update_slot, self);
        at += mw_header_bytes(object[0]);
    }
}

static void update_young(struct mw_heap *self)
{
    char *start = mw_nursery_half(&self->nursery, self->nursery.from);

    update_tiles(self, (uintptr_t)start, (uintptr_t)self->front.top);
}

static void update_large(struct mw_heap *self)
{
    for (struct mw_page *page = self->large.first; page != NULL; page = page->next) {
        uintptr_t start = (uintptr_t)page + MW_PAGE_FIRST;

        update_tiles(self, start, start + page->used);
    }
}

/* ---- identities ---- */

/* Those that snapshots gave out follow their objects. */
static void tell_identities(struct mw_heap *self, size_t index)
{
    struct mw_page *page = mw_pool_page(&self->pool, index);
    size_t first = mw_mark_next(page, 0);

    while (first < MW_PAGE_WORDS) {
        uintptr_t object = (uintptr_t)page + first * MW_WORD;

        if (*(uint64_t *)object & MW_FLAG_NUMBERED)
            mw_identity_slid(self, object, mw_compact_place(self, object));
        first = mw_mark_next(page, mw_mark_next(page, first + 1) + 1);
    }
}

static void move_identities(struct mw_heap *self)
{
    if (self->identity.starts == NULL)
        return;
    mw_identity_slide_begin(self);
    each_used_page(self, tell_identities);
    mw_identity_slide_end(self);
}

/* ---- moving ---- */

/* Takes the lowest run of set bits away. Returns false when there is none. */
MW_ALWAYS_INLINE bool take_run(uint64_t *bits, unsigned *ret_first, unsigned *ret_count)
{
    uint64_t after;

    if (*bits == 0)
        return false;
    *ret_first = (unsigned)__builtin_ctzll(*bits);
    after = ~(*bits >> *ret_first);
    *ret_count = after != 0 ? (unsigned)__builtin_ctzll(after) : 64;
    *bits &= *bits + ((uint64_t)1 << *ret_first);
    return true;
}

/* The live words of a block of 64, split in those that go to one page and to the next. */
struct part {
    uint64_t live;
    uintptr_t to;
};

MW_ALWAYS_INLINE void split_block(const struct mw_move *move, size_t block, uint64_t live,
                                  size_t before, struct part ret[2])
{
    uint64_t low = ~(uint64_t)0;

    if (block == move->split / 64)
        low = ((uint64_t)1 << move->split % 64) - 1;
    else if (block > move->split / 64)
        low = 0;
    ret[0] = (struct part){live & low, move->to[0] + before * MW_WORD};
    before += low == 0 ? 0 : mw_popcount(live & low);
    ret[1] = (struct part){live & ~low, move->to[1] + before * MW_WORD};
}

static void move_words(const char *block, struct part part)
{
    unsigned at, count;

    for (; take_run(&part.live, &at, &count); part.to += count * (size_t)MW_WORD) {
        const char *from = block + at * (size_t)MW_WORD;

        if ((uintptr_t)from != part.to)
            memmove((char *)part.to, from, count * (size_t)MW_WORD);
    }
}

static void move_page(struct mw_heap *self, size_t index)
{
    const struct mw_page *page = mw_pool_page(&self->pool, index);
    const struct mw_move *move = &self->compactor.moves[index];
    const uint16_t *ranks = mw_compact_ranks(self, index);
    struct part parts[2];

    for (size_t i = MW_FIRST_WORD / 64; i < MW_MARK_WORDS; i++) {
        uint64_t live = mw_rank_live(page->marks[i], ranks[i]);

        split_block(move, i, live, ranks[i] & MW_RANK_MASK, parts);
        move_words((const char *)page + i * 64 * MW_WORD, parts[0]);
        move_words((const char *)page + i * 64 * MW_WORD, parts[1]);
    }
}

/* What has come from a page lies in one piece, or at the end of one page and the start of the next.
 */
static void update_moved(struct mw_heap *self, size_t index)
{
    const struct mw_page *page = mw_pool_page(&self->pool, index);
    const struct mw_move *move = &self->compactor.moves[index];
    size_t bytes = page->live, first = bytes;

    if (move->split < MW_PAGE_WORDS)
        first = mw_rank_before(page, mw_compact_ranks(self, index), move->split) * (size_t)MW_WORD;
    update_tiles(self, move->to[0], move->to[0] + first);
    update_tiles(self, move->to[1] + first, move->to[1] + bytes);
}

static void slide_page(struct mw_heap *self, size_t index)
{
    move_page(self, index);
    update_moved(self, index);
}

/* ---- marks ---- */

static void put_marks(uint64_t marks, struct part part)
{
    unsigned at, count;

    for (; take_run(&part.live, &at, &count); part.to += count * (size_t)MW_WORD) {
        struct mw_page *page = mw_page_of(part.to);
        size_t word = mw_page_word(page, part.to);
        uint64_t bits = marks >> at & ~(uint64_t)0 >> (64 - count);

        page->marks[word / 64] |= bits << word % 64;
        if (word % 64 + count > 64)
            page->marks[word / 64 + 1] |= bits >> (64 - word % 64);
    }
}

/* The marks of a run go where its words went; that is never behind the block being read. */
static void move_marks(struct mw_heap *self, size_t index)
{
    struct mw_page *page = mw_pool_page(&self->pool, index);
    const struct mw_move *move = &self->compactor.moves[index];
    const uint16_t *ranks = mw_compact_ranks(self, index);
    struct part parts[2];

    for (size_t i = MW_FIRST_WORD / 64; i < MW_MARK_WORDS; i++) {
        uint64_t marks = page->marks[i];

        split_block(move, i, mw_rank_live(marks, ranks[i]), ranks[i] & MW_RANK_MASK, parts);
        page->marks[i] = 0;
        put_marks(marks, parts[0]);
        put_marks(marks, parts[1]);
    }
}

/* ---- the whole ---- */

static void open_page(struct mw_heap *self, size_t index)
{
    mw_annotate_used((char *)mw_pool_page(&self->pool, index) + MW_PAGE_FIRST, MW_PAGE_ROOM);
}

/* A page is left with objects up to one hole at its end, or comes free. */
static void settle_page(struct mw_heap *self, size_t index)
{
    struct mw_page *page = mw_pool_page(&self->pool, index);
    size_t end = index <= self->compactor.last ? self->compactor.moves[index].end : MW_FIRST_WORD;

    if (end == MW_FIRST_WORD) {
        mw_pool_put(self, page);
        return;
    }
    page->state = MW_PAGE_SWEPT;
    page->used = page->live = end * MW_WORD - MW_PAGE_FIRST;
    self->old.used += page->used;
    memset(page->own_slots, 0, sizeof(page->own_slots));
    mw_sweep_add_hole(self, page, end, MW_PAGE_WORDS);
}

/* Now that it is known how many pages there are. */
static void settle_reserve(struct mw_heap *self, size_t index)
{
    struct mw_page *page = mw_pool_page(&self->pool, index);

    page->reserve = page->reserve && mw_heap_is_in_reserve(self);
}

struct holder {
    struct mw_heap *heap;
    struct mw_page *page;
};

static void note_slot(void *context, uintptr_t *slot)
{
    struct holder *self = context;

    if (mw_is_young_object(self->heap, *slot))
        mw_slot_note(self->page, slot);
}

/* A slot set stays with its page, so arrays that moved are in none. Those with young references are
 * in the remembered set. */
static void note_slots(struct mw_heap *self)
{
    for (uintptr_t *entry = self->remembered.base; entry < self->remembered.top; entry++) {
        uintptr_t *object = (uintptr_t *)*entry;
        struct holder holder = {self, mw_page_of(*entry)};

        if (mw_remembered_by_slots(self, object[0]) && !holder.page->large)
            mw_visit_object(self->types.shapes, object, object[0], note_slot, &holder);
    }
}

void mw_compact(struct mw_heap *self)
{
    mw_old_drop_spans(&self->old);
    mw_large_sweep(self);
    mw_compact_plan(self);
    update_roots(self);
    update_young(self);
    update_large(self);
    move_identities(self);
    each_used_page(self, open_page);
    each_used_page(self, slide_page);
    each_used_page(self, move_marks);
    self->old.used = 0;
    self->old.sweep_at = self->pool.page_max;
    each_used_page(self, settle_page);
    each_used_page(self, settle_reserve);
    note_slots(self);
    mw_compact_forget(self);
}

/* ---- is it of use? ---- */

/* Bytes of the old space's pages and of the object, when sliding is over. A small object would
 * begin where the plan ends, or on a page more: `ret_pages` counts that. */
static size_t size_after(struct mw_heap *self, uint64_t header, size_t *ret_pages)
{
    const struct mw_compactor *plan = &self->compactor;
    size_t bytes = mw_header_bytes(header);

    *ret_pages = plan->pages;
    if (bytes > MW_LARGE_MIN)
        return plan->pages * MW_PAGE_SIZE + mw_large_least(bytes, mw_is_leaf(self, header));
    if (plan->pages == 0 ||
        !mw_old_fits((MW_PAGE_WORDS - plan->moves[plan->last].end) * (size_t)MW_WORD, bytes))
        ++*ret_pages;
    return *ret_pages * MW_PAGE_SIZE;
}

/* Halves that have grown get smaller when sliding is over, if what lives in them finds room in the
 * old space before they do. Returns the bytes that both spaces take less then; 0 when they cannot.
 */
static size_t halves_can_give(const struct mw_heap *self)
{
    size_t size = mw_nursery_size(self), least = 2 * self->config.semi_space;
    size_t more = (mw_nursery_used(self) / MW_PAGE_ROOM + 1) * MW_PAGE_SIZE;
    size_t meanwhile = size + mw_large_size(self) + self->compactor.pages * MW_PAGE_SIZE + more;

    if (self->nursery.slots != 2 || size <= least + more || meanwhile > mw_heap_bound(self))
        return 0;
    return size - least - more;
}

/* A large object gets nothing unless pages come free for it. */
bool mw_compact_makes_room(struct mw_heap *self, uint64_t header, bool *ret_shrink)
{
    size_t pages, size, bound = mw_heap_bound(self);
    bool large = mw_header_bytes(header) > MW_LARGE_MIN, fits;

    mw_compact_prepare(self);
    mw_compact_plan(self);
    size = mw_nursery_size(self) + mw_large_size(self) + size_after(self, header, &pages);
    *ret_shrink = size > bound;
    fits = pages + large <= self->pool.used &&
           (size <= bound || size - halves_can_give(self) <= bound);
    if (!fits)
        mw_compact_forget(self);
    return fits;
}

bool mw_compact_is_worth_it(struct mw_heap *self)
{
    bool due = self->compactor.due;
    bool worth;

    self->compactor.due = false;
    if (!due || !mw_policy_sparse(self->pool.used, mw_old_used(self)))
        return false;
    mw_compact_prepare(self);
    mw_compact_plan(self);
    worth = mw_policy_sparse(self->pool.used, self->compactor.pages * MW_PAGE_SIZE) &&
            mw_policy_slide(mw_old_used(self), self->compactor.cost,
                            mw_policy_ns(self->config.slide_us));
    if (!worth)
        mw_compact_forget(self);
    return worth;
}
