/* Bodies that are kept: rendered once, and shared by everybody who asks the same until what they
 * show has changed. When there is no place left, the oldest answer to a question with words in it
 * makes room; what everybody asks, a path alone, is never pushed out by what somebody asks.
 *
 * But nothing makes room for a question that is asked once: when all places are taken, an answer to
 * somebody is kept only when it was asked for before, within the same sample. So an eviction is one
 * that somebody needed, and a client that walks through all processes pushes nothing out. Of such
 * questions a mark is remembered, not the words: two that share one are taken for the same, which
 * at worst evicts a body too early.
 *
 * They stand in caches on the managed heap, one for each lifetime and for what everybody or
 * somebody asks, so letting go of all that a new sample outdates is clearing two of them. A value
 * is an object that holds what is kept and is charged with its bytes as external memory. It is let
 * go when it leaves its cache; who is still being sent the body keeps that to the end. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Shelves: places in `kept`. */
enum { PARTICULAR = 1, FOREVER = 2 };
/* A key: the route's number, the encoding, the query. */
enum { KEY_GZIP = sizeof(uint32_t), KEY_QUERY };

struct wanted {
    struct mwd_http_route *route;
    const struct mwd_request *request;
    unsigned shelf;
    size_t key_size;
    char key[KEY_QUERY + MWD_HTTP_URI_BYTES + 2 * MWD_PARAMS_MAX];
};

/* An answer that is kept. */
struct kept {
    struct mwd_http_body body;
    bool gzip;
    bool once; /* it is not kept: for one answer, and then to be freed */
    char etag[72];
};

static struct mw_heap *heap_of(const struct mwd_http_server *self)
{
    return mw_store_heap(self->store);
}

/* ---- what stands in the caches ---- */

static void free_kept(void *data)
{
    struct kept *kept = data;

    MHD_destroy_response(kept->body.response);
    free(kept);
}

static void on_evicted(void *context, struct mw_ref value, enum mw_cache_why why)
{
    struct mwd_http_server *self = context;

    (void)why;
    mw_heap_release_external(heap_of(self), value);
}

int mwd_http_bodies_init(struct mwd_http_server *self, struct mw_store *store)
{
    static const struct mw_heap_type_info body = {"RenderedBody", MW_KIND_FIXED, 1, NULL, 0, NULL};
    /* Bytes have their bound elsewhere: all bodies alive, kept or not, share one. */
    const struct mw_cache_config config = {MW_CACHE_FIFO, MWD_HTTP_KEPT_MAX, SIZE_MAX};
    int r;

    self->store = store;
    self->asked_key = mw_hash_key_make(self);
    r = mw_heap_add_type(mw_store_heap(store), &body, &self->kept_type);
    for (unsigned i = 0; r == 0 && i < MWD_HTTP_SHELVES; i++) {
        r = mw_cache_create(store, &config, &self->kept[i]);
        if (r == 0)
            mw_cache_on_evicted(self->kept[i], on_evicted, self);
    }
    return r;
}

void mwd_http_bodies_deinit(struct mwd_http_server *self)
{
    for (unsigned i = 0; i < MWD_HTTP_SHELVES; i++)
        self->kept[i] = mw_cache_destroy(self->kept[i]);
}

void mwd_http_bodies_drop(struct mwd_http_server *self, enum mwd_lifetime lifetime)
{
    unsigned shelf = lifetime == MWD_FOREVER ? FOREVER : 0;

    mw_cache_clear(self->kept[shelf]);
    mw_cache_clear(self->kept[shelf | PARTICULAR]);
    if (self->asked_any)
        memset(self->asked, 0, sizeof self->asked);
    self->asked_any = false;
}

void mwd_http_bodies_stats(const struct mwd_http_server *self, struct mwd_http_kept_stats *ret)
{
    *ret = (struct mwd_http_kept_stats){.limit = MWD_HTTP_KEPT_MAX,
                                        .bytes_limit = self->policy->limits.max_body_bytes};
    for (unsigned i = 0; i < MWD_HTTP_SHELVES; i++) {
        struct mw_cache_numbers numbers;

        mw_cache_get_numbers(self->kept[i], &numbers);
        ret->entries += (uint32_t)numbers.entries;
        ret->bytes += numbers.bytes;
        ret->hits += numbers.hits;
        ret->misses += numbers.misses;
        ret->evictions += numbers.evictions;
    }
}

/* ---- looking ---- */

static void want(const struct mwd_http_server *self, struct mwd_http_route *route,
                 const struct mwd_request *request, struct wanted *ret)
{
    uint32_t number = (uint32_t)(route - self->routes);
    size_t query = mwd_http_query_canonical(route->row->params, request, ret->key + KEY_QUERY);

    ret->route = route;
    ret->request = request;
    ret->shelf = (query > 0 || route->wild ? PARTICULAR : 0) |
                 (route->row->lifetime == MWD_FOREVER ? FOREVER : 0);
    memcpy(ret->key, &number, sizeof number);
    ret->key_size = KEY_QUERY + query;
}

static struct kept *kept_at(const struct mwd_http_server *self, struct mw_ref object)
{
    if (mw_ref_is_none(object))
        return NULL;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): it was put there as one */
    return (struct kept *)(uintptr_t)mw_heap_get_word(heap_of(self), object, 0);
}

static struct kept *find(struct mwd_http_server *self, struct wanted *wanted, bool gzip)
{
    MW_SCOPE(scope, heap_of(self));

    wanted->key[KEY_GZIP] = gzip ? 'z' : 'p';
    return kept_at(self, mw_cache_peek(self->kept[wanted->shelf], wanted->key, wanted->key_size));
}

/* One hit or one miss: a body that only lacks its gzip form is a miss. */
static void count(struct mwd_http_server *self, struct wanted *wanted, bool gzip)
{
    MW_SCOPE(scope, heap_of(self));

    wanted->key[KEY_GZIP] = gzip ? 'z' : 'p';
    mw_cache_get(self->kept[wanted->shelf], wanted->key, wanted->key_size);
}

/* ---- filling ---- */

static bool has_place(const struct mwd_http_server *self)
{
    struct mwd_http_kept_stats stats;

    mwd_http_bodies_stats(self, &stats);
    return stats.entries < MWD_HTTP_KEPT_MAX;
}

/* Drops the oldest particular one when there is no place; false when that is not enough. */
static bool make_place(struct mwd_http_server *self)
{
    return has_place(self) || mw_cache_drop(self->kept[PARTICULAR]) ||
           mw_cache_drop(self->kept[FOREVER | PARTICULAR]);
}

/* Whether it was asked for before, when there was no place for it either; in both encodings. */
static bool was_asked(struct mwd_http_server *self, struct wanted *wanted)
{
    uint64_t hash;
    uint32_t *place, mark;
    bool was;

    wanted->key[KEY_GZIP] = '-';
    hash = mw_hash(&self->asked_key, wanted->key, wanted->key_size);
    place = &self->asked[hash % MWD_HTTP_ASKED_MAX];
    mark = (uint32_t)(hash >> 32) | 1; /* 0 is an empty place */
    was = *place == mark;
    *place = mark;
    self->asked_any = true;
    return was;
}

/* Whether a place is worth having: made, if need be, by pushing another one out. */
static bool deserves_place(struct mwd_http_server *self, struct wanted *wanted)
{
    return !(wanted->shelf & PARTICULAR) || has_place(self) || was_asked(self, wanted);
}

static void add_fields(const struct kept *kept, const struct mwd_http_route *route)
{
    struct MHD_Response *response = kept->body.response;
    bool has_forms = route->forms || route->is_form;

    MHD_add_response_header(response, "ETag", kept->etag);
    MHD_add_response_header(response, "Vary",
                            has_forms ? "Accept, Accept-Encoding" : "Accept-Encoding");
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    if (kept->gzip)
        MHD_add_response_header(response, "Content-Encoding", "gzip");
}

/* Takes the body over, on errors too. */
static int make_kept(struct mwd_http_server *self, const struct mwd_http_route *route,
                     const struct mwd_http_body *body, bool gzip, struct kept **ret)
{
    struct kept *kept = malloc(sizeof *kept);

    if (!kept) {
        MHD_destroy_response(body->response);
        return -ENOMEM;
    }
    *kept = (struct kept){.body = *body, .gzip = gzip};
    snprintf(kept->etag, sizeof kept->etag, "\"%s-%" PRIu64 "-%" PRIu64 "-%s\"", self->boot,
             self->seq, ++self->body_number, gzip ? "gzip" : "plain");
    add_fields(kept, route);
    *ret = kept;
    return 0;
}

/* An object that owns it; none without memory, and then it is gone. */
static struct mw_ref make_object(struct mwd_http_server *self, struct kept *kept)
{
    struct mw_heap *heap = heap_of(self);
    struct mw_ref object = mw_heap_new(heap, self->kept_type);

    if (!mw_ref_is_none(object) &&
        mw_heap_attach_external(heap, object, kept->body.size, free_kept, kept) == 0) {
        mw_heap_set_word(heap, object, 0, (uintptr_t)kept);
        return object;
    }
    free_kept(kept);
    return mw_ref_none();
}

/* Takes the body over, on errors too. */
static int keep(struct mwd_http_server *self, struct wanted *wanted,
                const struct mwd_http_body *body, bool gzip, struct kept **ret)
{
    MW_SCOPE(scope, heap_of(self));
    struct kept *kept;
    struct mw_ref object;
    int r = make_kept(self, wanted->route, body, gzip, &kept);

    if (r < 0)
        return r;
    object = make_object(self, kept);
    if (mw_ref_is_none(object))
        return -ENOMEM;
    wanted->key[KEY_GZIP] = gzip ? 'z' : 'p';
    r = mw_cache_set(self->kept[wanted->shelf], wanted->key, wanted->key_size, object, body->size);
    if (r < 0) {
        mw_heap_release_external(heap_of(self), object);
        return r;
    }
    *ret = kept;
    return 0;
}

static int no_memory(struct mwd_http_server *self, struct mwd_http_problem *problem)
{
    return mwd_http_no_room(self, "the memory for answers (heap.limit) is used up", problem);
}

/* Takes the body over, on errors too. */
static int use_once(struct mwd_http_server *self, const struct wanted *wanted,
                    const struct mwd_http_body *body, bool gzip, struct kept **ret)
{
    int r = make_kept(self, wanted->route, body, gzip, ret);

    if (r == 0)
        (*ret)->once = true;
    return r;
}

static int render_plain(struct mwd_http_server *self, struct wanted *wanted, struct kept **ret,
                        struct mwd_http_problem *problem)
{
    bool deserves = deserves_place(self, wanted);
    struct mwd_http_body body;
    int r;

    if (deserves && !make_place(self))
        return mwd_http_no_room(self, "too many different paths", problem);
    r = mwd_http_body_make(self, wanted->route, wanted->request, &body, problem);
    if (r < 0)
        return r;
    r = deserves ? keep(self, wanted, &body, false, ret)
                 : use_once(self, wanted, &body, false, ret);
    return r < 0 ? no_memory(self, problem) : 0;
}

static int zip(struct mwd_http_server *self, const struct wanted *wanted, const struct kept *plain,
               struct mwd_http_body *ret)
{
    struct mwd_buffer buffer;
    int r = mwd_http_gzip(plain->body.bytes, plain->body.size, mwd_http_body_room(self), &buffer);

    *ret = (struct mwd_http_body){.status = plain->body.status};
    if (r == 0)
        r = mwd_http_body_wrap(self, &buffer, ret);
    mwd_buffer_deinit(&buffer);
    if (r == 0)
        mwd_http_body_describe(ret, wanted->route);
    return r;
}

/* In place of a plain one that is for one answer alone; which it stays without memory. */
static void zip_once(struct mwd_http_server *self, const struct wanted *wanted, struct kept **kept)
{
    struct kept *plain = *kept;
    struct mwd_http_body body;

    if (zip(self, wanted, plain, &body) < 0 || use_once(self, wanted, &body, true, kept) < 0)
        return;
    free_kept(plain);
}

/* Leaves *kept, the plain one, as it is when there is no room for another. It is compressed before
 * a place is made: that may drop the plain one. */
static int keep_gzip(struct mwd_http_server *self, struct wanted *wanted, struct kept **kept,
                     struct mwd_http_problem *problem)
{
    bool deserves = deserves_place(self, wanted);
    struct mwd_http_body body;

    if (zip(self, wanted, *kept, &body) < 0)
        return 0;
    if (!deserves)
        return use_once(self, wanted, &body, true, kept) < 0 ? no_memory(self, problem) : 0;
    if (!make_place(self)) {
        MHD_destroy_response(body.response);
        return 0;
    }
    if (keep(self, wanted, &body, true, kept) == 0)
        return 0;
    *kept = find(self, wanted, false);
    return *kept ? 0 : no_memory(self, problem);
}

static int get(struct mwd_http_server *self, struct wanted *wanted, bool gzip, struct kept **ret,
               struct mwd_http_problem *problem)
{
    bool large;
    int r = 0;

    if (gzip && (*ret = find(self, wanted, true)) != NULL) {
        count(self, wanted, true);
        return 0;
    }
    *ret = find(self, wanted, false);
    large = gzip && (!*ret || (*ret)->body.size >= MWD_HTTP_GZIP_MIN);
    count(self, wanted, large);
    if (!*ret)
        r = render_plain(self, wanted, ret, problem);
    if (r < 0 || !*ret || !gzip || (*ret)->body.size < MWD_HTTP_GZIP_MIN)
        return r;
    if (!(*ret)->once)
        return keep_gzip(self, wanted, ret, problem);
    zip_once(self, wanted, ret);
    return 0;
}

/* ---- answering ---- */

/* A 304 goes out with the body's own response: libmicrohttpd leaves the body away and keeps the
 * fields, Content-Length among them, as RFC 9110 wants it. */
static enum MHD_Result answer_kept(struct mwd_http_connection *self, const struct kept *kept)
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
    enum MHD_Result r;
    struct kept *kept;

    if (route->row->lifetime == MWD_ALWAYS_FRESH)
        return answer_fresh(self, route, request);
    if (route->row->lifetime == MWD_ONCE)
        return mwd_http_answer_download(self, route, request);
    want(self->server, route, request, &wanted);
    if (get(self->server, &wanted, mwd_http_accepts_gzip(self->head.accept_encoding), &kept,
            &problem) < 0)
        return mwd_http_answer_problem(self, &problem);
    r = answer_kept(self, kept);
    if (kept->once)
        free_kept(kept);
    return r;
}
