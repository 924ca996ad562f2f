/* What grew. Objects are matched by their ids, classes by their names. */
#include "dump/dump_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct side {
    const struct mw_dump *dump;
    uint32_t *row;   /* class -> row of the result */
    uint32_t *child; /* the tree of dominators: first child, next sibling */
    uint32_t *sibling;
};

struct compare {
    struct side a, b;
    uint32_t *old;      /* node of B -> the same in A, or MW_DUMP_NO */
    uint8_t *kept;      /* node of A: it is in B as well */
    uint32_t *open;     /* by row: ancestors of that class */
    struct name *names; /* of both sides */
    struct mw_dump_diff *diff;
};

/* ---- classes of both ---- */

struct name {
    const char *text;
    uint32_t *row;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

static size_t add_names(struct name *names, size_t count, const struct side *side)
{
    for (uint32_t i = 0; i < side->dump->classes.count; i++)
        names[count++] = (struct name){mw_dump_text(&side->dump->classes, i), &side->row[i]};
    return count;
}

static void match_classes(struct compare *self)
{
    struct mw_dump_diff *diff = self->diff;
    size_t count = add_names(self->names, 0, &self->a);

    count = add_names(self->names, count, &self->b);
    qsort(self->names, count, sizeof *self->names, by_text);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(self->names[i].text, self->names[i - 1].text) != 0)
            diff->classes[diff->class_count++].class_name = self->names[i].text;
        *self->names[i].row = (uint32_t)(diff->class_count - 1);
    }
}

/* ---- objects of both ---- */

static uint32_t mix(uint32_t id)
{
    uint64_t hash = id * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)(hash >> 32);
}

static uint32_t *find_slot(const struct mw_dump *dump, uint32_t *slots, uint32_t mask, uint32_t id)
{
    uint32_t at = mix(id) & mask;

    while (slots[at] != MW_DUMP_NO && dump->id[slots[at]] != id)
        at = (at + 1) & mask;
    return &slots[at];
}

static int match_objects(struct compare *self)
{
    const struct mw_dump *a = self->a.dump, *b = self->b.dump;
    size_t size = 256;
    uint32_t *slots;

    while (size < (size_t)2 * a->nodes && size < (size_t)1 << 32)
        size *= 2;
    slots = malloc(size * sizeof *slots);
    if (!slots)
        return -ENOMEM;
    memset(slots, 0xff, size * sizeof *slots);
    for (uint32_t i = 0; i < a->nodes; i++) {
        uint32_t *slot = find_slot(a, slots, (uint32_t)(size - 1), a->id[i]);

        *slot = *slot == MW_DUMP_NO ? i : *slot;
    }
    for (uint32_t i = 0; i < b->nodes; i++) {
        self->old[i] = *find_slot(a, slots, (uint32_t)(size - 1), b->id[i]);
        if (self->old[i] != MW_DUMP_NO)
            self->kept[self->old[i]] = 1;
    }
    free(slots);
    return 0;
}

static void count_objects(struct compare *self)
{
    struct mw_dump_growth *classes = self->diff->classes;

    for (uint32_t i = 0; i < self->a.dump->nodes; i++) {
        struct mw_dump_growth *row = &classes[self->a.row[self->a.dump->class[i]]];
        uint64_t size = self->a.dump->size[i];

        row->count--;
        row->size -= (int64_t)size;
        row->gone += !self->kept[i];
        row->gone_size += self->kept[i] ? 0 : size;
        self->diff->size -= (int64_t)size;
    }
    for (uint32_t i = 0; i < self->b.dump->nodes; i++) {
        struct mw_dump_growth *row = &classes[self->b.row[self->b.dump->class[i]]];
        uint64_t size = self->b.dump->size[i];
        bool is_new = self->old[i] == MW_DUMP_NO;

        row->count++;
        row->size += (int64_t)size;
        row->added += is_new;
        row->added_size += is_new ? size : 0;
        self->diff->size += (int64_t)size;
    }
}

/* ---- what classes retain ---- */

static void build_tree(struct side *self)
{
    const struct mw_dump *dump = self->dump;

    memset(self->child, 0xff, dump->nodes * sizeof *self->child);
    memset(self->sibling, 0xff, dump->nodes * sizeof *self->sibling);
    for (uint32_t i = 0; i < dump->nodes; i++) {
        uint32_t above = dump->dominator[i];

        if (i == dump->root)
            continue;
        self->sibling[i] = self->child[above];
        self->child[above] = i;
    }
}

/* Down the tree and up again, with no memory but the tree. An object below another one of its class
 * is counted with that one. */
static void add_retained(struct compare *self, const struct side *side, int64_t sign)
{
    const struct mw_dump *dump = side->dump;
    uint32_t node = dump->root;

    for (bool down = true;;) {
        uint32_t row = side->row[dump->class[node]];

        if (down) {
            if (self->open[row]++ == 0)
                self->diff->classes[row].retained += sign * (int64_t)dump->retained[node];
            if (side->child[node] != MW_DUMP_NO) {
                node = side->child[node];
                continue;
            }
        }
        self->open[row]--;
        if (node == dump->root)
            return;
        down = side->sibling[node] != MW_DUMP_NO;
        node = down ? side->sibling[node] : dump->dominator[node];
    }
}

/* ---- where it grew ---- */

static int64_t growth_of(const struct compare *self, uint32_t node)
{
    uint32_t old = self->old[node];

    return (int64_t)self->b.dump->retained[node] -
           (old == MW_DUMP_NO ? 0 : (int64_t)self->a.dump->retained[old]);
}

/* The child that grew most; MW_DUMP_NO when there is none. */
static uint32_t largest_child(const struct compare *self, uint32_t node, bool only_new)
{
    uint32_t best = MW_DUMP_NO;

    for (uint32_t i = self->b.child[node]; i != MW_DUMP_NO; i = self->b.sibling[i]) {
        if (only_new && self->old[i] != MW_DUMP_NO)
            continue;
        if (best == MW_DUMP_NO || growth_of(self, i) > growth_of(self, best))
            best = i;
    }
    return best;
}

static bool is_part(const struct mw_dump *dump, uint32_t node)
{
    return dump->type[node] == MW_DUMP_ARRAY || dump->type[node] == MW_DUMP_HIDDEN;
}

/* A table or a group of roots says little: what is in it says what it is full of. */
static uint32_t find_example(const struct compare *self, uint32_t grown)
{
    uint32_t node = grown, inner;

    if (self->old[node] != MW_DUMP_NO) {
        inner = largest_child(self, node, true);
        if (inner == MW_DUMP_NO)
            return self->diff->new_count > 0 ? self->diff->news[0].position : node;
        node = inner;
    }
    while (is_part(self->b.dump, node) || self->b.dump->type[node] == MW_DUMP_SYNTHETIC) {
        inner = largest_child(self, node, true);
        if (inner == MW_DUMP_NO)
            break;
        node = inner;
    }
    return node;
}

/* Likewise, whose table it is. */
static uint32_t find_owner(const struct compare *self, uint32_t node)
{
    const struct mw_dump *b = self->b.dump;
    uint32_t owner = node;

    while (is_part(b, owner) && owner != b->root)
        owner = b->dominator[owner];
    return b->type[owner] == MW_DUMP_SYNTHETIC || owner == b->root ? node : owner;
}

static void find_grown(struct compare *self)
{
    struct mw_dump_diff *diff = self->diff;
    uint32_t node = self->b.dump->root;

    diff->grown = diff->example = MW_DUMP_NONE;
    diff->grown_by = 0;
    if (growth_of(self, node) <= 0)
        return;
    while (self->old[node] != MW_DUMP_NO) {
        uint32_t child = largest_child(self, node, false);

        if (child == MW_DUMP_NO || growth_of(self, child) <= growth_of(self, node) / 2)
            break;
        node = child;
    }
    diff->example = find_example(self, node);
    diff->grown = find_owner(self, node);
    diff->grown_by = growth_of(self, (uint32_t)diff->grown);
}

static void offer_new(struct mw_dump_diff *diff, uint32_t position, uint64_t retained)
{
    size_t at = diff->new_count < MW_DUMP_NEW_MAX ? diff->new_count++ : MW_DUMP_NEW_MAX;

    for (; at > 0 && diff->news[at - 1].retained < retained; at--)
        if (at < MW_DUMP_NEW_MAX)
            diff->news[at] = diff->news[at - 1];
    if (at < MW_DUMP_NEW_MAX)
        diff->news[at] = (struct mw_dump_new){position, retained};
}

static void find_new(struct compare *self)
{
    const struct mw_dump *b = self->b.dump;

    for (uint32_t i = 0; i < b->nodes; i++)
        if (self->old[i] == MW_DUMP_NO && i != b->root && self->old[b->dominator[i]] != MW_DUMP_NO)
            offer_new(self->diff, i, b->retained[i]);
}

/* ---- all of it ---- */

static int by_growth(const void *left, const void *right)
{
    const struct mw_dump_growth *a = left, *b = right;

    if (a->size != b->size)
        return a->size < b->size ? 1 : -1;
    if (a->retained != b->retained)
        return a->retained < b->retained ? 1 : -1;
    return strcmp(a->class_name, b->class_name);
}

static bool differs(const struct mw_dump_growth *row)
{
    return row->added > 0 || row->gone > 0 || row->size != 0 || row->retained != 0;
}

static void sort_classes(struct mw_dump_diff *self)
{
    size_t count = 0;

    for (size_t i = 0; i < self->class_count; i++)
        if (differs(&self->classes[i]))
            self->classes[count++] = self->classes[i];
    self->class_count = count;
    qsort(self->classes, count, sizeof *self->classes, by_growth);
}

static int compare(struct compare *self)
{
    int r = match_objects(self);

    if (r < 0)
        return r;
    match_classes(self);
    count_objects(self);
    build_tree(&self->a);
    build_tree(&self->b);
    add_retained(self, &self->a, -1);
    add_retained(self, &self->b, 1);
    find_new(self);
    find_grown(self);
    sort_classes(self->diff);
    return 0;
}

static bool side_init(struct side *self, const struct mw_dump *dump)
{
    self->dump = dump;
    self->row = calloc(dump->classes.count, sizeof *self->row);
    self->child = calloc(dump->nodes, sizeof *self->child);
    self->sibling = calloc(dump->nodes, sizeof *self->sibling);
    return self->row && self->child && self->sibling;
}

static void side_deinit(struct side *self)
{
    free(self->row);
    free(self->child);
    free(self->sibling);
}

int mw_dump_compare(const struct mw_dump *a, const struct mw_dump *b, struct mw_dump_diff **ret)
{
    struct compare self = {.diff = calloc(1, sizeof *self.diff)};
    size_t classes = (size_t)a->classes.count + b->classes.count;
    bool good = side_init(&self.a, a);

    good = side_init(&self.b, b) && good && self.diff;
    self.old = calloc(b->nodes, sizeof *self.old);
    self.kept = calloc(a->nodes, 1);
    self.open = calloc(classes, sizeof *self.open);
    self.names = calloc(classes, sizeof *self.names);
    if (good)
        self.diff->classes = calloc(classes, sizeof *self.diff->classes);
    good = good && self.old && self.kept && self.open && self.names && self.diff->classes;
    int r = good ? compare(&self) : -ENOMEM;
    side_deinit(&self.a);
    side_deinit(&self.b);
    free(self.old);
    free(self.kept);
    free(self.open);
    free(self.names);
    if (r == 0)
        *ret = self.diff;
    else
        mw_dump_diff_destroy(self.diff);
    return r;
}

struct mw_dump_diff *mw_dump_diff_destroy(struct mw_dump_diff *self)
{
    if (!self)
        return NULL;
    free(self->classes);
    free(self);
    return NULL;
}
