/* The classes, and what containers do alike. */
#ifndef MW_STORE_INTERNAL_H
#define MW_STORE_INTERNAL_H
#include "store/store.h"

enum mw_store_class {
    MW_CLASS_RING,
    MW_CLASS_RING_CHUNKS,
    MW_CLASS_RING_NEWEST,
    MW_CLASS_RING_CHUNK,
    MW_CLASS_CACHE,
    MW_CLASS_CACHE_ITEMS,
    MW_CLASS_CACHE_TABLE,
    MW_CLASS_CACHE_KEY,
    MW_CLASS_QUEUE,
    MW_CLASS_QUEUE_ITEMS,
    MW_CLASS_QUEUE_TIMES,
    MW_CLASS_TEXT,
    MW_CLASSES,
};

struct mw_store {
    struct mw_heap *heap;
    const struct mw_heap_type *types[MW_CLASSES];
    unsigned char *scratch; /* where chunks are built before their size is known */
    size_t scratch_size;
};

/* The scratch memory, at least `size` bytes of it, with what it held. NULL without memory. */
unsigned char *mw_store_scratch(struct mw_store *self, size_t size);

/* What an object takes in the heap: header, payload, rounding. */
size_t mw_store_object_size(size_t payload);

/* Why the heap's last allocation failed, never 0. */
int mw_store_error(const struct mw_store *self);

/* An array in the old space: containers live long. */
struct mw_ref mw_store_new_array(struct mw_store *self, enum mw_store_class class, size_t count);

/* A global that holds a new object of a class with fields. */
int mw_store_new_root(struct mw_store *self, enum mw_store_class class, struct mw_global **ret);

/* ---- rows ---- */

struct mw_store_column {
    const char *key;
    enum mw_store_unit unit;
    bool total;
};

/* As many values as there are columns; negative: absent. */
void mw_store_row_fill(struct mw_store_row *self, const char *kind,
                       const struct mw_store_column *columns, const double *values, size_t count);
#endif
