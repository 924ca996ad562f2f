/* Control groups: which hierarchy has the memory controller, and what limits the own group. */
#include "tests/lib/doctor/doctor_support.h"

static const char hybrid[] = "34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                             "40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
static const char only_v1[] = "34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

static void v1_and_hybrid_are_partly(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    assert_tree(&tree, "cgroup", MW_DOCTOR_YES, "v2 at /sys/fs/cgroup", NULL);
    tree_write(&tree, "proc/self/mountinfo", hybrid);
    assert_tree(&tree, "cgroup", MW_DOCTOR_PARTLY,
                "hybrid: the memory controller is on v1, at /sys/fs/cgroup/memory",
                "systemd.unified_cgroup_hierarchy=1");
    tree_write(&tree, "proc/self/mountinfo", only_v1);
    assert_tree(&tree, "cgroup", MW_DOCTOR_PARTLY, "v1: the memory controller", "v2 adds");
    tree_free(&tree);
}

static void no_controller_is_no(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_write(&tree, "sys/fs/cgroup/cgroup.controllers", "cpu io pids\n");
    assert_tree(&tree, "cgroup", MW_DOCTOR_NO, "offers no memory controller",
                "cgroup_disable=memory");
    tree_remove(&tree, "sys/fs/cgroup/cgroup.controllers");
    assert_tree(&tree, "cgroup", MW_DOCTOR_UNKNOWN, "cgroup.controllers: No such file", "sys");
    tree_write(&tree, "proc/self/mountinfo", "1 2 0:1 / /proc rw - proc proc rw\n");
    assert_tree(&tree, "cgroup", MW_DOCTOR_NO, "no hierarchy", "CONFIG_MEMCG");
    assert_tree(&tree, "cgroup_limit", MW_DOCTOR_NO, "no hierarchy", "CONFIG_MEMCG");
    tree_remove(&tree, "proc/self/mountinfo");
    assert_tree(&tree, "cgroup", MW_DOCTOR_UNKNOWN, "mountinfo: No such file", "CONFIG_MEMCG");
    tree_free(&tree);
}

static void the_smallest_limit_above_counts(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    assert_tree(&tree, "cgroup_limit", MW_DOCTOR_YES, "512.0 MiB", NULL);
    tree_write(&tree, "sys/fs/cgroup/system.slice/x.service/memory.max", "67108864\n");
    assert_tree(&tree, "cgroup_limit", MW_DOCTOR_YES, "64.0 MiB", NULL);
    tree_write(&tree, "sys/fs/cgroup/system.slice/x.service/memory.max", "max\n");
    tree_write(&tree, "sys/fs/cgroup/system.slice/memory.max", "max\n");
    assert_tree(&tree, "cgroup_limit", MW_DOCTOR_YES, "none is set", NULL);
    tree_free(&tree);
}

/* v1 has no word for "no limit". */
static void v1_has_a_number_for_none(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_write(&tree, "proc/self/mountinfo", hybrid);
    tree_write(&tree, "proc/self/cgroup", "4:memory:/a\n0::/\n");
    tree_write(&tree, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    tree_write(&tree, "sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854775807\n");
    assert_tree(&tree, "cgroup_limit", MW_DOCTOR_YES, "none is set", NULL);
    tree_write(&tree, "sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1073741824\n");
    assert_tree(&tree, "cgroup_limit", MW_DOCTOR_YES, "1.0 GiB", NULL);
    tree_free(&tree);
}

static void a_group_without_the_controller_is_no(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_remove(&tree, "sys/fs/cgroup/system.slice/memory.max");
    tree_remove(&tree, "sys/fs/cgroup/system.slice/x.service/memory.max");
    assert_tree(&tree, "cgroup_limit", MW_DOCTOR_NO,
                "not on at /sys/fs/cgroup/system.slice/x.service", "MemoryAccounting=yes");
    tree_write(&tree, "proc/self/cgroup", "0::/\n"); /* the root group never has a limit */
    assert_tree(&tree, "cgroup_limit", MW_DOCTOR_YES, "none is set", NULL);
    tree_free(&tree);
}

static void nonsense_is_no_limit(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_write(&tree, "sys/fs/cgroup/system.slice/memory.max", "much\n");
    assert_tree(&tree, "cgroup_limit", MW_DOCTOR_NO, "Invalid argument", "let this process read");
    tree_free(&tree);
}

/* What a container shows of its own group, and what it cannot. */
static void a_group_outside_is_partly(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_write(&tree, "proc/self/mountinfo",
               "1 2 0:1 /system.slice /sys/fs/cgroup rw - cgroup2 c rw\n");
    tree_write(&tree, "sys/fs/cgroup/x.service/memory.max", "2097152\n");
    assert_tree(&tree, "cgroup_limit", MW_DOCTOR_YES, "2.0 MiB", NULL);
    tree_write(&tree, "sys/fs/cgroup/memory.max", "1048576\n");
    tree_write(&tree, "proc/self/cgroup", "0::/system.slicex/y\n");
    assert_tree(&tree, "cgroup_limit", MW_DOCTOR_PARTLY, "1.0 MiB in the topmost group",
                "cgroup namespace");
    tree_write(&tree, "proc/self/cgroup", "0::/system.slice/../../secret\n");
    assert_tree(&tree, "cgroup_limit", MW_DOCTOR_PARTLY, "1.0 MiB in the topmost group",
                "cgroup namespace");
    tree_free(&tree);
}

static void events_are_told_where_they_can_be(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    assert_tree(&tree, "cgroup_events", MW_DOCTOR_YES, "v2: memory.high, memory.max", NULL);
    tree_remove(&tree, "sys/fs/cgroup/system.slice/x.service/memory.events");
    assert_tree(&tree, "cgroup_events", MW_DOCTOR_NO,
                "memory.events at /sys/fs/cgroup/system.slice", "MemoryAccounting=yes");
    tree_write(&tree, "proc/self/mountinfo", only_v1);
    tree_write(&tree, "proc/self/cgroup", "4:memory:/x\n");
    assert_tree(&tree, "cgroup_events", MW_DOCTOR_NO, "cgroup.event_control for writing: No such",
                "ProtectControlGroups=no");
    tree_write(&tree, "sys/fs/cgroup/memory/x/cgroup.event_control", "");
    assert_tree(&tree, "cgroup_events", MW_DOCTOR_YES, "v1: steps of a limit", NULL);
    tree_write(&tree, "proc/self/mountinfo", "1 2 0:1 / /proc rw - proc proc rw\n");
    assert_tree(&tree, "cgroup_events", MW_DOCTOR_NO, "no hierarchy", "CONFIG_MEMCG");
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v1_and_hybrid_are_partly),
        cmocka_unit_test(no_controller_is_no),
        cmocka_unit_test(the_smallest_limit_above_counts),
        cmocka_unit_test(v1_has_a_number_for_none),
        cmocka_unit_test(a_group_without_the_controller_is_no),
        cmocka_unit_test(nonsense_is_no_limit),
        cmocka_unit_test(a_group_outside_is_partly),
        cmocka_unit_test(events_are_told_where_they_can_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
