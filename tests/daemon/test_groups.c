/* Groups are few, the largest, the same for a while, and add up to all processes. */
#include "daemon/groups.h"
#include "tests/support/synthetic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 16 };

struct process {
    const char *name; /* NULL: unknown */
    uint64_t rss;     /* UINT64_MAX: unknown */
};

/* Samples of processes as a test wants them, one after the other. */
struct world {
    struct synthetic base;
    struct mwd_groups *groups;
    uint64_t seq;
    uint32_t live;
};

static int setup(void **state)
{
    struct synthetic_options options = {.seed = 1};
    struct world *self = calloc(1, sizeof *self);

    synthetic_init(&self->base, &options);
    self->seq = 1; /* that of the block in it */
    assert_int_equal(mwd_groups_create(&self->groups), 0);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct world *self = *state;

    assert_null(mwd_groups_destroy(self->groups));
    assert_null(mwd_groups_destroy(NULL));
    synthetic_deinit(&self->base);
    free(self);
    return 0;
}

static int update_of(struct mwd_groups *groups, const struct synthetic *base, uint32_t limit)
{
    return mwd_groups_update(groups, &(struct mwd_groups_input){.sample = base->sample,
                                                                .subjects = base->subjects,
                                                                .limit = limit});
}

static int update(struct world *self, uint32_t limit)
{
    return update_of(self->groups, &self->base, limit);
}

static void put_process(struct mw_block *block, uint32_t row, uint64_t birth,
                        const struct process *process)
{
    enum mw_absence absence = process->name ? MW_PRESENT : MW_ABSENT_DENIED;

    mw_block_set_key(block, row, (struct mw_block_key){row + 1, birth});
    assert_int_equal(mw_block_add_event(block, MW_EVENT_BORN, row, MW_PRESENT, NULL, 0), 0);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_NAME, row, absence, process->name,
                                        process->name ? strlen(process->name) : 0),
                     0);
    if (process->rss != UINT64_MAX)
        mw_block_put(block, MW_PROCESS_RSS, row, (union mw_value){.u = process->rss});
}

static void take_away(struct mw_block *block, uint32_t row)
{
    mw_block_set_key(block, row, (struct mw_block_key){row + 1, 1});
    assert_int_equal(mw_block_add_event(block, MW_EVENT_GONE, row, MW_PRESENT, NULL, 0), 0);
    mw_block_clear_row(block, row);
}

/* The next sample has these processes, the first started last. */
static void step(struct world *self, uint32_t limit, const struct process *processes,
                 uint32_t count)
{
    struct synthetic *base = &self->base;
    struct mw_block *block = NULL;

    assert_int_equal(mw_block_take(base->pools[MW_SOURCE_PROCESS], NULL, ROWS, &block), 0);
    for (uint32_t row = 0; row < count; row++)
        put_process(block, row, 9000 - row * 1000, &processes[row]);
    for (uint32_t row = count; row < self->live; row++)
        take_away(block, row);
    self->live = count;
    self->seq++;
    mw_block_set_time(block, self->seq, 1, 1000000 * self->seq);
    assert_int_equal(mw_block_finish(block), 0);
    assert_int_equal(mw_subjects_apply(base->subjects, block), 0);
    mw_sealer_offer(base->sealer, block, 1000000);
    mw_block_unref(block);
    base->sample = mw_sample_unref(base->sample);
    assert_int_equal(mw_sealer_seal(base->sealer, 1000000, &base->sample), 0);
    assert_int_equal(update(self, limit), 0);
}

/* "a=30/2 other=7/1": names, sums of rss, numbers of processes. */
static void expect(const struct world *self, const char *expected)
{
    char text[512] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < mwd_groups_count(self->groups); i++) {
        const struct mwd_group *group = mwd_groups_at(self->groups, i);
        double rss = -1;

        mwd_groups_get(self->groups, i, MW_PROCESS_RSS, &rss);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=%g/%u", i ? " " : "",
                                 group->name, rss, group->processes);
    }
    assert_string_equal(text, expected);
}

#define STEP(self, limit, ...)                                                                     \
    step(self, limit, (const struct process[]){__VA_ARGS__},                                       \
         sizeof((const struct process[]){__VA_ARGS__}) / sizeof(struct process))

static void processes_of_a_name_are_one_group(void **state)
{
    struct world *self = *state;

    STEP(self, 5, {"b", 10}, {"a", 1}, {"b", 20}, {"a", 2});
    expect(self, "a=3/2 b=30/2 other=-1/0");
    assert_int_equal(mwd_groups_names(self->groups), 2);
    assert_int_equal(mwd_groups_folded(self->groups), 0);
    assert_int_equal(mwd_groups_at(self->groups, 0)->oldest_start_ms, 6000);
    assert_int_equal(mwd_groups_at(self->groups, 1)->oldest_start_ms, 7000);
    assert_true(mwd_groups_at(self->groups, 2)->oldest_start_ms == INT64_MAX);
}

static void the_rest_is_summed(void **state)
{
    struct world *self = *state;

    STEP(self, 2, {"a", 5}, {"b", 6}, {"c", 7}, {"d", 1});
    expect(self, "b=6/1 c=7/1 other=6/2");
    assert_int_equal(mwd_groups_folded(self->groups), 2);
    STEP(self, 0, {"a", 5}, {"b", 6});
    expect(self, "other=11/2");
    assert_int_equal(mwd_groups_folded(self->groups), 4);
}

/* At the limit less one, the limit, and one more. */
static void the_limit_is_kept(void **state)
{
    struct world *self = *state;

    STEP(self, 3, {"a", 5}, {"b", 6});
    expect(self, "a=5/1 b=6/1 other=-1/0");
    STEP(self, 3, {"a", 5}, {"b", 6}, {"c", 7});
    expect(self, "a=5/1 b=6/1 c=7/1 other=-1/0");
    STEP(self, 3, {"a", 5}, {"b", 6}, {"c", 7}, {"d", 1});
    expect(self, "a=5/1 b=6/1 c=7/1 other=1/1");
}

/* Two of about the same size do not take turns. */
static void membership_is_sticky(void **state)
{
    struct world *self = *state;

    STEP(self, 1, {"a", 100}, {"b", 90});
    expect(self, "a=100/1 other=90/1");
    STEP(self, 1, {"a", 100}, {"b", 124});
    expect(self, "a=100/1 other=124/1");
    STEP(self, 1, {"a", 100}, {"b", 126});
    expect(self, "b=126/1 other=100/1");
    STEP(self, 1, {"a", 130}, {"b", 126});
    expect(self, "b=126/1 other=130/1");
}

static void a_group_that_died_is_gone_at_once(void **state)
{
    struct world *self = *state;

    STEP(self, 2, {"a", 100}, {"b", 90}, {"c", 1});
    STEP(self, 2, {"b", 90}, {"c", 1});
    expect(self, "b=90/1 c=1/1 other=-1/0");
}

/* Else two series would have one name. */
static void a_process_called_as_the_rest_is_in_it(void **state)
{
    struct world *self = *state;

    STEP(self, 5, {MWD_GROUPS_REST, 100}, {"a", 1}, {NULL, 7}, {"othe", 2}, {"others", 3});
    expect(self, "a=1/1 othe=2/1 others=3/1 other=107/2");
    assert_int_equal(mwd_groups_names(self->groups), 3);
}

static void what_is_unknown_is_not_0(void **state)
{
    struct world *self = *state;
    double value;

    STEP(self, 5, {"a", UINT64_MAX}, {"b", UINT64_MAX}, {"b", 4});
    expect(self, "a=-1/1 b=4/2 other=-1/0");
    assert_false(mwd_groups_get(self->groups, 1, MW_PROCESS_SWAP, &value));
}

static void without_fresh_processes_there_are_no_groups(void **state)
{
    struct world *self = *state;

    STEP(self, 5, {"a", 1});
    assert_int_equal(mwd_groups_count(self->groups), 2);
    synthetic_age(&self->base);
    assert_int_equal(update(self, 5), 0);
    assert_int_equal(mwd_groups_count(self->groups), 0);
}

static void nothing_is_counted_twice_for_a_sample(void **state)
{
    struct world *self = *state;

    STEP(self, 1, {"a", 5}, {"b", 6});
    for (int i = 0; i < 3; i++)
        assert_int_equal(update(self, 1), 0);
    assert_int_equal(mwd_groups_folded(self->groups), 1);
}

/* Puts each row in the group of that name, NULL in none. */
static struct mwd_grouping *group_rows(const struct world *self, const char *const *names)
{
    const struct mw_block *block = mw_sample_block(self->base.sample, MW_SOURCE_PROCESS);
    struct mwd_grouping_item items[ROWS];
    struct mwd_grouping *grouping;
    uint32_t count;

    assert_int_equal(mwd_grouping_create(&grouping), 0);
    assert_int_equal(mwd_grouping_restart(grouping, 1, false, block), 0);
    count = mwd_grouping_take(grouping, block, self->base.subjects, items, ROWS);
    for (uint32_t i = 0; i < count; i++) {
        const char *name = names[items[i].row];

        items[i].rule = name ? 0 : MWD_GROUPING_NO_RULE;
        snprintf(items[i].name, sizeof items[i].name, "%s", name ? name : "");
    }
    mwd_grouping_put(grouping, mwd_grouping_round(grouping), items, count);
    return grouping;
}

static void expect_by_rules(struct world *self, const struct mwd_grouping *grouping,
                            bool grouped_only, uint32_t limit, const char *expected)
{
    struct mwd_groups_input input = {.sample = self->base.sample,
                                     .subjects = self->base.subjects,
                                     .grouping = grouping,
                                     .limit = limit,
                                     .grouped_only = grouped_only};

    assert_int_equal(mwd_groups_update(self->groups, &input), 0);
    expect(self, expected);
}

/* Whatever processes are called; who is in no group is in the rest, or nowhere. */
static void groups_are_those_of_rules(void **state)
{
    static const char *const names[] = {"g", "h", "g", NULL, MWD_GROUPS_REST};
    struct world *self = *state;
    struct mwd_grouping *grouping;

    STEP(self, 1, {"a", 1}, {"a", 2}, {"b", 4}, {"c", 8}, {"d", 16});
    grouping = group_rows(self, names);
    expect_by_rules(self, grouping, false, 5, "g=5/2 h=2/1 other=24/2");
    expect_by_rules(self, grouping, true, 6, "g=5/2 h=2/1 other=16/1");
    expect_by_rules(self, grouping, false, 1, "g=5/2 other=26/3");
    expect_by_rules(self, grouping, true, 0, "other=23/4");
    mwd_grouping_destroy(grouping);
}

static double total_of(const struct mw_block *block, enum mw_reading reading)
{
    double total = 0;

    for (uint32_t row = 0; row < mw_block_head(block)->rows; row++) {
        union mw_value value;

        if (mw_block_get(block, reading, row, &value) == MW_PRESENT)
            total +=
                mw_reading_info(reading)->value == MW_VALUE_I64 ? (double)value.i : (double)value.u;
    }
    return total;
}

/* However many names, and whatever they are: so many groups, and the sums of all processes. */
static void groups_add_up_to_all_processes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct synthetic_options options = {.seed = seed,
                                            .processes = seed == 4 ? 100000 : 3000,
                                            .free_every = 7,
                                            .absent_percent = 10,
                                            .wild = seed % 2 == 0};
        struct synthetic synthetic;
        struct mwd_groups *groups;
        double sum = 0, total;

        synthetic_init(&synthetic, &options);
        assert_int_equal(mwd_groups_create(&groups), 0);
        assert_int_equal(update_of(groups, &synthetic, 50), 0);
        assert_int_equal(mwd_groups_count(groups), 51);
        for (uint32_t i = 0; i < 51; i++) {
            double value;

            if (i > 0 && i < 50)
                assert_true(
                    strcmp(mwd_groups_at(groups, i - 1)->name, mwd_groups_at(groups, i)->name) < 0);
            sum += mwd_groups_get(groups, i, MW_PROCESS_RSS, &value) ? value : 0;
        }
        total = total_of(mw_sample_block(synthetic.sample, MW_SOURCE_PROCESS), MW_PROCESS_RSS);
        assert_true(fabs(sum - total) <= total * 1e-9);
        mwd_groups_destroy(groups);
        synthetic_deinit(&synthetic);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(processes_of_a_name_are_one_group),
        TEST(the_rest_is_summed),
        TEST(the_limit_is_kept),
        TEST(membership_is_sticky),
        TEST(a_group_that_died_is_gone_at_once),
        TEST(a_process_called_as_the_rest_is_in_it),
        TEST(what_is_unknown_is_not_0),
        TEST(without_fresh_processes_there_are_no_groups),
        TEST(nothing_is_counted_twice_for_a_sample),
        TEST(groups_are_those_of_rules),
        cmocka_unit_test(groups_add_up_to_all_processes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
