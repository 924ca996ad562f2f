/* Whoever mistyped a name is shown the one that was meant, and nothing that is far off. */
#include "daemon/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *guess(const char *given)
{
    static const char *const names[] = {
        "process.rss", "process.swap", "system.memFree",
        "a-name-that-is-longer-than-any-text-that-is-looked-at-here"};
    struct mwd_nearest nearest = {NULL, 0};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        mwd_nearest_offer(&nearest, given, strlen(given), names[i]);
    return nearest.name;
}

static void a_slip_is_found(void **state)
{
    (void)state;
    assert_string_equal(guess("proces.rss"), "process.rss");
    assert_string_equal(guess("process.swp"), "process.swap");
    assert_string_equal(guess("SYSTEM.MEMFREE"), "system.memFree");
    assert_string_equal(guess("system.memfre"), "system.memFree");
}

static void what_is_far_off_is_no_guess(void **state)
{
    (void)state;
    assert_null(guess(""));
    assert_null(guess("temperature"));
    assert_null(guess("proc"));
    assert_null(guess("a-name-that-is-longer-than-any-text-that-is-looked-at-here"));
}

static void the_first_of_equals_stays(void **state)
{
    struct mwd_nearest nearest = {NULL, 0};

    (void)state;
    assert_true(mwd_nearest_offer(&nearest, "heat", 4, "heap"));
    assert_false(mwd_nearest_offer(&nearest, "heat", 4, "head"));
    assert_string_equal(nearest.name, "heap");
    assert_true(mwd_nearest_offer(&nearest, "heat", 4, "heat"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_is_found),
        cmocka_unit_test(what_is_far_off_is_no_guess),
        cmocka_unit_test(the_first_of_equals_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
