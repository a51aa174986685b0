/* The type `Calls`: the calls of some functions of an open recording (calls_of.h), and the function
 * where_names(). */
#ifndef MOD_CALLS_H
#define MOD_CALLS_H

#include "compat.h"

/* Adds both to the module; 0 or -1. */
int mod_calls_add(PyObject *module);

#endif
