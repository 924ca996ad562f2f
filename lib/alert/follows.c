#include "alert/alert_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool has_twins(const struct mw_alert_rule *rules, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(rules[i].name, rules[j].name) == 0)
                return true;
    return false;
}

static int check(const struct mw_alert_rule *rules, uint32_t count)
{
    char error[MW_ALERT_ERROR_MAX];

    if (count > MW_ALERT_RULES_MAX)
        return -E2BIG;
    for (uint32_t i = 0; i < count; i++) {
        int r = mw_alert_rule_check(&rules[i], error);

        if (r < 0)
            return r;
    }
    return has_twins(rules, count) ? -EINVAL : 0;
}

static void make_follow(const struct mw_alert_rule *rule, struct mw_alert_follow *ret)
{
    const struct mw_reading_info *info = mw_reading_info(rule->reading);

    *ret = (struct mw_alert_follow){
        .rule = rule,
        .info = info,
        .of = info->of == MW_NONE ? NULL : mw_reading_info(info->of),
        .name_hash = mw_alert_hash_text(rule->name, strlen(rule->name)),
        .condition = mw_alert_rule_condition(rule),
        .track = MW_ALERT_NONE,
        .every = strcmp(rule->subject, "*") == 0,
        .literal = strpbrk(rule->subject, "*?[\\") == NULL,
    };
}

static bool needs_track(const struct mw_alert_rule *rule)
{
    return rule->mode == MW_ALERT_RATE || rule->mode == MW_ALERT_TIME_TO_FULL ||
           rule->mode == MW_ALERT_TIME_TO_EMPTY;
}

static void add_source(struct mw_alert_rules *self, enum mw_source source)
{
    uint32_t next = self->first[source];

    for (uint32_t i = 0; i < self->count; i++) {
        const struct mw_alert_rule *rule = &self->rules[i];
        struct mw_alert_follow *follow = &self->follows[next];

        if (!rule->enabled || mw_reading_info(rule->reading)->source != source)
            continue;
        make_follow(rule, follow);
        follow->index = next++ - self->first[source];
        if (needs_track(rule))
            follow->track = (int32_t)self->tracks[source]++;
    }
    self->first[source + 1] = next;
}

int mw_alert_rules_create(const struct mw_alert_rule *rules, uint32_t count,
                          struct mw_alert_rules **ret)
{
    struct mw_alert_rules *self;
    int r = check(rules, count);

    if (r < 0)
        return r;
    r = -ENOMEM;
    self = calloc(1, sizeof(*self));
    if (self == NULL)
        return r;
    self->rules = calloc(count + 1, sizeof(*self->rules)); /* none is no reason to fail */
    self->follows = calloc(count + 1, sizeof(*self->follows));
    if (self->rules == NULL || self->follows == NULL)
        goto fail;
    self->count = count;
    if (count > 0)
        memcpy(self->rules, rules, count * sizeof(*rules));
    for (int i = 0; i < MW_SOURCE_COUNT; i++)
        add_source(self, (enum mw_source)i);
    *ret = self;
    return 0;

fail:
    mw_alert_rules_destroy(self);
    return r;
}

struct mw_alert_rules *mw_alert_rules_destroy(struct mw_alert_rules *self)
{
    if (self != NULL) {
        free(self->rules);
        free(self->follows);
        free(self);
    }
    return NULL;
}

struct mw_alert_follow *mw_alert_rules_follow(const struct mw_alert_rules *self, const char *name,
                                              uint64_t condition)
{
    for (uint32_t i = 0; self && i < self->first[MW_SOURCE_COUNT]; i++)
        if (self->follows[i].condition == condition &&
            strcmp(self->follows[i].rule->name, name) == 0)
            return &self->follows[i];
    return NULL;
}

const struct mw_alert_rule *mw_alert_rules_named(const struct mw_alert_rules *self,
                                                 const char *name)
{
    for (uint32_t i = 0; self && i < self->count; i++)
        if (strcmp(self->rules[i].name, name) == 0)
            return &self->rules[i];
    return NULL;
}
