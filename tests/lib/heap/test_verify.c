/* The verifier sees each kind of damage, and says which it is.
 *
 * A heap with objects of all shapes is damaged in one place at a time, most often in one word, and
 * mended again. Damage flips bits, so the same once more mends it. */
#include "fixture.h"

#include "heap/annotate_internal.h"
#include "heap/heap_internal.h"

#include <cmocka.h>
#include <errno.h>
#include <string.h>

enum {
    ROWS = 300, /* of nodes that live; between them one or three do not */
    TEXT_BYTES = 4000,
    TEXTS = 65,      /* more than a page of them, so one is nearly all live and not swept */
    ARRAY = 300,     /* references: by slots */
    LARGE = 300000,  /* likewise */
    LONG_FIELD = 90, /* a record of a type that has a list of references */
};

struct subject {
    struct mw_heap *heap;
    const struct mw_heap_type *wide, *elements, *custom;
    uintptr_t *young, *young_holder, *young_large;
    /* Old, from before the last full collection: in a swept page, and in one that is not. */
    uintptr_t *marked, *dense;
    /* Old, from after it. The first refers to nothing, the others to that one. */
    uintptr_t *plain, *wide_holder, *custom_holder, *element_holder;
    /* Remembered by slots. */
    uintptr_t *array, *large;
    uintptr_t *handle;
    struct mw_global *strong, *weak, *old;
    /* In swept pages: large enough to be on a list, and not. */
    char *hole, *crumb;
    size_t hole_bytes;
};

/* ---- damage ---- */

/* Fields of the heap have types of their own. */
typedef uint64_t __attribute__((may_alias)) word;

struct change {
    void *at;
    uint64_t bits;
};

struct damage {
    const char *name, *fault;
    struct change changes[2];
};

static struct change flip(void *at, uint64_t bits)
{
    return (struct change){at, bits};
}

static struct change set(void *at, uint64_t value)
{
    return flip(at, *(word *)at ^ value);
}

static struct change set_address(void *at, const void *value)
{
    return set(at, (uintptr_t)value);
}

static struct change set_type(uintptr_t *object, uint32_t type)
{
    return flip(object, (uint64_t)(mw_header_type(object[0]) ^ type) << MW_TYPE_SHIFT);
}

static struct change flip_mark(const uintptr_t *object, size_t index)
{
    struct mw_page *page = mw_page_of((uintptr_t)object);
    size_t at = mw_page_word(page, (uintptr_t)(object + index));

    return flip(&page->marks[at / 64], (uint64_t)1 << at % 64);
}

static size_t last_word(const uintptr_t *object)
{
    return mw_header_words(object[0]) - 1;
}

/* Free memory, too. */
MW_LOOKS_ANYWHERE static void apply(const struct damage *damage)
{
    mw_annotate_look_begin();
    for (size_t i = 0; i < 2; i++)
        if (damage->changes[i].at != NULL)
            *(word *)damage->changes[i].at ^= damage->changes[i].bits;
    mw_annotate_look_end();
}

static void expect_faults(const struct subject *self, const struct damage *damages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *fault = "nothing";
        int error;

        apply(&damages[i]);
        error = mw_heap_verify(self->heap, &fault);
        apply(&damages[i]);
        if (error != -EILSEQ || strcmp(fault, damages[i].fault) != 0)
            fail_msg("%s: %s (%d)", damages[i].name, fault, error);
        expect_sound(self->heap, damages[i].name);
    }
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define SUMS "objects do not sum up to what is used"
#define PAGES "pages do not sum up to the old space"
#define TOTAL "used is more than total"
#define LIMIT "total and pool are over the limit"
#define MARKS "marks are not around an object"
#define NO_TYPE "an object has no type"
#define FLAG "an object has a flag of another space or phase"
#define NOT_OLD "an old object does not know that it is"
#define SPACE "an object is in the wrong space"
#define SIZE "an object has not the size of its type"
#define REFERENCE "a reference does not lead to an object"
#define SLOT "a young reference in an array is not in the slot set"
#define REMEMBERED "an old object with a young reference is not remembered"
#define NEITHER "an old object is neither watched nor remembered"
#define UNWATCHED "an array with a slot set is not watched"
#define ENTRIES "the remembered set has not as many entries as objects say they stand in it"
#define ENTRY "an entry of the remembered set is no remembered object, or stands there twice"
#define HANDLE "a handle does not lead to an object"
#define GLOBAL "a global does not lead to an object"
#define YOUNG "a global with a young object is not among those"
#define FREE "free memory was written to"

static void damage_sums(struct subject *self)
{
    struct mw_page *next = mw_page_of((uintptr_t)self->large)->next;
    const struct damage damages[] = {
        {"an object is longer", SUMS, {flip(self->plain, (uint64_t)1 << (MW_WORDS_SHIFT + 4))}},
        {"a young header is zero", SUMS, {set(self->young, 0)}},
        {"an old header is zero", SUMS, {set(self->plain, 0)}},
        {"an object has no marks",
         SUMS,
         {flip_mark(self->dense, 0), flip_mark(self->dense, last_word(self->dense))}},
        {"a large object is in no list", SUMS, {set_address(&self->heap->large.first, next)}},
        {"the old space counts more",
         SUMS,
         {set(&self->heap->old.used, self->heap->old.used + 16)}},
    };

    expect_faults(self, damages, COUNT_OF(damages));
}

static void damage_counters(struct subject *self)
{
    struct mw_heap *heap = self->heap;
    struct mw_page *page = mw_page_of((uintptr_t)self->plain);
    const struct damage damages[] = {
        {"a page counts more", PAGES, {set(&page->used, page->used + 16)}},
        {"mappings are not counted", TOTAL, {set(&heap->large.size, 0)}},
        {"the limit is lower", LIMIT, {set(&heap->limit, mw_heap_total(heap) - 1)}},
        {"the pool is too large", LIMIT, {set(&heap->pool.pooled, heap->limit / MW_PAGE_SIZE)}},
    };

    expect_faults(self, damages, COUNT_OF(damages));
}

static void damage_marks(struct subject *self)
{
    uintptr_t *hole = (uintptr_t *)(void *)self->hole;
    size_t marked_last = last_word(self->marked), dense_last = last_word(self->dense);
    const struct damage damages[] = {
        {"no last mark", MARKS, {flip_mark(self->marked, marked_last)}},
        {"no first mark", MARKS, {flip_mark(self->marked, 0)}},
        {"a last mark too early",
         MARKS,
         {flip_mark(self->dense, dense_last), flip_mark(self->dense, dense_last - 1)}},
        {"marks around a hole", MARKS, {flip_mark(hole, 0), flip_mark(hole, last_word(hole))}},
    };

    expect_faults(self, damages, COUNT_OF(damages));
}

static void damage_headers(struct subject *self)
{
    const struct damage damages[] = {
        {"a young one has no type", NO_TYPE, {set_type(self->young, self->heap->types.count)}},
        {"an old one has no type", NO_TYPE, {set_type(self->plain, MW_TYPES_MAX - 1)}},
        {"it has moved", FLAG, {flip(self->young, MW_FLAG_FORWARDED)}},
        {"young and marked", FLAG, {flip(self->young, MW_FLAG_MARKED)}},
        {"young, small and large", FLAG, {flip(self->young, MW_FLAG_LARGE)}},
        {"young and old", FLAG, {flip(self->young, MW_FLAG_OLD)}},
        {"young and watched", FLAG, {flip(self->young, MW_FLAG_WATCHED)}},
        {"large, young and watched", FLAG, {flip(self->young_large, MW_FLAG_WATCHED)}},
        {"old and aged", FLAG, {flip(self->plain, MW_FLAG_AGED)}},
        {"old and not old", NOT_OLD, {flip(self->plain, MW_FLAG_OLD)}},
        {"old, small and large", SPACE, {flip(self->plain, MW_FLAG_LARGE)}},
        {"large and small", SPACE, {flip(self->large, MW_FLAG_LARGE)}},
        {"a young one has another type", SIZE, {set_type(self->young, self->wide->id)}},
        {"an old one has another type", SIZE, {set_type(self->plain, self->custom->id)}},
    };

    expect_faults(self, damages, COUNT_OF(damages));
}

static void damage_references(struct subject *self)
{
    const struct mw_nursery *nursery = &self->heap->nursery;
    const struct mw_pool *pool = &self->heap->pool;
    const void *other_half = mw_nursery_half(nursery, nursery->to);
    const void *free_page = (char *)mw_pool_page(pool, pool->page_max - 1) + MW_PAGE_FIRST;
    uintptr_t *young = &self->young_holder[1], *old = &self->plain[1], *inside = self->plain + 1;
    const struct damage damages[] = {
        {"young, into an object", REFERENCE, {set_address(young, self->young + 1)}},
        {"into a word", REFERENCE, {set(young, (uintptr_t)self->young + 1)}},
        {"to the other half", REFERENCE, {set_address(young, other_half)}},
        {"to a hole", REFERENCE, {set_address(old, self->hole)}},
        {"to a free page", REFERENCE, {set_address(old, free_page)}},
        {"out of the heap", REFERENCE, {set_address(old, self)}},
        {"into a large object", REFERENCE, {set_address(old, self->large + 2)}},
        {"into a large young one", REFERENCE, {set_address(old, self->young_large + 2)}},
        {"a long record", REFERENCE, {set_address(&self->wide_holder[1 + LONG_FIELD], inside)}},
        {"a callback", REFERENCE, {set_address(&self->custom_holder[1], inside)}},
        {"an element", REFERENCE, {set_address(&self->element_holder[1 + 2], inside)}},
        {"an array", REFERENCE, {set_address(&self->array[ARRAY], inside)}},
    };

    expect_faults(self, damages, COUNT_OF(damages));
}

/* Stores without a barrier. */
static void damage_barriers(struct subject *self)
{
    const struct damage damages[] = {
        {"a store not told", REMEMBERED, {set_address(&self->plain[1], self->young)}},
        {"a large one not told", REMEMBERED, {set_address(&self->plain[1], self->young_large)}},
        {"not watched", NEITHER, {flip(self->plain, MW_FLAG_WATCHED)}},
        {"an array not watched", UNWATCHED, {flip(self->array, MW_FLAG_WATCHED)}},
        {"a slot not noted", SLOT, {set_address(&self->array[1], self->young)}},
        {"of a large array", SLOT, {set_address(&self->large[LARGE], self->young)}},
    };

    expect_faults(self, damages, COUNT_OF(damages));
}

static void damage_remembered_set(struct subject *self)
{
    struct mw_stack *stack = &self->heap->remembered;
    const struct damage damages[] = {
        {"an entry less", ENTRIES, {set_address(&stack->top, stack->top - 1)}},
        {"a flag more", ENTRIES, {flip(self->plain, MW_FLAG_LISTED)}},
        {"another object", ENTRY, {set_address(&stack->base[0], self->plain)}},
        {"no object", ENTRY, {set(&stack->top[-1], stack->top[-1] + MW_WORD)}},
        {"twice", ENTRY, {set(&stack->base[1], stack->base[0])}},
    };

    expect_faults(self, damages, COUNT_OF(damages));
}

static void damage_roots(struct subject *self)
{
    struct mw_globals *globals = &self->heap->globals;
    uintptr_t inside = self->strong->value + MW_WORD;
    const struct damage damages[] = {
        {"into an object", HANDLE, {set(self->handle, *self->handle + MW_WORD)}},
        {"of zero", HANDLE, {set(self->heap->front.handle_top - 1, 0)}},
        {"a strong one", GLOBAL, {set(&self->strong->value, inside)}},
        {"a weak one", GLOBAL, {set_address(&self->weak->value, self->hole)}},
        {"young in secret", YOUNG, {set_address(&self->old->value, self->young)}},
        {"forgotten", YOUNG, {set(&globals->young_count, globals->young_count - 1)}},
        {"in another's place", YOUNG, {set_address(&globals->young[0], globals->young[1])}},
    };

    expect_faults(self, damages, COUNT_OF(damages));
}

static struct damage write_to_hole(const struct subject *self)
{
    return (struct damage){"a hole", FREE, {flip(self->hole + MW_SPAN_HEAD, 1)}};
}

static struct damage write_to_half(const struct subject *self)
{
    const struct mw_nursery *nursery = &self->heap->nursery;

    return (struct damage){"a half", FREE, {flip(mw_nursery_half(nursery, nursery->to), 1)}};
}

static void damage_free_memory(struct subject *self)
{
    const struct mw_nursery *nursery = &self->heap->nursery;
    char *from_end = mw_nursery_half(nursery, nursery->from) + nursery->capacity;
    char *to_end = mw_nursery_half(nursery, nursery->to) + nursery->capacity;
    const struct damage damages[] = {
        write_to_hole(self),
        {"a hole's end", FREE, {flip(self->hole + self->hole_bytes - MW_WORD, 1)}},
        {"a small hole", FREE, {flip(self->crumb + MW_WORD, 1)}},
        write_to_half(self),
        {"the other half's end", FREE, {flip(to_end - MW_WORD, 1)}},
        {"behind what is zeroed", FREE, {flip(self->heap->front.limit, 1)}},
        {"the half's end", FREE, {flip(from_end - MW_WORD, 1)}},
    };

    expect_faults(self, damages, COUNT_OF(damages));
}

/* ---- a heap of all shapes ---- */

static void trace_first(const struct mw_heap_visitor *visitor, uint64_t *payload)
{
    visitor->visit(visitor->context, payload);
}

static void add_more_types(struct subject *self)
{
    static const struct mw_heap_field last[] = {{"last", LONG_FIELD}};
    static const struct mw_heap_field second[] = {{"second", 2}};
    const struct mw_heap_type_info wide = {"Wide", MW_KIND_FIXED, LONG_FIELD + 1, last, 1, NULL};
    const struct mw_heap_type_info elements = {"Elements", MW_KIND_STRUCTS, 3, second, 1, NULL};
    const struct mw_heap_type_info custom = {"Custom", MW_KIND_CUSTOM, 2, NULL, 0, trace_first};

    assert_int_equal(mw_heap_add_type(self->heap, &wide, &self->wide), 0);
    assert_int_equal(mw_heap_add_type(self->heap, &elements, &self->elements), 0);
    assert_int_equal(mw_heap_add_type(self->heap, &custom, &self->custom), 0);
}

static uintptr_t *object_of(struct mw_ref ref)
{
    assert_false(mw_ref_is_none(ref));
    return (uintptr_t *)*mw_ref_slot(ref);
}

static void new_garbage(const struct fixture *self, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        MW_SCOPE(scope, self->heap);

        assert_false(mw_ref_is_none(mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD)));
    }
}

/* What is left between nodes is too small for a list, or not. */
static struct mw_ref new_rows(const struct fixture *self)
{
    struct mw_ref rows = mw_heap_new_array(self->heap, self->refs, ROWS, MW_PLACE_OLD);

    for (unsigned i = 0; i < ROWS; i++) {
        MW_SCOPE(scope, self->heap);

        mw_heap_set(self->heap, rows, i, mw_heap_new_in(self->heap, self->node, MW_PLACE_OLD));
        new_garbage(self, i % 2 == 0 ? 1 : 3);
    }
    return rows;
}

static struct mw_ref new_texts(const struct fixture *self)
{
    struct mw_ref texts = mw_heap_new_array(self->heap, self->refs, TEXTS, MW_PLACE_OLD);

    for (unsigned i = 0; i < TEXTS; i++) {
        MW_SCOPE(scope, self->heap);

        mw_heap_set(self->heap, texts, i,
                    mw_heap_new_array(self->heap, self->bytes, TEXT_BYTES, MW_PLACE_OLD));
    }
    return texts;
}

static uintptr_t *pick(struct mw_heap *heap, struct mw_ref array, size_t index)
{
    MW_SCOPE(scope, heap);

    return object_of(mw_heap_get(heap, array, index));
}

static void build_old(struct subject *self, const struct fixture *fixture)
{
    struct mw_ref rows = new_rows(fixture), texts = new_texts(fixture);

    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    while (mw_sweep_next(self->heap))
        ;
    self->marked = pick(self->heap, rows, ROWS / 2);
    self->dense = pick(self->heap, texts, 2);
    assert_int_equal(mw_page_of((uintptr_t)self->marked)->state, MW_PAGE_SWEPT);
    assert_int_equal(mw_page_of((uintptr_t)self->dense)->state, MW_PAGE_UNSWEPT);
}

/* Born old since then, so without marks. */
static void build_holders(struct subject *self, const struct fixture *fixture)
{
    struct mw_heap *heap = self->heap;
    struct mw_ref plain = mw_heap_new_in(heap, fixture->node, MW_PLACE_OLD);
    struct mw_ref wide = mw_heap_new_in(heap, self->wide, MW_PLACE_OLD);
    struct mw_ref custom = mw_heap_new_in(heap, self->custom, MW_PLACE_OLD);
    struct mw_ref elements = mw_heap_new_array(heap, self->elements, 4, MW_PLACE_OLD);

    mw_heap_set(heap, wide, LONG_FIELD, plain);
    mw_heap_set(heap, custom, 0, plain);
    mw_heap_set(heap, elements, 2, plain);
    self->plain = object_of(plain);
    self->wide_holder = object_of(wide);
    self->custom_holder = object_of(custom);
    self->element_holder = object_of(elements);
    assert_int_equal(mw_global_create(heap, plain, false, &self->old), 0);
}

static void new_remembered(struct subject *self, const struct fixture *fixture, struct mw_ref value)
{
    struct mw_ref holder = mw_heap_new_in(self->heap, fixture->node, MW_PLACE_OLD);

    mw_heap_set(self->heap, holder, 0, value);
    assert_true(object_of(holder)[0] & MW_FLAG_LISTED);
}

static uintptr_t *new_by_slots(struct subject *self, const struct fixture *fixture, size_t count,
                               struct mw_ref value)
{
    struct mw_ref array = mw_heap_new_array(self->heap, fixture->refs, count, MW_PLACE_OLD);

    mw_heap_set(self->heap, array, count / 2, value);
    assert_true(mw_remembered_by_slots(self->heap, object_of(array)[0]));
    return object_of(array);
}

/* Nothing is collected any more, so all stay young. */
static void build_young(struct subject *self, const struct fixture *fixture)
{
    struct mw_heap *heap = self->heap;
    struct mw_ref young = mw_heap_new(heap, fixture->node);
    struct mw_ref holder = mw_heap_new(heap, fixture->node);
    struct mw_ref large = mw_heap_new_array(heap, fixture->bytes, MW_PAGE_SIZE, MW_PLACE_YOUNG);

    mw_heap_set(heap, holder, 0, young);
    self->young = object_of(young);
    self->young_holder = object_of(holder);
    self->young_large = object_of(large);
    new_remembered(self, fixture, young);
    new_remembered(self, fixture, large);
    self->array = new_by_slots(self, fixture, ARRAY, young);
    self->large = new_by_slots(self, fixture, LARGE, large);
    self->handle = mw_ref_slot(young);
    assert_int_equal(mw_global_create(heap, young, false, &self->strong), 0);
    assert_int_equal(mw_global_create(heap, large, true, &self->weak), 0);
}

static void note_hole(void *context, uintptr_t *filler, uint64_t header)
{
    struct subject *self = context;

    if (mw_is_young(&self->heap->nursery, (uintptr_t)filler))
        return;
    if (mw_header_bytes(header) >= MW_SPAN_MIN) {
        self->hole = (char *)filler;
        self->hole_bytes = mw_header_bytes(header);
    } else {
        self->crumb = (char *)filler;
    }
}

static void build(struct subject *self, const struct fixture *fixture)
{
    *self = (struct subject){.heap = fixture->heap};
    add_more_types(self);
    build_old(self, fixture);
    build_holders(self, fixture);
    build_young(self, fixture);
    mw_walk_fillers(self->heap, note_hole, self);
    assert_non_null(self->hole);
    assert_non_null(self->crumb);
}

/* ---- tests ---- */

static void damage_whatever_is_always_looked_at(struct subject *self)
{
    damage_counters(self);
    damage_headers(self);
    damage_references(self);
    damage_barriers(self);
    damage_roots(self);
    damage_free_memory(self);
}

static void each_damage_is_named(void **state)
{
    struct fixture *fixture = create(state, MW_HEAP_POISON, 16 * MIB);
    struct subject self;
    MW_SCOPE(scope, fixture->heap);

    build(&self, fixture);
    expect_sound(self.heap, "before");
    damage_sums(&self);
    damage_remembered_set(&self);
    damage_marks(&self);
    damage_whatever_is_always_looked_at(&self);
}

/* Nobody knows then what lives in pages that were not swept. */
static void most_are_seen_while_marking_goes_on(void **state)
{
    struct fixture *fixture = create(state, MW_HEAP_POISON, 16 * MIB);
    struct subject self;
    MW_SCOPE(scope, fixture->heap);

    build(&self, fixture);
    mw_mark_begin(self.heap);
    expect_sound(self.heap, "before");
    damage_whatever_is_always_looked_at(&self);
    mw_heap_collect(self.heap, MW_COLLECT_MAJOR);
}

static void free_memory_is_looked_at_where_it_is_overwritten(void **state)
{
    struct fixture *fixture = create(state, 0, 16 * MIB);
    struct subject self;
    struct damage hole, half;
    MW_SCOPE(scope, fixture->heap);

    build(&self, fixture);
    hole = write_to_hole(&self);
    half = write_to_half(&self);
    apply(&hole);
    apply(&half);
    expect_sound(self.heap, "not poisoned");
}

static struct damage count_wrong(const struct subject *self)
{
    struct mw_page *page = mw_page_of((uintptr_t)self->plain);

    return (struct damage){"a page", PAGES, {set(&page->used, page->used + 16)}};
}

/* A full collection counts pages anew and forgets holes, so it finds nothing when it is over. */
static void expect_report(struct fixture *self, struct damage damage)
{
    apply(&damage);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    assert_int_equal(self->misuses, 1);
    assert_int_equal(self->misuse.kind, MW_MISUSE_DAMAGE);
    assert_string_equal(self->misuse.what, damage.fault);
    assert_string_equal(self->misuse.where, "");
    self->misuses = 0;
}

static void damage_is_reported_at_the_next_collection(void **state)
{
    struct fixture *fixture = create(state, MW_HEAP_VERIFY | MW_HEAP_POISON, 16 * MIB);
    struct subject self;
    MW_SCOPE(scope, fixture->heap);

    build(&self, fixture);
    assert_int_equal(fixture->misuses, 0);
    expect_report(fixture, write_to_hole(&self));
    expect_report(fixture, count_wrong(&self));
    mw_heap_collect(self.heap, MW_COLLECT_MINOR);
    assert_int_equal(fixture->misuses, 0);
}

static void damage_is_not_looked_for_unless_asked(void **state)
{
    struct fixture *fixture = create(state, MW_HEAP_POISON, 16 * MIB);
    struct subject self;
    struct damage damage;
    MW_SCOPE(scope, fixture->heap);

    build(&self, fixture);
    damage = count_wrong(&self);
    apply(&damage);
    mw_heap_collect(self.heap, MW_COLLECT_MAJOR);
    assert_int_equal(fixture->misuses, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(each_damage_is_named, teardown),
        cmocka_unit_test_teardown(most_are_seen_while_marking_goes_on, teardown),
        cmocka_unit_test_teardown(free_memory_is_looked_at_where_it_is_overwritten, teardown),
        cmocka_unit_test_teardown(damage_is_reported_at_the_next_collection, teardown),
        cmocka_unit_test_teardown(damage_is_not_looked_for_unless_asked, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
