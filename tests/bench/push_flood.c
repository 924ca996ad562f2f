/* push_flood SOCKET RATE SECONDS: sends datagrams of one line, at this rate, to a socket of
 * datagrams, and prints how many it sent, how many times it had to wait because the other side was
 * behind, and its own CPU time. A rate of 0 is as fast as it goes. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { TICK_NS = 1000000, NAMES = 100 };

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

/* Returns how many times it had to wait. */
static unsigned long send_one(int fd, unsigned long number)
{
    char line[64];
    int size = snprintf(line, sizeof line, "queue.flood%lu.enqueued:1|c", number % NAMES);
    unsigned long waits = 0;

    while (send(fd, line, (size_t)size, 0) < 0) {
        struct pollfd writable = {.fd = fd, .events = POLLOUT};

        if (errno != EAGAIN && errno != EINTR) {
            perror("send");
            exit(1);
        }
        waits++;
        poll(&writable, 1, 1000);
    }
    return waits;
}

int main(int argc, char **argv)
{
    double rate, seconds, start;
    unsigned long sent = 0, waits = 0;
    struct rusage own;
    int fd;

    if (argc != 4)
        return 2;
    fd = open_socket(argv[1]);
    rate = atof(argv[2]);
    seconds = atof(argv[3]);
    start = now_s();
    for (double passed = 0; passed < seconds; passed = now_s() - start) {
        unsigned long due = rate > 0 ? (unsigned long)(rate * passed) : sent + NAMES;

        while (sent < due)
            waits += send_one(fd, sent++);
        if (rate > 0)
            nanosleep(&(struct timespec){0, TICK_NS}, NULL);
    }
    getrusage(RUSAGE_SELF, &own);
    printf("%lu %lu %.3f %.3f\n", sent, waits, now_s() - start,
           (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
               (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6);
    close(fd);
    return 0;
}
