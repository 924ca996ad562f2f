/* hash: SipHash-1-3 (Aumasson and Bernstein), for tables whose keys strangers choose: quick on
 * short texts and not predictable without the key.
 */
#ifndef MW_BASE_HASH_H
#define MW_BASE_HASH_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mw_hash_key {
    uint64_t words[2];
};

/* A key that others do not know. Early at boot the kernel may have no random bytes yet; addresses
 * are then key enough: the hash is a guard against spite, not a secret that must be kept. */
struct mw_hash_key mw_hash_key_make(const void *salt);

uint64_t mw_hash(const struct mw_hash_key *key, const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif
