/* What a rule holds against its levels, for one subject: the reading itself, how fast it changes,
 * or how long until it meets its limit. */
#include "alert/alert_internal.h"

#include <string.h>

static double as_number(enum mw_value_type type, union mw_value value)
{
    if (type == MW_VALUE_F64)
        return value.f;
    return type == MW_VALUE_I64 ? (double)value.i : (double)value.u;
}

static bool get(const struct mw_alert_pass *pass, const struct mw_reading_info *info,
                enum mw_reading reading, uint32_t row, double *ret)
{
    union mw_value value;

    if (mw_sample_get(pass->sample, reading, row, &value) != MW_PRESENT)
        return false;
    *ret = as_number(info->value, value);
    return true;
}

/* ---- tracks ---- */

void mw_alert_track_give(struct mw_alerts *self, int32_t *track)
{
    if (*track == MW_ALERT_NONE)
        return;
    self->free_tracks[self->free_track_count++] = *track;
    *track = MW_ALERT_NONE;
}

static struct mw_detect_track *track_of(struct mw_alerts *self, int32_t *track)
{
    if (track && *track == MW_ALERT_NONE) {
        if (self->free_track_count > 0)
            *track = self->free_tracks[--self->free_track_count];
        else if (self->track_places < self->config.tracks)
            *track = (int32_t)self->track_places++;
        if (*track != MW_ALERT_NONE)
            memset(&self->tracks[*track], 0, sizeof(self->tracks[*track]));
    }
    if (track && *track != MW_ALERT_NONE)
        return &self->tracks[*track];
    self->numbers.untracked++;
    return NULL;
}

/* The reading becomes the rate or the time that the rule is about. */
static bool follow_track(const struct mw_alert_pass *pass, const struct mw_alert_follow *follow,
                         int32_t *place, struct mw_alert_sight *sight)
{
    uint64_t window_ns = follow->rule->window_ms * MW_NS_PER_MS;
    struct mw_detect_track *track = track_of(pass->alerts, place);
    bool upward = follow->rule->mode == MW_ALERT_TIME_TO_FULL;

    if (!track)
        return false;
    mw_detect_track_add(track, window_ns, follow->info->type == MW_TYPE_COUNTER, pass->ns,
                        sight->value);
    if (follow->rule->mode == MW_ALERT_RATE)
        return mw_detect_rate(track, window_ns, &sight->value);
    if (upward && !sight->limit_known)
        return false;
    return mw_detect_time_to(track, window_ns, upward ? sight->limit : 0, upward, &sight->value);
}

/* ---- levels ---- */

static bool set_level(const struct mw_alert_level *level, const struct mw_alert_sight *sight,
                      double *ret)
{
    if (level->percent && !sight->limit_known)
        return false;
    *ret = level->percent ? sight->limit * level->amount / 100 : level->amount;
    return true;
}

static void set_limit(const struct mw_alert_pass *pass, const struct mw_alert_follow *follow,
                      uint32_t row, struct mw_alert_sight *ret)
{
    const struct mw_reading_info *of = follow->of;

    ret->limit_known =
        of &&
        get(pass, of, follow->info->of, mw_kind_has_one_subject(of->kind) ? 0 : row, &ret->limit) &&
        ret->limit > 0; /* nothing is a part of nothing */
}

void mw_alert_measure(const struct mw_alert_pass *pass, const struct mw_alert_follow *follow,
                      uint32_t row, int32_t *track, struct mw_alert_sight *ret)
{
    const struct mw_alert_rule *rule = follow->rule;

    *ret = (struct mw_alert_sight){0};
    ret->known = get(pass, follow->info, rule->reading, row, &ret->value);
    if (!ret->known || rule->mode == MW_ALERT_ABSENT)
        return;
    set_limit(pass, follow, row, ret);
    ret->levels.below = rule->op == MW_ALERT_BELOW;
    ret->known = set_level(&rule->raise, ret, &ret->levels.raise) &&
                 set_level(&rule->clear, ret, &ret->levels.clear);
    if (ret->known && follow->track != MW_ALERT_NONE)
        ret->known = follow_track(pass, follow, track, ret);
}
