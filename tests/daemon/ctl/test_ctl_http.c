/* An answer is taken only when it is whole and makes sense; what answers may be anybody. */
#include "daemon/ctl/ctl.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct answer {
    unsigned status;
    char body[256];
};

static int parse_bytes(const char *bytes, size_t size, struct answer *ret)
{
    struct mwd_buffer body;

    ret->status = 0;
    mwd_buffer_init(&body, sizeof ret->body - 1);
    int r = mwd_ctl_response_parse(bytes, size, &ret->status, &body);
    snprintf(ret->body, sizeof ret->body, "%.*s", (int)body.size, body.bytes ? body.bytes : "");
    mwd_buffer_deinit(&body);
    return r;
}

static int parse(const char *text, struct answer *ret)
{
    return parse_bytes(text, strlen(text), ret);
}

static void assert_body(const char *text, unsigned status, const char *body)
{
    struct answer answer;

    assert_int_equal(parse(text, &answer), 0);
    assert_int_equal(answer.status, status);
    assert_string_equal(answer.body, body);
}

static void assert_error(const char *text, int error)
{
    struct answer answer;
    int r = parse(text, &answer);

    if (r != error)
        fail_msg("\"%s\" gives %d, not %d", text, r, error);
}

static void a_body_ends_where_its_length_says(void **state)
{
    (void)state;
    assert_body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}");
    assert_body("HTTP/1.1 404 Not Found\r\ncontent-length:2\r\nX: y\r\n\r\n{}more", 404, "{}");
    assert_body("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, "");
    assert_body("HTTP/1.0 200\r\n\r\nto the end", 200, "to the end");
    assert_body("HTTP/1.1 200 OK\n\n{}", 200, "{}");
}

static void chunks_are_put_together(void **state)
{
    (void)state;
    assert_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n",
                200, "abc0123456789");
}

/* A cut answer is never half a document that looks like a whole one. */
static void every_cut_is_seen(void **state)
{
    static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"rss\":1234}";
    static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n";
    struct answer answer;

    (void)state;
    for (size_t size = 0; size < sizeof whole - 1; size++)
        assert_int_equal(parse_bytes(whole, size, &answer), -ENODATA);
    assert_int_equal(parse_bytes(whole, sizeof whole - 1, &answer), 0);
    for (size_t size = 0; size < sizeof chunked - 1; size++)
        assert_int_equal(parse_bytes(chunked, size, &answer), -ENODATA);
    assert_int_equal(parse_bytes(chunked, sizeof chunked - 1, &answer), 0);
}

static void what_is_no_http_is_refused(void **state)
{
    (void)state;
    assert_error("SSH-2.0-OpenSSH_9.2\r\n\r\n", -EBADMSG);
    assert_error("HTTP/2 200\r\n\r\n", -EBADMSG);
    assert_error("HTTP/1.1 2x0 OK\r\n\r\n", -EBADMSG);
    assert_error("HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}", -EBADMSG);
    assert_error("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", -EBADMSG);
    assert_error("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", -EBADMSG);
    assert_error("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", -EBADMSG);
    assert_error("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", -EBADMSG);
    assert_error("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n", -EBADMSG);
    assert_error("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n123456789\r\n", -EBADMSG);
}

static void a_body_over_the_bound_is_refused(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\n\r\n0123456789";
    struct mwd_buffer body;
    unsigned status;

    (void)state;
    mwd_buffer_init(&body, 9);
    assert_int_equal(mwd_ctl_response_parse(text, strlen(text), &status, &body), -ENOMEM);
    mwd_buffer_deinit(&body);
    mwd_buffer_init(&body, 10);
    assert_int_equal(mwd_ctl_response_parse(text, strlen(text), &status, &body), 0);
    mwd_buffer_deinit(&body);
}

/* ---- URLs ---- */

static void urls_name_host_and_port(void **state)
{
    static const struct {
        const char *text, *host, *port;
    } rows[] = {
        {"http://127.0.0.1:9637", "127.0.0.1", "9637"}, {"http://monitor", "monitor", "9636"},
        {"HTTP://monitor:1/", "monitor", "1"},          {"http://[::1]:65535", "::1", "65535"},
        {"http://[fd00::5]", "fd00::5", "9636"},
    };
    struct mwd_ctl_url url;
    const char *why = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(mwd_ctl_url_parse(rows[i].text, &url, &why), 0);
        assert_string_equal(url.host, rows[i].host);
        assert_string_equal(url.port, rows[i].port);
    }
}

static void wrong_urls_are_told_why(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"https://h", "https is not spoken here"},
        {"127.0.0.1:9636", "takes http://ADDR:PORT"},
        {"http://", "takes http://ADDR:PORT"},
        {"http://:9636", "takes http://ADDR:PORT"},
        {"http://[::1:9636", "takes http://ADDR:PORT"},
        {"http://user@host", "takes http://ADDR:PORT"},
        {"http://h\r\nX: y", "takes http://ADDR:PORT"},
        {"http://h:0", "takes a port from 1 to 65535"},
        {"http://h:65536", "takes a port from 1 to 65535"},
        {"http://h:", "takes a port from 1 to 65535"},
        {"http://h:1x", "takes a port from 1 to 65535"},
        {"http://h:1/api", "takes no path"},
    };
    struct mwd_ctl_url url;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *why = "";

        assert_int_equal(mwd_ctl_url_parse(rows[i].text, &url, &why), -EINVAL);
        if (!strstr(why, rows[i].why))
            fail_msg("%s: \"%s\"", rows[i].text, why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_ends_where_its_length_says),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(every_cut_is_seen),
        cmocka_unit_test(what_is_no_http_is_refused),
        cmocka_unit_test(a_body_over_the_bound_is_refused),
        cmocka_unit_test(urls_name_host_and_port),
        cmocka_unit_test(wrong_urls_are_told_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
