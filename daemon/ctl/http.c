/* What is sent and what comes back, as bytes. Everything here is made for an answer that may come
 * from anybody: lengths are checked before they are believed. */
#include "daemon/ctl/ctl.h"

#include "base/scan.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* ---- URLs ---- */

static int refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return -EINVAL;
}

static bool is_port(const char *text)
{
    struct mw_scan scan = mw_scan_over(text, strlen(text));
    uint64_t port;

    return mw_scan_u64(&scan, &port) && mw_scan_done(&scan) && port > 0 && port < 65536 &&
           strlen(text) < 6;
}

/* "host", "host:port", "[::1]:port"; *ret_rest is what follows the host. */
static int take_host(const char *text, struct mwd_ctl_url *ret, const char **ret_rest)
{
    bool six = text[0] == '[';
    size_t size = six ? strcspn(text + 1, "]") : strcspn(text, ":/");

    text += six;
    if (size == 0 || size >= sizeof ret->host || (six && text[size] != ']') ||
        strcspn(text, " @?#\t\r\n") < size)
        return -EINVAL;
    memcpy(ret->host, text, size);
    ret->host[size] = '\0';
    *ret_rest = text + size + six;
    return 0;
}

int mwd_ctl_url_parse(const char *text, struct mwd_ctl_url *ret, const char **ret_why)
{
    struct mwd_ctl_url url = {.port = "9636"};
    const char *rest;

    if (strncasecmp(text, "https://", 8) == 0)
        return refuse(ret_why, "https is not spoken here; go through a tunnel, as ssh -L");
    if (strncasecmp(text, "http://", 7) != 0 || take_host(text + 7, &url, &rest) < 0)
        return refuse(ret_why, "takes http://ADDR:PORT");
    if (*rest == ':') {
        size_t size = strcspn(rest + 1, "/");

        if (size == 0 || size >= sizeof url.port)
            return refuse(ret_why, "takes a port from 1 to 65535");
        memcpy(url.port, rest + 1, size);
        url.port[size] = '\0';
        rest += 1 + size;
        if (!is_port(url.port))
            return refuse(ret_why, "takes a port from 1 to 65535");
    }
    if (*rest != '\0' && strcmp(rest, "/") != 0)
        return refuse(ret_why, "takes no path: the verb says what is asked for");
    *ret = url;
    return 0;
}

/* ---- answers ---- */

struct response {
    const char *at, *end;
    uint64_t length; /* Content-Length */
    bool has_length, chunked;
};

/* The line at the front without its CR LF; false when there is no end of it. */
static bool take_line(struct response *self, const char **ret_line, size_t *ret_size)
{
    const char *end = memchr(self->at, '\n', (size_t)(self->end - self->at));

    if (!end)
        return false;
    *ret_line = self->at;
    *ret_size = (size_t)(end - self->at);
    if (*ret_size > 0 && end[-1] == '\r')
        (*ret_size)--;
    self->at = end + 1;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK" */
static int take_status(struct response *self, unsigned *ret)
{
    const char *line;
    size_t size;

    if (!take_line(self, &line, &size))
        return self->end - self->at < 16384 ? -ENODATA : -EBADMSG;
    if (size < 12 || strncmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' || !is_digit(line[9]) ||
        !is_digit(line[10]) || !is_digit(line[11]))
        return -EBADMSG;
    *ret = (unsigned)((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    return 0;
}

/* The value of the field when it has this name, NULL else. */
static const char *value_of(const char *line, size_t *size, const char *name)
{
    size_t length = strlen(name);

    if (*size <= length || strncasecmp(line, name, length) != 0 || line[length] != ':')
        return NULL;
    line += length + 1;
    *size -= length + 1;
    for (; *size > 0 && (*line == ' ' || *line == '\t'); line++)
        (*size)--;
    return line;
}

static int take_field(struct response *self, const char *line, size_t size)
{
    size_t length = size;
    const char *value = value_of(line, &length, "Content-Length");

    if (value) {
        struct mw_scan scan = mw_scan_over(value, length);

        self->has_length = true;
        return mw_scan_u64(&scan, &self->length) && mw_scan_done(&scan) ? 0 : -EBADMSG;
    }
    length = size;
    value = value_of(line, &length, "Transfer-Encoding");
    if (value)
        self->chunked = length == 7 && strncasecmp(value, "chunked", 7) == 0;
    return value && !self->chunked ? -EBADMSG : 0;
}

static int take_fields(struct response *self)
{
    const char *line;
    size_t size;

    while (take_line(self, &line, &size)) {
        int r = size > 0 ? take_field(self, line, size) : 0;

        if (r < 0 || size == 0)
            return r;
    }
    return -ENODATA;
}

static int hex_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? memchr(digits, c | 0x20, 16) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* The size of a chunk; what follows a ';' is for nobody. */
static int take_chunk_size(struct response *self, size_t *ret)
{
    const char *line;
    size_t size, value = 0, i = 0;

    if (!take_line(self, &line, &size))
        return -ENODATA;
    for (; i < size && i < 8 && hex_of(line[i]) >= 0; i++)
        value = value * 16 + (size_t)hex_of(line[i]);
    if (i == 0 || (i < size && line[i] != ';'))
        return -EBADMSG;
    *ret = value;
    return 0;
}

static int take_chunks(struct response *self, struct mwd_buffer *body)
{
    for (;;) {
        const char *line;
        size_t size, rest;
        int r = take_chunk_size(self, &size);

        if (r < 0 || size == 0)
            return r;
        if ((size_t)(self->end - self->at) < size)
            return -ENODATA;
        mwd_buffer_append(body, self->at, size);
        self->at += size;
        if (!take_line(self, &line, &rest))
            return -ENODATA;
        if (rest > 0)
            return -EBADMSG;
    }
}

static int take_body(struct response *self, struct mwd_buffer *body)
{
    size_t left = (size_t)(self->end - self->at);

    if (self->chunked)
        return take_chunks(self, body);
    if (self->has_length && left < self->length)
        return -ENODATA;
    mwd_buffer_append(body, self->at, self->has_length ? (size_t)self->length : left);
    return 0;
}

int mwd_ctl_head_parse(const char *bytes, size_t size, struct mwd_ctl_head *ret, size_t *ret_size)
{
    struct response self = {.at = bytes, .end = bytes + size};
    unsigned status;
    int r = take_status(&self, &status);

    if (r == 0)
        r = take_fields(&self);
    if (r < 0)
        return r;
    *ret = (struct mwd_ctl_head){status, self.length, self.has_length, self.chunked};
    *ret_size = (size_t)(self.at - bytes);
    return 0;
}

int mwd_ctl_response_parse(const char *bytes, size_t size, unsigned *ret_status,
                           struct mwd_buffer *body)
{
    struct response self = {.at = bytes, .end = bytes + size};
    int r = take_status(&self, ret_status);

    if (r == 0)
        r = take_fields(&self);
    if (r == 0)
        r = take_body(&self, body);
    if (r == 0 && body->failed)
        r = -ENOMEM;
    return r;
}
