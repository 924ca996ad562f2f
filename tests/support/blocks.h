/* blocks: a small machine that makes believable blocks, and comparing blocks cell by cell. */
#ifndef MW_SUPPORT_BLOCKS_H
#define MW_SUPPORT_BLOCKS_H
#include "sample/sample.h"

/* What gives the blocks of one source, one after the other, each different from the one before. */
struct block_maker {
    enum mw_source source;
    struct mw_block_pool *pool;
    struct mw_block *last;
    uint64_t seq;
    uint64_t random;
    uint64_t next_id;
    uint32_t changes; /* in 1000: how likely a cell, a birth, a death or an event is */
};

void block_maker_init(struct block_maker *self, enum mw_source source, uint64_t seed);
void block_maker_deinit(struct block_maker *self);

/* The first block has `rows` subjects (1 where the source has one only); later ones change some.
 * The maker keeps a reference until the next; the caller's is one more. */
struct mw_block *block_maker_next(struct block_maker *self, uint32_t rows);

/* A process block whose events take `bytes` (at least 135) bytes in a recording. */
struct mw_block *block_maker_events(struct block_maker *self, size_t bytes);

/* Fails the test where the two differ in anything that can be asked of a block. */
void assert_blocks_equal(const struct mw_block *a, const struct mw_block *b);
#endif
