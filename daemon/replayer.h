/* replayer: drives the daemon from a recording (--replay), in place of the sampler.
 *
 * A thread reads the file, waits between beats as long as the recorded daemon did, divided by the
 * speed, and hands the blocks of one beat at a time to the loop. No beat is ever left out: when the
 * loop is slow or readers hold all blocks, the play is late.
 * Threads  create and close: the loop's.
 */
#ifndef MWD_REPLAYER_H
#define MWD_REPLAYER_H
#include "daemon/buffer.h"
#include "daemon/log.h"
#include "sample/sample.h"

#include <stdint.h>
#include <uv.h>

/* Called on the loop with the blocks of one beat, in order; they are the replayer's and valid for
 * the call only (take a reference to keep one). */
typedef void (*mwd_replayer_blocks_cb)(void *context, struct mw_block *const *blocks,
                                       uint32_t count);

/* Called on the loop once, after the last beat. `status` is 0 when the recording was played to its
 * end (one that was cut off is), else why not; the reason is in the log by then. */
typedef void (*mwd_replayer_end_cb)(void *context, int status);

struct mwd_replayer_options {
    const char *path;
    double speed; /* over 0; 1 = as recorded, INFINITY = as fast as it goes */
    struct mwd_log *log;
    mwd_replayer_blocks_cb on_blocks;
    mwd_replayer_end_cb on_end; /* or NULL */
    void *context;              /* of both */
};

struct mwd_replayer;

/* Opens the file and reads its header; the first beat comes at once.
 * Errors   negative errno (-EBADMSG: not a recording, -EINVAL: the speed), with a sentence in
 * `error`. */
int mwd_replayer_create(uv_loop_t *loop, const struct mwd_replayer_options *options,
                        struct mwd_buffer *error, struct mwd_replayer **ret);

/* Stops the thread and waits for it at most `wait_ms`; one that is stuck in a read is abandoned.
 * `on_closed` is called from the loop when nothing of it is left there. Takes NULL: calls at once.
 */
void mwd_replayer_close(struct mwd_replayer *self, unsigned wait_ms,
                        void (*on_closed)(void *context), void *context);
#endif
