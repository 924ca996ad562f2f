/* A heap that is full while events are taken in costs names, never the registry: what could not be
 * stored is absent as stale and counted, everything else is right, and it comes back when there is
 * room and an event tells it. */
#include "subject/subject.h"
#include "tests/lib/store/store_support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 1000, LIMIT = 4 << 20 };

/* Of names; the long ones together are more than the limit. */
enum { SHORT = 20, LONG = MW_BLOCK_TEXT_MAX };

struct fixture {
    struct bench bench;
    struct mw_subjects *subjects;
    struct mw_block_pool *pool;
    struct mw_block *block;
    struct mw_global *filling;
    int name_size;
};

static void name_of(const struct fixture *self, uint32_t row, char name[LONG + 1])
{
    snprintf(name, LONG + 1, "%0*u", self->name_size, row);
}

/* Everybody is born, and has a name of his own. */
static void make_block(struct fixture *self, uint64_t seq, int name_size)
{
    self->name_size = name_size;
    mw_block_unref(self->block);
    assert_int_equal(mw_block_take(self->pool, NULL, ROWS, &self->block), 0);
    for (uint32_t row = 0; row < ROWS; row++) {
        char name[LONG + 1];

        name_of(self, row, name);
        mw_block_set_key(self->block, row, (struct mw_block_key){row + 1, 0});
        mw_block_add_event(self->block, MW_EVENT_BORN, row, MW_PRESENT, NULL, 0);
        mw_block_add_event(self->block, MW_EVENT_NAME, row, MW_PRESENT, name, strlen(name));
    }
    mw_block_set_time(self->block, seq, 0, 0);
    assert_int_equal(mw_block_finish(self->block), 0);
}

static void init(struct fixture *self)
{
    *self = (struct fixture){.filling = NULL};
    bench_init(&self->bench, 0, LIMIT);
    assert_int_equal(mw_subjects_create(self->bench.store, &self->subjects), 0);
    assert_int_equal(mw_block_pool_create(MW_SOURCE_PROCESS, &self->pool), 0);
}

static void deinit(struct fixture *self)
{
    mw_block_unref(self->block);
    mw_block_pool_destroy(self->pool);
    mw_subjects_destroy(self->subjects);
    bench_deinit(&self->bench);
}

static uint32_t names_missing(const struct fixture *self)
{
    uint32_t missing = 0;

    mw_subjects_hold(self->subjects);
    for (uint32_t row = 0; row < ROWS; row++) {
        struct mw_subject subject;
        char name[LONG + 1];

        name_of(self, row, name);
        assert_true(mw_subjects_at(self->subjects, self->block, row, &subject));
        assert_int_equal(subject.key.id, row + 1);
        if (subject.name.bytes == NULL) {
            assert_int_equal(subject.name.absence, MW_ABSENT_STALE);
            missing++;
        } else {
            assert_int_equal(subject.name.size, strlen(name));
            assert_memory_equal(subject.name.bytes, name, subject.name.size);
        }
    }
    mw_subjects_release(self->subjects);
    return missing;
}

/* As soon as it is told anew. */
static void assert_all_comes_back(struct fixture *self)
{
    uint64_t lost = mw_subjects_lost(self->subjects);

    assert_true(names_missing(self) > 0);
    make_block(self, 2, SHORT);
    assert_int_equal(mw_subjects_apply(self->subjects, self->block), 0);
    assert_int_equal(names_missing(self), 0);
    assert_int_equal(mw_subjects_count(self->subjects), ROWS);
    assert_int_equal(mw_subjects_lost(self->subjects), lost);
}

static void a_full_heap_costs_names_and_they_are_counted(void **state)
{
    struct fixture self;
    uint32_t missing;

    (void)state;
    init(&self);
    make_block(&self, 1, LONG);
    assert_int_equal(mw_subjects_apply(self.subjects, self.block), -ENOMEM);
    assert_true(self.bench.near_limit_calls > 0); /* others were asked to give way first */
    missing = names_missing(&self);
    assert_in_range(missing, 1, ROWS / 2);
    /* Some lack a name, some are not known at all: these are counted at their birth, too. */
    assert_in_range(mw_subjects_lost(self.subjects), missing, 2 * missing);
    assert_in_range(mw_subjects_count(self.subjects), ROWS - missing, ROWS);
    bench_verify(&self.bench);
    assert_all_comes_back(&self);
    deinit(&self);
}

static void without_room_for_rows_nobody_is_known(void **state)
{
    struct fixture self;

    (void)state;
    init(&self);
    make_block(&self, 1, SHORT);
    bench_exhaust(&self.bench, 32, &self.filling);
    assert_int_equal(mw_subjects_apply(self.subjects, self.block), -ENOMEM);
    assert_true(names_missing(&self) >= ROWS - 16);
    assert_true(mw_subjects_count(self.subjects) <= 16);
    assert_true(mw_subjects_lost(self.subjects) >= ROWS - 16);
    bench_relieve(&self.bench, self.filling);
    assert_all_comes_back(&self);
    deinit(&self);
}

static void a_full_heap_has_no_room_for_a_registry(void **state)
{
    struct mw_subjects *subjects = NULL;
    struct mw_global *filling;
    struct bench bench;

    (void)state;
    bench_init(&bench, 0, LIMIT);
    bench_exhaust(&bench, 16, &filling);
    assert_int_equal(mw_subjects_create(bench.store, &subjects), -ENOMEM);
    assert_null(subjects);
    bench_relieve(&bench, filling);
    assert_int_equal(mw_subjects_create(bench.store, &subjects), 0);
    mw_subjects_destroy(subjects);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_heap_costs_names_and_they_are_counted),
        cmocka_unit_test(without_room_for_rows_nobody_is_known),
        cmocka_unit_test(a_full_heap_has_no_room_for_a_registry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
