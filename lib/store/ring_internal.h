/* How a ring's numbers are stored. ring_chunk.c has the layout of a chunk, ring_column.c that of a
 * column in it. */
#ifndef MW_STORE_RING_INTERNAL_H
#define MW_STORE_RING_INTERNAL_H
#include "store/ring.h"
#include "store/store_internal.h"

/* ---- columns ---- */

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
size_t mw_column_encode(enum mw_ring_form form, const uint64_t *numbers, size_t count,
                        unsigned char *out);
void mw_column_decode(enum mw_ring_form form, const unsigned char *in, size_t count,
                      uint64_t *ret_numbers);

/* The same for chunks that are joined soon: quicker, and larger. ring_pack.c */
size_t mw_column_pack(enum mw_ring_form form, const uint64_t *numbers, size_t count,
                      unsigned char *out);
void mw_column_unpack(enum mw_ring_form form, const unsigned char *in, size_t count,
                      uint64_t *ret_numbers);

/* What both are made of: one number with its size, and floats as changes of their bits. */
size_t mw_number_put(uint64_t number, unsigned char *out);
size_t mw_number_get(const unsigned char *in, uint64_t *ret);
size_t mw_changes_put(const uint64_t *numbers, size_t count, unsigned char *out);
void mw_changes_get(const unsigned char *in, size_t count, uint64_t *ret);

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

/* Rows as they came, row by row: a row is written in one go, and columns are gathered when they
 * are needed. In memory of its own, counted as external to the ring's root: an append is then a
 * few stores, without a handle. */
struct mw_open {
    uint64_t *numbers; /* the time, then the columns */
    uint8_t *reasons;  /* good when `absent` */
    unsigned rows;
    bool absent; /* any reason is not 0 */
};

size_t mw_open_size(unsigned columns);
struct mw_open mw_open_at(void *memory, unsigned columns);
/* `column` -1 is the times; without reasons. Whether any of the column is absent; only then
 * `ret_reasons` is filled in with anything but 0. */
void mw_open_read(const struct mw_open *open, unsigned columns, int column, uint64_t *ret_numbers,
                  uint8_t *ret_reasons);

/* Columns of a chunk, one after the other, the times first. */
struct mw_chunk_reader {
    const unsigned char *in;
    const uint16_t *size;
    unsigned rows;
    bool packed;
};

struct mw_chunk_reader mw_chunk_open(const unsigned char *chunk, bool packed);
/* `ret_reasons` may be NULL for times. Returns whether any number is absent. */
bool mw_chunk_next(struct mw_chunk_reader *self, enum mw_ring_form form, uint64_t *ret_numbers,
                   uint8_t *ret_reasons);
void mw_chunk_skip(struct mw_chunk_reader *self, unsigned columns);

/* Builds a chunk in the store's scratch memory: begin, then the times and each column in turn. */
struct mw_chunk_writer {
    struct mw_store *store;
    unsigned char *bytes;
    size_t size;
    unsigned rows, columns, next;
    bool packed;
};

int mw_chunk_begin(struct mw_chunk_writer *self, struct mw_store *store,
                   const struct mw_chunk_head *head, bool packed);
/* `reasons` is NULL when all numbers are there. */
int mw_chunk_put(struct mw_chunk_writer *self, enum mw_ring_form form, const uint64_t *numbers,
                 const uint8_t *reasons);
/* The size, as it then stands in the head too. */
size_t mw_chunk_end(struct mw_chunk_writer *self);
/* The most that a chunk can take. */
size_t mw_chunk_bound(unsigned columns, unsigned rows);

/* ---- the ring ---- */

enum { MW_RING_CHUNKS, MW_RING_NEWEST }; /* fields of the root */

enum { MW_RING_LINE = 64 }; /* bytes of a line of a cache, on any machine that is likely */

struct mw_ring {
    /* What every append looks at stands together in one line of a cache: rings are many, and rarely
     * in a near one. */
    struct mw_open open;
    int64_t last;     /* time of the newest row */
    uint64_t rows;    /* that are held */
    uint64_t changes; /* whatever makes a cursor stale */
    unsigned columns, chunk_rows;
    int64_t expires; /* a row after this time makes the oldest chunk too old */

    uint64_t span;
    size_t count;        /* of chunks */
    int64_t oldest_last; /* time of the last row of the oldest chunk */
    struct mw_store *store;
    struct mw_heap *heap;
    struct mw_global *root;
    size_t bytes, bytes_limit;
    uint64_t dropped_rows;
    /* Rows that are packed, not sealed: small chunks of 32, one behind the other in one object. */
    unsigned parts;
    size_t parts_size, parts_room;
    /* The chunks stand in a circular array: `first` counts those that went. */
    size_t capacity;
    uint64_t first;
    enum mw_ring_form forms[];
};

/* Packs the open rows, or seals all that is not sealed. Errors   -ENOMEM: nothing is lost. */
int mw_ring_seal(struct mw_ring *self);
/* The next small chunk behind this one. */
const unsigned char *mw_ring_next_part(const unsigned char *part);
/* After a change of the oldest chunk. */
void mw_ring_set_expiry(struct mw_ring *self);
size_t mw_ring_slot(const struct mw_ring *self, uint64_t chunk);
#endif
