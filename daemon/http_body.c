/* Bodies alive. libmicrohttpd counts the readers of a response and calls back when the last one is
 * gone, so a body outlives the table that kept it for as long as a slow reader takes. All of them,
 * kept or not, are charged against one bound.
 *
 * The first touch of memory is what a large body costs most: ten times as much as writing the
 * numbers of an hour. So the bytes of the last large one that went are spare for the next, which is
 * rendered into them, and given back when none has come for a while. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    FRESH_RESERVE = 64 * 1024,
    SPARE_MIN = 32 * 1024,
    SPARE_MAX = 1024 * 1024,
    SPARE_PUBLISHES = 60 /* that it outlives without use */
};

struct body {
    struct mwd_http_server *server;
    char *bytes;
    size_t capacity; /* at least its size; charged */
};

/* ---- spare bytes ---- */

static void put_spare(struct mwd_http_server *self, char *bytes, size_t capacity)
{
    struct mwd_http_spare *spare = &self->spare;

    if (self->closing || capacity < SPARE_MIN || capacity > SPARE_MAX ||
        capacity <= spare->capacity) {
        free(bytes);
        return;
    }
    free(spare->bytes);
    *spare = (struct mwd_http_spare){bytes, capacity, 0};
}

static void begin_with_spare(struct mwd_http_server *self, struct mwd_buffer *buffer)
{
    struct mwd_http_spare *spare = &self->spare;

    buffer->bytes = spare->bytes;
    buffer->capacity = spare->capacity < buffer->limit ? spare->capacity : buffer->limit;
    *spare = (struct mwd_http_spare){0};
}

void mwd_http_spare_drop(struct mwd_http_server *self)
{
    free(self->spare.bytes);
    self->spare = (struct mwd_http_spare){0};
}

void mwd_http_spare_age(struct mwd_http_server *self)
{
    if (self->spare.bytes && ++self->spare.age > SPARE_PUBLISHES)
        mwd_http_spare_drop(self);
}

static void free_body(void *context)
{
    struct body *self = context;

    self->server->stats.body_bytes -= self->capacity;
    put_spare(self->server, self->bytes, self->capacity);
    free(self);
}

static uint64_t room_under(const struct mwd_http_server *self, uint64_t limit)
{
    return limit > self->stats.body_bytes ? limit - self->stats.body_bytes : 0;
}

uint64_t mwd_http_body_room(const struct mwd_http_server *self)
{
    return room_under(self, self->policy->limits.max_body_bytes);
}

/* Slow readers must not make the daemon look dead: what is always fresh is small, and has a
 * reserve. */
static uint64_t room_for(const struct mwd_http_server *self, const struct mwd_route *route)
{
    uint64_t reserve = route->lifetime == MWD_ALWAYS_FRESH ? FRESH_RESERVE : 0;

    return room_under(self, self->policy->limits.max_body_bytes + reserve);
}

/* A body that fills little of a large buffer leaves it to the next one. */
static int fit(struct mwd_http_server *self, struct mwd_buffer *buffer)
{
    bool never_spare = buffer->capacity < SPARE_MIN || buffer->capacity > SPARE_MAX;
    size_t room = buffer->size + 1; /* as buffers have it */
    char *bytes;

    if (!never_spare && buffer->size > buffer->capacity / 2)
        return 0;
    if (never_spare) {
        bytes = realloc(buffer->bytes, room);
    } else {
        bytes = malloc(room);
        if (bytes) {
            memcpy(bytes, buffer->bytes, buffer->size);
            put_spare(self, buffer->bytes, buffer->capacity);
        }
    }
    if (!bytes)
        return -ENOMEM;
    buffer->bytes = bytes;
    buffer->capacity = buffer->size;
    return 0;
}

int mwd_http_body_wrap(struct mwd_http_server *self, struct mwd_buffer *buffer,
                       struct mwd_http_body *ret)
{
    struct body *body = malloc(sizeof *body);

    if (!body || fit(self, buffer) < 0) {
        free(body);
        return -ENOMEM;
    }
    *body = (struct body){self, buffer->bytes, buffer->capacity};
    ret->bytes = body->bytes;
    ret->size = buffer->size;
    ret->response = MHD_create_response_from_buffer_with_free_callback_cls(ret->size, body->bytes,
                                                                           free_body, body);
    if (!ret->response) {
        free(body);
        return -ENOMEM;
    }
    self->stats.body_bytes += body->capacity;
    *buffer = (struct mwd_buffer){0};
    return 0;
}

void mwd_http_body_describe(const struct mwd_http_body *self, const struct mwd_http_route *route)
{
    if (route->row->media_type)
        MHD_add_response_header(self->response, "Content-Type", route->row->media_type);
    MHD_add_response_header(self->response, "X-Content-Type-Options", "nosniff");
}

/* ---- rendering ---- */

int mwd_http_no_room(struct mwd_http_server *self, const char *what,
                     struct mwd_http_problem *problem)
{
    self->stats.rejections++;
    mwd_http_problem(problem, 503, "%s", what);
    problem->retry_after_s = 1;
    return -EPROTO;
}

static int failed(struct mwd_http_server *self, const struct mwd_http_route *route, int r,
                  struct mwd_http_problem *problem)
{
    mwd_log_event(self->log, MWD_LOG_ERROR,
                  &(struct mwd_log_event){"answer-failed", route->row->path},
                  "%s %s: the answer could not be made: %s; the client was told 500",
                  route->row->method, route->row->path, strerror(-r));
    return mwd_http_problem(problem, 500, "the answer could not be made");
}

int mwd_http_render(struct mwd_http_server *self, const struct mwd_http_route *route,
                    const struct mwd_request *request, struct mwd_reply *reply,
                    struct mwd_http_problem *problem)
{
    int r = route->row->render(self->context, request, reply);

    if (r == 0)
        r = reply->body->failed;
    if (r == -EFBIG)
        return mwd_http_no_room(self, "the memory for answers (max-body-bytes) is used up",
                                problem);
    if (r < 0)
        return failed(self, route, r, problem);
    if (reply->status < 400)
        return 0;
    mwd_http_problem(problem, reply->status, "%s", reply->detail ? reply->detail : "");
    problem->text = reply->detail; /* the route's, which outlives the answer's making */
    problem->retry_after_s = reply->retry_after_s;
    return -EPROTO;
}

int mwd_http_body_make(struct mwd_http_server *self, const struct mwd_http_route *route,
                       const struct mwd_request *request, struct mwd_http_body *ret,
                       struct mwd_http_problem *problem)
{
    struct mwd_buffer buffer;
    struct mwd_reply reply = {.body = &buffer, .status = route->row->media_type ? 200 : 204};
    int r;

    mwd_buffer_init(&buffer, room_for(self, route->row));
    begin_with_spare(self, &buffer);
    r = mwd_http_render(self, route, request, &reply, problem);
    if (r == 0 && mwd_http_body_wrap(self, &buffer, ret) < 0)
        r = failed(self, route, -ENOMEM, problem);
    mwd_buffer_deinit(&buffer);
    if (r < 0)
        return r;
    ret->status = reply.status;
    mwd_http_body_describe(ret, route);
    return 0;
}
