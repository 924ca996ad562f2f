/* names: what heaps, queues and caches are called. A leaf.
 *
 * Those of the daemon itself have small numbers for keys, and live as long as it does: their names
 * are a table. Those that others report come and go; each has a place here. A name that went keeps
 * its place, so that its history can still be asked for, until a new one needs it: then the one
 * that went first makes room.
 *
 * Alphabet 1 to 64 ASCII letters, digits and '-', '_', '.', '/', '@', the first one a letter or a
 *          digit: they need no escape in JSON and in labels of metrics.
 * Keys     id: the place and how often it was given away; birth: when the name came, ms since 1970.
 * Bound    MWD_NAMES_MAX a kind, those that went included; MWD_NAMES_OWN beside them for queues
 *          of the daemon that come and go ("sinks/NAME"), which nobody else may take.
 * Threads  the loop's only.
 */
#ifndef MWD_NAMES_H
#define MWD_NAMES_H
#include "sample/sample.h"

#include <sys/types.h>

enum { MWD_NAME_MAX = 64, MWD_NAMES_MAX = 1000, MWD_NAMES_OWN = 128 };

/* What the key of a row of the daemon's own is; birth is 0. */
enum {
    MWD_HEAP_OWN = 1,
    MWD_QUEUE_EVENTS = 1,
    MWD_CACHE_BODIES = 1,
    MWD_CACHE_HISTORY = 2,
    MWD_CACHE_NAMES = 3
};

/* Owners that are no users: whoever has a token, and whoever sends to the UDP address. */
#define MWD_NAME_OF_TOKEN ((uid_t)-1)
#define MWD_NAME_OF_UDP ((uid_t)-2)

struct mwd_names;

/* Owner    the caller; hand *ret to mwd_names_destroy(). Errors -ENOMEM. */
int mwd_names_create(struct mwd_names **ret);
struct mwd_names *mwd_names_destroy(struct mwd_names *self);

bool mwd_name_valid(const char *name, size_t size);
/* Whether subjects of this kind have names that are theirs to choose: heap, queue, cache. */
bool mwd_name_kind(enum mw_kind kind);

/* ---- asking; `self` of NULL knows the daemon's own ---- */

/* NULL when nothing of this kind has that key. The text lives until the place is given away. */
const char *mwd_name_of(const struct mwd_names *self, enum mw_kind kind, struct mw_block_key key);
/* Returns false when nothing of this kind has that name, or had it and is still known. */
bool mwd_name_find(const struct mwd_names *self, enum mw_kind kind, const char *name,
                   struct mw_block_key *ret);
/* The names of a kind that are there, one after the other; NULL behind the last. */
const char *mwd_name_at(const struct mwd_names *self, enum mw_kind kind, uint32_t index);

/* ---- names of others ---- */

struct mwd_name_owner {
    uid_t uid;
    bool admin;
    bool is_daemon; /* it alone has queues that begin with "sinks/" */
};

/* The place of a name, found or given; a name that comes back keeps it and is its finder's. An
 * administrator finds any, and a name that is new to him is his.
 * Errors   -EINVAL no such kind or name, -EEXIST one of the daemon's own, -EACCES another user's,
 *          -ENOSPC all places are taken, -ENOMEM.
 * Returns  1 when it is new, 0 when it was there. */
int mwd_names_take(struct mwd_names *self, enum mw_kind kind, const char *name, size_t size,
                   struct mwd_name_owner owner, int64_t now_ms, uint32_t *ret_place);
/* The place of a name that is there. Errors as above, -ENOENT there is none. */
int mwd_names_look(const struct mwd_names *self, enum mw_kind kind, const char *name, size_t size,
                   struct mwd_name_owner owner, uint32_t *ret_place);
void mwd_names_leave(struct mwd_names *self, enum mw_kind kind, uint32_t place);
/* What another daemon called that key, from its recording: the name is put where it was there.
 * Errors   -EINVAL no such kind or name, or a key that no daemon gives; -EEXIST, -ENOMEM as above.
 */
int mwd_names_know(struct mwd_names *self, enum mw_kind kind, struct mw_block_key key,
                   const char *name, size_t size);

/* Places that were ever given; some of their names may have gone. */
uint32_t mwd_names_places(const struct mwd_names *self, enum mw_kind kind);
/* Zero when its name has gone. */
struct mw_block_key mwd_names_key(const struct mwd_names *self, enum mw_kind kind, uint32_t place);
const char *mwd_names_text(const struct mwd_names *self, enum mw_kind kind, uint32_t place);
uint32_t mwd_names_alive(const struct mwd_names *self, enum mw_kind kind);
#endif
