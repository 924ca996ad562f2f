/* block: the readings of one source at one instant, as flat bytes without pointers.
 *
 * A block can be handed between threads, written to a file and read back, or come from another
 * process: everything in it is found by offset from its start. It holds one column for each
 * reading of its source (8 bytes a row and 4 bits of absence) and a list of what happened to the
 * rows' subjects. A row keeps its subject for as long as that lives; a row whose key is all zero
 * is free. So the next block starts as a copy of the one before and only changed rows are written.
 *
 * Life     a pool has three blocks. take() hands out one that nobody refers to, with one
 *          reference; whoever publishes it gives references on; at the last release it is the
 *          pool's again. Memory grows only between take() and publishing and is kept.
 * Threads  references may be taken and dropped on any thread, everything else has one owner. A
 *          published block is never written to.
 */
#ifndef MW_SAMPLE_BLOCK_H
#define MW_SAMPLE_BLOCK_H
#include "sample/reading.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MW_BLOCK_POOL_SIZE = 3,
    MW_BLOCK_ROWS_MAX = 1 << 22,
    MW_BLOCK_TEXT_MAX = 4096,     /* bytes of one text */
    MW_BLOCK_TEXTS_MAX = 1 << 26, /* bytes of all texts of one block */
};

struct mw_block_key {
    uint64_t id;    /* pid; 1 in the only row of a source without rows of its own; 0 = free row */
    uint64_t birth; /* start time in ms since 1970, 0 when it could not be read */
};

enum mw_block_event_type {
    MW_EVENT_BORN,   /* the row has a new subject; its key stands in the event too */
    MW_EVENT_NAME,   /* its name is now this text */
    MW_EVENT_CGROUP, /* its control group is now this text */
    MW_EVENT_GONE    /* the row's subject is no more */
};

/* In the order in which they happened. */
struct mw_block_event {
    struct mw_block_key key;
    uint32_t row;
    uint8_t type;    /* enum mw_block_event_type */
    uint8_t absence; /* of the text, in BORN of key.birth: enum mw_absence */
    uint16_t text_size;
    uint32_t text_offset; /* from the start of the block's text; valid UTF-8, no NUL */
    uint32_t reserved;
};

struct mw_block_head {
    uint32_t magic;
    uint32_t source;  /* enum mw_source */
    uint64_t size;    /* bytes from here to the end of the text */
    uint64_t seq;     /* 1, 2, 3 ... by source */
    int64_t time_ms;  /* wall time at which reading began */
    uint64_t time_ns; /* the same instant on the monotonic clock */
    uint32_t rows;    /* rows in use and rows of events lie below; free ones may lie between */
    uint32_t stride;  /* rows that there is room for */
    uint32_t columns;
    uint32_t events;
    uint64_t keys_offset, values_offset, absence_offset, events_offset, text_offset;
    uint32_t text_size;
    uint32_t live;                     /* rows that are not free */
    uint32_t absent[MW_ABSENCE_COUNT]; /* values absent, by reason; [MW_PRESENT] is 0 */
    uint32_t reserved;
};

struct mw_block;      /* a reference counted buffer that holds one */
struct mw_block_pool; /* the three of one source */

/* Owner    the caller; hand it to mw_block_pool_destroy(), which waits for no one: blocks that
 *          are still referred to free themselves at their last release.
 * Errors   -ENOMEM, -EINVAL a source that is computed (DERIVED, SUBJECT) has no blocks. */
int mw_block_pool_create(enum mw_source source, struct mw_block_pool **ret);
struct mw_block_pool *mw_block_pool_destroy(struct mw_block_pool *self);

/* An empty block with room for `rows` rows, all free, all values absent as unsupported; or, with
 * `before`, a copy of that block's rows without its events. One reference, the caller's.
 * Errors   -EBUSY all three are referred to, -ENOMEM, -E2BIG over MW_BLOCK_ROWS_MAX. */
int mw_block_take(struct mw_block_pool *pool, const struct mw_block *before, uint32_t rows,
                  struct mw_block **ret);

struct mw_block *mw_block_ref(struct mw_block *self);   /* returns self */
struct mw_block *mw_block_unref(struct mw_block *self); /* takes NULL, returns NULL */

/* ---- filling in: before publishing, by the owner ---- */

void mw_block_set_time(struct mw_block *self, uint64_t seq, int64_t time_ms, uint64_t time_ns);
void mw_block_set_key(struct mw_block *self, uint32_t row, struct mw_block_key key);
void mw_block_put(struct mw_block *self, enum mw_reading reading, uint32_t row,
                  union mw_value value);
void mw_block_put_absent(struct mw_block *self, enum mw_reading reading, uint32_t row,
                         enum mw_absence absence);
/* Key to zero, all its values absent. */
void mw_block_clear_row(struct mw_block *self, uint32_t row);

/* The event carries the row's key, so MW_EVENT_GONE comes before mw_block_clear_row(). `text` is
 * UTF-8 without NUL, or NULL (size 0); longer than MW_BLOCK_TEXT_MAX is cut at a character, and a
 * text that is absent is not stored.
 * Errors   -ENOMEM, -E2BIG over MW_BLOCK_TEXTS_MAX. */
int mw_block_add_event(struct mw_block *self, enum mw_block_event_type type, uint32_t row,
                       enum mw_absence absence, const char *text, size_t size);

/* Lays the events and the text behind the columns and counts live rows and absences. To be called
 * once, last. Errors -ENOMEM. */
int mw_block_finish(struct mw_block *self);

/* ---- reading: after finish(), on any thread ---- */

const struct mw_block_head *mw_block_head(const struct mw_block *self);
const struct mw_block_key *mw_block_keys(const struct mw_block *self); /* [rows] */
enum mw_absence mw_block_get(const struct mw_block *self, enum mw_reading reading, uint32_t row,
                             union mw_value *ret);
/* One column whole, for loops over all rows: values[rows]. */
const union mw_value *mw_block_column(const struct mw_block *self, enum mw_reading reading);
/* Their absences: that of `row` is absences[row / 2] >> row % 2 * 4 & 15, an enum mw_absence. */
const unsigned char *mw_block_absences(const struct mw_block *self, enum mw_reading reading);
const struct mw_block_event *mw_block_events(const struct mw_block *self); /* [head.events] */
const char *mw_block_text(const struct mw_block *self);

/* ---- from and to bytes ---- */

/* Whether these bytes are a block of this build's layout in every offset, count and text, so that
 * the functions above are safe on it, and whether its values can be shown: fractions are finite,
 * words are printable. They may stand at any address. Errors -EBADMSG. */
int mw_block_check(const void *bytes, size_t size);

/* A block of the pool filled with these bytes. Errors -EBADMSG, -EBUSY, -ENOMEM. */
int mw_block_load(struct mw_block_pool *pool, const void *bytes, size_t size,
                  struct mw_block **ret);

#ifdef __cplusplus
}
#endif
#endif
