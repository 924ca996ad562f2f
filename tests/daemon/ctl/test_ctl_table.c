/* Columns line up, fit into the terminal, and nothing in a cell steers it. */
#include "daemon/ctl/ctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct mwd_ctl_column columns[] = {
    {.title = "PID", .right = true},
    {.title = "HERE", .painted = true},
    {.title = "SWAP", .right = true, .at_least = 60},
    {.title = "NAME", .flows = true},
};

struct drawn {
    struct mwd_ctl_options options;
    struct mwd_ctl ctl;
    char text[2048];
};

static void draw(struct drawn *self, const char *const *cells, size_t count)
{
    struct mwd_ctl_table *table;
    struct mwd_buffer out;

    assert_int_equal(mwd_ctl_table_create(columns, 4, &table), 0);
    for (size_t i = 0; i < count; i++)
        mwd_ctl_table_cell(table, "%s", cells[i]);
    mwd_buffer_init(&out, sizeof self->text - 1);
    mwd_ctl_table_put(table, &self->ctl, &out);
    assert_int_equal(out.failed, 0);
    snprintf(self->text, sizeof self->text, "%.*s", (int)out.size, out.bytes);
    mwd_buffer_deinit(&out);
    assert_null(mwd_ctl_table_destroy(table));
}

static void columns_line_up(void **state)
{
    static const char *const cells[] = {"1", "yes", "0 B", "init", "12345", "no", "-", "x"};
    struct drawn drawn = {.ctl = {.columns = 0}};

    (void)state;
    draw(&drawn, cells, 8);
    assert_string_equal(drawn.text, "  PID  HERE  SWAP  NAME\n"
                                    "    1  yes    0 B  init\n"
                                    "12345  no       -  x\n");
}

/* Characters are counted, not bytes. */
static void letters_of_more_bytes_are_one_wide(void **state)
{
    static const char *const cells[] = {"1", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", "1", "x"};
    struct drawn drawn = {.ctl = {.columns = 0}};

    (void)state;
    draw(&drawn, cells, 4);
    assert_string_equal(drawn.text, "PID  HERE   SWAP  NAME\n"
                                    "  1  \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9     1  x\n");
}

static void a_narrow_terminal_hides_and_says_so(void **state)
{
    static const char *const cells[] = {"1", "yes", "9", "init"};
    struct drawn drawn = {.ctl = {.columns = 60}};

    (void)state;
    draw(&drawn, cells, 4);
    assert_non_null(strstr(drawn.text, "SWAP"));
    assert_null(strstr(drawn.text, "hidden"));
    drawn.ctl.columns = 59;
    draw(&drawn, cells, 4);
    assert_string_equal(drawn.text, "PID  HERE  NAME\n"
                                    "  1  yes   init\n"
                                    "1 column hidden here: use --json\n");
}

static void the_last_column_flows_under_itself(void **state)
{
    static const char *const cells[] = {"1", "no", "9", "one two three four five six seven"};
    struct drawn drawn = {.ctl = {.columns = 30}};

    (void)state;
    draw(&drawn, cells, 4);
    assert_string_equal(drawn.text, "PID  HERE  NAME\n"
                                    "  1  no    one two three four\n"
                                    "           five six seven\n"
                                    "1 column hidden here: use --json\n");
}

static void a_word_that_is_too_long_is_broken(void **state)
{
    static const char *const cells[] = {"1", "no", "9", "abcdefghijklmnopqrstuvwxyz"};
    struct drawn drawn = {.ctl = {.columns = 31}};

    (void)state;
    draw(&drawn, cells, 4);
    assert_non_null(strstr(drawn.text, "  1  no    abcdefghijklmnopqrst\n           uvwxyz\n"));
}

/* A process names itself. */
static void nothing_in_a_cell_steers_the_terminal(void **state)
{
    static const char *const cells[] = {"1", "no", "9", "a\x1b[2J\n\x7f\xc2\x9b\tz"};
    struct drawn drawn = {.ctl = {.columns = 0}};

    (void)state;
    draw(&drawn, cells, 4);
    assert_non_null(strstr(drawn.text, "a?[2J?????z\n"));
}

static void colour_only_where_it_is_welcome(void **state)
{
    static const char *const cells[] = {"1", "no", "9", "x"};
    struct drawn drawn = {.ctl = {.columns = 80}};

    (void)state;
    draw(&drawn, cells, 4);
    assert_null(strchr(drawn.text, '\x1b'));
    drawn.ctl.colour = true;
    draw(&drawn, cells, 4);
    assert_non_null(strstr(drawn.text, "\x1b[31mno\x1b[0m"));
}

static void a_table_has_columns(void **state)
{
    struct mwd_ctl_table *table;

    (void)state;
    assert_true(mwd_ctl_table_create(columns, 0, &table) < 0);
    assert_true(mwd_ctl_table_create(columns, 13, &table) < 0);
    assert_null(mwd_ctl_table_destroy(NULL));
}

/* ---- sizes ---- */

static const char *size_text(uint64_t bytes, bool plain)
{
    static char text[32];
    struct mwd_ctl_options options = {.bytes = plain};
    struct mwd_ctl ctl = {.options = &options};

    mwd_ctl_size(&ctl, bytes, text);
    return text;
}

static void sizes_are_for_people_or_plain(void **state)
{
    (void)state;
    assert_string_equal(size_text(0, false), "0 B");
    assert_string_equal(size_text(1023, false), "1023 B");
    assert_string_equal(size_text(1024, false), "1.0 KiB");
    assert_string_equal(size_text(1536, false), "1.5 KiB");
    assert_string_equal(size_text(25276026880U, false), "23.5 GiB");
    assert_string_equal(size_text(1048575, false), "1.0 MiB");
    assert_string_equal(size_text(UINT64_MAX, false), "16.0 EiB");
    assert_string_equal(size_text(25276026880U, true), "25276026880");
    assert_string_equal(size_text(UINT64_MAX, true), "18446744073709551615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_line_up),
        cmocka_unit_test(letters_of_more_bytes_are_one_wide),
        cmocka_unit_test(a_narrow_terminal_hides_and_says_so),
        cmocka_unit_test(the_last_column_flows_under_itself),
        cmocka_unit_test(a_word_that_is_too_long_is_broken),
        cmocka_unit_test(nothing_in_a_cell_steers_the_terminal),
        cmocka_unit_test(colour_only_where_it_is_welcome),
        cmocka_unit_test(a_table_has_columns),
        cmocka_unit_test(sizes_are_for_people_or_plain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
