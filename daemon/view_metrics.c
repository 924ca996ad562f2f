/* Prometheus text 0.0.4 and OpenMetrics 1.0. Rows of the table that share a metric name are one
 * family: they stand together in the table and differ by their labels. The two formats have the
 * same samples; what differs is around them. In OpenMetrics a family of counters is named without
 * the `_total` of its samples, a unit is told where the name ends in it, quotes are escaped in help
 * too, and the end is marked, so that half an answer is not taken for a whole one. */
#include "daemon/view_internal.h"

#include <math.h>
#include <string.h>

/* In base units, which is what Prometheus expects: seconds, and 1 for the whole. */
static double in_base_unit(const struct mw_reading_info *info, double number)
{
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

void mwd_view_put_label_value(const char *text, struct mwd_buffer *out)
{
    put_escaped(text, "\\\n\"", out);
}

static double base_value(const struct mw_reading_info *info, union mw_value value)
{
    return in_base_unit(info, info->value == MW_VALUE_F64   ? value.f
                              : info->value == MW_VALUE_I64 ? (double)value.i
                                                            : (double)value.u);
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
static void put_labels(const char *labels, const char *name, struct mwd_buffer *out)
{
    if (!name && !labels[0])
        return;
    mwd_buffer_puts(out, "{");
    if (name) {
        mwd_buffer_puts(out, "name=\"");
        mwd_view_put_label_value(name, out);
        mwd_buffer_puts(out, labels[0] ? "\"," : "\"");
    }
    mwd_buffer_printf(out, "%s}", labels);
}

void mwd_view_put_sample(const char *metric, const char *labels, const char *name, double value,
                         struct mwd_buffer *out)
{
    char text[MWD_JSON_NUMBER_ROOM];
    char *end = mwd_json_at_f64(text, value);

    mwd_buffer_puts(out, metric);
    put_labels(labels, name, out);
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
        mwd_view_put_sample(info->metric, info->labels, name, base_value(info, value), out);
    }
}

/* Samples of a family stand together: all subjects of the kind, one after the other. */
static void put_family(const struct mwd_view_input *input, enum mw_reading first,
                       enum mw_reading end, enum mwd_exposition form, struct mwd_buffer *out)
{
    const struct mw_reading_info *info = mw_reading_info(first);
    struct family family = {first, end, form, false};
    struct mwd_view_input row = *input;
    uint32_t left = mwd_view_planned(input, info->kind);
    const struct mw_block *block;

    if (mw_kind_has_one_subject(info->kind)) {
        put_subject(input, &family, NULL, out);
        return;
    }
    block = mwd_view_block(input, info->source);
    for (row.row = 0; block && left > 0 && row.row < mw_block_head(block)->rows; row.row++) {
        const char *name = mwd_view_name(input, info->kind, mw_block_keys(block)[row.row]);

        if (!name)
            continue;
        put_subject(&row, &family, name, out);
        left--;
    }
}

/* ---- processes, by group ---- */

static void put_groups_reading(const struct mwd_groups *groups, enum mw_reading reading,
                               enum mwd_exposition form, struct mwd_buffer *out)
{
    const struct mw_reading_info *info = mw_reading_info(reading);
    bool headed = false;
    double sum;

    for (uint32_t i = 0; i < mwd_groups_count(groups); i++) {
        if (!mwd_groups_get(groups, i, reading, &sum))
            continue;
        if (!headed)
            put_head(reading, reading + 1, form, out);
        headed = true;
        mwd_view_put_sample(info->metric, info->labels, mwd_groups_at(groups, i)->name,
                            in_base_unit(info, sum), out);
    }
}

/* What is known of groups beside readings. */
static void put_group_head(const char *family, const char *type, const char *help,
                           struct mwd_buffer *out)
{
    mwd_buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

static void put_group_sizes(const struct mwd_groups *groups, struct mwd_buffer *out)
{
    static const char metric[] = "memwatch_process_group_processes";

    put_group_head(metric, "gauge", "Processes of this name, or in this group by rules.", out);
    for (uint32_t i = 0; i < mwd_groups_count(groups); i++) {
        const struct mwd_group *group = mwd_groups_at(groups, i);

        mwd_view_put_sample(metric, "", group->name, group->processes, out);
    }
}

static void put_group_starts(const struct mwd_groups *groups, enum mwd_exposition form,
                             struct mwd_buffer *out)
{
    static const char metric[] = "memwatch_process_oldest_start_time_seconds";

    put_group_head(metric, "gauge", "When the oldest process of this name started.", out);
    if (form == MWD_OPENMETRICS)
        mwd_buffer_printf(out, "# UNIT %s seconds\n", metric);
    for (uint32_t i = 0; i < mwd_groups_count(groups); i++) {
        const struct mwd_group *group = mwd_groups_at(groups, i);

        if (group->oldest_start_ms != INT64_MAX)
            mwd_view_put_sample(metric, "", group->name, (double)group->oldest_start_ms / 1e3, out);
    }
}

static void put_group_totals(const struct mwd_groups *groups, enum mwd_exposition form,
                             struct mwd_buffer *out)
{
    static const char names[] = "memwatch_process_groups";
    static const char folded[] = "memwatch_process_groups_folded_total";

    put_group_head(names, "gauge", "Different names of processes.", out);
    mwd_view_put_sample(names, "", NULL, mwd_groups_names(groups), out);
    put_group_head(form == MWD_OPENMETRICS ? "memwatch_process_groups_folded" : folded, "counter",
                   "Names that were summed in other, as there may be only so many groups, added up "
                   "over samples.",
                   out);
    mwd_view_put_sample(folded, "", NULL, (double)mwd_groups_folded(groups), out);
}

static uint32_t count_unused(const struct mwd_view_input *input)
{
    uint32_t unused = 0;

    for (uint32_t i = 0; i < mwd_matcher_count(input->rules); i++)
        unused += mwd_grouping_count(input->grouping, i).matched == 0;
    return unused;
}

static void put_given_up(const struct mwd_view_input *input, enum mwd_exposition form,
                         struct mwd_buffer *out)
{
    static const char given_up[] = "memwatch_process_rules_given_up_total";
    uint64_t sum = 0;

    for (uint32_t i = 0; i < mwd_matcher_count(input->rules); i++)
        sum += mwd_matcher_given_up(input->rules, i);
    put_group_head(
        form == MWD_OPENMETRICS ? "memwatch_process_rules_given_up" : given_up, "counter",
        "Times that a pattern cost too much for a command line, and so did not match.", out);
    mwd_view_put_sample(given_up, "", NULL, (double)sum, out);
}

/* What there is to know where rules make the groups. */
static void put_rules(const struct mwd_view_input *input, enum mwd_exposition form,
                      struct mwd_buffer *out)
{
    static const char rules[] = "memwatch_process_rules";
    static const char unused[] = "memwatch_process_rules_unused";
    static const char ungrouped[] = "memwatch_process_ungrouped";
    struct mwd_grouping_totals totals;

    if (!input->grouping)
        return;
    mwd_grouping_get_totals(input->grouping, &totals);
    put_group_head(rules, "gauge", "Rules that make groups of processes.", out);
    mwd_view_put_sample(rules, "", NULL, mwd_matcher_count(input->rules), out);
    put_group_head(unused, "gauge", "Rules that have matched no process since they were read.",
                   out);
    mwd_view_put_sample(unused, "", NULL, count_unused(input), out);
    put_given_up(input, form, out);
    put_group_head(ungrouped, "gauge", "Processes that no rule has given a group.", out);
    mwd_view_put_sample(ungrouped, "", NULL, totals.ungrouped, out);
}

static void put_groups(const struct mwd_groups *groups, enum mwd_exposition form,
                       struct mwd_buffer *out)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_PROCESS);

    if (!groups || mwd_groups_count(groups) == 0)
        return;
    for (enum mw_reading reading = first; mw_reading_info(reading)->source == MW_SOURCE_PROCESS;
         reading++)
        if (mw_reading_info(reading)->metric[0])
            put_groups_reading(groups, reading, form, out);
    put_group_sizes(groups, out);
    put_group_starts(groups, form, out);
    put_group_totals(groups, form, out);
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
        if (mw_reading_info(reading)->metric[0] &&
            mw_reading_info(reading)->kind != MW_KIND_PROCESS)
            put_family(input, reading, end, form, out);
    }
    put_groups(input->groups, form, out);
    if (input->groups)
        put_rules(input, form, out);
    mwd_view_put_windows(input, form, out);
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
