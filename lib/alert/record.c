/* Alerts that outlive the process. A record comes from a file that others may have written, so
 * everything in it is looked at before any of it is believed. */
#include "alert/alert_internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static void make_record(const struct mw_alert_entry *entry, struct mw_alert_record *ret)
{
    memset(ret, 0, sizeof(*ret));
    mw_alert_entries_tell(entry, &ret->alert);
    ret->alert.rule = NULL;
    ret->condition = entry->condition;
    ret->elapsed_ms = entry->elapsed_ns / MW_NS_PER_MS;
    ret->raised = entry->raised;
}

bool mw_alerts_export(const struct mw_alerts *self, uint32_t place, struct mw_alert_record *ret)
{
    if (place >= self->places || self->entries[place].state == MW_ALERT_OK)
        return false;
    make_record(&self->entries[place], ret);
    return true;
}

int mw_alerts_record_of(const struct mw_alerts *self, const struct mw_alert *alert,
                        struct mw_alert_record *ret)
{
    uint32_t place;

    if (!mw_alerts_find(self, alert->fingerprint, alert->since_ms, &place))
        return -ENOENT;
    make_record(&self->entries[place], ret);
    return 0;
}

/* ---- import ---- */

static bool texts_fit(const struct mw_alert *alert)
{
    return mw_alert_text_fits(alert->rule_name, sizeof(alert->rule_name)) && alert->rule_name[0] &&
           mw_alert_text_fits(alert->name, sizeof(alert->name)) && alert->name[0];
}

static bool numbers_fit(const struct mw_alert_record *record)
{
    const struct mw_alert *alert = &record->alert;

    return isfinite(alert->value) && isfinite(alert->threshold) && isfinite(alert->limit) &&
           alert->since_ms >= 0 && alert->fired_ms >= 0 && alert->resolved_ms >= 0 &&
           record->elapsed_ms <= MW_ALERT_SPAN_MS_MAX;
}

static bool states_fit(const struct mw_alert *alert)
{
    if ((unsigned)alert->severity >= MW_ALERT_SEVERITY_COUNT ||
        (unsigned)alert->reason >= MW_ALERT_REASON_COUNT ||
        (unsigned)alert->reading >= MW_READING_COUNT)
        return false;
    switch (alert->state) {
    case MW_ALERT_PENDING:
        return alert->fired_ms == 0 && alert->resolved_ms == 0;
    case MW_ALERT_FIRING:
        return alert->fired_ms > 0 && alert->resolved_ms == 0;
    case MW_ALERT_RESOLVED:
        return alert->fired_ms > 0 && alert->resolved_ms > 0;
    default:
        return false;
    }
}

/* A name that was cut has lost what its fingerprint was made of; then nothing can be compared. */
static bool fingerprint_fits(const struct mw_alert *alert)
{
    enum mw_kind kind = mw_reading_info(alert->reading)->kind;
    size_t size = strlen(alert->name);
    uint64_t rule = mw_alert_hash_text(alert->rule_name, strlen(alert->rule_name));
    uint64_t subject = mw_alert_hash_subject(kind, alert->key, alert->name, size);

    if (size > MW_ALERT_SUBJECT_MAX - 4 && !(kind == MW_KIND_PROCESS && alert->key.id != 0))
        return true;
    return alert->fingerprint == mw_alert_hash_pair(rule, subject);
}

/* The readers of blocks have forgotten the names that others push, and learn them one by one. */
static bool comes_back_late(enum mw_kind kind)
{
    return kind == MW_KIND_HEAP || kind == MW_KIND_QUEUE || kind == MW_KIND_CACHE;
}

static void fill(struct mw_alerts *self, const struct mw_alert_record *record,
                 struct mw_alert_entry *entry)
{
    const struct mw_alert *alert = &record->alert;

    entry->reason = alert->reason;
    entry->condition = record->condition;
    entry->rule = mw_alert_rules_named(self->rules, alert->rule_name);
    entry->follow = mw_alert_rules_follow(self->rules, alert->rule_name, record->condition);
    entry->key = alert->key;
    entry->reading = alert->reading;
    entry->severity = alert->severity;
    entry->since_ms = alert->since_ms;
    entry->fired_ms = alert->fired_ms;
    entry->resolved_ms = alert->resolved_ms;
    entry->value_ms = alert->value_ms;
    entry->elapsed_ns = record->elapsed_ms * MW_NS_PER_MS;
    entry->value = alert->value;
    entry->threshold = alert->threshold;
    entry->limit = alert->limit;
    entry->value_known = alert->value_known;
    entry->threshold_known = alert->threshold_known;
    entry->limit_known = alert->limit_known;
    entry->raised = record->raised;
    entry->imported = comes_back_late(mw_reading_info(alert->reading)->kind);
    memcpy(entry->rule_name, alert->rule_name, sizeof(entry->rule_name));
    memcpy(entry->name, alert->name, sizeof(entry->name));
}

int mw_alerts_import(struct mw_alerts *self, const struct mw_alert_record *record)
{
    const struct mw_alert *alert = &record->alert;
    int32_t place;

    if (!states_fit(alert) || !numbers_fit(record) || !texts_fit(alert) || !fingerprint_fits(alert))
        return -EINVAL;
    if (mw_alert_entries_find(self, alert->fingerprint) != MW_ALERT_NONE)
        return -EEXIST;
    place = mw_alert_entries_take(self, alert->fingerprint);
    if (place == MW_ALERT_NONE)
        return -ENOSPC;
    fill(self, record, &self->entries[place]);
    mw_alert_entries_set_state(self, place, alert->state);
    mw_alert_rows_forget_all(self); /* rows are looked at anew: they may have alerts now */
    return 0;
}
