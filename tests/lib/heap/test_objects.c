/* What the public header says of types, objects, handles, globals and the limit. */
#include "heap/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

struct fixture {
    struct mw_heap *heap;
    const struct mw_heap_type *node, *refs, *bytes;
    struct mw_heap_misuse misuse; /* the last one */
    unsigned misuses;
    unsigned near_limit_calls;
    size_t raise_to;
    struct mw_global *dropped; /* what the near-limit callback lets go */
};

static void on_misuse(void *context, const struct mw_heap_misuse *misuse)
{
    struct fixture *self = context;

    self->misuse = *misuse;
    self->misuses++;
}

static size_t on_near_limit(void *context, size_t limit, size_t initial)
{
    struct fixture *self = context;

    self->near_limit_calls++;
    assert_true(limit >= initial);
    if (self->dropped != NULL)
        mw_global_set(self->heap, self->dropped, mw_ref_none());
    return self->raise_to;
}

static struct mw_heap_config config_of(struct fixture *self, unsigned modes, size_t limit)
{
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    config.semi_space = config.semi_space_max = MIB / 4;
    config.limit = limit;
    config.modes = modes;
    config.context = self;
    config.misuse = on_misuse;
    config.near_limit = on_near_limit;
    return config;
}

static void add_types(struct fixture *self)
{
    static const struct mw_heap_field fields[] = {{"left", 0}, {"right", 1}};
    const struct mw_heap_type_info node = {"Node", MW_KIND_FIXED, 3, fields, 2, NULL};
    const struct mw_heap_type_info refs = {"Refs", MW_KIND_REFS, 0, NULL, 0, NULL};
    const struct mw_heap_type_info bytes = {"Bytes", MW_KIND_BYTES, 0, NULL, 0, NULL};

    assert_int_equal(mw_heap_add_type(self->heap, &node, &self->node), 0);
    assert_int_equal(mw_heap_add_type(self->heap, &refs, &self->refs), 0);
    assert_int_equal(mw_heap_add_type(self->heap, &bytes, &self->bytes), 0);
}

/* The test's heap: teardown() destroys it when all scopes of the test are closed. */
static struct fixture *create(void **state, unsigned modes, size_t limit)
{
    struct fixture *self = calloc(1, sizeof(*self));
    struct mw_heap_config config = config_of(self, modes, limit);

    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    add_types(self);
    *state = self;
    return self;
}

static void destroy(struct fixture *self)
{
    const char *fault = "";

    if (mw_heap_verify(self->heap, &fault) != 0)
        fail_msg("verifier: %s", fault);
    assert_null(mw_heap_destroy(self->heap));
    free(self);
}

static int teardown(void **state)
{
    if (*state != NULL)
        destroy(*state);
    return 0;
}

static struct mw_heap_numbers numbers_of(const struct fixture *self)
{
    struct mw_heap_numbers numbers;

    mw_heap_get_numbers(self->heap, &numbers);
    assert_true(numbers.used <= numbers.total);
    assert_true(numbers.total + numbers.pooled <= numbers.limit);
    return numbers;
}

static void expect_misuse(struct fixture *self, enum mw_heap_misuse_kind kind, int line)
{
    char where[sizeof(__FILE__) + 16];

    assert_int_equal(self->misuses, 1);
    assert_int_equal(self->misuse.kind, kind);
    snprintf(where, sizeof(where), "%s:%d", __FILE__, line);
    assert_string_equal(self->misuse.where, where);
    self->misuses = 0;
}

/* ---- creation, types ---- */

static void bounds_that_make_no_sense_are_refused(void **state)
{
    struct mw_heap *heap = NULL;
    struct mw_heap_config config;

    (void)state;
    mw_heap_config_default(&config);
    config.semi_space = 3 * MIB;
    assert_int_equal(mw_heap_create(&config, &heap), -EINVAL);
    mw_heap_config_default(&config);
    config.limit = 2 * MIB + MIB / 2 - 1;
    assert_int_equal(mw_heap_create(&config, &heap), -EINVAL);
    config.limit++;
    assert_int_equal(mw_heap_create(&config, &heap), 0);
    assert_null(mw_heap_destroy(heap));
    assert_null(mw_heap_destroy(NULL));
}

static void creation_may_fail_at_each_mapping(void **state)
{
    struct fixture self = {0};
    struct mw_heap_config config = config_of(&self, MW_HEAP_CHECKED, 4 * MIB);
    uint64_t mappings = 0;
    int error;

    (void)state;
    do {
        config.fail_mapping = ++mappings;
        error = mw_heap_create(&config, &self.heap);
        assert_true(error == 0 || error == -ENOMEM);
    } while (error < 0);
    assert_in_range(mappings, 6, 20);
    mw_heap_destroy(self.heap);
}

static void types_that_make_no_sense_are_refused(void **state)
{
    static const struct mw_heap_field twice[] = {{"a", 1}, {"b", 1}};
    static const struct mw_heap_field outside[] = {{"a", 3}};
    const struct mw_heap_type_info wrong[] = {
        {NULL, MW_KIND_BYTES, 0, NULL, 0, NULL},   {"t", MW_KIND_BYTES, 1, NULL, 0, NULL},
        {"t", MW_KIND_FIXED, 0, NULL, 0, NULL},    {"t", MW_KIND_FIXED, 16001, NULL, 0, NULL},
        {"t", MW_KIND_FIXED, 3, outside, 1, NULL}, {"t", MW_KIND_FIXED, 3, twice, 2, NULL},
        {"t", MW_KIND_STRUCTS, 65, NULL, 0, NULL}, {"t", MW_KIND_REFS, 0, twice, 1, NULL},
        {"t", MW_KIND_CUSTOM, 2, NULL, 0, NULL},   {"t", (enum mw_heap_kind)9, 1, NULL, 0, NULL},
    };
    struct fixture *self = create(state, 0, 4 * MIB);
    const struct mw_heap_type *type = NULL;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(mw_heap_add_type(self->heap, &wrong[i], &type), -EINVAL);
    assert_null(type);
}

static void names_are_copies(void **state)
{
    char name[] = "Short";
    struct mw_heap_type_info info = {name, MW_KIND_BYTES, 0, NULL, 0, NULL};
    struct fixture *self = create(state, 0, 4 * MIB);
    const struct mw_heap_type *type = NULL;

    assert_int_equal(mw_heap_add_type(self->heap, &info, &type), 0);
    memset(name, 'x', sizeof(name) - 1);
    assert_string_equal(type->name, "Short");
}

/* ---- objects ---- */

static void lengths_are_exact(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 16 * MIB);

    for (size_t length = 0; length < 40; length++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref refs = mw_heap_new_array(self->heap, self->refs, length, MW_PLACE_YOUNG);
        struct mw_ref bytes = mw_heap_new_array(self->heap, self->bytes, length, MW_PLACE_OLD);

        assert_int_equal(mw_heap_length(self->heap, refs), length);
        assert_int_equal(mw_heap_length(self->heap, bytes), length);
        assert_ptr_equal(mw_heap_type_of(self->heap, refs), self->refs);
    }
}

static void sizes_that_no_object_has_are_refused(void **state)
{
    struct fixture *self = create(state, 0, 4 * MIB);
    MW_SCOPE(scope, self->heap);

    assert_true(
        mw_ref_is_none(mw_heap_new_array(self->heap, self->refs, SIZE_MAX / 2, MW_PLACE_YOUNG)));
    assert_int_equal(mw_heap_error(self->heap), -EINVAL);
    assert_true(
        mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, 100 * MIB, MW_PLACE_YOUNG)));
    assert_int_equal(mw_heap_error(self->heap), -ENOMEM);
}

/* Free memory is full of old bytes; new objects must not be. */
static void objects_are_born_zero(void **state)
{
    struct fixture *self = create(state, MW_HEAP_POISON, 8 * MIB);

    for (int i = 0; i < 20000; i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref ref = mw_heap_new_array(self->heap, self->bytes, (size_t)(i % 700),
                                              i % 3 == 0 ? MW_PLACE_OLD : MW_PLACE_YOUNG);
        uint8_t *bytes;

        assert_false(mw_ref_is_none(ref));
        mw_heap_raw_enter(self->heap);
        bytes = mw_heap_raw(self->heap, ref);
        for (int at = 0; at < i % 700; at++)
            assert_int_equal(bytes[at], 0);
        memset(bytes, 0xff, (size_t)(i % 700));
        mw_heap_raw_leave(self->heap);
    }
}

static void the_second_survival_promotes(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    MW_SCOPE(scope, self->heap);

    mw_heap_new(self->heap, self->node);
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    assert_int_equal(numbers_of(self).promoted, 0);
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    assert_int_equal(numbers_of(self).promoted, 32);
}

static void over_a_quarter_survivors_are_promoted_at_once(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_numbers numbers;
    MW_SCOPE(scope, self->heap);

    for (int i = 0; i < 100; i++)
        mw_heap_new_array(self->heap, self->bytes, 1000, MW_PLACE_YOUNG);
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    numbers = numbers_of(self);
    assert_in_range(numbers.promoted, 100 * 1008 - 65 * 1024 - 1008, 100 * 1008 - 64 * 1024);
}

/* No recursion anywhere: a list's depth is its length. */
static void a_long_list_needs_no_stack(void **state)
{
    enum { LENGTH = 300000 };
    struct fixture *self = create(state, 0, 64 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref list = mw_heap_new(self->heap, self->node);
    size_t length = 1;

    for (int i = 1; i < LENGTH; i++) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref node = mw_heap_new(self->heap, self->node);

        mw_heap_set(self->heap, node, 1, list);
        mw_heap_assign(self->heap, list, node);
    }
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    for (;; length++) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref next = mw_heap_get(self->heap, list, 1);

        if (mw_ref_is_none(next))
            break;
        mw_heap_assign(self->heap, list, next);
    }
    assert_int_equal(length, LENGTH);
}

/* ---- globals ---- */

static void a_global_set_to_nothing_lets_go(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_global *strong = NULL, *weak = NULL;

    {
        MW_SCOPE(scope, self->heap);
        struct mw_ref node = mw_heap_new(self->heap, self->node);

        assert_int_equal(mw_global_create(self->heap, node, false, &strong), 0);
        assert_int_equal(mw_global_create(self->heap, node, true, &weak), 0);
    }
    for (int i = 0; i < 4; i++) {
        MW_SCOPE(scope, self->heap);

        mw_heap_collect(self->heap, i % 2 == 0 ? MW_COLLECT_MINOR : MW_COLLECT_MAJOR);
        assert_true(mw_heap_same(self->heap, mw_global_get(self->heap, weak),
                                 mw_global_get(self->heap, strong)));
    }
    mw_global_set(self->heap, strong, mw_ref_none());
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    assert_true(mw_ref_is_none(mw_global_get(self->heap, weak)));
    assert_null(mw_global_destroy(self->heap, weak));
    assert_null(mw_global_destroy(self->heap, NULL));
}

static void a_young_weak_object_is_gone_after_a_scavenge(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_global *weak = NULL;

    {
        MW_SCOPE(scope, self->heap);

        mw_global_create(self->heap, mw_heap_new(self->heap, self->node), true, &weak);
    }
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    assert_true(mw_ref_is_none(mw_global_get(self->heap, weak)));
}

/* ---- misuse ---- */

static void a_handle_after_its_scope_is_seen(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    struct mw_ref stale;

    {
        MW_SCOPE(scope, self->heap);

        stale = mw_heap_new(self->heap, self->node);
    }
    mw_heap_get(self->heap, stale, 0);
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    {
        MW_SCOPE(scope, self->heap);
        struct mw_ref other = mw_heap_new(self->heap, self->node); /* in the same slot */

        mw_heap_set(self->heap, other, 0, stale);
        expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
        assert_true(mw_ref_is_none(mw_heap_get(self->heap, other, 0)));
    }
}

static void the_wrong_type_is_seen(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref node = mw_heap_new(self->heap, self->node);

    mw_heap_set(self->heap, node, 2, node); /* a word, not a reference */
    expect_misuse(self, MW_MISUSE_TYPE, __LINE__ - 1);
    mw_heap_set_word(self->heap, node, 1, 7);
    expect_misuse(self, MW_MISUSE_TYPE, __LINE__ - 1);
    mw_heap_set_word(self->heap, node, 2, 7);
    assert_int_equal(mw_heap_get_word(self->heap, node, 2), 7);
    mw_heap_get(self->heap, node, 3);
    expect_misuse(self, MW_MISUSE_TYPE, __LINE__ - 1);
    mw_heap_new(self->heap, self->refs);
    expect_misuse(self, MW_MISUSE_TYPE, __LINE__ - 1);
    mw_heap_get(self->heap, mw_ref_none(), 0);
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
}

static void another_heap_is_seen(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    void *other_state = NULL;
    struct fixture *other = create(&other_state, MW_HEAP_CHECKED, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    MW_SCOPE(other_scope, other->heap);
    struct mw_ref node = mw_heap_new(self->heap, self->node);
    struct mw_ref foreign = mw_heap_new(other->heap, other->node);

    mw_heap_set(self->heap, node, 0, foreign);
    expect_misuse(self, MW_MISUSE_HEAP, __LINE__ - 1);
    mw_scope_close(&other_scope);
    mw_scope_close(&scope);
    destroy(other);
}

static void raw_pointers_over_an_allocation_are_seen(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref node = mw_heap_new(self->heap, self->node);

    mw_heap_raw_enter(self->heap);
    assert_non_null(mw_heap_raw(self->heap, node));
    assert_true(mw_ref_is_none(mw_heap_new(self->heap, self->node)));
    expect_misuse(self, MW_MISUSE_RAW, __LINE__ - 1);
    mw_heap_raw_leave(self->heap);
    assert_null(mw_heap_raw(self->heap, node));
    expect_misuse(self, MW_MISUSE_RAW, __LINE__ - 1);
}

static void scopes_out_of_order_are_seen(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    struct mw_scope outer = mw_scope_open(self->heap);
    int line = __LINE__ - 1;
    struct mw_scope inner = mw_scope_open(self->heap);
    int inner_line = __LINE__ - 1;

    mw_scope_close(&outer);
    expect_misuse(self, MW_MISUSE_SCOPE, line);
    mw_scope_close(&inner);
    expect_misuse(self, MW_MISUSE_SCOPE, inner_line);
    mw_scope_close(&inner); /* closed already: nothing */
    assert_int_equal(self->misuses, 0);
}

static void *allocate_elsewhere(void *context)
{
    struct fixture *self = context;

    assert_true(mw_ref_is_none(mw_heap_new(self->heap, self->node)));
    return NULL;
}

static void a_second_thread_is_seen(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, allocate_elsewhere, self), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(self->misuses, 1);
    assert_int_equal(self->misuse.kind, MW_MISUSE_THREAD);
}

static void handles_and_scopes_have_bounds(void **state)
{
    struct fixture self = {0};
    struct mw_heap_config config = config_of(&self, 0, 8 * MIB);
    struct mw_scope scopes[3];

    (void)state;
    config.handles = 100;
    config.scopes = 2;
    assert_int_equal(mw_heap_create(&config, &self.heap), 0);
    add_types(&self);
    for (int i = 0; i < 3; i++)
        scopes[i] = mw_scope_open(self.heap);
    assert_int_equal(self.misuses, 1);
    assert_int_equal(self.misuse.kind, MW_MISUSE_SCOPE);
    for (int i = 0; i < 100; i++)
        assert_false(mw_ref_is_none(mw_heap_new(self.heap, self.node)));
    assert_true(mw_ref_is_none(mw_heap_new(self.heap, self.node)));
    assert_int_equal(mw_heap_error(self.heap), -EOVERFLOW);
    for (int i = 3; i-- > 0;)
        mw_scope_close(&scopes[i]);
    assert_false(mw_ref_is_none(mw_heap_new(self.heap, self.node)));
    mw_heap_destroy(self.heap);
}

/* ---- the limit ---- */

/* Fills an old array with bytes until nothing more is given. */
static size_t fill(struct fixture *self, struct mw_ref array, size_t bytes)
{
    size_t length = mw_heap_length(self->heap, array);

    for (size_t i = 0; i < length; i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref value = mw_heap_new_array(self->heap, self->bytes, bytes, MW_PLACE_YOUNG);

        if (mw_ref_is_none(value))
            return i;
        mw_heap_set(self->heap, array, i, value);
    }
    return length;
}

static void at_the_limit_an_allocation_fails_and_all_else_holds(void **state)
{
    static const size_t sizes[] = {40, 1000, 30000, 300000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct fixture *self = create(state, 0, 4 * MIB);
        MW_SCOPE(scope, self->heap);
        struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 90000, MW_PLACE_OLD);
        size_t filled = fill(self, array, sizes[i]);

        assert_int_equal(mw_heap_error(self->heap), -ENOMEM);
        assert_true(filled * sizes[i] > 2 * MIB);
        assert_true(self->near_limit_calls > 0);
        mw_heap_set(self->heap, array, 0, mw_ref_none());
        mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
        for (size_t at = 1; at < filled; at++) {
            MW_SCOPE(inner, self->heap);

            assert_int_equal(mw_heap_length(self->heap, mw_heap_get(self->heap, array, at)),
                             sizes[i]);
        }
        numbers_of(self);
        mw_scope_close(&scope);
        destroy(self);
        *state = NULL;
    }
}

static void the_near_limit_callback_may_raise_the_limit(void **state)
{
    struct fixture *self = create(state, 0, 4 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 60000, MW_PLACE_OLD);

    self->raise_to = 1000 * MIB; /* more than limit_max */
    assert_true(fill(self, array, 1000) * 1000 > 4 * MIB);
    assert_int_equal(numbers_of(self).limit, 6 * MIB);
}

static void the_near_limit_callback_may_let_go(void **state)
{
    struct fixture *self = create(state, 0, 4 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 3000, MW_PLACE_OLD);

    {
        MW_SCOPE(inner, self->heap);
        struct mw_ref cache = mw_heap_new_array(self->heap, self->bytes, MIB, MW_PLACE_OLD);

        assert_int_equal(mw_global_create(self->heap, cache, false, &self->dropped), 0);
    }
    assert_int_equal(fill(self, array, 1000), 3000);
    assert_int_equal(self->near_limit_calls, 1);
}

/* Whichever call for memory fails, the heap is whole afterwards. */
static void mappings_may_fail_at_any_time(void **state)
{
    (void)state;
    for (uint64_t call = 10; call < 40; call++) {
        struct fixture *self = calloc(1, sizeof(*self));
        struct mw_heap_config config = config_of(self, MW_HEAP_VERIFY, 8 * MIB);

        config.fail_mapping = call;
        assert_int_equal(mw_heap_create(&config, &self->heap), 0);
        add_types(self);
        for (int round = 0; round < 2; round++) {
            MW_SCOPE(scope, self->heap);
            struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 7000, MW_PLACE_OLD);

            if (!mw_ref_is_none(array))
                fill(self, array, 900);
        }
        assert_int_equal(self->misuses, 0);
        destroy(self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(bounds_that_make_no_sense_are_refused, teardown),
        cmocka_unit_test_teardown(creation_may_fail_at_each_mapping, teardown),
        cmocka_unit_test_teardown(types_that_make_no_sense_are_refused, teardown),
        cmocka_unit_test_teardown(names_are_copies, teardown),
        cmocka_unit_test_teardown(lengths_are_exact, teardown),
        cmocka_unit_test_teardown(sizes_that_no_object_has_are_refused, teardown),
        cmocka_unit_test_teardown(objects_are_born_zero, teardown),
        cmocka_unit_test_teardown(the_second_survival_promotes, teardown),
        cmocka_unit_test_teardown(over_a_quarter_survivors_are_promoted_at_once, teardown),
        cmocka_unit_test_teardown(a_long_list_needs_no_stack, teardown),
        cmocka_unit_test_teardown(a_global_set_to_nothing_lets_go, teardown),
        cmocka_unit_test_teardown(a_young_weak_object_is_gone_after_a_scavenge, teardown),
        cmocka_unit_test_teardown(a_handle_after_its_scope_is_seen, teardown),
        cmocka_unit_test_teardown(the_wrong_type_is_seen, teardown),
        cmocka_unit_test_teardown(another_heap_is_seen, teardown),
        cmocka_unit_test_teardown(raw_pointers_over_an_allocation_are_seen, teardown),
        cmocka_unit_test_teardown(scopes_out_of_order_are_seen, teardown),
        cmocka_unit_test_teardown(a_second_thread_is_seen, teardown),
        cmocka_unit_test_teardown(handles_and_scopes_have_bounds, teardown),
        cmocka_unit_test_teardown(at_the_limit_an_allocation_fails_and_all_else_holds, teardown),
        cmocka_unit_test_teardown(the_near_limit_callback_may_raise_the_limit, teardown),
        cmocka_unit_test_teardown(the_near_limit_callback_may_let_go, teardown),
        cmocka_unit_test_teardown(mappings_may_fail_at_any_time, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
