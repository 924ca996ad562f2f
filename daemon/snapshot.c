/* The loop's side of snapshots.
 *
 * The child says how it went in a pipe of its own before it ends. So when the pipe with the data is
 * at its end, what it said is there already, or it was killed and said nothing: nobody has to wait
 * for a process to tell a whole snapshot from half of one.
 *
 * What can be done of the collection before the fork is done in slices, while the loop turns: the
 * pause is then its end, the ids, and the fork. A stream's client waits at its pipe meanwhile.
 *
 * A snapshot is over when its child is reaped and, for a stream, its reader has stopped; before
 * that no other begins. A child that was killed while it saved leaves a file under a name that
 * nobody knows, so libuv's pool looks for it.
 */
#include "daemon/snapshot_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where slices do not come to an end: the rest is one pause, as long as it may be. */
enum { SLICE_US = 300, AHEAD_MS = 2000 };

struct mwd_snapshots {
    struct mwd_snapshots_options options;
    uv_loop_t *loop;
    uv_signal_t on_child;
    uv_timer_t limit;
    uv_idle_t ahead;
    unsigned handles; /* that mwd_snapshots_close() must close */

    bool preparing;
    uint64_t prepare_until_ns;
    int data_fd; /* while preparing: the writing end of a stream's pipe; or -1 */
    pid_t child; /* 0 = none */
    bool reading, killed, late;
    bool silent;   /* the pipe ended, and the child had not said a word */
    int result_fd; /* or -1 */
    bool has_result;
    struct mwd_snapshot_result result;
    char path[PATH_MAX]; /* "" = a stream */
    uint64_t blocked_ns; /* how long the loop stood still for it */
};

/* ---- how it went ---- */

static void take_result(struct mwd_snapshots *self)
{
    struct mwd_snapshot_result result;

    if (self->has_result || self->result_fd < 0 ||
        read(self->result_fd, &result, sizeof result) != sizeof result)
        return;
    self->result = result;
    self->has_result = true;
}

static void log_failure(struct mwd_snapshots *self)
{
    const struct mwd_snapshot_result *result = &self->result;
    bool is_file = self->path[0] != '\0';
    const char *what = is_file ? self->path : "for a client";

    if (self->late)
        mwd_log(self->options.log, MWD_LOG_ERROR,
                "the heap snapshot %s was not complete within %" PRIu64
                " s, and was given up: the %s is too slow",
                what, self->options.limit_ms / 1000, is_file ? "disk" : "client");
    else if (self->killed)
        mwd_log(self->options.log, MWD_LOG_INFO,
                "the heap snapshot %s was given up: %s; nothing of it is left", what,
                is_file ? "the daemon stops" : "the client has gone before its end");
    else if (self->has_result)
        mwd_log(self->options.log, MWD_LOG_ERROR,
                "the heap snapshot %s could not be written: %s; nothing of it is left%s", what,
                result->report.why[0] ? result->report.why : strerror(-result->error),
                is_file ? ", see state-dir" : "");
    else
        mwd_log(self->options.log, MWD_LOG_ERROR,
                "the heap snapshot %s could not be written: its process was killed; nothing of it "
                "is left",
                what);
}

static void log_outcome(struct mwd_snapshots *self)
{
    const struct mw_heap_snapshot_report *report = &self->result.report;

    if (!self->has_result || self->result.error < 0) {
        log_failure(self);
        return;
    }
    mwd_log(self->options.log, MWD_LOG_INFO,
            "the heap snapshot %s is written: %" PRIu64 " objects, %" PRIu64
            " bytes; the loop stood still for %.1f ms",
            self->path[0] ? self->path : "for a client", report->nodes, report->file_bytes,
            (double)self->blocked_ns / (double)MW_NS_PER_MS);
}

/* ---- what a killed child leaves ---- */

struct cleaning {
    uv_work_t work;
    char folder[PATH_MAX];
};

static void clean(uv_work_t *work)
{
    const struct cleaning *self = work->data;

    mwd_snapshot_folder_clean(self->folder);
}

static void on_cleaned(uv_work_t *work, int status)
{
    (void)status;
    free(work->data);
}

/* Without memory the next one that is saved does it. */
static void clean_later(struct mwd_snapshots *self)
{
    struct cleaning *cleaning = calloc(1, sizeof *cleaning);

    if (!cleaning)
        return;
    cleaning->work.data = cleaning;
    snprintf(cleaning->folder, sizeof cleaning->folder, "%s", self->options.folder);
    if (uv_queue_work(self->loop, &cleaning->work, clean, on_cleaned) < 0)
        free(cleaning);
}

/* ---- the child's end ---- */

static void on_ended(struct mwd_snapshots *self)
{
    take_result(self);
    self->child = 0;
    uv_timer_stop(&self->limit);
    log_outcome(self);
    if (self->path[0] && !self->has_result)
        clean_later(self);
    close(self->result_fd);
    self->result_fd = -1;
}

static void reap(struct mwd_snapshots *self)
{
    int status;

    if (self->child && waitpid(self->child, &status, WNOHANG) == self->child)
        on_ended(self);
}

static void on_child_signal(uv_signal_t *handle, int number)
{
    (void)number;
    reap(handle->data);
}

static void kill_child(struct mwd_snapshots *self)
{
    if (!self->child)
        return;
    self->killed = !self->silent;
    kill(self->child, SIGKILL);
}

static void on_limit(uv_timer_t *timer)
{
    struct mwd_snapshots *self = timer->data;

    self->late = true;
    kill_child(self);
}

/* ---- the child's beginning ---- */

static int open_pipe(int ret[2])
{
    if (pipe2(ret, O_CLOEXEC) < 0)
        return -errno;
    fcntl(ret[0], F_SETFL, O_NONBLOCK);
    return 0;
}

static void close_pipe(const int fds[2])
{
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* No signal may come to the child while it still has the loop's handlers. */
static pid_t start_child(struct mwd_snapshot_task *task)
{
    sigset_t all, before;

    task->parent = getpid();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0)
        mwd_snapshot_child(task);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return child < 0 ? -error : child;
}

static void begin(struct mwd_snapshots *self, pid_t child, int result_fd)
{
    self->child = child;
    self->result_fd = result_fd;
    self->killed = self->late = self->silent = self->has_result = false;
    self->result = (struct mwd_snapshot_result){0};
    uv_timer_start(&self->limit, on_limit, self->options.limit_ms, 0);
}

/* `data_fd` is what the child writes to, or -1. */
static int fork_with(struct mwd_snapshots *self, struct mw_heap_snapshot *snapshot, int data_fd)
{
    int result[2];
    int r = open_pipe(result);

    if (r < 0)
        return r;
    struct mwd_snapshot_task task = {
        .snapshot = snapshot,
        .folder = self->options.folder,
        .path = self->path[0] ? self->path : NULL,
        .data_fd = data_fd,
        .result_fd = result[1],
    };
    pid_t child = start_child(&task);
    if (child < 0) {
        close_pipe(result);
        return child;
    }
    close(result[1]);
    begin(self, child, result[0]);
    return 0;
}

static int log_refusal(struct mwd_snapshots *self, int r, const char *why)
{
    mwd_log(self->options.log, r == -EBUSY ? MWD_LOG_WARNING : MWD_LOG_ERROR,
            "no heap snapshot was taken: %s", why[0] ? why : strerror(-r));
    return r;
}

static int take(struct mwd_snapshots *self, int data_fd)
{
    struct mw_heap_snapshot_report report = {0};
    struct mw_heap_snapshot *snapshot = NULL;
    uint64_t before_ns = mw_clock_monotonic_ns(mw_clock_system());

    int r = mw_heap_snapshot_begin(self->options.heap, &snapshot, &report);
    if (r == 0)
        r = fork_with(self, snapshot, data_fd);
    mw_heap_snapshot_destroy(snapshot);
    self->blocked_ns = mw_clock_monotonic_ns(mw_clock_system()) - before_ns;
    return r < 0 ? log_refusal(self, r, report.why) : 0;
}

/* ---- before it ---- */

static void hold(const struct mwd_snapshots *self, bool held)
{
    if (self->options.hold)
        self->options.hold(self->options.context, held);
}

static void stop_preparing(struct mwd_snapshots *self)
{
    self->preparing = false;
    uv_idle_stop(&self->ahead);
    hold(self, false);
    if (self->data_fd >= 0)
        close(self->data_fd);
    self->data_fd = -1;
}

/* A stream has been promised by now: its reader finds the pipe at its end, and asks why. */
static void on_ahead(uv_idle_t *handle)
{
    struct mwd_snapshots *self = handle->data;

    if (mw_heap_snapshot_step(self->options.heap, SLICE_US) &&
        mw_clock_monotonic_ns(mw_clock_system()) < self->prepare_until_ns)
        return;
    int r = take(self, self->data_fd);
    if (r < 0) {
        self->result = (struct mwd_snapshot_result){.error = r};
        self->has_result = true;
    }
    stop_preparing(self);
}

/* Takes `data_fd` over. */
static void prepare(struct mwd_snapshots *self, int data_fd)
{
    self->preparing = true;
    self->data_fd = data_fd;
    self->prepare_until_ns =
        mw_clock_monotonic_ns(mw_clock_system()) + AHEAD_MS * (uint64_t)MW_NS_PER_MS;
    self->killed = self->late = self->silent = self->has_result = false;
    hold(self, true);
    uv_idle_start(&self->ahead, on_ahead);
}

static void give_up(struct mwd_snapshots *self)
{
    stop_preparing(self);
    self->killed = true;
    log_failure(self);
}

static bool is_busy(const struct mwd_snapshots *self)
{
    return self->preparing || self->child || self->reading;
}

/* By time, to the millisecond: names are in the order of their making. */
static void make_name(char ret[MWD_SNAPSHOT_NAME_MAX])
{
    struct timespec now;
    struct tm utc;
    char time[24] = "";

    clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &utc))
        strftime(time, sizeof time, "%Y%m%dT%H%M%S", &utc);
    snprintf(ret, MWD_SNAPSHOT_NAME_MAX, MWD_SNAPSHOT_PREFIX "%s.%03dZ" MWD_SNAPSHOT_SUFFIX, time,
             (int)(now.tv_nsec / (long)MW_NS_PER_MS));
}

/* ---- streams ---- */

int mwd_snapshot_stream(struct mwd_snapshots *self, struct mwd_snapshot_stream *ret)
{
    int data[2];

    reap(self);
    if (is_busy(self))
        return -EBUSY;
    int r = open_pipe(data);
    if (r < 0)
        return log_refusal(self, r, "");
    self->path[0] = '\0';
    prepare(self, data[1]);
    self->reading = true;
    ret->fd = data[0];
    make_name(ret->name);
    return 0;
}

int mwd_snapshot_verdict(struct mwd_snapshots *self)
{
    take_result(self);
    self->silent = !self->has_result;
    return self->has_result ? self->result.error : -EPIPE;
}

void mwd_snapshot_stop(struct mwd_snapshots *self)
{
    self->reading = false;
    if (self->preparing) {
        give_up(self);
        return;
    }
    take_result(self);
    if (!self->has_result)
        kill_child(self);
}

/* ---- files ---- */

int mwd_snapshot_save(struct mwd_snapshots *self)
{
    char name[MWD_SNAPSHOT_NAME_MAX];

    reap(self);
    if (is_busy(self))
        return log_refusal(self, -EBUSY, "another one is being taken; ask again when it is done");
    make_name(name);
    if ((size_t)snprintf(self->path, sizeof self->path, "%s/%s", self->options.folder, name) >=
        sizeof self->path)
        return log_refusal(self, -ENAMETOOLONG, "");
    prepare(self, -1);
    return 0;
}

/* ---- life ---- */

int mwd_snapshots_create(uv_loop_t *loop, const struct mwd_snapshots_options *options,
                         struct mwd_snapshots **ret)
{
    struct mwd_snapshots *self = calloc(1, sizeof *self);
    int r;

    if (!self)
        return -ENOMEM;
    self->options = *options;
    self->loop = loop;
    self->result_fd = self->data_fd = -1;
    self->on_child.data = self->limit.data = self->ahead.data = self;
    r = uv_timer_init(loop, &self->limit); /* never fails */
    uv_idle_init(loop, &self->ahead);      /* nor does this */
    if (r == 0)
        r = uv_signal_init(loop, &self->on_child);
    if (r == 0)
        r = uv_signal_start(&self->on_child, on_child_signal, SIGCHLD);
    *ret = self; /* the loop knows it: it goes by close() and destroy() */
    self->handles = r == 0 ? 3 : 2;
    return r;
}

void mwd_snapshots_close(struct mwd_snapshots *self)
{
    if (!self || !self->handles)
        return;
    if (self->preparing)
        give_up(self);
    kill_child(self);
    if (self->child)
        log_failure(self);
    if (self->child && self->path[0])
        clean_later(self);
    if (self->handles == 3)
        uv_close((uv_handle_t *)&self->on_child, NULL);
    uv_close((uv_handle_t *)&self->limit, NULL);
    uv_close((uv_handle_t *)&self->ahead, NULL);
    self->handles = 0;
}

/* A killed child that the disk holds is not waited for: it is reaped by whoever takes it over. */
struct mwd_snapshots *mwd_snapshots_destroy(struct mwd_snapshots *self)
{
    if (self) {
        if (self->child)
            waitpid(self->child, NULL, WNOHANG);
        if (self->result_fd >= 0)
            close(self->result_fd);
        free(self);
    }
    return NULL;
}
