/* Secrets that no name announces: they begin in a known way, or their check digits are right.
 *
 *   form                              example                           function
 *   token of a service                ghp_16C7e42F292c6912E7710c838347  secret_form()
 *   JSON web token                    eyJhbGciOi.eyJzdWIi.SflKxwRJ      secret_form()
 *   private key                       -----BEGIN RSA PRIVATE KEY-----   secret_private_key()
 *   Authorization header              Bearer abc..., Basic YWxh...      secret_scheme()
 *   password or token in an address   https://user:x@host               secret_url()
 *   card number, IBAN                 4111 1111 1111 1111               secret_digits()
 *
 * Each function returns the end of the secret, or 0; those with `begin` set where it begins, the
 * others begin at i.
 *
 * Threads: pure functions of their arguments, after secret_forms_fill(). */
#ifndef SECRET_FORMS_H
#define SECRET_FORMS_H

#include "secret_text.h"

/* At "://". */
size_t secret_url(const struct text *t, size_t i, size_t *begin);
/* Where a word begins. */
size_t secret_scheme(const struct text *t, size_t i, size_t *begin);
/* At "-----BEGIN ". */
size_t secret_private_key(const struct text *t, size_t i);
/* At the first byte of a token; the word around i ends at `end`, or 0 where i is before it. */
size_t secret_form(const struct text *t, size_t i, size_t end);
/* At the first digit of a card number or the first letter of an IBAN. */
size_t secret_digits(const struct text *t, size_t i);
/* Adds CLASS_FIRST to the table. After secret_text_fill(). */
void secret_forms_fill(void);

#endif
