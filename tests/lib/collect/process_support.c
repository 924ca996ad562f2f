#include "process_support.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- life ---- */

static uint64_t world_ns(void *context)
{
    return ((const struct world *)context)->now_ns;
}

static int64_t world_ms(void *context)
{
    return (int64_t)BOOT_S * 1000 + (int64_t)(world_ns(context) / MW_NS_PER_MS);
}

static void start(struct world *self, const char *proc_root, uint32_t keep_fds)
{
    struct mw_collect_options options = {.proc_root = proc_root,
                                         .keep_fds = keep_fds,
                                         .status_interval_s = 60,
                                         .clock = &self->clock};

    self->now_ns = (uint64_t)100 * MW_NS_PER_S;
    self->clock = (struct mw_clock){world_ns, world_ms, self};
    assert_int_equal(mw_collector_create(&options, &self->collector), 0);
}

struct world *world_over(const char *proc_root, uint32_t keep_fds)
{
    struct world *self = calloc(1, sizeof(*self));

    assert_non_null(self);
    start(self, proc_root, keep_fds);
    return self;
}

/* In memory where there is such a place: these trees have thousands of files. */
static struct tree tree_in_memory(void)
{
    struct tree tree = {"/dev/shm/mw-process-XXXXXX", ""};

    if (mkdtemp(tree.path) == NULL)
        return tree_create();
    assert_int_equal(chmod(tree.path, 0755), 0);
    snprintf(tree.proc, sizeof(tree.proc), "%s/proc", tree.path);
    assert_int_equal(mkdir(tree.proc, 0755), 0);
    return tree;
}

struct world *world_create(uint32_t keep_fds)
{
    struct world *self = calloc(1, sizeof(*self));
    char boot[64];

    assert_non_null(self);
    self->tree = tree_in_memory();
    snprintf(boot, sizeof(boot), "cpu 1 2 3\nbtime %d\n", BOOT_S);
    tree_write(&self->tree, "proc/stat", boot);
    start(self, self->tree.proc, keep_fds);
    return self;
}

void world_free(struct world *self)
{
    mw_block_unref(self->block);
    mw_collector_destroy(self->collector);
    if (self->tree.path[0] != '\0')
        tree_free(&self->tree);
    free(self->known);
    free(self);
}

/* ---- the tree ---- */

struct plant plant_of(uint32_t pid)
{
    return (struct plant){.pid = pid,
                          .ppid = 1,
                          .name = "cat",
                          .state = 'S',
                          .flags = 4194560,
                          .start = 5000 + pid,
                          .size = 1700,
                          .resident = 300,
                          .shared = 200,
                          .text = 5,
                          .peak_kb = 1300,
                          .threads = 1,
                          .cgroup = "/test.slice"};
}

void world_write(const struct world *self, uint32_t pid, const char *file, const char *content)
{
    char name[64];

    snprintf(name, sizeof(name), "proc/%" PRIu32 "/%s", pid, file);
    tree_write(&self->tree, name, content);
}

void world_remove(const struct world *self, uint32_t pid, const char *file)
{
    char name[64];

    snprintf(name, sizeof(name), "proc/%" PRIu32 "%s%s", pid, file[0] != '\0' ? "/" : "", file);
    tree_remove(&self->tree, name);
}

static void write_status(const struct world *self, const struct plant *plant)
{
    char text[1024];
    int size = snprintf(text, sizeof(text),
                        "Name:\t%s\nState:\t%c (x)\nPPid:\t%" PRIu32 "\nUid:\t7\t8\t7\t7\n",
                        plant->name, plant->state, plant->ppid);

    if (plant->size > 0) {
        size += snprintf(text + size, sizeof(text) - (size_t)size,
                         "VmHWM:\t%" PRIu64 " kB\nRssFile:\t%" PRIu64 " kB\nRssShmem:\t0 kB\n"
                         "VmPTE:\t48 kB\nVmSwap:\t12 kB\n",
                         plant->peak_kb, plant->shared * 4);
    }
    snprintf(text + size, sizeof(text) - (size_t)size, "Threads:\t%" PRIu64 "\n", plant->threads);
    world_write(self, plant->pid, "status", text);
}

void world_plant(const struct world *self, const struct plant *plant)
{
    char text[512];

    snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " 0 105 0\n",
             plant->size, plant->resident, plant->shared, plant->text);
    world_write(self, plant->pid, "statm", text);
    snprintf(text, sizeof(text),
             "%" PRIu32 " (%s) %c %" PRIu32 " 9 9 0 -1 %" PRIu64
             " 0 0 0 0 0 0 0 0 20 0 1 0 %" PRIu64 " 0 0 0\n",
             plant->pid, plant->name, plant->state, plant->ppid, plant->flags, plant->start);
    world_write(self, plant->pid, "stat", text);
    snprintf(text, sizeof(text), "0::%s\n", plant->cgroup);
    world_write(self, plant->pid, "cgroup", text);
    write_status(self, plant);
}

void world_uproot(const struct world *self, uint32_t pid)
{
    static const char *const files[] = {"statm", "stat", "status", "cgroup", ""};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        world_remove(self, pid, files[i]);
}

/* ---- beats ---- */

static void know_row(struct world *self, uint32_t row)
{
    if (row >= self->known_rows) {
        uint32_t rows = 2 * row + 64;

        self->known = realloc(self->known, rows * sizeof(*self->known));
        assert_non_null(self->known);
        memset(self->known + self->known_rows, 0, (rows - self->known_rows) * sizeof(*self->known));
        self->known_rows = rows;
    }
}

static void follow_event(struct world *self, const struct mw_block_event *event)
{
    struct mw_block_key *known;

    know_row(self, event->row);
    known = &self->known[event->row];
    if (event->type == MW_EVENT_BORN) {
        assert_int_equal(known->id, 0);
        *known = event->key;
    }
    assert_int_equal(known->id, event->key.id);
    assert_int_equal(known->birth, event->key.birth);
    if (event->type == MW_EVENT_GONE)
        *known = (struct mw_block_key){0, 0};
}

void world_follow(struct world *self)
{
    const struct mw_block_head *head = mw_block_head(self->block);
    const struct mw_block_key *keys = mw_block_keys(self->block);

    assert_int_equal(mw_block_check(head, head->size), 0);
    assert_int_equal(head->seq, ++self->seq);
    for (uint32_t i = 0; i < head->events; i++)
        follow_event(self, &mw_block_events(self->block)[i]);
    for (uint32_t row = 0; row < self->known_rows; row++) {
        struct mw_block_key key = row < head->rows ? keys[row] : (struct mw_block_key){0, 0};

        assert_int_equal(key.id, self->known[row].id);
        assert_int_equal(key.birth, self->known[row].birth);
    }
    assert_true(head->rows <= self->known_rows);
}

int world_try_beat(struct world *self)
{
    struct mw_block *block;
    int error;

    self->now_ns += MW_NS_PER_S;
    error = mw_collector_read_processes(self->collector, &block);
    if (error == 0) {
        mw_block_unref(self->block);
        self->block = block;
        world_follow(self);
    }
    return error;
}

void world_beat(struct world *self)
{
    assert_int_equal(world_try_beat(self), 0);
}

/* ---- looking ---- */

uint32_t row_of(const struct world *self, uint64_t pid)
{
    const struct mw_block_key *keys = mw_block_keys(self->block);

    for (uint32_t row = 0; row < mw_block_head(self->block)->rows; row++)
        if (keys[row].id == pid)
            return row;
    return UINT32_MAX;
}

static enum mw_absence look(const struct world *self, uint64_t pid, enum mw_reading reading,
                            union mw_value *ret)
{
    uint32_t row = row_of(self, pid);

    if (row == UINT32_MAX)
        fail_msg("process %" PRIu64 " has no row", pid);
    return mw_block_get(self->block, reading, row, ret);
}

uint64_t value_of(const struct world *self, uint64_t pid, enum mw_reading reading)
{
    union mw_value value = {.u = 0};
    enum mw_absence absence = look(self, pid, reading, &value);

    if (absence != MW_PRESENT) {
        fail_msg("%s of %" PRIu64 " is absent: %s", mw_reading_info(reading)->id, pid,
                 mw_absence_word(absence));
    }
    return value.u;
}

void assert_reading(const struct world *self, uint64_t pid, enum mw_reading reading, uint64_t value)
{
    uint64_t found = value_of(self, pid, reading);

    if (found != value) {
        fail_msg("%s of %" PRIu64 ": %" PRIu64 ", not %" PRIu64, mw_reading_info(reading)->id, pid,
                 found, value);
    }
}

void assert_lacks(const struct world *self, uint64_t pid, enum mw_reading reading,
                  enum mw_absence absence)
{
    union mw_value value;
    enum mw_absence found = look(self, pid, reading, &value);

    if (found != absence) {
        fail_msg("%s of %" PRIu64 ": %s, not %s", mw_reading_info(reading)->id, pid,
                 mw_absence_word(found), mw_absence_word(absence));
    }
}

void assert_lacks_statm(const struct world *self, uint64_t pid, enum mw_absence absence)
{
    assert_lacks(self, pid, MW_PROCESS_RSS, absence);
    assert_lacks(self, pid, MW_PROCESS_RSS_ANON, absence);
    assert_lacks(self, pid, MW_PROCESS_VIRTUAL, absence);
    assert_lacks(self, pid, MW_PROCESS_GROWTH, absence);
}

void assert_lacks_memory_of_status(const struct world *self, uint64_t pid, enum mw_absence absence)
{
    assert_lacks(self, pid, MW_PROCESS_RSS_FILE, absence);
    assert_lacks(self, pid, MW_PROCESS_RSS_SHMEM, absence);
    assert_lacks(self, pid, MW_PROCESS_SWAP, absence);
    assert_lacks(self, pid, MW_PROCESS_PEAK, absence);
    assert_lacks(self, pid, MW_PROCESS_PAGE_TABLES, absence);
}

/* ---- events ---- */

static const struct mw_block_event *find_event(const struct world *self, uint64_t pid, uint32_t n)
{
    const struct mw_block_event *events = mw_block_events(self->block);

    for (uint32_t i = 0; i < mw_block_head(self->block)->events; i++)
        if (events[i].key.id == pid && n-- == 0)
            return &events[i];
    return NULL;
}

uint32_t events_of(const struct world *self, uint64_t pid)
{
    uint32_t count = 0;

    while (find_event(self, pid, count) != NULL)
        count++;
    return count;
}

const struct mw_block_event *event_of(const struct world *self, uint64_t pid, uint32_t n)
{
    const struct mw_block_event *event = find_event(self, pid, n);

    if (event == NULL)
        fail_msg("process %" PRIu64 " has no event %" PRIu32, pid, n);
    return event;
}

void assert_event(const struct world *self, uint64_t pid, uint32_t n, enum mw_block_event_type type,
                  const char *text)
{
    const struct mw_block_event *event = event_of(self, pid, n);

    assert_int_equal(event->type, type);
    assert_int_equal(event->absence, MW_PRESENT);
    if (event->text_size != strlen(text) ||
        memcmp(mw_block_text(self->block) + event->text_offset, text, strlen(text)) != 0) {
        fail_msg("\"%.*s\", not \"%s\"", event->text_size,
                 mw_block_text(self->block) + event->text_offset, text);
    }
}

void assert_event_lacks(const struct world *self, uint64_t pid, uint32_t n,
                        enum mw_block_event_type type, enum mw_absence absence)
{
    const struct mw_block_event *event = event_of(self, pid, n);

    assert_int_equal(event->type, type);
    assert_int_equal(event->absence, absence);
    assert_int_equal(event->text_size, 0);
}

/* ---- descriptors ---- */

/* Counts those of one process, or with pid 0 of all. */
static uint32_t count_kept(const struct world *self, uint32_t pid)
{
    DIR *directory = opendir("/proc/self/fd");
    uint32_t count = 0;
    char ending[64];

    assert_non_null(directory);
    snprintf(ending, sizeof(ending), pid != 0 ? "/%" PRIu32 "/statm" : "/statm", pid);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char path[4096];
        ssize_t size = readlinkat(dirfd(directory), entry->d_name, path, sizeof(path));
        size_t root = strlen(self->tree.proc), end = strlen(ending);

        if (size >= (ssize_t)(root + end) && memcmp(path, self->tree.proc, root) == 0 &&
            memcmp(path + (size_t)size - end, ending, end) == 0)
            count++;
    }
    closedir(directory);
    return count;
}

uint32_t kept_statm(const struct world *self)
{
    return count_kept(self, 0);
}

bool is_kept(const struct world *self, uint32_t pid)
{
    return count_kept(self, pid) == 1;
}

/* ---- faults ---- */

void assert_next_fault(const struct world *self, const char *file, int error, uint64_t pid)
{
    struct mw_fault fault;

    assert_true(mw_collector_next_fault(self->collector, &fault));
    assert_string_equal(fault.file, file);
    assert_int_equal(fault.error, error);
    assert_int_equal(fault.pid, pid);
    assert_true(strlen(fault.reason) > 0);
}

/* Of the process half; the tree has no system files, and says so. */
void assert_no_next_fault(const struct world *self)
{
    struct mw_fault fault;

    if (mw_collector_next_fault(self->collector, &fault))
        fail_msg("fault of %s: %s (%d)", fault.file, fault.reason, fault.error);
}
