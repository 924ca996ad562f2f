/* The pool of pages: one at a time for a small heap, by groups for a large one, and never more than
 * may be. */
#include "fixture.h"

#include "heap/heap_internal.h"

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

enum { SMALL_PAGES = 4 * MW_GROUP, ITEM_BYTES = 4000, HOLDERS = 8 * 1024 };

#define KIB ((size_t)1 << 10)

/* So many bytes that live, in the old space; the bounds are looked at after each. */
static void fill(struct fixture *self, size_t bytes)
{
    size_t count = bytes / ITEM_BYTES;
    struct mw_ref all = mw_heap_new_array(self->heap, self->refs, count, MW_PLACE_OLD);

    for (size_t i = 0; i < count; i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref item =
            mw_heap_new_array(self->heap, self->bytes, ITEM_BYTES - 8, MW_PLACE_OLD);

        assert_false(mw_ref_is_none(item));
        mw_heap_set(self->heap, all, i, item);
        numbers_of(self);
    }
}

static const struct mw_pool *pool_of(const struct fixture *self)
{
    return &self->heap->pool;
}

static size_t pages_of(const struct fixture *self)
{
    return pool_of(self)->used + pool_of(self)->pooled;
}

static size_t count(const struct fixture *self, size_t first, size_t pages, enum mw_page_role role)
{
    size_t found = 0;

    for (size_t i = first; i < first + pages; i++)
        found += pool_of(self)->roles[i] == role;
    return found;
}

/* Of groups without a page that came alone, all pages are there or none is. */
static void check_groups(const struct fixture *self)
{
    const struct mw_pool *pool = pool_of(self);
    size_t used = count(self, 0, pool->page_max, MW_ROLE_USED);
    size_t pooled = count(self, 0, pool->page_max, MW_ROLE_POOLED);

    assert_int_equal(used, pool->used);
    assert_int_equal(pooled, pool->pooled);
    for (size_t i = SMALL_PAGES; i + MW_GROUP <= pool->page_max; i += MW_GROUP)
        assert_int_equal(count(self, i, MW_GROUP, MW_ROLE_FREE) % MW_GROUP, 0);
}

/* What is ready and not needed is little beside what is used. */
static void a_small_heap_takes_page_by_page(void **state)
{
    struct fixture *self = create(state, 0, 64 * MIB);
    MW_SCOPE(scope, self->heap);

    for (int i = 0; i < 6; i++) {
        fill(self, MIB);
        assert_true(pool_of(self)->pooled <= pool_of(self)->target);
    }
}

static void a_large_heap_takes_groups(void **state)
{
    struct fixture *self = create(state, 0, 64 * MIB);
    MW_SCOPE(scope, self->heap);

    fill(self, 24 * MIB);
    assert_true(pages_of(self) > SMALL_PAGES);
    assert_int_equal(pages_of(self) % MW_GROUP, 0);
    assert_true(pool_of(self)->pooled < pool_of(self)->target + MW_GROUP);
    check_groups(self);
    assert_int_equal((uintptr_t)pool_of(self)->base % MW_VM_HUGE, 0);
}

/* A group that the kernel refuses is not the end: a page may be had. */
static void a_page_comes_where_a_group_does_not(void **state)
{
    struct fixture *self = create(state, 0, 64 * MIB);
    MW_SCOPE(scope, self->heap);
    size_t before;

    fill(self, 12 * MIB);
    before = pages_of(self);
    while (pages_of(self) == before) {
        self->heap->vm.fail_at = self->heap->vm.calls + 1;
        fill(self, ITEM_BYTES);
    }
    assert_int_equal(pages_of(self), before + 1);
}

/* Near the limit there is no room for a group, and each page that there is room for comes. */
static void groups_stay_below_the_limit(void **state)
{
    struct fixture *self = create(state, 0, 16 * MIB);
    struct mw_heap_numbers numbers;
    MW_SCOPE(scope, self->heap);

    fill(self, 14 * MIB);
    while (!mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, 100 * KIB, MW_PLACE_OLD)))
        numbers_of(self);
    numbers = numbers_of(self);
    assert_true(numbers.total + numbers.pooled + MW_RESERVE + MW_PAGE_SIZE > numbers.limit);
}

/* What a group had in huge pages is given back in huge pages, or kept. */
static void easing_takes_no_group_to_pieces(void **state)
{
    struct fixture *self = create(state, 0, 64 * MIB);
    MW_SCOPE(scope, self->heap);

    {
        MW_SCOPE(inner, self->heap);

        fill(self, 30 * MIB);
    }
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    for (size_t keep = mw_heap_pooled(self->heap); keep > 9 * MIB; keep -= MIB / 2) {
        mw_pool_ease(self->heap, keep);
        assert_true(mw_heap_pooled(self->heap) < keep + MW_VM_HUGE);
        check_groups(self);
    }
}

/* ---- two lanes ---- */

static unsigned lane_of(struct fixture *self, struct mw_ref ref)
{
    unsigned lane;

    mw_heap_raw_enter(self->heap);
    lane = mw_page_of((uintptr_t)mw_heap_raw(self->heap, ref))->lane;
    mw_heap_raw_leave(self->heap);
    return lane;
}

/* Born old or promoted: pages of both lie between each other. Sliding keeps what they hold. */
static void objects_with_references_and_without_do_not_share_pages(void **state)
{
    enum { COUNT = 30000 };
    struct fixture *self = create(state, MW_HEAP_VERIFY, 32 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref nodes = mw_heap_new_array(self->heap, self->refs, COUNT, MW_PLACE_OLD);

    for (size_t i = 0; i < COUNT; i++) {
        MW_SCOPE(inner, self->heap);
        enum mw_heap_place place = i % 2 == 0 ? MW_PLACE_OLD : MW_PLACE_YOUNG;
        struct mw_ref node = mw_heap_new_in(self->heap, self->node, place);

        mw_heap_set(self->heap, node, 0, mw_heap_new_array(self->heap, self->bytes, 100, place));
        mw_heap_set_word(self->heap, node, 2, i);
        if (i % 3 != 0)
            mw_heap_set(self->heap, nodes, i, node);
    }
    for (unsigned work = MW_COLLECT_MAJOR; work <= MW_COLLECT_COMPACT; work++) {
        mw_heap_collect(self->heap, work);
        for (size_t i = 1; i < COUNT; i += 3) {
            MW_SCOPE(inner, self->heap);
            struct mw_ref node = mw_heap_get(self->heap, nodes, i);

            assert_int_equal(mw_heap_get_word(self->heap, node, 2), i);
            if (work == MW_COLLECT_COMPACT)
                continue;
            assert_int_equal(lane_of(self, node), MW_LANE_HOLDERS);
            assert_int_equal(lane_of(self, mw_heap_get(self->heap, node, 0)), MW_LANE_LEAVES);
        }
    }
}

/* Lanes are a wish: no memory is refused that stands ready for the other kind of objects. */
static void at_the_limit_the_holes_of_both_lanes_serve(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    size_t leaves = 0;
    uint64_t slides;
    struct mw_ref all = mw_heap_new_array(self->heap, self->refs, 8000, MW_PLACE_OLD);

    for (bool full = false; !full && leaves < 8000;) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref leaf = mw_heap_new_array(self->heap, self->bytes, 1000, MW_PLACE_OLD);

        full = mw_ref_is_none(leaf);
        if (!full)
            mw_heap_set(self->heap, all, leaves++, leaf);
    }
    assert_in_range(leaves, 6000, 7999);
    for (size_t i = 0; i < leaves; i += 2)
        mw_heap_set(self->heap, all, i, mw_ref_none());
    slides = numbers_of(self).collections[MW_GC_MARK_COMPACT];
    for (size_t i = 0; i < leaves; i += 2) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref half = mw_heap_new_array(self->heap, self->refs, 62, MW_PLACE_OLD);

        assert_false(mw_ref_is_none(half));
        mw_heap_set(self->heap, all, i, half);
    }
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_COMPACT], slides);
}

/* A hole that is lent goes to and fro between the lanes without a collection for each. */
static void a_lent_hole_serves_both_lanes_in_turn(void **state)
{
    enum { COUNT = 3000 };
    struct fixture *self = create(state, MW_HEAP_VERIFY, 2 * MIB);
    struct mw_heap_numbers numbers;
    MW_SCOPE(scope, self->heap);
    struct mw_ref all = mw_heap_new_array(self->heap, self->refs, 2 * COUNT, MW_PLACE_OLD);
    size_t count = 0;

    for (bool full = false; !full && count < COUNT; count++) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref node = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);
        struct mw_ref leaf = mw_heap_new_array(self->heap, self->bytes, 400, MW_PLACE_OLD);

        full = mw_ref_is_none(node) || mw_ref_is_none(leaf);
        if (full)
            break;
        mw_heap_set(self->heap, all, 2 * count, node);
        mw_heap_set(self->heap, all, 2 * count + 1, leaf);
    }
    numbers = numbers_of(self);
    assert_in_range(count, 1500, COUNT - 1);
    assert_in_range(numbers.collections[MW_GC_MARK_SWEEP] + numbers.collections[MW_GC_SCAVENGE] +
                        numbers.collections[MW_GC_MARK_COMPACT],
                    0, 40);
}

static void trimming_is_exact(void **state)
{
    struct fixture *self = create(state, 0, 64 * MIB);
    MW_SCOPE(scope, self->heap);

    {
        MW_SCOPE(inner, self->heap);

        fill(self, 30 * MIB);
    }
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    for (size_t keep = mw_heap_pooled(self->heap); keep > 0; keep -= MW_PAGE_SIZE) {
        mw_pool_trim(self->heap, keep);
        assert_int_equal(mw_heap_pooled(self->heap), keep);
    }
    fill(self, 20 * MIB);
}

/* The last part of a huge page is worth a sixteenth of the object. */
static void large_objects_fill_huge_pages(void **state)
{
    static const size_t odd[] = {MW_LARGE_MIN + 8, MW_VM_HUGE / 2, 5 * MW_VM_HUGE / 2};

    (void)state;
    assert_int_equal(mw_large_mapping(2 * MW_VM_HUGE - 128 * KIB, true), 2 * MW_VM_HUGE);
    assert_int_equal(mw_large_mapping(MW_VM_HUGE * 31, true), MW_VM_HUGE * 32);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        assert_true(mw_large_mapping(odd[i], true) - odd[i] < 64 * KIB);
    for (size_t bytes = MW_LARGE_MIN; bytes < 64 * MIB; bytes += 77 * KIB) {
        assert_true(mw_large_mapping(bytes, true) <= bytes + bytes / 15 + 64 * KIB);
        assert_true(mw_large_mapping(bytes, false) >= bytes + bytes / 64); /* and a slot set */
        assert_true(mw_large_mapping(bytes, false) <= bytes + bytes / 12 + 64 * KIB);
    }
}

/* A pause would wait for each page of it. A small heap's is small, and no page comes twice. */
static void marking_finds_its_stack_in_place(void **state)
{
    struct fixture *self = create(state, MW_HEAP_ATOMIC, 64 * MIB);
    const struct mw_stack *stack = &self->heap->marker.stack;
    MW_SCOPE(scope, self->heap);

    fill(self, MIB);
    assert_true(mw_vm_resident(stack->base, stack->bytes) <= MIB / 32);
    fill(self, 20 * MIB);
    for (size_t i = 0; i < 2 * MIB / 32; i++) {
        MW_SCOPE(inner, self->heap);

        mw_heap_new(self->heap, self->node);
    }
    assert_true(mw_vm_resident(stack->base, stack->bytes) >= MIB / 4);
    for (int i = 0; i < 3; i++)
        fill(self, 10 * MIB);
    assert_true(mw_vm_resident(stack->base, stack->bytes) <= MIB / 2);
}

static void remember_one(struct fixture *self, struct mw_ref value)
{
    MW_SCOPE(scope, self->heap);

    mw_heap_set(self->heap, mw_heap_new_array(self->heap, self->refs, 1, MW_PLACE_OLD), 0, value);
}

/* Beside what is remembered already. */
static void a_scavenge_finds_room_for_what_it_remembers(void **state)
{
    struct fixture *self = calloc(1, sizeof(*self));
    struct mw_heap_config config = config_of(self, 0, 64 * MIB);
    const struct mw_stack *set;
    struct mw_scope scope;
    struct mw_ref value;

    config.semi_space = config.semi_space_max = 4 * MIB;
    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    *state = self;
    add_types(self);
    set = &self->heap->remembered;
    assert_int_equal(mw_vm_resident(set->base, set->bytes), MIB / 16);
    scope = mw_scope_open(self->heap);
    value = mw_heap_new(self->heap, self->node);
    for (size_t i = 0; i < HOLDERS; i++)
        remember_one(self, value);
    for (size_t i = 0; i < 2 * MIB / 32; i++) {
        MW_SCOPE(inner, self->heap);

        mw_heap_new(self->heap, self->node);
    }
    mw_scope_close(&scope);
    assert_int_equal(set->top - set->base, HOLDERS);
    assert_int_equal(mw_vm_resident(set->base, set->bytes), HOLDERS * 8 + MIB / 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_small_heap_takes_page_by_page, teardown),
        cmocka_unit_test_teardown(a_large_heap_takes_groups, teardown),
        cmocka_unit_test_teardown(a_page_comes_where_a_group_does_not, teardown),
        cmocka_unit_test_teardown(groups_stay_below_the_limit, teardown),
        cmocka_unit_test_teardown(easing_takes_no_group_to_pieces, teardown),
        cmocka_unit_test_teardown(objects_with_references_and_without_do_not_share_pages, teardown),
        cmocka_unit_test_teardown(at_the_limit_the_holes_of_both_lanes_serve, teardown),
        cmocka_unit_test_teardown(a_lent_hole_serves_both_lanes_in_turn, teardown),
        cmocka_unit_test_teardown(trimming_is_exact, teardown),
        cmocka_unit_test_teardown(marking_finds_its_stack_in_place, teardown),
        cmocka_unit_test_teardown(a_scavenge_finds_room_for_what_it_remembers, teardown),
        cmocka_unit_test(large_objects_fill_huge_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
