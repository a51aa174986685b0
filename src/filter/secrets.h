/* What is a secret by itself: well-known names, in whole words, and well-known forms of text.
 * docs/security.md lists all of them. */
#ifndef SECRETS_H
#define SECRETS_H

#include <stddef.h>

/* No form is shorter. */
#define SECRET_LEAST 9u

int secret_name(const char *name, size_t len);
/* The first part of the text that has the form of a secret. */
int secret_text(const char *text, size_t len, size_t *begin, size_t *end);

#endif
