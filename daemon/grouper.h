/* grouper: the thread that holds rules against processes. It alone reads /proc/PID/cmdline.
 *
 * To read a command line the kernel takes a lock of the process that it belongs to, which may have
 * it for as long as it likes. So neither the loop nor the thread that samples may do it: this one
 * may wait, and what it has not answered yet is in no group. One that takes longer with one process
 * than it is given is left behind, that process is answered "no rule", and another thread goes on.
 * There are at most MWD_GROUPER_LEFT_MAX left behind, for good or not; then it is waited for.
 *
 * Users    names are those of /etc/passwd; a user who is not in it is a number. No other directory
 *          is asked, as it could take as long as it likes, too.
 * Bound    one batch at a time.
 * Threads  all calls: the loop's.
 */
#ifndef MWD_GROUPER_H
#define MWD_GROUPER_H
#include "daemon/grouping.h"
#include "daemon/log.h"
#include "daemon/matcher.h"

#include <uv.h>

enum { MWD_GROUPER_LEFT_MAX = 4, MWD_GROUPER_PATIENCE_S = 5 };

struct mwd_grouper;

/* Called on the loop with a batch and its answers; they are the grouper's and valid for the call
 * only. Another batch may be handed over in it. */
typedef void (*mwd_grouper_cb)(void *context, uint64_t round, const struct mwd_grouping_item *items,
                               uint32_t count);

struct mwd_grouper_options {
    const char *proc_root; /* NULL: nothing is read, as of a recording; then argv is unknown */
    const char *passwd;    /* "/etc/passwd"; it stays the caller's, as long as there is a thread */
    uint64_t patience_ns;  /* see above */
    struct mwd_log *log;
    mwd_grouper_cb on_answers;
    void *context;
};

/* Starts the thread. Errors -ENOMEM, -EAGAIN, those of open() for proc_root and of uv_async_init().
 */
int mwd_grouper_create(uv_loop_t *loop, const struct mwd_grouper_options *options,
                       struct mwd_grouper **ret);

/* Whether a batch is under way. */
bool mwd_grouper_is_busy(const struct mwd_grouper *self);
/* Takes over `items`, which malloc() gave, whatever it returns, and takes a reference of the rules.
 * Errors   -EBUSY. */
int mwd_grouper_ask(struct mwd_grouper *self, struct mwd_matcher *rules, uint64_t round,
                    struct mwd_grouping_item *items, uint32_t count);
/* Nobody wants the answers any more: the batch comes back when the process that it is at has its
 * own, without those behind it, so that another one may be handed over. */
void mwd_grouper_cut(struct mwd_grouper *self);
/* To be called now and then: leaves a thread behind that is stuck. */
void mwd_grouper_look(struct mwd_grouper *self, uint64_t now_ns);

/* Stops the thread and waits for it at most `wait_ms`; one that is stuck is left behind. Nothing of
 * it is on the loop when that has turned. Takes NULL. */
void mwd_grouper_close(struct mwd_grouper *self, unsigned wait_ms);
#endif
