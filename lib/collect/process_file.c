#include "collect/process_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Under another root a pipe may lie where a file should, and opening it would wait for a writer. */
enum { FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK };
enum { PATH_SIZE = 32, PID_DIGITS = 10, PREFIX = sizeof("/proc/PID") - 1 };

static const char *const names[] = {
    [MW_PROCESS_FILE_STATM] = "/proc/PID/statm",
    [MW_PROCESS_FILE_STAT] = "/proc/PID/stat",
    [MW_PROCESS_FILE_STATUS] = "/proc/PID/status",
    [MW_PROCESS_FILE_CGROUP] = "/proc/PID/cgroup",
};

/* ---- errors ---- */

bool mw_process_is_gone(int error)
{
    return error == -ENOENT || error == -ESRCH;
}

static bool is_denied(int error)
{
    return error == -EACCES || error == -EPERM;
}

enum mw_absence mw_process_absence(int error)
{
    if (is_denied(error))
        return MW_ABSENT_DENIED;
    if (error == -EOPNOTSUPP)
        return MW_ABSENT_UNSUPPORTED;
    return mw_process_is_gone(error) ? MW_ABSENT_VANISHED : MW_ABSENT_STALE;
}

static const char *reason_of(int error)
{
    switch (error) {
    case -ENODATA:
        return "it is cut short";
    case -EINVAL:
        return "a field is not what it should be";
    case -ERANGE:
        return "a number is too large";
    case -EFBIG:
        return "it is longer than this program reads";
    case -EOPNOTSUPP:
        return "it is missing";
    default:
        return "it cannot be read";
    }
}

void mw_process_fault(struct mw_process_reader *self, enum mw_process_file file, int error,
                      uint32_t pid)
{
    if (error < 0 && !is_denied(error) && !mw_process_is_gone(error))
        mw_collect_fault(self->collector, names[file], reason_of(error), error, pid);
}

/* ---- reading ---- */

/* By hand: this is a fourth of what a process costs that is not kept open. */
static const char *path_of(char path[static PATH_SIZE], uint32_t pid, enum mw_process_file file)
{
    char *at = path + PID_DIGITS;

    memcpy(at, names[file] + PREFIX, strlen(names[file] + PREFIX) + 1);
    do {
        *--at = (char)('0' + pid % 10);
        pid /= 10;
    } while (pid > 0);
    return at;
}

int mw_process_open(struct mw_process_reader *self, uint32_t pid, enum mw_process_file file)
{
    const int directory =
        file == MW_PROCESS_FILE_STATM ? self->collector->root_fd : mw_process_view_directory(self);
    char path[PATH_SIZE];
    const char *at = path_of(path, pid, file);
    int fd = openat(directory, at, FLAGS);

    if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
        int error = -errno;

        if (!mw_process_shed(self, error))
            return error;
        fd = openat(directory, at, FLAGS);
    }
    return fd >= 0 ? fd : -errno;
}

/* The files of a process are one record each, which the kernel hands out whole when there is room
 * for it. So one read is enough; one more, to see the end, would be a fifth of the cost. */
static int read_once(int fd, char *buffer, size_t capacity, size_t *ret_size)
{
    ssize_t size = pread(fd, buffer, capacity, 0);

    if (size < 0)
        return -errno;
    *ret_size = (size_t)size;
    return *ret_size < capacity ? 0 : -EFBIG;
}

static int read_file(struct mw_process_reader *self, uint32_t pid, enum mw_process_file file,
                     size_t *ret_size)
{
    int fd = mw_process_open(self, pid, file);
    int error;

    if (fd < 0)
        return fd;
    error = read_once(fd, self->buffer, sizeof(self->buffer), ret_size);
    close(fd);
    return error;
}

/* "No such file" of a process that is still there: this kernel does not have the file. */
static bool is_missing(struct mw_process_reader *self, uint32_t pid, int error)
{
    char path[PATH_SIZE];

    return error == -ENOENT && faccessat(self->collector->root_fd,
                                         path_of(path, pid, MW_PROCESS_FILE_STATM), F_OK, 0) == 0;
}

/* ---- the files ---- */

/* 8 bytes a step, the last ones filled up with 0. The multiplier is 2^64 by the golden ratio. */
static uint64_t hash_bytes(const char *bytes, size_t size)
{
    uint64_t hash = size;

    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        size_t left = size - at;

        memcpy(&word, bytes + at, left < sizeof(word) ? left : sizeof(word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    return hash != 0 ? hash : 1;
}

int mw_process_read_statm(int fd, struct mw_process_statm *ret)
{
    int error = read_once(fd, ret->bytes, sizeof(ret->bytes), &ret->size);

    if (error == 0)
        ret->hash = hash_bytes(ret->bytes, ret->size);
    return error;
}

int mw_process_read_stat(struct mw_process_reader *self, uint32_t pid, struct mw_stat *ret)
{
    size_t size = 0;
    int error = read_file(self, pid, MW_PROCESS_FILE_STAT, &size);

    if (error == 0)
        error = mw_parse_stat(self->buffer, size, ret);
    else if (is_missing(self, pid, error))
        error = -EOPNOTSUPP;
    mw_process_fault(self, MW_PROCESS_FILE_STAT, error, pid);
    return error;
}

int mw_process_read_status(struct mw_process_reader *self, uint32_t pid, struct mw_status *ret)
{
    size_t size = 0;
    int error = read_file(self, pid, MW_PROCESS_FILE_STATUS, &size);

    *ret = (struct mw_status){0};
    if (error == 0)
        error = mw_parse_status(self->buffer, size, ret);
    else if (is_missing(self, pid, error))
        error = 0;
    mw_process_fault(self, MW_PROCESS_FILE_STATUS, error, pid);
    return error;
}

static int read_cgroup(struct mw_process_reader *self, uint32_t pid, struct mw_process_text *ret)
{
    size_t size = 0;
    bool v1;
    int error = read_file(self, pid, MW_PROCESS_FILE_CGROUP, &size);

    if (error < 0) {
        ret->absence = MW_ABSENT_UNSUPPORTED;
        return is_missing(self, pid, error) ? 0 : error;
    }
    error = mw_parse_cgroup(self->buffer, size, &ret->bytes, &ret->size, &v1);
    if (error == -ENODATA && (size == 0 || self->buffer[size - 1] == '\n')) {
        ret->absence = MW_ABSENT_UNSUPPORTED; /* whole, but no hierarchy in it accounts memory */
        error = 0;
    }
    return error;
}

struct mw_process_text mw_process_read_cgroup(struct mw_process_reader *self, uint32_t pid)
{
    struct mw_process_text text = {NULL, 0, MW_PRESENT};
    int error = read_cgroup(self, pid, &text);

    if (error < 0) {
        text.absence = mw_process_absence(error);
        mw_process_fault(self, MW_PROCESS_FILE_CGROUP, error, pid);
    }
    return text;
}
