/* long_recording FILE [--seconds N] [--processes N] [--changing N] [--churn N]: a recording of a
 * machine of its own making, for memwatchd --replay: N processes (500), of which so many (50)
 * change rss and its anonymous part by a few pages each second, and so many (0) of the others die
 * and are born anew; a third of the numbers of the machine and the daemon change each second. One
 * sample a second, 3600 of them. */
#include "sample/sample.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { START_S = 1795377600, MS = 1000, NS_PER_MS = 1000000 };

struct machine {
    FILE *file;
    struct mw_recording_writer *writer;
    struct mw_block_pool *pools[MW_SOURCE_COUNT];
    struct mw_block *last[MW_SOURCE_COUNT];
    unsigned seconds, processes, changing, churn;
    uint64_t seq, seed, last_pid;
};

static void need(int error, const char *what)
{
    if (error < 0) {
        fprintf(stderr, "long_recording: %s: %s\n", what, strerror(-error));
        exit(2);
    }
}

static uint64_t chance(struct machine *self, uint64_t below)
{
    self->seed ^= self->seed << 13;
    self->seed ^= self->seed >> 7;
    self->seed ^= self->seed << 17;
    return self->seed % below;
}

static void put_bytes(struct machine *self, struct mw_recording_bytes bytes)
{
    if (fwrite(bytes.bytes, 1, bytes.size, self->file) != bytes.size)
        need(-errno, "write");
}

/* ---- blocks ---- */

static struct mw_block *take(struct machine *self, enum mw_source source, uint32_t rows)
{
    struct mw_block *block = NULL;

    need(mw_block_take(self->pools[source], self->last[source], rows, &block), "take");
    return block;
}

static void write_block(struct machine *self, enum mw_source source, struct mw_block *block)
{
    uint64_t time_ms = START_S * UINT64_C(1000) + self->seq * MS + chance(self, 5);
    struct mw_recording_bytes frame;

    mw_block_set_time(block, self->seq, (int64_t)time_ms, time_ms * NS_PER_MS);
    need(mw_block_finish(block), "finish");
    need(mw_recording_write_frame(self->writer, block, source == MW_SOURCE_SYSTEM, &frame),
         "frame");
    put_bytes(self, frame);
    mw_block_unref(self->last[source]);
    self->last[source] = block;
}

static void write_single(struct machine *self, enum mw_source source)
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
            value.u += 4 * chance(self, 1000);
        mw_block_put(block, i, 0, value);
    }
    write_block(self, source, block);
}

static void set_process(struct mw_block *block, uint32_t row, uint64_t pages)
{
    mw_block_put(block, MW_PROCESS_RSS, row, (union mw_value){.u = 4096 * pages});
    mw_block_put(block, MW_PROCESS_RSS_ANON, row, (union mw_value){.u = 2048 * pages});
}

static void bear(struct machine *self, struct mw_block *block, uint32_t row)
{
    const uint64_t pid = ++self->last_pid, born = START_S * UINT64_C(1000) - 1000 + pid;
    char name[32];
    int size = snprintf(name, sizeof name, "worker-%u", (unsigned)pid);

    mw_block_set_key(block, row, (struct mw_block_key){pid, born});
    need(mw_block_add_event(block, MW_EVENT_BORN, row, MW_PRESENT, NULL, 0), "event");
    need(mw_block_add_event(block, MW_EVENT_NAME, row, MW_PRESENT, name, (size_t)size), "event");
    set_process(block, row, 100 + chance(self, 20000));
    mw_block_put(block, MW_PROCESS_SWAP, row, (union mw_value){.u = 0});
}

static void replace(struct machine *self, struct mw_block *block, uint32_t row)
{
    need(mw_block_add_event(block, MW_EVENT_GONE, row, MW_PRESENT, NULL, 0), "event");
    mw_block_clear_row(block, row);
    bear(self, block, row);
}

static void write_processes(struct machine *self)
{
    struct mw_block *block = take(self, MW_SOURCE_PROCESS, self->processes);

    for (uint32_t i = 0; self->seq == 1 && i < self->processes; i++)
        bear(self, block, i);
    for (uint32_t i = 0; self->seq > 1 && i < self->churn; i++)
        replace(self, block,
                self->changing + (uint32_t)chance(self, self->processes - self->changing));
    for (uint32_t i = 0; i < self->changing; i++) {
        union mw_value rss = {.u = 0};

        mw_block_get(block, MW_PROCESS_RSS, i, &rss);
        set_process(block, i, rss.u / 4096 + chance(self, 40));
    }
    write_block(self, MW_SOURCE_PROCESS, block);
}

/* ---- the whole ---- */

static void make(struct machine *self, const char *path)
{
    struct mw_recording_bytes header;

    self->file = fopen(path, "wb");
    if (!self->file)
        need(-errno, path);
    need(mw_recording_writer_create(4096, &self->writer), "writer");
    need(mw_recording_write_header(self->writer, &header), "header");
    put_bytes(self, header);
    for (enum mw_source i = 0; i < MW_SOURCE_COUNT; i++)
        if (i != MW_SOURCE_DERIVED && i != MW_SOURCE_SUBJECT)
            need(mw_block_pool_create(i, &self->pools[i]), "pool");
}

static void unmake(struct machine *self)
{
    for (int i = 0; i < MW_SOURCE_COUNT; i++) {
        mw_block_unref(self->last[i]);
        mw_block_pool_destroy(self->pools[i]);
    }
    mw_recording_writer_destroy(self->writer);
    if (fclose(self->file) != 0)
        need(-errno, "close");
}

static unsigned *option(struct machine *self, const char *name)
{
    if (strcmp(name, "--seconds") == 0)
        return &self->seconds;
    if (strcmp(name, "--processes") == 0)
        return &self->processes;
    if (strcmp(name, "--churn") == 0)
        return &self->churn;
    return strcmp(name, "--changing") == 0 ? &self->changing : NULL;
}

int main(int argc, char **argv)
{
    struct machine machine = {
        .seconds = 3600, .processes = 500, .changing = 50, .seed = 88172645463325252u};

    for (int i = 2; i + 1 < argc; i += 2)
        if (option(&machine, argv[i]))
            *option(&machine, argv[i]) = (unsigned)strtoul(argv[i + 1], NULL, 10);
    if (argc < 2 || machine.changing >= machine.processes)
        need(-EINVAL, "long_recording FILE [--seconds N] [--processes N] [--changing N], of which "
                      "there are fewer, [--churn N]");
    make(&machine, argv[1]);
    while (machine.seq < machine.seconds) {
        machine.seq++;
        write_single(&machine, MW_SOURCE_SYSTEM);
        write_single(&machine, MW_SOURCE_SELF);
        write_single(&machine, MW_SOURCE_DAEMON);
        write_processes(&machine);
    }
    unmake(&machine);
    return 0;
}
