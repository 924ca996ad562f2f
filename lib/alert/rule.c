#include "alert/rule.h"

#include "alert/alert_internal.h"
#include "alert/text_internal.h"
#include "base/glob.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)MW_GLOB_MAX == (int)MW_ALERT_SUBJECT_MAX, "a subject is a glob");

enum { WINDOW_MS_DEFAULT = 60 * 1000 };

static const char *const mode_words[MW_ALERT_MODE_COUNT] = {
    [MW_ALERT_VALUE] = "value",
    [MW_ALERT_RATE] = "rate",
    [MW_ALERT_TIME_TO_FULL] = "time-to-full",
    [MW_ALERT_TIME_TO_EMPTY] = "time-to-empty",
    [MW_ALERT_ABSENT] = "absent",
};
static const char *const op_words[MW_ALERT_OP_COUNT] = {"above", "below"};
static const char *const severity_words[MW_ALERT_SEVERITY_COUNT] = {"info", "warning", "critical"};

const char *mw_alert_mode_word(enum mw_alert_mode mode)
{
    return mode_words[mode];
}

const char *mw_alert_op_word(enum mw_alert_op op)
{
    return op_words[op];
}

const char *mw_alert_severity_word(enum mw_alert_severity severity)
{
    return severity_words[severity];
}

void mw_alert_rule_init(struct mw_alert_rule *self)
{
    memset(self, 0, sizeof(*self)); /* what lies between members too: rules may be compared */
    self->reading = MW_NONE;
    self->subject[0] = '*';
    self->window_ms = WINDOW_MS_DEFAULT;
    self->severity = MW_ALERT_WARNING;
    self->to = UINT64_MAX;
    self->enabled = true;
}

static bool is_time_to(const struct mw_alert_rule *self)
{
    return self->mode == MW_ALERT_TIME_TO_FULL || self->mode == MW_ALERT_TIME_TO_EMPTY;
}

static bool has_window(const struct mw_alert_rule *self)
{
    return self->mode == MW_ALERT_RATE || is_time_to(self);
}

struct mw_alert_level mw_alert_clear_default(const struct mw_alert_rule *self)
{
    struct mw_alert_level clear = self->raise;
    double tenth = (self->raise.amount < 0 ? -self->raise.amount : self->raise.amount) / 10;

    clear.amount += self->op == MW_ALERT_BELOW ? tenth : -tenth;
    return clear;
}

/* ---- checking ---- */

__attribute__((format(printf, 2, 3))) static int complain(char *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, MW_ALERT_ERROR_MAX, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static int check_name(const struct mw_alert_rule *self, char *error)
{
    if (!mw_alert_text_fits(self->name, sizeof(self->name)) || !self->name[0])
        return complain(error, "name: it takes 1 to %d bytes of UTF-8 without control characters",
                        MW_ALERT_NAME_MAX);
    return 0;
}

static int check_reading(const struct mw_alert_rule *self, char *error)
{
    const struct mw_reading_info *info;

    if ((unsigned)self->reading >= MW_READING_COUNT)
        return complain(error, "reading: it takes the id of a reading, as queue.length");
    info = mw_reading_info(self->reading);
    if (info->value == MW_VALUE_TEXT || info->type == MW_TYPE_INFO ||
        info->source == MW_SOURCE_SUBJECT)
        return complain(error, "reading: %s is no quantity; rules take gauges and counters",
                        info->id);
    return 0;
}

static int check_subject(const struct mw_alert_rule *self, char *error)
{
    if (!mw_alert_text_fits(self->subject, sizeof(self->subject)) || !self->subject[0])
        return complain(error,
                        "subject: it takes a glob over names of 1 to %d bytes of UTF-8, as orders*",
                        MW_ALERT_SUBJECT_MAX);
    return 0;
}

/* Of its denominator a subject must have one: in its own row, or in the only one there is. */
static bool has_denominator(const struct mw_reading_info *info)
{
    const struct mw_reading_info *of = info->of == MW_NONE ? NULL : mw_reading_info(info->of);

    return of && (of->source == info->source || mw_kind_has_one_subject(of->kind));
}

static int check_mode(const struct mw_alert_rule *self, char *error)
{
    const struct mw_reading_info *info = mw_reading_info(self->reading);

    if ((unsigned)self->mode >= MW_ALERT_MODE_COUNT || (unsigned)self->op >= MW_ALERT_OP_COUNT)
        return complain(error, "mode: it takes value, rate, time-to-full, time-to-empty or absent,"
                               " and above or below");
    if (is_time_to(self) && self->op != MW_ALERT_BELOW)
        return complain(error, "above: a time to a limit is raised below a level only");
    if (is_time_to(self) && info->type == MW_TYPE_COUNTER)
        return complain(error, "reading: %s only grows; a time to a limit is of a gauge", info->id);
    if (self->mode == MW_ALERT_TIME_TO_FULL && !has_denominator(info))
        return complain(error, "reading: %s has no limit in the table of readings to run into",
                        info->id);
    return 0;
}

static int check_level(const struct mw_alert_rule *self, const char *key,
                       const struct mw_alert_level *level, char *error)
{
    const struct mw_reading_info *info = mw_reading_info(self->reading);

    if (!isfinite(level->amount))
        return complain(error, "%s: it takes a finite number", key);
    if (level->percent && is_time_to(self))
        return complain(error, "%s: a time to a limit is compared with a time, not a percentage",
                        key);
    if (level->percent && !has_denominator(info))
        return complain(
            error, "%s: %s has nothing that is its 100 %%; give the level in its own unit (%s)",
            key, info->id, mw_unit_word(info->unit));
    if (level->percent && (level->amount < 0 || level->amount > 1000))
        return complain(error, "%s: a percentage is 0%% to 1000%%", key);
    return 0;
}

static int check_levels(const struct mw_alert_rule *self, char *error)
{
    const char *op = op_words[self->op];
    double way = self->raise.amount - self->clear.amount;
    int r = check_level(self, op, &self->raise, error);

    if (r == 0)
        r = check_level(self, "clear", &self->clear, error);
    if (r < 0)
        return r;
    if (self->raise.percent != self->clear.percent)
        return complain(error, "clear: give it as %s is given: both as percentages, or none", op);
    if (self->op == MW_ALERT_BELOW ? way > 0 : way < 0)
        return complain(error, "clear: %.15g%s is on the wrong side of %s = %.15g%s; it takes %s",
                        self->clear.amount, self->clear.percent ? "%" : "", op, self->raise.amount,
                        self->raise.percent ? "%" : "",
                        self->op == MW_ALERT_BELOW ? "that or more" : "that or less");
    return 0;
}

static int check_times(const struct mw_alert_rule *self, char *error)
{
    if (self->for_ms > MW_ALERT_SPAN_MS_MAX)
        return complain(error, "for: it takes at most 100 days");
    if (self->keep_ms > MW_ALERT_SPAN_MS_MAX)
        return complain(error, "keep: it takes at most 100 days");
    if (self->mode == MW_ALERT_ABSENT && self->for_ms == 0)
        return complain(error, "for: a rule about an absence takes how long it may last, as 30s");
    if (has_window(self) &&
        (self->window_ms < MW_ALERT_WINDOW_MS_MIN || self->window_ms > MW_ALERT_WINDOW_MS_MAX))
        return complain(error, "window: it takes 1s to 24h");
    return 0;
}

static bool is_label_key(const char *key)
{
    size_t size = strnlen(key, MW_ALERT_LABEL_KEY_MAX + 1);

    if (size == 0 || size > MW_ALERT_LABEL_KEY_MAX || (key[0] >= '0' && key[0] <= '9'))
        return false;
    return strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == size;
}

static int check_labels(const struct mw_alert_rule *self, char *error)
{
    if (self->label_count > MW_ALERT_LABELS_MAX)
        return complain(error, "labels: at most %d", MW_ALERT_LABELS_MAX);
    for (uint32_t i = 0; i < self->label_count; i++) {
        const struct mw_alert_label *label = &self->labels[i];

        if (!is_label_key(label->key))
            return complain(error,
                            "labels: a key takes 1 to %d letters, digits and _, no digit first",
                            MW_ALERT_LABEL_KEY_MAX);
        if (!mw_alert_text_fits(label->value, sizeof(label->value)))
            return complain(error, "labels: the value of %s takes up to %d bytes of UTF-8",
                            label->key, MW_ALERT_LABEL_VALUE_MAX);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(self->labels[j].key, label->key) == 0)
                return complain(error, "labels: %s is there twice", label->key);
    }
    return 0;
}

static int check_texts(const struct mw_alert_rule *self, char *error)
{
    char word[MW_ALERT_NAME_MAX];

    if ((unsigned)self->severity >= MW_ALERT_SEVERITY_COUNT)
        return complain(error, "severity: it takes info, warning or critical");
    if (!mw_alert_text_fits(self->summary, sizeof(self->summary)))
        return complain(error, "summary: it takes up to %d bytes of UTF-8 on one line",
                        MW_ALERT_SUMMARY_MAX);
    if (!mw_alert_template_check(self->summary, word, sizeof(word)))
        return complain(error, "summary: there is no {%s}; it takes " MW_ALERT_TEMPLATE_WORDS,
                        word);
    return check_labels(self, error);
}

int mw_alert_rule_check(const struct mw_alert_rule *self, char *error)
{
    int r = check_name(self, error);

    if (r == 0)
        r = check_reading(self, error);
    if (r == 0)
        r = check_subject(self, error);
    if (r == 0)
        r = check_mode(self, error);
    if (r == 0 && self->mode != MW_ALERT_ABSENT)
        r = check_levels(self, error);
    if (r == 0)
        r = check_times(self, error);
    return r < 0 ? r : check_texts(self, error);
}

/* ---- condition ---- */

/* As text, so that it is the same in builds that number readings otherwise. */
uint64_t mw_alert_rule_condition(const struct mw_alert_rule *self)
{
    char text[512];
    bool levels = self->mode != MW_ALERT_ABSENT;
    int size = snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n%a%s\n%a%s\n%llu",
                        mw_reading_info(self->reading)->id, self->subject, mode_words[self->mode],
                        levels ? op_words[self->op] : "", levels ? self->raise.amount : 0,
                        levels && self->raise.percent ? "%" : "", levels ? self->clear.amount : 0,
                        levels && self->clear.percent ? "%" : "",
                        has_window(self) ? (unsigned long long)self->window_ms : 0);

    return mw_alert_hash_text(text, (size_t)size);
}
