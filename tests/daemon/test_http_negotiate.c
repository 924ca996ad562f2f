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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_goes_to_who_takes_it),
        cmocka_unit_test(gzip_spares_who_does_not),
        cmocka_unit_test(tags_match_weakly_and_in_lists),
        cmocka_unit_test(other_tags_do_not_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
