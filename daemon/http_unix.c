#include "daemon/http_internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reading is for all local users, as it is over loopback; what may be administrated rests on the
 * peer's credentials, not on the file. */
enum { SOCKET_MODE = 0666 };

static int complain(struct mwd_buffer *error, const char *path, int r)
{
    mwd_buffer_printf(error, "socket: %s: %s", path, strerror(-r));
    return r;
}

/* Whether somebody answers there. */
static bool is_alive(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool alive;

    if (fd < 0)
        return true;
    alive = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
            errno != ECONNREFUSED;
    close(fd);
    return alive;
}

/* A file that a daemon which was killed has left behind would stop the next one from starting. */
static int clear_path(const struct sockaddr_un *address, struct mwd_buffer *error)
{
    const char *path = address->sun_path;
    struct stat stat;

    if (lstat(path, &stat) < 0)
        return errno == ENOENT ? 0 : complain(error, path, -errno);
    if (!S_ISSOCK(stat.st_mode)) {
        mwd_buffer_printf(error, "socket: %s is there already and is not a socket", path);
        return -EEXIST;
    }
    if (is_alive(address)) {
        mwd_buffer_printf(error,
                          "socket: %s is in use: another program answers on it; stop that one or "
                          "choose another path",
                          path);
        return -EADDRINUSE;
    }
    if (unlink(path) < 0 && errno != ENOENT)
        return complain(error, path, -errno);
    return 0;
}

static int set_address(const char *path, struct mwd_buffer *error, struct sockaddr_un *ret)
{
    size_t size = strlen(path) + 1;

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (size > sizeof ret->sun_path) {
        mwd_buffer_printf(error, "socket: %s is too long a path, %zu bytes are the most", path,
                          sizeof ret->sun_path - 1);
        return -ENAMETOOLONG;
    }
    memcpy(ret->sun_path, path, size);
    return 0;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address)
{
    mode_t before = umask(0777 & ~SOCKET_MODE);
    int r = bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : 0;

    umask(before);
    if (r < 0)
        return r;
    if (listen(fd, SOMAXCONN) < 0)
        r = -errno;
    if (r < 0)
        unlink(address->sun_path);
    return r;
}

static int open_socket(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return -errno;
    r = bind_and_listen(fd, address);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

int mwd_http_unix_open(const char *path, struct mwd_buffer *error, struct mwd_http_listener **ret)
{
    struct sockaddr_un address;
    struct stat stat;
    int fd;
    int r = set_address(path, error, &address);

    if (r == 0)
        r = clear_path(&address, error);
    if (r < 0)
        return r;
    fd = open_socket(&address);
    if (fd < 0)
        return complain(error, path, fd);
    r = mwd_http_listener_create(fd, path, ret);
    if (r == 0 && lstat(path, &stat) == 0) {
        (*ret)->device = stat.st_dev;
        (*ret)->inode = stat.st_ino;
    }
    return r < 0 ? complain(error, path, r) : 0;
}

bool mwd_http_unix_is_ours(const struct mwd_http_listener *self)
{
    struct stat stat;

    return self->inode && lstat(self->wanted, &stat) == 0 && stat.st_dev == self->device &&
           stat.st_ino == self->inode;
}
