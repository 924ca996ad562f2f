/* What this program itself costs: its memory, its CPU time, and how well it keeps its pace. */
#include "collect/system_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STATM_MAX = 256 };

static void put_count(struct mw_block *block, enum mw_reading reading, uint64_t value)
{
    mw_block_put(block, reading, 0, (union mw_value){.u = value});
}

/* The real /proc, whatever proc_root is: this is about the program that runs, not about the
 * machine that it looks at. */
static int read_statm(struct mw_system_reader *self, struct mw_statm *ret)
{
    char bytes[STATM_MAX];
    size_t size = 0;

    if (self->statm_fd < 0)
        self->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (self->statm_fd < 0)
        return -errno;
    int error = mw_text_read_record(self->statm_fd, bytes, sizeof(bytes), &size);
    if (error) {
        close(self->statm_fd);
        self->statm_fd = -1;
        return error;
    }
    return mw_parse_statm(bytes, size, ret);
}

static void put_rss(struct mw_collector *self, struct mw_block *block)
{
    struct mw_statm statm = {0};
    int error = read_statm(self->system_reader, &statm);

    if (!error) {
        put_count(block, MW_DAEMON_RSS, statm.resident_pages * (uint64_t)sysconf(_SC_PAGESIZE));
        return;
    }
    mw_collect_fault(self, "/proc/self/statm", mw_system_reason(error), error, 0);
    mw_block_put_absent(block, MW_DAEMON_RSS, 0, mw_system_absence(error));
}

static uint64_t time_us(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

static void put_cpu(struct mw_block *block)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage))
        mw_block_put_absent(block, MW_DAEMON_CPU, 0, mw_system_absence(-errno));
    else
        put_count(block, MW_DAEMON_CPU, time_us(&usage.ru_utime) + time_us(&usage.ru_stime));
}

/* Before the first sample there is no cost to tell. */
static void put_cost(struct mw_collect_cost *cost, struct mw_block *block)
{
    if (cost->wall_ns == 0 && cost->cpu_ns == 0) {
        mw_block_put_absent(block, MW_DAEMON_SAMPLE_COST, 0, MW_ABSENT_STALE);
        mw_block_put_absent(block, MW_DAEMON_SAMPLE_WALL, 0, MW_ABSENT_STALE);
        return;
    }
    put_count(block, MW_DAEMON_SAMPLE_COST, cost->cpu_ns / MW_NS_PER_US);
    put_count(block, MW_DAEMON_SAMPLE_WALL, cost->wall_ns / MW_NS_PER_US);
}

static void put_pace(const struct mw_pace *pace, struct mw_block *block)
{
    if (pace == NULL)
        return;
    put_count(block, MW_DAEMON_LATENESS, pace->late_ns / MW_NS_PER_US);
    put_count(block, MW_DAEMON_SAMPLES_LATE, pace->late_samples);
    put_count(block, MW_DAEMON_SAMPLES_MISSED, pace->missed_samples);
}

int mw_collector_read_self(struct mw_collector *self, const struct mw_pace *pace,
                           struct mw_block **ret)
{
    struct mw_collect_cost cost = self->cost;
    struct mw_collect_work work;
    int error = mw_collect_begin(self, &self->self, NULL, 1, &work);

    if (error)
        return error;
    mw_block_set_key(work.block, 0, (struct mw_block_key){.id = 1});
    put_rss(self, work.block);
    put_cpu(work.block);
    put_cost(&cost, work.block);
    put_pace(pace, work.block);
    put_count(work.block, MW_DAEMON_KEPT_FDS, mw_process_reader_kept(self->process_reader));
    put_count(work.block, MW_DAEMON_FAULTS, self->faults.total);
    error = mw_collect_end(self, &work, ret);
    if (!error)
        self->cost = (struct mw_collect_cost){0}; /* this block's own cost left out */
    return error;
}
