#include "daemon/deliver/deliver.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { READ_STEP = 64 * 1024, OUT_MAX = 1 << 20 };

void deliver_channel_init(struct deliver_channel *self, int fd)
{
    self->fd = fd;
    self->closed = false;
    mwd_buffer_init(&self->in, MWD_WIRE_MAX + READ_STEP);
    mwd_buffer_init(&self->out, OUT_MAX);
}

void deliver_channel_deinit(struct deliver_channel *self)
{
    mwd_buffer_deinit(&self->in);
    mwd_buffer_deinit(&self->out);
}

void deliver_channel_read(struct deliver_channel *self)
{
    while (!self->closed && self->in.size < MWD_WIRE_MAX) {
        char *at = mwd_buffer_reserve(&self->in, READ_STEP);

        if (!at) {
            self->closed = true;
            return;
        }
        ssize_t size = recv(self->fd, at, READ_STEP, MSG_DONTWAIT);
        if (size > 0)
            mwd_buffer_commit(&self->in, (size_t)size);
        else if (size == 0 || (errno != EAGAIN && errno != EINTR))
            self->closed = true;
        else
            return;
    }
}

static void drop_front(struct mwd_buffer *buffer, size_t size)
{
    buffer->size -= size;
    memmove(buffer->bytes, buffer->bytes + size, buffer->size);
}

void deliver_channel_write(struct deliver_channel *self)
{
    while (!self->closed && self->out.size > 0) {
        ssize_t size = send(self->fd, self->out.bytes, self->out.size, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (size > 0)
            drop_front(&self->out, (size_t)size);
        else if (errno != EINTR) {
            self->closed |= errno != EAGAIN;
            return;
        }
    }
}

static bool take_record(struct deliver_channel *self, size_t size, struct deliver_request *ret)
{
    char *record = malloc(size);

    if (!record)
        return false;
    memcpy(record, self->in.bytes, size);
    drop_front(&self->in, size);
    if (mwd_wire_get_request(record, size, &ret->wire) < 0) {
        free(record);
        return false;
    }
    ret->record = record;
    return true;
}

/* The daemon is the only one that writes here: what is no request is a fault of this program's or
 * the daemon's, and a fresh start is the best answer. */
bool deliver_channel_next(struct deliver_channel *self, struct deliver_request *ret)
{
    long size = mwd_wire_frame(self->in.bytes, self->in.size);

    if (size == 0)
        return false;
    if (size > 0 && take_record(self, (size_t)size, ret))
        return true;
    self->closed = true;
    return false;
}

/* The text comes from strangers: one line of UTF-8 at most. */
static void make_line(const char *text, char ret[MWD_WIRE_WHY_MAX + 1])
{
    size_t size = strlen(text), used = mw_utf8_escape(text, size, ret, MWD_WIRE_WHY_MAX);

    while (used > 0 && (ret[used - 1] == '\n' || ret[used - 1] == '\r' || ret[used - 1] == ' '))
        used--;
    ret[used] = '\0';
    for (size_t i = 0; i < used; i++)
        if ((unsigned char)ret[i] < 0x20 || ret[i] == 0x7f)
            ret[i] = ' ';
}

void deliver_channel_answer(struct deliver_channel *self, const struct mwd_wire_answer *answer)
{
    struct mwd_wire_answer safe = *answer;
    char why[MWD_WIRE_WHY_MAX + 1];

    make_line(answer->why, why);
    safe.why = why;
    mwd_wire_put_answer(&self->out, &safe);
    if (self->out.failed)
        self->closed = true;
}
