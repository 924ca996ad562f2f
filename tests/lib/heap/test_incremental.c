/* Marking in slices: whatever the program does in between, what it can reach stays. */
#include "fixture.h"

#include "heap/heap_internal.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { LIST = 20000, MARK = 77, PIECE_WORDS = 1024 / 8 };

/* A long old list: marking needs many slices to come to its end. */
static struct mw_ref make_list(struct fixture *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref list = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);

    for (int i = 1; i < LIST; i++) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref node = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);

        mw_heap_set(self->heap, node, 1, list);
        mw_heap_assign(self->heap, list, node);
    }
    return mw_scope_escape(&scope, list);
}

static struct mw_ref last_of(struct fixture *self, struct mw_ref list)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref at = mw_heap_dup(self->heap, list);

    for (;;) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref next = mw_heap_get(self->heap, at, 1);

        if (mw_ref_is_none(next))
            break;
        mw_heap_assign(self->heap, at, next);
    }
    return mw_scope_escape(&scope, at);
}

/* A heap in the middle of marking `list`, with the small old object `early` marked and scanned. */
struct scene {
    struct fixture *self;
    struct mw_ref list, last, early;
};

static struct scene begin(void **state)
{
    struct fixture *self = create(state, MW_HEAP_SLICES | MW_HEAP_POISON, 16 * MIB);
    struct scene scene = {self, {0}, {0}, {0}};
    uint64_t slices;

    scene.list = make_list(self);
    {
        MW_SCOPE(scope, self->heap);
        struct mw_ref hidden = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);

        mw_heap_set_word(self->heap, hidden, 2, MARK);
        mw_heap_set(self->heap, last_of(self, scene.list), 0, hidden);
    }
    scene.early = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD); /* on top of the stack */
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    slices = numbers_of(self).slices;
    while (numbers_of(self).slices < slices + 2) /* its beginning, and one of 512 words */
        mw_heap_step(self->heap, 0);
    scene.last = last_of(self, scene.list); /* a handle that marking did not begin with */
    return scene;
}

static void finish(struct fixture *self)
{
    uint64_t before = numbers_of(self).in_slices;

    while (numbers_of(self).in_slices == before)
        mw_heap_step(self->heap, 0);
    for (int i = 0; i < 50; i++) /* sweeps, which poisons what is free */
        mw_heap_step(self->heap, 0);
}

static void assert_hidden(struct fixture *self, struct mw_ref holder)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref hidden = mw_heap_get(self->heap, holder, 0);

    assert_false(mw_ref_is_none(hidden));
    assert_ptr_equal(mw_heap_type_of(self->heap, hidden), self->node);
    assert_int_equal(mw_heap_get_word(self->heap, hidden, 2), MARK);
}

static void an_object_moved_behind_a_scanned_one_is_kept(void **state)
{
    struct scene scene = begin(state);
    struct mw_heap *heap = scene.self->heap;

    {
        MW_SCOPE(scope, heap);

        mw_heap_set(heap, scene.early, 0, mw_heap_get(heap, scene.last, 0));
        mw_heap_set(heap, scene.last, 0, mw_ref_none());
    }
    finish(scene.self);
    assert_hidden(scene.self, scene.early);
}

/* It is not watched for young values, but for all others. */
static void a_remembered_holder_keeps_its_barrier(void **state)
{
    struct scene scene = begin(state);
    struct mw_heap *heap = scene.self->heap;

    {
        MW_SCOPE(scope, heap);

        mw_heap_set(heap, scene.early, 1, mw_heap_new(heap, scene.self->node));
        mw_heap_set(heap, scene.early, 0, mw_heap_get(heap, scene.last, 0));
        mw_heap_set(heap, scene.last, 0, mw_ref_none());
    }
    finish(scene.self);
    assert_hidden(scene.self, scene.early);
}

static void move_by_way_of_the_new_space(struct scene *scene)
{
    struct mw_heap *heap = scene->self->heap;
    MW_SCOPE(scope, heap);
    struct mw_ref young = mw_heap_new(heap, scene->self->node);

    mw_heap_set(heap, young, 0, mw_heap_get(heap, scene->last, 0));
    mw_heap_set(heap, scene->last, 0, mw_ref_none());
    mw_heap_set(heap, scene->early, 0, young);
}

/* What holds it is promoted while marking goes on, and marking does not look at it again. */
static void an_object_held_by_a_promoted_one_is_kept(void **state)
{
    struct scene scene = begin(state);
    struct mw_heap *heap = scene.self->heap;

    move_by_way_of_the_new_space(&scene);
    mw_heap_collect(heap, MW_COLLECT_MINOR);
    mw_heap_collect(heap, MW_COLLECT_MINOR);
    finish(scene.self);
    {
        MW_SCOPE(scope, heap);

        assert_hidden(scene.self, mw_heap_get(heap, scene.early, 0));
    }
}

static void an_object_moved_by_way_of_the_new_space_is_kept(void **state)
{
    struct scene scene = begin(state);
    struct mw_heap *heap = scene.self->heap;

    move_by_way_of_the_new_space(&scene);
    finish(scene.self);
    {
        MW_SCOPE(scope, heap);

        assert_hidden(scene.self, mw_heap_get(heap, scene.early, 0));
    }
}

/* A large young object has no barrier either, and slices do not look at it until it is old. */
static void an_object_moved_into_a_large_young_one_is_kept(void **state)
{
    struct scene scene = begin(state);
    struct mw_heap *heap = scene.self->heap;
    MW_SCOPE(scope, heap);
    struct mw_ref large = mw_heap_new_array(heap, scene.self->refs, 20000, MW_PLACE_YOUNG);
    struct mw_ref small = mw_heap_new(heap, scene.self->node);

    mw_heap_set(heap, scene.early, 1, large); /* the way on which slices would come to it */
    for (int i = 0; i < 3; i++)
        mw_heap_step(heap, 0);
    mw_heap_set(heap, large, 0, mw_heap_get(heap, scene.last, 0));
    mw_heap_set(heap, large, 19999, small);
    mw_heap_set(heap, scene.last, 0, mw_ref_none());
    finish(scene.self);
    assert_hidden(scene.self, large);
    assert_true(mw_heap_same(heap, mw_heap_get(heap, large, 19999), small));
}

/* What leads to it was scanned before, so a scavenge is the last to come by. */
static void a_large_object_promoted_behind_a_scanned_one_is_kept(void **state)
{
    struct scene scene = begin(state);
    struct mw_heap *heap = scene.self->heap;

    {
        MW_SCOPE(scope, heap);
        struct mw_ref large = mw_heap_new_array(heap, scene.self->refs, 20000, MW_PLACE_YOUNG);

        mw_heap_set(heap, large, 0, mw_heap_get(heap, scene.last, 0));
        mw_heap_set(heap, scene.last, 0, mw_ref_none());
        mw_heap_set(heap, scene.early, 1, large);
    }
    mw_heap_collect(heap, MW_COLLECT_MINOR);
    finish(scene.self);
    {
        MW_SCOPE(scope, heap);

        assert_hidden(scene.self, mw_heap_get(heap, scene.early, 1));
    }
}

/* Slices must not have it on their stack when a scavenge frees it. (In that mode no mapping is
 * kept: who looks there meets the end of the program.) */
static void a_large_young_object_may_die_while_marking_goes_on(void **state)
{
    struct fixture *self = create(state, MW_HEAP_MOVE, 16 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref first = mw_heap_new(self->heap, self->node); /* at the bottom of the stack */
    struct mw_ref list = make_list(self);
    uint64_t slices;

    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    {
        MW_SCOPE(inner, self->heap);

        mw_heap_assign(self->heap, first,
                       mw_heap_new_array(self->heap, self->refs, 20000, MW_PLACE_YOUNG));
    }
    self->heap->config.modes |= MW_HEAP_SLICES; /* marking begins now, and not before it is there */
    assert_false(self->heap->marker.active);
    slices = numbers_of(self).slices;
    while (numbers_of(self).slices < slices + 2)
        mw_heap_step(self->heap, 0);
    mw_heap_assign(self->heap, first, list);
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    finish(self);
}

/* 12,000 structures: more than one slice of 512 words may take at once. */
static void a_big_array_of_structures_is_marked_in_pieces(void **state)
{
    enum { LENGTH = 12000 };
    static const struct mw_heap_field fields[] = {{"value", 1}};
    const struct mw_heap_type_info info = {"Structs", MW_KIND_STRUCTS, 3, fields, 1, NULL};
    struct fixture *self = create(state, MW_HEAP_SLICES | MW_HEAP_POISON, 16 * MIB);
    const struct mw_heap_type *structs = NULL;
    MW_SCOPE(scope, self->heap);
    struct mw_ref array;
    uint64_t slices;

    assert_int_equal(mw_heap_add_type(self->heap, &info, &structs), 0);
    array = mw_heap_new_array(self->heap, structs, LENGTH, MW_PLACE_OLD);
    for (size_t i = 0; i < LENGTH; i++) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref node = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);

        mw_heap_set_word(self->heap, node, 2, i);
        mw_heap_set(self->heap, array, 3 * i + 1, node);
    }
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    slices = numbers_of(self).slices;
    finish(self);
    assert_true(numbers_of(self).slices - slices >= LENGTH * 3 / 4096);
    for (size_t i = 0; i < LENGTH; i++) {
        MW_SCOPE(inner, self->heap);

        assert_int_equal(mw_heap_get_word(self->heap, mw_heap_get(self->heap, array, 3 * i + 1), 2),
                         i);
    }
}

static void what_was_dead_before_is_freed(void **state)
{
    struct fixture *self = create(state, 0, 32 * MIB);
    size_t used;

    {
        MW_SCOPE(scope, self->heap);

        make_list(self);
    }
    used = numbers_of(self).used;
    for (size_t i = 0; numbers_of(self).in_slices == 0; i++) {
        MW_SCOPE(scope, self->heap);

        assert_true(i < 1000000);
        assert_false(mw_ref_is_none(mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD)));
    }
    assert_true(numbers_of(self).used < used);
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_SWEEP], 1);
}

static void steps_end_when_nothing_is_left_to_do(void **state)
{
    struct fixture *self = create(state, 0, 16 * MIB);
    unsigned steps = 0;

    {
        MW_SCOPE(scope, self->heap);

        make_list(self);
        mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    }
    while (mw_heap_step(self->heap, 0))
        assert_true(++steps < 1000);
    assert_false(mw_heap_step(self->heap, 1000));
}

/* Who goes on asking is told that there is no more, and pays no scavenge for it; nor does a program
 * that never takes the snapshot, for objects that are always a step ahead of marking. */
static void steps_ahead_of_a_snapshot_have_an_end(void **state)
{
    struct fixture *self = create(state, 0, 32 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref kept = make_list(self);
    uint64_t scavenges;

    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    while (mw_heap_snapshot_step(self->heap, 1000))
        ;
    scavenges = numbers_of(self).collections[MW_GC_SCAVENGE];
    for (int i = 0; i < 100; i++)
        mw_heap_snapshot_step(self->heap, 1000);
    assert_true(numbers_of(self).collections[MW_GC_SCAVENGE] <= scavenges + 3);
    scavenges = numbers_of(self).collections[MW_GC_SCAVENGE];
    for (int i = 0; i < 2000; i++) {
        MW_SCOPE(inner, self->heap);

        mw_heap_assign(self->heap, kept, mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD));
        mw_heap_new_array(self->heap, self->bytes, 16000, MW_PLACE_YOUNG);
    }
    assert_true(numbers_of(self).collections[MW_GC_SCAVENGE] <=
                scavenges + 2 * 32000000 / (MIB / 4));
}

/* What is born old owes marking, a piece of a hole at a time, and no more than for one slice and
 * such a piece: however many are born the short way. A long list lives, so that there is much to
 * mark. */
static void births_pay_for_marking_as_they_come(void **state)
{
    struct fixture *self = create(state, 0, 32 * MIB);
    const struct mw_marker *marker = &self->heap->marker;
    size_t most = 0, seen = 0, owed = 0;
    MW_SCOPE(scope, self->heap);
    struct mw_ref lists = mw_heap_new_array(self->heap, self->refs, 10, MW_PLACE_OLD);

    for (size_t i = 0; i < 10; i++) {
        MW_SCOPE(inner, self->heap);

        mw_heap_set(self->heap, lists, i, make_list(self));
    }
    while (seen < 20000) {
        MW_SCOPE(inner, self->heap);
        bool active = marker->active;

        mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);
        seen += active;
        owed += active && marker->debt > 0;
        most = active && marker->debt > most ? marker->debt : most;
    }
    assert_in_range(most, 1, MW_SLICE_WORDS_LEAST + PIECE_WORDS * marker->pace);
    assert_true(owed > seen / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_object_moved_behind_a_scanned_one_is_kept, teardown),
        cmocka_unit_test_teardown(a_remembered_holder_keeps_its_barrier, teardown),
        cmocka_unit_test_teardown(an_object_moved_by_way_of_the_new_space_is_kept, teardown),
        cmocka_unit_test_teardown(an_object_held_by_a_promoted_one_is_kept, teardown),
        cmocka_unit_test_teardown(an_object_moved_into_a_large_young_one_is_kept, teardown),
        cmocka_unit_test_teardown(a_large_object_promoted_behind_a_scanned_one_is_kept, teardown),
        cmocka_unit_test_teardown(a_large_young_object_may_die_while_marking_goes_on, teardown),
        cmocka_unit_test_teardown(a_big_array_of_structures_is_marked_in_pieces, teardown),
        cmocka_unit_test_teardown(what_was_dead_before_is_freed, teardown),
        cmocka_unit_test_teardown(steps_end_when_nothing_is_left_to_do, teardown),
        cmocka_unit_test_teardown(steps_ahead_of_a_snapshot_have_an_end, teardown),
        cmocka_unit_test_teardown(births_pay_for_marking_as_they_come, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
