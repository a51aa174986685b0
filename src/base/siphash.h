/* SipHash-1-3: a hash of bytes under a secret key. Who does not know the key can make no two texts
 * of one hash, except by chance. Pure functions. */
#ifndef SIPHASH_H
#define SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t k0, k1;
};

/* Returns the hash of n bytes. */
uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t n);

#endif
