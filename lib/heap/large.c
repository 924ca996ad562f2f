/* The large-object space: a mapping for each object, never moved, freed when it is found dead. */
#include "heap/annotate_internal.h"
#include "heap/heap_internal.h"

#include <string.h>

/* Page, object, cards. */
static size_t cards_at(size_t bytes)
{
    return MW_PAGE_FIRST + bytes;
}

static size_t card_bytes(size_t bytes)
{
    return ((cards_at(bytes) >> MW_CARD_SHIFT) / 64 + 1) * MW_WORD;
}

size_t mw_large_size(size_t bytes)
{
    return mw_vm_round(cards_at(bytes) + card_bytes(bytes));
}

static void destroy(struct mw_page *page)
{
    mw_annotate_used(page, page->size);
    mw_vm_unmap(page, page->size);
}

static void link_first(struct mw_large *self, struct mw_page *page)
{
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

uintptr_t *mw_large_allocate(struct mw_heap *self, uint64_t header)
{
    size_t bytes = mw_header_bytes(header);
    size_t size = mw_large_size(bytes);
    struct mw_page *page;
    uintptr_t *object;

    mw_pool_make_way(self, size);
    if (!mw_heap_may_grow(self, size))
        return NULL;
    page = mw_vm_reserve(&self->vm, size, MW_PAGE_SIZE);
    if (page == NULL)
        return NULL;
    if (mw_vm_commit(&self->vm, page, size) < 0) {
        mw_vm_unmap(page, size);
        return NULL;
    }
    page->size = size;
    page->used = bytes;
    page->large = true;
    page->cards = (uint64_t *)(void *)((char *)page + cards_at(bytes));
    link_first(&self->large, page);
    object = (uintptr_t *)(void *)((char *)page + MW_PAGE_FIRST);
    object[0] = header | MW_FLAG_LARGE | MW_FLAG_OLD;
    return object;
}

void mw_large_sweep(struct mw_heap *self)
{
    struct mw_page *next;

    for (struct mw_page *page = self->large.first; page != NULL; page = next) {
        next = page->next;
        if (page->live == 0) {
            unlink_page(&self->large, page);
            destroy(page);
        }
    }
}

void mw_large_deinit(struct mw_heap *self)
{
    struct mw_page *next;

    for (struct mw_page *page = self->large.first; page != NULL; page = next) {
        next = page->next;
        destroy(page);
    }
    self->large = (struct mw_large){0};
}
