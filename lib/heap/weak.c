/* Weak references, once marking has ended. (A scavenge sees to the young ones by itself.) */
#include "heap/heap_internal.h"

void mw_weak_clear(struct mw_heap *self)
{
    for (struct mw_global *global = self->globals.first; global != NULL; global = global->next)
        if (global->weak && global->value != 0 && !mw_mark_is_live(self, global->value))
            global->value = 0;
}
