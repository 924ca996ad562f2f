/* At the limit, and when the kernel gives no memory, an allocation fails and nothing else does. */
#include "fixture.h"

#include "heap/heap_internal.h"

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Garbage, at a limit that has little room for it. */
static void use_a_little(struct fixture *self)
{
    for (int i = 0; i < 5000; i++) {
        MW_SCOPE(scope, self->heap);

        assert_false(mw_ref_is_none(mw_heap_new(self->heap, self->node)));
    }
}

static void at_the_limit_an_allocation_fails_and_all_else_holds(void **state)
{
    static const size_t sizes[] = {40, 1000, 30000, 300000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct fixture *self = create(state, 0, 4 * MIB);
        MW_SCOPE(scope, self->heap);
        struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 90000, MW_PLACE_OLD);
        size_t filled = fill_array(self, array, sizes[i]);

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
        size_t filled = fill_array(self, array, 1000);

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
    assert_true(fill_array(self, array, 1000) * 1000 > 4 * MIB);
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
    assert_int_equal(fill_array(self, array, 1000), 3000);
    assert_int_equal(self->near_limit_calls, 1);
}

/* ---- what dies while nothing can be promoted ---- */

static uintptr_t address_of(struct fixture *self, struct mw_ref ref)
{
    uintptr_t address;

    mw_heap_raw_enter(self->heap);
    address = (uintptr_t)mw_heap_raw(self->heap, ref) - MW_WORD;
    mw_heap_raw_leave(self->heap);
    return address;
}

/* The slots of an array that dies then stay noted. In the structures that come after it, every
 * second word is a number, and may look like the address of a young object. */
static void what_a_dead_array_noted_is_no_reference(void **state)
{
    enum { DEAD = 6000, WORDS = 400 }; /* a page that is nearly full would not be swept */
    static const struct mw_heap_field fields[] = {{"first", 0}};
    const struct mw_heap_type_info info = {"Pair", MW_KIND_STRUCTS, 2, fields, 1, NULL};
    struct fixture *self = create(state, MW_HEAP_VERIFY, 8 * MIB);
    const struct mw_heap_type *pairs = NULL;
    MW_SCOPE(scope, self->heap);
    struct mw_ref all = mw_heap_new_array(self->heap, self->refs, 8000, MW_PLACE_OLD);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, DEAD, MW_PLACE_OLD), node;
    uintptr_t before = address_of(self, array), young;

    assert_int_equal(mw_heap_add_type(self->heap, &info, &pairs), 0);
    assert_in_range(fill_array(self, all, 1000), 6000, 7999);
    for (size_t i = 0; i < WORDS; i++)
        mw_heap_set(self->heap, array, i, mw_heap_new(self->heap, self->node));
    mw_heap_assign(self->heap, array, all);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    array = mw_heap_new_array(self->heap, pairs, WORDS / 2, MW_PLACE_OLD);
    assert_int_equal(address_of(self, array), before);
    node = mw_heap_new(self->heap, self->node);
    young = address_of(self, node);
    for (size_t i = 1; i < WORDS; i += 2)
        mw_heap_set_word(self->heap, array, i, young);
    mw_heap_set(self->heap, array, 0, node);
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    assert_int_not_equal(address_of(self, node), young);
    for (size_t i = 1; i < WORDS; i += 2)
        assert_int_equal(mw_heap_get_word(self->heap, array, i), young);
    assert_true(mw_heap_same(self->heap, mw_heap_get(self->heap, array, 0), node));
}

/* ---- what large objects do not need ---- */

/* A mapping that is kept for the next is an eighth larger at most, one in whole huge pages a
 * sixteenth. */
static void slack_of_large_objects_makes_way(void **state)
{
    for (int i = 0; i < 4; i++) {
        enum mw_heap_place place = i < 2 ? MW_PLACE_OLD : MW_PLACE_YOUNG;
        bool kept = i % 2;
        struct fixture *self = create(state, 0, 16 * MIB);
        struct mw_scope scope = mw_scope_open(self->heap);
        size_t first = kept ? 7 * MIB - MIB / 4 : 7730 * 1024;
        size_t second = kept ? 8 * MIB + MIB / 4 : 7730 * 1024;

        if (kept) {
            MW_SCOPE(inner, self->heap);

            mw_heap_new_array(self->heap, self->bytes, 7 * MIB + MIB / 2, MW_PLACE_OLD);
        }
        mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
        assert_false(mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, first, place)));
        assert_false(mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, second, place)));
        assert_int_equal(self->near_limit_calls, 0);
        mw_scope_close(&scope);
        destroy(self);
        *state = NULL;
    }
}

/* ---- another limit ---- */

static void a_lower_limit_holds(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 20000, MW_PLACE_OLD);
    size_t filled;

    assert_int_equal(mw_heap_set_limit(self->heap, 4 * MIB), 0);
    assert_int_equal(numbers_of(self).limit, 4 * MIB);
    filled = fill_array(self, array, 1000);
    assert_in_range(filled * 1000, 2 * MIB, 4 * MIB);
    assert_int_equal(mw_heap_error(self->heap), -ENOMEM);
    numbers_of(self);
}

/* Garbage, pooled pages, and pages that are nearly all holes do not count as in use. */
static void what_is_not_alive_makes_way_for_a_lower_limit(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 6000, MW_PLACE_OLD);

    assert_int_equal(fill_array(self, array, 1000), 6000);
    assert_true(numbers_of(self).total > 6 * MIB);
    for (size_t i = 0; i < 6000; i++)
        if (i % 10 != 0)
            mw_heap_set(self->heap, array, i, mw_ref_none());
    assert_int_equal(mw_heap_set_limit(self->heap, 2 * MIB - MIB / 8), 0);
    assert_true(numbers_of(self).total + numbers_of(self).pooled <= 2 * MIB - MIB / 8);
    for (size_t i = 0; i < 6000; i += 10) {
        MW_SCOPE(inner, self->heap);

        assert_int_equal(mw_heap_length(self->heap, mw_heap_get(self->heap, array, i)), 1000);
    }
}

static void a_limit_below_what_is_alive_is_refused(void **state)
{
    struct fixture *self = create(state, MW_HEAP_VERIFY, 8 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 9000, MW_PLACE_OLD);
    struct mw_ref more = mw_heap_new_array(self->heap, self->refs, 1000, MW_PLACE_OLD);

    assert_int_equal(fill_array(self, array, 600), 9000);
    assert_int_equal(mw_heap_set_limit(self->heap, 5 * MIB), -EBUSY);
    assert_int_equal(numbers_of(self).limit, 8 * MIB);
    assert_int_equal(fill_array(self, more, 1000), 1000);
    assert_int_equal(self->near_limit_calls, 0);
    /* The least that goes: what is held after a full collection, and the reserve. */
    mw_heap_collect(self->heap, MW_COLLECT_COMPACT);
    size_t least = numbers_of(self).total + MIB / 4;

    assert_int_equal(mw_heap_set_limit(self->heap, least - 1), -EBUSY);
    assert_int_equal(mw_heap_set_limit(self->heap, least), 0);
    assert_int_equal(mw_heap_set_limit(self->heap, least + 1), 0);
}

static void a_limit_is_between_the_least_and_limit_max(void **state)
{
    struct fixture *self = create(state, 0, 4 * MIB); /* limit_max: 6 MiB */
    size_t least = mw_heap_limit_min(MIB / 4);

    assert_int_equal(numbers_of(self).limit_min, least);
    assert_int_equal(numbers_of(self).limit_max, 6 * MIB);
    assert_int_equal(mw_heap_set_limit(self->heap, 6 * MIB + 1), -EINVAL);
    assert_int_equal(mw_heap_set_limit(self->heap, least - 1), -EINVAL);
    assert_int_equal(mw_heap_set_limit(self->heap, 0), -EINVAL);
    assert_int_equal(numbers_of(self).limit, 4 * MIB);
    assert_int_equal(mw_heap_set_limit(self->heap, 6 * MIB), 0);
    assert_int_equal(numbers_of(self).limit, 6 * MIB);
    assert_int_equal(mw_heap_set_limit(self->heap, least), 0);
    assert_int_equal(numbers_of(self).limit, least);
    use_a_little(self);
}

static void a_new_limit_is_not_set_where_nothing_may_move(void **state)
{
    struct fixture *self = create(state, MW_HEAP_CHECKED, 4 * MIB);

    mw_heap_raw_enter(self->heap);
    assert_int_equal(mw_heap_set_limit(self->heap, 3 * MIB), -EPERM);
    mw_heap_raw_leave(self->heap);
    assert_int_equal(self->misuse.kind, MW_MISUSE_RAW);
    assert_int_equal(numbers_of(self).limit, 4 * MIB);
}

/* ---- the kernel gives no memory ---- */

static void expect_error(const struct mw_heap *heap, int error)
{
    assert_int_equal(mw_heap_error(heap), error);
    assert_true(strlen(mw_heap_error_text(error)) > 10);
}

static void write_a_snapshot(struct mw_heap *heap)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int error = mw_heap_snapshot_write(heap, fd, NULL);

    assert_true(error == 0 || error == -ENOMEM);
    close(fd);
}

/* Growth of all spaces, large objects, and collections of all kinds; what fails, fails. */
static void use_everything(struct fixture *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 3000, MW_PLACE_OLD);

    for (size_t i = 0; i < 3000 && !mw_ref_is_none(array); i++) {
        MW_SCOPE(inner, self->heap);
        size_t window = i < 2500 ? 200 : 1000; /* the new space grows, then the old one */
        size_t bytes = i % 500 == 0 ? 300000 + i * 200 : i % 900; /* kept ones do not fit */
        struct mw_ref value = mw_heap_new_array(self->heap, self->bytes, bytes, MW_PLACE_YOUNG);

        if (mw_ref_is_none(value))
            expect_error(self->heap, -ENOMEM);
        else
            mw_heap_set(self->heap, array, i % window, value);
    }
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    for (int i = 0; i < 20; i++)
        mw_heap_step(self->heap, 100);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    mw_heap_collect(self->heap, MW_COLLECT_COMPACT);
    write_a_snapshot(self->heap);
}

static bool has_failed(const struct mw_heap *heap)
{
    return heap->vm.calls >= heap->vm.fail_at;
}

/* Runs with each call for memory failing in turn, and with `rest` all after it, until there is none
 * left to fail. */
static uint64_t walk_all_failures(unsigned modes, bool rest, uint64_t *ret_created)
{
    for (uint64_t call = 1;; call++) {
        struct fixture *self = calloc(1, sizeof(*self));
        struct mw_heap_config config = config_of(self, modes, 8 * MIB);
        bool failed;

        config.semi_space_max = MIB;
        config.fail_mapping = call;
        if (mw_heap_create(&config, &self->heap) < 0) {
            free(self);
            continue;
        }
        if (*ret_created == 0)
            *ret_created = call;
        self->heap->vm.fail_rest = rest;
        add_types(self);
        use_everything(self);
        use_everything(self);
        failed = has_failed(self->heap);
        assert_int_equal(self->misuses, 0);
        destroy(self);
        if (!failed)
            return call;
    }
}

static void whichever_mapping_fails_the_heap_is_whole(void **state)
{
    static const unsigned modes[] = {
        MW_HEAP_VERIFY,
        MW_HEAP_VERIFY | MW_HEAP_MOVE | MW_HEAP_CHECKED,
        MW_HEAP_VERIFY | MW_HEAP_SLICES,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        uint64_t created = 0;
        uint64_t calls = walk_all_failures(modes[i], false, &created);

        assert_in_range(created, 5, 30);
        assert_true(calls > created + 12); /* the scenario asks for memory while it runs, too */
    }
}

static void from_whichever_mapping_on_all_fail_the_heap_is_whole(void **state)
{
    uint64_t created = 0;

    (void)state;
    assert_true(walk_all_failures(MW_HEAP_VERIFY, true, &created) > created + 12);
}

/* Each object that is to become old would ask again, thousands in one pause. */
static void a_kernel_without_memory_is_not_asked_for_each_object(void **state)
{
    struct fixture *self = create(state, 0, 16 * MIB);
    MW_SCOPE(scope, self->heap);
    struct mw_ref array = mw_heap_new_array(self->heap, self->refs, 20000, MW_PLACE_OLD);
    size_t filled = 0;
    uint64_t calls;

    self->heap->vm.fail_at = self->heap->vm.calls + 1;
    self->heap->vm.fail_rest = true;
    while (!self->heap->refused && fill_one(self, array, filled, 100))
        filled++;
    assert_true(self->heap->refused);
    calls = self->heap->vm.calls;
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    assert_true(self->heap->refused);
    assert_in_range(self->heap->vm.calls - calls, 1, 4);
    self->heap->vm.fail_rest = false;
}

/* ---- what no heap can do ---- */

/* From the first size that is refused on, nobody is asked: only the callback itself can have more.
 */
static void what_fits_into_an_empty_heap_is_all_that_can_be(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    size_t room = 8 * MIB - MIB / 2 - MW_RESERVE; /* less halves and reserve */

    self->heap->config.limit_max = 8 * MIB;
    for (size_t bytes = room - 64 * 1024; bytes < 8 * MIB; bytes += 4096) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref large = mw_heap_new_array(self->heap, self->bytes, bytes, MW_PLACE_OLD);

        assert_int_equal(!mw_ref_is_none(large), mw_large_least(bytes + MW_WORD, true) <= room);
        assert_int_equal(self->near_limit_calls, 0);
    }
}

static void what_can_never_fit_asks_nobody_to_let_go(void **state)
{
    struct fixture *self = create(state, 0, 4 * MIB); /* limit_max: 6 MiB */

    for (int place = MW_PLACE_YOUNG; place <= MW_PLACE_OLD; place++) {
        MW_SCOPE(scope, self->heap);

        assert_true(mw_ref_is_none(
            mw_heap_new_array(self->heap, self->bytes, 1000 * MIB, (enum mw_heap_place)place)));
        assert_int_equal(mw_heap_error(self->heap), -ENOMEM);
    }
    assert_int_equal(self->near_limit_calls, 0);
    assert_int_equal(numbers_of(self).collections[MW_GC_MARK_SWEEP], 0);
}

static void impossible_sizes_have_a_text(void **state)
{
    static const size_t counts[] = {SIZE_MAX, SIZE_MAX - 7, SIZE_MAX / 2, SIZE_MAX / 8,
                                    (size_t)UINT32_MAX + 1};
    struct fixture *self = create(state, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 4 * MIB);
    MW_SCOPE(scope, self->heap);

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (int place = MW_PLACE_YOUNG; place <= MW_PLACE_OLD; place++) {
            assert_true(mw_ref_is_none(
                mw_heap_new_array(self->heap, self->refs, counts[i], (enum mw_heap_place)place)));
            expect_error(self->heap, -EINVAL);
        }
    }
    assert_true(mw_ref_is_none(mw_heap_new_array(self->heap, self->node, 1, MW_PLACE_YOUNG)));
    expect_error(self->heap, -EPERM);
    assert_int_equal(self->misuses, 1);
    assert_true(mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, 5 * MIB, MW_PLACE_OLD)));
    expect_error(self->heap, -ENOMEM);
}

static void every_error_has_a_text_of_its_own(void **state)
{
    static const int errors[] = {0,       -ENOMEM, -EINVAL, -EOVERFLOW, -EPERM,
                                 -ENOSPC, -EILSEQ, -EIO,    -100000,    INT_MIN};
    size_t count = sizeof(errors) / sizeof(errors[0]);

    (void)state;
    for (size_t i = 0; i < count - 1; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(mw_heap_error_text(errors[i]), mw_heap_error_text(errors[j]));
    assert_string_equal(mw_heap_error_text(INT_MIN), mw_heap_error_text(-100000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(at_the_limit_an_allocation_fails_and_all_else_holds, teardown),
        cmocka_unit_test_teardown(a_dead_holder_of_a_young_object_is_forgotten, teardown),
        cmocka_unit_test_teardown(the_near_limit_callback_may_raise_the_limit, teardown),
        cmocka_unit_test_teardown(the_near_limit_callback_may_let_go, teardown),
        cmocka_unit_test_teardown(what_can_never_fit_asks_nobody_to_let_go, teardown),
        cmocka_unit_test_teardown(what_a_dead_array_noted_is_no_reference, teardown),
        cmocka_unit_test_teardown(a_lower_limit_holds, teardown),
        cmocka_unit_test_teardown(what_is_not_alive_makes_way_for_a_lower_limit, teardown),
        cmocka_unit_test_teardown(a_limit_below_what_is_alive_is_refused, teardown),
        cmocka_unit_test_teardown(a_limit_is_between_the_least_and_limit_max, teardown),
        cmocka_unit_test_teardown(a_new_limit_is_not_set_where_nothing_may_move, teardown),
        cmocka_unit_test(whichever_mapping_fails_the_heap_is_whole),
        cmocka_unit_test(from_whichever_mapping_on_all_fail_the_heap_is_whole),
        cmocka_unit_test_teardown(a_kernel_without_memory_is_not_asked_for_each_object, teardown),
        cmocka_unit_test_teardown(slack_of_large_objects_makes_way, teardown),
        cmocka_unit_test_teardown(what_fits_into_an_empty_heap_is_all_that_can_be, teardown),
        cmocka_unit_test_teardown(impossible_sizes_have_a_text, teardown),
        cmocka_unit_test(every_error_has_a_text_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
