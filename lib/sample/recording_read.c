#include "sample/recording_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int mw_recording_reader_create(struct mw_recording_reader **ret)
{
    struct mw_recording_reader *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    mw_crc_init(&self->crc);
    *ret = self;
    return 0;
}

struct mw_recording_reader *mw_recording_reader_destroy(struct mw_recording_reader *self)
{
    if (!self)
        return NULL;
    for (uint32_t i = 0; i < self->sources; i++) {
        mw_block_unref(self->source[i].last);
        mw_block_pool_destroy(self->source[i].pool);
        free(self->source[i].column);
    }
    free(self);
    return NULL;
}

/* After one refusal there is no telling what the next bytes mean. */
static int still_reads(const struct mw_recording_reader *self, bool has_header)
{
    return self->failed || self->has_header != has_header ? -EBADMSG : 0;
}

/* ---- header ---- */

/* The reading that a column of the file is here. It must be of the same source and type, else the
 * numbers would mean something else. */
static enum mw_reading find_reading(const struct mw_recorded_source *source,
                                    enum mw_value_type value, const char *id, size_t size)
{
    enum mw_reading reading = mw_reading_find(id, size);

    if (!source->known || reading == MW_NONE)
        return MW_NONE;
    const struct mw_reading_info *info = mw_reading_info(reading);
    return info->source == source->source && info->value == value ? reading : MW_NONE;
}

static bool is_mapped(const struct mw_recorded_source *source, uint32_t columns,
                      enum mw_reading reading)
{
    for (uint32_t i = 0; i < columns && reading != MW_NONE; i++)
        if (source->column[i].reading == reading)
            return true;
    return false;
}

static int read_column(struct mw_wire_in *in, struct mw_recorded_source *source, uint32_t index)
{
    uint64_t type = 0;
    const char *id = NULL;
    size_t size = 0, at = in->at;

    int r = mw_wire_number(in, "the type of a reading", MW_VALUE_TEXT, &type);
    if (r == 0)
        r = mw_wire_text(in, "the id of a reading", MW_RECORDING_WORD_MAX, &id, &size);
    if (r < 0)
        return r;
    enum mw_reading reading = find_reading(source, (enum mw_value_type)type, id, size);
    if (is_mapped(source, index, reading))
        return mw_recording_refuse(in->reader, in->offset + at,
                                   "a reading that did not come before, found %s again",
                                   mw_reading_info(reading)->id);
    source->column[index] = (struct mw_recorded_column){reading, (enum mw_value_type)type};
    return 0;
}

/* Which of this build's sources a word means. Those that never come in blocks are unknown too. */
static bool find_source(const char *word, size_t size, enum mw_source *ret)
{
    for (int i = 0; i < MW_RECORDED_SOURCES; i++) {
        const char *known = mw_source_word(mw_recorded_sources[i]);

        if (strlen(known) == size && memcmp(known, word, size) == 0) {
            *ret = mw_recorded_sources[i];
            return true;
        }
    }
    return false;
}

static bool is_listed(const struct mw_recording_reader *self, enum mw_source source)
{
    for (uint32_t i = 0; i < self->sources; i++)
        if (self->source[i].known && self->source[i].source == source)
            return true;
    return false;
}

static int read_source(struct mw_wire_in *in)
{
    struct mw_recording_reader *self = in->reader;
    struct mw_recorded_source *source = &self->source[self->sources];
    const char *word = NULL;
    size_t size = 0, at = in->at;
    uint64_t columns = 0;

    int r = mw_wire_text(in, "the word of a source", MW_RECORDING_WORD_MAX, &word, &size);
    if (r == 0)
        r = mw_wire_number(in, "a count of readings", MW_RECORDING_COLUMNS_MAX, &columns);
    if (r < 0)
        return r;
    source->known = find_source(word, size, &source->source);
    if (source->known && is_listed(self, source->source))
        return mw_recording_refuse(self, in->offset + at,
                                   "a source that did not come before, found %s again",
                                   mw_source_word(source->source));
    source->columns = (uint32_t)columns;
    self->sources++; /* from here on destroy() takes care of what it holds */
    source->column = calloc(columns + 1, sizeof *source->column);
    if (!source->column)
        return -ENOMEM;
    for (uint32_t i = 0; r == 0 && i < columns; i++)
        r = read_column(in, source, i);
    return r == 0 && source->known ? mw_block_pool_create(source->source, &source->pool) : r;
}

/* It will be shown to people. */
static void copy_printable(char *to, const char *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (char)(from[i] > ' ' && from[i] <= '~' ? from[i] : '?');
}

static int read_body(struct mw_wire_in *in)
{
    struct mw_recording_reader *self = in->reader;
    uint64_t page_size = 0, sources = 0;
    const char *build = NULL;
    size_t size = 0;

    int r = mw_wire_number(in, "a page size", UINT32_MAX, &page_size);
    if (r == 0)
        r = mw_wire_text(in, "the version of who wrote it", MW_RECORDING_WORD_MAX, &build, &size);
    if (r == 0)
        r = mw_wire_number(in, "a count of sources", MW_RECORDING_SOURCES_MAX, &sources);
    if (r < 0)
        return r;
    if (sources == 0)
        return mw_recording_refuse(self, in->offset + in->at, "a source");
    self->page_size = (uint32_t)page_size;
    copy_printable(self->build, build, size);
    for (uint64_t i = 0; r == 0 && i < sources; i++)
        r = read_source(in);
    if (r == 0 && in->at < in->size)
        r = mw_recording_refuse(self, in->offset + in->at, "the end of the header");
    return r;
}

/* What can be told before the whole header is there. */
static int check_header_head(struct mw_recording_reader *self, const uint8_t *bytes, size_t size)
{
    size_t compared = size < MW_RECORDING_MAGIC_SIZE ? size : MW_RECORDING_MAGIC_SIZE;

    if (memcmp(bytes, MW_RECORDING_MAGIC, compared) != 0)
        return mw_recording_refuse(self, 0, "a recording, which begins with " MW_RECORDING_MAGIC);
    if (size < MW_RECORDING_HEADER_HEAD)
        return MW_RECORDING_MORE;
    uint32_t version = mw_wire_load_u32(bytes + MW_RECORDING_MAGIC_SIZE);
    if (version != MW_RECORDING_VERSION)
        return mw_recording_refuse(self, MW_RECORDING_MAGIC_SIZE,
                                   "version %d of the format, found %u", MW_RECORDING_VERSION,
                                   (unsigned)version);
    uint32_t body = mw_wire_load_u32(bytes + MW_RECORDING_MAGIC_SIZE + 4);
    if (body > MW_RECORDING_HEADER_MAX - MW_RECORDING_HEADER_HEAD)
        return mw_recording_refuse(self, MW_RECORDING_MAGIC_SIZE + 4,
                                   "a header of at most %d bytes, found %u more",
                                   MW_RECORDING_HEADER_MAX, (unsigned)body);
    return 0;
}

static int check_header_crc(struct mw_recording_reader *self, const uint8_t *bytes, size_t body)
{
    const uint8_t *head = bytes + MW_RECORDING_MAGIC_SIZE;
    uint32_t crc = mw_crc_of(&self->crc, 0, head, 8);

    if (mw_crc_of(&self->crc, crc, head + 12, body) == mw_wire_load_u32(head + 8))
        return 0;
    return mw_recording_refuse(self, MW_RECORDING_MAGIC_SIZE + 8,
                               "the checksum of the header: it is damaged");
}

int mw_recording_read_header(struct mw_recording_reader *self, const void *bytes, size_t size,
                             size_t *ret_size)
{
    int r = still_reads(self, false);
    if (r == 0)
        r = check_header_head(self, bytes, size);
    if (r != 0) {
        *ret_size = MW_RECORDING_HEADER_HEAD;
        return r;
    }
    size_t body = mw_wire_load_u32((const uint8_t *)bytes + MW_RECORDING_MAGIC_SIZE + 4);
    *ret_size = MW_RECORDING_HEADER_HEAD + body;
    if (size < *ret_size)
        return MW_RECORDING_MORE;
    struct mw_wire_in in = {.reader = self,
                            .bytes = (const uint8_t *)bytes + MW_RECORDING_HEADER_HEAD,
                            .size = body,
                            .offset = MW_RECORDING_HEADER_HEAD};
    r = check_header_crc(self, bytes, body);
    if (r == 0)
        r = read_body(&in);
    if (r < 0) {
        self->failed = true;
        return r;
    }
    self->has_header = true;
    self->offset = *ret_size;
    return 0;
}

/* ---- frame ---- */

/* Returns 0 and the size of the payload, MW_RECORDING_MORE and how many bytes the whole frame has
 * as far as is known, or -EBADMSG. */
static int check_frame_head(struct mw_recording_reader *self, const uint8_t *bytes, size_t size,
                            size_t *ret)
{
    *ret = MW_RECORDING_FRAME_HEAD;
    if (size < MW_RECORDING_FRAME_HEAD)
        return MW_RECORDING_MORE;
    if (mw_crc_of(&self->crc, 0, bytes, 8) != mw_wire_load_u32(bytes + 8))
        return mw_recording_refuse(self, 0, "the head of a frame: it is damaged");
    size_t payload = mw_wire_load_u32(bytes);
    if (payload > MW_RECORDING_FRAME_MAX - MW_RECORDING_FRAME_HEAD)
        return mw_recording_refuse(self, 0, "a frame of at most %d bytes, found %zu more",
                                   MW_RECORDING_FRAME_MAX, payload);
    if (size - MW_RECORDING_FRAME_HEAD < payload) {
        *ret = MW_RECORDING_FRAME_HEAD + payload;
        return MW_RECORDING_MORE;
    }
    if (mw_crc_of(&self->crc, 0, bytes + MW_RECORDING_FRAME_HEAD, payload) !=
        mw_wire_load_u32(bytes + 4))
        return mw_recording_refuse(self, 4, "the checksum of a frame: it is damaged");
    *ret = payload;
    return 0;
}

static int read_frame_head(struct mw_wire_in *in, struct mw_recording_frame_head *ret)
{
    int r = mw_wire_number(in, "the place of a source", (uint64_t)in->reader->sources - 1,
                           &ret->source);
    if (r == 0)
        r = mw_wire_number(in, "flags", FLAGS_ALL, &ret->flags);
    if (r == 0)
        r = mw_wire_number(in, "a sequence number", UINT64_MAX, &ret->seq);
    if (r == 0)
        r = mw_wire_number(in, "the wall time", UINT64_MAX, &ret->time_ms);
    if (r == 0)
        r = mw_wire_number(in, "the monotonic time", UINT64_MAX, &ret->time_ns);
    if (r == 0)
        r = mw_wire_number(in, "a count of rows", MW_BLOCK_ROWS_MAX, &ret->rows);
    if (r == 0)
        r = mw_wire_number(in, "a count of events", UINT32_MAX, &ret->events);
    return r;
}

static int read_payload(struct mw_wire_in *in, struct mw_recording_frame *ret)
{
    struct mw_recording_reader *self = in->reader;
    struct mw_recording_frame_head head = {0};
    struct mw_block *block = NULL;

    int r = read_frame_head(in, &head);
    if (r < 0)
        return r;
    struct mw_recorded_source *source = &self->source[head.source];
    uint32_t bit = 1u << head.source;
    ret->begins_beat = head.flags & FLAG_BEGINS_BEAT || self->beat_sources & bit;
    if (source->known)
        r = mw_recording_decode(in, source, &head, &block);
    if (r < 0)
        return r;
    self->beat_sources = ret->begins_beat ? bit : self->beat_sources | bit;
    if (block) {
        mw_block_unref(source->last);
        source->last = mw_block_ref(block);
    }
    ret->block = block;
    return 0;
}

int mw_recording_read_frame(struct mw_recording_reader *self, const void *bytes, size_t size,
                            struct mw_recording_frame *ret)
{
    size_t payload;

    *ret = (struct mw_recording_frame){0};
    int r = still_reads(self, true);
    if (r < 0)
        return r;
    r = check_frame_head(self, bytes, size, &payload);
    if (r != 0) {
        ret->size = payload;
        return r;
    }
    struct mw_wire_in in = {.reader = self,
                            .bytes = (const uint8_t *)bytes + MW_RECORDING_FRAME_HEAD,
                            .size = payload,
                            .offset = MW_RECORDING_FRAME_HEAD};
    r = read_payload(&in, ret);
    if (r < 0)
        return r;
    ret->size = MW_RECORDING_FRAME_HEAD + payload;
    self->offset += ret->size;
    return 0;
}

/* ---- about it ---- */

const char *mw_recording_reader_error(const struct mw_recording_reader *self)
{
    return self->error;
}

const char *mw_recording_reader_build(const struct mw_recording_reader *self)
{
    return self->build;
}

uint32_t mw_recording_reader_page_size(const struct mw_recording_reader *self)
{
    return self->page_size;
}

uint64_t mw_recording_reader_offset(const struct mw_recording_reader *self)
{
    return self->offset;
}
