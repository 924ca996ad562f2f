/* The daemon's own heap, between beats. A beat shows it as it was before that beat's history was
 * stored, and messages are stored at any time: so the loop looks at it before each sleep. Its
 * numbers are the loop's own and cost next to nothing, and nobody is woken for it. When it has
 * passed a step of its limit since anybody was told, a sample tells. */
#include "daemon/app_internal.h"

enum { STEPS = 20 }; /* of 5 % each */

static uint32_t heap_step(const struct mwd_app *self)
{
    struct mw_heap_numbers numbers;

    mw_heap_get_numbers(mwd_heap_of(self->heap), &numbers);
    return (uint32_t)(numbers.total * STEPS / numbers.limit);
}

void mwd_app_own_told(struct mwd_app *self)
{
    self->own_heap_step = heap_step(self);
}

static void on_prepare(uv_prepare_t *handle)
{
    struct mwd_app *self = handle->data;

    if (self->closing || !self->sample || heap_step(self) <= self->own_heap_step)
        return;
    mwd_app_own_told(self);
    mwd_app_named_urgent(self, 1U << MW_KIND_HEAP);
}

int mwd_app_own_init(struct mwd_app *self)
{
    int r = uv_prepare_init(&self->loop, &self->own_watch);

    self->own_watch.data = self;
    return r < 0 ? r : uv_prepare_start(&self->own_watch, on_prepare);
}
