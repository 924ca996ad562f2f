/* Columns of the small chunks that are joined soon. They are written and read once each, so what
 * counts is that this is quick: every difference takes the same number of bytes, the least that
 * holds the widest one.
 *
 *     1 byte   how many bytes a difference takes; 0: all numbers are equal
 *     1 byte   how many low bits are out, zero in all differences
 *     1 byte   size of the first number, and so many bytes: the first number
 *     ...      the differences, without their low bits
 *
 * Floats are written as what changed in their bits since the one before: a byte with two sizes, and
 * the bytes between.
 */
#include "store/ring_internal.h"

#include <string.h>

/* ---- whole numbers ---- */

/* All bits that any difference has; and the same of those that differ from its sign, which tells
 * how wide the widest one is. */
struct span {
    uint64_t any, below_sign;
};

static struct span span_of(const uint64_t *numbers, size_t count)
{
    struct span span = {0, 0};

    for (size_t i = 1; i < count; i++) {
        uint64_t difference = numbers[i] - numbers[i - 1];

        span.any |= difference;
        span.below_sign |= difference ^ (uint64_t)((int64_t)difference >> 63);
    }
    return span;
}

static unsigned bytes_for(uint64_t below_sign)
{
    return below_sign == 0 ? 1 : (64 - (unsigned)__builtin_clzll(below_sign)) / 8 + 1;
}

/* Each store is of eight bytes; the next one writes over what is too much. */
static size_t put_differences(const uint64_t *numbers, size_t count, unsigned shift, unsigned width,
                              unsigned char *out)
{
    for (size_t i = 1; i < count; i++, out += width) {
        int64_t difference = (int64_t)(numbers[i] - numbers[i - 1]) >> shift;

        memcpy(out, &difference, sizeof(difference));
    }
    return (count - 1) * width;
}

static void get_differences(const unsigned char *in, size_t count, unsigned shift, unsigned width,
                            uint64_t *ret)
{
    unsigned above = 64 - 8 * width;
    uint64_t number = ret[0], word;

    for (size_t i = 1; i < count; i++, in += width) {
        memcpy(&word, in, sizeof(word));
        number += (uint64_t)((int64_t)(word << above) >> above) << shift;
        ret[i] = number;
    }
}

static size_t pack_whole(const uint64_t *numbers, size_t count, unsigned char *out)
{
    struct span span = span_of(numbers, count);
    size_t size = 2 + mw_number_put(numbers[0], out + 2);

    out[0] = out[1] = 0;
    if (span.any == 0)
        return size;
    out[1] = (unsigned char)__builtin_ctzll(span.any);
    out[0] = (unsigned char)bytes_for(span.below_sign >> out[1]);
    return size + put_differences(numbers, count, out[1], out[0], out + size);
}

static void unpack_whole(const unsigned char *in, size_t count, uint64_t *ret)
{
    const unsigned char *differences = in + 2 + mw_number_get(in + 2, &ret[0]);

    if (in[0] != 0) {
        get_differences(differences, count, in[1], in[0], ret);
        return;
    }
    for (size_t i = 1; i < count; i++)
        ret[i] = ret[0];
}

/* ---- floats ---- */

size_t mw_changes_put(const uint64_t *numbers, size_t count, unsigned char *out)
{
    unsigned char *at = out;
    uint64_t before = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t change = numbers[i] ^ before;
        unsigned low = change != 0 ? (unsigned)__builtin_ctzll(change) / 8 : 0;
        unsigned high = change != 0 ? (unsigned)__builtin_clzll(change) / 8 : 8;

        *at++ = (unsigned char)(low << 4 | (8 - high - low));
        change >>= 8 * low;
        memcpy(at, &change, sizeof(change));
        at += 8 - high - low;
        before = numbers[i];
    }
    return (size_t)(at - out);
}

void mw_changes_get(const unsigned char *in, size_t count, uint64_t *ret)
{
    uint64_t number = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned low = *in >> 4, size = *in & 15;
        uint64_t change = 0;

        memcpy(&change, in + 1, size);
        number ^= change << (8 * low);
        ret[i] = number;
        in += 1 + size;
    }
}

size_t mw_column_pack(enum mw_ring_form form, const uint64_t *numbers, size_t count,
                      unsigned char *out)
{
    if (count == 0)
        return 0;
    return form == MW_RING_F64 ? mw_changes_put(numbers, count, out)
                               : pack_whole(numbers, count, out);
}

void mw_column_unpack(enum mw_ring_form form, const unsigned char *in, size_t count,
                      uint64_t *ret_numbers)
{
    if (count == 0)
        return;
    if (form == MW_RING_F64)
        mw_changes_get(in, count, ret_numbers);
    else
        unpack_whole(in, count, ret_numbers);
}
