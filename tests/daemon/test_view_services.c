/* The list of services: sorted, cut and filtered as is asked for, and every reading of it. */
#include "tests/support/view_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const paths[] = {"/a.slice/one.service", "/a.slice/two.service",
                                    "/b\\x2d\"c.service", "/gone.service"};
static const uint64_t memory[] = {300, 100, 200};
enum { SERVICES = 4 };

struct bench {
    struct mw_block_pool *pools[2];
    struct mw_sealer *sealer;
    struct mw_sample *sample;
    struct mwd_services services;
};

static void offer(struct bench *self, struct mw_block *block)
{
    assert_int_equal(mw_block_finish(block), 0);
    mw_sealer_offer(self->sealer, block, 1);
    mw_block_unref(block);
}

static void fill(struct mw_block *block)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SERVICE);

    for (uint32_t row = 0; row < SERVICES; row++) {
        mw_block_set_key(block, row, (struct mw_block_key){mw_service_id(paths[row]), 0});
        for (uint32_t i = 0; i < mw_source_columns(MW_SOURCE_SERVICE); i++)
            if (row == SERVICES - 1)
                mw_block_put_absent(block, first + i, row, MW_ABSENT_VANISHED);
            else
                mw_block_put(block, first + i, row, (union mw_value){.u = row * 100 + i});
        if (row < SERVICES - 1)
            mw_block_put(block, MW_SERVICE_MEMORY, row, (union mw_value){.u = memory[row]});
    }
    mw_block_put_absent(block, MW_SERVICE_LIMIT, 0, MW_ABSENT_UNSUPPORTED);
}

static struct bench bench_create(bool with_services)
{
    struct bench self = {0};
    struct mw_block *block;

    assert_int_equal(mw_sealer_create(&self.sealer), 0);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_SYSTEM, &self.pools[0]), 0);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_SERVICE, &self.pools[1]), 0);
    assert_int_equal(mw_block_take(self.pools[0], NULL, 1, &block), 0);
    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    offer(&self, block);
    if (with_services) {
        assert_int_equal(mw_block_take(self.pools[1], NULL, SERVICES, &block), 0);
        fill(block);
        offer(&self, block);
    }
    assert_int_equal(mw_sealer_seal(self.sealer, 1, &self.sample), 0);
    assert_int_equal(mwd_services_init(&self.services, paths, SERVICES), 0);
    return self;
}

static void bench_free(struct bench *self)
{
    mw_sample_unref(self->sample);
    mw_sealer_destroy(self->sealer);
    mw_block_pool_destroy(self->pools[0]);
    mw_block_pool_destroy(self->pools[1]);
    mwd_services_deinit(&self->services);
}

static cJSON *render(const struct bench *self, struct mwd_service_query query)
{
    const struct mwd_view_input input = {.sample = self->sample, .services = &self->services};
    struct mwd_buffer out;
    cJSON *tree;

    mwd_buffer_init(&out, SIZE_MAX);
    mwd_view_services(&input, &query, &out);
    tree = view_parse(&out);
    mwd_buffer_deinit(&out);
    return tree;
}

/* "0132" are rows in the order in which they come. */
static void assert_rows(const struct bench *self, struct mwd_service_query query, int total,
                        const char *rows)
{
    cJSON *tree = render(self, query);
    const cJSON *list = view_member(tree, "services");

    assert_int_equal(view_member(tree, "total")->valueint, total);
    assert_int_equal(cJSON_GetArraySize(list), (int)strlen(rows));
    for (int i = 0; rows[i]; i++)
        assert_string_equal(view_member(cJSON_GetArrayItem(list, i), "name")->valuestring,
                            paths[rows[i] - '0']);
    cJSON_Delete(tree);
}

static struct mwd_service_query by_memory(void)
{
    return (struct mwd_service_query){MW_SERVICE_MEMORY, MWD_ORDER_DESC, UINT64_MAX, NULL};
}

static void every_reading_is_shown_as_it_is(void **state)
{
    struct bench bench = bench_create(true);
    cJSON *tree = render(&bench, by_memory());
    const cJSON *list = view_member(tree, "services");
    const uint32_t rows[] = {0, 2, 1, 3};

    (void)state;
    view_expect_head(tree, bench.sample);
    for (int at = 0; at < SERVICES; at++) {
        const cJSON *object = cJSON_GetArrayItem(list, at);
        int absent = 0;

        for (enum mw_reading i = 0; i < MW_READING_COUNT; i++)
            if (mw_reading_info(i)->kind == MW_KIND_SERVICE)
                absent +=
                    view_expect_reading(object, mw_reading_info(i)->key, bench.sample, i, rows[at]);
        view_expect_absent_count(object, absent);
    }
    cJSON_Delete(tree);
    bench_free(&bench);
}

/* What has no value comes last in either order; equal ones come by name. */
static void they_come_in_the_order_that_is_asked_for(void **state)
{
    struct bench bench = bench_create(true);
    struct mwd_service_query query = by_memory();

    (void)state;
    assert_rows(&bench, query, 4, "0213");
    query.order = MWD_ORDER_ASC;
    assert_rows(&bench, query, 4, "1203");
    query.sort = MW_SERVICE_LIMIT;
    assert_rows(&bench, query, 4, "1203");
    query.order = MWD_ORDER_DESC;
    assert_rows(&bench, query, 4, "2103");
    bench_free(&bench);
}

static void they_are_cut_and_filtered(void **state)
{
    struct bench bench = bench_create(true);
    struct mwd_service_query query = by_memory();

    (void)state;
    query.limit = 2;
    assert_rows(&bench, query, 4, "02");
    query.limit = 0;
    assert_rows(&bench, query, 4, "");
    query = by_memory();
    query.name = "/a.slice/*";
    assert_rows(&bench, query, 2, "01");
    query.name = "nothing*";
    assert_rows(&bench, query, 0, "");
    bench_free(&bench);
}

/* Nothing was ever read: how many there are is not known, which is not 0. */
static void without_a_block_the_total_is_unknown(void **state)
{
    struct bench bench = bench_create(false);
    cJSON *tree = render(&bench, by_memory());

    (void)state;
    assert_true(cJSON_IsNull(view_member(tree, "total")));
    assert_int_equal(cJSON_GetArraySize(view_member(tree, "services")), 0);
    view_expect_absent_count(tree, 1);
    cJSON_Delete(tree);
    bench_free(&bench);
}

static void every_reading_can_be_sorted_by(void **state)
{
    const char *const *words = mwd_view_service_sort_words();
    uint32_t count = 0;

    (void)state;
    for (; words[count]; count++)
        assert_string_equal(mw_reading_info(mwd_view_service_sort_reading(words[count]))->key,
                            words[count]);
    assert_int_equal(count, mw_source_columns(MW_SOURCE_SERVICE));
    assert_int_equal(mwd_view_service_sort_reading("rss"), MW_NONE);
}

/* systemd writes odd characters as \x2d: a label has them as they are, escaped. */
static void labels_of_metrics_are_escaped(void **state)
{
    struct bench bench = bench_create(true);
    const struct mwd_view_input input = {.sample = bench.sample, .services = &bench.services};
    struct mwd_buffer out;

    (void)state;
    mwd_buffer_init(&out, SIZE_MAX);
    mwd_view_metrics(&input, &out);
    mwd_buffer_append(&out, "", 1);
    assert_non_null(
        strstr(out.bytes, "memwatch_service_memory_bytes{name=\"/b\\\\x2d\\\"c.service\"} 200\n"));
    assert_null(strstr(out.bytes, "gone.service"));
    mwd_buffer_deinit(&out);
    bench_free(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reading_is_shown_as_it_is),
        cmocka_unit_test(they_come_in_the_order_that_is_asked_for),
        cmocka_unit_test(they_are_cut_and_filtered),
        cmocka_unit_test(without_a_block_the_total_is_unknown),
        cmocka_unit_test(every_reading_can_be_sorted_by),
        cmocka_unit_test(labels_of_metrics_are_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
