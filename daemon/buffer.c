#include "daemon/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

void mwd_buffer_init(struct mwd_buffer *self, size_t limit)
{
    /* PTRDIFF_MAX is more than malloc() gives, and doubling it cannot overflow. */
    *self = (struct mwd_buffer){.limit = limit < PTRDIFF_MAX ? limit : PTRDIFF_MAX};
}

void mwd_buffer_deinit(struct mwd_buffer *self)
{
    free(self->bytes);
    *self = (struct mwd_buffer){0};
}

static size_t grown(const struct mwd_buffer *self, size_t wanted)
{
    size_t capacity = self->capacity ? 2 * self->capacity : FIRST_CAPACITY;

    if (capacity < wanted)
        capacity = wanted;
    return capacity < self->limit ? capacity : self->limit;
}

/* One byte more than the capacity is allocated, so that vsnprintf() can put its NUL behind a buffer
 * that is full to the limit. */
static int grow(struct mwd_buffer *self, size_t wanted)
{
    size_t capacity = grown(self, wanted);
    char *bytes = realloc(self->bytes, capacity + 1);

    if (!bytes)
        return -ENOMEM;
    self->bytes = bytes;
    self->capacity = capacity;
    return 0;
}

char *mwd_buffer_reserve(struct mwd_buffer *self, size_t more)
{
    if (self->failed)
        return NULL;
    if (more > self->limit - self->size)
        self->failed = -EFBIG;
    else if (!self->bytes || more > self->capacity - self->size)
        self->failed = grow(self, self->size + more);
    return self->failed ? NULL : self->bytes + self->size;
}

void mwd_buffer_append(struct mwd_buffer *self, const char *bytes, size_t size)
{
    char *at = mwd_buffer_reserve(self, size);

    if (!at || !size)
        return;
    memcpy(at, bytes, size);
    mwd_buffer_commit(self, size);
}

void mwd_buffer_puts(struct mwd_buffer *self, const char *text)
{
    mwd_buffer_append(self, text, strlen(text));
}

void mwd_buffer_printf(struct mwd_buffer *self, const char *format, ...)
{
    va_list arguments;
    va_list again;
    char *at = mwd_buffer_reserve(self, 0);
    int length;

    if (!at)
        return;
    va_start(arguments, format);
    va_copy(again, arguments);
    length = vsnprintf(at, self->capacity - self->size + 1, format, arguments);
    if (length < 0)
        self->failed = -errno;
    else if ((size_t)length > self->capacity - self->size &&
             (at = mwd_buffer_reserve(self, (size_t)length)))
        vsnprintf(at, (size_t)length + 1, format, again);
    if (!self->failed)
        mwd_buffer_commit(self, (size_t)length);
    va_end(again);
    va_end(arguments);
}
