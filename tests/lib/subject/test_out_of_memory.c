/* Memory that runs out while events are taken in costs names, never the registry: what could not be
 * stored is absent as stale, everything else is right, and nothing leaks. */
#include "subject/subject.h"
#include "support/out_of_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 100 };

static size_t name_of(uint32_t row, char name[16])
{
    return (size_t)snprintf(name, 16, "row %u", row);
}

static struct mw_block *births(struct mw_block_pool *pool)
{
    struct mw_block *block = NULL;

    assert_int_equal(mw_block_take(pool, NULL, ROWS, &block), 0);
    for (uint32_t row = 0; row < ROWS; row++) {
        char name[16];
        size_t size = name_of(row, name);

        mw_block_set_key(block, row, (struct mw_block_key){row + 1, 0});
        mw_block_add_event(block, MW_EVENT_BORN, row, MW_PRESENT, NULL, 0);
        mw_block_add_event(block, MW_EVENT_NAME, row, MW_PRESENT, name, size);
    }
    mw_block_set_time(block, 1, 0, 0);
    assert_int_equal(mw_block_finish(block), 0);
    return block;
}

static uint32_t names_missing(const struct mw_subjects *subjects, const struct mw_block *block)
{
    uint32_t missing = 0;

    for (uint32_t row = 0; row < ROWS; row++) {
        struct mw_subject subject;
        char name[16];
        size_t size = name_of(row, name);

        assert_true(mw_subjects_at(subjects, block, row, &subject));
        if (subject.name.bytes == NULL) {
            assert_int_equal(subject.name.absence, MW_ABSENT_STALE);
            missing++;
        } else {
            assert_int_equal(subject.name.size, size);
            assert_memory_equal(subject.name.bytes, name, size);
        }
    }
    return missing;
}

static void one_name_is_lost_at_most(void **state)
{
    struct mw_block_pool *pool = NULL;
    struct mw_block *block;
    int error = -ENOMEM;

    (void)state;
    assert_int_equal(mw_block_pool_create(MW_SOURCE_PROCESS, &pool), 0);
    block = births(pool);
    for (int i = 1; i < 2 * ROWS; i++) {
        struct mw_subjects *subjects = NULL;
        uint32_t missing;

        assert_int_equal(mw_subjects_create(&subjects), 0);
        out_of_memory_after(i); /* the first one is the array of rows: below */
        error = mw_subjects_apply(subjects, block);
        out_of_memory_never();
        missing = names_missing(subjects, block);
        assert_int_equal(missing, error == -ENOMEM);
        assert_int_equal(mw_subjects_count(subjects), ROWS);
        assert_int_equal(mw_subjects_texts(subjects), ROWS - missing);
        assert_int_equal(mw_subjects_apply(subjects, block), 0);
        assert_int_equal(names_missing(subjects, block), 0);
        mw_subjects_destroy(subjects);
    }
    assert_int_equal(error, 0);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

static void without_room_for_rows_nobody_is_known(void **state)
{
    struct mw_block_pool *pool = NULL;
    struct mw_subjects *subjects = NULL;
    struct mw_block *block;

    (void)state;
    assert_int_equal(mw_block_pool_create(MW_SOURCE_PROCESS, &pool), 0);
    assert_int_equal(mw_subjects_create(&subjects), 0);
    block = births(pool);
    out_of_memory_after(0);
    assert_int_equal(mw_subjects_apply(subjects, block), -ENOMEM);
    assert_int_equal(names_missing(subjects, block), ROWS);
    assert_int_equal(mw_subjects_count(subjects), 0);
    assert_int_equal(mw_subjects_apply(subjects, block), 0);
    assert_int_equal(names_missing(subjects, block), 0);
    mw_subjects_destroy(subjects);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

static void creation_may_fail_at_each_step(void **state)
{
    struct mw_subjects *subjects = NULL;

    (void)state;
    for (int i = 0; i < 2; i++) {
        out_of_memory_after(i);
        assert_int_equal(mw_subjects_create(&subjects), -ENOMEM);
        assert_null(subjects);
    }
    out_of_memory_never();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_name_is_lost_at_most),
        cmocka_unit_test(without_room_for_rows_nobody_is_known),
        cmocka_unit_test(creation_may_fail_at_each_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
