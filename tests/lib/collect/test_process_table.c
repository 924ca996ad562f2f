/* The table against a plain list of pids by row. */
#include "collect/process_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3000 };

struct model {
    struct mw_process_table table;
    uint32_t pids[ROWS]; /* by row, 0 = free */
    uint32_t live;
};

static uint32_t lowest_free(const struct model *model)
{
    uint32_t row = 0;

    while (model->pids[row] != 0)
        row++;
    return row;
}

static uint32_t row_in(const struct model *model, uint32_t pid)
{
    for (uint32_t row = 0; row < ROWS; row++)
        if (model->pids[row] == pid)
            return row;
    return MW_PROCESS_NONE;
}

static void add(struct model *model, uint32_t pid)
{
    uint32_t row;

    assert_int_equal(mw_process_table_reserve(&model->table, 1), 0);
    row = mw_process_table_add(&model->table, pid);
    assert_int_equal(row, lowest_free(model));
    assert_int_equal(model->table.rows[row].pid, pid);
    assert_int_equal(model->table.rows[row].fd, -1);
    model->pids[row] = pid;
    model->live++;
}

static void take_away(struct model *model, uint32_t row)
{
    mw_process_table_remove(&model->table, row);
    model->pids[row] = 0;
    model->live--;
}

static void expect_model(const struct model *model)
{
    uint32_t used = ROWS;

    while (used > 0 && model->pids[used - 1] == 0)
        used--;
    assert_int_equal(model->table.used, used);
    assert_int_equal(model->table.live, model->live);
    for (uint32_t row = 0; row < used; row++)
        if (model->pids[row] != 0)
            assert_int_equal(mw_process_table_find(&model->table, model->pids[row]), row);
}

/* Pids that lie together, as the kernel gives them, and pids far apart. */
static void the_table_is_a_list_with_short_ways(void **state)
{
    static struct model model;
    unsigned seed = 7;

    (void)state;
    memset(&model, 0, sizeof(model));
    assert_int_equal(mw_process_table_find(&model.table, 1), MW_PROCESS_NONE);
    for (int step = 0; step < 20000; step++) {
        uint32_t pid = 1 + (uint32_t)rand_r(&seed) % (step % 2 ? 900 : 4000000);
        uint32_t row = row_in(&model, pid);

        assert_int_equal(mw_process_table_find(&model.table, pid), row);
        if (row != MW_PROCESS_NONE) {
            take_away(&model, row);
        } else if (model.live < 1000) {
            add(&model, pid);
        } else {
            row = (uint32_t)rand_r(&seed) % model.table.used;
            if (model.pids[row] != 0)
                take_away(&model, row);
        }
        if (step % 500 == 0) {
            mw_process_table_trim(&model.table);
            expect_model(&model);
        }
    }
    mw_process_table_deinit(&model.table);
}

static void an_empty_table_gives_its_memory_back(void **state)
{
    static struct model model;

    (void)state;
    memset(&model, 0, sizeof(model));
    for (uint32_t pid = 1; pid <= 2900; pid++)
        add(&model, pid);
    assert_true(model.table.slot_count >= 2 * 2900);
    for (uint32_t row = 10; row < 2900; row++)
        take_away(&model, row);
    mw_process_table_trim(&model.table);
    assert_true(model.table.capacity <= 128);
    assert_true(model.table.slot_count <= 512);
    expect_model(&model);
    for (uint32_t pid = 5001; pid <= 5200; pid++)
        add(&model, pid);
    expect_model(&model);
    mw_process_table_deinit(&model.table);
}

static void what_is_reserved_is_there(void **state)
{
    static struct model model;

    (void)state;
    memset(&model, 0, sizeof(model));
    assert_int_equal(mw_process_table_reserve(&model.table, 1000), 0);
    assert_true(model.table.capacity >= 1000);
    assert_true(model.table.slot_count >= 2000);
    for (uint32_t pid = 1; pid <= 1000; pid++) {
        model.pids[mw_process_table_add(&model.table, pid)] = pid;
        model.live++;
    }
    expect_model(&model);
    mw_process_table_deinit(&model.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_a_list_with_short_ways),
        cmocka_unit_test(an_empty_table_gives_its_memory_back),
        cmocka_unit_test(what_is_reserved_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
