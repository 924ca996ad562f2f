/* json: a streaming writer of JSON, for documents that are rendered often. A leaf.
 *
 * It keeps track of commas and nothing else: the caller opens and closes in order, and gives a key
 * to every member of an object. Errors are the buffer's. Cold documents and all parsing use cJSON.
 */
#ifndef MWD_JSON_H
#define MWD_JSON_H
#include "daemon/buffer.h"

#include <stdbool.h>

struct mwd_json {
    struct mwd_buffer *out;
    bool comma; /* the next member or element needs one before it */
};

void mwd_json_init(struct mwd_json *self, struct mwd_buffer *out);

void mwd_json_open_object(struct mwd_json *self);
void mwd_json_close_object(struct mwd_json *self);
void mwd_json_open_array(struct mwd_json *self);
void mwd_json_close_array(struct mwd_json *self);

/* `key` is ASCII that needs no escaping. */
void mwd_json_key(struct mwd_json *self, const char *key);

void mwd_json_u64(struct mwd_json *self, uint64_t value); /* over 2^53-1: written as 2^53-1 */
void mwd_json_i64(struct mwd_json *self, int64_t value);  /* likewise, on both sides */
void mwd_json_f64(struct mwd_json *self, double value);   /* at most 6 decimals; not finite: null */
void mwd_json_bool(struct mwd_json *self, bool value);
void mwd_json_null(struct mwd_json *self);
/* UTF-8; a byte that is not is written as U+FFFD, so that the document stays valid. */
void mwd_json_text(struct mwd_json *self, const char *bytes, size_t size);
void mwd_json_string(struct mwd_json *self, const char *text);

/* ---- the pieces, for loops that write the same keys for thousands of rows ---- */

enum { MWD_JSON_DIGITS_ROOM = 24, MWD_JSON_NUMBER_ROOM = 32 };

/* Decimal digits to `at`, which has room for MWD_JSON_DIGITS_ROOM. Returns the end. */
char *mwd_json_digits(char *at, uint64_t value);

/* What the functions above write, without a comma, to `at`; it has room for MWD_JSON_NUMBER_ROOM,
 * for a text 6 * size + 2. They return the end. */
char *mwd_json_at_u64(char *at, uint64_t value);
char *mwd_json_at_i64(char *at, int64_t value);
char *mwd_json_at_f64(char *at, double value);
char *mwd_json_at_text(char *at, const char *bytes, size_t size);
#endif
