/* One request after the other to one target: what goes next, what its answer means, and when to try
 * again.
 *
 * At most one request of a target is on its way, so a slow one delays itself only. What failed goes
 * behind what was not tried as often: a message that a target cannot digest does not hold up the
 * rest. The wait between tries is the target's, since mostly the target is the reason.
 *
 * Alertmanagers get up to 64 alerts in one request. When such a request is refused, each of them
 * goes alone, so that only the one that is wrong is given up. What fires is repeated every minute
 * with an end four times as far away: without that it would be taken for resolved. */
#include "daemon/sink_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    JOURNAL_BURST = 64, /* entries before the loop gets its turn */
    BATCH_BYTES = 512 * 1024,
    REQUEST_MAX = 1 << 20,
    LATE_MS = 5000, /* the child keeps time limits; one that does not is stuck */
    RETRY_AFTER_MAX_MS = 3600 * 1000,
    REPEATS_PER_END = 4,
};

static enum mwd_target_type type_of(const struct mwd_sink_lane *self)
{
    return self->sink->settings.s.type;
}

static struct mw_heap *heap_of(const struct mwd_sink_lane *self)
{
    return self->sinks->types.heap;
}

static size_t length_of(const struct mw_queue *queue, uint64_t now_ns)
{
    struct mw_queue_numbers numbers;

    mw_queue_get_numbers(queue, now_ns, &numbers);
    return numbers.length;
}

/* ---- choosing ---- */

static uint64_t tries_of(const struct mwd_sink_lane *self, size_t position)
{
    MW_SCOPE(scope, heap_of(self));

    return mw_heap_get_word(heap_of(self), mw_queue_peek(self->queue, position), ALERT_TRIES);
}

static uint64_t fewest_tries(const struct mwd_sink_lane *self, size_t length)
{
    uint64_t fewest = UINT64_MAX;

    for (size_t i = 0; i < length && fewest > 0; i++) {
        uint64_t tries = tries_of(self, i);

        if (tries < fewest)
            fewest = tries;
    }
    return fewest;
}

static size_t mark_sent(struct mwd_sink_lane *self, size_t position)
{
    struct mw_heap *heap = heap_of(self);
    MW_SCOPE(scope, heap);
    struct mw_ref alert = mw_queue_peek(self->queue, position);

    mw_heap_set_word(heap, alert, ALERT_TRIES, mw_heap_get_word(heap, alert, ALERT_TRIES) + 1);
    mw_heap_set_word(heap, alert, ALERT_IS_SENT, 1);
    return mw_heap_get_word(heap, mw_heap_get(heap, alert, 0), MESSAGE_SIZE);
}

static void choose(struct mwd_sink_lane *self, uint64_t now_ns)
{
    size_t length = length_of(self->queue, now_ns), bytes = 0;
    bool alone = type_of(self) != MWD_TARGET_ALERTMANAGER || self->solo > 0;
    uint32_t most = alone ? 1 : MWD_SINK_BATCH;
    uint64_t tries = fewest_tries(self, length);

    self->batch = 0;
    for (size_t i = 0; i < length && self->batch < most && bytes < BATCH_BYTES; i++) {
        if (tries_of(self, i) != tries)
            continue;
        self->positions[self->batch++] = (uint16_t)i;
        bytes += mark_sent(self, i);
    }
    if (self->solo > 0)
        self->solo--;
}

/* ---- sending ---- */

static void put_alert(struct mwd_sink_lane *self, struct mw_ref message, struct mwd_buffer *out)
{
    const struct mwd_sink_types *types = &self->sinks->types;
    const struct mwd_sinks_options *options = &self->sinks->options;
    struct mwd_sink_view view;

    mwd_buffer_puts(out, out->size > 1 ? "," : "");
    mw_heap_raw_enter(types->heap);
    mwd_sink_message_view(types, message, &view);
    mwd_buffer_append(out, view.payload, view.payload_size);
    mw_heap_raw_leave(types->heap);
    if (mw_heap_get_word(types->heap, message, MESSAGE_STATUS) == MWD_SINK_FIRING)
        mwd_sink_alertmanager_close(out, mw_clock_wall_ms(options->clock) +
                                             REPEATS_PER_END * (int64_t)options->resend_ms);
}

static struct mw_ref chosen_message(const struct mwd_sink_lane *self, uint32_t index)
{
    struct mw_heap *heap = heap_of(self);
    MW_SCOPE(scope, heap);
    struct mw_ref alert = mw_queue_peek(self->queue, self->positions[index]);

    return mw_scope_escape(&scope, mw_heap_get(heap, alert, 0));
}

static void put_batch(struct mwd_sink_lane *self, struct mwd_buffer *out)
{
    mwd_buffer_puts(out, "[");
    for (uint32_t i = 0; i < self->batch; i++) {
        MW_SCOPE(scope, heap_of(self));

        put_alert(self, chosen_message(self, i), out);
    }
    mwd_buffer_puts(out, "]");
}

/* Into `out`: id, NUL, body. */
static void put_single(struct mwd_sink_lane *self, struct mwd_wire_request *request,
                       struct mwd_buffer *out)
{
    const struct mwd_sink_types *types = &self->sinks->types;
    MW_SCOPE(scope, types->heap);
    struct mw_ref message = chosen_message(self, 0);
    struct mwd_sink_view view;

    mw_heap_raw_enter(types->heap);
    mwd_sink_message_view(types, message, &view);
    mwd_buffer_append(out, view.id, strlen(view.id) + 1);
    mwd_buffer_append(out, view.payload, view.payload_size);
    mw_heap_raw_leave(types->heap);
    bool firing = mw_heap_get_word(types->heap, message, MESSAGE_STATUS) == MWD_SINK_FIRING;
    request->status = firing ? "firing" : "resolved";
    if (out->failed)
        return;
    request->id = out->bytes;
    request->body = out->bytes + strlen(out->bytes) + 1;
    request->body_size = out->size - strlen(out->bytes) - 1;
}

static void fill_request(struct mwd_sink_lane *self, struct mwd_wire_request *request)
{
    const struct mwd_sink_own_settings *settings = &self->sink->settings;

    request->kind = type_of(self) == MWD_TARGET_EXEC ? MWD_WIRE_RUN : MWD_WIRE_POST;
    request->timeout_ms = (uint32_t)settings->s.timeout_ms;
    request->sink = settings->s.name;
    request->token_file = settings->s.token_file;
    request->ca_file = settings->s.ca_file;
    request->argument_count = settings->s.argument_count;
    for (uint32_t i = 0; i < settings->s.argument_count; i++)
        request->arguments[i] = settings->arguments[i];
}

static int post(struct mwd_sink_lane *self, struct mwd_wire_request *request, uint64_t now_ns)
{
    fill_request(self, request);
    request->exchange = self->sinks->exchanges + 1;
    int r = mwd_sink_child_send(self->sinks->child, request);
    if (r < 0)
        return r;
    self->exchange = ++self->sinks->exchanges;
    self->sent_ns = now_ns;
    return 0;
}

/* An Alertmanager's address is given without its path. */
static int post_alerts(struct mwd_sink_lane *self, struct mwd_buffer *body, uint64_t now_ns)
{
    struct mwd_wire_request request = {.body = body->bytes, .body_size = body->size};
    struct mwd_buffer url;
    size_t size = strlen(self->url);

    while (size > 0 && self->url[size - 1] == '/')
        size--;
    mwd_buffer_init(&url, 1 << 16);
    mwd_buffer_append(&url, self->url, size);
    mwd_buffer_append(&url, "/api/v2/alerts", sizeof "/api/v2/alerts");
    int r = body->failed ? body->failed : url.failed;
    request.url = url.bytes;
    if (r == 0)
        r = post(self, &request, now_ns);
    mwd_buffer_deinit(&url);
    return r;
}

static void clear_sent(struct mwd_sink_lane *self)
{
    struct mw_heap *heap = heap_of(self);

    for (uint32_t i = 0; i < self->batch && !self->repeats; i++) {
        MW_SCOPE(scope, heap);

        mw_heap_set_word(heap, mw_queue_peek(self->queue, self->positions[i]), ALERT_IS_SENT, 0);
    }
    self->exchange = 0;
}

static void send_waiting(struct mwd_sink_lane *self, uint64_t now_ns)
{
    struct mwd_wire_request request = {.url = self->url};
    struct mwd_buffer body;
    int r;

    mwd_buffer_init(&body, REQUEST_MAX);
    self->repeats = false;
    choose(self, now_ns);
    if (type_of(self) == MWD_TARGET_ALERTMANAGER) {
        put_batch(self, &body);
        r = post_alerts(self, &body, now_ns);
    } else {
        put_single(self, &request, &body);
        r = body.failed ? body.failed : post(self, &request, now_ns);
    }
    mwd_buffer_deinit(&body);
    if (r < 0) {
        clear_sent(self);
        self->next_ns = now_ns + self->sinks->options.retry_first_ms * MW_NS_PER_MS;
    }
}

/* ---- what the answer means ---- */

static void log_failure(struct mwd_sink_lane *self, uint64_t now_ns)
{
    struct mwd_log_event event = {"sink-failing", self->name};

    mwd_log_event(self->sinks->options.log, MWD_LOG_WARNING, &event,
                  "sink %s: %s; %zu alerts wait, and it is tried again for %" PRIu64 " s",
                  self->name, self->why, length_of(self->queue, now_ns),
                  self->sink->settings.s.deadline_ms / 1000);
}

static void note_success(struct mwd_sink_lane *self)
{
    if (self->failures > 0)
        mwd_log(self->sinks->options.log, MWD_LOG_INFO, "sink %s: takes alerts again", self->name);
    self->failures = 0;
    self->failing_since_ns = 0;
    self->next_ns = 0;
    self->why[0] = '\0';
}

static void put_off(struct mwd_sink_lane *self, uint64_t retry_after_ms, uint64_t now_ns)
{
    const struct mwd_sinks_options *options = &self->sinks->options;
    uint64_t ms =
        mwd_sink_backoff_ms(options->retry_first_ms, options->retry_max_ms, self->failures);

    if (retry_after_ms > RETRY_AFTER_MAX_MS)
        retry_after_ms = RETRY_AFTER_MAX_MS;
    if (ms < retry_after_ms)
        ms = retry_after_ms;
    if (self->failures++ == 0)
        self->failing_since_ns = now_ns;
    self->numbers.retried++;
    self->next_ns = now_ns + ms * MW_NS_PER_MS;
    log_failure(self, now_ns);
}

static void deactivate(struct mwd_sink_lane *self, struct mw_ref alert)
{
    struct mw_heap *heap = heap_of(self);
    MW_SCOPE(scope, heap);

    if (!mw_ref_is_none(mw_heap_get(heap, alert, ALERT_ACTIVE)))
        self->numbers.active--;
    mw_heap_set(heap, alert, ALERT_ACTIVE, mw_ref_none());
}

/* From now on it is told again and again. */
static void activate(struct mwd_sink_lane *self, struct mw_ref alert, struct mw_ref message,
                     uint64_t now_ns)
{
    struct mw_heap *heap = heap_of(self);
    struct mwd_log_event event = {"sink-active", self->name};

    deactivate(self, alert);
    if (!mw_heap_get_word(heap, alert, ALERT_IS_ACTIVE)) {
        if (mw_queue_write(self->active, alert, now_ns, 0) < 0) {
            mwd_log_event(
                self->sinks->options.log, MWD_LOG_WARNING, &event,
                "sink %s: more than %d alerts fire at once; this one is not repeated, and "
                "Alertmanager will take it for resolved",
                self->name, MWD_SINK_ACTIVE_MAX);
            return;
        }
        mw_heap_set_word(heap, alert, ALERT_IS_ACTIVE, 1);
    }
    mw_heap_set(heap, alert, ALERT_ACTIVE, message);
    self->numbers.active++;
}

static void deliver(struct mwd_sink_lane *self, size_t position, uint64_t now_ns)
{
    struct mw_heap *heap = heap_of(self);
    MW_SCOPE(scope, heap);
    struct mw_ref alert = mw_queue_peek(self->queue, position);
    struct mw_ref message = mw_heap_get(heap, alert, 0);
    bool firing = mw_heap_get_word(heap, message, MESSAGE_STATUS) == MWD_SINK_FIRING;

    if (type_of(self) == MWD_TARGET_ALERTMANAGER && firing)
        activate(self, alert, message, now_ns);
    else if (type_of(self) == MWD_TARGET_ALERTMANAGER)
        deactivate(self, alert);
    self->numbers.sent++;
    mwd_sink_lane_release(self, alert, 0, MWD_SINK_DELIVERED);
    mwd_sink_lane_settle(self, position, true, now_ns);
}

static void give_up(struct mwd_sink_lane *self, size_t position, uint64_t now_ns)
{
    struct mwd_log_event event = {"sink-refused", self->name};
    MW_SCOPE(scope, heap_of(self));

    self->numbers.refused++;
    mwd_log_event(self->sinks->options.log, MWD_LOG_ERROR, &event,
                  "sink %s: an alert was refused, and is not tried again: %s", self->name,
                  self->why);
    mwd_sink_lane_release(self, mw_queue_peek(self->queue, position), 0, MWD_SINK_REFUSED);
    mwd_sink_lane_settle(self, position, true, now_ns);
}

/* From the last position to the first: those before one that leaves stay where they are. */
static void finish(struct mwd_sink_lane *self, const struct mwd_wire_answer *answer,
                   uint64_t now_ns)
{
    uint32_t batch = self->batch;

    clear_sent(self);
    self->batch = 0;
    if (answer->outcome == MWD_WIRE_AGAIN) {
        put_off(self, answer->retry_after_ms, now_ns);
        return;
    }
    if (answer->outcome == MWD_WIRE_REFUSED && batch > 1) {
        self->solo = batch;
        return;
    }
    if (answer->outcome == MWD_WIRE_DONE)
        note_success(self);
    while (batch-- > 0)
        if (answer->outcome == MWD_WIRE_DONE)
            deliver(self, self->positions[batch], now_ns);
        else
            give_up(self, self->positions[batch], now_ns);
}

static void log_output(const struct mwd_sink_lane *self, const char *output)
{
    struct mwd_log_event event = {"hook-output", self->name};

    if (output[0])
        mwd_log_event(self->sinks->options.log, MWD_LOG_INFO, &event, "sink %s: the hook says: %s",
                      self->name, output);
}

/* ---- repeating ---- */

/* Alerts from the front of the active queue that still fire and have nothing newer to tell. */
static uint32_t put_repeats(struct mwd_sink_lane *self, struct mwd_buffer *out)
{
    struct mw_heap *heap = heap_of(self);
    uint32_t looked = 0;

    mwd_buffer_puts(out, "[");
    while (looked < MWD_SINK_BATCH && looked < self->repeat_left && out->size < BATCH_BYTES) {
        MW_SCOPE(scope, heap);
        struct mw_ref alert = mw_queue_peek(self->active, looked++);
        struct mw_ref message = mw_heap_get(heap, alert, ALERT_ACTIVE);

        if (!mw_ref_is_none(message) && mw_ref_is_none(mw_heap_get(heap, alert, 0)))
            put_alert(self, message, out);
    }
    mwd_buffer_puts(out, "]");
    return looked;
}

/* Those that were looked at go to the end; what does not fire any more is left out. */
static void rotate(struct mwd_sink_lane *self, uint32_t count, uint64_t now_ns)
{
    struct mw_heap *heap = heap_of(self);

    self->repeat_left -= count;
    for (uint32_t i = 0; i < count; i++) {
        MW_SCOPE(scope, heap);
        struct mw_ref alert = mw_queue_read(self->active, now_ns);

        if (!mw_ref_is_none(mw_heap_get(heap, alert, ALERT_ACTIVE)))
            mw_queue_write(self->active, alert, now_ns, 0);
        else
            mw_heap_set_word(heap, alert, ALERT_IS_ACTIVE, 0);
    }
}

static void send_repeats(struct mwd_sink_lane *self, uint64_t now_ns)
{
    struct mwd_buffer body;

    mwd_buffer_init(&body, REQUEST_MAX);
    self->repeats = true;
    self->batch = put_repeats(self, &body);
    if (body.size <= strlen("[]"))
        rotate(self, self->batch, now_ns);
    else if (post_alerts(self, &body, now_ns) < 0)
        self->next_ns = now_ns + self->sinks->options.retry_first_ms * MW_NS_PER_MS;
    mwd_buffer_deinit(&body);
}

static void finish_repeats(struct mwd_sink_lane *self, const struct mwd_wire_answer *answer,
                           uint64_t now_ns)
{
    clear_sent(self);
    if (answer->outcome == MWD_WIRE_AGAIN) {
        put_off(self, answer->retry_after_ms, now_ns);
        return;
    }
    if (answer->outcome == MWD_WIRE_DONE)
        note_success(self);
    rotate(self, self->batch, now_ns);
}

/* ---- the loop's calls ---- */

void mwd_sink_lane_answered(struct mwd_sink_lane *self, const struct mwd_wire_answer *answer,
                            uint64_t now_ns)
{
    if (answer->outcome != MWD_WIRE_DONE)
        snprintf(self->why, sizeof self->why, "%s", answer->why);
    else if (type_of(self) == MWD_TARGET_EXEC)
        log_output(self, answer->why);
    if (self->repeats)
        finish_repeats(self, answer, now_ns);
    else
        finish(self, answer, now_ns);
}

void mwd_sink_lane_lost(struct mwd_sink_lane *self)
{
    if (self->exchange)
        clear_sent(self);
}

static void tell_journal(struct mwd_sink_lane *self, uint64_t now_ns)
{
    const struct mwd_sink_types *types = &self->sinks->types;
    struct mwd_wire_answer answer = {.outcome = MWD_WIRE_DONE, .why = ""};
    MW_SCOPE(scope, types->heap);
    struct mwd_sink_view view;

    self->repeats = false;
    choose(self, now_ns);
    struct mw_ref message = chosen_message(self, 0);
    mw_heap_raw_enter(types->heap);
    mwd_sink_message_view(types, message, &view);
    int r = mwd_sink_journal_send(self->sinks->options.journal, view.payload, view.payload_size);
    mw_heap_raw_leave(types->heap);
    if (r < 0) {
        answer.outcome = r == -EMSGSIZE ? MWD_WIRE_REFUSED : MWD_WIRE_AGAIN;
        answer.why = strerror(-r);
    }
    mwd_sink_lane_answered(self, &answer, now_ns);
}

static bool is_due(const struct mwd_sink_lane *self, uint64_t now_ns)
{
    return now_ns >= self->next_ns && length_of(self->queue, now_ns) > 0;
}

/* When the child may not start yet, this is not the target's failure. */
static bool child_may_work(const struct mwd_sink_lane *self, uint64_t now_ns)
{
    return mwd_sink_child_due_ns(self->sinks->child) <= now_ns;
}

static void begin_repeats(struct mwd_sink_lane *self, uint64_t now_ns)
{
    if (!self->active || self->repeat_left > 0 || now_ns < self->repeat_ns)
        return;
    self->repeat_left = (uint32_t)length_of(self->active, now_ns);
    self->repeat_ns = now_ns + self->sinks->options.resend_ms * MW_NS_PER_MS;
}

static void start(struct mwd_sink_lane *self, uint64_t now_ns)
{
    if (type_of(self) == MWD_TARGET_JOURNAL) {
        for (int i = 0; i < JOURNAL_BURST && is_due(self, now_ns); i++)
            tell_journal(self, now_ns);
        return;
    }
    begin_repeats(self, now_ns);
    if (!child_may_work(self, now_ns))
        return;
    if (is_due(self, now_ns))
        send_waiting(self, now_ns);
    while (!self->exchange && self->repeat_left > 0 && now_ns >= self->next_ns)
        send_repeats(self, now_ns);
}

static uint64_t earlier(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

static uint64_t next_step_ns(const struct mwd_sink_lane *self, uint64_t now_ns)
{
    uint64_t due_ns = self->next_ns, next_ns = UINT64_MAX;

    if (type_of(self) != MWD_TARGET_JOURNAL && due_ns < mwd_sink_child_due_ns(self->sinks->child))
        due_ns = mwd_sink_child_due_ns(self->sinks->child);
    if (length_of(self->queue, now_ns) > 0)
        next_ns = earlier(due_ns, self->expiry_ns);
    if (self->repeat_left > 0)
        next_ns = earlier(next_ns, due_ns);
    else if (self->active && length_of(self->active, now_ns) > 0)
        next_ns = earlier(next_ns, self->repeat_ns);
    return next_ns;
}

static uint64_t stuck_ns(const struct mwd_sink_lane *self)
{
    return self->sent_ns + (self->sink->settings.s.timeout_ms + LATE_MS) * MW_NS_PER_MS;
}

uint64_t mwd_sink_lane_step(struct mwd_sink_lane *self, uint64_t now_ns)
{
    if (!self->exchange) {
        mwd_sink_lane_thin(self, now_ns);
        mwd_sink_lane_expire(self, now_ns);
        start(self, now_ns);
    }
    if (!self->exchange)
        return next_step_ns(self, now_ns);
    if (now_ns >= stuck_ns(self)) {
        self->sent_ns = now_ns;
        mwd_sink_child_kill(self->sinks->child);
    }
    return stuck_ns(self);
}
