/* The document shows what the history answers, point by point, says who was taken, and gives the
 * reason of each null. */
#include "daemon/view_history.h"
#include "tests/lib/history/history_support.h"
#include "tests/support/view_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct fixture {
    struct bench bench;
    struct machine machine;
    struct mw_sample *sample;
};

static int setup(void **state)
{
    static struct fixture self;
    struct mw_history_config config;

    memset(&self, 0, sizeof self);
    bench_init(&self.bench, MW_HEAP_CHECKED | MW_HEAP_VERIFY, 16 * MIB);
    machine_config(&config);
    machine_init(&self.machine, &self.bench, &config);
    *state = &self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;

    mw_sample_unref(self->sample);
    machine_deinit(&self->machine);
    bench_deinit(&self->bench);
    return 0;
}

static void tick(struct fixture *self)
{
    mw_sample_unref(self->sample);
    self->sample = machine_sample(&self->machine, 1000);
    assert_int_equal(mw_history_apply(self->machine.history, self->sample), 0);
}

static int ask(const struct fixture *self, struct mwd_history_words words, struct mwd_buffer *out,
               char *detail)
{
    const struct mwd_view_input input = {.sample = self->sample,
                                         .subjects = self->machine.subjects};

    mwd_buffer_init(out, SIZE_MAX);
    return mwd_view_history(&input, self->machine.history, &words, out, detail);
}

static cJSON *render(const struct fixture *self, struct mwd_history_words words)
{
    char detail[MWD_HISTORY_DETAIL_SIZE] = "";
    struct mwd_buffer out;
    cJSON *tree;

    if (ask(self, words, &out, detail) < 0)
        fail_msg("refused: %s", detail);
    tree = view_parse(&out);
    mwd_buffer_deinit(&out);
    return tree;
}

static double number_at(const cJSON *tree, int point, int at)
{
    const cJSON *item =
        cJSON_GetArrayItem(cJSON_GetArrayItem(view_member(tree, "points"), point), at);

    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static void expect_text(const cJSON *tree, const char *key, const char *text)
{
    assert_string_equal(cJSON_GetStringValue(view_member(tree, key)), text);
}

static void points_are_those_of_the_history(void **state)
{
    struct fixture *self = *state;

    for (uint64_t i = 0; i < 4; i++) {
        self->machine.mem_free = 1000 + i;
        tick(self);
    }
    cJSON *tree = render(
        self, (struct mwd_history_words){.reading = "system.memFree", .from = "-3s", .step = "2s"});

    expect_text(tree, "reading", "system.memFree");
    expect_text(tree, "subject", "system");
    expect_text(tree, "name", "system");
    expect_text(tree, "unit", "bytes");
    assert_true(cJSON_IsTrue(view_member(tree, "alive")));
    assert_true(view_member(tree, "stepMs")->valuedouble == 2000);
    assert_true(view_member(tree, "firstMs")->valuedouble == (double)self->machine.time_ms - 3000);
    assert_true(number_at(tree, 0, 0) == view_member(tree, "fromMs")->valuedouble);
    assert_int_equal(cJSON_GetArraySize(view_member(tree, "points")), 3);
    assert_true(number_at(tree, 1, 1) == 1001 && number_at(tree, 1, 2) == 1001.5 &&
                number_at(tree, 1, 3) == 1002);
    assert_true(number_at(tree, 2, 1) == 1003);
    view_expect_absent_count(tree, 0);
    cJSON_Delete(tree);
}

static void a_gap_is_null_and_its_reason_stands_under_its_time(void **state)
{
    struct fixture *self = *state;
    char key[32];

    tick(self);
    self->machine.free_absence = MW_ABSENT_DENIED;
    tick(self);
    cJSON *tree = render(
        self, (struct mwd_history_words){.reading = "system.memFree", .from = "-2s", .step = "1s"});
    const cJSON *absent = view_member(tree, "absent");
    const cJSON *last = cJSON_GetArrayItem(view_member(tree, "points"), 2);

    assert_int_equal(cJSON_GetArraySize(view_member(tree, "points")), 3);
    assert_int_equal(cJSON_GetArraySize(last), 4);
    for (int i = 1; i < 4; i++)
        assert_true(cJSON_IsNull(cJSON_GetArrayItem(last, i)));
    snprintf(key, sizeof key, "%.0f", number_at(tree, 2, 0));
    expect_text(absent, key, "denied");
    snprintf(key, sizeof key, "%.0f", number_at(tree, 0, 0));
    expect_text(absent, key, "unrecorded");
    view_expect_absent_count(tree, 2);
    cJSON_Delete(tree);
}

static void the_newest_of_a_pid_is_taken_and_the_others_can_be_asked_for(void **state)
{
    struct fixture *self = *state;

    machine_put(&self->machine, 0, 7, 100);
    self->machine.rows[0].name = "first";
    tick(self);
    self->machine.rows[0].key.birth = 5000000; /* another process of the same number */
    self->machine.rows[0].name = "second";
    self->machine.rows[0].rss = UINT64_C(4096) * 200;
    tick(self);
    tick(self);
    cJSON *newest =
        render(self, (struct mwd_history_words){.reading = "rss", .subject = "7", .from = "-2s"});
    cJSON *older =
        render(self, (struct mwd_history_words){
                         .reading = "process.rss", .subject = "7:1000007", .from = "-2s"});

    expect_text(newest, "subject", "7:5000000");
    expect_text(newest, "name", "second");
    assert_true(cJSON_IsTrue(view_member(newest, "alive")));
    assert_true(number_at(newest, 1, 3) == 4096 * 200);
    expect_text(older, "subject", "7:1000007");
    assert_true(cJSON_IsFalse(view_member(older, "alive")));
    assert_true(view_member(older, "lastMs")->valuedouble == (double)self->machine.time_ms - 2000);
    assert_true(number_at(older, 0, 3) == 4096 * 100);
    expect_text(older, "name", "first");
    cJSON_Delete(newest);
    cJSON_Delete(older);
}

static void who_is_not_known_is_not_found(void **state)
{
    struct fixture *self = *state;
    char detail[MWD_HISTORY_DETAIL_SIZE];
    struct mwd_buffer out;

    machine_put(&self->machine, 0, 7, 100);
    tick(self);
    assert_int_equal(
        ask(self, (struct mwd_history_words){.reading = "rss", .subject = "8"}, &out, detail),
        -ENOENT);
    assert_non_null(strstr(detail, "the id 8"));
    assert_int_equal(
        ask(self, (struct mwd_history_words){.reading = "rss", .subject = "7:1"}, &out, detail),
        -ENOENT);
    assert_non_null(strstr(detail, "7:1000007"));
    assert_int_equal(ask(self, (struct mwd_history_words){.step = "0"}, &out, detail), -EINVAL);
    assert_int_equal(out.size, 0);
}

static void a_body_that_finds_no_room_is_an_error(void **state)
{
    struct fixture *self = *state;
    const struct mwd_history_words words = {.step = "1s"};
    char detail[MWD_HISTORY_DETAIL_SIZE];
    struct mwd_buffer out;

    tick(self);
    const struct mwd_view_input input = {.sample = self->sample,
                                         .subjects = self->machine.subjects};

    for (size_t limit = 0; limit < 2000; limit += 37) {
        mwd_buffer_init(&out, limit);
        mwd_view_history(&input, self->machine.history, &words, &out, detail);
        assert_true(out.failed < 0);
        mwd_buffer_deinit(&out);
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(points_are_those_of_the_history),
        T(a_gap_is_null_and_its_reason_stands_under_its_time),
        T(the_newest_of_a_pid_is_taken_and_the_others_can_be_asked_for),
        T(who_is_not_known_is_not_found),
        T(a_body_that_finds_no_room_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
