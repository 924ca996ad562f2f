/* The parts of the ledger add up to MemTotal to the byte, whatever is known, and nothing is in two
 * of them. */
#include "sample/derive_internal.h"
#include "tests/lib/collect/system_support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum mw_reading first = MW_SYSTEM_LEDGER_FREE;
static const enum mw_reading rest = MW_SYSTEM_LEDGER_UNEXPLAINED;

static struct mw_derived *ledger_of(const struct mw_block *block)
{
    struct mw_derived *self = calloc(mw_source_columns(MW_SOURCE_DERIVED), sizeof(*self));

    assert_non_null(self);
    mw_derive_ledger(block, self);
    return self;
}

static struct mw_derived *ledger_of_text(const char *text, int error)
{
    struct target target;
    struct mw_derived *self;

    assert_int_equal(target_parse(&target, mw_parse_meminfo, text), error);
    self = ledger_of(target.block);
    target_free(&target);
    return self;
}

static const struct mw_derived *row(const struct mw_derived *self, enum mw_reading reading)
{
    return &self[mw_reading_info(reading)->column];
}

static void expect(const struct mw_derived *self, enum mw_reading reading, int64_t kib)
{
    if (row(self, reading)->absence != MW_PRESENT || row(self, reading)->value.i != kib * 1024)
        fail_msg("%s is %" PRId64 " (absence %d), not %" PRId64 " KiB",
                 mw_reading_info(reading)->id, row(self, reading)->value.i,
                 (int)row(self, reading)->absence, kib);
}

static void expect_absent(const struct mw_derived *self, enum mw_reading reading,
                          enum mw_absence absence)
{
    assert_int_equal(row(self, reading)->absence, absence);
}

/* The promise itself. Returns the parts that are there, the rest left out. */
static unsigned expect_sum(const struct mw_derived *self, uint64_t total)
{
    int64_t sum = row(self, rest)->value.i;
    unsigned present = 0;

    assert_int_equal(row(self, rest)->absence, MW_PRESENT);
    for (enum mw_reading reading = first; reading < rest; reading++) {
        if (row(self, reading)->absence != MW_PRESENT)
            continue;
        assert_true(row(self, reading)->value.u <= MW_READING_MAX);
        sum += row(self, reading)->value.i;
        present++;
    }
    assert_int_equal(sum, (int64_t)total);
    return present;
}

static void all_fixtures_add_up(void **state)
{
    static const struct {
        const char *name;
        unsigned parts;
    } fixtures[] = {
        {"healthy", 14},  {"container", 14},  {"container_v1", 14}, {"hostile_names", 14},
        {"no_swap", 14},  {"old_kernel", 11}, /* no KReclaimable, Percpu and Zswap */
        {"truncated", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(fixtures) / sizeof(*fixtures); i++) {
        char name[64];
        struct target target;
        struct mw_derived *ledger;
        union mw_value total;

        snprintf(name, sizeof(name), "%s/proc/meminfo", fixtures[i].name);
        target_parse_fixture(&target, mw_parse_meminfo, name);
        ledger = ledger_of(target.block);
        assert_int_equal(mw_block_get(target.block, MW_SYSTEM_MEM_TOTAL, 0, &total), MW_PRESENT);
        assert_int_equal(expect_sum(ledger, total.u), fixtures[i].parts);
        free(ledger);
        target_free(&target);
    }
}

/* On a real kernel the parts explain most of what there is, and hardly more than that. */
static void this_machine_adds_up(void **state)
{
    struct text text = text_of_file("/proc/meminfo");
    struct target target = target_create();
    struct mw_derived *ledger;
    union mw_value total;

    (void)state;
    assert_int_equal(mw_parse_meminfo(text.bytes, text.size, target.block), 0);
    ledger = ledger_of(target.block);
    assert_int_equal(mw_block_get(target.block, MW_SYSTEM_MEM_TOTAL, 0, &total), MW_PRESENT);
    assert_true(expect_sum(ledger, total.u) >= 9);
    assert_true(row(ledger, rest)->value.i > -(int64_t)(total.u / 50));
    assert_true(row(ledger, rest)->value.i < (int64_t)(total.u / 4));
    free(ledger);
    target_free(&target);
    text_free(&text);
}

static const char machine[] =
    "MemTotal: 100000 kB\nMemFree: 20000 kB\nBuffers: 1000 kB\nCached: 30000 kB\n"
    "SwapCached: 900 kB\nActive(anon): 4000 kB\nInactive(anon): 19600 kB\nZswap: 70 kB\n"
    "AnonPages: 20000 kB\nShmem: 3000 kB\nKReclaimable: 4500 kB\nSlab: 6000 kB\n"
    "SReclaimable: 4000 kB\nSUnreclaim: 2000 kB\nKernelStack: 800 kB\nPageTables: 400 kB\n"
    "SecPageTables: 50 kB\nVmallocUsed: 2800 kB\nPercpu: 300 kB\nAnonHugePages: 8192 kB\n"
    "HugePages_Total: 2\nHugepagesize: 2048 kB\nHugetlb: 5120 kB\n";

static void nothing_is_in_two_parts(void **state)
{
    struct mw_derived *ledger = ledger_of_text(machine, 0);

    (void)state;
    expect(ledger, MW_SYSTEM_LEDGER_FREE, 20000);
    expect(ledger, MW_SYSTEM_LEDGER_PAGE_CACHE, 28000); /* shared memory is not in it */
    expect(ledger, MW_SYSTEM_LEDGER_ANON, 20000);       /* with its huge pages */
    expect(ledger, MW_SYSTEM_LEDGER_SHARED, 3000);
    expect(ledger, MW_SYSTEM_LEDGER_SWAP_CACHE, 600); /* 300 of it are mapped, so anonymous */
    expect(ledger, MW_SYSTEM_LEDGER_SLAB_RECLAIMABLE, 4000);
    expect(ledger, MW_SYSTEM_LEDGER_SLAB_UNRECLAIMABLE, 2000);
    expect(ledger, MW_SYSTEM_LEDGER_KERNEL_RECLAIMABLE, 500);
    expect(ledger, MW_SYSTEM_LEDGER_PAGE_TABLES, 450);
    expect(ledger, MW_SYSTEM_LEDGER_KERNEL_STACKS, 800);
    expect(ledger, MW_SYSTEM_LEDGER_PERCPU, 300);
    expect(ledger, MW_SYSTEM_LEDGER_VMALLOC, 2000);    /* the stacks are not in it */
    expect(ledger, MW_SYSTEM_LEDGER_HUGE_PAGES, 5120); /* all sizes: more than the default pool */
    expect(ledger, MW_SYSTEM_LEDGER_ZSWAP, 70);
    expect(ledger, rest, 13160);
    assert_int_equal(expect_sum(ledger, UINT64_C(100000) * 1024), 14);
    free(ledger);
}

/* Each line left out in turn: its part is absent or smaller, and the sum is right all the same. */
static void a_line_that_is_missing_does_not_harm_the_sum(void **state)
{
    (void)state;
    for (const char *line = strchr(machine, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        size_t before = (size_t)(line - machine);
        char text[sizeof(machine)];
        struct mw_derived *ledger;

        memcpy(text, machine, before);
        strcpy(text + before, strchr(line, '\n') + 1);
        ledger = ledger_of_text(text, 0);
        expect_sum(ledger, UINT64_C(100000) * 1024);
        free(ledger);
    }
}

static void an_absent_part_is_in_the_rest(void **state)
{
    struct mw_derived *ledger =
        ledger_of_text("MemTotal: 1000 kB\nMemFree: 300 kB\nPercpu: many kB\n", -22);

    (void)state;
    expect_absent(ledger, MW_SYSTEM_LEDGER_PERCPU, MW_ABSENT_STALE);
    expect_absent(ledger, MW_SYSTEM_LEDGER_ANON, MW_ABSENT_UNSUPPORTED);
    expect(ledger, rest, 700);
    free(ledger);
}

static void the_rest_may_be_negative(void **state)
{
    struct mw_derived *ledger = ledger_of_text("MemTotal: 1000 kB\nMemFree: 1001 kB\n", 0);

    (void)state;
    expect(ledger, rest, -1);
    free(ledger);
}

static void without_a_total_there_is_no_rest(void **state)
{
    struct mw_derived *ledger = ledger_of_text("MemFree: 1001 kB\n", 0);

    (void)state;
    expect(ledger, MW_SYSTEM_LEDGER_FREE, 1001);
    expect_absent(ledger, rest, MW_ABSENT_UNSUPPORTED);
    free(ledger);
}

static void lines_that_contradict_each_other_make_no_part(void **state)
{
    struct mw_derived *ledger =
        ledger_of_text("MemTotal: 1000 kB\nBuffers: 1 kB\nCached: 9 kB\nShmem: 11 kB\n", 0);

    (void)state;
    expect_absent(ledger, MW_SYSTEM_LEDGER_PAGE_CACHE, MW_ABSENT_STALE);
    expect(ledger, MW_SYSTEM_LEDGER_SHARED, 11);
    expect(ledger, rest, 989);
    free(ledger);
}

static void stacks_outside_of_vmalloc_are_not_taken_off_it(void **state)
{
    struct mw_derived *equal = ledger_of_text("KernelStack: 8 kB\nVmallocUsed: 8 kB\n", 0);
    struct mw_derived *less = ledger_of_text("KernelStack: 8 kB\nVmallocUsed: 7 kB\n", 0);

    (void)state;
    expect(equal, MW_SYSTEM_LEDGER_VMALLOC, 0);
    expect(less, MW_SYSTEM_LEDGER_VMALLOC, 7);
    free(equal);
    free(less);
}

static void an_old_kernel_counts_the_pages_of_one_pool(void **state)
{
    struct mw_derived *ledger = ledger_of_text("HugePages_Total: 3\nHugepagesize: 2048 kB\n", 0);
    struct mw_derived *vast =
        ledger_of_text("HugePages_Total: 9007199254740991\nHugepagesize: 2048 kB\n", 0);

    (void)state;
    expect(ledger, MW_SYSTEM_LEDGER_HUGE_PAGES, 6144);
    expect_absent(vast, MW_SYSTEM_LEDGER_HUGE_PAGES, MW_ABSENT_STALE);
    free(ledger);
    free(vast);
}

/* Bounded by both: the swap cache itself, and what the lists have besides what is counted. */
static void swap_cache_is_never_too_much(void **state)
{
    struct mw_derived *small = ledger_of_text("SwapCached: 5 kB\nActive(anon): 9 kB\n"
                                              "Inactive(anon): 9 kB\nAnonPages: 1 kB\n",
                                              0);
    struct mw_derived *mapped = ledger_of_text("SwapCached: 5 kB\nActive(anon): 9 kB\n"
                                               "Inactive(anon): 9 kB\nAnonPages: 19 kB\n",
                                               0);

    (void)state;
    expect(small, MW_SYSTEM_LEDGER_SWAP_CACHE, 5);
    expect(mapped, MW_SYSTEM_LEDGER_SWAP_CACHE, 0);
    free(small);
    free(mapped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fixtures_add_up),
        cmocka_unit_test(this_machine_adds_up),
        cmocka_unit_test(nothing_is_in_two_parts),
        cmocka_unit_test(a_line_that_is_missing_does_not_harm_the_sum),
        cmocka_unit_test(an_absent_part_is_in_the_rest),
        cmocka_unit_test(the_rest_may_be_negative),
        cmocka_unit_test(without_a_total_there_is_no_rest),
        cmocka_unit_test(lines_that_contradict_each_other_make_no_part),
        cmocka_unit_test(stacks_outside_of_vmalloc_are_not_taken_off_it),
        cmocka_unit_test(an_old_kernel_counts_the_pages_of_one_pool),
        cmocka_unit_test(swap_cache_is_never_too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
