/* Text for a terminal. Names of files may hold control characters; these become escapes. */
#ifndef SAFE_TEXT_H
#define SAFE_TEXT_H

#include <stddef.h>

/* A text as every verb shows it (_run.safe), cut to `size`: nothing in it commands a terminal. */
void safe_text(char *out, size_t size, const char *text);

#endif
