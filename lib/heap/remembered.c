/* The remembered set: which old objects may refer to young ones.
 *
 * A holder is remembered, not a reference in it. An old object is WATCHED: a store into it goes to
 * mw_heap_barrier(), which lists the object once and stops watching it, however often a young value
 * is stored there. At the next scavenge the whole object is looked at; if nothing young is left in
 * it, it is watched again and leaves the list. The list therefore has at most as many entries as
 * there are old objects, and cannot overflow its table.
 *
 * Arrays of more than MW_REMEMBER_ALL bytes, of references or of structures, stay watched, and each
 * store of a young value notes its slot in the page's slot set, a bit for each word, so that a
 * scavenge looks at nothing else. (Cards of 128 bytes meant sixteen words for one: a tenth of lru.)
 * An array that died leaves its bits to what comes after it, so a bit is a hint: what a word is,
 * only the type says. Records are looked at whole, whatever their size (128 KiB at most): where the
 * references are in one with a callback, only the callback knows, and it tells all of them at once.
 */
#include "heap/heap_internal.h"

#include <errno.h>

/* Holders lie all over the old space: they are asked for from memory so many entries ahead. So are
 * noted slots, and the objects to which they refer, so many together. */
enum { AHEAD = 12, BATCH = 32 };

int mw_stack_init(struct mw_heap *self, struct mw_stack *stack, size_t entries)
{
    stack->bytes = mw_vm_round(entries * sizeof(uintptr_t));
    stack->base = stack->top = mw_vm_table(&self->vm, stack->bytes);
    return stack->base != NULL ? 0 : -ENOMEM;
}

bool mw_stack_prepare(struct mw_stack *self, size_t bytes)
{
    uintptr_t *next = self->base + self->ready / sizeof(*next);

    if (self->ready >= bytes || self->ready >= self->bytes)
        return false;
    if (next >= self->top) /* else it came when it was used */
        *(volatile uintptr_t *)next = 0;
    self->ready += mw_vm_round(1);
    return true;
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

/* Most values are old, and stored without a call: the new space is one range. Large young objects
 * lie anywhere, and while marking old values are of interest as well. */
void mw_barrier_adjust(struct mw_heap *self)
{
    bool all = self->marker.active || self->large_young.span != 0;

    self->front.told = all ? 0 : (uintptr_t)self->nursery.base;
    self->front.told_span = all ? UINTPTR_MAX : self->nursery.reserved;
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
    if (mw_remembered_by_slots(self, holder[0]))
        mw_slot_note(mw_page_of((uintptr_t)holder), &holder[1 + index]);
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

MW_ALWAYS_INLINE void scan_slot(void *context, uintptr_t *slot)
{
    struct scan *self = context;

    /* Most references of a record are old: the test here saves a call for each. */
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

/* The next noted words of the holder, no more than a batch, from `*at` to before `end`. */
static size_t find_slots(const struct mw_page *page, size_t *at, size_t end, size_t *ret)
{
    size_t count = 0;

    while (*at < end && count < BATCH) {
        uint64_t bits = page->slots[*at / 64] >> *at % 64;

        if (bits == 0) {
            *at = (*at / 64 + 1) * 64;
            continue;
        }
        ret[count] = *at + (size_t)__builtin_ctzll(bits);
        *at = ret[count] + 1;
        count += ret[count] < end;
    }
    return count;
}

static bool scan_word(struct scan *self, uintptr_t *holder, size_t word)
{
    struct mw_page *page = mw_page_of((uintptr_t)holder);
    uintptr_t *slot = (uintptr_t *)(void *)page + word;

    if (scan_range(self, holder, slot, slot + 1))
        return true;
    page->slots[word / 64] &= ~((uint64_t)1 << word % 64);
    return false;
}

static bool scan_slots(struct scan *self, uintptr_t *holder)
{
    struct mw_page *page = mw_page_of((uintptr_t)holder);
    uintptr_t *words = (uintptr_t *)(void *)page;
    size_t at = mw_page_word(page, (uintptr_t)(holder + 1));
    size_t end = mw_page_word(page, (uintptr_t)holder) + mw_header_words(holder[0]);
    size_t noted[BATCH], count;
    bool young = false;

    while ((count = find_slots(page, &at, end, noted)) > 0) {
        for (size_t i = 0; i < count; i++)
            __builtin_prefetch(&words[noted[i]], 1);
        for (size_t i = 0; i < count; i++)
            if (mw_is_young(&self->heap->nursery, words[noted[i]]))
                __builtin_prefetch((void *)words[noted[i]], 1);
        for (size_t i = 0; i < count; i++)
            young |= scan_word(self, holder, noted[i]);
    }
    return young;
}

static bool scan_holder(struct scan *self, uintptr_t *holder)
{
    if (mw_remembered_by_slots(self->heap, holder[0]))
        return scan_slots(self, holder);
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
