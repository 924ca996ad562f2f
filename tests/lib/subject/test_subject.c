#include "subject/subject.h"
#include "tests/lib/store/store_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A registry, and what a collector keeps to feed it. The heap checks each call, and nothing old can
 * be read outside of a hold. */
struct fixture {
    struct bench bench;
    struct mw_subjects *subjects;
    struct mw_block_pool *pool;
    struct mw_block *last; /* the block that was applied last */
    struct mw_block *next; /* being filled in */
    uint64_t seq;
};

static void begin(struct fixture *self, uint32_t rows)
{
    assert_int_equal(mw_block_take(self->pool, self->last, rows, &self->next), 0);
}

static void finish(struct fixture *self)
{
    mw_block_set_time(self->next, ++self->seq, 0, 0);
    assert_int_equal(mw_block_finish(self->next), 0);
    mw_block_unref(self->last);
    self->last = self->next;
    self->next = NULL;
}

static void apply(struct fixture *self)
{
    finish(self);
    assert_int_equal(mw_subjects_apply(self->subjects, self->last), 0);
}

static void add_event(struct fixture *self, enum mw_block_event_type type, uint32_t row,
                      const char *text)
{
    assert_int_equal(mw_block_add_event(self->next, type, row, MW_PRESENT, text,
                                        text != NULL ? strlen(text) : 0),
                     0);
}

static void born(struct fixture *self, uint32_t row, uint64_t pid, const char *name)
{
    mw_block_set_key(self->next, row, (struct mw_block_key){pid, pid + 1000});
    add_event(self, MW_EVENT_BORN, row, NULL);
    add_event(self, MW_EVENT_NAME, row, name);
}

static void gone(struct fixture *self, uint32_t row)
{
    add_event(self, MW_EVENT_GONE, row, NULL);
    mw_block_clear_row(self->next, row);
}

static int setup_in(void **state, unsigned modes)
{
    struct fixture *self = calloc(1, sizeof(*self));

    bench_init(&self->bench, modes, 16 * MIB);
    assert_int_equal(mw_subjects_create(self->bench.store, &self->subjects), 0);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_PROCESS, &self->pool), 0);
    *state = self;
    return 0;
}

static int setup(void **state)
{
    return setup_in(state, MW_HEAP_GUARD | MW_HEAP_VERIFY);
}

/* A collection at every allocation, and everything moves. */
static int setup_in_motion(void **state)
{
    return setup_in(state, MW_HEAP_CHECKED | MW_HEAP_STRESS | MW_HEAP_MOVE | MW_HEAP_COMPACT);
}

/* For much. */
static int setup_unchecked(void **state)
{
    return setup_in(state, 0);
}

static int teardown(void **state)
{
    struct fixture *self = *state;

    mw_block_unref(self->last);
    mw_block_unref(self->next);
    mw_block_pool_destroy(self->pool);
    assert_null(mw_subjects_destroy(self->subjects));
    bench_deinit(&self->bench);
    free(self);
    return 0;
}

static void assert_text(const struct mw_subject_text *text, const char *expected)
{
    assert_int_equal(text->absence, MW_PRESENT);
    assert_int_equal(text->size, strlen(expected));
    assert_memory_equal(text->bytes, expected, text->size);
}

static void assert_name(const struct fixture *self, uint32_t row, const char *expected)
{
    struct mw_subject subject;

    mw_subjects_hold(self->subjects);
    assert_true(mw_subjects_at(self->subjects, self->last, row, &subject));
    assert_text(&subject.name, expected);
    mw_subjects_release(self->subjects);
}

static void assert_cgroup(const struct fixture *self, uint32_t row, const char *expected)
{
    struct mw_subject subject;

    mw_subjects_hold(self->subjects);
    assert_true(mw_subjects_at(self->subjects, self->last, row, &subject));
    assert_text(&subject.cgroup, expected);
    mw_subjects_release(self->subjects);
}

static void assert_no_name(const struct fixture *self, uint32_t row, enum mw_absence absence)
{
    struct mw_subject subject;

    assert_true(mw_subjects_at(self->subjects, self->last, row, &subject));
    assert_int_equal(subject.name.absence, absence);
    assert_null(subject.name.bytes);
    assert_int_equal(subject.name.size, 0);
}

/* Different texts that anybody refers to. */
static size_t texts(const struct fixture *self)
{
    mw_heap_collect(self->bench.heap, MW_COLLECT_MAJOR);
    return mw_subjects_texts(self->subjects);
}

static void assert_free(const struct fixture *self, uint32_t row)
{
    struct mw_subject subject;

    assert_false(mw_subjects_at(self->subjects, self->last, row, &subject));
}

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

/* ---- a property: the registry knows what a plain array of names knows ---- */

enum { MODEL_ROWS = 300 };

struct model {
    uint64_t pids[MODEL_ROWS];
    char names[MODEL_ROWS][24];
    uint32_t live;
};

static void model_step(struct model *model, struct fixture *self, uint64_t pid)
{
    uint32_t row = (uint32_t)(random() % MODEL_ROWS);
    char *name = model->names[row];

    if (model->pids[row] != 0 && random() % 2) {
        gone(self, row);
        model->pids[row] = 0;
        model->live--;
        return;
    }
    snprintf(name, sizeof(model->names[row]), "name-%ld", random() % 5000);
    if (model->pids[row] != 0) {
        add_event(self, MW_EVENT_NAME, row, name);
        return;
    }
    model->pids[row] = pid;
    model->live++;
    born(self, row, pid, name);
}

static void the_registry_remembers_what_happened(void **state)
{
    struct fixture *self = *state;
    struct model *model = calloc(1, sizeof(*model));
    uint64_t pid = 0;

    srandom(1);
    for (int round = 0; round < 500; round++) {
        begin(self, MODEL_ROWS);
        for (long i = random() % 60; i > 0; i--)
            model_step(model, self, ++pid);
        apply(self);
        assert_int_equal(mw_subjects_count(self->subjects), model->live);
        assert_true(texts(self) <= model->live);
        for (uint32_t row = 0; row < MODEL_ROWS; row++)
            if (model->pids[row] != 0)
                assert_name(self, row, model->names[row]);
            else
                assert_free(self, row);
    }
    free(model);
}

/* ---- objects, and who keeps them ---- */

static struct mw_global *keep(const struct fixture *self, uint32_t row)
{
    MW_SCOPE(scope, self->bench.heap);
    struct mw_ref object = mw_subjects_object(self->subjects, self->last, row);
    struct mw_global *kept;

    assert_false(mw_ref_is_none(object));
    assert_int_equal(mw_global_create(self->bench.heap, object, false, &kept), 0);
    return kept;
}

static void assert_kept_name(const struct fixture *self, const struct mw_global *kept,
                             const char *expected)
{
    MW_SCOPE(scope, self->bench.heap);
    struct mw_subject subject;

    mw_subjects_hold(self->subjects);
    mw_subjects_read(self->subjects, mw_global_get(self->bench.heap, kept), &subject);
    assert_text(&subject.name, expected);
    mw_subjects_release(self->subjects);
}

/* History asks for this: the name that a process had last stays known, and not for longer than
 * somebody wants it. */
static void who_is_referred_to_outlives_the_row(void **state)
{
    struct fixture *self = *state;
    struct mw_global *kept;

    begin(self, 1);
    born(self, 0, 10, "first");
    apply(self);
    kept = keep(self, 0);
    begin(self, 1);
    add_event(self, MW_EVENT_NAME, 0, "exec");
    apply(self);
    begin(self, 1);
    gone(self, 0);
    born(self, 0, 11, "heir");
    apply(self);
    assert_int_equal(texts(self), 2); /* "first" is nobody's */
    assert_kept_name(self, kept, "exec");
    assert_name(self, 0, "heir");
    assert_null(mw_global_destroy(self->bench.heap, kept));
    assert_int_equal(texts(self), 1);
}

static void a_stranger_is_no_object(void **state)
{
    struct fixture *self = *state;

    begin(self, 2);
    born(self, 0, 10, "known");
    apply(self);
    begin(self, 2);
    mw_block_set_key(self->next, 0, (struct mw_block_key){10, 7}); /* born later than the known */
    finish(self);
    {
        MW_SCOPE(scope, self->bench.heap);

        for (uint32_t row = 0; row < 3; row++)
            assert_true(mw_ref_is_none(mw_subjects_object(self->subjects, self->last, row)));
    }
}

/* What bounds count by. */
static void an_object_takes_its_words_and_its_texts(void **state)
{
    struct fixture *self = *state;
    struct mw_global *kept;

    begin(self, 1);
    born(self, 0, 10, "123456789");
    apply(self);
    kept = keep(self, 0);
    {
        MW_SCOPE(scope, self->bench.heap);

        assert_int_equal(mw_subjects_bytes(self->subjects, mw_global_get(self->bench.heap, kept)),
                         8 + 6 * 8 + 8 + 16 + 8);
    }
    mw_global_destroy(self->bench.heap, kept);
}

/* ---- memory ---- */

static void churn(struct fixture *self, int rounds, uint64_t *pid)
{
    for (int round = 0; round < rounds; round++) {
        begin(self, 200);
        for (int i = 0; i < 100; i++) {
            uint32_t row = (uint32_t)(random() % 200);
            char name[24];

            if (mw_block_keys(self->next)[row].id != 0)
                gone(self, row);
            snprintf(name, sizeof(name), "job-%llu", (unsigned long long)++*pid);
            born(self, row, *pid, name);
        }
        apply(self);
    }
}

static size_t used_after_collection(const struct fixture *self)
{
    struct mw_heap_numbers numbers;

    mw_heap_collect(self->bench.heap, MW_COLLECT_MAJOR);
    mw_heap_get_numbers(self->bench.heap, &numbers);
    return numbers.used;
}

static void memory_is_flat_over_a_million_births(void **state)
{
    struct fixture *self = *state;
    struct mw_heap_numbers numbers;
    uint64_t pid = 0;
    size_t before, malloced;

    srandom(1);
    churn(self, 500, &pid);
    before = used_after_collection(self);
    mw_heap_get_numbers(self->bench.heap, &numbers);
    malloced = numbers.malloced;
    churn(self, 9500, &pid);
    assert_int_equal(pid, 1000000);
    assert_in_range(used_after_collection(self), before - before / 10, before + before / 10);
    mw_heap_get_numbers(self->bench.heap, &numbers);
    assert_true(numbers.malloced <= 2 * malloced); /* the weak table's part */
    assert_int_equal(mw_subjects_texts(self->subjects), mw_subjects_count(self->subjects));
    assert_true(mw_subjects_count(self->subjects) <= 200);
    assert_int_equal(mw_subjects_lost(self->subjects), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
#define IN_MOTION(function) cmocka_unit_test_setup_teardown(function, setup_in_motion, teardown)
#define UNCHECKED(function) cmocka_unit_test_setup_teardown(function, setup_unchecked, teardown)

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
        TEST(who_is_referred_to_outlives_the_row),
        TEST(a_stranger_is_no_object),
        TEST(an_object_takes_its_words_and_its_texts),
        IN_MOTION(a_life_from_birth_to_death),
        IN_MOTION(after_a_gap_no_name_is_wrong),
        IN_MOTION(rows_that_a_block_lacks_are_let_go),
        IN_MOTION(who_is_referred_to_outlives_the_row),
        UNCHECKED(the_registry_remembers_what_happened),
        UNCHECKED(memory_is_flat_over_a_million_births),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
