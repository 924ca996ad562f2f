/* The table of subjects against a list: found by key, forgotten in the order of death. */
#include "history/history_internal.h"
#include "history_support.h"

enum { LIMIT = 100, KEYS = 300 };

struct model {
    uint32_t slots[KEYS]; /* MW_SLOT_NONE: not known */
    bool alive[KEYS];
    unsigned dead[KEYS], dead_count; /* oldest first */
    unsigned living;
};

static void init(struct mw_slots *slots, struct mw_tracks *tracks, struct bench *bench)
{
    const struct mw_heap_field fields[] = {{"a", 0}, {"b", 1}, {"c", 2}, {"d", 3}};
    const struct mw_heap_type_info subject = {"Subject", MW_KIND_FIXED, 4, fields, 4, NULL};
    const struct mw_heap_type_info table = {"Subjects", MW_KIND_REFS, 0, NULL, 0, NULL};
    const struct mw_heap_type *subject_type, *table_type;

    assert_int_equal(mw_heap_add_type(bench->heap, &subject, &subject_type), 0);
    assert_int_equal(mw_heap_add_type(bench->heap, &table, &table_type), 0);
    assert_int_equal(mw_tracks_init(tracks, bench->heap), 0);
    assert_int_equal(mw_slots_init(slots, tracks, subject_type, table_type, LIMIT), 0);
}

static void remove_dead(struct model *model, unsigned at)
{
    for (model->dead_count--; at < model->dead_count; at++)
        model->dead[at] = model->dead[at + 1];
}

static void revive(struct mw_slots *slots, struct model *model, unsigned key)
{
    bool known = model->slots[key] != MW_SLOT_NONE;
    uint32_t slot = MW_SLOT_NONE;
    int error = mw_slots_revive(slots, machine_key(key + 1), 0, &slot);

    if (model->alive[key]) {
        assert_int_equal(error, -EEXIST);
        return;
    }
    if (!known && model->living == LIMIT) {
        assert_int_equal(error, -ENOSPC);
        return;
    }
    assert_int_equal(error, 0);
    if (!known && model->living + model->dead_count == LIMIT) {
        model->slots[model->dead[0]] = MW_SLOT_NONE;
        remove_dead(model, 0);
    }
    if (known)
        assert_int_equal(slot, model->slots[key]);
    for (unsigned i = 0; i < model->dead_count; i++)
        if (model->dead[i] == key)
            remove_dead(model, i);
    model->slots[key] = slot;
    model->alive[key] = true;
    model->living++;
}

static void compare(const struct mw_slots *slots, const struct model *model)
{
    for (unsigned i = 0; i < KEYS; i++)
        assert_int_equal(mw_slots_find(slots, machine_key(i + 1)), model->slots[i]);
    assert_int_equal(slots->alive, model->living);
    assert_int_equal(slots->dead, model->dead_count);
}

static void a_step(struct bench *bench, struct mw_slots *slots, struct model *model)
{
    unsigned key = (unsigned)bench_random(bench, KEYS);
    uint64_t what = bench_random(bench, 20);

    if (what < 10) {
        revive(slots, model, key);
    } else if (what < 19 && model->alive[key]) {
        mw_slots_bury(slots, model->slots[key], 0, 1);
        model->alive[key] = false;
        model->living--;
        model->dead[model->dead_count++] = key;
    } else if (what == 19) {
        assert_int_equal(mw_slots_forget(slots) > 0, model->dead_count > 0);
        if (model->dead_count > 0) {
            model->slots[model->dead[0]] = MW_SLOT_NONE;
            remove_dead(model, 0);
        }
    }
}

static void run(struct bench *bench, unsigned scale)
{
    struct model model = {.living = 0};
    struct mw_tracks tracks;
    struct mw_slots slots;

    for (unsigned i = 0; i < KEYS; i++)
        model.slots[i] = MW_SLOT_NONE;
    init(&slots, &tracks, bench);
    for (unsigned i = 0; i < 400 * scale; i++) {
        a_step(bench, &slots, &model);
        compare(&slots, &model);
    }
    mw_slots_deinit(&slots);
}

static void subjects_are_found_and_forgotten_in_order(void **state)
{
    (void)state;
    bench_all_modes(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subjects_are_found_and_forgotten_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
