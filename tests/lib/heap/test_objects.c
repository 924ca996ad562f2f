/* What the public header says of types, objects, globals and external bytes. */
#include "fixture.h"

#include <cmocka.h>
#include <errno.h>
#include <string.h>

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
    config.modes = 1U << 31;
    assert_int_equal(mw_heap_create(&config, &heap), -EINVAL);
    config.modes = 0;
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
        {"t", MW_KIND_FIXED, 3, NULL, 2, NULL},
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

static void count_release(void *data)
{
    ++*(int *)data;
}

static void external_bytes_go_with_their_object(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    static int released; /* the last one is released with the heap */
    MW_SCOPE(scope, self->heap);
    struct mw_ref kept = mw_heap_new(self->heap, self->node);

    for (int i = 0; i < 4; i++) { /* young and dead, old and dead */
        MW_SCOPE(inner, self->heap);
        enum mw_heap_place place = i < 2 ? MW_PLACE_YOUNG : MW_PLACE_OLD;
        struct mw_ref ref = mw_heap_new_in(self->heap, self->node, place);

        assert_int_equal(mw_heap_attach_external(self->heap, ref, 100, count_release, &released),
                         0);
    }
    assert_int_equal(mw_heap_attach_external(self->heap, kept, 7, count_release, &released), 0);
    assert_int_equal(mw_heap_attach_external(self->heap, kept, SIZE_MAX, NULL, NULL), -EINVAL);
    assert_int_equal(numbers_of(self).external, 407);
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    assert_int_equal(released, 2);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    assert_int_equal(released, 4);
    assert_int_equal(numbers_of(self).external, 7);
    assert_int_equal(mw_heap_attach_external(self->heap, mw_ref_none(), 1, NULL, NULL), -EINVAL);
}

/* Once, whichever space the object is in, and not those of another. */
static void external_bytes_are_released_at_once_when_asked(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    static int released, others;
    MW_SCOPE(scope, self->heap);
    struct mw_ref young = mw_heap_new(self->heap, self->node);
    struct mw_ref old = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);
    struct mw_ref other = mw_heap_new(self->heap, self->node);

    for (int i = 0; i < 2; i++) {
        assert_int_equal(mw_heap_attach_external(self->heap, young, 100, count_release, &released),
                         0);
        assert_int_equal(mw_heap_attach_external(self->heap, other, 1, count_release, &others), 0);
        assert_int_equal(mw_heap_attach_external(self->heap, old, 10, count_release, &released), 0);
    }
    assert_int_equal(mw_heap_release_external(self->heap, young), 200);
    assert_int_equal(released, 2);
    assert_int_equal(mw_heap_release_external(self->heap, young), 0);
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    assert_int_equal(mw_heap_release_external(self->heap, old), 20);
    assert_int_equal(released, 4);
    assert_int_equal(mw_heap_release_external(self->heap, mw_ref_none()), 0);
    assert_int_equal(numbers_of(self).external, 2);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    assert_int_equal(released, 4);
    assert_int_equal(others, 0);
}

static void external_bytes_bring_a_full_collection(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);

    for (int i = 0; i < 20000; i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref ref = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);

        assert_int_equal(mw_heap_attach_external(self->heap, ref, MIB, NULL, NULL), 0);
        assert_true(numbers_of(self).external <= 65 * MIB);
    }
}

/* Young objects are allocated in line, and yet what hangs on them is not forgotten. */
static void external_bytes_of_young_objects_do_so_too(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);

    for (int i = 0; i < 1000; i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref ref = mw_heap_new(self->heap, self->node);

        assert_int_equal(mw_heap_attach_external(self->heap, ref, 1000 * MIB, NULL, NULL), 0);
        assert_true(numbers_of(self).external <= 2000 * MIB);
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
        cmocka_unit_test_teardown(external_bytes_go_with_their_object, teardown),
        cmocka_unit_test_teardown(external_bytes_are_released_at_once_when_asked, teardown),
        cmocka_unit_test_teardown(external_bytes_bring_a_full_collection, teardown),
        cmocka_unit_test_teardown(external_bytes_of_young_objects_do_so_too, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
