/* Types whose objects nearly all survive are born old, until they do not any more. */
#include "fixture.h"

#include "heap/heap_internal.h"

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

enum { WINDOW = 20000 };

static struct fixture *create_with(void **state, bool pretenure)
{
    struct fixture *self = calloc(1, sizeof(*self));
    struct mw_heap_config config = config_of(self, 0, 32 * MIB);

    config.pretenure = pretenure;
    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    add_types(self);
    *state = self;
    return self;
}

/* So many nodes, the last WINDOW of which are kept, or none. */
static void make_nodes(struct fixture *self, size_t count, bool keep)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref window = mw_heap_new_array(self->heap, self->refs, WINDOW, MW_PLACE_OLD);

    for (size_t i = 0; i < count; i++) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref node = mw_heap_new(self->heap, self->node);

        mw_heap_set_word(self->heap, node, 2, i);
        assert_true(mw_ref_is_none(mw_heap_get(self->heap, node, 0))); /* born zero */
        if (keep)
            mw_heap_set(self->heap, window, i % WINDOW, node);
    }
    for (size_t i = 0; keep && i < WINDOW; i++) {
        MW_SCOPE(inner, self->heap);

        assert_int_equal(
            mw_heap_get_word(self->heap, mw_heap_get(self->heap, window, i), 2) % WINDOW, i);
    }
}

static bool is_pretenured(struct fixture *self)
{
    struct mw_heap_survival rows[3];

    assert_int_equal(mw_heap_get_survival(self->heap, rows, 3), 3);
    assert_string_equal(rows[0].name, "Node");
    assert_int_equal(numbers_of(self).pretenured_types, rows[0].pretenured);
    return rows[0].pretenured;
}

/* What lies between two full collections: 12 scavenges at first, three samples. */
static void live_a_cycle(struct fixture *self, bool keep)
{
    make_nodes(self, 100000, keep);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
}

static void survivors_of_two_cycles_are_born_old(void **state)
{
    struct fixture *self = create_with(state, true);
    uint64_t promoted;

    live_a_cycle(self, true);
    assert_false(is_pretenured(self));
    assert_int_equal(numbers_of(self).pretenured, 0);
    live_a_cycle(self, true);
    assert_true(is_pretenured(self));
    promoted = numbers_of(self).promoted;
    make_nodes(self, 100000, true);
    assert_int_equal(numbers_of(self).pretenured, 100000 * 32);
    assert_true(numbers_of(self).promoted - promoted < 100000 * 32 / 4);
}

/* They are few, and evenly spread over all that were born since the last full collection. */
static void witnesses_are_evenly_spread(void **state)
{
    struct fixture *self = create_with(state, true);
    const struct mw_witnesses *witnesses = &self->heap->witnesses;
    uint64_t gap, last = 0;

    live_a_cycle(self, true);
    live_a_cycle(self, true);
    make_nodes(self, 100000, true);
    assert_in_range(witnesses->count, MW_WITNESSES_MAX / 2, MW_WITNESSES_MAX);
    gap = 100000 / witnesses->count / 16 * 16;
    for (uint32_t i = 1; i < witnesses->count; i++) {
        uint64_t number = ((const uint64_t *)witnesses->at[i])[3] + 1;

        assert_in_range(number - last, gap / 2 + 1, gap * 2 - 1);
        last = number;
    }
    assert_in_range(last, 100000 - 2 * gap, 100000);
}

static void a_program_that_builds_first_is_not_taken_in(void **state)
{
    struct fixture *self = create_with(state, true);

    for (int i = 0; i < 4; i++) {
        live_a_cycle(self, true);
        assert_false(is_pretenured(self));
        live_a_cycle(self, false);
        assert_false(is_pretenured(self));
    }
}

static void what_dies_young_is_not(void **state)
{
    struct fixture *self = create_with(state, true);

    make_nodes(self, 300000, false);
    assert_false(is_pretenured(self));
    assert_int_equal(numbers_of(self).pretenured, 0);
}

static void it_can_be_turned_off(void **state)
{
    struct fixture *self = create_with(state, false);
    struct mw_heap_survival rows[3];

    live_a_cycle(self, true);
    live_a_cycle(self, true);
    assert_false(is_pretenured(self));
    mw_heap_get_survival(self->heap, rows, 3);
    assert_true(rows[0].survived * 5 > rows[0].born * 4); /* there was reason to */
}

static void pretenure(struct fixture *self, int cycles)
{
    for (int i = 0; i < cycles; i++) {
        assert_false(is_pretenured(self));
        live_a_cycle(self, true);
    }
    assert_true(is_pretenured(self));
}

static void what_dies_old_is_young_again_and_believed_less(void **state)
{
    struct fixture *self = create_with(state, true);

    pretenure(self, 2);
    live_a_cycle(self, false);
    assert_true(is_pretenured(self)); /* once may be chance */
    live_a_cycle(self, false);
    assert_false(is_pretenured(self));
    pretenure(self, 4);
}

static void review(struct fixture *self)
{
    for (int i = 0; i < 8 && is_pretenured(self); i++)
        mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    assert_false(is_pretenured(self));
}

/* Twelve scavenges are three samples, which are enough to find the same again. */
static void what_was_decided_is_reviewed_now_and_then(void **state)
{
    struct fixture *self = create_with(state, true);
    uint64_t before;

    pretenure(self, 2);
    review(self);
    before = numbers_of(self).pretenured;
    make_nodes(self, 150000, true);
    assert_true(is_pretenured(self));
    assert_in_range(numbers_of(self).pretenured - before, 150000 * 32 / 4, 150000 * 32 * 3 / 4);
}

static void a_review_may_find_something_else(void **state)
{
    struct fixture *self = create_with(state, true);

    pretenure(self, 2);
    review(self);
    live_a_cycle(self, false);
    assert_false(is_pretenured(self));
    pretenure(self, 2);
}

/* What it would have to go by may be something else by then. */
static void a_review_ends_with_the_next_full_collection(void **state)
{
    struct fixture *self = create_with(state, true);

    pretenure(self, 2);
    review(self);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    make_nodes(self, 150000, true);
    assert_false(is_pretenured(self));
}

/* As everywhere in a heap that is not checked. */
static void what_is_born_old_may_be_misused_as_well(void **state)
{
    struct fixture *self = create_with(state, true);

    pretenure(self, 2);
    MW_SCOPE(scope, self->heap);
    assert_false(mw_ref_is_none(mw_heap_new(self->heap, self->node)));
    mw_heap_raw_enter(self->heap);
    assert_true(mw_ref_is_none(mw_heap_new(self->heap, self->node)));
    mw_heap_raw_leave(self->heap);
    assert_int_equal(self->misuses, 1);
    assert_int_equal(self->misuse.kind, MW_MISUSE_RAW);
}

/* Byte arrays, all of which live. */
static void arrays_that_are_born_old_are_no_records(void **state)
{
    struct fixture *self = create_with(state, true);
    struct mw_heap_survival rows[3];

    for (int cycle = 0; cycle < 2; cycle++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref kept = mw_heap_new_array(self->heap, self->refs, 100000, MW_PLACE_OLD);

        for (size_t i = 0; i < 100000; i++) {
            MW_SCOPE(inner, self->heap);

            mw_heap_set(self->heap, kept, i,
                        mw_heap_new_array(self->heap, self->bytes, 20, MW_PLACE_YOUNG));
        }
        mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    }
    mw_heap_get_survival(self->heap, rows, 3);
    assert_string_equal(rows[2].name, "Bytes");
    assert_true(rows[2].pretenured);
    assert_true(mw_ref_is_none(mw_heap_new(self->heap, self->bytes)));
    assert_int_equal(self->misuses, 1);
    assert_int_equal(self->misuse.kind, MW_MISUSE_TYPE);
}

/* 64 MiB each, dropped at once: the next birth collects them. */
static void external_bytes_of_what_is_born_old_are_bounded(void **state)
{
    struct fixture *self = create_with(state, true);

    pretenure(self, 2);
    for (int i = 0; i < 100; i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref node = mw_heap_new(self->heap, self->node);

        assert_int_equal(mw_heap_attach_external(self->heap, node, 64 * MIB, NULL, NULL), 0);
        assert_true(numbers_of(self).external <= 2 * 64 * MIB);
    }
}

/* How many nodes live in a heap that has no room for more, when it pretenures or not. */
static size_t fill(void **state, size_t limit, bool pretenures)
{
    struct fixture *self = calloc(1, sizeof(*self));
    struct mw_heap_config config = config_of(self, 0, limit);
    size_t count;

    config.semi_space = config.semi_space_max = MIB;
    config.pretenure = pretenures;
    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    add_types(self);
    *state = self;

    count = fill_with_nodes(self);
    assert_int_equal(mw_heap_error(self->heap), -ENOMEM);
    assert_int_equal(numbers_of(self).pretenured > 0, pretenures);
    assert_false(is_pretenured(self));
    destroy(self);
    *state = NULL;
    return count;
}

/* What the heap alone wants to be old may be young where the old space is full: a half is not left
 * empty for it. */
static void at_the_limit_the_new_space_is_used_up_too(void **state)
{
    size_t most = fill(state, 24 * MIB, false);

    assert_true(fill(state, 24 * MIB, true) >= most - most / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(survivors_of_two_cycles_are_born_old, teardown),
        cmocka_unit_test_teardown(witnesses_are_evenly_spread, teardown),
        cmocka_unit_test_teardown(a_program_that_builds_first_is_not_taken_in, teardown),
        cmocka_unit_test_teardown(what_dies_young_is_not, teardown),
        cmocka_unit_test_teardown(it_can_be_turned_off, teardown),
        cmocka_unit_test_teardown(what_dies_old_is_young_again_and_believed_less, teardown),
        cmocka_unit_test_teardown(what_was_decided_is_reviewed_now_and_then, teardown),
        cmocka_unit_test_teardown(a_review_may_find_something_else, teardown),
        cmocka_unit_test_teardown(a_review_ends_with_the_next_full_collection, teardown),
        cmocka_unit_test_teardown(what_is_born_old_may_be_misused_as_well, teardown),
        cmocka_unit_test_teardown(arrays_that_are_born_old_are_no_records, teardown),
        cmocka_unit_test_teardown(external_bytes_of_what_is_born_old_are_bounded, teardown),
        cmocka_unit_test_teardown(at_the_limit_the_new_space_is_used_up_too, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
