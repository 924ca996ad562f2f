/* The schemas of alerts and rules. Their members are no readings, so they stand in a table here. */
#include "daemon/app_internal.h"
#include "daemon/view_alerts.h"

#include <cjson/cJSON.h>
#include <string.h>

struct member {
    const char *key;
    const char *type; /* "string|null": either */
    const char *description;
};

static const struct member alert_members[] = {
    {"id", "string", "Of this alert from when its level was crossed to its end."},
    {"rule", "string", "Name of the rule."},
    {"kind", "string", "Kind of its subject."},
    {"reading", "string", "Id of the reading."},
    {"unit", "string", "Of value, threshold and evidence."},
    {"subject", "string", "PID:STARTTIMEMS of a process, else the name."},
    {"name", "string", "Name of the subject."},
    {"state", "string", "pending, firing or resolved; ok of one that was pending and has passed."},
    {"reason", "string|null", "Why it ended: cleared, gone or rule-gone."},
    {"severity", "string", "info, warning or critical."},
    {"value", "number|null", "What was held against the level, when it was last known."},
    {"threshold", "number|null", "The level, in the unit of the value."},
    {"limit", "number|null", "100 % of the reading, in its own unit."},
    {"sinceMs", "integer", "When the level was crossed."},
    {"firedMs", "integer|null", "When it began to fire."},
    {"resolvedMs", "integer|null", "When it ended."},
    {"valueMs", "integer|null", "When the value was so."},
    {"summary", "string", "A sentence for people."},
    {"silencedBy", "string|null", "Id of a silence that means it now."},
};

static const struct member rule_members[] = {
    {"name", "string", "Its title in the configuration."},
    {"kind", "string", "Kind of its subjects."},
    {"reading", "string", "Id of the reading."},
    {"unit", "string", "Of raise and clear, unless they are percentages."},
    {"subject", "string", "A glob over names of subjects."},
    {"mode", "string", "value, rate, time-to-full, time-to-empty or absent."},
    {"op", "string|null", "above or below."},
    {"raise", "number|null", "The level."},
    {"clear", "number|null", "The level at which all is well again."},
    {"percent", "boolean", "Whether both are percentages of the reading's 100 %."},
    {"windowMs", "integer|null", "What a rate or a time to a limit is taken from."},
    {"forMs", "integer", "How long it must be raised before it fires."},
    {"keepMs", "integer", "How long it must be well again before it ends."},
    {"severity", "string", "info, warning or critical."},
    {"summary", "string", "The template of the sentence for people."},
    {"enabled", "boolean", "Whether it is followed."},
    {"pending", "integer", "Alerts of it that wait."},
    {"firing", "integer", "Alerts of it that fire."},
    {"resolved", "integer", "Alerts of it that have ended, as long as they are shown."},
};

static void add_type(cJSON *schema, const char *type)
{
    const char *bar = strchr(type, '|');
    char first[16] = "";
    cJSON *types;

    if (!bar) {
        cJSON_AddStringToObject(schema, "type", type);
        return;
    }
    memcpy(first, type, (size_t)(bar - type));
    types = cJSON_AddArrayToObject(schema, "type");
    cJSON_AddItemToArray(types, cJSON_CreateString(first));
    cJSON_AddItemToArray(types, cJSON_CreateString(bar + 1));
}

static cJSON *add_member(cJSON *object, const struct member *member)
{
    cJSON *properties = cJSON_GetObjectItemCaseSensitive(object, "properties");
    cJSON *schema = cJSON_AddObjectToObject(properties, member->key);

    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(object, "required"),
                         cJSON_CreateString(member->key));
    if (member->type)
        add_type(schema, member->type);
    if (member->description)
        cJSON_AddStringToObject(schema, "description", member->description);
    return schema;
}

static cJSON *begin(cJSON *owner, const char *name, const struct member *members, size_t count)
{
    cJSON *object = cJSON_AddObjectToObject(owner, name);

    cJSON_AddStringToObject(object, "type", "object");
    cJSON_AddObjectToObject(object, "properties");
    cJSON_AddArrayToObject(object, "required");
    for (size_t i = 0; i < count; i++)
        add_member(object, &members[i]);
    return object;
}

static void add_labels(cJSON *object)
{
    static const struct member labels = {"labels", "object", "Of its rule."};
    cJSON *schema = add_member(object, &labels);

    cJSON_AddStringToObject(cJSON_AddObjectToObject(schema, "additionalProperties"), "type",
                            "string");
}

static void add_ack(cJSON *object)
{
    static const struct member ack = {"ack", "object|null", "Who said that they know of it."};
    static const struct member members[] = {
        {"author", "string", NULL}, {"comment", "string", NULL}, {"timeMs", "integer", NULL}};
    cJSON *schema = add_member(object, &ack);
    cJSON_AddObjectToObject(schema, "properties");
    cJSON_AddArrayToObject(schema, "required");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        add_member(schema, &members[i]);
}

static void add_evidence(cJSON *object)
{
    static const struct member evidence = {"evidence", "array",
                                           "[timeMs, value] before and after sinceMs."};
    cJSON *items = cJSON_AddObjectToObject(add_member(object, &evidence), "items");

    cJSON_AddStringToObject(items, "type", "array");
    cJSON_AddStringToObject(cJSON_AddObjectToObject(items, "items"), "type", "number");
}

static void add_sinks(cJSON *object)
{
    static const struct member to = {"to", "array", "Names of the sinks that are told."};

    cJSON_AddStringToObject(cJSON_AddObjectToObject(add_member(object, &to), "items"), "type",
                            "string");
}

static void add_list(cJSON *schemas, const char *name, const struct member *list, bool has_total,
                     const char *item)
{
    static const struct member members[] = {{"timeMs", "integer", NULL},
                                            {"total", "integer", "Matches before the limit."}};
    cJSON *object = begin(schemas, name, members, has_total ? 2 : 1);

    mwd_app_add_reference(add_member(object, list), "items", item);
}

void mwd_app_add_alert_schemas(cJSON *schemas)
{
    static const struct member alerts = {"alerts", "array", NULL}, rules = {"rules", "array", NULL};
    cJSON *alert =
        begin(schemas, "Alert", alert_members, sizeof alert_members / sizeof alert_members[0]);
    cJSON *rule =
        begin(schemas, "Rule", rule_members, sizeof rule_members / sizeof rule_members[0]);

    add_labels(alert);
    add_ack(alert);
    add_evidence(alert);
    add_labels(rule);
    add_sinks(rule);
    add_list(schemas, "Alerts", &alerts, true, "Alert");
    add_list(schemas, "Rules", &rules, false, "Rule");
}
