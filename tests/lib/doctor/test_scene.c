/* Who the others are: processes of other users that have memory, at most so many, and those that
 * end meanwhile do not count. */
#include "tests/lib/doctor/doctor_support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct mw_doctor_scene scene_over(const struct tree *tree)
{
    struct mw_doctor_options options = on_this_machine;
    struct mw_doctor_scene scene;

    options.root = tree->path;
    mw_doctor_scene_init(&options, &scene);
    return scene;
}

static bool is_among(const struct mw_doctor_scene *scene, pid_t pid)
{
    for (unsigned i = 0; i < scene->other_count; i++)
        if (scene->others[i] == pid)
            return true;
    return false;
}

static void kernel_threads_and_zombies_are_left_out(void **state)
{
    struct tree tree = healthy_create();
    struct mw_doctor_scene scene;

    (void)state;
    tree_write(&tree, "proc/3/statm", "0 0 0 0 0 0 0\n");
    tree_write(&tree, "proc/4/statm", "01 0 0 0 0 0 0\n");
    tree_write(&tree, "proc/77/statm", "5 5 5 5 5 5 5\n");
    tree_write(&tree, "proc/5x/statm", "5 5 5 5 5 5 5\n");
    tree_write(&tree, "proc/99999999999999999999/statm", "5 5 5 5 5 5 5\n");
    tree_write(&tree, "proc/6/status", "");
    scene = scene_over(&tree);
    assert_true(is_among(&scene, 1));
    assert_true(is_among(&scene, 2));
    assert_true(is_among(&scene, 4));
    assert_int_equal(scene.other_count, 3);
    assert_true(scene.sees_first);
    mw_doctor_scene_deinit(&scene);
    tree_free(&tree);
}

static void own_processes_are_no_others(void **state)
{
    struct tree tree = healthy_create();
    char status[64];

    (void)state;
    snprintf(status, sizeof status, "Pid:\t77\nUid:\t1\t%u\t1\t1\n", geteuid());
    tree_write(&tree, "proc/self/status", status);
    struct mw_doctor_scene scene = scene_over(&tree);
    assert_int_equal(scene.other_count, 0);
    mw_doctor_scene_deinit(&scene);
    tree_free(&tree);
}

static void assert_count(const struct tree *tree, unsigned count)
{
    struct mw_doctor_scene scene = scene_over(tree);

    assert_int_equal(scene.other_count, count);
    mw_doctor_scene_deinit(&scene);
}

static void no_more_than_64_are_tried(void **state)
{
    struct tree tree = healthy_create();
    char name[32];

    (void)state;
    for (int pid = 3; pid <= MW_DOCTOR_OTHERS_MAX + 1; pid++) {
        snprintf(name, sizeof name, "proc/%d/statm", pid);
        tree_write(&tree, name, "5 5 5 5 5 5 5\n");
        if (pid >= MW_DOCTOR_OTHERS_MAX - 1)
            assert_count(&tree, pid < MW_DOCTOR_OTHERS_MAX ? (unsigned)pid : MW_DOCTOR_OTHERS_MAX);
    }
    tree_free(&tree);
}

static int only_second(const struct mw_doctor_scene *scene, pid_t pid)
{
    (void)scene;
    return pid == 2 ? 0 : -EACCES;
}

static int ended(const struct mw_doctor_scene *scene, pid_t pid)
{
    (void)scene;
    return pid == 2 ? 0 : -ESRCH;
}

static int remove_first(const struct mw_doctor_scene *scene, pid_t pid)
{
    char from[128], to[128];

    snprintf(from, sizeof from, "%s/proc/1", scene->options.root);
    snprintf(to, sizeof to, "%s/proc/one", scene->options.root);
    if (pid == 1)
        rename(from, to);
    return pid == 2 ? 0 : -ENOENT;
}

static void assert_tally(struct mw_doctor_tally tally, unsigned good, unsigned tried, int error)
{
    assert_int_equal(tally.good, good);
    assert_int_equal(tally.tried, tried);
    assert_int_equal(tally.error, error);
}

static void those_that_end_do_not_count(void **state)
{
    struct tree tree = healthy_create();
    struct mw_doctor_scene scene = scene_over(&tree);

    (void)state;
    assert_tally(mw_doctor_try_others(&scene, only_second), 1, 2, -EACCES);
    assert_tally(mw_doctor_try_others(&scene, ended), 1, 1, 0);
    assert_tally(mw_doctor_try_others(&scene, remove_first), 1, 1, 0);
    mw_doctor_scene_deinit(&scene);
    tree_free(&tree);
}

/* One byte of a file more than is looked at is not looked at, and nothing is written past it. */
static void long_files_are_cut(void **state)
{
    static char bytes[MW_DOCTOR_FILE_MAX + 1];
    struct tree tree = healthy_create();
    struct mw_doctor_scene scene = scene_over(&tree);
    struct mw_scan text;

    (void)state;
    for (int more = -1; more <= 1; more++) {
        size_t size = (size_t)(MW_DOCTOR_FILE_MAX + more);

        tree_write_bytes(&tree, "proc/long", bytes, size);
        assert_int_equal(mw_doctor_read(&scene, "/proc/long", &text), 0);
        assert_int_equal(mw_scan_left(&text), more > 0 ? MW_DOCTOR_FILE_MAX : size);
    }
    assert_int_equal(mw_doctor_read(&scene, "proc/none", &text), -ENOENT);
    mw_doctor_scene_deinit(&scene);
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_threads_and_zombies_are_left_out),
        cmocka_unit_test(own_processes_are_no_others),
        cmocka_unit_test(no_more_than_64_are_tried),
        cmocka_unit_test(those_that_end_do_not_count),
        cmocka_unit_test(long_files_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
