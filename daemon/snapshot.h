/* snapshot: heap snapshots of the daemon's own heap, each taken by a child of its own.
 *
 * The loop marks in slices, ends the collection and forks; the child, which has the heap as it was
 * at that moment, walks and writes while the loop goes on. At most one at a time. What it is
 * written to is a pipe that somebody reads (stream), or a file in a folder (save), of which the
 * newest three are kept.
 *
 * Bounds   64 KiB stand in the pipe, then the child waits; a time limit for all of it. A child that
 *          is late, or whose reader has gone, is killed and reaped; it ends with the daemon, too.
 * Threads  the loop's only.
 */
#ifndef MWD_SNAPSHOT_H
#define MWD_SNAPSHOT_H
#include "daemon/log.h"
#include "heap/heap.h"

#include <uv.h>

enum { MWD_SNAPSHOT_NAME_MAX = 64, MWD_SNAPSHOT_KEPT = 3 };

struct mwd_snapshots;

struct mwd_snapshots_options {
    struct mw_heap *heap;
    struct mwd_log *log;
    const char *folder; /* of saved ones; lives as long */
    /* Nobody else may end a collection meanwhile; then they may again. Or NULL. */
    void (*hold)(void *context, bool held);
    void *context;
    uint64_t limit_ms; /* from the fork to the last byte */
};

/* Owner    the caller: mwd_snapshots_close() while the loop runs, mwd_snapshots_destroy() after it.
 * Errors   -ENOMEM, those of uv_signal_init() and uv_timer_init(). */
int mwd_snapshots_create(uv_loop_t *loop, const struct mwd_snapshots_options *options,
                         struct mwd_snapshots **ret);
/* Ends what is on its way. Takes NULL. */
void mwd_snapshots_close(struct mwd_snapshots *self);
struct mwd_snapshots *mwd_snapshots_destroy(struct mwd_snapshots *self);

/* ---- one that is read from a pipe ---- */

struct mwd_snapshot_stream {
    int fd;                           /* does not block; the caller closes it */
    char name[MWD_SNAPSHOT_NAME_MAX]; /* heap-20261126T022400.123Z.heapsnapshot */
};

/* To be followed by mwd_snapshot_stop(), whatever comes of it. Bytes come some turns of the loop
 * later; what hinders them is logged then, and the verdict: no further process may be started, no
 * memory.
 * Errors   -EBUSY one is being taken; -EMFILE, logged. */
int mwd_snapshot_stream(struct mwd_snapshots *self, struct mwd_snapshot_stream *ret);
/* When the pipe has come to its end: 0, all is in what was read; else what went wrong. */
int mwd_snapshot_verdict(struct mwd_snapshots *self);
/* Nobody reads any more: ends the child if it is still there. */
void mwd_snapshot_stop(struct mwd_snapshots *self);

/* ---- one that is a file ---- */

/* What comes of it is logged, a refusal too. Errors   -EBUSY, -ENAMETOOLONG. */
int mwd_snapshot_save(struct mwd_snapshots *self);
#endif
