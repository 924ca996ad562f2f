/* Pressure: not there yet, switched off, not built, refused; and triggers, which are asked for with
 * two windows and never outside of a real /proc. */
#include "tests/lib/doctor/doctor_support.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

static void each_reason_has_its_remedy(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_remove(&tree, "proc/pressure/memory");
    assert_tree(&tree, "pressure", MW_DOCTOR_NO, "off in this kernel", "boot with psi=1");
    tree_write(&tree, "proc/cmdline", "quiet psi=0\n");
    assert_tree(&tree, "pressure", MW_DOCTOR_NO, "psi=0", "take psi=0 off");
    tree_write(&tree, "proc/cmdline", "psi=1 quiet\n");
    assert_tree(&tree, "pressure", MW_DOCTOR_NO, "built without", "CONFIG_PSI=y");
    tree_remove(&tree, "proc/cmdline");
    assert_tree(&tree, "pressure", MW_DOCTOR_NO, "off in this kernel", "boot with psi=1");
    tree_write(&tree, "proc/sys/kernel/osrelease", "4.19.0-27-amd64\n");
    assert_tree(&tree, "pressure", MW_DOCTOR_NO, "Linux 4.19.0-27-amd64", "Linux 4.20");
    assert_tree(&tree, "pressure_trigger", MW_DOCTOR_NO, "no pressure", "pressure readings first");
    tree_write(&tree, "proc/self/mountinfo", "1 2 0:1 / /proc rw - proc proc rw,subset=pid\n");
    assert_tree(&tree, "pressure", MW_DOCTOR_NO, "subset=pid", "ProcSubset=all");
    tree_write(&tree, "proc/pressure/memory", "nonsense\n");
    assert_tree(&tree, "pressure", MW_DOCTOR_NO, "No data", "let this process read");
    tree_free(&tree);
}

/* Older kernels have the file all the same and refuse the read. */
static void a_file_that_refuses_is_switched_off(void **state)
{
    struct mw_doctor_scene scene = scene_of("5.4.0", 0);
    struct mw_doctor_row row = {.id = "pressure"};

    (void)state;
    mw_doctor_judge_pressure(&scene, -EOPNOTSUPP, scan_of("ro psi=0"), &row);
    assert_row(&row, MW_DOCTOR_NO, "switched off by psi=0", "take psi=0 off");
    mw_doctor_judge_pressure(&scene, -EACCES, scan_of("ro"), &row);
    assert_row(&row, MW_DOCTOR_NO, "Permission denied", "container");
}

static struct mw_doctor_row judged(const char *kernel, uint64_t capabilities, int short_error,
                                   int long_error)
{
    struct mw_doctor_scene scene = scene_of(kernel, capabilities);
    struct mw_doctor_row row = {.id = "pressure_trigger"};

    mw_doctor_judge_trigger(&scene, short_error, long_error, &row);
    return row;
}

static void windows_depend_on_the_capability(void **state)
{
    struct mw_doctor_row row = judged("6.12.0", CAPABILITY(CAP_SYS_RESOURCE), 0, 0);

    (void)state;
    assert_row(&row, MW_DOCTOR_YES, "from 500 ms", NULL);
    row = judged("6.12.0", 0, -EINVAL, 0);
    assert_row(&row, MW_DOCTOR_PARTLY, "multiple of 2 s: no CAP_SYS_RESOURCE", "CAP_SYS_RESOURCE");
    row = judged("6.1.0", 0, -EPERM, -EPERM);
    assert_row(&row, MW_DOCTOR_NO, "Linux 6.1.0 allows it with CAP_SYS_RESOURCE only", "6.4");
    row = judged("6.12.0", 0, -EROFS, -EROFS);
    assert_row(&row, MW_DOCTOR_NO, "Read-only", "let this process write");
    row = judged("6.12.0", 0, -EOPNOTSUPP, -EOPNOTSUPP);
    assert_row(&row, MW_DOCTOR_NO, "no pressure", "pressure readings first");
}

static void nothing_is_written_outside_of_proc(void **state)
{
    struct tree tree = healthy_create();
    struct text text;
    char path[128];

    (void)state;
    assert_tree(&tree, "pressure_trigger", MW_DOCTOR_UNKNOWN, "running machine", NULL);
    snprintf(path, sizeof path, "%s/proc/pressure/memory", tree.path);
    text = text_of_file(path);
    assert_int_equal(text.size, strlen("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"));
    text_free(&text);
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_has_its_remedy),
        cmocka_unit_test(a_file_that_refuses_is_switched_off),
        cmocka_unit_test(windows_depend_on_the_capability),
        cmocka_unit_test(nothing_is_written_outside_of_proc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
