/* A heap with a store on it, in each of the heap's modes; what all tests of containers share. */
#ifndef MW_TEST_STORE_SUPPORT_H
#define MW_TEST_STORE_SUPPORT_H
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MIB ((size_t)1 << 20)

struct bench {
    struct mw_heap *heap;
    struct mw_store *store;
    const struct mw_heap_type *number; /* FIXED, one word */
    void (*near_limit)(void *context);
    void *context;
    unsigned near_limit_calls;
    uint64_t random;
};

/* Misuse fails the test. */
void bench_init(struct bench *self, unsigned modes, size_t limit);
/* Verifies the heap first. */
void bench_deinit(struct bench *self);
uint64_t bench_random(struct bench *self, uint64_t below);
/* An object that holds a number, and the number. */
struct mw_ref bench_box(struct bench *self, uint64_t number);
uint64_t bench_unbox(struct bench *self, struct mw_ref box);
void bench_verify(struct bench *self);
/* Fills the heap until it has no room for an object of this many bytes. What fills it is dropped by
 * bench_relieve(). */
void bench_exhaust(struct bench *self, size_t bytes, struct mw_global **ret);
void bench_relieve(struct bench *self, struct mw_global *filling);

/* Runs a test in each mode, with how much it should do there. */
void bench_all_modes(void (*test)(struct bench *self, unsigned scale));
#endif
