/* node_exporter's names, types and units, made from the table; what is absent is left out. */
#include "daemon/view_internal.h"
#include "tests/support/view_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *render(const struct mwd_view_input *input)
{
    struct mwd_buffer out;

    mwd_buffer_init(&out, SIZE_MAX);
    mwd_view_node(input, &out);
    mwd_buffer_append(&out, "", 1);
    assert_int_equal(out.failed, 0);
    return out.bytes;
}

static void names_are_those_of_node_exporter(void **state)
{
    static const char *const heads[] = {
        "# TYPE node_memory_MemTotal_bytes gauge\nnode_memory_MemTotal_bytes ",
        "# HELP node_memory_Active_anon_bytes Memory information field Active_anon_bytes.\n",
        "# TYPE node_memory_HugePages_Total gauge\nnode_memory_HugePages_Total ",
        "# HELP node_vmstat_pgmajfault /proc/vmstat information field pgmajfault.\n",
        "# TYPE node_vmstat_pgmajfault untyped\nnode_vmstat_pgmajfault ",
        "# TYPE node_vmstat_oom_kill untyped\n",
        "# TYPE node_vmstat_pswpin untyped\n",
        "# TYPE node_pressure_memory_stalled_seconds_total counter\n",
        "# TYPE node_pressure_memory_waiting_seconds_total counter\n",
    };
    struct synthetic_options options = {.seed = 1};
    struct synthetic synthetic;
    struct mwd_view_input input;
    char *text;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    text = render(&input);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        if (!strstr(text, heads[i]))
            fail_msg("not there: %s", heads[i]);
    assert_null(strstr(text, "node_vmstat_pgalloc"));
    assert_null(strchr(text, '('));
    free(text);
    synthetic_deinit(&synthetic);
}

static void what_is_absent_is_left_out(void **state)
{
    struct synthetic_options options = {.seed = 1, .absent_percent = 100};
    struct synthetic synthetic;
    struct mwd_view_input input;
    char *text;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    text = render(&input);
    assert_string_equal(text, "");
    free(text);
    synthetic_deinit(&synthetic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_node_exporter),
        cmocka_unit_test(what_is_absent_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
