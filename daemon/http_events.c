/* What is told to event streams: one queue for all of them. An event is rendered once, stands in
 * the queue until every stream has taken it or passed over it, and is shared by reference. A stream
 * has its own position in the queue (http_stream.c) and a claim on each event from there on; the
 * oldest one leaves when nobody has a claim on it.
 *
 * A sample outdates the one before it, so of samples only the newest has a text in the queue: a
 * slow reader passes over the others. Alerts keep theirs; none is left out.
 *
 * So a reader that is stuck holds the queue up, which shows: its length and the age of the oldest
 * event grow. When the queue is full, those that are farthest behind are dropped, and counted, to
 * make room: what is new goes before who does not listen. An event for which there is no memory is
 * refused, and counted.
 */
#include "daemon/http_internal.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_BYTES = 64 };

/* Words of an event's object in the queue. */
enum {
    EVENT_TEXT,   /* a struct mwd_http_event; 0: outdated */
    EVENT_ROUTE,  /* whose streams it is for; 0: all */
    EVENT_CLAIMS, /* streams that have yet to come to it */
    EVENT_WORDS,
};

/* ---- rendered events ---- */

struct mwd_http_event *mwd_http_event_unref(struct mwd_http_event *self)
{
    if (self && --self->references == 0) {
        self->server->stats.body_bytes -= self->text.size;
        mwd_buffer_deinit(&self->text);
        free(self);
    }
    return NULL;
}

/* Each line of the data gets its own "data: ". */
static void frame(struct mwd_buffer *out, const char *name, uint64_t seq, const char *data,
                  size_t size)
{
    mwd_buffer_printf(out, "event: %s\nid: %" PRIu64 "\n", name, seq);
    while (size && data[size - 1] == '\n')
        size--;
    while (size) {
        const char *end = memchr(data, '\n', size);
        size_t line = end ? (size_t)(end - data) : size;

        mwd_buffer_puts(out, "data: ");
        mwd_buffer_append(out, data, line);
        mwd_buffer_puts(out, "\n");
        line += end != NULL;
        data += line;
        size -= line;
    }
    mwd_buffer_puts(out, "\n");
}

static struct mwd_http_event *create_event(struct mwd_http_server *server, const char *name,
                                           const struct mwd_buffer *data)
{
    struct mwd_http_event *self = calloc(1, sizeof *self);

    if (!self)
        return NULL;
    self->server = server;
    self->references = 1;
    mwd_buffer_init(&self->text, mwd_http_body_room(server));
    mwd_buffer_reserve(&self->text, data->size + FRAME_BYTES);
    frame(&self->text, name, server->seq, data->bytes, data->size);
    server->stats.body_bytes += self->text.size;
    return self->text.failed ? mwd_http_event_unref(self) : self;
}

int mwd_http_events_render(struct mwd_http_server *self, struct mwd_http_route *route,
                           const struct mwd_request *request, struct mwd_http_problem *problem)
{
    struct mwd_buffer data;
    struct mwd_reply reply = {.body = &data, .status = 200};
    int r;

    mwd_buffer_init(&data, mwd_http_body_room(self));
    r = mwd_http_render(self, route, request, &reply, problem);
    if (r == 0) {
        route->newest = create_event(self, "sample", &data);
        route->newest_at = UINT64_MAX;
        if (!route->newest)
            r = mwd_http_no_room(self, "the memory for answers (max-body-bytes) is used up",
                                 problem);
    }
    mwd_buffer_deinit(&data);
    return r;
}

/* ---- the queue ---- */

static struct mw_heap *heap_of(const struct mwd_http_server *self)
{
    return mw_store_heap(self->store);
}

static uint64_t now_ns(const struct mwd_http_server *self)
{
    return uv_now(self->loop) * MW_NS_PER_MS;
}

int mwd_http_events_init(struct mwd_http_server *self)
{
    static const struct mw_heap_type_info event = {
        "StreamEvent", MW_KIND_FIXED, EVENT_WORDS, NULL, 0, NULL};
    const struct mw_queue_config config = {MWD_HTTP_EVENTS_MAX, MWD_HTTP_EVENTS_MAX * 4 / 5,
                                           MWD_HTTP_EVENTS_MAX / 2};
    int r = mw_heap_add_type(heap_of(self), &event, &self->event_type);

    return r < 0 ? r : mw_queue_create(self->store, &config, &self->events);
}

static uint64_t word(const struct mwd_http_server *self, struct mw_ref object, size_t index)
{
    return mw_heap_get_word(heap_of(self), object, index);
}

static void on_release(void *event)
{
    mwd_http_event_unref(event);
}

static void release_text(struct mwd_http_server *self, struct mw_ref object)
{
    if (word(self, object, EVENT_TEXT) == 0)
        return;
    mw_heap_release_external(heap_of(self), object);
    mw_heap_set_word(heap_of(self), object, EVENT_TEXT, 0);
}

/* With a reference of its own to the event; none without memory. */
static struct mw_ref make_object(struct mwd_http_server *self, const struct mwd_http_route *route,
                                 struct mwd_http_event *event)
{
    struct mw_heap *heap = heap_of(self);
    struct mw_ref object = mw_heap_new(heap, self->event_type);

    if (mw_ref_is_none(object) ||
        mw_heap_attach_external(heap, object, event->text.size, on_release, event) < 0)
        return mw_ref_none();
    event->references++;
    mw_heap_set_word(heap, object, EVENT_TEXT, (uintptr_t)event);
    mw_heap_set_word(heap, object, EVENT_ROUTE, (uintptr_t)route);
    mw_heap_set_word(heap, object, EVENT_CLAIMS, self->event_readers);
    return object;
}

static void clear(struct mwd_http_server *self)
{
    for (uint64_t i = self->events_first; i < self->events_end; i++) {
        MW_SCOPE(scope, heap_of(self));

        release_text(self, mw_queue_peek(self->events, i - self->events_first));
    }
    mw_queue_clear(self->events, now_ns(self));
    self->events_first = self->events_end;
}

void mwd_http_events_deinit(struct mwd_http_server *self)
{
    for (uint32_t i = 0; i < self->route_count; i++)
        self->routes[i].newest = mwd_http_event_unref(self->routes[i].newest);
    if (self->events)
        clear(self);
    self->events = mw_queue_destroy(self->events);
}

/* Lets go of those that nobody has a claim on. */
static void drain(struct mwd_http_server *self)
{
    while (self->events_first < self->events_end) {
        MW_SCOPE(scope, heap_of(self));
        struct mw_ref oldest = mw_queue_peek(self->events, 0);

        if (word(self, oldest, EVENT_CLAIMS) > 0)
            return;
        release_text(self, mw_queue_read(self->events, now_ns(self)));
        self->events_first++;
    }
}

/* ---- readers ---- */

static bool is_for(const struct mwd_http_server *self, struct mw_ref object,
                   const struct mwd_http_route *route)
{
    uint64_t wanted = word(self, object, EVENT_ROUTE);

    return wanted == 0 || wanted == (uintptr_t)route;
}

/* Goes on by one, and gives the claim up. The event, or NULL when it is not for this reader. */
static struct mwd_http_event *pass(struct mwd_http_server *self, const struct mwd_http_route *route,
                                   uint64_t position)
{
    MW_SCOPE(scope, heap_of(self));
    struct mw_ref object = mw_queue_peek(self->events, position - self->events_first);

    mw_heap_set_word(heap_of(self), object, EVENT_CLAIMS, word(self, object, EVENT_CLAIMS) - 1);
    if (!is_for(self, object, route))
        return NULL;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): it was put there as one */
    return (struct mwd_http_event *)(uintptr_t)word(self, object, EVENT_TEXT);
}

struct mwd_http_event *mwd_http_events_next(struct mwd_http_server *self,
                                            const struct mwd_http_route *route, uint64_t *position)
{
    struct mwd_http_event *event = NULL;

    while (!event && *position < self->events_end)
        event = pass(self, route, (*position)++);
    if (event)
        event->references++;
    drain(self);
    return event;
}

uint64_t mwd_http_events_join(struct mwd_http_server *self)
{
    self->event_readers++;
    return self->events_end;
}

void mwd_http_events_leave(struct mwd_http_server *self, uint64_t position)
{
    self->event_readers--;
    while (position < self->events_end)
        pass(self, NULL, position++);
    if (self->event_readers > 0)
        drain(self);
    else if (self->events_first < self->events_end)
        clear(self);
}

/* ---- telling ---- */

/* Those that the oldest event waits for. */
static void drop_slowest(struct mwd_http_server *self)
{
    uint64_t oldest = self->events_first;

    for (struct mwd_http_stream *s = self->streams; s; s = s->next)
        if (!s->dropped && s->position == oldest)
            mwd_http_stream_drop(s);
}

static void put_event(struct mwd_http_server *self, const struct mwd_http_route *route,
                      struct mwd_http_event *event)
{
    MW_SCOPE(scope, heap_of(self));
    struct mw_ref object = make_object(self, route, event);
    uint64_t now = now_ns(self);

    if (mw_ref_is_none(object)) {
        self->events_unmade++;
        return;
    }
    if (mw_queue_write(self->events, object, now, now) < 0) { /* full, and that is counted */
        drop_slowest(self);
        mw_heap_set_word(heap_of(self), object, EVENT_CLAIMS, self->event_readers);
        if (self->event_readers == 0 || mw_queue_write(self->events, object, now, now) < 0) {
            release_text(self, object);
            return;
        }
    }
    self->events_end++;
}

/* The one of the last sample stays in the queue, without its text. */
static void outdate(struct mwd_http_server *self, struct mwd_http_route *route)
{
    MW_SCOPE(scope, heap_of(self));

    if (route->newest_at >= self->events_first && route->newest_at < self->events_end)
        release_text(self, mw_queue_peek(self->events, route->newest_at - self->events_first));
    route->newest = mwd_http_event_unref(route->newest);
}

static void publish_route(struct mwd_http_server *self, struct mwd_http_route *route)
{
    const struct mwd_request nothing = {0};
    struct mwd_http_problem problem;
    uint64_t at = self->events_end;

    if (route->newest)
        outdate(self, route);
    if (!route->streams || !self->event_readers)
        return;
    if (mwd_http_events_render(self, route, &nothing, &problem) < 0) {
        self->events_unmade++; /* streams wait for the next */
        return;
    }
    put_event(self, route, route->newest);
    if (self->events_end > at)
        route->newest_at = at;
}

void mwd_http_events_publish(struct mwd_http_server *self)
{
    for (uint32_t i = 0; i < self->route_count; i++)
        publish_route(self, &self->routes[i]);
    mwd_http_streams_wake(self);
}

void mwd_http_server_tell(struct mwd_http_server *self, const char *name,
                          const struct mwd_buffer *data)
{
    struct mwd_http_event *event;

    if (!self->event_readers)
        return;
    event = create_event(self, name, data);
    if (!event) {
        self->events_unmade++;
        return;
    }
    put_event(self, NULL, event);
    mwd_http_event_unref(event);
    mwd_http_streams_wake(self);
}

/* ---- numbers ---- */

void mwd_http_events_stats(const struct mwd_http_server *self, struct mwd_http_event_stats *ret)
{
    struct mw_queue_numbers numbers;

    mw_queue_get_numbers(self->events, now_ns(self), &numbers);
    *ret = (struct mwd_http_event_stats){
        .waiting = numbers.length,
        .room = numbers.capacity,
        .oldest_age_ms = numbers.oldest_age_ns / MW_NS_PER_MS,
        .offered = numbers.enqueued,
        .passed = numbers.dequeued,
        .refused = numbers.refused + self->events_unmade,
        .left = numbers.cleared,
    };
}
