/* Calls that something other than a hook has seen, and tells by on_call() and on_return()
 * (relive/sessions): they are calls of the recording as all others are. */
#ifndef GIVEN_CALLS_H
#define GIVEN_CALLS_H

#include "compat.h"

/* Adds the functions that Python sees. 0, or -1 with an exception. */
int given_calls_add(PyObject *module);

#endif
