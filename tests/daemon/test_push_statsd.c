/* A line is taken apart as it says, or refused for a reason; no number comes out that was not sent.
 */
#include "daemon/push_statsd.h"
#include "sample/sample.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *line, struct mwd_statsd_line *ret)
{
    return mwd_statsd_parse(line, strlen(line), ret);
}

static void assert_word(struct mwd_statsd_word word, const char *text)
{
    assert_int_equal(word.size, strlen(text));
    assert_memory_equal(word.text, text, word.size);
}

static void assert_value(const char *line, enum mwd_statsd_type type, double value)
{
    struct mwd_statsd_line got;

    assert_int_equal(parse(line, &got), 0);
    assert_int_equal(got.type, type);
    assert_true(got.value == value);
}

static void paths_have_three_parts(void **state)
{
    struct mwd_statsd_line line;

    (void)state;
    assert_int_equal(parse("queue.orders.length:42|g", &line), 0);
    assert_word(line.kind, "queue");
    assert_word(line.name, "orders");
    assert_word(line.field, "length");
    assert_int_equal(parse("heap.api.eu.1.used:1|g", &line), 0);
    assert_word(line.name, "api.eu.1");
    assert_word(line.field, "used");
}

static void values_are_of_their_type(void **state)
{
    (void)state;
    assert_value("a.b.c:0|g", MWD_STATSD_SET, 0);
    assert_value("a.b.c:42.000|g", MWD_STATSD_SET, 42);
    assert_value("a.b.c:+5|g", MWD_STATSD_CHANGE, 5);
    assert_value("a.b.c:-5|g", MWD_STATSD_CHANGE, -5);
    assert_value("a.b.c:3|c", MWD_STATSD_COUNT, 3);
    assert_value("a.b.c:3|c|@0.1", MWD_STATSD_COUNT, 30);
    assert_value("a.b.c:3|c|@1", MWD_STATSD_COUNT, 3);
    assert_value("a.b.c:3|c|@0.5|#env:dev,x", MWD_STATSD_COUNT, 6);
    assert_value("a.b.c:9007199254740991|g", MWD_STATSD_SET, (double)MW_READING_MAX);
}

static void other_lines_are_refused(void **state)
{
    static const struct {
        const char *line;
        int error;
    } rows[] = {
        {"", -EBADMSG},
        {"x", -EBADMSG},
        {"queue.orders:1|g", -EBADMSG},
        {".orders.length:1|g", -EBADMSG},
        {"queue..length:1|g", -EBADMSG},
        {"queue.orders.:1|g", -EBADMSG},
        {"a.b.c", -EBADMSG},
        {"a.b.c:1", -EBADMSG},
        {"a.b.c:1|", -EBADMSG},
        {"a.b.c:1|g|x", -EBADMSG},
        {"a.b.c:1|g|", 0},
        {"a.b.c:1|ms", -ENOTSUP},
        {"a.b.c:1|s", -ENOTSUP},
        {"a.b.c:|g", -ERANGE},
        {"a.b.c:x|g", -ERANGE},
        {"a.b.c:1x|g", -ERANGE},
        {"a.b.c: 1|g", -ERANGE},
        {"a.b.c:1.5|g", -ERANGE},
        {"a.b.c:1.|g", -ERANGE},
        {"a.b.c:1e3|g", -ERANGE},
        {"a.b.c:+-1|g", -ERANGE},
        {"a.b.c:9007199254740992|g", -ERANGE},
        {"a.b.c:99999999999999999999999|g", -ERANGE},
        {"a.b.c:-1|c", -ERANGE},
        {"a.b.c:9007199254740991|c|@0.5", -ERANGE},
        {"a.b.c:1|c|@0", -ERANGE},
        {"a.b.c:1|c|@1.1", -ERANGE},
        {"a.b.c:1|c|@", -ERANGE},
        {"a.b.c:1|c|@nan", -ERANGE},
        {"a.b.c:1|g|@0.5", -ERANGE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mwd_statsd_line line;
        int r = parse(rows[i].line, &line);

        if (r != rows[i].error)
            fail_msg("%s: %d instead of %d", rows[i].line, r, rows[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_have_three_parts),
        cmocka_unit_test(values_are_of_their_type),
        cmocka_unit_test(other_lines_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
