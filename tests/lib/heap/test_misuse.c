/* A checked heap sees misuse, says where, and does not do what was asked. */
#include "fixture.h"

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

static void expect_misuse(struct fixture *self, enum mw_heap_misuse_kind kind, int line)
{
    char where[sizeof(__FILE__) + 16];

    assert_int_equal(self->misuses, 1);
    assert_int_equal(self->misuse.kind, kind);
    snprintf(where, sizeof(where), "%s:%d", __FILE__, line);
    assert_string_equal(self->misuse.where, where);
    self->misuses = 0;
}

/* By a call that is no macro, and has its name for a place. */
static void expect_misuse_of(struct fixture *self, enum mw_heap_misuse_kind kind, const char *call)
{
    assert_int_equal(self->misuses, 1);
    assert_int_equal(self->misuse.kind, kind);
    assert_string_equal(self->misuse.where, call);
    self->misuses = 0;
}

static void a_handle_after_its_scope_is_seen(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    struct mw_ref stale;

    {
        MW_SCOPE(scope, self->heap);

        stale = mw_heap_new(self->heap, self->node);
    }
    mw_heap_get(self->heap, stale, 0);
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    {
        MW_SCOPE(scope, self->heap);
        struct mw_ref other = mw_heap_new(self->heap, self->node); /* in the same slot */

        mw_heap_set(self->heap, other, 0, stale);
        expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
        assert_true(mw_ref_is_none(mw_heap_get(self->heap, other, 0)));
    }
}

/* Each call that takes a handle, with its own place. */
static void every_call_names_its_line(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    struct mw_heap *heap = self->heap;
    struct mw_global *global = NULL, *kept = NULL;
    MW_SCOPE(scope, heap);
    struct mw_ref refs = mw_heap_new_array(heap, self->refs, 3, MW_PLACE_YOUNG), stale;

    {
        MW_SCOPE(inner, heap);

        stale = mw_heap_new(heap, self->node);
    }
    mw_heap_length(heap, stale);
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    mw_heap_type_of(heap, stale);
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    assert_false(mw_heap_same(heap, refs, stale));
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    assert_false(mw_heap_same(heap, mw_ref_none(), stale)); /* it is not none */
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    assert_false(mw_heap_same(heap, stale, mw_ref_none()));
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    mw_heap_dup(heap, stale);
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    mw_heap_assign(heap, refs, stale);
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    assert_int_equal(mw_heap_copy(heap, refs, 0, stale, 0, 1), -EPERM);
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    assert_int_equal(mw_heap_attach_external(heap, stale, 1, NULL, NULL), -EPERM);
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    assert_int_equal(mw_global_create(heap, stale, false, &global), -EPERM);
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    assert_null(global);
    assert_int_equal(mw_global_create(heap, refs, false, &kept), 0);
    mw_global_set(heap, kept, stale);
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
    assert_true(mw_heap_same(heap, mw_global_get(heap, kept), refs));
}

static void the_wrong_type_is_seen(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref node = mw_heap_new(self->heap, self->node);

    mw_heap_set(self->heap, node, 2, node); /* a word, not a reference */
    expect_misuse(self, MW_MISUSE_TYPE, __LINE__ - 1);
    mw_heap_set_word(self->heap, node, 1, 7);
    expect_misuse(self, MW_MISUSE_TYPE, __LINE__ - 1);
    mw_heap_set_word(self->heap, node, 2, 7);
    assert_int_equal(mw_heap_get_word(self->heap, node, 2), 7);
    mw_heap_get(self->heap, node, 3);
    expect_misuse(self, MW_MISUSE_TYPE, __LINE__ - 1);
    mw_heap_new(self->heap, self->refs);
    expect_misuse(self, MW_MISUSE_TYPE, __LINE__ - 1);
    mw_heap_new_in(self->heap, self->refs, MW_PLACE_OLD);
    expect_misuse(self, MW_MISUSE_TYPE, __LINE__ - 1);
    mw_heap_new_array(self->heap, self->node, 3, MW_PLACE_YOUNG);
    expect_misuse(self, MW_MISUSE_TYPE, __LINE__ - 1);
    assert_int_equal(mw_heap_copy(self->heap, node, 0, node, 1, 1), -EINVAL);
    expect_misuse(self, MW_MISUSE_TYPE, __LINE__ - 1);
    mw_heap_get(self->heap, mw_ref_none(), 0);
    expect_misuse(self, MW_MISUSE_HANDLE, __LINE__ - 1);
}

static void another_heap_is_seen(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    void *other_state = NULL;
    struct fixture *other = create(&other_state, MW_HEAP_CHECKED, 8 * MIB);
    struct mw_global *global = NULL;
    MW_SCOPE(scope, self->heap);
    MW_SCOPE(other_scope, other->heap);
    struct mw_ref node = mw_heap_new(self->heap, self->node);
    struct mw_ref foreign = mw_heap_new(other->heap, other->node);

    mw_heap_set(self->heap, node, 0, foreign);
    expect_misuse(self, MW_MISUSE_HEAP, __LINE__ - 1);
    assert_true(mw_ref_is_none(mw_heap_new(self->heap, other->node)));
    expect_misuse(self, MW_MISUSE_HEAP, __LINE__ - 1);
    assert_int_equal(mw_global_create(other->heap, foreign, false, &global), 0);
    mw_global_set(self->heap, global, node);
    expect_misuse(self, MW_MISUSE_HEAP, __LINE__ - 1);
    assert_true(mw_ref_is_none(mw_global_get(self->heap, global)));
    expect_misuse(self, MW_MISUSE_HEAP, __LINE__ - 1);
    mw_global_destroy(self->heap, global);
    expect_misuse(self, MW_MISUSE_HEAP, __LINE__ - 6); /* where it was created */
    assert_true(mw_heap_same(other->heap, mw_global_get(other->heap, global), foreign));
    mw_scope_close(&other_scope);
    mw_scope_close(&scope);
    destroy(other);
}

static void raw_pointers_over_an_allocation_are_seen(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref node = mw_heap_new(self->heap, self->node);

    mw_heap_raw_enter(self->heap);
    assert_non_null(mw_heap_raw(self->heap, node));
    assert_true(mw_ref_is_none(mw_heap_new(self->heap, self->node)));
    expect_misuse(self, MW_MISUSE_RAW, __LINE__ - 1);
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    expect_misuse(self, MW_MISUSE_RAW, __LINE__ - 1);
    mw_heap_raw_leave(self->heap);
    assert_null(mw_heap_raw(self->heap, node));
    expect_misuse(self, MW_MISUSE_RAW, __LINE__ - 1);
}

/* Of a region too many nothing is left over: the next allocation is none inside one. */
static void a_region_that_is_not_open_is_not_left(void **state)
{
    static const unsigned modes[] = {0, MW_HEAP_CHECKED, MW_HEAP_GUARD};

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct fixture *self = create(state, modes[i], 8 * MIB);
        struct mw_scope scope = mw_scope_open(self->heap);

        mw_heap_raw_enter(self->heap);
        mw_heap_raw_leave(self->heap);
        mw_heap_raw_leave(self->heap);
        expect_misuse(self, MW_MISUSE_RAW, __LINE__ - 1);
        assert_false(mw_ref_is_none(mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD)));
        mw_scope_close(&scope);
        destroy(self);
        *state = NULL;
    }
}

static void scopes_out_of_order_are_seen(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    struct mw_scope outer = mw_scope_open(self->heap);
    int line = __LINE__ - 1;
    struct mw_scope inner = mw_scope_open(self->heap);
    int inner_line = __LINE__ - 1;

    mw_scope_close(&outer);
    expect_misuse(self, MW_MISUSE_SCOPE, line);
    mw_scope_close(&inner);
    expect_misuse(self, MW_MISUSE_SCOPE, inner_line);
    mw_scope_close(&inner); /* closed already: nothing */
    assert_int_equal(self->misuses, 0);
}

/* In an ordinary heap, too, what the outer one gave up does not come back. */
static void a_scope_closed_with_its_outer_one_is_seen(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_scope outer = mw_scope_open(self->heap), inner, last;
    int line, last_line;

    mw_heap_new(self->heap, self->node);
    inner = mw_scope_open(self->heap);
    line = __LINE__ - 1;
    mw_heap_new(self->heap, self->node);
    last = mw_scope_open(self->heap);
    last_line = __LINE__ - 1;
    mw_heap_new(self->heap, self->node);
    mw_scope_close(&outer);
    assert_int_equal(self->misuses, 0); /* it closes those inside it */
    mw_scope_close(&inner);
    expect_misuse(self, MW_MISUSE_SCOPE, line);
    mw_scope_close(&last);
    expect_misuse(self, MW_MISUSE_SCOPE, last_line);
    assert_int_equal(numbers_of(self).handles, 0);
}

static void nothing_escapes_from_a_closed_scope(void **state)
{
    static const unsigned modes[] = {0, MW_HEAP_CHECKED};

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct fixture *self = create(state, modes[i], 8 * MIB);
        struct mw_scope outer = mw_scope_open(self->heap);
        struct mw_ref node = mw_heap_new(self->heap, self->node);
        struct mw_scope inner = mw_scope_open(self->heap);

        assert_false(mw_ref_is_none(mw_scope_escape(&inner, node)));
        assert_true(mw_ref_is_none(mw_scope_escape(&inner, node)));
        expect_misuse(self, MW_MISUSE_SCOPE, __LINE__ - 1);
        assert_int_equal(mw_heap_error(self->heap), -EPERM);
        mw_scope_close(&outer);
        destroy(self);
        *state = NULL;
    }
}

struct elsewhere {
    struct fixture *self;
    struct mw_ref node;
    struct mw_global *global;
};

static void not_called(void *context, const struct mw_heap_type *type, size_t bytes)
{
    (void)context;
    fail_msg("%zu bytes of a %s were shown to another thread", bytes, type->name);
}

/* Each is refused and reported with its line. */
static void *call_elsewhere(void *context)
{
    struct elsewhere *elsewhere = context;
    struct fixture *self = elsewhere->self;
    const struct mw_heap_type_info info = {"Late", MW_KIND_BYTES, 0, NULL, 0, NULL};
    const struct mw_heap_type *type = NULL;
    struct mw_global *unmade = NULL;
    struct mw_scope scope;

    assert_true(mw_ref_is_none(mw_heap_new(self->heap, self->node)));
    expect_misuse(self, MW_MISUSE_THREAD, __LINE__ - 1);
    assert_true(mw_ref_is_none(mw_heap_new_array(self->heap, self->refs, 3, MW_PLACE_OLD)));
    expect_misuse(self, MW_MISUSE_THREAD, __LINE__ - 1);
    mw_heap_set_word(self->heap, elsewhere->node, 2, 1);
    expect_misuse(self, MW_MISUSE_THREAD, __LINE__ - 1);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    expect_misuse(self, MW_MISUSE_THREAD, __LINE__ - 1);
    mw_global_get(self->heap, elsewhere->global);
    expect_misuse(self, MW_MISUSE_THREAD, __LINE__ - 1);
    assert_int_equal(mw_global_create(self->heap, mw_ref_none(), false, &unmade), -EPERM);
    expect_misuse(self, MW_MISUSE_THREAD, __LINE__ - 1);
    scope = mw_scope_open(self->heap);
    expect_misuse(self, MW_MISUSE_THREAD, __LINE__ - 1);
    mw_scope_close(&scope);
    assert_int_equal(self->misuses, 0); /* it is none */
    mw_heap_raw_enter(self->heap);
    expect_misuse(self, MW_MISUSE_THREAD, __LINE__ - 1);
    mw_heap_raw_leave(self->heap);
    expect_misuse(self, MW_MISUSE_THREAD, __LINE__ - 1);
    assert_false(mw_heap_step(self->heap, 1000));
    expect_misuse_of(self, MW_MISUSE_THREAD, "mw_heap_step");
    assert_false(mw_heap_snapshot_step(self->heap, 1000));
    expect_misuse_of(self, MW_MISUSE_THREAD, "mw_heap_snapshot_step");
    assert_int_equal(mw_heap_snapshot_write(self->heap, -1, NULL), -EPERM);
    expect_misuse_of(self, MW_MISUSE_THREAD, "mw_heap_snapshot_*");
    assert_int_equal(mw_heap_add_type(self->heap, &info, &type), -EPERM);
    expect_misuse_of(self, MW_MISUSE_THREAD, "mw_heap_add_type");
    mw_heap_walk(self->heap, not_called, NULL);
    expect_misuse_of(self, MW_MISUSE_THREAD, "mw_heap_walk");
    return NULL;
}

static void a_second_thread_is_seen(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    struct elsewhere elsewhere = {self, {0}, NULL};
    MW_SCOPE(scope, self->heap);
    pthread_t thread;

    elsewhere.node = mw_heap_new(self->heap, self->node);
    assert_int_equal(mw_global_create(self->heap, elsewhere.node, false, &elsewhere.global), 0);
    assert_int_equal(pthread_create(&thread, NULL, call_elsewhere, &elsewhere), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(mw_heap_get_word(self->heap, elsewhere.node, 2), 0);
}

static void *new_array_elsewhere(void *context)
{
    struct fixture *self = context;

    assert_true(mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, 10, MW_PLACE_YOUNG)));
    expect_misuse(self, MW_MISUSE_THREAD, __LINE__ - 1);
    return NULL;
}

/* Though their memory stands ready. */
static void arrays_are_guarded_in_ordinary_heaps(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    pthread_t thread;

    mw_heap_new_array(self->heap, self->bytes, 10, MW_PLACE_YOUNG);
    mw_heap_raw_enter(self->heap);
    assert_true(mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, 10, MW_PLACE_YOUNG)));
    expect_misuse(self, MW_MISUSE_RAW, __LINE__ - 1);
    mw_heap_raw_leave(self->heap);
    assert_int_equal(pthread_create(&thread, NULL, new_array_elsewhere, self), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void leave(struct fixture *self, jmp_buf out)
{
    MW_SCOPE(scope, self->heap);
    MW_SCOPE(inner, self->heap);

    mw_heap_new(self->heap, self->node);
    longjmp(out, 1);
}

/* Without a scope of its own, which the jump might clobber. */
static void jump(struct fixture *self)
{
    jmp_buf out;

    if (setjmp(out) == 0)
        leave(self, out);
}

static void scopes_left_by_a_jump_can_be_unwound(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    struct mw_scope scope = mw_scope_open(self->heap);
    struct mw_ref kept = mw_heap_new(self->heap, self->node);
    size_t handles = numbers_of(self).handles;

    jump(self);
    assert_int_equal(numbers_of(self).handles, handles + 1);
    mw_scope_unwind(&scope);
    assert_int_equal(numbers_of(self).handles, handles);
    mw_scope_unwind(&scope); /* nothing inside: nothing */
    assert_ptr_equal(mw_heap_type_of(self->heap, kept), self->node);
    mw_scope_close(&scope);
    mw_scope_unwind(&scope);
    assert_int_equal(self->misuses, 0);
    assert_int_equal(numbers_of(self).handles, 0);
}

static void handles_and_scopes_have_bounds(void **state)
{
    struct fixture self = {0};
    struct mw_heap_config config = config_of(&self, 0, 8 * MIB);
    struct mw_scope scopes[3];

    (void)state;
    config.handles = 100;
    config.scopes = 2;
    assert_int_equal(mw_heap_create(&config, &self.heap), 0);
    add_types(&self);
    for (int i = 0; i < 3; i++)
        scopes[i] = mw_scope_open(self.heap);
    assert_int_equal(self.misuses, 1);
    assert_int_equal(self.misuse.kind, MW_MISUSE_SCOPE);
    for (int i = 0; i < 100; i++)
        assert_false(mw_ref_is_none(mw_heap_new(self.heap, self.node)));
    assert_true(mw_ref_is_none(mw_heap_new(self.heap, self.node)));
    assert_int_equal(mw_heap_error(self.heap), -EOVERFLOW);
    for (int i = 3; i-- > 0;)
        mw_scope_close(&scopes[i]);
    assert_false(mw_ref_is_none(mw_heap_new(self.heap, self.node)));
    mw_heap_destroy(self.heap);
}

/* A scope too many is none: what is to leave it is where it shall go already. */
static void escape_from_a_refused_scope(unsigned modes)
{
    struct fixture self = {0};
    struct mw_heap_config config = config_of(&self, modes, 8 * MIB);
    struct mw_scope first, refused;
    struct mw_ref node;

    config.scopes = 1;
    assert_int_equal(mw_heap_create(&config, &self.heap), 0);
    add_types(&self);
    first = mw_scope_open(self.heap);
    refused = mw_scope_open(self.heap);
    expect_misuse(&self, MW_MISUSE_SCOPE, __LINE__ - 1);
    node = mw_scope_escape(&refused, mw_heap_new(self.heap, self.node));
    mw_scope_close(&refused);
    mw_heap_collect(self.heap, MW_COLLECT_MINOR);
    assert_ptr_equal(mw_heap_type_of(self.heap, node), self.node);
    assert_int_equal(numbers_of(&self).handles, 1);
    mw_scope_close(&first);
    assert_int_equal(numbers_of(&self).handles, 0);
    assert_int_equal(self.misuses, 0);
    mw_heap_destroy(self.heap);
}

static void what_escapes_from_a_refused_scope_is_kept(void **state)
{
    (void)state;
    escape_from_a_refused_scope(0);
    escape_from_a_refused_scope(MW_HEAP_CHECKED);
}

/* A scope that was closed with one around it has nothing to say about those that were opened since:
 * what they gave up long ago does not come back. */
static void close_or_leave_late(unsigned modes, bool leave)
{
    struct fixture self = {0};
    struct mw_heap_config config = config_of(&self, modes, 8 * MIB);
    struct mw_scope outer, late, others[2];
    struct mw_ref last;

    assert_int_equal(mw_heap_create(&config, &self.heap), 0);
    add_types(&self);
    outer = mw_scope_open(self.heap);
    for (int i = 0; i < 100; i++)
        mw_heap_new(self.heap, self.node);
    late = mw_scope_open(self.heap);
    mw_heap_new(self.heap, self.node);
    mw_scope_close(&outer);
    self.misuses = 0;
    mw_heap_collect(self.heap, MW_COLLECT_MAJOR);
    others[0] = mw_scope_open(self.heap);
    others[1] = mw_scope_open(self.heap);
    last = mw_heap_new(self.heap, self.node);
    if (leave)
        assert_true(mw_ref_is_none(mw_scope_escape(&late, last)));
    else
        mw_scope_close(&late);
    assert_int_equal(self.misuses, 1);
    assert_int_equal(self.misuse.kind, MW_MISUSE_SCOPE);
    assert_int_equal(numbers_of(&self).handles, 1);
    expect_sound(self.heap, "after a scope that was closed late");
    mw_scope_close(&others[1]);
    mw_scope_close(&others[0]);
    assert_int_equal(self.misuses, 1);
    mw_heap_destroy(self.heap);
}

static void a_stale_scope_brings_nothing_back(void **state)
{
    (void)state;
    for (int leave = 0; leave < 2; leave++) {
        close_or_leave_late(0, leave);
        close_or_leave_late(MW_HEAP_CHECKED, leave);
    }
}

static void a_stale_scope_unwinds_nothing(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_scope outer = mw_scope_open(self->heap);
    struct mw_ref node = mw_heap_new(self->heap, self->node);
    struct mw_scope stale = mw_scope_open(self->heap), again, other;

    (void)node;
    mw_scope_close(&outer);
    again = mw_scope_open(self->heap);
    other = mw_scope_open(self->heap);
    mw_scope_unwind(&stale);
    assert_int_equal(self->misuses, 1);
    assert_int_equal(self->misuse.kind, MW_MISUSE_SCOPE);
    mw_heap_new(self->heap, self->node);
    assert_int_equal(numbers_of(self).handles, 1);
    mw_scope_close(&other);
    mw_scope_close(&again);
    assert_int_equal(self->misuses, 1);
}

/* A scope that was opened when all handles were taken has no room for what it carries out. */
static void nothing_escapes_over_the_bound(void **state)
{
    struct fixture self = {0};
    struct mw_heap_config config = config_of(&self, 0, 8 * MIB);
    struct mw_ref last = {0};
    struct mw_scope scope;

    (void)state;
    config.handles = 10;
    assert_int_equal(mw_heap_create(&config, &self.heap), 0);
    add_types(&self);
    for (int i = 0; i < 10; i++)
        last = mw_heap_new(self.heap, self.node);
    scope = mw_scope_open(self.heap);
    assert_true(mw_ref_is_none(mw_scope_escape(&scope, last)));
    assert_int_equal(mw_heap_error(self.heap), -EOVERFLOW);
    assert_int_equal(numbers_of(&self).handles, 10);
    mw_heap_destroy(self.heap);
}

/* A reference to nothing and one for which no handle is left both give none, and are told apart. */
static void nothing_is_not_too_many_handles(unsigned modes)
{
    struct fixture self = {0};
    struct mw_heap_config config = config_of(&self, modes, 8 * MIB);
    struct mw_global *global;
    struct mw_ref node;

    config.handles = 10;
    assert_int_equal(mw_heap_create(&config, &self.heap), 0);
    add_types(&self);
    node = mw_heap_new(self.heap, self.node);
    mw_heap_set(self.heap, node, 0, node);
    assert_int_equal(mw_global_create(self.heap, node, false, &global), 0);
    for (int i = 1; i < 10; i++)
        assert_false(mw_ref_is_none(mw_heap_get(self.heap, node, 0)));
    assert_true(mw_ref_is_none(mw_heap_get(self.heap, node, 0)));
    assert_int_equal(mw_heap_error(self.heap), -EOVERFLOW);
    assert_true(mw_ref_is_none(mw_heap_get(self.heap, node, 1)));
    assert_int_equal(mw_heap_error(self.heap), 0);
    assert_true(mw_ref_is_none(mw_global_get(self.heap, global)));
    assert_int_equal(mw_heap_error(self.heap), -EOVERFLOW);
    mw_global_set(self.heap, global, mw_ref_none());
    assert_true(mw_ref_is_none(mw_global_get(self.heap, global)));
    assert_int_equal(mw_heap_error(self.heap), 0);
    assert_int_equal(self.misuses, 0);
    mw_heap_destroy(self.heap);
}

static void nothing_is_not_too_many_handles_in_any_mode(void **state)
{
    (void)state;
    nothing_is_not_too_many_handles(0);
    nothing_is_not_too_many_handles(MW_HEAP_CHECKED);
    nothing_is_not_too_many_handles(MW_HEAP_GUARD);
}

static void a_collection_that_is_not_one_is_seen(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);

    mw_heap_collect(self->heap, (enum mw_heap_work)3);
    expect_misuse(self, MW_MISUSE_TYPE, __LINE__ - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_handle_after_its_scope_is_seen, teardown),
        cmocka_unit_test_teardown(every_call_names_its_line, teardown),
        cmocka_unit_test_teardown(the_wrong_type_is_seen, teardown),
        cmocka_unit_test_teardown(another_heap_is_seen, teardown),
        cmocka_unit_test_teardown(raw_pointers_over_an_allocation_are_seen, teardown),
        cmocka_unit_test_teardown(scopes_out_of_order_are_seen, teardown),
        cmocka_unit_test_teardown(a_region_that_is_not_open_is_not_left, teardown),
        cmocka_unit_test_teardown(a_scope_closed_with_its_outer_one_is_seen, teardown),
        cmocka_unit_test_teardown(nothing_escapes_from_a_closed_scope, teardown),
        cmocka_unit_test_teardown(scopes_left_by_a_jump_can_be_unwound, teardown),
        cmocka_unit_test(a_stale_scope_brings_nothing_back),
        cmocka_unit_test_teardown(a_stale_scope_unwinds_nothing, teardown),
        cmocka_unit_test_teardown(a_second_thread_is_seen, teardown),
        cmocka_unit_test_teardown(arrays_are_guarded_in_ordinary_heaps, teardown),
        cmocka_unit_test_teardown(handles_and_scopes_have_bounds, teardown),
        cmocka_unit_test(what_escapes_from_a_refused_scope_is_kept),
        cmocka_unit_test(nothing_escapes_over_the_bound),
        cmocka_unit_test(nothing_is_not_too_many_handles_in_any_mode),
        cmocka_unit_test_teardown(a_collection_that_is_not_one_is_seen, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
