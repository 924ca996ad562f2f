/* reach: who reaches what, without a mark in any object: for reports, at any time between
 * collections. */
#ifndef MW_HEAP_REACH_INTERNAL_H
#define MW_HEAP_REACH_INTERNAL_H
#include "heap/heap_internal.h"
#include "heap/sites.h"

/* Sets of objects. */
enum mw_reach_set {
    MW_REACH_BEFORE, /* by an earlier place; later: already counted */
    MW_REACH_NOW,    /* by the present one */
    MW_REACH_SHARED, /* by two of them at least */
    MW_REACH_SETS,
};

enum { MW_PATH_ROOTS = 4096, MW_PATH_QUEUE = 65536 };

struct mw_step {
    uintptr_t object;
    uint32_t parent; /* its place in the queue */
    uint32_t word;   /* of the parent's payload */
};

struct mw_reach {
    struct mw_heap *heap;
    uint64_t *young;    /* MW_REACH_SETS bit maps, of a half each */
    uint64_t **pages;   /* the same for each page in use */
    size_t young_words; /* of one map */
    struct mw_stack stack;
    size_t *type_bytes; /* of what was counted for the present place */
    size_t retained, shared;
    struct mw_step *queue; /* of path.c, MW_PATH_QUEUE */
};

int mw_reach_init(struct mw_reach *self, struct mw_heap *heap);
void mw_reach_deinit(struct mw_reach *self);
/* Puts an object into a set. Returns whether it was there. */
bool mw_reach_enter(struct mw_reach *self, enum mw_reach_set set, uintptr_t object);
void mw_reach_clear(struct mw_reach *self, enum mw_reach_set set);

/* Which objects are shared: first a place's roots, then what they lead to, then the next place. */
void mw_reach_share(struct mw_reach *self, uintptr_t root);
void mw_reach_share_end(struct mw_reach *self);
/* Counts what a root leads to and was not counted yet. */
void mw_reach_count(struct mw_reach *self, uintptr_t root);
/* Nothing is counted for the next place yet. */
void mw_reach_count_begin(struct mw_reach *self);

/* path.c */
/* Writes the words of a shortest way from one of the roots to an object of the type. */
void mw_path_format(struct mw_reach *self, const uintptr_t *roots, size_t count, uint32_t type,
                    const char *from, char ret[MW_SITE_PATH_MAX]);
#endif
