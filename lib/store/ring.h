/* ring: columns of numbers over time, compressed, the oldest dropped first.
 *
 * A row is one instant: its time, and for each column a number or the reason why there is none. 32
 * rows stand open as they came; then they are packed, and when `chunk_rows` have come together they
 * are sealed into a chunk. Each number comes back exactly as it was put in, and so do absences.
 *
 * Time     any count that grows from row to row, in the caller's unit. Evenly spaced times cost
 *          next to nothing, jitter costs about a byte a row, shared by all columns.
 * Bound    `bytes` at any moment, and `span` of time. Beside the heap are only the open rows, and
 *          they are counted as external memory.
 * Threads  those of the heap.
 */
#ifndef MW_STORE_RING_H
#define MW_STORE_RING_H
#include "heap/heap.h"
#include "store/row.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mw_store;
struct mw_ring;

enum mw_ring_form { MW_RING_U64, MW_RING_I64, MW_RING_F64 };

union mw_ring_number {
    uint64_t u;
    int64_t i;
    double f;
};

enum {
    MW_RING_COLUMNS_MAX = 4096,
    MW_RING_CHUNK_ROWS_MIN = 128,
    MW_RING_CHUNK_ROWS_MAX = 512,
};

struct mw_ring_config {
    const enum mw_ring_form *forms; /* one a column; copied */
    unsigned columns;               /* 1 to MW_RING_COLUMNS_MAX */
    unsigned chunk_rows;            /* 128 to 512, a multiple of 32; more is smaller and slower */
    uint64_t span;                  /* how far back from the newest row; 0: as `bytes` allow */
    size_t bytes;                   /* at least mw_ring_bytes_min() */
};

/* What a ring may need for the rows of one chunk before they are sealed, when the numbers cannot be
 * compressed at all. Usual ones take a tenth of this. */
size_t mw_ring_bytes_min(unsigned columns, unsigned chunk_rows);

/* Owner    the caller. Errors   -EINVAL a bound that makes no sense, -ENOMEM. */
int mw_ring_create(struct mw_store *store, const struct mw_ring_config *config,
                   struct mw_ring **ret);
struct mw_ring *mw_ring_destroy(struct mw_ring *self);

/* One row. `reasons` is NULL when all numbers are there; else reasons[i] is 0 for a number, and for
 * an absence anything else: the caller's word for why, given back as it is.
 * Errors   -EINVAL the time is not after the last one; -ENOMEM: the row is not stored, and the same
 *          call may come again. */
int mw_ring_append(struct mw_ring *self, int64_t time, const union mw_ring_number *numbers,
                   const uint8_t *reasons);

/* Drops the oldest chunk, for instance in the near-limit callback. Returns the bytes that the heap
 * can have back, 0 when nothing is sealed. */
size_t mw_ring_drop(struct mw_ring *self);

/* Another bound. One below what is held drops the oldest chunks at once.
 * Errors   -EINVAL less than mw_ring_bytes_min(). */
int mw_ring_set_bytes(struct mw_ring *self, size_t bytes);

/* The ring's own object, for others to refer to. The ring stays usable until it is destroyed. */
struct mw_ref mw_ring_object(const struct mw_ring *self);

struct mw_ring_numbers {
    uint64_t rows, dropped_rows; /* that are held; that were given up for the bounds */
    size_t chunks;
    size_t bytes, bytes_limit;
    int64_t first, last; /* times, when rows > 0 */
};

void mw_ring_get_numbers(const struct mw_ring *self, struct mw_ring_numbers *ret);
/* As a cache: entries are rows, evictions are dropped rows. */
void mw_ring_get_row(const struct mw_ring *self, struct mw_store_row *ret);

/* ---- reading ---- */

/* One column between two times. In the caller's memory, nothing to be released; 9 KiB. */
struct mw_ring_cursor {
    const struct mw_ring *ring;
    unsigned column;
    int64_t from, to, step_at;
    uint64_t changes, chunk;
    unsigned row, rows; /* of the decoded chunk */
    int64_t times[MW_RING_CHUNK_ROWS_MAX];
    union mw_ring_number numbers[MW_RING_CHUNK_ROWS_MAX];
    uint8_t reasons[MW_RING_CHUNK_ROWS_MAX];
};

struct mw_ring_value {
    int64_t time;
    union mw_ring_number number; /* 0 when absent */
    uint8_t reason;              /* 0: present */
};

struct mw_ring_step {
    int64_t time;   /* the step's begin */
    uint32_t rows;  /* that fall into it, absences included */
    uint32_t count; /* numbers among them; 0: a gap */
    uint8_t reason; /* the last absence's, 0 when there was none */
    union mw_ring_number min, max;
    double mean;
};

/* Rows with from <= time < to. Errors   -EINVAL no such column, from after to. */
int mw_ring_cursor_init(struct mw_ring_cursor *self, const struct mw_ring *ring, unsigned column,
                        int64_t from, int64_t to);
/* The next row. Returns 1, or 0 after the last one, or -ESTALE when the ring was changed since the
 * cursor was made. */
int mw_ring_cursor_next(struct mw_ring_cursor *self, struct mw_ring_value *ret);
/* The next `step` of time, empty ones too, up to `to`; step > 0. One cursor goes either by rows or
 * by steps. Returns as above, and -EINVAL. */
int mw_ring_cursor_step(struct mw_ring_cursor *self, uint64_t step, struct mw_ring_step *ret);

#ifdef __cplusplus
}
#endif
#endif
