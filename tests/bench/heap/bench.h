/* What the workloads of heap_bench share.
 *
 * A workload does the same on a plain allocator and on the managed heap: `ops` and `check` must be
 * equal for all, which a run compares. To add one: a file, a row in workloads.c, and, when it means
 * something elsewhere, the same in peer.js and peer.ml.
 */
#ifndef MW_HEAP_BENCH_H
#define MW_HEAP_BENCH_H
#include "heap/heap.h"

struct bench_outcome {
    uint64_t ops, check;
};

/* The managed heap as a workload sees it. */
struct bench_heap {
    struct mw_heap *heap;
    enum mw_heap_place place; /* of records that are known to live long */
};

struct bench_workload {
    const char *name;
    const char *what;
    size_t size;                                /* when the command line gives none */
    struct bench_outcome (*plain)(size_t size); /* NULL: means nothing without a managed heap */
    struct bench_outcome (*managed)(const struct bench_heap *self, size_t size);
    uint64_t scavenge_us; /* what it asks of scavenges; 0: as is usual */
};

extern const struct bench_workload bench_bintrees, bench_gcbench, bench_ring, bench_ringc,
    bench_lru, bench_pauses, bench_compact, bench_snapshot;

/* NULL: no such workload. */
const struct bench_workload *bench_find_workload(const char *name);
void bench_list_workloads(void);

/* CPU time counts from here: what the workload did before was preparation. */
void bench_begin(void);

/* ---- pauses (of collectors; the workload is in pauses.c) ---- */

/* One pause of a collector, in CPU time. */
void bench_note_pause(uint64_t ns);
void bench_forget_pauses(void);
uint64_t bench_longest_pause(void);
/* So long or less took 99 of a hundred pauses; 0 when there were none. */
uint64_t bench_p99_pause(void);
/* A part of one, told apart: a slice of marking. Counts for the longest only. */
void bench_note_slice(uint64_t ns);

/* ---- help ---- */

void bench_fail(const char *what) __attribute__((noreturn));
/* A fixed type: `words` of payload, the first `references` of them references. */
const struct mw_heap_type *bench_type(struct mw_heap *heap, const char *name, uint32_t words,
                                      uint32_t references);
const struct mw_heap_type *bench_array_type(struct mw_heap *heap, const char *name,
                                            enum mw_heap_kind kind);

static inline struct mw_ref bench_need(struct mw_ref ref)
{
    if (mw_ref_is_none(ref))
        bench_fail("the heap gave no object");
    return ref;
}

/* The same numbers for everybody (xorshift). */
static inline uint64_t bench_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#define BENCH_SEED UINT64_C(0x9e3779b97f4a7c15)

#endif
