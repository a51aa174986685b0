/* What is a secret without any rule: values under well-known names, and well-known forms of text.
 * docs/security.md lists all of them.
 *
 *   secrets.h   find secrets in a text, in one pass
 *      |
 *      +-- secret_forms.h   forms that need no name: tokens, keys, addresses, card numbers
 *      |      |
 *      +------+-- secret_named.h    name and value inside a text: password=x
 *                    |
 *                    +-- secret_values.h   does a value fit its name?
 *                    +-- secret_names.h    is a name that of a secret?
 *                           |
 *                           +-- secret_words.h   what single words mean
 *
 * The code is written by hand, without PCRE2, because every captured text comes through here.
 *
 * Invariant: the time is linear in the length of the text, whatever the text is.
 *
 * Threads: one at a time, under the GIL in the recorder; tables are filled on first use. Beside
 * them, one thread may call secret_parts_apart(). */
#ifndef SECRETS_H
#define SECRETS_H

#include <stddef.h>

#include "secret_names.h"
#include "secret_values.h"

/* No form is shorter. */
#define SECRET_LEAST 6u

#define SECRET_PARTS 32u
struct secret_part {
    size_t begin, end;
};

/* Finds the parts of a text that are secrets, in order, at most SECRET_PARTS; returns how many.
 * The last possible part reaches to the end of the text. is_cut: the text goes on beyond `len`.
 * Then an incomplete form at its end counts as a secret. */
size_t secret_parts(const char *text, size_t len, int is_cut, struct secret_part *parts);
/* Does the same for the writer thread, beside the recorder's threads. secrets_prepare() has filled
 * the tables before. */
size_t secret_parts_apart(const char *text, size_t len, struct secret_part *parts);
void secrets_prepare(void);
/* Merges two ordered lists into `out`, which has room for SECRET_PARTS. Overlapping parts become
 * one. `len` is the length of the text. */
size_t secret_merge(const struct secret_part *a, size_t a_count, const struct secret_part *b,
                    size_t b_count, size_t len, struct secret_part *out);
/* Copies a text with `mark` in the place of each part, as far as `size` bytes allow. Returns the
 * bytes written. */
size_t secret_replace(const char *text, size_t len, const struct secret_part *parts, size_t count,
                      const char *mark, char *out, size_t size);
/* Returns whether a text contains a secret. */
int secret_text(const char *text, size_t len);

#endif
