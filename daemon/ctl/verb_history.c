/* One document, four ways to show it: as it came, as CSV, as a table, as bars. */
#include "daemon/ctl/ctl.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OUT_MAX = 64 << 20, PATH_MAX_SIZE = 4096, MS_PER_S = 1000 };

enum { MIN, MEAN, MAX, NUMBERS };

/* A step; `absent` is NULL when there are numbers. */
struct point {
    double time_ms;
    double numbers[NUMBERS];
    const char *absent;
};

/* ---- reading the document ---- */

static bool read_point(const cJSON *document, const cJSON *item, struct point *ret)
{
    const cJSON *time = cJSON_GetArrayItem(item, 0);
    const cJSON *absent = cJSON_GetObjectItemCaseSensitive(document, "absent");
    char key[32];

    if (!cJSON_IsNumber(time))
        return false;
    *ret = (struct point){.time_ms = time->valuedouble};
    for (int i = 0; i < NUMBERS; i++) {
        const cJSON *number = cJSON_GetArrayItem(item, i + 1);

        ret->numbers[i] = cJSON_IsNumber(number) ? number->valuedouble : NAN;
        if (!cJSON_IsNumber(number))
            ret->absent = "unknown";
    }
    snprintf(key, sizeof key, "%.0f", ret->time_ms);
    if (ret->absent)
        ret->absent = mwd_ctl_text(absent, key, ret->absent);
    return true;
}

/* ---- numbers ---- */

/* Whole numbers as they are, others with as many digits as are true. */
static void put_plain(double number, char ret[32])
{
    if (isnan(number))
        snprintf(ret, 32, "-");
    else if (number == floor(number) && fabs(number) < 1e15)
        snprintf(ret, 32, "%.0f", number);
    else
        snprintf(ret, 32, "%.3f", number);
}

static void put_number(struct mwd_ctl *self, const cJSON *document, double number, char ret[48])
{
    const char *unit = mwd_ctl_text(document, "unit", "");
    char size[32];

    if (strncmp(unit, "bytes", 5) != 0 || isnan(number) || fabs(number) >= 1e18) {
        put_plain(number, size);
        snprintf(ret, 48, "%s", size);
        return;
    }
    mwd_ctl_size(self, (uint64_t)llround(fabs(number)), size);
    snprintf(ret, 48, "%s%s%s", number < 0 ? "-" : "", size, unit[5] ? "/s" : "");
}

static void put_time(double time_ms, char ret[32])
{
    time_t seconds = (time_t)(time_ms / MS_PER_S);
    int ms = (int)(time_ms - (double)seconds * MS_PER_S);
    struct tm parts;
    char day[24];

    if (fabs(time_ms) > 9e15 || !gmtime_r(&seconds, &parts) ||
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        snprintf(ret, 32, "%.0f", time_ms);
    else if (ms == 0)
        snprintf(ret, 32, "%sZ", day);
    else
        snprintf(ret, 32, "%s.%03dZ", day, ms % MS_PER_S);
}

/* ---- CSV ---- */

static void put_csv_number(double number, struct mwd_buffer *out)
{
    if (isnan(number))
        mwd_buffer_puts(out, ",");
    else
        mwd_buffer_printf(out, ",%.15g", number);
}

static void put_csv(const cJSON *document, struct mwd_buffer *out)
{
    const cJSON *item;
    struct point point;

    mwd_buffer_puts(out, "timeMs,min,mean,max,absent\n");
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(document, "points"))
    {
        if (!read_point(document, item, &point))
            continue;
        mwd_buffer_printf(out, "%.0f", point.time_ms);
        for (int i = 0; i < NUMBERS; i++)
            put_csv_number(point.numbers[i], out);
        mwd_buffer_printf(out, ",%s\n", point.absent ? point.absent : "");
    }
}

/* ---- a table ---- */

static const struct mwd_ctl_column columns[] = {
    {.title = "TIME"},
    {.title = "MIN", .right = true},
    {.title = "MEAN", .right = true},
    {.title = "MAX", .right = true},
    {.title = "UNKNOWN"},
};

static void put_row(struct mwd_ctl *self, const cJSON *document, const struct point *point,
                    struct mwd_ctl_table *table)
{
    char text[48];

    put_time(point->time_ms, text);
    mwd_ctl_table_cell(table, "%s", text);
    for (int i = 0; i < NUMBERS; i++) {
        put_number(self, document, point->numbers[i], text);
        mwd_ctl_table_cell(table, "%s", text);
    }
    mwd_ctl_table_cell(table, "%s", point->absent ? point->absent : "");
}

static void put_table(struct mwd_ctl *self, const cJSON *document, struct mwd_buffer *out)
{
    struct mwd_ctl_table *table;
    const cJSON *item;
    struct point point;
    int r = mwd_ctl_table_create(columns, sizeof columns / sizeof columns[0], &table);

    if (r < 0) {
        out->failed = r;
        return;
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(
                                 document, "points")) if (read_point(document, item, &point))
        put_row(self, document, &point, table);
    mwd_ctl_table_put(table, self, out);
    mwd_ctl_table_destroy(table);
}

/* ---- bars ---- */

struct summary {
    double *means; /* one a step, NAN where unknown */
    size_t steps, unknown;
    double least, greatest, newest, sum;
    double from_ms, to_ms;
    const char *absent; /* of the last gap */
};

static void add_point(struct summary *self, const struct point *point)
{
    self->means[self->steps++] = point->numbers[MEAN];
    if (self->steps == 1)
        self->from_ms = point->time_ms;
    if (point->absent) {
        self->unknown++;
        self->absent = point->absent;
        return;
    }
    self->least = fmin(self->least, point->numbers[MIN]);
    self->greatest = fmax(self->greatest, point->numbers[MAX]);
    self->newest = point->numbers[MEAN];
    self->sum += point->numbers[MEAN];
}

static int summarize(const cJSON *document, struct summary *ret)
{
    const cJSON *points = cJSON_GetObjectItemCaseSensitive(document, "points"), *item;
    uint64_t to_ms = 0;
    struct point point;

    *ret = (struct summary){.least = INFINITY, .greatest = -INFINITY, .newest = NAN};
    ret->means = calloc((size_t)cJSON_GetArraySize(points) + 1, sizeof *ret->means);
    if (!ret->means)
        return -ENOMEM;
    cJSON_ArrayForEach(item, points) if (read_point(document, item, &point)) add_point(ret, &point);
    mwd_ctl_number(document, "toMs", &to_ms);
    ret->to_ms = (double)to_ms;
    return 0;
}

static bool is_utf8_welcome(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static void put_numbers(struct mwd_ctl *self, const cJSON *document, const struct summary *summary,
                        struct mwd_buffer *out)
{
    const struct {
        const char *what;
        double number;
    } rows[] = {{"min", summary->least},
                {"mean", summary->sum / (double)(summary->steps - summary->unknown)},
                {"max", summary->greatest},
                {"last", summary->newest}};
    char text[48];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put_number(self, document, rows[i].number, text);
        mwd_buffer_printf(out, "%s%s %s", i > 0 ? ", " : "", rows[i].what, text);
    }
    mwd_buffer_puts(out, "\n");
}

static void put_title(const cJSON *document, struct mwd_buffer *out)
{
    const char *subject = mwd_ctl_text(document, "subject", "?");
    const char *name = mwd_ctl_text(document, "name", NULL);
    uint64_t step = 0;

    mwd_ctl_number(document, "stepMs", &step);
    mwd_buffer_printf(out, "%s of %s", mwd_ctl_text(document, "reading", "?"), subject);
    if (name && strcmp(name, subject) != 0) {
        mwd_buffer_puts(out, " (");
        for (; *name; name++) /* whoever named the process is not to steer the terminal */
            mwd_buffer_append(out, (unsigned char)*name < 0x20 || *name == 0x7f ? "?" : name, 1);
        mwd_buffer_puts(out, ")");
    }
    mwd_buffer_printf(out, " in steps of %g s\n", (double)step / MS_PER_S);
}

static void put_bars(struct mwd_ctl *self, const cJSON *document, struct mwd_buffer *out)
{
    struct summary summary;
    char from[32], to[32];
    int r = summarize(document, &summary);

    if (r < 0) {
        out->failed = r;
        return;
    }
    put_title(document, out);
    if (summary.unknown < summary.steps) {
        mwd_ctl_put_sparkline(summary.means, summary.steps, self->columns, is_utf8_welcome(), out);
        put_numbers(self, document, &summary, out);
    }
    put_time(summary.from_ms, from);
    put_time(summary.to_ms, to);
    if (summary.steps > 0)
        mwd_buffer_printf(out, "%s to %s\n", from, to);
    if (summary.unknown > 0)
        mwd_buffer_printf(out, "%zu of %zu steps unknown: %s\n", summary.unknown, summary.steps,
                          summary.absent);
    free(summary.means);
}

/* ---- the verb ---- */

static void put_path(const struct mwd_ctl_options *options, struct mwd_buffer *out)
{
    mwd_buffer_puts(out, "/api/v1/history");
    mwd_ctl_put_word("reading", options->operand, out);
    mwd_ctl_put_word("subject", options->second, out);
    mwd_ctl_put_word("from", options->from, out);
    mwd_ctl_put_word("to", options->to, out);
    mwd_ctl_put_word("step", options->step, out);
    mwd_buffer_append(out, "", 1);
}

static int show(struct mwd_ctl *self, const char *path)
{
    struct mwd_buffer out;
    cJSON *document;
    int code = mwd_ctl_document(self, path, &document);

    if (code != MWD_CTL_OK)
        return code;
    mwd_buffer_init(&out, OUT_MAX);
    if (self->options->csv)
        put_csv(document, &out);
    else if (self->terminal)
        put_bars(self, document, &out);
    else
        put_table(self, document, &out);
    cJSON_Delete(document);
    code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}

int mwd_ctl_history(struct mwd_ctl *self)
{
    struct mwd_buffer path;
    int code;

    if (self->options->json && self->options->csv) {
        mwd_ctl_complain("--csv: does not go with --json: one form is printed");
        return MWD_CTL_USAGE;
    }
    mwd_buffer_init(&path, PATH_MAX_SIZE);
    put_path(self->options, &path);
    if (path.failed) {
        mwd_ctl_complain("history: what is asked for is too long");
        code = MWD_CTL_USAGE;
    } else {
        code =
            self->options->json ? mwd_ctl_pass_on(self, "GET", path.bytes) : show(self, path.bytes);
    }
    mwd_buffer_deinit(&path);
    return code;
}
