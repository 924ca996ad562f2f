/* Subjects as objects of the heap: who keeps them, what they take, and that nothing else is left.
 */
#include "subject_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_is_referred_to_outlives_the_row),
        TEST(a_stranger_is_no_object),
        TEST(an_object_takes_its_words_and_its_texts),
        IN_MOTION(who_is_referred_to_outlives_the_row),
        UNCHECKED(the_registry_remembers_what_happened),
        UNCHECKED(memory_is_flat_over_a_million_births),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
