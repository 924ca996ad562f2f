#include "doctor/doctor_internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>

enum { MIB = 1 << 20 };

static void say_no_limits(int error, struct mw_doctor_row *row)
{
    mw_doctor_say(row, MW_DOCTOR_UNKNOWN, "/proc/self/limits: %s", strerror(-error));
    mw_doctor_advise(row, "mount proc at /proc, and let this process read it");
}

/* The hard limit: a program may raise its soft one that far. */
static int read_limit(struct mw_doctor_scene *scene, const char *name, uint64_t *ret)
{
    struct mw_scan text;
    int error = mw_doctor_read(scene, "proc/self/limits", &text);

    if (error)
        return error;
    return mw_doctor_find_limit(text, name, ret) ? 0 : -ENODATA;
}

/* ---- open files ---- */

void mw_doctor_judge_open_files(const struct mw_doctor_scene *scene, uint64_t limit,
                                struct mw_doctor_row *row)
{
    unsigned long long kept = scene->options.kept_fds, others = scene->options.other_fds;

    if (limit == UINT64_MAX) {
        mw_doctor_say(row, MW_DOCTOR_YES, "no limit; %llu are wanted", kept + others);
    } else if (limit >= kept + others) {
        mw_doctor_say(row, MW_DOCTOR_YES, "%llu, and %llu are wanted", (unsigned long long)limit,
                      kept + others);
    } else {
        mw_doctor_say(row, limit > others ? MW_DOCTOR_PARTLY : MW_DOCTOR_NO,
                      "%llu leave room for %llu of the %llu files of keep-fds: the others are "
                      "opened again for each sample",
                      (unsigned long long)limit, limit > others ? limit - others : 0, kept);
        mw_doctor_advise(row, "a limit of %llu: LimitNOFILE= in the unit, ulimit -n in a shell",
                         kept + others);
    }
}

void mw_doctor_check_open_files(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    uint64_t limit;
    int error = read_limit(scene, "Max open files", &limit);

    if (error)
        say_no_limits(error, row);
    else
        mw_doctor_judge_open_files(scene, limit, row);
}

/* ---- locked memory ---- */

void mw_doctor_judge_memlock(const struct mw_doctor_scene *scene, uint64_t limit, int error,
                             struct mw_doctor_row *row)
{
    char has[32], wants[32];

    mw_doctor_format_size(limit, has);
    mw_doctor_format_size(scene->options.locked_bytes, wants);
    if (error == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "%s may be locked", wants);
    } else if (limit < scene->options.locked_bytes && !mw_doctor_has(scene, CAP_IPC_LOCK)) {
        mw_doctor_say(row, MW_DOCTOR_NO, "%s may be locked, %s are wanted: no CAP_IPC_LOCK", has,
                      wants);
        mw_doctor_advise(row,
                         "LimitMEMLOCK=%lluM in the unit (ulimit -l), or CAP_IPC_LOCK; "
                         "lock-memory = false does without",
                         (unsigned long long)((scene->options.locked_bytes + MIB - 1) / MIB));
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO, "%s cannot be locked: %s", wants, strerror(-error));
        mw_doctor_advise(row, "RLIMIT_AS and what confines this process (seccomp: @memlock); "
                              "lock-memory = false does without");
    }
}

/* Nothing is touched, so nothing takes memory: only whether it is allowed is asked. */
static int try_lock(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (pages == MAP_FAILED)
        return -errno;
    int error = mlock2(pages, size, MLOCK_ONFAULT) < 0 ? -errno : 0;
    munmap(pages, size);
    return error;
}

void mw_doctor_check_memlock(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    uint64_t limit, wanted = scene->options.locked_bytes;
    int error = read_limit(scene, "Max locked memory", &limit);

    if (error) {
        say_no_limits(error, row);
        return;
    }
    if (scene->here)
        error = try_lock((size_t)wanted);
    else if (limit < wanted && !mw_doctor_has(scene, CAP_IPC_LOCK))
        error = -ENOMEM;
    mw_doctor_judge_memlock(scene, limit, error, row);
}

/* ---- oom_score_adj ---- */

static int read_adjustment(struct mw_doctor_scene *scene, int *ret)
{
    struct mw_scan text;
    uint64_t number;
    int error = mw_doctor_read(scene, "proc/self/oom_score_adj", &text);

    if (error)
        return error;
    int sign = mw_scan_literal(&text, "-") ? -1 : 1;
    if (!mw_scan_u64(&text, &number) || number > 1000)
        return -ENODATA;
    *ret = sign * (int)number;
    return 0;
}

void mw_doctor_check_oom_protect(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    int adjustment;
    int error = read_adjustment(scene, &adjustment);

    if (error) {
        mw_doctor_say(row, MW_DOCTOR_UNKNOWN, "/proc/self/oom_score_adj: %s", strerror(-error));
        mw_doctor_advise(row, "mount proc at /proc, and let this process read it");
    } else if (adjustment < 0 || mw_doctor_has(scene, CAP_SYS_RESOURCE)) {
        mw_doctor_say(row, MW_DOCTOR_YES, "oom_score_adj is %d%s", adjustment,
                      adjustment < 0 ? "" : " and may be lowered");
    } else {
        mw_doctor_say(row, MW_DOCTOR_NO,
                      "oom_score_adj is %d and may not be lowered: no "
                      "CAP_SYS_RESOURCE",
                      adjustment);
        mw_doctor_advise(row, "OOMScoreAdjust=-900 in the unit: systemd sets it before the start");
    }
}
