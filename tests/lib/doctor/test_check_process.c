/* Processes of others: what /proc hides, and smaps_rollup of our own. */
#include "tests/lib/doctor/doctor_support.h"

#include <errno.h>
#include <linux/capability.h>

static struct mw_doctor_row judged(const struct mw_doctor_scene *scene,
                                   struct mw_doctor_tally tally)
{
    struct mw_doctor_row row = {.id = "processes"};

    mw_doctor_judge_processes(scene, tally, &row);
    return row;
}

static void hidepid_is_said_and_what_helps(void **state)
{
    static const char *const ids[] = {"processes", "oom_score"};
    struct tree tree = healthy_create();

    (void)state;
    tree_write(&tree, "proc/self/mountinfo",
               "1 2 0:1 / /proc rw - proc proc rw,hidepid=invisible\n");
    for (int i = 0; i < 2; i++) { /* the group of gid= sees them */
        struct mw_doctor_row row = row_of(&tree, ids[i]);

        assert_row(&row, MW_DOCTOR_YES, "2 of 2", NULL);
    }
    tree_rename(&tree, "proc/1", "proc/one");
    for (int i = 0; i < 2; i++)
        assert_tree(&tree, ids[i], MW_DOCTOR_NO, "hidepid (or ProtectProc=)",
                    "ProtectProc=default");
    tree_free(&tree);
}

static void files_that_are_kept_back_are_not_processes_that_are_hidden(void **state)
{
    struct mw_doctor_scene scene = scene_of("6.1.0", 0);
    struct mw_doctor_row row;

    (void)state;
    scene.mounts.hidepid = MW_DOCTOR_HIDE_FILES;
    row = judged(&scene, (struct mw_doctor_tally){9, 0, -EPERM});
    assert_row(&row, MW_DOCTOR_NO, "keeps files of others back", "CAP_SYS_PTRACE");
    scene.mounts.hidepid = MW_DOCTOR_HIDE_ALL;
    row = judged(&scene, (struct mw_doctor_tally){0, 0, 0});
    assert_row(&row, MW_DOCTOR_NO, "shows no process of others", "gid=");
    scene.capabilities = CAPABILITY(CAP_SYS_PTRACE); /* and there is nobody but root */
    row = judged(&scene, (struct mw_doctor_tally){0, 0, 0});
    assert_row(&row, MW_DOCTOR_YES, "just now there are none", NULL);
}

static void others_that_are_refused_are_counted(void **state)
{
    struct mw_doctor_scene scene = scene_of("6.1.0", 0);
    struct mw_doctor_row row;

    (void)state;
    row = judged(&scene, (struct mw_doctor_tally){9, 4, -EACCES});
    assert_row(&row, MW_DOCTOR_PARTLY, "4 of 9 tried: Permission denied", "CAP_SYS_PTRACE");
    row = judged(&scene, (struct mw_doctor_tally){9, 0, -EACCES});
    assert_row(&row, MW_DOCTOR_NO, "0 of 9 tried", "CAP_SYS_PTRACE");
    row = judged(&scene, (struct mw_doctor_tally){0, 0, 0});
    assert_row(&row, MW_DOCTOR_YES, "just now there are none", NULL);
    scene.sees_first = false;
    row = judged(&scene, (struct mw_doctor_tally){9, 9, 0});
    assert_row(&row, MW_DOCTOR_NO, "not even process 1", "hidepid");
}

static void every_file_of_a_process_counts(void **state)
{
    static const char *const names[] = {"proc/2/status", "proc/2/cgroup"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tree tree = healthy_create();

        tree_remove(&tree, names[i]);
        assert_tree(&tree, "processes", MW_DOCTOR_PARTLY, "1 of 2", "hidepid");
        assert_tree(&tree, "oom_score", MW_DOCTOR_YES, "2 of 2", NULL);
        tree_free(&tree);
    }
}

static void scores_are_counted_by_themselves(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_remove(&tree, "proc/1/oom_score");
    tree_remove(&tree, "proc/2/oom_score");
    assert_tree(&tree, "oom_score", MW_DOCTOR_NO, "0 of 2 tried", "hidepid");
    assert_tree(&tree, "processes", MW_DOCTOR_YES, "2 of 2", NULL);
    tree_free(&tree);
}

static void an_old_kernel_has_no_smaps_rollup(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_remove(&tree, "proc/self/smaps_rollup");
    assert_tree(&tree, "smaps_own", MW_DOCTOR_NO, "offers no smaps_rollup", "PAGE_MONITOR");
    tree_write(&tree, "proc/sys/kernel/osrelease", "4.9.0-13-amd64\n");
    assert_tree(&tree, "smaps_own", MW_DOCTOR_NO, "Linux 4.9.0-13-amd64", "Linux 4.14");
    tree_write(&tree, "proc/self/smaps_rollup", "Rss: 8 kB\n");
    assert_tree(&tree, "smaps_own", MW_DOCTOR_NO, "No data", "LSM");
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidepid_is_said_and_what_helps),
        cmocka_unit_test(files_that_are_kept_back_are_not_processes_that_are_hidden),
        cmocka_unit_test(others_that_are_refused_are_counted),
        cmocka_unit_test(every_file_of_a_process_counts),
        cmocka_unit_test(scores_are_counted_by_themselves),
        cmocka_unit_test(an_old_kernel_has_no_smaps_rollup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
