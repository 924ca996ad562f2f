/* Bodies that are kept: rendered once, and shared by everybody who asks the same until what they
 * show has changed. When the table is full, the oldest answer to a question with words in it makes
 * room; what everybody asks, a path alone, is never pushed out by what somebody asks. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wanted {
    struct mwd_http_route *route;
    const struct mwd_request *request;
    size_t key_size;
    char key[MWD_HTTP_URI_BYTES + 2 * MWD_PARAMS_MAX];
};

static struct mwd_http_kept *find(struct mwd_http_server *self, const struct wanted *wanted,
                                  bool gzip)
{
    for (uint32_t i = 0; i < MWD_HTTP_KEPT_MAX; i++) {
        struct mwd_http_kept *kept = &self->kept[i];

        if (kept->route == wanted->route && kept->gzip == gzip &&
            kept->key_size == wanted->key_size &&
            (!kept->key_size || memcmp(kept->key, wanted->key, kept->key_size) == 0))
            return kept;
    }
    return NULL;
}

static void drop(struct mwd_http_kept *kept)
{
    MHD_destroy_response(kept->body.response);
    free(kept->key);
    *kept = (struct mwd_http_kept){0};
}

static bool is_particular(const struct mwd_http_kept *kept)
{
    return kept->key_size > 0 || kept->route->wild;
}

/* A free place, or that of the oldest particular one, but not of `needed`; NULL when there is none.
 * Who is still being sent a body that goes keeps it to the end. */
static struct mwd_http_kept *find_place(struct mwd_http_server *self,
                                        const struct mwd_http_kept *needed)
{
    struct mwd_http_kept *oldest = NULL;

    for (uint32_t i = 0; i < MWD_HTTP_KEPT_MAX; i++) {
        struct mwd_http_kept *kept = &self->kept[i];

        if (!kept->route)
            return kept;
        if (kept != needed && is_particular(kept) && (!oldest || kept->number < oldest->number))
            oldest = kept;
    }
    if (oldest) {
        drop(oldest);
        self->stats.kept.evictions++;
    }
    return oldest;
}

void mwd_http_bodies_drop(struct mwd_http_server *self, enum mwd_lifetime lifetime)
{
    for (uint32_t i = 0; i < MWD_HTTP_KEPT_MAX; i++)
        if (self->kept[i].route && self->kept[i].route->row->lifetime == lifetime)
            drop(&self->kept[i]);
}

void mwd_http_bodies_stats(const struct mwd_http_server *self, struct mwd_http_kept_stats *ret)
{
    ret->entries = 0;
    ret->bytes = 0;
    for (uint32_t i = 0; i < MWD_HTTP_KEPT_MAX; i++) {
        ret->entries += self->kept[i].route != NULL;
        ret->bytes += self->kept[i].body.size;
    }
    ret->limit = MWD_HTTP_KEPT_MAX;
    ret->bytes_limit = self->policy->limits.max_body_bytes;
}

/* ---- filling ---- */

static void add_fields(const struct mwd_http_kept *kept)
{
    struct MHD_Response *response = kept->body.response;

    MHD_add_response_header(response, "ETag", kept->etag);
    MHD_add_response_header(response, "Vary",
                            kept->route->forms || kept->route->is_form ? "Accept, Accept-Encoding"
                                                                       : "Accept-Encoding");
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    if (kept->gzip)
        MHD_add_response_header(response, "Content-Encoding", "gzip");
}

/* Takes the body over, on errors too. */
static int fill(struct mwd_http_server *self, struct mwd_http_kept *kept,
                const struct wanted *wanted, const struct mwd_http_body *body, bool gzip)
{
    char *key = malloc(wanted->key_size + 1);

    if (!key) {
        MHD_destroy_response(body->response);
        return -ENOMEM;
    }
    memcpy(key, wanted->key, wanted->key_size);
    *kept = (struct mwd_http_kept){.route = wanted->route,
                                   .key = key,
                                   .key_size = wanted->key_size,
                                   .body = *body,
                                   .number = ++self->body_number,
                                   .gzip = gzip};
    snprintf(kept->etag, sizeof kept->etag, "\"%s-%" PRIu64 "-%" PRIu64 "-%s\"", self->boot,
             self->seq, kept->number, gzip ? "gzip" : "plain");
    add_fields(kept);
    return 0;
}

static int keep_plain(struct mwd_http_server *self, const struct wanted *wanted,
                      struct mwd_http_kept **ret, struct mwd_http_problem *problem)
{
    struct mwd_http_body body;
    int r;

    *ret = find_place(self, NULL);
    if (!*ret)
        return mwd_http_no_room(self, "too many different paths", problem);
    r = mwd_http_body_make(self, wanted->route, wanted->request, &body, problem);
    if (r == 0 && fill(self, *ret, wanted, &body, false) < 0)
        r = mwd_http_problem(problem, 500, "the answer could not be made");
    return r;
}

/* Falls back to the plain one when there is no room for another. */
static struct mwd_http_kept *keep_gzip(struct mwd_http_server *self, const struct wanted *wanted,
                                       struct mwd_http_kept *plain)
{
    struct mwd_http_kept *kept = find_place(self, plain);
    struct mwd_http_body body = {.status = plain->body.status};
    struct mwd_buffer buffer;
    int r;

    if (!kept)
        return plain;
    r = mwd_http_gzip(plain->body.bytes, plain->body.size, mwd_http_body_room(self), &buffer);
    if (r == 0)
        r = mwd_http_body_wrap(self, &buffer, &body);
    mwd_buffer_deinit(&buffer);
    if (r < 0)
        return plain;
    mwd_http_body_describe(&body, wanted->route);
    return fill(self, kept, wanted, &body, true) < 0 ? plain : kept;
}

static int get(struct mwd_http_server *self, const struct wanted *wanted, bool gzip,
               struct mwd_http_kept **ret, struct mwd_http_problem *problem)
{
    struct mwd_http_kept *kept = find(self, wanted, gzip);

    bool hit;

    if (!kept && gzip)
        kept = find(self, wanted, false);
    hit = kept != NULL;
    if (!kept) {
        int r = keep_plain(self, wanted, &kept, problem);

        if (r < 0) {
            self->stats.kept.misses++;
            return r;
        }
    }
    if (gzip && !kept->gzip && kept->body.size >= MWD_HTTP_GZIP_MIN) {
        kept = keep_gzip(self, wanted, kept);
        hit = false;
    }
    self->stats.kept.hits += hit;
    self->stats.kept.misses += !hit;
    *ret = kept;
    return 0;
}

/* ---- answering ---- */

/* A 304 goes out with the body's own response: libmicrohttpd leaves the body away and keeps the
 * fields, Content-Length among them, as RFC 9110 wants it. */
static enum MHD_Result answer_kept(struct mwd_http_connection *self,
                                   const struct mwd_http_kept *kept)
{
    const char *tags = self->head.if_none_match;

    if (tags && mwd_http_etag_matches(tags, kept->etag))
        return mwd_http_answer(self, MHD_HTTP_NOT_MODIFIED, kept->body.response);
    return mwd_http_answer(self, kept->body.status, kept->body.response);
}

static enum MHD_Result answer_fresh(struct mwd_http_connection *self,
                                    const struct mwd_http_route *route,
                                    const struct mwd_request *request)
{
    struct mwd_http_problem problem;
    struct mwd_http_body body;
    enum MHD_Result r;

    if (mwd_http_body_make(self->server, route, request, &body, &problem) < 0)
        return mwd_http_answer_problem(self, &problem);
    MHD_add_response_header(body.response, "Cache-Control", "no-store");
    r = mwd_http_answer(self, body.status, body.response);
    MHD_destroy_response(body.response);
    return r;
}

enum MHD_Result mwd_http_answer_body(struct mwd_http_connection *self, struct mwd_http_route *route,
                                     const struct mwd_request *request)
{
    struct wanted wanted;
    struct mwd_http_problem problem;
    struct mwd_http_kept *kept;

    if (route->row->lifetime == MWD_ALWAYS_FRESH)
        return answer_fresh(self, route, request);
    if (route->row->lifetime == MWD_ONCE)
        return mwd_http_answer_download(self, route, request);
    wanted.route = route;
    wanted.request = request;
    wanted.key_size = mwd_http_query_canonical(route->row->params, request, wanted.key);
    if (get(self->server, &wanted, mwd_http_accepts_gzip(self->head.accept_encoding), &kept,
            &problem) < 0)
        return mwd_http_answer_problem(self, &problem);
    return answer_kept(self, kept);
}
