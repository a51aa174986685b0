/* Watches of the debugger, as relive.debug.watches sees them. */
#ifndef MOD_WATCHES_H
#define MOD_WATCHES_H

#include "compat.h"

/* Adds the functions to the module. Returns 0, or -1 with an exception. */
int mod_watches_add(PyObject *module);
/* Ends all: the debugger stops. */
void mod_watches_clear(void);

#endif
