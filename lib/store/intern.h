/* intern: texts, each stored once as long as somebody refers to it.
 *
 * The table itself keeps no text alive: after the last reference is gone the next collection takes
 * the text, and the table notices by and by. Equal texts are one object, so mw_heap_same() compares
 * them. The hash is keyed: strangers may choose texts.
 *
 * Bound    `texts`, those alive and those that no collection has looked at yet.
 */
#ifndef MW_STORE_INTERN_H
#define MW_STORE_INTERN_H
#include "heap/heap.h"
#include "store/row.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mw_store;
struct mw_intern;

enum { MW_INTERN_TEXT_MAX = 64 * 1024 };

/* Owner    the caller. Errors   -EINVAL texts is 0 or over 2^24, -ENOMEM. */
int mw_intern_create(struct mw_store *store, size_t texts, struct mw_intern **ret);
struct mw_intern *mw_intern_destroy(struct mw_intern *self);

/* The object of a text: BYTES, no NUL. The caller holds a handle, and should store it somewhere.
 * Errors   -EINVAL over MW_INTERN_TEXT_MAX; -ENOSPC the bound is reached: a collection may help;
 *          -ENOMEM. */
int mw_intern_get(struct mw_intern *self, const void *text, size_t size, struct mw_ref *ret);

struct mw_intern_numbers {
    size_t texts, limit;
    size_t bytes;                     /* of the texts' objects */
    uint64_t hits, misses, collected; /* totals; collected ones are counted when noticed */
};

/* The first one after a collection of the heap looks at every text. */
void mw_intern_get_numbers(struct mw_intern *self, struct mw_intern_numbers *ret);
/* As a cache: evictions are texts that were collected. */
void mw_intern_get_row(struct mw_intern *self, struct mw_store_row *ret);

#ifdef __cplusplus
}
#endif
#endif
