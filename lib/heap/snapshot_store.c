/* A snapshot as a file: all of it under its name, or nothing. */
#include "heap/snapshot_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* mkostemp(3) puts letters of its own in place of the last six. */
#define ASIDE ".tmp-XXXXXX"

static int result(int status)
{
    return status < 0 ? -errno : 0;
}

/* The folder of `path`, which must be on the disk for the new name to be. Some file systems cannot
 * do that, and say -EINVAL. */
static int sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int error, fd;

    snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
             slash != NULL ? path : ".");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    error = result(fsync(fd));
    close(fd);
    return error == -EINVAL ? 0 : error;
}

/* A device, pipe or socket is not to be replaced by a file of its name. */
static bool is_special(const char *path)
{
    struct stat now;

    return lstat(path, &now) == 0 && !S_ISREG(now.st_mode) && !S_ISDIR(now.st_mode) &&
           !S_ISLNK(now.st_mode);
}

struct store {
    const char *path;
    char aside[PATH_MAX];
    const char *step; /* that failed */
};

/* Closes `fd` in any case. */
static int write_aside(struct store *self, struct mw_heap_snapshot *snapshot, int fd,
                       struct mw_heap_snapshot_report *report)
{
    int error = mw_heap_snapshot_emit(snapshot, fd, report);

    self->step = "writing the snapshot";
    if (error == 0) {
        self->step = "syncing the snapshot";
        error = result(fsync(fd));
    }
    if (close(fd) < 0 && error == 0)
        error = -errno;
    return error;
}

static int store(struct store *self, struct mw_heap_snapshot *snapshot,
                 struct mw_heap_snapshot_report *report)
{
    int error, fd;

    self->step = "looking for a plain file at the snapshot's path";
    if (is_special(self->path))
        return -EEXIST;
    self->step = "creating a file beside the snapshot's";
    if ((size_t)snprintf(self->aside, sizeof(self->aside), "%s" ASIDE, self->path) >=
        sizeof(self->aside))
        return -ENAMETOOLONG;
    fd = mkostemp(self->aside, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    error = write_aside(self, snapshot, fd, report);
    if (error == 0) {
        self->step = "giving the snapshot its name";
        error = result(rename(self->aside, self->path));
    }
    if (error < 0) {
        unlink(self->aside);
        return error;
    }
    self->step = "syncing the snapshot's folder";
    return sync_folder(self->path);
}

int mw_heap_snapshot_store(struct mw_heap_snapshot *self, const char *path,
                           struct mw_heap_snapshot_report *ret)
{
    struct store saved = {.path = path};
    int error;

    if (ret != NULL)
        *ret = (struct mw_heap_snapshot_report){0};
    error = store(&saved, self, ret);
    if (error < 0)
        mw_snapshot_report(ret, saved.step, error);
    return error;
}
