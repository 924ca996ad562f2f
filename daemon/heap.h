/* heap: the managed heap that the daemon keeps its data on, and the loop's part in it: what the
 * collector can do ahead is done when a sample is out and nobody asks for anything.
 *
 * At the limit the owner is asked to give up the oldest of what it keeps, until enough is free.
 * Threads  the loop's only.
 */
#ifndef MWD_HEAP_H
#define MWD_HEAP_H
#include "daemon/log.h"
#include "heap/heap.h"
#include "store/store.h"

#include <uv.h>

struct mwd_heap;

struct mwd_heap_options {
    size_t limit, semi_space; /* bytes */
    bool trace;               /* a line in the log for each collection */
    unsigned modes;           /* of enum mw_heap_mode: for tests */
    struct mwd_log *log;
    /* Gives up something old. Returns the bytes that the heap can have back, 0 when there is
     * nothing. Called in the middle of allocations, so it must not allocate. */
    size_t (*shed)(void *context);
    void *context;
};

/* `loop` may be NULL: then there is no idle time to work in.
 * Owner    the caller: mwd_heap_close() while the loop runs, mwd_heap_destroy() after it.
 * Errors   -EINVAL the sizes make no sense, -ENOMEM, those of uv_idle_init(). */
int mwd_heap_create(uv_loop_t *loop, const struct mwd_heap_options *options, struct mwd_heap **ret);
/* Stops what it does on the loop; the heap itself stays. Takes NULL. */
void mwd_heap_close(struct mwd_heap *self);
struct mwd_heap *mwd_heap_destroy(struct mwd_heap *self);

struct mw_heap *mwd_heap_of(const struct mwd_heap *self);
struct mw_store *mwd_heap_store(const struct mwd_heap *self);

/* Up to what it was at creation; a larger one is taken for that. Errors: -EBUSY, and others of
 * mw_heap_set_limit(). */
int mwd_heap_set_limit(struct mwd_heap *self, size_t limit);
/* Bytes for objects under such a limit: halves, and what the heap keeps for itself, taken off. A
 * larger limit than at creation is taken for that. */
size_t mwd_heap_room(const struct mwd_heap *self, size_t limit);
void mwd_heap_set_trace(struct mwd_heap *self, bool trace);

/* Does what is due, a little at a time, whenever the loop has nothing else to do. */
void mwd_heap_rest(struct mwd_heap *self);
/* While held it does nothing of that: a snapshot does it in its own way. */
void mwd_heap_hold(struct mwd_heap *self, bool held);
#endif
