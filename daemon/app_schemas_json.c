/* The schemas of the OpenAPI description: what bodies are like.
 *
 * Members come from where the documents get theirs: objects of readings from mwd_view_members(),
 * keys of the configuration from its table, words from their lists. What is always served is
 * "required"; "absent" is there when it has something to say. Objects stay open to more members, so
 * that a reading of a later version breaks no client that checks; the tests hold that this version
 * serves no member that is not described.
 */
#include "daemon/app_internal.h"
#include "daemon/view_history.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

void mwd_app_add_reference(cJSON *owner, const char *key, const char *schema)
{
    char path[64];

    snprintf(path, sizeof path, "#/components/schemas/%s", schema);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(owner, key), "$ref", path);
}

/* ---- objects and their members ---- */

struct object {
    cJSON *schema, *properties, *required;
};

static void fill_object(cJSON *schema, struct object *ret)
{
    cJSON_AddStringToObject(schema, "type", "object");
    ret->schema = schema;
    ret->properties = cJSON_AddObjectToObject(schema, "properties");
    ret->required = cJSON_AddArrayToObject(schema, "required");
}

static void begin_object(cJSON *owner, const char *name, struct object *ret)
{
    fill_object(cJSON_AddObjectToObject(owner, name), ret);
}

static void require(const struct object *object, const char *key)
{
    cJSON_AddItemToArray(object->required, cJSON_CreateString(key));
}

static cJSON *add_member(const struct object *object, const char *key, const char *type)
{
    cJSON *schema = cJSON_AddObjectToObject(object->properties, key);

    require(object, key);
    if (type)
        cJSON_AddStringToObject(schema, "type", type);
    return schema;
}

static void add_whole_number(const struct object *object, const char *key, int minimum)
{
    cJSON_AddNumberToObject(add_member(object, key, "integer"), "minimum", minimum);
}

static void add_reference_member(const struct object *object, const char *key, const char *schema)
{
    require(object, key);
    mwd_app_add_reference(object->properties, key, schema);
}

static void add_type_or_null(cJSON *schema, const char *type)
{
    cJSON *types = cJSON_AddArrayToObject(schema, "type");

    cJSON_AddItemToArray(types, cJSON_CreateString(type));
    cJSON_AddItemToArray(types, cJSON_CreateString("null"));
}

/* ---- objects of readings ---- */

static const char *json_type(const struct mw_reading_info *info)
{
    if (info->value == MW_VALUE_TEXT)
        return "string";
    return info->value == MW_VALUE_F64 ? "number" : "integer";
}

static void add_reading(const struct object *object, const struct mwd_view_member *member)
{
    const struct mw_reading_info *info = mw_reading_info(member->reading);
    cJSON *schema = add_member(object, member->key, NULL);

    add_type_or_null(schema, json_type(info));
    if (info->value == MW_VALUE_U64)
        cJSON_AddNumberToObject(schema, "minimum", 0);
    cJSON_AddStringToObject(schema, "description", info->help);
    cJSON_AddStringToObject(schema, "x-unit", mw_unit_word(info->unit));
    cJSON_AddStringToObject(schema, "x-source", info->file);
}

static void add_readings(const struct object *object, enum mwd_view_object shown)
{
    struct mwd_view_members members;

    mwd_view_members(shown, &members);
    for (uint32_t i = 0; i < members.count; i++)
        add_reading(object, &members.items[i]);
}

static void add_stamp(const struct object *object)
{
    add_whole_number(object, "timeMs", 0);
    add_whole_number(object, "seq", 0);
}

/* The one member that may be missing. */
static void add_absent_member(const struct object *object)
{
    mwd_app_add_reference(object->properties, "absent", "Absent");
}

/* Every object of readings but the outermost of /memory. */
static const struct {
    const char *name;
    enum mwd_view_object shown;
    bool stamp, pid, named;
} objects[] = {
    {"System", MWD_VIEW_SYSTEM, true, false, false},
    {"Daemon", MWD_VIEW_DAEMON, true, false, false},
    {"Process", MWD_VIEW_PROCESS, false, true, false},
    {"OneProcess", MWD_VIEW_PROCESS, true, true, false},
    {"MemorySystem", MWD_VIEW_MEMORY_SYSTEM, false, false, false},
    {"MemoryProcess", MWD_VIEW_MEMORY_PROCESS, false, false, false},
    {"Queue", MWD_VIEW_QUEUE, false, false, true},
    {"OneQueue", MWD_VIEW_QUEUE, true, false, true},
    {"Cache", MWD_VIEW_CACHE, false, false, true},
    {"OneCache", MWD_VIEW_CACHE, true, false, true},
    {"Service", MWD_VIEW_SERVICE, false, false, true},
    {"HeapCollections", MWD_VIEW_HEAP_COLLECTIONS, false, false, false},
};

static void add_objects(cJSON *schemas)
{
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        struct object object;

        begin_object(schemas, objects[i].name, &object);
        if (objects[i].stamp)
            add_stamp(&object);
        if (objects[i].pid)
            add_whole_number(&object, "pid", 1);
        if (objects[i].named)
            add_member(&object, "name", "string");
        add_readings(&object, objects[i].shown);
        add_absent_member(&object);
    }
}

static void add_memory(cJSON *schemas)
{
    struct object object;

    begin_object(schemas, "Memory", &object);
    add_stamp(&object);
    add_readings(&object, MWD_VIEW_MEMORY);
    add_reference_member(&object, "system", "MemorySystem");
    add_reference_member(&object, "process", "MemoryProcess");
    add_absent_member(&object);
}

static void add_ranked(cJSON *schemas, const char *name, const char *key, const char *item)
{
    struct object object;

    begin_object(schemas, name, &object);
    add_stamp(&object);
    cJSON *total = add_member(&object, "total", NULL);
    add_type_or_null(total, "integer");
    cJSON_AddNumberToObject(total, "minimum", 0);
    cJSON_AddStringToObject(total, "description", "How many match, before the limit.");
    mwd_app_add_reference(add_member(&object, key, "array"), "items", item);
    add_absent_member(&object);
}

/* ---- heaps, queues and caches ---- */

static void add_list(cJSON *schemas, const char *name, const char *key, const char *item)
{
    struct object object;

    begin_object(schemas, name, &object);
    add_stamp(&object);
    mwd_app_add_reference(add_member(&object, key, "array"), "items", item);
}

static void add_whole_numbers(const struct object *object, const char *key, const char *description)
{
    cJSON *schema = add_member(object, key, "array");
    cJSON *items = cJSON_AddObjectToObject(schema, "items");

    cJSON_AddStringToObject(schema, "description", description);
    cJSON_AddStringToObject(items, "type", "integer");
    cJSON_AddNumberToObject(items, "minimum", 0);
}

static void add_heap_space(cJSON *schemas)
{
    struct object object;

    begin_object(schemas, "HeapSpace", &object);
    add_member(&object, "name", "string");
    add_whole_number(&object, "size", 0);
    add_whole_number(&object, "used", 0);
    add_whole_number(&object, "available", 0);
    add_whole_number(&object, "physical", 0);
}

static void add_heap_pauses(cJSON *schemas)
{
    struct object object;

    begin_object(schemas, "HeapHistogram", &object);
    add_whole_numbers(&object, "boundsUs", "Upper bounds, microseconds of CPU time.");
    add_whole_numbers(&object, "counts", "Pauses up to each bound; the last: all longer ones.");
    begin_object(schemas, "HeapPauses", &object);
    add_readings(&object, MWD_VIEW_HEAP_PAUSES);
    add_reference_member(&object, "histogram", "HeapHistogram");
    add_absent_member(&object);
}

static void add_heap(cJSON *schemas, const char *name, bool stamp)
{
    struct object object;

    begin_object(schemas, name, &object);
    if (stamp)
        add_stamp(&object);
    add_member(&object, "name", "string");
    add_readings(&object, MWD_VIEW_HEAP);
    cJSON *physical = add_member(&object, "physical", NULL);
    add_type_or_null(physical, "integer");
    cJSON_AddNumberToObject(physical, "minimum", 0);
    mwd_app_add_reference(add_member(&object, "spaces", "array"), "items", "HeapSpace");
    add_reference_member(&object, "collections", "HeapCollections");
    add_reference_member(&object, "pauses", "HeapPauses");
    add_absent_member(&object);
}

static void add_collection(cJSON *schemas)
{
    struct object object;

    begin_object(schemas, "Collection", &object);
    add_member(&object, "kind", "string");
    add_whole_number(&object, "heapUsedBefore", 0);
    add_whole_number(&object, "heapTotalBefore", 0);
    add_whole_number(&object, "heapUsed", 0);
    add_whole_number(&object, "heapTotal", 0);
    add_whole_number(&object, "pauseUs", 0);
    add_member(&object, "trace", "string");
}

_Static_assert(MW_READING_MAX == 9007199254740991, "a text below says so");

/* What a route takes: nothing but these members, of which only the first one is needed. */
static void add_report(cJSON *schemas, const char *name, enum mw_kind kind)
{
    struct object object;
    uint32_t count;
    const struct mwd_push_field *fields = mwd_push_fields(kind, &count);

    begin_object(schemas, name, &object);
    cJSON_AddFalseToObject(object.schema, "additionalProperties");
    for (uint32_t i = 0; i < count; i++) {
        const struct mw_reading_info *info = mw_reading_info(fields[i].reading);
        cJSON *member = cJSON_AddObjectToObject(object.properties, info->key);

        if (i == 0)
            require(&object, info->key);
        if (i == 0)
            cJSON_AddStringToObject(member, "type", "integer");
        else
            add_type_or_null(member, "integer");
        cJSON_AddNumberToObject(member, "minimum", 0);
        cJSON_AddRawToObject(member, "maximum", "9007199254740991"); /* it prints 15 digits */
        cJSON_AddStringToObject(member, "description", info->help);
    }
}

static void add_named(cJSON *schemas)
{
    add_report(schemas, "QueueReport", MW_KIND_QUEUE);
    add_report(schemas, "CacheReport", MW_KIND_CACHE);
    add_report(schemas, "HeapReport", MW_KIND_HEAP);
    add_heap(schemas, "Heap", false);
    add_heap(schemas, "OneHeap", true);
    add_heap_space(schemas);
    add_heap_pauses(schemas);
    add_collection(schemas);
    add_list(schemas, "Heaps", "heaps", "Heap");
    add_list(schemas, "Queues", "queues", "Queue");
    add_list(schemas, "Caches", "caches", "Cache");
}

static cJSON *add_described(const struct object *object, const char *key, const char *type,
                            const char *description)
{
    cJSON *schema = add_member(object, key, type);

    cJSON_AddStringToObject(schema, "description", description);
    return schema;
}

static void add_points(const struct object *object)
{
    cJSON *points =
        add_described(object, "points", "array",
                      "[timeMs, min, mean, max] for each step; three nulls when nothing "
                      "is known, and why in absent under the time of the step.");
    cJSON *point = cJSON_AddObjectToObject(points, "items");

    cJSON_AddStringToObject(point, "type", "array");
    add_type_or_null(cJSON_AddObjectToObject(point, "items"), "number");
}

static void add_history_absent(const struct object *object)
{
    cJSON *schema = cJSON_AddObjectToObject(object->properties, "absent");

    cJSON_AddStringToObject(schema, "type", "object");
    cJSON_AddStringToObject(schema, "description",
                            "Why the name is null, and by their times why steps are.");
    cJSON *values = cJSON_AddObjectToObject(schema, "additionalProperties");
    cJSON_AddStringToObject(values, "type", "string");
    cJSON *words = cJSON_AddArrayToObject(values, "enum");
    for (unsigned gap = MW_PRESENT + 1; gap < MWD_HISTORY_GAPS; gap++)
        cJSON_AddItemToArray(words, cJSON_CreateString(mwd_history_gap_word(gap)));
}

static void add_history(cJSON *schemas)
{
    struct object object;

    begin_object(schemas, "History", &object);
    add_described(&object, "reading", "string", "Its id.");
    add_described(&object, "subject", "string",
                  "system, memwatchd, PID:STARTTIMEMS, the name of a heap, queue or cache, or the "
                  "path of a service.");
    add_type_or_null(add_described(&object, "name", NULL,
                                   "Of a process that is gone, the one that it had last."),
                     "string");
    add_described(&object, "unit", "string", "Of the values.");
    add_described(&object, "alive", "boolean", "Whether the subject is there.");
    add_whole_number(&object, "firstMs", 0);
    add_whole_number(&object, "lastMs", 0);
    add_whole_number(&object, "fromMs", 0);
    add_whole_number(&object, "toMs", 0);
    add_whole_number(&object, "stepMs", 1);
    add_points(&object);
    add_history_absent(&object);
}

static void add_absent(cJSON *schemas)
{
    cJSON *schema = cJSON_AddObjectToObject(schemas, "Absent");

    cJSON_AddStringToObject(schema, "type", "object");
    cJSON_AddStringToObject(schema, "description",
                            "Why members of the object it stands in are null, by key.");
    cJSON *values = cJSON_AddObjectToObject(schema, "additionalProperties");
    cJSON_AddStringToObject(values, "type", "string");
    cJSON *words = cJSON_AddArrayToObject(values, "enum");
    for (int i = MW_PRESENT + 1; i < MW_ABSENCE_COUNT; i++)
        cJSON_AddItemToArray(words, cJSON_CreateString(mw_absence_word((enum mw_absence)i)));
}

/* ---- the daemon itself ---- */

static void fill_key(cJSON *schema, const char *help, const char *takes, enum mwd_key_type type)
{
    struct object key;

    fill_object(schema, &key);
    cJSON_AddStringToObject(schema, "description", help);
    cJSON *value = add_member(&key, "value", mwd_config_json_type(type));
    cJSON_AddStringToObject(value, "description", takes);
    if (type == MWD_KEY_LIST)
        cJSON_AddStringToObject(cJSON_AddObjectToObject(value, "items"), "type", "string");
    cJSON_AddStringToObject(
        add_member(&key, "origin", "string"), "description",
        "default, built in, FILE:LINE, a variable of the environment or a flag");
}

/* Those of one kind, by title. Keys without a default are there when they were given. */
static void add_titled(const struct object *config, const char *word, enum mwd_titled_kind kind)
{
    cJSON *schema = add_member(config, word, "object");
    struct object block;

    fill_object(cJSON_AddObjectToObject(schema, "additionalProperties"), &block);
    for (uint32_t i = 0; i < mwd_config_titled_count; i++) {
        const struct mwd_titled_info *info = &mwd_config_titled_keys[i];

        if (info->kind == kind)
            fill_key(cJSON_AddObjectToObject(block.properties, strchr(info->name, '.') + 1),
                     info->help, info->takes, info->type);
    }
}

static void add_config(cJSON *schemas)
{
    struct object object;

    begin_object(schemas, "Config", &object);
    for (uint32_t i = 0; i < mwd_config_key_count; i++)
        fill_key(add_member(&object, mwd_config_keys[i].name, NULL), mwd_config_keys[i].help,
                 mwd_config_keys[i].takes, mwd_config_keys[i].type);
    add_titled(&object, "alert", MWD_TITLED_ALERT);
    add_titled(&object, "sink", MWD_TITLED_SINK);
    add_titled(&object, "group", MWD_TITLED_GROUP);
}

static void add_groups(cJSON *schemas)
{
    static const char *const numbers[] = {"names", "ungrouped", "waiting", "lost"};
    struct object object, rule;

    begin_object(schemas, "Groups", &object);
    add_member(&object, "timeMs", "integer");
    add_member(&object, "seq", "integer");
    cJSON *list = add_member(&object, "rules", "array");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        add_member(&object, numbers[i], "integer");
    fill_object(cJSON_AddObjectToObject(list, "items"), &rule);
    add_member(&rule, "name", "string");
    add_member(&rule, "origin", "string");
    add_member(&rule, "processes", "integer");
    add_member(&rule, "children", "integer");
    add_member(&rule, "matched", "integer");
    add_member(&rule, "givenUp", "integer");
}

static void add_status(cJSON *schemas)
{
    struct object object;

    begin_object(schemas, "Status", &object);
    cJSON *words = cJSON_AddArrayToObject(add_member(&object, "status", "string"), "enum");
    for (const char *const *word = mwd_app_status_words; *word; word++)
        cJSON_AddItemToArray(words, cJSON_CreateString(*word));
}

static void add_open_member(const struct object *object, const char *key)
{
    cJSON_AddTrueToObject(add_member(object, key, "object"), "additionalProperties");
}

static void add_description(cJSON *schemas)
{
    struct object object;

    begin_object(schemas, "Description", &object);
    cJSON_AddStringToObject(object.schema, "description", "An OpenAPI 3.1 document.");
    add_member(&object, "openapi", "string");
    add_open_member(&object, "info");
    add_open_member(&object, "paths");
    add_open_member(&object, "components");
    cJSON *security = add_member(&object, "security", "array");
    cJSON_AddStringToObject(cJSON_AddObjectToObject(security, "items"), "type", "object");
    cJSON_AddTrueToObject(cJSON_GetObjectItemCaseSensitive(security, "items"),
                          "additionalProperties");
}

static void add_problem(cJSON *schemas)
{
    struct object object;

    begin_object(schemas, "Problem", &object);
    cJSON_AddStringToObject(object.schema, "description", "RFC 9457 problem details.");
    add_member(&object, "type", "string");
    add_member(&object, "title", "string");
    cJSON *status = add_member(&object, "status", "integer");
    cJSON_AddNumberToObject(status, "minimum", 400);
    cJSON_AddNumberToObject(status, "maximum", 599);
    add_member(&object, "detail", "string");
}

void mwd_app_add_schemas(cJSON *schemas)
{
    add_objects(schemas);
    add_memory(schemas);
    add_ranked(schemas, "Processes", "processes", "Process");
    add_ranked(schemas, "Services", "services", "Service");
    add_named(schemas);
    add_history(schemas);
    mwd_app_add_alert_schemas(schemas);
    add_absent(schemas);
    add_config(schemas);
    mwd_app_add_silence_schemas(schemas);
    add_groups(schemas);
    add_status(schemas);
    add_description(schemas);
    add_problem(schemas);
}
