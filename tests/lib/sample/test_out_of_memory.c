/* Memory that runs out at any one allocation is an answer, not a crash: every call says -ENOMEM or
 * does its work, nothing leaks (the address sanitizer watches), and the next try succeeds. */
#include "sample/sample.h"
#include "support/out_of_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int fill(struct mw_block *block)
{
    static char text[1000];
    int error = 0;

    memset(text, 'a', sizeof(text));
    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    for (int i = 0; i < 20 && error == 0; i++)
        error = mw_block_add_event(block, MW_EVENT_NAME, 0, MW_PRESENT, text, sizeof(text));
    mw_block_set_time(block, 1, 1, 1);
    return error == 0 ? mw_block_finish(block) : error;
}

static int take_and_fill(struct mw_block_pool *pool)
{
    struct mw_block *block = NULL;
    int error = mw_block_take(pool, NULL, 10, &block);

    if (error == 0)
        error = fill(block);
    mw_block_unref(block);
    return error;
}

static int block_life(void)
{
    struct mw_block_pool *pool = NULL;
    int error = mw_block_pool_create(MW_SOURCE_PROCESS, &pool);

    if (error == 0) {
        error = take_and_fill(pool);
        out_of_memory_never();
        assert_int_equal(take_and_fill(pool), 0);
    }
    mw_block_pool_destroy(pool);
    return error;
}

static int seal_one(struct mw_block_pool *pool)
{
    struct mw_sealer *sealer = NULL;
    struct mw_sample *sample = NULL;
    struct mw_block *block = NULL;
    int error = mw_sealer_create(&sealer);

    if (error < 0)
        return error;
    error = mw_block_take(pool, NULL, 1, &block);
    if (error == 0) {
        error = mw_block_finish(block);
        mw_sealer_offer(sealer, block, 0);
        mw_block_unref(block);
    }
    if (error == 0)
        error = mw_sealer_seal(sealer, 0, &sample);
    mw_sample_unref(sample);
    mw_sealer_destroy(sealer);
    return error;
}

static int seal_life(void)
{
    struct mw_block_pool *pool = NULL;
    int error = mw_block_pool_create(MW_SOURCE_SYSTEM, &pool);

    if (error == 0)
        error = seal_one(pool);
    mw_block_pool_destroy(pool);
    return error;
}

static void fail_at_each(int (*life)(void), int least)
{
    int failures = 0;

    for (;;) {
        int error;

        out_of_memory_after(failures);
        error = life();
        if (error == 0)
            break;
        assert_int_equal(error, -ENOMEM);
        failures++;
    }
    out_of_memory_never();
    assert_true(failures >= least);
}

static void every_allocation_of_a_block_may_fail(void **state)
{
    (void)state;
    fail_at_each(block_life, 8); /* pool, three blocks, buffer, text, events, the larger buffer */
}

static void every_allocation_of_a_sample_may_fail(void **state)
{
    (void)state;
    fail_at_each(seal_life, 8); /* pool, three blocks, sealer, its derivation, buffer, sample */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_a_block_may_fail),
        cmocka_unit_test(every_allocation_of_a_sample_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
