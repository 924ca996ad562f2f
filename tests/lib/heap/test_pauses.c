/* No page fault inside a pause: whatever a collection uses was brought in before it began. The
 * kernel is asked at the begin and at the end of each which pages are in memory. */
#include "fixture.h"

#include "heap/heap_internal.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RANGES_MAX = 8, RECORDS = 100000, CHURN = 1000000 };

#define LIMIT (128 * MIB)

struct range {
    const char *name;
    void *start;
    size_t pages;            /* of the kernel's */
    unsigned char *resident; /* bit 0 of each: when the pause began */
};

struct watch {
    struct fixture fixture;
    const struct mw_heap_type *record; /* of eight words */
    struct range ranges[RANGES_MAX];
    size_t count;
    size_t page; /* bytes of one */
    bool in_pause;
    unsigned pauses[3]; /* by collector */
    size_t table;       /* bytes of the compactor's that were there at the begin of a pause */
};

static void ask(const struct range *range, size_t page, unsigned char *ret)
{
    assert_int_equal(mincore(range->start, range->pages * page, ret), 0);
}

static void pause_begins(struct watch *self)
{
    struct mw_compactor *compactor = &self->fixture.heap->compactor;

    for (size_t i = 0; i < self->count; i++)
        ask(&self->ranges[i], self->page, self->ranges[i].resident);
    self->table = mw_vm_resident(compactor->moves, compactor->bytes);
}

/* The first thing that a pause does is to look at the clock. */
static uint64_t monotonic_ns(void *context)
{
    struct watch *self = context;

    if (self->fixture.heap != NULL && self->fixture.heap->collecting && !self->in_pause) {
        self->in_pause = true;
        pause_begins(self);
    }
    return mw_clock_monotonic_ns(mw_clock_system());
}

static int64_t wall_ms(void *context)
{
    (void)context;
    return 0;
}

static void expect_none_came(const struct range *range, size_t page, const char *reason)
{
    unsigned char *now = malloc(range->pages);
    size_t came = 0;

    ask(range, page, now);
    for (size_t i = 0; i < range->pages; i++)
        came += now[i] & ~range->resident[i] & 1;
    free(now);
    if (came != 0)
        fail_msg("%s: %zu pages came in a pause (%s)", range->name, came, reason);
}

static void on_collected(void *context, const struct mw_heap_collection *of)
{
    struct watch *self = context;

    assert_true(self->in_pause);
    self->in_pause = false;
    self->pauses[of->collector]++;
    for (size_t i = 0; i < self->count; i++)
        expect_none_came(&self->ranges[i], self->page, of->reason);
}

static void watch_range(struct watch *self, const char *name, void *start, size_t bytes)
{
    size_t pages = bytes / self->page;

    assert_true(self->count < RANGES_MAX);
    self->ranges[self->count++] = (struct range){name, start, pages, calloc(pages, 1)};
}

static void watch_stack(struct watch *self, const char *name, const struct mw_stack *stack)
{
    watch_range(self, name, stack->base, stack->bytes);
}

/* Not the compactor's table: that goes before the pause ends. */
static void watch_heap(struct watch *self)
{
    struct mw_heap *heap = self->fixture.heap;

    watch_range(self, "halves", heap->nursery.base, heap->nursery.reserved);
    watch_range(self, "pages", heap->pool.base, heap->pool.page_max * MW_PAGE_SIZE);
    watch_stack(self, "remembered set", &heap->remembered);
    watch_stack(self, "promoted objects", &heap->promoted);
    watch_stack(self, "mark stack", &heap->marker.stack);
}

static int set_up(void **state)
{
    struct watch *self = calloc(1, sizeof(*self));
    const struct mw_clock clock = {monotonic_ns, wall_ms, self};
    struct mw_clock *kept = malloc(sizeof(*kept));
    const struct mw_heap_field fields[] = {{"first", 0}, {"second", 1}};
    const struct mw_heap_type_info record = {"Record", MW_KIND_FIXED, 7, fields, 2, NULL};
    struct mw_heap_config config;

    memcpy(kept, &clock, sizeof(*kept));
    mw_heap_config_default(&config);
    config.limit = config.limit_max = LIMIT;
    config.clock = kept;
    config.context = self;
    config.collected = on_collected;
    self->page = (size_t)sysconf(_SC_PAGESIZE);
    assert_int_equal(mw_heap_create(&config, &self->fixture.heap), 0);
    add_types(&self->fixture);
    assert_int_equal(mw_heap_add_type(self->fixture.heap, &record, &self->record), 0);
    watch_heap(self);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct watch *self = *state;
    const struct mw_clock *clock = self->fixture.heap->config.clock;

    expect_sound(self->fixture.heap, "at the end");
    mw_heap_destroy(self->fixture.heap);
    for (size_t i = 0; i < self->count; i++)
        free(self->ranges[i].resident);
    free((void *)(uintptr_t)clock);
    free(self);
    return 0;
}

static size_t chance(uint64_t *random, size_t below)
{
    *random = *random * 6364136223846793005U + 1442695040888963407U;
    return (size_t)(*random >> 33) % below;
}

/* Before the program has done anything. */
static void what_the_first_scavenge_takes_is_there(void **state)
{
    struct watch *self = *state;
    const struct mw_heap *heap = self->fixture.heap;
    const struct mw_stack *promoted = &heap->promoted, *set = &heap->remembered;

    assert_int_equal(mw_vm_resident(promoted->base, promoted->bytes), heap->nursery.capacity / 8);
    assert_int_equal(mw_vm_resident(set->base, set->bytes), heap->nursery.capacity / 64);
}

/* Records come and go; those that stay live long, in no order. */
static struct mw_ref churn(struct watch *self, bool rests)
{
    struct mw_heap *heap = self->fixture.heap;
    struct mw_ref all = mw_heap_new_array(heap, self->fixture.refs, RECORDS, MW_PLACE_OLD);
    uint64_t random = 1;

    for (size_t i = 0; i < CHURN; i++) {
        MW_SCOPE(scope, heap);
        struct mw_ref record = mw_heap_new(heap, self->record);

        if (chance(&random, 3) == 0)
            mw_heap_set(heap, all, chance(&random, RECORDS), record);
        if (rests && i % 1000 == 0)
            mw_heap_step(heap, 500);
    }
    return all;
}

static void no_memory_comes_in_a_scavenge(void **state)
{
    struct watch *self = *state;
    MW_SCOPE(scope, self->fixture.heap);

    churn(self, false);
    assert_true(self->pauses[MW_GC_SCAVENGE] > 10);
    mw_heap_collect(self->fixture.heap, MW_COLLECT_MAJOR);
    assert_true(self->pauses[MW_GC_MARK_SWEEP] > 0);
}

static void nor_when_it_rests_in_between(void **state)
{
    struct watch *self = *state;
    MW_SCOPE(scope, self->fixture.heap);

    churn(self, true);
    assert_true(self->pauses[MW_GC_SCAVENGE] > 10);
}

/* All survives, so pages are taken as quickly as can be. */
static void nor_when_everything_lives(void **state)
{
    struct watch *self = *state;
    struct mw_heap *heap = self->fixture.heap;
    MW_SCOPE(scope, heap);
    struct mw_ref all = mw_heap_new_array(heap, self->fixture.refs, CHURN, MW_PLACE_OLD);

    for (size_t i = 0; i < CHURN; i++) {
        MW_SCOPE(inner, heap);

        mw_heap_set(heap, all, i, mw_heap_new(heap, self->record));
    }
    assert_true(self->pauses[MW_GC_SCAVENGE] > 10);
    mw_heap_collect(heap, MW_COLLECT_MAJOR);
    assert_true(self->pauses[MW_GC_MARK_SWEEP] > 0);
}

/* Where everything goes stands in a table that has memory while it is needed: that comes before the
 * pause, for all pages that are there. */
static void a_compaction_has_its_table_when_it_begins(void **state)
{
    struct watch *self = *state;
    struct mw_heap *heap = self->fixture.heap;
    const struct mw_compactor *compactor = &heap->compactor;
    MW_SCOPE(scope, heap);
    struct mw_ref all = churn(self, false);
    size_t pages;

    for (size_t i = 0; i < RECORDS; i += 2)
        mw_heap_set(heap, all, i, mw_ref_none());
    mw_heap_collect(heap, MW_COLLECT_MAJOR);
    pages = heap->pool.used;
    assert_int_equal(mw_vm_resident(compactor->moves, compactor->bytes), 0);
    mw_heap_collect(heap, MW_COLLECT_COMPACT);
    assert_true(pages > 20);
    assert_true(self->table >= pages * (sizeof(struct mw_move) + MW_MARK_WORDS * sizeof(uint16_t)));
    assert_int_equal(mw_vm_resident(compactor->moves, compactor->bytes), 0);
    assert_int_equal(self->pauses[MW_GC_MARK_COMPACT], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_first_scavenge_takes_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_memory_comes_in_a_scavenge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nor_when_it_rests_in_between, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nor_when_everything_lives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_compaction_has_its_table_when_it_begins, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
