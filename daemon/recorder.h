/* recorder: writes the blocks of a run to a file (--record).
 *
 * Blocks are encoded and copied on the loop; the disk is touched on libuv's pool only.
 * Bound    MWD_RECORDER_PENDING_MAX bytes that the disk has not taken yet. A block over it, or an
 *          error of the disk, ends the recording for good: a file with a gap in its process events
 *          would play wrong names. The log says so and why, the file stays good up to there, and
 *          all further blocks are counted as drops.
 * Threads  the loop's only.
 */
#ifndef MWD_RECORDER_H
#define MWD_RECORDER_H
#include "daemon/buffer.h"
#include "daemon/log.h"
#include "sample/sample.h"

#include <stdint.h>
#include <uv.h>

enum { MWD_RECORDER_PENDING_MAX = 8 << 20 };

struct mwd_recorder;

/* Makes the file, mode 0600. One that is already there is never touched.
 * Errors   negative errno (-EEXIST ...), with a sentence in `error`. */
int mwd_recorder_create(uv_loop_t *loop, const char *path, struct mwd_log *log,
                        struct mwd_buffer *error, struct mwd_recorder **ret);

/* The blocks of one beat, or its first ones: a daemon block that is written by itself belongs to
 * the beat before it. */
void mwd_recorder_write(struct mwd_recorder *self, struct mw_block *const *blocks, uint32_t count);

/* Blocks that could not be written. */
uint64_t mwd_recorder_drops(const struct mwd_recorder *self);

/* Writes what is pending and closes the file; `on_closed` is called from the loop when that is
 * done, and then the object is gone. Takes NULL: calls at once. */
void mwd_recorder_close(struct mwd_recorder *self, void (*on_closed)(void *context), void *context);
#endif
