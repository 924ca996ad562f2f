/* What libmicrohttpd must not see it does not see, in whatever pieces it comes; and what others in
 * this process receive is left alone, as answers to a look-up of a user, which have NULs. */
#include "daemon/http_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct ends {
    struct mwd_http_server server;
    struct mwd_http_connection connection;
    int ours, theirs; /* of one socket */
};

static int set_up(void **state)
{
    struct ends *self = calloc(1, sizeof *self);
    int fds[2];

    assert_non_null(self);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    self->ours = fds[0];
    self->theirs = fds[1];
    assert_int_equal(mwd_http_recv_expect(&self->server, self->ours), 0);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct ends *self = *state;

    close(self->ours);
    close(self->theirs);
    free(self->server.by_fd);
    free(self);
    return 0;
}

static void assert_received(struct ends *self, const char *sent, size_t size, const char *expected)
{
    char got[64];

    assert_int_equal(send(self->theirs, sent, size, 0), size);
    mwd_http_recv_begin(&self->server);
    assert_int_equal(recv(self->ours, got, sizeof got, 0), size);
    mwd_http_recv_end();
    assert_memory_equal(got, expected, size);
}

static void know(struct ends *self)
{
    self->server.by_fd[self->ours] = &self->connection;
}

static void nuls_are_spoilt(void **state)
{
    struct ends *self = *state;

    know(self);
    assert_received(self, "\0a\0\0b\0", 6,
                    "\xff"
                    "a\xff\xff"
                    "b\xff");
}

static void lines_begin_with_a_name(void **state)
{
    struct ends *self = *state;

    know(self);
    assert_received(self, "A: b\r\n c\r\n\td\r\n:e\r\n", 16,
                    "A: b\r\n\xff"
                    "c\r\n\xff"
                    "d\r\n\xff"
                    "e");
    assert_received(self, "A: b\n c\n:d", 10,
                    "A: b\n\xff"
                    "c\n\xff"
                    "d");
    assert_received(self, "\r c\r:", 5,
                    "\r\xff"
                    "c\r\xff");
    assert_received(self, "A : b c: d", 10, "A : b c: d");
}

static void pieces_are_read_as_one(void **state)
{
    struct ends *self = *state;

    know(self);
    assert_received(self, "A: b\r\n", 6, "A: b\r\n");
    assert_received(self, " c", 2,
                    "\xff"
                    "c");
    assert_received(self, "\r", 1, "\r");
    assert_received(self, "\n", 1, "\n");
    assert_received(self, ":", 1, "\xff");
    assert_received(self, " ", 1, " ");
}

static void other_descriptors_are_left_alone(void **state)
{
    assert_received(*state, "{}\0\n :", 6, "{}\0\n :");
}

static void outside_of_the_turn_nothing_is_touched(void **state)
{
    struct ends *self = *state;
    char got[8];

    know(self);
    assert_int_equal(send(self->theirs, "{}\0", 3, 0), 3);
    assert_int_equal(recv(self->ours, got, sizeof got, 0), 3);
    assert_memory_equal(got, "{}\0", 3);
}

static void room_grows_with_the_descriptors(void **state)
{
    struct ends *self = *state;

    assert_int_equal(mwd_http_recv_expect(&self->server, 5000), 0);
    assert_true(self->server.by_fd_count > 5000);
    for (uint32_t fd = 0; fd < self->server.by_fd_count; fd++)
        assert_null(self->server.by_fd[fd]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nuls_are_spoilt),
        TEST(lines_begin_with_a_name),
        TEST(pieces_are_read_as_one),
        TEST(other_descriptors_are_left_alone),
        TEST(outside_of_the_turn_nothing_is_touched),
        TEST(room_grows_with_the_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
