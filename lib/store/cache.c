#include "store/cache_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_FIRST = 16, ENTRIES_MAX = 1 << 28 };

static bool are_limits(size_t entries, size_t bytes)
{
    return entries > 0 && entries <= ENTRIES_MAX && bytes > 0;
}

int mw_cache_create(struct mw_store *store, const struct mw_cache_config *config,
                    struct mw_cache **ret)
{
    struct mw_cache *self;
    int error;

    if (!are_limits(config->entries, config->bytes) || (unsigned)config->policy > MW_CACHE_LRU)
        return -EINVAL;
    self = calloc(1, sizeof(*self));
    if (self == NULL)
        return -ENOMEM;
    self->store = store;
    self->heap = store->heap;
    self->policy = config->policy;
    self->limit = config->entries;
    self->bytes_limit = config->bytes;
    self->key = mw_hash_key_make(self);
    self->first = self->last = self->free = MW_CACHE_END;
    error = mw_store_new_root(store, MW_CLASS_CACHE, &self->root);
    if (error == 0)
        error = mw_cache_grow(self, CAPACITY_FIRST);
    if (error < 0) {
        mw_cache_destroy(self);
        return error;
    }
    *ret = self;
    return 0;
}

struct mw_cache *mw_cache_destroy(struct mw_cache *self)
{
    if (self != NULL) {
        mw_cache_clear(self);
        mw_global_destroy(self->heap, self->root);
    }
    free(self);
    return NULL;
}

void mw_cache_on_evicted(struct mw_cache *self,
                         void (*evicted)(void *context, struct mw_ref value, enum mw_cache_why why),
                         void *context)
{
    self->evicted = evicted;
    self->context = context;
}

/* ---- looking ---- */

static uint32_t hash_of(const struct mw_cache *self, const void *key, size_t key_size)
{
    return (uint32_t)mw_hash(&self->key, key, key_size);
}

static struct mw_ref root_of(const struct mw_cache *self)
{
    return mw_global_get(self->heap, self->root);
}

static uint32_t find(const struct mw_cache *self, struct mw_ref root, const void *key,
                     size_t key_size)
{
    struct mw_cache_view view;
    uint32_t entry;

    mw_heap_raw_enter(self->heap);
    view = mw_cache_view_of(self, root);
    entry = mw_cache_find(&view, hash_of(self, key, key_size), key, key_size);
    mw_heap_raw_leave(self->heap);
    return entry;
}

/* A use, where uses count. */
static void touch(struct mw_cache *self, struct mw_ref root, uint32_t entry)
{
    struct mw_cache_view view;

    if (self->policy != MW_CACHE_LRU || self->last == entry)
        return;
    mw_heap_raw_enter(self->heap);
    view = mw_cache_view_of(self, root);
    mw_cache_unlink(self, &view, entry);
    mw_cache_link_last(self, &view, entry);
    mw_heap_raw_leave(self->heap);
}

static struct mw_ref value_at(const struct mw_cache *self, struct mw_ref root, uint32_t entry)
{
    struct mw_ref items = mw_heap_get(self->heap, root, MW_CACHE_ITEMS);

    return mw_heap_get(self->heap, items, 2 * (size_t)entry + 1);
}

struct mw_ref mw_cache_peek(const struct mw_cache *self, const void *key, size_t key_size)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref root = root_of(self);
    uint32_t entry = find(self, root, key, key_size);

    if (entry == MW_CACHE_END)
        return mw_ref_none();
    return mw_scope_escape(&scope, value_at(self, root, entry));
}

struct mw_ref mw_cache_get(struct mw_cache *self, const void *key, size_t key_size)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref root = root_of(self);
    uint32_t entry = find(self, root, key, key_size);

    if (entry == MW_CACHE_END) {
        self->misses++;
        return mw_ref_none();
    }
    self->hits++;
    touch(self, root, entry);
    return mw_scope_escape(&scope, value_at(self, root, entry));
}

/* ---- letting go ---- */

static void tell(struct mw_cache *self, struct mw_ref value, enum mw_cache_why why)
{
    if (self->evicted != NULL)
        self->evicted(self->context, value, why);
}

static void discard(struct mw_cache *self, uint32_t entry, enum mw_cache_why why)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref root = root_of(self);
    struct mw_ref items = mw_heap_get(self->heap, root, MW_CACHE_ITEMS);
    struct mw_ref value = mw_heap_get(self->heap, items, 2 * (size_t)entry + 1);
    struct mw_cache_view view;

    mw_heap_raw_enter(self->heap);
    view = mw_cache_view_of(self, root);
    mw_cache_unindex(&view, entry);
    mw_cache_unlink(self, &view, entry);
    self->bytes -= view.entries[entry].bytes;
    self->key_bytes -= mw_store_object_size(view.entries[entry].key_size);
    view.entries[entry].next = self->free;
    self->free = entry;
    mw_heap_raw_leave(self->heap);
    mw_heap_set(self->heap, items, 2 * (size_t)entry, mw_ref_none());
    mw_heap_set(self->heap, items, 2 * (size_t)entry + 1, mw_ref_none());
    self->entries--;
    self->evictions += why == MW_CACHE_EVICTED;
    tell(self, value, why);
}

bool mw_cache_drop(struct mw_cache *self)
{
    if (self->entries == 0)
        return false;
    discard(self, self->first, MW_CACHE_EVICTED);
    return true;
}

bool mw_cache_remove(struct mw_cache *self, const void *key, size_t key_size)
{
    MW_SCOPE(scope, self->heap);
    uint32_t entry = find(self, root_of(self), key, key_size);

    if (entry == MW_CACHE_END)
        return false;
    discard(self, entry, MW_CACHE_REMOVED);
    return true;
}

void mw_cache_clear(struct mw_cache *self)
{
    while (self->entries > 0)
        discard(self, self->first, MW_CACHE_CLEARED);
}

int mw_cache_set_limits(struct mw_cache *self, size_t entries, size_t bytes)
{
    if (!are_limits(entries, bytes))
        return -EINVAL;
    self->limit = entries;
    self->bytes_limit = bytes;
    while (self->entries > entries || self->bytes > bytes)
        mw_cache_drop(self);
    return 0;
}

/* ---- setting ---- */

/* Evicts until there is room for so many bytes more; `kept` is not evicted. */
static void make_room(struct mw_cache *self, size_t bytes, uint32_t kept)
{
    while (self->bytes_limit - self->bytes < bytes) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref root = root_of(self);
        uint32_t victim = self->first;

        if (victim == kept) {
            struct mw_cache_view view;

            mw_heap_raw_enter(self->heap);
            view = mw_cache_view_of(self, root);
            victim = view.entries[kept].next;
            mw_heap_raw_leave(self->heap);
        }
        discard(self, victim, MW_CACHE_EVICTED);
    }
}

static void charge(struct mw_cache *self, struct mw_ref root, uint32_t entry, uint64_t bytes)
{
    struct mw_cache_view view;

    mw_heap_raw_enter(self->heap);
    view = mw_cache_view_of(self, root);
    view.entries[entry].bytes = bytes;
    mw_heap_raw_leave(self->heap);
    self->bytes += bytes;
}

static void set_present(struct mw_cache *self, struct mw_ref root, uint32_t entry,
                        struct mw_ref value, size_t bytes)
{
    struct mw_ref items = mw_heap_get(self->heap, root, MW_CACHE_ITEMS);
    struct mw_ref old = value_at(self, root, entry);
    struct mw_cache_view view;

    mw_heap_raw_enter(self->heap);
    view = mw_cache_view_of(self, root);
    self->bytes -= view.entries[entry].bytes;
    view.entries[entry].bytes = 0;
    mw_heap_raw_leave(self->heap);
    make_room(self, bytes, entry);
    charge(self, root, entry, bytes);
    mw_heap_set(self->heap, items, 2 * (size_t)entry + 1, value);
    touch(self, root, entry);
    if (!mw_heap_same(self->heap, old, value))
        tell(self, old, MW_CACHE_REPLACED);
}

static void insert(struct mw_cache *self, struct mw_ref key, size_t key_size, uint32_t hash,
                   struct mw_ref value)
{
    struct mw_ref root = root_of(self);
    struct mw_ref items = mw_heap_get(self->heap, root, MW_CACHE_ITEMS);
    uint32_t entry = self->free;
    struct mw_cache_view view;

    mw_heap_set(self->heap, items, 2 * (size_t)entry, key);
    mw_heap_set(self->heap, items, 2 * (size_t)entry + 1, value);
    mw_heap_raw_enter(self->heap);
    view = mw_cache_view_of(self, root);
    self->free = view.entries[entry].next;
    view.entries[entry] = (struct mw_cache_entry){.hash = hash, .key_size = (uint32_t)key_size};
    mw_cache_index(&view, entry);
    mw_cache_link_last(self, &view, entry);
    mw_heap_raw_leave(self->heap);
    self->entries++;
    self->key_bytes += mw_store_object_size(key_size);
}

static struct mw_ref copy_key(struct mw_cache *self, const void *key, size_t key_size)
{
    struct mw_ref copy = mw_heap_new_array(self->heap, self->store->types[MW_CLASS_CACHE_KEY],
                                           key_size, MW_PLACE_YOUNG);

    if (mw_ref_is_none(copy) || key_size == 0)
        return copy;
    mw_heap_raw_enter(self->heap);
    memcpy(mw_heap_raw(self->heap, copy), key, key_size);
    mw_heap_raw_leave(self->heap);
    return copy;
}

/* All memory is asked for first: after that nothing can fail, and nothing was evicted in vain. (The
 * near-limit callback may have evicted meanwhile.) */
static int set_new(struct mw_cache *self, const void *key, size_t key_size, struct mw_ref value,
                   size_t bytes)
{
    struct mw_ref copy = copy_key(self, key, key_size);
    int error;

    if (mw_ref_is_none(copy))
        return mw_store_error(self->store);
    if (self->entries == self->capacity && self->entries < self->limit) {
        error = mw_cache_grow(self, 2 * self->capacity);
        if (error < 0)
            return error;
    }
    while (self->entries >= self->limit)
        mw_cache_drop(self);
    make_room(self, bytes, MW_CACHE_END);
    insert(self, copy, key_size, hash_of(self, key, key_size), value);
    charge(self, root_of(self), self->last, bytes);
    return 0;
}

int mw_cache_set(struct mw_cache *self, const void *key, size_t key_size, struct mw_ref value,
                 size_t bytes)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref root = root_of(self);
    uint32_t entry;

    if (mw_ref_is_none(value) || key_size > MW_CACHE_KEY_MAX)
        return -EINVAL;
    if (bytes > self->bytes_limit || key_size > self->bytes_limit - bytes)
        return -EFBIG;
    entry = find(self, root, key, key_size);
    if (entry == MW_CACHE_END)
        return set_new(self, key, key_size, value, key_size + bytes);
    set_present(self, root, entry, value, key_size + bytes);
    return 0;
}

/* ---- numbers ---- */

void mw_cache_get_numbers(const struct mw_cache *self, struct mw_cache_numbers *ret)
{
    *ret = (struct mw_cache_numbers){
        .entries = self->entries,
        .limit = self->limit,
        .bytes = self->bytes,
        .bytes_limit = self->bytes_limit,
        .hits = self->hits,
        .misses = self->misses,
        .evictions = self->evictions,
        .heap_bytes = mw_cache_arrays_size(self->capacity) + self->key_bytes,
    };
}

void mw_cache_get_row(const struct mw_cache *self, struct mw_store_row *ret)
{
    static const struct mw_store_column columns[] = {
        {"entries", MW_STORE_COUNT, false},    {"limit", MW_STORE_COUNT, false},
        {"fillRatio", MW_STORE_RATIO, false},  {"bytes", MW_STORE_BYTES, false},
        {"bytesLimit", MW_STORE_BYTES, false}, {"hits", MW_STORE_COUNT, true},
        {"misses", MW_STORE_COUNT, true},      {"evictions", MW_STORE_COUNT, true},
        {"hitRatio", MW_STORE_RATIO, false},
    };
    uint64_t lookups = self->hits + self->misses;
    const double values[] = {
        (double)self->entries,
        (double)self->limit,
        (double)self->entries / (double)self->limit,
        (double)self->bytes,
        (double)self->bytes_limit,
        (double)self->hits,
        (double)self->misses,
        (double)self->evictions,
        lookups > 0 ? (double)self->hits / (double)lookups : -1,
    };

    mw_store_row_fill(ret, "cache", columns, values, sizeof(values) / sizeof(values[0]));
}
