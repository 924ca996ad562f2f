/* One beat of the machine's own readings: three key-value files and the control groups above this
 * program. Each file stays open and is read from its start; one that fails is closed and opened
 * again at the next beat, and only its own readings are absent meanwhile. */
#include "collect/system_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct source {
    const char *file; /* as the table and faults name it */
    const char *path; /* below proc_root */
    int (*parse)(struct mw_fields *fields, struct mw_scan text, struct mw_block *block);
    enum mw_text_kind kind;
    bool optional; /* a kernel may be built without it: missing is not a fault */
};

static const struct source sources[MW_SYSTEM_FILES] = {
    {"/proc/meminfo", "meminfo", mw_fields_meminfo, MW_TEXT_ONE_RECORD, false},
    {"/proc/vmstat", "vmstat", mw_fields_vmstat, MW_TEXT_LINES, false},
    {"/proc/pressure/memory", "pressure/memory", mw_fields_pressure, MW_TEXT_ONE_RECORD, true},
};

enum mw_absence mw_system_absence(int error)
{
    switch (error) {
    case -ENOENT:
    case -EOPNOTSUPP:
        return MW_ABSENT_UNSUPPORTED;
    case -EACCES:
    case -EPERM:
        return MW_ABSENT_DENIED;
    default:
        return MW_ABSENT_STALE;
    }
}

const char *mw_system_reason(int error)
{
    switch (error) {
    case -ENODATA:
        return "the text is empty or cut short";
    case -EINVAL:
        return "a value is not what it should be";
    case -ERANGE:
        return "a value is too large";
    default:
        return "cannot be read";
    }
}

int mw_system_reader_create(struct mw_collector *collector, struct mw_system_reader **ret)
{
    struct mw_system_reader *self = calloc(1, sizeof(*self));

    if (!self)
        return -ENOMEM;
    for (int i = 0; i < MW_SYSTEM_FILES; i++) {
        self->files[i].fd = -1;
        mw_fields_init(&self->files[i].fields, sources[i].file);
    }
    mw_cgroup_limit_init(&self->cgroup, collector);
    mw_watch_group_init(&self->limit_watch, MW_WATCH_OWN);
    self->statm_fd = -1;
    *ret = self;
    return 0;
}

struct mw_system_reader *mw_system_reader_destroy(struct mw_system_reader *self)
{
    if (!self)
        return NULL;
    for (int i = 0; i < MW_SYSTEM_FILES; i++)
        if (self->files[i].fd >= 0)
            close(self->files[i].fd);
    if (self->statm_fd >= 0)
        close(self->statm_fd);
    mw_cgroup_limit_close(&self->cgroup);
    if (self->limit_watch.event_fd >= 0)
        close(self->limit_watch.event_fd);
    mw_text_free(&self->text);
    free(self);
    return NULL;
}

static int read_text(struct mw_collector *self, const struct source *source,
                     struct mw_system_file *file, struct mw_scan *ret)
{
    if (file->fd < 0) {
        int fd = openat(self->root_fd, source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0)
            return -errno;
        file->fd = fd;
    }
    int error = mw_text_read_kept(&self->system_reader->text, file->fd, source->kind, ret);
    if (error) {
        close(file->fd);
        file->fd = -1;
    }
    return error;
}

static void read_source(struct mw_collector *self, const struct source *source,
                        struct mw_system_file *file, struct mw_block *block)
{
    struct mw_scan text = {NULL, NULL};
    int error = read_text(self, source, file, &text);

    if (error)
        mw_fields_absent(&file->fields, mw_system_absence(error), block);
    else
        error = source->parse(&file->fields, text, block);
    bool missing = mw_system_absence(error) == MW_ABSENT_UNSUPPORTED;
    if (error && !(source->optional && missing))
        mw_collect_fault(self, source->file, mw_system_reason(error), error, 0);
}

/* A limit of this program's own group is told of like that of a service. */
static void watch_limit(struct mw_collector *self)
{
    const struct mw_cgroup_limit *cgroup = &self->system_reader->cgroup;
    struct mw_watch_group *group = &self->system_reader->limit_watch;
    int dirfd = cgroup->limit != UINT64_MAX ? mw_cgroup_limit_open_dir(cgroup) : -ENOENT;

    if (dirfd < 0) {
        mw_watch_disarm(self->watch, group);
        return;
    }
    mw_watch_arm(self->watch, group, cgroup->files[cgroup->limit_of].version, dirfd, cgroup->limit);
    close(dirfd);
}

int mw_collector_read_system(struct mw_collector *self, struct mw_block **ret)
{
    struct mw_collect_work work;
    int error = mw_collect_begin(self, &self->system, NULL, 1, &work);

    if (error)
        return error;
    mw_block_set_key(work.block, 0, (struct mw_block_key){.id = 1});
    for (int i = 0; i < MW_SYSTEM_FILES; i++)
        read_source(self, &sources[i], &self->system_reader->files[i], work.block);
    mw_cgroup_limit_read(&self->system_reader->cgroup, work.block);
    if (self->watch->epoll_fd >= 0)
        watch_limit(self);
    return mw_collect_end(self, &work, ret);
}
