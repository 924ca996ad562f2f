/* Errors come in the order of the file, one line each, and at most MWD_CONFIG_ERRORS_MAX of them.
 */
#include "config_bench.h"

#include <stdbool.h>

enum { MOST = MWD_CONFIG_ERRORS_MAX };

static unsigned lines_in(const char *text)
{
    unsigned count = 0;

    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static void write_errors(char *at, unsigned count)
{
    *at = '\0';
    while (count--)
        at += sprintf(at, "wrong = 1\n");
}

static const char *load_errors(struct bench *bench, unsigned count)
{
    char text[(MOST + 64) * 16];

    write_errors(text, count);
    return bench_load_text(bench, text);
}

/* "m.conf:LINE: wrong: no such key\nand MORE more\n" stands at the end. */
static bool ends_with(const struct bench *bench, unsigned line, unsigned more)
{
    char end[80];

    snprintf(end, sizeof end, "m.conf:%u: wrong: no such key\nand %u more\n", line, more);
    return strstr(bench->said, end) != NULL;
}

static void all_are_listed_up_to_a_bound_and_the_rest_counted(void **state)
{
    struct bench *bench = *state;

    load_errors(bench, MOST - 1);
    assert_int_equal(lines_in(bench->said), MOST - 1);
    load_errors(bench, MOST);
    assert_int_equal(lines_in(bench->said), MOST);
    assert_null(strstr(bench->said, "more"));
    load_errors(bench, MOST + 1);
    assert_int_equal(bench->result, MOST + 1);
    assert_int_equal(lines_in(bench->said), MOST + 1);
    assert_true(ends_with(bench, MOST, 1));
    load_errors(bench, MOST + 40);
    assert_int_equal(bench->result, MOST + 40);
    assert_true(ends_with(bench, MOST, 40));
}

/* They are found in three passes. */
static void order_is_that_of_the_lines(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "interval = 5\nhosts = {{}}\nwrong = 1\n"
                                               "state-dir = \"\\n\"\nkeep-fds = x\n"),
                        "m.conf:1: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n"
                        "m.conf:2: unexpected token '{'\n"
                        "m.conf:3: wrong: no such key\n"
                        "m.conf:4: state-dir: a backslash stands only before \", \\ or $; got "
                        "\"\\n\"\n"
                        "m.conf:5: keep-fds: takes a whole number from 0 to 1000000; got \"x\"\n");
}

/* Found late, but early in the file: it takes the place of the last one. */
static void the_first_lines_are_the_ones_listed(void **state)
{
    struct bench *bench = *state;
    char text[(MOST + 64) * 16];

    write_errors(text + sprintf(text, "interval = 5\n"), MOST + 5);
    bench_load_text(bench, text);
    assert_int_equal(strncmp(bench->said, "m.conf:1: interval: ", 20), 0);
    assert_true(ends_with(bench, MOST, 6));
}

static void files_come_in_their_order(void **state)
{
    struct bench *bench = *state;

    bench_write(bench, "memwatchd.d/b.conf", "b = 1\n");
    bench_write(bench, "memwatchd.d/a.conf", "\n\na = 1\n");
    assert_string_equal(bench_load_text(bench, "\n\n\n\nm = 1\n"),
                        "m.conf:5: m: no such key\n"
                        "memwatchd.d/a.conf:3: a: no such key\n"
                        "memwatchd.d/b.conf:1: b: no such key\n");
}

static void long_names_are_cut(void **state)
{
    struct bench *bench = *state;
    char text[1001];

    memset(text, 'k', 1000);
    text[1000] = '\0';
    bench_load_text(bench, text);
    assert_int_equal(bench->result, 1);
    assert_true(strlen(bench->said) < 200);
}

static const char *located(const struct bench *bench, const char *message)
{
    static char text[200];
    struct mwd_buffer error;

    mwd_buffer_init(&error, sizeof text);
    mwd_buffer_puts(&error, message);
    mwd_config_locate(bench->config, &error);
    const char *shown =
        strncmp(error.bytes ? error.bytes : "", bench->folder, strlen(bench->folder)) == 0
            ? error.bytes + strlen(bench->folder) + 1
            : error.bytes;
    snprintf(text, sizeof text, "%.*s",
             error.size ? (int)(error.size - (size_t)(shown - error.bytes)) : 0,
             error.size ? shown : "");
    mwd_buffer_deinit(&error);
    return text;
}

/* What another part finds wrong with a value has a place too. */
static void errors_of_others_get_their_place(void **state)
{
    struct bench *bench = *state;
    const struct mwd_setting flag = {"socket", "/a", "--socket"};

    bench->settings = &flag;
    bench->setting_count = 1;
    assert_string_equal(bench_load_text(bench, "\ntoken-file = \"/t\"\n"), "");
    assert_string_equal(located(bench, "token-file: /t: no"), "m.conf:2: token-file: /t: no");
    assert_string_equal(located(bench, "socket: /a: no"), "--socket: /a: no");
    assert_string_equal(located(bench, "hosts: no"), "hosts: no");
    assert_string_equal(located(bench, "token-files: no"), "token-files: no");
    assert_string_equal(located(bench, ""), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_are_listed_up_to_a_bound_and_the_rest_counted),
        TEST(order_is_that_of_the_lines),
        TEST(the_first_lines_are_the_ones_listed),
        TEST(files_come_in_their_order),
        TEST(long_names_are_cut),
        TEST(errors_of_others_get_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
