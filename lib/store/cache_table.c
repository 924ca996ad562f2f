#include "store/cache_internal.h"

#include <errno.h>
#include <string.h>

/* Half of the index stays empty. */
static size_t slots_of(uint32_t capacity)
{
    return 2 * (size_t)capacity;
}

static size_t table_size(uint32_t capacity)
{
    return capacity * sizeof(struct mw_cache_entry) + slots_of(capacity) * sizeof(uint32_t);
}

size_t mw_cache_arrays_size(uint32_t capacity)
{
    return mw_store_object_size(2 * (size_t)capacity * sizeof(uintptr_t)) +
           mw_store_object_size(table_size(capacity));
}

static struct mw_cache_view view_at(void *table, uint32_t capacity)
{
    struct mw_cache_view view = {.entries = table, .mask = (uint32_t)slots_of(capacity) - 1};

    view.index = (uint32_t *)(void *)(view.entries + capacity);
    return view;
}

struct mw_cache_view mw_cache_view_of(const struct mw_cache *self, struct mw_ref root)
{
    const uintptr_t *fields = mw_heap_raw(self->heap, root);
    struct mw_cache_view view = view_at(mw_heap_payload(fields[MW_CACHE_TABLE]), self->capacity);

    view.items = mw_heap_payload(fields[MW_CACHE_ITEMS]);
    return view;
}

/* ---- the index ---- */

static bool has_key(const struct mw_cache_view *view, uint32_t entry, uint32_t hash,
                    const void *key, size_t key_size)
{
    const struct mw_cache_entry *found = &view->entries[entry];

    return found->hash == hash && found->key_size == key_size &&
           (key_size == 0 ||
            memcmp(mw_heap_payload(view->items[2 * (size_t)entry]), key, key_size) == 0);
}

uint32_t mw_cache_find(const struct mw_cache_view *view, uint32_t hash, const void *key,
                       size_t key_size)
{
    for (uint32_t at = hash & view->mask; view->index[at] != 0; at = (at + 1) & view->mask)
        if (has_key(view, view->index[at] - 1, hash, key, key_size))
            return view->index[at] - 1;
    return MW_CACHE_END;
}

void mw_cache_index(const struct mw_cache_view *view, uint32_t entry)
{
    uint32_t at = view->entries[entry].hash & view->mask;

    while (view->index[at] != 0)
        at = (at + 1) & view->mask;
    view->index[at] = entry + 1;
}

/* Closes the gap: what was pushed on by the entry moves back, so no slot needs to say "was used".
 */
void mw_cache_unindex(const struct mw_cache_view *view, uint32_t entry)
{
    uint32_t gap = view->entries[entry].hash & view->mask;

    while (view->index[gap] != entry + 1)
        gap = (gap + 1) & view->mask;
    for (uint32_t at = (gap + 1) & view->mask; view->index[at] != 0; at = (at + 1) & view->mask) {
        uint32_t home = view->entries[view->index[at] - 1].hash & view->mask;

        if (((at - home) & view->mask) >= ((at - gap) & view->mask)) {
            view->index[gap] = view->index[at];
            gap = at;
        }
    }
    view->index[gap] = 0;
}

/* ---- the order ---- */

void mw_cache_link_last(struct mw_cache *self, const struct mw_cache_view *view, uint32_t entry)
{
    view->entries[entry].previous = self->last;
    view->entries[entry].next = MW_CACHE_END;
    if (self->last != MW_CACHE_END)
        view->entries[self->last].next = entry;
    else
        self->first = entry;
    self->last = entry;
}

void mw_cache_unlink(struct mw_cache *self, const struct mw_cache_view *view, uint32_t entry)
{
    struct mw_cache_entry *it = &view->entries[entry];

    if (it->previous != MW_CACHE_END)
        view->entries[it->previous].next = it->next;
    else
        self->first = it->next;
    if (it->next != MW_CACHE_END)
        view->entries[it->next].previous = it->previous;
    else
        self->last = it->previous;
}

/* ---- growing ---- */

static void add_free(struct mw_cache *self, const struct mw_cache_view *view, uint32_t from,
                     uint32_t to)
{
    for (uint32_t entry = to; entry-- > from;) {
        view->entries[entry].next = self->free;
        self->free = entry;
    }
}

/* Entries keep their numbers, so what links them stays true. */
static void move_entries(struct mw_cache *self, struct mw_ref root, struct mw_ref table,
                         uint32_t capacity)
{
    struct mw_cache_view old, view;

    mw_heap_raw_enter(self->heap);
    view = view_at(mw_heap_raw(self->heap, table), capacity);
    if (self->capacity > 0) {
        old = mw_cache_view_of(self, root);
        memcpy(view.entries, old.entries, self->capacity * sizeof(struct mw_cache_entry));
    }
    for (uint32_t i = self->first; i != MW_CACHE_END; i = view.entries[i].next)
        mw_cache_index(&view, i);
    add_free(self, &view, self->capacity, capacity);
    mw_heap_raw_leave(self->heap);
}

int mw_cache_grow(struct mw_cache *self, uint32_t capacity)
{
    MW_SCOPE(scope, self->heap);
    size_t references = 2 * (size_t)capacity;
    struct mw_ref items = mw_store_new_array(self->store, MW_CLASS_CACHE_ITEMS, references);
    struct mw_ref table, root;

    if (mw_ref_is_none(items))
        return mw_store_error(self->store);
    table = mw_store_new_array(self->store, MW_CLASS_CACHE_TABLE, table_size(capacity));
    if (mw_ref_is_none(table))
        return mw_store_error(self->store);
    root = mw_global_get(self->heap, self->root);
    move_entries(self, root, table, capacity);
    if (self->capacity > 0)
        mw_heap_copy(self->heap, items, 0, mw_heap_get(self->heap, root, MW_CACHE_ITEMS), 0,
                     2 * (size_t)self->capacity);
    mw_heap_set(self->heap, root, MW_CACHE_ITEMS, items);
    mw_heap_set(self->heap, root, MW_CACHE_TABLE, table);
    self->capacity = capacity;
    return 0;
}
