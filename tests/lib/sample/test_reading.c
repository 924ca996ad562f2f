/* The table is data, and its mistakes are silent: a metric that is there twice, a counter named
 * like a gauge, a percentage of the wrong whole. These tests are its compiler. */
#include "sample/reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <string.h>

static const struct mw_reading_info *row(int i)
{
    return mw_reading_info((enum mw_reading)i);
}

static bool ends_in(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);

    return size >= tail && strcmp(text + size - tail, end) == 0;
}

static void ids_are_kind_and_key(void **state)
{
    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++) {
        const char *kind = mw_kind_word(row(i)->kind);
        size_t size = strlen(kind);

        assert_memory_equal(row(i)->id, kind, size);
        assert_int_equal(row(i)->id[size], '.');
        assert_string_equal(row(i)->id + size + 1, row(i)->key);
        assert_int_equal(row(i)->kind, mw_source_kind(row(i)->source));
    }
}

static void no_id_stands_twice(void **state)
{
    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(row(i)->id, row(j)->id);
}

static void keys_are_camel_case(void **state)
{
    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++) {
        assert_true(islower((unsigned char)row(i)->key[0]));
        for (const char *c = row(i)->key; *c != '\0'; c++)
            assert_true(isalnum((unsigned char)*c));
    }
}

static void find_knows_every_id_and_no_other(void **state)
{
    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++) {
        size_t size = strlen(row(i)->id);

        assert_int_equal(mw_reading_find(row(i)->id, size), i);
        assert_int_equal(mw_reading_find(row(i)->id, size + 1), MW_NONE); /* with its NUL */
    }
    assert_int_equal(mw_reading_find("", 0), MW_NONE);
    assert_int_equal(mw_reading_find("memTotal", 8), MW_NONE);
    assert_int_equal(mw_reading_find("system.memTota", 14), MW_NONE);
    assert_int_equal(mw_reading_find("system.memTotals", 16), MW_NONE);
    assert_int_equal(mw_reading_find("SYSTEM.memTotal", 15), MW_NONE);
    assert_int_equal(mw_reading_find("system.memTotal, and more", 15), MW_SYSTEM_MEM_TOTAL);
}

/* Columns of a block are counted from the first row of its source. */
static void rows_of_a_source_are_neighbours(void **state)
{
    int seen[MW_SOURCE_COUNT] = {0};
    int total = 0;

    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++) {
        enum mw_source source = row(i)->source;

        assert_int_equal(row(i)->column, seen[source]);
        assert_int_equal(i, (int)mw_source_first(source) + seen[source]);
        seen[source]++;
    }
    for (int i = 0; i < MW_SOURCE_COUNT; i++) {
        assert_int_equal(mw_source_columns((enum mw_source)i), seen[i]);
        assert_true(seen[i] > 0);
        total += seen[i];
    }
    assert_int_equal(total, MW_READING_COUNT);
}

static void kinds_follow_from_sources(void **state)
{
    (void)state;
    assert_int_equal(mw_source_kind(MW_SOURCE_SYSTEM), MW_KIND_SYSTEM);
    assert_int_equal(mw_source_kind(MW_SOURCE_DERIVED), MW_KIND_SYSTEM);
    assert_int_equal(mw_source_kind(MW_SOURCE_PROCESS), MW_KIND_PROCESS);
    assert_int_equal(mw_source_kind(MW_SOURCE_SUBJECT), MW_KIND_PROCESS);
    assert_int_equal(mw_source_kind(MW_SOURCE_SELF), MW_KIND_DAEMON);
    assert_int_equal(mw_source_kind(MW_SOURCE_DAEMON), MW_KIND_DAEMON);
    assert_int_equal(mw_source_kind(MW_SOURCE_HEAP), MW_KIND_HEAP);
    assert_int_equal(mw_source_kind(MW_SOURCE_QUEUE), MW_KIND_QUEUE);
    assert_int_equal(mw_source_kind(MW_SOURCE_CACHE), MW_KIND_CACHE);
    assert_int_equal(mw_source_kind(MW_SOURCE_SERVICE), MW_KIND_SERVICE);
    assert_true(mw_kind_has_one_subject(MW_KIND_SYSTEM));
    assert_true(mw_kind_has_one_subject(MW_KIND_DAEMON));
    assert_false(mw_kind_has_one_subject(MW_KIND_PROCESS));
    assert_false(mw_kind_has_one_subject(MW_KIND_CACHE));
}

static void metric_names_are_well_formed(void **state)
{
    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++) {
        const char *metric = row(i)->metric;
        const char *kind = mw_kind_word(row(i)->kind);

        if (row(i)->type == MW_TYPE_INFO) {
            assert_string_equal(metric, "");
            continue;
        }
        assert_memory_equal(metric, "memwatch_", 9);
        assert_memory_equal(metric + 9, kind, strlen(kind));
        for (const char *c = metric; *c != '\0'; c++)
            assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
    }
}

static void no_series_stands_twice_and_families_hold_together(void **state)
{
    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++) {
        for (int j = 0; j < i && row(i)->metric[0] != '\0'; j++) {
            if (strcmp(row(i)->metric, row(j)->metric) != 0)
                continue;
            assert_string_not_equal(row(i)->labels, row(j)->labels);
            assert_string_not_equal(row(i)->labels, "");
            assert_int_equal(row(i)->type, row(j)->type);
            assert_int_equal(row(i)->unit, row(j)->unit);
            assert_string_equal(row(i - 1)->metric, row(i)->metric);
        }
    }
}

static void counters_end_in_total_and_only_they(void **state)
{
    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++) {
        assert_int_equal(ends_in(row(i)->metric, "_total"), row(i)->type == MW_TYPE_COUNTER);
        assert_true(row(i)->type != MW_TYPE_COUNTER || row(i)->value == MW_VALUE_U64);
    }
}

/* Prometheus text is in base units, and the name says so. */
static void metric_names_tell_the_unit(void **state)
{
    static const char *const ends[MW_UNIT_COUNT_OF] = {
        [MW_UNIT_BYTES] = "_bytes",      [MW_UNIT_US] = "_seconds",
        [MW_UNIT_MS] = "_seconds",       [MW_UNIT_EPOCH_MS] = "_seconds",
        [MW_UNIT_PERCENT] = "_ratio",    [MW_UNIT_RATIO] = "_ratio",
        [MW_UNIT_PER_S] = "_per_second", [MW_UNIT_BYTES_PER_S] = "_bytes_per_second",
    };

    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++) {
        const char *end = ends[row(i)->unit];
        char name[128];
        size_t size = strlen(row(i)->metric);

        if (end == NULL || size == 0)
            continue;
        assert_in_range(size, 1, sizeof(name) - 1);
        memcpy(name, row(i)->metric, size + 1);
        if (row(i)->type == MW_TYPE_COUNTER)
            name[size - strlen("_total")] = '\0';
        if (!ends_in(name, end))
            fail_msg("%s is in %s", name, mw_unit_word(row(i)->unit));
    }
}

/* 100 % of a reading is a gauge of the machine or of the same kind, in the same unit, that is not
 * a part of something itself. */
static void denominators_make_sense(void **state)
{
    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++) {
        const struct mw_reading_info *whole;

        if (row(i)->of == MW_NONE)
            continue;
        whole = row((int)row(i)->of);
        assert_int_not_equal(row(i)->of, i);
        assert_true(whole->kind == MW_KIND_SYSTEM || whole->kind == row(i)->kind);
        assert_int_equal(whole->type, MW_TYPE_GAUGE);
        assert_int_equal(whole->unit, row(i)->unit);
        assert_int_equal(whole->of, MW_NONE);
    }
}

static void values_fit_their_units(void **state)
{
    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++) {
        enum mw_unit unit = row(i)->unit;
        bool fraction = unit == MW_UNIT_PERCENT || unit == MW_UNIT_RATIO || unit == MW_UNIT_PER_S ||
                        unit == MW_UNIT_BYTES_PER_S;

        assert_int_equal(row(i)->value == MW_VALUE_F64, fraction);
        assert_int_equal(row(i)->value == MW_VALUE_TEXT, unit == MW_UNIT_WORD);
    }
}

/* Help goes into Prometheus text and OpenAPI as one line. */
static void every_row_is_explained(void **state)
{
    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++) {
        assert_true(strlen(row(i)->help) > 5);
        assert_null(strchr(row(i)->help, '\n'));
        assert_true(strlen(row(i)->file) > 0);
    }
}

static void headlines_are_of_the_machine(void **state)
{
    (void)state;
    for (int i = 0; i < MW_READING_COUNT; i++)
        assert_true(row(i)->show == MW_SHOW_PLAIN || row(i)->kind == MW_KIND_SYSTEM);
}

static void assert_words(const char *(*word)(int), int count)
{
    for (int i = 0; i < count; i++) {
        assert_true(strlen(word(i)) > 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(word(i), word(j));
    }
}

static const char *kind_word(int i)
{
    return mw_kind_word((enum mw_kind)i);
}

static const char *unit_word(int i)
{
    return mw_unit_word((enum mw_unit)i);
}

static const char *absence_word(int i)
{
    return mw_absence_word((enum mw_absence)i);
}

static const char *source_word(int i)
{
    return mw_source_word((enum mw_source)i);
}

static void every_word_is_there_once(void **state)
{
    (void)state;
    assert_words(kind_word, MW_KIND_COUNT);
    assert_words(unit_word, MW_UNIT_COUNT_OF);
    assert_words(absence_word, MW_ABSENCE_COUNT);
    assert_words(source_word, MW_SOURCE_COUNT);
    assert_string_equal(mw_absence_word(MW_ABSENT_DENIED), "denied");
    assert_string_equal(mw_absence_word(MW_ABSENT_VANISHED), "vanished");
    assert_string_equal(mw_absence_word(MW_ABSENT_UNSUPPORTED), "unsupported");
    assert_string_equal(mw_absence_word(MW_ABSENT_STALE), "stale");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_kind_and_key),
        cmocka_unit_test(no_id_stands_twice),
        cmocka_unit_test(keys_are_camel_case),
        cmocka_unit_test(find_knows_every_id_and_no_other),
        cmocka_unit_test(rows_of_a_source_are_neighbours),
        cmocka_unit_test(kinds_follow_from_sources),
        cmocka_unit_test(metric_names_are_well_formed),
        cmocka_unit_test(no_series_stands_twice_and_families_hold_together),
        cmocka_unit_test(counters_end_in_total_and_only_they),
        cmocka_unit_test(metric_names_tell_the_unit),
        cmocka_unit_test(denominators_make_sense),
        cmocka_unit_test(values_fit_their_units),
        cmocka_unit_test(every_row_is_explained),
        cmocka_unit_test(headlines_are_of_the_machine),
        cmocka_unit_test(every_word_is_there_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
