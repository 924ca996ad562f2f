/* A thread that ends is waited for; one that hangs is left to itself in the time that was given. */
#include "daemon/join.h"

#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONG_MS = 600000, SHORT_MS = 20 };

/* What the thread does: waits for a byte or the end of the pipe, and answers it. */
struct reader {
    pthread_t thread;
    int ask[2], answer[2];
};

static void *read_one(void *argument)
{
    struct reader *self = argument;
    char byte = 0;

    (void)!read(self->ask[0], &byte, 1);
    (void)!write(self->answer[1], &byte, 1);
    return NULL;
}

static void start(struct reader *self)
{
    assert_int_equal(pipe(self->ask), 0);
    assert_int_equal(pipe(self->answer), 0);
    assert_int_equal(pthread_create(&self->thread, NULL, read_one, self), 0);
}

static void let_go(struct reader *self)
{
    assert_int_equal(write(self->ask[1], "x", 1), 1);
}

static void finish(struct reader *self)
{
    for (int i = 0; i < 2; i++) {
        close(self->ask[i]);
        close(self->answer[i]);
    }
}

static uint64_t now_ms(void)
{
    return mw_clock_monotonic_ns(mw_clock_system()) / MW_NS_PER_MS;
}

static void test_a_thread_that_ends_is_waited_for(void **state)
{
    struct reader reader;
    char byte = 0;

    (void)state;
    start(&reader);
    let_go(&reader);
    assert_true(mwd_join_or_abandon(reader.thread, LONG_MS));
    assert_int_equal(read(reader.answer[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    finish(&reader);
}

static void test_a_thread_that_hangs_is_left_to_itself(void **state)
{
    struct reader reader;
    char byte = 0;

    (void)state;
    start(&reader);
    uint64_t began = now_ms();
    assert_false(mwd_join_or_abandon(reader.thread, SHORT_MS));
    assert_true(now_ms() >= began + SHORT_MS - 1);
    let_go(&reader); /* it lives, and goes on */
    assert_int_equal(read(reader.answer[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    finish(&reader);
}

static void test_no_time_at_all(void **state)
{
    struct reader reader;
    char byte = 0;

    (void)state;
    start(&reader);
    assert_false(mwd_join_or_abandon(reader.thread, 0));
    let_go(&reader);
    assert_int_equal(read(reader.answer[0], &byte, 1), 1);
    finish(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thread_that_ends_is_waited_for),
        cmocka_unit_test(test_a_thread_that_hangs_is_left_to_itself),
        cmocka_unit_test(test_no_time_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
