/* A process that has a row: what changed since the beat before.
 *
 * statm decides. While its bytes are the same, nothing else is read and nothing is written: the
 * block began as a copy of the one before. When they differ, the numbers of statm are put and
 * status is read for the rest. Beside that each process has its turn in the slow round, when status
 * and control group are read whatever statm says.
 *
 * exec. A process keeps pid and start time when it executes another program, but its memory is new,
 * and `growth` must begin anew. Nothing in statm or status says so outright. Signs, each taken only
 * when statm has changed, as it does in every exec:
 *   - the size of the program's code (text) differs: nothing but exec changes that;
 *   - the name differs: exec sets it. So does prctl(PR_SET_NAME), mostly at a program's start; then
 *     growth begins anew a moment after it did;
 *   - the peak has fallen by a quarter and the address space has another size: within one address
 *     space the peak only rises, but for two things that this must not take for an exec. It can be
 *     reset by hand (clear_refs), which changes no size; and kernels that sum per-CPU counters only
 *     roughly can show it a little lower than before, which is no quarter.
 * A process that has ended has a statm of zeros, which is no new program.
 */
#include "collect/process_internal.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- exec ---- */

static uint32_t text_of(const struct mw_statm *statm)
{
    return statm->text_pages < UINT32_MAX ? (uint32_t)statm->text_pages : UINT32_MAX;
}

static bool has_other_name(const struct mw_process *process, const struct mw_status *status)
{
    struct mw_process_text name = {status->name, status->name_size, MW_PRESENT};

    return status->has_name && process->name_mark >= MW_ABSENCE_COUNT &&
           mw_process_mark(name) != process->name_mark;
}

/* Against the row as it was in the block before. */
static bool has_lower_peak(const struct mw_process_reader *self, uint32_t row,
                           const struct mw_statm *statm, const struct mw_status *status)
{
    const struct mw_block *block = self->work.block;
    union mw_value size, peak;

    if (mw_block_get(block, MW_PROCESS_VIRTUAL, row, &size) != MW_PRESENT ||
        mw_block_get(block, MW_PROCESS_PEAK, row, &peak) != MW_PRESENT ||
        (status->found & 1u << MW_STATUS_PEAK) == 0)
        return false;
    return status->values[MW_STATUS_PEAK] < peak.u - peak.u / 4 &&
           size.u / self->page_size != statm->size_pages;
}

static bool has_executed(const struct mw_process_reader *self, uint32_t row,
                         const struct mw_statm *statm, const struct mw_status *status)
{
    const struct mw_process *process = &self->table.rows[row];

    if (statm->size_pages == 0 || process->text_pages == 0)
        return false;
    return text_of(statm) != process->text_pages || has_other_name(process, status) ||
           has_lower_peak(self, row, statm, status);
}

/* ---- statm ---- */

/* The first thread has ended and others go on: what proc says of the process is what it says of
 * that thread, which has no memory any more, while the process has all of it. */
static bool is_headless(const struct mw_statm *statm, const struct mw_status *status)
{
    const uint32_t needed = 1u << MW_STATUS_THREADS | 1u << MW_STATUS_STATE;

    return statm->size_pages == 0 && (status->found & needed) == needed &&
           status->values[MW_STATUS_STATE] == 'Z' && status->values[MW_STATUS_THREADS] > 1;
}

/* Its memory has gone and it is not a zombie yet: that it becomes one would not show in statm. */
static bool is_ending(const struct mw_statm *statm, const struct mw_status *status)
{
    return statm->size_pages == 0 && (status->found & 1u << MW_STATUS_STATE) != 0 &&
           status->values[MW_STATUS_STATE] != 'Z' && status->values[MW_STATUS_STATE] != 'X';
}

/* Without a parsed statm: its readings are absent for this error. */
static void lack_statm(struct mw_process_reader *self, uint32_t row, int error)
{
    struct mw_process *process = &self->table.rows[row];
    enum mw_absence absence = mw_process_absence(error);

    process->statm_hash = 0;
    if (absence == MW_ABSENT_DENIED)
        process->flags |= MW_PROCESS_DENIED;
    mw_process_put_statm_absent(self, row, absence);
    mw_process_fault(self, MW_PROCESS_FILE_STATM, error, process->pid);
}

void mw_process_store_statm(struct mw_process_reader *self, uint32_t row,
                            const struct mw_process_statm *bytes, int error,
                            const struct mw_status *status)
{
    struct mw_process *process = &self->table.rows[row];
    struct mw_statm statm;

    if (error == 0)
        error = mw_parse_statm(bytes->bytes, bytes->size, &statm);
    if (error == 0 && has_executed(self, row, &statm, status))
        process->flags |= MW_PROCESS_NO_FIRST;
    if (error == 0 && !mw_process_put_statm(self, row, &statm))
        error = -ERANGE;
    if (error != 0) {
        lack_statm(self, row, error);
        return;
    }
    process->statm_hash = bytes->hash;
    process->text_pages = text_of(&statm);
    process->flags &= ~(uint32_t)MW_PROCESS_DENIED;
    if (is_headless(&statm, status)) {
        process->statm_hash = 0; /* its last thread's end would not show in statm */
        mw_process_put_statm_absent(self, row, MW_ABSENT_UNSUPPORTED);
    } else if (is_ending(&statm, status)) {
        process->statm_hash = 0;
    }
}

/* Of a tree of plain files: another file has this name now, or none. */
static bool is_replaced(int fd)
{
    struct stat file;

    return fstat(fd, &file) < 0 || file.st_nlink == 0;
}

static int read_statm(struct mw_process_reader *self, struct mw_process *process,
                      struct mw_process_statm *ret)
{
    int fd, error;

    if (self->plain && process->fd >= 0 && is_replaced(process->fd))
        mw_process_let_go(self, process);
    if (process->fd >= 0)
        return mw_process_read_statm(process->fd, ret);
    fd = mw_process_open(self, process->pid, MW_PROCESS_FILE_STATM);
    if (fd < 0)
        return fd;
    error = mw_process_read_statm(fd, ret);
    mw_process_keep(self, process, fd);
    return error;
}

/* ---- status, name, control group ---- */

/* A text that vanished is not told: its row is gone in the next block, with the text it had. */
static int store_text(struct mw_process_reader *self, enum mw_block_event_type type, uint32_t row,
                      struct mw_process_text text)
{
    return text.absence != MW_ABSENT_VANISHED ? mw_process_put_text(self, type, row, text) : 0;
}

int mw_process_store_status(struct mw_process_reader *self, uint32_t row,
                            const struct mw_status *status, int error)
{
    struct mw_process *process = &self->table.rows[row];
    struct mw_process_text name = {status->name, status->name_size, MW_PRESENT};

    process->flags &= ~(uint32_t)MW_PROCESS_DUE;
    if (error < 0 && mw_process_absence(error) != MW_ABSENT_DENIED)
        process->flags |= MW_PROCESS_DUE;
    mw_process_put_status(self, row, status, error);
    return status->has_name ? store_text(self, MW_EVENT_NAME, row, name) : 0;
}

/* `statm` NULL: it is what it was. Else its bytes, or with `error` why there are none. */
static int read_news(struct mw_process_reader *self, uint32_t row,
                     const struct mw_process_statm *statm, int error, bool due)
{
    const uint32_t pid = self->table.rows[row].pid;
    struct mw_status status;
    int status_error = mw_process_read_status(self, pid, &status);

    if (statm != NULL)
        mw_process_store_statm(self, row, statm, error, &status);
    error = mw_process_store_status(self, row, &status, status_error);
    if (error == 0 && due)
        error = store_text(self, MW_EVENT_CGROUP, row, mw_process_read_cgroup(self, pid));
    return error;
}

/* ---- the row ---- */

int mw_process_retire(struct mw_process_reader *self, uint32_t row)
{
    struct mw_process *process = &self->table.rows[row];
    int error = 0;

    if ((process->flags & MW_PROCESS_HELD) == 0) {
        error = mw_block_add_event(self->work.block, MW_EVENT_GONE, row, MW_PRESENT, NULL, 0);
        mw_block_clear_row(self->work.block, row);
    }
    mw_process_let_go(self, process);
    mw_process_table_remove(&self->table, row);
    return error;
}

static int renew(struct mw_process_reader *self, uint32_t row)
{
    struct mw_process_birth birth = {self->table.rows[row].inode, self->table.rows[row].pid};
    int error = mw_process_retire(self, row);

    mw_process_expect(self, &birth);
    return error;
}

/* Asked when the inode of its directory has changed; a kept statm is the better proof. */
static bool is_another(struct mw_process_reader *self, const struct mw_process *process)
{
    struct mw_stat stat;
    int error;

    if ((process->fd >= 0 && !self->plain) || (process->flags & MW_PROCESS_NO_START) != 0)
        return false;
    error = mw_process_read_stat(self, process->pid, &stat);
    return error == 0 ? stat.start_ticks != process->start_ticks : mw_process_is_gone(error);
}

/* Whether a process whose start time could not be read has one now: then it is a new subject. */
static bool has_start(struct mw_process_reader *self, const struct mw_process *process)
{
    struct mw_stat stat;

    return (process->flags & MW_PROCESS_NO_START) != 0 &&
           mw_process_read_stat(self, process->pid, &stat) == 0;
}

static int refresh_rare(struct mw_process_reader *self, uint32_t row, bool due)
{
    struct mw_process *process = &self->table.rows[row];
    bool moved = self->plain || (process->flags & MW_PROCESS_MOVED) != 0;

    process->flags &= ~(uint32_t)MW_PROCESS_MOVED;
    if ((process->flags & MW_PROCESS_HELD) != 0)
        return mw_process_still_held(self, process) ? 0 : renew(self, row);
    if ((moved && is_another(self, process)) || (due && has_start(self, process)))
        return renew(self, row);
    return 1;
}

int mw_process_refresh(struct mw_process_reader *self, uint32_t row, bool due)
{
    enum { RARE = MW_PROCESS_MOVED | MW_PROCESS_HELD | MW_PROCESS_NO_START };
    struct mw_process *process = &self->table.rows[row];
    struct mw_process_statm statm;
    int error;

    if ((process->flags & RARE) != 0 || self->plain) {
        int done = refresh_rare(self, row, due);

        if (done <= 0)
            return done;
    }
    if ((process->flags & MW_PROCESS_KERNEL) != 0)
        return due ? read_news(self, row, NULL, 0, due) : 0;
    if ((process->flags & MW_PROCESS_DENIED) != 0 && !due)
        return 0;
    error = read_statm(self, process, &statm);
    if (mw_process_is_gone(error))
        return renew(self, row);
    if (error == 0 && statm.hash == process->statm_hash) {
        due = due || (process->flags & MW_PROCESS_DUE) != 0;
        return due ? read_news(self, row, NULL, 0, due) : 0;
    }
    return read_news(self, row, &statm, error, due);
}
