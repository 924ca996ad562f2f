/* What waits for one target: alerts in a queue, each once, with the messages that are to be told of
 * it. An alert stays in its place until it is told, so that the queue's numbers say how long it
 * really waits. */
#include "daemon/sink_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_BYTES = 64 << 20 };

static struct mw_heap *heap_of(const struct mwd_sink_lane *self)
{
    return self->sinks->types.heap;
}

/* ---- life ---- */

static int make_queue(struct mwd_sinks *sinks, size_t capacity, struct mw_queue **ret)
{
    struct mw_queue_config config = {
        .capacity = capacity, .high = capacity - capacity / 5, .low = capacity / 2};

    return mw_queue_create(sinks->options.store, &config, ret);
}

static int make_stores(struct mwd_sink_lane *self)
{
    bool repeats = self->sink->settings.s.type == MWD_TARGET_ALERTMANAGER;
    size_t active = repeats ? MWD_SINK_ACTIVE_MAX : 0;
    struct mw_cache_config config = {
        .policy = MW_CACHE_FIFO, .entries = MWD_SINK_QUEUE_MAX + active, .bytes = INDEX_BYTES};

    int r = make_queue(self->sinks, self->capacity, &self->queue);
    if (r == 0 && repeats)
        r = make_queue(self->sinks, active, &self->active);
    return r < 0 ? r : mw_cache_create(self->sinks->options.store, &config, &self->index);
}

/* Alerts come over in their order, so an exchange that is out finds its own in their places. */
static void resize(struct mwd_sink_lane *self, size_t capacity)
{
    struct mw_heap *heap = heap_of(self);
    struct mw_queue *other, *old = self->queue;
    struct mw_queue_numbers numbers;

    mw_queue_get_numbers(old, mwd_sinks_now_ns(self->sinks), &numbers);
    if (capacity == self->capacity || numbers.length > capacity ||
        make_queue(self->sinks, capacity, &other) < 0)
        return; /* the next reload does it */
    for (size_t i = 0; i < numbers.length; i++) {
        MW_SCOPE(scope, heap);
        struct mw_ref alert = mw_queue_peek(old, i);
        uint64_t since_ns = mw_heap_get_word(heap, mw_heap_get(heap, alert, 0), MESSAGE_QUEUED_NS);

        mw_queue_write(other, alert, since_ns, 0);
    }
    mw_queue_destroy(old);
    self->queue = other;
    self->capacity = capacity;
}

void mwd_sink_lane_adopt(struct mwd_sink_lane *self, const struct mwd_sink *sink, uint32_t target)
{
    const struct mwd_sink_own_settings *settings = &sink->settings;

    self->sink = sink;
    self->url = settings->s.url_count > 0 ? settings->urls[target] : "";
    if (sink->lane_count > 1)
        snprintf(self->name, sizeof self->name, "%.60s-%u", settings->s.name, target + 1);
    else
        snprintf(self->name, sizeof self->name, "%s", settings->s.name);
    if (self->queue)
        resize(self, settings->s.queue);
    self->expiry_ns = 0; /* the deadline may be another one */
}

int mwd_sink_lane_create(struct mwd_sinks *sinks, const struct mwd_sink *sink, uint32_t target,
                         struct mwd_sink_lane **ret)
{
    struct mwd_sink_lane *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    self->sinks = sinks;
    self->capacity = sink->settings.s.queue;
    mwd_sink_lane_adopt(self, sink, target);
    int r = make_stores(self);
    if (r < 0)
        mwd_sink_lane_destroy(self);
    else
        *ret = self;
    return r;
}

struct mwd_sink_lane *mwd_sink_lane_destroy(struct mwd_sink_lane *self)
{
    if (self) {
        mw_cache_destroy(self->index);
        mw_queue_destroy(self->active);
        mw_queue_destroy(self->queue);
        free(self);
    }
    return NULL;
}

/* ---- in ---- */

static struct mw_ref find(const struct mwd_sink_lane *self, const char *fingerprint)
{
    return mw_cache_peek(self->index, fingerprint, strlen(fingerprint));
}

static size_t length_of(const struct mwd_sink_lane *self)
{
    struct mw_queue_numbers numbers;

    mw_queue_get_numbers(self->queue, mwd_sinks_now_ns(self->sinks), &numbers);
    return numbers.length;
}

bool mwd_sink_lane_has_room(struct mwd_sink_lane *self, const struct mwd_sink_message *message)
{
    MW_SCOPE(scope, heap_of(self));
    const struct mwd_sink_types *types = &self->sinks->types;
    struct mw_ref alert = find(self, message->fingerprint);

    if (!mw_ref_is_none(alert) && mw_heap_get_word(types->heap, alert, ALERT_IS_QUEUED))
        return mwd_sink_chain_find(types, alert, message) >= 0 ||
               mwd_sink_chain_length(types, alert) < ALERT_MESSAGES;
    size_t length = length_of(self);
    return length < self->capacity && (length == 0 || self->bytes < MWD_SINK_BYTES);
}

/* A new alert, or one that an Alertmanager knows already. */
static struct mw_ref take_alert(struct mwd_sink_lane *self, const char *fingerprint)
{
    struct mw_heap *heap = heap_of(self);
    MW_SCOPE(scope, heap);
    struct mw_ref alert = find(self, fingerprint);

    if (!mw_ref_is_none(alert))
        return mw_scope_escape(&scope, alert);
    alert = mw_heap_new(heap, self->sinks->types.alert);
    if (mw_ref_is_none(alert) ||
        mw_cache_set(self->index, fingerprint, strlen(fingerprint), alert, 1) < 0)
        return mw_ref_none();
    return mw_scope_escape(&scope, alert);
}

static void append(struct mwd_sink_lane *self, struct mw_ref alert, struct mw_ref message)
{
    const struct mwd_sink_types *types = &self->sinks->types;
    uint32_t length = mwd_sink_chain_length(types, alert);

    mw_heap_set(types->heap, alert, length, message);
    if (length >= MWD_SINK_CHAIN)
        self->crowded = true;
}

static void replace(struct mwd_sink_lane *self, struct mw_ref alert, uint32_t place,
                    struct mw_ref message)
{
    struct mw_heap *heap = heap_of(self);
    MW_SCOPE(scope, heap);
    struct mw_ref old = mw_heap_get(heap, alert, place);

    self->bytes -= mw_heap_get_word(heap, old, MESSAGE_SIZE);
    mw_heap_set_word(heap, message, MESSAGE_QUEUED_NS,
                     mw_heap_get_word(heap, old, MESSAGE_QUEUED_NS));
    mw_heap_set(heap, alert, place, message);
    self->numbers.coalesced++;
}

static void note_expiry(struct mwd_sink_lane *self, uint64_t now_ns)
{
    uint64_t at_ns = now_ns + self->sink->settings.s.deadline_ms * MW_NS_PER_MS;

    if (length_of(self) == 0 || at_ns < self->expiry_ns)
        self->expiry_ns = at_ns;
}

int mwd_sink_lane_put(struct mwd_sink_lane *self, struct mw_ref message,
                      const struct mwd_sink_message *given, uint64_t now_ns)
{
    const struct mwd_sink_types *types = &self->sinks->types;
    MW_SCOPE(scope, types->heap);
    struct mw_ref alert = take_alert(self, given->fingerprint);

    if (mw_ref_is_none(alert))
        return -ENOMEM;
    int place = mwd_sink_chain_find(types, alert, given);
    self->bytes += mw_heap_get_word(types->heap, message, MESSAGE_SIZE);
    if (place >= 0)
        replace(self, alert, (uint32_t)place, message);
    else
        append(self, alert, message);
    if (mw_heap_get_word(types->heap, alert, ALERT_IS_QUEUED))
        return 0;
    note_expiry(self, now_ns);
    mw_heap_set_word(types->heap, alert, ALERT_IS_QUEUED, 1);
    mw_heap_set_word(types->heap, alert, ALERT_TRIES, 0);
    return mw_queue_write(self->queue, alert, now_ns, 0); /* there is room */
}

/* ---- out ---- */

/* Nothing of it waits, and nobody is told again. */
static void forget(struct mwd_sink_lane *self, struct mw_ref alert, struct mw_ref last)
{
    const struct mwd_sink_types *types = &self->sinks->types;
    char fingerprint[MWD_SINK_ID_MAX + 1];
    struct mwd_sink_view view;

    if (!mw_ref_is_none(mw_heap_get(types->heap, alert, 0)) ||
        !mw_ref_is_none(mw_heap_get(types->heap, alert, ALERT_ACTIVE)))
        return;
    mw_heap_raw_enter(types->heap);
    mwd_sink_message_view(types, last, &view);
    snprintf(fingerprint, sizeof fingerprint, "%s", view.fingerprint);
    mw_heap_raw_leave(types->heap);
    mw_cache_remove(self->index, fingerprint, strlen(fingerprint));
}

void mwd_sink_lane_release(struct mwd_sink_lane *self, struct mw_ref alert, uint32_t place,
                           enum mwd_sink_outcome outcome)
{
    const struct mwd_sink_types *types = &self->sinks->types;
    MW_SCOPE(scope, types->heap);
    struct mw_ref message = mw_heap_get(types->heap, alert, place);

    self->bytes -= mw_heap_get_word(types->heap, message, MESSAGE_SIZE);
    mwd_sink_chain_remove(types, alert, place);
    forget(self, alert, message);
    mwd_sinks_tell(self->sinks, self, message, outcome);
}

void mwd_sink_lane_settle(struct mwd_sink_lane *self, size_t position, bool served, uint64_t now_ns)
{
    struct mw_heap *heap = heap_of(self);
    MW_SCOPE(scope, heap);
    struct mw_ref alert = mw_queue_peek(self->queue, position);
    bool empty = mw_ref_is_none(mw_heap_get(heap, alert, 0));

    if (!empty && !served)
        return;
    mw_queue_take(self->queue, position, now_ns);
    mw_heap_set_word(heap, alert, ALERT_TRIES, 0);
    if (empty)
        mw_heap_set_word(heap, alert, ALERT_IS_QUEUED, 0);
    else
        mw_queue_write(self->queue, alert, now_ns, 0);
}

/* ---- what is given up ---- */

static void expire_alert(struct mwd_sink_lane *self, struct mw_ref alert, uint64_t now_ns)
{
    struct mw_heap *heap = heap_of(self);
    uint64_t deadline_ns = self->sink->settings.s.deadline_ms * MW_NS_PER_MS;

    for (;;) {
        MW_SCOPE(scope, heap);
        struct mw_ref message = mw_heap_get(heap, alert, 0);

        if (mw_ref_is_none(message))
            return;
        uint64_t at_ns = mw_heap_get_word(heap, message, MESSAGE_QUEUED_NS) + deadline_ns;
        if (at_ns > now_ns) {
            if (at_ns < self->expiry_ns)
                self->expiry_ns = at_ns;
            return;
        }
        self->numbers.expired++;
        mwd_sink_lane_release(self, alert, 0, MWD_SINK_EXPIRED);
    }
}

void mwd_sink_lane_expire(struct mwd_sink_lane *self, uint64_t now_ns)
{
    if (now_ns < self->expiry_ns)
        return;
    self->expiry_ns = UINT64_MAX;
    for (size_t i = length_of(self); i-- > 0;) {
        MW_SCOPE(scope, heap_of(self));

        expire_alert(self, mw_queue_peek(self->queue, i), now_ns);
        mwd_sink_lane_settle(self, i, false, now_ns);
    }
}

static void thin_alert(struct mwd_sink_lane *self, struct mw_ref alert)
{
    const struct mwd_sink_types *types = &self->sinks->types;
    int pair;

    while (mwd_sink_chain_length(types, alert) > MWD_SINK_CHAIN &&
           (pair = mwd_sink_chain_pair(types, alert)) >= 0) {
        self->numbers.coalesced += 2;
        mwd_sink_lane_release(self, alert, (uint32_t)pair, MWD_SINK_COALESCED);
        mwd_sink_lane_release(self, alert, (uint32_t)pair, MWD_SINK_COALESCED);
    }
}

void mwd_sink_lane_thin(struct mwd_sink_lane *self, uint64_t now_ns)
{
    if (!self->crowded)
        return;
    self->crowded = false;
    for (size_t i = length_of(self); i-- > 0;) {
        MW_SCOPE(scope, heap_of(self));

        thin_alert(self, mw_queue_peek(self->queue, i));
        mwd_sink_lane_settle(self, i, false, now_ns);
    }
}

void mwd_sink_lane_drop(struct mwd_sink_lane *self, enum mwd_sink_outcome outcome, uint64_t now_ns)
{
    struct mw_heap *heap = heap_of(self);

    for (size_t i = length_of(self); i-- > 0;) {
        MW_SCOPE(scope, heap);
        struct mw_ref alert = mw_queue_peek(self->queue, i);

        while (mwd_sink_chain_length(&self->sinks->types, alert) > 0)
            mwd_sink_lane_release(self, alert, 0, outcome);
        mwd_sink_lane_settle(self, i, false, now_ns);
    }
}
