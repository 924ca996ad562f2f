#include "fixture.h"

#include <cmocka.h>
#include <stdlib.h>

static void on_misuse(void *context, const struct mw_heap_misuse *misuse)
{
    struct fixture *self = context;

    self->misuse = *misuse;
    self->misuses++;
}

static size_t on_near_limit(void *context, size_t limit, size_t initial)
{
    struct fixture *self = context;

    self->near_limit_calls++;
    assert_true(limit >= initial);
    if (self->dropped != NULL)
        mw_global_set(self->heap, self->dropped, mw_ref_none());
    if (self->spend != 0)
        self->spent =
            !mw_ref_is_none(mw_heap_new_array(self->heap, self->bytes, self->spend, MW_PLACE_OLD));
    return self->raise_to;
}

struct mw_heap_config config_of(struct fixture *self, unsigned modes, size_t limit)
{
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    config.semi_space = config.semi_space_max = MIB / 4;
    config.limit = limit;
    config.modes = modes;
    config.context = self;
    config.misuse = on_misuse;
    config.near_limit = on_near_limit;
    return config;
}

void add_types(struct fixture *self)
{
    static const struct mw_heap_field fields[] = {{"left", 0}, {"right", 1}};
    const struct mw_heap_type_info node = {"Node", MW_KIND_FIXED, 3, fields, 2, NULL};
    const struct mw_heap_type_info refs = {"Refs", MW_KIND_REFS, 0, NULL, 0, NULL};
    const struct mw_heap_type_info bytes = {"Bytes", MW_KIND_BYTES, 0, NULL, 0, NULL};

    assert_int_equal(mw_heap_add_type(self->heap, &node, &self->node), 0);
    assert_int_equal(mw_heap_add_type(self->heap, &refs, &self->refs), 0);
    assert_int_equal(mw_heap_add_type(self->heap, &bytes, &self->bytes), 0);
}

struct fixture *create(void **state, unsigned modes, size_t limit)
{
    struct fixture *self = calloc(1, sizeof(*self));
    struct mw_heap_config config = config_of(self, modes, limit);

    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    add_types(self);
    *state = self;
    return self;
}

void expect_sound(struct mw_heap *heap, const char *when)
{
    const char *fault = "";

    if (mw_heap_verify(heap, &fault) != 0)
        fail_msg("verifier, %s: %s", when, fault);
}

void destroy(struct fixture *self)
{
    expect_sound(self->heap, "at the end");
    assert_null(mw_heap_destroy(self->heap));
    free(self);
}

int teardown(void **state)
{
    if (*state != NULL)
        destroy(*state);
    return 0;
}

struct mw_heap_numbers numbers_of(const struct fixture *self)
{
    struct mw_heap_numbers numbers;

    mw_heap_get_numbers(self->heap, &numbers);
    assert_true(numbers.used <= numbers.total);
    assert_true(numbers.total + numbers.pooled <= numbers.limit);
    return numbers;
}

size_t fill_with_nodes(struct fixture *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref list = mw_heap_new(self->heap, self->node);

    for (size_t count = 0;; count++) {
        MW_SCOPE(inner, self->heap);
        struct mw_ref node = mw_heap_new(self->heap, self->node);

        if (mw_ref_is_none(node))
            return count;
        mw_heap_set(self->heap, node, 0, list);
        mw_heap_assign(self->heap, list, node);
    }
}

void set_node(struct fixture *self, struct mw_ref all, size_t index)
{
    MW_SCOPE(scope, self->heap);

    mw_heap_set(self->heap, all, index, mw_heap_new(self->heap, self->node));
}

struct mw_ref array_of_nodes(struct fixture *self, size_t count)
{
    struct mw_ref all = mw_heap_new_array(self->heap, self->refs, count, MW_PLACE_OLD);

    for (size_t i = 0; i < count; i++)
        set_node(self, all, i);
    return all;
}

bool fill_one(struct fixture *self, struct mw_ref array, size_t at, size_t bytes)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref value = mw_heap_new_array(self->heap, self->bytes, bytes, MW_PLACE_YOUNG);

    if (mw_ref_is_none(value))
        return false;
    mw_heap_set(self->heap, array, at, value);
    return true;
}

size_t fill_array(struct fixture *self, struct mw_ref array, size_t bytes)
{
    size_t length = mw_heap_length(self->heap, array), filled = 0;

    while (filled < length && fill_one(self, array, filled, bytes))
        filled++;
    return filled;
}
