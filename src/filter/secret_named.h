/* Secrets that a text itself names: password=x, "token": "x", <pin>x</pin>, --password x. The name
 * decides as that of a variable does (secret_names.h); only the value is a secret.
 *
 *   Authorization: Bearer abc123            function             called at
 *   ^             ^ ^           ^           secret_named()       the sign : or =
 *   |             | begin       end         secret_in_tag()      the > of an opening tag
 *   name          i                         secret_in_query()    the % of %3D and %3A
 *                                           secret_option()      the dash of an option
 *
 * Each function returns the end of the secret and sets *begin; 0 = no secret here.
 *
 * Invariant: each call looks back at most 200 bytes. Forward it reads what it returns, or at most
 * 1024 bytes of what it rejects. So a search stays linear.
 *
 * Threads: pure functions of their arguments, after secret_text_fill(). */
#ifndef SECRET_NAMED_H
#define SECRET_NAMED_H

#include "secret_text.h"

/* name=value and name: value, quoted or not, and {"name": "password", "value": "x"}. */
size_t secret_named(const struct text *t, size_t i, size_t *begin);
/* <name>value</name>. */
size_t secret_in_tag(const struct text *t, size_t i, size_t *begin);
/* name%3Dvalue, name%22%3A%22value%22. */
size_t secret_in_query(const struct text *t, size_t i, size_t *begin);
/* --name value, curl -u user:value, mysql -pvalue. */
size_t secret_option(const struct text *t, size_t i, size_t *begin);
/* Returns whether the value that begins at i is a placeholder, or a word such as None or required
 * that is never a secret. */
int secret_is_harmless(const struct text *t, size_t i);

#endif
