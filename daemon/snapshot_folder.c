/* The folder of saved snapshots, read by the system call: opendir(3) allocates, and this runs in a
 * child of a program with threads. Only names of our own making are touched. */
#include "daemon/snapshot_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ENTRIES_BYTES = 4096 };

/* Calls `each` with every name. */
static void each_name(int folder, void (*each)(void *context, const char *name), void *context)
{
    alignas(struct dirent64) char entries[ENTRIES_BYTES];
    long size;

    if (lseek(folder, 0, SEEK_SET) < 0)
        return;
    while ((size = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0)
        for (long at = 0; at < size;) {
            const struct dirent64 *entry = (const void *)(entries + at);

            each(context, entry->d_name);
            at += entry->d_reclen;
        }
}

static int open_folder(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* What follows the suffix in heap-*.heapsnapshot*; NULL: another name. */
static const char *behind(const char *name)
{
    const char *suffix = strstr(name, MWD_SNAPSHOT_SUFFIX);

    if (!suffix || strncmp(name, MWD_SNAPSHOT_PREFIX, sizeof MWD_SNAPSHOT_PREFIX - 1) != 0)
        return NULL;
    return suffix + sizeof MWD_SNAPSHOT_SUFFIX - 1;
}

/* ---- what is left over ---- */

static void remove_left(void *context, const char *name)
{
    const int *folder = context;
    const char *rest = behind(name);

    if (rest && strncmp(rest, ".tmp-", 5) == 0)
        unlinkat(*folder, name, 0);
}

void mwd_snapshot_folder_clean(const char *folder)
{
    int fd = open_folder(folder);

    if (fd < 0)
        return;
    each_name(fd, remove_left, &fd);
    close(fd);
}

/* ---- what is old ---- */

struct oldest {
    unsigned count;
    char name[NAME_MAX + 1];
};

static void look_at(void *context, const char *name)
{
    struct oldest *self = context;
    const char *rest = behind(name);

    if (!rest || *rest != '\0')
        return;
    if (self->count++ == 0 || strcmp(name, self->name) < 0)
        snprintf(self->name, sizeof self->name, "%s", name);
}

/* Whether one was too many, and is gone. */
static bool remove_oldest(int folder, unsigned keep)
{
    struct oldest oldest = {0};

    each_name(folder, look_at, &oldest);
    return oldest.count > keep && unlinkat(folder, oldest.name, 0) == 0;
}

void mwd_snapshot_folder_prune(const char *folder, unsigned keep)
{
    int fd = open_folder(folder);

    if (fd < 0)
        return;
    while (remove_oldest(fd, keep))
        ;
    close(fd);
}
