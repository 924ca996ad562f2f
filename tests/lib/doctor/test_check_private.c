/* What the kernel keeps to a process's own user: which capability is missing, or what else. */
#include "tests/lib/doctor/doctor_support.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>

static const struct mw_doctor_private rollup = {"smaps_rollup", 414, {CAP_SYS_PTRACE, -1}};
static const struct mw_doctor_private fds = {"fd", 0, {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH}};

static struct mw_doctor_row judged(uint64_t capabilities, const struct mw_doctor_private *what,
                                   struct mw_doctor_tally tally)
{
    struct mw_doctor_scene scene = scene_of("6.1.0", capabilities);
    struct mw_doctor_row row = {.id = what->file};

    mw_doctor_judge_private(&scene, what, tally, &row);
    return row;
}

static void the_capabilities_that_are_missing_are_named(void **state)
{
    struct mw_doctor_row row;

    (void)state;
    row = judged(0, &rollup, (struct mw_doctor_tally){64, 0, -EACCES});
    assert_row(&row, MW_DOCTOR_NO, "0 of 64 tried: no CAP_SYS_PTRACE", "deep.conf");
    row = judged(0, &fds, (struct mw_doctor_tally){64, 2, -EACCES});
    assert_row(&row, MW_DOCTOR_PARTLY, "2 of 64 tried: no CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
               "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH");
    row = judged(CAPABILITY(CAP_SYS_PTRACE), &fds, (struct mw_doctor_tally){64, 0, -EACCES});
    assert_row(&row, MW_DOCTOR_NO, "tried: no CAP_DAC_READ_SEARCH", "CAP_DAC_READ_SEARCH (for");
}

/* With PrivateUsers=yes or in a container the capability is there and worth nothing. */
static void a_capability_that_does_not_help_is_said(void **state)
{
    struct mw_doctor_row row =
        judged(CAPABILITY(CAP_SYS_PTRACE), &rollup, (struct mw_doctor_tally){8, 1, -EACCES});

    (void)state;
    assert_row(&row, MW_DOCTOR_PARTLY, "though CAP_SYS_PTRACE is held: Permission denied",
               "PrivateUsers=no");
    row = judged(CAPABILITY(CAP_SYS_PTRACE) | CAPABILITY(CAP_DAC_READ_SEARCH), &fds,
                 (struct mw_doctor_tally){8, 0, -EPERM});
    assert_row(&row, MW_DOCTOR_NO, "though the capabilities are held", "PrivateUsers=no");
}

static void nobody_to_try_it_on_is_unknown(void **state)
{
    struct mw_doctor_row row = judged(0, &rollup, (struct mw_doctor_tally){0, 0, 0});

    (void)state;
    assert_row(&row, MW_DOCTOR_UNKNOWN, "it would take CAP_SYS_PTRACE", "CAP_SYS_PTRACE");
    row = judged(CAPABILITY(CAP_SYS_PTRACE), &rollup, (struct mw_doctor_tally){0, 0, 0});
    assert_row(&row, MW_DOCTOR_UNKNOWN, "are held", NULL);
}

static void an_old_kernel_has_no_smaps_rollup(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_write(&tree, "proc/sys/kernel/osrelease", "4.9.0\n");
    tree_remove(&tree, "proc/1/smaps_rollup");
    tree_remove(&tree, "proc/2/smaps_rollup");
    assert_tree(&tree, "smaps_rollup", MW_DOCTOR_NO, "Linux 4.9.0 offers no smaps_rollup",
                "Linux 4.14 or later");
    tree_free(&tree);
}

static void a_directory_of_files_must_be_readable_to_the_link(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    assert_tree(&tree, "fd_map", MW_DOCTOR_YES, "2 of 2", NULL);
    tree_remove(&tree, "proc/1/fd/0");
    assert_tree(&tree, "fd_map", MW_DOCTOR_YES, "2 of 2", NULL); /* it has no open file */
    tree_write(&tree, "proc/1/fd/0", "no link");
    assert_tree(&tree, "fd_map", MW_DOCTOR_PARTLY, "1 of 2 tried: no CAP_SYS_PTRACE", "deep.conf");
    tree_free(&tree);
}

static void the_way_in_is_not_the_file(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    assert_tree(&tree, "root_files", MW_DOCTOR_PARTLY, "no CAP_DAC_READ_SEARCH",
                "CAP_DAC_READ_SEARCH");
    tree_empower(&tree, CAPABILITY(CAP_DAC_READ_SEARCH));
    assert_tree(&tree, "root_files", MW_DOCTOR_YES, "2 of 2", NULL);
    tree_empower(&tree, CAPABILITY(CAP_DAC_OVERRIDE));
    assert_tree(&tree, "root_files", MW_DOCTOR_YES, "2 of 2", NULL);
    tree_free(&tree);
}

static void a_root_that_cannot_be_entered_is_no(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    for (int pid = 1; pid <= 2; pid++) {
        char name[32];

        snprintf(name, sizeof name, "proc/%d/root/etc/hostname", pid);
        tree_remove(&tree, name);
        snprintf(name, sizeof name, "proc/%d/root/etc", pid);
        tree_remove(&tree, name);
        snprintf(name, sizeof name, "proc/%d/root", pid);
        tree_remove(&tree, name);
        tree_write(&tree, name, "no directory");
    }
    assert_tree(&tree, "root_files", MW_DOCTOR_NO, "0 of 2 tried: no CAP_SYS_PTRACE", "deep.conf");
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_capabilities_that_are_missing_are_named),
        cmocka_unit_test(a_capability_that_does_not_help_is_said),
        cmocka_unit_test(nobody_to_try_it_on_is_unknown),
        cmocka_unit_test(an_old_kernel_has_no_smaps_rollup),
        cmocka_unit_test(a_directory_of_files_must_be_readable_to_the_link),
        cmocka_unit_test(the_way_in_is_not_the_file),
        cmocka_unit_test(a_root_that_cannot_be_entered_is_no),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
