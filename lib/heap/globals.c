/* Globals: handles that no scope closes. Those that may hold a young object stand in a list of
 * their own, so that a scavenge does not look at the thousands that do not. */
#include "heap/heap_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { YOUNG_FIRST = 64 };

/* Room for all of them, so that mw_global_set() cannot fail. */
static int make_room(struct mw_heap *self)
{
    struct mw_globals *globals = &self->globals;
    size_t capacity = globals->young_capacity == 0 ? YOUNG_FIRST : 2 * globals->young_capacity;
    struct mw_global **young;

    if (globals->count < globals->young_capacity)
        return 0;
    young = realloc(globals->young, capacity * sizeof(struct mw_global *));
    if (young == NULL)
        return -ENOMEM;
    self->malloced += (capacity - globals->young_capacity) * sizeof(struct mw_global *);
    globals->young = young;
    globals->young_capacity = capacity;
    return 0;
}

static void set_value(struct mw_heap *self, struct mw_global *global, uintptr_t value)
{
    struct mw_globals *globals = &self->globals;

    global->value = value;
    if (mw_is_young_object(self, value) && global->young_at == 0) {
        globals->young[globals->young_count++] = global;
        global->young_at = (uint32_t)globals->young_count;
    }
}

int mw_global_create_at(struct mw_heap *self, struct mw_ref ref, bool weak, struct mw_global **ret,
                        const char *where)
{
    MW_GUARD(self);
    struct mw_global *global;
    int error = make_room(self);

    if (error < 0)
        return error;
    global = mw_heap_calloc(self, 1, sizeof(*global));
    if (global == NULL)
        return -ENOMEM;
    global->heap = self;
    global->where = where;
    global->weak = weak;
    global->next = self->globals.first;
    if (global->next != NULL)
        global->next->previous = global;
    self->globals.first = global;
    self->globals.count++;
    set_value(self, global, (uintptr_t)mw_handle_object(self, ref, where));
    *ret = global;
    return 0;
}

struct mw_global *mw_global_destroy(struct mw_heap *self, struct mw_global *global)
{
    struct mw_globals *globals = &self->globals;

    if (global == NULL)
        return NULL;
    if (global->young_at != 0) {
        struct mw_global *last = globals->young[--globals->young_count];

        globals->young[global->young_at - 1] = last;
        last->young_at = global->young_at;
    }
    if (global->previous != NULL)
        global->previous->next = global->next;
    else
        globals->first = global->next;
    if (global->next != NULL)
        global->next->previous = global->previous;
    globals->count--;
    mw_heap_free(self, global, sizeof(*global));
    return NULL;
}

/* Always in a checked heap; the others trust. */
static bool is_own(struct mw_heap *self, const struct mw_global *global, const char *where)
{
    if (!self->front.checked)
        return true;
    if (!mw_heap_right_thread(self, where))
        return false;
    if (global->heap != self)
        mw_misuse(self, MW_MISUSE_HEAP, "the global is not one of this heap", where);
    return global->heap == self;
}

/* A handle that is no good changes nothing. */
void mw_global_set_at(struct mw_heap *self, struct mw_global *global, struct mw_ref ref,
                      const char *where)
{
    MW_GUARD(self);
    const uintptr_t *object = mw_handle_object(self, ref, where);

    if (is_own(self, global, where) && (object != NULL || mw_ref_is_none(ref)))
        set_value(self, global, (uintptr_t)object);
}

struct mw_ref mw_global_get_at(struct mw_heap *self, const struct mw_global *global,
                               const char *where)
{
    if (!is_own(self, global, where))
        return mw_ref_none();
    return global->value != 0 ? mw_heap_push(self, global->value) : mw_ref_none();
}

void mw_globals_deinit(struct mw_heap *self)
{
    while (self->globals.first != NULL)
        mw_global_destroy(self, self->globals.first);
    free(self->globals.young);
}
