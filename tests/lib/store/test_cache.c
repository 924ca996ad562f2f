/* A cache answers as a plain list of its keys does, keeps both bounds, evicts in its policy's
 * order, and stays whole when memory ends. */
#include "store/cache.h"

#include "store_support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mw_cache *make(struct bench *bench, enum mw_cache_policy policy, size_t entries,
                             size_t bytes)
{
    const struct mw_cache_config config = {policy, entries, bytes};
    struct mw_cache *cache;

    assert_int_equal(mw_cache_create(bench->store, &config, &cache), 0);
    return cache;
}

static int set(struct bench *bench, struct mw_cache *cache, const char *key, uint64_t number,
               size_t bytes)
{
    MW_SCOPE(scope, bench->heap);

    return mw_cache_set(cache, key, strlen(key), bench_box(bench, number), bytes);
}

/* The number under this key, -1 for none. */
static int64_t get(struct bench *bench, struct mw_cache *cache, const char *key)
{
    MW_SCOPE(scope, bench->heap);
    struct mw_ref value = mw_cache_get(cache, key, strlen(key));

    return mw_ref_is_none(value) ? -1 : (int64_t)bench_unbox(bench, value);
}

static bool has(struct bench *bench, struct mw_cache *cache, const char *key)
{
    MW_SCOPE(scope, bench->heap);

    return !mw_ref_is_none(mw_cache_peek(cache, key, strlen(key)));
}

static struct mw_cache_numbers numbers_of(const struct mw_cache *cache)
{
    struct mw_cache_numbers numbers;

    mw_cache_get_numbers(cache, &numbers);
    assert_true(numbers.entries <= numbers.limit);
    assert_true(numbers.bytes <= numbers.bytes_limit);
    return numbers;
}

/* ---- against a model ---- */

enum { MODEL_MAX = 64, KEYS = 40 };

/* The order in which entries go, the next one first. */
struct model {
    struct {
        unsigned key;
        uint64_t number;
        size_t bytes;
    } entries[MODEL_MAX];
    size_t count, bytes, limit, bytes_limit;
    uint64_t evictions;
    bool lru;
};

static size_t model_find(const struct model *self, unsigned key)
{
    size_t i = 0;

    while (i < self->count && self->entries[i].key != key)
        i++;
    return i;
}

static void model_remove(struct model *self, size_t at)
{
    self->bytes -= self->entries[at].bytes;
    self->count--;
    memmove(&self->entries[at], &self->entries[at + 1],
            (self->count - at) * sizeof(self->entries[0]));
}

static void model_put(struct model *self, size_t at, unsigned key, uint64_t number, size_t bytes)
{
    memmove(&self->entries[at + 1], &self->entries[at],
            (self->count - at) * sizeof(self->entries[0]));
    self->entries[at].key = key;
    self->entries[at].number = number;
    self->entries[at].bytes = bytes;
    self->count++;
    self->bytes += bytes;
}

static void model_set(struct model *self, unsigned key, uint64_t number, size_t bytes)
{
    size_t at = model_find(self, key);
    bool present = at < self->count;

    if (present)
        model_remove(self, at);
    while (self->count > 0 &&
           ((!present && self->count >= self->limit) || self->bytes + bytes > self->bytes_limit)) {
        model_remove(self, 0);
        self->evictions++;
        at = at > 0 ? at - 1 : 0;
    }
    model_put(self, present && !self->lru ? at : self->count, key, number, bytes);
}

static void key_text(unsigned key, char ret[16])
{
    snprintf(ret, 16, "%0*u", (int)(key % 11), key);
}

static void model_use(struct model *self, size_t at)
{
    unsigned key = self->entries[at].key;
    uint64_t number = self->entries[at].number;
    size_t bytes = self->entries[at].bytes;

    if (!self->lru)
        return;
    model_remove(self, at);
    model_put(self, self->count, key, number, bytes);
}

static void compare(struct bench *bench, struct mw_cache *cache, const struct model *model)
{
    struct mw_cache_numbers numbers = numbers_of(cache);

    assert_int_equal(numbers.entries, model->count);
    assert_int_equal(numbers.bytes, model->bytes);
    assert_int_equal(numbers.evictions, model->evictions);
    for (unsigned key = 0; key < KEYS; key++) {
        MW_SCOPE(scope, bench->heap);
        size_t at = model_find(model, key);
        struct mw_ref value;
        char text[16];

        key_text(key, text);
        value = mw_cache_peek(cache, text, strlen(text));
        assert_int_equal(!mw_ref_is_none(value), at < model->count);
        if (at < model->count)
            assert_true(bench_unbox(bench, value) == model->entries[at].number);
    }
}

static void play(struct bench *bench, struct mw_cache *cache, struct model *model)
{
    unsigned key = (unsigned)bench_random(bench, KEYS);
    size_t bytes = bench_random(bench, 30), at = model_find(model, key);
    uint64_t number = bench_random(bench, 1000);
    char text[16];

    key_text(key, text);
    switch (bench_random(bench, 8)) {
    case 0:
        assert_int_equal(mw_cache_remove(cache, text, strlen(text)), at < model->count);
        if (at < model->count)
            model_remove(model, at);
        break;
    case 1:
    case 2:
    case 3:
        assert_int_equal(get(bench, cache, text),
                         at < model->count ? (int64_t)model->entries[at].number : -1);
        if (at < model->count)
            model_use(model, at);
        break;
    default:
        assert_int_equal(set(bench, cache, text, number, bytes), 0);
        model_set(model, key, number, bytes + strlen(text));
    }
}

static void against_model(struct bench *bench, enum mw_cache_policy policy, size_t entries,
                          size_t bytes, unsigned count)
{
    struct model model = {.limit = entries, .bytes_limit = bytes, .lru = policy == MW_CACHE_LRU};
    struct mw_cache *cache = make(bench, policy, entries, bytes);

    for (unsigned i = 0; i < count; i++) {
        play(bench, cache, &model);
        if (i % 13 == 0)
            compare(bench, cache, &model);
    }
    compare(bench, cache, &model);
    while (model.count > 0) {
        char text[16];

        key_text(model.entries[0].key, text);
        assert_true(has(bench, cache, text));
        assert_true(mw_cache_drop(cache));
        assert_false(has(bench, cache, text));
        model_remove(&model, 0);
    }
    assert_false(mw_cache_drop(cache));
    assert_null(mw_cache_destroy(cache));
}

static void models(struct bench *bench, unsigned scale)
{
    for (unsigned policy = MW_CACHE_FIFO; policy <= MW_CACHE_LRU; policy++) {
        against_model(bench, policy, 1, MIB, 40 * scale);
        against_model(bench, policy, 20, MIB, 60 * scale);
        against_model(bench, policy, 35, 200, 60 * scale);
        against_model(bench, policy, 64, 50, 60 * scale);
    }
}

static void test_a_plain_list_answers_the_same(void **state)
{
    (void)state;
    bench_all_modes(models);
}

/* ---- the promises by name ---- */

static void test_fifo_at_the_limit(void **state)
{
    struct mw_cache *cache;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    cache = make(&bench, MW_CACHE_FIFO, 3, MIB);
    set(&bench, cache, "a", 1, 0);
    set(&bench, cache, "b", 2, 0);
    assert_int_equal(numbers_of(cache).entries, 2);
    set(&bench, cache, "c", 3, 0);
    set(&bench, cache, "a", 4, 0); /* there already: nobody goes, and it stays the first in */
    assert_int_equal(get(&bench, cache, "a"), 4);
    assert_int_equal(numbers_of(cache).evictions, 0);
    set(&bench, cache, "d", 5, 0);
    assert_int_equal(numbers_of(cache).evictions, 1);
    assert_int_equal(get(&bench, cache, "a"), -1);
    assert_int_equal(get(&bench, cache, "b"), 2);
    mw_cache_destroy(cache);
    bench_deinit(&bench);
}

static void test_lru_lets_go_what_is_not_used(void **state)
{
    struct mw_cache *cache;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    cache = make(&bench, MW_CACHE_LRU, 2, MIB);
    set(&bench, cache, "a", 1, 0);
    set(&bench, cache, "b", 2, 0);
    assert_int_equal(get(&bench, cache, "a"), 1);
    assert_true(has(&bench, cache, "b")); /* a look is not a use */
    set(&bench, cache, "c", 3, 0);
    assert_false(has(&bench, cache, "b"));
    assert_true(has(&bench, cache, "a"));
    mw_cache_destroy(cache);
    bench_deinit(&bench);
}

/* Keys of one byte: 10 bytes hold "a" with 9, not with 10. */
static void test_bytes_at_the_limit(void **state)
{
    struct mw_cache *cache;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    cache = make(&bench, MW_CACHE_FIFO, 100, 10);
    assert_int_equal(set(&bench, cache, "a", 1, 10), -EFBIG);
    assert_int_equal(set(&bench, cache, "a", 1, SIZE_MAX), -EFBIG);
    assert_int_equal(numbers_of(cache).entries, 0);
    assert_int_equal(set(&bench, cache, "a", 1, 9), 0);
    assert_int_equal(set(&bench, cache, "a", 1, 4), 0);
    assert_int_equal(set(&bench, cache, "b", 2, 4), 0);
    assert_int_equal(numbers_of(cache).evictions, 0);
    assert_int_equal(set(&bench, cache, "b", 2, 5), 0); /* the bound of bytes holds for it too */
    assert_int_equal(numbers_of(cache).evictions, 1);
    assert_int_equal(get(&bench, cache, "a"), -1);
    assert_int_equal(set(&bench, cache, "b", 3, 10), -EFBIG);
    assert_int_equal(get(&bench, cache, "b"), 2); /* refused: as it was */
    mw_cache_destroy(cache);
    bench_deinit(&bench);
}

static void test_new_limits_hold_at_once(void **state)
{
    struct mw_cache *cache;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    cache = make(&bench, MW_CACHE_FIFO, 3, 100);
    set(&bench, cache, "a", 1, 9);
    set(&bench, cache, "b", 2, 9);
    set(&bench, cache, "c", 3, 9);
    assert_int_equal(mw_cache_set_limits(cache, 2, 100), 0);
    assert_int_equal(numbers_of(cache).entries, 2);
    assert_false(has(&bench, cache, "a"));
    assert_int_equal(mw_cache_set_limits(cache, 2, 19), 0);
    assert_int_equal(numbers_of(cache).entries, 1);
    assert_int_equal(mw_cache_set_limits(cache, 0, 19), -EINVAL);
    assert_int_equal(mw_cache_set_limits(cache, 1, 0), -EINVAL);
    mw_cache_clear(cache);
    assert_int_equal(numbers_of(cache).entries, 0);
    mw_cache_destroy(cache);
    bench_deinit(&bench);
}

static void test_keys_are_any_bytes(void **state)
{
    static char large[MW_CACHE_KEY_MAX + 1];
    struct mw_cache *cache;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    cache = make(&bench, MW_CACHE_FIFO, 10, MIB);
    {
        MW_SCOPE(scope, bench.heap);
        struct mw_ref value = bench_box(&bench, 1);

        assert_int_equal(mw_cache_set(cache, "", 0, value, 0), 0);
        assert_int_equal(mw_cache_set(cache, "\0", 1, value, 0), 0);
        assert_int_equal(mw_cache_set(cache, large, MW_CACHE_KEY_MAX, value, 0), 0);
        assert_int_equal(mw_cache_set(cache, large, MW_CACHE_KEY_MAX + 1, value, 0), -EINVAL);
        assert_int_equal(mw_cache_set(cache, "x", 1, mw_ref_none(), 0), -EINVAL);
        assert_false(mw_ref_is_none(mw_cache_get(cache, NULL, 0)));
        assert_false(mw_ref_is_none(mw_cache_get(cache, "\0", 1)));
        assert_false(mw_ref_is_none(mw_cache_get(cache, large, MW_CACHE_KEY_MAX)));
        assert_int_equal(numbers_of(cache).entries, 3);
    }
    mw_cache_destroy(cache);
    bench_deinit(&bench);
}

static void test_bounds_that_make_no_sense(void **state)
{
    const struct mw_cache_config bad[] = {
        {MW_CACHE_FIFO, 0, 1},
        {MW_CACHE_FIFO, 1, 0},
        {MW_CACHE_FIFO, ((size_t)1 << 28) + 1, 1},
        {(enum mw_cache_policy)2, 1, 1},
    };
    struct mw_cache *cache;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(mw_cache_create(bench.store, &bad[i], &cache), -EINVAL);
    assert_null(mw_cache_destroy(NULL));
    bench_deinit(&bench);
}

/* ---- what leaves is told ---- */

/* The numbers of the values that were told of, one digit each, and why in a second line. */
struct told {
    struct bench *bench;
    struct mw_cache *cache;
    char numbers[32], whys[32];
    size_t count;
};

static void on_evicted(void *context, struct mw_ref value, enum mw_cache_why why)
{
    struct told *self = context;

    assert_in_range(self->count, 0, sizeof(self->numbers) - 2);
    self->numbers[self->count] = (char)('0' + bench_unbox(self->bench, value));
    self->whys[self->count++] = "erxc"[why];
    self->numbers[self->count] = self->whys[self->count] = 0;
    numbers_of(self->cache); /* its bounds hold already */
}

static void expect_told(struct told *self, const char *numbers, const char *whys)
{
    assert_string_equal(self->numbers, numbers);
    assert_string_equal(self->whys, whys);
    self->count = 0;
    self->numbers[0] = self->whys[0] = 0;
}

static void told_at_limits(struct bench *bench, unsigned scale)
{
    struct mw_cache *cache = make(bench, MW_CACHE_FIFO, 3, 100);
    struct told told = {.bench = bench, .cache = cache};

    (void)scale;
    mw_cache_on_evicted(cache, on_evicted, &told);
    set(bench, cache, "a", 1, 9);
    set(bench, cache, "b", 2, 9); /* limit - 1 */
    set(bench, cache, "c", 3, 9); /* limit */
    expect_told(&told, "", "");
    set(bench, cache, "d", 4, 9); /* limit + 1 */
    expect_told(&told, "1", "e");
    set(bench, cache, "d", 5, 79); /* 10 + 10 + 80 bytes: the limit */
    expect_told(&told, "4", "r");
    set(bench, cache, "d", 6, 80); /* one more */
    expect_told(&told, "25", "er");
    assert_true(mw_cache_remove(cache, "c", 1));
    assert_false(mw_cache_remove(cache, "c", 1));
    expect_told(&told, "3", "x");
    assert_int_equal(set(bench, cache, "d", 7, 100), -EFBIG);
    expect_told(&told, "", "");
    set(bench, cache, "e", 8, 0);
    assert_int_equal(mw_cache_set_limits(cache, 1, 100), 0);
    expect_told(&told, "6", "e");
    mw_cache_clear(cache);
    expect_told(&told, "8", "c");
    set(bench, cache, "f", 9, 0);
    assert_null(mw_cache_destroy(cache));
    expect_told(&told, "9", "c");
}

static void test_each_value_that_leaves_is_told_once_and_why(void **state)
{
    (void)state;
    bench_all_modes(told_at_limits);
}

/* An owner that frees what a value holds would free it while it is still there. */
static void test_the_same_object_again_is_no_leaving(void **state)
{
    struct told told = {.count = 0};
    struct mw_cache *cache;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    cache = make(&bench, MW_CACHE_FIFO, 3, 100);
    told.bench = &bench;
    told.cache = cache;
    mw_cache_on_evicted(cache, on_evicted, &told);
    {
        MW_SCOPE(scope, bench.heap);
        struct mw_ref value = bench_box(&bench, 1);

        assert_int_equal(mw_cache_set(cache, "a", 1, value, 1), 0);
        assert_int_equal(mw_cache_set(cache, "a", 1, value, 2), 0);
    }
    expect_told(&told, "", "");
    mw_cache_on_evicted(cache, NULL, NULL);
    mw_cache_destroy(cache);
    expect_told(&told, "", "");
    bench_deinit(&bench);
}

/* ---- without memory ---- */

/* Values are one shared object, made while there was memory: it is the cache that asks for more. */
static void test_without_memory_nothing_is_lost(void **state)
{
    struct mw_global *value, *filling;
    struct mw_cache *cache;
    struct bench bench;
    unsigned count = 0;
    int error;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 4 * MIB);
    cache = make(&bench, MW_CACHE_LRU, 100000, 64 * MIB);
    {
        MW_SCOPE(scope, bench.heap);
        assert_int_equal(mw_global_create(bench.heap, bench_box(&bench, 7), false, &value), 0);
    }
    bench_exhaust(&bench, 16, &filling);
    do {
        MW_SCOPE(scope, bench.heap);
        char text[16];

        snprintf(text, sizeof(text), "%u", count);
        error = mw_cache_set(cache, text, strlen(text), mw_global_get(bench.heap, value), 0);
        count += error == 0;
        assert_in_range(count, 0, 90000);
    } while (error == 0);
    assert_int_equal(error, -ENOMEM);
    bench_verify(&bench);
    assert_int_equal(numbers_of(cache).entries, count);
    assert_int_equal(numbers_of(cache).evictions, 0);
    for (unsigned i = 0; i < count; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%u", i);
        assert_int_equal(get(&bench, cache, text), 7);
    }
    bench_relieve(&bench, filling);
    assert_int_equal(set(&bench, cache, "more", 8, 0), 0);
    mw_global_destroy(bench.heap, value);
    mw_cache_destroy(cache);
    bench_deinit(&bench);
}

static void drop_half(void *context)
{
    size_t half = numbers_of(context).entries / 2;

    for (size_t i = 0; i < half; i++)
        mw_cache_drop(context);
}

/* More than the heap can hold: the callback evicts while the cache itself asks for memory. */
static void test_dropped_from_inside_its_own_call(void **state)
{
    struct mw_cache *cache;
    struct bench bench;

    (void)state;
    bench_init(&bench, 0, 4 * MIB);
    cache = make(&bench, MW_CACHE_FIFO, 1000000, 64 * MIB);
    bench.near_limit = drop_half;
    bench.context = cache;
    for (unsigned i = 0; i < 100000; i++) {
        MW_SCOPE(scope, bench.heap);
        char text[16];
        struct mw_ref box = bench_box(&bench, i);

        snprintf(text, sizeof(text), "%u", i);
        if (mw_ref_is_none(box) || mw_cache_set(cache, text, strlen(text), box, 100) != 0)
            continue;
        assert_int_equal(get(&bench, cache, text), i);
    }
    assert_true(bench.near_limit_calls > 0);
    assert_true(numbers_of(cache).evictions > 0);
    bench_verify(&bench);
    mw_cache_destroy(cache);
    bench_deinit(&bench);
}

static void test_its_row(void **state)
{
    struct mw_store_row row;
    struct mw_cache *cache;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    cache = make(&bench, MW_CACHE_FIFO, 2, 100);
    mw_cache_get_row(cache, &row);
    assert_string_equal(row.kind, "cache");
    assert_true(mw_store_row_find(&row, "hitRatio")->absent); /* nobody has asked: not 0 */
    set(&bench, cache, "a", 1, 9);
    set(&bench, cache, "b", 1, 9);
    set(&bench, cache, "c", 1, 9);
    get(&bench, cache, "a");
    get(&bench, cache, "b");
    get(&bench, cache, "b");
    get(&bench, cache, "c");
    mw_cache_get_row(cache, &row);
    assert_int_equal(mw_store_row_find(&row, "entries")->value, 2);
    assert_int_equal(mw_store_row_find(&row, "limit")->value, 2);
    assert_int_equal(mw_store_row_find(&row, "bytes")->value, 20);
    assert_int_equal(mw_store_row_find(&row, "hits")->value, 3);
    assert_int_equal(mw_store_row_find(&row, "misses")->value, 1);
    assert_int_equal(mw_store_row_find(&row, "evictions")->value, 1);
    assert_true(mw_store_row_find(&row, "hitRatio")->value == 0.75);
    assert_null(mw_store_row_find(&row, "length"));
    mw_cache_destroy(cache);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_list_answers_the_same),
        cmocka_unit_test(test_fifo_at_the_limit),
        cmocka_unit_test(test_lru_lets_go_what_is_not_used),
        cmocka_unit_test(test_bytes_at_the_limit),
        cmocka_unit_test(test_new_limits_hold_at_once),
        cmocka_unit_test(test_keys_are_any_bytes),
        cmocka_unit_test(test_bounds_that_make_no_sense),
        cmocka_unit_test(test_each_value_that_leaves_is_told_once_and_why),
        cmocka_unit_test(test_the_same_object_again_is_no_leaving),
        cmocka_unit_test(test_without_memory_nothing_is_lost),
        cmocka_unit_test(test_dropped_from_inside_its_own_call),
        cmocka_unit_test(test_its_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
