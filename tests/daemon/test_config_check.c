/* Addresses, hosts and paths look as they must, and keys fit together. */
#include "config_bench.h"

#include <unistd.h>

static bool takes(struct bench *bench, const char *key, const char *value)
{
    char text[512];

    snprintf(text, sizeof text, "insecure = true\n%s = '%s'\n", key, value);
    return bench_load_text(bench, text)[0] == '\0';
}

static void addresses_are_numbers_with_a_port(void **state)
{
    static const char *const good[] = {"127.0.0.1:0", "127.0.0.1:1",   "0.0.0.0:65535",
                                       "[::]:80",     "[fe80::1]:080", "[::ffff:10.0.0.1]:9636"};
    static const char *const bad[] = {"127.0.0.1:65536",
                                      "127.0.0.1:99999",
                                      "127.0.0.1:000001",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:",
                                      "127.0.0.1",
                                      ":9636",
                                      "9636",
                                      "localhost:1",
                                      "::1:9636",
                                      "[::1]",
                                      "[::1]9636",
                                      "[::1:9636",
                                      "::1]:9636",
                                      "[127.0.0.1]:1",
                                      "[]:1",
                                      "[fe80::1%lo]:1",
                                      "127.1:1",
                                      "1.2.3.4.5:1",
                                      "256.0.0.1:1",
                                      "127.0.0.1:1 ",
                                      " 127.0.0.1:1",
                                      "127.0.0.1:0x1",
                                      "",
                                      "127.0.0.1:+1",
                                      "http://[::1]:1"};
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(takes(bench, "listen", good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(takes(bench, "listen", bad[i]));
}

static void hosts_are_names_without_a_port(void **state)
{
    static const char *const good[] = {"a", "monitor.example.org", "10.0.0.1", "[fd00::5]",
                                       "x_y-z"};
    static const char *const bad[] = {"",     "a b",       "a:80",     "[fd00::5]:80", "a/b",
                                      "[x]",  "http://a",  "*.a",      "fd00::5",      "a,b",
                                      "[::1", "a\xc3\xa9", "[1.2.3.4]"};
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(takes(bench, "hosts", good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(takes(bench, "hosts", bad[i]));
}

static void paths_are_absolute(void **state)
{
    static const char *const keys[] = {"socket", "token-file", "state-dir"};
    struct bench *bench = *state;

    for (size_t i = 0; i < 3; i++) {
        assert_true(takes(bench, keys[i], "/a/b"));
        assert_false(takes(bench, keys[i], "a/b"));
        assert_false(takes(bench, keys[i], "./a"));
        assert_false(takes(bench, keys[i], "~/a"));
        assert_false(takes(bench, keys[i], "@a"));
    }
}

/* Whether the group exists is found out at start, and is a warning. */
static void group_may_be_unknown(void **state)
{
    struct bench *bench = *state;

    assert_true(takes(bench, "socket-group", "no-such-group-here"));
    assert_true(takes(bench, "socket-group", ""));
    assert_false(takes(bench, "socket-group", "two words"));
    assert_false(takes(bench, "socket-group", "a:b"));
}

static void something_must_be_reachable(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "listen = {}\nsocket = \"\"\n"),
                        "m.conf:2: socket: is empty, and listen is too: nothing could be asked\n");
    assert_string_equal(bench_load_text(bench, "listen = {}\n"), "");
    assert_string_equal(bench_load_text(bench, "socket = \"\"\n"), "");
}

#define EXPOSED " can be reached from other machines: that takes a token-file, or insecure = true\n"

static void reachable_address_needs_a_token(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(
        bench_load_text(bench, "\nlisten = {\"127.0.0.1:1\", \"0.0.0.0:2\", \"[::1]:3\", "
                               "\"10.0.0.1:4\"}\n"),
        "m.conf:2: listen: \"0.0.0.0:2\"" EXPOSED "m.conf:2: listen: \"10.0.0.1:4\"" EXPOSED);
    assert_string_equal(bench_load_text(bench, "listen = {\"[::]:1\"}\ntoken-file = \"/t\""), "");
    assert_string_equal(bench_load_text(bench, "listen = {\"[::]:1\"}\ninsecure = true"), "");
    assert_string_equal(bench_load_text(bench, "listen = {\"[fe80::1]:1\", \"[::ffff:10.0.0.1]:1\","
                                               "\"126.255.255.255:1\", \"128.0.0.0:1\"}"),
                        "m.conf:1: listen: \"[fe80::1]:1\"" EXPOSED
                        "m.conf:1: listen: \"[::ffff:10.0.0.1]:1\"" EXPOSED
                        "m.conf:1: listen: \"126.255.255.255:1\"" EXPOSED
                        "m.conf:1: listen: \"128.0.0.0:1\"" EXPOSED);
    assert_string_equal(bench_load_text(bench, "listen = {\"127.255.255.255:1\", "
                                               "\"[::ffff:127.0.0.1]:1\", \"127.0.0.0:1\"}"),
                        "");
}

/* The flag is to blame, and is named. */
static void check_names_where_the_value_is_from(void **state)
{
    struct bench *bench = *state;
    struct mwd_setting settings[] = {{"listen", "0.0.0.0:1", "--listen"}};
    char *environment[] = {"MEMWATCHD_PROC_ROOT=/nowhere", NULL};

    bench->settings = settings;
    bench->setting_count = 1;
    bench->environment = environment;
    assert_string_equal(bench_load_text(bench, ""),
                        "--listen: \"0.0.0.0:1\"" EXPOSED
                        "MEMWATCHD_PROC_ROOT: takes the path of a directory; \"/nowhere\": No such "
                        "file or directory\n");
}

static void same_address_twice_is_refused(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "listen = {\"[::1]:1\", \"127.0.0.1:1\", "
                                               "\"[::1]:1\"}"),
                        "m.conf:1: listen: \"[::1]:1\" stands in it twice\n");
    assert_string_equal(bench_load_text(bench, "listen = {\"[::1]:0\", \"[::1]:0\"}"), "");
}

static void proc_root_is_a_directory(void **state)
{
    struct bench *bench = *state;
    char text[128], said[256];

    snprintf(text, sizeof text, "proc-root = \"%s\"", bench->folder);
    assert_string_equal(bench_load_text(bench, text), "");
    bench_write(bench, "file", "");
    snprintf(text, sizeof text, "proc-root = \"%s/file\"", bench->folder);
    snprintf(said, sizeof said,
             "m.conf:1: proc-root: takes the path of a directory; \"file\": Not a directory\n");
    assert_string_equal(bench_load_text(bench, text), said);
}

/* A key with an error of its own is not blamed a second time. */
static void bad_key_is_left_out_of_the_checks(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "listen = {\"0.0.0.0:1\"}\ntoken-file = x\n"),
                        "m.conf:2: token-file: takes an absolute path, or \"\" for none; got "
                        "\"x\"\n");
    assert_string_equal(bench_load_text(bench, "listen = {}\nsocket = \"\"\nsocket = \"\"\n"),
                        "m.conf:3: socket: was given in line 2 already\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(addresses_are_numbers_with_a_port),
        TEST(hosts_are_names_without_a_port),
        TEST(paths_are_absolute),
        TEST(group_may_be_unknown),
        TEST(something_must_be_reachable),
        TEST(reachable_address_needs_a_token),
        TEST(check_names_where_the_value_is_from),
        TEST(same_address_twice_is_refused),
        TEST(proc_root_is_a_directory),
        TEST(bad_key_is_left_out_of_the_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
