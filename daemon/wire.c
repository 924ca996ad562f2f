#include "daemon/wire.h"

#include <errno.h>
#include <string.h>

/* ---- writing ---- */

static void put_u32(struct mwd_buffer *out, uint32_t value)
{
    mwd_buffer_append(out, (const char *)&value, sizeof value);
}

static void put_u64(struct mwd_buffer *out, uint64_t value)
{
    mwd_buffer_append(out, (const char *)&value, sizeof value);
}

static void put_bytes(struct mwd_buffer *out, const char *bytes, size_t size)
{
    put_u32(out, (uint32_t)size);
    mwd_buffer_append(out, bytes, size);
    mwd_buffer_append(out, "", 1);
}

static void put_text(struct mwd_buffer *out, const char *text)
{
    put_bytes(out, text ? text : "", text ? strlen(text) : 0);
}

/* The length is known when all is written. */
static size_t begin(struct mwd_buffer *out)
{
    size_t at = out->size;

    put_u32(out, 0);
    return at;
}

static void end(struct mwd_buffer *out, size_t at)
{
    uint32_t size = (uint32_t)(out->size - at - sizeof size);

    if (!out->failed)
        memcpy(out->bytes + at, &size, sizeof size);
}

void mwd_wire_put_request(struct mwd_buffer *out, const struct mwd_wire_request *request)
{
    size_t at = begin(out);

    put_u64(out, request->exchange);
    put_u32(out, request->kind);
    put_u32(out, request->timeout_ms);
    put_text(out, request->sink);
    put_text(out, request->url);
    put_text(out, request->token_file);
    put_text(out, request->ca_file);
    put_text(out, request->id);
    put_text(out, request->status);
    put_u32(out, request->argument_count);
    for (uint32_t i = 0; i < request->argument_count; i++)
        put_text(out, request->arguments[i]);
    put_bytes(out, request->body, request->body_size);
    end(out, at);
}

void mwd_wire_put_answer(struct mwd_buffer *out, const struct mwd_wire_answer *answer)
{
    size_t at = begin(out);

    put_u64(out, answer->exchange);
    put_u32(out, answer->outcome);
    put_u32(out, answer->status);
    put_u64(out, answer->retry_after_ms);
    put_bytes(out, answer->why, strnlen(answer->why, MWD_WIRE_WHY_MAX));
    end(out, at);
}

/* ---- reading ---- */

struct reader {
    const char *at, *end;
    bool bad;
};

static void get(struct reader *self, void *ret, size_t size)
{
    memset(ret, 0, size);
    if (self->bad || (size_t)(self->end - self->at) < size) {
        self->bad = true;
        return;
    }
    memcpy(ret, self->at, size);
    self->at += size;
}

static uint32_t get_u32(struct reader *self)
{
    uint32_t value;

    get(self, &value, sizeof value);
    return value;
}

static uint64_t get_u64(struct reader *self)
{
    uint64_t value;

    get(self, &value, sizeof value);
    return value;
}

static const char *get_bytes(struct reader *self, size_t *ret_size)
{
    size_t size = get_u32(self);
    const char *bytes = self->at;

    *ret_size = 0;
    if (self->bad || (size_t)(self->end - self->at) <= size || bytes[size] != '\0') {
        self->bad = true;
        return "";
    }
    self->at += size + 1;
    *ret_size = size;
    return bytes;
}

static const char *get_text(struct reader *self)
{
    size_t size;
    const char *text = get_bytes(self, &size);

    if (memchr(text, '\0', size))
        self->bad = true;
    return text;
}

static struct reader open_record(const char *bytes, size_t size)
{
    struct reader self = {bytes, bytes + size, false};

    if (mwd_wire_frame(bytes, size) != (long)size)
        self.bad = true;
    get_u32(&self);
    return self;
}

static int close_record(const struct reader *self)
{
    return self->bad || self->at != self->end ? -EBADMSG : 0;
}

long mwd_wire_frame(const char *bytes, size_t size)
{
    uint32_t length;

    if (size < sizeof length)
        return 0;
    memcpy(&length, bytes, sizeof length);
    if (length > MWD_WIRE_MAX - sizeof length)
        return -EBADMSG;
    return size - sizeof length < length ? 0 : (long)(length + sizeof length);
}

static void get_arguments(struct reader *reader, struct mwd_wire_request *ret)
{
    ret->argument_count = get_u32(reader);
    if (ret->argument_count > MWD_WIRE_ARGUMENTS_MAX) {
        ret->argument_count = 0;
        reader->bad = true;
    }
    for (uint32_t i = 0; i < ret->argument_count; i++)
        ret->arguments[i] = get_text(reader);
    ret->arguments[ret->argument_count] = NULL;
}

int mwd_wire_get_request(const char *bytes, size_t size, struct mwd_wire_request *ret)
{
    struct reader reader = open_record(bytes, size);

    ret->exchange = get_u64(&reader);
    uint32_t kind = get_u32(&reader);
    ret->timeout_ms = get_u32(&reader);
    ret->sink = get_text(&reader);
    ret->url = get_text(&reader);
    ret->token_file = get_text(&reader);
    ret->ca_file = get_text(&reader);
    ret->id = get_text(&reader);
    ret->status = get_text(&reader);
    get_arguments(&reader, ret);
    ret->body = get_bytes(&reader, &ret->body_size);
    if (kind > MWD_WIRE_RUN || (kind == MWD_WIRE_RUN && ret->argument_count == 0))
        return -EBADMSG;
    ret->kind = (enum mwd_wire_kind)kind;
    return close_record(&reader);
}

int mwd_wire_get_answer(const char *bytes, size_t size, struct mwd_wire_answer *ret)
{
    struct reader reader = open_record(bytes, size);

    ret->exchange = get_u64(&reader);
    uint32_t outcome = get_u32(&reader);
    ret->status = get_u32(&reader);
    ret->retry_after_ms = get_u64(&reader);
    ret->why = get_text(&reader);
    if (outcome > MWD_WIRE_REFUSED)
        return -EBADMSG;
    ret->outcome = (enum mwd_wire_outcome)outcome;
    return close_record(&reader);
}
