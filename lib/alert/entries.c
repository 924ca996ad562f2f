/* The table: places in an array, found by fingerprint through buckets. Places that are free and
 * alerts that are resolved stand in lists; the latter in the order in which they were resolved, so
 * that the oldest makes room. The array is taken at once and is zero: memory of places that were
 * never used is never touched. */
#include "alert/alert_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t bucket_count(uint32_t states)
{
    uint32_t count = 16;

    while (count < states)
        count *= 2;
    return count;
}

int mw_alert_entries_init(struct mw_alerts *self)
{
    self->free = self->oldest = self->youngest = MW_ALERT_NONE;
    self->bucket_count = bucket_count(self->config.states);
    self->entries = calloc(self->config.states, sizeof(*self->entries));
    self->events = calloc(self->config.events, sizeof(*self->events));
    self->buckets = malloc(self->bucket_count * sizeof(*self->buckets));
    if (self->entries == NULL || self->events == NULL || self->buckets == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < self->bucket_count; i++)
        self->buckets[i] = MW_ALERT_NONE;
    return 0;
}

void mw_alert_entries_deinit(struct mw_alerts *self)
{
    free(self->entries);
    free(self->events);
    free(self->buckets);
}

/* ---- places ---- */

static int32_t *bucket_of(const struct mw_alerts *self, uint64_t fingerprint)
{
    return &self->buckets[fingerprint & (self->bucket_count - 1)];
}

int32_t mw_alert_entries_find(const struct mw_alerts *self, uint64_t fingerprint)
{
    int32_t place = *bucket_of(self, fingerprint);

    while (place != MW_ALERT_NONE && self->entries[place].fingerprint != fingerprint)
        place = self->entries[place].next;
    return place;
}

bool mw_alert_entries_full(const struct mw_alerts *self)
{
    return self->free == MW_ALERT_NONE && self->oldest == MW_ALERT_NONE &&
           self->places == self->config.states;
}

static int32_t take_place(struct mw_alerts *self)
{
    int32_t place = self->free;

    if (place != MW_ALERT_NONE)
        self->free = self->entries[place].next;
    else if (self->places < self->config.states)
        place = (int32_t)self->places++;
    return place;
}

int32_t mw_alert_entries_take(struct mw_alerts *self, uint64_t fingerprint)
{
    int32_t *bucket = bucket_of(self, fingerprint);
    int32_t place = take_place(self);

    if (place == MW_ALERT_NONE && self->oldest != MW_ALERT_NONE) {
        mw_alert_entries_give(self, self->oldest);
        place = take_place(self);
    }
    if (place == MW_ALERT_NONE)
        return place;
    memset(&self->entries[place], 0, sizeof(self->entries[place]));
    self->entries[place].fingerprint = fingerprint;
    self->entries[place].older = self->entries[place].younger = MW_ALERT_NONE;
    self->entries[place].next = *bucket;
    *bucket = place;
    return place;
}

static void drop_ack(struct mw_alerts *self, const struct mw_alert_entry *entry)
{
    for (uint32_t i = 0; i < self->ack_count; i++)
        if (self->acks[i].fingerprint == entry->fingerprint) {
            self->acks[i] = self->acks[--self->ack_count];
            return;
        }
}

void mw_alert_entries_give(struct mw_alerts *self, int32_t place)
{
    struct mw_alert_entry *entry = &self->entries[place];
    int32_t *link = bucket_of(self, entry->fingerprint);

    mw_alert_entries_set_state(self, place, MW_ALERT_OK);
    drop_ack(self, entry);
    while (*link != place)
        link = &self->entries[*link].next;
    *link = entry->next;
    entry->next = self->free;
    self->free = place;
}

/* ---- states ---- */

static void leave_resolved(struct mw_alerts *self, struct mw_alert_entry *entry)
{
    if (entry->older == MW_ALERT_NONE)
        self->oldest = entry->younger;
    else
        self->entries[entry->older].younger = entry->younger;
    if (entry->younger == MW_ALERT_NONE)
        self->youngest = entry->older;
    else
        self->entries[entry->younger].older = entry->older;
    entry->older = entry->younger = MW_ALERT_NONE;
}

static void join_resolved(struct mw_alerts *self, int32_t place)
{
    struct mw_alert_entry *entry = &self->entries[place];

    entry->older = self->youngest;
    entry->younger = MW_ALERT_NONE;
    if (self->youngest == MW_ALERT_NONE)
        self->oldest = place;
    else
        self->entries[self->youngest].younger = place;
    self->youngest = place;
}

static bool is_orphan(const struct mw_alert_entry *entry)
{
    return entry->follow == NULL &&
           (entry->state == MW_ALERT_PENDING || entry->state == MW_ALERT_FIRING);
}

void mw_alert_entries_set_state(struct mw_alerts *self, int32_t place, enum mw_alert_state state)
{
    struct mw_alert_entry *entry = &self->entries[place];

    self->orphans -= is_orphan(entry);
    if (entry->state == MW_ALERT_RESOLVED)
        leave_resolved(self, entry);
    if (entry->state != MW_ALERT_OK)
        self->counts[entry->state]--;
    entry->state = state;
    if (state != MW_ALERT_OK)
        self->counts[state]++;
    if (state == MW_ALERT_RESOLVED)
        join_resolved(self, place);
    self->orphans += is_orphan(entry);
}

static void tell_subject(const struct mw_alert_entry *entry, struct mw_alert *ret)
{
    if (mw_reading_info(entry->reading)->kind == MW_KIND_PROCESS && entry->key.id != 0)
        snprintf(ret->subject, sizeof(ret->subject), "%" PRIu64 ":%" PRIu64, entry->key.id,
                 entry->key.birth);
    else
        memcpy(ret->subject, entry->name, sizeof(ret->subject));
}

void mw_alert_entries_tell(const struct mw_alert_entry *entry, struct mw_alert *ret)
{
    *ret = (struct mw_alert){
        .fingerprint = entry->fingerprint,
        .since_ms = entry->since_ms,
        .fired_ms = entry->fired_ms,
        .resolved_ms = entry->resolved_ms,
        .value_ms = entry->value_ms,
        .state = entry->state,
        .reason = entry->reason,
        .reading = entry->reading,
        .severity = entry->severity,
        .rule = entry->rule,
        .key = entry->key,
        .value_known = entry->value_known,
        .threshold_known = entry->threshold_known,
        .limit_known = entry->limit_known,
        .value = entry->value,
        .threshold = entry->threshold,
        .limit = entry->limit,
    };
    memcpy(ret->rule_name, entry->rule_name, sizeof(ret->rule_name));
    memcpy(ret->name, entry->name, sizeof(ret->name));
    tell_subject(entry, ret);
}

/* ---- events ---- */

bool mw_alert_events_fit(struct mw_alerts *self)
{
    if (self->event_count < self->config.events)
        return true;
    self->numbers.deferred++;
    self->more = true;
    return false;
}

void mw_alert_events_put(struct mw_alerts *self, const struct mw_alert_entry *entry,
                         enum mw_alert_state state)
{
    uint32_t at = (self->event_first + self->event_count++) % self->config.events;

    mw_alert_entries_tell(entry, &self->events[at]);
    self->events[at].state = state;
}

bool mw_alerts_take(struct mw_alerts *self, struct mw_alert *ret)
{
    if (self->event_count == 0)
        return false;
    *ret = self->events[self->event_first];
    self->event_first = (self->event_first + 1) % self->config.events;
    self->event_count--;
    return true;
}
