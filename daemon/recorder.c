/* Two batches: the loop fills one while libuv's pool writes the other; when that is on the disk
 * they change places. At most one job is in the pool, so the file needs no lock.
 *
 * The file is whole after each batch. When one cannot be written, the file is cut back to the end
 * of the batch before it, so that what remains plays without a warning.
 */
#include "daemon/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct batch {
    struct mwd_buffer bytes;
    uint64_t blocks;
    int64_t until_ms; /* time of its newest block */
};

struct mwd_recorder {
    uv_loop_t *loop;
    struct mwd_log *log;
    char *path;
    struct mw_recording_writer *writer; /* NULL once the recording has ended */
    struct batch filling;               /* the loop's */
    uint64_t written, drops;            /* blocks */
    int64_t until_ms;                   /* the file is whole up to here */

    uv_work_t job;
    bool busy;            /* the job is in the pool; what follows is then the pool's */
    struct batch writing; /* empty: the job is to close the file */
    int fd;
    off_t whole_size; /* of all batches before */
    int error;

    bool closing;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void batch_empty(struct batch *self)
{
    mwd_buffer_deinit(&self->bytes); /* the first batch has every process and stays the largest */
    mwd_buffer_init(&self->bytes, MWD_RECORDER_PENDING_MAX);
    self->blocks = 0;
}

static struct mwd_recorder *recorder_free(struct mwd_recorder *self)
{
    if (self->fd >= 0)
        close(self->fd);
    mw_recording_writer_destroy(self->writer);
    mwd_buffer_deinit(&self->filling.bytes);
    mwd_buffer_deinit(&self->writing.bytes);
    free(self->path);
    free(self);
    return NULL;
}

/* ---- in the pool ---- */

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int close_file(struct mwd_recorder *self)
{
    int r = close(self->fd) < 0 ? -errno : 0;

    self->fd = -1;
    return r;
}

static void work(uv_work_t *job)
{
    struct mwd_recorder *self = job->data;
    const struct mwd_buffer *bytes = &self->writing.bytes;

    if (bytes->size == 0) {
        self->error = close_file(self);
        return;
    }
    self->error = write_all(self->fd, bytes->bytes, bytes->size);
    if (self->error == 0)
        self->whole_size += (off_t)bytes->size;
    else if (ftruncate(self->fd, self->whole_size) < 0)
        return; /* then the reader will find the cut */
}

/* ---- on the loop ---- */

static const char *format_time(int64_t ms, char *text, size_t size)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;

    if (ms == 0 || !gmtime_r(&seconds, &utc) || !strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &utc))
        return "its beginning";
    return text;
}

/* Ends the recording for good. `until_ms` is where the file will end, and is said again when a disk
 * that was too slow turns out not to take even what was waiting for it. */
static void end(struct mwd_recorder *self, int64_t until_ms, const char *why)
{
    char text[32];

    self->writer = mw_recording_writer_destroy(self->writer);
    mwd_log(self->log, MWD_LOG_ERROR,
            "the recording %s has ended: %s; the file is complete up to %s, what follows is not in "
            "it and counted in recordDrops",
            self->path, why, format_time(until_ms, text, sizeof text));
}

static void on_worked(uv_work_t *job, int status);

static void queue_job(struct mwd_recorder *self)
{
    self->job.data = self;
    self->busy = true;
    uv_queue_work(self->loop, &self->job, work, on_worked); /* fails without a function only */
}

static void write_batch(struct mwd_recorder *self)
{
    struct batch filled = self->filling;

    self->filling = self->writing;
    self->writing = filled;
    queue_job(self);
}

static void finish(struct mwd_recorder *self)
{
    if (self->writer)
        mwd_log(self->log, MWD_LOG_INFO, "the recording %s is closed: %llu blocks, %lld bytes",
                self->path, (unsigned long long)self->written, (long long)self->whole_size);
    if (self->on_closed)
        self->on_closed(self->closed_context);
    recorder_free(self);
}

static void take_result(struct mwd_recorder *self)
{
    if (self->error == 0) {
        self->written += self->writing.blocks;
        self->until_ms = self->writing.until_ms;
    } else {
        self->drops += self->writing.blocks + self->filling.blocks;
        end(self, self->until_ms, strerror(-self->error));
        batch_empty(&self->filling);
    }
    batch_empty(&self->writing);
}

static void on_worked(uv_work_t *job, int status)
{
    struct mwd_recorder *self = job->data;
    bool had_bytes = self->writing.bytes.size > 0;

    (void)status; /* jobs are never cancelled */
    self->busy = false;
    if (had_bytes || self->error != 0)
        take_result(self);
    if (self->filling.bytes.size > 0)
        write_batch(self);
    else if (self->closing && self->fd >= 0)
        queue_job(self);
    else if (self->closing)
        finish(self);
}

/* ---- public ---- */

static int open_file(const char *path, struct mwd_buffer *error, int *ret)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        int r = -errno;

        if (r == -EEXIST)
            mwd_buffer_printf(error, "--record: %s is already there; a recording needs a new file",
                              path);
        else
            mwd_buffer_printf(error, "--record: %s cannot be made: %s", path, strerror(-r));
        return r;
    }
    *ret = fd;
    return 0;
}

static int start_writer(struct mwd_recorder *self)
{
    struct mw_recording_bytes header = {NULL, 0};

    int r = mw_recording_writer_create((uint32_t)sysconf(_SC_PAGESIZE), &self->writer);
    if (r == 0)
        r = mw_recording_write_header(self->writer, &header);
    if (r < 0)
        return r;
    mwd_buffer_append(&self->filling.bytes, header.bytes, header.size);
    return self->filling.bytes.failed;
}

int mwd_recorder_create(uv_loop_t *loop, const char *path, struct mwd_log *log,
                        struct mwd_buffer *error, struct mwd_recorder **ret)
{
    struct mwd_recorder *self = calloc(1, sizeof *self);

    if (!self) {
        mwd_buffer_printf(error, "--record: %s", strerror(ENOMEM));
        return -ENOMEM;
    }
    self->loop = loop;
    self->log = log;
    self->fd = -1;
    batch_empty(&self->filling);
    batch_empty(&self->writing);
    self->path = strdup(path);
    int r = self->path ? start_writer(self) : -ENOMEM;
    if (r < 0) {
        mwd_buffer_printf(error, "--record: %s: %s", path, strerror(-r));
        goto fail;
    }
    r = open_file(path, error, &self->fd);
    if (r < 0)
        goto fail;
    write_batch(self);
    *ret = self;
    return 0;
fail:
    recorder_free(self);
    return r;
}

static bool has_room(const struct mwd_recorder *self, size_t size)
{
    size_t pending = self->filling.bytes.size + self->writing.bytes.size;

    return size <= MWD_RECORDER_PENDING_MAX - pending;
}

static int64_t newest_pending_ms(const struct mwd_recorder *self)
{
    if (self->filling.blocks > 0)
        return self->filling.until_ms;
    return self->writing.blocks > 0 ? self->writing.until_ms : self->until_ms;
}

static bool is_own(uint32_t source)
{
    return source == MW_SOURCE_DAEMON || source == MW_SOURCE_HEAP || source == MW_SOURCE_QUEUE ||
           source == MW_SOURCE_CACHE;
}

/* Returns false when the block is not in the file and will not be. */
static bool write_block(struct mwd_recorder *self, struct mw_block *block, bool is_first)
{
    const struct mw_block_head *head = mw_block_head(block);
    struct mw_recording_bytes frame;

    if (!self->writer)
        return false;
    /* The daemon's own blocks, written by themselves, end the beat of those before them. */
    bool begins_beat = is_first && !is_own(head->source);
    int r = mw_recording_write_frame(self->writer, block, begins_beat, &frame);
    if (r == 0 && !has_room(self, frame.size)) {
        end(self, newest_pending_ms(self), "the disk is too slow, 8 MiB are waiting for it");
        return false;
    }
    if (r == 0) {
        mwd_buffer_append(&self->filling.bytes, frame.bytes, frame.size);
        r = self->filling.bytes.failed;
    }
    if (r < 0) {
        end(self, newest_pending_ms(self), strerror(-r));
        return false;
    }
    self->filling.blocks++;
    self->filling.until_ms = head->time_ms;
    return true;
}

void mwd_recorder_write(struct mwd_recorder *self, struct mw_block *const *blocks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        self->drops += !write_block(self, blocks[i], i == 0);
    if (!self->busy && self->filling.bytes.size > 0)
        write_batch(self);
}

uint64_t mwd_recorder_drops(const struct mwd_recorder *self)
{
    return self->drops;
}

void mwd_recorder_close(struct mwd_recorder *self, void (*on_closed)(void *context), void *context)
{
    if (!self) {
        if (on_closed)
            on_closed(context);
        return;
    }
    self->closing = true;
    self->on_closed = on_closed;
    self->closed_context = context;
    if (!self->busy)
        queue_job(self);
}
