/* model: what a heap's objects should be, in plain memory that is never freed or moved.
 *
 * Each object has a serial number, which its payload holds as well, a word that the program may
 * change, and its references. The shapes are one for each way in which the collector finds
 * references, and texts, which have none, but which a snapshot shows.
 */
#ifndef MW_TEST_MODEL_H
#define MW_TEST_MODEL_H
#include "heap/heap.h"

enum shape { NODE, WIDE, REFS, BYTES, STRUCTS, CUSTOM, TEXT, SHAPES };

struct model {
    enum shape shape;
    uint32_t length; /* elements or bytes of an array */
    uint64_t serial;
    uint64_t word;     /* what the program wrote last; bytes begin with it */
    uint64_t seen;     /* the comparison in which it was met */
    uintptr_t address; /* where it was met */
    uint64_t shown;    /* the comparison in which a snapshot was seen to have it */
    uint64_t node;     /* which one it is there */
    uint64_t id;       /* in all snapshots; 0: none that was read had it */
    uint32_t owned;    /* pieces of memory outside */
    struct model **edges;
};

/* Memory outside the heap that belongs to an object of it. */
struct outside {
    struct model *owner;
    unsigned released;
    bool let_go; /* the program has released it, and the owner may live on */
};

struct models {
    struct model **all;
    struct model **queue; /* of a comparison, with room for all */
    struct outside **outsides;
    size_t count, capacity, queued, outside_count, outside_capacity;
};

const struct mw_heap_type_info *model_info(enum shape shape);
int model_add_types(struct mw_heap *heap, const struct mw_heap_type *ret[SHAPES]);

/* NULL without memory. */
struct model *model_create(struct models *self, enum shape shape, uint32_t length);
struct outside *outside_create(struct models *self, struct model *owner);
void models_deinit(struct models *self);

/* How many references an object has, and at which index each is. */
uint32_t model_edges(const struct model *self);
size_t model_edge_index(const struct model *self, uint32_t edge);
/* Where the serial number and the word stand. Returns whether the object has them. */
bool model_words(const struct model *self, size_t *ret_serial, size_t *ret_word);
bool model_has_bytes(const struct model *self);
uint8_t model_byte(const struct model *self, uint32_t at);
size_t model_bytes(const struct model *self); /* as many as the object takes */
#endif
