/* Kinds with many subjects. A row of a block keeps its subject as long as that lives, so what is
 * needed at every sample stands by rows, beside the block's columns: one pass compares and folds.
 * Only a row in which something changed goes on to the heap. */
#include "history/history_internal.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_KEPT = 64 }; /* whatever the need */

/* ---- birth and death ---- */

static int choose_readings(struct mw_group *self)
{
    enum mw_reading first = mw_source_first(self->source);

    for (enum mw_reading i = first; i < first + mw_source_columns(self->source); i++) {
        if (!mw_history_keeps(i))
            continue;
        if (self->readings == MW_GROUP_READINGS_MAX)
            return -E2BIG;
        self->types[self->readings] = mw_reading_info(i)->value;
        self->reading[self->readings++] = i;
    }
    return 0;
}

static int add_types(struct mw_heap *heap, const struct mw_heap_type **ret_subject,
                     const struct mw_heap_type **ret_table)
{
    static const struct mw_heap_field fields[] = {{"oldestChunk", 0},
                                                  {"newestChunk", 1},
                                                  {"oldestMinutesChunk", 2},
                                                  {"newestMinutesChunk", 3},
                                                  {"subject", MW_SUBJECT_WHO}};
    static const struct mw_heap_type_info subject = {
        "HistorySubject", MW_KIND_FIXED, MW_SUBJECT_FIELDS, fields, MW_SUBJECT_FIELDS, NULL};
    static const struct mw_heap_type_info table = {
        "HistorySubjects", MW_KIND_REFS, 0, NULL, 0, NULL};
    int error = mw_heap_add_type(heap, &subject, ret_subject);

    return error < 0 ? error : mw_heap_add_type(heap, &table, ret_table);
}

static int make_ranks(struct mw_group *self, uint32_t top)
{
    uint32_t looked_at = top + top / 5 + 1;
    int error;

    if (self->source != MW_SOURCE_PROCESS)
        return 0;
    self->top = top;
    error = mw_largest_init(&self->by_size, looked_at);
    if (error == 0)
        error = mw_largest_init(&self->by_growth, looked_at);
    return error < 0 ? error : mw_largest_init(&self->chosen, top);
}

int mw_group_init(struct mw_group *self, struct mw_tracks *tracks, enum mw_source source,
                  const struct mw_history_config *config)
{
    const struct mw_heap_type *subject, *table;
    int error;

    *self = (struct mw_group){.heap = tracks->heap, .tracks = tracks, .source = source};
    error = choose_readings(self);
    if (error < 0)
        return error;
    error = make_ranks(self, config->top);
    if (error < 0)
        return error;
    error = add_types(self->heap, &subject, &table);
    if (error != 0)
        return error;
    return mw_slots_init(&self->slots, tracks, subject, table, config->subjects);
}

void mw_group_deinit(struct mw_group *self)
{
    mw_slots_deinit(&self->slots);
    mw_largest_deinit(&self->by_size);
    mw_largest_deinit(&self->by_growth);
    mw_largest_deinit(&self->chosen);
    free(self->rows);
    free(self->folds);
    free(self->recent_values);
    free(self->minute_values);
    free(self->recent_reasons);
    free(self->minute_reasons);
}

static size_t bytes_of_row(const struct mw_group *self)
{
    return sizeof(struct mw_row) + self->readings * (sizeof(struct mw_fold) +
                                                     (1 + MW_FOLD_VALUES) * (sizeof(uint64_t) + 1));
}

size_t mw_group_bytes(const struct mw_group *self)
{
    return mw_slots_bytes(&self->slots) + self->row_room * bytes_of_row(self);
}

int mw_group_column(const struct mw_group *self, enum mw_reading reading)
{
    for (unsigned i = 0; i < self->readings; i++)
        if (self->reading[i] == reading)
            return (int)i;
    return -1;
}

const struct mw_row *mw_group_row(const struct mw_group *self, uint32_t slot)
{
    for (uint32_t i = 0; i < self->row_count; i++)
        if (self->rows[i].slot == slot && self->rows[i].key.id != 0)
            return &self->rows[i];
    return NULL;
}

uint64_t mw_group_watched(const struct mw_group *self)
{
    uint64_t watched = 0;

    for (uint32_t i = 0; i < self->row_count; i++)
        watched += self->rows[i].slot != MW_SLOT_NONE && !self->rows[i].slow;
    return watched;
}

/* ---- rows ---- */

/* Arrays have moved: what rows know of them is told anew. */
static void bind_rows(struct mw_group *self)
{
    size_t recent = self->readings, minute = (size_t)self->readings * MW_FOLD_VALUES;

    for (size_t i = 0; i < self->row_room; i++) {
        struct mw_track_end *ends = self->rows[i].ends;

        ends[MW_TIER_RECENT].state.values = self->recent_values + i * recent;
        ends[MW_TIER_RECENT].state.reasons = self->recent_reasons + i * recent;
        ends[MW_TIER_MINUTES].state.values = self->minute_values + i * minute;
        ends[MW_TIER_MINUTES].state.reasons = self->minute_reasons + i * minute;
    }
}

/* What was there when there is no memory. */
static void *size_array(void *array, size_t elements, size_t size, int *error)
{
    void *memory = realloc(array, elements * size);

    *error = memory != NULL ? *error : -ENOMEM;
    return memory != NULL ? memory : array;
}

static int size_rows(struct mw_group *self, uint32_t rows)
{
    size_t recent = (size_t)rows * self->readings, minute = recent * MW_FOLD_VALUES;
    int error = 0;

    self->rows = size_array(self->rows, rows, sizeof(*self->rows), &error);
    self->folds = size_array(self->folds, recent, sizeof(*self->folds), &error);
    self->recent_values = size_array(self->recent_values, recent, sizeof(uint64_t), &error);
    self->recent_reasons = size_array(self->recent_reasons, recent, 1, &error);
    self->minute_values = size_array(self->minute_values, minute, sizeof(uint64_t), &error);
    self->minute_reasons = size_array(self->minute_reasons, minute, 1, &error);
    if (error == 0 || rows < self->row_room)
        self->row_room = rows;
    bind_rows(self);
    return error;
}

int mw_group_make_rows(struct mw_group *self, uint32_t rows)
{
    uint32_t room = self->row_room + self->row_room / 4 + 16;
    int error = 0;

    if (rows > self->row_room)
        error = size_rows(self, rows > room ? rows : room);
    if (error < 0)
        return error;
    for (; self->row_count < rows; self->row_count++) {
        self->rows[self->row_count].key = (struct mw_block_key){0, 0};
        self->rows[self->row_count].slot = MW_SLOT_NONE;
    }
    return 0;
}

/* There were many more once. */
void mw_group_trim_rows(struct mw_group *self)
{
    if (self->row_room > 4 * self->row_count + ROWS_KEPT)
        size_rows(self, 2 * self->row_count + ROWS_KEPT / 2);
}

/* ---- one row into its tracks ---- */

static int put(struct mw_group *self, uint32_t row, enum mw_tier tier, unsigned columns,
               const struct mw_track_state *now)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref subject = mw_slots_subject(&self->slots, self->rows[row].slot);
    int error =
        mw_track_put(self->tracks, subject, tier, columns, &self->rows[row].ends[tier], now);

    self->lost += error < 0;
    return error;
}

static bool differs(const struct mw_track_end *end, const struct mw_track_state *now,
                    unsigned columns)
{
    const struct mw_track_state *last = &end->state;

    if (end->fresh || end->lost != MW_TICK_NONE || last->slow != now->slow)
        return true;
    for (unsigned i = 0; i < columns; i++)
        if (last->reasons[i] != now->reasons[i] ||
            (now->reasons[i] == 0 && last->values[i] != now->values[i]))
            return true;
    return false;
}

int mw_group_put_recent(struct mw_group *self, uint32_t row, const struct mw_track_state *now)
{
    if (!differs(&self->rows[row].ends[MW_TIER_RECENT], now, self->readings))
        return 0;
    return put(self, row, MW_TIER_RECENT, self->readings, now);
}

/* Why there is nothing is said once, in the first of three columns. */
int mw_group_put_minute(struct mw_group *self, uint32_t row, uint64_t minute)
{
    unsigned columns = self->readings * MW_FOLD_VALUES;
    struct mw_fold *folds = self->folds + (size_t)row * self->readings;
    uint64_t values[MW_TRACK_COLUMNS_MAX];
    uint8_t reasons[MW_TRACK_COLUMNS_MAX] = {0};
    struct mw_track_end *end = &self->rows[row].ends[MW_TIER_MINUTES];
    struct mw_track_state now = {minute, false, values, reasons};

    for (unsigned i = 0; i < self->readings; i++) {
        unsigned at = i * MW_FOLD_VALUES;

        reasons[at] = mw_fold_get(&folds[i], self->types[i], values + at);
        if (reasons[at] != MW_PRESENT && !end->fresh)
            memcpy(values + at, end->state.values + at, MW_FOLD_VALUES * sizeof(*values));
        folds[i] = (struct mw_fold){.count = 0};
    }
    return differs(end, &now, columns) ? put(self, row, MW_TIER_MINUTES, columns, &now) : 0;
}

int mw_group_end_minute(struct mw_group *self, uint64_t minute)
{
    int error = 0, failed;

    for (uint32_t i = 0; i < self->row_count; i++) {
        failed = self->rows[i].slot != MW_SLOT_NONE ? mw_group_put_minute(self, i, minute) : 0;
        error = failed < 0 ? failed : error;
    }
    return error;
}

/* ---- what is too old ---- */

static size_t sweep_slot(struct mw_group *self, uint32_t slot, uint64_t recent, uint64_t minutes)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref subject = mw_slots_subject(&self->slots, slot);

    return mw_track_drop(self->tracks, subject, MW_TIER_RECENT, recent) +
           mw_track_drop(self->tracks, subject, MW_TIER_MINUTES, minutes);
}

size_t mw_group_sweep(struct mw_group *self, uint32_t slots, uint64_t recent, uint64_t minutes)
{
    size_t bytes = 0;

    for (; slots > 0; slots--) {
        if (self->sweep >= self->slots.used)
            self->sweep = 0;
        if (self->sweep < self->slots.used && self->slots.slots[self->sweep].key.id != 0)
            bytes += sweep_slot(self, self->sweep, recent, minutes);
        self->sweep++;
    }
    return bytes;
}
