/* Lists of zigzag differences (0, 1 for -1, 2 for 1, 3 for -2 ...), most of them small, many 0.
 *
 * As tokens, one or more bytes each; good where runs of zeroes are long:
 *
 *     00..3f  a run of 1 to 64 zeroes        c0..df  13 bits, 1 more byte
 *     40..bf  1 to 128                       e0..ef  20 bits, 2 more bytes
 *                                            f0..f7  27 bits, 3 more bytes
 *                                            f8..fc  4 to 8 more bytes hold it
 *
 * As bits, an exponential Golomb code of order k: the number of bits of (value >> k) + 1 in unary,
 * these bits without the first one, and the k low bits of the value. Good where differences are
 * noise: the code spends about a bit more than there is to know. Least significant bit first, so
 * the unary part is a count of trailing zeroes.
 */
#include "store/ring_internal.h"

#include <string.h>

enum {
    RUN_MAX = 64,
    BYTE_FIRST = 0x40,
    BYTE_MAX = 128,
    LONG_FIRST = 0xf8,
    /* A code is at most 2 * 24 + 1 bits: one load of 64 holds it at any offset within a byte. */
    BITS_MAX = 24,
};

static const struct wide {
    unsigned char first, bits, more;
} wide[] = {{0xc0, 5, 1}, {0xe0, 4, 2}, {0xf0, 3, 3}};

static uint64_t load(const unsigned char *in)
{
    uint64_t word;

    memcpy(&word, in, sizeof(word));
    return word;
}

static uint64_t low_bits(uint64_t word, unsigned bits)
{
    return word & ((UINT64_C(1) << bits) - 1);
}

static unsigned length_of(uint64_t value)
{
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

/* ---- tokens ---- */

static size_t token_size(uint64_t value)
{
    unsigned bits = length_of(value);

    if (value <= BYTE_MAX)
        return 1;
    if (bits <= 27)
        return bits <= 13 ? 2 : bits <= 20 ? 3 : 4;
    return bits <= 32 ? 5 : 1 + (bits + 7) / 8;
}

static size_t run_of(const uint64_t *list, size_t count)
{
    size_t run = 0;

    while (run < count && run < RUN_MAX && list[run] == 0)
        run++;
    return run;
}

static size_t put_long(uint64_t value, size_t size, unsigned char *out)
{
    out[0] = (unsigned char)(LONG_FIRST + size - 5);
    memcpy(out + 1, &value, size - 1);
    return size;
}

static size_t put_token(uint64_t value, unsigned char *out)
{
    size_t size = token_size(value);
    const struct wide *form;

    if (value <= BYTE_MAX) {
        out[0] = (unsigned char)(BYTE_FIRST - 1 + value);
        return 1;
    }
    if (size > 4)
        return put_long(value, size, out);
    form = &wide[size - 2];
    out[0] = (unsigned char)(form->first | low_bits(value, form->bits));
    value >>= form->bits;
    memcpy(out + 1, &value, form->more);
    return size;
}

size_t mw_tokens_put(const uint64_t *list, size_t count, unsigned char *out)
{
    unsigned char *at = out;

    for (size_t i = 0; i < count;) {
        size_t run = run_of(list + i, count - i);

        if (run > 0) {
            *at++ = (unsigned char)(run - 1);
            i += run;
        } else {
            at += put_token(list[i++], at);
        }
    }
    return (size_t)(at - out);
}

size_t mw_tokens_put_zeroes(size_t count, unsigned char *out)
{
    size_t size = 0;

    for (; count > RUN_MAX; count -= RUN_MAX)
        out[size++] = RUN_MAX - 1;
    if (count > 0)
        out[size++] = (unsigned char)(count - 1);
    return size;
}

static const unsigned char *get_wide(const unsigned char *in, uint64_t *ret)
{
    unsigned char first = *in++;
    unsigned more, bits;

    if (first >= LONG_FIRST) {
        more = first - LONG_FIRST + 4u;
        *ret = more == 8 ? load(in) : low_bits(load(in), 8 * more);
        return in + more;
    }
    more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    bits = 6 - more;
    *ret = low_bits(first, bits) | low_bits(load(in), 8 * more) << bits;
    return in + more;
}

void mw_tokens_get(const unsigned char *in, size_t count, uint64_t *ret_list)
{
    for (size_t i = 0; i < count;) {
        if (*in < BYTE_FIRST) {
            size_t run = *in++ + (size_t)1;

            memset(ret_list + i, 0, run * sizeof(*ret_list));
            i += run;
        } else if (*in < wide[0].first) {
            ret_list[i++] = *in++ - (uint64_t)BYTE_FIRST + 1;
        } else {
            in = get_wide(in, &ret_list[i++]);
        }
    }
}

/* ---- bits ---- */

/* How long the code of `value` is without its first 1 + k bits, halved. */
static unsigned width_of(uint64_t value, unsigned k)
{
    return 63 - (unsigned)__builtin_clzll(((value >> k) + 1) | 1);
}

/* ---- which is shorter ---- */

/* How many values have which length in bits, and how many runs of zeroes there are. */
struct census {
    uint16_t lengths[2][65];
    unsigned longest, runs;
};

/* The same without asking whether it is 0, which nobody can foresee; of those with the top bit the
 * length without it. */
static unsigned length_about(uint64_t value)
{
    return 63 - (unsigned)__builtin_clzll(value << 1 | 1);
}

/* Two tables, by turns: most values have one of few lengths, and a count that was just written is
 * slow to read. */
static void take_census(const uint64_t *list, size_t count, struct census *ret)
{
    uint64_t before = 1, any = 0;

    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < count; i++) {
        ret->lengths[i & 1][length_about(list[i])]++;
        ret->runs += (unsigned)(list[i] == 0) & (unsigned)(before != 0);
        any |= before = list[i];
    }
    ret->longest = length_of(any);
}

static size_t having(const struct census *census, unsigned length)
{
    return (size_t)census->lengths[0][length] + census->lengths[1][length];
}

/* Bits of a value beside its first 1 + k, when it is `above` bits longer than k. It has above - 1
 * or above in each of the two parts; the latter when its upper bits are all set: always, for one
 * bit, half of the time for two, and so on. */
static size_t bits_above(unsigned above)
{
    return 2 * ((size_t)above - 1) + (above == 1 ? 2 : above == 2);
}

/* Bits that the whole list takes with this k. */
static size_t bits_with(const struct census *census, unsigned k, size_t count)
{
    size_t bits = count * (1 + (size_t)k);

    for (unsigned l = k + 1; l <= census->longest; l++)
        bits += having(census, l) * bits_above(l - k);
    return bits;
}

static size_t tokens_of(const struct census *census)
{
    size_t size = census->runs;

    for (unsigned l = 1; l <= census->longest; l++)
        size += having(census, l) * (l <= 7 ? 1 : token_size(UINT64_C(1) << (l - 1)));
    return size;
}

struct mw_list_sizes mw_list_sizes(const uint64_t *list, size_t count)
{
    struct mw_list_sizes sizes = {.bits = SIZE_MAX};
    struct census census;
    size_t bits, next;

    take_census(list, count, &census);
    sizes.tokens = tokens_of(&census);
    if (census.longest > BITS_MAX)
        return sizes;
    bits = bits_with(&census, 0, count);
    while (sizes.k < census.longest && (next = bits_with(&census, sizes.k + 1, count)) < bits) {
        bits = next;
        sizes.k++;
    }
    sizes.bits = 1 + (bits + 7) / 8;
    return sizes;
}

/* ---- bits, written and read ---- */

size_t mw_bits_put(const uint64_t *list, size_t count, unsigned k, unsigned char *out)
{
    unsigned char *at = out + 1;
    uint64_t buffer = 0;
    unsigned filled = 0;

    out[0] = (unsigned char)k;
    for (size_t i = 0; i < count; i++) {
        unsigned width = width_of(list[i], k);
        uint64_t upper = low_bits((list[i] >> k) + 1, width);
        uint64_t code = 1 | upper << 1 | low_bits(list[i], k) << (width + 1);

        buffer |= code << (filled + width);
        filled += 2 * width + 1 + k;
        memcpy(at, &buffer, sizeof(buffer));
        at += filled / 8;
        buffer >>= filled & ~7u;
        filled &= 7;
    }
    return (size_t)(at - out) + (filled > 0);
}

void mw_bits_get(const unsigned char *in, size_t count, uint64_t *ret_list)
{
    unsigned k = in[0];
    size_t at = 8;

    for (size_t i = 0; i < count; i++) {
        uint64_t word = load(in + at / 8) >> at % 8;
        unsigned width = (unsigned)__builtin_ctzll(word);
        uint64_t upper = low_bits(word >> (width + 1), width) | UINT64_C(1) << width;

        ret_list[i] = (upper - 1) << k | low_bits(word >> (2 * width + 1), k);
        at += 2 * (size_t)width + 1 + k;
    }
}
