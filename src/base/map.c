/* Why: interning and frame tables need a small hash table that tests can make fail.
 *
 *    slot     3     4     5     6         keys hash to their home slot; a collision goes one on
 *    key      a(3)  b(3)  c(5)  .
 *    remove a: b(3) moves into slot 3, c(5) stays at its home: no tombstones
 *
 * Invariants: capacity is a power of two, at most 3/4 full. A search from the home slot of a key
 * meets the key before any free slot. */
#include "map.h"

#include <string.h>

#include "alloc.h"

void u64map_fini(struct u64map *map)
{
    rl_free(map->entries);
    memset(map, 0, sizeof *map);
}

void u64map_clear(struct u64map *map)
{
    if (map->entries != NULL) {
        memset(map->entries, 0, map->capacity * sizeof *map->entries);
    }
    map->count = 0;
}

/* Returns the slot of a key, or the free slot where it would be. */
static size_t find_u64(const struct u64map *map, uint64_t key)
{
    size_t mask = map->capacity - 1;
    size_t i = (size_t)map_mix(key) & mask;
    while (map->entries[i].key != 0 && map->entries[i].key != key) {
        i = (i + 1) & mask;
    }
    return i;
}

/* Doubles the capacity and inserts all keys again. */
static int grow_u64(struct u64map *map)
{
    struct u64map bigger = {0};
    bigger.capacity = map->capacity != 0 ? map->capacity * 2 : 16;
    bigger.entries = rl_zalloc(bigger.capacity, sizeof *bigger.entries);
    if (bigger.entries == NULL) {
        return -1;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].key != 0) {
            bigger.entries[find_u64(&bigger, map->entries[i].key)] = map->entries[i];
        }
    }
    bigger.count = map->count;
    rl_free(map->entries);
    *map = bigger;
    return 0;
}

int u64map_put(struct u64map *map, uint64_t key, uint64_t value)
{
    if ((map->count + 1) * 4 > map->capacity * 3 && grow_u64(map) != 0) {
        return -1;
    }
    size_t i = find_u64(map, key);
    if (map->entries[i].key == 0) {
        map->entries[i].key = key;
        map->count++;
    }
    map->entries[i].value = value;
    return 0;
}

uint64_t *u64map_get(const struct u64map *map, uint64_t key)
{
    if (map->count == 0) {
        return NULL;
    }
    size_t i = find_u64(map, key);
    return map->entries[i].key != 0 ? &map->entries[i].value : NULL;
}

/* Removes a key. Later keys move into the hole, unless that is before their home slot. */
int u64map_remove(struct u64map *map, uint64_t key, uint64_t *value)
{
    if (map->count == 0) {
        return 0;
    }
    size_t mask = map->capacity - 1;
    size_t hole = find_u64(map, key);
    if (map->entries[hole].key == 0) {
        return 0;
    }
    if (value != NULL) {
        *value = map->entries[hole].value;
    }
    for (size_t i = (hole + 1) & mask; map->entries[i].key != 0; i = (i + 1) & mask) {
        size_t home = (size_t)map_mix(map->entries[i].key) & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->entries[hole] = map->entries[i];
            hole = i;
        }
    }
    map->entries[hole].key = 0;
    map->count--;
    return 1;
}

uint64_t map_hash_bytes(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15) ^ len;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        h = map_mix(h ^ word) + UINT64_C(0x9e3779b97f4a7c15);
    }
    uint64_t tail = 0;
    memcpy(&tail, p, len);
    return map_mix(h ^ tail);
}

void strmap_fini(struct strmap *map)
{
    for (size_t i = 0; i < map->capacity; i++) {
        rl_free(map->entries[i].key);
    }
    rl_free(map->entries);
    memset(map, 0, sizeof *map);
}

/* Returns the slot of a key, or the free slot where it would be. */
static size_t find_str(const struct strmap *map, const void *key, size_t len, uint64_t hash)
{
    size_t mask = map->capacity - 1;
    size_t i = (size_t)hash & mask;
    while (map->entries[i].key != NULL &&
           !(map->entries[i].hash == hash && map->entries[i].len == len &&
             memcmp(map->entries[i].key, key, len) == 0)) {
        i = (i + 1) & mask;
    }
    return i;
}

static int grow_str(struct strmap *map)
{
    size_t capacity = map->capacity != 0 ? map->capacity * 2 : 16;
    struct strmap_entry *entries = rl_zalloc(capacity, sizeof *entries);
    if (entries == NULL) {
        return -1;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].key != NULL) {
            size_t j = (size_t)map->entries[i].hash & (capacity - 1);
            while (entries[j].key != NULL) {
                j = (j + 1) & (capacity - 1);
            }
            entries[j] = map->entries[i];
        }
    }
    rl_free(map->entries);
    map->entries = entries;
    map->capacity = capacity;
    return 0;
}

int strmap_put(struct strmap *map, const void *key, size_t len, uint32_t value)
{
    if (len > UINT32_MAX || ((map->count + 1) * 4 > map->capacity * 3 && grow_str(map) != 0)) {
        return -1;
    }
    uint64_t hash = map_hash_bytes(key, len);
    size_t i = find_str(map, key, len, hash);
    if (map->entries[i].key == NULL) {
        uint8_t *copy = rl_alloc(len, 1);
        if (copy == NULL) {
            return -1;
        }
        if (len != 0) {
            memcpy(copy, key, len);
        }
        map->entries[i] = (struct strmap_entry){copy, (uint32_t)len, value, hash};
        map->count++;
    }
    map->entries[i].value = value;
    return 0;
}

const uint32_t *strmap_get(const struct strmap *map, const void *key, size_t len)
{
    if (map->count == 0) {
        return NULL;
    }
    size_t i = find_str(map, key, len, map_hash_bytes(key, len));
    return map->entries[i].key != NULL ? &map->entries[i].value : NULL;
}
