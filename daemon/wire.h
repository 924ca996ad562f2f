/* wire: the records that memwatchd and memwatchd-deliver send each other. A leaf.
 *
 * A record is its length as 32 bits, the length itself not counted, and its fields: numbers in the
 * machine's own order (both ends are one machine), texts as length, bytes and a NUL. A request says
 * all that there is to know for one exchange, so the child keeps no state that could be lost.
 *
 * Bounds   MWD_WIRE_MAX a record.
 */
#ifndef MWD_WIRE_H
#define MWD_WIRE_H
#include "daemon/buffer.h"

#include <stdbool.h>

enum { MWD_WIRE_MAX = 4 << 20, MWD_WIRE_ARGUMENTS_MAX = 16, MWD_WIRE_WHY_MAX = 1024 };

enum mwd_wire_kind {
    MWD_WIRE_POST, /* the body to `url` */
    MWD_WIRE_RUN,  /* the body to a program's stdin */
};

struct mwd_wire_request {
    uint64_t exchange; /* its number, for the answer */
    enum mwd_wire_kind kind;
    uint32_t timeout_ms;
    const char *sink, *url, *token_file, *ca_file;     /* "" = none */
    const char *id, *status;                           /* "" = more than one message */
    const char *arguments[MWD_WIRE_ARGUMENTS_MAX + 1]; /* NULL behind the last */
    uint32_t argument_count;
    const char *body;
    size_t body_size;
};

enum mwd_wire_outcome {
    MWD_WIRE_DONE,
    MWD_WIRE_AGAIN,   /* may go better later */
    MWD_WIRE_REFUSED, /* for good */
};

struct mwd_wire_answer {
    uint64_t exchange;
    enum mwd_wire_outcome outcome;
    uint32_t status;         /* of HTTP, or a program's exit code; 0 = there was none */
    uint64_t retry_after_ms; /* the other side wants as much; 0 = it said nothing */
    const char *why;         /* what went wrong; of a program also what it printed */
};

void mwd_wire_put_request(struct mwd_buffer *out, const struct mwd_wire_request *request);
/* A `why` over MWD_WIRE_WHY_MAX bytes is cut. */
void mwd_wire_put_answer(struct mwd_buffer *out, const struct mwd_wire_answer *answer);

/* Looks for a record at the front of what has been read. Returns its size with its length, 0 when
 * more must be read first. Errors   -EBADMSG longer than any record is. */
long mwd_wire_frame(const char *bytes, size_t size);

/* Of one whole record, as mwd_wire_frame() has found it. Texts point into it.
 * Errors   -EBADMSG. */
int mwd_wire_get_request(const char *bytes, size_t size, struct mwd_wire_request *ret);
int mwd_wire_get_answer(const char *bytes, size_t size, struct mwd_wire_answer *ret);
#endif
