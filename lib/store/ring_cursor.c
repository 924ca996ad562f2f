/* Reading one column: a binary search over the chunks' last times, then one chunk at a time is
 * decoded into the cursor. Behind the sealed chunks come those that are only packed, and the open
 * rows as the last one of all. */
#include "store/ring_internal.h"

#include <errno.h>
#include <string.h>

/* Raw pointers to what a cursor reads. Good inside a raw region. */
struct view {
    const uintptr_t *chunks;
    const unsigned char *parts;
    const struct mw_ring *ring;
};

static struct view view_of(const struct mw_ring *ring, struct mw_ref root)
{
    const uintptr_t *fields = mw_heap_raw(ring->heap, root);
    struct view view = {.ring = ring};

    view.chunks = mw_heap_payload(fields[MW_RING_CHUNKS]);
    view.parts = mw_heap_payload(fields[MW_RING_NEWEST]);
    return view;
}

static const unsigned char *chunk_at(const struct view *view, uint64_t chunk)
{
    uint64_t sealed = view->ring->first + view->ring->count;
    const unsigned char *part = view->parts;

    if (chunk < sealed)
        return mw_heap_payload(view->chunks[mw_ring_slot(view->ring, chunk)]);
    for (; chunk > sealed; chunk--)
        part = mw_ring_next_part(part);
    return part;
}

/* The first sealed chunk whose last row is not before `time`, or the one behind. */
static uint64_t find(const struct view *view, int64_t time)
{
    uint64_t low = view->ring->first, high = low + view->ring->count;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (((const struct mw_chunk_head *)(const void *)chunk_at(view, middle))->last < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int mw_ring_cursor_init(struct mw_ring_cursor *self, const struct mw_ring *ring, unsigned column,
                        int64_t from, int64_t to)
{
    MW_SCOPE(scope, ring->heap);
    struct mw_ref root = mw_ring_object(ring);
    struct view view;

    if (column >= ring->columns || from > to)
        return -EINVAL;
    self->ring = ring;
    self->column = column;
    self->from = self->step_at = from;
    self->to = to;
    self->changes = ring->changes;
    self->row = self->rows = 0;
    mw_heap_raw_enter(ring->heap);
    view = view_of(ring, root);
    self->chunk = find(&view, from);
    mw_heap_raw_leave(ring->heap);
    return 0;
}

static void read_open(struct mw_ring_cursor *self)
{
    const struct mw_open *open = &self->ring->open;
    unsigned columns = self->ring->columns;

    self->rows = open->rows;
    mw_open_read(open, columns, -1, (uint64_t *)self->times, NULL);
    mw_open_read(open, columns, (int)self->column, &self->numbers[0].u, self->reasons);
    for (unsigned i = 0; i < self->rows; i++)
        if (self->reasons[i] != 0)
            self->numbers[i].u = 0;
}

static void read_chunk(struct mw_ring_cursor *self, const unsigned char *chunk, bool packed)
{
    struct mw_chunk_reader reader = mw_chunk_open(chunk, packed);

    self->rows = reader.rows;
    mw_chunk_next(&reader, MW_RING_I64, (uint64_t *)self->times, NULL);
    mw_chunk_skip(&reader, self->column);
    mw_chunk_next(&reader, self->ring->forms[self->column], &self->numbers[0].u, self->reasons);
}

/* Returns false after the open rows. */
static bool load(struct mw_ring_cursor *self)
{
    const struct mw_ring *ring = self->ring;
    MW_SCOPE(scope, ring->heap);
    struct mw_ref root = mw_ring_object(ring);
    uint64_t end = ring->first + ring->count + ring->parts;
    struct view view;

    if (self->chunk > end)
        return false;
    mw_heap_raw_enter(ring->heap);
    view = view_of(ring, root);
    if (self->chunk == end)
        read_open(self);
    else
        read_chunk(self, chunk_at(&view, self->chunk), self->chunk >= ring->first + ring->count);
    mw_heap_raw_leave(ring->heap);
    self->chunk++;
    self->row = 0;
    return true;
}

/* Stands on the next row not before `from`. Returns 1, or 0 when there is none. */
static int settle(struct mw_ring_cursor *self)
{
    for (;;) {
        while (self->row < self->rows && self->times[self->row] < self->from)
            self->row++;
        if (self->row < self->rows)
            return self->times[self->row] < self->to;
        if (!load(self))
            return 0;
    }
}

int mw_ring_cursor_next(struct mw_ring_cursor *self, struct mw_ring_value *ret)
{
    if (self->changes != self->ring->changes)
        return -ESTALE;
    if (settle(self) == 0)
        return 0;
    *ret = (struct mw_ring_value){
        .time = self->times[self->row],
        .number = self->numbers[self->row],
        .reason = self->reasons[self->row],
    };
    self->row++;
    return 1;
}

/* ---- steps ---- */

static bool less(enum mw_ring_form form, union mw_ring_number left, union mw_ring_number right)
{
    switch (form) {
    case MW_RING_U64:
        return left.u < right.u;
    case MW_RING_I64:
        return left.i < right.i;
    default:
        return left.f < right.f;
    }
}

static double value_of(enum mw_ring_form form, union mw_ring_number number)
{
    switch (form) {
    case MW_RING_U64:
        return (double)number.u;
    case MW_RING_I64:
        return (double)number.i;
    default:
        return number.f;
    }
}

static void add(struct mw_ring_step *step, double *sum, enum mw_ring_form form,
                union mw_ring_number number, uint8_t reason)
{
    step->rows++;
    if (reason != 0) {
        step->reason = reason;
        return;
    }
    if (step->count == 0 || less(form, number, step->min))
        step->min = number;
    if (step->count == 0 || less(form, step->max, number))
        step->max = number;
    step->count++;
    *sum += value_of(form, number);
}

/* Where a step ends that begins at `at`; the last one may be shorter. */
static int64_t step_end(int64_t at, uint64_t step, int64_t to)
{
    return (uint64_t)to - (uint64_t)at > step ? (int64_t)((uint64_t)at + step) : to;
}

int mw_ring_cursor_step(struct mw_ring_cursor *self, uint64_t step, struct mw_ring_step *ret)
{
    enum mw_ring_form form = self->ring->forms[self->column];
    int64_t end = step_end(self->step_at, step, self->to);
    double sum = 0;

    if (step == 0)
        return -EINVAL;
    if (self->changes != self->ring->changes)
        return -ESTALE;
    if (self->step_at >= self->to)
        return 0;
    *ret = (struct mw_ring_step){.time = self->step_at};
    for (; settle(self) != 0 && self->times[self->row] < end; self->row++)
        add(ret, &sum, form, self->numbers[self->row], self->reasons[self->row]);
    ret->mean = ret->count > 0 ? sum / ret->count : 0;
    self->step_at = end;
    return 1;
}
