#include "doctor/doctor_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

/* ---- statm, status, cgroup ---- */

static int try_open(const struct mw_doctor_scene *scene, pid_t pid, const char *name)
{
    int fd = mw_doctor_open_of(scene, pid, name, O_RDONLY);

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

static int try_files(const struct mw_doctor_scene *scene, pid_t pid)
{
    static const char *const names[] = {"statm", "status", "cgroup"};
    int error = 0;

    for (size_t i = 0; i < 3 && error == 0; i++)
        error = try_open(scene, pid, names[i]);
    return error;
}

static void advise_on_hiding(struct mw_doctor_row *row)
{
    mw_doctor_advise(row, "in a unit ProtectProc=default and the group that /proc is mounted for "
                          "(gid=, SupplementaryGroups=); else CAP_SYS_PTRACE, or no hidepid");
}

static void say_hidden(const struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    if (scene->mounts.hidepid == MW_DOCTOR_HIDE_NOTHING)
        mw_doctor_say(row, MW_DOCTOR_NO,
                      "not even process 1 can be seen, though /proc is mounted "
                      "without hidepid");
    else
        mw_doctor_say(row, MW_DOCTOR_NO, "/proc is mounted with hidepid (or ProtectProc=) and %s",
                      scene->mounts.hidepid == MW_DOCTOR_HIDE_ALL ? "shows no process of others"
                                                                  : "keeps files of others back");
    advise_on_hiding(row);
}

void mw_doctor_judge_processes(const struct mw_doctor_scene *scene, struct mw_doctor_tally tally,
                               struct mw_doctor_row *row)
{
    bool hides = scene->mounts.hidepid != MW_DOCTOR_HIDE_NOTHING &&
                 !mw_doctor_has(scene, CAP_SYS_PTRACE); /* to whom nothing is hidden */

    if (!scene->sees_first || (tally.good == 0 && hides)) {
        say_hidden(scene, row);
    } else if (tally.tried == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "nothing hides them; just now there are none");
    } else if (tally.good == tally.tried) {
        mw_doctor_say(row, MW_DOCTOR_YES, "%u of %u tried", tally.good, tally.tried);
    } else {
        mw_doctor_say(row, tally.good ? MW_DOCTOR_PARTLY : MW_DOCTOR_NO, "%u of %u tried: %s",
                      tally.good, tally.tried, strerror(-tally.error));
        advise_on_hiding(row);
    }
}

void mw_doctor_check_processes(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    mw_doctor_judge_processes(scene, mw_doctor_try_others(scene, try_files), row);
}

/* ---- oom_score ---- */

static int try_oom_score(const struct mw_doctor_scene *scene, pid_t pid)
{
    return try_open(scene, pid, "oom_score");
}

/* World-readable as statm is, so the same judge. */
void mw_doctor_check_oom_score(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    mw_doctor_judge_processes(scene, mw_doctor_try_others(scene, try_oom_score), row);
}

/* ---- smaps_rollup of our own ---- */

void mw_doctor_judge_smaps_own(const struct mw_doctor_scene *scene, int error,
                               struct mw_doctor_row *row)
{
    if (error == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "read for this process");
    } else if (error == -ENOENT && mw_doctor_older(scene, 414)) {
        mw_doctor_say(row, MW_DOCTOR_NO, "Linux %s has no smaps_rollup", scene->kernel);
        mw_doctor_advise(row, "Linux 4.14 or later");
    } else if (error == -ENOENT) {
        mw_doctor_say(row, MW_DOCTOR_NO, "the kernel offers no smaps_rollup");
        mw_doctor_advise(row, "Linux 4.14 or later, built with CONFIG_PROC_PAGE_MONITOR");
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO, "its own smaps_rollup: %s", strerror(-error));
        mw_doctor_advise(row, "look at what confines this process (LSM, container)");
    }
}

void mw_doctor_check_smaps_own(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    struct mw_scan text;
    uint64_t pss;
    int error = mw_doctor_read(scene, "proc/self/smaps_rollup", &text);

    if (error == 0 && !mw_doctor_find_number(text, "Pss", &pss))
        error = -ENODATA;
    mw_doctor_judge_smaps_own(scene, error, row);
}
