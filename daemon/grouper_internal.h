/* What the files of grouper share; private to daemon/grouper*.c.
 *
 *     grouper.c       batches between the loop and threads      (begin here)
 *     grouper_read.c  what is read of one process
 */
#ifndef MWD_GROUPER_INTERNAL_H
#define MWD_GROUPER_INTERNAL_H
#include "daemon/grouper.h"

enum { MWD_USERS_KEPT = 64, MWD_USER_MAX = 64, MWD_CGROUPS_MAX = 4096 };

/* Names of users that were asked for last, by uid. */
struct mwd_users {
    struct {
        bool known;
        uint32_t uid;
        char name[MWD_USER_MAX + 1];
    } kept[MWD_USERS_KEPT];
};

/* What a thread reads with and into; it belongs to one. */
struct mwd_grouper_reader {
    int root_fd; /* -1: nothing is read */
    const char *passwd;
    struct mwd_users users;
    char argv[MWD_MATCHER_LINE_MAX];
    char cgroups[MWD_CGROUPS_MAX];
};

/* Fills in what `needs` (mwd_matcher_needs()) names; what cannot be read is empty. It may take as
 * long as the process wants it to. `ret` points into `self` and `item`. */
void mwd_grouper_read(struct mwd_grouper_reader *self, unsigned needs,
                      const struct mwd_grouping_item *item, struct mwd_matcher_process *ret);
#endif
