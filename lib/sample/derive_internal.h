/* derive: the readings of MW_SOURCE_DERIVED, computed from one system block and the one before.
 *
 * A derived value is absent for the reason its input is, and as stale where its inputs contradict
 * each other or there is nothing yet to compare with.
 */
#ifndef MW_SAMPLE_DERIVE_INTERNAL_H
#define MW_SAMPLE_DERIVE_INTERNAL_H
#include "sample/block.h"

struct mw_derived {
    union mw_value value;
    enum mw_absence absence;
};

struct mw_derivation;

/* Errors   -ENOMEM. */
int mw_derivation_create(struct mw_derivation **ret);
struct mw_derivation *mw_derivation_destroy(struct mw_derivation *self);

/* Computes all from this block, with rates since the block of the last call. It keeps copies of
 * the few values that it needs later and no reference. */
void mw_derivation_update(struct mw_derivation *self, const struct mw_block *system);

/* The same for a block between two beats: rates stay those of the last beat, and the next beat's
 * reach from beat to beat. One over a few milliseconds would be noise. */
void mw_derivation_update_urgent(struct mw_derivation *self, const struct mw_block *system);

/* By column of MW_SOURCE_DERIVED. */
const struct mw_derived *mw_derivation_values(const struct mw_derivation *self);

/* ---- derive_ledger.c ---- */

/* The rows of the ledger, into their columns of `values`. */
void mw_derive_ledger(const struct mw_block *system, struct mw_derived *values);
#endif
