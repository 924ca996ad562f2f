/* The promise: any bytes in, the right struct or an error out, whatever a process calls itself.
 * Every text is parsed from a heap copy of its exact size, so that the address sanitizer sees a
 * look past its end. */
#include "collect/collect.h"
#include "system_support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define U64_MAX "18446744073709551615"
#define OVER_U64 "18446744073709551616"

/* ---- statm ---- */

static int statm(const char *string, struct mw_statm *ret)
{
    struct text text = text_of(string);
    int error = mw_parse_statm(text.bytes, text.size, ret);

    text_free(&text);
    return error;
}

static void statm_has_its_fields(void **state)
{
    struct mw_statm found;

    (void)state;
    assert_int_equal(statm("635 26 9 1 0 105 0\n", &found), 0);
    assert_int_equal(found.size_pages, 635);
    assert_int_equal(found.resident_pages, 26);
    assert_int_equal(found.shared_pages, 9);
    assert_int_equal(found.text_pages, 1);
    assert_int_equal(found.data_pages, 105);
    assert_int_equal(statm("0 0 0 0 0 0 0", &found), 0);
    assert_int_equal(found.size_pages, 0);
    assert_int_equal(statm(U64_MAX " " U64_MAX " " U64_MAX " 1 0 0 0\n", &found), 0);
    assert_true(found.resident_pages == UINT64_MAX);
}

static void statm_that_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *text;
        int error;
    } bad[] = {
        {"", -ENODATA},
        {"\n", -ENODATA},
        {"635", -ENODATA},
        {"635 26 9 1 0 105\n", -ENODATA},
        {"635 26 9 1 0 105 ", -ENODATA},
        {"635 2x6 9 1 0 105 0\n", -EINVAL},
        {"x 26 9 1 0 105 0\n", -EINVAL},
        {"635 -26 9 1 0 105 0\n", -EINVAL},
        {"635 26 9 1 0 105 0 7\n", -EINVAL},
        {"635 26 9 1 0 105 0\n\n", -EINVAL},
        {"635 26 27 1 0 105 0\n", -EINVAL}, /* more shared than resident */
        {OVER_U64 " 26 9 1 0 105 0\n", -ERANGE},
        {"635 26 9 1 0 105 99999999999999999999999999\n", -ERANGE},
    };
    struct mw_statm found;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (statm(bad[i].text, &found) != bad[i].error)
            fail_msg("\"%s\"", bad[i].text);
}

/* ---- stat ---- */

#define BEHIND_NAME " S 17 41 41 -1 -1 4194560 120 0 3 0 14 9 0 0 20 -5 1 0 5012 7208960 312 184\n"

static int stat_of(const char *bytes, size_t size, struct mw_stat *ret)
{
    char *copy = malloc(size > 0 ? size : 1);
    int error;

    memcpy(copy, bytes, size);
    error = mw_parse_stat(copy, size, ret);
    free(copy);
    return error;
}

static void stat_ends_the_name_at_the_last_bracket(void **state)
{
    static const char *const names[] = {"cat",      "",         " ",           "a b",
                                        ")",        "((",       "a) R 1 1 (b", "new\nline",
                                        "\xff\xfe", "\xe2\x82", "<b>"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct mw_stat found;
        char text[256];

        snprintf(text, sizeof(text), "41 (%s)" BEHIND_NAME, names[i]);
        assert_int_equal(stat_of(text, strlen(text), &found), 0);
        assert_int_equal(found.name_size, strlen(names[i]));
        assert_memory_equal(found.name, names[i], found.name_size);
        assert_int_equal(found.state, 'S');
        assert_int_equal(found.ppid, 17);
        assert_int_equal(found.start_ticks, 5012);
        assert_false(found.kernel_thread);
        assert_false(found.forked_only);
    }
}

static void stat_tells_kernel_threads_and_unexecuted_forks(void **state)
{
    struct mw_stat found;
    const char kernel[] = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0\n";
    const char forked[] = "9 (sh) R 1 0 0 0 -1 4194368 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0\n";

    (void)state;
    assert_int_equal(stat_of(kernel, strlen(kernel), &found), 0);
    assert_true(found.kernel_thread);
    assert_int_equal(stat_of(forked, strlen(forked), &found), 0);
    assert_false(found.kernel_thread);
    assert_true(found.forked_only);
}

/* Names of kernel workers are longer than 15 bytes. MW_NAME_MAX bytes fit, what is over is cut. */
static void stat_keeps_names_up_to_the_limit(void **state)
{
    (void)state;
    for (int size = MW_NAME_MAX - 1; size <= MW_NAME_MAX + 1; size++) {
        struct mw_stat found;
        char text[256];

        snprintf(text, sizeof(text), "41 (%0*d)" BEHIND_NAME, size, 7);
        assert_int_equal(stat_of(text, strlen(text), &found), 0);
        assert_int_equal(found.name_size, size < MW_NAME_MAX ? size : MW_NAME_MAX);
        assert_int_equal(found.start_ticks, 5012);
    }
}

/* A number at the end may have lost digits: a start time of 501 would be another process. */
static void stat_cut_anywhere_is_refused(void **state)
{
    const char whole[] = "41 (a) b)" BEHIND_NAME;
    const size_t enough = (size_t)(strstr(whole, "5012") - whole) + strlen("5012 ");
    struct mw_stat found;

    (void)state;
    for (size_t size = 0; size < enough; size++)
        assert_true(stat_of(whole, size, &found) < 0);
    assert_int_equal(stat_of(whole, enough, &found), 0);
}

static void stat_that_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *text;
        int error;
    } bad[] = {
        {"", -ENODATA},
        {"41 (cat", -ENODATA},
        {"41 (cat)", -ENODATA},
        {"41 (cat) S 17 41 41 0 -1 4194560 120\n", -ENODATA},
        {"cat (41)" BEHIND_NAME, -EINVAL},
        {"41 )cat(" BEHIND_NAME, -EINVAL},
        {"41 cat)" BEHIND_NAME, -EINVAL},
        {"41 (cat) 7 17 41 41 0 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 5 6\n", -EINVAL},
        {"41 (cat) S x 41 41 0 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 5 6\n", -EINVAL},
        {"41 (cat) S " OVER_U64 " 41 41 0 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 5 6\n", -ERANGE},
        {"41 (cat) S 17 41 41 0 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 " OVER_U64 " 6\n", -ERANGE},
        {"41 (cat) S 17 41 41 0 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 9007199254740992 6\n", -ERANGE},
    };
    struct mw_stat found;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (stat_of(bad[i].text, strlen(bad[i].text), &found) != bad[i].error)
            fail_msg("\"%s\"", bad[i].text);
}

/* ---- status ---- */

static int status(const char *string, struct mw_status *ret)
{
    struct text text = text_of(string);
    int error = mw_parse_status(text.bytes, text.size, ret);

    text_free(&text);
    return error;
}

static bool has(const struct mw_status *found, enum mw_status_field field, uint64_t value)
{
    return (found->found & 1u << field) != 0 && found->values[field] == value;
}

static void status_has_its_fields_in_bytes(void **state)
{
    struct mw_status found;

    (void)state;
    assert_int_equal(status("Name:\tcat\nUmask:\t0022\nState:\tS (sleeping)\nPid:\t41\nPPid:\t17\n"
                            "Uid:\t1000\t1001\t1002\t1003\nGroups:\t \nVmPeak:\t  9 kB\n"
                            "VmHWM:\t    1200 kB\nRssAnon:\t     400 kB\nRssFile:\t     800 kB\n"
                            "RssShmem:\t       4 kB\nVmPTE:\t      48 kB\nVmSwap:\t       8 kB\n"
                            "Threads:\t3\nSigQ:\t0/1\n",
                            &found),
                     0);
    assert_int_equal(found.found, (1u << MW_STATUS_FIELDS) - 1);
    assert_true(has(&found, MW_STATUS_STATE, 'S'));
    assert_true(has(&found, MW_STATUS_PPID, 17));
    assert_true(has(&found, MW_STATUS_UID, 1001)); /* the effective one */
    assert_true(has(&found, MW_STATUS_PEAK, 1200 * 1024));
    assert_true(has(&found, MW_STATUS_RSS_FILE, 800 * 1024));
    assert_true(has(&found, MW_STATUS_RSS_SHMEM, 4 * 1024));
    assert_true(has(&found, MW_STATUS_PAGE_TABLES, 48 * 1024));
    assert_true(has(&found, MW_STATUS_SWAP, 8 * 1024));
    assert_true(has(&found, MW_STATUS_THREADS, 3));
    assert_memory_equal(found.name, "cat", found.name_size);
}

/* Zombies and kernel threads have no Vm lines, kernels before 4.5 no RssFile: not found, no fault.
 */
static void status_without_lines_has_no_values(void **state)
{
    struct mw_status found;

    (void)state;
    assert_int_equal(
        status("Name:\tsh\nState:\tZ (zombie)\nPPid:\t1\nUid:\t0\t0\t0\t0\nThreads:\t1\n", &found),
        0);
    assert_int_equal(found.found, 1u << MW_STATUS_STATE | 1u << MW_STATUS_PPID |
                                      1u << MW_STATUS_UID | 1u << MW_STATUS_THREADS);
}

static void status_undoes_the_kernels_escapes(void **state)
{
    static const struct {
        const char *line;
        const char *name;
    } cases[] = {
        {"cat", "cat"},
        {"", ""},
        {" a", " a"},
        {"\ta", "\ta"},
        {"new\\nline", "new\nline"},
        {"back\\\\slash", "back\\slash"},
        {"\\\\n", "\\n"},     /* a backslash and an n, not a newline */
        {"\\\\012", "\\012"}, /* likewise */
        {"a\\012b", "a\nb"},  /* octal, as some kernels write it */
        {"\\377", "\xff"},
        {"\\400", "\\400"}, /* over a byte: no escape */
        {"\\01", "\\01"},
        {"\\x", "\\x"},
        {"end\\", "end\\"},
        {"a: b", "a: b"},
        {"\xff\xfe", "\xff\xfe"},
        {"VmSwap:\t1 kB", "VmSwap:\t1 kB"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mw_status found;
        char text[128];

        snprintf(text, sizeof(text), "Name:\t%s\nState:\tR (running)\n", cases[i].line);
        assert_int_equal(status(text, &found), 0);
        assert_true(found.has_name);
        assert_int_equal(found.name_size, strlen(cases[i].name));
        assert_memory_equal(found.name, cases[i].name, found.name_size);
        assert_int_equal(found.found, 1u << MW_STATUS_STATE);
    }
}

static void status_keeps_names_up_to_the_limit(void **state)
{
    (void)state;
    for (int size = MW_NAME_MAX - 1; size <= MW_NAME_MAX + 1; size++) {
        struct mw_status found;
        char text[256];

        snprintf(text, sizeof(text), "Name:\t%0*d\nState:\tR\n", size, 7);
        assert_int_equal(status(text, &found), 0);
        assert_int_equal(found.name_size, size < MW_NAME_MAX ? size : MW_NAME_MAX);
    }
}

/* What makes sense is there, what makes none is not, and the first thing wrong is named. */
static void status_loses_only_what_makes_no_sense(void **state)
{
    static const struct {
        const char *line;
        int error;
    } bad[] = {
        {"VmSwap:\tx kB\n", -EINVAL},
        {"VmSwap:\t-1 kB\n", -EINVAL},
        {"VmSwap:\t\n", -EINVAL},
        {"VmSwap:\t1\n", -EINVAL},
        {"VmSwap:\t1 MB\n", -EINVAL},
        {"VmSwap:\t1 kB x\n", -EINVAL},
        {"VmSwap:\t" OVER_U64 " kB\n", -ERANGE},
        {"VmSwap:\t18014398509481984 kB\n", -ERANGE},
        {"VmSwap:\t8796093022208 kB\n", -ERANGE},
        {"Uid:\t1\t" U64_MAX "\t1\t1\n", -ERANGE},
        {"PPid:\t9007199254740992\n", -ERANGE},
        {"VmSwap:\t12", -ENODATA},
        {"VmSwap:\t12 kB", -ENODATA},
        {"Uid:\t0\t0\n", -EINVAL},
        {"PPid:\t1x\n", -EINVAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mw_status found;
        char text[256];

        snprintf(text, sizeof(text), "Name:\tcat\nState:\tS\nThreads:\t1\n%s", bad[i].line);
        if (status(text, &found) != bad[i].error)
            fail_msg("\"%s\"", bad[i].line);
        assert_int_equal(found.found, 1u << MW_STATUS_STATE | 1u << MW_STATUS_THREADS);
    }
}

static void status_takes_amounts_up_to_53_bits(void **state)
{
    struct mw_status found;

    (void)state;
    assert_int_equal(status("State:\tS\nVmSwap:\t8796093022207 kB\n", &found), 0);
    assert_true(has(&found, MW_STATUS_SWAP, MW_READING_MAX - 1023));
}

static void status_without_a_state_is_refused(void **state)
{
    struct mw_status found;

    (void)state;
    assert_int_equal(status("", &found), -ENODATA);
    assert_int_equal(status("\n", &found), -ENODATA);
    assert_int_equal(status("Name:\tcat\n", &found), -ENODATA);
    assert_true(found.has_name);
    assert_int_equal(status("Name", &found), -ENODATA);
    assert_false(found.has_name);
    assert_int_equal(status("State:\t\n", &found), -EINVAL);
}

/* ---- cgroup ---- */

static void assert_cgroup(const char *string, int error, const char *path, bool v1)
{
    struct text text = text_of(string);
    const char *found = NULL;
    size_t size = 0;
    bool found_v1 = false;

    assert_int_equal(mw_parse_cgroup(text.bytes, text.size, &found, &size, &found_v1), error);
    if (error == 0) {
        assert_int_equal(size, strlen(path));
        assert_memory_equal(found, path, size);
        assert_int_equal(found_v1, v1);
    }
    text_free(&text);
}

static void cgroup_is_of_the_hierarchy_that_accounts_memory(void **state)
{
    (void)state;
    assert_cgroup("0::/a.slice\n", 0, "/a.slice", false);
    assert_cgroup("5:memory:/m\n1:name=systemd:/s\n0::/u\n", 0, "/m", true);
    assert_cgroup("0::/u\n5:memory:/m\n", 0, "/m", true);
    assert_cgroup("9:cpu,memory,pids:/m\n0::/u\n", 0, "/m", true);
    assert_cgroup("9:cpu,memory:/m\n", 0, "/m", true);
    assert_cgroup("9:memory2,hugememory:/m\n0::/u\n", 0, "/u", false);
    assert_cgroup("1:name=memory:/s\n0::/u\n", 0, "/u", false);
    assert_cgroup("0::/a b:c\"\xff\n", 0, "/a b:c\"\xff", false);
    assert_cgroup("0::/gone (deleted)\n", 0, "/gone (deleted)", false);
    assert_cgroup("0::/\n", 0, "/", false);
}

static void cgroup_without_such_a_line_is_refused(void **state)
{
    (void)state;
    assert_cgroup("", -ENODATA, "", false);
    assert_cgroup("3:cpu:/c\n", -ENODATA, "", false);
    assert_cgroup("0::/cut sho", -ENODATA, "", false);
    assert_cgroup("0:\n", -EINVAL, "", false);
    assert_cgroup("0::\n", -EINVAL, "", false);
    assert_cgroup("0::relative\n", -EINVAL, "", false);
    assert_cgroup("x::/u\n", -EINVAL, "", false);
    assert_cgroup("\n", -EINVAL, "", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statm_has_its_fields),
        cmocka_unit_test(statm_that_makes_no_sense_is_refused),
        cmocka_unit_test(stat_ends_the_name_at_the_last_bracket),
        cmocka_unit_test(stat_tells_kernel_threads_and_unexecuted_forks),
        cmocka_unit_test(stat_keeps_names_up_to_the_limit),
        cmocka_unit_test(stat_cut_anywhere_is_refused),
        cmocka_unit_test(stat_that_makes_no_sense_is_refused),
        cmocka_unit_test(status_has_its_fields_in_bytes),
        cmocka_unit_test(status_without_lines_has_no_values),
        cmocka_unit_test(status_undoes_the_kernels_escapes),
        cmocka_unit_test(status_keeps_names_up_to_the_limit),
        cmocka_unit_test(status_loses_only_what_makes_no_sense),
        cmocka_unit_test(status_takes_amounts_up_to_53_bits),
        cmocka_unit_test(status_without_a_state_is_refused),
        cmocka_unit_test(cgroup_is_of_the_hierarchy_that_accounts_memory),
        cmocka_unit_test(cgroup_without_such_a_line_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
