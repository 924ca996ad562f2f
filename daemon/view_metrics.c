/* Prometheus text 0.0.4 and OpenMetrics 1.0. Rows of the table that share a metric name are one
 * family: they stand together in the table and differ by their labels. The two formats have the
 * same samples; what differs is around them. In OpenMetrics a family of counters is named without
 * the `_total` of its samples, a unit is told where the name ends in it, quotes are escaped in help
 * too, and the end is marked, so that half an answer is not taken for a whole one. */
#include "daemon/view_internal.h"

#include <math.h>
#include <string.h>

static bool has_metric(const struct mw_reading_info *info)
{
    return info->kind != MW_KIND_PROCESS && info->metric[0];
}

/* In base units, which is what Prometheus expects: seconds, and 1 for the whole. */
static double base_value(const struct mw_reading_info *info, union mw_value value)
{
    double number = info->value == MW_VALUE_F64   ? value.f
                    : info->value == MW_VALUE_I64 ? (double)value.i
                                                  : (double)value.u;

    switch (info->unit) {
    case MW_UNIT_US:
        return number / 1e6;
    case MW_UNIT_MS:
    case MW_UNIT_EPOCH_MS:
        return number / 1e3;
    case MW_UNIT_PERCENT:
        return number / 1e2;
    default:
        return number;
    }
}

static void put_escaped(const char *text, const char *special, struct mwd_buffer *out)
{
    for (size_t plain; *text; text += plain) {
        plain = strcspn(text, special);
        mwd_buffer_append(out, text, plain);
        if (text[plain] == '\n')
            mwd_buffer_puts(out, "\\n");
        else if (text[plain])
            mwd_buffer_printf(out, "\\%c", text[plain]);
        plain += text[plain] != '\0';
    }
}

static void put_label_value(const char *text, struct mwd_buffer *out)
{
    put_escaped(text, "\\\n\"", out);
}

void mwd_view_put_help(const char *text, enum mwd_exposition form, struct mwd_buffer *out)
{
    put_escaped(text, form == MWD_OPENMETRICS ? "\\\n\"" : "\\\n", out);
}

static const char *unit_word(enum mw_unit unit)
{
    switch (unit) {
    case MW_UNIT_BYTES:
        return "bytes";
    case MW_UNIT_US:
    case MW_UNIT_MS:
    case MW_UNIT_EPOCH_MS:
        return "seconds";
    case MW_UNIT_PERCENT:
    case MW_UNIT_RATIO:
        return "ratio";
    case MW_UNIT_BYTES_PER_S:
        return "bytes_per_second";
    default:
        return NULL;
    }
}

/* One line of help for a whole family: what its rows say, one after the other. */
static void put_head(enum mw_reading first, enum mw_reading end, enum mwd_exposition form,
                     struct mwd_buffer *out)
{
    const struct mw_reading_info *info = mw_reading_info(first);
    const char *unit = form == MWD_OPENMETRICS ? unit_word(info->unit) : NULL;
    bool counts = info->type == MW_TYPE_COUNTER;
    size_t tail = counts && form == MWD_OPENMETRICS ? strlen("_total") : 0;
    int size = (int)(strlen(info->metric) - tail);

    mwd_buffer_printf(out, "# HELP %.*s", size, info->metric);
    for (enum mw_reading reading = first; reading < end; reading++) {
        mwd_buffer_puts(out, " ");
        mwd_view_put_help(mw_reading_info(reading)->help, form, out);
    }
    mwd_buffer_printf(out, "\n# TYPE %.*s %s\n", size, info->metric, counts ? "counter" : "gauge");
    if (unit)
        mwd_buffer_printf(out, "# UNIT %.*s %s\n", size, info->metric, unit);
}

/* `name` is NULL for kinds with one subject. */
static void put_labels(const struct mw_reading_info *info, const char *name, struct mwd_buffer *out)
{
    if (!name && !info->labels[0])
        return;
    mwd_buffer_puts(out, "{");
    if (name) {
        mwd_buffer_puts(out, "name=\"");
        put_label_value(name, out);
        mwd_buffer_puts(out, info->labels[0] ? "\"," : "\"");
    }
    mwd_buffer_printf(out, "%s}", info->labels);
}

static void put_sample(const struct mw_reading_info *info, const char *name, double value,
                       struct mwd_buffer *out)
{
    char text[MWD_JSON_NUMBER_ROOM];
    char *end = mwd_json_at_f64(text, value);

    mwd_buffer_puts(out, info->metric);
    put_labels(info, name, out);
    mwd_buffer_puts(out, " ");
    *end++ = '\n';
    mwd_buffer_append(out, text, (size_t)(end - text));
}

/* Readings [first, end) of one metric, and whether its head is written: one of which nothing is
 * there has no head either. */
struct family {
    enum mw_reading first, end;
    enum mwd_exposition form;
    bool headed;
};

static void put_subject(const struct mwd_view_input *input, struct family *family, const char *name,
                        struct mwd_buffer *out)
{
    for (enum mw_reading reading = family->first; reading < family->end; reading++) {
        const struct mw_reading_info *info = mw_reading_info(reading);
        union mw_value value;

        if (mwd_view_get(input, reading, &value) != MW_PRESENT ||
            !isfinite(base_value(info, value)))
            continue;
        if (!family->headed)
            put_head(family->first, family->end, family->form, out);
        family->headed = true;
        put_sample(info, name, base_value(info, value), out);
    }
}

/* Samples of a family stand together: all subjects of the kind, one after the other. */
static void put_family(const struct mwd_view_input *input, enum mw_reading first,
                       enum mw_reading end, enum mwd_exposition form, struct mwd_buffer *out)
{
    const struct mw_reading_info *info = mw_reading_info(first);
    struct family family = {first, end, form, false};
    struct mwd_view_input row = *input;
    const struct mw_block *block;

    if (mw_kind_has_one_subject(info->kind)) {
        put_subject(input, &family, NULL, out);
        return;
    }
    block = mwd_view_block(input, info->source);
    for (row.row = 0; block && row.row < mw_block_head(block)->rows; row.row++) {
        const char *name = mwd_view_name(input, info->kind, mw_block_keys(block)[row.row]);

        if (name)
            put_subject(&row, &family, name, out);
    }
}

static enum mw_reading family_end(enum mw_reading first)
{
    const char *metric = mw_reading_info(first)->metric;
    enum mw_reading end = first + 1;

    while (end < MW_READING_COUNT && strcmp(mw_reading_info(end)->metric, metric) == 0)
        end++;
    return end;
}

/* Text 0.0.4 has no type for what is no quantity. */
static void put_build(enum mwd_exposition form, struct mwd_buffer *out)
{
    bool open = form == MWD_OPENMETRICS;
    const char *family = open ? "memwatch_build" : "memwatch_build_info";

    mwd_buffer_printf(out,
                      "# HELP %s Version of this daemon; the value is 1.\n# TYPE %s %s\n"
                      "memwatch_build_info{version=\"" MW_VERSION "\"} 1\n",
                      family, family, open ? "info" : "gauge");
}

static void put_all(const struct mwd_view_input *input, enum mwd_exposition form,
                    struct mwd_buffer *out)
{
    enum mw_reading end;

    put_build(form, out);
    for (enum mw_reading reading = 0; reading < MW_READING_COUNT; reading = end) {
        end = family_end(reading);
        if (has_metric(mw_reading_info(reading)))
            put_family(input, reading, end, form, out);
    }
}

void mwd_view_metrics(const struct mwd_view_input *input, struct mwd_buffer *out)
{
    put_all(input, MWD_TEXT_FORMAT, out);
}

void mwd_view_openmetrics(const struct mwd_view_input *input, struct mwd_buffer *out)
{
    put_all(input, MWD_OPENMETRICS, out);
    mwd_buffer_puts(out, "# EOF\n");
}
