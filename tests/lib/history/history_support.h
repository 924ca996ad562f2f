/* A machine whose readings a test says one by one, and the history of it. */
#ifndef MW_TEST_HISTORY_SUPPORT_H
#define MW_TEST_HISTORY_SUPPORT_H
#include "history/history.h"
#include "tests/lib/store/store_support.h"

enum { MACHINE_ROWS = 160, MACHINE_START = 1795377600 /* s; begins a minute */ };

/* One row of the process source; id 0: nobody. */
struct machine_row {
    struct mw_block_key key;
    uint64_t rss, anon, swap;
    int64_t growth;
    enum mw_absence absence; /* of all of them */
    const char *name;        /* or NULL: nothing is told of it */
};

struct machine {
    struct bench *bench;
    struct mw_history *history;
    struct mw_subjects *subjects;
    struct mw_sealer *sealer;
    struct mw_block_pool *system, *process;
    struct mw_block *last; /* of processes */
    uint64_t seq, mono_ms;
    int64_t time_ms;
    uint64_t mem_free;
    enum mw_absence free_absence;
    struct machine_row rows[MACHINE_ROWS];
    struct machine_row told[MACHINE_ROWS]; /* keys and names as events have them */
    uint32_t row_count;
    bool no_processes; /* their source is late */
};

/* 100 s of samples of a second, others every 5 s, 30 minutes, 3 at every sample, 64 subjects. */
void machine_config(struct mw_history_config *ret);
void machine_init(struct machine *self, struct bench *bench,
                  const struct mw_history_config *config);
void machine_deinit(struct machine *self);
/* A sample, `ms` after the last one; the caller's. */
struct mw_sample *machine_sample(struct machine *self, int64_t ms);
/* A sample, `ms` after the last one, into the history. Returns what mw_history_apply() does. */
int machine_tick(struct machine *self, int64_t ms);
struct mw_block_key machine_key(uint64_t pid);
/* A process of so many pages. */
void machine_put(struct machine *self, uint32_t row, uint64_t pid, uint64_t pages);

/* Answers. Fails the test on an error. */
struct answer {
    size_t count;
    struct mw_history_point points[MW_HISTORY_POINTS_MAX + 1];
};

void machine_ask(const struct machine *self, enum mw_reading reading, uint64_t pid, int64_t from,
                 int64_t to, uint64_t step, struct answer *ret);
#endif
