/* One word a tick, round a ring: the time twice, plus one for the mark. Tracks have no times of
 * their own, they count ticks; so an hour of seconds is 28 KiB for all of them together. */
#include "history/history_internal.h"

int mw_axis_init(struct mw_axis *self, struct mw_heap *heap, const struct mw_heap_type *type,
                 uint64_t capacity)
{
    MW_SCOPE(scope, heap);
    struct mw_ref stamps = mw_heap_new_array(heap, type, capacity * sizeof(uint64_t), MW_PLACE_OLD);

    if (mw_ref_is_none(stamps))
        return mw_history_heap_error(heap);
    /* Ticks begin with 1: 0 is before all of them. */
    *self = (struct mw_axis){.heap = heap, .capacity = capacity, .first = 1, .end = 1};
    return mw_global_create(heap, stamps, false, &self->stamps);
}

void mw_axis_deinit(struct mw_axis *self)
{
    if (self->heap != NULL)
        mw_global_destroy(self->heap, self->stamps);
}

void mw_axis_push(struct mw_axis *self, int64_t time, bool mark)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref stamps = mw_global_get(self->heap, self->stamps);

    mw_heap_set_word(self->heap, stamps, self->end % self->capacity,
                     (uint64_t)time << 1 | (uint64_t)mark);
    self->end++;
    if (self->end - self->first > self->capacity)
        self->first++;
}

static int64_t time_of(uint64_t stamp)
{
    return (int64_t)stamp >> 1;
}

uint64_t mw_axis_find(const struct mw_axis *self, int64_t time)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref stamps = mw_global_get(self->heap, self->stamps);
    uint64_t low = self->first, high = self->end;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (time_of(mw_heap_get_word(self->heap, stamps, middle % self->capacity)) < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void mw_axis_read(const struct mw_axis *self, uint64_t tick, size_t count, int64_t *ret_times,
                  bool *ret_marks)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref stamps = mw_global_get(self->heap, self->stamps);
    const uint64_t *words;

    mw_heap_raw_enter(self->heap);
    words = mw_heap_raw(self->heap, stamps);
    for (size_t i = 0; i < count; i++) {
        uint64_t word = words[(tick + i) % self->capacity];

        ret_times[i] = time_of(word);
        ret_marks[i] = word & 1;
    }
    mw_heap_raw_leave(self->heap);
}

int64_t mw_axis_time(const struct mw_axis *self, uint64_t tick)
{
    int64_t time;
    bool mark;

    mw_axis_read(self, tick, 1, &time, &mark);
    return time;
}
