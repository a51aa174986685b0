/* The dictionary: strings and code objects by content, each with a number from 1 up.
 *
 * Whoever has a number keeps it (a code object in its co_extra), so the dictionary is asked only
 * for what is new, and it may forget. It keeps what values name. Of code objects and the names in
 * their definitions it remembers those that were asked for last, DICTIONARY_RECENT at least: a
 * program that makes functions without end does not make it grow, and equal functions are one
 * definition all the same, unless so many others came between.
 * The recorder's lock guards it. */
#ifndef DICTIONARY_H
#define DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "map.h"

#define DICTIONARY_RECENT 8192u

struct dictionary {
    /* kind byte + payload -> number */
    struct strmap kept;
    struct strmap recent, older; /* when `recent` is full it becomes `older`, which is forgotten */
    uint32_t next_string, next_code;
    struct bytes_out pending; /* entries that no DICT block holds yet */
    struct bytes_out scratch;
};

void dictionary_fini(struct dictionary *dictionary);
/* The number of (kind, payload), made where it is new (*is_new = 1). 0: no memory, no number. */
uint32_t dictionary_number(struct dictionary *dictionary, unsigned kind, int is_kept,
                           const void *data, size_t len, int *is_new);

#endif
