/* Sliding: the old space loses its holes, and nothing else. */
#include "fixture.h"

#include "heap/heap_internal.h"
#include "heap/snapshot.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = MW_LARGE_MIN - MW_WORD }; /* bytes of the largest object that is not large */

static uintptr_t address_of(struct mw_ref ref)
{
    return *(uintptr_t *)(ref.bits & MW_REF_SLOT);
}

static uintptr_t element(struct fixture *self, struct mw_ref array, size_t i)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref ref = mw_heap_get(self->heap, array, i);

    return mw_ref_is_none(ref) ? 0 : address_of(ref);
}

/* The plan has memory only while it is needed. */
static void expect_no_plan(const struct fixture *self)
{
    const struct mw_compactor *compactor = &self->heap->compactor;

    assert_int_equal(mw_vm_resident(compactor->moves, compactor->bytes), 0);
}

static void compact(struct fixture *self)
{
    const char *fault = "";

    mw_heap_collect(self->heap, MW_COLLECT_COMPACT);
    if (mw_heap_verify(self->heap, &fault) != 0)
        fail_msg("verifier: %s", fault);
}

/* An old array of byte arrays, each of which begins with its number. */
static struct mw_ref make_items(struct fixture *self, size_t count, size_t bytes,
                                enum mw_heap_place place)
{
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, count, MW_PLACE_OLD);

    for (size_t i = 0; i < count; i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref item = mw_heap_new_array(self->heap, self->bytes, bytes, place);

        if (mw_ref_is_none(item))
            break;
        mw_heap_raw_enter(self->heap);
        *(size_t *)mw_heap_raw(self->heap, item) = i;
        mw_heap_raw_leave(self->heap);
        mw_heap_set(self->heap, array, i, item);
    }
    return array;
}

/* Keeps each `step`th. */
static void drop_most(struct fixture *self, struct mw_ref array, size_t step)
{
    for (size_t i = 0; i < mw_heap_length(self->heap, array); i++)
        if (i % step != 0)
            mw_heap_set(self->heap, array, i, mw_ref_none());
}

static void check_items(struct fixture *self, struct mw_ref array, size_t step)
{
    for (size_t i = 0; i < mw_heap_length(self->heap, array); i += step) {
        uintptr_t item = element(self, array, i);

        if (item != 0)
            assert_int_equal(*(size_t *)mw_heap_payload(item), i);
    }
}

/* ---- the old space ---- */

/* What was allocated in a row stays in a row; a hole is at the end of a page, if anywhere. */
static void order_is_kept_and_holes_go(void **state)
{
    struct fixture *self = create(state, 0, 32 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = make_items(self, 10000, 1000, MW_PLACE_OLD);
    size_t last = 0, pages = self->heap->pool.used;

    drop_most(self, array, 3);
    compact(self);
    for (size_t i = 3; i < 10000; i += 3) {
        uintptr_t before = element(self, array, i - 3), item = element(self, array, i);

        assert_true(item > before);
        if (mw_page_of(item) == mw_page_of(before))
            assert_int_equal(item - before, 1008);
        else
            last = i;
    }
    check_items(self, array, 3);
    assert_true(last > 0);
    assert_in_range(self->heap->pool.used, pages / 3, pages / 3 + 2);
    assert_int_equal(self->heap->pool.pooled, self->heap->pool.target);
}

/* The first time, leaves slide to where the array's page has room. */
static void what_has_no_holes_stays_where_it_is(void **state)
{
    struct fixture *self = create(state, 0, 32 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = make_items(self, 5000, 1000, MW_PLACE_OLD);
    uintptr_t first, last;
    size_t total;

    compact(self);
    first = element(self, array, 0);
    last = element(self, array, 4999);
    total = numbers_of(self).total;
    compact(self);
    assert_int_equal(element(self, array, 0), first);
    assert_int_equal(element(self, array, 4999), last);
    assert_int_equal(numbers_of(self).total, total);
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_COMPACT], 2);
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_SWEEP], 0);
}

static void nothing_and_next_to_nothing_can_be_slid(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY | MW_HEAP_POISON, 4 * MIB);
    MW_SCOPE(scope, self->heap);

    compact(self);
    assert_int_equal(self->heap->pool.used, 0);
    make_items(self, 10, 100, MW_PLACE_OLD);
    compact(self);
    assert_int_equal(self->heap->pool.used, 1);
    {
        MW_SCOPE(inner, self->heap);

        make_items(self, 3000, 100, MW_PLACE_OLD);
        assert_true(self->heap->pool.used > 1);
    }
    compact(self);
    assert_int_equal(self->heap->pool.used, 1);
    mw_scope_close(&scope);
    compact(self);
    assert_int_equal(self->heap->pool.used, 0);
    assert_int_equal(self->misuses, 0);
}

/* Two of them do not fit into a page, so what is over stays a hole, which small ones fill. */
static void the_largest_objects_leave_holes_that_can_be_used(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY | MW_HEAP_POISON, 32 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref large = mw_heap_new_array(self->heap, self->refs, 40, MW_PLACE_OLD);
    size_t pages;

    for (size_t i = 0; i < 40; i++) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref one = make_items(self, 1, LARGEST, MW_PLACE_OLD);

        mw_heap_set(self->heap, large, i, mw_heap_get(self->heap, one, 0));
        make_items(self, 30, 1000, MW_PLACE_OLD);
    }
    drop_most(self, large, 2);
    compact(self);
    pages = self->heap->pool.used;
    assert_in_range(pages, 20, 21);
    for (size_t i = 0; i < 40; i += 2)
        assert_int_equal(*(size_t *)mw_heap_payload(element(self, large, i)), 0);
    check_items(self, make_items(self, 1000, 1000, MW_PLACE_OLD), 1);
    assert_in_range(self->heap->pool.used, pages, pages + 1);
}

/* ---- references ---- */

static void count(void *data)
{
    ++*(unsigned *)data;
}

/* What leads to an object leads to it afterwards; what was dead is gone. */
static void all_kinds_of_references_follow(void **state)
{
    struct fixture *self = create(state, 0, 32 * MIB);
    struct mw_global *strong, *weak, *dead;
    static unsigned released[2]; /* the heap outlives this function */
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = make_items(self, 4000, 1000, MW_PLACE_OLD);
    struct mw_ref large = mw_heap_new_array(self->heap, self->refs, 40000, MW_PLACE_OLD);
    struct mw_ref handle = mw_heap_get(self->heap, array, 3000);
    uintptr_t before = address_of(handle);

    mw_heap_set(self->heap, large, 39999, handle);
    mw_heap_attach_external(self->heap, handle, 10, count, &released[0]);
    {
        MW_SCOPE(inner, self->heap);
        struct mw_ref other = mw_heap_get(self->heap, array, 3004);

        mw_global_create(self->heap, mw_heap_get(self->heap, array, 3003), false, &strong);
        mw_global_create(self->heap, mw_heap_get(self->heap, array, 3006), true, &weak);
        mw_global_create(self->heap, other, true, &dead);
        mw_heap_attach_external(self->heap, other, 10, count, &released[1]);
    }
    drop_most(self, array, 3);
    for (int i = 0; i < 2; i++)
        compact(self);
    assert_true(address_of(handle) < before);
    assert_int_equal(address_of(handle), element(self, array, 3000));
    assert_int_equal(address_of(handle), element(self, large, 39999));
    assert_int_equal(address_of(mw_global_get(self->heap, strong)), element(self, array, 3003));
    assert_int_equal(address_of(mw_global_get(self->heap, weak)), element(self, array, 3006));
    assert_true(mw_ref_is_none(mw_global_get(self->heap, dead)));
    assert_int_equal(released[0], 0);
    assert_int_equal(released[1], 1);
    mw_scope_close(&scope);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    assert_int_equal(released[0], 1);
}

/* Holders that moved are watched where they are now, and have no slots noted of what was there
 * before. */
static void moved_holders_are_remembered(void **state)
{
    struct fixture *self = create(state, 0, 32 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref first = mw_heap_new_array(self->heap, self->refs, 2000, MW_PLACE_OLD);
    struct mw_ref array = make_items(self, 4000, 1000, MW_PLACE_OLD);
    struct mw_ref node = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);
    struct mw_ref wide = mw_heap_new_array(self->heap, self->refs, 3000, MW_PLACE_OLD);

    mw_heap_assign(self->heap, first, array); /* what was made after it slides */
    drop_most(self, array, 5);
    compact(self);
    {
        MW_SCOPE(inner, self->heap);

        mw_heap_set(self->heap, node, 0, mw_heap_new(self->heap, self->node));
        mw_heap_set(self->heap, wide, 1500, mw_heap_new(self->heap, self->node));
        mw_heap_set_word(self->heap, mw_heap_get(self->heap, wide, 1500), 2, 77);
    }
    for (int i = 0; i < 3; i++)
        mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    assert_int_equal(mw_heap_get_word(self->heap, mw_heap_get(self->heap, wide, 1500), 2), 77);
    check_items(self, array, 5);
}

static size_t count_young(struct fixture *self, struct mw_ref array)
{
    size_t young = 0;

    for (size_t i = 0; i < mw_heap_length(self->heap, array); i++)
        young += mw_is_young(&self->heap->nursery, element(self, array, i));
    return young;
}

/* Young nodes, in an old array, that refer to what will move. */
static struct mw_ref make_nodes(struct fixture *self, size_t count, struct mw_ref items)
{
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, count, MW_PLACE_OLD);

    for (size_t i = 0; i < count; i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref node = mw_heap_new(self->heap, self->node);

        if (mw_ref_is_none(node))
            break;
        mw_heap_set(self->heap, node, 1, mw_heap_get(self->heap, items, i / 4 * 4 % 2000));
        mw_heap_set(self->heap, array, i, node);
    }
    return array;
}

static void check_nodes(struct fixture *self, struct mw_ref array, struct mw_ref items)
{
    for (size_t i = 0; i < mw_heap_length(self->heap, array); i++) {
        uintptr_t node = element(self, array, i);

        if (node != 0)
            assert_int_equal(((uintptr_t *)mw_heap_payload(node))[1],
                             element(self, items, i / 4 * 4 % 2000));
    }
}

/* At the limit young objects stay young, old holders that move refer to them, and they to others
 * that move. */
static void what_stays_young_keeps_its_references(void **state)
{
    struct fixture *self = create(state, 0, 4 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref first = mw_heap_new_array(self->heap, self->refs, 2000, MW_PLACE_OLD);
    struct mw_ref items = make_items(self, 2900, 1000, MW_PLACE_OLD);
    struct mw_ref nodes = make_nodes(self, 16000, items); /* its slot set is the page's */

    mw_heap_assign(self->heap, first, items); /* what was made after it slides */
    assert_true(count_young(self, nodes) > 100);
    drop_most(self, items, 4);
    compact(self);
    assert_true(count_young(self, nodes) > 100);
    for (int i = 0; i < 3; i++) {
        check_items(self, items, 4);
        check_nodes(self, nodes, items);
        mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    }
    assert_int_equal(count_young(self, nodes), 0);
}

/* ---- snapshots ---- */

static char *snapshot_of(struct fixture *self, size_t *ret_size)
{
    FILE *file = tmpfile();
    char *text;

    assert_non_null(file);
    assert_int_equal(mw_heap_snapshot_write(self->heap, fileno(file), NULL), 0);
    fseek(file, 0, SEEK_END);
    *ret_size = (size_t)ftell(file);
    text = malloc(*ret_size);
    rewind(file);
    assert_int_equal(fread(text, 1, *ret_size, file), *ret_size);
    fclose(file);
    return text;
}

/* Order and ids stay, so a snapshot after it is the same file. */
static void identities_follow(void **state)
{
    struct fixture *self = create(state, 0, 32 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = make_items(self, 6000, 500, MW_PLACE_OLD);
    size_t size, size_after;
    char *text, *after;

    free(snapshot_of(self, &size));
    drop_most(self, array, 3);
    text = snapshot_of(self, &size);
    compact(self);
    after = snapshot_of(self, &size_after);
    assert_int_equal(size_after, size);
    assert_memory_equal(after, text, size);
    free(text);
    free(after);
}

/* ---- when ---- */

/* Fits in the limit less what is alive, not in the limit less what is committed. */
static void a_large_object_gets_its_room_by_sliding(void **state)
{
    static const enum mw_heap_place places[] = {MW_PLACE_OLD, MW_PLACE_YOUNG};

    for (size_t i = 0; i < 2; i++) {
        struct fixture *self = create(state, 0, 16 * MIB);
        MW_SCOPE(scope, self->heap);
        struct mw_ref array = make_items(self, 12000, 1000, MW_PLACE_OLD);
        struct mw_heap_collection trace[MW_TRACE_LINES];
        struct mw_heap_numbers numbers;
        char line[MW_TRACE_LINE_MAX];
        size_t lines;

        drop_most(self, array, 2);
        mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
        numbers = numbers_of(self);
        assert_true(numbers.total + 7 * MIB > numbers.limit);
        assert_true(numbers.used + 7 * MIB < numbers.limit - MIB);
        assert_false(
            mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, 7 * MIB, places[i])));
        numbers = numbers_of(self);
        assert_int_equal(numbers.collections[MW_GC_MARK_COMPACT], 1);
        assert_int_equal(self->near_limit_calls, 0);
        lines = mw_heap_get_trace(self->heap, trace);
        mw_heap_format_trace(self->heap, &trace[lines - 1], MW_TRACE_TEXT, line);
        assert_non_null(strstr(line, ": Mark-Compact "));
        assert_string_equal(line + strlen(line) - 19, " last resort; slide");
        mw_heap_format_trace(self->heap, &trace[lines - 1], MW_TRACE_PAIRS, line);
        assert_non_null(strstr(line, " gc=mc "));
        check_items(self, array, 2);
        mw_scope_close(&scope);
        destroy(self);
        *state = NULL;
    }
}

/* The same for one that wants a hole as large as half a page. */
static void a_long_object_gets_its_room_by_sliding(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = make_items(self, 8000, 1000, MW_PLACE_OLD);
    uint64_t before = numbers_of(self).collections[MW_GC_MARK_COMPACT];

    drop_most(self, array, 2);
    assert_false(mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, LARGEST, MW_PLACE_OLD)));
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_COMPACT], before + 1);
    check_items(self, array, 2);
}

/* What sliding cannot make room for is refused without it. */
static void sliding_in_vain_is_not_done(void **state)
{
    struct fixture *self = create(state, 0, 16 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = make_items(self, 12000, 1000, MW_PLACE_OLD);

    drop_most(self, array, 2);
    assert_true(mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, 11 * MIB, MW_PLACE_OLD)));
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_COMPACT], 0);
    assert_int_equal(self->near_limit_calls, 1);
    expect_no_plan(self);
}

/* Pages that are kept ready are not in the way of a large object. */
static void pooled_pages_make_way(void **state)
{
    struct fixture *self = create(state, 0, 16 * MIB);
    MW_SCOPE(scope, self->heap);
    uint64_t full;

    {
        MW_SCOPE(inner, self->heap);

        make_items(self, 9000, 1000, MW_PLACE_OLD);
    }
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    assert_true(numbers_of(self).pooled > 6 * MIB);
    full = numbers_of(self).collections[MW_GC_MARK_SWEEP];
    assert_false(
        mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, 12 * MIB, MW_PLACE_OLD)));
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_SWEEP], full);
}

static void idle_time_is_used_once(void **state)
{
    struct fixture *self = create(state, 0, 32 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = make_items(self, 10000, 1000, MW_PLACE_OLD);
    size_t pages;

    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    while (mw_heap_step(self->heap, 1000))
        ;
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_COMPACT], 0); /* no holes */
    drop_most(self, array, 3);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    pages = self->heap->pool.used;
    for (int i = 0; i < 3; i++)
        while (mw_heap_step(self->heap, 1000))
            ;
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_COMPACT], 1);
    assert_true(self->heap->pool.used < pages / 2);
    check_items(self, array, 3);
}

/* Whoever cannot wait that long says so, and slides when asked to. */
static void idle_time_that_is_too_short_is_not_used(void **state)
{
    struct fixture *self = create(state, 0, 32 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = make_items(self, 10000, 1000, MW_PLACE_OLD);

    self->heap->config.slide_us = 1;
    drop_most(self, array, 3);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    while (mw_heap_step(self->heap, 1000))
        ;
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_COMPACT], 0);
    expect_no_plan(self);
    mw_heap_collect(self->heap, MW_COLLECT_COMPACT);
    assert_true(self->heap->compactor.cost > 0);
    check_items(self, array, 3);
}

/* The table has its addresses from the heap's creation on: nothing is asked for. */
static void no_memory_is_needed(void **state)
{
    struct fixture *self = create(state, 0, 16 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = make_items(self, 10000, 1000, MW_PLACE_OLD);
    uint64_t calls = self->heap->vm.calls;

    drop_most(self, array, 3);
    compact(self);
    assert_int_equal(self->heap->vm.calls, calls);
    expect_no_plan(self);
    check_items(self, array, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(order_is_kept_and_holes_go, teardown),
        cmocka_unit_test_teardown(what_has_no_holes_stays_where_it_is, teardown),
        cmocka_unit_test_teardown(nothing_and_next_to_nothing_can_be_slid, teardown),
        cmocka_unit_test_teardown(the_largest_objects_leave_holes_that_can_be_used, teardown),
        cmocka_unit_test_teardown(all_kinds_of_references_follow, teardown),
        cmocka_unit_test_teardown(moved_holders_are_remembered, teardown),
        cmocka_unit_test_teardown(what_stays_young_keeps_its_references, teardown),
        cmocka_unit_test_teardown(identities_follow, teardown),
        cmocka_unit_test_teardown(a_large_object_gets_its_room_by_sliding, teardown),
        cmocka_unit_test_teardown(a_long_object_gets_its_room_by_sliding, teardown),
        cmocka_unit_test_teardown(sliding_in_vain_is_not_done, teardown),
        cmocka_unit_test_teardown(pooled_pages_make_way, teardown),
        cmocka_unit_test_teardown(idle_time_is_used_once, teardown),
        cmocka_unit_test_teardown(idle_time_that_is_too_short_is_not_used, teardown),
        cmocka_unit_test_teardown(no_memory_is_needed, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
