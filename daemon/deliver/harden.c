/* What this program gives up before it talks with anybody. The unit's sandbox holds for it too;
 * this is what holds without one, and what it needs less than the daemon does. */
#include "daemon/deliver/deliver.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 256 };

/* Sanitizers map terabytes of shadow memory, and look for leaks by tracing the program. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static const struct {
    enum __rlimit_resource resource;
    rlim_t most;
} limits[] = {
    {RLIMIT_CORE, 0},  /* it holds tokens */
    {RLIMIT_FSIZE, 0}, /* it writes no file */
    {RLIMIT_NOFILE, FILES},
#ifndef SANITIZED
    {RLIMIT_AS, (rlim_t)1 << 30},
#endif
};

enum { LIMITS = sizeof limits / sizeof limits[0] };

static void set_limits(void)
{
    for (int i = 0; i < LIMITS; i++) {
        struct rlimit limit;

        if (getrlimit(limits[i].resource, &limit) < 0 || limit.rlim_cur <= limits[i].most)
            continue;
        limit.rlim_cur = limits[i].most;
        setrlimit(limits[i].resource, &limit);
    }
}

void deliver_soften(void)
{
    for (int i = 0; i < LIMITS; i++) {
        struct rlimit limit;

        if (limits[i].resource == RLIMIT_CORE || getrlimit(limits[i].resource, &limit) < 0)
            continue;
        limit.rlim_cur = limit.rlim_max;
        if (limits[i].resource == RLIMIT_NOFILE && limit.rlim_cur > 1024)
            limit.rlim_cur = 1024;
        setrlimit(limits[i].resource, &limit);
    }
}

/* The daemon is protected from the kernel's choice when memory is out; this is not worth as much.
 */
static void give_up_protection(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, "0", 1) < 0) {
        close(fd); /* it has none that it could give up */
        return;
    }
    close(fd);
}

void deliver_harden(void)
{
    close_range(STDERR_FILENO + 1, ~0U, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    give_up_protection();
#ifndef SANITIZED
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* others of its user cannot read its memory */
#endif
    set_limits();
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}
