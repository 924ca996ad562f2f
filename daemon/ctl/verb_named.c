/* queues, caches and services: one table each. */
#include "daemon/ctl/ctl.h"

#include <cjson/cJSON.h>
#include <inttypes.h>

enum cell { TEXT, COUNT, SIZE, SPAN, AGE, RATE, PERCENT, SHARE };

struct field {
    /* SHARE: 100 % of `key` is the sum with `of`; AGE: `of` is 1 when it is an estimate */
    const char *key, *of;
    enum cell cell;
};

static const struct mwd_ctl_column queue_columns[] = {
    {.title = "QUEUE"},
    {.title = "LENGTH", .right = true},
    {.title = "CAPACITY", .right = true},
    {.title = "FILL", .right = true},
    {.title = "IN", .right = true, .at_least = 70},
    {.title = "OUT", .right = true, .at_least = 70},
    {.title = "OLDEST", .right = true},
    {.title = "FULL IN", .right = true, .at_least = 60},
    {.title = "STALLED", .right = true, .at_least = 80},
    {.title = "REFUSED", .right = true, .at_least = 100},
};
static const struct field queue_fields[] = {
    {"name", NULL, TEXT},
    {"length", NULL, COUNT},
    {"capacity", NULL, COUNT},
    {"fillRatio", NULL, PERCENT},
    {"inRate", NULL, RATE},
    {"outRate", NULL, RATE},
    {"oldestAgeMs", "oldestAgeEstimated", AGE},
    {"timeToFullMs", NULL, SPAN},
    {"stalledMs", NULL, SPAN},
    {"refusedTotal", NULL, COUNT},
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

/* What is well read: 0.250 s, 12.0 min, 3.5 h. */
static void put_span(uint64_t ms, const char *before, struct mwd_ctl_table *table)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"d", 86400e3}, {"h", 3600e3}, {"min", 60e3}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if ((double)ms >= 2 * units[i].ms) {
            mwd_ctl_table_cell(table, "%s%.1f %s", before, (double)ms / units[i].ms, units[i].unit);
            return;
        }
    mwd_ctl_table_cell(table, "%s%.3f s", before, (double)ms / 1000);
}

/* Neither is whole, nor below 0. */
static void put_ratio(const cJSON *row, const struct field *field, struct mwd_ctl_table *table)
{
    double number =
        cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(row, field->key)); /* or NaN */

    if (!(number >= 0))
        mwd_ctl_table_cell(table, "-");
    else if (field->cell == PERCENT)
        mwd_ctl_table_cell(table, "%.1f %%", 100 * number);
    else
        mwd_ctl_table_cell(table, "%.*f/s", number < 100 ? 1 : 0, number);
}

static bool is_one(const cJSON *row, const char *key)
{
    uint64_t number;

    return mwd_ctl_number(row, key, &number) && number == 1;
}

static void put_number(struct mwd_ctl *self, const cJSON *row, const struct field *field,
                       uint64_t number, struct mwd_ctl_table *table)
{
    char size[32];

    switch (field->cell) {
    case SIZE:
        mwd_ctl_size(self, number, size);
        mwd_ctl_table_cell(table, "%s", size);
        break;
    case SPAN:
        put_span(number, "", table);
        break;
    case AGE:
        put_span(number, is_one(row, field->of) ? "~" : "", table);
        break;
    case SHARE:
        put_share(row, field, number, table);
        break;
    default:
        mwd_ctl_table_cell(table, "%" PRIu64, number);
    }
}

static void put_cell(struct mwd_ctl *self, const cJSON *row, const struct field *field,
                     struct mwd_ctl_table *table)
{
    uint64_t number;

    if (field->cell == TEXT)
        mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, field->key, "-"));
    else if (field->cell == PERCENT || field->cell == RATE)
        put_ratio(row, field, table);
    else if (mwd_ctl_number(row, field->key, &number))
        put_number(self, row, field, number, table);
    else
        mwd_ctl_table_cell(table, "-");
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
