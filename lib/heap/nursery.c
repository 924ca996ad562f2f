/* The new space: halves in one reservation, so that "is it young" is one subtraction.
 *
 * One half is filled from its start; the inline allocation owns [top, limit), which is zeroed and
 * moves up in small steps, so that zeroes are still in the cache when the objects come. The other
 * half is what a scavenge copies into. With MW_HEAP_MOVE there are more halves, used in turn, and
 * all but two cannot be read: whoever kept an address meets the end of the program there.
 */
#include "heap/annotate_internal.h"
#include "heap/heap_internal.h"

#include <errno.h>
#include <string.h>

enum { HALVES = 2, HALVES_MOVING = 18, POISON_BYTE = 0xd5 };

char *mw_nursery_half(const struct mw_nursery *self, unsigned slot)
{
    return self->base + slot * self->slot_size;
}

static void start_half(struct mw_heap *self, char *top)
{
    struct mw_nursery *nursery = &self->nursery;

    nursery->end = mw_nursery_half(nursery, nursery->from) + nursery->capacity;
    self->front.top = self->front.limit = top;
    mw_annotate_free(top, (size_t)(nursery->end - top));
}

int mw_nursery_init(struct mw_heap *self)
{
    struct mw_nursery *nursery = &self->nursery;

    nursery->slots = self->config.modes & MW_HEAP_MOVE ? HALVES_MOVING : HALVES;
    nursery->slot_size = self->config.semi_space_max;
    nursery->capacity = self->config.semi_space;
    nursery->reserved = nursery->slots * nursery->slot_size;
    nursery->to = 1;
    nursery->base = mw_vm_reserve(&self->vm, nursery->reserved, MW_PAGE_SIZE);
    if (nursery->base == NULL ||
        mw_vm_commit(&self->vm, mw_nursery_half(nursery, 0), nursery->capacity) < 0 ||
        mw_vm_commit(&self->vm, mw_nursery_half(nursery, 1), nursery->capacity) < 0)
        return -ENOMEM;
    start_half(self, nursery->base);
    return 0;
}

void mw_nursery_deinit(struct mw_heap *self)
{
    if (self->nursery.base == NULL)
        return;
    mw_annotate_used(self->nursery.base, self->nursery.reserved);
    mw_vm_unmap(self->nursery.base, self->nursery.reserved);
}

bool mw_nursery_extend(struct mw_heap *self, size_t bytes)
{
    struct mw_heap_front *front = &self->front;
    char *limit = front->limit;
    size_t room = (size_t)(self->nursery.end - front->top);
    size_t step =
        front->checked || self->config.modes & (MW_HEAP_STRESS | MW_HEAP_SLICES) ? bytes : MW_LAB;

    if (room < bytes)
        return false;
    if (step < bytes)
        step = bytes;
    front->limit = step < room ? front->top + step : self->nursery.end;
    if (front->limit < limit)
        front->limit = limit;
    mw_annotate_used(limit, (size_t)(front->limit - limit));
    memset(limit, 0, (size_t)(front->limit - limit));
    return true;
}

void mw_nursery_retire(struct mw_heap *self)
{
    self->front.limit = self->front.top;
}

/* ---- after a scavenge ---- */

static bool grow(struct mw_heap *self)
{
    struct mw_nursery *nursery = &self->nursery;
    size_t more = nursery->capacity;

    if (nursery->survived <= nursery->capacity || 2 * more > nursery->slot_size ||
        nursery->slots != HALVES || !mw_heap_may_grow(self, 2 * more))
        return false;
    for (unsigned i = 0; i < HALVES; i++) {
        if (mw_vm_commit(&self->vm, mw_nursery_half(nursery, i) + more, more) < 0) {
            if (i > 0)
                mw_vm_decommit(mw_nursery_half(nursery, 0) + more, more);
            return false;
        }
    }
    nursery->capacity *= 2;
    nursery->survived = 0;
    return true;
}

/* The half just emptied is locked away and the next one opened; if the kernel refuses that, the
 * same one is used again. */
static void rotate(struct mw_heap *self)
{
    struct mw_nursery *nursery = &self->nursery;
    unsigned next = (nursery->from + 1) % nursery->slots;

    /* After a refusal the next one may be the half just emptied. */
    if (next == nursery->to ||
        mw_vm_commit(&self->vm, mw_nursery_half(nursery, next), nursery->capacity) < 0)
        return;
    mw_vm_decommit(mw_nursery_half(nursery, nursery->to), nursery->capacity);
    mw_annotate_free(mw_nursery_half(nursery, next), nursery->capacity);
    nursery->to = next;
}

void mw_nursery_flip(struct mw_heap *self, char *to_top)
{
    struct mw_nursery *nursery = &self->nursery;
    unsigned emptied = nursery->from;
    char *half = mw_nursery_half(nursery, emptied);

    nursery->from = nursery->to;
    nursery->to = emptied;
    nursery->survived += (size_t)(to_top - mw_nursery_half(nursery, nursery->from));
    if (self->config.modes & MW_HEAP_POISON) {
        mw_annotate_used(half, nursery->capacity);
        memset(half, POISON_BYTE, nursery->capacity);
    }
    mw_annotate_free(half, nursery->capacity);
    if (nursery->slots != HALVES)
        rotate(self);
    grow(self);
    start_half(self, to_top);
}

void mw_nursery_bury(struct mw_heap *self)
{
    char *at = mw_nursery_half(&self->nursery, self->nursery.from);

    while (at < self->front.top) {
        uint64_t *header = (uint64_t *)(void *)at;
        size_t bytes = mw_header_bytes(*header);

        if (*header & MW_FLAG_MARKED)
            *header &= ~(uint64_t)MW_FLAG_MARKED;
        else
            mw_filler_write(at, bytes);
        at += bytes;
    }
}

size_t mw_nursery_used(const struct mw_heap *self)
{
    return (size_t)(self->front.top - mw_nursery_half(&self->nursery, self->nursery.from));
}

size_t mw_nursery_size(const struct mw_heap *self)
{
    return 2 * self->nursery.capacity;
}
