/* Files: the one that was asked for, and the drop-ins beside it. */
#include "daemon/config_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 1 << 20, DROPINS_MAX = 256 };

static struct mwd_buffer *fail(struct mwd_config_loader *self, const char *path, uint32_t line)
{
    struct mwd_config_place place = {path, line, NULL};

    return mwd_config_errors_add(&self->errors, &place);
}

static int fail_with(struct mwd_config_loader *self, const char *path, const char *sentence)
{
    struct mwd_buffer *error = fail(self, path, 0);

    if (error)
        mwd_buffer_puts(error, sentence);
    return 0;
}

/* ---- one file ---- */

/* Never waits: a FIFO without a writer would stop a reload for ever. */
static int open_file(const char *path, struct stat *ret_status)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return -errno;
    if (fstat(fd, ret_status) < 0) {
        int r = -errno;

        close(fd);
        return r;
    }
    return fd;
}

/* One byte more than a file may have is asked for, so that a file that grows is found out too.
 * Errors   -EFBIG, -ENOMEM, those of read(). */
static int read_all(int fd, struct mwd_buffer *ret)
{
    ssize_t size = 1;

    while (size != 0) {
        size_t left = FILE_SIZE_MAX + 1 - ret->size;
        size_t room = left < 4096 ? left : 4096;
        char *at = mwd_buffer_reserve(ret, room);

        if (!at)
            return ret->failed;
        size = read(fd, at, room);
        if (size < 0 && errno != EINTR)
            return -errno;
        if (size > 0)
            mwd_buffer_commit(ret, (size_t)size);
        if (ret->size > FILE_SIZE_MAX)
            return -EFBIG;
    }
    return 0;
}

static bool has_nul(struct mwd_config_loader *self, const char *path, const struct mwd_buffer *text)
{
    const char *nul = text->size ? memchr(text->bytes, '\0', text->size) : NULL;
    struct mwd_buffer *error;
    uint32_t line = 1;

    if (!nul)
        return false;
    for (const char *at = text->bytes; at < nul; at++)
        line += *at == '\n';
    error = fail(self, path, line);
    if (error)
        mwd_buffer_puts(error, "a NUL byte: this is not a text file");
    return true;
}

/* Some editors begin a file with this mark; it says nothing. */
static void drop_byte_order_mark(struct mwd_buffer *text)
{
    if (text->size >= 3 && memcmp(text->bytes, "\xef\xbb\xbf", 3) == 0)
        memset(text->bytes, ' ', 3);
}

static int read_open_file(struct mwd_config_loader *self, const char *path, int fd,
                          struct mwd_buffer *ret)
{
    int r = read_all(fd, ret);

    if (r == -ENOMEM)
        return r;
    if (r < 0) {
        fail_with(self, path,
                  r == -EFBIG ? "is over 1 MiB, which no configuration needs" : strerror(-r));
        return 1;
    }
    if (has_nul(self, path, ret))
        return 1;
    drop_byte_order_mark(ret);
    mwd_buffer_append(ret, "", 1);
    return ret->failed;
}

/* /dev/null is taken too: it is the usual way to say "no file at all". */
int mwd_config_read_file(struct mwd_config_loader *self, const char *path, bool optional,
                         struct mwd_buffer *ret)
{
    struct stat status = {0};
    int fd = open_file(path, &status);
    int r = 1;

    mwd_buffer_init(ret, FILE_SIZE_MAX + 8192);
    mwd_config_errors_next_source(&self->errors);
    if (fd == -ENOENT && optional)
        return 1;
    if (fd < 0) {
        fail_with(self, path, strerror(-fd));
        return 1;
    }
    if (S_ISDIR(status.st_mode))
        fail_with(self, path, "is a directory and not a file");
    else if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
        fail_with(self, path, "is not a regular file");
    else
        r = read_open_file(self, path, fd, ret);
    close(fd);
    return r;
}

int mwd_config_load_file(struct mwd_config_loader *self, const char *path, bool optional)
{
    struct mwd_buffer text;
    int r = mwd_config_read_file(self, path, optional, &text);

    if (r == 0)
        r = mwd_config_load_text(self, path, text.bytes);
    mwd_buffer_deinit(&text);
    return r < 0 ? r : 0;
}

/* ---- drop-ins ---- */

struct names {
    char *paths[DROPINS_MAX];
    uint32_t count;
};

static void names_deinit(struct names *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        free(self->paths[i]);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* By its name alone: a broken link or a folder of such a name is a mistake that must be seen, and
 * loading it says which. */
static bool is_dropin(const char *name)
{
    size_t size = strlen(name);

    return name[0] != '.' && size > 5 && strcmp(name + size - 5, ".conf") == 0;
}

/* Errors   -ENOMEM, -E2BIG more than DROPINS_MAX, those of readdir(). */
static int list(DIR *folder, const char *path, struct names *ret)
{
    const struct dirent *entry;

    for (errno = 0; (entry = readdir(folder)); errno = 0) {
        if (!is_dropin(entry->d_name))
            continue;
        if (ret->count == DROPINS_MAX)
            return -E2BIG;
        if (asprintf(&ret->paths[ret->count], "%s/%s", path, entry->d_name) < 0)
            return -ENOMEM;
        ret->count++;
    }
    return -errno;
}

static int load_names(struct mwd_config_loader *self, struct names *names)
{
    int r = 0;

    qsort(names->paths, names->count, sizeof *names->paths, by_name);
    for (uint32_t i = 0; i < names->count && r == 0; i++)
        r = mwd_config_load_file(self, names->paths[i], false);
    return r;
}

static int load_folder(struct mwd_config_loader *self, const char *path)
{
    struct names names = {.count = 0};
    DIR *folder = opendir(path);
    int r;

    mwd_config_errors_next_source(&self->errors);
    if (!folder)
        return errno == ENOENT ? 0 : fail_with(self, path, strerror(errno));
    r = list(folder, path, &names);
    if (r == -E2BIG)
        r = fail_with(self, path, "has more than 256 files");
    else if (r < 0 && r != -ENOMEM)
        r = fail_with(self, path, strerror(-r));
    else if (r == 0)
        r = load_names(self, &names);
    names_deinit(&names);
    closedir(folder);
    return r;
}

int mwd_config_load_dropins(struct mwd_config_loader *self, const char *path)
{
    const char *slash = strrchr(path, '/');
    int size = slash ? (int)(slash - path) + 1 : 0;
    char *folder;
    int r;

    if (asprintf(&folder, "%.*smemwatchd.d", size, path) < 0)
        return -ENOMEM;
    r = load_folder(self, folder);
    free(folder);
    return r;
}
