#include "model.h"

#include <stdlib.h>

enum { NODE_WORDS = 4, WIDE_WORDS = 200, ELEMENT_WORDS = 3, CUSTOM_WORDS = 4 };

static void custom_trace(const struct mw_heap_visitor *visitor, uint64_t *payload)
{
    visitor->visit(visitor->context, (uintptr_t *)&payload[0]);
    visitor->visit(visitor->context, (uintptr_t *)&payload[1]);
}

const struct mw_heap_type_info *model_info(enum shape shape)
{
    static const struct mw_heap_field node[] = {{"left", 0}, {"right", 2}};
    static const struct mw_heap_field wide[] = {{"near", 5}, {"far", 150}};
    static const struct mw_heap_field element[] = {{"value", 1}};
    static const struct mw_heap_type_info infos[SHAPES] = {
        [NODE] = {"Node", MW_KIND_FIXED, NODE_WORDS, node, 2, NULL},
        [WIDE] = {"Wide", MW_KIND_FIXED, WIDE_WORDS, wide, 2, NULL},
        [REFS] = {"Refs", MW_KIND_REFS, 0, NULL, 0, NULL},
        [BYTES] = {"Bytes", MW_KIND_BYTES, 0, NULL, 0, NULL},
        [STRUCTS] = {"Structs", MW_KIND_STRUCTS, ELEMENT_WORDS, element, 1, NULL},
        [CUSTOM] = {"Custom", MW_KIND_CUSTOM, CUSTOM_WORDS, NULL, 0, custom_trace},
        [TEXT] = {"Text", MW_KIND_TEXT, 0, NULL, 0, NULL},
    };

    return &infos[shape];
}

int model_add_types(struct mw_heap *heap, const struct mw_heap_type *ret[SHAPES])
{
    int error = 0;

    for (int i = 0; i < SHAPES && error == 0; i++)
        error = mw_heap_add_type(heap, model_info((enum shape)i), &ret[i]);
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
    default:
        return edge;
    }
}

bool model_words(const struct model *self, size_t *ret_serial, size_t *ret_word)
{
    static const size_t serials[SHAPES] = {[NODE] = 1, [CUSTOM] = 2};
    static const size_t words[SHAPES] = {
        [NODE] = 3, [WIDE] = WIDE_WORDS - 1, [STRUCTS] = 2, [CUSTOM] = 3};

    *ret_serial = serials[self->shape];
    *ret_word = words[self->shape];
    return self->shape == NODE || self->shape == WIDE || self->shape == CUSTOM ||
           (self->shape == STRUCTS && self->length > 0);
}

bool model_has_bytes(const struct model *self)
{
    return self->shape == BYTES || self->shape == TEXT;
}

/* Characters that JSON escapes, some of each length, and what is none: bytes that begin or continue
 * nothing, an overlong form, half of a pair of surrogates, and more than there are. */
static uint8_t text_byte(uint64_t at)
{
    static const char text[] =
        "a\"b\\\n\t\0\x01\x1f \x7f/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x80\xff"
        "\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82\xf0\x9f\x98z\xc3";

    return (uint8_t)text[at % (sizeof(text) - 1)];
}

uint8_t model_byte(const struct model *self, uint32_t at)
{
    uint64_t first = self->word + self->serial * 31;

    return self->shape == TEXT ? text_byte(first + at) : (uint8_t)(first + at);
}

/* A header, and whole words of payload, of which there is one at least. */
size_t model_bytes(const struct model *self)
{
    static const size_t units[SHAPES] = {[REFS] = sizeof(uint64_t),
                                         [BYTES] = 1,
                                         [STRUCTS] = ELEMENT_WORDS * sizeof(uint64_t),
                                         [TEXT] = 1};
    enum mw_heap_kind kind = model_info(self->shape)->kind;
    bool record = kind == MW_KIND_FIXED || kind == MW_KIND_CUSTOM;
    size_t payload = record ? model_info(self->shape)->words * sizeof(uint64_t)
                            : self->length * units[self->shape];
    size_t words = (payload + sizeof(uint64_t) - 1) / sizeof(uint64_t);

    return (1 + (words > 0 ? words : 1)) * sizeof(uint64_t);
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
    owner->owned++;
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
