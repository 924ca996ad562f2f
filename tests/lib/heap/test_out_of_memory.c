/* Every malloc() of a heap fails once: an error, nothing left behind, and it goes on. What it asks
 * the kernel for fails in test_limit.c. */
#include "fixture.h"

#include "support/out_of_memory.h"

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* One call that needs memory. Returns its error. */
typedef int call_fn(struct fixture *self, struct mw_ref node);

static int create_another(struct fixture *self, struct mw_ref node)
{
    struct mw_heap_config config = config_of(self, 0, 8 * MIB);
    struct mw_heap *heap = NULL;
    int error = mw_heap_create(&config, &heap);

    (void)node;
    assert_int_equal(heap != NULL, error == 0);
    mw_heap_destroy(heap);
    return error;
}

/* Up to one more than there was room for. */
static int add_type(struct fixture *self, struct mw_ref node)
{
    static const struct mw_heap_field fields[] = {{"one", 2}, {"two", 0}};
    static const struct mw_heap_type_info info = {"Another", MW_KIND_FIXED, 3, fields, 2, NULL};
    const struct mw_heap_type *type = NULL;
    int error = 0;

    (void)node;
    for (int i = 0; i < 40 && error == 0; i++)
        error = mw_heap_add_type(self->heap, &info, &type);
    return error;
}

static int create_globals(struct fixture *self, struct mw_ref node)
{
    struct mw_global *globals[200] = {NULL};
    int error = 0;

    for (int i = 0; i < 200 && error == 0; i++)
        error = mw_global_create(self->heap, node, i % 2 == 0, &globals[i]);
    for (int i = 0; i < 200; i++)
        mw_global_destroy(self->heap, globals[i]);
    return error;
}

static int attach(struct fixture *self, struct mw_ref node)
{
    return mw_heap_attach_external(self->heap, node, 10, NULL, NULL);
}

static int get_sites(struct fixture *self, struct mw_ref node)
{
    struct mw_heap_site sites[2];
    size_t count;

    (void)node;
    return mw_heap_get_sites(self->heap, sites, 2, &count);
}

static int verify(struct fixture *self, struct mw_ref node)
{
    const char *fault = NULL;

    (void)node;
    return mw_heap_verify(self->heap, &fault);
}

static int write_snapshot(struct fixture *self, struct mw_ref node)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int error = mw_heap_snapshot_write(self->heap, fd, NULL);

    (void)node;
    close(fd);
    return error;
}

/* Returns how often it failed. */
static int fail_in_turn(struct fixture *self, struct mw_ref node, call_fn *call)
{
    int error = -ENOMEM, allocations = 0;

    for (; error == -ENOMEM && allocations < 1000; allocations++) {
        out_of_memory_after(allocations);
        error = call(self, node);
        out_of_memory_never();
        expect_sound(self->heap, "after a failure");
    }
    assert_int_equal(error, 0);
    return allocations - 1;
}

static void whichever_allocation_fails_the_heap_is_whole(void **state)
{
    static const struct {
        call_fn *call;
        int least; /* times that it asks for memory */
    } rows[] = {
        {create_another, 3}, {add_type, 6}, {create_globals, 6}, {attach, 1},
        {get_sites, 4},      {verify, 3},   {write_snapshot, 0},
    };
    struct fixture *self = create(state, MW_HEAP_CHECKED, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref node = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_true(fail_in_turn(self, node, rows[i].call) >= rows[i].least);
    assert_int_equal(self->misuses, 0);
    assert_ptr_equal(mw_heap_type_of(self->heap, node), self->node);
}

/* What a heap counts as its own is all given back. */
static void what_types_take_is_counted(void **state)
{
    static const struct mw_heap_type_info info = {
        "A name of some length", MW_KIND_BYTES, 0, NULL, 0, NULL};
    struct fixture *self = create(state, 0, 8 * MIB);
    size_t before = numbers_of(self).malloced;
    const struct mw_heap_type *type = NULL;

    assert_int_equal(mw_heap_add_type(self->heap, &info, &type), 0);
    assert_true(numbers_of(self).malloced >= before + sizeof("A name of some length"));
    before = numbers_of(self).malloced;
    for (int allocations = 0; allocations < 2; allocations++) {
        out_of_memory_after(allocations);
        assert_int_equal(mw_heap_add_type(self->heap, &info, &type), -ENOMEM);
        out_of_memory_never();
        assert_int_equal(numbers_of(self).malloced, before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(whichever_allocation_fails_the_heap_is_whole, teardown),
        cmocka_unit_test_teardown(what_types_take_is_counted, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
