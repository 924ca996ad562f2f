#include "collect/collect.h"
#include "tests/lib/collect/system_support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>

static const char file[] = "/proc/meminfo";

static void parses(const char *text, int error, struct target *ret)
{
    assert_int_equal(target_parse(ret, mw_parse_meminfo, text), error);
}

static void amounts_are_bytes_and_counts_are_counts(void **state)
{
    struct target target;

    (void)state;
    parses("MemTotal:       24683620 kB\nHugePages_Total:      12\nActive(anon):  0 kB\n", 0,
           &target);
    assert_value(target.block, MW_SYSTEM_MEM_TOTAL, UINT64_C(24683620) * 1024);
    assert_value(target.block, MW_SYSTEM_HUGE_PAGES_TOTAL, 12);
    assert_value(target.block, MW_SYSTEM_ACTIVE_ANON, 0);
    assert_int_equal(count_present(target.block, file, MW_ABSENT_UNSUPPORTED), 3);
    target_free(&target);
}

/* The unit says which of the two a value is: the wrong one would be off by 1024. */
static void a_value_with_the_wrong_unit_makes_no_sense(void **state)
{
    static const char *const texts[] = {"MemFree: 5\n", "MemFree: 5 MB\n", "MemFree: 5 kBx\n",
                                        "MemFree: 5kB\n", "MemFree: 5 kB \n"};
    struct target target;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        parses(texts[i], -EINVAL, &target);
        assert_absent(target.block, MW_SYSTEM_MEM_FREE, MW_ABSENT_STALE);
        target_free(&target);
    }
    parses("HugePages_Free: 5 kB\n", -EINVAL, &target);
    assert_absent(target.block, MW_SYSTEM_HUGE_PAGES_FREE, MW_ABSENT_STALE);
    target_free(&target);
}

static void what_is_not_a_number_makes_no_sense(void **state)
{
    static const char *const values[] = {"", " ", " kB", " -1 kB", " +1 kB", " 0x10 kB", " 1.5 kB"};
    struct target target;
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        snprintf(text, sizeof(text), "MemFree:%s\nBuffers: 8 kB\n", values[i]);
        parses(text, -EINVAL, &target);
        assert_absent(target.block, MW_SYSTEM_MEM_FREE, MW_ABSENT_STALE);
        assert_value(target.block, MW_SYSTEM_BUFFERS, 8192);
        target_free(&target);
    }
}

/* 2^43-1 kB is the last amount whose bytes JSON can tell exactly. */
static void amounts_over_53_bits_make_no_sense(void **state)
{
    static const struct {
        const char *text;
        int error;
    } cases[] = {{"MemFree: 8796093022206 kB\n", 0},
                 {"MemFree: 8796093022207 kB\n", 0},
                 {"MemFree: 8796093022208 kB\n", -ERANGE},
                 {"MemFree: 9007199254740 kB\n", -ERANGE},
                 {"MemFree: 18014398509481984 kB\n", -ERANGE}, /* 2^64 bytes: would look like 0 */
                 {"MemFree: 18446744073709551615 kB\n", -ERANGE},
                 {"MemFree: 18446744073709551616 kB\n", -ERANGE},
                 {"MemFree: 99999999999999999999999999 kB\n", -ERANGE}};
    struct target target;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        parses(cases[i].text, cases[i].error, &target);
        if (cases[i].error)
            assert_absent(target.block, MW_SYSTEM_MEM_FREE, MW_ABSENT_STALE);
        else
            assert_value(target.block, MW_SYSTEM_MEM_FREE, (UINT64_C(8796093022206) + i) * 1024);
        target_free(&target);
    }
}

static void counts_over_53_bits_make_no_sense(void **state)
{
    struct target target;

    (void)state;
    parses("HugePages_Free: 9007199254740991\nHugePages_Rsvd: 9007199254740992\n", -ERANGE,
           &target);
    assert_value(target.block, MW_SYSTEM_HUGE_PAGES_FREE, MW_READING_MAX);
    assert_absent(target.block, MW_SYSTEM_HUGE_PAGES_RSVD, MW_ABSENT_STALE);
    target_free(&target);
}

/* A line without its newline may be the front of a longer number, and what would have come behind
 * it is not unsupported: nobody knows. */
static void a_cut_text_leaves_its_end_unknown(void **state)
{
    static const char whole[] = "MemTotal: 80 kB\nMemFree: 40 kB\nBuffers: 20 kB\n";
    const size_t free_at = strlen("MemTotal: 80 kB\n");
    const size_t free_end = free_at + strlen("MemFree: 40 kB\n");

    (void)state;
    for (size_t size = 0; size < sizeof(whole); size++) {
        struct target target = target_create();
        struct text text = text_of(whole);
        bool cut = size != free_at && size != free_end && size != sizeof(whole) - 1;

        assert_int_equal(mw_parse_meminfo(text.bytes, size, target.block), cut ? -ENODATA : 0);
        if (size >= free_end) {
            assert_value(target.block, MW_SYSTEM_MEM_FREE, 40960);
        } else {
            assert_absent(target.block, MW_SYSTEM_MEM_FREE,
                          cut ? MW_ABSENT_STALE : MW_ABSENT_UNSUPPORTED);
        }
        text_free(&text);
        target_free(&target);
    }
}

static void an_empty_text_is_no_news_of_anything(void **state)
{
    struct target target;

    (void)state;
    parses("", -ENODATA, &target);
    assert_int_equal(count_present(target.block, file, MW_ABSENT_STALE), 0);
    target_free(&target);
}

static void the_first_of_two_equal_lines_wins(void **state)
{
    struct target target;

    (void)state;
    parses("MemFree: 1 kB\nMemFree: 2 kB\nMemFree: x\n", 0, &target);
    assert_value(target.block, MW_SYSTEM_MEM_FREE, 1024);
    target_free(&target);
    parses("MemFree: x kB\nMemFree: 2 kB\n", -EINVAL, &target);
    assert_absent(target.block, MW_SYSTEM_MEM_FREE, MW_ABSENT_STALE);
    target_free(&target);
}

static void unknown_lines_are_passed_over(void **state)
{
    struct target target;

    (void)state;
    parses("\n:\nNewThing: 7 kB\nMemFre: 1 kB\nMemFreee: 1 kB\nno colon\nmemfree: 1 kB\n"
           " MemFree: 1 kB\nMemFree : 1 kB\nMemFree: 3 kB\n",
           0, &target);
    assert_value(target.block, MW_SYSTEM_MEM_FREE, 3072);
    assert_int_equal(count_present(target.block, file, MW_ABSENT_UNSUPPORTED), 1);
    target_free(&target);
}

/* Every line of the fixture that the table knows comes out as an independent reader sees it. */
static void check_against_text(const struct mw_block *block, const struct text *text)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SYSTEM);

    for (unsigned i = 0; i < mw_source_columns(MW_SOURCE_SYSTEM); i++) {
        const struct mw_reading_info *info = mw_reading_info(first + i);
        uint64_t number;

        if (strcmp(info->file, file) != 0)
            continue;
        if (number_in(text, info->field, ':', &number))
            assert_value(block, first + i, number * (info->unit == MW_UNIT_BYTES ? 1024 : 1));
        else
            assert_absent(block, first + i, MW_ABSENT_UNSUPPORTED);
    }
}

static void reads_every_row_of_each_fixture(void **state)
{
    static const char *const names[] = {"healthy/proc/meminfo",       "no_swap/proc/meminfo",
                                        "hostile_names/proc/meminfo", "container/proc/meminfo",
                                        "container_v1/proc/meminfo",  "old_kernel/proc/meminfo"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct target target;
        struct text text = text_of_fixture(names[i]);

        assert_int_equal(target_parse_fixture(&target, mw_parse_meminfo, names[i]), 0);
        check_against_text(target.block, &text);
        target_free(&target);
        text_free(&text);
    }
}

static void a_machine_without_swap_has_0_of_it(void **state)
{
    struct target target;

    (void)state;
    assert_int_equal(target_parse_fixture(&target, mw_parse_meminfo, "no_swap/proc/meminfo"), 0);
    assert_value(target.block, MW_SYSTEM_SWAP_TOTAL, 0);
    assert_value(target.block, MW_SYSTEM_SWAP_FREE, 0);
    target_free(&target);
}

static void an_old_kernel_has_no_available(void **state)
{
    struct target target;

    (void)state;
    assert_int_equal(target_parse_fixture(&target, mw_parse_meminfo, "old_kernel/proc/meminfo"), 0);
    assert_absent(target.block, MW_SYSTEM_MEM_AVAILABLE, MW_ABSENT_UNSUPPORTED);
    assert_value(target.block, MW_SYSTEM_MEM_TOTAL, UINT64_C(8131204) * 1024);
    target_free(&target);
}

static void a_text_that_lies_spoils_only_its_own_readings(void **state)
{
    struct target target;

    (void)state;
    assert_int_equal(target_parse_fixture(&target, mw_parse_meminfo, "truncated/proc/meminfo"),
                     -EINVAL);
    assert_value(target.block, MW_SYSTEM_MEM_TOTAL, UINT64_C(8131204) * 1024);
    assert_absent(target.block, MW_SYSTEM_MEM_FREE, MW_ABSENT_STALE);
    assert_absent(target.block, MW_SYSTEM_BUFFERS, MW_ABSENT_STALE);
    assert_absent(target.block, MW_SYSTEM_CACHED, MW_ABSENT_STALE);
    assert_absent(target.block, MW_SYSTEM_SWAP_CACHED, MW_ABSENT_STALE);
    assert_value(target.block, MW_SYSTEM_SWAP_TOTAL, UINT64_C(2097148) * 1024);
    assert_absent(target.block, MW_SYSTEM_SWAP_FREE, MW_ABSENT_STALE);
    assert_absent(target.block, MW_SYSTEM_SLAB, MW_ABSENT_STALE);
    target_free(&target);
}

/* The live file: MemTotal is what the kernel tells by another way, and no line that the table knows
 * is missed. */
static void reads_this_machine(void **state)
{
    struct text text = text_of_file(file);
    struct target target = target_create();
    struct sysinfo info;

    (void)state;
    assert_int_equal(sysinfo(&info), 0);
    assert_int_equal(mw_parse_meminfo(text.bytes, text.size, target.block), 0);
    assert_value(target.block, MW_SYSTEM_MEM_TOTAL, (uint64_t)info.totalram * info.mem_unit);
    assert_value(target.block, MW_SYSTEM_SWAP_TOTAL, (uint64_t)info.totalswap * info.mem_unit);
    assert_true(count_present(target.block, file, MW_ABSENT_UNSUPPORTED) > 30);
    check_against_text(target.block, &text);
    text_free(&text);
    target_free(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_bytes_and_counts_are_counts),
        cmocka_unit_test(a_value_with_the_wrong_unit_makes_no_sense),
        cmocka_unit_test(what_is_not_a_number_makes_no_sense),
        cmocka_unit_test(amounts_over_53_bits_make_no_sense),
        cmocka_unit_test(counts_over_53_bits_make_no_sense),
        cmocka_unit_test(a_cut_text_leaves_its_end_unknown),
        cmocka_unit_test(an_empty_text_is_no_news_of_anything),
        cmocka_unit_test(the_first_of_two_equal_lines_wins),
        cmocka_unit_test(unknown_lines_are_passed_over),
        cmocka_unit_test(reads_every_row_of_each_fixture),
        cmocka_unit_test(a_machine_without_swap_has_0_of_it),
        cmocka_unit_test(an_old_kernel_has_no_available),
        cmocka_unit_test(a_text_that_lies_spoils_only_its_own_readings),
        cmocka_unit_test(reads_this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
