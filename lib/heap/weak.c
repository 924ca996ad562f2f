/* Weak references, once marking has ended. (A scavenge sees to the young ones by itself.) */
#include "heap/heap_internal.h"

enum { AHEAD = 16 };

void mw_weak_clear(struct mw_heap *self)
{
    const struct mw_globals *globals = &self->globals;

    for (size_t i = 0; i < globals->weak_count; i++) {
        struct mw_global *global = globals->weak[i];

        if (i + AHEAD < globals->weak_count)
            __builtin_prefetch(globals->weak[i + AHEAD]);
        if (global->value != 0 && !mw_mark_is_live(self, global->value))
            global->value = 0;
    }
}
