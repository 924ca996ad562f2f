/* Policy is arithmetic: it can be looked at without a heap. */
#include "heap/heap_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MIB ((size_t)1 << 20)

static void a_small_heap_may_grow_first(void **state)
{
    (void)state;
    assert_int_equal(mw_policy_next_full(0, 64 * MIB), 8 * MIB);
    assert_int_equal(mw_policy_next_full(0, 1024 * MIB), 16 * MIB);
    assert_int_equal(mw_policy_next_full(100 * MIB, 1024 * MIB), 300 * MIB);
}

static void half_of_what_is_left_at_most(void **state)
{
    (void)state;
    assert_int_equal(mw_policy_next_full(60 * MIB, 64 * MIB), 62 * MIB);
    for (size_t live = 0; live < 64 * MIB; live += MIB / 3) {
        size_t next = mw_policy_next_full(live, 64 * MIB);

        assert_true(next >= live + MW_PAGE_SIZE);
        assert_true(next <= live + (64 * MIB - live) / 2 || next == live + MW_PAGE_SIZE);
    }
    assert_int_equal(mw_policy_next_full(65 * MIB, 64 * MIB), 65 * MIB + MW_PAGE_SIZE);
}

static void the_pool_never_takes_half_of_the_limit(void **state)
{
    (void)state;
    for (size_t live = 0; live < 64 * MIB; live += MIB / 3)
        assert_true(mw_policy_pool_cap(live, mw_policy_next_full(live, 64 * MIB), 64 * MIB,
                                       1000 * MIB, 0) <= 32 * MIB);
}

static void halves_grow_unless_the_limit_is_near(void **state)
{
    (void)state;
    assert_int_equal(mw_policy_semi_max(MIB, 64 * MIB), 4 * MIB);
    assert_int_equal(mw_policy_semi_max(MIB, 64 * MIB - 8), 2 * MIB);
    assert_int_equal(mw_policy_semi_max(MIB, 32 * MIB), 2 * MIB);
    assert_int_equal(mw_policy_semi_max(MIB, 32 * MIB - 8), MIB);
    assert_int_equal(mw_policy_semi_max(MIB, 8 * MIB), MIB);
    assert_int_equal(mw_policy_semi_max(MIB, 512 * MIB - 32), 4 * MIB);
    assert_int_equal(mw_policy_semi_max(MIB, 512 * MIB), 8 * MIB);
    assert_int_equal(mw_policy_semi_max(MIB, 1024 * MIB), 16 * MIB);
    assert_int_equal(mw_policy_semi_max(MIB / 4, 1024 * MIB), 4 * MIB);
    assert_int_equal(mw_policy_semi_max(MW_SEMI_MAX, 1024 * MIB), MW_SEMI_MAX);
    assert_int_equal(mw_policy_semi_max(MW_SEMI_MAX / 2, 1024 * MIB), MW_SEMI_MAX);
}

static void a_peak_of_the_pool_is_forgotten_in_time(void **state)
{
    size_t full_at = mw_policy_next_full(0, 1000 * MIB);
    size_t least = mw_policy_pool_cap(0, full_at, 1000 * MIB, 0, 0);
    size_t cap = 400 * MIB;

    (void)state;
    assert_int_equal(mw_policy_pool_cap(0, full_at, 1000 * MIB, cap, 0), cap);
    for (int i = 0; i < 100; i++) /* collections in quick succession */
        cap = mw_policy_pool_cap(0, full_at, 1000 * MIB, cap, 10 * MW_NS_PER_MS);
    assert_in_range(cap, 340 * MIB, 360 * MIB);
    assert_int_equal(mw_policy_pool_cap(0, full_at, 1000 * MIB, cap, 8 * (uint64_t)MW_NS_PER_S),
                     least);
}

static void bytes_outside_may_be_as_many_as_can_be_counted(void **state)
{
    (void)state;
    assert_int_equal(mw_policy_next_external(0), 64 * MIB);
    assert_int_equal(mw_policy_next_external(1024 * MIB), 1536 * MIB);
    assert_true(mw_policy_next_external(SIZE_MAX / 4 * 3) == SIZE_MAX);
    assert_true(mw_policy_next_external(SIZE_MAX) == SIZE_MAX);
}

static void crumbs_are_left(void **state)
{
    (void)state;
    assert_false(mw_policy_dense((size_t)MW_PAGE_SIZE / 8 * 7));
    assert_true(mw_policy_dense((size_t)MW_PAGE_SIZE / 8 * 7 + 1));
}

static void halves_double_when_more_was_copied_in_vain_than_fits(void **state)
{
    (void)state;
    assert_false(mw_policy_grow_new(MIB, 2 * MIB, MIB));
    assert_true(mw_policy_grow_new(MIB, 2 * MIB, MIB + 1));
}

/* As in a history, where all that survives lives long. */
static void halves_do_not_double_for_what_lives_long(void **state)
{
    (void)state;
    assert_true(mw_policy_grow_new(MIB, 7 * MIB, 2 * MIB));
    assert_false(mw_policy_grow_new(MIB, 8 * MIB, 2 * MIB));
}

static void a_scavenge_of_twice_the_size_must_be_quick_enough(void **state)
{
    (void)state;
    assert_true(mw_policy_quick_enough(MIB, MIB, 300, 0));
    assert_true(mw_policy_quick_enough(MIB, MIB, 300, 2048 * 300));
    assert_false(mw_policy_quick_enough(MIB, MIB, 300, 2048 * 300 - 1));
    /* when a quarter survived of these at most */
    assert_true(mw_policy_quick_enough(MIB, MIB / 4, 300, 512 * 300));
    assert_false(mw_policy_quick_enough(MIB, MIB / 4, 300, 512 * 300 - 1));
    /* large young objects may come on top: more than all of a half is not foreseen */
    assert_true(mw_policy_quick_enough(MIB, 2 * MIB, 300, 2048 * 300));
}

enum { MOST = 1000 };

/* After a scavenge of all that was filled, so many hundredths of which survived. */
static size_t fill(struct mw_fill *self, size_t survived, uint64_t ns)
{
    const struct mw_filled last = {self->bytes, self->bytes / 100 * survived, ns, 0};

    mw_policy_fill(self, MIB, &last, MOST);
    return self->bytes;
}

static void less_of_a_half_is_filled_after_slow_scavenges(void **state)
{
    struct mw_fill self = {.bytes = MIB};

    (void)state;
    assert_int_equal(fill(&self, 100, MOST), MIB);
    assert_int_equal(fill(&self, 100, 4 * MOST), MIB / 2);
    assert_int_equal(fill(&self, 100, 2 * MOST), MIB / 4);
    for (int i = 0; i < 10; i++)
        assert_int_equal(fill(&self, 100, MOST + 1), MIB / 4);
    for (int i = 0; i < 10; i++) /* twice of that would be slow again */
        assert_int_equal(fill(&self, 100, MOST / 2 + 1), MIB / 4);
    for (int i = 0; i < 3; i++)
        assert_int_equal(fill(&self, 100, MOST / 2), MIB / 4);
    assert_int_equal(fill(&self, 100, MOST / 2), MIB / 2);
    for (int i = 0; i < 4; i++)
        fill(&self, 0, 0);
    assert_int_equal(self.bytes, MIB);
}

/* Half as much need not copy less when no more than half survives: a window of so many bytes. */
static void all_of_a_half_is_filled_when_little_survives(void **state)
{
    struct mw_fill self = {.bytes = MIB};

    (void)state;
    assert_int_equal(fill(&self, 50, 4 * MOST), MIB);
    assert_int_equal(fill(&self, 60, 4 * MOST), MIB / 2);
    for (int i = 0; i < 4; i++)
        fill(&self, 50, 4 * MOST);
    assert_int_equal(self.bytes, MIB);
}

/* Handles take as long however little is filled. */
static void all_of_a_half_is_filled_when_roots_take_the_time(void **state)
{
    struct mw_fill self = {.bytes = MIB / 4};
    const struct mw_filled last = {MIB / 4, MIB / 4, 4 * MOST, 2 * MOST};
    const struct mw_filled other = {MIB / 4, MIB / 4, 4 * MOST, 2 * MOST - 1};

    (void)state;
    for (int i = 0; i < 10; i++)
        mw_policy_fill(&self, MIB, &other, MOST);
    assert_int_equal(self.bytes, MIB / 4);
    for (int i = 0; i < 8; i++)
        mw_policy_fill(&self, MIB, &last, MOST);
    assert_int_equal(self.bytes, MIB);
}

/* It was something else that took the time: one step back, and that is not tried again soon. */
static void less_is_given_up_when_it_does_not_help(void **state)
{
    struct mw_fill self = {.bytes = MIB};

    (void)state;
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(fill(&self, 100, 4 * MOST), MIB / 2);
        assert_int_equal(fill(&self, 100, 3 * MOST + 1), MIB);
        for (int i = 0; i < 63; i++)
            assert_int_equal(fill(&self, 100, 4 * MOST), MIB);
    }
    assert_int_equal(fill(&self, 100, 4 * MOST), MIB / 2);
    assert_int_equal(fill(&self, 100, 3 * MOST), MIB / 4); /* by a quarter: it does */
    assert_int_equal(fill(&self, 100, 3 * MOST), MIB / 2);
}

/* A program that only dropped some objects begins to build: it takes as long because of that. */
static void less_goes_on_when_more_survives(void **state)
{
    struct mw_fill self = {.bytes = MIB};

    (void)state;
    assert_int_equal(fill(&self, 60, 2 * MOST), MIB / 2);
    assert_int_equal(fill(&self, 100, 2 * MOST), MIB / 4);
}

static void all_of_a_half_is_filled_when_any_time_will_do(void **state)
{
    struct mw_fill self = {.bytes = MIB};
    const struct mw_filled last = {MIB, MIB, UINT64_MAX, 0};

    (void)state;
    for (int i = 0; i < 10; i++)
        mw_policy_fill(&self, MIB, &last, 0);
    assert_int_equal(self.bytes, MIB);
}

static void a_thousand_bytes_in_a_millisecond_are_work(void **state)
{
    (void)state;
    assert_true(mw_policy_quiet(100 * 1000, 100 * MW_NS_PER_MS));
    assert_false(mw_policy_quiet(101 * 1000, 100 * MW_NS_PER_MS));
}

static void more_than_four_fifths_are_nearly_all(void **state)
{
    (void)state;
    assert_false(mw_policy_pretenure(100, 80));
    assert_true(mw_policy_pretenure(100, 81));
}

/* A few pages are not worth a pause, nor is what is half full. */
static void sliding_in_idle_time_must_be_worth_it(void **state)
{
    (void)state;
    assert_true(mw_policy_sparse(100, 100 * MW_PAGE_SIZE / 2 - 1));
    assert_false(mw_policy_sparse(100, 100 * MW_PAGE_SIZE / 2));
    assert_true(mw_policy_sparse(5, 0));
    assert_false(mw_policy_sparse(4, 0));
}

static void sliding_in_idle_time_takes_no_longer_than_it_may(void **state)
{
    (void)state;
    assert_true(mw_policy_slide(100 * MIB, 0, 0)); /* nobody minds */
    assert_true(mw_policy_slide(MIB, 1000, (uint64_t)1024 * 1000));
    assert_false(mw_policy_slide(MIB, 1000, (uint64_t)1024 * 1000 - 1));
    assert_false(mw_policy_slide(MIB, 0, 1000000)); /* none yet: 2 ms a MiB */
    assert_true(mw_policy_slide(MIB / 2, 0, 1024000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_heap_may_grow_first),
        cmocka_unit_test(half_of_what_is_left_at_most),
        cmocka_unit_test(the_pool_never_takes_half_of_the_limit),
        cmocka_unit_test(halves_grow_unless_the_limit_is_near),
        cmocka_unit_test(a_peak_of_the_pool_is_forgotten_in_time),
        cmocka_unit_test(bytes_outside_may_be_as_many_as_can_be_counted),
        cmocka_unit_test(crumbs_are_left),
        cmocka_unit_test(sliding_in_idle_time_must_be_worth_it),
        cmocka_unit_test(sliding_in_idle_time_takes_no_longer_than_it_may),
        cmocka_unit_test(halves_double_when_more_was_copied_in_vain_than_fits),
        cmocka_unit_test(halves_do_not_double_for_what_lives_long),
        cmocka_unit_test(a_scavenge_of_twice_the_size_must_be_quick_enough),
        cmocka_unit_test(less_of_a_half_is_filled_after_slow_scavenges),
        cmocka_unit_test(all_of_a_half_is_filled_when_little_survives),
        cmocka_unit_test(all_of_a_half_is_filled_when_roots_take_the_time),
        cmocka_unit_test(less_is_given_up_when_it_does_not_help),
        cmocka_unit_test(less_goes_on_when_more_survives),
        cmocka_unit_test(all_of_a_half_is_filled_when_any_time_will_do),
        cmocka_unit_test(a_thousand_bytes_in_a_millisecond_are_work),
        cmocka_unit_test(more_than_four_fifths_are_nearly_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
