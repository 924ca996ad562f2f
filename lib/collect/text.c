#include "collect/system_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int grow(struct mw_text *self)
{
    size_t capacity = self->capacity ? self->capacity * 2 : MW_TEXT_START;

    if (capacity > MW_TEXT_MAX)
        return -EFBIG;
    char *bytes = malloc(capacity); /* the old content is read anew: nothing to copy */
    if (!bytes)
        return -ENOMEM;
    free(self->bytes);
    self->bytes = bytes;
    self->capacity = capacity;
    return 0;
}

int mw_text_read_record(int fd, char *buffer, size_t capacity, size_t *ret_size)
{
    ssize_t got;

    do {
        got = pread(fd, buffer, capacity, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    *ret_size = (size_t)got;
    return *ret_size < capacity ? 0 : -EFBIG;
}

int mw_text_read_file(struct mw_text *self, int dirfd, const char *path, struct mw_scan *ret)
{
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int error;

    if (fd < 0)
        return -errno;
    error = mw_text_read_kept(self, fd, MW_TEXT_LINES, ret);
    close(fd);
    return error;
}

int mw_text_read_kept(struct mw_text *self, int fd, enum mw_text_kind kind, struct mw_scan *ret)
{
    size_t size = 0;
    int error = self->bytes != NULL ? 0 : grow(self);

    while (!error) {
        error = kind == MW_TEXT_ONE_RECORD
                    ? mw_text_read_record(fd, self->bytes, self->capacity, &size)
                    : mw_collect_read_kept(fd, self->bytes, self->capacity, &size);
        if (error != -EFBIG)
            break;
        error = grow(self);
    }
    if (!error)
        *ret = mw_scan_over(self->bytes, size);
    return error;
}

void mw_text_free(struct mw_text *self)
{
    free(self->bytes);
    *self = (struct mw_text){0};
}
