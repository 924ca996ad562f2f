#include "tests/lib/doctor/doctor_support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct mw_doctor_options on_this_machine = {
    .root = "/", .kept_fds = KEPT_FDS, .other_fds = OTHER_FDS, .locked_bytes = LOCKED_BYTES};

/* ---- a machine ---- */

static const char mountinfo[] =
    "21 26 0:20 / /proc rw,nosuid - proc proc rw\n"
    "30 22 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
    "31 22 0:12 / /sys/kernel/tracing rw - tracefs tracefs rw\n";

static const char limits[] =
    "Limit                     Soft Limit           Hard Limit           Units     \n"
    "Max locked memory         8388608              unlimited            bytes     \n"
    "Max open files            1024                 524288               files     \n";

static const struct {
    const char *name, *content;
} files[] = {
    {"dev/kmsg", "6,1,0,-;booting\n"},
    {"proc/cmdline", "quiet\n"},
    {"proc/meminfo", "MemTotal:  8 kB\nMemAvailable:  4 kB\nSwapTotal:  2097152 kB\n"},
    {"proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
    {"proc/slabinfo", "slabinfo - version: 2.1\n"},
    {"proc/sys/kernel/dmesg_restrict", "0\n"},
    {"proc/sys/kernel/osrelease", "6.12.48-amd64\n"},
    {"proc/vmstat", "pgmajfault 3\noom_kill 0\n"},
    {"proc/self/cgroup", "0::/system.slice/x.service\n"},
    {"proc/self/limits", limits},
    {"proc/self/mountinfo", mountinfo},
    {"proc/self/oom_score_adj", "-900\n"},
    {"proc/self/smaps_rollup", "7f00-7fff ---p 00000000 00:00 0 [rollup]\nRss: 8 kB\nPss: 4 kB\n"},
    {"sys/fs/cgroup/cgroup.controllers", "cpu io memory pids\n"},
    {"sys/fs/cgroup/system.slice/memory.max", "536870912\n"},
    {"sys/fs/cgroup/system.slice/x.service/memory.max", "max\n"},
    {"sys/fs/cgroup/system.slice/x.service/memory.events",
     "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n"},
    {"sys/kernel/tracing/events/oom/mark_victim/format", "name: mark_victim\n"},
    {"sys/kernel/tracing/instances/README", ""},
};

static void plant(const struct tree *self, int pid)
{
    static const char *const names[] = {"status", "cgroup", "oom_score", "smaps_rollup",
                                        "root/etc/hostname"};
    char name[64];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(name, sizeof name, "proc/%d/%s", pid, names[i]);
        tree_write(self, name, "0\n");
    }
    snprintf(name, sizeof name, "proc/%d/statm", pid);
    tree_write(self, name, "10 5 2 1 0 3 0\n");
    snprintf(name, sizeof name, "proc/%d/fd/README", pid);
    tree_write(self, name, "");
    tree_remove(self, name);
    snprintf(name, sizeof name, "proc/%d/fd/0", pid);
    tree_link(self, name, "/dev/null");
}

struct tree healthy_create(void)
{
    struct tree self = tree_create();

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        tree_write(&self, files[i].name, files[i].content);
    tree_empower(&self, 0);
    plant(&self, 1);
    plant(&self, 2);
    return self;
}

void tree_empower(const struct tree *self, uint64_t capabilities)
{
    unsigned uid = geteuid() + 1;
    char text[256];

    snprintf(text, sizeof text,
             "Name:\tdoctor\nPid:\t77\nPPid:\t1\nUid:\t9\t%u\t9\t9\nCapInh:\t0000000000000000\n"
             "CapEff:\t%016llx\n",
             uid, (unsigned long long)capabilities);
    tree_write(self, "proc/self/status", text);
}

void tree_link(const struct tree *self, const char *name, const char *target)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", self->path, name);
    assert_int_equal(symlink(target, path), 0);
}

void tree_rename(const struct tree *self, const char *from, const char *to)
{
    char old[256], new[256];

    snprintf(old, sizeof old, "%s/%s", self->path, from);
    snprintf(new, sizeof new, "%s/%s", self->path, to);
    assert_int_equal(rename(old, new), 0);
}

/* ---- rows ---- */

static void assert_sense(const struct mw_doctor_row *row)
{
    bool missing = row->outcome == MW_DOCTOR_NO || row->outcome == MW_DOCTOR_PARTLY;

    assert_true(strlen(row->reason) > 0);
    assert_true(strlen(row->reason) < MW_DOCTOR_TEXT - 1);
    assert_true(strlen(row->remedy) < MW_DOCTOR_TEXT - 1);
    if (missing)
        assert_true(strlen(row->remedy) > 0);
    if (row->outcome == MW_DOCTOR_YES)
        assert_string_equal(row->remedy, "");
}

struct mw_doctor_row row_in(const struct mw_doctor_report *report, const char *id)
{
    for (uint32_t i = 0; i < report->row_count; i++)
        if (strcmp(report->rows[i].id, id) == 0)
            return report->rows[i];
    fail_msg("there is no row %s", id);
    return report->rows[0];
}

struct mw_doctor_row row_of(const struct tree *self, const char *id)
{
    struct mw_doctor_options options = on_this_machine;
    struct mw_doctor_report report;

    options.root = self->path;
    mw_doctor_look(&options, &report);
    return row_in(&report, id);
}

static void assert_part(const char *text, const char *part)
{
    if (part ? strstr(text, part) == NULL : *text != '\0')
        fail_msg("\"%s\" does not say \"%s\"", text, part ? part : "");
}

void assert_row(const struct mw_doctor_row *row, enum mw_doctor_outcome outcome, const char *reason,
                const char *remedy)
{
    if (row->outcome != outcome)
        fail_msg("%s, not %s: %s", mw_doctor_outcome_name(row->outcome),
                 mw_doctor_outcome_name(outcome), row->reason);
    assert_sense(row);
    assert_part(row->reason, reason);
    assert_part(row->remedy, remedy);
}

void assert_tree(const struct tree *self, const char *id, enum mw_doctor_outcome outcome,
                 const char *reason, const char *remedy)
{
    struct mw_doctor_row row = row_of(self, id);

    assert_row(&row, outcome, reason, remedy);
}

/* ---- scenes ---- */

struct mw_doctor_scene scene_of(const char *kernel, uint64_t capabilities)
{
    struct mw_doctor_scene self;

    memset(&self, 0, sizeof self);
    self.options = on_this_machine;
    self.root_fd = -1;
    self.sees_first = true;
    self.capabilities = capabilities;
    self.capabilities_known = true;
    snprintf(self.kernel, sizeof self.kernel, "%s", kernel);
    self.kernel_number = mw_doctor_kernel_number(kernel);
    return self;
}

struct mw_scan scan_of(const char *text)
{
    return mw_scan_over(text, strlen(text));
}
