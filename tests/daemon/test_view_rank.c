#include "tests/support/view_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Two processes of a list, as the documentation orders them: by value, absent ones last either way,
 * equal ones by pid. Made from the rendered document, so that nothing of the code is used. */
static int compare_members(const cJSON *left, const cJSON *right, bool falling)
{
    int difference;

    if (cJSON_IsNull(left) || cJSON_IsNull(right))
        return cJSON_IsNull(left) - cJSON_IsNull(right);
    if (cJSON_IsString(left))
        difference = strcmp(left->valuestring, right->valuestring);
    else
        difference =
            (left->valuedouble > right->valuedouble) - (left->valuedouble < right->valuedouble);
    return falling ? -difference : difference;
}

static bool in_order(const cJSON *left, const cJSON *right, const char *key, bool falling)
{
    int difference = compare_members(view_member(left, key), view_member(right, key), falling);

    return difference < 0 || (difference == 0 && view_member(left, "pid")->valuedouble <
                                                     view_member(right, "pid")->valuedouble);
}

static cJSON *list(const struct synthetic *synthetic, const struct mwd_process_query *query)
{
    struct mwd_view_input input = view_input(synthetic);
    struct mwd_buffer out;
    cJSON *tree, *processes;

    mwd_buffer_init(&out, SIZE_MAX);
    mwd_view_processes(&input, query, &out);
    tree = view_parse(&out);
    processes = cJSON_DetachItemFromObjectCaseSensitive(tree, "processes");
    cJSON_Delete(tree);
    mwd_buffer_deinit(&out);
    return processes;
}

static void expect_sorted(const struct synthetic *synthetic, enum mw_reading sort,
                          enum mwd_order order)
{
    struct mwd_process_query query = {.sort = sort, .order = order, .limit = UINT64_MAX};
    cJSON *processes = list(synthetic, &query);
    const cJSON *process;

    cJSON_ArrayForEach(process, processes)
    {
        if (process->next)
            assert_true(in_order(process, process->next, mw_reading_info(sort)->key,
                                 order == MWD_ORDER_DESC));
    }
    cJSON_Delete(processes);
}

/* Values as machines have them: below 2^53, so that the document itself tells the order. */
static void every_reading_sorts_both_ways(void **state)
{
    struct synthetic_options options = {
        .seed = 6, .processes = 300, .free_every = 9, .absent_percent = 25};
    struct synthetic synthetic;

    (void)state;
    synthetic_init(&synthetic, &options);
    for (const char *const *word = mwd_view_sort_words(); *word; word++) {
        expect_sorted(&synthetic, mwd_view_sort_reading(*word), MWD_ORDER_DESC);
        expect_sorted(&synthetic, mwd_view_sort_reading(*word), MWD_ORDER_ASC);
    }
    synthetic_deinit(&synthetic);
}

static void texts_sort_by_all_their_bytes(void **state)
{
    struct synthetic_options options = {
        .seed = 8, .processes = 300, .wild = true, .absent_percent = 10};
    struct synthetic synthetic;

    (void)state;
    synthetic_init(&synthetic, &options);
    expect_sorted(&synthetic, MW_PROCESS_NAME, MWD_ORDER_DESC);
    expect_sorted(&synthetic, MW_PROCESS_NAME, MWD_ORDER_ASC);
    expect_sorted(&synthetic, MW_PROCESS_CGROUP, MWD_ORDER_DESC);
    expect_sorted(&synthetic, MW_PROCESS_CGROUP, MWD_ORDER_ASC);
    synthetic_deinit(&synthetic);
}

static int64_t growth_of(const struct synthetic *synthetic, const cJSON *process)
{
    const struct mw_block *block = mw_sample_block(synthetic->sample, MW_SOURCE_PROCESS);
    double pid = view_member(process, "pid")->valuedouble;
    union mw_value value = {0};
    uint32_t row = 0;

    while ((double)mw_block_keys(block)[row].id != pid)
        row++;
    assert_int_equal(mw_block_get(block, MW_PROCESS_GROWTH, row, &value), MW_PRESENT);
    return value.i;
}

/* Negative numbers come before positive ones, and 64 bits count although the document shows 53. */
static void signed_values_sort_as_signed(void **state)
{
    struct synthetic_options options = {.seed = 11, .processes = 200, .wild = true};
    struct mwd_process_query query = {
        .sort = MW_PROCESS_GROWTH, .order = MWD_ORDER_ASC, .limit = UINT64_MAX};
    struct synthetic synthetic;
    const cJSON *process;
    cJSON *processes;

    (void)state;
    synthetic_init(&synthetic, &options);
    processes = list(&synthetic, &query);
    assert_true(growth_of(&synthetic, processes->child) < 0);
    cJSON_ArrayForEach(process, processes)
    {
        if (process->next)
            assert_true(growth_of(&synthetic, process) <= growth_of(&synthetic, process->next));
    }
    cJSON_Delete(processes);
    synthetic_deinit(&synthetic);
}

/* The first n of a limited list are the first n of the whole one, for every n: rows are dropped on
 * the way, and none that counts may be among them. */
static void a_limit_takes_the_front_of_the_whole(void **state)
{
    static const enum mw_reading sorts[] = {MW_PROCESS_RSS, MW_PROCESS_UID, MW_PROCESS_NAME};
    enum { PROCESSES = 37 };

    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct synthetic_options options = {
            .seed = seed, .processes = PROCESSES, .absent_percent = (unsigned)seed * 15};
        struct synthetic synthetic;

        synthetic_init(&synthetic, &options);
        for (size_t i = 0; i < 3; i++) {
            struct mwd_process_query query = {.sort = sorts[i], .limit = UINT64_MAX};
            cJSON *whole = list(&synthetic, &query);

            for (query.limit = 0; query.limit <= PROCESSES; query.limit++) {
                cJSON *front = list(&synthetic, &query);
                const cJSON *process, *other = whole->child;

                assert_int_equal(cJSON_GetArraySize(front), query.limit);
                cJSON_ArrayForEach(process, front)
                {
                    assert_true(cJSON_Compare(process, other, true));
                    other = other->next;
                }
                cJSON_Delete(front);
            }
            cJSON_Delete(whole);
        }
        synthetic_deinit(&synthetic);
    }
}

/* Every length from nothing on: runs of unequal length are merged too. */
static void every_length_sorts(void **state)
{
    (void)state;
    for (uint32_t processes = 0; processes <= 70; processes++) {
        struct synthetic_options options = {
            .seed = processes, .processes = processes, .absent_percent = 20};
        struct synthetic synthetic;

        synthetic_init(&synthetic, &options);
        expect_sorted(&synthetic, MW_PROCESS_RSS, MWD_ORDER_DESC);
        expect_sorted(&synthetic, MW_PROCESS_STATE, MWD_ORDER_ASC); /* many ties */
        synthetic_deinit(&synthetic);
    }
}

/* When all values are stale they are all equal: the order is that of pids. */
static void stale_rows_are_in_the_order_of_pids(void **state)
{
    struct synthetic_options options = {.seed = 1, .processes = 100};
    struct synthetic synthetic;

    (void)state;
    synthetic_init(&synthetic, &options);
    synthetic_age(&synthetic);
    expect_sorted(&synthetic, MW_PROCESS_RSS, MWD_ORDER_DESC);
    expect_sorted(&synthetic, MW_PROCESS_RSS, MWD_ORDER_ASC);
    synthetic_deinit(&synthetic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reading_sorts_both_ways),
        cmocka_unit_test(texts_sort_by_all_their_bytes),
        cmocka_unit_test(signed_values_sort_as_signed),
        cmocka_unit_test(a_limit_takes_the_front_of_the_whole),
        cmocka_unit_test(every_length_sorts),
        cmocka_unit_test(stale_rows_are_in_the_order_of_pids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
