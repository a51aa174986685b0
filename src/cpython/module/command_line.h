/* The command line of the process, as it may be written into a recording. */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include "compat.h"

/* Returns the words that the interpreter was started with; the process owns them. None where a
 * program that embeds it gave none. */
wchar_t **command_line_raw(int *count);
/* The same as sys.orig_argv has them, which came with 3.10: a new list, or NULL with an
 * exception. */
PyObject *command_line_words(void);
/* Returns the words without the secrets in them, a new list, or NULL with an exception.
 *
 *     --password hunter2     the value of an option that is named like a secret is hidden
 *     https://u:p@host/      so is a text that has the form of a secret
 *     -c CODE                each text in quotes is emptied, since a recording holds no source */
PyObject *command_line_clean(PyObject *words);

#endif
