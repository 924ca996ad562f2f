/* shadow: one stream of operations, carried out on a managed heap and on a model of it at once.
 *
 * The model is plain memory that is never freed or moved. After each collection that the stream
 * asks for, both graphs are compared edge by edge from the roots, contents too, and so are weak
 * references. What the stream does depends on its seed alone, so every mode must come to the same
 * checksum.
 */
#ifndef MW_TEST_SHADOW_H
#define MW_TEST_SHADOW_H
#include "heap/heap.h"

struct shadow_run {
    uint64_t seed;
    unsigned operations;
    size_t limit, semi_space;
    unsigned modes;
    bool may_fail; /* allocations may find the limit reached */
};

/* Returns a checksum over all comparisons. Fails the cmocka test on any difference. */
uint64_t shadow_run(const struct shadow_run *run, struct mw_heap_numbers *ret);
#endif
