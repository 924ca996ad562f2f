/* Allocation, when the inline form found no room, and of all that is not allocated in line.
 *
 * An allocation that finds no room insists: a collection as policy says, a full one, smaller halves
 * if they had grown, sliding if that makes room. Then, if the program has one, its near-limit
 * callback, and the last three once more. What finds no room after that fails, and nothing else
 * does.
 */
#include "heap/heap_internal.h"

#include <errno.h>
#include <string.h>

enum {
    STRESS_FULL_EVERY = 8,
    ZEROED = 1024, /* bytes of a hole, at a time: the next so many are on their way meanwhile */
};

struct request {
    const struct mw_heap_type *type;
    uint64_t header;
    enum mw_heap_place place;
};

/* ---- making room ---- */

MW_ALWAYS_INLINE bool has_too_much_outside(const struct mw_heap *self)
{
    return self->external >= self->policy.external_full_at;
}

static bool wants_full(const struct mw_heap *self)
{
    return self->refused || mw_old_used(self) + self->large.used >= self->policy.full_at ||
           has_too_much_outside(self) || self->config.modes & MW_HEAP_FULL;
}

static void collect(struct mw_heap *self)
{
    if (wants_full(self) && self->marker.active)
        mw_collect_finish(self, "allocation failure");
    else if (wants_full(self))
        mw_collect_major(self, "allocation failure");
    else
        mw_collect_minor(self, "allocation failure");
}

/* The callback may allocate, and drop objects; it is not called again from within itself. */
static bool ask_for_more(struct mw_heap *self)
{
    size_t limit;

    if (self->config.near_limit == NULL || self->reserve_open)
        return false;
    self->reserve_open = true;
    limit = self->config.near_limit(self->config.context, self->limit, self->config.limit);
    self->reserve_open = false;
    if (limit > self->limit)
        self->limit = limit < self->config.limit_max ? limit : self->config.limit_max;
    mw_old_withhold(self); /* the next call shall find the reserve again */
    return true;
}

/* Halves only if it takes that: what they promote would fill up the room that was made. */
static void slide_if_it_helps(struct mw_heap *self, const struct request *request)
{
    bool shrink;

    if (!mw_compact_makes_room(self, request->header, &shrink))
        return;
    mw_collect_compact(self, "last resort");
    if (shrink)
        mw_nursery_make_way(self);
}

enum step {
    STEP_COLLECT,
    STEP_FULL,
    STEP_LESS,
    STEP_SLIDE,
    STEP_CALLBACK,
    STEP_LAST_FULL,
    STEP_LAST_LESS,
    STEP_LAST_SLIDE,
    STEPS
};

/* Returns false when there is no use in going on. */
static bool make_room(struct mw_heap *self, const struct request *request, enum step step)
{
    switch (step) {
    case STEP_COLLECT:
        collect(self);
        return true;
    case STEP_FULL:
    case STEP_LAST_FULL:
        mw_collect_major(self, "last resort");
        return true;
    case STEP_LESS:
    case STEP_LAST_LESS:
        mw_limit_use_less(self);
        return true;
    case STEP_SLIDE:
    case STEP_LAST_SLIDE:
        slide_if_it_helps(self, request);
        return true;
    case STEP_CALLBACK:
        return ask_for_more(self);
    default:
        return false;
    }
}

/* ---- one try ---- */

/* Large young objects may fill as much as a half of the new space does; then a scavenge is due.
 * What they take comes back when it is over, so the next one always finds room. */
static uintptr_t *try_large(struct mw_heap *self, const struct request *request)
{
    size_t bytes = mw_header_bytes(request->header);
    size_t born = self->large_young.born;

    if (born != 0 && born + bytes > self->nursery.capacity)
        return NULL;
    return mw_large_allocate(self, request->header, true);
}

MW_ALWAYS_INLINE bool has_zeroes(const struct mw_heap *self, size_t bytes)
{
    return bytes <= (size_t)(self->front.limit - self->front.top);
}

MW_ALWAYS_INLINE uintptr_t *use_zeroes(struct mw_heap *self, uint64_t header)
{
    uintptr_t *object = (uintptr_t *)(void *)self->front.top;

    self->front.top += mw_header_bytes(header);
    object[0] = header;
    return object;
}

static uintptr_t *try_young(struct mw_heap *self, const struct request *request)
{
    size_t bytes = mw_header_bytes(request->header);

    if (bytes > MW_LARGE_MIN)
        return try_large(self, request);
    return has_zeroes(self, bytes) || mw_nursery_extend(self, bytes)
               ? use_zeroes(self, request->header)
               : NULL;
}

MW_ALWAYS_INLINE bool has_old_zeroes(const struct mw_lane *lane, size_t bytes)
{
    return (ptrdiff_t)bytes <= lane->zeroed - lane->top;
}

/* What lies in a hole is not zero, and has not been in the cache for long. */
static void zero_hole(struct mw_heap *self, struct mw_lane *lane, size_t bytes)
{
    char *from = lane->zeroed > lane->top ? lane->zeroed : lane->top;
    size_t room = (size_t)(lane->limit - lane->top);
    size_t step = bytes > ZEROED || self->config.modes != 0 ? bytes : ZEROED;

    lane->zeroed = lane->top + (step < room ? step : room);
    memset(from, 0, (size_t)(lane->zeroed - from));
    for (size_t line = 0; line < ZEROED; line += MW_LINE)
        __builtin_prefetch(lane->zeroed + line, 1);
    mw_incremental_owe(self, (size_t)(lane->zeroed - from));
}

MW_ALWAYS_INLINE uintptr_t *use_old_zeroes(struct mw_lane *lane, uint64_t header)
{
    uintptr_t *object = (uintptr_t *)(void *)lane->top;

    lane->top += mw_header_bytes(header);
    object[0] = header | MW_FLAG_OLD | MW_FLAG_WATCHED;
    return object;
}

MW_ALWAYS_INLINE uintptr_t *fill_hole(struct mw_heap *self, struct mw_lane *lane, uint64_t header)
{
    size_t bytes = mw_header_bytes(header);

    if (!has_old_zeroes(lane, bytes))
        zero_hole(self, lane, bytes);
    return use_old_zeroes(lane, header);
}

MW_ALWAYS_INLINE uintptr_t *count_old(struct mw_heap *self, const struct request *request,
                                      uintptr_t *object)
{
    size_t bytes = mw_header_bytes(request->header);

    self->counters.allocated_old += bytes;
    if (request->place != MW_PLACE_OLD && mw_type_entry(request->type)->pretenured) {
        self->counters.pretenured += bytes;
        if (bytes <= MW_LARGE_MIN)
            mw_survival_born_old(self, object);
    }
    return object;
}

static uintptr_t *try_large_old(struct mw_heap *self, const struct request *request)
{
    uintptr_t *object = mw_large_allocate(self, request->header, false);

    if (object == NULL)
        return NULL;
    object[0] |= MW_FLAG_WATCHED;
    mw_incremental_owe(self, mw_header_bytes(request->header));
    return count_old(self, request, object);
}

static uintptr_t *try_old(struct mw_heap *self, const struct request *request)
{
    uint8_t name = mw_type_entry(request->type)->lane;
    struct mw_lane *lane = &self->old.lanes[name];
    size_t bytes = mw_header_bytes(request->header);

    if (bytes > MW_LARGE_MIN)
        return try_large_old(self, request);
    if (bytes > (size_t)(lane->limit - lane->top) && !mw_old_open(self, bytes, name))
        return NULL;
    return count_old(self, request, fill_hole(self, lane, request->header));
}

/* A scavenge looks at all references in a young object. It does not have the time for more of them
 * than fill a half; bytes cost it nothing. */
MW_ALWAYS_INLINE bool must_be_old(const struct mw_heap *self, const struct request *request)
{
    return request->place == MW_PLACE_OLD ||
           (mw_header_bytes(request->header) > self->nursery.capacity &&
            self->types.shapes[request->type->id].kind != MW_SHAPE_LEAF);
}

MW_ALWAYS_INLINE bool is_born_old(const struct mw_heap *self, const struct request *request)
{
    return mw_type_entry(request->type)->pretenured || must_be_old(self, request);
}

static uintptr_t *try_once(struct mw_heap *self, const struct request *request)
{
    bool old = is_born_old(self, request);

    if (has_too_much_outside(self) || (old && wants_full(self)))
        return NULL;
    return old ? try_old(self, request) : try_young(self, request);
}

/* At the limit the new space may be full of what could not be promoted, and the old space not; or
 * the old space is full, and what the heap alone wants to be old can be young. */
static uintptr_t *try_hard(struct mw_heap *self, const struct request *request)
{
    bool old = is_born_old(self, request);
    uintptr_t *object = old ? try_old(self, request) : try_young(self, request);

    if (object != NULL || must_be_old(self, request))
        return object;
    if (!old)
        return try_old(self, request);
    mw_survival_revoke(self, request->type);
    return try_young(self, request);
}

/* Not even in a heap without anything else, its limit raised: nothing needs to be dropped for it.
 */
static bool can_never_fit(const struct mw_heap *self, const struct request *request)
{
    size_t bytes = mw_header_bytes(request->header);
    size_t others = 2 * self->config.semi_space + (self->reserve_open ? 0 : MW_RESERVE);

    return bytes > MW_LARGE_MIN && mw_large_least(bytes, mw_is_leaf(self, request->header)) >
                                       self->config.limit_max - others;
}

/* What the near-limit callback makes is old rather than that anything is collected for it: there is
 * the reserve, and a full collection when it returns. */
static uintptr_t *try_first(struct mw_heap *self, const struct request *request)
{
    uintptr_t *object = try_once(self, request);

    return object == NULL && self->reserve_open ? try_old(self, request) : object;
}

static uintptr_t *insist(struct mw_heap *self, const struct request *request)
{
    uintptr_t *object = try_first(self, request);

    for (unsigned step = STEP_COLLECT; object == NULL && step < STEPS; step++) {
        if (!make_room(self, request, (enum step)step))
            break;
        object = step < STEP_FULL ? try_once(self, request) : try_hard(self, request);
    }
    return object;
}

/* ---- allocation ---- */

static void stress(struct mw_heap *self)
{
    if (self->config.modes & MW_HEAP_FULL || ++self->allocations % STRESS_FULL_EVERY == 0)
        mw_collect_major(self, "testing");
    else
        mw_collect_minor(self, "testing");
}

/* Memory comes ahead of the pause that needs it, a little at a time. */
static void prepare(struct mw_heap *self)
{
    if (!mw_pool_refill(self) && !mw_nursery_grow(self) && !mw_mark_prepare(self))
        mw_scavenge_prepare(self);
}

static bool may_allocate(struct mw_heap *self, const char *where)
{
    if (!mw_heap_right_thread(self, where))
        return false;
    if (self->collecting)
        mw_misuse(self, MW_MISUSE_CALLBACK, "an allocation by a callback", where);
    else if (self->front.raw_depth > 0)
        mw_misuse(self, MW_MISUSE_RAW, "an allocation while raw pointers are held", where);
    else
        return true;
    return false;
}

static struct mw_ref allocate(struct mw_heap *self, const struct request *request,
                              const char *where)
{
    MW_GUARD(self);
    uintptr_t *object;

    if (!may_allocate(self, where))
        return mw_ref_none();
    if (self->front.handle_top == self->handle_limit)
        return mw_handle_fail(self, -EOVERFLOW);
    if (self->config.modes & MW_HEAP_STRESS)
        stress(self);
    if (can_never_fit(self, request))
        return mw_handle_fail(self, -ENOMEM);
    prepare(self);
    mw_incremental_tick(self);
    object = insist(self, request);
    return object != NULL ? mw_heap_push(self, (uintptr_t)object) : mw_handle_fail(self, -ENOMEM);
}

/* ---- what is there at once ----
 *
 * These are inlined into each of the calls below: an object born old takes as long as the calls
 * between them would (a third of ring, measured). */

/* In a checked heap, and inside a collection, there is none: `handle_end` is NULL. */
MW_ALWAYS_INLINE bool has_handle(const struct mw_heap *self)
{
    return self->front.handle_top < self->front.handle_end && self->front.raw_depth == 0;
}

MW_ALWAYS_INLINE bool may_take(const struct mw_heap *self)
{
    return has_handle(self) && pthread_equal(self->owner, pthread_self());
}

/* Zeroed memory, which arrays do not take in line, or some that is zeroed now. */
MW_ALWAYS_INLINE uintptr_t *take_young(struct mw_heap *self, uint64_t header)
{
    size_t bytes = mw_header_bytes(header);

    return has_zeroes(self, bytes) || mw_nursery_go_on(self, bytes) ? use_zeroes(self, header)
                                                                    : NULL;
}

MW_ALWAYS_INLINE uintptr_t *take_old_zeroes(struct mw_heap *self, const struct request *request)
{
    struct mw_lane *lane = &self->old.lanes[mw_type_entry(request->type)->lane];

    return has_old_zeroes(lane, mw_header_bytes(request->header))
               ? count_old(self, request, use_old_zeroes(lane, request->header))
               : NULL;
}

/* What fits into the hole being filled, in a heap without modes; other work is done when that is
 * full, or when marking is behind. */
MW_ALWAYS_INLINE uintptr_t *take_old(struct mw_heap *self, const struct request *request)
{
    struct mw_lane *lane = &self->old.lanes[mw_type_entry(request->type)->lane];
    size_t bytes = mw_header_bytes(request->header);

    if (!has_old_zeroes(lane, bytes) &&
        (bytes > (size_t)(lane->limit - lane->top) || bytes > MW_LARGE_MIN ||
         self->config.modes != 0 || mw_incremental_is_due(self) || has_too_much_outside(self)))
        return NULL;
    return count_old(self, request, fill_hole(self, lane, request->header));
}

MW_ALWAYS_INLINE struct mw_ref take(struct mw_heap *self, const struct request *request,
                                    const char *where)
{
    uintptr_t *object = NULL;

    if (may_take(self))
        object = is_born_old(self, request) ? take_old(self, request)
                                            : take_young(self, request->header);
    return object != NULL ? mw_heap_push(self, (uintptr_t)object) : allocate(self, request, where);
}

/* ---- the calls ---- */

/* A type of another heap can be seen for what it is in a checked heap only. */
MW_ALWAYS_INLINE bool is_type(struct mw_heap *self, const struct mw_heap_type *type, bool record,
                              const char *where)
{
    if (self->front.checked && !mw_type_is_own(self, type)) {
        mw_misuse(self, MW_MISUSE_HEAP, "the type is not one of this heap", where);
        return false;
    }
    if (mw_type_is_record(mw_type_entry(type)) == record)
        return true;
    mw_misuse(self, MW_MISUSE_TYPE,
              record ? "arrays have a length: mw_heap_new_array()"
                     : "objects of this type have no length: mw_heap_new()",
              where);
    return false;
}

struct mw_ref mw_heap_new_in_at(struct mw_heap *self, const struct mw_heap_type *type,
                                enum mw_heap_place place, const char *where)
{
    struct request request = {type, type->header, place};

    if (!is_type(self, type, true, where))
        return mw_ref_none();
    return take(self, &request, where);
}

/* In a heap that is not checked most objects that come here are records born old, and find zeroes.
 * The thread is not looked at for each of these, as it is not where they are young. */
struct mw_ref mw_heap_new_slow(struct mw_heap *self, const struct mw_heap_type *type,
                               const char *where)
{
    struct request request = {type, type->header, MW_PLACE_YOUNG};
    const struct mw_type_entry *entry = mw_type_entry(type);
    uintptr_t *object = NULL;

    if (has_handle(self) && entry->pretenured && mw_type_is_record(entry))
        object = take_old_zeroes(self, &request);
    return object != NULL ? mw_heap_push(self, (uintptr_t)object)
                          : mw_heap_new_in_at(self, type, MW_PLACE_YOUNG, where);
}

struct mw_ref mw_heap_new_pair_slow(struct mw_heap *self, const struct mw_heap_type *type,
                                    struct mw_ref first, struct mw_ref second, const char *where)
{
    struct mw_ref pair = mw_heap_new_slow(self, type, where);

    if (mw_ref_is_none(pair))
        return pair;
    mw_heap_set_at(self, pair, 0, first, where);
    mw_heap_set_at(self, pair, 1, second, where);
    return pair;
}

/* Payload bytes of an array and what its last word leaves unused. Returns false when no object can
 * have that many. */
static bool measure(const struct mw_type_entry *entry, size_t count, size_t *ret_bytes,
                    size_t *ret_slack)
{
    size_t unit = entry->kind == MW_KIND_BYTES ? 1 : (size_t)MW_WORD;
    size_t most = (size_t)UINT32_MAX * MW_WORD - 2 * (size_t)MW_WORD;

    if (entry->kind == MW_KIND_STRUCTS)
        unit *= entry->words;
    if (count > most / unit)
        return false;
    *ret_bytes = (count * unit + MW_WORD - 1) / MW_WORD * MW_WORD;
    if (*ret_bytes == 0)
        *ret_bytes = MW_WORD;
    *ret_slack = *ret_bytes - count * unit;
    if (entry->kind != MW_KIND_BYTES)
        *ret_slack /= MW_WORD;
    return true;
}

struct mw_ref mw_heap_new_array_at(struct mw_heap *self, const struct mw_heap_type *type,
                                   size_t count, enum mw_heap_place place, const char *where)
{
    struct request request = {type, 0, place};
    size_t bytes, slack;

    if (!is_type(self, type, false, where))
        return mw_ref_none();
    if (!measure(mw_type_entry(type), count, &bytes, &slack))
        return mw_handle_fail(self, -EINVAL);
    request.header = mw_header_make(type->id, MW_WORD + bytes) | (uint64_t)slack << MW_SLACK_SHIFT;
    return take(self, &request, where);
}
