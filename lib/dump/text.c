/* Many short texts in one piece of memory, and arrays that grow. */
#include "dump/dump_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *mw_dump_grow(void *array, size_t *room, size_t count, size_t size)
{
    size_t more = *room ? *room : 64;
    void *bytes;

    while (more < count)
        more *= 2;
    bytes = more <= SIZE_MAX / size ? realloc(array, more * size) : NULL;
    if (bytes)
        *room = more;
    return bytes;
}

static bool make_room(struct mw_dump_texts *self, size_t bytes)
{
    if (self->count == self->at_room) {
        uint32_t *at =
            mw_dump_grow(self->at, &self->at_room, (size_t)self->count + 1, sizeof *self->at);

        if (!at)
            return false;
        self->at = at;
    }
    if (self->room - self->size < bytes) {
        char *room = mw_dump_grow(self->bytes, &self->room, self->size + bytes, 1);

        if (!room)
            return false;
        self->bytes = room;
    }
    return true;
}

int mw_dump_text_add(struct mw_dump_texts *self, const char *bytes, size_t size, uint32_t *ret)
{
    if (self->count == MW_DUMP_NO - 1 || self->size + size + 1 > UINT32_MAX)
        return -EFBIG;
    if (!make_room(self, size + 1))
        return -ENOMEM;
    memcpy(self->bytes + self->size, bytes, size);
    self->bytes[self->size + size] = '\0';
    self->at[self->count] = (uint32_t)self->size;
    self->size += size + 1;
    if (ret)
        *ret = self->count;
    self->count++;
    return 0;
}

void mw_dump_text_deinit(struct mw_dump_texts *self)
{
    free(self->bytes);
    free(self->at);
    memset(self, 0, sizeof *self);
}

/* FNV-1a */
uint64_t mw_dump_text_hash(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}
