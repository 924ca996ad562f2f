/* numbers: what a heap tells about itself. All sizes are bytes.
 *
 * used <= total and total + pooled <= limit, always. `total` is the sum of the spaces' sizes.
 */
#ifndef MW_HEAP_NUMBERS_H
#define MW_HEAP_NUMBERS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mw_heap;

enum mw_heap_collector {
    MW_GC_SCAVENGE,
    MW_GC_MARK_SWEEP,
    MW_GC_MARK_COMPACT,
    MW_GC_COLLECTORS,
};

/* One collection, as it is told to the callback and written into the trace. */
struct mw_heap_collection {
    enum mw_heap_collector collector;
    const char *reason;
    uint64_t at_ns;        /* since the heap was created */
    uint64_t pause_ns;     /* by the clock */
    uint64_t pause_cpu_ns; /* CPU time of the thread: free of what others on the machine take */
    uint64_t callback_ns;  /* release callbacks of external bytes */
    size_t used_before, total_before;
    size_t used_after, total_after;
    size_t promoted; /* bytes that became old */
    size_t survived; /* bytes that stayed young */
    bool marking;    /* it was marked in slices before: so many, in thread CPU time */
    uint64_t steps, steps_ns, step_max_ns;
    uint64_t marking_ns; /* since they began */
    double mutator_average,
        mutator_current; /* share of the time that was the program's own, 0 to 1 */
};

/* Collections and slices of marking: pauses of at most 2^i * 16 us in thread CPU time, the last one
 * all that took longer. */
enum { MW_PAUSE_BUCKETS = 16 };

struct mw_heap_numbers {
    size_t total, used, limit;
    size_t external;             /* owned by objects, outside the heap */
    size_t limit_min, limit_max; /* what mw_heap_set_limit() takes */
    size_t malloced; /* the collector's own records, and of its tables those of identities only */
    size_t pooled;   /* pages kept ready, and mappings of large objects that are gone */
    size_t handles, globals;
    uint64_t collections[MW_GC_COLLECTORS];
    uint64_t in_slices; /* of the full ones, those that were marked in slices */
    uint64_t slices;    /* of marking, all told */
    uint64_t pauses[MW_PAUSE_BUCKETS];
    uint64_t pause_max_ns, pause_total_ns; /* thread CPU time */
    uint64_t promoted;
    uint64_t allocated_old;  /* bytes born old */
    uint64_t pretenured;     /* of those, born old by decision of the heap */
    size_t pretenured_types; /* whose objects are, at present */
};

enum mw_heap_space_id { MW_SPACE_NEW, MW_SPACE_OLD, MW_SPACE_LARGE, MW_SPACES };

struct mw_heap_space {
    const char *name;  /* new_space; old_space; large_object_space, young ones included */
    size_t size, used; /* new_space: both halves, and what one of them holds */
    size_t available;  /* without growing */
    size_t physical;   /* of `size`, what is in memory now */
};

/* How long objects of a type live, from a sample of the scavenges. */
struct mw_heap_survival {
    const char *name;
    uint64_t born, survived; /* objects seen, and those that outlived the first scavenge */
    bool pretenured;         /* they are born old now, by decision of the heap */
};

void mw_heap_get_numbers(const struct mw_heap *self, struct mw_heap_numbers *ret);
/* Asks the kernel about every page: for people, not for each sample. */
void mw_heap_get_spaces(const struct mw_heap *self, struct mw_heap_space ret[MW_SPACES]);
/* Of `total`, what is in memory now; asks the kernel, too. */
size_t mw_heap_get_physical(const struct mw_heap *self);
/* Fills in at most `capacity` rows and returns how many types there are. */
size_t mw_heap_get_survival(const struct mw_heap *self, struct mw_heap_survival *ret,
                            size_t capacity);

enum mw_heap_trace_form {
    MW_TRACE_TEXT,  /* the line of Node 20's --trace-gc */
    MW_TRACE_PAIRS, /* name=value, for programs */
};

enum { MW_TRACE_LINES = 32, MW_TRACE_LINE_MAX = 400 };

/* One line, without a line feed. Returns its length, less than MW_TRACE_LINE_MAX. */
size_t mw_heap_format_trace(const struct mw_heap *self, const struct mw_heap_collection *of,
                            enum mw_heap_trace_form form, char ret[MW_TRACE_LINE_MAX]);
/* The last collections, oldest first. Returns how many, at most MW_TRACE_LINES. */
size_t mw_heap_get_trace(const struct mw_heap *self, struct mw_heap_collection ret[MW_TRACE_LINES]);

#ifdef __cplusplus
}
#endif
#endif
