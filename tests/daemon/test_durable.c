/* What was said to be on the disk is there after whatever happened: a cut at any byte, a full disk,
 * a file of somebody else. */
#include "daemon/durable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEEN_MAX = 4096 };

struct bench {
    char folder[32], path[64];
    uv_loop_t loop;
    struct mwd_log *log;
    struct mwd_durable *durable;
    struct mwd_buffer seen; /* records that were read, each with a line end */
    struct mwd_buffer live; /* what the owner puts at a rewrite, likewise */
    uint64_t done;
    bool closed;
};

static void on_record(void *context, const void *bytes, size_t size)
{
    struct bench *self = context;

    mwd_buffer_append(&self->seen, bytes, size);
    mwd_buffer_puts(&self->seen, "\n");
}

static void on_done(void *context, uint64_t ticket)
{
    ((struct bench *)context)->done = ticket;
}

static void on_rewrite(void *context)
{
    struct bench *self = context;
    const char *at = self->live.bytes, *end = at + self->live.size;

    while (at < end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));

        mwd_durable_put(self->durable, at, (size_t)(line - at));
        at = line + 1;
    }
}

static void on_closed(void *context)
{
    ((struct bench *)context)->closed = true;
}

static int setup(void **state)
{
    struct bench *self = calloc(1, sizeof *self);

    assert_non_null(self);
    snprintf(self->folder, sizeof self->folder, "/tmp/durable.XXXXXX"); /* six X: mkdtemp() */
    assert_non_null(mkdtemp(self->folder));
    snprintf(self->path, sizeof self->path, "%s/state.log", self->folder);
    mwd_buffer_init(&self->seen, 64 << 20);
    mwd_buffer_init(&self->live, 64 << 20);
    assert_int_equal(uv_loop_init(&self->loop), 0);
    *state = self;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static int teardown(void **state)
{
    struct bench *self = *state;

    nftw(self->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    mwd_buffer_deinit(&self->seen);
    mwd_buffer_deinit(&self->live);
    assert_int_equal(uv_loop_close(&self->loop), 0);
    free(self);
    return 0;
}

static void open_it(struct bench *self)
{
    struct mwd_durable_options options = {self->folder, "state.log", NULL, on_record,
                                          on_done,      on_rewrite,  self};

    self->seen.size = 0;
    self->done = 0;
    assert_int_equal(mwd_durable_create(&self->loop, &options, &self->durable), 0);
}

static void close_it(struct bench *self)
{
    self->closed = false;
    mwd_durable_close(self->durable, on_closed, self);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    assert_true(self->closed);
    self->durable = NULL;
}

static void put(struct bench *self, const char *text)
{
    mwd_buffer_printf(&self->live, "%s\n", text);
    mwd_durable_put(self->durable, text, strlen(text));
}

static void wait_for(struct bench *self, uint64_t ticket)
{
    while (!mwd_durable_is_done(self->durable, ticket))
        uv_run(&self->loop, UV_RUN_ONCE);
}

static const char *read_again(struct bench *self)
{
    open_it(self);
    mwd_buffer_append(&self->seen, "", 1);
    close_it(self);
    return self->seen.bytes;
}

static void what_was_put_is_there_in_order(void **state)
{
    struct bench *self = *state;

    open_it(self);
    assert_int_equal(self->seen.size, 0);
    put(self, "one");
    uint64_t first = mwd_durable_commit(self->durable);
    put(self, "two"); /* while the first is written */
    uint64_t second = mwd_durable_commit(self->durable);
    assert_true(second > first);
    assert_false(mwd_durable_is_done(self->durable, first));
    wait_for(self, second);
    put(self, "three"); /* not committed: closing writes it */
    close_it(self);
    assert_string_equal(read_again(self), "one\ntwo\nthree\n");
}

static void commit_of_nothing_waits_for_nothing(void **state)
{
    struct bench *self = *state;

    open_it(self);
    assert_true(mwd_durable_is_done(self->durable, mwd_durable_commit(self->durable)));
    close_it(self);
    assert_int_equal(access(self->path, F_OK), -1);
}

static size_t read_file(const char *path, char *bytes, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t got = read(fd, bytes, size);

    assert_true(fd >= 0 && got >= 0);
    close(fd);
    return (size_t)got;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

/* Records before the cut are there, no other is, and what is put then stands behind them. */
static void cut_at_any_byte_loses_what_is_behind_it_only(void **state)
{
    static const char all[] = "alpha\nb\ngamma\n";
    static const size_t ends[] = {16, 16 + 8 + 5, 16 + 8 + 5 + 8 + 1, 16 + 8 + 5 + 8 + 1 + 8 + 5};
    static const size_t shown[] = {0, 6, 8, 14};
    struct bench *self = *state;
    char bytes[256];
    size_t size;

    open_it(self);
    put(self, "alpha");
    put(self, "b");
    put(self, "gamma");
    close_it(self);
    size = read_file(self->path, bytes, sizeof bytes);
    assert_int_equal(size, ends[3]);
    for (size_t cut = 0; cut <= size; cut++) {
        unsigned whole = 0;
        char expected[64];

        while (whole < 3 && ends[whole + 1] <= cut)
            whole++;
        write_file(self->path, bytes, cut);
        open_it(self);
        put(self, "new");
        close_it(self);
        snprintf(expected, sizeof expected, "%.*snew\n", (int)shown[whole], all);
        assert_string_equal(read_again(self), expected);
    }
}

/* A byte that fell over is found, and nothing behind it is believed. */
static void changed_byte_is_never_believed(void **state)
{
    struct bench *self = *state;
    char bytes[256];
    size_t size;

    open_it(self);
    put(self, "alpha");
    put(self, "b");
    close_it(self);
    size = read_file(self->path, bytes, sizeof bytes);
    for (size_t at = 16; at < size; at++) {
        bytes[at] ^= 0x10;
        write_file(self->path, bytes, size);
        bytes[at] ^= 0x10;
        assert_string_equal(read_again(self), at < 29 ? "" : "alpha\n");
    }
}

static void check_put_aside(struct bench *self, const char *bytes, size_t size, const char *aside)
{
    char path[96], found[256];

    write_file(self->path, bytes, size);
    open_it(self);
    assert_int_equal(self->seen.size, 0);
    put(self, "ours");
    close_it(self);
    snprintf(path, sizeof path, "%s.%s", self->path, aside);
    assert_int_equal(read_file(path, found, sizeof found), size);
    assert_memory_equal(found, bytes, size);
    assert_string_equal(read_again(self), "ours\n");
}

static void foreign_and_newer_files_are_kept_aside(void **state)
{
    struct bench *self = *state;
    struct mwd_buffer newer;

    check_put_aside(self, "something else\n", 15, "aside-1");
    mwd_buffer_init(&newer, 64);
    mwd_durable_put_head(&newer, MWD_DURABLE_VERSION + 1);
    mwd_durable_put_record(&newer, "who knows", 9);
    check_put_aside(self, newer.bytes, newer.size, "aside-2");
    mwd_buffer_deinit(&newer);
}

static void file_that_has_grown_is_written_anew(void **state)
{
    struct bench *self = *state;
    struct mwd_durable_numbers numbers;
    char text[1024];

    open_it(self);
    put(self, "counts");
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 400; i++) {
        mwd_durable_put(self->durable, text, sizeof text);
        wait_for(self, mwd_durable_commit(self->durable));
    }
    mwd_durable_get_numbers(self->durable, &numbers);
    assert_true(numbers.rewrites >= 1);
    assert_true(numbers.file_bytes < 300 << 10);
    close_it(self);
    assert_int_equal(strncmp(read_again(self), "counts\n", 7), 0);
}

/* Files may not be larger than this: as if the disk were full. */
static void limit_files(rlim_t size)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void full_disk_holds_nobody_up_and_loses_nothing_that_counts(void **state)
{
    struct bench *self = *state;
    struct mwd_durable_numbers numbers;

    open_it(self);
    put(self, "before");
    wait_for(self, mwd_durable_commit(self->durable));
    limit_files(30);
    put(self, "while it is full");
    wait_for(self, mwd_durable_commit(self->durable));
    put(self, "more");
    wait_for(self, mwd_durable_commit(self->durable)); /* does not try again at once */
    mwd_durable_get_numbers(self->durable, &numbers);
    assert_true(numbers.failing);
    assert_int_equal(numbers.failures, 1);
    limit_files(RLIM_INFINITY);
    uv_run(&self->loop, UV_RUN_ONCE); /* the time to try again */
    while (numbers.failing) {
        uv_run(&self->loop, UV_RUN_ONCE);
        mwd_durable_get_numbers(self->durable, &numbers);
    }
    close_it(self);
    assert_string_equal(read_again(self), "before\nwhile it is full\nmore\n");
}

static void folder_that_is_not_there_is_a_failure_and_no_more(void **state)
{
    struct bench *self = *state;
    struct mwd_durable_numbers numbers;
    char folder[32];

    memcpy(folder, self->folder, sizeof folder);
    snprintf(self->folder, sizeof self->folder, "/tmp/durable.not-there");
    open_it(self);
    memcpy(self->folder, folder, sizeof folder);
    put(self, "x");
    wait_for(self, mwd_durable_commit(self->durable));
    mwd_durable_get_numbers(self->durable, &numbers);
    assert_true(numbers.failing);
    close_it(self);
}

static void second_daemon_does_not_write_into_the_file_of_the_first(void **state)
{
    struct bench *self = *state;
    struct mwd_durable *first;
    struct mwd_durable_numbers numbers;

    open_it(self);
    put(self, "first");
    wait_for(self, mwd_durable_commit(self->durable));
    first = self->durable;
    open_it(self);
    assert_int_equal(self->seen.size, 0);
    mwd_durable_put(self->durable, "second", 6);
    wait_for(self, mwd_durable_commit(self->durable));
    mwd_durable_get_numbers(self->durable, &numbers);
    assert_true(numbers.failing);
    close_it(self);
    self->durable = first;
    close_it(self);
    assert_string_equal(read_again(self), "first\n");
}

/* As on a file system that became read-only: what fired before is known, and is not told anew. */
static void state_that_may_only_be_read_is_read(void **state)
{
    struct bench *self = *state;

    open_it(self);
    put(self, "one");
    wait_for(self, mwd_durable_commit(self->durable));
    close_it(self);
    assert_int_equal(chmod(self->path, 0444), 0);
    assert_int_equal(chmod(self->folder, 0755), 0);
    setfsuid(65534); /* a root could write it all the same */
    open_it(self);
    setfsuid(geteuid());
    assert_int_equal(self->seen.size, 4);
    assert_memory_equal(self->seen.bytes, "one\n", 4);
    put(self, "two");
    wait_for(self, mwd_durable_commit(self->durable));
    close_it(self);
    if (geteuid() == 0) /* it may be written by now, and goes on where it was */
        assert_string_equal(read_again(self), "one\ntwo\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_there_in_order),
        TEST(commit_of_nothing_waits_for_nothing),
        TEST(cut_at_any_byte_loses_what_is_behind_it_only),
        TEST(changed_byte_is_never_believed),
        TEST(foreign_and_newer_files_are_kept_aside),
        TEST(file_that_has_grown_is_written_anew),
        TEST(full_disk_holds_nobody_up_and_loses_nothing_that_counts),
        TEST(folder_that_is_not_there_is_a_failure_and_no_more),
        TEST(state_that_may_only_be_read_is_read),
        TEST(second_daemon_does_not_write_into_the_file_of_the_first),
    };

    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
