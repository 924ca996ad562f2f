#include "daemon/ctl/signals.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int mwd_ctl_signals_open(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGWINCH);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static enum mwd_ctl_event take_signal(int signals)
{
    struct signalfd_siginfo info;

    if (read(signals, &info, sizeof info) != sizeof info)
        return MWD_CTL_TIME;
    return info.ssi_signo == SIGWINCH ? MWD_CTL_RESIZED : MWD_CTL_END;
}

enum mwd_ctl_event mwd_ctl_wait(int signals, int key_fd, uint64_t until_ns, char *ret_key)
{
    struct pollfd pollers[] = {{.fd = signals, .events = POLLIN}, {.fd = key_fd, .events = POLLIN}};

    for (;;) {
        uint64_t now = mw_clock_monotonic_ns(mw_clock_system());
        uint64_t left_ms = until_ns > now ? (until_ns - now) / MW_NS_PER_MS + 1 : 0;
        int ready = poll(pollers, 2, (int)left_ms);

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return MWD_CTL_TIME;
        if (pollers[0].revents)
            return take_signal(signals);
        if (read(key_fd, ret_key, 1) == 1)
            return MWD_CTL_KEY;
        return MWD_CTL_END; /* the terminal has gone */
    }
}
