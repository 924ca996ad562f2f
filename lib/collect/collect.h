/* collect: turns /proc into blocks. It reports; it never judges.
 *
 * One collector reads four sources: MW_SOURCE_SYSTEM (meminfo, vmstat, pressure, the cgroups
 * above this process), MW_SOURCE_PROCESS (every process), MW_SOURCE_SELF (this program's own cost),
 * MW_SOURCE_SERVICE (control groups that are named).
 * A source that is missing, truncated or not what it should be makes its readings absent with a
 * reason and is noted as a fault; everything else goes on.
 *
 * Threads  one object belongs to one thread; nothing here waits for another process.
 * Source   proc(5), the kernel's filesystems/proc.rst, accounting/psi.rst,
 * admin-guide/cgroup-v2.rst.
 */
#ifndef MW_COLLECT_H
#define MW_COLLECT_H
#include "base/clock.h"
#include "sample/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mw_collector;

struct mw_collect_options {
    const char *proc_root; /* "/proc"; when it ends in "/proc", mount points of cgroups are looked
                              for under what stands before, so "/host/proc" finds /host/sys */
    uint32_t keep_fds;     /* at most this many statm files are held open between samples */
    uint32_t status_interval_s; /* a process that does not change has its status read this often */
    const struct mw_clock *clock;
    bool watch; /* have the kernel tell of events, see mw_collector_event_fd() */
};

/* What went wrong with a source, said once for each (file, error). */
struct mw_fault {
    const char *file;   /* "/proc/meminfo", "/proc/PID/statm": a constant */
    const char *reason; /* "resident is not a number": a constant */
    int error;          /* negative errno */
    uint64_t pid;       /* the first process it was seen at, 0 when it is about none */
    uint64_t count;     /* times seen so far, this time included */
    bool only_late;     /* nothing is absent by it, something is only seen later: at a beat */
};

/* `options` may be NULL: /proc, no file held open, status every 60 s, the machine's clock.
 * Errors   -ENOENT, -EACCES, -ENOTDIR: proc_root cannot be opened; -ENOMEM, -EINVAL.
 * Owner    the caller; hand *ret to mw_collector_destroy(). */
int mw_collector_create(const struct mw_collect_options *options, struct mw_collector **ret);
struct mw_collector *mw_collector_destroy(struct mw_collector *self);

/* From the next sample on. Descriptors above the new number are closed then. */
void mw_collector_set_keep_fds(struct mw_collector *self, uint32_t keep_fds);

/* How the collector is paced; shown as readings of MW_SOURCE_SELF. */
struct mw_pace {
    uint64_t late_ns; /* how much later than planned this sample was begun */
    uint64_t late_samples, missed_samples;
};

/* One block each, finished, with one reference that is the caller's.
 * `pace` may be NULL: its readings are absent then.
 * Errors   -EBUSY readers hold all buffers of that source: nothing was read, nothing is lost;
 *          -ENOMEM; for processes also what listing proc_root gave, which is noted as a fault.
 *          After an error the next call goes on where this one began. */
int mw_collector_read_system(struct mw_collector *self, struct mw_block **ret);
int mw_collector_read_processes(struct mw_collector *self, struct mw_block **ret);
int mw_collector_read_self(struct mw_collector *self, const struct mw_pace *pace,
                           struct mw_block **ret);

/* ---- services ---- */

enum { MW_SERVICES_MAX = 256, MW_SERVICE_PATH_MAX = 1024 };

/* The control groups that are read from now on, by their paths as in /proc/PID/cgroup, with or
 * without '/' in front. Row i of MW_SOURCE_SERVICE is that of paths[i]; its key is
 * mw_service_id(paths[i]) and 0, and it is there whether the group is or not.
 * Errors   -E2BIG, -ENAMETOOLONG, -ENOMEM: then those of before stay. */
int mw_collector_set_services(struct mw_collector *self, const char *const *paths, uint32_t count);
/* Never 0, and the same for a path in every program and run. */
uint64_t mw_service_id(const char *path);
/* A finished block as above. A group that is not there has all its readings absent as vanished; of
 * several hierarchies that of the v1 memory controller counts where it is mounted. */
int mw_collector_read_services(struct mw_collector *self, struct mw_block **ret);
/* The same after an event: those groups only that something happened to, the others as they were.
 */
int mw_collector_read_services_again(struct mw_collector *self, struct mw_block **ret);

/* ---- events ---- */

/* Readable when the kernel has told of something that should not wait for the next beat: memory
 * pressure, a named group or the own one near its limit or with something killed in it. -1 without
 * `watch`, or when nothing can be waited for. It stays the collector's.
 * Source   the kernel's accounting/psi.rst, cgroup-v1/memory.rst, cgroup-v2.rst. */
int mw_collector_event_fd(const struct mw_collector *self);
/* To be called when it is readable. Returns the sources that should be read now, as a sum of
 * 1 << enum mw_source. */
uint32_t mw_collector_on_event(struct mw_collector *self);

/* Faults that were new since the last call, one by one; false when there is no more. Repeats are
 * counted in the reading daemon.sourceFaults. */
bool mw_collector_next_fault(struct mw_collector *self, struct mw_fault *ret);

/* ---- parsers: bytes in, struct out; pure, total, for any input ---- */

struct mw_statm {
    uint64_t size_pages, resident_pages, shared_pages, text_pages, data_pages;
};
/* Errors   -ENODATA fewer than 7 fields, -EINVAL not a number or more shared than resident pages,
 *          -ERANGE over 64 bits. */
int mw_parse_statm(const char *bytes, size_t size, struct mw_statm *ret);

enum { MW_NAME_MAX = 64 };

struct mw_stat {
    uint64_t start_ticks; /* since boot; with the pid the process's identity */
    uint64_t ppid;
    bool kernel_thread;
    bool forked_only; /* has executed nothing since it was forked */
    char state;
    uint8_t name_size;
    char name[MW_NAME_MAX]; /* raw bytes, any of them; not NUL-terminated */
};
/* Errors   -ENODATA cut short, -EINVAL, -ERANGE. The name ends at the last ')'. */
int mw_parse_stat(const char *bytes, size_t size, struct mw_stat *ret);

enum mw_status_field {
    MW_STATUS_RSS_FILE,
    MW_STATUS_RSS_SHMEM,
    MW_STATUS_SWAP,
    MW_STATUS_PEAK,
    MW_STATUS_PAGE_TABLES,
    MW_STATUS_THREADS,
    MW_STATUS_PPID,
    MW_STATUS_UID,
    MW_STATUS_STATE,
    MW_STATUS_FIELDS
};

struct mw_status {
    uint32_t found; /* bit 1 << field: it was there and made sense, whatever the others were */
    uint64_t values[MW_STATUS_FIELDS]; /* bytes where the kernel gives kB */
    bool has_name;                     /* an empty one is a name too */
    uint8_t name_size;
    char name[MW_NAME_MAX]; /* raw bytes, the kernel's escapes undone */
};
/* Fills in what makes sense and returns the first thing wrong.
 * Errors   -ENODATA not even a State line, or cut short in a line; -EINVAL a value is not a number,
 *          -ERANGE. */
int mw_parse_status(const char *bytes, size_t size, struct mw_status *ret);

/* Path of the control group: of the v1 memory controller where there is a line of it, else of the
 * unified hierarchy. *ret_path points into `bytes`. Errors -ENODATA no such line, -EINVAL. */
int mw_parse_cgroup(const char *bytes, size_t size, const char **ret_path, size_t *ret_size,
                    bool *ret_v1);

/* Lines of a word and a number, as in memory.stat and memory.events: values[i] becomes the number
 * behind keys[i], and bit i of *ret_found is set, in lines that make sense; of equal lines the
 * first counts. At most 32 keys. Errors   -ENODATA empty or cut short in a line, -EINVAL, -ERANGE
 * over MW_READING_MAX. */
int mw_parse_keyed(const char *bytes, size_t size, const char *const *keys, uint32_t count,
                   uint64_t *values, uint32_t *ret_found);

/* A key-value file whose keys are the `field`s of the table's rows of `file` ("/proc/meminfo",
 * "/proc/vmstat", "/proc/pressure/memory"): values go into row 0 of the block, those that are not
 * there become absent as unsupported (as stale in a text that is empty or cut short, where nobody
 * knows), those that make no sense as stale.
 * Returns  0, or the first thing wrong: -ENODATA empty or cut short in a line, -EINVAL, -ERANGE. */
int mw_parse_meminfo(const char *bytes, size_t size, struct mw_block *block);
int mw_parse_vmstat(const char *bytes, size_t size, struct mw_block *block);
int mw_parse_pressure(const char *bytes, size_t size, struct mw_block *block);

#ifdef __cplusplus
}
#endif
#endif
