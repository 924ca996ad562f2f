/* tape_bytes: recordings written by hand, byte by byte, from the description of the format alone;
 * so a test can stand for an older build, a newer one, or one that means harm. */
#ifndef MW_SUPPORT_TAPE_BYTES_H
#define MW_SUPPORT_TAPE_BYTES_H
#include <stddef.h>
#include <stdint.h>

struct tape_bytes {
    uint8_t *bytes;
    size_t size;
    size_t begin; /* of the header or frame that is open */
};

void tape_bytes_free(struct tape_bytes *self);

void tape_put(struct tape_bytes *self, const void *bytes, size_t size);
void tape_put_byte(struct tape_bytes *self, unsigned value);
void tape_put_varint(struct tape_bytes *self, uint64_t value);
void tape_put_text(struct tape_bytes *self, const char *text);

/* Between begin and end stands the body or the payload; end fills in sizes and checksums. */
void tape_begin_header(struct tape_bytes *self, uint32_t version);
void tape_end_header(struct tape_bytes *self);
void tape_begin_frame(struct tape_bytes *self);
void tape_end_frame(struct tape_bytes *self);

/* Makes the checksums of a frame right again after its payload was changed. */
void tape_sign_frame(uint8_t *frame, size_t payload);

uint32_t tape_crc(uint32_t before, const void *bytes, size_t size);
#endif
