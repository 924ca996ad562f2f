#include "daemon/deliver/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a file that is replaced while it is read, one or the other is read, since both are opened. */
static ssize_t read_all(int fd, char *bytes, size_t room)
{
    struct stat status;
    size_t size = 0;

    if (fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EINVAL;
    while (size < room) {
        ssize_t got = read(fd, bytes + size, room - size);

        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            break;
        size += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)size;
}

static int check(char *token, size_t size)
{
    size_t length = 0;

    while (length < size && token[length] != '\n' && token[length] != '\r')
        length++;
    for (size_t i = 0; i < length; i++)
        if (token[i] <= 0x20 || token[i] >= 0x7f)
            return -EINVAL;
    token[length] = '\0';
    return length == 0 ? -EINVAL : 0;
}

int deliver_token_read(const char *path, char ret[DELIVER_TOKEN_MAX + 1])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return -errno;
    ssize_t size = read_all(fd, ret, DELIVER_TOKEN_MAX + 1);
    close(fd);
    if (size < 0)
        return (int)size;
    return size > DELIVER_TOKEN_MAX ? -EFBIG : check(ret, (size_t)size);
}
