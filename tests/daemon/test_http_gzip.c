/* What is compressed comes out the same, and never larger than its bound. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static void assert_comes_back(const char *bytes, size_t size)
{
    struct mwd_buffer packed;
    char *back = malloc(size + 1);
    z_stream stream = {0};

    assert_non_null(back);
    assert_int_equal(mwd_http_gzip(bytes, size, 1 << 24, &packed), 0);
    stream.next_in = (Bytef *)packed.bytes;
    stream.avail_in = (uInt)packed.size;
    stream.next_out = (Bytef *)back;
    stream.avail_out = (uInt)size + 1;
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK); /* gzip's frame and no other */
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    assert_int_equal(stream.total_out, size);
    assert_memory_equal(back, bytes, size);
    mwd_buffer_deinit(&packed);
    free(back);
}

static void bytes_come_back(void **state)
{
    size_t size = 300000;
    char *bytes = malloc(size);
    unsigned seed = 1;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1103515245 + 12345;
        bytes[i] = (char)(seed >> 16);
    }
    assert_comes_back(bytes, size); /* does not compress */
    memset(bytes, 'x', size);
    assert_comes_back(bytes, size);
    assert_comes_back("x", 1);
    free(bytes);
}

static void the_limit_holds_exactly(void **state)
{
    struct mwd_buffer packed;
    char bytes[4096];
    size_t size;

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(mwd_http_gzip(bytes, sizeof bytes, 1 << 20, &packed), 0);
    size = packed.size;
    mwd_buffer_deinit(&packed);
    assert_int_equal(mwd_http_gzip(bytes, sizeof bytes, size, &packed), 0);
    assert_int_equal(packed.size, size);
    mwd_buffer_deinit(&packed);
    assert_int_equal(mwd_http_gzip(bytes, sizeof bytes, size - 1, &packed), -EFBIG);
    mwd_buffer_deinit(&packed);
    assert_int_equal(mwd_http_gzip(bytes, sizeof bytes, 0, &packed), -EFBIG);
    mwd_buffer_deinit(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(the_limit_holds_exactly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
