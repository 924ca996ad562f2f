#include "doctor/doctor_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Opens and reads a few bytes. */
static int try_read(const struct mw_doctor_scene *scene, const char *path)
{
    char bytes[256];
    int fd = mw_doctor_open(scene, path, O_RDONLY);

    if (fd < 0)
        return fd;
    int error = read(fd, bytes, sizeof bytes) < 0 ? -errno : 0;
    close(fd);
    return error;
}

/* ---- /dev/kmsg ---- */

void mw_doctor_judge_kmsg(const struct mw_doctor_scene *scene, int error, bool restricted,
                          struct mw_doctor_row *row)
{
    if (error == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "can be read");
    } else if (error == -ENOENT) {
        mw_doctor_say(row, MW_DOCTOR_NO, "there is no /dev/kmsg here (container, PrivateDevices=)");
        mw_doctor_advise(row, "PrivateDevices=no and ProtectKernelLogs=no in the unit; in a "
                              "container hand in /dev/kmsg");
    } else if (error == -EPERM && restricted && !mw_doctor_has(scene, CAP_SYSLOG)) {
        mw_doctor_say(row, MW_DOCTOR_NO, "kernel.dmesg_restrict=1 and no CAP_SYSLOG");
        mw_doctor_advise(row, "CAP_SYSLOG (ProtectKernelLogs=no in the unit), or "
                              "sysctl kernel.dmesg_restrict=0");
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO, "/dev/kmsg: %s", strerror(-error));
        mw_doctor_advise(row, "CAP_SYSLOG, and DeviceAllow=/dev/kmsg r with ProtectKernelLogs=no "
                              "in the unit");
    }
}

/* The kernel asks for the right when it is opened; at its end there is nothing to read, and nothing
 * is lost for others, who read by themselves. */
static int try_kmsg(const struct mw_doctor_scene *scene)
{
    int fd = mw_doctor_open(scene, "dev/kmsg", O_RDONLY);

    if (fd < 0)
        return fd;
    int error = lseek(fd, 0, SEEK_END) < 0 ? -errno : 0;
    close(fd);
    return error;
}

void mw_doctor_check_kmsg(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    struct mw_scan text;
    bool restricted = mw_doctor_read(scene, "proc/sys/kernel/dmesg_restrict", &text) == 0 &&
                      mw_scan_literal(&text, "1");

    mw_doctor_judge_kmsg(scene, try_kmsg(scene), restricted, row);
}

/* ---- /proc/slabinfo ---- */

void mw_doctor_judge_slabinfo(int error, struct mw_doctor_row *row)
{
    if (error == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "can be read");
    } else if (error == -ENOENT) {
        mw_doctor_say(row, MW_DOCTOR_NO, "there is no /proc/slabinfo (kernel, or subset=pid)");
        mw_doctor_advise(row, "a kernel with CONFIG_SLUB_DEBUG, and /proc without subset=pid");
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO, "it is root's: %s", strerror(-error));
        mw_doctor_advise(row, "root, or CAP_DAC_READ_SEARCH (for the daemon: deep.conf)");
    }
}

void mw_doctor_check_slabinfo(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    mw_doctor_judge_slabinfo(try_read(scene, "proc/slabinfo"), row);
}

/* ---- tracefs ---- */

void mw_doctor_judge_tracefs(int error, bool mounted, bool own_instance, struct mw_doctor_row *row)
{
    if (error == 0 && own_instance) {
        mw_doctor_say(row, MW_DOCTOR_YES, "oom/mark_victim, and room for an own instance");
    } else if (error == 0) {
        mw_doctor_say(row, MW_DOCTOR_PARTLY,
                      "oom/mark_victim is there, but no instance of our own "
                      "may be made");
        mw_doctor_advise(row, "root, or write access to instances/ of tracefs");
    } else if (error == -ENOENT && !mounted) {
        mw_doctor_say(row, MW_DOCTOR_NO, "tracefs is not mounted here");
        mw_doctor_advise(row, "mount -t tracefs tracefs /sys/kernel/tracing");
    } else if (error == -ENOENT) {
        mw_doctor_say(row, MW_DOCTOR_NO, "the kernel has no event oom/mark_victim");
        mw_doctor_advise(row, "Linux 4.14 or later with CONFIG_EVENT_TRACING");
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO, "tracefs is root's: %s", strerror(-error));
        mw_doctor_advise(row, "root, or a mount of tracefs with gid= of a group of ours; "
                              "CAP_DAC_READ_SEARCH is enough to look");
    }
}

static bool may_write(const struct mw_doctor_scene *scene, const char *path)
{
    int fd = mw_doctor_open(scene, path, O_PATH | O_DIRECTORY);

    if (fd < 0)
        return false;
    bool may = faccessat(fd, ".", W_OK, AT_EACCESS) == 0;
    close(fd);
    return may;
}

void mw_doctor_check_tracefs(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    const struct mw_doctor_mount *mount = &scene->mounts.tracefs;
    const char *point = mount->found ? mount->point : "/sys/kernel/tracing";
    char path[MW_DOCTOR_PATH + 32];

    snprintf(path, sizeof path, "%s/instances", point);
    bool own_instance = may_write(scene, path);
    snprintf(path, sizeof path, "%s/events/oom/mark_victim/format", point);
    mw_doctor_judge_tracefs(try_read(scene, path), mount->found, own_instance, row);
}
