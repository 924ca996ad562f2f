/* What the parts of collect share: the collector's frame, how a file is read, how a fault is noted,
 * and how a block is begun and ended.
 *
 *     collector.c      the frame: create, destroy, begin, end         faults.c  the fault table
 *     process_*.c      MW_SOURCE_PROCESS, state in struct mw_process_reader
 *     service*.c       MW_SOURCE_SERVICE, state in struct mw_service_reader
 *     watch.c          what the kernel tells at once
 *     the other files  MW_SOURCE_SYSTEM and MW_SOURCE_SELF, state in struct mw_system_reader
 */
#ifndef MW_COLLECT_INTERNAL_H
#define MW_COLLECT_INTERNAL_H
#include "collect/collect.h"

enum { MW_COLLECT_FAULTS_MAX = 64 }; /* different faults; further ones are only counted */

struct mw_process_reader;
struct mw_service_reader;
struct mw_system_reader;
struct mw_watch;

struct mw_fault_table {
    struct mw_fault faults[MW_COLLECT_FAULTS_MAX];
    uint32_t count;
    uint32_t told;  /* of these, handed out by mw_collector_next_fault() */
    uint64_t total; /* every one that was noted, repeats and those without a place included */
};

/* A source's pool and where its numbering stands. */
struct mw_collect_outlet {
    enum mw_source source;
    struct mw_block_pool *pool;
    uint64_t seq; /* of the last block that was finished */
};

/* What reading has cost since read_self() last asked; it takes the sums and sets them to zero. */
struct mw_collect_cost {
    uint64_t cpu_ns, wall_ns;
};

struct mw_collector {
    int root_fd; /* directory proc_root, O_RDONLY | O_DIRECTORY: files are opened below it */
    char *root;  /* proc_root as given, without '/' at its end ("/" alone is "") */
    const struct mw_clock *clock;
    struct mw_collect_outlet system, process, self, service;
    struct mw_collect_cost cost;
    struct mw_fault_table faults;
    struct mw_system_reader *system_reader;
    struct mw_process_reader *process_reader;
    struct mw_service_reader *service_reader;
    struct mw_watch *watch;
};

/* Reads the whole file `path` below `dirfd` (openat, read to its end, close). No NUL is added.
 * Errors   -EFBIG it is longer than `capacity` (a file of exactly `capacity` bytes too: its end
 *          was not seen); else what open or read gave: -ENOENT, -EACCES, -ESRCH, -EMFILE ... */
int mw_collect_read_file(int dirfd, const char *path, char *buffer, size_t capacity,
                         size_t *ret_size);

/* The same from the start of a file that is held open. */
int mw_collect_read_kept(int fd, char *buffer, size_t capacity, size_t *ret_size);

/* Notes a fault. `file` and `reason` are constants (the pointers are kept); `pid` 0 when it is
 * about no process. Said once for each (file, error), counted always. */
void mw_collect_fault(struct mw_collector *self, const char *file, const char *reason, int error,
                      uint64_t pid);

/* Notes, once for each (file, error), that something will be seen later than it could be. Nothing
 * is absent by it, so it counts among no faults. */
void mw_collect_notice(struct mw_collector *self, const char *file, const char *reason, int error);

/* A block in the making. */
struct mw_collect_work {
    struct mw_collect_outlet *outlet;
    struct mw_block *block;
    int64_t time_ms;
    uint64_t time_ns;
    uint64_t cpu_ns; /* of the thread at the beginning */
};

/* Begins a block of an outlet: takes it (see mw_block_take() for `before` and `rows`) with the next
 * sequence number and the clock's time. End it with mw_collect_end(), or drop it with
 * mw_block_unref() and the number is not used up.
 * Errors   -EBUSY, -ENOMEM, -E2BIG. */
int mw_collect_begin(struct mw_collector *self, struct mw_collect_outlet *outlet,
                     const struct mw_block *before, uint32_t rows, struct mw_collect_work *ret);

/* The two halves of begin, for a source that must look before it knows how many rows it needs: the
 * first notes the instant, the second takes the block. */
void mw_collect_start(const struct mw_collector *self, struct mw_collect_outlet *outlet,
                      struct mw_collect_work *ret);
int mw_collect_take(struct mw_collect_work *work, const struct mw_block *before, uint32_t rows);

/* Finishes the block, adds up the cost and hands the block over in *ret. On an error the block is
 * dropped. Errors: -ENOMEM. */
int mw_collect_end(struct mw_collector *self, struct mw_collect_work *work, struct mw_block **ret);

/* Everything that MW_SOURCE_SYSTEM and MW_SOURCE_SELF keep between samples (held descriptors, paths
 * of control groups). Created when the frame above stands, its readers excepted.
 * Errors   -ENOMEM. Files that are missing are not an error: that is for the readings to say. */
int mw_system_reader_create(struct mw_collector *collector, struct mw_system_reader **ret);
struct mw_system_reader *mw_system_reader_destroy(struct mw_system_reader *self);

int mw_process_reader_create(struct mw_collector *collector,
                             const struct mw_collect_options *options,
                             struct mw_process_reader **ret);
struct mw_process_reader *mw_process_reader_destroy(struct mw_process_reader *self);
uint32_t mw_process_reader_kept(const struct mw_process_reader *self); /* for DAEMON_KEPT_FDS */
#endif
