/* What the kernel keeps to a process's own user unless the reader holds CAP_SYS_PTRACE.
 *
 * It decides when a file is opened or a link is followed, so nothing is read: a read of
 * smaps_rollup would take its process's lock for milliseconds a GiB, and a directory behind
 * /proc/PID/root may lie on a file system that does not answer. */
#include "doctor/doctor_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CAPABILITIES_TEXT = 48 };

/* ---- the judge ---- */

/* "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH": all of them, or those that are missing. */
static const char *list(const struct mw_doctor_scene *scene, const struct mw_doctor_private *what,
                        bool only_missing, char ret[CAPABILITIES_TEXT])
{
    *ret = '\0';
    for (int i = 0; i < 2; i++) {
        int capability = what->capabilities[i];
        size_t used = strlen(ret);

        if (capability < 0 || (only_missing && mw_doctor_has(scene, (unsigned)capability)))
            continue;
        snprintf(ret + used, CAPABILITIES_TEXT - used, "%s%s", used ? " and " : "",
                 mw_doctor_capability_name((unsigned)capability));
    }
    return ret;
}

static void say_untried(const struct mw_doctor_scene *scene, const struct mw_doctor_private *what,
                        struct mw_doctor_row *row)
{
    char missing[CAPABILITIES_TEXT];

    list(scene, what, true, missing);
    mw_doctor_say(row, MW_DOCTOR_UNKNOWN, "there is no process of another user to try it on; %s%s",
                  *missing ? "it would take " : "the capabilities for it are held", missing);
    if (*missing)
        mw_doctor_advise(row, "%s (for the daemon: deep.conf), or root", missing);
}

static void say_denied(const struct mw_doctor_scene *scene, const struct mw_doctor_private *what,
                       struct mw_doctor_tally tally, struct mw_doctor_row *row)
{
    enum mw_doctor_outcome outcome = tally.good ? MW_DOCTOR_PARTLY : MW_DOCTOR_NO;
    char names[CAPABILITIES_TEXT];

    list(scene, what, true, names);
    if (*names) {
        mw_doctor_say(row, outcome, "%u of %u tried: no %s", tally.good, tally.tried, names);
        mw_doctor_advise(row, "%s (for the daemon: deep.conf), or root", names);
        return;
    }
    mw_doctor_say(row, outcome, "%u of %u tried, though %s held: %s", tally.good, tally.tried,
                  what->capabilities[1] < 0 ? "CAP_SYS_PTRACE is" : "the capabilities are",
                  strerror(-tally.error));
    mw_doctor_advise(row, "no user namespace of its own (PrivateUsers=no, no container), and an "
                          "LSM profile that allows it");
}

void mw_doctor_judge_private(const struct mw_doctor_scene *scene,
                             const struct mw_doctor_private *what, struct mw_doctor_tally tally,
                             struct mw_doctor_row *row)
{
    if (tally.tried == 0) {
        say_untried(scene, what, row);
    } else if (tally.good == tally.tried) {
        mw_doctor_say(row, MW_DOCTOR_YES, "%u of %u tried", tally.good, tally.tried);
    } else if (tally.error == -ENOENT) {
        mw_doctor_say(row, MW_DOCTOR_NO, "Linux %s offers no %s", scene->kernel, what->file);
        mw_doctor_advise(row, "Linux %u.%u or later", what->since / 100, what->since % 100);
    } else {
        say_denied(scene, what, tally, row);
    }
}

/* ---- smaps_rollup ---- */

static int try_smaps_rollup(const struct mw_doctor_scene *scene, pid_t pid)
{
    int fd = mw_doctor_open_of(scene, pid, "smaps_rollup", O_RDONLY);

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

void mw_doctor_check_smaps_rollup(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    static const struct mw_doctor_private what = {"smaps_rollup", 414, {CAP_SYS_PTRACE, -1}};

    mw_doctor_judge_private(scene, &what, mw_doctor_try_others(scene, try_smaps_rollup), row);
}

/* ---- fd ---- */

static const char *first_name(DIR *dir)
{
    const struct dirent *entry;

    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            return entry->d_name;
    return NULL;
}

/* Which directory one sees is decided by its owner, which file a number stands for by the right to
 * trace: both are needed. */
static int try_fds(const struct mw_doctor_scene *scene, pid_t pid)
{
    char target[256];
    int fd = mw_doctor_open_of(scene, pid, "fd", O_RDONLY | O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    int error = 0;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return fd < 0 ? fd : -ENOMEM;
    }
    const char *name = first_name(dir);
    /* one that was closed meanwhile was ours to see */
    if (name && readlinkat(fd, name, target, sizeof target) < 0 && errno != ENOENT)
        error = -errno;
    closedir(dir);
    return error;
}

void mw_doctor_check_fd_map(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    static const struct mw_doctor_private what = {"fd", 0, {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH}};

    mw_doctor_judge_private(scene, &what, mw_doctor_try_others(scene, try_fds), row);
}

/* ---- root ---- */

static int try_root(const struct mw_doctor_scene *scene, pid_t pid)
{
    int fd = mw_doctor_open_of(scene, pid, "root", O_PATH | O_DIRECTORY);

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

/* The way in is one thing; the file at its end has mode 0600. */
void mw_doctor_check_root_files(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    static const struct mw_doctor_private what = {"root", 0, {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH}};

    mw_doctor_judge_private(scene, &what, mw_doctor_try_others(scene, try_root), row);
    if (row->outcome != MW_DOCTOR_YES || mw_doctor_has(scene, CAP_DAC_OVERRIDE) ||
        mw_doctor_has(scene, CAP_DAC_READ_SEARCH) || !scene->capabilities_known)
        return;
    mw_doctor_say(row, MW_DOCTOR_PARTLY,
                  "the way in is open, but not files of mode 0600, as "
                  "hsperfdata has: no CAP_DAC_READ_SEARCH");
    mw_doctor_advise(row, "CAP_DAC_READ_SEARCH (for the daemon: deep.conf), or root");
}
