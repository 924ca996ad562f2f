/* What the kernel's refusals over netlink mean, and what would change them. */
#include "tests/lib/doctor/doctor_support.h"

#include <errno.h>
#include <linux/capability.h>

static void sockets_of_the_own_namespace(void **state)
{
    struct mw_doctor_row row = {.id = "sockets_own"};

    (void)state;
    mw_doctor_judge_sock_diag(0, &row);
    assert_row(&row, MW_DOCTOR_YES, "listed", NULL);
    mw_doctor_judge_sock_diag(-EAFNOSUPPORT, &row);
    assert_row(&row, MW_DOCTOR_NO, "no netlink sockets", "RestrictAddressFamilies=");
    mw_doctor_judge_sock_diag(-ENOENT, &row);
    assert_row(&row, MW_DOCTOR_NO, "no sock_diag", "tcp_diag");
    mw_doctor_judge_sock_diag(-EPERM, &row);
    assert_row(&row, MW_DOCTOR_NO, "Operation not permitted", "seccomp");
}

static struct mw_doctor_row namespaces(uint64_t capabilities, int error,
                                       struct mw_doctor_tally tally)
{
    struct mw_doctor_scene scene = scene_of("6.1.0", capabilities);
    struct mw_doctor_row row = {.id = "sockets_others"};

    mw_doctor_judge_namespaces(&scene, error, tally, &row);
    return row;
}

static void sockets_of_containers(void **state)
{
    struct mw_doctor_row row = namespaces(0, -EPERM, (struct mw_doctor_tally){4, 0, -EACCES});

    (void)state;
    assert_row(&row, MW_DOCTOR_NO, "no CAP_SYS_ADMIN", "CAP_SYS_ADMIN and CAP_SYS_PTRACE");
    row = namespaces(CAPABILITY(CAP_SYS_ADMIN), -EPERM, (struct mw_doctor_tally){4, 4, 0});
    assert_row(&row, MW_DOCTOR_NO, "(setns): Operation not permitted", "user namespace");
    row = namespaces(CAPABILITY(CAP_SYS_ADMIN), 0, (struct mw_doctor_tally){4, 1, -EACCES});
    assert_row(&row, MW_DOCTOR_PARTLY, "of 4 others 1 can be seen", "CAP_SYS_PTRACE");
    row = namespaces(CAPABILITY(CAP_SYS_ADMIN), 0, (struct mw_doctor_tally){4, 4, 0});
    assert_row(&row, MW_DOCTOR_YES, "can be entered", NULL);
}

static void exit_records(void **state)
{
    struct mw_doctor_row row = {.id = "taskstats"};

    (void)state;
    mw_doctor_judge_taskstats(0, &row);
    assert_row(&row, MW_DOCTOR_YES, "records", NULL);
    mw_doctor_judge_taskstats(-EPERM, &row);
    assert_row(&row, MW_DOCTOR_NO, "no CAP_NET_ADMIN", "CAP_NET_ADMIN");
    mw_doctor_judge_taskstats(-EINVAL, &row);
    assert_row(&row, MW_DOCTOR_NO, "container", "--pid=host");
    mw_doctor_judge_taskstats(-ENOENT, &row);
    assert_row(&row, MW_DOCTOR_NO, "built without", "CONFIG_TASKSTATS");
    mw_doctor_judge_taskstats(-EAFNOSUPPORT, &row);
    assert_row(&row, MW_DOCTOR_NO, "no netlink sockets", "AF_NETLINK");
    mw_doctor_judge_taskstats(-ETIME, &row);
    assert_row(&row, MW_DOCTOR_NO, "Timer expired", "seccomp");
}

static struct mw_doctor_row connector(const char *kernel, int error)
{
    struct mw_doctor_scene scene = scene_of(kernel, 0);
    struct mw_doctor_row row = {.id = "proc_connector"};

    mw_doctor_judge_connector(&scene, error, &row);
    return row;
}

static void process_events(void **state)
{
    struct mw_doctor_row row = connector("6.1.0", -EPERM);

    (void)state;
    assert_row(&row, MW_DOCTOR_NO, "which is needed before Linux 6.6", "CAP_NET_ADMIN");
    row = connector("6.12.0", -EPERM);
    assert_row(&row, MW_DOCTOR_NO, "no CAP_NET_ADMIN", "CAP_NET_ADMIN");
    row = connector("6.12.0", -ETIME);
    assert_row(&row, MW_DOCTOR_NO, "nothing answers", "CONFIG_PROC_EVENTS");
    row = connector("6.12.0", -EPROTONOSUPPORT);
    assert_row(&row, MW_DOCTOR_NO, "built without", "CONFIG_CONNECTOR");
    row = connector("6.12.0", -EAFNOSUPPORT);
    assert_row(&row, MW_DOCTOR_NO, "no netlink sockets", "AF_NETLINK");
    row = connector("6.12.0", -ECONNREFUSED);
    assert_row(&row, MW_DOCTOR_NO, "Connection refused", "first network namespace");
    row = connector("6.12.0", 0);
    assert_row(&row, MW_DOCTOR_YES, "acknowledges", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_of_the_own_namespace),
        cmocka_unit_test(sockets_of_containers),
        cmocka_unit_test(exit_records),
        cmocka_unit_test(process_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
