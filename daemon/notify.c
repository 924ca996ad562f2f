#include "daemon/notify.h"

#include "base/clock.h"
#include "base/scan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { STATUS_BYTES = 512 };

struct mwd_notify {
    int fd; /* -1 = nobody listens */
    struct sockaddr_un to;
    socklen_t to_size;
    uint64_t watchdog_ns;
    char status[STATUS_BYTES + 1]; /* the last one sent */
};

/* "@name" stands for a name that begins with a NUL and ends with its length. */
static bool find_socket(struct mwd_notify *self)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t size = path ? strlen(path) : 0;

    if (size < 2 || size >= sizeof self->to.sun_path || (path[0] != '/' && path[0] != '@'))
        return false;
    self->to.sun_family = AF_UNIX;
    memcpy(self->to.sun_path, path, size);
    if (path[0] == '@')
        self->to.sun_path[0] = '\0';
    self->to_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    return true;
}

static bool number_in(const char *name, uint64_t *ret)
{
    const char *text = getenv(name);
    struct mw_scan scan = mw_scan_over(text ? text : "", text ? strlen(text) : 0);

    return mw_scan_u64(&scan, ret) && mw_scan_done(&scan);
}

/* The variables are inherited: they mean this process only if the pid says so. */
static uint64_t find_watchdog(void)
{
    uint64_t usec, pid;

    if (getenv("WATCHDOG_PID") && (!number_in("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid()))
        return 0;
    if (!number_in("WATCHDOG_USEC", &usec) || usec > UINT64_MAX / 1000)
        return 0;
    return usec * 1000;
}

int mwd_notify_create(struct mwd_notify **ret)
{
    struct mwd_notify *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    self->fd = -1;
    if (find_socket(self)) {
        self->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (self->fd < 0)
            goto fail;
        self->watchdog_ns = find_watchdog();
    }
    *ret = self;
    return 0;
fail:;
    int r = -errno;
    mwd_notify_destroy(self);
    return r;
}

struct mwd_notify *mwd_notify_destroy(struct mwd_notify *self)
{
    if (self && self->fd >= 0)
        close(self->fd);
    free(self);
    return NULL;
}

bool mwd_notify_is_heard(const struct mwd_notify *self)
{
    return self && self->fd >= 0;
}

uint64_t mwd_notify_watchdog_ns(const struct mwd_notify *self)
{
    return self ? self->watchdog_ns : 0;
}

static void send_text(struct mwd_notify *self, const char *text)
{
    ssize_t sent;

    if (!mwd_notify_is_heard(self))
        return;
    do
        sent = sendto(self->fd, text, strlen(text), MSG_NOSIGNAL,
                      (const struct sockaddr *)&self->to, self->to_size);
    while (sent < 0 && errno == EINTR);
}

void mwd_notify_ready(struct mwd_notify *self)
{
    send_text(self, "READY=1");
}

/* The time lets a manager tell this reload from an earlier one. */
void mwd_notify_reloading(struct mwd_notify *self)
{
    char text[80];

    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             mw_clock_monotonic_ns(mw_clock_system()) / 1000);
    send_text(self, text);
}

void mwd_notify_stopping(struct mwd_notify *self)
{
    send_text(self, "STOPPING=1");
}

void mwd_notify_watchdog(struct mwd_notify *self)
{
    send_text(self, "WATCHDOG=1");
}

/* The protocol's fields end at a newline. */
static void make_one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
}

void mwd_notify_status(struct mwd_notify *self, const char *format, ...)
{
    char status[STATUS_BYTES + 1], text[STATUS_BYTES + 16];
    va_list arguments;

    if (!mwd_notify_is_heard(self))
        return;
    va_start(arguments, format);
    vsnprintf(status, sizeof status, format, arguments);
    va_end(arguments);
    make_one_line(status);
    if (strcmp(status, self->status) == 0)
        return;
    memcpy(self->status, status, sizeof status);
    snprintf(text, sizeof text, "STATUS=%s", status);
    send_text(self, text);
}

void mwd_notify_failed(struct mwd_notify *self, int error, const char *reason)
{
    char text[32];

    mwd_notify_status(self, "%s", reason);
    if (error >= 0)
        return;
    snprintf(text, sizeof text, "ERRNO=%d", -error);
    send_text(self, text);
}
