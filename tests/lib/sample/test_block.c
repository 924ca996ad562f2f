#include "sample/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct mw_block_pool *pool_of(enum mw_source source)
{
    struct mw_block_pool *pool = NULL;

    assert_int_equal(mw_block_pool_create(source, &pool), 0);
    return pool;
}

static struct mw_block *take(struct mw_block_pool *pool, const struct mw_block *before,
                             uint32_t rows)
{
    struct mw_block *block = NULL;

    assert_int_equal(mw_block_take(pool, before, rows, &block), 0);
    return block;
}

static void finish(struct mw_block *block)
{
    mw_block_set_time(block, 1, 1000, 2000);
    assert_int_equal(mw_block_finish(block), 0);
    assert_int_equal(mw_block_check(mw_block_head(block), mw_block_head(block)->size), 0);
}

static void put(struct mw_block *block, enum mw_reading reading, uint32_t row, uint64_t value)
{
    mw_block_put(block, reading, row, (union mw_value){.u = value});
}

static void set_pid(struct mw_block *block, uint32_t row, uint64_t pid)
{
    mw_block_set_key(block, row, (struct mw_block_key){pid, pid * 10});
}

static void a_new_block_knows_nothing(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    struct mw_block *block = take(pool, NULL, 100);

    (void)state;
    assert_true(mw_block_head(block)->stride >= 100);
    for (uint32_t row = 0; row < 100; row++) {
        for (uint32_t i = 0; i < mw_source_columns(MW_SOURCE_PROCESS); i++) {
            union mw_value value = {.u = 4711};

            assert_int_equal(
                mw_block_get(block, (enum mw_reading)(MW_PROCESS_RSS + i), row, &value),
                MW_ABSENT_UNSUPPORTED);
            assert_int_equal(value.u, 4711);
        }
        assert_int_equal(mw_block_keys(block)[row].id, 0);
    }
    finish(block);
    assert_int_equal(mw_block_head(block)->rows, 0);
    assert_int_equal(mw_block_head(block)->live, 0);
    assert_int_equal(mw_block_head(block)->absent[MW_ABSENT_UNSUPPORTED], 0);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

static void a_row_beyond_the_last_is_absent(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_SELF);
    struct mw_block *block = take(pool, NULL, 1);
    union mw_value value;

    (void)state;
    set_pid(block, 0, 1);
    put(block, MW_DAEMON_RSS, 0, 5);
    finish(block);
    assert_int_equal(mw_block_get(block, MW_DAEMON_RSS, 0, &value), MW_PRESENT);
    assert_int_equal(mw_block_get(block, MW_DAEMON_RSS, 1, &value), MW_ABSENT_UNSUPPORTED);
    assert_int_equal(mw_block_get(block, MW_DAEMON_RSS, UINT32_MAX, &value), MW_ABSENT_UNSUPPORTED);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

/* ---- a property: a block remembers what a plain array of cells remembers ---- */

enum { MODEL_ROWS = 400, MODEL_COLUMNS = 14, ROUNDS = 300 };

struct model {
    struct mw_block_key keys[MODEL_ROWS];
    uint64_t values[MODEL_ROWS][MODEL_COLUMNS];
    unsigned char absences[MODEL_ROWS][MODEL_COLUMNS];
};

static enum mw_reading process_reading(long column)
{
    return (enum mw_reading)((long)MW_PROCESS_RSS + column);
}

static void model_clear(struct model *model, uint32_t row)
{
    model->keys[row] = (struct mw_block_key){0, 0};
    memset(model->absences[row], MW_ABSENT_UNSUPPORTED, MODEL_COLUMNS);
}

static void model_step(struct model *model, struct mw_block *block, uint32_t rows)
{
    uint32_t row = (uint32_t)(random() % rows);
    long column = random() % MODEL_COLUMNS;

    switch (random() % 8) {
    case 0:
        model->keys[row] = (struct mw_block_key){(uint64_t)random() + 1, (uint64_t)random()};
        mw_block_set_key(block, row, model->keys[row]);
        return;
    case 1:
        model_clear(model, row);
        mw_block_clear_row(block, row);
        return;
    case 2:
        model->absences[row][column] = (unsigned char)(1 + random() % (MW_ABSENCE_COUNT - 1));
        mw_block_put_absent(block, process_reading(column), row,
                            (enum mw_absence)model->absences[row][column]);
        return;
    default:
        model->absences[row][column] = MW_PRESENT;
        model->values[row][column] = (uint64_t)(' ' + 1 + random() % 90);
        put(block, process_reading(column), row, model->values[row][column]);
    }
}

static void assert_row(const struct model *model, const struct mw_block *block, uint32_t row)
{
    assert_int_equal(mw_block_keys(block)[row].id, model->keys[row].id);
    assert_int_equal(mw_block_keys(block)[row].birth, model->keys[row].birth);
    for (int column = 0; column < MODEL_COLUMNS; column++) {
        union mw_value value = {.u = 4711};
        enum mw_absence absence = mw_block_get(block, process_reading(column), row, &value);

        assert_int_equal(absence, model->absences[row][column]);
        if (absence == MW_PRESENT) {
            assert_int_equal(value.u, model->values[row][column]);
            assert_int_equal(mw_block_column(block, process_reading(column))[row].u, value.u);
        } else {
            assert_int_equal(value.u, 4711);
        }
    }
}

static void assert_model(const struct model *model, const struct mw_block *block, uint32_t rows)
{
    const struct mw_block_head *head = mw_block_head(block);
    uint32_t live = 0, used = 0, absent[MW_ABSENCE_COUNT] = {0};

    for (uint32_t row = 0; row < rows; row++) {
        bool alive = model->keys[row].id != 0;

        assert_row(model, block, row);
        live += alive;
        used = alive ? row + 1 : used;
        for (int column = 0; alive && column < MODEL_COLUMNS; column++)
            absent[model->absences[row][column]]++;
    }
    absent[MW_PRESENT] = 0;
    assert_int_equal(head->live, live);
    assert_int_equal(head->rows, used);
    assert_memory_equal(head->absent, absent, sizeof(absent));
}

static void a_block_remembers_what_was_put(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    struct mw_block *before = NULL;
    struct model *model = calloc(1, sizeof(*model));
    uint32_t rows = 1;

    (void)state;
    assert_int_equal(mw_source_columns(MW_SOURCE_PROCESS), MODEL_COLUMNS);
    for (uint32_t row = 0; row < MODEL_ROWS; row++)
        model_clear(model, row);
    srandom(1);
    for (int round = 0; round < ROUNDS; round++) {
        struct mw_block *block;

        rows = rows < MODEL_ROWS - 3 ? rows + (uint32_t)(random() % 4) : rows;
        block = take(pool, before, rows);
        for (uint32_t step = 0; step < rows * 4; step++)
            model_step(model, block, rows);
        finish(block);
        assert_model(model, block, rows);
        mw_block_unref(before);
        before = block;
    }
    assert_true(rows > 300);
    mw_block_unref(before);
    mw_block_pool_destroy(pool);
    free(model);
}

/* ---- counting ---- */

/* Sixteen absences are looked at in one go: each place in the word, and both ends, count. */
static void absences_are_counted_at_every_row(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);

    (void)state;
    for (uint32_t rows = 1; rows <= 50; rows++) {
        struct mw_block *block = take(pool, NULL, rows);

        for (uint32_t row = 0; row < rows; row++) {
            set_pid(block, row, row + 1);
            for (int column = 0; column < MODEL_COLUMNS; column++)
                put(block, process_reading(column), row, 'R');
        }
        mw_block_put_absent(block, MW_PROCESS_RSS, rows - 1, MW_ABSENT_VANISHED);
        mw_block_put_absent(block, MW_PROCESS_RSS, 0, MW_ABSENT_DENIED);
        mw_block_put_absent(block, MW_PROCESS_PPID, rows / 2, MW_ABSENT_STALE);
        finish(block);
        assert_int_equal(mw_block_head(block)->absent[MW_ABSENT_VANISHED], rows > 1);
        assert_int_equal(mw_block_head(block)->absent[MW_ABSENT_DENIED], 1);
        assert_int_equal(mw_block_head(block)->absent[MW_ABSENT_STALE], 1);
        assert_int_equal(mw_block_head(block)->absent[MW_ABSENT_UNSUPPORTED], 0);
        assert_int_equal(mw_block_head(block)->absent[MW_PRESENT], 0);
        mw_block_unref(block);
    }
    mw_block_pool_destroy(pool);
}

static void a_free_row_is_not_counted(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    struct mw_block *block = take(pool, NULL, 3);

    (void)state;
    set_pid(block, 0, 10);
    set_pid(block, 1, 11);
    set_pid(block, 2, 12);
    mw_block_clear_row(block, 1);
    finish(block);
    assert_int_equal(mw_block_head(block)->live, 2);
    assert_int_equal(mw_block_head(block)->rows, 3);
    assert_int_equal(mw_block_head(block)->absent[MW_ABSENT_UNSUPPORTED], 2 * MODEL_COLUMNS);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

/* ---- events and texts ---- */

static void events_keep_their_order_keys_and_texts(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    struct mw_block *block = take(pool, NULL, 8), *next;
    const struct mw_block_event *events;

    (void)state;
    set_pid(block, 5, 77);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_BORN, 5, MW_PRESENT, NULL, 0), 0);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_NAME, 5, MW_PRESENT, "init", 4), 0);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_CGROUP, 5, MW_ABSENT_DENIED, "x", 1), 0);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_NAME, 5, MW_PRESENT, "", 0), 0);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_NAME, 5, MW_PRESENT, "\xc3\xa4", 2), 0);
    finish(block);
    assert_int_equal(mw_block_head(block)->events, 5);
    assert_int_equal(mw_block_head(block)->text_size, 6);
    assert_memory_equal(mw_block_text(block), "init\xc3\xa4", 6);
    events = mw_block_events(block);
    assert_int_equal(events[0].type, MW_EVENT_BORN);
    assert_int_equal(events[0].key.id, 77);
    assert_int_equal(events[0].key.birth, 770);
    assert_int_equal(events[0].row, 5);
    assert_int_equal(events[1].type, MW_EVENT_NAME);
    assert_int_equal(events[1].text_offset, 0);
    assert_int_equal(events[1].text_size, 4);
    assert_int_equal(events[2].absence, MW_ABSENT_DENIED);
    assert_int_equal(events[2].text_size, 0);
    assert_int_equal(events[3].absence, MW_PRESENT);
    assert_int_equal(events[3].text_size, 0);
    assert_int_equal(events[4].text_offset, 4);

    next = take(pool, block, 8);
    finish(next);
    assert_int_equal(mw_block_head(next)->events, 0);
    assert_int_equal(mw_block_head(next)->text_size, 0);
    assert_int_equal(mw_block_keys(next)[5].id, 77);
    mw_block_unref(block);
    mw_block_unref(next);
    mw_block_pool_destroy(pool);
}

static void a_row_stays_while_an_event_speaks_of_it(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    struct mw_block *first = take(pool, NULL, 3), *second, *third;

    (void)state;
    set_pid(first, 0, 1);
    set_pid(first, 2, 9);
    finish(first);
    second = take(pool, first, 3);
    assert_int_equal(mw_block_add_event(second, MW_EVENT_GONE, 2, MW_PRESENT, NULL, 0), 0);
    mw_block_clear_row(second, 2);
    finish(second);
    assert_int_equal(mw_block_head(second)->rows, 3);
    assert_int_equal(mw_block_head(second)->live, 1);
    assert_int_equal(mw_block_events(second)[0].key.id, 9);
    third = take(pool, second, 3);
    finish(third);
    assert_int_equal(mw_block_head(third)->rows, 1);
    mw_block_unref(first);
    mw_block_unref(second);
    mw_block_unref(third);
    mw_block_pool_destroy(pool);
}

static void a_block_may_lose_its_last_row(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    struct mw_block *block = take(pool, NULL, 1);

    (void)state;
    set_pid(block, 0, 1);
    mw_block_clear_row(block, 0);
    finish(block);
    assert_int_equal(mw_block_head(block)->rows, 0);
    assert_int_equal(mw_block_head(block)->live, 0);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

static uint16_t stored_size(struct mw_block_pool *pool, const char *text, size_t size)
{
    struct mw_block *block = take(pool, NULL, 1);
    uint16_t stored;

    set_pid(block, 0, 1);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_NAME, 0, MW_PRESENT, text, size), 0);
    finish(block);
    stored = mw_block_events(block)[0].text_size;
    assert_memory_equal(mw_block_text(block), text, stored);
    mw_block_unref(block);
    return stored;
}

static void a_long_text_is_cut_at_a_character(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    char text[MW_BLOCK_TEXT_MAX + 8];

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(stored_size(pool, text, MW_BLOCK_TEXT_MAX - 1), MW_BLOCK_TEXT_MAX - 1);
    assert_int_equal(stored_size(pool, text, MW_BLOCK_TEXT_MAX), MW_BLOCK_TEXT_MAX);
    assert_int_equal(stored_size(pool, text, MW_BLOCK_TEXT_MAX + 1), MW_BLOCK_TEXT_MAX);

    memcpy(text + MW_BLOCK_TEXT_MAX - 3, "\xf0\x9f\x92\xbe", 4);
    assert_int_equal(stored_size(pool, text, MW_BLOCK_TEXT_MAX + 1), MW_BLOCK_TEXT_MAX - 3);
    memcpy(text + MW_BLOCK_TEXT_MAX - 4, "\xf0\x9f\x92\xbe", 4);
    text[MW_BLOCK_TEXT_MAX] = 'z';
    assert_int_equal(stored_size(pool, text, MW_BLOCK_TEXT_MAX + 1), MW_BLOCK_TEXT_MAX);
    mw_block_pool_destroy(pool);
}

/* At the bound of all texts one more byte is refused, and what is there already can be finished. */
static void all_texts_together_are_bounded(void **state)
{
    struct mw_block_pool *pool = pool_of(MW_SOURCE_PROCESS);
    struct mw_block *block = take(pool, NULL, 1);
    static char text[MW_BLOCK_TEXT_MAX];
    int error = 0;

    (void)state;
    memset(text, 'a', sizeof(text));
    set_pid(block, 0, 1);
    for (size_t sum = MW_BLOCK_TEXT_MAX; sum < MW_BLOCK_TEXTS_MAX && error == 0;
         sum += sizeof(text))
        error = mw_block_add_event(block, MW_EVENT_NAME, 0, MW_PRESENT, text, sizeof(text));
    assert_int_equal(error, 0);
    assert_int_equal(
        mw_block_add_event(block, MW_EVENT_NAME, 0, MW_PRESENT, text, sizeof(text) - 1), 0);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_NAME, 0, MW_PRESENT, text, 2), -E2BIG);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_NAME, 0, MW_PRESENT, text, 1), 0);
    assert_int_equal(mw_block_add_event(block, MW_EVENT_NAME, 0, MW_PRESENT, text, 1), -E2BIG);
    finish(block);
    assert_int_equal(mw_block_head(block)->text_size, MW_BLOCK_TEXTS_MAX);
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_block_knows_nothing),
        cmocka_unit_test(a_row_beyond_the_last_is_absent),
        cmocka_unit_test(a_block_remembers_what_was_put),
        cmocka_unit_test(absences_are_counted_at_every_row),
        cmocka_unit_test(a_free_row_is_not_counted),
        cmocka_unit_test(events_keep_their_order_keys_and_texts),
        cmocka_unit_test(a_row_stays_while_an_event_speaks_of_it),
        cmocka_unit_test(a_block_may_lose_its_last_row),
        cmocka_unit_test(a_long_text_is_cut_at_a_character),
        cmocka_unit_test(all_texts_together_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
