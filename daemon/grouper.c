/* Batches between the loop and a thread.
 *
 * A worker is what one thread and the loop share, under one lock: a batch to work on and whether it
 * is done. It has two owners and goes with the last of them, as the part that the sampler shares
 * does. So a thread that is stuck in a read can be left behind with its batch: the loop lets go of
 * the worker and gives a copy of the batch to another. The one left behind finds that nobody waits
 * for it when it comes back, before it touches the rules, which are another's by then.
 */
#include "daemon/grouper_internal.h"

#include "daemon/join.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct batch {
    struct mwd_matcher *rules;
    struct mwd_grouping_item *items;
    uint32_t count, at; /* those below `at` have their answer */
    uint64_t round;
};

struct worker {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    uv_async_t *posted; /* NULL once the loop has let go */
    bool stopping;
    bool full;    /* there is a batch that is not done */
    bool reading; /* the process at batch.at, since began_ns */
    struct batch batch;
    uint64_t began_ns;
    uint32_t owners;

    struct mwd_grouper_reader reader; /* the thread's own */
};

struct mwd_grouper {
    struct mwd_grouper_options options;
    struct worker *worker;
    pthread_t thread;
    uv_async_t posted;
    bool busy;
    uint32_t left; /* threads left behind */
};

/* ---- workers ---- */

static void clear_batch(struct batch *self)
{
    mwd_matcher_unref(self->rules);
    free(self->items);
    *self = (struct batch){.rules = NULL};
}

static struct worker *destroy_worker(struct worker *self)
{
    clear_batch(&self->batch);
    if (self->reader.root_fd >= 0)
        close(self->reader.root_fd);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    free(self);
    return NULL;
}

static void leave_worker(struct worker *self)
{
    pthread_mutex_lock(&self->lock);
    uint32_t left = --self->owners;
    pthread_mutex_unlock(&self->lock);
    if (left == 0)
        destroy_worker(self);
}

static int create_worker(const struct mwd_grouper_options *options, struct worker **ret)
{
    struct worker *self = calloc(1, sizeof *self);
    int r = 0;

    if (!self)
        return -ENOMEM;
    self->owners = 1;
    self->reader.passwd = options->passwd;
    self->reader.root_fd = -1;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->wake, NULL);
    if (options->proc_root)
        self->reader.root_fd = open(options->proc_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (options->proc_root && self->reader.root_fd < 0)
        r = -errno;
    if (r == 0)
        *ret = self;
    else
        destroy_worker(self);
    return r;
}

/* ---- the thread ---- */

/* With the lock held. False when it is to end. */
static bool wait_for_batch(struct worker *self)
{
    while (!self->stopping && !self->full)
        pthread_cond_wait(&self->wake, &self->lock);
    return !self->stopping;
}

/* With the lock open, as the process lets it wait. False when nobody waits for it any more. */
static bool read_process(struct worker *self, const struct mwd_grouping_item *item,
                         struct mwd_matcher_process *ret)
{
    self->reading = true;
    self->began_ns = mw_clock_monotonic_ns(mw_clock_system());
    pthread_mutex_unlock(&self->lock);
    mwd_grouper_read(&self->reader, mwd_matcher_needs(self->batch.rules), item, ret);
    pthread_mutex_lock(&self->lock);
    self->reading = false;
    return !self->stopping;
}

/* Only a thread that reads is left behind: nobody else has the rules now. */
static void match(struct worker *self, struct mwd_grouping_item *item,
                  const struct mwd_matcher_process *process)
{
    pthread_mutex_unlock(&self->lock);
    if (mwd_matcher_match(self->batch.rules, process, &item->rule, item->name) < 0)
        item->rule = MWD_GROUPING_NO_RULE;
    pthread_mutex_lock(&self->lock);
}

static void work(struct worker *self)
{
    struct batch *batch = &self->batch;
    struct mwd_matcher_process process;

    memset(&self->reader.users, 0, sizeof self->reader.users);
    for (; batch->at < batch->count; batch->at++) {
        if (self->stopping || !read_process(self, &batch->items[batch->at], &process))
            return;
        match(self, &batch->items[batch->at], &process);
    }
    self->full = false;
    if (self->posted)
        uv_async_send(self->posted);
}

static void *run(void *argument)
{
    struct worker *self = argument;

    pthread_mutex_lock(&self->lock);
    while (wait_for_batch(self))
        work(self);
    pthread_mutex_unlock(&self->lock);
    leave_worker(self);
    return NULL;
}

/* Signals are the loop's business. */
static int start_thread(struct mwd_grouper *self, struct worker *worker)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    worker->owners = 2;
    int r = pthread_create(&self->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0) {
        worker->owners = 1;
        return -r;
    }
    pthread_setname_np(self->thread, "group");
    return 0;
}

/* ---- the loop's side ---- */

static void on_posted(uv_async_t *handle)
{
    struct mwd_grouper *self = handle->data;
    struct batch batch = {.rules = NULL};

    pthread_mutex_lock(&self->worker->lock);
    if (self->busy && !self->worker->full) {
        batch = self->worker->batch;
        self->worker->batch = (struct batch){.rules = NULL};
    }
    pthread_mutex_unlock(&self->worker->lock);
    if (!batch.items)
        return;
    self->busy = false;
    self->options.on_answers(self->options.context, batch.round, batch.items, batch.count);
    clear_batch(&batch);
}

/* A worker whose thread runs. */
static int start_worker(struct mwd_grouper *self, struct worker **ret)
{
    struct worker *worker;

    int r = create_worker(&self->options, &worker);
    if (r != 0)
        return r;
    worker->posted = &self->posted;
    r = start_thread(self, worker);
    if (r == 0)
        *ret = worker;
    else
        destroy_worker(worker);
    return r;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

int mwd_grouper_create(uv_loop_t *loop, const struct mwd_grouper_options *options,
                       struct mwd_grouper **ret)
{
    struct mwd_grouper *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    self->options = *options;
    int r = uv_async_init(loop, &self->posted, on_posted);
    if (r < 0) {
        free(self);
        return r;
    }
    self->posted.data = self;
    r = start_worker(self, &self->worker);
    if (r != 0)
        uv_close((uv_handle_t *)&self->posted, on_closed);
    else
        *ret = self;
    return r;
}

bool mwd_grouper_is_busy(const struct mwd_grouper *self)
{
    return self->busy;
}

static void give(struct worker *worker, const struct batch *batch)
{
    pthread_mutex_lock(&worker->lock);
    worker->batch = *batch;
    worker->full = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
}

int mwd_grouper_ask(struct mwd_grouper *self, struct mwd_matcher *rules, uint64_t round,
                    struct mwd_grouping_item *items, uint32_t count)
{
    struct batch batch = {.items = items, .count = count, .round = round};

    if (self->busy) {
        free(items);
        return -EBUSY;
    }
    batch.rules = mwd_matcher_ref(rules);
    self->busy = true;
    give(self->worker, &batch);
    return 0;
}

void mwd_grouper_cut(struct mwd_grouper *self)
{
    struct worker *worker = self->worker;

    pthread_mutex_lock(&worker->lock);
    if (worker->full && worker->batch.at < worker->batch.count)
        worker->batch.count = worker->batch.at + 1;
    pthread_mutex_unlock(&worker->lock);
}

/* ---- threads that are stuck ---- */

/* What is left of the batch, behind the process that the thread is stuck at. */
static int copy_batch(struct worker *worker, struct batch *ret)
{
    struct batch *batch = &worker->batch;
    struct mwd_grouping_item *items = calloc(batch->count, sizeof *items);

    if (!items)
        return -ENOMEM;
    memcpy(items, batch->items, batch->count * sizeof *items);
    items[batch->at].rule = MWD_GROUPING_NO_RULE;
    *ret = (struct batch){.rules = mwd_matcher_ref(batch->rules),
                          .items = items,
                          .count = batch->count,
                          .at = batch->at + 1,
                          .round = batch->round};
    return 0;
}

static void leave_behind(struct mwd_grouper *self, struct worker *next, const struct batch *rest)
{
    struct worker *stuck = self->worker;
    uint64_t pid = rest->items[rest->at - 1].key.id;

    stuck->stopping = true;
    stuck->posted = NULL;
    pthread_mutex_unlock(&stuck->lock);
    leave_worker(stuck);
    self->worker = next;
    self->left++;
    give(next, rest);
    mwd_log_event(self->options.log, MWD_LOG_WARNING,
                  &(struct mwd_log_event){"group-stuck", "/proc/PID/cmdline"},
                  "/proc/%llu/cmdline: it does not come, the process holds it back: no rule of a "
                  "group is held against it; %u of at most %d threads wait for such",
                  (unsigned long long)pid, (unsigned)self->left, MWD_GROUPER_LEFT_MAX);
}

void mwd_grouper_look(struct mwd_grouper *self, uint64_t now_ns)
{
    pthread_t thread = self->thread;
    struct worker *worker = self->worker, *next;
    struct batch rest;

    if (!self->busy || self->left == MWD_GROUPER_LEFT_MAX)
        return;
    pthread_mutex_lock(&worker->lock);
    if (!worker->reading || now_ns < worker->began_ns + self->options.patience_ns ||
        copy_batch(worker, &rest) < 0) {
        pthread_mutex_unlock(&worker->lock);
        return;
    }
    if (start_worker(self, &next) != 0) { /* it is tried again */
        pthread_mutex_unlock(&worker->lock);
        clear_batch(&rest);
        return;
    }
    pthread_detach(thread);
    leave_behind(self, next, &rest);
}

/* ---- closing ---- */

void mwd_grouper_close(struct mwd_grouper *self, unsigned wait_ms)
{
    if (!self)
        return;
    pthread_mutex_lock(&self->worker->lock);
    self->worker->stopping = true;
    self->worker->posted = NULL;
    pthread_cond_signal(&self->worker->wake);
    pthread_mutex_unlock(&self->worker->lock);
    mwd_join_or_abandon(self->thread, wait_ms);
    leave_worker(self->worker);
    self->worker = NULL;
    uv_close((uv_handle_t *)&self->posted, on_closed);
}
