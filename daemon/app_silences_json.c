#include "daemon/app_silences.h"

#include "base/clock.h"
#include "base/units.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DETAIL_SIZE = 256 };

__attribute__((format(printf, 2, 3))) static int complain(char *detail, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(detail, DETAIL_SIZE, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

/* ---- members ---- */

static int take_text(const cJSON *item, char *text, size_t capacity, char *detail)
{
    if (!cJSON_IsString(item) || strlen(item->valuestring) >= capacity)
        return complain(detail, "%.40s takes a text of at most %zu bytes", item->string,
                        capacity - 1);
    memcpy(text, item->valuestring, strlen(item->valuestring) + 1);
    return 0;
}

static int take_time(const cJSON *item, int64_t *ret, char *detail)
{
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 1e15 ||
        floor(item->valuedouble) != item->valuedouble)
        return complain(detail, "%.40s takes a whole number: milliseconds since 1970",
                        item->string);
    *ret = (int64_t)item->valuedouble;
    return 0;
}

static int take_severities(const cJSON *item, uint32_t *ret, char *detail)
{
    const cJSON *word;

    if (!cJSON_IsArray(item))
        return complain(detail, "severity takes an array of info, warning and critical");
    cJSON_ArrayForEach(word, item)
    {
        unsigned severity = 0;

        while (cJSON_IsString(word) && severity < MW_ALERT_SEVERITY_COUNT &&
               strcmp(word->valuestring,
                      mw_alert_severity_word((enum mw_alert_severity)severity)) != 0)
            severity++;
        if (!cJSON_IsString(word) || severity == MW_ALERT_SEVERITY_COUNT)
            return complain(detail, "severity takes an array of info, warning and critical");
        *ret |= UINT32_C(1) << severity;
    }
    return 0;
}

static int take_labels(const cJSON *item, struct mw_alert_silence *ret, char *detail)
{
    const cJSON *label;

    if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) > MW_ALERT_MATCHERS_MAX)
        return complain(detail, "labels takes an object of at most %d names with globs",
                        MW_ALERT_MATCHERS_MAX);
    cJSON_ArrayForEach(label, item)
    {
        struct mw_alert_label *at = &ret->labels[ret->label_count];

        if (strlen(label->string) >= sizeof at->key)
            return complain(detail, "labels takes names of at most %d bytes",
                            MW_ALERT_LABEL_KEY_MAX);
        memcpy(at->key, label->string, strlen(label->string) + 1);
        if (take_text(label, at->value, sizeof at->value, detail) < 0)
            return -EINVAL;
        ret->label_count++;
    }
    return 0;
}

static int take_span(const cJSON *item, int64_t *ret_ms, char *detail)
{
    uint64_t ns;

    if (!cJSON_IsString(item) || mw_units_parse_span_ns(item->valuestring, &ns) < 0 ||
        ns < MW_NS_PER_S || ns > UINT64_C(366) * 86400 * MW_NS_PER_S)
        return complain(detail, "for takes a span from 1s to 366d, as \"2h\"");
    *ret_ms = (int64_t)(ns / MW_NS_PER_MS);
    return 0;
}

/* ---- bodies ---- */

static cJSON *parse_object(const char *body, size_t size, const char *takes, char *detail)
{
    cJSON *tree = cJSON_ParseWithLengthOpts(body, size + 1, NULL, 1);

    if (cJSON_IsObject(tree))
        return tree;
    cJSON_Delete(tree);
    complain(detail, "the body is no JSON object; it takes %s", takes);
    return NULL;
}

struct silence_reader {
    struct mw_alert_silence *silence;
    int64_t span_ms; /* 0: not given */
    char *detail;
};

static int take_member(struct silence_reader *self, const cJSON *item)
{
    struct mw_alert_silence *silence = self->silence;
    const char *key = item->string;

    if (strcmp(key, "rule") == 0)
        return take_text(item, silence->rule, sizeof silence->rule, self->detail);
    if (strcmp(key, "subject") == 0)
        return take_text(item, silence->subject, sizeof silence->subject, self->detail);
    if (strcmp(key, "author") == 0)
        return take_text(item, silence->author, sizeof silence->author, self->detail);
    if (strcmp(key, "comment") == 0)
        return take_text(item, silence->comment, sizeof silence->comment, self->detail);
    if (strcmp(key, "startsMs") == 0)
        return take_time(item, &silence->starts_ms, self->detail);
    if (strcmp(key, "endsMs") == 0)
        return take_time(item, &silence->ends_ms, self->detail);
    if (strcmp(key, "for") == 0)
        return take_span(item, &self->span_ms, self->detail);
    if (strcmp(key, "severity") == 0)
        return take_severities(item, &silence->severities, self->detail);
    if (strcmp(key, "labels") == 0)
        return take_labels(item, silence, self->detail);
    return complain(self->detail,
                    "\"%.40s\" is no member of a silence, which takes rule, subject, severity, "
                    "labels, startsMs, endsMs or for, author and comment",
                    key);
}

static int set_end(struct silence_reader *self, int64_t now_ms)
{
    struct mw_alert_silence *silence = self->silence;

    if (self->span_ms > 0 && silence->ends_ms > 0)
        return complain(self->detail, "for does not go with endsMs: a silence has one end");
    if (self->span_ms > 0)
        silence->ends_ms = silence->starts_ms + self->span_ms;
    if (silence->ends_ms == 0)
        return complain(self->detail, "a silence needs an end: endsMs, or for, as \"2h\"");
    if (silence->ends_ms <= now_ms)
        return complain(self->detail, "endsMs is past: %" PRId64 " and now it is %" PRId64,
                        silence->ends_ms, now_ms);
    return 0;
}

static int take_members(struct silence_reader *self, const cJSON *tree)
{
    const cJSON *item;
    int r = 0;

    cJSON_ArrayForEach(item, tree)
    {
        r = take_member(self, item);
        if (r < 0)
            break;
    }
    return r;
}

int mwd_app_silence_parse(const char *body, size_t size, int64_t now_ms,
                          struct mw_alert_silence *ret, char *detail)
{
    struct silence_reader self = {ret, 0, detail};
    cJSON *tree = parse_object(
        body, size, "{\"rule\":\"queue-*\",\"for\":\"2h\",\"author\":\"ann\",\"comment\":\"\"}",
        detail);
    int r;

    if (!tree)
        return -EINVAL;
    memset(ret, 0, sizeof *ret);
    ret->starts_ms = now_ms;
    r = take_members(&self, tree);
    if (r == 0)
        r = set_end(&self, now_ms);
    cJSON_Delete(tree);
    return r;
}

int mwd_app_ack_parse(const char *body, size_t size, struct mw_alert_ack *ret, char *detail)
{
    cJSON *tree = parse_object(body, size, "{\"author\":\"ann\",\"comment\":\"\"}", detail);
    const cJSON *item;
    int r = 0;

    if (!tree)
        return -EINVAL;
    cJSON_ArrayForEach(item, tree)
    {
        if (strcmp(item->string, "author") == 0)
            r = take_text(item, ret->author, sizeof ret->author, detail);
        else if (strcmp(item->string, "comment") == 0)
            r = take_text(item, ret->comment, sizeof ret->comment, detail);
        else
            r = complain(detail, "\"%.40s\" is no member of this, which takes author and comment",
                         item->string);
        if (r < 0)
            break;
    }
    cJSON_Delete(tree);
    return r;
}

/* ---- out ---- */

static void add_matchers(cJSON *object, const struct mw_alert_silence *silence)
{
    cJSON *severities, *labels;

    cJSON_AddStringToObject(object, "rule", *silence->rule ? silence->rule : "*");
    cJSON_AddStringToObject(object, "subject", *silence->subject ? silence->subject : "*");
    severities = cJSON_AddArrayToObject(object, "severity");
    for (unsigned i = 0; i < MW_ALERT_SEVERITY_COUNT; i++)
        if (silence->severities == 0 || (silence->severities >> i & 1))
            cJSON_AddItemToArray(
                severities, cJSON_CreateString(mw_alert_severity_word((enum mw_alert_severity)i)));
    labels = cJSON_AddObjectToObject(object, "labels");
    for (uint32_t i = 0; i < silence->label_count; i++)
        cJSON_AddStringToObject(labels, silence->labels[i].key, silence->labels[i].value);
}

static cJSON *of_silence(const struct mw_alert_silence *silence, int64_t now_ms)
{
    cJSON *object = cJSON_CreateObject();
    char id[17];

    snprintf(id, sizeof id, "%016" PRIx64, silence->id);
    cJSON_AddStringToObject(object, "id", id);
    cJSON_AddStringToObject(object, "state", silence->starts_ms > now_ms ? "pending" : "active");
    add_matchers(object, silence);
    cJSON_AddNumberToObject(object, "startsMs", (double)silence->starts_ms);
    cJSON_AddNumberToObject(object, "endsMs", (double)silence->ends_ms);
    cJSON_AddStringToObject(object, "author", silence->author);
    cJSON_AddStringToObject(object, "comment", silence->comment);
    return object;
}

static void print(cJSON *object, struct mwd_buffer *out)
{
    char *text = cJSON_PrintUnformatted(object);

    if (text)
        mwd_buffer_puts(out, text);
    else
        out->failed = -ENOMEM;
    cJSON_free(text);
    cJSON_Delete(object);
}

void mwd_app_silence_json(const struct mw_alert_silence *silence, int64_t now_ms,
                          struct mwd_buffer *out)
{
    print(of_silence(silence, now_ms), out);
}

void mwd_app_silences_json(const struct mw_alert_silence *silences, uint32_t count, int64_t now_ms,
                           struct mwd_buffer *out)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *array;

    cJSON_AddNumberToObject(object, "timeMs", (double)now_ms);
    array = cJSON_AddArrayToObject(object, "silences");
    for (uint32_t i = 0; i < count; i++)
        cJSON_AddItemToArray(array, of_silence(&silences[i], now_ms));
    print(object, out);
}
