/* The OpenAPI 3.1 description of the route table and the reading table.
 *
 * Made with cJSON: rendered once in the daemon's life, so its speed is of no matter.
 *
 * Schemas come from the reading table, one for each kind, paths from the route table: a new row of
 * either shows up here by itself. Out of memory, cJSON leaves members out rather than failing at
 * each call, so the tree is only trusted when the final print succeeds.
 */
#include "daemon/app_internal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void add_reference(cJSON *owner, const char *key, const char *schema)
{
    char path[64];

    snprintf(path, sizeof path, "#/components/schemas/%s", schema);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(owner, key), "$ref", path);
}

/* ---- schemas of readings ---- */

static const char *json_type(const struct mw_reading_info *info)
{
    if (info->value == MW_VALUE_TEXT)
        return "string";
    return info->value == MW_VALUE_F64 ? "number" : "integer";
}

static void add_reading_as(cJSON *properties, const char *key, const struct mw_reading_info *info)
{
    cJSON *schema = cJSON_AddObjectToObject(properties, key);
    cJSON *types = cJSON_AddArrayToObject(schema, "type");

    cJSON_AddItemToArray(types, cJSON_CreateString(json_type(info)));
    cJSON_AddItemToArray(types, cJSON_CreateString("null"));
    cJSON_AddStringToObject(schema, "description", info->help);
    cJSON_AddStringToObject(schema, "x-unit", mw_unit_word(info->unit));
    cJSON_AddStringToObject(schema, "x-source", info->file);
}

static void add_kind(cJSON *schemas, enum mw_kind kind, const char *name)
{
    cJSON *schema = cJSON_AddObjectToObject(schemas, name);
    cJSON_AddStringToObject(schema, "type", "object");
    cJSON *properties = cJSON_AddObjectToObject(schema, "properties");

    if (kind == MW_KIND_PROCESS)
        cJSON_AddStringToObject(cJSON_AddObjectToObject(properties, "pid"), "type", "integer");
    for (int i = 0; i < MW_READING_COUNT; i++) {
        const struct mw_reading_info *info = mw_reading_info((enum mw_reading)i);

        if (info->kind == kind)
            add_reading_as(properties, info->key, info);
    }
    add_reference(properties, "absent", "Absent");
}

static void add_absent(cJSON *schemas)
{
    cJSON *schema = cJSON_AddObjectToObject(schemas, "Absent");
    cJSON_AddStringToObject(schema, "type", "object");
    cJSON_AddStringToObject(schema, "description",
                            "Why readings of the object it stands in are null, by key.");
    cJSON *values = cJSON_AddObjectToObject(schema, "additionalProperties");
    cJSON *words = cJSON_AddArrayToObject(values, "enum");

    for (int i = MW_PRESENT + 1; i < MW_ABSENCE_COUNT; i++)
        cJSON_AddItemToArray(words, cJSON_CreateString(mw_absence_word((enum mw_absence)i)));
}

static void add_stamp(cJSON *properties)
{
    cJSON_AddStringToObject(cJSON_AddObjectToObject(properties, "timeMs"), "type", "integer");
    cJSON_AddStringToObject(cJSON_AddObjectToObject(properties, "seq"), "type", "integer");
}

static cJSON *add_object(cJSON *schemas, const char *name)
{
    cJSON *schema = cJSON_AddObjectToObject(schemas, name);

    cJSON_AddStringToObject(schema, "type", "object");
    return cJSON_AddObjectToObject(schema, "properties");
}

static void add_memory(cJSON *schemas)
{
    cJSON *properties = add_object(schemas, "Memory");

    add_stamp(properties);
    add_reading_as(properties, "totalmem", mw_reading_info(MW_SYSTEM_MEM_TOTAL));
    add_reading_as(properties, "freemem", mw_reading_info(MW_SYSTEM_MEM_AVAILABLE));
    add_reference(properties, "system", "System");
    add_reference(properties, "process", "Daemon");
    add_reference(properties, "absent", "Absent");
}

static void add_processes(cJSON *schemas)
{
    cJSON *properties = add_object(schemas, "Processes");

    add_stamp(properties);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(properties, "total"), "type", "integer");
    cJSON *list = cJSON_AddObjectToObject(properties, "processes");
    cJSON_AddStringToObject(list, "type", "array");
    add_reference(list, "items", "Process");
}

static void add_problem(cJSON *schemas)
{
    static const char *const members[] = {"type", "title", "detail"};
    cJSON *schema = cJSON_AddObjectToObject(schemas, "Problem");
    cJSON_AddStringToObject(schema, "type", "object");
    cJSON_AddStringToObject(schema, "description", "RFC 9457 problem details.");
    cJSON *properties = cJSON_AddObjectToObject(schema, "properties");

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        cJSON_AddStringToObject(cJSON_AddObjectToObject(properties, members[i]), "type", "string");
    cJSON_AddStringToObject(cJSON_AddObjectToObject(properties, "status"), "type", "integer");
}

/* ---- paths ---- */

static void add_parameter(cJSON *parameters, const struct mwd_param *param)
{
    cJSON *item = cJSON_CreateObject();

    cJSON_AddItemToArray(parameters, item);
    cJSON_AddStringToObject(item, "name", param->name);
    cJSON_AddStringToObject(item, "in", "query");
    cJSON_AddStringToObject(item, "description", param->takes);
    cJSON *schema = cJSON_AddObjectToObject(item, "schema");
    cJSON_AddStringToObject(schema, "type", param->type == MWD_PARAM_COUNT ? "integer" : "string");
    if (param->type == MWD_PARAM_COUNT)
        cJSON_AddNumberToObject(schema, "maximum", (double)param->max);
    if (param->type != MWD_PARAM_WORD)
        return;
    cJSON *words = cJSON_AddArrayToObject(schema, "enum");
    for (const char *const *word = param->words; *word; word++)
        cJSON_AddItemToArray(words, cJSON_CreateString(*word));
}

/* A last segment in braces is the one parameter that stands in a path. */
static void add_path_parameter(cJSON *parameters, const char *path)
{
    const char *open = strchr(path, '{');
    char name[32];

    if (!open || sscanf(open, "{%31[^}]}", name) != 1)
        return;
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(parameters, item);
    cJSON_AddStringToObject(item, "name", name);
    cJSON_AddStringToObject(item, "in", "path");
    cJSON_AddTrueToObject(item, "required");
    cJSON_AddStringToObject(cJSON_AddObjectToObject(item, "schema"), "type", "string");
}

/* What stands in the body, for paths whose body is an object of the schemas. */
static const struct {
    const char *path, *schema;
} bodies[] = {
    {"/api/v1/memory", "Memory"},           {"/api/v1/system", "System"},
    {"/api/v1/daemon", "Daemon"},           {"/api/v1/processes", "Processes"},
    {"/api/v1/processes/{pid}", "Process"},
};

static void add_body(cJSON *content, const struct mwd_route *route)
{
    cJSON *media = cJSON_AddObjectToObject(content, route->media_type);

    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        if (strcmp(bodies[i].path, route->path) == 0)
            add_reference(media, "schema", bodies[i].schema);
}

static void add_responses(cJSON *operation, const struct mwd_route *route)
{
    cJSON *responses = cJSON_AddObjectToObject(operation, "responses");
    cJSON *good = cJSON_AddObjectToObject(responses, "200");

    cJSON_AddStringToObject(good, "description", route->summary);
    add_body(cJSON_AddObjectToObject(good, "content"), route);
    cJSON *bad = cJSON_AddObjectToObject(responses, "default");
    cJSON_AddStringToObject(bad, "description", "What was wrong, and what was expected");
    cJSON *content = cJSON_AddObjectToObject(bad, "content");
    add_reference(cJSON_AddObjectToObject(content, "application/problem+json"), "schema",
                  "Problem");
}

static void add_route(cJSON *paths, const struct mwd_route *route)
{
    const char *method = strcmp(route->method, "POST") == 0 ? "post" : "get";
    cJSON *path = cJSON_GetObjectItemCaseSensitive(paths, route->path);

    if (!path)
        path = cJSON_AddObjectToObject(paths, route->path);
    cJSON *operation = cJSON_AddObjectToObject(path, method);
    cJSON_AddStringToObject(operation, "summary", route->summary);
    cJSON_AddStringToObject(operation, "x-role", route->role == MWD_ROLE_ADMIN ? "admin" : "read");
    cJSON *parameters = cJSON_AddArrayToObject(operation, "parameters");
    add_path_parameter(parameters, route->path);
    for (const struct mwd_param *param = route->params; param && param->name; param++)
        add_parameter(parameters, param);
    add_responses(operation, route);
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
    cJSON *schemas = cJSON_AddObjectToObject(components, "schemas");
    add_kind(schemas, MW_KIND_SYSTEM, "System");
    add_kind(schemas, MW_KIND_PROCESS, "Process");
    add_kind(schemas, MW_KIND_DAEMON, "Daemon");
    add_memory(schemas);
    add_processes(schemas);
    add_absent(schemas);
    add_problem(schemas);
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
