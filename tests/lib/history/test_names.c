/* Whoever is remembered keeps the name that it had last, as long as it is remembered and no longer,
 * and what that takes counts. */
#include "history_support.h"

#include <stdio.h>
#include <string.h>

static void set_name(struct machine *machine, uint32_t row, const char *name)
{
    machine->rows[row].name = name;
}

static void expect_name(const struct machine *machine, uint64_t pid, const char *expected)
{
    struct mw_subject subject;

    mw_subjects_hold(machine->subjects);
    assert_true(mw_history_subject(machine->history, machine_key(pid), &subject));
    assert_int_equal(subject.key.id, pid);
    assert_int_equal(subject.key.birth, machine_key(pid).birth);
    if (expected == NULL) {
        assert_int_equal(subject.name.absence, MW_ABSENT_STALE);
    } else {
        assert_int_equal(subject.name.size, strlen(expected));
        assert_memory_equal(subject.name.bytes, expected, subject.name.size);
    }
    mw_subjects_release(machine->subjects);
}

static bool is_known(const struct machine *machine, uint64_t pid)
{
    struct mw_subject subject;
    bool known;

    mw_subjects_hold(machine->subjects);
    known = mw_history_subject(machine->history, machine_key(pid), &subject);
    mw_subjects_release(machine->subjects);
    return known;
}

static size_t bytes_of(const struct machine *machine)
{
    struct mw_history_numbers numbers;

    mw_history_get_numbers(machine->history, &numbers);
    return numbers.bytes;
}

static void tick(struct machine *machine, unsigned times)
{
    for (; times > 0; times--)
        assert_int_equal(machine_tick(machine, 1000), 0);
}

static void live_and_die(struct bench *bench, unsigned scale)
{
    struct mw_history_config config;
    struct machine machine;

    machine_config(&config);
    machine_init(&machine, bench, &config);
    machine_put(&machine, 0, 7, 100);
    machine_put(&machine, 1, 8, 100);
    set_name(&machine, 0, "sh");
    tick(&machine, 2);
    expect_name(&machine, 7, "sh");
    expect_name(&machine, 8, NULL); /* nothing was told of it but that it lives */
    set_name(&machine, 0, "python3");
    tick(&machine, 1);
    expect_name(&machine, 7, "python3");
    machine_put(&machine, 0, 9, 100);
    set_name(&machine, 0, "heir");
    tick(&machine, 10 * scale);
    expect_name(&machine, 7, "python3");
    expect_name(&machine, 9, "heir");
    assert_false(is_known(&machine, 10));
    machine_deinit(&machine);
}

static void the_dead_keep_the_name_they_had_last(void **state)
{
    (void)state;
    bench_all_modes(live_and_die);
}

/* 64 subjects are remembered: who comes as the 65th pushes out the one that died first. */
static void who_is_forgotten_leaves_no_name(void **state)
{
    struct mw_history_config config;
    struct machine machine;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    machine_config(&config);
    machine_init(&machine, &bench, &config);
    for (uint64_t pid = 1; pid <= 65; pid++) {
        machine_put(&machine, 0, pid, 100);
        set_name(&machine, 0, pid == 1 ? "first" : pid == 2 ? "second" : "other");
        tick(&machine, 1);
        assert_true(is_known(&machine, 1) == (pid < 65));
    }
    expect_name(&machine, 2, "second");
    mw_heap_collect(bench.heap, MW_COLLECT_MAJOR);
    assert_int_equal(mw_subjects_texts(machine.subjects), 2);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

/* A registry that is followed late, or that had no room: the names come with the next sample that
 * everybody is recorded at. */
static void names_that_come_late_are_taken(void **state)
{
    struct mw_history_config config;
    struct machine machine;
    struct bench bench;

    (void)state;
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    machine_config(&config);
    machine_init(&machine, &bench, &config);
    mw_history_follow(machine.history, NULL);
    machine_put(&machine, 0, 7, 100);
    set_name(&machine, 0, "sh");
    tick(&machine, 1);
    mw_history_follow(machine.history, machine.subjects);
    assert_false(is_known(&machine, 7));
    tick(&machine, 5);
    expect_name(&machine, 7, "sh");
    machine_deinit(&machine);
    bench_deinit(&bench);
}

/* As long as it lives a name is the registry's, and counts for nobody else. */
static void names_of_the_dead_count(void **state)
{
    static char name[4001];
    struct mw_history_config config;
    struct machine machine;
    struct bench bench;
    size_t before, nameless;

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    bench_init(&bench, MW_HEAP_CHECKED, 16 * MIB);
    machine_config(&config);
    machine_init(&machine, &bench, &config);
    machine_put(&machine, 0, 7, 100);
    machine_put(&machine, 1, 8, 100);
    set_name(&machine, 0, name);
    tick(&machine, 1);
    before = bytes_of(&machine);
    machine.rows[1] = (struct machine_row){.rss = 0};
    tick(&machine, 1);
    nameless = bytes_of(&machine) - before; /* its last minute, too */
    machine.rows[0] = (struct machine_row){.rss = 0};
    tick(&machine, 1);
    assert_int_equal(bytes_of(&machine), before + 2 * nameless + 4000);
    machine_put(&machine, 0, 7, 100); /* it was not dead at all, only not seen */
    set_name(&machine, 0, "sh");
    tick(&machine, 1);
    expect_name(&machine, 7, "sh");
    assert_in_range(bytes_of(&machine), before, before + 2 * nameless + 1000);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

/* Thousands of names as long as can be, and no room for them: the oldest dead go with theirs. */
static void long_names_keep_to_the_bound(void **state)
{
    enum { NAMES = 3000, SIZE = 4000 };
    static char names[NAMES][SIZE + 1];
    struct mw_history_config config;
    struct mw_history_numbers numbers;
    struct machine machine;
    struct bench bench;

    (void)state;
    bench_init(&bench, 0, 16 * MIB);
    machine_config(&config);
    config.subjects = 10000;
    config.bytes = mw_history_bytes_min();
    machine_init(&machine, &bench, &config);
    for (uint64_t pid = 1; pid <= NAMES; pid++) {
        char *name = names[pid - 1];

        memset(name, 'n', SIZE);
        snprintf(name, SIZE, "%u", (unsigned)pid);
        name[strlen(name)] = '-';
        machine_put(&machine, 0, pid, 100);
        set_name(&machine, 0, name);
        tick(&machine, 1);
        assert_true(bytes_of(&machine) <= config.bytes);
    }
    expect_name(&machine, NAMES, names[NAMES - 1]);
    expect_name(&machine, NAMES - 10, names[NAMES - 11]);
    mw_history_get_numbers(machine.history, &numbers);
    assert_true(numbers.sheds > 0);
    assert_int_equal(bench.near_limit_calls, 0);
    machine_deinit(&machine);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dead_keep_the_name_they_had_last),
        cmocka_unit_test(who_is_forgotten_leaves_no_name),
        cmocka_unit_test(names_that_come_late_are_taken),
        cmocka_unit_test(names_of_the_dead_count),
        cmocka_unit_test(long_names_keep_to_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
