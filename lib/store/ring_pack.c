/* Columns of the small chunks that are joined soon. They are written and read once each, so what
 * counts is that this is quick: every difference takes the same number of bytes, the least that
 * holds the widest one.
 *
 *     1 byte   how many bytes a difference takes; 0: all numbers are equal; 9: all differences are,
 *              as of times, and only the first one is written, in 8 bytes
 *     1 byte   how many low bits are out, zero in all differences
 *     1 byte   size of the first number, and so many bytes: the first number
 *     ...      the differences, without their low bits
 *
 * Floats are written as what changed in their bits since the one before: a byte with how many low
 * bytes are left out and how many follow, and these; or, with none that follow, how many more than
 * one are the same as the one before.
 */
#include "store/ring_internal.h"

#include <string.h>

enum { REPEATS_MAX = 16, EVEN = 9 };

/* ---- whole numbers ---- */

/* All bits that any difference has; the same of those that differ from its sign, which tells how
 * wide the widest one is; and all bits in which one differs from the first. */
struct span {
    uint64_t any, below_sign, uneven;
};

static struct span span_of(const uint64_t *numbers, size_t count)
{
    uint64_t first = count > 1 ? numbers[1] - numbers[0] : 0;
    struct span span = {0, 0, 0};

    for (size_t i = 1; i < count; i++) {
        uint64_t difference = numbers[i] - numbers[i - 1];

        span.any |= difference;
        span.below_sign |= difference ^ (uint64_t)((int64_t)difference >> 63);
        span.uneven |= difference ^ first;
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

static size_t put_even(uint64_t difference, unsigned char *out)
{
    memcpy(out, &difference, sizeof(difference));
    return sizeof(difference);
}

static void get_even(const unsigned char *in, size_t count, uint64_t *ret)
{
    uint64_t difference = 0;

    if (in != NULL)
        memcpy(&difference, in, sizeof(difference));
    for (size_t i = 1; i < count; i++)
        ret[i] = ret[0] + i * difference;
}

static size_t pack_whole(const uint64_t *numbers, size_t count, unsigned char *out)
{
    struct span span = span_of(numbers, count);
    size_t size = 2 + mw_number_put(numbers[0], out + 2);

    out[0] = out[1] = 0;
    if (span.any == 0)
        return size;
    if (span.uneven == 0) {
        out[0] = EVEN;
        return size + put_even(numbers[1] - numbers[0], out + size);
    }
    out[1] = (unsigned char)__builtin_ctzll(span.any);
    out[0] = (unsigned char)bytes_for(span.below_sign >> out[1]);
    return size + put_differences(numbers, count, out[1], out[0], out + size);
}

static void unpack_whole(const unsigned char *in, size_t count, uint64_t *ret)
{
    const unsigned char *differences = in + 2 + mw_number_get(in + 2, &ret[0]);

    if (in[0] == 0 || in[0] == EVEN)
        get_even(in[0] == EVEN ? differences : NULL, count, ret);
    else
        get_differences(differences, count, in[1], in[0], ret);
}

/* ---- floats ---- */

/* How often the number repeats the one before, from here on. */
static size_t repeats(const uint64_t *numbers, size_t count, uint64_t before)
{
    size_t run = 0;

    while (run < count && run < REPEATS_MAX && numbers[run] == before)
        run++;
    return run;
}

/* Each store is of eight bytes; the next one writes over what is too much. */
static size_t put_change(uint64_t change, unsigned char *out)
{
    unsigned low = (unsigned)__builtin_ctzll(change) / 8;
    unsigned size = 8 - (unsigned)__builtin_clzll(change) / 8 - low;

    out[0] = (unsigned char)(low << 4 | size);
    change >>= 8 * low;
    memcpy(out + 1, &change, sizeof(change));
    return 1 + (size_t)size;
}

size_t mw_changes_put(const uint64_t *numbers, size_t count, unsigned char *out)
{
    unsigned char *at = out;
    uint64_t before = 0;

    for (size_t i = 0; i < count;) {
        size_t run = repeats(numbers + i, count - i, before);

        if (run > 0) {
            *at++ = (unsigned char)((run - 1) << 4);
            i += run;
        } else {
            at += put_change(numbers[i] ^ before, at);
            before = numbers[i++];
        }
    }
    return (size_t)(at - out);
}

static uint64_t get_change(const unsigned char *in, unsigned low, unsigned size)
{
    uint64_t change;

    memcpy(&change, in, sizeof(change));
    return change << (64 - 8 * size) >> (64 - 8 * size) << 8 * low;
}

void mw_changes_get(const unsigned char *in, size_t count, uint64_t *ret)
{
    uint64_t number = 0;

    for (size_t i = 0; i < count;) {
        unsigned high = *in >> 4, size = *in & 15;

        in++;
        if (size == 0) {
            for (size_t end = i + high + 1; i < end; i++)
                ret[i] = number;
            continue;
        }
        number ^= get_change(in, high, size);
        ret[i++] = number;
        in += size;
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
