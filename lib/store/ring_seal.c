/* From open rows to chunks.
 *
 * 32 open rows are packed into a small chunk at once, in a form that is cheap to write and to read.
 * These parts stand one behind the other in one object that stays, so packing leaves no garbage.
 * The open rows that make a chunk complete are encoded together with all parts, with the effort
 * that the last form is worth. So each number is written twice, and no ring has more than 32 rows
 * uncompressed.
 *
 * An allocation may call the near-limit callback, and that may drop chunks of this ring. So what is
 * to be stored is in the store's scratch memory before the heap is asked, and the ring's state is
 * looked at again after that.
 */
#include "store/ring_internal.h"

#include <errno.h>
#include <string.h>

enum { PARTS_MAX = MW_RING_CHUNK_ROWS_MAX / MW_RING_OPEN_ROWS, FETCH_MAX = 2048 };

static struct mw_ref field(const struct mw_ring *self, size_t index)
{
    return mw_heap_get(self->heap, mw_ring_object(self), index);
}

static void drop_to_bound(struct mw_ring *self)
{
    while (self->bytes > self->bytes_limit && mw_ring_drop(self) > 0)
        ;
}

/* ---- what is not sealed ---- */

const unsigned char *mw_ring_next_part(const unsigned char *part)
{
    return part + ((const struct mw_chunk_head *)(const void *)part)->size;
}

/* Good inside a raw region. */
struct parts {
    struct mw_chunk_reader readers[PARTS_MAX];
    unsigned count;
};

static void open_parts(const struct mw_ring *self, const unsigned char *part, struct parts *ret)
{
    for (unsigned i = 0; i < self->parts; i++, part = mw_ring_next_part(part))
        ret->readers[i] = mw_chunk_open(part, true);
    ret->count = self->parts;
}

/* ---- encoding ---- */

static int encode_column(struct mw_ring *self, struct mw_chunk_writer *writer, struct parts *parts,
                         int column)
{
    enum mw_ring_form form = column < 0 ? MW_RING_I64 : self->forms[column];
    uint64_t numbers[MW_RING_CHUNK_ROWS_MAX];
    uint8_t reasons[MW_RING_CHUNK_ROWS_MAX];
    bool absent = self->open.absent;
    size_t row = 0;

    for (unsigned i = 0; i < parts->count; i++, row += MW_RING_OPEN_ROWS)
        absent |= mw_chunk_next(&parts->readers[i], form, numbers + row, reasons + row);
    mw_open_read(&self->open, self->columns, column, numbers + row, reasons + row);
    return mw_chunk_put(writer, form, numbers, column >= 0 && absent ? reasons : NULL);
}

static int encode(struct mw_ring *self, struct mw_chunk_writer *writer, struct parts *parts,
                  int64_t first, bool packed)
{
    const struct mw_chunk_head head = {
        .first = first,
        .last = self->last,
        .rows = (uint16_t)(parts->count * MW_RING_OPEN_ROWS + self->open.rows),
        .columns = (uint16_t)self->columns,
    };
    int error = mw_chunk_begin(writer, self->store, &head, packed);

    for (int i = -1; error == 0 && i < (int)self->columns; i++)
        error = encode_column(self, writer, parts, i);
    return error;
}

/* Into the store's scratch memory: the open rows alone. Returns the size, or a negative error. */
static int64_t encode_open(struct mw_ring *self)
{
    struct parts none = {.count = 0};
    struct mw_chunk_writer writer;
    int error = encode(self, &writer, &none, (int64_t)self->open.numbers[0], true);

    return error < 0 ? error : (int64_t)mw_chunk_end(&writer);
}

/* The parts and then the open rows. */
static int64_t encode_all(struct mw_ring *self)
{
    struct mw_ref newest = field(self, MW_RING_NEWEST);
    struct mw_chunk_writer writer;
    const unsigned char *first;
    struct parts parts;
    int error;

    mw_heap_raw_enter(self->heap);
    first = mw_heap_raw(self->heap, newest);
    open_parts(self, first, &parts);
    error = encode(self, &writer, &parts,
                   ((const struct mw_chunk_head *)(const void *)first)->first, false);
    mw_heap_raw_leave(self->heap);
    return error < 0 ? error : (int64_t)mw_chunk_end(&writer);
}

static void copy_scratch(struct mw_ring *self, struct mw_ref to, size_t at, size_t size)
{
    mw_heap_raw_enter(self->heap);
    memcpy((unsigned char *)mw_heap_raw(self->heap, to) + at, self->store->scratch, size);
    mw_heap_raw_leave(self->heap);
}

static void empty_open(struct mw_ring *self)
{
    self->open.rows = 0;
    self->open.absent = false;
}

/* ---- packing ---- */

static int grow_parts(struct mw_ring *self, size_t needed)
{
    MW_SCOPE(scope, self->heap);
    size_t room = (needed + needed / 8 + 7) & ~(size_t)7;
    struct mw_ref larger = mw_store_new_array(self->store, MW_CLASS_RING_NEWEST, room);
    struct mw_ref newest = field(self, MW_RING_NEWEST);

    if (mw_ref_is_none(larger))
        return mw_store_error(self->store);
    mw_heap_raw_enter(self->heap);
    memcpy(mw_heap_raw(self->heap, larger), mw_heap_raw(self->heap, newest), self->parts_size);
    mw_heap_raw_leave(self->heap);
    mw_heap_set(self->heap, mw_ring_object(self), MW_RING_NEWEST, larger);
    self->bytes += mw_store_object_size(room) - mw_store_object_size(self->parts_room);
    self->parts_room = room;
    return 0;
}

static int pack(struct mw_ring *self)
{
    int64_t size = encode_open(self);
    int error = 0;

    if (size < 0)
        return (int)size;
    if (self->parts_size + (size_t)size > self->parts_room)
        error = grow_parts(self, self->parts_size + (size_t)size);
    if (error < 0)
        return error;
    copy_scratch(self, field(self, MW_RING_NEWEST), self->parts_size, (size_t)size);
    self->parts_size += (size_t)size;
    self->parts++;
    empty_open(self);
    drop_to_bound(self);
    return 0;
}

/* ---- sealing ---- */

static int grow_chunks(struct mw_ring *self)
{
    MW_SCOPE(scope, self->heap);
    size_t capacity = 2 * self->capacity, was = self->capacity;
    struct mw_ref larger = mw_store_new_array(self->store, MW_CLASS_RING_CHUNKS, capacity);
    struct mw_ref chunks = field(self, MW_RING_CHUNKS);

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

static void push(struct mw_ring *self, struct mw_ref chunk, size_t size)
{
    if (self->count == 0)
        self->oldest_last = self->last;
    mw_heap_set(self->heap, field(self, MW_RING_CHUNKS),
                mw_ring_slot(self, self->first + self->count), chunk);
    self->count++;
    mw_ring_set_expiry(self);
    self->bytes += mw_store_object_size(size);
    self->parts = 0;
    self->parts_size = 0;
    empty_open(self);
}

static int seal(struct mw_ring *self)
{
    int error = self->count == self->capacity ? grow_chunks(self) : 0;
    int64_t size = error < 0 ? error : encode_all(self);
    struct mw_ref chunk;

    if (size < 0)
        return (int)size;
    chunk = mw_store_new_array(self->store, MW_CLASS_RING_CHUNK, (size_t)size);
    if (mw_ref_is_none(chunk))
        return mw_store_error(self->store);
    copy_scratch(self, chunk, 0, (size_t)size);
    push(self, chunk, (size_t)size);
    drop_to_bound(self);
    return 0;
}

/* Rows of half a minute are in no near cache any more: all lines at once, instead of one after the
 * other as they are read. */
static void fetch_open(const struct mw_ring *self)
{
    const char *rows = (const char *)self->open.numbers;
    size_t size = MW_RING_OPEN_ROWS * sizeof(uint64_t) * (1 + (size_t)self->columns);

    for (size_t at = 0; at < size && at < FETCH_MAX; at += MW_RING_LINE)
        __builtin_prefetch(rows + at);
}

int mw_ring_seal(struct mw_ring *self)
{
    MW_SCOPE(scope, self->heap);

    fetch_open(self);
    if ((self->parts + 1) * MW_RING_OPEN_ROWS < self->chunk_rows)
        return pack(self);
    return seal(self);
}
