/* What grew between two snapshots, by hand. */
#include "dump_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char before[] = SNAPSHOT("6,0,1,0,1, 3,1,3,16,2, 3,2,5,10,0, 3,3,7,5,0",
                                      "1,1,5, 1,1,10, 1,2,15", "\"\",\"Cache\",\"Entry\",\"Old\"");
/* 5 stayed and grew by 2, 7 went, 9 and 11 came with a string in 11. */
static const char after[] = SNAPSHOT(
    "6,0,1,0,1, 3,1,3,16,3, 3,2,5,12,0, 3,2,9,10,0, 3,2,11,10,1, 2,3,13,100,0",
    "1,1,5, 1,1,10, 1,2,15, 1,3,20, 2,4,25", "\"\",\"Cache\",\"Entry\",\"text\",\"label\"");

struct pair {
    struct mw_dump *a, *b;
    struct mw_dump_diff *diff;
};

static struct pair compared(const char *a, const char *b)
{
    struct pair pair = {read_text(a), read_text(b), NULL};

    mw_dump_trim(pair.a);
    assert_int_equal(mw_dump_compare(pair.a, pair.b, &pair.diff), 0);
    return pair;
}

static void end(struct pair *pair)
{
    mw_dump_diff_destroy(pair->diff);
    mw_dump_destroy(pair->a);
    mw_dump_destroy(pair->b);
}

static void counts_classes(void **state)
{
    struct pair pair = compared(before, after);
    const struct mw_dump_growth *rows = pair.diff->classes;

    (void)state;
    assert_int_equal(pair.diff->class_count, 5);
    assert_string_equal(rows[0].class_name, "(string)");
    assert_int_equal(rows[0].size, 100);
    assert_string_equal(rows[1].class_name, "Entry");
    assert_int_equal(rows[1].size, 22);
    assert_int_equal(rows[1].count, 2);
    assert_int_equal(rows[1].added, 2);
    assert_int_equal(rows[1].added_size, 20);
    assert_int_equal(rows[1].retained, 122);
    assert_string_equal(rows[2].class_name, "(synthetic)");
    assert_string_equal(rows[3].class_name, "Cache");
    assert_int_equal(rows[3].size, 0);
    assert_int_equal(rows[3].retained, 117);
    assert_string_equal(rows[4].class_name, "Old");
    assert_int_equal(rows[4].size, -5);
    assert_int_equal(rows[4].gone, 1);
    assert_int_equal(rows[4].gone_size, 5);
    assert_int_equal(pair.diff->size, 117);
    end(&pair);
}

static void finds_where_it_grew(void **state)
{
    struct pair pair = compared(before, after);

    (void)state;
    assert_int_equal(pair.diff->new_count, 2);
    assert_int_equal(node_at(pair.b, pair.diff->news[0].position).id, 11);
    assert_int_equal(pair.diff->news[0].retained, 110);
    assert_int_equal(node_at(pair.b, pair.diff->news[1].position).id, 9);
    assert_int_equal(node_at(pair.b, (uint32_t)pair.diff->grown).id, 11);
    assert_int_equal(pair.diff->grown_by, 110);
    end(&pair);
}

/* Many of a kind: their container is where it grew, and the largest of them the example. */
static void finds_the_container(void **state)
{
    static const char more[] =
        SNAPSHOT("6,0,1,0,1, 3,1,3,16,4, 3,2,5,10,0, 3,2,9,10,0, 3,2,11,11,0, 3,2,13,10,0",
                 "1,1,5, 1,1,10, 1,2,15, 1,3,20, 1,4,25", "\"\",\"Cache\",\"Entry\"");
    struct pair pair = compared(before, more);

    (void)state;
    assert_int_equal(node_at(pair.b, (uint32_t)pair.diff->grown).id, 3);
    assert_int_equal(pair.diff->grown_by, 26);
    assert_int_equal(node_at(pair.b, (uint32_t)pair.diff->example).id, 11);
    end(&pair);
}

static void nothing_grew(void **state)
{
    struct pair same = compared(before, before), shrunk = compared(after, before);

    (void)state;
    assert_int_equal(same.diff->class_count, 0);
    assert_int_equal(same.diff->grown, MW_DUMP_NONE);
    assert_int_equal(shrunk.diff->grown, MW_DUMP_NONE);
    assert_int_equal(shrunk.diff->size, -117);
    end(&same);
    end(&shrunk);
}

/* The first of two objects with one id counts; neither is lost. */
static void ids_that_stand_twice(void **state)
{
    static const char twice[] =
        SNAPSHOT("6,0,1,0,2, 3,1,3,16,0, 3,1,3,10,0", "1,1,5, 1,2,10", "\"\",\"Twin\"");
    struct pair pair = compared(twice, twice);

    (void)state;
    assert_int_equal(pair.diff->size, 0);
    assert_int_equal(pair.diff->new_count, 0);
    end(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_classes),       cmocka_unit_test(finds_where_it_grew),
        cmocka_unit_test(finds_the_container),  cmocka_unit_test(nothing_grew),
        cmocka_unit_test(ids_that_stand_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
