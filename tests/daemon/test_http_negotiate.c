/* gzip goes only to who takes it, and 304 only to who has the very body. */
#include "daemon/http_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void gzip_goes_to_who_takes_it(void **state)
{
    static const char *const yes[] = {
        "gzip",
        "GZIP",
        "x-gzip",
        "deflate, gzip",
        "gzip;q=0.5",
        "gzip;q=0.001",
        "*",
        "*;q=0.1",
        "identity, *",
        " gzip ",
        "gzip ; q=1",
        "br,gzip;q=1.0",
        "gzip, *;q=0",
        "gzip;level=1;q=1",
        "identity;q=0, gzip",
    };

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(mwd_http_accepts_gzip(yes[i]));
}

static void gzip_spares_who_does_not(void **state)
{
    static const char *const no[] = {
        "",          "identity",  "deflate, br", "gzip;q=0",     "gzip;q=0.000", "gzip;q=0.",
        "gzip; q=0", "gzip ;Q=0", "*;q=0",       "gzip;q=0, *",  "*, gzip;q=0",  "gzipped",
        "xgzip",     ",",         ";q=1",        "gzip;a=b;q=0", "zip",
    };

    (void)state;
    assert_false(mwd_http_accepts_gzip(NULL));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(mwd_http_accepts_gzip(no[i]));
}

static const char tag[] = "\"b-1-2-gzip\"";

static void tags_match_weakly_and_in_lists(void **state)
{
    static const char *const yes[] = {
        "\"b-1-2-gzip\"",
        "W/\"b-1-2-gzip\"",
        "*",
        " * ",
        "\"x\", \"b-1-2-gzip\"",
        "\"x\",W/\"b-1-2-gzip\"",
        "\"b-1-2-gzip\", \"x\"",
        "\"a,b\" , \"b-1-2-gzip\"",
        " \"b-1-2-gzip\" ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(mwd_http_etag_matches(yes[i], tag));
}

static void other_tags_do_not_match(void **state)
{
    static const char *const no[] = {
        "",         "\"b-1-2-plain\"",      "b-1-2-gzip",       "\"b-1-2-gzip",
        "\"\"",     "\"B-1-2-GZIP\"",       "w/\"b-1-2-gzip\"", "**",
        "*, \"x\"", "\"x\" \"b-1-2-gzip\"", "\"xb-1-2-gzip\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(mwd_http_etag_matches(no[i], tag));
}

/* ---- Accept: the forms of /metrics ---- */

static const struct mwd_route forms[] = {
    {.method = "GET", .path = "/a", .media_type = "text/plain; version=0.0.4; charset=utf-8"},
    {.method = "GET",
     .path = "/a",
     .media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"},
    {.method = "GET", .path = "/b", .media_type = "application/openmetrics-text"},
};

static unsigned form_for(const char *accept)
{
    struct mwd_http_route routes[3];

    mwd_http_routes_init(routes, forms, 3);
    assert_int_equal(routes[0].forms, 1);
    assert_int_equal(routes[2].forms, 0);
    assert_ptr_equal(mwd_http_route_form(&routes[2], accept), &routes[2]);
    return (unsigned)(mwd_http_route_form(&routes[0], accept) - routes);
}

static void who_wants_openmetrics_gets_it(void **state)
{
    static const char *const wanted[] = {
        /* Prometheus 2.42, and 3 */
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "application/openmetrics-text",
        "Application/OpenMetrics-Text; Version=1.0.0",
        "application/openmetrics-text, text/plain",
        "text/plain;q=0.5, application/openmetrics-text;q=0.501",
        "text/plain;q=0, application/openmetrics-text;q=0.001",
        "text/plain;q=0, */*;q=0.001",
        "*/*, application/openmetrics-text",
        "application/*",
        ",, application/openmetrics-text ,",
        "nonsense;;;q, application/openmetrics-text;q=1.000",
        "text/plain;version=0.0.3, application/openmetrics-text;q=0.1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (form_for(wanted[i]) != 1)
            fail_msg("%s", wanted[i]);
}

/* Nonsense, and what there is not, is answered with the text that everybody reads. */
static void all_others_get_the_text(void **state)
{
    static const char *const others[] = {
        "",
        "*/*",
        "*",
        "text/*",
        "text/plain",
        "text/plain, application/openmetrics-text",
        "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=1.0.00",
        "application/openmetrics-text;version=2.0.0,*/*;q=0.1",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.0, text/plain;q=0",
        "application/openmetrics-text;q=1.001",
        "application/openmetrics-text;q=2",
        "application/openmetrics-text;q=",
        "application/openmetrics-text;q=0.5x",
        "application/openmetrics-text;q=0.5000",
        "application/openmetrics-text;q=-1",
        "application/openmetrics-textual",
        "application/openmetrics-tex",
        "application/",
        "/",
        ";q=1",
        ",",
        ";",
        ";;;;,,,,;q=;;q",
        "\xff\xfe/\x01;q=\x80",
        "application/json",
    };

    (void)state;
    assert_int_equal(form_for(NULL), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (form_for(others[i]) != 0)
            fail_msg("%s", others[i]);
}

static void the_most_specific_range_counts(void **state)
{
    static const char text[] = "text/plain; version=0.0.4; charset=utf-8";
    static const char list[] = "*/*;q=0.9, text/*;q=0.25, text/plain;q=0.125";
    struct mwd_http_wish wish = mwd_http_accept_wish(list, text);

    (void)state;
    assert_int_equal(wish.quality, 125);
    assert_int_equal(wish.specificity, 3);
    assert_int_equal(wish.place, 2);
    assert_int_equal(mwd_http_accept_wish("text/*;q=0.25, */*", text).quality, 250);
    assert_int_equal(mwd_http_accept_wish("*/*;q=0.9", text).quality, 900);
    assert_int_equal(mwd_http_accept_wish("text/html", text).specificity, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_goes_to_who_takes_it),
        cmocka_unit_test(gzip_spares_who_does_not),
        cmocka_unit_test(tags_match_weakly_and_in_lists),
        cmocka_unit_test(other_tags_do_not_match),
        cmocka_unit_test(who_wants_openmetrics_gets_it),
        cmocka_unit_test(all_others_get_the_text),
        cmocka_unit_test(the_most_specific_range_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
