#include "base/hash.h"

#include <string.h>
#include <sys/random.h>

struct state {
    uint64_t a, b, c, d;
};

static uint64_t rotate(uint64_t word, int by)
{
    return word << by | word >> (64 - by);
}

static void stir(struct state *h)
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

static void absorb(struct state *h, uint64_t word)
{
    h->d ^= word;
    stir(h);
    h->a ^= word;
}

uint64_t mw_hash(const struct mw_hash_key *key, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    struct state h = {key->words[0] ^ 0x736f6d6570736575u, key->words[1] ^ 0x646f72616e646f6du,
                      key->words[0] ^ 0x6c7967656e657261u, key->words[1] ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)size << 56;
    uint64_t word;

    for (; size >= sizeof(word); bytes += sizeof(word), size -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        absorb(&h, word);
    }
    for (size_t i = 0; i < size; i++)
        last |= (uint64_t)bytes[i] << (8 * i);
    absorb(&h, last);
    h.c ^= 0xff;
    stir(&h);
    stir(&h);
    stir(&h);
    return h.a ^ h.b ^ h.c ^ h.d;
}

struct mw_hash_key mw_hash_key_make(const void *salt)
{
    struct mw_hash_key key;

    if (getrandom(&key, sizeof(key), GRND_NONBLOCK) != (ssize_t)sizeof(key)) {
        key.words[0] = (uintptr_t)salt;
        key.words[1] = (uintptr_t)&key;
    }
    return key;
}
