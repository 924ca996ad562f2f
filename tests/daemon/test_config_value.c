/* Bounds hold exactly, for numbers, lengths and counts, and a wrong value changes nothing. */
#include "config_bench.h"

static bool takes(struct bench *bench, const char *key, const char *value)
{
    return bench_load_key(bench, key, value)[0] == '\0';
}

static void numbers_hold_their_bounds(void **state)
{
    static const struct {
        const char *key, *under, *least, *most, *over;
    } rows[] = {
        {"interval", "99ms", "100ms", "1h", "3600001ms"},
        {"interval", "99999999ns", "100000000ns", "60m", "3601s"},
        {"keep-fds", "-1", "0", "1000000", "1000001"},
        {"max-connections", "31", "32", "4096", "4097"},
        {"max-streams", "-0", "0", "1024", "1025"},
        {"max-body-bytes", "1048575", "1MB", "1GB", "1073741825"},
        {"request-timeout", "99ms", "100ms", "1h", "3600001ms"},
        {"heap.limit", "8388607", "8MB", "1GB", "1073741825"},
        {"heap.semi-space", "128KB", "256KB", "16MB", "32MB"},
        {"response-timeout", "99ms", "100ms", "1h", "3600001ms"},
    };
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(takes(bench, rows[i].key, rows[i].under));
        assert_true(takes(bench, rows[i].key, rows[i].least));
        assert_true(takes(bench, rows[i].key, rows[i].most));
        assert_false(takes(bench, rows[i].key, rows[i].over));
    }
}

static void numbers_need_their_unit_and_nothing_else(void **state)
{
    struct bench *bench = *state;

    assert_false(takes(bench, "interval", "5"));
    assert_false(takes(bench, "interval", "5MB"));
    assert_false(takes(bench, "interval", "\"\""));
    assert_false(takes(bench, "keep-fds", "5s"));
    assert_false(takes(bench, "keep-fds", "0x10"));
    assert_false(takes(bench, "keep-fds", "18446744073709551617"));
    assert_false(takes(bench, "max-body-bytes", "18446744073709551617"));
    assert_false(takes(bench, "max-body-bytes", "5s"));
    assert_true(takes(bench, "max-body-bytes", "2097152"));
    assert_int_equal(bench->config->max_body_bytes, 2 << 20);
    assert_true(takes(bench, "request-timeout", "\"1500 ms\""));
    assert_int_equal(bench->config->request_timeout_ns, 1500000000);
}

static void semi_space_is_a_power_of_two(void **state)
{
    struct bench *bench = *state;

    assert_true(takes(bench, "heap.semi-space", "1048576"));
    assert_int_equal(bench->config->heap_semi_space, 1 << 20);
    assert_false(takes(bench, "heap.semi-space", "1048577"));
    assert_string_equal(bench->said,
                        "m.conf:1: heap.semi-space: takes a power of two from 256KB to "
                        "16MB, as 512KB; got \"1048577\"\n");
    assert_false(takes(bench, "heap.semi-space", "768KB"));
}

static void booleans_are_true_or_false(void **state)
{
    struct bench *bench = *state;

    assert_true(takes(bench, "insecure", "true"));
    assert_true(bench->config->insecure);
    assert_true(takes(bench, "insecure", "\"false\""));
    assert_false(bench->config->insecure);
    assert_false(takes(bench, "insecure", "yes"));
    assert_false(takes(bench, "insecure", "True"));
    assert_false(takes(bench, "insecure", "1"));
}

static char *path_of(char text[8192], size_t size)
{
    memset(text, 'p', size + 2);
    text[0] = text[size + 1] = '"';
    text[1] = '/';
    text[size + 2] = '\0';
    return text;
}

static void texts_hold_their_lengths(void **state)
{
    static const struct {
        const char *key;
        size_t most;
    } rows[] = {{"socket", 107}, {"state-dir", 4095}, {"token-file", 4095}};
    struct bench *bench = *state;
    char text[8192];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(takes(bench, rows[i].key, path_of(text, rows[i].most - 1)));
        assert_true(takes(bench, rows[i].key, path_of(text, rows[i].most)));
        assert_false(takes(bench, rows[i].key, path_of(text, rows[i].most + 1)));
    }
    assert_true(takes(bench, "socket", "\"\""));
    assert_true(takes(bench, "token-file", "\"\""));
    assert_false(takes(bench, "state-dir", "\"\""));
    assert_false(takes(bench, "proc-root", "\"\""));
}

static void long_value_is_cut_in_its_message(void **state)
{
    struct bench *bench = *state;
    char text[8192];

    assert_false(takes(bench, "keep-fds", path_of(text, 1000)));
    assert_true(strlen(bench->said) < 200);
    assert_non_null(strstr(bench->said, "ppp...\"\n"));
}

static void list_of(char text[8192], unsigned count)
{
    char *at = text + sprintf(text, "{");

    for (unsigned i = 0; i < count; i++)
        at += sprintf(at, "%sh%u", i ? ", " : "", i);
    memcpy(at, "}", 2);
}

static void lists_hold_sixteen(void **state)
{
    struct bench *bench = *state;
    char text[8192];

    list_of(text, 15);
    assert_true(takes(bench, "hosts", text));
    list_of(text, 16);
    assert_true(takes(bench, "hosts", text));
    assert_int_equal(bench->config->hosts.count, 16);
    assert_string_equal(bench->config->hosts.items[15], "h15");
    list_of(text, 17);
    assert_false(takes(bench, "hosts", text));
    assert_string_equal(bench->said, "m.conf:1: hosts: takes at most 16 elements; got 17\n");
    list_of(text, 1000);
    assert_false(takes(bench, "hosts", text));
    assert_string_equal(bench->said, "m.conf:1: hosts: takes at most 16 elements; got 1000\n");
}

static void log_level_is_one_of_four(void **state)
{
    static const char *const good[] = {"error", "warning", "info", "debug"};
    struct bench *bench = *state;

    for (size_t i = 0; i < 4; i++) {
        assert_true(takes(bench, "log-level", good[i]));
        assert_string_equal(bench->config->log_level, good[i]);
    }
    assert_false(takes(bench, "log-level", "INFO"));
    assert_false(takes(bench, "log-level", "\"\""));
    assert_false(takes(bench, "log-level", "warn"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_hold_their_bounds),    TEST(numbers_need_their_unit_and_nothing_else),
        TEST(booleans_are_true_or_false),   TEST(texts_hold_their_lengths),
        TEST(semi_space_is_a_power_of_two), TEST(long_value_is_cut_in_its_message),
        TEST(lists_hold_sixteen),           TEST(log_level_is_one_of_four),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
