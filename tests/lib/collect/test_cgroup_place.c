#include "collect/cgroup_internal.h"
#include "tests/lib/collect/system_support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find(const char *cgroup, const char *mountinfo, const char *prefix,
                enum mw_cgroup_version version, struct mw_cgroup_place *ret)
{
    struct text one = text_of(cgroup), two = text_of(mountinfo);
    struct mw_cgroup_texts texts = {mw_scan_over(one.bytes, one.size),
                                    mw_scan_over(two.bytes, two.size),
                                    mw_scan_over(prefix, strlen(prefix))};
    int error = mw_cgroup_place_find(&texts, version, ret);

    text_free(&one);
    text_free(&two);
    return error;
}

static void assert_dir(const struct mw_cgroup_place *place, const char *dir)
{
    char text[MW_CGROUP_PATH_MAX + 1];

    memcpy(text, place->dir, place->size);
    text[place->size] = 0;
    assert_string_equal(text, dir);
}

static void assert_place(const char *cgroup, const char *mountinfo, enum mw_cgroup_version version,
                         const char *dir)
{
    struct mw_cgroup_place place;

    assert_int_equal(find(cgroup, mountinfo, "", version, &place), 0);
    assert_dir(&place, dir);
}

static void assert_nowhere(const char *cgroup, const char *mountinfo,
                           enum mw_cgroup_version version)
{
    struct mw_cgroup_place place;

    assert_int_equal(find(cgroup, mountinfo, "", version, &place), -ENODATA);
}

static const char v2_mount[] =
    "32 22 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
static const char v1_mount[] = "30 26 0:36 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

static void the_group_is_below_the_mount_point(void **state)
{
    (void)state;
    assert_place("0::/system.slice/x.service\n", v2_mount, MW_CGROUP_V2,
                 "/sys/fs/cgroup/system.slice/x.service");
    assert_place("4:memory:/user\n", v1_mount, MW_CGROUP_V1, "/sys/fs/cgroup/memory/user");
    assert_place("0::/\n", v2_mount, MW_CGROUP_V2, "/sys/fs/cgroup");
}

static void each_version_has_its_own_line_and_mount(void **state)
{
    static const char hybrid[] = "9:pids:/p\n5:cpu,memory:/m\n1:name=memory:/n\n0::/u\n";
    char mounts[512];

    (void)state;
    snprintf(mounts, sizeof(mounts), "%s29 26 0:35 / /pids rw - cgroup cgroup rw,pids\n%s",
             v1_mount, v2_mount);
    assert_place(hybrid, mounts, MW_CGROUP_V1, "/sys/fs/cgroup/memory/m");
    assert_place(hybrid, mounts, MW_CGROUP_V2, "/sys/fs/cgroup/u");
    assert_nowhere(hybrid, v2_mount, MW_CGROUP_V1);
    assert_nowhere(hybrid, v1_mount, MW_CGROUP_V2);
    assert_nowhere("9:pids:/p\n1:name=memory:/n\n", mounts, MW_CGROUP_V1);
    assert_nowhere("9:pids:/p\n1:name=memory:/n\n", mounts, MW_CGROUP_V2);
}

/* Docker without a cgroup namespace mounts the container's own group; the file system then begins
 * there. */
static void the_mounted_root_is_stripped(void **state)
{
    static const char mount[] = "30 26 0:36 /docker/4f1e /mnt ro - cgroup cgroup rw,memory\n";

    (void)state;
    assert_place("4:memory:/docker/4f1e\n", mount, MW_CGROUP_V1, "/mnt");
    assert_place("4:memory:/docker/4f1e/a/b\n", mount, MW_CGROUP_V1, "/mnt/a/b");
}

/* "/docker/4f1e" covers neither "/docker/4f1ebis" nor "/docker". */
static void a_group_outside_of_the_mount_is_taken_for_its_top(void **state)
{
    static const char mount[] = "30 26 0:36 /docker/4f1e /mnt ro - cgroup cgroup rw,memory\n";
    static const char up[] = "30 26 0:36 /../.. /mnt ro - cgroup2 cgroup rw\n";

    (void)state;
    assert_place("4:memory:/docker/4f1ebis\n", mount, MW_CGROUP_V1, "/mnt");
    assert_place("4:memory:/docker\n", mount, MW_CGROUP_V1, "/mnt");
    assert_place("4:memory:/\n", mount, MW_CGROUP_V1, "/mnt");
    assert_place("0::/x\n", up, MW_CGROUP_V2, "/mnt");
    assert_place("0::/../../x\n", v2_mount, MW_CGROUP_V2, "/sys/fs/cgroup");
    assert_place("0::/x/../../../etc\n", v2_mount, MW_CGROUP_V2, "/sys/fs/cgroup");
    assert_place("0::/..x/y..\n", v2_mount, MW_CGROUP_V2, "/sys/fs/cgroup/..x/y..");
}

static void of_several_mounts_the_one_with_most_ancestors_is_taken(void **state)
{
    static const char part[] = "40 26 0:36 /a /part rw - cgroup2 cgroup rw\n";
    static const char whole[] = "41 26 0:36 / /whole rw - cgroup2 cgroup rw\n";
    static const char other[] = "42 26 0:36 /b /other rw - cgroup2 cgroup rw\n";
    static const char again[] = "43 26 0:36 / /again rw - cgroup2 cgroup rw\n";
    char mounts[512];

    (void)state;
    snprintf(mounts, sizeof(mounts), "%s%s%s", part, whole, other);
    assert_place("0::/a/b\n", mounts, MW_CGROUP_V2, "/whole/a/b");
    snprintf(mounts, sizeof(mounts), "%s%s%s", whole, other, part);
    assert_place("0::/a/b\n", mounts, MW_CGROUP_V2, "/whole/a/b");
    snprintf(mounts, sizeof(mounts), "%s%s", other, part);
    assert_place("0::/a/b\n", mounts, MW_CGROUP_V2, "/part/b");
    snprintf(mounts, sizeof(mounts), "%s%s", part, other);
    assert_place("0::/a/b\n", mounts, MW_CGROUP_V2, "/part/b");
    snprintf(mounts, sizeof(mounts), "%s%s", whole, again); /* a later mount hides an earlier */
    assert_place("0::/a\n", mounts, MW_CGROUP_V2, "/again/a");
}

static void escapes_of_mountinfo_are_undone(void **state)
{
    static const char mount[] =
        "30 26 0:36 /a\\040b /mnt\\011x\\134040\\07 rw - cgroup2 cgroup rw\n";

    (void)state;
    assert_place("0::/a b/c\\040d\n", mount, MW_CGROUP_V2, "/mnt\tx\\040\\07/c\\040d");
}

static void optional_fields_of_any_number_are_passed_over(void **state)
{
    (void)state;
    assert_place("0::/a\n", "3 2 0:3 / /m rw - cgroup2 c rw\n", MW_CGROUP_V2, "/m/a");
    assert_place("0::/a\n", "3 2 0:3 / /m rw shared:1 master:2 propagate_from:3 - cgroup2 c rw\n",
                 MW_CGROUP_V2, "/m/a");
}

static void lines_that_make_no_sense_are_passed_over(void **state)
{
    static const char *const mounts[] = {
        "\n",
        "3 2 0:3 / /m rw shared:1 cgroup2 c rw\n",
        "3 2 0:3 / /m\n",
        "3 2 0:3 / /m rw - cgroup2\n",
        "3 2 0:3 / /m rw - cgroup2 c",
        "3 2 0:3 / /m rw - cgroup2 c rw", /* cut: no newline */
        "3 2 0:3 / /m rw - cgroup22 c rw\n",
    };
    static const char *const cgroups[] = {"", "\n", "0:\n", "0::\n", "0::a\n", "1::/\n", ":::\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++)
        assert_nowhere("0::/a\n", mounts[i], MW_CGROUP_V2);
    for (size_t i = 0; i < sizeof(cgroups) / sizeof(*cgroups); i++)
        assert_nowhere(cgroups[i], v2_mount, MW_CGROUP_V2);
    assert_nowhere("0::/cut", v2_mount, MW_CGROUP_V2);
    assert_place("0::\n0::/a:b\n", v2_mount, MW_CGROUP_V2, "/sys/fs/cgroup/a:b");
}

/* proc_root "/host/proc": the host's mount points are seen below /host. */
static void mount_points_are_below_the_prefix(void **state)
{
    struct mw_cgroup_place place;

    (void)state;
    assert_int_equal(find("0::/a\n", v2_mount, "/host", MW_CGROUP_V2, &place), 0);
    assert_dir(&place, "/host/sys/fs/cgroup/a");
    assert_int_equal(
        find("0::/a\n", "3 2 0:3 / /host/sys rw - cgroup2 c rw\n", "/host", MW_CGROUP_V2, &place),
        0);
    assert_dir(&place, "/host/sys/a");
    assert_int_equal(
        find("0::/a\n", "3 2 0:3 / /hostile rw - cgroup2 c rw\n", "/host", MW_CGROUP_V2, &place),
        0);
    assert_dir(&place, "/host/hostile/a");
    assert_int_equal(find("0::/a\n", "3 2 0:3 / / rw - cgroup2 c rw\n", "", MW_CGROUP_V2, &place),
                     0);
    assert_dir(&place, "/a");
}

static void the_way_up_ends_at_the_mount_point(void **state)
{
    struct mw_cgroup_place place;

    (void)state;
    assert_int_equal(find("0::/a/bb/c\n", v2_mount, "/host", MW_CGROUP_V2, &place), 0);
    assert_true(mw_cgroup_place_up(&place));
    assert_dir(&place, "/host/sys/fs/cgroup/a/bb");
    assert_true(mw_cgroup_place_up(&place));
    assert_dir(&place, "/host/sys/fs/cgroup/a");
    assert_true(mw_cgroup_place_up(&place));
    assert_dir(&place, "/host/sys/fs/cgroup");
    assert_false(mw_cgroup_place_up(&place));
    assert_dir(&place, "/host/sys/fs/cgroup");
}

/* "/sys/fs/cgroup" takes 14 bytes; the rest of the path may fill the buffer to its last byte. */
static void a_path_is_at_most_as_long_as_a_path_can_be(void **state)
{
    (void)state;
    for (size_t below = MW_CGROUP_PATH_MAX - 15; below <= MW_CGROUP_PATH_MAX - 13; below++) {
        char *cgroup = malloc(below + 16);
        struct mw_cgroup_place place;
        bool fits = 14 + below <= MW_CGROUP_PATH_MAX;

        assert_non_null(cgroup);
        memcpy(cgroup, "0::/", 4);
        memset(cgroup + 4, 'x', below - 1);
        memcpy(cgroup + 3 + below, "\n", 2);
        assert_int_equal(find(cgroup, v2_mount, "", MW_CGROUP_V2, &place),
                         fits ? 0 : -ENAMETOOLONG);
        if (fits)
            assert_int_equal(place.size, 14 + below);
        free(cgroup);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_group_is_below_the_mount_point),
        cmocka_unit_test(each_version_has_its_own_line_and_mount),
        cmocka_unit_test(the_mounted_root_is_stripped),
        cmocka_unit_test(a_group_outside_of_the_mount_is_taken_for_its_top),
        cmocka_unit_test(of_several_mounts_the_one_with_most_ancestors_is_taken),
        cmocka_unit_test(escapes_of_mountinfo_are_undone),
        cmocka_unit_test(optional_fields_of_any_number_are_passed_over),
        cmocka_unit_test(lines_that_make_no_sense_are_passed_over),
        cmocka_unit_test(mount_points_are_below_the_prefix),
        cmocka_unit_test(the_way_up_ends_at_the_mount_point),
        cmocka_unit_test(a_path_is_at_most_as_long_as_a_path_can_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
