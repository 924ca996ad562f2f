/* Kinds with one subject: each tier is one ring with a column a reading, or three of them. */
#include "history/history_internal.h"

#include <stdlib.h>

static const unsigned chunk_rows[MW_TIERS] = {256, 128};

static unsigned columns_in(const struct mw_wide *self, enum mw_tier tier)
{
    return tier == MW_TIER_RECENT ? self->columns : MW_FOLD_VALUES * self->columns;
}

static bool is_column(enum mw_reading reading, enum mw_kind kind)
{
    return mw_reading_info(reading)->kind == kind && mw_history_keeps(reading);
}

static unsigned count_columns(enum mw_kind kind)
{
    unsigned columns = 0;

    for (enum mw_reading i = 0; i < MW_READING_COUNT; i++)
        columns += is_column(i, kind);
    return columns;
}

size_t mw_wide_bytes_min(enum mw_kind kind)
{
    unsigned columns = count_columns(kind);

    return mw_ring_bytes_min(columns, chunk_rows[MW_TIER_RECENT]) +
           mw_ring_bytes_min(MW_FOLD_VALUES * columns, chunk_rows[MW_TIER_MINUTES]);
}

static enum mw_ring_form form_of(enum mw_value_type type)
{
    return type == MW_VALUE_F64 ? MW_RING_F64 : type == MW_VALUE_I64 ? MW_RING_I64 : MW_RING_U64;
}

static int make_ring(struct mw_wide *self, struct mw_store *store, enum mw_tier tier, uint64_t span,
                     size_t bytes)
{
    unsigned columns = columns_in(self, tier), each = columns / self->columns;
    enum mw_ring_form *forms = calloc(columns, sizeof(*forms));
    struct mw_ring_config config = {forms, columns, chunk_rows[tier], span, bytes};
    int error;

    if (forms == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < columns; i++)
        forms[i] = form_of(mw_reading_info(self->readings[i / each])->value);
    error = mw_ring_create(store, &config, &self->rings[tier]);
    free(forms);
    return error;
}

static int make_arrays(struct mw_wide *self)
{
    size_t columns = self->columns, widest = MW_FOLD_VALUES * columns;
    unsigned at = 0;

    self->readings = calloc(columns, sizeof(*self->readings));
    self->folds = calloc(columns, sizeof(*self->folds));
    self->numbers = calloc(widest, sizeof(*self->numbers));
    self->reasons = calloc(widest, 1);
    if (self->readings == NULL || self->folds == NULL || self->numbers == NULL ||
        self->reasons == NULL)
        return -ENOMEM;
    for (enum mw_reading i = 0; i < MW_READING_COUNT; i++)
        if (is_column(i, self->kind))
            self->readings[at++] = i;
    return 0;
}

int mw_wide_init(struct mw_wide *self, struct mw_store *store, enum mw_kind kind,
                 const struct mw_history_config *config)
{
    int error;

    *self = (struct mw_wide){.kind = kind, .columns = count_columns(kind)};
    error = make_arrays(self);
    if (error == 0)
        error = make_ring(self, store, MW_TIER_RECENT, config->recent_ms, config->bytes);
    if (error == 0)
        error = make_ring(self, store, MW_TIER_MINUTES, config->minutes_ms, config->bytes);
    return error;
}

void mw_wide_deinit(struct mw_wide *self)
{
    for (enum mw_tier tier = 0; tier < MW_TIERS; tier++)
        mw_ring_destroy(self->rings[tier]);
    free(self->readings);
    free(self->folds);
    free(self->numbers);
    free(self->reasons);
}

size_t mw_wide_bytes(const struct mw_wide *self)
{
    size_t bytes = self->columns * (sizeof(*self->readings) + sizeof(*self->folds) +
                                    MW_FOLD_VALUES * (sizeof(*self->numbers) + 1));
    struct mw_ring_numbers numbers;

    for (enum mw_tier tier = 0; tier < MW_TIERS; tier++) {
        mw_ring_get_numbers(self->rings[tier], &numbers);
        bytes += numbers.bytes;
    }
    return bytes;
}

void mw_wide_set_bytes(struct mw_wide *self, size_t bytes)
{
    for (enum mw_tier tier = 0; tier < MW_TIERS; tier++)
        mw_ring_set_bytes(self->rings[tier], bytes);
}

int mw_wide_column(const struct mw_wide *self, enum mw_reading reading)
{
    for (unsigned i = 0; i < self->columns; i++)
        if (self->readings[i] == reading)
            return (int)i;
    return -1;
}

int mw_wide_add(struct mw_wide *self, const struct mw_sample *sample, int64_t time)
{
    int error;

    for (unsigned i = 0; i < self->columns; i++) {
        union mw_value value = {0};

        self->reasons[i] = (uint8_t)mw_sample_get(sample, self->readings[i], 0, &value);
        self->numbers[i].u = value.u;
        if (self->reasons[i] == MW_PRESENT)
            mw_fold_add(&self->folds[i], mw_reading_info(self->readings[i])->value, value);
        else
            self->folds[i].reason = self->reasons[i];
    }
    error = mw_ring_append(self->rings[MW_TIER_RECENT], time, self->numbers, self->reasons);
    self->lost += error < 0;
    return error;
}

int mw_wide_end_minute(struct mw_wide *self, int64_t time)
{
    int error;

    for (unsigned i = 0; i < self->columns; i++) {
        enum mw_value_type type = mw_reading_info(self->readings[i])->value;
        uint64_t values[MW_FOLD_VALUES];
        uint8_t reason = mw_fold_get(&self->folds[i], type, values);

        for (unsigned j = 0; j < MW_FOLD_VALUES; j++) {
            self->numbers[i * MW_FOLD_VALUES + j].u = values[j];
            self->reasons[i * MW_FOLD_VALUES + j] = reason;
        }
        self->folds[i] = (struct mw_fold){.count = 0};
    }
    error = mw_ring_append(self->rings[MW_TIER_MINUTES], time, self->numbers, self->reasons);
    self->lost += error < 0;
    return error;
}

size_t mw_wide_drop(struct mw_wide *self, enum mw_tier tier, int64_t time)
{
    struct mw_ring_numbers numbers;

    mw_ring_get_numbers(self->rings[tier], &numbers);
    return numbers.chunks > 0 && numbers.first < time ? mw_ring_drop(self->rings[tier]) : 0;
}
