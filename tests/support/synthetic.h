/* synthetic: a sample of made-up processes, the same each time for the same seed. For tests and
 * benchmarks of what reads samples. */
#ifndef TESTS_SUPPORT_SYNTHETIC_H
#define TESTS_SUPPORT_SYNTHETIC_H
#include "sample/sample.h"
#include "subject/subject.h"

struct synthetic_options {
    uint64_t seed;
    uint32_t processes;
    uint32_t free_every;            /* each n-th row is left free; 0 = none */
    unsigned absent_percent;        /* of all values and names, each with some reason */
    unsigned kernel_thread_percent; /* processes without what kernel threads do not have */
    bool wild;                      /* any 64 bits and any text; else what a machine would show */
    bool no_process_block;          /* the source has given nothing yet */
    unsigned heap_modes;            /* of enum mw_heap_mode, of the heap the subjects are on */
};

struct synthetic {
    struct mw_heap *heap;
    struct mw_store *store;
    struct mw_block_pool *pools[MW_SOURCE_COUNT];
    struct mw_sealer *sealer;
    struct mw_subjects *subjects;
    struct mw_sample *sample;
    uint64_t seed;
};

/* Time of the sample. */
enum { SYNTHETIC_TIME_S = 1795377600, SYNTHETIC_TIME_MS = 123 };

/* Fills in *ret or ends the program: there is no test without it. */
void synthetic_init(struct synthetic *ret, const struct synthetic_options *options);
void synthetic_deinit(struct synthetic *self);

/* A number from 0 to bound - 1. */
uint64_t synthetic_random(uint64_t *seed, uint64_t bound);

/* Seals the sample anew so late that all its sources are stale. */
void synthetic_age(struct synthetic *self);
#endif
