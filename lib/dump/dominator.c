/* Who alone keeps whom alive: the dominator of a node is the last one that all ways from the root
 * to it have in common, and what a node retains are the sizes of all that it dominates.
 *
 * The algorithm is that of Lengauer and Tarjan (1979), with the simple form of path compression:
 * its bound of m log n holds for every graph, which files by others may be. All arrays are in the
 * order of the walk, 1 and on, so that 0 is no node, and neighbours in the tree are neighbours in
 * memory.
 *
 * Nodes that only weak edges lead to are dominated by the root, and their own trees hang below
 * them.
 */
#include "dump/dump_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tree {
    struct mw_dump *dump;
    uint32_t count;            /* nodes so far */
    uint32_t lone;             /* from this one on, all stand below the root */
    uint32_t *number, *vertex; /* node -> its number, and back */
    uint32_t *parent, *semi, *label, *ancestor, *dominator;
    uint32_t *bucket, *next;  /* lists of nodes by their semidominator */
    uint32_t *cursor;         /* of a node: the edge to look at next; later a stack */
    uint32_t *first, *before; /* the nodes with an edge to a node: before[first[n]..] */
};

static bool allocate(struct tree *self)
{
    uint32_t **const arrays[] = {&self->number, &self->vertex,    &self->parent, &self->semi,
                                 &self->label,  &self->ancestor,  &self->bucket, &self->next,
                                 &self->cursor, &self->dominator, &self->first};
    size_t count = (size_t)self->dump->nodes + 3;

    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        *arrays[i] = calloc(count, sizeof(uint32_t));
        if (!*arrays[i])
            return false;
    }
    self->before = malloc(((size_t)self->dump->edges + 1) * sizeof(uint32_t));
    return self->before;
}

static void deinit(struct tree *self)
{
    uint32_t *const arrays[] = {self->number, self->vertex,    self->parent, self->semi,
                                self->label,  self->ancestor,  self->bucket, self->next,
                                self->cursor, self->dominator, self->first,  self->before};

    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        free(arrays[i]);
}

/* ---- the walk ---- */

static void enter(struct tree *self, uint32_t node, uint32_t parent)
{
    uint32_t number = ++self->count;

    self->number[node] = number;
    self->vertex[number] = node;
    self->parent[number] = parent;
    self->semi[number] = self->label[number] = number;
    self->cursor[node] = self->dump->first[node];
}

/* The next node that was not seen yet; MW_DUMP_NO when there is none. */
static uint32_t next_child(struct tree *self, uint32_t node)
{
    const struct mw_dump *dump = self->dump;

    while (self->cursor[node] < dump->first[node + 1]) {
        uint32_t edge = self->cursor[node]++;

        if (mw_dump_is_essential(dump, edge) && self->number[dump->edge_to[edge]] == 0)
            return dump->edge_to[edge];
    }
    return MW_DUMP_NO;
}

static void walk(struct tree *self, uint32_t root, uint32_t parent)
{
    uint32_t node = root;

    enter(self, root, parent);
    for (;;) {
        uint32_t child = next_child(self, node);

        if (child != MW_DUMP_NO) {
            enter(self, child, self->number[node]);
            node = child;
        } else if (node == root) {
            return;
        } else {
            node = self->vertex[self->parent[self->number[node]]];
        }
    }
}

/* Those that no edge at all leads to. bucket[] is not in use yet. */
static void walk_orphans(struct tree *self)
{
    const struct mw_dump *dump = self->dump;

    for (uint32_t i = 0; i < dump->edges; i++)
        if (mw_dump_is_essential(dump, i))
            self->bucket[dump->edge_to[i]] = 1;
    for (uint32_t i = 0; i < dump->nodes; i++)
        if (!self->bucket[i] && self->number[i] == 0)
            walk(self, i, 1);
    memset(self->bucket, 0, dump->nodes * sizeof *self->bucket);
}

static void walk_all(struct tree *self)
{
    struct mw_dump *dump = self->dump;

    walk(self, dump->root, 0);
    dump->unreachable = dump->nodes - self->count;
    if (dump->unreachable > 0)
        walk_orphans(self);
    self->lone = self->count + 1;
    for (uint32_t i = 0; i < dump->nodes && self->count < dump->nodes; i++)
        if (self->number[i] == 0)
            enter(self, i, 1);
}

/* ---- edges backwards ---- */

static void count_before(struct tree *self)
{
    const struct mw_dump *dump = self->dump;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < dump->edges; i++)
        if (mw_dump_is_essential(dump, i))
            self->first[self->number[dump->edge_to[i]] + 1]++;
    for (uint32_t i = 0; i <= self->count + 1; i++) {
        sum += self->first[i];
        self->first[i] = sum;
    }
}

/* The cursors of the walk are free again. */
static void find_before(struct tree *self)
{
    const struct mw_dump *dump = self->dump;

    count_before(self);
    for (uint32_t i = 1; i <= self->count; i++)
        self->cursor[i] = self->first[i];
    for (uint32_t number = 1; number <= self->count; number++) {
        uint32_t node = self->vertex[number];

        for (uint32_t i = dump->first[node]; i < dump->first[node + 1]; i++)
            if (mw_dump_is_essential(dump, i))
                self->before[self->cursor[self->number[dump->edge_to[i]]]++] = number;
    }
}

/* ---- dominators ---- */

/* Shortens the way up from a node, and brings down the best label on it. */
static void compress(struct tree *self, uint32_t v)
{
    uint32_t depth = 0;

    while (self->ancestor[self->ancestor[v]] != 0) {
        self->cursor[depth++] = v;
        v = self->ancestor[v];
    }
    while (depth > 0) {
        uint32_t w = self->cursor[--depth], above = self->ancestor[w];

        if (self->semi[self->label[above]] < self->semi[self->label[w]])
            self->label[w] = self->label[above];
        self->ancestor[w] = self->ancestor[above];
    }
}

static uint32_t evaluate(struct tree *self, uint32_t v)
{
    if (self->ancestor[v] == 0)
        return v;
    compress(self, v);
    return self->label[v];
}

static void find_semi(struct tree *self, uint32_t w)
{
    if (w >= self->lone || self->first[w] == self->first[w + 1])
        self->semi[w] = 1;
    for (uint32_t i = self->first[w]; i < self->first[w + 1]; i++) {
        uint32_t u = evaluate(self, self->before[i]);

        if (self->semi[u] < self->semi[w])
            self->semi[w] = self->semi[u];
    }
}

static void empty_bucket(struct tree *self, uint32_t parent)
{
    for (uint32_t v = self->bucket[parent]; v != 0; v = self->next[v]) {
        uint32_t u = evaluate(self, v);

        self->dominator[v] = self->semi[u] < self->semi[v] ? u : parent;
    }
    self->bucket[parent] = 0;
}

static void find_dominators(struct tree *self)
{
    for (uint32_t w = self->count; w >= 2; w--) {
        find_semi(self, w);
        self->next[w] = self->bucket[self->semi[w]];
        self->bucket[self->semi[w]] = w;
        self->ancestor[w] = self->parent[w];
        empty_bucket(self, self->parent[w]);
    }
    self->dominator[1] = 1;
    for (uint32_t w = 2; w <= self->count; w++)
        if (self->dominator[w] != self->semi[w])
            self->dominator[w] = self->dominator[self->dominator[w]];
}

static void put_results(const struct tree *self)
{
    struct mw_dump *dump = self->dump;

    for (uint32_t w = 1; w <= self->count; w++) {
        dump->dominator[self->vertex[w]] = self->vertex[self->dominator[w]];
        dump->retained[self->vertex[w]] = dump->size[self->vertex[w]];
    }
    for (uint32_t w = self->count; w >= 2; w--)
        dump->retained[self->vertex[self->dominator[w]]] += dump->retained[self->vertex[w]];
}

int mw_dump_find_dominators(struct mw_dump *self)
{
    struct tree tree = {.dump = self};
    bool good = allocate(&tree);

    self->dominator = malloc(self->nodes * sizeof *self->dominator);
    self->retained = malloc(self->nodes * sizeof *self->retained);
    good = good && self->dominator && self->retained;
    if (good) {
        walk_all(&tree);
        find_before(&tree);
        find_dominators(&tree);
        put_results(&tree);
    }
    deinit(&tree);
    return good ? 0 : -ENOMEM;
}
