/* heap_bench WORKLOAD [--allocator memwatch|glibc] [--depth N] [--semi KIB] [--json]: what the
 * managed heap costs beside malloc.
 *
 * The workload runs twice in one process; the second run counts, with memory in place, as in a
 * daemon. Figures are CPU time: other programs on the machine do not count.
 */
#include "heap/heap.h"

#include "base/clock.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct options {
    const char *workload, *allocator;
    int depth;
    size_t semi;
    bool json;
};

struct outcome {
    uint64_t ops, check;
    uint64_t max_pause_ns;
    uint64_t p99_pause_ns;
};

static int fail(const char *what)
{
    fprintf(stderr, "heap_bench: %s\n", what);
    exit(2);
}

/* ---- bintrees with malloc ---- */

struct plain {
    struct plain *left, *right;
};

static struct plain *plain_make(int depth)
{
    struct plain *node = malloc(sizeof(*node));

    if (node == NULL)
        fail("out of memory");
    node->left = depth > 0 ? plain_make(depth - 1) : NULL;
    node->right = depth > 0 ? plain_make(depth - 1) : NULL;
    return node;
}

static uint64_t plain_count(const struct plain *node)
{
    return node->left != NULL ? 1 + plain_count(node->left) + plain_count(node->right) : 1;
}

static void plain_destroy(struct plain *node)
{
    if (node->left != NULL) {
        plain_destroy(node->left);
        plain_destroy(node->right);
    }
    free(node);
}

static uint64_t plain_round(int depth)
{
    struct plain *tree = plain_make(depth);
    uint64_t count = plain_count(tree);

    plain_destroy(tree);
    return count;
}

static uint64_t plain_bintrees(int depth)
{
    uint64_t check = plain_round(depth + 1);
    struct plain *kept = plain_make(depth);

    for (int d = 4; d <= depth; d += 4)
        for (int i = 0; i < 1 << (depth - d + 4); i++)
            check += plain_round(d);
    check += plain_count(kept);
    plain_destroy(kept);
    return check;
}

/* ---- bintrees on the managed heap ---- */

enum { LEFT, RIGHT };

struct managed {
    struct mw_heap *heap;
    const struct mw_heap_type *tree;
};

/* A payload as a raw pointer shows it. */
struct tree {
    uintptr_t left, right;
};

static struct mw_ref managed_make(struct mw_heap *heap, const struct mw_heap_type *type, int depth)
{
    if (depth == 0)
        return mw_heap_new(heap, type);

    MW_SCOPE(scope, heap);
    struct mw_ref left = managed_make(heap, type, depth - 1);
    struct mw_ref right = managed_make(heap, type, depth - 1);
    struct mw_ref node = mw_heap_new(heap, type);

    if (mw_ref_is_none(node))
        fail("out of memory");
    mw_heap_set(heap, node, LEFT, left);
    mw_heap_set(heap, node, RIGHT, right);
    return mw_scope_escape(&scope, node);
}

static uint64_t raw_count(uintptr_t object)
{
    const struct tree *tree = (const struct tree *)mw_heap_payload(object);

    return tree->left != 0 ? 1 + raw_count(tree->left) + raw_count(tree->right) : 1;
}

static uint64_t managed_count(const struct managed *self, struct mw_ref root)
{
    const struct tree *tree;
    uint64_t count;

    mw_heap_raw_enter(self->heap);
    tree = mw_heap_raw(self->heap, root);
    count = 1 + raw_count(tree->left) + raw_count(tree->right);
    mw_heap_raw_leave(self->heap);
    return count;
}

static uint64_t managed_round(const struct managed *self, int depth)
{
    MW_SCOPE(scope, self->heap);

    return managed_count(self, managed_make(self->heap, self->tree, depth));
}

static uint64_t managed_bintrees(const struct managed *self, int depth)
{
    MW_SCOPE(scope, self->heap);
    uint64_t check = managed_round(self, depth + 1);
    struct mw_ref kept = managed_make(self->heap, self->tree, depth);

    for (int d = 4; d <= depth; d += 4)
        for (int i = 0; i < 1 << (depth - d + 4); i++)
            check += managed_round(self, d);
    return check + managed_count(self, kept);
}

static struct managed managed_create(const struct options *options)
{
    static const struct mw_heap_field fields[] = {{"left", LEFT}, {"right", RIGHT}};
    const struct mw_heap_type_info info = {"Tree", MW_KIND_FIXED, 2, fields, 2, NULL};
    struct mw_heap_config config;
    struct managed self = {NULL, NULL};

    mw_heap_config_default(&config);
    config.limit = (size_t)1 << 30;
    config.semi_space = config.semi_space_max = options->semi;
    if (mw_heap_create(&config, &self.heap) < 0 ||
        mw_heap_add_type(self.heap, &info, &self.tree) < 0)
        fail("the heap cannot be made");
    return self;
}

/* ---- measuring ---- */

/* The upper bound of the bucket in which the 99th of a hundred pauses lies. */
static uint64_t percentile99(const struct mw_heap_numbers *first,
                             const struct mw_heap_numbers *last)
{
    uint64_t total = 0, below = 0, bound = 16000;

    for (int i = 0; i < MW_PAUSE_BUCKETS; i++)
        total += last->pauses[i] - first->pauses[i];
    for (int i = 0; i < MW_PAUSE_BUCKETS; i++, bound *= 2) {
        below += last->pauses[i] - first->pauses[i];
        if (below * 100 >= total * 99)
            break;
    }
    return total > 0 ? bound : 0;
}

static void report(const struct options *options, const struct outcome *outcome, uint64_t cpu_ns)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    printf("{\"workload\":\"%s\", \"allocator\":\"%s\", \"ops\":%llu, \"check\":%llu, "
           "\"cpu_s\":%.4f, \"max_pause_ms\":%.3f, \"p99_pause_ms\":%.3f, \"rss_kib\":%ld}\n",
           options->workload, options->allocator, (unsigned long long)outcome->ops,
           (unsigned long long)outcome->check, (double)cpu_ns / MW_NS_PER_S,
           (double)outcome->max_pause_ns / MW_NS_PER_MS,
           (double)outcome->p99_pause_ns / MW_NS_PER_MS, usage.ru_maxrss);
}

static void bench_glibc(const struct options *options)
{
    struct outcome outcome = {0};
    uint64_t began = 0;

    mallopt(M_MMAP_THRESHOLD, 1 << 30); /* keeps memory between the runs */
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    for (int run = 0; run < 2; run++) {
        began = mw_clock_thread_cpu_ns();
        outcome.check = plain_bintrees(options->depth);
    }
    outcome.ops = outcome.check;
    report(options, &outcome, mw_clock_thread_cpu_ns() - began);
}

static void print_detail(const struct mw_heap_numbers *first, const struct mw_heap_numbers *last)
{
    fprintf(stderr, "scavenges %llu, full %llu, in pauses %.1f ms, promoted %.1f MB\n",
            (unsigned long long)(last->collections[0] - first->collections[0]),
            (unsigned long long)(last->collections[1] - first->collections[1]),
            (double)(last->pause_total_ns - first->pause_total_ns) / MW_NS_PER_MS,
            (double)(last->promoted - first->promoted) / (1 << 20));
}

static void bench_memwatch(const struct options *options)
{
    struct managed self = managed_create(options);
    struct mw_heap_numbers first, last;
    struct outcome outcome = {0};
    uint64_t began = 0, cpu_ns;

    for (int run = 0; run < 2; run++) {
        mw_heap_get_numbers(self.heap, &first);
        began = mw_clock_thread_cpu_ns();
        outcome.check = managed_bintrees(&self, options->depth);
    }
    cpu_ns = mw_clock_thread_cpu_ns() - began;
    mw_heap_get_numbers(self.heap, &last);
    outcome.ops = outcome.check;
    outcome.max_pause_ns = last.pause_max_ns;
    outcome.p99_pause_ns = percentile99(&first, &last);
    if (!options->json)
        print_detail(&first, &last);
    report(options, &outcome, cpu_ns);
    mw_heap_destroy(self.heap);
}

static struct options parse(int count, char **words)
{
    struct options options = {"", "memwatch", 18, (size_t)1 << 20, false};

    for (int i = 1; i < count; i++)
        if (strcmp(words[i], "--json") == 0)
            options.json = true;
        else if (strcmp(words[i], "--allocator") == 0 && i + 1 < count)
            options.allocator = words[++i];
        else if (strcmp(words[i], "--depth") == 0 && i + 1 < count)
            options.depth = (int)strtol(words[++i], NULL, 10);
        else if (strcmp(words[i], "--semi") == 0 && i + 1 < count)
            options.semi = strtoul(words[++i], NULL, 10) * 1024;
        else
            options.workload = words[i];
    return options;
}

int main(int count, char **words)
{
    struct options options = parse(count, words);

    if (strcmp(options.workload, "bintrees") != 0)
        fail("workloads: bintrees");
    if (strcmp(options.allocator, "glibc") == 0)
        bench_glibc(&options);
    else if (strcmp(options.allocator, "memwatch") == 0)
        bench_memwatch(&options);
    else
        fail("allocators: memwatch, glibc");
    return 0;
}
