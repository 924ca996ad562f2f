/* What the daemon keeps on its managed heap: history, caches, queues. */
#include "daemon/app_internal.h"

#include <string.h>

enum { HEAP_LIMIT = 64 << 20, SEMI_SPACE = 512 << 10 };

static size_t shed(void *context)
{
    struct mwd_app *self = context;

    return self->history ? mw_history_shed(self->history) : 0;
}

int mwd_app_heap_init(struct mwd_app *self)
{
    struct mwd_heap_options options = {
        .limit = HEAP_LIMIT,
        .semi_space = SEMI_SPACE,
        .log = self->log,
        .shed = shed,
        .context = self,
    };
    struct mw_history_config history;

    int r = mwd_heap_create(&self->loop, &options, &self->heap);
    if (r < 0)
        return r;
    mwd_app_history_config(self->config, &history);
    return mw_history_create(mwd_heap_store(self->heap), &history, &self->history);
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
