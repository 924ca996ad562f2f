/* bare_scan [MS]: the least that a monitor of every process's memory can do. It keeps a descriptor
 * of each /proc/PID/statm open, and every MS milliseconds (default 1000) lists /proc and reads one
 * number from each file. No names, no output, no births: what memwatchd's CPU time is held against.
 * Prints the number of processes, then runs until it is ended. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES_MAX = 32768, LISTING = 65536, FIRST_NAME = 19 };

struct bare {
    int directory;
    int count;
    int fds[PROCESSES_MAX];
    char listing[LISTING];
    uint64_t sum; /* so that no read can be left out */
};

/* Calls `each`, when given, with every numeric name of the directory. */
static void list(struct bare *self, void (*each)(struct bare *, const char *))
{
    long size;

    lseek(self->directory, 0, SEEK_SET);
    while ((size = syscall(SYS_getdents64, self->directory, self->listing, LISTING)) > 0)
        for (long at = 0; at < size;) {
            const char *name = self->listing + at + FIRST_NAME;
            uint16_t length = *(const uint16_t *)(const void *)(self->listing + at + 16);

            at += length;
            if (*name < '1' || *name > '9')
                continue;
            self->sum += strtoul(name, NULL, 10);
            if (each)
                each(self, name);
        }
}

static void keep(struct bare *self, const char *name)
{
    char path[300];

    snprintf(path, sizeof path, "%s/statm", name);
    int fd = self->count < PROCESSES_MAX ? openat(self->directory, path, O_RDONLY) : -1;
    if (fd >= 0)
        self->fds[self->count++] = fd;
}

static void pass(struct bare *self)
{
    char text[256];

    list(self, NULL);
    for (int i = 0; i < self->count; i++) {
        ssize_t size = pread(self->fds[i], text, sizeof text - 1, 0);

        if (size <= 0)
            continue;
        text[size] = '\0';
        char *resident = text;
        strtoul(resident, &resident, 10);
        self->sum += strtoul(resident, NULL, 10);
    }
}

int main(int argc, char **argv)
{
    static struct bare bare;
    long ms = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    bare.directory = open("/proc", O_RDONLY | O_DIRECTORY);
    if (bare.directory < 0 || ms <= 0)
        return 1;
    list(&bare, keep);
    printf("%d\n", bare.count);
    fflush(stdout);
    struct timespec gap = {ms / 1000, ms % 1000 * 1000000};
    for (;;) {
        nanosleep(&gap, NULL);
        pass(&bare);
    }
}
