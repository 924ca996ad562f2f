/* Walking from object to object. Young halves and swept pages are tiled by objects and fillers; in
 * other pages the objects are those with marks. */
#include "heap/heap_internal.h"

struct walk {
    mw_walk_fn *each;
    void *context;
    bool fillers; /* in place of objects */
};

static void tell(const struct walk *self, char *at)
{
    uintptr_t *object = (uintptr_t *)(void *)at;

    if ((mw_header_type(object[0]) == MW_TYPE_FILLER) == self->fillers)
        self->each(self->context, object, object[0]);
}

/* The old space's holes being filled have no header, and are passed over. */
static void walk_tiles(const struct walk *self, const struct mw_old *old, char *at, const char *end)
{
    while (at < end) {
        const char *hole_end = mw_old_hole_end(old, at);
        size_t bytes;

        if (hole_end != NULL) {
            at += hole_end - at;
            continue;
        }
        bytes = mw_header_bytes(*(uint64_t *)(void *)at);
        if (bytes == 0)
            return; /* damage: the verifier says so */
        tell(self, at);
        at += bytes;
    }
}

static void walk_marks(const struct walk *self, struct mw_page *page)
{
    size_t first = mw_mark_next(page, 0);

    while (first < MW_PAGE_WORDS) {
        tell(self, (char *)page + first * MW_WORD);
        first = mw_mark_next(page, mw_mark_next(page, first + 1) + 1);
    }
}

static void walk_large(const struct walk *self, const struct mw_large *list)
{
    for (struct mw_page *page = list->first; page != NULL; page = page->next)
        tell(self, (char *)page + MW_PAGE_FIRST);
}

static void walk_all(const struct mw_heap *self, const struct walk *walk)
{
    const struct mw_pool *pool = &self->pool;

    walk_tiles(walk, &self->old, mw_nursery_half(&self->nursery, self->nursery.from),
               self->front.top);
    for (size_t i = 0; i < pool->page_max; i++) {
        struct mw_page *page = mw_pool_page(pool, i);

        if (pool->roles[i] != MW_ROLE_USED)
            continue;
        if (page->state == MW_PAGE_SWEPT)
            walk_tiles(walk, &self->old, (char *)page + MW_PAGE_FIRST, (char *)page + MW_PAGE_SIZE);
        else if (!self->marker.active)
            walk_marks(walk, page);
    }
    walk_large(walk, &self->large);
    walk_large(walk, &self->large_young.objects);
}

void mw_walk(const struct mw_heap *self, mw_walk_fn *each, void *context)
{
    struct walk walk = {each, context, false};

    walk_all(self, &walk);
}

void mw_walk_fillers(const struct mw_heap *self, mw_walk_fn *each, void *context)
{
    struct walk walk = {each, context, true};

    walk_all(self, &walk);
}

struct outside {
    const struct mw_heap *heap;
    void (*each)(void *context, const struct mw_heap_type *type, size_t bytes);
    void *context;
};

/* Has the form of a walk. NOLINTNEXTLINE(readability-non-const-parameter) */
static void tell_outside(void *context, uintptr_t *object, uint64_t header)
{
    const struct outside *self = context;

    (void)object;
    self->each(self->context, &self->heap->types.entries[mw_header_type(header)]->type,
               mw_header_bytes(header));
}

void mw_heap_walk(struct mw_heap *self,
                  void (*each)(void *context, const struct mw_heap_type *type, size_t bytes),
                  void *context)
{
    MW_GUARD(self);
    struct outside outside = {self, each, context};
    bool before;

    if (!mw_heap_right_thread(self, __func__))
        return;
    /* Meanwhile nothing tells what lives in pages that were not swept before it began. */
    if (self->marker.active && !self->collecting && self->front.raw_depth == 0)
        mw_collect_finish(self, "testing");
    before = mw_callbacks_begin(self);
    mw_walk(self, tell_outside, &outside);
    mw_callbacks_end(self, before);
}
