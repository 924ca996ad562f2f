/* Pages of the old space, and those kept ready for it.
 *
 * The first touch of a page costs 7 to 20 microseconds, and a page of the heap has 64 of the
 * kernel's. So pages are brought in before they are needed, one or one group at a time and outside
 * of pauses, and pages that a collection frees stay in the pool up to a cap.
 *
 * After a fork the first write costs as much again as the first touch. Clearing marks writes to all
 * pages at once, so they are touched before, one by one, where there is time for that.
 */
#include "heap/annotate_internal.h"
#include "heap/heap_internal.h"

#include <errno.h>
#include <string.h>

enum { RELAX_PART = 4 }; /* of what is too much goes at a time */

/* What one half of the new space may promote, with a page for what fits badly. */
size_t mw_pool_target(size_t semi_space)
{
    return semi_space / MW_PAGE_SIZE + 1;
}

int mw_pool_init(struct mw_heap *self)
{
    struct mw_pool *pool = &self->pool;

    pool->untouched = pool->page_max = self->config.limit_max / MW_PAGE_SIZE;
    pool->target = mw_pool_target(self->config.semi_space);
    pool->cap = mw_policy_pool_cap(0, self->policy.full_at, self->limit, 0, 0);
    pool->base = mw_vm_reserve(&self->vm, pool->page_max * MW_PAGE_SIZE, MW_VM_HUGE);
    pool->roles = mw_heap_calloc(self, pool->page_max, 1);
    return pool->base != NULL && pool->roles != NULL ? 0 : -ENOMEM;
}

void mw_pool_deinit(struct mw_heap *self)
{
    struct mw_pool *pool = &self->pool;

    if (pool->base != NULL)
        mw_annotate_used(pool->base, pool->page_max * MW_PAGE_SIZE);
    mw_vm_unmap(pool->base, pool->page_max * MW_PAGE_SIZE);
    mw_heap_free(self, pool->roles, pool->page_max);
}

/* Low addresses first: what lives long gathers there, and the upper end can be given back. */
static bool find(const struct mw_pool *self, enum mw_page_role role, size_t *ret)
{
    const uint8_t *found = memchr(self->roles, (int)role, self->page_max);

    if (found == NULL)
        return false;
    *ret = (size_t)(found - self->roles);
    return true;
}

/* ---- groups: as many pages as a huge one of the kernel's has room for ---- */

static size_t groups(const struct mw_pool *self)
{
    return self->page_max / MW_GROUP;
}

static bool group_is(const struct mw_pool *self, size_t group, enum mw_page_role role)
{
    const uint8_t *roles = &self->roles[group * MW_GROUP];

    for (size_t i = 0; i < MW_GROUP; i++)
        if (roles[i] != role)
            return false;
    return true;
}

static bool group_has(const struct mw_pool *self, size_t group, enum mw_page_role role)
{
    return memchr(&self->roles[group * MW_GROUP], (int)role, MW_GROUP) != NULL;
}

/* Nobody may touch them, until they are taken. */
static void pool_pages(struct mw_heap *self, size_t index, size_t count)
{
    char *start = (char *)mw_pool_page(&self->pool, index);

    memset(&self->pool.roles[index], MW_ROLE_POOLED, count);
    self->pool.pooled += count;
    mw_annotate_used(start, count * MW_PAGE_SIZE);
    mw_poison(self, start, count * MW_PAGE_SIZE);
    mw_annotate_free(start, count * MW_PAGE_SIZE);
}

static bool add_group(struct mw_heap *self)
{
    struct mw_pool *pool = &self->pool;
    size_t group = 0;

    if (!mw_policy_group(pool->used + pool->pooled) || !mw_heap_may_grow(self, MW_VM_HUGE))
        return false;
    while (group < groups(pool) && !group_is(pool, group, MW_ROLE_FREE))
        group++;
    if (group == groups(pool) ||
        mw_vm_commit(&self->vm, mw_pool_page(pool, group * MW_GROUP), MW_VM_HUGE) < 0)
        return false;
    pool_pages(self, group * MW_GROUP, MW_GROUP);
    return true;
}

static bool add(struct mw_heap *self)
{
    struct mw_pool *pool = &self->pool;
    size_t index;

    if (add_group(self))
        return true;
    while (!mw_heap_may_grow(self, MW_PAGE_SIZE))
        if (!mw_large_let_go(self))
            return false;
    if (!find(pool, MW_ROLE_FREE, &index))
        return false;
    if (mw_vm_commit(&self->vm, mw_pool_page(pool, index), MW_PAGE_SIZE) < 0)
        return false;
    pool_pages(self, index, 1);
    return true;
}

/* In a pause the kernel is not asked again for each object that should become old. */
static bool add_once(struct mw_heap *self)
{
    if (!self->collecting)
        return add(self);
    self->pool.shut = self->pool.shut || !add(self);
    return !self->pool.shut;
}

bool mw_pool_refill(struct mw_heap *self)
{
    return self->pool.pooled < self->pool.target && !self->reserve_open && add(self);
}

static size_t index_of(const struct mw_pool *self, const struct mw_page *page)
{
    return (size_t)((const char *)page - self->base) >> MW_PAGE_SHIFT;
}

struct mw_page *mw_pool_take(struct mw_heap *self)
{
    struct mw_pool *pool = &self->pool;
    struct mw_page *page;
    size_t index;

    if (pool->pooled == 0 && !add_once(self))
        return NULL;
    if (!find(pool, MW_ROLE_POOLED, &index))
        return NULL;
    pool->roles[index] = MW_ROLE_USED;
    pool->pooled--;
    pool->used++;
    page = mw_pool_page(pool, index);
    mw_annotate_used(page, MW_PAGE_SIZE);
    memset(page, 0, sizeof(*page));
    page->size = MW_PAGE_SIZE;
    page->slots = page->own_slots;
    return page;
}

void mw_pool_put(struct mw_heap *self, struct mw_page *page)
{
    struct mw_pool *pool = &self->pool;

    pool->used--;
    pool_pages(self, index_of(pool, page), 1);
}

void mw_pool_make_way(struct mw_heap *self, size_t bytes)
{
    size_t pooled = mw_heap_pooled(self);
    size_t needed = mw_heap_total(self) + pooled + bytes;
    size_t bound = mw_heap_bound(self);

    if (needed > bound && needed - bound <= pooled)
        mw_pool_trim(self, pooled - (needed - bound));
}

/* ---- giving back: mappings, the oldest first, then pages from the upper end ---- */

static void give_back_pages(struct mw_heap *self, size_t index, size_t count)
{
    struct mw_pool *pool = &self->pool;

    mw_vm_decommit(mw_pool_page(pool, index), count * MW_PAGE_SIZE);
    memset(&pool->roles[index], MW_ROLE_FREE, count);
    pool->pooled -= count;
}

static size_t too_much(const struct mw_heap *self, size_t keep)
{
    size_t pooled = mw_heap_pooled(self);

    return pooled > keep ? pooled - keep : 0;
}

static void give_back_groups(struct mw_heap *self, size_t keep)
{
    const struct mw_pool *pool = &self->pool;

    for (size_t i = groups(pool); i-- > 0 && too_much(self, keep) >= MW_VM_HUGE;)
        if (group_is(pool, i, MW_ROLE_POOLED))
            give_back_pages(self, i * MW_GROUP, MW_GROUP);
}

/* Whether a page is a part of a huge one, as far as can be told. */
static bool is_grouped(const struct mw_pool *self, size_t index)
{
    size_t group = index / MW_GROUP;

    return group < groups(self) && !group_has(self, group, MW_ROLE_FREE);
}

static void give_back_singles(struct mw_heap *self, size_t keep, bool grouped)
{
    const struct mw_pool *pool = &self->pool;

    for (size_t i = pool->page_max; i-- > 0 && pool->pooled > 0 && too_much(self, keep) > 0;)
        if (pool->roles[i] == MW_ROLE_POOLED && (grouped || !is_grouped(pool, i)))
            give_back_pages(self, i, 1);
}

void mw_pool_trim(struct mw_heap *self, size_t keep)
{
    while (too_much(self, keep) > 0 && mw_large_let_go(self))
        ;
    give_back_groups(self, keep);
    give_back_singles(self, keep, false);
    give_back_singles(self, keep, true);
}

void mw_pool_ease(struct mw_heap *self, size_t keep)
{
    while (self->kept.count > 0 && too_much(self, keep) >= self->kept.mappings[0].size)
        mw_large_let_go(self);
    give_back_groups(self, keep);
    give_back_singles(self, keep, false);
}

/* Marks are written at two of the kernel's pages. */
static void touch(struct mw_page *page)
{
    volatile uint64_t *marks = page->marks;

    marks[0] = marks[0];
    marks[MW_MARK_WORDS - 1] = marks[MW_MARK_WORDS - 1];
}

void mw_pool_forked(struct mw_heap *self)
{
    self->pool.untouched = 0;
}

bool mw_pool_touch(struct mw_heap *self)
{
    struct mw_pool *pool = &self->pool;

    while (pool->untouched < pool->page_max) {
        size_t index = pool->untouched++;

        if (pool->roles[index] == MW_ROLE_USED) {
            touch(mw_pool_page(pool, index));
            mw_identity_touch(self, index);
            return true;
        }
    }
    return false;
}

bool mw_pool_relax(struct mw_heap *self)
{
    size_t target = self->pool.target * MW_PAGE_SIZE;
    size_t pooled = mw_heap_pooled(self);

    if (pooled <= target)
        return false;
    mw_pool_trim(self, target + (pooled - target) / RELAX_PART * (RELAX_PART - 1));
    return true;
}
