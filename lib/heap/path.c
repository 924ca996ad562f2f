/* The way from a root to an object, in words.
 *
 * Found by going from object to object in the order in which they are met, so it is a shortest one.
 * What waits is bounded: of a structure that is wider than that, a part is looked at, and where
 * that part has no such object the way is told without what lies between.
 */
#include "heap/reach_internal.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    STEPS_HEAD = 6, /* of a long way, these are told */
    STEPS_TAIL = 5,
    STEPS = STEPS_HEAD + STEPS_TAIL,
};

#define NONE UINT32_MAX

struct search {
    struct mw_reach *reach;
    struct mw_step *queue;
    size_t count, at;
    uint32_t type;
    struct mw_step found; /* object 0: nothing yet */
};

static void meet(struct search *self, uintptr_t object, uint32_t parent, uint32_t word)
{
    struct mw_step step = {object, parent, word};

    if (object == 0 || self->found.object != 0 || mw_reach_enter(self->reach, MW_REACH_NOW, object))
        return;
    if (mw_header_type(*(uint64_t *)object) == self->type)
        self->found = step;
    else if (self->count < MW_PATH_QUEUE)
        self->queue[self->count++] = step;
}

/* Has the form of a visit. NOLINTNEXTLINE(readability-non-const-parameter) */
static void meet_slot(void *context, uintptr_t *slot)
{
    struct search *self = context;
    const uintptr_t *holder = (const uintptr_t *)self->queue[self->at].object;

    meet(self, *slot, (uint32_t)self->at, (uint32_t)(slot - holder - 1));
}

static void search(struct search *self, const uintptr_t *roots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        meet(self, roots[i], NONE, 0);
    for (; self->at < self->count && self->found.object == 0; self->at++) {
        uintptr_t *object = (uintptr_t *)self->queue[self->at].object;

        mw_visit_object(self->reach->heap->types.shapes, object, object[0], meet_slot, self);
    }
}

/* ---- words ---- */

struct text {
    char *at;
    size_t left;
};

static __attribute__((format(printf, 2, 3))) void put(struct text *self, const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(self->at, self->left, format, arguments);
    va_end(arguments);
    if (size > 0 && (size_t)size >= self->left)
        size = (int)self->left - 1;
    self->at += size > 0 ? size : 0;
    self->left -= size > 0 ? (size_t)size : 0;
}

static const char *field_name(const struct mw_type_entry *entry, uint32_t word)
{
    for (uint32_t i = 0; i < entry->field_count; i++)
        if (entry->field_words[i] == word)
            return entry->field_names[i];
    return "";
}

/* The reference in `holder` that the step went along. */
static void put_step(struct text *self, const struct mw_heap *heap, uintptr_t holder,
                     const struct mw_step *step)
{
    const struct mw_type_entry *entry = heap->types.entries[mw_header_type(*(uint64_t *)holder)];
    const char *name = entry->type.name;
    uint32_t word = step->word;

    switch (entry->kind) {
    case MW_KIND_FIXED:
        put(self, " -> %s.%s", name, field_name(entry, word));
        break;
    case MW_KIND_STRUCTS:
        put(self, " -> %s[%u].%s", name, word / entry->words,
            field_name(entry, word % entry->words));
        break;
    default:
        put(self, " -> %s[%u]", name, word);
        break;
    }
}

static size_t length_of(const struct search *self)
{
    size_t length = 0;

    for (uint32_t at = self->found.parent; at != NONE; at = self->queue[at].parent)
        length++;
    return length;
}

/* From the root on: the step that leads from the n-th object to the next one. */
static const struct mw_step *step_at(const struct search *self, size_t length, size_t n)
{
    const struct mw_step *step = &self->found;

    while (length-- > n + 1)
        step = &self->queue[step->parent];
    return step;
}

static void put_way(struct text *text, const struct search *self)
{
    size_t length = length_of(self);

    for (size_t n = 0; n < length; n++) {
        const struct mw_step *step = step_at(self, length, n);

        if (length > STEPS && n == STEPS_HEAD) {
            put(text, " -> (%zu more)", length - STEPS);
            n = length - STEPS_TAIL - 1;
        } else {
            put_step(text, self->reach->heap, self->queue[step->parent].object, step);
        }
    }
}

void mw_path_format(struct mw_reach *self, const uintptr_t *roots, size_t count, uint32_t type,
                    const char *from, char ret[MW_SITE_PATH_MAX])
{
    struct search found = {.reach = self, .queue = self->queue, .type = type};
    struct text text = {.left = MW_SITE_PATH_MAX};

    text.at = ret;
    mw_reach_clear(self, MW_REACH_NOW);
    search(&found, roots, count);
    put(&text, "%s", from);
    if (found.found.object != 0)
        put_way(&text, &found);
    else
        put(&text, " -> ...");
    put(&text, " -> %s", self->heap->types.entries[type]->type.name);
}
