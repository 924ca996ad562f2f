/* Server-Sent Events. An event is rendered once for a publish, if anybody listens, and shared by
 * reference. A stream holds at most the event that it is sending; when it is done it goes on with
 * the newest, so a slow reader misses events instead of collecting them.
 *
 * What is told is not to be missed: alerts. The last ones are kept for all streams together, and
 * each stream sends those that came since it was opened, in order, before it goes on with samples.
 * One that is behind by more than are kept loses the oldest, and that is counted.
 *
 * A stream with nothing to send is suspended: a content reader that returned 0 without that would
 * be asked again at once, for ever. A suspended connection is out of epoll, so a client's death
 * shows only when something is written to it: hence the heartbeat.
 */
#include "daemon/http_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1024, FRAME_BYTES = 64, PLACES = 2 /* a stream has, for events */ };

static const char heartbeat[] = ":\n\n";

struct mwd_http_event {
    struct mwd_http_server *server;
    uint32_t references;
    uint64_t number; /* tells it from those before */
    uint64_t made_ms;
    struct mwd_buffer text;
};

struct mwd_http_stream {
    struct mwd_http_stream *prev, *next;
    struct mwd_http_connection *connection;
    struct mwd_http_route *route;
    struct mwd_http_event *sending;
    size_t sent;         /* of it */
    uint64_t last;       /* number of the event sent before */
    uint64_t told;       /* how many of server->told_count it has sent, or lost */
    uint64_t written_ms; /* when something was last handed over */
    bool suspended, beat;
};

/* ---- events ---- */

static struct mwd_http_event *unref(struct mwd_http_event *self)
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
    self->number = ++server->body_number;
    self->made_ms = uv_now(server->loop);
    mwd_buffer_init(&self->text, mwd_http_body_room(server));
    mwd_buffer_reserve(&self->text, data->size + FRAME_BYTES);
    frame(&self->text, name, server->seq, data->bytes, data->size);
    server->stats.body_bytes += self->text.size;
    return self->text.failed ? unref(self) : self;
}

static int render(struct mwd_http_server *self, struct mwd_http_route *route,
                  const struct mwd_request *request, struct mwd_http_problem *problem)
{
    struct mwd_buffer data;
    struct mwd_reply reply = {.body = &data, .status = 200};
    int r;

    mwd_buffer_init(&data, mwd_http_body_room(self));
    r = mwd_http_render(self, route, request, &reply, problem);
    if (r == 0) {
        route->newest = create_event(self, "sample", &data);
        if (!route->newest)
            r = mwd_http_no_room(self, "the memory for answers (max-body-bytes) is used up",
                                 problem);
    }
    mwd_buffer_deinit(&data);
    return r;
}

static bool is_behind(const struct mwd_http_stream *self)
{
    return self->route->newest && self->route->newest->number != self->last;
}

static void count_replaced(struct mwd_http_server *self)
{
    for (const struct mwd_http_stream *s = self->streams; s; s = s->next)
        self->stats.events.replaced += is_behind(s);
}

void mwd_http_events_publish(struct mwd_http_server *self)
{
    const struct mwd_request nothing = {0};
    struct mwd_http_problem problem;

    count_replaced(self);
    for (uint32_t i = 0; i < self->route_count; i++) {
        struct mwd_http_route *route = &self->routes[i];

        route->newest = unref(route->newest);
        if (route->streams && /* on errors streams wait for the next */
            render(self, route, &nothing, &problem) == 0)
            self->stats.events.offered += route->streams;
    }
    mwd_http_events_wake(self);
}

/* ---- what is told ---- */

/* Those that this stream has yet to send; at most what is kept. */
static uint64_t untold(const struct mwd_http_stream *self)
{
    return self->connection->server->told_count - self->told;
}

static struct mwd_http_event **told_place(struct mwd_http_server *self, uint64_t number)
{
    return &self->told[number % MWD_HTTP_TOLD_MAX];
}

/* The one that makes room is lost to streams that have not come to it. */
static void lose_oldest(struct mwd_http_server *self)
{
    for (struct mwd_http_stream *s = self->streams; s; s = s->next)
        if (untold(s) == MWD_HTTP_TOLD_MAX) {
            s->told++;
            self->stats.events.replaced++;
        }
}

void mwd_http_server_tell(struct mwd_http_server *self, const char *name,
                          const struct mwd_buffer *data)
{
    struct mwd_http_event **place = told_place(self, self->told_count);
    struct mwd_http_event *event = self->streams ? create_event(self, name, data) : NULL;

    self->stats.events.offered += self->stats.streams;
    if (!event) { /* nobody listens, or there is no memory for it */
        self->stats.events.replaced += self->stats.streams;
        return;
    }
    lose_oldest(self);
    unref(*place);
    *place = event;
    self->told_count++;
    mwd_http_events_wake(self);
}

void mwd_http_events_deinit(struct mwd_http_server *self)
{
    for (uint32_t i = 0; i < MWD_HTTP_TOLD_MAX; i++)
        self->told[i] = unref(self->told[i]);
    for (uint32_t i = 0; i < self->route_count; i++)
        self->routes[i].newest = unref(self->routes[i].newest);
}

/* ---- streams ---- */

static void destroy_stream(void *context)
{
    struct mwd_http_stream *self = context;
    struct mwd_http_server *server = self->connection->server;

    if (self->prev)
        self->prev->next = self->next;
    else
        server->streams = self->next;
    if (self->next)
        self->next->prev = self->prev;
    self->route->streams--;
    server->stats.streams--;
    server->stats.events.left += self->sending != NULL;
    server->stats.events.left += is_behind(self);
    server->stats.events.left += untold(self);
    self->connection->stream = NULL;
    unref(self->sending);
    free(self);
}

static size_t copy_some(struct mwd_http_stream *self, char *to, size_t room)
{
    const struct mwd_buffer *text = &self->sending->text;
    size_t size = text->size - self->sent;

    if (size > room)
        size = room;
    memcpy(to, text->bytes + self->sent, size);
    self->sent += size;
    if (self->sent == text->size) {
        self->sending = unref(self->sending);
        self->connection->server->stats.events.sent++;
    }
    return size;
}

static void take(struct mwd_http_stream *self, struct mwd_http_event *event)
{
    self->sending = event;
    self->sending->references++;
    self->sent = 0;
}

static bool has_more(const struct mwd_http_stream *self)
{
    return untold(self) > 0 || is_behind(self);
}

static void take_next(struct mwd_http_stream *self)
{
    struct mwd_http_server *server = self->connection->server;

    if (untold(self) > 0) {
        take(self, *told_place(server, self->told++));
        return;
    }
    take(self, self->route->newest);
    self->last = self->sending->number;
}

/* The content reader: fills `to`, or says why not. */
static ssize_t on_read(void *context, uint64_t position, char *to, size_t room)
{
    struct mwd_http_stream *self = context;
    struct mwd_http_server *server = self->connection->server;

    (void)position;
    self->written_ms = uv_now(server->loop);
    if (!self->sending && server->closing)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (!self->sending && has_more(self))
        take_next(self);
    if (self->sending) {
        self->beat = false;
        return (ssize_t)copy_some(self, to, room);
    }
    if (self->beat && room >= sizeof heartbeat - 1) {
        self->beat = false;
        memcpy(to, heartbeat, sizeof heartbeat - 1);
        return sizeof heartbeat - 1;
    }
    self->suspended = true;
    MHD_suspend_connection(self->connection->mhd);
    return 0;
}

static struct mwd_http_stream *create_stream(struct mwd_http_connection *connection,
                                             struct mwd_http_route *route)
{
    struct mwd_http_stream *self = calloc(1, sizeof *self);
    struct mwd_http_server *server = connection->server;

    if (!self)
        return NULL;
    self->connection = connection;
    self->route = route;
    self->written_ms = uv_now(server->loop);
    self->told = server->told_count;
    self->next = server->streams;
    if (self->next)
        self->next->prev = self;
    server->streams = self;
    server->stats.streams++;
    route->streams++;
    server->stats.events.offered += is_behind(self);
    connection->stream = self;
    return self;
}

/* ---- numbers ---- */

static void count_waiting(const struct mwd_http_event *event, uint64_t now_ms,
                          struct mwd_http_event_stats *ret)
{
    uint64_t age_ms = now_ms - event->made_ms;

    ret->waiting++;
    if (age_ms > ret->oldest_age_ms)
        ret->oldest_age_ms = age_ms;
}

void mwd_http_events_stats(const struct mwd_http_server *self, struct mwd_http_event_stats *ret)
{
    uint64_t now_ms = uv_now(self->loop);
    uint32_t streams = self->policy->limits.max_streams;

    ret->waiting = ret->oldest_age_ms = 0;
    for (const struct mwd_http_stream *s = self->streams; s; s = s->next) {
        if (s->sending)
            count_waiting(s->sending, now_ms, ret);
        if (is_behind(s))
            count_waiting(s->route->newest, now_ms, ret);
        for (uint64_t i = s->told; i < self->told_count; i++)
            count_waiting(self->told[i % MWD_HTTP_TOLD_MAX], now_ms, ret);
    }
    if (streams < self->stats.streams) /* a reload has lowered it */
        streams = self->stats.streams;
    ret->room = (PLACES + MWD_HTTP_TOLD_MAX) * (uint64_t)streams;
}

/* ---- answering ---- */

static struct MHD_Response *respond(struct mwd_http_connection *connection,
                                    struct mwd_http_route *route)
{
    struct mwd_http_stream *stream = create_stream(connection, route);
    struct MHD_Response *response = NULL;

    if (stream)
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, stream,
                                                     destroy_stream);
    if (stream && !response)
        destroy_stream(stream);
    return response;
}

static enum MHD_Result send_response(struct mwd_http_connection *self,
                                     const struct mwd_http_route *route,
                                     struct MHD_Response *response)
{
    enum MHD_Result r;

    if (response) {
        MHD_add_response_header(response, "Content-Type", route->row->media_type);
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
        MHD_add_response_header(response, "Cache-Control", "no-store");
    }
    r = mwd_http_answer(self, MHD_HTTP_OK, response);
    if (self->stream)
        mwd_http_connection_enter(self, MWD_HTTP_STREAMING);
    if (response)
        MHD_destroy_response(response);
    return r;
}

enum MHD_Result mwd_http_answer_stream(struct mwd_http_connection *self,
                                       struct mwd_http_route *route,
                                       const struct mwd_request *request, bool head_only)
{
    struct mwd_http_server *server = self->server;
    struct mwd_http_problem problem;

    /* libmicrohttpd would end the answer to HEAD with a last chunk, which the client takes for the
     * beginning of the next answer. */
    if (head_only)
        return send_response(
            self, route,
            MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT));
    if (server->stats.streams >= server->policy->limits.max_streams)
        mwd_http_no_room(server, "as many event streams are open as max-streams allows", &problem);
    else if (route->newest || render(server, route, request, &problem) == 0)
        return send_response(self, route, respond(self, route));
    return mwd_http_answer_problem(self, &problem);
}

/* ---- waking ---- */

static void resume(struct mwd_http_stream *self)
{
    if (!self->suspended)
        return;
    self->suspended = false;
    self->written_ms = uv_now(self->connection->server->loop);
    MHD_resume_connection(self->connection->mhd);
}

/* Resuming does nothing visible until the next MHD_run(). */
void mwd_http_events_wake(struct mwd_http_server *self)
{
    for (struct mwd_http_stream *s = self->streams; s; s = s->next)
        if (self->closing || has_more(s))
            resume(s);
    if (self->streams)
        mwd_http_turn(self);
}

static void sweep_stream(struct mwd_http_stream *self, uint64_t now_ms)
{
    struct mwd_http_connection *connection = self->connection;
    struct mwd_http_server *server = connection->server;
    uint64_t silent_ms = now_ms - self->written_ms;

    if (self->suspended && silent_ms >= MWD_HTTP_HEARTBEAT_MS) {
        self->beat = true;
        resume(self);
    } else if (!self->suspended && connection->phase == MWD_HTTP_STREAMING &&
               silent_ms >= server->policy->limits.response_timeout_ns / MW_NS_PER_MS) {
        mwd_http_connection_cut(connection);
    }
}

void mwd_http_events_sweep(struct mwd_http_server *self)
{
    uint64_t now_ms = uv_now(self->loop);

    for (struct mwd_http_stream *s = self->streams; s; s = s->next)
        sweep_stream(s, now_ms);
}
