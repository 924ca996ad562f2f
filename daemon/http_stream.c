/* Event streams: connections that are sent what stands in the queue of events (http_events.c), each
 * from its own position on. A new one begins with the newest sample. A stream holds at most the
 * event that it is sending.
 *
 * A stream with nothing to send is suspended: a content reader that returned 0 without that would
 * be asked again at once, for ever. A suspended connection is out of epoll, so a client's death
 * shows only when something is written to it: hence the heartbeat.
 *
 * Who does not read is dropped: when nothing could be handed over for as long as an answer may
 * take, or when the queue needs the room.
 */
#include "daemon/http_internal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1024 };

static const char heartbeat[] = ":\n\n";

/* ---- death ---- */

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
    self->connection->stream = NULL;
    if (!self->dropped)
        mwd_http_events_leave(server, self->position);
    mwd_http_event_unref(self->sending);
    free(self);
}

void mwd_http_stream_drop(struct mwd_http_stream *self)
{
    struct mwd_http_server *server = self->connection->server;

    self->dropped = true;
    server->stats.streams_dropped++;
    mwd_http_events_leave(server, self->position);
    mwd_http_connection_cut(self->connection);
}

/* ---- reading ---- */

static size_t copy_some(struct mwd_http_stream *self, char *to, size_t room)
{
    const struct mwd_buffer *text = &self->sending->text;
    size_t size = text->size - self->sent;

    if (size > room)
        size = room;
    memcpy(to, text->bytes + self->sent, size);
    self->sent += size;
    if (self->sent == text->size)
        self->sending = mwd_http_event_unref(self->sending);
    return size;
}

static bool has_more(const struct mwd_http_stream *self)
{
    return self->position < self->connection->server->events_end;
}

static void take_next(struct mwd_http_stream *self)
{
    self->sending = mwd_http_events_next(self->connection->server, self->route, &self->position);
    self->sent = 0;
}

/* The content reader: fills `to`, or says why not. */
static ssize_t on_read(void *context, uint64_t position, char *to, size_t room)
{
    struct mwd_http_stream *self = context;
    struct mwd_http_server *server = self->connection->server;

    (void)position;
    self->written_ms = uv_now(server->loop);
    if (self->dropped)
        return MHD_CONTENT_READER_END_WITH_ERROR;
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

/* ---- birth ---- */

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
    self->sending = route->newest;
    self->sending->references++;
    self->position = mwd_http_events_join(server);
    self->next = server->streams;
    if (self->next)
        self->next->prev = self;
    server->streams = self;
    server->stats.streams++;
    route->streams++;
    connection->stream = self;
    return self;
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
    else if (route->newest || mwd_http_events_render(server, route, request, &problem) == 0)
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
void mwd_http_streams_wake(struct mwd_http_server *self)
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
        mwd_http_stream_drop(self);
    }
}

void mwd_http_streams_sweep(struct mwd_http_server *self)
{
    uint64_t now_ms = uv_now(self->loop);

    for (struct mwd_http_stream *s = self->streams; s; s = s->next)
        sweep_stream(s, now_ms);
}
