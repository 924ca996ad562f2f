/* Pairs: objects that are born with two references, and those that leave a scope. */
#include "fixture.h"

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

static const unsigned every_mode[] = {0, MW_HEAP_CHECKED, MW_HEAP_STRESS | MW_HEAP_POISON,
                                      MW_HEAP_SLICES | MW_HEAP_VERIFY,
                                      MW_HEAP_STRESS | MW_HEAP_MOVE | MW_HEAP_CHECKED};

enum { MODES = sizeof(every_mode) / sizeof(every_mode[0]) };

/* A node that says which one it is. */
static struct mw_ref numbered(struct fixture *self, uint64_t number)
{
    struct mw_ref node = mw_heap_new(self->heap, self->node);

    mw_heap_set_word(self->heap, node, 2, number);
    return node;
}

static uint64_t number_at(struct fixture *self, struct mw_ref pair, size_t index)
{
    MW_SCOPE(scope, self->heap);

    return mw_heap_get_word(self->heap, mw_heap_get(self->heap, pair, index), 2);
}

static void expect_pair(struct fixture *self, struct mw_ref pair, uint64_t first, uint64_t second)
{
    assert_ptr_equal(mw_heap_type_of(self->heap, pair), self->node);
    assert_int_equal(number_at(self, pair, 0), first);
    assert_int_equal(number_at(self, pair, 1), second);
    assert_int_equal(mw_heap_get_word(self->heap, pair, 2), 0);
}

static void a_pair_has_its_references(void **state)
{
    for (size_t i = 0; i < MODES; i++) {
        struct fixture *self = create(state, every_mode[i], 8 * MIB);
        struct mw_scope scope = mw_scope_open(self->heap);
        struct mw_ref pair, half;

        pair = mw_heap_new_pair(self->heap, self->node, numbered(self, 1), numbered(self, 2));
        half = mw_heap_new_pair(self->heap, self->node, mw_ref_none(), pair);
        for (int turn = 0; turn < 3; turn++) {
            expect_pair(self, pair, 1, 2);
            assert_true(mw_ref_is_none(mw_heap_get(self->heap, half, 0)));
            assert_true(mw_heap_same(self->heap, mw_heap_get(self->heap, half, 1), pair));
            mw_heap_collect(self->heap, MW_COLLECT_MINOR);
        }
        mw_scope_close(&scope);
        assert_int_equal(self->misuses, 0);
        destroy(self);
        *state = NULL;
    }
}

/* Enough of them that many find the half full, and are made when that is collected. */
static struct mw_ref tree(struct fixture *self, int depth)
{
    MW_SCOPE(scope, self->heap);

    if (depth == 0)
        return mw_scope_escape(&scope, numbered(self, 7));
    return mw_scope_escape_pair(&scope, self->node, tree(self, depth - 1), tree(self, depth - 1));
}

static uint64_t leaves(struct fixture *self, struct mw_ref of)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref left = mw_heap_get(self->heap, of, 0);

    if (mw_ref_is_none(left))
        return mw_heap_get_word(self->heap, of, 2) == 7;
    return leaves(self, left) + leaves(self, mw_heap_get(self->heap, of, 1));
}

static void a_pair_leaves_its_scope(void **state)
{
    for (size_t i = 0; i < MODES; i++) {
        int depth = every_mode[i] & MW_HEAP_STRESS ? 7 : 14;
        struct fixture *self = create(state, every_mode[i], 16 * MIB);
        struct mw_scope scope = mw_scope_open(self->heap);
        struct mw_ref all = tree(self, depth);

        assert_int_equal(numbers_of(self).handles, 1);
        assert_int_equal(leaves(self, all), 1 << depth);
        expect_sound(self->heap, "with a tree");
        mw_scope_close(&scope);
        assert_int_equal(self->misuses, 0);
        destroy(self);
        *state = NULL;
    }
}

/* Two cycles of survivors: then their type is born old. */
static void make_survivors(struct fixture *self)
{
    for (int cycle = 0; cycle < 2; cycle++) {
        MW_SCOPE(scope, self->heap);

        array_of_nodes(self, 100000);
        mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    }
}

/* Then its references are younger, and the collector must be told. */
static void a_pair_may_be_born_old(void **state)
{
    struct fixture *self = create(state, 0, 64 * MIB);
    struct mw_scope scope = mw_scope_open(self->heap);
    struct mw_ref refs = mw_heap_new_array(self->heap, self->refs, 1, MW_PLACE_OLD), pair, young;

    make_survivors(self);
    assert_int_equal(numbers_of(self).pretenured, 0);
    young = mw_heap_new_array(self->heap, self->refs, 3, MW_PLACE_YOUNG);
    pair = mw_heap_new_pair(self->heap, self->node, young, refs);
    assert_int_equal(numbers_of(self).pretenured, 32);
    mw_heap_assign(self->heap, young, refs); /* the pair alone keeps it now */
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    assert_int_equal(mw_heap_length(self->heap, mw_heap_get(self->heap, pair, 0)), 3);
    expect_sound(self->heap, "with an old pair");
    mw_scope_close(&scope);
}

static void what_is_no_reference_stays_nothing(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    struct mw_scope scope = mw_scope_open(self->heap), inner = mw_scope_open(self->heap);
    struct mw_ref gone = mw_heap_new(self->heap, self->node), pair;
    char here[256];

    mw_scope_close(&inner);
    pair = mw_heap_new_pair(self->heap, self->node, gone, numbered(self, 5));
    snprintf(here, sizeof(here), "%s:%d", __FILE__, __LINE__ - 1);
    assert_int_equal(self->misuses, 1);
    assert_int_equal(self->misuse.kind, MW_MISUSE_HANDLE);
    assert_string_equal(self->misuse.where, here);
    assert_true(mw_ref_is_none(mw_heap_get(self->heap, pair, 0)));
    assert_int_equal(number_at(self, pair, 1), 5);
    assert_true(mw_ref_is_none(mw_heap_new_pair(self->heap, self->refs, pair, pair)));
    assert_int_equal(self->misuses, 2);
    assert_int_equal(self->misuse.kind, MW_MISUSE_TYPE);
    mw_scope_close(&scope);
}

/* One that has no second reference. */
static void a_pair_has_two_references(void **state)
{
    static const struct mw_heap_field only[] = {{"only", 0}};
    const struct mw_heap_type_info info = {"Single", MW_KIND_FIXED, 2, only, 1, NULL};
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    struct mw_scope scope = mw_scope_open(self->heap);
    const struct mw_heap_type *type;
    struct mw_ref node, pair;

    assert_int_equal(mw_heap_add_type(self->heap, &info, &type), 0);
    node = mw_heap_new(self->heap, self->node);
    pair = mw_heap_new_pair(self->heap, type, node, node);
    assert_int_equal(self->misuses, 1);
    assert_int_equal(self->misuse.kind, MW_MISUSE_TYPE);
    assert_true(mw_heap_same(self->heap, mw_heap_get(self->heap, pair, 0), node));
    assert_int_equal(mw_heap_get_word(self->heap, pair, 1), 0);
    mw_scope_close(&scope);
}

/* ---- where there is no room ---- */

static void a_scope_is_closed_without_memory(void **state)
{
    struct fixture *self = create(state, 0, mw_heap_limit_min(MIB / 4) + MIB);
    struct mw_scope scope = mw_scope_open(self->heap);
    struct mw_ref list = mw_heap_new(self->heap, self->node), last = list;
    size_t turns = 0;

    while (!mw_ref_is_none(last)) {
        struct mw_scope turn = mw_scope_open(self->heap);

        last = mw_scope_escape_pair(&turn, self->node, list, mw_ref_none());
        if (!mw_ref_is_none(last))
            mw_heap_assign(self->heap, list, last);
        turns += !mw_ref_is_none(last);
    }
    assert_int_equal(mw_heap_error(self->heap), -ENOMEM);
    assert_int_equal(numbers_of(self).handles, 1 + turns);
    expect_sound(self->heap, "without memory");
    mw_scope_close(&scope);
}

/* Who leaves with nothing is told why there is nothing, also where a scope inside was forgotten;
 * and of that only in a checked heap. */
static void leave_with_nothing(void **state, unsigned modes, bool with_pair)
{
    struct fixture *self = create(state, modes, mw_heap_limit_min(MIB / 4) + MIB);
    struct mw_scope outer = mw_scope_open(self->heap), scope;
    struct mw_ref list = mw_heap_new_array(self->heap, self->refs, 1, MW_PLACE_OLD), none;

    while (!mw_ref_is_none(mw_heap_new(self->heap, self->node)))
        ;
    scope = mw_scope_open(self->heap);
    mw_scope_open(self->heap);
    none = with_pair ? mw_scope_escape_pair(&scope, self->node, list, list)
                     : mw_scope_escape(&scope, mw_heap_new(self->heap, self->node));
    assert_true(mw_ref_is_none(none));
    assert_int_equal(mw_heap_error(self->heap), -ENOMEM);
    assert_int_equal(self->misuses, modes & MW_HEAP_CHECKED ? 1 : 0);
    mw_scope_close(&outer);
    assert_int_equal(self->misuses, modes & MW_HEAP_CHECKED ? 1 : 0);
    destroy(self);
    *state = NULL;
}

static void who_leaves_with_nothing_is_told_why(void **state)
{
    leave_with_nothing(state, 0, true);
    leave_with_nothing(state, 0, false);
    leave_with_nothing(state, MW_HEAP_CHECKED, true);
    leave_with_nothing(state, MW_HEAP_CHECKED, false);
}

static void a_pair_needs_a_handle(unsigned modes)
{
    struct fixture self = {0};
    struct mw_heap_config config = config_of(&self, modes, 8 * MIB);
    struct mw_ref last = {0};
    struct mw_scope scope;

    config.handles = 10;
    assert_int_equal(mw_heap_create(&config, &self.heap), 0);
    add_types(&self);
    for (int i = 0; i < 10; i++)
        last = mw_heap_new(self.heap, self.node);
    assert_true(mw_ref_is_none(mw_heap_new_pair(self.heap, self.node, last, last)));
    assert_int_equal(mw_heap_error(self.heap), -EOVERFLOW);
    scope = mw_scope_open(self.heap);
    assert_true(mw_ref_is_none(mw_scope_escape_pair(&scope, self.node, last, last)));
    assert_int_equal(mw_heap_error(self.heap), -EOVERFLOW);
    assert_int_equal(numbers_of(&self).handles, 10);
    mw_scope_close(&scope); /* it is, and that does nothing */
    assert_int_equal(self.misuses, 0);
    mw_heap_destroy(self.heap);
}

static void a_pair_over_the_bound_is_none(void **state)
{
    (void)state;
    a_pair_needs_a_handle(0);
    a_pair_needs_a_handle(MW_HEAP_CHECKED);
}

/* ---- scopes that are none ---- */

static void nothing_leaves_a_closed_scope(void **state)
{
    static const unsigned modes[] = {0, MW_HEAP_CHECKED};

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct fixture *self = create(state, modes[i], 8 * MIB);
        struct mw_scope outer = mw_scope_open(self->heap), inner = mw_scope_open(self->heap);
        struct mw_ref node;

        mw_scope_close(&inner);
        node = mw_heap_new(self->heap, self->node);
        assert_true(mw_ref_is_none(mw_scope_escape_pair(&inner, self->node, node, node)));
        assert_int_equal(self->misuses, 1);
        assert_int_equal(self->misuse.kind, MW_MISUSE_SCOPE);
        assert_int_equal(mw_heap_error(self->heap), -EPERM);
        assert_int_equal(numbers_of(self).handles, 1); /* and nothing was made that stays */
        mw_scope_close(&outer);
        assert_int_equal(self->misuses, 1);
        assert_int_equal(numbers_of(self).handles, 0);
        destroy(self);
        *state = NULL;
    }
}

/* Its record is one of another scope by now; what that one holds stays, and nothing of old. */
static void nothing_leaves_a_stale_scope(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_scope outer = mw_scope_open(self->heap), stale, others[2];
    struct mw_ref node;

    for (int i = 0; i < 100; i++)
        mw_heap_new(self->heap, self->node);
    stale = mw_scope_open(self->heap);
    mw_scope_close(&outer);
    for (int i = 0; i < 2; i++)
        others[i] = mw_scope_open(self->heap);
    node = numbered(self, 3);
    self->misuses = 0;
    assert_true(mw_ref_is_none(mw_scope_escape_pair(&stale, self->node, node, node)));
    assert_int_equal(self->misuses, 1);
    assert_int_equal(self->misuse.kind, MW_MISUSE_SCOPE);
    assert_int_equal(numbers_of(self).handles, 1);
    assert_int_equal(mw_heap_get_word(self->heap, node, 2), 3);
    mw_scope_close(&others[1]);
    mw_scope_close(&others[0]);
    assert_int_equal(self->misuses, 1);
}

static void a_refused_scope_is_the_one_around(unsigned modes)
{
    struct fixture self = {0};
    struct mw_heap_config config = config_of(&self, modes, 8 * MIB);
    struct mw_scope first, refused;
    struct mw_ref pair;

    config.scopes = 1;
    assert_int_equal(mw_heap_create(&config, &self.heap), 0);
    add_types(&self);
    first = mw_scope_open(self.heap);
    refused = mw_scope_open(self.heap);
    self.misuses = 0;
    pair = mw_scope_escape_pair(&refused, self.node, numbered(&self, 1), numbered(&self, 2));
    mw_heap_collect(self.heap, MW_COLLECT_MINOR);
    assert_int_equal(numbers_of(&self).handles, 3);
    assert_ptr_equal(mw_heap_type_of(self.heap, pair), self.node);
    pair = mw_heap_get(self.heap, pair, 1);
    assert_int_equal(mw_heap_get_word(self.heap, pair, 2), 2);
    mw_scope_close(&first);
    assert_int_equal(numbers_of(&self).handles, 0);
    assert_int_equal(self.misuses, 0);
    mw_heap_destroy(self.heap);
}

static void what_leaves_a_refused_scope_is_kept(void **state)
{
    (void)state;
    a_refused_scope_is_the_one_around(0);
    a_refused_scope_is_the_one_around(MW_HEAP_CHECKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_pair_has_its_references, teardown),
        cmocka_unit_test_teardown(a_pair_leaves_its_scope, teardown),
        cmocka_unit_test_teardown(a_pair_may_be_born_old, teardown),
        cmocka_unit_test_teardown(what_is_no_reference_stays_nothing, teardown),
        cmocka_unit_test_teardown(a_pair_has_two_references, teardown),
        cmocka_unit_test_teardown(a_scope_is_closed_without_memory, teardown),
        cmocka_unit_test_teardown(who_leaves_with_nothing_is_told_why, teardown),
        cmocka_unit_test(a_pair_over_the_bound_is_none),
        cmocka_unit_test_teardown(nothing_leaves_a_closed_scope, teardown),
        cmocka_unit_test_teardown(nothing_leaves_a_stale_scope, teardown),
        cmocka_unit_test(what_leaves_a_refused_scope_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
