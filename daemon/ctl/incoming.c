/* An answer as it comes, piece by piece: for bodies that are too large to be kept. What is made of
 * a whole answer in http.c and what is made here of its pieces is the same, wherever they are cut.
 */
#include "daemon/ctl/ctl.h"

#include <errno.h>
#include <string.h>

enum { HEAD_MAX = 16384 };

void mwd_ctl_incoming_init(struct mwd_ctl_incoming *self, const struct mwd_ctl_sink *sink)
{
    *self = (struct mwd_ctl_incoming){.sink = sink};
    mwd_buffer_init(&self->head, HEAD_MAX);
}

void mwd_ctl_incoming_deinit(struct mwd_ctl_incoming *self)
{
    mwd_buffer_deinit(&self->head);
}

/* ---- the body ---- */

/* Hands over what belongs to the body at the front; returns how much, or an error of the sink. */
static int64_t pass_on(struct mwd_ctl_incoming *self, const char *bytes, size_t size)
{
    bool counted = self->info.chunked || self->info.has_length;
    size_t part = counted && self->left < size ? (size_t)self->left : size;
    int r = part > 0 ? self->sink->take(self->sink->context, bytes, part) : 0;

    if (counted)
        self->left -= part;
    return r < 0 ? r : (int64_t)part;
}

/* "1a2b" or "1a2b;extension" */
static int end_size_line(struct mwd_ctl_incoming *self)
{
    size_t digits = strspn(self->line, "0123456789abcdefABCDEF");

    if (digits == 0 || digits > 8 || (self->line[digits] != '\0' && self->line[digits] != ';'))
        return -EBADMSG;
    self->left = 0;
    for (size_t i = 0; i < digits; i++) {
        char c = self->line[i];

        self->left = self->left * 16 + (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    self->part = self->left > 0 ? MWD_CTL_CHUNK : MWD_CTL_DONE;
    return 0;
}

static int end_line(struct mwd_ctl_incoming *self)
{
    size_t size = self->line_size;

    if (size > 0 && self->line[size - 1] == '\r')
        size--;
    self->line[size] = '\0';
    self->line_size = 0;
    if (self->part == MWD_CTL_CHUNK_SIZE)
        return end_size_line(self);
    self->part = MWD_CTL_CHUNK_SIZE;
    return size > 0 ? -EBADMSG : 0; /* nothing stands between a chunk and the next one's size */
}

static int take_line_byte(struct mwd_ctl_incoming *self, char byte)
{
    if (byte == '\n')
        return end_line(self);
    if (self->line_size == sizeof self->line - 1)
        return -EBADMSG;
    self->line[self->line_size++] = byte;
    return 0;
}

static int64_t take_chunk(struct mwd_ctl_incoming *self, const char *bytes, size_t size)
{
    int64_t taken = pass_on(self, bytes, size);

    if (taken >= 0 && self->left == 0)
        self->part = MWD_CTL_CHUNK_END;
    return taken;
}

static int feed_chunks(struct mwd_ctl_incoming *self, const char *bytes, size_t size)
{
    size_t at = 0;

    while (at < size && self->part != MWD_CTL_DONE) {
        int64_t r = 1;

        if (self->part == MWD_CTL_CHUNK)
            r = take_chunk(self, bytes + at, size - at);
        else if (take_line_byte(self, bytes[at]) < 0)
            r = -EBADMSG;
        if (r < 0)
            return (int)r;
        at += (size_t)r;
    }
    return 0;
}

static int feed_body(struct mwd_ctl_incoming *self, const char *bytes, size_t size)
{
    if (self->info.chunked)
        return feed_chunks(self, bytes, size);
    int64_t r = pass_on(self, bytes, size);
    return r < 0 ? (int)r : 0;
}

/* ---- all of it ---- */

static int begin_body(struct mwd_ctl_incoming *self, size_t head_size)
{
    self->in_body = true;
    self->left = self->info.has_length ? self->info.length : 0;
    if (self->info.chunked)
        self->left = 0;
    self->sink->begin(self->sink->context, self->info.status);
    return feed_body(self, self->head.bytes + head_size, self->head.size - head_size);
}

int mwd_ctl_incoming_feed(struct mwd_ctl_incoming *self, const char *bytes, size_t size)
{
    size_t at = 0, head_size;
    int r = -ENODATA;

    if (self->in_body)
        return feed_body(self, bytes, size);
    /* What a piece has beyond the head's bound may be body already. */
    while (r == -ENODATA && at < size) {
        size_t room = HEAD_MAX - self->head.size;
        size_t part = size - at < room ? size - at : room;

        if (part == 0)
            return -EBADMSG;
        mwd_buffer_append(&self->head, bytes + at, part);
        if (self->head.failed)
            return self->head.failed;
        at += part;
        r = mwd_ctl_head_parse(self->head.bytes, self->head.size, &self->info, &head_size);
    }
    if (r < 0)
        return r == -ENODATA ? 0 : r;
    r = begin_body(self, head_size);
    return r == 0 && at < size ? feed_body(self, bytes + at, size - at) : r;
}

int mwd_ctl_incoming_end(const struct mwd_ctl_incoming *self)
{
    if (!self->in_body)
        return -ENODATA;
    if (self->info.chunked)
        return self->part == MWD_CTL_DONE ? 0 : -ENODATA;
    return self->info.has_length && self->left > 0 ? -ENODATA : 0;
}
