/* External bytes: memory outside the heap that dies with an object of it.
 *
 * They cost nothing to mark, but a few objects may hold much, so they bring full collections
 * closer. What is attached to young objects stands in a list of its own, for scavenges. Release
 * calls are made when a collection is over; the objects are gone by then, and no call can bring
 * them back.
 */
#include "heap/compact_internal.h"

#include <errno.h>

static void push(struct mw_external **list, struct mw_external *entry)
{
    entry->next = *list;
    *list = entry;
}

static void die(struct mw_heap *self, struct mw_external *entry)
{
    self->external -= entry->bytes;
    push(&self->externals.dead, entry);
}

int mw_heap_attach_external_at(struct mw_heap *self, struct mw_ref ref, size_t bytes,
                               void (*release)(void *data), void *data, const char *where)
{
    MW_GUARD(self);
    uintptr_t *object = mw_handle_object(self, ref, where);
    struct mw_external *entry;

    if (self->collecting)
        mw_misuse(self, MW_MISUSE_CALLBACK, "memory outside is attached by a callback", where);
    if (self->collecting || (object == NULL && !mw_ref_is_none(ref)))
        return -EPERM;
    if (object == NULL || bytes > SIZE_MAX - self->external)
        return -EINVAL;
    entry = mw_heap_calloc(self, 1, sizeof(*entry));
    if (entry == NULL)
        return -ENOMEM;
    entry->object = (uintptr_t)object;
    entry->bytes = bytes;
    entry->release = release;
    entry->data = data;
    self->external += bytes;
    push(mw_is_young_object(self, entry->object) ? &self->externals.young : &self->externals.old,
         entry);
    if (self->external >= self->policy.external_full_at) { /* the next allocation collects */
        mw_nursery_retire(self);
        mw_old_forget_zeroes(&self->old);
    }
    return 0;
}

static void die_with(struct mw_heap *self, struct mw_external **list, uintptr_t object)
{
    while (*list != NULL) {
        struct mw_external *entry = *list;

        if (entry->object != object) {
            list = &entry->next;
            continue;
        }
        *list = entry->next;
        die(self, entry);
    }
}

size_t mw_heap_release_external_at(struct mw_heap *self, struct mw_ref ref, const char *where)
{
    MW_GUARD(self);
    const uintptr_t *object = mw_handle_object(self, ref, where);
    size_t bytes = self->external;
    bool before;

    if (self->collecting)
        mw_misuse(self, MW_MISUSE_CALLBACK, "memory outside is released by a callback", where);
    if (object == NULL || self->collecting)
        return 0;
    die_with(self, &self->externals.young, (uintptr_t)object);
    die_with(self, &self->externals.old, (uintptr_t)object);
    bytes -= self->external;
    before = mw_callbacks_begin(self);
    mw_external_release(self);
    mw_callbacks_end(self, before);
    return bytes;
}

void mw_external_scavenged(struct mw_heap *self, uintptr_t from, size_t size)
{
    struct mw_externals *lists = &self->externals;
    struct mw_external *entry = lists->young, *next;

    lists->young = NULL;
    for (; entry != NULL; entry = next) {
        next = entry->next;
        entry->object = mw_scavenged_place(from, size, entry->object);
        if (entry->object == 0)
            die(self, entry);
        else
            push(mw_is_young_object(self, entry->object) ? &lists->young : &lists->old, entry);
    }
}

static void clear_list(struct mw_heap *self, struct mw_external **list)
{
    while (*list != NULL) {
        struct mw_external *entry = *list;

        if (mw_mark_is_live(self, entry->object)) {
            list = &entry->next;
        } else {
            *list = entry->next;
            die(self, entry);
        }
    }
}

void mw_external_clear(struct mw_heap *self)
{
    clear_list(self, &self->externals.young);
    clear_list(self, &self->externals.old);
}

void mw_external_slid(struct mw_heap *self)
{
    for (struct mw_external *entry = self->externals.old; entry != NULL; entry = entry->next)
        mw_compact_update(self, &entry->object);
}

void mw_external_release(struct mw_heap *self)
{
    while (self->externals.dead != NULL) {
        struct mw_external *entry = self->externals.dead;

        self->externals.dead = entry->next;
        if (entry->release != NULL)
            entry->release(entry->data);
        mw_heap_free(self, entry, sizeof(*entry));
    }
}

static void give_up(struct mw_heap *self, struct mw_external **list)
{
    while (*list != NULL) {
        struct mw_external *entry = *list;

        *list = entry->next;
        die(self, entry);
    }
}

/* ---- in order, for snapshots ---- */

struct order {
    uint64_t (*rank)(void *context, uintptr_t object);
    void *context;
};

static struct mw_external *merge(const struct order *order, struct mw_external *left,
                                 struct mw_external *right)
{
    struct mw_external *first = NULL, **end = &first;

    while (left != NULL && right != NULL) {
        bool later =
            order->rank(order->context, right->object) < order->rank(order->context, left->object);
        struct mw_external **from = later ? &right : &left;

        *end = *from;
        end = &(*from)->next;
        *from = (*from)->next;
    }
    *end = left != NULL ? left : right;
    return first;
}

/* Merge sort from below: runs[i] is NULL or has 2^i entries, so 64 of them are enough. */
static struct mw_external *sort_list(const struct order *order, struct mw_external *list)
{
    struct mw_external *runs[64] = {NULL};
    struct mw_external *sorted = NULL, *next;

    for (; list != NULL; list = next) {
        struct mw_external *run = list;
        unsigned i = 0;

        next = list->next;
        run->next = NULL;
        for (; runs[i] != NULL; runs[i++] = NULL)
            run = merge(order, runs[i], run);
        runs[i] = run;
    }
    for (unsigned i = 0; i < 64; i++)
        sorted = merge(order, runs[i], sorted);
    return sorted;
}

void mw_external_sort(struct mw_heap *self, uint64_t (*rank)(void *context, uintptr_t object),
                      void *context)
{
    struct order order = {rank, context};

    self->externals.young = sort_list(&order, self->externals.young);
    self->externals.old = sort_list(&order, self->externals.old);
}

void mw_external_deinit(struct mw_heap *self)
{
    give_up(self, &self->externals.young);
    give_up(self, &self->externals.old);
    mw_external_release(self);
}
