#include "daemon/services.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* However a path was written, its name is as processes show it, and it is found either way. */
static void names_begin_with_a_slash(void **state)
{
    const char *paths[] = {"system.slice/a.service", "//b.slice/", "/"};
    struct mwd_services services;
    struct mw_block_key key;

    (void)state;
    assert_int_equal(mwd_services_init(&services, paths, 3), 0);
    assert_true(mwd_services_find(&services, "/system.slice/a.service", &key));
    assert_string_equal(mwd_services_name(&services, key), "/system.slice/a.service");
    assert_int_equal(key.id, mw_service_id("system.slice/a.service"));
    assert_true(mwd_services_find(&services, "b.slice", &key));
    assert_string_equal(mwd_services_name(&services, key), "/b.slice");
    assert_true(mwd_services_find(&services, "/", &key));
    assert_string_equal(mwd_services_name(&services, key), "/");
    mwd_services_deinit(&services);
}

static void what_is_not_there_has_no_name(void **state)
{
    const char *paths[] = {"a"};
    struct mwd_services services, none;
    struct mw_block_key key = {4711, 4711};

    (void)state;
    assert_int_equal(mwd_services_init(&services, paths, 1), 0);
    assert_false(mwd_services_find(&services, "b", &key));
    assert_int_equal(key.id, 4711);
    assert_null(mwd_services_name(&services, key));
    assert_null(mwd_services_name(&services, (struct mw_block_key){mw_service_id("a"), 1}));
    assert_null(mwd_services_name(NULL, key));
    mwd_services_deinit(&services);
    assert_int_equal(mwd_services_init(&none, NULL, 0), 0);
    assert_false(mwd_services_find(&none, "a", &key));
    mwd_services_deinit(&none);
    mwd_services_deinit(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_begin_with_a_slash),
        cmocka_unit_test(what_is_not_there_has_no_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
