/* queue: a bounded queue of objects, from a writer to a reader.
 *
 * The library never waits. A write that finds the queue full is told to come again; when its
 * deadline has passed and there still is no room, it is refused and counted. The caller steps with
 * its own clock: `now_ns` is monotonic, and must not go back.
 *
 * Watermarks   advice for writers. The queue is pressed from when its length reaches `high` until
 *              it is down to `low`, so it does not flutter at one mark.
 * Bound        `capacity` objects, paid for at create: a write never asks the heap for memory.
 */
#ifndef MW_STORE_QUEUE_H
#define MW_STORE_QUEUE_H
#include "heap/heap.h"
#include "store/row.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mw_store;
struct mw_queue;

struct mw_queue_config {
    size_t capacity; /* 1 to 2^24 */
    size_t high;     /* 1 to capacity */
    size_t low;      /* below high */
};

/* Owner    the caller. Errors   -EINVAL a bound that makes no sense, -ENOMEM. */
int mw_queue_create(struct mw_store *store, const struct mw_queue_config *config,
                    struct mw_queue **ret);
struct mw_queue *mw_queue_destroy(struct mw_queue *self);

/* Errors   -EAGAIN no room now: write again later; -ETIMEDOUT no room, and the deadline has passed:
 *          refused, and counted. A deadline of 0 does not wait. -EINVAL no object. */
int mw_queue_write(struct mw_queue *self, struct mw_ref value, uint64_t now_ns,
                   uint64_t deadline_ns);
/* The oldest object, which leaves the queue; none when it is empty. */
struct mw_ref mw_queue_read(struct mw_queue *self, uint64_t now_ns);
/* The object at a position, 0 the oldest, which stays; none behind the newest. */
struct mw_ref mw_queue_peek(const struct mw_queue *self, size_t position);
/* Reads from the middle: takes out the object at a position, and those behind it move up. For
 * readers that have done with one and not yet with those before it. */
struct mw_ref mw_queue_take(struct mw_queue *self, size_t position, uint64_t now_ns);
/* Drops everything. Returns how many. Not counted as reads. */
size_t mw_queue_clear(struct mw_queue *self, uint64_t now_ns);

bool mw_queue_is_pressed(const struct mw_queue *self);

struct mw_queue_numbers {
    size_t length, capacity, high, low;
    bool pressed;
    uint64_t enqueued, dequeued, refused, cleared; /* totals */
    uint64_t oldest_age_ns;                        /* 0 when empty */
    /* A second, over the last 8 whole seconds; negative before the first one has passed. */
    double enqueue_rate, dequeue_rate;
    uint64_t stalled_ns; /* since something waits and nobody has read; 0 when empty */
    uint64_t stalled_max_ns;
};

void mw_queue_get_numbers(const struct mw_queue *self, uint64_t now_ns,
                          struct mw_queue_numbers *ret);
void mw_queue_get_row(const struct mw_queue *self, uint64_t now_ns, struct mw_store_row *ret);

#ifdef __cplusplus
}
#endif
#endif
