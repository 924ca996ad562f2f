/* The remembered set: which old objects may refer to young ones.
 *
 * A holder is remembered, not a slot. An old object is WATCHED: a store into it goes to
 * mw_heap_barrier(), which lists the object once and stops watching it, however often a young value
 * is stored there. At the next scavenge the whole object is looked at; if nothing young is left in
 * it, it is watched again and leaves the list. The list therefore has at most as many entries as
 * there are old objects, and cannot overflow its table.
 *
 * Arrays of more than MW_REMEMBER_ALL bytes, of references or of structures, stay watched, and each
 * store of a young value marks a card of 128 bytes, so that a scavenge looks at the touched parts
 * only. Two arrays may share the card at their border: those bits are not taken away. Records are
 * looked at whole, whatever their size (128 KiB at most): where the references are in one with a
 * callback, only the callback knows, and it tells all of them at once.
 */
#include "heap/heap_internal.h"

#include <errno.h>

/* Holders lie all over the old space: they are asked for from memory so many entries ahead. */
enum { AHEAD = 12 };

int mw_stack_init(struct mw_heap *self, struct mw_stack *stack, size_t entries)
{
    stack->bytes = mw_vm_round(entries * sizeof(uintptr_t));
    stack->base = stack->top = mw_vm_table(&self->vm, stack->bytes);
    return stack->base != NULL ? 0 : -ENOMEM;
}

void mw_stack_deinit(struct mw_stack *self)
{
    mw_vm_unmap(self->base, self->bytes);
}

void mw_remembered_list(struct mw_heap *self, uintptr_t *holder)
{
    if (!(holder[0] & MW_FLAG_LISTED)) {
        holder[0] |= MW_FLAG_LISTED;
        mw_stack_push(&self->remembered, (uintptr_t)holder);
    }
}

/* After a store into a holder with one of the flags of front.barrier. */
void mw_heap_barrier(struct mw_heap *self, uintptr_t *holder, size_t index, uintptr_t value)
{
    if (value == 0)
        return;
    if (!mw_is_young_object(self, value)) {
        if (self->marker.active)
            mw_mark_object(self, value);
        return;
    }
    if (!(holder[0] & MW_FLAG_WATCHED))
        return;
    if (mw_remembered_by_cards(self, holder[0]))
        mw_card_set(mw_page_of((uintptr_t)holder), &holder[1 + index]);
    else
        holder[0] &= ~(uint64_t)MW_FLAG_WATCHED;
    mw_remembered_list(self, holder);
}

/* ---- scanning ---- */

struct scan {
    const struct mw_heap *heap;
    mw_visit_fn *visit;
    void *context;
    bool young;
};

static void scan_slot(void *context, uintptr_t *slot)
{
    struct scan *self = context;

    /* Most words of a card are not young: the test here saves a call for each (a tenth of lru). */
    if (!mw_is_young_object(self->heap, *slot))
        return;
    self->visit(self->context, slot);
    self->young |= mw_is_young_object(self->heap, *slot);
}

/* Returns whether something young is left between `first` and `end`. */
static bool scan_range(struct scan *self, uintptr_t *holder, uintptr_t *first, uintptr_t *end)
{
    const struct mw_shape *shape = &self->heap->types.shapes[mw_header_type(holder[0])];

    self->young = false;
    mw_visit_part(shape, holder, first, end, scan_slot, self);
    return self->young;
}

static bool scan_card(struct scan *self, uintptr_t *holder, size_t card)
{
    struct mw_page *page = mw_page_of((uintptr_t)holder);
    uintptr_t *first = holder + 1;
    uintptr_t *end = holder + mw_header_words(holder[0]);
    uintptr_t *start = (uintptr_t *)(void *)((char *)page + (card << MW_CARD_SHIFT));
    uintptr_t *stop = start + MW_CARD_WORDS;
    bool whole = start >= first && stop <= end;
    bool young = scan_range(self, holder, start > first ? start : first, stop < end ? stop : end);

    if (whole && !young)
        page->cards[card / 64] &= ~((uint64_t)1 << card % 64);
    return young;
}

static bool scan_cards(struct scan *self, uintptr_t *holder)
{
    struct mw_page *page = mw_page_of((uintptr_t)holder);
    uintptr_t *first = holder + 1;
    uintptr_t *end = holder + mw_header_words(holder[0]);
    size_t card = (size_t)((char *)first - (char *)page) >> MW_CARD_SHIFT;
    size_t last = (size_t)((char *)(end - 1) - (char *)page) >> MW_CARD_SHIFT;
    bool young = false;

    while (card <= last) {
        uint64_t bits = page->cards[card / 64] >> card % 64;

        if (bits == 0) {
            card = (card / 64 + 1) * 64;
        } else {
            card += (size_t)__builtin_ctzll(bits);
            if (card <= last)
                young |= scan_card(self, holder, card);
            card++;
        }
    }
    return young;
}

static bool scan_holder(struct scan *self, uintptr_t *holder)
{
    if (mw_remembered_by_cards(self->heap, holder[0]))
        return scan_cards(self, holder);
    self->young = false;
    mw_visit_object(self->heap->types.shapes, holder, holder[0], scan_slot, self);
    return self->young;
}

void mw_remembered_scan(struct mw_heap *self, mw_visit_fn *visit, void *context)
{
    struct scan scan = {self, visit, context, false};
    uintptr_t *kept = self->remembered.base;

    for (uintptr_t *entry = kept; entry < self->remembered.top; entry++) {
        uintptr_t *holder = (uintptr_t *)*entry;

        if (entry + AHEAD < self->remembered.top)
            __builtin_prefetch((void *)entry[AHEAD], 1);
        if (scan_holder(&scan, holder))
            *kept++ = *entry;
        else
            holder[0] = (holder[0] & ~(uint64_t)MW_FLAG_LISTED) | MW_FLAG_WATCHED;
    }
    self->remembered.top = kept;
}

void mw_remembered_prune(struct mw_heap *self)
{
    uintptr_t *kept = self->remembered.base;

    for (uintptr_t *entry = kept; entry < self->remembered.top; entry++)
        if (mw_mark_test(*entry))
            *kept++ = *entry;
    self->remembered.top = kept;
}
