/* Types, pauses, and an end. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_fail(const char *what)
{
    fprintf(stderr, "heap_bench: %s\n", what);
    exit(2);
}

/* ---- types ---- */

enum { TYPES_MAX = 32, REFERENCES_MAX = 8 };

static struct {
    const char *names[TYPES_MAX];
    const struct mw_heap_type *types[TYPES_MAX];
    size_t count;
} known;

/* Both runs of a workload use one type, as what a heap has learned of a type is part of it. */
static const struct mw_heap_type *add(struct mw_heap *heap, const struct mw_heap_type_info *info)
{
    for (size_t i = 0; i < known.count; i++)
        if (strcmp(known.names[i], info->name) == 0)
            return known.types[i];
    if (known.count == TYPES_MAX || mw_heap_add_type(heap, info, &known.types[known.count]) < 0)
        bench_fail("a type cannot be added");
    known.names[known.count] = info->name;
    return known.types[known.count++];
}

const struct mw_heap_type *bench_type(struct mw_heap *heap, const char *name, uint32_t words,
                                      uint32_t references)
{
    struct mw_heap_field fields[REFERENCES_MAX];
    struct mw_heap_type_info info = {name, MW_KIND_FIXED, words, fields, references, NULL};

    for (uint32_t i = 0; i < references && i < REFERENCES_MAX; i++)
        fields[i] = (struct mw_heap_field){"reference", i};
    return add(heap, &info);
}

const struct mw_heap_type *bench_array_type(struct mw_heap *heap, const char *name,
                                            enum mw_heap_kind kind)
{
    struct mw_heap_type_info info = {name, kind, 0, NULL, 0, NULL};

    return add(heap, &info);
}

/* ---- pauses ---- */

enum { PAUSES_MAX = 1 << 17 };

static struct {
    uint64_t ns[PAUSES_MAX];
    size_t count;
    uint64_t longest;
} pauses;

void bench_forget_pauses(void)
{
    pauses.count = 0;
    pauses.longest = 0;
}

void bench_note_slice(uint64_t ns)
{
    if (ns > pauses.longest)
        pauses.longest = ns;
}

void bench_note_pause(uint64_t ns)
{
    bench_note_slice(ns);
    if (pauses.count < PAUSES_MAX)
        pauses.ns[pauses.count++] = ns;
}

uint64_t bench_longest_pause(void)
{
    return pauses.longest;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

uint64_t bench_p99_pause(void)
{
    if (pauses.count == 0)
        return 0;
    qsort(pauses.ns, pauses.count, sizeof(pauses.ns[0]), compare);
    return pauses.ns[(pauses.count * 99 + 99) / 100 - 1];
}
