#include "daemon/ctl/ctl.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

static const struct mwd_ctl_column columns[] = {
    {.title = "MEMORY"},
    {.title = "SIZE", .right = true},
    {.title = "OF TOTAL", .right = true},
};

/* What is unknown has its reason where the share would stand. */
static void put_row(struct mwd_ctl *self, struct mwd_ctl_table *table, const char *what,
                    const cJSON *object, const char *key, uint64_t total)
{
    const cJSON *absent = cJSON_GetObjectItemCaseSensitive(object, "absent");
    char text[32];
    uint64_t size;

    mwd_ctl_table_cell(table, "%s", what);
    if (!mwd_ctl_number(object, key, &size)) {
        mwd_ctl_table_cell(table, "unknown");
        mwd_ctl_table_cell(table, "%s", mwd_ctl_text(absent, key, "not given"));
        return;
    }
    mwd_ctl_size(self, size, text);
    mwd_ctl_table_cell(table, "%s", text);
    if (total > 0)
        mwd_ctl_table_cell(table, "%.1f %%", 100.0 * (double)size / (double)total);
    else
        mwd_ctl_table_cell(table, "%s", "");
}

static void put_rows(struct mwd_ctl *self, const cJSON *memory, struct mwd_ctl_table *table)
{
    static const struct {
        const char *what, *key;
        bool of_total;
    } rows[] = {
        {"total", "memTotal", false},     {"available", "memAvailable", true},
        {"used", "memUsed", true},        {"swap", "swapTotal", false},
        {"swap used", "swapUsed", false}, {"cgroup limit", "constrained", true},
    };
    const cJSON *system = cJSON_GetObjectItemCaseSensitive(memory, "system");
    const cJSON *process = cJSON_GetObjectItemCaseSensitive(memory, "process");
    uint64_t total = 0;

    mwd_ctl_number(memory, "totalmem", &total);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        put_row(self, table, rows[i].what, system, rows[i].key, rows[i].of_total ? total : 0);
    put_row(self, table, "memwatchd itself", process, "rss", 0);
}

static void put_pressure(const cJSON *memory, struct mwd_buffer *out)
{
    const cJSON *system = cJSON_GetObjectItemCaseSensitive(memory, "system");
    const cJSON *some = cJSON_GetObjectItemCaseSensitive(system, "pressureSomeAvg10");
    const cJSON *full = cJSON_GetObjectItemCaseSensitive(system, "pressureFullAvg10");

    if (cJSON_IsNumber(some) && cJSON_IsNumber(full))
        mwd_buffer_printf(out, "pressure (10 s): some %.2f, full %.2f\n", some->valuedouble,
                          full->valuedouble);
    else
        mwd_buffer_puts(out, "pressure: unknown (see doctor)\n");
}

int mwd_ctl_put_memory(struct mwd_ctl *self, struct mwd_buffer *out)
{
    struct mwd_ctl_table *table;
    cJSON *memory;
    int code = mwd_ctl_document(self, "/api/v1/memory", &memory);

    if (code != MWD_CTL_OK)
        return code;
    int r = mwd_ctl_table_create(columns, sizeof columns / sizeof columns[0], &table);
    if (r == 0) {
        put_rows(self, memory, table);
        mwd_ctl_table_put(table, self, out);
        mwd_ctl_table_destroy(table);
        put_pressure(memory, out);
    } else {
        out->failed = r;
    }
    cJSON_Delete(memory);
    return MWD_CTL_OK;
}

int mwd_ctl_memory(struct mwd_ctl *self)
{
    struct mwd_buffer out;
    int code;

    if (self->options->json)
        return mwd_ctl_pass_on(self, "GET", "/api/v1/memory");
    mwd_buffer_init(&out, 1 << 20);
    code = mwd_ctl_put_memory(self, &out);
    if (code == MWD_CTL_OK)
        code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}
