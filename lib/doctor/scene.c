#include "doctor/doctor_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ---- */

int mw_doctor_open(const struct mw_doctor_scene *self, const char *path, int flags)
{
    if (self->root_fd < 0)
        return self->root_fd;
    int fd =
        openat(self->root_fd, path + strspn(path, "/"), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return fd < 0 ? -errno : fd;
}

int mw_doctor_open_of(const struct mw_doctor_scene *self, pid_t pid, const char *name, int flags)
{
    char path[64];

    snprintf(path, sizeof path, "proc/%d/%s", (int)pid, name);
    return mw_doctor_open(self, path, flags);
}

/* Reads to the end or until the buffer is full. */
static int read_all(int fd, char *buffer, size_t *ret_size)
{
    size_t size = 0;

    while (size < MW_DOCTOR_FILE_MAX) {
        ssize_t got = read(fd, buffer + size, MW_DOCTOR_FILE_MAX - size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    *ret_size = size;
    return 0;
}

int mw_doctor_read(struct mw_doctor_scene *self, const char *path, struct mw_scan *ret)
{
    size_t size = 0;
    int fd = self->buffer ? mw_doctor_open(self, path, O_RDONLY) : -ENOMEM;

    if (fd < 0)
        return fd;
    int error = read_all(fd, self->buffer, &size);
    close(fd);
    if (error == 0)
        *ret = mw_scan_over(self->buffer, size);
    return error;
}

/* ---- who looks ---- */

/* "Uid:\t0\t0\t0\t0": the second one is in effect. */
static bool find_uid(struct mw_scan status, uint64_t *ret)
{
    struct mw_scan line;

    if (!mw_doctor_find_line(status, "Uid", &line) || !mw_scan_u64(&line, ret))
        return false;
    mw_scan_blanks(&line);
    return mw_scan_u64(&line, ret);
}

static void find_self(struct mw_doctor_scene *self)
{
    struct mw_scan status = {NULL, NULL};
    uint64_t number;

    self->pid = getpid();
    self->uid = geteuid();
    if (mw_doctor_read(self, "proc/self/status", &status) < 0)
        return;
    if (mw_doctor_find_number(status, "Pid", &number))
        self->pid = (pid_t)number;
    if (find_uid(status, &number))
        self->uid = (uid_t)number;
    self->capabilities_known = mw_doctor_find_hex(status, "CapEff", &self->capabilities);
}

static void find_kernel(struct mw_doctor_scene *self)
{
    struct mw_scan text, line;

    if (mw_doctor_read(self, "proc/sys/kernel/osrelease", &text) < 0 || !mw_scan_line(&text, &line))
        return;
    size_t size = mw_scan_left(&line);
    size = size < sizeof self->kernel ? size : sizeof self->kernel - 1;
    memcpy(self->kernel, line.at, size);
    self->kernel_number = mw_doctor_kernel_number(self->kernel);
}

static void find_mounts(struct mw_doctor_scene *self)
{
    struct mw_scan text;

    self->mounts_error = mw_doctor_read(self, "proc/self/mountinfo", &text);
    if (self->mounts_error == 0)
        mw_doctor_mounts_parse(text, &self->mounts);
}

/* ---- the others ---- */

static pid_t pid_of(const char *name)
{
    struct mw_scan text = mw_scan_over(name, strlen(name));
    uint64_t pid;

    return mw_scan_u64(&text, &pid) && mw_scan_done(&text) && pid < 1 << 22 ? (pid_t)pid : 0;
}

/* Kernel threads and zombies have none: then statm is all zeros. One that may not be read stays in,
 * because that it may not be read is what is asked. */
static bool has_memory(const struct mw_doctor_scene *self, pid_t pid)
{
    char bytes[2] = "";
    int fd = mw_doctor_open_of(self, pid, "statm", O_RDONLY);

    if (fd < 0)
        return fd != -ENOENT;
    ssize_t got = read(fd, bytes, sizeof bytes);
    close(fd);
    return got < 2 || bytes[0] != '0' || bytes[1] != ' ';
}

/* The owner of its directory in proc. One that may not be dumped belongs to root there. */
static void take_process(struct mw_doctor_scene *self, int proc_fd, const char *name)
{
    struct stat status;
    pid_t pid = pid_of(name);

    if (pid == 0 || pid == self->pid || fstatat(proc_fd, name, &status, 0) < 0)
        return;
    if (status.st_uid != self->uid && has_memory(self, pid))
        self->others[self->other_count++] = pid;
}

static void find_others(struct mw_doctor_scene *self)
{
    int fd = mw_doctor_open(self, "proc", O_RDONLY | O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    self->proc_error = fd < 0 ? fd : dir ? 0 : -ENOMEM;
    if (!dir && fd >= 0)
        close(fd);
    if (!dir)
        return;
    self->sees_first = faccessat(fd, "1", F_OK, 0) == 0;
    for (int left = MW_DOCTOR_ENTRIES_MAX;
         left > 0 && self->other_count < MW_DOCTOR_OTHERS_MAX && (entry = readdir(dir)); left--)
        take_process(self, fd, entry->d_name);
    closedir(dir);
}

static bool is_gone(const struct mw_doctor_scene *self, pid_t pid)
{
    int fd = mw_doctor_open_of(self, pid, "", O_PATH);

    if (fd >= 0)
        close(fd);
    return fd == -ENOENT || fd == -ESRCH;
}

struct mw_doctor_tally mw_doctor_try_others(const struct mw_doctor_scene *self,
                                            mw_doctor_try try_one)
{
    struct mw_doctor_tally tally = {0, 0, 0};

    for (unsigned i = 0; i < self->other_count; i++) {
        int error = try_one(self, self->others[i]);

        if (error == -ESRCH || (error < 0 && is_gone(self, self->others[i])))
            continue;
        tally.tried++;
        tally.good += error == 0;
        if (tally.error == 0)
            tally.error = error;
    }
    return tally;
}

/* ---- the whole ---- */

bool mw_doctor_has(const struct mw_doctor_scene *self, unsigned capability)
{
    return self->capabilities_known && (self->capabilities >> capability & 1);
}

bool mw_doctor_older(const struct mw_doctor_scene *self, unsigned kernel_number)
{
    return self->kernel_number != 0 && self->kernel_number < kernel_number;
}

void mw_doctor_scene_init(const struct mw_doctor_options *options, struct mw_doctor_scene *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->options = *options;
    ret->here = strcmp(options->root, "/") == 0;
    ret->root_fd = open(options->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ret->root_fd < 0)
        ret->root_fd = -errno;
    ret->buffer = malloc(MW_DOCTOR_FILE_MAX);
    find_self(ret);
    find_kernel(ret);
    find_mounts(ret);
    find_others(ret);
}

void mw_doctor_scene_deinit(struct mw_doctor_scene *self)
{
    free(self->buffer);
    if (self->root_fd >= 0)
        close(self->root_fd);
}
