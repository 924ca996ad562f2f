#include "collect/collect.h"
#include "collect/fields_internal.h"
#include "tests/lib/collect/system_support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text is read with the memory of the texts before and without any: the same must come out. */
static void assert_memory_does_not_matter(struct mw_fields *fields, const char *bytes, size_t size)
{
    struct target with = target_create();
    struct target without = target_create();

    assert_int_equal(mw_fields_vmstat(fields, mw_scan_over(bytes, size), with.block),
                     mw_parse_vmstat(bytes, size, without.block));
    assert_same(with.block, without.block);
    target_free(&with);
    target_free(&without);
}

static void finds_each_row_of_the_table_and_nothing_else(void **state)
{
    static const char *const files[] = {"/proc/meminfo", "/proc/vmstat", "/proc/pressure/memory"};
    enum mw_reading first = mw_source_first(MW_SOURCE_SYSTEM);
    struct mw_fields fields;

    (void)state;
    for (size_t f = 0; f < sizeof(files) / sizeof(*files); f++) {
        mw_fields_init(&fields, files[f]);
        for (unsigned i = 0; i < mw_source_columns(MW_SOURCE_SYSTEM); i++) {
            const struct mw_reading_info *info = mw_reading_info(first + i);
            size_t size = strlen(info->field);
            bool sum = info->field[size - 1] == '*';
            bool here = strcmp(info->file, files[f]) == 0;
            struct mw_field field = mw_fields_find(&fields, info->field, size);

            assert_int_equal(field.reading, here ? first + i : MW_NONE);
            assert_int_equal(field.sum, here && sum);
        }
        assert_int_equal(mw_fields_find(&fields, "", 0).reading, MW_NONE);
        assert_int_equal(mw_fields_find(&fields, "_", 1).reading, MW_NONE);
    }
}

/* A star is understood behind an underscore only; another one in the table would be passed over
 * without a word. */
static void every_star_of_the_table_stands_behind_an_underscore(void **state)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SYSTEM);

    (void)state;
    for (unsigned i = 0; i < mw_source_columns(MW_SOURCE_SYSTEM); i++) {
        const char *star = strchr(mw_reading_info(first + i)->field, '*');

        assert_true(star == NULL || (star[-1] == '_' && star[1] == 0));
    }
}

static void lines_may_come_go_and_move_between_two_texts(void **state)
{
    static const char *const texts[] = {
        "pgfree 1\npgfault 2\noom_kill 3\n",
        "pgfree 4\npgfault 5\noom_kill 6\n",
        "pgfault 7\noom_kill 8\n",
        "new_line 9\npgfault 10\nother 11\noom_kill 12\n",
        "oom_kill 13\npgfault 14\n",
        "pgalloc_dma 1\npgalloc_normal 2\npgfault 15\n",
        "pgalloc_normal 3\npgalloc_dma 4\npgfault 16\n",
        "pgfaultx 1\npgfaul 2\npgfault 17\n",
        "",
        "pgfault 18",
        "pgfault\npgfault 19\n",
        "pgfree 1\npgfault 2\noom_kill 3\n",
    };
    struct mw_fields fields;

    (void)state;
    mw_fields_init(&fields, "/proc/vmstat");
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct text text = text_of(texts[i]);

        assert_memory_does_not_matter(&fields, text.bytes, text.size);
        assert_memory_does_not_matter(&fields, text.bytes, text.size);
        text_free(&text);
    }
}

/* The names behind a line that differs stood at other places: they must go with it. */
static void from_the_first_difference_on_all_is_learnt_anew(void **state)
{
    struct target target = target_create();
    struct mw_fields fields;

    (void)state;
    mw_fields_init(&fields, "/proc/vmstat");
    mw_fields_vmstat(&fields, mw_scan_over("pgfree 1\npgfault 2\na 3\n", 23), target.block);
    assert_int_equal(fields.lines, 3);
    assert_int_equal(fields.names_size, 14);
    mw_fields_vmstat(&fields, mw_scan_over("pgfree 1\nbc 2\n", 14), target.block);
    assert_int_equal(fields.lines, 2);
    assert_int_equal(fields.names_size, 8);
    target_free(&target);
}

/* Ever the same real text, with one byte changed or one piece left out. */
static void damaged_texts_never_leave_a_wrong_memory(void **state)
{
    struct text whole = text_of_fixture("healthy/proc/vmstat");
    struct mw_fields fields;
    unsigned chance = 1;

    (void)state;
    mw_fields_init(&fields, "/proc/vmstat");
    for (int round = 0; round < 400; round++) {
        struct text text = {malloc(whole.size), whole.size};
        size_t at = (chance = chance * 1103515245u + 12345u) / 7 % whole.size;
        size_t out = round % 3 == 0 ? chance % (whole.size - at) : 0;

        assert_non_null(text.bytes);
        memcpy(text.bytes, whole.bytes, at);
        memcpy(text.bytes + at, whole.bytes + at + out, whole.size - at - out);
        text.size -= out;
        if (at < text.size)
            text.bytes[at] = (char)(round % 3 == 1 ? '\n' : round % 5 == 2 ? ' ' : chance >> 24);
        assert_memory_does_not_matter(&fields, text.bytes, text.size);
        text_free(&text);
    }
    text_free(&whole);
}

static char *lines_and_one_counter(unsigned lines, size_t name_size)
{
    static const char last[] = "pgfault 42\noom_kill 7\n";
    char *text = malloc((size_t)lines * (name_size + 16) + 32);
    size_t size = 0;

    assert_non_null(text);
    for (unsigned i = 0; i < lines; i++)
        size += (size_t)sprintf(text + size, "%0*u %u\n", (int)name_size, i, i);
    memcpy(text + size, last, sizeof(last));
    return text;
}

/* What the memory cannot hold is looked up each time: slower, not wrong. */
static void more_lines_than_are_remembered_are_read_too(void **state)
{
    (void)state;
    for (unsigned lines = MW_FIELDS_LINES_MAX - 3; lines <= MW_FIELDS_LINES_MAX + 1; lines++) {
        char *text = lines_and_one_counter(lines, 4);
        struct mw_fields fields;

        mw_fields_init(&fields, "/proc/vmstat");
        for (int again = 0; again < 3; again++)
            assert_memory_does_not_matter(&fields, text, strlen(text));
        assert_int_equal(fields.lines,
                         lines + 2 < MW_FIELDS_LINES_MAX ? lines + 2 : MW_FIELDS_LINES_MAX);
        free(text);
    }
}

static void longer_names_than_are_remembered_are_read_too(void **state)
{
    (void)state;
    for (size_t left = 6; left <= 8; left++) { /* "pgfault" takes 7 */
        char *text = lines_and_one_counter(1, MW_FIELDS_NAMES_MAX - left);
        struct mw_fields fields;

        mw_fields_init(&fields, "/proc/vmstat");
        for (int again = 0; again < 3; again++)
            assert_memory_does_not_matter(&fields, text, strlen(text));
        assert_int_equal(fields.lines, left < 7 ? 1 : 2);
        free(text);
    }
}

static void a_missing_file_makes_all_of_its_rows_absent(void **state)
{
    struct target target = target_create();
    struct mw_fields fields;

    (void)state;
    mw_fields_init(&fields, "/proc/meminfo");
    mw_fields_absent(&fields, MW_ABSENT_DENIED, target.block);
    assert_int_equal(count_present(target.block, "/proc/meminfo", MW_ABSENT_DENIED), 0);
    assert_value(target.block, MW_SYSTEM_PGFAULT, UNTOUCHED);
    target_free(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_row_of_the_table_and_nothing_else),
        cmocka_unit_test(every_star_of_the_table_stands_behind_an_underscore),
        cmocka_unit_test(lines_may_come_go_and_move_between_two_texts),
        cmocka_unit_test(from_the_first_difference_on_all_is_learnt_anew),
        cmocka_unit_test(damaged_texts_never_leave_a_wrong_memory),
        cmocka_unit_test(more_lines_than_are_remembered_are_read_too),
        cmocka_unit_test(longer_names_than_are_remembered_are_read_too),
        cmocka_unit_test(a_missing_file_makes_all_of_its_rows_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
