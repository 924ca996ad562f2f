/* Life of a heap, and the sums that bound it. */
#include "heap/heap.h"

#include "heap/heap_internal.h"

#include <errno.h>
#include <stdlib.h>

enum {
    DEFAULT_LIMIT = 64 * 1024 * 1024,
    DEFAULT_SEMI = 1024 * 1024,
    DEFAULT_SCAVENGE_US = 3000,
    DEFAULT_HANDLES = 1 << 20,
    DEFAULT_SCOPES = 1 << 18,
};

#define LIMIT_MAX ((size_t)1 << 40)

void mw_heap_config_default(struct mw_heap_config *ret)
{
    *ret = (struct mw_heap_config){
        .limit = DEFAULT_LIMIT,
        .semi_space = DEFAULT_SEMI,
        .scavenge_us = DEFAULT_SCAVENGE_US,
        .pretenure = true,
        .handles = DEFAULT_HANDLES,
        .scopes = DEFAULT_SCOPES,
    };
}

static bool semi_makes_sense(size_t bytes)
{
    return bytes >= MW_SEMI_MIN && bytes <= MW_SEMI_MAX && (bytes & (bytes - 1)) == 0;
}

static bool config_makes_sense(const struct mw_heap_config *config)
{
    size_t least = mw_heap_limit_min(config->semi_space_max);

    return semi_makes_sense(config->semi_space) && semi_makes_sense(config->semi_space_max) &&
           config->semi_space <= config->semi_space_max && config->limit >= least &&
           config->limit_max >= config->limit && config->limit_max <= LIMIT_MAX &&
           config->modes < 2 * (unsigned)MW_HEAP_GUARD && config->handles > 0 && config->scopes > 0;
}

static int heap_init(struct mw_heap *self)
{
    /* Whatever is pushed there is an object of at least MW_OBJECT_MIN bytes, each at most once; the
     * marker pushes two words more for each array that it has begun. */
    size_t objects = self->config.limit_max / MW_OBJECT_MIN;
    size_t young = self->config.semi_space_max / MW_OBJECT_MIN + MW_LARGE_YOUNG_MAX;
    int error;

    (void)((error = mw_types_init(self)) < 0 || (error = mw_handles_init(self)) < 0 ||
           (error = mw_nursery_init(self)) < 0 || (error = mw_pool_init(self)) < 0 ||
           (error = mw_stack_init(self, &self->remembered, objects)) < 0 ||
           (error = mw_stack_init(self, &self->promoted, young)) < 0 ||
           (error = mw_stack_init(self, &self->marker.stack, objects + objects / 8 + young)) < 0 ||
           (error = mw_compact_init(self)) < 0);
    while (error == 0 && mw_scavenge_prepare(self))
        ;
    mw_barrier_adjust(self);
    return error;
}

int mw_heap_create(const struct mw_heap_config *config, struct mw_heap **ret)
{
    struct mw_heap *self = calloc(1, sizeof(*self));
    int error = -ENOMEM;

    if (self == NULL)
        return error;
    self->config = *config;
    if (self->config.limit_max == 0)
        self->config.limit_max = config->limit + config->limit / 2;
    if (self->config.semi_space_max == 0)
        self->config.semi_space_max = mw_policy_semi_max(config->semi_space, config->limit);
    if (self->config.clock == NULL)
        self->config.clock = mw_clock_system();
    self->limit = config->limit;
    self->vm.fail_at = config->fail_mapping;
    self->owner = pthread_self();
    self->started_ns = mw_clock_monotonic_ns(self->config.clock);
    self->policy.full_at = mw_policy_next_full(0, self->limit);
    self->policy.mark_at = mw_policy_next_mark(0, self->policy.full_at);
    self->policy.external_full_at = mw_policy_next_external(0);
    mw_identity_init(self);
    self->front.barrier = MW_FLAG_WATCHED;
    self->front.checked = (config->modes & (MW_HEAP_CHECKED | MW_HEAP_GUARD)) != 0;
    error = config_makes_sense(&self->config) ? heap_init(self) : -EINVAL;
    if (error < 0)
        goto fail;
    *ret = self;
    return 0;

fail:
    mw_heap_destroy(self);
    return error;
}

struct mw_heap *mw_heap_destroy(struct mw_heap *self)
{
    if (self != NULL && (self->collecting || self->reserve_open)) {
        mw_misuse(self, MW_MISUSE_CALLBACK, "a heap is destroyed by its own callback", __func__);
        return self;
    }
    if (self != NULL) {
        if (self->config.modes & MW_HEAP_GUARD)
            mw_guard_open(self);
        mw_callbacks_begin(self); /* those that release */
        mw_external_deinit(self);
        mw_identity_deinit(self);
        mw_globals_deinit(self);
        mw_compact_deinit(self);
        mw_stack_deinit(&self->marker.stack);
        mw_stack_deinit(&self->promoted);
        mw_stack_deinit(&self->remembered);
        mw_large_deinit(self);
        mw_pool_deinit(self);
        mw_nursery_deinit(self);
        mw_handles_deinit(self);
        mw_types_deinit(self);
        free(self);
    }
    return NULL;
}

int mw_heap_error(const struct mw_heap *self)
{
    return self->front.error;
}

/* ---- sums ---- */

size_t mw_heap_total(const struct mw_heap *self)
{
    return mw_nursery_size(self) + self->pool.used * MW_PAGE_SIZE + mw_large_size(self);
}

size_t mw_heap_used(const struct mw_heap *self)
{
    return mw_nursery_used(self) + mw_old_used(self) + mw_large_used(self);
}

size_t mw_heap_pooled(const struct mw_heap *self)
{
    return self->pool.pooled * MW_PAGE_SIZE + self->kept.bytes;
}

size_t mw_heap_bound(const struct mw_heap *self)
{
    return self->limit - (self->reserve_open && !self->collecting ? 0 : MW_RESERVE);
}

bool mw_heap_is_in_reserve(const struct mw_heap *self)
{
    return mw_heap_total(self) > self->limit - MW_RESERVE;
}

bool mw_heap_may_grow(const struct mw_heap *self, size_t bytes)
{
    size_t held = mw_heap_total(self) + mw_heap_pooled(self);
    size_t bound = mw_heap_bound(self);

    return held <= bound && bytes <= bound - held;
}

/* ---- the collector's own memory ---- */

void *mw_heap_calloc(struct mw_heap *self, size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory != NULL)
        self->malloced += count * size;
    return memory;
}

void mw_heap_free(struct mw_heap *self, void *memory, size_t size)
{
    if (memory != NULL)
        self->malloced -= size;
    free(memory);
}

/* ---- misuse ---- */

void mw_misuse(struct mw_heap *self, enum mw_heap_misuse_kind kind, const char *what,
               const char *where)
{
    struct mw_heap_misuse misuse = {kind, what, where};
    bool before;

    self->front.error = -EPERM;
    if (self->config.misuse == NULL)
        return;
    if (kind == MW_MISUSE_THREAD) { /* what follows belongs to the owner */
        self->config.misuse(self->config.context, &misuse);
        return;
    }
    if (self->telling)
        return;
    self->telling = true;
    before = mw_callbacks_begin(self);
    self->config.misuse(self->config.context, &misuse);
    mw_callbacks_end(self, before);
    self->telling = false;
    self->front.error = -EPERM;
}

bool mw_callbacks_begin(struct mw_heap *self)
{
    bool before = self->collecting;

    self->collecting = true;
    self->front.handle_end = NULL;
    return before;
}

void mw_callbacks_end(struct mw_heap *self, bool before)
{
    self->collecting = before;
    if (!before)
        mw_handles_open(self);
}

bool mw_heap_right_thread(struct mw_heap *self, const char *where)
{
    if (pthread_equal(self->owner, pthread_self()))
        return true;
    mw_misuse(self, MW_MISUSE_THREAD, "called by a thread that does not own the heap", where);
    return false;
}
