/* Whether RSS is exact: what is said of a kernel that is off, and that the self-test leaves the
 * thread where it was. */
#include "tests/lib/doctor/doctor_support.h"

#include <errno.h>
#include <sched.h>

static struct mw_doctor_row judged(const char *kernel, int error, uint64_t off_pages,
                                   unsigned processors)
{
    struct mw_doctor_scene scene = scene_of(kernel, 0);
    struct mw_doctor_row row = {.id = "rss_exact"};

    mw_doctor_judge_exactness(&scene, error, off_pages, processors, &row);
    return row;
}

static void pages_that_are_missing_are_said_with_the_bound(void **state)
{
    struct mw_doctor_row row = judged("6.6.30", 0, 80, 4);

    (void)state;
    /* 4 processors x 32 pages x 3 counters x 4 KiB */
    assert_row(&row, MW_DOCTOR_PARTLY, "off by 80 pages here; with 4 processors up to 1536 KiB",
               "6.16");
    row = judged("6.6.30", 0, 1, 250); /* 250 x 500 x 3 x 4 KiB */
    assert_row(&row, MW_DOCTOR_PARTLY, "up to 1500000 KiB", "6.16");
    row = judged("5.10.0", 0, 40, 4);
    assert_row(&row, MW_DOCTOR_PARTLY, "up to 64 pages a thread", "6.16");
    row = judged("5.10.0", 0, 0, 4); /* what was seen counts, not the version */
    assert_row(&row, MW_DOCTOR_YES, "agree", NULL);
}

static void what_cannot_be_compared_is_unknown(void **state)
{
    struct mw_doctor_row row = judged("4.9.0", -ENOENT, 0, 4);

    (void)state;
    assert_row(&row, MW_DOCTOR_UNKNOWN, "smaps_rollup: No such file", NULL);
    row = judged("6.6.0", -EAGAIN, 0, 4);
    assert_row(&row, MW_DOCTOR_UNKNOWN, "does not stand still", NULL);
}

static void the_thread_comes_back(void **state)
{
    struct mw_doctor_report report;
    cpu_set_t before, after;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    mw_doctor_look(&on_this_machine, &report);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_that_are_missing_are_said_with_the_bound),
        cmocka_unit_test(what_cannot_be_compared_is_unknown),
        cmocka_unit_test(the_thread_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
