#include "sample/recording_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct writer_source {
    struct mw_block *last; /* of the newest frame, NULL before the first */
    uint32_t since_key;    /* frames since the one that stood for itself */
};

struct mw_recording_writer {
    struct mw_crc crc;
    uint32_t page_size;
    struct mw_wire_out out;
    struct writer_source source[MW_RECORDED_SOURCES];
};

int mw_recording_writer_create(uint32_t page_size, struct mw_recording_writer **ret)
{
    struct mw_recording_writer *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    mw_crc_init(&self->crc);
    self->page_size = page_size;
    *ret = self;
    return 0;
}

struct mw_recording_writer *mw_recording_writer_destroy(struct mw_recording_writer *self)
{
    if (!self)
        return NULL;
    for (int i = 0; i < MW_RECORDED_SOURCES; i++)
        mw_block_unref(self->source[i].last);
    free(self->out.bytes);
    free(self);
    return NULL;
}

static void restart(struct mw_wire_out *out)
{
    out->size = 0;
    out->failed = false;
}

/* ---- header ---- */

static void put_word(struct mw_wire_out *out, const char *word)
{
    mw_wire_put_text(out, word, strlen(word));
}

static void put_source(struct mw_wire_out *out, enum mw_source source)
{
    uint16_t columns = mw_source_columns(source);

    put_word(out, mw_source_word(source));
    mw_wire_put_varint(out, columns);
    for (uint32_t i = 0; i < columns; i++) {
        const struct mw_reading_info *info =
            mw_reading_info((enum mw_reading)(mw_source_first(source) + i));
        uint8_t type = (uint8_t)info->value;

        mw_wire_put(out, &type, 1);
        put_word(out, info->id);
    }
}

int mw_recording_write_header(struct mw_recording_writer *self, struct mw_recording_bytes *ret)
{
    struct mw_wire_out *out = &self->out;

    restart(out);
    mw_wire_put(out, MW_RECORDING_MAGIC, MW_RECORDING_MAGIC_SIZE);
    mw_wire_put_u32(out, MW_RECORDING_VERSION);
    mw_wire_put_u32(out, 0);
    mw_wire_put_u32(out, 0);
    mw_wire_put_varint(out, self->page_size);
    put_word(out, MW_VERSION);
    mw_wire_put_varint(out, MW_RECORDED_SOURCES);
    for (int i = 0; i < MW_RECORDED_SOURCES; i++)
        put_source(out, mw_recorded_sources[i]);
    if (out->failed)
        return -ENOMEM;
    uint8_t *head = out->bytes + MW_RECORDING_MAGIC_SIZE;
    size_t body = out->size - MW_RECORDING_HEADER_HEAD;
    mw_wire_store_u32(head + 4, (uint32_t)body);
    uint32_t crc = mw_crc_of(&self->crc, 0, head, 8);
    mw_wire_store_u32(head + 8, mw_crc_of(&self->crc, crc, head + 12, body));
    *ret = (struct mw_recording_bytes){out->bytes, out->size};
    return 0;
}

/* ---- frame ---- */

/* A block and what it is compared with. */
struct difference {
    const struct mw_block *block;
    const struct mw_block *before; /* NULL = an empty one */
    uint32_t rows, rows_before;
};

static bool same_key(struct mw_block_key a, struct mw_block_key b)
{
    return a.id == b.id && a.birth == b.birth;
}

static bool is_fresh(const struct difference *self, uint32_t row)
{
    struct mw_block_key none = {0, 0};
    struct mw_block_key before = row < self->rows_before ? mw_block_keys(self->before)[row] : none;

    return !same_key(mw_block_keys(self->block)[row], before);
}

static void put_value(struct mw_wire_out *out, enum mw_value_type type, union mw_value value,
                      union mw_value before)
{
    if (type == MW_VALUE_F64)
        mw_wire_put_u64(out, value.u);
    else if (type == MW_VALUE_TEXT)
        mw_wire_put_varint(out, value.u);
    else
        mw_wire_put_varint(out, mw_wire_zigzag(value.u - before.u));
}

/* The cells of a row that differ; with `fresh`, from those of an empty row. */
static void put_cells(struct mw_wire_out *out, const struct difference *self, uint32_t row,
                      bool fresh)
{
    enum mw_source source = (enum mw_source)mw_block_head(self->block)->source;
    uint32_t columns = mw_source_columns(source), next = 0;

    for (uint32_t i = 0; i < columns; i++) {
        enum mw_reading reading = (enum mw_reading)(mw_source_first(source) + i);
        union mw_value value = {.u = 0}, before = {.u = 0};
        enum mw_absence absence = mw_block_get(self->block, reading, row, &value);
        enum mw_absence absence_before =
            fresh ? MW_ABSENT_UNSUPPORTED : mw_block_get(self->before, reading, row, &before);

        if (absence == absence_before && (absence != MW_PRESENT || value.u == before.u))
            continue;
        mw_wire_put_varint(out, (uint64_t)(i - next) << CELL_SHIFT | absence);
        if (absence == MW_PRESENT)
            put_value(out, mw_reading_info(reading)->value, value, before);
        next = i + 1;
    }
}

static void put_rows(struct mw_wire_out *out, const struct difference *self)
{
    uint32_t next = 0;

    for (uint32_t row = 0; row < self->rows; row++) {
        bool fresh = is_fresh(self, row), beyond = row >= self->rows_before;
        struct mw_block_key key = mw_block_keys(self->block)[row];
        size_t begin = out->size;

        mw_wire_put_varint(out, (uint64_t)(row - next) << ROW_SHIFT | fresh);
        if (fresh) {
            mw_wire_put_varint(out, key.id);
            mw_wire_put_varint(out, key.birth);
        }
        size_t cells = out->size;
        put_cells(out, self, row, fresh || beyond);
        if (out->size == cells && !fresh && !beyond) {
            out->size = begin; /* nothing differs */
            continue;
        }
        mw_wire_put_varint(out, CELL_END);
        next = row + 1;
    }
}

static void put_events(struct mw_wire_out *out, const struct mw_block *block)
{
    const struct mw_block_event *event = mw_block_events(block);

    for (uint32_t i = 0; i < mw_block_head(block)->events; i++, event++) {
        mw_wire_put_varint(out, event->type);
        mw_wire_put_varint(out, event->absence);
        mw_wire_put_varint(out, event->row);
        mw_wire_put_varint(out, event->key.id);
        mw_wire_put_varint(out, event->key.birth);
        mw_wire_put_text(out, mw_block_text(block) + event->text_offset, event->text_size);
    }
}

static void put_payload(struct mw_wire_out *out, uint32_t place, uint32_t flags,
                        const struct difference *difference)
{
    const struct mw_block_head *head = mw_block_head(difference->block);

    mw_wire_put_varint(out, place);
    mw_wire_put_varint(out, flags);
    mw_wire_put_varint(out, head->seq);
    mw_wire_put_varint(out, mw_wire_zigzag((uint64_t)head->time_ms));
    mw_wire_put_varint(out, head->time_ns);
    mw_wire_put_varint(out, head->rows);
    mw_wire_put_varint(out, head->events);
    put_events(out, difference->block);
    put_rows(out, difference);
}

static int seal_frame(struct mw_recording_writer *self)
{
    uint8_t *bytes = self->out.bytes;

    if (self->out.failed)
        return -ENOMEM;
    if (self->out.size > MW_RECORDING_FRAME_MAX)
        return -E2BIG;
    size_t size = self->out.size - MW_RECORDING_FRAME_HEAD;
    mw_wire_store_u32(bytes, (uint32_t)size);
    mw_wire_store_u32(bytes + 4, mw_crc_of(&self->crc, 0, bytes + MW_RECORDING_FRAME_HEAD, size));
    mw_wire_store_u32(bytes + 8, mw_crc_of(&self->crc, 0, bytes, 8));
    return 0;
}

static int place_of(uint32_t source, uint32_t *ret)
{
    for (uint32_t i = 0; i < MW_RECORDED_SOURCES; i++) {
        if (mw_recorded_sources[i] == source) {
            *ret = i;
            return 0;
        }
    }
    return -EINVAL;
}

int mw_recording_write_frame(struct mw_recording_writer *self, struct mw_block *block,
                             bool begins_beat, struct mw_recording_bytes *ret)
{
    static const uint8_t head[MW_RECORDING_FRAME_HEAD];
    uint32_t place;

    int r = place_of(mw_block_head(block)->source, &place);
    if (r < 0)
        return r;
    struct writer_source *source = &self->source[place];
    bool key = !source->last || source->since_key + 1 >= MW_RECORDING_KEY_EVERY;
    struct difference difference = {
        .block = block,
        .before = key ? NULL : source->last,
        .rows = mw_block_head(block)->rows,
        .rows_before = key ? 0 : mw_block_head(source->last)->rows,
    };

    restart(&self->out);
    mw_wire_put(&self->out, head, sizeof head);
    put_payload(&self->out, place, (key ? FLAG_KEY : 0) | (begins_beat ? FLAG_BEGINS_BEAT : 0),
                &difference);
    r = seal_frame(self);
    if (r < 0)
        return r;
    mw_block_unref(source->last);
    source->last = mw_block_ref(block);
    source->since_key = key ? 0 : source->since_key + 1;
    *ret = (struct mw_recording_bytes){self->out.bytes, self->out.size};
    return 0;
}
