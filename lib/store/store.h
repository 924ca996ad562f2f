/* store: bounded containers on the managed heap. This page has what they share: their classes of
 * objects, and the rows in which they tell about themselves.
 *
 *     ring.h    columns of numbers over time, compressed; the oldest goes first
 *     cache.h   keys and objects, bounded by entries and by bytes
 *     queue.h   objects on their way from a writer to a reader
 *     intern.h  texts, each stored once as long as somebody refers to it
 *
 * Threads  those of the heap: one owner.
 * Errors   negative errno. After -ENOMEM a container is as it was before the call.
 *
 * Containers may be told to let go (mw_ring_drop, mw_cache_drop) in the heap's near-limit callback,
 * even while one of their own calls is what came near the limit.
 */
#ifndef MW_STORE_H
#define MW_STORE_H
#include "heap/heap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The classes of objects of all containers on one heap. */
struct mw_store;

/* Once a heap: its classes stay registered after destroy.
 * Owner    the caller; destroy it after its containers and before the heap.
 * Errors   -ENOMEM, -ENOSPC (the heap has too many types). */
int mw_store_create(struct mw_heap *heap, struct mw_store **ret);
struct mw_store *mw_store_destroy(struct mw_store *self);

struct mw_heap *mw_store_heap(const struct mw_store *self);

/* ---- rows: what `queue` and `cache` subjects show ---- */

enum mw_store_unit {
    MW_STORE_COUNT,
    MW_STORE_BYTES,
    MW_STORE_MS,
    MW_STORE_RATIO, /* 0 to 1 */
    MW_STORE_PER_S,
    MW_STORE_YES_NO, /* 1 or 0 */
};

struct mw_store_number {
    const char *key; /* as in JSON; constant */
    enum mw_store_unit unit;
    bool total;  /* a counter: it only grows */
    bool absent; /* there is no such value now; `value` is 0 then */
    double value;
};

enum { MW_STORE_NUMBERS_MAX = 16 };

struct mw_store_row {
    const char *kind; /* "queue" or "cache"; constant */
    size_t count;
    struct mw_store_number numbers[MW_STORE_NUMBERS_MAX];
};

/* NULL when the row has no number of this key. */
const struct mw_store_number *mw_store_row_find(const struct mw_store_row *self, const char *key);

#ifdef __cplusplus
}
#endif
#endif
