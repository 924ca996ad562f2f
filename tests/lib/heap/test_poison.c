/* MW_HEAP_POISON: what becomes free is overwritten, in whichever way it does. The verifier looks.
 */
#include "fixture.h"

#include "heap/annotate_internal.h"
#include "heap/heap_internal.h"

#include <cmocka.h>
#include <errno.h>

static void grow(struct mw_heap *heap)
{
    heap->nursery.wanted = 2 * heap->nursery.capacity;
    while (mw_nursery_grow(heap))
        ;
    assert_int_equal(heap->nursery.capacity, MIB / 2);
}

static void halves_that_grow_and_shrink_are_overwritten(void **state)
{
    struct fixture self = {0};
    struct mw_heap_config config = config_of(&self, MW_HEAP_POISON, 16 * MIB);

    (void)state;
    config.semi_space_max = MIB / 2;
    assert_int_equal(mw_heap_create(&config, &self.heap), 0);
    add_types(&self);
    expect_sound(self.heap, "new");
    grow(self.heap);
    expect_sound(self.heap, "grown");
    mw_heap_collect(self.heap, MW_COLLECT_MINOR);
    expect_sound(self.heap, "scavenged");
    {
        MW_SCOPE(scope, self.heap);

        mw_heap_new(self.heap, self.node);
    }
    assert_true(self.heap->front.top < self.heap->front.limit);
    assert_true(mw_nursery_relax(self.heap));
    assert_int_equal(self.heap->nursery.capacity, MIB / 4);
    expect_sound(self.heap, "shrunk");
    assert_null(mw_heap_destroy(self.heap));
}

/* The next allocation is to collect, so the zeroed memory is given up. */
static void memory_given_up_is_overwritten(void **state)
{
    struct fixture *self = create(state, MW_HEAP_POISON, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref node = mw_heap_new(self->heap, self->node);

    assert_true(self->heap->front.top < self->heap->front.limit);
    assert_int_equal(
        mw_heap_attach_external(self->heap, node, self->heap->policy.external_full_at, NULL, NULL),
        0);
    assert_ptr_equal(self->heap->front.top, self->heap->front.limit);
    expect_sound(self->heap, "given up");
}

/* Each scavenge opens another half. */
static void halves_used_in_turn_are_overwritten(void **state)
{
    struct fixture *self = create(state, MW_HEAP_MOVE | MW_HEAP_POISON | MW_HEAP_VERIFY, 16 * MIB);
    MW_SCOPE(scope, self->heap);

    for (int i = 0; i < 20; i++) {
        mw_heap_new(self->heap, self->node);
        mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    }
    assert_int_equal(self->misuses, 0);
}

/* What is left of a page that was taken for one object. */
static void new_pages_are_overwritten(void **state)
{
    struct fixture *self = create(state, MW_HEAP_POISON, 8 * MIB);
    MW_SCOPE(scope, self->heap);

    mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);
    assert_true(mw_old_has_hole(&self->heap->old));
    expect_sound(self->heap, "being filled");
    mw_old_retire(self->heap);
    assert_false(mw_old_has_hole(&self->heap->old));
    expect_sound(self->heap, "a hole");
}

static void flip_last_bit(char *page)
{
    mw_annotate_used(page, MW_PAGE_SIZE);
    page[MW_PAGE_SIZE - 1] ^= 1;
    mw_annotate_free(page, MW_PAGE_SIZE);
}

/* All in it is dead. */
static void pages_that_come_free_are_overwritten(void **state)
{
    struct fixture *self = create(state, MW_HEAP_POISON, 8 * MIB);
    const char *fault = "";
    char *page;

    {
        MW_SCOPE(scope, self->heap);

        mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);
    }
    page = (char *)mw_page_of((uintptr_t)self->heap->old.lanes[MW_LANE_HOLDERS].top);
    mw_heap_collect(self->heap, MW_COLLECT_COMPACT);
    assert_int_equal(self->heap->pool.used, 0);
    expect_sound(self->heap, "free");
    flip_last_bit(page);
    assert_int_equal(mw_heap_verify(self->heap, &fault), -EILSEQ);
    assert_string_equal(fault, "free memory was written to");
    flip_last_bit(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_that_grow_and_shrink_are_overwritten),
        cmocka_unit_test_teardown(memory_given_up_is_overwritten, teardown),
        cmocka_unit_test_teardown(halves_used_in_turn_are_overwritten, teardown),
        cmocka_unit_test_teardown(new_pages_are_overwritten, teardown),
        cmocka_unit_test_teardown(pages_that_come_free_are_overwritten, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
