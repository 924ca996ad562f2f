#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* What may follow a first byte: how many bytes in all, and the range of the second one. The range
 * alone keeps out overlong forms, surrogates and values over U+10FFFF (Unicode, table 3-7). */
struct shape {
    unsigned char size, low, high;
};

static struct shape shape_of(unsigned char first)
{
    if (first < 0x80)
        return (struct shape){1, 0, 0};
    if (first < 0xc2 || first > 0xf4)
        return (struct shape){0, 0, 0};
    if (first < 0xe0)
        return (struct shape){2, 0x80, 0xbf};
    if (first < 0xf0)
        return (struct shape){3, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf};
    return (struct shape){4, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf};
}

size_t mw_utf8_sequence(const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;
    struct shape shape = shape_of(at[0]);

    if (shape.size == 1)
        return 1;
    if (shape.size == 0 || shape.size > size || at[1] < shape.low || at[1] > shape.high)
        return 0;
    for (size_t i = 2; i < shape.size; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    return shape.size;
}

/* How many bytes at the front are ASCII, eight at a time: names mostly are nothing else. */
static size_t ascii_run(const char *bytes, size_t size)
{
    size_t at = 0;
    uint64_t word;

    while (size - at >= sizeof(word)) {
        memcpy(&word, bytes + at, sizeof(word));
        if ((word & 0x8080808080808080u) != 0)
            break;
        at += sizeof(word);
    }
    return at;
}

bool mw_utf8_valid(const char *bytes, size_t size)
{
    for (size_t at = ascii_run(bytes, size); at < size;) {
        size_t step = mw_utf8_sequence(bytes + at, size - at);

        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

size_t mw_utf8_escape(const char *bytes, size_t size, char *ret, size_t capacity)
{
    static const char digits[] = "0123456789abcdef";
    size_t written = 0;

    for (size_t at = 0; at < size;) {
        size_t step = mw_utf8_sequence(bytes + at, size - at);
        unsigned char byte = (unsigned char)bytes[at];
        char escape[4] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        size_t length = step > 0 ? step : sizeof(escape);

        if (length > capacity - written)
            break;
        memcpy(ret + written, step > 0 ? bytes + at : escape, length);
        written += length;
        at += step > 0 ? step : 1;
    }
    return written;
}
