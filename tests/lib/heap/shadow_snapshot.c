/* A snapshot must show what the model says: the same graph from the same roots, each object with
 * its type, size and name, texts with what they say, and ids that stay. It is walked beside the
 * model, edge by edge, so the order of its nodes does not matter. */
#include "shadow_state.h"

#include "snapshot_image.h"

#include "base/utf8.h"
#include "heap/snapshot_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPLACEMENT "\xef\xbf\xbd" /* for a byte that is no UTF-8 */

/* Of one run: the rest is only counted, as a stream may ask for more than there is time. */
enum { READ_MAX = 64, FORKED_MAX = 4, FILE_MAX = 64 * 1024 };
enum { NO_MEMORY = 77 }; /* what a child says */

struct check {
    struct shadow *shadow;
    struct image image;
    struct model **models; /* of each node, when it was met */
    uint64_t *queue;       /* nodes of objects that were met */
    uint64_t queued, edge;
};

static void must(const struct check *self, bool holds, const char *what)
{
    require(self->shadow, holds, what);
}

/* ---- how many ---- */

static uint64_t count_roots(const struct shadow *self)
{
    uint64_t count = self->handle_count;

    for (int i = 0; i < GLOBALS; i++)
        count += self->global_models[i] != NULL;
    for (int i = 0; i < WEAKS; i++)
        count += self->weak_models[i] != NULL && self->weak_models[i]->seen == self->comparison;
    return count;
}

static uint64_t count_references(const struct model *model)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < model_edges(model); i++)
        count += model->edges[i] != NULL;
    return count;
}

static void compare_counts(const struct shadow *self, uint64_t nodes, uint64_t edges)
{
    uint64_t more = MW_NODES + self->scope_count, owned = 0, references = 0;

    for (size_t i = 0; i < self->models.queued; i++) {
        owned += self->models.queue[i]->owned;
        references += count_references(self->models.queue[i]);
    }
    require(self, nodes == more + self->models.queued + owned, "a snapshot has other nodes");
    require(self, edges == more - 1 + count_roots(self) + references + owned,
            "a snapshot has other edges");
}

/* ---- names ---- */

static const struct image_string *string_of(const struct check *self, uint64_t index)
{
    must(self, index < self->image.string_count, "a name is none of the strings");
    return &self->image.strings[index];
}

static bool is_called(const struct check *self, uint64_t index, const char *name)
{
    const struct image_string *string = string_of(self, index);

    return string->size == strlen(name) && memcmp(string->bytes, name, string->size) == 0;
}

/* As many bytes of the text as fit, and no part of a character. */
static size_t shown_bytes(const char *text, size_t size)
{
    size_t at = 0;

    while (at < size) {
        size_t length = mw_utf8_sequence(text + at, size - at);

        length += length == 0;
        if (at + length > MW_SNAPSHOT_TEXT)
            break;
        at += length;
    }
    return at;
}

static void compare_text(const struct check *self, const struct model *model, uint64_t name)
{
    const struct image_string *shown = string_of(self, name);
    size_t size = model->length < 2 * MW_SNAPSHOT_TEXT ? model->length : 2 * MW_SNAPSHOT_TEXT;
    const char *at = shown->bytes, *end = at + shown->size;
    char text[2 * MW_SNAPSHOT_TEXT];
    size_t most;

    for (size_t i = 0; i < size; i++)
        text[i] = (char)model_byte(model, (uint32_t)i);
    most = shown_bytes(text, size);
    for (size_t i = 0; i < most;) {
        size_t length = mw_utf8_sequence(text + i, most - i);
        const char *expected = length > 0 ? text + i : REPLACEMENT;
        size_t bytes = length > 0 ? length : strlen(REPLACEMENT);

        must(self, (size_t)(end - at) >= bytes && memcmp(at, expected, bytes) == 0,
             "a snapshot shows another text");
        at += bytes;
        i += length > 0 ? length : 1;
    }
    must(self, at == end, "a snapshot shows more of a text than it should");
}

/* ---- nodes and edges ---- */

static void compare_node(const struct check *self, uint64_t node, enum mw_node_type type,
                         uint64_t size, uint64_t edges)
{
    const uint64_t *row = self->image.nodes[node];

    must(self, row[NODE_TYPE] == (uint64_t)type, "a node has another type");
    must(self, row[NODE_SIZE] == size, "a node has another size");
    must(self, row[NODE_EDGES] == edges, "a node has another number of edges");
    must(self, row[NODE_EDGES + 1] == 0 && row[NODE_EDGES + 2] == 0, "a node says too much");
}

/* The next edge; returns the node to which it leads. */
static uint64_t follow(struct check *self, enum mw_edge_type type)
{
    const uint64_t *row = self->image.edges[self->edge++];
    uint64_t node = row[EDGE_TO] / NODE_WIDTH;

    must(self, row[EDGE_TYPE] == (uint64_t)type, "an edge has another type");
    must(self, row[EDGE_TO] % NODE_WIDTH == 0 && node < self->image.node_count,
         "an edge leads to no node");
    return node;
}

static uint64_t follow_index(struct check *self, uint64_t index)
{
    must(self, self->image.edges[self->edge][EDGE_NAME] == index, "an edge has another index");
    return follow(self, MW_EDGE_ELEMENT);
}

static uint64_t follow_name(struct check *self, enum mw_edge_type type, const char *name)
{
    must(self, is_called(self, self->image.edges[self->edge][EDGE_NAME], name),
         "an edge has another name");
    return follow(self, type);
}

/* Model and node go together, or did so before. */
static void meet(struct check *self, struct model *model, uint64_t node)
{
    struct model **met = &self->models[node];

    if (*met == NULL && model->shown != self->shadow->comparison) {
        *met = model;
        model->shown = self->shadow->comparison;
        model->node = node;
        self->queue[self->queued++] = node;
    }
    must(self, *met == model && model->node == node, "an edge leads to another object");
}

/* ---- roots ---- */

static void compare_group(const struct check *self, enum mw_snapshot_node node, const char *name,
                          uint64_t edges)
{
    compare_node(self, (uint64_t)node, MW_NODE_SYNTHETIC, 0, edges);
    must(self, is_called(self, self->image.nodes[node][NODE_NAME], name),
         "a group of roots has another name");
}

static unsigned scope_end(const struct shadow *self, unsigned scope)
{
    return scope + 1 < self->scope_count ? self->scope_starts[scope + 1] : self->handle_count;
}

static void compare_scopes(struct check *self)
{
    const struct shadow *shadow = self->shadow;

    for (unsigned i = 0; i < shadow->scope_count; i++) {
        unsigned start = shadow->scope_starts[i];

        compare_node(self, MW_NODES + i, MW_NODE_SYNTHETIC, 0, scope_end(shadow, i) - start);
        for (unsigned j = start; j < scope_end(shadow, i); j++)
            meet(self, shadow->handles[j].model, follow_index(self, 1 + j - start));
    }
}

static struct model *global_model(const struct shadow *self, const struct mw_global *global)
{
    struct mw_global *const *among = global->weak ? self->weaks : self->globals;
    struct model *const *models = global->weak ? self->weak_models : self->global_models;

    while (*among != global) {
        among++;
        models++;
    }
    return *models;
}

/* In the order in which the heap has them, which no caller can know. */
static void compare_globals(struct check *self)
{
    const struct mw_global *global = self->shadow->heap->globals.first;
    uint64_t index = 1;

    for (; global != NULL; global = global->next) {
        struct model *model = global_model(self->shadow, global);

        if (model == NULL || model->seen != self->shadow->comparison)
            continue;
        if (global->weak)
            meet(self, model, follow_name(self, MW_EDGE_WEAK, "weak"));
        else
            meet(self, model, follow_index(self, index++));
    }
}

static void compare_roots(struct check *self)
{
    uint64_t scopes = self->shadow->scope_count;

    compare_group(self, MW_NODE_ROOT, "", 1);
    compare_group(self, MW_NODE_ROOTS, "(GC roots)", 2);
    compare_group(self, MW_NODE_SCOPES, "(Handle scopes)", scopes);
    compare_group(self, MW_NODE_GLOBALS, "(Global handles)",
                  count_roots(self->shadow) - self->shadow->handle_count);
    must(self, follow_index(self, 1) == MW_NODE_ROOTS, "the root leads elsewhere");
    must(self, follow_index(self, 1) == MW_NODE_SCOPES, "the roots lead elsewhere");
    must(self, follow_index(self, 2) == MW_NODE_GLOBALS, "the roots lead elsewhere");
    for (uint64_t i = 0; i < scopes; i++)
        must(self, follow_index(self, 1 + i) == MW_NODES + i, "a scope stands elsewhere");
    compare_globals(self);
    compare_scopes(self);
}

/* ---- objects ---- */

static enum mw_node_type type_of(enum mw_heap_kind kind)
{
    switch (kind) {
    case MW_KIND_REFS:
    case MW_KIND_STRUCTS:
        return MW_NODE_ARRAY;
    case MW_KIND_BYTES:
        return MW_NODE_NATIVE;
    case MW_KIND_TEXT:
        return MW_NODE_STRING;
    default:
        return MW_NODE_OBJECT;
    }
}

static void compare_references(struct check *self, const struct model *model)
{
    const struct mw_heap_type_info *info = model_info(model->shape);

    for (uint32_t i = 0; i < model_edges(model); i++) {
        if (model->edges[i] == NULL)
            continue;
        if (info->kind == MW_KIND_FIXED)
            meet(self, model->edges[i], follow_name(self, MW_EDGE_PROPERTY, info->fields[i].name));
        else
            meet(self, model->edges[i], follow_index(self, model_edge_index(model, i)));
    }
}

/* Each piece of memory outside is one byte. */
static void compare_owned(struct check *self, struct model *model)
{
    for (uint32_t i = 0; i < model->owned; i++) {
        uint64_t node = follow_name(self, MW_EDGE_INTERNAL, "(external memory)");

        must(self, self->models[node] == NULL, "memory outside has two owners");
        self->models[node] = model;
        compare_node(self, node, MW_NODE_NATIVE, 1, 0);
        must(self, is_called(self, self->image.nodes[node][NODE_NAME], "(external memory)"),
             "memory outside has another name");
    }
}

static void compare_object(struct check *self, uint64_t node)
{
    struct model *model = self->models[node];
    const struct mw_heap_type_info *info = model_info(model->shape);
    uint64_t name = self->image.nodes[node][NODE_NAME];

    compare_node(self, node, type_of(info->kind), model_bytes(model),
                 count_references(model) + model->owned);
    if (model->shape == TEXT)
        compare_text(self, model, name);
    else
        must(self, is_called(self, name, info->name), "an object has another name");
    self->edge = self->image.first_edges[node];
    compare_references(self, model);
    compare_owned(self, model);
}

/* ---- ids ---- */

static int by_value(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

/* Returns the highest. */
static uint64_t compare_unique(const struct check *self, uint64_t *ids)
{
    uint64_t count = self->image.node_count;

    for (uint64_t i = 0; i < count; i++)
        ids[i] = self->image.nodes[i][NODE_ID];
    qsort(ids, count, sizeof(*ids), by_value);
    for (uint64_t i = 0; i < count; i++)
        must(self, ids[i] % 2 == 1 && (i == 0 || ids[i - 1] < ids[i]), "two nodes have one id");
    return ids[count - 1];
}

/* An object that was not met before has an id that no other ever had. */
static void compare_ids(const struct check *self, uint64_t *scratch)
{
    uint64_t highest = compare_unique(self, scratch);

    for (uint64_t node = MW_NODES + self->shadow->scope_count; node < self->image.node_count;
         node++) {
        struct model *model = self->models[node];
        uint64_t id = self->image.nodes[node][NODE_ID];

        if (model->node != node) /* what it owns */
            continue;
        must(self, model->id != 0 ? id == model->id : id > self->shadow->highest_id,
             "an object has another id than before");
        model->id = id;
    }
    self->shadow->highest_id = highest;
}

/* ---- a snapshot ---- */

static void compare_image(struct shadow *self, bool new_ids)
{
    struct check check = {.shadow = self};
    uint64_t count;

    require(self, image_read(&check.image, self->file), "a snapshot cannot be read");
    count = check.image.node_count;
    check.models = calloc(count, sizeof(struct model *));
    check.queue = calloc(count, sizeof(uint64_t));
    require(self, check.models != NULL && check.queue != NULL, "no memory for a snapshot");
    compare_roots(&check);
    for (uint64_t i = 0; i < check.queued; i++)
        compare_object(&check, check.queue[i]);
    require(self, check.queued == self->models.queued, "a snapshot has objects that nothing holds");
    if (!new_ids)
        compare_ids(&check, check.queue);
    image_free(&check.image);
    free(check.models);
    free(check.queue);
}

/* Right after a comparison of the heap, which found what is alive. */
static void compare_snapshot(struct shadow *self, bool new_ids)
{
    uint64_t nodes = 0, edges = 0;

    require(self, image_counts(self->file, &nodes, &edges), "a snapshot has no head");
    compare_counts(self, nodes, edges);
    if (lseek(self->file, 0, SEEK_END) <= FILE_MAX && self->snapshots_read++ < READ_MAX)
        compare_image(self, new_ids);
}

static unsigned count_released(const struct shadow *self)
{
    unsigned count = 0;

    for (size_t i = 0; i < self->models.outside_count; i++)
        count += self->models.outsides[i]->released;
    return count;
}

/* As the daemon does: the child's collection must not release what is the parent's. */
static int emit_in_child(const struct shadow *self, struct mw_heap_snapshot *snapshot)
{
    unsigned released = count_released(self);
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        int error = mw_heap_snapshot_emit(snapshot, self->file, NULL);

        require(self, count_released(self) == released, "a child released memory outside");
        _exit(error == -ENOMEM ? NO_MEMORY : error != 0);
    }
    require(self, child > 0, "there is no child");
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) /* fuzzers have a clock */
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_MEMORY)
        return -ENOMEM;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

static int emit(struct shadow *self, enum snapshot_way way, struct mw_heap_snapshot *snapshot)
{
    if (way != SNAPSHOT_IN_CHILD)
        return mw_heap_snapshot_emit(snapshot, self->file, NULL);
    return self->forked++ < FORKED_MAX ? emit_in_child(self, snapshot) : 0;
}

void take_snapshot(struct shadow *self, enum snapshot_way way)
{
    struct mw_heap_snapshot_report report = {.nodes = 0};
    struct mw_heap_snapshot *snapshot = NULL;
    int error;

    require(self, lseek(self->file, 0, SEEK_SET) == 0 && ftruncate(self->file, 0) == 0,
            "the file for snapshots is not to be had");
    error = way == SNAPSHOT_AT_ONCE ? mw_heap_snapshot_prepare(self->heap, &snapshot, &report)
                                    : mw_heap_snapshot_begin(self->heap, &snapshot, &report);
    if (error == 0 && way != SNAPSHOT_NOT_WRITTEN)
        error = emit(self, way, snapshot);
    mw_heap_snapshot_destroy(snapshot);
    require(self, error == 0 || (error == -ENOMEM && self->run->may_fail),
            "a snapshot was not written");
    compare(self, error == 0 && (way == SNAPSHOT_AT_ONCE || way == SNAPSHOT_BEGUN));
    if (error == 0 && lseek(self->file, 0, SEEK_END) > 0)
        compare_snapshot(self, report.new_ids);
}
