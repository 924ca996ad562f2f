#include "store/queue.h"

#include "base/clock.h"
#include "store/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUEUE_ITEMS, /* fields of the root */
    QUEUE_TIMES,
    CAPACITY_MAX = 1 << 24,
    RATE_SECONDS = 8,
};

/* Events by the second: the present one and those before it. */
struct rate {
    uint32_t counts[RATE_SECONDS + 1];
    uint64_t second, since; /* the present one; the first one ever */
};

struct mw_queue {
    struct mw_store *store;
    struct mw_heap *heap;
    struct mw_global *root;
    size_t capacity, high, low;
    size_t first, length; /* in a circle */
    bool pressed;
    bool started;
    uint64_t enqueued, dequeued, refused, cleared;
    uint64_t waiting_since_ns; /* the last read, or when the queue was empty last */
    uint64_t stalled_max_ns;
    struct rate writes, reads;
};

/* ---- rates ---- */

static void rate_start(struct rate *self, uint64_t now_ns)
{
    self->second = self->since = now_ns / MW_NS_PER_S;
}

/* Forgets the seconds that have passed. */
static void rate_advance(struct rate *self, uint64_t now_ns)
{
    uint64_t second = now_ns / MW_NS_PER_S, passed = second - self->second;

    if (second <= self->second)
        return;
    for (uint64_t i = 1; i <= passed && i <= RATE_SECONDS + 1; i++)
        self->counts[(self->second + i) % (RATE_SECONDS + 1)] = 0;
    self->second = second;
}

static void rate_count(struct rate *self, uint64_t now_ns)
{
    rate_advance(self, now_ns);
    self->counts[self->second % (RATE_SECONDS + 1)]++;
}

/* Over whole seconds only; before the first has passed there is no rate: negative. */
static double rate_get(struct rate self, uint64_t now_ns)
{
    uint64_t seconds, events = 0;

    rate_advance(&self, now_ns);
    seconds = self.second - self.since;
    if (seconds > RATE_SECONDS)
        seconds = RATE_SECONDS;
    for (uint64_t i = 1; i <= seconds; i++)
        events += self.counts[(self.second - i) % (RATE_SECONDS + 1)];
    return seconds > 0 ? (double)events / (double)seconds : -1;
}

/* ---- birth and death ---- */

static int make_objects(struct mw_queue *self)
{
    MW_SCOPE(scope, self->heap);
    int error = mw_store_new_root(self->store, MW_CLASS_QUEUE, &self->root);
    struct mw_ref items, times, root;

    if (error < 0)
        return error;
    items = mw_store_new_array(self->store, MW_CLASS_QUEUE_ITEMS, self->capacity);
    if (mw_ref_is_none(items))
        return mw_store_error(self->store);
    times =
        mw_store_new_array(self->store, MW_CLASS_QUEUE_TIMES, self->capacity * sizeof(uint64_t));
    if (mw_ref_is_none(times))
        return mw_store_error(self->store);
    root = mw_global_get(self->heap, self->root);
    mw_heap_set(self->heap, root, QUEUE_ITEMS, items);
    mw_heap_set(self->heap, root, QUEUE_TIMES, times);
    return 0;
}

int mw_queue_create(struct mw_store *store, const struct mw_queue_config *config,
                    struct mw_queue **ret)
{
    struct mw_queue *self;
    int error;

    if (config->capacity == 0 || config->capacity > CAPACITY_MAX || config->high == 0 ||
        config->high > config->capacity || config->low >= config->high)
        return -EINVAL;
    self = calloc(1, sizeof(*self));
    if (self == NULL)
        return -ENOMEM;
    self->store = store;
    self->heap = store->heap;
    self->capacity = config->capacity;
    self->high = config->high;
    self->low = config->low;
    error = make_objects(self);
    if (error < 0) {
        mw_queue_destroy(self);
        return error;
    }
    *ret = self;
    return 0;
}

struct mw_queue *mw_queue_destroy(struct mw_queue *self)
{
    if (self != NULL)
        mw_global_destroy(self->heap, self->root);
    free(self);
    return NULL;
}

/* ---- objects and their times ---- */

static struct mw_ref field(const struct mw_queue *self, size_t index)
{
    return mw_heap_get(self->heap, mw_global_get(self->heap, self->root), index);
}

static void put_time(struct mw_queue *self, size_t slot, uint64_t now_ns)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref times = field(self, QUEUE_TIMES);

    mw_heap_raw_enter(self->heap);
    ((uint64_t *)mw_heap_raw(self->heap, times))[slot] = now_ns;
    mw_heap_raw_leave(self->heap);
}

static uint64_t get_time(const struct mw_queue *self, size_t slot)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref times = field(self, QUEUE_TIMES);
    uint64_t time;

    mw_heap_raw_enter(self->heap);
    time = ((const uint64_t *)mw_heap_raw(self->heap, times))[slot];
    mw_heap_raw_leave(self->heap);
    return time;
}

/* ---- from writer to reader ---- */

static void start(struct mw_queue *self, uint64_t now_ns)
{
    if (self->started)
        return;
    self->started = true;
    rate_start(&self->writes, now_ns);
    rate_start(&self->reads, now_ns);
}

static uint64_t since(uint64_t then_ns, uint64_t now_ns)
{
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

static uint64_t stalled(const struct mw_queue *self, uint64_t now_ns)
{
    return self->length > 0 ? since(self->waiting_since_ns, now_ns) : 0;
}

static void settle_stall(struct mw_queue *self, uint64_t now_ns)
{
    uint64_t ns = stalled(self, now_ns);

    if (ns > self->stalled_max_ns)
        self->stalled_max_ns = ns;
    self->waiting_since_ns = now_ns;
}

static int refuse(struct mw_queue *self, uint64_t now_ns, uint64_t deadline_ns)
{
    if (now_ns < deadline_ns)
        return -EAGAIN;
    self->refused++;
    return -ETIMEDOUT;
}

int mw_queue_write(struct mw_queue *self, struct mw_ref value, uint64_t now_ns,
                   uint64_t deadline_ns)
{
    MW_SCOPE(scope, self->heap);
    size_t slot = (self->first + self->length) % self->capacity;

    if (mw_ref_is_none(value))
        return -EINVAL;
    start(self, now_ns);
    if (self->length == self->capacity)
        return refuse(self, now_ns, deadline_ns);
    mw_heap_set(self->heap, field(self, QUEUE_ITEMS), slot, value);
    put_time(self, slot, now_ns);
    if (self->length++ == 0)
        self->waiting_since_ns = now_ns;
    if (self->length >= self->high)
        self->pressed = true;
    self->enqueued++;
    rate_count(&self->writes, now_ns);
    return 0;
}

static struct mw_ref take_first(struct mw_queue *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref items = field(self, QUEUE_ITEMS);
    struct mw_ref value = mw_heap_get(self->heap, items, self->first);

    mw_heap_set(self->heap, items, self->first, mw_ref_none());
    self->first = (self->first + 1) % self->capacity;
    if (--self->length <= self->low)
        self->pressed = false;
    return mw_scope_escape(&scope, value);
}

struct mw_ref mw_queue_read(struct mw_queue *self, uint64_t now_ns)
{
    start(self, now_ns);
    if (self->length == 0)
        return mw_ref_none();
    settle_stall(self, now_ns);
    self->dequeued++;
    rate_count(&self->reads, now_ns);
    return take_first(self);
}

static size_t slot_of(const struct mw_queue *self, size_t position)
{
    return (self->first + position) % self->capacity;
}

struct mw_ref mw_queue_peek(const struct mw_queue *self, size_t position)
{
    MW_SCOPE(scope, self->heap);

    if (position >= self->length)
        return mw_ref_none();
    return mw_scope_escape(
        &scope, mw_heap_get(self->heap, field(self, QUEUE_ITEMS), slot_of(self, position)));
}

/* Those before the position move back by one, so that it is the first: readers that take from the
 * middle mostly take near the front. */
static void move_to_front(struct mw_queue *self, size_t position)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref items = field(self, QUEUE_ITEMS);
    struct mw_ref value = mw_heap_get(self->heap, items, slot_of(self, position));
    uint64_t time = get_time(self, slot_of(self, position));

    for (size_t i = position; i > 0; i--) {
        MW_SCOPE(each, self->heap);

        mw_heap_set(self->heap, items, slot_of(self, i),
                    mw_heap_get(self->heap, items, slot_of(self, i - 1)));
        put_time(self, slot_of(self, i), get_time(self, slot_of(self, i - 1)));
    }
    mw_heap_set(self->heap, items, self->first, value);
    put_time(self, self->first, time);
}

struct mw_ref mw_queue_take(struct mw_queue *self, size_t position, uint64_t now_ns)
{
    if (position >= self->length)
        return mw_ref_none();
    move_to_front(self, position);
    return mw_queue_read(self, now_ns);
}

size_t mw_queue_clear(struct mw_queue *self, uint64_t now_ns)
{
    size_t count = self->length;

    settle_stall(self, now_ns);
    while (self->length > 0) {
        MW_SCOPE(scope, self->heap);

        take_first(self);
    }
    self->cleared += count;
    return count;
}

bool mw_queue_is_pressed(const struct mw_queue *self)
{
    return self->pressed;
}

/* ---- numbers ---- */

void mw_queue_get_numbers(const struct mw_queue *self, uint64_t now_ns,
                          struct mw_queue_numbers *ret)
{
    uint64_t stalled_ns = stalled(self, now_ns);

    *ret = (struct mw_queue_numbers){
        .length = self->length,
        .capacity = self->capacity,
        .high = self->high,
        .low = self->low,
        .pressed = self->pressed,
        .enqueued = self->enqueued,
        .dequeued = self->dequeued,
        .refused = self->refused,
        .cleared = self->cleared,
        .oldest_age_ns = self->length > 0 ? since(get_time(self, self->first), now_ns) : 0,
        .enqueue_rate = self->started ? rate_get(self->writes, now_ns) : -1,
        .dequeue_rate = self->started ? rate_get(self->reads, now_ns) : -1,
        .stalled_ns = stalled_ns,
        .stalled_max_ns = stalled_ns > self->stalled_max_ns ? stalled_ns : self->stalled_max_ns,
    };
}

static double ms(uint64_t ns)
{
    return (double)ns / MW_NS_PER_MS;
}

void mw_queue_get_row(const struct mw_queue *self, uint64_t now_ns, struct mw_store_row *ret)
{
    static const struct mw_store_column columns[] = {
        {"length", MW_STORE_COUNT, false},       {"capacity", MW_STORE_COUNT, false},
        {"fillRatio", MW_STORE_RATIO, false},    {"highWatermark", MW_STORE_COUNT, false},
        {"lowWatermark", MW_STORE_COUNT, false}, {"pressed", MW_STORE_YES_NO, false},
        {"oldestAgeMs", MW_STORE_MS, false},     {"enqueuedTotal", MW_STORE_COUNT, true},
        {"dequeuedTotal", MW_STORE_COUNT, true}, {"refusedTotal", MW_STORE_COUNT, true},
        {"clearedTotal", MW_STORE_COUNT, true},  {"enqueueRate", MW_STORE_PER_S, false},
        {"dequeueRate", MW_STORE_PER_S, false},  {"stalledMs", MW_STORE_MS, false},
        {"stalledMaxMs", MW_STORE_MS, false},
    };
    struct mw_queue_numbers n;

    mw_queue_get_numbers(self, now_ns, &n);

    const double values[] = {
        (double)n.length,
        (double)n.capacity,
        (double)n.length / (double)n.capacity,
        (double)n.high,
        (double)n.low,
        n.pressed,
        n.length > 0 ? ms(n.oldest_age_ns) : -1,
        (double)n.enqueued,
        (double)n.dequeued,
        (double)n.refused,
        (double)n.cleared,
        n.enqueue_rate,
        n.dequeue_rate,
        ms(n.stalled_ns),
        ms(n.stalled_max_ns),
    };

    mw_store_row_fill(ret, "queue", columns, values, sizeof(values) / sizeof(values[0]));
}
