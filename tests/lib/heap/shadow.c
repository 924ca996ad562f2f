#include "shadow_state.h"

#include "heap/heap_internal.h"
#include "heap/sites.h"
#include "heap/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RAISE = 64 * 1024, SITES = 16 };

const struct shadow_mode shadow_modes[] = {
    {"normal", 0},
    {"checked", MW_HEAP_CHECKED},
    {"poison", MW_HEAP_VERIFY | MW_HEAP_POISON},
    {"full", MW_HEAP_FULL | MW_HEAP_VERIFY},
    {"atomic", MW_HEAP_ATOMIC | MW_HEAP_VERIFY},
    {"slices", MW_HEAP_SLICES | MW_HEAP_VERIFY},
    {"slices move", MW_HEAP_SLICES | MW_HEAP_MOVE | MW_HEAP_CHECKED},
    {"stress", MW_HEAP_STRESS | MW_HEAP_POISON},
    {"stress move", MW_HEAP_STRESS | MW_HEAP_MOVE | MW_HEAP_CHECKED},
    {"guard", MW_HEAP_GUARD | MW_HEAP_POISON},
    {"stress guard", MW_HEAP_GUARD | MW_HEAP_STRESS | MW_HEAP_MOVE},
    {"stress full", MW_HEAP_STRESS | MW_HEAP_FULL | MW_HEAP_POISON | MW_HEAP_CHECKED},
    {"compact", MW_HEAP_COMPACT | MW_HEAP_FULL | MW_HEAP_VERIFY},
    {"compact slices", MW_HEAP_COMPACT | MW_HEAP_SLICES | MW_HEAP_VERIFY | MW_HEAP_POISON},
    {"compact guard", MW_HEAP_COMPACT | MW_HEAP_GUARD | MW_HEAP_POISON},
    {"stress compact", MW_HEAP_COMPACT | MW_HEAP_STRESS | MW_HEAP_FULL | MW_HEAP_CHECKED},
};
const size_t shadow_mode_count = sizeof(shadow_modes) / sizeof(shadow_modes[0]);

static void on_misuse(void *context, const struct mw_heap_misuse *misuse)
{
    fail(context, misuse->what);
}

/* ---- the stream ---- */

static unsigned next_byte(struct shadow *self)
{
    return self->at < self->run->size ? self->run->stream[self->at++] : 0;
}

/* Below `count`, by as many bytes as that needs. */
static uint32_t pick(struct shadow *self, uint32_t count)
{
    uint32_t value = next_byte(self);

    if (count > 256)
        value = value << 8 | next_byte(self);
    return value % count;
}

static bool one_in(struct shadow *self, uint32_t count)
{
    return count == 1 || pick(self, count) == 0;
}

void shadow_make_stream(uint64_t seed, uint8_t *ret, size_t size)
{
    uint64_t random = seed * 2654435761U + 88172645463325252U;

    for (size_t i = 0; i < size; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        ret[i] = (uint8_t)(random >> 24);
    }
}

/* ---- making objects ---- */

static struct open_handle *any(struct shadow *self)
{
    return &self->handles[pick(self, self->handle_count)];
}

static void open_handle(struct shadow *self, struct mw_ref ref, struct model *model)
{
    require(self, mw_ref_is_none(ref) == (model == NULL), "none is where an object should be");
    if (model != NULL)
        self->handles[self->handle_count++] = (struct open_handle){ref, model};
}

/* Where nothing may fail, large ones have a share of the heap, whatever the stream keeps. */
static size_t large_most(const struct shadow *self)
{
    return self->run->may_fail ? self->run->limit : self->run->limit / 5;
}

static uint32_t pick_length(struct shadow *self, enum shape shape)
{
    bool large = one_in(self, 128) && self->large < large_most(self);

    switch (shape) {
    case REFS:
        return large ? LARGE_REFS : one_in(self, 5) ? pick(self, 400) : pick(self, 9);
    case BYTES:
        return large ? LARGE_BYTES : pick(self, 300);
    case TEXT: /* some around the length up to which snapshots show them */
        return large ? LARGE_BYTES : (one_in(self, 4) ? 900 : 0) + pick(self, 300);
    case STRUCTS:
        return large ? LARGE_STRUCTS : one_in(self, 9) ? pick(self, 400) : pick(self, 12);
    default:
        return 0;
    }
}

static bool is_array(enum shape shape)
{
    return shape == REFS || shape == BYTES || shape == STRUCTS || shape == TEXT;
}

static struct mw_ref heap_create(struct shadow *self, const struct model *model)
{
    enum mw_heap_place place = one_in(self, 8) ? MW_PLACE_OLD : MW_PLACE_YOUNG;
    const struct mw_heap_type *type = self->types[model->shape];

    if (is_array(model->shape))
        return mw_heap_new_array(self->heap, type, model->length, place);
    return place == MW_PLACE_YOUNG ? mw_heap_new(self->heap, type)
                                   : mw_heap_new_in(self->heap, type, place);
}

/* Writes what the program may change. */
static void write_content(struct shadow *self, const struct model *model, struct mw_ref ref)
{
    size_t serial, word;
    uint8_t *bytes;

    if (model_words(model, &serial, &word)) {
        mw_heap_set_word(self->heap, ref, serial, model->serial);
        mw_heap_set_word(self->heap, ref, word, model->word);
    }
    if (!model_has_bytes(model))
        return;
    mw_heap_raw_enter(self->heap);
    bytes = mw_heap_raw(self->heap, ref);
    for (uint32_t i = 0; i < model->length; i++)
        bytes[i] = model_byte(model, i);
    mw_heap_raw_leave(self->heap);
}

static void open_new(struct shadow *self, struct mw_ref ref, struct model *model)
{
    if (mw_ref_is_none(ref) && self->run->may_fail) {
        require(self, mw_heap_error(self->heap) == -ENOMEM, "a failure is not for want of memory");
        return;
    }
    self->large += model->length >= LARGE_REFS ? model_bytes(model) : 0;
    open_handle(self, ref, model);
    require(self, !is_array(model->shape) || mw_heap_length(self->heap, ref) == model->length,
            "a length differs");
    write_content(self, model, ref);
}

static void create(struct shadow *self)
{
    static const enum shape often[] = {NODE, NODE, NODE,  WIDE,    REFS,  REFS,
                                       REFS, TEXT, BYTES, STRUCTS, CUSTOM};
    enum shape shape = often[pick(self, sizeof(often) / sizeof(often[0]))];
    uint32_t length = is_array(shape) ? pick_length(self, shape) : 0;
    struct model *model = model_create(&self->models, shape, length);

    require(self, model != NULL, "no memory for the model");
    open_new(self, heap_create(self, model), model);
}

/* The custom shape is one. */
static struct model *pair_of(struct shadow *self, struct model *first, struct model *second)
{
    struct model *model = model_create(&self->models, CUSTOM, 0);

    require(self, model != NULL, "no memory for the model");
    model->edges[0] = first;
    model->edges[1] = second;
    return model;
}

static void make_pair(struct shadow *self)
{
    struct open_handle *first = any(self), *second = any(self);
    bool nothing = one_in(self, 6);
    struct model *model = pair_of(self, first->model, nothing ? NULL : second->model);
    struct mw_ref last = nothing ? mw_ref_none() : second->ref;

    open_new(self, mw_heap_new_pair(self->heap, self->types[CUSTOM], first->ref, last), model);
}

/* ---- operations on objects ---- */

static void store(struct shadow *self)
{
    struct open_handle *holder = any(self), *value = any(self);
    uint32_t edges = model_edges(holder->model);
    bool nothing = one_in(self, 6);
    uint32_t edge;

    if (edges == 0)
        return;
    edge = pick(self, edges);
    holder->model->edges[edge] = nothing ? NULL : value->model;
    mw_heap_set(self->heap, holder->ref, model_edge_index(holder->model, edge),
                nothing ? mw_ref_none() : value->ref);
}

static void load(struct shadow *self)
{
    struct open_handle *holder = any(self);
    uint32_t edges = model_edges(holder->model);
    uint32_t edge;

    if (edges == 0)
        return;
    edge = pick(self, edges);
    open_handle(self, mw_heap_get(self->heap, holder->ref, model_edge_index(holder->model, edge)),
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
    require(self, mw_heap_copy(self->heap, to->ref, to_at, from->ref, from_at, count) == 0,
            "a copy was refused");
}

static void write_word(struct shadow *self)
{
    struct open_handle *of = any(self);

    of->model->word = next_byte(self);
    write_content(self, of->model, of->ref);
}

static void read_word(struct shadow *self)
{
    const struct open_handle *of = any(self);
    size_t serial, word;

    require(self, mw_heap_type_of(self->heap, of->ref) == self->types[of->model->shape],
            "a type differs");
    if (model_words(of->model, &serial, &word))
        require(self, mw_heap_get_word(self->heap, of->ref, word) == of->model->word,
                "a word differs");
}

static void count_release(void *data)
{
    ((struct outside *)data)->released++;
}

static void attach(struct shadow *self)
{
    struct open_handle *of = any(self);
    struct outside *outside = outside_create(&self->models, of->model);

    require(self, outside != NULL, "no memory for the model");
    require(self, mw_heap_attach_external(self->heap, of->ref, 1, count_release, outside) == 0,
            "external bytes were refused");
}

/* All that is attached to it goes at once, and nothing else does. The object is reachable, so none
 * of it was released before but by this. */
static void let_go(struct shadow *self)
{
    struct open_handle *of = any(self);
    size_t bytes = 0;

    for (size_t i = 0; i < self->models.outside_count; i++) {
        struct outside *outside = self->models.outsides[i];

        if (outside->owner != of->model || outside->let_go)
            continue;
        outside->let_go = true;
        bytes++;
    }
    of->model->owned = 0;
    require(self, mw_heap_release_external(self->heap, of->ref) == bytes,
            "other bytes were released than were attached");
    for (size_t i = 0; i < self->models.outside_count; i++)
        if (self->models.outsides[i]->owner == of->model)
            require(self, self->models.outsides[i]->released == 1,
                    "memory outside was not released when the program said so");
}

/* ---- operations on roots ---- */

static void set_global(struct shadow *self)
{
    unsigned i = pick(self, GLOBALS);
    bool nothing = one_in(self, 3);
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

/* Destroys a global and makes it anew. */
static void renew_global(struct shadow *self)
{
    bool weak = one_in(self, 3);
    unsigned i = pick(self, weak ? WEAKS : GLOBALS);
    struct mw_global **global = weak ? &self->weaks[i] : &self->globals[i];
    struct open_handle *value = any(self);

    *(weak ? &self->weak_models[i] : &self->global_models[i]) = value->model;
    *global = mw_global_destroy(self->heap, *global);
    require(self, mw_global_create(self->heap, value->ref, weak, global) == 0,
            "a global was refused");
}

static void duplicate(struct shadow *self)
{
    struct open_handle *of = any(self);

    open_handle(self, mw_heap_dup(self->heap, of->ref), of->model);
}

static void assign(struct shadow *self)
{
    struct open_handle *to = any(self), *from = any(self);

    mw_heap_assign(self->heap, to->ref, from->ref);
    to->model = from->model;
    require(self, mw_heap_same(self->heap, to->ref, from->ref), "an assignment was not done");
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
    if (one_in(self, 2)) {
        mw_scope_close(scope);
        self->handle_count = self->scope_starts[self->scope_count];
        return;
    }
    ref = mw_scope_escape(scope, kept->ref);
    self->handle_count = self->scope_starts[self->scope_count];
    open_handle(self, ref, model);
}

static void leave_with_pair(struct shadow *self)
{
    struct open_handle *first = any(self), *second = any(self);
    struct model *model = pair_of(self, first->model, second->model);
    struct mw_ref ref;

    if (self->scope_count == 1)
        return;
    ref = mw_scope_escape_pair(&self->scopes[--self->scope_count], self->types[CUSTOM], first->ref,
                               second->ref);
    self->handle_count = self->scope_starts[self->scope_count];
    open_new(self, ref, model);
}

/* Closing the outermost one closes all. */
static void drop_handles(struct shadow *self)
{
    while (self->scope_count > 0)
        mw_scope_close(&self->scopes[--self->scope_count]);
    self->handle_count = 0;
    open_scope(self);
}

/* ---- operations on the heap ---- */

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

static void compact(struct shadow *self)
{
    mw_heap_collect(self->heap, MW_COLLECT_COMPACT);
    compare(self, true);
}

static size_t most_semi_space(const struct shadow_run *run)
{
    return run->semi_space_max != 0 ? run->semi_space_max : run->semi_space;
}

/* A limit near to what is held, and back again: the program must not notice. */
static void squeeze(struct shadow *self)
{
    size_t least = mw_heap_limit_min(most_semi_space(self->run)), parts = 1 + pick(self, 64);
    struct mw_heap_numbers numbers;
    int error;

    mw_heap_get_numbers(self->heap, &numbers);
    error = mw_heap_set_limit(self->heap, least + (numbers.limit - least) / 64 * parts);
    require(self, error == 0 || error == -EBUSY, "a limit was refused for no reason");
    compare(self, false);
    require(self, mw_heap_set_limit(self->heap, numbers.limit) == 0, "the old limit was refused");
}

static void snapshot(struct shadow *self)
{
    take_snapshot(self, SNAPSHOT_AT_ONCE);
}

/* Marks ahead of a snapshot, so that the program goes on between slices. What comes before the
 * first one changes nothing for it. */
static void snapshot_step(struct shadow *self)
{
    while (mw_heap_snapshot_step(self->heap, 0) && !self->heap->marker.active)
        ;
}

/* Whether marking is done by then or not. */
static void snapshot_begun(struct shadow *self)
{
    take_snapshot(self, SNAPSHOT_BEGUN + pick(self, SNAPSHOT_WAYS - SNAPSHOT_BEGUN));
}

/* All places together have the bytes of all that can be reached. */
static void sites(struct shadow *self)
{
    struct mw_heap_site rows[SITES];
    size_t count = 0, bytes = 0;
    int error = mw_heap_get_sites(self->heap, rows, SITES, &count);

    require(self, error == 0 || (error == -ENOMEM && self->run->may_fail), "sites were not told");
    require(self, count <= SITES, "there are more sites than places");
    for (size_t i = 0; i < count; i++)
        bytes += rows[i].retained + rows[i].shared;
    require(self, error < 0 || bytes == reachable_bytes(self), "sites do not sum up");
}

static void step(struct shadow *self)
{
    mw_heap_step(self->heap, 0);
}

/* One of the next calls for memory fails. */
static void fail_mapping(struct shadow *self)
{
    if (self->run->may_fail)
        self->heap->vm.fail_at = self->heap->vm.calls + 1 + pick(self, 4);
}

/* At the limit the program lets go of something, or asks for a little more. */
static size_t on_near_limit(void *context, size_t limit, size_t initial)
{
    struct shadow *self = context;
    unsigned i = pick(self, GLOBALS);

    require(self, limit >= initial, "the limit is lower than it was");
    if (one_in(self, 8))
        return limit + RAISE;
    self->global_models[i] = NULL;
    mw_global_set(self->heap, self->globals[i], mw_ref_none());
    return 0;
}

/* Each as often as it stands here. A fuzzer's bytes choose by number: new ones go to the end. */
static void (*const operations[])(struct shadow *) = {
    create,     create,     create,        create,         create,       create,
    create,     create,     store,         store,          store,        store,
    store,      store,      load,          load,           copy,         set_global,
    set_global, set_weak,   store,         copy,           get_global,   open_scope,
    create,     open_scope, close_scope,   close_scope,    write_word,   read_word,
    attach,     duplicate,  assign,        step,           renew_global, drop_handles,
    minor,      major,      fail_mapping,  compact,        snapshot,     sites,
    squeeze,    let_go,     snapshot_step, snapshot_begun, make_pair,    leave_with_pair,
};

/* Collections cost much more than all else: streams ask for them by two bytes. */
static uint32_t rarity(void (*operation)(struct shadow *))
{
    if (operation == major || operation == compact || operation == snapshot ||
        operation == snapshot_begun || operation == sites || operation == squeeze)
        return 8;
    return operation == minor || operation == drop_handles ? 2 : 1;
}

static void operate(struct shadow *self)
{
    unsigned i = pick(self, sizeof(operations) / sizeof(operations[0]));
    void (*operation)(struct shadow *) = operations[i];

    if (self->handle_count > HANDLES - 4)
        drop_handles(self);
    if (self->handle_count == 0)
        create(self);
    else if (one_in(self, rarity(operation)))
        operation(self);
}

/* ---- a run ---- */

static void begin(struct shadow *self, const struct shadow_run *run)
{
    struct mw_heap_config config;

    self->run = run;
    mw_heap_config_default(&config);
    config.limit = run->limit;
    config.semi_space = run->semi_space;
    config.semi_space_max = most_semi_space(run);
    config.scavenge_us = run->scavenge_us;
    config.modes = run->modes;
    config.context = self;
    config.misuse = on_misuse;
    config.near_limit = run->may_fail ? on_near_limit : NULL;
    require(self, mw_heap_create(&config, &self->heap) == 0, "the heap was not created");
    require(self, model_add_types(self->heap, self->types) == 0, "a type was refused");
    for (int i = 0; i < GLOBALS; i++)
        mw_global_create(self->heap, mw_ref_none(), false, &self->globals[i]);
    for (int i = 0; i < WEAKS; i++)
        mw_global_create(self->heap, mw_ref_none(), true, &self->weaks[i]);
    self->file = memfd_create("snapshot", MFD_CLOEXEC);
    require(self, self->file >= 0, "there is no file for snapshots");
    open_scope(self);
}

static void end(struct shadow *self)
{
    mw_heap_destroy(self->heap);
    close(self->file);
    for (size_t i = 0; i < self->models.outside_count; i++)
        require(self, self->models.outsides[i]->released == 1,
                "memory outside was not released with the heap");
    models_deinit(&self->models);
}

uint64_t shadow_run(const struct shadow_run *run, struct mw_heap_numbers *ret)
{
    struct shadow *self = calloc(1, sizeof(*self));
    uint64_t checksum;

    if (self == NULL)
        abort();
    begin(self, run);
    for (; self->at < run->size; self->operations++)
        operate(self);
    minor(self);
    major(self);
    mw_heap_get_numbers(self->heap, ret);
    checksum = self->checksum;
    end(self);
    free(self);
    return checksum;
}
