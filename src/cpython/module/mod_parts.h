/* Parts of a recording that goes on (restart.h), for Python. */
#ifndef MOD_PARTS_H
#define MOD_PARTS_H

#include "compat.h"

struct cut_result;

/* Adds to the module the functions that relive.testing calls. */
int mod_parts_add(PyObject *module);

/* Returns the numbers of a cut as a tuple, in their order: new. */
PyObject *parts_result(const struct cut_result *result);

#endif
