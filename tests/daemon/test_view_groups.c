/* What is shown of rules: each with what it has matched, one that matches nothing with 0, and
 * series by rules in both forms of metrics. */
#include "tests/support/view_check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PROCESSES = 10, RULES = 3 };

struct bench {
    struct synthetic base;
    struct mwd_grouping *grouping;
    struct mwd_matcher *rules;
    struct mwd_groups *groups;
    struct mwd_view_input input;
};

/* Rules of which the last one has been held against a line that it costs too much to search. */
static struct mwd_matcher *make_rules(void)
{
    static const char line[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    const char *comm = "x", *costly = "^(a|aa)+$";
    struct mwd_matcher_rule rule = {.comm = {&comm, 1}, .origin = "/etc/a.conf:7"};
    struct mwd_matcher_process process = {.comm = "a", .argv = line, .argv_size = sizeof line};
    char name[MWD_MATCHER_NAME_MAX + 1];
    struct mwd_matcher_error error;
    struct mwd_matcher *rules;
    uint32_t found;

    assert_int_equal(mwd_matcher_create(&rules), 0);
    for (uint32_t i = 0; i < RULES; i++) {
        if (i == RULES - 1)
            rule = (struct mwd_matcher_rule){.cmdline = {&costly, 1}, .origin = rule.origin};
        assert_int_equal(mwd_matcher_add(rules, &rule, &error), 0);
    }
    assert_int_equal(mwd_matcher_match(rules, &process, &found, name), -ENOENT);
    return rules;
}

/* Rule 0 has rows 0 to 3, rule 1 rows 4 and 5, rule 2 none. */
static void answer(struct bench *self, const struct mw_block *block)
{
    static struct mwd_grouping_item items[PROCESSES];
    uint32_t count;

    count = mwd_grouping_take(self->grouping, block, self->base.subjects, items, PROCESSES);
    assert_int_equal(count, PROCESSES);
    for (uint32_t i = 0; i < 6; i++) {
        items[i].rule = i >= 4;
        snprintf(items[i].name, sizeof items[i].name, "%s", i >= 4 ? "a \"b\"\n" : "c");
    }
    mwd_grouping_put(self->grouping, mwd_grouping_round(self->grouping), items, count);
}

static int setup(void **state)
{
    struct synthetic_options options = {
        .seed = 3, .processes = PROCESSES, .kernel_thread_percent = 100};
    struct bench *self = calloc(1, sizeof *self);
    const struct mw_block *block;

    synthetic_init(&self->base, &options);
    block = mw_sample_block(self->base.sample, MW_SOURCE_PROCESS);
    self->rules = make_rules();
    assert_int_equal(mwd_grouping_create(&self->grouping), 0);
    assert_int_equal(mwd_grouping_restart(self->grouping, RULES, false, block), 0);
    answer(self, block);
    assert_int_equal(mwd_groups_create(&self->groups), 0);
    self->input = view_input(&self->base);
    self->input.grouping = self->grouping;
    self->input.rules = self->rules;
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct bench *self = *state;

    mwd_groups_destroy(self->groups);
    mwd_grouping_destroy(self->grouping);
    mwd_matcher_unref(self->rules);
    synthetic_deinit(&self->base);
    free(self);
    return 0;
}

static void expect_number(const cJSON *object, const char *key, double number)
{
    assert_true(cJSON_IsNumber(view_member(object, key)));
    assert_true(view_member(object, key)->valuedouble == number);
}

static void rules_are_listed_with_what_they_match(void **state)
{
    static const int processes[RULES] = {4, 2, 0};
    struct bench *self = *state;
    struct mwd_buffer out;
    const cJSON *rules;
    cJSON *root;

    mwd_buffer_init(&out, SIZE_MAX);
    mwd_view_groups(&self->input, &out);
    root = view_parse(&out);
    view_expect_head(root, self->base.sample);
    rules = view_member(root, "rules");
    assert_int_equal(cJSON_GetArraySize(rules), RULES);
    for (int i = 0; i < RULES; i++) {
        const cJSON *rule = cJSON_GetArrayItem(rules, i);

        assert_string_equal(view_member(rule, "name")->valuestring, "{{.ExeBase}}");
        assert_string_equal(view_member(rule, "origin")->valuestring, "/etc/a.conf:7");
        expect_number(rule, "processes", processes[i]);
        expect_number(rule, "children", 0);
        expect_number(rule, "matched", processes[i]);
        expect_number(rule, "givenUp", i == 2);
    }
    expect_number(root, "names", 2);
    expect_number(root, "ungrouped", PROCESSES - 6);
    expect_number(root, "waiting", 0);
    expect_number(root, "lost", 0);
    cJSON_Delete(root);
    mwd_buffer_deinit(&out);
}

static void without_rules_the_list_is_empty(void **state)
{
    struct bench *self = *state;
    struct mwd_buffer out;
    cJSON *root;

    self->input.grouping = NULL;
    self->input.rules = NULL;
    mwd_buffer_init(&out, SIZE_MAX);
    mwd_view_groups(&self->input, &out);
    root = view_parse(&out);
    assert_int_equal(cJSON_GetArraySize(view_member(root, "rules")), 0);
    expect_number(root, "ungrouped", 0);
    cJSON_Delete(root);
    mwd_buffer_deinit(&out);
}

typedef void (*view_fn)(const struct mwd_view_input *input, struct mwd_buffer *out);

static char *render(struct bench *self, view_fn view, bool grouped_only, uint32_t limit)
{
    struct mwd_groups_input input = {.sample = self->base.sample,
                                     .subjects = self->base.subjects,
                                     .grouping = self->input.grouping,
                                     .limit = limit,
                                     .grouped_only = grouped_only};
    struct mwd_buffer out;

    assert_int_equal(mwd_groups_update(self->groups, &input), 0);
    self->input.groups = self->groups;
    mwd_buffer_init(&out, SIZE_MAX);
    view(&self->input, &out);
    mwd_buffer_append(&out, "", 1);
    assert_int_equal(out.failed, 0);
    return out.bytes;
}

static void metrics_tell_of_rules(void **state)
{
    static const view_fn views[] = {mwd_view_metrics, mwd_view_openmetrics};
    struct bench *self = *state;

    for (uint32_t i = 0; i < 2; i++) {
        char *text = render(self, views[i], false, 20 + i);

        assert_non_null(strstr(text, "\nmemwatch_process_rules 3\n"));
        assert_non_null(strstr(text, "\nmemwatch_process_rules_unused 1\n"));
        assert_non_null(strstr(text, "\nmemwatch_process_rules_given_up_total 1\n"));
        assert_non_null(strstr(text, "\nmemwatch_process_ungrouped 4\n"));
        assert_non_null(strstr(text, "_group_processes{name=\"a \\\"b\\\"\\n\"} 2\n"));
        assert_non_null(strstr(text, "_group_processes{name=\"other\"} 4\n"));
        free(text);
    }
    self->input.grouping = NULL;
    char *text = render(self, mwd_view_metrics, false, 30);
    assert_null(strstr(text, "memwatch_process_rules"));
    free(text);
}

/* Rules may name threads of the kernel, as there; those in no group are not shown. */
static void process_exporter_shows_groups_alone(void **state)
{
    struct bench *self = *state;
    char *text = render(self, mwd_view_process_exporter, true, 20);

    assert_non_null(strstr(text, "num_procs{groupname=\"c\"} 4\n"));
    assert_non_null(strstr(text, "num_procs{groupname=\"a \\\"b\\\"\\n\"} 2\n"));
    assert_null(strstr(text, "\"other\""));
    free(text);
    text = render(self, mwd_view_process_exporter, true, 1);
    assert_non_null(strstr(text, "num_procs{groupname=\"other\"} "));
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rules_are_listed_with_what_they_match),
        TEST(without_rules_the_list_is_empty),
        TEST(metrics_tell_of_rules),
        TEST(process_exporter_shows_groups_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
