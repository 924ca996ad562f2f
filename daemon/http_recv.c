/* What libmicrohttpd 0.9.75 must not see.
 *
 * It has no hook between the socket and its parser, but it calls recv() by that name, so the one in
 * this file stands in for the C library's. Three things that no request has by right would lead its
 * parser astray:
 *   - a NUL: the query is looked for behind it too, where mwd_http_on_uri() cannot cut it off, and
 *     a jump into nothing follows when no pool is left for its words;
 *   - a line that begins with a blank: the rest of a field is glued to the field's name, and with
 * it a Content-Length is no Content-Length any more;
 *   - a line that begins with a colon, a field without a name: it is taken for the end of the head,
 *     and what follows for another request.
 * Each such byte becomes one that is wrong in every place and ends nothing: the request is refused,
 * by libmicrohttpd or by http_head.c.
 *
 * Where a head ends and a body begins only the parser knows, and it asks too late. So bodies are
 * spoilt as well, and restored when they are collected: each of the bytes has a stand-in of its
 * own, of those that no UTF-8 has, and one that was sent becomes that of NUL. NUL is not restored:
 * no JSON has one.
 *
 * Everything else in this process that calls recv() comes by here too, what the C library loads to
 * look up a user among it, and that may well have a NUL to read. So only descriptors of connections
 * are touched, and only while libmicrohttpd has its turn; `turn` is of the thread, since the hook
 * has no other way to know for whom it is called. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* http_head.c knows these, too. */
enum { WRONG = 0xff, WRONG_BLANK = 0xfe, WRONG_TAB = 0xfd, WRONG_COLON = 0xfc };
enum { GROWTH = 64 };

static _Thread_local const struct mwd_http_server *turn;

void mwd_http_recv_begin(const struct mwd_http_server *server)
{
    turn = server;
}

void mwd_http_recv_end(void)
{
    turn = NULL;
}

/* ---- connections by descriptor ---- */

int mwd_http_recv_expect(struct mwd_http_server *self, int fd)
{
    uint32_t needed = (uint32_t)fd + 1;

    if (needed > self->by_fd_count) {
        uint32_t count = needed + GROWTH;
        struct mwd_http_connection **by_fd = realloc(self->by_fd, count * sizeof(*by_fd));

        if (!by_fd)
            return -ENOMEM;
        memset(by_fd + self->by_fd_count, 0, (count - self->by_fd_count) * sizeof(*by_fd));
        self->by_fd = by_fd;
        self->by_fd_count = count;
    }
    return 0;
}

static struct mwd_http_connection *find(int fd)
{
    return turn && fd >= 0 && (uint32_t)fd < turn->by_fd_count ? turn->by_fd[fd] : NULL;
}

/* ---- bytes ---- */

static bool ends_line(unsigned char byte)
{
    return byte == '\n' || byte == '\r';
}

static void spoil_nuls(unsigned char *bytes, size_t size)
{
    unsigned char *end = bytes + size;

    for (unsigned char *at = memchr(bytes, '\0', size); at;
         at = memchr(at, '\0', (size_t)(end - at)))
        *at = WRONG;
}

static void spoil_start(unsigned char *at)
{
    switch (*at) {
    case ' ':
        *at = WRONG_BLANK;
        break;
    case '\t':
        *at = WRONG_TAB;
        break;
    case ':':
        *at = WRONG_COLON;
        break;
    case WRONG_BLANK:
    case WRONG_TAB:
    case WRONG_COLON:
        *at = WRONG;
        break;
    }
}

/* The byte behind each end of a line; the line may have ended with the bytes before these. */
static void spoil_starts(unsigned char *bytes, size_t size, unsigned char before)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = bytes[i];

        if (ends_line(before))
            spoil_start(&bytes[i]);
        before = byte;
    }
}

void mwd_http_recv_clean(struct mwd_http_connection *connection, unsigned char *bytes, size_t size)
{
    unsigned char last = bytes[size - 1];

    spoil_nuls(bytes, size);
    spoil_starts(bytes, size, connection->last_byte);
    connection->last_byte = last;
}

static void restore_start(unsigned char *at)
{
    switch (*at) {
    case WRONG_BLANK:
        *at = ' ';
        break;
    case WRONG_TAB:
        *at = '\t';
        break;
    case WRONG_COLON:
        *at = ':';
        break;
    }
}

void mwd_http_recv_restore(unsigned char *bytes, size_t size, unsigned char before)
{
    for (size_t i = 0; i < size; i++) {
        if (ends_line(before))
            restore_start(&bytes[i]);
        before = bytes[i];
    }
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    ssize_t count = recvfrom(fd, buffer, size, flags, NULL, NULL);
    int error = errno;
    struct mwd_http_connection *connection = count > 0 ? find(fd) : NULL;

    if (connection)
        mwd_http_recv_clean(connection, buffer, (size_t)count);
    errno = error;
    return count;
}
