/* Counters, and questions about them. */
#include "heap/heap_internal.h"

enum { PAUSE_FIRST_NS = 16 * MW_NS_PER_US };

static unsigned bucket_of(uint64_t pause_ns)
{
    unsigned bucket = 0;

    for (uint64_t most = PAUSE_FIRST_NS; pause_ns > most && bucket < MW_PAUSE_BUCKETS - 1;
         most *= 2)
        bucket++;
    return bucket;
}

void mw_stats_count_pause(struct mw_heap *self, uint64_t pause_ns)
{
    struct mw_heap_numbers *counters = &self->counters;

    counters->pauses[bucket_of(pause_ns)]++;
    counters->pause_total_ns += pause_ns;
    if (pause_ns > counters->pause_max_ns)
        counters->pause_max_ns = pause_ns;
}

void mw_stats_count(struct mw_heap *self, const struct mw_heap_collection *of)
{
    struct mw_heap_numbers *counters = &self->counters;

    counters->collections[of->collector]++;
    counters->in_slices += of->marking;
    mw_stats_count_pause(self, of->pause_cpu_ns);
    counters->promoted += of->promoted;
}

void mw_heap_get_numbers(const struct mw_heap *self, struct mw_heap_numbers *ret)
{
    *ret = self->counters;
    ret->total = mw_heap_total(self);
    ret->used = mw_heap_used(self);
    ret->limit = self->limit;
    ret->external = self->external;
    ret->limit_min = mw_heap_limit_min(self->config.semi_space_max);
    ret->limit_max = self->config.limit_max;
    ret->malloced = self->malloced + sizeof(*self);
    ret->pooled = mw_heap_pooled(self);
    ret->handles = (size_t)(self->front.handle_top - self->handles);
    ret->globals = self->globals.count;
}

/* ---- spaces ---- */

static struct mw_heap_space new_space(const struct mw_heap *self)
{
    const struct mw_nursery *nursery = &self->nursery;
    struct mw_heap_space space = {"new_space", mw_nursery_size(self), mw_nursery_used(self), 0, 0};

    space.available = nursery->capacity - space.used;
    space.physical = mw_vm_resident(mw_nursery_half(nursery, nursery->from), nursery->wanted) +
                     mw_vm_resident(mw_nursery_half(nursery, nursery->to), nursery->wanted);
    return space;
}

static struct mw_heap_space old_space(const struct mw_heap *self)
{
    const struct mw_pool *pool = &self->pool;
    size_t size = pool->used * MW_PAGE_SIZE;
    struct mw_heap_space space = {"old_space", size, mw_old_used(self), 0, 0};

    space.available = size - pool->used * MW_PAGE_FIRST - space.used;
    for (size_t i = 0; i < pool->page_max; i++)
        if (pool->roles[i] == MW_ROLE_USED)
            space.physical += mw_vm_resident(mw_pool_page(pool, i), MW_PAGE_SIZE);
    return space;
}

static size_t resident_of(const struct mw_large *list)
{
    size_t resident = 0;

    for (const struct mw_page *page = list->first; page != NULL; page = page->next)
        resident += mw_vm_resident(page, page->size);
    return resident;
}

static struct mw_heap_space large_space(const struct mw_heap *self)
{
    return (struct mw_heap_space){
        .name = "large_object_space",
        .size = mw_large_size(self),
        .used = mw_large_used(self),
        .physical = resident_of(&self->large) + resident_of(&self->large_young.objects),
    };
}

void mw_heap_get_spaces(const struct mw_heap *self, struct mw_heap_space ret[MW_SPACES])
{
    MW_GUARD((struct mw_heap *)(uintptr_t)self);

    ret[MW_SPACE_NEW] = new_space(self);
    ret[MW_SPACE_OLD] = old_space(self);
    ret[MW_SPACE_LARGE] = large_space(self);
}

size_t mw_heap_get_physical(const struct mw_heap *self)
{
    struct mw_heap_space spaces[MW_SPACES];
    size_t physical = 0;

    mw_heap_get_spaces(self, spaces);
    for (int i = 0; i < MW_SPACES; i++)
        physical += spaces[i].physical;
    return physical;
}

/* ---- survival by type ---- */

size_t mw_heap_get_survival(const struct mw_heap *self, struct mw_heap_survival *ret,
                            size_t capacity)
{
    size_t types = self->types.count - MW_TYPE_FIRST;

    for (size_t i = 0; i < types && i < capacity; i++) {
        const struct mw_type_entry *entry = self->types.entries[MW_TYPE_FIRST + i];

        ret[i] = (struct mw_heap_survival){entry->type.name, entry->born, entry->survived,
                                           entry->pretenured};
    }
    return types;
}
