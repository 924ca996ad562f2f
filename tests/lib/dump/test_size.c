/* A table counts as its owner's, when it has only one and the file has user's roots. */
#include "dump_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void owner_gets_the_bytes(void **state)
{
    struct mw_dump *dump = read_text(SNAPSHOT("6,0,1,0,1, 3,1,3,8,1, 1,2,5,100,1, 0,2,7,50,0",
                                              "2,1,5, 3,2,10, 1,1,15", "\"\",\"Map\",\"table\""));

    (void)state;
    assert_int_equal(node_at(dump, 1).size, 158);
    assert_int_equal(node_at(dump, 2).size, 0);
    assert_int_equal(node_at(dump, 0).retained, 158);
    assert_string_equal(node_at(dump, 2).class_name, "(array)");
    assert_string_equal(node_at(dump, 3).class_name, "(system)");
    mw_dump_destroy(dump);
}

static void shared_ones_keep_theirs(void **state)
{
    struct mw_dump *dump =
        read_text(SNAPSHOT("6,0,1,0,2, 3,1,3,8,1, 3,1,5,8,1, 1,2,7,50,0",
                           "2,1,5, 2,1,10, 3,2,15, 3,2,15", "\"\",\"Map\",\"table\""));

    (void)state;
    assert_int_equal(node_at(dump, 1).size, 8);
    assert_int_equal(node_at(dump, 3).size, 50);
    mw_dump_destroy(dump);
}

static void without_user_roots_memory_is_shown_as_it_lies(void **state)
{
    struct mw_dump *dump = read_text(SNAPSHOT("6,0,1,0,1, 6,0,3,0,1, 3,1,5,8,1, 1,2,7,50,0",
                                              "1,1,5, 1,1,10, 3,2,15", "\"\",\"Map\",\"table\""));

    (void)state;
    assert_int_equal(node_at(dump, 2).size, 8);
    assert_int_equal(node_at(dump, 2).retained, 58);
    mw_dump_destroy(dump);
}

static void classes_are_cut_as_elements(void **state)
{
    struct mw_dump *dump =
        read_text(SNAPSHOT("6,0,1,0,0, 5,1,3,8,0, 5,2,5,8,0, 4,1,7,8,0, 7,1,9,1,0", "",
                           "\"\",\"<div id=a>\",\"Detached <p class=x>\""));

    (void)state;
    assert_string_equal(node_at(dump, 1).class_name, "<div>");
    assert_string_equal(node_at(dump, 2).class_name, "Detached <p>");
    assert_string_equal(node_at(dump, 3).class_name, "Function");
    assert_string_equal(node_at(dump, 4).class_name, "(odd)");
    mw_dump_destroy(dump);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner_gets_the_bytes),
        cmocka_unit_test(shared_ones_keep_theirs),
        cmocka_unit_test(without_user_roots_memory_is_shown_as_it_lies),
        cmocka_unit_test(classes_are_cut_as_elements),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
