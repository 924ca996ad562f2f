/* The OpenAPI 3.1 description of the route table; what bodies are like is in app_schemas_json.c.
 *
 * Made with cJSON: rendered once in the daemon's life, so its speed is of no matter.
 *
 * A new row of the route table shows up here by itself. Out of memory, cJSON leaves members out
 * rather than failing at each call, so the tree is only trusted when the final print succeeds.
 */
#include "daemon/app_internal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

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
    if (route->media_type)
        add_body(cJSON_AddObjectToObject(good, "content"), route);
    cJSON *bad = cJSON_AddObjectToObject(responses, "default");
    cJSON_AddStringToObject(bad, "description", "What was wrong, and what was expected");
    cJSON *content = cJSON_AddObjectToObject(bad, "content");
    mwd_app_add_reference(cJSON_AddObjectToObject(content, "application/problem+json"), "schema",
                          "Problem");
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

static void add_operation(cJSON *path, const char *method, const struct mwd_route *route)
{
    static const char *const roles[] = {"read", "push", "admin"};
    cJSON *operation = cJSON_AddObjectToObject(path, method);

    cJSON_AddStringToObject(operation, "summary", route->summary);
    cJSON_AddStringToObject(operation, "x-role", roles[route->role]);
    cJSON *parameters = cJSON_AddArrayToObject(operation, "parameters");
    if (route->path_param)
        add_parameter(parameters, route->path_param, "path");
    for (const struct mwd_param *param = route->params; param && param->name; param++)
        add_parameter(parameters, param, "query");
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

static cJSON *make_document(const struct mwd_route *routes, uint32_t route_count)
{
    cJSON *document = cJSON_CreateObject();
    cJSON_AddStringToObject(document, "openapi", "3.1.0");
    cJSON *info = cJSON_AddObjectToObject(document, "info");
    cJSON_AddStringToObject(info, "title", "memwatchd");
    cJSON_AddStringToObject(info, "version", MW_VERSION);
    cJSON *paths = cJSON_AddObjectToObject(document, "paths");

    for (uint32_t i = 0; i < route_count; i++)
        add_route(paths, &routes[i]);
    cJSON *components = cJSON_AddObjectToObject(document, "components");
    mwd_app_add_schemas(cJSON_AddObjectToObject(components, "schemas"));
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
