/* The old space: allocation bumps through holes.
 *
 * Every hole of at least MW_SPAN_MIN bytes that a sweep finds goes on a list by its size. The one
 * being filled is [top, limit); when an object does not fit, what is left goes back on a list.
 * Smaller holes become fillers, so that a swept page can be walked from object to object.
 *
 * There are two such allocators, for objects with references (holders) and without (leaves), each
 * with pages of its own. What a program searches and what a collector follows are holders: beside
 * each other they need fewer cache lines and translations of addresses (a tenth of lru). It is a
 * wish, not an invariant: a holder may stand in a page of leaves, after a compaction, which knows
 * one order only, or when there are no pages any more, and the holes of both are everybody's.
 */
#include "heap/annotate_internal.h"
#include "heap/heap_internal.h"

#include <limits.h>
#include <string.h>

enum { CLASS_SHIFT = 6, SWEEPS_IN_PAUSE = 4 };

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

bool mw_old_fits(size_t hole, size_t bytes)
{
    return hole >= MW_SPAN_MIN && class_of(hole) >= class_for(bytes);
}

void mw_old_add_span(struct mw_old *self, void *start, size_t bytes)
{
    struct mw_lane *lane;
    struct mw_span *span = start;
    unsigned class;

    mw_filler_write(start, bytes);
    if (bytes < MW_SPAN_MIN || mw_page_of((uintptr_t)start)->reserve)
        return;
    lane = &self->lanes[mw_page_of((uintptr_t)start)->lane];
    class = class_of(bytes);
    span->next = lane->spans[class];
    lane->spans[class] = span;
    lane->span_classes |= 1U << class;
    mw_annotate_free((char *)start + MW_SPAN_HEAD, bytes - MW_SPAN_HEAD);
}

void mw_old_drop_spans(struct mw_old *self)
{
    for (unsigned i = 0; i < MW_LANES; i++) {
        memset(self->lanes[i].spans, 0, sizeof(self->lanes[i].spans));
        self->lanes[i].span_classes = 0;
    }
}

/* The smallest one that is large enough for all of its class to be so. */
static struct mw_span *take_span(struct mw_lane *self, size_t bytes)
{
    uint32_t classes = self->span_classes >> class_for(bytes) << class_for(bytes);
    struct mw_span *span;
    unsigned class;

    if (classes == 0)
        return NULL;
    class = (unsigned)__builtin_ctz(classes);
    span = self->spans[class];
    self->spans[class] = span->next;
    if (span->next == NULL)
        self->span_classes &= ~(1U << class);
    __builtin_prefetch(span->next, 1); /* it is likely to be the next, and nobody has seen it */
    return span;
}

/* The hole may be one of the other lane. */
static bool open_span(struct mw_heap *self, struct mw_lane *lane, struct mw_span *span)
{
    size_t size;

    if (span == NULL)
        return false;
    size = mw_header_bytes(span->header);
    mw_annotate_used(span, size);
    mw_page_of((uintptr_t)span)->used += size;
    self->old.used += size;
    lane->top = (char *)span;
    lane->limit = lane->top + size;
    return true;
}

static size_t room_of(const struct mw_lane *self)
{
    return (size_t)(self->limit - self->top);
}

static void retire(struct mw_heap *self, struct mw_lane *lane)
{
    size_t left = room_of(lane);

    if (left != 0) {
        mw_page_of((uintptr_t)lane->top)->used -= left;
        self->old.used -= left;
        mw_old_add_span(&self->old, lane->top, left);
    }
    lane->top = lane->limit = lane->zeroed = NULL;
}

void mw_old_retire(struct mw_heap *self)
{
    for (unsigned i = 0; i < MW_LANES; i++)
        retire(self, &self->old.lanes[i]);
}

static void drop_spans_of(const struct mw_page *page, struct mw_lane *lane, unsigned class)
{
    struct mw_span **span = &lane->spans[class];

    while (*span != NULL)
        if (mw_page_of((uintptr_t)*span) == page)
            *span = (*span)->next;
        else
            span = &(*span)->next;
    if (lane->spans[class] == NULL)
        lane->span_classes &= ~(1U << class);
}

void mw_old_withhold(struct mw_heap *self)
{
    struct mw_page *page = self->old.lent;

    mw_old_retire(self);
    if (page == NULL)
        return;
    page->reserve = true;
    for (unsigned i = 0; i < MW_LANES; i++)
        for (unsigned class = 0; class < MW_SPAN_CLASSES; class ++)
            drop_spans_of(page, &self->old.lanes[i], class);
    self->old.lent = NULL;
}

void mw_old_forget_zeroes(struct mw_old *self)
{
    for (unsigned i = 0; i < MW_LANES; i++)
        self->lanes[i].zeroed = NULL;
}

static bool add_page(struct mw_heap *self, enum mw_lane_name name)
{
    struct mw_page *page = mw_pool_take(self);

    if (page == NULL)
        return false;
    page->lane = (uint8_t)name;
    mw_old_add_span(&self->old, (char *)page + MW_PAGE_FIRST, MW_PAGE_ROOM);
    if (mw_heap_is_in_reserve(self))
        self->old.lent = page;
    return true;
}

/* Page after page may have nothing but holes that are too small (20 ms of them, measured). So in a
 * pause few are tried before a new page is taken, which stands ready. */
static bool find_more(struct mw_heap *self, enum mw_lane_name name, unsigned *sweeps)
{
    if (*sweeps > 0 && mw_sweep_next(self)) {
        --*sweeps;
        return true;
    }
    return add_page(self, name) || mw_sweep_next(self);
}

/* There is no page for this lane any more. What the other lane was filling may be a hole of this
 * one, which it had borrowed. */
static bool borrow(struct mw_heap *self, enum mw_lane_name name, size_t bytes)
{
    struct mw_lane *lane = &self->old.lanes[name];
    struct mw_lane *other = &self->old.lanes[MW_LANES - 1 - name];

    retire(self, other);
    return open_span(self, lane, take_span(lane, bytes)) ||
           open_span(self, lane, take_span(other, bytes));
}

bool mw_old_open(struct mw_heap *self, size_t bytes, enum mw_lane_name name)
{
    unsigned sweeps = self->collecting ? SWEEPS_IN_PAUSE : UINT_MAX;
    struct mw_lane *lane = &self->old.lanes[name];

    retire(self, lane);
    while (!open_span(self, lane, take_span(lane, bytes)))
        if (!find_more(self, name, &sweeps))
            return borrow(self, name, bytes);
    return true;
}

size_t mw_old_used(const struct mw_heap *self)
{
    const struct mw_lane *lanes = self->old.lanes;

    return self->old.used - room_of(&lanes[MW_LANE_HOLDERS]) - room_of(&lanes[MW_LANE_LEAVES]);
}

const char *mw_old_hole_end(const struct mw_old *self, const char *at)
{
    for (unsigned i = 0; i < MW_LANES; i++)
        if (at == self->lanes[i].top && room_of(&self->lanes[i]) != 0)
            return self->lanes[i].limit;
    return NULL;
}

bool mw_old_has_hole(const struct mw_old *self)
{
    return self->lanes[MW_LANE_HOLDERS].top != NULL || self->lanes[MW_LANE_LEAVES].top != NULL;
}
