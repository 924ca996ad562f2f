/* watch: what the kernel tells at once: pressure, and groups that come near their limit.
 *
 * One epoll descriptor stands for all of it, so that whoever waits needs to know of no other.
 *
 *     pressure      /proc/pressure/memory, written with a share of a window: POLLPRI
 *     groups, v1    an eventfd, registered in cgroup.event_control for steps of the limit and for
 *                   the OOM killer
 *     groups, v2    inotify on memory.events, which the kernel touches at each event
 *
 * What cannot be waited for is noted once and seen at the next beat, as everything else.
 * Threads  the collector's.
 * Bound    one descriptor a group of v1; inotify watches for those of v2.
 */
#ifndef MW_COLLECT_WATCH_INTERNAL_H
#define MW_COLLECT_WATCH_INTERNAL_H
#include "collect/cgroup_internal.h"

enum { MW_WATCH_PRESSURES = 2 };

/* The tag of the group that limits this program; those of services are their rows. */
#define MW_WATCH_OWN UINT32_MAX

struct mw_watch {
    struct mw_collector *collector;
    int epoll_fd; /* -1: nothing is watched */
    int inotify_fd;
    int pressure_fds[MW_WATCH_PRESSURES];
};

/* A group, and for what it is armed. */
struct mw_watch_group {
    uint32_t tag; /* who it is, for the watch's user */
    int event_fd; /* v1; or -1 */
    int wd;       /* v2; or -1 */
    uint64_t inode, limit;
};

/* What a user is told, besides that something has happened: pressure is not told apart. */
struct mw_watch_sink {
    void (*group)(void *context, uint32_t tag);           /* of a v1 group */
    void (*descriptor)(void *context, int wd, bool gone); /* of a v2 group; gone: it is no more */
    void *context;
};

void mw_watch_init(struct mw_watch *self, struct mw_collector *collector);
/* Opens what there is; without it the object does nothing. */
void mw_watch_start(struct mw_watch *self);
void mw_watch_deinit(struct mw_watch *self);

void mw_watch_group_init(struct mw_watch_group *self, uint32_t tag);
/* So that the group is told of; again when it is another directory or has another limit. Cheap when
 * nothing has changed. */
void mw_watch_arm(struct mw_watch *self, struct mw_watch_group *group,
                  enum mw_cgroup_version version, int dirfd, uint64_t limit);
void mw_watch_disarm(struct mw_watch *self, struct mw_watch_group *group);

/* The user's answer to sink->group(): it has heard. */
void mw_watch_group_take(const struct mw_watch_group *group);

/* Takes all that has happened; never waits. */
void mw_watch_take(struct mw_watch *self, const struct mw_watch_sink *sink);
#endif
