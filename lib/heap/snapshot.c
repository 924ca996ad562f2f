/* Heap snapshots: what is alive, written as nodes and edges.
 *
 * The form wants the numbers of nodes and edges first, then each node with the number of its edges,
 * then all edges in the order of their nodes, with nodes named by position, and names last. Nothing
 * of that is kept in memory. A full collection leaves marks that tell where objects are and which
 * one is which (snapshot_rank.c). A walk counts edges, another one tells ids (identity.c), and
 * three more write nodes, edges and texts through one buffer. The order of nodes is that of
 * addresses.
 *
 * What changes something, the collection and the ids, is done in `prepare`. The rest only reads, so
 * that a child after fork() can do it.
 *
 * A program that must not stand still marks in slices before (incremental.c), and `begin` ends that
 * and tells ids. What died meanwhile has marks, and gets an id that nobody will see. The child has
 * time: it collects once more, in its own copy of the heap, and goes through ids again, which all
 * are known. So its marks are copied, and nothing else.
 */
#include "heap/snapshot_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- what it says of itself ---- */

void mw_snapshot_report(struct mw_heap_snapshot_report *ret, const char *step, int error)
{
    if (ret != NULL)
        snprintf(ret->why, sizeof(ret->why), "%s: %s", step, strerrordesc_np(-error));
}

static void report_counts(const struct mw_heap_snapshot *self, struct mw_heap_snapshot_report *ret)
{
    if (ret == NULL)
        return;
    ret->nodes = self->nodes;
    ret->edges = self->edges;
    ret->file_bytes = self->out.bytes;
    ret->memory_bytes = self->memory;
    ret->new_ids = self->new_ids;
    ret->why[0] = '\0';
}

/* ---- counting ---- */

const uintptr_t *mw_snapshot_unscoped_end(const struct mw_heap_snapshot *self)
{
    const struct mw_heap *heap = self->heap;

    return self->scopes > 0 ? heap->scopes[0].base : heap->front.handle_top;
}

void mw_snapshot_scope(const struct mw_heap_snapshot *self, uint64_t scope, uintptr_t **ret_first,
                       uintptr_t **ret_end)
{
    const struct mw_heap *heap = self->heap;

    *ret_first = heap->scopes[scope].base;
    *ret_end = scope + 1 < self->scopes ? heap->scopes[scope + 1].base : heap->front.handle_top;
}

/* Has the form of a visit. NOLINTNEXTLINE(readability-non-const-parameter) */
static void count_slot(void *context, uintptr_t *slot)
{
    *(uint64_t *)context += *slot != 0;
}

uint64_t mw_snapshot_references(const struct mw_heap *heap, uintptr_t *object, uint64_t header)
{
    uint64_t count = 0;

    mw_visit_object(heap->types.shapes, object, header, count_slot, &count);
    return count;
}

static void count_object(void *context, uintptr_t *object, uint64_t header)
{
    struct mw_heap_snapshot *self = context;

    self->edges += mw_snapshot_references(self->heap, object, header);
    self->texts += self->heap->types.entries[mw_header_type(header)]->text;
}

static void count_roots(struct mw_heap_snapshot *self)
{
    const struct mw_heap *heap = self->heap;
    uint64_t open = (uint64_t)(heap->front.scope_top - heap->scopes);

    self->scopes = open < MW_SNAPSHOT_SCOPES ? open : MW_SNAPSHOT_SCOPES;
    self->edges = MW_NODES - 1 + self->scopes;
    for (const uintptr_t *slot = heap->handles; slot < heap->front.handle_top; slot++)
        self->edges += *slot != 0;
    for (const struct mw_global *global = heap->globals.first; global != NULL;
         global = global->next)
        self->edges += global->value != 0;
}

static uint64_t count_list(const struct mw_heap_snapshot *self, const struct mw_external *list)
{
    uint64_t count = 0;

    for (; list != NULL; list = list->next)
        count += 1 + mw_snapshot_more(self, list->bytes);
    return count;
}

static void count_owned(struct mw_heap_snapshot *self)
{
    const struct mw_heap *heap = self->heap;

    self->owned = count_list(self, heap->externals.old) + count_list(self, heap->externals.young);
    for (const struct mw_page *page = heap->large.first; page != NULL; page = page->next)
        self->owned += mw_snapshot_more(self, page->used);
}

static void count(struct mw_heap_snapshot *self)
{
    count_roots(self);
    count_owned(self);
    mw_each_object(self->heap, count_object, self);
    self->nodes = MW_NODES + self->scopes + mw_snapshot_objects(self) + self->owned;
    self->edges += self->owned;
}

/* ---- what objects own ---- */

/* Whose turn is next; the rank is out of reach when nobody's is. */
static void find_owner(const struct mw_heap_snapshot *self, struct mw_owned *at)
{
    if (at->next == NULL && !at->young) {
        at->next = self->heap->externals.young;
        at->young = true;
    }
    at->rank = at->next != NULL ? mw_rank_of(self, at->next->object) : UINT64_MAX;
}

struct mw_owned mw_owned_begin(const struct mw_heap_snapshot *self)
{
    struct mw_owned at = {.next = self->heap->externals.old};

    find_owner(self, &at);
    return at;
}

void mw_owned_next(const struct mw_heap_snapshot *self, struct mw_owned *at)
{
    at->next = at->next->next;
    find_owner(self, at);
}

/* ---- identities ---- */

static void number_old(void *context, uintptr_t *object, uint64_t header)
{
    (void)header;
    mw_identity_number(context, object);
}

static void number_young(void *context, uintptr_t *object, uint64_t header)
{
    (void)header;
    mw_identity_number_young(context, object);
}

static void number_list(const struct mw_heap_snapshot *self, struct mw_external *list, bool forget)
{
    for (; list != NULL; list = list->next)
        if (list->id == 0 || forget)
            list->id = mw_identity_fresh(self->heap, 1 + mw_snapshot_more(self, list->bytes));
}

static void number_large(const struct mw_heap_snapshot *self, bool forget)
{
    for (struct mw_page *page = self->heap->large.first; page != NULL; page = page->next)
        if (page->id == 0 || forget)
            page->id = mw_identity_fresh(self->heap, 1 + mw_snapshot_more(self, page->used));
}

static bool number_all(struct mw_heap_snapshot *self, bool forget)
{
    struct mw_heap *heap = self->heap;

    if (mw_identity_number_begin(heap, forget, self->young) < 0)
        return false;
    mw_each_old(heap, number_old, heap);
    mw_each_young(heap, number_young, heap);
    mw_identity_number_end(heap);
    number_large(self, forget);
    number_list(self, heap->externals.old, forget);
    number_list(self, heap->externals.young, forget);
    return true;
}

/* Ids are 32 bits. When they are used up they begin again, for all objects at once. */
static int number(struct mw_heap_snapshot *self)
{
    struct mw_heap *heap = self->heap;
    uint64_t most = mw_snapshot_objects(self) + self->owned;

    if (most > mw_identity_most())
        return -EFBIG;
    if (most > mw_identity_left(heap))
        mw_identity_restart(heap);
    self->new_ids = heap->identity.restarted;
    if (!number_all(self, heap->identity.restarted)) {
        self->new_first = mw_identity_fresh(heap, most);
        self->new_ids = true;
    }
    return 0;
}

/* ---- prepare ---- */

static uint64_t rank_of(void *context, uintptr_t object)
{
    return mw_rank_of(context, object);
}

static int may_begin(struct mw_heap *heap)
{
    static const char call[] = "mw_heap_snapshot_*";

    if (!mw_heap_right_thread(heap, call))
        return -EPERM;
    if (heap->collecting)
        return -EBUSY;
    if (heap->front.raw_depth == 0)
        return 0;
    mw_misuse(heap, MW_MISUSE_RAW, "a snapshot inside a raw region", call);
    return -EPERM;
}

static int count_all(struct mw_heap_snapshot *self)
{
    int error = mw_rank_init(self);
    bool before;

    if (error < 0)
        return error;
    mw_external_sort(self->heap, rank_of, self);
    before = mw_callbacks_begin(self->heap);
    count(self);
    mw_callbacks_end(self->heap, before);
    return 0;
}

/* Of what was marked in slices nothing is counted yet but what ids need. */
static int count_rough(struct mw_heap_snapshot *self)
{
    int error = mw_rank_init(self);

    count_owned(self);
    return error;
}

static int prepare(struct mw_heap_snapshot *self)
{
    int error = self->rough ? count_rough(self) : count_all(self);

    if (error == 0)
        error = number(self);
    self->memory += sizeof(*self) + self->heap->identity.bytes;
    mw_pool_forked(self->heap);
    return error;
}

/* Returns whether what died meanwhile is still marked. */
static bool collect(struct mw_heap *heap, bool rough)
{
    static const char reason[] = "heap snapshot";

    if (rough && heap->marker.active) {
        mw_collect_finish_mark(heap, reason);
        return true;
    }
    mw_collect_mark(heap, reason);
    return false;
}

int mw_snapshot_create(struct mw_heap *heap, uint64_t piece, bool rough,
                       struct mw_heap_snapshot **ret)
{
    struct mw_heap_snapshot *self;
    int error = may_begin(heap);

    if (error < 0)
        return error;
    rough = collect(heap, rough);
    self = mw_vm_table(&heap->vm, sizeof(*self));
    if (self == NULL)
        return -ENOMEM;
    self->heap = heap;
    self->piece = piece;
    self->rough = rough;
    self->maker = getpid();
    self->collections = heap->history.count;
    self->used = mw_heap_used(heap);
    error = prepare(self);
    if (error < 0)
        mw_heap_snapshot_destroy(self);
    else
        *ret = self;
    return error;
}

static int create(struct mw_heap *self, bool rough, struct mw_heap_snapshot **ret,
                  struct mw_heap_snapshot_report *ret_report)
{
    int error = mw_snapshot_create(self, MW_SNAPSHOT_PIECE, rough, ret);

    if (ret_report != NULL)
        *ret_report = (struct mw_heap_snapshot_report){0};
    if (error < 0)
        mw_snapshot_report(ret_report, "preparing the snapshot", error);
    else
        report_counts(*ret, ret_report);
    return error;
}

int mw_heap_snapshot_prepare(struct mw_heap *self, struct mw_heap_snapshot **ret,
                             struct mw_heap_snapshot_report *ret_report)
{
    MW_GUARD(self);

    return create(self, false, ret, ret_report);
}

int mw_heap_snapshot_begin(struct mw_heap *self, struct mw_heap_snapshot **ret,
                           struct mw_heap_snapshot_report *ret_report)
{
    MW_GUARD(self);

    return create(self, true, ret, ret_report);
}

struct mw_heap_snapshot *mw_heap_snapshot_destroy(struct mw_heap_snapshot *self)
{
    if (self != NULL) {
        mw_rank_deinit(self);
        mw_vm_unmap(self, sizeof(*self));
    }
    return NULL;
}

/* ---- emit ---- */

static bool is_stale(const struct mw_heap_snapshot *self)
{
    const struct mw_heap *heap = self->heap;

    return self->collections != heap->history.count || heap->marker.active ||
           mw_old_has_hole(&heap->old) || self->used != mw_heap_used(heap);
}

static void write_number(struct mw_out *out, const char *name, uint64_t value)
{
    mw_out_text(out, name);
    out->at = mw_out_number(mw_out_row(out), value);
}

static void write_head(struct mw_heap_snapshot *self)
{
    mw_out_text(&self->out,
                "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\","
                "\"edge_count\",\"trace_node_id\",\"detachedness\"],\"node_types\":[[\"hidden\","
                "\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\","
                "\"native\",\"synthetic\",\"concatenated string\",\"sliced string\",\"symbol\","
                "\"bigint\",\"object shape\",\"wasm object\"],\"string\",\"number\",\"number\","
                "\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\",\"name_or_index\","
                "\"to_node\"],\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\","
                "\"hidden\",\"shortcut\",\"weak\"],\"string_or_number\",\"node\"],"
                "\"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\","
                "\"script_id\",\"line\",\"column\"],\"trace_node_fields\":[\"id\","
                "\"function_info_index\",\"count\",\"size\",\"children\"],\"sample_fields\":["
                "\"timestamp_us\",\"last_assigned_id\"],\"location_fields\":[\"object_index\","
                "\"script_id\",\"line\",\"column\"]}");
    write_number(&self->out, ",\"node_count\":", self->nodes);
    write_number(&self->out, ",\"edge_count\":", self->edges);
    mw_out_text(&self->out, ",\"trace_function_count\":0},\n");
}

/* Returns whether it is what was counted. */
static bool write_all(struct mw_heap_snapshot *self)
{
    uint64_t nodes, edges;

    write_head(self);
    nodes = mw_snapshot_nodes(self);
    mw_out_text(&self->out, ",\n");
    edges = mw_snapshot_edges(self);
    mw_out_text(&self->out, ",\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n"
                            "\"samples\":[],\n\"locations\":[],\n");
    mw_snapshot_strings(self);
    mw_out_text(&self->out, "}\n");
    mw_out_flush(&self->out);
    return nodes == self->nodes && edges == self->edges;
}

/* In a child this is a collection of its copy: nobody is told, and nothing outside is released. */
static int refine(struct mw_heap_snapshot *self)
{
    struct mw_heap *heap = self->heap;
    int error = may_begin(heap);

    if (error < 0)
        return error;
    heap->copy = self->maker != getpid();
    mw_collect_mark(heap, "heap snapshot");
    heap->copy = false;
    mw_rank_deinit(self);
    self->texts = self->memory = 0;
    error = count_all(self);
    if (error == 0 && self->new_first == 0 && !number_all(self, false))
        error = -ENOMEM;
    self->memory += sizeof(*self) + heap->identity.bytes;
    self->collections = heap->history.count;
    self->used = mw_heap_used(heap);
    self->rough = error < 0; /* who asks again gets all of it again */
    return error;
}

static int emit(struct mw_heap_snapshot *self, int fd)
{
    bool before, complete;
    int error;

    if (is_stale(self))
        return -ESTALE;
    error = self->rough ? refine(self) : 0;
    if (error < 0)
        return error;
    mw_out_begin(&self->out, fd);
    before = mw_callbacks_begin(self->heap);
    complete = write_all(self);
    mw_callbacks_end(self->heap, before);
    return complete || self->out.error != 0 ? self->out.error : -ESTALE;
}

int mw_heap_snapshot_emit(struct mw_heap_snapshot *self, int fd,
                          struct mw_heap_snapshot_report *ret)
{
    MW_GUARD(self->heap);
    int error = emit(self, fd);

    report_counts(self, ret);
    if (error < 0)
        mw_snapshot_report(ret, "writing the snapshot", error);
    return error;
}

/* ---- both halves ---- */

int mw_heap_snapshot_write(struct mw_heap *self, int fd, struct mw_heap_snapshot_report *ret)
{
    struct mw_heap_snapshot *snapshot = NULL;
    int error = mw_heap_snapshot_prepare(self, &snapshot, ret);

    if (error == 0)
        error = mw_heap_snapshot_emit(snapshot, fd, ret);
    mw_heap_snapshot_destroy(snapshot);
    return error;
}

int mw_heap_snapshot_save(struct mw_heap *self, const char *path,
                          struct mw_heap_snapshot_report *ret)
{
    struct mw_heap_snapshot *snapshot = NULL;
    int error = mw_heap_snapshot_prepare(self, &snapshot, ret);

    if (error == 0)
        error = mw_heap_snapshot_store(snapshot, path, ret);
    mw_heap_snapshot_destroy(snapshot);
    return error;
}
