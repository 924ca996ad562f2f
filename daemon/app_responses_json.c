/* The answers of the OpenAPI description: statuses, and the header fields that come with them.
 *
 * Which statuses a route has follows from its row: some come from HTTP, from who asks or from a
 * limit, and any route may be answered so; others need a name in the path, a body, or a body that
 * is kept. What no row can tell is in `exceptions`. tests/openapi holds that each of them can be
 * had, and that nothing else is answered.
 *
 * A path or a method that is not described has no operation to stand at: info.description tells
 * of its answers, and their components are here.
 */
#include "daemon/app_internal.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static void add_component(cJSON *owner, const char *key, const char *section, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "#/components/%s/%s", section, name);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(owner, key), "$ref", path);
}

/* ---- header fields ---- */

static const struct field {
    const char *name, *description;
    const char *words[3]; /* the values it takes; none: any text */
    bool number, always;  /* a count of seconds; there with each answer that has it */
} fields[] = {
    {"Cache-Control",
     "no-cache: kept answers are asked for again, with If-None-Match; no-store: as it is now.",
     {"no-cache", "no-store"},
     false,
     true},
    {"X-Content-Type-Options", "It is what Content-Type says.", {"nosniff"}, false, true},
    {"ETag", "For If-None-Match: another one when the answer is another.", {NULL}, false, true},
    {"Vary", "What else the answer depends on.", {NULL}, false, true},
    {"Content-Encoding", "When Accept-Encoding takes it.", {"gzip"}, false, false},
    {"Content-Disposition", "The name of the file to make of it.", {NULL}, false, true},
    {"WWW-Authenticate", "What a token is sent as.", {"Bearer realm=\"memwatchd\""}, false, true},
    {"Allow", "The methods that the path takes.", {NULL}, false, true},
    {"Retry-After", "Seconds after which to ask again.", {NULL}, true, true},
};

static void add_field_schema(cJSON *header, const struct field *field)
{
    cJSON *schema = cJSON_AddObjectToObject(header, "schema");

    cJSON_AddStringToObject(schema, "type", field->number ? "integer" : "string");
    if (field->number)
        cJSON_AddNumberToObject(schema, "minimum", 1);
    if (!field->words[0])
        return;
    cJSON *words = cJSON_AddArrayToObject(schema, "enum");
    for (const char *const *word = field->words; *word; word++)
        cJSON_AddItemToArray(words, cJSON_CreateString(*word));
}

static void add_headers(cJSON *components)
{
    cJSON *headers = cJSON_AddObjectToObject(components, "headers");

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        cJSON *header = cJSON_AddObjectToObject(headers, fields[i].name);

        cJSON_AddStringToObject(header, "description", fields[i].description);
        cJSON_AddBoolToObject(header, "required", fields[i].always);
        add_field_schema(header, &fields[i]);
    }
}

static void add_header(cJSON *headers, const char *name)
{
    add_component(headers, name, "headers", name);
}

static cJSON *add_usual_headers(cJSON *response)
{
    cJSON *headers = cJSON_AddObjectToObject(response, "headers");

    add_header(headers, "Cache-Control");
    add_header(headers, "X-Content-Type-Options");
    return headers;
}

static void add_kept_headers(cJSON *headers)
{
    add_header(headers, "ETag");
    add_header(headers, "Vary");
    add_header(headers, "Content-Encoding");
}

/* ---- statuses ---- */

static bool always(const struct mwd_route *route)
{
    return route != NULL;
}

bool mwd_app_route_is_kept(const struct mwd_route *route)
{
    return !route->stream && (route->lifetime == MWD_PER_SAMPLE || route->lifetime == MWD_FOREVER);
}

/* A report makes what it names. */
static bool names_something(const struct mwd_route *route)
{
    return route->path_param && strcmp(route->method, "PUT") != 0;
}

static bool is_of_a_reporter(const struct mwd_route *route)
{
    return route->role == MWD_ROLE_PUSH;
}

static bool takes_body(const struct mwd_route *route)
{
    return route->takes != NULL;
}

static bool never(const struct mwd_route *route)
{
    return route == NULL;
}

enum { NOT_MODIFIED = 304, INTERNAL_ERROR = 500, OTHERS = 0 };

static const struct status {
    unsigned number;
    const char *name, *description, *header;
    bool (*holds)(const struct mwd_route *route);
} statuses[] = {
    {NOT_MODIFIED, "NotModified", "The answer is still the one that If-None-Match names", NULL,
     mwd_app_route_is_kept},
    {400, "BadRequest", "A parameter, the body or the request itself is not as described", NULL,
     always},
    {401, "Unauthorized",
     "Who asks is not known: from other machines for anything, over TCP for what is not x-role "
     "read; or the token is none",
     "WWW-Authenticate", always},
    {403, "Forbidden",
     "Who asks may not do this, or asks under a name (Host, Origin) that is not the server's", NULL,
     always},
    {404, "NotFound", "There is nothing of this name", NULL, names_something},
    {405, "MethodNotAllowed", "The path takes other methods", "Allow", never},
    {409, "Conflict", "The name is one of the daemon's own", NULL, is_of_a_reporter},
    {411, "LengthRequired", "The body's Content-Length is not given", NULL, takes_body},
    {413, "ContentTooLarge", "The body is larger than 65536 bytes, or none is taken", NULL, always},
    {414, "UriTooLong", "Path and query are longer than 2048 bytes", NULL, always},
    {415, "UnsupportedMediaType", "The body is not application/json", NULL, takes_body},
    {431, "HeaderFieldsTooLarge", "The header fields are larger than 16 KiB", NULL, always},
    {INTERNAL_ERROR, "InternalError", "What was asked for has failed: its errors, a line each",
     NULL, never},
    {503, "ServiceUnavailable",
     "Not now: no sample yet, or a limit of connections, streams, memory or names is reached",
     "Retry-After", always},
    {OTHERS, "Others",
     "505: HTTP/1.1 and HTTP/1.0 are spoken here; 500: the answer could not be made, the log "
     "tells why",
     NULL, always},
};
enum { STATUSES = sizeof statuses / sizeof statuses[0] };
_Static_assert(MWD_REQUEST_BODY_MAX == 65536, "a text above says so");

static const struct {
    const char *path;
    unsigned number;
} exceptions[] = {
    {"/api/v1/history", 404}, /* of the reading's subject */
    {"/api/v1/reload", INTERNAL_ERROR},
};

static bool is_exception(const struct mwd_route *route, unsigned number)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++)
        if (exceptions[i].number == number && strcmp(exceptions[i].path, route->path) == 0)
            return true;
    return false;
}

static void add_problem_body(cJSON *response)
{
    cJSON *content = cJSON_AddObjectToObject(response, "content");

    mwd_app_add_reference(cJSON_AddObjectToObject(content, "application/problem+json"), "schema",
                          "Problem");
}

static void add_status(cJSON *responses, const struct status *status)
{
    cJSON *response = cJSON_AddObjectToObject(responses, status->name);

    cJSON_AddStringToObject(response, "description", status->description);
    cJSON *headers = add_usual_headers(response);
    if (status->number == NOT_MODIFIED)
        add_kept_headers(headers);
    else
        add_problem_body(response);
    if (status->header)
        add_header(headers, status->header);
}

void mwd_app_add_response_components(cJSON *components)
{
    cJSON *responses = cJSON_AddObjectToObject(components, "responses");

    for (size_t i = 0; i < STATUSES; i++)
        add_status(responses, &statuses[i]);
    add_headers(components);
}

/* ---- of one route ---- */

void mwd_app_add_good_headers(cJSON *response, const struct mwd_route *route)
{
    cJSON *headers = add_usual_headers(response);

    if (mwd_app_route_is_kept(route))
        add_kept_headers(headers);
    if (route->lifetime == MWD_ONCE)
        add_header(headers, "Content-Disposition");
}

void mwd_app_add_refusals(cJSON *responses, const struct mwd_route *route)
{
    char number[16];

    for (size_t i = 0; i < STATUSES; i++) {
        const struct status *status = &statuses[i];

        if (!status->holds(route) && !is_exception(route, status->number))
            continue;
        snprintf(number, sizeof number, "%u", status->number);
        add_component(responses, status->number == OTHERS ? "default" : number, "responses",
                      status->name);
    }
}
