/* What a code object is called. Before 3.11 a code object does not know its qualified name: the
 * bytecode that makes the function does. Under the GIL. */
#ifndef CODENAME_H
#define CODENAME_H

#include "compat.h"

/* Takes a co_extra index; once a process. -1 with an exception. */
int codename_init(void);
/* Stores the names of the functions that `code` makes. Does nothing where code knows its own. */
void codename_learn(PyCodeObject *code);
/* The qualified name: owned; NULL = unknown. */
PyObject *codename_get(PyCodeObject *code, PyObject *globals);
/* From here on the code is called so. */
void codename_keep(PyCodeObject *code, PyObject *name);

/* The function with this code that an entry of a dictionary means: itself, below a staticmethod,
 * classmethod or property, or below one decorator. Borrowed, or NULL. */
PyFunctionObject *codename_function(PyObject *value, PyCodeObject *code);

#endif
