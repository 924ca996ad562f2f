/* The plain allocator that this program is linked with: malloc of whatever library, or bdwgc. */
#ifndef MW_HEAP_BENCH_PLAIN_H
#define MW_HEAP_BENCH_PLAIN_H
#include "bench.h"

#include <stdlib.h>

#ifdef BENCH_BDWGC
#include <gc/gc.h>

enum { PLAIN_COLLECTS = 1 }; /* nothing is freed by hand, and no walk to do so is needed */

static inline void *plain_request(size_t bytes)
{
    return GC_MALLOC(bytes);
}

static inline void *plain_request_leaf(size_t bytes)
{
    return GC_MALLOC_ATOMIC(bytes);
}
#else
enum { PLAIN_COLLECTS = 0 };

static inline void *plain_request(size_t bytes)
{
    return malloc(bytes);
}

static inline void *plain_request_leaf(size_t bytes)
{
    return malloc(bytes);
}
#endif

static inline void *plain_new(size_t bytes)
{
    void *memory = plain_request(bytes);

    if (memory == NULL)
        bench_fail("out of memory");
    return memory;
}

/* Without references. */
static inline void *plain_new_leaf(size_t bytes)
{
    void *memory = plain_request_leaf(bytes);

    if (memory == NULL)
        bench_fail("out of memory");
    return memory;
}

static inline void plain_free(void *memory)
{
    if (!PLAIN_COLLECTS)
        free(memory);
}
#endif
