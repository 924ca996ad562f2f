/* queues, caches and services: one table each. */
#include "daemon/ctl/ctl.h"

#include <cjson/cJSON.h>
#include <inttypes.h>

enum cell { TEXT, COUNT, SIZE, SPAN, SHARE };

struct field {
    const char *key, *of; /* SHARE: 100 % of `key` is the sum with `of` */
    enum cell cell;
};

static const struct mwd_ctl_column queue_columns[] = {
    {.title = "QUEUE"},
    {.title = "LENGTH", .right = true},
    {.title = "CAPACITY", .right = true},
    {.title = "OLDEST", .right = true},
    {.title = "IN", .right = true, .at_least = 60},
    {.title = "OUT", .right = true, .at_least = 70},
    {.title = "REFUSED", .right = true, .at_least = 80},
    {.title = "CLEARED", .right = true, .at_least = 90},
};
static const struct field queue_fields[] = {
    {"name", NULL, TEXT},          {"length", NULL, COUNT},        {"capacity", NULL, COUNT},
    {"oldestAgeMs", NULL, SPAN},   {"enqueuedTotal", NULL, COUNT}, {"dequeuedTotal", NULL, COUNT},
    {"refusedTotal", NULL, COUNT}, {"clearedTotal", NULL, COUNT},
};

static const struct mwd_ctl_column cache_columns[] = {
    {.title = "CACHE"},
    {.title = "ENTRIES", .right = true},
    {.title = "LIMIT", .right = true},
    {.title = "BYTES", .right = true},
    {.title = "BYTES LIMIT", .right = true, .at_least = 60},
    {.title = "HITS", .right = true},
    {.title = "EVICTIONS", .right = true, .at_least = 70},
};
static const struct field cache_fields[] = {
    {"name", NULL, TEXT},       {"entries", NULL, COUNT},   {"limit", NULL, COUNT},
    {"bytes", NULL, SIZE},      {"bytesLimit", NULL, SIZE}, {"hits", "misses", SHARE},
    {"evictions", NULL, COUNT},
};

static const struct mwd_ctl_column service_columns[] = {
    {.title = "SERVICE"},
    {.title = "MEMORY", .right = true},
    {.title = "LIMIT", .right = true},
    {.title = "PEAK", .right = true, .at_least = 60},
    {.title = "ANON", .right = true, .at_least = 70},
    {.title = "SWAP", .right = true, .at_least = 80},
    {.title = "LIMIT HITS", .right = true, .at_least = 90},
    {.title = "OOM KILLS", .right = true},
};
static const struct field service_fields[] = {
    {"name", NULL, TEXT},       {"memory", NULL, SIZE},    {"limit", NULL, SIZE},
    {"peak", NULL, SIZE},       {"anon", NULL, SIZE},      {"swap", NULL, SIZE},
    {"limitHits", NULL, COUNT}, {"oomKills", NULL, COUNT},
};

_Static_assert(sizeof queue_fields / sizeof queue_fields[0] ==
                   sizeof queue_columns / sizeof queue_columns[0],
               "a column without a field");
_Static_assert(sizeof cache_fields / sizeof cache_fields[0] ==
                   sizeof cache_columns / sizeof cache_columns[0],
               "a column without a field");
_Static_assert(sizeof service_fields / sizeof service_fields[0] ==
                   sizeof service_columns / sizeof service_columns[0],
               "a column without a field");

static void put_share(const cJSON *row, const struct field *field, uint64_t part,
                      struct mwd_ctl_table *table)
{
    uint64_t rest;

    if (mwd_ctl_number(row, field->of, &rest) && part + rest > 0)
        mwd_ctl_table_cell(table, "%.1f %%", 100.0 * (double)part / (double)(part + rest));
    else
        mwd_ctl_table_cell(table, "-");
}

static void put_cell(struct mwd_ctl *self, const cJSON *row, const struct field *field,
                     struct mwd_ctl_table *table)
{
    char size[32];
    uint64_t number;

    if (field->cell == TEXT) {
        mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, field->key, "-"));
    } else if (!mwd_ctl_number(row, field->key, &number)) {
        mwd_ctl_table_cell(table, "-");
    } else if (field->cell == SIZE) {
        mwd_ctl_size(self, number, size);
        mwd_ctl_table_cell(table, "%s", size);
    } else if (field->cell == SPAN) {
        mwd_ctl_table_cell(table, "%.3f s", (double)number / 1000);
    } else if (field->cell == SHARE) {
        put_share(row, field, number, table);
    } else {
        mwd_ctl_table_cell(table, "%" PRIu64, number);
    }
}

static void put_row(struct mwd_ctl *self, const struct mwd_ctl_rows *rows, const cJSON *row,
                    struct mwd_ctl_table *table)
{
    const struct field *fields = rows->fields;

    for (unsigned i = 0; i < rows->count; i++)
        put_cell(self, row, &fields[i], table);
}

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

static const struct mwd_ctl_rows queue_rows = {"/api/v1/queues",        "queues", queue_columns,
                                               COUNT_OF(queue_columns), put_row,  queue_fields};
static const struct mwd_ctl_rows cache_rows = {"/api/v1/caches",        "caches", cache_columns,
                                               COUNT_OF(cache_columns), put_row,  cache_fields};
static const struct mwd_ctl_rows service_rows = {
    "/api/v1/services",        "services", service_columns,
    COUNT_OF(service_columns), put_row,    service_fields};

int mwd_ctl_queues(struct mwd_ctl *self)
{
    return mwd_ctl_show_rows(self, &queue_rows);
}

int mwd_ctl_caches(struct mwd_ctl *self)
{
    return mwd_ctl_show_rows(self, &cache_rows);
}

int mwd_ctl_services(struct mwd_ctl *self)
{
    return mwd_ctl_show_rows(self, &service_rows);
}
