/* JSON as a stream: nothing of it is held but a buffer, so a file may be of any size. Only what
 * snapshots are made of is understood; the rest is passed over. The first complaint stays, and from
 * then on every function fails, so that callers need not look after each step. */
#include "dump/dump_internal.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void mw_dump_input_init(struct mw_dump_input *self, int fd, char *why)
{
    self->fd = fd;
    self->error = 0;
    self->at = self->end = self->buffer;
    self->before = 0;
    self->why = why;
    why[0] = '\0';
}

uint64_t mw_dump_input_offset(const struct mw_dump_input *self)
{
    return self->before + (uint64_t)(self->at - self->buffer);
}

int mw_dump_fail(struct mw_dump_input *self, int error, uint64_t offset, const char *format, ...)
{
    va_list arguments;
    int size;

    if (self->error < 0)
        return self->error;
    self->error = error;
    size = snprintf(self->why, MW_DUMP_WHY_MAX, "byte %llu: ", (unsigned long long)offset);
    va_start(arguments, format);
    vsnprintf(self->why + size, (size_t)(MW_DUMP_WHY_MAX - size), format, arguments);
    va_end(arguments);
    return error;
}

/* ---- bytes ---- */

static bool fill(struct mw_dump_input *self)
{
    ssize_t got;

    if (self->error < 0)
        return false;
    self->before += (uint64_t)(self->end - self->buffer);
    self->at = self->end = self->buffer;
    do
        got = read(self->fd, self->buffer, MW_DUMP_BUFFER);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        mw_dump_fail(self, -errno, self->before, "%s", strerror(errno));
    else
        self->end = self->buffer + got;
    return got > 0;
}

static inline int look(struct mw_dump_input *self)
{
    if (self->at == self->end && !fill(self))
        return -1;
    return self->error < 0 ? -1 : *self->at;
}

static inline bool is_blank(int byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

int mw_dump_peek(struct mw_dump_input *self)
{
    int byte = look(self);

    for (; is_blank(byte); byte = look(self))
        self->at++;
    return byte;
}

int mw_dump_expected(struct mw_dump_input *self, const char *what)
{
    int byte = look(self);
    uint64_t offset = mw_dump_input_offset(self);

    if (byte < 0)
        return mw_dump_fail(self, -EBADMSG, offset, "expected %s, found the end of the file", what);
    if (byte < ' ' || byte > '~')
        return mw_dump_fail(self, -EBADMSG, offset, "expected %s, found the byte 0x%02x", what,
                            (unsigned)byte);
    return mw_dump_fail(self, -EBADMSG, offset, "expected %s, found '%c'", what, byte);
}

bool mw_dump_take(struct mw_dump_input *self, char byte, const char *what)
{
    if (mw_dump_peek(self) != (unsigned char)byte) {
        mw_dump_expected(self, what);
        return false;
    }
    self->at++;
    return true;
}

bool mw_dump_next(struct mw_dump_input *self, bool *first, char close)
{
    int byte = mw_dump_peek(self);

    if (byte == (unsigned char)close) {
        self->at++;
        return false;
    }
    if (*first) {
        *first = false;
        return byte >= 0 || mw_dump_expected(self, "a value or an end") == 0;
    }
    return mw_dump_take(self, ',', close == ']' ? "',' or ']'" : "',' or '}'");
}

/* ---- numbers ---- */

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

bool mw_dump_number(struct mw_dump_input *self, uint64_t most, const char *what, uint64_t *ret)
{
    int byte = mw_dump_peek(self);
    uint64_t offset = mw_dump_input_offset(self), value = 0;

    if (!is_digit(byte)) {
        mw_dump_expected(self, what);
        return false;
    }
    for (; is_digit(byte); byte = look(self)) {
        uint64_t digit = (uint64_t)(byte - '0');

        if (value > (most - digit) / 10 || digit > most) {
            mw_dump_fail(self, -EFBIG, offset, "expected %s of at most %llu", what,
                         (unsigned long long)most);
            return false;
        }
        value = value * 10 + digit;
        self->at++;
    }
    if (byte < 0 || byte == '.' || byte == 'e' || byte == 'E') {
        mw_dump_expected(self, "a whole number and something behind it");
        return false;
    }
    *ret = value;
    return self->error == 0;
}

/* ---- strings ---- */

/* What of a string has come so far. */
struct text {
    char *bytes;
    size_t size, capacity;
    bool full; /* nothing more is taken, so that no hole comes into being */
};

static void put(struct text *self, const char *bytes, size_t size)
{
    if (self->full || size > self->capacity - self->size) {
        self->full = true;
        return;
    }
    memcpy(self->bytes + self->size, bytes, size);
    self->size += size;
}

/* NUL would end the text for those who print it. */
static void put_code(struct text *self, uint32_t code)
{
    static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};
    char bytes[4];

    if (code == 0 || (code >= 0xd800 && code < 0xe000))
        code = 0xfffd;
    if (code < 0x80) {
        bytes[0] = (char)code;
        put(self, bytes, 1);
        return;
    }
    unsigned more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    bytes[0] = (char)(leads[more] | code >> 6 * more);
    for (unsigned i = 1; i <= more; i++)
        bytes[i] = (char)(0x80 | (code >> 6 * (more - i) & 0x3f));
    put(self, bytes, more + 1);
}

static bool take_hex(struct mw_dump_input *self, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++) {
        int byte = look(self);
        int letter = byte | 0x20;

        if (is_digit(byte))
            *ret = *ret << 4 | (uint32_t)(byte - '0');
        else if (byte >= 0 && letter >= 'a' && letter <= 'f')
            *ret = *ret << 4 | (uint32_t)(letter - 'a' + 10);
        else
            return mw_dump_expected(self, "four hexadecimal digits behind \\u") == 0;
        self->at++;
    }
    return true;
}

/* Behind "\u". The second half of a pair is an escape of its own; `high` is the first half that
 * waits for it, 0 for none. */
static bool take_unit(struct mw_dump_input *self, uint32_t *high, struct text *text)
{
    uint32_t unit;

    if (!take_hex(self, &unit))
        return false;
    if (*high && unit >= 0xdc00 && unit < 0xe000) {
        put_code(text, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
        *high = 0;
        return true;
    }
    if (*high)
        put_code(text, *high);
    *high = unit >= 0xd800 && unit < 0xdc00 ? unit : 0;
    if (!*high)
        put_code(text, unit);
    return true;
}

static bool take_escape(struct mw_dump_input *self, uint32_t *high, struct text *text)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    int byte = look(self);
    const char *name = byte > 0 ? strchr(names, byte) : NULL;

    if (byte == 'u') {
        self->at++;
        return take_unit(self, high, text);
    }
    if (!name)
        return mw_dump_expected(self, "one of \"\\/bfnrtu behind a backslash") == 0;
    self->at++;
    if (*high)
        put_code(text, *high);
    *high = 0;
    put(text, values + (name - names), 1);
    return true;
}

/* A character of more than one byte may lie across two buffers. */
static void take_wide(struct mw_dump_input *self, struct text *text)
{
    char bytes[4] = {(char)*self->at++};
    size_t size = 1;
    int byte = look(self);

    while (size < 4 && mw_utf8_sequence(bytes, size) != size && byte >= 0x80 && byte < 0xc0) {
        bytes[size++] = (char)byte;
        self->at++;
        byte = look(self);
    }
    if (mw_utf8_sequence(bytes, size) == size)
        put(text, bytes, size);
    else
        put_code(text, 0xfffd);
}

/* The bytes up to the next one that is special. */
static void take_plain(struct mw_dump_input *self, struct text *text)
{
    const unsigned char *from = self->at;

    while (self->at < self->end && *self->at >= ' ' && *self->at < 0x80 && *self->at != '"' &&
           *self->at != '\\')
        self->at++;
    size_t size = (size_t)(self->at - from), room = text->capacity - text->size;
    put(text, (const char *)from, text->full || size <= room ? size : room);
    text->full = text->full || size > room;
}

/* It is written through `text`. NOLINTNEXTLINE(readability-non-const-parameter) */
bool mw_dump_string(struct mw_dump_input *self, char *ret, size_t capacity, size_t *ret_size)
{
    struct text text = {ret, 0, capacity, false};
    uint32_t high = 0;

    if (!mw_dump_take(self, '"', "a string"))
        return false;
    for (;;) {
        int byte = look(self);

        if (byte == '\\') {
            self->at++;
            if (!take_escape(self, &high, &text))
                return false;
            continue;
        }
        if (high)
            put_code(&text, high);
        high = 0;
        if (byte == '"')
            break;
        if (byte < ' ') /* the end too */
            return mw_dump_expected(self, "a character of a string or '\"'") == 0;
        if (byte >= 0x80)
            take_wide(self, &text);
        else
            take_plain(self, &text);
    }
    self->at++;
    *ret_size = text.size;
    return true;
}

/* ---- what is passed over ---- */

static bool is_word(int byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '+' ||
           byte == '.' || byte == 'E';
}

static bool skip_word(struct mw_dump_input *self)
{
    if (!is_word(look(self)))
        return mw_dump_expected(self, "a value") == 0;
    while (is_word(look(self)))
        self->at++;
    return true;
}

bool mw_dump_skip(struct mw_dump_input *self)
{
    uint64_t depth = 0;

    do {
        int byte = mw_dump_peek(self);
        char none[1];
        size_t size;

        if (byte == '"') {
            if (!mw_dump_string(self, none, 0, &size))
                return false;
        } else if (byte == '[' || byte == '{' || (depth > 0 && (byte == ']' || byte == '}'))) {
            depth += byte == '[' || byte == '{' ? 1 : UINT64_MAX;
            self->at++;
        } else if (depth > 0 && (byte == ',' || byte == ':')) {
            self->at++;
        } else if (!skip_word(self)) {
            return false;
        }
    } while (depth > 0);
    return true;
}
