/* Writing snapshots: where to, what when it cannot be done, and in two halves. */
#include "fixture.h"
#include "snapshot_rows.h"

#include "heap/snapshot_internal.h"

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NODES = 5000 };

/* ---- files ---- */

struct folder {
    char path[64], file[128];
};

static void folder_make(struct folder *self)
{
    strcpy(self->path, "/tmp/snapshot-XXXXXX");
    assert_non_null(mkdtemp(self->path));
    snprintf(self->file, sizeof(self->file), "%s/a.heapsnapshot", self->path);
}

static unsigned count_files(const char *path)
{
    DIR *folder = opendir(path);
    unsigned count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 2;
}

static void folder_remove(struct folder *self)
{
    unlink(self->file);
    rmdir(self->file);
    assert_int_equal(rmdir(self->path), 0);
}

static void write_old(const char *path)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs("old", file);
    fclose(file);
}

static void assert_old(const char *path)
{
    char text[8] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof(text), file), 3);
    assert_string_equal(text, "old");
    fclose(file);
}

static void a_saved_file_is_what_is_written(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot_report report;
    struct folder folder;
    struct rows saved, written;
    MW_SCOPE(scope, self->heap);

    array_of_nodes(self, NODES);
    folder_make(&folder);
    write_old(folder.file);
    assert_int_equal(mw_heap_snapshot_save(self->heap, folder.file, &report), 0);
    assert_string_equal(report.why, "");
    rows_read(&saved, open(folder.file, O_RDONLY));
    rows_take(&written, self->heap, NULL);
    assert_int_equal(saved.size, report.file_bytes);
    assert_int_equal(saved.count, report.nodes);
    assert_string_equal(saved.text, written.text);
    assert_int_equal(count_files(folder.path), 1);
    rows_free(&saved);
    rows_free(&written);
    folder_remove(&folder);
}

static void a_full_disk_leaves_the_old_file(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct rlimit before, limit;
    struct mw_heap_snapshot_report report;
    struct folder folder;
    int error;
    MW_SCOPE(scope, self->heap);

    array_of_nodes(self, NODES);
    folder_make(&folder);
    write_old(folder.file);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 50000;
    setrlimit(RLIMIT_FSIZE, &limit);
    error = mw_heap_snapshot_save(self->heap, folder.file, &report);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(error, -EFBIG);
    assert_string_equal(report.why, "writing the snapshot: File too large");
    assert_old(folder.file);
    assert_int_equal(count_files(folder.path), 1);
    folder_remove(&folder);
}

static void a_full_device_is_told(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot_report report;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    assert_int_equal(mw_heap_snapshot_write(self->heap, fd, &report), -ENOSPC);
    assert_string_equal(report.why, "writing the snapshot: No space left on device");
    assert_int_equal(mw_heap_snapshot_write(self->heap, fd, NULL), -ENOSPC);
    close(fd);
}

static void a_place_that_cannot_be_is_told(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot_report report;
    struct folder folder;
    char longest[5000];

    folder_make(&folder);
    assert_int_equal(mw_heap_snapshot_save(self->heap, "/nowhere/at/all", &report), -ENOENT);
    assert_string_equal(report.why, "creating a file beside the snapshot's: "
                                    "No such file or directory");
    assert_int_equal(mkfifo(folder.file, 0600), 0); /* it would be gone, as /dev/null for root */
    assert_int_equal(mw_heap_snapshot_save(self->heap, folder.file, &report), -EEXIST);
    assert_string_equal(report.why, "looking for a plain file at the snapshot's path: File exists");
    assert_int_equal(unlink(folder.file), 0);
    assert_int_equal(mkdir(folder.file, 0700), 0);
    assert_int_equal(mw_heap_snapshot_save(self->heap, folder.file, &report), -EISDIR);
    assert_string_equal(report.why, "giving the snapshot its name: Is a directory");
    assert_int_equal(count_files(folder.path), 1);
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(mw_heap_snapshot_save(self->heap, longest, NULL), -ENAMETOOLONG);
    folder_remove(&folder);
}

/* ---- pipes ---- */

struct reader {
    int from, to;
};

/* Takes little at a time, so that writes are cut short. */
static void *read_slowly(void *context)
{
    struct reader *self = context;
    char bytes[1000];
    sigset_t alarms;
    ssize_t done;

    sigemptyset(&alarms); /* which are for the writer */
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarms, NULL);
    while ((done = read(self->from, bytes, sizeof(bytes))) > 0)
        assert_int_equal(write(self->to, bytes, (size_t)done), done);
    return NULL;
}

static void on_alarm(int number)
{
    (void)number;
}

static void ring(suseconds_t us)
{
    struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART: calls are broken off */
    struct itimerval every = {{0, us}, {0, us}};

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
}

static void check_pipe(struct fixture *self, int flags)
{
    struct rows expected, rows;
    struct reader reader;
    pthread_t thread;
    int ends[2];

    rows_take(&expected, self->heap, NULL);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    fcntl(ends[1], F_SETFL, flags);
    reader = (struct reader){ends[0], rows_file()};
    pthread_create(&thread, NULL, read_slowly, &reader);
    assert_int_equal(mw_heap_snapshot_write(self->heap, ends[1], NULL), 0);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    rows_read(&rows, reader.to);
    assert_string_equal(rows.text, expected.text);
    rows_free(&rows);
    rows_free(&expected);
}

static void a_narrow_pipe_gets_all_of_it(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    MW_SCOPE(scope, self->heap);

    array_of_nodes(self, NODES);
    check_pipe(self, 0);
    check_pipe(self, O_NONBLOCK);
    ring(500);
    check_pipe(self, 0);
    check_pipe(self, O_NONBLOCK);
    ring(0);
}

static void a_pipe_without_reader_is_told(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    int ends[2];

    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    assert_int_equal(mw_heap_snapshot_write(self->heap, ends[1], NULL), -EPIPE);
    close(ends[1]);
}

/* ---- when it may not begin ---- */

static void a_raw_region_has_no_snapshot(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);
    struct mw_heap_snapshot_report report;

    mw_heap_raw_enter(self->heap);
    assert_int_equal(mw_heap_snapshot_write(self->heap, STDOUT_FILENO, &report), -EPERM);
    mw_heap_raw_leave(self->heap);
    assert_int_equal(self->misuse.kind, MW_MISUSE_RAW);
    assert_string_not_equal(report.why, "");
}

static int inside = 1;

static void on_collected(void *context, const struct mw_heap_collection *collection)
{
    struct fixture *self = context;

    (void)collection;
    inside = mw_heap_snapshot_write(self->heap, STDOUT_FILENO, NULL);
}

static void release(void *data)
{
    on_collected(data, NULL);
}

static void a_collection_has_no_snapshot(void **state)
{
    struct fixture *self = create(state, 0, 8 * MIB);

    {
        MW_SCOPE(scope, self->heap);

        mw_heap_attach_external(self->heap, mw_heap_new(self->heap, self->node), 1, release, self);
    }
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    assert_int_equal(inside, -EBUSY);
}

/* Each mapping fails in turn: no memory for the snapshot is an error, none for the table of
 * identities is not. The heap is whole after it. */
static void each_mapping_may_fail(void **state)
{
    unsigned refused = 0, without_ids = 0;

    (void)state;
    for (uint64_t n = 1; n < 60; n++) {
        struct fixture self = {0};
        struct mw_heap_config config = config_of(&self, 0, 4 * MIB);
        struct mw_heap_snapshot_report report = {0};
        const char *fault = "";
        int error, fd;

        config.fail_mapping = n;
        if (mw_heap_create(&config, &self.heap) < 0)
            continue;
        add_types(&self);
        fd = rows_file();
        error = mw_heap_snapshot_write(self.heap, fd, &report);
        assert_true(error == 0 || error == -ENOMEM);
        refused += error < 0;
        without_ids += error == 0 && report.new_ids;
        assert_int_equal(error == 0, report.why[0] == '\0');
        assert_int_equal(mw_heap_verify(self.heap, &fault), 0);
        if (error < 0 || report.new_ids) {
            assert_int_equal(mw_heap_snapshot_write(self.heap, fd, &report), 0);
            assert_false(report.new_ids);
        }
        close(fd);
        mw_heap_destroy(self.heap);
    }
    assert_int_equal(refused, 3);     /* buffer, and two tables of ranks */
    assert_int_equal(without_ids, 4); /* tables of identities */
}

/* ---- texts ---- */

static void make_text(struct fixture *self, const struct mw_heap_type *type, size_t before,
                      const char *end)
{
    struct mw_ref text = mw_heap_new_array(self->heap, type, before + strlen(end), MW_PLACE_YOUNG);
    char *bytes;

    mw_heap_raw_enter(self->heap);
    bytes = mw_heap_raw(self->heap, text);
    memset(bytes, 'x', before);
    memcpy(bytes + before, end, strlen(end));
    mw_heap_raw_leave(self->heap);
}

/* A text is so many x and an end; of a long one 1,024 bytes are shown. */
static void a_text_ends_where_a_character_does(void **state)
{
    static const struct {
        size_t before;
        const char *end, *shown;
    } cases[] = {
        {1020, "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {1021, "\xf0\x9f\x98\x80", ""},
        {1023, "\xc3\xa9z", ""},
        {1023, "\xc0\x80", "\xef\xbf\xbd"},
        {1020, "\xf0\x9f\x98\x80\x80", "\xf0\x9f\x98\x80"},
        {1024, "\x80", ""},
    };
    static const struct mw_heap_type_info info = {"Text", MW_KIND_TEXT, 0, NULL, 0, NULL};
    struct fixture *self = create(state, 0, 8 * MIB);
    const struct mw_heap_type *type;

    assert_int_equal(mw_heap_add_type(self->heap, &info, &type), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[1100] = "\"";
        struct rows rows;
        MW_SCOPE(scope, self->heap);

        memset(expected + 1, 'x', cases[i].before);
        strcat(strcat(expected, cases[i].shown), "\"]}");
        make_text(self, type, cases[i].before, cases[i].end);
        rows_take(&rows, self->heap, NULL);
        assert_non_null(strstr(rows.text, expected));
        rows_free(&rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_saved_file_is_what_is_written, teardown),
        cmocka_unit_test_teardown(a_full_disk_leaves_the_old_file, teardown),
        cmocka_unit_test_teardown(a_full_device_is_told, teardown),
        cmocka_unit_test_teardown(a_place_that_cannot_be_is_told, teardown),
        cmocka_unit_test_teardown(a_narrow_pipe_gets_all_of_it, teardown),
        cmocka_unit_test_teardown(a_pipe_without_reader_is_told, teardown),
        cmocka_unit_test_teardown(a_raw_region_has_no_snapshot, teardown),
        cmocka_unit_test_teardown(a_collection_has_no_snapshot, teardown),
        cmocka_unit_test(each_mapping_may_fail),
        cmocka_unit_test_teardown(a_text_ends_where_a_character_does, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
