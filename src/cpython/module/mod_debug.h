/* What Python sees of the debugger (debugger.h). */
#ifndef MOD_DEBUG_H
#define MOD_DEBUG_H

#include "compat.h"

/* Adds its functions. 0, or -1 with an exception. */
int mod_debug_add(PyObject *module);

#endif
