/* A level of a rule: in the unit of its reading, or in percent of what the reading is a part of. */
#include "daemon/config_internal.h"

#include "base/clock.h"
#include "base/units.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 24 };

/* Digits, with a fraction if there is one; `size` bytes. Nothing else that strtod() knows is one.
 */
static bool parse_number(const char *text, size_t size, double *ret)
{
    char copy[NUMBER_MAX + 1];
    size_t whole = strspn(text, "0123456789");
    size_t fraction = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") + 1 : 0;

    if (whole == 0 || fraction == 1 || whole + fraction != size || size > NUMBER_MAX)
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *ret = strtod(copy, NULL);
    return true;
}

static bool parse_percentage(const char *text, double *ret)
{
    size_t size = strlen(text);

    return size > 1 && text[size - 1] == '%' && parse_number(text, size - 1, ret);
}

static bool parse_bytes(const char *text, double *ret)
{
    uint64_t bytes;

    if (mw_units_parse_bytes(text, &bytes) < 0)
        return false;
    *ret = (double)bytes;
    return true;
}

static bool parse_span(const char *text, double ns, double *ret)
{
    uint64_t span;

    if (mw_units_parse_span_ns(text, &span) < 0)
        return false;
    *ret = (double)span / ns;
    return true;
}

static bool parse_ratio(const char *text, double *ret)
{
    double percentage;

    if (!parse_percentage(text, &percentage))
        return parse_number(text, strlen(text), ret);
    *ret = percentage / 100;
    return true;
}

static bool parse_in_unit(enum mw_unit unit, const char *text, double *ret)
{
    switch (unit) {
    case MW_UNIT_BYTES:
    case MW_UNIT_BYTES_PER_S:
        return parse_bytes(text, ret);
    case MW_UNIT_US:
        return parse_span(text, MW_NS_PER_US, ret);
    case MW_UNIT_MS:
        return parse_span(text, MW_NS_PER_MS, ret);
    case MW_UNIT_PERCENT:
        return parse_percentage(text, ret);
    case MW_UNIT_RATIO:
        return parse_ratio(text, ret);
    case MW_UNIT_COUNT:
    case MW_UNIT_PER_S:
        return parse_number(text, strlen(text), ret);
    default:
        return false;
    }
}

bool mwd_config_level(enum mw_reading reading, enum mw_alert_mode mode, const char *text,
                      struct mw_alert_level *ret)
{
    const struct mw_reading_info *info = mw_reading_info(reading);
    struct mw_alert_level level = {0, false};
    bool falls = mode == MW_ALERT_RATE && *text == '-';

    if (mode == MW_ALERT_TIME_TO_FULL || mode == MW_ALERT_TIME_TO_EMPTY) {
        if (!parse_span(text, MW_NS_PER_S, &level.amount))
            return false;
    } else if (mode == MW_ALERT_VALUE && info->of != MW_NONE &&
               parse_percentage(text, &level.amount)) {
        level.percent = true;
    } else if (!parse_in_unit(info->unit, text + falls, &level.amount)) {
        return false;
    }
    if (falls)
        level.amount = -level.amount;
    *ret = level;
    return true;
}

static const char *example_of(enum mw_unit unit)
{
    switch (unit) {
    case MW_UNIT_BYTES:
        return "a size, as 512MB";
    case MW_UNIT_BYTES_PER_S:
        return "a size a second, as 10MB";
    case MW_UNIT_US:
    case MW_UNIT_MS:
        return "a span of time, as 30s";
    case MW_UNIT_PERCENT:
        return "a percentage, as 10%";
    case MW_UNIT_RATIO:
        return "a percentage, as 80%, or a part, as 0.8";
    default:
        return "a number, as 100";
    }
}

void mwd_config_put_level_takes(enum mw_reading reading, enum mw_alert_mode mode,
                                struct mwd_buffer *out)
{
    const struct mw_reading_info *info = mw_reading_info(reading);

    if (mode == MW_ALERT_TIME_TO_FULL || mode == MW_ALERT_TIME_TO_EMPTY)
        mwd_buffer_puts(out, "a span of time, as 10m");
    else
        mwd_buffer_puts(out, example_of(info->unit));
    if (mode == MW_ALERT_RATE)
        mwd_buffer_puts(out, ", for the change in a second, with - in front when it falls");
    else if (mode == MW_ALERT_VALUE && info->of != MW_NONE)
        mwd_buffer_printf(out, ", or a percentage of %s, as 80%%", mw_reading_info(info->of)->id);
    else if (mode == MW_ALERT_VALUE && info->unit != MW_UNIT_PERCENT && info->unit != MW_UNIT_RATIO)
        mwd_buffer_printf(out, " (there is nothing that is 100%% of %s)", info->id);
}
