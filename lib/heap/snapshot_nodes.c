/* One row for each node: type, name, id, own size, number of edges, and two columns that say
 * nothing here. The order is root, groups of roots, scopes, objects, what objects own outside. */
#include "heap/snapshot_internal.h"

enum { ID_STEP = 2 };

/* Ids of the nodes that are no objects: 1, 3, 5 and on. */
static uint64_t synthetic_id(uint64_t node)
{
    return 1 + ID_STEP * node;
}

struct nodes {
    struct mw_heap_snapshot *snapshot;
    struct mw_out *out;
    struct mw_owned owned;
    uint64_t rank;    /* of the next object */
    uint64_t written; /* nodes */
    const struct mw_run *run;
    uint32_t offset; /* in it: the next id of the old space */
    uint64_t young;  /* objects so far */
    uint64_t texts;
};

struct node {
    enum mw_node_type type;
    uint64_t name, id, size, edges;
};

MW_ALWAYS_INLINE void put_node(struct nodes *self, const struct node *node)
{
    char *at = mw_out_row(self->out);

    *at++ = ',';
    *at++ = (char)('0' + node->type);
    *at++ = ',';
    at = mw_out_number(at, node->name);
    *at++ = ',';
    at = mw_out_number(at, node->id);
    *at++ = ',';
    at = mw_out_number(at, node->size);
    *at++ = ',';
    at = mw_out_number(at, node->edges);
    *at++ = ',';
    *at++ = '0';
    *at++ = ',';
    *at++ = '0';
    *at++ = '\n';
    self->out->at = at;
    self->written++;
}

/* ---- roots ---- */

static uint64_t count_range(const uintptr_t *first, const uintptr_t *end)
{
    uint64_t count = 0;

    for (; first < end; first++)
        count += *first != 0;
    return count;
}

static uint64_t count_globals(const struct mw_heap *heap)
{
    uint64_t count = 0;

    for (const struct mw_global *global = heap->globals.first; global != NULL;
         global = global->next)
        count += global->value != 0;
    return count;
}

static void put_group(struct nodes *self, enum mw_snapshot_node node, enum mw_string name,
                      uint64_t edges)
{
    struct node row = {MW_NODE_SYNTHETIC, (uint64_t)name, synthetic_id((uint64_t)node), 0, edges};

    put_node(self, &row);
}

static void put_scope(struct nodes *self, uint64_t scope)
{
    struct node row = {MW_NODE_SYNTHETIC, mw_string_scope(scope), synthetic_id(MW_NODES + scope), 0,
                       0};
    uintptr_t *first, *end;

    mw_snapshot_scope(self->snapshot, scope, &first, &end);
    row.edges = count_range(first, end);
    put_node(self, &row);
}

static void put_roots(struct nodes *self)
{
    const struct mw_heap_snapshot *snapshot = self->snapshot;
    const struct mw_heap *heap = snapshot->heap;
    const uintptr_t *unscoped = mw_snapshot_unscoped_end(snapshot);

    mw_out_text(self->out, "\"nodes\":[9,1,1,0,1,0,0\n");
    self->written++;
    put_group(self, MW_NODE_ROOTS, MW_STRING_ROOTS, MW_NODES - 2);
    put_group(self, MW_NODE_SCOPES, MW_STRING_SCOPES,
              snapshot->scopes + count_range(heap->handles, unscoped));
    put_group(self, MW_NODE_GLOBALS, MW_STRING_GLOBALS, count_globals(heap));
    for (uint64_t i = 0; i < snapshot->scopes; i++)
        put_scope(self, i);
}

/* ---- objects ---- */

/* The table of ids has them in the order of addresses, as the walk has the objects. */
static uint64_t next_old_id(struct nodes *self)
{
    if (self->offset == self->run->count) {
        self->run++;
        self->offset = 0;
    }
    return self->run->first + (uint64_t)ID_STEP * self->offset++;
}

static uint64_t object_id(struct nodes *self, const uintptr_t *object, uint64_t header)
{
    const struct mw_heap_snapshot *snapshot = self->snapshot;

    if (snapshot->new_first != 0)
        return snapshot->new_first + ID_STEP * self->rank;
    if (header & MW_FLAG_LARGE)
        return mw_page_of((uintptr_t)object)->id;
    if (header & MW_FLAG_OLD)
        return next_old_id(self);
    return snapshot->heap->identity.loose[self->young++].id;
}

static enum mw_node_type type_of(const struct mw_type_entry *entry)
{
    static const enum mw_node_type types[] = {
        [MW_KIND_FIXED] = MW_NODE_OBJECT, [MW_KIND_CUSTOM] = MW_NODE_OBJECT,
        [MW_KIND_REFS] = MW_NODE_ARRAY,   [MW_KIND_STRUCTS] = MW_NODE_ARRAY,
        [MW_KIND_BYTES] = MW_NODE_NATIVE,
    };

    return entry->text ? MW_NODE_STRING : types[entry->kind];
}

/* A text is named by what it says. */
static uint64_t name_of(struct nodes *self, const struct mw_type_entry *entry)
{
    return entry->text ? mw_string_text(self->snapshot, self->texts++)
                       : mw_string_type(self->snapshot, entry);
}

static uint64_t count_owned(struct nodes *self, uint64_t bytes)
{
    const struct mw_heap_snapshot *snapshot = self->snapshot;
    uint64_t count = mw_snapshot_more(snapshot, bytes);

    for (; self->owned.rank == self->rank; mw_owned_next(snapshot, &self->owned))
        count += 1 + mw_snapshot_more(snapshot, self->owned.next->bytes);
    return count;
}

static void put_object(void *context, uintptr_t *object, uint64_t header)
{
    struct nodes *self = context;
    const struct mw_heap *heap = self->snapshot->heap;
    const struct mw_type_entry *entry = heap->types.entries[mw_header_type(header)];
    uint64_t bytes = mw_header_bytes(header);
    struct node row = {type_of(entry), name_of(self, entry), object_id(self, object, header),
                       mw_snapshot_piece(self->snapshot, bytes, 0),
                       mw_snapshot_references(heap, object, header)};

    row.edges += count_owned(self, bytes);
    put_node(self, &row);
    self->rank++;
}

/* ---- what they own outside, and the rest of what is too large for one node ---- */

static void put_pieces(struct nodes *self, enum mw_string name, uint64_t id, uint64_t bytes,
                       uint64_t from)
{
    for (uint64_t i = from; i <= mw_snapshot_more(self->snapshot, bytes); i++) {
        struct node row = {MW_NODE_NATIVE, (uint64_t)name, id + ID_STEP * i,
                           mw_snapshot_piece(self->snapshot, bytes, i), 0};

        if (self->snapshot->new_first != 0)
            row.id = self->snapshot->new_first + ID_STEP * self->rank++;
        put_node(self, &row);
    }
}

static void put_owned_below(struct nodes *self, struct mw_owned *at, uint64_t rank)
{
    for (; at->rank < rank; mw_owned_next(self->snapshot, at))
        put_pieces(self, MW_STRING_EXTERNAL, at->next->id, at->next->bytes, 0);
}

static void put_owned(struct nodes *self)
{
    const struct mw_heap_snapshot *snapshot = self->snapshot;
    struct mw_owned at = mw_owned_begin(snapshot);

    for (const struct mw_page *page = snapshot->heap->large.first; page != NULL;
         page = page->next) {
        put_owned_below(self, &at, snapshot->old + page->rank);
        put_pieces(self, MW_STRING_PIECE, page->id, page->used, 1);
    }
    put_owned_below(self, &at, UINT64_MAX);
}

uint64_t mw_snapshot_nodes(struct mw_heap_snapshot *snapshot)
{
    struct nodes self = {
        .snapshot = snapshot,
        .out = &snapshot->out,
        .owned = mw_owned_begin(snapshot),
        .run = snapshot->heap->identity.runs,
    };

    put_roots(&self);
    mw_each_object(snapshot->heap, put_object, &self);
    put_owned(&self);
    mw_out_text(self.out, "]");
    return self.written;
}
