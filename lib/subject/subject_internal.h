/* texts: the bytes of names, each stored once however many subjects have it.
 *
 * A hash table with chains. Names are chosen by whoever starts a process, so the hash is keyed with
 * random bytes: nobody can pick ten thousand names that fall into one chain.
 */
#ifndef MW_SUBJECT_INTERNAL_H
#define MW_SUBJECT_INTERNAL_H
#include "base/hash.h"

#include <stddef.h>
#include <stdint.h>

struct mw_text {
    struct mw_text *next;
    uint64_t hash;
    uint32_t references;
    uint32_t size;
    char bytes[];
};

struct mw_texts {
    struct mw_text **chains; /* a power of two of them */
    size_t chain_count;
    size_t count;
    struct mw_hash_key key;
};

/* Errors   -ENOMEM. */
int mw_texts_init(struct mw_texts *self);
/* Texts still referred to are freed too. Takes an object that is all zero. */
void mw_texts_deinit(struct mw_texts *self);

/* The stored text with these bytes, with one more reference; NULL when memory is out. */
struct mw_text *mw_texts_get(struct mw_texts *self, const char *bytes, size_t size);
/* Drops one reference; the last one frees the text. Takes NULL. */
void mw_texts_put(struct mw_texts *self, struct mw_text *text);
#endif
