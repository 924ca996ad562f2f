/* Parsers of the kernel's texts: what they take, and that they take nothing else. */
#include "tests/lib/doctor/doctor_support.h"

#include <stdlib.h>
#include <string.h>

static void a_number_is_found_by_its_whole_name(void **state)
{
    struct mw_scan text = scan_of("MemTotalX: 1 kB\nMemTotal:       25 kB\noom_kill 7\nempty:\n");
    uint64_t number = 4711;

    (void)state;
    assert_true(mw_doctor_find_number(text, "MemTotal", &number));
    assert_int_equal(number, 25);
    assert_true(mw_doctor_find_number(text, "oom_kill", &number));
    assert_int_equal(number, 7);
    assert_false(mw_doctor_find_number(text, "Total", &number));
    assert_false(mw_doctor_find_number(text, "oom", &number));
    assert_false(mw_doctor_find_number(text, "empty", &number));
    assert_false(mw_doctor_find_number(scan_of(""), "oom_kill", &number));
    assert_int_equal(number, 7);
}

static void capabilities_are_at_most_16_digits(void **state)
{
    uint64_t set = 4711;

    (void)state;
    assert_true(mw_doctor_find_hex(scan_of("CapEff:\t000001ffffffffff\n"), "CapEff", &set));
    assert_int_equal(set, 0x1ffffffffff);
    assert_true(mw_doctor_find_hex(scan_of("CapEff: ffffffffffffffff"), "CapEff", &set));
    assert_true(set == UINT64_MAX);
    assert_false(mw_doctor_find_hex(scan_of("CapEff: 1ffffffffffffffff\n"), "CapEff", &set));
    assert_false(mw_doctor_find_hex(scan_of("CapEff:\n"), "CapEff", &set));
    assert_false(mw_doctor_find_hex(scan_of("CapEff: 1g\n"), "CapEff", &set));
    assert_false(mw_doctor_find_hex(scan_of("CapPrm: 1\n"), "CapEff", &set));
    assert_false(mw_doctor_find_hex(mw_scan_over("CapEff: 1\0", 10), "CapEff", &set));
}

static void the_hard_limit_counts(void **state)
{
    struct mw_scan text = scan_of("Max open files   1024   524288   files\n"
                                  "Max locked memory  0  unlimited  bytes\nMax cut  5\n");
    uint64_t limit = 4711;

    (void)state;
    assert_true(mw_doctor_find_limit(text, "Max open files", &limit));
    assert_int_equal(limit, 524288);
    assert_true(mw_doctor_find_limit(text, "Max locked memory", &limit));
    assert_true(limit == UINT64_MAX);
    assert_false(mw_doctor_find_limit(text, "Max cut", &limit));
    assert_false(mw_doctor_find_limit(text, "Max nice priority", &limit));
}

static void words_are_whole(void **state)
{
    (void)state;
    assert_true(mw_doctor_has_word(scan_of("quiet psi=0 ro\n"), "psi=0"));
    assert_true(mw_doctor_has_word(scan_of("psi=0"), "psi=0"));
    assert_false(mw_doctor_has_word(scan_of("xpsi=0 psi=01\n"), "psi=0"));
    assert_false(mw_doctor_has_word(scan_of(""), "psi=0"));
}

static void kernels_have_an_order(void **state)
{
    (void)state;
    assert_int_equal(mw_doctor_kernel_number("6.1.0-13-amd64"), 601);
    assert_int_equal(mw_doctor_kernel_number("4.20"), 420);
    assert_int_equal(mw_doctor_kernel_number("3.10.0-1160.el7"), 310);
    assert_int_equal(mw_doctor_kernel_number("6.400"), 699);
    assert_int_equal(mw_doctor_kernel_number("6"), 0);
    assert_int_equal(mw_doctor_kernel_number(""), 0);
    assert_int_equal(mw_doctor_kernel_number("x6.1"), 0);
    assert_int_equal(mw_doctor_kernel_number("99999999999.1"), 0);
}

static void a_kernel_that_is_not_known_is_not_old(void **state)
{
    struct mw_doctor_scene unknown = scene_of("", 0), old = scene_of("5.10.0", 0);

    (void)state;
    assert_false(mw_doctor_older(&unknown, 604));
    assert_true(mw_doctor_older(&old, 604));
    assert_false(mw_doctor_older(&old, 510));
}

static void the_group_is_that_of_the_controller(void **state)
{
    struct mw_scan text =
        scan_of("5:cpu,memory:/a/b\n4:memoryx:/wrong\n1:name=systemd:/x\n0::/system.slice/x:y\n");
    char path[MW_DOCTOR_PATH] = "";

    (void)state;
    assert_true(mw_doctor_find_cgroup(text, true, path));
    assert_string_equal(path, "/a/b");
    assert_true(mw_doctor_find_cgroup(text, false, path));
    assert_string_equal(path, "/system.slice/x:y");
    assert_false(mw_doctor_find_cgroup(scan_of("4:cpu:/a\n"), true, path));
    assert_false(mw_doctor_find_cgroup(scan_of("0::\n"), false, path));
    assert_false(mw_doctor_find_cgroup(scan_of("0::x\n"), false, path));
    assert_false(mw_doctor_find_cgroup(scan_of("0"), false, path));
}

/* One byte less than there is room for, and as many as there is room for. */
static void a_path_that_does_not_fit_is_no_path(void **state)
{
    char line[MW_DOCTOR_PATH + 8] = "0::/", path[MW_DOCTOR_PATH] = "";

    (void)state;
    memset(line + 4, 'a', MW_DOCTOR_PATH - 2);
    assert_true(mw_doctor_find_cgroup(scan_of(line), false, path));
    assert_int_equal(strlen(path), MW_DOCTOR_PATH - 1);
    line[MW_DOCTOR_PATH + 2] = 'a';
    assert_false(mw_doctor_find_cgroup(scan_of(line), false, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_found_by_its_whole_name),
        cmocka_unit_test(capabilities_are_at_most_16_digits),
        cmocka_unit_test(the_hard_limit_counts),
        cmocka_unit_test(words_are_whole),
        cmocka_unit_test(kernels_have_an_order),
        cmocka_unit_test(a_kernel_that_is_not_known_is_not_old),
        cmocka_unit_test(the_group_is_that_of_the_controller),
        cmocka_unit_test(a_path_that_does_not_fit_is_no_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
