/* Calls that another profiler has seen and passes on by on_call() and on_return()
 * (relive/sessions). In the recording they are calls like all others. */
#ifndef GIVEN_CALLS_H
#define GIVEN_CALLS_H

#include "compat.h"

/* Adds the functions that Python sees. 0, or -1 with an exception. */
int given_calls_add(PyObject *module);

#endif
