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

/* ---- streams made for what chance seldom meets ---- */

/* Bytes of operations, and of their first arguments: see shadow.c. */
enum { CREATE = 0, STORE = 8, SET_GLOBAL = 17, ATTACH = 30, ASSIGN = 32, MINOR = 36 };
enum { SNAPSHOT = 40, SNAPSHOT_STEP = 44, SNAPSHOT_BEGUN = 45 };
enum { A_NODE = 0, A_WIDE = 3, SOME_STRUCTS = 9, IN_CHILD = 1 };
enum { LINKS = 190, FULL_AT = 148 };

struct tape {
    uint8_t bytes[4096];
    size_t size;
};

static void put(struct tape *self, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count && self->size < sizeof(self->bytes); i++)
        self->bytes[self->size++] = bytes[i];
}
#define PUT(tape, ...)                                                                             \
    put(tape, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void put_snapshot(struct tape *tape, uint8_t way)
{
    if (way == 0)
        PUT(tape, SNAPSHOT, 0);
    else
        PUT(tape, SNAPSHOT_BEGUN, 0, (uint8_t)(way - 1));
    PUT(tape, MINOR, 0);
}

/* A large array that a global holds, then a chain of records, of which no room is left to promote
 * the last ones: snapshots, begun or not, see them young. */
static void make_full(struct tape *ret)
{
    PUT(ret, CREATE, SOME_STRUCTS, 0, 1);
    PUT(ret, SET_GLOBAL, 0, 1, 0);
    for (uint8_t i = 1; i < LINKS; i++) {
        PUT(ret, CREATE, A_WIDE, 1);
        if (i > 1)
            PUT(ret, STORE, i, (uint8_t)(i - 1), 1, 0);
        if (i > FULL_AT && i % 5 == 0)
            put_snapshot(ret, i / 5 % 3);
    }
}

/* An old object that owns memory outside dies after slices have marked it. Nothing is allocated
 * then, as that may end marking. */
static void make_marked_death(struct tape *ret)
{
    PUT(ret, CREATE, A_NODE, 1, CREATE, A_NODE, 1);
    PUT(ret, ATTACH, 0);
    PUT(ret, MINOR, 0, MINOR, 0);
    PUT(ret, SNAPSHOT_STEP, SNAPSHOT_STEP);
    PUT(ret, ASSIGN, 0, 1);
    PUT(ret, SNAPSHOT_BEGUN, 0, IN_CHILD);
}

static void what_dies_is_released_by_the_parent(void **state)
{
    static struct tape tape;
    struct shadow_run one = {.limit = 64 * MIB, .semi_space = SEMI};
    struct mw_heap_numbers numbers;
    uint64_t expected;

    (void)state;
    make_marked_death(&tape);
    one.stream = tape.bytes;
    one.size = tape.size;
    expected = shadow_run(&one, &numbers);
    one.modes = MW_HEAP_SLICES;
    assert_int_equal(shadow_run(&one, &numbers), expected);
    assert_true(numbers.in_slices > 0);
}

static void a_full_heap_is_shown_whole(void **state)
{
    static const unsigned modes[] = {0, MW_HEAP_SLICES, MW_HEAP_ATOMIC,
                                     MW_HEAP_COMPACT | MW_HEAP_SLICES};
    static struct tape tape;

    (void)state;
    make_full(&tape);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        const struct shadow_run full = {
            .stream = tape.bytes,
            .size = tape.size,
            .limit = MIB + MIB / 2,
            .semi_space = SEMI,
            .modes = modes[i] | MW_HEAP_VERIFY,
            .may_fail = true,
        };
        struct mw_heap_numbers numbers;

        shadow_run(&full, &numbers);
        assert_true(numbers.total + numbers.pooled + MIB / 2 > numbers.limit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_modes_see_one_graph),
        cmocka_unit_test(checksums_differ_by_stream),
        cmocka_unit_test(stress_collects_all_the_time),
        cmocka_unit_test(what_dies_is_released_by_the_parent),
        cmocka_unit_test(a_full_heap_is_shown_whole),
        cmocka_unit_test(a_long_run_promotes_and_sweeps),
        cmocka_unit_test(halves_of_any_size_see_one_graph),
        cmocka_unit_test(at_the_limit_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
