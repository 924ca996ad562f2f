#include "doctor/doctor_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { UNIT_STEP = 1024 };

struct check {
    const char *id, *what;
    void (*check)(struct mw_doctor_scene *scene, struct mw_doctor_row *row);
};

static const struct check checks[] = {
#define MW_DOCTOR_ROW(id, what) {#id, what, mw_doctor_check_##id},
#include "doctor/rows.def"
#undef MW_DOCTOR_ROW
};

enum { CHECKS = sizeof checks / sizeof checks[0] };
_Static_assert((int)CHECKS <= (int)MW_DOCTOR_ROWS_MAX, "the report has no room for all rows");

static const char *const outcome_names[] = {
    [MW_DOCTOR_YES] = "yes",
    [MW_DOCTOR_PARTLY] = "partly",
    [MW_DOCTOR_NO] = "no",
    [MW_DOCTOR_UNKNOWN] = "unknown",
};

static const char *const capability_names[MW_DOCTOR_CAPABILITIES] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

const char *mw_doctor_outcome_name(enum mw_doctor_outcome outcome)
{
    return outcome_names[outcome];
}

const char *mw_doctor_capability_name(unsigned number)
{
    return number < MW_DOCTOR_CAPABILITIES ? capability_names[number] : NULL;
}

void mw_doctor_say(struct mw_doctor_row *row, enum mw_doctor_outcome outcome, const char *format,
                   ...)
{
    va_list arguments;

    row->outcome = outcome;
    va_start(arguments, format);
    vsnprintf(row->reason, sizeof row->reason, format, arguments);
    va_end(arguments);
}

void mw_doctor_advise(struct mw_doctor_row *row, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(row->remedy, sizeof row->remedy, format, arguments);
    va_end(arguments);
}

void mw_doctor_say_elsewhere(struct mw_doctor_row *row)
{
    mw_doctor_say(row, MW_DOCTOR_UNKNOWN, "it can be tried on the running machine only");
}

void mw_doctor_format_size(uint64_t bytes, char ret[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double size = (double)bytes;
    unsigned unit = 0;

    for (; size >= UNIT_STEP && unit < 6; unit++)
        size /= UNIT_STEP;
    snprintf(ret, 32, "%.*f %s", unit > 0, size, units[unit]);
}

/* ---- the look ---- */

static void say_no_proc(const struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    mw_doctor_say(row, MW_DOCTOR_NO, "there is no /proc to read: %s", strerror(-scene->proc_error));
    mw_doctor_advise(row, "mount proc at /proc");
}

static void tell_who(const struct mw_doctor_scene *scene, struct mw_doctor_report *ret)
{
    ret->pid = scene->pid;
    ret->uid = scene->uid;
    ret->capabilities = scene->capabilities;
    ret->capabilities_known = scene->capabilities_known;
    memcpy(ret->kernel, scene->kernel, sizeof ret->kernel);
}

void mw_doctor_look(const struct mw_doctor_options *options, struct mw_doctor_report *ret)
{
    struct mw_doctor_scene scene;

    memset(ret, 0, sizeof *ret);
    mw_doctor_scene_init(options, &scene);
    tell_who(&scene, ret);
    for (; ret->row_count < CHECKS; ret->row_count++) {
        struct mw_doctor_row *row = &ret->rows[ret->row_count];

        row->id = checks[ret->row_count].id;
        row->what = checks[ret->row_count].what;
        if (scene.proc_error)
            say_no_proc(&scene, row);
        else
            checks[ret->row_count].check(&scene, row);
    }
    mw_doctor_scene_deinit(&scene);
}
