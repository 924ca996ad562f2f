/* How a ring's numbers are stored. ring_chunk.c has the layout of a chunk, ring_column.c that of a
 * column in it. */
#ifndef MW_STORE_RING_INTERNAL_H
#define MW_STORE_RING_INTERNAL_H
#include "store/ring.h"
#include "store/store_internal.h"

/* ---- columns ---- */

enum mw_effort {
    MW_EFFORT_QUICK, /* a form that is good enough for chunks that are joined soon */
    MW_EFFORT_BEST,
};

enum {
    MW_RING_OPEN_ROWS = 32,
    /* Behind each chunk, for readers that take eight bytes at a time. */
    MW_COLUMN_PAD = 8,
};

/* The most that `count` numbers can need. */
static inline size_t mw_column_bound(size_t count)
{
    return 2 + 10 * count + MW_COLUMN_PAD;
}

/* Returns the bytes written to `out`, which has room for mw_column_bound(count). */
size_t mw_column_encode(enum mw_ring_form form, enum mw_effort effort, const uint64_t *numbers,
                        size_t count, unsigned char *out);
void mw_column_decode(enum mw_ring_form form, const unsigned char *in, size_t count,
                      uint64_t *ret_numbers);

/* ---- lists of zigzag differences: two ways to write them, ring_bits.c ---- */

/* Estimates, a few bytes off; `bits` is SIZE_MAX when the list cannot be written so. `k` is the
 * parameter for mw_bits_put(). */
struct mw_list_sizes {
    size_t tokens, bits;
    unsigned k;
};

struct mw_list_sizes mw_list_sizes(const uint64_t *list, size_t count);
size_t mw_tokens_put(const uint64_t *list, size_t count, unsigned char *out);
size_t mw_tokens_put_zeroes(size_t count, unsigned char *out);
void mw_tokens_get(const unsigned char *in, size_t count, uint64_t *ret_list);
size_t mw_bits_put(const uint64_t *list, size_t count, unsigned k, unsigned char *out);
void mw_bits_get(const unsigned char *in, size_t count, uint64_t *ret_list);

/* ---- chunks ---- */

struct mw_chunk_head {
    int64_t first, last; /* times */
    uint32_t size;       /* with all that belongs to the chunk, a multiple of 8 */
    uint16_t rows;
    uint16_t columns;
};

/* The payload of an open chunk, row by row: a row is written in one go, and columns are gathered
 * when they are needed. */
struct mw_open {
    uint64_t *numbers; /* the time, then the columns */
    uint8_t *reasons;
};

size_t mw_open_size(unsigned columns);
struct mw_open mw_open_at(void *payload, unsigned columns);
/* `column` -1 is the times; without reasons. */
void mw_open_read(const struct mw_open *open, unsigned columns, unsigned rows, int column,
                  uint64_t *ret_numbers, uint8_t *ret_reasons);

/* One column of a chunk; `column` -1 is the times. `reasons` may be NULL for these. */
void mw_chunk_read(const unsigned char *chunk, enum mw_ring_form form, int column,
                   uint64_t *ret_numbers, uint8_t *ret_reasons);

/* Builds a chunk in the store's scratch memory: begin, then the times and each column in turn. */
struct mw_chunk_writer {
    struct mw_store *store;
    unsigned char *bytes;
    size_t size;
    unsigned rows, columns, next;
    enum mw_effort effort;
};

int mw_chunk_begin(struct mw_chunk_writer *self, struct mw_store *store,
                   const struct mw_chunk_head *head, enum mw_effort effort);
int mw_chunk_put(struct mw_chunk_writer *self, enum mw_ring_form form, const uint64_t *numbers,
                 const uint8_t *reasons);
/* The size, as it then stands in the head too. */
size_t mw_chunk_end(struct mw_chunk_writer *self);
/* The most that a chunk can take. */
size_t mw_chunk_bound(unsigned columns, unsigned rows);

/* ---- the ring ---- */

enum { MW_RING_CHUNKS, MW_RING_NEWEST, MW_RING_OPEN }; /* fields of the root */

struct mw_ring {
    struct mw_store *store;
    struct mw_heap *heap;
    struct mw_global *root;
    uint64_t span;
    size_t bytes, bytes_limit;
    uint64_t changes; /* whatever makes a cursor stale */
    uint64_t rows, dropped_rows;
    int64_t last;        /* time of the newest row */
    int64_t oldest_last; /* and of the last row of the oldest chunk */
    unsigned open_rows;
    /* Rows that are packed, not sealed: small chunks of 32, one behind the other in one object. */
    unsigned parts;
    size_t parts_size, parts_room;
    unsigned columns, chunk_rows;
    /* The chunks stand in a circular array: `first` counts those that went. */
    size_t capacity, count;
    uint64_t first;
    enum mw_ring_form forms[];
};

/* Packs the open rows, or seals all that is not sealed. Errors   -ENOMEM: nothing is lost. */
int mw_ring_seal(struct mw_ring *self);
/* The next small chunk behind this one. */
const unsigned char *mw_ring_next_part(const unsigned char *part);
size_t mw_ring_slot(const struct mw_ring *self, uint64_t chunk);
#endif
