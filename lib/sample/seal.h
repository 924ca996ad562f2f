/* seal: makes a sample out of the newest block of each source.
 *
 * A sample refers to blocks and adds what follows from them: rates since the sample before,
 * ratios, and the mark of staleness on sources that are late. It is immutable.
 *
 * Threads  one owner (the loop).
 */
#ifndef MW_SAMPLE_SEAL_H
#define MW_SAMPLE_SEAL_H
#include "sample/block.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mw_sealer;
struct mw_sample;

/* Owner    the caller; hand *ret to mw_sealer_destroy(). Errors -ENOMEM. */
int mw_sealer_create(struct mw_sealer **ret);
struct mw_sealer *mw_sealer_destroy(struct mw_sealer *self);

/* A source whose newest block was offered longer ago than this, at the time of sealing, is stale.
 */
void mw_sealer_set_stale_after(struct mw_sealer *self, uint64_t ns);

/* Takes its own reference; the block becomes its source's newest. `now_ns` is when it arrived on
 * this thread's monotonic clock (a replayed block's own times are those of its recording). */
void mw_sealer_offer(struct mw_sealer *self, struct mw_block *block, uint64_t now_ns);

/* Seals the sample of a beat at `now_ns`. Its time is that of the newest block of the system
 * source; after an urgent sample it is not earlier than that one's.
 * Owner    the caller; drop *ret with mw_sample_unref().
 * Errors   -ENODATA no system block was ever offered, -ENOMEM. */
int mw_sealer_seal(struct mw_sealer *self, uint64_t now_ns, struct mw_sample **ret);

/* Seals between two beats what was offered since the last sample; all other sources keep their
 * newest blocks. Its time is that of the newest of those offered. Rates stay those of the last
 * beat, and its absences are not counted: they were, or will be, with a beat.
 * Owner, errors  as above. */
int mw_sealer_seal_urgent(struct mw_sealer *self, uint64_t now_ns, struct mw_sample **ret);

/* Readings absent by reason, over the samples of all beats so far: totals[MW_ABSENCE_COUNT]. Those
 * of a stale source all count as stale. */
const uint64_t *mw_sealer_absences(const struct mw_sealer *self);

struct mw_sample *mw_sample_ref(struct mw_sample *self);
struct mw_sample *mw_sample_unref(struct mw_sample *self); /* takes NULL, returns NULL */

uint64_t mw_sample_seq(const struct mw_sample *self); /* 1, 2, 3 ... */
int64_t mw_sample_time_ms(const struct mw_sample *self);
uint64_t mw_sample_time_ns(const struct mw_sample *self); /* the same, monotonic */
bool mw_sample_urgent(const struct mw_sample *self);      /* sealed between two beats */

/* Whether this source's block was offered after the sample before was sealed; a computed source is
 * as fresh as what it is computed from. What is not fresh is only repeated. */
bool mw_sample_fresh(const struct mw_sample *self, enum mw_source source);

/* Whether this source gave no block, or none lately. */
bool mw_sample_stale(const struct mw_sample *self, enum mw_source source);

/* NULL when that source has given none yet. */
const struct mw_block *mw_sample_block(const struct mw_sample *self, enum mw_source source);

/* Any reading but those of MW_SOURCE_SUBJECT; row 0 for kinds with one subject.
 * Returns  MW_PRESENT and the value in *ret, or why it is absent (*ret is untouched). */
enum mw_absence mw_sample_get(const struct mw_sample *self, enum mw_reading reading, uint32_t row,
                              union mw_value *ret);

#ifdef __cplusplus
}
#endif
#endif
