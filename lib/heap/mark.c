/* Marking: which old objects can be reached.
 *
 * An object is marked when it is pushed, so it is pushed once and the stack's table cannot
 * overflow; its last word is marked, and its bytes counted, when it is popped and its header is at
 * hand. Between the stack and the scan stands a short queue: an object is asked for from memory
 * when it enters, and has come when it leaves.
 *
 * Arrays, of references or of structures, are taken in pieces: the stack then holds how far it got
 * and, above, the array's address with bit 0 set. Records come in one piece; they have 16,000 words
 * at most.
 */
#include "heap/heap_internal.h"

#include <string.h>

enum { QUEUE = 16, PIECE = 4096, CONTINUED = 1 };

struct queue {
    uintptr_t slots[QUEUE];
    unsigned at, count;
};

/* Returns whether the object was not marked yet. */
MW_ALWAYS_INLINE bool mark_first(struct mw_heap *self, uintptr_t object)
{
    struct mw_page *page;
    size_t word;
    uint64_t bit;

    if (mw_is_young(&self->nursery, object)) {
        uint64_t *header = (uint64_t *)object;

        if (!self->marker.young || *header & MW_FLAG_MARKED)
            return false;
        *header |= MW_FLAG_MARKED;
        return true;
    }
    page = mw_page_of(object);
    word = mw_page_word(page, object);
    bit = (uint64_t)1 << word % 64;
    if (page->marks[word / 64] & bit)
        return false;
    page->marks[word / 64] |= bit;
    return true;
}

/* Has the form of a visit. NOLINTNEXTLINE(readability-non-const-parameter) */
MW_ALWAYS_INLINE void mark_slot(void *context, uintptr_t *slot)
{
    struct mw_heap *self = context;

    if (*slot != 0 && mark_first(self, *slot))
        mw_stack_push(&self->marker.stack, *slot);
}

static void mark_root(void *context, uintptr_t *slot)
{
    mark_slot(context, slot);
}

void mw_mark_object(struct mw_heap *self, uintptr_t object)
{
    mark_root(self, &object);
}

bool mw_mark_is_live(const struct mw_heap *self, uintptr_t object)
{
    if (mw_is_young(&self->nursery, object))
        return *(uint64_t *)object & MW_FLAG_MARKED;
    return mw_mark_test(object);
}

/* ---- scanning ---- */

static void count_live(uintptr_t object, uint64_t header)
{
    struct mw_page *page = mw_page_of(object);

    page->live += mw_header_bytes(header);
    if (!page->large)
        mw_mark_set_bit(page, mw_page_word(page, object) + mw_header_words(header) - 1);
}

/* Returns how many words were looked at. */
static size_t scan_array(struct mw_heap *self, uintptr_t *object, size_t from)
{
    const struct mw_shape *shape = &self->types.shapes[mw_header_type(object[0])];
    size_t end = mw_header_words(object[0]);
    size_t stop = end - from > PIECE ? from + PIECE : end;

    if (stop < end) {
        mw_stack_push(&self->marker.stack, stop);
        mw_stack_push(&self->marker.stack, (uintptr_t)object | CONTINUED);
    }
    mw_visit_part(shape, object, object + from, object + stop, mark_slot, self);
    return stop - from;
}

MW_ALWAYS_INLINE size_t scan_object(struct mw_heap *self, uintptr_t *object)
{
    uint64_t header = object[0];

    if (header & MW_FLAG_OLD)
        count_live((uintptr_t)object, header);
    if (mw_header_words(header) > PIECE &&
        mw_shape_has_parts(&self->types.shapes[mw_header_type(header)]))
        return scan_array(self, object, 1);
    mw_visit_object(self->types.shapes, object, header, mark_slot, self);
    return mw_header_words(header);
}

static bool exchange(struct queue *self, uintptr_t in, uintptr_t *ret_out)
{
    *ret_out = self->slots[self->at];
    self->slots[self->at] = in;
    self->at = (self->at + 1) % QUEUE;
    self->count += (in != 0);
    self->count -= (*ret_out != 0);
    return *ret_out != 0;
}

static void put_back(struct mw_heap *self, const struct queue *queue)
{
    for (unsigned i = 0; i < QUEUE; i++)
        if (queue->slots[i] != 0)
            mw_stack_push(&self->marker.stack, queue->slots[i]);
}

/* The next object, on its way from memory; 0 when it was a piece of an array, or nothing is left.
 */
static uintptr_t pop(struct mw_heap *self, size_t *words)
{
    struct mw_stack *stack = &self->marker.stack;
    uintptr_t entry;

    if (stack->top == stack->base)
        return 0;
    entry = *--stack->top;
    if (entry & CONTINUED) {
        size_t from = *--stack->top;

        *words += scan_array(self, (uintptr_t *)(entry - CONTINUED), from);
        return 0;
    }
    __builtin_prefetch((void *)entry);
    return entry;
}

bool mw_mark_some(struct mw_heap *self, size_t words)
{
    struct mw_stack *stack = &self->marker.stack;
    struct queue queue = {.count = 0};
    uintptr_t object;
    size_t done = 0;

    while (done < words && (stack->top > stack->base || queue.count > 0))
        if (exchange(&queue, pop(self, &done), &object))
            done += scan_object(self, (uintptr_t *)object);
    put_back(self, &queue);
    return stack->top > stack->base;
}

void mw_mark_drain(struct mw_heap *self)
{
    mw_mark_some(self, SIZE_MAX);
}

/* ---- phases ---- */

bool mw_mark_prepare(struct mw_heap *self)
{
    return mw_stack_prepare(&self->marker.stack, mw_policy_mark_stack(mw_old_used(self)));
}

static void clear_marks(struct mw_page *page)
{
    memset(page->marks, 0, sizeof(page->marks));
    page->live = 0;
}

void mw_mark_begin(struct mw_heap *self)
{
    self->marker.stack.top = self->marker.stack.base;
    for (size_t i = 0; i < self->pool.page_max; i++)
        if (self->pool.roles[i] == MW_ROLE_USED)
            clear_marks(mw_pool_page(&self->pool, i));
    for (struct mw_page *page = self->large.first; page != NULL; page = page->next)
        clear_marks(page);
    self->marker.active = true;
    self->front.barrier = MW_FLAG_WATCHED | MW_FLAG_OLD;
    mw_barrier_adjust(self);
}

void mw_mark_roots(struct mw_heap *self)
{
    for (uintptr_t *slot = self->handles; slot < self->front.handle_top; slot++)
        mark_root(self, slot);
    for (struct mw_global *global = self->globals.first; global != self->globals.first_weak;
         global = global->next)
        mark_root(self, &global->value);
}

void mw_mark_from_young(struct mw_heap *self)
{
    char *at = mw_nursery_half(&self->nursery, self->nursery.from);

    while (at < self->front.top) {
        uintptr_t *object = (uintptr_t *)(void *)at;

        mw_visit_object(self->types.shapes, object, object[0], mark_slot, self);
        at += mw_header_bytes(object[0]);
    }
}

void mw_mark_from_remembered(struct mw_heap *self)
{
    for (uintptr_t *entry = self->remembered.base; entry < self->remembered.top; entry++) {
        uintptr_t *holder = (uintptr_t *)*entry;

        if (mw_mark_test(*entry))
            mw_visit_object(self->types.shapes, holder, holder[0], mark_slot, self);
    }
}

void mw_mark_end(struct mw_heap *self)
{
    self->marker.active = false;
    self->marker.young = false;
    self->front.barrier = MW_FLAG_WATCHED;
    mw_barrier_adjust(self);
}
