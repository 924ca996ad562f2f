#include "daemon/services.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

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

/* From a recording come names that the configuration does not have: as many as there can be, and no
 * key gets a name that is not its own. */
static void names_of_a_recording_are_known(void **state)
{
    struct mwd_services services;
    char name[16];

    (void)state;
    assert_int_equal(mwd_services_init(&services, (const char *[]){"n0"}, 1), 0);
    for (int i = 0; i <= MW_SERVICES_MAX; i++) {
        int size = snprintf(name, sizeof name, "/n%dzzz", i) - 3; /* what follows is not of it */
        struct mw_block_key key;

        name[size] = '\0';
        key = (struct mw_block_key){mw_service_id(name), 0};
        name[size] = 'z';
        assert_int_equal(mwd_services_know(&services, key, name, (size_t)size),
                         i < MW_SERVICES_MAX ? 0 : -ENOSPC);
        name[size] = '\0';
        if (i < MW_SERVICES_MAX)
            assert_string_equal(mwd_services_name(&services, key), name);
    }
    assert_int_equal(services.count, MW_SERVICES_MAX); /* the first was there */
    mwd_services_deinit(&services);
    assert_int_equal(mwd_services_know(&services, (struct mw_block_key){7, 0}, "/a", 2), -EINVAL);
    assert_int_equal(
        mwd_services_know(&services, (struct mw_block_key){mw_service_id("/a"), 1}, "/a", 2),
        -EINVAL);
    assert_int_equal(services.count, 0);
    mwd_services_deinit(&services);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_begin_with_a_slash),
        cmocka_unit_test(what_is_not_there_has_no_name),
        cmocka_unit_test(names_of_a_recording_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
