/* What was written is read back, cell by cell, and takes little room. */
#include "sample/sample.h"
#include "tests/support/blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALL_SOURCES = 4, PAGE = 4096 };

static const enum mw_source all_sources[ALL_SOURCES] = {MW_SOURCE_SYSTEM, MW_SOURCE_PROCESS,
                                                        MW_SOURCE_SELF, MW_SOURCE_DAEMON};

/* A writer whose every byte goes to a reader at once. */
struct pair {
    struct mw_recording_writer *writer;
    struct mw_recording_reader *reader;
};

static void pair_init(struct pair *self)
{
    struct mw_recording_bytes header;
    size_t size;

    assert_int_equal(mw_recording_writer_create(PAGE, &self->writer), 0);
    assert_int_equal(mw_recording_reader_create(&self->reader), 0);
    assert_int_equal(mw_recording_write_header(self->writer, &header), 0);
    assert_int_equal(mw_recording_read_header(self->reader, header.bytes, header.size, &size), 0);
    assert_int_equal(size, header.size);
}

static void pair_deinit(struct pair *self)
{
    mw_recording_writer_destroy(self->writer);
    mw_recording_reader_destroy(self->reader);
}

/* Returns the size of the frame; the block is let go. */
static size_t pass(struct pair *self, struct mw_block *block, bool begins_beat)
{
    struct mw_recording_bytes bytes;
    struct mw_recording_frame frame;

    assert_int_equal(mw_recording_write_frame(self->writer, block, begins_beat, &bytes), 0);
    assert_int_equal(mw_recording_read_frame(self->reader, bytes.bytes, bytes.size, &frame), 0);
    assert_int_equal(frame.size, bytes.size);
    assert_int_equal(frame.begins_beat, begins_beat);
    assert_blocks_equal(block, frame.block);
    const struct mw_block_head *head = mw_block_head(frame.block);
    assert_int_equal(mw_block_check(head, head->size), 0);
    mw_block_unref(frame.block);
    mw_block_unref(block);
    return bytes.size;
}

/* 130 beats pass two key frames of each source; rows come, go, change subjects within a beat. */
static void test_what_was_written_is_read(void **state)
{
    struct block_maker makers[ALL_SOURCES];
    struct pair pair;

    (void)state;
    pair_init(&pair);
    for (int i = 0; i < ALL_SOURCES; i++)
        block_maker_init(&makers[i], all_sources[i], 7 + (uint64_t)i);
    for (uint32_t beat = 0; beat < 130; beat++)
        for (uint32_t i = 0; i < ALL_SOURCES; i++)
            pass(&pair, block_maker_next(&makers[i], 20 + beat % 17), i == 0);
    for (int i = 0; i < ALL_SOURCES; i++)
        block_maker_deinit(&makers[i]);
    pair_deinit(&pair);
}

static struct mw_block *take(struct block_maker *maker, uint32_t rows)
{
    struct mw_block *block;

    assert_int_equal(mw_block_take(maker->pool, maker->last, rows, &block), 0);
    return block;
}

static struct mw_block *finish(struct block_maker *maker, struct mw_block *block)
{
    mw_block_set_time(block, ++maker->seq, 0, 0);
    assert_int_equal(mw_block_finish(block), 0);
    mw_block_unref(maker->last);
    maker->last = mw_block_ref(block);
    return block;
}

/* Rows that end a block go away with their subjects; when they come back, they are as new. */
static void test_rows_shrink_and_grow(void **state)
{
    struct block_maker maker;
    struct pair pair;

    (void)state;
    pair_init(&pair);
    block_maker_init(&maker, MW_SOURCE_PROCESS, 3);
    pass(&pair, block_maker_next(&maker, 50), true);
    for (uint32_t rows = 50; rows > 0; rows -= 10) {
        struct mw_block *block = take(&maker, rows);

        for (uint32_t row = rows - 10; row < rows; row++)
            mw_block_clear_row(block, row);
        pass(&pair, finish(&maker, block), true);
        assert_int_equal(mw_block_head(maker.last)->rows, rows - 10);
    }
    for (uint32_t rows = 0; rows < 50; rows += 5) {
        struct mw_block *block = take(&maker, rows + 5);

        /* only the last one is taken: the four before it stay free */
        mw_block_set_key(block, rows + 4, (struct mw_block_key){900 + rows, 1});
        mw_block_put(block, MW_PROCESS_RSS, rows + 4, (union mw_value){.u = rows});
        pass(&pair, finish(&maker, block), true);
        assert_int_equal(mw_block_head(maker.last)->rows, rows + 5);
    }
    block_maker_deinit(&maker);
    pair_deinit(&pair);
}

/* A reader holds no more rows than it was given bytes for, so free rows have to be written too. */
static void test_one_subject_behind_many_free_rows(void **state)
{
    struct block_maker maker;
    struct pair pair;

    (void)state;
    pair_init(&pair);
    block_maker_init(&maker, MW_SOURCE_PROCESS, 3);
    for (uint32_t row = 500; row <= 1000; row += 500) {
        struct mw_block *block = take(&maker, row + 1);

        mw_block_set_key(block, row, (struct mw_block_key){row, 1});
        pass(&pair, finish(&maker, block), true);
        assert_int_equal(mw_block_head(maker.last)->rows, row + 1);
    }
    block_maker_deinit(&maker);
    pair_deinit(&pair);
}

/* The same pid with another birth is another subject: nothing of the old one remains. */
static void test_same_values_of_another_subject(void **state)
{
    struct block_maker maker;
    struct pair pair;

    (void)state;
    pair_init(&pair);
    block_maker_init(&maker, MW_SOURCE_PROCESS, 3);
    for (uint64_t birth = 1; birth <= 3; birth++) {
        struct mw_block *block = take(&maker, 1);

        mw_block_clear_row(block, 0);
        mw_block_set_key(block, 0, (struct mw_block_key){42, birth});
        mw_block_put(block, birth == 2 ? MW_PROCESS_SWAP : MW_PROCESS_RSS, 0,
                     (union mw_value){.u = 4096});
        pass(&pair, finish(&maker, block), true);
    }
    block_maker_deinit(&maker);
    pair_deinit(&pair);
}

static void test_largest_numbers(void **state)
{
    static const uint64_t values[] = {0, UINT64_MAX, 1, 1ULL << 63, (1ULL << 63) - 1, 0, 127, 128};
    struct block_maker maker;
    struct pair pair;

    (void)state;
    pair_init(&pair);
    block_maker_init(&maker, MW_SOURCE_PROCESS, 3);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct mw_block *block = take(&maker, 1);

        mw_block_set_key(block, 0, (struct mw_block_key){values[i] | 1, values[i]});
        mw_block_put(block, MW_PROCESS_RSS, 0, (union mw_value){.u = values[i]});
        mw_block_put(block, MW_PROCESS_GROWTH, 0, (union mw_value){.u = values[i]});
        mw_block_set_time(block, values[i] | 1, (int64_t)values[i], values[i]);
        assert_int_equal(mw_block_finish(block), 0);
        mw_block_unref(maker.last);
        maker.last = mw_block_ref(block);
        pass(&pair, block, true);
    }
    block_maker_deinit(&maker);
    pair_deinit(&pair);
}

/* What a bug reporter sends: an hour of 1000 idle processes stays far under 10 MB. Idle ones cost
 * nothing between two key frames, and each 60th frame is one. */
static void test_idle_processes_cost_little(void **state)
{
    struct block_maker maker;
    struct pair pair;
    size_t two_minutes = 0, first = 0;

    (void)state;
    pair_init(&pair);
    block_maker_init(&maker, MW_SOURCE_PROCESS, 5);
    for (uint32_t beat = 0; beat < 121; beat++) {
        maker.changes = 0;
        size_t size = pass(&pair, block_maker_next(&maker, 1000), true);

        if (beat == 0)
            first = size;
        else
            two_minutes += size;
        if (beat > 0 && beat % MW_RECORDING_KEY_EVERY != 0)
            assert_in_range(size, 1, 40);
        else
            assert_in_range(size, first / 3, first);
    }
    assert_in_range(two_minutes * 30, 1, 10 << 20);
    block_maker_deinit(&maker);
    pair_deinit(&pair);
}

/* Hardly anything tells one machine from another: its name is not in the file. */
static void test_header_tells_the_build_and_no_host(void **state)
{
    struct mw_recording_bytes header;
    struct pair pair;
    char host[256] = "";

    (void)state;
    pair_init(&pair);
    assert_string_equal(mw_recording_reader_build(pair.reader), MW_VERSION);
    assert_int_equal(mw_recording_reader_page_size(pair.reader), PAGE);
    assert_int_equal(mw_recording_write_header(pair.writer, &header), 0);
    assert_int_equal(mw_recording_reader_offset(pair.reader), header.size);
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    if (strlen(host) > 3)
        assert_null(memmem(header.bytes, header.size, host, strlen(host)));
    assert_non_null(memmem(header.bytes, header.size, "system.memAvailable", 19));
    assert_non_null(memmem(header.bytes, header.size, "daemon.recordDrops", 18));
    pair_deinit(&pair);
}

/* The writer keeps one reference to the newest block of a source and none to those before, so it
 * takes nothing from a pool of three that its readers do not already hold. */
static void test_writer_holds_only_the_newest(void **state)
{
    struct block_maker maker;
    struct pair pair;

    (void)state;
    pair_init(&pair);
    block_maker_init(&maker, MW_SOURCE_SYSTEM, 5);
    for (int i = 0; i < 10; i++) /* the maker holds the newest too: the third is always free */
        pass(&pair, block_maker_next(&maker, 1), true);
    block_maker_deinit(&maker);
    pair_deinit(&pair);
}

/* A frame that is too long is refused and leaves the writer as it was: the next one is a first one
 * still, stands for itself and is read. */
static void test_frame_limit(void **state)
{
    struct mw_recording_bytes bytes;
    struct block_maker maker;
    struct pair pair;
    size_t head = 0;

    (void)state;
    block_maker_init(&maker, MW_SOURCE_PROCESS, 5);
    for (int past = -2; past <= 1; past++) {
        /* the first time only tells how much a frame has besides its events */
        size_t events = (size_t)MW_RECORDING_FRAME_MAX - 100 + (size_t)past;
        struct mw_block *block = block_maker_events(&maker, head ? events + 100 - head : events);

        pair_init(&pair);
        int r = mw_recording_write_frame(pair.writer, block, true, &bytes);
        assert_int_equal(r, past > 0 ? -E2BIG : 0);
        if (head && r == 0)
            assert_int_equal(bytes.size, MW_RECORDING_FRAME_MAX + past);
        if (!head)
            head = bytes.size - events;
        mw_block_unref(block);
        if (r < 0)
            pass(&pair, block_maker_events(&maker, 200), true);
        pair_deinit(&pair);
    }
    block_maker_deinit(&maker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_rows_shrink_and_grow),
        cmocka_unit_test(test_one_subject_behind_many_free_rows),
        cmocka_unit_test(test_same_values_of_another_subject),
        cmocka_unit_test(test_largest_numbers),
        cmocka_unit_test(test_idle_processes_cost_little),
        cmocka_unit_test(test_header_tells_the_build_and_no_host),
        cmocka_unit_test(test_writer_holds_only_the_newest),
        cmocka_unit_test(test_frame_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
