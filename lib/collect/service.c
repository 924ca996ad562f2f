/* Named control groups. A group is looked for by its path at every beat, so one that was removed
 * and made anew, as a service that restarts is, is the same subject. Its directory is opened once
 * for all its files: they are all of one group, whatever happens to the path meanwhile. */
#include "collect/service_internal.h"

#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- names ---- */

static const char *without_slashes(const char *path)
{
    return path + strspn(path, "/");
}

/* FNV-1a. Paths are chosen by whoever writes the configuration, who gains nothing by two that
 * collide. */
uint64_t mw_service_id(const char *path)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (const char *at = without_slashes(path); *at; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    return hash ? hash : 1;
}

static int path_create(const char *path, char **ret)
{
    size_t size;

    path = without_slashes(path);
    size = strlen(path);
    while (size > 0 && path[size - 1] == '/')
        size--;
    if (size >= MW_SERVICE_PATH_MAX)
        return -ENAMETOOLONG;
    *ret = malloc(size + 2);
    if (!*ret)
        return -ENOMEM;
    (*ret)[0] = '/';
    memcpy(*ret + 1, path, size);
    (*ret)[size + 1] = '\0';
    return 0;
}

/* ---- where they are ---- */

/* The place is found as that of the own group is: by a line as /proc/PID/cgroup has it. */
static int find_place(const struct mw_cgroup_texts *texts, const char *path,
                      enum mw_cgroup_version version, struct mw_cgroup_place *ret)
{
    char line[MW_SERVICE_PATH_MAX + 32];
    struct mw_cgroup_texts asked = *texts;
    int size =
        snprintf(line, sizeof line, version == MW_CGROUP_V1 ? "1:memory:%s\n" : "0::%s\n", path);

    asked.cgroup = mw_scan_over(line, (size_t)size);
    return mw_cgroup_place_find(&asked, version, ret);
}

/* What lies outside of what is mounted is answered with the mount point, which is another group. */
static bool is_of_path(const struct mw_cgroup_place *place, const char *path)
{
    size_t below = place->size - place->mount_size, size = strlen(path);

    if (size == 1)
        return below == 0;
    return below > 0 && below <= size &&
           memcmp(place->dir + place->mount_size, path + size - below, below) == 0;
}

int mw_service_find(const struct mw_cgroup_texts *texts, const char *path,
                    enum mw_cgroup_version *ret_version, char **ret_dir)
{
    enum mw_cgroup_version version = MW_CGROUP_V1;
    struct mw_cgroup_place place;
    int error = find_place(texts, path, version, &place);

    if (error == -ENODATA) {
        version = MW_CGROUP_V2;
        error = find_place(texts, path, version, &place);
    }
    if (error)
        return error == -ENODATA ? -EOPNOTSUPP : error;
    if (!is_of_path(&place, path))
        return -ENOENT;
    *ret_dir = strndup(place.dir, place.size);
    *ret_version = version;
    return *ret_dir ? 0 : -ENOMEM;
}

static void find_all(struct mw_collector *self)
{
    struct mw_service_reader *reader = self->service_reader;
    struct mw_text buffers[2] = {{0}};
    struct mw_cgroup_texts texts;
    int error = mw_cgroup_texts_read(self, buffers, &texts);

    if (error == -ENOENT)
        error = -EOPNOTSUPP; /* no control groups at all, which is not for a group to be gone */
    for (uint32_t i = 0; i < reader->count; i++) {
        struct mw_service *service = &reader->services[i];

        free(service->dir);
        service->dir = NULL;
        service->error =
            error ? error
                  : mw_service_find(&texts, service->path, &service->version, &service->dir);
    }
    mw_text_free(&buffers[0]);
    mw_text_free(&buffers[1]);
    reader->beats_left = MW_CGROUP_FIND_BEATS;
}

/* ---- life ---- */

int mw_service_reader_create(struct mw_service_reader **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

/* `watch` is NULL where it ends together with the services. */
static void services_destroy(struct mw_service *services, uint32_t count, struct mw_watch *watch)
{
    for (uint32_t i = 0; i < count; i++) {
        if (watch)
            mw_watch_disarm(watch, &services[i].watch);
        else if (services[i].watch.event_fd >= 0)
            close(services[i].watch.event_fd);
        free(services[i].path);
        free(services[i].dir);
    }
    free(services);
}

struct mw_service_reader *mw_service_reader_destroy(struct mw_service_reader *self)
{
    if (self) {
        services_destroy(self->services, self->count, NULL);
        mw_block_unref(self->last);
        mw_text_free(&self->text);
        free(self);
    }
    return NULL;
}

int mw_collector_set_services(struct mw_collector *self, const char *const *paths, uint32_t count)
{
    struct mw_service_reader *reader = self->service_reader;
    struct mw_service *services;
    int error = 0;

    if (count > MW_SERVICES_MAX)
        return -E2BIG;
    services = calloc(count + 1, sizeof *services); /* of none, too, there is an array */
    if (!services)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        mw_watch_group_init(&services[i].watch, i);
        services[i].id = mw_service_id(paths[i]);
        if (!error)
            error = path_create(paths[i], &services[i].path);
    }
    if (error) {
        services_destroy(services, count, NULL);
        return error;
    }
    services_destroy(reader->services, reader->count, self->watch);
    reader->services = services;
    reader->count = count;
    reader->beats_left = 0;
    reader->last = mw_block_unref(reader->last);
    return 0;
}

/* ---- reading ---- */

static enum mw_absence absence_of(int error)
{
    return error == -ENOENT || error == -ENODEV ? MW_ABSENT_VANISHED : mw_system_absence(error);
}

static int read_group(struct mw_collector *self, struct mw_service *service, struct mw_block *block,
                      uint32_t row)
{
    uint64_t limit;
    int dirfd, error;

    if (service->error)
        return service->error;
    dirfd = open(service->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0)
        return -errno;
    error = mw_service_read_files(self, dirfd, service->version, block, row, &limit);
    if (!error)
        mw_watch_arm(self->watch, &service->watch, service->version, dirfd, limit);
    close(dirfd);
    return error;
}

static void read_row(struct mw_collector *self, struct mw_block *block, uint32_t row)
{
    struct mw_service *service = &self->service_reader->services[row];
    int error;

    mw_block_clear_row(block, row);
    mw_block_set_key(block, row, (struct mw_block_key){service->id, 0});
    service->due = false;
    error = read_group(self, service, block, row);
    if (!error)
        return;
    mw_watch_disarm(self->watch, &service->watch);
    mw_service_absent(block, row, absence_of(error));
    if (error != -ENOENT && error != -EOPNOTSUPP)
        mw_collect_fault(self, "cgroup", "a named group cannot be read", error, 0);
}

static int finish(struct mw_collector *self, struct mw_collect_work *work, struct mw_block **ret)
{
    struct mw_service_reader *reader = self->service_reader;
    int error = mw_collect_end(self, work, ret);

    if (error)
        return error;
    mw_block_unref(reader->last);
    reader->last = mw_block_ref(*ret);
    return 0;
}

/* For who reads the block elsewhere and does not have the configuration. What has no room, or is no
 * text, is left out. */
static void tell_names(const struct mw_service_reader *reader, struct mw_block *block)
{
    for (uint32_t row = 0; row < reader->count; row++) {
        const char *path = reader->services[row].path;
        size_t size = strlen(path);

        if (mw_utf8_valid(path, size) &&
            mw_block_add_event(block, MW_EVENT_NAME, row, MW_PRESENT, path, size) < 0)
            return;
    }
}

int mw_collector_read_services(struct mw_collector *self, struct mw_block **ret)
{
    struct mw_service_reader *reader = self->service_reader;
    struct mw_collect_work work;
    int error = mw_collect_begin(self, &self->service, NULL, reader->count, &work);

    if (error)
        return error;
    bool is_time = reader->count > 0 && reader->beats_left-- == 0;
    if (is_time)
        find_all(self);
    for (uint32_t row = 0; row < reader->count; row++)
        read_row(self, work.block, row);
    if (is_time)
        tell_names(reader, work.block);
    return finish(self, &work, ret);
}

int mw_collector_read_services_again(struct mw_collector *self, struct mw_block **ret)
{
    struct mw_service_reader *reader = self->service_reader;
    struct mw_collect_work work;

    if (!reader->last)
        return mw_collector_read_services(self, ret);
    int error = mw_collect_begin(self, &self->service, reader->last, reader->count, &work);
    if (error)
        return error;
    for (uint32_t row = 0; row < reader->count; row++)
        if (reader->services[row].due)
            read_row(self, work.block, row);
    return finish(self, &work, ret);
}

/* ---- events ---- */

/* What a batch of events is about. */
struct events {
    struct mw_collector *collector;
    uint32_t sources;
};

static void on_service(struct events *events, struct mw_service *service)
{
    service->due = true;
    events->sources |= UINT32_C(1) << MW_SOURCE_SERVICE;
}

static void on_group(void *context, uint32_t tag)
{
    struct events *events = context;
    struct mw_service_reader *reader = events->collector->service_reader;

    if (tag == MW_WATCH_OWN) {
        mw_watch_group_take(&events->collector->system_reader->limit_watch);
    } else if (tag < reader->count) {
        mw_watch_group_take(&reader->services[tag].watch);
        on_service(events, &reader->services[tag]);
    }
}

static void hear(struct mw_watch_group *group, int wd, bool gone, bool *ret_is_it)
{
    *ret_is_it = group->wd == wd;
    if (*ret_is_it && gone)
        mw_watch_group_init(group, group->tag);
}

/* Two services may be the same group by different paths, so all are asked. No descriptor at all is
 * the news that too much has happened to tell what: it may have been any. */
static void on_descriptor(void *context, int wd, bool gone)
{
    struct events *events = context;
    struct mw_service_reader *reader = events->collector->service_reader;
    bool is_it;

    hear(&events->collector->system_reader->limit_watch, wd, gone, &is_it);
    for (uint32_t i = 0; i < reader->count; i++) {
        hear(&reader->services[i].watch, wd, gone, &is_it);
        if (is_it || wd < 0)
            on_service(events, &reader->services[i]);
    }
}

int mw_collector_event_fd(const struct mw_collector *self)
{
    return self->watch->epoll_fd;
}

uint32_t mw_collector_on_event(struct mw_collector *self)
{
    struct events events = {self, UINT32_C(1) << MW_SOURCE_SYSTEM};
    const struct mw_watch_sink sink = {on_group, on_descriptor, &events};

    mw_watch_take(self->watch, &sink);
    return events.sources;
}
