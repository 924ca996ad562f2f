/* Only by its own names does the server answer: a page elsewhere cannot make a browser talk to it
 * under another one. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    static struct mwd_http_hosts hosts;

    hosts = (struct mwd_http_hosts){0};
    assert_int_equal(mwd_http_hosts_add(&hosts, "localhost"), 0);
    assert_int_equal(mwd_http_hosts_add(&hosts, "127.0.0.1"), 0);
    assert_int_equal(mwd_http_hosts_add(&hosts, "::1"), 0);
    assert_int_equal(mwd_http_hosts_add(&hosts, "Box.Example:9636"), 0);
    *state = &hosts;
    return 0;
}

static int tear_down(void **state)
{
    mwd_http_hosts_deinit(*state);
    return 0;
}

static void own_names_are_allowed_on_any_port(void **state)
{
    static const char *const yes[] = {
        "localhost",       "localhost:80", "LOCALHOST:1", "localhost.", "localhost.:80",
        "127.0.0.1",       "127.0.0.1:9",  "[::1]",       "[::1]:9636", "[0:0:0:0:0:0:0:1]",
        "box.example:443", "BOX.EXAMPLE",  "localhost:",
    };

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(mwd_http_hosts_allow(*state, NULL, yes[i]));
}

static void other_names_are_not(void **state)
{
    static const char *const no[] = {
        "",
        "evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.2",
        "127.1",
        "[::2]",
        "localhost:80a",
        "localhost:80:80",
        "a@localhost",
        "localhost/",
        " localhost",
        "localhost ",
        "[::1",
        "[localhost]",
        "[::1]x",
        ":80",
        ".",
        "localhost..",
        "0.0.0.0",
        "localhost,evil",
        "[::ffff:127.0.0.1]",
    };

    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(mwd_http_hosts_allow(*state, NULL, no[i]));
    assert_false(mwd_http_hosts_allow(*state, NULL, NULL));
}

static void the_address_of_arrival_counts(void **state)
{
    assert_true(mwd_http_hosts_allow(*state, "192.0.2.7", "192.0.2.7:9636"));
    assert_false(mwd_http_hosts_allow(*state, "192.0.2.7", "192.0.2.8:9636"));
    assert_true(mwd_http_hosts_allow(*state, "2001:db8::1", "[2001:DB8::1]:9636"));
    assert_false(mwd_http_hosts_allow(*state, "", ""));
}

static void origins_are_urls_of_own_names(void **state)
{
    assert_true(mwd_http_hosts_allow_origin(*state, NULL, "http://localhost:9636"));
    assert_true(mwd_http_hosts_allow_origin(*state, NULL, "https://[::1]"));
    assert_true(mwd_http_hosts_allow_origin(*state, NULL, "HTTP://127.0.0.1"));
    assert_false(mwd_http_hosts_allow_origin(*state, NULL, "null"));
    assert_false(mwd_http_hosts_allow_origin(*state, NULL, ""));
    assert_false(mwd_http_hosts_allow_origin(*state, NULL, "localhost"));
    assert_false(mwd_http_hosts_allow_origin(*state, NULL, "http://evil.example"));
    assert_false(mwd_http_hosts_allow_origin(*state, NULL, "http://evil@localhost"));
    assert_false(mwd_http_hosts_allow_origin(*state, NULL, "file://localhost"));
}

static void lengths_hold_their_bound(void **state)
{
    struct mwd_http_hosts *hosts = *state;
    char name[MWD_HTTP_HOST_BYTES + 2];
    uint32_t before = hosts->count;

    memset(name, 'a', sizeof name);
    name[MWD_HTTP_HOST_BYTES] = '\0';
    assert_int_equal(mwd_http_hosts_add(hosts, name), -EINVAL);
    assert_false(mwd_http_hosts_allow(hosts, NULL, name));
    name[MWD_HTTP_HOST_BYTES - 1] = '\0';
    assert_int_equal(mwd_http_hosts_add(hosts, name), 0);
    assert_true(mwd_http_hosts_allow(hosts, NULL, name));
    assert_int_equal(mwd_http_hosts_add(hosts, name), 0); /* once is enough */
    assert_int_equal(hosts->count, before + 1);
    assert_int_equal(mwd_http_hosts_add(hosts, ""), -EINVAL);
    assert_int_equal(mwd_http_hosts_add(hosts, "a b"), -EINVAL);
    assert_int_equal(mwd_http_hosts_add(hosts, "*"), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(own_names_are_allowed_on_any_port, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_names_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_address_of_arrival_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(origins_are_urls_of_own_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lengths_hold_their_bound, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
