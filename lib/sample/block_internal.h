/* How a block lies in memory; shared by what hands it out (block_pool.c), what fills and reads it
 * (block.c) and what distrusts it (block_check.c).
 *
 *     head | keys[stride] | values[columns][stride] | absences[columns] | events | text
 *
 * One column of absences is 4 bits a row, the even row in the low half of its byte, padded to 8
 * bytes. Every part begins on 8 bytes. Offsets follow from columns and stride alone, so a block
 * from outside has either exactly these or is refused.
 */
#ifndef MW_SAMPLE_BLOCK_INTERNAL_H
#define MW_SAMPLE_BLOCK_INTERNAL_H
#include "sample/block.h"

#include <stdatomic.h>

enum {
    MW_BLOCK_MAGIC = 0x314b4c42, /* "BLK1" on a little-endian machine; another one refuses it */
    MW_BLOCK_WORD_ROWS = 16,     /* rows whose absences fit into 8 bytes */
};

/* Derived readings and the registry's are computed here, never handed over. */
static inline bool mw_block_source_valid(enum mw_source source)
{
    return source != MW_SOURCE_DERIVED && source != MW_SOURCE_SUBJECT;
}

struct mw_block_layout {
    uint64_t keys, values, absences, events;
    uint64_t absence_stride; /* bytes in one column of absences */
};

static inline struct mw_block_layout mw_block_layout(uint32_t columns, uint32_t stride)
{
    uint64_t words = ((uint64_t)stride + MW_BLOCK_WORD_ROWS - 1) / MW_BLOCK_WORD_ROWS;
    struct mw_block_layout layout = {.absence_stride = words * sizeof(uint64_t)};

    layout.keys = sizeof(struct mw_block_head);
    layout.values = layout.keys + stride * sizeof(struct mw_block_key);
    layout.absences = layout.values + (uint64_t)columns * stride * sizeof(union mw_value);
    layout.events = layout.absences + columns * layout.absence_stride;
    return layout;
}

/* Bytes that are collected while a block is filled in, for finish() to lay behind the columns. */
struct mw_block_tail {
    char *bytes;
    size_t size, capacity;
};

struct mw_block {
    atomic_uint references;
    enum mw_source source;
    enum mw_reading first;
    uint32_t columns;
    struct mw_block_head *head; /* start of the buffer */
    size_t capacity;
    struct mw_block_key *keys; /* these three point into it; see mw_block_map() */
    union mw_value *values;
    unsigned char *absences;
    uint64_t absence_stride;
    struct mw_block_tail events, text;
};

/* Points the shortcuts into the buffer, after its address or its head has changed. */
void mw_block_map(struct mw_block *self);

/* Keeps the memory for the next time, unless there is much of it. */
void mw_block_tail_empty(struct mw_block_tail *self);

/* The half byte of a row in one column of absences. */
static inline unsigned mw_block_nibble(const unsigned char *column, uint32_t row)
{
    unsigned pair = column[row / 2];

    return row % 2 == 0 ? pair & 15u : pair >> 4;
}

/* What finish() counts and check() counts again. */
struct mw_block_counts {
    uint32_t live;
    uint32_t absent[MW_ABSENCE_COUNT];
};

/* `bytes` is the start of a block whose layout fits `head`; it need not be aligned. */
void mw_block_count(const void *bytes, const struct mw_block_head *head,
                    struct mw_block_counts *ret);
#endif
