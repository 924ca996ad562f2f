/* fixture: a small heap with three types, what it was blamed for, and what its callbacks were
 * asked. */
#ifndef MW_TEST_HEAP_FIXTURE_H
#define MW_TEST_HEAP_FIXTURE_H
#include "heap/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define MIB ((size_t)1 << 20)

struct fixture {
    struct mw_heap *heap;
    const struct mw_heap_type *node, *refs, *bytes;
    struct mw_heap_misuse misuse; /* the last one */
    unsigned misuses;
    unsigned near_limit_calls;
    size_t raise_to;
    struct mw_global *dropped; /* what the near-limit callback lets go */
    size_t spend;              /* bytes of an old array that it makes; 0: none */
    bool spent;                /* and whether it got it */
};

/* Halves of 256 KiB, and the fixture's callbacks. */
struct mw_heap_config config_of(struct fixture *self, unsigned modes, size_t limit);
void add_types(struct fixture *self);
/* The test's heap: teardown() destroys it when all scopes of the test are closed. */
struct fixture *create(void **state, unsigned modes, size_t limit);
/* Fails with `when` and the verifier's words, if it finds something. */
void expect_sound(struct mw_heap *heap, const char *when);
/* Verifies, too. */
void destroy(struct fixture *self);
int teardown(void **state);
/* With what must hold of them at any time. */
struct mw_heap_numbers numbers_of(const struct fixture *self);
/* A list of nodes, all alive, until there is no room for one more. Returns how many; they are
 * garbage then. */
size_t fill_with_nodes(struct fixture *self);
/* Puts so many young bytes into an array. Returns whether they were given. */
bool fill_one(struct fixture *self, struct mw_ref array, size_t at, size_t bytes);
/* Fills an array with such, until nothing more is given. Returns how many were. */
size_t fill_array(struct fixture *self, struct mw_ref array, size_t bytes);
/* Puts a new node into an array. */
void set_node(struct fixture *self, struct mw_ref all, size_t index);
/* An old array of so many nodes. */
struct mw_ref array_of_nodes(struct fixture *self, size_t count);
#endif
