/* The heap inside. Each group of declarations belongs to the file that it is named after; the
 * essays are there, and in DESIGN.md. */
#ifndef MW_HEAP_INTERNAL_H
#define MW_HEAP_INTERNAL_H
#include "heap/heap.h"
#include "heap/identity_internal.h"
#include "heap/nursery_internal.h"
#include "heap/page_internal.h"
#include "heap/policy_internal.h"
#include "heap/types_internal.h"
#include "heap/vm_internal.h"

#include "base/clock.h"

#include <pthread.h>
#include <string.h>

enum {
    MW_LAB = 16 * 1024, /* bytes of young memory between two looks at what else is to be done */
    MW_SEMI_MIN = 256 * 1024,
    MW_SEMI_MAX = 16 * 1024 * 1024,
    MW_SPAN_MIN = 64,     /* a smaller hole costs more to remember than it is worth */
    MW_SPAN_CLASSES = 12, /* class i: holes of 64 << i bytes and more; the last: half a page */
    /* Large young objects at once: two scavenges' worth, and one that is larger than a half. */
    MW_LARGE_YOUNG_MAX = 2 * (MW_SEMI_MAX / MW_LARGE_MIN + 1),
    MW_KEPT_MAX = 16,          /* more mappings of large objects are not looked through */
    MW_RESERVE = MW_PAGE_SIZE, /* bytes that only the near-limit callback may use */
    MW_REMEMBER_ALL =
        1024, /* holders up to this many bytes are remembered whole, others by slots */
};

/* ---- page pool and old space ---- */

enum mw_page_role {
    MW_ROLE_FREE, /* addresses only */
    MW_ROLE_POOLED,
    MW_ROLE_USED,
};

enum { MW_GROUP = MW_VM_HUGE / MW_PAGE_SIZE }; /* pages that can be brought in together */

struct mw_pool {
    char *base;     /* of `page_max` pages */
    uint8_t *roles; /* of each page */
    size_t page_max;
    size_t pooled, used; /* pages */
    size_t target;       /* pages that are kept ready for the next scavenge */
    size_t cap;          /* bytes that are kept at most, mappings of large objects included */
    bool shut;           /* no page more came in the present collection */
    size_t untouched;    /* pages from here on were not written to since the last fork */
};

struct mw_span {
    uint64_t header; /* of a filler */
    struct mw_span *next;
};

enum { MW_SPAN_HEAD = sizeof(struct mw_span) };

/* Objects with references, and those without, have pages of their own. */
enum mw_lane_name { MW_LANE_HOLDERS, MW_LANE_LEAVES, MW_LANES };

struct mw_lane {
    char *top, *limit; /* the hole being filled */
    char *zeroed;      /* up to here it is, for what is born old; below `top`: nothing is */
    struct mw_span *spans[MW_SPAN_CLASSES];
    uint32_t span_classes; /* bit i: class i is not empty */
};

struct mw_old {
    struct mw_lane lanes[MW_LANES];
    size_t sweep_at;      /* pages from this index on may be unswept */
    struct mw_page *lent; /* taken from the reserve by what the near-limit callback makes */
    size_t used;          /* bytes of objects, and of the holes being filled */
};

struct mw_large {
    struct mw_page *first;
    size_t used, size; /* bytes of objects, of mappings */
};

/* Mappings of large objects that are gone, the oldest first. */
struct mw_large_kept {
    struct mw_mapping {
        void *start;
        size_t size;
    } mappings[MW_KEPT_MAX];
    size_t count, bytes;
};

struct mw_large_young {
    struct mw_large objects,
        reached;         /* in a scavenge: not reached yet, and those that stay young */
    size_t born;         /* bytes since the last scavenge */
    uintptr_t low, span; /* all of them lie here; others may, too */
};

/* ---- remembered set, marker ---- */

struct mw_stack {
    uintptr_t *base, *top;
    size_t bytes;
    size_t ready; /* bytes of it that have memory already, as far as that was seen to */
};

/* incremental.c */
struct mw_marking {
    uint64_t began_ns;
    uint64_t steps, steps_ns, step_max_ns; /* thread CPU time */
    unsigned looks;                        /* at young objects, for what they lead to */
};

struct mw_marker {
    struct mw_stack stack;
    struct mw_marking marking; /* of the present cycle, when it goes in slices */
    size_t debt;               /* words to mark soon */
    size_t pace;               /* words to mark for each that becomes old */
    bool active;               /* between the first root and the last object */
    bool young; /* young objects are marked too; between slices they are left alone */
};

/* compact_plan.c: where the live words of a page go */
struct mw_move {
    uintptr_t
        to[2];      /* the page's first one: for objects before `split`, and for those from it on */
    uint32_t split; /* a word of the page */
    uint32_t end;   /* the word behind the last one that comes to this page */
};

struct mw_compactor {
    struct mw_move *moves; /* of each page */
    uint16_t *ranks; /* live words of the page before each 64; and a bit, if an object reaches in */
    size_t bytes;    /* of both tables */
    size_t last;     /* the last page that keeps objects */
    size_t pages;    /* that keep objects */
    bool due;        /* to be considered in idle time: once after each full collection */
    uint64_t cost;   /* ns of each KiB alive, the last time; 0: never yet */
};

struct mw_globals {
    struct mw_global *first, *first_weak, *last; /* one list, the weak ones behind all others */
    struct mw_global **young;                    /* those that may hold a young object */
    struct mw_global **weak;                     /* the weak ones, in any order */
    size_t young_count, young_capacity, count;
    size_t weak_count, weak_capacity;
};

/* external.c */
struct mw_external {
    struct mw_external *next;
    uintptr_t object;
    size_t bytes;
    void (*release)(void *data);
    void *data;
    uint32_t id; /* in snapshots; 0: none yet */
};

struct mw_externals {
    struct mw_external *young, *old, *dead;
};

/* ---- policy, history ---- */

struct mw_history {
    struct mw_heap_collection ring[MW_TRACE_LINES];
    uint64_t count;
    uint64_t full_end_ns;            /* when the last full collection ended */
    double mutator_own, mutator_all; /* sums that halve at each full collection */
    double mutator_current;
};

struct mw_heap {
    struct mw_heap_front front;
    struct mw_nursery nursery;
    struct mw_old old;
    struct mw_pool pool;
    struct mw_large large; /* old ones */
    struct mw_large_kept kept;
    struct mw_large_young large_young;
    struct mw_stack remembered;
    struct mw_stack promoted; /* objects that became old in this scavenge and wait for their scan */
    struct mw_marker marker;
    struct mw_compactor compactor;
    struct mw_types types;
    struct mw_globals globals;
    struct mw_witnesses witnesses;
    struct mw_policy policy;
    struct mw_vm vm;
    struct mw_heap_config config;
    size_t limit;
    bool reserve_open; /* inside the near-limit callback */
    bool collecting;   /* or otherwise in the middle of something, with a callback running */
    bool telling;      /* inside the misuse callback */
    bool copy; /* a child's, made by fork() to write a snapshot: what is outside is not its own */
    uint32_t guard_depth; /* guard.c: how many calls have the old space open */
    bool refused;         /* the last scavenge could not promote all that it wished to */
    struct mw_scope_record *scopes, *scope_limit;
    uintptr_t *handles, *handle_limit; /* the handle stack */
    uint16_t *tags;                    /* checked: the tag of each slot's present use */
    uint16_t last_tag;
    struct mw_externals externals;
    struct mw_identity identity;
    size_t external; /* bytes */
    size_t malloced;
    uint64_t allocations; /* in stress mode */
    uint64_t started_ns;
    uint64_t scavenges;
    pthread_t owner;
    struct mw_history history;
    struct mw_heap_numbers counters; /* collections, pauses, promoted, allocated_old */
};

/* The new space tells its objects by their address, large ones by their header. (An object that
 * has moved has none: during a scavenge, from-space is asked about first.) */
MW_ALWAYS_INLINE bool mw_is_young_large(const struct mw_heap *self, uintptr_t object)
{
    return object - self->large_young.low < self->large_young.span &&
           /* 0 is not in that range. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
           (*(const uint64_t *)object & (MW_FLAG_LARGE | MW_FLAG_OLD)) == MW_FLAG_LARGE;
}

MW_ALWAYS_INLINE bool mw_is_young_object(const struct mw_heap *self, uintptr_t object)
{
    return mw_is_young(&self->nursery, object) || mw_is_young_large(self, object);
}

/* heap.c */
void *mw_heap_calloc(struct mw_heap *self, size_t count, size_t size);
void mw_heap_free(struct mw_heap *self, void *memory, size_t size);
void mw_misuse(struct mw_heap *self, enum mw_heap_misuse_kind kind, const char *what,
               const char *where);
bool mw_heap_right_thread(struct mw_heap *self, const char *where);
/* Between these two, callbacks run that must not change the heap: what they ask for goes the long
 * way, and is refused there. The first one returns what the second one is given. */
bool mw_callbacks_begin(struct mw_heap *self);
void mw_callbacks_end(struct mw_heap *self, bool before);
size_t mw_heap_total(const struct mw_heap *self);
size_t mw_heap_used(const struct mw_heap *self);
size_t mw_heap_pooled(const struct mw_heap *self);
/* What total and pool may come to: the reserve is for the near-limit callback. */
size_t mw_heap_bound(const struct mw_heap *self);
/* Whether the spaces have some of it. */
bool mw_heap_is_in_reserve(const struct mw_heap *self);
/* Whether the spaces and the pool may grow by so many bytes. */
bool mw_heap_may_grow(const struct mw_heap *self, size_t bytes);

/* Free memory with MW_HEAP_POISON. What is there is looked at by the verifier: halves of the new
 * space beyond what is zeroed, pages of the pool, and in swept pages all holes but those being
 * filled. */
enum { MW_POISON_BYTE = 0xd5 };
MW_ALWAYS_INLINE void mw_poison(const struct mw_heap *self, void *start, size_t bytes)
{
    if (self->config.modes & MW_HEAP_POISON)
        memset(start, MW_POISON_BYTE, bytes);
}

/* guard.c */
struct mw_heap *mw_guard_open(struct mw_heap *self);
void mw_guard_close(struct mw_heap **self);
/* The first line of each public call that looks at objects or pages: they are open until it
 * returns. */
#define MW_GUARD(heap)                                                                             \
    struct mw_heap *mw_guarded __attribute__((cleanup(mw_guard_close), unused)) =                  \
        (heap)->config.modes & MW_HEAP_GUARD ? mw_guard_open(heap) : NULL

/* types.c */
int mw_types_init(struct mw_heap *self);
void mw_types_deinit(struct mw_heap *self);
bool mw_type_is_own(const struct mw_heap *self, const struct mw_heap_type *type);

/* handles.c */
int mw_handles_init(struct mw_heap *self);
/* Handles are made in line again, unless the heap is checked. */
void mw_handles_open(struct mw_heap *self);
void mw_handles_deinit(struct mw_heap *self);
struct mw_ref mw_handle_fail(struct mw_heap *self, int error);
/* The object of a handle; NULL for none. In a checked heap, misuse is reported and NULL. */
uintptr_t *mw_handle_object(struct mw_heap *self, struct mw_ref ref, const char *where);

/* globals.c */
void mw_globals_deinit(struct mw_heap *self);
struct mw_global {
    uintptr_t value;
    struct mw_global *next, *previous;
    const struct mw_heap *heap;
    const char *where; /* it was created */
    uint32_t young_at; /* its place in globals.young, from 1 */
    uint32_t weak_at;  /* its place in globals.weak, from 0 */
    bool weak;
};

/* access.c */
size_t mw_object_length(const struct mw_heap *self, const uintptr_t *object);

/* scavenge.c: what one has done */
struct mw_scavenged {
    size_t filled; /* bytes of the half ... */
    bool full;     /* ... and whether that is why it took place */
    size_t copied; /* bytes; large objects are not, and both of these count them: */
    size_t promoted, survived;
    uint64_t roots_ns; /* for handles and globals, when there are many; else 0 */
    size_t aged;       /* bytes that the scavenge before had copied within the new space ... */
    size_t in_vain;    /* ... and of these, what was dead by now */
};

/* page_pool.c */
int mw_pool_init(struct mw_heap *self);
void mw_pool_deinit(struct mw_heap *self);
size_t mw_pool_target(size_t semi_space);
struct mw_page *mw_pool_take(struct mw_heap *self);
void mw_pool_put(struct mw_heap *self, struct mw_page *page);
/* Makes a page ready, or a group of them, if fewer than `target` are; outside of pauses. Returns
 * whether it did. */
bool mw_pool_refill(struct mw_heap *self);
/* Gives mappings and pages back until at most so many bytes are kept. */
void mw_pool_trim(struct mw_heap *self, size_t keep);
/* Likewise, but takes no huge page to pieces, so somewhat more may be kept. */
void mw_pool_ease(struct mw_heap *self, size_t keep);
/* Gives back what keeps the heap from growing by so many bytes, if that is enough. */
void mw_pool_make_way(struct mw_heap *self, size_t bytes);
/* Of a quiet program: a part of what it is not likely to need soon. Returns whether there was any.
 */
bool mw_pool_relax(struct mw_heap *self);
/* The process is about to fork: what is written to after that is copied first. */
void mw_pool_forked(struct mw_heap *self);
/* Brings the marks of one page that is in use back from a fork. Returns false when all are here. */
bool mw_pool_touch(struct mw_heap *self);
MW_ALWAYS_INLINE struct mw_page *mw_pool_page(const struct mw_pool *self, size_t index)
{
    return (struct mw_page *)(void *)(self->base + (index << MW_PAGE_SHIFT));
}

/* old_space.c */
/* Fills another hole, which has room for so many bytes. Returns false when there is none. */
bool mw_old_open(struct mw_heap *self, size_t bytes, enum mw_lane_name name);
/* Gives up the holes being filled, for walks and marking. */
void mw_old_retire(struct mw_heap *self);
/* Likewise; and the holes of a page from the reserve are nobody's any more: the program shall not
 * fill up what the callback has left of it, or the next call finds none. */
void mw_old_withhold(struct mw_heap *self);
void mw_old_forget_zeroes(struct mw_old *self); /* the next object born old goes the long way */
void mw_old_add_span(struct mw_old *self, void *start, size_t bytes);
void mw_old_drop_spans(struct mw_old *self);
MW_ALWAYS_INLINE void *mw_old_allocate(struct mw_heap *self, size_t bytes, enum mw_lane_name name)
{
    struct mw_lane *lane = &self->old.lanes[name];
    char *start = lane->top;

    if (MW_HEAP_UNLIKELY(bytes > (size_t)(lane->limit - start))) {
        if (!mw_old_open(self, bytes, name))
            return NULL;
        start = lane->top;
    }
    lane->top = start + bytes;
    return start;
}
MW_ALWAYS_INLINE bool mw_is_leaf(const struct mw_heap *self, uint64_t header)
{
    return self->types.shapes[mw_header_type(header)].kind == MW_SHAPE_LEAF;
}
/* Whether an object of so many bytes finds a hole of that size. */
bool mw_old_fits(size_t hole, size_t bytes);
/* Where the hole being filled ends that begins at an address; NULL: none does. */
const char *mw_old_hole_end(const struct mw_old *self, const char *at);
bool mw_old_has_hole(const struct mw_old *self);
size_t mw_old_used(const struct mw_heap *self);

/* large.c */
/* NULL when there is no room. */
uintptr_t *mw_large_allocate(struct mw_heap *self, uint64_t header, bool young);
/* Bytes that an object of so many takes from the limit, at least. */
size_t mw_large_least(size_t bytes, bool leaf);
/* And while there is room. */
size_t mw_large_mapping(size_t bytes, bool leaf);
void mw_large_promote(struct mw_heap *self, uintptr_t *object);
void mw_large_keep_young(struct mw_heap *self, uintptr_t *object);
/* Frees the young ones that were not reached. */
void mw_large_scavenged(struct mw_heap *self);
void mw_large_sweep(struct mw_heap *self);
/* Gives the mapping back that is kept for longest. Returns false when none is. */
bool mw_large_let_go(struct mw_heap *self);
/* What mappings have beyond their objects, because that was quicker. After a full collection. */
void mw_large_cut(struct mw_heap *self);
size_t mw_large_size(const struct mw_heap *self);
size_t mw_large_used(const struct mw_heap *self);
void mw_large_deinit(struct mw_heap *self);

/* remembered.c */
int mw_stack_init(struct mw_heap *self, struct mw_stack *stack, size_t entries);
void mw_stack_deinit(struct mw_stack *self);
/* Brings in its next page, if fewer bytes than that are ready. Returns whether it did. */
bool mw_stack_prepare(struct mw_stack *self, size_t bytes);
MW_ALWAYS_INLINE void mw_stack_push(struct mw_stack *self, uintptr_t entry)
{
    *self->top++ = entry;
}
MW_ALWAYS_INLINE size_t mw_stack_count(const struct mw_stack *self)
{
    return (size_t)(self->top - self->base);
}
MW_ALWAYS_INLINE bool mw_remembered_by_slots(const struct mw_heap *self, uint64_t header)
{
    return mw_header_bytes(header) > MW_REMEMBER_ALL &&
           mw_shape_has_parts(&self->types.shapes[mw_header_type(header)]);
}
void mw_remembered_list(struct mw_heap *self, uintptr_t *holder);
/* After marking began or ended, the first large young object came, or the last one went. */
void mw_barrier_adjust(struct mw_heap *self);
/* Gives a holder that became old, or was born so, the flags that its references ask for. */
MW_ALWAYS_INLINE void mw_remembered_enter(struct mw_heap *self, uintptr_t *holder,
                                          bool young_inside)
{
    if (!young_inside || mw_remembered_by_slots(self, holder[0]))
        holder[0] |= MW_FLAG_WATCHED;
    if (young_inside)
        mw_remembered_list(self, holder);
}
/* Visits the slots that may hold young references; holders without any leave the set. */
void mw_remembered_scan(struct mw_heap *self, mw_visit_fn *visit, void *context);
void mw_remembered_prune(struct mw_heap *self);

/* scavenge.c */
/* Memory ahead of the next one, a little at a time. Returns whether it brought some in. */
bool mw_scavenge_prepare(struct mw_heap *self);
void mw_scavenge(struct mw_heap *self, bool promote_all, struct mw_scavenged *ret);
/* Large, young, and not reached. */
MW_ALWAYS_INLINE bool mw_large_is_lost(uint64_t header)
{
    return (header & (MW_FLAG_LARGE | MW_FLAG_OLD | MW_FLAG_MARKED)) == MW_FLAG_LARGE;
}
/* Where an object is after its half was scavenged: 0 when it was not reached. */
MW_ALWAYS_INLINE uintptr_t mw_scavenged_place(uintptr_t from, size_t size, uintptr_t object)
{
    uintptr_t header;

    if (object == 0)
        return 0;
    header = *(uintptr_t *)object;
    if (object - from >= size)
        return mw_large_is_lost(header) ? 0 : object;
    return header & MW_FLAG_FORWARDED ? header - MW_FLAG_FORWARDED : 0;
}

/* mark.c */
/* Brings in a page of the stack that marking will need. Returns whether it did. */
bool mw_mark_prepare(struct mw_heap *self);
void mw_mark_begin(struct mw_heap *self);
void mw_mark_roots(struct mw_heap *self);
/* The young objects to which marked old ones refer: slices passed them by. */
void mw_mark_from_remembered(struct mw_heap *self);
/* The old objects to which young ones refer, dead ones too: best after a scavenge. */
void mw_mark_from_young(struct mw_heap *self);
void mw_mark_drain(struct mw_heap *self);
/* At least so many words, if there are. Returns whether something is left. */
bool mw_mark_some(struct mw_heap *self, size_t words);
void mw_mark_end(struct mw_heap *self);
void mw_mark_object(struct mw_heap *self, uintptr_t object);
bool mw_mark_is_live(const struct mw_heap *self, uintptr_t object);

/* incremental.c */
enum { MW_SLICE_WORDS_LEAST = 4 * 1024 }; /* so that it ends, even if nothing becomes old */
/* Whether so much is owed that a slice is due. */
MW_ALWAYS_INLINE bool mw_incremental_is_due(const struct mw_heap *self)
{
    return self->marker.active && self->marker.debt >= MW_SLICE_WORDS_LEAST;
}
void mw_incremental_tick(struct mw_heap *self);
/* So many bytes have become old. */
MW_ALWAYS_INLINE void mw_incremental_owe(struct mw_heap *self, size_t bytes)
{
    if (self->marker.active)
        self->marker.debt += bytes / MW_WORD * self->marker.pace;
}

/* weak.c */
void mw_weak_clear(struct mw_heap *self);

/* external.c */
void mw_external_scavenged(struct mw_heap *self, uintptr_t from, size_t size);
void mw_external_clear(struct mw_heap *self); /* after marking */
void mw_external_slid(struct mw_heap *self);  /* old objects have moved */
void mw_external_release(struct mw_heap *self);
/* Both lists, by what `rank` says of their objects. */
void mw_external_sort(struct mw_heap *self, uint64_t (*rank)(void *context, uintptr_t object),
                      void *context);
void mw_external_deinit(struct mw_heap *self);

/* limit.c */
/* Gives back what makes the program quicker and holds nothing: halves that have grown, as far as
 * what lives in them allows, and what large objects do not need. */
void mw_limit_use_less(struct mw_heap *self);

/* sweep.c */
void mw_sweep_begin(struct mw_heap *self);
/* Sweeps the next page. Returns false when there is none. */
bool mw_sweep_next(struct mw_heap *self);
/* Gives the words from `first` to before `end` of a page to the old space. */
void mw_sweep_add_hole(struct mw_heap *self, struct mw_page *page, size_t first, size_t end);

/* compact_plan.c */
int mw_compact_init(struct mw_heap *self);
void mw_compact_deinit(struct mw_heap *self);
/* Finds where all that is marked goes, and changes nothing. Right until marks change. */
void mw_compact_plan(struct mw_heap *self);
/* Brings the plan's memory in, as far as the kernel has some: ahead of a pause. */
void mw_compact_prepare(struct mw_heap *self);

/* compact.c */
/* In place of a sweep, after marking. */
void mw_compact(struct mw_heap *self);
/* Whether an object with that header, for which no room was found after a full collection, gets
 * some by sliding; and whether only if grown halves get smaller after that. */
bool mw_compact_makes_room(struct mw_heap *self, uint64_t header, bool *ret_shrink);
/* Whether as much comes free, by what was alive at the last full collection, as to be worth a
 * pause in idle time. */
bool mw_compact_is_worth_it(struct mw_heap *self);

/* collect.c */
void mw_collect_minor(struct mw_heap *self, const char *reason);
void mw_collect_major(struct mw_heap *self, const char *reason);
void mw_collect_mark(struct mw_heap *self, const char *reason);
void mw_collect_compact(struct mw_heap *self, const char *reason);
/* Ends a cycle that was marked in slices. */
void mw_collect_finish(struct mw_heap *self, const char *reason);
/* Likewise, and leaves marks that tell where objects are, in every mode. */
void mw_collect_finish_mark(struct mw_heap *self, const char *reason);
/* Sets when the next full collection comes and how much may be pooled, by what is alive now. */
void mw_collect_plan(struct mw_heap *self);

/* stats.c */
void mw_stats_count(struct mw_heap *self, const struct mw_heap_collection *of);
void mw_stats_count_pause(struct mw_heap *self, uint64_t pause_ns);

/* survival.c */
/* Between the copying and the end of a scavenge: looks at some of from-space's new objects. */
void mw_survival_sample(struct mw_heap *self, const char *start, const char *end);
/* A type's objects are not born old any more. */
void mw_survival_revoke(struct mw_heap *self, const struct mw_heap_type *type);
/* An object was born old because its type survives. */
void mw_survival_witness(struct mw_heap *self, const uintptr_t *object);
MW_ALWAYS_INLINE void mw_survival_born_old(struct mw_heap *self, const uintptr_t *object)
{
    if (MW_HEAP_UNLIKELY((++self->witnesses.objects & self->witnesses.skipped) == 0))
        mw_survival_witness(self, object);
}
/* After marking, before anything is freed or moved: which types are born old from now on. */
void mw_survival_review(struct mw_heap *self);

/* trace.c */
void mw_history_add(struct mw_heap *self, struct mw_heap_collection *of);

/* verify.c */
void mw_verify_or_report(struct mw_heap *self);

/* walk.c */
typedef void mw_walk_fn(void *context, uintptr_t *object, uint64_t header);
/* Every object of every space, fillers left out. */
void mw_walk(const struct mw_heap *self, mw_walk_fn *each, void *context);
/* And these: what died young, and the holes of swept pages. */
void mw_walk_fillers(const struct mw_heap *self, mw_walk_fn *each, void *context);
#endif
