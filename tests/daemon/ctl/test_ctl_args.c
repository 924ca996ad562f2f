/* Options before or behind the verb, each with the verbs that it goes with; what is wrong is named.
 */
#include "daemon/ctl/ctl.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 24 };

struct parsed {
    struct mwd_ctl_options options;
    char line[512]; /* what the options' texts point into */
    char *words[WORDS_MAX];
    char error[512]; /* "" = it was taken */
};

static const char *parse(struct parsed *self, const char *line)
{
    char **words = self->words;
    struct mwd_buffer error;
    int count = 0;

    memset(&self->options, 0, sizeof self->options);
    memset(self->words, 0, sizeof self->words);
    words[count++] = "memwatchctl";
    snprintf(self->line, sizeof self->line, "%s", line);
    for (char *at = self->line; *at;) {
        assert_true(count < WORDS_MAX - 1);
        words[count++] = at;
        at += strcspn(at, " ");
        if (*at)
            *at++ = '\0';
    }
    mwd_buffer_init(&error, sizeof self->error - 1);
    int r = mwd_ctl_parse(count, words, &error, &self->options);
    snprintf(self->error, sizeof self->error, "%.*s", (int)error.size,
             error.bytes ? error.bytes : "");
    assert_int_equal(r, error.size > 0 ? -EINVAL : 0);
    mwd_buffer_deinit(&error);
    return self->error;
}

static void assert_taken(struct parsed *parsed, const char *line)
{
    assert_string_equal(parse(parsed, line), "");
}

static void assert_refused(const char *line, const char *says)
{
    struct parsed parsed;

    if (!strstr(parse(&parsed, line), says))
        fail_msg("\"%s\" says \"%s\", not \"%s\"", line, parsed.error, says);
}

static void options_stand_before_or_behind(void **state)
{
    static const char *const lines[] = {
        "processes --limit 7 --name a*b --json",
        "--limit 7 --name a*b --json processes",
        "--limit=7 processes --json --name=a*b",
    };
    struct parsed parsed;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_taken(&parsed, lines[i]);
        assert_int_equal(parsed.options.verb, MWD_CTL_PROCESSES);
        assert_int_equal(parsed.options.limit, 7);
        assert_string_equal(parsed.options.name, "a*b");
        assert_true(parsed.options.json);
        assert_false(parsed.options.bytes);
    }
}

static void what_was_not_given_is_not_0(void **state)
{
    struct parsed parsed;

    (void)state;
    assert_taken(&parsed, "top");
    assert_true(parsed.options.limit == UINT64_MAX);
    assert_true(parsed.options.pid == UINT64_MAX);
    assert_true(parsed.options.count == UINT64_MAX);
    assert_null(parsed.options.socket);
    assert_int_equal(parsed.options.interval_ns, 1000000000);
    assert_true(parsed.options.timeout_ns == 5000000000U);
}

static void numbers_have_bounds(void **state)
{
    struct parsed parsed;

    (void)state;
    assert_taken(&parsed, "processes --limit 1");
    assert_taken(&parsed, "processes --limit 4194304");
    assert_refused("processes --limit 0", "--limit: takes a whole number");
    assert_refused("processes --limit 4194305", "--limit: takes a whole number");
    assert_refused("processes --limit -1", "got \"-1\"");
    assert_taken(&parsed, "status --timeout 100ms");
    assert_taken(&parsed, "status --timeout 1h");
    assert_refused("status --timeout 99ms", "--timeout: takes a span");
    assert_refused("status --timeout 3601s", "--timeout: takes a span");
    assert_refused("status --timeout 5", "got \"5\"");
}

/* The files that a verb takes behind its first operand. */
static const char *files_of(unsigned verb)
{
    static const char *const files[] = {"", " a", " a b"};
    const char *operand = mwd_ctl_verbs[verb].operand;
    char first[32];

    if (!operand)
        return "";
    snprintf(first, sizeof first, "%.*s", (int)strcspn(operand, "|"), operand);
    return files[mwd_ctl_files((enum mwd_ctl_verb)verb, first)];
}

static void every_verb_is_taken_by_its_name(void **state)
{
    struct parsed parsed;
    char line[64];

    (void)state;
    for (unsigned i = 0; i < MWD_CTL_VERBS; i++) {
        const char *operand = mwd_ctl_verbs[i].operand;

        snprintf(line, sizeof line, "%s %.*s%s", mwd_ctl_verbs[i].name,
                 operand ? (int)strcspn(operand, "|") : 0, operand ? operand : "", files_of(i));
        assert_taken(&parsed, line);
        assert_int_equal(parsed.options.verb, i);
        if (operand && i != MWD_CTL_HEAP && i != MWD_CTL_RULES && i != MWD_CTL_TARGETS)
            assert_refused(mwd_ctl_verbs[i].name, "needs");
    }
}

/* Each option goes with the verbs of its row and with no other. */
static void options_go_with_their_verbs(void **state)
{
    struct parsed parsed;
    char line[256];

    (void)state;
    for (unsigned i = 0; i < mwd_ctl_option_count; i++) {
        const struct mwd_ctl_option_row *row = &mwd_ctl_option_rows[i];
        const char *value = row->type == MWD_CTL_COUNT  ? "3"
                            : row->type == MWD_CTL_SPAN ? "3s"
                            : row->argument             ? row->argument
                                                        : "";
        int value_size = (int)strcspn(value, "|"); /* the first word of those that are listed */

        for (unsigned verb = 0; verb < MWD_CTL_VERBS; verb++) {
            const char *operand = mwd_ctl_verbs[verb].operand;

            snprintf(line, sizeof line, "%s%s%.*s %s", row->name, row->argument ? "=" : "",
                     value_size, value, mwd_ctl_verbs[verb].name);
            if (operand)
                snprintf(line + strlen(line), sizeof line - strlen(line), " %.*s%s",
                         (int)strcspn(operand, "|"), operand, files_of(verb));
            if (row->verbs >> verb & 1)
                assert_taken(&parsed, line);
            else
                assert_refused(line, "does not go with");
        }
    }
}

static void wrong_words_are_named(void **state)
{
    (void)state;
    assert_refused("", "needs a verb");
    assert_refused("mem", "mem: there is no such verb; it is one of memory processes");
    assert_refused("memory more", "more: there is nothing that this could be");
    assert_refused("memory --no-such", "--no-such: there is no such option");
    assert_refused("memory --js", "--js: there is no such option");
    assert_refused("memory --json=yes", "--json: takes no value; got \"yes\"");
    assert_refused("memory --socket", "--socket: needs a value behind it");
    assert_refused("memory --socket --json", "--socket: needs a value behind it");
    assert_refused("memory --socket=", "--socket: takes something that is not empty");
    assert_refused("processes --order up", "--order: takes asc|desc; got \"up\"");
    assert_refused("processes --order as", "--order: takes asc|desc; got \"as\"");
    assert_refused("config look", "config: takes check|dump; got \"look\"");
    assert_refused("memory --socket /s --url http://h:1", "--socket: does not go with --url");
    assert_refused("-j memory", "-j: there is no such option");
}

static void two_dashes_end_the_options(void **state)
{
    struct parsed parsed;

    (void)state;
    assert_taken(&parsed, "record -- --odd.rec");
    assert_string_equal(parsed.options.operand, "--odd.rec");
}

static void help_and_version_need_no_verb(void **state)
{
    struct parsed parsed;

    (void)state;
    assert_taken(&parsed, "--help");
    assert_true(parsed.options.help);
    assert_int_equal(parsed.options.verb, MWD_CTL_VERBS);
    assert_taken(&parsed, "config --help");
    assert_int_equal(parsed.options.verb, MWD_CTL_CONFIG);
    assert_taken(&parsed, "--version");
    assert_true(parsed.options.version);
}

/* What stands in help is taken, and all of it stands in help. */
static void help_has_every_row(void **state)
{
    struct mwd_buffer out;

    (void)state;
    mwd_buffer_init(&out, 1 << 20);
    mwd_ctl_help(MWD_CTL_VERBS, &out);
    mwd_buffer_append(&out, "", 1);
    assert_int_equal(out.failed, 0);
    for (unsigned i = 0; i < mwd_ctl_option_count; i++)
        assert_non_null(strstr(out.bytes, mwd_ctl_option_rows[i].name));
    for (unsigned i = 0; i < MWD_CTL_VERBS; i++)
        assert_non_null(strstr(out.bytes, mwd_ctl_verbs[i].name));
    mwd_buffer_deinit(&out);
}

static void help_of_a_verb_has_its_options_only(void **state)
{
    struct mwd_buffer out;

    (void)state;
    mwd_buffer_init(&out, 1 << 20);
    mwd_ctl_help(MWD_CTL_RECORD, &out);
    mwd_buffer_append(&out, "", 1);
    assert_non_null(strstr(out.bytes, "usage: memwatchctl record FILE"));
    assert_non_null(strstr(out.bytes, "--interval"));
    assert_null(strstr(out.bytes, "--socket"));
    mwd_buffer_deinit(&out);
}

/* "heap diff" has two files behind its operand, "heap snapshot" one; no more and no fewer. */
static void files_stand_behind_the_operand(void **state)
{
    struct parsed parsed;

    (void)state;
    assert_taken(&parsed, "heap diff --top 3 a -- --b");
    assert_string_equal(parsed.options.operand, "diff");
    assert_int_equal(parsed.options.file_count, 2);
    assert_string_equal(parsed.options.files[0], "a");
    assert_string_equal(parsed.options.files[1], "--b");
    assert_int_equal(parsed.options.top, 3);
    assert_refused("heap diff a", "heap diff: needs 2 files behind it; got 1");
    assert_refused("heap diff a b c", "c: there is nothing that this could be");
    assert_taken(&parsed, "heap snapshot --timeout 1h a");
    assert_string_equal(parsed.options.files[0], "a");
    assert_refused("heap snapshot", "heap snapshot: needs 1 file behind it; got 0");
    assert_refused("heap snapshot a b", "b: there is nothing that this could be");
    assert_refused("heap other a b",
                   "heap: takes spaces|trace|collect|snapshot|diff; got \"other\"");
    assert_refused("memory --top 3", "--top: does not go with memory");
}

static void names_stand_among_the_options(void **state)
{
    struct parsed parsed;

    (void)state;
    assert_taken(&parsed, "--label a=b targets db1 --label=c=d db2 --file x -- --db3");
    assert_int_equal(parsed.options.word_count, 3);
    assert_string_equal(parsed.options.words[0], "db1");
    assert_string_equal(parsed.options.words[1], "db2");
    assert_string_equal(parsed.options.words[2], "--db3");
    assert_string_equal(parsed.options.file, "x");
    assert_int_equal(parsed.options.labels.count, 2);
    assert_string_equal(parsed.options.labels.items[0], "a=b");
    assert_string_equal(parsed.options.labels.items[1], "c=d");
    assert_taken(&parsed, "targets");
    assert_int_equal(parsed.options.word_count, 0);
    assert_refused("memory --file x", "--file: does not go with memory");
    assert_refused("targets --socket x", "--socket: does not go with targets");
}

static void an_option_is_given_again_so_many_times(void **state)
{
    struct parsed parsed;
    char line[512] = "targets db1";

    (void)state;
    for (int i = 0; i < MWD_CTL_TEXTS_MAX; i++)
        strcat(line, " --label=a=b");
    assert_taken(&parsed, line);
    assert_int_equal(parsed.options.labels.count, MWD_CTL_TEXTS_MAX);
    strcat(line, " --label=a=b");
    assert_refused(line, "--label: may be given 16 times at the most");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_before_or_behind),
        cmocka_unit_test(what_was_not_given_is_not_0),
        cmocka_unit_test(numbers_have_bounds),
        cmocka_unit_test(every_verb_is_taken_by_its_name),
        cmocka_unit_test(options_go_with_their_verbs),
        cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(help_and_version_need_no_verb),
        cmocka_unit_test(help_has_every_row),
        cmocka_unit_test(help_of_a_verb_has_its_options_only),
        cmocka_unit_test(files_stand_behind_the_operand),
        cmocka_unit_test(names_stand_among_the_options),
        cmocka_unit_test(an_option_is_given_again_so_many_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
