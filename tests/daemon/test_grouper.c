/* Batches come back with answers; a process whose command line never comes holds up itself alone.
 */
#include "base/clock.h"
#include "daemon/grouper.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
    char folder[64], passwd[128];
    uv_loop_t loop;
    struct mwd_grouper *grouper;
    struct mwd_matcher *rules;
    char answers[1024]; /* "1=a 2=- " */
    uint64_t round;
    unsigned batches;
};

static void put_file(const struct bench *self, const char *name, const char *bytes, size_t size)
{
    char path[256];
    int fd;

    snprintf(path, sizeof path, "%s/%s", self->folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
}

static void make_folder(const struct bench *self, unsigned pid)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%u", self->folder, pid);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void on_answers(void *context, uint64_t round, const struct mwd_grouping_item *items,
                       uint32_t count)
{
    struct bench *self = context;

    self->round = round;
    self->batches++;
    for (uint32_t i = 0; i < count; i++)
        sprintf(self->answers + strlen(self->answers), "%u=%s ", (unsigned)items[i].key.id,
                items[i].rule == MWD_GROUPING_NO_RULE ? "-" : items[i].name);
}

static void add_rule(struct bench *self, const char *name, const char *cmdline)
{
    struct mwd_matcher_rule rule = {.name = name, .cmdline = {&cmdline, 1}, .origin = "here"};
    struct mwd_matcher_error error;

    assert_int_equal(mwd_matcher_add(self->rules, &rule, &error), 0);
}

static int setup(void **state)
{
    struct bench *self = calloc(1, sizeof *self);

    strcpy(self->folder, "/tmp/mw-grouper-XXXXXX"); /* six X, as mkdtemp() wants them */
    assert_non_null(mkdtemp(self->folder));
    put_file(self, "passwd", "root:x:0:0::/:\nbroken\nkate:x:7:7::/:\n", 37);
    for (unsigned pid = 1; pid <= 3; pid++)
        make_folder(self, pid);
    put_file(self, "1/cmdline", "/bin/a\0-x\0", 10);
    put_file(self, "2/cmdline", "", 0);
    put_file(self, "3/cmdline", "/bin/c\0-x\0", 10);
    put_file(self, "3/cgroup", "0::/slice\n", 10);
    assert_int_equal(uv_loop_init(&self->loop), 0);
    assert_int_equal(mwd_matcher_create(&self->rules), 0);
    *state = self;
    return 0;
}

static void start(struct bench *self, bool reads, uint64_t patience_ns)
{
    struct mwd_grouper_options options = {.proc_root = reads ? self->folder : NULL,
                                          .passwd = self->passwd,
                                          .patience_ns = patience_ns,
                                          .on_answers = on_answers,
                                          .context = self};

    snprintf(self->passwd, sizeof self->passwd, "%s/passwd", self->folder);
    assert_int_equal(mwd_grouper_create(&self->loop, &options, &self->grouper), 0);
}

static int teardown(void **state)
{
    struct bench *self = *state;
    char command[256];

    mwd_grouper_close(self->grouper, 20000);
    mwd_grouper_close(NULL, 0);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&self->loop), 0);
    mwd_matcher_unref(self->rules);
    snprintf(command, sizeof command, "rm -r %s", self->folder);
    assert_int_equal(system(command), 0);
    free(self);
    return 0;
}

static int ask(struct bench *self, uint32_t count)
{
    struct mwd_grouping_item *items = calloc(count, sizeof *items);

    assert_non_null(items);
    for (uint32_t i = 0; i < count; i++)
        items[i] = (struct mwd_grouping_item){
            .key = {i + 1, 1000}, .row = i, .uid = i < 2 ? 7 : 8, .uid_known = i != 1};
    return mwd_grouper_ask(self->grouper, self->rules, 42, items, count);
}

/* For as long as it takes, looking after it as the loop does. */
static void wait_for(struct bench *self, unsigned batches)
{
    while (self->batches < batches) {
        uv_run(&self->loop, UV_RUN_NOWAIT);
        mwd_grouper_look(self->grouper, mw_clock_monotonic_ns(mw_clock_system()));
        usleep(1000);
    }
}

static void batches_come_back_with_answers(void **state)
{
    struct bench *self = *state;

    add_rule(self, "{{.ExeBase}} {{.Username}} {{.Cgroups}}", "-x$");
    start(self, true, UINT64_MAX / 2);
    assert_false(mwd_grouper_is_busy(self->grouper));
    assert_int_equal(ask(self, 4), 0);
    assert_true(mwd_grouper_is_busy(self->grouper));
    assert_int_equal(ask(self, 1), -EBUSY);
    wait_for(self, 1);
    /* 2 has no command line, 4 is not there; a user who is not in the file is a number */
    assert_string_equal(self->answers, "1=a kate [] 2=- 3=c 8 [/slice] 4=- ");
    assert_int_equal(self->round, 42);
    assert_int_equal(ask(self, 1), 0);
    wait_for(self, 2);
}

static void without_a_root_nothing_is_read(void **state)
{
    struct bench *self = *state;

    add_rule(self, "x", ".*");
    add_rule(self, "y", "a");
    start(self, false, UINT64_MAX / 2);
    assert_int_equal(ask(self, 1), 0);
    wait_for(self, 1);
    assert_string_equal(self->answers, "1=x ");
}

/* A pipe that nobody writes to is opened for as long as a process may hold its lock. */
static void a_process_that_does_not_answer_is_left_alone(void **state)
{
    struct bench *self = *state;
    char path[256];
    int fd;

    snprintf(path, sizeof path, "%s/2/cmdline", self->folder);
    assert_true(unlink(path) == 0 && mkfifo(path, 0644) == 0);
    add_rule(self, "{{.ExeBase}}", "-x$");
    start(self, true, 100000000); /* the others answer sooner, whatever else the machine does */
    for (unsigned i = 1; i <= MWD_GROUPER_LEFT_MAX; i++) {
        self->answers[0] = '\0';
        assert_int_equal(ask(self, 3), 0);
        wait_for(self, i);
        assert_string_equal(self->answers, "1=a 2=- 3=c ");
    }
    /* no more are left behind: this one waits until it gets its bytes, as all others do then */
    assert_int_equal(ask(self, 3), 0);
    for (int i = 0; i < 50; i++) {
        uv_run(&self->loop, UV_RUN_NOWAIT);
        mwd_grouper_look(self->grouper, UINT64_MAX);
    }
    assert_true(mwd_grouper_is_busy(self->grouper));
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0); /* those that wait still have it */
    close(fd);
    wait_for(self, MWD_GROUPER_LEFT_MAX + 1);
}

/* 2,000 processes would take half an hour. */
static void other_rules_need_not_wait_for_all_of_a_batch(void **state)
{
    struct bench *self = *state;
    static char line[16384];

    memset(line, 'a', sizeof line);
    put_file(self, "1/cmdline", line, sizeof line);
    add_rule(self, "x", "a.{0,500}.{0,500}[0-9]");
    start(self, true, UINT64_MAX / 2);
    struct mwd_grouping_item *items = calloc(2000, sizeof *items);
    assert_non_null(items);
    for (uint32_t i = 0; i < 2000; i++)
        items[i] = (struct mwd_grouping_item){.key = {1, 1000}, .row = i};
    assert_int_equal(mwd_grouper_ask(self->grouper, self->rules, 42, items, 2000), 0);
    mwd_grouper_cut(self->grouper);
    wait_for(self, 1);
    assert_string_equal(self->answers, "1=- ");
    mwd_grouper_cut(self->grouper); /* there is none */
    assert_false(mwd_grouper_is_busy(self->grouper));
    assert_int_equal(ask(self, 0), 0);
    wait_for(self, 2);
}

static void it_ends_in_the_middle_of_a_batch(void **state)
{
    struct bench *self = *state;

    add_rule(self, "x", "(a*)*b");
    start(self, true, UINT64_MAX / 2);
    assert_int_equal(ask(self, MWD_GROUPING_BATCH_MAX), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(batches_come_back_with_answers),
        TEST(without_a_root_nothing_is_read),
        TEST(a_process_that_does_not_answer_is_left_alone),
        TEST(other_rules_need_not_wait_for_all_of_a_batch),
        TEST(it_ends_in_the_middle_of_a_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
