#include "store/store_internal.h"

#include <errno.h>
#include <stdlib.h>

/* The roots' fields are numbered as the containers use them. */
static const struct mw_heap_field ring_fields[] = {{"chunks", 0}, {"newest", 1}};
static const struct mw_heap_field cache_fields[] = {{"items", 0}, {"table", 1}};
static const struct mw_heap_field queue_fields[] = {{"items", 0}, {"times", 1}};

static const struct mw_heap_type_info classes[MW_CLASSES] = {
    [MW_CLASS_RING] = {"HistoryRing", MW_KIND_FIXED, 2, ring_fields, 2, NULL},
    [MW_CLASS_RING_CHUNKS] = {"HistoryChunks", MW_KIND_REFS, 0, NULL, 0, NULL},
    [MW_CLASS_RING_NEWEST] = {"HistoryNewestChunks", MW_KIND_BYTES, 0, NULL, 0, NULL},
    [MW_CLASS_RING_CHUNK] = {"HistoryChunk", MW_KIND_BYTES, 0, NULL, 0, NULL},
    [MW_CLASS_CACHE] = {"Cache", MW_KIND_FIXED, 2, cache_fields, 2, NULL},
    [MW_CLASS_CACHE_ITEMS] = {"CacheItems", MW_KIND_REFS, 0, NULL, 0, NULL},
    [MW_CLASS_CACHE_TABLE] = {"CacheTable", MW_KIND_BYTES, 0, NULL, 0, NULL},
    [MW_CLASS_CACHE_KEY] = {"CacheKey", MW_KIND_BYTES, 0, NULL, 0, NULL},
    [MW_CLASS_QUEUE] = {"Queue", MW_KIND_FIXED, 2, queue_fields, 2, NULL},
    [MW_CLASS_QUEUE_ITEMS] = {"QueueItems", MW_KIND_REFS, 0, NULL, 0, NULL},
    [MW_CLASS_QUEUE_TIMES] = {"QueueTimes", MW_KIND_BYTES, 0, NULL, 0, NULL},
    [MW_CLASS_TEXT] = {"Text", MW_KIND_TEXT, 0, NULL, 0, NULL},
};

int mw_store_create(struct mw_heap *heap, struct mw_store **ret)
{
    struct mw_store *self = calloc(1, sizeof(*self));
    int error = self != NULL ? 0 : -ENOMEM;

    if (self != NULL)
        self->heap = heap;
    for (size_t i = 0; error == 0 && i < MW_CLASSES; i++)
        error = mw_heap_add_type(heap, &classes[i], &self->types[i]);
    if (error < 0) {
        mw_store_destroy(self);
        return error;
    }
    *ret = self;
    return 0;
}

struct mw_store *mw_store_destroy(struct mw_store *self)
{
    if (self != NULL)
        free(self->scratch);
    free(self);
    return NULL;
}

struct mw_heap *mw_store_heap(const struct mw_store *self)
{
    return self->heap;
}

unsigned char *mw_store_scratch(struct mw_store *self, size_t size)
{
    unsigned char *scratch;
    size_t wanted = self->scratch_size < 4096 ? 4096 : self->scratch_size;

    if (size <= self->scratch_size)
        return self->scratch;
    while (wanted < size)
        wanted *= 2;
    scratch = realloc(self->scratch, wanted);
    if (scratch == NULL)
        return NULL;
    self->scratch = scratch;
    self->scratch_size = wanted;
    return scratch;
}

size_t mw_store_object_size(size_t payload)
{
    size_t words = (payload + 7) / 8;

    return 8 + 8 * (words > 0 ? words : 1);
}

int mw_store_error(const struct mw_store *self)
{
    int error = mw_heap_error(self->heap);

    return error < 0 ? error : -ENOMEM;
}

struct mw_ref mw_store_new_array(struct mw_store *self, enum mw_store_class class, size_t count)
{
    return mw_heap_new_array(self->heap, self->types[class], count, MW_PLACE_OLD);
}

int mw_store_new_root(struct mw_store *self, enum mw_store_class class, struct mw_global **ret)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref root = mw_heap_new_in(self->heap, self->types[class], MW_PLACE_OLD);

    if (mw_ref_is_none(root))
        return mw_store_error(self);
    return mw_global_create(self->heap, root, false, ret);
}
