/* Halves that have grown make way near the limit: what a heap can hold does not depend on what the
 * program did before. */
#include "fixture.h"

#include "heap/heap_internal.h"

#include <cmocka.h>
#include <stdlib.h>

/* As after a time in which much died at its second scavenge. */
static void grow_halves(struct fixture *self)
{
    mw_pool_trim(self->heap, 0);
    self->heap->nursery.wanted = MIB;
    while (mw_nursery_grow(self->heap))
        ;
    assert_int_equal(self->heap->nursery.capacity, MIB);
}

static struct fixture *create_with_halves(void **state, size_t limit, bool grown)
{
    struct fixture *self = calloc(1, sizeof(*self));
    struct mw_heap_config config = config_of(self, 0, limit);

    config.limit_max = limit;
    config.semi_space_max = MIB;
    config.scavenge_us = 0;
    config.pretenure = false;
    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    add_types(self);
    *state = self;
    if (grown)
        grow_halves(self);
    return self;
}

/* What finds room does not depend on what the program did before. */
static void grown_halves_make_way_at_the_limit(void **state)
{
    size_t held[2];

    for (int grown = 0; grown < 2; grown++) {
        struct fixture *self = create_with_halves(state, 8 * MIB, grown);

        held[grown] = fill_with_nodes(self);
        assert_int_equal(self->heap->nursery.capacity, MIB / 4);
        destroy(self);
        *state = NULL;
    }
    assert_in_range(held[1], held[0] - held[0] / 100, held[0] + held[0] / 100);
}

/* In one go, when that is what it takes: 4 MiB are pages of what lives, and 2 are the halves'. */
static void grown_halves_make_way_for_a_large_object(void **state)
{
    struct fixture *self = create_with_halves(state, 8 * MIB, true);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 30, MW_PLACE_OLD);

    for (size_t i = 0; i < 30; i++)
        mw_heap_set(self->heap, array, i,
                    mw_heap_new_array(self->heap, self->bytes, 100 * 1000, MW_PLACE_OLD));
    assert_int_equal(self->heap->nursery.capacity, MIB);
    assert_false(mw_ref_is_none(
        mw_heap_new_array(self->heap, self->bytes, 3 * MIB - MIB / 8, MW_PLACE_OLD)));
    assert_int_equal(self->heap->nursery.capacity, MIB / 4);
    assert_int_equal(self->near_limit_calls, 0);
}

static void what_fits_into_a_new_heap_fits_into_one_that_has_grown(void **state)
{
    struct fixture *self = create_with_halves(state, 8 * MIB, true);
    MW_SCOPE(scope, self->heap);

    assert_false(mw_ref_is_none(
        mw_heap_new_array(self->heap, self->bytes, 7 * MIB - MIB / 8, MW_PLACE_OLD)));
    assert_int_equal(self->near_limit_calls, 0);
}

static void hold_young(struct fixture *self, size_t bytes, bool grow)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, bytes / 1000, MW_PLACE_OLD);

    assert_int_equal(mw_global_create(self->heap, array, false, &self->dropped), 0);
    if (grow)
        grow_halves(self);
    assert_int_equal(fill_array(self, array, 1000), bytes / 1000);
}

/* An old space full of holes that are too small for anything, halves that have grown, and young
 * objects that find no room until it was slid. The caller closes the scope. */
static struct fixture *create_full_of_holes(void **state, struct mw_scope *ret_scope)
{
    struct fixture *self = create_with_halves(state, 16 * MIB, false);
    struct mw_ref nodes, array;

    *ret_scope = mw_scope_open(self->heap);
    nodes = mw_heap_new_array(self->heap, self->refs, 8 * MIB / 32, MW_PLACE_OLD);
    for (size_t i = 0; i < 8 * MIB / 32; i++) {
        MW_SCOPE(scope, self->heap);

        mw_heap_set(self->heap, nodes, i, mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD));
    }
    for (size_t i = 0; i < 8 * MIB / 32; i += 2)
        mw_heap_set(self->heap, nodes, i, mw_ref_none());
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    assert_true(numbers_of(self).total > 10 * MIB);
    self->heap->compactor.due = false; /* or idle time would do what is to be done at the limit */
    grow_halves(self);
    array = mw_heap_new_array(self->heap, self->refs, 900, MW_PLACE_OLD);
    assert_int_equal(fill_array(self, array, 1000), 900);
    assert_int_equal(mw_heap_set_limit(self->heap, numbers_of(self).total + MW_RESERVE + 65536), 0);
    assert_int_equal(self->heap->nursery.capacity, MIB);
    return self;
}

/* The one waits for the other: halves for room to promote to, which only sliding makes, and the
 * large object for both. */
static void sliding_makes_halves_smaller(void **state)
{
    struct mw_scope scope;
    struct fixture *self = create_full_of_holes(state, &scope);

    assert_false(mw_ref_is_none(
        mw_heap_new_array(self->heap, self->bytes, 4 * MIB + MIB / 2, MW_PLACE_OLD)));
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_COMPACT], 1);
    assert_int_equal(self->heap->nursery.capacity, MIB / 4);
    assert_int_equal(self->near_limit_calls, 0);
    mw_scope_close(&scope);
}

/* What is young is too large for holes of 1000 bytes, so halves cannot get smaller. Sliding makes a
 * hole, which is for who asked, and not for them: else it would be the next one's turn to slide,
 * and so on. */
static void what_sliding_makes_is_for_who_asked(void **state)
{
    enum { ITEMS = 8000, LARGE = 12, LARGE_BYTES = 60000 };
    struct fixture *self = create_with_halves(state, 16 * MIB, false);
    struct mw_scope scope = mw_scope_open(self->heap);
    struct mw_ref items = mw_heap_new_array(self->heap, self->refs, ITEMS, MW_PLACE_OLD);
    struct mw_ref last = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);
    uint64_t slid;

    for (size_t i = 0; i < ITEMS; i++) {
        MW_SCOPE(inner, self->heap);

        mw_heap_set(self->heap, items, i,
                    mw_heap_new_array(self->heap, self->bytes, 1000, MW_PLACE_OLD));
    }
    for (size_t i = 0; i < ITEMS; i += 2)
        mw_heap_set(self->heap, items, i, mw_ref_none());
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    self->heap->compactor.due = false;
    grow_halves(self);
    for (size_t i = 0; i < LARGE; i++)
        mw_heap_new_array(self->heap, self->bytes, LARGE_BYTES, MW_PLACE_YOUNG);
    assert_int_equal(mw_heap_set_limit(self->heap, numbers_of(self).total + MW_RESERVE), 0);
    slid = numbers_of(self).collections[MW_GC_MARK_COMPACT];
    for (bool room = true; room;) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref node = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);

        room = !mw_ref_is_none(node);
        if (room)
            mw_heap_set(self->heap, node, 0, last);
        if (room)
            mw_heap_assign(self->heap, last, node);
    }
    assert_in_range(numbers_of(self).collections[MW_GC_MARK_COMPACT] - slid, 1, 3);
    slid = numbers_of(self).collections[MW_GC_MARK_COMPACT];
    assert_true(mw_ref_is_none(
        mw_heap_new_array(self->heap, self->bytes, MIB / 2 - MIB / 8, MW_PLACE_OLD)));
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_COMPACT], slid);
    mw_scope_close(&scope);
}

static void a_lower_limit_is_refused_twice_or_never(void **state)
{
    struct mw_scope scope;
    struct fixture *self = create_full_of_holes(state, &scope);

    assert_int_equal(mw_heap_set_limit(self->heap, 8 * MIB + MIB / 4), 0);
    assert_int_equal(self->heap->nursery.capacity, MIB / 4);
    mw_scope_close(&scope);
}

/* What the callback let go of was young, and could not become old. */
static void grown_halves_make_way_after_the_callback(void **state)
{
    struct fixture *self = create_with_halves(state, 8 * MIB, false);
    MW_SCOPE(scope, self->heap);
    struct mw_ref large =
        mw_heap_new_array(self->heap, self->bytes, 5 * MIB + MIB / 8, MW_PLACE_OLD);

    assert_false(mw_ref_is_none(large));
    hold_young(self, 900 * 1000, true);
    assert_int_equal(numbers_of(self).collections[MW_GC_SCAVENGE], 0);
    assert_false(mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, MIB, MW_PLACE_OLD)));
    assert_int_equal(self->near_limit_calls, 1);
    assert_int_equal(self->heap->nursery.capacity, MIB / 4);
}

/* A window over a stream: half of a half of 256 KiB dies at its second scavenge. */
static void stream(struct fixture *self, struct mw_ref window, size_t bytes)
{
    for (size_t i = 0; i < bytes / 1008; i++)
        assert_true(fill_one(self, window, i % 100, 1000));
}

/* Where there is room for larger ones, and none for what these might hold. */
static void halves_do_not_swing_near_the_limit(void **state)
{
    for (size_t live = 8 * MIB; live <= 14 * MIB; live += MIB / 4) {
        struct fixture *self = create_with_halves(state, 16 * MIB, false);
        struct mw_scope scope = mw_scope_open(self->heap);
        struct mw_ref window = mw_heap_new_array(self->heap, self->refs, 100, MW_PLACE_OLD);
        uint64_t calls;

        for (size_t i = 0; i < live / (240 * 1024); i++)
            assert_false(mw_ref_is_none(
                mw_heap_new_array(self->heap, self->bytes, 240 * 1024, MW_PLACE_OLD)));
        stream(self, window, 8 * MIB);
        calls = self->heap->vm.calls;
        stream(self, window, 24 * MIB);
        assert_in_range(self->heap->vm.calls - calls, 0, 16);
        mw_scope_close(&scope);
        destroy(self);
        *state = NULL;
    }
}

static void grown_halves_make_way_for_a_lower_limit(void **state)
{
    struct fixture *self = create_with_halves(state, 8 * MIB, true);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 1200, MW_PLACE_OLD);

    assert_int_equal(fill_array(self, array, 1000), 1200);
    assert_int_equal(mw_heap_set_limit(self->heap, mw_heap_limit_min(MIB)), 0);
    assert_int_equal(self->heap->nursery.capacity, MIB / 4);
    assert_int_equal(mw_heap_length(self->heap, mw_heap_get(self->heap, array, 1199)), 1000);
}

/* Its mapping is rounded up to a huge page, but not when that would be too much. */
static void a_large_object_fits_to_the_last_page(void **state)
{
    struct fixture *self = create_with_halves(state, 20 * MIB, false);
    size_t room = 20 * MIB - MIB / 2 - MW_RESERVE;

    for (size_t bytes = 16 * MIB; bytes + MW_PAGE_FIRST + 16 <= room; bytes += MIB / 4) {
        MW_SCOPE(scope, self->heap);

        assert_false(
            mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, bytes, MW_PLACE_OLD)));
    }
    assert_int_equal(self->near_limit_calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(grown_halves_make_way_at_the_limit, teardown),
        cmocka_unit_test_teardown(grown_halves_make_way_for_a_large_object, teardown),
        cmocka_unit_test_teardown(what_fits_into_a_new_heap_fits_into_one_that_has_grown, teardown),
        cmocka_unit_test_teardown(sliding_makes_halves_smaller, teardown),
        cmocka_unit_test_teardown(what_sliding_makes_is_for_who_asked, teardown),
        cmocka_unit_test_teardown(a_lower_limit_is_refused_twice_or_never, teardown),
        cmocka_unit_test_teardown(grown_halves_make_way_after_the_callback, teardown),
        cmocka_unit_test_teardown(halves_do_not_swing_near_the_limit, teardown),
        cmocka_unit_test_teardown(grown_halves_make_way_for_a_lower_limit, teardown),
        cmocka_unit_test_teardown(a_large_object_fits_to_the_last_page, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
