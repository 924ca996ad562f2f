/* causes queue|scope leak|healthy NAME: a program that serves requests, on libmemwatch, and reports
 * to memwatchd once a second under NAME, by datagrams to the socket $MEMWATCHD_PUSH. It has one of
 * the mistakes by which programs lose memory, or it has not: queue   messages are taken out at an
 * eighth of the pace at which they come in scope   each request opens a scope, which is never
 * closed With each report of a heap it prints the place that holds the most of it. It ends with its
 * stdin. */
#include "heap/heap.h"
#include "store/store.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 50, TICKS_A_REPORT = 20, TICKS_A_COLLECTION = 100 };
enum { HEAP_LIMIT = 8 << 20, CAPACITY = 200, SLOW = 8, SESSIONS = 4, SESSION_BYTES = 4000 };

struct program {
    struct mw_heap *heap;
    struct mw_store *store;
    struct mw_queue *queue;
    const struct mw_heap_type *bytes;
    const char *name;
    int report;
    bool leaks;
    unsigned ticks;
    size_t floor; /* once there was a full collection */
    bool collected;
    struct mw_queue_numbers told;
};

static void need(bool met, const char *what)
{
    if (met)
        return;
    fprintf(stderr, "causes: %s\n", what);
    exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- the mistakes ---- */

static void serve_queue(struct program *self)
{
    MW_SCOPE(scope, self->heap);

    mw_queue_write(self->queue,
                   mw_heap_new_array(self->heap, self->bytes, SESSION_BYTES, MW_PLACE_YOUNG),
                   now_ns(), 0);
    if (!self->leaks || self->ticks % SLOW == 0)
        mw_queue_read(self->queue, now_ns());
}

/* At the heap's limit requests are refused, and the program goes on. */
static void serve_session(struct program *self)
{
    struct mw_scope scope = mw_scope_open(self->heap); /* the place that is to be named */

    mw_heap_new_array(self->heap, self->bytes, SESSION_BYTES, MW_PLACE_YOUNG);
    if (!self->leaks)
        mw_scope_close(&scope);
}

static void serve(struct program *self)
{
    if (self->queue)
        serve_queue(self);
    for (int i = 0; i < SESSIONS && !self->queue; i++)
        serve_session(self);
    /* Objects that die young need no full collection, and without one nobody knows the floor. */
    if (self->ticks % TICKS_A_COLLECTION == 0)
        mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
}

/* ---- reports ---- */

/* Without a daemon nothing happens: the next report says it all again. */
static void say(const struct program *self, const char *kind, const char *field, uint64_t value,
                char type)
{
    char line[200];
    int size = snprintf(line, sizeof line, "%s.%s.%s:%" PRIu64 "|%c", kind, self->name, field,
                        value, type);

    if (send(self->report, line, (size_t)size, MSG_NOSIGNAL) < 0)
        perror("causes: report");
}

static void report_queue(struct program *self)
{
    struct mw_queue_numbers numbers;

    mw_queue_get_numbers(self->queue, now_ns(), &numbers);
    say(self, "queue", "length", numbers.length, 'g');
    say(self, "queue", "capacity", numbers.capacity, 'g');
    say(self, "queue", "age", numbers.oldest_age_ns / 1000000, 'g');
    say(self, "queue", "enqueued", numbers.enqueued - self->told.enqueued, 'c');
    say(self, "queue", "dequeued", numbers.dequeued - self->told.dequeued, 'c');
    self->told = numbers;
}

static void report_heap(struct program *self)
{
    struct mw_heap_numbers numbers;
    struct mw_heap_site most;
    size_t count = 0;

    mw_heap_get_numbers(self->heap, &numbers);
    say(self, "heap", "used", numbers.used, 'g');
    say(self, "heap", "total", numbers.total, 'g');
    say(self, "heap", "limit", numbers.limit, 'g');
    if (self->collected)
        say(self, "heap", "floor", self->floor, 'g');
    need(mw_heap_get_sites(self->heap, &most, 1, &count) == 0, "the sites cannot be had");
    if (count > 0)
        printf("%s open=%zu retained=%zu\n", most.where, most.open, most.retained);
    else
        printf("no place holds anything\n");
    fflush(stdout);
}

static void on_collected(void *context, const struct mw_heap_collection *collection)
{
    struct program *self = context;

    if (collection->collector == MW_GC_SCAVENGE)
        return;
    self->floor = collection->used_after;
    self->collected = true;
}

/* ---- all together ---- */

static void create_heap(struct program *self)
{
    const struct mw_heap_type_info bytes = {"Body", MW_KIND_BYTES, 0, NULL, 0, NULL};
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    config.limit = config.limit_max = HEAP_LIMIT;
    config.semi_space = config.semi_space_max = 256 << 10;
    config.context = self;
    config.collected = on_collected;
    need(mw_heap_create(&config, &self->heap) == 0, "the heap cannot be made");
    need(mw_heap_add_type(self->heap, &bytes, &self->bytes) == 0, "the type cannot be made");
}

static void create_queue(struct program *self)
{
    const struct mw_queue_config config = {CAPACITY, CAPACITY / 2, CAPACITY / 4};

    need(mw_store_create(self->heap, &self->store) == 0, "the store cannot be made");
    need(mw_queue_create(self->store, &config, &self->queue) == 0, "the queue cannot be made");
}

static void open_report(struct program *self)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("MEMWATCHD_PUSH");

    need(path != NULL, "MEMWATCHD_PUSH is not set");
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    self->report = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    need(connect(self->report, (const struct sockaddr *)&address, sizeof address) == 0,
         "the daemon cannot be reached");
}

static void destroy(struct program *self)
{
    close(self->report);
    mw_queue_destroy(self->queue);
    mw_store_destroy(self->store);
    mw_heap_destroy(self->heap);
}

int main(int argc, char **argv)
{
    struct program self = {.report = -1};
    struct pollfd ended = {STDIN_FILENO, POLLIN, 0};

    need(argc == 4, "queue|scope leak|healthy NAME");
    self.leaks = strcmp(argv[2], "leak") == 0;
    self.name = argv[3];
    create_heap(&self);
    if (strcmp(argv[1], "queue") == 0)
        create_queue(&self);
    open_report(&self);
    while (poll(&ended, 1, TICK_MS) == 0) {
        serve(&self);
        if (++self.ticks % TICKS_A_REPORT != 0)
            continue;
        if (self.queue)
            report_queue(&self);
        else
            report_heap(&self);
    }
    destroy(&self);
    return EXIT_SUCCESS;
}
