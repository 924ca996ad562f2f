/* nearest: the name that somebody who mistyped one probably meant. A leaf; no state. */
#ifndef MWD_NEAREST_H
#define MWD_NEAREST_H
#include <stddef.h>

/* The best guess so far; begin with all zero. */
struct mwd_nearest {
    const char *name; /* NULL: none is near */
    unsigned changes; /* bytes to insert, drop or replace */
};

/* Looks at one more name. At most two fifths of it may differ: a guess that is far off sends people
 * the wrong way. Upper and lower case are the same; names over 48 bytes are near to nothing.
 * Returns whether it is the best one now. `name` is borrowed. */
int mwd_nearest_offer(struct mwd_nearest *self, const char *given, size_t size, const char *name);
#endif
