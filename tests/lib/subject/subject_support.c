#include "subject_support.h"

#include <stdlib.h>
#include <string.h>

void begin(struct fixture *self, uint32_t rows)
{
    assert_int_equal(mw_block_take(self->pool, self->last, rows, &self->next), 0);
}

void finish(struct fixture *self)
{
    mw_block_set_time(self->next, ++self->seq, 0, 0);
    assert_int_equal(mw_block_finish(self->next), 0);
    mw_block_unref(self->last);
    self->last = self->next;
    self->next = NULL;
}

void apply(struct fixture *self)
{
    finish(self);
    assert_int_equal(mw_subjects_apply(self->subjects, self->last), 0);
}

void add_event(struct fixture *self, enum mw_block_event_type type, uint32_t row, const char *text)
{
    assert_int_equal(mw_block_add_event(self->next, type, row, MW_PRESENT, text,
                                        text != NULL ? strlen(text) : 0),
                     0);
}

void born(struct fixture *self, uint32_t row, uint64_t pid, const char *name)
{
    mw_block_set_key(self->next, row, (struct mw_block_key){pid, pid + 1000});
    add_event(self, MW_EVENT_BORN, row, NULL);
    add_event(self, MW_EVENT_NAME, row, name);
}

void gone(struct fixture *self, uint32_t row)
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

int setup(void **state)
{
    return setup_in(state, MW_HEAP_GUARD | MW_HEAP_VERIFY);
}

/* A collection at every allocation, and everything moves. */
int setup_in_motion(void **state)
{
    return setup_in(state, MW_HEAP_CHECKED | MW_HEAP_STRESS | MW_HEAP_MOVE | MW_HEAP_COMPACT);
}

/* For much. */
int setup_unchecked(void **state)
{
    return setup_in(state, 0);
}

int teardown(void **state)
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

void assert_text(const struct mw_subject_text *text, const char *expected)
{
    assert_int_equal(text->absence, MW_PRESENT);
    assert_int_equal(text->size, strlen(expected));
    assert_memory_equal(text->bytes, expected, text->size);
}

void assert_name(const struct fixture *self, uint32_t row, const char *expected)
{
    struct mw_subject subject;

    mw_subjects_hold(self->subjects);
    assert_true(mw_subjects_at(self->subjects, self->last, row, &subject));
    assert_text(&subject.name, expected);
    mw_subjects_release(self->subjects);
}

void assert_cgroup(const struct fixture *self, uint32_t row, const char *expected)
{
    struct mw_subject subject;

    mw_subjects_hold(self->subjects);
    assert_true(mw_subjects_at(self->subjects, self->last, row, &subject));
    assert_text(&subject.cgroup, expected);
    mw_subjects_release(self->subjects);
}

void assert_no_name(const struct fixture *self, uint32_t row, enum mw_absence absence)
{
    struct mw_subject subject;

    assert_true(mw_subjects_at(self->subjects, self->last, row, &subject));
    assert_int_equal(subject.name.absence, absence);
    assert_null(subject.name.bytes);
    assert_int_equal(subject.name.size, 0);
}

/* Different texts that anybody refers to. */
size_t texts(const struct fixture *self)
{
    mw_heap_collect(self->bench.heap, MW_COLLECT_MAJOR);
    return mw_subjects_texts(self->subjects);
}

void assert_free(const struct fixture *self, uint32_t row)
{
    struct mw_subject subject;

    assert_false(mw_subjects_at(self->subjects, self->last, row, &subject));
}
