/* MW_HEAP_GUARD: old and large objects cannot be read while the program runs.
 *
 * What a program may look at in place is young, if anything: whoever keeps the address of an object
 * and does not go through the heap meets the end of the program at the first old one, and not only
 * when a collection happens to move or free it. Every public call that looks into the old space
 * opens it and closes it again, a raw region keeps it open, and so do the callbacks that are called
 * from within. Calls nest, so it is a depth.
 *
 * Pages in use are opened and closed in runs: a call costs two of the kernel's for each run and
 * three for each large object. Pages of the pool stay as they are, nothing lives there. If the
 * kernel refuses to close a run (it would be one mapping too many), the run stays open: the mode
 * sees less then, and nothing breaks.
 */
#include "heap/heap_internal.h"

#include <sys/mman.h>

/* The next run of pages in use at or after `*first`. Returns false when there is none. */
static bool next_run(const struct mw_pool *self, size_t *first, size_t *ret_end)
{
    size_t at = *first;

    while (at < self->page_max && self->roles[at] != MW_ROLE_USED)
        at++;
    *first = at;
    while (at < self->page_max && self->roles[at] == MW_ROLE_USED)
        at++;
    *ret_end = at;
    return *first < at;
}

static void protect_pages(const struct mw_heap *self, int protection)
{
    size_t end;

    if (self->pool.roles == NULL)
        return;
    for (size_t first = 0; next_run(&self->pool, &first, &end); first = end)
        mprotect(mw_pool_page(&self->pool, first), (end - first) << MW_PAGE_SHIFT, protection);
}

/* The list goes through the pages themselves. */
static void open_large(struct mw_page *page)
{
    for (; page != NULL; page = page->next) {
        mprotect(page, MW_PAGE_FIRST, PROT_READ | PROT_WRITE);
        mprotect(page, page->size, PROT_READ | PROT_WRITE);
    }
}

static void close_large(struct mw_page *page)
{
    struct mw_page *next;

    for (; page != NULL; page = next) {
        next = page->next;
        mprotect(page, page->size, PROT_NONE);
    }
}

struct mw_heap *mw_guard_open(struct mw_heap *self)
{
    if (self->guard_depth++ == 0) {
        protect_pages(self, PROT_READ | PROT_WRITE);
        open_large(self->large.first);
        open_large(self->large_young.objects.first);
    }
    return self;
}

void mw_guard_close(struct mw_heap **guarded)
{
    struct mw_heap *self = *guarded;

    if (self == NULL || --self->guard_depth > 0)
        return;
    close_large(self->large.first);
    close_large(self->large_young.objects.first);
    protect_pages(self, PROT_NONE);
}

/* ---- raw regions ---- */

void mw_heap_raw_enter_slow(struct mw_heap *self, const char *where)
{
    if (!mw_heap_right_thread(self, where))
        return;
    self->front.raw_depth++;
    if (self->config.modes & MW_HEAP_GUARD)
        mw_guard_open(self);
}

void mw_heap_raw_leave_slow(struct mw_heap *self, const char *where)
{
    if (!mw_heap_right_thread(self, where))
        return;
    if (self->front.raw_depth == 0) {
        mw_misuse(self, MW_MISUSE_RAW, "no raw region is open", where);
        return;
    }
    self->front.raw_depth--;
    if (self->config.modes & MW_HEAP_GUARD)
        mw_guard_close(&self);
}
