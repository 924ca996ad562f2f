#include "base/glob.h"
#include "tests/support/view_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct mwd_process_query everything = {.sort = MW_PROCESS_RSS, .limit = UINT64_MAX};

static cJSON *render(const struct mwd_view_input *input, const struct mwd_process_query *query)
{
    struct mwd_buffer out;
    cJSON *tree;

    mwd_buffer_init(&out, SIZE_MAX);
    mwd_view_processes(input, query, &out);
    tree = view_parse(&out);
    mwd_buffer_deinit(&out);
    assert_string_equal(cJSON_GetArrayItem(tree, 2)->string, "total");
    assert_string_equal(cJSON_GetArrayItem(tree, 3)->string, "processes");
    return tree;
}

static void expect_counts(const cJSON *tree, int total, int listed)
{
    assert_true(cJSON_IsNumber(view_member(tree, "total")));
    assert_int_equal(view_member(tree, "total")->valueint, total);
    assert_int_equal(cJSON_GetArraySize(view_member(tree, "processes")), listed);
}

/* total counts what matches, limit cuts only what is listed. */
static void total_counts_before_the_limit(void **state)
{
    static const uint64_t limits[] = {0, 1, 2, 49, 50, 51, 98, 99, 100, 101, UINT64_MAX};
    struct synthetic_options options = {.seed = 2, .processes = 100};
    struct synthetic synthetic;
    struct mwd_view_input input;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct mwd_process_query query = everything;
        cJSON *tree;

        query.limit = limits[i];
        tree = render(&input, &query);
        view_expect_head(tree, input.sample);
        expect_counts(tree, 100, limits[i] < 100 ? (int)limits[i] : 100);
        cJSON_Delete(tree);
    }
    synthetic_deinit(&synthetic);
}

static void no_match_is_an_empty_list(void **state)
{
    struct synthetic_options options = {.seed = 2, .processes = 10};
    struct mwd_process_query by_name = everything, by_pid = everything;
    struct synthetic synthetic;
    struct mwd_view_input input;
    cJSON *tree;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    by_name.name = "nobody*";
    by_pid.pid = 4194304;
    tree = render(&input, &by_name);
    expect_counts(tree, 0, 0);
    cJSON_Delete(tree);
    tree = render(&input, &by_pid);
    expect_counts(tree, 0, 0);
    cJSON_Delete(tree);
    synthetic_deinit(&synthetic);
}

static void no_processes_are_an_empty_list(void **state)
{
    struct synthetic_options options = {.seed = 2, .processes = 0};
    struct synthetic synthetic;
    struct mwd_view_input input;
    cJSON *tree;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    tree = render(&input, &everything);
    expect_counts(tree, 0, 0);
    view_expect_absent_count(tree, 0);
    cJSON_Delete(tree);
    synthetic_deinit(&synthetic);
}

static void without_a_block_the_total_is_unknown(void **state)
{
    struct synthetic_options options = {.seed = 2, .no_process_block = true};
    struct synthetic synthetic;
    struct mwd_view_input inputs[2] = {{.sample = NULL}, {.sample = NULL}};

    (void)state;
    synthetic_init(&synthetic, &options);
    inputs[0] = view_input(&synthetic);
    for (int i = 0; i < 2; i++) {
        cJSON *tree = render(&inputs[i], &everything);

        assert_true(cJSON_IsNull(view_member(tree, "total")));
        assert_int_equal(cJSON_GetArraySize(view_member(tree, "processes")), 0);
        view_expect_absent_count(tree, 1);
        cJSON_Delete(tree);
    }
    synthetic_deinit(&synthetic);
}

static void pid_finds_one(void **state)
{
    struct synthetic_options options = {.seed = 2, .processes = 50};
    struct mwd_process_query query = everything;
    struct synthetic synthetic;
    struct mwd_view_input input;
    cJSON *tree;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    query.pid = mw_block_keys(mw_sample_block(input.sample, MW_SOURCE_PROCESS))[17].id;
    tree = render(&input, &query);
    expect_counts(tree, 1, 1);
    view_expect_process(cJSON_GetArrayItem(view_member(tree, "processes"), 0), &input, 17, 0);
    cJSON_Delete(tree);
    synthetic_deinit(&synthetic);
}

/* Exactly those whose name the pattern means; one whose name is unknown matches not even a star. */
static void name_is_a_glob(void **state)
{
    static const char *const patterns[] = {"*", "worker-1*", "worker-?", "*[!0-9]*", "worker-7"};
    struct synthetic_options options = {.seed = 3, .processes = 200, .absent_percent = 20};
    struct synthetic synthetic;
    struct mwd_view_input input;
    const struct mw_block *block;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    block = mw_sample_block(input.sample, MW_SOURCE_PROCESS);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct mwd_process_query query = everything;
        int total = 0;
        cJSON *tree;

        for (uint32_t row = 0; row < 200; row++) {
            struct mw_subject subject;

            assert_true(mw_subjects_at(input.subjects, block, row, &subject));
            total += subject.name.absence == MW_PRESENT &&
                     mw_glob_matches(patterns[i], subject.name.bytes, subject.name.size);
        }
        query.name = patterns[i];
        query.limit = 3;
        tree = render(&input, &query);
        assert_in_range(total, 1, 199);
        expect_counts(tree, total, total < 3 ? total : 3);
        cJSON_Delete(tree);
    }
    synthetic_deinit(&synthetic);
}

/* 1000 and more rows: what is listed is the sample, field by field, each process once. */
static void a_long_list_is_complete(void **state)
{
    struct synthetic_options options = {
        .seed = 4, .processes = 1500, .free_every = 10, .absent_percent = 30, .wild = true};
    struct synthetic synthetic;
    struct mwd_view_input input;
    const struct mw_block_key *keys;
    const cJSON *process;
    bool seen[1500] = {false};
    cJSON *tree;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    keys = mw_block_keys(mw_sample_block(input.sample, MW_SOURCE_PROCESS));
    tree = render(&input, &everything);
    expect_counts(tree, 1350, 1350);
    cJSON_ArrayForEach(process, view_member(tree, "processes"))
    {
        double pid = view_member(process, "pid")->valuedouble;
        uint32_t row = 0;

        while ((double)keys[row].id != pid)
            assert_true(++row < 1500);
        assert_false(seen[row]);
        seen[row] = true;
        view_expect_process(process, &input, row, 0);
    }
    cJSON_Delete(tree);
    synthetic_deinit(&synthetic);
}

/* What the route offers as sort words is what it understands, and all readings of processes. */
static void sort_words_are_the_process_readings(void **state)
{
    const char *const *word = mwd_view_sort_words();

    (void)state;
    for (enum mw_reading reading = 0; reading < MW_READING_COUNT; reading++) {
        const struct mw_reading_info *info = mw_reading_info(reading);

        if (info->kind == MW_KIND_PROCESS) {
            assert_non_null(*word);
            assert_string_equal(*word, info->key);
            assert_int_equal(mwd_view_sort_reading(*word), reading);
            word++;
        }
    }
    assert_null(*word);
    assert_int_equal(mwd_view_sort_reading("memTotal"), MW_NONE); /* of the system */
    assert_int_equal(mwd_view_sort_reading("RSS"), MW_NONE);
    assert_int_equal(mwd_view_sort_reading(""), MW_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(total_counts_before_the_limit),
        cmocka_unit_test(no_match_is_an_empty_list),
        cmocka_unit_test(no_processes_are_an_empty_list),
        cmocka_unit_test(without_a_block_the_total_is_unknown),
        cmocka_unit_test(pid_finds_one),
        cmocka_unit_test(name_is_a_glob),
        cmocka_unit_test(a_long_list_is_complete),
        cmocka_unit_test(sort_words_are_the_process_readings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
