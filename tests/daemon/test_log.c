#include "daemon/log_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINE = 2048 };

/* A pipe in packet mode: one read() gives what one write() wrote. */
struct reader {
    int ends[2];
    struct mwd_log *log;
    char line[2 * LINE];
};

static void set_journal_stream(int fd, unsigned inode_off_by)
{
    struct stat status;
    char text[64];

    assert_int_equal(fstat(fd, &status), 0);
    snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)status.st_dev,
             (uintmax_t)status.st_ino + inode_off_by);
    assert_int_equal(setenv("JOURNAL_STREAM", text, 1), 0);
}

static struct reader *reader_open(void)
{
    struct reader *self = calloc(1, sizeof(*self));

    assert_non_null(self);
    assert_int_equal(pipe2(self->ends, O_DIRECT | O_NONBLOCK | O_CLOEXEC), 0);
    return self;
}

static void reader_close(struct reader *self)
{
    mwd_log_destroy(self->log);
    close(self->ends[0]);
    close(self->ends[1]);
    free(self);
}

static int open_foreground(void **state)
{
    struct reader *self = reader_open();

    unsetenv("JOURNAL_STREAM");
    *state = self;
    return mwd_log_create(self->ends[1], MWD_LOG_DEBUG, &self->log);
}

static int open_journal(void **state)
{
    struct reader *self = reader_open();

    set_journal_stream(self->ends[1], 0);
    *state = self;
    int r = mwd_log_create_with(self->ends[1], mw_clock_system(), "/nowhere", &self->log);

    if (r == 0)
        mwd_log_set_level(self->log, MWD_LOG_DEBUG);
    return r;
}

/* A child whose stderr was turned elsewhere inherits the variable all the same. */
static int open_elsewhere(void **state)
{
    struct reader *self = reader_open();

    set_journal_stream(self->ends[1], 1);
    *state = self;
    return mwd_log_create(self->ends[1], MWD_LOG_DEBUG, &self->log);
}

static int tear_down(void **state)
{
    reader_close(*state);
    unsetenv("JOURNAL_STREAM");
    return 0;
}

/* The next line without its newline; NULL when nothing was written. */
static const char *next_line(struct reader *self)
{
    ssize_t size = read(self->ends[0], self->line, sizeof(self->line) - 1);

    if (size < 0) {
        assert_int_equal(errno, EAGAIN);
        return NULL;
    }
    assert_in_range(size, 1, LINE);
    assert_int_equal(self->line[size - 1], '\n');
    self->line[size - 1] = '\0';
    assert_null(strchr(self->line, '\n'));
    return self->line;
}

static void expect_line(struct reader *self, const char *pattern)
{
    const char *line = next_line(self);
    regex_t regex;

    assert_non_null(line);
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, line, 0, NULL, 0) != 0)
        fail_msg("\"%s\" does not match \"%s\"", line, pattern);
    regfree(&regex);
}

#define TIME "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z "

static void foreground_lines_have_time_and_level(void **state)
{
    struct reader *self = *state;

    mwd_log(self->log, MWD_LOG_ERROR, "no %s", "room");
    expect_line(self, TIME "error: no room$");
    mwd_log(self->log, MWD_LOG_WARNING, "w");
    expect_line(self, TIME "warning: w$");
    mwd_log(self->log, MWD_LOG_INFO, "i");
    expect_line(self, TIME "info: i$");
    mwd_log(self->log, MWD_LOG_DEBUG, "d");
    expect_line(self, TIME "debug: d$");
}

static void journal_lines_have_a_priority(void **state)
{
    struct reader *self = *state;

    mwd_log(self->log, MWD_LOG_ERROR, "e");
    assert_string_equal(next_line(self), "<3>e");
    mwd_log(self->log, MWD_LOG_WARNING, "w");
    assert_string_equal(next_line(self), "<4>w");
    mwd_log(self->log, MWD_LOG_INFO, "i");
    assert_string_equal(next_line(self), "<6>i");
    mwd_log(self->log, MWD_LOG_DEBUG, "d");
    assert_string_equal(next_line(self), "<7>d");
}

static void the_variable_alone_is_not_the_journal(void **state)
{
    struct reader *self = *state;

    mwd_log(self->log, MWD_LOG_INFO, "i");
    expect_line(self, TIME "info: i$");
}

static void level_holds_back_what_is_finer(void **state)
{
    struct reader *self = *state;

    for (int level = MWD_LOG_ERROR; level <= MWD_LOG_DEBUG; level++) {
        mwd_log_set_level(self->log, (enum mwd_log_level)level);
        for (int line = MWD_LOG_ERROR; line <= MWD_LOG_DEBUG; line++) {
            mwd_log(self->log, (enum mwd_log_level)line, "x");
            assert_int_equal(next_line(self) != NULL, line <= level);
        }
    }
}

static void null_writes_nothing(void **state)
{
    (void)state;
    mwd_log(NULL, MWD_LOG_ERROR, "x");
    assert_null(mwd_log_destroy(NULL));
}

/* A line stays one line, and no byte of a process name steers a terminal. */
static void control_characters_are_escaped(void **state)
{
    struct reader *self = *state;

    mwd_log(self->log, MWD_LOG_INFO, "a\nb\r\t\x1b[31m\x7f");
    assert_string_equal(next_line(self), "<6>a\\x0ab\\x0d\\x09\\x1b[31m\\x7f");
    mwd_log(self->log, MWD_LOG_INFO, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7");
    assert_string_equal(next_line(self), "<6>\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7");
    mwd_log(self->log, MWD_LOG_INFO, "\xc2\x9b \xc2\xa0 \xff\xc3"); /* U+009B is an 8-bit CSI */
    assert_string_equal(next_line(self), "<6>\\xc2\\x9b \xc2\xa0 \\xff\\xc3");
}

/* "<6>" and the text and a newline in 2048 bytes, or less text and an ellipsis. */
static void lines_are_capped_at_a_character(void **state)
{
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\xa7"};
    struct reader *self = *state;

    for (size_t width = 1; width <= 4; width++) {
        for (size_t size = LINE - 4 - 8; size <= LINE + 8; size++) {
            char text[LINE + 16] = "";
            char *end = text;
            const char *line;
            size_t kept;

            for (; (size_t)(end - text) < size % width; end++)
                *end = 'y';
            while ((size_t)(end - text) < size)
                end = stpcpy(end, characters[width - 1]);
            mwd_log(self->log, MWD_LOG_INFO, "%s", text);
            line = next_line(self);
            assert_non_null(line);
            if (size <= LINE - 4) {
                assert_string_equal(line + 3, text);
                continue;
            }
            kept = strlen(line) - 3 - 3;
            assert_in_range(strlen(line), LINE - 1 - 3, LINE - 1);
            assert_string_equal(line + 3 + kept, "...");
            assert_memory_equal(line + 3, text, kept);
            assert_int_equal((kept - size % width) % width, 0);
        }
    }
}

static void an_escape_is_never_cut(void **state)
{
    struct reader *self = *state;
    char text[LINE];

    for (size_t pad = 0; pad < 8; pad++) {
        const char *line;
        size_t length;

        memset(text, '\n', sizeof(text));
        memset(text, 'p', pad);
        text[sizeof(text) - 1] = '\0';
        mwd_log(self->log, MWD_LOG_INFO, "%s", text);
        line = next_line(self);
        length = strlen(line);
        assert_string_equal(line + length - 7, "\\x0a...");
        assert_int_equal((length - 3 - pad - 3) % 4, 0);
    }
}

static void errno_survives(void **state)
{
    struct reader *self = *state;

    close(self->ends[0]);
    self->ends[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    errno = ERANGE;
    mwd_log(self->log, MWD_LOG_INFO, "into a pipe that nobody reads");
    assert_int_equal(errno, ERANGE);
}

/* A reader that has stopped reading costs lines, not the daemon; and it learns how many. */
static void a_full_pipe_is_no_obstacle(void **state)
{
    struct reader *self = *state;
    unsigned written = 0, said = 0;
    const char *line;

    assert_int_equal(fcntl(self->ends[1], F_SETFL, O_DIRECT), 0); /* blocking, as stderr is */
    for (int i = 0; i < 2000; i++)
        mwd_log(self->log, MWD_LOG_INFO, "line %d", i);
    while ((line = next_line(self)))
        written += strncmp(line, "<6>line ", 8) == 0;
    assert_in_range(written, 1, 1999);
    mwd_log(self->log, MWD_LOG_INFO, "again");
    line = next_line(self);
    assert_non_null(line);
    assert_int_equal(sscanf(line, "<4>%u lines before this one were lost", &said), 1);
    assert_int_equal(said, 2000 - written);
    assert_string_equal(next_line(self), "<6>again");
    mwd_log(self->log, MWD_LOG_INFO, "and again");
    assert_string_equal(next_line(self), "<6>and again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(foreground_lines_have_time_and_level, open_foreground,
                                        tear_down),
        cmocka_unit_test_setup_teardown(journal_lines_have_a_priority, open_journal, tear_down),
        cmocka_unit_test_setup_teardown(the_variable_alone_is_not_the_journal, open_elsewhere,
                                        tear_down),
        cmocka_unit_test_setup_teardown(level_holds_back_what_is_finer, open_foreground, tear_down),
        cmocka_unit_test(null_writes_nothing),
        cmocka_unit_test_setup_teardown(control_characters_are_escaped, open_journal, tear_down),
        cmocka_unit_test_setup_teardown(lines_are_capped_at_a_character, open_journal, tear_down),
        cmocka_unit_test_setup_teardown(an_escape_is_never_cut, open_journal, tear_down),
        cmocka_unit_test_setup_teardown(errno_survives, open_journal, tear_down),
        cmocka_unit_test_setup_teardown(a_full_pipe_is_no_obstacle, open_journal, tear_down),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
