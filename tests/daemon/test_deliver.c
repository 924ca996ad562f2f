/* The pieces of memwatchd-deliver that need no target: what an answer means, and token files. */
#include "daemon/deliver/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* 4xx is for good but for the two that say "later"; what is no answer is tried again. */
static void statuses_mean_what_is_promised(void **state)
{
    static const struct {
        long status;
        enum mwd_wire_outcome outcome;
    } rows[] = {
        {0, MWD_WIRE_AGAIN},     {100, MWD_WIRE_AGAIN},   {200, MWD_WIRE_DONE},
        {204, MWD_WIRE_DONE},    {299, MWD_WIRE_DONE},    {301, MWD_WIRE_REFUSED},
        {399, MWD_WIRE_REFUSED}, {400, MWD_WIRE_REFUSED}, {404, MWD_WIRE_REFUSED},
        {408, MWD_WIRE_AGAIN},   {413, MWD_WIRE_REFUSED}, {429, MWD_WIRE_AGAIN},
        {499, MWD_WIRE_REFUSED}, {500, MWD_WIRE_AGAIN},   {503, MWD_WIRE_AGAIN},
        {599, MWD_WIRE_AGAIN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(deliver_outcome_of(rows[i].status), rows[i].outcome);
}

static char path[64] = "/tmp/tokenXXXXXX"; /* six X, as mkstemp() wants them */

static int read_token(const char *bytes, size_t size, char ret[DELIVER_TOKEN_MAX + 1])
{
    int fd = open(path, O_WRONLY | O_TRUNC);

    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
    return deliver_token_read(path, ret);
}

static void a_token_is_the_first_line(void **state)
{
    char token[DELIVER_TOKEN_MAX + 1], longest[DELIVER_TOKEN_MAX + 1];

    (void)state;
    assert_int_equal(read_token("abc", 3, token), 0);
    assert_string_equal(token, "abc");
    assert_int_equal(read_token("abc\r\nmore", 9, token), 0);
    assert_string_equal(token, "abc");
    memset(longest, 'x', sizeof longest);
    assert_int_equal(read_token(longest, DELIVER_TOKEN_MAX, token), 0);
    assert_int_equal(strlen(token), DELIVER_TOKEN_MAX);
    assert_int_equal(read_token(longest, DELIVER_TOKEN_MAX + 1, token), -EFBIG);
}

/* Nothing that could become a header of its own. */
static void what_is_no_token_is_refused(void **state)
{
    char token[DELIVER_TOKEN_MAX + 1];

    (void)state;
    assert_int_equal(read_token("", 0, token), -EINVAL);
    assert_int_equal(read_token("\nabc", 4, token), -EINVAL);
    assert_int_equal(read_token("a b", 3, token), -EINVAL);
    assert_int_equal(read_token("a\0b", 3, token), -EINVAL);
    assert_int_equal(read_token("a\x7f", 2, token), -EINVAL);
    assert_int_equal(read_token("\xc3\xbc", 2, token), -EINVAL);
    assert_int_equal(deliver_token_read("/nonexistent", token), -ENOENT);
    assert_int_equal(deliver_token_read("/dev/null", token), -EINVAL);
    assert_int_equal(deliver_token_read("/tmp", token), -EINVAL);
}

static void a_fifo_does_not_hold_it_up(void **state)
{
    char fifo[80], token[DELIVER_TOKEN_MAX + 1];

    (void)state;
    snprintf(fifo, sizeof fifo, "%s.fifo", path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(deliver_token_read(fifo, token), -EINVAL);
    unlink(fifo);
}

static int set_up(void **state)
{
    (void)state;
    close(mkstemp(path));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_mean_what_is_promised),
        cmocka_unit_test(a_token_is_the_first_line),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(a_fifo_does_not_hold_it_up),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
