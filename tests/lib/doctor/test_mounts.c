/* mountinfo: how /proc is mounted, and where the hierarchies are. */
#include "tests/lib/doctor/doctor_support.h"

#include <stdio.h>
#include <string.h>

static struct mw_doctor_mounts mounts_of(const char *text)
{
    struct mw_doctor_mounts mounts;

    mw_doctor_mounts_parse(scan_of(text), &mounts);
    return mounts;
}

static void assert_hides(const char *options, enum mw_doctor_hidepid expected)
{
    char line[128];

    snprintf(line, sizeof line, "21 26 0:20 / /proc rw,relatime - proc proc %s\n", options);
    assert_int_equal(mounts_of(line).hidepid, expected);
}

/* By number and by name. */
static void hidepid_is_read(void **state)
{
    (void)state;
    assert_hides("rw", MW_DOCTOR_HIDE_NOTHING);
    assert_hides("rw,hidepid=0", MW_DOCTOR_HIDE_NOTHING);
    assert_hides("rw,hidepid=off", MW_DOCTOR_HIDE_NOTHING);
    assert_hides("rw,hidepid=1", MW_DOCTOR_HIDE_FILES);
    assert_hides("rw,hidepid=noaccess", MW_DOCTOR_HIDE_FILES);
    assert_hides("rw,gid=27,hidepid=2", MW_DOCTOR_HIDE_ALL);
    assert_hides("rw,hidepid=invisible,gid=27", MW_DOCTOR_HIDE_ALL);
    assert_hides("rw,hidepid=ptraceable", MW_DOCTOR_HIDE_ALL);
    assert_hides("rw,hidepid=4", MW_DOCTOR_HIDE_ALL);
    assert_hides("rw,xhidepid=2", MW_DOCTOR_HIDE_NOTHING);
}

static void the_last_proc_counts_and_no_other_place(void **state)
{
    struct mw_doctor_mounts mounts = mounts_of("1 2 0:1 / /proc rw - proc proc rw,hidepid=2\n"
                                               "1 2 0:2 / /proc rw - proc proc rw,subset=pid\n"
                                               "1 2 0:3 / /x/proc rw - proc proc rw,hidepid=1\n"
                                               "1 2 0:4 / /proc rw - tmpfs proc rw,hidepid=1\n");

    (void)state;
    assert_int_equal(mounts.hidepid, MW_DOCTOR_HIDE_NOTHING);
    assert_true(mounts.only_pids);
}

static void hierarchies_are_told_apart(void **state)
{
    struct mw_doctor_mounts mounts = mounts_of(
        "31 30 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
        "34 30 0:31 /docker/4f /sys/fs/cgroup/memory ro shared:9 m:1 - cgroup c rw,memory\n"
        "40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");

    (void)state;
    assert_true(mounts.memory_v1.found);
    assert_string_equal(mounts.memory_v1.root, "/docker/4f");
    assert_string_equal(mounts.memory_v1.point, "/sys/fs/cgroup/memory");
    assert_true(mounts.v2.found);
    assert_string_equal(mounts.v2.root, "");
    assert_string_equal(mounts.v2.point, "/sys/fs/cgroup/unified");
    assert_false(mounts.tracefs.found);
}

static void the_first_point_counts_and_there_the_last_mount(void **state)
{
    struct mw_doctor_mounts mounts = mounts_of("1 2 0:1 /a /g rw - cgroup2 c rw\n"
                                               "1 2 0:1 /b /host/g rw - cgroup2 c rw\n"
                                               "1 2 0:1 /c /g rw - cgroup2 c rw\n");

    (void)state;
    assert_string_equal(mounts.v2.point, "/g");
    assert_string_equal(mounts.v2.root, "/c");
}

static void escapes_are_undone(void **state)
{
    struct mw_doctor_mounts mounts = mounts_of(
        "1 2 0:1 / /a\\040b\\134\\9\\04 rw - tracefs t rw\n1 2 0:1 / / rw - cgroup2 c rw");

    (void)state;
    assert_string_equal(mounts.tracefs.point, "/a b\\\\9\\04");
    assert_true(mounts.v2.found);
    assert_string_equal(mounts.v2.point, "");
}

static void lines_that_are_cut_are_no_mounts(void **state)
{
    static const char whole[] = "1 2 0:1 / /g rw - cgroup2 c rw";
    char cut[sizeof whole];

    (void)state;
    assert_true(mounts_of(whole).v2.found);
    for (size_t size = 0; size < sizeof whole - 4; size++) {
        memcpy(cut, whole, size);
        cut[size] = '\0';
        assert_false(mounts_of(cut).v2.found);
    }
}

static void a_path_with_nul_is_no_path(void **state)
{
    static const char raw[] = "1 2 0:1 / /g\0h rw - cgroup2 c rw\n";
    struct mw_doctor_mounts mounts;

    (void)state;
    assert_false(mounts_of("1 2 0:1 / /g\\000h rw - cgroup2 c rw\n").v2.found);
    mw_doctor_mounts_parse(mw_scan_over(raw, sizeof raw - 1), &mounts);
    assert_false(mounts.v2.found);
}

/* At the limit, and one byte over it; what stood there before stays whole. */
static void a_point_that_does_not_fit_is_left_out(void **state)
{
    static char line[2 * MW_DOCTOR_PATH], point[MW_DOCTOR_PATH + 1];

    (void)state;
    memset(point, 'a', MW_DOCTOR_PATH);
    point[0] = '/';
    snprintf(line, sizeof line, "1 2 0:1 / %s rw - cgroup2 c rw\n", point);
    assert_false(mounts_of(line).v2.found);
    point[MW_DOCTOR_PATH - 1] = '\0';
    snprintf(line, sizeof line, "1 2 0:1 / %s rw - cgroup2 c rw\n", point);
    assert_true(mounts_of(line).v2.found);
    point[MW_DOCTOR_PATH - 1] = 'a';
    snprintf(line, sizeof line,
             "1 2 0:1 /r /g rw - cgroup2 c rw\n1 2 0:1 %s /g rw - cgroup2 c rw\n", point);
    assert_string_equal(mounts_of(line).v2.root, "/r");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidepid_is_read),
        cmocka_unit_test(the_last_proc_counts_and_no_other_place),
        cmocka_unit_test(hierarchies_are_told_apart),
        cmocka_unit_test(the_first_point_counts_and_there_the_last_mount),
        cmocka_unit_test(escapes_are_undone),
        cmocka_unit_test(lines_that_are_cut_are_no_mounts),
        cmocka_unit_test(a_path_with_nul_is_no_path),
        cmocka_unit_test(a_point_that_does_not_fit_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
