/* Rules, when all sources are read: what one needs, what its texts come to, and then what lib/alert
 * says of it. Here an error gets the place where the key was given; what the library finds names
 * the key in front. */
#include "daemon/config_internal.h"
#include "daemon/nearest.h"

#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one text ---- */

static enum mw_alert_mode mode_of(const char *text)
{
    unsigned mode = 0;

    while (mode < MW_ALERT_MODE_COUNT &&
           strcmp(mw_alert_mode_word((enum mw_alert_mode)mode), text) != 0)
        mode++;
    return (enum mw_alert_mode)mode;
}

static enum mw_alert_severity severity_of(const char *text)
{
    unsigned severity = 0;

    while (severity < MW_ALERT_SEVERITY_COUNT &&
           strcmp(mw_alert_severity_word((enum mw_alert_severity)severity), text) != 0)
        severity++;
    return (enum mw_alert_severity)severity;
}

bool mwd_config_is_mode(const char *text)
{
    return mode_of(text) < MW_ALERT_MODE_COUNT;
}

bool mwd_config_is_severity(const char *text)
{
    return severity_of(text) < MW_ALERT_SEVERITY_COUNT;
}

bool mwd_config_is_label(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t name = strspn(text, allowed);

    return name > 0 && name <= MW_ALERT_LABEL_KEY_MAX && !isdigit((unsigned char)*text) &&
           text[name] == '=' && strlen(text + name + 1) <= MW_ALERT_LABEL_VALUE_MAX;
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
                         struct mw_alert_rule *rule)
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
                       const struct mw_alert_rule *rule, uint32_t key, struct mw_alert_level *ret)
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

static bool fail_clear(struct mwd_config_loader *self, const struct mwd_titled *block,
                       const struct mw_alert_rule *rule)
{
    bool below = rule->op == MW_ALERT_BELOW;
    const char *raise =
        mwd_config_titled_text(block, below ? MWD_IN_ALERT_BELOW : MWD_IN_ALERT_ABOVE);
    struct mwd_buffer *error =
        mwd_config_titled_fail(self, MWD_TITLED_ALERT, block, MWD_IN_ALERT_CLEAR);

    if (error && rule->clear.percent == rule->raise.percent)
        mwd_buffer_printf(error, "is on the wrong side: it takes a level %s that of %s, \"%s\"",
                          below ? "over" : "under", mw_alert_op_word(rule->op), raise);
    else if (error)
        mwd_buffer_printf(error,
                          "takes a percentage where %s is one, and none where it is not: \"%s\"",
                          mw_alert_op_word(rule->op), raise);
    return false;
}

static bool take_clear(struct mwd_config_loader *self, const struct mwd_titled *block,
                       struct mw_alert_rule *rule)
{
    double way;

    if (!block->values[MWD_IN_ALERT_CLEAR]) {
        rule->clear = mw_alert_clear_default(rule);
        return true;
    }
    if (!take_level(self, block, rule, MWD_IN_ALERT_CLEAR, &rule->clear))
        return false;
    way = rule->op == MW_ALERT_BELOW ? rule->clear.amount - rule->raise.amount
                                     : rule->raise.amount - rule->clear.amount;
    return (rule->clear.percent == rule->raise.percent && way >= 0) ||
           fail_clear(self, block, rule);
}

static bool take_levels(struct mwd_config_loader *self, const struct mwd_titled *block,
                        struct mw_alert_rule *rule)
{
    bool above = block->values[MWD_IN_ALERT_ABOVE], below = block->values[MWD_IN_ALERT_BELOW];

    if (above && below)
        return fail_with(self, block, MWD_IN_ALERT_BELOW,
                         "is given, and above is too: a rule takes one of them");
    if (!above && !below)
        return fail_with(self, block, MWD_TITLED_KEYS, "needs a level: above or below");
    rule->op = below ? MW_ALERT_BELOW : MW_ALERT_ABOVE;
    return take_level(self, block, rule, below ? MWD_IN_ALERT_BELOW : MWD_IN_ALERT_ABOVE,
                      &rule->raise) &&
           take_clear(self, block, rule);
}

static bool take_no_level(struct mwd_config_loader *self, const struct mwd_titled *block)
{
    static const uint32_t levels[] = {MWD_IN_ALERT_ABOVE, MWD_IN_ALERT_BELOW, MWD_IN_ALERT_CLEAR};

    for (uint32_t i = 0; i < 3; i++)
        if (block->values[levels[i]])
            return fail_with(self, block, levels[i],
                             "a rule of mode absent takes no level: for says how long");
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
                       struct mw_alert_rule *rule)
{
    const struct mwd_list *to = mwd_config_titled_list(block, MWD_IN_ALERT_TO);
    uint32_t count = self->loaded->titled[MWD_TITLED_SINK].count;
    bool good = true;

    rule->to = 0;
    if (!block->values[MWD_IN_ALERT_TO])
        rule->to = (UINT64_C(1) << count) - 1;
    for (uint32_t i = 0; i < to->count; i++) {
        uint32_t sink = find_sink(self, to->items[i]);

        if (sink < count)
            rule->to |= UINT64_C(1) << sink;
        else
            good = fail_sink(self, block, to->items[i]);
    }
    return good;
}

/* ---- all ---- */

/* Texts were checked for their size when they were given. */
static void copy(const char *text, char *ret, size_t size)
{
    snprintf(ret, size, "%s", text);
}

static void take_labels(const struct mwd_titled *block, struct mw_alert_rule *rule)
{
    const struct mwd_list *labels = mwd_config_titled_list(block, MWD_IN_ALERT_LABELS);

    rule->label_count = labels->count;
    for (uint32_t i = 0; i < labels->count && i < MW_ALERT_LABELS_MAX; i++) {
        const char *equals = strchr(labels->items[i], '=');

        snprintf(rule->labels[i].key, sizeof rule->labels[i].key, "%.*s",
                 (int)(equals - labels->items[i]), labels->items[i]);
        copy(equals + 1, rule->labels[i].value, sizeof rule->labels[i].value);
    }
}

static uint64_t span_ms(const struct mwd_titled *block, uint32_t key)
{
    return mwd_config_titled_number(block, key) / MW_NS_PER_MS;
}

static void take_rest(const struct mwd_titled *block, struct mw_alert_rule *rule)
{
    copy(block->title, rule->name, sizeof rule->name);
    copy(mwd_config_titled_text(block, MWD_IN_ALERT_SUBJECT), rule->subject, sizeof rule->subject);
    copy(mwd_config_titled_text(block, MWD_IN_ALERT_SUMMARY), rule->summary, sizeof rule->summary);
    rule->mode = mode_of(mwd_config_titled_text(block, MWD_IN_ALERT_MODE));
    rule->severity = severity_of(mwd_config_titled_text(block, MWD_IN_ALERT_SEVERITY));
    rule->enabled = mwd_config_titled_bool(block, MWD_IN_ALERT_ENABLED);
    rule->for_ms = span_ms(block, MWD_IN_ALERT_FOR);
    rule->keep_ms = span_ms(block, MWD_IN_ALERT_KEEP);
    rule->window_ms = span_ms(block, MWD_IN_ALERT_WINDOW);
    take_labels(block, rule);
}

/* What the library says begins with the key that it is about. */
static void check_rule(struct mwd_config_loader *self, const struct mwd_titled *block,
                       const struct mw_alert_rule *rule)
{
    char sentence[MW_ALERT_ERROR_MAX];
    const char *colon;
    uint32_t key;

    if (mw_alert_rule_check(rule, sentence) == 0)
        return;
    colon = strstr(sentence, ": ");
    key = colon ? mwd_config_titled_find(MWD_TITLED_ALERT, sentence, (size_t)(colon - sentence))
                : MWD_TITLED_KEYS;
    if (key < MWD_TITLED_KEYS && block->values[key])
        fail_with(self, block, key, colon + 2);
    else
        fail_with(self, block, MWD_TITLED_KEYS, sentence);
}

static void take(struct mwd_config_loader *self, const struct mwd_titled *block,
                 struct mw_alert_rule *rule)
{
    bool good;

    mw_alert_rule_init(rule);
    take_rest(block, rule);
    good = take_reading(self, block, rule);
    if (good && rule->mode == MW_ALERT_ABSENT)
        good = take_no_level(self, block);
    else if (good && mw_reading_info(rule->reading)->type != MW_TYPE_INFO)
        good = take_levels(self, block, rule); /* what is no quantity has none, as the check says */
    good &= take_sinks(self, block, rule);
    if (good)
        check_rule(self, block, rule);
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
