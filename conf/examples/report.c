/* Reports numbers to memwatchd, a line for each. It is a datagram on a local socket: no connection, no
 * answer, and nothing that can hold the program up.
 *
 *     cc -o report report.c
 *     ./report queue.orders.length:42'|'g queue.orders.capacity:200'|'g
 *
 * Copy report_open() and report() into a program of your own. MEMWATCHD_PUSH names another socket. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Hand the descriptor to close(). -1: the daemon does not run; try again now and then. */
static int report_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* False: the daemon is behind (EAGAIN) or has gone; the next report says it all again. */
static bool report(int fd, const char *line)
{
    return send(fd, line, strlen(line), MSG_NOSIGNAL) >= 0;
}

int main(int argc, char **argv)
{
    const char *path = getenv("MEMWATCHD_PUSH");
    int fd = report_open(path ? path : "/run/memwatchd/push.sock");
    int failed = fd < 0;

    for (int i = 1; i < argc && fd >= 0; i++)
        failed |= !report(fd, argv[i]);
    if (failed)
        perror("report");
    if (fd >= 0)
        close(fd);
    return failed;
}
