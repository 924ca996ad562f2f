/* Whatever a program does, and in whatever mode, it finds the graph that it built. */
#include "shadow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#define MIB ((size_t)1 << 20)

enum { SEEDS = 3, SHORT_RUN = 8 * 1024, LONG_RUN = 128 * 1024, SEMI = 256 * 1024 };

static uint64_t play(struct shadow_run run, uint64_t seed, size_t size, struct mw_heap_numbers *ret)
{
    uint8_t *stream = malloc(size);
    uint64_t checksum;

    assert_non_null(stream);
    shadow_make_stream(seed, stream, size);
    run.stream = stream;
    run.size = size;
    checksum = shadow_run(&run, ret);
    free(stream);
    return checksum;
}

static uint64_t run(uint64_t seed, size_t size, unsigned modes, struct mw_heap_numbers *ret)
{
    return play((struct shadow_run){.limit = 64 * MIB, .semi_space = SEMI, .modes = modes}, seed,
                size, ret);
}

static void all_modes_see_one_graph(void **state)
{
    struct mw_heap_numbers numbers;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t expected = run(seed, SHORT_RUN, 0, &numbers);

        for (size_t i = 1; i < shadow_mode_count; i++)
            if (run(seed, SHORT_RUN, shadow_modes[i].modes, &numbers) != expected)
                fail_msg("seed %d: %s comes to another checksum", (int)seed, shadow_modes[i].name);
    }
}

/* The checksum is taken from the heap: another stream has another one. */
static void checksums_differ_by_stream(void **state)
{
    struct mw_heap_numbers numbers;

    (void)state;
    assert_int_not_equal(run(1, SHORT_RUN, 0, &numbers), run(2, SHORT_RUN, 0, &numbers));
}

static void stress_collects_all_the_time(void **state)
{
    struct mw_heap_numbers numbers;

    (void)state;
    run(1, SHORT_RUN, MW_HEAP_STRESS, &numbers);
    assert_true(numbers.collections[MW_GC_SCAVENGE] + numbers.collections[MW_GC_MARK_SWEEP] >
                SHORT_RUN / 16);
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

/* However large they are, and however much of them is filled: every scavenge takes more than a
 * microsecond, so that becomes less and less. */
static void halves_of_any_size_see_one_graph(void **state)
{
    static const struct shadow_run halves[] = {
        {.semi_space = MIB, .scavenge_us = 1},
        {.semi_space = SEMI, .semi_space_max = MIB},
        {.semi_space = SEMI, .semi_space_max = 2 * MIB, .scavenge_us = 500},
    };
    struct mw_heap_numbers numbers;
    uint64_t expected = run(7, LONG_RUN, 0, &numbers);

    (void)state;
    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        struct shadow_run one = halves[i];

        one.limit = 64 * MIB;
        assert_int_equal(play(one, 7, LONG_RUN, &numbers), expected);
        one.modes = MW_HEAP_SLICES | MW_HEAP_VERIFY;
        assert_int_equal(play(one, 7, LONG_RUN, &numbers), expected);
    }
}

/* Allocations that fail leave the graph as it was; what could not be promoted stays young. */
static void at_the_limit_nothing_is_lost(void **state)
{
    static const unsigned modes[] = {0, MW_HEAP_SLICES, MW_HEAP_ATOMIC, MW_HEAP_STRESS,
                                     MW_HEAP_COMPACT | MW_HEAP_SLICES};
    enum { MODES = sizeof(modes) / sizeof(modes[0]) };
    static uint8_t stream[LONG_RUN / 10];

    (void)state;
    for (unsigned i = 0; i < MODES * SEEDS; i++) {
        const struct shadow_run tight = {
            .stream = stream,
            .size = sizeof(stream),
            .limit = MIB + MIB / 2,
            .semi_space = SEMI,
            .modes = modes[i % MODES] | MW_HEAP_VERIFY | MW_HEAP_POISON,
            .may_fail = true,
        };
        struct mw_heap_numbers numbers;

        shadow_make_stream(1 + i / 4, stream, sizeof(stream));
        shadow_run(&tight, &numbers);
        assert_true(numbers.total + numbers.pooled <= numbers.limit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_modes_see_one_graph),
        cmocka_unit_test(checksums_differ_by_stream),
        cmocka_unit_test(stress_collects_all_the_time),
        cmocka_unit_test(a_long_run_promotes_and_sweeps),
        cmocka_unit_test(halves_of_any_size_see_one_graph),
        cmocka_unit_test(at_the_limit_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
