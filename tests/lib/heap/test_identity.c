/* Identities: one id for an object in all snapshots of its heap, whatever happens in between. */
#include "fixture.h"
#include "snapshot_rows.h"

#include "heap/snapshot_internal.h"

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { NODES = 3000 };

static struct mw_ref make_nodes(struct fixture *self, enum mw_heap_place place)
{
    struct mw_ref all = mw_heap_new_array(self->heap, self->refs, NODES, MW_PLACE_OLD);

    for (size_t i = 0; i < NODES; i++) {
        MW_SCOPE(scope, self->heap);

        mw_heap_set(self->heap, all, i, mw_heap_new_in(self->heap, self->node, place));
    }
    return all;
}

static void drop(struct fixture *self, struct mw_ref all, size_t first, size_t step)
{
    for (size_t i = first; i < NODES; i += step)
        mw_heap_set(self->heap, all, i, mw_ref_none());
}

static void a_second_snapshot_has_the_same_ids(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot_report report;
    struct rows first, second;
    MW_SCOPE(scope, self->heap);

    make_nodes(self, MW_PLACE_YOUNG);
    rows_take(&first, self->heap, &report);
    assert_false(report.new_ids);
    rows_take(&second, self->heap, &report);
    assert_false(report.new_ids);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.text, second.text, first.size);
    rows_free(&first);
    rows_free(&second);
}

/* The dead are gone, the rest is known, and who lies where they lay is new. */
static void check_deaths(struct fixture *self, enum mw_heap_work work)
{
    struct rows first, second, third;
    MW_SCOPE(scope, self->heap);
    struct mw_ref all = make_nodes(self, MW_PLACE_YOUNG), more;

    rows_take(&first, self->heap, NULL);
    drop(self, all, 0, 3);
    drop(self, all, 1, 7);
    mw_heap_collect(self->heap, work);
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    rows_take(&second, self->heap, NULL);
    assert_int_equal(rows_common(&first, &second), second.count);
    assert_true(second.count < first.count);
    more = make_nodes(self, MW_PLACE_OLD);
    rows_take(&third, self->heap, NULL);
    assert_false(mw_ref_is_none(more));
    assert_int_equal(third.count, second.count + NODES + 1);
    assert_int_equal(rows_common(&first, &third), second.count);
    assert_true(rows_unique(&third));
    rows_free(&first);
    rows_free(&second);
    rows_free(&third);
}

static void ids_stay_when_others_die(void **state)
{
    check_deaths(create(state, 0, 8 * MIB), MW_COLLECT_MAJOR);
}

static void ids_stay_when_objects_slide(void **state)
{
    check_deaths(create(state, 0, 8 * MIB), MW_COLLECT_COMPACT);
}

/* Holders and leaves have pages of their own, which stand in turns: a hundred nodes, then as many
 * texts, no two neighbours of one size. */
static struct mw_ref make_both(struct fixture *self, size_t count)
{
    struct mw_ref all = mw_heap_new_array(self->heap, self->refs, count, MW_PLACE_OLD);

    for (size_t i = 0; i < count; i++) {
        MW_SCOPE(scope, self->heap);

        mw_heap_set(self->heap, all, i,
                    i / 100 % 2 == 0
                        ? mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD)
                        : mw_heap_new_array(self->heap, self->bytes, 8 * (i % 37), MW_PLACE_OLD));
    }
    return all;
}

static void ids_stay_when_pages_of_both_lanes_slide(void **state)
{
    enum { COUNT = 40000 };
    struct fixture *self = create(state, MW_HEAP_VERIFY, 32 * MIB);
    uint64_t pages = 0;
    struct rows first, second;
    MW_SCOPE(scope, self->heap);
    struct mw_ref all = make_both(self, COUNT);

    rows_take(&first, self->heap, NULL);
    for (size_t i = 0; i < COUNT; i++)
        if (i % 3 != 0 || i / 5000 % 2 == 0) /* some pages lose more than others */
            mw_heap_set(self->heap, all, i, mw_ref_none());
    pages = self->heap->pool.used;
    mw_heap_collect(self->heap, MW_COLLECT_COMPACT);
    assert_true(self->heap->pool.used + 4 < pages);
    rows_take(&second, self->heap, NULL);
    assert_true(second.count < first.count / 4);
    assert_int_equal(rows_alike(&first, &second), second.count);
    rows_free(&first);
    rows_free(&second);
}

static void ids_stay_in_every_mode(void **state)
{
    static const unsigned modes[] = {MW_HEAP_MOVE | MW_HEAP_POISON | MW_HEAP_VERIFY,
                                     MW_HEAP_COMPACT | MW_HEAP_VERIFY, MW_HEAP_SLICES,
                                     MW_HEAP_FULL | MW_HEAP_CHECKED};

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        void *one = NULL;

        check_deaths(create(&one, modes[i], 8 * MIB), MW_COLLECT_MAJOR);
        destroy(one);
    }
}

/* After the last id comes the first one: all ids are new then, and no two the same. */
static void ids_that_are_used_up_begin_again(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot_report report;
    struct rows first, second, third;
    MW_SCOPE(scope, self->heap);

    make_nodes(self, MW_PLACE_YOUNG);
    rows_take(&first, self->heap, NULL);
    self->heap->identity.next = UINT32_MAX - 2 * NODES;
    make_nodes(self, MW_PLACE_YOUNG);
    rows_take(&second, self->heap, &report);
    assert_true(report.new_ids);
    assert_true(rows_unique(&second));
    rows_take(&third, self->heap, &report);
    assert_false(report.new_ids);
    assert_int_equal(rows_common(&second, &third), third.count);
    rows_free(&first);
    rows_free(&second);
    rows_free(&third);
}

/* External memory of so many pieces that no ids are left for them, if each had one. */
static void a_snapshot_that_is_refused_leaves_ids_alone(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot_report report;
    struct rows first, second;
    MW_SCOPE(scope, self->heap);
    struct mw_ref node = mw_heap_new(self->heap, self->node);
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    make_nodes(self, MW_PLACE_YOUNG);
    rows_take(&first, self->heap, NULL);
    assert_int_equal(mw_heap_attach_external(self->heap, node, SIZE_MAX / 2, NULL, NULL), 0);
    assert_int_equal(mw_heap_snapshot_write(self->heap, fd, &report), -EFBIG);
    close(fd);
    assert_int_equal(mw_heap_release_external(self->heap, node), SIZE_MAX / 2);
    rows_take(&second, self->heap, &report);
    assert_false(report.new_ids);
    assert_int_equal(rows_common(&first, &second), first.count);
    rows_free(&first);
    rows_free(&second);
}

/* Readers keep sizes in 32 bits: what is larger is shown in pieces. With smaller ones here. */
static void large_objects_come_in_pieces(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot *snapshot = NULL;
    struct rows rows;
    int fd = rows_file();
    MW_SCOPE(scope, self->heap);

    mw_heap_new_array(self->heap, self->bytes, 1000000, MW_PLACE_OLD);
    mw_heap_new_array(self->heap, self->bytes, 500000, MW_PLACE_YOUNG);
    mw_heap_attach_external(self->heap, make_nodes(self, MW_PLACE_OLD), 300000, NULL, NULL);
    assert_int_equal(mw_snapshot_create(self->heap, 100008, false, &snapshot), 0);
    assert_int_equal(mw_heap_snapshot_emit(snapshot, fd, NULL), 0);
    mw_heap_snapshot_destroy(snapshot);
    rows_read(&rows, fd);
    assert_true(rows_unique(&rows));
    assert_int_equal(rows_bytes(&rows), numbers_of(self).used + 300000);
    assert_int_equal(rows.count, 4 + 1 + NODES + 1 + 10 + 5 + 3);
    rows_free(&rows);
}

static void the_table_is_counted_and_small(void **state)
{
    struct fixture *self = create(state, 0, 32 * MIB);
    size_t before = numbers_of(self).malloced, after;
    struct rows rows;
    MW_SCOPE(scope, self->heap);

    for (int i = 0; i < 40; i++)
        make_nodes(self, MW_PLACE_YOUNG);
    rows_take(&rows, self->heap, NULL);
    rows_free(&rows);
    after = numbers_of(self).malloced;
    assert_in_range(after - before, 1, numbers_of(self).used / 100);
    rows_take(&rows, self->heap, NULL);
    rows_free(&rows);
    assert_int_equal(numbers_of(self).malloced, after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_second_snapshot_has_the_same_ids, teardown),
        cmocka_unit_test_teardown(ids_stay_when_others_die, teardown),
        cmocka_unit_test_teardown(ids_stay_when_objects_slide, teardown),
        cmocka_unit_test_teardown(ids_stay_when_pages_of_both_lanes_slide, teardown),
        cmocka_unit_test(ids_stay_in_every_mode),
        cmocka_unit_test_teardown(ids_that_are_used_up_begin_again, teardown),
        cmocka_unit_test_teardown(a_snapshot_that_is_refused_leaves_ids_alone, teardown),
        cmocka_unit_test_teardown(large_objects_come_in_pieces, teardown),
        cmocka_unit_test_teardown(the_table_is_counted_and_small, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
