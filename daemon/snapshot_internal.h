/* What the snapshot*.c files share. Not for others. */
#ifndef MWD_SNAPSHOT_INTERNAL_H
#define MWD_SNAPSHOT_INTERNAL_H
#include "daemon/snapshot.h"

#include <limits.h>
#include <sys/types.h>

/* ---- snapshot_child.c: what runs in the child ---- */

struct mwd_snapshot_task {
    struct mw_heap_snapshot *snapshot;
    const char *folder, *path; /* of the file; NULL = it is written to data_fd */
    int data_fd;               /* or -1 */
    int result_fd;
    pid_t parent;
};

/* What the child says before it ends, in one write; nothing when it was killed. */
struct mwd_snapshot_result {
    int error;
    struct mw_heap_snapshot_report report;
};
_Static_assert(sizeof(struct mwd_snapshot_result) <= PIPE_BUF, "one write is one read");

/* Allocates nothing: another thread may have been inside malloc() at the fork. */
_Noreturn void mwd_snapshot_child(const struct mwd_snapshot_task *task);

/* ---- snapshot_folder.c: the folder of saved ones; allocates nothing either ---- */

#define MWD_SNAPSHOT_PREFIX "heap-"
#define MWD_SNAPSHOT_SUFFIX ".heapsnapshot"

/* Removes what was begun and never finished. Errors are no matter: it is tried again. */
void mwd_snapshot_folder_clean(const char *folder);
/* Removes the oldest until `keep` are left; names tell their age. */
void mwd_snapshot_folder_prune(const char *folder, unsigned keep);
#endif
