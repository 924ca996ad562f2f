/* Recordings that were cut or damaged, and readers of them that are slow. */
#include "sample/sample.h"
#include "tests/support/blocks.h"
#include "tests/support/tape_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_FRAMES = 4 };

static struct mw_recording_reader *reader_of(const struct tape_bytes *tape, size_t *ret_at)
{
    struct mw_recording_reader *reader;

    assert_int_equal(mw_recording_reader_create(&reader), 0);
    assert_int_equal(mw_recording_read_header(reader, tape->bytes, tape->size, ret_at), 0);
    return reader;
}

static struct mw_block *next_block(struct mw_recording_reader *reader,
                                   const struct tape_bytes *tape, size_t *at)
{
    struct mw_recording_frame frame;

    if (mw_recording_read_frame(reader, tape->bytes + *at, tape->size - *at, &frame) != 0)
        fail_msg("%s", mw_recording_reader_error(reader));
    *at += frame.size;
    return frame.block;
}

/* ---- a small recording of this build ---- */

struct small {
    uint8_t *bytes;
    size_t size, header;
    size_t ends[SMALL_FRAMES];
    struct mw_block *blocks[SMALL_FRAMES]; /* only what both makers still hold may be compared */
    uint32_t frames;
};

static void small_put(struct small *self, struct mw_recording_bytes more)
{
    self->bytes = realloc(self->bytes, self->size + more.size);
    assert_non_null(self->bytes);
    memcpy(self->bytes + self->size, more.bytes, more.size);
    self->size += more.size;
}

/* Two beats of two sources. */
static void small_init(struct small *self)
{
    struct mw_recording_writer *writer;
    struct mw_recording_bytes bytes;
    struct block_maker process, own;

    *self = (struct small){0};
    block_maker_init(&process, MW_SOURCE_PROCESS, 11);
    block_maker_init(&own, MW_SOURCE_SELF, 12);
    assert_int_equal(mw_recording_writer_create(4096, &writer), 0);
    assert_int_equal(mw_recording_write_header(writer, &bytes), 0);
    small_put(self, bytes);
    self->header = self->size;
    for (uint32_t i = 0; i < SMALL_FRAMES; i++) {
        struct mw_block *block = i % 2 ? block_maker_next(&own, 1) : block_maker_next(&process, 4);

        assert_int_equal(mw_recording_write_frame(writer, block, i % 2 == 0, &bytes), 0);
        small_put(self, bytes);
        self->ends[self->frames] = self->size;
        self->blocks[self->frames++] = block;
    }
    mw_recording_writer_destroy(writer);
    block_maker_deinit(&process);
    block_maker_deinit(&own);
}

static void small_deinit(struct small *self)
{
    for (uint32_t i = 0; i < self->frames; i++)
        mw_block_unref(self->blocks[i]);
    free(self->bytes);
}

static uint32_t whole_frames(const struct small *self, size_t size)
{
    uint32_t whole = 0;

    while (whole < self->frames && self->ends[whole] <= size)
        whole++;
    return whole;
}

/* Plays bytes of the small recording. Each frame that comes must be the one that was written.
 * Returns how many came; *ret is what ended it. */
static uint32_t play_small(const struct small *self, const uint8_t *bytes, size_t size,
                           struct mw_recording_reader *reader, int *ret)
{
    struct mw_recording_frame frame;
    uint32_t frames = 0;
    size_t at;

    *ret = mw_recording_read_header(reader, bytes, size, &at);
    while (*ret == 0) {
        *ret = mw_recording_read_frame(reader, bytes + at, size - at, &frame);
        if (*ret != 0)
            break;
        assert_in_range(frames, 0, self->frames - 1);
        assert_blocks_equal(frame.block, self->blocks[frames]);
        mw_block_unref(frame.block);
        at += frame.size;
        frames++;
    }
    return frames;
}

/* The writer may be killed after any byte: all whole frames before it are there, and the tail is
 * told from damage. The bytes lie at the end of an allocation, so that a look past them is seen. */
static void test_cut_after_every_byte(void **state)
{
    struct small small;

    (void)state;
    small_init(&small);
    for (size_t size = 0; size <= small.size; size++) {
        struct mw_recording_reader *reader;
        uint8_t *bytes = malloc(size ? size : 1);
        int r;

        assert_non_null(bytes);
        memcpy(bytes, small.bytes, size);
        assert_int_equal(mw_recording_reader_create(&reader), 0);
        assert_int_equal(play_small(&small, bytes, size, reader, &r), whole_frames(&small, size));
        assert_int_equal(r, MW_RECORDING_MORE);
        mw_recording_reader_destroy(reader);
        free(bytes);
    }
    small_deinit(&small);
}

/* Where the header or frame begins in which this byte stands. */
static size_t begin_of(const struct small *self, size_t at)
{
    uint32_t whole = whole_frames(self, at);

    if (at < self->header)
        return 0;
    return whole == 0 ? self->header : self->ends[whole - 1];
}

static void flip(const struct small *small, uint8_t *bytes, size_t at, uint8_t mask)
{
    struct mw_recording_reader *reader;
    int r;

    bytes[at] ^= mask;
    assert_int_equal(mw_recording_reader_create(&reader), 0);
    uint32_t frames = play_small(small, bytes, small->size, reader, &r);
    const char *error = mw_recording_reader_error(reader);
    if (r == MW_RECORDING_MORE) { /* only the header's own size can promise more */
        assert_in_range(at, 12, 15);
    } else {
        assert_int_equal(r, -EBADMSG);
        char *rest;

        assert_memory_equal(error, "byte ", 5);
        uint64_t told = strtoull(error + 5, &rest, 10);
        assert_memory_equal(rest, ": expected ", 11);
        /* the place of the checksum that is wrong, or before that */
        assert_in_range(told, begin_of(small, at), at < 16 ? 16 : at);
    }
    assert_int_equal(frames, at < small->header ? 0 : whole_frames(small, at));
    mw_recording_reader_destroy(reader);
    bytes[at] ^= mask;
}

/* No damaged byte goes unseen, and none hurts what came before it. */
static void test_flip_every_byte(void **state)
{
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    struct small small;

    (void)state;
    small_init(&small);
    uint8_t *bytes = malloc(small.size);
    assert_non_null(bytes);
    memcpy(bytes, small.bytes, small.size);
    for (size_t at = 0; at < small.size; at++)
        for (size_t i = 0; i < sizeof masks; i++)
            flip(&small, bytes, at, masks[i]);
    free(bytes);
    small_deinit(&small);
}

/* After a refusal nothing more is read: there is no telling where the next frame begins. */
static void test_refusal_is_final(void **state)
{
    struct mw_recording_frame frame;
    struct mw_recording_reader *reader;
    struct small small;
    size_t size;

    (void)state;
    small_init(&small);
    assert_int_equal(mw_recording_reader_create(&reader), 0);
    assert_int_equal(mw_recording_read_frame(reader, small.bytes, small.size, &frame), -EBADMSG);
    assert_int_equal(mw_recording_read_header(reader, small.bytes, small.size, &size), 0);
    assert_int_equal(mw_recording_read_header(reader, small.bytes, small.size, &size), -EBADMSG);
    small.bytes[small.header + 12] ^= 1;
    assert_int_equal(mw_recording_read_frame(reader, small.bytes + small.header,
                                             small.size - small.header, &frame),
                     -EBADMSG);
    small.bytes[small.header + 12] ^= 1;
    assert_int_equal(mw_recording_read_frame(reader, small.bytes + small.header,
                                             small.size - small.header, &frame),
                     -EBADMSG);
    mw_recording_reader_destroy(reader);
    small_deinit(&small);
}

/* Readers hold all three blocks: nothing is lost, and it is told that a new beat is there. */
static void test_busy_pool(void **state)
{
    struct mw_recording_writer *writer;
    struct mw_recording_bytes bytes;
    struct mw_recording_frame frame;
    struct mw_block *held[3];
    struct block_maker maker;
    struct tape_bytes tape = {0};
    size_t at;

    (void)state;
    block_maker_init(&maker, MW_SOURCE_SYSTEM, 3);
    assert_int_equal(mw_recording_writer_create(4096, &writer), 0);
    assert_int_equal(mw_recording_write_header(writer, &bytes), 0);
    tape_put(&tape, bytes.bytes, bytes.size);
    for (int i = 0; i < 4; i++) {
        struct mw_block *block = block_maker_next(&maker, 1);

        assert_int_equal(mw_recording_write_frame(writer, block, true, &bytes), 0);
        tape_put(&tape, bytes.bytes, bytes.size);
        mw_block_unref(block);
    }
    struct mw_recording_reader *reader = reader_of(&tape, &at);
    for (int i = 0; i < 3; i++)
        held[i] = next_block(reader, &tape, &at);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mw_recording_read_frame(reader, tape.bytes + at, tape.size - at, &frame),
                         -EBUSY);
        assert_true(frame.begins_beat);
    }
    mw_block_unref(held[0]);
    held[0] = next_block(reader, &tape, &at);
    assert_blocks_equal(held[0], maker.last);
    assert_int_equal(at, tape.size);
    mw_recording_reader_destroy(reader); /* what is held outlives it */
    assert_blocks_equal(held[0], maker.last);
    for (int i = 0; i < 3; i++)
        mw_block_unref(held[i]);
    mw_recording_writer_destroy(writer);
    block_maker_deinit(&maker);
    tape_bytes_free(&tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_after_every_byte),
        cmocka_unit_test(test_flip_every_byte),
        cmocka_unit_test(test_refusal_is_final),
        cmocka_unit_test(test_busy_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
