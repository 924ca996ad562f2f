/* One sample to stdout, without a loop where there is no need for one. */
#include "daemon/app_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ONCE_LIMIT = 1 << 30 };

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int print(const struct mwd_app *self)
{
    struct mwd_view_input input = {.sample = self->sample, .subjects = self->subjects};
    struct mwd_buffer out;

    mwd_buffer_init(&out, ONCE_LIMIT);
    mwd_view_once(&input, &out);
    mwd_buffer_puts(&out, "\n");
    int r = out.failed ? out.failed : write_all(STDOUT_FILENO, out.bytes, out.size);
    mwd_buffer_deinit(&out);
    return r;
}

/* ---- of this machine ---- */

static void log_faults(struct mwd_app *self, struct mw_collector *collector)
{
    struct mw_fault fault;

    while (mw_collector_next_fault(collector, &fault))
        mwd_log(self->log, MWD_LOG_WARNING, "%s: %s (%s)", fault.file, fault.reason,
                strerror(-fault.error));
}

static int sample_machine(struct mwd_app *self)
{
    struct mw_collect_options options = {
        .proc_root = self->config->proc_root,
        .keep_fds = 0,
        .status_interval_s = MWD_STATUS_INTERVAL_S,
        .clock = mw_clock_system(),
    };
    struct mw_pace pace = {0, 0, 0};
    struct mw_collector *collector;
    struct mw_block *blocks[3] = {NULL, NULL, NULL};

    int r = mw_collector_create(&options, &collector);
    if (r < 0)
        return r;
    r = mw_collector_read_system(collector, &blocks[0]);
    if (r == 0)
        r = mw_collector_read_processes(collector, &blocks[1]);
    if (r == 0)
        r = mw_collector_read_self(collector, &pace, &blocks[2]);
    if (r == 0)
        mwd_app_on_blocks(self, blocks, 3);
    log_faults(self, collector);
    for (int i = 0; i < 3; i++)
        mw_block_unref(blocks[i]);
    mw_collector_destroy(collector);
    return r;
}

/* ---- of a recording ---- */

static void on_end(void *context, int status)
{
    struct mwd_app *self = context;

    self->replay_status = status;
    mwd_replayer_close(self->replayer, 1000, NULL, NULL);
    self->replayer = NULL;
}

static int sample_recording(struct mwd_app *self)
{
    struct mwd_replayer_options options = {
        .path = self->options->replay,
        .speed = INFINITY,
        .log = self->log,
        .on_blocks = mwd_app_on_blocks,
        .on_end = on_end,
        .context = self,
    };
    struct mwd_buffer error;

    mwd_buffer_init(&error, 1 << 16);
    int r = uv_loop_init(&self->loop);
    if (r < 0)
        return r;
    r = mwd_replayer_create(&self->loop, &options, &error, &self->replayer);
    if (r < 0)
        mwd_log(self->log, MWD_LOG_ERROR, "%.*s", (int)error.size, error.bytes);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    uv_loop_close(&self->loop);
    mwd_buffer_deinit(&error);
    return r < 0 ? r : self->replay_status;
}

int mwd_app_once(const struct mwd_app_options *options)
{
    struct mwd_app app = {.options = options, .config = options->config, .log = options->log};

    mwd_app_apply_log_level(&app);
    int r = mwd_app_heap_init(&app, NULL);
    if (r == 0)
        r = mwd_app_samples_init(&app);
    if (r == 0)
        r = options->replay ? sample_recording(&app) : sample_machine(&app);
    if (r == 0 && !app.sample)
        r = -ENODATA;
    if (r == 0)
        r = print(&app);
    if (r < 0)
        mwd_log(app.log, MWD_LOG_ERROR, "no sample could be printed: %s", strerror(-r));
    mwd_app_samples_deinit(&app);
    mwd_app_heap_deinit(&app);
    mwd_config_destroy(app.config);
    return r < 0 ? 1 : 0;
}
