/* Each process is asked for once, and once more; groups are those of the newest answer; children
 * are where their parents are; names are stored once, bounded, and gone with the last process. */
#include "daemon/grouping.h"
#include "tests/support/synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 32, RULES = 3 };

struct world {
    struct synthetic base; /* for its subjects and pools */
    struct mwd_grouping *grouping;
    struct mw_block *block; /* the newest one */
    uint64_t seq;
    struct mwd_grouping_item items[MWD_GROUPING_BATCH_MAX];
};

static int setup(void **state)
{
    struct synthetic_options options = {.seed = 1};
    struct world *self = calloc(1, sizeof *self);

    synthetic_init(&self->base, &options);
    self->seq = 1;
    assert_int_equal(mwd_grouping_create(&self->grouping), 0);
    assert_int_equal(mwd_grouping_restart(self->grouping, RULES, true, NULL), 0);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct world *self = *state;

    assert_null(mwd_grouping_destroy(self->grouping));
    assert_null(mwd_grouping_destroy(NULL));
    mw_block_unref(self->block);
    synthetic_deinit(&self->base);
    free(self);
    return 0;
}

/* ---- blocks: row i has pid i + 1, and was born at i + 1 unless a test says when ---- */

static struct mw_block *begin(struct world *self, uint32_t rows)
{
    struct mw_block *block;

    assert_int_equal(mw_block_take(self->base.pools[MW_SOURCE_PROCESS], self->block, rows, &block),
                     0);
    return block;
}

static void name(struct mw_block *block, uint32_t row, const char *text)
{
    assert_int_equal(mw_block_add_event(block, MW_EVENT_NAME, row, MW_PRESENT, text, strlen(text)),
                     0);
}

static void bear(struct mw_block *block, uint32_t row, uint64_t birth, uint32_t parent)
{
    mw_block_set_key(block, row, (struct mw_block_key){row + 1, birth});
    assert_int_equal(mw_block_add_event(block, MW_EVENT_BORN, row, MW_PRESENT, NULL, 0), 0);
    name(block, row, "comm");
    mw_block_put(block, MW_PROCESS_PPID, row, (union mw_value){.u = parent});
    mw_block_put(block, MW_PROCESS_UID, row, (union mw_value){.u = 1000 + row});
}

static void bury(struct mw_block *block, uint32_t row)
{
    assert_int_equal(mw_block_add_event(block, MW_EVENT_GONE, row, MW_PRESENT, NULL, 0), 0);
    mw_block_clear_row(block, row);
}

static void finish(struct world *self, struct mw_block *block)
{
    self->seq++;
    mw_block_set_time(block, self->seq, 1, self->seq);
    assert_int_equal(mw_block_finish(block), 0);
    assert_int_equal(mw_subjects_apply(self->base.subjects, block), 0);
    assert_int_equal(mwd_grouping_follow(self->grouping, block), 0);
    mw_block_unref(self->block);
    self->block = block;
}

static void bear_rows(struct world *self, uint32_t rows)
{
    struct mw_block *block = begin(self, rows);

    for (uint32_t row = 0; row < rows; row++)
        bear(block, row, row + 1, row); /* each is the child of the one before */
    finish(self, block);
}

static void nothing_happens(struct world *self)
{
    finish(self, begin(self, ROWS));
}

/* ---- questions and answers ---- */

static uint32_t take(struct world *self)
{
    return mwd_grouping_take(self->grouping, self->block, self->base.subjects, self->items,
                             MWD_GROUPING_BATCH_MAX);
}

/* Answers all that is wanted: row i as answers[i] says, "1name" is rule 1 and that name; NULL none.
 */
static uint32_t answer(struct world *self, const char *const *answers)
{
    uint64_t round = mwd_grouping_round(self->grouping);
    uint32_t count = take(self);

    for (uint32_t i = 0; i < count; i++) {
        const char *text = answers[self->items[i].row];

        self->items[i].rule = text ? (uint32_t)(text[0] - '0') : MWD_GROUPING_NO_RULE;
        snprintf(self->items[i].name, sizeof self->items[i].name, "%s", text ? text + 1 : "");
    }
    mwd_grouping_put(self->grouping, round, self->items, count);
    return count;
}

#define ANSWER(...) answer(self, (const char *const[ROWS]){__VA_ARGS__})

/* "a - b": the groups of the first rows. */
static void expect(const struct world *self, const char *expected)
{
    char text[256] = "";
    size_t used = 0;

    for (uint32_t row = 0; used < strlen(expected); row++) {
        size_t size;
        const char *bytes =
            mwd_grouping_name(self->grouping, row, (struct mw_block_key){row + 1, row + 1}, &size);

        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", row ? " " : "",
                                 bytes ? (int)size : 1, bytes ? bytes : "-");
    }
    assert_string_equal(text, expected);
}

static struct mwd_grouping_totals totals_of(const struct world *self)
{
    struct mwd_grouping_totals totals;

    mwd_grouping_get_totals(self->grouping, &totals);
    return totals;
}

/* ---- tests ---- */

static void each_process_is_asked_for_and_once_more(void **state)
{
    struct world *self = *state;

    bear_rows(self, 3);
    assert_int_equal(mwd_grouping_wanted(self->grouping), 3);
    assert_int_equal(ANSWER("0a", "1b", "0a"), 3);
    assert_string_equal(self->items[1].comm, "comm");
    assert_true(self->items[1].uid_known && self->items[1].uid == 1001);
    expect(self, "a b a");
    assert_int_equal(take(self), 0);
    nothing_happens(self); /* what has just been born may have become another program */
    assert_int_equal(ANSWER("0a", "1c", "0a"), 3);
    expect(self, "a c a");
    nothing_happens(self);
    assert_int_equal(mwd_grouping_wanted(self->grouping), 0);
    assert_int_equal(take(self), 0);
}

static void another_name_asks_again(void **state)
{
    struct world *self = *state;
    struct mw_block *block;

    bear_rows(self, 2);
    ANSWER("0a", "0a");
    nothing_happens(self);
    ANSWER("0a", "0a");
    block = begin(self, ROWS);
    name(block, 1, "renamed");
    finish(self, block);
    assert_int_equal(mwd_grouping_wanted(self->grouping), 1);
    expect(self, "a a"); /* until there is an answer */
    assert_int_equal(ANSWER(NULL, "2b"), 1);
    assert_string_equal(self->items[0].comm, "renamed");
    expect(self, "a b");
}

/* An answer to a question of before another one, and one of a process that is no more. */
static void late_answers_are_passed_over(void **state)
{
    struct world *self = *state;
    struct mw_block *block;
    uint32_t count;

    bear_rows(self, 2);
    count = take(self);
    assert_int_equal(count, 2);
    block = begin(self, ROWS);
    bury(block, 0);
    bear(block, 0, 99, 0);
    name(block, 1, "renamed");
    finish(self, block);
    for (uint32_t i = 0; i < count; i++) {
        self->items[i].rule = 0;
        strcpy(self->items[i].name, "late");
    }
    mwd_grouping_put(self->grouping, mwd_grouping_round(self->grouping), self->items, count);
    assert_int_equal(totals_of(self).ungrouped, 2);
    assert_int_equal(mwd_grouping_wanted(self->grouping), 2);
    count = take(self);
    assert_int_equal(mwd_grouping_restart(self->grouping, RULES, true, self->block), 0);
    mwd_grouping_put(self->grouping, mwd_grouping_round(self->grouping) - 1, self->items, count);
    assert_int_equal(totals_of(self).ungrouped, 2);
}

static void children_are_where_their_parents_are(void **state)
{
    struct world *self = *state;

    bear_rows(self, 6);
    ANSWER(NULL, "0a", NULL, NULL, "1b", NULL);
    expect(self, "- a a a b b");
    assert_int_equal(mwd_grouping_count(self->grouping, 0).processes, 1);
    assert_int_equal(mwd_grouping_count(self->grouping, 0).children, 2);
    assert_int_equal(mwd_grouping_count(self->grouping, 0).matched, 1);
    assert_int_equal(mwd_grouping_count(self->grouping, 1).children, 1);
    assert_int_equal(mwd_grouping_count(self->grouping, 2).processes, 0);
    assert_int_equal(totals_of(self).ungrouped, 1);
}

static void children_are_not_where_that_is_not_wanted(void **state)
{
    struct world *self = *state;

    assert_int_equal(mwd_grouping_restart(self->grouping, RULES, false, NULL), 0);
    bear_rows(self, 3);
    ANSWER("0a", NULL, "1b");
    expect(self, "a - b");
}

/* Who outlives its parent stays; a younger process of the parent's pid is no parent. */
static void an_orphan_stays_where_it_was(void **state)
{
    struct world *self = *state;
    struct mw_block *block;

    bear_rows(self, 2);
    ANSWER("0a", NULL);
    expect(self, "a a");
    block = begin(self, ROWS);
    bury(block, 0);
    bear(block, 0, 500, 0);
    bear(block, 2, 3, 1);
    finish(self, block);
    ANSWER("1b", NULL, NULL);
    expect(self, "- a -"); /* row 0 is asked for with the key that it had */
    assert_int_equal(totals_of(self).ungrouped, 1);
}

/* The questions of one block may take several batches, and the parent come in a later one. */
static void a_parent_that_is_asked_for_later_counts(void **state)
{
    struct world *self = *state;
    struct mw_block *block = begin(self, 2);
    struct mwd_grouping_item items[2];
    uint64_t round = mwd_grouping_round(self->grouping);

    bear(block, 0, 10, 2);
    bear(block, 1, 1, 0);
    finish(self, block);
    for (uint32_t row = 0; row < 2; row++) {
        assert_int_equal(
            mwd_grouping_take(self->grouping, self->block, self->base.subjects, items, 1), 1);
        assert_int_equal(items[0].row, row);
        items[0].rule = row == 1 ? 2 : MWD_GROUPING_NO_RULE;
        strcpy(items[0].name, "late");
        mwd_grouping_put(self->grouping, round, items, 1);
        assert_int_equal(totals_of(self).waiting, row == 1 ? 0 : 2);
    }
    assert_int_equal(totals_of(self).ungrouped, 0);
    assert_int_equal(mwd_grouping_count(self->grouping, 2).children, 1);
}

/* Where others are born all the time, or take long, there is always one that is asked for. */
static void strangers_do_not_hold_children_up(void **state)
{
    struct world *self = *state;
    struct mw_block *block = begin(self, 3);

    bear(block, 0, 1, 0);
    bear(block, 1, 2, 1);
    finish(self, block);
    ANSWER("1a", NULL, NULL);
    expect(self, "a a");
    nothing_happens(self); /* both are asked for once more */
    assert_int_equal(take(self), 2);
    block = begin(self, 3);
    bear(block, 2, 3, 0);
    finish(self, block);
    for (uint32_t i = 0; i < 2; i++) {
        self->items[i].rule = i == 0 ? 2 : MWD_GROUPING_NO_RULE;
        strcpy(self->items[i].name, "b");
    }
    mwd_grouping_put(self->grouping, mwd_grouping_round(self->grouping), self->items, 2);
    expect(self, "b b -");
    assert_int_equal(totals_of(self).waiting, 1);
}

static void other_rules_ask_for_all(void **state)
{
    struct world *self = *state;

    bear_rows(self, 3);
    ANSWER("0a", "1b", NULL);
    expect(self, "a b b");
    assert_int_equal(mwd_grouping_restart(self->grouping, 1, true, self->block), 0);
    assert_int_equal(mwd_grouping_wanted(self->grouping), 3);
    expect(self, "a b b"); /* until there are answers */
    assert_int_equal(mwd_grouping_count(self->grouping, 0).processes, 0);
    assert_int_equal(mwd_grouping_count(self->grouping, 7).processes, 0);
    ANSWER("0z", NULL, "7x"); /* one of a rule that is not there is no answer */
    expect(self, "z z z");
    assert_int_equal(mwd_grouping_count(self->grouping, 0).processes, 1);
    assert_int_equal(mwd_grouping_count(self->grouping, 0).children, 2);
    assert_int_equal(totals_of(self).names, 1);
}

static void a_name_goes_with_its_last_process(void **state)
{
    struct world *self = *state;
    struct mw_block *block;
    size_t size;

    bear_rows(self, 3);
    ANSWER("0a", "0a", "1b");
    assert_int_equal(totals_of(self).names, 2);
    assert_ptr_equal(mwd_grouping_name(self->grouping, 0, (struct mw_block_key){1, 1}, &size),
                     mwd_grouping_name(self->grouping, 1, (struct mw_block_key){2, 2}, &size));
    block = begin(self, ROWS);
    bury(block, 0);
    bury(block, 2);
    finish(self, block);
    assert_int_equal(totals_of(self).names, 1);
    assert_int_equal(mwd_grouping_count(self->grouping, 0).processes, 1);
    assert_int_equal(mwd_grouping_count(self->grouping, 1).processes, 0);
    assert_null(mwd_grouping_name(self->grouping, 0, (struct mw_block_key){1, 1}, &size));
    assert_null(mwd_grouping_name(self->grouping, 1, (struct mw_block_key){2, 3}, &size));
    assert_null(mwd_grouping_name(self->grouping, 9999, (struct mw_block_key){2, 3}, &size));
}

/* Different names up to the limit less one, the limit, and far over it: the rest is in no group and
 * counted; when names go there is room again. */
static void hundred_thousand_names_have_a_bound(void **state)
{
    enum { PROCESSES = 100000 };
    struct world *self = *state;
    struct mw_block *block = begin(self, PROCESSES);
    uint32_t count, answered = 0;

    for (uint32_t row = 0; row < PROCESSES; row++)
        bear(block, row, row + 1, 0);
    finish(self, block);
    while ((count = take(self)) > 0) {
        for (uint32_t i = 0; i < count; i++) {
            self->items[i].rule = 0;
            snprintf(self->items[i].name, sizeof self->items[i].name, "n%u",
                     (unsigned)self->items[i].row);
        }
        mwd_grouping_put(self->grouping, mwd_grouping_round(self->grouping), self->items, count);
        answered += count;
        assert_int_equal(totals_of(self).names,
                         answered < MWD_GROUPING_NAMES_MAX ? answered : MWD_GROUPING_NAMES_MAX);
    }
    assert_int_equal(totals_of(self).lost, PROCESSES - MWD_GROUPING_NAMES_MAX);
    assert_int_equal(totals_of(self).ungrouped, PROCESSES - MWD_GROUPING_NAMES_MAX);
    block = begin(self, PROCESSES);
    for (uint32_t row = 0; row < PROCESSES; row++)
        bury(block, row);
    finish(self, block);
    assert_int_equal(totals_of(self).names, 0);
    assert_int_equal(totals_of(self).ungrouped, 0);
    assert_int_equal(totals_of(self).waiting, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_process_is_asked_for_and_once_more),
        TEST(another_name_asks_again),
        TEST(late_answers_are_passed_over),
        TEST(children_are_where_their_parents_are),
        TEST(children_are_not_where_that_is_not_wanted),
        TEST(an_orphan_stays_where_it_was),
        TEST(a_parent_that_is_asked_for_later_counts),
        TEST(strangers_do_not_hold_children_up),
        TEST(other_rules_ask_for_all),
        TEST(a_name_goes_with_its_last_process),
        TEST(hundred_thousand_names_have_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
