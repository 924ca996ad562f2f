/* A chunk is copied before it is read: whoever gets the points may use the heap, so nothing may
 * point into it between two of them. */
#include "history/history_internal.h"

#include <string.h>

static void forget_state(struct mw_track_reader *self, uint64_t tick)
{
    self->state.tick = tick;
    self->state.slow = false;
    memset(self->values, 0, sizeof(self->values));
    memset(self->reasons, 0, sizeof(self->reasons));
}

static void load(struct mw_track_reader *self)
{
    const uint64_t *words;

    if (mw_ref_is_none(self->chunk))
        return;
    mw_heap_raw_enter(self->heap);
    words = mw_heap_raw(self->heap, self->chunk);
    memcpy(self->bytes, words, (MW_TRACK_HEAD * sizeof(*words)) + words[MW_TRACK_USED]);
    mw_heap_raw_leave(self->heap);
    memcpy(&self->used, self->bytes + MW_TRACK_USED * sizeof(*words), sizeof(self->used));
    self->at = MW_TRACK_HEAD * sizeof(*words);
    self->used += self->at;
}

static uint64_t first_tick(const struct mw_track_reader *self)
{
    uint64_t tick;

    memcpy(&tick, self->bytes + MW_TRACK_FIRST * sizeof(tick), sizeof(tick));
    return tick;
}

/* One handle for the whole chain. */
static void next_chunk(struct mw_track_reader *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref next = mw_heap_get(self->heap, self->chunk, MW_TRACK_NEXT);

    if (mw_ref_is_none(next))
        self->chunk = next;
    else
        mw_heap_assign(self->heap, self->chunk, next);
}

/* Whether the chunk behind is the one to begin with. */
static bool begins_later(struct mw_track_reader *self, uint64_t tick)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref next = mw_heap_get(self->heap, self->chunk, MW_TRACK_NEXT);

    return !mw_ref_is_none(next) && mw_heap_get_word(self->heap, next, MW_TRACK_FIRST) <= tick;
}

static uint64_t tick_of_next(const struct mw_track_reader *self)
{
    if (self->at == MW_TRACK_HEAD * sizeof(uint64_t))
        return first_tick(self);
    return mw_entry_tick(self->columns, self->bytes + self->at, self->state.tick);
}

/* Looks at the entry behind, in the chunks behind if need be. */
static void look_ahead(struct mw_track_reader *self)
{
    while (self->at == self->used && !mw_ref_is_none(self->chunk)) {
        next_chunk(self);
        load(self);
    }
    self->next = mw_ref_is_none(self->chunk) ? MW_TICK_NONE : tick_of_next(self);
}

void mw_track_reader_init(struct mw_track_reader *self, struct mw_heap *heap, struct mw_ref subject,
                          enum mw_tier tier, unsigned columns, uint64_t tick)
{
    self->heap = heap;
    self->columns = columns;
    self->state.values = self->values;
    self->state.reasons = self->reasons;
    self->started = false;
    self->at = self->used = 0;
    forget_state(self, 0);
    self->chunk = mw_heap_get(heap, subject, mw_subject_field(tier, MW_SUBJECT_OLDEST));
    while (!mw_ref_is_none(self->chunk) && begins_later(self, tick))
        next_chunk(self);
    load(self);
    look_ahead(self);
}

static void apply(struct mw_track_reader *self)
{
    if (self->at == MW_TRACK_HEAD * sizeof(uint64_t))
        forget_state(self, first_tick(self));
    self->at += mw_entry_decode(self->columns, self->bytes + self->at, &self->state);
    self->started = true;
    look_ahead(self);
}

void mw_track_reader_go(struct mw_track_reader *self, uint64_t tick)
{
    while (self->next <= tick && self->next != MW_TICK_NONE)
        apply(self);
}
