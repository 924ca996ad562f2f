/* What webhooks and hooks are told, as JSON. */
#include "daemon/app_alerts.h"

#include <cjson/cJSON.h>
#include <errno.h>

static void add_number(cJSON *root, const char *key, bool known, double value)
{
    if (known)
        cJSON_AddNumberToObject(root, key, value);
    else
        cJSON_AddNullToObject(root, key);
}

static void add_labels(cJSON *root, const struct mwd_outbox_content *content)
{
    cJSON *labels = cJSON_AddObjectToObject(root, "labels");

    for (uint32_t i = 0; i < content->label_count; i++)
        cJSON_AddStringToObject(labels, content->labels[i].key, content->labels[i].value);
}

void mwd_app_alert_body(const struct mwd_outbox_content *content, bool resolved,
                        struct mwd_buffer *out)
{
    const struct mw_alert *alert = &content->alert;
    cJSON *root = cJSON_CreateObject();
    char id[MW_ALERT_ID_MAX];
    char *text;

    mw_alert_format_id(alert->fingerprint, alert->since_ms, id);
    cJSON_AddNumberToObject(root, "version", 1);
    cJSON_AddStringToObject(root, "id", id);
    cJSON_AddStringToObject(root, "status", resolved ? "resolved" : "firing");
    cJSON_AddStringToObject(root, "rule", alert->rule_name);
    cJSON_AddStringToObject(root, "subject", alert->subject);
    cJSON_AddStringToObject(root, "name", alert->name);
    cJSON_AddStringToObject(root, "reading", mw_reading_info(alert->reading)->id);
    cJSON_AddStringToObject(root, "severity", mw_alert_severity_word(alert->severity));
    add_number(root, "value", alert->value_known, alert->value);
    add_number(root, "threshold", alert->threshold_known, alert->threshold);
    add_number(root, "limit", alert->limit_known, alert->limit);
    cJSON_AddNumberToObject(root, "sinceMs", (double)alert->since_ms);
    if (resolved) {
        cJSON_AddNumberToObject(root, "resolvedMs", (double)alert->resolved_ms);
        cJSON_AddStringToObject(root, "reason", mw_alert_reason_word(alert->reason));
    }
    cJSON_AddStringToObject(root, "summary", content->summary);
    add_labels(root, content);
    text = cJSON_PrintUnformatted(root);
    if (text)
        mwd_buffer_puts(out, text);
    else
        out->failed = -ENOMEM;
    cJSON_free(text);
    cJSON_Delete(root);
}
