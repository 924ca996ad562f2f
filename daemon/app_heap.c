/* What the daemon keeps on its managed heap: history, caches, queues. */
#include "daemon/app_internal.h"

#include "base/units.h"

#include <errno.h>
#include <string.h>

/* Beside the history: what caches and queues need, and room for garbage between collections. */
enum { ROOM_MIN = 1 << 20 };

static size_t shed(void *context)
{
    struct mwd_app *self = context;

    return self->history ? mw_history_shed(self->history) : 0;
}

int mwd_app_heap_init(struct mwd_app *self, uv_loop_t *loop)
{
    struct mwd_heap_options options = {
        .limit = self->config->heap_limit,
        .semi_space = self->config->heap_semi_space,
        .trace = self->config->heap_trace,
        .modes = self->options->heap_modes,
        .log = self->log,
        .shed = shed,
        .context = self,
    };

    return mwd_heap_create(loop, &options, &self->heap);
}

int mwd_app_history_init(struct mwd_app *self)
{
    struct mw_history_config config;

    mwd_app_history_config(self->config, &config);
    config.bytes = mwd_app_history_bytes(self, self->config);
    int r = mw_history_create(mwd_heap_store(self->heap), &config, &self->history);
    if (r == 0)
        mw_history_follow(self->history, self->subjects);
    mwd_app_history_say_bound(self);
    return r;
}

void mwd_app_heap_deinit(struct mwd_app *self)
{
    self->history = mw_history_destroy(self->history);
    self->heap = mwd_heap_destroy(self->heap);
}

void mwd_app_heap_feed(struct mwd_app *self)
{
    if (!self->history) /* --once remembers nothing */
        return;
    int r = mw_history_apply(self->history, self->sample);

    if (r < 0)
        mwd_log_event(self->log, MWD_LOG_WARNING, &(struct mwd_log_event){"no-memory", "history"},
                      "a sample could not be kept: %s; the history has a gap there, see heap limit",
                      strerror(-r));
    mwd_heap_rest(self->heap);
}

/* ---- its configuration ---- */

static void put_size(size_t bytes, struct mwd_buffer *out)
{
    char text[32];

    mw_units_format_bytes(bytes, text, sizeof text);
    mwd_buffer_puts(out, text);
}

int mwd_app_heap_check(const struct mwd_config *config, struct mwd_buffer *error)
{
    size_t least =
        mw_heap_limit_min(config->heap_semi_space) + mwd_app_history_least(config) + ROOM_MIN;

    if (config->heap_limit >= least)
        return 0;
    mwd_buffer_puts(error, "heap.limit: ");
    put_size(config->heap_limit, error);
    mwd_buffer_puts(error, " has no room for the history and two halves of heap.semi-space = ");
    put_size(config->heap_semi_space, error);
    mwd_buffer_puts(error, "; these take ");
    put_size((least + 1023) / 1024 * 1024, error);
    return -EINVAL;
}

static void refuse_limit(const struct mwd_app *self, const struct mwd_config *config,
                         struct mwd_buffer *error)
{
    static const char format[] =
        " is too little: %zu bytes are in use after a full collection, and 256KB must stay free";
    struct mw_heap_numbers numbers;

    mw_heap_get_numbers(mwd_heap_of(self->heap), &numbers);
    mwd_buffer_puts(error, "heap.limit: ");
    put_size(config->heap_limit, error);
    mwd_buffer_printf(error, format, numbers.total);
}

int mwd_app_heap_set_limit(struct mwd_app *self, const struct mwd_config *config,
                           struct mwd_buffer *error)
{
    int r = mwd_app_heap_check(config, error);

    if (r < 0)
        return r;
    r = mwd_heap_set_limit(self->heap, config->heap_limit);
    if (r < 0)
        refuse_limit(self, config, error);
    return r;
}

void mwd_app_heap_reloaded(struct mwd_app *self)
{
    struct mw_heap_numbers numbers;

    mwd_heap_set_trace(self->heap, self->config->heap_trace);
    mw_heap_get_numbers(mwd_heap_of(self->heap), &numbers);
    if (self->config->heap_limit > numbers.limit)
        mwd_log(self->log, MWD_LOG_WARNING,
                "heap.limit: it is %zu bytes, as at the start; more waits for a restart",
                numbers.limit);
}
