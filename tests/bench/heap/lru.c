/* lru: a cache of 100,000 entries with text keys and values of 64 to 319 bytes; keys are drawn from
 * 150,000, so two of three are found. */
#include "plain.h"

#include <stdio.h>
#include <string.h>

enum { ENTRIES = 100000, BUCKETS = 1 << 17, KEYS = 150000, KEY_MAX = 40, VALUE_LEAST = 64 };

/* A key as a lookup needs it. */
struct key {
    char text[KEY_MAX];
    size_t size; /* with its end */
    uint64_t hash;
    uint64_t id;
};

static struct key draw_key(uint64_t *random)
{
    struct key key = {.id = bench_random(random) % KEYS, .hash = UINT64_C(0xcbf29ce484222325)};

    key.size =
        1 + (size_t)snprintf(key.text, KEY_MAX, "proc/%llu/status", (unsigned long long)key.id);
    for (const char *at = key.text; *at != '\0'; at++)
        key.hash = (key.hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    key.hash ^= key.hash >> 29;
    return key;
}

static size_t value_size(const struct key *key)
{
    return VALUE_LEAST + key->id % 256;
}

static void write_value(void *value, const struct key *key)
{
    memset(value, (int)(key->id % 128), value_size(key));
}

/* ---- malloc ---- */

struct entry {
    struct entry *chain, *newer, *older;
    uint64_t hash;
    char *key;
    uint8_t *value;
    size_t size;
};

struct cache {
    struct entry **table;
    struct entry *ends; /* its `older` is the newest, its `newer` the oldest */
    size_t count;
};

static struct entry *plain_find(const struct cache *self, const struct key *key)
{
    struct entry *entry = self->table[key->hash % BUCKETS];

    while (entry != NULL && (entry->hash != key->hash || strcmp(entry->key, key->text) != 0))
        entry = entry->chain;
    return entry;
}

static void plain_unlink(struct entry *entry)
{
    entry->newer->older = entry->older;
    entry->older->newer = entry->newer;
}

static void plain_link_newest(struct cache *self, struct entry *entry)
{
    entry->older = self->ends->older;
    entry->newer = self->ends;
    entry->older->newer = entry;
    self->ends->older = entry;
}

static void plain_destroy(struct entry *entry)
{
    plain_free(entry->key);
    plain_free(entry->value);
    plain_free(entry);
}

static void plain_evict(struct cache *self)
{
    struct entry *entry = self->ends->newer;
    struct entry **at = &self->table[entry->hash % BUCKETS];

    while (*at != entry)
        at = &(*at)->chain;
    *at = entry->chain;
    plain_unlink(entry);
    plain_destroy(entry);
    self->count--;
}

static struct entry *plain_add(struct cache *self, const struct key *key)
{
    struct entry *entry;

    if (self->count == ENTRIES)
        plain_evict(self);
    entry = plain_new(sizeof(*entry));
    *entry = (struct entry){.hash = key->hash, .size = value_size(key)};
    entry->key = plain_new_leaf(key->size);
    memcpy(entry->key, key->text, key->size);
    entry->value = plain_new_leaf(entry->size);
    write_value(entry->value, key);
    entry->chain = self->table[key->hash % BUCKETS];
    self->table[key->hash % BUCKETS] = entry;
    self->count++;
    return entry;
}

static uint64_t plain_use(struct cache *self, const struct key *key)
{
    struct entry *entry = plain_find(self, key);
    uint64_t sum = 0;

    if (entry != NULL) {
        sum = 1U + entry->value[entry->size - 1];
        plain_unlink(entry);
    } else {
        entry = plain_add(self, key);
    }
    plain_link_newest(self, entry);
    return sum;
}

static struct bench_outcome plain(size_t size)
{
    struct cache cache = {plain_new(BUCKETS * sizeof(struct entry *)),
                          plain_new(sizeof(struct entry)), 0};
    struct bench_outcome outcome = {size, 0};
    uint64_t random = BENCH_SEED;

    memset(cache.table, 0, BUCKETS * sizeof(struct entry *));
    *cache.ends = (struct entry){.newer = cache.ends, .older = cache.ends};
    for (size_t i = 0; i < size; i++) {
        struct key key = draw_key(&random);

        outcome.check += plain_use(&cache, &key);
    }
    while (cache.ends->newer != cache.ends && !PLAIN_COLLECTS)
        plain_evict(&cache);
    plain_free(cache.ends);
    plain_free(cache.table);
    return outcome;
}

/* ---- the managed heap ---- */

enum { CHAIN, NEWER, OLDER, KEY, VALUE, REFERENCES, HASH = REFERENCES, SIZE, WORDS };

struct managed {
    struct mw_heap *heap;
    const struct mw_heap_type *entry, *bytes;
    enum mw_heap_place place;
    struct mw_ref table, ends;
    size_t count;
};

static bool has_key(struct mw_heap *heap, struct mw_ref entry, const struct key *key)
{
    bool same;

    if (mw_heap_get_word(heap, entry, HASH) != key->hash)
        return false;
    mw_heap_raw_enter(heap);
    same = strcmp(mw_heap_raw(heap, mw_heap_get(heap, entry, KEY)), key->text) == 0;
    mw_heap_raw_leave(heap);
    return same;
}

static struct mw_ref find(const struct managed *self, const struct key *key)
{
    struct mw_ref entry = mw_heap_get(self->heap, self->table, key->hash % BUCKETS);

    while (!mw_ref_is_none(entry) && !has_key(self->heap, entry, key))
        entry = mw_heap_get(self->heap, entry, CHAIN);
    return entry;
}

static void unlink_entry(struct mw_heap *heap, struct mw_ref entry)
{
    struct mw_ref newer = mw_heap_get(heap, entry, NEWER);
    struct mw_ref older = mw_heap_get(heap, entry, OLDER);

    mw_heap_set(heap, newer, OLDER, older);
    mw_heap_set(heap, older, NEWER, newer);
}

static void link_newest(const struct managed *self, struct mw_ref entry)
{
    struct mw_heap *heap = self->heap;
    struct mw_ref newest = mw_heap_get(heap, self->ends, OLDER);

    mw_heap_set(heap, entry, OLDER, newest);
    mw_heap_set(heap, entry, NEWER, self->ends);
    mw_heap_set(heap, newest, NEWER, entry);
    mw_heap_set(heap, self->ends, OLDER, entry);
}

static void evict(struct managed *self)
{
    struct mw_heap *heap = self->heap;
    struct mw_ref entry = mw_heap_get(heap, self->ends, NEWER);
    struct mw_ref rest = mw_heap_get(heap, entry, CHAIN);
    uint64_t bucket = mw_heap_get_word(heap, entry, HASH) % BUCKETS;
    struct mw_ref before = mw_ref_none();
    struct mw_ref at = mw_heap_get(heap, self->table, bucket);

    while (!mw_heap_same(heap, at, entry)) {
        before = at;
        at = mw_heap_get(heap, at, CHAIN);
    }
    if (mw_ref_is_none(before))
        mw_heap_set(heap, self->table, bucket, rest);
    else
        mw_heap_set(heap, before, CHAIN, rest);
    unlink_entry(heap, entry);
    self->count--;
}

static void add_bytes(const struct managed *self, struct mw_ref entry, size_t field, size_t size,
                      void (*write)(void *bytes, const struct key *key), const struct key *key)
{
    struct mw_heap *heap = self->heap;
    struct mw_ref bytes = bench_need(mw_heap_new_array(heap, self->bytes, size, self->place));

    mw_heap_raw_enter(heap);
    write(mw_heap_raw(heap, bytes), key);
    mw_heap_raw_leave(heap);
    mw_heap_set(heap, entry, field, bytes);
}

static void write_key(void *text, const struct key *key)
{
    memcpy(text, key->text, key->size);
}

static struct mw_ref add(struct managed *self, const struct key *key)
{
    struct mw_heap *heap = self->heap;
    struct mw_ref entry;

    if (self->count == ENTRIES)
        evict(self);
    entry =
        bench_need(self->place == MW_PLACE_YOUNG ? mw_heap_new(heap, self->entry)
                                                 : mw_heap_new_in(heap, self->entry, self->place));
    mw_heap_set_word(heap, entry, HASH, key->hash);
    mw_heap_set_word(heap, entry, SIZE, value_size(key));
    add_bytes(self, entry, KEY, key->size, write_key, key);
    add_bytes(self, entry, VALUE, value_size(key), write_value, key);
    mw_heap_set(heap, entry, CHAIN, mw_heap_get(heap, self->table, key->hash % BUCKETS));
    mw_heap_set(heap, self->table, key->hash % BUCKETS, entry);
    self->count++;
    return entry;
}

static uint64_t hit(struct mw_heap *heap, struct mw_ref entry)
{
    size_t last = mw_heap_get_word(heap, entry, SIZE) - 1;
    uint64_t sum;

    mw_heap_raw_enter(heap);
    sum = 1U + ((const uint8_t *)mw_heap_raw(heap, mw_heap_get(heap, entry, VALUE)))[last];
    mw_heap_raw_leave(heap);
    unlink_entry(heap, entry);
    return sum;
}

static uint64_t use(struct managed *self, const struct key *key)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref entry = find(self, key);
    uint64_t sum = 0;

    if (!mw_ref_is_none(entry))
        sum = hit(self->heap, entry);
    else
        entry = add(self, key);
    link_newest(self, entry);
    return sum;
}

static struct managed create(const struct bench_heap *self)
{
    struct mw_heap *heap = self->heap;
    struct managed cache = {.heap = heap, .place = self->place};

    cache.entry = bench_type(heap, "Entry", WORDS, REFERENCES);
    cache.bytes = bench_array_type(heap, "Bytes", MW_KIND_BYTES);
    cache.table = bench_need(mw_heap_new_array(heap, bench_array_type(heap, "Table", MW_KIND_REFS),
                                               BUCKETS, MW_PLACE_OLD));
    cache.ends = bench_need(mw_heap_new_in(heap, cache.entry, MW_PLACE_OLD));
    mw_heap_set(heap, cache.ends, NEWER, cache.ends);
    mw_heap_set(heap, cache.ends, OLDER, cache.ends);
    return cache;
}

static struct bench_outcome managed(const struct bench_heap *self, size_t size)
{
    struct bench_outcome outcome = {size, 0};
    uint64_t random = BENCH_SEED;

    MW_SCOPE(scope, self->heap);
    struct managed cache = create(self);

    for (size_t i = 0; i < size; i++) {
        struct key key = draw_key(&random);

        outcome.check += use(&cache, &key);
    }
    return outcome;
}

const struct bench_workload bench_lru = {
    "lru", "so many lookups in a cache of 100,000 entries", 1500000, plain, managed, 0,
};
