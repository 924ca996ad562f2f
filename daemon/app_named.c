/* What the loop knows of its own heap, queues and caches, as blocks of one row each. */
#include "daemon/app_internal.h"
#include "daemon/names.h"

#include <string.h>

static void put(struct mw_block *block, enum mw_reading reading, uint64_t value)
{
    mw_block_put(block, reading, 0, (union mw_value){.u = value});
}

static void put_ratio(struct mw_block *block, enum mw_reading reading, uint64_t part,
                      uint64_t whole)
{
    if (whole > 0)
        mw_block_put(block, reading, 0, (union mw_value){.f = (double)part / (double)whole});
}

static void fill_heap(struct mwd_app *self, struct mw_block *block)
{
    struct mw_heap_numbers numbers;

    mw_heap_get_numbers(mwd_heap_of(self->heap), &numbers);
    put(block, MW_HEAP_TOTAL, numbers.total);
    put(block, MW_HEAP_USED, numbers.used);
    put(block, MW_HEAP_LIMIT, numbers.limit);
    put(block, MW_HEAP_EXTERNAL, numbers.external);
    put(block, MW_HEAP_MALLOCED, numbers.malloced);
    put(block, MW_HEAP_POOLED, numbers.pooled);
    put(block, MW_HEAP_SCAVENGES, numbers.collections[MW_GC_SCAVENGE]);
    put(block, MW_HEAP_MARK_SWEEPS, numbers.collections[MW_GC_MARK_SWEEP]);
    put(block, MW_HEAP_MARK_COMPACTS, numbers.collections[MW_GC_MARK_COMPACT]);
    put(block, MW_HEAP_PAUSE_TOTAL, numbers.pause_total_ns / MW_NS_PER_US);
    put(block, MW_HEAP_PAUSE_MAX, numbers.pause_max_ns / MW_NS_PER_US);
}

static void fill_queue(struct mwd_app *self, struct mw_block *block)
{
    struct mwd_http_stats stats;

    mwd_http_server_stats(self->http, &stats);
    put(block, MW_QUEUE_LENGTH, stats.events.waiting);
    put(block, MW_QUEUE_CAPACITY, stats.events.room);
    put_ratio(block, MW_QUEUE_FILL_RATIO, stats.events.waiting, stats.events.room);
    put(block, MW_QUEUE_OLDEST_AGE, stats.events.oldest_age_ms);
    put(block, MW_QUEUE_ENQUEUED, stats.events.offered);
    put(block, MW_QUEUE_DEQUEUED, stats.events.sent);
    put(block, MW_QUEUE_REFUSED, stats.events.replaced);
    put(block, MW_QUEUE_CLEARED, stats.events.left);
}

static void fill_cache(struct mwd_app *self, struct mw_block *block)
{
    struct mwd_http_stats stats;

    mwd_http_server_stats(self->http, &stats);
    put(block, MW_CACHE_ENTRIES, stats.kept.entries);
    put(block, MW_CACHE_LIMIT, stats.kept.limit);
    put(block, MW_CACHE_BYTES, stats.kept.bytes);
    put(block, MW_CACHE_BYTES_LIMIT, stats.kept.bytes_limit);
    put(block, MW_CACHE_HITS, stats.kept.hits);
    put(block, MW_CACHE_MISSES, stats.kept.misses);
    put(block, MW_CACHE_EVICTIONS, stats.kept.evictions);
}

static const struct source {
    enum mw_source source;
    uint64_t id; /* of its only row */
    void (*fill)(struct mwd_app *self, struct mw_block *block);
} sources[MWD_APP_NAMED] = {
    {MW_SOURCE_HEAP, MWD_HEAP_OWN, fill_heap},
    {MW_SOURCE_QUEUE, MWD_QUEUE_EVENTS, fill_queue},
    {MW_SOURCE_CACHE, MWD_CACHE_BODIES, fill_cache},
};

int mwd_app_named_init(struct mwd_app *self)
{
    int r = mw_block_pool_create(MW_SOURCE_HEAP, &self->heap_now);

    for (int i = 0; r == 0 && i < MWD_APP_NAMED; i++)
        r = mw_block_pool_create(sources[i].source, &self->named[i].pool);
    return r;
}

void mwd_app_named_deinit(struct mwd_app *self)
{
    self->heap_now = mw_block_pool_destroy(self->heap_now);
    for (int i = 0; i < MWD_APP_NAMED; i++)
        self->named[i].pool = mw_block_pool_destroy(self->named[i].pool);
}

static int make(struct mwd_app *self, const struct source *source, struct mw_block_pool *pool,
                uint64_t seq, struct mw_block **ret)
{
    const struct mw_clock *clock = mw_clock_system();
    struct mw_block *block;

    int r = mw_block_take(pool, NULL, 1, &block);
    if (r < 0)
        return r;
    mw_block_set_time(block, seq, mw_clock_wall_ms(clock), mw_clock_monotonic_ns(clock));
    mw_block_set_key(block, 0, (struct mw_block_key){source->id, 0});
    source->fill(self, block);
    r = mw_block_finish(block);
    if (r < 0)
        mw_block_unref(block);
    else
        *ret = block;
    return r;
}

void mwd_app_named_offer(struct mwd_app *self, uint64_t now_ns)
{
    struct mw_block *block;

    if (!self->heap || !self->http) /* --once has none of them */
        return;
    for (int i = 0; i < MWD_APP_NAMED; i++) {
        struct mwd_app_named *named = &self->named[i];

        if (make(self, &sources[i], named->pool, named->seq + 1, &block) < 0)
            continue; /* it becomes stale, and says so */
        named->seq++;
        mw_sealer_offer(self->sealer, block, now_ns);
        mw_block_unref(block);
    }
}

int mwd_app_heap_now(struct mwd_app *self, struct mw_block **ret)
{
    return make(self, &sources[0], self->heap_now, 1, ret);
}
