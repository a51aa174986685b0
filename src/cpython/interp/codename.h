/* The qualified names of code objects. Before 3.11 a code object does not have its own; the
 * bytecode that makes the function loads the name. Under the GIL. */
#ifndef CODENAME_H
#define CODENAME_H

#include "compat.h"

/* Takes a co_extra index, once per process. Returns 0, or -1 with an exception. */
int codename_init(void);
/* Stores the names of the functions that `code` makes. Does nothing from 3.11 on. */
void codename_learn(PyCodeObject *code);
/* Returns the qualified name, owned, or NULL where it is unknown. Before 3.11 a name that was not
 * stored is searched in `globals`. */
PyObject *codename_get(PyCodeObject *code, PyObject *globals);
/* Stores `name` as the code's qualified name, in place of any earlier one. */
void codename_keep(PyCodeObject *code, PyObject *name);

/* Returns the function with this code that `value`, an entry of a dictionary, stands for. That is
 * `value` itself, or what a staticmethod, classmethod, property or one decorator wraps (through
 * `__wrapped__`). Borrowed, or NULL. */
PyFunctionObject *codename_function(PyObject *value, PyCodeObject *code);

#endif
