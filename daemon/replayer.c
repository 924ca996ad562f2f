/* The thread that reads the file, and its mailbox.
 *
 * Two threads share `struct tape`, under one lock: whether to stop, and the blocks of one beat. The
 * thread waits until a beat is due and until the loop has taken the one before, so no beat is lost
 * and at most two are in memory. A beat is handed over as soon as the next one shows, before that
 * is decoded: readers may hold the blocks that it needs until they get this one.
 *
 * The tape has two owners and goes with the last of them: a thread that is stuck in a read (a pipe,
 * a file server that is gone) is left behind at close and frees it when it comes back.
 */
#include "daemon/replayer.h"

#include "daemon/join.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BEAT_BLOCKS = MW_SOURCE_COUNT, /* a beat has at most one of each source */
    CHUNK = 1 << 16,
    BUSY_WAIT_NS = 5 * MW_NS_PER_MS,
};

struct beat {
    struct mw_block *blocks[BEAT_BLOCKS];
    uint32_t count;
};

struct tape {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    uv_async_t *posted; /* NULL once the loop has let go */
    bool stopping;
    struct beat mail;
    bool ended; /* no mail comes after this one */
    int status;
    uint32_t owners;

    /* the thread's own from here on */
    struct mwd_log *log;
    char *path;
    int fd;
    double speed;
    struct mw_recording_reader *reader;
    struct mwd_buffer bytes; /* read and not yet taken: from `at` on */
    size_t at;
    struct beat beat;      /* in the making */
    uint64_t recorded_ns;  /* when the beat before was recorded */
    uint64_t delivered_ns; /* and when it was handed over; 0 before the first */
    uint64_t beats, blocks;
};

struct mwd_replayer {
    struct tape *tape;
    pthread_t thread;
    uv_async_t posted;
    mwd_replayer_blocks_cb on_blocks;
    mwd_replayer_end_cb on_end;
    void *context;
    bool closing;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void beat_release(struct beat *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        mw_block_unref(self->blocks[i]);
    self->count = 0;
}

static struct tape *tape_destroy(struct tape *self)
{
    if (!self)
        return NULL;
    beat_release(&self->mail);
    beat_release(&self->beat);
    mw_recording_reader_destroy(self->reader);
    mwd_buffer_deinit(&self->bytes);
    if (self->fd >= 0)
        close(self->fd);
    free(self->path);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    free(self);
    return NULL;
}

/* One of the two owners lets go; the last one frees. */
static void tape_leave(struct tape *self)
{
    pthread_mutex_lock(&self->lock);
    uint32_t left = --self->owners;
    pthread_mutex_unlock(&self->lock);
    if (left == 0)
        tape_destroy(self);
}

/* ---- the file ---- */

/* Returns the number of bytes that were added, 0 at the end of the file. */
static ssize_t read_more(struct tape *self, size_t more)
{
    struct mwd_buffer *bytes = &self->bytes;

    if (self->at > 0) {
        memmove(bytes->bytes, bytes->bytes + self->at, bytes->size - self->at);
        bytes->size -= self->at;
        self->at = 0;
    }
    size_t room = more > CHUNK ? more : CHUNK;
    char *to = mwd_buffer_reserve(bytes, room);
    if (!to)
        return bytes->failed;
    for (;;) {
        ssize_t size = read(self->fd, to, room);

        if (size > 0)
            mwd_buffer_commit(bytes, (size_t)size);
        if (size >= 0)
            return size;
        if (errno != EINTR)
            return -errno;
    }
}

static size_t bytes_left(const struct tape *self)
{
    return self->bytes.size - self->at;
}

static const char *bytes_at(const struct tape *self)
{
    return self->bytes.size > 0 ? self->bytes.bytes + self->at : "";
}

/* Returns 0, MW_RECORDING_MORE when the file ends within (or before) the header, or an error. */
static int read_header(struct tape *self)
{
    for (;;) {
        size_t size;
        int r = mw_recording_read_header(self->reader, bytes_at(self), bytes_left(self), &size);

        if (r == 0)
            self->at += size;
        if (r != MW_RECORDING_MORE)
            return r;
        ssize_t got = read_more(self, size - bytes_left(self));
        if (got <= 0)
            return got < 0 ? (int)got : MW_RECORDING_MORE;
    }
}

/* As above; and -EBUSY: nothing was taken. */
static int read_frame(struct tape *self, struct mw_recording_frame *ret)
{
    for (;;) {
        int r = mw_recording_read_frame(self->reader, bytes_at(self), bytes_left(self), ret);

        if (r == 0)
            self->at += ret->size;
        if (r != MW_RECORDING_MORE)
            return r;
        ssize_t got = read_more(self, ret->size - bytes_left(self));
        if (got <= 0)
            return got < 0 ? (int)got : MW_RECORDING_MORE;
    }
}

/* ---- the thread ---- */

static struct timespec to_timespec(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / MW_NS_PER_S), (long)(ns % MW_NS_PER_S)};
}

/* Sleeps until then. Returns false when the tape is to stop. */
static bool wait_until(struct tape *self, uint64_t due_ns)
{
    struct timespec until = to_timespec(due_ns);
    int r = 0;

    pthread_mutex_lock(&self->lock);
    while (!self->stopping && r != ETIMEDOUT)
        r = pthread_cond_timedwait(&self->wake, &self->lock, &until);
    bool go_on = !self->stopping;
    pthread_mutex_unlock(&self->lock);
    return go_on;
}

/* The time between two beats is that of the recording by the speed. What was late stays late: it is
 * not caught up. */
static uint64_t due_ns(const struct tape *self, uint64_t recorded_ns)
{
    const uint64_t longest = (uint64_t)MW_NS_PER_S * 3600 * 24 * 365;

    if (self->delivered_ns == 0 || recorded_ns <= self->recorded_ns)
        return 0;
    double gap = (double)(recorded_ns - self->recorded_ns) / self->speed;
    return self->delivered_ns + (gap < (double)longest ? (uint64_t)gap : longest);
}

/* Waits until the loop has taken the mail before. Returns false when the tape is to stop. */
static bool post(struct tape *self)
{
    pthread_mutex_lock(&self->lock);
    while (!self->stopping && self->mail.count > 0)
        pthread_cond_wait(&self->wake, &self->lock);
    bool go_on = !self->stopping;
    if (go_on) {
        self->mail = self->beat;
        self->beat.count = 0;
        uv_async_send(self->posted);
    }
    pthread_mutex_unlock(&self->lock);
    return go_on;
}

/* Hands the beat over when it is due. Returns false when the tape is to stop. */
static bool deliver(struct tape *self)
{
    if (self->beat.count == 0)
        return true;
    uint64_t recorded_ns = mw_block_head(self->beat.blocks[0])->time_ns;
    if (!wait_until(self, due_ns(self, recorded_ns)))
        return false;
    self->recorded_ns = recorded_ns;
    self->delivered_ns = mw_clock_monotonic_ns(mw_clock_system());
    self->beats++;
    self->blocks += self->beat.count;
    return post(self);
}

static void add(struct tape *self, struct mw_block *block)
{
    if (block)
        self->beat.blocks[self->beat.count++] = block;
}

/* Plays all frames. Returns 0, MW_RECORDING_MORE when the last one is cut off, -ECANCELED when the
 * tape is to stop, or why it cannot go on. */
static int play(struct tape *self)
{
    struct mw_recording_frame frame;

    for (;;) {
        int r = read_frame(self, &frame);

        if ((r == 0 || r == -EBUSY) && frame.begins_beat && !deliver(self)) {
            mw_block_unref(frame.block);
            return -ECANCELED;
        }
        if (r == 0) {
            add(self, frame.block);
        } else if (r == -EBUSY) {
            if (!wait_until(self, mw_clock_monotonic_ns(mw_clock_system()) + BUSY_WAIT_NS))
                return -ECANCELED;
        } else {
            if (!deliver(self))
                return -ECANCELED;
            return r == MW_RECORDING_MORE && bytes_left(self) == 0 ? 0 : r;
        }
    }
}

static void log_end(const struct tape *self, int r)
{
    unsigned long long beats = self->beats, blocks = self->blocks;

    if (r == MW_RECORDING_MORE)
        mwd_log(
            self->log, MWD_LOG_WARNING,
            "the replay of %s has ended: %llu beats, %llu blocks; the last %zu bytes are a block "
            "that was cut off",
            self->path, beats, blocks, bytes_left(self));
    else if (r == 0)
        mwd_log(self->log, MWD_LOG_INFO, "the replay of %s has ended: %llu beats, %llu blocks",
                self->path, beats, blocks);
    else
        mwd_log(self->log, MWD_LOG_ERROR,
                "the replay of %s has stopped after %llu beats, %llu blocks: %s", self->path, beats,
                blocks, r == -EBADMSG ? mw_recording_reader_error(self->reader) : strerror(-r));
}

/* An abandoned thread says nothing: whoever would hear it, its log too, may be gone. */
static void end(struct tape *self, int r)
{
    pthread_mutex_lock(&self->lock);
    if (self->posted) {
        log_end(self, r);
        self->ended = true;
        self->status = r < 0 ? r : 0;
        uv_async_send(self->posted);
    }
    pthread_mutex_unlock(&self->lock);
}

static void *run(void *argument)
{
    struct tape *self = argument;

    end(self, play(self));
    tape_leave(self);
    return NULL;
}

/* ---- opening ---- */

static void log_header(const struct tape *self)
{
    long page_size = sysconf(_SC_PAGESIZE);
    uint32_t recorded = mw_recording_reader_page_size(self->reader);

    mwd_log(self->log, MWD_LOG_INFO, "replaying %s, recorded by memwatchd %s", self->path,
            mw_recording_reader_build(self->reader));
    if (recorded != page_size)
        mwd_log(
            self->log, MWD_LOG_WARNING,
            "%s was recorded with pages of %u bytes, here they have %ld: rates that are counted "
            "in pages come out wrong by that factor",
            self->path, (unsigned)recorded, page_size);
}

static int refuse(struct mwd_buffer *error, const char *path, const char *why, int r)
{
    mwd_buffer_printf(error, "--replay: %s: %s", path, why);
    return r;
}

static int open_tape(struct tape *self, struct mwd_buffer *error)
{
    if (!(self->speed > 0))
        return refuse(error, self->path, "--speed takes a number over 0", -EINVAL);
    /* A pipe may be played, but one that nobody writes to, or not now, is not waited for here. */
    self->fd = open(self->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (self->fd < 0) {
        int r = -errno;

        return refuse(error, self->path, strerror(-r), r);
    }
    int r = read_header(self);
    fcntl(self->fd, F_SETFL, O_RDONLY); /* the thread may wait */
    if (r == MW_RECORDING_MORE)
        return refuse(error, self->path, "it ends before its header does; not a recording",
                      -EBADMSG);
    if (r == -EBADMSG)
        return refuse(error, self->path, mw_recording_reader_error(self->reader), r);
    if (r < 0)
        return refuse(error, self->path, strerror(-r), r);
    log_header(self);
    return 0;
}

static struct tape *tape_create(const struct mwd_replayer_options *options)
{
    struct tape *self = calloc(1, sizeof *self);
    pthread_condattr_t attributes;

    if (!self)
        return NULL;
    self->owners = 1;
    self->fd = -1;
    self->log = options->log;
    self->speed = options->speed;
    mwd_buffer_init(&self->bytes, MW_RECORDING_FRAME_MAX + 2 * CHUNK);
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    self->path = strdup(options->path);
    if (!self->path || mw_recording_reader_create(&self->reader) < 0)
        return tape_destroy(self);
    return self;
}

/* ---- the loop's side ---- */

static struct beat take_mail(struct tape *self, bool *ret_ended)
{
    pthread_mutex_lock(&self->lock);
    struct beat mail = self->mail;
    self->mail.count = 0;
    *ret_ended = self->ended;
    self->ended = false;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
    return mail;
}

static void on_posted(uv_async_t *handle)
{
    struct mwd_replayer *self = handle->data;
    bool ended;
    struct beat mail = take_mail(self->tape, &ended);

    if (mail.count > 0)
        self->on_blocks(self->context, mail.blocks, mail.count);
    beat_release(&mail);
    if (ended && self->on_end && !self->closing) /* on_blocks may have closed it */
        self->on_end(self->context, self->tape->status);
}

/* Signals are the loop's business: the thread is started with all of them blocked. */
static int start_thread(struct mwd_replayer *self)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    self->tape->owners = 2;
    int r = pthread_create(&self->thread, NULL, run, self->tape);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0) {
        self->tape->owners = 1;
        return -r;
    }
    pthread_setname_np(self->thread, "replay");
    return 0;
}

static void on_abandoned(uv_handle_t *handle)
{
    free(handle->data);
}

/* From here on `self` goes in a close callback, whatever happens. */
static int start(uv_loop_t *loop, struct mwd_replayer *self)
{
    int r = uv_async_init(loop, &self->posted, on_posted);
    if (r < 0) {
        free(self);
        return r;
    }
    self->posted.data = self;
    self->tape->posted = &self->posted;
    r = start_thread(self);
    if (r < 0)
        uv_close((uv_handle_t *)&self->posted, on_abandoned);
    return r;
}

int mwd_replayer_create(uv_loop_t *loop, const struct mwd_replayer_options *options,
                        struct mwd_buffer *error, struct mwd_replayer **ret)
{
    struct tape *tape = tape_create(options);
    struct mwd_replayer *self = calloc(1, sizeof *self);

    int r = -ENOMEM;
    if (!tape || !self) {
        refuse(error, options->path, strerror(-r), r);
        goto fail;
    }
    r = open_tape(tape, error);
    if (r < 0)
        goto fail;
    self->tape = tape;
    self->on_blocks = options->on_blocks;
    self->on_end = options->on_end;
    self->context = options->context;
    r = start(loop, self);
    if (r < 0) {
        tape_destroy(tape);
        return refuse(error, options->path, strerror(-r), r);
    }
    *ret = self;
    return 0;
fail:
    tape_destroy(tape);
    free(self);
    return r;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct mwd_replayer *self = handle->data;

    tape_leave(self->tape);
    if (self->on_closed)
        self->on_closed(self->closed_context);
    free(self);
}

void mwd_replayer_close(struct mwd_replayer *self, unsigned wait_ms,
                        void (*on_closed)(void *context), void *context)
{
    if (!self) {
        if (on_closed)
            on_closed(context);
        return;
    }
    self->closing = true;
    self->on_closed = on_closed;
    self->closed_context = context;
    pthread_mutex_lock(&self->tape->lock);
    self->tape->stopping = true;
    self->tape->posted = NULL;
    pthread_cond_signal(&self->tape->wake);
    pthread_mutex_unlock(&self->tape->lock);
    mwd_join_or_abandon(self->thread, wait_ms);
    uv_close((uv_handle_t *)&self->posted, on_handle_closed);
}
