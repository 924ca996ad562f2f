/* A path finds its one route, whatever its coding; a wrong method says which are right. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct mwd_route rows[] = {
    {.method = "GET", .path = "/memory"},
    {.method = "GET", .path = "/processes", NULL},
    {.method = "GET", .path = "/processes/{pid}"},
    {.method = "GET", .path = "/processes/self", NULL},
    {.method = "POST", .path = "/reload"},
    {.method = "GET", .path = "/both", NULL},
    {.method = "POST", .path = "/both", NULL},
    {.method = "GET", .path = "/forms", .media_type = "text/plain"},
    {.method = "GET", .path = "/forms", .media_type = "text/html"},
};

enum { COUNT = sizeof rows / sizeof rows[0] };

struct found {
    struct mwd_http_route *route;
    struct mwd_http_path path;
    struct mwd_http_problem problem;
    char allow[MWD_HTTP_ALLOW_BYTES];
    char scratch[256];
};

static struct mwd_http_route routes[COUNT];

static int find(struct found *self, const char *method, const char *raw)
{
    int r = mwd_http_path_parse(raw, self->scratch, &self->path, &self->problem);

    mwd_http_routes_init(routes, rows, COUNT);
    if (r == 0)
        r = mwd_http_route_find(routes, COUNT, &self->path, method, self->allow, &self->route,
                                &self->problem);
    return r;
}

static void assert_finds(const char *raw, const char *path, const char *tail)
{
    struct found found;

    assert_int_equal(find(&found, "GET", raw), 0);
    assert_string_equal(found.route->row->path, path);
    if (tail)
        assert_string_equal(found.path.tail, tail);
}

static void assert_refuses(const char *method, const char *raw, unsigned status, const char *allow)
{
    struct found found;

    assert_int_equal(find(&found, method, raw), -EPROTO);
    assert_int_equal(found.problem.status, status);
    if (allow)
        assert_string_equal(found.problem.allow, allow);
    else
        assert_null(found.problem.allow);
}

static void paths_find_their_route(void **state)
{
    (void)state;
    assert_finds("/memory", "/memory", NULL);
    assert_finds("/processes", "/processes", NULL);
    assert_finds("/processes/17", "/processes/{pid}", "17");
    assert_finds("/%6demory", "/memory", NULL);
    assert_finds("/processes/self", "/processes/self", NULL); /* in full goes before braces */
}

/* A name with a slash in it is one segment as long as the slash is encoded. */
static void last_segments_take_any_text(void **state)
{
    (void)state;
    assert_finds("/processes/a%2Fb%20c", "/processes/{pid}", "a/b c");
    assert_finds("/processes/%c3%bc", "/processes/{pid}", "\xc3\xbc");
    assert_finds("/processes/+", "/processes/{pid}", "+");
    assert_refuses("GET", "/processes/a/b", 404, NULL);
    assert_refuses("GET", "/processes/", 404, NULL);
    assert_refuses("GET", "/processes//", 404, NULL);
}

static void other_paths_are_not_found(void **state)
{
    static const char *const paths[] = {
        "",        "/", "memory",     "/memory/",  "/memor",     "/memoryy",  "//memory",
        "/Memory", "*", "/../memory", "/./memory", "/memory%20", "/%2Fmemory"};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_refuses("GET", paths[i], 404, NULL);
}

static void bad_coding_is_refused(void **state)
{
    static const char *const paths[] = {"/processes/%00", "/mem%00ory", "/processes/%f",
                                        "/processes/%ff", "/%/x",       "/processes/\xff"};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_refuses("GET", paths[i], 400, NULL);
}

static void wrong_methods_learn_the_right_ones(void **state)
{
    struct found found;

    (void)state;
    assert_int_equal(find(&found, "HEAD", "/memory"), 0);
    assert_int_equal(find(&found, "POST", "/both"), 0);
    assert_string_equal(found.route->row->method, "POST");
    assert_int_equal(find(&found, "GET", "/both"), 0);
    assert_string_equal(found.route->row->method, "GET");
    assert_refuses("POST", "/memory", 405, "GET, HEAD");
    assert_refuses("POST", "/forms", 405, "GET, HEAD"); /* once, in however many forms */
    assert_int_equal(find(&found, "GET", "/forms"), 0);
    assert_string_equal(found.route->row->media_type, "text/plain");
    assert_refuses("OPTIONS", "/memory", 405, "GET, HEAD");
    assert_refuses("get", "/memory", 405, "GET, HEAD");
    assert_refuses("GET", "/reload", 405, "POST");
    assert_refuses("HEAD", "/reload", 405, "POST");
    assert_refuses("PUT", "/both", 405, "GET, HEAD, POST");
    assert_refuses("DELETE", "/processes/17", 405, "GET, HEAD");
}

static void absolute_forms_name_a_host(void **state)
{
    char authority[MWD_HTTP_HOST_BYTES];

    (void)state;
    assert_string_equal(mwd_http_path_of("/a", authority), "/a");
    assert_string_equal(authority, "");
    assert_string_equal(mwd_http_path_of("http://h:1/a/b", authority), "/a/b");
    assert_string_equal(authority, "h:1");
    assert_string_equal(mwd_http_path_of("HTTP://h", authority), "/");
    assert_string_equal(authority, "h");
    assert_string_equal(mwd_http_path_of("ftp://h/a", authority), "ftp://h/a");
    assert_string_equal(authority, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_route),
        cmocka_unit_test(last_segments_take_any_text),
        cmocka_unit_test(other_paths_are_not_found),
        cmocka_unit_test(bad_coding_is_refused),
        cmocka_unit_test(wrong_methods_learn_the_right_ones),
        cmocka_unit_test(absolute_forms_name_a_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
