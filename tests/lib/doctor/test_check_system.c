/* meminfo, vmstat, swap: old kernels, a /proc of processes only, nothing there. */
#include "tests/lib/doctor/doctor_support.h"

static void an_old_kernel_does_not_estimate(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_write(&tree, "proc/sys/kernel/osrelease", "3.10.0-1160.el7\n");
    tree_write(&tree, "proc/meminfo", "MemTotal: 8 kB\nMemFree: 4 kB\nSwapTotal: 0 kB\n");
    assert_tree(&tree, "meminfo", MW_DOCTOR_PARTLY, "Linux 3.10.0-1160.el7", "Linux 3.14");
    tree_write(&tree, "proc/vmstat", "pgmajfault 3\n");
    assert_tree(&tree, "vmstat", MW_DOCTOR_PARTLY, "no oom_kill", "Linux 4.13");
    tree_free(&tree);
}

static void no_swap_is_said_as_a_fact(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    assert_tree(&tree, "swap", MW_DOCTOR_YES, "2.0 GiB", NULL);
    tree_write(&tree, "proc/meminfo", "MemTotal: 8 kB\nMemAvailable: 4 kB\nSwapTotal: 0 kB\n");
    assert_tree(&tree, "swap", MW_DOCTOR_NO, "none is set up", "swapon");
    tree_free(&tree);
}

static void a_proc_of_processes_only_is_named(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_write(&tree, "proc/self/mountinfo", "1 2 0:1 / /proc rw - proc proc rw,subset=pid\n");
    tree_remove(&tree, "proc/meminfo");
    tree_remove(&tree, "proc/vmstat");
    assert_tree(&tree, "meminfo", MW_DOCTOR_NO, "subset=pid", "ProcSubset=all");
    assert_tree(&tree, "vmstat", MW_DOCTOR_NO, "subset=pid", "ProcSubset=all");
    assert_tree(&tree, "swap", MW_DOCTOR_NO, "subset=pid", "ProcSubset=all");
    tree_free(&tree);
}

static void nonsense_is_no_meminfo(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_write(&tree, "proc/meminfo", "MemTotal: many\n");
    assert_tree(&tree, "meminfo", MW_DOCTOR_NO, "/proc/meminfo: No data", "mount proc");
    assert_tree(&tree, "swap", MW_DOCTOR_NO, "/proc/meminfo: No data", "mount proc");
    tree_write(&tree, "proc/vmstat", "");
    assert_tree(&tree, "vmstat", MW_DOCTOR_NO, "/proc/vmstat: No data", "mount proc");
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_kernel_does_not_estimate),
        cmocka_unit_test(no_swap_is_said_as_a_fact),
        cmocka_unit_test(a_proc_of_processes_only_is_named),
        cmocka_unit_test(nonsense_is_no_meminfo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
