/* Heap snapshots of the daemon: a download over HTTP, and a file in state-dir on SIGUSR2. */
#include "daemon/app_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

enum { LIMIT_MS = 60 * 1000, RETRY_S = 5 };

static void on_wanted(uv_signal_t *handle, int number)
{
    struct mwd_app *self = handle->data;

    (void)number;
    if (!self->closing)
        mwd_snapshot_save(self->snapshots);
}

static void hold(void *context, bool held)
{
    struct mwd_app *self = context;

    mwd_heap_hold(self->heap, held);
}

int mwd_app_snapshots_init(struct mwd_app *self)
{
    struct mwd_snapshots_options options = {
        .heap = mwd_heap_of(self->heap),
        .log = self->log,
        .folder = self->config->state_dir,
        .hold = hold,
        .context = self,
        .limit_ms = LIMIT_MS,
    };
    int r = mwd_snapshots_create(&self->loop, &options, &self->snapshots);

    if (r == 0)
        r = uv_signal_init(&self->loop, &self->on_usr2);
    self->on_usr2.data = self;
    return r < 0 ? r : uv_signal_start(&self->on_usr2, on_wanted, SIGUSR2);
}

/* ---- the route ---- */

static int verdict(void *context)
{
    return mwd_snapshot_verdict(context);
}

static void done(void *context)
{
    mwd_snapshot_stop(context);
}

int mwd_app_post_snapshot(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    struct mwd_snapshot_stream stream;
    int r = self->closing ? -EBUSY : mwd_snapshot_stream(self->snapshots, &stream);

    (void)request;
    if (r == -EBUSY) {
        reply->status = 503;
        reply->detail = "another heap snapshot is being taken: one at a time";
        reply->retry_after_s = RETRY_S;
        return 0;
    }
    if (r < 0)
        return r;
    reply->download = (struct mwd_download){
        .fd = stream.fd,
        .verdict = verdict,
        .done = done,
        .context = self->snapshots,
    };
    snprintf(reply->download.name, sizeof reply->download.name, "%s", stream.name);
    return 0;
}
