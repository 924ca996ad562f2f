/* At the limit, and when the kernel gives no memory, an allocation fails and nothing else does. */
#include "fixture.h"

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

/* Fills an old array with bytes until nothing more is given. */
static size_t fill(struct fixture *self, struct mw_ref array, size_t bytes)
{
    size_t length = mw_heap_length(self->heap, array);

    for (size_t i = 0; i < length; i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref value = mw_heap_new_array(self->heap, self->bytes, bytes, MW_PLACE_YOUNG);

        if (mw_ref_is_none(value))
            return i;
        mw_heap_set(self->heap, array, i, value);
    }
    return length;
}

static void at_the_limit_an_allocation_fails_and_all_else_holds(void **state)
{
    static const size_t sizes[] = {40, 1000, 30000, 300000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct fixture *self = create(state, 0, 4 * MIB);
        MW_SCOPE(scope, self->heap);
        struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 90000, MW_PLACE_OLD);
        size_t filled = fill(self, array, sizes[i]);

        assert_int_equal(mw_heap_error(self->heap), -ENOMEM);
        assert_true(filled * sizes[i] > 2 * MIB);
        assert_true(self->near_limit_calls > 0);
        mw_heap_set(self->heap, array, 0, mw_ref_none());
        mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
        for (size_t at = 1; at < filled; at++) {
            MW_SCOPE(inner, self->heap);

            assert_int_equal(mw_heap_length(self->heap, mw_heap_get(self->heap, array, at)),
                             sizes[i]);
        }
        numbers_of(self);
        mw_scope_close(&scope);
        destroy(self);
        *state = NULL;
    }
}

/* The new space keeps what the old one has no room for; a dead holder of it must not be remembered.
 */
static void a_dead_holder_of_a_young_object_is_forgotten(void **state)
{
    struct fixture *self = create(state, 0, 4 * MIB);
    const char *fault = "";
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 9000, MW_PLACE_OLD);

    {
        MW_SCOPE(inner, self->heap);
        struct mw_ref holder = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);
        size_t filled = fill(self, array, 1000);

        assert_int_equal(mw_heap_error(self->heap), -ENOMEM);
        mw_heap_set(self->heap, holder, 0, mw_heap_get(self->heap, array, filled - 1));
    }
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    if (mw_heap_verify(self->heap, &fault) != 0)
        fail_msg("verifier: %s", fault);
}

static void the_near_limit_callback_may_raise_the_limit(void **state)
{
    struct fixture *self = create(state, 0, 4 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 60000, MW_PLACE_OLD);

    self->raise_to = 1000 * MIB; /* more than limit_max */
    assert_true(fill(self, array, 1000) * 1000 > 4 * MIB);
    assert_int_equal(numbers_of(self).limit, 6 * MIB);
}

static void the_near_limit_callback_may_let_go(void **state)
{
    struct fixture *self = create(state, 0, 4 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 3000, MW_PLACE_OLD);

    {
        MW_SCOPE(inner, self->heap);
        struct mw_ref cache = mw_heap_new_array(self->heap, self->bytes, MIB, MW_PLACE_OLD);

        assert_int_equal(mw_global_create(self->heap, cache, false, &self->dropped), 0);
    }
    assert_int_equal(fill(self, array, 1000), 3000);
    assert_int_equal(self->near_limit_calls, 1);
}

/* Whichever call for memory fails, the heap is whole afterwards. */
static void mappings_may_fail_at_any_time(void **state)
{
    (void)state;
    for (uint64_t call = 11; call < 41; call++) {
        struct fixture *self = calloc(1, sizeof(*self));
        struct mw_heap_config config = config_of(self, MW_HEAP_VERIFY, 8 * MIB);

        config.fail_mapping = call;
        assert_int_equal(mw_heap_create(&config, &self->heap), 0);
        add_types(self);
        for (int round = 0; round < 2; round++) {
            MW_SCOPE(scope, self->heap);
            struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 5000, MW_PLACE_OLD);

            if (!mw_ref_is_none(array))
                fill(self, array, 900);
        }
        assert_int_equal(self->misuses, 0);
        destroy(self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(at_the_limit_an_allocation_fails_and_all_else_holds, teardown),
        cmocka_unit_test_teardown(a_dead_holder_of_a_young_object_is_forgotten, teardown),
        cmocka_unit_test_teardown(the_near_limit_callback_may_raise_the_limit, teardown),
        cmocka_unit_test_teardown(the_near_limit_callback_may_let_go, teardown),
        cmocka_unit_test_teardown(mappings_may_fail_at_any_time, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
