/* Open addressing over weak globals. A global whose text is gone stays as a mark that the search
 * goes on, until its slot is used again or the table is rebuilt. */
#include "store/intern.h"

#include "base/hash.h"
#include "store/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 64, TEXTS_MAX = 1 << 24 };

struct slot {
    uint64_t hash;
    struct mw_global *text; /* weak; NULL: never used */
};

struct mw_intern {
    struct mw_store *store;
    struct mw_heap *heap;
    struct mw_hash_key key;
    struct slot *slots;
    size_t slot_count; /* a power of two */
    size_t used;       /* slots with a global, dead ones included */
    size_t limit;
    uint64_t hits, misses, collected;
    /* How many are alive, and their bytes, as long as the heap has made no collection since. */
    size_t texts, bytes;
    uint64_t counted_at; /* collections then, and one */
};

int mw_intern_create(struct mw_store *store, size_t texts, struct mw_intern **ret)
{
    struct mw_intern *self;

    if (texts == 0 || texts > TEXTS_MAX)
        return -EINVAL;
    self = calloc(1, sizeof(*self));
    if (self == NULL)
        return -ENOMEM;
    self->store = store;
    self->heap = store->heap;
    self->limit = texts;
    self->key = mw_hash_key_make(self);
    self->slot_count = SLOTS_FIRST;
    self->slots = calloc(SLOTS_FIRST, sizeof(struct slot));
    if (self->slots == NULL) {
        mw_intern_destroy(self);
        return -ENOMEM;
    }
    *ret = self;
    return 0;
}

struct mw_intern *mw_intern_destroy(struct mw_intern *self)
{
    if (self == NULL)
        return NULL;
    for (size_t i = 0; self->slots != NULL && i < self->slot_count; i++)
        mw_global_destroy(self->heap, self->slots[i].text);
    free(self->slots);
    free(self);
    return NULL;
}

/* ---- the table ---- */

static bool is_alive(const struct mw_intern *self, const struct slot *slot)
{
    MW_SCOPE(scope, self->heap);

    return slot->text != NULL && !mw_ref_is_none(mw_global_get(self->heap, slot->text));
}

static void move_slot(struct slot *slots, size_t count, const struct slot *slot)
{
    size_t at = slot->hash & (count - 1);

    while (slots[at].text != NULL)
        at = (at + 1) & (count - 1);
    slots[at] = *slot;
}

static size_t count_alive(const struct mw_intern *self)
{
    size_t alive = 0;

    for (size_t i = 0; i < self->slot_count; i++)
        alive += is_alive(self, &self->slots[i]);
    return alive;
}

/* Only what is alive, with room for as much again. */
static int rebuild(struct mw_intern *self)
{
    size_t alive = count_alive(self), count = SLOTS_FIRST;
    struct slot *slots;

    while (count < 4 * (alive + 1))
        count *= 2;
    slots = calloc(count, sizeof(struct slot));
    if (slots == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < self->slot_count; i++)
        if (is_alive(self, &self->slots[i]))
            move_slot(slots, count, &self->slots[i]);
        else
            mw_global_destroy(self->heap, self->slots[i].text);
    free(self->slots);
    self->collected += self->used - alive;
    self->slots = slots;
    self->slot_count = count;
    self->used = alive;
    return 0;
}

static bool holds(const struct mw_intern *self, struct mw_ref object, const void *text, size_t size)
{
    bool same;

    if (mw_heap_length(self->heap, object) != size)
        return false;
    mw_heap_raw_enter(self->heap);
    same = size == 0 || memcmp(mw_heap_raw(self->heap, object), text, size) == 0;
    mw_heap_raw_leave(self->heap);
    return same;
}

/* The text and its slot; or none, and then the slot is where it can stand. */
static struct mw_ref find(const struct mw_intern *self, uint64_t hash, const void *text,
                          size_t size, struct slot **ret_slot)
{
    size_t at = hash & (self->slot_count - 1);
    struct slot *dead = NULL;

    for (; self->slots[at].text != NULL; at = (at + 1) & (self->slot_count - 1)) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref object = mw_global_get(self->heap, self->slots[at].text);

        *ret_slot = &self->slots[at];
        if (mw_ref_is_none(object))
            dead = &self->slots[at];
        else if (self->slots[at].hash == hash && holds(self, object, text, size))
            return mw_scope_escape(&scope, object);
    }
    *ret_slot = dead != NULL ? dead : &self->slots[at];
    return mw_ref_none();
}

/* ---- texts ---- */

static int make_text(struct mw_intern *self, const void *text, size_t size, struct mw_ref *ret)
{
    *ret = mw_heap_new_array(self->heap, self->store->types[MW_CLASS_TEXT], size, MW_PLACE_YOUNG);
    if (mw_ref_is_none(*ret))
        return mw_store_error(self->store);
    if (size == 0)
        return 0;
    mw_heap_raw_enter(self->heap);
    memcpy(mw_heap_raw(self->heap, *ret), text, size);
    mw_heap_raw_leave(self->heap);
    return 0;
}

static void note(struct mw_intern *self, size_t size)
{
    self->texts++;
    self->bytes += mw_store_object_size(size);
}

static int put(struct mw_intern *self, struct slot *slot, uint64_t hash, struct mw_ref object)
{
    int error;

    if (slot->text != NULL) {
        mw_global_set(self->heap, slot->text, object);
        self->collected++;
    } else {
        error = mw_global_create(self->heap, object, true, &slot->text);
        if (error != 0)
            return error;
        self->used++;
    }
    slot->hash = hash;
    return 0;
}

/* Half of the slots stay empty, and the bound is one of slots in use. */
static int make_room(struct mw_intern *self)
{
    int error = 0;

    if (self->used >= self->limit || 2 * (self->used + 1) > self->slot_count)
        error = rebuild(self);
    if (error == 0 && self->used >= self->limit)
        error = -ENOSPC;
    return error;
}

static int add(struct mw_intern *self, uint64_t hash, const void *text, size_t size,
               struct mw_ref *ret)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref object = mw_ref_none();
    struct slot *slot;
    int error = make_text(self, text, size, &object);

    if (error == 0)
        error = make_room(self);
    if (error != 0)
        return error;
    find(self, hash, text, size, &slot);
    error = put(self, slot, hash, object);
    if (error != 0)
        return error;
    note(self, size);
    *ret = mw_scope_escape(&scope, object);
    return 0;
}

int mw_intern_get(struct mw_intern *self, const void *text, size_t size, struct mw_ref *ret)
{
    uint64_t hash = mw_hash(&self->key, text, size);
    struct mw_ref found;
    struct slot *slot;

    if (size > MW_INTERN_TEXT_MAX)
        return -EINVAL;
    found = find(self, hash, text, size, &slot);
    if (mw_ref_is_none(found)) {
        self->misses++;
        return add(self, hash, text, size, ret);
    }
    self->hits++;
    *ret = found;
    return 0;
}

/* ---- numbers ---- */

static size_t text_bytes(const struct mw_intern *self, const struct slot *slot)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref object =
        slot->text != NULL ? mw_global_get(self->heap, slot->text) : mw_ref_none();

    return mw_ref_is_none(object) ? 0 : mw_store_object_size(mw_heap_length(self->heap, object));
}

static uint64_t collections_of(const struct mw_heap *heap)
{
    struct mw_heap_numbers numbers;
    uint64_t sum = 0;

    mw_heap_get_numbers(heap, &numbers);
    for (size_t i = 0; i < sizeof(numbers.collections) / sizeof(numbers.collections[0]); i++)
        sum += numbers.collections[i];
    return sum;
}

/* Texts go in collections only, so between two of them there is nothing to look for. */
static void count(struct mw_intern *self)
{
    uint64_t now = collections_of(self->heap) + 1;

    if (self->counted_at == now)
        return;
    self->counted_at = now;
    self->texts = count_alive(self);
    self->bytes = 0;
    for (size_t i = 0; i < self->slot_count; i++)
        self->bytes += text_bytes(self, &self->slots[i]);
}

void mw_intern_get_numbers(struct mw_intern *self, struct mw_intern_numbers *ret)
{
    count(self);
    *ret = (struct mw_intern_numbers){
        .texts = self->texts,
        .limit = self->limit,
        .bytes = self->bytes,
        .hits = self->hits,
        .misses = self->misses,
        .collected = self->collected + (self->used - self->texts),
    };
}

void mw_intern_get_row(struct mw_intern *self, struct mw_store_row *ret)
{
    static const struct mw_store_column columns[] = {
        {"entries", MW_STORE_COUNT, false},   {"limit", MW_STORE_COUNT, false},
        {"fillRatio", MW_STORE_RATIO, false}, {"bytes", MW_STORE_BYTES, false},
        {"hits", MW_STORE_COUNT, true},       {"misses", MW_STORE_COUNT, true},
        {"evictions", MW_STORE_COUNT, true},
    };
    struct mw_intern_numbers n;

    mw_intern_get_numbers(self, &n);

    const double values[] = {
        (double)n.texts,     (double)n.limit, (double)n.texts / (double)n.limit,
        (double)n.bytes,     (double)n.hits,  (double)n.misses,
        (double)n.collected,
    };

    mw_store_row_fill(ret, "cache", columns, values, sizeof(values) / sizeof(values[0]));
}
