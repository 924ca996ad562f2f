/* Hooks: a program for each alert, without a shell. It is the leader of a process group of its own,
 * and the group ends with it: at its time limit, when it has ended and left somebody behind, and
 * when the daemon is gone. */
#include "daemon/deliver/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VARIABLES = 3, VARIABLE_MAX = 512, ENVIRONMENT_MAX = 32, OUTPUT_STEP = 4096 };

struct deliver_hook {
    struct deliver_hook *next;
    struct deliver_request request;
    pid_t pid;
    int pid_fd, in, out; /* -1 = closed */
    size_t written, output_size;
    char output[DELIVER_OUTPUT_MAX + 1]; /* the first bytes of stdout and stderr */
    uint64_t limit_ms;                   /* when it is killed */
    bool late;
};

uint64_t deliver_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- the program's beginning ---- */

/* Names of its own, behind what this program has. */
struct environment {
    char own[VARIABLES][VARIABLE_MAX];
    char *all[ENVIRONMENT_MAX + 1];
};

static void make_environment(const struct mwd_wire_request *wire, struct environment *ret)
{
    size_t count = 0;

    for (; environ[count] && count < ENVIRONMENT_MAX - VARIABLES; count++)
        ret->all[count] = environ[count];
    snprintf(ret->own[0], VARIABLE_MAX, "MEMWATCHD_SINK=%s", wire->sink);
    snprintf(ret->own[1], VARIABLE_MAX, "MEMWATCHD_ID=%s", wire->id);
    snprintf(ret->own[2], VARIABLE_MAX, "MEMWATCHD_STATUS=%s", wire->status);
    for (int i = 0; i < VARIABLES; i++)
        ret->all[count++] = ret->own[i];
    ret->all[count] = NULL;
}

/* Another thread, one that looks up a name, may be inside malloc(): nothing is allocated here. */
_Noreturn static void become_hook(const struct mwd_wire_request *wire, char **environment, int in,
                                  int out)
{
    static const char prefix[] = "it cannot be executed: ";
    sigset_t none;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    deliver_soften();
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir("/") == 0)
        execve(wire->arguments[0], (char *const *)(uintptr_t)wire->arguments, environment);
    const char *why = strerrordesc_np(errno);
    if (write(STDERR_FILENO, prefix, sizeof prefix - 1) < 0 ||
        write(STDERR_FILENO, why, strlen(why)) < 0)
        _exit(126);
    _exit(127);
}

static int open_pipes(int in[2], int out[2])
{
    if (pipe2(in, O_CLOEXEC) < 0)
        return -errno;
    if (pipe2(out, O_CLOEXEC) < 0) {
        int r = -errno;

        close(in[0]);
        close(in[1]);
        return r;
    }
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    return 0;
}

static int adopt(struct deliver_hook *self, pid_t pid)
{
    setpgid(pid, pid); /* whoever of the two comes first */
    self->pid = pid;
    self->pid_fd = pidfd_open(pid, 0);
    if (self->pid_fd >= 0)
        return 0;
    int r = -errno;
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return r;
}

static int start(struct deliver_hook *self)
{
    struct environment environment;
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    int r = open_pipes(in, out);

    if (r < 0)
        return r;
    make_environment(&self->request.wire, &environment);
    pid_t pid = fork();
    if (pid == 0)
        become_hook(&self->request.wire, environment.all, in[0], out[1]);
    r = pid < 0 ? -errno : adopt(self, pid);
    close(in[0]);
    close(out[1]);
    self->in = in[1];
    self->out = out[0];
    self->limit_ms = deliver_now_ms() + self->request.wire.timeout_ms;
    return r;
}

static struct deliver_hook *free_hook(struct deliver_hook *self)
{
    struct deliver_hook *next = self->next;

    close_fd(&self->in);
    close_fd(&self->out);
    close_fd(&self->pid_fd);
    free(self->request.record);
    free(self);
    return next;
}

void deliver_hooks_begin(struct deliver_hooks *self, struct deliver_request *request,
                         struct deliver_channel *channel)
{
    struct deliver_hook *hook = calloc(1, sizeof *hook);
    struct mwd_wire_answer answer = {
        .exchange = request->wire.exchange, .outcome = MWD_WIRE_AGAIN, .why = strerror(ENOMEM)};

    if (!hook) {
        deliver_channel_answer(channel, &answer);
        free(request->record);
        return;
    }
    hook->request = *request;
    hook->in = hook->out = hook->pid_fd = -1;
    int r = start(hook);
    if (r < 0) {
        answer.why = strerror(-r);
        deliver_channel_answer(channel, &answer);
        free_hook(hook);
        return;
    }
    hook->next = self->first;
    self->first = hook;
    self->count++;
}

/* ---- while it runs ---- */

/* A hook that does not read its input is none the worse for it. */
static void feed(struct deliver_hook *self)
{
    const struct mwd_wire_request *wire = &self->request.wire;

    while (self->in >= 0 && self->written < wire->body_size) {
        ssize_t size = write(self->in, wire->body + self->written, wire->body_size - self->written);

        if (size > 0)
            self->written += (size_t)size;
        else if (errno == EAGAIN)
            return;
        else if (errno != EINTR)
            break;
    }
    close_fd(&self->in);
}

/* All is read, so that it never waits for us; the first of it is kept. */
static void listen_to(struct deliver_hook *self)
{
    char bytes[OUTPUT_STEP];

    for (int i = 0; i < 16 && self->out >= 0; i++) {
        ssize_t size = read(self->out, bytes, sizeof bytes);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return;
        if (size <= 0)
            close_fd(&self->out);
        for (ssize_t j = 0; j < size && self->output_size < DELIVER_OUTPUT_MAX; j++)
            self->output[self->output_size++] = bytes[j];
        for (size_t j = 0; j < self->output_size; j++)
            if (self->output[j] == '\0')
                self->output[j] = ' ';
    }
}

static void say_why(const struct deliver_hook *self, const siginfo_t *info, char *ret, size_t room)
{
    const char *output = self->output, *colon = output[0] ? ": " : "";

    if (self->late)
        snprintf(ret, room, "the hook did not end within %u ms and was killed%s%s",
                 self->request.wire.timeout_ms, colon, output);
    else if (info->si_code != CLD_EXITED)
        snprintf(ret, room, "the hook was ended by signal %d%s%s", info->si_status, colon, output);
    else if (info->si_status != 0)
        snprintf(ret, room, "the hook ended with exit code %d%s%s", info->si_status, colon, output);
    else
        snprintf(ret, room, "%s", output);
}

static void answer_hook(const struct deliver_hook *self, const siginfo_t *info,
                        struct deliver_channel *channel)
{
    char why[DELIVER_OUTPUT_MAX + 128];
    bool fine = !self->late && info->si_code == CLD_EXITED && info->si_status == 0;
    struct mwd_wire_answer answer = {
        .exchange = self->request.wire.exchange,
        .outcome = fine ? MWD_WIRE_DONE : MWD_WIRE_AGAIN,
        .status = info->si_code == CLD_EXITED ? (uint32_t)info->si_status : 0,
        .why = why,
    };

    say_why(self, info, why, sizeof why);
    deliver_channel_answer(channel, &answer);
}

/* Those that it left behind go before it is reaped: until then its number is nobody else's. */
static bool has_ended(struct deliver_hook *self, struct deliver_channel *channel)
{
    siginfo_t info = {0};

    if (waitid(P_PIDFD, (id_t)self->pid_fd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
        info.si_pid == 0)
        return false;
    listen_to(self);
    kill(-self->pid, SIGKILL);
    waitpid(self->pid, NULL, 0);
    answer_hook(self, &info, channel);
    return true;
}

void deliver_hooks_step(struct deliver_hooks *self, struct deliver_channel *channel)
{
    struct deliver_hook **at = &self->first;

    while (*at) {
        struct deliver_hook *hook = *at;

        feed(hook);
        listen_to(hook);
        if (!hook->late && deliver_now_ms() >= hook->limit_ms) {
            hook->late = true;
            kill(-hook->pid, SIGKILL);
        }
        if (has_ended(hook, channel)) {
            *at = free_hook(hook);
            self->count--;
        } else {
            at = &hook->next;
        }
    }
}

static uint32_t wait_for(struct curl_waitfd *ret, int fd, short events)
{
    if (fd < 0)
        return 0;
    *ret = (struct curl_waitfd){.fd = fd, .events = events};
    return 1;
}

uint32_t deliver_hooks_wait(const struct deliver_hooks *self, struct curl_waitfd *ret,
                            uint32_t room, int *ret_ms)
{
    uint64_t now_ms = deliver_now_ms();
    uint32_t count = 0;

    for (const struct deliver_hook *hook = self->first; hook && count + 3 <= room;
         hook = hook->next) {
        count += wait_for(ret + count, hook->pid_fd, CURL_WAIT_POLLIN);
        count += wait_for(ret + count, hook->out, CURL_WAIT_POLLIN);
        count += wait_for(ret + count, hook->in, CURL_WAIT_POLLOUT);
        if (hook->late)
            continue;
        uint64_t left_ms = hook->limit_ms > now_ms ? hook->limit_ms - now_ms : 0;
        if (left_ms < (uint64_t)*ret_ms)
            *ret_ms = (int)left_ms;
    }
    return count;
}

void deliver_hooks_deinit(struct deliver_hooks *self)
{
    while (self->first) {
        kill(-self->first->pid, SIGKILL);
        waitpid(self->first->pid, NULL, 0);
        self->first = free_hook(self->first);
    }
    self->count = 0;
}
