/* The dictionary: strings and code objects by content, each with a number from 1 up.
 * The recorder's lock guards it. */
#ifndef DICTIONARY_H
#define DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "map.h"

struct dictionary {
    struct strmap ids; /* kind byte + payload -> number */
    uint32_t next_string, next_code;
    struct bytes_out pending; /* entries that no DICT block holds yet */
    struct bytes_out scratch;
};

void dictionary_fini(struct dictionary *dictionary);
/* The number of (kind, payload), made where it is new (*is_new = 1). 0: no memory, no number. */
uint32_t dictionary_number(struct dictionary *dictionary, unsigned kind, const void *data,
                           size_t len, int *is_new);

#endif
