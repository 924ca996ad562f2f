/* From state to state.
 *
 *                 over the raise level
 *        ok ---------------------------------> pending
 *                                                 |  raised for `for`, and over the raise level
 *        ok <--------- at the clear level --------+
 *                                                 v
 *     resolved <------ down for `keep`, ------- firing
 *                  and at the clear level
 *
 * Raised and down are the two sides of a watermark with two levels: between the levels it stays
 * what it was, and its time goes on. Only the step to another state asks for a value beyond the
 * level in question, so that no alert fires with a value that contradicts it. Time is the sum of
 * the spans that ended with a value; a span that ended without one does not count. */
#include "alert/alert_internal.h"

#include <string.h>

/* What has gone by since the last look, when both looks had the same clock. */
static uint64_t since_last(const struct mw_alert_pass *pass, struct mw_alert_entry *entry)
{
    uint64_t ns = entry->has_clock && pass->ns > entry->last_ns ? pass->ns - entry->last_ns : 0;

    entry->last_ns = pass->ns;
    entry->has_clock = true;
    return ns;
}

static void add_point(struct mw_alert_entry *entry, int64_t ms, double value)
{
    if (entry->after == MW_ALERT_POINTS_AFTER)
        return;
    if (entry->after > 0 && entry->points_after[entry->after - 1].time_ms >= ms)
        return;
    entry->points_after[entry->after++] = (struct mw_alert_point){ms, value};
}

static void note(const struct mw_alert_pass *pass, const struct mw_alert_follow *follow,
                 struct mw_alert_entry *entry, const struct mw_alert_sight *sight)
{
    entry->severity = follow->rule->severity;
    entry->limit_known = sight->limit_known;
    entry->limit = sight->limit;
    if (follow->rule->mode == MW_ALERT_ABSENT)
        return;
    entry->value_known = entry->threshold_known = true;
    entry->value = sight->value;
    entry->value_ms = pass->ms;
    entry->threshold = sight->levels.raise;
    add_point(entry, pass->ms, sight->value);
}

void mw_alert_wait(const struct mw_alert_pass *pass, struct mw_alert_entry *entry)
{
    since_last(pass, entry);
    entry->round = pass->alerts->round;
}

bool mw_alert_end(struct mw_alerts *self, int32_t place, enum mw_alert_reason reason,
                  int64_t now_ms)
{
    struct mw_alert_entry *entry = &self->entries[place];

    if (!mw_alert_events_fit(self))
        return false;
    entry->reason = reason;
    if (entry->state == MW_ALERT_PENDING) {
        mw_alert_events_put(self, entry, MW_ALERT_OK);
        mw_alert_entries_give(self, place);
        return true;
    }
    entry->resolved_ms = now_ms;
    mw_alert_entries_set_state(self, place, MW_ALERT_RESOLVED);
    mw_alert_events_put(self, entry, MW_ALERT_RESOLVED);
    self->numbers.ended++;
    return true;
}

static void fire(const struct mw_alert_pass *pass, int32_t place)
{
    struct mw_alerts *self = pass->alerts;
    struct mw_alert_entry *entry = &self->entries[place];

    entry->fired_ms = pass->ms;
    entry->elapsed_ns = 0;
    mw_alert_entries_set_state(self, place, MW_ALERT_FIRING);
    mw_alert_events_put(self, entry, MW_ALERT_FIRING);
    self->numbers.fired++;
}

static bool passed(const struct mw_alert_entry *entry, uint64_t ms)
{
    return entry->elapsed_ns / MW_NS_PER_MS >= ms;
}

/* ---- raising ---- */

static void name_entry(const struct mw_alert_pass *pass, const struct mw_alert_who *who,
                       struct mw_alert_entry *entry)
{
    const char *name = who->name;
    size_t size;

    if (name)
        size = strlen(name);
    else if (!mw_alert_row_name(pass, who->row, &name, &size))
        return;
    mw_alert_copy_text(name, size, entry->name, sizeof(entry->name));
}

static void begin(const struct mw_alert_pass *pass, struct mw_alert_follow *follow,
                  const struct mw_alert_who *who, struct mw_alert_entry *entry)
{
    entry->follow = follow;
    entry->rule = follow->rule;
    entry->condition = follow->condition;
    entry->reading = follow->rule->reading;
    entry->key = who->key;
    entry->since_ms = entry->value_ms = pass->ms;
    entry->last_ns = pass->ns;
    entry->has_clock = true;
    entry->raised = true;
    entry->round = pass->alerts->round;
    memcpy(entry->rule_name, follow->rule->name, sizeof(entry->rule_name));
    name_entry(pass, who, entry);
}

/* There is room for the event. Returns whether there is an alert now. */
static bool raise(const struct mw_alert_pass *pass, struct mw_alert_follow *follow,
                  const struct mw_alert_who *who, const struct mw_alert_sight *sight,
                  uint64_t fingerprint)
{
    struct mw_alerts *self = pass->alerts;
    int32_t place = mw_alert_entries_take(self, fingerprint);

    if (place == MW_ALERT_NONE) {
        self->numbers.dropped++;
        return false;
    }
    begin(pass, follow, who, &self->entries[place]);
    note(pass, follow, &self->entries[place], sight);
    if (follow->rule->for_ms == 0) {
        fire(pass, place);
        return true;
    }
    mw_alert_entries_set_state(self, place, MW_ALERT_PENDING);
    mw_alert_events_put(self, &self->entries[place], MW_ALERT_PENDING);
    return true;
}

/* ---- those that are in the table ---- */

static void step_pending(const struct mw_alert_pass *pass, const struct mw_alert_follow *follow,
                         int32_t place, enum mw_detect_side side)
{
    struct mw_alert_entry *entry = &pass->alerts->entries[place];

    if (side == MW_DETECT_CLEAR)
        mw_alert_end(pass->alerts, place, MW_ALERT_CLEARED, pass->ms);
    else if (side == MW_DETECT_RAISED && passed(entry, follow->rule->for_ms) &&
             mw_alert_events_fit(pass->alerts))
        fire(pass, place);
}

static void step_firing(const struct mw_alert_pass *pass, const struct mw_alert_follow *follow,
                        int32_t place, enum mw_detect_side side)
{
    struct mw_alert_entry *entry = &pass->alerts->entries[place];
    bool was_raised = entry->raised;

    if (side != MW_DETECT_BETWEEN)
        entry->raised = side == MW_DETECT_RAISED;
    if (entry->raised || was_raised)
        entry->elapsed_ns = 0; /* the time down begins with the first value that is */
    if (side == MW_DETECT_CLEAR && passed(entry, follow->rule->keep_ms))
        mw_alert_end(pass->alerts, place, MW_ALERT_CLEARED, pass->ms);
}

static enum mw_detect_side side_of(const struct mw_alert_follow *follow,
                                   const struct mw_alert_sight *sight)
{
    if (follow->rule->mode == MW_ALERT_ABSENT)
        return sight->known ? MW_DETECT_CLEAR : MW_DETECT_RAISED;
    return mw_detect_side(&sight->levels, sight->value);
}

static void step_entry(const struct mw_alert_pass *pass, const struct mw_alert_follow *follow,
                       int32_t place, const struct mw_alert_sight *sight)
{
    struct mw_alert_entry *entry = &pass->alerts->entries[place];

    if (!sight->known && follow->rule->mode != MW_ALERT_ABSENT) {
        mw_alert_wait(pass, entry);
        return;
    }
    entry->elapsed_ns += since_last(pass, entry);
    entry->imported = false;
    entry->grace_ms = 0;
    entry->round = pass->alerts->round;
    note(pass, follow, entry, sight);
    if (entry->state == MW_ALERT_PENDING)
        step_pending(pass, follow, place, side_of(follow, sight));
    else
        step_firing(pass, follow, place, side_of(follow, sight));
}

bool mw_alert_step(const struct mw_alert_pass *pass, struct mw_alert_follow *follow,
                   const struct mw_alert_who *who, const struct mw_alert_sight *sight)
{
    struct mw_alerts *self = pass->alerts;
    uint64_t fingerprint = mw_alert_hash_pair(follow->name_hash, who->subject_hash);
    int32_t place = mw_alert_entries_find(self, fingerprint);
    bool can_raise = sight->known || follow->rule->mode == MW_ALERT_ABSENT;

    if (place != MW_ALERT_NONE && self->entries[place].state != MW_ALERT_RESOLVED) {
        if (self->entries[place].follow == follow)
            step_entry(pass, follow, place, sight);
        return true;
    }
    if (!can_raise || side_of(follow, sight) != MW_DETECT_RAISED || !mw_alert_events_fit(self))
        return place != MW_ALERT_NONE;
    if (place != MW_ALERT_NONE)
        mw_alert_entries_give(self, place);
    return raise(pass, follow, who, sight, fingerprint);
}
