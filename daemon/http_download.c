/* Downloads: bodies that are read from a descriptor while they are sent, of a length that nobody
 * knows before.
 *
 * Nothing is kept here. libmicrohttpd asks for bytes when the client has taken those before, so a
 * slow client leaves the pipe full, and who writes into it waits. When the pipe is empty the
 * connection is suspended and the loop waits for the pipe.
 *
 * The end of the pipe is not the end of the answer: when the source says that something is missing,
 * the connection is cut before the last chunk, and no client takes half for the whole.
 */
#include "daemon/http_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64 * 1024, DISPOSITION_BYTES = 128 };

struct mwd_http_download {
    struct mwd_http_download *prev, *next;
    struct mwd_http_server *server;
    struct mwd_http_connection *connection;
    struct mwd_download source;
    uv_poll_t poll;
    bool suspended;
};

/* ---- bytes ---- */

static void resume(struct mwd_http_download *self)
{
    if (!self->suspended)
        return;
    self->suspended = false;
    uv_poll_stop(&self->poll);
    MHD_resume_connection(self->connection->mhd);
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
    struct mwd_http_download *self = handle->data;

    (void)status; /* an error shows when it is read */
    (void)events;
    resume(self);
    mwd_http_turn(self->server);
}

static ssize_t wait_for_more(struct mwd_http_download *self)
{
    if (uv_poll_start(&self->poll, UV_READABLE | UV_DISCONNECT, on_ready) < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    self->suspended = true;
    MHD_suspend_connection(self->connection->mhd);
    return 0;
}

/* The content reader: fills `to`, or says why not. */
static ssize_t on_read(void *context, uint64_t position, char *to, size_t room)
{
    struct mwd_http_download *self = context;
    ssize_t size;

    (void)position;
    if (self->server->closing || self->connection->phase == MWD_HTTP_ENDING)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    do
        size = read(self->source.fd, to, room);
    while (size < 0 && errno == EINTR);
    if (size > 0)
        return size;
    if (size < 0)
        return errno == EAGAIN ? wait_for_more(self) : MHD_CONTENT_READER_END_WITH_ERROR;
    return self->source.verdict(self->source.context) == 0 ? MHD_CONTENT_READER_END_OF_STREAM
                                                           : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* ---- life ---- */

static void finish_source(const struct mwd_download *source)
{
    close(source->fd);
    source->done(source->context);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct mwd_http_download *self = handle->data;
    struct mwd_http_server *server = self->server;

    free(self);
    mwd_http_handle_closed(server);
}

/* libmicrohttpd's farewell, whatever ended the answer. */
static void on_free(void *context)
{
    struct mwd_http_download *self = context;

    if (self->prev)
        self->prev->next = self->next;
    else
        self->server->downloads = self->next;
    if (self->next)
        self->next->prev = self->prev;
    uv_close((uv_handle_t *)&self->poll, on_poll_closed);
    finish_source(&self->source);
}

/* Takes the source over; NULL: it is finished. */
static struct mwd_http_download *create(struct mwd_http_connection *connection,
                                        const struct mwd_download *source)
{
    struct mwd_http_download *self = calloc(1, sizeof *self);
    struct mwd_http_server *server = connection->server;

    if (!self || uv_poll_init(server->loop, &self->poll, source->fd) < 0) {
        free(self);
        finish_source(source);
        return NULL;
    }
    self->server = server;
    self->connection = connection;
    self->source = *source;
    self->poll.data = self;
    self->next = server->downloads;
    if (self->next)
        self->next->prev = self;
    server->downloads = self;
    server->handles++;
    return self;
}

/* ---- answering ---- */

static struct MHD_Response *respond(struct mwd_http_connection *connection,
                                    const struct mwd_http_route *route,
                                    const struct mwd_download *source)
{
    char disposition[DISPOSITION_BYTES];
    struct mwd_http_download *self = create(connection, source);

    if (!self)
        return NULL;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, self, on_free);
    if (!response) {
        on_free(self);
        return NULL;
    }
    snprintf(disposition, sizeof disposition, "attachment; filename=\"%s\"", source->name);
    MHD_add_response_header(response, "Content-Type", route->row->media_type);
    MHD_add_response_header(response, "Content-Disposition", disposition);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    return response;
}

enum MHD_Result mwd_http_answer_download(struct mwd_http_connection *self,
                                         struct mwd_http_route *route,
                                         const struct mwd_request *request)
{
    struct mwd_http_problem problem;
    struct mwd_buffer nothing;
    struct mwd_reply reply = {.body = &nothing, .status = 200};

    mwd_buffer_init(&nothing, 0);
    if (mwd_http_render(self->server, route, request, &reply, &problem) < 0)
        return mwd_http_answer_problem(self, &problem);
    struct MHD_Response *response = respond(self, route, &reply.download);
    enum MHD_Result r = mwd_http_answer(self, reply.status, response);
    if (response)
        MHD_destroy_response(response);
    return r;
}

/* ---- waking ---- */

void mwd_http_downloads_wake(struct mwd_http_server *self, bool all)
{
    for (struct mwd_http_download *d = self->downloads; d; d = d->next)
        if (all || d->connection->phase == MWD_HTTP_ENDING)
            resume(d);
}
