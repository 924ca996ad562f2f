/* Snapshots by a child: whole or known not to be, one at a time, and nothing and nobody left over.
 */
#include "daemon/snapshot.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { OBJECTS = 20000, LIMIT_MS = 20000, PATIENCE_S = 30, NAMES_BYTES = 1024 };

struct fixture {
    uv_loop_t loop;
    struct mw_heap *heap;
    struct mwd_snapshots *snapshots;
    char folder[64];
};

/* Enough not to fit into a pipe. */
static void fill(struct mw_heap *heap)
{
    const struct mw_heap_type_info list = {.name = "List", .kind = MW_KIND_REFS};
    const struct mw_heap_type_info item = {.name = "Item", .kind = MW_KIND_FIXED, .words = 2};
    const struct mw_heap_type *lists, *items;
    struct mw_global *global;
    MW_SCOPE(scope, heap);

    assert_int_equal(mw_heap_add_type(heap, &list, &lists), 0);
    assert_int_equal(mw_heap_add_type(heap, &item, &items), 0);
    struct mw_ref all = mw_heap_new_array(heap, lists, OBJECTS, MW_PLACE_OLD);
    assert_int_equal(mw_global_create(heap, all, false, &global), 0);
    for (size_t i = 0; i < OBJECTS; i++) {
        MW_SCOPE(inner, heap);

        mw_heap_set(heap, all, i, mw_heap_new(heap, items));
    }
}

static int set_up_with(void **state, uint64_t limit_ms)
{
    struct fixture *self = calloc(1, sizeof *self);
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    strcpy(self->folder, "/tmp/mw-snapshot-XXXXXX"); /* six X, as mkdtemp() wants them */
    if (!mkdtemp(self->folder) || uv_loop_init(&self->loop) < 0 ||
        mw_heap_create(&config, &self->heap) < 0)
        return -1;
    fill(self->heap);
    const struct mwd_snapshots_options options = {
        .heap = self->heap, .folder = self->folder, .limit_ms = limit_ms};
    *state = self;
    return mwd_snapshots_create(&self->loop, &options, &self->snapshots);
}

static int set_up(void **state)
{
    return set_up_with(state, LIMIT_MS);
}

static int set_up_hasty(void **state)
{
    return set_up_with(state, 50);
}

/* Names in the folder, in no order. */
static unsigned list(const struct fixture *self, char ret[NAMES_BYTES])
{
    DIR *folder = opendir(self->folder);
    struct dirent *entry;
    unsigned count = 0;

    ret[0] = '\0';
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.') {
            snprintf(ret + strlen(ret), NAMES_BYTES - strlen(ret), "%s ", entry->d_name);
            count++;
        }
    if (folder)
        closedir(folder);
    return count;
}

static int tear_down(void **state)
{
    struct fixture *self = *state;
    char path[400], names[NAMES_BYTES];

    mwd_snapshots_close(self->snapshots);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    mwd_snapshots_destroy(self->snapshots);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    list(self, names);
    for (char *name = strtok(names, " "); name; name = strtok(NULL, " ")) {
        snprintf(path, sizeof path, "%s/%s", self->folder, name);
        unlink(path);
    }
    int r = rmdir(self->folder) | uv_loop_close(&self->loop);
    mw_heap_destroy(self->heap);
    free(self);
    return r;
}

/* ---- what is waited for ---- */

static bool has_child(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static pid_t the_child(void)
{
    FILE *children = fopen("/proc/thread-self/children", "r");
    char line[64] = "";

    assert_non_null(children);
    assert_non_null(fgets(line, sizeof line, children));
    fclose(children);
    return (pid_t)strtol(line, NULL, 10);
}

static void wait_for_no_child(struct fixture *self)
{
    uint64_t until = mw_clock_monotonic_ns(mw_clock_system()) + (uint64_t)PATIENCE_S * MW_NS_PER_S;

    while (has_child()) {
        uv_run(&self->loop, UV_RUN_NOWAIT);
        assert_true(mw_clock_monotonic_ns(mw_clock_system()) < until);
        usleep(1000);
    }
}

/* Slices come first, as the loop turns. */
static void wait_for_child(struct fixture *self)
{
    uint64_t until = mw_clock_monotonic_ns(mw_clock_system()) + (uint64_t)PATIENCE_S * MW_NS_PER_S;

    while (!has_child()) {
        uv_run(&self->loop, UV_RUN_NOWAIT);
        assert_true(mw_clock_monotonic_ns(mw_clock_system()) < until);
    }
}

static void begin(struct fixture *self, struct mwd_snapshot_stream *ret)
{
    assert_int_equal(mwd_snapshot_stream(self->snapshots, ret), 0);
    wait_for_child(self);
}

/* To the end; returns the bytes. */
static size_t read_all(int fd)
{
    char bytes[65536];
    size_t all = 0;
    ssize_t size = -1;

    for (int i = 0; i < PATIENCE_S * 1000 && size != 0; i++) {
        size = read(fd, bytes, sizeof bytes);
        all += size > 0 ? (size_t)size : 0;
        if (size < 0)
            usleep(1000);
    }
    assert_int_equal(size, 0);
    return all;
}

/* ---- streams ---- */

static void a_stream_is_whole(void **state)
{
    struct fixture *self = *state;
    struct mwd_snapshot_stream stream;

    begin(self, &stream);
    assert_true(read_all(stream.fd) > OBJECTS);
    assert_int_equal(mwd_snapshot_verdict(self->snapshots), 0);
    mwd_snapshot_stop(self->snapshots);
    close(stream.fd);
    wait_for_no_child(self);
}

/* Even when its child is done: what it wrote is still being read. */
static void one_at_a_time(void **state)
{
    struct fixture *self = *state;
    struct mwd_snapshot_stream stream, other;

    begin(self, &stream);
    assert_int_equal(mwd_snapshot_stream(self->snapshots, &other), -EBUSY);
    assert_int_equal(mwd_snapshot_save(self->snapshots), -EBUSY);
    read_all(stream.fd);
    wait_for_no_child(self);
    assert_int_equal(mwd_snapshot_stream(self->snapshots, &other), -EBUSY);
    mwd_snapshot_stop(self->snapshots);
    close(stream.fd);
    assert_int_equal(mwd_snapshot_stream(self->snapshots, &other), 0);
    mwd_snapshot_stop(self->snapshots);
    close(other.fd);
}

/* The pipe is full and nobody reads: the child would wait for ever. */
static void a_reader_that_stops_ends_the_child(void **state)
{
    struct fixture *self = *state;
    struct mwd_snapshot_stream stream;

    begin(self, &stream);
    usleep(100000);
    mwd_snapshot_stop(self->snapshots);
    wait_for_no_child(self);
    close(stream.fd);
}

/* Nothing of it is left, and the next may begin. The loop's end finds one that has not begun, too.
 */
static void a_reader_may_go_before_it_begins(void **state)
{
    struct fixture *self = *state;
    struct mwd_snapshot_stream stream;

    assert_int_equal(mwd_snapshot_stream(self->snapshots, &stream), 0);
    mwd_snapshot_stop(self->snapshots);
    assert_int_equal(read_all(stream.fd), 0);
    close(stream.fd);
    uv_run(&self->loop, UV_RUN_NOWAIT);
    assert_false(has_child());
    assert_int_equal(mwd_snapshot_save(self->snapshots), 0);
}

/* Its client was promised a stream. */
static void one_that_cannot_be_started_is_known(void **state)
{
    struct fixture *self = *state;
    struct rlimit before, none = {0, 0};
    struct mwd_snapshot_stream stream;

    getrlimit(RLIMIT_NOFILE, &before);
    none.rlim_max = before.rlim_max;
    assert_int_equal(mwd_snapshot_stream(self->snapshots, &stream), 0);
    setrlimit(RLIMIT_NOFILE, &none); /* there is no pipe for what the child says */
    for (int i = 0; i < 1000; i++)
        uv_run(&self->loop, UV_RUN_NOWAIT);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(read_all(stream.fd), 0);
    assert_int_equal(mwd_snapshot_verdict(self->snapshots), -EMFILE);
    mwd_snapshot_stop(self->snapshots);
    close(stream.fd);
    assert_int_equal(mwd_snapshot_save(self->snapshots), 0);
}

static void half_of_one_is_known(void **state)
{
    struct fixture *self = *state;
    struct mwd_snapshot_stream stream;
    siginfo_t info = {0};

    begin(self, &stream);
    pid_t child = the_child();
    kill(child, SIGKILL);
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    read_all(stream.fd);
    assert_int_equal(mwd_snapshot_verdict(self->snapshots), -EPIPE);
    mwd_snapshot_stop(self->snapshots);
    close(stream.fd);
    wait_for_no_child(self);
}

static void time_is_limited(void **state)
{
    struct fixture *self = *state;
    struct mwd_snapshot_stream stream;

    begin(self, &stream);
    wait_for_no_child(self);
    read_all(stream.fd);
    assert_int_equal(mwd_snapshot_verdict(self->snapshots), -EPIPE);
    mwd_snapshot_stop(self->snapshots);
    close(stream.fd);
}

/* The heap that was forked is the daemon's: it goes on with it. */
static void the_heap_is_used_meanwhile(void **state)
{
    struct fixture *self = *state;
    struct mwd_snapshot_stream stream;

    begin(self, &stream);
    mw_heap_collect(self->heap, MW_COLLECT_COMPACT);
    fill(self->heap);
    assert_true(read_all(stream.fd) > OBJECTS);
    assert_int_equal(mwd_snapshot_verdict(self->snapshots), 0);
    mwd_snapshot_stop(self->snapshots);
    close(stream.fd);
}

/* ---- files ---- */

static void put_file(const struct fixture *self, const char *name)
{
    char path[200];

    snprintf(path, sizeof path, "%s/%s", self->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void the_newest_three_are_kept(void **state)
{
    struct fixture *self = *state;
    char names[NAMES_BYTES];

    put_file(self, "heap-20200101T000000.000Z.heapsnapshot");
    put_file(self, "heap-20200101T000000.001Z.heapsnapshot");
    put_file(self, "heap-20200101T000000.002Z.heapsnapshot");
    put_file(self, "heap-20200101T000000.000Z.heapsnapshot.tmp-abcdef");
    put_file(self, "heap-1.txt");
    put_file(self, "a.heapsnapshot");
    assert_int_equal(mwd_snapshot_save(self->snapshots), 0);
    wait_for_child(self);
    wait_for_no_child(self);
    assert_int_equal(list(self, names), 5);
    assert_null(strstr(names, ".000Z.heapsnapshot.tmp"));
    assert_null(strstr(names, "heap-20200101T000000.000Z"));
    assert_non_null(strstr(names, "heap-20200101T000000.001Z"));
    assert_non_null(strstr(names, "heap-1.txt"));
    assert_non_null(strstr(names, "a.heapsnapshot"));
}

static void one_that_is_late_leaves_no_file(void **state)
{
    struct fixture *self = *state;
    char names[NAMES_BYTES];

    put_file(self, "heap-20200101T000000.000Z.heapsnapshot.tmp-abcdef");
    assert_int_equal(mwd_snapshot_save(self->snapshots), 0);
    wait_for_child(self);
    pid_t child = the_child();
    kill(child, SIGSTOP);
    wait_for_no_child(self);
    for (int i = 0; i < 1000 && list(self, names) > 0; i++) {
        uv_run(&self->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_string_equal(names, "");
}

#define TEST(name, up) cmocka_unit_test_setup_teardown(name, up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stream_is_whole, set_up),
        TEST(one_at_a_time, set_up),
        TEST(a_reader_that_stops_ends_the_child, set_up),
        TEST(a_reader_may_go_before_it_begins, set_up),
        TEST(one_that_cannot_be_started_is_known, set_up),
        TEST(half_of_one_is_known, set_up),
        TEST(time_is_limited, set_up_hasty),
        TEST(the_heap_is_used_meanwhile, set_up),
        TEST(the_newest_three_are_kept, set_up),
        TEST(one_that_is_late_leaves_no_file, set_up_hasty),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
