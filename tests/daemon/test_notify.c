/* What a service manager hears: the fields of sd_notify(3), each in a datagram of its own. */
#include "daemon/notify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct manager {
    int fd;
    char directory[32];
    char path[64];
    char heard[2048];
    struct mwd_notify *notify;
};

static void bind_to(struct manager *self, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(name);

    memcpy(address.sun_path, name, size);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    self->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(self->fd >= 0);
    assert_int_equal(bind(self->fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)),
                     0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
}

static int set_up(void **state)
{
    struct manager *self = calloc(1, sizeof(*self));

    assert_non_null(self);
    self->fd = -1;
    strcpy(self->directory, "/tmp/mw-notify-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->path, sizeof(self->path), "%s/socket", self->directory);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct manager *self = *state;

    mwd_notify_destroy(self->notify);
    if (self->fd >= 0)
        close(self->fd);
    unlink(self->path);
    rmdir(self->directory);
    free(self);
    return 0;
}

/* The next datagram; NULL when there is none. */
static const char *hear(struct manager *self)
{
    ssize_t size = recv(self->fd, self->heard, sizeof(self->heard) - 1, 0);

    if (size < 0) {
        assert_int_equal(errno, EAGAIN);
        return NULL;
    }
    self->heard[size] = '\0';
    return self->heard;
}

static void everything_is_said_once(void **state)
{
    struct manager *self = *state;
    unsigned long long usec;

    bind_to(self, self->path);
    assert_int_equal(mwd_notify_create(&self->notify), 0);
    assert_true(mwd_notify_is_heard(self->notify));
    assert_null(hear(self));
    mwd_notify_ready(self->notify);
    assert_string_equal(hear(self), "READY=1");
    mwd_notify_watchdog(self->notify);
    assert_string_equal(hear(self), "WATCHDOG=1");
    mwd_notify_stopping(self->notify);
    assert_string_equal(hear(self), "STOPPING=1");
    mwd_notify_reloading(self->notify);
    assert_int_equal(sscanf(hear(self), "RELOADING=1\nMONOTONIC_USEC=%llu", &usec), 1);
    assert_true(usec > 0);
    assert_null(hear(self));
}

static void an_abstract_socket_is_found(void **state)
{
    struct manager *self = *state;
    char name[64];

    snprintf(name, sizeof(name), "@mw-notify-%d", (int)getpid());
    bind_to(self, name);
    assert_int_equal(mwd_notify_create(&self->notify), 0);
    mwd_notify_ready(self->notify);
    assert_string_equal(hear(self), "READY=1");
}

static void a_status_is_one_line_and_said_when_it_changes(void **state)
{
    struct manager *self = *state;

    bind_to(self, self->path);
    assert_int_equal(mwd_notify_create(&self->notify), 0);
    mwd_notify_status(self->notify, "%d\nREADY=1", 1);
    assert_string_equal(hear(self), "STATUS=1 READY=1");
    mwd_notify_status(self->notify, "1 READY=1");
    assert_null(hear(self));
    mwd_notify_status(self->notify, "2");
    assert_string_equal(hear(self), "STATUS=2");
}

static void a_long_status_is_cut_off(void **state)
{
    struct manager *self = *state;
    char text[600];

    bind_to(self, self->path);
    assert_int_equal(mwd_notify_create(&self->notify), 0);
    for (size_t size = 511; size <= 513; size++) {
        memset(text, 'a' + (int)(size % 26), size);
        text[size] = '\0';
        mwd_notify_status(self->notify, "%s", text);
        assert_int_equal(strlen(hear(self)), strlen("STATUS=") + (size < 512 ? size : 512));
    }
}

static void a_failure_has_its_reason_and_errno(void **state)
{
    struct manager *self = *state;

    bind_to(self, self->path);
    assert_int_equal(mwd_notify_create(&self->notify), 0);
    mwd_notify_failed(self->notify, -ENOSPC, "no room");
    assert_string_equal(hear(self), "STATUS=no room");
    assert_string_equal(hear(self), "ERRNO=28");
    mwd_notify_failed(self->notify, 0, "wrong key");
    assert_string_equal(hear(self), "STATUS=wrong key");
    assert_null(hear(self));
}

static void without_a_manager_nothing_happens(void **state)
{
    static const char *const not_sockets[] = {"", "/", "@", "relative", "vsock:2:1"};
    struct manager *self = *state;

    for (size_t i = 0; i < sizeof(not_sockets) / sizeof(not_sockets[0]); i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", not_sockets[i], 1), 0);
        assert_int_equal(mwd_notify_create(&self->notify), 0);
        assert_false(mwd_notify_is_heard(self->notify));
        mwd_notify_ready(self->notify);
        mwd_notify_status(self->notify, "x");
        self->notify = mwd_notify_destroy(self->notify);
    }
    mwd_notify_ready(NULL);
    mwd_notify_status(NULL, "x");
    mwd_notify_failed(NULL, -1, "x");
    assert_int_equal(mwd_notify_watchdog_ns(NULL), 0);
}

/* A manager that does not read must not hold up the loop. */
static void a_deaf_manager_is_no_obstacle(void **state)
{
    struct manager *self = *state;
    int heard = 0;

    bind_to(self, self->path);
    assert_int_equal(mwd_notify_create(&self->notify), 0);
    for (int i = 0; i < 10000; i++)
        mwd_notify_watchdog(self->notify);
    while (hear(self))
        heard++;
    assert_in_range(heard, 1, 9999);
}

static uint64_t watchdog_with(struct manager *self, const char *usec, const char *pid)
{
    assert_int_equal(setenv("WATCHDOG_USEC", usec, 1), 0);
    if (pid)
        assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
    else
        unsetenv("WATCHDOG_PID");
    assert_int_equal(mwd_notify_create(&self->notify), 0);
    uint64_t ns = mwd_notify_watchdog_ns(self->notify);

    self->notify = mwd_notify_destroy(self->notify);
    return ns;
}

static void the_watchdog_is_for_this_process_only(void **state)
{
    struct manager *self = *state;
    char own[16];

    bind_to(self, self->path);
    snprintf(own, sizeof(own), "%d", (int)getpid());
    assert_int_equal(watchdog_with(self, "30000000", own), 30000000000ULL);
    assert_int_equal(watchdog_with(self, "30000000", NULL), 30000000000ULL);
    assert_int_equal(watchdog_with(self, "30000000", "1"), 0);
    assert_int_equal(watchdog_with(self, "30000000", "x"), 0);
    assert_int_equal(watchdog_with(self, "3s", own), 0);
    assert_int_equal(watchdog_with(self, "-1", own), 0);
    assert_int_equal(watchdog_with(self, "18446744073709551615", own), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_is_said_once),
        TEST(an_abstract_socket_is_found),
        TEST(a_status_is_one_line_and_said_when_it_changes),
        TEST(a_long_status_is_cut_off),
        TEST(a_failure_has_its_reason_and_errno),
        TEST(without_a_manager_nothing_happens),
        TEST(a_deaf_manager_is_no_obstacle),
        TEST(the_watchdog_is_for_this_process_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
