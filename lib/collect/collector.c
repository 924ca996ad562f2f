#include "collect/collect_internal.h"
#include "collect/service_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- files ---- */

int mw_collect_read_kept(int fd, char *buffer, size_t capacity, size_t *ret_size)
{
    size_t size = 0;

    while (size < capacity) {
        ssize_t got = pread(fd, buffer + size, capacity - size, (off_t)size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0) {
            *ret_size = size;
            return 0;
        }
        size += (size_t)got;
    }
    return -EFBIG;
}

int mw_collect_read_file(int dirfd, const char *path, char *buffer, size_t capacity,
                         size_t *ret_size)
{
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int error;

    if (fd < 0)
        return -errno;
    error = mw_collect_read_kept(fd, buffer, capacity, ret_size);
    close(fd);
    return error;
}

/* ---- blocks ---- */

void mw_collect_start(const struct mw_collector *self, struct mw_collect_outlet *outlet,
                      struct mw_collect_work *ret)
{
    *ret = (struct mw_collect_work){
        .outlet = outlet,
        .time_ms = mw_clock_wall_ms(self->clock),
        .time_ns = mw_clock_monotonic_ns(self->clock),
        .cpu_ns = mw_clock_thread_cpu_ns(),
    };
}

int mw_collect_take(struct mw_collect_work *work, const struct mw_block *before, uint32_t rows)
{
    int error = mw_block_take(work->outlet->pool, before, rows, &work->block);

    if (error == 0)
        mw_block_set_time(work->block, work->outlet->seq + 1, work->time_ms, work->time_ns);
    return error;
}

int mw_collect_begin(struct mw_collector *self, struct mw_collect_outlet *outlet,
                     const struct mw_block *before, uint32_t rows, struct mw_collect_work *ret)
{
    mw_collect_start(self, outlet, ret);
    return mw_collect_take(ret, before, rows);
}

int mw_collect_end(struct mw_collector *self, struct mw_collect_work *work, struct mw_block **ret)
{
    int error = mw_block_finish(work->block);

    if (error < 0) {
        work->block = mw_block_unref(work->block);
        return error;
    }
    work->outlet->seq++;
    self->cost.cpu_ns += mw_clock_thread_cpu_ns() - work->cpu_ns;
    self->cost.wall_ns += mw_clock_monotonic_ns(self->clock) - work->time_ns;
    *ret = work->block;
    work->block = NULL;
    return 0;
}

/* ---- life ---- */

static int outlet_init(struct mw_collect_outlet *self, enum mw_source source)
{
    self->source = source;
    return mw_block_pool_create(source, &self->pool);
}

static int open_root(struct mw_collector *self, const char *path)
{
    size_t size = strlen(path);

    while (size > 0 && path[size - 1] == '/')
        size--;
    self->root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->root_fd < 0)
        return -errno;
    self->root = strndup(path, size);
    return self->root != NULL ? 0 : -ENOMEM;
}

static int create_readers(struct mw_collector *self, const struct mw_collect_options *options)
{
    int error = outlet_init(&self->system, MW_SOURCE_SYSTEM);

    if (error == 0)
        error = outlet_init(&self->process, MW_SOURCE_PROCESS);
    if (error == 0)
        error = outlet_init(&self->self, MW_SOURCE_SELF);
    if (error == 0)
        error = outlet_init(&self->service, MW_SOURCE_SERVICE);
    if (error == 0)
        error = mw_system_reader_create(self, &self->system_reader);
    if (error == 0)
        error = mw_process_reader_create(self, options, &self->process_reader);
    if (error == 0)
        error = mw_service_reader_create(&self->service_reader);
    return error;
}

static int create_watch(struct mw_collector *self, bool start)
{
    self->watch = malloc(sizeof(*self->watch));
    if (self->watch == NULL)
        return -ENOMEM;
    mw_watch_init(self->watch, self);
    if (start)
        mw_watch_start(self->watch);
    return 0;
}

int mw_collector_create(const struct mw_collect_options *options, struct mw_collector **ret)
{
    const struct mw_collect_options usual = {
        .proc_root = "/proc", .status_interval_s = 60, .clock = mw_clock_system()};
    struct mw_collector *self;
    int error;

    if (options == NULL)
        options = &usual;
    if (options->proc_root == NULL || options->proc_root[0] == '\0' || options->clock == NULL)
        return -EINVAL;
    self = calloc(1, sizeof(*self));
    if (self == NULL)
        return -ENOMEM;
    self->root_fd = -1;
    self->clock = options->clock;
    error = open_root(self, options->proc_root);
    if (error < 0)
        goto fail;
    error = create_readers(self, options);
    if (error < 0)
        goto fail;
    error = create_watch(self, options->watch);
    if (error < 0)
        goto fail;
    *ret = self;
    return 0;

fail:
    mw_collector_destroy(self);
    return error;
}

struct mw_collector *mw_collector_destroy(struct mw_collector *self)
{
    if (self == NULL)
        return NULL;
    mw_service_reader_destroy(self->service_reader);
    mw_process_reader_destroy(self->process_reader);
    mw_system_reader_destroy(self->system_reader);
    if (self->watch != NULL)
        mw_watch_deinit(self->watch);
    free(self->watch);
    mw_block_pool_destroy(self->service.pool);
    mw_block_pool_destroy(self->self.pool);
    mw_block_pool_destroy(self->process.pool);
    mw_block_pool_destroy(self->system.pool);
    if (self->root_fd >= 0)
        close(self->root_fd);
    free(self->root);
    free(self);
    return NULL;
}
