/* The reserve is for what the near-limit callback makes, at each of its calls, and for nobody else.
 */
#include "fixture.h"

#include "heap/heap_internal.h"
#include "heap/snapshot.h"

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* It may use what nobody else may, and is not called again for what it asks for in vain. */
static void the_near_limit_callback_has_a_reserve(void **state)
{
    enum { BYTES = 127 * 1024 }; /* of which a page holds one */
    struct fixture *self = create(state, MW_HEAP_VERIFY, 4 * MIB);
    struct mw_heap_collection trace[MW_TRACE_LINES];
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 10000, MW_PLACE_OLD);
    size_t held, lines;

    fill_array(self, array, 1000);
    while (!mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, BYTES, MW_PLACE_OLD)))
        ;
    held = numbers_of(self).total;
    for (int asks = 0; asks < 2; asks++) {
        self->near_limit_calls = 0;
        self->spend = asks == 0 ? BYTES : MIB;
        assert_true(
            mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, BYTES, MW_PLACE_OLD)));
        assert_int_equal(mw_heap_error(self->heap), -ENOMEM);
        assert_int_equal(self->near_limit_calls, 1);
        assert_int_equal(self->spent, asks == 0);
    }
    assert_int_equal(numbers_of(self).total, held + MW_RESERVE);
    lines = mw_heap_get_trace(self->heap, trace);
    assert_true(lines > 0);
    assert_string_equal(trace[lines - 1].reason, "last resort");
    self->spend = 0;
}

/* What the first call of the callback does is done with when it returns. */
enum first_call {
    DOES_NOTHING,
    MAKES_ONE,
    RESTS,
    WRITES,
    RESTS_AND_WRITES,
    MAKES_AND_WRITES,
    FIRST_CALLS
};

struct near {
    struct fixture fixture;
    enum first_call first;
    unsigned calls, given;
    bool young; /* it makes many small ones, young as far as it knows */
};

static void write_a_snapshot(struct mw_heap *heap)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int error = mw_heap_snapshot_write(heap, fd, NULL);

    assert_true(error == 0 || error == -ENOMEM);
    close(fd);
}

static void do_first(struct near *self)
{
    if (self->first == MAKES_ONE || self->first == MAKES_AND_WRITES)
        mw_heap_new_in(self->fixture.heap, self->fixture.node, MW_PLACE_OLD);
    if (self->first == RESTS || self->first == RESTS_AND_WRITES)
        mw_heap_step(self->fixture.heap, 100000);
    if (self->first >= WRITES)
        write_a_snapshot(self->fixture.heap);
}

/* Of both lanes. No collection is needed for that. */
static bool make_many(struct near *self)
{
    uint64_t collections = numbers_of(&self->fixture).collections[MW_GC_MARK_SWEEP];

    for (size_t i = 0; i < 200; i++) {
        MW_SCOPE(scope, self->fixture.heap);
        struct mw_ref node = mw_heap_new(self->fixture.heap, self->fixture.node);
        struct mw_ref bytes =
            mw_heap_new_array(self->fixture.heap, self->fixture.bytes, 500, MW_PLACE_YOUNG);

        if (mw_ref_is_none(node) || mw_ref_is_none(bytes))
            return false;
    }
    return numbers_of(&self->fixture).collections[MW_GC_MARK_SWEEP] == collections;
}

static size_t when_near(void *context, size_t limit, size_t initial)
{
    struct near *self = context;
    MW_SCOPE(scope, self->fixture.heap);

    assert_true(limit >= initial);
    if (++self->calls == 1)
        do_first(self);
    else if (self->young)
        self->given += make_many(self);
    else if (!mw_ref_is_none(mw_heap_new_array(self->fixture.heap, self->fixture.bytes, 200 * 1024,
                                               MW_PLACE_OLD)))
        self->given++;
    return limit;
}

/* Fills the heap until three allocations have failed in a row. Returns how many were given. */
static size_t fill_up(struct near *self, struct mw_ref list)
{
    size_t count = 0;

    for (unsigned failed = 0; failed < 3;) {
        MW_SCOPE(scope, self->fixture.heap);
        struct mw_ref node = mw_heap_new(self->fixture.heap, self->fixture.node);

        if (mw_ref_is_none(node)) {
            failed++;
            continue;
        }
        mw_heap_set(self->fixture.heap, node, 0, mw_heap_get(self->fixture.heap, list, 0));
        mw_heap_set(self->fixture.heap, list, 0, node);
        count++;
    }
    return count;
}

static void the_reserve_is_there_at_each_call(void **state)
{
    size_t held[2 * FIRST_CALLS];

    (void)state;
    for (unsigned first = 0; first < 2 * FIRST_CALLS; first++) {
        struct near self = {.first = (enum first_call)(first / 2), .young = first % 2};
        struct mw_heap_config config = config_of(&self.fixture, MW_HEAP_VERIFY, 4 * MIB);
        struct mw_scope scope;

        config.context = &self;
        config.limit_max = config.limit;
        config.near_limit = when_near;
        assert_int_equal(mw_heap_create(&config, &self.fixture.heap), 0);
        add_types(&self.fixture);
        scope = mw_scope_open(self.fixture.heap);
        held[first] = fill_up(&self, mw_heap_new(self.fixture.heap, self.fixture.node));
        assert_int_equal(self.calls, 3);
        assert_int_equal(self.given, 2);
        assert_in_range(held[first], held[0] - held[0] / 1000, held[0] + held[0] / 1000);
        assert_int_equal(mw_heap_set_limit(self.fixture.heap, config.limit), 0);
        mw_scope_close(&scope);
        mw_heap_destroy(self.fixture.heap);
    }
}

/* What lives there keeps it, and what it does not fill is nobody's meanwhile. */
static void what_lives_in_the_reserve_has_it_alone(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY, 4 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref kept, array = mw_heap_new_array(self->heap, self->refs, 90000, MW_PLACE_OLD);
    uint64_t collected;
    size_t used;

    fill_array(self, array, 1000);
    self->heap->reserve_open = true;
    do
        kept = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);
    while (!mw_ref_is_none(kept) && !mw_heap_is_in_reserve(self->heap));
    self->heap->reserve_open = false;
    mw_old_withhold(self->heap);
    assert_false(mw_ref_is_none(kept));
    used = numbers_of(self).used;
    assert_true(mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, 1000, MW_PLACE_OLD)));
    assert_in_range(numbers_of(self).used, used - used / 100, used + 1000);
    collected = numbers_of(self).collections[MW_GC_MARK_SWEEP];
    assert_int_equal(mw_heap_set_limit(self->heap, 4 * MIB), 0); /* the same, as it is */
    assert_int_equal(mw_heap_set_limit(self->heap, 4 * MIB + 4096), 0);
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_SWEEP], collected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_near_limit_callback_has_a_reserve, teardown),
        cmocka_unit_test(the_reserve_is_there_at_each_call),
        cmocka_unit_test_teardown(what_lives_in_the_reserve_has_it_alone, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
