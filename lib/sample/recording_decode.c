/* The inverse of put_payload() in recording_write.c, on bytes that nobody vouches for. The checksum
 * was right, so what is refused here was written by a broken or a malicious program. */
#include "base/utf8.h"
#include "sample/recording_internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* A block in the making. */
struct decoding {
    struct mw_wire_in *in;
    const struct mw_recorded_source *source;
    const struct mw_block *before; /* what it differs from; NULL = an empty one */
    uint32_t rows, rows_before;
    struct mw_block *block;
};

static int refuse_at(const struct mw_wire_in *in, size_t at, const char *expected)
{
    return mw_recording_refuse(in->reader, in->offset + at, "%s", expected);
}

/* ---- events ---- */

struct event {
    uint64_t type, absence, row;
    struct mw_block_key key;
    const char *text;
    size_t size;
};

static int read_event(const struct decoding *self, struct event *ret)
{
    struct mw_wire_in *in = self->in;

    int r = mw_wire_number(in, "a type of event", UINT8_MAX, &ret->type);
    if (r == 0)
        r = mw_wire_number(in, "an absence", MW_ABSENCE_COUNT - 1, &ret->absence);
    if (r == 0 && self->rows == 0)
        r = refuse_at(in, in->at, "no event in a block without rows");
    if (r == 0)
        r = mw_wire_number(in, "the row of an event", self->rows - 1, &ret->row);
    if (r == 0)
        r = mw_wire_number(in, "the id of a subject", UINT64_MAX, &ret->key.id);
    if (r == 0)
        r = mw_wire_number(in, "the birth of a subject", UINT64_MAX, &ret->key.birth);
    if (r == 0)
        r = mw_wire_text(in, "the text of an event", MW_BLOCK_TEXT_MAX, &ret->text, &ret->size);
    return r;
}

static bool takes_text(const struct event *self)
{
    return (self->type == MW_EVENT_NAME || self->type == MW_EVENT_CGROUP) &&
           self->absence == MW_PRESENT;
}

static int add_event(const struct decoding *self)
{
    size_t at = self->in->at;
    struct event event;

    int r = read_event(self, &event);
    if (r < 0 || event.type > MW_EVENT_GONE)
        return r;
    if (event.size > 0 && !takes_text(&event))
        return refuse_at(self->in, at, "an event without text");
    if (!mw_utf8_valid(event.text, event.size) || memchr(event.text, 0, event.size))
        return refuse_at(self->in, at, "an event whose text is UTF-8 without NUL");
    mw_block_set_key(self->block, (uint32_t)event.row, event.key);
    r = mw_block_add_event(self->block, (enum mw_block_event_type)event.type, (uint32_t)event.row,
                           (enum mw_absence)event.absence, event.text, event.size);
    return r == -E2BIG ? refuse_at(self->in, at, "less text in one frame") : r;
}

static struct mw_block_key key_before(const struct decoding *self, uint32_t row)
{
    return row < self->rows_before ? mw_block_keys(self->before)[row] : (struct mw_block_key){0, 0};
}

/* An event takes its key from its row, which therefore goes through all subjects that it had. Then
 * the row is put back to the subject before: which one it has now, the rows say. */
static int add_events(const struct decoding *self, uint64_t count)
{
    struct mw_wire_in *in = self->in;
    size_t begin = in->at;
    struct event event;
    int r = 0;

    for (uint64_t i = 0; r == 0 && i < count; i++)
        r = add_event(self);
    if (r < 0)
        return r;
    in->at = begin;
    for (uint64_t i = 0; r == 0 && i < count; i++) {
        r = read_event(self, &event);
        if (r == 0)
            mw_block_set_key(self->block, (uint32_t)event.row,
                             key_before(self, (uint32_t)event.row));
    }
    return r;
}

/* ---- rows ---- */

static int read_whole_number(const struct decoding *self, enum mw_reading reading, uint32_t row,
                             bool fresh, union mw_value *ret)
{
    union mw_value before = {.u = 0};
    uint64_t difference;

    int r = mw_wire_number(self->in, "a value", UINT64_MAX, &difference);
    if (r < 0)
        return r;
    if (reading != MW_NONE && !fresh && row < self->rows_before)
        mw_block_get(self->before, reading, row, &before);
    ret->u = before.u + mw_wire_unzigzag(difference);
    return 0;
}

/* *ret_sound says whether a collector could have given that value. */
static int read_value(const struct decoding *self, const struct mw_recorded_column *column,
                      uint32_t row, bool fresh, union mw_value *ret, bool *ret_sound)
{
    const uint8_t *bytes;
    int r;

    *ret_sound = true;
    switch (column->value) {
    case MW_VALUE_F64:
        r = mw_wire_take(self->in, "a value", sizeof ret->u, &bytes);
        if (r == 0)
            ret->u = mw_wire_load_u64(bytes);
        *ret_sound = r == 0 && isfinite(ret->f);
        return r;
    case MW_VALUE_TEXT:
        r = mw_wire_number(self->in, "a character", UINT64_MAX, &ret->u);
        *ret_sound = r == 0 && ret->u > ' ' && ret->u <= '~';
        return r;
    case MW_VALUE_U64:
    case MW_VALUE_I64:
        break;
    }
    return read_whole_number(self, column->reading, row, fresh, ret);
}

static int read_cell(const struct decoding *self, const struct mw_recorded_column *column,
                     uint32_t row, bool fresh, enum mw_absence absence)
{
    union mw_value value = {.u = 0};
    bool sound = true;

    if (absence == MW_PRESENT) {
        int r = read_value(self, column, row, fresh, &value, &sound);
        if (r < 0)
            return r;
    }
    if (column->reading == MW_NONE)
        return 0;
    if (absence == MW_PRESENT && sound)
        mw_block_put(self->block, column->reading, row, value);
    else
        mw_block_put_absent(self->block, column->reading, row, sound ? absence : MW_ABSENT_STALE);
    return 0;
}

static int read_cells(const struct decoding *self, uint32_t row, bool fresh)
{
    const struct mw_recorded_source *source = self->source;
    uint64_t cell, next = 0;

    for (;;) {
        size_t at = self->in->at;

        int r = mw_wire_number(self->in, "a cell", UINT32_MAX, &cell);
        if (r < 0 || cell == CELL_END)
            return r;
        next += cell >> CELL_SHIFT;
        if ((cell & CELL_ABSENCE) >= MW_ABSENCE_COUNT || next >= source->columns)
            return refuse_at(self->in, at, "a cell of one of the columns of its source");
        r = read_cell(self, &source->column[next], row, fresh,
                      (enum mw_absence)(cell & CELL_ABSENCE));
        if (r < 0)
            return r;
        next++;
    }
}

static int read_fresh_key(const struct decoding *self, uint32_t row)
{
    struct mw_block_key key;

    int r = mw_wire_number(self->in, "the id of a subject", UINT64_MAX, &key.id);
    if (r == 0)
        r = mw_wire_number(self->in, "the birth of a subject", UINT64_MAX, &key.birth);
    if (r < 0)
        return r;
    mw_block_clear_row(self->block, row);
    mw_block_set_key(self->block, row, key);
    return 0;
}

static int read_rows(const struct decoding *self)
{
    struct mw_wire_in *in = self->in;
    uint64_t step, next = 0;
    int r = 0;

    while (r == 0 && in->at < in->size) {
        size_t at = in->at;

        r = mw_wire_number(in, "a row", UINT32_MAX, &step);
        if (r < 0)
            return r;
        next += step >> ROW_SHIFT;
        if (next >= self->rows)
            return refuse_at(in, at, "a row of the block");
        if (step & ROW_FRESH)
            r = read_fresh_key(self, (uint32_t)next);
        if (r == 0)
            r = read_cells(self, (uint32_t)next, step & ROW_FRESH);
        next++;
    }
    return r;
}

/* ---- the block ---- */

static int check_head(const struct mw_wire_in *in, const struct mw_recorded_source *source,
                      const struct mw_recording_frame_head *head)
{
    uint64_t rows_before = 0;

    if (!(head->flags & FLAG_KEY)) {
        if (!source->last)
            return refuse_at(in, 0,
                             "a frame that stands for itself: none of its source came before");
        rows_before = mw_block_head(source->last)->rows;
    }
    if (head->seq == 0)
        return refuse_at(in, 0, "a sequence number over 0");
    if (mw_kind_has_one_subject(mw_source_kind(source->source)) && head->rows > 1)
        return refuse_at(in, 0, "at most one row of a source with one subject");
    if (head->rows > rows_before + (in->size - in->at))
        return refuse_at(in, 0, "no more rows than the frame has bytes for");
    if (head->events > in->size - in->at)
        return refuse_at(in, 0, "no more events than the frame has bytes for");
    return 0;
}

static int fill(const struct decoding *self, const struct mw_recording_frame_head *head)
{
    mw_block_set_time(self->block, head->seq, (int64_t)mw_wire_unzigzag(head->time_ms),
                      head->time_ns);
    for (uint32_t row = self->rows; row < self->rows_before; row++)
        mw_block_clear_row(self->block, row);
    int r = add_events(self, head->events);
    if (r == 0)
        r = read_rows(self);
    return r == 0 ? mw_block_finish(self->block) : r;
}

int mw_recording_decode(struct mw_wire_in *in, const struct mw_recorded_source *source,
                        const struct mw_recording_frame_head *head, struct mw_block **ret)
{
    struct decoding decoding = {.in = in, .source = source, .rows = (uint32_t)head->rows};

    int r = check_head(in, source, head);
    if (r < 0)
        return r;
    if (!(head->flags & FLAG_KEY)) {
        decoding.before = source->last;
        decoding.rows_before = mw_block_head(source->last)->rows;
    }
    r = mw_block_take(source->pool, decoding.before, decoding.rows, &decoding.block);
    if (r < 0)
        return r;
    r = fill(&decoding, head);
    if (r < 0) {
        mw_block_unref(decoding.block);
        return r;
    }
    *ret = decoding.block;
    return 0;
}
