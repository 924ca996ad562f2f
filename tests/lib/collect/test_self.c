#include "collect/collect_internal.h"
#include "tests/lib/collect/system_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const struct mw_pace no_pace = {0};

static struct mw_block *read_self(struct beat *beat, const struct mw_pace *pace)
{
    struct mw_block *block = NULL;

    assert_int_equal(mw_collector_read_self(beat->collector, pace, &block), 0);
    assert_int_equal(mw_block_check(mw_block_head(block), mw_block_head(block)->size), 0);
    return block;
}

static uint64_t value_of(const struct mw_block *block, enum mw_reading reading)
{
    union mw_value value = {0};

    assert_int_equal(mw_block_get(block, reading, 0, &value), MW_PRESENT);
    return value.u;
}

static uint64_t own_resident_bytes(void)
{
    struct text text = text_of_file("/proc/self/status");
    uint64_t kib = 0;

    assert_true(number_in(&text, "VmRSS", ':', &kib));
    text_free(&text);
    return kib * 1024;
}

/* A collector made by hand, so that no sample was read yet. */
static struct beat collector_over_fixture(const char *name)
{
    char path[4096];
    const struct mw_collect_options options = {
        .proc_root = path, .keep_fds = 8, .status_interval_s = 60, .clock = mw_clock_system()};
    struct beat self = {NULL, NULL};

    snprintf(path, sizeof(path), "%s/%s/proc", MW_FIXTURES, name);
    assert_int_equal(mw_collector_create(&options, &self.collector), 0);
    return self;
}

/* Whatever machine is looked at, rss is that of this program: it grows by what is touched. */
static void resident_memory_is_that_of_this_program(void **state)
{
    enum { TOUCHED = 32 << 20 };
    struct beat beat = collector_over_fixture("healthy");
    struct mw_block *block = read_self(&beat, &no_pace);
    uint64_t before = value_of(block, MW_DAEMON_RSS);
    uint64_t own = own_resident_bytes();
    char *memory = malloc(TOUCHED);

    (void)state;
    assert_true(before > own / 10 * 9 && before < own / 10 * 11);
    mw_block_unref(block);
    assert_non_null(memory);
    memset(memory, 1, TOUCHED);
    block = read_self(&beat, &no_pace);
    assert_true(memory[TOUCHED - 1] == 1);
    assert_true(value_of(block, MW_DAEMON_RSS) >= before + (uint64_t)TOUCHED / 10 * 9);
    mw_block_unref(block);
    free(memory);
    beat_free(&beat);
}

static uint64_t own_cpu_us(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void cpu_time_is_that_of_this_program(void **state)
{
    struct beat beat = collector_over_fixture("healthy");
    uint64_t before = own_cpu_us();
    struct mw_block *block;
    uint64_t told;

    (void)state;
    while (own_cpu_us() < before + 20000) {
    }
    before = own_cpu_us();
    block = read_self(&beat, &no_pace);
    told = value_of(block, MW_DAEMON_CPU);
    assert_true(told >= before && told <= own_cpu_us());
    assert_true(told >= 20000);
    mw_block_unref(block);
    beat_free(&beat);
}

/* No sample, no cost: 0 would say that reading costs nothing. */
static void before_the_first_sample_there_is_no_cost(void **state)
{
    struct beat beat = collector_over_fixture("healthy");
    struct mw_block *block = read_self(&beat, &no_pace);

    (void)state;
    assert_absent(block, MW_DAEMON_SAMPLE_COST, MW_ABSENT_STALE);
    assert_absent(block, MW_DAEMON_SAMPLE_WALL, MW_ABSENT_STALE);
    mw_block_unref(block);
    beat_free(&beat);
}

static uint64_t now_us(void)
{
    return mw_clock_monotonic_ns(mw_clock_system()) / 1000;
}

/* Both halves of a sample count, the time between two samples does not. */
static void cost_is_that_of_the_sample_just_read(void **state)
{
    struct beat beat = collector_over_fixture("healthy");
    const struct timespec pause = {0, 50000000};
    struct mw_block *processes = NULL, *block;

    (void)state;
    for (int i = 0; i < 3; i++) {
        uint64_t begin = now_us(), spent;

        beat_next(&beat);
        assert_int_equal(mw_collector_read_processes(beat.collector, &processes), 0);
        spent = now_us() - begin;
        processes = mw_block_unref(processes);
        block = read_self(&beat, &no_pace);
        assert_true(value_of(block, MW_DAEMON_SAMPLE_COST) > 0);
        assert_true(value_of(block, MW_DAEMON_SAMPLE_WALL) > 0);
        assert_true(value_of(block, MW_DAEMON_SAMPLE_WALL) <= spent);
        mw_block_unref(block);
        nanosleep(&pause, NULL);
    }
    beat_free(&beat);
}

static void pace_is_told_as_it_was_given(void **state)
{
    static const struct mw_pace pace = {
        .late_ns = 1234567, .late_samples = 3, .missed_samples = UINT64_C(1) << 40};
    struct beat beat = collector_over_fixture("healthy");
    struct mw_block *block = read_self(&beat, &pace);

    (void)state;
    assert_int_equal(value_of(block, MW_DAEMON_LATENESS), 1234);
    assert_int_equal(value_of(block, MW_DAEMON_SAMPLES_LATE), 3);
    assert_int_equal(value_of(block, MW_DAEMON_SAMPLES_MISSED), UINT64_C(1) << 40);
    mw_block_unref(block);
    beat_free(&beat);
}

/* 0 would say that it was never late. */
static void without_a_pace_its_readings_are_absent(void **state)
{
    struct beat beat = collector_over_fixture("healthy");
    struct mw_block *block = read_self(&beat, NULL);
    union mw_value value;

    (void)state;
    assert_int_equal(mw_block_get(block, MW_DAEMON_LATENESS, 0, &value), MW_ABSENT_UNSUPPORTED);
    assert_int_equal(mw_block_get(block, MW_DAEMON_SAMPLES_LATE, 0, &value), MW_ABSENT_UNSUPPORTED);
    assert_int_equal(mw_block_get(block, MW_DAEMON_SAMPLES_MISSED, 0, &value),
                     MW_ABSENT_UNSUPPORTED);
    assert_true(value_of(block, MW_DAEMON_RSS) > 0);
    mw_block_unref(block);
    beat_free(&beat);
}

static void faults_are_counted_repeats_included(void **state)
{
    struct beat beat = collector_over_fixture("truncated");
    struct mw_block *block = read_self(&beat, &no_pace);

    (void)state;
    assert_int_equal(value_of(block, MW_DAEMON_FAULTS), 0);
    mw_block_unref(block);
    for (unsigned i = 1; i <= 3; i++) {
        beat_next(&beat);
        block = read_self(&beat, &no_pace);
        assert_int_equal(value_of(block, MW_DAEMON_FAULTS), 3 * i); /* three files of it lie */
        mw_block_unref(block);
    }
    beat_free(&beat);
}

static void kept_descriptors_are_those_of_the_processes(void **state)
{
    struct beat beat = collector_over_fixture("healthy");
    struct mw_block *processes = NULL, *block = read_self(&beat, &no_pace);

    (void)state;
    assert_int_equal(value_of(block, MW_DAEMON_KEPT_FDS), 0);
    mw_block_unref(block);
    assert_int_equal(mw_collector_read_processes(beat.collector, &processes), 0);
    mw_block_unref(processes);
    block = read_self(&beat, &no_pace);
    assert_int_equal(value_of(block, MW_DAEMON_KEPT_FDS),
                     mw_process_reader_kept(beat.collector->process_reader));
    assert_true(value_of(block, MW_DAEMON_KEPT_FDS) > 0);
    mw_block_unref(block);
    beat_free(&beat);
}

static void one_row_with_the_key_of_a_singleton(void **state)
{
    struct beat beat = collector_over_fixture("no_swap");
    struct mw_block *block = read_self(&beat, &no_pace);

    (void)state;
    assert_int_equal(mw_block_head(block)->source, MW_SOURCE_SELF);
    assert_int_equal(mw_block_head(block)->live, 1);
    assert_int_equal(mw_block_head(block)->seq, 1);
    assert_int_equal(mw_block_keys(block)[0].id, 1);
    assert_int_equal(mw_block_keys(block)[0].birth, 0);
    mw_block_unref(block);
    beat_free(&beat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resident_memory_is_that_of_this_program),
        cmocka_unit_test(cpu_time_is_that_of_this_program),
        cmocka_unit_test(before_the_first_sample_there_is_no_cost),
        cmocka_unit_test(cost_is_that_of_the_sample_just_read),
        cmocka_unit_test(pace_is_told_as_it_was_given),
        cmocka_unit_test(without_a_pace_its_readings_are_absent),
        cmocka_unit_test(faults_are_counted_repeats_included),
        cmocka_unit_test(kept_descriptors_are_those_of_the_processes),
        cmocka_unit_test(one_row_with_the_key_of_a_singleton),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
