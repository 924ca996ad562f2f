/* Whoever keeps the address of an object and looks there later is stopped: by the kernel in the
 * modes that are for that, by address sanitizer and valgrind in all.
 *
 * `test_heap_death read` reads a dead young object and ends well, unless something sees it. */
#include "fixture.h"

#include "heap/annotate_internal.h"

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Returns whether a process that looks there survives. */
static bool can_read(const volatile uint64_t *word)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        (void)*word;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static const uint64_t *address_of(struct fixture *self, struct mw_ref ref)
{
    const uint64_t *address;

    mw_heap_raw_enter(self->heap);
    address = mw_heap_raw(self->heap, ref);
    mw_heap_raw_leave(self->heap);
    return address;
}

static void a_guarded_object_can_be_read_in_raw_regions_only(void **state)
{
    static const size_t sizes[] = {40, 300000}; /* in a page, and large */
    struct fixture *self = create(state, MW_HEAP_GUARD, 8 * MIB);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref ref = mw_heap_new_array(self->heap, self->bytes, sizes[i], MW_PLACE_OLD);
        const uint64_t *address = address_of(self, ref);

        assert_false(can_read(address));
        mw_heap_raw_enter(self->heap);
        assert_true(can_read(address));
        mw_heap_raw_leave(self->heap);
        assert_false(can_read(address));
        mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
        assert_false(can_read(address));
        assert_int_equal(mw_heap_length(self->heap, ref), sizes[i]);
    }
    assert_int_equal(self->misuses, 0);
}

static void a_guarded_heap_is_open_again_after_an_error(void **state)
{
    struct fixture *self = create(state, MW_HEAP_GUARD, 4 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref ref = mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD);

    assert_true(mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, 9 * MIB, MW_PLACE_OLD)));
    mw_heap_get(self->heap, ref, 2);
    assert_int_equal(self->misuses, 1);
    assert_false(can_read(address_of(self, ref)));
    mw_heap_set_word(self->heap, ref, 2, 7);
    assert_int_equal(mw_heap_get_word(self->heap, ref, 2), 7);
}

/* It is not given to another one for 16 scavenges. */
static void a_moved_object_cannot_be_read_where_it_was(void **state)
{
    struct fixture *self = create(state, MW_HEAP_MOVE, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    const uint64_t *address = address_of(self, mw_heap_new(self->heap, self->node));

    assert_true(can_read(address));
    for (int i = 0; i < 16; i++) {
        mw_heap_collect(self->heap, MW_COLLECT_MINOR);
        assert_false(can_read(address));
    }
}

static const uint64_t *dead_object(struct fixture *self)
{
    const uint64_t *address;

    {
        MW_SCOPE(scope, self->heap);

        address = address_of(self, mw_heap_new(self->heap, self->node));
    }
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    return address;
}

#ifdef MW_HAVE_ASAN
static void address_sanitizer_sees_a_dead_object(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);

    assert_false(can_read(dead_object(self)));
}

/* What a sweep found free, and what an array's page has free behind it. */
static void address_sanitizer_sees_holes(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    const uint64_t *address;
    MW_SCOPE(scope, self->heap);

    {
        MW_SCOPE(inner, self->heap);

        address = address_of(self, mw_heap_new_array(self->heap, self->bytes, 4000, MW_PLACE_OLD));
        mw_scope_escape(&inner, mw_heap_new_array(self->heap, self->bytes, 1, MW_PLACE_OLD));
    }
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    while (mw_heap_step(self->heap, 1000))
        ;
    assert_false(can_read(address + 100));
}

/* A page without a live object goes to the pool. */
static void address_sanitizer_sees_a_dead_page(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    const uint64_t *address;

    {
        MW_SCOPE(scope, self->heap);

        address = address_of(self, mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD));
    }
    assert_true(can_read(address));
    mw_heap_collect(self->heap, MW_COLLECT_COMPACT);
    assert_true(numbers_of(self).pooled > 0);
    assert_false(can_read(address));
}

static void address_sanitizer_sees_the_end_of_a_large_object(void **state)
{
    enum { BYTES = 300 * 1000 }; /* with its page's head no whole number of the kernel's pages */
    struct fixture *self = create(state, 0, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    const uint64_t *address =
        address_of(self, mw_heap_new_array(self->heap, self->bytes, BYTES, MW_PLACE_OLD));

    assert_true(can_read(address + BYTES / 8 - 1));
    assert_false(can_read(address + BYTES / 8));
}
#endif

static int read_dead_object(void)
{
    void *state = NULL;
    const volatile uint64_t *word = dead_object(create(&state, 0, 8 * MIB));

    return *word == 1;
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_guarded_object_can_be_read_in_raw_regions_only, teardown),
        cmocka_unit_test_teardown(a_guarded_heap_is_open_again_after_an_error, teardown),
        cmocka_unit_test_teardown(a_moved_object_cannot_be_read_where_it_was, teardown),
#ifdef MW_HAVE_ASAN
        cmocka_unit_test_teardown(address_sanitizer_sees_a_dead_object, teardown),
        cmocka_unit_test_teardown(address_sanitizer_sees_holes, teardown),
        cmocka_unit_test_teardown(address_sanitizer_sees_a_dead_page, teardown),
        cmocka_unit_test_teardown(address_sanitizer_sees_the_end_of_a_large_object, teardown),
#endif
    };

    if (count == 2 && strcmp(words[1], "read") == 0)
        return read_dead_object();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
