/* From bytes that libmicrohttpd has parsed to the part that answers.
 *
 * The handler is called with the head, with each piece of a body, and at the end. What is answered
 * at the first call ends the connection (libmicrohttpd discards what follows), so only requests
 * after which a connection cannot go on are refused there, and bodies that nobody will want; all
 * else is answered at the last.
 */
#include "daemon/http_internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- before the handler ---- */

/* libmicrohttpd takes the query apart in place right after this, so it is copied: ours must tell
 * bad coding and repeated words from good ones. Then it is cut off in libmicrohttpd's buffer, which
 * is writable: a query of more words than its pool can hold makes 0.9.75 free that pool and read on
 * in it. */
void *mwd_http_on_uri(void *server, const char *uri, struct MHD_Connection *mhd)
{
    struct mwd_http_connection *self = mwd_http_connection_of(mhd);
    const char *query = strchr(uri, '?');
    size_t size = strlen(uri);

    (void)server;
    self->head_done = false;
    self->uri_end = uri + size;
    self->uri_too_long = size > MWD_HTTP_URI_BYTES;
    free(self->query);
    self->query = query && !self->uri_too_long ? strdup(query + 1) : NULL;
    if (query)
        ((char *)(uintptr_t)query)[1] = '\0';
    return self;
}

/* Leaves coding alone: what is refused cannot be told from what is meant once it is undone. */
size_t mwd_http_on_unescape(void *context, struct MHD_Connection *mhd, char *text)
{
    (void)context;
    (void)mhd;
    return strlen(text);
}

/* ---- answering ---- */

enum MHD_Result mwd_http_answer(struct mwd_http_connection *self, unsigned status,
                                struct MHD_Response *response)
{
    struct mwd_http_stats *stats = &self->server->stats;

    stats->requests++;
    stats->request_errors += status >= 400;
    mwd_http_connection_enter(self, MWD_HTTP_ANSWERING);
    return response ? self->server->queue_response(self->mhd, status, response) : MHD_NO;
}

enum MHD_Result mwd_http_answer_problem(struct mwd_http_connection *self,
                                        const struct mwd_http_problem *problem)
{
    struct MHD_Response *response = mwd_http_problem_response(problem);
    enum MHD_Result r = mwd_http_answer(self, problem->status, response);

    if (response)
        MHD_destroy_response(response);
    return r;
}

enum MHD_Result mwd_http_refuse(struct mwd_http_connection *self,
                                const struct mwd_http_problem *problem)
{
    self->linger = true;
    mwd_http_send_refusal(self->fd, problem);
    return mwd_http_answer(self, problem->status, NULL);
}

/* ---- first call ---- */

static enum MHD_Result on_field(void *head, enum MHD_ValueKind kind, const char *name,
                                const char *value)
{
    (void)kind;
    mwd_http_head_add(head, name, value);
    return MHD_YES;
}

static size_t head_size(const struct mwd_http_connection *self)
{
    return MHD_get_connection_info(self->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
}

static int check_head(struct mwd_http_connection *self, const char *version,
                      struct mwd_http_problem *problem)
{
    self->head_done = true;
    self->head = (struct mwd_http_head){0};
    MHD_get_connection_values(self->mhd, MHD_HEADER_KIND, on_field, &self->head);
    return mwd_http_head_check(&self->head, head_size(self), strcmp(version, "HTTP/1.0") != 0,
                               problem);
}

/* ---- what is asked, and whether it may be ---- */

static int check_host(const struct mwd_http_connection *self, const char *host,
                      struct mwd_http_problem *problem)
{
    if (self->is_unix || !host ||
        mwd_http_hosts_allow(&self->server->policy->hosts, self->arrival, host))
        return 0;
    return mwd_http_problem(problem, 403,
                            "\"%.60s\" is not a name of this server; names are added by the "
                            "configuration key hosts",
                            host);
}

/* What comes before any role: who may not even read. */
static enum mwd_http_right right_of(const struct mwd_http_connection *self)
{
    const struct mwd_http_policy *policy = self->server->policy;
    enum mwd_http_right right = mwd_http_tokens_right(policy->tokens, self->head.authorization);

    if (right == MWD_HTTP_NONE && (!self->remote || policy->insecure))
        return MWD_HTTP_READ;
    return right;
}

static int lacks_right(const struct mwd_http_connection *self, struct mwd_http_problem *problem)
{
    const char *given = self->head.authorization;

    if (given && mwd_http_tokens_right(self->server->policy->tokens, given) == MWD_HTTP_NONE)
        return mwd_http_problem(problem, 401,
                                "what was given is no token here: Authorization: Bearer TOKEN");
    if (given && !self->is_unix)
        return mwd_http_problem(problem, 403, "the token that was given is not enough for this");
    if (self->is_unix)
        return mwd_http_problem(problem, 403,
                                "user %u may not do this; root, the daemon's own user and members "
                                "of socket-group may, and who has an admin token",
                                (unsigned)self->peer.uid);
    return mwd_http_problem(problem, 401, "this takes a token: Authorization: Bearer TOKEN");
}

/* A page in a browser can send a POST to any address, but not without telling where it is from. */
static int check_origin(const struct mwd_http_connection *self, const char *method,
                        struct mwd_http_problem *problem)
{
    if (!self->head.origin || strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
        mwd_http_hosts_allow_origin(&self->server->policy->hosts, self->arrival, self->head.origin))
        return 0;
    return mwd_http_problem(problem, 403, "pages of \"%.60s\" may not change anything here",
                            self->head.origin);
}

/* What the token gives, or what the user has. */
static enum mwd_http_right full_right_of(const struct mwd_http_connection *self)
{
    enum mwd_http_right right = right_of(self);

    if (!self->is_unix || right == MWD_HTTP_ADMIN)
        return right;
    if (mwd_http_peer_is_admin(self->fd, &self->peer, self->server->policy->admin_group))
        return MWD_HTTP_ADMIN;
    return MWD_HTTP_PUSH;
}

static int check_role(const struct mwd_http_connection *self, const struct mwd_route *route,
                      struct mwd_request *request, struct mwd_http_problem *problem)
{
    enum mwd_http_right right;

    request->uid = self->is_unix ? self->peer.uid : MWD_UID_NONE;
    if (route->role == MWD_ROLE_READ)
        return 0;
    right = full_right_of(self);
    request->admin = right == MWD_HTTP_ADMIN;
    return right >= mwd_http_right_of_role(route->role) ? 0 : lacks_right(self, problem);
}

/* The decoded parts of a request line; strings of a request point into it. */
struct asked {
    struct mwd_http_route *route;
    struct mwd_request request;
    char authority[MWD_HTTP_HOST_BYTES];
    char allow[MWD_HTTP_ALLOW_BYTES];
    char path[MWD_HTTP_URI_BYTES + 2];
    char query[MWD_HTTP_URI_BYTES + 2];
    char value[MWD_HTTP_VALUE_BYTES];
};

static int check_uri(const struct mwd_http_connection *self, const char *version,
                     struct mwd_http_problem *problem)
{
    if (self->uri_too_long)
        return mwd_http_problem(problem, 414, "path and query are longer than 2048 bytes");
    /* libmicrohttpd has put the NUL between the two; one that the client sent comes before it. */
    if (self->uri_end + 1 != version)
        return mwd_http_problem(problem, 400, "there is a NUL in the request line");
    return 0;
}

static int find_route(struct mwd_http_connection *self, const char *url, const char *method,
                      struct asked *asked, struct mwd_http_problem *problem)
{
    struct mwd_http_server *server = self->server;
    struct mwd_http_path path;

    if (mwd_http_path_parse(url, asked->path, &path, problem) < 0 ||
        mwd_http_route_find(server->routes, server->route_count, &path, method, asked->allow,
                            &asked->route, problem) < 0)
        return -1;
    asked->route = mwd_http_route_form(asked->route, self->head.accept);
    asked->request =
        (struct mwd_request){.path_value = mwd_http_path_value(asked->route, &path, asked->value)};
    return 0;
}

static int understand(struct mwd_http_connection *self, const char *url, const char *method,
                      const char *version, struct asked *asked, struct mwd_http_problem *problem)
{
    const char *path = mwd_http_path_of(url, asked->authority);

    if (check_host(self, self->head.host, problem) < 0 ||
        (*asked->authority && check_host(self, asked->authority, problem) < 0))
        return -1;
    if (right_of(self) == MWD_HTTP_NONE)
        return lacks_right(self, problem);
    if (check_uri(self, version, problem) < 0 ||
        find_route(self, path, method, asked, problem) < 0 ||
        check_role(self, asked->route->row, &asked->request, problem) < 0 ||
        check_origin(self, method, problem) < 0 ||
        mwd_http_head_check_body(&self->head, asked->route->row, problem) < 0)
        return -1;
    return mwd_http_query_parse(self->query, asked->route->row->params, asked->query,
                                &asked->request, problem);
}

/* ---- the calls ---- */

static enum MHD_Result look_at_head(struct mwd_http_connection *self, const char *url,
                                    const char *method, const char *version)
{
    struct mwd_http_problem problem;
    struct asked asked;

    if (check_head(self, version, &problem) < 0)
        return mwd_http_refuse(self, &problem);
    if (!mwd_http_head_announces_body(&self->head))
        return MHD_YES;
    if (understand(self, url, method, version, &asked, &problem) < 0 ||
        mwd_http_upload_begin(self, (size_t)self->head.length, &problem) < 0)
        return mwd_http_refuse(self, &problem);
    return MHD_YES;
}

static enum MHD_Result answer(struct mwd_http_connection *self, const char *url, const char *method,
                              const char *version)
{
    struct mwd_http_problem problem;
    struct asked asked;

    if (understand(self, url, method, version, &asked, &problem) < 0)
        return mwd_http_answer_problem(self, &problem);
    mwd_http_upload_give(self, &asked.request);
    if (!asked.route->row->stream)
        return mwd_http_answer_body(self, asked.route, &asked.request);
    return mwd_http_answer_stream(self, asked.route, &asked.request, strcmp(method, "HEAD") == 0);
}

enum MHD_Result mwd_http_on_request(void *server, struct MHD_Connection *mhd, const char *url,
                                    const char *method, const char *version, const char *data,
                                    size_t *data_size, void **request_context)
{
    struct mwd_http_connection *self = *request_context;

    (void)server;
    (void)mhd;
    if (!self->head_done)
        return look_at_head(self, url, method, version);
    if (*data_size > 0) {
        mwd_http_upload_add(self, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    return answer(self, url, method, version);
}
