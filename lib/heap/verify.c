/* The verifier: everything that the collector relies on, looked at from scratch.
 *
 * First a walk notes where objects begin; then each object's header, each reference, each root and
 * each flag of the remembered set is held against that. It needs a bit for each word of the heap
 * while it runs, and tells the first fault.
 */
#include "heap/annotate_internal.h"
#include "heap/heap_internal.h"

#include <errno.h>
#include <stdlib.h>

struct verify {
    struct mw_heap *heap;
    const char *fault;
    uint64_t *young;  /* a bit for each word of the half in use */
    uint64_t **pages; /* MW_MARK_WORDS for each page in use */
    size_t used, listed;
    bool young_inside; /* the holder being looked at has a young reference */
    bool by_slots;
};

static void blame(struct verify *self, const char *fault)
{
    if (self->fault == NULL)
        self->fault = fault;
}

static void require(struct verify *self, bool holds, const char *fault)
{
    if (!holds)
        blame(self, fault);
}

/* ---- where objects begin ---- */

static size_t young_word(const struct verify *self, uintptr_t address)
{
    const struct mw_nursery *nursery = &self->heap->nursery;

    return (address - (uintptr_t)mw_nursery_half(nursery, nursery->from)) / MW_WORD;
}

static size_t page_index(const struct verify *self, uintptr_t address)
{
    return (address - (uintptr_t)self->heap->pool.base) >> MW_PAGE_SHIFT;
}

static bool is_in_half(const struct verify *self, uintptr_t address)
{
    const struct mw_nursery *nursery = &self->heap->nursery;
    uintptr_t start = (uintptr_t)mw_nursery_half(nursery, nursery->from);

    return address - start < (uintptr_t)self->heap->front.top - start;
}

static bool is_in_list(const struct mw_large *list, uintptr_t address)
{
    for (const struct mw_page *page = list->first; page != NULL; page = page->next)
        if ((uintptr_t)page + MW_PAGE_FIRST == address)
            return true;
    return false;
}

static bool is_large(const struct verify *self, uintptr_t address)
{
    return is_in_list(&self->heap->large, address) ||
           is_in_list(&self->heap->large_young.objects, address);
}

static uint64_t *word_of(const struct verify *self, uintptr_t address, uint64_t *ret_bit)
{
    size_t index = page_index(self, address);
    size_t word;

    if (is_in_half(self, address)) {
        word = young_word(self, address);
        *ret_bit = (uint64_t)1 << word % 64;
        return &self->young[word / 64];
    }
    if (index >= self->heap->pool.page_max || self->pages[index] == NULL)
        return NULL;
    word = mw_page_word(mw_page_of(address), address);
    *ret_bit = (uint64_t)1 << word % 64;
    return &self->pages[index][word / 64];
}

static bool is_object(const struct verify *self, uintptr_t address)
{
    uint64_t bit;
    const uint64_t *word = word_of(self, address, &bit);

    if (address % MW_WORD != 0)
        return false;
    /* While marking goes on, nobody can tell what else lives in a page that was not swept. */
    if (self->heap->marker.active && word != NULL && !is_in_half(self, address) &&
        mw_page_of(address)->state == MW_PAGE_UNSWEPT)
        return true;
    return word != NULL ? (*word & bit) != 0 : is_large(self, address);
}

static void note_object(void *context, uintptr_t *object, uint64_t header)
{
    struct verify *self = context;
    uint64_t bit;
    uint64_t *word = word_of(self, (uintptr_t)object, &bit);

    if (word != NULL)
        *word |= bit;
    self->used += mw_header_bytes(header);
    self->listed += (header & MW_FLAG_LISTED) != 0;
}

/* What died young is used memory until the next scavenge. (Has the form of a walk.)
 * NOLINTNEXTLINE(readability-non-const-parameter) */
static void note_filler(void *context, uintptr_t *filler, uint64_t header)
{
    struct verify *self = context;

    if (mw_is_young(&self->heap->nursery, (uintptr_t)filler))
        self->used += mw_header_bytes(header);
}

/* ---- marks ---- */

/* Outside marking, a page's marks are the first and last words of objects, in pairs; of all that
 * were alive at the last full collection. Objects that came later have none. */
static void check_marks(struct verify *self, struct mw_page *page)
{
    size_t first = mw_mark_next(page, 0);

    while (first < MW_PAGE_WORDS && self->fault == NULL) {
        uintptr_t object = (uintptr_t)page + first * MW_WORD;
        size_t last = mw_mark_next(page, first + 1);

        require(self,
                is_object(self, object) && first + mw_header_words(*(uint64_t *)object) - 1 == last,
                "marks are not around an object");
        first = mw_mark_next(page, last + 1);
    }
}

static void check_all_marks(struct verify *self)
{
    struct mw_pool *pool = &self->heap->pool;

    for (size_t i = 0; i < pool->page_max; i++)
        if (pool->roles[i] == MW_ROLE_USED)
            check_marks(self, mw_pool_page(pool, i));
}

/* ---- one object ---- */

static bool size_fits_type(const struct verify *self, uint64_t header)
{
    const struct mw_type_entry *entry = self->heap->types.entries[mw_header_type(header)];

    return !mw_type_is_record(entry) ||
           mw_header_bytes(entry->type.header) == mw_header_bytes(header);
}

static void check_header(struct verify *self, const uintptr_t *object, uint64_t header)
{
    bool small = mw_is_young(&self->heap->nursery, (uintptr_t)object);
    bool young = small || mw_is_young_large(self->heap, (uintptr_t)object);
    uint64_t never = MW_FLAG_FORWARDED | MW_FLAG_MARKED | (small ? MW_FLAG_LARGE : 0) |
                     (young ? MW_FLAG_OLD | MW_FLAG_LISTED | MW_FLAG_WATCHED : MW_FLAG_AGED);

    require(self, mw_header_type(header) < self->heap->types.count, "an object has no type");
    require(self, !(header & never), "an object has a flag of another space or phase");
    require(self, young || header & MW_FLAG_OLD, "an old object does not know that it is");
    require(self, small || mw_page_of((uintptr_t)object)->large == ((header & MW_FLAG_LARGE) != 0),
            "an object is in the wrong space");
    if (self->fault == NULL)
        require(self, size_fits_type(self, header), "an object has not the size of its type");
}

struct holder {
    struct verify *verify;
    uintptr_t *object;
};

static void check_slot(void *context, uintptr_t *slot)
{
    struct holder *holder = context;
    struct verify *self = holder->verify;

    if (*slot == 0)
        return;
    require(self, is_object(self, *slot), "a reference does not lead to an object");
    if (self->fault == NULL && mw_is_young_object(self->heap, *slot)) {
        self->young_inside = true;
        require(self,
                !self->by_slots || mw_slot_is_noted(mw_page_of((uintptr_t)holder->object), slot),
                "a young reference in an array is not in the slot set");
    }
}

static void check_remembered(struct verify *self, uint64_t header)
{
    bool watched = header & MW_FLAG_WATCHED;
    bool listed = header & MW_FLAG_LISTED;

    require(self, !self->young_inside || listed,
            "an old object with a young reference is not remembered");
    require(self, watched || listed, "an old object is neither watched nor remembered");
    require(self, !self->by_slots || watched, "an array with a slot set is not watched");
}

static void check_object(void *context, uintptr_t *object, uint64_t header)
{
    struct verify *self = context;
    struct holder holder = {self, object};

    check_header(self, object, header);
    if (self->fault != NULL)
        return;
    self->young_inside = false;
    self->by_slots = header & MW_FLAG_OLD && mw_remembered_by_slots(self->heap, header);
    mw_visit_object(self->heap->types.shapes, object, header, check_slot, &holder);
    if (header & MW_FLAG_OLD)
        check_remembered(self, header);
}

/* ---- roots and tables ---- */

static bool is_among_young(const struct mw_globals *self, const struct mw_global *global)
{
    return global->young_at != 0 && global->young_at <= self->young_count &&
           self->young[global->young_at - 1] == global;
}

static void check_global(struct verify *self, const struct mw_global *global)
{
    if (global->value == 0)
        return;
    require(self, is_object(self, global->value), "a global does not lead to an object");
    if (self->fault == NULL && mw_is_young_object(self->heap, global->value))
        require(self, is_among_young(&self->heap->globals, global),
                "a global with a young object is not among those");
}

static void check_roots(struct verify *self)
{
    const struct mw_heap *heap = self->heap;

    for (uintptr_t *slot = heap->handles; slot < heap->front.handle_top; slot++)
        require(self, is_object(self, *slot), "a handle does not lead to an object");
    for (struct mw_global *global = heap->globals.first; global != NULL; global = global->next)
        check_global(self, global);
}

/* Takes the flag away for the time being, so that an object is not found a second time. */
static bool strike_off(const struct verify *self, uintptr_t entry)
{
    uint64_t *header = (uint64_t *)entry;

    if (!is_object(self, entry) || !(*header & MW_FLAG_LISTED))
        return false;
    *header &= ~(uint64_t)MW_FLAG_LISTED;
    return true;
}

static void check_remembered_set(struct verify *self)
{
    const struct mw_stack *set = &self->heap->remembered;
    const uintptr_t *entry = set->base;

    require(self, (size_t)(set->top - set->base) == self->listed,
            "the remembered set has not as many entries as objects say they stand in it");
    while (entry < set->top && strike_off(self, *entry))
        entry++;
    require(self, entry == set->top,
            "an entry of the remembered set is no remembered object, or stands there twice");
    while (entry > set->base)
        *(uint64_t *)*--entry |= MW_FLAG_LISTED;
}

static size_t page_used(const struct mw_heap *self)
{
    size_t used = 0;

    for (size_t i = 0; i < self->pool.page_max; i++)
        if (self->pool.roles[i] == MW_ROLE_USED)
            used += mw_pool_page(&self->pool, i)->used;
    return used;
}

static void check_counters(struct verify *self)
{
    const struct mw_heap *heap = self->heap;
    size_t pooled = mw_heap_pooled(heap);

    require(self, page_used(heap) == heap->old.used, "pages do not sum up to the old space");
    require(self, mw_heap_used(heap) <= mw_heap_total(heap), "used is more than total");
    require(self, mw_heap_total(heap) + pooled <= heap->limit, "total and pool are over the limit");
}

/* ---- free memory ---- */

/* It consists of whole words. */
MW_LOOKS_ANYWHERE static bool is_poison(const char *start, const char *end)
{
    const uint64_t poison = UINT64_C(0x0101010101010101) * MW_POISON_BYTE;
    const uint64_t *at = (const uint64_t *)(const void *)start;
    const uint64_t *stop = (const uint64_t *)(const void *)end;

    mw_annotate_look_begin();
    while (at < stop && *at == poison)
        at++;
    mw_annotate_look_end();
    return at == stop;
}

static void check_free(struct verify *self, const char *start, const char *end)
{
    if (self->fault == NULL)
        require(self, is_poison(start, end), "free memory was written to");
}

/* Holes too small for a list have the header only. */
static void check_hole(void *context, uintptr_t *filler, uint64_t header)
{
    struct verify *self = context;
    const char *start = (const char *)filler;
    size_t bytes = mw_header_bytes(header);

    if (!mw_is_young(&self->heap->nursery, (uintptr_t)filler))
        check_free(self, start + (bytes < MW_SPAN_MIN ? MW_WORD : MW_SPAN_HEAD), start + bytes);
}

static void check_free_memory(struct verify *self)
{
    const struct mw_nursery *nursery = &self->heap->nursery;
    const char *from = mw_nursery_half(nursery, nursery->from);
    const char *to = mw_nursery_half(nursery, nursery->to);
    const struct mw_pool *pool = &self->heap->pool;

    check_free(self, self->heap->front.limit, from + nursery->capacity);
    check_free(self, to, to + nursery->capacity);
    mw_walk_fillers(self->heap, check_hole, self);
    for (size_t i = 0; i < pool->page_max; i++)
        if (pool->roles[i] == MW_ROLE_POOLED)
            check_free(self, (const char *)mw_pool_page(pool, i),
                       (const char *)mw_pool_page(pool, i + 1));
}

/* ---- the whole ---- */

static int verify_init(struct verify *self)
{
    const struct mw_pool *pool = &self->heap->pool;

    self->young = calloc(self->heap->nursery.capacity / MW_WORD / 64, sizeof(uint64_t));
    self->pages = calloc(pool->page_max, sizeof(uint64_t *));
    if (self->young == NULL || self->pages == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < pool->page_max; i++) {
        if (pool->roles[i] != MW_ROLE_USED)
            continue;
        self->pages[i] = calloc(MW_MARK_WORDS, sizeof(uint64_t));
        if (self->pages[i] == NULL)
            return -ENOMEM;
    }
    return 0;
}

static void verify_deinit(struct verify *self)
{
    for (size_t i = 0; self->pages != NULL && i < self->heap->pool.page_max; i++)
        free(self->pages[i]);
    free(self->pages);
    free(self->young);
}

static void check_all(struct verify *self)
{
    mw_walk(self->heap, note_object, self);
    mw_walk_fillers(self->heap, note_filler, self);
    if (!self->heap->marker.active) {
        require(self, self->used == mw_heap_used(self->heap),
                "objects do not sum up to what is used");
        check_remembered_set(self);
        check_all_marks(self);
    }
    check_counters(self);
    check_roots(self);
    mw_walk(self->heap, check_object, self);
    if (self->heap->config.modes & MW_HEAP_POISON)
        check_free_memory(self);
}

int mw_heap_verify(struct mw_heap *self, const char **ret_fault)
{
    MW_GUARD(self);
    struct verify verify = {.heap = self};
    bool before;
    int error;

    if (!mw_heap_right_thread(self, __func__))
        return -EPERM;
    before = mw_callbacks_begin(self);
    error = verify_init(&verify);
    if (error == 0)
        check_all(&verify);
    verify_deinit(&verify);
    mw_callbacks_end(self, before);
    if (error < 0 || verify.fault == NULL)
        return error;
    *ret_fault = verify.fault;
    return -EILSEQ;
}

/* Without memory for its tables the verifier knows nothing, and a collection needs none: so that is
 * no reason to report, and the next one looks again. */
void mw_verify_or_report(struct mw_heap *self)
{
    const char *fault = NULL;

    if (self->config.modes & MW_HEAP_VERIFY && mw_heap_verify(self, &fault) == -EILSEQ)
        mw_misuse(self, MW_MISUSE_DAMAGE, fault, "");
}
