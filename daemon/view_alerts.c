#include "daemon/view_alerts.h"

#include "base/glob.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNIT_MAX = 32, ID_DIGITS = 17 };

const char *const mwd_view_alert_states[] = {"pending", "firing", "resolved", NULL};
const char *const mwd_view_alert_severities[] = {"info", "warning", "critical", NULL};

/* ---- pieces ---- */

static void put_text(struct mwd_json *json, const char *key, const char *text)
{
    mwd_json_key(json, key);
    mwd_json_string(json, text);
}

static void put_number(struct mwd_json *json, const char *key, double value, bool known)
{
    mwd_json_key(json, key);
    if (known)
        mwd_json_f64(json, value);
    else
        mwd_json_null(json);
}

/* 0 stands for a time that has not come. */
static void put_time(struct mwd_json *json, const char *key, int64_t time_ms)
{
    mwd_json_key(json, key);
    if (time_ms != 0)
        mwd_json_i64(json, time_ms);
    else
        mwd_json_null(json);
}

static void put_count(struct mwd_json *json, const char *key, uint64_t count)
{
    mwd_json_key(json, key);
    mwd_json_u64(json, count);
}

static void put_labels(struct mwd_json *json, const struct mw_alert_rule *rule)
{
    mwd_json_key(json, "labels");
    mwd_json_open_object(json);
    for (uint32_t i = 0; rule && i < rule->label_count; i++)
        put_text(json, rule->labels[i].key, rule->labels[i].value);
    mwd_json_close_object(json);
}

static bool is_time(enum mw_alert_mode mode)
{
    return mode == MW_ALERT_TIME_TO_FULL || mode == MW_ALERT_TIME_TO_EMPTY;
}

static void put_reading(struct mwd_json *json, enum mw_reading reading, enum mw_alert_mode mode)
{
    const struct mw_reading_info *info = mw_reading_info(reading);
    char unit[UNIT_MAX];

    snprintf(unit, sizeof unit, "%s%s", is_time(mode) ? "s" : mw_unit_word(info->unit),
             mode == MW_ALERT_RATE ? "/s" : "");
    put_text(json, "kind", mw_kind_word(info->kind));
    put_text(json, "reading", info->id);
    put_text(json, "unit", unit);
}

/* ---- an alert ---- */

static void put_silence(const struct mwd_alerts_input *input, const struct mw_alert *alert,
                        struct mwd_json *json)
{
    uint64_t id = mw_alerts_silenced_by(input->alerts, alert, input->now_ms);
    char text[ID_DIGITS];

    mwd_json_key(json, "silencedBy");
    snprintf(text, sizeof text, "%016" PRIx64, id);
    if (id != 0)
        mwd_json_string(json, text);
    else
        mwd_json_null(json);
}

static void put_ack(const struct mwd_alerts_input *input, const struct mw_alert *alert,
                    struct mwd_json *json)
{
    const struct mw_alert_ack *ack = mw_alerts_ack_of(input->alerts, alert);

    mwd_json_key(json, "ack");
    if (!ack) {
        mwd_json_null(json);
        return;
    }
    mwd_json_open_object(json);
    put_text(json, "author", ack->author);
    put_text(json, "comment", ack->comment);
    put_time(json, "timeMs", ack->time_ms);
    mwd_json_close_object(json);
}

static void put_evidence(const struct mwd_alerts_input *input, const struct mw_alert *alert,
                         struct mwd_json *json)
{
    struct mw_alert_point points[MW_ALERT_POINTS_MAX];
    uint32_t place, count = 0;

    if (mw_alerts_find(input->alerts, alert->fingerprint, alert->since_ms, &place))
        count = mw_alerts_points(input->alerts, place, points);
    mwd_json_key(json, "evidence");
    mwd_json_open_array(json);
    for (uint32_t i = 0; i < count; i++) {
        mwd_json_open_array(json);
        mwd_json_i64(json, points[i].time_ms);
        mwd_json_f64(json, points[i].value);
        mwd_json_close_array(json);
    }
    mwd_json_close_array(json);
}

static void put_who(const struct mw_alert *alert, struct mwd_json *json)
{
    char id[MW_ALERT_ID_MAX];

    mw_alert_format_id(alert->fingerprint, alert->since_ms, id);
    put_text(json, "id", id);
    put_text(json, "rule", alert->rule_name);
    put_reading(json, alert->reading, alert->rule ? alert->rule->mode : MW_ALERT_VALUE);
    put_text(json, "subject", alert->subject);
    put_text(json, "name", alert->name);
}

static void put_state(const struct mw_alert *alert, struct mwd_json *json)
{
    put_text(json, "state", mw_alert_state_word(alert->state));
    mwd_json_key(json, "reason");
    if (alert->reason != MW_ALERT_NO_REASON)
        mwd_json_string(json, mw_alert_reason_word(alert->reason));
    else
        mwd_json_null(json);
    put_text(json, "severity", mw_alert_severity_word(alert->severity));
    put_number(json, "value", alert->value, alert->value_known);
    put_number(json, "threshold", alert->threshold, alert->threshold_known);
    put_number(json, "limit", alert->limit, alert->limit_known);
    put_time(json, "sinceMs", alert->since_ms);
    put_time(json, "firedMs", alert->fired_ms);
    put_time(json, "resolvedMs", alert->resolved_ms);
    put_time(json, "valueMs", alert->value_ms);
}

static void put_alert(const struct mwd_alerts_input *input, const struct mw_alert *alert,
                      struct mwd_json *json)
{
    char summary[MW_ALERT_SUMMARY_MAX + 1];

    mwd_json_open_object(json);
    put_who(alert, json);
    put_state(alert, json);
    mw_alert_summary(alert, summary);
    put_text(json, "summary", summary);
    put_labels(json, alert->rule);
    put_silence(input, alert, json);
    put_ack(input, alert, json);
    put_evidence(input, alert, json);
    mwd_json_close_object(json);
}

void mwd_view_alert_event(const struct mwd_alerts_input *input, const struct mw_alert *alert,
                          struct mwd_buffer *out)
{
    struct mwd_json json;

    mwd_json_init(&json, out);
    put_alert(input, alert, &json);
}

int mwd_view_alert_one(const struct mwd_alerts_input *input, const char *id, struct mwd_buffer *out)
{
    struct mw_alert alert;
    uint64_t fingerprint;
    int64_t since_ms;
    uint32_t place;

    if (mw_alert_parse_id(id, &fingerprint, &since_ms) < 0 ||
        !mw_alerts_find(input->alerts, fingerprint, since_ms, &place) ||
        !mw_alerts_at(input->alerts, place, &alert))
        return -ENOENT;
    mwd_view_alert_event(input, &alert, out);
    return 0;
}

/* ---- all alerts ---- */

/* What they are put in order by. */
struct ranked {
    uint32_t place;
    enum mw_alert_state state;
    int64_t since_ms;
};

static bool is_word(const char *wanted, const char *word)
{
    return !wanted || strcmp(wanted, word) == 0;
}

static bool is_like(const char *glob, const char *text)
{
    return !glob || mw_glob_matches(glob, text, strlen(text));
}

static bool is_asked_for(const struct mwd_alerts_query *query, const struct mw_alert *alert)
{
    return is_word(query->state, mw_alert_state_word(alert->state)) &&
           is_word(query->severity, mw_alert_severity_word(alert->severity)) &&
           is_like(query->rule, alert->rule_name) && is_like(query->subject, alert->name);
}

static int compare(const void *left, const void *right)
{
    static const int ranks[MW_ALERT_STATE_COUNT] = {
        [MW_ALERT_FIRING] = 0, [MW_ALERT_PENDING] = 1, [MW_ALERT_RESOLVED] = 2};
    const struct ranked *a = left, *b = right;

    if (a->state != b->state)
        return ranks[a->state] - ranks[b->state];
    if (a->since_ms != b->since_ms)
        return a->since_ms > b->since_ms ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

static uint32_t collect(const struct mwd_alerts_input *input, const struct mwd_alerts_query *query,
                        struct ranked *items)
{
    uint32_t count = 0;
    struct mw_alert alert;

    for (uint32_t i = 0; i < mw_alerts_places(input->alerts); i++)
        if (mw_alerts_at(input->alerts, i, &alert) && is_asked_for(query, &alert))
            items[count++] = (struct ranked){i, alert.state, alert.since_ms};
    qsort(items, count, sizeof *items, compare);
    return count;
}

static void put_alerts(const struct mwd_alerts_input *input, const struct ranked *items,
                       uint32_t count, struct mwd_json *json)
{
    struct mw_alert alert;

    mwd_json_key(json, "alerts");
    mwd_json_open_array(json);
    for (uint32_t i = 0; i < count; i++)
        if (mw_alerts_at(input->alerts, items[i].place, &alert))
            put_alert(input, &alert, json);
    mwd_json_close_array(json);
}

void mwd_view_alerts(const struct mwd_alerts_input *input, const struct mwd_alerts_query *query,
                     struct mwd_buffer *out)
{
    struct ranked *items = calloc((size_t)mw_alerts_places(input->alerts) + 1, sizeof *items);
    struct mwd_json json;
    uint32_t total;

    if (!items) {
        out->failed = -ENOMEM;
        return;
    }
    total = collect(input, query, items);
    mwd_json_init(&json, out);
    mwd_json_open_object(&json);
    put_time(&json, "timeMs", input->now_ms);
    put_count(&json, "total", total);
    put_alerts(input, items, total < query->limit ? total : (uint32_t)query->limit, &json);
    mwd_json_close_object(&json);
    free(items);
}

/* ---- rules ---- */

static void put_levels(const struct mw_alert_rule *rule, struct mwd_json *json)
{
    bool has_levels = rule->mode != MW_ALERT_ABSENT;

    put_text(json, "mode", mw_alert_mode_word(rule->mode));
    mwd_json_key(json, "op");
    if (has_levels)
        mwd_json_string(json, mw_alert_op_word(rule->op));
    else
        mwd_json_null(json);
    put_number(json, "raise", rule->raise.amount, has_levels);
    put_number(json, "clear", rule->clear.amount, has_levels);
    mwd_json_key(json, "percent");
    mwd_json_bool(json, has_levels && rule->raise.percent);
}

static void put_spans(const struct mw_alert_rule *rule, struct mwd_json *json)
{
    mwd_json_key(json, "windowMs");
    if (rule->mode == MW_ALERT_RATE || is_time(rule->mode))
        mwd_json_u64(json, rule->window_ms);
    else
        mwd_json_null(json);
    put_count(json, "forMs", rule->for_ms);
    put_count(json, "keepMs", rule->keep_ms);
}

static void put_sinks(const struct mwd_alerts_input *input, const struct mw_alert_rule *rule,
                      struct mwd_json *json)
{
    mwd_json_key(json, "to");
    mwd_json_open_array(json);
    for (uint32_t i = 0; i < input->sink_count; i++)
        if (rule->to >> i & 1)
            mwd_json_string(json, input->sinks[i]);
    mwd_json_close_array(json);
}

/* How many alerts of each rule are in each state. */
struct tally {
    uint32_t counts[MW_ALERT_RULES_MAX][MW_ALERT_STATE_COUNT];
};

static void count_states(const struct mwd_alerts_input *input, struct tally *ret)
{
    uint32_t count;
    const struct mw_alert_rule *rules = mw_alerts_rules(input->alerts, &count);
    struct mw_alert alert;

    memset(ret, 0, sizeof *ret);
    for (uint32_t i = 0; i < mw_alerts_places(input->alerts); i++)
        if (mw_alerts_at(input->alerts, i, &alert))
            for (uint32_t j = 0; j < count; j++)
                ret->counts[j][alert.state] += &rules[j] == alert.rule;
}

static void put_rule(const struct mwd_alerts_input *input, const struct mw_alert_rule *rule,
                     const uint32_t *counts, struct mwd_json *json)
{
    mwd_json_open_object(json);
    put_text(json, "name", rule->name);
    put_reading(json, rule->reading, rule->mode);
    put_text(json, "subject", rule->subject);
    put_levels(rule, json);
    put_spans(rule, json);
    put_text(json, "severity", mw_alert_severity_word(rule->severity));
    put_text(json, "summary", rule->summary[0] ? rule->summary : mw_alert_summary_default(rule));
    put_labels(json, rule);
    put_sinks(input, rule, json);
    mwd_json_key(json, "enabled");
    mwd_json_bool(json, rule->enabled);
    put_count(json, "pending", counts[MW_ALERT_PENDING]);
    put_count(json, "firing", counts[MW_ALERT_FIRING]);
    put_count(json, "resolved", counts[MW_ALERT_RESOLVED]);
    mwd_json_close_object(json);
}

void mwd_view_rules(const struct mwd_alerts_input *input, struct mwd_buffer *out)
{
    uint32_t count;
    const struct mw_alert_rule *rules = mw_alerts_rules(input->alerts, &count);
    struct mwd_json json;
    struct tally tally;

    count_states(input, &tally);
    mwd_json_init(&json, out);
    mwd_json_open_object(&json);
    put_time(&json, "timeMs", input->now_ms);
    mwd_json_key(&json, "rules");
    mwd_json_open_array(&json);
    for (uint32_t i = 0; i < count; i++)
        put_rule(input, &rules[i], tally.counts[i], &json);
    mwd_json_close_array(&json);
    mwd_json_close_object(&json);
}
