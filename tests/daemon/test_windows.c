/* Windows belong to subjects: they come and go with them, and are fed by what is new in a sample.
 */
#include "daemon/windows.h"
#include "tests/support/synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 8, SYSTEM = 0, PROCESS = 1, HEAP = 2, QUEUE = 3 };

static const uint64_t second = 1000000000;

struct world {
    struct synthetic base;
    struct mwd_groups *groups;
    struct mwd_windows *windows;
    uint64_t seq, at; /* the second of the newest block */
};

static int setup(void **state)
{
    struct synthetic_options options = {.seed = 1};
    struct world *self = calloc(1, sizeof *self);

    synthetic_init(&self->base, &options);
    self->seq = 1;
    self->at = 1000;
    assert_int_equal(mwd_groups_create(&self->groups), 0);
    assert_int_equal(mwd_windows_create(&self->windows), 0);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct world *self = *state;

    assert_null(mwd_windows_destroy(self->windows));
    assert_null(mwd_windows_destroy(NULL));
    assert_null(mwd_groups_destroy(self->groups));
    synthetic_deinit(&self->base);
    free(self);
    return 0;
}

/* A block of the next second; not offered yet. */
static struct mw_block *take(struct world *self, enum mw_source source)
{
    struct mw_block *block = NULL;

    assert_int_equal(mw_block_take(self->base.pools[source], NULL, ROWS, &block), 0);
    mw_block_set_time(block, ++self->seq, (int64_t)self->at * 1000, self->at * second);
    return block;
}

static void offer(struct world *self, struct mw_block *block)
{
    assert_int_equal(mw_block_finish(block), 0);
    mw_sealer_offer(self->base.sealer, block, 1000000);
    mw_block_unref(block);
}

static void seal(struct world *self)
{
    struct synthetic *base = &self->base;

    base->sample = mw_sample_unref(base->sample);
    assert_int_equal(mw_sealer_seal(base->sealer, 1000000, &base->sample), 0);
}

static void feed(struct world *self)
{
    seal(self);
    mwd_windows_feed(self->windows, self->base.sample, self->groups);
    self->at++;
}

/* Keys and lengths of queues; an id of 0 leaves the row free, a length of UINT64_MAX is unknown. */
struct queue {
    uint64_t id, length;
};

static void queues(struct world *self, const struct queue *items, uint32_t count)
{
    struct mw_block *block = take(self, MW_SOURCE_QUEUE);

    for (uint32_t i = 0; i < count; i++) {
        if (items[i].id == 0)
            continue;
        mw_block_set_key(block, i, (struct mw_block_key){items[i].id, 7});
        if (items[i].length != UINT64_MAX)
            mw_block_put(block, MW_QUEUE_LENGTH, i, (union mw_value){.u = items[i].length});
    }
    offer(self, block);
    feed(self);
}

#define QUEUES(self, ...)                                                                          \
    queues(self, (const struct queue[]){__VA_ARGS__},                                              \
           sizeof((const struct queue[]){__VA_ARGS__}) / sizeof(struct queue))

/* Their rss by name; one group each, and "other". */
static void processes(struct world *self, const char *const *names, const uint64_t *rss,
                      uint32_t limit)
{
    struct mw_block *block = take(self, MW_SOURCE_PROCESS);

    for (uint32_t i = 0; i < ROWS / 2; i++) {
        uint64_t id = self->seq * ROWS + i; /* each time new ones */

        if (!names[i])
            break;
        mw_block_set_key(block, i, (struct mw_block_key){id, id});
        assert_int_equal(mw_block_add_event(block, MW_EVENT_BORN, i, MW_PRESENT, NULL, 0), 0);
        assert_int_equal(
            mw_block_add_event(block, MW_EVENT_NAME, i, MW_PRESENT, names[i], strlen(names[i])), 0);
        if (rss[i] != UINT64_MAX)
            mw_block_put(block, MW_PROCESS_RSS, i, (union mw_value){.u = rss[i]});
    }
    assert_int_equal(mw_block_finish(block), 0);
    assert_int_equal(mw_subjects_apply(self->base.subjects, block), 0);
    mw_sealer_offer(self->base.sealer, block, 1000000);
    mw_block_unref(block);
    seal(self);
    assert_int_equal(mwd_groups_update(self->groups, self->base.sample, self->base.subjects, limit),
                     0);
    mwd_windows_feed(self->windows, self->base.sample, self->groups);
    self->at++;
}

#define PROCESSES(self, limit, names, ...)                                                         \
    processes(self, (const char *const[]){names, NULL, NULL, NULL, NULL},                          \
              (const uint64_t[]){__VA_ARGS__}, limit)
#define NAMES(...) __VA_ARGS__

/* "1..9 3": least, greatest of the minute, for how many seconds it is known; "-" where nothing is.
 */
static void expect(const struct mw_window *window, const char *expected)
{
    struct mw_window_extremes ends;
    uint64_t known;
    char text[64] = "-";

    if (window && mw_window_known(window, &known) && mw_window_get(window, 60 * second, &ends))
        snprintf(text, sizeof text, "%g..%g %llu", ends.least, ends.greatest,
                 (unsigned long long)(known / second));
    assert_string_equal(text, expected);
}

static const struct mw_window *queue(const struct world *self, uint32_t row, uint64_t id)
{
    return mwd_windows_row(self->windows, QUEUE, row, (struct mw_block_key){id, 7});
}

static const struct mw_window *group(const struct world *self, const char *name)
{
    return mwd_windows_group(self->windows, 0, name);
}

static void the_table_is_what_the_tests_say(void **state)
{
    (void)state;
    assert_int_equal(mwd_window_readings[SYSTEM], MW_SYSTEM_MEM_AVAILABLE);
    assert_int_equal(mwd_window_readings[PROCESS], MW_PROCESS_RSS);
    assert_int_equal(mwd_window_readings[HEAP], MW_HEAP_USED);
    assert_int_equal(mwd_window_readings[QUEUE], MW_QUEUE_LENGTH);
    for (int i = 0; i < MWD_WINDOW_READINGS; i++)
        assert_int_equal(mw_reading_info(mwd_window_readings[i])->type, MW_TYPE_GAUGE);
    for (int i = 0; i < MWD_WINDOW_WIDTHS; i++)
        assert_true(mwd_window_widths[i].ns <= MW_WINDOW_SPAN_NS);
}

static void a_row_has_its_own_window(void **state)
{
    struct world *self = *state;

    QUEUES(self, {1, 5}, {2, 50});
    QUEUES(self, {1, 3}, {2, 70});
    expect(queue(self, 0, 1), "3..5 1");
    expect(queue(self, 1, 2), "50..70 1");
    expect(queue(self, 1, 1), "-");
    expect(queue(self, 2, 3), "-");
    expect(queue(self, ROWS * 100, 1), "-");
}

static void who_comes_to_a_row_does_not_inherit(void **state)
{
    struct world *self = *state;

    QUEUES(self, {1, 5}, {2, 50});
    QUEUES(self, {3, 7}, {2, 50});
    expect(queue(self, 0, 1), "-");
    expect(queue(self, 0, 3), "7..7 0");
    QUEUES(self, {0, 0}, {2, 60});
    expect(queue(self, 0, 3), "-");
    QUEUES(self, {3, 9}, {2, 60});
    expect(queue(self, 0, 3), "9..9 0");
    expect(queue(self, 1, 2), "50..60 3");
}

static void an_absent_reading_is_a_gap(void **state)
{
    struct world *self = *state;

    QUEUES(self, {1, 5});
    QUEUES(self, {1, UINT64_MAX});
    expect(queue(self, 0, 1), "-");
    QUEUES(self, {1, 6});
    expect(queue(self, 0, 1), "5..6 0");
}

/* Else what is repeated by samples between beats would look known for longer than it is. */
static void what_is_only_repeated_is_not_new(void **state)
{
    struct world *self = *state;

    QUEUES(self, {1, 5});
    for (int i = 0; i < 5; i++)
        feed(self);
    expect(queue(self, 0, 1), "5..5 0");
}

static void a_stale_source_shows_nothing(void **state)
{
    struct world *self = *state;

    QUEUES(self, {1, 5});
    PROCESSES(self, 5, NAMES("a"), 10);
    synthetic_age(&self->base);
    mwd_windows_feed(self->windows, self->base.sample, NULL);
    expect(queue(self, 0, 1), "-");
    expect(group(self, "a"), "-");
    QUEUES(self, {1, 4});
    PROCESSES(self, 5, NAMES("a"), 20);
    expect(queue(self, 0, 1), "4..5 0");
    expect(group(self, "a"), "10..20 0");
}

static void the_machine_has_one(void **state)
{
    struct world *self = *state;

    for (uint64_t i = 0; i < 3; i++) {
        struct mw_block *block = take(self, MW_SOURCE_SYSTEM);

        mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
        mw_block_put(block, MW_SYSTEM_MEM_AVAILABLE, 0, (union mw_value){.u = 100 - i});
        offer(self, block);
        feed(self);
    }
    expect(mwd_windows_row(self->windows, SYSTEM, 0, (struct mw_block_key){1, 0}), "98..100 2");
}

static void a_group_is_its_sum(void **state)
{
    struct world *self = *state;

    PROCESSES(self, 5, NAMES("a", "b", "a"), 1, 20, 3);
    PROCESSES(self, 5, NAMES("b", "a"), 30, 9);
    expect(group(self, "a"), "4..9 1");
    expect(group(self, "b"), "20..30 1");
    expect(group(self, MWD_GROUPS_REST), "-"); /* of none of its processes it is known */
    expect(group(self, "c"), "-");
}

static void a_group_that_died_takes_its_window_along(void **state)
{
    struct world *self = *state;

    PROCESSES(self, 5, NAMES("a", "b"), 1, 20);
    PROCESSES(self, 5, NAMES("b"), 21);
    expect(group(self, "a"), "-");
    PROCESSES(self, 5, NAMES("a", "b"), 5, 22);
    expect(group(self, "a"), "5..5 0");
    expect(group(self, "b"), "20..22 2");
}

/* One that is summed in other is not known by itself; the sum has a window like the others. */
static void a_group_that_is_not_shown_is_in_the_rest(void **state)
{
    struct world *self = *state;

    PROCESSES(self, 1, NAMES("a", "b", "c"), 100, 20, 1);
    PROCESSES(self, 1, NAMES("a", "b", "c"), 100, 30, 2);
    expect(group(self, "a"), "100..100 1");
    expect(group(self, "b"), "-");
    expect(group(self, MWD_GROUPS_REST), "21..32 1");
    PROCESSES(self, 1, NAMES("a", "b", "c"), 100, 300, 2);
    expect(group(self, "a"), "-");
    expect(group(self, "b"), "300..300 0");
    expect(group(self, MWD_GROUPS_REST), "21..102 2");
}

static void groups_are_found_wherever_they_stand(void **state)
{
    struct world *self = *state;

    PROCESSES(self, 5, NAMES("b", "d"), 1, 2);
    PROCESSES(self, 5, NAMES("a", "b", "c", "d"), 5, 6, 7, 8);
    for (uint32_t place = 0; place < 9; place++) {
        expect(mwd_windows_group(self->windows, place, "a"), "5..5 0");
        expect(mwd_windows_group(self->windows, place, "b"), "1..6 1");
        expect(mwd_windows_group(self->windows, place, "d"), "2..8 1");
        expect(mwd_windows_group(self->windows, place, "e"), "-");
    }
}

/* Whatever subjects do: the bound holds, and what went has given its bytes back. */
static void the_bound_is_kept(void **state)
{
    struct world *self = *state;
    struct mwd_windows_numbers numbers;

    for (uint64_t i = 0; i < 1000; i++) {
        QUEUES(self, {1, i}, {2, 1000 - i}, {1 + i % 3, i}, {i % 5, i});
        mwd_windows_get_numbers(self->windows, &numbers);
        assert_true(numbers.bytes <= MWD_WINDOWS_BYTES);
        assert_int_equal(numbers.cut, 0);
    }
    assert_true(numbers.bytes > 0);
    QUEUES(self, {0, 0});
    mwd_windows_get_numbers(self->windows, &numbers);
    assert_int_equal(numbers.bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_what_the_tests_say),
        TEST(a_row_has_its_own_window),
        TEST(who_comes_to_a_row_does_not_inherit),
        TEST(an_absent_reading_is_a_gap),
        TEST(what_is_only_repeated_is_not_new),
        TEST(a_stale_source_shows_nothing),
        TEST(the_machine_has_one),
        TEST(a_group_is_its_sum),
        TEST(a_group_that_died_takes_its_window_along),
        TEST(a_group_that_is_not_shown_is_in_the_rest),
        TEST(groups_are_found_wherever_they_stand),
        TEST(the_bound_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
