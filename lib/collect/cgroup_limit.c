#include "collect/cgroup_internal.h"
#include "collect/system_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { NUMBER_MAX = 32 }; /* bytes of a limit file: 20 digits and a newline */

/* Files that can set a limit, and the one that says what is charged to the same group. */
struct knob {
    const char *name;
    enum mw_cgroup_version version;
};

static const struct knob knobs[] = {{"memory.limit_in_bytes", MW_CGROUP_V1},
                                    {"memory.max", MW_CGROUP_V2},
                                    {"memory.high", MW_CGROUP_V2}};
static const char *const usage_names[] = {"memory.usage_in_bytes", "memory.current"};

enum { KNOBS = sizeof(knobs) / sizeof(*knobs) };

/* v1 counts pages in a signed long; "no limit" is the largest such number of bytes, rounded down to
 * a page, or 2^63-1 on kernels before 3.19. */
static uint64_t least_of_no_limit(void)
{
    static const uint64_t counter_end = UINT64_C(1) << 63;

    return counter_end - 2 * (uint64_t)sysconf(_SC_PAGESIZE);
}

int mw_cgroup_number_parse(struct mw_scan text, uint64_t *ret)
{
    bool digit = !mw_scan_done(&text) && *text.at >= '0' && *text.at <= '9';

    if (!mw_scan_u64(&text, ret))
        return digit ? -ERANGE : -EINVAL;
    return mw_scan_literal(&text, "\n") && mw_scan_done(&text) ? 0 : -EINVAL;
}

int mw_cgroup_limit_parse(struct mw_scan text, uint64_t *ret)
{
    *ret = UINT64_MAX;
    if (mw_scan_literal(&text, "max\n") && mw_scan_done(&text))
        return 0;
    int error = mw_cgroup_number_parse(text, ret);
    if (!error && *ret >= least_of_no_limit())
        *ret = UINT64_MAX;
    return error;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void mw_cgroup_limit_init(struct mw_cgroup_limit *self, struct mw_collector *collector)
{
    memset(self, 0, sizeof(*self));
    self->collector = collector;
    self->usage_fd = -1;
}

void mw_cgroup_limit_close(struct mw_cgroup_limit *self)
{
    for (uint32_t i = 0; i < self->file_count; i++)
        close_fd(&self->files[i].fd);
    self->file_count = 0;
    close_fd(&self->usage_fd);
}

static int open_in_group(const struct mw_cgroup_place *place, size_t dir_size, const char *name)
{
    char path[MW_CGROUP_PATH_MAX + NUMBER_MAX];
    size_t name_size = strlen(name);

    memcpy(path, place->dir, dir_size);
    path[dir_size] = '/';
    memcpy(path + dir_size + 1, name, name_size + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* A file that is not there sets no limit: the root group has none, and a kernel without the memory
 * controller none at all. */
static int open_knobs(struct mw_cgroup_limit *self, enum mw_cgroup_version version)
{
    const struct mw_cgroup_place *place = &self->places[version];

    for (size_t i = 0; i < KNOBS; i++) {
        if (knobs[i].version != version)
            continue;
        int fd = open_in_group(place, place->size, knobs[i].name);
        if (fd == -ENOENT)
            continue;
        if (fd < 0)
            return fd;
        self->files[self->file_count++] =
            (struct mw_cgroup_file){fd, (uint8_t)version, knobs[i].name, (uint16_t)place->size};
    }
    return 0;
}

static int open_chain(struct mw_cgroup_limit *self, enum mw_cgroup_version version)
{
    for (int above = 0; above <= MW_CGROUP_ANCESTORS_MAX; above++) {
        int error = open_knobs(self, version);

        if (error) {
            mw_collect_fault(self->collector, "cgroup", "a limit file cannot be opened", error, 0);
            return error;
        }
        if (!mw_cgroup_place_up(&self->places[version]))
            return 0;
    }
    mw_collect_fault(self->collector, "cgroup", "more groups above than are looked at", -E2BIG, 0);
    return 0;
}

/* "/host" of "/host/proc": see proc_root in collect.h. */
static struct mw_scan mount_prefix(const char *root)
{
    static const char proc[] = "/proc";
    size_t size = strlen(root), tail = sizeof(proc) - 1;
    bool ends = size >= tail && !strcmp(root + size - tail, proc);

    return mw_scan_over(root, ends ? size - tail : 0);
}

static int open_chains(struct mw_cgroup_limit *self, const struct mw_cgroup_texts *texts)
{
    for (int version = 0; version < MW_CGROUP_VERSIONS; version++) {
        int error =
            mw_cgroup_place_find(texts, (enum mw_cgroup_version)version, &self->places[version]);

        if (error == -ENODATA)
            continue;
        if (error) {
            mw_collect_fault(self->collector, "cgroup", "the path is too long", error, 0);
            return error;
        }
        error = open_chain(self, (enum mw_cgroup_version)version);
        if (error)
            return error;
    }
    return 0;
}

int mw_cgroup_texts_read(struct mw_collector *collector, struct mw_text *buffers,
                         struct mw_cgroup_texts *ret)
{
    static const char *const paths[2] = {"self/cgroup", "self/mountinfo"};
    static const char *const files[2] = {"/proc/self/cgroup", "/proc/self/mountinfo"};
    struct mw_scan texts[2];

    for (int i = 0; i < 2; i++) {
        int error = mw_text_read_file(&buffers[i], collector->root_fd, paths[i], &texts[i]);

        if (error == -ENOENT && i == 0)
            return error; /* a kernel without control groups */
        if (error) {
            mw_collect_fault(collector, files[i], "cannot be read", error, 0);
            return error;
        }
    }
    *ret = (struct mw_cgroup_texts){texts[0], texts[1], mount_prefix(collector->root)};
    return 0;
}

/* Looks up where the program's group is now and opens what limits it. */
static void find_chain(struct mw_cgroup_limit *self)
{
    struct mw_text buffers[2] = {{0}};
    struct mw_cgroup_texts texts;

    mw_cgroup_limit_close(self);
    self->beats_left = MW_CGROUP_FIND_BEATS;
    self->error = mw_cgroup_texts_read(self->collector, buffers, &texts);
    if (!self->error)
        self->error = open_chains(self, &texts);
    mw_text_free(&buffers[0]);
    mw_text_free(&buffers[1]);
}

static int read_number(int fd, int (*parse)(struct mw_scan text, uint64_t *ret), uint64_t *ret)
{
    char bytes[NUMBER_MAX];
    size_t size = 0;
    int error = mw_text_read_record(fd, bytes, sizeof(bytes), &size);

    if (error)
        return error == -EFBIG ? -EINVAL : error;
    return parse(mw_scan_over(bytes, size), ret);
}

/* The smallest limit and the file that sets it: of equal ones that of the lowest group. When one
 * file cannot be understood the smallest is not known; *ret_file is then that file. */
static int read_limits(struct mw_cgroup_limit *self, uint64_t *ret_limit, uint32_t *ret_file)
{
    *ret_limit = UINT64_MAX;
    *ret_file = 0;
    if (self->error)
        return self->error;
    for (uint32_t i = 0; i < self->file_count; i++) {
        uint64_t limit;
        int error = read_number(self->files[i].fd, mw_cgroup_limit_parse, &limit);

        if (error || limit < *ret_limit)
            *ret_file = i;
        if (error)
            return error;
        if (limit < *ret_limit)
            *ret_limit = limit;
    }
    return *ret_limit > MW_READING_MAX && *ret_limit != UINT64_MAX ? -ERANGE : 0;
}

static int read_usage(struct mw_cgroup_limit *self, uint32_t file, uint64_t *ret)
{
    const struct mw_cgroup_file *limiter = &self->files[file];

    if (self->usage_fd >= 0 && self->usage_of != file)
        close_fd(&self->usage_fd);
    if (self->usage_fd < 0) {
        int fd = open_in_group(&self->places[limiter->version], limiter->dir_size,
                               usage_names[limiter->version]);

        if (fd < 0)
            return fd;
        self->usage_fd = fd;
        self->usage_of = file;
    }
    int error = read_number(self->usage_fd, mw_cgroup_number_parse, ret);

    return !error && *ret > MW_READING_MAX ? -ERANGE : error;
}

static void put_usage(struct mw_cgroup_limit *self, uint32_t file, struct mw_block *block)
{
    union mw_value value;
    int error = read_usage(self, file, &value.u);

    if (!error) {
        mw_block_put(block, MW_SYSTEM_CONSTRAINED_USED, 0, value);
        return;
    }
    close_fd(&self->usage_fd);
    mw_collect_fault(self->collector, usage_names[self->files[file].version],
                     mw_system_reason(error), error, 0);
    mw_block_put_absent(block, MW_SYSTEM_CONSTRAINED_USED, 0, mw_system_absence(error));
}

static void put_absent(struct mw_block *block, enum mw_absence absence)
{
    mw_block_put_absent(block, MW_SYSTEM_CONSTRAINED, 0, absence);
    mw_block_put_absent(block, MW_SYSTEM_CONSTRAINED_USED, 0, absence);
}

/* A group that was removed takes its files along; then the program is in another one by now. */
static int read_chain(struct mw_cgroup_limit *self, uint64_t *ret_limit, uint32_t *ret_file)
{
    if (self->beats_left == 0)
        find_chain(self);
    self->beats_left--;
    int error = read_limits(self, ret_limit, ret_file);
    if (!self->error && (error == -ENODEV || error == -ENOENT)) {
        find_chain(self);
        error = read_limits(self, ret_limit, ret_file);
    }
    if (error && !self->error) {
        mw_collect_fault(self->collector, self->files[*ret_file].name, mw_system_reason(error),
                         error, 0);
    }
    return error;
}

void mw_cgroup_limit_read(struct mw_cgroup_limit *self, struct mw_block *block)
{
    uint64_t limit;
    uint32_t file;
    int error = read_chain(self, &limit, &file);

    self->limit = error ? UINT64_MAX : limit;
    self->limit_of = file;
    if (error || limit == UINT64_MAX) {
        put_absent(block, error ? mw_system_absence(error) : MW_ABSENT_UNSUPPORTED);
        return;
    }
    mw_block_put(block, MW_SYSTEM_CONSTRAINED, 0, (union mw_value){.u = limit});
    put_usage(self, file, block);
}

int mw_cgroup_limit_open_dir(const struct mw_cgroup_limit *self)
{
    const struct mw_cgroup_file *file = &self->files[self->limit_of];
    char path[MW_CGROUP_PATH_MAX + 1];

    memcpy(path, self->places[file->version].dir, file->dir_size);
    path[file->dir_size] = '\0';
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
