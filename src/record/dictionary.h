/* The dictionary maps strings and code objects, by content, to numbers from 1 up.
 *
 * Callers keep the numbers that they have; a code object has its own in co_extra. A lookup happens
 * only for what is new, and the dictionary may forget:
 *
 *   recent --full--> older --full again--> forgotten    code objects, and names in their
 * definitions kept --dictionary_is_full()--> a new generation     what values name (types, keys,
 * modules)
 *
 * `recent` bounds the memory of a program that makes functions without end. Equal functions still
 * share one definition, unless DICTIONARY_RECENT others came between.
 *
 * Threads: guarded by the recorder's lock. */
#ifndef DICTIONARY_H
#define DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "map.h"

#define DICTIONARY_RECENT     8192u      /* entries of `recent` before it becomes `older` */
#define DICTIONARY_KEPT       16384u     /* entries of `kept` that make the dictionary full */
#define DICTIONARY_KEPT_BYTES (1u << 20) /* bytes of their keys that do so */

struct dictionary {
    struct strmap kept; /* each map: kind byte + payload -> number */
    size_t kept_bytes;
    struct strmap recent, older;
    uint32_t next_string, next_code;
    struct bytes_out pending; /* entries that no DICT block holds yet */
    struct bytes_out scratch; /* the key of the current lookup */
};

void dictionary_fini(struct dictionary *dictionary);
/* Returns the number of (kind, payload). New content gets one (*is_new = 1). Returns 0 without
 * memory, or when all numbers are taken. */
uint32_t dictionary_number(struct dictionary *dictionary, unsigned kind, int is_kept,
                           const void *data, size_t len, int *is_new);

/* Returns `number`, which the content has already. Defines it again (*is_new = 1) where the
 * dictionary has forgotten it. */
uint32_t dictionary_again(struct dictionary *dictionary, unsigned kind, uint32_t number,
                          const void *data, size_t len, int *is_new);
/* Returns whether a new generation is due. */
int dictionary_is_full(const struct dictionary *dictionary);
/* Empties `kept`. */
void dictionary_forget(struct dictionary *dictionary);
/* Forgets everything but the strings in `still_used` (by number), which it defines again. */
void dictionary_begin_again(struct dictionary *dictionary, const struct u64map *still_used);

#endif
