/* Ways from the roots in words. */
#include "dump_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void assert_path(const struct mw_dump *dump, uint32_t node, const char *path)
{
    char text[MW_DUMP_PATH_MAX];

    mw_dump_path(dump, node, text);
    assert_string_equal(text, path);
}

/* Long but by the user's root; short but by the system's. */
static void user_roots_come_first(void **state)
{
    struct mw_dump *dump =
        read_text(SNAPSHOT("6,0,1,0,2, 6,3,3,0,1, 3,1,5,8,1, 3,2,7,8,1, 1,4,9,8,1, 4,5,11,8,0",
                           "1,1,5, 2,4,10, 1,7,25, 2,4,15, 3,6,20, 1,12,25",
                           "\"\",\"Window\",\"Map\",\"(GC roots)\",\"cache\",\"grow\",\"table\""));

    (void)state;
    assert_path(dump, 5, "Window → cache : Map → table : (array) → [12] : grow()");
    assert_path(dump, 2, "Window");
    assert_path(dump, 0, "");
    assert_path(dump, 99, "");
    mw_dump_trim(dump);
    assert_path(dump, 5, "");
    mw_dump_destroy(dump);
}

static void weak_ways_are_none(void **state)
{
    struct mw_dump *dump = read_text(SNAPSHOT(
        "6,0,1,0,2, 3,1,3,8,0, 6,2,5,0,1", "6,1,5, 1,1,10, 6,1,5", "\"\",\"Lost\",\"(Globals)\""));

    (void)state;
    assert_path(dump, 1, "");
    assert_path(dump, 2, "(Globals)");
    mw_dump_destroy(dump);
}

/* 24 steps are told, of 25 eight and sixteen. */
static void long_ways_are_cut(void **state)
{
    enum { COUNT = 25 };
    char text[8192], path[MW_DUMP_PATH_MAX];
    int size = snprintf(text, sizeof text, "%s,\"nodes\":[6,0,1,0,1", HEAD);

    (void)state;
    for (int i = 1; i <= COUNT; i++)
        size +=
            snprintf(text + size, sizeof text - (size_t)size, ",3,1,%d,1,%d", 2 * i + 1, i < COUNT);
    size += snprintf(text + size, sizeof text - (size_t)size, "],\"edges\":[1,1,5");
    for (int i = 2; i <= COUNT; i++)
        size += snprintf(text + size, sizeof text - (size_t)size, ",1,%d,%d", i, 5 * i);
    snprintf(text + size, sizeof text - (size_t)size, "],\"strings\":[\"\",\"N\"]}");
    struct mw_dump *dump = read_text(text);
    assert_int_equal(mw_dump_path(dump, COUNT - 1, path), 24);
    assert_null(strstr(path, "..."));
    assert_int_equal(mw_dump_path(dump, COUNT, path), 25);
    assert_non_null(strstr(path, "[8] : N → ... → [10] : N"));
    mw_dump_destroy(dump);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_roots_come_first),
        cmocka_unit_test(weak_ways_are_none),
        cmocka_unit_test(long_ways_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
