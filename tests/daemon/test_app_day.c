/* test_app_day [--hours N] [--seconds N] [--processes N] [--churn N] [--minutes SPAN] [--tolerance
 * N]
 *
 * A day of the daemon in minutes: the app's own parts (registry, history, heap, idle work on its
 * loop) take a sample of each second, 86,400 of them, while `churn` (50) of `processes` (500) die
 * each second and others are born, every one with a name of its own. The heap's verifier looks
 * before and after each collection. Beside it a cache and a queue on the same heap take a rendered
 * body each second.
 *
 * At the end of each hour (of `seconds`, 3600) a full collection says what is alive. Once the
 * history is full (--minutes 2h: after two hours) that must be flat: within `tolerance` (5) percent
 * of what it was then, what is resident beside the heap and its records at most three times that
 * above. At no sample the heap is over its limit, or has more records than it had until the history
 * was full; no name is lost or wrong, of the dead neither, and the log has nothing to complain
 * about.
 */
#include "daemon/app_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_MS INT64_C(1795377600000)

enum {
    HOUR = 3600,
    NAME_ROOM = 32,
    BODIES = 64,
    WAITING = 50,
    WAITING_MAX = 100,
    FULL_AT = 2,
    BESIDE_TIMES = 3
};

struct soak {
    struct mwd_app_options options;
    struct mwd_app app;
    FILE *log; /* what the app has to say */
    struct mw_block_pool *pools[MW_SOURCE_COUNT];
    struct mw_block *last[MW_SOURCE_COUNT];
    const struct mw_heap_type *body_type;
    struct mw_cache *bodies;
    struct mw_queue *waiting;
    uint32_t hours, hour, processes, churn, tolerance;
    uint64_t seq, seed, next_pid, dead_pid;
    struct mw_heap_numbers heap;
    size_t worst; /* the most that the heap had, of its limit */
    size_t full_used, full_beside;
    size_t full_records; /* the most that the heap's own records were, until the history was full */
    char minutes[64];
};

static void fail(const char *what, int64_t have, int64_t wanted)
{
    fprintf(stderr, "app_day: %s: %" PRId64 " (%" PRId64 ")\n", what, have, wanted);
    exit(1);
}

static void need(int error, const char *what)
{
    if (error < 0)
        fail(what, error, 0);
}

static void expect_below(const char *what, size_t now, size_t before, uint32_t tolerance)
{
    if (now > before + before * tolerance / 100)
        fail(what, (int64_t)now, (int64_t)before);
}

static uint64_t chance(struct soak *self, uint64_t below)
{
    self->seed ^= self->seed << 13;
    self->seed ^= self->seed >> 7;
    self->seed ^= self->seed << 17;
    return self->seed % below;
}

static int64_t now_ms(const struct soak *self)
{
    return START_MS + (int64_t)self->seq * 1000;
}

/* ---- blocks ---- */

static struct mw_block *take(struct soak *self, enum mw_source source, uint32_t rows)
{
    struct mw_block *block = NULL;

    need(mw_block_take(self->pools[source], self->last[source], rows, &block), "take");
    return block;
}

static struct mw_block *finish(struct soak *self, enum mw_source source, struct mw_block *block)
{
    mw_block_set_time(block, self->seq, now_ms(self), (uint64_t)now_ms(self) * MW_NS_PER_MS);
    need(mw_block_finish(block), "finish");
    mw_block_unref(self->last[source]);
    self->last[source] = block;
    return block;
}

/* A third of the numbers changes each second. */
static struct mw_block *make_single(struct soak *self, enum mw_source source)
{
    struct mw_block *block = take(self, source, 1);
    enum mw_reading first = mw_source_first(source);

    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    for (enum mw_reading i = first; i < first + mw_source_columns(source); i++) {
        union mw_value value = {.u = 0};

        mw_block_get(block, i, 0, &value);
        if (mw_reading_info(i)->value == MW_VALUE_F64)
            value.f = (double)chance(self, 300) / 100;
        else if (i % 3 == 0 || self->seq == 1)
            value.u = value.u % (UINT64_C(1) << 40) + 4 * chance(self, 1000);
        mw_block_put(block, i, 0, value);
    }
    return finish(self, source, block);
}

static struct mw_block_key key_of(uint64_t pid)
{
    return (struct mw_block_key){pid, (uint64_t)START_MS + pid};
}

static int name_of(uint64_t pid, char name[NAME_ROOM])
{
    return snprintf(name, NAME_ROOM, "job-%" PRIu64, pid);
}

static void set_pages(struct mw_block *block, uint32_t row, uint64_t pages)
{
    mw_block_put(block, MW_PROCESS_RSS, row, (union mw_value){.u = 4096 * pages});
    mw_block_put(block, MW_PROCESS_RSS_ANON, row, (union mw_value){.u = 2048 * pages});
    mw_block_put(block, MW_PROCESS_SWAP, row, (union mw_value){.u = 0});
}

static void bear(struct soak *self, struct mw_block *block, uint32_t row)
{
    char name[NAME_ROOM];
    int size = name_of(++self->next_pid, name);

    mw_block_set_key(block, row, key_of(self->next_pid));
    need(mw_block_add_event(block, MW_EVENT_BORN, row, MW_PRESENT, NULL, 0), "event");
    need(mw_block_add_event(block, MW_EVENT_NAME, row, MW_PRESENT, name, (size_t)size), "event");
    need(mw_block_add_event(block, MW_EVENT_CGROUP, row, MW_PRESENT, "/jobs.slice", 11), "event");
    set_pages(block, row, 100 + chance(self, 20000));
}

static void die(struct soak *self, struct mw_block *block, uint32_t row)
{
    const struct mw_block *last = self->last[MW_SOURCE_PROCESS];

    /* One that was seen: who was born in this very second never was. */
    if (mw_block_keys(last)[row].id == mw_block_keys(block)[row].id)
        self->dead_pid = mw_block_keys(block)[row].id;
    need(mw_block_add_event(block, MW_EVENT_GONE, row, MW_PRESENT, NULL, 0), "event");
    mw_block_clear_row(block, row);
}

static struct mw_block *make_processes(struct soak *self)
{
    struct mw_block *block = take(self, MW_SOURCE_PROCESS, self->processes);

    for (uint32_t i = 0; self->seq == 1 && i < self->processes; i++)
        bear(self, block, i);
    for (uint32_t i = 0; self->seq > 1 && i < self->churn; i++) {
        uint32_t row = (uint32_t)chance(self, self->processes);

        die(self, block, row);
        bear(self, block, row);
    }
    for (uint32_t i = 0; i < self->processes / 10; i++)
        set_pages(block, (uint32_t)chance(self, self->processes), 100 + chance(self, 20000));
    return finish(self, MW_SOURCE_PROCESS, block);
}

/* ---- a second ---- */

/* As the loop would between two samples. */
static void rest(struct soak *self)
{
    while (uv_run(&self->app.loop, UV_RUN_NOWAIT) != 0)
        ;
}

static struct mw_ref make_body(struct soak *self, size_t *ret_size)
{
    const struct mwd_view_input input = {.sample = self->app.sample,
                                         .subjects = self->app.subjects};
    const struct mwd_process_query query = {.sort = MW_PROCESS_RSS, .limit = 5};
    struct mw_heap *heap = mwd_heap_of(self->app.heap);
    struct mwd_buffer out;
    struct mw_ref body;

    mwd_buffer_init(&out, 1 << 20);
    mwd_view_processes(&input, &query, &out);
    body = mw_heap_new_array(heap, self->body_type, out.size, MW_PLACE_YOUNG);
    if (out.failed || mw_ref_is_none(body))
        fail("no body", out.failed, 0);
    mw_heap_raw_enter(heap);
    memcpy(mw_heap_raw(heap, body), out.bytes, out.size);
    mw_heap_raw_leave(heap);
    *ret_size = out.size;
    mwd_buffer_deinit(&out);
    return body;
}

/* A body for those who ask, and for those who listen, who are slow at times. */
static void publish(struct soak *self)
{
    MW_SCOPE(scope, mwd_heap_of(self->app.heap));
    size_t size = 0;
    struct mw_ref body = make_body(self, &size);
    uint64_t now_ns = self->seq * MW_NS_PER_S;

    need(mw_cache_set(self->bodies, &self->seq, sizeof self->seq, body, size), "cache");
    need(mw_queue_write(self->waiting, body, now_ns, now_ns), "queue");
    if (mw_queue_is_pressed(self->waiting))
        while (!mw_ref_is_none(mw_queue_read(self->waiting, now_ns)) &&
               mw_queue_is_pressed(self->waiting))
            ;
}

static void look_at_records(struct soak *self)
{
    if (self->seq > FULL_AT * (uint64_t)self->hour)
        expect_below("bytes of the heap's records", self->heap.malloced, self->full_records,
                     self->tolerance);
    else if (self->heap.malloced > self->full_records)
        self->full_records = self->heap.malloced;
}

static void second(struct soak *self)
{
    struct mw_block *blocks[4];

    self->seq++;
    blocks[0] = make_single(self, MW_SOURCE_SYSTEM);
    blocks[1] = make_single(self, MW_SOURCE_SELF);
    blocks[2] = make_single(self, MW_SOURCE_DAEMON);
    blocks[3] = make_processes(self);
    mwd_app_on_blocks(&self->app, blocks, 4);
    publish(self);
    rest(self);
    mw_heap_get_numbers(mwd_heap_of(self->app.heap), &self->heap);
    if (self->heap.total + self->heap.pooled > self->heap.limit)
        fail("the heap is over its limit", (int64_t)self->heap.total, (int64_t)self->heap.limit);
    if (self->heap.total + self->heap.pooled > self->worst)
        self->worst = self->heap.total + self->heap.pooled;
    look_at_records(self);
}

/* ---- an hour ---- */

/* Without what malloc keeps free, which is no growth. */
static size_t resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size = 0, resident = 0;

    malloc_trim(0);
    if (!file || fscanf(file, "%lu %lu", &size, &resident) != 2)
        need(-errno, "/proc/self/statm");
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void expect_name(const struct soak *self, const struct mw_subject *subject, uint64_t pid)
{
    char name[NAME_ROOM];
    int size = name_of(pid, name);

    (void)self;
    if (subject->name.absence != MW_PRESENT || subject->name.size != (size_t)size ||
        memcmp(subject->name.bytes, name, (size_t)size) != 0)
        fail("this pid has no name or a wrong one", (int64_t)pid, 0);
}

static void look_at_names(struct soak *self)
{
    const struct mw_block *block = self->last[MW_SOURCE_PROCESS];
    struct mw_subject subject;

    mw_subjects_hold(self->app.subjects);
    for (uint32_t row = 0; row < self->processes; row++) {
        if (!mw_subjects_at(self->app.subjects, block, row, &subject))
            fail("this row has nobody", row, 0);
        expect_name(self, &subject, mw_block_keys(block)[row].id);
    }
    if (!mw_history_subject(self->app.history, key_of(self->dead_pid), &subject))
        fail("of this dead pid nothing is remembered", (int64_t)self->dead_pid, 0);
    expect_name(self, &subject, self->dead_pid);
    mw_subjects_release(self->app.subjects);
}

static void look_at_loss(struct soak *self, const struct mw_history_numbers *history)
{
    char line[256];

    if (mw_subjects_lost(self->app.subjects) > 0)
        fail("names were lost", (int64_t)mw_subjects_lost(self->app.subjects), 0);
    if (history->lost > 0 || history->refused > 0)
        fail("history was lost", (int64_t)history->lost, (int64_t)history->refused);
    if (history->bytes > history->bytes_limit)
        fail("history over its bound", (int64_t)history->bytes, (int64_t)history->bytes_limit);
    fflush(self->log);
    rewind(self->log);
    while (fgets(line, sizeof line, self->log))
        if (strstr(line, "error") || strstr(line, "warning"))
            fail(line, 0, 0);
    fseek(self->log, 0, SEEK_END);
}

static void expect_flat(const char *what, size_t now, size_t before, uint32_t tolerance)
{
    size_t margin = before * tolerance / 100;

    if (now > before + margin || now + margin < before)
        fail(what, (int64_t)now, (int64_t)before);
}

/* Resident memory goes up and down with the pages that the heap has and keeps ready, whose most is
 * bounded by its limit and looked at apart, and with its records, of which those of dead texts stay
 * until their table is rebuilt (here 2.4 MB). What stands beside them must be flat, too, but for
 * what malloc takes for each record. */
static void look_at_size(struct soak *self, uint32_t hour, size_t used, size_t beside)
{
    if (hour <= FULL_AT) {
        self->full_used = used;
        self->full_beside = beside > self->full_beside ? beside : self->full_beside;
        return;
    }
    expect_flat("heapUsed after a collection", used, self->full_used, self->tolerance);
    expect_below("resident memory beside the heap, KiB", beside, self->full_beside,
                 BESIDE_TIMES * self->tolerance);
}

static void look(struct soak *self, uint32_t hour)
{
    struct mw_history_numbers history;
    struct mw_heap_numbers alive;
    size_t resident = resident_kib();
    size_t beside = resident - (self->heap.total + self->heap.pooled + self->heap.malloced) / 1024;

    mw_heap_collect(mwd_heap_of(self->app.heap), MW_COLLECT_MAJOR);
    mw_heap_get_numbers(mwd_heap_of(self->app.heap), &alive);
    mw_history_get_numbers(self->app.history, &history);
    printf("%4u  %9zu  %9zu  %9zu  %9zu  %6" PRIu64 " %6" PRIu64 "  %6zu  %6" PRIu64 " %4" PRIu64
           " %4" PRIu64 "  %7.0f  %6zu\n",
           hour, alive.used, self->heap.total, self->worst, history.bytes, history.alive,
           history.dead, mw_subjects_texts(self->app.subjects), alive.collections[MW_GC_SCAVENGE],
           alive.collections[MW_GC_MARK_SWEEP], alive.collections[MW_GC_MARK_COMPACT],
           (double)alive.pause_max_ns / 1000, resident);
    fflush(stdout);
    look_at_names(self);
    look_at_loss(self, &history);
    look_at_size(self, hour, alive.used, beside);
}

static void print_pauses(const struct soak *self)
{
    printf("pauses of at most so many us:");
    for (unsigned i = 0; i < MW_PAUSE_BUCKETS; i++)
        if (self->heap.pauses[i] > 0)
            printf("  %u: %" PRIu64, 16u << i, self->heap.pauses[i]);
    printf("; the longest %.0f us, all together %.0f ms\n", (double)self->heap.pause_max_ns / 1000,
           (double)self->heap.pause_total_ns / 1e6);
}

/* ---- the whole ---- */

static void make_config(struct soak *self, struct mwd_config **ret)
{
    char *environment[] = {self->minutes, NULL};
    const struct mwd_config_input input = {.path = "/dev/null", .environment = environment};
    struct mwd_buffer errors;

    mwd_buffer_init(&errors, 1 << 16);
    if (mwd_config_load(&input, &errors, ret) != 0)
        fail("the configuration is refused", 0, 0);
    mwd_buffer_deinit(&errors);
}

static void make_app(struct soak *self)
{
    self->log = tmpfile();
    if (!self->log)
        need(-errno, "a file for the log");
    need(mwd_log_create(fileno(self->log), MWD_LOG_INFO, &self->app.log), "log");
    make_config(self, &self->app.config);
    self->options =
        (struct mwd_app_options){.replay = "test_app_day", .heap_modes = MW_HEAP_VERIFY};
    self->app.options = &self->options;
    need(uv_loop_init(&self->app.loop), "loop");
    need(mwd_app_heap_init(&self->app, &self->app.loop), "heap");
    need(mwd_app_samples_init(&self->app), "samples");
    need(mwd_app_history_init(&self->app), "history");
}

static void make_containers(struct soak *self)
{
    const struct mw_heap_type_info info = {"Body", MW_KIND_TEXT, 0, NULL, 0, NULL};
    const struct mw_cache_config cache = {MW_CACHE_LRU, BODIES, 1 << 20};
    const struct mw_queue_config queue = {WAITING_MAX, WAITING, WAITING / 2};
    struct mw_store *store = mwd_heap_store(self->app.heap);

    need(mw_heap_add_type(mwd_heap_of(self->app.heap), &info, &self->body_type), "type");
    need(mw_cache_create(store, &cache, &self->bodies), "cache");
    need(mw_queue_create(store, &queue, &self->waiting), "queue");
    for (enum mw_source i = 0; i < MW_SOURCE_COUNT; i++)
        if (i != MW_SOURCE_DERIVED && i != MW_SOURCE_SUBJECT)
            need(mw_block_pool_create(i, &self->pools[i]), "pool");
}

static void unmake(struct soak *self)
{
    mw_cache_destroy(self->bodies);
    mw_queue_destroy(self->waiting);
    mwd_app_samples_deinit(&self->app);
    mwd_heap_close(self->app.heap);
    rest(self);
    mwd_app_heap_deinit(&self->app);
    uv_loop_close(&self->app.loop);
    mwd_config_destroy(self->app.config);
    mwd_log_destroy(self->app.log);
    for (int i = 0; i < MW_SOURCE_COUNT; i++) {
        mw_block_unref(self->last[i]);
        mw_block_pool_destroy(self->pools[i]);
    }
    fclose(self->log);
}

static void read_options(struct soak *self, char **argv)
{
    const struct {
        const char *name;
        uint32_t *value;
    } numbers[] = {
        {"--hours", &self->hours},         {"--seconds", &self->hour},
        {"--processes", &self->processes}, {"--churn", &self->churn},
        {"--tolerance", &self->tolerance},
    };

    for (; argv[0] && argv[1]; argv += 2) {
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
            if (strcmp(argv[0], numbers[i].name) == 0)
                *numbers[i].value = (uint32_t)strtoul(argv[1], NULL, 10);
        if (strcmp(argv[0], "--minutes") == 0)
            snprintf(self->minutes, sizeof self->minutes, "MEMWATCHD_HISTORY_MINUTES=%s", argv[1]);
    }
    if (self->processes == 0 || self->hour == 0)
        fail("--processes and --seconds are 1 or more", self->processes, self->hour);
}

int main(int argc, char **argv)
{
    static struct soak soak = {.hours = 24,
                               .hour = HOUR,
                               .processes = 500,
                               .churn = 50,
                               .tolerance = 5,
                               .seed = 88172645463325252u,
                               .minutes = "MEMWATCHD_HISTORY_MINUTES=2h"};

    (void)argc;
    read_options(&soak, argv + 1);
    make_app(&soak);
    make_containers(&soak);
    printf("hour   heapUsed  heapTotal       most    history   alive   dead   texts  scav. swept "
           "slid  max us  rss KiB\n");
    for (uint32_t hour = 1; hour <= soak.hours; hour++) {
        for (uint32_t i = 0; i < soak.hour; i++)
            second(&soak);
        look(&soak, hour);
    }
    printf("%" PRIu64 " births, limit %zu bytes, at most %zu in use\n", soak.next_pid,
           soak.heap.limit, soak.worst);
    print_pauses(&soak);
    unmake(&soak);
    return 0;
}
