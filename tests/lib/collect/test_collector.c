/* The frame that both halves stand in: life, files read whole, faults said once. */
#include "collect/collect_internal.h"
#include "system_support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int create(const char *proc_root, struct mw_collector **ret)
{
    struct mw_collect_options options = {.proc_root = proc_root, .clock = mw_clock_system()};

    return mw_collector_create(&options, ret);
}

static void a_root_that_cannot_be_opened_is_refused(void **state)
{
    struct tree tree = tree_create();
    struct mw_collector *collector = NULL;
    struct mw_collect_options no_clock = {.proc_root = "/proc"};
    char path[128];

    (void)state;
    tree_write(&tree, "file", "");
    snprintf(path, sizeof(path), "%s/file", tree.path);
    assert_int_equal(create(path, &collector), -ENOTDIR);
    snprintf(path, sizeof(path), "%s/none", tree.path);
    assert_int_equal(create(path, &collector), -ENOENT);
    assert_int_equal(create("", &collector), -EINVAL);
    assert_int_equal(create(NULL, &collector), -EINVAL);
    assert_int_equal(mw_collector_create(&no_clock, &collector), -EINVAL);
    assert_null(collector);
    assert_null(mw_collector_destroy(NULL));
    tree_free(&tree);
}

static void a_root_that_is_refused_is_told_as_such(void **state)
{
    struct tree tree = tree_create();
    struct mw_collector *collector = NULL;
    uid_t uid = geteuid();

    (void)state;
    assert_int_equal(chmod(tree.proc, 0), 0);
    assert_int_equal(uid == 0 ? seteuid(65534) : 0, 0);
    assert_int_equal(create(tree.proc, &collector), -EACCES);
    assert_int_equal(seteuid(uid), 0);
    assert_int_equal(chmod(tree.proc, 0755), 0);
    tree_free(&tree);
}

static void without_options_it_is_this_machine(void **state)
{
    struct mw_collector *collector = NULL;

    (void)state;
    assert_int_equal(mw_collector_create(NULL, &collector), 0);
    assert_string_equal(collector->root, "/proc");
    assert_ptr_equal(collector->clock, mw_clock_system());
    mw_collector_destroy(collector);
}

static void the_root_is_kept_without_its_last_slashes(void **state)
{
    static const struct {
        const char *given, *kept;
    } cases[] = {{"/proc", "/proc"}, {"/proc/", "/proc"}, {"/proc//", "/proc"}, {"/", ""}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mw_collector *collector;

        assert_int_equal(create(cases[i].given, &collector), 0);
        assert_string_equal(collector->root, cases[i].kept);
        mw_collector_destroy(collector);
    }
}

/* Where a file of 100 bytes ends is seen only when the buffer has room for one more. */
static void a_file_is_read_whole_or_refused(void **state)
{
    struct tree tree = tree_create();
    char content[101], buffer[128];
    int directory = open(tree.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    memset(content, 'x', 100);
    content[100] = '\0';
    tree_write(&tree, "file", content);
    for (size_t capacity = 99; capacity <= 101; capacity++) {
        size_t size = 0;
        int error = mw_collect_read_file(directory, "file", buffer, capacity, &size);

        assert_int_equal(error, capacity > 100 ? 0 : -EFBIG);
        assert_int_equal(size, capacity > 100 ? 100 : 0);
    }
    assert_memory_equal(buffer, content, 100);
    assert_int_equal(mw_collect_read_file(directory, "none", buffer, 128, &(size_t){0}), -ENOENT);
    assert_int_equal(mw_collect_read_file(directory, ".", buffer, 128, &(size_t){0}), -EISDIR);
    close(directory);
    tree_free(&tree);
}

static void a_fault_is_said_once_and_counted_always(void **state)
{
    struct mw_collector *collector;
    struct mw_fault fault;

    (void)state;
    assert_int_equal(create("/proc", &collector), 0);
    mw_collect_fault(collector, "/proc/a", "first", -EINVAL, 7);
    mw_collect_fault(collector, "/proc/a", "again", -EINVAL, 8);
    mw_collect_fault(collector, "/proc/a", "other error", -ERANGE, 9);
    mw_collect_fault(collector, "/proc/b", "other file", -EINVAL, 0);
    assert_true(mw_collector_next_fault(collector, &fault));
    assert_string_equal(fault.reason, "first");
    assert_int_equal(fault.pid, 7);
    assert_int_equal(fault.count, 2);
    assert_true(mw_collector_next_fault(collector, &fault));
    assert_string_equal(fault.reason, "other error");
    assert_true(mw_collector_next_fault(collector, &fault));
    assert_string_equal(fault.reason, "other file");
    assert_false(mw_collector_next_fault(collector, &fault));
    mw_collect_fault(collector, "/proc/a", "again", -EINVAL, 8);
    assert_false(mw_collector_next_fault(collector, &fault));
    assert_int_equal(collector->faults.total, 5);
    mw_collector_destroy(collector);
}

/* So many different ones are said; further ones are still counted. */
static void different_faults_are_bounded(void **state)
{
    (void)state;
    for (int count = MW_COLLECT_FAULTS_MAX - 1; count <= MW_COLLECT_FAULTS_MAX + 1; count++) {
        struct mw_collector *collector;
        struct mw_fault fault;
        int told = 0;

        assert_int_equal(create("/proc", &collector), 0);
        for (int error = 1; error <= count; error++)
            mw_collect_fault(collector, "/proc/a", "one of many", -error, 0);
        while (mw_collector_next_fault(collector, &fault))
            told++;
        assert_int_equal(told, count < MW_COLLECT_FAULTS_MAX ? count : MW_COLLECT_FAULTS_MAX);
        assert_int_equal(collector->faults.total, count);
        mw_collector_destroy(collector);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_root_that_cannot_be_opened_is_refused),
        cmocka_unit_test(a_root_that_is_refused_is_told_as_such),
        cmocka_unit_test(without_options_it_is_this_machine),
        cmocka_unit_test(the_root_is_kept_without_its_last_slashes),
        cmocka_unit_test(a_file_is_read_whole_or_refused),
        cmocka_unit_test(a_fault_is_said_once_and_counted_always),
        cmocka_unit_test(different_faults_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
