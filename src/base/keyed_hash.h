/* NH, the universal hash of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway, 1999), with words of
 * 64 bits. It sums up products of the text's words, to each of which a word of the key is added.
 *
 *     (t0 + k0) * (t1 + k1)  +  (t2 + k2) * (t3 + k3)  +  ...      modulo 2^128
 *
 * Two texts of one length have one hash with a chance of at most 2^-64 over the keys. This holds
 * for texts that were chosen without any knowledge of the key. Hashes betray the key, so they must
 * never leave the process. */
#ifndef KEYED_HASH_H
#define KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

#define HASH_LEAST 8u
#define HASH_MOST  2048u

struct hash_key {
    uint64_t words[HASH_MOST / 8];
};

struct hash128 {
    uint64_t low, high;
};

__extension__ typedef unsigned __int128 hash_sum;

static inline hash_sum hash_product(const uint64_t *key, const uint8_t *one, const uint8_t *two)
{
    return (hash_sum)(get64(one) + key[0]) * (get64(two) + key[1]);
}

/* Returns the hash of n bytes, HASH_LEAST to HASH_MOST. What remains of 16 bytes is read with bytes
 * before it, so every byte is in a word. */
static inline struct hash128 keyed_hash(const struct hash_key *key, const void *bytes, size_t n)
{
    const uint8_t *p = bytes, *end = p + n;
    const uint64_t *words = key->words;
    hash_sum sum = 0;
    if (n < 16) {
        sum = hash_product(words, p, end - 8);
    } else {
        for (; end - p > 16; p += 16, words += 2) {
            sum += hash_product(words, p, p + 8);
        }
        sum += hash_product(words, end - 16, end - 8);
    }
    return (struct hash128){(uint64_t)sum, (uint64_t)(sum >> 64)};
}

#endif
