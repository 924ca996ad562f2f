/* Keys of a block: `heap { limit = 64MB }` is heap.limit everywhere else, and each mistake in a
 * block is one error where it stands. */
#include "config_bench.h"

#define LIMIT_TAKES "takes a size from 8MB to 1GB, as 64MB"

static void keys_of_a_block_are_read(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench,
                                        "interval = 2s\n\nheap {\n  limit = 32MB # all of it\n"
                                        "\n  semi-space = \"1 MB\" }\nkeep-fds = 5\n"),
                        "");
    assert_string_equal(bench_value(bench, "heap.limit"), "32MB");
    assert_string_equal(bench_value(bench, "heap.semi-space"), "1MB");
    assert_string_equal(bench_origin(bench, "heap.limit"), "m.conf:4");
    assert_string_equal(bench_origin(bench, "heap.semi-space"), "m.conf:6");
    assert_string_equal(bench_origin(bench, "heap.trace"), "default");
    assert_string_equal(bench_value(bench, "interval"), "2s");
    assert_string_equal(bench_origin(bench, "keep-fds"), "m.conf:7");
}

static void block_may_be_empty_or_on_one_line(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "heap {}"), "");
    assert_string_equal(bench_value(bench, "heap.limit"), "64MB");
    assert_string_equal(bench_load_text(bench, "heap{limit=8MB trace=true}interval=2s"), "");
    assert_string_equal(bench_value(bench, "heap.limit"), "8MB");
    assert_string_equal(bench_value(bench, "heap.trace"), "true");
    assert_string_equal(bench_value(bench, "interval"), "2s");
    assert_string_equal(bench_load_text(bench, "heap\n{\n\nlimit\n=\n9MB\n}\n"), "");
    assert_string_equal(bench_origin(bench, "heap.limit"), "m.conf:4");
}

/* A drop-in says only what differs. */
static void later_source_adds_to_a_block(void **state)
{
    struct bench *bench = *state;
    struct mwd_setting settings[] = {{"heap.trace", "true", "--trace-gc"}};
    char *environment[] = {"MEMWATCHD_HEAP_SEMI_SPACE=256KB", NULL};

    bench_write(bench, "memwatchd.d/a.conf", "\nheap { limit = 16MB }\n");
    bench->settings = settings;
    bench->setting_count = 1;
    bench->environment = environment;
    assert_string_equal(bench_load_text(bench, "heap { limit = 8MB  semi-space = 2MB }\n"), "");
    assert_string_equal(bench_value(bench, "heap.limit"), "16MB");
    assert_string_equal(bench_origin(bench, "heap.limit"), "memwatchd.d/a.conf:2");
    assert_string_equal(bench_origin(bench, "heap.semi-space"), "MEMWATCHD_HEAP_SEMI_SPACE");
    assert_string_equal(bench_value(bench, "heap.semi-space"), "256KB");
    assert_string_equal(bench_origin(bench, "heap.trace"), "--trace-gc");
    assert_string_equal(bench_value(bench, "heap.trace"), "true");
}

static void bad_value_is_named_with_its_block(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "heap {\n limit = 5\n trace = maybe\n}\n"),
                        "m.conf:2: heap.limit: " LIMIT_TAKES "; got \"5\"\n"
                        "m.conf:3: heap.trace: takes true or false; got \"maybe\"\n");
    assert_string_equal(bench_load_text(bench, "heap {\n limit\n trace =\n limit = {1MB}\n}\n"),
                        "m.conf:2: heap.limit: needs = and a value; it " LIMIT_TAKES "\n"
                        "m.conf:3: heap.trace: needs a value; it takes true or false\n"
                        "m.conf:4: heap.limit: takes one value and not a list; it " LIMIT_TAKES
                        "\n");
    assert_string_equal(bench_load_text(bench, "heap {\n limit = \"5\n trace = ${X}\n}\n"),
                        "m.conf:2: heap.limit: a quote is not closed on its line; got \"5\n"
                        "m.conf:3: heap.trace: nothing is expanded here: ${ stands in single "
                        "quotes, or as \\${ in double ones; got ${X}\n");
}

static void unknown_key_in_a_block_names_the_nearest(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "heap {\n limt = 8MB\n colour = {a,\n b}\n"
                                               " interval = 1s\n semi_space = 1MB\n}\n"
                                               "interval = 5\n"),
                        "m.conf:2: heap.limt: no such key; did you mean heap.limit?\n"
                        "m.conf:3: heap.colour: no such key\n"
                        "m.conf:5: heap.interval: no such key; did you mean interval?\n"
                        "m.conf:6: heap.semi_space: no such key; did you mean heap.semi-space?\n"
                        "m.conf:8: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n");
}

static void key_outside_of_its_block_is_told_where_it_belongs(void **state)
{
    struct bench *bench = *state;
    char *environment[] = {"MEMWATCHD_HEAP_LIMT=8MB", NULL};

    assert_string_equal(bench_load_text(bench, "limit = 8MB\nheap.limit = 8MB\nheap-limit = 8MB\n"
                                               "heep { limit = 8MB }\n"),
                        "m.conf:1: limit: no such key; did you mean heap.limit?\n"
                        "m.conf:2: heap.limit: stands in its block: heap { limit = ... }\n"
                        "m.conf:3: heap-limit: no such key; did you mean heap.limit?\n"
                        "m.conf:4: heep: no such key; did you mean heap?\n");
    bench->environment = environment;
    assert_string_equal(bench_load_text(bench, ""),
                        "MEMWATCHD_HEAP_LIMT: no such key; did you mean "
                        "MEMWATCHD_HEAP_LIMIT?\n");
}

/* The second one would count without a word, key by key. */
static void block_given_twice_names_both_lines(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "heap {\n limit = 8MB\n limit = 9MB\n}\n\n"
                                               "heap { trace = 7 }\ninterval = 5\n"),
                        "m.conf:3: heap.limit: was given in line 2 already\n"
                        "m.conf:6: heap: was given in line 1 already\n"
                        "m.conf:7: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n");
}

static void block_is_no_value_and_a_value_no_block(void **state)
{
    struct bench *bench = *state;

#define NO_VALUE "heap: is a block of keys and takes no value: heap { ... }\n"
    assert_string_equal(bench_load_text(bench, "heap = 64MB\ninterval = 5\n"),
                        "m.conf:1: " NO_VALUE
                        "m.conf:2: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n");
    assert_string_equal(bench_load_text(bench, "\nheap = { limit }\n"), "m.conf:2: " NO_VALUE);
    assert_string_equal(bench_load_text(bench, "heap\nkeep-fds = x\n"),
                        "m.conf:1: " NO_VALUE
                        "m.conf:2: keep-fds: takes a whole number from 0 to 1000000; got \"x\"\n");
    assert_string_equal(bench_load_text(bench, "heap \"mine\" { limit = 8MB }"),
                        "m.conf:1: heap: is a block without a title: heap { ... }\n");
    assert_string_equal(bench_load_text(bench, "interval { limit = 8MB }\nheap {\n limit { }\n}\n"),
                        "m.conf:1: interval: needs = and a value; it takes a span from 100ms to "
                        "1h, as 1s\n"
                        "m.conf:3: heap.limit: needs = and a value; it " LIMIT_TAKES "\n");
}

/* One missing brace is one error, and hides none behind it. */
static void block_that_is_never_closed_ends_where_it_must(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "heap {\n limit = 5\n colour = 1\ninterval = 5\n"),
                        "m.conf:1: heap: its { is never closed\n"
                        "m.conf:4: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n");
    assert_string_equal(bench_load_text(bench, "\nheap {"),
                        "m.conf:2: heap: its { is never closed\n");
    assert_string_equal(bench_load_text(bench, "heap {\n limit = 8MB\n}\n}\ninterval = 5\n"),
                        "m.conf:4: unexpected closing brace\n"
                        "m.conf:5: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n");
}

static void stray_marks_in_a_block_are_told(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "heap { ,\n limit = 8MB,\n = 5\n trace = 7 }\n"),
                        "m.conf:1: heap: a key is expected in it; got ,\n"
                        "m.conf:2: heap: a key is expected in it; got ,\n"
                        "m.conf:3: heap: a key is expected in it; got =\n"
                        "m.conf:3: heap.5: no such key (a value that has blanks in it stands in "
                        "quotes)\n"
                        "m.conf:4: heap.trace: takes true or false; got \"7\"\n");
    assert_string_equal(bench_load_text(bench, "heap { 'limit' = 8MB\n trace = 7 }\n"),
                        "m.conf:1: heap: a key is expected, without quotes; got 'limit'\n"
                        "m.conf:2: heap.trace: takes true or false; got \"7\"\n");
}

/* What libconfuse refuses takes its line with it; the other brace must not stay alone. */
static void brace_on_a_line_that_goes_takes_the_block_with_it(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(bench_load_text(bench, "heap {\n limit = 8MB\n} }\ninterval = 5\n"),
                        "m.conf:3: unexpected closing brace\n"
                        "m.conf:4: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n");
    assert_string_equal(bench_load_text(bench, "} heap {\n limit = 8MB\n}\ninterval = 5\n"),
                        "m.conf:1: unexpected closing brace\n"
                        "m.conf:4: interval: takes a span from 100ms to 1h, as 1s; got \"5\"\n");
}

static void dump_of_a_block_is_read_as_the_same(void **state)
{
    struct bench *bench = *state;
    struct mwd_buffer out;
    char *text;

    assert_string_equal(bench_load_text(bench, "heap { limit = 8MB trace = true }"), "");
    mwd_buffer_init(&out, 1 << 16);
    mwd_config_dump(bench->config, &out);
    assert_int_equal(out.failed, 0);
    text = strndup(out.bytes, out.size);
    mwd_buffer_deinit(&out);
    assert_non_null(strstr(text, "\nheap {\n    limit = 8MB  # "));
    assert_string_equal(bench_load_text(bench, text), "");
    assert_string_equal(bench_value(bench, "heap.limit"), "8MB");
    assert_string_equal(bench_value(bench, "heap.trace"), "true");
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_of_a_block_are_read),
        TEST(block_may_be_empty_or_on_one_line),
        TEST(later_source_adds_to_a_block),
        TEST(bad_value_is_named_with_its_block),
        TEST(unknown_key_in_a_block_names_the_nearest),
        TEST(key_outside_of_its_block_is_told_where_it_belongs),
        TEST(block_given_twice_names_both_lines),
        TEST(block_is_no_value_and_a_value_no_block),
        TEST(block_that_is_never_closed_ends_where_it_must),
        TEST(stray_marks_in_a_block_are_told),
        TEST(brace_on_a_line_that_goes_takes_the_block_with_it),
        TEST(dump_of_a_block_is_read_as_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
