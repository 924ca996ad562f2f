/* Which statm files stay open between beats.
 *
 * A kept file costs 4.4 KiB of kernel memory (its sequence buffer is a whole page) and makes a read
 * three times cheaper than open, read and close; it also pins the process: when that has died it
 * gives ESRCH, never the numbers of a later process with the same pid. So the largest ones are
 * kept, since they are read for their changes, and all of them as long as there is room.
 *
 * The order of sizes changes in every beat. To not open and close with it, it is looked at once in
 * BALANCE_BEATS: from the resident size at rank `budget` a kept file is closed only when its
 * process is a fifth below it, and one that is not kept is marked when it is above, to be kept the
 * next time it is opened for reading anyway.
 */
#include "collect/process_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    BALANCE_BEATS = 30,
    STEPS = 8, /* classes of sizes between one power of two and the next */
    CLASSES = 64 * STEPS,
    SHED_LEAST = 16 /* descriptors given up at least, so that not every open runs out again */
};

void mw_process_let_go(struct mw_process_reader *self, struct mw_process *process)
{
    if (process->fd >= 0) {
        close(process->fd);
        process->fd = -1;
        self->kept--;
    }
}

void mw_process_keep(struct mw_process_reader *self, struct mw_process *process, int fd)
{
    if (fd >= 0 && self->kept < self->budget && (process->flags & MW_PROCESS_WANTED) != 0) {
        process->fd = fd;
        self->kept++;
    } else if (fd >= 0) {
        close(fd);
    }
}

/* ---- classes of sizes ---- */

static uint32_t class_of(uint64_t bytes)
{
    uint32_t log2 = 63u - (uint32_t)__builtin_clzll(bytes | STEPS);

    return log2 * STEPS + (uint32_t)(bytes >> (log2 - 3) & (STEPS - 1));
}

/* The lowest classes are less than a page and hold those that have no memory: 0. */
static uint64_t class_least(uint32_t class)
{
    uint32_t log2 = class / STEPS;

    return log2 <= 3 ? 0 : ((uint64_t)STEPS + class % STEPS) << (log2 - 3);
}

static bool can_be_kept(const struct mw_process *process)
{
    return process->pid != 0 && (process->flags & (MW_PROCESS_KERNEL | MW_PROCESS_HELD)) == 0;
}

/* By the newest block; a process that it does not know or has no number for counts as empty. */
static uint64_t rss_of(const struct mw_process_reader *self, uint32_t row)
{
    if (self->last == NULL || row >= mw_block_head(self->last)->rows)
        return 0;
    return mw_block_column(self->last, MW_PROCESS_RSS)[row].u;
}

/* The size from which on a process is among the `budget` largest, to the precision of a class. */
static uint64_t least_wanted(const struct mw_process_reader *self)
{
    uint32_t counts[CLASSES] = {0};
    uint32_t class = CLASSES;
    uint64_t sum = 0;

    for (uint32_t row = 0; row < self->table.used; row++)
        if (can_be_kept(&self->table.rows[row]))
            counts[class_of(rss_of(self, row))]++;
    while (class > 0 && sum < self->budget)
        sum += counts[--class];
    return sum < self->budget ? 0 : class_least(class);
}

/* Returns whether it should be kept, is not, and is large enough to push another one out. */
static bool judge(struct mw_process_reader *self, uint32_t row, uint64_t least)
{
    struct mw_process *process = &self->table.rows[row];
    uint64_t rss = rss_of(self, row);

    process->flags &= ~(uint32_t)MW_PROCESS_WANTED;
    if (rss >= least)
        process->flags |= MW_PROCESS_WANTED;
    else if (rss < least - least / 5)
        mw_process_let_go(self, process);
    return process->fd < 0 && rss >= least && rss - least >= least / 4;
}

/* Closes files until at most this many are kept: the unwanted ones, or any. */
static void let_go_surplus(struct mw_process_reader *self, uint32_t most, bool wanted_too)
{
    for (uint32_t row = 0; row < self->table.used && self->kept > most; row++) {
        struct mw_process *process = &self->table.rows[row];

        if (wanted_too || (process->flags & MW_PROCESS_WANTED) == 0)
            mw_process_let_go(self, process);
    }
}

void mw_process_balance(struct mw_process_reader *self)
{
    uint64_t least = self->budget > 0 ? least_wanted(self) : UINT64_MAX;
    uint32_t pushing = 0;

    for (uint32_t row = 0; row < self->table.used; row++)
        if (can_be_kept(&self->table.rows[row]))
            pushing += judge(self, row, least);
    let_go_surplus(self, self->budget > pushing ? self->budget - pushing : 0, false);
    let_go_surplus(self, self->budget, true);
    self->balance_beat = self->beat + BALANCE_BEATS;
}

bool mw_process_shed(struct mw_process_reader *self, int error)
{
    uint32_t less = self->kept / 8 + SHED_LEAST;

    mw_collect_fault(self->collector, "/proc/PID/statm",
                     "no descriptor is left, so fewer are kept open", error, 0);
    if (self->kept == 0)
        return false;
    self->budget = self->kept > less ? self->kept - less : 0;
    mw_process_balance(self);
    return true;
}

void mw_collector_set_keep_fds(struct mw_collector *self, uint32_t keep_fds)
{
    struct mw_process_reader *reader = self->process_reader;

    reader->budget = keep_fds;
    reader->balance_beat = reader->beat;
}

uint32_t mw_process_reader_kept(const struct mw_process_reader *self)
{
    return self->kept;
}
