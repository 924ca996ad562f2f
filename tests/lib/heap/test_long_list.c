/* No recursion anywhere: a list of ten million is built, collected in every way, looked at and
 * dropped, on the usual stack and on a small one. */
#include "fixture.h"

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

enum { LENGTH = 10 * 1000 * 1000, SMALL_STACK = 256 * 1024 };

static void build(struct fixture *self, struct mw_ref list)
{
    for (int i = 1; i < LENGTH; i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref node = mw_heap_new(self->heap, self->node);

        assert_false(mw_ref_is_none(node));
        mw_heap_set_word(self->heap, node, 2, (uint64_t)i);
        mw_heap_set(self->heap, node, 1, list);
        mw_heap_assign(self->heap, list, node);
    }
}

/* Lets go of each node that it has passed. */
static void count_down(struct fixture *self, struct mw_ref list)
{
    for (uint64_t left = LENGTH - 1;; left--) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref next = mw_heap_get(self->heap, list, 1);

        assert_int_equal(mw_heap_get_word(self->heap, list, 2), left);
        if (mw_ref_is_none(next)) {
            assert_int_equal(left, 0);
            return;
        }
        mw_heap_assign(self->heap, list, next);
    }
}

static void verify(struct fixture *self)
{
    const char *fault = "";

    if (mw_heap_verify(self->heap, &fault) != 0)
        fail_msg("verifier: %s", fault);
}

static void *make_and_drop(void *nothing)
{
    static const enum mw_heap_work works[] = {MW_COLLECT_MINOR, MW_COLLECT_MAJOR,
                                              MW_COLLECT_COMPACT};
    void *state = NULL;
    struct fixture *self = create(&state, 0, 1024 * MIB);

    {
        MW_SCOPE(scope, self->heap);
        struct mw_ref list = mw_heap_new(self->heap, self->node);

        build(self, list);
        assert_true(numbers_of(self).in_slices > 0);
        for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
            mw_heap_collect(self->heap, works[i]);
        verify(self);
        assert_true(numbers_of(self).used >= (size_t)LENGTH * 32);
        count_down(self, list);
    }
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    assert_int_equal(numbers_of(self).used, 0);
    destroy(self);
    return nothing;
}

static void a_list_of_ten_million_needs_no_stack(void **state)
{
    (void)state;
    make_and_drop(NULL);
}

static void a_small_stack_is_enough(void **state)
{
    pthread_attr_t attributes;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, make_and_drop, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_of_ten_million_needs_no_stack),
        cmocka_unit_test(a_small_stack_is_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
