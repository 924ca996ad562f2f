/* Sockets of systemd are taken by the process that they are meant for, and no child takes them for
 * its own. What they are is tried in tests/scenario/test_http_sockets.py. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct taken {
    struct mwd_http_listener *list;
    struct mwd_buffer error;
};

static int take(struct taken *self, long pid, const char *fds, const char *names)
{
    char text[24];

    snprintf(text, sizeof text, "%ld", pid);
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDS", fds, 1);
    if (names)
        setenv("LISTEN_FDNAMES", names, 1);
    self->list = NULL;
    self->error.size = 0;
    return mwd_http_activation_take(&self->error, &self->list);
}

static void assert_unset(void)
{
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_FDNAMES"));
}

static int set_up(void **state)
{
    static struct taken taken;

    mwd_buffer_init(&taken.error, 1024);
    *state = &taken;
    return 0;
}

static int tear_down(void **state)
{
    struct taken *taken = *state;

    mwd_buffer_deinit(&taken->error);
    return 0;
}

static void nothing_passed_is_nothing_taken(void **state)
{
    struct taken *taken = *state;

    assert_unset();
    assert_int_equal(mwd_http_activation_take(&taken->error, &taken->list), 0);
    assert_int_equal(take(taken, getpid(), "0", NULL), 0);
    assert_null(taken->list);
    assert_unset();
}

static void others_are_left_alone_and_forgotten(void **state)
{
    struct taken *taken = *state;

    assert_int_equal(take(taken, getpid() + 1, "5", "a"), 0);
    assert_null(taken->list);
    assert_unset();
}

static void bad_variables_are_refused_and_forgotten(void **state)
{
    struct taken *taken = *state;

    assert_int_equal(take(taken, getpid(), "-1", NULL), -EINVAL);
    assert_unset();
    assert_int_equal(take(taken, getpid(), "65", NULL), -EINVAL);
    assert_int_equal(take(taken, getpid(), "2", "one"), -EINVAL);
    assert_non_null(memmem(taken->error.bytes, taken->error.size, "LISTEN_FDNAMES", 14));
    assert_null(taken->list);
    assert_unset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_passed_is_nothing_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_are_left_alone_and_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_variables_are_refused_and_forgotten, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
