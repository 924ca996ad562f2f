/* Whatever a program does, and in whatever mode, it finds the graph that it built. */
#include "shadow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#define MIB ((size_t)1 << 20)

enum { SEEDS = 3, SHORT_RUN = 2500, LONG_RUN = 40000, SEMI = 256 * 1024 };

static uint64_t run(uint64_t seed, unsigned operations, unsigned modes, struct mw_heap_numbers *ret)
{
    const struct shadow_run run = {seed, operations, 64 * MIB, SEMI, modes, false};

    return shadow_run(&run, ret);
}

static void all_modes_see_one_graph(void **state)
{
    static const unsigned modes[] = {
        MW_HEAP_CHECKED,
        MW_HEAP_VERIFY | MW_HEAP_POISON,
        MW_HEAP_FULL | MW_HEAP_VERIFY,
        MW_HEAP_SLICES | MW_HEAP_VERIFY,
        MW_HEAP_SLICES | MW_HEAP_MOVE | MW_HEAP_CHECKED,
        MW_HEAP_STRESS | MW_HEAP_POISON,
        MW_HEAP_STRESS | MW_HEAP_MOVE | MW_HEAP_CHECKED,
        MW_HEAP_STRESS | MW_HEAP_FULL | MW_HEAP_POISON | MW_HEAP_CHECKED,
        MW_HEAP_COMPACT | MW_HEAP_VERIFY,
        MW_HEAP_COMPACT | MW_HEAP_FULL | MW_HEAP_VERIFY,
        MW_HEAP_COMPACT | MW_HEAP_SLICES | MW_HEAP_VERIFY | MW_HEAP_POISON,
        MW_HEAP_COMPACT | MW_HEAP_STRESS | MW_HEAP_FULL | MW_HEAP_POISON | MW_HEAP_CHECKED,
    };
    struct mw_heap_numbers numbers;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t expected = run(seed, SHORT_RUN, 0, &numbers);

        for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
            assert_int_equal(run(seed, SHORT_RUN, modes[i], &numbers), expected);
            assert_true(!(modes[i] & MW_HEAP_STRESS) ||
                        numbers.collections[MW_GC_SCAVENGE] +
                                numbers.collections[MW_GC_MARK_SWEEP] +
                                numbers.collections[MW_GC_MARK_COMPACT] >
                            SHORT_RUN / 6);
        }
    }
}

static void a_long_run_promotes_and_sweeps(void **state)
{
    struct mw_heap_numbers numbers;
    uint64_t expected = run(7, LONG_RUN, 0, &numbers);

    (void)state;
    assert_true(numbers.promoted > MIB / 2);
    assert_true(numbers.collections[MW_GC_SCAVENGE] > 100);
    assert_true(numbers.collections[MW_GC_MARK_SWEEP] > 50);
    assert_int_equal(run(7, LONG_RUN, MW_HEAP_MOVE, &numbers), expected);
    assert_int_equal(run(7, LONG_RUN, MW_HEAP_SLICES, &numbers), expected);
    assert_true(numbers.in_slices > 100);
    assert_int_equal(run(7, LONG_RUN, MW_HEAP_COMPACT, &numbers), expected);
    assert_true(numbers.collections[MW_GC_MARK_COMPACT] > 50);
}

/* Allocations that fail leave the graph as it was; what could not be promoted stays young. */
static void at_the_limit_nothing_is_lost(void **state)
{
    static const unsigned modes[] = {0, MW_HEAP_SLICES, MW_HEAP_ATOMIC, MW_HEAP_STRESS,
                                     MW_HEAP_COMPACT | MW_HEAP_SLICES};

    enum { MODES = sizeof(modes) / sizeof(modes[0]) };

    (void)state;
    for (unsigned i = 0; i < MODES * SEEDS; i++) {
        const struct shadow_run tight = {
            .seed = 1 + i / MODES,
            .operations = LONG_RUN / 10,
            .limit = MIB + MIB / 2,
            .semi_space = SEMI,
            .modes = modes[i % MODES] | MW_HEAP_VERIFY | MW_HEAP_POISON,
            .may_fail = true,
        };
        struct mw_heap_numbers numbers;

        shadow_run(&tight, &numbers);
        assert_true(numbers.total + numbers.pooled <= tight.limit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_modes_see_one_graph),
        cmocka_unit_test(a_long_run_promotes_and_sweeps),
        cmocka_unit_test(at_the_limit_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
