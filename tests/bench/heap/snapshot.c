/* snapshot: so many nodes of 48 bytes, each with two edges, saved as a file that is deleted at
 * once. What it costs in time and memory is told apart from what the objects cost. */
#include "bench.h"

#include "base/clock.h"

#include <stdio.h>
#include <sys/resource.h>

enum { NEXT, FAR, NUMBER, WORDS = 5 };

struct managed {
    struct mw_heap *heap;
    const struct mw_heap_type *item;
    struct mw_ref items;
    size_t count;
    uint64_t random;
};

static void make_item(struct managed *self, size_t slot)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref item = bench_need(mw_heap_new(self->heap, self->item));

    mw_heap_set_word(self->heap, item, NUMBER, slot);
    if (slot > 0) {
        mw_heap_set(self->heap, item, NEXT, mw_heap_get(self->heap, self->items, slot - 1));
        mw_heap_set(
            self->heap, item, FAR,
            mw_heap_get(self->heap, self->items, (size_t)bench_random(&self->random) % slot));
    }
    mw_heap_set(self->heap, self->items, slot, item);
}

static long peak_kib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static struct mw_heap_snapshot_report write_out(struct mw_heap *heap)
{
    struct mw_heap_snapshot_report report;
    FILE *file = tmpfile();

    if (file == NULL || mw_heap_snapshot_write(heap, fileno(file), &report) < 0)
        bench_fail("the snapshot cannot be written");
    fclose(file);
    return report;
}

static struct mw_heap_snapshot_report measure(struct mw_heap *heap)
{
    struct mw_heap_numbers numbers;
    uint64_t began = mw_clock_thread_cpu_ns();
    long before = peak_kib();
    struct mw_heap_snapshot_report report = write_out(heap);

    mw_heap_get_numbers(heap, &numbers);
    fprintf(stderr,
            "snapshot: %llu nodes, %llu edges, %llu bytes in %.3f s, %.2f %% more memory than "
            "%zu used, peak %ld KiB higher\n",
            (unsigned long long)report.nodes, (unsigned long long)report.edges,
            (unsigned long long)report.file_bytes,
            (double)(mw_clock_thread_cpu_ns() - began) / MW_NS_PER_S,
            100.0 * (double)report.memory_bytes / (double)numbers.used, numbers.used,
            peak_kib() - before);
    return report;
}

static struct bench_outcome managed(const struct bench_heap *heap, size_t size)
{
    struct managed self = {.heap = heap->heap, .count = size, .random = BENCH_SEED};
    struct mw_heap_snapshot_report report;

    MW_SCOPE(scope, heap->heap);
    self.item = bench_type(heap->heap, "Item", WORDS, NUMBER);
    self.items = bench_need(mw_heap_new_array(
        heap->heap, bench_array_type(heap->heap, "Items", MW_KIND_REFS), size, MW_PLACE_OLD));
    for (size_t i = 0; i < size; i++)
        make_item(&self, i);
    bench_begin();
    report = measure(heap->heap);
    return (struct bench_outcome){report.nodes, report.edges};
}

const struct bench_workload bench_snapshot = {
    "snapshot", "so many objects, written as a heap snapshot", 1000000, NULL, managed, 0,
};
