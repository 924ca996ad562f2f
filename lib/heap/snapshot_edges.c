/* One row for each edge: type, name or index, and where it leads. Edges stand in the order of the
 * nodes that they leave, which is why each pass here is the twin of one in snapshot_nodes.c. */
#include "heap/snapshot_internal.h"

enum { NODE_FIELDS = 7 }; /* nodes are named by where their row begins in the flat array */

struct edges {
    const struct mw_heap_snapshot *snapshot;
    struct mw_out *out;
    struct mw_owned owned;
    uint64_t rank;       /* of the object that they leave */
    uint64_t next_owned; /* node */
    uint64_t written;
    /* the object's references */
    const uintptr_t *words; /* of its payload */
    uint64_t name;          /* of the next one, when they have names */
};

MW_ALWAYS_INLINE void put_edge(struct edges *self, enum mw_edge_type type, uint64_t name,
                               uint64_t node)
{
    char *at = mw_out_row(self->out);

    *at++ = ',';
    *at++ = (char)('0' + type);
    *at++ = ',';
    at = mw_out_number(at, name);
    *at++ = ',';
    at = mw_out_number(at, node * NODE_FIELDS);
    *at++ = '\n';
    self->out->at = at;
    self->written++;
}

static uint64_t node_of(const struct edges *self, uintptr_t object)
{
    return MW_NODES + self->snapshot->scopes + mw_rank_of(self->snapshot, object);
}

/* ---- roots ---- */

static void put_range(struct edges *self, const uintptr_t *first, const uintptr_t *end,
                      uint64_t index)
{
    for (; first < end; first++)
        if (*first != 0)
            put_edge(self, MW_EDGE_ELEMENT, index++, node_of(self, *first));
}

static void put_scopes(struct edges *self)
{
    const struct mw_heap_snapshot *snapshot = self->snapshot;

    for (uint64_t i = 0; i < snapshot->scopes; i++)
        put_edge(self, MW_EDGE_ELEMENT, 1 + i, MW_NODES + i);
    put_range(self, snapshot->heap->handles, mw_snapshot_unscoped_end(snapshot),
              1 + snapshot->scopes);
}

/* A weak one does not keep its object; that is reached from elsewhere, or the collection had
 * cleared it. */
static void put_globals(struct edges *self)
{
    uint64_t index = 1;

    for (const struct mw_global *global = self->snapshot->heap->globals.first; global != NULL;
         global = global->next) {
        if (global->value == 0)
            continue;
        if (global->weak)
            put_edge(self, MW_EDGE_WEAK, MW_STRING_WEAK, node_of(self, global->value));
        else
            put_edge(self, MW_EDGE_ELEMENT, index++, node_of(self, global->value));
    }
}

static void put_roots(struct edges *self)
{
    mw_out_text(self->out, "\"edges\":[1,1,7\n");
    self->written++;
    put_edge(self, MW_EDGE_ELEMENT, 1, MW_NODE_SCOPES);
    put_edge(self, MW_EDGE_ELEMENT, 2, MW_NODE_GLOBALS);
    put_scopes(self);
    put_globals(self);
    for (uint64_t i = 0; i < self->snapshot->scopes; i++) {
        uintptr_t *first, *end;

        mw_snapshot_scope(self->snapshot, i, &first, &end);
        put_range(self, first, end, 1);
    }
}

/* ---- objects ---- */

/* Has the form of a visit. NOLINTNEXTLINE(readability-non-const-parameter) */
static void put_element(void *context, uintptr_t *slot)
{
    struct edges *self = context;

    if (*slot != 0)
        put_edge(self, MW_EDGE_ELEMENT, (uint64_t)(slot - self->words), node_of(self, *slot));
}

/* Has the form of a visit. NOLINTNEXTLINE(readability-non-const-parameter) */
static void put_property(void *context, uintptr_t *slot)
{
    struct edges *self = context;
    uint64_t name = self->name++;

    if (*slot != 0)
        put_edge(self, MW_EDGE_PROPERTY, name, node_of(self, *slot));
}

static void put_references(struct edges *self, uintptr_t *object, uint64_t header)
{
    const struct mw_types *types = &self->snapshot->heap->types;
    const struct mw_type_entry *entry = types->entries[mw_header_type(header)];

    self->words = object + 1;
    self->name = mw_string_type(self->snapshot, entry) + 1;
    if (entry->kind == MW_KIND_FIXED)
        mw_visit_object(types->shapes, object, header, put_property, self);
    else
        mw_visit_object(types->shapes, object, header, put_element, self);
}

static void put_pieces(struct edges *self, enum mw_string name, uint64_t count)
{
    for (; count > 0; count--)
        put_edge(self, MW_EDGE_INTERNAL, (uint64_t)name, self->next_owned++);
}

static void put_owned(struct edges *self, uint64_t bytes)
{
    const struct mw_heap_snapshot *snapshot = self->snapshot;

    put_pieces(self, MW_STRING_PIECE, mw_snapshot_more(snapshot, bytes));
    for (; self->owned.rank == self->rank; mw_owned_next(snapshot, &self->owned))
        put_pieces(self, MW_STRING_EXTERNAL,
                   1 + mw_snapshot_more(snapshot, self->owned.next->bytes));
}

static void put_object(void *context, uintptr_t *object, uint64_t header)
{
    struct edges *self = context;

    put_references(self, object, header);
    put_owned(self, mw_header_bytes(header));
    self->rank++;
}

uint64_t mw_snapshot_edges(struct mw_heap_snapshot *snapshot)
{
    struct edges self = {
        .snapshot = snapshot,
        .out = &snapshot->out,
        .owned = mw_owned_begin(snapshot),
        .next_owned = MW_NODES + snapshot->scopes + mw_snapshot_objects(snapshot),
    };

    put_roots(&self);
    mw_each_object(snapshot->heap, put_object, &self);
    mw_out_text(self.out, "]");
    return self.written;
}
