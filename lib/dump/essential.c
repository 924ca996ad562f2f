/* Which edges keep their target alive, in the eyes of whoever looks for a leak. Not weak ones; not
 * those from the system to what a page reaches by itself, or nothing would be the page's; and of
 * the two edges to a value of a WeakMap only that of its key. */
#include "dump/dump_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool mw_dump_is_document(const struct mw_dump *self, uint32_t node)
{
    return self->type[node] == MW_DUMP_SYNTHETIC &&
           strcmp(mw_dump_name(self, node), "(Document DOM trees)") == 0;
}

/* ---- what belongs to a page ---- */

static bool leads_to_page(const struct mw_dump *self, uint32_t edge)
{
    if (self->edge_type[edge] == MW_DUMP_SHORTCUT)
        return true;
    return self->edge_type[edge] == MW_DUMP_ELEMENT &&
           mw_dump_is_document(self, self->edge_to[edge]);
}

static void mark_pages(const struct mw_dump *self, uint8_t *page, uint32_t *stack)
{
    uint32_t depth = 0;

    for (uint32_t i = self->first[self->root]; i < self->first[self->root + 1]; i++) {
        uint32_t to = self->edge_to[i];

        if (!leads_to_page(self, i) || page[to])
            continue;
        page[to] = 1;
        stack[depth++] = to;
    }
    while (depth > 0) {
        uint32_t node = stack[--depth];

        for (uint32_t i = self->first[node]; i < self->first[node + 1]; i++) {
            uint32_t to = self->edge_to[i];

            if (page[to] || self->edge_type[i] == MW_DUMP_WEAK)
                continue;
            page[to] = 1;
            stack[depth++] = to;
        }
    }
}

/* ---- values of WeakMaps ---- */

/* "2 / part of key (Key @11) -> value (Value @13) pair in WeakMap (table @9)": the id of the table,
 * 0 for any other text. */
static uint64_t table_of(const char *text)
{
    static const char middle[] = " / part of key (", end[] = " pair in WeakMap (table @";
    const char *at = text + strspn(text, "0123456789");

    if (at == text || strncmp(at, middle, sizeof middle - 1) != 0)
        return 0;
    at = strstr(at, end);
    return at ? strtoull(at + sizeof end - 1, NULL, 10) : 0;
}

static bool is_from_table(const struct mw_dump *self, uint32_t node, uint32_t edge)
{
    const char *text;

    if (self->edge_type[edge] != MW_DUMP_INTERNAL)
        return false;
    text = mw_dump_text(&self->texts, self->edge_name[edge]);
    return text[0] >= '0' && text[0] <= '9' && table_of(text) == self->id[node];
}

/* ---- all edges ---- */

static bool is_essential(const struct mw_dump *self, const uint8_t *page, uint32_t node,
                         uint32_t edge)
{
    uint32_t to = self->edge_to[edge];

    if (self->edge_type[edge] == MW_DUMP_WEAK || to == node || is_from_table(self, node, edge))
        return false;
    if (node == self->root)
        return true;
    return self->edge_type[edge] != MW_DUMP_SHORTCUT && (page[node] || !page[to]);
}

static void judge(struct mw_dump *self, const uint8_t *page)
{
    for (uint32_t node = 0; node < self->nodes; node++)
        for (uint32_t i = self->first[node]; i < self->first[node + 1]; i++)
            if (is_essential(self, page, node, i))
                self->essential[i >> 3] = (uint8_t)(self->essential[i >> 3] | 1U << (i & 7));
}

int mw_dump_find_essential(struct mw_dump *self)
{
    uint8_t *page = calloc(self->nodes, 1);
    uint32_t *stack = malloc(self->nodes * sizeof *stack);

    self->essential = calloc((size_t)self->edges / 8 + 1, 1);
    int r = page && stack && self->essential ? 0 : -ENOMEM;
    if (r == 0) {
        mark_pages(self, page, stack);
        judge(self, page);
    }
    free(page);
    free(stack);
    return r;
}
