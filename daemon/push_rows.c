/* From reports to rows. */
#include "daemon/push_internal.h"

#include <math.h>

enum { QUEUE_LENGTH, QUEUE_CAPACITY, QUEUE_IN, QUEUE_OUT, QUEUE_AGE };
enum { CACHE_HITS = 4, CACHE_MISSES, CACHE_EVICTIONS };
enum { HEAP_USED, HEAP_TOTAL, HEAP_LIMIT, HEAP_FLOOR_LIMIT = 7 };

static const struct mwd_push_field queue_fields[] = {
    [QUEUE_LENGTH] = {MW_QUEUE_LENGTH, "length", false},
    [QUEUE_CAPACITY] = {MW_QUEUE_CAPACITY, "capacity", false},
    [QUEUE_IN] = {MW_QUEUE_ENQUEUED, "enqueued", true},
    [QUEUE_OUT] = {MW_QUEUE_DEQUEUED, "dequeued", true},
    [QUEUE_AGE] = {MW_QUEUE_OLDEST_AGE, "age", false},
    {MW_QUEUE_REFUSED, "refused", true},
    {MW_QUEUE_CLEARED, "cleared", true},
};
static const struct mwd_push_field cache_fields[] = {
    {MW_CACHE_ENTRIES, "entries", false},
    {MW_CACHE_LIMIT, "limit", false},
    {MW_CACHE_BYTES, "bytes", false},
    {MW_CACHE_BYTES_LIMIT, "bytesLimit", false},
    [CACHE_HITS] = {MW_CACHE_HITS, "hits", true},
    [CACHE_MISSES] = {MW_CACHE_MISSES, "misses", true},
    [CACHE_EVICTIONS] = {MW_CACHE_EVICTIONS, "evictions", true},
};
static const struct mwd_push_field heap_fields[] = {
    [HEAP_USED] = {MW_HEAP_USED, "used", false},
    [HEAP_TOTAL] = {MW_HEAP_TOTAL, "total", false},
    [HEAP_LIMIT] = {MW_HEAP_LIMIT, "limit", false},
    {MW_HEAP_EXTERNAL, "external", false},
    {MW_HEAP_RSS, "rss", false},
    {MW_HEAP_FLOOR, "floor", false},
    {MW_HEAP_PID, "pid", false},
    [HEAP_FLOOR_LIMIT] = {MW_HEAP_FLOOR_LIMIT, "floorLimit", false},
};

#define COUNT_OF(fields) (sizeof(fields) / sizeof((fields)[0]))

const struct mwd_push_field *mwd_push_fields(enum mw_kind kind, uint32_t *ret_count)
{
    switch (kind) {
    case MW_KIND_QUEUE:
        *ret_count = COUNT_OF(queue_fields);
        return queue_fields;
    case MW_KIND_CACHE:
        *ret_count = COUNT_OF(cache_fields);
        return cache_fields;
    case MW_KIND_HEAP:
        *ret_count = COUNT_OF(heap_fields);
        return heap_fields;
    default:
        *ret_count = 0;
        return NULL;
    }
}

/* ---- at a report ---- */

void mwd_push_over_time(struct mwd_push_subject *self, enum mw_kind kind, uint64_t now_ns)
{
    const double *known = self->known.values;

    if (kind == MW_KIND_QUEUE)
        mwd_flow_update(&self->over_time.flow,
                        &(struct mwd_flow_values){known[QUEUE_LENGTH], known[QUEUE_CAPACITY],
                                                  known[QUEUE_IN], known[QUEUE_OUT],
                                                  known[QUEUE_AGE]},
                        now_ns);
    else if (kind == MW_KIND_CACHE)
        mwd_use_update(&self->over_time.use,
                       &(struct mwd_use_values){known[CACHE_HITS], known[CACHE_MISSES],
                                                known[CACHE_EVICTIONS]},
                       now_ns);
}

/* ---- at a sample ---- */

/* What is not known stays absent, as all of a new block is. */
static void put(struct mw_block *block, enum mw_reading reading, uint32_t row, double value)
{
    if (isnan(value))
        return;
    if (mw_reading_info(reading)->value == MW_VALUE_F64)
        mw_block_put(block, reading, row, (union mw_value){.f = value});
    else if (value <= (double)MW_READING_MAX)
        mw_block_put(block, reading, row, (union mw_value){.u = (uint64_t)value});
}

void mwd_push_put_flow(const struct mwd_flow *flow, uint32_t row, struct mw_block *block)
{
    struct mwd_flow_result result;

    mwd_flow_result(flow, &result);
    put(block, MW_QUEUE_FILL_RATIO, row, result.fill_ratio);
    put(block, MW_QUEUE_OLDEST_AGE, row, result.age_ms);
    put(block, MW_QUEUE_OLDEST_AGE_ESTIMATED, row, result.age_estimated);
    put(block, MW_QUEUE_IN_RATE, row, result.in_rate);
    put(block, MW_QUEUE_OUT_RATE, row, result.out_rate);
    put(block, MW_QUEUE_TIME_TO_FULL, row, result.full_ms);
    put(block, MW_QUEUE_TIME_TO_DRAIN, row, result.drain_ms);
    put(block, MW_QUEUE_STALLED, row, result.stalled_ms);
}

void mwd_push_put_use(const struct mwd_use *use, uint32_t row, struct mw_block *block)
{
    put(block, MW_CACHE_HIT_RATIO, row, mwd_use_hit_ratio(use));
    put(block, MW_CACHE_EVICTION_RATIO, row, mwd_use_eviction_ratio(use));
}

static void put_derived(const struct mwd_push_subject *self, enum mw_kind kind, uint32_t row,
                        struct mw_block *block)
{
    const double *known = self->known.values;

    switch (kind) {
    case MW_KIND_QUEUE:
        mwd_push_put_flow(&self->over_time.flow, row, block);
        break;
    case MW_KIND_CACHE:
        mwd_push_put_use(&self->over_time.use, row, block);
        break;
    default:
        if (known[HEAP_LIMIT] > 0)
            put(block, MW_HEAP_FILL_RATIO, row, known[HEAP_USED] / known[HEAP_LIMIT]);
        if (isnan(known[HEAP_FLOOR_LIMIT]))
            put(block, MW_HEAP_FLOOR_LIMIT, row, known[HEAP_LIMIT]);
        break;
    }
}

static enum mw_reading age_of(enum mw_kind kind)
{
    return kind == MW_KIND_QUEUE   ? MW_QUEUE_AGE
           : kind == MW_KIND_CACHE ? MW_CACHE_AGE
                                   : MW_HEAP_AGE;
}

uint32_t mwd_push_rows(const struct mwd_push *self, enum mw_kind kind)
{
    return self ? mwd_names_places(self->names, kind) : 0;
}

void mwd_push_fill(const struct mwd_push *self, enum mw_kind kind, uint32_t first_row,
                   struct mw_block *block)
{
    uint64_t now_ns = self ? mw_clock_monotonic_ns(self->options.clock) : 0;
    uint32_t count;
    const struct mwd_push_field *fields = mwd_push_fields(kind, &count);

    for (uint32_t place = 0; place < mwd_push_rows(self, kind); place++) {
        const struct mwd_push_subject *subject = &self->books[kind].subjects[place];
        struct mw_block_key key = mwd_names_key(self->names, kind, place);
        uint32_t row = first_row + place;
        uint64_t age_ms;

        if (key.id == 0)
            continue;
        mw_block_set_key(block, row, key);
        for (uint32_t i = 0; i < count; i++)
            put(block, fields[i].reading, row, subject->known.values[i]);
        put_derived(subject, kind, row, block);
        age_ms = (now_ns - subject->pushed_ns) / MW_NS_PER_MS;
        put(block, age_of(kind), row, (double)age_ms);
    }
}
