/* Samples that are sealed between two beats. */
#include "sample/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

static const uint64_t second = 1000000000;

/* A sealer and a pool for each of two sources. */
struct fixture {
    struct mw_sealer *sealer;
    struct mw_block_pool *pools[MW_SOURCE_COUNT];
    uint64_t seq[MW_SOURCE_COUNT];
};

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof(*self));

    assert_int_equal(mw_sealer_create(&self->sealer), 0);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_SYSTEM, &self->pools[MW_SOURCE_SYSTEM]), 0);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_SELF, &self->pools[MW_SOURCE_SELF]), 0);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;

    mw_sealer_destroy(self->sealer);
    for (int i = 0; i < MW_SOURCE_COUNT; i++)
        mw_block_pool_destroy(self->pools[i]);
    free(self);
    return 0;
}

static struct mw_block *begin(struct fixture *self, enum mw_source source, uint64_t time_ns)
{
    struct mw_block *block = NULL;

    assert_int_equal(mw_block_take(self->pools[source], NULL, 4, &block), 0);
    mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
    mw_block_set_time(block, ++self->seq[source], (int64_t)(time_ns / 1000000), time_ns);
    return block;
}

static void put(struct mw_block *block, enum mw_reading reading, uint64_t value)
{
    mw_block_put(block, reading, 0, (union mw_value){.u = value});
}

static void offer(struct fixture *self, struct mw_block *block, uint64_t now_ns)
{
    assert_int_equal(mw_block_finish(block), 0);
    mw_sealer_offer(self->sealer, block, now_ns);
    mw_block_unref(block);
}

static struct mw_sample *seal(struct fixture *self, uint64_t now_ns)
{
    struct mw_sample *sample = NULL;

    assert_int_equal(mw_sealer_seal(self->sealer, now_ns, &sample), 0);
    return sample;
}

static void assert_u64(const struct mw_sample *sample, enum mw_reading reading, uint64_t expected)
{
    union mw_value value = {.u = ~expected};

    assert_int_equal(mw_sample_get(sample, reading, 0, &value), MW_PRESENT);
    assert_int_equal(value.u, expected);
}

static void assert_f64(const struct mw_sample *sample, enum mw_reading reading, double expected)
{
    union mw_value value = {.f = expected + 1};

    assert_int_equal(mw_sample_get(sample, reading, 0, &value), MW_PRESENT);
    assert_true(value.f > expected - 1e-9 && value.f < expected + 1e-9);
}

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
