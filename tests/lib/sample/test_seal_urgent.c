/* Samples that are sealed between two beats. */
#include "tests/lib/sample/seal_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

static struct mw_sample *seal_urgent(struct fixture *self, uint64_t now_ns)
{
    struct mw_sample *sample = NULL;

    assert_int_equal(mw_sealer_seal_urgent(self->sealer, now_ns, &sample), 0);
    assert_true(mw_sample_urgent(sample));
    return sample;
}

static void offer_system(struct fixture *self, uint64_t time_ns, uint64_t available,
                         uint64_t faults)
{
    struct mw_block *block = begin(self, MW_SOURCE_SYSTEM, time_ns);

    put(block, MW_SYSTEM_MEM_TOTAL, 1000);
    put(block, MW_SYSTEM_MEM_AVAILABLE, available);
    put(block, MW_SYSTEM_MEM_FREE, available / 2);
    put(block, MW_SYSTEM_PGMAJFAULT, faults);
    offer(self, block, time_ns);
}

static void offer_own(struct fixture *self, uint64_t time_ns, uint64_t rss)
{
    struct mw_block *block = begin(self, MW_SOURCE_SELF, time_ns);

    put(block, MW_DAEMON_RSS, rss);
    offer(self, block, time_ns);
}

static void an_urgent_sample_has_its_time_and_the_newest_of_the_rest(void **state)
{
    struct fixture *self = *state;
    struct mw_sample *sample = NULL;

    offer_own(self, second, 7);
    assert_int_equal(mw_sealer_seal_urgent(self->sealer, second, &sample), -ENODATA);
    offer_system(self, second, 400, 0);
    sample = seal(self, second);
    assert_false(mw_sample_urgent(sample));
    assert_true(mw_sample_fresh(sample, MW_SOURCE_SYSTEM));
    assert_true(mw_sample_fresh(sample, MW_SOURCE_DERIVED));
    mw_sample_unref(sample);
    offer_own(self, second * 3 / 2, 8);
    sample = seal_urgent(self, second * 3 / 2);
    assert_int_equal(mw_sample_seq(sample), 2);
    assert_int_equal(mw_sample_time_ms(sample), 1500);
    assert_int_equal(mw_sample_time_ns(sample), second * 3 / 2);
    assert_u64(sample, MW_DAEMON_RSS, 8);
    assert_u64(sample, MW_SYSTEM_MEM_AVAILABLE, 400);
    assert_u64(sample, MW_SYSTEM_MEM_USED, 600);
    assert_true(mw_sample_fresh(sample, MW_SOURCE_SELF));
    assert_false(mw_sample_fresh(sample, MW_SOURCE_SYSTEM));
    assert_false(mw_sample_fresh(sample, MW_SOURCE_DERIVED));
    mw_sample_unref(sample);
}

/* A beat begins to read, an event comes and is sealed, then the beat's blocks arrive. */
static void behind_an_urgent_sample_time_does_not_go_back(void **state)
{
    struct fixture *self = *state;

    offer_system(self, second, 400, 0);
    mw_sample_unref(seal(self, second));
    offer_own(self, 2 * second + second / 100, 8);
    mw_sample_unref(seal_urgent(self, 2 * second + second / 100));
    offer_system(self, 2 * second, 400, 0);
    struct mw_sample *sample = seal(self, 2 * second + second / 50);
    assert_int_equal(mw_sample_time_ms(sample), 2010);
    mw_sample_unref(sample);
    offer_system(self, second / 2, 400, 0); /* a clock that was set back */
    sample = seal(self, 3 * second);
    assert_int_equal(mw_sample_time_ms(sample), 500);
    mw_sample_unref(sample);
}

/* 10 faults a second, from beat to beat, however many urgent looks lie between. */
static void urgent_samples_leave_rates_as_they_are(void **state)
{
    struct fixture *self = *state;

    offer_system(self, second, 400, 100);
    mw_sample_unref(seal(self, second));
    offer_system(self, 2 * second, 400, 110);
    mw_sample_unref(seal(self, 2 * second));
    offer_system(self, 2 * second + second / 1000, 300, 114);
    struct mw_sample *sample = seal_urgent(self, 2 * second + second / 1000);
    assert_f64(sample, MW_SYSTEM_MAJOR_FAULT_RATE, 10);
    assert_u64(sample, MW_SYSTEM_MEM_USED, 700);
    assert_u64(sample, MW_SYSTEM_LEDGER_FREE, 150); /* the ledger is of the newest block */
    assert_u64(sample, MW_SYSTEM_LEDGER_UNEXPLAINED, 850);
    mw_sample_unref(sample);
    offer_system(self, 3 * second, 200, 120);
    sample = seal(self, 3 * second);
    assert_u64(sample, MW_SYSTEM_LEDGER_FREE, 100);
    assert_f64(sample, MW_SYSTEM_MAJOR_FAULT_RATE, 10);
    assert_u64(sample, MW_SYSTEM_MEM_USED, 800);
    mw_sample_unref(sample);
}

static void urgent_samples_count_no_absences(void **state)
{
    struct fixture *self = *state;

    offer_system(self, second, 400, 0);
    mw_sample_unref(seal(self, second));
    uint64_t before = mw_sealer_absences(self->sealer)[MW_ABSENT_UNSUPPORTED];
    assert_true(before > 0);
    mw_sample_unref(seal_urgent(self, second));
    assert_int_equal(mw_sealer_absences(self->sealer)[MW_ABSENT_UNSUPPORTED], before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_urgent_sample_has_its_time_and_the_newest_of_the_rest),
        TEST(behind_an_urgent_sample_time_does_not_go_back),
        TEST(urgent_samples_leave_rates_as_they_are),
        TEST(urgent_samples_count_no_absences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
