/* buffer: bytes that grow, with a bound. A leaf: every part of the daemon may use it.
 *
 * Errors   sticky: after one that does not fit, `failed` holds -ENOMEM or -EFBIG and every later
 *          append is ignored. A writer appends all and looks once, at the end.
 */
#ifndef MWD_BUFFER_H
#define MWD_BUFFER_H
#include <stddef.h>
#include <stdint.h>

struct mwd_buffer {
    char *bytes;
    size_t size;
    size_t capacity;
    size_t limit; /* never grows over this */
    int failed;
};

/* Allocates nothing yet. */
void mwd_buffer_init(struct mwd_buffer *self, size_t limit);
/* Frees the bytes; may be called again, and on an object that is all zero. */
void mwd_buffer_deinit(struct mwd_buffer *self);

/* Room for `more` bytes at *ret, to be followed by mwd_buffer_commit(). NULL when it failed. */
char *mwd_buffer_reserve(struct mwd_buffer *self, size_t more);
static inline void mwd_buffer_commit(struct mwd_buffer *self, size_t written)
{
    self->size += written;
}

void mwd_buffer_append(struct mwd_buffer *self, const char *bytes, size_t size);
void mwd_buffer_puts(struct mwd_buffer *self, const char *text);
void mwd_buffer_printf(struct mwd_buffer *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#endif
