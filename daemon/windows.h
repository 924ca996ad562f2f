/* windows: the least and the greatest of some readings over the last seconds and minutes. A leaf.
 *
 * They are of the samples, not of who asks: every scraper sees the same, however seldom it comes.
 * lib/detect/window.h says what a window holds, and how exact it is: to the sample, where samples
 * are at least half a second apart.
 *
 * Of what  the machine, heaps, queues, and groups of processes, each for as long as it is there:
 *          one that goes takes its windows along, one that comes begins anew. A group that is not
 *          shown any more has gone, too.
 * Absence  a reading that is absent in a sample has no windows until it is back. Then they hold
 *          what is still in them, and how long it has been known begins anew.
 * Bound    MWD_WINDOWS_BYTES for values, and 100 bytes and the name for each subject. Where values
 *          find no room, windows know less long and say so, and it is counted.
 * Threads  the loop's only.
 */
#ifndef MWD_WINDOWS_H
#define MWD_WINDOWS_H
#include "daemon/groups.h"
#include "detect/detect.h"
#include "sample/sample.h"

enum { MWD_WINDOWS_BYTES = 4 << 20, MWD_WINDOW_WIDTHS = 3, MWD_WINDOW_READINGS = 4 };

struct mwd_window_width {
    const char *label; /* "15s" */
    uint64_t ns;
};
extern const struct mwd_window_width mwd_window_widths[MWD_WINDOW_WIDTHS];

/* Those that have windows: gauges in bytes, or numbers. Of processes, the sum over a group. */
extern const enum mw_reading mwd_window_readings[MWD_WINDOW_READINGS];

struct mwd_windows;

struct mwd_windows_numbers {
    uint64_t bytes; /* of values */
    uint64_t cut;   /* values that were forgotten too early */
};

/* Errors   -ENOMEM. */
int mwd_windows_create(struct mwd_windows **ret);
struct mwd_windows *mwd_windows_destroy(struct mwd_windows *self);

/* Takes what is new in a sample, to be called for each. `groups` are those of its processes, or
 * NULL: they are not known. A subject for which there is no memory has no windows. */
void mwd_windows_feed(struct mwd_windows *self, const struct mw_sample *sample,
                      const struct mwd_groups *groups);

/* Of number `reading` in mwd_window_readings, which is not that of processes: the record of the row
 * with this key. NULL: there is none. It stays until the next feed. */
const struct mw_window *mwd_windows_row(const struct mwd_windows *self, uint32_t reading,
                                        uint32_t row, struct mw_block_key key);
/* Of the group of this name, which is found at once at its place among the groups. */
const struct mw_window *mwd_windows_group(const struct mwd_windows *self, uint32_t place,
                                          const char *name);

void mwd_windows_get_numbers(const struct mwd_windows *self, struct mwd_windows_numbers *ret);
#endif
