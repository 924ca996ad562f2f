#include "tests/support/tape_bytes.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_HEAD = 20, FRAME_HEAD = 12 };

void tape_bytes_free(struct tape_bytes *self)
{
    free(self->bytes);
    *self = (struct tape_bytes){0};
}

void tape_put(struct tape_bytes *self, const void *bytes, size_t size)
{
    self->bytes = realloc(self->bytes, self->size + size + 1);
    if (!self->bytes)
        abort();
    memcpy(self->bytes + self->size, bytes, size);
    self->size += size;
}

void tape_put_byte(struct tape_bytes *self, unsigned value)
{
    uint8_t byte = (uint8_t)value;

    tape_put(self, &byte, 1);
}

void tape_put_varint(struct tape_bytes *self, uint64_t value)
{
    for (; value > 127; value /= 128)
        tape_put_byte(self, 128 + (unsigned)(value % 128));
    tape_put_byte(self, (unsigned)value);
}

void tape_put_text(struct tape_bytes *self, const char *text)
{
    tape_put_varint(self, strlen(text));
    tape_put(self, text, strlen(text));
}

static void store(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value & 255);
    at[1] = (uint8_t)(value >> 8 & 255);
    at[2] = (uint8_t)(value >> 16 & 255);
    at[3] = (uint8_t)(value >> 24);
}

/* Bit by bit, so that it shares no table with what it is to check. */
uint32_t tape_crc(uint32_t before, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint32_t crc = before ^ 0xffffffffu;

    while (size-- > 0) {
        crc ^= *at++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    }
    return crc ^ 0xffffffffu;
}

void tape_begin_header(struct tape_bytes *self, uint32_t version)
{
    uint8_t head[12] = {0};

    self->begin = self->size;
    store(head, version);
    tape_put(self, "MWRECORD", 8);
    tape_put(self, head, sizeof head);
}

void tape_end_header(struct tape_bytes *self)
{
    uint8_t *head = self->bytes + self->begin;
    size_t body = self->size - self->begin - HEADER_HEAD;

    store(head + 12, (uint32_t)body);
    store(head + 16, tape_crc(tape_crc(0, head + 8, 8), head + HEADER_HEAD, body));
}

void tape_begin_frame(struct tape_bytes *self)
{
    uint8_t head[FRAME_HEAD] = {0};

    self->begin = self->size;
    tape_put(self, head, sizeof head);
}

void tape_sign_frame(uint8_t *frame, size_t payload)
{
    store(frame, (uint32_t)payload);
    store(frame + 4, tape_crc(0, frame + FRAME_HEAD, payload));
    store(frame + 8, tape_crc(0, frame, 8));
}

void tape_end_frame(struct tape_bytes *self)
{
    tape_sign_frame(self->bytes + self->begin, self->size - self->begin - FRAME_HEAD);
}
