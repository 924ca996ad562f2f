/* Against the kernel itself: root and a user without capabilities look at this machine, and get the
 * answers that each of them would get from the files and calls themselves. Needs root. */
#include "tests/lib/doctor/doctor_support.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, DONE = 42 };

/* What a look in another process found, in memory that both share. */
struct visit {
    struct mw_doctor_report report;
    int statm_error; /* of the first process, opened by ourselves */
    int rollup_error;
};

static void become_nobody(void)
{
    if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        _exit(1);
    prctl(PR_SET_DUMPABLE, 1);
}

static int error_at(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 ? -errno : 0;

    if (fd >= 0)
        close(fd);
    return error;
}

/* Runs `prepare` in a child of its own, which then looks. */
static struct visit *visit_as(void (*prepare)(void))
{
    struct visit *visit =
        mmap(NULL, sizeof *visit, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;

    assert_true(visit != MAP_FAILED);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prepare();
        visit->statm_error = error_at("/proc/1/statm");
        visit->rollup_error = error_at("/proc/1/smaps_rollup");
        mw_doctor_look(&on_this_machine, &visit->report);
        _exit(DONE);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), DONE);
    return visit;
}

static void visit_free(struct visit *self)
{
    munmap(self, sizeof *self);
}

static void assert_says(const struct visit *visit, const char *id, enum mw_doctor_outcome outcome,
                        const char *reason, const char *remedy)
{
    struct mw_doctor_row row = row_in(&visit->report, id);

    if (row.outcome != outcome)
        print_message("%s:\n", id);
    assert_row(&row, outcome, reason, remedy);
}

static void stay(void)
{
}

static void be_nobody(int ready)
{
    become_nobody();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user takes it back */
    if (write(ready, "", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

/* Somebody whom root can look at, so that there is one on any machine. */
static pid_t start_nobody(void)
{
    int ends[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_nobody(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1); /* until then it is root's */
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void end_nobody(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void root_may_look_at_others(void **state)
{
    static const char *const ids[] = {"processes", "oom_score",  "smaps_own", "smaps_rollup",
                                      "fd_map",    "root_files", "meminfo",   "slabinfo"};
    pid_t nobody = start_nobody();
    struct visit *visit = visit_as(stay);

    (void)state;
    assert_int_equal(visit->report.uid, 0);
    assert_true(visit->report.capabilities_known);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        assert_says(visit, ids[i], MW_DOCTOR_YES, "", NULL);
    visit_free(visit);
    end_nobody(nobody);
}

static void nobody_may_look_at_sizes_only(void **state)
{
    struct visit *visit = visit_as(become_nobody);

    (void)state;
    assert_int_equal(visit->statm_error, 0);
    assert_int_equal(visit->rollup_error, -EACCES);
    assert_int_equal(visit->report.uid, NOBODY);
    assert_int_equal(visit->report.capabilities, 0);
    assert_says(visit, "processes", MW_DOCTOR_YES, "tried", NULL);
    assert_says(visit, "smaps_own", MW_DOCTOR_YES, "", NULL);
    assert_says(visit, "smaps_rollup", MW_DOCTOR_NO, "no CAP_SYS_PTRACE", "deep.conf");
    assert_says(visit, "fd_map", MW_DOCTOR_NO, "CAP_DAC_READ_SEARCH", "deep.conf");
    assert_says(visit, "root_files", MW_DOCTOR_NO, "no CAP_SYS_PTRACE", "deep.conf");
    assert_says(visit, "slabinfo", MW_DOCTOR_NO, "Permission denied", "root");
    assert_says(visit, "sockets_own", MW_DOCTOR_YES, "listed", NULL);
    assert_says(visit, "sockets_others", MW_DOCTOR_NO, "no CAP_SYS_ADMIN", "root");
    assert_says(visit, "taskstats", MW_DOCTOR_NO, "no CAP_NET_ADMIN", "CAP_NET_ADMIN");
    assert_says(visit, "oom_protect", MW_DOCTOR_NO, "no CAP_SYS_RESOURCE", "OOMScoreAdjust");
    visit_free(visit);
}

/* The kernel answers root and refuses nobody the same question: it is the answer that counts. */
static void root_gets_exit_records(void **state)
{
    struct visit *visit = visit_as(stay);

    (void)state;
    assert_says(visit, "taskstats", MW_DOCTOR_YES, "records", NULL);
    assert_says(visit, "proc_connector", MW_DOCTOR_YES, "acknowledges", NULL);
    assert_says(visit, "sockets_own", MW_DOCTOR_YES, "listed", NULL);
    assert_says(visit, "sockets_others", MW_DOCTOR_YES, "entered", NULL);
    visit_free(visit);
}

/* ---- worse places ---- */

static void leave_little(void)
{
    const struct rlimit files = {64, 64}, locked = {1 << 20, 1 << 20};

    if (setrlimit(RLIMIT_NOFILE, &files) < 0 || setrlimit(RLIMIT_MEMLOCK, &locked) < 0)
        _exit(1);
    become_nobody();
}

static void small_limits_are_seen(void **state)
{
    struct visit *visit = visit_as(leave_little);

    (void)state;
    assert_says(visit, "open_files", MW_DOCTOR_NO, "64 leave room for 0 of the 2000",
                "a limit of 2352");
    assert_says(visit, "memlock", MW_DOCTOR_NO, "1.0 MiB may be locked", "LimitMEMLOCK=192M");
    visit_free(visit);
}

/* A /proc of our own, which nobody else sees and which goes with the process. */
static void mount_proc(const char *options)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("proc", "/proc", "proc", 0, options) < 0)
        _exit(1);
    become_nobody();
}

static void hide_all(void)
{
    mount_proc("hidepid=2");
}

static void hide_files(void)
{
    mount_proc("hidepid=1");
}

static void hidden_processes_are_seen_to_be_hidden(void **state)
{
    struct visit *visit = visit_as(hide_all);

    (void)state;
    assert_int_equal(visit->statm_error, -ENOENT);
    assert_says(visit, "processes", MW_DOCTOR_NO, "shows no process of others",
                "SupplementaryGroups");
    assert_says(visit, "smaps_rollup", MW_DOCTOR_UNKNOWN, "no process of another user", "CAP_SYS");
    visit_free(visit);
    visit = visit_as(hide_files);
    assert_int_equal(visit->statm_error, -EPERM);
    assert_says(visit, "processes", MW_DOCTOR_NO, "keeps files of others back", "hidepid");
    assert_says(visit, "smaps_rollup", MW_DOCTOR_NO, "no CAP_SYS_PTRACE", "deep.conf");
    visit_free(visit);
}

/* The first child in a new pid namespace, as in a container; its parent waits for it. */
static void enter_container(void)
{
    int status = 0;

    if (unshare(CLONE_NEWPID) < 0)
        _exit(1);
    pid_t pid = fork();
    if (pid == 0)
        return;
    waitpid(pid, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void exit_records_are_not_for_containers(void **state)
{
    struct visit *visit = visit_as(enter_container);

    (void)state;
    assert_says(visit, "taskstats", MW_DOCTOR_NO, "container", "--pid=host");
    assert_says(visit, "proc_connector", MW_DOCTOR_NO, "", "host");
    visit_free(visit);
}

/* What a try has set up is gone: a second look finds what the first one did, and no processor count
 * or listener is used up. */
static void looking_twice_changes_nothing(void **state)
{
    struct visit *first = visit_as(stay), *second = visit_as(stay);

    (void)state;
    for (uint32_t i = 0; i < first->report.row_count; i++)
        assert_int_equal(first->report.rows[i].outcome, second->report.rows[i].outcome);
    visit_free(first);
    visit_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_may_look_at_others),
        cmocka_unit_test(nobody_may_look_at_sizes_only),
        cmocka_unit_test(root_gets_exit_records),
        cmocka_unit_test(small_limits_are_seen),
        cmocka_unit_test(hidden_processes_are_seen_to_be_hidden),
        cmocka_unit_test(exit_records_are_not_for_containers),
        cmocka_unit_test(looking_twice_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
