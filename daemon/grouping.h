/* grouping: which group each process is in, by rules. A leaf.
 *
 * It follows process blocks. A process that is born, or has another name, is to be asked for:
 * take() hands those out, others find out (grouper.h), put() takes what was found. So a rule is
 * held against a process once for each program that it executes, and once more a block after the
 * first time: what has just been born may not be yet what it will be.
 *
 * Parents  a process that no rule matches is in the group of its nearest ancestor that is in one,
 *          if that is wanted; as it was when the answer came.
 * Bound    140 bytes for each process; MWD_GROUPING_NAMES_MAX different names of at most
 *          MWD_MATCHER_NAME_MAX bytes: a process for whose name there is no room is in no group,
 *          and counted. Ancestors are followed over 256 generations.
 * Threads  the loop's only.
 */
#ifndef MWD_GROUPING_H
#define MWD_GROUPING_H
#include "daemon/matcher.h"
#include "sample/sample.h"
#include "subject/subject.h"

enum {
    MWD_GROUPING_NAMES_MAX = 1 << 16,
    MWD_GROUPING_BATCH_MAX = 4096,
    MWD_GROUPING_COMM_MAX = 256,
    MWD_GROUPING_NO_RULE = UINT32_MAX
};

struct mwd_grouping;

/* A question, and behind `comm` the answer. */
struct mwd_grouping_item {
    struct mw_block_key key;
    uint32_t row;
    uint32_t uid;
    bool uid_known;
    char comm[MWD_GROUPING_COMM_MAX + 1];
    uint32_t rule; /* MWD_GROUPING_NO_RULE: none matches */
    char name[MWD_MATCHER_NAME_MAX + 1];
};

struct mwd_grouping_count {
    uint32_t processes; /* now, matched by the rule itself */
    uint32_t children;  /* now, by an ancestor */
    uint64_t matched;   /* so far, times that a process was found to match */
};

struct mwd_grouping_totals {
    uint32_t ungrouped; /* processes in no group */
    uint32_t waiting;   /* of which it is not known yet */
    uint32_t names;     /* different groups */
    uint64_t lost;      /* answers without room for their name */
};

/* Errors   -ENOMEM. */
int mwd_grouping_create(struct mwd_grouping **ret);
struct mwd_grouping *mwd_grouping_destroy(struct mwd_grouping *self);

/* Other rules from now on. All processes of the block are to be asked for anew, and stay where they
 * are until there is an answer; answers to earlier questions are passed over. `block` may be NULL.
 * Errors   -ENOMEM: nothing is known of any process. */
int mwd_grouping_restart(struct mwd_grouping *self, uint32_t rules, bool children,
                         const struct mw_block *block);
/* Takes the events of the next process block. Errors -ENOMEM: some processes are in no group. */
int mwd_grouping_follow(struct mwd_grouping *self, const struct mw_block *block);

/* At most MWD_GROUPING_BATCH_MAX questions; they are handed out once. */
uint32_t mwd_grouping_wanted(const struct mwd_grouping *self);
uint32_t mwd_grouping_take(struct mwd_grouping *self, const struct mw_block *block,
                           const struct mw_subjects *subjects, struct mwd_grouping_item *items,
                           uint32_t room);
/* The number of the rules that questions are about now; it goes with them. */
uint64_t mwd_grouping_round(const struct mwd_grouping *self);
void mwd_grouping_put(struct mwd_grouping *self, uint64_t round,
                      const struct mwd_grouping_item *items, uint32_t count);

/* The group of the process in this row, NULL when it is in none. Equal names are at one place, for
 * as long as somebody is in the group. */
const char *mwd_grouping_name(const struct mwd_grouping *self, uint32_t row,
                              struct mw_block_key key, size_t *ret_size);

/* Numbers of rule `rule`, 0 of one that is not known; those of all together. */
struct mwd_grouping_count mwd_grouping_count(const struct mwd_grouping *self, uint32_t rule);
void mwd_grouping_get_totals(const struct mwd_grouping *self, struct mwd_grouping_totals *ret);
#endif
