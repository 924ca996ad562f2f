#include "model.h"

#include <stdlib.h>

enum { NODE_WORDS = 4, WIDE_WORDS = 200, ELEMENT_WORDS = 3, CUSTOM_WORDS = 4 };

static void custom_trace(const struct mw_heap_visitor *visitor, uint64_t *payload)
{
    visitor->visit(visitor->context, (uintptr_t *)&payload[1]);
    visitor->visit(visitor->context, (uintptr_t *)&payload[2]);
}

int model_add_types(struct mw_heap *heap, const struct mw_heap_type *ret[SHAPES])
{
    static const struct mw_heap_field node[] = {{"left", 0}, {"right", 2}};
    static const struct mw_heap_field wide[] = {{"near", 5}, {"far", 150}};
    static const struct mw_heap_field element[] = {{"value", 1}};
    const struct mw_heap_type_info infos[SHAPES] = {
        [NODE] = {"Node", MW_KIND_FIXED, NODE_WORDS, node, 2, NULL},
        [WIDE] = {"Wide", MW_KIND_FIXED, WIDE_WORDS, wide, 2, NULL},
        [REFS] = {"Refs", MW_KIND_REFS, 0, NULL, 0, NULL},
        [BYTES] = {"Bytes", MW_KIND_BYTES, 0, NULL, 0, NULL},
        [STRUCTS] = {"Structs", MW_KIND_STRUCTS, ELEMENT_WORDS, element, 1, NULL},
        [CUSTOM] = {"Custom", MW_KIND_CUSTOM, CUSTOM_WORDS, NULL, 0, custom_trace},
    };
    int error = 0;

    for (int i = 0; i < SHAPES && error == 0; i++)
        error = mw_heap_add_type(heap, &infos[i], &ret[i]);
    return error;
}

uint32_t model_edges(const struct model *self)
{
    static const uint32_t counts[SHAPES] = {[NODE] = 2, [WIDE] = 2, [CUSTOM] = 2};

    return self->shape == REFS || self->shape == STRUCTS ? self->length : counts[self->shape];
}

size_t model_edge_index(const struct model *self, uint32_t edge)
{
    switch (self->shape) {
    case NODE:
        return 2 * (size_t)edge;
    case WIDE:
        return edge == 0 ? 5 : 150;
    case STRUCTS:
        return (size_t)edge * ELEMENT_WORDS + 1;
    case CUSTOM:
        return 1 + (size_t)edge;
    default:
        return edge;
    }
}

bool model_words(const struct model *self, size_t *ret_serial, size_t *ret_word)
{
    static const size_t serials[SHAPES] = {[NODE] = 1};
    static const size_t words[SHAPES] = {
        [NODE] = 3, [WIDE] = WIDE_WORDS - 1, [STRUCTS] = 2, [CUSTOM] = 3};

    *ret_serial = serials[self->shape];
    *ret_word = words[self->shape];
    return self->shape == NODE || self->shape == WIDE || self->shape == CUSTOM ||
           (self->shape == STRUCTS && self->length > 0);
}

uint8_t model_byte(const struct model *self, uint32_t at)
{
    return (uint8_t)(self->word + self->serial * 31 + at);
}

size_t model_bytes(const struct model *self)
{
    static const size_t units[SHAPES] = {
        [REFS] = sizeof(uint64_t), [BYTES] = 1, [STRUCTS] = ELEMENT_WORDS * sizeof(uint64_t)};

    return self->length * units[self->shape];
}

/* ---- memory ---- */

static bool make_room(struct models *self)
{
    size_t capacity = self->capacity * 2 + 64;
    struct model **all, **queue;

    if (self->count < self->capacity)
        return true;
    all = realloc(self->all, capacity * sizeof(struct model *));
    if (all == NULL)
        return false;
    self->all = all;
    queue = realloc(self->queue, capacity * sizeof(struct model *));
    if (queue == NULL)
        return false;
    self->queue = queue;
    self->capacity = capacity;
    return true;
}

struct model *model_create(struct models *self, enum shape shape, uint32_t length)
{
    struct model *model = calloc(1, sizeof(*model));

    if (model == NULL || !make_room(self))
        goto fail;
    model->shape = shape;
    model->length = length;
    model->edges = calloc(model_edges(model) + 1, sizeof(struct model *));
    if (model->edges == NULL)
        goto fail;
    self->all[self->count++] = model;
    model->serial = self->count;
    return model;

fail:
    free(model);
    return NULL;
}

struct outside *outside_create(struct models *self, struct model *owner)
{
    struct outside *outside = calloc(1, sizeof(*outside));

    if (self->outside_count == self->outside_capacity) {
        size_t capacity = self->outside_capacity * 2 + 64;
        struct outside **outsides = realloc(self->outsides, capacity * sizeof(struct outside *));

        if (outsides == NULL)
            goto fail;
        self->outsides = outsides;
        self->outside_capacity = capacity;
    }
    if (outside == NULL)
        goto fail;
    outside->owner = owner;
    self->outsides[self->outside_count++] = outside;
    return outside;

fail:
    free(outside);
    return NULL;
}

void models_deinit(struct models *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->all[i]->edges);
        free(self->all[i]);
    }
    for (size_t i = 0; i < self->outside_count; i++)
        free(self->outsides[i]);
    free(self->all);
    free(self->queue);
    free(self->outsides);
}
