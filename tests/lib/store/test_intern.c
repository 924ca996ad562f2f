/* Equal texts are one object while anybody refers to it, and none is kept by the table. */
#include "store/intern.h"

#include "store_support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct mw_intern *make(struct bench *bench, size_t texts)
{
    struct mw_intern *intern;

    assert_int_equal(mw_intern_create(bench->store, texts, &intern), 0);
    return intern;
}

static struct mw_intern_numbers numbers_of(struct mw_intern *intern)
{
    struct mw_intern_numbers numbers;

    mw_intern_get_numbers(intern, &numbers);
    return numbers;
}

static struct mw_ref get(struct mw_intern *intern, const char *text)
{
    struct mw_ref ref = mw_ref_none();

    assert_int_equal(mw_intern_get(intern, text, strlen(text), &ref), 0);
    return ref;
}

static bool is_text(struct bench *bench, struct mw_ref ref, const char *text)
{
    bool same = mw_heap_length(bench->heap, ref) == strlen(text);

    mw_heap_raw_enter(bench->heap);
    same = same && memcmp(mw_heap_raw(bench->heap, ref), text, strlen(text)) == 0;
    mw_heap_raw_leave(bench->heap);
    return same;
}

static void test_equal_texts_are_one_object(void **state)
{
    struct mw_intern *intern;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    intern = make(&bench, 100);
    {
        MW_SCOPE(scope, bench.heap);
        struct mw_ref one = get(intern, "nginx"), other = get(intern, "nginx");

        assert_true(mw_heap_same(bench.heap, one, other));
        assert_false(mw_heap_same(bench.heap, one, get(intern, "nginy")));
        assert_false(mw_heap_same(bench.heap, get(intern, ""), get(intern, "n")));
        assert_true(is_text(&bench, one, "nginx"));
        assert_int_equal(numbers_of(intern).texts, 4);
        assert_int_equal(numbers_of(intern).hits, 1);
    }
    assert_null(mw_intern_destroy(intern));
    bench_deinit(&bench);
}

static void test_the_table_keeps_no_text(void **state)
{
    struct mw_intern *intern;
    struct mw_global *kept;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 16 * MIB);
    intern = make(&bench, 100);
    {
        MW_SCOPE(scope, bench.heap);
        assert_int_equal(mw_global_create(bench.heap, get(intern, "kept"), false, &kept), 0);
        get(intern, "lost");
    }
    mw_heap_collect(bench.heap, MW_COLLECT_MAJOR);
    assert_int_equal(numbers_of(intern).texts, 1);
    assert_int_equal(numbers_of(intern).collected, 1);
    {
        MW_SCOPE(scope, bench.heap);
        assert_true(mw_heap_same(bench.heap, get(intern, "kept"), mw_global_get(bench.heap, kept)));
        assert_true(is_text(&bench, get(intern, "lost"), "lost"));
    }
    mw_global_destroy(bench.heap, kept);
    mw_intern_destroy(intern);
    bench_deinit(&bench);
}

static void test_texts_at_the_limit(void **state)
{
    struct mw_intern *intern;
    struct mw_ref ref;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    intern = make(&bench, 3);
    {
        MW_SCOPE(scope, bench.heap);
        get(intern, "a");
        get(intern, "b");
        get(intern, "c");
        assert_int_equal(mw_intern_get(intern, "d", 1, &ref), -ENOSPC);
        get(intern, "b"); /* is there already */
        assert_int_equal(numbers_of(intern).texts, 3);
    }
    mw_heap_collect(bench.heap, MW_COLLECT_MAJOR);
    {
        MW_SCOPE(scope, bench.heap);
        get(intern, "d");
        assert_int_equal(numbers_of(intern).texts, 1);
    }
    mw_intern_destroy(intern);
    bench_deinit(&bench);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    static char large[MW_INTERN_TEXT_MAX + 1];
    struct mw_intern *intern;
    struct mw_ref ref;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    assert_int_equal(mw_intern_create(bench.store, 0, &intern), -EINVAL);
    assert_int_equal(mw_intern_create(bench.store, ((size_t)1 << 24) + 1, &intern), -EINVAL);
    intern = make(&bench, 3);
    {
        MW_SCOPE(scope, bench.heap);
        assert_int_equal(mw_intern_get(intern, large, sizeof(large), &ref), -EINVAL);
        assert_int_equal(mw_intern_get(intern, large, sizeof(large) - 1, &ref), 0);
    }
    mw_intern_destroy(intern);
    assert_null(mw_intern_destroy(NULL));
    bench_deinit(&bench);
}

/* Texts come and go at random; those that somebody holds are always found again as they are. */
enum { HOLDERS = 30, WORDS = 200 };

static void churn(struct bench *bench, unsigned scale)
{
    struct mw_intern *intern = make(bench, 1000);
    struct mw_global *holders[HOLDERS];
    unsigned words[HOLDERS] = {0};

    for (unsigned i = 0; i < HOLDERS; i++)
        assert_int_equal(mw_global_create(bench->heap, mw_ref_none(), false, &holders[i]), 0);
    for (unsigned i = 0; i < 150 * scale; i++) {
        MW_SCOPE(scope, bench->heap);
        unsigned at = (unsigned)bench_random(bench, HOLDERS);
        unsigned word = (unsigned)bench_random(bench, WORDS);
        struct mw_ref ref;
        char text[32];

        snprintf(text, sizeof(text), "%u%.*s", word, (int)(word % 20), "a longer name for some");
        ref = get(intern, text);
        assert_true(is_text(bench, ref, text));
        for (unsigned k = 0; k < HOLDERS; k++) {
            struct mw_ref held = mw_global_get(bench->heap, holders[k]);

            if (!mw_ref_is_none(held))
                assert_int_equal(mw_heap_same(bench->heap, held, ref), words[k] == word);
        }
        mw_global_set(bench->heap, holders[at], ref);
        words[at] = word;
        if (i % 37 == 0)
            mw_heap_collect(bench->heap, MW_COLLECT_MAJOR);
    }
    assert_true(numbers_of(intern).collected > 0);
    for (unsigned i = 0; i < HOLDERS; i++)
        mw_global_destroy(bench->heap, holders[i]);
    mw_intern_destroy(intern);
}

static void test_held_texts_are_found_whatever_goes(void **state)
{
    (void)state;
    bench_all_modes(churn);
}

static void test_without_memory_the_table_is_whole(void **state)
{
    struct mw_global *filling;
    struct mw_intern *intern;
    struct bench bench;
    int error = 0;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 4 * MIB);
    intern = make(&bench, 100000);
    bench_exhaust(&bench, 16, &filling);
    {
        MW_SCOPE(scope, bench.heap);
        struct mw_ref first = get(intern, "first"), ref;

        for (unsigned i = 0; i < 60000 && error == 0; i++) {
            char text[16];
            int size = snprintf(text, sizeof(text), "%u", i);

            error = mw_intern_get(intern, text, (size_t)size, &ref);
        }
        assert_int_equal(error, -ENOMEM);
        bench_verify(&bench);
        assert_true(mw_heap_same(bench.heap, get(intern, "first"), first));
    }
    bench_relieve(&bench, filling);
    {
        MW_SCOPE(scope, bench.heap);
        get(intern, "later");
    }
    mw_intern_destroy(intern);
    bench_deinit(&bench);
}

static void test_its_row(void **state)
{
    struct mw_store_row row;
    struct mw_intern *intern;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    intern = make(&bench, 10);
    {
        MW_SCOPE(scope, bench.heap);
        get(intern, "12345678");
        get(intern, "12345678");
        mw_intern_get_row(intern, &row);
    }
    assert_string_equal(row.kind, "cache");
    assert_int_equal(mw_store_row_find(&row, "entries")->value, 1);
    assert_int_equal(mw_store_row_find(&row, "limit")->value, 10);
    assert_int_equal(mw_store_row_find(&row, "bytes")->value, 16); /* one word is the header's */
    assert_int_equal(mw_store_row_find(&row, "hits")->value, 1);
    assert_int_equal(mw_store_row_find(&row, "misses")->value, 1);
    mw_intern_destroy(intern);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_texts_are_one_object),
        cmocka_unit_test(test_the_table_keeps_no_text),
        cmocka_unit_test(test_texts_at_the_limit),
        cmocka_unit_test(test_what_makes_no_sense_is_refused),
        cmocka_unit_test(test_held_texts_are_found_whatever_goes),
        cmocka_unit_test(test_without_memory_the_table_is_whole),
        cmocka_unit_test(test_its_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
