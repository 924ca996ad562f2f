#include "tests/support/view_check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The fast writer against the slow truth: every field of every process of random samples, with all
 * bit patterns, texts and absences, is what the sample and the registry say. */
static void every_field_of_every_process(void **state)
{
    uint32_t compared = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct synthetic_options options = {.seed = seed,
                                            .processes = (uint32_t)(seed % 40),
                                            .free_every = seed % 7 ? 0 : 3,
                                            .wild = seed % 3 != 0,
                                            .absent_percent = (unsigned)(seed % 5) * 25};
        struct synthetic synthetic;
        struct mwd_view_input input;
        const struct mw_block *block;

        synthetic_init(&synthetic, &options);
        input = view_input(&synthetic);
        block = mw_sample_block(input.sample, MW_SOURCE_PROCESS);
        for (uint32_t row = 0; row < mw_block_head(block)->rows; row++) {
            uint64_t pid = mw_block_keys(block)[row].id;
            struct mwd_buffer out;
            cJSON *tree;

            mwd_buffer_init(&out, SIZE_MAX);
            assert_int_equal(mwd_view_process(&input, pid, &out), pid ? 0 : -ENOENT);
            if (pid) {
                tree = view_parse(&out);
                view_expect_head(tree, input.sample);
                view_expect_process(tree, &input, row, 2);
                cJSON_Delete(tree);
                compared++;
            }
            mwd_buffer_deinit(&out);
        }
        synthetic_deinit(&synthetic);
    }
    assert_true(compared > 4000);
}

/* All readings of kind process are in the object, whichever source fills them in. */
static void every_process_reading_of_the_table(void **state)
{
    struct synthetic_options options = {.seed = 1, .processes = 1};
    struct synthetic synthetic;
    struct mwd_view_input input;
    struct mwd_buffer out;
    cJSON *tree;
    int readings = 0;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    mwd_buffer_init(&out, SIZE_MAX);
    assert_int_equal(mwd_view_process(&input, 1, &out), 0);
    tree = view_parse(&out);
    for (enum mw_reading reading = 0; reading < MW_READING_COUNT; reading++) {
        if (mw_reading_info(reading)->kind == MW_KIND_PROCESS) {
            view_member(tree, mw_reading_info(reading)->key);
            readings++;
        }
    }
    assert_int_equal(cJSON_GetArraySize(tree), 3 + readings); /* timeMs, seq, pid */
    cJSON_Delete(tree);
    mwd_buffer_deinit(&out);
    synthetic_deinit(&synthetic);
}

static void unknown_pids_are_not_found(void **state)
{
    struct synthetic_options options = {.seed = 1, .processes = 10, .free_every = 2};
    struct synthetic synthetic;
    struct mwd_view_input input, none = {.sample = NULL};
    struct mwd_buffer out;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    mwd_buffer_init(&out, SIZE_MAX);
    assert_int_equal(mwd_view_process(&input, 0, &out), -ENOENT); /* the key of a free row */
    assert_int_equal(mwd_view_process(&input, UINT64_MAX, &out), -ENOENT);
    assert_int_equal(mwd_view_process(&none, 1, &out), -ENOENT);
    assert_int_equal(out.size, 0);
    mwd_buffer_deinit(&out);
    synthetic_deinit(&synthetic);
}

/* Rows ask for more room than they take; the limit still means what is taken, to the byte. */
static void limit_is_exact(void **state)
{
    struct synthetic_options options = {
        .seed = 5, .processes = 40, .wild = true, .absent_percent = 30};
    struct mwd_process_query all = {.sort = MW_PROCESS_RSS, .limit = UINT64_MAX};
    struct synthetic synthetic;
    struct mwd_view_input input;
    struct mwd_buffer whole;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    mwd_buffer_init(&whole, SIZE_MAX);
    mwd_view_processes(&input, &all, &whole);
    for (size_t limit = whole.size - 1; limit <= whole.size + 1; limit++) {
        struct mwd_buffer out;

        mwd_buffer_init(&out, limit);
        mwd_view_processes(&input, &all, &out);
        assert_int_equal(out.failed, limit < whole.size ? -EFBIG : 0);
        if (!out.failed) {
            assert_int_equal(out.size, whole.size);
            assert_memory_equal(out.bytes, whole.bytes, whole.size);
        }
        mwd_buffer_deinit(&out);
    }
    mwd_buffer_deinit(&whole);
    synthetic_deinit(&synthetic);
}

/* The process source is late: what it said is no longer true, who was there is still shown. */
static void late_processes_are_stale_not_old(void **state)
{
    struct synthetic_options options = {.seed = 9, .processes = 3};
    struct synthetic synthetic;
    struct mwd_view_input input;
    struct mwd_buffer out;
    cJSON *tree;

    (void)state;
    synthetic_init(&synthetic, &options);
    synthetic_age(&synthetic);
    input = view_input(&synthetic);
    mwd_buffer_init(&out, SIZE_MAX);
    assert_int_equal(mwd_view_process(&input, 1, &out), 0);
    tree = view_parse(&out);
    view_expect_process(tree, &input, 0, 2);
    assert_true(cJSON_IsNull(view_member(tree, "rss")));
    assert_true(cJSON_IsString(view_member(tree, "name")));
    cJSON_Delete(tree);
    mwd_buffer_deinit(&out);
    synthetic_deinit(&synthetic);
}

/* The longest texts there can be, every byte of which is escaped. */
static void longest_texts_fit(void **state)
{
    struct synthetic_options options = {.seed = 1, .processes = 1};
    struct synthetic synthetic;
    struct mwd_view_input input;
    struct mwd_buffer out;
    struct mw_block *block;
    struct mw_subject subject;
    char text[MW_BLOCK_TEXT_MAX];
    cJSON *tree;

    (void)state;
    memset(text, '\x01', sizeof(text));
    synthetic_init(&synthetic, &options);
    assert_int_equal(mw_block_take(synthetic.pools[MW_SOURCE_PROCESS],
                                   mw_sample_block(synthetic.sample, MW_SOURCE_PROCESS), 1, &block),
                     0);
    mw_block_set_time(block, 2, 0, 0);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_NAME, 0, MW_PRESENT, text, sizeof(text)),
                     0);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_CGROUP, 0, MW_PRESENT, text, sizeof(text)),
                     0);
    assert_int_equal(mw_block_finish(block), 0);
    assert_int_equal(mw_subjects_apply(synthetic.subjects, block), 0);
    mw_block_unref(block);

    input = view_input(&synthetic);
    mwd_buffer_init(&out, SIZE_MAX);
    assert_int_equal(mwd_view_process(&input, 1, &out), 0);
    tree = view_parse(&out);
    assert_true(mw_subjects_at(input.subjects, mw_sample_block(input.sample, MW_SOURCE_PROCESS), 0,
                               &subject));
    assert_int_equal(subject.name.size, sizeof(text));
    view_expect_process(tree, &input, 0, 2);
    cJSON_Delete(tree);
    mwd_buffer_deinit(&out);
    synthetic_deinit(&synthetic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_every_process),
        cmocka_unit_test(every_process_reading_of_the_table),
        cmocka_unit_test(unknown_pids_are_not_found),
        cmocka_unit_test(limit_is_exact),
        cmocka_unit_test(late_processes_are_stale_not_old),
        cmocka_unit_test(longest_texts_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
