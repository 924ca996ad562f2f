/* sampler: the fast collector thread. It paces itself, reads, and hands blocks to the loop.
 *
 * Events   between two beats the thread sleeps on what the kernel tells of (collect.h). Then it
 *          reads what that is about, and hands the blocks over as urgent. These reads take at most
 * a twentieth of its time, and are at least 20 ms apart: what happens meanwhile is in the next one.
 * Pace     a grid of one interval, each beat moved by up to 5 % either way so that it does not
 *          keep step with what it watches. A beat that comes while the last is still being read is
 *          missed and counted, never caught up.
 * Threads  create, set, stop: the loop's. The thread touches only its collector and the mailbox.
 */
#ifndef MWD_SAMPLER_H
#define MWD_SAMPLER_H
#include "collect/collect.h"
#include "daemon/log.h"

#include <uv.h>

/* Called on the loop with the blocks of one beat, in order; they are the sampler's and valid for
 * the call only (take a reference to keep one). */
typedef void (*mwd_sampler_cb)(void *context, struct mw_block *const *blocks, uint32_t count);

struct mwd_sampler_options {
    struct mw_collect_options collect;
    uint64_t interval_ns;
    struct mwd_log *log; /* faults are logged once, from the thread */
    mwd_sampler_cb on_blocks;
    mwd_sampler_cb on_urgent;    /* the same after an event; NULL: nothing is waited for */
    const char *const *services; /* see mw_collector_set_services(); copied */
    uint32_t service_count;
    void *context;
};

struct mwd_sampler;

/* Starts the thread; its first beat is at once. Errors: those of mw_collector_create(), -EAGAIN. */
int mwd_sampler_create(uv_loop_t *loop, const struct mwd_sampler_options *options,
                       struct mwd_sampler **ret);

/* From the next beat on, which comes at the latest after the new interval. */
void mwd_sampler_set(struct mwd_sampler *self, uint64_t interval_ns, uint32_t keep_fds);

/* The services that are read from the next beat on.
 * Errors   those of mw_collector_set_services(): then those of before stay. */
int mwd_sampler_set_services(struct mwd_sampler *self, const char *const *services, uint32_t count);

/* Stops the thread and waits for it at most `wait_ms`; one that is stuck is abandoned. `on_closed`
 * is called from the loop when nothing of it is left there. Takes NULL: calls at once. */
void mwd_sampler_close(struct mwd_sampler *self, unsigned wait_ms, void (*on_closed)(void *context),
                       void *context);
#endif
