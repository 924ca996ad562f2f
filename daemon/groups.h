/* groups: processes by name, the largest ones and the sum of all others. A leaf.
 *
 * A series for each process would be too many, and a new one at each start of a program. So those
 * with the same name, or in the same group by rules, are one group, and only so many groups are
 * shown. The rest is one more, so that the sum over all is the sum over all processes.
 *
 * Membership is sticky: who is shown stays until another is a quarter larger, so that two of about
 * the same size do not take turns. A group whose last process is gone is gone at once.
 * A process whose name is unknown, and one that is called as the rest is, belongs to the rest. So
 * does one that no rule has given a group, where there are rules, unless it is to be left out.
 * Bound    `limit` groups and the rest; while it counts, 56 bytes for each process.
 * Threads  the loop's only.
 */
#ifndef MWD_GROUPS_H
#define MWD_GROUPS_H
#include "daemon/grouping.h"
#include "sample/sample.h"
#include "subject/subject.h"

#define MWD_GROUPS_REST "other"
enum { MWD_GROUPS_MAX = 1000 };

struct mwd_groups;

struct mwd_group {
    const char *name; /* the rest: MWD_GROUPS_REST */
    uint32_t processes;
    int64_t oldest_start_ms; /* INT64_MAX: known of none */
};

/* Errors   -ENOMEM. */
int mwd_groups_create(struct mwd_groups **ret);
struct mwd_groups *mwd_groups_destroy(struct mwd_groups *self);

struct mwd_groups_input {
    const struct mw_sample *sample;
    const struct mw_subjects *subjects;
    const struct mwd_grouping *grouping; /* by rules; NULL: by name */
    uint32_t limit;                      /* at most MWD_GROUPS_MAX */
    bool grouped_only;                   /* who is in no group by rules is not in the rest either */
};

/* Takes the processes of a sample; nothing happens when it is the one of the last call and `limit`
 * the same. Without processes, or with stale ones, there are no groups.
 * Errors   -ENOMEM: there are no groups. */
int mwd_groups_update(struct mwd_groups *self, const struct mwd_groups_input *input);

/* Groups in the order of their names, and behind them the rest, which is always there when
 * processes are known. They stay until the next update. */
uint32_t mwd_groups_count(const struct mwd_groups *self); /* the rest included */
const struct mwd_group *mwd_groups_at(const struct mwd_groups *self, uint32_t index);
/* The sum of a reading of MW_SOURCE_PROCESS over those processes of a group of which it is known,
 * in the unit of the table. Returns false when it is known of none. */
bool mwd_groups_get(const struct mwd_groups *self, uint32_t index, enum mw_reading reading,
                    double *ret);

uint32_t mwd_groups_names(const struct mwd_groups *self); /* different ones in that sample */
/* Names that the limit kept out of an update, summed over all updates. */
uint64_t mwd_groups_folded(const struct mwd_groups *self);
#endif
