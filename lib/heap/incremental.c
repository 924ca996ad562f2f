/* Marking in slices: the program goes on in between.
 *
 * An object is white (no mark), grey (marked, on the stack) or black (marked, scanned). The program
 * may not hide a white object behind a black one: while marking, every store into an old holder
 * greys the stored value (front.barrier then has the flag OLD). Young holders need no barrier,
 * because the last pause looks at all that are left, and at all handles and globals. What is
 * promoted meanwhile is black at once, as the holder that led to it may be black, and the scavenge
 * that looks at it anyway makes grey what it refers to. What is born old is white until it is
 * reached.
 *
 * Unswept pages lose their marks when marking begins, so those worth sweeping are swept first, one
 * at each slow allocation from the last collection on, and two when marking should have begun. The
 * dense ones keep their garbage for one more round.
 *
 * When the stack is empty, much may still be white that only young objects lead to: a structure
 * whose root was made a moment ago. So before the last pause a scavenge takes place, and its
 * survivors, and the handles, are looked at for old objects; if there are any, slices go on. That
 * is done a few times at most, since a program may always be ahead.
 *
 * Pace: marking begins early enough, and for each byte that becomes old so many are marked, that it
 * ends before the old space is as full as policy allows. The debt is paid in slices of at most a
 * tenth of a millisecond or so, one at each slow allocation, and in mw_heap_step(), when the
 * program is idle.
 */
#include "heap/heap_internal.h"

enum {
    LOOKS_MAX = 3,
    SLICE_WORDS = 32 * 1024, /* 256 KiB, 5000 small objects */
    SLICE_WORDS_STRESS = 512,
    SWEEPS_LATE = 2,
};

static bool may_mark(const struct mw_heap *self)
{
    return !(self->config.modes & (MW_HEAP_ATOMIC | MW_HEAP_FULL));
}

static bool wants_marking(const struct mw_heap *self)
{
    if (!may_mark(self))
        return false;
    return self->config.modes & MW_HEAP_SLICES ||
           mw_old_used(self) + self->large.used >= self->policy.mark_at;
}

static void note_step(struct mw_heap *self, uint64_t began_cpu_ns)
{
    struct mw_marking *marking = &self->marker.marking;
    uint64_t took = mw_clock_thread_cpu_ns() - began_cpu_ns;

    self->counters.slices++;
    marking->steps++;
    marking->steps_ns += took;
    marking->step_max_ns = took > marking->step_max_ns ? took : marking->step_max_ns;
    mw_stats_count_pause(self, took);
}

static void begin(struct mw_heap *self)
{
    uint64_t began = mw_clock_thread_cpu_ns();
    size_t live = mw_old_used(self) + self->large.used;

    self->marker.marking =
        (struct mw_marking){.began_ns = mw_clock_monotonic_ns(self->config.clock)};
    self->marker.pace = mw_policy_pace(live, self->policy.full_at);
    self->marker.debt = 0;
    mw_mark_begin(self);
    mw_mark_roots(self);
    note_step(self, began);
}

/* Returns whether something is left to mark. */
static bool slice(struct mw_heap *self, size_t words)
{
    uint64_t began = mw_clock_thread_cpu_ns();
    bool before = mw_callbacks_begin(self);
    bool more = mw_mark_some(self, words);

    mw_callbacks_end(self, before);
    self->marker.debt -= self->marker.debt < words ? self->marker.debt : words;
    note_step(self, began);
    return more;
}

/* Returns whether what a scavenge leaves leads to old objects that are not marked. */
static bool look_again(struct mw_heap *self)
{
    uint64_t began;
    bool before;

    if (self->marker.marking.looks == LOOKS_MAX)
        return false;
    self->marker.marking.looks++;
    mw_collect_minor(self, "marking");
    began = mw_clock_thread_cpu_ns();
    mw_mark_roots(self);
    before = mw_callbacks_begin(self);
    mw_mark_from_young(self);
    mw_callbacks_end(self, before);
    note_step(self, began);
    return self->marker.stack.top > self->marker.stack.base;
}

/* One slice, and what comes after the last one. */
static void advance(struct mw_heap *self, size_t words, const char *reason)
{
    if (!slice(self, words) && !look_again(self))
        mw_collect_finish(self, reason);
}

static size_t slice_words(const struct mw_heap *self)
{
    size_t words = self->marker.debt;

    if (self->config.modes & MW_HEAP_SLICES)
        return SLICE_WORDS_STRESS;
    if (words > SLICE_WORDS)
        return SLICE_WORDS;
    return words > MW_SLICE_WORDS_LEAST ? words : MW_SLICE_WORDS_LEAST;
}

/* Near the limit a program may keep most of what it makes, and marking should have begun. */
static bool sweep_some(struct mw_heap *self)
{
    unsigned sweeps = wants_marking(self) ? SWEEPS_LATE : 1;

    while (sweeps > 0 && mw_sweep_next(self))
        sweeps--;
    return sweeps == 0;
}

void mw_incremental_tick(struct mw_heap *self)
{
    if (self->marker.active)
        advance(self, slice_words(self), "finalize incremental marking via stack guard");
    else if (!sweep_some(self) && wants_marking(self))
        begin(self);
}

/* ---- idle ---- */

static size_t idle_words(const struct mw_heap *self)
{
    return self->config.modes & MW_HEAP_SLICES ? SLICE_WORDS_STRESS : SLICE_WORDS;
}

/* Of a quiet program: gives back what it is not likely to need soon. */
static bool relax(struct mw_heap *self)
{
    return mw_nursery_is_quiet(self) && (mw_nursery_relax(self) || mw_pool_relax(self));
}

/* One piece of work that is worth doing now. Returns false when there is none. */
static bool idle_work(struct mw_heap *self)
{
    if (self->marker.active) {
        advance(self, idle_words(self), "finalize incremental marking via task");
        return true;
    }
    if (mw_compact_is_worth_it(self)) {
        mw_collect_compact(self, "idle task");
        return true;
    }
    if (mw_sweep_next(self))
        return true;
    if (wants_marking(self)) {
        if (!mw_pool_touch(self))
            begin(self);
        return true;
    }
    return mw_pool_refill(self) || mw_nursery_grow(self) || mw_mark_prepare(self) ||
           mw_scavenge_prepare(self) || relax(self);
}

static bool work_for(struct mw_heap *self, bool (*work)(struct mw_heap *self), uint64_t us)
{
    uint64_t began = mw_clock_monotonic_ns(self->config.clock);

    if (self->front.raw_depth > 0 || self->collecting)
        return false;
    while (work(self))
        if (mw_clock_monotonic_ns(self->config.clock) - began >= mw_policy_ns(us))
            return true;
    return false;
}

bool mw_heap_step(struct mw_heap *self, uint64_t us)
{
    MW_GUARD(self);

    return mw_heap_right_thread(self, __func__) && work_for(self, idle_work, us);
}

/* ---- ahead of a snapshot ---- */

/* Marks all that can be marked before the last pause, and leaves that to the snapshot. */
static bool ahead_work(struct mw_heap *self)
{
    if (self->marker.active)
        return slice(self, idle_words(self)) || look_again(self);
    if (!may_mark(self))
        return false;
    if (!mw_sweep_next(self) && !mw_pool_touch(self))
        begin(self);
    return true;
}

bool mw_heap_snapshot_step(struct mw_heap *self, uint64_t us)
{
    MW_GUARD(self);

    return mw_heap_right_thread(self, __func__) && work_for(self, ahead_work, us);
}
