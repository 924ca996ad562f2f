/* leaks KIND leak|healthy A B: a program that serves requests on a managed heap, and saves a
 * snapshot before and after the second lot of them. One kind of mistake is planted, or it is not:
 *   scope   each request opens a scope, which is never closed
 *   cache   answers are kept, with no limit
 *   queue   messages are put in, and nobody takes them out */
#include "heap/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 20, SECOND = 400, SLOTS = 1024, CACHE_LIMIT = 10, BODY_BYTES = 1000 };
enum { BODY, NEXT, FIELDS };

struct program {
    struct mw_heap *heap;
    const struct mw_heap_type *session, *entry, *message, *queue, *slots, *body;
    struct mw_global *cache, *inbox;
    size_t served;
    bool leaks;
};

static void fail(const char *what)
{
    fprintf(stderr, "leaks: %s\n", what);
    exit(EXIT_FAILURE);
}

static struct mw_ref made(struct mw_ref ref)
{
    if (mw_ref_is_none(ref))
        fail("an object cannot be made");
    return ref;
}

static const struct mw_heap_type *add_type(struct program *self, const char *name,
                                           enum mw_heap_kind kind)
{
    static const struct mw_heap_field fields[] = {{"body", BODY}, {"next", NEXT}};
    bool fixed = kind == MW_KIND_FIXED;
    struct mw_heap_type_info info = {name,          kind, fixed ? FIELDS : 0, fixed ? fields : NULL,
                                     fixed ? 2 : 0, NULL};
    const struct mw_heap_type *type;

    if (mw_heap_add_type(self->heap, &info, &type) < 0)
        fail("a type cannot be added");
    return type;
}

static struct mw_ref new_with_body(struct program *self, const struct mw_heap_type *type)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref object = made(mw_heap_new(self->heap, type));

    mw_heap_set(self->heap, object, BODY,
                made(mw_heap_new_array(self->heap, self->body, BODY_BYTES, MW_PLACE_YOUNG)));
    return mw_scope_escape(&scope, object);
}

/* ---- the kinds ---- */

static void serve_session(struct program *self)
{
    struct mw_scope scope = mw_scope_open(self->heap);

    new_with_body(self, self->session);
    if (!self->leaks)
        mw_scope_close(&scope);
}

static void serve_cached(struct program *self)
{
    MW_SCOPE(scope, self->heap);
    size_t slot = self->leaks ? self->served : self->served % CACHE_LIMIT;

    mw_heap_set(self->heap, mw_global_get(self->heap, self->cache), slot,
                new_with_body(self, self->entry));
}

static void send_message(struct program *self)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref message = new_with_body(self, self->message);
    struct mw_ref inbox = mw_global_get(self->heap, self->inbox);

    if (self->leaks)
        mw_heap_set(self->heap, message, NEXT, mw_heap_get(self->heap, inbox, BODY));
    mw_heap_set(self->heap, inbox, BODY, message);
}

/* ---- all together ---- */

static struct mw_global *hold(struct program *self, struct mw_ref ref)
{
    struct mw_global *global = NULL;

    if (mw_global_create(self->heap, ref, false, &global) < 0)
        fail("a global cannot be made");
    return global;
}

static void create(struct program *self)
{
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    if (mw_heap_create(&config, &self->heap) < 0)
        fail("the heap cannot be made");
    self->session = add_type(self, "Session", MW_KIND_FIXED);
    self->entry = add_type(self, "CacheEntry", MW_KIND_FIXED);
    self->message = add_type(self, "Message", MW_KIND_FIXED);
    self->queue = add_type(self, "Queue", MW_KIND_FIXED);
    self->slots = add_type(self, "CacheSlots", MW_KIND_REFS);
    self->body = add_type(self, "Body", MW_KIND_BYTES);
    MW_SCOPE(scope, self->heap);
    self->cache =
        hold(self, made(mw_heap_new_array(self->heap, self->slots, SLOTS, MW_PLACE_YOUNG)));
    self->inbox = hold(self, made(mw_heap_new(self->heap, self->queue)));
}

static void serve(struct program *self, const char *kind, unsigned count)
{
    for (unsigned i = 0; i < count; i++, self->served++)
        if (strcmp(kind, "scope") == 0)
            serve_session(self);
        else if (strcmp(kind, "cache") == 0)
            serve_cached(self);
        else
            send_message(self);
}

static void save(struct program *self, const char *path)
{
    struct mw_heap_snapshot_report report;

    if (mw_heap_snapshot_save(self->heap, path, &report) < 0)
        fail(report.why);
}

int main(int argc, char **argv)
{
    struct program self = {.served = 0};

    if (argc != 5)
        fail("scope|cache|queue leak|healthy A B");
    self.leaks = strcmp(argv[2], "leak") == 0;
    create(&self);
    serve(&self, argv[1], FIRST);
    save(&self, argv[3]);
    serve(&self, argv[1], SECOND);
    save(&self, argv[4]);
    mw_heap_destroy(self.heap);
    return EXIT_SUCCESS;
}
