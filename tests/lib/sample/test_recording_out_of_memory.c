/* Memory that runs out at any one allocation is told as -ENOMEM, takes nothing and leaks nothing:
 * the same call again does its work. */
#include "sample/sample.h"
#include "support/out_of_memory.h"
#include "tests/support/blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

enum { FRAMES = 3 };

struct life {
    struct block_maker maker;
    struct mw_recording_writer *writer;
    struct mw_recording_reader *reader;
    uint32_t failures;
};

/* Counts -ENOMEM and asks for the same again; nothing else may come. */
static bool again(struct life *self, int r)
{
    if (r == 0)
        return false;
    assert_int_equal(r, -ENOMEM);
    self->failures++;
    return true;
}

static void pass_frame(struct life *self, struct mw_block *block)
{
    struct mw_recording_bytes bytes;
    struct mw_recording_frame frame;

    while (again(self, mw_recording_write_frame(self->writer, block, true, &bytes)))
        ;
    while (again(self, mw_recording_read_frame(self->reader, bytes.bytes, bytes.size, &frame)))
        ;
    out_of_memory_never(); /* what follows is the test's own */
    assert_blocks_equal(block, frame.block);
    mw_block_unref(frame.block);
}

/* A header that could not be read to its end leaves a reader that reads nothing more. */
static void pass_header(struct life *self)
{
    struct mw_recording_bytes bytes;
    size_t size;

    while (again(self, mw_recording_write_header(self->writer, &bytes)))
        ;
    while (again(self, mw_recording_read_header(self->reader, bytes.bytes, bytes.size, &size))) {
        assert_int_equal(mw_recording_read_header(self->reader, bytes.bytes, bytes.size, &size),
                         -EBADMSG);
        mw_recording_reader_destroy(self->reader);
        while (again(self, mw_recording_reader_create(&self->reader)))
            ;
    }
}

/* Returns how often an allocation failed. */
static uint32_t live(int allocations, int fails_in)
{
    struct life life = {.failures = 0};

    block_maker_init(&life.maker, MW_SOURCE_PROCESS, 5);
    if (fails_in < 0)
        out_of_memory_after(allocations);
    while (again(&life, mw_recording_writer_create(4096, &life.writer)))
        ;
    while (again(&life, mw_recording_reader_create(&life.reader)))
        ;
    pass_header(&life);
    out_of_memory_never();
    for (int i = 0; i < FRAMES; i++) {
        struct mw_block *block = block_maker_next(&life.maker, 50 + 200 * (uint32_t)i);

        if (i == fails_in)
            out_of_memory_after(allocations);
        pass_frame(&life, block);
        mw_block_unref(block);
    }
    mw_recording_writer_destroy(life.writer);
    mw_recording_reader_destroy(life.reader);
    block_maker_deinit(&life.maker);
    return life.failures;
}

/* Each allocation of creating and of the header (-1), then of each frame, until there is none. */
static void test_every_allocation(void **state)
{
    (void)state;
    for (int fails_in = -1; fails_in < FRAMES; fails_in++) {
        int allocations = 0;

        while (live(allocations, fails_in) > 0)
            allocations++;
        assert_in_range(allocations, 1, 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
