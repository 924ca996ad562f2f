#include "alert/alert.h"

#include "alert/alert_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STATES_MAX = 1000000, EVENTS_MAX = 65536, TRACKS_MAX = 1000000 };

void mw_alert_config_default(struct mw_alert_config *ret)
{
    *ret = (struct mw_alert_config){
        .states = 10000,
        .events = 1024,
        .tracks = 10000,
        .resolved_ms = UINT64_C(3600) * 1000,
        .grace_ms = UINT64_C(60) * 1000,
    };
}

static bool is_sound(const struct mw_alert_config *config)
{
    return config->states >= 1 && config->states <= STATES_MAX && config->events >= 1 &&
           config->events <= EVENTS_MAX && config->tracks <= TRACKS_MAX &&
           config->resolved_ms <= MW_ALERT_SPAN_MS_MAX && config->grace_ms <= MW_ALERT_SPAN_MS_MAX;
}

static int take_memory(struct mw_alerts *self)
{
    int r = mw_alert_entries_init(self);

    self->tracks = calloc(self->config.tracks + 1, sizeof(*self->tracks));
    self->free_tracks = calloc(self->config.tracks + 1, sizeof(*self->free_tracks));
    self->silences = calloc(MW_ALERT_SILENCES_MAX, sizeof(*self->silences));
    self->acks = calloc(MW_ALERT_ACKS_MAX, sizeof(*self->acks));
    if (r == 0 && (!self->tracks || !self->free_tracks || !self->silences || !self->acks))
        r = -ENOMEM;
    return r < 0 ? r : mw_alert_rules_create(NULL, 0, &self->rules);
}

int mw_alerts_create(const struct mw_alert_config *config, struct mw_alerts **ret)
{
    struct mw_alerts *self;
    int r;

    if (!is_sound(config))
        return -EINVAL;
    self = calloc(1, sizeof(*self));
    if (self == NULL)
        return -ENOMEM;
    self->config = *config;
    r = take_memory(self);
    if (r < 0)
        goto fail;
    *ret = self;
    return 0;

fail:
    mw_alerts_destroy(self);
    return r;
}

struct mw_alerts *mw_alerts_destroy(struct mw_alerts *self)
{
    if (self != NULL) {
        mw_alert_rows_deinit(self);
        mw_alert_entries_deinit(self);
        mw_alert_rules_destroy(self->rules);
        mw_alert_rules_destroy(self->retired);
        free(self->tracks);
        free(self->free_tracks);
        free(self->silences);
        free(self->acks);
        free(self);
    }
    return NULL;
}

void mw_alerts_set_names(struct mw_alerts *self, mw_alert_name_fn name, void *context)
{
    self->name = name;
    self->name_context = context;
}

/* ---- rules ---- */

/* The rule of this name: one that is followed now, or that was until now. */
static const struct mw_alert_rule *latest(const struct mw_alert_rules *rules,
                                          const struct mw_alert_rules *before, const char *name)
{
    const struct mw_alert_rule *rule = mw_alert_rules_named(rules, name);

    return rule ? rule : mw_alert_rules_named(before, name);
}

/* Its state stays as it is, so lists and counts must be told. */
static void rebind(struct mw_alerts *self, int32_t place, const struct mw_alert_rules *rules)
{
    struct mw_alert_entry *entry = &self->entries[place];
    bool is_live = entry->state == MW_ALERT_PENDING || entry->state == MW_ALERT_FIRING;
    bool was_orphan = is_live && entry->follow == NULL;

    entry->rule = latest(rules, self->rules, entry->rule_name);
    entry->follow = was_orphan ? NULL /* it has ended, though nobody was told yet */
                               : mw_alert_rules_follow(rules, entry->rule_name, entry->condition);
    self->orphans += is_live && entry->follow == NULL && !was_orphan;
}

int mw_alerts_set_rules(struct mw_alerts *self, const struct mw_alert_rule *rules, uint32_t count)
{
    struct mw_alert_rules *fresh;
    int r = mw_alert_rules_create(rules, count, &fresh);

    if (r < 0)
        return r;
    mw_alert_rows_forget_all(self);
    mw_alert_rows_deinit(self);
    for (uint32_t i = 0; i < self->places; i++)
        if (self->entries[i].state != MW_ALERT_OK)
            rebind(self, (int32_t)i, fresh);
    for (uint32_t i = 0; i < self->event_count; i++) {
        struct mw_alert *event = &self->events[(self->event_first + i) % self->config.events];

        event->rule = latest(fresh, self->rules, event->rule_name);
    }
    mw_alert_rules_destroy(self->retired);
    self->retired = self->rules;
    self->rules = fresh;
    return 0;
}

const struct mw_alert_rule *mw_alerts_rules(const struct mw_alerts *self, uint32_t *ret_count)
{
    *ret_count = self->rules->count;
    return self->rules->rules;
}

int mw_alerts_fit(struct mw_alerts *self, const struct mw_sample *sample)
{
    int r = 0;

    for (int i = 0; i < MW_SOURCE_COUNT && r == 0; i++) {
        const struct mw_block *block = mw_sample_block(sample, (enum mw_source)i);
        bool is_one = mw_kind_has_one_subject(mw_source_kind((enum mw_source)i));
        uint32_t rows = block ? mw_block_head(block)->rows : 0;

        r = mw_alert_rows_fit(self, (enum mw_source)i, is_one ? 1 : rows);
    }
    return r;
}

/* ---- reading ---- */

void mw_alerts_get_numbers(const struct mw_alerts *self, struct mw_alert_numbers *ret)
{
    *ret = self->numbers;
    ret->pending = self->counts[MW_ALERT_PENDING];
    ret->firing = self->counts[MW_ALERT_FIRING];
    ret->resolved = self->counts[MW_ALERT_RESOLVED];
    ret->states = ret->pending + ret->firing + ret->resolved;
    ret->states_max = self->config.states;
    ret->rules = self->rules->first[MW_SOURCE_COUNT];
    ret->events = self->event_count;
    ret->tracks = self->track_places - self->free_track_count;
}

uint32_t mw_alerts_places(const struct mw_alerts *self)
{
    return self->places;
}

bool mw_alerts_at(const struct mw_alerts *self, uint32_t place, struct mw_alert *ret)
{
    if (place >= self->places || self->entries[place].state == MW_ALERT_OK)
        return false;
    mw_alert_entries_tell(&self->entries[place], ret);
    return true;
}

bool mw_alerts_find(const struct mw_alerts *self, uint64_t fingerprint, int64_t since_ms,
                    uint32_t *ret_place)
{
    int32_t place = mw_alert_entries_find(self, fingerprint);

    if (place == MW_ALERT_NONE || self->entries[place].since_ms != since_ms)
        return false;
    *ret_place = (uint32_t)place;
    return true;
}

uint32_t mw_alerts_points(const struct mw_alerts *self, uint32_t place,
                          struct mw_alert_point *points)
{
    const struct mw_alert_entry *entry;

    if (place >= self->places || self->entries[place].state == MW_ALERT_OK)
        return 0;
    entry = &self->entries[place];
    memcpy(points, entry->points_before, entry->before * sizeof(*points));
    memcpy(points + entry->before, entry->points_after, entry->after * sizeof(*points));
    return entry->before + entry->after;
}

void mw_alerts_set_before(struct mw_alerts *self, uint32_t place,
                          const struct mw_alert_point *points, uint32_t count)
{
    struct mw_alert_entry *entry;

    if (place >= self->places || self->entries[place].state == MW_ALERT_OK)
        return;
    entry = &self->entries[place];
    entry->before = count < MW_ALERT_POINTS_BEFORE ? count : MW_ALERT_POINTS_BEFORE;
    memcpy(entry->points_before, points + (count - entry->before), entry->before * sizeof(*points));
}
