/* Halves of the new space: they grow and shrink, and less of one is filled, with what is asked. */
#include "fixture.h"

#include "heap/heap_internal.h"

#include "base/clock.h"

#include <cmocka.h>
#include <stdlib.h>

enum { MARK = 77 };

struct hands {
    uint64_t ns;
};

static uint64_t hands_ns(void *context)
{
    return ((struct hands *)context)->ns;
}

static int64_t hands_wall(void *context)
{
    (void)context;
    return 0;
}

static struct fixture *create_growing(void **state, struct mw_clock *clock, uint64_t scavenge_us)
{
    struct fixture *self = calloc(1, sizeof(*self));
    struct mw_heap_config config = config_of(self, MW_HEAP_VERIFY, 32 * MIB);

    config.semi_space_max = 2 * MIB;
    config.scavenge_us = scavenge_us;
    config.clock = clock;
    config.pretenure = false;
    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    add_types(self);
    *state = self;
    return self;
}

static size_t new_space(struct fixture *self)
{
    struct mw_heap_space spaces[MW_SPACES];

    mw_heap_get_spaces(self->heap, spaces);
    assert_int_equal(spaces[MW_SPACE_NEW].size + spaces[MW_SPACE_OLD].size +
                         spaces[MW_SPACE_LARGE].size,
                     numbers_of(self).total);
    return spaces[MW_SPACE_NEW].size;
}

/* A window of 100 KB over a stream of objects: everything survives a scavenge or two. */
static void stream(struct fixture *self, size_t bytes)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref window = mw_heap_new_array(self->heap, self->refs, 1000, MW_PLACE_YOUNG);

    for (size_t i = 0; i < bytes / 112; i++) {
        MW_SCOPE(inner, self->heap);

        mw_heap_set(self->heap, window, i % 1000,
                    mw_heap_new_array(self->heap, self->bytes, 100, MW_PLACE_YOUNG));
        if (i % 500 == 0)
            new_space(self); /* sums are right in the middle of growing, too */
    }
}

/* A list of which nothing is dropped. */
static void keep_all(struct fixture *self, size_t bytes)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref list = mw_heap_new(self->heap, self->node);

    for (size_t i = 0; i < bytes / 32; i++) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref node = mw_heap_new(self->heap, self->node);

        mw_heap_set(self->heap, node, 0, mw_heap_get(self->heap, list, 0));
        mw_heap_set(self->heap, list, 0, node);
    }
}

static void what_is_copied_in_vain_makes_it_grow_up_to_its_bound(void **state)
{
    struct fixture *self = create_growing(state, NULL, 0);

    assert_int_equal(new_space(self), MIB / 2);
    stream(self, 24 * MIB);
    assert_int_equal(new_space(self), 4 * MIB);
    stream(self, 24 * MIB);
    assert_int_equal(new_space(self), 4 * MIB);
    assert_int_equal(self->misuses, 0);
}

static void it_does_not_grow_when_nothing_survives(void **state)
{
    struct fixture *self = create_growing(state, NULL, 0);

    for (int i = 0; i < 100000; i++) {
        MW_SCOPE(scope, self->heap);

        mw_heap_new(self->heap, self->node);
    }
    assert_int_equal(new_space(self), MIB / 2);
}

/* Larger halves would only make pauses longer. */
static void it_does_not_grow_when_all_lives_long(void **state)
{
    struct fixture *self = create_growing(state, NULL, 0);

    keep_all(self, 12 * MIB);
    assert_true(numbers_of(self).promoted > 8 * MIB);
    assert_int_equal(new_space(self), MIB / 2);
}

static void it_does_not_grow_into_pauses_that_are_too_long(void **state)
{
    struct fixture *self = create_growing(state, NULL, 1);

    stream(self, 24 * MIB);
    assert_int_equal(new_space(self), MIB / 2);
}

/* As when copying was cheap. */
static struct fixture *create_grown(void **state, uint64_t scavenge_us)
{
    const size_t some = 200 * 1024;
    const struct mw_scavenged copied = {
        .copied = some, .survived = some, .aged = some, .in_vain = some};
    struct fixture *self = create_growing(state, NULL, scavenge_us);

    for (int i = 0; i < 20; i++)
        mw_nursery_judge(self->heap, &copied, MW_NS_PER_US);
    stream(self, MIB / 4);
    while (mw_heap_step(self->heap, 1000))
        ;
    assert_true(new_space(self) >= MIB);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    return self;
}

/* Bytes of garbage that are made until there is a scavenge. */
static size_t filled(struct fixture *self)
{
    uint64_t before = numbers_of(self).collections[MW_GC_SCAVENGE];
    size_t bytes = 0;

    for (; numbers_of(self).collections[MW_GC_SCAVENGE] == before; bytes += 32) {
        MW_SCOPE(scope, self->heap);

        mw_heap_new(self->heap, self->node);
    }
    return bytes;
}

/* A scavenge of all that is filled, of which so much survived. */
static void judge(struct fixture *self, size_t part, uint64_t ns)
{
    size_t bytes = self->heap->nursery.fill.bytes;
    const struct mw_scavenged moved = {
        .filled = bytes, .full = true, .copied = bytes / part, .promoted = bytes / part};

    mw_nursery_judge(self->heap, &moved, ns);
}

/* At once, without giving memory back, and until some in a row were quick. */
static void less_is_filled_while_scavenges_are_slow(void **state)
{
    struct fixture *self = create_grown(state, 50 * MW_NS_PER_MS / MW_NS_PER_US);
    size_t half = new_space(self) / 2;

    assert_int_equal(half, MIB / 2);
    assert_in_range(filled(self), half - 4096, half + 32);
    judge(self, 1, 110 * MW_NS_PER_MS);
    assert_in_range(filled(self), half / 2 - 4096, half / 2 + 32);
    assert_int_equal(new_space(self), 2 * half);
    for (int i = 0; i < 5; i++)
        judge(self, 8, 20 * MW_NS_PER_MS);
    assert_in_range(filled(self), half - 4096, half + 32);
    assert_int_equal(self->misuses, 0);
}

/* A quarter of what is filled may be copied again; beyond that, all becomes old at once. */
static void the_quarter_is_one_of_what_is_filled(void **state)
{
    struct fixture *self = create_grown(state, 50 * MW_NS_PER_MS / MW_NS_PER_US);
    struct mw_heap_collection trace[MW_TRACE_LINES];
    size_t count;

    judge(self, 1, 110 * MW_NS_PER_MS);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    keep_all(self, MIB / 4 + MIB / 16);
    count = mw_heap_get_trace(self->heap, trace);
    assert_int_equal(trace[count - 1].collector, MW_GC_SCAVENGE);
    assert_in_range(trace[count - 1].survived, MIB / 16, MIB / 16 + 32);
    assert_true(trace[count - 1].promoted > MIB / 8);
}

/* An object may reach far beyond the quarter. No half is filled further for that, but so far that
 * there is room for another such object. */
static void a_half_is_not_crowded_while_objects_become_old(void **state)
{
    struct fixture *self = create_grown(state, 50 * MW_NS_PER_MS / MW_NS_PER_US);
    const struct mw_nursery *nursery = &self->heap->nursery;
    uint64_t before;

    judge(self, 1, 110 * MW_NS_PER_MS);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    before = numbers_of(self).collections[MW_GC_SCAVENGE];
    MW_SCOPE(scope, self->heap);
    struct mw_ref kept = mw_heap_new_array(self->heap, self->refs, 100, MW_PLACE_OLD);

    for (size_t i = 0; numbers_of(self).collections[MW_GC_SCAVENGE] == before; i++) {
        MW_SCOPE(inner, self->heap);

        mw_heap_set(
            self->heap, kept, i,
            mw_heap_new_array(self->heap, self->bytes, i < 62 ? 1000 : 120 * 1024, MW_PLACE_YOUNG));
    }
    assert_true(nursery->start > mw_nursery_half(nursery, nursery->from) + MIB / 8);
    assert_false(nursery->crowded);
    assert_true(nursery->end - nursery->start == MW_LARGE_MIN);
}

/* How many nodes find room, all of them alive, when so much of a half of 4 MiB is filled. */
static size_t fill_up(void **state, size_t fill)
{
    struct fixture *self = calloc(1, sizeof(*self));
    struct mw_heap_config config = config_of(self, 0, 12 * MIB);
    size_t count;

    config.semi_space = config.semi_space_max = 4 * MIB;
    config.scavenge_us = 0; /* so what is filled stays what it is */
    config.pretenure = false;
    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    add_types(self);
    *state = self;
    self->heap->nursery.fill.bytes = fill;

    count = fill_with_nodes(self);
    assert_in_range(numbers_of(self).collections[MW_GC_MARK_SWEEP], 1, 10);
    destroy(self);
    *state = NULL;
    return count;
}

/* Survivors of which none can become old fill the half up, and not a little at a time, with a
 * collection of everything for each. */
static void a_crowded_half_is_filled_to_its_end(void **state)
{
    size_t all = fill_up(state, 4 * MIB);

    assert_in_range(fill_up(state, MIB / 4), all - all / 100, all + all / 100);
}

/* Objects of which few find room leave much of what is filled unused: it was full all the same. */
static void all_is_filled_again_whatever_the_sizes(void **state)
{
    struct fixture *self = create_grown(state, 50 * MW_NS_PER_MS / MW_NS_PER_US);
    const struct mw_nursery *nursery = &self->heap->nursery;

    judge(self, 1, 110 * MW_NS_PER_MS);
    assert_int_equal(nursery->fill.bytes, nursery->capacity / 2);
    for (int i = 0; i < 40; i++) {
        MW_SCOPE(scope, self->heap);

        mw_heap_new_array(self->heap, self->bytes, 90 * 1024, MW_PLACE_YOUNG);
    }
    assert_int_equal(nursery->fill.bytes, nursery->capacity);
}

/* What takes the time is not copying, of which there is too little to tell what it costs. */
static void it_does_not_grow_while_scavenges_are_slow(void **state)
{
    enum { BYTES = 40 * 1024 };
    const struct mw_scavenged moved = {
        .copied = BYTES, .survived = BYTES, .aged = BYTES, .in_vain = BYTES};

    for (int slow = 0; slow < 2; slow++) {
        struct fixture *self = create_growing(state, NULL, 1000);

        for (int i = 0; i < 20; i++)
            mw_nursery_judge(self->heap, &moved, (slow ? 900 : 300) * MW_NS_PER_US);
        assert_int_equal(self->heap->nursery.wanted, slow ? MIB / 4 : MIB / 2);
        destroy(self);
        *state = NULL;
    }
}

/* It grew while copying was cheap: three slow scavenges change nothing, many do. */
static void it_shrinks_when_scavenges_become_slow(void **state)
{
    static const struct mw_scavenged nothing;
    struct fixture *self = create_grown(state, 1000);

    for (int i = 0; i < 3; i++)
        mw_nursery_judge(self->heap, &nothing, 20 * MW_NS_PER_MS);
    assert_true(new_space(self) >= MIB);
    for (int i = 0; i < 20; i++)
        mw_nursery_judge(self->heap, &nothing, 2 * MW_NS_PER_MS);
    assert_int_equal(new_space(self), MIB / 2);
    stream(self, MIB);
    assert_int_equal(self->misuses, 0);
}

static void it_shrinks_when_the_program_rests(void **state)
{
    struct hands hands = {MW_NS_PER_S};
    struct mw_clock clock = {hands_ns, hands_wall, &hands};
    struct fixture *self = create_growing(state, &clock, 0);
    MW_SCOPE(scope, self->heap);
    struct mw_ref kept = mw_heap_new(self->heap, self->node);

    mw_heap_set_word(self->heap, kept, 2, MARK);
    stream(self, 24 * MIB);
    for (int i = 0; i < 1000; i++) { /* work all the time */
        hands.ns += 100 * MW_NS_PER_MS;
        stream(self, 200 * 1000);
        mw_heap_step(self->heap, 0);
        assert_int_equal(new_space(self), 4 * MIB);
        if (i == 20)
            break;
    }
    for (int i = 0; i < 300; i++) { /* hardly any */
        hands.ns += 10 * MW_NS_PER_MS;
        mw_heap_new(self->heap, self->node);
        mw_heap_step(self->heap, 0);
    }
    assert_int_equal(new_space(self), MIB / 2);
    assert_int_equal(mw_heap_get_word(self->heap, kept, 2), MARK);
    stream(self, 24 * MIB);
    assert_int_equal(new_space(self), 4 * MIB);
    assert_int_equal(self->misuses, 0);
}

/* What cannot become old, as the kernel gives no memory, is not copied again and again. */
static void survivors_that_cannot_leave_are_left_alone(void **state)
{
    struct hands hands = {MW_NS_PER_S};
    struct mw_clock clock = {hands_ns, hands_wall, &hands};
    struct fixture *self = create_growing(state, &clock, 0);
    MW_SCOPE(scope, self->heap);
    uint64_t before;

    stream(self, 24 * MIB);
    assert_int_equal(new_space(self), 4 * MIB);
    self->heap->vm.fail_at = self->heap->vm.calls + 1;
    self->heap->vm.fail_rest = true;
    while (!self->heap->refused)
        assert_false(mw_ref_is_none(mw_heap_new(self->heap, self->node)));
    assert_true(self->heap->nursery.capacity > MIB / 4);
    before = numbers_of(self).collections[MW_GC_SCAVENGE];
    for (int i = 0; i < 50; i++) {
        hands.ns += 110 * MW_NS_PER_MS;
        while (mw_heap_step(self->heap, 1000))
            ;
    }
    assert_true(numbers_of(self).collections[MW_GC_SCAVENGE] <= before + 2);
}

/* Types that are born old are work, too. */
static void what_is_born_old_is_no_rest(void **state)
{
    struct hands hands = {MW_NS_PER_S};
    struct mw_clock clock = {hands_ns, hands_wall, &hands};
    struct fixture *self = create_growing(state, &clock, 0);

    mw_nursery_is_quiet(self->heap);
    for (int i = 0; i < 1500; i++) {
        MW_SCOPE(scope, self->heap);

        mw_heap_new_array(self->heap, self->bytes, 1000, MW_PLACE_OLD);
    }
    hands.ns += 110 * MW_NS_PER_MS;
    assert_false(mw_nursery_is_quiet(self->heap));
    hands.ns += 110 * MW_NS_PER_MS;
    assert_true(mw_nursery_is_quiet(self->heap));
}

/* The pool: pages, and mappings of large objects. */
static void the_pool_goes_when_the_program_rests(void **state)
{
    struct hands hands = {MW_NS_PER_S};
    struct mw_clock clock = {hands_ns, hands_wall, &hands};
    struct fixture *self = create_growing(state, &clock, 0);

    for (int i = 0; i < 20; i++) {
        MW_SCOPE(scope, self->heap);

        mw_heap_new_array(self->heap, self->bytes, MIB / 2, MW_PLACE_OLD);
        mw_heap_new_array(self->heap, self->bytes, MIB / 10, MW_PLACE_OLD);
    }
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    assert_true(numbers_of(self).pooled > 6 * MIB);
    for (int i = 0; i < 100; i++) {
        hands.ns += 100 * MW_NS_PER_MS;
        mw_heap_step(self->heap, 0);
        numbers_of(self);
    }
    assert_true(numbers_of(self).pooled <= 2 * MIB);
}

/* Whichever call for memory fails while it grows, all goes on. */
static void growing_may_fail(void **state)
{
    (void)state;
    for (uint64_t call = 11; call < 60; call++) {
        struct fixture *self = calloc(1, sizeof(*self));
        struct mw_heap_config config = config_of(self, 0, 32 * MIB);

        config.semi_space_max = 2 * MIB;
        config.fail_mapping = call;
        assert_int_equal(mw_heap_create(&config, &self->heap), 0);
        add_types(self);
        stream(self, 6 * MIB);
        destroy(self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_copied_in_vain_makes_it_grow_up_to_its_bound, teardown),
        cmocka_unit_test_teardown(it_does_not_grow_when_all_lives_long, teardown),
        cmocka_unit_test_teardown(it_does_not_grow_when_nothing_survives, teardown),
        cmocka_unit_test_teardown(it_does_not_grow_into_pauses_that_are_too_long, teardown),
        cmocka_unit_test_teardown(it_shrinks_when_the_program_rests, teardown),
        cmocka_unit_test_teardown(less_is_filled_while_scavenges_are_slow, teardown),
        cmocka_unit_test_teardown(the_quarter_is_one_of_what_is_filled, teardown),
        cmocka_unit_test_teardown(a_half_is_not_crowded_while_objects_become_old, teardown),
        cmocka_unit_test_teardown(a_crowded_half_is_filled_to_its_end, teardown),
        cmocka_unit_test_teardown(all_is_filled_again_whatever_the_sizes, teardown),
        cmocka_unit_test_teardown(it_does_not_grow_while_scavenges_are_slow, teardown),
        cmocka_unit_test_teardown(survivors_that_cannot_leave_are_left_alone, teardown),
        cmocka_unit_test_teardown(what_is_born_old_is_no_rest, teardown),
        cmocka_unit_test_teardown(it_shrinks_when_scavenges_become_slow, teardown),
        cmocka_unit_test_teardown(growing_may_fail, teardown),
        cmocka_unit_test_teardown(the_pool_goes_when_the_program_rests, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
