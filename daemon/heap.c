/* The daemon's heap on the loop.
 *
 * Idle work is a uv_idle_t: libuv calls it once in each turn and does not wait for descriptors
 * meanwhile, but looks at them, so a request is never behind more than one slice. It is stopped as
 * soon as the heap says that there is nothing left, and started again with the next sample.
 */
#include "daemon/heap.h"

#include <errno.h>
#include <stdlib.h>

/* Sliding is one piece of work, and would let a request wait: the space is then as sparse as it
 * was, and is filled again. */
enum { SLICE_US = 300, SLIDE_US = 1500 };

/* The preset dev looks at every handle and, around each collection, at the whole heap, and
 * ends at the first thing that is wrong. */
#ifdef MWD_HEAP_DEBUG
enum { DEBUG_MODES = MW_HEAP_CHECKED | MW_HEAP_VERIFY };
#else
enum { DEBUG_MODES = 0 };
#endif

struct mwd_heap {
    struct mw_heap *heap;
    struct mw_store *store;
    struct mwd_heap_options options;
    uv_idle_t idle;
    bool on_loop, held;
};

/* ---- what the heap calls ---- */

static size_t on_near_limit(void *context, size_t limit, size_t initial)
{
    struct mwd_heap *self = context;
    size_t wanted = initial / 8, freed = 0, step = 1;

    while (freed < wanted && step > 0) {
        step = self->options.shed ? self->options.shed(self->options.context) : 0;
        freed += step;
    }
    mwd_log_event(self->options.log, freed ? MWD_LOG_WARNING : MWD_LOG_ERROR,
                  &(struct mwd_log_event){"heap-limit", "memwatchd"},
                  freed
                      ? "the heap is at its limit: %zu bytes of the oldest history were given up; "
                        "see heap limit"
                      : "the heap is at its limit, and %zu bytes could be given up; see heap limit",
                  freed);
    return limit;
}

static void on_misuse(void *context, const struct mw_heap_misuse *misuse)
{
    struct mwd_heap *self = context;

    mwd_log_event(
        self->options.log, MWD_LOG_ERROR, &(struct mwd_log_event){"heap-misuse", misuse->where},
        "the heap was used wrongly at %s: %s; this is a fault of memwatchd, please report "
        "it",
        misuse->where, misuse->what);
    if (DEBUG_MODES != 0)
        abort();
}

static void on_collected(void *context, const struct mw_heap_collection *collection)
{
    const struct mwd_heap *self = context;
    char line[MW_TRACE_LINE_MAX];

    if (!self->options.trace)
        return;
    mw_heap_format_trace(self->heap, collection, MW_TRACE_TEXT, line);
    mwd_log(self->options.log, MWD_LOG_INFO, "%s", line);
}

/* ---- on the loop ---- */

static void on_idle(uv_idle_t *handle)
{
    struct mwd_heap *self = handle->data;

    if (self->held || !mw_heap_step(self->heap, SLICE_US))
        uv_idle_stop(handle);
}

void mwd_heap_hold(struct mwd_heap *self, bool held)
{
    self->held = held;
    if (!held)
        mwd_heap_rest(self);
}

void mwd_heap_rest(struct mwd_heap *self)
{
    if (self->on_loop)
        uv_idle_start(&self->idle, on_idle);
}

/* ---- life ---- */

static int create_heap(struct mwd_heap *self)
{
    struct mw_heap_config config;
    int r;

    mw_heap_config_default(&config);
    config.limit = config.limit_max = self->options.limit;
    config.semi_space = config.semi_space_max = self->options.semi_space;
    config.slide_us = SLIDE_US;
    config.handles = 1 << 16;
    config.scopes = 1 << 12;
    config.modes = self->options.modes | DEBUG_MODES;
    config.context = self;
    config.near_limit = on_near_limit;
    config.misuse = on_misuse;
    config.collected = on_collected;
    r = mw_heap_create(&config, &self->heap);
    return r < 0 ? r : mw_store_create(self->heap, &self->store);
}

int mwd_heap_create(uv_loop_t *loop, const struct mwd_heap_options *options, struct mwd_heap **ret)
{
    struct mwd_heap *self = calloc(1, sizeof *self);
    int r;

    if (!self)
        return -ENOMEM;
    self->options = *options;
    self->idle.data = self;
    r = create_heap(self);
    if (r == 0 && loop)
        r = uv_idle_init(loop, &self->idle);
    if (r < 0) {
        mwd_heap_destroy(self);
        return r;
    }
    self->on_loop = loop != NULL;
    *ret = self;
    return 0;
}

void mwd_heap_close(struct mwd_heap *self)
{
    if (!self || !self->on_loop)
        return;
    self->on_loop = false;
    uv_close((uv_handle_t *)&self->idle, NULL);
}

struct mwd_heap *mwd_heap_destroy(struct mwd_heap *self)
{
    if (self) {
        mw_store_destroy(self->store);
        mw_heap_destroy(self->heap);
        free(self);
    }
    return NULL;
}

int mwd_heap_set_limit(struct mwd_heap *self, size_t limit)
{
    size_t most = self->options.limit;

    return mw_heap_set_limit(self->heap, limit < most ? limit : most);
}

size_t mwd_heap_room(const struct mwd_heap *self, size_t limit)
{
    size_t most = self->options.limit, taken = mw_heap_limit_min(self->options.semi_space);

    limit = limit < most ? limit : most;
    return limit > taken ? limit - taken : 0;
}

void mwd_heap_set_trace(struct mwd_heap *self, bool trace)
{
    self->options.trace = trace;
}

struct mw_heap *mwd_heap_of(const struct mwd_heap *self)
{
    return self->heap;
}

struct mw_store *mwd_heap_store(const struct mwd_heap *self)
{
    return self->store;
}
