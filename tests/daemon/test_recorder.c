/* --record: what was written is in the file, and the file is good however the recording ended. */
#include "daemon/recorder.h"
#include "tests/support/blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALL_SOURCES = 4, BIG = 3 << 20 };

struct bench {
    uv_loop_t loop;
    char folder[64], path[96];
    struct mwd_log *log;
    int log_pipe[2]; /* not a file: its size would be limited too */
    char log_text[4096];
    size_t log_size;
    struct mwd_buffer error;
    struct mwd_recorder *recorder;
    uv_sem_t gate; /* what holds up the pool's only thread waits here */
    uv_work_t guard;
    uint32_t closed;
};

static void bench_init(struct bench *self)
{
    memset(self, 0, sizeof *self);
    strcpy(self->folder, "/tmp/mw-recorder-XXXXXX");
    assert_non_null(mkdtemp(self->folder));
    snprintf(self->path, sizeof self->path, "%s/run.rec", self->folder);
    assert_int_equal(uv_loop_init(&self->loop), 0);
    assert_int_equal(uv_sem_init(&self->gate, 0), 0);
    assert_int_equal(pipe2(self->log_pipe, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(mwd_log_create(self->log_pipe[1], MWD_LOG_INFO, &self->log), 0);
    mwd_buffer_init(&self->error, 1 << 16);
}

static void bench_deinit(struct bench *self)
{
    assert_int_equal(uv_loop_close(&self->loop), 0);
    uv_sem_destroy(&self->gate);
    mwd_log_destroy(self->log);
    close(self->log_pipe[0]);
    close(self->log_pipe[1]);
    mwd_buffer_deinit(&self->error);
    unlink(self->path);
    assert_int_equal(rmdir(self->folder), 0);
}

static void start(struct bench *self)
{
    assert_int_equal(
        mwd_recorder_create(&self->loop, self->path, self->log, &self->error, &self->recorder), 0);
}

static void on_closed(void *context)
{
    struct bench *self = context;

    self->closed++;
}

static void finish(struct bench *self)
{
    mwd_recorder_close(self->recorder, on_closed, self);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    assert_int_equal(self->closed, 1);
}

/* How many lines the log has with these words in them. */
static int count_lines(struct bench *self, const char *words)
{
    char text[sizeof self->log_text];
    int count = 0;

    ssize_t more = read(self->log_pipe[0], self->log_text + self->log_size,
                        sizeof self->log_text - 1 - self->log_size);
    self->log_size += more > 0 ? (size_t)more : 0;
    memcpy(text, self->log_text, sizeof text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        count += strstr(line, words) != NULL;
    return count;
}

/* ---- the pool's only thread, held up ---- */

static void wait_at_gate(uv_work_t *work)
{
    struct bench *self = work->data;

    uv_sem_wait(&self->gate);
}

static void on_gate_passed(uv_work_t *work, int status)
{
    (void)work;
    (void)status;
}

static void hold_disk(struct bench *self)
{
    self->guard.data = self;
    assert_int_equal(uv_queue_work(&self->loop, &self->guard, wait_at_gate, on_gate_passed), 0);
}

static void let_disk_go(struct bench *self)
{
    uv_sem_post(&self->gate);
}

/* ---- what the file holds ---- */

struct contents {
    uint8_t *bytes;
    size_t size, at;
    struct mw_recording_reader *reader;
    int end; /* of reading: MW_RECORDING_MORE with nothing left is a clean end */
};

static void contents_init(struct contents *self, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    *self = (struct contents){.size = (size_t)status.st_size};
    self->bytes = malloc(self->size + 1);
    assert_non_null(self->bytes);
    assert_int_equal(read(fd, self->bytes, self->size), self->size);
    close(fd);
    assert_int_equal(mw_recording_reader_create(&self->reader), 0);
    self->end = mw_recording_read_header(self->reader, self->bytes, self->size, &self->at);
}

static void contents_deinit(struct contents *self)
{
    mw_recording_reader_destroy(self->reader);
    free(self->bytes);
}

/* The next block, NULL at the end. */
static struct mw_block *contents_next(struct contents *self, bool *ret_begins_beat)
{
    struct mw_recording_frame frame;

    if (self->end == 0)
        self->end = mw_recording_read_frame(self->reader, self->bytes + self->at,
                                            self->size - self->at, &frame);
    if (self->end != 0)
        return NULL;
    self->at += frame.size;
    *ret_begins_beat = frame.begins_beat;
    return frame.block;
}

/* Reads to the end, which must be a clean one. Returns the number of blocks. */
static uint64_t count_blocks(const char *path)
{
    struct contents contents;
    struct mw_block *block;
    uint64_t count = 0;
    bool begins;

    contents_init(&contents, path);
    while ((block = contents_next(&contents, &begins)) != NULL) {
        mw_block_unref(block);
        count++;
    }
    assert_int_equal(contents.end, MW_RECORDING_MORE);
    assert_int_equal(contents.at, contents.size);
    contents_deinit(&contents);
    return count;
}

/* ---- tests ---- */

static void test_existing_file_is_not_touched(void **state)
{
    struct bench bench;
    char text[16] = "";

    (void)state;
    bench_init(&bench);
    FILE *file = fopen(bench.path, "w");
    assert_non_null(file);
    fputs("precious", file);
    fclose(file);
    assert_int_equal(
        mwd_recorder_create(&bench.loop, bench.path, bench.log, &bench.error, &bench.recorder),
        -EEXIST);
    assert_non_null(memmem(bench.error.bytes, bench.error.size, bench.path, strlen(bench.path)));
    assert_non_null(memmem(bench.error.bytes, bench.error.size, "already there", 13));
    file = fopen(bench.path, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text - 1, file), 8);
    fclose(file);
    assert_string_equal(text, "precious");
    unlink(bench.path);
    assert_int_equal(symlink("/nonexistent/elsewhere", bench.path), 0);
    assert_int_equal(
        mwd_recorder_create(&bench.loop, bench.path, bench.log, &bench.error, &bench.recorder),
        -EEXIST);
    bench_deinit(&bench);
}

static void test_folder_that_is_not_there(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    assert_int_equal(mwd_recorder_create(&bench.loop, "/nonexistent/run.rec", bench.log,
                                         &bench.error, &bench.recorder),
                     -ENOENT);
    assert_non_null(memmem(bench.error.bytes, bench.error.size, "/nonexistent/run.rec", 20));
    bench_deinit(&bench);
}

/* A recording names every process of its user's machine: it is for that user alone. */
static void test_mode(void **state)
{
    struct bench bench;
    struct stat status;

    (void)state;
    bench_init(&bench);
    mode_t before = umask(0);
    start(&bench);
    umask(before);
    assert_int_equal(stat(bench.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    finish(&bench);
    assert_int_equal(count_blocks(bench.path), 0);
    bench_deinit(&bench);
}

static void test_close_of_nothing(void **state)
{
    struct bench bench = {.closed = 0};

    (void)state;
    mwd_recorder_close(NULL, on_closed, &bench);
    assert_int_equal(bench.closed, 1);
    mwd_recorder_close(NULL, NULL, NULL);
}

static void write_beat(struct bench *bench, struct block_maker *makers)
{
    struct mw_block *blocks[ALL_SOURCES];

    for (uint32_t i = 0; i < ALL_SOURCES; i++)
        blocks[i] = block_maker_next(&makers[i], 10);
    mwd_recorder_write(bench->recorder, blocks, 3);
    mwd_recorder_write(bench->recorder, &blocks[3], 1);
    for (uint32_t i = 0; i < ALL_SOURCES; i++)
        mw_block_unref(blocks[i]);
}

static void makers_init(struct block_maker *makers)
{
    static const enum mw_source sources[ALL_SOURCES] = {MW_SOURCE_SYSTEM, MW_SOURCE_PROCESS,
                                                        MW_SOURCE_SELF, MW_SOURCE_DAEMON};

    for (uint32_t i = 0; i < ALL_SOURCES; i++)
        block_maker_init(&makers[i], sources[i], 40 + i);
}

static void makers_deinit(struct block_maker *makers)
{
    for (uint32_t i = 0; i < ALL_SOURCES; i++)
        block_maker_deinit(&makers[i]);
}

/* Block by block the same, and the daemon's own block belongs to the beat before it. */
static void test_what_was_written_is_there(void **state)
{
    struct block_maker makers[ALL_SOURCES];
    struct contents contents;
    struct bench bench;
    bool begins;

    (void)state;
    bench_init(&bench);
    start(&bench);
    makers_init(makers);
    for (int beat = 0; beat < 70; beat++) {
        write_beat(&bench, makers);
        uv_run(&bench.loop, beat % 3 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    }
    makers_deinit(makers);
    assert_int_equal(mwd_recorder_drops(bench.recorder), 0);
    finish(&bench);
    assert_int_equal(count_lines(&bench, "is closed: 280 blocks"), 1);
    contents_init(&contents, bench.path);
    makers_init(makers);
    for (int i = 0; i < 70 * ALL_SOURCES; i++) {
        struct mw_block *expected = block_maker_next(&makers[i % ALL_SOURCES], 10);
        struct mw_block *block = contents_next(&contents, &begins);

        assert_non_null(block);
        assert_blocks_equal(block, expected);
        assert_int_equal(begins, i % ALL_SOURCES == 0);
        mw_block_unref(block);
        mw_block_unref(expected);
    }
    assert_null(contents_next(&contents, &begins));
    contents_deinit(&contents);
    makers_deinit(makers);
    bench_deinit(&bench);
}

/* Seals without new blocks of the sampler (its sources are stale) are beats of their own, and a
 * beat whose first blocks could not be read begins all the same. */
static void test_where_beats_begin(void **state)
{
    static const bool expected[] = {true, false, true, true, false, true, false};
    static const enum mw_source order[] = {MW_SOURCE_SYSTEM, MW_SOURCE_DAEMON, MW_SOURCE_DAEMON,
                                           MW_SOURCE_SELF,   MW_SOURCE_DAEMON, MW_SOURCE_SYSTEM,
                                           MW_SOURCE_DAEMON};
    struct block_maker makers[MW_SOURCE_COUNT];
    struct contents contents;
    struct bench bench;
    bool begins;

    (void)state;
    bench_init(&bench);
    start(&bench);
    block_maker_init(&makers[MW_SOURCE_SYSTEM], MW_SOURCE_SYSTEM, 1);
    block_maker_init(&makers[MW_SOURCE_DAEMON], MW_SOURCE_DAEMON, 2);
    block_maker_init(&makers[MW_SOURCE_SELF], MW_SOURCE_SELF, 3);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        struct mw_block *block = block_maker_next(&makers[order[i]], 1);

        mwd_recorder_write(bench.recorder, &block, 1);
        mw_block_unref(block);
    }
    finish(&bench);
    contents_init(&contents, bench.path);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        struct mw_block *block = contents_next(&contents, &begins);

        assert_non_null(block);
        assert_int_equal(mw_block_head(block)->source, order[i]);
        assert_int_equal(begins, expected[i]);
        mw_block_unref(block);
    }
    contents_deinit(&contents);
    block_maker_deinit(&makers[MW_SOURCE_SYSTEM]);
    block_maker_deinit(&makers[MW_SOURCE_DAEMON]);
    block_maker_deinit(&makers[MW_SOURCE_SELF]);
    bench_deinit(&bench);
}

static void write_events(struct bench *bench, struct block_maker *maker, size_t bytes)
{
    struct mw_block *block = block_maker_events(maker, bytes);

    mwd_recorder_write(bench->recorder, &block, 1);
    mw_block_unref(block);
}

/* Bytes of a header and of two frames with BIG bytes of events, and what such a frame has besides
 * its events. */
static size_t measure(size_t *ret_besides)
{
    struct mw_recording_writer *writer;
    struct mw_recording_bytes bytes;
    struct block_maker maker;

    block_maker_init(&maker, MW_SOURCE_PROCESS, 1);
    assert_int_equal(mw_recording_writer_create(4096, &writer), 0);
    assert_int_equal(mw_recording_write_header(writer, &bytes), 0);
    size_t size = bytes.size;
    for (int i = 0; i < 2; i++) {
        struct mw_block *block = block_maker_events(&maker, BIG);

        assert_int_equal(mw_recording_write_frame(writer, block, true, &bytes), 0);
        size += bytes.size;
        mw_block_unref(block);
    }
    *ret_besides = bytes.size - BIG;
    mw_recording_writer_destroy(writer);
    block_maker_deinit(&maker);
    return size;
}

/* While the disk takes nothing, 8 MiB wait for it and not a byte more. The block that is over ends
 * the recording; what waited still reaches the file. */
static void test_pending_bound(void **state)
{
    size_t besides;
    size_t before = measure(&besides);

    (void)state;
    for (int past = -1; past <= 1; past++) {
        struct block_maker maker;
        struct bench bench;
        struct stat status;

        bench_init(&bench);
        block_maker_init(&maker, MW_SOURCE_PROCESS, 1);
        hold_disk(&bench);
        start(&bench);
        write_events(&bench, &maker, BIG);
        write_events(&bench, &maker, BIG);
        write_events(&bench, &maker,
                     MWD_RECORDER_PENDING_MAX - before - besides + (size_t)(past + 1) - 1);
        assert_int_equal(mwd_recorder_drops(bench.recorder), past > 0);
        write_events(&bench, &maker, 200);
        write_events(&bench, &maker, 200);
        assert_int_equal(mwd_recorder_drops(bench.recorder), past > 0 ? 3 : 2);
        assert_int_equal(count_lines(&bench, "has ended"), 1);
        assert_int_equal(count_lines(&bench, "8 MiB are waiting"), 1);
        /* the last block that is in: second 2 or 3 of the recording */
        assert_int_equal(count_lines(&bench, past > 0 ? "up to 2023-11-14T22:13:22Z"
                                                      : "up to 2023-11-14T22:13:23Z"),
                         1);
        let_disk_go(&bench);
        finish(&bench);
        assert_int_equal(stat(bench.path, &status), 0);
        assert_int_equal(status.st_size,
                         past > 0 ? before : (size_t)(MWD_RECORDER_PENDING_MAX + past));
        assert_int_equal(count_blocks(bench.path), past > 0 ? 2 : 3);
        block_maker_deinit(&maker);
        bench_deinit(&bench);
    }
}

static void limit_file_size(rlim_t size)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Writes 20 beats to a disk that takes `room` bytes. */
static void fill_disk(struct bench *bench, struct block_maker *makers, rlim_t room, bool one_by_one)
{
    limit_file_size(room);
    start(bench);
    for (int beat = 0; beat < 20; beat++) {
        write_beat(bench, makers);
        for (int turn = 0; one_by_one && turn < 3; turn++)
            uv_run(&bench->loop, UV_RUN_ONCE);
    }
    if (!one_by_one)
        uv_run(&bench->loop, UV_RUN_DEFAULT);
    uint64_t drops = mwd_recorder_drops(bench->recorder);
    finish(bench);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(count_lines(bench, "has ended"), 1);
    assert_int_equal(count_lines(bench, "File too large"), 1);
    assert_int_equal(count_lines(bench, "is closed"), 0);
    assert_int_equal(count_blocks(bench->path) + drops, 20 * ALL_SOURCES);
}

/* The file plays to its end without a cut, what is missing is counted, and it is said once. */
static void test_full_disk(void **state)
{
    static const rlim_t rooms[] = {9000, 10000, 12345};

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        for (int one_by_one = 0; one_by_one < 2; one_by_one++) {
            struct block_maker makers[ALL_SOURCES];
            struct bench bench;

            bench_init(&bench);
            makers_init(makers);
            fill_disk(&bench, makers, rooms[i], one_by_one);
            if (one_by_one)
                assert_in_range(count_blocks(bench.path), 1, 20 * ALL_SOURCES - 1);
            makers_deinit(makers);
            bench_deinit(&bench);
        }
    }
}

/* The disk is too slow, and then full: what was said about the end of the file is put right. */
static void test_slow_and_full_disk(void **state)
{
    struct block_maker maker;
    struct bench bench;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    bench_init(&bench);
    block_maker_init(&maker, MW_SOURCE_PROCESS, 1);
    hold_disk(&bench);
    start(&bench);
    for (int i = 0; i < 3; i++)
        write_events(&bench, &maker, BIG);
    assert_int_equal(count_lines(&bench, "up to 2023-11-14T22:13:22Z"), 1);
    limit_file_size(BIG);
    let_disk_go(&bench);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(count_lines(&bench, "complete up to its beginning"), 1);
    assert_int_equal(count_lines(&bench, "has ended"), 2);
    assert_int_equal(mwd_recorder_drops(bench.recorder), 3);
    finish(&bench);
    assert_int_equal(count_blocks(bench.path), 0);
    block_maker_deinit(&maker);
    bench_deinit(&bench);
}

/* Not even the header fits: the file is empty, and every block is a drop. */
static void test_no_room_for_the_header(void **state)
{
    struct block_maker makers[ALL_SOURCES];
    struct bench bench;
    struct stat status;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    bench_init(&bench);
    makers_init(makers);
    limit_file_size(100);
    start(&bench);
    write_beat(&bench, makers);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    write_beat(&bench, makers);
    assert_int_equal(mwd_recorder_drops(bench.recorder), 2 * ALL_SOURCES);
    finish(&bench);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(count_lines(&bench, "complete up to its beginning"), 1);
    assert_int_equal(stat(bench.path, &status), 0);
    assert_int_equal(status.st_size, 0);
    makers_deinit(makers);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_existing_file_is_not_touched),
        cmocka_unit_test(test_folder_that_is_not_there),
        cmocka_unit_test(test_mode),
        cmocka_unit_test(test_close_of_nothing),
        cmocka_unit_test(test_what_was_written_is_there),
        cmocka_unit_test(test_where_beats_begin),
        cmocka_unit_test(test_pending_bound),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_slow_and_full_disk),
        cmocka_unit_test(test_no_room_for_the_header),
    };

    setenv("UV_THREADPOOL_SIZE", "1", 1); /* so that one job can hold up the disk */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
