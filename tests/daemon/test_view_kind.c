#include "tests/support/view_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static cJSON *render(const struct mwd_view_input *input, enum mw_kind kind)
{
    struct mwd_buffer out;
    cJSON *tree;

    mwd_buffer_init(&out, SIZE_MAX);
    mwd_view_kind(input, kind, &out);
    tree = view_parse(&out);
    mwd_buffer_deinit(&out);
    return tree;
}

/* Every row of the table of this kind, once and in its order, and no other. */
static void expect_kind(const cJSON *tree, const struct mw_sample *sample, enum mw_kind kind)
{
    int members = 2, absent = 0;

    view_expect_head(tree, sample);
    for (enum mw_reading reading = 0; reading < MW_READING_COUNT; reading++) {
        const struct mw_reading_info *info = mw_reading_info(reading);

        if (info->kind != kind)
            continue;
        assert_string_equal(cJSON_GetArrayItem(tree, members++)->string, info->key);
        absent += view_expect_reading(tree, info->key, sample, reading, 0);
    }
    view_expect_absent_count(tree, absent);
    assert_int_equal(cJSON_GetArraySize(tree), members + (absent > 0));
}

static void any_sample_comes_out_as_it_is(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct synthetic_options options = {
            .seed = seed, .wild = seed % 2, .absent_percent = (unsigned)(seed % 5) * 25};
        struct synthetic synthetic;
        struct mwd_view_input input;
        cJSON *system, *daemon;

        synthetic_init(&synthetic, &options);
        input = view_input(&synthetic);
        system = render(&input, MW_KIND_SYSTEM);
        daemon = render(&input, MW_KIND_DAEMON);
        expect_kind(system, input.sample, MW_KIND_SYSTEM);
        expect_kind(daemon, input.sample, MW_KIND_DAEMON);
        cJSON_Delete(system);
        cJSON_Delete(daemon);
        synthetic_deinit(&synthetic);
    }
}

static void late_sources_are_stale_not_old(void **state)
{
    struct synthetic_options options = {.seed = 1};
    struct synthetic synthetic;
    struct mwd_view_input input;
    cJSON *tree;

    (void)state;
    synthetic_init(&synthetic, &options);
    synthetic_age(&synthetic);
    input = view_input(&synthetic);
    tree = render(&input, MW_KIND_SYSTEM);
    expect_kind(tree, input.sample, MW_KIND_SYSTEM);
    assert_true(cJSON_IsNull(view_member(tree, "memTotal")));
    assert_string_equal(cJSON_GetStringValue(view_member(view_member(tree, "absent"), "memTotal")),
                        "stale");
    cJSON_Delete(tree);
    synthetic_deinit(&synthetic);
}

/* Nothing is known yet, so nothing is 0. */
static void before_the_first_sample_all_is_null(void **state)
{
    struct mwd_view_input input = {.sample = NULL};
    cJSON *tree = render(&input, MW_KIND_DAEMON);
    const cJSON *member;
    int nulls = 0;

    (void)state;
    cJSON_ArrayForEach(member, tree)
    {
        assert_true(cJSON_IsNull(member) || strcmp(member->string, "absent") == 0);
        nulls += cJSON_IsNull(member);
    }
    view_expect_absent_count(tree, nulls - 2); /* timeMs and seq are no readings */
    cJSON_ArrayForEach(member, view_member(tree, "absent"))
    {
        assert_string_equal(cJSON_GetStringValue(member), "stale");
    }
    cJSON_Delete(tree);
}

static void too_small_a_buffer_says_so(void **state)
{
    struct synthetic_options options = {.seed = 1};
    struct synthetic synthetic;
    struct mwd_view_input input;
    struct mwd_buffer out;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    mwd_buffer_init(&out, 100);
    mwd_view_kind(&input, MW_KIND_SYSTEM, &out);
    assert_true(out.failed < 0);
    mwd_buffer_deinit(&out);
    synthetic_deinit(&synthetic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_sample_comes_out_as_it_is),
        cmocka_unit_test(late_sources_are_stale_not_old),
        cmocka_unit_test(before_the_first_sample_all_is_null),
        cmocka_unit_test(too_small_a_buffer_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
