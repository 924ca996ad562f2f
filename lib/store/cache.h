/* cache: objects by key, bounded by entries and by bytes. What goes first is the policy's matter:
 *
 *     FIFO  the first one in. Setting a key that is there leaves it in its place.
 *     LRU   the one that was not used for longest. Setting and getting are uses.
 *
 * Setting a key that is there never evicts for the count's sake; a new key at the limit evicts
 * first. The bound of bytes holds in both cases.
 *
 * Keys are bytes, copied into the heap. The hash is keyed: strangers may choose keys.
 */
#ifndef MW_STORE_CACHE_H
#define MW_STORE_CACHE_H
#include "heap/heap.h"
#include "store/row.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mw_store;
struct mw_cache;

enum mw_cache_policy { MW_CACHE_FIFO, MW_CACHE_LRU };

enum { MW_CACHE_KEY_MAX = 64 * 1024 };

struct mw_cache_config {
    enum mw_cache_policy policy;
    size_t entries; /* 1 to 2^28 */
    size_t bytes;   /* keys, and what mw_cache_set() is told of values; at least 1 */
};

/* Owner    the caller. Errors   -EINVAL a bound that makes no sense, -ENOMEM. */
int mw_cache_create(struct mw_store *store, const struct mw_cache_config *config,
                    struct mw_cache **ret);
/* Lets go of every entry, as mw_cache_clear() does. */
struct mw_cache *mw_cache_destroy(struct mw_cache *self);

enum mw_cache_why {
    MW_CACHE_EVICTED,  /* for a bound, or by mw_cache_drop() */
    MW_CACHE_REPLACED, /* another object was set under its key */
    MW_CACHE_REMOVED,
    MW_CACHE_CLEARED, /* or destroyed */
};

/* Called once for each value that leaves, at once: what a value owns outside the heap need not wait
 * for the collection that finds it dead. The entry is gone by then. `value` is good during the
 * call, which may neither call the cache nor allocate on its heap. Setting the same object again
 * under its key is no leaving. NULL: nobody is told, as at the beginning. */
void mw_cache_on_evicted(struct mw_cache *self,
                         void (*evicted)(void *context, struct mw_ref value, enum mw_cache_why why),
                         void *context);

/* `bytes` is what the value counts for, beside its key.
 * Errors   -EINVAL no value, or a key that is too long; -EFBIG larger than the whole bound;
 * -ENOMEM. The cache is then as it was. */
int mw_cache_set(struct mw_cache *self, const void *key, size_t key_size, struct mw_ref value,
                 size_t bytes);
/* None when the key is not there. Counts as a hit or a miss. */
struct mw_ref mw_cache_get(struct mw_cache *self, const void *key, size_t key_size);
/* As get, but neither a use nor counted. */
struct mw_ref mw_cache_peek(const struct mw_cache *self, const void *key, size_t key_size);
/* Whether it was there. Not an eviction. */
bool mw_cache_remove(struct mw_cache *self, const void *key, size_t key_size);
/* Evicts the next one, for instance in the near-limit callback. False when the cache is empty. */
bool mw_cache_drop(struct mw_cache *self);
void mw_cache_clear(struct mw_cache *self);
/* New bounds; evicts until they hold. Errors   -EINVAL. */
int mw_cache_set_limits(struct mw_cache *self, size_t entries, size_t bytes);

struct mw_cache_numbers {
    size_t entries, limit;
    size_t bytes, bytes_limit;
    uint64_t hits, misses, evictions; /* totals */
    size_t heap_bytes;                /* the cache's own arrays and keys, without the values */
};

void mw_cache_get_numbers(const struct mw_cache *self, struct mw_cache_numbers *ret);
void mw_cache_get_row(const struct mw_cache *self, struct mw_store_row *ret);

#ifdef __cplusplus
}
#endif
#endif
