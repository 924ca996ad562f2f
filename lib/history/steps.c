#include "history/history_internal.h"

/* Where a step ends that begins at `at`; the last one may be shorter. */
static int64_t stop_of(const struct mw_steps *self)
{
    uint64_t left = (uint64_t)self->question->to - (uint64_t)self->at;

    return left > self->question->step ? (int64_t)((uint64_t)self->at + self->question->step)
                                       : self->question->to;
}

static void begin(struct mw_steps *self)
{
    self->stop = stop_of(self);
    self->point = (struct mw_history_point){.time = self->at};
    self->sum = 0;
    self->done = self->at >= self->question->to;
}

void mw_steps_init(struct mw_steps *self, const struct mw_history_question *question)
{
    self->question = question;
    self->at = question->from;
    begin(self);
}

static int emit(struct mw_steps *self)
{
    struct mw_history_point *point = &self->point;

    if (point->count > 0) {
        point->gap = 0;
        point->mean = self->sum / point->count;
    } else if (self->stop <= self->begin || self->at > self->end) {
        point->gap = MW_GAP_NO_SUBJECT;
    } else if (point->gap == 0) {
        point->gap = MW_GAP_NO_SAMPLE;
    }
    return self->each(self->context, point);
}

static int next(struct mw_steps *self)
{
    int result = emit(self);

    self->at = self->stop;
    begin(self);
    return result;
}

int mw_steps_add(struct mw_steps *self, int64_t time, uint32_t weight, uint8_t reason,
                 const uint64_t *values)
{
    union mw_value min = {values[MW_FOLD_MIN]}, mean = {values[MW_FOLD_MEAN]},
                   max = {values[MW_FOLD_MAX]};
    struct mw_history_point *point = &self->point;

    while (!self->done && time >= self->stop) {
        int result = next(self);

        if (result != 0)
            return result;
    }
    if (reason != MW_PRESENT) {
        point->gap = reason;
        return 0;
    }
    if (point->count == 0 || mw_value_less(self->type, min, point->min))
        point->min = min;
    if (point->count == 0 || mw_value_less(self->type, point->max, max))
        point->max = max;
    self->sum += weight * mw_value_number(self->type, mean);
    point->count += weight;
    return 0;
}

int mw_steps_finish(struct mw_steps *self)
{
    while (!self->done) {
        int result = next(self);

        if (result != 0)
            return result;
    }
    return 0;
}
