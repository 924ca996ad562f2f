/* gcbench: trees built from the root and from the leaves, beside a tree and an array that live. */
#include "plain.h"

enum { NUMBERS = 500000, LEAST = 4, STEP = 2 };

static uint64_t nodes_of(int depth)
{
    return ((uint64_t)2 << depth) - 1;
}

static uint64_t rounds_of(int stretch, int depth)
{
    return 2 * nodes_of(stretch) / nodes_of(depth);
}

static void fill(double *numbers)
{
    for (int i = 0; i < NUMBERS; i++)
        numbers[i] = 1.0 / (i + 1);
}

static void look(const double *numbers)
{
    if (numbers[NUMBERS / 2] != 1.0 / (NUMBERS / 2 + 1))
        bench_fail("gcbench: the array has changed");
}

/* ---- malloc ---- */

struct node {
    struct node *left, *right;
    uint64_t first, second;
};

static struct node *plain_node(struct node *left, struct node *right)
{
    struct node *node = plain_new(sizeof(*node));

    *node = (struct node){left, right, 0, 0};
    return node;
}

static void plain_populate(struct node *node, int depth)
{
    if (depth <= 0)
        return;
    node->left = plain_node(NULL, NULL);
    node->right = plain_node(NULL, NULL);
    plain_populate(node->left, depth - 1);
    plain_populate(node->right, depth - 1);
}

static struct node *plain_down(int depth)
{
    struct node *root = plain_node(NULL, NULL);

    plain_populate(root, depth);
    return root;
}

static struct node *plain_up(int depth)
{
    struct node *left, *right;

    if (depth <= 0)
        return plain_node(NULL, NULL);
    left = plain_up(depth - 1);
    right = plain_up(depth - 1);
    return plain_node(left, right);
}

static void plain_drop(struct node *node)
{
    if (PLAIN_COLLECTS)
        return;
    if (node->left != NULL) {
        plain_drop(node->left);
        plain_drop(node->right);
    }
    plain_free(node);
}

static uint64_t plain_round(struct node *(*build)(int depth), int depth, uint64_t *ops)
{
    struct node *root = build(depth);
    uint64_t check = root->left != NULL;

    *ops += nodes_of(depth);
    plain_drop(root);
    return check;
}

static struct bench_outcome plain(size_t size)
{
    int stretch = (int)size, lasting = stretch - STEP;
    struct bench_outcome outcome = {nodes_of(lasting) + 1, 0};
    struct node *kept;
    double *numbers;

    outcome.check += plain_round(plain_up, stretch, &outcome.ops);
    kept = plain_down(lasting);
    numbers = plain_new_leaf(NUMBERS * sizeof(*numbers));
    fill(numbers);
    for (int depth = LEAST; depth <= lasting; depth += STEP)
        for (uint64_t i = 0; i < rounds_of(stretch, depth); i++) {
            outcome.check += plain_round(plain_down, depth, &outcome.ops);
            outcome.check += plain_round(plain_up, depth, &outcome.ops);
        }
    outcome.check += kept->left != NULL;
    look(numbers);
    plain_drop(kept);
    plain_free(numbers);
    return outcome;
}

/* ---- the managed heap ---- */

enum { LEFT, RIGHT, FIRST, SECOND, WORDS };

struct trees {
    struct mw_heap *heap;
    const struct mw_heap_type *node, *numbers;
};

static void populate(const struct trees *self, struct mw_ref node, int depth)
{
    if (depth <= 0)
        return;

    MW_SCOPE(scope, self->heap);
    struct mw_ref left = bench_need(mw_heap_new(self->heap, self->node));
    struct mw_ref right;

    mw_heap_set(self->heap, node, LEFT, left);
    right = bench_need(mw_heap_new(self->heap, self->node));
    mw_heap_set(self->heap, node, RIGHT, right);
    populate(self, left, depth - 1);
    populate(self, right, depth - 1);
}

static struct mw_ref down(const struct trees *self, int depth)
{
    struct mw_ref root = bench_need(mw_heap_new(self->heap, self->node));

    populate(self, root, depth);
    return root;
}

static struct mw_ref up(const struct trees *self, int depth)
{
    if (depth <= 0)
        return bench_need(mw_heap_new(self->heap, self->node));

    MW_SCOPE(scope, self->heap);
    struct mw_ref left = up(self, depth - 1);
    struct mw_ref right = up(self, depth - 1);

    return bench_need(mw_scope_escape_pair(&scope, self->node, left, right));
}

typedef struct mw_ref build_fn(const struct trees *self, int depth);

static uint64_t managed_round(const struct trees *self, build_fn *build, int depth, uint64_t *ops)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref root = build(self, depth);

    *ops += nodes_of(depth);
    return !mw_ref_is_none(mw_heap_get(self->heap, root, LEFT));
}

static struct mw_ref make_numbers(const struct trees *self)
{
    size_t bytes = NUMBERS * sizeof(double);
    struct mw_ref numbers =
        bench_need(mw_heap_new_array(self->heap, self->numbers, bytes, MW_PLACE_YOUNG));

    mw_heap_raw_enter(self->heap);
    fill(mw_heap_raw(self->heap, numbers));
    mw_heap_raw_leave(self->heap);
    return numbers;
}

static void look_managed(const struct trees *self, struct mw_ref numbers)
{
    mw_heap_raw_enter(self->heap);
    look(mw_heap_raw(self->heap, numbers));
    mw_heap_raw_leave(self->heap);
}

static struct bench_outcome managed(const struct bench_heap *heap, size_t size)
{
    int stretch = (int)size, lasting = stretch - STEP;
    struct bench_outcome outcome = {nodes_of(lasting) + 1, 0};
    struct trees trees = {heap->heap, bench_type(heap->heap, "Node", WORDS, 2),
                          bench_array_type(heap->heap, "Numbers", MW_KIND_BYTES)};

    MW_SCOPE(scope, heap->heap);
    outcome.check += managed_round(&trees, up, stretch, &outcome.ops);
    struct mw_ref kept = down(&trees, lasting);
    struct mw_ref numbers = make_numbers(&trees);

    for (int depth = LEAST; depth <= lasting; depth += STEP)
        for (uint64_t i = 0; i < rounds_of(stretch, depth); i++) {
            outcome.check += managed_round(&trees, down, depth, &outcome.ops);
            outcome.check += managed_round(&trees, up, depth, &outcome.ops);
        }
    outcome.check += !mw_ref_is_none(mw_heap_get(heap->heap, kept, LEFT));
    look_managed(&trees, numbers);
    return outcome;
}

const struct bench_workload bench_gcbench = {
    "gcbench", "trees up to this depth from the root and from the leaves", 18, plain, managed, 0,
};
