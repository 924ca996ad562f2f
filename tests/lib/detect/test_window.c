/* The promises on top of window.h, against a model that keeps every value and looks at them all. */
#include "base/clock.h"
#include "detect/detect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECOND ((uint64_t)MW_NS_PER_S)
#define GRAIN MW_WINDOW_GRAIN_NS

static const uint64_t widths[] = {SECOND,       15 * SECOND,  60 * SECOND,
                                  150 * SECOND, 300 * SECOND, GRAIN / 2};
enum { WIDTHS = sizeof(widths) / sizeof(widths[0]), VALUES = 20000 };

struct model {
    struct mw_window window;
    struct mw_window_budget budget;
    struct given {
        uint64_t ns;
        double value; /* NaN: a gap */
    } * given;
    uint32_t count;
    uint64_t random;
};

static int setup(void **state)
{
    struct model *self = calloc(1, sizeof(*self));

    self->given = calloc(VALUES, sizeof(*self->given));
    self->budget.limit = SIZE_MAX;
    self->random = 11;
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct model *self = *state;

    mw_window_deinit(&self->window, &self->budget);
    assert_int_equal(self->budget.used, 0);
    free(self->given);
    free(self);
    return 0;
}

static double chance(struct model *self)
{
    self->random = self->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (double)(self->random >> 11) / (double)(UINT64_C(1) << 53);
}

static void add(struct model *self, uint64_t ns, double value)
{
    self->given[self->count++] = (struct given){ns, value};
    if (isnan(value))
        mw_window_gap(&self->window, &self->budget, ns);
    else
        mw_window_add(&self->window, &self->budget, ns, value);
}

static void add_at(struct model *self, double second, double value)
{
    add(self, (uint64_t)((second + 1000) * 1e9), value);
}

/* Of the values that are less than `width` old; false when there are none. */
static bool look(const struct model *self, uint64_t width, struct mw_window_extremes *ret)
{
    uint64_t now = self->given[self->count - 1].ns;
    bool any = false;

    for (uint32_t i = self->count; i > 0 && now - self->given[i - 1].ns < width; i--) {
        double value = self->given[i - 1].value;

        if (isnan(value))
            continue;
        ret->least = any ? fmin(ret->least, value) : value;
        ret->greatest = any ? fmax(ret->greatest, value) : value;
        any = true;
    }
    return any;
}

static void expect_promises(const struct model *self, bool exact)
{
    for (uint32_t i = 0; i < WIDTHS; i++) {
        struct mw_window_extremes got, inside, around;
        bool found = mw_window_get(&self->window, widths[i], &got);

        if (look(self, widths[i], &inside)) { /* none missed */
            assert_true(found);
            assert_true(got.least <= inside.least && got.greatest >= inside.greatest);
            if (exact)
                assert_true(got.least == inside.least && got.greatest == inside.greatest);
        } else if (exact) {
            assert_false(found);
        }
        if (!found)
            continue;
        assert_true(look(self, widths[i] + GRAIN, &around)); /* none too old */
        assert_true(got.least >= around.least && got.greatest <= around.greatest);
    }
}

static void expect_bound(const struct model *self)
{
    const struct mw_window *window = &self->window;

    assert_true(window->least.count < MW_WINDOW_POINTS);
    assert_true(window->greatest.count < MW_WINDOW_POINTS);
    assert_true(window->least.room <= MW_WINDOW_POINTS);
    assert_true(window->greatest.room <= MW_WINDOW_POINTS);
    assert_int_equal(self->budget.used,
                     (window->least.room + window->greatest.room) * sizeof(struct mw_window_point));
}

/* Shapes of a row of numbers, from steady to what is the worst for the one ring or the other. */
static double shape(struct model *self, int number, double at)
{
    switch (number) {
    case 0:
        return 5;
    case 1:
        return at; /* a leak */
    case 2:
        return -at;
    case 3: /* narrows: each value is an end */
        return (self->count % 2 ? 1 : -1) / (at + 1);
    case 4: /* widens: none is */
        return (self->count % 2 ? 1 : -1) * at;
    case 5:
        return self->count > 0 && !isnan(self->given[self->count - 1].value)
                   ? self->given[self->count - 1].value + chance(self) - 0.5
                   : 0;
    case 6: /* few values, so that many are the same */
        return floor(chance(self) * 3);
    default:
        return chance(self) < 0.02 ? 1e15 * chance(self) : chance(self);
    }
}
enum { SHAPES = 8 };

/* Steps up to twice this long, by chance; gaps, and pauses longer than a window. */
static void play(struct model *self, int number, double step, bool exact)
{
    double at = 0;

    mw_window_deinit(&self->window, &self->budget);
    self->count = 0;
    for (int i = 0; i < 3000; i++) {
        at += exact ? step * (1 + chance(self)) : step * 2 * chance(self);
        if (chance(self) < 0.002)
            at += 400 * chance(self);
        add_at(self, at, chance(self) < 0.05 ? NAN : shape(self, number, at));
        expect_bound(self);
        if (i % 7 == 0)
            expect_promises(self, exact);
    }
}

static void values_a_grain_apart_are_exact(void **state)
{
    for (int number = 0; number < SHAPES; number++) {
        play(*state, number, 0.5000001, true);
        play(*state, number, 1, true);
        play(*state, number, 10, true);
    }
}

static void values_as_fast_as_they_like_are_none_missed_and_none_too_old(void **state)
{
    for (int number = 0; number < SHAPES; number++) {
        play(*state, number, 0.2, false);
        play(*state, number, 0.01, false);
        play(*state, number, 0, false); /* all at the same time */
    }
}

/* The beat of the daemon: a second and a little, more or less, so samples shift against grains. */
static void one_low_value_is_seen_in_each_window_as_long_as_that_is(void **state)
{
    struct model *self = *state;
    struct mw_window_extremes got;

    for (int i = 0; i < 400; i++) {
        add_at(self, i + 0.002 * chance(self), i == 50 ? 1 : 100);
        for (uint32_t w = 1; w < 5; w++) {
            int width = (int)(widths[w] / SECOND);

            assert_true(mw_window_get(&self->window, widths[w], &got));
            if (i < 50 || i > 50 + width)
                assert_true(got.least == 100);
            else if (i < 50 + width)
                assert_true(got.least == 1);
            assert_true(got.greatest == 100);
        }
    }
}

static void the_edge_of_a_window_is_outside(void **state)
{
    struct model *self = *state;
    struct mw_window_extremes got;

    add(self, 100 * SECOND, 1);
    add(self, 115 * SECOND - 1, 2);
    assert_true(mw_window_get(&self->window, 15 * SECOND, &got));
    assert_true(got.least == 1);
    add(self, 115 * SECOND, 3);
    assert_true(mw_window_get(&self->window, 15 * SECOND, &got));
    assert_true(got.least == 2);
    assert_true(got.greatest == 3);
}

static void how_long_it_is_known_is_said(void **state)
{
    struct model *self = *state;
    uint64_t known;

    assert_false(mw_window_known(&self->window, &known));
    for (int i = 0; i <= 400; i++) {
        add_at(self, i, i);
        assert_true(mw_window_known(&self->window, &known));
        assert_int_equal(known, (uint64_t)(i < 300 ? i : 300) * SECOND);
    }
}

static void a_gap_is_not_0_and_is_told(void **state)
{
    struct model *self = *state;
    struct mw_window_extremes got;
    uint64_t known;

    add_at(self, 0, NAN);
    assert_false(mw_window_get(&self->window, 300 * SECOND, &got));
    assert_false(mw_window_known(&self->window, &known));
    add_at(self, 1, 7);
    add_at(self, 2, NAN);
    assert_false(mw_window_known(&self->window, &known));
    assert_true(mw_window_get(&self->window, 15 * SECOND, &got));
    assert_true(got.least == 7 && got.greatest == 7);
    add_at(self, 3, 9);
    assert_true(mw_window_known(&self->window, &known));
    assert_int_equal(known, 0);
    add_at(self, 5, 9);
    assert_true(mw_window_known(&self->window, &known));
    assert_int_equal(known, 2 * SECOND);
    add_at(self, 306, NAN); /* all have left */
    assert_false(mw_window_get(&self->window, 300 * SECOND, &got));
}

/* A recording that is played from its start, or the clock of another machine. */
static void when_time_goes_back_it_begins_anew(void **state)
{
    struct model *self = *state;
    struct mw_window_extremes got;
    uint64_t known;

    add_at(self, 100, 1);
    add_at(self, 200, 2);
    add_at(self, 50, 3);
    assert_true(mw_window_get(&self->window, 300 * SECOND, &got));
    assert_true(got.least == 3 && got.greatest == 3);
    assert_true(mw_window_known(&self->window, &known));
    assert_int_equal(known, 0);
}

static void a_steady_value_costs_little_before_a_ramp_and_after_it(void **state)
{
    struct model *self = *state;
    size_t steady;

    for (int i = 0; i < 1000; i++)
        add_at(self, i, 5);
    steady = self->budget.used;
    assert_true(steady <= sizeof(struct mw_window_point) * 16);
    for (int i = 1000; i < 2000; i++)
        add_at(self, i, i);
    assert_true(self->window.least.count + self->window.greatest.count <= 302);
    for (int i = 2000; i < 2400; i++)
        add_at(self, i, 5);
    assert_int_equal(self->budget.used, steady);
}

/* With too little room for a ramp it knows less long and says so; for as long as it says, it is
 * right. With no room at all nothing is said. */
static void a_budget_that_is_used_up_shortens_what_is_known(void **state)
{
    struct model *self = *state;

    for (size_t points = 0; points < 80; points += 5) {
        uint64_t known;
        struct mw_window_extremes got, inside;

        mw_window_deinit(&self->window, &self->budget);
        self->budget = (struct mw_window_budget){.limit = points * sizeof(struct mw_window_point)};
        self->count = 0;
        for (int i = 0; i < 400; i++) {
            add_at(self, i, i);
            assert_true(self->budget.used <= self->budget.limit);
            assert_true(mw_window_known(&self->window, &known));
            if (!mw_window_get(&self->window, 300 * SECOND, &got)) {
                assert_true(known == 0);
                continue;
            }
            assert_true(look(self, known, &inside) == (known > 0));
            if (known > 0 && mw_window_get(&self->window, known, &got))
                assert_true(got.least == inside.least && got.greatest == inside.greatest);
        }
        assert_true(self->budget.cut > 0);
        assert_true(known < 300 * SECOND);
        assert_true(mw_window_get(&self->window, 300 * SECOND, &got) == (points >= 16));
    }
    self->budget.limit = SIZE_MAX;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_a_grain_apart_are_exact),
        TEST(values_as_fast_as_they_like_are_none_missed_and_none_too_old),
        TEST(one_low_value_is_seen_in_each_window_as_long_as_that_is),
        TEST(the_edge_of_a_window_is_outside),
        TEST(how_long_it_is_known_is_said),
        TEST(a_gap_is_not_0_and_is_told),
        TEST(when_time_goes_back_it_begins_anew),
        TEST(a_steady_value_costs_little_before_a_ramp_and_after_it),
        TEST(a_budget_that_is_used_up_shortens_what_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
