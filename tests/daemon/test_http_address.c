/* Addresses are read as written or refused, and told as people write them. */
#include "daemon/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_reads(const char *text, const char *host, const char *back)
{
    struct addrinfo *found = NULL;
    union mwd_http_sockaddr address = {0};
    char got_host[INET6_ADDRSTRLEN], got[MWD_HTTP_HOST_BYTES];

    assert_int_equal(mwd_http_address_parse(text, &found), 0);
    memcpy(&address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    mwd_http_address_text(&address, got_host, got);
    assert_string_equal(got_host, host);
    assert_string_equal(got, back);
}

static void addresses_are_read(void **state)
{
    (void)state;
    assert_reads("127.0.0.1:9636", "127.0.0.1", "127.0.0.1:9636");
    assert_reads("0.0.0.0:0", "0.0.0.0", "0.0.0.0:0");
    assert_reads("[::1]:65535", "::1", "[::1]:65535");
    assert_reads("[::]:1", "::", "[::]:1");
    assert_reads("[2001:DB8:0::1]:80", "2001:db8::1", "[2001:db8::1]:80");
    assert_reads("[::ffff:192.0.2.1]:80", "192.0.2.1", "192.0.2.1:80");
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const no[] = {
        "",
        "9636",
        ":9636",
        "127.0.0.1",
        "127.0.0.1:",
        "::1:9636",
        "[::1]",
        "[::1:9636",
        "[]:9636",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:http",
        "localhost:80",
        "[localhost]:80",
        "1.2.3.4.5:80",
        "127.0.0.1:80 ",
        "*:80",
        "127.1:80",
        "[127.0.0.1]:80",
        "[*]:80",
        "[",
        "]:80",
        "[:80",
        "::1]:80",
    };
    struct addrinfo *address;

    (void)state;
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_int_equal(mwd_http_address_parse(no[i], &address), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(what_is_no_address_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
