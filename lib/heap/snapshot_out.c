/* What leaves for the file: one buffer, no memory besides. The first error stays, and ends it. */
#include "heap/snapshot_internal.h"

#include "base/utf8.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { DIGITS_MAX = 20, ESCAPED_MAX = 6 };

void mw_out_begin(struct mw_out *self, int fd)
{
    self->fd = fd;
    self->error = 0;
    self->bytes = 0;
    self->at = self->buffer;
}

/* Returns what write(2) does; waits for a descriptor that does not block. */
static ssize_t write_some(int fd, const char *bytes, size_t size)
{
    struct pollfd wanted = {.fd = fd, .events = POLLOUT};
    ssize_t done = write(fd, bytes, size);

    if (done >= 0 || errno == EINTR)
        return done >= 0 ? done : 0;
    if (errno != EAGAIN)
        return -errno;
    if (poll(&wanted, 1, -1) < 0 && errno != EINTR)
        return -errno;
    return 0;
}

void mw_out_flush(struct mw_out *self)
{
    const char *from = self->buffer;

    while (self->error == 0 && from < self->at) {
        ssize_t done = write_some(self->fd, from, (size_t)(self->at - from));

        if (done < 0) {
            self->error = (int)done;
        } else {
            from += done;
            self->bytes += (uint64_t)done;
        }
    }
    self->at = self->buffer;
}

void mw_out_text(struct mw_out *self, const char *text)
{
    for (; *text != '\0'; text++) {
        *mw_out_row(self) = *text;
        self->at++;
    }
}

char *mw_out_number(char *at, uint64_t value)
{
    char digits[DIGITS_MAX];
    char *first = digits + DIGITS_MAX;
    size_t length;

    if (value < 10) {
        *at = (char)('0' + value);
        return at + 1;
    }
    for (; value > 9; value /= 10)
        *--first = (char)('0' + value % 10);
    *--first = (char)('0' + value);
    length = (size_t)(digits + DIGITS_MAX - first);
    for (size_t i = 0; i < length; i++)
        at[i] = first[i];
    return at + length;
}

static size_t escape(unsigned char byte, char *ret)
{
    static const char hex[] = "0123456789abcdef";

    if (byte == '"' || byte == '\\') {
        ret[0] = '\\';
        ret[1] = (char)byte;
        return 2;
    }
    memcpy(ret, "\\u00", 4);
    ret[4] = hex[byte >> 4];
    ret[5] = hex[byte & 15];
    return ESCAPED_MAX;
}

/* The bytes of `ret` that stand for the front of `bytes`, of which `*ret_used` are done. */
static size_t one_character(const char *bytes, size_t size, char *ret, size_t *ret_used)
{
    static const char replacement[] = "\xef\xbf\xbd";
    unsigned char byte = (unsigned char)bytes[0];
    size_t length = mw_utf8_sequence(bytes, size);

    *ret_used = length != 0 ? length : 1;
    if (length == 0) {
        memcpy(ret, replacement, sizeof(replacement) - 1);
        return sizeof(replacement) - 1;
    }
    if (byte < ' ' || byte == '"' || byte == '\\')
        return escape(byte, ret);
    memcpy(ret, bytes, length);
    return length;
}

void mw_out_string(struct mw_out *self, const char *bytes, size_t size)
{
    mw_out_text(self, ",\n\"");
    for (size_t at = 0, used; at < size; at += used)
        self->at += one_character(bytes + at, size - at, mw_out_row(self), &used);
    mw_out_text(self, "\"");
}
