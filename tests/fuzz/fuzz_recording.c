/* Any bytes as a recording: first as they are, then with sizes cut to what is there and checksums
 * made right, so that the fuzzer need not guess them. Every block that comes out must be sound, and
 * written once more and read again it must be the same. */
#include "sample/sample.h"
#include "tests/support/tape_bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_HEAD = 20, FRAME_HEAD = 12 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool same_cells(const struct mw_block *a, const struct mw_block *b, uint32_t row)
{
    enum mw_source source = (enum mw_source)mw_block_head(a)->source;

    for (uint32_t i = 0; i < mw_source_columns(source); i++) {
        enum mw_reading reading = (enum mw_reading)(mw_source_first(source) + i);
        union mw_value of_a = {.u = 0}, of_b = {.u = 0};

        if (mw_block_get(a, reading, row, &of_a) != mw_block_get(b, reading, row, &of_b) ||
            of_a.u != of_b.u)
            return false;
    }
    return memcmp(&mw_block_keys(a)[row], &mw_block_keys(b)[row], sizeof(struct mw_block_key)) == 0;
}

static void must_be_same(const struct mw_block *a, const struct mw_block *b)
{
    const struct mw_block_head *of_a = mw_block_head(a), *of_b = mw_block_head(b);

    must(of_a->seq == of_b->seq && of_a->time_ms == of_b->time_ms &&
         of_a->time_ns == of_b->time_ns && of_a->rows == of_b->rows && of_a->live == of_b->live &&
         of_a->events == of_b->events && of_a->text_size == of_b->text_size);
    for (uint32_t row = 0; row < of_a->rows; row++)
        must(same_cells(a, b, row));
    must(memcmp(mw_block_text(a), mw_block_text(b), of_a->text_size) == 0);
}

struct echo {
    struct mw_recording_writer *writer;
    struct mw_recording_reader *reader;
};

static void echo_init(struct echo *self)
{
    struct mw_recording_bytes header;
    size_t size;

    must(mw_recording_writer_create(4096, &self->writer) == 0);
    must(mw_recording_reader_create(&self->reader) == 0);
    must(mw_recording_write_header(self->writer, &header) == 0);
    must(mw_recording_read_header(self->reader, header.bytes, header.size, &size) == 0);
}

static void echo_block(struct echo *self, struct mw_block *block)
{
    struct mw_recording_bytes bytes;
    struct mw_recording_frame frame;

    must(mw_block_check(mw_block_head(block), mw_block_head(block)->size) == 0);
    if (!self->writer)
        echo_init(self);
    must(mw_recording_write_frame(self->writer, block, false, &bytes) == 0);
    must(mw_recording_read_frame(self->reader, bytes.bytes, bytes.size, &frame) == 0);
    must_be_same(block, frame.block);
    mw_block_unref(frame.block);
}

static void play(const uint8_t *bytes, size_t size)
{
    struct mw_recording_reader *reader;
    struct mw_recording_frame frame;
    struct echo echo = {NULL, NULL};
    size_t at;

    must(mw_recording_reader_create(&reader) == 0);
    int r = mw_recording_read_header(reader, bytes, size, &at);
    while (r == 0) {
        r = mw_recording_read_frame(reader, bytes + at, size - at, &frame);
        if (r != 0)
            break;
        must(frame.size > 0 && frame.size <= size - at);
        at += frame.size;
        if (frame.block)
            echo_block(&echo, frame.block);
        mw_block_unref(frame.block);
    }
    must(r == MW_RECORDING_MORE || r == -EBADMSG);
    must(r != -EBADMSG || strncmp(mw_recording_reader_error(reader), "byte ", 5) == 0);
    mw_recording_reader_destroy(reader);
    mw_recording_writer_destroy(echo.writer);
    mw_recording_reader_destroy(echo.reader);
}

/* The sizes stay in the fuzzer's hands: they are taken modulo what is left. */
static size_t size_at(const uint8_t *at, size_t left)
{
    size_t size = at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16;

    return size <= left ? size : size % (left + 1);
}

static void sign(uint8_t *bytes, size_t size)
{
    if (size < HEADER_HEAD)
        return;
    struct tape_bytes tape = {.bytes = bytes};
    tape.size = HEADER_HEAD + size_at(bytes + 12, size - HEADER_HEAD);
    memcpy(bytes, "MWRECORD\1\0\0\0", 12);
    tape_end_header(&tape);
    for (size_t at = tape.size; size - at >= FRAME_HEAD;) {
        size_t payload = size_at(bytes + at, size - at - FRAME_HEAD);

        tape_sign_frame(bytes + at, payload);
        at += FRAME_HEAD + payload;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size + 1);

    must(copy != NULL);
    memcpy(copy, bytes, size);
    play(copy, size);
    sign(copy, size);
    play(copy, size);
    free(copy);
    return 0;
}
