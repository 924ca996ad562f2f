/* history_bench [--processes N] [--changing N] [--churn N] [--seconds N] [--json]: what a history
 * takes for each sample and each number, and how fast an hour is read.
 *
 * A machine of its own making: N processes (500), of which so many (50) change rss and its
 * anonymous part by a few pages each second, a third of the numbers of the machine and the daemon
 * change each second, and `churn` (0) processes a second die and others are born. After `--seconds`
 * (3600) the history is full for an hour; that long again is measured. Times are CPU time of the
 * thread. `numbers` are those that a query could give back from the recent tier.
 */
#include "base/clock.h"
#include "heap/heap.h"
#include "history/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct machine {
    struct mw_history *history;
    struct mw_heap *heap;
    struct mw_sealer *sealer;
    struct mw_block_pool *pools[MW_SOURCE_COUNT];
    struct mw_block *last[MW_SOURCE_COUNT];
    uint32_t processes, changing, churn;
    uint64_t seq, next_pid;
    int64_t time_ms;
    uint64_t cpu_ns, worst_ns;
};

static void need(int error, const char *what)
{
    if (error < 0) {
        fprintf(stderr, "history_bench: %s: %s\n", what, strerror(-error));
        exit(2);
    }
}

static uint64_t chance(uint64_t below)
{
    static uint64_t seed = 88172645463325252u;

    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return below > 0 ? seed % below : 0;
}

/* ---- blocks ---- */

static struct mw_block *take(struct machine *self, enum mw_source source, uint32_t rows)
{
    struct mw_block *block = NULL;

    need(mw_block_take(self->pools[source], self->last[source], rows, &block), "take");
    return block;
}

static void offer(struct machine *self, enum mw_source source, struct mw_block *block)
{
    uint64_t now = (uint64_t)self->time_ms * 1000000;

    mw_block_set_time(block, self->seq, self->time_ms, now);
    need(mw_block_finish(block), "finish");
    mw_sealer_offer(self->sealer, block, now);
    mw_block_unref(self->last[source]);
    self->last[source] = block;
}

static void offer_single(struct machine *self, enum mw_source source)
{
    struct mw_block *block = take(self, source, 1);
    enum mw_reading first = mw_source_first(source);

    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    for (enum mw_reading i = first; i < first + mw_source_columns(source); i++) {
        union mw_value value = {.u = 0};

        mw_block_get(block, i, 0, &value);
        if (mw_reading_info(i)->value == MW_VALUE_F64)
            value.f = (double)chance(300) / 100;
        else if (i % 3 == 0 || self->seq == 1)
            value.u += 4 * chance(1000);
        mw_block_put(block, i, 0, value);
    }
    offer(self, source, block);
}

static void put_process(struct machine *self, struct mw_block *block, uint32_t row)
{
    const uint64_t pages = 100 + chance(20000);

    mw_block_set_key(block, row, (struct mw_block_key){++self->next_pid, self->next_pid});
    mw_block_put(block, MW_PROCESS_RSS, row, (union mw_value){.u = 4096 * pages});
    mw_block_put(block, MW_PROCESS_RSS_ANON, row, (union mw_value){.u = 2048 * pages});
    mw_block_put(block, MW_PROCESS_SWAP, row, (union mw_value){.u = 0});
    mw_block_put(block, MW_PROCESS_GROWTH, row, (union mw_value){.i = 0});
}

static void add_pages(struct mw_block *block, enum mw_reading reading, uint32_t row, int64_t pages)
{
    union mw_value value = {.u = 0};

    mw_block_get(block, reading, row, &value);
    value.i += pages * 4096;
    mw_block_put(block, reading, row, value);
}

static void offer_processes(struct machine *self)
{
    struct mw_block *block = take(self, MW_SOURCE_PROCESS, self->processes);

    for (uint32_t i = 0; self->seq == 1 && i < self->processes; i++)
        put_process(self, block, i);
    for (uint32_t i = 0; i < self->changing && i < self->processes; i++) {
        int64_t pages = (int64_t)chance((uint64_t)4 << chance(8)) - (int64_t)chance(100);

        add_pages(block, MW_PROCESS_RSS, i, pages + 20);
        add_pages(block, MW_PROCESS_RSS_ANON, i, pages + 20);
        add_pages(block, MW_PROCESS_GROWTH, i, pages + 20);
    }
    for (uint32_t i = 0; i < self->churn; i++)
        put_process(self, block,
                    self->changing + (uint32_t)chance(self->processes - self->changing));
    offer(self, MW_SOURCE_PROCESS, block);
}

static void second(struct machine *self)
{
    struct mw_sample *sample;
    uint64_t before, took;

    self->seq++;
    self->time_ms += 998 + (int64_t)chance(5);
    offer_single(self, MW_SOURCE_SYSTEM);
    offer_single(self, MW_SOURCE_SELF);
    offer_single(self, MW_SOURCE_DAEMON);
    offer_processes(self);
    need(mw_sealer_seal(self->sealer, (uint64_t)self->time_ms * 1000000, &sample), "seal");
    before = mw_clock_thread_cpu_ns();
    need(mw_history_apply(self->history, sample), "apply");
    took = mw_clock_thread_cpu_ns() - before;
    self->cpu_ns += took;
    self->worst_ns = took > self->worst_ns ? took : self->worst_ns;
    mw_sample_unref(sample);
}

/* ---- questions ---- */

static int count_point(void *context, const struct mw_history_point *point)
{
    *(uint64_t *)context += point->count;
    return 0;
}

/* An hour in steps of a minute, so many times. Microseconds each. */
static double ask(const struct machine *self, enum mw_reading reading, uint64_t pid,
                  uint64_t *ret_count)
{
    enum { TIMES = 100 };
    const struct mw_history_question question = {
        reading, {pid, pid}, self->time_ms - 3600000, self->time_ms, 60000};
    uint64_t before = mw_clock_thread_cpu_ns();

    for (int i = 0; i < TIMES; i++) {
        *ret_count = 0;
        need(mw_history_ask(self->history, &question, count_point, ret_count, NULL), "ask");
    }
    return (double)(mw_clock_thread_cpu_ns() - before) / 1000 / TIMES;
}

/* ---- the machine ---- */

static size_t on_near_limit(void *context, size_t limit, size_t initial)
{
    const struct machine *self = context;

    (void)initial;
    if (self->history != NULL)
        mw_history_shed(self->history);
    return limit;
}

static void make(struct machine *self, struct mw_store **ret_store)
{
    struct mw_history_config config;
    struct mw_heap_config heap;

    mw_heap_config_default(&heap);
    heap.near_limit = on_near_limit;
    heap.context = self;
    mw_history_config_default(&config);
    need(mw_heap_create(&heap, &self->heap), "heap");
    need(mw_store_create(self->heap, ret_store), "store");
    need(mw_history_create(*ret_store, &config, &self->history), "history");
    need(mw_sealer_create(&self->sealer), "sealer");
    for (enum mw_source i = 0; i < MW_SOURCE_COUNT; i++)
        if (i != MW_SOURCE_DERIVED && i != MW_SOURCE_SUBJECT)
            need(mw_block_pool_create(i, &self->pools[i]), "pool");
}

static void unmake(struct machine *self, struct mw_store *store)
{
    for (int i = 0; i < MW_SOURCE_COUNT; i++) {
        mw_block_unref(self->last[i]);
        mw_block_pool_destroy(self->pools[i]);
    }
    mw_sealer_destroy(self->sealer);
    mw_history_destroy(self->history);
    mw_store_destroy(store);
    mw_heap_destroy(self->heap);
}

/* Numbers in the recent tier: of those that are recorded at every sample, and of all others. */
static double count_numbers(const struct machine *self, const struct mw_history_numbers *numbers)
{
    double wide = 0, others = (double)(numbers->alive - numbers->watched) / 10;

    for (enum mw_reading i = 0; i < MW_READING_COUNT; i++)
        wide += mw_history_keeps(i) && mw_reading_info(i)->kind != MW_KIND_PROCESS;
    (void)self;
    return (double)numbers->samples * (wide + 3 * ((double)numbers->watched + others));
}

static void print(struct machine *self, unsigned seconds, bool json)
{
    struct mw_history_numbers numbers;
    struct mw_heap_numbers heap;
    uint64_t found, of_process;
    double system_us, process_us, count;

    system_us = ask(self, MW_SYSTEM_MEM_FREE, 1, &found);
    process_us = ask(self, MW_PROCESS_RSS, 1, &of_process);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    mw_heap_get_numbers(self->heap, &heap);
    mw_history_get_numbers(self->history, &numbers);
    count = count_numbers(self, &numbers);
    printf(json ? "{\"processes\":%u,\"changing\":%u,\"churn\":%u,\"apply_us\":%.1f,"
                  "\"worst_us\":%.0f,\"bytes\":%zu,\"heap_used\":%zu,\"numbers\":%.0f,"
                  "\"bytes_per_number\":%.3f,\"system_us\":%.1f,\"process_us\":%.1f,"
                  "\"dead\":%" PRIu64 ",\"lost\":%" PRIu64 "}\n"
                : "%u processes, %u changing, %u born a second: %.1f us a sample, worst %.0f, "
                  "%zu bytes (heap %zu), %.0f numbers, %.3f bytes a number; an hour of the machine "
                  "in %.1f us, of a process in %.1f us; %" PRIu64 " dead, %" PRIu64 " lost\n",
           self->processes, self->changing, self->churn, (double)self->cpu_ns / 1000 / seconds,
           (double)self->worst_ns / 1000, numbers.bytes, heap.used, count,
           (double)numbers.bytes / count, system_us, process_us, numbers.dead, numbers.lost);
    if (found + 10 < numbers.samples || (self->changing > 0 && of_process + 10 < numbers.samples))
        need(-EIO, "what was written is not there");
}

int main(int argc, char **argv)
{
    struct machine machine = {.processes = 500, .changing = 50, .time_ms = 1795377600000};
    struct mw_store *store = NULL;
    unsigned seconds = 3600;
    bool json = false;

    for (int i = 1; i < argc; i++) {
        unsigned number = i + 1 < argc ? (unsigned)strtoul(argv[i + 1], NULL, 10) : 0;

        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--processes") == 0)
            machine.processes = number;
        else if (strcmp(argv[i], "--changing") == 0)
            machine.changing = number;
        else if (strcmp(argv[i], "--churn") == 0)
            machine.churn = number;
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = number;
    }
    if (seconds == 0 || machine.changing >= machine.processes)
        need(-EINVAL, "--seconds is 1 or more, --changing less than --processes");
    make(&machine, &store);
    for (unsigned i = 0; i < seconds; i++)
        second(&machine);
    machine.cpu_ns = machine.worst_ns = 0;
    for (unsigned i = 0; i < seconds; i++)
        second(&machine);
    print(&machine, seconds, json);
    unmake(&machine, store);
    return 0;
}
