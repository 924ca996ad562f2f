#include "doctor/doctor_internal.h"

#include <errno.h>
#include <string.h>

/* A file of proc that belongs to the machine and not to a process. */
static void say_unreadable(const struct mw_doctor_scene *scene, const char *file, int error,
                           struct mw_doctor_row *row)
{
    if (error == -ENOENT && scene->mounts.only_pids) {
        mw_doctor_say(row, MW_DOCTOR_NO, "/proc is mounted with subset=pid: there is no %s", file);
        mw_doctor_advise(row, "ProcSubset=all in the unit, or /proc without subset=pid");
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO, "/proc/%s: %s", file, strerror(-error));
        mw_doctor_advise(row, "mount proc at /proc, and let this process read it");
    }
}

void mw_doctor_check_meminfo(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    struct mw_scan text;
    uint64_t kb;
    int error = mw_doctor_read(scene, "proc/meminfo", &text);

    if (error == 0 && !mw_doctor_find_number(text, "MemTotal", &kb))
        error = -ENODATA;
    if (error) {
        say_unreadable(scene, "meminfo", error, row);
    } else if (!mw_doctor_find_number(text, "MemAvailable", &kb)) {
        mw_doctor_say(row, MW_DOCTOR_PARTLY, "no MemAvailable: Linux %s does not estimate it",
                      scene->kernel);
        mw_doctor_advise(row, "Linux 3.14 or later");
    } else {
        mw_doctor_say(row, MW_DOCTOR_YES, "with MemAvailable");
    }
}

void mw_doctor_check_vmstat(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    struct mw_scan text;
    uint64_t count;
    int error = mw_doctor_read(scene, "proc/vmstat", &text);

    if (error == 0 && !mw_doctor_find_number(text, "pgmajfault", &count))
        error = -ENODATA;
    if (error) {
        say_unreadable(scene, "vmstat", error, row);
    } else if (!mw_doctor_find_number(text, "oom_kill", &count)) {
        mw_doctor_say(row, MW_DOCTOR_PARTLY, "no oom_kill: Linux %s does not count OOM kills",
                      scene->kernel);
        mw_doctor_advise(row, "Linux 4.13 or later");
    } else {
        mw_doctor_say(row, MW_DOCTOR_YES, "with oom_kill");
    }
}

void mw_doctor_check_swap(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    struct mw_scan text;
    uint64_t kb;
    char size[32];
    int error = mw_doctor_read(scene, "proc/meminfo", &text);

    if (error == 0 && !mw_doctor_find_number(text, "SwapTotal", &kb))
        error = -ENODATA;
    if (error) {
        say_unreadable(scene, "meminfo", error, row);
    } else if (kb == 0) {
        mw_doctor_say(row, MW_DOCTOR_NO, "none is set up: swap readings are 0, and that is true");
        mw_doctor_advise(row, "swapon, or zram, if memory is to have somewhere to go");
    } else {
        mw_doctor_format_size(kb * 1024, size);
        mw_doctor_say(row, MW_DOCTOR_YES, "%s", size);
    }
}
