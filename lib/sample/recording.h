/* recording: blocks as a stream of bytes that another build can read, on another machine, later.
 *
 * Shape    a file header, then frames; one frame is one block. Writer and reader turn the one into
 *          the other; they open no file. The layout is told on top of recording_internal.h.
 * Other builds  columns are found by reading id. A reading that this build does not know is
 *          dropped; one that the file lacks is absent as unsupported.
 * Cut off  a stream may end anywhere: all whole frames before that are good.
 * Threads  an object belongs to one thread at a time.
 */
#ifndef MW_SAMPLE_RECORDING_H
#define MW_SAMPLE_RECORDING_H
#include "sample/block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MW_RECORDING_HEADER_MAX = 1 << 20, /* bytes of a file header */
    MW_RECORDING_FRAME_MAX = 1 << 24,  /* bytes of a frame */
    MW_RECORDING_KEY_EVERY = 60,       /* each 60th frame of a source stands for itself */
    MW_RECORDING_ERROR_MAX = 200
};

struct mw_recording_bytes {
    const void *bytes;
    size_t size;
};

/* ---- writing ---- */

struct mw_recording_writer;

/* `page_size` goes into the header, where readings that count pages can be scaled by it.
 * Owner    the caller; hand *ret to mw_recording_writer_destroy(). Errors -ENOMEM. */
int mw_recording_writer_create(uint32_t page_size, struct mw_recording_writer **ret);
struct mw_recording_writer *mw_recording_writer_destroy(struct mw_recording_writer *self);

/* What a file begins with. *ret is valid until the next call on the writer. Errors -ENOMEM. */
int mw_recording_write_header(struct mw_recording_writer *self, struct mw_recording_bytes *ret);

/* One block as a frame; `begins_beat` when it is the first of the blocks that were read together.
 * A reference to the block is kept until the next one of its source, which is written as what has
 * changed. So frames must go to the file in order and without a gap: after one that was lost, write
 * no more. *ret is valid until the next call on the writer.
 * Errors   -ENOMEM, -E2BIG over MW_RECORDING_FRAME_MAX, -EINVAL a source that gives no blocks; the
 *          writer is then as before. */
int mw_recording_write_frame(struct mw_recording_writer *self, struct mw_block *block,
                             bool begins_beat, struct mw_recording_bytes *ret);

/* ---- reading ---- */

enum { MW_RECORDING_MORE = 1 }; /* positive: fewer bytes were given than the next item has */

struct mw_recording_reader;

/* What one call took from the front of its bytes. */
struct mw_recording_frame {
    size_t size;            /* bytes taken; with MW_RECORDING_MORE: bytes needed */
    struct mw_block *block; /* one reference, the caller's; NULL: of a source unknown here */
    bool begins_beat;       /* so marked, or of a source that the beat already has */
};

/* Owner    the caller; hand *ret to mw_recording_reader_destroy(), which leaves blocks that are
 *          still referred to alone. Errors -ENOMEM. */
int mw_recording_reader_create(struct mw_recording_reader **ret);
struct mw_recording_reader *mw_recording_reader_destroy(struct mw_recording_reader *self);

/* `bytes` is the stream from where the last call left off. The header comes first and once.
 * Returns  0, or MW_RECORDING_MORE and how many bytes are needed: nothing was taken.
 * Errors   -EBADMSG: not a recording, or a damaged one; mw_recording_reader_error() says what was
 *          expected at which byte, and nothing more can be read. -ENOMEM. */
int mw_recording_read_header(struct mw_recording_reader *self, const void *bytes, size_t size,
                             size_t *ret_size);

/* As above; and -EBUSY: readers hold all blocks of that source. Then nothing was taken, but
 * ret->begins_beat is told. */
int mw_recording_read_frame(struct mw_recording_reader *self, const void *bytes, size_t size,
                            struct mw_recording_frame *ret);

/* "byte 812: expected a row below 40, found 97"; lives with the reader. */
const char *mw_recording_reader_error(const struct mw_recording_reader *self);

/* From the header: who wrote it ("0.1.0"), and its page size. */
const char *mw_recording_reader_build(const struct mw_recording_reader *self);
uint32_t mw_recording_reader_page_size(const struct mw_recording_reader *self);

/* Bytes taken so far: where in the stream the next item begins. */
uint64_t mw_recording_reader_offset(const struct mw_recording_reader *self);

#ifdef __cplusplus
}
#endif
#endif
