/* The files of one control group. Which file has which reading is a table; v1 and v2 differ in
 * nothing else. */
#include "collect/service_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { NUMBER_ROOM = 64, KEYS_MAX = 4 };

/* A file of one number. A limit that is not set is absent. */
struct number_file {
    enum mw_cgroup_version version;
    const char *name;
    enum mw_reading reading;
    int (*parse)(struct mw_scan text, uint64_t *ret);
};

static const struct number_file number_files[] = {
    {MW_CGROUP_V1, "memory.usage_in_bytes", MW_SERVICE_MEMORY, mw_cgroup_number_parse},
    {MW_CGROUP_V1, "memory.limit_in_bytes", MW_SERVICE_LIMIT, mw_cgroup_limit_parse},
    {MW_CGROUP_V1, "memory.max_usage_in_bytes", MW_SERVICE_PEAK, mw_cgroup_number_parse},
    {MW_CGROUP_V1, "memory.failcnt", MW_SERVICE_LIMIT_HITS, mw_cgroup_number_parse},
    {MW_CGROUP_V2, "memory.current", MW_SERVICE_MEMORY, mw_cgroup_number_parse},
    {MW_CGROUP_V2, "memory.max", MW_SERVICE_LIMIT, mw_cgroup_limit_parse},
    {MW_CGROUP_V2, "memory.high", MW_SERVICE_HIGH, mw_cgroup_limit_parse},
    {MW_CGROUP_V2, "memory.peak", MW_SERVICE_PEAK, mw_cgroup_number_parse},
    {MW_CGROUP_V2, "memory.swap.current", MW_SERVICE_SWAP, mw_cgroup_number_parse},
};

/* A file of lines. In v1 those that begin with total_ have the groups below in them, as everything
 * has in v2. */
struct keyed_file {
    enum mw_cgroup_version version;
    const char *name;
    uint32_t count;
    const char *keys[KEYS_MAX];
    enum mw_reading readings[KEYS_MAX];
};

static const struct keyed_file keyed_files[] = {
    {MW_CGROUP_V1,
     "memory.stat",
     3,
     {"total_rss", "total_cache", "total_swap"},
     {MW_SERVICE_ANON, MW_SERVICE_FILE, MW_SERVICE_SWAP}},
    {MW_CGROUP_V1, "memory.oom_control", 1, {"oom_kill"}, {MW_SERVICE_OOM_KILLS}},
    {MW_CGROUP_V2, "memory.stat", 2, {"anon", "file"}, {MW_SERVICE_ANON, MW_SERVICE_FILE}},
    {MW_CGROUP_V2,
     "memory.events",
     4,
     {"low", "high", "max", "oom_kill"},
     {MW_SERVICE_LOW_HITS, MW_SERVICE_HIGH_HITS, MW_SERVICE_LIMIT_HITS, MW_SERVICE_OOM_KILLS}},
};

/* One group, and the row that it is read into. */
struct target {
    struct mw_collector *collector;
    int dirfd;
    struct mw_block *block;
    uint32_t row;
};

static void put(const struct target *self, enum mw_reading reading, uint64_t value)
{
    mw_block_put(self->block, reading, self->row, (union mw_value){.u = value});
}

/* Returns whether the group is no more: what else is wrong is about this file only. */
static bool fail(const struct target *self, const char *name, const enum mw_reading *readings,
                 uint32_t count, int error)
{
    if (error == -ENODEV)
        return true;
    if (error != -ENOENT)
        mw_collect_fault(self->collector, name, mw_system_reason(error), error, 0);
    for (uint32_t i = 0; i < count; i++)
        mw_block_put_absent(self->block, readings[i], self->row, mw_system_absence(error));
    return false;
}

static int read_number(const struct target *self, const struct number_file *file, uint64_t *ret)
{
    char bytes[NUMBER_ROOM];
    size_t size;
    int error = mw_collect_read_file(self->dirfd, file->name, bytes, sizeof bytes, &size);

    if (error)
        return error == -EFBIG ? -EINVAL : error;
    error = file->parse(mw_scan_over(bytes, size), ret);
    return !error && *ret > MW_READING_MAX && *ret != UINT64_MAX ? -ERANGE : error;
}

static bool put_number(const struct target *self, const struct number_file *file,
                       uint64_t *ret_limit)
{
    uint64_t number;
    int error = read_number(self, file, &number);

    if (error)
        return fail(self, file->name, &file->reading, 1, error);
    if (number <= MW_READING_MAX)
        put(self, file->reading, number);
    if (file->reading == MW_SERVICE_LIMIT)
        *ret_limit = number;
    return false;
}

/* What a line makes no sense of is stale; what has no line this kernel does not know. */
static bool put_keyed(const struct target *self, const struct keyed_file *file)
{
    struct mw_text *buffer = &self->collector->service_reader->text;
    uint64_t values[KEYS_MAX];
    uint32_t found = 0;
    struct mw_scan text;
    int error = mw_text_read_file(buffer, self->dirfd, file->name, &text);

    if (error)
        return fail(self, file->name, file->readings, file->count, error);
    error = mw_parse_keyed(text.at, mw_scan_left(&text), file->keys, file->count, values, &found);
    if (error)
        fail(self, file->name, file->readings, file->count, error);
    for (uint32_t i = 0; i < file->count; i++)
        if (found & UINT32_C(1) << i)
            put(self, file->readings[i], values[i]);
    return false;
}

int mw_service_read_files(struct mw_collector *self, int dirfd, enum mw_cgroup_version version,
                          struct mw_block *block, uint32_t row, uint64_t *ret_limit)
{
    const struct target target = {self, dirfd, block, row};
    bool gone = false;

    *ret_limit = UINT64_MAX;
    for (size_t i = 0; !gone && i < sizeof number_files / sizeof *number_files; i++)
        if (number_files[i].version == version)
            gone = put_number(&target, &number_files[i], ret_limit);
    for (size_t i = 0; !gone && i < sizeof keyed_files / sizeof *keyed_files; i++)
        if (keyed_files[i].version == version)
            gone = put_keyed(&target, &keyed_files[i]);
    return gone ? -ENOENT : 0;
}

void mw_service_absent(struct mw_block *block, uint32_t row, enum mw_absence absence)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SERVICE);

    for (uint32_t i = 0; i < mw_source_columns(MW_SOURCE_SERVICE); i++)
        mw_block_put_absent(block, (enum mw_reading)(first + i), row, absence);
}
