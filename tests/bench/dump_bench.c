/* dump_bench --make OBJECTS FILE: a heap snapshot of that many records of 64 bytes, each of which
 * leads to two others, and of as many texts.
 * dump_bench FILE: reads it, and works out who holds what; says how many nodes and edges it saw and
 * what the root retains. What that took, the caller sees from outside. */
#include "dump/dump.h"
#include "heap/heap.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NEXT, FAR, NAME, FIELDS, WORDS = 7 };

static int fail(const char *what)
{
    fprintf(stderr, "dump_bench: %s\n", what);
    exit(2);
}

/* ---- making one ---- */

struct maker {
    struct mw_heap *heap;
    const struct mw_heap_type *record, *text, *array;
    struct mw_ref all;
    size_t count;
    uint64_t random;
};

static struct mw_ref need(struct mw_ref ref)
{
    if (mw_ref_is_none(ref))
        fail("the heap is full");
    return ref;
}

static void add_types(struct maker *self)
{
    static const struct mw_heap_field fields[] = {{"next", NEXT}, {"far", FAR}, {"name", NAME}};
    const struct mw_heap_type_info record = {
        .name = "Record",
        .kind = MW_KIND_FIXED,
        .words = WORDS,
        .fields = fields,
        .field_count = FIELDS,
    };
    const struct mw_heap_type_info text = {.name = "Text", .kind = MW_KIND_TEXT};
    const struct mw_heap_type_info array = {.name = "Records", .kind = MW_KIND_REFS};

    if (mw_heap_add_type(self->heap, &record, &self->record) < 0 ||
        mw_heap_add_type(self->heap, &text, &self->text) < 0 ||
        mw_heap_add_type(self->heap, &array, &self->array) < 0)
        fail("no memory for types");
}

static size_t chance(struct maker *self, size_t below)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return (size_t)(self->random % below);
}

static struct mw_ref make_text(struct maker *self, size_t number)
{
    char text[32];
    int size = snprintf(text, sizeof(text), "record %zu", number);
    struct mw_ref ref =
        need(mw_heap_new_array(self->heap, self->text, (size_t)size, MW_PLACE_YOUNG));

    mw_heap_raw_enter(self->heap);
    memcpy(mw_heap_raw(self->heap, ref), text, (size_t)size);
    mw_heap_raw_leave(self->heap);
    return ref;
}

static void make_record(struct maker *self, size_t slot)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref record = need(mw_heap_new(self->heap, self->record));

    mw_heap_set(self->heap, record, NAME, make_text(self, slot));
    if (slot > 0) {
        mw_heap_set(self->heap, record, NEXT, mw_heap_get(self->heap, self->all, slot - 1));
        mw_heap_set(self->heap, record, FAR,
                    mw_heap_get(self->heap, self->all, chance(self, slot)));
    }
    mw_heap_set(self->heap, self->all, slot, record);
}

static void fill(struct maker *self)
{
    self->all = need(mw_heap_new_array(self->heap, self->array, self->count, MW_PLACE_OLD));
    for (size_t i = 0; i < self->count; i++)
        make_record(self, i);
}

static int make(size_t count, const char *path)
{
    struct maker self = {.count = count, .random = 88172645463325252u};
    struct mw_heap_snapshot_report report = {.nodes = 0};
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    config.limit = config.limit_max = 64 * 1024 * 1024 + count * 256;
    if (mw_heap_create(&config, &self.heap) < 0)
        fail("no heap");
    add_types(&self);
    {
        MW_SCOPE(scope, self.heap);

        fill(&self);
        if (mw_heap_snapshot_save(self.heap, path, &report) < 0)
            fail(report.why);
    }
    printf("{\"nodes\":%" PRIu64 ",\"edges\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n", report.nodes,
           report.edges, report.file_bytes);
    mw_heap_destroy(self.heap);
    return 0;
}

/* ---- reading one ---- */

static int read_one(const char *path)
{
    char why[MW_DUMP_WHY_MAX] = "";
    struct mw_dump_totals totals;
    struct mw_dump_node root;
    struct mw_dump *dump;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        fail("the file cannot be opened");
    if (mw_dump_read(fd, &dump, why) < 0)
        fail(why);
    close(fd);
    mw_dump_get_totals(dump, &totals);
    mw_dump_get_node(dump, 0, &root);
    printf("{\"nodes\":%" PRIu32 ",\"edges\":%" PRIu32 ",\"retained\":%" PRIu64 "}\n", totals.nodes,
           totals.edges, root.retained);
    mw_dump_destroy(dump);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--make") == 0)
        return make(strtoul(argv[2], NULL, 10), argv[3]);
    return argc == 2 ? read_one(argv[1]) : fail("takes FILE, or --make OBJECTS FILE");
}
