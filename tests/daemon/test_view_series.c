/* However much is reported, /metrics keeps to its number of series, and shows whole subjects. */
#include "daemon/names.h"
#include "daemon/view_internal.h"
#include "tests/support/view_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { QUEUES = 120 };

struct world {
    struct synthetic base;
    struct mwd_names *names;
    struct mwd_groups *groups;
    struct mwd_windows *windows;
    struct mwd_view_input input;
    struct mwd_view_plan plan;
};

/* QUEUES that others report, behind the daemon's own. */
static void report_queues(struct world *self)
{
    struct mwd_name_owner owner = {.uid = 1};
    struct mw_block *block = NULL;
    char name[32];

    assert_int_equal(mw_block_take(self->base.pools[MW_SOURCE_QUEUE], NULL, QUEUES + 1, &block), 0);
    mw_block_set_time(block, 99, 1, 99000000000);
    mw_block_set_key(block, 0, (struct mw_block_key){MWD_QUEUE_EVENTS, 0});
    for (uint32_t i = 0; i < QUEUES; i++) {
        uint32_t place = 0;

        snprintf(name, sizeof name, "q%03u", i);
        assert_int_equal(
            mwd_names_take(self->names, MW_KIND_QUEUE, name, strlen(name), owner, 1, &place), 1);
        mw_block_set_key(block, i + 1, mwd_names_key(self->names, MW_KIND_QUEUE, place));
        for (uint16_t column = 0; column < mw_source_columns(MW_SOURCE_QUEUE); column++)
            mw_block_put(block, mw_source_first(MW_SOURCE_QUEUE) + column, i + 1,
                         (union mw_value){.u = 0});
    }
    assert_int_equal(mw_block_finish(block), 0);
    mw_sealer_offer(self->base.sealer, block, 1000000);
    mw_block_unref(block);
    self->base.sample = mw_sample_unref(self->base.sample);
    assert_int_equal(mw_sealer_seal(self->base.sealer, 1000000, &self->base.sample), 0);
}

static int setup(void **state)
{
    struct synthetic_options options = {.seed = 1, .processes = 400, .wild = true};
    struct world *self = calloc(1, sizeof *self);

    synthetic_init(&self->base, &options);
    assert_int_equal(mwd_names_create(&self->names), 0);
    assert_int_equal(mwd_groups_create(&self->groups), 0);
    assert_int_equal(mwd_windows_create(&self->windows), 0);
    report_queues(self);
    self->input = view_input(&self->base);
    self->input.names = self->names;
    self->input.groups = self->groups;
    self->input.windows = self->windows;
    self->input.plan = &self->plan;
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct world *self = *state;

    mwd_windows_destroy(self->windows);
    mwd_groups_destroy(self->groups);
    mwd_names_destroy(self->names);
    synthetic_deinit(&self->base);
    free(self);
    return 0;
}

/* The document under that many series and wanted groups; the caller's, free(). */
static char *render(struct world *self, uint32_t most, uint32_t groups)
{
    struct mwd_groups_input what = {.sample = self->input.sample, .subjects = self->input.subjects};
    struct mwd_buffer out;

    mwd_view_plan(&self->input, most, groups, &self->plan);
    what.limit = self->plan.groups;
    assert_int_equal(mwd_groups_update(self->groups, &what), 0);
    mwd_windows_feed(self->windows, self->input.sample, self->groups);
    mwd_buffer_init(&out, SIZE_MAX);
    mwd_view_metrics(&self->input, &out);
    mwd_buffer_append(&out, "", 1);
    assert_int_equal(out.failed, 0);
    return out.bytes;
}

static uint32_t count(const char *text, const char *part)
{
    uint32_t found = 0;

    for (text = strstr(text, part); text; text = strstr(text + 1, part))
        found++;
    return found;
}

static uint32_t count_series(const char *text)
{
    return count(text, "\n") - count(text, "\n#") - 1; /* the first line is a head, too */
}

/* More names than there may be groups, many queues, and any number of series. */
static void the_number_of_series_is_kept(void **state)
{
    static const uint32_t mosts[] = {1000, 1001, 1500, 2000, 5000, 12000, 20000, 1000000};
    struct world *self = *state;

    for (size_t i = 0; i < sizeof mosts / sizeof mosts[0]; i++)
        for (uint32_t groups = 0; groups <= 1000; groups = groups * 9 + 20) {
            char *text = render(self, mosts[i], groups);

            assert_true(count_series(text) <= mosts[i]);
            assert_true(self->plan.groups <= groups);
            assert_non_null(strstr(text, "\nmemwatch_system_mem_total_bytes "));
            assert_non_null(strstr(text, "\nmemwatch_process_group_processes{name=\"other\"} "));
            free(text);
        }
}

static void what_has_room_is_shown(void **state)
{
    struct world *self = *state;
    char *text = render(self, 1000000, 50);

    assert_int_equal(self->plan.groups, 50);
    assert_int_equal(self->plan.left_out, 0);
    assert_int_equal(count(text, "\nmemwatch_process_group_processes{"), 51);
    assert_int_equal(count(text, "\nmemwatch_queue_capacity{"), QUEUES);
    free(text);
    self->input.plan = NULL; /* as if nobody had planned */
    text = render(self, 1000, 0);
    assert_int_equal(count(text, "\nmemwatch_queue_capacity{"), QUEUES);
    free(text);
}

/* The first ones, each with all it has; what the others would have had is counted. */
static void subjects_are_shown_whole_or_not_at_all(void **state)
{
    struct world *self = *state;
    uint32_t lines = 0;

    for (uint32_t most = 2000; most < 2500; most += 23) {
        char *text = render(self, most, 50), last[64], next[64];
        uint32_t shown = self->plan.subjects[MW_KIND_QUEUE];

        assert_true(shown > 2 && shown < QUEUES);
        snprintf(last, sizeof last, "{name=\"q%03u\"", shown - 2); /* the first is the daemon's */
        snprintf(next, sizeof next, "{name=\"q%03u\"", shown - 1);
        if (!lines)
            lines = count(text, "{name=\"q000\"");
        assert_int_equal(count(text, last), lines);
        assert_int_equal(count(text, next), 0);
        assert_true(self->plan.left_out >= (uint64_t)lines * (QUEUES + 1 - shown));
        free(text);
    }
}

/* Else one more queue would cost the machine's own numbers, or a group. */
static void queues_do_not_push_out_others(void **state)
{
    struct world *self = *state;
    char *text = render(self, 1500, 20);

    assert_int_equal(self->plan.groups, 20);
    assert_int_equal(self->plan.subjects[MW_KIND_HEAP], 1);
    assert_true(self->plan.subjects[MW_KIND_QUEUE] < QUEUES);
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_number_of_series_is_kept),
        TEST(what_has_room_is_shown),
        TEST(subjects_are_shown_whole_or_not_at_all),
        TEST(queues_do_not_push_out_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
