#include "doctor/doctor_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- readings ---- */

/* Switched off there is no file (newer kernels) or one that refuses to be read. */
static void say_off(const struct mw_doctor_scene *scene, struct mw_scan command_line,
                    struct mw_doctor_row *row)
{
    if (mw_doctor_older(scene, 420)) {
        mw_doctor_say(row, MW_DOCTOR_NO, "Linux %s does not measure pressure", scene->kernel);
        mw_doctor_advise(row, "Linux 4.20 or later");
    } else if (mw_doctor_has_word(command_line, "psi=0")) {
        mw_doctor_say(row, MW_DOCTOR_NO, "switched off by psi=0 on the kernel's command line");
        mw_doctor_advise(row, "take psi=0 off the command line, and boot");
    } else if (mw_doctor_has_word(command_line, "psi=1")) {
        mw_doctor_say(row, MW_DOCTOR_NO, "the kernel is built without it (psi=1 changed nothing)");
        mw_doctor_advise(row, "a kernel with CONFIG_PSI=y");
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO, "off in this kernel until it is asked for, or not built");
        mw_doctor_advise(row, "boot with psi=1; if that is not enough, a kernel with CONFIG_PSI=y");
    }
}

void mw_doctor_judge_pressure(const struct mw_doctor_scene *scene, int error,
                              struct mw_scan command_line, struct mw_doctor_row *row)
{
    if (error == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "averages and totals");
    } else if (error == -ENOENT && scene->mounts.only_pids) {
        mw_doctor_say(row, MW_DOCTOR_NO, "/proc is mounted with subset=pid");
        mw_doctor_advise(row, "ProcSubset=all in the unit, or /proc without subset=pid");
    } else if (error == -ENOENT || error == -EOPNOTSUPP) {
        say_off(scene, command_line, row);
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO, "/proc/pressure/memory: %s", strerror(-error));
        mw_doctor_advise(row, "let this process read it (container runtime, LSM)");
    }
}

static int read_pressure(struct mw_doctor_scene *scene)
{
    struct mw_scan text;
    int error = mw_doctor_read(scene, "proc/pressure/memory", &text);

    if (error)
        return error;
    return mw_scan_literal(&text, "some avg10=") ? 0 : -ENODATA;
}

void mw_doctor_check_pressure(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    struct mw_scan command_line = {NULL, NULL};
    int error = read_pressure(scene);

    if (error && mw_doctor_read(scene, "proc/cmdline", &command_line) < 0)
        command_line = mw_scan_over("", 0);
    mw_doctor_judge_pressure(scene, error, command_line, row);
}

/* ---- triggers ---- */

static void say_refused(const struct mw_doctor_scene *scene, int error, struct mw_doctor_row *row)
{
    if (error == -ENOENT || error == -EOPNOTSUPP) {
        mw_doctor_say(row, MW_DOCTOR_NO, "there is no pressure to be woken at: see above");
        mw_doctor_advise(row, "pressure readings first");
    } else if (mw_doctor_older(scene, 604) && !mw_doctor_has(scene, CAP_SYS_RESOURCE)) {
        mw_doctor_say(row, MW_DOCTOR_NO, "%s: Linux %s allows it with CAP_SYS_RESOURCE only",
                      strerror(-error), scene->kernel);
        mw_doctor_advise(row, "CAP_SYS_RESOURCE, or Linux 6.4 or later");
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO, "/proc/pressure/memory for writing: %s", strerror(-error));
        mw_doctor_advise(row, "let this process write to it (container runtime, LSM)");
    }
}

void mw_doctor_judge_trigger(const struct mw_doctor_scene *scene, int short_error, int long_error,
                             struct mw_doctor_row *row)
{
    if (short_error == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "windows from 500 ms to 10 s");
    } else if (long_error == 0) {
        mw_doctor_say(row, MW_DOCTOR_PARTLY, "only windows of a multiple of 2 s: %s",
                      mw_doctor_has(scene, CAP_SYS_RESOURCE) ? strerror(-short_error)
                                                             : "no CAP_SYS_RESOURCE");
        mw_doctor_advise(row, "CAP_SYS_RESOURCE gives windows from 500 ms");
    } else {
        say_refused(scene, long_error, row);
    }
}

static bool is_of_proc(int fd)
{
    struct statfs status;

    return fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

/* The trigger lives as long as the descriptor. Only in a real proc may anything be written. */
static int try_trigger(const struct mw_doctor_scene *scene, const char *trigger)
{
    int fd = mw_doctor_open(scene, "proc/pressure/memory", O_RDWR);
    int error = 0;

    if (fd < 0)
        return fd;
    if (!is_of_proc(fd))
        error = -EXDEV;
    else if (write(fd, trigger, strlen(trigger) + 1) < 0)
        error = -errno;
    close(fd);
    return error;
}

void mw_doctor_check_pressure_trigger(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    int short_error = try_trigger(scene, "some 50000 500000");
    int long_error = short_error ? try_trigger(scene, "some 150000 2000000") : 0;

    if (short_error == -EXDEV)
        mw_doctor_say_elsewhere(row);
    else
        mw_doctor_judge_trigger(scene, short_error, long_error, row);
}
