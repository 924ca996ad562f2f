/* Records between the daemon and memwatchd-deliver: whole or refused. */
#include "daemon/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct mwd_wire_request request = {
    .exchange = 0x123456789abcdef0,
    .kind = MWD_WIRE_RUN,
    .timeout_ms = 10000,
    .sink = "ops",
    .url = "http://127.0.0.1/",
    .token_file = "/token",
    .ca_file = "",
    .id = "one",
    .status = "firing",
    .arguments = {"/bin/cat", "-", ""},
    .argument_count = 3,
    .body = "{\"a\":\"\0\"}",
    .body_size = 9,
};

static void put(struct mwd_buffer *out)
{
    mwd_buffer_init(out, MWD_WIRE_MAX);
    mwd_wire_put_request(out, &request);
    assert_int_equal(out->failed, 0);
}

static void a_request_comes_as_it_went(void **state)
{
    struct mwd_wire_request got;
    struct mwd_buffer out;

    (void)state;
    put(&out);
    assert_int_equal(mwd_wire_frame(out.bytes, out.size), out.size);
    assert_int_equal(mwd_wire_get_request(out.bytes, out.size, &got), 0);
    assert_true(got.exchange == request.exchange);
    assert_int_equal(got.kind, request.kind);
    assert_int_equal(got.timeout_ms, request.timeout_ms);
    assert_string_equal(got.sink, "ops");
    assert_string_equal(got.url, request.url);
    assert_string_equal(got.token_file, "/token");
    assert_string_equal(got.ca_file, "");
    assert_string_equal(got.id, "one");
    assert_string_equal(got.status, "firing");
    assert_int_equal(got.argument_count, 3);
    assert_string_equal(got.arguments[0], "/bin/cat");
    assert_string_equal(got.arguments[2], "");
    assert_null(got.arguments[3]);
    assert_int_equal(got.body_size, 9);
    assert_memory_equal(got.body, request.body, 9);
    mwd_buffer_deinit(&out);
}

/* A record that is cut at any place is either waited for or refused, never read beyond its end. */
static void half_a_request_is_none(void **state)
{
    struct mwd_wire_request got;
    struct mwd_buffer out;

    (void)state;
    put(&out);
    for (size_t size = 0; size < out.size; size++) {
        char *part = malloc(size + 1);

        memcpy(part, out.bytes, size);
        assert_int_equal(mwd_wire_frame(part, size), 0);
        assert_int_equal(mwd_wire_get_request(part, size, &got), -EBADMSG);
        free(part);
    }
    mwd_buffer_deinit(&out);
}

/* One byte that is another must not lead anywhere. */
static void a_damaged_request_is_harmless(void **state)
{
    struct mwd_wire_request got;
    struct mwd_buffer out;
    unsigned refused = 0;

    (void)state;
    put(&out);
    for (size_t i = 0; i < out.size; i++) {
        char before = out.bytes[i];

        out.bytes[i] = (char)(before ^ 0x7f);
        refused += mwd_wire_get_request(out.bytes, out.size, &got) < 0;
        out.bytes[i] = before;
    }
    assert_true(refused > 40); /* every length, for one */
    mwd_buffer_deinit(&out);
}

static void a_record_has_a_bound(void **state)
{
    uint32_t length = MWD_WIRE_MAX - sizeof length;
    char bytes[8] = {0};

    (void)state;
    memcpy(bytes, &length, sizeof length);
    assert_int_equal(mwd_wire_frame(bytes, sizeof bytes), 0);
    length++;
    memcpy(bytes, &length, sizeof length);
    assert_int_equal(mwd_wire_frame(bytes, sizeof bytes), -EBADMSG);
}

static void an_answer_comes_as_it_went(void **state)
{
    struct mwd_wire_answer answer = {.exchange = 7,
                                     .outcome = MWD_WIRE_AGAIN,
                                     .status = 503,
                                     .retry_after_ms = 3000,
                                     .why = "answered 503"};
    struct mwd_wire_answer got;
    struct mwd_buffer out;

    (void)state;
    mwd_buffer_init(&out, MWD_WIRE_MAX);
    mwd_wire_put_answer(&out, &answer);
    assert_int_equal(mwd_wire_get_answer(out.bytes, out.size, &got), 0);
    assert_int_equal(got.exchange, 7);
    assert_int_equal(got.outcome, MWD_WIRE_AGAIN);
    assert_int_equal(got.status, 503);
    assert_int_equal(got.retry_after_ms, 3000);
    assert_string_equal(got.why, "answered 503");
    mwd_buffer_deinit(&out);
}

static void a_long_reason_is_cut(void **state)
{
    char why[MWD_WIRE_WHY_MAX + 2];
    struct mwd_wire_answer answer = {.why = why}, got;
    struct mwd_buffer out;

    (void)state;
    memset(why, 'x', sizeof why);
    why[MWD_WIRE_WHY_MAX + 1] = '\0';
    mwd_buffer_init(&out, MWD_WIRE_MAX);
    mwd_wire_put_answer(&out, &answer);
    assert_int_equal(mwd_wire_get_answer(out.bytes, out.size, &got), 0);
    assert_int_equal(strlen(got.why), MWD_WIRE_WHY_MAX);
    mwd_buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_as_it_went),    cmocka_unit_test(half_a_request_is_none),
        cmocka_unit_test(a_damaged_request_is_harmless), cmocka_unit_test(a_record_has_a_bound),
        cmocka_unit_test(an_answer_comes_as_it_went),    cmocka_unit_test(a_long_reason_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
