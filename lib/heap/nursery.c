/* The new space: halves in one reservation, so that "is it young" is one subtraction.
 *
 * One half is filled from its start; the inline allocation owns [top, limit), which is zeroed and
 * moves up in small steps, so that zeroes are still in the cache when the objects come. The other
 * half is what a scavenge copies into. With MW_HEAP_MOVE there are more halves, used in turn, and
 * all but two cannot be read: whoever kept an address meets the end of the program there.
 *
 * Halves double when more was copied in vain than fits into one: it survived a scavenge and was
 * dead at the next, so in larger halves it would have died where it was born. They do not when a
 * scavenge of the larger ones is likely to take too long. They shrink again, down to what was
 * configured, when scavenges usually take too long after all, when the program has come to rest,
 * and when the limit is near.
 *
 * All that is slow to do and undo. What survives may change from one scavenge to the next: so after
 * one that took too long less of a half is filled, where that helps, and later more. DESIGN.md says
 * what was measured, and what was tried before.
 */
#include "heap/annotate_internal.h"
#include "heap/heap_internal.h"

#include <errno.h>
#include <string.h>

enum {
    HALVES = 2,
    HALVES_MOVING = 18,
    LOOK_EVERY_NS = 100 * MW_NS_PER_MS, /* often enough for who waits, seldom enough to tell */
    MOVED_LEAST = 64 * 1024,            /* less says nothing about what it costs */
    ZEROED = 4 * 1024, /* at a time: it must still be in the cache when the objects come */
    MEMORY = 4,        /* halves full of survivors: what is older counts half */
};

char *mw_nursery_half(const struct mw_nursery *self, unsigned slot)
{
    return self->base + slot * self->slot_size;
}

/* Nobody may touch it from here on, until it is zeroed or copied to. */
static void make_free(const struct mw_heap *self, char *start, size_t bytes)
{
    mw_annotate_used(start, bytes);
    mw_poison(self, start, bytes);
    mw_annotate_free(start, bytes);
}

/* There is room for the largest object that is not a large one. */
static void set_end(struct mw_heap *self)
{
    struct mw_nursery *nursery = &self->nursery;
    char *half = mw_nursery_half(nursery, nursery->from), *most = half + nursery->capacity;
    char *end = nursery->crowded ? most : half + nursery->fill.bytes;

    if (end < nursery->start + MW_LARGE_MIN)
        end = nursery->start + MW_LARGE_MIN;
    if (end < self->front.top)
        end = self->front.top;
    nursery->end = end < most ? end : most;
}

static void start_half(struct mw_heap *self, char *top)
{
    struct mw_nursery *nursery = &self->nursery;

    nursery->start = nursery->lent = self->front.top = self->front.limit = top;
    set_end(self);
    mw_annotate_free(top,
                     (size_t)(mw_nursery_half(nursery, nursery->from) + nursery->capacity - top));
}

int mw_nursery_init(struct mw_heap *self)
{
    struct mw_nursery *nursery = &self->nursery;

    nursery->slots = self->config.modes & MW_HEAP_MOVE ? HALVES_MOVING : HALVES;
    nursery->slot_size = self->config.semi_space_max;
    nursery->capacity = nursery->wanted = nursery->fill.bytes = self->config.semi_space;
    nursery->reserved = nursery->slots * nursery->slot_size;
    nursery->to = 1;
    nursery->base = mw_vm_reserve(&self->vm, nursery->reserved, MW_VM_HUGE);
    if (nursery->base == NULL ||
        mw_vm_commit(&self->vm, mw_nursery_half(nursery, 0), nursery->capacity) < 0 ||
        mw_vm_commit(&self->vm, mw_nursery_half(nursery, 1), nursery->capacity) < 0)
        return -ENOMEM;
    self->front.young = (uintptr_t)nursery->base;
    self->front.young_span = nursery->reserved;
    make_free(self, mw_nursery_half(nursery, 0), nursery->capacity);
    make_free(self, mw_nursery_half(nursery, 1), nursery->capacity);
    start_half(self, nursery->base);
    return 0;
}

void mw_nursery_deinit(struct mw_heap *self)
{
    if (self->nursery.base == NULL)
        return;
    mw_annotate_used(self->nursery.base, self->nursery.reserved);
    mw_vm_unmap(self->nursery.base, self->nursery.reserved);
}

/* The other half was used last, so this one is not in the cache. While the program fills what is
 * zeroed here, what comes next is on its way. */
static void zero(char *start, size_t bytes)
{
    mw_annotate_used(start, bytes);
    memset(start, 0, bytes);
    for (size_t line = 0; line < bytes && line < ZEROED; line += MW_LINE)
        __builtin_prefetch(start + bytes + line, 1);
}

static void hand_out(struct mw_heap *self, size_t bytes)
{
    struct mw_heap_front *front = &self->front;
    char *limit = front->limit;
    size_t room = (size_t)(self->nursery.lent - front->top);
    size_t step = bytes > ZEROED ? bytes : ZEROED;

    front->limit = front->top + (step < room ? step : room);
    if (front->limit < limit)
        front->limit = limit;
    zero(limit, (size_t)(front->limit - limit));
}

bool mw_nursery_go_on(struct mw_heap *self, size_t bytes)
{
    if ((size_t)(self->nursery.lent - self->front.top) < bytes)
        return false;
    hand_out(self, bytes);
    return true;
}

bool mw_nursery_extend(struct mw_heap *self, size_t bytes)
{
    struct mw_heap_front *front = &self->front;
    struct mw_nursery *nursery = &self->nursery;
    size_t room = (size_t)(nursery->end - front->top);
    size_t step =
        front->checked || self->config.modes & (MW_HEAP_STRESS | MW_HEAP_SLICES) ? bytes : MW_LAB;

    if (room < bytes) {
        nursery->full = true;
        return false;
    }
    if (step < bytes)
        step = bytes;
    nursery->lent = step < room ? front->top + step : nursery->end;
    if (nursery->lent < front->limit)
        nursery->lent = front->limit;
    hand_out(self, bytes);
    return true;
}

void mw_nursery_retire(struct mw_heap *self)
{
    make_free(self, self->front.top, (size_t)(self->front.limit - self->front.top));
    self->front.limit = self->nursery.lent = self->front.top;
}

/* ---- after a scavenge ---- */

/* The half just emptied is locked away and the next one opened; if the kernel refuses that, the
 * same one is used again. */
static void rotate(struct mw_heap *self)
{
    struct mw_nursery *nursery = &self->nursery;
    unsigned next = (nursery->from + 1) % nursery->slots;

    /* After a refusal the next one may be the half just emptied. */
    if (next == nursery->to ||
        mw_vm_commit(&self->vm, mw_nursery_half(nursery, next), nursery->capacity) < 0)
        return;
    mw_vm_decommit(mw_nursery_half(nursery, nursery->to), nursery->capacity);
    make_free(self, mw_nursery_half(nursery, next), nursery->capacity);
    nursery->to = next;
}

void mw_nursery_flip(struct mw_heap *self, char *to_top, bool refused)
{
    struct mw_nursery *nursery = &self->nursery;
    unsigned emptied = nursery->from;

    nursery->from = nursery->to;
    nursery->to = emptied;
    nursery->full = false;
    nursery->born += (uint64_t)(self->front.top - nursery->start);
    make_free(self, mw_nursery_half(nursery, emptied), nursery->capacity);
    if (nursery->slots != HALVES)
        rotate(self);
    /* With a little at a time, everything would be collected for each bit that is left. */
    nursery->crowded = refused && (size_t)(to_top - mw_nursery_half(nursery, nursery->from)) >
                                      nursery->fill.bytes / 2;
    start_half(self, to_top);
}

void mw_nursery_bury(struct mw_heap *self)
{
    char *at = mw_nursery_half(&self->nursery, self->nursery.from);

    while (at < self->front.top) {
        uint64_t *header = (uint64_t *)(void *)at;
        size_t bytes = mw_header_bytes(*header);

        if (*header & MW_FLAG_MARKED)
            *header &= ~(uint64_t)MW_FLAG_MARKED;
        else
            mw_filler_write(at, bytes);
        at += bytes;
    }
}

size_t mw_nursery_used(const struct mw_heap *self)
{
    return (size_t)(self->front.top - mw_nursery_half(&self->nursery, self->nursery.from));
}

size_t mw_nursery_size(const struct mw_heap *self)
{
    return 2 * self->nursery.capacity + self->nursery.ahead;
}

/* ---- growing: decided after a scavenge, done in pieces outside of pauses ---- */

static void set_capacity(struct mw_heap *self, size_t capacity)
{
    struct mw_nursery *nursery = &self->nursery;

    if (nursery->fill.bytes == nursery->capacity || nursery->fill.bytes > capacity)
        nursery->fill.bytes = capacity;
    nursery->capacity = nursery->wanted = capacity;
    nursery->ahead = 0;
    nursery->aged = nursery->in_vain = 0;
    nursery->usual_ns = 0;
    set_end(self);
    self->pool.target = mw_pool_target(capacity);
}

static void decommit_beyond(struct mw_nursery *self, size_t capacity, size_t first, size_t second)
{
    if (first != 0)
        mw_vm_decommit(mw_nursery_half(self, 0) + capacity, first);
    if (second != 0)
        mw_vm_decommit(mw_nursery_half(self, 1) + capacity, second);
}

static void give_up_growing(struct mw_nursery *self)
{
    size_t more = self->wanted - self->capacity;
    size_t first = self->ahead < more ? self->ahead : more;

    decommit_beyond(self, self->capacity, first, self->ahead - first);
    self->wanted = self->capacity;
    self->ahead = 0;
    self->aged = self->in_vain = 0;
}

/* As much as the page pool brings in at a time. */
static size_t piece_of(size_t more)
{
    return more % MW_VM_HUGE == 0 ? MW_VM_HUGE : MW_PAGE_SIZE;
}

/* Not into the reserve, which is for what the near-limit callback makes. */
bool mw_nursery_grow(struct mw_heap *self)
{
    struct mw_nursery *nursery = &self->nursery;
    size_t more = nursery->wanted - nursery->capacity, bytes = piece_of(more);
    unsigned half = nursery->ahead < more ? 0 : 1;
    char *piece =
        mw_nursery_half(nursery, half) + nursery->capacity + (nursery->ahead - half * more);

    if (more == 0 || self->reserve_open)
        return false;
    if (!mw_heap_may_grow(self, bytes) || mw_vm_commit(&self->vm, piece, bytes) < 0) {
        give_up_growing(nursery);
        return false;
    }
    make_free(self, piece, bytes);
    nursery->ahead += bytes;
    if (nursery->ahead == 2 * more)
        set_capacity(self, nursery->wanted);
    return true;
}

/* ---- shrinking, and what decides ---- */

bool mw_nursery_is_quiet(struct mw_heap *self)
{
    struct mw_nursery *nursery = &self->nursery;
    uint64_t now = mw_clock_monotonic_ns(self->config.clock);
    uint64_t bytes =
        nursery->born + (uint64_t)(self->front.top - nursery->start) + self->counters.allocated_old;
    uint64_t then = nursery->looked_ns, bytes_then = nursery->looked_bytes;

    if (then != 0 && now - then < LOOK_EVERY_NS)
        return false;
    nursery->looked_ns = now;
    nursery->looked_bytes = bytes;
    return then != 0 && mw_policy_quiet(bytes - bytes_then, now - then);
}

/* Twice what is in use, so that it is not full again at once. */
static size_t enough(const struct mw_heap *self)
{
    size_t capacity = self->config.semi_space;

    while (capacity < 2 * mw_nursery_used(self))
        capacity *= 2;
    return capacity;
}

static void shrink(struct mw_heap *self, size_t capacity)
{
    struct mw_nursery *nursery = &self->nursery;
    size_t less = nursery->capacity - capacity;

    if (nursery->wanted != nursery->capacity)
        give_up_growing(nursery);
    mw_nursery_retire(self);
    decommit_beyond(nursery, capacity, less, less);
    set_capacity(self, capacity);
}

static bool may_shrink(const struct mw_heap *self, size_t capacity)
{
    return self->nursery.slots == HALVES && capacity >= self->config.semi_space &&
           mw_nursery_used(self) <= capacity - capacity / 4;
}

void mw_nursery_make_way(struct mw_heap *self)
{
    struct mw_nursery *nursery = &self->nursery;
    size_t capacity;

    if (nursery->wanted != nursery->capacity)
        give_up_growing(nursery);
    if (nursery->capacity == self->config.semi_space || nursery->slots != HALVES)
        return;
    if (!may_shrink(self, nursery->capacity / 2)) /* the dead are in the way, or what they held */
        mw_collect_minor(self, "last resort");
    for (capacity = nursery->capacity; may_shrink(self, capacity / 2);)
        capacity /= 2;
    if (capacity != nursery->capacity)
        shrink(self, capacity);
}

static uint64_t most_ns(const struct mw_heap *self)
{
    return mw_policy_ns(self->config.scavenge_us);
}

/* What a program did long ago counts less and less. */
static void count_copied(struct mw_nursery *self, const struct mw_scavenged *moved)
{
    if (self->aged > MEMORY * self->capacity) {
        self->aged /= 2;
        self->in_vain /= 2;
    }
    self->aged += moved->aged;
    self->in_vain += moved->in_vain;
}

static void count_cost(struct mw_nursery *self, size_t moved, uint64_t cpu_ns)
{
    uint64_t cost;

    if (moved < MOVED_LEAST)
        return;
    cost = cpu_ns * 1024 / moved;
    self->cost = self->cost == 0 ? cost : (3 * self->cost + cost) / 4;
}

/* One that took very long, for whatever reason, is not more than slow. So it takes six in a row
 * at least: a program that builds something large has some, and then goes on as before. */
static void note_time(struct mw_nursery *self, uint64_t cpu_ns, uint64_t most)
{
    self->usual_ns = (7 * self->usual_ns + (cpu_ns < 2 * most ? cpu_ns : 2 * most)) / 8;
}

/* What once survived may survive again; that is forgotten in some twenty scavenges. */
static void note_most(struct mw_nursery *self, size_t moved)
{
    self->most_moved -= self->most_moved / 8;
    if (self->most_moved < moved)
        self->most_moved = moved;
}

/* Of one that was asked for, or due for another reason, nothing follows for full ones. */
static void judge_fill(struct mw_heap *self, const struct mw_scavenged *moved, uint64_t cpu_ns)
{
    struct mw_nursery *nursery = &self->nursery;
    const struct mw_filled last = {moved->filled, moved->copied, cpu_ns, moved->roots_ns};

    if (!moved->full)
        return;
    /* Twice: what is slow for long makes halves smaller. To be as strict here, binary trees took a
     * tenth more time, as more of them became old. */
    mw_policy_fill(&nursery->fill, nursery->capacity, &last, 2 * most_ns(self));
    if (nursery->fill.bytes < nursery->capacity && nursery->wanted != nursery->capacity)
        give_up_growing(nursery);
    set_end(self);
}

/* Bytes that may become old before a full collection has made room. */
static size_t room_left(const struct mw_heap *self)
{
    size_t holes = self->pool.used * (size_t)MW_PAGE_ROOM - mw_old_used(self);
    size_t total = mw_heap_total(self), bound = mw_heap_bound(self);

    return holes + (total < bound ? bound - total : 0);
}

/* Near the limit what two halves hold might not find room in the old space, and what stays young
 * keeps the halves from getting smaller. So they do that before. */
static bool is_short_of_room(const struct mw_heap *self)
{
    return room_left(self) < 2 * self->nursery.capacity;
}

/* That twice as large they are not short of it at once: two halves more are gone then. */
static bool has_room_to_grow(const struct mw_heap *self)
{
    size_t capacity = self->nursery.capacity;

    return mw_heap_may_grow(self, 2 * capacity) && room_left(self) >= 6 * capacity;
}

static bool should_grow(const struct mw_heap *self)
{
    const struct mw_nursery *nursery = &self->nursery;
    size_t capacity = nursery->capacity;

    return nursery->slots == HALVES && nursery->wanted == capacity &&
           nursery->fill.bytes == capacity && 2 * capacity <= nursery->slot_size &&
           has_room_to_grow(self) &&
           mw_policy_grow_new(capacity, nursery->aged, nursery->in_vain) &&
           (most_ns(self) == 0 || nursery->usual_ns <= most_ns(self) / 2) &&
           mw_policy_quick_enough(capacity, nursery->most_moved, nursery->cost, most_ns(self));
}

static bool is_slow(const struct mw_heap *self)
{
    return most_ns(self) != 0 && self->nursery.usual_ns > most_ns(self);
}

void mw_nursery_judge(struct mw_heap *self, const struct mw_scavenged *moved, uint64_t cpu_ns)
{
    struct mw_nursery *nursery = &self->nursery;
    size_t less = nursery->capacity / 2;

    note_time(nursery, cpu_ns, most_ns(self));
    count_copied(nursery, moved);
    count_cost(nursery, moved->copied, cpu_ns);
    note_most(nursery, moved->copied);
    judge_fill(self, moved, cpu_ns);
    if ((is_slow(self) || is_short_of_room(self)) && may_shrink(self, less))
        shrink(self, less);
    else if (should_grow(self))
        nursery->wanted = 2 * nursery->capacity;
}

/* What could not become old, and has no dead among it, would only be copied again. */
static bool may_empty(const struct mw_heap *self)
{
    return !self->refused || self->front.top != self->nursery.start;
}

bool mw_nursery_relax(struct mw_heap *self)
{
    struct mw_nursery *nursery = &self->nursery;

    if (nursery->slots != HALVES || nursery->capacity == self->config.semi_space)
        return false;
    if (enough(self) > self->config.semi_space && may_empty(self))
        mw_collect_minor(self, "idle task");
    if (enough(self) >= nursery->capacity)
        return false;
    shrink(self, enough(self));
    return true;
}
