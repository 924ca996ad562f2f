/* The same event is a line once and then a count; in the journal it has fields. */
#include "daemon/log_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static const uint64_t minute = 60ULL * MW_NS_PER_S;

struct bench {
    struct mw_clock clock;
    uint64_t now_ns;
    int ends[2]; /* of what stands for stderr */
    int journal; /* -1 = none */
    char directory[32], path[64];
    char line[4096];
    struct mwd_log *log;
};

static uint64_t monotonic(void *context)
{
    return ((struct bench *)context)->now_ns;
}

static int64_t wall(void *context)
{
    return (int64_t)(((struct bench *)context)->now_ns / MW_NS_PER_MS);
}

static struct bench *bench_create(void)
{
    struct bench *self = calloc(1, sizeof(*self));

    assert_non_null(self);
    self->clock = (struct mw_clock){monotonic, wall, self};
    self->now_ns = 2 * 3600 * (uint64_t)MW_NS_PER_S; /* 02:00:00 */
    self->journal = -1;
    strcpy(self->directory, "/tmp/mw-log-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->path, sizeof(self->path), "%s/journal", self->directory);
    assert_int_equal(pipe2(self->ends, O_DIRECT | O_NONBLOCK | O_CLOEXEC), 0);
    return self;
}

static int open_plain(void **state)
{
    struct bench *self = bench_create();

    unsetenv("JOURNAL_STREAM");
    *state = self;
    return mwd_log_create_with(self->ends[1], &self->clock, self->path, &self->log);
}

static void say_that_stderr_is_the_journal(struct bench *self)
{
    struct stat status;
    char text[64];

    assert_int_equal(fstat(self->ends[1], &status), 0);
    snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", text, 1), 0);
}

static int open_with_journal(void **state)
{
    struct bench *self = bench_create();
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strcpy(address.sun_path, self->path);
    self->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(self->journal, (struct sockaddr *)&address, sizeof(address)), 0);
    say_that_stderr_is_the_journal(self);
    *state = self;
    return mwd_log_create_with(self->ends[1], &self->clock, self->path, &self->log);
}

static int tear_down(void **state)
{
    struct bench *self = *state;

    mwd_log_destroy(self->log);
    unsetenv("JOURNAL_STREAM");
    close(self->ends[0]);
    close(self->ends[1]);
    if (self->journal >= 0)
        close(self->journal);
    unlink(self->path);
    rmdir(self->directory);
    free(self);
    return 0;
}

static const char *take(struct bench *self, int fd)
{
    ssize_t size = read(fd, self->line, sizeof(self->line) - 1);

    if (size < 0) {
        assert_int_equal(errno, EAGAIN);
        return NULL;
    }
    self->line[size] = '\0';
    return self->line;
}

/* What stands behind time and level. */
static const char *next_text(struct bench *self)
{
    const char *line = take(self, self->ends[0]);

    if (!line)
        return NULL;
    self->line[strcspn(line, "\n")] = '\0';
    return strstr(line, ": ") + 2;
}

static void happens(struct bench *self, const char *where, int detail)
{
    const struct mwd_log_event event = {"fault", where};

    mwd_log_event(self->log, MWD_LOG_WARNING, &event, "%s: broken %d", where, detail);
}

static void the_first_is_a_line_and_the_rest_a_count(void **state)
{
    struct bench *self = *state;

    happens(self, "/a", 1);
    assert_string_equal(next_text(self), "/a: broken 1");
    for (int i = 2; i < 10; i++)
        happens(self, "/a", i);
    assert_null(next_text(self));
    self->now_ns += minute - 1;
    happens(self, "/a", 10);
    assert_null(next_text(self));
    self->now_ns += 1;
    happens(self, "/a", 11);
    assert_string_equal(next_text(self), "/a: broken 11 (10 times since 02:00:00Z)");
}

static void the_gap_doubles_up_to_an_hour(void **state)
{
    static const uint64_t minutes[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct bench *self = *state;

    happens(self, "/a", 0);
    assert_non_null(next_text(self));
    for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
        self->now_ns += minutes[i] * minute - 1;
        happens(self, "/a", 1);
        assert_null(next_text(self));
        self->now_ns += 1;
        happens(self, "/a", 2);
        assert_non_null(strstr(next_text(self), "(2 times since "));
    }
}

static void other_places_are_other_events(void **state)
{
    struct bench *self = *state;

    happens(self, "/a", 1);
    happens(self, "/b", 1);
    assert_string_equal(next_text(self), "/a: broken 1");
    assert_string_equal(next_text(self), "/b: broken 1");
}

/* Who comes back after a long time is news, not the end of a count. */
static void after_a_long_silence_it_is_new_again(void **state)
{
    struct bench *self = *state;

    happens(self, "/a", 1);
    assert_non_null(next_text(self));
    self->now_ns += 121 * minute;
    happens(self, "/a", 2);
    assert_string_equal(next_text(self), "/a: broken 2");
    self->now_ns += minute;
    happens(self, "/a", 3);
    assert_string_equal(next_text(self), "/a: broken 3");
}

static void the_end_tells_what_was_only_counted(void **state)
{
    struct bench *self = *state;

    for (int i = 1; i <= 3; i++)
        happens(self, "/a", i);
    happens(self, "/b", 1);
    assert_non_null(next_text(self));
    assert_non_null(next_text(self));
    self->log = mwd_log_destroy(self->log);
    assert_string_equal(next_text(self), "/a: broken 3 (2 times since 02:00:00Z)");
    assert_null(next_text(self));
}

/* One more than there are places: the one seen longest ago goes, and its count is told. */
static void a_full_table_loses_no_count(void **state)
{
    struct bench *self = *state;
    char where[16];

    happens(self, "/0", 1);
    happens(self, "/0", 2);
    assert_string_equal(next_text(self), "/0: broken 1");
    for (int i = 1; i < MWD_LOG_EVENTS_MAX; i++) {
        self->now_ns++;
        snprintf(where, sizeof(where), "/%d", i);
        happens(self, where, 1);
        assert_null(strstr(next_text(self), "times"));
        assert_null(next_text(self));
    }
    self->now_ns++;
    happens(self, "/one more", 1);
    assert_string_equal(next_text(self), "/0: broken 2 (1 times since 02:00:00Z)");
    assert_string_equal(next_text(self), "/one more: broken 1");
    happens(self, "/1", 2);
    assert_null(next_text(self));
}

static void a_level_that_is_off_does_not_count(void **state)
{
    struct bench *self = *state;

    mwd_log_set_level(self->log, MWD_LOG_ERROR);
    happens(self, "/a", 1);
    mwd_log_set_level(self->log, MWD_LOG_INFO);
    happens(self, "/a", 2);
    assert_string_equal(next_text(self), "/a: broken 2");
}

static void an_answer_is_never_held_back(void **state)
{
    struct bench *self = *state;

    for (int i = 0; i < 3; i++)
        mwd_log(self->log, MWD_LOG_ERROR, "reload refused");
    for (int i = 0; i < 3; i++)
        assert_string_equal(next_text(self), "reload refused");
}

static void the_journal_gets_fields(void **state)
{
    struct bench *self = *state;

    mwd_log(self->log, MWD_LOG_INFO, "two\nlines");
    assert_string_equal(take(self, self->journal),
                        "PRIORITY=6\nSYSLOG_IDENTIFIER=memwatchd\nMESSAGE=two\\x0alines\n");
    happens(self, "/a\nMESSAGE=forged", 1);
    assert_string_equal(take(self, self->journal),
                        "PRIORITY=4\nSYSLOG_IDENTIFIER=memwatchd\nMEMWATCHD_EVENT=fault\n"
                        "MEMWATCHD_WHERE=/a\\x0aMESSAGE=forged\nMEMWATCHD_COUNT=1\n"
                        "MESSAGE=/a\\x0aMESSAGE=forged: broken 1\n");
    happens(self, "/a\nMESSAGE=forged", 2);
    self->now_ns += minute;
    happens(self, "/a\nMESSAGE=forged", 3);
    assert_non_null(strstr(take(self, self->journal), "\nMEMWATCHD_COUNT=2\n"));
    assert_null(take(self, self->ends[0]));
}

/* A journal that restarts has no socket for a moment; what stands behind stderr still has a reader.
 */
static void without_its_socket_lines_go_to_stderr(void **state)
{
    struct bench *self = *state;

    close(self->journal);
    self->journal = -1;
    mwd_log(self->log, MWD_LOG_WARNING, "x");
    assert_string_equal(take(self, self->ends[0]), "<4>x\n");
}

static void a_journal_that_does_not_read_costs_lines_and_says_so(void **state)
{
    struct bench *self = *state;
    unsigned sent = 5000, taken = 0;

    for (unsigned i = 0; i < sent; i++)
        mwd_log(self->log, MWD_LOG_INFO, "x");
    while (take(self, self->journal))
        taken++;
    assert_in_range(taken, 1, sent - 1);
    mwd_log(self->log, MWD_LOG_INFO, "y");
    assert_non_null(strstr(take(self, self->journal), "lines before this one were lost"));
    assert_non_null(strstr(take(self, self->journal), "MESSAGE=y\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_plain, tear_down)
#define JOURNAL_TEST(name) cmocka_unit_test_setup_teardown(name, open_with_journal, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_is_a_line_and_the_rest_a_count),
        TEST(the_gap_doubles_up_to_an_hour),
        TEST(other_places_are_other_events),
        TEST(after_a_long_silence_it_is_new_again),
        TEST(the_end_tells_what_was_only_counted),
        TEST(a_full_table_loses_no_count),
        TEST(a_level_that_is_off_does_not_count),
        TEST(an_answer_is_never_held_back),
        JOURNAL_TEST(the_journal_gets_fields),
        JOURNAL_TEST(without_its_socket_lines_go_to_stderr),
        JOURNAL_TEST(a_journal_that_does_not_read_costs_lines_and_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
