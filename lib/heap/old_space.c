/* The old space: allocation bumps through holes.
 *
 * Every hole of at least MW_SPAN_MIN bytes that a sweep finds goes on a list by its size. The one
 * being filled is [top, limit); when an object does not fit, what is left goes back on a list.
 * Smaller holes become fillers, so that a swept page can be walked from object to object.
 */
#include "heap/annotate_internal.h"
#include "heap/heap_internal.h"

#include <limits.h>
#include <string.h>

enum {
    POISON_BYTE = 0xd7,
    CLASS_SHIFT = 6,
    SPAN_HEAD = sizeof(struct mw_span),
    SWEEPS_IN_PAUSE = 4
};

static unsigned log2_floor(size_t value)
{
    return 63 - (unsigned)__builtin_clzll(value);
}

/* The smallest class all of whose holes have room for so many bytes. */
static unsigned class_for(size_t bytes)
{
    unsigned class = bytes <= MW_SPAN_MIN ? 0 : log2_floor(bytes - 1) + 1 - CLASS_SHIFT;

    return class < MW_SPAN_CLASSES ? class : MW_SPAN_CLASSES - 1;
}

static unsigned class_of(size_t bytes)
{
    unsigned class = log2_floor(bytes) - CLASS_SHIFT;

    return class < MW_SPAN_CLASSES ? class : MW_SPAN_CLASSES - 1;
}

void mw_old_add_span(struct mw_old *self, void *start, size_t bytes)
{
    struct mw_span *span = start;
    unsigned class;

    mw_filler_write(start, bytes);
    if (bytes < MW_SPAN_MIN)
        return;
    class = class_of(bytes);
    span->next = self->spans[class];
    self->spans[class] = span;
    self->span_classes |= 1U << class;
    mw_annotate_free((char *)start + SPAN_HEAD, bytes - SPAN_HEAD);
}

void mw_old_drop_spans(struct mw_old *self)
{
    memset(self->spans, 0, sizeof(self->spans));
    self->span_classes = 0;
}

static bool take_span(struct mw_heap *self, size_t bytes)
{
    struct mw_old *old = &self->old;
    uint32_t classes = old->span_classes >> class_for(bytes) << class_for(bytes);
    struct mw_span *span;
    unsigned class;
    size_t size;

    if (classes == 0)
        return false;
    class = (unsigned)__builtin_ctz(classes);
    span = old->spans[class];
    old->spans[class] = span->next;
    if (span->next == NULL)
        old->span_classes &= ~(1U << class);
    size = mw_header_bytes(span->header);
    mw_annotate_used(span, size);
    mw_page_of((uintptr_t)span)->used += size;
    old->used += size;
    old->top = (char *)span;
    old->limit = old->top + size;
    return true;
}

void mw_old_retire(struct mw_heap *self)
{
    struct mw_old *old = &self->old;
    size_t left = (size_t)(old->limit - old->top);

    if (left != 0) {
        mw_page_of((uintptr_t)old->top)->used -= left;
        old->used -= left;
        mw_old_add_span(old, old->top, left);
    }
    old->top = old->limit = NULL;
}

static bool add_page(struct mw_heap *self)
{
    struct mw_page *page = mw_pool_take(self);

    if (page == NULL)
        return false;
    if (self->config.modes & MW_HEAP_POISON)
        memset((char *)page + MW_PAGE_FIRST, POISON_BYTE, MW_PAGE_ROOM);
    mw_old_add_span(&self->old, (char *)page + MW_PAGE_FIRST, MW_PAGE_ROOM);
    return true;
}

/* Page after page may have nothing but holes that are too small (20 ms of them, measured). So in a
 * pause few are tried before a new page is taken, which stands ready. */
static bool find_more(struct mw_heap *self, unsigned *sweeps)
{
    if (*sweeps > 0 && mw_sweep_next(self)) {
        --*sweeps;
        return true;
    }
    return add_page(self) || mw_sweep_next(self);
}

void *mw_old_refill(struct mw_heap *self, size_t bytes)
{
    unsigned sweeps = self->collecting ? SWEEPS_IN_PAUSE : UINT_MAX;

    mw_old_retire(self);
    while (!take_span(self, bytes))
        if (!find_more(self, &sweeps))
            return NULL;
    return mw_old_allocate(self, bytes);
}

size_t mw_old_used(const struct mw_heap *self)
{
    return self->old.used - (size_t)(self->old.limit - self->old.top);
}
