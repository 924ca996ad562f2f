#include "store_support.h"

static void on_misuse(void *context, const struct mw_heap_misuse *misuse)
{
    (void)context;
    fail_msg("misuse: %s at %s", misuse->what, misuse->where);
}

static size_t on_near_limit(void *context, size_t limit, size_t initial)
{
    struct bench *self = context;

    (void)initial;
    self->near_limit_calls++;
    if (self->near_limit != NULL)
        self->near_limit(self->context);
    return limit;
}

void bench_init(struct bench *self, unsigned modes, size_t limit)
{
    const struct mw_heap_type_info number = {"Number", MW_KIND_FIXED, 1, NULL, 0, NULL};
    struct mw_heap_config config;

    *self = (struct bench){.random = 88172645463325252u};
    mw_heap_config_default(&config);
    config.semi_space = config.semi_space_max = MIB / 4;
    config.limit = limit;
    config.modes = modes;
    config.context = self;
    config.misuse = on_misuse;
    config.near_limit = on_near_limit;
    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    assert_int_equal(mw_store_create(self->heap, &self->store), 0);
    assert_int_equal(mw_heap_add_type(self->heap, &number, &self->number), 0);
}

void bench_verify(struct bench *self)
{
    const char *fault = "";

    if (mw_heap_verify(self->heap, &fault) != 0)
        fail_msg("verifier: %s", fault);
}

void bench_deinit(struct bench *self)
{
    struct mw_heap_numbers numbers;

    bench_verify(self);
    mw_heap_get_numbers(self->heap, &numbers);
    assert_int_equal(numbers.handles, 0); /* no call of a container leaves a handle behind */
    assert_int_equal(numbers.globals, 0);
    assert_null(mw_store_destroy(self->store));
    assert_null(mw_heap_destroy(self->heap));
}

uint64_t bench_random(struct bench *self, uint64_t below)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random % below;
}

struct mw_ref bench_box(struct bench *self, uint64_t number)
{
    struct mw_ref box = mw_heap_new(self->heap, self->number);

    if (!mw_ref_is_none(box))
        mw_heap_set_word(self->heap, box, 0, number);
    return box;
}

uint64_t bench_unbox(struct bench *self, struct mw_ref box)
{
    return mw_heap_get_word(self->heap, box, 0);
}

/* A chain of arrays, halving their size when there is no room for more. */
void bench_exhaust(struct bench *self, size_t bytes, struct mw_global **ret)
{
    const struct mw_heap_field fields[] = {{"next", 0}, {"filling", 1}};
    const struct mw_heap_type_info link_info = {"Link", MW_KIND_FIXED, 2, fields, 2, NULL};
    const struct mw_heap_type_info bytes_info = {"Filling", MW_KIND_BYTES, 0, NULL, 0, NULL};
    const struct mw_heap_type *link_type, *bytes_type;
    size_t size = 64 * 1024;

    assert_int_equal(mw_heap_add_type(self->heap, &link_info, &link_type), 0);
    assert_int_equal(mw_heap_add_type(self->heap, &bytes_info, &bytes_type), 0);
    assert_int_equal(mw_global_create(self->heap, mw_ref_none(), false, ret), 0);
    while (size >= bytes) {
        MW_SCOPE(scope, self->heap);
        struct mw_ref link = mw_heap_new_in(self->heap, link_type, MW_PLACE_OLD);
        struct mw_ref filling = mw_ref_none();

        if (!mw_ref_is_none(link))
            filling = mw_heap_new_array(self->heap, bytes_type, size, MW_PLACE_OLD);
        if (mw_ref_is_none(filling)) {
            size /= 2;
            continue;
        }
        mw_heap_set(self->heap, link, 0, mw_global_get(self->heap, *ret));
        mw_heap_set(self->heap, link, 1, filling);
        mw_global_set(self->heap, *ret, link);
    }
}

void bench_relieve(struct bench *self, struct mw_global *filling)
{
    mw_global_destroy(self->heap, filling);
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
}

void bench_all_modes(void (*test)(struct bench *self, unsigned scale))
{
    static const struct {
        unsigned modes, scale;
    } all[] = {
        {0, 10},
        {MW_HEAP_CHECKED | MW_HEAP_VERIFY, 10},
        {MW_HEAP_CHECKED | MW_HEAP_SLICES | MW_HEAP_VERIFY, 2},
        {MW_HEAP_STRESS | MW_HEAP_MOVE | MW_HEAP_CHECKED | MW_HEAP_VERIFY, 1},
        {MW_HEAP_STRESS | MW_HEAP_FULL | MW_HEAP_COMPACT | MW_HEAP_CHECKED | MW_HEAP_VERIFY, 1},
        {MW_HEAP_STRESS | MW_HEAP_MOVE | MW_HEAP_GUARD, 1},
        {MW_HEAP_STRESS | MW_HEAP_FULL | MW_HEAP_POISON | MW_HEAP_CHECKED | MW_HEAP_VERIFY, 1},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct bench bench;

        bench_init(&bench, all[i].modes, 16 * MIB);
        test(&bench, all[i].scale);
        bench_deinit(&bench);
    }
}
