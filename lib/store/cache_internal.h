/* A cache's table: entries in one array of bytes, their keys and values in one of references.
 *
 *     items   2 references an entry: its key, its value
 *     table   `capacity` entries, then 2 * capacity slots of an index with open addressing; a slot
 *             holds the number of an entry plus 1, or 0
 *
 * Entries that are used are linked in the order in which they go, free ones by `next`.
 */
#ifndef MW_STORE_CACHE_INTERNAL_H
#define MW_STORE_CACHE_INTERNAL_H
#include "base/hash.h"
#include "store/cache.h"
#include "store/store_internal.h"

enum { MW_CACHE_ITEMS, MW_CACHE_TABLE }; /* fields of the root */

enum { MW_CACHE_END = 0xffffffff };

struct mw_cache_entry {
    uint64_t bytes; /* that it is charged */
    uint32_t hash;
    uint32_t key_size;
    uint32_t previous, next;
};

struct mw_cache {
    struct mw_store *store;
    struct mw_heap *heap;
    struct mw_global *root;
    enum mw_cache_policy policy;
    struct mw_hash_key key;
    uint32_t capacity; /* a power of two */
    uint32_t first, last, free;
    size_t entries, limit;
    size_t bytes, bytes_limit, key_bytes;
    uint64_t hits, misses, evictions;
    void (*evicted)(void *context, struct mw_ref value, enum mw_cache_why why);
    void *context;
};

/* What stands behind the root. Good inside a raw region. */
struct mw_cache_view {
    const uintptr_t *items;
    struct mw_cache_entry *entries;
    uint32_t *index;
    uint32_t mask; /* of the index */
};

struct mw_cache_view mw_cache_view_of(const struct mw_cache *self, struct mw_ref root);

uint32_t mw_cache_find(const struct mw_cache_view *view, uint32_t hash, const void *key,
                       size_t key_size);
void mw_cache_index(const struct mw_cache_view *view, uint32_t entry);
void mw_cache_unindex(const struct mw_cache_view *view, uint32_t entry);
void mw_cache_link_last(struct mw_cache *self, const struct mw_cache_view *view, uint32_t entry);
void mw_cache_unlink(struct mw_cache *self, const struct mw_cache_view *view, uint32_t entry);
/* Makes empty arrays, or larger ones with what there is. Errors   -ENOMEM: nothing has changed. */
int mw_cache_grow(struct mw_cache *self, uint32_t capacity);
size_t mw_cache_arrays_size(uint32_t capacity);
#endif
