/* The dictionary: strings and code objects by content, each with a number from 1 up.
 *
 * Whoever has a number keeps it (a code object in its co_extra), so the dictionary is asked only
 * for what is new, and it may forget. Of code objects and the names in their definitions it
 * remembers those that were asked for last, DICTIONARY_RECENT at least: a program that makes
 * functions without end does not make it grow, and equal functions are one definition all the same,
 * unless so many others came between. What values name it keeps until dictionary_is_full(); then
 * the host begins another generation (recorder_next_generation()).
 * The recorder's lock guards it. */
#ifndef DICTIONARY_H
#define DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "map.h"

#define DICTIONARY_RECENT     8192u
#define DICTIONARY_KEPT       16384u
#define DICTIONARY_KEPT_BYTES (1u << 20)

struct dictionary {
    /* kind byte + payload -> number */
    struct strmap kept;
    size_t kept_bytes;
    struct strmap recent, older; /* when `recent` is full it becomes `older`, which is forgotten */
    uint32_t next_string, next_code;
    struct bytes_out pending; /* entries that no DICT block holds yet */
    struct bytes_out scratch;
};

void dictionary_fini(struct dictionary *dictionary);
/* The number of (kind, payload), made where it is new (*is_new = 1). 0: no memory, no number. */
uint32_t dictionary_number(struct dictionary *dictionary, unsigned kind, int is_kept,
                           const void *data, size_t len, int *is_new);

/* The same of something that has a number already, which is defined once more (*is_new = 1) where
 * it is not known any more. */
uint32_t dictionary_again(struct dictionary *dictionary, unsigned kind, uint32_t number,
                          const void *data, size_t len, int *is_new);
/* Whether it keeps more than it should. */
int dictionary_is_full(const struct dictionary *dictionary);
/* Forgets what it keeps. */
void dictionary_forget(struct dictionary *dictionary);
/* Forgets everything, but for these strings (by number): they are defined once more. */
void dictionary_begin_again(struct dictionary *dictionary, const struct u64map *still_used);

#endif
