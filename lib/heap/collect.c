/* The recipes: what happens in a collection, one call for each phase. */
#include "heap/heap_internal.h"

struct pause {
    struct mw_heap_collection of;
    uint64_t began_ns, began_cpu_ns;
};

static struct pause pause_begin(struct mw_heap *self, enum mw_heap_collector collector,
                                const char *reason)
{
    struct pause pause = {.of = {.collector = collector, .reason = reason}};

    mw_verify_or_report(self);
    mw_nursery_retire(self);
    if (self->reserve_open)
        mw_old_withhold(self);
    if (collector == MW_GC_MARK_COMPACT)
        mw_compact_prepare(self);
    mw_callbacks_begin(self);
    self->pool.shut = false;
    pause.of.used_before = mw_heap_used(self);
    pause.of.total_before = mw_heap_total(self);
    pause.began_ns = mw_clock_monotonic_ns(self->config.clock);
    pause.began_cpu_ns = mw_clock_thread_cpu_ns();
    return pause;
}

static void release_external(struct mw_heap *self, struct mw_heap_collection *of)
{
    uint64_t began = mw_clock_monotonic_ns(self->config.clock);

    if (!self->copy)
        mw_external_release(self);
    of->callback_ns = mw_clock_monotonic_ns(self->config.clock) - began;
}

static void tell_marking(const struct mw_heap *self, struct mw_heap_collection *of, uint64_t now)
{
    const struct mw_marking *marking = &self->marker.marking;

    of->steps = marking->steps;
    of->steps_ns = marking->steps_ns;
    of->step_max_ns = marking->step_max_ns;
    of->marking_ns = now - marking->began_ns;
}

static void pause_end(struct mw_heap *self, struct pause *pause, const struct mw_scavenged *moved)
{
    struct mw_heap_collection *of = &pause->of;
    uint64_t now = mw_clock_monotonic_ns(self->config.clock);

    of->pause_cpu_ns = mw_clock_thread_cpu_ns() - pause->began_cpu_ns;
    of->pause_ns = now - pause->began_ns;
    of->at_ns = now - self->started_ns;
    of->used_after = mw_heap_used(self);
    of->total_after = mw_heap_total(self);
    of->promoted = moved->promoted;
    of->survived = moved->survived;
    if (of->marking)
        tell_marking(self, of, now);
    release_external(self, of);
    mw_history_add(self, of);
    mw_stats_count(self, of);
    mw_verify_or_report(self);
    if (self->config.collected != NULL && !self->copy)
        self->config.collected(self->config.context, of);
    mw_callbacks_end(self, false);
}

void mw_collect_minor(struct mw_heap *self, const char *reason)
{
    struct pause pause = pause_begin(self, MW_GC_SCAVENGE, reason);
    struct mw_scavenged moved;

    mw_scavenge(self, false, &moved);
    mw_incremental_owe(self, moved.promoted);
    pause_end(self, &pause, &moved);
    mw_nursery_judge(self, &moved, pause.of.pause_cpu_ns);
}

static uint64_t since_full(const struct mw_heap *self)
{
    uint64_t now = mw_clock_monotonic_ns(self->config.clock) - self->started_ns;

    return now > self->history.full_end_ns ? now - self->history.full_end_ns : 0;
}

void mw_collect_plan(struct mw_heap *self)
{
    size_t live = mw_old_used(self) + self->large.used;

    self->policy.full_at = mw_policy_next_full(live, self->limit);
    self->policy.mark_at = mw_policy_next_mark(live, self->policy.full_at);
    self->policy.external_full_at = mw_policy_next_external(self->external);
    self->pool.cap = mw_policy_pool_cap(live, self->policy.full_at, self->limit, self->pool.cap,
                                        since_full(self));
    self->refused = false;
}

/* Sliding is for those who ask for it, and for a mode of tests. */
static enum mw_heap_collector usual_way(const struct mw_heap *self)
{
    return self->config.modes & MW_HEAP_COMPACT ? MW_GC_MARK_COMPACT : MW_GC_MARK_SWEEP;
}

/* What follows once all that was reached before this pause is marked or on the stack. */
static void finish_full(struct mw_heap *self, enum mw_heap_collector collector)
{
    self->marker.young = true;
    mw_mark_roots(self);
    mw_mark_from_remembered(self);
    mw_mark_drain(self);
    mw_weak_clear(self);
    mw_external_clear(self);
    mw_identity_clear(self);
    mw_remembered_prune(self);
    mw_nursery_bury(self);
    mw_survival_review(self);
    mw_mark_end(self);
    mw_old_retire(self);
    (collector == MW_GC_MARK_COMPACT ? mw_compact : mw_sweep_begin)(self);
    self->compactor.due = collector == MW_GC_MARK_SWEEP;
    mw_collect_plan(self);
}

/* What was compacted is not likely to grow soon. */
static void trim_pool(struct mw_heap *self, enum mw_heap_collector collector)
{
    if (collector == MW_GC_MARK_COMPACT)
        mw_pool_trim(self, self->pool.target * MW_PAGE_SIZE);
    else
        mw_pool_ease(self, self->pool.cap);
    mw_pool_make_way(self, 0); /* what a near-limit callback took of the reserve may be free */
}

/* Large objects do not move. */
static void note_slide(struct mw_heap *self, const struct mw_heap_collection *of)
{
    self->compactor.cost = of->pause_cpu_ns / (mw_old_used(self) / 1024 + 1);
}

static void end_full(struct mw_heap *self, struct pause *pause, const struct mw_scavenged *moved,
                     enum mw_heap_collector collector)
{
    finish_full(self, collector);
    trim_pool(self, collector);
    pause_end(self, pause, moved);
    if (collector == MW_GC_MARK_COMPACT)
        note_slide(self, &pause->of);
}

static void collect_full(struct mw_heap *self, enum mw_heap_collector collector, const char *reason)
{
    struct pause pause = pause_begin(self, collector, reason);
    struct mw_scavenged moved;

    /* What was marked in slices may be dead by now. (Nothing will be swept by these marks: slices
     * begin when all pages that are worth it are swept.) */
    mw_mark_end(self);
    mw_scavenge(self, true, &moved);
    mw_mark_begin(self);
    end_full(self, &pause, &moved, collector);
}

void mw_collect_major(struct mw_heap *self, const char *reason)
{
    collect_full(self, usual_way(self), reason);
}

/* Leaves marks that tell where objects are, in every mode. */
void mw_collect_mark(struct mw_heap *self, const char *reason)
{
    collect_full(self, MW_GC_MARK_SWEEP, reason);
}

void mw_collect_compact(struct mw_heap *self, const char *reason)
{
    collect_full(self, MW_GC_MARK_COMPACT, reason);
}

static void finish(struct mw_heap *self, enum mw_heap_collector collector, const char *reason)
{
    struct pause pause = pause_begin(self, collector, reason);
    struct mw_scavenged moved;

    pause.of.marking = true;
    mw_scavenge(self, true, &moved);
    end_full(self, &pause, &moved, collector);
}

void mw_collect_finish(struct mw_heap *self, const char *reason)
{
    finish(self, usual_way(self), reason);
}

void mw_collect_finish_mark(struct mw_heap *self, const char *reason)
{
    finish(self, MW_GC_MARK_SWEEP, reason);
}

static void (*const collections[])(struct mw_heap *self, const char *reason) = {
    [MW_COLLECT_MINOR] = mw_collect_minor,
    [MW_COLLECT_MAJOR] = mw_collect_major,
    [MW_COLLECT_COMPACT] = mw_collect_compact,
};

void mw_heap_collect_at(struct mw_heap *self, enum mw_heap_work work, const char *where)
{
    MW_GUARD(self);

    if (!mw_heap_right_thread(self, where))
        return;
    if (self->collecting)
        mw_misuse(self, MW_MISUSE_CALLBACK, "a collection by a callback", where);
    else if (self->front.raw_depth > 0)
        mw_misuse(self, MW_MISUSE_RAW, "a collection inside a raw region", where);
    else if ((unsigned)work >= sizeof(collections) / sizeof(collections[0]))
        mw_misuse(self, MW_MISUSE_TYPE, "there is no such kind of collection", where);
    else
        collections[work](self, "testing");
}
