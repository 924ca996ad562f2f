#include "store/ring_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS_FIRST = 8 };

/* ---- birth and death ---- */

static size_t parts_first(unsigned columns)
{
    return 64 * (1 + (size_t)columns);
}

static size_t bytes_at_first(unsigned columns)
{
    return mw_store_object_size(2 * sizeof(uintptr_t)) +
           mw_store_object_size(CHUNKS_FIRST * sizeof(uintptr_t)) +
           mw_store_object_size(parts_first(columns)) + mw_open_size(columns);
}

/* Growing, the room for parts is an eighth more than they need; the array of chunks only when it is
 * full of chunks, each of which is larger than what is added for it. */
size_t mw_ring_bytes_min(unsigned columns, unsigned chunk_rows)
{
    return bytes_at_first(columns) + 2 * (size_t)(chunk_rows / MW_RING_OPEN_ROWS) *
                                         mw_chunk_bound(columns, MW_RING_OPEN_ROWS);
}

static bool is_sound(const struct mw_ring_config *config)
{
    if (config->columns == 0 || config->columns > MW_RING_COLUMNS_MAX || config->forms == NULL)
        return false;
    for (unsigned i = 0; i < config->columns; i++)
        if ((unsigned)config->forms[i] > MW_RING_F64)
            return false;
    return config->chunk_rows >= MW_RING_CHUNK_ROWS_MIN &&
           config->chunk_rows <= MW_RING_CHUNK_ROWS_MAX &&
           config->chunk_rows % MW_RING_OPEN_ROWS == 0 &&
           config->bytes >= mw_ring_bytes_min(config->columns, config->chunk_rows);
}

/* Zeroes, from the beginning of a line on. free() is for it. */
static void *new_lines(size_t size)
{
    void *memory = NULL;

    if (posix_memalign(&memory, MW_RING_LINE, size) != 0)
        return NULL;
    return memset(memory, 0, size);
}

/* It goes with the root, not with the ring: what refers to the root may outlive the ring. */
static int make_open(struct mw_ring *self, struct mw_ref root)
{
    size_t size = mw_open_size(self->columns);
    void *memory = new_lines(size);
    int error;

    if (memory == NULL)
        return -ENOMEM;
    error = mw_heap_attach_external(self->heap, root, size, free, memory);
    if (error < 0) {
        free(memory);
        return error;
    }
    self->open = mw_open_at(memory, self->columns);
    return 0;
}

static int make_objects(struct mw_ring *self)
{
    MW_SCOPE(scope, self->heap);
    int error = mw_store_new_root(self->store, MW_CLASS_RING, &self->root);
    struct mw_ref newest, chunks, root;

    if (error < 0)
        return error;
    newest = mw_store_new_array(self->store, MW_CLASS_RING_NEWEST, self->parts_room);
    if (mw_ref_is_none(newest))
        return mw_store_error(self->store);
    chunks = mw_store_new_array(self->store, MW_CLASS_RING_CHUNKS, CHUNKS_FIRST);
    if (mw_ref_is_none(chunks))
        return mw_store_error(self->store);
    root = mw_global_get(self->heap, self->root);
    mw_heap_set(self->heap, root, MW_RING_NEWEST, newest);
    mw_heap_set(self->heap, root, MW_RING_CHUNKS, chunks);
    return make_open(self, root);
}

int mw_ring_create(struct mw_store *store, const struct mw_ring_config *config,
                   struct mw_ring **ret)
{
    size_t forms = config->columns * sizeof(enum mw_ring_form);
    struct mw_ring *self;
    int error;

    if (!is_sound(config))
        return -EINVAL;
    self = new_lines(sizeof(*self) + forms);
    if (self == NULL)
        return -ENOMEM;
    self->store = store;
    self->heap = store->heap;
    self->span = config->span;
    self->bytes = bytes_at_first(config->columns);
    self->parts_room = parts_first(config->columns);
    self->bytes_limit = config->bytes;
    self->columns = config->columns;
    self->chunk_rows = config->chunk_rows;
    self->capacity = CHUNKS_FIRST;
    mw_ring_set_expiry(self);
    memcpy(self->forms, config->forms, forms);
    error = make_objects(self);
    if (error < 0) {
        mw_ring_destroy(self);
        return error;
    }
    *ret = self;
    return 0;
}

struct mw_ring *mw_ring_destroy(struct mw_ring *self)
{
    if (self != NULL)
        mw_global_destroy(self->heap, self->root);
    free(self);
    return NULL;
}

struct mw_ref mw_ring_object(const struct mw_ring *self)
{
    return mw_global_get(self->heap, self->root);
}

/* ---- dropping ---- */

size_t mw_ring_slot(const struct mw_ring *self, uint64_t chunk)
{
    return chunk & (self->capacity - 1);
}

void mw_ring_set_expiry(struct mw_ring *self)
{
    uint64_t most = (uint64_t)INT64_MAX - (uint64_t)self->oldest_last;
    bool never = self->span == 0 || self->count == 0 || self->span > most;

    self->expires = never ? INT64_MAX : (int64_t)((uint64_t)self->oldest_last + self->span);
}

/* Takes in what is now the oldest chunk. */
static void look_at_oldest(struct mw_ring *self, struct mw_ref chunks)
{
    const struct mw_chunk_head *head;

    if (self->count == 0)
        return;
    mw_heap_raw_enter(self->heap);
    head = mw_heap_payload(
        ((const uintptr_t *)mw_heap_raw(self->heap, chunks))[mw_ring_slot(self, self->first)]);
    self->oldest_last = head->last;
    mw_heap_raw_leave(self->heap);
}

size_t mw_ring_drop(struct mw_ring *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref chunks, chunk;
    size_t slot = mw_ring_slot(self, self->first), size;

    if (self->count == 0)
        return 0;
    chunks = mw_heap_get(self->heap, mw_ring_object(self), MW_RING_CHUNKS);
    chunk = mw_heap_get(self->heap, chunks, slot);
    size = mw_store_object_size(mw_heap_length(self->heap, chunk));
    mw_heap_raw_enter(self->heap);
    self->dropped_rows += ((const struct mw_chunk_head *)mw_heap_raw(self->heap, chunk))->rows;
    self->rows -= ((const struct mw_chunk_head *)mw_heap_raw(self->heap, chunk))->rows;
    mw_heap_raw_leave(self->heap);
    mw_heap_set(self->heap, chunks, slot, mw_ref_none());
    self->first++;
    self->count--;
    self->bytes -= size;
    self->changes++;
    look_at_oldest(self, chunks);
    mw_ring_set_expiry(self);
    return size;
}

int mw_ring_set_bytes(struct mw_ring *self, size_t bytes)
{
    if (bytes < mw_ring_bytes_min(self->columns, self->chunk_rows))
        return -EINVAL;
    self->bytes_limit = bytes;
    while (self->bytes > bytes && mw_ring_drop(self) > 0)
        ;
    return 0;
}

/* ---- appending ---- */

static bool any_absent(const uint8_t *reasons, size_t columns)
{
    return reasons != NULL &&
           (reasons[0] != 0 || (columns > 1 && memcmp(reasons, reasons + 1, columns - 1) != 0));
}

/* Nothing is written of reasons until there is one: most rows have none. */
static void put_reasons(struct mw_open *open, size_t columns, const uint8_t *reasons)
{
    bool any = any_absent(reasons, columns);
    uint8_t *to = open->reasons + open->rows * columns;

    if (any && !open->absent)
        memset(open->reasons, 0, open->rows * columns);
    if (any)
        memcpy(to, reasons, columns);
    else if (open->absent)
        memset(to, 0, columns);
    open->absent |= any;
}

static void put_row(struct mw_open *open, size_t columns, int64_t time,
                    const union mw_ring_number *numbers, const uint8_t *reasons)
{
    uint64_t *to = open->numbers + open->rows * (columns + 1);

    to[0] = (uint64_t)time;
    if (columns == 1) /* not worth a call */
        to[1] = numbers->u;
    else
        memcpy(to + 1, numbers, columns * sizeof(*to));
    put_reasons(open, columns, reasons);
    open->rows++;
}

int mw_ring_append(struct mw_ring *self, int64_t time, const union mw_ring_number *numbers,
                   const uint8_t *reasons)
{
    int error;

    if (time <= self->last && self->changes > 0)
        return -EINVAL;
    if (self->open.rows == MW_RING_OPEN_ROWS) {
        error = mw_ring_seal(self);
        if (error < 0)
            return error;
    }
    put_row(&self->open, self->columns, time, numbers, reasons);
    self->last = time;
    self->rows++;
    self->changes++;
    while (time > self->expires)
        mw_ring_drop(self);
    return 0;
}

/* ---- numbers ---- */

static int64_t first_time(const struct mw_ring *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref root = mw_ring_object(self);
    const uintptr_t *fields, *chunks;
    uintptr_t first;
    int64_t time;

    if (self->count == 0 && self->parts == 0)
        return (int64_t)self->open.numbers[0];
    mw_heap_raw_enter(self->heap);
    fields = mw_heap_raw(self->heap, root);
    chunks = mw_heap_payload(fields[MW_RING_CHUNKS]);
    first = self->count > 0 ? chunks[mw_ring_slot(self, self->first)] : fields[MW_RING_NEWEST];
    time = ((const struct mw_chunk_head *)mw_heap_payload(first))->first;
    mw_heap_raw_leave(self->heap);
    return time;
}

void mw_ring_get_numbers(const struct mw_ring *self, struct mw_ring_numbers *ret)
{
    *ret = (struct mw_ring_numbers){
        .rows = self->rows,
        .dropped_rows = self->dropped_rows,
        .chunks = self->count,
        .bytes = self->bytes,
        .bytes_limit = self->bytes_limit,
        .first = self->rows > 0 ? first_time(self) : 0,
        .last = self->rows > 0 ? self->last : 0,
    };
}

void mw_ring_get_row(const struct mw_ring *self, struct mw_store_row *ret)
{
    static const struct mw_store_column columns[] = {
        {"entries", MW_STORE_COUNT, false},    {"bytes", MW_STORE_BYTES, false},
        {"bytesLimit", MW_STORE_BYTES, false}, {"fillRatio", MW_STORE_RATIO, false},
        {"evictions", MW_STORE_COUNT, true},
    };
    const double values[] = {
        (double)self->rows,         (double)self->bytes,
        (double)self->bytes_limit,  (double)self->bytes / (double)self->bytes_limit,
        (double)self->dropped_rows,
    };

    mw_store_row_fill(ret, "cache", columns, values, sizeof(values) / sizeof(values[0]));
}
