#include "tests/lib/sample/seal_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void assert_absent(const struct mw_sample *sample, enum mw_reading reading,
                          enum mw_absence expected)
{
    union mw_value value = {.u = 4711};

    assert_int_equal(mw_sample_get(sample, reading, 0, &value), expected);
    assert_int_equal(value.u, 4711);
}

/* ---- what a sample is ---- */

static void without_a_system_block_there_is_no_sample(void **state)
{
    struct fixture *self = *state;
    struct mw_sample *sample = NULL;

    assert_int_equal(mw_sealer_seal(self->sealer, 0, &sample), -ENODATA);
    offer(self, begin(self, MW_SOURCE_SELF, second), second);
    assert_int_equal(mw_sealer_seal(self->sealer, second, &sample), -ENODATA);
    assert_null(sample);
    assert_null(mw_sample_unref(NULL));
    assert_null(mw_sealer_destroy(NULL));
}

static void a_sample_has_the_newest_block_of_each_source(void **state)
{
    struct fixture *self = *state;
    struct mw_block *block;
    struct mw_sample *sample;

    for (uint64_t i = 1; i <= 5; i++) {
        block = begin(self, MW_SOURCE_SYSTEM, i * second);
        put(block, MW_SYSTEM_MEM_TOTAL, 100 + i);
        offer(self, block, i * second);
    }
    block = begin(self, MW_SOURCE_SELF, 9 * second);
    put(block, MW_DAEMON_RSS, 7);
    offer(self, block, 9 * second);
    sample = seal(self, 9 * second);
    assert_int_equal(mw_sample_seq(sample), 1);
    assert_int_equal(mw_sample_time_ms(sample), 5000);
    assert_u64(sample, MW_SYSTEM_MEM_TOTAL, 105);
    assert_u64(sample, MW_DAEMON_RSS, 7);
    assert_int_equal(mw_block_head(mw_sample_block(sample, MW_SOURCE_SYSTEM))->seq, 5);
    assert_null(mw_sample_block(sample, MW_SOURCE_PROCESS));
    assert_null(mw_sample_block(sample, MW_SOURCE_DERIVED));
    mw_sample_unref(sample);
    sample = seal(self, 9 * second);
    assert_int_equal(mw_sample_seq(sample), 2);
    mw_sample_unref(sample);
}

static void a_sample_does_not_change(void **state)
{
    struct fixture *self = *state;
    struct mw_block *block = begin(self, MW_SOURCE_SYSTEM, second);
    struct mw_sample *old, *kept;

    put(block, MW_SYSTEM_MEM_TOTAL, 100);
    offer(self, block, second);
    old = seal(self, second);
    kept = mw_sample_ref(old);
    mw_sample_unref(old);
    for (uint64_t i = 2; i < 10; i++) {
        block = begin(self, MW_SOURCE_SYSTEM, i * second);
        put(block, MW_SYSTEM_MEM_TOTAL, 100 * i);
        offer(self, block, i * second);
        mw_sample_unref(seal(self, i * second));
    }
    assert_u64(kept, MW_SYSTEM_MEM_TOTAL, 100);
    assert_int_equal(mw_sample_time_ms(kept), 1000);
    mw_sample_unref(kept);
}

/* A sample refers to blocks: only what nobody shows any more is the pool's again. */
static void a_sample_keeps_its_blocks(void **state)
{
    struct fixture *self = *state;
    struct mw_sample *samples[3];
    struct mw_block *block = NULL;

    for (uint64_t i = 0; i < 3; i++) {
        offer(self, begin(self, MW_SOURCE_SYSTEM, (i + 1) * second), (i + 1) * second);
        samples[i] = seal(self, (i + 1) * second);
    }
    assert_int_equal(mw_block_take(self->pools[MW_SOURCE_SYSTEM], NULL, 1, &block), -EBUSY);
    mw_sample_unref(samples[0]);
    assert_int_equal(mw_block_take(self->pools[MW_SOURCE_SYSTEM], NULL, 1, &block), 0);
    mw_block_unref(block);
    mw_sample_unref(samples[1]);
    mw_sample_unref(samples[2]);
}

static void process_rows_are_reached(void **state)
{
    struct fixture *self = *state;
    struct mw_block *block = begin(self, MW_SOURCE_PROCESS, second);
    struct mw_sample *sample;
    union mw_value value;

    mw_block_set_key(block, 3, (struct mw_block_key){9, 0});
    mw_block_put(block, MW_PROCESS_RSS, 3, (union mw_value){.u = 33});
    offer(self, block, second);
    offer(self, begin(self, MW_SOURCE_SYSTEM, second), second);
    sample = seal(self, second);
    assert_int_equal(mw_sample_get(sample, MW_PROCESS_RSS, 3, &value), MW_PRESENT);
    assert_int_equal(value.u, 33);
    assert_int_equal(mw_sample_get(sample, MW_PROCESS_RSS, 1, &value), MW_ABSENT_UNSUPPORTED);
    mw_sample_unref(sample);
}

/* ---- staleness ---- */

static void a_source_that_gave_nothing_is_stale(void **state)
{
    struct fixture *self = *state;
    struct mw_sample *sample;

    offer(self, begin(self, MW_SOURCE_SYSTEM, second), second);
    sample = seal(self, second);
    assert_false(mw_sample_stale(sample, MW_SOURCE_SYSTEM));
    assert_false(mw_sample_stale(sample, MW_SOURCE_DERIVED));
    assert_true(mw_sample_stale(sample, MW_SOURCE_PROCESS));
    assert_true(mw_sample_stale(sample, MW_SOURCE_SUBJECT));
    assert_true(mw_sample_stale(sample, MW_SOURCE_SELF));
    assert_absent(sample, MW_DAEMON_RSS, MW_ABSENT_STALE);
    assert_absent(sample, MW_PROCESS_RSS, MW_ABSENT_STALE);
    mw_sample_unref(sample);
}

static void assert_stale_at(struct fixture *self, uint64_t now_ns, bool stale)
{
    struct mw_sample *sample = seal(self, now_ns);

    assert_int_equal(mw_sample_stale(sample, MW_SOURCE_SYSTEM), stale);
    assert_int_equal(mw_sample_stale(sample, MW_SOURCE_DERIVED), stale);
    if (stale) {
        assert_absent(sample, MW_SYSTEM_MEM_TOTAL, MW_ABSENT_STALE);
        assert_absent(sample, MW_SYSTEM_MEM_USED, MW_ABSENT_STALE);
    } else {
        assert_u64(sample, MW_SYSTEM_MEM_TOTAL, 100);
        assert_u64(sample, MW_SYSTEM_MEM_USED, 60);
    }
    mw_sample_unref(sample);
}

/* Age is measured on this thread's clock, from the offer: the block's own time is another's. */
static void a_source_is_stale_after_the_set_time(void **state)
{
    struct fixture *self = *state;
    struct mw_block *block = begin(self, MW_SOURCE_SYSTEM, 1);

    mw_sealer_set_stale_after(self->sealer, 3 * second);
    put(block, MW_SYSTEM_MEM_TOTAL, 100);
    put(block, MW_SYSTEM_MEM_AVAILABLE, 40);
    offer(self, block, 1000 * second);
    assert_stale_at(self, 999 * second, false);
    assert_stale_at(self, 1000 * second, false);
    assert_stale_at(self, 1003 * second - 1, false);
    assert_stale_at(self, 1003 * second, false);
    assert_stale_at(self, 1003 * second + 1, true);
    mw_sealer_set_stale_after(self->sealer, 10 * second);
    assert_stale_at(self, 1010 * second, false);
    assert_stale_at(self, 1010 * second + 1, true);
}

/* ---- derived readings ---- */

static void every_derived_reading_has_a_rule(void **state)
{
    struct fixture *self = *state;
    struct mw_sample *sample = NULL;

    for (uint64_t i = 1; i <= 2; i++) {
        struct mw_block *block = begin(self, MW_SOURCE_SYSTEM, i * second);

        for (uint16_t j = 0; j < mw_source_columns(MW_SOURCE_SYSTEM); j++)
            put(block, (enum mw_reading)(mw_source_first(MW_SOURCE_SYSTEM) + j), i);
        offer(self, block, i * second);
        mw_sample_unref(sample);
        sample = seal(self, i * second);
    }
    for (uint16_t j = 0; j < mw_source_columns(MW_SOURCE_DERIVED); j++) {
        enum mw_reading reading = (enum mw_reading)(mw_source_first(MW_SOURCE_DERIVED) + j);
        union mw_value value;

        if (mw_sample_get(sample, reading, 0, &value) != MW_PRESENT)
            fail_msg("%s", mw_reading_info(reading)->id);
    }
    mw_sample_unref(sample);
}

static struct mw_sample *seal_memory(struct fixture *self, uint64_t total, uint64_t available,
                                     uint64_t swap_total, uint64_t swap_free)
{
    struct mw_block *block = begin(self, MW_SOURCE_SYSTEM, second);

    put(block, MW_SYSTEM_MEM_TOTAL, total);
    put(block, MW_SYSTEM_MEM_AVAILABLE, available);
    put(block, MW_SYSTEM_SWAP_TOTAL, swap_total);
    put(block, MW_SYSTEM_SWAP_FREE, swap_free);
    offer(self, block, second);
    return seal(self, second);
}

static void differences_and_ratios(void **state)
{
    struct mw_sample *sample = seal_memory(*state, 1000, 250, 500, 480);

    assert_u64(sample, MW_SYSTEM_MEM_USED, 750);
    assert_f64(sample, MW_SYSTEM_MEM_AVAILABLE_RATIO, 0.25);
    assert_u64(sample, MW_SYSTEM_SWAP_USED, 20);
    mw_sample_unref(sample);
}

/* No swap at all is a fact, not an unknown. */
static void no_swap_is_zero_used(void **state)
{
    struct mw_sample *sample = seal_memory(*state, 1000, 1000, 0, 0);

    assert_u64(sample, MW_SYSTEM_SWAP_USED, 0);
    assert_u64(sample, MW_SYSTEM_MEM_USED, 0);
    assert_f64(sample, MW_SYSTEM_MEM_AVAILABLE_RATIO, 1);
    mw_sample_unref(sample);
}

/* More available than there is: neither a negative number nor a huge one. */
static void inputs_that_contradict_give_nothing(void **state)
{
    struct mw_sample *sample = seal_memory(*state, 1000, 1001, 0, 1);

    assert_absent(sample, MW_SYSTEM_MEM_USED, MW_ABSENT_STALE);
    assert_absent(sample, MW_SYSTEM_MEM_AVAILABLE_RATIO, MW_ABSENT_STALE);
    assert_absent(sample, MW_SYSTEM_SWAP_USED, MW_ABSENT_STALE);
    mw_sample_unref(sample);
    sample = seal_memory(*state, 0, 0, 0, 0);
    assert_absent(sample, MW_SYSTEM_MEM_AVAILABLE_RATIO, MW_ABSENT_STALE);
    mw_sample_unref(sample);
}

static void an_absent_input_gives_its_reason(void **state)
{
    struct fixture *self = *state;
    struct mw_block *block = begin(self, MW_SOURCE_SYSTEM, second);
    struct mw_sample *sample;

    put(block, MW_SYSTEM_MEM_TOTAL, 100);
    mw_block_put_absent(block, MW_SYSTEM_MEM_AVAILABLE, 0, MW_ABSENT_UNSUPPORTED);
    mw_block_put_absent(block, MW_SYSTEM_SWAP_TOTAL, 0, MW_ABSENT_DENIED);
    put(block, MW_SYSTEM_SWAP_FREE, 1);
    mw_block_put_absent(block, MW_SYSTEM_PSWPIN, 0, MW_ABSENT_DENIED);
    offer(self, block, second);
    sample = seal(self, second);
    assert_absent(sample, MW_SYSTEM_MEM_USED, MW_ABSENT_UNSUPPORTED);
    assert_absent(sample, MW_SYSTEM_MEM_AVAILABLE_RATIO, MW_ABSENT_UNSUPPORTED);
    assert_absent(sample, MW_SYSTEM_SWAP_USED, MW_ABSENT_DENIED);
    assert_absent(sample, MW_SYSTEM_SWAP_IN_RATE, MW_ABSENT_DENIED);
    mw_sample_unref(sample);
}

static void offer_counters(struct fixture *self, uint64_t time_ns, uint64_t swapped,
                           uint64_t faults)
{
    struct mw_block *block = begin(self, MW_SOURCE_SYSTEM, time_ns);

    put(block, MW_SYSTEM_PSWPIN, swapped);
    put(block, MW_SYSTEM_PSWPOUT, swapped * 2);
    put(block, MW_SYSTEM_PGMAJFAULT, faults);
    offer(self, block, time_ns);
}

static void rates_need_two_samples(void **state)
{
    struct fixture *self = *state;
    double page = (double)sysconf(_SC_PAGESIZE);
    struct mw_sample *sample;

    offer_counters(self, 10 * second, 100, 7);
    sample = seal(self, 10 * second);
    assert_absent(sample, MW_SYSTEM_SWAP_IN_RATE, MW_ABSENT_STALE);
    assert_absent(sample, MW_SYSTEM_MAJOR_FAULT_RATE, MW_ABSENT_STALE);
    mw_sample_unref(sample);

    offer_counters(self, 12 * second, 110, 7);
    sample = seal(self, 12 * second);
    assert_f64(sample, MW_SYSTEM_SWAP_IN_RATE, 5 * page);
    assert_f64(sample, MW_SYSTEM_SWAP_OUT_RATE, 10 * page);
    assert_f64(sample, MW_SYSTEM_MAJOR_FAULT_RATE, 0);
    mw_sample_unref(sample);
}

/* Rates are over the time between samples, whatever came between. */
static void a_block_that_was_never_sealed_is_not_a_base(void **state)
{
    struct fixture *self = *state;
    struct mw_sample *sample;

    offer_counters(self, 10 * second, 0, 0);
    mw_sample_unref(seal(self, 10 * second));
    offer_counters(self, 11 * second, 0, 100);
    offer_counters(self, 12 * second, 0, 100);
    sample = seal(self, 12 * second);
    assert_f64(sample, MW_SYSTEM_MAJOR_FAULT_RATE, 50);
    mw_sample_unref(sample);
}

static void sealing_the_same_block_again_keeps_its_rates(void **state)
{
    struct fixture *self = *state;
    struct mw_sample *sample;

    offer_counters(self, 10 * second, 0, 0);
    mw_sample_unref(seal(self, 10 * second));
    offer_counters(self, 11 * second, 0, 30);
    mw_sample_unref(seal(self, 11 * second));
    offer(self, begin(self, MW_SOURCE_SELF, 11 * second), 11 * second);
    sample = seal(self, 11 * second);
    assert_f64(sample, MW_SYSTEM_MAJOR_FAULT_RATE, 30);
    mw_sample_unref(sample);
}

static void a_counter_that_went_back_gives_no_rate_once(void **state)
{
    struct fixture *self = *state;
    struct mw_sample *sample;

    offer_counters(self, 10 * second, 100, 100);
    mw_sample_unref(seal(self, 10 * second));
    offer_counters(self, 11 * second, 100, 40);
    sample = seal(self, 11 * second);
    assert_absent(sample, MW_SYSTEM_MAJOR_FAULT_RATE, MW_ABSENT_STALE);
    assert_f64(sample, MW_SYSTEM_SWAP_IN_RATE, 0);
    mw_sample_unref(sample);
    offer_counters(self, 12 * second, 100, 43);
    sample = seal(self, 12 * second);
    assert_f64(sample, MW_SYSTEM_MAJOR_FAULT_RATE, 3);
    mw_sample_unref(sample);
}

/* A recording may begin again: its clock goes back, or stands still. */
static void time_that_does_not_move_on_gives_no_rate(void **state)
{
    struct fixture *self = *state;
    static const uint64_t times[] = {9, 9};
    struct mw_sample *sample;

    offer_counters(self, 10 * second, 0, 0);
    mw_sample_unref(seal(self, 10 * second));
    for (int i = 0; i < 2; i++) {
        offer_counters(self, times[i] * second, 10, 10);
        sample = seal(self, 10 * second);
        assert_absent(sample, MW_SYSTEM_MAJOR_FAULT_RATE, MW_ABSENT_STALE);
        assert_absent(sample, MW_SYSTEM_SWAP_OUT_RATE, MW_ABSENT_STALE);
        mw_sample_unref(sample);
    }
}

static void after_a_gap_the_rate_begins_anew(void **state)
{
    struct fixture *self = *state;
    struct mw_sample *sample;

    offer_counters(self, 10 * second, 0, 10);
    mw_sample_unref(seal(self, 10 * second));
    offer(self, begin(self, MW_SOURCE_SYSTEM, 11 * second), 11 * second);
    sample = seal(self, 11 * second);
    assert_absent(sample, MW_SYSTEM_MAJOR_FAULT_RATE, MW_ABSENT_UNSUPPORTED);
    mw_sample_unref(sample);
    offer_counters(self, 12 * second, 0, 30);
    sample = seal(self, 12 * second);
    assert_absent(sample, MW_SYSTEM_MAJOR_FAULT_RATE, MW_ABSENT_STALE);
    mw_sample_unref(sample);
    offer_counters(self, 13 * second, 0, 31);
    sample = seal(self, 13 * second);
    assert_f64(sample, MW_SYSTEM_MAJOR_FAULT_RATE, 1);
    mw_sample_unref(sample);
}

/* ---- absences ---- */

static void fill(struct mw_block *block, enum mw_source source, uint32_t row)
{
    for (uint16_t i = 0; i < mw_source_columns(source); i++) {
        mw_block_put(block, (enum mw_reading)(mw_source_first(source) + i), row,
                     (union mw_value){.u = 1});
    }
}

static void absences_add_up_over_samples(void **state)
{
    struct fixture *self = *state;
    const uint64_t *absences = mw_sealer_absences(self->sealer);
    const uint64_t silent =
        (uint64_t)mw_source_columns(MW_SOURCE_SELF) + mw_source_columns(MW_SOURCE_DAEMON);
    struct mw_block *block = begin(self, MW_SOURCE_SYSTEM, second);

    fill(block, MW_SOURCE_SYSTEM, 0);
    mw_block_put_absent(block, MW_SYSTEM_CONSTRAINED, 0, MW_ABSENT_UNSUPPORTED);
    mw_block_put_absent(block, MW_SYSTEM_MEM_AVAILABLE, 0, MW_ABSENT_UNSUPPORTED);
    offer(self, block, second);
    mw_sample_unref(seal(self, second));
    /* two of the block and two derived from memAvailable; three rates have no base yet, and two
     * sources have said nothing: a process source without a block has no rows to miss */
    assert_int_equal(absences[MW_ABSENT_UNSUPPORTED], 4);
    assert_int_equal(absences[MW_ABSENT_STALE], 3 + silent);
    assert_int_equal(absences[MW_ABSENT_DENIED], 0);

    block = begin(self, MW_SOURCE_PROCESS, second);
    fill(block, MW_SOURCE_PROCESS, 0);
    mw_block_put_absent(block, MW_PROCESS_SWAP, 0, MW_ABSENT_DENIED);
    offer(self, block, second);
    mw_sample_unref(seal(self, second));
    assert_int_equal(absences[MW_ABSENT_UNSUPPORTED], 8);
    assert_int_equal(absences[MW_ABSENT_STALE], 2 * (3 + silent));
    assert_int_equal(absences[MW_ABSENT_DENIED], 1);
    assert_int_equal(absences[MW_PRESENT], 0);
}

static void a_stale_source_is_absent_whole(void **state)
{
    struct fixture *self = *state;
    const uint64_t *absences = mw_sealer_absences(self->sealer);
    struct mw_block *block = begin(self, MW_SOURCE_PROCESS, second);

    mw_sealer_set_stale_after(self->sealer, second);
    fill(block, MW_SOURCE_PROCESS, 0);
    mw_block_set_key(block, 2, (struct mw_block_key){5, 0});
    mw_block_put_absent(block, MW_PROCESS_SWAP, 0, MW_ABSENT_DENIED);
    offer(self, block, second);
    offer(self, begin(self, MW_SOURCE_SYSTEM, second), second);
    mw_sample_unref(seal(self, 3 * second));
    assert_int_equal(absences[MW_ABSENT_DENIED], 0);
    assert_int_equal(absences[MW_ABSENT_UNSUPPORTED], 0);
    assert_int_equal(absences[MW_ABSENT_STALE],
                     mw_source_columns(MW_SOURCE_SYSTEM) + mw_source_columns(MW_SOURCE_DERIVED) +
                         mw_source_columns(MW_SOURCE_SELF) + mw_source_columns(MW_SOURCE_DAEMON) +
                         2 * mw_source_columns(MW_SOURCE_PROCESS));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_system_block_there_is_no_sample),
        TEST(a_sample_has_the_newest_block_of_each_source),
        TEST(a_sample_does_not_change),
        TEST(a_sample_keeps_its_blocks),
        TEST(process_rows_are_reached),
        TEST(a_source_that_gave_nothing_is_stale),
        TEST(a_source_is_stale_after_the_set_time),
        TEST(every_derived_reading_has_a_rule),
        TEST(differences_and_ratios),
        TEST(no_swap_is_zero_used),
        TEST(inputs_that_contradict_give_nothing),
        TEST(an_absent_input_gives_its_reason),
        TEST(rates_need_two_samples),
        TEST(a_block_that_was_never_sealed_is_not_a_base),
        TEST(sealing_the_same_block_again_keeps_its_rates),
        TEST(a_counter_that_went_back_gives_no_rate_once),
        TEST(time_that_does_not_move_on_gives_no_rate),
        TEST(after_a_gap_the_rate_begins_anew),
        TEST(absences_add_up_over_samples),
        TEST(a_stale_source_is_absent_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
