/* Handlers of heaps, queues and caches. Heaps are shown as they are when somebody asks, so that all
 * numbers of one answer fit together, and a collection shows at once; queues and caches are those
 * of the newest sample, as everything else. */
#include "daemon/app_internal.h"
#include "daemon/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

_Static_assert(MWD_NAME_MAX == 64, "a text below says so");

const struct mwd_param mwd_app_name_param = {
    "name",       "a name of 1 to 64 bytes, as in the list without it",
    NULL,         0,
    MWD_NAME_MAX, MWD_PARAM_TEXT,
    NULL};

static const char *const collect_words[] = {"major", "minor", "compact", NULL};

const struct mwd_param mwd_app_collect_params[] = {
    {"kind", "minor, major or compact; major without it", collect_words, 0, 0, MWD_PARAM_WORD,
     NULL},
    {NULL, NULL, NULL, 0, 0, MWD_PARAM_COUNT, NULL},
};

static int not_yet(struct mwd_reply *reply)
{
    reply->status = 503;
    reply->detail = "the first sample is still being taken";
    reply->retry_after_s = 1;
    return 0;
}

/* ---- names ---- */

static int refuse_long_name(struct mwd_reply *reply)
{
    reply->status = 400;
    reply->detail = "the last part of the path is a name of 1 to 64 bytes";
    return 0;
}

static int refuse_unknown(struct mwd_app *self, enum mw_kind kind, const char *given,
                          struct mwd_reply *reply)
{
    size_t used = (size_t)snprintf(self->detail, sizeof self->detail,
                                   "there is no %s \"%s\"; there is", mw_kind_word(kind), given);
    const char *name;

    for (uint32_t i = 0;
         (name = mwd_name_at(mwd_push_names(self->push), kind, i)) && used < sizeof self->detail;
         i++)
        used += (size_t)snprintf(self->detail + used, sizeof self->detail - used, "%s %s",
                                 i ? "," : "", name);
    reply->status = 404;
    reply->detail = self->detail;
    return 0;
}

static bool is_long(const struct mwd_request *request)
{
    return strlen(request->path_value) > MWD_NAME_MAX;
}

/* ---- queues and caches ---- */

static int get_all(struct mwd_app *self, enum mw_kind kind, struct mwd_reply *reply)
{
    struct mwd_view_input input = {.sample = self->sample, .names = mwd_push_names(self->push)};

    if (!input.sample)
        return not_yet(reply);
    mwd_view_named(&input, kind, NULL, reply->body);
    return 0;
}

static int get_one(struct mwd_app *self, enum mw_kind kind, const struct mwd_request *request,
                   struct mwd_reply *reply)
{
    struct mwd_view_input input = {.sample = self->sample, .names = mwd_push_names(self->push)};

    if (is_long(request))
        return refuse_long_name(reply);
    if (!input.sample)
        return not_yet(reply);
    if (mwd_view_named_one(&input, kind, request->path_value, NULL, reply->body) == -ENOENT)
        return refuse_unknown(self, kind, request->path_value, reply);
    return 0;
}

int mwd_app_get_queues(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)request;
    return get_all(context, MW_KIND_QUEUE, reply);
}

int mwd_app_get_queue(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    return get_one(context, MW_KIND_QUEUE, request, reply);
}

int mwd_app_get_caches(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    (void)request;
    return get_all(context, MW_KIND_CACHE, reply);
}

int mwd_app_get_cache(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    return get_one(context, MW_KIND_CACHE, request, reply);
}

/* ---- heaps ---- */

static int look_at_now(struct mwd_app *self, struct mwd_view_input *ret,
                       struct mwd_view_heap *ret_heap)
{
    const struct mw_heap *heap = mwd_heap_of(self->heap);
    struct mw_heap_numbers numbers;
    struct mw_block *block;

    int r = mwd_app_heap_now(self, &block);
    if (r < 0)
        return r;
    mw_heap_get_numbers(heap, &numbers);
    mw_heap_get_spaces(heap, ret_heap->spaces);
    memcpy(ret_heap->pauses, numbers.pauses, sizeof ret_heap->pauses);
    *ret = (struct mwd_view_input){
        .sample = self->sample, .names = mwd_push_names(self->push), .newer = block};
    return 0;
}

/* Hand ret->newer to mw_block_unref(). *ret_heap is what only this process can tell of its heap, in
 * `space`; NULL when a recorded one is shown. */
static int look_at_heap(struct mwd_app *self, struct mwd_view_input *ret,
                        const struct mwd_view_heap **ret_heap, struct mwd_view_heap *space)
{
    *ret_heap = self->named_replayed ? NULL : space;
    if (!self->named_replayed)
        return look_at_now(self, ret, space);
    *ret = (struct mwd_view_input){.sample = self->sample, .names = mwd_push_names(self->push)};
    return 0;
}

int mwd_app_get_heaps(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    struct mwd_view_input input;
    const struct mwd_view_heap *heap;
    struct mwd_view_heap space;

    (void)request;
    if (!self->sample)
        return not_yet(reply);
    int r = look_at_heap(self, &input, &heap, &space);
    if (r < 0)
        return r;
    mwd_view_named(&input, MW_KIND_HEAP, heap, reply->body);
    mw_block_unref((struct mw_block *)(uintptr_t)input.newer);
    return 0;
}

int mwd_app_get_heap(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    struct mwd_view_input input;
    const struct mwd_view_heap *heap;
    struct mwd_view_heap space;

    if (is_long(request))
        return refuse_long_name(reply);
    if (!self->sample)
        return not_yet(reply);
    int r = look_at_heap(self, &input, &heap, &space);
    if (r < 0)
        return r;
    if (mwd_view_named_one(&input, MW_KIND_HEAP, request->path_value, heap, reply->body) == -ENOENT)
        refuse_unknown(self, MW_KIND_HEAP, request->path_value, reply);
    mw_block_unref((struct mw_block *)(uintptr_t)input.newer);
    return 0;
}

int mwd_app_get_trace(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    const struct mw_heap *heap = mwd_heap_of(self->heap);
    struct mw_heap_collection collections[MW_TRACE_LINES];
    size_t count = mw_heap_get_trace(heap, collections);
    char line[MW_TRACE_LINE_MAX];

    (void)request;
    for (size_t i = 0; i < count; i++) {
        mw_heap_format_trace(heap, &collections[i], MW_TRACE_TEXT, line);
        mwd_buffer_puts(reply->body, line);
        mwd_buffer_puts(reply->body, "\n");
    }
    return 0;
}

/* ---- collecting ---- */

static enum mw_heap_work work_of(const char *kind)
{
    if (!kind || kind[1] == 'a')
        return MW_COLLECT_MAJOR;
    return kind[1] == 'i' ? MW_COLLECT_MINOR : MW_COLLECT_COMPACT;
}

static void put_number(struct mwd_json *json, const char *key, uint64_t value)
{
    mwd_json_key(json, key);
    mwd_json_u64(json, value);
}

static void put_collection(const struct mw_heap *heap, const char *kind,
                           const struct mw_heap_collection *of, struct mwd_buffer *out)
{
    char line[MW_TRACE_LINE_MAX];
    struct mwd_json json;

    mw_heap_format_trace(heap, of, MW_TRACE_TEXT, line);
    mwd_json_init(&json, out);
    mwd_json_open_object(&json);
    mwd_json_key(&json, "kind");
    mwd_json_string(&json, kind ? kind : collect_words[0]);
    put_number(&json, "heapUsedBefore", of->used_before);
    put_number(&json, "heapTotalBefore", of->total_before);
    put_number(&json, "heapUsed", of->used_after);
    put_number(&json, "heapTotal", of->total_after);
    put_number(&json, "pauseUs", of->pause_ns / MW_NS_PER_US);
    mwd_json_key(&json, "trace");
    mwd_json_string(&json, line);
    mwd_json_close_object(&json);
}

/* The trace line is written from within the collection, so all is done when this returns. */
int mwd_app_collect(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    struct mw_heap *heap = mwd_heap_of(self->heap);
    struct mw_heap_collection collections[MW_TRACE_LINES];
    size_t count;

    mw_heap_collect(heap, work_of(request->params[0]));
    count = mw_heap_get_trace(heap, collections);
    if (count == 0)
        return -EIO; /* a collection without a line: the heap is not what it says */
    put_collection(heap, request->params[0], &collections[count - 1], reply->body);
    return 0;
}
