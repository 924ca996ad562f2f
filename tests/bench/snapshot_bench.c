/* snapshot_bench [--json]: for how long a program stands still for a snapshot of its heap of 64 MB,
 * when a child writes it: what is done before the fork, and the fork. CPU time of the thread, the
 * middle of several, each after some of the heap has been replaced, as in a program that lives.
 *
 *     chunks   5,000 leaves of a few KB behind records, as a history is
 *     records  250,000 objects of a quarter of a KB that lead to each other by chance
 *     small    1,000,000 objects of 64 bytes, likewise
 */
#include "base/clock.h"
#include "heap/heap.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NEXT, FAR, LEAF, LINKS, ROUNDS = 7, STEP_US = 300, MB = 1 << 20 };

struct shape {
    const char *name;
    size_t count;
    uint32_t words; /* of a record, its header not among them */
    size_t leaf;    /* bytes that hang on it */
};

static const struct shape shapes[] = {
    {"chunks", 5000, 15, 12900},
    {"records", 250000, 31, 0},
    {"small", 1000000, 7, 0},
};

struct bench {
    struct mw_heap *heap;
    const struct shape *shape;
    const struct mw_heap_type *record, *leaf;
    struct mw_ref all;
    uint64_t random;
};

struct times {
    uint64_t before_ns, fork_ns, slice_ns;
};

static int fail(const char *what)
{
    fprintf(stderr, "snapshot_bench: %s\n", what);
    exit(2);
}

static struct mw_ref need(struct mw_ref ref)
{
    if (mw_ref_is_none(ref))
        fail("the heap is full");
    return ref;
}

static size_t chance(struct bench *self, size_t below)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return (size_t)(self->random % below);
}

/* ---- the heap ---- */

static void add_types(struct bench *self, const struct mw_heap_type **ret_array)
{
    static const struct mw_heap_field fields[] = {{"next", NEXT}, {"far", FAR}, {"leaf", LEAF}};
    const struct mw_heap_type_info record = {
        .name = "Record",
        .kind = MW_KIND_FIXED,
        .words = self->shape->words,
        .fields = fields,
        .field_count = LINKS,
    };
    const struct mw_heap_type_info leaf = {.name = "Leaf", .kind = MW_KIND_BYTES};
    const struct mw_heap_type_info array = {.name = "All", .kind = MW_KIND_REFS};

    if (mw_heap_add_type(self->heap, &record, &self->record) < 0 ||
        mw_heap_add_type(self->heap, &leaf, &self->leaf) < 0 ||
        mw_heap_add_type(self->heap, &array, ret_array) < 0)
        fail("no memory for types");
}

static void replace(struct bench *self, size_t slot)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref record = need(mw_heap_new(self->heap, self->record));

    for (uint32_t link = NEXT; link <= FAR; link++)
        mw_heap_set(self->heap, record, link,
                    mw_heap_get(self->heap, self->all, chance(self, self->shape->count)));
    if (self->shape->leaf)
        mw_heap_set(
            self->heap, record, LEAF,
            need(mw_heap_new_array(self->heap, self->leaf, self->shape->leaf, MW_PLACE_OLD)));
    mw_heap_set(self->heap, self->all, slot, record);
}

/* A record that is replaced is let go: what it leads to must not keep all that ever was. */
static void let_go(struct bench *self, size_t slot)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref record = mw_heap_get(self->heap, self->all, slot);

    for (uint32_t link = NEXT; !mw_ref_is_none(record) && link <= FAR; link++)
        mw_heap_set(self->heap, record, link, mw_ref_none());
}

static void live(struct bench *self, size_t changes)
{
    for (size_t i = 0; i < changes; i++) {
        size_t slot = chance(self, self->shape->count);

        let_go(self, slot);
        replace(self, slot);
    }
    while (mw_heap_step(self->heap, STEP_US))
        ;
}

static void build(struct bench *self)
{
    const struct mw_heap_type *array;

    add_types(self, &array);
    self->all = need(mw_heap_new_array(self->heap, array, self->shape->count, MW_PLACE_OLD));
    for (size_t i = 0; i < self->shape->count; i++)
        replace(self, i);
    live(self, self->shape->count / 10);
}

/* ---- a snapshot ---- */

static uint64_t now(void)
{
    return mw_clock_thread_cpu_ns();
}

static void write_in_child(struct mw_heap_snapshot *snapshot)
{
    FILE *file = tmpfile();

    if (!file || mw_heap_snapshot_emit(snapshot, fileno(file), NULL) < 0)
        _exit(EXIT_FAILURE);
    _exit(EXIT_SUCCESS);
}

/* What is done before in slices: the longest of them. */
static bool step(struct bench *self, struct times *times)
{
    uint64_t began = now();
    bool more = mw_heap_snapshot_step(self->heap, STEP_US);
    uint64_t took = now() - began;

    times->slice_ns = took > times->slice_ns ? took : times->slice_ns;
    return more;
}

static struct times take(struct bench *self)
{
    struct mw_heap_snapshot *snapshot = NULL;
    struct times times = {0};
    int status = 1;

    while (step(self, &times))
        ;
    uint64_t began = now();
    if (mw_heap_snapshot_begin(self->heap, &snapshot, NULL) < 0)
        fail("no snapshot");
    uint64_t prepared = now();
    pid_t child = fork();
    if (child == 0)
        write_in_child(snapshot);
    times.before_ns = prepared - began;
    times.fork_ns = now() - prepared;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
        fail("the child could not write it");
    mw_heap_snapshot_destroy(snapshot);
    return times;
}

static int by_total(const void *left, const void *right)
{
    const struct times *a = left, *b = right;
    uint64_t x = a->before_ns + a->fork_ns, y = b->before_ns + b->fork_ns;

    return (x > y) - (x < y);
}

static double ms(uint64_t ns)
{
    return (double)ns / MW_NS_PER_MS;
}

static void report(const struct bench *self, struct times *times, bool json)
{
    struct mw_heap_numbers numbers;
    const struct times *middle = &times[ROUNDS / 2], *worst = &times[ROUNDS - 1];

    mw_heap_get_numbers(self->heap, &numbers);
    qsort(times, ROUNDS, sizeof(times[0]), by_total);
    printf(json ? "{\"workload\":\"%s\",\"used\":%zu,\"ms\":%.2f,\"beforeMs\":%.2f,"
                  "\"forkMs\":%.2f,\"worstMs\":%.2f,\"sliceMs\":%.2f}\n"
                : "%-8s %9zu bytes  blocked %6.2f ms (before the fork %.2f, fork %.2f), worst "
                  "%.2f ms, a slice %.2f ms\n",
           self->shape->name, numbers.used, ms(middle->before_ns + middle->fork_ns),
           ms(middle->before_ns), ms(middle->fork_ns), ms(worst->before_ns + worst->fork_ns),
           ms(middle->slice_ns));
}

static void run(const struct shape *shape, bool json)
{
    struct mw_heap_config config;
    struct bench self = {.shape = shape, .random = 88172645463325252u};
    struct times times[ROUNDS];

    mw_heap_config_default(&config);
    config.limit = config.limit_max = 96 * (size_t)MB;
    if (mw_heap_create(&config, &self.heap) < 0)
        fail("no heap");
    build(&self);
    for (int i = 0; i < ROUNDS; i++) {
        live(&self, shape->count / 50);
        times[i] = take(&self);
    }
    report(&self, times, json);
    mw_heap_destroy(self.heap);
}

int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        run(&shapes[i], json);
    return 0;
}
