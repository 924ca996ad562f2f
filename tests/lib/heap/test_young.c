/* The new space: large objects are born in it, too. */
#include "fixture.h"

#include "heap/heap_internal.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 200 * 1000, MARK = 77 };

static struct mw_ref new_large(struct fixture *self, size_t bytes)
{
    struct mw_ref ref = mw_heap_new_array(self->heap, self->bytes, bytes, MW_PLACE_YOUNG);

    assert_false(mw_ref_is_none(ref));
    return ref;
}

static const void *address_of(struct fixture *self, struct mw_ref ref)
{
    const void *address;

    mw_heap_raw_enter(self->heap);
    address = mw_heap_raw(self->heap, ref);
    mw_heap_raw_leave(self->heap);
    return address;
}

static void scavenge(struct fixture *self, int times)
{
    while (times-- > 0)
        mw_heap_collect(self->heap, MW_COLLECT_MINOR);
}

/* ---- large young objects ---- */

static void a_scavenge_frees_a_large_object(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY, 8 * MIB);
    size_t total = numbers_of(self).total;

    {
        MW_SCOPE(scope, self->heap);

        new_large(self, LARGE);
    }
    assert_true(numbers_of(self).total >= total + LARGE);
    assert_true(numbers_of(self).used >= LARGE);
    scavenge(self, 1);
    assert_int_equal(numbers_of(self).total, total);
    assert_int_equal(numbers_of(self).used, 0);
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_SWEEP], 0);
}

static void the_second_survival_promotes_it_where_it_is(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref large = new_large(self, LARGE);
    const void *address = address_of(self, large);

    scavenge(self, 1);
    assert_int_equal(numbers_of(self).promoted, 0);
    scavenge(self, 1);
    assert_int_equal(numbers_of(self).promoted, LARGE + 8);
    assert_int_equal(self->heap->nursery.most_moved, 0); /* nothing is expected to be copied */
    scavenge(self, 3);
    assert_int_equal(numbers_of(self).promoted, LARGE + 8);
    assert_ptr_equal(address_of(self, large), address);
    mw_scope_close(&scope);
    scavenge(self, 1); /* it is old */
    assert_int_equal(numbers_of(self).used, LARGE + 8);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    assert_int_equal(numbers_of(self).used, 0);
}

/* What they take counts: a scavenge comes when they fill as much as a half. */
static void large_objects_have_the_new_space_as_their_budget(void **state)
{
    struct fixture *self = create(state, 0, 64 * MIB);
    size_t total = numbers_of(self).total;

    for (int i = 0; i < 50; i++) {
        MW_SCOPE(scope, self->heap);

        new_large(self, LARGE);
        assert_true(numbers_of(self).total <= total + 2 * (LARGE + MIB / 16));
    }
    assert_int_equal(numbers_of(self).collections[MW_GC_SCAVENGE], 49);
    for (int i = 0; i < 10; i++) { /* one that is larger than a half goes alone */
        MW_SCOPE(scope, self->heap);

        new_large(self, 2 * MIB);
        assert_true(numbers_of(self).total <= total + 2 * MIB + MIB / 4);
    }
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_SWEEP], 0);
    assert_int_equal(numbers_of(self).allocated_old, 0);
}

/* A fresh page has room for one of up to 248 KiB, but none is to be slid about. */
static void a_large_object_that_is_born_old_is_by_itself(void **state)
{
    struct fixture *self = create(state, 0, 16 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_heap_space spaces[MW_SPACES];

    mw_heap_new_array(self->heap, self->bytes, 1, MW_PLACE_OLD);
    mw_heap_new_array(self->heap, self->refs, 1, MW_PLACE_OLD);
    mw_heap_new_array(self->heap, self->bytes, 200 * 1024, MW_PLACE_OLD);
    mw_heap_new_array(self->heap, self->refs, 25 * 1024, MW_PLACE_OLD);
    mw_heap_get_spaces(self->heap, spaces);
    assert_string_equal(spaces[2].name, "large_object_space");
    assert_true(spaces[1].used < 1024);
    assert_true(spaces[2].used > 2 * 200 * 1024);
}

static void more_references_than_a_half_are_born_old(void **state)
{
    struct fixture *self = create(state, 0, 64 * MIB);
    MW_SCOPE(scope, self->heap);

    mw_heap_new_array(self->heap, self->refs, MIB / 4 / 8 - 1, MW_PLACE_YOUNG);
    assert_int_equal(numbers_of(self).allocated_old, 0);
    mw_heap_new_array(self->heap, self->refs, MIB / 4 / 8, MW_PLACE_YOUNG);
    assert_int_equal(numbers_of(self).allocated_old, MIB / 4 + 8);
}

static struct fixture *create_wide(void **state, unsigned modes)
{
    struct fixture *self = calloc(1, sizeof(*self));
    struct mw_heap_config config = config_of(self, modes, 32 * MIB);

    config.semi_space = config.semi_space_max = 4 * MIB;
    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    add_types(self);
    *state = self;
    return self;
}

static void put(struct fixture *self, struct mw_ref holder, size_t index, uint64_t mark)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref node = mw_heap_new(self->heap, self->node);

    mw_heap_set_word(self->heap, node, 2, mark);
    mw_heap_set(self->heap, holder, index, node);
}

static uint64_t mark_at(struct fixture *self, struct mw_ref holder, size_t index)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref node = mw_heap_get(self->heap, holder, index);

    return mw_ref_is_none(node) ? 0 : mw_heap_get_word(self->heap, node, 2);
}

/* Young without a barrier, old with a slot set, over all of its 2.4 MB, of which only the first
 * page begins where pages do. At each age, young values are stored. */
static void a_large_array_keeps_its_values_at_every_age(void **state)
{
    enum { LENGTH = 300 * 1000, STEP = 999, AGES = 6 };
    struct fixture *self = create_wide(state, MW_HEAP_VERIFY);
    MW_SCOPE(scope, self->heap);
    struct mw_ref refs = mw_heap_new_array(self->heap, self->refs, LENGTH, MW_PLACE_YOUNG);

    for (size_t age = 0; age < AGES; age++) {
        for (size_t i = age; i < LENGTH; i += STEP)
            put(self, refs, i, i + 1);
        scavenge(self, 1);
        for (size_t i = 0; i < LENGTH; i++)
            assert_int_equal(mark_at(self, refs, i), i % STEP <= age ? i + 1 : 0);
    }
    assert_int_equal(numbers_of(self).allocated_old, 0);
    assert_int_equal(self->misuses, 0);
}

/* Into it, out of it, and around: nothing is kept for being in a circle. */
static void circles_through_large_objects_live_and_die(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY, 16 * MIB);
    struct mw_heap *heap = self->heap;

    {
        MW_SCOPE(scope, heap);
        struct mw_ref node = mw_heap_new(heap, self->node);

        {
            MW_SCOPE(inner, heap);
            struct mw_ref first = mw_heap_new_array(heap, self->refs, 17000, MW_PLACE_YOUNG);
            struct mw_ref second = mw_heap_new_array(heap, self->refs, 17000, MW_PLACE_YOUNG);

            mw_heap_set(heap, node, 0, first);
            mw_heap_set(heap, first, 16999, second);
            mw_heap_set(heap, second, 16998, first);
            mw_heap_set(heap, second, 16999, node);
            put(self, second, 5, MARK);
        }
        for (int i = 0; i < 4; i++) {
            MW_SCOPE(inner, heap);
            struct mw_ref second;

            scavenge(self, 1);
            second = mw_heap_get(heap, mw_heap_get(heap, node, 0), 16999);
            assert_true(mw_heap_same(heap, mw_heap_get(heap, second, 16999), node));
            assert_int_equal(mark_at(self, second, 5), MARK);
            if (i == 0)
                mw_heap_set(heap, second, 5, mw_heap_get(heap, second, 5));
        }
    }
    mw_heap_collect(heap, MW_COLLECT_MAJOR);
    assert_int_equal(numbers_of(self).used, 0);
    {
        MW_SCOPE(scope, heap);
        struct mw_ref first = mw_heap_new_array(heap, self->refs, 17000, MW_PLACE_YOUNG);

        mw_heap_set(heap, first, 0, first);
    }
    scavenge(self, 1);
    assert_int_equal(numbers_of(self).used, 0);
    assert_int_equal(self->misuses, 0);
}

/* An old holder that is the only one to know a large young object. */
static void an_old_holder_of_a_large_object_is_remembered(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY, 16 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref small = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);
    struct mw_ref big = mw_heap_new_array(self->heap, self->refs, 5000, MW_PLACE_OLD);

    {
        MW_SCOPE(inner, self->heap);

        mw_heap_set(self->heap, small, 0, new_large(self, 140 * 1000));
        mw_heap_set(self->heap, big, 4999, new_large(self, 140 * 1000));
    }
    for (int i = 0; i < 4; i++) {
        MW_SCOPE(inner, self->heap);

        scavenge(self, 1);
        assert_int_equal(mw_heap_length(self->heap, mw_heap_get(self->heap, small, 0)), 140 * 1000);
        assert_int_equal(mw_heap_length(self->heap, mw_heap_get(self->heap, big, 4999)),
                         140 * 1000);
    }
    assert_int_equal(self->misuses, 0);
}

static void count_release(void *data)
{
    ++*(int *)data;
}

static void what_hangs_on_a_large_object_goes_with_it(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY, 16 * MIB);
    struct mw_global *weak = NULL;
    int released = 0;

    {
        MW_SCOPE(scope, self->heap);
        struct mw_ref large = new_large(self, LARGE);

        assert_int_equal(mw_global_create(self->heap, large, true, &weak), 0);
        assert_int_equal(mw_heap_attach_external(self->heap, large, 1000, count_release, &released),
                         0);
        scavenge(self, 1);
        assert_true(mw_heap_same(self->heap, mw_global_get(self->heap, weak), large));
        assert_int_equal(released, 0);
    }
    scavenge(self, 1);
    assert_true(mw_ref_is_none(mw_global_get(self->heap, weak)));
    assert_int_equal(released, 1);
    assert_int_equal(numbers_of(self).external, 0);
}

/* ---- structures ---- */

/* Of elements of three words, only those stored into may be looked at again, and all of them must
 * be. */
static void a_big_array_of_structures_goes_by_slots(void **state)
{
    enum { LENGTH = 60000, STEP = 77, ROUNDS = 4 };
    static const struct mw_heap_field fields[] = {{"first", 0}, {"last", 2}};
    const struct mw_heap_type_info info = {"Pairs", MW_KIND_STRUCTS, 3, fields, 2, NULL};
    struct fixture *self = create(state, MW_HEAP_VERIFY, 32 * MIB);
    const struct mw_heap_type *pairs = NULL;
    MW_SCOPE(scope, self->heap);
    struct mw_ref array;

    assert_int_equal(mw_heap_add_type(self->heap, &info, &pairs), 0);
    array = mw_heap_new_array(self->heap, pairs, LENGTH, MW_PLACE_OLD);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = round; i < LENGTH; i += STEP) {
            mw_heap_set_word(self->heap, array, 3 * i + 1, i);
            put(self, array, 3 * i + (i % 2) * 2, i + 1);
        }
        (void)(round % 2 == 0 ? mw_heap_collect(self->heap, MW_COLLECT_MINOR)
                              : mw_heap_collect(self->heap, MW_COLLECT_MAJOR));
        for (size_t i = 0; i < LENGTH; i++) {
            bool stored = i % STEP <= round;

            assert_int_equal(mark_at(self, array, 3 * i + (i % 2) * 2), stored ? i + 1 : 0);
            assert_int_equal(mw_heap_get_word(self->heap, array, 3 * i + 1), stored ? i : 0);
        }
    }
    assert_int_equal(self->misuses, 0);
}

/* Its mapping is used again, and what stood there is not seen. */
static void a_large_object_is_born_zero_where_another_one_was(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY, 16 * MIB);

    for (int i = 0; i < 8; i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref ref = mw_heap_new_array(self->heap, self->bytes, MIB - (size_t)i * 1000,
                                              i % 2 ? MW_PLACE_YOUNG : MW_PLACE_OLD);
        size_t length = mw_heap_length(self->heap, ref);
        uint8_t *bytes;

        mw_heap_raw_enter(self->heap);
        bytes = mw_heap_raw(self->heap, ref);
        for (size_t at = 0; at < length; at++)
            assert_int_equal(bytes[at], 0);
        memset(bytes, 0xff, length);
        mw_heap_raw_leave(self->heap);
        mw_scope_close(&scope);
        mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
        assert_int_equal(self->heap->kept.count, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_scavenge_frees_a_large_object, teardown),
        cmocka_unit_test_teardown(a_large_object_is_born_zero_where_another_one_was, teardown),
        cmocka_unit_test_teardown(the_second_survival_promotes_it_where_it_is, teardown),
        cmocka_unit_test_teardown(large_objects_have_the_new_space_as_their_budget, teardown),
        cmocka_unit_test_teardown(more_references_than_a_half_are_born_old, teardown),
        cmocka_unit_test_teardown(a_large_object_that_is_born_old_is_by_itself, teardown),
        cmocka_unit_test_teardown(a_large_array_keeps_its_values_at_every_age, teardown),
        cmocka_unit_test_teardown(circles_through_large_objects_live_and_die, teardown),
        cmocka_unit_test_teardown(an_old_holder_of_a_large_object_is_remembered, teardown),
        cmocka_unit_test_teardown(what_hangs_on_a_large_object_goes_with_it, teardown),
        cmocka_unit_test_teardown(a_big_array_of_structures_goes_by_slots, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
