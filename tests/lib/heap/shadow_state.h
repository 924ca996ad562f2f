/* shadow_state: a run's state, and the comparison of heap and snapshots with the model. */
#ifndef MW_TEST_SHADOW_STATE_H
#define MW_TEST_SHADOW_STATE_H
#include "shadow.h"

#include "model.h"

enum { GLOBALS = 24, WEAKS = 12, HANDLES = 200, SCOPES = 12 };
enum { LARGE_REFS = 20000, LARGE_BYTES = 200000, LARGE_STRUCTS = 20000 };

struct open_handle {
    struct mw_ref ref;
    struct model *model;
};

struct shadow {
    const struct shadow_run *run;
    size_t at; /* in the stream */
    uint64_t operations, comparison, checksum;
    struct mw_heap *heap;
    int file; /* where snapshots go */
    unsigned snapshots_read, forked;
    uint64_t highest_id; /* of the snapshots that were read */
    const struct mw_heap_type *types[SHAPES];
    struct models models;
    size_t large; /* bytes of large objects that may be alive */
    struct mw_global *globals[GLOBALS], *weaks[WEAKS];
    struct model *global_models[GLOBALS], *weak_models[WEAKS];
    struct open_handle handles[HANDLES];
    struct mw_scope scopes[SCOPES];
    unsigned scope_starts[SCOPES];
    unsigned handle_count, scope_count;
};

/* Tells what differs, and ends the program. */
_Noreturn void fail(const struct shadow *self, const char *what);
static inline void require(const struct shadow *self, bool holds, const char *what)
{
    if (!holds)
        fail(self, what);
}
/* `full`: right after a full collection in one pause, so that nothing dead is held any more. */
void compare(struct shadow *self, bool full);
/* Of the objects that the model reaches, each of which is looked at. */
size_t reachable_bytes(struct shadow *self);

enum snapshot_way {
    SNAPSHOT_AT_ONCE,
    SNAPSHOT_BEGUN, /* after slices or without, and written where it was begun */
    SNAPSHOT_IN_CHILD,
    SNAPSHOT_NOT_WRITTEN, /* begun and let go */
    SNAPSHOT_WAYS,
};
/* Compares both the heap and what was written. */
void take_snapshot(struct shadow *self, enum snapshot_way way);
#endif
