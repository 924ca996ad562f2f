/* The kernel's log, its caches, its trace events: where they are restricted, and to whom. */
#include "tests/lib/doctor/doctor_support.h"

#include <errno.h>
#include <linux/capability.h>

static struct mw_doctor_row kmsg(uint64_t capabilities, int error, bool restricted)
{
    struct mw_doctor_scene scene = scene_of("6.1.0", capabilities);
    struct mw_doctor_row row = {.id = "kmsg"};

    mw_doctor_judge_kmsg(&scene, error, restricted, &row);
    return row;
}

static void the_log_is_restricted_or_not_there(void **state)
{
    struct tree tree = healthy_create();
    struct mw_doctor_row row = kmsg(0, -EPERM, true);

    (void)state;
    assert_row(&row, MW_DOCTOR_NO, "dmesg_restrict=1 and no CAP_SYSLOG", "CAP_SYSLOG");
    row = kmsg(CAPABILITY(CAP_SYSLOG), -EPERM, true);
    assert_row(&row, MW_DOCTOR_NO, "/dev/kmsg: Operation not permitted", "DeviceAllow=");
    row = kmsg(0, -EACCES, false);
    assert_row(&row, MW_DOCTOR_NO, "/dev/kmsg: Permission denied", "DeviceAllow=");
    assert_tree(&tree, "kmsg", MW_DOCTOR_YES, "can be read", NULL);
    tree_remove(&tree, "dev/kmsg");
    assert_tree(&tree, "kmsg", MW_DOCTOR_NO, "there is no /dev/kmsg", "PrivateDevices=no");
    tree_free(&tree);
}

static void caches_are_for_root(void **state)
{
    struct tree tree = healthy_create();
    struct mw_doctor_row row = {.id = "slabinfo"};

    (void)state;
    mw_doctor_judge_slabinfo(-EACCES, &row);
    assert_row(&row, MW_DOCTOR_NO, "Permission denied", "CAP_DAC_READ_SEARCH");
    tree_remove(&tree, "proc/slabinfo");
    assert_tree(&tree, "slabinfo", MW_DOCTOR_NO, "there is no /proc/slabinfo", "SLUB_DEBUG");
    tree_free(&tree);
}

static void trace_events_need_a_mount_an_event_and_an_instance(void **state)
{
    struct tree tree = healthy_create();
    struct mw_doctor_row row = {.id = "tracefs"};

    (void)state;
    mw_doctor_judge_tracefs(-EACCES, true, false, &row);
    assert_row(&row, MW_DOCTOR_NO, "tracefs is root's: Permission denied", "gid=");
    tree_rename(&tree, "sys/kernel/tracing/instances", "sys/kernel/tracing/others");
    assert_tree(&tree, "tracefs", MW_DOCTOR_PARTLY, "no instance", "instances/");
    tree_rename(&tree, "sys/kernel/tracing/events", "sys/kernel/tracing/none");
    assert_tree(&tree, "tracefs", MW_DOCTOR_NO, "no event oom/mark_victim", "EVENT_TRACING");
    tree_write(&tree, "proc/self/mountinfo", "1 2 0:1 / /proc rw - proc proc rw\n");
    assert_tree(&tree, "tracefs", MW_DOCTOR_NO, "not mounted", "mount -t tracefs");
    tree_free(&tree);
}

/* Where it is mounted elsewhere, it is looked for there. */
static void the_mount_point_counts(void **state)
{
    struct tree tree = healthy_create();

    (void)state;
    tree_rename(&tree, "sys/kernel/tracing", "trace");
    tree_write(&tree, "proc/self/mountinfo", "1 2 0:1 / /trace rw - tracefs t rw\n");
    assert_tree(&tree, "tracefs", MW_DOCTOR_YES, "own instance", NULL);
    tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_is_restricted_or_not_there),
        cmocka_unit_test(caches_are_for_root),
        cmocka_unit_test(trace_events_need_a_mount_an_event_and_an_instance),
        cmocka_unit_test(the_mount_point_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
