/* Scavenge: Cheney's scan, with promotion.
 *
 * What roots and remembered holders reach in from-space is copied to to-space, or, if it has
 * survived once or to-space is over a quarter of what is filled, to the old space. A copied object
 * leaves its new address in the old header. Objects in to-space are scanned in the order in which
 * they came, so to-space itself is the queue; promoted ones wait on a stack, a short one: when many
 * wait, they are scanned before young ones go on, so that the stack does not grow into memory that
 * was never touched. There is no recursion.
 *
 * While marking goes on, what is promoted is black at once: it is looked at here anyway, and the
 * old objects to which it refers become grey. Marking need not look at it again.
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

enum {
    QUARTER = 4,
    ROOTS_MANY = 4096, /* some ten microseconds */
    PREFETCH = 512,
    AHEAD = 256, /* bytes from the record that is scanned to the one whose objects are asked for */
    AHEAD_MOST = 4, /* words of it */
    WAITING = 512,  /* promoted objects; more are looked at before young ones go on */
};

struct scavenge {
    struct mw_heap *heap;
    uintptr_t from;
    size_t from_size;
    uintptr_t large, large_span; /* young large objects lie here, others may, too */
    bool promote_large;
    uintptr_t to;
    char *to_top;
    char *to_quarter; /* from here on survivors are promoted at once */
    size_t promoted;
    size_t reached_again; /* bytes of those that had survived once */
    size_t survived_large, promoted_large;
    bool refused;
    bool marking;
    bool greying; /* the object being scanned is black: old ones to which it refers may not be white
                   */
    bool young;   /* the object being scanned refers to a young one */
    bool by_slots;
    struct mw_page *holder_page; /* of the object being scanned */
};

/* ---- copying ---- */

MW_ALWAYS_INLINE void copy_words(uint64_t *to, const uint64_t *from, size_t words)
{
    size_t i = 1;

    if (words > 64) {
        memcpy(to + 1, from + 1, (words - 1) * MW_WORD);
        return;
    }
    for (; i + 1 < words; i += 2)
        memcpy(to + i, from + i, 2 * (size_t)MW_WORD); /* one instruction */
    if (i < words)
        to[i] = from[i];
}

MW_ALWAYS_INLINE void leave_address(uintptr_t *object, const void *copy)
{
    object[0] = (uintptr_t)copy | MW_FLAG_FORWARDED;
}

MW_ALWAYS_INLINE uintptr_t promote(struct scavenge *self, uintptr_t *object, uint64_t header)
{
    size_t bytes = mw_header_bytes(header);
    bool leaf = mw_is_leaf(self->heap, header); /* nothing to wait for */
    uint64_t *copy = leaf ? mw_old_allocate(self->heap, bytes, MW_LANE_LEAVES)
                          : mw_old_allocate(self->heap, bytes, MW_LANE_HOLDERS);

    if (copy == NULL) {
        self->refused = true;
        return 0;
    }
    __builtin_prefetch((char *)copy + PREFETCH, 1);
    copy_words(copy, (uint64_t *)object, mw_header_words(header));
    self->promoted += bytes;
    if (self->marking)
        mw_mark_black((uintptr_t)copy, bytes);
    header = (header & ~(uint64_t)MW_FLAG_AGED) | MW_FLAG_OLD;
    if (leaf)
        header |= MW_FLAG_WATCHED;
    else
        mw_stack_push(&self->heap->promoted, (uintptr_t)copy);
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
        self->reached_again += header & MW_FLAG_AGED ? mw_header_bytes(header) : 0;
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

/* A large object stays where it is: its page changes lists, and it waits with the promoted ones. */
static __attribute__((noinline)) void reach_large(struct scavenge *self, uintptr_t *object)
{
    size_t bytes = mw_header_bytes(object[0]);

    if (!mw_large_is_lost(object[0]))
        return;
    if (object[0] & MW_FLAG_AGED || self->promote_large) {
        mw_large_promote(self->heap, object);
        self->promoted_large += bytes;
    } else {
        mw_large_keep_young(self->heap, object);
        self->survived_large += bytes;
    }
    mw_stack_push(&self->heap->promoted, (uintptr_t)object);
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

MW_ALWAYS_INLINE void visit_promoted_slot(void *context, uintptr_t *slot)
{
    struct scavenge *self = context;

    visit_slot(self, slot);
    if (MW_HEAP_UNLIKELY(self->greying))
        mw_mark_object(self->heap, *slot);
    if (*slot - self->to < self->from_size || mw_is_young_large(self->heap, *slot)) {
        self->young = true;
        if (self->by_slots)
            mw_slot_note(self->holder_page, slot);
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

/* Returns how long it took, when there are so many that it may matter. */
static uint64_t visit_roots(struct scavenge *self)
{
    const struct mw_heap *heap = self->heap;
    size_t count = (size_t)(heap->front.handle_top - heap->handles) + heap->globals.young_count;
    uint64_t began = count > ROOTS_MANY ? mw_clock_thread_cpu_ns() : 0;

    visit_handles(self);
    visit_globals(self);
    return began != 0 ? mw_clock_thread_cpu_ns() - began : 0;
}

/* ---- the scan ---- */

/* The copy waits for an object's header to come from memory; so the words that are scanned next are
 * looked at for what they may lead to. It need not be a record that stands there. */
MW_ALWAYS_INLINE void ask_ahead(const struct scavenge *self, const char *at, size_t words)
{
    const uintptr_t *ahead = (const uintptr_t *)(const void *)(at + AHEAD);

    if (at + AHEAD + words * MW_WORD > self->to_top)
        return;
    for (size_t i = 0; i < words && i < AHEAD_MOST; i++)
        if (ahead[i] - self->from < self->from_size)
            __builtin_prefetch((void *)ahead[i], 1);
}

static char *scan_young(struct scavenge *self, char *at)
{
    const struct mw_shape *shapes = self->heap->types.shapes;

    while (at < self->to_top && mw_stack_count(&self->heap->promoted) < WAITING) {
        uintptr_t *object = (uintptr_t *)(void *)at;
        uint64_t header = object[0];
        const struct mw_shape *shape = &shapes[mw_header_type(header)];

        if (shape->kind == MW_SHAPE_MAP) {
            ask_ahead(self, at, mw_header_words(header));
            mw_visit_map(object + 1, shape->map, visit_slot, self);
        } else {
            mw_visit_object(shapes, object, header, visit_slot, self);
        }
        at += mw_header_bytes(header);
    }
    return at;
}

MW_ALWAYS_INLINE void scan_old(struct scavenge *self, uintptr_t *object)
{
    struct mw_heap *heap = self->heap;

    self->young = false;
    self->greying = self->marking && !(object[0] & MW_FLAG_LARGE);
    self->by_slots = mw_remembered_by_slots(heap, object[0]);
    self->holder_page = mw_page_of((uintptr_t)object);
    mw_visit_object(heap->types.shapes, object, object[0], visit_promoted_slot, self);
    mw_remembered_enter(heap, object, self->young);
    if (self->marking && !self->greying)
        mw_mark_object(heap, (uintptr_t)object);
}

/* A record, while there are no large young objects and no marking goes on: what its references lead
 * to was in from-space, or is old. Nearly all are like this. */
MW_ALWAYS_INLINE void scan_old_record(struct scavenge *self, uintptr_t *object, uint64_t map)
{
    bool young = false;

    for (; map != 0; map &= map - 1) {
        uintptr_t *slot = &object[1 + __builtin_ctzll(map)];

        if (*slot - self->from >= self->from_size)
            continue;
        *slot = evacuate(self, (uintptr_t *)*slot);
        young |= *slot - self->to < self->from_size;
    }
    mw_remembered_enter(self->heap, object, young);
}

/* And large objects that stay young. */
static void scan_promoted(struct scavenge *self)
{
    struct mw_heap *heap = self->heap;
    bool plain = !self->marking && self->large_span == 0;

    while (mw_stack_count(&heap->promoted) > 0) {
        uintptr_t *object = (uintptr_t *)*--heap->promoted.top;
        const struct mw_shape *shape = &heap->types.shapes[mw_header_type(object[0])];

        if (plain && shape->kind == MW_SHAPE_MAP)
            scan_old_record(self, object, shape->map);
        else if (object[0] & MW_FLAG_OLD)
            scan_old(self, object);
        else
            mw_visit_object(heap->types.shapes, object, object[0], visit_root, self);
    }
}

static void scan(struct scavenge *self, char *at)
{
    while (at < self->to_top || mw_stack_count(&self->heap->promoted) > 0) {
        at = scan_young(self, at);
        scan_promoted(self);
    }
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

/* ---- memory ahead of the pause ---- */

/* Of records of eight words, every eighth one may become a holder that is remembered; and all of
 * them may wait at a time, when what leads to them is one array. (Of smaller ones more might: that
 * comes in the pause, the first time. To have it ready would take half as much as a half.) */
bool mw_scavenge_prepare(struct mw_heap *self)
{
    size_t capacity = self->nursery.capacity;
    size_t remembered = mw_stack_count(&self->remembered) * sizeof(uintptr_t);

    return mw_stack_prepare(&self->remembered, remembered + capacity / 64) ||
           mw_stack_prepare(&self->promoted, capacity / 8);
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
        .marking = heap->marker.active,
        .to = (uintptr_t)to,
        .to_top = to,
        .to_quarter = promote_all ? to : to + nursery->fill.bytes / QUARTER,
    };
}

void mw_scavenge(struct mw_heap *self, bool promote_all, struct mw_scavenged *ret)
{
    struct scavenge scavenge = scavenge_of(self, promote_all);
    char *to = scavenge.to_top;
    const char *from_top = self->front.top;
    size_t aged = (size_t)(self->nursery.start - (char *)scavenge.from);

    ret->full = self->nursery.full;
    ret->roots_ns = visit_roots(&scavenge);
    mw_remembered_scan(self, visit_root, &scavenge);
    scan(&scavenge, to);
    update_globals(&scavenge);
    mw_external_scavenged(self, scavenge.from, scavenge.from_size);
    mw_identity_scavenged(self, scavenge.from, scavenge.from_size);
    mw_large_scavenged(self); /* nobody asks for mw_scavenged_place() after this */
    mw_survival_sample(self, self->nursery.start, from_top);
    mw_nursery_flip(self, scavenge.to_top, scavenge.refused);
    self->refused = scavenge.refused;
    ret->filled = (size_t)(from_top - (char *)scavenge.from);
    ret->copied = scavenge.promoted + (size_t)(scavenge.to_top - to);
    ret->promoted = scavenge.promoted + scavenge.promoted_large;
    ret->survived = (size_t)(scavenge.to_top - to) + scavenge.survived_large;
    ret->aged = aged;
    ret->in_vain = aged - scavenge.reached_again;
}
