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
                    "A: b\r\n\xfe"
                    "c\r\n\xfd"
                    "d\r\n\xfc"
                    "e");
    assert_received(self, "A: b\n c\n:d", 10,
                    "A: b\n\xfe"
                    "c\n\xfc"
                    "d");
    assert_received(self, "\r c\r:", 5,
                    "\r\xfe"
                    "c\r\xfc");
    assert_received(self, "A : b c: d", 10, "A : b c: d");
}

static void pieces_are_read_as_one(void **state)
{
    struct ends *self = *state;

    know(self);
    assert_received(self, "A: b\r\n", 6, "A: b\r\n");
    assert_received(self, " c", 2,
                    "\xfe"
                    "c");
    assert_received(self, "\r", 1, "\r");
    assert_received(self, "\n", 1, "\n");
    assert_received(self, ":", 1, "\xfc");
    assert_received(self, " ", 1, " ");
}

/* As when a body of `size` bytes comes in pieces that end at `cut`, right behind a head. */
static void assert_restored(const char *sent, size_t size, size_t cut, const char *expected)
{
    struct mwd_http_connection connection = {.last_byte = '\n'};
    unsigned char body[64];

    memcpy(body, sent, size);
    if (cut > 0)
        mwd_http_recv_clean(&connection, body, cut);
    mwd_http_recv_clean(&connection, body + cut, size - cut);
    if (cut > 0)
        mwd_http_recv_restore(body, cut, '\n');
    mwd_http_recv_restore(body + cut, size - cut, cut > 0 ? body[cut - 1] : '\n');
    assert_memory_equal(body, expected, size);
}

/* What stands for a byte of a head that is wrong must not change a body; and no byte that was sent
 * can pass for one that was not. */
static void bodies_come_as_they_were_sent(void **state)
{
    static const char text[] = " {\r\n  \"a\"\n:\t1,\n\t\"b\":\n 2\r \r\n}\n";
    const size_t size = sizeof text - 1;

    (void)state;
    for (size_t cut = 0; cut < size; cut++)
        assert_restored(text, size, cut, text);
    assert_restored("\n\xfe\n\xfd\n\xfc\n\xff", 8, 0, "\n\xff\n\xff\n\xff\n\xff");
    assert_restored("a\0\n\0", 4, 0, "a\xff\n\xff");
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
        TEST(bodies_come_as_they_were_sent),
        TEST(other_descriptors_are_left_alone),
        TEST(outside_of_the_turn_nothing_is_touched),
        TEST(room_grows_with_the_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
