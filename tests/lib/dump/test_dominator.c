/* Dominators and retained sizes of small graphs, by hand. Node n has the id 2n + 1 and n bytes. */
#include "dump_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static void assert_retains(const struct mw_dump *dump, const uint32_t *dominators,
                           const uint64_t *retained, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(node_at(dump, i).dominator, dominators[i]);
        assert_int_equal(node_at(dump, i).retained, retained[i]);
    }
}

/* 0 -> 1 -> {2, 3} -> 4 -> 5 -> 4: only 1 retains the loop, though it lies behind 2 and 3. */
static void diamond_and_loop(void **state)
{
    struct mw_dump *dump =
        read_text(SNAPSHOT("6,0,1,0,1, 6,0,3,1,2, 6,0,5,2,1, 6,0,7,3,1, 6,0,9,4,1, 6,0,11,5,1",
                           "1,1,5, 1,1,10, 1,2,15, 1,1,20, 1,1,20, 1,1,25, 1,1,20", "\"\""));
    static const uint32_t dominators[] = {0, 0, 1, 1, 1, 4};
    static const uint64_t retained[] = {15, 15, 2, 3, 9, 5};

    (void)state;
    assert_retains(dump, dominators, retained, 6);
    mw_dump_destroy(dump);
}

/* The example of Lengauer and Tarjan's paper in small: a way back into the middle. */
static void way_around(void **state)
{
    struct mw_dump *dump =
        read_text(SNAPSHOT("6,0,1,0,2, 6,0,3,1,1, 6,0,5,2,1, 6,0,7,3,1, 6,0,9,4,1",
                           "1,1,5, 1,2,10, 1,1,15, 1,1,20, 1,1,20, 1,1,15", "\"\""));
    static const uint32_t dominators[] = {0, 0, 0, 0, 0};
    static const uint64_t retained[] = {10, 1, 2, 3, 4};

    (void)state;
    assert_retains(dump, dominators, retained, 5);
    mw_dump_destroy(dump);
}

/* 1 is held weakly only, with 2 below it; 3 and 4 hold each other, and nobody them. */
static void unreachable_nodes_hang_at_the_root(void **state)
{
    struct mw_dump *dump =
        read_text(SNAPSHOT("6,0,1,0,1, 6,0,3,1,1, 6,0,5,2,0, 6,0,7,3,1, 6,0,9,4,1",
                           "6,0,5, 1,1,10, 1,1,20, 1,1,15", "\"\""));
    static const uint32_t dominators[] = {0, 0, 1, 0, 0};
    static const uint64_t retained[] = {10, 3, 2, 3, 4};
    struct mw_dump_totals totals;

    (void)state;
    assert_retains(dump, dominators, retained, 5);
    mw_dump_get_totals(dump, &totals);
    assert_int_equal(totals.unreachable, 4);
    mw_dump_destroy(dump);
}

/* Root -> window (shortcut) -> 3; system -> 3 does not count, as 3 is the page's. */
static void system_does_not_hold_what_is_the_pages(void **state)
{
    struct mw_dump *dump =
        read_text(SNAPSHOT("6,0,1,0,2, 6,0,3,1,1, 3,1,5,2,1, 3,2,7,3,0",
                           "1,1,5, 5,1,10, 1,1,15, 2,2,15", "\"\",\"Window\",\"Mine\""));

    (void)state;
    assert_int_equal(node_at(dump, 3).dominator, 2);
    assert_int_equal(node_at(dump, 2).retained, 5);
    mw_dump_destroy(dump);
}

/* The key (2) holds the value (3), the table (1) does not. */
static void value_of_a_weak_map_is_its_keys(void **state)
{
    struct mw_dump *dump = read_text(
        SNAPSHOT("6,0,1,0,2, 3,0,3,1,1, 3,0,5,2,1, 3,0,7,3,0", "1,1,5, 1,2,10, 3,1,15, 3,1,15",
                 "\"\",\"2 / part of key (K @5) -> value (V @7) pair in WeakMap (table @3)\""));

    (void)state;
    assert_int_equal(node_at(dump, 3).dominator, 2);
    assert_int_equal(node_at(dump, 1).retained, 1);
    mw_dump_destroy(dump);
}

/* A list of many nodes takes no stack. */
static void long_list(void **state)
{
    enum { COUNT = 200000 };
    size_t room = (size_t)COUNT * 40 + 4096, size;
    char *text = malloc(room);

    (void)state;
    assert_non_null(text);
    size = (size_t)snprintf(text, room, "%s,\"nodes\":[6,0,1,0,1", HEAD);
    for (int i = 1; i <= COUNT; i++)
        size += (size_t)snprintf(text + size, room - size, ",6,0,%d,1,%d", 2 * i + 1, i < COUNT);
    size += (size_t)snprintf(text + size, room - size, "],\"edges\":[1,1,5");
    for (int i = 2; i <= COUNT; i++)
        size += (size_t)snprintf(text + size, room - size, ",1,1,%d", 5 * i);
    snprintf(text + size, room - size, "],\"strings\":[\"\"]}");
    struct mw_dump *dump = read_text(text);
    assert_int_equal(node_at(dump, 1).retained, COUNT);
    assert_int_equal(node_at(dump, COUNT).dominator, COUNT - 1);
    mw_dump_destroy(dump);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diamond_and_loop),
        cmocka_unit_test(way_around),
        cmocka_unit_test(unreachable_nodes_hang_at_the_root),
        cmocka_unit_test(system_does_not_hold_what_is_the_pages),
        cmocka_unit_test(value_of_a_weak_map_is_its_keys),
        cmocka_unit_test(long_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
