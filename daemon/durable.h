/* durable: records in one file that outlive the process, a kill and a power failure.
 *
 * Shape    a log: records are put behind one another, and mean what their owner makes of them in
 *          that order. When the file has grown to several times what it must hold, the owner is
 *          asked for everything that still counts, and that becomes the file.
 * File     a head (mark, version, check), then records: size, check, bytes; numbers are little
 *          endian. Each batch is on the disk (fdatasync) before it is said to be. A new file takes
 *          the place of the old one whole: written, fsync, rename, fsync of the folder.
 * Torn     what a kill or a power failure left at the end, does not pass its check: it is cut off
 *          and told. All records before it count.
 * Aside    a file that is not ours, or of a newer version, is renamed and told, and never written.
 * Failure  a full disk stops nobody: what waited for it is let go as if it had been written, which
 *          is told, counted, and tried again after MWD_DURABLE_RETRY_MS with all that counts then.
 * Bound    MWD_DURABLE_PENDING_MAX bytes that wait for the disk; over that they are let go, and the
 *          file is written anew. A file over MWD_DURABLE_FILE_MAX is put aside.
 * Threads  the loop's; writing is done in libuv's pool, from copies.
 */
#ifndef MWD_DURABLE_H
#define MWD_DURABLE_H
#include "daemon/buffer.h"
#include "daemon/log.h"

#include <stdbool.h>
#include <uv.h>

enum {
    MWD_DURABLE_RECORD_MAX = 16 << 10, /* bytes of one record */
    MWD_DURABLE_PENDING_MAX = 32 << 20,
    MWD_DURABLE_FILE_MAX = 256 << 20,
    MWD_DURABLE_RETRY_MS = 10000,
    MWD_DURABLE_VERSION = 1
};

/* ---- the format; no state ---- */

enum mwd_durable_verdict {
    MWD_DURABLE_WHOLE,
    MWD_DURABLE_TORN,    /* up to *ret_whole it is good */
    MWD_DURABLE_FOREIGN, /* not such a file */
    MWD_DURABLE_NEWER    /* of a version that is not known here */
};

/* Calls on_record for each good record, in order. An empty file is whole. *ret_whole is where the
 * next record would stand. */
enum mwd_durable_verdict mwd_durable_read(const void *bytes, size_t size,
                                          void (*on_record)(void *context, const void *bytes,
                                                            size_t size),
                                          void *context, size_t *ret_whole);
void mwd_durable_put_head(struct mwd_buffer *out, uint32_t version);
/* `size` is 1 to MWD_DURABLE_RECORD_MAX. */
void mwd_durable_put_record(struct mwd_buffer *out, const void *bytes, size_t size);

/* ---- the file ---- */

struct mwd_durable;

struct mwd_durable_options {
    const char *folder, *name;
    struct mwd_log *log;
    /* At mwd_durable_create(), for each record that is there. */
    void (*on_record)(void *context, const void *bytes, size_t size);
    /* All up to this ticket is on the disk, or was let go because the disk does not take it. */
    void (*on_done)(void *context, uint64_t ticket);
    /* Puts everything that counts now, by mwd_durable_put(). */
    void (*on_rewrite)(void *context);
    void *context;
};

/* Reads what is there; a folder or a file that is not there, or cannot be read, is none (told).
 * Owner    of *ret: the caller, mwd_durable_close(). Errors -ENOMEM, those of uv_timer_init(). */
int mwd_durable_create(uv_loop_t *loop, const struct mwd_durable_options *options,
                       struct mwd_durable **ret);
/* Writes what waits, and frees; on_closed comes from the loop. Takes NULL, and calls at once. */
void mwd_durable_close(struct mwd_durable *self, void (*on_closed)(void *context), void *context);

/* Adds a record to the batch that comes next; one that is too large is a fault of the caller and is
 * left out. */
void mwd_durable_put(struct mwd_durable *self, const void *bytes, size_t size);
/* Sends the batch on its way. Returns the ticket of all that was put so far. */
uint64_t mwd_durable_commit(struct mwd_durable *self);
/* Whether on_done has come for it. */
bool mwd_durable_is_done(const struct mwd_durable *self, uint64_t ticket);

struct mwd_durable_numbers {
    uint64_t file_bytes;
    uint64_t batches, rewrites, failures; /* totals */
    bool failing;                         /* the last batch was not taken */
};
void mwd_durable_get_numbers(const struct mwd_durable *self, struct mwd_durable_numbers *ret);
#endif
