/* sites: which places of the program hold the memory of a heap.
 *
 * A scope that is never closed, or one that stays open while handles gather in it, keeps what its
 * handles stand for, and nothing is wrong with any object. So handles and globals are gathered by
 * the place that opened their scope or created them, and each place is told what it keeps.
 */
#ifndef MW_HEAP_SITES_H
#define MW_HEAP_SITES_H
#include "heap/layout.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MW_SITES_MAX = 256, MW_SITE_PATH_MAX = 400 };

enum mw_heap_site_kind {
    MW_SITE_SCOPES,  /* handles, by the place that opened their scope */
    MW_SITE_GLOBALS, /* strong ones, by the place that created them */
    MW_SITE_LOOSE,   /* handles made while no scope was open */
    MW_SITE_OTHERS,  /* of places beyond MW_SITES_MAX */
};

struct mw_heap_site {
    const char *where; /* "file:line"; "" for the last two kinds */
    enum mw_heap_site_kind kind;
    size_t open;    /* scopes that are open, or globals */
    size_t handles; /* that are alive, globals included */
    size_t
        retained; /* bytes of objects that nothing but this place reaches: what letting go frees */
    /* Bytes that other places reach, too. Each object is counted once, for that of its places which
     * has the most handles. */
    size_t shared;
    /* A shortest way to an object of the type that takes the most of both, as in "handle at
     * FILE:LINE
     * -> Cache.entries -> Entry[3] -> Entry.value -> Blob"; of more than 11 steps the rest is told
     * as
     * "(N more)". It is looked for from 4,096 of the place's handles and globals, those of the
     * scopes opened last, and over 65,536 objects: "..." when it was not found there. */
    char path[MW_SITE_PATH_MAX];
};

/* Fills in at most `capacity` rows, those with the most bytes (retained and shared) first, and
 * tells how many places there are. All rows together have the bytes of all reachable objects.
 * Walks through the whole heap, and needs memory beside it while it does: a fortieth of its size, 1
 * MiB, 24 bytes for each open scope and global, and 8 for each object that waits to be looked into.
 * Allocates nothing in it, so it may be called at the limit. Errors   -EPERM in a collection, or
 * another thread; -ENOMEM. */
#define mw_heap_get_sites(self, ret, capacity, ret_count)                                          \
    mw_heap_get_sites_at(self, ret, capacity, ret_count, MW_HERE)
int mw_heap_get_sites_at(struct mw_heap *self, struct mw_heap_site *ret, size_t capacity,
                         size_t *ret_count, const char *where);

#ifdef __cplusplus
}
#endif
#endif
