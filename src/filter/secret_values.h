/* Values under a name of a secret: a lexer's token is a word of a language, a service's is not.
 *
 * Threads: pure functions of their arguments. */
#ifndef SECRET_VALUES_H
#define SECRET_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "secret_names.h"

/* Returns whether to redact a text, or an int, whose name is of this class. */
int secret_value(enum secret_class class, const char *text, size_t len);
int secret_number(enum secret_class class, int64_t number);

#endif
