/* The daemon's own heap and queue, between beats. Their numbers are the loop's own and cost next to
 * nothing to look at, so it looks before each sleep: nothing that happened on the loop can have
 * changed them behind its back, and nobody is woken for it. When a share of a limit has passed a
 * step since anybody was told, a sample tells. */
#include "daemon/app_internal.h"

enum { STEPS = 20, STEPS_MIN = 10 }; /* of 5 % each; below half nobody is in a hurry */

uint32_t mwd_app_own_step(uint64_t part, uint64_t whole)
{
    uint64_t step = whole > 0 ? (part < whole ? part : whole) * STEPS / whole : 0;

    return step < STEPS_MIN ? 0 : (uint32_t)step;
}

static uint32_t heap_step(const struct mwd_app *self)
{
    struct mw_heap_numbers numbers;

    mw_heap_get_numbers(mwd_heap_of(self->heap), &numbers);
    return mwd_app_own_step(numbers.used > numbers.total ? numbers.used : numbers.total,
                            numbers.limit);
}

static uint32_t events_step(const struct mwd_app *self)
{
    struct mwd_http_stats stats;

    mwd_http_server_stats(self->http, &stats);
    return mwd_app_own_step(stats.events.waiting, stats.events.room);
}

void mwd_app_own_told(struct mwd_app *self)
{
    self->own_heap_step = heap_step(self);
    self->own_events_step = events_step(self);
}

static void on_prepare(uv_prepare_t *handle)
{
    struct mwd_app *self = handle->data;
    uint32_t kinds = 0;

    if (self->closing || !self->sample)
        return;
    if (heap_step(self) > self->own_heap_step)
        kinds |= 1U << MW_KIND_HEAP;
    if (events_step(self) > self->own_events_step)
        kinds |= 1U << MW_KIND_QUEUE;
    if (kinds == 0)
        return;
    mwd_app_own_told(self);
    mwd_app_named_urgent(self, kinds);
}

int mwd_app_own_init(struct mwd_app *self)
{
    int r = uv_prepare_init(&self->loop, &self->own_watch);

    self->own_watch.data = self;
    return r < 0 ? r : uv_prepare_start(&self->own_watch, on_prepare);
}
