/* From open rows to chunks.
 *
 * 32 open rows become a small chunk at once, quickly. When the newest small ones add up to a whole
 * chunk they are decoded and encoded again, with all the effort that the last form is worth: so
 * each number is encoded twice, and no ring has more than 32 rows uncompressed.
 *
 * An allocation may call the near-limit callback, and that may drop chunks of this ring. So what is
 * to be stored is in the store's scratch memory before the heap is asked, and the ring's state is
 * looked at again after that.
 */
#include "store/ring_internal.h"

#include <errno.h>
#include <string.h>

enum { PARTS_MAX = MW_RING_CHUNK_ROWS_MAX / MW_RING_OPEN_ROWS };

static struct mw_ref chunks_of(const struct mw_ring *self)
{
    return mw_heap_get(self->heap, mw_ring_object(self), MW_RING_CHUNKS);
}

/* What the writer has built, as an object; none without memory. */
static struct mw_ref make_chunk(struct mw_ring *self, struct mw_chunk_writer *writer)
{
    size_t size = mw_chunk_end(writer);
    struct mw_ref chunk = mw_store_new_array(self->store, MW_CLASS_RING_CHUNK, size);

    if (mw_ref_is_none(chunk))
        return chunk;
    mw_heap_raw_enter(self->heap);
    memcpy(mw_heap_raw(self->heap, chunk), self->store->scratch, size);
    mw_heap_raw_leave(self->heap);
    return chunk;
}

static int grow(struct mw_ring *self)
{
    MW_SCOPE(scope, self->heap);
    size_t capacity = 2 * self->capacity, was = self->capacity;
    struct mw_ref larger = mw_store_new_array(self->store, MW_CLASS_RING_CHUNKS, capacity);
    struct mw_ref chunks = chunks_of(self);

    if (mw_ref_is_none(larger))
        return mw_store_error(self->store);
    for (uint64_t i = self->first; i < self->first + self->count; i++)
        mw_heap_copy(self->heap, larger, i & (capacity - 1), chunks, i & (was - 1), 1);
    mw_heap_set(self->heap, mw_ring_object(self), MW_RING_CHUNKS, larger);
    self->capacity = capacity;
    self->bytes += mw_store_object_size(capacity * sizeof(uintptr_t)) -
                   mw_store_object_size(was * sizeof(uintptr_t));
    return 0;
}

/* ---- open rows ---- */

static int encode_open_column(struct mw_ring *self, struct mw_chunk_writer *writer,
                              const struct mw_open *open, int column)
{
    uint64_t numbers[MW_RING_OPEN_ROWS];
    uint8_t reasons[MW_RING_OPEN_ROWS];

    mw_open_read(open, self->columns, self->open_rows, column, numbers, reasons);
    return mw_chunk_put(writer, column < 0 ? MW_RING_I64 : self->forms[column], numbers,
                        column < 0 ? NULL : reasons);
}

static int encode_open(struct mw_ring *self, struct mw_chunk_writer *writer, void *payload)
{
    struct mw_open open = mw_open_at(payload, self->columns);
    struct mw_chunk_head head = {
        .first = (int64_t)open.numbers[0],
        .last = self->last,
        .rows = self->open_rows,
        .columns = self->columns,
    };
    int error = mw_chunk_begin(writer, self->store, &head, MW_EFFORT_QUICK);

    for (int i = -1; error == 0 && i < (int)self->columns; i++)
        error = encode_open_column(self, writer, &open, i);
    return error;
}

static int write_open(struct mw_ring *self, struct mw_chunk_writer *writer)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref open = mw_heap_get(self->heap, mw_ring_object(self), MW_RING_OPEN);
    int error;

    mw_heap_raw_enter(self->heap);
    error = encode_open(self, writer, mw_heap_raw(self->heap, open));
    mw_heap_raw_leave(self->heap);
    return error;
}

static void push(struct mw_ring *self, struct mw_ref chunk)
{
    if (self->count == 0)
        self->oldest_last = self->last;
    mw_heap_set(self->heap, chunks_of(self), mw_ring_slot(self, self->first + self->count), chunk);
    self->count++;
    self->bytes += mw_store_object_size(mw_heap_length(self->heap, chunk));
    self->open_rows = 0;
    self->changes++;
}

/* ---- joining ---- */

struct parts {
    const unsigned char *chunks[PARTS_MAX];
    unsigned count;
};

/* The newest chunks that add up to a whole one and are small. Good inside a raw region. */
static struct parts find_parts(const struct mw_ring *self, const uintptr_t *chunks)
{
    struct parts parts = {.count = self->chunk_rows / MW_RING_OPEN_ROWS};

    if (self->count < parts.count)
        return (struct parts){.count = 0};
    for (unsigned i = 0; i < parts.count; i++) {
        uint64_t at = self->first + self->count - parts.count + i;

        parts.chunks[i] = mw_heap_payload(chunks[mw_ring_slot(self, at)]);
        if (((const struct mw_chunk_head *)(const void *)parts.chunks[i])->rows !=
            MW_RING_OPEN_ROWS)
            return (struct parts){.count = 0};
    }
    return parts;
}

static int join_column(struct mw_chunk_writer *writer, const struct parts *parts,
                       enum mw_ring_form form, int column)
{
    uint64_t numbers[MW_RING_CHUNK_ROWS_MAX];
    uint8_t reasons[MW_RING_CHUNK_ROWS_MAX];

    for (unsigned i = 0; i < parts->count; i++)
        mw_chunk_read(parts->chunks[i], form, column, numbers + (size_t)i * MW_RING_OPEN_ROWS,
                      reasons + (size_t)i * MW_RING_OPEN_ROWS);
    return mw_chunk_put(writer, form, numbers, reasons);
}

static int join(struct mw_ring *self, struct mw_chunk_writer *writer, const struct parts *parts)
{
    struct mw_chunk_head head;
    int error;

    memcpy(&head, parts->chunks[0], sizeof(head));
    head.last = ((const struct mw_chunk_head *)(const void *)parts->chunks[parts->count - 1])->last;
    head.rows = self->chunk_rows;
    error = mw_chunk_begin(writer, self->store, &head, MW_EFFORT_BEST);
    if (error == 0)
        error = join_column(writer, parts, MW_RING_I64, -1);
    for (unsigned i = 0; error == 0 && i < self->columns; i++)
        error = join_column(writer, parts, self->forms[i], (int)i);
    return error;
}

static int write_joined(struct mw_ring *self, struct mw_chunk_writer *writer, unsigned *ret_parts)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref chunks = chunks_of(self);
    struct parts parts;
    int error = 0;

    mw_heap_raw_enter(self->heap);
    parts = find_parts(self, mw_heap_raw(self->heap, chunks));
    if (parts.count > 0)
        error = join(self, writer, &parts);
    mw_heap_raw_leave(self->heap);
    *ret_parts = parts.count;
    return error;
}

static void replace(struct mw_ring *self, struct mw_ref chunk, unsigned parts)
{
    struct mw_ref chunks = chunks_of(self);

    for (unsigned i = 0; i < parts; i++) {
        MW_SCOPE(scope, self->heap);
        size_t slot = mw_ring_slot(self, self->first + --self->count);
        struct mw_ref part = mw_heap_get(self->heap, chunks, slot);

        self->bytes -= mw_store_object_size(mw_heap_length(self->heap, part));
        mw_heap_set(self->heap, chunks, slot, mw_ref_none());
    }
    push(self, chunk);
}

/* Without memory small chunks stay small, and nothing is lost. */
static void join_newest(struct mw_ring *self)
{
    MW_SCOPE(scope, self->heap);
    uint64_t first = self->first;
    struct mw_chunk_writer writer;
    struct mw_ref chunk;
    unsigned parts;

    if (write_joined(self, &writer, &parts) < 0 || parts == 0)
        return;
    chunk = make_chunk(self, &writer);
    if (!mw_ref_is_none(chunk) && self->first == first)
        replace(self, chunk, parts);
}

int mw_ring_seal(struct mw_ring *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_chunk_writer writer;
    struct mw_ref chunk;
    int error = self->count == self->capacity ? grow(self) : 0;

    if (error == 0)
        error = write_open(self, &writer);
    if (error < 0)
        return error;
    chunk = make_chunk(self, &writer);
    if (mw_ref_is_none(chunk))
        return mw_store_error(self->store);
    push(self, chunk);
    join_newest(self);
    while (self->bytes > self->bytes_limit && mw_ring_drop(self) > 0)
        ;
    return 0;
}
