/* Limits of the process itself, with the number that is needed. */
#include "tests/lib/doctor/doctor_support.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>

static void open_files_of(const struct tree *tree, const char *hard)
{
    char text[128];

    snprintf(text, sizeof text, "Max open files    64     %s     files\n", hard);
    tree_write(tree, "proc/self/limits", text);
}

/* 2000 to keep and 352 others: at the limit, one under it, and where nothing is left to keep. */
static void open_files_are_counted_against_what_is_wanted(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    open_files_of(&tree, "2352");
    assert_tree(&tree, "open_files", MW_DOCTOR_YES, "2352, and 2352 are wanted", NULL);
    open_files_of(&tree, "2351");
    assert_tree(&tree, "open_files", MW_DOCTOR_PARTLY, "2351 leave room for 1999 of the 2000 files",
                "a limit of 2352");
    open_files_of(&tree, "352");
    assert_tree(&tree, "open_files", MW_DOCTOR_NO, "room for 0 of the 2000", "LimitNOFILE=");
    open_files_of(&tree, "64");
    assert_tree(&tree, "open_files", MW_DOCTOR_NO, "room for 0 of the 2000", "a limit of 2352");
    open_files_of(&tree, "unlimited");
    assert_tree(&tree, "open_files", MW_DOCTOR_YES, "no limit", NULL);
    open_files_of(&tree, "many");
    assert_tree(&tree, "open_files", MW_DOCTOR_UNKNOWN, "No data", "mount proc");
    tree_free(&tree);
}

static void locked_memory_needs_the_limit_or_the_capability(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    assert_tree(&tree, "memlock", MW_DOCTOR_YES, "192.0 MiB", NULL);
    tree_write(&tree, "proc/self/limits", "Max locked memory  1  201326592  bytes\n");
    assert_tree(&tree, "memlock", MW_DOCTOR_YES, "192.0 MiB", NULL);
    tree_write(&tree, "proc/self/limits", "Max locked memory  1  201326591  bytes\n");
    assert_tree(&tree, "memlock", MW_DOCTOR_NO, "192.0 MiB are wanted: no CAP_IPC_LOCK",
                "LimitMEMLOCK=192M");
    tree_empower(&tree, CAPABILITY(CAP_IPC_LOCK));
    assert_tree(&tree, "memlock", MW_DOCTOR_YES, "192.0 MiB", NULL);
    tree_free(&tree);
}

static void a_lock_that_is_refused_all_the_same_is_no(void **state)
{
    struct mw_doctor_scene scene = scene_of("6.1.0", 0);
    struct mw_doctor_row row = {.id = "memlock"};

    (void)state;
    mw_doctor_judge_memlock(&scene, UINT64_MAX, -EPERM, &row);
    assert_row(&row, MW_DOCTOR_NO, "192.0 MiB cannot be locked: Operation not permitted",
               "@memlock");
}

static void a_score_that_may_not_be_lowered_is_no(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    assert_tree(&tree, "oom_protect", MW_DOCTOR_YES, "oom_score_adj is -900", NULL);
    tree_write(&tree, "proc/self/oom_score_adj", "200\n");
    assert_tree(&tree, "oom_protect", MW_DOCTOR_NO, "oom_score_adj is 200 and may not be lowered",
                "OOMScoreAdjust=-900");
    tree_empower(&tree, CAPABILITY(CAP_SYS_RESOURCE));
    assert_tree(&tree, "oom_protect", MW_DOCTOR_YES, "200 and may be lowered", NULL);
    tree_write(&tree, "proc/self/oom_score_adj", "-1001\n");
    assert_tree(&tree, "oom_protect", MW_DOCTOR_UNKNOWN, "No data", "mount proc");
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_files_are_counted_against_what_is_wanted),
        cmocka_unit_test(locked_memory_needs_the_limit_or_the_capability),
        cmocka_unit_test(a_lock_that_is_refused_all_the_same_is_no),
        cmocka_unit_test(a_score_that_may_not_be_lowered_is_no),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
