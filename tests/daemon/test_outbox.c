/* A firing is followed by its end for everybody who was told, or will be, and for nobody else. */
#include "daemon/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

static struct mwd_outbox_message *add(struct mwd_outbox *box, uint64_t fingerprint, bool resolved,
                                      uint32_t owed)
{
    struct mwd_outbox_content content;
    struct mwd_outbox_message *message;

    memset(&content, 0, sizeof content);
    content.alert.fingerprint = fingerprint;
    content.alert.since_ms = 5;
    assert_int_equal(mwd_outbox_add(box, &content, resolved, &message), 0);
    message->owed = owed;
    return message;
}

static int setup(void **state)
{
    return mwd_outbox_create(4, (struct mwd_outbox **)state);
}

static int teardown(void **state)
{
    mwd_outbox_destroy(*state);
    return 0;
}

static void told_firing_stays_without_its_content(void **state)
{
    struct mwd_outbox *box = *state;
    struct mwd_outbox_message *firing = add(box, 1, false, 3);

    assert_false(mwd_outbox_settle(box, firing));
    assert_non_null(firing->content);
    firing->owed = 0;
    firing->told = 3;
    assert_false(mwd_outbox_settle(box, firing));
    assert_null(firing->content);
    assert_ptr_equal(mwd_outbox_find(box, 1, 5, false), firing);
}

static void both_go_when_the_end_is_told(void **state)
{
    struct mwd_outbox *box = *state;
    struct mwd_outbox_message *firing = add(box, 1, false, 0), *end = add(box, 1, true, 1);

    assert_false(mwd_outbox_settle(box, firing));
    end->owed = 0;
    assert_true(mwd_outbox_settle(box, end));
    assert_int_equal(mwd_outbox_count(box), 0);
}

/* Its answer may come late: until then both stay. */
static void end_waits_for_its_firing(void **state)
{
    struct mwd_outbox *box = *state;
    struct mwd_outbox_message *firing = add(box, 1, false, 2), *end = add(box, 1, true, 1);

    end->owed = 0;
    assert_false(mwd_outbox_settle(box, end));
    firing->owed = 0;
    assert_true(mwd_outbox_settle(box, firing));
    assert_null(mwd_outbox_first(box));
}

static void order_is_that_of_adding(void **state)
{
    struct mwd_outbox *box = *state;
    struct mwd_outbox_message *a = add(box, 1, false, 1), *b = add(box, 4097, false, 1),
                              *c = add(box, 1, true, 1);

    assert_ptr_equal(mwd_outbox_first(box), a);
    assert_ptr_equal(a->next, b);
    mwd_outbox_remove(box, b);
    assert_ptr_equal(a->next, c);
    assert_null(c->next);
    assert_null(mwd_outbox_find(box, 4097, 5, false));
}

static void bound_and_repeats_are_answered(void **state)
{
    struct mwd_outbox *box = *state;
    struct mwd_outbox_content content;
    struct mwd_outbox_message *message;

    for (uint64_t i = 0; i < 3; i++)
        add(box, i, false, 1);
    assert_int_equal(mwd_outbox_room(box), 1);
    add(box, 3, false, 1);
    memset(&content, 0, sizeof content);
    content.alert.since_ms = 5;
    assert_int_equal(mwd_outbox_add(box, &content, false, &message), -EEXIST);
    content.alert.fingerprint = 9;
    assert_int_equal(mwd_outbox_add(box, &content, false, &message), -ENOSPC);
}

/* By name in the end: a sink keeps what it was told at its new place, and one that is gone is owed
 * nothing. */
static void sinks_move_with_the_configuration(void **state)
{
    static const int places[] = {1, -1, 0};
    struct mwd_outbox *box = *state;
    struct mwd_outbox_message *firing = add(box, 1, false, 4), *other = add(box, 2, false, 2);

    firing->told = 3;
    firing->flying = 4;
    add(box, 2, true, 2);
    mwd_outbox_move_sinks(box, places, 3);
    assert_int_equal(firing->owed, 1);
    assert_int_equal(firing->flying, 1);
    assert_int_equal(firing->told, 2);
    (void)other; /* both of its messages were owed to the one that is gone */
    assert_int_equal(mwd_outbox_count(box), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(told_firing_stays_without_its_content),
        TEST(both_go_when_the_end_is_told),
        TEST(end_waits_for_its_firing),
        TEST(order_is_that_of_adding),
        TEST(bound_and_repeats_are_answered),
        TEST(sinks_move_with_the_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
