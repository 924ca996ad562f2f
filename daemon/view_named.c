/* Heaps, queues and caches: subjects with a name. All but the names comes from the reading table; a
 * heap of this process also shows what only it can tell. */
#include "daemon/names.h"
#include "daemon/view_internal.h"

#include <errno.h>

enum { PAUSE_FIRST_US = 16 }; /* the bound of the first bucket; each next one is twice as far */

static const struct kind {
    enum mw_source source;
    enum mwd_view_object object;
    const char *plural;
} kinds[MW_KIND_COUNT] = {
    [MW_KIND_HEAP] = {MW_SOURCE_HEAP, MWD_VIEW_HEAP, "heaps"},
    [MW_KIND_QUEUE] = {MW_SOURCE_QUEUE, MWD_VIEW_QUEUE, "queues"},
    [MW_KIND_CACHE] = {MW_SOURCE_CACHE, MWD_VIEW_CACHE, "caches"},
};

/* ---- what a heap has beside its readings ---- */

static void put_size(struct mwd_json *json, const char *key, uint64_t value)
{
    mwd_json_key(json, key);
    mwd_json_u64(json, value);
}

static void put_physical(const struct mwd_view_heap *heap, struct mwd_json *json)
{
    uint64_t physical = 0;

    if (!heap) {
        mwd_json_key(json, "physical");
        mwd_json_null(json);
        return;
    }
    for (int i = 0; i < MW_SPACES; i++)
        physical += heap->spaces[i].physical;
    put_size(json, "physical", physical);
}

static void put_spaces(const struct mwd_view_heap *heap, struct mwd_json *json)
{
    mwd_json_key(json, "spaces");
    mwd_json_open_array(json);
    for (int i = 0; heap && i < MW_SPACES; i++) {
        const struct mw_heap_space *space = &heap->spaces[i];

        mwd_json_open_object(json);
        mwd_json_key(json, "name");
        mwd_json_string(json, space->name);
        put_size(json, "size", space->size);
        put_size(json, "used", space->used);
        put_size(json, "available", space->available);
        put_size(json, "physical", space->physical);
        mwd_json_close_object(json);
    }
    mwd_json_close_array(json);
}

/* Bounds of all buckets but the last, which has none. */
static void put_bounds(struct mwd_json *json)
{
    mwd_json_key(json, "boundsUs");
    mwd_json_open_array(json);
    for (int i = 0; i < MW_PAUSE_BUCKETS - 1; i++)
        mwd_json_u64(json, (uint64_t)PAUSE_FIRST_US << i);
    mwd_json_close_array(json);
}

static void put_histogram(const struct mwd_view_heap *heap, struct mwd_json *json)
{
    mwd_json_key(json, "histogram");
    mwd_json_open_object(json);
    put_bounds(json);
    mwd_json_key(json, "counts");
    mwd_json_open_array(json);
    for (int i = 0; i < MW_PAUSE_BUCKETS; i++)
        mwd_json_u64(json, heap->pauses[i]);
    mwd_json_close_array(json);
    mwd_json_close_object(json);
}

/* Of a heap that others report; so that all have the same members. */
static void put_no_histogram(struct mwd_json *json)
{
    mwd_json_key(json, "histogram");
    mwd_json_open_object(json);
    mwd_json_key(json, "boundsUs");
    mwd_json_open_array(json);
    mwd_json_close_array(json);
    mwd_json_key(json, "counts");
    mwd_json_open_array(json);
    mwd_json_close_array(json);
    mwd_json_close_object(json);
}

static void put_reasons(const struct mwd_view_input *input, const struct mwd_view_members *members,
                        struct mwd_json *json)
{
    if (mwd_view_put_reasons(input, members->items, members->count, json))
        mwd_json_close_object(json);
}

static void put_pauses(const struct mwd_view_input *input, const struct mwd_view_heap *heap,
                       struct mwd_json *json)
{
    struct mwd_view_members members;

    mwd_view_members(MWD_VIEW_HEAP_PAUSES, &members);
    mwd_json_key(json, "pauses");
    mwd_json_open_object(json);
    mwd_view_put_values(input, members.items, members.count, json);
    if (heap)
        put_histogram(heap, json);
    else
        put_no_histogram(json);
    put_reasons(input, &members, json);
    mwd_json_close_object(json);
}

static bool is_own(const struct mwd_view_input *input)
{
    const struct mw_block *block = mwd_view_block(input, MW_SOURCE_HEAP);

    return mw_block_keys(block)[input->row].id == MWD_HEAP_OWN;
}

static void put_heap(const struct mwd_view_input *input, const struct mwd_view_heap *heap,
                     struct mwd_json *json)
{
    put_physical(heap, json);
    put_spaces(heap, json);
    mwd_view_put_object(input, "collections", MWD_VIEW_HEAP_COLLECTIONS, json);
    put_pauses(input, heap, json);
}

/* ---- one subject, all subjects ---- */

static void put_members(const struct mwd_view_input *input, enum mw_kind kind, const char *name,
                        const struct mwd_view_heap *heap, struct mwd_json *json)
{
    struct mwd_view_members members;
    bool open;

    if (kind == MW_KIND_HEAP && !is_own(input))
        heap = NULL;
    mwd_view_members(kinds[kind].object, &members);
    mwd_json_key(json, "name");
    mwd_json_string(json, name);
    mwd_view_put_values(input, members.items, members.count, json);
    if (kind == MW_KIND_HEAP)
        put_heap(input, heap, json);
    open = mwd_view_put_reasons(input, members.items, members.count, json);
    if (kind == MW_KIND_HEAP && !heap)
        open = mwd_view_put_reason(json, open, "physical", MW_ABSENT_UNSUPPORTED);
    if (open)
        mwd_json_close_object(json);
}

/* Goes to the next row with a subject whose name is known. Returns NULL behind the last. */
static const char *next(struct mwd_view_input *input, enum mw_kind kind)
{
    const struct mw_block *block = mwd_view_block(input, kinds[kind].source);
    const char *name = NULL;

    while (block && !name && ++input->row < mw_block_head(block)->rows)
        name = mwd_name_of(input->names, kind, mw_block_keys(block)[input->row]);
    return name;
}

/* Before the first of them. */
static struct mwd_view_input begin(const struct mwd_view_input *input)
{
    struct mwd_view_input begin = *input;

    begin.row = UINT32_MAX;
    return begin;
}

void mwd_view_named(const struct mwd_view_input *input, enum mw_kind kind,
                    const struct mwd_view_heap *heap, struct mwd_buffer *out)
{
    struct mwd_view_input row = begin(input);
    struct mwd_json json;
    const char *name;

    mwd_json_init(&json, out);
    mwd_json_open_object(&json);
    mwd_view_put_head(input, &json);
    mwd_json_key(&json, kinds[kind].plural);
    mwd_json_open_array(&json);
    while ((name = next(&row, kind))) {
        mwd_json_open_object(&json);
        put_members(&row, kind, name, heap, &json);
        mwd_json_close_object(&json);
    }
    mwd_json_close_array(&json);
    mwd_json_close_object(&json);
}

static bool find(struct mwd_view_input *row, enum mw_kind kind, struct mw_block_key wanted)
{
    while (next(row, kind)) {
        const struct mw_block *block = mwd_view_block(row, kinds[kind].source);
        struct mw_block_key key = mw_block_keys(block)[row->row];

        if (key.id == wanted.id && key.birth == wanted.birth)
            return true;
    }
    return false;
}

int mwd_view_named_one(const struct mwd_view_input *input, enum mw_kind kind, const char *name,
                       const struct mwd_view_heap *heap, struct mwd_buffer *out)
{
    struct mwd_view_input row = begin(input);
    struct mw_block_key key;
    struct mwd_json json;

    if (!mwd_name_find(input->names, kind, name, &key) || !find(&row, kind, key))
        return -ENOENT;
    mwd_json_init(&json, out);
    mwd_json_open_object(&json);
    mwd_view_put_head(input, &json);
    put_members(&row, kind, name, heap, &json);
    mwd_json_close_object(&json);
    return 0;
}
