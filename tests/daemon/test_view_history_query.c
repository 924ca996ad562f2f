/* What words of a query mean, what they are when they are not there, and what refusals say. */
#include "daemon/names.h"
#include "daemon/view_history.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1795377605123)
#define HOUR INT64_C(3600000)

static struct mwd_history_query parse(struct mwd_history_words words)
{
    char detail[MWD_HISTORY_DETAIL_SIZE] = "";
    struct mwd_history_query query;

    if (mwd_history_query_parse(&words, NOW, &query, detail) < 0)
        fail_msg("refused: %s", detail);
    return query;
}

static void expect_refused(struct mwd_history_words words, const char *says)
{
    char detail[MWD_HISTORY_DETAIL_SIZE] = "";
    struct mwd_history_query query;

    assert_int_equal(mwd_history_query_parse(&words, NOW, &query, detail), -EINVAL);
    if (!strstr(detail, says))
        fail_msg("\"%s\" does not say \"%s\"", detail, says);
}

static void nothing_said_is_the_last_hour_of_available_memory(void **state)
{
    struct mwd_history_query query = parse((struct mwd_history_words){.reading = NULL});

    (void)state;
    assert_int_equal(query.reading, MW_SYSTEM_MEM_AVAILABLE);
    assert_int_equal(query.step, 10000);
    assert_int_equal(query.to, NOW + 1); /* with the newest sample */
    assert_int_equal(query.from, NOW + 1 - HOUR - (NOW + 1) % 10000);
}

static void readings_have_ids_and_keys(void **state)
{
    (void)state;
    assert_int_equal(parse((struct mwd_history_words){.reading = "system.memFree"}).reading,
                     MW_SYSTEM_MEM_FREE);
    assert_int_equal(parse((struct mwd_history_words){.reading = "memFree"}).reading,
                     MW_SYSTEM_MEM_FREE);
    assert_int_equal(parse((struct mwd_history_words){.reading = "rss", .subject = "12"}).reading,
                     MW_PROCESS_RSS);
    assert_int_equal(parse((struct mwd_history_words){.reading = "rss"}).reading, MW_DAEMON_RSS);
    expect_refused((struct mwd_history_words){.reading = "process.rs"},
                   "did you mean process.rss?");
    expect_refused((struct mwd_history_words){.reading = "temperature"},
                   "not \"temperature\"; readings(7)");
    expect_refused((struct mwd_history_words){.reading = "process.threads", .subject = "1"},
                   "of processes of process.rss process.rssAnon process.swap");
    expect_refused((struct mwd_history_words){.reading = "process.name", .subject = "1"},
                   "no history is kept");
}

static void subjects_are_pids_with_or_without_a_start(void **state)
{
    struct mwd_history_query query =
        parse((struct mwd_history_words){.reading = "process.rss", .subject = "4711"});

    (void)state;
    assert_int_equal(query.subject.id, 4711);
    assert_true(query.newest);
    static const char *const both[] = {"4711:1795377600123", "4711.1795377600123"};
    for (int i = 0; i < 2; i++) {
        query = parse((struct mwd_history_words){.reading = "process.rss", .subject = both[i]});
        assert_int_equal(query.subject.birth, 1795377600123);
        assert_false(query.newest);
    }
    parse((struct mwd_history_words){.reading = "memFree", .subject = "system"});
    parse((struct mwd_history_words){.reading = "daemon.rss", .subject = "memwatchd"});
    expect_refused((struct mwd_history_words){.reading = "memFree", .subject = "1"},
                   "one subject, \"system\"");
    expect_refused((struct mwd_history_words){.reading = "process.rss", .subject = NULL},
                   "a process id, as 4711");
    static const char *const wrong[] = {
        "x", "0", "-1", "1:", "1:x", "1:2:3", ":1", "", "123456789012345678901234567890"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect_refused((struct mwd_history_words){.reading = "process.rss", .subject = wrong[i]},
                       "subject: takes");
}

static void heaps_queues_and_caches_have_names(void **state)
{
    struct mwd_history_query query =
        parse((struct mwd_history_words){.reading = "heapUsed", .subject = "memwatchd"});

    (void)state;
    assert_int_equal(query.reading, MW_HEAP_USED);
    assert_int_equal(query.subject.id, MWD_HEAP_OWN);
    expect_refused((struct mwd_history_words){.reading = "heap.heapUsed"},
                   "needs one: a name out of memwatchd");
    expect_refused((struct mwd_history_words){.reading = "heap.heapUsed", .subject = "1"},
                   "there is no heap \"1\"; there is memwatchd");
}

static void times_are_epochs_or_spans_back(void **state)
{
    struct mwd_history_query query =
        parse((struct mwd_history_words){.from = "1795377600001", .to = "1795377601002"});

    (void)state;
    assert_int_equal(query.from, 1795377600001); /* exactly as said */
    assert_int_equal(query.to, 1795377601002);
    query = parse((struct mwd_history_words){.from = "-2h", .to = "-1h", .step = "1m"});
    assert_int_equal(query.to, NOW + 1 - HOUR);
    assert_int_equal(query.from, NOW - 2 * HOUR - (NOW - 2 * HOUR) % 60000);
    assert_int_equal(parse((struct mwd_history_words){.from = "-36000d"}).from, 0);
    assert_int_equal(parse((struct mwd_history_words){.to = "now"}).to, NOW + 1);
    static const char *const wrong[] = {"yesterday", "1h",  "-", "--1h",
                                        "-1",        "1.5", "",  "9007199254740992"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect_refused((struct mwd_history_words){.from = wrong[i]}, "from: takes");
        expect_refused((struct mwd_history_words){.to = wrong[i]}, "to: takes");
    }
    expect_refused((struct mwd_history_words){.from = "now", .to = "-1h"}, "is after to");
    query = parse((struct mwd_history_words){.from = "5000", .to = "5000"});
    assert_int_equal(query.from, query.to); /* no time, no points */
}

static void steps_are_spans_or_ms(void **state)
{
    (void)state;
    assert_int_equal(parse((struct mwd_history_words){.step = "2s"}).step, 2000);
    assert_int_equal(parse((struct mwd_history_words){.step = "2000"}).step, 2000);
    assert_int_equal(parse((struct mwd_history_words){.from = "-1d"}).step, 300000);
    assert_int_equal(parse((struct mwd_history_words){.from = "-10s"}).step, 1000);
    parse((struct mwd_history_words){.from = "0"}); /* whatever the time, the default is taken */
    static const char *const wrong[] = {"0", "0s", "999us", "x", "", "-1s", "1.5"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect_refused((struct mwd_history_words){.step = wrong[i]}, "step: takes a span of 1ms");
}

static void ten_thousand_points_are_the_most(void **state)
{
    const struct mwd_history_words most = {.from = "0", .to = "10000", .step = "1"};
    const struct mwd_history_words one_more = {.from = "0", .to = "10001", .step = "1"};
    const struct mwd_history_words cut = {.from = "0", .to = "20001", .step = "2"};

    (void)state;
    assert_int_equal(parse(most).step, 1);
    expect_refused(one_more, "makes 10001 points; at most 10000 are given: take a step of 2 ms");
    expect_refused(cut, "10001 points");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_the_last_hour_of_available_memory),
        cmocka_unit_test(readings_have_ids_and_keys),
        cmocka_unit_test(subjects_are_pids_with_or_without_a_start),
        cmocka_unit_test(heaps_queues_and_caches_have_names),
        cmocka_unit_test(times_are_epochs_or_spans_back),
        cmocka_unit_test(steps_are_spans_or_ms),
        cmocka_unit_test(ten_thousand_points_are_the_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
