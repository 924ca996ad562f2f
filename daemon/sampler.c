/* The collector thread and its mailbox.
 *
 * The thread sleeps in ppoll() on two descriptors: one by which the loop wakes it, one by which the
 * kernel tells of events.
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

#include "daemon/join.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    BEAT_BLOCKS = 4,
    JITTER_PERCENT = 5,
    URGENT_GAP_MS = 20,  /* least time between two reads for events */
    URGENT_REST = 20,    /* and rest after one, as a multiple of what it took */
    MAILBOX_RETRY_MS = 5 /* the loop has not taken what was posted before */
};

/* A copy of a list of texts; `texts` is NULL when there is none. */
struct names {
    char **texts;
    uint32_t count;
};

struct shared {
    pthread_mutex_t lock;
    int wake_fd;        /* an eventfd: the loop wants something */
    uv_async_t *posted; /* NULL once the loop has let go */
    bool stopping;
    bool settings_changed;
    uint64_t interval_ns;
    uint32_t keep_fds;
    struct names services; /* that are to be read from now on, until the thread has taken them */
    struct mw_block *mail[BEAT_BLOCKS];
    uint32_t mail_count;
    bool mail_urgent;
    uint32_t owners;

    /* the thread's own from here on */
    struct mw_collector *collector;
    struct mwd_log *log;
    const struct mw_clock *clock;
    struct mw_pace pace;
    uint64_t grid_ns;   /* the beat's place on the grid, before jitter */
    uint64_t target_ns; /* the same with jitter */
    int event_fd;
    uint32_t happened;     /* sources that events were about, not read yet: 1 << enum mw_source */
    uint64_t urgent_at_ns; /* not before this are they read */
    uint64_t random;
};

struct mwd_sampler {
    struct shared *shared;
    pthread_t thread;
    bool thread_runs;
    uv_async_t posted;
    mwd_sampler_cb on_blocks, on_urgent;
    void *context;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void names_free(struct names *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        free(self->texts[i]);
    free(self->texts);
    *self = (struct names){NULL, 0};
}

static int names_copy(struct names *self, const char *const *texts, uint32_t count)
{
    *self = (struct names){calloc(count + 1, sizeof *self->texts), 0};
    if (!self->texts)
        return -ENOMEM;
    for (; self->count < count; self->count++) {
        self->texts[self->count] = strdup(texts[self->count]);
        if (!self->texts[self->count]) {
            names_free(self);
            return -ENOMEM;
        }
    }
    return 0;
}

static struct shared *shared_destroy(struct shared *self)
{
    if (!self)
        return NULL;
    for (uint32_t i = 0; i < self->mail_count; i++)
        mw_block_unref(self->mail[i]);
    mw_collector_destroy(self->collector);
    names_free(&self->services);
    if (self->wake_fd >= 0)
        close(self->wake_fd);
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

    if (!self)
        return -ENOMEM;
    self->owners = 1;
    self->interval_ns = options->interval_ns;
    self->keep_fds = options->collect.keep_fds;
    self->log = options->log;
    self->clock = options->collect.clock;
    self->random = mw_clock_monotonic_ns(self->clock) | 1;
    pthread_mutex_init(&self->lock, NULL);
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = self->wake_fd < 0 ? -errno : mw_collector_create(&options->collect, &self->collector);
    if (r == 0 && options->services)
        r = mw_collector_set_services(self->collector, options->services, options->service_count);
    if (r < 0) {
        shared_destroy(self);
        return r;
    }
    self->event_fd = options->on_urgent ? mw_collector_event_fd(self->collector) : -1;
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

/* What finds no memory now is asked for again at the next beat. */
static void take_services(struct shared *self)
{
    if (!self->services.texts)
        return;
    int r = mw_collector_set_services(self->collector, (const char *const *)self->services.texts,
                                      self->services.count);

    if (r != -ENOMEM)
        names_free(&self->services);
}

/* With the lock held. A shorter interval shortens the wait that is going on. */
static void take_settings(struct shared *self)
{
    uint64_t latest = mw_clock_monotonic_ns(self->clock) + self->interval_ns;

    mw_collector_set_keep_fds(self->collector, self->keep_fds);
    take_services(self);
    self->settings_changed = self->services.texts != NULL;
    if (self->target_ns > latest)
        self->target_ns = self->grid_ns = latest;
}

/* Whether to go on; and what the loop wants, of which a copy is enough for one beat. */
static bool look_at_wishes(struct shared *self, uint64_t *ret_interval_ns)
{
    pthread_mutex_lock(&self->lock);
    if (self->settings_changed)
        take_settings(self);
    bool go_on = !self->stopping;
    *ret_interval_ns = self->interval_ns;
    pthread_mutex_unlock(&self->lock);
    return go_on;
}

static void drain(int fd)
{
    uint64_t count;

    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

/* Until the beat is due, something happens, or what has happened may be looked at. An event that is
 * known already needs no other to wake up for. */
static void sleep_until_due(struct shared *self, uint64_t now_ns)
{
    uint64_t due_ns = self->target_ns;
    struct pollfd fds[] = {{self->wake_fd, POLLIN, 0},
                           {self->happened ? -1 : self->event_fd, POLLIN, 0}};

    if (self->happened && self->urgent_at_ns < due_ns)
        due_ns = self->urgent_at_ns;
    struct timespec rest = to_timespec(due_ns > now_ns ? due_ns - now_ns : 0);

    if (ppoll(fds, 2, &rest, NULL) <= 0)
        return;
    if (fds[0].revents)
        drain(self->wake_fd);
    if (fds[1].revents)
        self->happened |= mw_collector_on_event(self->collector);
}

enum due { DUE_STOP, DUE_BEAT, DUE_EVENT };

static enum due wait_until_due(struct shared *self, uint64_t *ret_interval_ns)
{
    for (;;) {
        if (!look_at_wishes(self, ret_interval_ns))
            return DUE_STOP;
        uint64_t now_ns = mw_clock_monotonic_ns(self->clock);

        if (now_ns >= self->target_ns)
            return DUE_BEAT;
        if (self->happened && now_ns >= self->urgent_at_ns)
            return DUE_EVENT;
        sleep_until_due(self, now_ns);
    }
}

static bool mailbox_is_full(struct shared *self)
{
    pthread_mutex_lock(&self->lock);
    bool full = self->mail_count > 0;
    pthread_mutex_unlock(&self->lock);
    return full;
}

static void post(struct shared *self, struct mw_block *const *blocks, uint32_t count, bool urgent)
{
    pthread_mutex_lock(&self->lock);
    memcpy(self->mail, blocks, count * sizeof *blocks);
    self->mail_count = count;
    self->mail_urgent = urgent;
    if (self->posted)
        uv_async_send(self->posted);
    pthread_mutex_unlock(&self->lock);
}

static void log_fault(struct shared *self, const struct mw_fault *fault)
{
    static const char advice[] = "its readings are absent, repeats are counted in sourceFaults";
    const struct mwd_log_event event = {"source-fault", fault->file};

    if (fault->only_late)
        mwd_log_event(self->log, MWD_LOG_INFO, &event, "%s: %s (%s); it is looked at every beat",
                      fault->file, fault->reason, strerror(-fault->error));
    else if (fault->pid)
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
    int services = mw_collector_read_services(self->collector, &blocks[count]);
    if (services == 0)
        count++;
    if (r < 0 || process < 0 || own < 0 || services < 0)
        self->pace.missed_samples++;
    self->happened = 0; /* it has all been read */
    log_faults(self);
    if (count > 0)
        post(self, blocks, count, false);
}

static bool has_happened(const struct shared *self, enum mw_source source)
{
    return self->happened & UINT32_C(1) << source;
}

static void rest_after(struct shared *self, uint64_t began_ns)
{
    uint64_t now_ns = mw_clock_monotonic_ns(self->clock);
    uint64_t rest_ns = URGENT_REST * (now_ns - began_ns);
    uint64_t least_ns = (uint64_t)URGENT_GAP_MS * MW_NS_PER_MS;

    self->urgent_at_ns = now_ns + (rest_ns > least_ns ? rest_ns : least_ns);
}

/* What cannot be read now is read at the beat. */
static void read_urgent(struct shared *self)
{
    struct mw_block *blocks[BEAT_BLOCKS];
    uint32_t count = 0;
    uint64_t now_ns = mw_clock_monotonic_ns(self->clock);

    if (mailbox_is_full(self)) {
        self->urgent_at_ns = now_ns + (uint64_t)MAILBOX_RETRY_MS * MW_NS_PER_MS;
        return;
    }
    if (has_happened(self, MW_SOURCE_SERVICE) &&
        mw_collector_read_services_again(self->collector, &blocks[count]) == 0)
        count++;
    if (has_happened(self, MW_SOURCE_SYSTEM) &&
        mw_collector_read_system(self->collector, &blocks[count]) == 0)
        count++;
    self->happened = 0;
    log_faults(self);
    rest_after(self, now_ns);
    if (count > 0)
        post(self, blocks, count, true);
}

static void *run(void *argument)
{
    struct shared *self = argument;
    uint64_t interval_ns;
    enum due due;

    self->grid_ns = self->target_ns = mw_clock_monotonic_ns(self->clock);
    while ((due = wait_until_due(self, &interval_ns)) != DUE_STOP) {
        if (due == DUE_EVENT) {
            read_urgent(self);
            continue;
        }
        beat(self, interval_ns);
        plan_next(self, interval_ns);
    }
    shared_leave(self);
    return NULL;
}

/* ---- the loop's side ---- */

static void wake(const struct shared *self)
{
    const uint64_t one = 1;

    while (write(self->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void on_posted(uv_async_t *handle)
{
    struct mwd_sampler *self = handle->data;
    struct mw_block *blocks[BEAT_BLOCKS];

    pthread_mutex_lock(&self->shared->lock);
    uint32_t count = self->shared->mail_count;
    memcpy(blocks, self->shared->mail, count * sizeof *blocks);
    self->shared->mail_count = 0;
    mwd_sampler_cb on_mail = self->shared->mail_urgent ? self->on_urgent : self->on_blocks;
    pthread_mutex_unlock(&self->shared->lock);
    if (count > 0)
        on_mail(self->context, blocks, count);
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
    self->on_urgent = options->on_urgent;
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
    pthread_mutex_unlock(&self->shared->lock);
    wake(self->shared);
}

int mwd_sampler_set_services(struct mwd_sampler *self, const char *const *services, uint32_t count)
{
    struct names names;

    int r = names_copy(&names, services, count);
    if (r < 0)
        return r;
    pthread_mutex_lock(&self->shared->lock);
    names_free(&self->shared->services);
    self->shared->services = names;
    self->shared->settings_changed = true;
    pthread_mutex_unlock(&self->shared->lock);
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct mwd_sampler *self = handle->data;

    shared_leave(self->shared);
    if (self->on_closed)
        self->on_closed(self->closed_context);
    free(self);
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
    pthread_mutex_unlock(&self->shared->lock);
    wake(self->shared);
    if (self->thread_runs)
        mwd_join_or_abandon(self->thread, wait_ms);
    uv_close((uv_handle_t *)&self->posted, on_closed);
}
