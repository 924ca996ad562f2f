/* One column of a chunk.
 *
 * Whole numbers: differences from one to the next, or differences of these (counters, times),
 * written as tokens or as bits; whichever of the four is shortest. Amounts of memory come in pages
 * or KiB, so the low bits that are zero in all differences are left out. Differences are taken
 * modulo 2^64: no number is too large.
 *
 *     1 byte   bit 0: differences of differences; bit 1: bits; bits 2 to 7: how many low bits are
 * out 1 byte   size of the first number, and so many bytes: the first number
 *     ...      the list of all others
 *
 * Floats are mostly figures that the kernel prints with a few decimals, so the first byte tells
 * with how many decimals they are whole numbers, all exactly. Those that are not are written as
 * what changed in their bits since the one before, as ring_pack.c tells.
 */
#include "store/ring_internal.h"

#include <string.h>

enum { SECOND = 1, BITS = 2, SHIFT = 2, DECIMALS_MAX = 4, NO_DECIMALS = 0xff };

static const double powers[DECIMALS_MAX + 1] = {1, 10, 100, 1000, 10000};

static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}

static uint64_t unzigzag(uint64_t word)
{
    return word >> 1 ^ (0 - (word & 1));
}

/* As of a signed number. */
static uint64_t shift_down(uint64_t difference, unsigned shift)
{
    return (uint64_t)((int64_t)difference >> shift);
}

/* All bits that any difference has, and all bits in which one differs from the first. */
struct bits {
    uint64_t any, uneven;
};

static struct bits bits_of_differences(const uint64_t *numbers, size_t count)
{
    uint64_t first = count > 1 ? numbers[1] - numbers[0] : 0;
    struct bits bits = {0, 0};

    for (size_t i = 1; i < count; i++) {
        bits.any |= numbers[i] - numbers[i - 1];
        bits.uneven |= (numbers[i] - numbers[i - 1]) ^ first;
    }
    return bits;
}

/* Fills in count - 1 differences, at least one. Returns how many of them are 0. */
static size_t make_first(const uint64_t *numbers, size_t count, unsigned shift, uint64_t *ret)
{
    size_t zeroes = 0, i = 1;

    do {
        ret[i - 1] = zigzag(shift_down(numbers[i] - numbers[i - 1], shift));
        zeroes += ret[i - 1] == 0;
    } while (++i < count);
    return zeroes;
}

/* As many differences of these. */
static void make_second(const uint64_t *first, size_t count, uint64_t *ret)
{
    uint64_t before = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t difference = unzigzag(first[i]);

        ret[i] = zigzag(difference - before);
        before = difference;
    }
}

/* ---- which way ---- */

struct way {
    size_t size; /* estimated */
    unsigned flags, k;
};

static struct way cheaper(const uint64_t *list, size_t count, unsigned flags)
{
    struct mw_list_sizes sizes = mw_list_sizes(list, count);
    bool bits = sizes.bits < sizes.tokens;

    return (struct way){
        .size = bits ? sizes.bits : sizes.tokens,
        .flags = flags | (bits ? BITS : 0),
        .k = sizes.k,
    };
}

static struct way choose(const uint64_t *first, size_t zeroes, uint64_t *second, size_t count)
{
    struct way best = cheaper(first, count, 0), other;

    /* Where most numbers repeat, each one that does not makes two differences of differences. */
    if (zeroes > count / 2)
        return best;
    make_second(first, count, second);
    other = cheaper(second, count, SECOND);
    return other.size < best.size ? other : best;
}

/* ---- whole numbers ---- */

size_t mw_number_put(uint64_t number, unsigned char *out)
{
    unsigned char size = (unsigned char)(number == 0 ? 0 : 8 - __builtin_clzll(number) / 8);

    out[0] = size;
    memcpy(out + 1, &number, sizeof(number));
    return 1 + (size_t)size;
}

size_t mw_number_get(const unsigned char *in, uint64_t *ret)
{
    *ret = 0;
    memcpy(ret, in + 1, in[0]);
    return 1 + (size_t)in[0];
}

/* Constants, times and steady counters: one difference, and then no change of it. */
static size_t put_even(const uint64_t *numbers, size_t count, unsigned shift, unsigned char *out)
{
    uint64_t first;
    size_t size;

    if (count == 1 || numbers[1] == numbers[0])
        return mw_tokens_put_zeroes(count - 1, out);
    first = zigzag(shift_down(numbers[1] - numbers[0], shift));
    size = mw_tokens_put(&first, 1, out);
    return size + mw_tokens_put_zeroes(count - 2, out + size);
}

static size_t put_list(const uint64_t *numbers, size_t count, unsigned shift, unsigned char *out,
                       unsigned *ret_flags)
{
    uint64_t first[MW_RING_CHUNK_ROWS_MAX], second[MW_RING_CHUNK_ROWS_MAX];
    size_t zeroes = make_first(numbers, count, shift, first);
    struct way way = choose(first, zeroes, second, count - 1);
    const uint64_t *list;

    list = way.flags & SECOND ? second : first;
    *ret_flags = way.flags;
    return way.flags & BITS ? mw_bits_put(list, count - 1, way.k, out)
                            : mw_tokens_put(list, count - 1, out);
}

static size_t encode_whole(const uint64_t *numbers, size_t count, unsigned char *out)
{
    struct bits bits = bits_of_differences(numbers, count);
    unsigned shift = bits.any != 0 ? (unsigned)__builtin_ctzll(bits.any) : 0, flags = SECOND;
    size_t size = 1 + mw_number_put(numbers[0], out + 1);

    if (bits.uneven == 0)
        size += put_even(numbers, count, shift, out + size);
    else
        size += put_list(numbers, count, shift, out + size, &flags);
    out[0] = (unsigned char)(shift << SHIFT | flags);
    return size;
}

static void decode_whole(const unsigned char *in, size_t count, uint64_t *ret)
{
    unsigned shift = in[0] >> SHIFT, flags = in[0];
    uint64_t number, difference = 0;

    in += 1 + mw_number_get(in + 1, &ret[0]);
    if (flags & BITS)
        mw_bits_get(in, count - 1, ret + 1);
    else
        mw_tokens_get(in, count - 1, ret + 1);
    number = ret[0];
    for (size_t i = 1; i < count; i++) {
        difference = (flags & SECOND ? difference : 0) + unzigzag(ret[i]);
        number += difference << shift;
        ret[i] = number;
    }
}

/* ---- floats ---- */

static double float_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static bool scale(const uint64_t *numbers, size_t count, unsigned decimals, uint64_t *ret)
{
    const double limit = (double)(UINT64_C(1) << 53);

    for (size_t i = 0; i < count; i++) {
        double scaled = float_of(numbers[i]) * powers[decimals];
        int64_t whole;

        if (!(scaled > -limit && scaled < limit))
            return false;
        whole = (int64_t)(scaled + (scaled < 0 ? -0.5 : 0.5));
        if (bits_of((double)whole / powers[decimals]) != numbers[i])
            return false;
        ret[i] = (uint64_t)whole;
    }
    return true;
}

static size_t encode_floats(const uint64_t *numbers, size_t count, unsigned char *out)
{
    uint64_t whole[MW_RING_CHUNK_ROWS_MAX];

    for (unsigned decimals = 0; decimals <= DECIMALS_MAX; decimals++) {
        if (scale(numbers, count, decimals, whole)) {
            out[0] = (unsigned char)decimals;
            return 1 + encode_whole(whole, count, out + 1);
        }
    }
    out[0] = NO_DECIMALS;
    return 1 + mw_changes_put(numbers, count, out + 1);
}

static void decode_floats(const unsigned char *in, size_t count, uint64_t *ret)
{
    if (in[0] == NO_DECIMALS) {
        mw_changes_get(in + 1, count, ret);
        return;
    }
    decode_whole(in + 1, count, ret);
    for (size_t i = 0; i < count; i++)
        ret[i] = bits_of((double)(int64_t)ret[i] / powers[in[0]]);
}

size_t mw_column_encode(enum mw_ring_form form, const uint64_t *numbers, size_t count,
                        unsigned char *out)
{
    if (count == 0)
        return 0;
    return form == MW_RING_F64 ? encode_floats(numbers, count, out)
                               : encode_whole(numbers, count, out);
}

void mw_column_decode(enum mw_ring_form form, const unsigned char *in, size_t count,
                      uint64_t *ret_numbers)
{
    if (count == 0)
        return;
    if (form == MW_RING_F64)
        decode_floats(in, count, ret_numbers);
    else
        decode_whole(in, count, ret_numbers);
}
