#include "doctor/doctor_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/* A family of sockets that a unit is not allowed looks like one that the kernel does not have. */
static bool say_no_socket(int error, struct mw_doctor_row *row)
{
    if (error != -EAFNOSUPPORT)
        return false;
    mw_doctor_say(row, MW_DOCTOR_NO, "no netlink sockets here: the unit does not allow them");
    mw_doctor_advise(row, "AF_NETLINK in RestrictAddressFamilies= of the unit");
    return true;
}

/* ---- sock_diag ---- */

void mw_doctor_judge_sock_diag(int error, struct mw_doctor_row *row)
{
    if (error == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "listening TCP sockets were listed");
    } else if (say_no_socket(error, row)) {
        return;
    } else if (error == -ENOENT || error == -EPROTONOSUPPORT) {
        mw_doctor_say(row, MW_DOCTOR_NO, "the kernel has no sock_diag for TCP, or may not load it");
        mw_doctor_advise(row, "modprobe tcp_diag, or a kernel with CONFIG_INET_DIAG");
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO, "the kernel refuses: %s", strerror(-error));
        mw_doctor_advise(row, "look at what confines this process (seccomp, LSM)");
    }
}

void mw_doctor_check_sockets_own(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    if (scene->here)
        mw_doctor_judge_sock_diag(mw_doctor_try_sock_diag(), row);
    else
        mw_doctor_say_elsewhere(row);
}

/* ---- other namespaces ---- */

void mw_doctor_judge_namespaces(const struct mw_doctor_scene *scene, int setns_error,
                                struct mw_doctor_tally tally, struct mw_doctor_row *row)
{
    if (setns_error && !mw_doctor_has(scene, CAP_SYS_ADMIN)) {
        mw_doctor_say(row, MW_DOCTOR_NO, "they cannot be entered (setns): no CAP_SYS_ADMIN");
        mw_doctor_advise(row, "CAP_SYS_ADMIN and CAP_SYS_PTRACE; root has them");
    } else if (setns_error) {
        mw_doctor_say(row, MW_DOCTOR_NO, "they cannot be entered (setns): %s",
                      strerror(-setns_error));
        mw_doctor_advise(row, "no user namespace of its own, and @privileged or setns in "
                              "SystemCallFilter= of the unit");
    } else if (tally.good < tally.tried) {
        mw_doctor_say(row, MW_DOCTOR_PARTLY, "those of own processes: of %u others %u can be seen",
                      tally.tried, tally.good);
        mw_doctor_advise(row, "CAP_SYS_PTRACE too; root has it");
    } else {
        mw_doctor_say(row, MW_DOCTOR_YES, "they can be entered (setns)");
    }
}

/* Into the namespace where we are: it asks for the same right as any other, and changes nothing. */
static int try_setns(const struct mw_doctor_scene *scene)
{
    int fd = mw_doctor_open(scene, "proc/self/ns/net", O_RDONLY);

    if (fd < 0)
        return fd;
    int error = setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
    close(fd);
    return error;
}

static int try_namespace(const struct mw_doctor_scene *scene, pid_t pid)
{
    int fd = mw_doctor_open_of(scene, pid, "ns/net", O_RDONLY);

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

void mw_doctor_check_sockets_others(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    if (!scene->here) {
        mw_doctor_say_elsewhere(row);
        return;
    }
    mw_doctor_judge_namespaces(scene, try_setns(scene), mw_doctor_try_others(scene, try_namespace),
                               row);
}

/* ---- taskstats ---- */

void mw_doctor_judge_taskstats(int error, struct mw_doctor_row *row)
{
    if (error == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "records of ending processes can be had");
    } else if (say_no_socket(error, row)) {
        return;
    } else if (error == -EPERM) {
        mw_doctor_say(row, MW_DOCTOR_NO, "the kernel refuses: no CAP_NET_ADMIN");
        mw_doctor_advise(row, "CAP_NET_ADMIN in the machine's own namespaces; root has it");
    } else if (error == -EINVAL) {
        mw_doctor_say(row, MW_DOCTOR_NO,
                      "not from within a container: only the machine's first "
                      "user and pid namespaces are served");
        mw_doctor_advise(row, "run on the host, or with its namespaces (--pid=host --userns=host)");
    } else if (error == -ENOENT || error == -EPROTONOSUPPORT) {
        mw_doctor_say(row, MW_DOCTOR_NO, "the kernel is built without it");
        mw_doctor_advise(row, "a kernel with CONFIG_TASKSTATS and CONFIG_TASK_XACCT");
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO, "the kernel refuses: %s", strerror(-error));
        mw_doctor_advise(row, "look at what confines this process (seccomp, LSM)");
    }
}

void mw_doctor_check_taskstats(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    if (scene->here)
        mw_doctor_judge_taskstats(mw_doctor_try_taskstats(), row);
    else
        mw_doctor_say_elsewhere(row);
}

/* ---- proc connector ---- */

void mw_doctor_judge_connector(const struct mw_doctor_scene *scene, int error,
                               struct mw_doctor_row *row)
{
    if (error == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "the kernel acknowledges a listener");
    } else if (say_no_socket(error, row)) {
        return;
    } else if (error == -EPERM) {
        mw_doctor_say(row, MW_DOCTOR_NO, "the kernel refuses: no CAP_NET_ADMIN%s",
                      mw_doctor_older(scene, 606) ? ", which is needed before Linux 6.6" : "");
        mw_doctor_advise(row, "CAP_NET_ADMIN, or Linux 6.6 or later; root has it");
    } else if (error == -ETIME) {
        mw_doctor_say(row, MW_DOCTOR_NO, "nothing answers: not built in, or this is a container");
        mw_doctor_advise(row, "CONFIG_PROC_EVENTS=y, and the machine's first user and pid "
                              "namespaces (--pid=host --userns=host)");
    } else if (error == -EPROTONOSUPPORT) {
        mw_doctor_say(row, MW_DOCTOR_NO, "the kernel is built without it");
        mw_doctor_advise(row, "a kernel with CONFIG_CONNECTOR and CONFIG_PROC_EVENTS");
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO, "the kernel refuses: %s", strerror(-error));
        mw_doctor_advise(row, "CAP_NET_ADMIN, in the machine's first network namespace");
    }
}

void mw_doctor_check_proc_connector(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    if (scene->here)
        mw_doctor_judge_connector(scene, mw_doctor_try_connector(), row);
    else
        mw_doctor_say_elsewhere(row);
}
