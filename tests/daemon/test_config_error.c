/* Errors come in the order of the file, one line each. */
#include "config_bench.h"

#include "daemon/config_internal.h"

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
    static char text[2048 * 16];

    write_errors(text, count);
    return bench_load_text(bench, text);
}

static void all_are_listed_and_what_only_harm_brings_is_counted(void **state)
{
    struct bench *bench = *state;

    load_errors(bench, 21);
    assert_int_equal(lines_in(bench->said), 21);
    assert_null(strstr(bench->said, "more"));
    load_errors(bench, MWD_CONFIG_ERRORS_MAX);
    assert_int_equal(lines_in(bench->said), MWD_CONFIG_ERRORS_MAX);
    assert_null(strstr(bench->said, "more"));
    load_errors(bench, MWD_CONFIG_ERRORS_MAX + 1);
    assert_int_equal(bench->result, MWD_CONFIG_ERRORS_MAX + 1);
    assert_non_null(strstr(bench->said, "m.conf:1000: wrong: no such key\nand 1 more\n"));
    load_errors(bench, MWD_CONFIG_ERRORS_MAX + 40);
    assert_int_equal(bench->result, MWD_CONFIG_ERRORS_MAX + 40);
    assert_non_null(strstr(bench->said, "m.conf:1000: wrong: no such key\nand 40 more\n"));
}

/* No line is cut, and none goes without being counted. */
static void a_small_buffer_takes_whole_lines(void **state)
{
    struct mwd_config_errors errors = {.count = 0};
    const struct mwd_config_place place = {"m.conf", 1, NULL};
    struct mwd_buffer out;

    (void)state;
    for (int i = 0; i < 40; i++)
        mwd_buffer_puts(mwd_config_errors_add(&errors, &place), "wrong");
    mwd_buffer_init(&out, 100);
    mwd_config_errors_write(&errors, &out);
    mwd_buffer_append(&out, "", 1);
    assert_false(out.failed);
    assert_string_equal(out.bytes, "m.conf:1: wrong\nm.conf:1: wrong\nm.conf:1: wrong\n"
                                   "m.conf:1: wrong\nand 36 more\n");
    mwd_buffer_deinit(&out);
    mwd_config_errors_deinit(&errors);
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
static void first_lines_are_the_ones_listed(void **state)
{
    struct bench *bench = *state;
    static char text[2048 * 16];

    write_errors(text + sprintf(text, "interval = 5\n"), MWD_CONFIG_ERRORS_MAX + 5);
    bench_load_text(bench, text);
    assert_int_equal(strncmp(bench->said, "m.conf:1: interval: ", 20), 0);
    assert_non_null(strstr(bench->said, "m.conf:1000: wrong: no such key\nand 6 more\n"));
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
    assert_string_equal(located(bench, "socket: a\nhosts: no\nsocket: b"),
                        "--socket: a\nhosts: no\n--socket: b");
    assert_string_equal(located(bench, "hosts: no"), "hosts: no");
    assert_string_equal(located(bench, "token-files: no"), "token-files: no");
    assert_string_equal(located(bench, ""), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_are_listed_and_what_only_harm_brings_is_counted),
        TEST(a_small_buffer_takes_whole_lines),
        TEST(order_is_that_of_the_lines),
        TEST(first_lines_are_the_ones_listed),
        TEST(files_come_in_their_order),
        TEST(long_names_are_cut),
        TEST(errors_of_others_get_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
