#include "shadow_state.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void fail(const struct shadow *self, const char *what)
{
    fprintf(stderr, "shadow: operation %llu, byte %zu of %zu: %s\n",
            (unsigned long long)self->operations, self->at, self->run->size, what);
    abort();
}

static void meet(struct shadow *self, struct model *model, uintptr_t address)
{
    require(self, (model == NULL) == (address == 0), "a reference is there or not, wrongly");
    if (model == NULL)
        return;
    if (model->seen == self->comparison) {
        require(self, model->address == address, "one object stands at two places");
        return;
    }
    model->seen = self->comparison;
    model->address = address;
    self->models.queue[self->models.queued++] = model;
}

static void add_up(struct shadow *self, uint64_t value)
{
    self->checksum = (self->checksum ^ value) * 1099511628211U;
}

static void compare_bytes(struct shadow *self, const struct model *model)
{
    const uint8_t *bytes = mw_heap_payload(model->address);

    for (uint32_t i = 0; i < model->length; i++)
        require(self, bytes[i] == model_byte(model, i), "a byte differs");
    if (model->length > 0)
        add_up(self, bytes[model->length / 2]);
}

static void compare_object(struct shadow *self, struct model *model)
{
    const uint64_t *payload = mw_heap_payload(model->address);
    size_t serial, word;

    if (model_words(model, &serial, &word)) {
        require(self, payload[serial] == model->serial, "this is another object");
        require(self, payload[word] == model->word, "a word differs");
        add_up(self, payload[serial] + payload[word]);
    }
    for (uint32_t i = 0; i < model_edges(model); i++)
        meet(self, model->edges[i], payload[model_edge_index(model, i)]);
    if (model_has_bytes(model))
        compare_bytes(self, model);
    self->large += model->length >= LARGE_REFS ? model_bytes(model) : 0;
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
    struct model **queue = self->models.queue;

    if (self->models.queued == 0) /* and no queue yet */
        return;
    qsort(queue, self->models.queued, sizeof(struct model *), by_address);
    for (size_t i = 1; i < self->models.queued; i++)
        require(self, queue[i - 1]->address < queue[i]->address, "two objects became one");
}

/* A reachable object's weak references hold it. Others may hold on until a full collection. */
static void compare_weaks(struct shadow *self, bool full)
{
    for (int i = 0; i < WEAKS; i++) {
        struct model *model = self->weak_models[i];
        uintptr_t address = global_address(self, self->weaks[i]);

        if (model == NULL || model->seen != self->comparison) {
            require(self, !full || address == 0, "a weak reference holds a dead object");
            if (full)
                self->weak_models[i] = NULL;
            continue;
        }
        require(self, address == model->address, "a weak reference lost its object");
        add_up(self, model->serial);
    }
}

/* The same of memory outside, which is released once. */
static void compare_outsides(struct shadow *self, bool full)
{
    struct mw_heap_numbers numbers;
    size_t held = 0;

    mw_heap_get_numbers(self->heap, &numbers);
    for (size_t i = 0; i < self->models.outside_count; i++) {
        const struct outside *outside = self->models.outsides[i];
        bool alive = outside->owner->seen == self->comparison;

        require(self, outside->released <= 1, "memory outside was released twice");
        require(self, !alive || outside->let_go || outside->released == 0,
                "memory outside was released too early");
        require(self, alive || !full || outside->released == 1, "memory outside was forgotten");
        held += outside->released == 0;
    }
    require(self, numbers.external == held, "external bytes differ");
}

static void count_walked(void *context, const struct mw_heap_type *type, size_t bytes)
{
    (void)type;
    *(size_t *)context += bytes;
}

static size_t alive_bytes(const struct shadow *self)
{
    size_t bytes = 0;

    for (size_t i = 0; i < self->models.queued; i++)
        bytes += model_bytes(self->models.queue[i]);
    return bytes;
}

/* Dead young objects may be fillers, when the limit keeps them from being moved. A walk ends
 * marking that goes on, which would never go on for long: so not each time. */
static void compare_numbers(struct shadow *self, bool full)
{
    struct mw_heap_space spaces[MW_SPACES];
    struct mw_heap_numbers numbers;
    size_t size = 0, used = 0, walked = 0, alive = alive_bytes(self);

    if (full || self->comparison % 2 == 0)
        mw_heap_walk(self->heap, count_walked, &walked);
    mw_heap_get_numbers(self->heap, &numbers);
    mw_heap_get_spaces(self->heap, spaces);
    for (int i = 0; i < MW_SPACES; i++) {
        size += spaces[i].size;
        used += spaces[i].used;
    }
    require(self, size == numbers.total && used == numbers.used, "spaces do not sum up");
    require(self, walked <= used && used <= size, "used is not between walked and total");
    require(self, !full || walked == alive, "other bytes can be walked to than are alive");
    require(self, !full || self->run->may_fail || used == alive, "more is used than is alive");
    require(self, alive <= used, "less is used than is alive");
    require(self, size + numbers.pooled <= numbers.limit, "total and pool are over the limit");
}

static void compare_graph(struct shadow *self)
{
    self->comparison++;
    self->models.queued = 0;
    self->large = 0;
    for (unsigned i = 0; i < self->handle_count; i++)
        meet(self, self->handles[i].model, address_of(self->handles[i].ref));
    for (int i = 0; i < GLOBALS; i++)
        meet(self, self->global_models[i], global_address(self, self->globals[i]));
    mw_heap_raw_enter(self->heap);
    for (size_t at = 0; at < self->models.queued; at++)
        compare_object(self, self->models.queue[at]);
    mw_heap_raw_leave(self->heap);
}

size_t reachable_bytes(struct shadow *self)
{
    compare_graph(self);
    return alive_bytes(self);
}

void compare(struct shadow *self, bool full)
{
    const char *fault = "";

    if (mw_heap_verify(self->heap, &fault) != 0)
        fail(self, fault);
    compare_graph(self);
    compare_weaks(self, full);
    compare_outsides(self, full);
    compare_addresses(self);
    compare_numbers(self, full);
}
