/* heap: managed heaps, what they are made of, their last collections. */
#include "daemon/ctl/ctl.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OUT_MAX = 1 << 20, PATH_MAX_BYTES = 64 };

static const struct mwd_ctl_column heap_columns[] = {
    {.title = "HEAP"},
    {.title = "USED", .right = true},
    {.title = "TOTAL", .right = true},
    {.title = "LIMIT", .right = true},
    {.title = "EXTERNAL", .right = true, .at_least = 60},
    {.title = "PHYSICAL", .right = true, .at_least = 70},
    {.title = "SCAVENGES", .right = true, .at_least = 80},
    {.title = "FULL", .right = true, .at_least = 90},
    {.title = "LONGEST PAUSE", .right = true, .at_least = 100},
};

static const struct mwd_ctl_column space_columns[] = {
    {.title = "HEAP"},
    {.title = "SPACE"},
    {.title = "SIZE", .right = true},
    {.title = "USED", .right = true},
    {.title = "AVAILABLE", .right = true},
    {.title = "PHYSICAL", .right = true, .at_least = 70},
};

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void put_size(struct mwd_ctl *self, struct mwd_ctl_table *table, const cJSON *object,
                     const char *key)
{
    char size[32];

    mwd_ctl_size_at(self, object, key, size);
    mwd_ctl_table_cell(table, "%s", size);
}

static void put_count(struct mwd_ctl_table *table, bool known, uint64_t count)
{
    if (known)
        mwd_ctl_table_cell(table, "%" PRIu64, count);
    else
        mwd_ctl_table_cell(table, "-");
}

/* ---- heap ---- */

static void put_collections(struct mwd_ctl_table *table, const cJSON *heap)
{
    const cJSON *collections = member(heap, "collections");
    uint64_t scavenges = 0, sweeps = 0, compacts = 0;
    bool known = mwd_ctl_number(collections, "scavenge", &scavenges);

    put_count(table, known, scavenges);
    known = mwd_ctl_number(collections, "markSweep", &sweeps) &&
            mwd_ctl_number(collections, "markCompact", &compacts);
    put_count(table, known, sweeps + compacts);
}

static void put_heap(struct mwd_ctl *self, const struct mwd_ctl_rows *rows, const cJSON *heap,
                     struct mwd_ctl_table *table)
{
    uint64_t longest_us;

    (void)rows;
    mwd_ctl_table_cell(table, "%s", mwd_ctl_text(heap, "name", "-"));
    put_size(self, table, heap, "heapUsed");
    put_size(self, table, heap, "heapTotal");
    put_size(self, table, heap, "heapLimit");
    put_size(self, table, heap, "external");
    put_size(self, table, heap, "physical");
    put_collections(table, heap);
    if (mwd_ctl_number(member(heap, "pauses"), "maxUs", &longest_us))
        mwd_ctl_table_cell(table, "%.3f ms", (double)longest_us / 1000);
    else
        mwd_ctl_table_cell(table, "-");
}

static void put_spaces(struct mwd_ctl *self, const struct mwd_ctl_rows *rows, const cJSON *heap,
                       struct mwd_ctl_table *table)
{
    const cJSON *space;

    (void)rows;
    cJSON_ArrayForEach(space, member(heap, "spaces"))
    {
        mwd_ctl_table_cell(table, "%s", mwd_ctl_text(heap, "name", "-"));
        mwd_ctl_table_cell(table, "%s", mwd_ctl_text(space, "name", "-"));
        put_size(self, table, space, "size");
        put_size(self, table, space, "used");
        put_size(self, table, space, "available");
        put_size(self, table, space, "physical");
    }
}

/* ---- the verbs ---- */

static const struct mwd_ctl_rows heap_rows = {
    "/api/v1/heaps", "heaps", heap_columns, sizeof heap_columns / sizeof heap_columns[0],
    put_heap,        NULL};
static const struct mwd_ctl_rows space_rows = {
    "/api/v1/heaps", "heaps", space_columns, sizeof space_columns / sizeof space_columns[0],
    put_spaces,      NULL};

static void put_collection(struct mwd_ctl *self, const cJSON *document, struct mwd_buffer *out)
{
    char before[32], after[32];
    uint64_t pause_us = 0;

    mwd_ctl_size_at(self, document, "heapUsedBefore", before);
    mwd_ctl_size_at(self, document, "heapUsed", after);
    mwd_buffer_printf(out, "%s: %s -> %s in use", mwd_ctl_text(document, "kind", "collected"),
                      before, after);
    if (mwd_ctl_number(document, "pauseUs", &pause_us))
        mwd_buffer_printf(out, ", %.3f ms", (double)pause_us / 1000);
    mwd_buffer_puts(out, "\n");
}

static int collect(struct mwd_ctl *self)
{
    const char *kind = self->options->kind ? self->options->kind : "major";
    struct mwd_ctl_answer answer;
    struct mwd_buffer out;
    char path[PATH_MAX_BYTES];
    int code;

    snprintf(path, sizeof path, "/api/v1/heaps/memwatchd/collect?kind=%s", kind);
    if (self->options->json)
        return mwd_ctl_pass_on(self, "POST", path);
    code = mwd_ctl_fetch(self, "POST", path, &answer);
    if (code == MWD_CTL_OK) {
        cJSON *document = cJSON_ParseWithLength(answer.body.bytes, answer.body.size);

        mwd_buffer_init(&out, OUT_MAX);
        put_collection(self, document, &out);
        cJSON_Delete(document);
        code = mwd_ctl_print(&out);
        mwd_buffer_deinit(&out);
    }
    mwd_buffer_deinit(&answer.body);
    return code;
}

/* As JSON: the lines as an array, since the daemon gives them as text. */
static void put_lines(const struct mwd_buffer *text, struct mwd_buffer *out)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *lines = cJSON_AddArrayToObject(document, "lines");
    const char *at = text->bytes, *end = text->bytes + text->size;

    while (text->size > 0 && at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        size_t size = feed ? (size_t)(feed - at) : (size_t)(end - at);
        char line[1024];

        snprintf(line, sizeof line, "%.*s", (int)size, at);
        cJSON_AddItemToArray(lines, cJSON_CreateString(line));
        at += size + (feed != NULL);
    }
    mwd_ctl_put_json(document, out);
}

static int trace(struct mwd_ctl *self)
{
    struct mwd_ctl_answer answer;
    struct mwd_buffer out;
    int code;

    if (!self->options->json)
        return mwd_ctl_pass_on(self, "GET", "/api/v1/heaps/memwatchd/trace");
    code = mwd_ctl_fetch(self, "GET", "/api/v1/heaps/memwatchd/trace", &answer);
    if (code == MWD_CTL_OK) {
        mwd_buffer_init(&out, OUT_MAX);
        put_lines(&answer.body, &out);
        code = mwd_ctl_print(&out);
        mwd_buffer_deinit(&out);
    }
    mwd_buffer_deinit(&answer.body);
    return code;
}

int mwd_ctl_heap(struct mwd_ctl *self)
{
    const char *what = self->options->operand;
    bool collects = what && strcmp(what, "collect") == 0;

    if (self->options->kind && !collects) {
        mwd_ctl_complain("--kind: goes with heap collect only");
        return MWD_CTL_USAGE;
    }
    if (what && strcmp(what, "spaces") == 0)
        return mwd_ctl_show_rows(self, &space_rows);
    if (what && strcmp(what, "trace") == 0)
        return trace(self);
    if (what && strcmp(what, "diff") == 0)
        return mwd_ctl_heap_diff(self);
    if (what && strcmp(what, "snapshot") == 0)
        return mwd_ctl_heap_snapshot(self, self->options->files[0]);
    if (collects)
        return collect(self);
    return mwd_ctl_show_rows(self, &heap_rows);
}
