/* Another limit for a heap that lives. What is held may be more than what is alive: it is asked to
 * go, by collections that are the dearer the less room there is, before the limit is refused. */
#include "heap/heap.h"

#include "heap/heap_internal.h"

#include <errno.h>

/* The reserve is for the near-limit callback, so it must be free. */
static bool fits(const struct mw_heap *self, size_t limit)
{
    return mw_heap_total(self) + MW_RESERVE <= limit;
}

void mw_limit_use_less(struct mw_heap *self)
{
    mw_nursery_make_way(self);
    mw_large_cut(self);
}

static bool make_fit(struct mw_heap *self, size_t limit)
{
    if (!fits(self, limit))
        mw_collect_major(self, "new limit");
    if (!fits(self, limit))
        mw_limit_use_less(self);
    if (!fits(self, limit))
        mw_collect_compact(self, "new limit");
    if (!fits(self, limit))
        mw_limit_use_less(self); /* what was young may have found room in the old space now */
    return fits(self, limit);
}

static int check(struct mw_heap *self, size_t limit, const char *where)
{
    if (limit < mw_heap_limit_min(self->config.semi_space_max) || limit > self->config.limit_max)
        return -EINVAL;
    if (self->front.raw_depth > 0)
        mw_misuse(self, MW_MISUSE_RAW, "a new limit inside a raw region", where);
    else if (mw_heap_right_thread(self, where) && !self->collecting && !self->reserve_open)
        return 0;
    return -EPERM;
}

size_t mw_heap_limit_min(size_t semi_space_max)
{
    return 2 * semi_space_max + MW_PAGE_SIZE + MW_RESERVE;
}

int mw_heap_set_limit_at(struct mw_heap *self, size_t limit, const char *where)
{
    MW_GUARD(self);
    int error = check(self, limit, where);

    if (error < 0)
        return error;
    if (limit < self->limit && !make_fit(self, limit))
        return -EBUSY;
    self->limit = self->config.limit = limit;
    mw_pool_make_way(self, 0);
    mw_collect_plan(self);
    return 0;
}
