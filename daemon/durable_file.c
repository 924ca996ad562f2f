/* The file of durable: reading it at the start, and the two ways to write it. */
#include "daemon/durable_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int mwd_durable_file_init(struct mwd_durable_file *self, const char *folder, const char *name)
{
    *self = (struct mwd_durable_file){.fd = -1, .folder = strdup(folder)};
    if (!self->folder)
        return -ENOMEM;
    if (asprintf(&self->path, "%s/%s", folder, name) < 0)
        self->path = NULL;
    if (asprintf(&self->new_path, "%s/%s.new", folder, name) < 0)
        self->new_path = NULL;
    return self->path && self->new_path ? 0 : -ENOMEM;
}

static void close_fd(struct mwd_durable_file *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

static void forget(struct mwd_durable_file *self)
{
    self->known = false;
    close_fd(self);
}

void mwd_durable_file_deinit(struct mwd_durable_file *self)
{
    close_fd(self);
    free(self->folder);
    free(self->path);
    free(self->new_path);
    *self = (struct mwd_durable_file){.fd = -1};
}

/* ---- opening ---- */

/* Two daemons that write one file would make it of no use to either. */
static int open_locked(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    struct stat status;
    int r = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        r = -errno;
    else if (!S_ISREG(status.st_mode))
        r = -EINVAL;
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

/* So that a name that was made or changed is there after a power failure. */
static int sync_folder(const struct mwd_durable_file *self)
{
    int fd = open(self->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r;

    if (fd < 0)
        return -errno;
    r = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return r;
}

/* ---- reading ---- */

/* Errors   -EFBIG, -ENOMEM, those of read(). */
static int read_all(int fd, struct mwd_buffer *out)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    if (status.st_size > MWD_DURABLE_FILE_MAX)
        return -EFBIG;
    for (;;) {
        char *room = mwd_buffer_reserve(out, 1 << 16);
        ssize_t got = room ? read(fd, room, 1 << 16) : 0;

        if (!room)
            return out->failed;
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return -errno;
        mwd_buffer_commit(out, got > 0 ? (size_t)got : 0);
    }
}

/* Under a name that nothing has yet. */
static void put_aside(struct mwd_durable_file *self, const struct mwd_durable_options *options,
                      const char *why)
{
    char *aside = NULL;
    int r = -ENOMEM;

    for (unsigned i = 1; i <= 1000; i++) {
        free(aside);
        if (asprintf(&aside, "%s.aside-%u", self->path, i) < 0) {
            aside = NULL;
            break;
        }
        r = link(self->path, aside) < 0 ? -errno : 0;
        if (r != -EEXIST)
            break;
    }
    if (r == 0)
        r = unlink(self->path) < 0 ? -errno : 0;
    forget(self);
    if (r == 0)
        mwd_log(options->log, MWD_LOG_WARNING,
                "%s %s: it is kept as %s, and alerts begin with an empty state", self->path, why,
                aside);
    else
        mwd_log(options->log, MWD_LOG_ERROR,
                "%s %s, and cannot be put aside (%s): the state of alerts is not kept over a "
                "restart until it is moved away",
                self->path, why, strerror(-r));
    free(aside);
}

static void cut(struct mwd_durable_file *self, const struct mwd_durable_options *options,
                size_t size, size_t whole)
{
    int r = ftruncate(self->fd, (off_t)whole) < 0 || fdatasync(self->fd) < 0 ? -errno : 0;

    mwd_log(options->log, MWD_LOG_WARNING,
            "%s: %zu bytes at its end were not whole, as after a kill or a power failure; they are "
            "cut off%s%s",
            self->path, size - whole, r < 0 ? ", or will be: " : "", r < 0 ? strerror(-r) : "");
}

static void take(struct mwd_durable_file *self, const struct mwd_durable_options *options,
                 const struct mwd_buffer *bytes)
{
    size_t whole;

    switch (
        mwd_durable_read(bytes->bytes, bytes->size, options->on_record, options->context, &whole)) {
    case MWD_DURABLE_FOREIGN:
        put_aside(self, options, "is not a file of this daemon's state");
        return;
    case MWD_DURABLE_NEWER:
        put_aside(self, options, "is of a newer version");
        return;
    case MWD_DURABLE_TORN:
        cut(self, options, bytes->size, whole);
        break;
    case MWD_DURABLE_WHOLE:
        break;
    }
    self->whole = (off_t)whole;
}

static void complain(const struct mwd_durable_file *self, const struct mwd_durable_options *options,
                     int r)
{
    mwd_log(options->log, MWD_LOG_ERROR, "%s cannot be read: %s; alerts begin with an empty state",
            self->path, r == -EWOULDBLOCK ? "another memwatchd uses it" : strerror(-r));
}

/* What may only be read still says what fires, and who was told. */
static int open_for_reading(struct mwd_durable_file *self)
{
    int fd = open_locked(self->path, O_RDWR);

    self->known = fd == -EROFS || fd == -EACCES || fd == -EPERM;
    return self->known ? open_locked(self->path, O_RDONLY) : fd;
}

void mwd_durable_file_load(struct mwd_durable_file *self, const struct mwd_durable_options *options)
{
    struct mwd_buffer bytes;
    int r;

    self->fd = open_for_reading(self);
    if (self->fd < 0) {
        if (self->fd != -ENOENT)
            complain(self, options, self->fd);
        forget(self);
        return;
    }
    mwd_buffer_init(&bytes, MWD_DURABLE_FILE_MAX + (1 << 17));
    r = read_all(self->fd, &bytes);
    if (r == 0) {
        take(self, options, &bytes);
    } else if (r == -EFBIG) {
        put_aside(self, options, "is larger than any state");
    } else {
        complain(self, options, r);
        forget(self);
    }
    if (self->known)
        close_fd(self); /* each write tries to open it */
    mwd_buffer_deinit(&bytes);
}

/* ---- writing ---- */

static int write_at(int fd, const char *bytes, size_t size, off_t at)
{
    while (size > 0) {
        ssize_t written = pwrite(fd, bytes, size, at);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes += written;
        size -= (size_t)written;
        at += written;
    }
    return 0;
}

/* Only a file of our own making, or one that was read, is appended to. */
static int open_for_append(struct mwd_durable_file *self)
{
    int fd = open_locked(self->path, self->known ? O_RDWR : O_RDWR | O_CREAT | O_EXCL);

    if (fd < 0)
        return fd;
    self->fd = fd;
    if (self->known)
        return 0;
    self->whole = 0;
    return sync_folder(self);
}

static int append(struct mwd_durable_file *self, const struct mwd_buffer *bytes)
{
    int r = write_at(self->fd, bytes->bytes, bytes->size, self->whole);

    if (r == 0 && fdatasync(self->fd) < 0)
        r = -errno;
    if (r == 0)
        self->whole += (off_t)bytes->size;
    else if (ftruncate(self->fd, self->whole) < 0)
        return r; /* then the next start cuts it */
    return r;
}

int mwd_durable_file_append(struct mwd_durable_file *self, const struct mwd_buffer *bytes)
{
    struct mwd_buffer with_head;
    int r = self->fd < 0 ? open_for_append(self) : 0;

    if (r < 0 || self->whole > 0)
        return r < 0 ? r : append(self, bytes);
    mwd_buffer_init(&with_head, SIZE_MAX);
    mwd_durable_put_head(&with_head, MWD_DURABLE_VERSION);
    mwd_buffer_append(&with_head, bytes->bytes, bytes->size);
    r = with_head.failed ? with_head.failed : append(self, &with_head);
    mwd_buffer_deinit(&with_head);
    return r;
}

static int write_new(int fd, const struct mwd_buffer *bytes, off_t *ret_size)
{
    struct mwd_buffer head;
    int r;

    mwd_buffer_init(&head, 64);
    mwd_durable_put_head(&head, MWD_DURABLE_VERSION);
    r = head.failed ? head.failed : write_at(fd, head.bytes, head.size, 0);
    if (r == 0)
        r = write_at(fd, bytes->bytes, bytes->size, (off_t)head.size);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    *ret_size = (off_t)(head.size + bytes->size);
    mwd_buffer_deinit(&head);
    return r;
}

/* A path that is there and was not taken as ours, is not replaced. */
static int may_replace(const struct mwd_durable_file *self)
{
    return self->fd < 0 && !self->known && access(self->path, F_OK) == 0 ? -EEXIST : 0;
}

int mwd_durable_file_replace(struct mwd_durable_file *self, const struct mwd_buffer *bytes)
{
    int r = may_replace(self), fd;
    off_t size;

    if (r < 0)
        return r;
    fd = open_locked(self->new_path, O_RDWR | O_CREAT | O_TRUNC);
    if (fd < 0)
        return fd;
    r = write_new(fd, bytes, &size);
    if (r == 0 && rename(self->new_path, self->path) < 0)
        r = -errno;
    if (r < 0) {
        unlink(self->new_path);
        close(fd);
        return r;
    }
    close_fd(self);
    self->fd = fd;
    self->whole = size;
    return sync_folder(self);
}
