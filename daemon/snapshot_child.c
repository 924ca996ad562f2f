/* The child that writes a snapshot. It is a copy of the daemon with one thread, and must not be
 * taken for it: it has none of its sockets, answers no signal as it does, and ends without what a
 * program does at its end. It is there for one thing, and is the first that may go. */
#include "daemon/snapshot_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NICE = 10 };

/* The loop's handlers write into a pipe that the child shares with the daemon. What is ignored
 * stays so: who reads no more, and a file that may not grow, are errors of write(2). */
static void reset_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        if (number != SIGPIPE && number != SIGXFSZ)
            signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_between(int low, int high)
{
    for (int fd = low + 1; fd < high; fd++)
        close(fd);
}

/* All but 0 to 2 and the two. */
static void close_others(int one, int other)
{
    int low = one < other ? one : other;
    int high = one < other ? other : one;
    struct rlimit limit = {0, 0};

    if (low < 0)
        low = STDERR_FILENO;
    close_between(STDERR_FILENO, low);
    close_between(low, high);
    if (close_range((unsigned)high + 1, ~0U, 0) == 0)
        return;
    getrlimit(RLIMIT_NOFILE, &limit);
    close_between(high, limit.rlim_cur < INT_MAX ? (int)limit.rlim_cur : INT_MAX);
}

/* The daemon is protected from the kernel's choice when memory is out (OOMScoreAdjust= of its
 * unit); this is not worth as much. */
static void give_up_protection(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, "0", 1) < 0)
        errno = 0; /* it has none that it could give up */
    close(fd);
}

static void become_child(const struct mwd_snapshot_task *task)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != task->parent)
        _exit(EXIT_FAILURE);
    reset_signals();
    close_others(task->data_fd, task->result_fd);
    prctl(PR_SET_NAME, "heap-snapshot");
    give_up_protection();
    setpriority(PRIO_PROCESS, 0, NICE); /* its unit forbids that; then it is as urgent */
}

static int save(const struct mwd_snapshot_task *task, struct mw_heap_snapshot_report *report)
{
    mwd_snapshot_folder_clean(task->folder);
    int r = mw_heap_snapshot_store(task->snapshot, task->path, report);
    if (r == 0)
        mwd_snapshot_folder_prune(task->folder, MWD_SNAPSHOT_KEPT);
    return r;
}

void mwd_snapshot_child(const struct mwd_snapshot_task *task)
{
    struct mwd_snapshot_result result = {0};
    ssize_t written;

    become_child(task);
    result.error = task->path
                       ? save(task, &result.report)
                       : mw_heap_snapshot_emit(task->snapshot, task->data_fd, &result.report);
    do
        written = write(task->result_fd, &result, sizeof result);
    while (written < 0 && errno == EINTR);
    _exit(result.error < 0 || written < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
