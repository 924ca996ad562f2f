/* What the kernel tells at once.
 *
 * Pressure: half-second windows need CAP_SYS_RESOURCE. Without it Linux 6.4 and later give windows
 * of 2 s; before it nothing. The shares are half of those at which people are alarmed, because a
 * wake-up only means that it is worth looking.
 *
 * Limits: v1 tells when the usage passes a threshold, upwards or downwards. Those set here are
 * steps of the limit, so that whatever share of it somebody watches, a step is near. v2 has no
 * thresholds; it tells when a group is over `high`, at `max`, and when something in it is killed.
 *
 * A pressure trigger is ready only once, for the first who looks. Who waits for the epoll
 * descriptor with a poll of their own has looked by that, and what is then asked for here is gone.
 * So pressure is never reported as such: whoever is woken looks at the machine's readings, too.
 *
 * Nothing is written to but files of a real proc or cgroup file system: in a tree that only looks
 * like one they are somebody's data. */
#include "collect/watch_internal.h"

#include "collect/collect_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { EVENTS = 32, PATH_ROOM = 64, INOTIFY_ROOM = 4096 };

/* In the upper half of an epoll tag; the lower is which one. */
enum what { PRESSURE, INOTIFY, GROUP };

/* 5 % of the window for `some`, 2.5 % for `full`. */
static const struct {
    const char *shorter, *longer;
} triggers[MW_WATCH_PRESSURES] = {
    {"some 25000 500000", "some 100000 2000000"},
    {"full 12500 500000", "full 50000 2000000"},
};

static const uint64_t steps[] = {50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 98};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool is_on(int fd, unsigned long file_system)
{
    struct statfs status;

    return fstatfs(fd, &status) == 0 && (unsigned long)status.f_type == file_system;
}

static int add(struct mw_watch *self, int fd, uint32_t events, enum what what, uint32_t tag)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)what << 32 | tag};

    return epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

/* ---- pressure ---- */

static int write_trigger(int fd, const char *trigger)
{
    return write(fd, trigger, strlen(trigger) + 1) < 0 ? -errno : 0;
}

static int open_pressure(struct mw_watch *self, uint32_t which)
{
    int fd = openat(self->collector->root_fd, "pressure/memory", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    int error;

    if (fd < 0)
        return -errno;
    error = is_on(fd, PROC_SUPER_MAGIC) ? write_trigger(fd, triggers[which].shorter) : -EXDEV;
    if (error == -EINVAL || error == -EPERM)
        error = write_trigger(fd, triggers[which].longer);
    if (!error)
        error = add(self, fd, EPOLLPRI, PRESSURE, which);
    if (error)
        close(fd);
    else
        self->pressure_fds[which] = fd;
    return error;
}

/* Without pressure in the kernel its readings say so; a tree of files has nothing to tell. */
static void start_pressure(struct mw_watch *self, uint32_t which)
{
    int error = open_pressure(self, which);

    if (error && error != -ENOENT && error != -EOPNOTSUPP && error != -EXDEV)
        mw_collect_notice(self->collector, "/proc/pressure/memory",
                          "cannot be waited for, see memwatchctl doctor", error);
}

/* POLLERR: the trigger has ended. Another one is tried at once; if that fails it stays off. */
static void restart_pressure(struct mw_watch *self, uint32_t which)
{
    close_fd(&self->pressure_fds[which]);
    start_pressure(self, which);
}

/* ---- life ---- */

void mw_watch_init(struct mw_watch *self, struct mw_collector *collector)
{
    *self = (struct mw_watch){.collector = collector, .epoll_fd = -1, .inotify_fd = -1};
    for (uint32_t i = 0; i < MW_WATCH_PRESSURES; i++)
        self->pressure_fds[i] = -1;
}

static void start_inotify(struct mw_watch *self)
{
    self->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int error = self->inotify_fd < 0 ? -errno : add(self, self->inotify_fd, EPOLLIN, INOTIFY, 0);

    if (!error)
        return;
    close_fd(&self->inotify_fd);
    mw_collect_notice(self->collector, "inotify", "groups cannot be waited for", error);
}

void mw_watch_start(struct mw_watch *self)
{
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll_fd < 0) {
        mw_collect_notice(self->collector, "epoll", "nothing can be waited for", -errno);
        return;
    }
    start_inotify(self);
    for (uint32_t i = 0; i < MW_WATCH_PRESSURES; i++)
        start_pressure(self, i);
}

void mw_watch_deinit(struct mw_watch *self)
{
    for (uint32_t i = 0; i < MW_WATCH_PRESSURES; i++)
        close_fd(&self->pressure_fds[i]);
    close_fd(&self->inotify_fd);
    close_fd(&self->epoll_fd);
}

/* ---- groups ---- */

void mw_watch_group_init(struct mw_watch_group *self, uint32_t tag)
{
    *self = (struct mw_watch_group){.tag = tag, .event_fd = -1, .wd = -1, .limit = UINT64_MAX};
}

void mw_watch_disarm(struct mw_watch *self, struct mw_watch_group *group)
{
    if (group->wd >= 0 && self->inotify_fd >= 0)
        inotify_rm_watch(self->inotify_fd, group->wd);
    close_fd(&group->event_fd); /* ends what is registered, too */
    mw_watch_group_init(group, group->tag);
}

/* The file in whose name is asked need be open only while asking. */
static int register_event(int control_fd, int event_fd, int dirfd, const char *name,
                          const char *argument)
{
    char text[PATH_ROOM];
    int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    int size = snprintf(text, sizeof text, "%d %d %s", event_fd, fd, argument);
    int error = write(control_fd, text, (size_t)size) < 0 ? -errno : 0;
    close(fd);
    return error;
}

static int register_steps(int control_fd, int event_fd, int dirfd, uint64_t limit)
{
    int error = 0;

    for (size_t i = 0; !error && limit != UINT64_MAX && i < sizeof steps / sizeof *steps; i++) {
        char argument[24];

        snprintf(argument, sizeof argument, "%" PRIu64, limit / 100 * steps[i]);
        error = register_event(control_fd, event_fd, dirfd, "memory.usage_in_bytes", argument);
    }
    return error;
}

static int arm_v1(struct mw_watch *self, struct mw_watch_group *group, int dirfd, uint64_t limit)
{
    int control_fd = openat(dirfd, "cgroup.event_control", O_WRONLY | O_CLOEXEC);
    int error;

    if (control_fd < 0)
        return -errno;
    group->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    error = group->event_fd < 0 ? -errno : 0;
    if (!error)
        error = register_event(control_fd, group->event_fd, dirfd, "memory.oom_control", "");
    if (!error)
        error = register_steps(control_fd, group->event_fd, dirfd, limit);
    if (!error)
        error = add(self, group->event_fd, EPOLLIN, GROUP, group->tag);
    close(control_fd);
    return error;
}

/* The root group has no events. */
static int arm_v2(struct mw_watch *self, struct mw_watch_group *group, int dirfd)
{
    char path[PATH_ROOM];

    if (self->inotify_fd < 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d/memory.events", dirfd);
    group->wd = inotify_add_watch(self->inotify_fd, path, IN_MODIFY);
    return group->wd < 0 && errno != ENOENT ? -errno : 0;
}

static bool is_armed(const struct mw_watch_group *group, enum mw_cgroup_version version,
                     uint64_t inode, uint64_t limit)
{
    return group->inode == inode && (version == MW_CGROUP_V2 || group->limit == limit);
}

void mw_watch_arm(struct mw_watch *self, struct mw_watch_group *group,
                  enum mw_cgroup_version version, int dirfd, uint64_t limit)
{
    struct stat status;
    int error = 0;

    if (self->epoll_fd < 0 || fstat(dirfd, &status) < 0 ||
        is_armed(group, version, status.st_ino, limit))
        return;
    mw_watch_disarm(self, group);
    if (version == MW_CGROUP_V2)
        error = arm_v2(self, group, dirfd);
    else if (is_on(dirfd, CGROUP_SUPER_MAGIC))
        error = arm_v1(self, group, dirfd, limit);
    if (error) {
        mw_watch_disarm(self, group);
        mw_collect_notice(self->collector, "cgroup", "a limit cannot be waited for", error);
    }
    group->inode = status.st_ino; /* after an error too: it is tried once for each group */
    group->limit = limit;
}

/* ---- what has happened ---- */

static void drain(int fd)
{
    uint64_t count;

    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

static void take_inotify(struct mw_watch *self, const struct mw_watch_sink *sink)
{
    _Alignas(struct inotify_event) char bytes[INOTIFY_ROOM];
    ssize_t size;

    while ((size = read(self->inotify_fd, bytes, sizeof bytes)) > 0) {
        const struct inotify_event *event;

        for (char *at = bytes; at < bytes + size; at += sizeof *event + event->len) {
            event = (const struct inotify_event *)(const void *)at;
            sink->descriptor(sink->context, event->wd, (event->mask & IN_IGNORED) != 0);
        }
    }
}

static void take_one(struct mw_watch *self, const struct epoll_event *event,
                     const struct mw_watch_sink *sink)
{
    uint32_t tag = (uint32_t)event->data.u64;

    switch ((enum what)(event->data.u64 >> 32)) {
    case PRESSURE:
        if (event->events & (EPOLLERR | EPOLLHUP))
            restart_pressure(self, tag);
        break;
    case INOTIFY:
        take_inotify(self, sink);
        break;
    case GROUP:
        sink->group(sink->context, tag);
        break;
    }
}

void mw_watch_group_take(const struct mw_watch_group *group)
{
    if (group->event_fd >= 0)
        drain(group->event_fd);
}

void mw_watch_take(struct mw_watch *self, const struct mw_watch_sink *sink)
{
    struct epoll_event events[EVENTS];
    int count = self->epoll_fd >= 0 ? epoll_wait(self->epoll_fd, events, EVENTS, 0) : 0;

    for (int i = 0; i < count; i++)
        take_one(self, &events[i], sink);
}
