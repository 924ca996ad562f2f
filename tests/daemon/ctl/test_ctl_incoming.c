/* What is made of an answer in pieces is what is made of it as a whole, wherever it is cut. */
#include "daemon/ctl/ctl.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct got {
    unsigned status;
    size_t size;
    int refuse_at; /* bytes after which nothing more is taken; 0 = never */
    char body[4096];
};

static void begin(void *context, unsigned status)
{
    struct got *self = context;

    self->status = status;
}

static int take(void *context, const char *bytes, size_t size)
{
    struct got *self = context;

    if (self->refuse_at && self->size + size > (size_t)self->refuse_at)
        return -ENOSPC;
    assert_true(self->size + size < sizeof self->body);
    memcpy(self->body + self->size, bytes, size);
    self->size += size;
    return 0;
}

/* In pieces of `step` bytes. */
static int feed(const char *text, size_t size, size_t step, struct got *got)
{
    const struct mwd_ctl_sink sink = {begin, take, got};
    struct mwd_ctl_incoming incoming;
    int r = 0;

    mwd_ctl_incoming_init(&incoming, &sink);
    for (size_t at = 0; at < size && r == 0; at += step)
        r = mwd_ctl_incoming_feed(&incoming, text + at, size - at < step ? size - at : step);
    if (r == 0)
        r = mwd_ctl_incoming_end(&incoming);
    mwd_ctl_incoming_deinit(&incoming);
    return r;
}

static const char *const answers[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.0 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n",
};

static const char *const cut[] = {
    "",
    "HTTP/1.1 200",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
};

#define SIXTY_FOUR "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *const wrong[] = {
    "SSH-2.0-OpenSSH_9.2 and so on\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n123456789\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" SIXTY_FOUR "\r\n",
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void pieces_make_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        size_t size = strlen(answers[i]);
        struct mwd_buffer body;
        unsigned status = 0;

        mwd_buffer_init(&body, 4096);
        assert_int_equal(mwd_ctl_response_parse(answers[i], size, &status, &body), 0);
        for (size_t step = 1; step <= size; step++) {
            struct got got = {0};

            if (feed(answers[i], size, step, &got) != 0)
                fail_msg("answer %zu in steps of %zu", i, step);
            assert_int_equal(got.status, status);
            assert_int_equal(got.size, body.size);
            if (body.size > 0)
                assert_memory_equal(got.body, body.bytes, body.size);
        }
        mwd_buffer_deinit(&body);
    }
}

static void assert_errors(const char *const *list, size_t count, int error)
{
    for (size_t i = 0; i < count; i++)
        for (size_t step = 1; step <= strlen(list[i]) + 1; step++) {
            struct got got = {0};
            int r = feed(list[i], strlen(list[i]), step, &got);

            if (r != error)
                fail_msg("\"%s\" in steps of %zu gives %d, not %d", list[i], step, r, error);
        }
}

static void half_an_answer_is_none(void **state)
{
    (void)state;
    assert_errors(cut, COUNT(cut), -ENODATA);
}

static void what_is_no_http_is_refused(void **state)
{
    (void)state;
    assert_errors(wrong, COUNT(wrong), -EBADMSG);
}

static void a_head_has_a_bound(void **state)
{
    static char text[20000];

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "HTTP/1.1 200 OK\r\nX: ", 20);
    for (size_t step = 1; step < 30000; step = step * 7 + 1) {
        struct got got = {0};

        assert_int_equal(feed(text, sizeof text, step, &got), -EBADMSG);
    }
}

/* A disk that is full ends the answer, by its own name. */
static void an_error_of_the_sink_comes_back(void **state)
{
    struct got got = {.refuse_at = 3};

    (void)state;
    assert_int_equal(feed(answers[4], strlen(answers[4]), 1, &got), -ENOSPC);
    assert_int_equal(got.size, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_make_the_whole),           cmocka_unit_test(half_an_answer_is_none),
        cmocka_unit_test(what_is_no_http_is_refused),      cmocka_unit_test(a_head_has_a_bound),
        cmocka_unit_test(an_error_of_the_sink_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
