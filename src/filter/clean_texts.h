/* Texts in which the search has found no secret. Programs show the same texts again and again.
 *
 *    hash of the text  ->  { hash, length }        the text itself is not kept
 *
 * A text is taken for another one only where both lengths and both hashes agree. The hash is a
 * universal one (keyed_hash.h), under a key that is random in each process and leaves it nowhere,
 * like the hashes. Without the key, a text with a secret has the hash of a clean text with a chance
 * of 2^-64 a look-up. A process that looks up a thousand million texts a second would show one
 * secret in 600 years. Where the system has no random numbers yet, nothing is remembered.
 *
 * Threads: one at a time, under the GIL in the recorder. A forked child shares key and texts with
 * its parent. */
#ifndef CLEAN_TEXTS_H
#define CLEAN_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#include "keyed_hash.h"

/* What is kept of a text. */
struct clean_text {
    struct hash128 hash;
    uint64_t length; /* with a bit for a text that goes on; 0 = nothing can be remembered */
};

/* Returns whether the text is known as clean, else fills `entry`. is_cut: the text goes on beyond
 * `len`. */
int clean_text_is_known(const char *text, size_t len, int is_cut, struct clean_text *entry);
/* Remembers a text as clean. It replaces another one at its place. */
void clean_text_remember(const struct clean_text *entry);

#endif
