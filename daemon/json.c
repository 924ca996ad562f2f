#include "daemon/json.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Over this, two neighbours in the eyes of a JavaScript number are no longer told apart. */
#define JSON_INTEGER_MAX ((UINT64_C(1) << 53) - 1)
#define TWO_TO_64 18446744073709551616.0

enum { DECIMALS = 6, DECIMAL_ONE = 1000 * 1000 };

/* ---- structure ---- */

void mwd_json_init(struct mwd_json *self, struct mwd_buffer *out)
{
    *self = (struct mwd_json){.out = out};
}

static void put_comma(struct mwd_json *self)
{
    if (self->comma)
        mwd_buffer_append(self->out, ",", 1);
}

static void put_value(struct mwd_json *self, const char *bytes, size_t size)
{
    put_comma(self);
    mwd_buffer_append(self->out, bytes, size);
    self->comma = true;
}

static void open_with(struct mwd_json *self, const char *bracket)
{
    put_value(self, bracket, 1);
    self->comma = false;
}

static void close_with(struct mwd_json *self, const char *bracket)
{
    mwd_buffer_append(self->out, bracket, 1);
    self->comma = true;
}

void mwd_json_open_object(struct mwd_json *self)
{
    open_with(self, "{");
}

void mwd_json_close_object(struct mwd_json *self)
{
    close_with(self, "}");
}

void mwd_json_open_array(struct mwd_json *self)
{
    open_with(self, "[");
}

void mwd_json_close_array(struct mwd_json *self)
{
    close_with(self, "]");
}

void mwd_json_key(struct mwd_json *self, const char *key)
{
    put_comma(self);
    mwd_buffer_append(self->out, "\"", 1);
    mwd_buffer_puts(self->out, key);
    mwd_buffer_append(self->out, "\":", 2);
    self->comma = false;
}

/* ---- numbers ---- */

#define TEN(front)                                                                                 \
    front "0", front "1", front "2", front "3", front "4", front "5", front "6", front "7",        \
        front "8", front "9"
#define HUNDRED(front)                                                                             \
    TEN(front "0"), TEN(front "1"), TEN(front "2"), TEN(front "3"), TEN(front "4"),                \
        TEN(front "5"), TEN(front "6"), TEN(front "7"), TEN(front "8"), TEN(front "9")

static const char triples[1000][4] = {HUNDRED("0"), HUNDRED("1"), HUNDRED("2"), HUNDRED("3"),
                                      HUNDRED("4"), HUNDRED("5"), HUNDRED("6"), HUNDRED("7"),
                                      HUNDRED("8"), HUNDRED("9")};

/* Digits are made from the front, three at a time. A number becomes a fixed-point fraction with its
 * first one to three digits before the point and 32 bits behind it; each multiplication by 1000
 * brings the next three to the front. Splitting off the last digits instead takes two
 * multiplications for each step, one waiting for the other. The factors that make the fraction are
 * a power of 2 over a power of 1000, rounded up, with as many bits as fit; that no digit comes out
 * wrong was tried with every number below 10^9. */
static inline char *put_triple(char *at, uint64_t triple)
{
    memcpy(at, triples[triple], sizeof(triples[0])); /* one byte too much, but one instruction */
    return at + 3;
}

static inline char *put_rest(char *at, uint64_t fraction, int triples_left)
{
    for (; triples_left > 0; triples_left--) {
        fraction = (fraction & UINT32_MAX) * 1000;
        at = put_triple(at, fraction >> 32);
    }
    return at;
}

static inline char *put_fraction(char *at, uint64_t fraction, int triples_left)
{
    uint64_t first = fraction >> 32;
    uint64_t zeros = (uint64_t)(first < 100) + (first < 10); /* in front of it, not wanted */

    memcpy(at, (const char *)triples + first * sizeof(triples[0]) + zeros, sizeof(triples[0]));
    return put_rest(at + 3 - zeros, fraction, triples_left);
}

/* Of a number below 10^9. */
static inline uint64_t fraction_of_nine(uint64_t value)
{
    return (value * 9007199255 >> 21) + 1;
}

static char *put_over_nine(char *at, uint64_t value)
{
    uint64_t fraction = fraction_of_nine(value % 1000000000);

    at = mwd_json_digits(at, value / 1000000000);
    return put_rest(put_triple(at, fraction >> 32), fraction, 2);
}

static inline char *put_digits(char *at, uint64_t value)
{
    if (value < 1000)
        return put_fraction(at, value << 32, 0);
    if (value < 1000000)
        return put_fraction(at, value * 4294968, 1);
    if (value < 1000000000)
        return put_fraction(at, fraction_of_nine(value), 2);
    return put_over_nine(at, value);
}

char *mwd_json_digits(char *at, uint64_t value)
{
    return put_digits(at, value);
}

char *mwd_json_at_u64(char *at, uint64_t value)
{
    return put_digits(at, value < JSON_INTEGER_MAX ? value : JSON_INTEGER_MAX);
}

char *mwd_json_at_i64(char *at, int64_t value)
{
    if (value >= 0)
        return mwd_json_at_u64(at, (uint64_t)value);
    *at = '-';
    return mwd_json_at_u64(at + 1, 0 - (uint64_t)value);
}

/* ".25" of 250000 millionths, nothing of 0. */
static char *put_decimals(char *at, uint64_t millionths)
{
    char digits[MWD_JSON_DIGITS_ROOM];
    size_t count = DECIMALS;

    if (!millionths)
        return at;
    mwd_json_digits(digits, DECIMAL_ONE + millionths);
    while (digits[count] == '0')
        count--;
    digits[0] = '.'; /* where the 1 of DECIMAL_ONE stood */
    memcpy(at, digits, count + 1);
    return at + count + 1;
}

static char *put_plain(char *at, double size, bool negative)
{
    uint64_t whole = (uint64_t)size;
    uint64_t millionths = (uint64_t)((size - (double)whole) * DECIMAL_ONE + 0.5);

    if (millionths == DECIMAL_ONE) {
        whole++;
        millionths = 0;
    }
    if (negative && (whole || millionths))
        *at++ = '-';
    return put_decimals(mwd_json_digits(at, whole), millionths);
}

/* The point of printf() depends on the locale and may be several bytes long; so the digits are
 * taken from both sides of it. */
static char *put_exponent(char *at, double size, bool negative)
{
    char text[MWD_JSON_NUMBER_ROOM];
    const char *exponent;

    snprintf(text, sizeof(text), "%.16e", size);
    exponent = strchr(text, 'e');
    if (negative)
        *at++ = '-';
    *at++ = text[0];
    *at++ = '.';
    memcpy(at, exponent - 16, 16);
    return stpcpy(at + 16, exponent);
}

char *mwd_json_at_f64(char *at, double value)
{
    if (!isfinite(value)) {
        memcpy(at, "null", 4);
        return at + 4;
    }
    if (fabs(value) < TWO_TO_64)
        return put_plain(at, fabs(value), value < 0);
    return put_exponent(at, fabs(value), value < 0);
}

void mwd_json_u64(struct mwd_json *self, uint64_t value)
{
    char text[MWD_JSON_NUMBER_ROOM];

    put_value(self, text, (size_t)(mwd_json_at_u64(text, value) - text));
}

void mwd_json_i64(struct mwd_json *self, int64_t value)
{
    char text[MWD_JSON_NUMBER_ROOM];

    put_value(self, text, (size_t)(mwd_json_at_i64(text, value) - text));
}

void mwd_json_f64(struct mwd_json *self, double value)
{
    char text[MWD_JSON_NUMBER_ROOM];

    put_value(self, text, (size_t)(mwd_json_at_f64(text, value) - text));
}

/* ---- words and text ---- */

void mwd_json_bool(struct mwd_json *self, bool value)
{
    put_value(self, value ? "true" : "false", value ? 4 : 5);
}

void mwd_json_null(struct mwd_json *self)
{
    put_value(self, "null", 4);
}

static bool is_plain(char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* Whether each of 8 bytes is plain. A borrow or carry out of one byte can only spoil its
 * neighbour's verdict when that byte is not plain itself, so the answer for all eight is right. */
static bool all_plain(const char *bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word, quote, backslash;

    memcpy(&word, bytes, sizeof(word));
    quote = word ^ (ones * '"');
    backslash = word ^ (ones * '\\');
    return (((word - ones * 0x20) | (word + ones) | word | (quote - ones) | (backslash - ones)) &
            (ones * 0x80)) == 0;
}

static size_t plain_run(const char *bytes, size_t size)
{
    const size_t step = sizeof(uint64_t);
    size_t run = 0;

    while (size - run >= step && all_plain(bytes + run))
        run += step;
    /* The last few together with some that were already looked at. */
    if (run && size - run < step && all_plain(bytes + size - step))
        return size;
    while (run < size && is_plain(bytes[run]))
        run++;
    return run;
}

static char *put_escape(char *at, char byte)
{
    static const char hex[] = "0123456789abcdef";
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    *at++ = '\\';
    for (const char *pair = shorts; *pair; pair += 2) {
        if (*pair == byte) {
            *at = pair[1];
            return at + 1;
        }
    }
    at = stpcpy(at, "u00");
    *at++ = hex[byte >> 4];
    *at++ = hex[byte & 0xf];
    return at;
}

/* What stands at the front of `bytes` and is not plain ASCII, in at most 6 bytes for each one of
 * its own; *ret_taken is how many those are. */
static char *put_special(char *at, const char *bytes, size_t size, size_t *ret_taken)
{
    size_t sequence;

    *ret_taken = 1;
    if ((unsigned char)bytes[0] < 0x80)
        return put_escape(at, bytes[0]);
    sequence = mw_utf8_sequence(bytes, size);
    if (!sequence) {
        memcpy(at, "\xef\xbf\xbd", 3);
        return at + 3;
    }
    memcpy(at, bytes, sequence);
    *ret_taken = sequence;
    return at + sequence;
}

char *mwd_json_at_text(char *at, const char *bytes, size_t size)
{
    *at++ = '"';
    for (size_t read = 0; read < size;) {
        size_t taken = plain_run(bytes + read, size - read);

        memcpy(at, bytes + read, taken);
        at += taken;
        read += taken;
        if (read < size) {
            at = put_special(at, bytes + read, size - read, &taken);
            read += taken;
        }
    }
    *at++ = '"';
    return at;
}

/* As above, but no byte of room more than the text needs: it may end right at the limit. */
void mwd_json_text(struct mwd_json *self, const char *bytes, size_t size)
{
    char special[6];

    put_value(self, "\"", 1);
    for (size_t read = 0; read < size;) {
        size_t taken = plain_run(bytes + read, size - read);

        mwd_buffer_append(self->out, bytes + read, taken);
        read += taken;
        if (read < size) {
            char *end = put_special(special, bytes + read, size - read, &taken);

            mwd_buffer_append(self->out, special, (size_t)(end - special));
            read += taken;
        }
    }
    mwd_buffer_append(self->out, "\"", 1);
}

void mwd_json_string(struct mwd_json *self, const char *text)
{
    mwd_json_text(self, text, strlen(text));
}
