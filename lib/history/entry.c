/* An entry says what a track's columns are from a tick on, by what differs from before:
 *
 *     head     varint: ticks since the entry before, the slow bit, and a bit for each column that
 *              follows; with more than a few columns these bits are a varint of their own
 *     columns  varint, the low two bits say what the others are:
 *                  0  difference in units of 4 KiB, zigzag     1  difference, zigzag
 *                  2  why there is no value                    3  nothing: 8 bytes follow, the
 * value
 *
 * Amounts of memory move by pages, and often by few: so most entries are two or three bytes long.
 * A column without a value keeps the last one, for the difference to be taken from later.
 *
 * Varints have seven bits a byte, the lowest first; the top bit says that there is more. Entries
 * are never read from outside this process: what decodes them trusts them.
 */
#include "history/history_internal.h"

#include <string.h>

enum { PAGES, BYTES, ABSENT, OTHER, TAG_BITS = 2, PAGE_SHIFT = 12, COLUMNS_IN_HEAD = 6 };

enum { OTHER_WHOLE, OTHER_ALIKE }; /* what else stands with OTHER */

/* A zigzag difference must leave room for the tag. */
#define DIFFERENCE_MAX (UINT64_C(1) << 48)

static size_t put_varint(uint64_t value, unsigned char *out)
{
    size_t size = 0;

    for (; value >= 0x80; value >>= 7)
        out[size++] = (unsigned char)(value | 0x80);
    out[size++] = (unsigned char)value;
    return size;
}

static size_t get_longer_varint(const unsigned char *in, uint64_t *ret)
{
    size_t size = 0;
    unsigned shift = 0;

    *ret = 0;
    do {
        *ret |= (uint64_t)(in[size] & 0x7f) << shift;
        shift += 7;
    } while (in[size++] & 0x80);
    return size;
}

/* Most are one or two bytes long. */
static inline size_t get_varint(const unsigned char *in, uint64_t *ret)
{
    *ret = in[0];
    if (in[0] < 0x80)
        return 1;
    if (in[1] >= 0x80)
        return get_longer_varint(in, ret);
    *ret = (in[0] & 0x7f) | (uint64_t)in[1] << 7;
    return 2;
}

static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}

static uint64_t unzigzag(uint64_t word)
{
    return word >> 1 ^ (0 - (word & 1));
}

/* ---- columns ---- */

/* `alike` is the difference of the column before, 0 when that has none. */
static size_t put_column(uint64_t before, uint64_t value, uint64_t alike, unsigned char *out)
{
    uint64_t difference = value - before;
    uint64_t word = zigzag(difference);

    if (difference == alike && difference != 0)
        return put_varint((uint64_t)OTHER_ALIKE << TAG_BITS | OTHER, out);
    if (word >= DIFFERENCE_MAX) {
        out[0] = OTHER_WHOLE << TAG_BITS | OTHER;
        memcpy(out + 1, &value, sizeof(value));
        return 1 + sizeof(value);
    }
    if ((difference & ((1u << PAGE_SHIFT) - 1)) == 0)
        return put_varint(zigzag((uint64_t)((int64_t)difference >> PAGE_SHIFT)) << TAG_BITS | PAGES,
                          out);
    return put_varint(word << TAG_BITS | BYTES, out);
}

static size_t get_column(const unsigned char *in, uint64_t alike, uint64_t *value, uint8_t *reason)
{
    uint64_t word;
    size_t size = get_varint(in, &word);
    unsigned tag = word & ((1u << TAG_BITS) - 1);

    word >>= TAG_BITS;
    *reason = tag == ABSENT ? (uint8_t)word : 0;
    if (tag == PAGES)
        *value += unzigzag(word) << PAGE_SHIFT;
    else if (tag == BYTES)
        *value += unzigzag(word);
    else if (tag == OTHER && word == OTHER_ALIKE)
        *value += alike;
    if (tag != OTHER || word != OTHER_WHOLE)
        return size;
    memcpy(value, in + size, sizeof(*value));
    return size + sizeof(*value);
}

/* ---- entries ---- */

static uint64_t mask_of(unsigned columns, const struct mw_track_state *before,
                        const struct mw_track_state *now)
{
    uint64_t mask = 0;

    for (unsigned i = 0; i < columns; i++)
        if (before->reasons[i] != now->reasons[i] ||
            (now->reasons[i] == 0 && before->values[i] != now->values[i]))
            mask |= UINT64_C(1) << i;
    return mask;
}

struct head {
    uint64_t ticks, mask;
    bool slow;
};

static size_t put_head(unsigned columns, const struct head *head, unsigned char *out)
{
    uint64_t word = head->ticks << 1 | (uint64_t)head->slow;
    size_t size;

    if (columns <= COLUMNS_IN_HEAD)
        return put_varint(word << columns | head->mask, out);
    size = put_varint(word, out);
    return size + put_varint(head->mask, out + size);
}

static size_t get_head(unsigned columns, const unsigned char *in, struct head *ret)
{
    uint64_t word;
    size_t size = get_varint(in, &word);

    if (columns <= COLUMNS_IN_HEAD) {
        ret->mask = word & ((UINT64_C(1) << columns) - 1);
        word >>= columns;
    } else {
        size += get_varint(in + size, &ret->mask);
    }
    ret->slow = word & 1;
    ret->ticks = word >> 1;
    return size;
}

size_t mw_entry_encode(unsigned columns, const struct mw_track_state *before,
                       const struct mw_track_state *now, unsigned char *out)
{
    struct head head = {now->tick - before->tick, mask_of(columns, before, now), now->slow};
    size_t size = put_head(columns, &head, out);
    uint64_t alike = 0;

    for (unsigned i = 0; i < columns; i++) {
        if (!(head.mask >> i & 1))
            continue;
        if (now->reasons[i] != 0) {
            size += put_varint((uint64_t)now->reasons[i] << TAG_BITS | ABSENT, out + size);
            continue;
        }
        size += put_column(before->values[i], now->values[i], alike, out + size);
        alike = now->values[i] - before->values[i];
    }
    return size;
}

size_t mw_entry_decode(unsigned columns, const unsigned char *in, struct mw_track_state *state)
{
    struct head head;
    size_t size = get_head(columns, in, &head);
    uint64_t alike = 0;

    state->tick += head.ticks;
    state->slow = head.slow;
    for (uint64_t left = head.mask; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        uint64_t before = state->values[i];

        size += get_column(in + size, alike, &state->values[i], &state->reasons[i]);
        if (state->reasons[i] == 0)
            alike = state->values[i] - before;
    }
    return size;
}

uint64_t mw_entry_tick(unsigned columns, const unsigned char *in, uint64_t before)
{
    struct head head;

    get_head(columns, in, &head);
    return before + head.ticks;
}
