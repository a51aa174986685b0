/* Text out of Python's strings and dictionaries, without running Python code. A str is transcoded
 * from its own storage, and a dictionary is only searched for exact strings. Under the GIL. */
#ifndef PYTEXT_H
#define PYTEXT_H

#include "compat.h"

#include <stddef.h>
#include <stdint.h>

/* Transcodes a str into at most `size` bytes, cut on a character; "?" for what is no str. */
size_t pytext_put(PyObject *text, uint8_t *out, size_t size);

/* A string in a module's globals: borrowed, NULL where there is none. `*key` keeps the interned
 * name; it lives as long as the process. */
PyObject *pytext_global(PyObject *globals, PyObject **key, const char *name);

/* The `__name__` of a globals dictionary: borrowed, NULL where it is no string. */
PyObject *pytext_module(PyObject *globals);
/* The same as UTF-8, "?" where there is none. Keeps the pending exception. */
void pytext_module_name(PyObject *globals, char *text, size_t size);

#endif
