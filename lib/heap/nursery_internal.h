/* nursery: the new space. Two halves, of which one is filled and the other one waits. */
#ifndef MW_HEAP_NURSERY_INTERNAL_H
#define MW_HEAP_NURSERY_INTERNAL_H
#include "heap/object_internal.h"
#include "heap/policy_internal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mw_heap;
struct mw_scavenged;

struct mw_nursery {
    char *base;      /* of `slots` halves, each with room for the largest */
    size_t reserved; /* bytes of all of them */
    size_t slot_size;
    unsigned slots; /* two, or more when addresses must not come back soon */
    unsigned from, to;
    size_t capacity;      /* bytes of a half in use */
    struct mw_fill fill;  /* how much of it is used until the next scavenge ... */
    char *end;            /* ... and where that ends */
    bool crowded;         /* survivors that cannot become old take most of that: all is used */
    bool full;            /* what was asked for last found no room in it */
    char *lent;           /* as far as memory may be zeroed and used before other work is due */
    char *start;          /* where what was born since the last scavenge begins */
    size_t wanted;        /* the capacity that it grows to, piece by piece */
    size_t ahead;         /* bytes that were brought in for that, of both halves together */
    size_t aged, in_vain; /* of scavenges since its capacity last changed, the last ones more */
    uint64_t born;        /* bytes, until the last scavenge; large ones at once */
    size_t most_moved;    /* bytes that one copied at most; an eighth is forgotten at each */
    uint64_t cost;        /* of a scavenge, in nanoseconds for each KiB that survives */
    uint64_t usual_ns;    /* that one takes, the last ones counting most */
    uint64_t looked_ns,
        looked_bytes; /* when it was last asked whether all is quiet; bytes by then */
};

MW_ALWAYS_INLINE bool mw_is_young(const struct mw_nursery *self, uintptr_t object)
{
    return object - (uintptr_t)self->base < self->reserved;
}

int mw_nursery_init(struct mw_heap *self);
void mw_nursery_deinit(struct mw_heap *self);
/* Extends the inline allocation's memory to at least `bytes`. Returns false when other work is due
 * first. */
bool mw_nursery_go_on(struct mw_heap *self, size_t bytes);
/* Likewise, when that is done. Returns false when the half is full. */
bool mw_nursery_extend(struct mw_heap *self, size_t bytes);
void mw_nursery_retire(struct mw_heap *self);
void mw_nursery_flip(struct mw_heap *self, char *to_top, bool refused);
/* What a scavenge cost, and what it moved: whether the halves are to grow or to shrink. */
void mw_nursery_judge(struct mw_heap *self, const struct mw_scavenged *moved, uint64_t cpu_ns);
/* Brings in a piece of what it grows by; outside of pauses. Returns whether it did. */
bool mw_nursery_grow(struct mw_heap *self);
/* Whether the program did next to nothing since this was last asked; false when that is not long
 * ago. */
bool mw_nursery_is_quiet(struct mw_heap *self);
/* Of a quiet program: gives memory back that it does not need. Returns whether it did. */
bool mw_nursery_relax(struct mw_heap *self);
/* At the limit: as small as what is alive in them allows. */
void mw_nursery_make_way(struct mw_heap *self);
char *mw_nursery_half(const struct mw_nursery *self, unsigned slot);
size_t mw_nursery_used(const struct mw_heap *self);
size_t mw_nursery_size(const struct mw_heap *self);
/* Young objects without a mark become fillers, the others lose their mark. */
void mw_nursery_bury(struct mw_heap *self);

#endif
