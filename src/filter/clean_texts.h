/* Texts in which the search has found no secret. Programs show the same texts again and again.
 *
 *    hash of the text  ->  { hash, length }        the text itself is not kept
 *
 * A text is taken for another one only where both lengths and both hashes agree. The hash is
 * SipHash under a key that is random in each process and leaves it nowhere. Without the key, a text
 * with a secret has the hash of a clean text with a chance of 2^-64 a look-up. A process that looks
 * up a thousand million texts a second would show one secret in 600 years. So 64 bits are enough:
 * there is no way to try offline, and an attacker sees no hash. Where the system has no random
 * numbers yet, nothing is remembered.
 *
 * Threads: one at a time, under the GIL in the recorder. A forked child shares key and texts with
 * its parent. */
#ifndef CLEAN_TEXTS_H
#define CLEAN_TEXTS_H

#include <stddef.h>
#include <stdint.h>

/* The place of a text in the table. */
struct clean_text {
    uint64_t hash;
    uint64_t length; /* with a bit for a text that goes on; 0 = nothing can be remembered */
};

/* Returns the entry for a text. is_cut: the text goes on beyond `len`. */
struct clean_text clean_text_of(const char *text, size_t len, int is_cut);
/* Returns whether the text is known as clean. */
int clean_text_is_known(const struct clean_text *text);
/* Remembers the text as clean. It replaces another one at its place. */
void clean_text_remember(const struct clean_text *text);

#endif
