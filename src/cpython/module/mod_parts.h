/* Parts of a recording that goes on (restart.h), for Python. */
#ifndef MOD_PARTS_H
#define MOD_PARTS_H

#include "compat.h"

/* Adds to the module the functions that relive.testing calls. */
int mod_parts_add(PyObject *module);

#endif
