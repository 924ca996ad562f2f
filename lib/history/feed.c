/* A sample's rows: the dead are buried first, then the newborn get a slot, then the largest are
 * chosen, then each row's values are compared with the last ones. A subject that moved to another
 * row dies and comes back in the same sample; all that it loses by that is the begin of the minute
 * in which it happens. */
#include "history/history_internal.h"

#include <string.h>

/* The block of a sample, and its columns of interest. */
struct view {
    const struct mw_block *block;
    const struct mw_block_key *keys;
    uint32_t rows;
    unsigned readings;
    bool stale;
    const union mw_value *columns[MW_GROUP_READINGS_MAX];
    const unsigned char *absences[MW_GROUP_READINGS_MAX];
};

static struct view view_of(const struct mw_group *self, const struct mw_sample *sample,
                           const struct mw_block *block)
{
    struct view view = {
        .block = block,
        .keys = mw_block_keys(block),
        .rows = mw_block_head(block)->rows,
        .readings = self->readings,
        .stale = mw_sample_stale(sample, self->source),
    };

    for (unsigned i = 0; i < view.readings; i++) {
        view.columns[i] = mw_block_column(block, self->reading[i]);
        view.absences[i] = mw_block_absences(block, self->reading[i]);
    }
    return view;
}

static struct mw_block_key key_at(const struct view *view, uint32_t row)
{
    return row < view->rows ? view->keys[row] : (struct mw_block_key){0, 0};
}

static bool same(struct mw_block_key a, struct mw_block_key b)
{
    return a.id == b.id && a.birth == b.birth;
}

/* ---- names ---- */

/* The registry may have heard of it only now. */
static void name_row(struct mw_group *self, const struct view *view, uint32_t at)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref who;

    if (self->subjects == NULL || self->rows[at].slot == MW_SLOT_NONE)
        return;
    who = mw_subjects_object(self->subjects, view->block, at);
    if (!mw_ref_is_none(who))
        mw_heap_set(self->heap, mw_slots_subject(&self->slots, self->rows[at].slot), MW_SUBJECT_WHO,
                    who);
}

/* As long as it lived the registry kept it. */
static void charge_for_name(struct mw_group *self, uint32_t slot)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref who =
        mw_heap_get(self->heap, mw_slots_subject(&self->slots, slot), MW_SUBJECT_WHO);

    if (!mw_ref_is_none(who))
        mw_slots_charge(&self->slots, slot, mw_subjects_bytes(self->subjects, who));
}

/* ---- deaths and births ---- */

static void end_row(struct mw_group *self, uint32_t at, const struct mw_tick *tick)
{
    struct mw_row *row = &self->rows[at];

    if (row->slot != MW_SLOT_NONE) {
        mw_group_put_minute(self, at, tick->minute);
        mw_slots_bury(&self->slots, row->slot, tick->last_time, tick->tick - 1);
        charge_for_name(self, row->slot);
    }
    row->slot = MW_SLOT_NONE;
    row->key = (struct mw_block_key){0, 0};
}

static void begin_ends(struct mw_row *row, const struct mw_slot *slot, const struct mw_tick *tick)
{
    bool came_back = slot->end_tick != 0 && slot->end_tick + 1 < tick->tick;

    for (enum mw_tier tier = 0; tier < MW_TIERS; tier++) {
        row->ends[tier].fresh = true;
        row->ends[tier].lost = MW_TICK_NONE;
    }
    if (came_back) /* it was not there in between */
        row->ends[MW_TIER_RECENT].lost = slot->end_tick + 1;
}

static int begin_row(struct mw_group *self, uint32_t at, struct mw_block_key key,
                     const struct mw_tick *tick)
{
    struct mw_row *row = &self->rows[at];
    bool newcomer = row->key.id == 0;
    uint32_t slot = MW_SLOT_NONE;
    int error = mw_slots_revive(&self->slots, key, tick->time, &slot);

    row->key = key;
    row->slot = slot;
    row->slow = row->watched = false;
    self->refused += newcomer && error == -ENOSPC;
    if (error < 0)
        return error == -ENOMEM ? error : 0;
    memset(self->folds + (size_t)at * self->readings, 0, self->readings * sizeof(*self->folds));
    begin_ends(row, &self->slots.slots[slot], tick);
    return 0;
}

/* Those that found no place before ask again whenever everybody is recorded. */
static bool begins(const struct mw_row *row, struct mw_block_key key, const struct mw_tick *tick)
{
    return key.id != 0 && (row->key.id == 0 || (row->slot == MW_SLOT_NONE && tick->slow));
}

static int begin_rows(struct mw_group *self, const struct view *view, const struct mw_tick *tick,
                      bool known)
{
    int error = 0;

    for (uint32_t i = 0; i < view->rows; i++) {
        if (!begins(&self->rows[i], view->keys[i], tick) ||
            known != (mw_slots_find(&self->slots, view->keys[i]) != MW_SLOT_NONE))
            continue;
        if (begin_row(self, i, view->keys[i], tick) < 0)
            error = -ENOMEM;
        name_row(self, view, i);
    }
    return error;
}

/* Who only moved to another row counts as dead for a moment, and must not be forgotten for somebody
 * new. */
static int follow_rows(struct mw_group *self, const struct view *view, const struct mw_tick *tick)
{
    int error, failed;

    for (uint32_t i = 0; i < self->row_count; i++)
        if (!same(self->rows[i].key, key_at(view, i)))
            end_row(self, i, tick);
    error = begin_rows(self, view, tick, true);
    failed = begin_rows(self, view, tick, false);
    error = failed < 0 ? failed : error;
    for (uint32_t i = 0; i < view->rows && tick->slow; i++)
        name_row(self, view, i);
    self->row_count = view->rows;
    mw_group_trim_rows(self);
    return error;
}

/* ---- the largest ---- */

static void rank_rows(struct mw_group *self, const struct mw_block *block)
{
    self->by_size.count = self->by_growth.count = self->chosen.count = 0;
    for (uint32_t i = 0; i < self->row_count; i++) {
        union mw_value value;

        self->rows[i].rank = UINT32_MAX;
        if (self->rows[i].slot == MW_SLOT_NONE)
            continue;
        if (mw_block_get(block, MW_PROCESS_RSS, i, &value) == MW_PRESENT)
            mw_largest_offer(&self->by_size, value.u, i);
        if (mw_block_get(block, MW_PROCESS_GROWTH, i, &value) == MW_PRESENT && value.i > 0)
            mw_largest_offer(&self->by_growth, (uint64_t)value.i, i);
    }
    mw_largest_sort(&self->by_size);
    mw_largest_sort(&self->by_growth);
}

static void note_ranks(struct mw_group *self, const struct mw_largest *rank)
{
    for (uint32_t i = 0; i < rank->count; i++) {
        struct mw_row *row = &self->rows[rank->entries[i].row];

        row->rank = i < row->rank ? i : row->rank;
    }
}

/* Each row once. Those that are in already count as better by the margin. */
static void offer_ranks(struct mw_group *self, const struct mw_largest *rank)
{
    const uint64_t worst = UINT32_MAX, margin = self->top / 5 + 1;

    for (uint32_t i = 0; i < rank->count; i++) {
        struct mw_row *row = &self->rows[rank->entries[i].row];

        if (row->rank != UINT32_MAX)
            mw_largest_offer(&self->chosen, worst - row->rank + (row->watched ? margin : 0),
                             rank->entries[i].row);
        row->rank = UINT32_MAX;
    }
}

static void choose(struct mw_group *self, const struct mw_block *block)
{
    rank_rows(self, block);
    note_ranks(self, &self->by_size);
    note_ranks(self, &self->by_growth);
    offer_ranks(self, &self->by_size);
    offer_ranks(self, &self->by_growth);
    for (uint32_t i = 0; i < self->row_count; i++) {
        self->rows[i].watched = false;
        self->rows[i].slow = true;
    }
    for (uint32_t i = 0; i < self->chosen.count; i++) {
        struct mw_row *row = &self->rows[self->chosen.entries[i].row];

        row->watched = true;
        row->slow = false;
    }
}

/* ---- values ---- */

static void read_row(struct mw_group *self, const struct view *view, uint32_t row,
                     uint64_t *ret_values, uint8_t *ret_reasons)
{
    struct mw_fold *folds = self->folds + (size_t)row * self->readings;

    for (unsigned i = 0; i < view->readings; i++) {
        uint8_t reason = view->absences[i][row / 2] >> row % 2 * 4 & 15;

        ret_reasons[i] = view->stale ? MW_ABSENT_STALE : reason;
        ret_values[i] = view->columns[i][row].u;
        if (ret_reasons[i] == MW_PRESENT)
            mw_fold_add(&folds[i], self->types[i], view->columns[i][row]);
        else
            folds[i].reason = ret_reasons[i];
    }
}

static int record_rows(struct mw_group *self, const struct view *view, const struct mw_tick *tick)
{
    uint64_t values[MW_GROUP_READINGS_MAX];
    uint8_t reasons[MW_GROUP_READINGS_MAX];
    struct mw_track_state now = {tick->tick, false, values, reasons};
    int error = 0;

    for (uint32_t i = 0; i < self->row_count; i++) {
        struct mw_row *row = &self->rows[i];

        if (row->slot == MW_SLOT_NONE)
            continue;
        read_row(self, view, i, values, reasons);
        now.slow = row->slow;
        if ((!row->slow || tick->slow) && mw_group_put_recent(self, i, &now) < 0)
            error = -ENOMEM;
    }
    return error;
}

int mw_group_add(struct mw_group *self, const struct mw_sample *sample, const struct mw_tick *tick)
{
    const struct mw_block *block = mw_sample_block(sample, self->source);
    int error, failed;
    struct view view;

    if (block == NULL)
        return 0;
    view = view_of(self, sample, block);
    error = mw_group_make_rows(self, view.rows);
    if (error < 0) {
        self->lost++;
        return error;
    }
    error = follow_rows(self, &view, tick);
    self->lost += error < 0;
    if (self->top > 0 && tick->slow && !view.stale)
        choose(self, block);
    failed = record_rows(self, &view, tick);
    return failed < 0 ? failed : error;
}
