#include "daemon/names.h"
#include "daemon/view_internal.h"
#include "tests/support/view_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef void (*view_fn)(const struct mwd_view_input *input, struct mwd_buffer *out);

/* The document as a string; the caller's, free(). */
static char *render_as(view_fn view, const struct mwd_view_input *input)
{
    struct mwd_buffer out;

    mwd_buffer_init(&out, SIZE_MAX);
    view(input, &out);
    mwd_buffer_append(&out, "", 1);
    assert_int_equal(out.failed, 0);
    assert_int_equal(strlen(out.bytes), out.size - 1);
    return out.bytes;
}

static char *render(const struct mwd_view_input *input)
{
    return render_as(mwd_view_metrics, input);
}

static unsigned count(const char *text, const char *part)
{
    unsigned found = 0;

    for (text = strstr(text, part); text; text = strstr(text + 1, part))
        found++;
    return found;
}

/* What stands in front of a sample's value, with the newline before it. */
static const char *sample_front(const struct mw_reading_info *info, char *ret, size_t size)
{
    const char *name = mwd_name_at(NULL, info->kind, 0);

    if (name)
        snprintf(ret, size, "\n%s{name=\"%s\"%s%s} ", info->metric, name,
                 info->labels[0] ? "," : "", info->labels);
    else
        snprintf(ret, size, info->labels[0] ? "\n%s{%s} " : "\n%s%s ", info->metric, info->labels);
    return ret;
}

static bool is_shown(const struct mw_reading_info *info)
{
    return info->kind != MW_KIND_PROCESS && info->metric[0];
}

static double in_base_unit(const struct mw_reading_info *info, union mw_value value)
{
    double number = info->value == MW_VALUE_F64   ? value.f
                    : info->value == MW_VALUE_I64 ? (double)value.i
                                                  : (double)value.u;

    if (info->unit == MW_UNIT_US)
        return number / 1000000;
    if (info->unit == MW_UNIT_EPOCH_MS || info->unit == MW_UNIT_MS)
        return number / 1000;
    return info->unit == MW_UNIT_PERCENT ? number / 100 : number;
}

/* Every row with a metric once, with the value of the sample; an absent one not at all. */
static void every_reading_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct synthetic_options options = {.seed = seed,
                                            .absent_percent = (unsigned)(seed % 4) * 30};
        struct synthetic synthetic;
        struct mwd_view_input input;
        unsigned samples = 1; /* build_info */
        char *text;

        synthetic_init(&synthetic, &options);
        input = view_input(&synthetic);
        text = render(&input);
        for (enum mw_reading reading = 0; reading < MW_READING_COUNT; reading++) {
            const struct mw_reading_info *info = mw_reading_info(reading);
            union mw_value value = {0};
            char front[256];
            bool shown;

            if (!is_shown(info))
                continue;
            shown = mw_sample_get(input.sample, reading, 0, &value) == MW_PRESENT;
            sample_front(info, front, sizeof(front));
            assert_int_equal(count(text, front), shown);
            samples += shown;
            if (shown) {
                double want = in_base_unit(info, value);
                double got = strtod(strstr(text, front) + strlen(front), NULL);

                assert_true(fabs(got - want) <= 1e-6 + fabs(want) * 1e-12);
            }
        }
        /* Lines are samples, or the two in front of each family. */
        assert_int_equal(count(text, "\n"), samples + count(text, "# HELP ") * 2);
        assert_int_equal(count(text, "# HELP "), count(text, "# TYPE "));
        free(text);
        synthetic_deinit(&synthetic);
    }
}

/* One series for each pid would be too many. */
static void without_groups_no_process_is_shown(void **state)
{
    struct synthetic_options options = {.seed = 1, .processes = 10};
    struct synthetic synthetic;
    struct mwd_view_input input;
    char *text;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    text = render(&input);
    assert_null(strstr(text, "memwatch_process_"));
    free(text);
    synthetic_deinit(&synthetic);
}

/* Whatever names processes have: so many series of each family, each once, no pid. */
static void processes_are_shown_by_group(void **state)
{
    static const view_fn views[] = {mwd_view_metrics, mwd_view_openmetrics};
    struct synthetic_options options = {.seed = 5, .processes = 2000, .wild = true};
    struct synthetic synthetic;
    struct mwd_groups *groups;
    struct mwd_view_input input;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    assert_int_equal(mwd_groups_create(&groups), 0);
    assert_int_equal(
        mwd_groups_update(groups, &(struct mwd_groups_input){.sample = input.sample,
                                                             .subjects = input.subjects,
                                                             .limit = 20}),
        0);
    input.groups = groups;
    for (int i = 0; i < 2; i++) {
        char *text = render_as(views[i], &input);

        assert_int_equal(count(text, "\nmemwatch_process_resident_memory_bytes{name=\""), 21);
        assert_int_equal(count(text, "\nmemwatch_process_group_processes{name=\""), 21);
        assert_int_equal(count(text, "\nmemwatch_process_group_processes{name=\"other\"} "), 1);
        assert_int_equal(count(text, "\n# TYPE memwatch_process_resident_memory_bytes gauge\n"), 1);
        assert_non_null(strstr(text, "\nmemwatch_process_groups_folded_total "));
        assert_null(strstr(text, "pid="));
        free(text);
    }
    mwd_groups_destroy(groups);
    synthetic_deinit(&synthetic);
}

/* Samples of one family, all of them and those of one window. */
static void expect_window(const char *text, const char *family, unsigned each)
{
    char front[128];

    snprintf(front, sizeof(front), "\n%s{", family);
    assert_int_equal(count(text, front), each * MWD_WINDOW_WIDTHS);
    snprintf(front, sizeof(front), "\n# TYPE %s gauge\n", family);
    assert_int_equal(count(text, front), 1);
}

/* Each subject that is shown, each width, the least and the greatest, and for how long it is known;
 * none of what is absent now. */
static void windows_stand_beside_their_readings(void **state)
{
    static const view_fn views[] = {mwd_view_metrics, mwd_view_openmetrics};
    struct synthetic_options options = {.seed = 5, .processes = 2000, .wild = true};
    struct synthetic synthetic;
    struct mwd_groups *groups;
    struct mwd_windows *windows;
    struct mwd_view_input input;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    assert_int_equal(mwd_groups_create(&groups), 0);
    assert_int_equal(mwd_windows_create(&windows), 0);
    assert_int_equal(
        mwd_groups_update(groups, &(struct mwd_groups_input){.sample = input.sample,
                                                             .subjects = input.subjects,
                                                             .limit = 20}),
        0);
    mwd_windows_feed(windows, input.sample, groups);
    input.groups = groups;
    input.windows = windows;
    for (int i = 0; i < 2; i++) {
        char *text = render_as(views[i], &input);

        expect_window(text, "memwatch_system_mem_available_min_bytes", 1);
        expect_window(text, "memwatch_system_mem_available_max_bytes", 1);
        expect_window(text, "memwatch_process_resident_memory_min_bytes", 21);
        expect_window(text, "memwatch_process_resident_memory_max_bytes", 21);
        expect_window(text, "memwatch_heap_used_min_bytes", 1);
        expect_window(text, "memwatch_queue_length_max", 1);
        assert_int_equal(count(text, "\nmemwatch_queue_length_max{name=\"events\",window=\"5m\"} "),
                         1);
        assert_int_equal(count(text, "\nmemwatch_process_resident_memory_known_seconds{name="), 21);
        assert_int_equal(count(text, "\nmemwatch_system_mem_available_known_seconds 0\n"), 1);
        assert_int_equal(count(text, "\n# UNIT memwatch_heap_used_max_bytes bytes\n"), i);
        assert_int_equal(count(text, "\n# UNIT memwatch_queue_length_max"), 0);
        free(text);
    }
    synthetic_age(&synthetic);
    mwd_windows_feed(windows, synthetic.sample, NULL);
    input = view_input(&synthetic);
    input.windows = windows;
    char *text = render(&input);
    assert_null(strstr(text, "window=\"15s\""));
    assert_null(strstr(text, "_known_seconds"));
    free(text);
    mwd_windows_destroy(windows);
    mwd_groups_destroy(groups);
    synthetic_deinit(&synthetic);
}

/* What the view relies on: rows of one family are neighbours, of one kind and type, each with
 * labels of its own. */
static void families_of_the_table_stand_together(void **state)
{
    (void)state;
    for (enum mw_reading a = 0; a < MW_READING_COUNT; a++) {
        const struct mw_reading_info *first = mw_reading_info(a);

        for (enum mw_reading b = a + 1; b < MW_READING_COUNT; b++) {
            const struct mw_reading_info *other = mw_reading_info(b);

            if (!first->metric[0] || strcmp(first->metric, other->metric) != 0)
                continue;
            assert_string_equal(mw_reading_info(b - 1)->metric, first->metric);
            assert_string_not_equal(first->labels, other->labels);
            assert_int_equal(first->type, other->type);
            assert_int_equal(first->kind, other->kind);
            assert_int_equal(first->unit, other->unit);
        }
    }
}

/* The name says the unit and the type, as Prometheus wants it; words are no metrics. */
static void names_of_the_table_say_their_unit(void **state)
{
    static const char *const endings[MW_UNIT_COUNT_OF] = {
        [MW_UNIT_BYTES] = "_bytes",      [MW_UNIT_US] = "_seconds",
        [MW_UNIT_PERCENT] = "_ratio",    [MW_UNIT_EPOCH_MS] = "_seconds",
        [MW_UNIT_RATIO] = "_ratio",      [MW_UNIT_BYTES_PER_S] = "_bytes_per_second",
        [MW_UNIT_PER_S] = "_per_second", [MW_UNIT_MS] = "_seconds",
    };

    (void)state;
    for (enum mw_reading reading = 0; reading < MW_READING_COUNT; reading++) {
        const struct mw_reading_info *info = mw_reading_info(reading);
        char ending[64];
        bool total = info->type == MW_TYPE_COUNTER;
        size_t size;

        if (!info->metric[0])
            continue;
        assert_int_not_equal(info->value, MW_VALUE_TEXT);
        snprintf(ending, sizeof(ending), "%s%s", endings[info->unit] ? endings[info->unit] : "",
                 total ? "_total" : "");
        size = strlen(ending);
        assert_true(strlen(info->metric) > size);
        if (strcmp(info->metric + strlen(info->metric) - size, ending) != 0)
            fail_msg("%s should end in %s", info->metric, ending);
        size = strlen(info->metric) - strlen("_total");
        assert_int_equal(strcmp(info->metric + size, "_total") == 0, total);
    }
}

static void head_of_a_family(void **state)
{
    struct synthetic_options options = {.seed = 1};
    struct synthetic synthetic;
    struct mwd_view_input input;
    char *text;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    text = render(&input);
    assert_ptr_equal(strstr(text, "# HELP memwatch_build_info "), text);
    assert_non_null(strstr(text, "\nmemwatch_build_info{version=\"" MW_VERSION "\"} 1\n"));
    assert_non_null(strstr(text, "\n# TYPE memwatch_system_mem_total_bytes gauge\n"));
    assert_non_null(strstr(text, "\n# TYPE memwatch_system_oom_kills_total counter\n"));
    assert_non_null(strstr(text, "\n# TYPE memwatch_daemon_start_time_seconds gauge\n"));
    assert_int_equal(count(text, "# HELP memwatch_system_pressure_some_ratio "), 1);
    assert_int_equal(count(text, "\nmemwatch_system_pressure_some_ratio{window="), 3);
    free(text);
    synthetic_deinit(&synthetic);
}

/* Takes lines of metadata out of a document. */
static void keep_samples(char *text)
{
    char *to = text;

    for (char *line = text, *end; *line; line = end) {
        end = strchr(line, '\n') + 1;
        if (*line == '#')
            continue;
        memmove(to, line, (size_t)(end - line));
        to += end - line;
    }
    *to = '\0';
}

/* Both formats show the same numbers; what differs is in the lines around them. */
static void openmetrics_has_the_same_samples(void **state)
{
    struct synthetic_options options = {.seed = 3, .absent_percent = 20};
    struct synthetic synthetic;
    struct mwd_view_input input;
    char *text, *open;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    text = render(&input);
    open = render_as(mwd_view_openmetrics, &input);
    assert_string_equal(open + strlen(open) - strlen("\n# EOF\n"), "\n# EOF\n");
    assert_int_equal(count(open, "# EOF"), 1);
    assert_null(strstr(text, "# EOF"));
    assert_null(strstr(text, "# UNIT"));
    keep_samples(text);
    keep_samples(open);
    assert_string_equal(text, open);
    free(text);
    free(open);
    synthetic_deinit(&synthetic);
}

static void openmetrics_names_families_and_units(void **state)
{
    struct synthetic_options options = {.seed = 1};
    struct synthetic synthetic;
    struct mwd_view_input input;
    char *text;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    text = render_as(mwd_view_openmetrics, &input);
    assert_non_null(strstr(text, "\n# TYPE memwatch_build info\nmemwatch_build_info{"));
    assert_non_null(strstr(text, "\n# TYPE memwatch_system_oom_kills counter\n"));
    assert_non_null(strstr(text, "\nmemwatch_system_oom_kills_total "));
    assert_non_null(strstr(text, "\n# TYPE memwatch_system_mem_total_bytes gauge\n"
                                 "# UNIT memwatch_system_mem_total_bytes bytes\n"));
    assert_non_null(strstr(text, "\n# UNIT memwatch_system_pressure_some_seconds seconds\n"));
    assert_non_null(strstr(text, "\n# UNIT memwatch_system_pressure_some_ratio ratio\n"));
    assert_int_equal(count(text, "_total counter"), 0);
    free(text);
    synthetic_deinit(&synthetic);
}

/* A counter's family loses its `_total`: it must not meet another one there. */
static void families_of_openmetrics_are_apart(void **state)
{
    (void)state;
    for (enum mw_reading a = 0; a < MW_READING_COUNT; a++)
        for (enum mw_reading b = 0; b < MW_READING_COUNT; b++) {
            const struct mw_reading_info *counter = mw_reading_info(a), *other = mw_reading_info(b);
            size_t size = strlen(counter->metric);

            if (counter->type != MW_TYPE_COUNTER || !size)
                continue;
            size -= strlen("_total");
            assert_false(strlen(other->metric) == size &&
                         memcmp(other->metric, counter->metric, size) == 0);
        }
}

static void help_stays_on_its_line(void **state)
{
    struct mwd_buffer out;

    (void)state;
    mwd_buffer_init(&out, SIZE_MAX);
    mwd_view_put_help("a \"b\" \\xNN\nc\\", MWD_TEXT_FORMAT, &out);
    mwd_buffer_append(&out, "", 1);
    assert_string_equal(out.bytes, "a \"b\" \\\\xNN\\nc\\\\");
    mwd_buffer_deinit(&out);
    mwd_buffer_init(&out, SIZE_MAX);
    mwd_view_put_help("a \"b\" \\xNN\nc\\", MWD_OPENMETRICS, &out);
    mwd_buffer_append(&out, "", 1);
    assert_string_equal(out.bytes, "a \\\"b\\\" \\\\xNN\\nc\\\\");
    mwd_buffer_deinit(&out);
}

static void before_the_first_sample_there_is_the_build(void **state)
{
    struct mwd_view_input input = {.sample = NULL};
    char *text = render(&input);

    (void)state;
    assert_int_equal(count(text, "\n"), 3);
    free(text);
}

/* Where ./check has put it, else one that is installed. */
static const char *find_promtool(void)
{
    const char *path = getenv("MW_TEST_PROMTOOL");

    return path && *path ? path : "promtool";
}

/* promtool of Prometheus itself finds nothing to say, even about style. Without a promtool this
 * fails. */
static void promtool_is_silent(void **state)
{
    struct synthetic_options options = {.seed = 1, .processes = 500};
    struct mwd_groups *groups;
    struct mwd_windows *windows;
    struct synthetic synthetic;
    struct mwd_view_input input;
    char folder[] = "/tmp/mwd-metrics-XXXXXX", command[4300], said[4096];
    size_t size;
    char *text;
    FILE *pipe, *file;

    (void)state;
    synthetic_init(&synthetic, &options);
    input = view_input(&synthetic);
    assert_int_equal(mwd_groups_create(&groups), 0);
    assert_int_equal(
        mwd_groups_update(groups, &(struct mwd_groups_input){.sample = input.sample,
                                                             .subjects = input.subjects,
                                                             .limit = 20}),
        0);
    input.groups = groups;
    assert_int_equal(mwd_windows_create(&windows), 0);
    mwd_windows_feed(windows, input.sample, groups);
    input.windows = windows;
    text = render(&input);
    mwd_windows_destroy(windows);
    mwd_groups_destroy(groups);
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof(command), "%s/metrics", folder);
    file = fopen(command, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    snprintf(command, sizeof(command), "%s check metrics < %s/metrics 2>&1; echo exit $?",
             find_promtool(), folder);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    size = fread(said, 1, sizeof(said) - 1, pipe);
    said[size] = '\0';
    pclose(pipe);
    snprintf(command, sizeof(command), "%s/metrics", folder);
    unlink(command);
    rmdir(folder);
    assert_string_equal(said, "exit 0\n");
    free(text);
    synthetic_deinit(&synthetic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reading_once),
        cmocka_unit_test(without_groups_no_process_is_shown),
        cmocka_unit_test(processes_are_shown_by_group),
        cmocka_unit_test(windows_stand_beside_their_readings),
        cmocka_unit_test(families_of_the_table_stand_together),
        cmocka_unit_test(names_of_the_table_say_their_unit),
        cmocka_unit_test(head_of_a_family),
        cmocka_unit_test(openmetrics_has_the_same_samples),
        cmocka_unit_test(openmetrics_names_families_and_units),
        cmocka_unit_test(families_of_openmetrics_are_apart),
        cmocka_unit_test(help_stays_on_its_line),
        cmocka_unit_test(before_the_first_sample_there_is_the_build),
        cmocka_unit_test(promtool_is_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
