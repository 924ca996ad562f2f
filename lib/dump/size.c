/* Whose bytes they are. The table of a Map and the elements of an Array are objects to V8, and to
 * nobody else: what is hidden or an array, and reached from one owner only, counts as part of that
 * one. This holds for files that have user's roots; a file without any shows memory as it lies. */
#include "dump/dump_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHARED (UINT32_MAX - 1) /* by more than one owner */

static bool has_user_roots(const struct mw_dump *self)
{
    for (uint32_t i = self->first[self->root]; i < self->first[self->root + 1]; i++) {
        uint32_t node = self->edge_to[i];

        if (self->type[node] != MW_DUMP_SYNTHETIC || mw_dump_is_document(self, node))
            return true;
    }
    return false;
}

static bool is_part(const struct mw_dump *self, uint32_t node)
{
    if (self->type[node] == MW_DUMP_HIDDEN || self->type[node] == MW_DUMP_ARRAY)
        return true;
    return self->type[node] == MW_DUMP_NATIVE &&
           strcmp(mw_dump_name(self, node), "system / ExternalStringData") == 0;
}

/* A node comes onto the stack at most twice: when it gets an owner, and when it gets a second. */
static void spread(const struct mw_dump *self, uint32_t *owner, uint32_t *stack, size_t depth)
{
    while (depth > 0) {
        uint32_t node = stack[--depth];

        for (uint32_t i = self->first[node]; i < self->first[node + 1]; i++) {
            uint32_t to = self->edge_to[i];

            if (self->edge_type[i] == MW_DUMP_WEAK || owner[to] == to || owner[to] == SHARED ||
                owner[to] == owner[node])
                continue;
            owner[to] = owner[to] == MW_DUMP_NO ? owner[node] : SHARED;
            stack[depth++] = to;
        }
    }
}

static void move(struct mw_dump *self, const uint32_t *owner)
{
    for (uint32_t i = 0; i < self->nodes; i++) {
        uint32_t to = owner[i];

        if (to == i || to == SHARED || to == MW_DUMP_NO || self->type[to] == MW_DUMP_SYNTHETIC ||
            to == self->root)
            continue;
        self->size[to] += self->size[i];
        self->size[i] = 0;
    }
}

int mw_dump_move_sizes(struct mw_dump *self)
{
    uint32_t *owner, *stack;
    size_t depth = 0;

    if (!has_user_roots(self))
        return 0;
    owner = malloc(self->nodes * sizeof *owner);
    stack = malloc(2 * (size_t)self->nodes * sizeof *stack);
    if (owner && stack) {
        for (uint32_t i = 0; i < self->nodes; i++) {
            owner[i] = is_part(self, i) ? MW_DUMP_NO : i;
            if (owner[i] == i)
                stack[depth++] = i;
        }
        spread(self, owner, stack, depth);
        move(self, owner);
    }
    int r = owner && stack ? 0 : -ENOMEM;
    free(owner);
    free(stack);
    return r;
}
