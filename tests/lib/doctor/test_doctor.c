/* The table as a whole: which rows there are, who looked, and what becomes of a root without proc.
 */
#include "tests/lib/doctor/doctor_support.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct mw_doctor_report look_at(const char *root)
{
    struct mw_doctor_options options = on_this_machine;
    struct mw_doctor_report report;

    options.root = root;
    mw_doctor_look(&options, &report);
    return report;
}

/* Programs look for them: a new one may join, none may change. */
static void ids_are_stable(void **state)
{
    static const char *const ids[] = {
        "processes",   "oom_score",        "smaps_own",  "smaps_rollup",   "fd_map",
        "root_files",  "rss_exact",        "meminfo",    "vmstat",         "swap",
        "pressure",    "pressure_trigger", "cgroup",     "cgroup_limit",   "cgroup_events",
        "sockets_own", "sockets_others",   "taskstats",  "proc_connector", "kmsg",
        "slabinfo",    "tracefs",          "open_files", "memlock",        "oom_protect",
    };
    struct tree tree = healthy_create();
    struct mw_doctor_report report = look_at(tree.path);

    (void)state;
    assert_int_equal(report.row_count, sizeof ids / sizeof ids[0]);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_string_equal(report.rows[i].id, ids[i]);
        assert_true(strlen(report.rows[i].what) > 0);
    }
    tree_free(&tree);
}

/* What only the running kernel can answer is unknown below another root; nothing else is missing on
 * a healthy machine but what capabilities give. */
static void a_healthy_machine_says_yes(void **state)
{
    static const char *const elsewhere[] = {"rss_exact",      "pressure_trigger", "sockets_own",
                                            "sockets_others", "taskstats",        "proc_connector"};
    struct tree tree = healthy_create();
    struct mw_doctor_report report;
    unsigned unknown = 0;

    (void)state;
    tree_empower(&tree, (UINT64_C(1) << MW_DOCTOR_CAPABILITIES) - 1);
    report = look_at(tree.path);
    for (uint32_t i = 0; i < report.row_count; i++) {
        const struct mw_doctor_row *row = &report.rows[i];

        unknown += row->outcome == MW_DOCTOR_UNKNOWN;
        if (row->outcome != MW_DOCTOR_UNKNOWN)
            assert_row(row, MW_DOCTOR_YES, "", NULL);
    }
    assert_int_equal(unknown, sizeof elsewhere / sizeof elsewhere[0]);
    for (unsigned i = 0; i < unknown; i++) {
        struct mw_doctor_row row = row_in(&report, elsewhere[i]);

        assert_row(&row, MW_DOCTOR_UNKNOWN, "running machine", NULL);
    }
    tree_free(&tree);
}

static void it_says_who_looked(void **state)
{
    struct tree tree = healthy_create();
    struct mw_doctor_report report;

    (void)state;
    tree_empower(&tree, 0x80000);
    report = look_at(tree.path);
    assert_int_equal(report.pid, 77);
    assert_int_equal(report.uid, geteuid() + 1);
    assert_true(report.capabilities_known);
    assert_int_equal(report.capabilities, 0x80000);
    assert_string_equal(report.kernel, "6.12.48-amd64");
    tree_free(&tree);
}

/* Not known is not the same as none. */
static void unknown_capabilities_are_not_none(void **state)
{
    struct tree tree = healthy_create();
    struct mw_doctor_report report;

    (void)state;
    tree_write(&tree, "proc/self/status", "Name:\tx\nCapEff:\tnone\n");
    report = look_at(tree.path);
    assert_false(report.capabilities_known);
    assert_int_equal(report.uid, geteuid());
    assert_int_equal(report.pid, getpid());
    tree_free(&tree);
}

static void assert_all_no(const char *root, const char *reason)
{
    struct mw_doctor_report report = look_at(root);

    assert_true(report.row_count > 0);
    for (uint32_t i = 0; i < report.row_count; i++)
        assert_row(&report.rows[i], MW_DOCTOR_NO, reason, "mount proc");
}

static void without_proc_every_row_says_so(void **state)
{
    struct tree tree = tree_create();

    (void)state;
    tree_remove(&tree, "proc");
    assert_all_no(tree.path, "No such file");
    tree_write(&tree, "proc", "a file");
    assert_all_no(tree.path, "Not a directory");
    assert_all_no("/nonexistent", "No such file");
    tree_free(&tree);
}

/* A proc with nothing in it: no row is yes, and each has its reason. */
static void an_empty_proc_is_no_yes(void **state)
{
    struct tree tree = tree_create();
    struct mw_doctor_report report = look_at(tree.path);

    (void)state;
    for (uint32_t i = 0; i < report.row_count; i++) {
        assert_int_not_equal(report.rows[i].outcome, MW_DOCTOR_YES);
        assert_row(&report.rows[i], report.rows[i].outcome, "", "");
    }
    tree_free(&tree);
}

static void no_descriptor_stays_open(void **state)
{
    struct tree tree = healthy_create();
    int before = open("/dev/null", O_RDONLY);
    int after;

    (void)state;
    close(before);
    look_at(tree.path);
    look_at("/");
    look_at("/nonexistent");
    after = open("/dev/null", O_RDONLY);
    close(after);
    assert_int_equal(after, before);
    tree_free(&tree);
}

static void names_are_the_kernels(void **state)
{
    (void)state;
    assert_string_equal(mw_doctor_outcome_name(MW_DOCTOR_YES), "yes");
    assert_string_equal(mw_doctor_outcome_name(MW_DOCTOR_PARTLY), "partly");
    assert_string_equal(mw_doctor_outcome_name(MW_DOCTOR_NO), "no");
    assert_string_equal(mw_doctor_outcome_name(MW_DOCTOR_UNKNOWN), "unknown");
    assert_string_equal(mw_doctor_capability_name(0), "CAP_CHOWN");
    assert_string_equal(mw_doctor_capability_name(12), "CAP_NET_ADMIN");
    assert_string_equal(mw_doctor_capability_name(19), "CAP_SYS_PTRACE");
    assert_string_equal(mw_doctor_capability_name(34), "CAP_SYSLOG");
    assert_string_equal(mw_doctor_capability_name(40), "CAP_CHECKPOINT_RESTORE");
    assert_null(mw_doctor_capability_name(41));
    assert_null(mw_doctor_capability_name(63));
}

static void sizes_have_units(void **state)
{
    char size[32];

    (void)state;
    mw_doctor_format_size(0, size);
    assert_string_equal(size, "0 B");
    mw_doctor_format_size(1536, size);
    assert_string_equal(size, "1.5 KiB");
    mw_doctor_format_size(UINT64_MAX, size);
    assert_string_equal(size, "16.0 EiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_stable),
        cmocka_unit_test(a_healthy_machine_says_yes),
        cmocka_unit_test(it_says_who_looked),
        cmocka_unit_test(unknown_capabilities_are_not_none),
        cmocka_unit_test(without_proc_every_row_says_so),
        cmocka_unit_test(an_empty_proc_is_no_yes),
        cmocka_unit_test(no_descriptor_stays_open),
        cmocka_unit_test(names_are_the_kernels),
        cmocka_unit_test(sizes_have_units),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
