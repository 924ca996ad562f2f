/* What the loop knows of its own heap, queues and caches, as blocks. */
#include "daemon/app_internal.h"
#include "daemon/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Rows of caches; heaps and queues have one. */
enum { BODIES, HISTORY, NAMES, CACHES };

static void set_key(struct mw_block *block, uint32_t row, uint64_t id)
{
    mw_block_set_key(block, row, (struct mw_block_key){id, 0});
}

static void put(struct mw_block *block, enum mw_reading reading, uint32_t row, uint64_t value)
{
    mw_block_put(block, reading, row, (union mw_value){.u = value});
}

/* What lives among the objects is known right after a full collection (but for what died while it
 * was marked in slices), and of the last ones only
 * there is a record. */
static void put_floor(struct mwd_app *self, const struct mw_heap_numbers *numbers,
                      struct mw_block *block)
{
    struct mw_heap_collection trace[MW_TRACE_LINES];
    uint64_t fulls =
        numbers->collections[MW_GC_MARK_SWEEP] + numbers->collections[MW_GC_MARK_COMPACT];

    if (fulls == 0)
        return;
    if (fulls != self->heap_fulls) {
        size_t count = mw_heap_get_trace(mwd_heap_of(self->heap), trace);

        for (size_t i = 0; i < count; i++)
            if (trace[i].collector != MW_GC_SCAVENGE)
                self->heap_floor = trace[i].used_after;
        self->heap_fulls = fulls;
    }
    if (self->heap_floor > 0)
        put(block, MW_HEAP_FLOOR, 0, self->heap_floor);
}

static void fill_heap(struct mwd_app *self, struct mw_block *block)
{
    struct mw_heap_numbers numbers;

    set_key(block, 0, MWD_HEAP_OWN);
    mw_heap_get_numbers(mwd_heap_of(self->heap), &numbers);
    put(block, MW_HEAP_TOTAL, 0, numbers.total);
    put(block, MW_HEAP_USED, 0, numbers.used);
    put(block, MW_HEAP_LIMIT, 0, numbers.limit);
    put(block, MW_HEAP_FLOOR_LIMIT, 0, numbers.limit);
    put(block, MW_HEAP_EXTERNAL, 0, numbers.external);
    put(block, MW_HEAP_MALLOCED, 0, numbers.malloced);
    put(block, MW_HEAP_POOLED, 0, numbers.pooled);
    put(block, MW_HEAP_SCAVENGES, 0, numbers.collections[MW_GC_SCAVENGE]);
    put(block, MW_HEAP_MARK_SWEEPS, 0, numbers.collections[MW_GC_MARK_SWEEP]);
    put(block, MW_HEAP_MARK_COMPACTS, 0, numbers.collections[MW_GC_MARK_COMPACT]);
    put(block, MW_HEAP_PAUSE_TOTAL, 0, numbers.pause_total_ns / MW_NS_PER_US);
    put(block, MW_HEAP_PAUSE_MAX, 0, numbers.pause_max_ns / MW_NS_PER_US);
    put(block, MW_HEAP_PID, 0, (uint64_t)getpid());
    put(block, MW_HEAP_AGE, 0, 0);
    mw_block_put(block, MW_HEAP_FILL_RATIO, 0,
                 (union mw_value){.f = (double)numbers.used / (double)numbers.limit});
    put_floor(self, &numbers, block);
}

static void fill_queue(struct mwd_app *self, struct mw_block *block)
{
    struct mwd_http_stats stats;

    set_key(block, 0, MWD_QUEUE_EVENTS);
    mwd_http_server_stats(self->http, &stats);
    put(block, MW_QUEUE_LENGTH, 0, stats.events.waiting);
    put(block, MW_QUEUE_CAPACITY, 0, stats.events.room);
    put(block, MW_QUEUE_ENQUEUED, 0, stats.events.offered);
    put(block, MW_QUEUE_DEQUEUED, 0, stats.events.passed);
    put(block, MW_QUEUE_REFUSED, 0, stats.events.refused);
    put(block, MW_QUEUE_CLEARED, 0, stats.events.left);
    put(block, MW_QUEUE_AGE, 0, 0);
    mwd_flow_update(
        &self->events_flow,
        &(struct mwd_flow_values){(double)stats.events.waiting, (double)stats.events.room,
                                  (double)stats.events.offered, (double)stats.events.passed,
                                  (double)stats.events.oldest_age_ms},
        mw_clock_monotonic_ns(mw_clock_system()));
    mwd_push_put_flow(&self->events_flow, 0, block);
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
    put(block, MW_CACHE_AGE, BODIES, 0);
    mwd_use_update(&self->bodies_use,
                   &(struct mwd_use_values){(double)stats.kept.hits, (double)stats.kept.misses,
                                            (double)stats.kept.evictions},
                   mw_clock_monotonic_ns(mw_clock_system()));
    mwd_push_put_use(&self->bodies_use, BODIES, block);
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
    put(block, MW_CACHE_AGE, HISTORY, 0);
}

/* Texts of processes, each stored once. They leave when nobody has them any more; at its limit the
 * table takes no new one, so none ever makes room for another. */
static void fill_names(struct mwd_app *self, struct mw_block *block)
{
    struct mw_intern_numbers numbers;

    mw_subjects_get_names(self->subjects, &numbers);
    put(block, MW_CACHE_ENTRIES, NAMES, numbers.texts);
    put(block, MW_CACHE_LIMIT, NAMES, numbers.limit);
    put(block, MW_CACHE_BYTES, NAMES, numbers.bytes);
    put(block, MW_CACHE_HITS, NAMES, numbers.hits);
    put(block, MW_CACHE_MISSES, NAMES, numbers.misses);
    put(block, MW_CACHE_EVICTIONS, NAMES, 0);
    put(block, MW_CACHE_AGE, NAMES, 0);
    mwd_use_update(&self->names_use,
                   &(struct mwd_use_values){(double)numbers.hits, (double)numbers.misses, 0},
                   mw_clock_monotonic_ns(mw_clock_system()));
    mwd_push_put_use(&self->names_use, NAMES, block);
}

static void fill_caches(struct mwd_app *self, struct mw_block *block)
{
    set_key(block, BODIES, MWD_CACHE_BODIES);
    set_key(block, HISTORY, MWD_CACHE_HISTORY);
    fill_bodies(self, block);
    set_key(block, NAMES, MWD_CACHE_NAMES);
    fill_history(self, block);
    fill_names(self, block);
}

static const struct source {
    enum mw_source source;
    enum mw_kind kind;
    uint32_t rows; /* of the daemon; those that are reported follow */
    void (*fill)(struct mwd_app *self, struct mw_block *block);
} sources[MWD_APP_NAMED] = {
    {MW_SOURCE_HEAP, MW_KIND_HEAP, 1, fill_heap},
    {MW_SOURCE_QUEUE, MW_KIND_QUEUE, 1, fill_queue},
    {MW_SOURCE_CACHE, MW_KIND_CACHE, CACHES, fill_caches},
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
    for (int i = 0; i < MWD_APP_NAMED; i++) {
        self->named[i].pool = mw_block_pool_destroy(self->named[i].pool);
        free(self->named[i].told);
    }
}

/* ---- names, for recordings ----
 *
 * The daemon's own have keys that every daemon knows. The name of any other stands in the first
 * recorded block that has its key, as that of a process does.
 */

static int make_told(struct mwd_app_named *self, uint32_t rows)
{
    struct mw_block_key *told;

    if (rows <= self->told_rows)
        return 0;
    told = realloc(self->told, rows * sizeof *told);
    if (!told)
        return -ENOMEM;
    memset(told + self->told_rows, 0, (rows - self->told_rows) * sizeof *told);
    self->told = told;
    self->told_rows = rows;
    return 0;
}

/* What has no room now is told with the next block. */
static void tell_names(struct mwd_app *self, int index, struct mw_block *block)
{
    const struct mwd_names *names = mwd_push_names(self->push);
    struct mwd_app_named *named = &self->named[index];
    enum mw_kind kind = sources[index].kind;
    uint32_t count = mwd_push_rows(self->push, kind);

    if (!self->recorder || make_told(named, count) < 0)
        return;
    for (uint32_t i = 0; i < count; i++) {
        struct mw_block_key key = mwd_names_key(names, kind, i), *told = &named->told[i];
        const char *name = mwd_names_text(names, kind, i);

        if (key.id == 0 || (told->id == key.id && told->birth == key.birth))
            continue;
        if (mw_block_add_event(block, MW_EVENT_NAME, sources[index].rows + i, MW_PRESENT, name,
                               strlen(name)) < 0)
            return;
        *told = key;
    }
}

static int find_source(uint32_t wanted)
{
    for (int i = 0; i < MWD_APP_NAMED; i++)
        if (sources[i].source == wanted)
            return i;
    return -ENOENT;
}

static void know_services(struct mwd_app *self, const struct mw_block *block)
{
    const struct mw_block_event *event = mw_block_events(block);

    for (uint32_t i = 0; i < mw_block_head(block)->events; i++, event++)
        if (event->type == MW_EVENT_NAME) /* without its name it is in no list */
            mwd_services_know(&self->services, event->key,
                              mw_block_text(block) + event->text_offset, event->text_size);
}

void mwd_app_named_recorded(struct mwd_app *self, const struct mw_block *block)
{
    const struct mw_block_head *head = mw_block_head(block);
    const struct mw_block_event *event = mw_block_events(block);
    int index = find_source(head->source);

    if (head->source == MW_SOURCE_SERVICE)
        know_services(self, block);
    if (index < 0)
        return;
    self->named_replayed = true;
    for (uint32_t i = 0; self->push && i < head->events; i++, event++)
        if (event->type == MW_EVENT_NAME) /* a bad name is one that nobody can ask for */
            mwd_push_know(self->push, sources[index].kind, event->key,
                          mw_block_text(block) + event->text_offset, event->text_size);
}

/* ---- blocks ---- */

/* Not finished yet. */
static int begin(struct mwd_app *self, const struct source *source, struct mw_block_pool *pool,
                 uint64_t seq, struct mw_block **ret)
{
    const struct mw_clock *clock = mw_clock_system();
    struct mw_block *block;

    int r =
        mw_block_take(pool, NULL, source->rows + mwd_push_rows(self->push, source->kind), &block);
    if (r < 0)
        return r;
    mw_block_set_time(block, seq, mw_clock_wall_ms(clock), mw_clock_monotonic_ns(clock));
    source->fill(self, block);
    mwd_push_fill(self->push, source->kind, source->rows, block);
    *ret = block;
    return 0;
}

static int finish(struct mw_block *block)
{
    int r = mw_block_finish(block);

    if (r < 0)
        mw_block_unref(block);
    return r;
}

/* Without memory the source becomes stale, and says so. `kept`: it comes into the recording. */
static int make_next(struct mwd_app *self, int index, bool kept, struct mw_block **ret)
{
    struct mwd_app_named *named = &self->named[index];
    int r = begin(self, &sources[index], named->pool, named->seq + 1, ret);

    if (r == 0 && kept)
        tell_names(self, index, *ret);
    if (r == 0)
        r = finish(*ret);
    named->seq += r == 0;
    return r;
}

void mwd_app_named_offer(struct mwd_app *self, uint64_t now_ns)
{
    struct mw_block *block;

    if (!self->heap || !self->http || self->named_replayed) /* --once has none of them */
        return;
    mwd_app_own_told(self);
    mwd_push_expire(self->push);
    for (int i = 0; i < MWD_APP_NAMED; i++) {
        if (make_next(self, i, true, &block) < 0)
            continue;
        mw_sealer_offer(self->sealer, block, now_ns);
        mwd_app_record(self, &block, 1);
        mw_block_unref(block);
    }
}

void mwd_app_named_urgent(struct mwd_app *self, uint32_t kinds)
{
    struct mw_block *blocks[MWD_APP_NAMED];
    uint32_t count = 0;

    if (!self->heap || !self->http || self->named_replayed)
        return;
    for (int i = 0; i < MWD_APP_NAMED; i++)
        if (kinds & 1U << sources[i].kind && make_next(self, i, false, &blocks[count]) == 0)
            count++;
    mwd_app_urgent(self, blocks, count);
    for (uint32_t i = 0; i < count; i++)
        mw_block_unref(blocks[i]);
}

int mwd_app_heap_now(struct mwd_app *self, struct mw_block **ret)
{
    int r = begin(self, &sources[0], self->heap_now, 1, ret);

    return r < 0 ? r : finish(*ret);
}
