/* Any layout that the file describes is read; whatever is wrong is refused, with its place. */
#include "dump_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const char good[] =
    SNAPSHOT("6,0,1,0,2, 3,1,3,10,1, 2,2,5,7,0", "1,1,5, 6,2,10, 2,1,10", "\"\",\"Map\",\"text\"");

static void assert_says(const char *why, const char *says)
{
    if (!strstr(why, says))
        fail_msg("says \"%s\", not \"%s\"", why, says);
}

static void reads_nodes(void **state)
{
    struct mw_dump *dump = read_text(good);
    struct mw_dump_totals totals;

    (void)state;
    mw_dump_get_totals(dump, &totals);
    assert_int_equal(totals.nodes, 3);
    assert_int_equal(totals.edges, 3);
    assert_int_equal(totals.bytes, 17);
    assert_int_equal(totals.unreachable, 0);
    assert_int_equal(node_at(dump, 1).id, 3);
    assert_int_equal(node_at(dump, 1).size, 10);
    assert_string_equal(node_at(dump, 1).class_name, "Map");
    assert_string_equal(node_at(dump, 2).class_name, "(string)");
    assert_string_equal(node_at(dump, 2).name, "text");
    assert_false(mw_dump_get_node(dump, 3, &(struct mw_dump_node){.id = 0}));
    mw_dump_destroy(dump);
}

/* Other orders of fields, fields that nobody knows, sections in another order, values of any kind
 * where nobody looks. */
static void follows_the_meta(void **state)
{
    struct mw_dump *dump = read_text(
        "{\"later\":{\"a\":[[],{\"]\":\"}\\\"\"}],\"b\":-1.5e+3},"
        "\"strings\":[\"\",\"Map\"],\"snapshot\":{\"title\":null,\"root_index\":6,\"meta\":{"
        "\"edge_fields\":[\"to_node\",\"weight\",\"type\",\"name_or_index\"],"
        "\"node_fields\":[\"id\",\"colour\",\"edge_count\",\"type\",\"self_size\",\"name\"],"
        "\"node_types\":[\"number\",\"x\",\"number\",[\"object\",\"new kind\"],\"number\",\"y\"],"
        "\"edge_types\":[\"node\",\"x\",[\"element\"],\"z\"]},\"node_count\":2,\"edge_count\":1},"
        "\"edges\":[0,-2,0,1],\"nodes\":[9,[1],0,0,40,1, 7,\"red\",1,1,2,0]}");

    (void)state;
    assert_int_equal(node_at(dump, 0).retained, 40);
    assert_int_equal(node_at(dump, 0).dominator, 1);
    assert_string_equal(node_at(dump, 0).class_name, "Map");
    assert_int_equal(node_at(dump, 1).retained, 42);
    assert_string_equal(node_at(dump, 1).class_name, "(new kind)");
    mw_dump_destroy(dump);
}

/* And says that the end is missing, there. */
static void refuses_what_is_cut_at_every_byte(void **state)
{
    char why[MW_DUMP_WHY_MAX], wanted[32];
    struct mw_dump *dump = NULL;

    (void)state;
    for (long size = 0; size < (long)sizeof good - 1; size++) {
        assert_true(read_bytes(good, size, &dump, why) < 0);
        assert_null(dump);
        snprintf(wanted, sizeof wanted, "byte %ld: ", size);
        assert_says(why, wanted);
        assert_says(why, "found the end of the file");
    }
}

/* One byte wrong, each in turn: no crash, and an error has a place. */
static void survives_any_byte(void **state)
{
    static const char bytes[] = "9-\"]}[\\,";
    char copy[sizeof good], why[MW_DUMP_WHY_MAX];

    (void)state;
    for (size_t i = 0; i < (sizeof good - 1) * (sizeof bytes - 1); i++) {
        struct mw_dump *dump = NULL;

        memcpy(copy, good, sizeof good);
        copy[i / (sizeof bytes - 1)] = bytes[i % (sizeof bytes - 1)];
        if (read_bytes(copy, (long)sizeof good - 1, &dump, why) < 0)
            assert_says(why, "byte ");
        mw_dump_destroy(dump);
    }
}

static void says_where_and_what(void **state)
{
    (void)state;
    assert_string_equal(refused("[1]"), "byte 0: expected '{' of a heap snapshot, found '['");
    assert_says(refused("{\"nodes\":[]}"), "byte 9: expected \"snapshot\" in front");
    assert_says(refused(HEAD "}"), "expected \"nodes\" somewhere in front");
    assert_says(refused(SNAPSHOT("", "", "")), "expected 1 nodes or more, found 0");
    assert_says(refused(HEAD ",\"nodes\":[1.5"),
                "expected a whole number and something behind it, found '.'");
    assert_says(refused(HEAD ",\"nodes\":[-1"), "expected a type, found '-'");
    assert_says(refused(HEAD ",\"nodes\":[8,"), "expected a type below 8, found 8");
    assert_says(refused(HEAD ",\"nodes\":[0,0,4294967296"), "an id of at most 4294967295");
    assert_says(refused(HEAD ",\"nodes\":[0,0,1,99999999999999999999"), "a size of at most");
    assert_says(refused(HEAD ",\"nodes\":[0,0,1,0,4294967295"), "a number of edges of at most");
    assert_says(refused(HEAD ",\"nodes\":[0,0,1,0]"), "expected ',' and the rest of a row");
    assert_says(refused("{\"snapshot\":{},\"snapshot\":{}}"), "expected \"snapshot\" only once");
    assert_says(refused(SNAPSHOT("6,0,1,0,0", "", "\"\"") "x"), "expected the end of the file");
}

static void refuses_wrong_counts(void **state)
{
    (void)state;
    assert_says(refused(SNAPSHOT("6,0,1,0,1", "", "\"\"")), "expected 1 edges as the nodes have");
    assert_says(refused(SNAPSHOT("6,0,1,0,0", "1,1,0", "\"\"")), "expected 0 edges as the nodes");
    assert_says(
        refused("{\"snapshot\":{\"meta\":{" FIELDS TYPES
                "},\"node_count\":2},\"nodes\":[6,0,1,0,0],\"edges\":[],\"strings\":[\"\"]}"),
        "expected 2 nodes as node_count says, found 1");
    assert_says(
        refused("{\"snapshot\":{\"meta\":{" FIELDS TYPES
                "},\"edge_count\":2},\"nodes\":[6,0,1,0,0],\"edges\":[],\"strings\":[\"\"]}"),
        "expected 2 edges as edge_count says, found 0");
}

static void refuses_indexes_out_of_range(void **state)
{
    (void)state;
    assert_says(refused(SNAPSHOT("6,1,1,0,0", "", "\"\"")),
                "one of 1 strings as the name of node 0");
    assert_says(refused(SNAPSHOT("6,0,1,0,1", "2,7,0", "\"\"")), "as the name of edge 0, found 7");
    assert_says(refused(SNAPSHOT("6,0,1,0,1", "1,7,5", "\"\"")), "where one of 1 nodes begins");
    assert_says(refused(SNAPSHOT("6,0,1,0,1", "1,7,4", "\"\"")), "a multiple of 5, found 4");
    assert_says(
        refused("{\"snapshot\":{\"meta\":{" FIELDS TYPES
                "},\"root_index\":5},\"nodes\":[6,0,1,0,0],\"edges\":[],\"strings\":[\"\"]}"),
        "expected root_index to be where a node begins, found 5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_nodes),
        cmocka_unit_test(follows_the_meta),
        cmocka_unit_test(refuses_what_is_cut_at_every_byte),
        cmocka_unit_test(survives_any_byte),
        cmocka_unit_test(says_where_and_what),
        cmocka_unit_test(refuses_wrong_counts),
        cmocka_unit_test(refuses_indexes_out_of_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
