/* alerts and rules: what fires, and what would. */
#include "daemon/ctl/ctl.h"

#include "base/units.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { OUT_MAX = 4 << 20, LEVEL_MAX = 64 };

static const struct mwd_ctl_column alert_columns[] = {
    {.title = "STATE"},
    {.title = "SEVERITY", .at_least = 60},
    {.title = "RULE"},
    {.title = "SINCE", .at_least = 70},
    {.title = "WHAT", .flows = true},
};

static const struct mwd_ctl_column rule_columns[] = {
    {.title = "RULE"},
    {.title = "READING"},
    {.title = "SUBJECT", .at_least = 90},
    {.title = "RAISED", .right = true},
    {.title = "CLEAR", .right = true, .at_least = 80},
    {.title = "FOR", .right = true, .at_least = 70},
    {.title = "PENDING", .right = true, .at_least = 100},
    {.title = "FIRING", .right = true},
};

/* ---- cells ---- */

void mwd_ctl_put_time(uint64_t ms, char ret[MWD_CTL_TIME_MAX])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;

    if (!localtime_r(&seconds, &parts) ||
        strftime(ret, MWD_CTL_TIME_MAX, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        snprintf(ret, MWD_CTL_TIME_MAX, "%" PRIu64, ms);
}

static void put_alert(const cJSON *row, struct mwd_ctl_table *table)
{
    const char *ack = mwd_ctl_text(cJSON_GetObjectItemCaseSensitive(row, "ack"), "author", NULL);
    bool silenced = mwd_ctl_text(row, "silencedBy", NULL) != NULL;
    char since[MWD_CTL_TIME_MAX] = "-";
    uint64_t ms;

    if (mwd_ctl_number(row, "sinceMs", &ms))
        mwd_ctl_put_time(ms, since);
    mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, "state", "-"));
    mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, "severity", "-"));
    mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, "rule", "-"));
    mwd_ctl_table_cell(table, "%s", since);
    mwd_ctl_table_cell(table, "%s%s%s%s%s", mwd_ctl_text(row, "summary", "-"),
                       silenced ? " (silenced)" : "", ack ? " (known to " : "", ack ? ack : "",
                       ack ? ")" : "");
}

static bool get_number(const cJSON *row, const char *key, double *ret)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(row, key);

    *ret = cJSON_IsNumber(item) ? item->valuedouble : 0;
    return cJSON_IsNumber(item);
}

static void put_span(double ns, char ret[LEVEL_MAX])
{
    mw_units_format_span((uint64_t)ns, ret, LEVEL_MAX);
}

/* In its unit, or as a percentage. */
static void put_amount(struct mwd_ctl *self, const cJSON *row, double amount, char ret[LEVEL_MAX])
{
    const char *unit = mwd_ctl_text(row, "unit", "");

    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, "percent")) ||
        strcmp(unit, "percent") == 0)
        snprintf(ret, LEVEL_MAX, "%.15g%%", amount);
    else if (strcmp(unit, "bytes") == 0 && amount >= 0)
        mwd_ctl_size(self, (uint64_t)amount, ret);
    else if (strcmp(unit, "ms") == 0 && amount >= 0)
        put_span(amount * 1e6, ret);
    else if (strcmp(unit, "us") == 0 && amount >= 0)
        put_span(amount * 1e3, ret);
    else if (strcmp(unit, "s") == 0 && amount >= 0)
        put_span(amount * 1e9, ret);
    else
        snprintf(ret, LEVEL_MAX, "%.15g%s", amount, strstr(unit, "/s") ? "/s" : "");
}

static void put_level(struct mwd_ctl *self, const cJSON *row, const char *key, const char *before,
                      struct mwd_ctl_table *table)
{
    char level[LEVEL_MAX];
    double amount;

    if (get_number(row, key, &amount)) {
        put_amount(self, row, amount, level);
        mwd_ctl_table_cell(table, "%s%s", before, level);
    } else {
        mwd_ctl_table_cell(table, "%s", *before ? "absent" : "-");
    }
}

static void put_count(const cJSON *row, const char *key, struct mwd_ctl_table *table)
{
    uint64_t count;

    if (mwd_ctl_number(row, key, &count))
        mwd_ctl_table_cell(table, "%" PRIu64, count);
    else
        mwd_ctl_table_cell(table, "-");
}

static void put_rule(struct mwd_ctl *self, const cJSON *row, struct mwd_ctl_table *table)
{
    bool is_below = strcmp(mwd_ctl_text(row, "op", "above"), "below") == 0;
    bool is_off = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(row, "enabled"));
    const char *mode = mwd_ctl_text(row, "mode", "value");
    char span[LEVEL_MAX] = "-";
    double ms;

    if (get_number(row, "forMs", &ms))
        put_span(ms * 1e6, span);
    mwd_ctl_table_cell(table, "%s%s", mwd_ctl_text(row, "name", "-"), is_off ? " (off)" : "");
    mwd_ctl_table_cell(table, "%s%s%s", mwd_ctl_text(row, "reading", "-"),
                       strcmp(mode, "value") != 0 ? " " : "",
                       strcmp(mode, "value") != 0 ? mode : "");
    mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, "subject", "-"));
    put_level(self, row, "raise", is_below ? "< " : "> ", table);
    put_level(self, row, "clear", "", table);
    mwd_ctl_table_cell(table, "%s", span);
    put_count(row, "pending", table);
    put_count(row, "firing", table);
}

/* ---- verbs ---- */

static void put_rows(struct mwd_ctl *self, const cJSON *document, bool are_rules,
                     struct mwd_ctl_table *table)
{
    const cJSON *row;

    cJSON_ArrayForEach(row,
                       cJSON_GetObjectItemCaseSensitive(document, are_rules ? "rules" : "alerts"))
    {
        if (are_rules)
            put_rule(self, row, table);
        else
            put_alert(row, table);
    }
}

static void put_table(struct mwd_ctl *self, const cJSON *document, bool are_rules,
                      struct mwd_buffer *out)
{
    const struct mwd_ctl_column *columns = are_rules ? rule_columns : alert_columns;
    size_t count = are_rules ? sizeof rule_columns / sizeof rule_columns[0]
                             : sizeof alert_columns / sizeof alert_columns[0];
    struct mwd_ctl_table *table;
    int r = mwd_ctl_table_create(columns, (unsigned)count, &table);

    if (r < 0) {
        out->failed = r;
        return;
    }
    put_rows(self, document, are_rules, table);
    mwd_ctl_table_put(table, self, out);
    mwd_ctl_table_destroy(table);
}

/* What a table does not show must be said. */
static void put_rest(const cJSON *document, struct mwd_buffer *out)
{
    int shown = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(document, "alerts"));
    uint64_t total;

    if (!mwd_ctl_number(document, "total", &total))
        return;
    if (total == 0)
        mwd_buffer_puts(out, "nothing fires\n");
    else if (total > (uint64_t)shown)
        mwd_buffer_printf(out, "and %" PRIu64 " more; see --limit\n", total - (uint64_t)shown);
}

static int show(struct mwd_ctl *self, const char *path, bool are_rules)
{
    struct mwd_buffer out;
    cJSON *document;
    int code;

    if (self->options->json)
        return mwd_ctl_pass_on(self, "GET", path);
    code = mwd_ctl_document(self, path, &document);
    if (code != MWD_CTL_OK)
        return code;
    mwd_buffer_init(&out, OUT_MAX);
    put_table(self, document, are_rules, &out);
    if (!are_rules)
        put_rest(document, &out);
    cJSON_Delete(document);
    code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}

int mwd_ctl_alerts(struct mwd_ctl *self)
{
    char limit[24] = "";
    struct mwd_buffer path;
    int code;

    if (self->options->limit != UINT64_MAX)
        snprintf(limit, sizeof limit, "%" PRIu64, self->options->limit);
    mwd_buffer_init(&path, OUT_MAX);
    mwd_buffer_puts(&path, "/api/v1/alerts");
    mwd_ctl_put_word("state", self->options->state, &path);
    mwd_ctl_put_word("rule", self->options->rule, &path);
    mwd_ctl_put_word("subject", self->options->subject, &path);
    mwd_ctl_put_word("limit", limit[0] ? limit : NULL, &path);
    mwd_buffer_append(&path, "", 1);
    if (path.failed) {
        mwd_ctl_complain("alerts: out of memory");
        code = MWD_CTL_FAILED;
    } else {
        code = show(self, path.bytes, false);
    }
    mwd_buffer_deinit(&path);
    return code;
}

int mwd_ctl_rules(struct mwd_ctl *self)
{
    if (self->options->operand)
        return mwd_ctl_rules_test(self, self->options->files[0]);
    return show(self, "/api/v1/rules", true);
}
