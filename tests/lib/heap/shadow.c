#include "shadow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GLOBALS = 24, WEAKS = 12, HANDLES = 200, SCOPES = 12, MAP = 1 << 16, LARGE = 20000 };
enum shape { NODE, WIDE, REFS, BYTES, STRUCTS, CUSTOM, SHAPES };
enum { NODE_WORDS = 4, WIDE_WORDS = 200, ELEMENT_WORDS = 3, CUSTOM_WORDS = 3 };

/* A model object: as many slots as the payload has words; slots that are references are in `edges`.
 */
struct model {
    enum shape shape;
    uint32_t length;
    uint64_t serial;
    uint64_t seen;     /* the comparison in which it was met */
    uintptr_t address; /* where it was met */
    struct model **edges;
};

struct open_handle {
    struct mw_ref ref;
    struct model *model;
};

struct shadow {
    const struct shadow_run *run;
    struct mw_heap *heap;
    const struct mw_heap_type *types[SHAPES];
    uint64_t random, serial, comparison, checksum;
    struct mw_global *globals[GLOBALS], *weaks[WEAKS];
    struct model *global_models[GLOBALS], *weak_models[WEAKS];
    struct open_handle handles[HANDLES];
    struct mw_scope scopes[SCOPES];
    unsigned scope_starts[SCOPES];
    unsigned handle_count, scope_count;
    struct model **models; /* all of them, to free */
    size_t model_count, model_capacity;
    struct model **queue; /* of the comparison */
    size_t queue_count;
};

static uint64_t next_random(struct shadow *self)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random >> 11;
}

static unsigned pick(struct shadow *self, unsigned count)
{
    return (unsigned)(next_random(self) % count);
}

/* ---- shapes ---- */

static void custom_trace(const struct mw_heap_visitor *visitor, uint64_t *payload)
{
    visitor->visit(visitor->context, (uintptr_t *)&payload[1]);
    visitor->visit(visitor->context, (uintptr_t *)&payload[2]);
}

static void add_types(struct shadow *self)
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

    for (int i = 0; i < SHAPES; i++)
        assert_int_equal(mw_heap_add_type(self->heap, &infos[i], &self->types[i]), 0);
}

/* How many references an object has, and at which index each is. */
static uint32_t edge_count(const struct model *model)
{
    static const uint32_t counts[SHAPES] = {[NODE] = 2, [WIDE] = 2, [CUSTOM] = 2};

    return model->shape == REFS || model->shape == STRUCTS ? model->length : counts[model->shape];
}

static size_t edge_index(const struct model *model, uint32_t edge)
{
    switch (model->shape) {
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

/* The word that holds the serial number; false when there is none. */
static bool serial_index(const struct model *model, size_t *ret)
{
    *ret = model->shape == NODE ? 1 : 0;
    return model->shape == NODE || model->shape == WIDE || model->shape == CUSTOM ||
           (model->shape == STRUCTS && model->length > 0);
}

static uint8_t byte_at(const struct model *model, uint32_t at)
{
    return (uint8_t)(model->serial * 31 + at);
}

/* ---- making objects ---- */

static struct model *model_create(struct shadow *self, enum shape shape, uint32_t length)
{
    struct model *model = calloc(1, sizeof(*model));

    assert_non_null(model);
    model->shape = shape;
    model->length = length;
    model->serial = ++self->serial;
    model->edges = calloc(edge_count(model) + 1, sizeof(struct model *));
    if (self->model_count == self->model_capacity) {
        self->model_capacity = self->model_capacity * 2 + 64;
        self->models = realloc(self->models, self->model_capacity * sizeof(struct model *));
        self->queue = realloc(self->queue, self->model_capacity * sizeof(struct model *));
    }
    self->models[self->model_count++] = model;
    return model;
}

static uint32_t pick_length(struct shadow *self, enum shape shape)
{
    switch (shape) {
    case REFS:
        return pick(self, 100) == 0 ? LARGE : pick(self, 5) == 0 ? pick(self, 400) : pick(self, 9);
    case BYTES:
        return pick(self, 200) == 0 ? 200000 : pick(self, 300);
    case STRUCTS:
        return pick(self, 150) == 0 ? LARGE / 2
               : pick(self, 9) == 0 ? pick(self, 400)
                                    : pick(self, 12);
    default:
        return 0;
    }
}

static struct mw_ref heap_create(struct shadow *self, const struct model *model,
                                 enum mw_heap_place place)
{
    const struct mw_heap_type *type = self->types[model->shape];

    if (model->shape == REFS || model->shape == BYTES || model->shape == STRUCTS)
        return mw_heap_new_array(self->heap, type, model->length, place);
    return place == MW_PLACE_YOUNG ? mw_heap_new(self->heap, type)
                                   : mw_heap_new_in(self->heap, type, place);
}

static void fill(struct shadow *self, const struct model *model, struct mw_ref ref)
{
    size_t index;

    if (serial_index(model, &index))
        mw_heap_set_word(self->heap, ref, index, model->serial);
    if (model->shape == BYTES) {
        uint8_t *bytes;

        mw_heap_raw_enter(self->heap);
        bytes = mw_heap_raw(self->heap, ref);
        for (uint32_t i = 0; i < model->length; i++)
            bytes[i] = byte_at(model, i);
        mw_heap_raw_leave(self->heap);
    }
}

static void open_handle(struct shadow *self, struct mw_ref ref, struct model *model)
{
    assert_int_equal(mw_ref_is_none(ref), model == NULL);
    if (model != NULL)
        self->handles[self->handle_count++] = (struct open_handle){ref, model};
}

static void create(struct shadow *self)
{
    static const enum shape often[] = {NODE, NODE, NODE, WIDE, REFS, REFS, BYTES, STRUCTS, CUSTOM};
    enum shape shape = often[pick(self, sizeof(often) / sizeof(often[0]))];
    struct model *model = model_create(self, shape, pick_length(self, shape));
    enum mw_heap_place place = pick(self, 8) == 0 ? MW_PLACE_OLD : MW_PLACE_YOUNG;
    struct mw_ref ref = heap_create(self, model, place);

    if (mw_ref_is_none(ref) && self->run->may_fail) {
        assert_int_equal(mw_heap_error(self->heap), -ENOMEM);
        return;
    }
    open_handle(self, ref, model);
    fill(self, model, ref);
}

/* ---- comparing ---- */

static void meet(struct shadow *self, struct model *model, uintptr_t address)
{
    assert_int_equal(model == NULL, address == 0);
    if (model == NULL)
        return;
    if (model->seen == self->comparison) {
        assert_int_equal(model->address, address);
        return;
    }
    model->seen = self->comparison;
    model->address = address;
    self->queue[self->queue_count++] = model;
}

static void compare_object(struct shadow *self, struct model *model)
{
    const uint64_t *payload = mw_heap_payload(model->address);
    size_t index;

    if (serial_index(model, &index))
        assert_int_equal(payload[index], model->serial);
    for (uint32_t i = 0; i < edge_count(model); i++)
        meet(self, model->edges[i], payload[edge_index(model, i)]);
    for (uint32_t i = 0; model->shape == BYTES && i < model->length; i++)
        assert_int_equal(((const uint8_t *)payload)[i], byte_at(model, i));
    self->checksum = self->checksum * 1099511628211U + model->serial;
}

static uintptr_t address_of(struct mw_ref ref)
{
    return ref.bits != 0 ? *(uintptr_t *)(ref.bits & MW_REF_SLOT) : 0;
}

static uintptr_t global_address(struct shadow *self, const struct mw_global *global)
{
    MW_SCOPE(scope, self->heap);

    return address_of(mw_global_get(self->heap, global));
}

static int by_address(const void *left, const void *right)
{
    uintptr_t a = (*(struct model *const *)left)->address;
    uintptr_t b = (*(struct model *const *)right)->address;

    return (a > b) - (a < b);
}

/* Two models at one address would be two objects that became one. */
static void compare_addresses(struct shadow *self)
{
    qsort(self->queue, self->queue_count, sizeof(struct model *), by_address);
    for (size_t i = 1; i < self->queue_count; i++)
        assert_true(self->queue[i - 1]->address < self->queue[i]->address);
}

/* A reachable object's weak references hold it. Others may hold on until a full collection. */
static void compare_weaks(struct shadow *self, bool full)
{
    for (int i = 0; i < WEAKS; i++) {
        struct model *model = self->weak_models[i];
        uintptr_t address = global_address(self, self->weaks[i]);

        if (model == NULL || model->seen != self->comparison) {
            assert_true(!full || address == 0);
            if (full)
                self->weak_models[i] = NULL;
            continue;
        }
        assert_int_equal(address, model->address);
        self->checksum += model->serial;
    }
}

static void compare(struct shadow *self, bool full)
{
    const char *fault = "";

    if (mw_heap_verify(self->heap, &fault) != 0)
        fail_msg("verifier: %s", fault);
    self->comparison++;
    self->queue_count = 0;
    for (unsigned i = 0; i < self->handle_count; i++)
        meet(self, self->handles[i].model, address_of(self->handles[i].ref));
    for (int i = 0; i < GLOBALS; i++)
        meet(self, self->global_models[i], global_address(self, self->globals[i]));
    for (size_t at = 0; at < self->queue_count; at++)
        compare_object(self, self->queue[at]);
    compare_weaks(self, full);
    compare_addresses(self);
}

/* ---- operations ---- */

static struct open_handle *any(struct shadow *self)
{
    return &self->handles[pick(self, self->handle_count)];
}

static void store(struct shadow *self)
{
    struct open_handle *holder = any(self), *value = any(self);
    uint32_t edges = edge_count(holder->model);
    bool nothing = pick(self, 6) == 0;
    uint32_t edge;

    if (edges == 0)
        return;
    edge = pick(self, edges);
    holder->model->edges[edge] = nothing ? NULL : value->model;
    mw_heap_set(self->heap, holder->ref, edge_index(holder->model, edge),
                nothing ? mw_ref_none() : value->ref);
}

static void load(struct shadow *self)
{
    struct open_handle *holder = any(self);
    uint32_t edges = edge_count(holder->model);
    uint32_t edge;

    if (edges == 0)
        return;
    edge = pick(self, edges);
    open_handle(self, mw_heap_get(self->heap, holder->ref, edge_index(holder->model, edge)),
                holder->model->edges[edge]);
}

static void copy(struct shadow *self)
{
    struct open_handle *to = any(self), *from = any(self);
    uint32_t count, to_at, from_at;

    if (to->model->shape != REFS || from->model->shape != REFS || to->model->length == 0 ||
        from->model->length == 0)
        return;
    to_at = pick(self, to->model->length);
    from_at = pick(self, from->model->length);
    count = to->model->length - to_at < from->model->length - from_at
                ? to->model->length - to_at
                : from->model->length - from_at;
    memmove(to->model->edges + to_at, from->model->edges + from_at, count * sizeof(struct model *));
    assert_int_equal(mw_heap_copy(self->heap, to->ref, to_at, from->ref, from_at, count), 0);
}

static void set_global(struct shadow *self)
{
    unsigned i = pick(self, GLOBALS);
    bool nothing = pick(self, 3) == 0;
    struct open_handle *value = any(self);

    self->global_models[i] = nothing ? NULL : value->model;
    mw_global_set(self->heap, self->globals[i], nothing ? mw_ref_none() : value->ref);
}

static void get_global(struct shadow *self)
{
    unsigned i = pick(self, GLOBALS);

    open_handle(self, mw_global_get(self->heap, self->globals[i]), self->global_models[i]);
}

static void set_weak(struct shadow *self)
{
    unsigned i = pick(self, WEAKS);
    struct open_handle *value = any(self);

    self->weak_models[i] = value->model;
    mw_global_set(self->heap, self->weaks[i], value->ref);
}

static void open_scope(struct shadow *self)
{
    if (self->scope_count == SCOPES)
        return;
    self->scope_starts[self->scope_count] = self->handle_count;
    self->scopes[self->scope_count++] = mw_scope_open(self->heap);
}

static void close_scope(struct shadow *self)
{
    struct open_handle *kept = any(self);
    struct model *model = kept->model;
    struct mw_scope *scope;
    struct mw_ref ref;

    if (self->scope_count == 1)
        return;
    scope = &self->scopes[--self->scope_count];
    if (pick(self, 2) == 0) {
        mw_scope_close(scope);
        self->handle_count = self->scope_starts[self->scope_count];
        return;
    }
    ref = mw_scope_escape(scope, kept->ref);
    self->handle_count = self->scope_starts[self->scope_count];
    open_handle(self, ref, model);
}

static void minor(struct shadow *self)
{
    mw_heap_collect(self->heap, MW_COLLECT_MINOR);
    compare(self, false);
}

static void major(struct shadow *self)
{
    mw_heap_collect(self->heap, MW_COLLECT_MAJOR);
    compare(self, true);
}

/* Each as often as it stands here. */
static void (*const operations[])(struct shadow *) = {
    create, create,     create,     create,     create,     create,      create,
    create, store,      store,      store,      store,      store,       store,
    load,   load,       copy,       set_global, set_global, set_weak,    store,
    copy,   get_global, open_scope, create,     open_scope, close_scope, close_scope,
};

/* Closing the outermost one closes all. */
static void drop_handles(struct shadow *self)
{
    while (self->scope_count > 0)
        mw_scope_close(&self->scopes[--self->scope_count]);
    self->handle_count = 0;
    open_scope(self);
}

static void operate(struct shadow *self, unsigned number)
{
    if (self->handle_count > HANDLES - 4)
        drop_handles(self);
    if (self->handle_count == 0)
        create(self);
    else if (number % 97 == 96)
        minor(self);
    else if (number % 401 == 400)
        major(self);
    else
        operations[pick(self, sizeof(operations) / sizeof(operations[0]))](self);
}

/* ---- a run ---- */

static void on_misuse(void *context, const struct mw_heap_misuse *misuse)
{
    (void)context;
    fail_msg("misuse: %s at %s", misuse->what, misuse->where);
}

static void begin(struct shadow *self, const struct shadow_run *run)
{
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    config.limit = run->limit;
    config.semi_space = config.semi_space_max = run->semi_space;
    config.modes = run->modes;
    config.misuse = on_misuse;
    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    add_types(self);
    self->random = run->seed * 2654435761U + 88172645463325252U;
    for (int i = 0; i < GLOBALS; i++)
        assert_int_equal(mw_global_create(self->heap, mw_ref_none(), false, &self->globals[i]), 0);
    for (int i = 0; i < WEAKS; i++)
        assert_int_equal(mw_global_create(self->heap, mw_ref_none(), true, &self->weaks[i]), 0);
}

static void end(struct shadow *self)
{
    mw_heap_destroy(self->heap);
    for (size_t i = 0; i < self->model_count; i++) {
        free(self->models[i]->edges);
        free(self->models[i]);
    }
    free(self->models);
    free(self->queue);
}

uint64_t shadow_run(const struct shadow_run *run, struct mw_heap_numbers *ret)
{
    struct shadow *self = calloc(1, sizeof(*self));
    uint64_t checksum;

    assert_non_null(self);
    self->run = run;
    begin(self, run);
    open_scope(self);
    for (unsigned i = 0; i < run->operations; i++)
        operate(self, i);
    major(self);
    mw_heap_get_numbers(self->heap, ret);
    checksum = self->checksum;
    end(self);
    free(self);
    return checksum;
}
