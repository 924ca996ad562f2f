/* store_bench WORKLOAD [--record FILE] [--replay FILE] [--seconds N] [--json]: what a ring takes
 * for each number, in memory and in time, and how fast an hour of it is read.
 *
 *     real     every number of this machine's /proc/meminfo and /proc/vmstat, and the resident size
 *              of its processes, recorded once a second by this program; drawn out to an hour by
 *              putting blocks of the recorded changes together anew
 *     easy     500 rings of one column, pages that change in 15 of 100 seconds
 *     hard     the same, 29 of 100
 *     process  500 rings of 3 columns: size, anonymous part, swap; times in jittered milliseconds
 *     floats   60 columns: half of them printed with two decimals, half ratios with all their bits
 *
 * A ring is bounded to an hour. Four hours are appended, and four more are measured: each new chunk
 * then takes the place of an old one, and the heap has been through its collections, as in a
 * daemon. Times are CPU time of the thread. `bytes` is everything that a ring holds: chunks, their
 * headers, the open rows (which stand beside the heap), what leads to them.
 */
#include "base/clock.h"
#include "heap/heap.h"
#include "store/store.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    HOUR = 3600,
    HOURS = 4,
    PROCESSES_MAX = 200,
    SERIES_MAX = 2000,
    BLOCK = 60,
    RINGS = 500,
    GONE = 2
};

static int fail(const char *what)
{
    fprintf(stderr, "store_bench: %s\n", what);
    exit(2);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL)
        fail("out of memory");
    return memory;
}

static uint64_t chance(uint64_t below)
{
    static uint64_t seed = 88172645463325252u;

    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

/* ---- tables of numbers: rings times columns, by rows ---- */

struct table {
    unsigned rings, columns; /* columns of each ring */
    size_t rows;
    enum mw_ring_form *forms;      /* of a ring */
    int64_t *times;                /* [row] */
    union mw_ring_number *numbers; /* [row][ring][column] */
    uint8_t *reasons;
};

static struct table table_make(unsigned rings, unsigned columns, size_t rows)
{
    size_t values = rows * rings * columns;
    struct table table = {.rings = rings, .columns = columns, .rows = rows};

    table.forms = allocate(columns, sizeof(*table.forms));
    table.times = allocate(rows, sizeof(*table.times));
    table.numbers = allocate(values, sizeof(*table.numbers));
    table.reasons = allocate(values, 1);
    return table;
}

static void table_free(struct table *table)
{
    free(table->forms);
    free(table->times);
    free(table->numbers);
    free(table->reasons);
}

static size_t cell(const struct table *table, size_t row, unsigned ring, unsigned column)
{
    return (row * table->rings + ring) * table->columns + column;
}

/* ---- recording this machine ---- */

struct recorder {
    int pids[PROCESSES_MAX];
    unsigned pid_count, series;
    uint64_t numbers[SERIES_MAX];
    uint8_t reasons[SERIES_MAX];
};

static void put(struct recorder *self, uint64_t number, uint8_t reason)
{
    if (self->series == SERIES_MAX)
        fail("too many series");
    self->numbers[self->series] = number;
    self->reasons[self->series++] = reason;
}

/* "name value" a line; values of /proc/meminfo are in KiB. */
static void put_file(struct recorder *self, const char *path, uint64_t unit)
{
    FILE *file = fopen(path, "re");
    uint64_t number;
    char name[128], line[256];

    if (file == NULL)
        fail(path);
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "%127s %" SCNu64, name, &number) == 2)
            put(self, number * unit, 0);
    fclose(file);
}

static void put_process(struct recorder *self, int pid)
{
    char path[64];
    uint64_t pages;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/statm", pid);
    file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%*u %" SCNu64, &pages) == 1)
        put(self, pages * 4096, 0);
    else
        put(self, 0, GONE);
    if (file != NULL)
        fclose(file);
}

static void find_processes(struct recorder *self)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;

    while (proc != NULL && (entry = readdir(proc)) != NULL && self->pid_count < PROCESSES_MAX) {
        int pid = (int)strtol(entry->d_name, NULL, 10);

        if (pid > 0)
            self->pids[self->pid_count++] = pid;
    }
    if (proc != NULL)
        closedir(proc);
}

static void record_row(struct recorder *self)
{
    self->series = 0;
    put_file(self, "/proc/meminfo", 1024);
    put_file(self, "/proc/vmstat", 1);
    for (unsigned i = 0; i < self->pid_count; i++)
        put_process(self, self->pids[i]);
}

/* A line a second: the time, then the numbers, "-" for what is gone. */
static void record(const char *path, unsigned seconds)
{
    struct recorder *self = allocate(1, sizeof(*self));
    FILE *file = fopen(path, "we");
    struct timespec next;

    if (file == NULL)
        fail(path);
    find_processes(self);
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (unsigned second = 0; second < seconds; second++) {
        record_row(self);
        fprintf(file, "%" PRId64, mw_clock_wall_ms(mw_clock_system()));
        for (unsigned i = 0; i < self->series; i++)
            if (self->reasons[i] == 0)
                fprintf(file, " %" PRIu64, self->numbers[i]);
            else
                fputs(" -", file);
        fputc('\n', file);
        fflush(file);
        next.tv_sec++;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    fclose(file);
    free(self);
}

/* ---- a recording as a table ---- */

static size_t parse_row(char *line, int64_t *time, uint64_t *numbers, uint8_t *reasons)
{
    char *save, *word = strtok_r(line, " \n", &save);
    size_t count = 0;

    if (word == NULL)
        return 0;
    *time = strtoll(word, NULL, 10);
    while ((word = strtok_r(NULL, " \n", &save)) != NULL && count < SERIES_MAX) {
        reasons[count] = *word == '-' ? GONE : 0;
        numbers[count++] = *word == '-' ? 0 : strtoull(word, NULL, 10);
    }
    return count;
}

static struct table table_read(const char *path)
{
    static uint64_t numbers[SERIES_MAX];
    static uint8_t reasons[SERIES_MAX];
    FILE *file = fopen(path, "re");
    struct table table = {0};
    char *line = NULL;
    size_t room = 0, rows = 0, columns, first = 0;

    if (file == NULL)
        fail(path);
    while (getline(&line, &room, file) > 0 && rows < HOUR) {
        int64_t time = 0;

        columns = parse_row(line, &time, numbers, reasons);
        if (first == 0) {
            first = columns;
            table = table_make(1, (unsigned)columns, HOUR);
        }
        if (columns != first)
            break; /* cut off in the middle of a line */
        table.times[rows] = time;
        memcpy(table.numbers + rows * columns, numbers, columns * sizeof(*numbers));
        memcpy(table.reasons + rows * columns, reasons, columns);
        rows++;
    }
    free(line);
    fclose(file);
    if (rows < 2)
        fail("the recording is too short");
    table.rows = rows;
    return table;
}

/* Goes on with blocks of changes that stand somewhere in the recording, until there is an hour. */
static void draw_out(struct table *table)
{
    size_t recorded = table->rows, columns = table->columns, from = 0;

    for (size_t row = recorded; row < HOUR; row++, from++) {
        if ((row - recorded) % BLOCK == 0)
            from = 1 + chance(recorded > BLOCK ? recorded - BLOCK : 1);
        if (from >= recorded)
            from = 1;
        table->times[row] = table->times[row - 1] + (table->times[from] - table->times[from - 1]);
        for (size_t i = 0; i < columns; i++) {
            const union mw_ring_number *numbers = table->numbers + from * columns + i;

            table->reasons[row * columns + i] = table->reasons[from * columns + i];
            table->numbers[row * columns + i].u = table->numbers[(row - 1) * columns + i].u +
                                                  (numbers[0].u - numbers[-(ptrdiff_t)columns].u);
        }
    }
    table->rows = HOUR;
}

/* ---- synthetic tables ---- */

/* Sizes of changes as programs have them: mostly few pages, now and then many; more up than down
 * until it is given back. */
static int64_t change_in_pages(void)
{
    int64_t pages = 1 + (int64_t)chance((uint64_t)4 << chance(8));

    return chance(5) < 2 ? -pages : pages;
}

static struct table synthetic(unsigned columns, unsigned percent)
{
    struct table table = table_make(RINGS, columns, HOUR);

    for (size_t row = 0; row < HOUR; row++) {
        table.times[row] =
            columns == 1 ? (int64_t)row : 1795377600000 + 1000 * (int64_t)row + (int64_t)chance(3);
        for (unsigned i = 0; i < RINGS * columns; i++) {
            union mw_ring_number *now = table.numbers + row * RINGS * columns + i;
            unsigned share = i % columns == 2 ? 1 : percent;

            now->u =
                row > 0 ? now[-(ptrdiff_t)(RINGS * columns)].u : (100000 + chance(1000000)) * 4096;
            if (row > 0 && chance(100) < share)
                now->u += (uint64_t)(change_in_pages() * 4096);
        }
    }
    return table;
}

static struct table floats(void)
{
    struct table table = table_make(1, 60, HOUR);

    for (unsigned i = 0; i < table.columns; i++)
        table.forms[i] = MW_RING_F64;
    for (size_t row = 0; row < HOUR; row++) {
        table.times[row] = (int64_t)row;
        for (unsigned i = 0; i < table.columns; i++) {
            double before = row > 0 ? table.numbers[cell(&table, row - 1, 0, i)].f : 0;
            double now = i % 2 == 0 ? (double)chance(200) / 100 : (double)chance(1000000) / 1000003;

            table.numbers[cell(&table, row, 0, i)].f = chance(100) < 20 ? now : before;
        }
    }
    return table;
}

/* ---- measuring ---- */

struct outcome {
    double append_ns, query_us;
    size_t bytes, heap_bytes, values;
    uint64_t check;
};

static uint64_t span_of(const struct table *table)
{
    return (uint64_t)(table->times[table->rows - 1] - table->times[0]);
}

/* What an hour's times are later by than those of the hour before. */
static int64_t hour_of(const struct table *table)
{
    return (int64_t)span_of(table) + table->times[1] - table->times[0];
}

static struct mw_ring *ring_make(struct mw_store *store, const struct table *table)
{
    const struct mw_ring_config config = {.forms = table->forms,
                                          .columns = table->columns,
                                          .chunk_rows = 256,
                                          .span = span_of(table),
                                          .bytes = (size_t)256 << 20};
    struct mw_ring *ring;

    if (mw_ring_create(store, &config, &ring) < 0)
        fail("no ring");
    return ring;
}

static void append_all(struct mw_ring **rings, const struct table *table, int64_t later)
{
    for (size_t row = 0; row < table->rows; row++)
        for (unsigned ring = 0; ring < table->rings; ring++) {
            size_t at = cell(table, row, ring, 0);

            if (mw_ring_append(rings[ring], table->times[row] + later, table->numbers + at,
                               table->reasons + at) < 0)
                fail("append");
        }
}

static int64_t last_hour(const struct table *table)
{
    return (2 * HOURS - 1) * hour_of(table);
}

/* One reading over all of the time, by steps of a minute. */
static uint64_t query(const struct mw_ring *ring, const struct table *table, unsigned column)
{
    static struct mw_ring_cursor cursor;
    int64_t first = table->times[0] + last_hour(table), last = first + (int64_t)span_of(table);
    uint64_t step = table->times[1] - table->times[0] >= 500 ? 60000 : 60, check = 0;
    struct mw_ring_step minute;

    if (mw_ring_cursor_init(&cursor, ring, column, first, last + 1) < 0)
        fail("cursor");
    while (mw_ring_cursor_step(&cursor, step, &minute) == 1)
        check += minute.count + minute.min.u + minute.max.u;
    return check;
}

static void query_all(struct mw_ring **rings, const struct table *table, struct outcome *ret)
{
    uint64_t before = mw_clock_thread_cpu_ns();
    unsigned count = 0;

    for (unsigned ring = 0; ring < table->rings; ring++)
        for (unsigned column = 0; column < table->columns && count < 2000; column++, count++)
            ret->check += query(rings[ring], table, column);
    ret->query_us = (double)(mw_clock_thread_cpu_ns() - before) / 1000 / count;
}

/* That all is there, bit for bit: a figure for a wrong answer is none. */
static void compare(struct mw_ring **rings, const struct table *table)
{
    static struct mw_ring_cursor cursor;

    for (unsigned ring = 0; ring < table->rings; ring++)
        for (unsigned column = 0; column < table->columns; column++) {
            struct mw_ring_value value;

            mw_ring_cursor_init(&cursor, rings[ring], column, table->times[0] + last_hour(table),
                                INT64_MAX);
            for (size_t row = 0; row < table->rows; row++) {
                size_t at = cell(table, row, ring, column);

                if (mw_ring_cursor_next(&cursor, &value) != 1 ||
                    value.reason != table->reasons[at] ||
                    value.time != table->times[row] + last_hour(table) ||
                    (value.reason == 0 && value.number.u != table->numbers[at].u))
                    fail("what was read is not what was written");
            }
        }
}

static size_t heap_used(struct mw_heap *heap)
{
    struct mw_heap_numbers numbers;

    mw_heap_collect(heap, MW_COLLECT_MAJOR);
    mw_heap_get_numbers(heap, &numbers);
    return numbers.used;
}

static struct outcome measure(struct mw_store *store, const struct table *table)
{
    struct mw_ring **rings = allocate(table->rings, sizeof(*rings));
    size_t appended = table->rows * table->rings * table->columns;
    struct outcome outcome = {.values = 0};
    size_t empty = heap_used(mw_store_heap(store));
    struct mw_ring_numbers numbers;
    uint64_t before;

    for (unsigned i = 0; i < table->rings; i++)
        rings[i] = ring_make(store, table);
    for (int hour = 0; hour < HOURS; hour++)
        append_all(rings, table, hour * hour_of(table));
    before = mw_clock_thread_cpu_ns();
    for (int hour = HOURS; hour < 2 * HOURS; hour++)
        append_all(rings, table, hour * hour_of(table));
    outcome.append_ns = (double)(mw_clock_thread_cpu_ns() - before) / (double)(HOURS * appended);
    query_all(rings, table, &outcome);
    compare(rings, table);
    for (unsigned i = 0; i < table->rings; i++) {
        mw_ring_get_numbers(rings[i], &numbers);
        outcome.bytes += numbers.bytes;
        outcome.values += numbers.rows * table->columns;
    }
    outcome.heap_bytes = heap_used(mw_store_heap(store)) - empty;
    for (unsigned i = 0; i < table->rings; i++)
        mw_ring_destroy(rings[i]);
    free(rings);
    return outcome;
}

/* How many numbers differ from the one before: what the figures are to be judged by. */
static double changed(const struct table *table)
{
    size_t width = (size_t)table->rings * table->columns, changes = 0;

    for (size_t i = width; i < table->rows * width; i++)
        changes += table->numbers[i].u != table->numbers[i - width].u;
    return (double)changes / (double)((table->rows - 1) * width);
}

static void print(const char *workload, const struct table *table, const struct outcome *outcome,
                  bool json)
{
    double per_value = (double)outcome->bytes / (double)outcome->values;
    double in_heap = (double)outcome->heap_bytes / (double)outcome->values;

    printf(json ? "{\"workload\":\"%s\",\"rings\":%u,\"columns\":%u,\"rows\":%zu,\"changed\":%.3f,"
                  "\"bytes_per_value\":%.3f,\"heap_bytes_per_value\":%.3f,\"append_ns\":%.2f,"
                  "\"query_us\":%.1f,\"check\":%" PRIu64 "}\n"
                : "%s: %u rings of %u columns, %zu rows, %.3f changed: %.3f bytes a value (heap "
                  "%.3f), append %.2f ns a value, an hour read in %.1f us, check %" PRIu64 "\n",
           workload, table->rings, table->columns, table->rows, changed(table), per_value, in_heap,
           outcome->append_ns, outcome->query_us, outcome->check);
}

static struct table load(const char *workload, const char *replay, unsigned seconds)
{
    struct table table;
    char path[] = "/tmp/store_bench-XXXXXX"; /* six X, as mkstemp() wants them */
    int file;

    if (strcmp(workload, "easy") == 0 || strcmp(workload, "hard") == 0)
        return synthetic(1, *workload == 'e' ? 15 : 29);
    if (strcmp(workload, "process") == 0)
        return synthetic(3, 15);
    if (strcmp(workload, "floats") == 0)
        return floats();
    if (strcmp(workload, "real") != 0)
        fail("WORKLOAD is real, easy, hard, process or floats");
    if (replay != NULL) {
        table = table_read(replay);
    } else {
        file = mkstemp(path);
        record(path, seconds);
        table = table_read(path);
        unlink(path);
        close(file);
    }
    draw_out(&table);
    return table;
}

static void run(const char *workload, struct table *table, bool json)
{
    struct mw_heap_config config;
    struct mw_store *store = NULL;
    struct mw_heap *heap;
    struct outcome outcome;

    mw_heap_config_default(&config);
    config.limit = (size_t)512 << 20;
    if (mw_heap_create(&config, &heap) < 0 || mw_store_create(heap, &store) < 0)
        fail("no heap");
    outcome = measure(store, table);
    print(workload, table, &outcome, json);
    mw_store_destroy(store);
    mw_heap_destroy(heap);
}

int main(int argc, char **argv)
{
    const char *workload = argc > 1 ? argv[1] : "", *replay = NULL, *tape = NULL;
    unsigned seconds = 60;
    bool json = false;
    struct table table;

    for (int i = 2; i < argc; i++) {
        bool more = i + 1 < argc;

        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (more && strcmp(argv[i], "--record") == 0)
            tape = argv[++i];
        else if (more && strcmp(argv[i], "--replay") == 0)
            replay = argv[++i];
        else if (more && strcmp(argv[i], "--seconds") == 0)
            seconds = (unsigned)strtoul(argv[++i], NULL, 10);
        else
            fail("WORKLOAD [--record FILE] [--replay FILE] [--seconds N] [--json]");
    }
    if (tape != NULL) {
        record(tape, seconds);
        return 0;
    }
    table = load(workload, replay, seconds);
    run(workload, &table, json);
    table_free(&table);
    return 0;
}
