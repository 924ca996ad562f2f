/* Rules, when all sources are read: what one needs, and what must hold within it. */
#include "daemon/config_internal.h"
#include "daemon/nearest.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- one text ---- */

/* In the order of enum mwd_alert_mode. */
static const char *const modes[] = {"value",         "rate",   "time-to-full",
                                    "time-to-empty", "absent", NULL};
static const char *const severities[] = {"info", "warning", "critical", NULL};

static uint32_t find_word(const char *const *words, const char *text)
{
    uint32_t i = 0;

    while (words[i] && strcmp(words[i], text) != 0)
        i++;
    return i;
}

bool mwd_config_is_mode(const char *text)
{
    return modes[find_word(modes, text)];
}

bool mwd_config_is_severity(const char *text)
{
    return severities[find_word(severities, text)];
}

bool mwd_config_is_label(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t name = strspn(text, allowed);

    return name > 0 && !isdigit((unsigned char)*text) && text[name] == '=';
}

/* ---- the reading ---- */

static void fail_reading(struct mwd_config_loader *self, const struct mwd_titled *block)
{
    const char *id = mwd_config_titled_text(block, MWD_IN_ALERT_READING);
    struct mwd_nearest nearest = {NULL, 0};
    struct mwd_buffer *error =
        mwd_config_titled_fail(self, MWD_TITLED_ALERT, block, MWD_IN_ALERT_READING);

    if (!error)
        return;
    for (uint32_t i = 0; i < MW_READING_COUNT; i++)
        mwd_nearest_offer(&nearest, id, strlen(id), mw_reading_info((enum mw_reading)i)->id);
    mwd_buffer_puts(error, "there is no reading \"");
    mwd_config_put_clean(error, id, strlen(id), MWD_CONFIG_SHOWN_MAX);
    mwd_buffer_puts(error, "\"");
    if (nearest.name)
        mwd_buffer_printf(error, "; did you mean %s?", nearest.name);
    else
        mwd_buffer_puts(error, ": readings(7) has them all");
}

/* A rule without a reading that only turns itself off was meant to turn off another one. */
static void fail_without_reading(struct mwd_config_loader *self, const struct mwd_titled *block)
{
    const struct mwd_titled_set *rules = &self->loaded->titled[MWD_TITLED_ALERT];
    const char *meant = mwd_config_titled_nearest_title(rules, block->title);
    struct mwd_buffer *error =
        mwd_config_titled_fail(self, MWD_TITLED_ALERT, block, MWD_TITLED_KEYS);

    if (!error)
        return;
    mwd_buffer_puts(error, mwd_config_titled_bool(block, MWD_IN_ALERT_ENABLED)
                               ? "needs a reading, as reading = \"queue.length\""
                               : "there is no rule of this name to turn off");
    if (meant)
        mwd_buffer_printf(error, "; did you mean \"%s\"?", meant);
}

static bool take_reading(struct mwd_config_loader *self, const struct mwd_titled *block,
                         struct mwd_alert_config *rule)
{
    const char *id = mwd_config_titled_text(block, MWD_IN_ALERT_READING);

    rule->reading = mw_reading_find(id, strlen(id));
    if (!block->values[MWD_IN_ALERT_READING])
        fail_without_reading(self, block);
    else if (rule->reading == MW_NONE)
        fail_reading(self, block);
    return rule->reading != MW_NONE;
}

/* ---- levels ---- */

static bool fail_with(struct mwd_config_loader *self, const struct mwd_titled *block, uint32_t key,
                      const char *sentence)
{
    struct mwd_buffer *error = mwd_config_titled_fail(self, MWD_TITLED_ALERT, block, key);

    if (error)
        mwd_buffer_puts(error, sentence);
    return false;
}

static bool take_level(struct mwd_config_loader *self, const struct mwd_titled *block,
                       const struct mwd_alert_config *rule, uint32_t key,
                       struct mwd_alert_level *ret)
{
    const char *text = mwd_config_titled_text(block, key);
    struct mwd_buffer *error;

    if (mwd_config_level(rule->reading, rule->mode, text, ret))
        return true;
    error = mwd_config_titled_fail(self, MWD_TITLED_ALERT, block, key);
    if (error) {
        mwd_buffer_puts(error, "takes ");
        mwd_config_put_level_takes(rule->reading, rule->mode, error);
        mwd_buffer_puts(error, "; got \"");
        mwd_config_put_clean(error, text, strlen(text), MWD_CONFIG_SHOWN_MAX);
        mwd_buffer_puts(error, "\"");
    }
    return false;
}

static bool take_clear(struct mwd_config_loader *self, const struct mwd_titled *block,
                       struct mwd_alert_config *rule)
{
    const char *side = rule->below ? "below" : "above";
    const char *text;
    struct mwd_buffer *error;
    bool wrong;

    rule->has_clear = block->values[MWD_IN_ALERT_CLEAR];
    if (!rule->has_clear)
        return true;
    if (!take_level(self, block, rule, MWD_IN_ALERT_CLEAR, &rule->clear))
        return false;
    wrong =
        rule->below ? rule->clear.value < rule->raise.value : rule->clear.value > rule->raise.value;
    if (rule->clear.percent == rule->raise.percent && !wrong)
        return true;
    error = mwd_config_titled_fail(self, MWD_TITLED_ALERT, block, MWD_IN_ALERT_CLEAR);
    text = mwd_config_titled_text(block, rule->below ? MWD_IN_ALERT_BELOW : MWD_IN_ALERT_ABOVE);
    if (error && wrong && rule->clear.percent == rule->raise.percent)
        mwd_buffer_printf(error, "is on the wrong side: it takes a level %s that of %s, \"%s\"",
                          rule->below ? "over" : "under", side, text);
    else if (error)
        mwd_buffer_printf(error,
                          "takes a percentage where %s is one, and none where it is not: \"%s\"",
                          side, text);
    return false;
}

static bool check_mode(struct mwd_config_loader *self, const struct mwd_titled *block,
                       const struct mwd_alert_config *rule)
{
    bool above = block->values[MWD_IN_ALERT_ABOVE], below = block->values[MWD_IN_ALERT_BELOW];

    if (!mwd_config_has_levels(rule->reading))
        return fail_with(self, block, MWD_IN_ALERT_READING,
                         "is a text, an id or a point in time, which has no level");
    if (above && below)
        return fail_with(self, block, MWD_IN_ALERT_BELOW,
                         "is given, and above is too: a rule takes one of them");
    if (!above && !below)
        return fail_with(self, block, MWD_TITLED_KEYS, "needs a level: above or below");
    if (rule->mode >= MWD_ALERT_TIME_TO_FULL && above)
        return fail_with(self, block, MWD_IN_ALERT_ABOVE,
                         "a time to a limit takes below: the less is left, the worse");
    if (rule->mode == MWD_ALERT_TIME_TO_FULL && mw_reading_info(rule->reading)->of == MW_NONE)
        return fail_with(self, block, MWD_IN_ALERT_READING,
                         "is a part of nothing that could be full; time-to-empty it may have");
    return true;
}

static bool take_levels(struct mwd_config_loader *self, const struct mwd_titled *block,
                        struct mwd_alert_config *rule)
{
    bool below = block->values[MWD_IN_ALERT_BELOW];

    rule->below = below;
    return check_mode(self, block, rule) &&
           take_level(self, block, rule, below ? MWD_IN_ALERT_BELOW : MWD_IN_ALERT_ABOVE,
                      &rule->raise) &&
           take_clear(self, block, rule);
}

static bool check_absent(struct mwd_config_loader *self, const struct mwd_titled *block,
                         const struct mwd_alert_config *rule)
{
    static const uint32_t levels[] = {MWD_IN_ALERT_ABOVE, MWD_IN_ALERT_BELOW, MWD_IN_ALERT_CLEAR};

    for (uint32_t i = 0; i < 3; i++)
        if (block->values[levels[i]])
            return fail_with(self, block, levels[i],
                             "a rule of mode absent takes no level: for says how long");
    if (rule->for_ns == 0)
        return fail_with(self, block, MWD_TITLED_KEYS,
                         "needs for, as for = 1m: how long the reading must be absent");
    return true;
}

/* ---- who is told ---- */

static bool fail_sink(struct mwd_config_loader *self, const struct mwd_titled *block,
                      const char *name)
{
    const struct mwd_titled_set *sinks = &self->loaded->titled[MWD_TITLED_SINK];
    const char *meant = mwd_config_titled_nearest_title(sinks, name);
    struct mwd_buffer *error =
        mwd_config_titled_fail(self, MWD_TITLED_ALERT, block, MWD_IN_ALERT_TO);

    if (error)
        mwd_buffer_printf(error, "there is no sink \"%s\"", name);
    if (error && meant)
        mwd_buffer_printf(error, "; did you mean \"%s\"?", meant);
    return false;
}

static uint32_t find_sink(const struct mwd_config_loader *self, const char *name)
{
    const struct mwd_titled_set *sinks = &self->loaded->titled[MWD_TITLED_SINK];
    uint32_t i = 0;

    while (i < sinks->count && strcmp(sinks->items[i]->title, name) != 0)
        i++;
    return i;
}

static bool take_sinks(struct mwd_config_loader *self, const struct mwd_titled *block,
                       struct mwd_alert_config *rule)
{
    const struct mwd_list *to = mwd_config_titled_list(block, MWD_IN_ALERT_TO);
    uint32_t count = self->loaded->titled[MWD_TITLED_SINK].count;
    bool good = true;

    if (!block->values[MWD_IN_ALERT_TO])
        rule->sinks = (UINT32_C(1) << count) - 1;
    for (uint32_t i = 0; i < to->count; i++) {
        uint32_t sink = find_sink(self, to->items[i]);

        if (sink < count)
            rule->sinks |= UINT32_C(1) << sink;
        else
            good = fail_sink(self, block, to->items[i]);
    }
    return good;
}

/* ---- all ---- */

static void take_rest(const struct mwd_titled *block, struct mwd_alert_config *rule)
{
    const char *mode = mwd_config_titled_text(block, MWD_IN_ALERT_MODE);

    rule->name = block->title;
    rule->mode = (enum mwd_alert_mode)find_word(modes, mode);
    rule->subject = mwd_config_titled_text(block, MWD_IN_ALERT_SUBJECT);
    rule->summary = mwd_config_titled_text(block, MWD_IN_ALERT_SUMMARY);
    rule->severity = mwd_config_titled_text(block, MWD_IN_ALERT_SEVERITY);
    rule->labels = mwd_config_titled_list(block, MWD_IN_ALERT_LABELS);
    rule->enabled = mwd_config_titled_bool(block, MWD_IN_ALERT_ENABLED);
    rule->for_ns = mwd_config_titled_number(block, MWD_IN_ALERT_FOR);
    rule->keep_ns = mwd_config_titled_number(block, MWD_IN_ALERT_KEEP);
    rule->window_ns = mwd_config_titled_number(block, MWD_IN_ALERT_WINDOW);
}

static void take(struct mwd_config_loader *self, const struct mwd_titled *block,
                 struct mwd_alert_config *rule)
{
    take_rest(block, rule);
    if (take_reading(self, block, rule)) {
        if (rule->mode == MWD_ALERT_ABSENT)
            check_absent(self, block, rule);
        else
            take_levels(self, block, rule);
    }
    take_sinks(self, block, rule);
}

int mwd_config_check_alerts(struct mwd_config_loader *self)
{
    const struct mwd_titled_set *set = &self->loaded->titled[MWD_TITLED_ALERT];
    struct mwd_config *config = &self->loaded->config;

    config->alerts = calloc(set->count + 1, sizeof *config->alerts);
    if (!config->alerts)
        return -ENOMEM;
    config->alert_count = set->count;
    for (uint32_t i = 0; i < set->count; i++)
        if (!set->items[i]->bad)
            take(self, set->items[i], &config->alerts[i]);
    return 0;
}
