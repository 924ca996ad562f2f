/* heap_bench WORKLOAD [--allocator NAME] [--size N] [--semi KIB] [--pretenured] [--runs N]
 * [--trace] [--json]: what the managed heap costs beside other allocators.
 *
 * A workload runs twice in one process, or N times; the last run counts, with memory in place, as
 * in a daemon. Figures are CPU time of the process: other programs on the machine do not count,
 * helping threads of a collector do. Pauses are CPU time as well.
 *
 * One program has one malloc. So this one is built once for each allocator that was found, and
 * becomes the program of another one when that is asked for.
 */
#include "plain.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifndef BENCH_ALLOCATOR
#define BENCH_ALLOCATOR "glibc"
#endif

enum { ALLOCATOR_MEMWATCH };

static const struct {
    const char *name;
    const char *program; /* beside this one */
} allocators[] = {
    [ALLOCATOR_MEMWATCH] = {"memwatch", "heap_bench"},
    {"glibc", "heap_bench"},
    {"bdwgc", "heap_bench_bdwgc"},
    {"mimalloc", "heap_bench_mimalloc"},
    {"jemalloc", "heap_bench_jemalloc"},
};

enum { ALLOCATORS = sizeof(allocators) / sizeof(allocators[0]) };

#define HEAP_LIMIT ((size_t)1 << 30)

struct options {
    const struct bench_workload *workload;
    size_t allocator, size, semi, runs;
    bool pretenured, trace, json;
};

/* ---- measuring ---- */

static uint64_t began_ns;

static uint64_t process_cpu_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * MW_NS_PER_S + (uint64_t)time.tv_nsec;
}

void bench_begin(void)
{
    began_ns = process_cpu_ns();
}

static void report(const struct options *options, const struct bench_outcome *outcome,
                   uint64_t cpu_ns)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    printf("{\"workload\":\"%s\", \"allocator\":\"%s\", \"ops\":%llu, \"check\":%llu, "
           "\"cpu_s\":%.4f, \"max_pause_ms\":%.3f, \"p99_pause_ms\":%.3f, \"rss_kib\":%ld}\n",
           options->workload->name, allocators[options->allocator].name,
           (unsigned long long)outcome->ops, (unsigned long long)outcome->check,
           (double)cpu_ns / MW_NS_PER_S, (double)bench_longest_pause() / MW_NS_PER_MS,
           (double)bench_p99_pause() / MW_NS_PER_MS, usage.ru_maxrss);
}

/* ---- plain allocators ---- */

#ifdef BENCH_BDWGC
/* The collector's own event hook names no context. */
static uint64_t pause_began_ns;

static void on_event(GC_EventType event)
{
    if (event == GC_EVENT_START)
        pause_began_ns = process_cpu_ns();
    if (event == GC_EVENT_END)
        bench_note_pause(process_cpu_ns() - pause_began_ns);
}

static void prepare(void)
{
    GC_INIT();
    GC_set_on_collection_event(on_event);
}
#else
/* Keeps memory between the runs; other libraries than glibc do not listen. */
static void prepare(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
}
#endif

static void bench_plain(const struct options *options)
{
    struct bench_outcome outcome = {0, 0};

    if (options->workload->plain == NULL)
        bench_fail("the workload is for memwatch alone");
    prepare();
    for (size_t run = 0; run < options->runs; run++) {
        bench_forget_pauses();
        bench_begin();
        outcome = options->workload->plain(options->size);
    }
    report(options, &outcome, process_cpu_ns() - began_ns);
}

/* ---- the managed heap ---- */

struct run {
    struct bench_heap heap;
    bool trace;
};

static void on_collected(void *context, const struct mw_heap_collection *of)
{
    const struct run *run = context;
    char line[MW_TRACE_LINE_MAX];

    bench_note_pause(of->pause_cpu_ns);
    bench_note_slice(of->step_max_ns);
    if (!run->trace)
        return;
    mw_heap_format_trace(run->heap.heap, of, MW_TRACE_PAIRS, line);
    fprintf(stderr, "%s\n", line);
}

static void create_heap(const struct options *options, struct run *run)
{
    struct mw_heap_config config;

    run->heap.place = options->pretenured ? MW_PLACE_OLD : MW_PLACE_YOUNG;
    run->trace = options->trace;
    mw_heap_config_default(&config);
    config.limit = HEAP_LIMIT;
    if (options->workload->scavenge_us != 0)
        config.scavenge_us = options->workload->scavenge_us;
    if (options->semi != 0)
        config.semi_space = config.semi_space_max = options->semi;
    config.context = run;
    config.collected = on_collected;
    if (mw_heap_create(&config, &run->heap.heap) < 0)
        bench_fail("the heap cannot be made");
}

static long faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static void print_detail(const struct mw_heap_numbers *first, const struct mw_heap_numbers *last,
                         uint64_t cpu_ns, long page_faults)
{
    fprintf(stderr,
            "%.4f s, scavenges %llu, full %llu, compactions %llu, slices %llu, in pauses %.1f ms, "
            "promoted "
            "%.1f MB, born old %.1f MB, page faults %ld\n",
            (double)cpu_ns / MW_NS_PER_S,
            (unsigned long long)(last->collections[MW_GC_SCAVENGE] -
                                 first->collections[MW_GC_SCAVENGE]),
            (unsigned long long)(last->collections[MW_GC_MARK_SWEEP] -
                                 first->collections[MW_GC_MARK_SWEEP]),
            (unsigned long long)(last->collections[MW_GC_MARK_COMPACT] -
                                 first->collections[MW_GC_MARK_COMPACT]),
            (unsigned long long)(last->slices - first->slices),
            (double)(last->pause_total_ns - first->pause_total_ns) / MW_NS_PER_MS,
            (double)(last->promoted - first->promoted) / (1 << 20),
            (double)(last->allocated_old - first->allocated_old) / (1 << 20), page_faults);
}

static void bench_memwatch(const struct options *options)
{
    struct run measured = {{NULL, MW_PLACE_YOUNG}, false};
    struct bench_outcome outcome = {0, 0};
    struct mw_heap_numbers first, last;
    uint64_t cpu_ns = 0;

    create_heap(options, &measured);
    for (size_t run = 0; run < options->runs; run++) {
        long first_faults = faults();

        mw_heap_get_numbers(measured.heap.heap, &first);
        bench_forget_pauses();
        bench_begin();
        outcome = options->workload->managed(&measured.heap, options->size);
        cpu_ns = process_cpu_ns() - began_ns;
        mw_heap_get_numbers(measured.heap.heap, &last);
        if (!options->json)
            print_detail(&first, &last, cpu_ns, faults() - first_faults);
    }
    report(options, &outcome, cpu_ns);
    mw_heap_destroy(measured.heap.heap);
}

/* ---- the command line ---- */

static void usage(void)
{
    fprintf(stderr, "usage: heap_bench WORKLOAD [--allocator NAME] [--size N] [--semi KIB] "
                    "[--pretenured] [--runs N] [--trace] [--json]\nworkloads:\n");
    bench_list_workloads();
    fprintf(stderr, "allocators:");
    for (size_t i = 0; i < ALLOCATORS; i++)
        fprintf(stderr, " %s", allocators[i].name);
    fprintf(stderr, "\n");
    exit(2);
}

static size_t find_allocator(const char *name)
{
    for (size_t i = 0; i < ALLOCATORS; i++)
        if (strcmp(allocators[i].name, name) == 0)
            return i;
    usage();
    return 0;
}

static size_t number(const char *text)
{
    char *end;
    size_t value = strtoul(text, &end, 10);

    if (end == text || *end != '\0')
        usage();
    return value;
}

/* Takes one option from the words; returns how many words it was. */
static int parse_option(struct options *options, char **words, bool has_value)
{
    if (strcmp(words[0], "--json") == 0)
        options->json = true;
    else if (strcmp(words[0], "--pretenured") == 0)
        options->pretenured = true;
    else if (strcmp(words[0], "--trace") == 0)
        options->trace = true;
    else if (!has_value)
        usage();
    else if (strcmp(words[0], "--allocator") == 0)
        return options->allocator = find_allocator(words[1]), 2;
    else if (strcmp(words[0], "--size") == 0)
        return options->size = number(words[1]), 2;
    else if (strcmp(words[0], "--semi") == 0)
        return options->semi = number(words[1]) * 1024, 2;
    else if (strcmp(words[0], "--runs") == 0)
        return options->runs = number(words[1]), 2;
    else
        usage();
    return 1;
}

static struct options parse(int count, char **words)
{
    struct options options = {NULL, ALLOCATOR_MEMWATCH, 0, 0, 2, false, false, false};

    if (count < 2 || (options.workload = bench_find_workload(words[1])) == NULL)
        usage();
    options.size = options.workload->size;
    for (int i = 2; i < count;)
        i += parse_option(&options, &words[i], i + 1 < count);
    return options;
}

/* Becomes the program that is linked with that allocator. */
static void become(const char *program, char **words)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
    size_t folder;

    if (length <= 0 || length >= (ssize_t)sizeof(path))
        bench_fail("where this program is cannot be found out");
    for (folder = (size_t)length; folder > 0 && path[folder - 1] != '/'; folder--)
        ;
    if (snprintf(path + folder, sizeof(path) - folder, "%s", program) >=
        (int)(sizeof(path) - folder))
        bench_fail("the path of this program is too long");
    execv(path, words);
    bench_fail(errno == ENOENT ? "this allocator was not found when this was built"
                               : "the program for this allocator cannot be started");
}

int main(int count, char **words)
{
    struct options options = parse(count, words);

    if (options.allocator == ALLOCATOR_MEMWATCH)
        bench_memwatch(&options);
    else if (strcmp(allocators[options.allocator].name, BENCH_ALLOCATOR) == 0)
        bench_plain(&options);
    else
        become(allocators[options.allocator].program, words);
    return 0;
}
