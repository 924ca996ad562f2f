/* The registry follows the events of blocks. */
#include "subject_support.h"

#include <stdlib.h>
#include <string.h>

/* ---- following events ---- */

static void an_empty_registry_knows_nobody(void **state)
{
    struct fixture *self = *state;

    assert_int_equal(mw_subjects_count(self->subjects), 0);
    assert_int_equal(texts(self), 0);
    begin(self, 1);
    mw_block_set_key(self->next, 0, (struct mw_block_key){1, 2});
    finish(self);
    assert_no_name(self, 0, MW_ABSENT_STALE);
    assert_free(self, 1);
    assert_null(mw_subjects_destroy(NULL));
}

static void a_birth_that_is_not_known_lacks_for_the_reason_that_was_told(void **state)
{
    static const enum mw_absence told[] = {MW_PRESENT, MW_ABSENT_DENIED, MW_ABSENT_UNSUPPORTED};
    struct fixture *self = *state;
    struct mw_subject subject;

    begin(self, 4);
    for (uint32_t row = 0; row < 3; row++) {
        mw_block_set_key(self->next, row, (struct mw_block_key){10 + row, 0});
        assert_int_equal(mw_block_add_event(self->next, MW_EVENT_BORN, row, told[row], NULL, 0), 0);
    }
    born(self, 3, 77, "sh");
    apply(self);
    for (uint32_t row = 0; row < 3; row++) {
        assert_true(mw_subjects_at(self->subjects, self->last, row, &subject));
        assert_int_equal(subject.birth_absence, row == 0 ? MW_ABSENT_STALE : told[row]);
    }
    assert_true(mw_subjects_at(self->subjects, self->last, 3, &subject));
    assert_int_equal(subject.birth_absence, MW_PRESENT);
}

static void a_life_from_birth_to_death(void **state)
{
    struct fixture *self = *state;
    struct mw_subject subject;

    begin(self, 4);
    born(self, 2, 77, "sh");
    add_event(self, MW_EVENT_CGROUP, 2, "/user.slice");
    apply(self);
    assert_true(mw_subjects_at(self->subjects, self->last, 2, &subject));
    assert_int_equal(subject.key.id, 77);
    assert_int_equal(subject.key.birth, 1077);
    assert_name(self, 2, "sh");
    assert_cgroup(self, 2, "/user.slice");
    assert_free(self, 0);
    assert_int_equal(mw_subjects_count(self->subjects), 1);

    begin(self, 4);
    add_event(self, MW_EVENT_NAME, 2, "python3"); /* exec */
    apply(self);
    assert_name(self, 2, "python3");
    assert_cgroup(self, 2, "/user.slice");
    assert_int_equal(texts(self), 2);

    begin(self, 4);
    gone(self, 2);
    apply(self);
    assert_free(self, 2);
    assert_int_equal(mw_subjects_count(self->subjects), 0);
    assert_int_equal(texts(self), 0);
}

static void a_text_may_be_absent_or_empty(void **state)
{
    struct fixture *self = *state;
    struct mw_subject subject;

    begin(self, 2);
    born(self, 0, 1, "");
    assert_int_equal(mw_block_add_event(self->next, MW_EVENT_CGROUP, 0, MW_ABSENT_DENIED, NULL, 0),
                     0);
    mw_block_set_key(self->next, 1, (struct mw_block_key){2, 0});
    add_event(self, MW_EVENT_BORN, 1, NULL);
    apply(self);
    assert_true(mw_subjects_at(self->subjects, self->last, 0, &subject));
    assert_name(self, 0, "");
    assert_non_null(subject.name.bytes);
    assert_int_equal(subject.cgroup.absence, MW_ABSENT_DENIED);
    assert_null(subject.cgroup.bytes);
    assert_no_name(self, 1, MW_ABSENT_STALE);

    begin(self, 2);
    assert_int_equal(mw_block_add_event(self->next, MW_EVENT_NAME, 0, MW_ABSENT_VANISHED, NULL, 0),
                     0);
    apply(self);
    assert_no_name(self, 0, MW_ABSENT_VANISHED);
    assert_int_equal(texts(self), 0);
}

/* A row that is free and taken again within one beat: its last subject stands. */
static void events_are_taken_in_order(void **state)
{
    struct fixture *self = *state;

    begin(self, 2);
    born(self, 0, 10, "first");
    gone(self, 0);
    born(self, 0, 11, "second");
    born(self, 1, 12, "third");
    gone(self, 1);
    apply(self);
    assert_name(self, 0, "second");
    assert_free(self, 1);
    assert_int_equal(mw_subjects_count(self->subjects), 1);
    assert_int_equal(texts(self), 1);
}

/* The pid comes again, with a new start time or (where that cannot be read) with the same key, and
 * the death before it was not told. */
static void a_birth_ends_the_life_before(void **state)
{
    struct fixture *self = *state;

    for (uint64_t birth = 5; birth <= 6; birth++) {
        begin(self, 1);
        mw_block_set_key(self->next, 0, (struct mw_block_key){10, 5});
        add_event(self, MW_EVENT_BORN, 0, NULL);
        add_event(self, MW_EVENT_NAME, 0, "old");
        add_event(self, MW_EVENT_CGROUP, 0, "/old");
        apply(self);
        assert_name(self, 0, "old");
        begin(self, 1);
        mw_block_set_key(self->next, 0, (struct mw_block_key){10, birth});
        add_event(self, MW_EVENT_BORN, 0, NULL);
        apply(self);
        assert_no_name(self, 0, MW_ABSENT_STALE);
        assert_int_equal(mw_subjects_count(self->subjects), 1);
        assert_int_equal(texts(self), 0);
    }
}

/* ---- when the registry and a block are not of the same time ---- */

static void a_row_with_another_key_has_no_name(void **state)
{
    struct fixture *self = *state;
    struct mw_block *old;

    begin(self, 1);
    born(self, 0, 10, "old");
    apply(self);
    old = mw_block_ref(self->last);
    begin(self, 1);
    gone(self, 0);
    born(self, 0, 11, "new");
    apply(self);
    assert_name(self, 0, "new");
    mw_block_unref(self->last);
    self->last = old;
    assert_no_name(self, 0, MW_ABSENT_STALE);
}

/* Blocks 2 and 3 are lost: a death and a birth go unheard. Nobody is shown under a wrong name,
 * nobody dead is counted, and those who live on keep theirs. */
static void after_a_gap_no_name_is_wrong(void **state)
{
    struct fixture *self = *state;

    begin(self, 3);
    born(self, 0, 10, "stays");
    born(self, 1, 11, "dies");
    born(self, 2, 12, "is replaced");
    apply(self);
    begin(self, 3);
    gone(self, 1);
    finish(self);
    begin(self, 3);
    gone(self, 2);
    born(self, 2, 13, "unheard");
    finish(self);
    begin(self, 3);
    apply(self);
    assert_name(self, 0, "stays");
    assert_free(self, 1);
    assert_no_name(self, 2, MW_ABSENT_STALE);
    assert_int_equal(mw_subjects_count(self->subjects), 1);
    assert_int_equal(texts(self), 1);

    begin(self, 3);
    add_event(self, MW_EVENT_NAME, 2, "heard at last");
    apply(self);
    assert_name(self, 2, "heard at last");
    assert_int_equal(mw_subjects_count(self->subjects), 2);
}

static void a_replay_may_begin_in_the_middle(void **state)
{
    struct fixture *self = *state;

    self->seq = 500;
    begin(self, 2);
    mw_block_set_key(self->next, 0, (struct mw_block_key){1, 0});
    born(self, 1, 2, "known");
    apply(self);
    assert_no_name(self, 0, MW_ABSENT_STALE);
    assert_name(self, 1, "known");
    assert_int_equal(mw_subjects_count(self->subjects), 1);
}

static void rows_that_a_block_lacks_are_let_go(void **state)
{
    struct fixture *self = *state;

    begin(self, 100);
    for (uint32_t row = 0; row < 100; row++)
        born(self, row, row + 1, "many");
    apply(self);
    assert_int_equal(mw_subjects_count(self->subjects), 100);
    mw_block_unref(self->last);
    self->last = NULL;
    begin(self, 1); /* as from another collector, that begins anew */
    born(self, 0, 1, "one");
    apply(self);
    assert_int_equal(mw_subjects_count(self->subjects), 1);
    assert_int_equal(texts(self), 1);
}

/* ---- texts ---- */

static void equal_names_are_stored_once(void **state)
{
    struct fixture *self = *state;

    begin(self, 1000);
    for (uint32_t row = 0; row < 1000; row++) {
        born(self, row, row + 1, row % 2 ? "kworker" : "bash");
        add_event(self, MW_EVENT_CGROUP, row, row % 3 ? "/a" : "bash");
    }
    apply(self);
    assert_int_equal(mw_subjects_count(self->subjects), 1000);
    assert_int_equal(texts(self), 3);
    assert_name(self, 998, "bash");
    begin(self, 1000);
    for (uint32_t row = 1; row < 1000; row++)
        gone(self, row);
    apply(self);
    assert_name(self, 0, "bash");
    assert_int_equal(texts(self), 1);
}

/* Lengths around the words that the hash works in, and texts that differ in one byte only. */
static void different_names_are_kept_apart(void **state)
{
    struct fixture *self = *state;
    char name[64];
    uint32_t row = 0;

    begin(self, 2 * 40);
    for (size_t size = 1; size <= 40; size++) {
        memset(name, 'a', size);
        name[size] = '\0';
        born(self, row, row + 1, name);
        row++;
        name[size - 1] = 'b';
        born(self, row, row + 1, name);
        row++;
    }
    apply(self);
    assert_int_equal(texts(self), row);
    for (size_t size = 1; size <= 40; size++) {
        memset(name, 'a', size);
        name[size] = '\0';
        assert_name(self, (uint32_t)(2 * size - 2), name);
        name[size - 1] = 'b';
        assert_name(self, (uint32_t)(2 * size - 1), name);
    }
}

static void a_longest_text_is_kept_whole(void **state)
{
    struct fixture *self = *state;
    char *name = malloc(MW_BLOCK_TEXT_MAX + 1);

    memset(name, 'n', MW_BLOCK_TEXT_MAX);
    name[MW_BLOCK_TEXT_MAX] = '\0';
    begin(self, 1);
    born(self, 0, 1, name);
    apply(self);
    assert_name(self, 0, name);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_registry_knows_nobody),
        TEST(a_life_from_birth_to_death),
        TEST(a_birth_that_is_not_known_lacks_for_the_reason_that_was_told),
        TEST(a_text_may_be_absent_or_empty),
        TEST(events_are_taken_in_order),
        TEST(a_birth_ends_the_life_before),
        TEST(a_row_with_another_key_has_no_name),
        TEST(after_a_gap_no_name_is_wrong),
        TEST(a_replay_may_begin_in_the_middle),
        TEST(rows_that_a_block_lacks_are_let_go),
        TEST(equal_names_are_stored_once),
        TEST(different_names_are_kept_apart),
        TEST(a_longest_text_is_kept_whole),
        IN_MOTION(a_life_from_birth_to_death),
        IN_MOTION(after_a_gap_no_name_is_wrong),
        IN_MOTION(rows_that_a_block_lacks_are_let_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
