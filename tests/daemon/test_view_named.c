#include "daemon/names.h"
#include "tests/support/view_check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct mwd_view_heap heap = {
    .spaces = {{"new_space", 100, 10, 40, 50},
               {"old_space", 200, 150, 20, 180},
               {"large_object_space", 300, 300, 0, 1}},
    .pauses = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3},
};

static const struct kind {
    enum mw_kind kind;
    const char *plural, *name;
} kinds[] = {
    {MW_KIND_HEAP, "heaps", "memwatchd"},
    {MW_KIND_QUEUE, "queues", "events"},
    {MW_KIND_CACHE, "caches", "bodies"},
};

static cJSON *render(const struct mwd_view_input *input, const struct kind *kind, bool one)
{
    struct mwd_buffer out;
    cJSON *tree;

    mwd_buffer_init(&out, SIZE_MAX);
    if (one)
        assert_int_equal(mwd_view_named_one(input, kind->kind, kind->name, &heap, &out), 0);
    else
        mwd_view_named(input, kind->kind, &heap, &out);
    tree = view_parse(&out);
    mwd_buffer_deinit(&out);
    return tree;
}

static const cJSON *first_of(const cJSON *tree, const struct kind *kind)
{
    const cJSON *list = view_member(tree, kind->plural);

    assert_int_equal(cJSON_GetArraySize(list), 1);
    return cJSON_GetArrayItem(list, 0);
}

/* Where a reading of a heap stands: in the object itself, or in one of two within it. */
static const cJSON *place_of(const cJSON *object, enum mw_reading reading, const char **ret_key)
{
    static const struct {
        enum mw_reading reading;
        const char *object, *key;
    } nested[] = {
        {MW_HEAP_SCAVENGES, "collections", "scavenge"},
        {MW_HEAP_MARK_SWEEPS, "collections", "markSweep"},
        {MW_HEAP_MARK_COMPACTS, "collections", "markCompact"},
        {MW_HEAP_PAUSE_TOTAL, "pauses", "totalUs"},
        {MW_HEAP_PAUSE_MAX, "pauses", "maxUs"},
    };

    *ret_key = mw_reading_info(reading)->key;
    for (size_t i = 0; i < sizeof nested / sizeof nested[0]; i++) {
        if (nested[i].reading != reading)
            continue;
        *ret_key = nested[i].key;
        return view_member(object, nested[i].object);
    }
    return object;
}

static void expect_all_readings(const cJSON *object, const struct mw_sample *sample,
                                enum mw_kind kind)
{
    for (enum mw_reading reading = 0; reading < MW_READING_COUNT; reading++) {
        const char *key;

        if (mw_reading_info(reading)->kind != kind)
            continue;
        const cJSON *place = place_of(object, reading, &key);
        view_expect_reading(place, key, sample, reading, 0);
    }
}

/* Every row of the table of these kinds is shown as it is, in the list and alone. */
static void any_sample_comes_out_as_it_is(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct synthetic_options options = {
            .seed = seed, .wild = seed % 2, .absent_percent = (unsigned)(seed % 5) * 25};
        struct synthetic synthetic;

        synthetic_init(&synthetic, &options);
        struct mwd_view_input input = view_input(&synthetic);
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            cJSON *list = render(&input, &kinds[i], false), *one = render(&input, &kinds[i], true);
            const cJSON *row = first_of(list, &kinds[i]);

            view_expect_head(list, input.sample);
            view_expect_head(one, input.sample);
            assert_string_equal(view_member(row, "name")->valuestring, kinds[i].name);
            assert_string_equal(view_member(one, "name")->valuestring, kinds[i].name);
            expect_all_readings(row, input.sample, kinds[i].kind);
            expect_all_readings(one, input.sample, kinds[i].kind);
            cJSON_Delete(list);
            cJSON_Delete(one);
        }
        synthetic_deinit(&synthetic);
    }
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = view_member(object, key);

    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static void a_heap_shows_its_spaces_and_pauses(void **state)
{
    struct synthetic_options options = {.seed = 5};
    struct synthetic synthetic;
    struct mwd_view_input input;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    cJSON *tree = render(&input, &kinds[0], true);
    const cJSON *spaces = view_member(tree, "spaces");
    const cJSON *histogram = view_member(view_member(tree, "pauses"), "histogram");
    const cJSON *bounds = view_member(histogram, "boundsUs");
    const cJSON *counts = view_member(histogram, "counts");
    assert_int_equal(cJSON_GetArraySize(spaces), MW_SPACES);
    for (int i = 0; i < MW_SPACES; i++) {
        const cJSON *space = cJSON_GetArrayItem(spaces, i);

        assert_string_equal(view_member(space, "name")->valuestring, heap.spaces[i].name);
        assert_true(number(space, "size") == (double)heap.spaces[i].size);
        assert_true(number(space, "used") == (double)heap.spaces[i].used);
        assert_true(number(space, "available") == (double)heap.spaces[i].available);
        assert_true(number(space, "physical") == (double)heap.spaces[i].physical);
    }
    assert_true(number(tree, "physical") == 50 + 180 + 1);
    assert_int_equal(cJSON_GetArraySize(bounds), MW_PAUSE_BUCKETS - 1);
    assert_int_equal(cJSON_GetArraySize(counts), MW_PAUSE_BUCKETS);
    for (int i = 0; i < MW_PAUSE_BUCKETS; i++)
        assert_true(cJSON_GetArrayItem(counts, i)->valuedouble == (double)heap.pauses[i]);
    assert_true(cJSON_GetArrayItem(bounds, 0)->valuedouble == 16);
    assert_true(cJSON_GetArrayItem(bounds, 14)->valuedouble == 16 << 14);
    cJSON_Delete(tree);
    synthetic_deinit(&synthetic);
}

static void unknown_names_are_no_documents(void **state)
{
    static const char *const names[] = {"", "memwatch", "memwatchd2", "events"};
    struct synthetic_options options = {.seed = 5};
    struct synthetic synthetic;
    struct mwd_view_input input;
    struct mwd_buffer out;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    mwd_buffer_init(&out, SIZE_MAX);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(mwd_view_named_one(&input, MW_KIND_HEAP, names[i], &heap, &out), -ENOENT);
    assert_int_equal(out.size, 0);
    mwd_buffer_deinit(&out);
    synthetic_deinit(&synthetic);
}

/* A source that is late is not shown with its old numbers. */
static void late_rows_are_stale(void **state)
{
    struct synthetic_options options = {.seed = 5};
    struct synthetic synthetic;
    struct mwd_view_input input;

    (void)state;
    synthetic_init(&synthetic, &options);
    synthetic_age(&synthetic);
    input = view_input(&synthetic);
    cJSON *tree = render(&input, &kinds[1], false);
    const cJSON *row = first_of(tree, &kinds[1]);
    assert_true(cJSON_IsNull(view_member(row, "length")));
    assert_string_equal(view_member(view_member(row, "absent"), "length")->valuestring, "stale");
    cJSON_Delete(tree);
    synthetic_deinit(&synthetic);
}

/* A newer block stands in for that of the sample, with its own time; other sources do not change.
 */
static void a_newer_block_goes_before_the_sample(void **state)
{
    struct synthetic_options options = {.seed = 5};
    struct synthetic synthetic;
    struct mw_block_pool *pool;
    struct mw_block *block;
    struct mwd_view_input input;

    (void)state;
    synthetic_init(&synthetic, &options);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_HEAP, &pool), 0);
    assert_int_equal(mw_block_take(pool, NULL, 1, &block), 0);
    mw_block_set_time(block, 1, 777, 1);
    mw_block_set_key(block, 0, (struct mw_block_key){MWD_HEAP_OWN, 0});
    mw_block_put(block, MW_HEAP_USED, 0, (union mw_value){.u = 4711});
    assert_int_equal(mw_block_finish(block), 0);
    input = view_input(&synthetic);
    input.newer = block;
    cJSON *tree = render(&input, &kinds[0], true);
    assert_true(number(tree, "timeMs") == 777);
    assert_true(number(tree, "heapUsed") == 4711);
    assert_true(cJSON_IsNull(view_member(tree, "heapTotal")));
    cJSON_Delete(tree);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
    synthetic_deinit(&synthetic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_sample_comes_out_as_it_is),
        cmocka_unit_test(a_heap_shows_its_spaces_and_pauses),
        cmocka_unit_test(unknown_names_are_no_documents),
        cmocka_unit_test(late_rows_are_stale),
        cmocka_unit_test(a_newer_block_goes_before_the_sample),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
