/* --replay: every beat comes, whole, in order and in time; bad files are told; it always lets go.
 */
#include "base/clock.h"
#include "daemon/replayer.h"
#include "tests/support/blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BEAT_SOURCES = 3, HELD_MAX = 16, NEVER = 1 << 20 };

static const enum mw_source beat_sources[BEAT_SOURCES] = {MW_SOURCE_SYSTEM, MW_SOURCE_PROCESS,
                                                          MW_SOURCE_DAEMON};

struct bench {
    uv_loop_t loop;
    uv_timer_t limit; /* no test hangs */
    uv_timer_t later;
    char folder[64], path[96];
    struct mwd_log *log;
    int log_pipe[2];
    char log_text[4096];
    size_t log_size;
    struct mwd_buffer error;
    struct mwd_replayer *replayer;
    unsigned wait_ms;

    struct block_maker makers[BEAT_SOURCES]; /* of what is expected next */
    uint32_t beats, ends, closed;
    int status;
    uint64_t first_ns, last_ns;
    uint32_t close_at; /* beat in whose callback it is closed */
    uint32_t cut_beat; /* the one that lacks its last block */
    bool close_at_end;

    struct mw_block *held[HELD_MAX]; /* a queue: what a slow reader still refers to */
    uint32_t held_count, hold;
    bool lets_go; /* of all three that there are, after a while */
};

static void makers_init(struct block_maker *makers)
{
    for (uint32_t i = 0; i < BEAT_SOURCES; i++)
        block_maker_init(&makers[i], beat_sources[i], 60 + i);
}

static void makers_deinit(struct block_maker *makers)
{
    for (uint32_t i = 0; i < BEAT_SOURCES; i++)
        block_maker_deinit(&makers[i]);
}

static void bench_init(struct bench *self)
{
    memset(self, 0, sizeof *self);
    self->close_at = NEVER;
    self->close_at_end = true;
    self->wait_ms = 10000;
    strcpy(self->folder, "/tmp/mw-replayer-XXXXXX");
    assert_non_null(mkdtemp(self->folder));
    snprintf(self->path, sizeof self->path, "%s/run.rec", self->folder);
    assert_int_equal(uv_loop_init(&self->loop), 0);
    uv_timer_init(&self->loop, &self->limit);
    uv_timer_init(&self->loop, &self->later);
    self->limit.data = self->later.data = self;
    assert_int_equal(pipe2(self->log_pipe, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(mwd_log_create(self->log_pipe[1], MWD_LOG_INFO, &self->log), 0);
    mwd_buffer_init(&self->error, 1 << 16);
    makers_init(self->makers);
}

static void bench_deinit(struct bench *self)
{
    uv_close((uv_handle_t *)&self->limit, NULL);
    uv_close((uv_handle_t *)&self->later, NULL);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&self->loop), 0);
    for (uint32_t i = 0; i < self->held_count; i++)
        mw_block_unref(self->held[i]);
    makers_deinit(self->makers);
    mwd_log_destroy(self->log);
    close(self->log_pipe[0]);
    close(self->log_pipe[1]);
    mwd_buffer_deinit(&self->error);
    unlink(self->path);
    assert_int_equal(rmdir(self->folder), 0);
}

/* Whether the log has these words. */
static bool logged(struct bench *self, const char *words)
{
    ssize_t more = read(self->log_pipe[0], self->log_text + self->log_size,
                        sizeof self->log_text - 1 - self->log_size);

    self->log_size += more > 0 ? (size_t)more : 0;
    return strstr(self->log_text, words) != NULL;
}

static bool refused(const struct bench *self, const char *words)
{
    return memmem(self->error.bytes, self->error.size, words, strlen(words)) != NULL;
}

/* ---- making a file: beats of three blocks, a second apart ---- */

static size_t write_frames(struct mw_recording_writer *writer, FILE *file, uint32_t beats)
{
    struct block_maker makers[BEAT_SOURCES];
    struct mw_recording_bytes bytes;
    size_t size = 0;

    makers_init(makers);
    for (uint32_t i = 0; i < beats * BEAT_SOURCES; i++) {
        struct mw_block *block = block_maker_next(&makers[i % BEAT_SOURCES], 5);

        assert_int_equal(mw_recording_write_frame(writer, block, i % BEAT_SOURCES == 0, &bytes), 0);
        assert_int_equal(fwrite(bytes.bytes, 1, bytes.size, file), bytes.size);
        size += bytes.size;
        mw_block_unref(block);
    }
    makers_deinit(makers);
    return size;
}

static size_t write_file(const char *path, uint32_t beats, uint32_t page_size)
{
    struct mw_recording_writer *writer;
    struct mw_recording_bytes bytes;
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(mw_recording_writer_create(page_size, &writer), 0);
    assert_int_equal(mw_recording_write_header(writer, &bytes), 0);
    assert_int_equal(fwrite(bytes.bytes, 1, bytes.size, file), bytes.size);
    size_t size = bytes.size + write_frames(writer, file, beats);
    mw_recording_writer_destroy(writer);
    assert_int_equal(fclose(file), 0);
    return size;
}

static size_t header_size(void)
{
    struct mw_recording_writer *writer;
    struct mw_recording_bytes bytes;

    assert_int_equal(mw_recording_writer_create(4096, &writer), 0);
    assert_int_equal(mw_recording_write_header(writer, &bytes), 0);
    size_t size = bytes.size;
    mw_recording_writer_destroy(writer);
    return size;
}

/* ---- playing it ---- */

static void on_closed(void *context)
{
    struct bench *self = context;

    self->closed++;
    uv_timer_stop(&self->limit);
}

static void finish(struct bench *self)
{
    mwd_replayer_close(self->replayer, self->wait_ms, on_closed, self);
    self->replayer = NULL;
}

static void on_limit(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened for 20 s");
}

static void hold_block(struct bench *self, struct mw_block *block)
{
    if (self->hold == 0)
        return;
    if (self->held_count == self->hold) {
        mw_block_unref(self->held[0]);
        memmove(self->held, self->held + 1, --self->held_count * sizeof *self->held);
    }
    self->held[self->held_count++] = mw_block_ref(block);
}

static void on_let_go(uv_timer_t *timer)
{
    struct bench *self = timer->data;

    assert_int_equal(self->beats, 3);
    for (uint32_t i = 0; i < self->held_count; i++)
        mw_block_unref(self->held[i]);
    self->held_count = 0;
    self->hold = 0;
}

static void on_blocks(void *context, struct mw_block *const *blocks, uint32_t count)
{
    struct bench *self = context;

    assert_int_equal(self->ends, 0);
    assert_int_equal(count, self->beats + 1 == self->cut_beat ? BEAT_SOURCES - 1 : BEAT_SOURCES);
    for (uint32_t i = 0; i < count; i++) {
        struct mw_block *expected = block_maker_next(&self->makers[i], 5);

        assert_blocks_equal(blocks[i], expected);
        mw_block_unref(expected);
    }
    hold_block(self, blocks[0]);
    self->last_ns = mw_clock_monotonic_ns(mw_clock_system());
    if (self->beats == 0)
        self->first_ns = self->last_ns;
    if (++self->beats == self->close_at)
        finish(self);
    if (self->beats == 3 && self->lets_go)
        uv_timer_start(&self->later, on_let_go, 100, 0);
}

static void on_close_time(uv_timer_t *timer)
{
    finish(timer->data);
}

static void on_end(void *context, int status)
{
    struct bench *self = context;

    self->ends++;
    self->status = status;
    if (self->close_at_end)
        finish(self);
    else
        uv_timer_start(&self->later, on_close_time, 100, 0);
}

static int create(struct bench *self, double speed)
{
    const struct mwd_replayer_options options = {.path = self->path,
                                                 .speed = speed,
                                                 .log = self->log,
                                                 .on_blocks = on_blocks,
                                                 .on_end = on_end,
                                                 .context = self};

    return mwd_replayer_create(&self->loop, &options, &self->error, &self->replayer);
}

static void play(struct bench *self, double speed)
{
    int r = create(self, speed);
    if (r < 0)
        fail_msg("%.*s", (int)self->error.size, self->error.bytes);
    uv_timer_start(&self->limit, on_limit, 20000, 0);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    assert_int_equal(self->closed, 1);
}

/* ---- tests ---- */

static void test_every_beat_comes(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    write_file(bench.path, 150, 4096);
    play(&bench, INFINITY);
    assert_int_equal(bench.beats, 150);
    assert_int_equal(bench.ends, 1);
    assert_int_equal(bench.status, 0);
    assert_true(logged(&bench, "has ended: 150 beats, 450 blocks"));
    assert_false(logged(&bench, "cut off"));
    bench_deinit(&bench);
}

/* Four seconds of recording at twenty times the speed: 200 ms. */
static void test_speed(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    write_file(bench.path, 5, 4096);
    play(&bench, 20);
    assert_int_equal(bench.beats, 5);
    assert_in_range(bench.last_ns - bench.first_ns, 100ULL * MW_NS_PER_MS, 3500ULL * MW_NS_PER_MS);
    bench_deinit(&bench);
}

static void test_speeds_that_are_none(void **state)
{
    static const double speeds[] = {0, -1, NAN, -INFINITY};
    struct bench bench;

    (void)state;
    bench_init(&bench);
    write_file(bench.path, 1, 4096);
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++) {
        assert_int_equal(create(&bench, speeds[i]), -EINVAL);
        assert_true(refused(&bench, "--speed takes a number over 0"));
        mwd_buffer_deinit(&bench.error);
        mwd_buffer_init(&bench.error, 1 << 16);
    }
    bench_deinit(&bench);
}

/* A reader that lets go of a block only when the next beat comes must get that beat, though all
 * three blocks of the source are then in use or held. */
static void test_reader_that_holds_two(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    bench.hold = 2;
    write_file(bench.path, 100, 4096);
    play(&bench, INFINITY);
    assert_int_equal(bench.beats, 100);
    assert_int_equal(bench.status, 0);
    bench_deinit(&bench);
}

/* A reader that holds all three: the play waits for it, and no beat is lost. */
static void test_reader_that_holds_all(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    bench.hold = HELD_MAX;
    write_file(bench.path, 30, 4096);
    bench.lets_go = true;
    play(&bench, INFINITY);
    assert_int_equal(bench.beats, 30);
    assert_int_equal(bench.status, 0);
    bench_deinit(&bench);
}

/* The writer was killed: all whole blocks come, the rest is told, and that is no failure. */
static void test_cut_file(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    size_t size = write_file(bench.path, 4, 4096);
    assert_int_equal(truncate(bench.path, (off_t)size - 1), 0);
    bench.cut_beat = 4;
    play(&bench, INFINITY);
    assert_int_equal(bench.beats, 4);
    assert_int_equal(bench.status, 0);
    assert_true(logged(&bench, "4 beats, 11 blocks; the last"));
    bench_deinit(&bench);
}

static void test_cut_in_the_head_of_a_frame(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    write_file(bench.path, 4, 4096);
    FILE *file = fopen(bench.path, "a");
    assert_non_null(file);
    assert_int_equal(fwrite("\x20\0\0\0\1", 1, 5, file), 5);
    fclose(file);
    play(&bench, INFINITY);
    assert_int_equal(bench.beats, 4);
    assert_int_equal(bench.status, 0);
    assert_true(logged(&bench, "the last 5 bytes are a block that was cut off"));
    bench_deinit(&bench);
}

static void test_damaged_frame(void **state)
{
    struct bench bench;
    char place[64];

    (void)state;
    bench_init(&bench);
    size_t size = write_file(bench.path, 4, 4096);
    FILE *file = fopen(bench.path, "a");
    assert_non_null(file);
    assert_int_equal(fwrite("this is not a frame of a recording", 1, 34, file), 34);
    fclose(file);
    play(&bench, INFINITY);
    assert_int_equal(bench.beats, 4);
    assert_int_equal(bench.ends, 1);
    assert_int_equal(bench.status, -EBADMSG);
    snprintf(place, sizeof place, "4 beats, 12 blocks: byte %zu: expected ", size);
    assert_true(logged(&bench, place));
    bench_deinit(&bench);
}

static void test_files_that_are_none(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    assert_int_equal(create(&bench, 1), -ENOENT);
    assert_true(refused(&bench, bench.path));
    write_file(bench.path, 1, 4096);
    assert_int_equal(truncate(bench.path, (off_t)header_size() - 1), 0);
    assert_int_equal(create(&bench, 1), -EBADMSG);
    assert_true(refused(&bench, "ends before its header"));
    assert_int_equal(truncate(bench.path, 0), 0);
    assert_int_equal(create(&bench, 1), -EBADMSG);
    FILE *file = fopen(bench.path, "w");
    assert_non_null(file);
    fputs("{\"timeMs\":1}\n", file);
    fclose(file);
    assert_int_equal(create(&bench, 1), -EBADMSG);
    assert_true(refused(&bench, "byte 0: expected a recording"));
    unlink(bench.path);
    assert_int_equal(mkdir(bench.path, 0700), 0);
    assert_int_equal(create(&bench, 1), -EISDIR);
    assert_int_equal(rmdir(bench.path), 0);
    bench_deinit(&bench);
}

/* A header and nothing else is a recording, of no beats. */
static void test_no_beats(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    write_file(bench.path, 0, 4096);
    play(&bench, 1);
    assert_int_equal(bench.beats, 0);
    assert_int_equal(bench.ends, 1);
    assert_int_equal(bench.status, 0);
    bench_deinit(&bench);
}

static void test_other_page_size_is_told(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    write_file(bench.path, 1, 1 << 16);
    play(&bench, INFINITY);
    assert_int_equal(bench.beats, 1);
    assert_true(logged(&bench, "pages of 65536 bytes"));
    bench_deinit(&bench);
}

/* The next beat is due in weeks: closing does not wait for it. */
static void test_close_while_it_waits(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    write_file(bench.path, 2, 4096);
    bench.close_at = 1;
    uint64_t begin = mw_clock_monotonic_ns(mw_clock_system());
    play(&bench, 1e-6);
    assert_in_range(mw_clock_monotonic_ns(mw_clock_system()) - begin, 0, 5ULL * MW_NS_PER_S);
    assert_int_equal(bench.beats, 1);
    assert_int_equal(bench.ends, 0);
    bench_deinit(&bench);
}

/* Closed in the call that brings the last beat: the end is then not told any more. */
static void test_close_in_the_last_beat(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    write_file(bench.path, 3, 4096);
    bench.close_at = 3;
    play(&bench, INFINITY);
    assert_int_equal(bench.beats, 3);
    assert_int_equal(bench.ends, 0);
    bench_deinit(&bench);
}

/* The end is told once; the daemon may go on long after it. */
static void test_close_after_the_end(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    bench.close_at_end = false;
    write_file(bench.path, 3, 4096);
    play(&bench, INFINITY);
    assert_int_equal(bench.beats, 3);
    assert_int_equal(bench.ends, 1);
    bench_deinit(&bench);
}

static void test_close_of_nothing(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    mwd_replayer_close(NULL, 0, on_closed, &bench);
    assert_int_equal(bench.closed, 1);
    mwd_replayer_close(NULL, 0, NULL, NULL);
    bench_deinit(&bench);
}

/* Waits until nobody reads the pipe any more. */
static void wait_for_reader_to_go(const char *path)
{
    for (int i = 0; i < 500; i++) {
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0 && errno == ENXIO)
            return;
        close(fd);
        usleep(10000);
    }
    fail_msg("the abandoned thread never let go of the pipe");
}

/* A read that never returns: the thread is left behind, the loop is free, and when the read returns
 * after all, the thread cleans up behind itself and says nothing (its log is gone by then). */
static void test_stuck_read_is_abandoned(void **state)
{
    struct mw_recording_writer *writer;
    struct mw_recording_bytes bytes;
    struct bench bench;

    (void)state;
    bench_init(&bench);
    assert_int_equal(mkfifo(bench.path, 0600), 0);
    int fd = open(bench.path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_int_equal(mw_recording_writer_create(4096, &writer), 0);
    assert_int_equal(mw_recording_write_header(writer, &bytes), 0);
    assert_int_equal(fwrite(bytes.bytes, 1, bytes.size, file), bytes.size);
    write_frames(writer, file, 2);
    assert_int_equal(fflush(file), 0);
    mw_recording_writer_destroy(writer);
    bench.wait_ms = 50;
    bench.close_at = 1; /* the second beat waits for what follows it */
    uint64_t begin = mw_clock_monotonic_ns(mw_clock_system());
    play(&bench, INFINITY);
    assert_in_range(mw_clock_monotonic_ns(mw_clock_system()) - begin, 0, 5ULL * MW_NS_PER_S);
    assert_int_equal(bench.beats, 1);
    mwd_log_destroy(bench.log);
    bench.log = NULL;
    fclose(file);
    wait_for_reader_to_go(bench.path);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_beat_comes),
        cmocka_unit_test(test_speed),
        cmocka_unit_test(test_speeds_that_are_none),
        cmocka_unit_test(test_reader_that_holds_two),
        cmocka_unit_test(test_reader_that_holds_all),
        cmocka_unit_test(test_cut_file),
        cmocka_unit_test(test_cut_in_the_head_of_a_frame),
        cmocka_unit_test(test_damaged_frame),
        cmocka_unit_test(test_files_that_are_none),
        cmocka_unit_test(test_no_beats),
        cmocka_unit_test(test_other_page_size_is_told),
        cmocka_unit_test(test_close_while_it_waits),
        cmocka_unit_test(test_close_in_the_last_beat),
        cmocka_unit_test(test_close_after_the_end),
        cmocka_unit_test(test_close_of_nothing),
        cmocka_unit_test(test_stuck_read_is_abandoned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
