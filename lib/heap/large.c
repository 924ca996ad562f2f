/* The large-object space: a mapping for each object, never moved, freed when it is found dead.
 *
 * A young one stands in a list of its own. A scavenge that reaches it moves it to another list, of
 * those that stay young or of the old ones; what is left in the first list afterwards is freed. So
 * promotion is relinking: it needs no memory and cannot be refused, and a full collection, which
 * begins by promoting, meets no young ones.
 *
 * Marking in slices passes young objects by. A young large one has its mark set from birth on, so
 * that it looks as if it had been seen to; it becomes white when it is promoted.
 */
#include "heap/annotate_internal.h"
#include "heap/heap_internal.h"

#include <string.h>

enum { HUGE_PART = 16 };

/* Page, object, slot set; that of a leaf has no room, and nobody asks for it. */
static size_t slots_at(size_t bytes)
{
    return MW_PAGE_FIRST + bytes;
}

static size_t slot_bytes(size_t bytes, bool leaf)
{
    return leaf ? 0 : (slots_at(bytes) / MW_WORD / 64 + 1) * MW_WORD;
}

size_t mw_large_least(size_t bytes, bool leaf)
{
    return mw_vm_round(slots_at(bytes) + slot_bytes(bytes, leaf));
}

/* Up to a whole huge page, when that is a sixteenth more at most: it then comes with one fault. */
size_t mw_large_mapping(size_t bytes, bool leaf)
{
    size_t least = mw_large_least(bytes, leaf);
    size_t huge = (least + MW_VM_HUGE - 1) / MW_VM_HUGE * MW_VM_HUGE;

    return huge - least <= least / HUGE_PART ? huge : least;
}

static size_t alignment_for(size_t size)
{
    return size < MW_VM_HUGE ? (size_t)MW_PAGE_SIZE : MW_VM_HUGE;
}

/* ---- mappings that are kept: a new one costs a page fault for each 4 KiB ---- */

static void unmap(void *start, size_t size)
{
    mw_annotate_used(start, size);
    mw_vm_unmap(start, size);
}

static struct mw_mapping remove_kept(struct mw_large_kept *self, size_t index)
{
    struct mw_mapping mapping = self->mappings[index];

    self->count--;
    self->bytes -= mapping.size;
    memmove(&self->mappings[index], &self->mappings[index + 1],
            (self->count - index) * sizeof(mapping));
    return mapping;
}

bool mw_large_let_go(struct mw_heap *self)
{
    struct mw_mapping mapping;

    if (self->kept.count == 0)
        return false;
    mapping = remove_kept(&self->kept, 0);
    unmap(mapping.start, mapping.size);
    return true;
}

/* Modes of tests want to see who still uses an object that is gone. */
static bool may_keep(const struct mw_heap *self, size_t size)
{
    return !(self->config.modes & (MW_HEAP_MOVE | MW_HEAP_GUARD)) &&
           mw_heap_pooled(self) + size <= self->pool.cap;
}

static void keep(struct mw_heap *self, void *start, size_t size)
{
    if (self->kept.count == MW_KEPT_MAX)
        mw_large_let_go(self);
    self->kept.mappings[self->kept.count++] = (struct mw_mapping){start, size};
    self->kept.bytes += size;
    mw_annotate_free(start, size);
}

/* The newest that is large enough, and not by much. */
static struct mw_page *take_kept(struct mw_heap *self, size_t size)
{
    for (size_t i = self->kept.count; i-- > 0;) {
        const struct mw_mapping *kept = &self->kept.mappings[i];

        if (kept->size >= size && kept->size - size <= size / 8) {
            struct mw_mapping mapping = remove_kept(&self->kept, i);
            struct mw_page *page = mapping.start;

            mw_annotate_used(page, mapping.size);
            memset(page, 0, size);
            page->size = mapping.size;
            return page;
        }
    }
    return NULL;
}

/* The page belongs to no list any more. */
static void destroy(struct mw_heap *self, struct mw_page *page)
{
    size_t size = page->size;

    if (may_keep(self, size))
        keep(self, page, size);
    else
        unmap(page, size);
}

static void link_first(struct mw_large *self, struct mw_page *page)
{
    page->previous = NULL;
    page->next = self->first;
    if (page->next != NULL)
        page->next->previous = page;
    self->first = page;
    self->size += page->size;
    self->used += page->used;
}

static void unlink_page(struct mw_large *self, struct mw_page *page)
{
    if (page->previous != NULL)
        page->previous->next = page->next;
    else
        self->first = page->next;
    if (page->next != NULL)
        page->next->previous = page->previous;
    self->size -= page->size;
    self->used -= page->used;
}

static bool has_room(struct mw_heap *self, size_t size)
{
    mw_pool_make_way(self, size);
    return mw_heap_may_grow(self, size);
}

static struct mw_page *map_page(struct mw_heap *self, size_t bytes, bool leaf)
{
    size_t size = mw_large_mapping(bytes, leaf);
    struct mw_page *page = take_kept(self, mw_large_least(bytes, leaf));

    if (page != NULL)
        return page;
    if (!has_room(self, size))
        size = mw_large_least(bytes, leaf);
    if (!has_room(self, size))
        return NULL;
    page = mw_vm_reserve(&self->vm, size, alignment_for(size));
    if (page == NULL)
        return NULL;
    if (mw_vm_commit(&self->vm, page, size) < 0) {
        mw_vm_unmap(page, size);
        return NULL;
    }
    page->size = size;
    return page;
}

static uintptr_t *object_of(struct mw_page *page)
{
    return (uintptr_t *)(void *)((char *)page + MW_PAGE_FIRST);
}

static void cut(struct mw_heap *self, struct mw_page *page)
{
    size_t least = mw_large_least(page->used, mw_is_leaf(self, object_of(page)[0]));

    if (page->size == least)
        return;
    unmap((char *)page + least, page->size - least);
    self->large.size -= page->size - least;
    page->size = least;
}

/* There are no young ones after a full collection. */
void mw_large_cut(struct mw_heap *self)
{
    for (struct mw_page *page = self->large.first; page != NULL; page = page->next)
        cut(self, page);
}

static void widen(struct mw_heap *heap, const struct mw_page *page)
{
    struct mw_large_young *self = &heap->large_young;
    uintptr_t low = (uintptr_t)page, high = low + page->size;

    if (self->span != 0 && self->low < low)
        low = self->low;
    if (self->span != 0 && self->low + self->span > high)
        high = self->low + self->span;
    self->low = low;
    self->span = high - low;
    mw_barrier_adjust(heap);
}

static void forbid_rest(const struct mw_heap *self, const struct mw_page *page, uint64_t header)
{
    size_t bytes = mw_header_bytes(header);
    size_t taken = slots_at(bytes) + slot_bytes(bytes, mw_is_leaf(self, header));

    mw_annotate_free((const char *)page + taken, page->size - taken);
}

uintptr_t *mw_large_allocate(struct mw_heap *self, uint64_t header, bool young)
{
    size_t bytes = mw_header_bytes(header);
    struct mw_page *page = map_page(self, bytes, mw_is_leaf(self, header));

    if (page == NULL)
        return NULL;
    page->used = bytes;
    page->large = true;
    page->slots = (uint64_t *)(void *)((char *)page + slots_at(bytes));
    forbid_rest(self, page, header);
    object_of(page)[0] = header | MW_FLAG_LARGE | (young ? 0 : MW_FLAG_OLD);
    link_first(young ? &self->large_young.objects : &self->large, page);
    if (young) {
        mw_mark_set_bit(page, mw_page_word(page, (uintptr_t)object_of(page)));
        self->large_young.born += bytes;
        self->nursery.born += bytes;
        widen(self, page);
    }
    return object_of(page);
}

/* ---- in a scavenge ---- */

void mw_large_promote(struct mw_heap *self, uintptr_t *object)
{
    struct mw_page *page = mw_page_of((uintptr_t)object);

    unlink_page(&self->large_young.objects, page);
    link_first(&self->large, page);
    memset(page->marks, 0, sizeof(page->marks));
    object[0] = (object[0] & ~(uint64_t)MW_FLAG_AGED) | MW_FLAG_OLD;
}

/* The mark in the header tells it from those that were not reached, until the scavenge is over. */
void mw_large_keep_young(struct mw_heap *self, uintptr_t *object)
{
    struct mw_page *page = mw_page_of((uintptr_t)object);

    unlink_page(&self->large_young.objects, page);
    link_first(&self->large_young.reached, page);
    object[0] |= MW_FLAG_AGED | MW_FLAG_MARKED;
}

static void free_all(struct mw_heap *self, struct mw_large *large)
{
    struct mw_page *page;

    while ((page = large->first) != NULL) {
        unlink_page(large, page);
        destroy(self, page);
    }
}

void mw_large_scavenged(struct mw_heap *self)
{
    struct mw_large_young *young = &self->large_young;

    free_all(self, &young->objects);
    *young = (struct mw_large_young){.objects = young->reached};
    mw_barrier_adjust(self);
    for (struct mw_page *page = young->objects.first; page != NULL; page = page->next) {
        object_of(page)[0] &= ~(uint64_t)MW_FLAG_MARKED;
        widen(self, page);
    }
}

/* ---- after marking ---- */

void mw_large_sweep(struct mw_heap *self)
{
    struct mw_page *next;

    for (struct mw_page *page = self->large.first; page != NULL; page = next) {
        next = page->next;
        if (page->live == 0) {
            unlink_page(&self->large, page);
            destroy(self, page);
        }
    }
}

void mw_large_deinit(struct mw_heap *self)
{
    free_all(self, &self->large);
    free_all(self, &self->large_young.objects);
    while (mw_large_let_go(self))
        ;
}

/* ---- sums, good in the middle of a scavenge, too ---- */

size_t mw_large_size(const struct mw_heap *self)
{
    const struct mw_large_young *young = &self->large_young;

    return self->large.size + young->objects.size + young->reached.size;
}

size_t mw_large_used(const struct mw_heap *self)
{
    const struct mw_large_young *young = &self->large_young;

    return self->large.used + young->objects.used + young->reached.used;
}
