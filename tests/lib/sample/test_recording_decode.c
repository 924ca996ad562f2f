/* Frames whose checksum is right and whose content is not: what a broken or malicious program may
 * have written. */
#include "sample/sample.h"
#include "tests/support/blocks.h"
#include "tests/support/tape_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEY = 1, BEGINS = 2, FRAME_HEAD = 12 };
enum { SELF_PLACE, PROCESS_PLACE };

#define BYTES(text) (text), sizeof(text) - 1

/* Two sources of this build, with the readings that the cases need. */
static void put_header(struct tape_bytes *tape)
{
    tape_begin_header(tape, 1);
    tape_put_varint(tape, 4096);
    tape_put_text(tape, "1");
    tape_put_varint(tape, 2);
    tape_put_text(tape, "self");
    tape_put_varint(tape, 1);
    tape_put_byte(tape, 0);
    tape_put_text(tape, "daemon.rss");
    tape_put_text(tape, "process");
    tape_put_varint(tape, 2);
    tape_put_byte(tape, 0);
    tape_put_text(tape, "process.rss");
    tape_put_byte(tape, 3);
    tape_put_text(tape, "process.state");
    tape_end_header(tape);
}

static struct mw_recording_reader *new_reader(const struct tape_bytes *tape)
{
    struct mw_recording_reader *reader;
    size_t size;

    assert_int_equal(mw_recording_reader_create(&reader), 0);
    assert_int_equal(mw_recording_read_header(reader, tape->bytes, tape->size, &size), 0);
    return reader;
}

struct bad_frame {
    const char *payload;
    size_t size;
    const char *expected; /* of the message, behind "byte N: expected " */
};

/* place flags seq time_ms time_ns rows events | event: type absence row id birth text
 * row: step<<1|fresh [id birth] cells 7 */
static const struct bad_frame bad_frames[] = {
    {BYTES(""), "the place of a source, found no number of up to 64 bits"},
    {BYTES("\x02\1\1\2\1\0\0"), "the place of a source from 0 to 1, found 2"},
    {BYTES("\1\4\1\2\1\0\0"), "flags from 0 to 3, found 4"},
    {BYTES("\1\1\0\2\1\0\0"), "a sequence number over 0"},
    {BYTES("\1\1\1\2\1"), "a count of rows, found no number of up to 64 bits"},
    {BYTES("\1\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\2\1\0\0"),
     "a sequence number, found no number of up to 64 bits"},
    {BYTES("\1\1\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\2\1\0\0"),
     "a sequence number, found no number of up to 64 bits"},
    {BYTES("\1\1\1\2\1\x81\x80\x80\x02\0"), "a count of rows from 0 to 4194304, found 4194305"},
    {BYTES("\1\0\1\2\1\0\0"), "a frame that stands for itself: none of its source came before"},
    {BYTES("\1\1\1\2\1\3\0\0\7"), "no more rows than the frame has bytes for"},
    {BYTES("\1\1\1\2\1\0\1"), "no more events than the frame has bytes for"},
    {BYTES("\0\1\1\2\1\2\0\0\7"), "at most one row of a source with one subject"},
    {BYTES("\1\1\1\2\1\0\1\0\0\0\5\5\0"), "no event in a block without rows"},
    {BYTES("\1\1\1\2\1\1\1\0\0\1\5\5\0"), "the row of an event from 0 to 0, found 1"},
    {BYTES("\1\1\1\2\1\1\1\0\5\0\5\5\0"), "an absence from 0 to 4, found 5"},
    {BYTES("\1\1\1\2\1\1\1\0\0\0\5\5\1x"), "an event without text"},
    {BYTES("\1\1\1\2\1\1\1\1\1\0\5\5\1x"), "an event without text"},
    {BYTES("\1\1\1\2\1\1\1\1\0\0\5\5\1\xff"), "an event whose text is UTF-8 without NUL"},
    {BYTES("\1\1\1\2\1\1\1\1\0\0\5\5\1\0"), "an event whose text is UTF-8 without NUL"},
    {BYTES("\1\1\1\2\1\1\1\1\0\0\5\5\3xy"),
     "3 bytes of the text of an event, found the end after 2"},
    {BYTES("\1\1\1\2\1\1\1\1\0\0\5\5\x81\x20x"), "the text of an event from 0 to 4096, found 4097"},
    {BYTES("\1\1\1\2\1\1\0\2\7"), "a row of the block"},
    {BYTES("\1\1\1\2\1\1\0\0\7\0\7"), "a row of the block"},
    {BYTES("\1\1\1\2\1\1\0\1\5"), "the birth of a subject, found no number of up to 64 bits"},
    {BYTES("\1\1\1\2\1\1\0\0"), "a cell, found no number of up to 64 bits"},
    {BYTES("\1\1\1\2\1\1\0\0\5\7"), "a cell of one of the columns of its source"},
    {BYTES("\1\1\1\2\1\1\0\0\x11\7"), "a cell of one of the columns of its source"},
    {BYTES("\1\1\1\2\1\1\0\0\x09\1\7"), "a cell of one of the columns of its source"},
    {BYTES("\1\1\1\2\1\1\0\0\0"), "a value, found no number of up to 64 bits"},
    {BYTES("\1\1\1\2\1\1\0\0\x08"), "a character, found no number of up to 64 bits"},
};

/* Each is refused with its reason, at a byte that lies in the frame. */
static void test_each_bad_frame_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_frames / sizeof *bad_frames; i++) {
        struct tape_bytes tape = {0};
        struct mw_recording_frame frame;

        put_header(&tape);
        struct mw_recording_reader *reader = new_reader(&tape);
        size_t begin = tape.size;
        tape_begin_frame(&tape);
        tape_put(&tape, bad_frames[i].payload, bad_frames[i].size);
        tape_end_frame(&tape);
        int r = mw_recording_read_frame(reader, tape.bytes + begin, tape.size - begin, &frame);
        const char *error = mw_recording_reader_error(reader);
        if (r != -EBADMSG ||
            strcmp(strchr(error, ':') + 2 + strlen("expected "), bad_frames[i].expected) != 0)
            fail_msg("frame %zu: %d \"%s\", not \"%s\"", i, r, error, bad_frames[i].expected);
        assert_int_equal(strncmp(error, "byte ", 5), 0);
        assert_in_range(strtoull(error + 5, NULL, 10), begin + FRAME_HEAD, tape.size);
        mw_recording_reader_destroy(reader);
        tape_bytes_free(&tape);
    }
}

static struct mw_block *decode(const char *payload, size_t size)
{
    struct tape_bytes tape = {0};
    struct mw_recording_frame frame;

    put_header(&tape);
    struct mw_recording_reader *reader = new_reader(&tape);
    size_t begin = tape.size;
    tape_begin_frame(&tape);
    tape_put(&tape, payload, size);
    tape_end_frame(&tape);
    if (mw_recording_read_frame(reader, tape.bytes + begin, tape.size - begin, &frame) != 0)
        fail_msg("%s", mw_recording_reader_error(reader));
    mw_recording_reader_destroy(reader);
    tape_bytes_free(&tape);
    return frame.block;
}

/* What a good frame may just have: as many rows as bytes, a text of 4096, the largest number. */
static void test_at_the_limits(void **state)
{
    static const char head[] = "\1\1\1\2\1\1\1\1\0\0\5\5\x80\x20";
    char payload[sizeof head - 1 + MW_BLOCK_TEXT_MAX];

    (void)state;
    struct mw_block *block = decode(BYTES("\1\1\1\2\1\4\0\1\5\5\7"));
    assert_int_equal(mw_block_head(block)->live, 1);
    mw_block_unref(block);
    memcpy(payload, head, sizeof head - 1);
    memset(payload + sizeof head - 1, 'n', MW_BLOCK_TEXT_MAX);
    block = decode(payload, sizeof payload);
    assert_int_equal(mw_block_events(block)[0].text_size, MW_BLOCK_TEXT_MAX);
    mw_block_unref(block);
    block = decode(BYTES("\1\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2\1\0\0"));
    assert_true(mw_block_head(block)->seq == UINT64_MAX);
    mw_block_unref(block);
}

/* A beat never has two blocks of one source, whatever the marks say: the second begins another. */
static void test_repeated_source_begins_a_beat(void **state)
{
    static const struct {
        uint8_t place, flags;
        bool begins;
    } frames[] = {{PROCESS_PLACE, KEY | BEGINS, true},
                  {SELF_PLACE, KEY, false},
                  {PROCESS_PLACE, KEY, true},
                  {SELF_PLACE, KEY, false},
                  {SELF_PLACE, KEY, true},
                  {PROCESS_PLACE, KEY, false},
                  {PROCESS_PLACE, KEY | BEGINS, true}};
    struct tape_bytes tape = {0};

    (void)state;
    put_header(&tape);
    struct mw_recording_reader *reader = new_reader(&tape);
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct mw_recording_frame frame;
        size_t begin = tape.size;

        tape_begin_frame(&tape);
        tape_put_byte(&tape, frames[i].place);
        tape_put_byte(&tape, frames[i].flags);
        tape_put(&tape, BYTES("\1\2\1\0\0"));
        tape_end_frame(&tape);
        assert_int_equal(
            mw_recording_read_frame(reader, tape.bytes + begin, tape.size - begin, &frame), 0);
        assert_int_equal(frame.begins_beat, frames[i].begins);
        mw_block_unref(frame.block);
    }
    mw_recording_reader_destroy(reader);
    tape_bytes_free(&tape);
}

/* No collector gives a word that does not print: it is absent, and the rest of the row is there. */
static void test_unsound_word_is_stale(void **state)
{
    static const char words[] = {0, ' ', 0x7f, '!', '~'};
    union mw_value value;

    (void)state;
    for (size_t i = 0; i < sizeof words; i++) {
        char payload[] = "\1\1\1\2\1\1\0\1\5\5\0\2\0W\7";

        payload[13] = words[i];
        struct mw_block *block = decode(payload, sizeof payload - 1);
        assert_int_equal(mw_block_get(block, MW_PROCESS_STATE, 0, &value),
                         i < 3 ? MW_ABSENT_STALE : MW_PRESENT);
        assert_int_equal(mw_block_get(block, MW_PROCESS_RSS, 0, &value), MW_PRESENT);
        assert_int_equal(value.u, 1);
        mw_block_unref(block);
    }
}

/* A float that JSON could not spell is absent too. */
static void test_unsound_float_is_stale(void **state)
{
    static const double floats[] = {NAN, INFINITY, -INFINITY, 0.25};
    struct mw_recording_frame frame;
    union mw_value value;

    (void)state;
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        struct tape_bytes tape = {0};

        tape_begin_header(&tape, 1);
        tape_put(&tape, BYTES("\0\0\1\6system\1\2\x18system.pressureSomeAvg10"));
        tape_end_header(&tape);
        struct mw_recording_reader *reader = new_reader(&tape);
        size_t begin = tape.size;
        tape_begin_frame(&tape);
        tape_put(&tape, BYTES("\0\1\1\2\1\1\0\1\1\0\0"));
        tape_put(&tape, &floats[i], sizeof floats[i]);
        tape_put_byte(&tape, 7);
        tape_end_frame(&tape);
        assert_int_equal(
            mw_recording_read_frame(reader, tape.bytes + begin, tape.size - begin, &frame), 0);
        assert_int_equal(mw_block_get(frame.block, MW_SYSTEM_PRESSURE_SOME_AVG10, 0, &value),
                         i < 3 ? MW_ABSENT_STALE : MW_PRESENT);
        assert_true(i < 3 || value.f == 0.25);
        mw_block_unref(frame.block);
        mw_recording_reader_destroy(reader);
        tape_bytes_free(&tape);
    }
}

/* ---- every byte of a real payload, changed and signed again ---- */

static void read_changed(const struct tape_bytes *tape, size_t first, const size_t *ends)
{
    struct mw_recording_reader *reader = new_reader(tape);
    struct mw_recording_frame frame;
    size_t at = first;
    int r = 0;

    for (int i = 0; i < 4 && r == 0; i++) {
        r = mw_recording_read_frame(reader, tape->bytes + at, ends[i] - at, &frame);
        at = ends[i];
        if (r == 0 && frame.block) {
            const struct mw_block_head *head = mw_block_head(frame.block);

            assert_int_equal(mw_block_check(head, head->size), 0);
            mw_block_unref(frame.block);
        }
    }
    if (r != 0) {
        assert_int_equal(r, -EBADMSG);
        assert_in_range(strtoull(mw_recording_reader_error(reader) + 5, NULL, 10), first, at);
    }
    mw_recording_reader_destroy(reader);
}

static size_t make_tape(struct tape_bytes *tape, size_t *ends)
{
    struct mw_recording_writer *writer;
    struct mw_recording_bytes bytes;
    struct block_maker maker;

    block_maker_init(&maker, MW_SOURCE_PROCESS, 21);
    assert_int_equal(mw_recording_writer_create(4096, &writer), 0);
    assert_int_equal(mw_recording_write_header(writer, &bytes), 0);
    tape_put(tape, bytes.bytes, bytes.size);
    size_t first = tape->size;
    for (int i = 0; i < 4; i++) {
        struct mw_block *block = block_maker_next(&maker, 3);

        assert_int_equal(mw_recording_write_frame(writer, block, true, &bytes), 0);
        tape_put(tape, bytes.bytes, bytes.size);
        ends[i] = tape->size;
        mw_block_unref(block);
    }
    mw_recording_writer_destroy(writer);
    block_maker_deinit(&maker);
    return first;
}

/* Either it is refused, or what comes out is a block as sound as any. */
static void test_signed_changes_of_every_byte(void **state)
{
    static const uint8_t masks[] = {0x01, 0x04, 0x80, 0xff};
    struct tape_bytes tape = {0};
    size_t ends[4];

    (void)state;
    size_t first = make_tape(&tape, ends);
    for (int i = 0; i < 4; i++) {
        size_t begin = i ? ends[i - 1] : first;

        for (size_t at = begin + FRAME_HEAD; at < ends[i]; at++) {
            for (size_t mask = 0; mask < sizeof masks; mask++) {
                tape.bytes[at] ^= masks[mask];
                tape_sign_frame(tape.bytes + begin, ends[i] - begin - FRAME_HEAD);
                read_changed(&tape, first, ends);
                tape.bytes[at] ^= masks[mask];
            }
        }
        tape_sign_frame(tape.bytes + begin, ends[i] - begin - FRAME_HEAD);
    }
    tape_bytes_free(&tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bad_frame_is_told),
        cmocka_unit_test(test_at_the_limits),
        cmocka_unit_test(test_repeated_source_begins_a_beat),
        cmocka_unit_test(test_unsound_word_is_stale),
        cmocka_unit_test(test_unsound_float_is_stale),
        cmocka_unit_test(test_signed_changes_of_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
