#include "history/history_internal.h"

double mw_value_number(enum mw_value_type type, union mw_value value)
{
    switch (type) {
    case MW_VALUE_I64:
        return (double)value.i;
    case MW_VALUE_F64:
        return value.f;
    default:
        return (double)value.u;
    }
}

bool mw_value_less(enum mw_value_type type, union mw_value left, union mw_value right)
{
    switch (type) {
    case MW_VALUE_I64:
        return left.i < right.i;
    case MW_VALUE_F64:
        return left.f < right.f;
    default:
        return left.u < right.u;
    }
}

void mw_fold_widen(struct mw_fold *self, enum mw_value_type type, union mw_value value)
{
    if (self->count == 0) {
        self->min = self->max = value;
    } else {
        if (mw_fold_is_flat(self))
            self->sum = self->count * mw_value_number(type, self->min);
        if (mw_value_less(type, value, self->min))
            self->min = value;
        else if (mw_value_less(type, self->max, value))
            self->max = value;
        self->sum += mw_value_number(type, value);
    }
    self->count++;
}

/* To the nearest whole number; between the two bounds it is in any case, whatever was lost on the
 * way through a sum of floats. */
static union mw_value mean_of(const struct mw_fold *self, enum mw_value_type type)
{
    double mean = self->sum / self->count;
    union mw_value value;

    if (mw_fold_is_flat(self))
        return self->min;
    if (!(mean > mw_value_number(type, self->min)))
        return self->min;
    if (!(mean < mw_value_number(type, self->max)))
        return self->max;
    if (type == MW_VALUE_F64)
        value.f = mean;
    else if (type == MW_VALUE_I64)
        value.i = (int64_t)(mean + (mean < 0 ? -0.5 : 0.5));
    else
        value.u = (uint64_t)(mean + 0.5);
    return value;
}

uint8_t mw_fold_get(const struct mw_fold *self, enum mw_value_type type, uint64_t *ret_values)
{
    if (self->count == 0) {
        ret_values[MW_FOLD_MIN] = ret_values[MW_FOLD_MEAN] = ret_values[MW_FOLD_MAX] = 0;
        return self->reason != MW_PRESENT ? self->reason : MW_ABSENT_STALE;
    }
    ret_values[MW_FOLD_MIN] = self->min.u;
    ret_values[MW_FOLD_MEAN] = mean_of(self, type).u;
    ret_values[MW_FOLD_MAX] = self->max.u;
    return MW_PRESENT;
}
