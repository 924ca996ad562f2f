/* bintrees: binary trees of many sizes, most of them dead at once, one that lives.
 *
 * On a plain allocator a parent is made before its children, as such programs are commonly written.
 * On the managed heap the children come first, as handles are given up with their scope. Children
 * first, and leaves in line, would take an eighth off bdwgc, and more off malloc. */
#include "plain.h"

/* ---- malloc ---- */

struct tree {
    struct tree *left, *right;
};

static struct tree *plain_make(int depth)
{
    struct tree *tree = plain_new(sizeof(*tree));

    tree->left = depth > 0 ? plain_make(depth - 1) : NULL;
    tree->right = depth > 0 ? plain_make(depth - 1) : NULL;
    return tree;
}

static uint64_t plain_count(const struct tree *tree)
{
    return tree->left != NULL ? 1 + plain_count(tree->left) + plain_count(tree->right) : 1;
}

static void plain_drop(struct tree *tree)
{
    if (tree->left != NULL) {
        plain_drop(tree->left);
        plain_drop(tree->right);
    }
    plain_free(tree);
}

static uint64_t plain_round(int depth)
{
    struct tree *tree = plain_make(depth);
    uint64_t count = plain_count(tree);

    if (!PLAIN_COLLECTS)
        plain_drop(tree);
    return count;
}

static struct bench_outcome plain(size_t size)
{
    int depth = (int)size;
    uint64_t check = plain_round(depth + 1);
    struct tree *kept = plain_make(depth);

    for (int d = 4; d <= depth; d += 4)
        for (int i = 0; i < 1 << (depth - d + 4); i++)
            check += plain_round(d);
    check += plain_count(kept);
    plain_drop(kept);
    return (struct bench_outcome){check, check};
}

/* ---- the managed heap ---- */

static struct mw_ref join(struct mw_heap *heap, const struct mw_heap_type *type, int depth);

/* Half of all nodes are leaves: in line, they need no call. */
static inline struct mw_ref make(struct mw_heap *heap, const struct mw_heap_type *type, int depth)
{
    return depth == 0 ? bench_need(mw_heap_new(heap, type)) : join(heap, type, depth);
}

static struct mw_ref join(struct mw_heap *heap, const struct mw_heap_type *type, int depth)
{
    MW_SCOPE(scope, heap);
    struct mw_ref left = make(heap, type, depth - 1);
    struct mw_ref right = make(heap, type, depth - 1);

    return bench_need(mw_scope_escape_pair(&scope, type, left, right));
}

/* Counting allocates nothing, so raw pointers will do. */
struct raw_tree {
    uintptr_t left, right;
};

static uint64_t raw_count(const struct raw_tree *tree)
{
    if (tree->left == 0)
        return 1;
    return 1 + raw_count(mw_heap_payload(tree->left)) + raw_count(mw_heap_payload(tree->right));
}

static uint64_t count(struct mw_heap *heap, struct mw_ref tree)
{
    uint64_t nodes;

    mw_heap_raw_enter(heap);
    nodes = raw_count(mw_heap_raw(heap, tree));
    mw_heap_raw_leave(heap);
    return nodes;
}

static uint64_t managed_round(struct mw_heap *heap, const struct mw_heap_type *type, int depth)
{
    MW_SCOPE(scope, heap);

    return count(heap, make(heap, type, depth));
}

static struct bench_outcome managed(const struct bench_heap *self, size_t size)
{
    struct mw_heap *heap = self->heap;
    const struct mw_heap_type *type = bench_type(heap, "Tree", 2, 2);
    int depth = (int)size;

    MW_SCOPE(scope, heap);
    uint64_t check = managed_round(heap, type, depth + 1);
    struct mw_ref kept = make(heap, type, depth);

    for (int d = 4; d <= depth; d += 4)
        for (int i = 0; i < 1 << (depth - d + 4); i++)
            check += managed_round(heap, type, d);
    check += count(heap, kept);
    return (struct bench_outcome){check, check};
}

const struct bench_workload bench_bintrees = {
    "bintrees", "binary trees up to this depth, made, counted, dropped", 18, plain, managed, 0,
};
