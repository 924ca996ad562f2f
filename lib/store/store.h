/* store: bounded containers on the managed heap. This page has what they share: their classes of
 * objects.
 *
 *     ring.h    columns of numbers over time, compressed; the oldest goes first
 *     cache.h   keys and objects, bounded by entries and by bytes
 *     queue.h   objects on their way from a writer to a reader
 *     intern.h  texts, each stored once as long as somebody refers to it
 *     row.h     what a container tells about itself
 *
 * Threads  those of the heap: one owner.
 * Errors   negative errno. After -ENOMEM a container is as it was before the call.
 *
 * Containers may be told to let go (mw_ring_drop, mw_cache_drop) in the heap's near-limit callback,
 * even while one of their own calls is what came near the limit.
 */
#ifndef MW_STORE_H
#define MW_STORE_H
#include "store/cache.h"
#include "store/intern.h"
#include "store/queue.h"
#include "store/ring.h"

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

#ifdef __cplusplus
}
#endif
#endif
