/* scan: a cursor over bytes that need not end in NUL, for parsers of kernel text.
 *
 * Every function takes what it can from the front and says whether it did; on failure the cursor
 * stays where it was. Nothing here allocates, looks past `end`, or knows a file's format.
 */
#ifndef MW_BASE_SCAN_H
#define MW_BASE_SCAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mw_scan {
    const char *at;
    const char *end;
};

static inline struct mw_scan mw_scan_over(const char *bytes, size_t size)
{
    struct mw_scan self = {bytes, bytes + size};

    return self;
}

/* Decimal digits. False when there is none or the number is over 64 bits. */
bool mw_scan_u64(struct mw_scan *self, uint64_t *ret);

/* Digits with at most one point between them, as "0.05"; false on anything else or over 15
 * digits. */
bool mw_scan_decimal(struct mw_scan *self, double *ret);

/* Exactly this literal. */
bool mw_scan_literal(struct mw_scan *self, const char *literal);

/* Spaces and tabs; none is fine too. */
void mw_scan_blanks(struct mw_scan *self);

/* Everything up to the next newline, which is taken and not part of *ret; a last line may be
 * without one. False at the end. */
bool mw_scan_line(struct mw_scan *self, struct mw_scan *ret);

/* Everything up to `stop`, which is taken and not part of *ret. False when it is not there. */
bool mw_scan_until(struct mw_scan *self, char stop, struct mw_scan *ret);

static inline bool mw_scan_done(const struct mw_scan *self)
{
    return self->at == self->end;
}

static inline size_t mw_scan_left(const struct mw_scan *self)
{
    return (size_t)(self->end - self->at);
}

#ifdef __cplusplus
}
#endif
#endif
