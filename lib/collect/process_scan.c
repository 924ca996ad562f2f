/* One beat over all processes.
 *
 * What it costs. Per process and beat one pread of a kept statm and its share of the directory's
 * getdents64 cannot be saved; everything else here is built to add little to these two: a process
 * without news touches one cache line of the table, compares 8 bytes, and writes nothing.
 *
 * Who is there. The directory is listed in each beat. Its inode numbers help: proc gives each
 * process's directory a number of its own when it is first looked up, from a counter that goes on.
 * Tried on 6.18: a process keeps its number through exec, as a zombie, and as long as any file
 * below its directory is open; a process that came to be under a used pid (2000 times over, by
 * ns_last_pid) never had the number of the one before; and when the kernel had dropped unused
 * directory entries (drop_caches) a living process had a new one. So a number that stayed says "the
 * same process", and one that changed says nothing: then the start time is read again, unless a
 * statm is kept, which is proof by itself. In a tree of plain files neither proves anything:
 * numbers are used again at once and an open file outlives its name. There every start time is read
 * again.
 *
 * Where its row is. Listings come in the same order each time, so each row remembers which one was
 * listed behind it; only where that guess is wrong the pid is looked up.
 *
 * Order. First all rows are gone over: those not listed any more are told as gone, and those whose
 * statm says that their process died while its pid is listed are told as gone and expected anew.
 * Then all are born that were listed and have no row, into the lowest free rows. So a row that
 * changes its subject within a beat tells of the end before the beginning. A process that is not
 * kept open and is replaced by another of the same pid between listing and open is found out in the
 * next beat, by its inode.
 *
 * What may fail. Without a free block nothing is read. When the listing fails nobody is declared
 * gone. When there is no memory for an event the block is dropped, and because the table has gone
 * ahead of what was told, the next one begins by telling that everyone is gone, and all are born
 * anew.
 */
#include "collect/process_internal.h"
#include "collect/system_internal.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- listing ---- */

/* linux_dirent64 */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type; /* DT_DIR, or 0 where the file system does not say */
    char name[];
};

enum { ENTRY_UNKNOWN = 0, ENTRY_DIRECTORY = 4, BIRTHS_MIN = 64 };

void mw_process_expect(struct mw_process_reader *self, const struct mw_process_birth *birth)
{
    struct mw_process_births *births = &self->births;

    if (births->count == births->capacity) {
        uint32_t capacity = births->capacity > 0 ? births->capacity * 2 : BIRTHS_MIN;
        struct mw_process_birth *grown = realloc(births->items, capacity * sizeof(*grown));

        if (grown == NULL)
            return;
        births->items = grown;
        births->capacity = capacity;
    }
    births->items[births->count++] = *birth;
}

/* The number that a name is, 0 when it is no pid. The kernel's own limit is 2^22. */
static uint32_t pid_of(const char *name)
{
    enum { NINE_DIGITS = 999999999 };
    uint32_t pid = 0;

    if (*name == '0')
        return 0;
    for (; *name >= '0' && *name <= '9'; name++) {
        if (pid > NINE_DIGITS / 10)
            return 0;
        pid = pid * 10 + (uint32_t)(*name - '0');
    }
    return *name == '\0' ? pid : 0;
}

/* `guess` is where the row was found the last time; returns the row, or MW_PROCESS_NONE. */
static uint32_t note_listed(struct mw_process_reader *self, uint32_t guess, uint32_t pid,
                            uint64_t inode)
{
    struct mw_process_table *table = &self->table;
    uint32_t row = guess;
    struct mw_process *process;

    if (row >= table->used || table->rows[row].pid != pid)
        row = mw_process_table_find(table, pid);
    if (row == MW_PROCESS_NONE) {
        mw_process_expect(self, &(struct mw_process_birth){inode, pid});
        return row;
    }
    process = &table->rows[row];
    process->listed = self->beat;
    if (process->inode != inode) {
        process->inode = inode;
        process->flags |= MW_PROCESS_MOVED;
    }
    return row;
}

/* Goes over the entries that getdents64 put into the buffer; *before is the row listed last. */
static void note_entries(struct mw_process_reader *self, size_t size, uint32_t *before)
{
    size_t at = 0;

    while (at < size) {
        const struct entry *entry = (const void *)(self->buffer + at);
        uint32_t *hint =
            *before == MW_PROCESS_NONE ? &self->first_listed : &self->table.rows[*before].next;
        uint32_t pid = pid_of(entry->name);

        at += entry->size;
        if (pid != 0 && (entry->type == ENTRY_DIRECTORY || entry->type == ENTRY_UNKNOWN)) {
            uint32_t row = note_listed(self, *hint, pid, entry->inode);

            if (row != MW_PROCESS_NONE) {
                *hint = row;
                *before = row;
            }
        }
    }
}

static int list(struct mw_process_reader *self)
{
    const int fd = self->collector->root_fd;
    uint32_t before = MW_PROCESS_NONE;
    long size;

    self->births.count = 0;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    while ((size = syscall(SYS_getdents64, fd, self->buffer, sizeof(self->buffer))) > 0)
        note_entries(self, (size_t)size, &before);
    return size < 0 ? -errno : 0;
}

/* Makes room for the births, or leaves out those that there is no room for. */
static void reserve(struct mw_process_reader *self)
{
    const uint32_t room = MW_BLOCK_ROWS_MAX - self->table.live;

    if (self->births.count > room) {
        mw_collect_fault(self->collector, "/proc", "there are more processes than rows", -E2BIG,
                         self->births.items[room].pid);
        self->births.count = room;
    }
    if (mw_process_table_reserve(&self->table, self->births.count) < 0)
        self->births.count = 0;
}

/* ---- the slow round ---- */

/* Its rows in this beat: as many of all as the time since the last beat is of the whole round. */
static void turn_round(struct mw_process_reader *self)
{
    const uint64_t passed = self->work.time_ns - self->last_ns;
    const uint32_t rows = self->table.used;

    self->last_ns = self->work.time_ns;
    self->due_first = rows > 0 ? (self->due_first + self->due_count) % rows : 0;
    if (passed >= self->status_ns) {
        self->due_count = rows;
        self->due_rest = 0;
    } else {
        double due = (double)rows * (double)passed / (double)self->status_ns + self->due_rest;

        self->due_count = due < rows ? (uint32_t)due : rows;
        self->due_rest = due < rows ? due - self->due_count : 0;
    }
}

static bool is_due(const struct mw_process_reader *self, uint32_t row, uint32_t rows)
{
    uint32_t place = row >= self->due_first ? row - self->due_first : row + rows - self->due_first;

    return place < self->due_count;
}

/* ---- the beat ---- */

static int go_over_rows(struct mw_process_reader *self)
{
    const uint32_t rows = self->table.used;
    int error = 0;

    for (uint32_t row = 0; row < self->table.used && error == 0; row++) {
        const struct mw_process *process = &self->table.rows[row];

        if (process->pid == 0)
            continue;
        if (process->listed == self->beat)
            error = mw_process_refresh(self, row, is_due(self, row, rows));
        else
            error = mw_process_retire(self, row);
    }
    return error;
}

static int bear_all(struct mw_process_reader *self)
{
    struct mw_process_births *births = &self->births;
    int error = 0;

    for (uint32_t i = 0; i < births->count && error == 0; i++)
        error = mw_process_bear(self, &births->items[i]);
    if (births->capacity > 4 * BIRTHS_MIN && births->count < births->capacity / 8) {
        free(births->items); /* the first beat bears everyone, the others a handful */
        *births = (struct mw_process_births){NULL, 0, 0};
    }
    return error;
}

/* Forgets everyone. */
static void forget(struct mw_process_reader *self)
{
    for (uint32_t row = 0; row < self->table.used; row++)
        mw_process_let_go(self, &self->table.rows[row]);
    mw_process_table_deinit(&self->table);
}

static int tell_all_gone(struct mw_process_reader *self)
{
    const uint32_t rows = mw_block_head(self->last)->rows;
    int error = 0;

    for (uint32_t row = 0; row < rows && error == 0; row++) {
        if (mw_block_keys(self->last)[row].id != 0) {
            error = mw_block_add_event(self->work.block, MW_EVENT_GONE, row, MW_PRESENT, NULL, 0);
            mw_block_clear_row(self->work.block, row);
        }
    }
    return error;
}

static int fill_in(struct mw_process_reader *self)
{
    int error = 0;

    if (self->start_over && self->last != NULL)
        error = tell_all_gone(self);
    if (error == 0)
        error = go_over_rows(self);
    if (error == 0)
        error = bear_all(self);
    mw_process_table_trim(&self->table);
    return error;
}

/* ---- the boot ---- */

/* "btime" of <root>/stat, in ms. */
static int read_boot_ms(const struct mw_collector *collector, uint64_t *ret)
{
    struct mw_text buffer = {0};
    struct mw_scan text, line;
    uint64_t seconds = 0;
    int error = mw_text_read_file(&buffer, collector->root_fd, "stat", &text);

    while (error == 0 && seconds == 0 && mw_scan_until(&text, '\n', &line))
        if (mw_scan_literal(&line, "btime "))
            mw_scan_u64(&line, &seconds);
    mw_text_free(&buffer);
    if (error == 0 && (seconds == 0 || seconds > UINT32_MAX))
        error = -EINVAL;
    if (error == 0)
        *ret = seconds * 1000;
    return error;
}

/* Asked in each beat until there is an answer. That gives everyone another key, so all who were
 * told without one are told anew. */
static void find_boot(struct mw_process_reader *self)
{
    const bool missed = self->boot_error < 0;

    if (self->boot_ms != 0)
        return;
    self->boot_error = read_boot_ms(self->collector, &self->boot_ms);
    if (missed && self->boot_error == 0) {
        forget(self);
        self->start_over = true;
    }
}

/* Lists, and takes a block of the size that this asks for. Nothing is lost when it fails. */
static int begin(struct mw_process_reader *self)
{
    struct mw_collector *collector = self->collector;
    int error;

    self->beat++;
    mw_collect_start(collector, &collector->process, &self->work);
    error = list(self);
    if (error < 0) {
        mw_collect_fault(collector, "/proc", "it cannot be listed", error, 0);
        return error;
    }
    reserve(self);
    return mw_collect_take(&self->work, self->last, self->table.used + self->births.count);
}

int mw_collector_read_processes(struct mw_collector *self, struct mw_block **ret)
{
    struct mw_process_reader *reader = self->process_reader;
    int error;

    find_boot(reader);
    error = begin(reader);
    if (error < 0)
        return error;
    if (reader->beat >= reader->balance_beat)
        mw_process_balance(reader);
    turn_round(reader);
    error = fill_in(reader);
    if (error == 0)
        error = mw_collect_end(self, &reader->work, ret);
    reader->work.block = mw_block_unref(reader->work.block);
    if (error < 0) {
        forget(reader);
        reader->start_over = true;
        return error;
    }
    reader->start_over = false;
    mw_block_unref(reader->last);
    reader->last = mw_block_ref(*ret);
    return 0;
}

/* ---- life ---- */

static bool is_proc(int fd)
{
    struct statfs system;

    return fstatfs(fd, &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
}

int mw_process_reader_create(struct mw_collector *collector,
                             const struct mw_collect_options *options,
                             struct mw_process_reader **ret)
{
    struct mw_process_reader *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return -ENOMEM;
    self->collector = collector;
    self->plain = !is_proc(collector->root_fd);
    self->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    self->ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK);
    self->status_ns = (uint64_t)options->status_interval_s * MW_NS_PER_S;
    self->last_ns = mw_clock_monotonic_ns(collector->clock);
    self->budget = options->keep_fds;
    self->balance_beat = 2; /* when the sizes of the first beat are known */
    mw_process_view_init(self);
    *ret = self;
    return 0;
}

struct mw_process_reader *mw_process_reader_destroy(struct mw_process_reader *self)
{
    if (self != NULL) {
        forget(self);
        mw_process_view_deinit(self);
        free(self->births.items);
        mw_block_unref(self->last);
        free(self);
    }
    return NULL;
}
