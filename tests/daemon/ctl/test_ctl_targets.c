/* Machines as people write them become what Prometheus takes, or a complaint that names the place.
 */
#include "daemon/ctl/targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_target(const char *text, const char *wanted)
{
    char target[MWD_CTL_TARGET_ROOM];
    const char *why = mwd_ctl_target_parse(text, strlen(text), target);

    if (why)
        fail_msg("\"%s\" is refused: %s", text, why);
    assert_string_equal(target, wanted);
}

static void assert_refused(const char *text, const char *says)
{
    char target[MWD_CTL_TARGET_ROOM] = "untouched";
    const char *why = mwd_ctl_target_parse(text, strlen(text), target);

    if (!why || !strstr(why, says))
        fail_msg("\"%s\": \"%s\" does not say \"%s\"", text, why ? why : target, says);
    assert_string_equal(target, "untouched");
}

static void a_port_that_is_not_given_is_the_daemons(void **state)
{
    (void)state;
    assert_target("db1", "db1:9636");
    assert_target("db1.example.net", "db1.example.net:9636");
    assert_target("192.0.2.7", "192.0.2.7:9636");
    assert_target("[2001:db8::7]", "[2001:db8::7]:9636");
    assert_target("my_app-1", "my_app-1:9636");
}

static void ports_go_from_1_to_65535(void **state)
{
    (void)state;
    assert_target("db1:1", "db1:1");
    assert_target("db1:65535", "db1:65535");
    assert_target("[::1]:80", "[::1]:80");
    assert_target("db1:09636", "db1:9636");
    assert_refused("db1:0", "from 1 to 65535");
    assert_refused("db1:65536", "from 1 to 65535");
    assert_refused("db1:4294976932", "from 1 to 65535");
    assert_refused("db1:", "from 1 to 65535");
    assert_refused("db1:http", "from 1 to 65535");
    assert_refused("db1:+80", "from 1 to 65535");
    assert_refused("[::1]80", "from 1 to 65535");
}

static void what_is_no_host_is_refused(void **state)
{
    static const char *const bad[] = {"-db1",      "db1-",      "a..b", ".a",          "a.",
                                      "d b",       "\"a\"",     "a,b",  "caf\xc3\xa9", "1.2.3",
                                      "256.1.1.1", "1.2.3.4.5", ":80"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused(bad[i], "a host is");
    assert_refused("", "missing");
    assert_refused("http://db1:9636/metrics", "without a scheme");
    assert_refused("db1/metrics", "without a scheme");
    assert_refused("::1", "in brackets");
    assert_refused("2001:db8::7:9636", "in brackets");
    assert_refused("[db1]", "between brackets");
    assert_refused("[]", "between brackets");
    assert_refused("[::1", "between brackets");
    assert_refused("[192.0.2.7]:80", "between brackets");
}

/* "aaa...": as many as `size`, with a dot after each 63. */
static const char *long_name(size_t size, char *ret)
{
    for (size_t i = 0; i < size; i++)
        ret[i] = i % 64 == 63 ? '.' : 'a';
    ret[size] = '\0';
    return ret;
}

static void names_have_a_length_at_the_most(void **state)
{
    char name[300], target[MWD_CTL_TARGET_ROOM];

    (void)state;
    assert_null(mwd_ctl_target_parse(long_name(252, name), 252, target));
    assert_null(mwd_ctl_target_parse(long_name(253, name), 253, target));
    assert_int_equal(strlen(target), 253 + strlen(":9636"));
    assert_refused(long_name(254, name), "a host is");
    memset(name, 'a', 64);
    name[63] = '\0';
    assert_null(mwd_ctl_target_parse(name, 63, target));
    name[63] = 'a';
    assert_non_null(mwd_ctl_target_parse(name, 64, target));
}

static void labels_are_names_and_texts(void **state)
{
    struct mwd_ctl_target_label label;
    char text[80];

    (void)state;
    assert_null(mwd_ctl_target_label("role=database = 1", &label));
    assert_string_equal(label.name, "role");
    assert_string_equal(label.text, "database = 1");
    assert_null(mwd_ctl_target_label("__scheme__=https", &label));
    assert_null(mwd_ctl_target_label("a1=", &label));
    assert_string_equal(label.text, "");
    assert_non_null(strstr(mwd_ctl_target_label("role", &label), "NAME=TEXT"));
    assert_non_null(strstr(mwd_ctl_target_label("=x", &label), "NAME=TEXT"));
    assert_non_null(strstr(mwd_ctl_target_label("1a=x", &label), "digit"));
    assert_non_null(strstr(mwd_ctl_target_label("a-b=x", &label), "digits and _"));
    assert_non_null(strstr(mwd_ctl_target_label("a=\xff", &label), "UTF-8"));
    memset(text, 'a', sizeof text);
    snprintf(text + 63, sizeof text - 63, "=x");
    assert_null(mwd_ctl_target_label(text, &label));
    snprintf(text + 63, sizeof text - 63, "a=x");
    assert_non_null(mwd_ctl_target_label(text, &label));
}

static void a_list_is_one_group(void **state)
{
    static const char line[] = "db1 \t db2:80\r # not this";
    struct mwd_ctl_target_label label = {"role", "\"a\"\n"};
    struct mwd_ctl_targets targets;
    struct mwd_buffer out;

    (void)state;
    mwd_ctl_targets_init(&targets);
    mwd_buffer_init(&out, 4096);
    mwd_ctl_targets_add_line(&targets, "here", line, strlen(line));
    mwd_ctl_targets_add_line(&targets, "here", "# nor this", 10);
    mwd_ctl_targets_add_line(&targets, "here", "", 0);
    assert_int_equal(targets.count, 2);
    assert_int_equal(targets.mistake_count, 0);
    assert_int_equal(mwd_ctl_targets_render(&targets, &label, 1, &out), 0);
    mwd_buffer_append(&out, "", 1);
    assert_string_equal(out.bytes,
                        "[\n  {\n    \"targets\": [\n      \"db1:9636\",\n      \"db2:80\"\n"
                        "    ],\n    \"labels\": {\"role\":\"\\\"a\\\"\\n\"}\n  }\n]\n");
    mwd_buffer_deinit(&out);
    mwd_ctl_targets_deinit(&targets);
}

/* A text ends with its size, and not where the first 0 is. */
static void a_zero_is_in_no_host(void **state)
{
    char target[MWD_CTL_TARGET_ROOM];

    (void)state;
    assert_non_null(mwd_ctl_target_parse("[::\0001]:9", 8, target));
    assert_non_null(mwd_ctl_target_parse("db1\0:9", 6, target));
    assert_non_null(mwd_ctl_target_parse("db1:9\0", 6, target));
    assert_non_null(mwd_ctl_target_parse("1.2.3.4\0", 8, target));
}

/* A mistake says where it is and does not hide the next; only so many are shown, all are counted.
 */
static void mistakes_have_their_place(void **state)
{
    struct mwd_ctl_targets targets;
    unsigned shown = 0;

    (void)state;
    mwd_ctl_targets_init(&targets);
    mwd_ctl_targets_add_line(&targets, "hosts line 7", "a:0 good b:0", 12);
    assert_int_equal(targets.count, 1);
    assert_int_equal(targets.mistake_count, 2);
    assert_string_equal(targets.mistakes.bytes,
                        "hosts line 7: \"a:0\": a port is a whole number from 1 to 65535");
    while (targets.mistake_count < MWD_CTL_TARGETS_MISTAKES + 1)
        mwd_ctl_targets_add(&targets, "x", "-", 1);
    for (size_t i = 0; i < targets.mistakes.size; i++)
        shown += targets.mistakes.bytes[i] == '\0';
    assert_int_equal(shown, MWD_CTL_TARGETS_MISTAKES);
    mwd_ctl_targets_deinit(&targets);
}

static void a_list_that_is_too_long_is_no_list(void **state)
{
    struct mwd_ctl_targets targets;
    struct mwd_buffer out;

    (void)state;
    mwd_ctl_targets_init(&targets);
    mwd_buffer_init(&out, 4096);
    targets.list.limit = 32;
    for (int i = 0; i < 3; i++)
        mwd_ctl_targets_add(&targets, "x", "db1", 3);
    assert_true(mwd_ctl_targets_render(&targets, NULL, 0, &out) < 0);
    assert_int_equal(out.size, 0);
    mwd_buffer_deinit(&out);
    mwd_ctl_targets_deinit(&targets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_that_is_not_given_is_the_daemons),
        cmocka_unit_test(ports_go_from_1_to_65535),
        cmocka_unit_test(what_is_no_host_is_refused),
        cmocka_unit_test(names_have_a_length_at_the_most),
        cmocka_unit_test(labels_are_names_and_texts),
        cmocka_unit_test(a_list_is_one_group),
        cmocka_unit_test(a_zero_is_in_no_host),
        cmocka_unit_test(mistakes_have_their_place),
        cmocka_unit_test(a_list_that_is_too_long_is_no_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
