/* A request whose end could be read in two ways is refused, so that nobody can smuggle another one
 * past a proxy; and a body is taken only where one belongs, with its length and its type. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* `fields` are names and values in turn, ending with NULL. Returns the status, 0 = fine. */
static unsigned check(const char *const *fields, size_t size, bool needs_host)
{
    struct mwd_http_head head = {0};
    struct mwd_http_problem problem = {0};

    for (; fields[0]; fields += 2)
        mwd_http_head_add(&head, fields[0], fields[1]);
    return mwd_http_head_check(&head, size, needs_host, &problem) < 0 ? problem.status : 0;
}

#define CHECK(...) check((const char *const[]){__VA_ARGS__, NULL}, 100, true)

static void plain_requests_pass(void **state)
{
    (void)state;
    assert_int_equal(CHECK("Host", "a"), 0);
    assert_int_equal(CHECK("hOST", "a", "Content-Length", "0"), 0);
    assert_int_equal(CHECK("Host", "a", "Content-Length", "000"), 0);
}

static void host_comes_once(void **state)
{
    const char *const nothing[] = {NULL};

    (void)state;
    assert_int_equal(CHECK("Accept", "a"), 400);
    assert_int_equal(CHECK("Host", "a", "Host", "a"), 400);
    assert_int_equal(CHECK("Host", "a", "HOST", "b"), 400);
    assert_int_equal(check(nothing, 10, false), 0); /* HTTP/1.0 */
}

static unsigned check_body(bool takes, const char *const *fields)
{
    const struct mwd_route row = {.method = "PUT", .takes = takes ? "Queue" : NULL};
    struct mwd_http_head head = {0};
    struct mwd_http_problem problem = {0};

    for (; fields[0]; fields += 2)
        mwd_http_head_add(&head, fields[0], fields[1]);
    return mwd_http_head_check_body(&head, &row, &problem) < 0 ? problem.status : 0;
}

#define CHECK_BODY(takes, ...) check_body(takes, (const char *const[]){__VA_ARGS__, NULL})

static void bodies_are_refused_where_none_is_taken(void **state)
{
    (void)state;
    assert_int_equal(CHECK_BODY(false, "Host", "a"), 0);
    assert_int_equal(CHECK_BODY(false, "Content-Length", "0"), 0);
    assert_int_equal(CHECK_BODY(false, "Content-Length", "1"), 413);
    assert_int_equal(CHECK_BODY(false, "Content-Length", ""), 413);
    assert_int_equal(CHECK_BODY(false, "Content-Length", "0x0"), 413);
    assert_int_equal(CHECK_BODY(false, "Transfer-Encoding", "chunked"), 413);
    assert_int_equal(CHECK_BODY(false, "Transfer-Encoding", "identity"), 413);
}

#define LENGTH "Content-Length"
#define TYPE "Content-Type"
#define JSON "application/json"

static void bodies_come_with_their_length(void **state)
{
    (void)state;
    assert_int_equal(CHECK_BODY(true, TYPE, JSON), 411);
    assert_int_equal(CHECK_BODY(true, TYPE, JSON, "Transfer-Encoding", "chunked"), 411);
    assert_int_equal(CHECK_BODY(true, TYPE, JSON, LENGTH, "1"), 0);
    assert_int_equal(CHECK_BODY(true, TYPE, JSON, LENGTH, "65535"), 0);
    assert_int_equal(CHECK_BODY(true, TYPE, JSON, LENGTH, "65536"), 0);
    assert_int_equal(CHECK_BODY(true, TYPE, JSON, LENGTH, "65537"), 413);
    assert_int_equal(CHECK_BODY(true, TYPE, JSON, LENGTH, "99999999999999999999999"), 413);
    assert_int_equal(CHECK_BODY(true, TYPE, JSON, LENGTH, "-1"), 413);
}

/* A page of somebody else's can make a browser send a form, not JSON. */
static void bodies_say_that_they_are_json(void **state)
{
    (void)state;
    assert_int_equal(CHECK_BODY(true, LENGTH, "1"), 415);
    assert_int_equal(CHECK_BODY(true, LENGTH, "1", TYPE, ""), 415);
    assert_int_equal(CHECK_BODY(true, LENGTH, "1", TYPE, "text/plain"), 415);
    assert_int_equal(CHECK_BODY(true, LENGTH, "1", TYPE, JSON "p"), 415);
    assert_int_equal(CHECK_BODY(true, LENGTH, "1", TYPE, JSON "; charset=utf-8"), 0);
    assert_int_equal(CHECK_BODY(true, LENGTH, "1", TYPE, "Application/JSON ;a=b"), 0);
    assert_int_equal(CHECK_BODY(true, LENGTH, "0"), 0); /* is refused by who reads it */
}

static void ambiguous_ends_are_refused(void **state)
{
    (void)state;
    assert_int_equal(CHECK("Host", "a", "Content-Length", "0", "Transfer-Encoding", "chunked"),
                     400);
    assert_int_equal(CHECK("Host", "a", "Transfer-Encoding", "x", "Content-Length", "5"), 400);
    assert_int_equal(CHECK("Host", "a", "Content-Length", "0", "Content-Length", "0"), 400);
    assert_int_equal(CHECK("Host", "a", "Content-Length ", "5"), 400);
    assert_int_equal(CHECK("Host", "a", "Transfer-Encoding\t", "chunked"), 400);
    assert_int_equal(CHECK("Host", "a", " X", "5"), 400);
    assert_int_equal(CHECK("Host", "a", "", "5"), 400);
}

static void sizes_hold_their_bound(void **state)
{
    const char *const host[] = {"Host", "a", NULL};

    (void)state;
    assert_int_equal(check(host, MWD_HTTP_HEADER_BYTES - 1, true), 0);
    assert_int_equal(check(host, MWD_HTTP_HEADER_BYTES, true), 0);
    assert_int_equal(check(host, MWD_HTTP_HEADER_BYTES + 1, true), 431);
}

/* Many small fields take more of libmicrohttpd's memory than their text. */
static void many_fields_are_too_large(void **state)
{
    struct mwd_http_head head = {0};
    struct mwd_http_problem problem;

    (void)state;
    mwd_http_head_add(&head, "Host", "a");
    for (int i = 0; i < 280; i++)
        mwd_http_head_add(&head, "x", "");
    assert_int_equal(mwd_http_head_check(&head, 281 * 4, true, &problem), -EPROTO);
    assert_int_equal(problem.status, 431);
}

static void fields_are_found_by_name(void **state)
{
    struct mwd_http_head head = {0};

    (void)state;
    mwd_http_head_add(&head, "accept-encoding", "gzip");
    mwd_http_head_add(&head, "If-None-Match", "*");
    mwd_http_head_add(&head, "AUTHORIZATION", "Bearer x");
    mwd_http_head_add(&head, "Origin", NULL);
    mwd_http_head_add(&head, "If-None-Match", "\"later\"");
    assert_string_equal(head.accept_encoding, "gzip");
    assert_string_equal(head.if_none_match, "*");
    assert_string_equal(head.authorization, "Bearer x");
    assert_string_equal(head.origin, "");
    assert_null(head.host);
    assert_int_equal(head.fields, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_requests_pass),
        cmocka_unit_test(host_comes_once),
        cmocka_unit_test(bodies_are_refused_where_none_is_taken),
        cmocka_unit_test(bodies_come_with_their_length),
        cmocka_unit_test(bodies_say_that_they_are_json),
        cmocka_unit_test(ambiguous_ends_are_refused),
        cmocka_unit_test(sizes_hold_their_bound),
        cmocka_unit_test(many_fields_are_too_large),
        cmocka_unit_test(fields_are_found_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
