/* The report of places that hold memory: a leak is named first, with the way to what it keeps. */
#include "fixture.h"

#include "heap/sites.h"

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 20 };

struct scene {
    struct fixture *fixture;
    struct mw_heap *heap;
    const struct mw_heap_type *cache, *entry, *blob;
};

static struct scene begin(void **state, unsigned modes)
{
    static const struct mw_heap_field cache[] = {{"entries", 1}};
    static const struct mw_heap_field entry[] = {{"next", 0}, {"value", 2}};
    const struct mw_heap_type_info infos[] = {
        {"Cache", MW_KIND_FIXED, 2, cache, 1, NULL},
        {"Entry", MW_KIND_FIXED, 3, entry, 2, NULL},
        {"Blob", MW_KIND_BYTES, 0, NULL, 0, NULL},
    };
    struct fixture *fixture = create(state, modes, 32 * MIB);
    struct scene self = {fixture, fixture->heap, NULL, NULL, NULL};

    assert_int_equal(mw_heap_add_type(self.heap, &infos[0], &self.cache), 0);
    assert_int_equal(mw_heap_add_type(self.heap, &infos[1], &self.entry), 0);
    assert_int_equal(mw_heap_add_type(self.heap, &infos[2], &self.blob), 0);
    return self;
}

static struct mw_ref new_blob(struct scene *self, size_t bytes)
{
    return mw_heap_new_array(self->heap, self->blob, bytes, MW_PLACE_YOUNG);
}

/* An entry with a blob of 1000 bytes: 32 and 1008 bytes with their headers. */
enum { ENTRY = 32, BLOB = 1008 };
static struct mw_ref new_entry(struct scene *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref entry = mw_heap_new(self->heap, self->entry);

    mw_heap_set(self->heap, entry, 2, new_blob(self, 1000));
    return mw_scope_escape(&scope, entry);
}

static size_t report(struct scene *self, struct mw_heap_site rows[ROWS])
{
    size_t count = 0;

    memset(rows, 0xff, ROWS * sizeof(rows[0]));
    assert_int_equal(mw_heap_get_sites(self->heap, rows, ROWS, &count), 0);
    return count;
}

static void expect_place(const struct mw_heap_site *row, int line)
{
    char where[sizeof(__FILE__) + 16];

    snprintf(where, sizeof(where), "%s:%d", __FILE__, line);
    assert_string_equal(row->where, where);
}

/* What follows the place in the row's path. */
static const char *way(const struct mw_heap_site *row)
{
    const char *words = row->kind == MW_SITE_GLOBALS ? "global at " : "handle at ";

    assert_memory_equal(row->path, words, strlen(words));
    assert_memory_equal(row->path + strlen(words), row->where, strlen(row->where));
    return row->path + strlen(words) + strlen(row->where);
}

/* ---- leaks ---- */

static int leak_line;

/* Forgets to close its scope. */
static void leak(struct scene *self)
{
    leak_line = __LINE__ + 1;
    struct mw_scope scope = mw_scope_open(self->heap);

    (void)scope;
    new_entry(self);
}

static void scopes_that_are_never_closed_are_named_first(void **state)
{
    struct scene self = begin(state, 0);
    struct mw_heap_site rows[ROWS];
    int line = __LINE__ + 1;
    struct mw_scope outer = mw_scope_open(self.heap);

    for (int i = 0; i < 500; i++)
        leak(&self);
    mw_heap_collect(self.heap, MW_COLLECT_MAJOR);
    assert_int_equal(report(&self, rows), 2);
    expect_place(&rows[0], leak_line);
    assert_int_equal(rows[0].kind, MW_SITE_SCOPES);
    assert_int_equal(rows[0].open, 500);
    assert_int_equal(rows[0].handles, 500);
    assert_int_equal(rows[0].retained, 500 * (ENTRY + BLOB));
    assert_int_equal(rows[0].shared, 0);
    assert_string_equal(way(&rows[0]), " -> Entry.value -> Blob");
    expect_place(&rows[1], line);
    assert_int_equal(rows[1].open, 1);
    assert_int_equal(rows[1].retained, 0);
    assert_string_equal(rows[1].path, "");
    mw_scope_close(&outer);
}

static void a_scope_that_gathers_handles_is_named_first(void **state)
{
    struct scene self = begin(state, 0);
    struct mw_heap_site rows[ROWS];
    int line = __LINE__ + 1;
    MW_SCOPE(outer, self.heap);

    for (int i = 0; i < 300; i++) {
        struct mw_ref cache = mw_heap_new(self.heap, self.cache);
        MW_SCOPE(inner, self.heap);

        mw_heap_set(self.heap, cache, 1, new_entry(&self));
    }
    assert_int_equal(report(&self, rows), 1);
    expect_place(&rows[0], line);
    assert_int_equal(rows[0].handles, 300);
    assert_int_equal(rows[0].retained, 300 * (24 + ENTRY + BLOB));
    assert_string_equal(way(&rows[0]), " -> Cache.entries -> Entry.value -> Blob");
}

static void globals_have_rows_and_weak_ones_have_none(void **state)
{
    struct scene self = begin(state, 0);
    struct mw_heap_site rows[ROWS];
    struct mw_global *cache = NULL, *weak = NULL;
    int line;
    MW_SCOPE(outer, self.heap);

    {
        MW_SCOPE(scope, self.heap);
        struct mw_ref table = mw_heap_new_array(self.heap, self.fixture->refs, 9, MW_PLACE_YOUNG);
        struct mw_ref object = mw_heap_new(self.heap, self.cache);

        mw_heap_set(self.heap, object, 1, table);
        mw_heap_set(self.heap, table, 7, new_entry(&self));
        line = __LINE__ + 1;
        assert_int_equal(mw_global_create(self.heap, object, false, &cache), 0);
        assert_int_equal(mw_global_create(self.heap, new_entry(&self), true, &weak), 0);
    }
    assert_int_equal(report(&self, rows), 2);
    expect_place(&rows[0], line);
    assert_int_equal(rows[0].kind, MW_SITE_GLOBALS);
    assert_int_equal(rows[0].open, 1);
    assert_int_equal(rows[0].handles, 1);
    assert_int_equal(rows[0].retained, 24 + 80 + ENTRY + BLOB);
    assert_string_equal(way(&rows[0]), " -> Cache.entries -> Refs[7] -> Entry.value -> Blob");
    assert_int_equal(rows[1].handles, 0);
}

/* ---- what is counted ---- */

static void what_two_places_reach_is_shared(void **state)
{
    struct scene self = begin(state, 0);
    struct mw_heap_site rows[ROWS];
    struct mw_scope few = mw_scope_open_at(self.heap, "few:1"), many, one;
    struct mw_ref entry = new_entry(&self), blob;

    new_blob(&self, 100);
    many = mw_scope_open_at(self.heap, "many:2");
    for (int i = 0; i < 3; i++)
        mw_heap_dup(self.heap, entry);
    blob = mw_heap_get(self.heap, entry, 2);
    one = mw_scope_open_at(self.heap, "one:3");
    mw_heap_dup(self.heap, blob);
    assert_int_equal(report(&self, rows), 3);
    assert_string_equal(rows[0].where, "many:2");
    assert_int_equal(rows[0].retained, 0);
    assert_int_equal(rows[0].shared, ENTRY + BLOB);
    assert_string_equal(rows[0].path, "handle at many:2 -> Blob");
    assert_string_equal(rows[1].where, "few:1");
    assert_int_equal(rows[1].retained, 112);
    assert_int_equal(rows[1].shared, 0);
    assert_int_equal(rows[2].retained + rows[2].shared, 0);
    mw_scope_close(&one);
    mw_scope_close(&many);
    assert_int_equal(report(&self, rows), 1);
    assert_int_equal(rows[0].retained, ENTRY + BLOB + 112);
    mw_scope_close(&few);
}

static void memory_counts_for_more_than_handles(void **state)
{
    struct scene self = begin(state, 0);
    struct mw_heap_site rows[ROWS];
    struct mw_scope many = mw_scope_open_at(self.heap, "many:1"), one;

    for (int i = 0; i < 50; i++)
        new_blob(&self, 8);
    one = mw_scope_open_at(self.heap, "one:2");
    new_blob(&self, 8000);
    assert_int_equal(report(&self, rows), 2);
    assert_string_equal(rows[0].where, "one:2");
    assert_string_equal(rows[1].where, "many:1");
    mw_scope_close(&one);
    mw_scope_close(&many);
}

/* Young, old and large; circles; long lists; in the middle of marking, too. */
static void rows_add_up_to_all_that_is_reachable(void **state)
{
    static const char *const places[] = {"a:1", "b:2", "c:3", "d:4"};

    for (unsigned round = 0; round < 2; round++) {
        struct scene self = begin(state, round == 0 ? 0 : MW_HEAP_SLICES);
        struct mw_heap_site rows[ROWS];
        struct mw_scope scopes[4];
        struct mw_ref ends[4];
        size_t sum = 0, count;

        for (size_t i = 0; i < 4; i++) {
            scopes[i] = mw_scope_open_at(self.heap, places[i]);
            ends[i] = new_entry(&self);
            for (size_t at = 0; at < 2000 * i; at++) {
                MW_SCOPE(scope, self.heap);
                struct mw_ref entry = mw_heap_new(self.heap, self.entry);

                mw_heap_set(self.heap, entry, 0, ends[i]);
                mw_heap_set(self.heap, entry, 2, at % 7 == 0 ? ends[at % (i + 1)] : mw_ref_none());
                mw_heap_assign(self.heap, ends[i], entry);
            }
            mw_heap_new_array(self.heap, self.blob, 150000 + i,
                              i % 2 == 0 ? MW_PLACE_OLD : MW_PLACE_YOUNG);
        }
        if (round == 0)
            mw_heap_collect(self.heap, MW_COLLECT_MAJOR);
        new_blob(&self, 300000);
        new_entry(&self);
        if (round == 1) {
            mw_heap_step(self.heap, 0);
            mw_heap_step(self.heap, 0);
        }
        count = report(&self, rows);
        assert_int_equal(count, 4);
        for (size_t i = 0; i < count; i++)
            sum += rows[i].retained + rows[i].shared;
        if (round == 0)
            assert_int_equal(sum, numbers_of(self.fixture).used);
        mw_heap_collect(self.heap, MW_COLLECT_MAJOR);
        mw_heap_collect(self.heap, MW_COLLECT_MAJOR);
        assert_int_equal(sum, numbers_of(self.fixture).used);
        for (size_t i = 4; i-- > 0;)
            mw_scope_close(&scopes[i]);
        destroy(self.fixture);
        *state = NULL;
    }
}

/* Retained is what letting go frees. */
static void letting_go_frees_what_is_retained(void **state)
{
    struct scene self = begin(state, 0);
    struct mw_heap_site rows[ROWS];
    struct mw_scope kept = mw_scope_open_at(self.heap, "kept:1"), gone;
    struct mw_ref common = new_entry(&self);
    size_t used;

    gone = mw_scope_open_at(self.heap, "gone:2");
    for (int i = 0; i < 100; i++)
        mw_heap_set(self.heap, new_entry(&self), 0, common);
    mw_heap_collect(self.heap, MW_COLLECT_MAJOR);
    used = numbers_of(self.fixture).used;
    report(&self, rows);
    assert_string_equal(rows[0].where, "gone:2");
    mw_scope_close(&gone);
    mw_heap_collect(self.heap, MW_COLLECT_MAJOR);
    assert_int_equal(used - numbers_of(self.fixture).used, rows[0].retained);
    mw_scope_close(&kept);
}

/* ---- bounds ---- */

static void places_beyond_the_bound_share_a_row(void **state)
{
    struct scene self = begin(state, 0);
    static char places[MW_SITES_MAX + 5][16];
    struct mw_heap_site rows[MW_SITES_MAX + 5];
    struct mw_scope first = {0}, scope;
    size_t count = 0, others = 0, retained = 0;

    for (size_t i = 0; i < MW_SITES_MAX + 5; i++) {
        snprintf(places[i], sizeof(places[i]), "place:%zu", i);
        scope = mw_scope_open_at(self.heap, places[i]);
        first = i == 0 ? scope : first;
        new_entry(&self);
        if (i < MW_SITES_MAX - 1 || i > MW_SITES_MAX + 1)
            continue;
        assert_int_equal(mw_heap_get_sites(self.heap, rows, MW_SITES_MAX + 5, &count), 0);
        assert_int_equal(count, i < MW_SITES_MAX ? i + 1 : MW_SITES_MAX + 1);
    }
    assert_int_equal(mw_heap_get_sites(self.heap, rows, MW_SITES_MAX + 5, &count), 0);
    assert_int_equal(count, MW_SITES_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        others += rows[i].kind == MW_SITE_OTHERS ? rows[i].handles : 0;
        retained += rows[i].retained;
    }
    assert_int_equal(others, 5);
    assert_int_equal(retained, (MW_SITES_MAX + 5) * (ENTRY + BLOB));
    assert_int_equal(mw_heap_get_sites(self.heap, rows, 0, &count), 0); /* how many there are */
    assert_int_equal(count, MW_SITES_MAX + 1);
    mw_scope_close(&first);
}

static void a_long_way_is_cut_in_its_middle(void **state)
{
    struct scene self = begin(state, 0);
    struct mw_heap_site rows[ROWS];
    struct mw_scope scope = mw_scope_open_at(self.heap, "s:1");
    struct mw_ref list = mw_heap_new(self.heap, self.entry);

    mw_heap_set(self.heap, list, 2, new_blob(&self, 100000));
    for (int i = 0; i < 999; i++) {
        MW_SCOPE(inner, self.heap);
        struct mw_ref entry = mw_heap_new(self.heap, self.entry);

        mw_heap_set(self.heap, entry, 0, list);
        mw_heap_assign(self.heap, list, entry);
    }
    mw_scope_escape(&scope, list);
    report(&self, rows);
    assert_int_equal(rows[0].kind, MW_SITE_LOOSE);
    assert_string_equal(rows[0].path,
                        "handle outside of scopes -> Entry.next -> Entry.next -> Entry.next -> "
                        "Entry.next -> Entry.next -> Entry.next -> (989 more) -> Entry.next -> "
                        "Entry.next -> Entry.next -> Entry.next -> Entry.value -> Blob");
}

struct callback {
    struct mw_heap *heap;
    int error;
};

static void on_release(void *data)
{
    struct callback *self = data;
    size_t count;

    self->error = mw_heap_get_sites(self->heap, NULL, 0, &count);
}

static size_t on_near_limit(void *context, size_t limit, size_t initial)
{
    struct callback *self = context;
    struct mw_heap_site row;
    size_t count = 0;

    (void)initial;
    self->error = mw_heap_get_sites(self->heap, &row, 1, &count);
    assert_int_equal(count, 1);
    assert_string_equal(row.path, "handle at full:1 -> Refs[0] -> Bytes");
    return limit;
}

static void it_can_be_asked_for_at_the_limit(void **state)
{
    struct fixture fixture = {0};
    struct callback callback = {NULL, 1};
    struct mw_heap_config config = config_of(&fixture, 0, 4 * MIB);
    struct mw_scope scope;
    struct mw_ref array;

    (void)state;
    config.context = &callback;
    config.misuse = NULL;
    config.near_limit = on_near_limit;
    assert_int_equal(mw_heap_create(&config, &fixture.heap), 0);
    callback.heap = fixture.heap;
    add_types(&fixture);
    scope = mw_scope_open_at(fixture.heap, "full:1");
    array = mw_heap_new_array(fixture.heap, fixture.refs, 10000, MW_PLACE_OLD);
    for (size_t i = 0; i < 10000; i++) {
        struct mw_scope inner = mw_scope_open_at(fixture.heap, "full:1");
        struct mw_ref bytes = mw_heap_new_array(fixture.heap, fixture.bytes, 1000, MW_PLACE_YOUNG);

        if (!mw_ref_is_none(bytes))
            mw_heap_set(fixture.heap, array, i, bytes);
        mw_scope_close(&inner);
        if (mw_ref_is_none(bytes))
            break;
    }
    assert_int_equal(mw_heap_error(fixture.heap), -ENOMEM);
    assert_int_equal(callback.error, 0);
    mw_scope_close(&scope);
    mw_heap_destroy(fixture.heap);
}

static void it_is_refused_inside_a_collection(void **state)
{
    struct scene self = begin(state, 0);
    struct callback callback = {self.heap, 0};

    {
        MW_SCOPE(scope, self.heap);

        assert_int_equal(
            mw_heap_attach_external(self.heap, new_entry(&self), 1, on_release, &callback), 0);
    }
    mw_heap_collect(self.heap, MW_COLLECT_MINOR);
    assert_int_equal(callback.error, -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(scopes_that_are_never_closed_are_named_first, teardown),
        cmocka_unit_test_teardown(a_scope_that_gathers_handles_is_named_first, teardown),
        cmocka_unit_test_teardown(globals_have_rows_and_weak_ones_have_none, teardown),
        cmocka_unit_test_teardown(what_two_places_reach_is_shared, teardown),
        cmocka_unit_test_teardown(memory_counts_for_more_than_handles, teardown),
        cmocka_unit_test_teardown(rows_add_up_to_all_that_is_reachable, teardown),
        cmocka_unit_test_teardown(letting_go_frees_what_is_retained, teardown),
        cmocka_unit_test_teardown(places_beyond_the_bound_share_a_row, teardown),
        cmocka_unit_test_teardown(a_long_way_is_cut_in_its_middle, teardown),
        cmocka_unit_test(it_can_be_asked_for_at_the_limit),
        cmocka_unit_test_teardown(it_is_refused_inside_a_collection, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
