/* A name and the key of its row lead to each other, in every kind, and to nothing else. */
#include "daemon/names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void names_and_keys_lead_to_each_other(void **state)
{
    (void)state;
    for (enum mw_kind kind = 0; kind < MW_KIND_COUNT; kind++) {
        const char *name;

        for (uint32_t i = 0; (name = mwd_name_at(NULL, kind, i)); i++) {
            struct mw_block_key key = {0, 9};

            assert_true(strlen(name) > 0 && strlen(name) <= MWD_NAME_MAX);
            assert_true(mwd_name_find(NULL, kind, name, &key));
            assert_true(key.id != 0 && key.birth == 0);
            assert_string_equal(mwd_name_of(NULL, kind, key), name);
        }
    }
    assert_string_equal(mwd_name_at(NULL, MW_KIND_HEAP, 0), "memwatchd");
}

static void what_is_not_there_has_no_name(void **state)
{
    struct mw_block_key key = {7, 8};

    (void)state;
    assert_null(mwd_name_of(NULL, MW_KIND_HEAP, (struct mw_block_key){0, 0}));
    assert_null(mwd_name_of(NULL, MW_KIND_HEAP, (struct mw_block_key){MWD_HEAP_OWN, 1}));
    assert_null(mwd_name_of(NULL, MW_KIND_PROCESS, (struct mw_block_key){1, 0}));
    assert_null(mwd_name_at(NULL, MW_KIND_SYSTEM, 0));
    assert_false(mwd_name_find(NULL, MW_KIND_QUEUE, "memwatchd", &key)); /* of another kind */
    assert_false(mwd_name_find(NULL, MW_KIND_QUEUE, "event", &key));
    assert_false(mwd_name_find(NULL, MW_KIND_QUEUE, "", &key));
    assert_true(key.id == 7 && key.birth == 8); /* untouched */
}

/* They stand in labels of metrics and in paths as they are. */
static void names_need_no_escape(void **state)
{
    static const char harmless[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";

    (void)state;
    for (enum mw_kind kind = 0; kind < MW_KIND_COUNT; kind++)
        for (uint32_t i = 0; mwd_name_at(NULL, kind, i); i++)
            assert_int_equal(strspn(mwd_name_at(NULL, kind, i), harmless),
                             strlen(mwd_name_at(NULL, kind, i)));
}

/* A recording's names are where they were, whatever the order in which they come. */
static void names_of_a_recording_keep_their_keys(void **state)
{
    const struct mw_block_key third = {(1 << 16) + 2, 1000};
    const struct mw_block_key again = {(1 << 16) + (1 << 16) + 2, 2000}; /* its place, given anew */
    struct mwd_names *names;
    struct mw_block_key key;

    (void)state;
    assert_int_equal(mwd_names_create(&names), 0);
    assert_int_equal(mwd_names_know(names, MW_KIND_QUEUE, third, "orders", 6), 0);
    assert_string_equal(mwd_name_of(names, MW_KIND_QUEUE, third), "orders");
    assert_true(mwd_name_find(names, MW_KIND_QUEUE, "orders", &key));
    assert_int_equal(key.id, third.id);
    assert_int_equal(key.birth, third.birth);
    assert_string_equal(mwd_name_at(names, MW_KIND_QUEUE, 1), "orders"); /* behind "events" */
    assert_null(mwd_name_at(names, MW_KIND_QUEUE, 2)); /* the places before it have none */
    assert_int_equal(mwd_names_know(names, MW_KIND_QUEUE, again, "mail", 4), 0);
    assert_null(mwd_name_of(names, MW_KIND_QUEUE, third));
    assert_false(mwd_name_find(names, MW_KIND_QUEUE, "orders", &key));
    assert_string_equal(mwd_name_of(names, MW_KIND_QUEUE, again), "mail");
    assert_int_equal(mwd_names_alive(names, MW_KIND_QUEUE), 1);
    mwd_names_destroy(names);
}

static void names_that_no_daemon_gives_are_refused(void **state)
{
    static const struct {
        struct mw_block_key key;
        const char *name;
        int error;
    } rows[] = {
        {{1, 0}, "orders", -EINVAL},
        {{(1 << 16) - 1, 1}, "orders", -EINVAL},
        {{(1 << 16) + MWD_NAMES_MAX + MWD_NAMES_OWN, 1}, "orders", -EINVAL},
        {{1 << 16, UINT64_MAX}, "orders", -EINVAL},
        {{1 << 16, 1}, "", -EINVAL},
        {{1 << 16, 1}, "or ders", -EINVAL},
        {{1 << 16, 1}, "events", -EEXIST},
        {{(1 << 16) + MWD_NAMES_MAX + MWD_NAMES_OWN - 1, 1}, "orders", 0},
    };
    struct mwd_names *names;

    (void)state;
    assert_int_equal(mwd_names_create(&names), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(
            mwd_names_know(names, MW_KIND_QUEUE, rows[i].key, rows[i].name, strlen(rows[i].name)),
            rows[i].error);
    assert_int_equal(mwd_names_places(names, MW_KIND_QUEUE), MWD_NAMES_MAX + MWD_NAMES_OWN);
    mwd_names_destroy(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_a_recording_keep_their_keys),
        cmocka_unit_test(names_that_no_daemon_gives_are_refused),
        cmocka_unit_test(names_and_keys_lead_to_each_other),
        cmocka_unit_test(what_is_not_there_has_no_name),
        cmocka_unit_test(names_need_no_escape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
