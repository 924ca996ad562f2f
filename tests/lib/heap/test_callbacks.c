/* Callbacks do not change the heap that called them, whatever they are called for: what they ask
 * for is refused and reported. Only the near-limit callback may. */
#include "fixture.h"

#include "heap/heap_internal.h"
#include "heap/snapshot.h"

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { KIND_COUNT = 16 };

struct caller {
    struct fixture fixture; /* its callbacks are given this */
    void (*call)(struct caller *self);
    struct mw_ref node; /* refers to nothing */
    unsigned called, refused;
    unsigned kinds[KIND_COUNT]; /* of misuse, as reported */
};

static void on_misuse(void *context, const struct mw_heap_misuse *misuse)
{
    struct caller *self = context;

    self->kinds[misuse->kind]++;
}

static void call_back(struct caller *self)
{
    unsigned before = self->kinds[MW_MISUSE_CALLBACK];

    self->called++;
    self->call(self);
    self->refused += self->kinds[MW_MISUSE_CALLBACK] - before;
}

/* ---- what they try ---- */

static void try_to_allocate(struct caller *self)
{
    assert_true(
        mw_ref_is_none(mw_heap_new_in(self->fixture.heap, self->fixture.node, MW_PLACE_OLD)));
    assert_int_equal(mw_heap_error(self->fixture.heap), -EPERM);
}

static void try_to_allocate_young(struct caller *self)
{
    assert_true(mw_ref_is_none(mw_heap_new(self->fixture.heap, self->fixture.node)));
}

static void try_to_collect(struct caller *self)
{
    mw_heap_collect(self->fixture.heap, MW_COLLECT_MAJOR);
}

static void try_to_attach(struct caller *self)
{
    assert_int_equal(mw_heap_attach_external(self->fixture.heap, mw_ref_none(), 1, NULL, NULL),
                     -EPERM);
}

static void try_to_destroy(struct caller *self)
{
    assert_ptr_equal(mw_heap_destroy(self->fixture.heap), self->fixture.heap);
}

static void (*const attempts[])(struct caller *self) = {
    try_to_allocate, try_to_allocate_young, try_to_collect, try_to_attach, try_to_destroy,
};

enum { ATTEMPTS = sizeof(attempts) / sizeof(attempts[0]) };

/* ---- the callbacks ---- */

static void when_collected(void *context, const struct mw_heap_collection *collection)
{
    (void)collection;
    call_back(context);
}

static void when_released(void *data)
{
    call_back(data);
}

static void when_walked(void *context, const struct mw_heap_type *type, size_t bytes)
{
    (void)type;
    (void)bytes;
    call_back(context);
}

/* A tracer has no context but the payload. */
static void when_traced(const struct mw_heap_visitor *visitor, uint64_t *payload)
{
    visitor->visit(visitor->context, (uintptr_t *)&payload[1]);
    if (payload[0] != 0)
        call_back((struct caller *)(uintptr_t)payload[0]);
}

static void collect_and_be_told(struct caller *self)
{
    self->fixture.heap->config.collected = when_collected;
    mw_heap_collect(self->fixture.heap, MW_COLLECT_MINOR);
    self->fixture.heap->config.collected = NULL;
}

static struct mw_ref attach(struct caller *self)
{
    struct mw_ref node = mw_heap_new(self->fixture.heap, self->fixture.node);

    assert_int_equal(mw_heap_attach_external(self->fixture.heap, node, 1, when_released, self), 0);
    return node;
}

static void let_die(struct caller *self)
{
    {
        MW_SCOPE(scope, self->fixture.heap);

        attach(self);
    }
    mw_heap_collect(self->fixture.heap, MW_COLLECT_MINOR);
}

/* Two, as the list is gone through while the first is told. */
static void release_by_hand(struct caller *self)
{
    MW_SCOPE(scope, self->fixture.heap);
    struct mw_ref node = attach(self);

    assert_int_equal(mw_heap_attach_external(self->fixture.heap, node, 1, when_released, self), 0);
    assert_int_equal(mw_heap_release_external(self->fixture.heap, node), 2);
}

static void walk(struct caller *self)
{
    MW_SCOPE(scope, self->fixture.heap);

    mw_heap_new(self->fixture.heap, self->fixture.node);
    mw_heap_walk(self->fixture.heap, when_walked, self);
}

/* An object that is traced; its first word says by whom. */
static struct mw_ref make_traced(struct caller *self, enum mw_heap_place place)
{
    static const struct mw_heap_type_info info = {"Traced", MW_KIND_CUSTOM, 2, NULL,
                                                  0,        when_traced};
    const struct mw_heap_type *type = NULL;
    struct mw_ref traced;

    assert_int_equal(mw_heap_add_type(self->fixture.heap, &info, &type), 0);
    traced = mw_heap_new_in(self->fixture.heap, type, place);
    mw_heap_raw_enter(self->fixture.heap);
    *(uint64_t *)mw_heap_raw(self->fixture.heap, traced) = (uintptr_t)self;
    mw_heap_raw_leave(self->fixture.heap);
    return traced;
}

static void mark_in_slices(struct caller *self)
{
    MW_SCOPE(scope, self->fixture.heap);

    make_traced(self, MW_PLACE_OLD);
    while (mw_heap_snapshot_step(self->fixture.heap, 0) && self->called == 0)
        ;
}

/* Young ones are looked at between slices. */
static void mark_between_slices(struct caller *self)
{
    MW_SCOPE(scope, self->fixture.heap);

    make_traced(self, MW_PLACE_YOUNG);
    while (mw_heap_snapshot_step(self->fixture.heap, 0))
        ;
}

static void verify(struct caller *self)
{
    MW_SCOPE(scope, self->fixture.heap);

    make_traced(self, MW_PLACE_OLD);
    expect_sound(self->fixture.heap, "a tracer that calls");
}

static void ask_for_sites(struct caller *self)
{
    MW_SCOPE(scope, self->fixture.heap);
    struct mw_heap_site row;
    size_t count = 0;

    make_traced(self, MW_PLACE_OLD);
    assert_int_equal(mw_heap_get_sites(self->fixture.heap, &row, 1, &count), 0);
}

static void write_a_snapshot(struct caller *self)
{
    MW_SCOPE(scope, self->fixture.heap);
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    make_traced(self, MW_PLACE_OLD);
    assert_int_equal(mw_heap_snapshot_write(self->fixture.heap, fd, NULL), 0);
    close(fd);
}

static void (*const occasions[])(struct caller *self) = {
    collect_and_be_told,
    let_die,
    release_by_hand,
    walk,
    mark_in_slices,
    mark_between_slices,
    verify,
    ask_for_sites,
    write_a_snapshot,
};

enum { OCCASIONS = sizeof(occasions) / sizeof(occasions[0]) };

static void make_caller(struct caller *self, unsigned modes)
{
    struct mw_heap_config config = config_of(&self->fixture, modes, 8 * MIB);

    config.context = self;
    config.misuse = on_misuse;
    config.near_limit = NULL;
    assert_int_equal(mw_heap_create(&config, &self->fixture.heap), 0);
    add_types(&self->fixture);
}

/* Old zeroes are at hand, and young ones, so that the short ways would do. */
static void warm(struct caller *self)
{
    MW_SCOPE(scope, self->fixture.heap);

    mw_heap_new_in(self->fixture.heap, self->fixture.node, MW_PLACE_OLD);
    mw_heap_new(self->fixture.heap, self->fixture.node);
}

static void no_callback_changes_the_heap(void **state)
{
    static const unsigned modes[] = {0, MW_HEAP_CHECKED};

    (void)state;
    for (unsigned i = 0; i < 2 * OCCASIONS * ATTEMPTS; i++) {
        struct caller self = {.call = attempts[i / 2 % ATTEMPTS]};

        make_caller(&self, modes[i % 2]);
        warm(&self);
        occasions[i / 2 / ATTEMPTS](&self);
        assert_true(self.called > 0);
        assert_int_equal(self.refused, self.called);
        self.call = warm; /* what outlives the occasion is released with the heap */
        expect_sound(self.fixture.heap, "after a callback");
        assert_null(mw_heap_destroy(self.fixture.heap));
    }
}

/* Those that are released with the heap are called while it is half gone. */
static void nor_when_the_heap_is_destroyed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        struct caller self = {.call = attempts[i]};

        make_caller(&self, 0);
        attach(&self);
        assert_null(mw_heap_destroy(self.fixture.heap));
        assert_int_equal(self.called, 1);
        assert_int_equal(self.refused, 1);
    }
}

/* ---- the misuse callback ---- */

static void try_again_when_blamed(void *context, const struct mw_heap_misuse *misuse)
{
    struct caller *self = context;

    self->kinds[misuse->kind]++;
    self->called++;
    assert_true(self->called == 1); /* it is not told of its own */
    self->call(self);
}

static void read_something(struct caller *self)
{
    MW_SCOPE(scope, self->fixture.heap);
    struct mw_heap_numbers numbers;

    mw_heap_get_numbers(self->fixture.heap, &numbers);
    assert_true(numbers.used <= numbers.total);
    assert_true(mw_ref_is_none(mw_heap_get(self->fixture.heap, self->node, 0)));
    assert_int_equal(mw_heap_error(self->fixture.heap), 0);
}

static void (*const when_blamed[])(struct caller *self) = {
    try_to_allocate, try_to_allocate_young, try_to_collect, try_to_destroy, read_something,
};

static void blame_for_a_raw_snapshot(struct caller *self)
{
    mw_heap_raw_enter(self->fixture.heap);
    assert_int_equal(mw_heap_snapshot_write(self->fixture.heap, -1, NULL), -EPERM);
    mw_heap_raw_leave(self->fixture.heap);
}

/* A raw address is held while the misuse is told. */
static void blame_for_an_inner_scope(struct caller *self)
{
    struct mw_scope outer = mw_scope_open(self->fixture.heap);
    struct mw_ref node = mw_heap_new(self->fixture.heap, self->fixture.node);

    mw_heap_set_word(self->fixture.heap, node, 2, 77);
    mw_scope_open(self->fixture.heap); /* goes with the other one */
    node = mw_scope_escape(&outer, node);
    assert_int_equal(mw_heap_get_word(self->fixture.heap, node, 2), 77);
}

static void blame_for_a_stale_source(struct caller *self)
{
    MW_SCOPE(scope, self->fixture.heap);
    struct mw_ref refs =
        mw_heap_new_array(self->fixture.heap, self->fixture.refs, 3, MW_PLACE_YOUNG);
    struct mw_ref stale;

    {
        MW_SCOPE(inner, self->fixture.heap);

        stale = mw_heap_new_array(self->fixture.heap, self->fixture.refs, 3, MW_PLACE_YOUNG);
    }
    assert_int_equal(mw_heap_copy(self->fixture.heap, refs, 0, stale, 0, 3), -EPERM);
    assert_int_equal(mw_heap_error(self->fixture.heap), -EPERM);
}

static void (*const blames[])(struct caller *self) = {
    blame_for_a_raw_snapshot,
    blame_for_an_inner_scope,
    blame_for_a_stale_source,
};

static void the_misuse_callback_does_no_harm(void **state)
{
    enum {
        BLAMES = sizeof(blames) / sizeof(blames[0]),
        ANSWERS = sizeof(when_blamed) / sizeof(when_blamed[0])
    };

    (void)state;
    for (unsigned i = 0; i < BLAMES * ANSWERS; i++) {
        struct caller self = {.call = when_blamed[i % ANSWERS]};

        make_caller(&self, MW_HEAP_CHECKED);
        warm(&self);
        self.node = mw_heap_new(self.fixture.heap, self.fixture.node);
        self.fixture.heap->config.misuse = try_again_when_blamed;
        blames[i / ANSWERS](&self);
        assert_int_equal(self.called, 1);
        assert_int_equal(self.kinds[MW_MISUSE_CALLBACK], 0);
        expect_sound(self.fixture.heap, "after misuse");
        warm(&self); /* and goes on */
        assert_int_equal(self.called, 1);
        mw_heap_destroy(self.fixture.heap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_callback_changes_the_heap),
        cmocka_unit_test(nor_when_the_heap_is_destroyed),
        cmocka_unit_test(the_misuse_callback_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
