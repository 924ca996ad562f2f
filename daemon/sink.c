#include "daemon/sink_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAYLOAD_MAX = 256 * 1024, RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 60000, MINUTE_MS = 60000 };

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

uint64_t mwd_sinks_now_ns(const struct mwd_sinks *self)
{
    return mw_clock_monotonic_ns(self->options.clock);
}

/* ---- the loop's turns ---- */

static bool sink_has_room(const struct mwd_sink *sink)
{
    for (uint32_t i = 0; i < sink->lane_count; i++) {
        struct mw_queue_numbers numbers;

        mw_queue_get_numbers(sink->lanes[i]->queue, mwd_sinks_now_ns(sink->lanes[i]->sinks),
                             &numbers);
        if (numbers.length < numbers.capacity && sink->lanes[i]->bytes < MWD_SINK_BYTES)
            return true;
    }
    return false;
}

/* They may send at once, which plans another turn. */
static void call_senders(struct mwd_sinks *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        struct mwd_sink *sink = &self->sinks[i];

        if (!sink->sender_waits || !sink_has_room(sink))
            continue;
        sink->sender_waits = false;
        if (self->options.on_room)
            self->options.on_room(self->options.context, sink->settings.s.name);
    }
}

static void on_timer(uv_timer_t *timer);

static void plan(struct mwd_sinks *self, uint64_t ms)
{
    if (!self->closed)
        uv_timer_start(&self->timer, on_timer, ms, 0);
}

static uint64_t step_lanes(struct mwd_sinks *self, uint64_t now_ns, bool *ret_busy)
{
    uint64_t next_ns = UINT64_MAX;

    *ret_busy = false;
    for (uint32_t i = 0; i < self->count; i++) {
        for (uint32_t j = 0; j < self->sinks[i].lane_count; j++) {
            struct mwd_sink_lane *lane = self->sinks[i].lanes[j];
            uint64_t at_ns = mwd_sink_lane_step(lane, now_ns);

            next_ns = at_ns < next_ns ? at_ns : next_ns;
            *ret_busy |= lane->exchange != 0;
        }
    }
    return next_ns;
}

static void step(struct mwd_sinks *self)
{
    uint64_t now_ns = mwd_sinks_now_ns(self);
    bool busy;

    uv_timer_stop(&self->timer);
    uint64_t next_ns = step_lanes(self, now_ns, &busy);
    mwd_sink_child_set_busy(self->child, busy);
    if (next_ns != UINT64_MAX)
        plan(self, next_ns > now_ns ? (next_ns - now_ns) / MW_NS_PER_MS + 1 : 0);
    call_senders(self);
}

static void on_timer(uv_timer_t *timer)
{
    step(timer->data);
}

static void on_answer(void *context, const struct mwd_wire_answer *answer)
{
    struct mwd_sinks *self = context;

    for (uint32_t i = 0; i < self->count; i++)
        for (uint32_t j = 0; j < self->sinks[i].lane_count; j++)
            if (self->sinks[i].lanes[j]->exchange == answer->exchange)
                mwd_sink_lane_answered(self->sinks[i].lanes[j], answer, mwd_sinks_now_ns(self));
    step(self);
}

static void on_lost(void *context)
{
    struct mwd_sinks *self = context;

    for (uint32_t i = 0; i < self->count; i++)
        for (uint32_t j = 0; j < self->sinks[i].lane_count; j++)
            mwd_sink_lane_lost(self->sinks[i].lanes[j]);
    plan(self, 0);
}

/* ---- what came of a message ---- */

/* Texts are copied: the callback may allocate, and then they would move. */
static void call_done(struct mwd_sinks *self, const struct mwd_sink_lane *lane,
                      struct mw_ref message, enum mwd_sink_outcome outcome)
{
    struct mw_heap *heap = self->types.heap;
    char id[MWD_SINK_ID_MAX + 1], fingerprint[MWD_SINK_ID_MAX + 1];
    uint64_t status = mw_heap_get_word(heap, message, MESSAGE_STATUS);
    struct mwd_sink_view view;

    mw_heap_raw_enter(heap);
    mwd_sink_message_view(&self->types, message, &view);
    snprintf(id, sizeof id, "%s", view.id);
    snprintf(fingerprint, sizeof fingerprint, "%s", view.fingerprint);
    mw_heap_raw_leave(heap);
    struct mwd_sink_done done = {
        .sink = lane->sink->settings.s.name,
        .id = id,
        .fingerprint = fingerprint,
        .status = (enum mwd_sink_status)status,
        .outcome = outcome,
        .why = outcome == MWD_SINK_DELIVERED ? "" : lane->why,
    };
    self->options.on_done(self->options.context, &done);
}

/* With several targets the first one that has it counts, else the last one's word. */
void mwd_sinks_tell(struct mwd_sinks *self, const struct mwd_sink_lane *lane, struct mw_ref message,
                    enum mwd_sink_outcome outcome)
{
    struct mw_heap *heap = self->types.heap;
    MW_SCOPE(scope, heap);
    uint64_t left = mw_heap_get_word(heap, message, MESSAGE_LEFT) - 1;

    mw_heap_set_word(heap, message, MESSAGE_LEFT, left);
    if (mw_heap_get_word(heap, message, MESSAGE_TOLD) ||
        (outcome != MWD_SINK_DELIVERED && left > 0))
        return;
    mw_heap_set_word(heap, message, MESSAGE_TOLD, 1);
    call_done(self, lane, message, outcome);
}

/* ---- sending ---- */

static struct mwd_sink *find(const struct mwd_sinks *self, const char *name)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (strcmp(self->sinks[i].settings.s.name, name) == 0)
            return &self->sinks[i];
    return NULL;
}

static bool is_fine_id(const char *text)
{
    return text && text[0] != '\0' && strlen(text) <= MWD_SINK_ID_MAX;
}

/* Lanes without room are left out as long as one has some: members of a cluster tell each other. */
static uint32_t lanes_with_room(struct mwd_sink *sink, const struct mwd_sink_message *message,
                                struct mwd_sink_lane *ret[MWD_SINK_TARGETS_MAX])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < sink->lane_count; i++)
        if (mwd_sink_lane_has_room(sink->lanes[i], message))
            ret[count++] = sink->lanes[i];
    for (uint32_t i = 0; i < sink->lane_count && count > 0 && count < sink->lane_count; i++)
        if (!mwd_sink_lane_has_room(sink->lanes[i], message))
            sink->lanes[i]->numbers.expired++;
    return count;
}

static int put(struct mwd_sinks *self, struct mwd_sink_lane *const *lanes, uint32_t count,
               const struct mwd_sink_message *message, const struct mwd_buffer *payload)
{
    MW_SCOPE(scope, self->types.heap);
    uint64_t now_ns = mwd_sinks_now_ns(self);
    struct mw_ref object = mwd_sink_message_new(&self->types, message, payload, now_ns, count);
    uint32_t took = 0;

    if (mw_ref_is_none(object))
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        if (mwd_sink_lane_put(lanes[i], object, message, now_ns) == 0)
            took++;
    mw_heap_set_word(self->types.heap, object, MESSAGE_LEFT, took);
    return took > 0 ? 0 : -ENOMEM;
}

int mwd_sinks_send(struct mwd_sinks *self, const char *sink_name,
                   const struct mwd_sink_message *message)
{
    struct mwd_sink *sink = find(self, sink_name);
    struct mwd_sink_lane *lanes[MWD_SINK_TARGETS_MAX];
    struct mwd_buffer payload;

    if (!sink)
        return -ENOENT;
    if (!is_fine_id(message->id) || !is_fine_id(message->fingerprint))
        return -EINVAL;
    uint32_t count = lanes_with_room(sink, message, lanes);
    if (count == 0) {
        sink->sender_waits = true;
        return -EAGAIN;
    }
    mwd_buffer_init(&payload, PAYLOAD_MAX);
    int r = mwd_sink_payload(sink->settings.s.type, message, &payload);
    if (r == 0)
        r = put(self, lanes, count, message, &payload);
    mwd_buffer_deinit(&payload);
    if (r == 0)
        plan(self, 0);
    return r == -EFBIG ? -EMSGSIZE : r;
}

bool mwd_sinks_wants_active(const struct mwd_sinks *self, const char *sink_name)
{
    const struct mwd_sink *sink = find(self, sink_name);

    return sink && sink->settings.s.type == MWD_TARGET_ALERTMANAGER;
}

/* ---- numbers ---- */

uint32_t mwd_sinks_queue_count(const struct mwd_sinks *self)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < self->count; i++)
        count += self->sinks[i].lane_count;
    return count;
}

static const struct mwd_sink_lane *lane_at(const struct mwd_sinks *self, uint32_t index)
{
    uint32_t i = 0;

    while (index >= self->sinks[i].lane_count)
        index -= self->sinks[i++].lane_count;
    return self->sinks[i].lanes[index];
}

void mwd_sinks_get_numbers(const struct mwd_sinks *self, uint32_t index,
                           struct mwd_sink_numbers *ret)
{
    const struct mwd_sink_lane *lane = lane_at(self, index);
    uint64_t now_ns = mwd_sinks_now_ns(self);

    *ret = lane->numbers;
    memcpy(ret->name, lane->name, sizeof ret->name);
    mw_queue_get_numbers(lane->queue, now_ns, &ret->queue);
    if (lane->failing_since_ns)
        ret->failing_ms = (now_ns - lane->failing_since_ns) / MW_NS_PER_MS;
}

void mwd_sinks_get_child(const struct mwd_sinks *self, struct mwd_sink_child_numbers *ret)
{
    mwd_sink_child_get_numbers(self->child, ret);
}

/* ---- settings ---- */

static void free_sinks(struct mwd_sink *sinks, uint32_t count)
{
    for (uint32_t i = 0; sinks && i < count; i++) {
        for (uint32_t j = 0; j < sinks[i].lane_count; j++)
            mwd_sink_lane_destroy(sinks[i].lanes[j]);
        mwd_sink_settings_free(&sinks[i].settings);
    }
    free(sinks);
}

/* The lane of before that a target goes on with; NULL = there is none. */
static struct mwd_sink_lane **lane_before(const struct mwd_sinks *self, const struct mwd_sink *sink,
                                          uint32_t target)
{
    const struct mwd_sink_own_settings *settings = &sink->settings;
    struct mwd_sink *old = find(self, settings->s.name);

    if (!old || old->settings.s.type != settings->s.type)
        return NULL;
    if (settings->s.type != MWD_TARGET_ALERTMANAGER)
        return &old->lanes[0];
    for (uint32_t i = 0; i < old->lane_count; i++)
        if (old->lanes[i] && strcmp(old->lanes[i]->url, settings->urls[target]) == 0)
            return &old->lanes[i];
    return NULL;
}

static int make_sink(struct mwd_sinks *self, const struct mwd_sink_settings *settings,
                     struct mwd_sink *ret)
{
    int r = mwd_sink_settings_copy(settings, &ret->settings);

    for (uint32_t i = 0; r == 0 && i < mwd_sink_settings_targets(settings); i++) {
        ret->lane_count++;
        if (!lane_before(self, ret, i))
            r = mwd_sink_lane_create(self, ret, i, &ret->lanes[i]);
    }
    return r;
}

static int make_sinks(struct mwd_sinks *self, const struct mwd_sink_settings *settings,
                      uint32_t count, struct mwd_sink **ret)
{
    struct mwd_sink *sinks = calloc(count + 1, sizeof *sinks);
    int r = sinks ? 0 : -ENOMEM;

    for (uint32_t i = 0; r == 0 && i < count; i++)
        r = make_sink(self, &settings[i], &sinks[i]);
    if (r < 0)
        free_sinks(sinks, count);
    else
        *ret = sinks;
    return r;
}

/* Nothing can fail any more. */
static void take_over_lanes(struct mwd_sinks *self, struct mwd_sink *sinks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < sinks[i].lane_count; j++) {
            struct mwd_sink_lane **before =
                sinks[i].lanes[j] ? NULL : lane_before(self, &sinks[i], j);

            if (before) {
                sinks[i].lanes[j] = *before;
                *before = NULL;
            }
        }
    }
}

static void adopt_lanes(struct mwd_sink *sinks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < sinks[i].lane_count; j++)
            mwd_sink_lane_adopt(sinks[i].lanes[j], &sinks[i], j);
}

/* What nobody has taken over. */
static void drop_lanes(const struct mwd_sink *sink, uint64_t now_ns)
{
    for (uint32_t i = 0; i < sink->lane_count; i++) {
        if (!sink->lanes[i])
            continue;
        mwd_sink_lane_lost(sink->lanes[i]);
        mwd_sink_lane_drop(sink->lanes[i], MWD_SINK_REMOVED, now_ns);
    }
}

static void swap_sinks(struct mwd_sinks *self, struct mwd_sink *sinks, uint32_t count)
{
    struct mwd_sink *old = self->sinks;
    uint32_t old_count = self->count;

    self->sinks = sinks;
    self->count = count;
    for (uint32_t i = 0; i < old_count; i++)
        drop_lanes(&old[i], mwd_sinks_now_ns(self));
    free_sinks(old, old_count);
}

int mwd_sinks_apply(struct mwd_sinks *self, const struct mwd_sink_settings *settings,
                    uint32_t count)
{
    struct mwd_sink *sinks = NULL;
    int r = mwd_sink_settings_check(settings, count);

    if (r == 0)
        r = make_sinks(self, settings, count, &sinks);
    if (r != 0)
        return r;
    take_over_lanes(self, sinks, count);
    adopt_lanes(sinks, count);
    swap_sinks(self, sinks, count);
    plan(self, 0);
    return 0;
}

/* ---- life ---- */

static void fill_options(struct mwd_sinks_options *self)
{
    if (!self->clock)
        self->clock = mw_clock_system();
    if (!self->journal)
        self->journal = JOURNAL_SOCKET;
    if (!self->retry_first_ms)
        self->retry_first_ms = RETRY_FIRST_MS;
    if (!self->retry_max_ms)
        self->retry_max_ms = RETRY_MAX_MS;
    if (!self->resend_ms)
        self->resend_ms = MINUTE_MS;
    if (!self->idle_ms)
        self->idle_ms = MINUTE_MS;
}

static int make_child(struct mwd_sinks *self)
{
    struct mwd_sink_child_options options = {
        .program = self->options.program,
        .log = self->options.log,
        .clock = self->options.clock,
        .idle_ms = self->options.idle_ms,
        .retry_first_ms = self->options.retry_first_ms,
        .retry_max_ms = self->options.retry_max_ms,
        .on_answer = on_answer,
        .on_lost = on_lost,
        .context = self,
    };

    return mwd_sink_child_create(self->loop, &options, &self->child);
}

int mwd_sinks_create(uv_loop_t *loop, const struct mwd_sinks_options *options,
                     const struct mwd_sink_settings *settings, uint32_t count,
                     struct mwd_sinks **ret)
{
    struct mwd_sinks *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    self->options = *options;
    fill_options(&self->options);
    self->loop = loop;
    uv_timer_init(loop, &self->timer); /* never fails */
    self->timer.data = self;
    int r = mwd_sink_types_init(&self->types, mw_store_heap(options->store));
    if (r == 0)
        r = make_child(self);
    if (r == 0)
        r = mwd_sinks_apply(self, settings, count);
    *ret = self; /* the loop knows it: it goes by close() and destroy() */
    return r;
}

void mwd_sinks_close(struct mwd_sinks *self)
{
    if (!self || self->closed)
        return;
    self->closed = true;
    uv_close((uv_handle_t *)&self->timer, NULL);
    mwd_sink_child_close(self->child);
}

struct mwd_sinks *mwd_sinks_destroy(struct mwd_sinks *self)
{
    if (self) {
        free_sinks(self->sinks, self->count);
        mwd_sink_child_destroy(self->child);
        free(self);
    }
    return NULL;
}
