/* Batches: the loop fills one while libuv's pool writes the one before it. */
#include "daemon/durable_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The file is written anew when it is this many times what it had to hold the last time, and never
 * while it is small. */
enum { GROWTH = 4, REWRITE_MIN = 256 << 10 };

struct mwd_durable {
    uv_loop_t *loop;
    struct mwd_durable_options options; /* without the texts */
    uv_timer_t retry;
    struct mwd_buffer filling;
    uint64_t ticket; /* of the batch that is filled */
    uint64_t done;   /* all up to this one */
    uint64_t rewrite_above;
    bool incomplete; /* the file lacks something: the next batch is all that counts */
    bool resting;    /* until the timer ends */
    bool wanted;     /* the batch that is filled was committed while another one was written */
    bool in_rewrite;
    struct mwd_durable_numbers numbers;

    uv_work_t job;
    bool busy; /* the job is in the pool; what follows is then the pool's */
    struct mwd_durable_file file;
    struct mwd_buffer writing;
    bool replaces;
    int error;

    bool closing;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void empty(struct mwd_buffer *buffer)
{
    mwd_buffer_deinit(buffer);
    mwd_buffer_init(buffer, MWD_DURABLE_PENDING_MAX);
}

/* ---- in the pool ---- */

static void work(uv_work_t *job)
{
    struct mwd_durable *self = job->data;

    if (self->replaces)
        self->error = mwd_durable_file_replace(&self->file, &self->writing);
    else
        self->error = mwd_durable_file_append(&self->file, &self->writing);
}

/* ---- on the loop ---- */

static void on_worked(uv_work_t *job, int status);

static void gather(struct mwd_durable *self)
{
    empty(&self->filling);
    self->in_rewrite = true;
    self->options.on_rewrite(self->options.context);
    self->in_rewrite = false;
    self->incomplete = self->filling.failed;
}

/* What waited for the disk goes on without it. The next batch that is written has everything. */
static void let_go(struct mwd_durable *self)
{
    empty(&self->filling);
    self->incomplete = true;
    self->done = self->ticket++;
}

static void start(struct mwd_durable *self)
{
    struct mwd_buffer filled;

    self->replaces = self->incomplete || self->numbers.file_bytes > self->rewrite_above;
    if (self->replaces)
        gather(self);
    if (self->filling.failed) {
        let_go(self);
        return;
    }
    filled = self->filling;
    self->filling = self->writing;
    self->writing = filled;
    self->ticket++;
    self->job.data = self;
    self->busy = true;
    uv_queue_work(self->loop, &self->job, work, on_worked); /* fails without a function only */
}

static void on_retry(uv_timer_t *timer)
{
    struct mwd_durable *self = timer->data;

    self->resting = false;
    if (!self->busy && !self->closing && self->incomplete)
        start(self);
}

static void take_failure(struct mwd_durable *self)
{
    self->numbers.failures++;
    self->incomplete = true;
    self->resting = true;
    if (!self->numbers.failing)
        mwd_log(self->options.log, MWD_LOG_ERROR,
                "%s cannot be written: %s; alerts go out all the same, but what a restart needs to "
                "know of them is not stored; it is tried again every 10 s",
                self->file.path,
                self->error == -EWOULDBLOCK ? "another memwatchd uses it" : strerror(-self->error));
    self->numbers.failing = true;
    if (!self->closing)
        uv_timer_start(&self->retry, on_retry, MWD_DURABLE_RETRY_MS, 0);
}

static void take_success(struct mwd_durable *self)
{
    self->numbers.batches++;
    self->numbers.rewrites += self->replaces;
    if (self->replaces) {
        uint64_t size = (uint64_t)self->file.whole;

        self->rewrite_above = size * GROWTH > REWRITE_MIN ? size * GROWTH : REWRITE_MIN;
    }
    if (self->numbers.failing)
        mwd_log(self->options.log, MWD_LOG_INFO, "%s is written again", self->file.path);
    self->numbers.failing = false;
}

static void finish(struct mwd_durable *self);

/* The batch that is filled, to the disk or past it. */
static void go_on(struct mwd_durable *self)
{
    self->wanted = false;
    if (self->resting)
        let_go(self);
    else
        start(self);
    if (!self->busy && !self->closing)
        self->options.on_done(self->options.context, self->done);
}

static void on_worked(uv_work_t *job, int status)
{
    struct mwd_durable *self = job->data;

    (void)status; /* jobs are never cancelled */
    self->busy = false;
    self->numbers.file_bytes = (uint64_t)self->file.whole;
    if (self->error < 0)
        take_failure(self);
    else
        take_success(self);
    empty(&self->writing);
    self->done = self->ticket - 1;
    if (!self->closing)
        self->options.on_done(self->options.context, self->done);
    if (self->busy) /* what was done has brought more */
        return;
    if (self->wanted || (self->closing && self->filling.size > 0))
        go_on(self);
    if (self->closing && !self->busy)
        finish(self);
}

/* ---- public ---- */

static struct mwd_durable *destroy(struct mwd_durable *self)
{
    mwd_durable_file_deinit(&self->file);
    mwd_buffer_deinit(&self->filling);
    mwd_buffer_deinit(&self->writing);
    free(self);
    return NULL;
}

int mwd_durable_create(uv_loop_t *loop, const struct mwd_durable_options *options,
                       struct mwd_durable **ret)
{
    struct mwd_durable *self = calloc(1, sizeof *self);
    int r;

    if (!self)
        return -ENOMEM;
    self->loop = loop;
    self->options = *options;
    self->ticket = 1;
    self->rewrite_above = REWRITE_MIN;
    empty(&self->filling);
    empty(&self->writing);
    r = mwd_durable_file_init(&self->file, options->folder, options->name);
    if (r == 0)
        r = uv_timer_init(loop, &self->retry);
    if (r < 0) {
        destroy(self);
        return r;
    }
    self->retry.data = self;
    mwd_durable_file_load(&self->file, options);
    self->numbers.file_bytes = (uint64_t)self->file.whole;
    *ret = self;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct mwd_durable *self = handle->data;

    if (self->on_closed)
        self->on_closed(self->closed_context);
    destroy(self);
}

static void finish(struct mwd_durable *self)
{
    uv_close((uv_handle_t *)&self->retry, on_timer_closed);
}

void mwd_durable_close(struct mwd_durable *self, void (*on_closed)(void *context), void *context)
{
    if (!self) {
        if (on_closed)
            on_closed(context);
        return;
    }
    self->closing = true;
    self->on_closed = on_closed;
    self->closed_context = context;
    if (self->busy)
        return;
    if (self->filling.size > 0 && !self->resting)
        start(self);
    if (!self->busy)
        finish(self);
}

void mwd_durable_put(struct mwd_durable *self, const void *bytes, size_t size)
{
    if (size == 0 || size > MWD_DURABLE_RECORD_MAX || (self->incomplete && !self->in_rewrite))
        return;
    mwd_durable_put_record(&self->filling, bytes, size);
    if (self->filling.failed && !self->in_rewrite) {
        empty(&self->filling);
        self->incomplete = true;
    }
}

uint64_t mwd_durable_commit(struct mwd_durable *self)
{
    if (self->filling.size == 0 && !self->incomplete)
        return self->busy ? self->ticket - 1 : self->done;
    if (self->busy || self->closing) {
        self->wanted = true;
        return self->ticket;
    }
    if (self->resting)
        let_go(self);
    else
        start(self);
    return self->ticket - 1;
}

bool mwd_durable_is_done(const struct mwd_durable *self, uint64_t ticket)
{
    return ticket <= self->done;
}

void mwd_durable_get_numbers(const struct mwd_durable *self, struct mwd_durable_numbers *ret)
{
    *ret = self->numbers;
}
