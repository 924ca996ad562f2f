#include "alert/silence.h"

#include "alert/alert_internal.h"
#include "base/glob.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- checking ---- */

static int complain(char *error, const char *sentence)
{
    snprintf(error, MW_ALERT_ERROR_MAX, "%s", sentence);
    return -EINVAL;
}

static int check_author(const char *author, const char *comment, char *error)
{
    if (!mw_alert_text_fits(author, MW_ALERT_AUTHOR_MAX + 1) || !author[0])
        return complain(error, "author: it takes 1 to 64 bytes of UTF-8");
    if (!mw_alert_text_fits(comment, MW_ALERT_COMMENT_MAX + 1))
        return complain(error, "comment: it takes up to 256 bytes of UTF-8 on one line");
    return 0;
}

static int check_matchers(const struct mw_alert_silence *self, char *error)
{
    uint32_t all = (1u << MW_ALERT_SEVERITY_COUNT) - 1;

    if (!mw_alert_text_fits(self->rule, sizeof(self->rule)))
        return complain(error, "rule: it takes a glob of up to 128 bytes of UTF-8");
    if (!mw_alert_text_fits(self->subject, sizeof(self->subject)))
        return complain(error, "subject: it takes a glob of up to 128 bytes of UTF-8");
    if (self->severities & ~all)
        return complain(error, "severity: it takes info, warning or critical");
    if (self->label_count > MW_ALERT_MATCHERS_MAX)
        return complain(error, "labels: at most 4");
    for (uint32_t i = 0; i < self->label_count; i++)
        if (!mw_alert_text_fits(self->labels[i].key, sizeof(self->labels[i].key)) ||
            !self->labels[i].key[0] ||
            !mw_alert_text_fits(self->labels[i].value, sizeof(self->labels[i].value)))
            return complain(error, "labels: a key of 1 to 32 bytes and a glob of up to 96 bytes");
    if (!self->rule[0] && !self->subject[0] && !self->severities && !self->label_count)
        return complain(error, "a silence says what it is for: rule, subject, severity or labels");
    return 0;
}

int mw_alert_silence_check(const struct mw_alert_silence *self, char *error)
{
    int r = check_matchers(self, error);

    if (r < 0)
        return r;
    if (self->ends_ms <= self->starts_ms || self->starts_ms < 0)
        return complain(error, "endsMs: it takes a time after the silence starts");
    return check_author(self->author, self->comment, error);
}

int mw_alert_ack_check(const struct mw_alert_ack *self, char *error)
{
    return check_author(self->author, self->comment, error);
}

/* ---- silences ---- */

static struct mw_alert_silence *silence_of(const struct mw_alerts *self, uint64_t id)
{
    for (uint32_t i = 0; i < self->silence_count; i++)
        if (self->silences[i].id == id)
            return &self->silences[i];
    return NULL;
}

/* Different from all that are there, and unlikely to be one that was. */
static uint64_t make_id(const struct mw_alerts *self, const struct mw_alert_silence *silence)
{
    uint64_t id = mw_alert_hash_text((const char *)silence, sizeof(*silence));

    while (id == 0 || silence_of(self, id))
        id = mw_alert_hash_pair(id, self->silence_count);
    return id;
}

int mw_alerts_add_silence(struct mw_alerts *self, const struct mw_alert_silence *silence,
                          uint64_t *ret_id)
{
    struct mw_alert_silence *place = &self->silences[self->silence_count];
    char error[MW_ALERT_ERROR_MAX];

    if (mw_alert_silence_check(silence, error) < 0)
        return -EINVAL;
    if (silence->id != 0 && silence_of(self, silence->id))
        return -EEXIST;
    if (self->silence_count == MW_ALERT_SILENCES_MAX)
        return -ENOSPC;
    *place = *silence;
    if (place->id == 0)
        place->id = make_id(self, silence);
    self->silence_count++;
    *ret_id = place->id;
    return 0;
}

int mw_alerts_remove_silence(struct mw_alerts *self, uint64_t id)
{
    struct mw_alert_silence *silence = silence_of(self, id);

    if (!silence)
        return -ENOENT;
    *silence = self->silences[--self->silence_count];
    return 0;
}

uint32_t mw_alerts_expire_silences(struct mw_alerts *self, int64_t now_ms)
{
    uint32_t before = self->silence_count;

    for (uint32_t i = self->silence_count; i-- > 0;)
        if (self->silences[i].ends_ms <= now_ms)
            self->silences[i] = self->silences[--self->silence_count];
    return before - self->silence_count;
}

const struct mw_alert_silence *mw_alerts_silences(const struct mw_alerts *self, uint32_t *ret_count)
{
    *ret_count = self->silence_count;
    return self->silences;
}

static bool matches(const char *glob, const char *text)
{
    return !glob[0] || mw_glob_matches(glob, text, strlen(text));
}

static bool label_matches(const struct mw_alert_label *wanted, const struct mw_alert_rule *rule)
{
    for (uint32_t i = 0; rule && i < rule->label_count; i++)
        if (strcmp(rule->labels[i].key, wanted->key) == 0)
            return mw_glob_matches(wanted->value, rule->labels[i].value,
                                   strlen(rule->labels[i].value));
    return false;
}

static bool silences(const struct mw_alert_silence *self, const struct mw_alert *alert)
{
    if (!matches(self->rule, alert->rule_name) || !matches(self->subject, alert->name))
        return false;
    if (self->severities && !(self->severities >> alert->severity & 1))
        return false;
    for (uint32_t i = 0; i < self->label_count; i++)
        if (!label_matches(&self->labels[i], alert->rule))
            return false;
    return true;
}

uint64_t mw_alerts_silenced_by(const struct mw_alerts *self, const struct mw_alert *alert,
                               int64_t now_ms)
{
    for (uint32_t i = 0; i < self->silence_count; i++) {
        const struct mw_alert_silence *silence = &self->silences[i];

        if (silence->starts_ms <= now_ms && now_ms < silence->ends_ms && silences(silence, alert))
            return silence->id;
    }
    return 0;
}

/* ---- acknowledgements ---- */

static struct mw_alert_ack *ack_of(const struct mw_alerts *self, uint64_t fingerprint)
{
    for (uint32_t i = 0; i < self->ack_count; i++)
        if (self->acks[i].fingerprint == fingerprint)
            return &self->acks[i];
    return NULL;
}

int mw_alerts_add_ack(struct mw_alerts *self, const struct mw_alert_ack *ack)
{
    struct mw_alert_ack *place = ack_of(self, ack->fingerprint);
    char error[MW_ALERT_ERROR_MAX];
    uint32_t unused;

    if (mw_alert_ack_check(ack, error) < 0)
        return -EINVAL;
    if (!mw_alerts_find(self, ack->fingerprint, ack->since_ms, &unused))
        return -ENOENT;
    if (!place && self->ack_count == MW_ALERT_ACKS_MAX)
        return -ENOSPC;
    if (!place)
        place = &self->acks[self->ack_count++];
    *place = *ack;
    return 0;
}

const struct mw_alert_ack *mw_alerts_ack_of(const struct mw_alerts *self,
                                            const struct mw_alert *alert)
{
    const struct mw_alert_ack *ack = ack_of(self, alert->fingerprint);

    return ack && ack->since_ms == alert->since_ms ? ack : NULL;
}

const struct mw_alert_ack *mw_alerts_acks(const struct mw_alerts *self, uint32_t *ret_count)
{
    *ret_count = self->ack_count;
    return self->acks;
}
