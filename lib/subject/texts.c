#include "subject/subject_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHAINS_MIN = 64 };

int mw_texts_init(struct mw_texts *self)
{
    *self = (struct mw_texts){.chain_count = CHAINS_MIN};
    self->chains = calloc(CHAINS_MIN, sizeof(struct mw_text *));
    if (self->chains == NULL)
        return -ENOMEM;
    self->key = mw_hash_key_make(self->chains);
    return 0;
}

void mw_texts_deinit(struct mw_texts *self)
{
    for (size_t i = 0; self->chains != NULL && i < self->chain_count; i++) {
        while (self->chains[i] != NULL) {
            struct mw_text *text = self->chains[i];

            self->chains[i] = text->next;
            free(text);
        }
    }
    free(self->chains);
    *self = (struct mw_texts){0};
}

static struct mw_text **chain_of(const struct mw_texts *self, uint64_t hash)
{
    return &self->chains[hash & (self->chain_count - 1)];
}

/* Moves all texts to another number of chains. Without memory for that the old ones go on serving,
 * only longer than they should be. */
static void resize(struct mw_texts *self, size_t chain_count)
{
    struct mw_texts old = *self;
    struct mw_text **chains = calloc(chain_count, sizeof(struct mw_text *));

    if (chains == NULL)
        return;
    self->chains = chains;
    self->chain_count = chain_count;
    for (size_t i = 0; i < old.chain_count; i++) {
        for (struct mw_text *text = old.chains[i], *next; text != NULL; text = next) {
            struct mw_text **chain = chain_of(self, text->hash);

            next = text->next;
            text->next = *chain;
            *chain = text;
        }
    }
    free(old.chains);
}

static struct mw_text *find(const struct mw_texts *self, uint64_t hash, const char *bytes,
                            size_t size)
{
    struct mw_text *text = *chain_of(self, hash);

    while (text != NULL && (text->hash != hash || text->size != size ||
                            (size > 0 && memcmp(text->bytes, bytes, size) != 0)))
        text = text->next;
    return text;
}

static struct mw_text *add(struct mw_texts *self, uint64_t hash, const char *bytes, size_t size)
{
    struct mw_text *text = malloc(sizeof(*text) + size);
    struct mw_text **chain;

    if (text == NULL)
        return NULL;
    if (self->count >= self->chain_count)
        resize(self, self->chain_count * 2);
    chain = chain_of(self, hash);
    *text = (struct mw_text){.next = *chain, .hash = hash, .size = (uint32_t)size};
    if (size > 0)
        memcpy(text->bytes, bytes, size);
    *chain = text;
    self->count++;
    return text;
}

struct mw_text *mw_texts_get(struct mw_texts *self, const char *bytes, size_t size)
{
    uint64_t hash = mw_hash(&self->key, bytes, size);
    struct mw_text *text = find(self, hash, bytes, size);

    if (text == NULL)
        text = add(self, hash, bytes, size);
    if (text != NULL)
        text->references++;
    return text;
}

static void discard(struct mw_texts *self, struct mw_text *text)
{
    struct mw_text **link = chain_of(self, text->hash);

    while (*link != text)
        link = &(*link)->next;
    *link = text->next;
    free(text);
    self->count--;
    if (self->chain_count > CHAINS_MIN && self->count < self->chain_count / 4)
        resize(self, self->chain_count / 2);
}

void mw_texts_put(struct mw_texts *self, struct mw_text *text)
{
    if (text != NULL && --text->references == 0)
        discard(self, text);
}
