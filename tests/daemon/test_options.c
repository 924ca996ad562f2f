/* The command line: what is taken comes through, what is not is refused with its name. */
#include "daemon/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 80 };

static struct mwd_options options;
static char said[1024];

/* Arguments are parted by a bar. Returns what was said: "" when all is well. */
static const char *parse(const char *line)
{
    static char copy[4096];
    char *argv[ARGUMENTS_MAX + 2] = {"memwatchd"};
    char *rest = copy;
    struct mwd_buffer error;
    int argc = 1, r;

    snprintf(copy, sizeof copy, "%s", line);
    while (*line && rest && argc <= ARGUMENTS_MAX)
        argv[argc++] = strsep(&rest, "|");
    mwd_buffer_init(&error, sizeof said - 1);
    r = mwd_options_parse(argc, argv, &error, &options);
    assert_true(r == 0 || r == -EINVAL);
    assert_int_equal(r<0, error.size> 0);
    snprintf(said, sizeof said, "%.*s", (int)error.size, error.size ? error.bytes : "");
    mwd_buffer_deinit(&error);
    return said;
}

static void no_argument_is_the_daemon_with_its_file(void **state)
{
    char *argv[] = {NULL};
    struct mwd_buffer error;

    (void)state;
    assert_string_equal(parse(""), "");
    assert_int_equal(options.mode, MWD_MODE_RUN);
    assert_string_equal(options.config_path, "/etc/memwatchd/memwatchd.conf");
    assert_true(options.config_path_is_default);
    assert_int_equal(options.setting_count, 0);
    assert_null(options.record);
    assert_null(options.replay);
    assert_true(options.speed == 1);
    mwd_buffer_init(&error, 100);
    assert_int_equal(mwd_options_parse(0, argv, &error, &options), 0);
}

static void value_stands_behind_a_blank_or_an_equal_sign(void **state)
{
    (void)state;
    assert_string_equal(parse("--config|/a|--record=b|--replay=--c|--speed|2.5"), "");
    assert_string_equal(options.config_path, "/a");
    assert_false(options.config_path_is_default);
    assert_string_equal(options.record, "b");
    assert_string_equal(options.replay, "--c");
    assert_true(options.speed == 2.5);
    assert_string_equal(parse("--config=/a=b"), "");
    assert_string_equal(options.config_path, "/a=b");
    assert_string_equal(parse("--config|/a|--config|/b"), "");
    assert_string_equal(options.config_path, "/b");
}

static void trace_gc_is_a_key_without_a_value(void **state)
{
    (void)state;
    assert_string_equal(parse("--trace-gc|--once"), "");
    assert_int_equal(options.mode, MWD_MODE_ONCE);
    assert_int_equal(options.setting_count, 1);
    assert_string_equal(options.settings[0].key, "heap.trace");
    assert_string_equal(options.settings[0].value, "true");
    assert_string_equal(options.settings[0].flag, "--trace-gc");
    assert_string_equal(parse("--trace-gc=false"),
                        "memwatchd: --trace-gc: takes no value; got \"false\"\n");
}

static void modes_are_set(void **state)
{
    (void)state;
    assert_string_equal(parse("--once"), "");
    assert_int_equal(options.mode, MWD_MODE_ONCE);
    assert_string_equal(parse("--check-config|--check-config"), "");
    assert_int_equal(options.mode, MWD_MODE_CHECK_CONFIG);
    assert_string_equal(parse("--dump-config"), "");
    assert_int_equal(options.mode, MWD_MODE_DUMP_CONFIG);
    assert_string_equal(parse("--version|--nonsense"), "");
    assert_int_equal(options.mode, MWD_MODE_VERSION);
    assert_string_equal(parse("--once|--help|--nonsense"),
                        "memwatchd: --help: does not go together "
                        "with --once\n");
    assert_string_equal(parse("--help|--once|--nonsense"), "");
    assert_int_equal(options.mode, MWD_MODE_HELP);
}

static void flags_of_keys_become_settings(void **state)
{
    (void)state;
    assert_string_equal(parse("--listen|127.0.0.1:1|--interval=5s|--listen=|--proc-root|/p"), "");
    assert_int_equal(options.setting_count, 4);
    assert_string_equal(options.settings[0].key, "listen");
    assert_string_equal(options.settings[0].value, "127.0.0.1:1");
    assert_string_equal(options.settings[0].flag, "--listen");
    assert_string_equal(options.settings[1].value, "5s");
    assert_string_equal(options.settings[2].value, "");
    assert_string_equal(options.settings[3].key, "proc-root");
}

static void wrong_arguments_are_named(void **state)
{
    static const struct {
        const char *line, *said;
    } rows[] = {
        {"--foo", "--foo: no such option; try --help"},
        {"--onc", "--onc: no such option; try --help"},
        {"--oncee", "--oncee: no such option; try --help"},
        {"-h", "-h: no such option; try --help"},
        {"--", "--: no such option; try --help"},
        {"--keep-fds|5", "--keep-fds: no such option; try --help"},
        {"--a\nb", "--a\\x0ab: no such option; try --help"},
        {"file", "file: is not a flag, and nothing else is taken; try --help"},
        {"--once|", ": is not a flag, and nothing else is taken; try --help"},
        {"--once=1", "--once: takes no value; got \"1\""},
        {"--config", "--config: needs a value"},
        {"--interval", "--interval: needs a value"},
        {"--config=", "--config: takes the name of a file; got \"\""},
        {"--config|--once",
         "--config: needs a value (one that begins with -- is joined to it by =); got \"--once\""},
        {"--interval|--once",
         "--interval: needs a value (one that begins with -- is joined to it by =); got "
         "\"--once\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char expected[256];

        snprintf(expected, sizeof expected, "memwatchd: %s\n", rows[i].said);
        assert_string_equal(parse(rows[i].line), expected);
    }
}

static void speed_has_bounds(void **state)
{
    static const char *const bad[] = {"0",   "0.09", "1000.1", "1e2", "-1", "inf",  "nan",
                                      "0x2", "2 ",   "",       "Max", "2x", "1.2.3"};

    (void)state;
    assert_string_equal(parse("--replay=a|--speed=0.1"), "");
    assert_true(options.speed == 0.1);
    assert_string_equal(parse("--replay=a|--speed=1000"), "");
    assert_true(options.speed == 1000);
    assert_string_equal(parse("--replay=a|--speed=max"), "");
    assert_true(isinf(options.speed));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[64], expected[256];

        snprintf(line, sizeof line, "--replay=a|--speed=%s", bad[i]);
        snprintf(expected, sizeof expected,
                 "memwatchd: --speed: takes a number from 0.1 to 1000, or max; got \"%s\"\n",
                 bad[i]);
        assert_string_equal(parse(line), expected);
    }
}

static void what_has_no_meaning_together_is_refused(void **state)
{
    static const struct {
        const char *line, *said;
    } rows[] = {
        {"--speed=2", "--speed: needs --replay"},
        {"--once|--dump-config", "--dump-config: does not go together with --once"},
        {"--check-config|--once", "--once: does not go together with --check-config"},
        {"--once|--record=a", "--record: does not go together with --once"},
        {"--check-config|--record=a", "--record: does not go together with --check-config"},
        {"--dump-config|--replay=a", "--replay: does not go together with --dump-config"},
        {"--once|--replay=a|--speed=2", "--speed: does not go together with --once"},
        {"--record=a|--replay=a", "--record: names the file that is replayed; got \"a\""},
        {"--record=/dev/../dev/null|--replay=/dev/null",
         "--record: names the file that is replayed; got \"/dev/../dev/null\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char expected[256];

        snprintf(expected, sizeof expected, "memwatchd: %s\n", rows[i].said);
        assert_string_equal(parse(rows[i].line), expected);
    }
    assert_string_equal(parse("--once|--replay=a"), "");
    assert_string_equal(parse("--record=a|--replay=b"), "");
}

static const char *parse_listens(int count)
{
    char line[ARGUMENTS_MAX * 16];
    char *at = line;

    for (int i = 0; i < count; i++)
        at += sprintf(at, "%s--listen=a", i ? "|" : "");
    return parse(line);
}

static void settings_have_a_limit(void **state)
{
    (void)state;
    assert_string_equal(parse_listens(MWD_SETTINGS_MAX - 1), "");
    assert_string_equal(parse_listens(MWD_SETTINGS_MAX), "");
    assert_int_equal(options.setting_count, MWD_SETTINGS_MAX);
    assert_string_equal(parse_listens(MWD_SETTINGS_MAX + 1),
                        "memwatchd: --listen: there are more than 64 of such flags\n");
}

/* ---- help ---- */

static char *help(void)
{
    struct mwd_buffer out;

    mwd_buffer_init(&out, 1 << 16);
    mwd_options_help(&out);
    mwd_buffer_append(&out, "", 1);
    assert_int_equal(out.failed, 0);
    return out.bytes;
}

static void help_names_every_flag_and_every_key(void **state)
{
    static const char *const flags[] = {"--config FILE",      "--once",         "--record FILE",
                                        "--replay FILE",      "--speed N",      "--check-config",
                                        "--dump-config",      "--version",      "--help",
                                        "--listen ADDR:PORT", "--socket PATH",  "--proc-root DIR",
                                        "--state-dir DIR",    "--interval SPAN"};
    char *text = help();
    char line[256];

    (void)state;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        snprintf(line, sizeof line, "\n  %s ", flags[i]);
        assert_non_null(strstr(text, line));
    }
    for (uint32_t i = 0; i < mwd_config_key_count; i++) {
        snprintf(line, sizeof line, "\n  %s = %s\n", mwd_config_keys[i].name,
                 mwd_config_keys[i].default_text);
        assert_non_null(strstr(text, line));
        if (mwd_config_keys[i].flag)
            assert_non_null(strstr(text, mwd_config_keys[i].flag));
    }
    free(text);
}

/* Every flag that help names is taken, so none can be left over in it. */
static void every_flag_in_help_is_taken(void **state)
{
    char *text = help();
    unsigned count = 0;

    (void)state;
    for (const char *at = text; (at = strstr(at, "\n  --")); at++) {
        char line[128];
        bool value = at[3 + strcspn(at + 3, " ")] == ' ' && at[4 + strcspn(at + 3, " ")] != ' ';

        snprintf(line, sizeof line, "%s%.*s%s",
                 strstr(at, "\n  --speed") == at ? "--replay=x|" : "", (int)strcspn(at + 3, " "),
                 at + 3, value ? "=1" : "");
        assert_string_equal(parse(line), "");
        count++;
    }
    assert_int_equal(count, 16);
    free(text);
}

/* The manual and the completion scripts are made from these rows. */
static void flags_are_given_out_one_by_one(void **state)
{
    struct mwd_flag_info flag;
    struct mwd_buffer help;
    unsigned shown = 0, count = 0;
    bool interval_takes_a_span = false;

    (void)state;
    mwd_buffer_init(&help, 1 << 16);
    mwd_options_help(&help);
    mwd_buffer_append(&help, "", 1);
    for (const char *at = help.bytes; (at = strstr(at, "\n  --")); at++)
        shown++;
    for (; mwd_options_flag(count, &flag); count++) {
        assert_non_null(strstr(help.bytes, flag.name));
        if (strcmp(flag.name, "--interval") == 0)
            interval_takes_a_span = strcmp(flag.argument, "SPAN") == 0;
    }
    assert_int_equal(count, shown);
    assert_true(interval_takes_a_span);
    assert_false(mwd_options_flag(UINT32_MAX, &flag));
    mwd_buffer_deinit(&help);
}

static void help_fits_into_eighty_columns(void **state)
{
    char *text = help();

    (void)state;
    for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
        assert_true(strcspn(at, "\n") <= 80);
        assert_true(strcspn(at, "\n") == 0 || at[strcspn(at, "\n") - 1] != ' ');
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_argument_is_the_daemon_with_its_file),
        cmocka_unit_test(value_stands_behind_a_blank_or_an_equal_sign),
        cmocka_unit_test(trace_gc_is_a_key_without_a_value),
        cmocka_unit_test(modes_are_set),
        cmocka_unit_test(flags_of_keys_become_settings),
        cmocka_unit_test(wrong_arguments_are_named),
        cmocka_unit_test(speed_has_bounds),
        cmocka_unit_test(what_has_no_meaning_together_is_refused),
        cmocka_unit_test(settings_have_a_limit),
        cmocka_unit_test(help_names_every_flag_and_every_key),
        cmocka_unit_test(every_flag_in_help_is_taken),
        cmocka_unit_test(flags_are_given_out_one_by_one),
        cmocka_unit_test(help_fits_into_eighty_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
