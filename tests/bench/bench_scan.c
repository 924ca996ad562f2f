/* bench_scan [--spawn N] [--keep N] [--gap MS] [--reps N] [--status S]: what one beat of the
 * collector over all processes costs beside the least that it could cost.
 *
 * In one process, in turns and each after the same sleep (so that both find the caches cold): the
 * bare loop, which lists /proc and preads a kept statm of each process, and
 * mw_collector_read_processes(). Prints the median CPU time of both in microseconds a process, the
 * part of the collector's that is spent in user space, and their ratio. The machine's other
 * processes are in the figures too, so it means most in a pid namespace of its own:
 *
 *     unshare --pid --fork --mount-proc bench_scan --spawn 1000
 */
#include "collect/collect.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES_MAX = 32768, LISTING = 65536, REPS_MAX = 101, TYPE_AT = 16, NAME_AT = 19 };

struct options {
    unsigned long spawn, keep, gap_ms, reps, status_s;
};

struct bare {
    int directory;
    int count;
    int fds[PROCESSES_MAX];
    _Alignas(8) char listing[LISTING];
    uint64_t sum; /* so that no read can be left out */
};

static void bare_list(struct bare *self, void (*each)(struct bare *, const char *))
{
    long size;

    lseek(self->directory, 0, SEEK_SET);
    while ((size = syscall(SYS_getdents64, self->directory, self->listing, LISTING)) > 0) {
        for (long at = 0; at < size;) {
            const char *name = self->listing + at + NAME_AT;
            uint16_t length;

            memcpy(&length, self->listing + at + TYPE_AT, sizeof(length));
            at += length;
            if (*name >= '1' && *name <= '9') {
                self->sum += strtoul(name, NULL, 10);
                if (each != NULL)
                    each(self, name);
            }
        }
    }
}

static void bare_keep(struct bare *self, const char *name)
{
    char path[300];
    int fd;

    snprintf(path, sizeof(path), "%s/statm", name);
    fd = self->count < PROCESSES_MAX ? openat(self->directory, path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0)
        self->fds[self->count++] = fd;
}

static void bare_pass(struct bare *self)
{
    char text[256];

    bare_list(self, NULL);
    for (int i = 0; i < self->count; i++) {
        ssize_t size = pread(self->fds[i], text, sizeof(text) - 1, 0);
        char *resident = text;

        if (size > 0) {
            text[size] = '\0';
            strtoul(text, &resident, 10);
            self->sum += strtoul(resident, NULL, 10);
        }
    }
}

static double now_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double user_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    return (double)usage.ru_utime.tv_sec * 1e6 + (double)usage.ru_utime.tv_usec;
}

static void pause_ms(unsigned long ms)
{
    struct timespec gap = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    nanosleep(&gap, NULL);
}

static void collector_pass(struct mw_collector *collector, uint32_t *ret_live)
{
    struct mw_block *block;
    int error = mw_collector_read_processes(collector, &block);

    if (error < 0) {
        fprintf(stderr, "bench_scan: reading processes: %s\n", strerror(-error));
        exit(1);
    }
    *ret_live = mw_block_head(block)->live;
    mw_block_unref(block);
}

/* The collector's time: one gap a pass, although here two go by, so that its slow round has in each
 * pass what it has in a daemon's. */
static uint64_t paced_ns(void *context)
{
    return *(uint64_t *)context;
}

static int64_t paced_ms(void *context)
{
    return (int64_t)(*(uint64_t *)context / MW_NS_PER_MS);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, unsigned long count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

static void measure(const struct options *options, struct mw_collector *collector,
                    struct bare *bare, uint64_t *time_ns)
{
    double bares[REPS_MAX], ours[REPS_MAX], ratios[REPS_MAX];
    double user = 0;
    uint32_t live = 0;

    for (unsigned long i = 0; i < options->reps; i++) {
        double begin, user_begin;

        pause_ms(options->gap_ms);
        begin = now_us(CLOCK_THREAD_CPUTIME_ID);
        bare_pass(bare);
        bares[i] = (now_us(CLOCK_THREAD_CPUTIME_ID) - begin) / bare->count;
        pause_ms(options->gap_ms);
        *time_ns += options->gap_ms * MW_NS_PER_MS;
        user_begin = user_us();
        begin = now_us(CLOCK_THREAD_CPUTIME_ID);
        collector_pass(collector, &live);
        ours[i] = (now_us(CLOCK_THREAD_CPUTIME_ID) - begin) / live;
        user += (user_us() - user_begin) / live;
        ratios[i] = ours[i] / bares[i];
    }
    printf("processes %u  keep %lu  gap %lu ms  reps %lu\n", live, options->keep, options->gap_ms,
           options->reps);
    printf("bare loop  %.3f us a process\n", median(bares, options->reps));
    printf("collector  %.3f us a process (user %.3f)\n", median(ours, options->reps),
           user / (double)options->reps);
    printf("ratio      %.3f (of the medians %.3f)\n", median(ratios, options->reps),
           median(ours, options->reps) / median(bares, options->reps));
}

static void spawn(unsigned long count)
{
    pid_t parent = getpid();

    for (unsigned long i = 0; i < count; i++) {
        pid_t pid = fork();

        if (pid < 0) {
            perror("bench_scan: fork");
            exit(1);
        }
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            while (getppid() == parent)
                pause();
            _exit(0);
        }
    }
    pause_ms(300);
}

static unsigned long *option_of(struct options *self, const char *name)
{
    struct {
        const char *name;
        unsigned long *value;
    } known[] = {{"--spawn", &self->spawn},
                 {"--keep", &self->keep},
                 {"--gap", &self->gap_ms},
                 {"--reps", &self->reps},
                 {"--status", &self->status_s}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].value;
    fprintf(stderr,
            "usage: bench_scan [--spawn N] [--keep N] [--gap MS] [--reps N] [--status S]\n");
    exit(2);
}

int main(int argc, char **argv)
{
    static struct bare bare;
    struct options options = {.keep = 2000, .gap_ms = 1000, .reps = 7, .status_s = 60};
    uint64_t time_ns = MW_NS_PER_S;
    const struct mw_clock clock = {paced_ns, paced_ms, &time_ns};
    struct mw_collect_options collect = {.proc_root = "/proc", .clock = &clock};
    struct mw_collector *collector;
    struct rlimit limit;
    uint32_t live;

    for (int i = 1; i < argc; i += 2)
        *option_of(&options, argv[i]) = i + 1 < argc ? strtoul(argv[i + 1], NULL, 10) : 0;
    options.reps = options.reps < 1 || options.reps > REPS_MAX ? 7 : options.reps;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    spawn(options.spawn);
    collect.keep_fds = (uint32_t)options.keep;
    collect.status_interval_s = (uint32_t)options.status_s;
    if (mw_collector_create(&collect, &collector) < 0) {
        fprintf(stderr, "bench_scan: cannot read /proc\n");
        return 1;
    }
    bare.directory = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bare_list(&bare, bare_keep);
    collector_pass(collector, &live);
    collector_pass(collector, &live);
    measure(&options, collector, &bare, &time_ns);
    mw_collector_destroy(collector);
    return 0;
}
