/* A process that has no row yet: who it is.
 *
 * Four files are read, and between two of them the process may end and its pid go to another. The
 * first one opened is statm, which stays open until all are read and is then read once more: it
 * gives ESRCH if the process it was opened for is no more, and then none of the four is believed.
 * A process that did not live through this is not told of at all.
 *
 * vfork. A child of vfork() runs in its parent's memory until it executes a program: both show the
 * same resident size, and a sum over processes would count it twice. Such a child is held back: it
 * has an entry in the table, so that it is known, but no row in blocks. It is one if it has
 * executed nothing since it was forked (a flag in stat) and its parent is in state D, where vfork
 * leaves it, with the same name and the very same statm. That can be chance: a parent that waits
 * for a disk and has forked a worker. So in each later beat one file is looked at, in turn the
 * child's stat (has it executed something? has its parent changed?) and the parent's (has it left
 * state D?), and any change lets the child be born.
 */
#include "collect/process_internal.h"
#include "collect/system_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct newborn {
    const struct mw_process_birth *birth;
    int fd;
    struct mw_process_statm statm;
    struct mw_stat stat;
    struct mw_status status;
    struct mw_process_text cgroup;
    int statm_error, stat_error, status_error;
    bool held;
};

/* ---- vfork ---- */

static bool has_statm_of(struct mw_process_reader *self, const struct newborn *child,
                         uint32_t parent)
{
    struct mw_process_statm theirs, ours;
    int fd = mw_process_open(self, parent, MW_PROCESS_FILE_STATM);
    int error;

    if (fd < 0)
        return false;
    error = mw_process_read_statm(fd, &theirs);
    close(fd);
    if (error < 0 || mw_process_read_statm(child->fd, &ours) < 0)
        return false;
    /* the child is not stopped: it may have touched a page before or after theirs was read */
    return theirs.hash == child->statm.hash || theirs.hash == ours.hash;
}

static bool has_memory(const struct newborn *child)
{
    struct mw_statm statm;

    return mw_parse_statm(child->statm.bytes, child->statm.size, &statm) == 0 &&
           statm.size_pages > 0;
}

static bool shares_memory(struct mw_process_reader *self, const struct newborn *child)
{
    const struct mw_stat *stat = &child->stat;
    struct mw_stat parent;

    if (!stat->forked_only || stat->ppid == 0 || stat->ppid > INT32_MAX || !has_memory(child) ||
        mw_process_read_stat(self, (uint32_t)stat->ppid, &parent) < 0)
        return false;
    return parent.state == 'D' && parent.name_size == stat->name_size &&
           memcmp(parent.name, stat->name, stat->name_size) == 0 &&
           has_statm_of(self, child, (uint32_t)stat->ppid);
}

bool mw_process_still_held(struct mw_process_reader *self, const struct mw_process *process)
{
    const uint32_t parent = (uint32_t)process->first_rss;
    struct mw_stat stat;

    if (self->beat % 2 == 0) {
        return mw_process_read_stat(self, process->pid, &stat) == 0 && stat.forked_only &&
               stat.ppid == parent;
    }
    return mw_process_read_stat(self, parent, &stat) == 0 && stat.state == 'D';
}

/* ---- meeting it ---- */

/* False when it is no more. */
static bool meet_open(struct mw_process_reader *self, struct newborn *ret)
{
    const uint32_t pid = ret->birth->pid;

    ret->fd = mw_process_open(self, pid, MW_PROCESS_FILE_STATM);
    ret->statm_error = ret->fd >= 0 ? mw_process_read_statm(ret->fd, &ret->statm) : ret->fd;
    if (mw_process_is_gone(ret->statm_error))
        return false;
    ret->stat_error = mw_process_read_stat(self, pid, &ret->stat);
    return !mw_process_is_gone(ret->stat_error);
}

static bool meet(struct mw_process_reader *self, struct newborn *ret)
{
    const uint32_t pid = ret->birth->pid;

    if (!meet_open(self, ret))
        return false;
    ret->held = ret->stat_error == 0 && ret->statm_error == 0 && shares_memory(self, ret);
    if (!ret->held) {
        ret->status_error = mw_process_read_status(self, pid, &ret->status);
        ret->cgroup = mw_process_read_cgroup(self, pid);
    }
    if (ret->fd >= 0)
        ret->statm_error = mw_process_read_statm(ret->fd, &ret->statm);
    return !mw_process_is_gone(ret->statm_error);
}

/* ---- giving it a row ---- */

static void miss_boot(struct mw_process_reader *self)
{
    mw_collect_fault(self->collector, "/proc/stat",
                     self->boot_error == -EINVAL ? "there is no btime in it that makes sense"
                                                 : "it cannot be read",
                     self->boot_error, 0);
}

/* Milliseconds since 1970, or why they are not known: then *ret stays as it is. */
static enum mw_absence find_birth(struct mw_process_reader *self, const struct newborn *newborn,
                                  uint64_t *ret)
{
    const uint64_t ticks = newborn->stat.start_ticks;
    const uint64_t hz = self->ticks_per_s;

    if (newborn->stat_error < 0)
        return mw_process_absence(newborn->stat_error);
    if (self->boot_ms == 0) {
        miss_boot(self);
        return mw_system_absence(self->boot_error);
    }
    if (ticks / hz > UINT32_MAX)
        return MW_ABSENT_STALE;
    *ret = self->boot_ms + ticks / hz * 1000 + ticks % hz * 1000 / hz;
    return MW_PRESENT;
}

static uint32_t add(struct mw_process_reader *self, const struct newborn *newborn)
{
    uint32_t row = mw_process_table_add(&self->table, newborn->birth->pid);
    struct mw_process *process = &self->table.rows[row];

    process->inode = newborn->birth->inode;
    process->listed = self->beat;
    process->flags = MW_PROCESS_WANTED | MW_PROCESS_NO_FIRST;
    if (newborn->held) {
        process->flags |= MW_PROCESS_HELD;
        process->first_rss = newborn->stat.ppid;
    }
    if (newborn->stat_error < 0) {
        process->flags |= MW_PROCESS_NO_START;
    } else {
        process->start_ticks = newborn->stat.start_ticks;
        process->flags |= newborn->stat.kernel_thread ? MW_PROCESS_KERNEL : 0u;
    }
    return row;
}

/* status has the name escaped but whole; stat has it when status is no good. */
static struct mw_process_text name_of(const struct newborn *newborn)
{
    if (newborn->status.has_name) {
        return (struct mw_process_text){newborn->status.name, newborn->status.name_size,
                                        MW_PRESENT};
    }
    if (newborn->stat_error == 0)
        return (struct mw_process_text){newborn->stat.name, newborn->stat.name_size, MW_PRESENT};
    return (struct mw_process_text){NULL, 0, mw_process_absence(newborn->stat_error)};
}

static int tell(struct mw_process_reader *self, uint32_t row, const struct newborn *newborn)
{
    struct mw_block *block = self->work.block;
    struct mw_block_key key = {newborn->birth->pid, 0};
    enum mw_absence absence = find_birth(self, newborn, &key.birth);
    int error;

    mw_block_set_key(block, row, key);
    mw_block_put(block, MW_PROCESS_FIRST_SEEN, row,
                 (union mw_value){.u = (uint64_t)self->work.time_ms});
    mw_process_store_statm(self, row, &newborn->statm, newborn->statm_error, &newborn->status);
    error = mw_block_add_event(block, MW_EVENT_BORN, row, absence, NULL, 0);
    if (error == 0)
        error = mw_process_store_status(self, row, &newborn->status, newborn->status_error);
    if (error == 0)
        error = mw_process_put_text(self, MW_EVENT_NAME, row, name_of(newborn));
    if (error == 0)
        error = mw_process_put_text(self, MW_EVENT_CGROUP, row, newborn->cgroup);
    return error;
}

static bool is_worth_keeping(const struct newborn *newborn)
{
    return !newborn->held && newborn->statm_error == 0 &&
           !(newborn->stat_error == 0 && newborn->stat.kernel_thread);
}

int mw_process_bear(struct mw_process_reader *self, const struct mw_process_birth *birth)
{
    struct newborn newborn = {.birth = birth, .fd = -1};
    uint32_t row;

    if (!meet(self, &newborn)) {
        if (newborn.fd >= 0)
            close(newborn.fd);
        return 0;
    }
    row = add(self, &newborn);
    if (is_worth_keeping(&newborn))
        mw_process_keep(self, &self->table.rows[row], newborn.fd);
    else if (newborn.fd >= 0)
        close(newborn.fd);
    return newborn.held ? 0 : tell(self, row, &newborn);
}
