/* Pools: who may write to a block, and what memory it keeps.
 *
 * References: the pool counts as one. A block with exactly that one is idle, and since nobody else
 * can then take another, the pool's owner may fill it again without a lock. Destroying the pool
 * drops that one, so whoever releases last, on whatever thread, frees the block.
 *
 * Memory: a block's buffer is allocated for its columns in take() and grows once more in finish(),
 * for the events. It is kept from use to use, but given back when it has become far larger than
 * what it holds: the first block of a daemon carries every process as born, later ones a handful.
 */
#include "sample/block.h"

#include "sample/block_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    STRIDE_MIN_PROCESS = 64,
    KEEP_MAX = 1 << 16, /* bytes that are not worth giving back */
    NIBBLES_UNSUPPORTED = MW_ABSENT_UNSUPPORTED | MW_ABSENT_UNSUPPORTED << 4,
};

struct mw_block_pool {
    enum mw_source source;
    struct mw_block *blocks[MW_BLOCK_POOL_SIZE];
};

void mw_block_tail_empty(struct mw_block_tail *self)
{
    self->size = 0;
    if (self->capacity > KEEP_MAX) {
        free(self->bytes);
        *self = (struct mw_block_tail){NULL, 0, 0};
    }
}

void mw_block_map(struct mw_block *self)
{
    char *base = (char *)self->head;

    self->keys = (struct mw_block_key *)(void *)(base + self->head->keys_offset);
    self->values = (union mw_value *)(void *)(base + self->head->values_offset);
    self->absences = (unsigned char *)base + self->head->absence_offset;
    self->absence_stride = mw_block_layout(self->columns, self->head->stride).absence_stride;
}

/* A buffer of at least `size` bytes; what is in the old one need not survive. */
static int buffer_fit(struct mw_block *self, uint64_t size)
{
    if (size <= self->capacity && self->capacity <= 2 * size + KEEP_MAX)
        return 0;
    free(self->head);
    self->head = malloc(size);
    self->capacity = self->head != NULL ? size : 0;
    return self->head != NULL ? 0 : -ENOMEM;
}

static struct mw_block *block_create(enum mw_source source)
{
    struct mw_block *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return NULL;
    atomic_init(&self->references, 1);
    self->source = source;
    self->first = mw_source_first(source);
    self->columns = mw_source_columns(source);
    return self;
}

static void block_free(struct mw_block *self)
{
    free(self->head);
    free(self->events.bytes);
    free(self->text.bytes);
    free(self);
}

int mw_block_pool_create(enum mw_source source, struct mw_block_pool **ret)
{
    struct mw_block_pool *self;

    if (!mw_block_source_valid(source))
        return -EINVAL;
    self = calloc(1, sizeof(*self));
    if (self == NULL)
        return -ENOMEM;
    self->source = source;
    for (int i = 0; i < MW_BLOCK_POOL_SIZE; i++) {
        self->blocks[i] = block_create(source);
        if (self->blocks[i] == NULL)
            goto fail;
    }
    *ret = self;
    return 0;

fail:
    mw_block_pool_destroy(self);
    return -ENOMEM;
}

struct mw_block_pool *mw_block_pool_destroy(struct mw_block_pool *self)
{
    if (self != NULL) {
        for (int i = 0; i < MW_BLOCK_POOL_SIZE; i++)
            mw_block_unref(self->blocks[i]);
        free(self);
    }
    return NULL;
}

struct mw_block *mw_block_ref(struct mw_block *self)
{
    atomic_fetch_add_explicit(&self->references, 1, memory_order_relaxed);
    return self;
}

struct mw_block *mw_block_unref(struct mw_block *self)
{
    if (self != NULL && atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) == 1)
        block_free(self);
    return NULL;
}

/* The acquire pairs with the release of whoever dropped the last reference: its reads are over
 * before the next writes begin. */
static struct mw_block *idle_block(const struct mw_block_pool *pool, const struct mw_block *except)
{
    for (int i = 0; i < MW_BLOCK_POOL_SIZE; i++) {
        struct mw_block *block = pool->blocks[i];

        if (block != except && atomic_load_explicit(&block->references, memory_order_acquire) == 1)
            return block;
    }
    return NULL;
}

/* ---- take ---- */

/* Strides grow by half, and shrink only when three quarters are unused, so that nearly every block
 * has that of the one before and is copied in one piece. */
static uint32_t choose_stride(const struct mw_block_pool *pool, const struct mw_block *before,
                              uint32_t rows)
{
    uint32_t least = pool->source == MW_SOURCE_PROCESS ? STRIDE_MIN_PROCESS : 1;
    uint32_t stride = rows > least ? rows : least;

    if (before != NULL) {
        uint32_t old = before->head->stride;

        if (stride <= old)
            return stride < old / 4 ? stride * 2 : old;
        stride = stride > old + old / 2 ? stride : old + old / 2;
    }
    return stride < MW_BLOCK_ROWS_MAX ? stride : MW_BLOCK_ROWS_MAX;
}

static int lay_out(struct mw_block *self, uint32_t stride)
{
    const struct mw_block_layout layout = mw_block_layout(self->columns, stride);
    int error = buffer_fit(self, layout.events);

    if (error < 0)
        return error;
    *self->head = (struct mw_block_head){
        .magic = MW_BLOCK_MAGIC,
        .source = self->source,
        .stride = stride,
        .columns = self->columns,
        .keys_offset = layout.keys,
        .values_offset = layout.values,
        .absence_offset = layout.absences,
        .events_offset = layout.events,
    };
    mw_block_map(self);
    mw_block_tail_empty(&self->events);
    mw_block_tail_empty(&self->text);
    return 0;
}

static void clear_all(struct mw_block *self)
{
    const struct mw_block_head *head = self->head;

    memset(self->keys, 0, head->absence_offset - head->keys_offset);
    memset(self->absences, NIBBLES_UNSUPPORTED, head->events_offset - head->absence_offset);
}

static void copy_columns(struct mw_block *self, const struct mw_block *before)
{
    const uint32_t rows = before->head->rows;

    clear_all(self);
    memcpy(self->keys, before->keys, rows * sizeof(*self->keys));
    for (uint32_t i = 0; i < self->columns; i++) {
        memcpy(self->values + (size_t)i * self->head->stride,
               before->values + (size_t)i * before->head->stride, rows * sizeof(*self->values));
        memcpy(self->absences + i * self->absence_stride,
               before->absences + i * before->absence_stride, (rows + 1) / 2);
    }
}

static void copy_rows(struct mw_block *self, const struct mw_block *before)
{
    self->head->rows = before->head->rows;
    if (self->head->stride == before->head->stride)
        memcpy(self->keys, before->keys, self->head->events_offset - self->head->keys_offset);
    else
        copy_columns(self, before);
}

int mw_block_take(struct mw_block_pool *pool, const struct mw_block *before, uint32_t rows,
                  struct mw_block **ret)
{
    struct mw_block *block = idle_block(pool, before);
    int error;

    if (rows > MW_BLOCK_ROWS_MAX)
        return -E2BIG;
    if (block == NULL)
        return -EBUSY;
    if (before != NULL && before->head->rows > rows)
        rows = before->head->rows;
    error = lay_out(block, choose_stride(pool, before, rows));
    if (error < 0)
        return error;
    if (before != NULL)
        copy_rows(block, before);
    else
        clear_all(block);
    *ret = mw_block_ref(block);
    return 0;
}

int mw_block_load(struct mw_block_pool *pool, const void *bytes, size_t size, struct mw_block **ret)
{
    struct mw_block *block = idle_block(pool, NULL);
    struct mw_block_head head;
    int error = mw_block_check(bytes, size);

    if (error < 0)
        return error;
    memcpy(&head, bytes, sizeof(head)); /* the bytes may stand at any address */
    if (head.source != pool->source)
        return -EBADMSG;
    if (block == NULL)
        return -EBUSY;
    error = buffer_fit(block, size);
    if (error < 0)
        return error;
    memcpy(block->head, bytes, size);
    mw_block_map(block);
    *ret = mw_block_ref(block);
    return 0;
}
