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

/* ---- open rows ---- */

size_t mw_open_size(unsigned columns)
{
    return MW_RING_OPEN_ROWS * (8 + columns * (size_t)(8 + 1));
}

struct mw_open mw_open_at(void *memory, unsigned columns)
{
    struct mw_open open = {.numbers = memory};

    open.reasons = (uint8_t *)(open.numbers + (size_t)MW_RING_OPEN_ROWS * (1 + columns));
    return open;
}

void mw_open_read(const struct mw_open *open, unsigned columns, int column, uint64_t *ret_numbers,
                  uint8_t *ret_reasons)
{
    const uint64_t *numbers = open->numbers + column + 1;
    const uint8_t *reasons = open->reasons + column;

    for (unsigned i = 0; i < open->rows; i++)
        ret_numbers[i] = numbers[i * (size_t)(columns + 1)];
    if (column < 0)
        return;
    if (!open->absent)
        memset(ret_reasons, 0, open->rows);
    for (unsigned i = 0; open->absent && i < open->rows; i++)
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

struct mw_chunk_reader mw_chunk_open(const unsigned char *chunk, bool packed)
{
    const struct mw_chunk_head *head = (const void *)chunk;
    const uint16_t *sizes = (const void *)(head + 1);

    return (struct mw_chunk_reader){(const void *)(sizes + 1 + head->columns), sizes, head->rows,
                                    packed};
}

void mw_chunk_skip(struct mw_chunk_reader *self, unsigned columns)
{
    for (unsigned i = 0; i < columns; i++)
        self->in += *self->size++ & ~ABSENCES;
}

static void read_numbers(const struct mw_chunk_reader *self, enum mw_ring_form form,
                         const unsigned char *in, unsigned count, uint64_t *ret_numbers)
{
    if (self->packed)
        mw_column_unpack(form, in, count, ret_numbers);
    else
        mw_column_decode(form, in, count, ret_numbers);
}

bool mw_chunk_next(struct mw_chunk_reader *self, enum mw_ring_form form, uint64_t *ret_numbers,
                   uint8_t *ret_reasons)
{
    const unsigned char *in = self->in;
    bool absent = *self->size & ABSENCES;
    unsigned count;

    mw_chunk_skip(self, 1);
    if (!absent) {
        if (ret_reasons != NULL)
            memset(ret_reasons, 0, self->rows);
        read_numbers(self, form, in, self->rows, ret_numbers);
        return false;
    }
    in = get_absences(in, self->rows, ret_reasons);
    count = count_present(ret_reasons, self->rows);
    read_numbers(self, form, in, count, ret_numbers);
    scatter(ret_numbers, ret_reasons, self->rows, count);
    return true;
}

/* ---- writing ---- */

int mw_chunk_begin(struct mw_chunk_writer *self, struct mw_store *store,
                   const struct mw_chunk_head *head, bool packed)
{
    size_t size = sizeof(*head) + sizeof(uint16_t) * (1 + (size_t)head->columns);
    unsigned char *bytes = mw_store_scratch(store, size + SCRATCH_PAD);

    if (bytes == NULL)
        return -ENOMEM;
    /* Field by field: copied in words, it would wait for its halves to arrive in memory. */
    *(struct mw_chunk_head *)(void *)bytes = (struct mw_chunk_head){
        .first = head->first, .last = head->last, .rows = head->rows, .columns = head->columns};
    *self = (struct mw_chunk_writer){store, bytes, size, head->rows, head->columns, 0, packed};
    return 0;
}

static size_t write_numbers(const struct mw_chunk_writer *self, enum mw_ring_form form,
                            const uint64_t *numbers, unsigned count, unsigned char *out)
{
    return self->packed ? mw_column_pack(form, numbers, count, out)
                        : mw_column_encode(form, numbers, count, out);
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
    size += write_numbers(self, form, numbers, count, self->bytes + self->size + size);
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
