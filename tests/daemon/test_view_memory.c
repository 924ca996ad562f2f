#include "tests/support/view_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef void view(const struct mwd_view_input *input, struct mwd_buffer *out);

static cJSON *render(view *render_view, const struct mwd_view_input *input)
{
    struct mwd_buffer out;
    cJSON *tree;

    mwd_buffer_init(&out, SIZE_MAX);
    render_view(input, &out);
    tree = view_parse(&out);
    mwd_buffer_deinit(&out);
    return tree;
}

static void expect_readings(const cJSON *object, const struct mw_sample *sample, enum mw_kind kind,
                            enum mw_show show)
{
    int members = 0, absent = 0;

    for (enum mw_reading reading = 0; reading < MW_READING_COUNT; reading++) {
        const struct mw_reading_info *info = mw_reading_info(reading);

        if (info->kind != kind || (show == MW_SHOW_HEADLINE && info->show != show))
            continue;
        assert_string_equal(cJSON_GetArrayItem(object, members++)->string, info->key);
        absent += view_expect_reading(object, info->key, sample, reading, 0);
    }
    assert_true(members > 0);
    view_expect_absent_count(object, absent);
    assert_int_equal(cJSON_GetArraySize(object), members + (absent > 0));
}

/* What /memory and --once have in common: the keys that Node.js has too, and "system". Returns how
 * many members of the document are absent. */
static int expect_memory_object(const cJSON *tree, const struct mw_sample *sample,
                                enum mw_show show)
{
    static const char *const keys[] = {"timeMs", "seq", "totalmem", "freemem", "system", "process"};
    const cJSON *process = view_member(tree, "process");
    int absent;

    view_expect_head(tree, sample);
    for (int i = 0; i < 6; i++)
        assert_string_equal(cJSON_GetArrayItem(tree, i)->string, keys[i]);
    expect_readings(view_member(tree, "system"), sample, MW_KIND_SYSTEM, show);
    absent = view_expect_reading(process, "pid", sample, MW_DAEMON_PID, 0);
    absent += view_expect_reading(process, "rss", sample, MW_DAEMON_RSS, 0);
    absent += view_expect_reading(process, "heapTotal", sample, MW_HEAP_TOTAL, 0);
    absent += view_expect_reading(process, "heapUsed", sample, MW_HEAP_USED, 0);
    absent += view_expect_reading(process, "heapLimit", sample, MW_HEAP_LIMIT, 0);
    absent += view_expect_reading(process, "external", sample, MW_HEAP_EXTERNAL, 0);
    view_expect_absent_count(process, absent);
    assert_int_equal(cJSON_GetArraySize(process), 6 + (absent > 0));
    return view_expect_reading(tree, "totalmem", sample, MW_SYSTEM_MEM_TOTAL, 0) +
           view_expect_reading(tree, "freemem", sample, MW_SYSTEM_MEM_AVAILABLE, 0);
}

static void memory_shows_headlines_and_the_daemon(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct synthetic_options options = {
            .seed = seed, .wild = seed % 2, .absent_percent = (unsigned)(seed % 5) * 25};
        struct synthetic synthetic;
        struct mwd_view_input input;
        cJSON *tree;
        int absent;

        synthetic_init(&synthetic, &options);
        input = view_input(&synthetic);
        tree = render(mwd_view_memory, &input);
        absent = expect_memory_object(tree, input.sample, MW_SHOW_HEADLINE);
        view_expect_absent_count(tree, absent);
        assert_int_equal(cJSON_GetArraySize(tree), 6 + (absent > 0));
        cJSON_Delete(tree);
        synthetic_deinit(&synthetic);
    }
}

static uint32_t row_of(const struct mw_sample *sample, double pid)
{
    const struct mw_block *block = mw_sample_block(sample, MW_SOURCE_PROCESS);

    for (uint32_t row = 0; row < mw_block_head(block)->rows; row++)
        if ((double)mw_block_keys(block)[row].id == pid)
            return row;
    fail_msg("no process %f", pid);
    return 0;
}

/* Everything that a sample of a machine has comes out of --once: all rows of its kinds. */
static void once_shows_everything(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct synthetic_options options = {.seed = seed,
                                            .processes = (uint32_t)seed,
                                            .free_every = 5,
                                            .wild = seed % 2,
                                            .absent_percent = (unsigned)(seed % 5) * 25};
        struct synthetic synthetic;
        struct mwd_view_input input;
        const cJSON *process, *processes;
        cJSON *tree;
        int absent;

        synthetic_init(&synthetic, &options);
        input = view_input(&synthetic);
        tree = render(mwd_view_once, &input);
        absent = expect_memory_object(tree, input.sample, MW_SHOW_PLAIN);
        view_expect_absent_count(tree, absent);
        assert_int_equal(cJSON_GetArraySize(tree), 9 + (absent > 0));
        expect_readings(view_member(tree, "daemon"), input.sample, MW_KIND_DAEMON, MW_SHOW_PLAIN);
        processes = view_member(tree, "processes");
        assert_int_equal(view_member(tree, "total")->valueint, cJSON_GetArraySize(processes));
        assert_int_equal(cJSON_GetArraySize(processes),
                         mw_block_head(mw_sample_block(input.sample, MW_SOURCE_PROCESS))->live);
        cJSON_ArrayForEach(process, processes)
        {
            view_expect_process(process, &input,
                                row_of(input.sample, view_member(process, "pid")->valuedouble), 0);
        }
        cJSON_Delete(tree);
        synthetic_deinit(&synthetic);
    }
}

/* Before processes were read, how many there are is unknown, not 0. */
static void once_without_processes_knows_no_total(void **state)
{
    struct synthetic_options options = {.seed = 3, .no_process_block = true};
    struct synthetic synthetic;
    struct mwd_view_input input;
    cJSON *tree;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    tree = render(mwd_view_once, &input);
    assert_int_equal(expect_memory_object(tree, input.sample, MW_SHOW_PLAIN), 0);
    assert_true(cJSON_IsNull(view_member(tree, "total")));
    assert_int_equal(cJSON_GetArraySize(view_member(tree, "processes")), 0);
    view_expect_absent_count(tree, 1);
    assert_string_equal(cJSON_GetStringValue(view_member(view_member(tree, "absent"), "total")),
                        "stale");
    cJSON_Delete(tree);
    synthetic_deinit(&synthetic);
}

static void before_the_first_sample_nothing_is_0(void **state)
{
    struct mwd_view_input input = {.sample = NULL};
    cJSON *tree = render(mwd_view_once, &input);

    (void)state;
    assert_true(cJSON_IsNull(view_member(tree, "timeMs")));
    assert_true(cJSON_IsNull(view_member(tree, "freemem")));
    assert_true(cJSON_IsNull(view_member(view_member(tree, "process"), "rss")));
    view_expect_absent_count(tree, 3); /* totalmem, freemem, total */
    cJSON_Delete(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_shows_headlines_and_the_daemon),
        cmocka_unit_test(once_shows_everything),
        cmocka_unit_test(once_without_processes_knows_no_total),
        cmocka_unit_test(before_the_first_sample_nothing_is_0),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
