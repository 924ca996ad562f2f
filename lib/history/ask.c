/* Answering. Inside, times are those of the axes; the caller's are `shift` ahead of them. The time
 * before the recent tier begins is answered from minutes, the rest from samples. */
#include "history/history_internal.h"

enum { BATCH = 256, MINUTE_WEIGHT = 60 };

/* Who is asked for, and where that stands. */
struct place {
    const struct mw_wide *wide;
    const struct mw_group *group;
    unsigned column;
    uint32_t slot;
    int64_t begin, end; /* of its life, axis time */
};

/* One part of a question. */
struct part {
    enum mw_tier tier;
    int64_t from, to;
};

/* ---- what is asked for ---- */

static const struct mw_wide *wide_of(const struct mw_history *self, enum mw_kind kind)
{
    for (unsigned i = 0; i < self->wide_count; i++)
        if (self->wides[i].kind == kind)
            return &self->wides[i];
    return NULL;
}

static enum mw_history_fault find_place(const struct mw_history *self,
                                        const struct mw_history_question *question,
                                        struct place *ret)
{
    int column = -1;

    *ret = (struct place){.begin = INT64_MIN, .end = INT64_MAX};
    if (!mw_history_keeps(question->reading))
        return MW_HISTORY_FAULT_READING;
    ret->wide = wide_of(self, mw_reading_info(question->reading)->kind);
    if (ret->wide != NULL) {
        ret->column = (unsigned)mw_wide_column(ret->wide, question->reading);
        return MW_HISTORY_FAULT_NONE;
    }
    for (unsigned i = 0; column < 0 && i < self->group_count; i++) {
        ret->group = &self->groups[i];
        column = mw_group_column(ret->group, question->reading);
    }
    if (column < 0)
        return MW_HISTORY_FAULT_READING;
    ret->column = (unsigned)column;
    ret->slot = mw_slots_find(&ret->group->slots, question->subject);
    if (ret->slot == MW_SLOT_NONE)
        return MW_HISTORY_FAULT_SUBJECT;
    ret->begin = ret->group->slots.slots[ret->slot].begin;
    if (!ret->group->slots.slots[ret->slot].alive)
        ret->end = ret->group->slots.slots[ret->slot].end;
    return MW_HISTORY_FAULT_NONE;
}

static enum mw_history_fault find_fault(const struct mw_history_question *question)
{
    uint64_t span = (uint64_t)question->to - (uint64_t)question->from;

    if (question->from > question->to)
        return MW_HISTORY_FAULT_RANGE;
    if (question->step == 0)
        return MW_HISTORY_FAULT_STEP;
    if (span / question->step + (span % question->step != 0) > MW_HISTORY_POINTS_MAX)
        return MW_HISTORY_FAULT_POINTS;
    return MW_HISTORY_FAULT_NONE;
}

/* ---- rings ---- */

static int ask_wide_recent(const struct mw_history *self, const struct place *place,
                           const struct part *part, struct mw_steps *steps)
{
    struct mw_ring_cursor cursor;
    struct mw_ring_value value;
    int result = mw_ring_cursor_init(&cursor, place->wide->rings[MW_TIER_RECENT], place->column,
                                     part->from, part->to);

    while (result == 0 && mw_ring_cursor_next(&cursor, &value) == 1) {
        const uint64_t values[MW_FOLD_VALUES] = {value.number.u, value.number.u, value.number.u};

        result = mw_steps_add(steps, value.time + self->shift, 1, value.reason, values);
    }
    return result;
}

static int ask_wide_minutes(const struct mw_history *self, const struct place *place,
                            const struct part *part, struct mw_steps *steps)
{
    const struct mw_ring *ring = place->wide->rings[MW_TIER_MINUTES];
    struct mw_ring_cursor cursors[MW_FOLD_VALUES];
    int result = 0;

    for (unsigned i = 0; result == 0 && i < MW_FOLD_VALUES; i++)
        result = mw_ring_cursor_init(&cursors[i], ring, place->column * MW_FOLD_VALUES + i,
                                     part->from, part->to);
    while (result == 0) {
        struct mw_ring_value value = {0};
        uint64_t values[MW_FOLD_VALUES];

        for (unsigned i = 0; i < MW_FOLD_VALUES; i++) {
            if (mw_ring_cursor_next(&cursors[i], &value) != 1)
                return 0;
            values[i] = value.number.u;
        }
        result = mw_steps_add(steps, value.time + self->shift, MINUTE_WEIGHT, value.reason, values);
    }
    return result;
}

/* ---- tracks ---- */

static int ask_tick(const struct place *place, const struct mw_track_reader *reader,
                    enum mw_tier tier, int64_t wall, struct mw_steps *steps)
{
    unsigned at = tier == MW_TIER_RECENT ? place->column : MW_FOLD_VALUES * place->column;
    const uint64_t *now = reader->values + at;

    if (tier == MW_TIER_MINUTES)
        return mw_steps_add(steps, wall, MINUTE_WEIGHT, reader->reasons[at], now);
    return mw_steps_add(steps, wall, 1, reader->reasons[at],
                        (const uint64_t[MW_FOLD_VALUES]){*now, *now, *now});
}

static int ask_ticks(const struct mw_history *self, const struct place *place,
                     struct mw_track_reader *reader, enum mw_tier tier, uint64_t first,
                     size_t count, struct mw_steps *steps)
{
    int64_t times[BATCH];
    bool marks[BATCH];
    int result = 0;

    mw_axis_read(&self->axes[tier], first, count, times, marks);
    for (size_t i = 0; result == 0 && i < count; i++) {
        mw_track_reader_go(reader, first + i);
        if (reader->started && (!reader->state.slow || marks[i]))
            result = ask_tick(place, reader, tier, times[i] + self->shift, steps);
    }
    return result;
}

static int ask_track(const struct mw_history *self, const struct place *place,
                     const struct part *part, struct mw_steps *steps)
{
    MW_SCOPE(scope, self->heap);
    const struct mw_axis *axis = &self->axes[part->tier];
    unsigned columns = place->group->readings;
    uint64_t tick = mw_axis_find(axis, part->from), stop = mw_axis_find(axis, part->to);
    struct mw_track_reader reader;
    int result = 0;

    if (place->end < part->to)
        stop = mw_axis_find(axis, place->end + 1);
    mw_track_reader_init(&reader, self->heap, mw_slots_subject(&place->group->slots, place->slot),
                         part->tier, part->tier == MW_TIER_RECENT ? columns : 3 * columns, tick);
    while (result == 0 && tick < stop) {
        size_t count = stop - tick < BATCH ? stop - tick : BATCH;

        result = ask_ticks(self, place, &reader, part->tier, tick, count, steps);
        tick += count;
    }
    return result;
}

/* ---- both ---- */

/* When the recent tier begins. */
static int64_t recent_begin(const struct mw_history *self, const struct place *place)
{
    const struct mw_axis *axis = &self->axes[MW_TIER_RECENT];
    int64_t begin = axis->first < axis->end ? mw_axis_time(axis, axis->first) : INT64_MAX;
    struct mw_ring_numbers numbers;

    if (place->wide == NULL)
        return begin;
    mw_ring_get_numbers(place->wide->rings[MW_TIER_RECENT], &numbers);
    if (numbers.rows > 0 && numbers.first > begin)
        begin = numbers.first;
    return begin;
}

static int ask_part(const struct mw_history *self, const struct place *place,
                    const struct part *part, struct mw_steps *steps)
{
    if (part->from >= part->to)
        return 0;
    if (place->wide == NULL)
        return ask_track(self, place, part, steps);
    return part->tier == MW_TIER_RECENT ? ask_wide_recent(self, place, part, steps)
                                        : ask_wide_minutes(self, place, part, steps);
}

/* From the caller's time to that of the axes, where none of these overflows. */
static int64_t inner_time(const struct mw_history *self, int64_t time)
{
    const int64_t limit = INT64_C(1) << 60;

    if (time < -limit || time > limit)
        return time < 0 ? -limit : limit;
    return time - self->shift;
}

static int64_t outer_time(const struct mw_history *self, int64_t time)
{
    return time == INT64_MIN || time == INT64_MAX ? time : time + self->shift;
}

static int answer(const struct mw_history *self, const struct place *place, struct mw_steps *steps)
{
    int64_t from = inner_time(self, steps->question->from);
    int64_t to = inner_time(self, steps->question->to), border = recent_begin(self, place);
    struct part minutes = {MW_TIER_MINUTES, from, to < border ? to : border};
    struct part recent = {MW_TIER_RECENT, from > border ? from : border, to};
    int result = ask_part(self, place, &minutes, steps);

    if (result == 0)
        result = ask_part(self, place, &recent, steps);
    return result == 0 ? mw_steps_finish(steps) : result;
}

int mw_history_ask(const struct mw_history *self, const struct mw_history_question *question,
                   int (*each)(void *context, const struct mw_history_point *point), void *context,
                   enum mw_history_fault *ret_fault)
{
    struct place place;
    enum mw_history_fault fault = find_place(self, question, &place);
    bool unknown = fault != MW_HISTORY_FAULT_NONE;
    struct mw_steps steps = {.each = each, .context = context};

    if (!unknown)
        fault = find_fault(question);
    if (ret_fault != NULL)
        *ret_fault = fault;
    if (fault != MW_HISTORY_FAULT_NONE)
        return unknown ? -ENOENT : -EINVAL;
    steps.type = mw_reading_info(question->reading)->value;
    steps.begin = outer_time(self, place.begin);
    steps.end = outer_time(self, place.end);
    mw_steps_init(&steps, question);
    return answer(self, &place, &steps);
}

static uint32_t find_in_slots(const struct mw_slots *slots, uint64_t id,
                              struct mw_block_key *ret_newest)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < slots->used; i++) {
        struct mw_block_key key = slots->slots[i].key;

        if (key.id != id)
            continue;
        if (found == 0 || key.birth > ret_newest->birth)
            *ret_newest = key;
        found++;
    }
    return found;
}

uint32_t mw_history_find(const struct mw_history *self, enum mw_kind kind, uint64_t id,
                         struct mw_block_key *ret_newest)
{
    for (unsigned i = 0; id != 0 && i < self->group_count; i++)
        if (mw_source_kind(self->groups[i].source) == kind)
            return find_in_slots(&self->groups[i].slots, id, ret_newest);
    return 0;
}

int mw_history_life(const struct mw_history *self, enum mw_kind kind, struct mw_block_key subject,
                    struct mw_history_life *ret)
{
    for (unsigned i = 0; i < self->group_count; i++) {
        const struct mw_group *group = &self->groups[i];
        uint32_t at = mw_source_kind(group->source) == kind ? mw_slots_find(&group->slots, subject)
                                                            : MW_SLOT_NONE;
        const struct mw_row *row;

        if (at == MW_SLOT_NONE)
            continue;
        row = mw_group_row(group, at);
        ret->first_ms = group->slots.slots[at].begin + self->shift;
        ret->alive = group->slots.slots[at].alive;
        ret->last_ms = (ret->alive ? self->time : group->slots.slots[at].end) + self->shift;
        ret->watched = row != NULL && !row->slow;
        return 0;
    }
    return -ENOENT;
}

static const struct mw_group *group_of_processes(const struct mw_history *self)
{
    for (unsigned i = 0; i < self->group_count; i++)
        if (self->groups[i].source == MW_SOURCE_PROCESS)
            return &self->groups[i];
    return NULL;
}

bool mw_history_subject(const struct mw_history *self, struct mw_block_key subject,
                        struct mw_subject *ret)
{
    MW_SCOPE(scope, self->heap);
    const struct mw_group *group = group_of_processes(self);
    struct mw_ref who = mw_ref_none();
    uint32_t at = group != NULL ? mw_slots_find(&group->slots, subject) : MW_SLOT_NONE;

    if (at != MW_SLOT_NONE)
        who = mw_heap_get(self->heap, mw_slots_subject(&group->slots, at), MW_SUBJECT_WHO);
    if (mw_ref_is_none(who))
        return false;
    mw_subjects_read(group->subjects, who, ret);
    return true;
}
