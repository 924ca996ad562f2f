/* memwatchd-deliver, started with the first request and dismissed after a minute without any: its
 * end of the socket pair is closed, which is how it knows. It is a process of its own because a
 * library for HTTP and TLS costs megabytes and is what strangers talk with.
 *
 * It keeps nothing that could be lost. When it ends by itself, whatever it had not answered is sent
 * again to the next one. The first end is followed by a start at once; one that ends again without
 * having answered anything waits longer each time.
 *
 * Each start is a `run` with handles of its own: the next one may begin before the last one's
 * handles are closed. */
#include "daemon/sink_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define PROGRAM_NAME "memwatchd-deliver"

enum { ANSWER_MAX = 2 * MWD_WIRE_WHY_MAX, REQUEST_MAX = MWD_WIRE_MAX, VARIABLES_MAX = 16 };

struct run {
    struct mwd_sink_child *child; /* NULL when it is not the present one any more */
    struct mwd_sink_child *owner; /* NULL when the daemon ends */
    struct mwd_log *log;
    uv_process_t process;
    uv_pipe_t pipe;
    unsigned open; /* handles */
    bool dismissed, answered;
    size_t size;
    char bytes[ANSWER_MAX]; /* read so far */
};

struct mwd_sink_child {
    struct mwd_sink_child_options options;
    uv_loop_t *loop;
    uv_timer_t idle;
    bool closed;
    struct run *run;
    struct run *leaving; /* the last one before, until its process has ended */
    uint32_t failures;   /* ends in a row without an answer */
    uint64_t due_ns;
    struct mwd_sink_child_numbers numbers;
    char program[PATH_MAX];
};

/* ---- waiting ---- */

uint64_t mwd_sink_jitter_ms(uint64_t ms)
{
    uint32_t chance;

    if (ms < 2 || getrandom(&chance, sizeof chance, GRND_NONBLOCK) != sizeof chance)
        return ms;
    return ms - chance % (ms / 2);
}

uint64_t mwd_sink_backoff_ms(uint64_t first_ms, uint64_t max_ms, uint32_t step)
{
    uint64_t ms = step < 20 ? first_ms << step : max_ms;

    return mwd_sink_jitter_ms(ms < max_ms ? ms : max_ms);
}

static void back_off(struct mwd_sink_child *self, bool answered)
{
    const struct mwd_sink_child_options *options = &self->options;
    uint64_t ms = 0;

    self->failures = answered ? 1 : self->failures + 1;
    if (self->failures > 1)
        ms =
            mwd_sink_backoff_ms(options->retry_first_ms, options->retry_max_ms, self->failures - 2);
    self->due_ns = mw_clock_monotonic_ns(options->clock) + ms * MW_NS_PER_MS;
}

/* ---- the end of a run ---- */

static void on_closed(uv_handle_t *handle)
{
    struct run *run = handle->data;

    if (--run->open == 0)
        free(run);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

static void log_end(const struct run *run, int64_t status, int signal_number)
{
    struct mwd_log_event event = {"deliver-ended", PROGRAM_NAME};

    if (run->dismissed)
        return;
    if (signal_number)
        mwd_log_event(run->log, MWD_LOG_WARNING, &event,
                      PROGRAM_NAME
                      " was ended by signal %d; what it had not answered is sent again",
                      signal_number);
    else
        mwd_log_event(run->log, MWD_LOG_WARNING, &event,
                      PROGRAM_NAME " ended by itself (exit code %" PRId64
                                   "); what it had not answered is sent again",
                      status);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal_number)
{
    struct run *run = process->data;

    log_end(run, status, signal_number);
    if (run->owner && run->owner->leaving == run)
        run->owner->leaving = NULL;
    close_handle((uv_handle_t *)process);
}

/* No more of it is heard. Its exit is still waited for, so that it is reaped; one that has not
 * ended when the next one leaves does not want to. */
static void leave(struct run *run)
{
    struct mwd_sink_child *self = run->owner;

    if (self->leaving)
        uv_process_kill(&self->leaving->process, SIGKILL);
    self->leaving = uv_is_closing((uv_handle_t *)&run->process) ? NULL : run;
    self->run = NULL;
    run->child = NULL;
    close_handle((uv_handle_t *)&run->pipe);
}

static void dismiss(struct run *run)
{
    run->dismissed = true;
    leave(run);
}

static void lose(struct run *run)
{
    struct mwd_sink_child *self = run->child;

    if (!self)
        return;
    if (!run->dismissed && !uv_is_closing((uv_handle_t *)&run->process))
        uv_process_kill(&run->process, SIGKILL); /* it may only have closed its end */
    self->numbers.crashes++;
    back_off(self, run->answered);
    leave(run);
    self->options.on_lost(self->options.context);
}

/* ---- answers ---- */

static void take_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct run *run = handle->data;

    (void)suggested;
    *ret = uv_buf_init(run->bytes + run->size, (unsigned)(sizeof run->bytes - run->size));
}

static int take_answer(struct run *run, size_t size)
{
    struct mwd_wire_answer answer;
    char bytes[ANSWER_MAX];

    memcpy(bytes, run->bytes, size);
    run->size -= size;
    memmove(run->bytes, run->bytes + size, run->size);
    int r = mwd_wire_get_answer(bytes, size, &answer);
    if (r < 0)
        return r;
    run->answered = true;
    run->child->options.on_answer(run->child->options.context, &answer);
    return 0;
}

/* What comes of an answer may end the run. */
static void take_answers(struct run *run)
{
    long size;

    while (run->child && (size = mwd_wire_frame(run->bytes, run->size)) > 0)
        if (take_answer(run, (size_t)size) < 0)
            lose(run);
    if (run->child && (size < 0 || run->size == sizeof run->bytes))
        lose(run);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct run *run = stream->data;

    (void)buffer;
    if (size < 0) {
        lose(run);
        return;
    }
    run->size += (size_t)size;
    take_answers(run);
}

/* ---- the beginning of a run ---- */

/* The child gets no more of the environment than it needs: where programs are for hooks, proxies
 * and certificates, and what sanitizers are told. */
static void pick_environment(char *ret[VARIABLES_MAX])
{
    static const char *const names[] = {
        "PATH=",        "TZ=",           "http_proxy=",   "https_proxy=",
        "HTTPS_PROXY=", "no_proxy=",     "NO_PROXY=",     "all_proxy=",
        "ALL_PROXY=",   "ASAN_OPTIONS=", "LSAN_OPTIONS=", "UBSAN_OPTIONS=",
        "TSAN_OPTIONS="};
    uint32_t count = 0;

    for (char **at = environ; *at; at++)
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (strncmp(*at, names[i], strlen(names[i])) == 0 && count < VARIABLES_MAX - 1)
                ret[count++] = *at;
    ret[count] = NULL;
}

static int spawn(struct mwd_sink_child *self, struct run *run)
{
    char *arguments[] = {self->program, NULL};
    char *environment[VARIABLES_MAX];
    uv_stdio_container_t stdio[3] = {{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
                                      .data.stream = (uv_stream_t *)&run->pipe},
                                     {.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
    uv_process_options_t options = {.exit_cb = on_exit_of,
                                    .file = self->program,
                                    .args = arguments,
                                    .env = environment,
                                    .stdio_count = 3,
                                    .stdio = stdio};

    pick_environment(environment);
    int r = uv_spawn(self->loop, &run->process, &options);
    if (r == 0)
        r = uv_read_start((uv_stream_t *)&run->pipe, take_room, on_read);
    return r;
}

static int refuse(struct mwd_sink_child *self, struct run *run, int r)
{
    struct mwd_log_event event = {"deliver-absent", PROGRAM_NAME};

    mwd_log_event(self->options.log, MWD_LOG_ERROR, &event,
                  "%s cannot be started: %s; alerts wait for it", self->program, strerror(-r));
    back_off(self, false);
    run->dismissed = true;
    close_handle((uv_handle_t *)&run->process);
    leave(run);
    return r;
}

static int start(struct mwd_sink_child *self)
{
    struct run *run = calloc(1, sizeof *run);

    if (!run)
        return -ENOMEM;
    run->child = run->owner = self;
    run->log = self->options.log;
    run->process.data = run->pipe.data = run;
    run->open = 2;
    uv_pipe_init(self->loop, &run->pipe, 0); /* never fails */
    int r = spawn(self, run);
    if (r < 0)
        return refuse(self, run, r);
    self->run = run;
    self->numbers.starts++;
    return 0;
}

/* ---- requests ---- */

struct outgoing {
    uv_write_t write;
    struct mwd_buffer bytes;
};

static void free_outgoing(struct outgoing *outgoing)
{
    mwd_buffer_deinit(&outgoing->bytes);
    free(outgoing);
}

/* A write that failed shows at the pipe's end, too. */
static void on_written(uv_write_t *write, int status)
{
    (void)status;
    free_outgoing(write->data);
}

static int write_request(struct mwd_sink_child *self, const struct mwd_wire_request *request)
{
    struct outgoing *outgoing = calloc(1, sizeof *outgoing);

    if (!outgoing)
        return -ENOMEM;
    outgoing->write.data = outgoing;
    mwd_buffer_init(&outgoing->bytes, REQUEST_MAX);
    mwd_wire_put_request(&outgoing->bytes, request);
    int r = outgoing->bytes.failed;
    if (r == 0) {
        uv_buf_t buffer = uv_buf_init(outgoing->bytes.bytes, (unsigned)outgoing->bytes.size);

        r = uv_write(&outgoing->write, (uv_stream_t *)&self->run->pipe, &buffer, 1, on_written);
    }
    if (r < 0)
        free_outgoing(outgoing);
    return r;
}

int mwd_sink_child_send(struct mwd_sink_child *self, const struct mwd_wire_request *request)
{
    if (mw_clock_monotonic_ns(self->options.clock) < self->due_ns)
        return -EAGAIN;
    int r = self->run ? 0 : start(self);
    return r < 0 ? r : write_request(self, request);
}

uint64_t mwd_sink_child_due_ns(const struct mwd_sink_child *self)
{
    return self->run ? 0 : self->due_ns;
}

void mwd_sink_child_kill(struct mwd_sink_child *self)
{
    if (self->run)
        uv_process_kill(&self->run->process, SIGKILL);
}

void mwd_sink_child_get_numbers(const struct mwd_sink_child *self,
                                struct mwd_sink_child_numbers *ret)
{
    *ret = self->numbers;
    ret->pid = self->run ? self->run->process.pid : 0;
}

/* ---- rest ---- */

static void on_idle(uv_timer_t *timer)
{
    struct mwd_sink_child *self = timer->data;

    if (self->run)
        dismiss(self->run);
}

void mwd_sink_child_set_busy(struct mwd_sink_child *self, bool busy)
{
    if (self->closed)
        return;
    if (busy || !self->run)
        uv_timer_stop(&self->idle);
    else if (!uv_is_active((uv_handle_t *)&self->idle))
        uv_timer_start(&self->idle, on_idle, self->options.idle_ms, 0);
}

/* ---- life ---- */

/* Beside this program, as in a build, or where it is installed: the prefix is known to the
 * installer only, so the way there is relative. Whether it can be started shows when it is needed.
 */
static void find_program(char ret[PATH_MAX])
{
    static const char installed[] = MWD_LIBEXEC_FROM_BIN "/" PROGRAM_NAME;
    ssize_t size = readlink("/proc/self/exe", ret, PATH_MAX - sizeof installed);

    while (size > 0 && ret[size - 1] != '/')
        size--;
    if (size < 0)
        size = 0;
    memcpy(ret + size, PROGRAM_NAME, sizeof PROGRAM_NAME);
    if (access(ret, X_OK) < 0)
        memcpy(ret + size, installed, sizeof installed);
}

int mwd_sink_child_create(uv_loop_t *loop, const struct mwd_sink_child_options *options,
                          struct mwd_sink_child **ret)
{
    struct mwd_sink_child *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    self->options = *options;
    self->loop = loop;
    if (options->program)
        snprintf(self->program, sizeof self->program, "%s", options->program);
    else
        find_program(self->program);
    uv_timer_init(loop, &self->idle); /* never fails */
    self->idle.data = self;
    *ret = self;
    return 0;
}

void mwd_sink_child_close(struct mwd_sink_child *self)
{
    if (!self || self->closed)
        return;
    self->closed = true;
    uv_close((uv_handle_t *)&self->idle, NULL);
    if (self->run)
        dismiss(self->run);
    if (self->leaving) { /* it ends by itself, and nobody waits for that */
        self->leaving->owner = NULL;
        close_handle((uv_handle_t *)&self->leaving->process);
    }
}

struct mwd_sink_child *mwd_sink_child_destroy(struct mwd_sink_child *self)
{
    free(self);
    return NULL;
}
