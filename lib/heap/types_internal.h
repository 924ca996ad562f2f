/* types: what the heap knows of each type beside what its users said, and how long its objects
 * live.
 */
#ifndef MW_HEAP_TYPES_INTERNAL_H
#define MW_HEAP_TYPES_INTERNAL_H
#include "heap/heap.h"
#include "heap/object_internal.h"

struct mw_lifetime {
    uint64_t sample;                  /* the last one that such an object was in */
    uint32_t samples, born, survived; /* since the last full collection that judged */
    uint32_t cycles;                  /* between those, good ones in a row */
    uint32_t witnesses, alive;
    uint32_t doubts;  /* full collections in a row that found few of them alive */
    uint32_t strikes; /* how often objects were born old for nothing */
    bool review;      /* born young again until the next full collection, or until samples decide */
};

enum { MW_WITNESSES_MAX = 256 };

struct mw_witnesses {
    uintptr_t at[MW_WITNESSES_MAX];
    uint32_t count, thinned;
    uint64_t objects, skipped; /* born old; a mask: those that are nothing to look at */
};

struct mw_type_entry {
    struct mw_heap_type type; /* first: what users hold */
    enum mw_heap_kind kind;
    uint32_t words;
    char **field_names;
    uint32_t *field_words;
    uint32_t field_count;
    bool text;
    uint32_t string;         /* among the names of all types and fields, this one's comes first */
    uint64_t born, survived; /* in the sampled scavenges */
    struct mw_lifetime lifetime;
    bool pretenured; /* born old by decision of the heap */
    uint8_t lane;    /* where, an enum mw_lane_name */
};

struct mw_types {
    struct mw_shape *shapes;
    struct mw_type_entry **entries;
    uint32_t count, capacity;
    uint32_t strings; /* names of types and fields */
    uint32_t reviews; /* types under review */
};

/* Users hold types as constants; to the heap they are not. */
MW_ALWAYS_INLINE struct mw_type_entry *mw_type_entry(const struct mw_heap_type *type)
{
    return (struct mw_type_entry *)(uintptr_t)type;
}
MW_ALWAYS_INLINE bool mw_type_is_record(const struct mw_type_entry *entry)
{
    return entry->kind == MW_KIND_FIXED || entry->kind == MW_KIND_CUSTOM;
}
#endif
