/* The collector thread and its mailbox.
 *
 * Two threads share `struct shared`, under one lock: what the loop wants (interval, keep_fds,
 * stopping) and what the thread has to give (the blocks of one beat). The thread reads /proc with
 * the lock open, so the loop never waits for a read. When the loop has not yet taken the last beat,
 * the next one is left out and counted: nothing piles up, and no process event is lost, because
 * a beat that is left out is not read at all.
 *
 * The shared part has two owners and goes with the last of them. So a thread that is stuck in a
 * read can be left behind at close: it finds `closed` set when it comes back, and frees it.
 */
#include "daemon/sampler.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BEAT_BLOCKS = 3, JITTER_PERCENT = 5 };

struct shared {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    uv_async_t *posted; /* NULL once the loop has let go */
    bool stopping;
    bool settings_changed;
    uint64_t interval_ns;
    uint32_t keep_fds;
    struct mw_block *mail[BEAT_BLOCKS];
    uint32_t mail_count;
    uint32_t owners;

    /* the thread's own from here on */
    struct mw_collector *collector;
    struct mwd_log *log;
    const struct mw_clock *clock;
    struct mw_pace pace;
    uint64_t grid_ns;   /* the beat's place on the grid, before jitter */
    uint64_t target_ns; /* the same with jitter */
    uint64_t random;
};

struct mwd_sampler {
    struct shared *shared;
    pthread_t thread;
    bool thread_runs;
    uv_async_t posted;
    mwd_sampler_cb on_blocks;
    void *context;
    void (*on_closed)(void *context);
    void *closed_context;
};

static struct shared *shared_destroy(struct shared *self)
{
    if (!self)
        return NULL;
    for (uint32_t i = 0; i < self->mail_count; i++)
        mw_block_unref(self->mail[i]);
    mw_collector_destroy(self->collector);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    free(self);
    return NULL;
}

/* One of the two owners lets go; the last one frees. */
static void shared_leave(struct shared *self)
{
    pthread_mutex_lock(&self->lock);
    uint32_t left = --self->owners;
    pthread_mutex_unlock(&self->lock);
    if (left == 0)
        shared_destroy(self);
}

static int shared_create(const struct mwd_sampler_options *options, struct shared **ret)
{
    struct shared *self = calloc(1, sizeof *self);
    pthread_condattr_t attributes;

    if (!self)
        return -ENOMEM;
    self->owners = 1;
    self->interval_ns = options->interval_ns;
    self->keep_fds = options->collect.keep_fds;
    self->log = options->log;
    self->clock = options->collect.clock;
    self->random = mw_clock_monotonic_ns(self->clock) | 1;
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    int r = mw_collector_create(&options->collect, &self->collector);
    if (r < 0) {
        shared_destroy(self);
        return r;
    }
    *ret = self;
    return 0;
}

/* ---- the thread ---- */

/* xorshift64: evenly spread, which is all that jitter needs. */
static uint64_t next_random(struct shared *self)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random;
}

/* The next beat is one interval further on the grid; beats that have already gone by are missed. */
static void plan_next(struct shared *self, uint64_t interval_ns)
{
    uint64_t now = mw_clock_monotonic_ns(self->clock);
    uint64_t span = interval_ns * JITTER_PERCENT / 100;

    self->grid_ns += interval_ns;
    if (self->grid_ns + span < now) {
        uint64_t missed = (now - self->grid_ns) / interval_ns + 1;

        self->pace.missed_samples += missed;
        self->grid_ns += missed * interval_ns;
    }
    self->target_ns = self->grid_ns - span + next_random(self) % (2 * span + 1);
}

static struct timespec to_timespec(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / MW_NS_PER_S), (long)(ns % MW_NS_PER_S)};
}

/* With the lock held. A shorter interval shortens the wait that is going on. */
static void take_settings(struct shared *self)
{
    uint64_t latest = mw_clock_monotonic_ns(self->clock) + self->interval_ns;

    self->settings_changed = false;
    mw_collector_set_keep_fds(self->collector, self->keep_fds);
    if (self->target_ns > latest)
        self->target_ns = self->grid_ns = latest;
}

/* Sleeps until the beat is due or the loop wants something. Returns false when it is to stop. */
static bool wait_for_beat(struct shared *self, uint64_t *ret_interval_ns)
{
    pthread_mutex_lock(&self->lock);
    while (!self->stopping) {
        if (self->settings_changed)
            take_settings(self);
        if (mw_clock_monotonic_ns(self->clock) >= self->target_ns)
            break;
        struct timespec until = to_timespec(self->target_ns);

        pthread_cond_timedwait(&self->wake, &self->lock, &until);
    }
    bool go_on = !self->stopping;
    *ret_interval_ns = self->interval_ns;
    pthread_mutex_unlock(&self->lock);
    return go_on;
}

static bool mailbox_is_full(struct shared *self)
{
    pthread_mutex_lock(&self->lock);
    bool full = self->mail_count > 0;
    pthread_mutex_unlock(&self->lock);
    return full;
}

static void post(struct shared *self, struct mw_block *const *blocks, uint32_t count)
{
    pthread_mutex_lock(&self->lock);
    memcpy(self->mail, blocks, count * sizeof *blocks);
    self->mail_count = count;
    if (self->posted)
        uv_async_send(self->posted);
    pthread_mutex_unlock(&self->lock);
}

static void log_fault(struct shared *self, const struct mw_fault *fault)
{
    static const char advice[] = "its readings are absent, repeats are counted in sourceFaults";
    const struct mwd_log_event event = {"source-fault", fault->file};

    if (fault->pid)
        mwd_log_event(self->log, MWD_LOG_WARNING, &event, "%s of process %llu: %s (%s); %s",
                      fault->file, (unsigned long long)fault->pid, fault->reason,
                      strerror(-fault->error), advice);
    else
        mwd_log_event(self->log, MWD_LOG_WARNING, &event, "%s: %s (%s); %s", fault->file,
                      fault->reason, strerror(-fault->error), advice);
}

/* With the lock held and only while the loop is there: the log may be gone with it. */
static void log_faults(struct shared *self)
{
    struct mw_fault fault;

    pthread_mutex_lock(&self->lock);
    while (self->posted && mw_collector_next_fault(self->collector, &fault))
        log_fault(self, &fault);
    pthread_mutex_unlock(&self->lock);
}

static void beat(struct shared *self, uint64_t interval_ns)
{
    struct mw_block *blocks[BEAT_BLOCKS];
    uint32_t count = 0;
    uint64_t now = mw_clock_monotonic_ns(self->clock);

    self->pace.late_ns = now > self->target_ns ? now - self->target_ns : 0;
    if (self->pace.late_ns > interval_ns / 2)
        self->pace.late_samples++;
    if (mailbox_is_full(self)) {
        self->pace.missed_samples++;
        return;
    }
    int r = mw_collector_read_system(self->collector, &blocks[count]);
    if (r == 0)
        count++;
    int process = mw_collector_read_processes(self->collector, &blocks[count]);
    if (process == 0)
        count++;
    int own = mw_collector_read_self(self->collector, &self->pace, &blocks[count]);
    if (own == 0)
        count++;
    if (r < 0 || process < 0 || own < 0)
        self->pace.missed_samples++;
    log_faults(self);
    if (count > 0)
        post(self, blocks, count);
}

static void *run(void *argument)
{
    struct shared *self = argument;
    uint64_t interval_ns;

    self->grid_ns = self->target_ns = mw_clock_monotonic_ns(self->clock);
    while (wait_for_beat(self, &interval_ns)) {
        beat(self, interval_ns);
        plan_next(self, interval_ns);
    }
    shared_leave(self);
    return NULL;
}

/* ---- the loop's side ---- */

static void on_posted(uv_async_t *handle)
{
    struct mwd_sampler *self = handle->data;
    struct mw_block *blocks[BEAT_BLOCKS];

    pthread_mutex_lock(&self->shared->lock);
    uint32_t count = self->shared->mail_count;
    memcpy(blocks, self->shared->mail, count * sizeof *blocks);
    self->shared->mail_count = 0;
    pthread_mutex_unlock(&self->shared->lock);
    if (count > 0)
        self->on_blocks(self->context, blocks, count);
    for (uint32_t i = 0; i < count; i++)
        mw_block_unref(blocks[i]);
}

/* Signals are the loop's business: the thread is started with all of them blocked. */
static int start_thread(struct mwd_sampler *self)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    self->shared->owners = 2;
    int r = pthread_create(&self->thread, NULL, run, self->shared);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0) {
        self->shared->owners = 1;
        return -r;
    }
    self->thread_runs = true;
    pthread_setname_np(self->thread, "collect");
    return 0;
}

int mwd_sampler_create(uv_loop_t *loop, const struct mwd_sampler_options *options,
                       struct mwd_sampler **ret)
{
    struct mwd_sampler *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    self->on_blocks = options->on_blocks;
    self->context = options->context;
    int r = shared_create(options, &self->shared);
    if (r < 0)
        goto fail;
    r = uv_async_init(loop, &self->posted, on_posted);
    if (r < 0)
        goto fail;
    self->posted.data = self;
    self->shared->posted = &self->posted;
    r = start_thread(self);
    if (r < 0) {
        mwd_sampler_close(self, 0, NULL, NULL);
        return r;
    }
    *ret = self;
    return 0;
fail:
    shared_destroy(self->shared);
    free(self);
    return r;
}

void mwd_sampler_set(struct mwd_sampler *self, uint64_t interval_ns, uint32_t keep_fds)
{
    pthread_mutex_lock(&self->shared->lock);
    self->shared->interval_ns = interval_ns;
    self->shared->keep_fds = keep_fds;
    self->shared->settings_changed = true;
    pthread_cond_signal(&self->shared->wake);
    pthread_mutex_unlock(&self->shared->lock);
}

static void on_closed(uv_handle_t *handle)
{
    struct mwd_sampler *self = handle->data;

    shared_leave(self->shared);
    if (self->on_closed)
        self->on_closed(self->closed_context);
    free(self);
}

static void join_or_abandon(struct mwd_sampler *self, unsigned wait_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until = to_timespec((uint64_t)until.tv_sec * MW_NS_PER_S + (uint64_t)until.tv_nsec +
                        (uint64_t)wait_ms * MW_NS_PER_MS);
    if (pthread_clockjoin_np(self->thread, NULL, CLOCK_MONOTONIC, &until) != 0)
        pthread_detach(self->thread);
}

void mwd_sampler_close(struct mwd_sampler *self, unsigned wait_ms, void (*closed)(void *context),
                       void *context)
{
    if (!self) {
        if (closed)
            closed(context);
        return;
    }
    self->on_closed = closed;
    self->closed_context = context;
    pthread_mutex_lock(&self->shared->lock);
    self->shared->stopping = true;
    self->shared->posted = NULL;
    pthread_cond_signal(&self->shared->wake);
    pthread_mutex_unlock(&self->shared->lock);
    if (self->thread_runs)
        join_or_abandon(self, wait_ms);
    uv_close((uv_handle_t *)&self->posted, on_closed);
}
