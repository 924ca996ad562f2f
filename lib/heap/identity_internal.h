/* identity: which object is which, from one snapshot to the next. The essay is in identity.c. */
#ifndef MW_HEAP_IDENTITY_INTERNAL_H
#define MW_HEAP_IDENTITY_INTERNAL_H
#include "heap/page_internal.h"

enum { MW_PAIRS = MW_PAGE_WORDS / 2, MW_PAIR_WORDS = MW_PAIRS / 64, MW_ID_FIRST = 1 << 18 | 1 };

struct mw_heap;

/* `count` ids, from `first` on in steps of 2. */
struct mw_run {
    uint32_t first, count;
};

/* A young object with an id, and what became of it. */
struct mw_loose {
    uintptr_t object;
    uint32_t id;
};

/* While ids are told again, object by object in the order of addresses. */
struct mw_identity_pass {
    size_t page, pair; /* what stands before is read */
    size_t run;        /* the next id: in this run, */
    uint32_t offset;   /* after so many */
    size_t loose;
    size_t to_page, to_runs; /* being written */
    uint32_t to_count;
    uint64_t to_starts[MW_PAIR_WORDS];
    bool forget; /* earlier ids do not count */
};

struct mw_identity {
    uint32_t next;    /* the first id that no object has had */
    bool restarted;   /* they were used up; what is in the tables does not count any more */
    uint64_t *starts; /* MW_PAIR_WORDS for each page; NULL: no snapshot yet */
    uint16_t *counts; /* bits of it */
    struct mw_run *runs, *spare;
    size_t run_count;
    struct mw_loose *loose; /* by address after a snapshot */
    size_t loose_count, loose_bytes;
    struct mw_loose *young; /* the next `loose`, being written */
    size_t young_count, young_bytes;
    size_t bytes; /* counted in `malloced` */
    struct mw_identity_pass pass;
};

void mw_identity_init(struct mw_heap *self);
void mw_identity_deinit(struct mw_heap *self);

/* The objects of the old space, in the order of addresses, as they go from one place to the next:
 * for collections that move them. `slid` is for those with MW_FLAG_NUMBERED; without a table no
 * object has that flag. `to` is not above `from`. */
void mw_identity_slide_begin(struct mw_heap *self);
void mw_identity_slid(struct mw_heap *self, uintptr_t from, uintptr_t to);
void mw_identity_slide_end(struct mw_heap *self);

/* Snapshots: each object of the old space by address, then each young one by address. `forget`:
 * all ids are new. Errors   -ENOMEM, and nothing has changed. */
int mw_identity_number_begin(struct mw_heap *self, bool forget, size_t young);
void mw_identity_number(struct mw_heap *self, uintptr_t *object);
void mw_identity_number_young(struct mw_heap *self, uintptr_t *object);
void mw_identity_number_end(struct mw_heap *self);
/* Brings the table of a page back from a fork, see mw_pool_touch(). */
void mw_identity_touch(struct mw_heap *self, size_t page);
/* The first of so many new ids. */
uint32_t mw_identity_fresh(struct mw_heap *self, uint64_t count);
/* How many there are. */
uint64_t mw_identity_left(const struct mw_heap *self);
/* When all begin again. */
uint64_t mw_identity_most(void);
/* Begins with the first one again. */
void mw_identity_restart(struct mw_heap *self);

/* After a scavenge of that half; after marking. */
void mw_identity_scavenged(struct mw_heap *self, uintptr_t from, size_t size);
void mw_identity_clear(struct mw_heap *self);
#endif
