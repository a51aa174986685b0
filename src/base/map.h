/* Two hash tables with open addressing:
 *
 *   u64map   uint64_t -> uint64_t; the key 0 is not allowed, so callers often store key + 1
 *   strmap   bytes -> uint32_t; keys are copied
 *
 * Both probe linearly, so a search reads neighbouring cache lines. u64map_remove() moves later keys
 * back and leaves no mark. So searches stay short, however often keys come and go.
 *
 * To visit all keys, walk entries[0..capacity): a key of 0, or NULL in a strmap, is a free slot.
 * The order means nothing.
 *
 * A struct of zeros is an empty map. Threads: the caller locks. */
#ifndef MAP_H
#define MAP_H

#include <stddef.h>
#include <stdint.h>

struct u64map {
    struct u64map_entry {
        uint64_t key;
        uint64_t value;
    } *entries; /* owned */
    size_t capacity;
    size_t count;
};

void u64map_fini(struct u64map *map);
/* Adds or replaces a value. Returns 0, or -1 without memory; then the map is unchanged. */
int u64map_put(struct u64map *map, uint64_t key, uint64_t value);
/* Returns a pointer to the value, valid until the next change, or NULL. */
uint64_t *u64map_get(const struct u64map *map, uint64_t key);
/* Removes a key and returns whether it was there. Stores its value in *value, unless value is
 * NULL. */
int u64map_remove(struct u64map *map, uint64_t key, uint64_t *value);
/* Removes all keys and keeps the memory. */
void u64map_clear(struct u64map *map);

struct strmap {
    struct strmap_entry {
        uint8_t *key; /* owned; NULL = free */
        uint32_t len;
        uint32_t value;
        uint64_t hash;
    } *entries; /* owned */
    size_t capacity;
    size_t count;
};

void strmap_fini(struct strmap *map);
/* As u64map_put() and u64map_get(). There is no removal. */
int strmap_put(struct strmap *map, const void *key, size_t len, uint32_t value);
const uint32_t *strmap_get(const struct strmap *map, const void *key, size_t len);

/* Mixes 64 bits, for keys that are addresses or ordinals. */
static inline uint64_t map_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    return x;
}

uint64_t map_hash_bytes(const void *data, size_t len);

#endif
