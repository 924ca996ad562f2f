#include "subject/subject_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { CHAINS_MIN = 64 };

static uint64_t rotate(uint64_t word, int by)
{
    return word << by | word >> (64 - by);
}

struct hash {
    uint64_t a, b, c, d;
};

static void stir(struct hash *h)
{
    h->a += h->b;
    h->c += h->d;
    h->b = rotate(h->b, 13) ^ h->a;
    h->d = rotate(h->d, 16) ^ h->c;
    h->a = rotate(h->a, 32);
    h->c += h->b;
    h->a += h->d;
    h->b = rotate(h->b, 17) ^ h->c;
    h->d = rotate(h->d, 21) ^ h->a;
    h->c = rotate(h->c, 32);
}

static void absorb(struct hash *h, uint64_t word)
{
    h->d ^= word;
    stir(h);
    h->a ^= word;
}

/* SipHash-1-3 (Aumasson and Bernstein): quick on short texts and not predictable without the key.
 */
static uint64_t hash_of(const uint64_t key[2], const char *bytes, size_t size)
{
    struct hash h = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                     key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)size << 56;
    uint64_t word;

    for (; size >= sizeof(word); bytes += sizeof(word), size -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        absorb(&h, word);
    }
    for (size_t i = 0; i < size; i++)
        last |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    absorb(&h, last);
    h.c ^= 0xff;
    stir(&h);
    stir(&h);
    stir(&h);
    return h.a ^ h.b ^ h.c ^ h.d;
}

/* Early at boot the kernel may have no random bytes yet. Addresses are then key enough: the hash is
 * a guard against spite, not a secret that must be kept. */
static void make_key(const struct mw_texts *self, uint64_t key[2])
{
    uint64_t bytes[2];

    if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != (ssize_t)sizeof(bytes)) {
        bytes[0] = (uintptr_t)self->chains;
        bytes[1] = (uintptr_t)&bytes;
    }
    memcpy(key, bytes, sizeof(bytes));
}

int mw_texts_init(struct mw_texts *self)
{
    *self = (struct mw_texts){.chain_count = CHAINS_MIN};
    self->chains = calloc(CHAINS_MIN, sizeof(struct mw_text *));
    if (self->chains == NULL)
        return -ENOMEM;
    make_key(self, self->key);
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
    uint64_t hash = hash_of(self->key, bytes, size);
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
