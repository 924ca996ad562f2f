/* Snapshots in two halves: prepared in one process, written by it or by a child, now or later. */
#include "fixture.h"
#include "snapshot_rows.h"

#include "heap/snapshot_internal.h"

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NODES = 5000 };

static void a_child_writes_what_was_while_the_parent_goes_on(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot *snapshot = NULL;
    struct rows expected, rows;
    int fd = rows_file(), gate[2], status;
    char byte;
    pid_t child;
    MW_SCOPE(scope, self->heap);
    struct mw_ref all = array_of_nodes(self, NODES);

    rows_take(&expected, self->heap, NULL);
    assert_int_equal(mw_heap_snapshot_prepare(self->heap, &snapshot, NULL), 0);
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    child = fork();
    if (child == 0) {
        bool gone_on = read(gate[0], &byte, 1) == 1;

        _exit(!gone_on || mw_heap_snapshot_emit(snapshot, fd, NULL) < 0);
    }
    mw_heap_snapshot_destroy(snapshot);
    for (size_t i = 0; i < NODES; i++)
        mw_heap_set(self->heap, all, i, mw_ref_none());
    mw_heap_collect(self->heap, MW_COLLECT_COMPACT);
    assert_int_equal(write(gate[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    rows_read(&rows, fd);
    assert_string_equal(rows.text, expected.text);
    rows_free(&rows);
    rows_free(&expected);
    close(gate[0]);
    close(gate[1]);
}

static unsigned released;

static void on_release(void *data)
{
    (void)data;
    released++;
}

static void own_something(struct fixture *self, struct mw_ref all)
{
    MW_SCOPE(scope, self->heap);

    mw_heap_attach_external(self->heap, mw_heap_get(self->heap, all, 0), 1000, on_release, NULL);
}

/* Ends the marking that began, in a child that writes it. */
static void begin_and_write(struct fixture *self, struct rows *ret)
{
    struct mw_heap_snapshot *snapshot = NULL;
    int fd = rows_file(), status;
    pid_t child;

    assert_int_equal(mw_heap_snapshot_begin(self->heap, &snapshot, NULL), 0);
    released = 0;
    child = fork();
    if (child == 0)
        _exit(mw_heap_snapshot_emit(snapshot, fd, NULL) < 0 || released > 0);
    mw_heap_snapshot_destroy(snapshot);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    rows_read(ret, fd);
}

/* What the heap has mapped and not given back. The linker sends its calls here. */
static size_t mapped;

void *__real_mmap(void *start, size_t bytes, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *start, size_t bytes);
void *__wrap_mmap(void *start, size_t bytes, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *start, size_t bytes);

void *__wrap_mmap(void *start, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    mapped += bytes;
    return __real_mmap(start, bytes, protection, flags, fd, offset);
}

int __wrap_munmap(void *start, size_t bytes)
{
    mapped -= bytes;
    return __real_munmap(start, bytes);
}

/* At the limit objects stay young, and need tables; halves may grow before these are given back. */
static void one_destroyed_late_takes_nothing_but_its_own(void **state)
{
    struct fixture *self = calloc(1, sizeof(*self));
    struct mw_heap_config config = config_of(self, 0, 8 * MIB);
    struct mw_heap_snapshot *snapshot = NULL;
    size_t before;

    config.semi_space_max = MIB;
    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    *state = self;
    add_types(self);
    {
        MW_SCOPE(scope, self->heap);

        while (!mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, 1000, MW_PLACE_YOUNG)))
            ;
        assert_int_equal(mw_heap_snapshot_prepare(self->heap, &snapshot, NULL), 0);
        mw_heap_snapshot_destroy(snapshot); /* identities stay */
        before = mapped;
        assert_int_equal(mw_heap_snapshot_prepare(self->heap, &snapshot, NULL), 0);
        assert_true(snapshot->young_words != 0);
    }
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    self->heap->nursery.wanted = MIB;
    while (mw_heap_step(self->heap, 1000))
        ;
    assert_int_equal(self->heap->nursery.capacity, MIB);
    mw_heap_snapshot_destroy(snapshot);
    assert_int_equal(mapped, before);
}

static void one_may_outlive_its_heap(void **state)
{
    struct fixture self = {0};
    struct mw_heap_config config = config_of(&self, 0, 8 * MIB);
    struct mw_heap_snapshot *snapshot = NULL;
    size_t before = mapped;

    (void)state;
    assert_int_equal(mw_heap_create(&config, &self.heap), 0);
    assert_int_equal(mw_heap_snapshot_prepare(self.heap, &snapshot, NULL), 0);
    mw_heap_destroy(self.heap);
    assert_null(mw_heap_snapshot_destroy(snapshot));
    assert_int_equal(mapped, before);
}

/* Of one that was marked in slices: collecting once more may find no memory, and may be tried
 * again. */
static void what_failed_may_be_written_again(void **state)
{
    unsigned failures = 0;

    for (uint64_t call = 1; call <= 12; call++) {
        struct fixture *self = create(state, 0, 8 * MIB);
        struct mw_heap_snapshot *snapshot = NULL;
        struct rows expected, rows;
        int fd = rows_file(), error;
        MW_SCOPE(scope, self->heap);

        array_of_nodes(self, NODES);
        rows_take(&expected, self->heap, NULL);
        while (mw_heap_snapshot_step(self->heap, 1000))
            ;
        assert_int_equal(mw_heap_snapshot_begin(self->heap, &snapshot, NULL), 0);
        self->heap->vm.fail_at = self->heap->vm.calls + call;
        error = mw_heap_snapshot_emit(snapshot, fd, NULL);
        if (error < 0) {
            assert_int_equal(error, -ENOMEM);
            failures++;
            assert_int_equal(mw_heap_snapshot_emit(snapshot, fd, NULL), 0);
        }
        rows_read(&rows, fd);
        assert_string_equal(rows.text, expected.text);
        rows_free(&rows);
        rows_free(&expected);
        mw_heap_snapshot_destroy(snapshot);
        mw_scope_close(&scope);
        destroy(self);
        *state = NULL;
    }
    assert_true(failures >= 2);
}

static void nothing_is_collected_while_raw_pointers_are_held(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot *snapshot = NULL;
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    MW_SCOPE(scope, self->heap);

    array_of_nodes(self, NODES);
    while (mw_heap_snapshot_step(self->heap, 1000))
        ;
    assert_int_equal(mw_heap_snapshot_begin(self->heap, &snapshot, NULL), 0);
    mw_heap_raw_enter(self->heap);
    assert_int_equal(mw_heap_snapshot_emit(snapshot, fd, NULL), -EPERM);
    mw_heap_raw_leave(self->heap);
    assert_int_equal(self->misuse.kind, MW_MISUSE_RAW);
    assert_int_equal(mw_heap_snapshot_emit(snapshot, fd, NULL), 0);
    mw_heap_snapshot_destroy(snapshot);
    close(fd);
}

static void what_was_not_begun_has_no_counts(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot *snapshot = NULL;
    struct mw_heap_snapshot_report report = {.nodes = 1, .file_bytes = 1, .new_ids = true};

    assert_int_equal(mw_heap_snapshot_prepare(self->heap, &snapshot, NULL), 0);
    assert_int_equal(mw_heap_snapshot_store(snapshot, "/dev/null", &report), -EEXIST);
    assert_int_equal(report.nodes, 0);
    assert_int_equal(report.file_bytes, 0);
    assert_false(report.new_ids);
    assert_string_not_equal(report.why, "");
    mw_heap_snapshot_destroy(snapshot);
}

/* Marks what is alive, then lets half of it go: that has marks, and must not be seen. */
static void what_dies_while_marking_goes_in_slices_is_not_in_it(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct rows written, expected, later;
    size_t lived;
    MW_SCOPE(scope, self->heap);
    struct mw_ref all = array_of_nodes(self, NODES);

    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    own_something(self, all);
    while (mw_heap_snapshot_step(self->heap, 100))
        ;
    for (size_t i = 0; i < NODES; i += 2)
        mw_heap_set(self->heap, all, i, mw_ref_none());
    begin_and_write(self, &written);
    rows_take(&expected, self->heap, NULL);
    assert_string_equal(written.text, expected.text);
    assert_int_equal(released, 1);
    lived = written.count;
    for (size_t i = 0; i < NODES; i += 2)
        set_node(self, all, i);
    rows_take(&later, self->heap, NULL);
    assert_true(rows_unique(&later));
    assert_int_equal(rows_common(&written, &later), lived);
    rows_free(&written);
    rows_free(&expected);
    rows_free(&later);
}

/* Without slices before, and in the process that began it. */
static void the_short_pause_is_not_needed(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot *snapshot = NULL;
    struct rows begun, prepared;
    int fd = rows_file();
    MW_SCOPE(scope, self->heap);

    array_of_nodes(self, NODES);
    begin_and_write(self, &begun);
    rows_take(&prepared, self->heap, NULL);
    assert_string_equal(begun.text, prepared.text);
    rows_free(&begun);
    while (mw_heap_snapshot_step(self->heap, 100))
        ;
    assert_int_equal(mw_heap_snapshot_begin(self->heap, &snapshot, NULL), 0);
    assert_int_equal(mw_heap_snapshot_emit(snapshot, fd, NULL), 0);
    mw_heap_snapshot_destroy(snapshot);
    rows_read(&begun, fd);
    assert_string_equal(begun.text, prepared.text);
    rows_free(&begun);
    rows_free(&prepared);
    assert_int_equal(mw_heap_verify(self->heap, NULL), 0);
}

static void a_heap_that_went_on_is_not_written(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot *snapshot = NULL;
    int fd = rows_file();
    MW_SCOPE(scope, self->heap);
    struct mw_ref all = array_of_nodes(self, NODES);

    assert_int_equal(mw_heap_snapshot_prepare(self->heap, &snapshot, NULL), 0);
    mw_heap_set(self->heap, all, 0, mw_ref_none()); /* noticed by the number of edges */
    assert_int_equal(mw_heap_snapshot_emit(snapshot, fd, NULL), -ESTALE);
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    assert_int_equal(mw_heap_snapshot_emit(snapshot, fd, NULL), -ESTALE);
    assert_null(mw_heap_snapshot_destroy(snapshot));
    assert_null(mw_heap_snapshot_destroy(NULL));
    close(fd);
}

/* An array of more than a step of young memory fills exactly what was made ready for it. */
static void whatever_was_allocated_since_is_noticed(void **state)
{
    static const size_t sizes[] = {1, 5000, 20000, 200 * 1024};
    struct fixture *self = create(state, 0, 8 * MIB);
    int fd = rows_file();
    MW_SCOPE(scope, self->heap);

    array_of_nodes(self, NODES);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct mw_heap_snapshot *snapshot = NULL;

        assert_int_equal(mw_heap_snapshot_prepare(self->heap, &snapshot, NULL), 0);
        mw_heap_new_array(self->heap, self->bytes, sizes[i], MW_PLACE_YOUNG);
        assert_int_equal(mw_heap_snapshot_emit(snapshot, fd, NULL), -ESTALE);
        mw_heap_snapshot_destroy(snapshot);
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(one_destroyed_late_takes_nothing_but_its_own, teardown),
        cmocka_unit_test(one_may_outlive_its_heap),
        cmocka_unit_test_teardown(what_failed_may_be_written_again, teardown),
        cmocka_unit_test_teardown(nothing_is_collected_while_raw_pointers_are_held, teardown),
        cmocka_unit_test_teardown(what_was_not_begun_has_no_counts, teardown),
        cmocka_unit_test_teardown(a_child_writes_what_was_while_the_parent_goes_on, teardown),
        cmocka_unit_test_teardown(what_dies_while_marking_goes_in_slices_is_not_in_it, teardown),
        cmocka_unit_test_teardown(the_short_pause_is_not_needed, teardown),
        cmocka_unit_test_teardown(a_heap_that_went_on_is_not_written, teardown),
        cmocka_unit_test_teardown(whatever_was_allocated_since_is_noticed, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
