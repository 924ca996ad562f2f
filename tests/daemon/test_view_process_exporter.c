/* process-exporter's names, whatever names processes have; nothing of threads of the kernel. */
#include "daemon/view_internal.h"
#include "tests/support/view_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *render(const struct synthetic *synthetic, uint32_t limit)
{
    struct mwd_view_input input = view_input(synthetic);
    struct mwd_groups *groups;
    struct mwd_buffer out;

    assert_int_equal(mwd_groups_create(&groups), 0);
    assert_int_equal(
        mwd_groups_update(groups, &(struct mwd_groups_input){.sample = input.sample,
                                                             .subjects = input.subjects,
                                                             .limit = limit}),
        0);
    input.groups = groups;
    mwd_buffer_init(&out, SIZE_MAX);
    mwd_view_process_exporter(&input, &out);
    mwd_buffer_append(&out, "", 1);
    assert_int_equal(out.failed, 0);
    mwd_groups_destroy(groups);
    return out.bytes;
}

static unsigned count(const char *text, const char *part)
{
    unsigned found = 0;

    for (text = strstr(text, part); text; text = strstr(text + 1, part))
        found++;
    return found;
}

static void each_name_has_its_series(void **state)
{
    struct synthetic_options options = {.seed = 2, .processes = 100};
    struct synthetic synthetic;
    char *text;

    (void)state;
    synthetic_init(&synthetic, &options);
    text = render(&synthetic, 1000);
    assert_int_equal(count(text, "memory_bytes{groupname=\""), 300);
    assert_int_equal(count(text, "\",memtype=\"swapped\"} "), 100);
    assert_int_equal(count(text, "num_procs{groupname=\"worker-"), 100);
    assert_int_equal(count(text, "oldest_start_time_seconds{groupname=\"worker-"), 100);
    assert_int_equal(count(text, "# TYPE "), 3);
    assert_int_equal(count(text, "\"other\""), 0);
    free(text);
    text = render(&synthetic, 10);
    assert_int_equal(count(text, "num_procs{groupname=\""), 11);
    assert_int_equal(count(text, "num_procs{groupname=\"other\"} 90\n"), 1);
    free(text);
    synthetic_deinit(&synthetic);
}

static void threads_of_the_kernel_are_left_out(void **state)
{
    struct synthetic_options options = {.seed = 2, .processes = 50, .kernel_thread_percent = 100};
    struct synthetic synthetic;
    char *text;

    (void)state;
    synthetic_init(&synthetic, &options);
    text = render(&synthetic, 1000);
    assert_int_equal(count(text, "groupname"), 0);
    free(text);
    synthetic_deinit(&synthetic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_has_its_series),
        cmocka_unit_test(threads_of_the_kernel_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
