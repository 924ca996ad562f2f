/* Globals: handles that no scope closes. Those that may hold a young object stand in a list of
 * their own, so that a scavenge does not look at the thousands that do not. Weak ones, of which a
 * table of texts has tens of thousands, stand behind all others, where marking does not look, and
 * in an array, so that the pause that looks at all of them can fetch the next ones meanwhile. */
#include "heap/heap_internal.h"

#include <errno.h>
#include <stdlib.h>

enum { ROOM_FIRST = 64 };

static int fit(struct mw_heap *self, struct mw_global ***array, size_t *capacity, size_t count)
{
    size_t room = *capacity == 0 ? ROOM_FIRST : 2 * *capacity;
    struct mw_global **memory;

    if (count < *capacity)
        return 0;
    memory = realloc(*array, room * sizeof(struct mw_global *));
    if (memory == NULL)
        return -ENOMEM;
    self->malloced += (room - *capacity) * sizeof(struct mw_global *);
    *array = memory;
    *capacity = room;
    return 0;
}

/* Room for all of them, so that mw_global_set() cannot fail. */
static int make_room(struct mw_heap *self, bool weak)
{
    struct mw_globals *globals = &self->globals;
    int error = fit(self, &globals->young, &globals->young_capacity, globals->count);

    if (error == 0 && weak)
        error = fit(self, &globals->weak, &globals->weak_capacity, globals->weak_count);
    return error;
}

/* Before the first of its kind. */
static void link_in(struct mw_globals *globals, struct mw_global *global)
{
    struct mw_global *next = global->weak ? globals->first_weak : globals->first;
    struct mw_global *previous = next != NULL ? next->previous : globals->last;

    global->next = next;
    global->previous = previous;
    if (next != NULL)
        next->previous = global;
    else
        globals->last = global;
    if (previous != NULL)
        previous->next = global;
    else
        globals->first = global;
    if (global->weak)
        globals->first_weak = global;
    globals->count++;
}

static void link_out(struct mw_globals *globals, struct mw_global *global)
{
    if (globals->first_weak == global)
        globals->first_weak = global->next;
    if (global->previous != NULL)
        global->previous->next = global->next;
    else
        globals->first = global->next;
    if (global->next != NULL)
        global->next->previous = global->previous;
    else
        globals->last = global->previous;
    globals->count--;
}

static void put_in_weak(struct mw_globals *globals, struct mw_global *global)
{
    global->weak_at = (uint32_t)globals->weak_count;
    globals->weak[globals->weak_count++] = global;
}

static void take_out_of_weak(struct mw_globals *globals, const struct mw_global *global)
{
    struct mw_global *last = globals->weak[--globals->weak_count];

    globals->weak[global->weak_at] = last;
    last->weak_at = global->weak_at;
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
    const uintptr_t *object;
    int error;

    if (!mw_heap_right_thread(self, where))
        return -EPERM;
    object = mw_handle_object(self, ref, where);
    if (object == NULL && !mw_ref_is_none(ref))
        return -EPERM;
    error = make_room(self, weak);
    if (error < 0)
        return error;
    global = mw_heap_calloc(self, 1, sizeof(*global));
    if (global == NULL)
        return -ENOMEM;
    global->heap = self;
    global->where = where;
    global->weak = weak;
    link_in(&self->globals, global);
    if (weak)
        put_in_weak(&self->globals, global);
    set_value(self, global, (uintptr_t)object);
    *ret = global;
    return 0;
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

static void drop(struct mw_heap *self, struct mw_global *global)
{
    struct mw_globals *globals = &self->globals;

    if (global->young_at != 0) {
        struct mw_global *last = globals->young[--globals->young_count];

        globals->young[global->young_at - 1] = last;
        last->young_at = global->young_at;
    }
    link_out(globals, global);
    if (global->weak)
        take_out_of_weak(globals, global);
    mw_heap_free(self, global, sizeof(*global));
}

/* Misuse is told with the place that created it: this call has none. */
struct mw_global *mw_global_destroy(struct mw_heap *self, struct mw_global *global)
{
    if (global != NULL && is_own(self, global, global->where))
        drop(self, global);
    return NULL;
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
    return global->value != 0 ? mw_heap_push(self, global->value) : mw_heap_nothing(self);
}

void mw_globals_deinit(struct mw_heap *self)
{
    while (self->globals.first != NULL)
        drop(self, self->globals.first);
    free(self->globals.young);
    free(self->globals.weak);
}
