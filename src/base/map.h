/* Two hash tables, open addressing with linear probing and backward-shift deletion:
 *   u64map   uint64_t -> uint64_t; the key 0 is not allowed
 *   strmap   bytes -> uint32_t; keys are copied */
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
/* 0, or -1 when there is no memory (the map is then unchanged). */
int u64map_put(struct u64map *map, uint64_t key, uint64_t value);
/* Points at the value until the next change, or NULL. */
uint64_t *u64map_get(const struct u64map *map, uint64_t key);
/* Whether it was there; its value goes to *value where value is not NULL. */
int u64map_remove(struct u64map *map, uint64_t key, uint64_t *value);
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
int strmap_put(struct strmap *map, const void *key, size_t len, uint32_t value);
const uint32_t *strmap_get(const struct strmap *map, const void *key, size_t len);

/* A good 64-bit mix, for keys that are addresses or ordinals. */
static inline uint64_t map_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    return x;
}

uint64_t map_hash_bytes(const void *data, size_t len);

#endif
