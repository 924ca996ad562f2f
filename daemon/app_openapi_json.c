/* The OpenAPI 3.1 description of the route table; what bodies are like is in app_schemas_json.c,
 * and what is answered besides them in app_responses_json.c.
 *
 * Made with cJSON: rendered once in the daemon's life, so its speed is of no matter.
 *
 * A new row of the route table shows up here by itself. Out of memory, cJSON leaves members out
 * rather than failing at each call, so the tree is only trusted when the final print succeeds.
 */
#include "daemon/app_internal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define API_PREFIX "/api/v1"

static void add_count(cJSON *schema, const struct mwd_param *param)
{
    cJSON_AddStringToObject(schema, "type", "integer");
    cJSON_AddNumberToObject(schema, "minimum", (double)param->min);
    cJSON_AddNumberToObject(schema, "maximum", (double)param->max);
}

static void add_list(cJSON *schema, const char *key, const char *const *words)
{
    cJSON *list = cJSON_AddArrayToObject(schema, key);

    for (; *words; words++)
        cJSON_AddItemToArray(list, cJSON_CreateString(*words));
}

static void add_words(cJSON *schema, const char *const *words)
{
    cJSON_AddStringToObject(schema, "type", "string");
    add_list(schema, "enum", words);
}

/* A character is a byte at least, so no text that is taken is longer than this. */
static void add_text(cJSON *schema, const struct mwd_param *param)
{
    cJSON_AddStringToObject(schema, "type", "string");
    if (param->max)
        cJSON_AddNumberToObject(schema, "maxLength", (double)param->max);
    if (param->words)
        add_list(schema, "examples", param->words);
}

static void add_parameter(cJSON *parameters, const struct mwd_param *param, const char *in)
{
    cJSON *item = cJSON_CreateObject();

    cJSON_AddItemToArray(parameters, item);
    cJSON_AddStringToObject(item, "name", param->name);
    cJSON_AddStringToObject(item, "in", in);
    cJSON_AddBoolToObject(item, "required", strcmp(in, "path") == 0);
    cJSON_AddStringToObject(item, "description", param->takes);
    cJSON *schema = cJSON_AddObjectToObject(item, "schema");
    switch (param->type) {
    case MWD_PARAM_COUNT:
        add_count(schema, param);
        break;
    case MWD_PARAM_WORD:
        add_words(schema, param->words);
        break;
    case MWD_PARAM_TEXT:
        if (param->words_of)
            add_words(schema, param->words_of());
        else
            add_text(schema, param);
        break;
    }
}

/* OpenAPI 3.1 has no words for what the data of events are: the stream is a text to it. */
static void add_body(cJSON *content, const struct mwd_route *route)
{
    cJSON *media = cJSON_AddObjectToObject(content, route->media_type);

    if (route->stream)
        mwd_app_add_reference(media, "x-data", route->schema);
    if (route->schema && !route->stream)
        mwd_app_add_reference(media, "schema", route->schema);
    else
        cJSON_AddStringToObject(cJSON_AddObjectToObject(media, "schema"), "type", "string");
}

static void add_request_body(cJSON *operation, const struct mwd_route *route)
{
    cJSON *body;

    if (!route->takes)
        return;
    body = cJSON_AddObjectToObject(operation, "requestBody");
    cJSON_AddTrueToObject(body, "required");
    mwd_app_add_reference(
        cJSON_AddObjectToObject(cJSON_AddObjectToObject(body, "content"), "application/json"),
        "schema", route->takes);
}

static void add_responses(cJSON *operation, const struct mwd_route *route)
{
    cJSON *responses = cJSON_AddObjectToObject(operation, "responses");
    cJSON *good = cJSON_AddObjectToObject(responses, route->media_type ? "200" : "204");

    cJSON_AddStringToObject(good, "description", route->summary);
    mwd_app_add_good_headers(good, route);
    if (route->media_type)
        add_body(cJSON_AddObjectToObject(good, "content"), route);
    mwd_app_add_refusals(responses, route);
}

enum { METHOD_BYTES = 8 };

static const char *lower(const char *method, char *ret)
{
    size_t size = 0;

    for (; method[size] && size < METHOD_BYTES - 1; size++)
        ret[size] = (char)(method[size] | 0x20); /* all are capitals */
    ret[size] = '\0';
    return ret;
}

static cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* A name for programs that make functions of operations: getProcessesPid. */
static void add_id(cJSON *operation, const char *method, const char *path)
{
    char id[64];
    size_t used = (size_t)snprintf(id, sizeof id, "%s", method);
    bool begins = false;

    if (strncmp(path, API_PREFIX, sizeof API_PREFIX - 1) == 0)
        path += sizeof API_PREFIX - 1;
    for (; *path && used < sizeof id - 1; path++) {
        bool letter = (*path | 0x20) >= 'a' && (*path | 0x20) <= 'z';

        if (letter)
            id[used++] = (char)(begins ? *path & ~0x20 : *path);
        begins = !letter;
    }
    id[used] = '\0';
    cJSON_AddStringToObject(operation, "operationId", id);
}

static void add_if_none_match(cJSON *parameters)
{
    cJSON *item = cJSON_CreateObject();

    cJSON_AddItemToArray(parameters, item);
    cJSON_AddStringToObject(item, "name", "If-None-Match");
    cJSON_AddStringToObject(item, "in", "header");
    cJSON_AddBoolToObject(item, "required", false);
    cJSON_AddStringToObject(item, "description",
                            "ETags of answers that the client still has, or *");
    cJSON_AddStringToObject(cJSON_AddObjectToObject(item, "schema"), "type", "string");
}

static void add_parameters(cJSON *operation, const struct mwd_route *route)
{
    cJSON *parameters = cJSON_AddArrayToObject(operation, "parameters");

    if (route->path_param)
        add_parameter(parameters, route->path_param, "path");
    for (const struct mwd_param *param = route->params; param && param->name; param++)
        add_parameter(parameters, param, "query");
    if (mwd_app_route_is_kept(route))
        add_if_none_match(parameters);
}

static void add_operation(cJSON *path, const char *method, const struct mwd_route *route)
{
    static const char *const roles[] = {"read", "push", "admin"};
    cJSON *operation = cJSON_AddObjectToObject(path, method);

    add_id(operation, method, route->path);
    cJSON_AddStringToObject(operation, "summary", route->summary);
    cJSON_AddStringToObject(operation, "x-role", roles[route->role]);
    add_parameters(operation, route);
    add_request_body(operation, route);
    add_responses(operation, route);
}

/* Another form of a route is one more media type of its answer. */
static void add_route(cJSON *paths, const struct mwd_route *route)
{
    char method[METHOD_BYTES];
    cJSON *path = member(paths, route->path);
    cJSON *first = member(path, lower(route->method, method));

    if (!path)
        path = cJSON_AddObjectToObject(paths, route->path);
    if (first)
        add_body(member(member(member(first, "responses"), "200"), "content"), route);
    else
        add_operation(path, method, route);
}

static void add_info(cJSON *document)
{
    cJSON *info = cJSON_AddObjectToObject(document, "info");

    cJSON_AddStringToObject(info, "title", "memwatchd");
    cJSON_AddStringToObject(info, "version", MW_VERSION);
    cJSON_AddStringToObject(
        info, "description",
        "Memory of this machine: how much there is, who holds it, where it is going. Bytes unless "
        "a key carries another unit; times are milliseconds since 1970. What is not known is null, "
        "and why stands in `absent`. HEAD is answered wherever GET is, as GET without the body. A "
        "path that is not described is answered as components/responses/NotFound says, a method "
        "that is not as MethodNotAllowed. `x-role` is what who asks must be: `read` is everybody "
        "who may connect; `push` takes the unix socket, or a token; `admin` takes root, the "
        "daemon's own user or a member of socket-group over the unix socket, or an admin token.");
    cJSON *license = cJSON_AddObjectToObject(info, "license");
    cJSON_AddStringToObject(license, "name", "MIT License");
    cJSON_AddStringToObject(license, "identifier", "MIT");
}

/* Who has the user's rights over the unix socket needs no token. */
static void add_security(cJSON *document, cJSON *components)
{
    cJSON *schemes = cJSON_AddObjectToObject(components, "securitySchemes");
    cJSON *token = cJSON_AddObjectToObject(schemes, "token");
    cJSON *security = cJSON_AddArrayToObject(document, "security");
    cJSON *needed = cJSON_CreateObject();

    cJSON_AddStringToObject(token, "type", "http");
    cJSON_AddStringToObject(token, "scheme", "bearer");
    cJSON_AddStringToObject(token, "description", "A line of token-file.");
    cJSON_AddItemToArray(security, cJSON_CreateObject());
    cJSON_AddItemToArray(security, needed);
    cJSON_AddArrayToObject(needed, "token");
}

static cJSON *make_document(const struct mwd_route *routes, uint32_t route_count)
{
    cJSON *document = cJSON_CreateObject();
    cJSON_AddStringToObject(document, "openapi", "3.1.0");
    add_info(document);
    cJSON *paths = cJSON_AddObjectToObject(document, "paths");

    for (uint32_t i = 0; i < route_count; i++)
        add_route(paths, &routes[i]);
    cJSON *components = cJSON_AddObjectToObject(document, "components");
    mwd_app_add_schemas(cJSON_AddObjectToObject(components, "schemas"));
    mwd_app_add_response_components(components);
    add_security(document, components);
    return document;
}

int mwd_app_openapi(const struct mwd_route *routes, uint32_t route_count, struct mwd_buffer *out)
{
    cJSON *document = make_document(routes, route_count);
    char *text = cJSON_PrintUnformatted(document);

    cJSON_Delete(document);
    if (!text)
        return -ENOMEM;
    mwd_buffer_puts(out, text);
    cJSON_free(text);
    return out->failed;
}
