/* Scavenge: Cheney's scan, with promotion.
 *
 * What roots and remembered holders reach in from-space is copied to to-space, or, if it has
 * survived once or to-space is over a quarter full, to the old space. A copied object leaves its
 * new address in the old header. Objects in to-space are scanned in the order in which they came,
 * so to-space itself is the queue; promoted ones wait on a stack. There is no recursion.
 *
 * Large young objects are not copied. The first reference to one settles whether it stays young or
 * becomes old (the second time, or at once while marking goes on: so slices never see a young one);
 * it waits for its scan on the same stack. All of them lie in one range of addresses, which is
 * empty when there are none: one comparison for each reference that leads out of from-space.
 *
 * A scavenge cannot fail: to-space has room for all of from-space, and is where an object goes when
 * the old space may not grow. The heap notes that it was refused, and makes the next collection a
 * full one.
 */
#include "heap/annotate_internal.h"
#include "heap/heap_internal.h"

#include <string.h>

enum { QUARTER = 4, PREFETCH = 512 };

/* Loops over many objects work on a copy of this whose address they keep to themselves, so that
 * what changes with every object stays in registers (a quarter of a scavenge's time). */
struct scavenge {
    struct mw_heap *heap;
    uintptr_t from;
    size_t from_size;
    uintptr_t large, large_span; /* young large objects lie here, others may, too */
    uintptr_t to;
    char *to_top;
    char *to_quarter;          /* from here on survivors are promoted at once */
    char *old_top, *old_limit; /* the hole being filled, meanwhile not the old space's */
    uintptr_t *waiting;        /* the same of heap->promoted.top */
    size_t promoted;
    size_t survived_large;
    bool promote_large;
    bool refused;
    bool young; /* the object being scanned refers to a young one */
};

/* An object that is looked at in an unusual way: its shape is a callback, or it has cards. */
struct unusual {
    struct scavenge scavenge;
    struct mw_page *cards; /* NULL: none */
};

static void lend(struct scavenge *self)
{
    self->old_top = self->heap->old.top;
    self->old_limit = self->heap->old.limit;
    self->waiting = self->heap->promoted.top;
}

static void give_back(const struct scavenge *self)
{
    self->heap->old.top = self->old_top;
    self->heap->old.limit = self->old_limit;
    self->heap->promoted.top = self->waiting;
}

/* ---- copying ---- */

MW_ALWAYS_INLINE void copy_words(uint64_t *to, const uint64_t *from, size_t words)
{
    if (words > 32) {
        memcpy(to + 1, from + 1, (words - 1) * MW_WORD);
        return;
    }
    for (size_t i = 1; i < words; i++)
        to[i] = from[i];
}

MW_ALWAYS_INLINE void leave_address(uintptr_t *object, const void *copy)
{
    object[0] = (uintptr_t)copy | MW_FLAG_FORWARDED;
}

/* By value: so the caller's copy of the state need not be in memory. */
static __attribute__((noinline)) char *refill(struct mw_heap *heap, char *top, size_t bytes)
{
    heap->old.top = top;
    return mw_old_refill(heap, bytes);
}

MW_ALWAYS_INLINE char *allocate_old(struct scavenge *self, size_t bytes)
{
    char *start = self->old_top;

    if (MW_HEAP_UNLIKELY(bytes > (size_t)(self->old_limit - start))) {
        start = refill(self->heap, start, bytes);
        self->old_top = self->heap->old.top;
        self->old_limit = self->heap->old.limit;
        return start;
    }
    self->old_top = start + bytes;
    return start;
}

/* Without references there is nothing to wait for, unless marks must be set. */
MW_ALWAYS_INLINE bool needs_scan(const struct scavenge *self, uint64_t header)
{
    return self->heap->types.shapes[mw_header_type(header)].kind != MW_SHAPE_LEAF ||
           self->heap->marker.active;
}

MW_ALWAYS_INLINE uintptr_t promote(struct scavenge *self, uintptr_t *object, uint64_t header)
{
    size_t bytes = mw_header_bytes(header);
    uint64_t *copy = (uint64_t *)(void *)allocate_old(self, bytes);

    if (copy == NULL) {
        self->refused = true;
        return 0;
    }
    __builtin_prefetch((char *)copy + PREFETCH, 1);
    copy_words(copy, (uint64_t *)object, mw_header_words(header));
    self->promoted += bytes;
    header = (header & ~(uint64_t)MW_FLAG_AGED) | MW_FLAG_OLD;
    if (needs_scan(self, header))
        *self->waiting++ = (uintptr_t)copy;
    else
        header |= MW_FLAG_WATCHED;
    copy[0] = header;
    leave_address(object, copy);
    return (uintptr_t)copy;
}

MW_ALWAYS_INLINE uintptr_t evacuate(struct scavenge *self, uintptr_t *object)
{
    uint64_t header = object[0];
    uint64_t *copy;
    uintptr_t promoted;

    if (header & MW_FLAG_FORWARDED)
        return header - MW_FLAG_FORWARDED;
    if (header & MW_FLAG_AGED || self->to_top >= self->to_quarter) {
        promoted = promote(self, object, header);
        if (promoted != 0)
            return promoted;
    }
    copy = (uint64_t *)(void *)self->to_top;
    self->to_top += mw_header_bytes(header);
    copy_words(copy, (uint64_t *)object, mw_header_words(header));
    copy[0] = header | MW_FLAG_AGED;
    leave_address(object, copy);
    return (uintptr_t)copy;
}

/* A large object stays where it is: its page changes lists. */
static __attribute__((noinline)) void keep_large(struct mw_heap *heap, uintptr_t *object, bool old)
{
    if (old)
        mw_large_promote(heap, object);
    else
        mw_large_keep_young(heap, object);
}

/* It waits with the promoted ones. */
MW_ALWAYS_INLINE void reach_large(struct scavenge *self, uintptr_t *object)
{
    size_t bytes = mw_header_bytes(object[0]);
    bool old = object[0] & MW_FLAG_AGED || self->promote_large;

    if (!mw_large_is_lost(object[0]))
        return;
    keep_large(self->heap, object, old);
    self->promoted += old ? bytes : 0;
    self->survived_large += old ? 0 : bytes;
    *self->waiting++ = (uintptr_t)object;
}

MW_ALWAYS_INLINE void visit_slot(void *context, uintptr_t *slot)
{
    struct scavenge *self = context;

    if (*slot - self->from < self->from_size)
        *slot = evacuate(self, (uintptr_t *)*slot);
    else if (MW_HEAP_UNLIKELY(*slot - self->large < self->large_span))
        reach_large(self, (uintptr_t *)*slot);
}

static void visit_root(void *context, uintptr_t *slot)
{
    visit_slot(context, slot);
}

MW_ALWAYS_INLINE bool is_still_young(const struct scavenge *self, uintptr_t object)
{
    return object - self->to < self->from_size || mw_is_young_large(self->heap, object);
}

MW_ALWAYS_INLINE void visit_promoted_slot(void *context, uintptr_t *slot)
{
    struct scavenge *self = context;

    visit_slot(self, slot);
    self->young |= is_still_young(self, *slot);
}

static void visit_unusual_slot(void *context, uintptr_t *slot)
{
    struct unusual *self = context;

    visit_slot(&self->scavenge, slot);
    if (is_still_young(&self->scavenge, *slot)) {
        self->scavenge.young = true;
        if (self->cards != NULL)
            mw_card_set(self->cards, slot);
    }
}

/* ---- roots ---- */

static void visit_handles(struct scavenge *self)
{
    for (uintptr_t *slot = self->heap->handles; slot < self->heap->front.handle_top; slot++)
        visit_root(self, slot);
}

static void visit_globals(struct scavenge *self)
{
    struct mw_globals *globals = &self->heap->globals;

    for (size_t i = 0; i < globals->young_count; i++)
        if (!globals->young[i]->weak)
            visit_root(self, &globals->young[i]->value);
}

/* ---- the scan ---- */

/* Returns whether the object refers to a young one. */
static __attribute__((noinline)) bool scan_unusual(struct scavenge *shared, uintptr_t *object,
                                                   struct mw_page *cards)
{
    struct unusual unusual = {*shared, cards};

    unusual.scavenge.young = false;
    mw_visit_object(shared->heap->types.shapes, object, object[0], visit_unusual_slot, &unusual);
    *shared = unusual.scavenge;
    return shared->young;
}

MW_ALWAYS_INLINE char *scan_young(struct scavenge *self, struct scavenge *shared, char *at)
{
    const struct mw_shape *shapes = self->heap->types.shapes;

    while (at < self->to_top) {
        uintptr_t *object = (uintptr_t *)(void *)at;
        uint64_t header = object[0];
        const struct mw_shape *shape = &shapes[mw_header_type(header)];

        if (shape->kind == MW_SHAPE_MAP) {
            mw_visit_map(object + 1, shape->map, visit_slot, self);
        } else if (shape->kind != MW_SHAPE_LEAF) {
            *shared = *self;
            scan_unusual(shared, object, NULL);
            *self = *shared;
        }
        at += mw_header_bytes(header);
    }
    return at;
}

MW_ALWAYS_INLINE void scan_old(struct scavenge *self, struct scavenge *shared, uintptr_t *object)
{
    struct mw_heap *heap = self->heap;
    uint64_t header = object[0];
    const struct mw_shape *shape = &heap->types.shapes[mw_header_type(header)];
    bool by_cards = mw_remembered_by_cards(heap, header);

    self->young = false;
    if (shape->kind == MW_SHAPE_MAP) {
        mw_visit_map(object + 1, shape->map, visit_promoted_slot, self);
    } else if (shape->kind != MW_SHAPE_LEAF) {
        *shared = *self;
        scan_unusual(shared, object, by_cards ? mw_page_of((uintptr_t)object) : NULL);
        *self = *shared;
    }
    mw_remembered_enter(heap, object, self->young);
    if (heap->marker.active)
        mw_mark_object(heap, (uintptr_t)object);
}

/* And large objects that stay young. */
MW_ALWAYS_INLINE void scan_waiting(struct scavenge *self, struct scavenge *shared)
{
    const uintptr_t *base = self->heap->promoted.base;

    while (self->waiting > base) {
        uintptr_t *object = (uintptr_t *)*--self->waiting;

        if (MW_HEAP_UNLIKELY(!(object[0] & MW_FLAG_OLD))) {
            *shared = *self;
            scan_unusual(shared, object, NULL);
            *self = *shared;
        } else {
            scan_old(self, shared, object);
        }
    }
}

static void scan(struct scavenge *shared, char *at)
{
    struct scavenge self = *shared;

    while (at < self.to_top || self.waiting > self.heap->promoted.base) {
        at = scan_young(&self, shared, at);
        scan_waiting(&self, shared);
    }
    *shared = self;
}

/* ---- weak globals, and which ones are still young ---- */

static void update_globals(struct scavenge *self)
{
    struct mw_globals *globals = &self->heap->globals;
    size_t kept = 0;

    for (size_t i = 0; i < globals->young_count; i++) {
        struct mw_global *global = globals->young[i];

        global->value = mw_scavenged_place(self->from, self->from_size, global->value);
        global->young_at = 0;
        if (mw_is_young_object(self->heap, global->value)) {
            globals->young[kept++] = global;
            global->young_at = (uint32_t)kept;
        }
    }
    globals->young_count = kept;
}

/* ---- the whole ---- */

static struct scavenge scavenge_of(struct mw_heap *heap, bool promote_all)
{
    struct mw_nursery *nursery = &heap->nursery;
    char *to = mw_nursery_half(nursery, nursery->to);

    mw_annotate_used(to, nursery->capacity);
    return (struct scavenge){
        .heap = heap,
        .from = (uintptr_t)mw_nursery_half(nursery, nursery->from),
        .from_size = nursery->capacity,
        .large = heap->large_young.low,
        .large_span = heap->large_young.span,
        .promote_large = promote_all || heap->marker.active,
        .to = (uintptr_t)to,
        .to_top = to,
        .to_quarter = promote_all ? to : to + nursery->capacity / QUARTER,
    };
}

void mw_scavenge(struct mw_heap *self, bool promote_all, struct mw_scavenged *ret)
{
    struct scavenge scavenge = scavenge_of(self, promote_all);
    char *to = scavenge.to_top;
    const char *from_top = self->front.top;

    lend(&scavenge);
    visit_handles(&scavenge);
    visit_globals(&scavenge);
    mw_remembered_scan(self, visit_root, &scavenge);
    scan(&scavenge, to);
    give_back(&scavenge);
    update_globals(&scavenge);
    mw_external_scavenged(self, scavenge.from, scavenge.from_size);
    mw_identity_scavenged(self, scavenge.from, scavenge.from_size);
    mw_large_scavenged(self); /* nobody asks for mw_scavenged_place() after this */
    mw_survival_sample(self, self->nursery.start, from_top);
    mw_nursery_flip(self, scavenge.to_top);
    self->refused = scavenge.refused;
    ret->promoted = scavenge.promoted;
    ret->survived = (size_t)(scavenge.to_top - to) + scavenge.survived_large;
}
