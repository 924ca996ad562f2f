/* Places that hold memory: handles and globals are gathered by place, what each place keeps is
 * counted, and the way to most of it is put into words. What "keeps" means is in sites.h; how it is
 * found out, in reach.c. */
#include "heap/sites.h"

#include "heap/reach_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define END UINT32_MAX

/* A scope, a global, or the handles outside of all scopes (neither). */
struct member {
    const struct mw_scope_record *scope;
    const struct mw_global *global;
    uint32_t next; /* of the same place */
};

struct place {
    struct mw_heap_site site;
    uint32_t first; /* of its members */
    uint32_t type;  /* that takes the most bytes */
};

struct report {
    struct mw_heap *heap;
    struct place *places; /* MW_SITES_MAX and one for the others */
    size_t count, last;
    struct member *members;
    size_t member_count;
    uintptr_t *roots; /* of one place, MW_PATH_ROOTS at most */
    size_t root_count;
    struct mw_reach reach;
};

/* ---- gathering ---- */

static bool is_same(const struct mw_heap_site *site, enum mw_heap_site_kind kind, const char *where)
{
    return site->kind == kind && (site->where == where || strcmp(site->where, where) == 0);
}

static size_t add_place(struct report *self, enum mw_heap_site_kind kind, const char *where)
{
    self->places[self->count] = (struct place){{.where = where, .kind = kind}, END, 0};
    return self->count++;
}

/* A loop that leaks asks for one place again and again. */
static size_t find_place(struct report *self, enum mw_heap_site_kind kind, const char *where)
{
    if (self->count > 0 && is_same(&self->places[self->last].site, kind, where))
        return self->last;
    for (size_t i = 0; i < self->count; i++)
        if (is_same(&self->places[i].site, kind, where))
            return i;
    if (self->count < MW_SITES_MAX)
        return add_place(self, kind, where);
    return self->count > MW_SITES_MAX ? MW_SITES_MAX : add_place(self, MW_SITE_OTHERS, "");
}

/* The handles of a scope: up to where the next one begins. */
static size_t handles_of(const struct mw_heap *heap, const struct member *member,
                         const uintptr_t **ret_first)
{
    const struct mw_scope_record *next = member->scope != NULL ? member->scope + 1 : heap->scopes;
    const uintptr_t *end = next < heap->front.scope_top ? next->base : heap->front.handle_top;

    *ret_first = member->scope != NULL ? member->scope->base : heap->handles;
    return (size_t)(end - *ret_first);
}

static void add_member(struct report *self, enum mw_heap_site_kind kind, const char *where,
                       struct member member)
{
    struct place *place;
    const uintptr_t *first;

    self->last = find_place(self, kind, where);
    place = &self->places[self->last];
    place->site.open += kind != MW_SITE_LOOSE;
    place->site.handles += member.global != NULL ? 1 : handles_of(self->heap, &member, &first);
    member.next = place->first;
    place->first = (uint32_t)self->member_count;
    self->members[self->member_count++] = member;
}

static void gather(struct report *self)
{
    const struct mw_heap *heap = self->heap;
    const struct member loose = {NULL, NULL, END};
    const uintptr_t *first;

    if (handles_of(heap, &loose, &first) > 0)
        add_member(self, MW_SITE_LOOSE, "", loose);
    for (const struct mw_scope_record *at = heap->scopes; at < heap->front.scope_top; at++)
        add_member(self, MW_SITE_SCOPES, at->where, (struct member){at, NULL, END});
    for (const struct mw_global *at = heap->globals.first; at != NULL; at = at->next)
        if (!at->weak)
            add_member(self, MW_SITE_GLOBALS, at->where, (struct member){NULL, at, END});
}

/* ---- the roots of one place ---- */

typedef void root_fn(struct report *self, uintptr_t root);

static void each_root(struct report *self, const struct place *place, root_fn *each)
{
    for (uint32_t i = place->first; i != END; i = self->members[i].next) {
        const struct member *member = &self->members[i];
        const uintptr_t *first;
        size_t count = 1;

        if (member->global != NULL)
            first = &member->global->value;
        else
            count = handles_of(self->heap, member, &first);
        for (size_t at = 0; at < count; at++)
            each(self, first[at]);
    }
}

static void share_root(struct report *self, uintptr_t root)
{
    mw_reach_share(&self->reach, root);
}

static void count_root(struct report *self, uintptr_t root)
{
    mw_reach_count(&self->reach, root);
}

static void note_root(struct report *self, uintptr_t root)
{
    if (self->root_count < MW_PATH_ROOTS)
        self->roots[self->root_count++] = root;
}

/* ---- counting ---- */

static uint32_t largest_type(const struct report *self)
{
    uint32_t largest = MW_TYPE_FIRST;

    for (uint32_t i = MW_TYPE_FIRST; i < self->heap->types.count; i++)
        if (self->reach.type_bytes[i] > self->reach.type_bytes[largest])
            largest = i;
    return largest;
}

static void count_place(struct report *self, struct place *place)
{
    mw_reach_count_begin(&self->reach);
    each_root(self, place, count_root);
    place->site.retained = self->reach.retained;
    place->site.shared = self->reach.shared;
    place->type = largest_type(self);
}

static int compare(size_t left, size_t right)
{
    return (left < right) - (left > right);
}

static int by_handles(const void *left, const void *right)
{
    return compare(((const struct place *)left)->site.handles,
                   ((const struct place *)right)->site.handles);
}

static int by_bytes(const void *left, const void *right)
{
    const struct mw_heap_site *a = &((const struct place *)left)->site;
    const struct mw_heap_site *b = &((const struct place *)right)->site;
    int order = compare(a->retained + a->shared, b->retained + b->shared);

    return order != 0 ? order : compare(a->handles, b->handles);
}

static void count_all(struct report *self)
{
    qsort(self->places, self->count, sizeof(struct place), by_handles);
    for (size_t i = 0; i < self->count; i++) {
        each_root(self, &self->places[i], share_root);
        mw_reach_share_end(&self->reach);
    }
    mw_reach_clear(&self->reach, MW_REACH_BEFORE);
    for (size_t i = 0; i < self->count; i++)
        count_place(self, &self->places[i]);
    qsort(self->places, self->count, sizeof(struct place), by_bytes);
}

/* ---- words ---- */

static void tell_path(struct report *self, struct place *place)
{
    static const char *const froms[] = {
        [MW_SITE_SCOPES] = "handle at ",
        [MW_SITE_GLOBALS] = "global at ",
        [MW_SITE_LOOSE] = "handle outside of scopes",
        [MW_SITE_OTHERS] = "handle of another place",
    };
    char from[MW_SITE_PATH_MAX];

    if (place->site.retained + place->site.shared == 0)
        return;
    snprintf(from, sizeof(from), "%s%s", froms[place->site.kind], place->site.where);
    self->root_count = 0;
    each_root(self, place, note_root);
    mw_path_format(&self->reach, self->roots, self->root_count, place->type, from,
                   place->site.path);
}

/* ---- the whole ---- */

static int report_init(struct report *self, struct mw_heap *heap)
{
    size_t members = (size_t)(heap->front.scope_top - heap->scopes) + heap->globals.count + 1;

    *self = (struct report){.heap = heap};
    self->places = calloc(MW_SITES_MAX + 1, sizeof(struct place));
    self->members = calloc(members, sizeof(struct member));
    self->roots = calloc(MW_PATH_ROOTS, sizeof(uintptr_t));
    if (self->places == NULL || self->members == NULL || self->roots == NULL)
        return -ENOMEM;
    return mw_reach_init(&self->reach, heap);
}

static void report_deinit(struct report *self)
{
    if (self->reach.heap != NULL)
        mw_reach_deinit(&self->reach);
    free(self->roots);
    free(self->members);
    free(self->places);
}

static void fill_in(struct report *self, struct mw_heap_site *ret, size_t capacity,
                    size_t *ret_count)
{
    gather(self);
    count_all(self);
    for (size_t i = 0; i < self->count && i < capacity; i++) {
        tell_path(self, &self->places[i]);
        ret[i] = self->places[i].site;
    }
    *ret_count = self->count;
}

int mw_heap_get_sites_at(struct mw_heap *self, struct mw_heap_site *ret, size_t capacity,
                         size_t *ret_count, const char *where)
{
    MW_GUARD(self);
    struct report report;
    int error;

    if (!mw_heap_right_thread(self, where) || self->collecting)
        return -EPERM;
    mw_callbacks_begin(self);
    error = report_init(&report, self);
    if (error == 0)
        fill_in(&report, ret, capacity, ret_count);
    report_deinit(&report);
    mw_callbacks_end(self, false);
    return error;
}
