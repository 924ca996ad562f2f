/* heap diff: two snapshots of one program, and what grew from the first to the second. Both are
 * files; the daemon has no part in it. */
#include "daemon/ctl/ctl.h"
#include "dump/dump.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OUT_MAX = 64 << 20, TOP_DEFAULT = 20 };

struct heap_diff {
    struct mwd_ctl *ctl;
    struct mw_dump *a, *b;
    struct mw_dump_diff *diff;
    size_t shown; /* classes */
};

/* ---- reading ---- */

static int read_file(const char *path, struct mw_dump **ret)
{
    char why[MW_DUMP_WHY_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        mwd_ctl_complain("%s: %s; heap diff takes two files of heap snapshots", path,
                         strerror(errno));
        return MWD_CTL_FAILED;
    }
    int r = mw_dump_read(fd, ret, why);
    close(fd);
    if (r < 0)
        mwd_ctl_complain("%s: %s%s", path, why,
                         r == -EBADMSG ? "; it is no whole heap snapshot: take it again" : "");
    return r < 0 ? MWD_CTL_FAILED : MWD_CTL_OK;
}

/* The first one needs no paths, so that both together take little more than one. */
static int read_both(struct heap_diff *self)
{
    const struct mwd_ctl_options *options = self->ctl->options;
    int code = read_file(options->files[0], &self->a);

    if (code != MWD_CTL_OK)
        return code;
    mw_dump_trim(self->a);
    code = read_file(options->files[1], &self->b);
    if (code == MWD_CTL_OK && mw_dump_compare(self->a, self->b, &self->diff) < 0) {
        mwd_ctl_complain("heap diff: no memory to compare the two");
        code = MWD_CTL_FAILED;
    }
    return code;
}

/* ---- in words ---- */

static void put_signed(const struct heap_diff *self, int64_t bytes, char ret[40])
{
    char size[32];

    mwd_ctl_size(self->ctl, bytes < 0 ? (uint64_t)-bytes : (uint64_t)bytes, size);
    snprintf(ret, 40, "%s%s", bytes < 0 ? "-" : bytes > 0 ? "+" : "", size);
}

static void put_class(const struct heap_diff *self, const struct mw_dump_growth *row,
                      struct mwd_ctl_table *table)
{
    char size[40], retained[40];

    put_signed(self, row->size, size);
    put_signed(self, row->retained, retained);
    mwd_ctl_table_cell(table, "%s", size);
    mwd_ctl_table_cell(table, "%s", retained);
    mwd_ctl_table_cell(table, "%+" PRId64, row->count);
    mwd_ctl_table_cell(table, "%" PRIu64, row->added);
    mwd_ctl_table_cell(table, "%" PRIu64, row->gone);
    mwd_ctl_table_cell(table, "%s", row->class_name);
}

static void put_classes(const struct heap_diff *self, struct mwd_buffer *out)
{
    static const struct mwd_ctl_column columns[] = {
        {"GROWTH", true, false, false, 0},   {"RETAINED", true, false, false, 60},
        {"OBJECTS", true, false, false, 0},  {"NEW", true, false, false, 70},
        {"DELETED", true, false, false, 70}, {"CLASS", false, false, false, 0},
    };
    struct mwd_ctl_table *table;

    if (mwd_ctl_table_create(columns, sizeof columns / sizeof columns[0], &table) < 0) {
        out->failed = -ENOMEM;
        return;
    }
    for (size_t i = 0; i < self->shown; i++)
        put_class(self, &self->diff->classes[i], table);
    mwd_ctl_table_put(table, self->ctl, out);
    mwd_ctl_table_destroy(table);
}

/* Names in a snapshot are anybody's; none may steer the terminal. */
static void put_path(const struct heap_diff *self, int64_t position, struct mwd_buffer *out)
{
    char path[MW_DUMP_PATH_MAX];

    if (mw_dump_path(self->b, (uint32_t)position, path) == 0)
        snprintf(path, sizeof path, "(nothing but weak references leads there)");
    for (unsigned char *c = (unsigned char *)path; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
        else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
            *c = c[1] = '?';
    mwd_buffer_printf(out, "  %s\n", path);
}

static void put_largest(const struct heap_diff *self, struct mwd_buffer *out)
{
    const struct mw_dump_diff *diff = self->diff;
    struct mw_dump_node grown, example;
    char size[40];

    mw_dump_get_node(self->b, (uint32_t)diff->grown, &grown);
    mw_dump_get_node(self->b, (uint32_t)diff->example, &example);
    put_signed(self, diff->grown_by, size);
    mwd_buffer_puts(out, "\nThe largest growth, ");
    mwd_buffer_printf(out, "%s, is held by %s @%" PRIu32, size,
                      grown.dominator == (uint32_t)diff->grown ? "the roots" : grown.class_name,
                      grown.id);
    mwd_buffer_printf(out, "; an object in it, @%" PRIu32 ", is kept by\n", example.id);
    put_path(self, diff->example, out);
}

static void put_text(const struct heap_diff *self, struct mwd_buffer *out)
{
    const struct mw_dump_diff *diff = self->diff;
    char size[40];

    put_signed(self, diff->size, size);
    if (self->shown == 0)
        mwd_buffer_printf(out, "No class has grown; all together: %s\n", size);
    else
        put_classes(self, out);
    if (self->shown > 0)
        mwd_buffer_printf(out, "all together: %s\n", size);
    if (diff->grown == MW_DUMP_NONE)
        mwd_buffer_puts(out, "Nothing has grown as a whole.\n");
    else
        put_largest(self, out);
}

/* ---- as JSON ---- */

static void add_class(cJSON *array, const struct mw_dump_growth *row)
{
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "class", row->class_name);
    cJSON_AddNumberToObject(object, "growth", (double)row->size);
    cJSON_AddNumberToObject(object, "retainedGrowth", (double)row->retained);
    cJSON_AddNumberToObject(object, "objects", (double)row->count);
    cJSON_AddNumberToObject(object, "new", (double)row->added);
    cJSON_AddNumberToObject(object, "newBytes", (double)row->added_size);
    cJSON_AddNumberToObject(object, "deleted", (double)row->gone);
    cJSON_AddNumberToObject(object, "deletedBytes", (double)row->gone_size);
    cJSON_AddItemToArray(array, object);
}

static cJSON *object_of(const struct heap_diff *self, uint32_t position)
{
    cJSON *object = cJSON_CreateObject();
    char path[MW_DUMP_PATH_MAX];
    struct mw_dump_node node;

    mw_dump_get_node(self->b, position, &node);
    cJSON_AddNumberToObject(object, "id", node.id);
    cJSON_AddStringToObject(object, "class", node.class_name);
    cJSON_AddNumberToObject(object, "size", (double)node.size);
    cJSON_AddNumberToObject(object, "retained", (double)node.retained);
    if (mw_dump_path(self->b, position, path) > 0)
        cJSON_AddStringToObject(object, "path", path);
    else
        cJSON_AddNullToObject(object, "path");
    return object;
}

/* Null where nothing grew: it is not an object of 0 bytes. */
static void add_largest(const struct heap_diff *self, cJSON *document)
{
    const struct mw_dump_diff *diff = self->diff;
    cJSON *object;

    if (diff->grown == MW_DUMP_NONE) {
        cJSON_AddNullToObject(document, "largest");
        return;
    }
    object = object_of(self, (uint32_t)diff->grown);
    cJSON_AddNumberToObject(object, "growth", (double)diff->grown_by);
    cJSON_AddItemToObject(object, "example", object_of(self, (uint32_t)diff->example));
    cJSON_AddItemToObject(document, "largest", object);
}

static void put_json(const struct heap_diff *self, struct mwd_buffer *out)
{
    cJSON *document = cJSON_CreateObject(), *array;

    cJSON_AddNumberToObject(document, "growth", (double)self->diff->size);
    array = cJSON_AddArrayToObject(document, "classes");
    for (size_t i = 0; i < self->shown; i++)
        add_class(array, &self->diff->classes[i]);
    add_largest(self, document);
    array = cJSON_AddArrayToObject(document, "newObjects");
    for (size_t i = 0; i < self->diff->new_count; i++)
        cJSON_AddItemToArray(array, object_of(self, self->diff->news[i].position));
    mwd_ctl_put_json(document, out);
}

/* ---- the verb ---- */

/* Classes that did not grow stand behind those that did. */
static size_t count_shown(const struct heap_diff *self)
{
    uint64_t top = self->ctl->options->top;
    size_t count = 0;

    top = top == UINT64_MAX ? TOP_DEFAULT : top;
    while (count < self->diff->class_count && count < top && self->diff->classes[count].size > 0)
        count++;
    return count;
}

int mwd_ctl_heap_diff(struct mwd_ctl *self)
{
    struct heap_diff diff = {.ctl = self};
    struct mwd_buffer out;
    int code = read_both(&diff);

    mwd_buffer_init(&out, OUT_MAX);
    if (code == MWD_CTL_OK) {
        diff.shown = count_shown(&diff);
        if (self->options->json)
            put_json(&diff, &out);
        else
            put_text(&diff, &out);
        code = mwd_ctl_print(&out);
    }
    mwd_buffer_deinit(&out);
    mw_dump_diff_destroy(diff.diff);
    mw_dump_destroy(diff.a);
    mw_dump_destroy(diff.b);
    return code;
}
