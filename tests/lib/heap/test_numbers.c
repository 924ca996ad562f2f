/* Numbers add up, and the trace reads as Node's. */
#include "heap/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

/* Lines that Node 20 printed, and ours, are read by this. */
static const char trace_form[] =
    "^\\[[0-9]+:0x[0-9a-f]+\\] +[0-9]+ ms: (Scavenge|Mark-Compact)( \\(reduce\\))? "
    "[0-9]+\\.[0-9] \\([0-9]+\\.[0-9]\\) -> [0-9]+\\.[0-9] \\([0-9]+\\.[0-9]\\) MB, "
    "[0-9]+\\.[0-9][0-9] / [0-9]+\\.[0-9][0-9] ms  (\\(\\+ .* ms\\) )?"
    "\\(average mu = [01]\\.[0-9]{3}, current mu = [01]\\.[0-9]{3}\\) [^;]+; (.*)$";

struct fixture {
    struct mw_heap *heap;
    const struct mw_heap_type *bytes, *refs;
    struct mw_heap_collection last;
    unsigned collected, near_limit;
};

static void on_collected(void *context, const struct mw_heap_collection *collection)
{
    struct fixture *self = context;

    struct mw_heap_numbers numbers;

    self->last = *collection;
    self->collected++;
    if (self->heap == NULL)
        return;
    mw_heap_get_numbers(self->heap, &numbers);
    assert_true(numbers.used <= numbers.total);
    assert_true(numbers.total + numbers.pooled <= numbers.limit);
    assert_true(numbers.used == collection->used_after);
    assert_true(numbers.total == collection->total_after);
}

static size_t on_near_limit(void *context, size_t limit, size_t initial)
{
    struct fixture *self = context;
    struct mw_heap_numbers numbers;

    (void)initial;
    self->near_limit++;
    mw_heap_get_numbers(self->heap, &numbers);
    assert_true(numbers.used <= numbers.total);
    assert_true(numbers.total + numbers.pooled <= numbers.limit);
    return limit + MIB;
}

static void create_heap(struct fixture *self, const struct mw_heap_config *config)
{
    const struct mw_heap_type_info bytes = {"Bytes", MW_KIND_BYTES, 0, NULL, 0, NULL};
    const struct mw_heap_type_info refs = {"Refs", MW_KIND_REFS, 0, NULL, 0, NULL};

    assert_int_equal(mw_heap_create(config, &self->heap), 0);
    assert_int_equal(mw_heap_add_type(self->heap, &bytes, &self->bytes), 0);
    assert_int_equal(mw_heap_add_type(self->heap, &refs, &self->refs), 0);
}

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof(*self));
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    config.context = self;
    config.collected = on_collected;
    create_heap(self, &config);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;

    mw_heap_destroy(self->heap);
    free(self);
    return 0;
}

static void count_bytes(void *context, const struct mw_heap_type *type, size_t bytes)
{
    assert_non_null(type->name);
    *(size_t *)context += bytes;
}

/* ---- sums ---- */

static void check_sums(struct fixture *self)
{
    struct mw_heap_space spaces[MW_SPACES];
    struct mw_heap_numbers numbers;
    size_t size = 0, used = 0, physical = 0, walked = 0;

    mw_heap_walk(self->heap, count_bytes, &walked); /* first, as it may end a collection */
    mw_heap_get_numbers(self->heap, &numbers);
    mw_heap_get_spaces(self->heap, spaces);
    for (int i = 0; i < MW_SPACES; i++) {
        assert_true(spaces[i].used + spaces[i].available <= spaces[i].size);
        assert_true(spaces[i].physical <= spaces[i].size);
        size += spaces[i].size;
        used += spaces[i].used;
        physical += spaces[i].physical;
    }
    assert_int_equal(size, numbers.total);
    assert_int_equal(used, numbers.used);
    assert_int_equal(physical, mw_heap_get_physical(self->heap));
    assert_true(physical >= used && physical <= numbers.total); /* all is touched before use */
    assert_int_equal(walked, numbers.used);
    assert_true(numbers.total + numbers.pooled <= numbers.limit);
}

static void spaces_and_walks_sum_up(void **state)
{
    struct fixture *self = *state;
    MW_SCOPE(scope, self->heap);
    struct mw_ref kept = mw_heap_new_array(self->heap, self->refs, 3000, MW_PLACE_YOUNG);

    for (size_t i = 0; i < 60000; i++) {
        MW_SCOPE(inner, self->heap);
        size_t size = i % 997 == 0 ? 200000 : i % 400;
        struct mw_ref bytes = mw_heap_new_array(self->heap, self->bytes, size,
                                                i % 17 == 0 ? MW_PLACE_OLD : MW_PLACE_YOUNG);

        assert_false(mw_ref_is_none(bytes));
        mw_heap_set(self->heap, kept, i * 31 % 3000, bytes);
        if (i % 1000 == 0)
            check_sums(self);
    }
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    check_sums(self);
}

/* By chance: all kinds, sizes and places; a new space that grows, types that become old, slices, a
 * limit that is reached and raised. Sums are right at any moment, in callbacks, too. */
static void sums_hold_whatever_happens(void **state)
{
    enum { STEPS = 10000, KEPT = 2000 };
    struct fixture self = {0};
    struct mw_heap_config config;
    struct mw_scope scope;
    struct mw_ref kept;
    uint64_t random = 1;

    (void)state;
    mw_heap_config_default(&config);
    config.limit = 6 * MIB;
    config.limit_max = 12 * MIB;
    config.semi_space = MIB / 4;
    config.semi_space_max = MIB;
    config.context = &self;
    config.collected = on_collected;
    config.near_limit = on_near_limit;
    create_heap(&self, &config);
    scope = mw_scope_open(self.heap);
    kept = mw_heap_new_array(self.heap, self.refs, KEPT, MW_PLACE_YOUNG);
    for (unsigned step = 0; step < STEPS; step++) {
        MW_SCOPE(inner, self.heap);
        enum mw_heap_place place;
        size_t size, at;
        struct mw_ref ref;

        random = random * 6364136223846793005U + 1442695040888963407U;
        size = (random >> 33) % 500 == 0 ? (random >> 40) % 400000 : (random >> 40) % 6000;
        at = (random >> 20) % KEPT;
        place = random >> 61 == 7 ? MW_PLACE_OLD : MW_PLACE_YOUNG;
        ref = random >> 60 == 0 ? mw_heap_new_array(self.heap, self.refs, size / 8, place)
                                : mw_heap_new_array(self.heap, self.bytes, size, place);
        mw_heap_set(self.heap, kept, at, ref);
        if (step % 13 == 0)
            mw_heap_step(self.heap, 0);
        if (step % 100 == 0)
            check_sums(&self);
    }
    assert_true(self.near_limit > 0 && self.collected > 10);
    mw_scope_close(&scope);
    mw_heap_destroy(self.heap);
}

static void spaces_have_nodes_names(void **state)
{
    static const char *const names[] = {"new_space", "old_space", "large_object_space"};
    struct fixture *self = *state;
    struct mw_heap_space spaces[MW_SPACES];

    mw_heap_get_spaces(self->heap, spaces);
    for (int i = 0; i < MW_SPACES; i++)
        assert_string_equal(spaces[i].name, names[i]);
    assert_int_equal(spaces[MW_SPACE_NEW].size, 2 * MIB);
    assert_int_equal(spaces[MW_SPACE_NEW].physical, 2 * MIB); /* no fault is left to be taken */
    assert_int_equal(spaces[MW_SPACE_NEW].available, MIB);
}

static void collections_are_counted_by_kind(void **state)
{
    struct fixture *self = *state;
    struct mw_heap_numbers numbers;
    uint64_t pauses = 0;

    for (int i = 0; i < 5; i++)
        mw_heap_collect(self->heap, i < 3 ? MW_COLLECT_MINOR : MW_COLLECT_MAJOR);
    mw_heap_get_numbers(self->heap, &numbers);
    assert_int_equal(numbers.collections[MW_GC_SCAVENGE], 3);
    assert_int_equal(numbers.collections[MW_GC_MARK_SWEEP], 2);
    for (int i = 0; i < MW_PAUSE_BUCKETS; i++)
        pauses += numbers.pauses[i];
    assert_int_equal(pauses, 5);
    assert_true(numbers.pause_max_ns > 0 && numbers.pause_max_ns <= numbers.pause_total_ns);
    assert_int_equal(self->collected, 5);
}

static void survival_is_told_by_type(void **state)
{
    struct fixture *self = *state;
    struct mw_heap_survival rows[2];
    MW_SCOPE(scope, self->heap);

    for (int i = 0; i < 10; i++) {
        MW_SCOPE(inner, self->heap);

        mw_heap_new_array(self->heap, self->bytes, 10, MW_PLACE_YOUNG);
    }
    for (int i = 0; i < 4; i++)
        mw_heap_new_array(self->heap, self->refs, 1, MW_PLACE_YOUNG);
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    assert_int_equal(mw_heap_get_survival(self->heap, rows, 2), 2);
    assert_string_equal(rows[0].name, "Bytes");
    assert_int_equal(rows[0].born, 10);
    assert_int_equal(rows[0].survived, 0);
    assert_int_equal(rows[1].born, 4);
    assert_int_equal(rows[1].survived, 4);
    assert_int_equal(mw_heap_get_survival(self->heap, rows, 0), 2);
}

/* ---- the trace ---- */

static bool reads_as_trace(const char *line)
{
    regex_t form;
    int found;

    assert_int_equal(regcomp(&form, trace_form, REG_EXTENDED | REG_NOSUB), 0);
    found = regexec(&form, line, 0, NULL, 0);
    regfree(&form);
    return found == 0;
}

static void the_form_reads_nodes_lines(void **state)
{
    static const char *const lines[] = {
        "[6382:0x37fa1c40]      171 ms: Scavenge 9.6 (14.0) -> 9.9 (14.7) MB, 10.80 / 0.00 ms  "
        "(average mu = 1.000, current mu = 1.000) allocation failure; ",
        "[6404:0x3b4b5c40]      839 ms: Mark-Compact 160.8 (183.2) -> 29.0 (64.5) MB, 22.74 / 0.01 "
        "ms  (+ 0.0 ms in 1 steps since start of marking, biggest step 0.0 ms, walltime since "
        "start of marking 30 ms) (average mu = 1.000, current mu = 1.000) finalize incremental "
        "marking via stack guard; GC in old space requested",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_true(reads_as_trace(lines[i]));
    assert_false(reads_as_trace("[1:0x2] 3 ms: Scavenge 1.0 (2.0) -> 1.0 (2.0) MB"));
}

static void our_lines_read_the_same(void **state)
{
    struct fixture *self = *state;
    char line[MW_TRACE_LINE_MAX];
    size_t length;

    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    length = mw_heap_format_trace(self->heap, &self->last, MW_TRACE_TEXT, line);
    assert_int_equal(length, strlen(line));
    assert_true(reads_as_trace(line));
    assert_non_null(strstr(line, ": Scavenge "));
    assert_string_equal(line + length - 10, " testing; ");
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    length = mw_heap_format_trace(self->heap, &self->last, MW_TRACE_TEXT, line);
    assert_true(reads_as_trace(line));
    assert_non_null(strstr(line, ": Mark-Compact "));
    assert_string_equal(line + length - 15, " testing; sweep");
}

static void programs_read_pairs(void **state)
{
    struct fixture *self = *state;
    char line[MW_TRACE_LINE_MAX];

    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    mw_heap_format_trace(self->heap, &self->last, MW_TRACE_PAIRS, line);
    assert_non_null(strstr(line, " gc=ms "));
    assert_non_null(strstr(line, " promoted=0 "));
}

static void the_last_lines_are_kept(void **state)
{
    struct fixture *self = *state;
    struct mw_heap_collection kept[MW_TRACE_LINES];

    assert_int_equal(mw_heap_get_trace(self->heap, kept), 0);
    for (size_t i = 1; i <= MW_TRACE_LINES + 3; i++) {
        size_t expected = i < MW_TRACE_LINES ? i : MW_TRACE_LINES;

        mw_heap_collect(self->heap, MW_COLLECT_MINOR);
        assert_int_equal(mw_heap_get_trace(self->heap, kept), expected);
        assert_int_equal(kept[expected - 1].at_ns, self->last.at_ns);
        for (size_t at = 1; at < expected; at++)
            assert_true(kept[at - 1].at_ns < kept[at].at_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(spaces_and_walks_sum_up, setup, teardown),
        cmocka_unit_test(sums_hold_whatever_happens),
        cmocka_unit_test_setup_teardown(spaces_have_nodes_names, setup, teardown),
        cmocka_unit_test_setup_teardown(collections_are_counted_by_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(survival_is_told_by_type, setup, teardown),
        cmocka_unit_test(the_form_reads_nodes_lines),
        cmocka_unit_test_setup_teardown(our_lines_read_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(programs_read_pairs, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_lines_are_kept, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
