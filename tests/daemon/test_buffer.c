#include "daemon/buffer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* So that a malloc() that cannot be answered returns NULL under the address sanitizer as well. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void expect(const struct mwd_buffer *buffer, const char *text)
{
    assert_int_equal(buffer->failed, 0);
    assert_int_equal(buffer->size, strlen(text));
    assert_memory_equal(buffer->bytes, text, strlen(text));
}

static void init_allocates_nothing(void **state)
{
    struct mwd_buffer buffer;

    (void)state;
    mwd_buffer_init(&buffer, 100);
    assert_null(buffer.bytes);
    assert_int_equal(buffer.size, 0);
    mwd_buffer_deinit(&buffer);
}

static void appends_stand_one_after_the_other(void **state)
{
    struct mwd_buffer buffer;

    (void)state;
    mwd_buffer_init(&buffer, SIZE_MAX);
    mwd_buffer_append(&buffer, "abc", 2);
    mwd_buffer_puts(&buffer, "cd");
    mwd_buffer_printf(&buffer, "%d%s", 12, "x");
    mwd_buffer_append(&buffer, NULL, 0);
    expect(&buffer, "abcd12x");
    mwd_buffer_deinit(&buffer);
}

/* The bound is the size, byte for byte, whichever way the bytes come. */
static void limit_is_exact(void **state)
{
    enum { LIMIT = 1000 };

    (void)state;
    for (size_t size = LIMIT - 1; size <= LIMIT + 1; size++) {
        struct mwd_buffer whole, bytewise, printed;
        char text[LIMIT + 2];

        memset(text, 'x', sizeof(text));
        text[size] = '\0';
        mwd_buffer_init(&whole, LIMIT);
        mwd_buffer_init(&bytewise, LIMIT);
        mwd_buffer_init(&printed, LIMIT);
        mwd_buffer_puts(&whole, text);
        for (size_t i = 0; i < size; i++)
            mwd_buffer_append(&bytewise, text + i, 1);
        mwd_buffer_printf(&printed, "%s", text);
        assert_int_equal(whole.failed, size > LIMIT ? -EFBIG : 0);
        assert_int_equal(bytewise.failed, size > LIMIT ? -EFBIG : 0);
        assert_int_equal(printed.failed, size > LIMIT ? -EFBIG : 0);
        assert_int_equal(bytewise.size, size > LIMIT ? LIMIT : size);
        assert_int_equal(whole.size, size > LIMIT ? 0 : size);
        assert_int_equal(printed.size, size > LIMIT ? 0 : size);
        assert_true(bytewise.capacity <= LIMIT);
        mwd_buffer_deinit(&whole);
        mwd_buffer_deinit(&bytewise);
        mwd_buffer_deinit(&printed);
    }
}

static void zero_limit_holds_nothing(void **state)
{
    struct mwd_buffer buffer;

    (void)state;
    mwd_buffer_init(&buffer, 0);
    mwd_buffer_puts(&buffer, "");
    expect(&buffer, "");
    mwd_buffer_puts(&buffer, "a");
    assert_int_equal(buffer.failed, -EFBIG);
    mwd_buffer_deinit(&buffer);
}

/* After an error nothing more is taken, even what would fit: a document never has a hole. */
static void errors_are_sticky(void **state)
{
    struct mwd_buffer buffer;
    char much[1001] = "";

    (void)state;
    memset(much, 'x', sizeof(much));
    mwd_buffer_init(&buffer, 1000);
    mwd_buffer_puts(&buffer, "ab");
    mwd_buffer_append(&buffer, much, 1000);
    mwd_buffer_puts(&buffer, "f");
    mwd_buffer_append(&buffer, much, 500); /* this one could grow */
    mwd_buffer_printf(&buffer, "g");
    assert_null(mwd_buffer_reserve(&buffer, 0));
    assert_int_equal(buffer.failed, -EFBIG);
    assert_int_equal(buffer.size, 2);
    mwd_buffer_deinit(&buffer);
}

/* 1 MiB byte by byte moves at most 20 times: growth doubles. */
static void grows_by_doubling(void **state)
{
    struct mwd_buffer buffer;
    size_t capacity = 0;
    unsigned moves = 0;

    (void)state;
    mwd_buffer_init(&buffer, SIZE_MAX);
    for (size_t i = 0; i < 1 << 20; i++) {
        mwd_buffer_append(&buffer, "x", 1);
        moves += buffer.capacity != capacity;
        capacity = buffer.capacity;
    }
    assert_int_equal(buffer.size, 1 << 20);
    assert_in_range(moves, 1, 20);
    mwd_buffer_deinit(&buffer);
}

static void reserve_and_commit(void **state)
{
    struct mwd_buffer buffer;
    char *at;

    (void)state;
    mwd_buffer_init(&buffer, 600);
    mwd_buffer_puts(&buffer, "a");
    at = mwd_buffer_reserve(&buffer, 599);
    assert_non_null(at);
    memset(at, 'b', 599);
    mwd_buffer_commit(&buffer, 2);
    expect(&buffer, "abb");
    assert_null(mwd_buffer_reserve(&buffer, 598));
    assert_int_equal(buffer.failed, -EFBIG);
    mwd_buffer_deinit(&buffer);
}

static void memory_that_is_not_there_is_an_error(void **state)
{
    struct mwd_buffer buffer;
    size_t more = PTRDIFF_MAX - 100;

    (void)state;
    mwd_buffer_init(&buffer, SIZE_MAX);
    mwd_buffer_puts(&buffer, "a");
    assert_null(mwd_buffer_reserve(&buffer, more));
    assert_int_equal(buffer.failed, -ENOMEM);
    assert_int_equal(buffer.size, 1);
    mwd_buffer_deinit(&buffer);
}

static void deinit_may_be_repeated(void **state)
{
    struct mwd_buffer buffer, zero = {0};

    (void)state;
    mwd_buffer_init(&buffer, 10);
    mwd_buffer_puts(&buffer, "a");
    mwd_buffer_deinit(&buffer);
    mwd_buffer_deinit(&buffer);
    mwd_buffer_deinit(&zero);
    assert_null(buffer.bytes);
    assert_int_equal(buffer.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_allocates_nothing),
        cmocka_unit_test(appends_stand_one_after_the_other),
        cmocka_unit_test(limit_is_exact),
        cmocka_unit_test(zero_limit_holds_nothing),
        cmocka_unit_test(errors_are_sticky),
        cmocka_unit_test(grows_by_doubling),
        cmocka_unit_test(reserve_and_commit),
        cmocka_unit_test(memory_that_is_not_there_is_an_error),
        cmocka_unit_test(deinit_may_be_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
