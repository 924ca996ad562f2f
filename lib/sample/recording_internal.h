/* How a recording lies in its bytes; shared by what writes it and what reads it.
 *
 *     stream   = header frame*
 *     header   = "MWRECORD" version:u32 size:u32 crc:u32 body[size]
 *     body     = page_size build:text sources source*
 *     source   = word:text columns column*
 *     column   = type:byte id:text
 *     frame    = size:u32 crc:u32 head_crc:u32 payload[size]
 *     payload  = source flags seq time_ms time_ns rows events event* row*
 *     event    = type absence row id birth text
 *     row      = (step << 1 | fresh) [id birth] cell* END
 *     cell     = (step << 3 | absence) [value]
 *
 * u32 and u64 are little-endian. Everything without a type is a varint: 7 bits a byte, low ones
 * first, the top bit says that there is more; time_ms is signed and zigzag. A text is its size and
 * its bytes. `head_crc` is over the 8 bytes before it, so a damaged size is told from a stream that
 * was cut off; `crc` is over what follows (in the header: over version, size and body). Both are
 * CRC-32C.
 *
 * A frame says what differs from the frame of its source before it; with FLAG_KEY, from a block
 * that is empty: all rows free, all values absent as unsupported. That is one encoding, not two. Of
 * a row that differs stand the cells that differ; `step` counts the rows (in a row, the columns)
 * that were passed over. A fresh row has another subject than before and starts as an empty one. A
 * row past the rows of the frame before is written even if it is free and has nothing to say: so a
 * frame of n bytes never makes a reader hold more than n more rows.
 *
 * Values   a whole number is the zigzag difference, modulo 2^64, to the value of the same cell in
 *          the frame before (0 where that was absent); a word is its character; a float is a u64.
 *          A float that is not finite, or a word that is no printable character, is read as absent
 *          and stale: no collector gives one.
 * Events   the key of each stands in it, since a row may have had several subjects in one beat.
 *          A type of event that this build does not know is dropped.
 * Versions new readings, new sources and new types of events need no new version; anything else
 *          does, a new reason of absence too.
 *
 * An idle process costs nothing between key frames and some 45 bytes in one: an hour of 1000 of
 * them, once a second, is under 4 MB, the machine's own readings included.
 */
#ifndef MW_SAMPLE_RECORDING_INTERNAL_H
#define MW_SAMPLE_RECORDING_INTERNAL_H
#include "sample/recording.h"

#define MW_RECORDING_MAGIC "MWRECORD"

enum {
    MW_RECORDING_VERSION = 1,
    MW_RECORDING_MAGIC_SIZE = 8,
    MW_RECORDING_HEADER_HEAD = MW_RECORDING_MAGIC_SIZE + 12, /* bytes before the body */
    MW_RECORDING_FRAME_HEAD = 12,                            /* bytes before the payload */
    MW_RECORDING_WORD_MAX = 255, /* bytes of an id, a source's word or a build's name */
    MW_RECORDING_SOURCES_MAX = 16,
    MW_RECORDING_COLUMNS_MAX = 4096, /* of one source */
};

enum { FLAG_KEY = 1, FLAG_BEGINS_BEAT = 2, FLAGS_ALL = 3 };

enum { ROW_FRESH = 1, ROW_SHIFT = 1 };

/* An absence that no value has: the row's cells are over. */
enum { CELL_SHIFT = 3, CELL_ABSENCE = 7, CELL_END = 7 };

_Static_assert((int)MW_ABSENCE_COUNT <= (int)CELL_END, "END is told from an absence");

/* The sources that come in blocks; a frame names one by its place in the file's own list. */
enum { MW_RECORDED_SOURCES = 8 };
extern const enum mw_source mw_recorded_sources[MW_RECORDED_SOURCES];

struct mw_crc {
    uint32_t table[256];
};

void mw_crc_init(struct mw_crc *self);
/* CRC-32C of these bytes behind those whose CRC is `before` (0 = none). */
uint32_t mw_crc_of(const struct mw_crc *self, uint32_t before, const void *bytes, size_t size);

/* Bytes that grow; after an allocation that failed every put is ignored. */
struct mw_wire_out {
    uint8_t *bytes;
    size_t size, capacity;
    bool failed;
};

void mw_wire_put(struct mw_wire_out *self, const void *bytes, size_t size);
void mw_wire_put_u32(struct mw_wire_out *self, uint32_t value);
void mw_wire_put_u64(struct mw_wire_out *self, uint64_t value);
void mw_wire_put_varint(struct mw_wire_out *self, uint64_t value);
void mw_wire_put_text(struct mw_wire_out *self, const char *text, size_t size);

void mw_wire_store_u32(uint8_t *at, uint32_t value);
uint32_t mw_wire_load_u32(const uint8_t *at);
uint64_t mw_wire_load_u64(const uint8_t *at);

static inline uint64_t mw_wire_zigzag(uint64_t difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}

static inline uint64_t mw_wire_unzigzag(uint64_t value)
{
    return value >> 1 ^ (0 - (value & 1));
}

/* A column of the file and the reading that it is here. */
struct mw_recorded_column {
    enum mw_reading reading;  /* MW_NONE: to be dropped */
    enum mw_value_type value; /* in the file */
};

struct mw_recorded_source {
    bool known;
    enum mw_source source;
    uint32_t columns;
    struct mw_recorded_column *column; /* [columns] */
    struct mw_block_pool *pool;
    struct mw_block *last; /* of the newest frame; the next one says what differs from it */
};

struct mw_recording_reader {
    struct mw_crc crc;
    uint64_t offset; /* in the stream, of the bytes that come next */
    bool has_header, failed;
    uint32_t page_size;
    uint32_t beat_sources; /* bit 1 << place in the file, of those seen in this beat */
    uint32_t sources;
    struct mw_recorded_source source[MW_RECORDING_SOURCES_MAX];
    char build[MW_RECORDING_WORD_MAX + 1];
    char error[MW_RECORDING_ERROR_MAX];
};

/* What is read item by item: a header's body or a frame's payload. */
struct mw_wire_in {
    struct mw_recording_reader *reader; /* takes the error */
    const uint8_t *bytes;
    size_t at, size;
    uint64_t offset; /* of bytes[0], from the reader's offset */
};

/* Puts "byte N: expected ..." into the reader, N being `at` bytes behind the reader's offset.
 * Returns -EBADMSG. */
int mw_recording_refuse(struct mw_recording_reader *self, uint64_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One varint from 0 to `max`. Errors -EBADMSG, told as "expected <what>". */
int mw_wire_number(struct mw_wire_in *self, const char *what, uint64_t max, uint64_t *ret);
/* `size` bytes as they stand. Errors as above. */
int mw_wire_take(struct mw_wire_in *self, const char *what, size_t size, const uint8_t **ret);
/* A text of at most `max` bytes, not NUL-terminated. Errors as above. */
int mw_wire_text(struct mw_wire_in *self, const char *what, size_t max, const char **ret,
                 size_t *ret_size);

struct mw_recording_frame_head {
    uint64_t source, flags, seq, time_ms, time_ns, rows, events;
};

/* The rest of a payload whose head was read: a finished block, which differs from source->last as
 * the payload says. Errors -EBADMSG, -EBUSY, -ENOMEM; the reader is then as before. */
int mw_recording_decode(struct mw_wire_in *in, const struct mw_recorded_source *source,
                        const struct mw_recording_frame_head *head, struct mw_block **ret);
#endif
