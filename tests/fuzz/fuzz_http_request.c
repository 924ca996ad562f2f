/* What a request goes through before anything is rendered, without sockets: header fields, host,
 * path, route, query, negotiation, token. A refusal has a status and a detail; what is taken is
 * within its bounds, and a query's key is the same for the query that the key stands for. */
#include "daemon/http_internal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const order_words[] = {"desc", "asc", NULL};
static const struct mwd_param params[] = {
    {"limit", "a whole number from 0 to 1000", NULL, 0, 1000, MWD_PARAM_COUNT, NULL},
    {"order", "desc or asc", order_words, 0, 0, MWD_PARAM_WORD, NULL},
    {"name", "a glob", NULL, 0, 0, MWD_PARAM_TEXT, NULL},
    {NULL, NULL, NULL, 0, 0, MWD_PARAM_COUNT, NULL},
};
static const struct mwd_route rows[] = {
    {.method = "GET", .path = "/memory", .params = params},
    {.method = "GET", .path = "/processes/{pid}", .params = params},
    {.method = "POST", .path = "/reload"},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static void expect(int holds)
{
    if (!holds)
        abort();
}

static void expect_refusal(const struct mwd_http_problem *problem)
{
    struct MHD_Response *response;

    expect(problem->status >= 400 && problem->status < 600);
    expect(problem->detail[0] && strlen(problem->detail) < sizeof problem->detail);
    response = mwd_http_problem_response(problem);
    expect(response != NULL);
    MHD_destroy_response(response);
}

/* ---- one request ---- */

struct asked {
    struct mwd_request request;
    struct mwd_http_problem problem;
    char allow[MWD_HTTP_ALLOW_BYTES];
    char path[MWD_HTTP_URI_BYTES + 2];
    char query[MWD_HTTP_URI_BYTES + 2];
};

static void expect_bounds(const struct mwd_request *request)
{
    expect(request->counts[0] <= 1000);
    expect(!request->params[1] || strcmp(request->params[1], "asc") == 0 ||
           strcmp(request->params[1], "desc") == 0);
}

static void try_query(const char *query, const struct mwd_route *row, struct asked *asked)
{
    char key[MWD_HTTP_URI_BYTES + 2 * MWD_PARAMS_MAX], again[sizeof key];
    size_t size;

    if (mwd_http_query_parse(query, row->params, asked->query, &asked->request, &asked->problem) <
        0) {
        expect_refusal(&asked->problem);
        return;
    }
    expect_bounds(&asked->request);
    size = mwd_http_query_canonical(row->params, &asked->request, key);
    expect(size <= sizeof key);
    expect(mwd_http_query_canonical(row->params, &asked->request, again) == size);
    expect(!size || memcmp(key, again, size) == 0);
}

static void try_uri(const char *method, char *uri)
{
    static struct mwd_http_route routes[ROWS];
    char authority[MWD_HTTP_HOST_BYTES];
    struct mwd_http_route *route;
    struct mwd_http_path path;
    struct asked asked = {0};
    char *query = strchr(uri, '?');

    if (strlen(uri) > MWD_HTTP_URI_BYTES)
        return;
    if (query)
        *query++ = '\0';
    mwd_http_routes_init(routes, rows, ROWS);
    if (mwd_http_path_parse(mwd_http_path_of(uri, authority), asked.path, &path, &asked.problem) <
            0 ||
        mwd_http_route_find(routes, ROWS, &path, method, asked.allow, &route, &asked.problem) < 0) {
        expect_refusal(&asked.problem);
        return;
    }
    asked.request.path_value = route->wild ? path.tail : NULL;
    try_query(query, route->row, &asked);
}

static void try_field(struct mwd_http_head *head, char *line)
{
    char *colon = strchr(line, ':');

    if (!colon)
        return;
    *colon++ = '\0';
    mwd_http_head_add(head, line, colon + strspn(colon, " \t"));
}

/* Whatever is asked for, a wish is within its bounds and one of the forms is the answer. */
static void try_accept(const char *accept)
{
    static const struct mwd_route forms[] = {
        {.method = "GET", .path = "/", .media_type = "text/plain; version=0.0.4; charset=utf-8"},
        {.method = "GET", .path = "/", .media_type = "application/openmetrics-text; version=1.0.0"},
    };
    struct mwd_http_route both[2], *form;

    mwd_http_routes_init(both, forms, 2);
    form = mwd_http_route_form(both, accept);
    expect(form == &both[0] || form == &both[1]);
    for (uint32_t i = 0; i < 2; i++) {
        struct mwd_http_wish wish = mwd_http_accept_wish(accept, forms[i].media_type);

        expect(wish.quality <= 1000 && wish.specificity <= 3);
        expect(wish.specificity > 0 || wish.quality == 0);
    }
}

static void try_head(const struct mwd_http_head *head, size_t size)
{
    struct mwd_http_hosts hosts = {0};
    struct mwd_http_problem problem;

    if (mwd_http_head_check(head, size, true, &problem) < 0)
        expect_refusal(&problem);
    expect(mwd_http_hosts_add(&hosts, "localhost") == 0);
    mwd_http_hosts_allow(&hosts, "127.0.0.1", head->host);
    if (head->origin)
        mwd_http_hosts_allow_origin(&hosts, "127.0.0.1", head->origin);
    if (head->host && mwd_http_hosts_add(&hosts, head->host) == 0)
        expect(mwd_http_hosts_allow(&hosts, NULL, head->host));
    mwd_http_hosts_deinit(&hosts);
    mwd_http_accepts_gzip(head->accept_encoding);
    try_accept(head->accept);
    if (head->if_none_match)
        mwd_http_etag_matches(head->if_none_match, "\"b-1-2-gzip\"");
}

/* The whole input is also a token file, and the request's token is looked up in it. */
static void try_tokens(const uint8_t *data, size_t size, const char *authorization)
{
    static struct mwd_http_tokens tokens;
    struct mwd_buffer error;

    mwd_buffer_init(&error, 4096);
    if (mwd_http_tokens_parse((const char *)data, size, "tokens", &error, &tokens) < 0)
        expect(error.size > 0);
    else
        mwd_http_tokens_right(&tokens, authorization);
    mwd_buffer_deinit(&error);
}

static void try_request(char *text, size_t size)
{
    struct mwd_http_head head = {0};
    char *save = NULL;
    char *line = strtok_r(text, "\n", &save);
    char *uri = line ? strchr(line, ' ') : NULL;
    char *field;

    if (uri) {
        *uri++ = '\0';
        try_uri(line, uri);
    }
    while ((field = strtok_r(NULL, "\n", &save)))
        try_field(&head, field);
    try_head(&head, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    try_request(text, size);
    memcpy(text, data, size);
    try_tokens(data, size, text);
    free(text);
    return 0;
}
