#include "base/utf8.h"
#include "collect/process_internal.h"

#include <errno.h>
#include <string.h>

/* ---- numbers ---- */

static void put(struct mw_process_reader *self, enum mw_reading reading, uint32_t row,
                uint64_t value)
{
    mw_block_put(self->work.block, reading, row, (union mw_value){.u = value});
}

static bool fits(const struct mw_process_reader *self, uint64_t pages)
{
    return pages <= MW_READING_MAX / self->page_size;
}

static const enum mw_reading statm_readings[] = {MW_PROCESS_RSS, MW_PROCESS_RSS_ANON,
                                                 MW_PROCESS_VIRTUAL, MW_PROCESS_GROWTH};

void mw_process_put_statm_absent(struct mw_process_reader *self, uint32_t row,
                                 enum mw_absence absence)
{
    for (size_t i = 0; i < sizeof(statm_readings) / sizeof(statm_readings[0]); i++)
        mw_block_put_absent(self->work.block, statm_readings[i], row, absence);
}

bool mw_process_put_statm(struct mw_process_reader *self, uint32_t row,
                          const struct mw_statm *statm)
{
    struct mw_process *process = &self->table.rows[row];
    const uint64_t page = self->page_size;
    uint64_t rss;

    if (!fits(self, statm->size_pages) || !fits(self, statm->resident_pages))
        return false;
    rss = statm->resident_pages * page;
    if ((process->flags & MW_PROCESS_NO_FIRST) != 0) {
        process->flags &= ~(uint32_t)MW_PROCESS_NO_FIRST;
        process->first_rss = rss;
    }
    put(self, MW_PROCESS_RSS, row, rss);
    put(self, MW_PROCESS_RSS_ANON, row, (statm->resident_pages - statm->shared_pages) * page);
    put(self, MW_PROCESS_VIRTUAL, row, statm->size_pages * page);
    mw_block_put(self->work.block, MW_PROCESS_GROWTH, row,
                 (union mw_value){.i = (int64_t)rss - (int64_t)process->first_rss});
    return true;
}

static const enum mw_reading status_readings[MW_STATUS_FIELDS] = {
    [MW_STATUS_RSS_FILE] = MW_PROCESS_RSS_FILE,
    [MW_STATUS_RSS_SHMEM] = MW_PROCESS_RSS_SHMEM,
    [MW_STATUS_SWAP] = MW_PROCESS_SWAP,
    [MW_STATUS_PEAK] = MW_PROCESS_PEAK,
    [MW_STATUS_PAGE_TABLES] = MW_PROCESS_PAGE_TABLES,
    [MW_STATUS_THREADS] = MW_PROCESS_THREADS,
    [MW_STATUS_PPID] = MW_PROCESS_PPID,
    [MW_STATUS_UID] = MW_PROCESS_UID,
    [MW_STATUS_STATE] = MW_PROCESS_STATE};

void mw_process_put_status(struct mw_process_reader *self, uint32_t row,
                           const struct mw_status *status, int error)
{
    enum mw_absence absence = error == 0 ? MW_ABSENT_UNSUPPORTED : mw_process_absence(error);

    for (uint32_t field = 0; field < MW_STATUS_FIELDS; field++)
        if ((status->found & 1u << field) != 0)
            put(self, status_readings[field], row, status->values[field]);
        else
            mw_block_put_absent(self->work.block, status_readings[field], row, absence);
}

/* ---- texts ---- */

/* Below MW_ABSENCE_COUNT it is a reason, above the hash (FNV-1a) of a text. */
uint32_t mw_process_mark(struct mw_process_text text)
{
    uint32_t hash = 2166136261u;

    if (text.absence != MW_PRESENT)
        return text.absence;
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.bytes[i]) * 16777619u;
    return hash >= MW_ABSENCE_COUNT ? hash : hash + MW_ABSENCE_COUNT;
}

/* The kernel puts no NUL into names; elsewhere one would end them for most readers. */
static size_t until_nul(const char *bytes, size_t size)
{
    const char *nul = size > 0 ? memchr(bytes, '\0', size) : NULL;

    return nul != NULL ? (size_t)(nul - bytes) : size;
}

static int tell(struct mw_process_reader *self, enum mw_block_event_type type, uint32_t row,
                struct mw_process_text text)
{
    char escaped[MW_BLOCK_TEXT_MAX];
    size_t size = 0;
    int error;

    if (text.absence == MW_PRESENT) {
        size =
            mw_utf8_escape(text.bytes, until_nul(text.bytes, text.size), escaped, sizeof(escaped));
    }
    error = mw_block_add_event(self->work.block, type, row, text.absence, escaped, size);
    if (error == -E2BIG)
        error = mw_block_add_event(self->work.block, type, row, MW_ABSENT_STALE, NULL, 0);
    return error;
}

int mw_process_put_text(struct mw_process_reader *self, enum mw_block_event_type type, uint32_t row,
                        struct mw_process_text text)
{
    struct mw_process *process = &self->table.rows[row];
    uint32_t *told = type == MW_EVENT_NAME ? &process->name_mark : &process->cgroup_mark;
    uint32_t mark = mw_process_mark(text);
    int error = 0;

    if (mark != *told) {
        error = tell(self, type, row, text);
        *told = mark;
    }
    return error;
}
