/* names: what the heaps, queues and caches of this daemon are called. A leaf.
 *
 * Their rows in blocks have small numbers for keys, and live as long as the daemon: their names are
 * a table. Names are ASCII letters, digits, '-' and '_'.
 */
#ifndef MWD_NAMES_H
#define MWD_NAMES_H
#include "sample/sample.h"

enum { MWD_NAME_MAX = 64 }; /* bytes that a question may have for a name */

/* What the key of a row is; birth is 0. */
enum { MWD_HEAP_OWN = 1, MWD_QUEUE_EVENTS = 1, MWD_CACHE_BODIES = 1, MWD_CACHE_HISTORY = 2 };

/* NULL when nothing of this kind has that key. The text lives for ever. */
const char *mwd_name_of(enum mw_kind kind, struct mw_block_key key);
/* Returns false when nothing of this kind has that name. */
bool mwd_name_find(enum mw_kind kind, const char *name, struct mw_block_key *ret);
/* The names of a kind, one after the other; NULL behind the last. */
const char *mwd_name_at(enum mw_kind kind, uint32_t index);
#endif
