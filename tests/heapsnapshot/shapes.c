/* shapes SHAPE FILE...: builds a known shape in a heap and saves snapshots of it, one for each
 * file, with something happening in between where the shape says so. Prints for each a line of
 * JSON: what heap.h says of the heap, and what the snapshot says of itself. Exits with 1 and the
 * reason when one cannot be saved. */
#include "heap/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT, RIGHT, LABEL, WORDS };

#define MIB ((size_t)1 << 20)

struct shapes {
    struct mw_heap *heap;
    const struct mw_heap_type *tree, *refs, *bytes, *text, *pairs, *custom, *hostile;
    char **files;
    int count, saved;
};

static void fail(const char *what)
{
    fprintf(stderr, "shapes: %s\n", what);
    exit(1);
}

/* ---- types ---- */

static void trace_middle(const struct mw_heap_visitor *visitor, uint64_t *payload)
{
    visitor->visit(visitor->context, (uintptr_t *)&payload[1]);
}

static const struct mw_heap_field tree_fields[] = {
    {"label", LABEL}, {"right", RIGHT}, {"left", LEFT}};
static const struct mw_heap_field pair_fields[] = {{"key", 0}, {"value", 2}};
static const struct mw_heap_field hostile_fields[] = {{"quote \" back \\ ]}", 0},
                                                      {"\xff\xc3( broken", 1}};

static const struct mw_heap_type_info tree_info = {"Tree", MW_KIND_FIXED, WORDS, tree_fields,
                                                   3,      NULL};
static const struct mw_heap_type_info refs_info = {"Refs", MW_KIND_REFS, 0, NULL, 0, NULL};
static const struct mw_heap_type_info bytes_info = {"Blob", MW_KIND_BYTES, 0, NULL, 0, NULL};
static const struct mw_heap_type_info text_info = {"Text", MW_KIND_TEXT, 0, NULL, 0, NULL};
static const struct mw_heap_type_info pairs_info = {"Pairs", MW_KIND_STRUCTS, 3, pair_fields, 2,
                                                    NULL};
static const struct mw_heap_type_info custom_info = {"Custom", MW_KIND_CUSTOM, 3, NULL,
                                                     0,        trace_middle};
static const struct mw_heap_type_info hostile_info = {
    "Ho\"stile\\\n\x01 \xed\xa0\x80 ],\"strings\":[", MW_KIND_FIXED, 2, hostile_fields, 2, NULL};

static void add(struct shapes *self, const struct mw_heap_type_info *info,
                const struct mw_heap_type **ret)
{
    if (mw_heap_add_type(self->heap, info, ret) < 0)
        fail("a type cannot be added");
}

static size_t save_at_limit(void *context, size_t limit, size_t initial);

static void create(struct shapes *self, size_t limit, bool save_in_callback)
{
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    config.limit = limit;
    if (limit < 64 * MIB)
        config.semi_space = config.semi_space_max = MIB / 4;
    config.context = self;
    if (save_in_callback)
        config.near_limit = save_at_limit;
    if (mw_heap_create(&config, &self->heap) < 0)
        fail("the heap cannot be made");
    add(self, &tree_info, &self->tree);
    add(self, &refs_info, &self->refs);
    add(self, &bytes_info, &self->bytes);
    add(self, &text_info, &self->text);
    add(self, &pairs_info, &self->pairs);
    add(self, &custom_info, &self->custom);
    add(self, &hostile_info, &self->hostile);
}

/* ---- saving ---- */

static void save(struct shapes *self)
{
    struct mw_heap_snapshot_report report;
    struct mw_heap_numbers numbers;
    struct mw_heap_space spaces[MW_SPACES];
    const char *fault = "";

    if (self->saved == self->count)
        fail("the shape has more snapshots than there are files");
    if (mw_heap_snapshot_save(self->heap, self->files[self->saved++], &report) < 0)
        fail(report.why);
    if (mw_heap_verify(self->heap, &fault) < 0)
        fail(fault);
    mw_heap_get_numbers(self->heap, &numbers);
    mw_heap_get_spaces(self->heap, spaces);
    printf("{\"used\": %zu, \"young\": %zu, \"external\": %zu, \"nodes\": %llu, \"edges\": %llu, "
           "\"bytes\": %llu, \"memory\": %zu, \"new_ids\": %s}\n",
           numbers.used, spaces[MW_SPACE_NEW].used, numbers.external,
           (unsigned long long)report.nodes, (unsigned long long)report.edges,
           (unsigned long long)report.file_bytes, report.memory_bytes,
           report.new_ids ? "true" : "false");
}

static size_t save_at_limit(void *context, size_t limit, size_t initial)
{
    struct shapes *self = context;

    (void)initial;
    if (self->saved == 0)
        save(self);
    return limit;
}

/* ---- making objects ---- */

static struct mw_ref made(struct mw_ref ref)
{
    if (mw_ref_is_none(ref))
        fail("an object cannot be made");
    return ref;
}

static struct mw_ref new_text(struct shapes *self, const char *bytes, size_t size)
{
    struct mw_ref ref = made(mw_heap_new_array(self->heap, self->text, size, MW_PLACE_YOUNG));

    mw_heap_raw_enter(self->heap);
    memcpy(mw_heap_raw(self->heap, ref), bytes, size);
    mw_heap_raw_leave(self->heap);
    return ref;
}

static struct mw_ref new_labelled(struct shapes *self, unsigned number)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref node = made(mw_heap_new(self->heap, self->tree));
    char label[32];
    int length = snprintf(label, sizeof(label), "label %u", number);

    mw_heap_set(self->heap, node, LABEL, new_text(self, label, (size_t)length));
    return mw_scope_escape(&scope, node);
}

static struct mw_global *hold(struct shapes *self, struct mw_ref ref, bool weak)
{
    struct mw_global *global = NULL;

    if (mw_global_create(self->heap, ref, weak, &global) < 0)
        fail("a global cannot be made");
    return global;
}

/* ---- shapes ---- */

static struct mw_ref new_tree(struct shapes *self, int depth)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref node = made(mw_heap_new(self->heap, self->tree));

    if (depth > 0) {
        mw_heap_set(self->heap, node, LEFT, new_tree(self, depth - 1));
        mw_heap_set(self->heap, node, RIGHT, new_tree(self, depth - 1));
    }
    return mw_scope_escape(&scope, node);
}

static void tree(struct shapes *self)
{
    MW_SCOPE(scope, self->heap);

    hold(self, new_tree(self, 4), false);
    save(self);
}

/* a <-> b, held by a handle. */
static void cycle(struct shapes *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref a = new_labelled(self, 1);
    struct mw_ref b = new_labelled(self, 2);
    MW_SCOPE(inner, self->heap);

    mw_heap_set(self->heap, a, LEFT, b);
    mw_heap_set(self->heap, b, RIGHT, a);
    mw_heap_dup(self->heap, b);
    save(self);
}

/* 1 -> 2, 3 -> 4: both hold the last one, so only the first retains it. 4 holds a blob. */
static void shared(struct shapes *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref parent = new_labelled(self, 1);
    struct mw_ref left = new_labelled(self, 2);
    struct mw_ref right = new_labelled(self, 3);
    struct mw_ref child = new_labelled(self, 4);

    mw_heap_set(self->heap, parent, LEFT, left);
    mw_heap_set(self->heap, parent, RIGHT, right);
    mw_heap_set(self->heap, left, LEFT, child);
    mw_heap_set(self->heap, right, RIGHT, child);
    mw_heap_set(self->heap, child, LEFT,
                made(mw_heap_new_array(self->heap, self->bytes, 1000, MW_PLACE_YOUNG)));
    hold(self, parent, false);
    mw_scope_close(&scope);
    save(self);
}

/* One of each kind of array: in pages and large, with gaps. */
static void arrays(struct shapes *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref all = made(mw_heap_new(self->heap, self->tree));
    struct mw_ref big = made(mw_heap_new_array(self->heap, self->refs, 100000, MW_PLACE_YOUNG));
    struct mw_ref pairs = made(mw_heap_new_array(self->heap, self->pairs, 10, MW_PLACE_YOUNG));
    struct mw_ref custom = made(mw_heap_new(self->heap, self->custom));

    for (size_t i = 0; i < 100000; i += 100) {
        MW_SCOPE(inner, self->heap);
        mw_heap_set(self->heap, big, i, new_labelled(self, (unsigned)i));
    }
    for (unsigned i = 0; i < 10; i += 3)
        mw_heap_set(self->heap, pairs, (size_t)i * 3 + 2, new_labelled(self, 1000000 + i));
    mw_heap_set(self->heap, custom, 1, pairs);
    mw_heap_set_word(self->heap, custom, 0, 12345);
    mw_heap_set(self->heap, all, LEFT, big);
    mw_heap_set(self->heap, all, RIGHT, custom);
    mw_heap_set(self->heap, all, LABEL,
                made(mw_heap_new_array(self->heap, self->bytes, 300000, MW_PLACE_YOUNG)));
    hold(self, all, false);
    mw_scope_close(&scope);
    save(self);
}

static void hostile(struct shapes *self)
{
    static const char *const texts[] = {"plain",
                                        "",
                                        "quotes \" and \\ and ]} and ],\"strings\":[\"",
                                        "line\nfeed\ttab\x01\x1f\x7f",
                                        "\xff\xfe",
                                        "cut \xe2\x82",
                                        "\xed\xa0\x80 surrogate",
                                        "\xc0\xaf overlong",
                                        "\xf4\x90\x80\x80 beyond",
                                        "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
                                        "</script>"};
    enum { COUNT = sizeof(texts) / sizeof(texts[0]) };
    MW_SCOPE(scope, self->heap);
    struct mw_ref all = made(mw_heap_new_array(self->heap, self->refs, COUNT + 3, MW_PLACE_YOUNG));
    char longest[2000];

    for (size_t i = 0; i < COUNT; i++)
        mw_heap_set(self->heap, all, i, new_text(self, texts[i], strlen(texts[i])));
    mw_heap_set(self->heap, all, COUNT, new_text(self, "zero\0inside", 11));
    memset(longest, 'x', sizeof(longest));
    memcpy(longest + 1023, "\xc3\xa9", 2);
    mw_heap_set(self->heap, all, COUNT + 1, new_text(self, longest, sizeof(longest)));
    mw_heap_set(self->heap, all, COUNT + 2, made(mw_heap_new(self->heap, self->hostile)));
    mw_heap_set(self->heap, mw_heap_get(self->heap, all, COUNT + 2), 0, all);
    mw_heap_set(self->heap, mw_heap_get(self->heap, all, COUNT + 2), 1, all);
    save(self);
}

/* One weak global whose object is held, one whose object nobody holds. */
static void weak(struct shapes *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref kept = new_labelled(self, 1);
    struct mw_ref lost = new_labelled(self, 2);

    hold(self, kept, true);
    hold(self, lost, true);
    hold(self, kept, false);
    mw_scope_close(&scope);
    save(self);
}

/* 5 GiB, which no node can say alone, and 1000 bytes twice. */
static void external(struct shapes *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref much = new_labelled(self, 1);
    struct mw_ref little = new_labelled(self, 2);

    if (mw_heap_attach_external(self->heap, much, (size_t)5 << 30, NULL, NULL) < 0 ||
        mw_heap_attach_external(self->heap, little, 1000, NULL, NULL) < 0 ||
        mw_heap_attach_external(self->heap, little, 1000, NULL, NULL) < 0)
        fail("external bytes cannot be attached");
    save(self);
    save(self);
}

static void fill(struct shapes *self, struct mw_ref list, enum mw_heap_place place)
{
    for (;;) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref node = mw_heap_new_in(self->heap, self->tree, place);

        if (mw_ref_is_none(node))
            return;
        mw_heap_set(self->heap, node, LEFT, mw_heap_get(self->heap, list, LEFT));
        mw_heap_set(self->heap, list, LEFT, node);
    }
}

/* No room in the old space, so labelled nodes stay young. Then there is room, and they move. */
static void young(struct shapes *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref ballast = made(mw_heap_new(self->heap, self->tree));
    struct mw_ref kept = made(mw_heap_new_array(self->heap, self->refs, 1000, MW_PLACE_OLD));

    fill(self, ballast, MW_PLACE_OLD);
    for (unsigned i = 0; i < 1000; i++) {
        MW_SCOPE(inner, self->heap);
        mw_heap_set(self->heap, kept, i, new_labelled(self, i));
    }
    save(self);
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    save(self);
    mw_heap_set(self->heap, ballast, LEFT, mw_ref_none());
    for (unsigned i = 0; i < 1000; i += 2)
        mw_heap_set(self->heap, kept, i, mw_ref_none());
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    save(self);
}

/* Inside the near-limit callback, and after the allocation that failed. */
static void limit(struct shapes *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref list = made(mw_heap_new(self->heap, self->tree));

    fill(self, list, MW_PLACE_YOUNG);
    save(self);
}

/* A thousand labelled nodes; between snapshots some die, others are born where they lay. */
static void churn(struct shapes *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref all = made(mw_heap_new_array(self->heap, self->refs, 1000, MW_PLACE_YOUNG));
    unsigned label = 0;

    while (self->saved < self->count) {
        for (unsigned i = (unsigned)self->saved; i < 1000; i += 1 + (unsigned)self->saved * 3) {
            MW_SCOPE(inner, self->heap);
            mw_heap_set(self->heap, all, i, new_labelled(self, label++));
        }
        if (self->saved % 2 == 1)
            mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
        save(self);
        for (unsigned i = 0; i < 20000; i++) {
            MW_SCOPE(inner, self->heap);
            new_labelled(self, label);
        }
    }
}

/* Many, for memory and time. */
static void many(struct shapes *self)
{
    MW_SCOPE(scope, self->heap);

    hold(self, new_tree(self, 15), false);
    save(self);
}

static const struct {
    const char *name;
    void (*build)(struct shapes *self);
    size_t limit;
    bool save_in_callback;
} shapes[] = {
    {"tree", tree, 64 * MIB, false},         {"cycle", cycle, 64 * MIB, false},
    {"shared", shared, 64 * MIB, false},     {"arrays", arrays, 64 * MIB, false},
    {"hostile", hostile, 64 * MIB, false},   {"weak", weak, 64 * MIB, false},
    {"external", external, 64 * MIB, false}, {"young", young, 2 * MIB, false},
    {"limit", limit, 2 * MIB, true},         {"churn", churn, 64 * MIB, false},
    {"many", many, 64 * MIB, false},
};

int main(int count, char **words)
{
    struct shapes self = {.files = words + 2, .count = count - 2};

    for (size_t i = 0; count > 2 && i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (strcmp(words[1], shapes[i].name) != 0)
            continue;
        create(&self, shapes[i].limit, shapes[i].save_in_callback);
        shapes[i].build(&self);
        mw_heap_destroy(self.heap);
        return 0;
    }
    fail("takes a shape and files");
    return 1;
}
