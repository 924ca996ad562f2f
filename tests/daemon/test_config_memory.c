/* Memory may end at any allocation: the load says so, leaves *ret alone, and leaks nothing (which
 * the sanitizer looks after). Only allocations of config itself fail here; libconfuse's do not. */
#include "config_bench.h"

#include <errno.h>

/* Allocation number `countdown` from now fails; 0 = none. */
static unsigned countdown;
static bool failed;

static bool fails(void)
{
    if (countdown == 0 || --countdown > 0)
        return false;
    failed = true;
    return true;
}

/* The linker's --wrap wants these names. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
char *__real_strdup(const char *text);
int __real_vasprintf(char **ret, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_vasprintf(char **ret, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
int __wrap_asprintf(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *at, size_t size)
{
    return fails() ? NULL : __real_realloc(at, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

int __wrap_vasprintf(char **ret, const char *format, va_list arguments)
{
    return fails() ? -1 : __real_vasprintf(ret, format, arguments);
}

int __wrap_asprintf(char **ret, const char *format, ...)
{
    va_list arguments;
    int r;

    va_start(arguments, format);
    r = fails() ? -1 : __real_vasprintf(ret, format, arguments);
    va_end(arguments);
    return r;
}

/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* Loads with allocation number `at` failing. False when there were fewer. */
static bool load_failing_at(const struct bench *bench, unsigned at, int *ret_result)
{
    char *environment[] = {"MEMWATCHD_HOSTS=a,b", NULL};
    struct mwd_setting settings[] = {{"listen", "127.0.0.1:1", "--listen"}};
    struct mwd_config_input input = {bench->path, false, settings, 1, environment};
    struct mwd_config *config = NULL;
    struct mwd_buffer errors;

    mwd_buffer_init(&errors, 1 << 16);
    failed = false;
    countdown = at;
    *ret_result = mwd_config_load(&input, &errors, &config);
    countdown = 0;
    assert_int_equal(*ret_result == 0, config != NULL);
    mwd_config_destroy(config);
    mwd_buffer_deinit(&errors);
    return failed;
}

static void good_configuration_never_loads_in_part(void **state)
{
    struct bench *bench = *state;
    unsigned at = 1;
    int r;

    bench_write(bench, "m.conf", "interval = 2s\nhosts = {\"x\", \"y\"}\nstate-dir = \"/a\"\n");
    bench_write(bench, "memwatchd.d/a.conf",
                "keep-fds = 5\nsink s { type = webhook url = \"http://a\" }\n"
                "alert a { reading = queue.length above = 5 labels = {'a=b', 'c=d'} to = s }\n"
                "group '{{.Comm}}' { comm = {a, b} exe = c cmdline = {'(?P<x>[a-c]+)$'} }\n");
    for (; load_failing_at(bench, at, &r); at++)
        assert_int_equal(r, -ENOMEM);
    assert_int_equal(r, 0);
    assert_true(at > 50);
}

static void bad_configuration_never_loads_at_all(void **state)
{
    struct bench *bench = *state;
    unsigned at = 1;
    int r;

    bench_write(bench, "m.conf",
                "interval = 5\nhosts = {\"x\" \"y\"}\nwrong = 1\nsocket = \"\\n\"\n");
    bench_write(bench, "memwatchd.d/a.conf",
                "}\nlisten = {\"0.0.0.0:1\"}\n"
                "alert a { reading = nothing to = {x, y} wrong = 1 }\n");
    for (; load_failing_at(bench, at, &r); at++)
        assert_true(r == -ENOMEM || r > 0);
    assert_int_equal(r, 6);
    assert_true(at > 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_configuration_never_loads_in_part),
        TEST(bad_configuration_never_loads_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
