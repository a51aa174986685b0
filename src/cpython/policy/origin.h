/* Where code comes from, by the path of its file: Relive itself, a library, or the program. Under
 * the GIL. */
#ifndef ORIGIN_H
#define ORIGIN_H

#include "compat.h"

#include <stddef.h>
#include <stdint.h>

/* Code of these files is never recorded: Relive's own. The prefix is copied. */
void origin_exclude(const char *utf8);
/* Code below this folder is a library's: its lines are recorded only where asked for. */
void origin_add_library(const char *utf8);

/* Whether the code is Relive's own. */
int origin_is_excluded(PyCodeObject *code);
/* Whether the code is the program's: not of a library folder, nor frozen into the interpreter. */
int origin_is_own(PyCodeObject *code, PyObject *globals);
/* Writes the path of the file that the code counts to and returns its length. That is the code's
 * own file. Generated code (`<string>`) whose globals belong to a module in a library folder counts
 * to the file of that module. */
size_t origin_put_file(PyCodeObject *code, PyObject *globals, uint8_t *out, size_t size);

#endif
