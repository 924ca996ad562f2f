/* heap: a managed heap in two generations. Objects are found by following references; what cannot
 * be found is collected, and what is found may move. lib/heap/DESIGN.md tells how and why.
 *
 *     MW_SCOPE(scope, heap);
 *     struct mw_ref node = mw_heap_new(heap, node_type);
 *     mw_heap_set(heap, node, 0, list);
 *     return mw_scope_escape(&scope, node);
 *
 * A program never holds the address of an object, only handles (struct mw_ref). A handle lives
 * until the scope closes that was innermost when it was made. Long-lived ones are globals.
 *
 * Threads  one owner a heap: the thread that created it. Heaps know nothing of each other.
 * Bound    `limit` for objects, `handles` and `scopes` for what is open. Beside it the collector
 * has records, counted in mw_heap_numbers.malloced, and stacks and tables that are reserved when it
 * is created and take memory as far as they are used: for each live object of which marking, a
 * scavenge or the write barrier has to remember something a word each; and 1 KiB for each page of
 * 256 KiB while it slides.
 * Errors   a call that should return an object and cannot returns none; mw_heap_error() says why.
 * The library never prints, exits or aborts.
 * Needs    a 64-bit machine.
 */
#ifndef MW_HEAP_H
#define MW_HEAP_H
#include "heap/layout.h"
#include "heap/numbers.h"
#include "heap/sites.h"
#include "heap/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mw_heap;
struct mw_clock;

/* ---- configuration ---- */

enum mw_heap_mode {
    MW_HEAP_CHECKED = 1 << 0, /* handles, types, bounds, scopes and the thread are looked at in
                                 every call that could do harm; if all heaps of the program are, as
                                 a handle of one that is not says that no look is needed */
    MW_HEAP_VERIFY = 1 << 1,  /* the verifier runs before and after each collection */
    MW_HEAP_STRESS = 1 << 2,  /* collects at every allocation */
    MW_HEAP_MOVE = 1 << 3, /* young addresses come back after 16 scavenges, unreadable until then */
    MW_HEAP_POISON = 1 << 4,  /* free memory is overwritten; VERIFY sees who writes there */
    MW_HEAP_FULL = 1 << 5,    /* each collection that an allocation needs is a full one */
    MW_HEAP_ATOMIC = 1 << 6,  /* marks in one pause, never in slices */
    MW_HEAP_SLICES = 1 << 7,  /* marks all the time, in very small slices */
    MW_HEAP_COMPACT = 1 << 8, /* each full collection slides, but for a snapshot's */
    MW_HEAP_GUARD = 1 << 9,   /* CHECKED, and old objects cannot be read outside of calls */
};

enum mw_heap_misuse_kind {
    MW_MISUSE_HANDLE, /* none where an object is needed, or one whose scope was closed */
    MW_MISUSE_HEAP,   /* of another heap */
    MW_MISUSE_TYPE,   /* this object has no such reference or word; a type that is no type of the
                         heap, or not for this call; no such kind of collection */
    MW_MISUSE_RAW,    /* raw pointers were held over what may move objects, or asked for outside a
                         region; a region was left that is not open */
    MW_MISUSE_SCOPE,  /* closed out of order, left twice with an object, more than `scopes` of them
                       */
    MW_MISUSE_THREAD, /* not the owner */
    MW_MISUSE_DAMAGE, /* the verifier found the heap damaged */
    MW_MISUSE_CALLBACK, /* a callback allocates, collects or destroys, and is not `near_limit`; or
                           that destroys */
};

struct mw_heap_misuse {
    enum mw_heap_misuse_kind kind;
    const char *what;
    /* "file:line" of the call, or its name if it is no macro; "" for a collection. Closing a scope
     * and destroying a global have no place of their own: it is where the scope was opened or the
     * global was created. */
    const char *where;
};

struct mw_heap_config {
    size_t limit;          /* bytes; the spaces and the page pool together */
    size_t limit_max;      /* as far as it may be raised, 1 TiB at most; 0: limit and half of it */
    size_t semi_space;     /* of one half of the new space: a power of two, 256 KiB to 16 MiB */
    size_t semi_space_max; /* as far as it may grow, the same; 0: up to four times that as long as
                              both halves are an eighth of `limit` at most, and up to sixteen times
                              as long as they are a thirty-second; or not at all */
    uint64_t scavenge_us;  /* it grows while scavenges are likely to take no longer, and less of it
                              is filled after one took twice as long; 0: any time. One that finds
                              alive what never was before may take as long as all of a half does:
                              some 0.6 ms for each MiB */
    uint64_t slide_us;     /* in idle time it slides only if that is not likely to take longer; 0:
                              any time */
    bool pretenure;        /* types whose objects nearly all survive are born old */
    uint32_t handles;      /* that may be alive at once */
    uint32_t scopes;       /* that may be open at once */
    unsigned modes;        /* of enum mw_heap_mode */
    uint64_t fail_mapping; /* tests: the n-th call for memory fails; 0: none does */
    /* Of all times but CPU time, those of mw_heap_step() included. Must outlive the heap; NULL: the
     * machine's. */
    const struct mw_clock *clock;
    void *context; /* for the calls below, each of which may be NULL, and must return */
    /* What was asked for is not done; but a scope with open ones inside is closed with them, and
     * where damage was found the collection goes on. Called in unchecked heaps too for what is seen
     * there. May look at the heap, but not change it, and is not told of its own misuse. */
    void (*misuse)(void *context, const struct mw_heap_misuse *misuse);
    /* Nothing more can be had below `limit`. May drop objects; a reserve of 256 KiB is open
     * meanwhile, at each call, as far as nothing lives in it that earlier ones have made. Returns
     * the new limit; what is not above the present one leaves it as it is. */
    size_t (*near_limit)(void *context, size_t limit, size_t initial);
    /* After each collection. May ask for numbers, and must not do anything else to the heap. */
    void (*collected)(void *context, const struct mw_heap_collection *collection);
};

/* 64 MiB, semi-spaces of 1 MiB that grow to 4 MiB where that saves work, as long as scavenges are
 * not likely to take more than 3 ms, pretenuring, a million handles, no modes. */
void mw_heap_config_default(struct mw_heap_config *ret);

/* Errors   -EINVAL a bound that makes no sense, -ENOMEM. */
int mw_heap_create(const struct mw_heap_config *config, struct mw_heap **ret);
/* With all that it handed out: types, globals, handles. Takes NULL, and returns it. From within a
 * callback it is misuse, does nothing, and returns the heap. */
struct mw_heap *mw_heap_destroy(struct mw_heap *self);
/* The least limit that a heap can work with whose halves may grow so far (not the 0 of a
 * configuration): both of them, one old page and the reserve. */
size_t mw_heap_limit_min(size_t semi_space_max);
/* Sets another limit, which later calls of `near_limit` get as `initial`. One below what is held
 * collects first.
 * Errors   -EINVAL not within mw_heap_numbers.limit_min and limit_max, -EBUSY what is alive
 *          needs more (mw_heap_numbers.total says how much, the reserve of 256 KiB comes on top),
 *          -EPERM misuse, or from within a callback; the limit is then what it was. */
#define mw_heap_set_limit(self, limit) mw_heap_set_limit_at(self, limit, MW_HERE)

/* Why the last call that returned none did, or the last misuse: -ENOMEM the limit is reached or the
 * system has no memory, -EINVAL a count or size that no object can have, -EOVERFLOW too many
 * handles, -EPERM misuse. What is given none and
 * returns it (mw_scope_escape(), mw_heap_dup()) leaves it as it was. 0 when none has yet, and when
 * mw_heap_get() or mw_global_get() found nothing where they looked: who may run out of handles
 * and must know which it was asks here, right after the call. */
int mw_heap_error(const struct mw_heap *self);
/* In words, whichever call it came from. Never NULL; the text is not to be freed. */
const char *mw_heap_error_text(int error);

/* ---- types ---- */

enum mw_heap_kind {
    MW_KIND_FIXED,   /* `words` of payload, `fields` of them references */
    MW_KIND_REFS,    /* an array of references */
    MW_KIND_BYTES,   /* bytes, no references */
    MW_KIND_STRUCTS, /* an array of elements as FIXED */
    MW_KIND_CUSTOM,  /* `words` of payload; `trace` finds the references */
    MW_KIND_TEXT,    /* BYTES that are text: heap snapshots show what they say */
};

struct mw_heap_field {
    const char *name;
    uint32_t word; /* of the payload, or of the element */
};

/* Shows the collector one reference; it may be changed under it. */
struct mw_heap_visitor {
    void (*visit)(void *context, uintptr_t *slot);
    void *context;
};

struct mw_heap_type_info {
    const char *name; /* of the class, as a heap snapshot shows it */
    enum mw_heap_kind kind;
    uint32_t words;                     /* 1 to 16000; STRUCTS: 1 to 64; else 0 */
    const struct mw_heap_field *fields; /* the references, FIXED and STRUCTS */
    uint32_t field_count;
    /* CUSTOM: visits every reference in the payload; must not call the heap, nor look into other
     * objects, which may be moving. */
    void (*trace)(const struct mw_heap_visitor *visitor, uint64_t *payload);
};

/* The heap keeps copies of all names, and the type until it is destroyed itself. Errors   -EINVAL
 * what is no type, -ENOSPC (65,535 types), -ENOMEM, -EPERM another thread. */
int mw_heap_add_type(struct mw_heap *self, const struct mw_heap_type_info *info,
                     const struct mw_heap_type **ret);

/* ---- objects: born zero, so without references ---- */

enum mw_heap_place {
    MW_PLACE_YOUNG, /* most objects */
    MW_PLACE_OLD,   /* those known to live long */
};

/* FIXED and CUSTOM, young. */
#define mw_heap_new(self, type) mw_heap_new_at(self, type, MW_HERE)
#define mw_heap_new_in(self, type, place) mw_heap_new_in_at(self, type, place, MW_HERE)
/* With its words 0 and 1, of a type that has references there; each may be none. Two stores less to
 * tell the collector of. What mw_heap_set() would refuse stays nothing. */
#define mw_heap_new_pair(self, type, first, second)                                                \
    mw_heap_new_pair_at(self, type, first, second, MW_HERE)
/* REFS, STRUCTS: `count` elements; BYTES, TEXT: bytes. */
#define mw_heap_new_array(self, type, count, place)                                                \
    mw_heap_new_array_at(self, type, count, place, MW_HERE)

/* Index: a word of the payload; with STRUCTS, element times words plus word. mw_heap_get() returns
 * none for a reference to nothing, and when no handle is left: mw_heap_error() tells them apart.
 * None in place of an object is misuse, and in a checked heap so is an index that the object does
 * not have: nothing is stored then, and what is read is none or 0. */
#define mw_heap_get(self, ref, index) mw_heap_get_at(self, ref, index, MW_HERE)
#define mw_heap_set(self, ref, index, value) mw_heap_set_at(self, ref, index, value, MW_HERE)
#define mw_heap_get_word(self, ref, index) mw_heap_get_word_at(self, ref, index, MW_HERE)
#define mw_heap_set_word(self, ref, index, value)                                                  \
    mw_heap_set_word_at(self, ref, index, value, MW_HERE)
/* Copies `count` references within REFS or from one to another, overlapping or not. Errors -EINVAL
 * one of them is no such array, or has not as many; -EPERM misuse. */
#define mw_heap_copy(self, to, to_index, from, from_index, count)                                  \
    mw_heap_copy_at(self, to, to_index, from, from_index, count, MW_HERE)

/* Elements, bytes or words of the payload; of none 0. */
#define mw_heap_length(self, ref) mw_heap_length_at(self, ref, MW_HERE)
/* Of none NULL. */
#define mw_heap_type_of(self, ref) mw_heap_type_of_at(self, ref, MW_HERE)
/* Whether both stand for one object, or both are none. */
#define mw_heap_same(self, left, right) mw_heap_same_at(self, left, right, MW_HERE)

/* ---- handles ---- */

/* None stands for no object: mw_ref_none() makes one, mw_ref_is_none() tells. A handle is good
 * until its scope is closed.
 *
 * A scope is closed when the block is left, or by mw_scope_close(scope), the last one first; again
 * does nothing. One that went with a scope around it is misuse, unless another one was opened since
 * that began at the same handle: then that one is closed. */
#define MW_SCOPE(name, heap)                                                                       \
    struct mw_scope name __attribute__((cleanup(mw_scope_close), unused)) =                        \
        mw_scope_open_at(heap, MW_HERE)
#define mw_scope_open(heap) mw_scope_open_at(heap, MW_HERE)
/* Closes the scopes inside it that were left by longjmp(), which no callback may be. (Closing it
 * does, too, but tells a checked heap that they were forgotten.) */
void mw_scope_unwind(const struct mw_scope *scope);
/* Closes, and carries one handle out into the scope around. None goes through, and mw_heap_error()
 * stays what it was. */
#define mw_scope_escape(scope, ref) mw_scope_escape_at(scope, ref, MW_HERE)
/* Closes, and makes a pair of what was in it in the scope around. If there is no room for that, or
 * no handle, which it may need meanwhile, the scope is closed nonetheless. */
#define mw_scope_escape_pair(scope, type, first, second)                                           \
    mw_scope_escape_pair_at(scope, type, first, second, MW_HERE)
/* Another handle for the same object; for none, none. */
#define mw_heap_dup(self, ref) mw_heap_dup_at(self, ref, MW_HERE)
/* Lets a handle stand for another object, as an assignment does. None on either side is misuse, and
 * changes nothing. */
#define mw_heap_assign(self, ref, value) mw_heap_assign_at(self, ref, value, MW_HERE)

/* Raw pointers: to a payload, good until the region is left; NULL after misuse. Regions nest. Bytes
 * and words may be read and written, references only be read, mw_heap_payload() then leads on: they
 * are stored by mw_heap_set(), which tells the collector. Inside a region nothing may be allocated
 * or collected, no limit set and no snapshot taken. */
#define mw_heap_raw_enter(self) mw_heap_raw_enter_at(self, MW_HERE)
#define mw_heap_raw_leave(self) mw_heap_raw_leave_at(self, MW_HERE)
#define mw_heap_raw(self, ref) mw_heap_raw_at(self, ref, MW_HERE)

/* Globals: handles without a scope, until they are destroyed or the heap is. A weak one does not
 * keep its object, and holds none when the object is gone. Setting none releases the object and
 * keeps the global. Getting is as from an object: none is nothing, or no handle. Destroying takes
 * NULL, and returns it. Errors   of creating one: -ENOMEM, -EPERM misuse. */
#define mw_global_create(self, ref, weak, ret) mw_global_create_at(self, ref, weak, ret, MW_HERE)
struct mw_global *mw_global_destroy(struct mw_heap *self, struct mw_global *global);
#define mw_global_set(self, global, ref) mw_global_set_at(self, global, ref, MW_HERE)
#define mw_global_get(self, global) mw_global_get_at(self, global, MW_HERE)

/* Memory outside the heap that lives as long as an object: counted, and released after the
 * collection that finds the object dead, or with the heap. `release` may be NULL and must not call
 * the heap. Errors   -EINVAL none, or more bytes than can be counted; -ENOMEM; -EPERM misuse. */
#define mw_heap_attach_external(self, ref, bytes, release, data)                                   \
    mw_heap_attach_external_at(self, ref, bytes, release, data, MW_HERE)
/* Releases at once all that is attached to an object, whether that lives on or not. Returns the
 * bytes. It looks through everything that is attached to any object: for heaps with few of that. */
#define mw_heap_release_external(self, ref) mw_heap_release_external_at(self, ref, MW_HERE)

/* ---- collecting ---- */

enum mw_heap_work {
    MW_COLLECT_MINOR,   /* the new space */
    MW_COLLECT_MAJOR,   /* everything */
    MW_COLLECT_COMPACT, /* everything; the old space is left without holes, and smaller */
};

#define mw_heap_collect(self, work) mw_heap_collect_at(self, work, MW_HERE)
/* For idle time: does what would be done in pauses later, for about so many microseconds. Returns
 * whether there is more to do. A pause is not cut short: the one that ends marking, a scavenge. An
 * old space that is mostly holes is compacted, in one go, too: that takes a millisecond or two for
 * each megabyte alive, see `slide_us`. */
bool mw_heap_step(struct mw_heap *self, uint64_t us);
/* Looks at everything, but while marking goes on not at what is not settled: marks, the remembered
 * set, what is dead. In a heap with MW_HEAP_POISON, at free memory as well. Returns 0, -EILSEQ
 * and the first fault's text, -EPERM for another thread, or -ENOMEM: it needs some 2 % of the
 * heap's size meanwhile. */
int mw_heap_verify(struct mw_heap *self, const char **ret_fault);
/* Calls `each` for every object, dead ones that were not noticed yet included, with its bytes, the
 * header among them. It must not call the heap. Marking that goes on in slices is ended first, so
 * objects may move; where that cannot be, in a raw region or a callback, some are left out. */
void mw_heap_walk(struct mw_heap *self,
                  void (*each)(void *context, const struct mw_heap_type *type, size_t bytes),
                  void *context);

/* ---- what the macros above stand for: each call knows its place ---- */

int mw_heap_set_limit_at(struct mw_heap *self, size_t limit, const char *where);
struct mw_ref mw_heap_new_in_at(struct mw_heap *self, const struct mw_heap_type *type,
                                enum mw_heap_place place, const char *where);
struct mw_ref mw_heap_new_array_at(struct mw_heap *self, const struct mw_heap_type *type,
                                   size_t count, enum mw_heap_place place, const char *where);
int mw_heap_copy_at(struct mw_heap *self, struct mw_ref to, size_t to_index, struct mw_ref from,
                    size_t from_index, size_t count, const char *where);
size_t mw_heap_length_at(struct mw_heap *self, struct mw_ref ref, const char *where);
const struct mw_heap_type *mw_heap_type_of_at(struct mw_heap *self, struct mw_ref ref,
                                              const char *where);
bool mw_heap_same_at(struct mw_heap *self, struct mw_ref left, struct mw_ref right,
                     const char *where);
struct mw_ref mw_heap_dup_at(struct mw_heap *self, struct mw_ref ref, const char *where);
void mw_heap_assign_at(struct mw_heap *self, struct mw_ref ref, struct mw_ref value,
                       const char *where);
int mw_global_create_at(struct mw_heap *self, struct mw_ref ref, bool weak, struct mw_global **ret,
                        const char *where);
void mw_global_set_at(struct mw_heap *self, struct mw_global *global, struct mw_ref ref,
                      const char *where);
struct mw_ref mw_global_get_at(struct mw_heap *self, const struct mw_global *global,
                               const char *where);
int mw_heap_attach_external_at(struct mw_heap *self, struct mw_ref ref, size_t bytes,
                               void (*release)(void *data), void *data, const char *where);
size_t mw_heap_release_external_at(struct mw_heap *self, struct mw_ref ref, const char *where);
void mw_heap_collect_at(struct mw_heap *self, enum mw_heap_work work, const char *where);

#ifdef __cplusplus
}
#endif
#endif
