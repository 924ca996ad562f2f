/* A new file that is there whole or not at all, whatever ends this program.
 *
 * It has no name until all of it is on the disk (O_TMPFILE), so the kernel removes it when the
 * program is killed. Where a file system cannot do that, it has a name of its own until then.
 */
#include "daemon/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void folder_of(const char *path, char ret[PATH_MAX])
{
    const char *slash = strrchr(path, '/');

    snprintf(ret, PATH_MAX, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
}

/* A file of its name would take the place of what is no file. */
static bool is_taken(const char *path)
{
    struct stat now;

    return lstat(path, &now) == 0 && !S_ISREG(now.st_mode) && !S_ISLNK(now.st_mode);
}

static int open_named(struct mwd_ctl_file *self)
{
    self->fd = mkostemp(self->aside, O_CLOEXEC);
    return self->fd < 0 ? -errno : 0;
}

int mwd_ctl_file_open(const char *path, struct mwd_ctl_file *ret)
{
    char folder[PATH_MAX];

    *ret = (struct mwd_ctl_file){.path = path, .fd = -1};
    if (is_taken(path))
        return -EEXIST;
    /* Six X, as mkostemp() wants them. */
    if ((size_t)snprintf(ret->aside, sizeof ret->aside, "%s.tmp-XXXXXX", path) >= sizeof ret->aside)
        return -ENAMETOOLONG;
    folder_of(path, folder);
    ret->fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR);
    ret->unnamed = ret->fd >= 0;
    if (ret->fd >= 0)
        return 0;
    return errno == EOPNOTSUPP || errno == EISDIR ? open_named(ret) : -errno;
}

int mwd_ctl_file_write(struct mwd_ctl_file *self, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(self->fd, bytes, size);

        if (written < 0 && errno != EINTR)
            return -errno;
        bytes += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static int give_name(struct mwd_ctl_file *self)
{
    char from[64];

    snprintf(from, sizeof from, "/proc/self/fd/%d", self->fd);
    snprintf(self->aside, sizeof self->aside, "%s.tmp-%d", self->path, (int)getpid());
    if (linkat(AT_FDCWD, from, AT_FDCWD, self->aside, AT_SYMLINK_FOLLOW) < 0)
        return -errno;
    self->unnamed = false;
    return 0;
}

/* Some file systems cannot do that, and say -EINVAL. */
static int sync_folder(const char *path)
{
    char folder[PATH_MAX];

    folder_of(path, folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
    close(fd);
    return r;
}

int mwd_ctl_file_keep(struct mwd_ctl_file *self)
{
    int r = fsync(self->fd) < 0 ? -errno : 0;

    if (r == 0 && self->unnamed)
        r = give_name(self);
    if (r == 0 && rename(self->aside, self->path) < 0)
        r = -errno;
    if (r < 0)
        return r;
    close(self->fd);
    self->fd = -1;
    return sync_folder(self->path);
}

void mwd_ctl_file_discard(struct mwd_ctl_file *self)
{
    if (self->fd < 0)
        return;
    close(self->fd);
    self->fd = -1;
    if (!self->unnamed)
        unlink(self->aside);
}
