#include "alert/alert_internal.h"
#include "alert/text_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_words[MW_ALERT_STATE_COUNT] = {
    [MW_ALERT_OK] = "ok",
    [MW_ALERT_PENDING] = "pending",
    [MW_ALERT_FIRING] = "firing",
    [MW_ALERT_RESOLVED] = "resolved",
};
static const char *const reason_words[MW_ALERT_REASON_COUNT] = {
    [MW_ALERT_NO_REASON] = "none",
    [MW_ALERT_CLEARED] = "cleared",
    [MW_ALERT_GONE] = "gone",
    [MW_ALERT_RULE_GONE] = "rule-gone",
};

const char *mw_alert_state_word(enum mw_alert_state state)
{
    return state_words[state];
}

const char *mw_alert_reason_word(enum mw_alert_reason reason)
{
    return reason_words[reason];
}

/* ---- ids ---- */

void mw_alert_format_id(uint64_t fingerprint, int64_t since_ms, char *id)
{
    snprintf(id, MW_ALERT_ID_MAX, "%016" PRIx64 "-%" PRId64, fingerprint, since_ms);
}

/* Only what format_id() makes is taken: one alert has one id. */
int mw_alert_parse_id(const char *id, uint64_t *ret_fingerprint, int64_t *ret_since_ms)
{
    char again[MW_ALERT_ID_MAX];
    uint64_t fingerprint;
    int64_t since_ms;
    char *end;

    if (strnlen(id, MW_ALERT_ID_MAX) == MW_ALERT_ID_MAX)
        return -EINVAL;
    fingerprint = strtoull(id, &end, 16);
    if (end != id + 16 || *end != '-')
        return -EINVAL;
    since_ms = strtoll(end + 1, &end, 10);
    mw_alert_format_id(fingerprint, since_ms, again);
    if (strcmp(id, again) != 0)
        return -EINVAL;
    *ret_fingerprint = fingerprint;
    *ret_since_ms = since_ms;
    return 0;
}

/* ---- amounts as people write them ---- */

enum { AMOUNT_MAX = 48 };

struct scale {
    double step; /* to the next unit */
    const char *unit;
};

/* Without libm, which users of the library would have to link too. Large ones have no fraction that
 * anybody would read. */
static double nearest(double value)
{
    if (value > 1e15 || value < -1e15)
        return value;
    return (double)(int64_t)(value + (value < 0 ? -0.5 : 0.5));
}

static double size_of(double value)
{
    return value < 0 ? -value : value;
}

/* One digit behind the point where it says something. */
static void put_scaled(double value, const struct scale *scales, const char *after, char *ret)
{
    const struct scale *scale = scales;

    while (scale->step > 0 && size_of(value) >= scale->step) {
        value /= scale->step;
        scale++;
    }
    if (size_of(value) >= 100 || size_of(value - nearest(value)) < 0.05)
        snprintf(ret, AMOUNT_MAX, "%.0f%s%s", value, scale->unit, after);
    else
        snprintf(ret, AMOUNT_MAX, "%.1f%s%s", value, scale->unit, after);
}

static const struct scale byte_scales[] = {{1024, " B"},  {1024, " KB"}, {1024, " MB"},
                                           {1024, " GB"}, {1024, " TB"}, {0, " PB"}};
static const struct scale us_scales[] = {{1000, " us"}, {1000, " ms"}, {60, " s"},
                                         {60, " min"},  {24, " h"},    {0, " d"}};

static void put_us(double us, char *ret)
{
    put_scaled(us, us_scales, "", ret);
}

static void put_number(double value, const char *after, char *ret)
{
    if (value == nearest(value))
        snprintf(ret, AMOUNT_MAX, "%.0f%s", value, after);
    else
        snprintf(ret, AMOUNT_MAX, "%.3g%s", value, after);
}

/* `after` is "/s" for a rate of the unit. */
static void put_amount(enum mw_unit unit, double value, const char *after, char *ret)
{
    static const double us_per_ms = 1000;

    switch (unit) {
    case MW_UNIT_BYTES:
        put_scaled(value, byte_scales, after, ret);
        break;
    case MW_UNIT_BYTES_PER_S:
        put_scaled(value, byte_scales, "/s", ret);
        break;
    case MW_UNIT_US:
    case MW_UNIT_MS:
        put_us(unit == MW_UNIT_MS ? value * us_per_ms : value, ret);
        strncat(ret, after, AMOUNT_MAX - strlen(ret) - 1);
        break;
    case MW_UNIT_PERCENT:
    case MW_UNIT_RATIO:
        put_number(nearest((unit == MW_UNIT_RATIO ? value * 100 : value) * 10) / 10, " %", ret);
        strncat(ret, after, AMOUNT_MAX - strlen(ret) - 1);
        break;
    case MW_UNIT_PER_S:
        put_number(value, "/s", ret);
        break;
    default:
        put_number(value, after, ret);
    }
}

/* ---- words of a template ---- */

/* Of a rule's value or threshold: its reading, a rate of it, or seconds. */
static void put_level(const struct mw_alert *self, bool known, double value, char *ret)
{
    enum mw_alert_mode mode = self->rule ? self->rule->mode : MW_ALERT_VALUE;
    enum mw_unit unit = mw_reading_info(self->reading)->unit;

    if (!known)
        snprintf(ret, AMOUNT_MAX, "unknown");
    else if (mode == MW_ALERT_RATE)
        put_amount(unit, value, "/s", ret);
    else if (mode == MW_ALERT_VALUE)
        put_amount(unit, value, "", ret);
    else if (value >= MW_DETECT_NEVER_S)
        snprintf(ret, AMOUNT_MAX, "never");
    else
        put_us(value * 1e6, ret);
}

static void put_subject(const struct mw_alert *self, char *ret)
{
    bool is_process = mw_reading_info(self->reading)->kind == MW_KIND_PROCESS;

    if (is_process && self->key.id != 0)
        snprintf(ret, MW_ALERT_SUMMARY_MAX, "%s (pid %" PRIu64 ")", self->name, self->key.id);
    else
        snprintf(ret, MW_ALERT_SUMMARY_MAX, "%s", self->name);
}

static void put_value(const struct mw_alert *self, char *ret)
{
    put_level(self, self->value_known, self->value, ret);
}

static void put_threshold(const struct mw_alert *self, char *ret)
{
    put_level(self, self->threshold_known, self->threshold, ret);
}

static void put_limit(const struct mw_alert *self, char *ret)
{
    if (self->limit_known)
        put_amount(mw_reading_info(self->reading)->unit, self->limit, "", ret);
    else
        snprintf(ret, AMOUNT_MAX, "unknown");
}

static void put_reading(const struct mw_alert *self, char *ret)
{
    snprintf(ret, MW_ALERT_SUMMARY_MAX, "%s", mw_reading_info(self->reading)->id);
}

static void put_rule(const struct mw_alert *self, char *ret)
{
    snprintf(ret, MW_ALERT_SUMMARY_MAX, "%s", self->rule_name);
}

static void put_severity(const struct mw_alert *self, char *ret)
{
    snprintf(ret, MW_ALERT_SUMMARY_MAX, "%s", mw_alert_severity_word(self->severity));
}

static void put_window(const struct mw_alert *self, char *ret)
{
    if (self->rule)
        put_us((double)self->rule->window_ms * 1000, ret);
    else
        snprintf(ret, AMOUNT_MAX, "unknown");
}

static const struct word {
    const char *word;
    void (*put)(const struct mw_alert *self, char *ret); /* ret[MW_ALERT_SUMMARY_MAX] */
} words[] = {
    {"subject", put_subject},   {"value", put_value},     {"threshold", put_threshold},
    {"limit", put_limit},       {"reading", put_reading}, {"rule", put_rule},
    {"severity", put_severity}, {"window", put_window},
};

static const struct word *find_word(const char *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i].word) == size && memcmp(words[i].word, bytes, size) == 0)
            return &words[i];
    return NULL;
}

/* ---- templates ---- */

/* A part of a template: {{, a word in braces, or one character. */
struct part {
    const char *bytes; /* of a word: what stands between the braces */
    size_t size;
    bool is_word;
};

/* Takes the next part. A brace that is never closed is itself. */
static const char *next_part(const char *at, struct part *ret)
{
    const char *end = *at == '{' ? strchr(at, '}') : NULL;

    if (at[0] == '{' && at[1] == '{') {
        *ret = (struct part){at, 1, false};
        return at + 2;
    }
    if (end) {
        *ret = (struct part){at + 1, (size_t)(end - at - 1), true};
        return end + 1;
    }
    *ret = (struct part){at, 1, false};
    return at + 1;
}

bool mw_alert_template_check(const char *template_text, char *word, size_t capacity)
{
    struct part part;

    for (const char *at = template_text; *at;) {
        at = next_part(at, &part);
        if (part.is_word && !find_word(part.bytes, part.size)) {
            mw_alert_copy_text(part.bytes, part.size, word, capacity);
            return false;
        }
    }
    return true;
}

struct out {
    char *bytes; /* [MW_ALERT_SUMMARY_MAX + 1] */
    size_t size;
};

static void put(struct out *out, const char *bytes, size_t size)
{
    size_t room = MW_ALERT_SUMMARY_MAX - out->size;

    if (size > room)
        size = room;
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

static void put_part(const struct mw_alert *self, const struct part *part, struct out *out)
{
    const struct word *word = part->is_word ? find_word(part->bytes, part->size) : NULL;
    char text[MW_ALERT_SUMMARY_MAX];

    if (word) {
        word->put(self, text);
        put(out, text, strlen(text));
    } else if (part->is_word) {
        put(out, part->bytes - 1, part->size + 2);
    } else {
        put(out, part->bytes, part->size);
    }
}

size_t mw_alert_render(const struct mw_alert *self, const char *template_text, char *ret)
{
    char whole[MW_ALERT_SUMMARY_MAX + 1];
    struct out out = {whole, 0};
    struct part part;

    for (const char *at = template_text; *at;) {
        at = next_part(at, &part);
        put_part(self, &part, &out);
    }
    mw_alert_copy_text(whole, out.size, ret, MW_ALERT_SUMMARY_MAX + 1);
    return strlen(ret);
}

static const char *const summaries[MW_ALERT_MODE_COUNT][MW_ALERT_OP_COUNT] = {
    [MW_ALERT_VALUE] = {"{reading} of {subject} is {value}, above {threshold}",
                        "{reading} of {subject} is {value}, below {threshold}"},
    [MW_ALERT_RATE] = {"{reading} of {subject} changes by {value}, above {threshold}",
                       "{reading} of {subject} changes by {value}, below {threshold}"},
    [MW_ALERT_TIME_TO_FULL] = {"", "{reading} of {subject} reaches its limit, {limit}, in {value}"},
    [MW_ALERT_TIME_TO_EMPTY] = {"", "{reading} of {subject} reaches 0 in {value}"},
    [MW_ALERT_ABSENT] = {"{reading} of {subject} has no value",
                         "{reading} of {subject} has no value"},
};

const char *mw_alert_summary_default(const struct mw_alert_rule *self)
{
    return summaries[self->mode][self->op];
}

size_t mw_alert_summary(const struct mw_alert *self, char *ret)
{
    const struct mw_alert_rule *rule = self->rule;

    if (!rule)
        return mw_alert_render(self, "{reading} of {subject} is {value}", ret);
    return mw_alert_render(self, rule->summary[0] ? rule->summary : mw_alert_summary_default(rule),
                           ret);
}
