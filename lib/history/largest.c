/* The largest of many: a binary heap with the smallest of them on top, which gives way to whatever
 * is larger. Of two equal amounts the one with the lower row counts as larger, so that the choice
 * does not depend on the order of the offers. */
#include "history/history_internal.h"

#include <stdlib.h>

int mw_largest_init(struct mw_largest *self, uint32_t limit)
{
    *self = (struct mw_largest){.limit = limit};
    self->entries = calloc(limit, sizeof(*self->entries));
    return self->entries != NULL ? 0 : -ENOMEM;
}

void mw_largest_deinit(struct mw_largest *self)
{
    free(self->entries);
}

static bool smaller(struct mw_largest_entry a, struct mw_largest_entry b)
{
    return a.amount < b.amount || (a.amount == b.amount && a.row > b.row);
}

static void swap(struct mw_largest_entry *a, struct mw_largest_entry *b)
{
    struct mw_largest_entry kept = *a;

    *a = *b;
    *b = kept;
}

static void rise(struct mw_largest *self, uint32_t at)
{
    while (at > 0 && smaller(self->entries[at], self->entries[(at - 1) / 2])) {
        swap(&self->entries[at], &self->entries[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sink(struct mw_largest *self, uint32_t at, uint32_t count)
{
    for (;;) {
        uint32_t left = 2 * at + 1, least = at;

        if (left < count && smaller(self->entries[left], self->entries[least]))
            least = left;
        if (left + 1 < count && smaller(self->entries[left + 1], self->entries[least]))
            least = left + 1;
        if (least == at)
            return;
        swap(&self->entries[at], &self->entries[least]);
        at = least;
    }
}

void mw_largest_offer(struct mw_largest *self, uint64_t amount, uint32_t row)
{
    struct mw_largest_entry entry = {amount, row};

    if (self->count < self->limit) {
        self->entries[self->count] = entry;
        rise(self, self->count++);
    } else if (smaller(self->entries[0], entry)) {
        self->entries[0] = entry;
        sink(self, 0, self->count);
    }
}

/* The smallest goes to the end, time after time. */
void mw_largest_sort(struct mw_largest *self)
{
    for (uint32_t left = self->count; left > 1; left--) {
        swap(&self->entries[0], &self->entries[left - 1]);
        sink(self, 0, left - 1);
    }
}
