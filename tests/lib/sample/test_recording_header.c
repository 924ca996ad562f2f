/* Headers: of other builds, whose columns are found by id, and of files that mean harm. */
#include "sample/sample.h"
#include "tests/support/tape_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { KEY = 1, BEGINS = 2, END = 7 };

/* ---- by hand ---- */

struct column {
    unsigned type;
    const char *id;
};

static void put_source(struct tape_bytes *tape, const char *word, const struct column *columns,
                       uint32_t count)
{
    tape_put_text(tape, word);
    tape_put_varint(tape, count);
    for (uint32_t i = 0; i < count; i++) {
        tape_put_byte(tape, columns[i].type);
        tape_put_text(tape, columns[i].id);
    }
}

static void begin_header(struct tape_bytes *tape, uint32_t sources)
{
    tape_begin_header(tape, 1);
    tape_put_varint(tape, 4096);
    tape_put_text(tape, "0.0.1");
    tape_put_varint(tape, sources);
}

/* seq 1 at 1 ms and 1 ns. */
static void begin_frame(struct tape_bytes *tape, unsigned source, unsigned flags, uint32_t rows,
                        uint32_t events)
{
    tape_begin_frame(tape);
    tape_put_varint(tape, source);
    tape_put_varint(tape, flags);
    tape_put_varint(tape, 1);
    tape_put_varint(tape, 2);
    tape_put_varint(tape, 1);
    tape_put_varint(tape, rows);
    tape_put_varint(tape, events);
}

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

/* The table of another build: other order, readings that went or came since, one that has changed
 * its type, one that has moved to another source; and sources that this build has not. */
static const struct column process_columns[] = {
    {0, "process.nonsense"},   /* 0: unknown here */
    {0, "process.swap"},       /* 1 */
    {2, "process.oldAverage"}, /* 2: unknown here, a float */
    {3, "process.oldWord"},    /* 3: unknown here, a word */
    {2, "process.rssAnon"},    /* 4: a whole number here */
    {0, "system.memTotal"},    /* 5: of another source here */
    {0, "process.rss"},        /* 6 */
    {1, "process.growth"},     /* 7 */
    {3, "process.state"},      /* 8 */
};
static const struct column gadget_columns[] = {{2, "gadget.spin"}};
static const struct column derived_columns[] = {{0, "system.memUsed"}};

static void put_older_frame(struct tape_bytes *tape)
{
    const double average = 2.5;

    begin_frame(tape, 1, KEY | BEGINS, 2, 3);
    tape_put(tape, "\0\0\0\x2a\x07\0", 6);        /* row 0: born, 42:7 */
    tape_put(tape, "\x09\0\0\x2a\x07\x03odd", 9); /* an event of a type that came later */
    tape_put(tape, "\x01\0\0\x2a\x07\x02sh", 8);  /* row 0: named sh */
    tape_put(tape, "\x01\x2a\x07", 3);            /* row 0 is 42:7 */
    tape_put(tape, "\0\x0a", 2);                  /* nonsense 5 */
    tape_put(tape, "\0\xc8\x01", 3);              /* swap 100 */
    tape_put_byte(tape, 0);                       /* oldAverage */
    tape_put(tape, &average, 8);
    tape_put(tape, "\0\x51", 2); /* oldWord Q */
    tape_put_byte(tape, 0);      /* rssAnon as a float */
    tape_put(tape, &average, 8);
    tape_put(tape, "\0\x0e", 2); /* memTotal 7 */
    tape_put(tape, "\x01", 1);   /* rss: denied */
    tape_put(tape, "\0\x05", 2); /* growth -3 */
    tape_put(tape, "\0\x53", 2); /* state S */
    tape_put_byte(tape, END);
    tape_put(tape, "\0\x07", 2); /* row 1: free */
    tape_end_frame(tape);
}

static void put_older(struct tape_bytes *tape)
{
    begin_header(tape, 3);
    put_source(tape, "gadget", gadget_columns, 1);
    put_source(tape, "process", process_columns, 9);
    put_source(tape, "derived", derived_columns, 1);
    tape_end_header(tape);
    put_older_frame(tape);
    begin_frame(tape, 0, KEY, 1, 0);
    tape_put(tape, "not looked at", 13);
    tape_end_frame(tape);
    begin_frame(tape, 2, KEY, 1, 0);
    tape_put(tape, "not looked at", 13);
    tape_end_frame(tape);
    begin_frame(tape, 1, BEGINS, 2, 0);
    tape_put(tape, "\0\x00\x02\x00\xc7\x01", 6); /* row 0: nonsense 6, swap 100 - 100 = 0 */
    tape_put_byte(tape, END);
    tape_end_frame(tape);
}

static void assert_value(const struct mw_block *block, enum mw_reading reading, uint64_t expected)
{
    union mw_value value = {.u = ~expected};

    assert_int_equal(mw_block_get(block, reading, 0, &value), MW_PRESENT);
    assert_int_equal(value.u, expected);
}

static void assert_absent(const struct mw_block *block, enum mw_reading reading,
                          enum mw_absence expected)
{
    union mw_value value;

    assert_int_equal(mw_block_get(block, reading, 0, &value), expected);
}

/* Columns are found by id: what is unknown here is dropped, what the file lacks is unsupported. */
static void test_another_build_is_mapped_by_id(void **state)
{
    struct tape_bytes tape = {0};
    size_t at;

    (void)state;
    put_older(&tape);
    struct mw_recording_reader *reader = reader_of(&tape, &at);
    assert_string_equal(mw_recording_reader_build(reader), "0.0.1");
    struct mw_block *block = next_block(reader, &tape, &at);
    assert_int_equal(mw_block_keys(block)[0].id, 42);
    assert_int_equal(mw_block_keys(block)[0].birth, 7);
    assert_int_equal(mw_block_head(block)->time_ms, 1);
    assert_int_equal(mw_block_head(block)->live, 1);
    assert_value(block, MW_PROCESS_SWAP, 100);
    assert_value(block, MW_PROCESS_GROWTH, (uint64_t)-3);
    assert_value(block, MW_PROCESS_STATE, 'S');
    assert_absent(block, MW_PROCESS_RSS, MW_ABSENT_DENIED);
    assert_absent(block, MW_PROCESS_RSS_ANON, MW_ABSENT_UNSUPPORTED);
    assert_absent(block, MW_PROCESS_PEAK, MW_ABSENT_UNSUPPORTED);
    assert_int_equal(mw_block_head(block)->events, 2);
    assert_int_equal(mw_block_events(block)[1].type, MW_EVENT_NAME);
    assert_memory_equal(mw_block_text(block) + mw_block_events(block)[1].text_offset, "sh", 2);
    mw_block_unref(block);
    assert_null(next_block(reader, &tape, &at)); /* gadget */
    assert_null(next_block(reader, &tape, &at)); /* derived: never in a block */
    block = next_block(reader, &tape, &at);
    assert_value(block, MW_PROCESS_SWAP, 0);
    assert_value(block, MW_PROCESS_STATE, 'S');
    mw_block_unref(block);
    assert_int_equal(at, tape.size);
    mw_recording_reader_destroy(reader);
    tape_bytes_free(&tape);
}

static void test_checksum_is_crc32c(void **state)
{
    (void)state;
    assert_int_equal(tape_crc(0, "123456789", 9), 0xe3069283u); /* the usual check value */
}

/* ---- headers that are signed and wrong ---- */

static void put_sources(struct tape_bytes *tape, uint32_t sources)
{
    static const struct column none[1] = {{0, ""}};

    begin_header(tape, sources);
    for (uint32_t i = 0; i < sources; i++)
        put_source(tape, i == 0 ? "self" : "gadget", none, 0);
    tape_end_header(tape);
}

static void put_columns(struct tape_bytes *tape, uint32_t count)
{
    begin_header(tape, 1);
    tape_put_text(tape, "self");
    tape_put_varint(tape, count);
    for (uint32_t i = 0; i < count; i++)
        tape_put(tape, "\0\1x", 3);
    tape_end_header(tape);
}

static void put_long_word(struct tape_bytes *tape, uint32_t size)
{
    char word[300];

    memset(word, 'w', sizeof word);
    word[size] = 0;
    begin_header(tape, 1);
    tape_put_text(tape, word);
    tape_put_varint(tape, 0);
    tape_end_header(tape);
}

/* A header of `size` bytes in all; most of them stand where it should be over. */
static void put_long_header(struct tape_bytes *tape, uint32_t size)
{
    static const struct column none[1] = {{0, ""}};
    static const uint8_t more[MW_RECORDING_HEADER_MAX + 1];

    begin_header(tape, 1);
    put_source(tape, "self", none, 0);
    tape_put(tape, more, size - tape->size);
    tape_end_header(tape);
}

static int read_header_of(struct tape_bytes *tape, char *ret_error)
{
    struct mw_recording_reader *reader;
    size_t size;

    assert_int_equal(mw_recording_reader_create(&reader), 0);
    int r = mw_recording_read_header(reader, tape->bytes, tape->size, &size);
    snprintf(ret_error, MW_RECORDING_ERROR_MAX, "%s", mw_recording_reader_error(reader));
    mw_recording_reader_destroy(reader);
    tape_bytes_free(tape);
    return r;
}

/* Each bound of the header at one below, at and one above. */
static void test_header_limits(void **state)
{
    static const struct {
        void (*put)(struct tape_bytes *tape, uint32_t number);
        uint32_t limit;
    } cases[] = {{put_sources, 16}, {put_columns, 4096}, {put_long_word, 255}};
    char error[MW_RECORDING_ERROR_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (uint32_t past = 0; past <= 2; past++) {
            struct tape_bytes tape = {0};

            cases[i].put(&tape, cases[i].limit - 1 + past);
            assert_int_equal(read_header_of(&tape, error), past < 2 ? 0 : -EBADMSG);
        }
    }
    for (uint32_t past = 0; past <= 2; past++) {
        struct tape_bytes tape = {0};

        put_long_header(&tape, MW_RECORDING_HEADER_MAX - 1 + past);
        assert_int_equal(read_header_of(&tape, error), -EBADMSG);
        /* within the bound the body is looked at, and it has too much in it */
        assert_non_null(strstr(error, past < 2 ? "the end of the header" : "at most 1048576"));
    }
}

static void assert_header_error(struct tape_bytes *tape, const char *expected)
{
    char error[MW_RECORDING_ERROR_MAX];

    assert_int_equal(read_header_of(tape, error), -EBADMSG);
    assert_string_equal(error, expected);
}

static void test_header_errors(void **state)
{
    static const struct column twice[] = {{0, "daemon.rss"}, {0, "x"}, {0, "daemon.rss"}};
    static const struct column odd[] = {{9, "daemon.rss"}};
    struct tape_bytes tape = {0};

    (void)state;
    tape_put(&tape, "#!/bin/sh\n", 10);
    assert_header_error(&tape, "byte 0: expected a recording, which begins with MWRECORD");
    tape_begin_header(&tape, 2);
    tape_end_header(&tape);
    assert_header_error(&tape, "byte 8: expected version 1 of the format, found 2");
    put_sources(&tape, 0);
    assert_header_error(&tape, "byte 29: expected a source");
    begin_header(&tape, 1);
    tape_end_header(&tape);
    assert_header_error(&tape,
                        "byte 29: expected the word of a source, found no number of up to 64 bits");
    begin_header(&tape, 1);
    tape_put(&tape, "\x09xy", 3);
    tape_end_header(&tape);
    assert_header_error(&tape,
                        "byte 30: expected 9 bytes of the word of a source, found the end after 2");
    begin_header(&tape, 1);
    put_source(&tape, "self", twice, 3);
    tape_end_header(&tape);
    assert_header_error(&tape, "byte 50: expected a reading that did not come before, found "
                               "daemon.rss again");
    begin_header(&tape, 1);
    put_source(&tape, "self", odd, 1);
    tape_end_header(&tape);
    assert_header_error(&tape, "byte 35: expected the type of a reading from 0 to 3, found 9");
    begin_header(&tape, 2);
    put_source(&tape, "self", twice, 1);
    put_source(&tape, "self", twice, 1);
    tape_end_header(&tape);
    assert_header_error(&tape,
                        "byte 47: expected a source that did not come before, found self again");
}

/* The name of the build goes into a log line: it may not carry anything but print. */
static void test_build_name_is_printable(void **state)
{
    static const struct column none[1] = {{0, ""}};
    struct tape_bytes tape = {0};
    size_t at;

    (void)state;
    tape_begin_header(&tape, 1);
    tape_put_varint(&tape, 4096);
    tape_put_text(&tape, "1.0\x1b[2J\n\xff");
    tape_put_varint(&tape, 1);
    put_source(&tape, "self", none, 0);
    tape_end_header(&tape);
    struct mw_recording_reader *reader = reader_of(&tape, &at);
    assert_string_equal(mw_recording_reader_build(reader), "1.0?[2J??");
    mw_recording_reader_destroy(reader);
    tape_bytes_free(&tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_build_is_mapped_by_id),
        cmocka_unit_test(test_checksum_is_crc32c),
        cmocka_unit_test(test_header_limits),
        cmocka_unit_test(test_header_errors),
        cmocka_unit_test(test_build_name_is_printable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
