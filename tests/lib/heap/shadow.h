/* shadow: a stream of bytes as a program, carried out on a managed heap and on a model of it at
 * once.
 *
 * Every operation is a byte, its arguments are the bytes after it, and every stream is a good
 * program: so chance, a fuzzer and a file on stdin all speak the one language. After each
 * collection that the stream asks for, both graphs are compared edge by edge from the roots,
 * contents too; so are weak references and what was released outside. What the stream does depends
 * on its bytes alone, so every mode must come to the same checksum, which is taken from what stands
 * in the heap.
 *
 * Any difference is told on stderr and ends the program: there is nothing to go on with.
 */
#ifndef MW_TEST_SHADOW_H
#define MW_TEST_SHADOW_H
#include "heap/heap.h"

struct shadow_run {
    const uint8_t *stream;
    size_t size;
    size_t limit, semi_space;
    unsigned modes;
    /* Allocations may find the limit reached, and calls for memory fail when the stream says so.
     * The checksum then depends on the mode. */
    bool may_fail;
    size_t semi_space_max; /* 0: halves do not grow */
    uint64_t scavenge_us;  /* 0: any time */
};

uint64_t shadow_run(const struct shadow_run *run, struct mw_heap_numbers *ret);

/* A stream made of a seed. */
void shadow_make_stream(uint64_t seed, uint8_t *ret, size_t size);

/* Modes under which each stream must come to the same checksum; the first one has none. */
struct shadow_mode {
    const char *name;
    unsigned modes;
};
extern const struct shadow_mode shadow_modes[];
extern const size_t shadow_mode_count;
#endif
