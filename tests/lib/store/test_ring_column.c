/* Every list of numbers comes back from a column bit for bit, and none needs more than its bound.
 */
#include "store/ring_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = MW_RING_CHUNK_ROWS_MAX, GUARD = 0xa5 };

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint64_t chance(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void decode(enum mw_ring_form form, bool packed, const unsigned char *bytes, size_t count,
                   uint64_t *ret)
{
    if (packed)
        mw_column_unpack(form, bytes, count, ret);
    else
        mw_column_decode(form, bytes, count, ret);
}

static size_t round_trip(enum mw_ring_form form, bool packed, const uint64_t *numbers, size_t count)
{
    unsigned char bytes[2 + 10 * ROWS + MW_COLUMN_PAD + 1];
    uint64_t back[ROWS];
    size_t bound = mw_column_bound(count), size;

    memset(bytes, GUARD, sizeof(bytes));
    size = packed ? mw_column_pack(form, numbers, count, bytes)
                  : mw_column_encode(form, numbers, count, bytes);
    assert_true(size + MW_COLUMN_PAD <= bound);
    assert_int_equal(bytes[bound], GUARD);
    memset(bytes + size, 0xff, sizeof(bytes) - size); /* what follows must not matter */
    decode(form, packed, bytes, count, back);
    assert_memory_equal(back, numbers, count * sizeof(*numbers));
    return size;
}

static size_t in_all_ways(enum mw_ring_form form, const uint64_t *numbers, size_t count)
{
    round_trip(form, true, numbers, count);
    return round_trip(form, false, numbers, count);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static void test_differences_of_every_width(void **state)
{
    uint64_t numbers[ROWS];

    (void)state;
    for (unsigned width = 0; width <= 64; width++)
        for (unsigned shift = 0; shift < 64; shift += 7)
            for (size_t count = 1; count <= ROWS; count = 2 * count + 1) {
                for (size_t i = 0; i < count; i++)
                    numbers[i] = (width == 0 ? 0 : chance() >> (64 - width)) << shift;
                in_all_ways(MW_RING_U64, numbers, count);
            }
}

/* A token's forms end at these: one less, itself, one more. */
static void test_edges_of_tokens(void **state)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     63,
                                     64,
                                     128,
                                     1u << 7,
                                     1u << 12,
                                     1u << 13,
                                     1u << 20,
                                     1u << 24,
                                     1u << 27,
                                     UINT32_MAX,
                                     UINT64_C(1) << 40,
                                     UINT64_C(1) << 48,
                                     UINT64_C(1) << 56,
                                     UINT64_C(1) << 63,
                                     UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        uint64_t list[] = {edges[i] - 1, edges[i], edges[i] + 1, 0, edges[i]}, back[5];
        unsigned char bytes[64];

        mw_tokens_put(list, 5, bytes);
        mw_tokens_get(bytes, 5, back);
        assert_memory_equal(back, list, sizeof(list));
    }
}

/* 2^24 - 1 is the longest that bits can hold; what is longer is left to tokens. */
static void test_edge_of_bits(void **state)
{
    uint64_t list[] = {(1u << 24) - 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (1u << 24) - 1, 1}, back[13];
    unsigned char bytes[128];

    (void)state;
    for (unsigned k = 0; k <= 24; k++) {
        mw_bits_put(list, 13, k, bytes);
        mw_bits_get(bytes, 13, back);
        assert_memory_equal(back, list, sizeof(list));
    }
    assert_true(mw_list_sizes(list, 13).bits < SIZE_MAX);
    list[0] = 1u << 24;
    assert_true(mw_list_sizes(list, 13).bits == SIZE_MAX);
}

static void test_runs_of_zeroes_of_every_length(void **state)
{
    uint64_t numbers[ROWS] = {0};

    (void)state;
    for (size_t run = 1; run < ROWS; run++) {
        memset(numbers, 0, sizeof(numbers));
        for (size_t i = run; i < ROWS; i++)
            numbers[i] = 4096;
        assert_true(in_all_ways(MW_RING_U64, numbers, ROWS) <= 16);
    }
}

static void test_a_counter_costs_as_little_as_a_constant(void **state)
{
    uint64_t numbers[ROWS];

    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        numbers[i] = 1795377600123u + 1000 * i;
    assert_true(in_all_ways(MW_RING_I64, numbers, ROWS) <= 24);
}

static void test_floats_with_decimals_and_without(void **state)
{
    uint64_t numbers[ROWS];

    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        numbers[i] = bits_of((double)(chance() % 10000) / 100);
    assert_true(in_all_ways(MW_RING_F64, numbers, ROWS) < 2 * ROWS);
    for (size_t i = 0; i < ROWS; i++)
        numbers[i] = bits_of((double)(chance() % 10000) / 7);
    assert_true(in_all_ways(MW_RING_F64, numbers, ROWS) <= 9 * ROWS + 1);
    for (size_t i = 0; i < ROWS; i++)
        numbers[i] = chance(); /* NaN, infinities and all */
    in_all_ways(MW_RING_F64, numbers, ROWS);
}

static void test_floats_that_compare_equal_stay_different(void **state)
{
    const uint64_t numbers[] = {bits_of(0.0),
                                bits_of(-0.0),
                                bits_of(1.0),
                                bits_of(-0.0),
                                0x7ff8000000000001u,
                                0x7ff0000000000000u,
                                1};

    (void)state;
    in_all_ways(MW_RING_F64, numbers, 4); /* without the others they look like whole numbers */
    in_all_ways(MW_RING_F64, numbers, 7);
}

/* Floats that stay the same take a byte for each 16 of them, wherever such a run begins and ends.
 */
static void test_floats_that_repeat_cost_next_to_nothing(void **state)
{
    uint64_t numbers[ROWS];

    (void)state;
    for (size_t run = 1; run < 70; run++) {
        size_t runs = 0, bytes = 0;

        for (size_t i = 0; i < ROWS; i++)
            numbers[i] = i % run == 0 ? bits_of((double)(chance() % 1000000) / 7) : numbers[i - 1];
        for (size_t i = 0; i < ROWS; i += run, runs++)
            bytes += 9 + ((i + run < ROWS ? run : ROWS - i) - 1 + 15) / 16;
        assert_true(in_all_ways(MW_RING_F64, numbers, ROWS) <= 1 + bytes);
    }
    for (size_t i = 0; i < ROWS; i++) /* from the first on; whole numbers are another matter */
        numbers[i] = i < ROWS - 1 ? 0 : bits_of(1.0 / 7);
    assert_int_equal(round_trip(MW_RING_F64, true, numbers, ROWS), (ROWS - 1 + 15) / 16 + 9);
}

static void test_packed_times_are_one_difference(void **state)
{
    uint64_t numbers[32];

    (void)state;
    for (size_t i = 0; i < 32; i++)
        numbers[i] = UINT64_MAX - 40 + 3 * i; /* over the edge */
    assert_int_equal(round_trip(MW_RING_U64, true, numbers, 32), 3 + 8 + 8);
    numbers[31]++;
    assert_int_equal(round_trip(MW_RING_U64, true, numbers, 32), 3 + 8 + 31);
}

/* Packed differences take as many bytes as the widest one needs, its sign included. */
static void test_packed_at_the_edges_of_widths(void **state)
{
    (void)state;
    for (unsigned width = 1; width < 8; width++) {
        uint64_t most = (UINT64_C(1) << (8 * width - 1)) - 1;
        const uint64_t up[] = {0, most, most - 1}, over[] = {0, most + 1, most};
        const uint64_t down[] = {most + 1, 0, 1}, under[] = {most + 2, 0, 1};
        size_t fits = round_trip(MW_RING_U64, true, up, 3);

        assert_int_equal(fits, 3 + 2 * width);
        assert_int_equal(round_trip(MW_RING_U64, true, over, 3), fits + 2);
        assert_int_equal(round_trip(MW_RING_U64, true, down, 3), fits + width);
        assert_int_equal(round_trip(MW_RING_U64, true, under, 3), fits + width + 2);
    }
}

static void test_packed_constants_and_pages_are_small(void **state)
{
    uint64_t numbers[32];

    (void)state;
    for (size_t i = 0; i < 32; i++)
        numbers[i] = 40960;
    assert_int_equal(round_trip(MW_RING_U64, true, numbers, 32), 5);
    for (size_t i = 0; i < 32; i++)
        numbers[i] = 40960 + (i % 2) * 127 * 4096;
    assert_int_equal(round_trip(MW_RING_U64, true, numbers, 32), 5 + 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences_of_every_width),
        cmocka_unit_test(test_edges_of_tokens),
        cmocka_unit_test(test_edge_of_bits),
        cmocka_unit_test(test_runs_of_zeroes_of_every_length),
        cmocka_unit_test(test_a_counter_costs_as_little_as_a_constant),
        cmocka_unit_test(test_floats_with_decimals_and_without),
        cmocka_unit_test(test_floats_that_compare_equal_stay_different),
        cmocka_unit_test(test_floats_that_repeat_cost_next_to_nothing),
        cmocka_unit_test(test_packed_times_are_one_difference),
        cmocka_unit_test(test_packed_at_the_edges_of_widths),
        cmocka_unit_test(test_packed_constants_and_pages_are_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
