#include "sample/recording_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 4096, VARINT_MAX = 10 };

const enum mw_source mw_recorded_sources[MW_RECORDED_SOURCES] = {
    MW_SOURCE_SYSTEM, MW_SOURCE_PROCESS, MW_SOURCE_SELF,  MW_SOURCE_DAEMON,
    MW_SOURCE_HEAP,   MW_SOURCE_QUEUE,   MW_SOURCE_CACHE, MW_SOURCE_SERVICE};

/* ---- CRC-32C: the Castagnoli polynomial, low bit first ---- */

void mw_crc_init(struct mw_crc *self)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t rest = byte;

        for (int bit = 0; bit < 8; bit++)
            rest = rest >> 1 ^ (rest & 1 ? 0x82f63b78u : 0);
        self->table[byte] = rest;
    }
}

uint32_t mw_crc_of(const struct mw_crc *self, uint32_t before, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint32_t crc = ~before;

    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ self->table[(crc ^ at[i]) & 0xff];
    return ~crc;
}

/* ---- out ---- */

static bool make_room(struct mw_wire_out *self, size_t more)
{
    if (self->failed)
        return false;
    if (more <= self->capacity - self->size)
        return true;
    size_t capacity = self->capacity ? 2 * self->capacity : FIRST_CAPACITY;
    while (capacity - self->size < more)
        capacity *= 2;
    uint8_t *bytes = realloc(self->bytes, capacity);
    if (!bytes) {
        self->failed = true;
        return false;
    }
    self->bytes = bytes;
    self->capacity = capacity;
    return true;
}

void mw_wire_put(struct mw_wire_out *self, const void *bytes, size_t size)
{
    if (size == 0 || !make_room(self, size))
        return;
    memcpy(self->bytes + self->size, bytes, size);
    self->size += size;
}

void mw_wire_store_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

void mw_wire_put_u32(struct mw_wire_out *self, uint32_t value)
{
    uint8_t bytes[4];

    mw_wire_store_u32(bytes, value);
    mw_wire_put(self, bytes, sizeof bytes);
}

void mw_wire_put_u64(struct mw_wire_out *self, uint64_t value)
{
    mw_wire_put_u32(self, (uint32_t)value);
    mw_wire_put_u32(self, (uint32_t)(value >> 32));
}

void mw_wire_put_varint(struct mw_wire_out *self, uint64_t value)
{
    if (!make_room(self, VARINT_MAX))
        return;
    for (; value >= 0x80; value >>= 7)
        self->bytes[self->size++] = (uint8_t)(value | 0x80);
    self->bytes[self->size++] = (uint8_t)value;
}

void mw_wire_put_text(struct mw_wire_out *self, const char *text, size_t size)
{
    mw_wire_put_varint(self, size);
    mw_wire_put(self, text, size);
}

/* ---- in ---- */

uint32_t mw_wire_load_u32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint64_t mw_wire_load_u64(const uint8_t *at)
{
    return mw_wire_load_u32(at) | (uint64_t)mw_wire_load_u32(at + 4) << 32;
}

int mw_recording_refuse(struct mw_recording_reader *self, uint64_t at, const char *format, ...)
{
    va_list arguments;

    unsigned long long place = self->offset + at;
    int size = snprintf(self->error, sizeof self->error, "byte %llu: expected ", place);
    va_start(arguments, format);
    vsnprintf(self->error + size, sizeof self->error - (size_t)size, format, arguments);
    va_end(arguments);
    self->failed = true;
    return -EBADMSG;
}

/* The cursor stands behind the number, or nothing was taken: returns its bytes, 0 = no number. */
static size_t scan_varint(const uint8_t *bytes, size_t size, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size && i < VARINT_MAX; i++) {
        uint64_t part = bytes[i] & 0x7f;

        if (i == VARINT_MAX - 1 && part > 1)
            return 0;
        value |= part << 7 * i;
        if (bytes[i] < 0x80) {
            *ret = value;
            return i + 1;
        }
    }
    return 0;
}

int mw_wire_number(struct mw_wire_in *self, const char *what, uint64_t max, uint64_t *ret)
{
    uint64_t value;
    uint64_t at = self->offset + self->at;
    size_t size = scan_varint(self->bytes + self->at, self->size - self->at, &value);

    if (size == 0)
        return mw_recording_refuse(self->reader, at, "%s, found no number of up to 64 bits", what);
    if (value > max)
        return mw_recording_refuse(self->reader, at, "%s from 0 to %llu, found %llu", what,
                                   (unsigned long long)max, (unsigned long long)value);
    self->at += size;
    *ret = value;
    return 0;
}

int mw_wire_take(struct mw_wire_in *self, const char *what, size_t size, const uint8_t **ret)
{
    if (size > self->size - self->at)
        return mw_recording_refuse(self->reader, self->offset + self->at,
                                   "%zu bytes of %s, found the end after %zu", size, what,
                                   self->size - self->at);
    *ret = self->bytes + self->at;
    self->at += size;
    return 0;
}

int mw_wire_text(struct mw_wire_in *self, const char *what, size_t max, const char **ret,
                 size_t *ret_size)
{
    const uint8_t *bytes = NULL;
    uint64_t size = 0;

    int r = mw_wire_number(self, what, max, &size);
    if (r == 0)
        r = mw_wire_take(self, what, (size_t)size, &bytes);
    if (r < 0)
        return r;
    *ret = (const char *)bytes;
    *ret_size = (size_t)size;
    return 0;
}
