/* A name and the key of its row lead to each other, in every kind, and to nothing else. */
#include "daemon/names.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_keys_lead_to_each_other),
        cmocka_unit_test(what_is_not_there_has_no_name),
        cmocka_unit_test(names_need_no_escape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
