/* A sealed chunk:
 *
 *     head       first and last time, size, rows, columns
 *     u16 each   size of the times, and of every column; the top bit: it has absences
 *     times
 *     columns    where there are absences, runs of (reason, length - 1) over all rows; then the
 *                numbers that are there
 *     pad
 *
 * Chunks are never read from outside this process: what decodes them trusts them.
 */
#include "store/ring_internal.h"

#include <errno.h>
#include <string.h>

/* What encoders may write behind the end, and the rounding of a chunk's size. */
#define SCRATCH_PAD ((size_t)2 * MW_COLUMN_PAD)

enum { ABSENCES = 0x8000, RUN_MAX = 256 };

/* ---- open chunks ---- */

size_t mw_open_size(unsigned columns)
{
    return MW_RING_OPEN_ROWS * (8 + columns * (size_t)(8 + 1));
}

struct mw_open mw_open_at(void *payload, unsigned columns)
{
    struct mw_open open = {.numbers = payload};

    open.reasons = (uint8_t *)(open.numbers + (size_t)MW_RING_OPEN_ROWS * (1 + columns));
    return open;
}

void mw_open_read(const struct mw_open *open, unsigned columns, unsigned rows, int column,
                  uint64_t *ret_numbers, uint8_t *ret_reasons)
{
    const uint64_t *numbers = open->numbers + column + 1;
    const uint8_t *reasons = open->reasons + column;

    for (unsigned i = 0; i < rows; i++)
        ret_numbers[i] = numbers[i * (size_t)(columns + 1)];
    for (unsigned i = 0; column >= 0 && i < rows; i++)
        ret_reasons[i] = reasons[i * (size_t)columns];
}

/* ---- absences ---- */

static bool any_absent(const uint8_t *reasons, unsigned rows)
{
    uint8_t any = 0;

    for (unsigned i = 0; i < rows; i++)
        any |= reasons[i];
    return any != 0;
}

static size_t put_absences(const uint8_t *reasons, unsigned rows, unsigned char *out)
{
    size_t size = 0;

    for (unsigned i = 0, run; i < rows; i += run) {
        run = 1;
        while (i + run < rows && run < RUN_MAX && reasons[i + run] == reasons[i])
            run++;
        out[size++] = reasons[i];
        out[size++] = (unsigned char)(run - 1);
    }
    return size;
}

static const unsigned char *get_absences(const unsigned char *in, unsigned rows, uint8_t *ret)
{
    for (unsigned i = 0; i < rows; in += 2) {
        unsigned run = in[1] + 1u;

        memset(ret + i, in[0], run);
        i += run;
    }
    return in;
}

static unsigned gather(const uint64_t *numbers, const uint8_t *reasons, unsigned rows,
                       uint64_t *ret)
{
    unsigned count = 0;

    for (unsigned i = 0; i < rows; i++)
        if (reasons[i] == 0)
            ret[count++] = numbers[i];
    return count;
}

/* The other way, in place: from the last one on, so nothing is overwritten before it is moved. */
static void scatter(uint64_t *numbers, const uint8_t *reasons, unsigned rows, unsigned count)
{
    for (unsigned i = rows; i-- > 0;)
        numbers[i] = reasons[i] == 0 ? numbers[--count] : 0;
}

static unsigned count_present(const uint8_t *reasons, unsigned rows)
{
    unsigned count = 0;

    for (unsigned i = 0; i < rows; i++)
        count += reasons[i] == 0;
    return count;
}

/* ---- reading ---- */

void mw_chunk_read(const unsigned char *chunk, enum mw_ring_form form, int column,
                   uint64_t *ret_numbers, uint8_t *ret_reasons)
{
    const struct mw_chunk_head *head = (const void *)chunk;
    const uint16_t *sizes = (const void *)(head + 1);
    const unsigned char *in = (const void *)(sizes + 1 + head->columns);
    unsigned rows = head->rows, at = (unsigned)(column + 1), count;

    for (unsigned i = 0; i < at; i++)
        in += sizes[i] & ~ABSENCES;
    if (sizes[at] & ABSENCES) {
        in = get_absences(in, rows, ret_reasons);
        count = count_present(ret_reasons, rows);
        mw_column_decode(form, in, count, ret_numbers);
        scatter(ret_numbers, ret_reasons, rows, count);
        return;
    }
    if (ret_reasons != NULL)
        memset(ret_reasons, 0, rows);
    mw_column_decode(form, in, rows, ret_numbers);
}

/* ---- writing ---- */

int mw_chunk_begin(struct mw_chunk_writer *self, struct mw_store *store,
                   const struct mw_chunk_head *head, enum mw_effort effort)
{
    size_t size = sizeof(*head) + sizeof(uint16_t) * (1 + (size_t)head->columns);
    unsigned char *bytes = mw_store_scratch(store, size + SCRATCH_PAD);

    if (bytes == NULL)
        return -ENOMEM;
    memcpy(bytes, head, sizeof(*head));
    *self = (struct mw_chunk_writer){store, bytes, size, head->rows, head->columns, 0, effort};
    return 0;
}

int mw_chunk_put(struct mw_chunk_writer *self, enum mw_ring_form form, const uint64_t *numbers,
                 const uint8_t *reasons)
{
    size_t most = 2 * (size_t)self->rows + mw_column_bound(self->rows);
    uint64_t present[MW_RING_CHUNK_ROWS_MAX];
    unsigned count = self->rows, flag = 0;
    size_t size = 0;
    uint16_t entry;

    self->bytes = mw_store_scratch(self->store, self->size + most + SCRATCH_PAD);
    if (self->bytes == NULL)
        return -ENOMEM;
    if (reasons != NULL && any_absent(reasons, self->rows)) {
        size = put_absences(reasons, self->rows, self->bytes + self->size);
        count = gather(numbers, reasons, self->rows, present);
        numbers = present;
        flag = ABSENCES;
    }
    size += mw_column_encode(form, self->effort, numbers, count, self->bytes + self->size + size);
    entry = (uint16_t)(size | flag);
    memcpy(self->bytes + sizeof(struct mw_chunk_head) + sizeof(entry) * self->next++, &entry,
           sizeof(entry));
    self->size += size;
    return 0;
}

size_t mw_chunk_end(struct mw_chunk_writer *self)
{
    struct mw_chunk_head *head = (void *)self->bytes;

    memset(self->bytes + self->size, 0, SCRATCH_PAD);
    head->size = (uint32_t)((self->size + MW_COLUMN_PAD + 7) & ~(size_t)7);
    return head->size;
}

size_t mw_chunk_bound(unsigned columns, unsigned rows)
{
    return sizeof(struct mw_chunk_head) + MW_COLUMN_PAD + 7 +
           (columns + (size_t)1) * (sizeof(uint16_t) + 2 * (size_t)rows + mw_column_bound(rows));
}
