/* The type `Calls`: the calls of some functions of an open recording (calls_of.h), and the function
 * where_names(). */
#ifndef MOD_CALLS_H
#define MOD_CALLS_H

#include "compat.h"

#include "where.h"

/* Adds both to the module; 0 or -1. */
int mod_calls_add(PyObject *module);
/* Compiles an expression, None is none. 0, or -1 with an exception. */
int mod_calls_take_where(PyObject *text, struct where **where);

#endif
