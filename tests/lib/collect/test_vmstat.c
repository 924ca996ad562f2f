#include "collect/collect.h"
#include "tests/lib/collect/system_support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char file[] = "/proc/vmstat";

static void parses(const char *text, int error, struct target *ret)
{
    assert_int_equal(target_parse(ret, mw_parse_vmstat, text), error);
}

static void counters_are_taken_by_name(void **state)
{
    struct target target;

    (void)state;
    parses("nr_free_pages 908314\npswpin 7\npswpout 0\noom_kill 2\n", 0, &target);
    assert_value(target.block, MW_SYSTEM_PSWPIN, 7);
    assert_value(target.block, MW_SYSTEM_PSWPOUT, 0);
    assert_value(target.block, MW_SYSTEM_OOM_KILL, 2);
    assert_int_equal(count_present(target.block, file, MW_ABSENT_UNSUPPORTED), 3);
    target_free(&target);
}

/* allocstall_* is all that begins with it; a name that only resembles it is another counter. */
static void a_starred_field_is_the_sum_over_its_lines(void **state)
{
    struct target target;

    (void)state;
    parses("allocstall_dma 1\nallocstall_dma32 20\nallocstall_normal 300\nallocstall_movable 4000\n"
           "allocstall 50000\nallocstallx_normal 600000\nxallocstall_normal 7000000\n",
           0, &target);
    assert_value(target.block, MW_SYSTEM_ALLOCSTALL, 4321);
    target_free(&target);
}

static void one_bad_zone_spoils_the_sum(void **state)
{
    struct target target;

    (void)state;
    parses("pgalloc_dma 1\npgalloc_normal x\npgalloc_movable 5\n", -EINVAL, &target);
    assert_absent(target.block, MW_SYSTEM_PGALLOC, MW_ABSENT_STALE);
    target_free(&target);
}

/* A counter's own row counts before a sum that would cover it. */
static void the_longest_name_wins(void **state)
{
    struct target target;

    (void)state;
    parses("pgscan_direct_throttle 3\npgscan_direct 20\npgscan_kswapd 100\n", 0, &target);
    assert_value(target.block, MW_SYSTEM_PGSCAN_DIRECT_THROTTLE, 3);
    assert_value(target.block, MW_SYSTEM_PGSCAN_DIRECT, 20);
    assert_value(target.block, MW_SYSTEM_PGSCAN_KSWAPD, 100);
    target_free(&target);
}

static void sums_over_53_bits_make_no_sense(void **state)
{
    static const struct {
        const char *text;
        int error;
    } cases[] = {{"pgalloc_dma 9007199254740990\npgalloc_normal 0\n", 0},
                 {"pgalloc_dma 9007199254740990\npgalloc_normal 1\n", 0},
                 {"pgalloc_dma 9007199254740990\npgalloc_normal 2\n", -ERANGE},
                 {"pgalloc_dma 9007199254740991\npgalloc_normal 9007199254740991\n"
                  "pgalloc_movable 2\n",
                  -ERANGE}};
    struct target target;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        parses(cases[i].text, cases[i].error, &target);
        if (cases[i].error)
            assert_absent(target.block, MW_SYSTEM_PGALLOC, MW_ABSENT_STALE);
        else
            assert_value(target.block, MW_SYSTEM_PGALLOC, UINT64_C(9007199254740990) + i);
        target_free(&target);
    }
}

static void numbers_over_53_bits_make_no_sense(void **state)
{
    struct target target;

    (void)state;
    parses("pgfree 9007199254740991\npgfault 9007199254740992\n"
           "pgmajfault 18446744073709551616\n",
           -ERANGE, &target);
    assert_value(target.block, MW_SYSTEM_PGFREE, MW_READING_MAX);
    assert_absent(target.block, MW_SYSTEM_PGFAULT, MW_ABSENT_STALE);
    assert_absent(target.block, MW_SYSTEM_PGMAJFAULT, MW_ABSENT_STALE);
    target_free(&target);
}

static void what_is_not_a_number_makes_no_sense(void **state)
{
    static const char *const values[] = {"", " 1", "-1", "+1", "1 ", "1\t", "0x1", "1.0", "1 kB"};
    struct target target;
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        snprintf(text, sizeof(text), "pgfault %s\npgfree 8\n", values[i]);
        parses(text, -EINVAL, &target);
        assert_absent(target.block, MW_SYSTEM_PGFAULT, MW_ABSENT_STALE);
        assert_value(target.block, MW_SYSTEM_PGFREE, 8);
        target_free(&target);
    }
}

static void a_cut_text_leaves_its_end_unknown(void **state)
{
    struct target target;

    (void)state;
    parses("pgfree 8\npgfault 12", -ENODATA, &target);
    assert_value(target.block, MW_SYSTEM_PGFREE, 8);
    assert_absent(target.block, MW_SYSTEM_PGFAULT, MW_ABSENT_STALE);
    assert_absent(target.block, MW_SYSTEM_OOM_KILL, MW_ABSENT_STALE);
    target_free(&target);
    parses("", -ENODATA, &target);
    assert_int_equal(count_present(target.block, file, MW_ABSENT_STALE), 0);
    target_free(&target);
}

static void the_first_of_two_equal_lines_wins(void **state)
{
    struct target target;

    (void)state;
    parses("pgfault 1\npgfault 2\n", 0, &target);
    assert_value(target.block, MW_SYSTEM_PGFAULT, 1);
    target_free(&target);
}

static uint64_t sum_in(const struct text *text, const char *prefix, unsigned *ret_lines)
{
    static const char *const zones[] = {"dma", "dma32", "normal", "movable", "device", "high"};
    uint64_t sum = 0;

    *ret_lines = 0;
    for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
        char name[128];
        uint64_t number = 0;

        snprintf(name, sizeof(name), "%.*s%s", (int)strlen(prefix) - 1, prefix, zones[i]);
        *ret_lines += number_in(text, name, ' ', &number);
        sum += number;
    }
    return sum;
}

static void check_against_text(const struct mw_block *block, const struct text *text)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SYSTEM);

    for (unsigned i = 0; i < mw_source_columns(MW_SOURCE_SYSTEM); i++) {
        const struct mw_reading_info *info = mw_reading_info(first + i);
        unsigned lines = 0;
        uint64_t number = 0;

        if (strcmp(info->file, file) != 0)
            continue;
        if (strchr(info->field, '*') != NULL)
            number = sum_in(text, info->field, &lines);
        else
            lines = number_in(text, info->field, ' ', &number);
        if (lines > 0)
            assert_value(block, first + i, number);
        else
            assert_absent(block, first + i, MW_ABSENT_UNSUPPORTED);
    }
}

static void reads_every_row_of_each_fixture(void **state)
{
    static const char *const names[] = {"healthy/proc/vmstat",       "no_swap/proc/vmstat",
                                        "hostile_names/proc/vmstat", "container/proc/vmstat",
                                        "container_v1/proc/vmstat",  "old_kernel/proc/vmstat"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct target target;
        struct text text = text_of_fixture(names[i]);

        assert_int_equal(target_parse_fixture(&target, mw_parse_vmstat, names[i]), 0);
        check_against_text(target.block, &text);
        target_free(&target);
        text_free(&text);
    }
}

static void a_text_that_lies_spoils_only_its_own_readings(void **state)
{
    struct target target;

    (void)state;
    assert_int_equal(target_parse_fixture(&target, mw_parse_vmstat, "truncated/proc/vmstat"),
                     -ERANGE);
    assert_value(target.block, MW_SYSTEM_PGPGIN, 6120448);
    assert_absent(target.block, MW_SYSTEM_PGPGOUT, MW_ABSENT_STALE);
    assert_absent(target.block, MW_SYSTEM_PSWPOUT, MW_ABSENT_STALE);
    assert_absent(target.block, MW_SYSTEM_PGALLOC, MW_ABSENT_STALE);
    assert_value(target.block, MW_SYSTEM_PGFREE, 95012441);
    assert_absent(target.block, MW_SYSTEM_PGFAULT, MW_ABSENT_STALE);
    assert_value(target.block, MW_SYSTEM_OOM_KILL, 2);
    assert_absent(target.block, MW_SYSTEM_PGMAJFAULT, MW_ABSENT_STALE);
    target_free(&target);
}

static void reads_this_machine(void **state)
{
    struct text text = text_of_file(file);
    struct target target = target_create();

    (void)state;
    assert_int_equal(mw_parse_vmstat(text.bytes, text.size, target.block), 0);
    assert_true(count_present(target.block, file, MW_ABSENT_UNSUPPORTED) > 30);
    check_against_text(target.block, &text);
    text_free(&text);
    target_free(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_taken_by_name),
        cmocka_unit_test(a_starred_field_is_the_sum_over_its_lines),
        cmocka_unit_test(one_bad_zone_spoils_the_sum),
        cmocka_unit_test(the_longest_name_wins),
        cmocka_unit_test(sums_over_53_bits_make_no_sense),
        cmocka_unit_test(numbers_over_53_bits_make_no_sense),
        cmocka_unit_test(what_is_not_a_number_makes_no_sense),
        cmocka_unit_test(a_cut_text_leaves_its_end_unknown),
        cmocka_unit_test(the_first_of_two_equal_lines_wins),
        cmocka_unit_test(reads_every_row_of_each_fixture),
        cmocka_unit_test(a_text_that_lies_spoils_only_its_own_readings),
        cmocka_unit_test(reads_this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
