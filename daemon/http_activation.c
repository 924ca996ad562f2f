/* Sockets that systemd opened before it started the daemon: descriptors 3 and up, counted by
 * LISTEN_FDS, meant for the process LISTEN_PID, named in LISTEN_FDNAMES. The variables are unset,
 * so that no child takes them for its own. */
#include "daemon/http_internal.h"

#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_FD = 3, FDS_MAX = 64 };

/* 0 when nothing was passed to this process. */
static int count_passed(struct mwd_buffer *error)
{
    const char *pid = getenv("LISTEN_PID");
    const char *fds = getenv("LISTEN_FDS");
    uint64_t number;

    if (!pid || !fds)
        return 0;
    if (mw_units_parse_count(pid, &number) < 0 || number != (uint64_t)getpid())
        return 0;
    if (mw_units_parse_count(fds, &number) < 0 || number > FDS_MAX) {
        mwd_buffer_printf(error, "LISTEN_FDS is \"%s\"; it takes a whole number up to %d", fds,
                          FDS_MAX);
        return -EINVAL;
    }
    return (int)number;
}

/* As many names as sockets, or none at all. */
static int check_names(const char *names, int count, struct mwd_buffer *error)
{
    int found = 1;

    if (!names || !count)
        return 0;
    for (const char *c = names; *c; c++)
        found += *c == ':';
    if (found == count)
        return 0;
    mwd_buffer_printf(error, "LISTEN_FDNAMES has %d names for %d sockets", found, count);
    return -EINVAL;
}

static void name_of(const char *names, int index, char *ret, size_t size)
{
    size_t used;

    for (; names && index > 0; index--) {
        names = strchr(names, ':');
        names = names ? names + 1 : NULL;
    }
    used = names ? strcspn(names, ":") : 0;
    if (used >= size)
        used = size - 1;
    memcpy(ret, names ? names : "", used);
    ret[used] = '\0';
}

static int option_of(int fd, int option)
{
    int value;
    socklen_t size = sizeof value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -errno : value;
}

/* What is wrong with a descriptor, or NULL. */
static const char *fault_of(int fd)
{
    int domain = option_of(fd, SO_DOMAIN);

    if (domain < 0)
        return "is not a socket";
    if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
        return "is neither a TCP nor a unix socket";
    if (option_of(fd, SO_TYPE) != SOCK_STREAM)
        return "is not a stream socket";
    if (option_of(fd, SO_ACCEPTCONN) != 1)
        return "does not listen (the unit needs Accept=no)";
    return NULL;
}

static int take(int fd, const char *name, struct mwd_buffer *error, struct mwd_http_listener **ret)
{
    const char *fault = fault_of(fd);
    int r;

    if (fault) {
        mwd_buffer_printf(error, "socket %d from systemd (\"%s\") %s", fd, name, fault);
        return -EINVAL;
    }
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        r = -errno;
    else
        r = mwd_http_listener_create(fd, NULL, ret);
    if (r < 0)
        mwd_buffer_printf(error, "socket %d from systemd (\"%s\"): %s", fd, name, strerror(-r));
    return r;
}

static int take_all(const char *names, int count, struct mwd_buffer *error,
                    struct mwd_http_listener **list)
{
    char name[64];

    for (int i = 0; i < count; i++) {
        struct mwd_http_listener *one = NULL;
        int r;

        name_of(names, i, name, sizeof name);
        r = take(FIRST_FD + i, name, error, &one);
        if (!one)
            return r;
        one->activated = true;
        one->next = *list;
        *list = one;
    }
    return 0;
}

int mwd_http_activation_take(struct mwd_buffer *error, struct mwd_http_listener **list)
{
    const char *names = getenv("LISTEN_FDNAMES");
    int count = count_passed(error);
    int r = count < 0 ? count : check_names(names, count, error);

    if (r == 0)
        r = take_all(names, count, error, list);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return r;
}
