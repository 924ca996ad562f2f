/* What the tests of the process half share: a tree of processes of the test's own, a collector over
 * it or over the live /proc with a clock that the test moves, and somebody who follows the events.
 */
#ifndef MW_TEST_PROCESS_SUPPORT_H
#define MW_TEST_PROCESS_SUPPORT_H
#include "system_support.h"

/* A process of a tree. Numbers are those of the files: pages, kB, ticks. */
struct plant {
    uint32_t pid, ppid;
    const char *name; /* without '\n' and '\\', which status would have to escape */
    char state;
    uint64_t flags, start;
    uint64_t size, resident, shared, text;
    uint64_t peak_kb, threads;
    const char *cgroup;
};

enum { FLAG_FORKED = 0x40, FLAG_KERNEL = 0x200000, BOOT_S = 1750000000, PAGE = 4096 };

/* Of a process that runs "cat" in 300 pages. */
struct plant plant_of(uint32_t pid);

struct world {
    struct tree tree; /* unused over the live /proc */
    uint64_t now_ns;
    struct mw_clock clock;
    struct mw_collector *collector;
    struct mw_block *block;     /* of the newest beat */
    struct mw_block_key *known; /* by row, as the events told it */
    uint32_t known_rows;
    uint64_t seq;
};

/* Its status interval is 60 s. */
struct world *world_create(uint32_t keep_fds);
struct world *world_over(const char *proc_root, uint32_t keep_fds);
void world_free(struct world *self);

void world_plant(const struct world *self, const struct plant *plant);
void world_uproot(const struct world *self, uint32_t pid);
/* One file of one process: "statm" */
void world_write(const struct world *self, uint32_t pid, const char *file, const char *content);
void world_remove(const struct world *self, uint32_t pid, const char *file);

/* A beat one second later. Checks the block, and that whoever follows the events knows its keys. */
void world_beat(struct world *self);
/* Without expecting that it succeeds; the block is then the one before. */
int world_try_beat(struct world *self);

/* What a beat does with a new block. */
void world_follow(struct world *self);

/* UINT32_MAX when it has no row. */
uint32_t row_of(const struct world *self, uint64_t pid);
uint64_t value_of(const struct world *self, uint64_t pid, enum mw_reading reading);
void assert_reading(const struct world *self, uint64_t pid, enum mw_reading reading,
                    uint64_t value);
void assert_lacks(const struct world *self, uint64_t pid, enum mw_reading reading,
                  enum mw_absence absence);
/* rss, rssAnon, virtual, growth; and those of status but threads, ppid, uid, state */
void assert_lacks_statm(const struct world *self, uint64_t pid, enum mw_absence absence);
void assert_lacks_memory_of_status(const struct world *self, uint64_t pid, enum mw_absence absence);

/* Events of the newest beat: how many, and the n-th of a process. */
uint32_t events_of(const struct world *self, uint64_t pid);
const struct mw_block_event *event_of(const struct world *self, uint64_t pid, uint32_t n);
void assert_event(const struct world *self, uint64_t pid, uint32_t n, enum mw_block_event_type type,
                  const char *text);
void assert_event_lacks(const struct world *self, uint64_t pid, uint32_t n,
                        enum mw_block_event_type type, enum mw_absence absence);

/* Open descriptors of this program whose path ends in "/statm"; which processes they are of. */
uint32_t kept_statm(const struct world *self);
bool is_kept(const struct world *self, uint32_t pid);

/* The next fault; false when there is none. */
void assert_next_fault(const struct world *self, const char *file, int error, uint64_t pid);
void assert_no_next_fault(const struct world *self);
#endif
