/* Giving up: what is too old for its tier, and what is too much. Both move the beginning of an
 * axis; what stands before it is then worthless, and chunks go that hold nothing else. None of this
 * allocates: mw_heap_set() and handles are all it needs. */
#include "history/history_internal.h"

enum { SWEEP_ROUND = 64 }; /* samples in which all subjects are looked at once */

size_t mw_history_bytes(const struct mw_history *self)
{
    size_t bytes = sizeof(*self) + self->tracks.bytes;

    for (enum mw_tier tier = 0; tier < MW_TIERS; tier++)
        bytes += self->axes[tier].capacity * sizeof(uint64_t);
    for (unsigned i = 0; i < self->wide_count; i++)
        bytes += mw_wide_bytes(&self->wides[i]);
    for (unsigned i = 0; i < self->group_count; i++)
        bytes += mw_group_bytes(&self->groups[i]);
    return bytes;
}

/* What is held begins here: axis time. */
static int64_t first_time(const struct mw_history *self)
{
    int64_t first = INT64_MAX;

    for (enum mw_tier tier = 0; tier < MW_TIERS; tier++) {
        const struct mw_axis *axis = &self->axes[tier];
        int64_t time = axis->first < axis->end ? mw_axis_time(axis, axis->first) : INT64_MAX;

        first = time < first ? time : first;
    }
    return first;
}

size_t mw_history_forget_dead(struct mw_history *self)
{
    int64_t first = first_time(self);
    size_t bytes = 0;

    for (unsigned i = 0; i < self->group_count; i++) {
        struct mw_slots *slots = &self->groups[i].slots;

        while (slots->oldest_dead != MW_SLOT_NONE && slots->slots[slots->oldest_dead].end < first)
            bytes += mw_slots_forget(slots);
    }
    return bytes;
}

static size_t sweep_groups(struct mw_history *self, bool all)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < self->group_count; i++) {
        uint32_t used = self->groups[i].slots.used;

        bytes +=
            mw_group_sweep(&self->groups[i], all ? used : used / SWEEP_ROUND + 1,
                           self->axes[MW_TIER_RECENT].first, self->axes[MW_TIER_MINUTES].first);
    }
    return bytes;
}

static void move_to(struct mw_axis *axis, int64_t oldest)
{
    uint64_t first = mw_axis_find(axis, oldest);

    if (first > axis->first)
        axis->first = first;
}

void mw_history_age(struct mw_history *self)
{
    move_to(&self->axes[MW_TIER_RECENT], self->time - (int64_t)self->config.recent_ms);
    move_to(&self->axes[MW_TIER_MINUTES], self->time - (int64_t)self->config.minutes_ms);
    sweep_groups(self, false);
    mw_history_forget_dead(self);
}

/* ---- too much ---- */

/* The oldest eighth of the ticks; the last one stays. */
static bool cut_axis(struct mw_history *self, enum mw_tier tier)
{
    struct mw_axis *axis = &self->axes[tier];
    uint64_t held = axis->end - axis->first, cut = held / 8 > 0 ? held / 8 : 1;

    if (held <= 1)
        return false;
    axis->first += cut;
    self->shed_ticks[tier] += cut;
    return true;
}

/* Chunks of rings that begin before their axis; `any`: that begin at any time. */
static size_t drop_chunks(struct mw_history *self, bool any)
{
    size_t bytes = 0;

    for (enum mw_tier tier = 0; tier < MW_TIERS; tier++) {
        const struct mw_axis *axis = &self->axes[tier];
        int64_t first =
            axis->first < axis->end && !any ? mw_axis_time(axis, axis->first) : INT64_MAX;

        for (unsigned i = 0; i < self->wide_count; i++)
            bytes += mw_wide_drop(&self->wides[i], tier, first);
    }
    return bytes;
}

size_t mw_history_shed(struct mw_history *self)
{
    size_t bytes = 0;
    bool cut = true;

    while (bytes == 0 && cut) {
        cut = cut_axis(self, MW_TIER_RECENT);
        cut = cut_axis(self, MW_TIER_MINUTES) || cut;
        bytes = sweep_groups(self, true) + mw_history_forget_dead(self) + drop_chunks(self, false);
    }
    if (bytes == 0)
        bytes = drop_chunks(self, true);
    self->sheds += bytes > 0;
    return bytes;
}
