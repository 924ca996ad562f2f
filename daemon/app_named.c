/* What the loop knows of its own heap, queues and caches, as blocks. */
#include "daemon/app_internal.h"
#include "daemon/names.h"

#include <string.h>

/* Rows of caches; heaps and queues have one. */
enum { BODIES, HISTORY, CACHES };

static void set_key(struct mw_block *block, uint32_t row, uint64_t id)
{
    mw_block_set_key(block, row, (struct mw_block_key){id, 0});
}

static void put(struct mw_block *block, enum mw_reading reading, uint32_t row, uint64_t value)
{
    mw_block_put(block, reading, row, (union mw_value){.u = value});
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

    set_key(block, 0, MWD_HEAP_OWN);
    mw_heap_get_numbers(mwd_heap_of(self->heap), &numbers);
    put(block, MW_HEAP_TOTAL, 0, numbers.total);
    put(block, MW_HEAP_USED, 0, numbers.used);
    put(block, MW_HEAP_LIMIT, 0, numbers.limit);
    put(block, MW_HEAP_EXTERNAL, 0, numbers.external);
    put(block, MW_HEAP_MALLOCED, 0, numbers.malloced);
    put(block, MW_HEAP_POOLED, 0, numbers.pooled);
    put(block, MW_HEAP_SCAVENGES, 0, numbers.collections[MW_GC_SCAVENGE]);
    put(block, MW_HEAP_MARK_SWEEPS, 0, numbers.collections[MW_GC_MARK_SWEEP]);
    put(block, MW_HEAP_MARK_COMPACTS, 0, numbers.collections[MW_GC_MARK_COMPACT]);
    put(block, MW_HEAP_PAUSE_TOTAL, 0, numbers.pause_total_ns / MW_NS_PER_US);
    put(block, MW_HEAP_PAUSE_MAX, 0, numbers.pause_max_ns / MW_NS_PER_US);
}

static void fill_queue(struct mwd_app *self, struct mw_block *block)
{
    struct mwd_http_stats stats;

    set_key(block, 0, MWD_QUEUE_EVENTS);
    mwd_http_server_stats(self->http, &stats);
    put(block, MW_QUEUE_LENGTH, 0, stats.events.waiting);
    put(block, MW_QUEUE_CAPACITY, 0, stats.events.room);
    put_ratio(block, MW_QUEUE_FILL_RATIO, stats.events.waiting, stats.events.room);
    put(block, MW_QUEUE_OLDEST_AGE, 0, stats.events.oldest_age_ms);
    put(block, MW_QUEUE_ENQUEUED, 0, stats.events.offered);
    put(block, MW_QUEUE_DEQUEUED, 0, stats.events.sent);
    put(block, MW_QUEUE_REFUSED, 0, stats.events.replaced);
    put(block, MW_QUEUE_CLEARED, 0, stats.events.left);
}

static void fill_bodies(struct mwd_app *self, struct mw_block *block)
{
    struct mwd_http_stats stats;

    mwd_http_server_stats(self->http, &stats);
    put(block, MW_CACHE_ENTRIES, BODIES, stats.kept.entries);
    put(block, MW_CACHE_LIMIT, BODIES, stats.kept.limit);
    put(block, MW_CACHE_BYTES, BODIES, stats.kept.bytes);
    put(block, MW_CACHE_BYTES_LIMIT, BODIES, stats.kept.bytes_limit);
    put(block, MW_CACHE_HITS, BODIES, stats.kept.hits);
    put(block, MW_CACHE_MISSES, BODIES, stats.kept.misses);
    put(block, MW_CACHE_EVICTIONS, BODIES, stats.kept.evictions);
}

/* It is bounded in bytes and in time, not in entries, and nobody looks for what may not be there:
 * those stay absent as unsupported. */
static void fill_history(struct mwd_app *self, struct mw_block *block)
{
    struct mw_history_numbers numbers;

    mw_history_get_numbers(self->history, &numbers);
    put(block, MW_CACHE_ENTRIES, HISTORY, numbers.samples + numbers.minutes);
    put(block, MW_CACHE_BYTES, HISTORY, numbers.bytes);
    put(block, MW_CACHE_BYTES_LIMIT, HISTORY, numbers.bytes_limit);
    put(block, MW_CACHE_EVICTIONS, HISTORY, numbers.shed_samples + numbers.shed_minutes);
}

static void fill_caches(struct mwd_app *self, struct mw_block *block)
{
    set_key(block, BODIES, MWD_CACHE_BODIES);
    set_key(block, HISTORY, MWD_CACHE_HISTORY);
    fill_bodies(self, block);
    fill_history(self, block);
}

static const struct source {
    enum mw_source source;
    uint32_t rows;
    void (*fill)(struct mwd_app *self, struct mw_block *block);
} sources[MWD_APP_NAMED] = {
    {MW_SOURCE_HEAP, 1, fill_heap},
    {MW_SOURCE_QUEUE, 1, fill_queue},
    {MW_SOURCE_CACHE, CACHES, fill_caches},
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

    int r = mw_block_take(pool, NULL, source->rows, &block);
    if (r < 0)
        return r;
    mw_block_set_time(block, seq, mw_clock_wall_ms(clock), mw_clock_monotonic_ns(clock));
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
