/* What is read of one process. */
#include "daemon/grouper_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 48, PASSWD_LINE_MAX = 4096 };

/* The first `room` bytes of a file of a process; none when it cannot be read. */
static size_t read_file(const struct mwd_grouper_reader *self, uint64_t pid, const char *name,
                        char *to, size_t room)
{
    char path[PATH_SIZE];
    size_t size = 0;
    ssize_t got = 1;
    int fd;

    snprintf(path, sizeof path, "%" PRIu64 "/%s", pid, name);
    fd = self->root_fd >= 0 ? openat(self->root_fd, path, O_RDONLY | O_CLOEXEC) : -1;
    while (fd >= 0 && size < room && got != 0) {
        got = read(fd, to + size, room - size);
        if (got < 0 && errno != EINTR)
            break;
        size += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    return size;
}

/* NAME:PASSWORD:UID:... */
static bool is_user(char *line, uint32_t uid)
{
    char *password = strchr(line, ':');
    char *number = password ? strchr(password + 1, ':') : NULL, *end;
    unsigned long value = number ? strtoul(number + 1, &end, 10) : 0;

    if (!number || end == number + 1 || *end != ':' || value != uid || password == line)
        return false;
    *password = '\0';
    return true;
}

/* Whether the user stands in that file. Of a line that is too long the rest is no user either. */
static bool find_user(const char *passwd, uint32_t uid, char ret[MWD_USER_MAX + 1])
{
    FILE *file = fopen(passwd, "re");
    char line[PASSWD_LINE_MAX];
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file))
        found = is_user(line, uid);
    if (found)
        snprintf(ret, MWD_USER_MAX + 1, "%.*s", MWD_USER_MAX, line);
    if (file)
        fclose(file);
    return found;
}

static const char *name_user(struct mwd_grouper_reader *self, const struct mwd_grouping_item *item)
{
    uint32_t at = item->uid % MWD_USERS_KEPT;

    if (!item->uid_known)
        return "";
    if (!self->users.kept[at].known || self->users.kept[at].uid != item->uid) {
        self->users.kept[at].known = true;
        self->users.kept[at].uid = item->uid;
        if (!find_user(self->passwd, item->uid, self->users.kept[at].name))
            snprintf(self->users.kept[at].name, sizeof self->users.kept[at].name, "%" PRIu32,
                     item->uid);
    }
    return self->users.kept[at].name;
}

void mwd_grouper_read(struct mwd_grouper_reader *self, unsigned needs,
                      const struct mwd_grouping_item *item, struct mwd_matcher_process *ret)
{
    *ret = (struct mwd_matcher_process){.comm = item->comm,
                                        .argv = self->argv,
                                        .username = "",
                                        .cgroups = "",
                                        .pid = item->key.id,
                                        .start_ms = (int64_t)item->key.birth};
    if (needs & MWD_MATCHER_NEEDS_ARGV)
        ret->argv_size = read_file(self, item->key.id, "cmdline", self->argv, sizeof self->argv);
    if (needs & MWD_MATCHER_NEEDS_USER)
        ret->username = name_user(self, item);
    if (needs & MWD_MATCHER_NEEDS_CGROUPS) {
        size_t size =
            read_file(self, item->key.id, "cgroup", self->cgroups, sizeof self->cgroups - 1);

        self->cgroups[size] = '\0';
        ret->cgroups = self->cgroups;
    }
}
