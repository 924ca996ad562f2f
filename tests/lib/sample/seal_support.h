/* What tests of sealing share: a sealer, and a pool for each source that it is offered blocks of.
 */
#ifndef MW_TEST_SEAL_SUPPORT_H
#define MW_TEST_SEAL_SUPPORT_H
#include "sample/seal.h"

static const uint64_t second = 1000000000;

struct fixture {
    struct mw_sealer *sealer;
    struct mw_block_pool *pools[MW_SOURCE_COUNT];
    uint64_t seq[MW_SOURCE_COUNT];
};

/* As cmocka calls them: *state is the fixture. */
int setup(void **state);
int teardown(void **state);

/* A block of up to 4 rows of which the first has a key, the next in the source's sequence. */
struct mw_block *begin(struct fixture *self, enum mw_source source, uint64_t time_ns);
/* Into its first row. */
void put(struct mw_block *block, enum mw_reading reading, uint64_t value);
/* Finishes the block and lets go of it. */
void offer(struct fixture *self, struct mw_block *block, uint64_t now_ns);
/* The caller's reference. */
struct mw_sample *seal(struct fixture *self, uint64_t now_ns);

/* Of the first row. */
void assert_u64(const struct mw_sample *sample, enum mw_reading reading, uint64_t expected);
void assert_f64(const struct mw_sample *sample, enum mw_reading reading, double expected);
#endif
