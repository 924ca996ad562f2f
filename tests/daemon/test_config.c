/* Sources come in one order, later ones win, and the result says where each value is from. */
#include "config_bench.h"

static void missing_default_file_leaves_the_defaults(void **state)
{
    struct bench *bench = *state;
    struct mwd_config_input input = {.path = bench->path, .path_is_default = true};
    struct mwd_buffer errors;

    mwd_buffer_init(&errors, 1000);
    assert_int_equal(mwd_config_load(&input, &errors, &bench->config), 0);
    assert_int_equal(errors.size, 0);
    assert_string_equal(bench_value(bench, "interval"), "1s");
    assert_string_equal(bench_origin(bench, "interval"), "default");
    assert_int_equal(bench->config->interval_ns, 1000000000);
    assert_int_equal(bench->config->listen.count, 2);
    assert_string_equal(bench->config->listen.items[1], "[::1]:9636");
    assert_int_equal(bench->config->max_body_bytes, 32 << 20);
    assert_false(bench->config->insecure);
    assert_string_equal(bench->config->token_file, "");
    mwd_buffer_deinit(&errors);
}

/* A file that somebody named must be there. */
static void missing_named_file_is_an_error(void **state)
{
    struct bench *bench = *state;

    bench_load(bench);
    assert_int_equal(bench->result, 1);
    assert_string_equal(bench->said, "m.conf: No such file or directory\n");
}

static void each_source_wins_over_those_before(void **state)
{
    struct bench *bench = *state;
    char *environment[] = {"HOME=/root", "MEMWATCHD_KEEP_FDS=4", "MEMWATCHD_MAX_STREAMS=4", NULL};
    struct mwd_setting settings[] = {{"max-streams", "5", "--max-streams"}};

    bench_write(bench, "memwatchd.d/a.conf",
                "max-connections = 103\nkeep-fds = 3\nmax-streams = 3\n");
    bench->environment = environment;
    bench->settings = settings;
    bench->setting_count = 1;
    assert_string_equal(bench_load_text(bench, "interval = 2s\nmax-connections = 102\n"
                                               "keep-fds = 2\nmax-streams = 2\n"),
                        "");
    assert_string_equal(bench_origin(bench, "log-level"), "default");
    assert_string_equal(bench_value(bench, "interval"), "2s");
    assert_string_equal(bench_origin(bench, "interval"), "m.conf:1");
    assert_string_equal(bench_value(bench, "max-connections"), "103");
    assert_string_equal(bench_origin(bench, "max-connections"), "memwatchd.d/a.conf:1");
    assert_string_equal(bench_value(bench, "keep-fds"), "4");
    assert_string_equal(bench_origin(bench, "keep-fds"), "MEMWATCHD_KEEP_FDS");
    assert_string_equal(bench_value(bench, "max-streams"), "5");
    assert_string_equal(bench_origin(bench, "max-streams"), "--max-streams");
}

/* Two files may both set a key; one file may not do so twice. */
static void later_dropin_wins_and_its_list_replaces(void **state)
{
    struct bench *bench = *state;

    bench_write(bench, "memwatchd.d/20.conf", "listen = {\"127.0.0.1:3\"}\ninterval = 3s");
    bench_write(bench, "memwatchd.d/10.conf", "listen = {\"127.0.0.1:2\"}\ninterval = 2s");
    assert_string_equal(bench_load_text(bench, "listen = {\"127.0.0.1:1\", \"127.0.0.1:9\"}\n"),
                        "");
    assert_string_equal(bench_value(bench, "listen"), "{\"127.0.0.1:3\"}");
    assert_string_equal(bench_value(bench, "interval"), "3s");
    assert_string_equal(bench_origin(bench, "interval"), "memwatchd.d/20.conf:2");
}

/* A reload reads again, and must come to the same. */
static void second_load_is_like_the_first(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < 3; i++) {
        assert_string_equal(bench_load_text(bench, "interval = \"5\n"),
                            "m.conf:1: interval: a quote is not closed on its line; got \"5\n");
        assert_string_equal(bench_load_text(bench, "interval = 5s # x\nhosts = {\"a\"}"), "");
        assert_string_equal(bench_value(bench, "interval"), "5s");
        assert_string_equal(bench_origin(bench, "hosts"), "m.conf:2");
    }
}

/* ---- environment ---- */

static const char *load_variable(struct bench *bench, char *variable)
{
    char *environment[] = {variable, NULL};

    bench->environment = environment;
    bench_load_text(bench, "");
    bench->environment = NULL;
    return bench->said;
}

static void list_in_the_environment_has_commas(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(load_variable(bench, "MEMWATCHD_LISTEN=127.0.0.1:1, [::1]:2\t"), "");
    assert_string_equal(bench_value(bench, "listen"), "{\"127.0.0.1:1\", \"[::1]:2\"}");
    assert_string_equal(load_variable(bench, "MEMWATCHD_LISTEN="), "");
    assert_string_equal(bench_value(bench, "listen"), "{}");
    assert_string_equal(load_variable(bench, "MEMWATCHD_HOSTS=a,,b"),
                        "MEMWATCHD_HOSTS: takes host names without a port, as "
                        "\"monitor.example.org\", or addresses, as \"[fd00::5]\"; got \"\"\n");
    assert_string_equal(load_variable(bench, "MEMWATCHD_HOSTS=1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7"),
                        "MEMWATCHD_HOSTS: takes at most 16 elements; got 17\n");
}

static void wrong_value_in_the_environment_is_named(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(load_variable(bench, "MEMWATCHD_INTERVAL=5"),
                        "MEMWATCHD_INTERVAL: takes a span from 100ms to 1h, as 1s; got \"5\"\n");
    assert_string_equal(load_variable(bench, "MEMWATCHD_INTERVAL="),
                        "MEMWATCHD_INTERVAL: takes a span from 100ms to 1h, as 1s; got \"\"\n");
    assert_string_equal(load_variable(bench, "MEMWATCHD_STATE_DIR=/a\nb"),
                        "MEMWATCHD_STATE_DIR: takes an absolute path; got \"/a\\x0ab\"\n");
    assert_string_equal(load_variable(bench, "MEMWATCHD_STATE_DIR=/a\xff"),
                        "MEMWATCHD_STATE_DIR: takes an absolute path; got \"/a\\xff\"\n");
    assert_string_equal(load_variable(bench, "MEMWATCHD_STATE_DIR=\x01"),
                        "MEMWATCHD_STATE_DIR: takes an absolute path; got \"\\x01\"\n");
    assert_string_equal(load_variable(bench, "MEMWATCHD_TOKEN_FILE="), "");
}

/* A typing error must not pass unseen; what is near to no key belongs to somebody else. */
static void misspelt_variable_is_an_error(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(load_variable(bench, "MEMWATCHD_INTERVALL=5s"),
                        "MEMWATCHD_INTERVALL: no such key; did you mean MEMWATCHD_INTERVAL?\n");
    assert_string_equal(load_variable(bench, "MEMWATCHD_keep_fds=5"),
                        "MEMWATCHD_keep_fds: no such key; did you mean MEMWATCHD_KEEP_FDS?\n");
    assert_string_equal(load_variable(bench, "MEMWATCHD_=5"), "");
    assert_string_equal(load_variable(bench, "MEMWATCHD_PORT=tcp://10.0.0.1:9636"), "");
    assert_string_equal(load_variable(bench, "MEMWATCHD_SERVICE_HOST=10.0.0.1"), "");
    assert_string_equal(load_variable(bench, "MEMWATCHD_PORT_9636_TCP_ADDR=10.0.0.1"), "");
    assert_string_equal(load_variable(bench, "MEMWATCHDX=5"), "");
}

/* ---- command line ---- */

static void list_flag_adds_up_and_replaces_the_file(void **state)
{
    struct bench *bench = *state;
    struct mwd_setting settings[] = {{"listen", "127.0.0.1:1", "--listen"},
                                     {"interval", "7s", "--interval"},
                                     {"listen", "[::1]:2", "--listen"},
                                     {"interval", "9s", "--interval"}};

    bench->settings = settings;
    bench->setting_count = 4;
    assert_string_equal(bench_load_text(bench, "listen = {\"127.0.0.1:9\"}"), "");
    assert_string_equal(bench_value(bench, "listen"), "{\"127.0.0.1:1\", \"[::1]:2\"}");
    assert_string_equal(bench_origin(bench, "listen"), "--listen");
    assert_string_equal(bench_value(bench, "interval"), "9s");
}

static void empty_list_flag_empties_the_list(void **state)
{
    struct bench *bench = *state;
    struct mwd_setting settings[] = {{"listen", "", "--listen"}};

    bench->settings = settings;
    bench->setting_count = 1;
    assert_string_equal(bench_load_text(bench, ""), "");
    assert_string_equal(bench_value(bench, "listen"), "{}");
}

static void wrong_flag_value_is_named(void **state)
{
    struct bench *bench = *state;
    struct mwd_setting settings[] = {{"interval", "5", "--interval"},
                                     {"listen", "localhost:1", "--listen"},
                                     {"listen", "127.0.0.1:1", "--listen"}};

    bench->settings = settings;
    bench->setting_count = 3;
    assert_string_equal(bench_load_text(bench, ""),
                        "--interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n"
                        "--listen: takes addresses in numbers, not names, as \"127.0.0.1:9636\" or "
                        "\"[::1]:9636\", with a port from 0 to 65535; got \"localhost:1\"\n");
    assert_int_equal(bench->result, 2);
}

/* ---- the dump ---- */

static char *dump(const struct bench *bench)
{
    struct mwd_buffer out;

    mwd_buffer_init(&out, 1 << 20);
    mwd_config_dump(bench->config, &out);
    mwd_buffer_append(&out, "", 1);
    assert_int_equal(out.failed, 0);
    return out.bytes;
}

/* Of a line without its origin; those that open and close a block have none. */
static size_t value_size(const char *line)
{
    size_t size = (size_t)(strchr(line, '\n') - line);
    const char *origin = memmem(line, size, "  # ", 4);

    return origin ? (size_t)(origin - line) : size;
}

/* As the first dump, but for the origins. */
static void assert_same_values(const char *a, const char *b)
{
    while (*a && *b) {
        size_t size = value_size(a);

        assert_int_equal(size, value_size(b));
        assert_memory_equal(a, b, size);
        a = strchr(a, '\n') + 1;
        b = strchr(b, '\n') + 1;
    }
    assert_int_equal(*a, *b);
}

static void dump_parses_back_to_the_same(void **state)
{
    struct bench *bench = *state;
    char *first, *second;

    assert_string_equal(
        bench_load_text(bench, "interval = 1500ms\nmax-body-bytes = 1025KB\ninsecure = true\n"
                               "listen = {\"0.0.0.0:1\", \"[::]:0\"}\nhosts = {}\n"
                               "state-dir = '/a \"b\" \\c ${HOME} #d //e \xc3\xa9'\n"
                               "token-file = \"/x\\\\y\\\"z\\${PATH}$\"\n"),
        "");
    assert_string_equal(bench->config->state_dir, "/a \"b\" \\c ${HOME} #d //e \xc3\xa9");
    assert_string_equal(bench->config->token_file, "/x\\y\"z${PATH}$");
    first = dump(bench);
    assert_non_null(strstr(first, "interval = 1500ms  # "));
    assert_non_null(strstr(first, "m.conf:1\n"));
    assert_non_null(strstr(first, "log-level = \"info\"  # default\n"));
    assert_string_equal(bench_load_text(bench, first), "");
    second = dump(bench);
    assert_same_values(first, second);
    assert_string_equal(bench->config->token_file, "/x\\y\"z${PATH}$");
    free(first);
    free(second);
}

static void dump_names_every_key(void **state)
{
    struct bench *bench = *state;
    char *text;

    assert_string_equal(bench_load_text(bench, ""), "");
    text = dump(bench);
    for (uint32_t key = 0; key < mwd_config_key_count; key++) {
        const char *dot = strchr(mwd_config_keys[key].name, '.');
        char line[256];

        snprintf(line, sizeof line, "%s%s = %s  # default\n", dot ? "    " : "",
                 dot ? dot + 1 : mwd_config_keys[key].name, mwd_config_keys[key].default_text);
        assert_non_null(strstr(text, line));
    }
    free(text);
}

/* A line end in the file's own name must not break out of the comment. */
static void odd_file_name_stays_in_its_comment(void **state)
{
    struct bench *bench = *state;
    char *text;

    snprintf(bench->path, sizeof bench->path, "%s/a\ninsecure = true", bench->folder);
    bench_write(bench, "a\ninsecure = true", "interval = 2s\n");
    bench_load(bench);
    assert_string_equal(bench->said, "");
    assert_string_equal(bench_origin(bench, "interval"), "a\\x0ainsecure = true:1");
    text = dump(bench);
    assert_null(strstr(text, "\ninsecure = true"));
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(missing_default_file_leaves_the_defaults),
        TEST(missing_named_file_is_an_error),
        TEST(each_source_wins_over_those_before),
        TEST(later_dropin_wins_and_its_list_replaces),
        TEST(second_load_is_like_the_first),
        TEST(list_in_the_environment_has_commas),
        TEST(wrong_value_in_the_environment_is_named),
        TEST(misspelt_variable_is_an_error),
        TEST(list_flag_adds_up_and_replaces_the_file),
        TEST(empty_list_flag_empties_the_list),
        TEST(wrong_flag_value_is_named),
        TEST(dump_parses_back_to_the_same),
        TEST(dump_names_every_key),
        TEST(odd_file_name_stays_in_its_comment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
