#include "daemon/ctl/ctl.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>

enum { DEFAULT_LIMIT = 20, OUT_MAX = 64 << 20 };

/* On a narrow terminal the columns with the highest `at_least` go first. */
static const struct mwd_ctl_column columns[] = {
    {.title = "PID", .right = true},
    {.title = "RSS", .right = true},
    {.title = "GROWTH", .right = true, .at_least = 50},
    {.title = "ANON", .right = true, .at_least = 70},
    {.title = "SWAP", .right = true, .at_least = 60},
    {.title = "PEAK", .right = true, .at_least = 80},
    {.title = "THREADS", .right = true, .at_least = 90},
    {.title = "UID", .right = true, .at_least = 100},
    {.title = "NAME"},
};

/* ---- the question ---- */

static void put_path(const struct mwd_ctl_options *options, uint64_t limit, struct mwd_buffer *out)
{
    mwd_buffer_printf(out, "/api/v1/processes?limit=%" PRIu64, limit);
    mwd_ctl_put_word("sort", options->sort, out);
    mwd_ctl_put_word("order", options->order, out);
    mwd_ctl_put_word("name", options->name, out);
    if (options->pid != UINT64_MAX)
        mwd_buffer_printf(out, "&pid=%" PRIu64, options->pid);
    mwd_buffer_append(out, "", 1);
}

/* ---- the answer ---- */

static void put_count(struct mwd_ctl_table *table, const cJSON *row, const char *key)
{
    uint64_t count;

    if (mwd_ctl_number(row, key, &count))
        mwd_ctl_table_cell(table, "%" PRIu64, count);
    else
        mwd_ctl_table_cell(table, "-");
}

static void put_size(struct mwd_ctl *self, struct mwd_ctl_table *table, const cJSON *row,
                     const char *key)
{
    char size[32];

    mwd_ctl_size_at(self, row, key, size);
    mwd_ctl_table_cell(table, "%s", size);
}

/* What a process has grown by may be less than nothing. */
static void put_growth(struct mwd_ctl *self, struct mwd_ctl_table *table, const cJSON *row)
{
    const cJSON *growth = cJSON_GetObjectItemCaseSensitive(row, "growth");
    char size[32];

    if (!cJSON_IsNumber(growth)) {
        mwd_ctl_table_cell(table, "-");
        return;
    }
    double value = growth->valuedouble;
    mwd_ctl_size(self, (uint64_t)(value < 0 ? -value : value), size);
    mwd_ctl_table_cell(table, "%s%s", value < 0 ? "-" : value > 0 ? "+" : "", size);
}

static void put_row(struct mwd_ctl *self, struct mwd_ctl_table *table, const cJSON *row)
{
    put_count(table, row, "pid");
    put_size(self, table, row, "rss");
    put_growth(self, table, row);
    put_size(self, table, row, "rssAnon");
    put_size(self, table, row, "swap");
    put_size(self, table, row, "peak");
    put_count(table, row, "threads");
    put_count(table, row, "uid");
    mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, "name", "-"));
}

static void put_total(const cJSON *document, uint64_t shown, struct mwd_buffer *out)
{
    uint64_t total;

    if (mwd_ctl_number(document, "total", &total) && total > shown)
        mwd_buffer_printf(out, "%" PRIu64 " of %" PRIu64 "; --limit shows more\n", shown, total);
}

static void put_document(struct mwd_ctl *self, const cJSON *document, struct mwd_buffer *out)
{
    struct mwd_ctl_table *table;
    const cJSON *row;
    uint64_t shown = 0;
    int r = mwd_ctl_table_create(columns, sizeof columns / sizeof columns[0], &table);

    if (r < 0) {
        out->failed = r;
        return;
    }
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(document, "processes"))
    {
        put_row(self, table, row);
        shown++;
    }
    mwd_ctl_table_put(table, self, out);
    mwd_ctl_table_destroy(table);
    put_total(document, shown, out);
}

int mwd_ctl_put_processes(struct mwd_ctl *self, uint64_t limit, struct mwd_buffer *out)
{
    struct mwd_buffer path;
    cJSON *document;

    mwd_buffer_init(&path, 4096);
    put_path(self->options, limit, &path);
    int code = path.failed ? MWD_CTL_FAILED : mwd_ctl_document(self, path.bytes, &document);
    mwd_buffer_deinit(&path);
    if (code != MWD_CTL_OK)
        return code;
    put_document(self, document, out);
    cJSON_Delete(document);
    return MWD_CTL_OK;
}

int mwd_ctl_processes(struct mwd_ctl *self)
{
    uint64_t limit = self->options->limit == UINT64_MAX ? DEFAULT_LIMIT : self->options->limit;
    struct mwd_buffer out;
    int code;

    mwd_buffer_init(&out, OUT_MAX);
    if (self->options->json) {
        put_path(self->options, limit, &out);
        code = out.failed ? MWD_CTL_FAILED : mwd_ctl_pass_on(self, "GET", out.bytes);
    } else {
        code = mwd_ctl_put_processes(self, limit, &out);
        if (code == MWD_CTL_OK)
            code = mwd_ctl_print(&out);
    }
    mwd_buffer_deinit(&out);
    return code;
}
